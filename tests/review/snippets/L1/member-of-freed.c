#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct link {
	int control;
	int data;
	int state;
};

struct link *link_open(void)
{
	struct link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	link->data = -1;
	return link;
}

int link_start(struct link *link)
{
	link->data = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return link->data < 0 ? -1 : 0;
}

void link_free(struct link *link) // L1
{
	if (link->control >= 0)
		close(link->control);
	free(link);
}

struct wire {
	int up;
	int state;
};

int wire_start(struct wire *wire)
{
	wire->up = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return wire->up < 0 ? -1 : 0;
}

static void wire_end(struct wire *wire)
{
	if (wire->up >= 0)
		close(wire->up);
	wire->up = -1;
}

void wire_free(struct wire *wire)
{
	wire_end(wire);
	free(wire);
}
