#include <stdlib.h>

struct stack {
	void *at[32];
	unsigned n;
};

void good_pop(struct stack *s, unsigned wanted)
{
	while (s->n > wanted)
		free(s->at[--s->n]);
	if (s->n > 0)
		free(s->at[--s->n]);
}

void good_count_by_member(struct stack *s)
{
	free(s->at[s->n]);
	s->n++;
	free(s->at[s->n]);
}

void bad_same(struct stack *s)
{
	free(s->at[s->n]);
	free(s->at[s->n]); // L4
}

void bad_three(struct stack *s, unsigned n)
{
	free(s->at[3]);
	s->n = n;
	free(s->at[3]); // L4
}
