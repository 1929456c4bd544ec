#include "caller.h"

static void cut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void wire_end(struct wire *w)
{
	cut(&w->fd);
}

void caller_end(struct caller *c)
{
	wire_end(&c->wire);
	free(c->name);
	free(c);
}

/* Only the name goes. */
void caller_forget(struct caller *c)
{
	free(c->name);
	free(c);
}
