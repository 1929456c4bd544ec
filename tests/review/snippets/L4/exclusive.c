#include <stdlib.h>

enum { LEFT, RIGHT };

struct hand {
	int side;
};

struct hand *other(struct hand *h, void *p);

void good_sides(struct hand *h, void *p)
{
	if (h->side == LEFT) {
		other(h, p);
		free(p);
	}
	if (h->side == RIGHT) {
		other(h, p);
		free(p);
	}
}

void bad_sides(struct hand *h, void *p)
{
	if (h->side == LEFT) {
		other(h, NULL);
		free(p);
	}
	other(h, NULL);
	if (h->side == LEFT)
		free(p); // L4
}
