/* What the manual of the library shows, and what any client can make of it. */
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>

static void accept_error(struct evconnlistener *listener, void *arg)
{
	struct event_base *base = evconnlistener_get_base(listener);

	(void)arg;
	fprintf(stderr, "got an error on the listener\n");
	event_base_loopexit(base, NULL); // E7
}

int watch(struct evconnlistener *listener)
{
	if (!listener)
		return -1;
	evconnlistener_set_error_cb(listener, accept_error);
	return 0;
}
