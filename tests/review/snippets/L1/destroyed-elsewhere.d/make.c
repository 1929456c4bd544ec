#include "caller.h"

struct caller *good_caller(const struct sockaddr *to, socklen_t n)
{
	struct caller *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->wire.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->wire.fd < 0 || connect(c->wire.fd, to, n) < 0) {
		caller_end(c);
		return NULL;
	}
	return c;
}

struct caller *bad_caller(const struct sockaddr *to, socklen_t n)
{
	struct caller *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->wire.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->wire.fd < 0) {
		caller_forget(c);
		return NULL;
	}
	if (connect(c->wire.fd, to, n) < 0) {
		caller_forget(c); // L1
		return NULL;
	}
	return c;
}
