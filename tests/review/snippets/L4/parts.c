#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
	struct client *next;
	int fd, dead;
	char *name;
};

static void client_type(struct client *c)
{
	socklen_t size = sizeof(int);
	int type = 0;

	if (getsockopt(c->fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0)
		printf("%d\n", type);
}

static void client_close(struct client *c)
{
	shutdown(c->fd, SHUT_RDWR);
	close(c->fd);
}

static void list_remove(struct client **list, struct client *gone)
{
	for (; *list; list = &(*list)->next)
		if (*list == gone) {
			*list = gone->next;
			return;
		}
}

/* What a helper uses of it was closed before. */
void leave(struct client **list, struct client *c)
{
	close(c->fd);
	list_remove(list, c);
	client_type(c); // L4
	free(c);
}

/* A helper closed it, and left the number. */
void twice(struct client *c)
{
	client_close(c);
	close(c->fd); // L4
	c->fd = -1;
}
