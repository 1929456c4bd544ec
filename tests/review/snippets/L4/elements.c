/* The same element twice. */
#include <unistd.h>

struct pool {
	int fd[64];
	unsigned n;
};

void twice(struct pool *d)
{
	close(d->fd[d->n]);
	close(d->fd[d->n]); // L4
}
