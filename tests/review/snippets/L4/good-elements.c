/* Each element is another one, though the text that names it is the same. */
#include <stdlib.h>
#include <unistd.h>

struct pool {
	void *p[64];
	int fd[64];
	unsigned n;
};

void shrink(struct pool *d, int how_many)
{
	for (int i = 0; i < how_many; i++) {
		if (d->n > 0)
			free(d->p[--d->n]);
		else
			d->p[d->n++] = malloc(1);
	}
	while (d->n > 0)
		free(d->p[--d->n]);
}

void last_two(struct pool *d, int i)
{
	close(d->fd[i - 1]);
	i--;
	close(d->fd[i - 1]);
	d->n--;
	close(d->fd[d->n]);
	d->n--;
	close(d->fd[d->n]);
}
