#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
	int fd, dead;
	char *name;
};

static void client_type(struct client *c)
{
	socklen_t size = sizeof(int);
	int type = 0;

	if (c->dead)
		return;
	if (getsockopt(c->fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0)
		printf("%d\n", type);
}

static void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void client_open(struct client *c)
{
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void client_print(const struct client *c)
{
	printf("%s was %d\n", c->name, c->fd);
}

/* It asks first. */
void guarded(struct client *c)
{
	c->dead = 1;
	close(c->fd);
	client_type(c);
}

/* It forgets the number. */
void forgets(struct client *c)
{
	client_close(c);
	client_close(c);
	if (c->fd >= 0)
		close(c->fd);
}

/* It is another one by now. */
void reopened(struct client *c)
{
	close(c->fd);
	client_open(c);
	if (c->fd < 0)
		return;
	shutdown(c->fd, SHUT_RD);
	close(c->fd);
}

void only_printed(struct client *c)
{
	close(c->fd);
	client_print(c);
}

void two_of_them(struct client *a, struct client *b)
{
	close(a->fd);
	shutdown(b->fd, SHUT_RD);
	close(b->fd);
}
