#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

void forget(int fd);

struct plug {
	int wire;
	char *label;
};

static void wire_drop(struct plug *p)
{
	if (p->wire != -1) {
		forget(p->wire);
		close(p->wire);
	}
	p->wire = -1;
}

static void plug_drop(struct plug *p)
{
	if (!p)
		return;
	wire_drop(p);
	free(p->label);
	free(p);
}

/* Leaves the wire open. */
static void plug_free(struct plug *p)
{
	if (!p)
		return;
	free(p->label);
	free(p);
}

struct plug *good_plug(const struct sockaddr *to, socklen_t n)
{
	struct plug *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->wire = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->wire < 0 || connect(p->wire, to, n) < 0) {
		plug_drop(p);
		return NULL;
	}
	return p;
}

struct plug *bad_plug(const struct sockaddr *to, socklen_t n)
{
	struct plug *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->wire = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->wire < 0) {
		plug_free(p);
		return NULL;
	}
	if (connect(p->wire, to, n) < 0) {
		plug_free(p); // L1
		return NULL;
	}
	return p;
}
