#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
	int fd;
	char *name;
	char *address;
	const char *kind;
	struct client *next;
};

static struct client *all;

int client_new(int server, const char *name, const char *address)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return -1;
	c->fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	if (c->fd < 0) {
		free(c);
		return -1;
	}
	c->name = strdup(name);
	c->address = strdup(address);
	c->kind = "client";
	c->next = all;
	all = c;
	return 0;
}

void client_free(struct client *c) // L7
{
	close(c->fd);
	free(c->name);
	free(c);
}

struct guest {
	int fd;
	char *label;
};

static void forget(char **text)
{
	free(*text);
	*text = NULL;
}

int guest_name(struct guest *g, const char *label)
{
	g->label = strdup(label);
	return g->label && send(g->fd, label, strlen(label), MSG_NOSIGNAL) == (ssize_t)strlen(label) ? 0 : -1;
}

void guest_free(struct guest *g)
{
	forget(&g->label);
	close(g->fd);
	free(g);
}
