#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>

static void ended(struct bufferevent *bev, short what, void *arg)
{
	(void)what;
	(void)arg;
	bufferevent_free(bev);
}

/* With the flag, bufferevent_free() closes the descriptor. */
static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int size,
		     void *arg)
{
	struct bufferevent *bev;

	(void)from;
	(void)size;
	bev = bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		evutil_closesocket(fd);
		return;
	}
	bufferevent_setcb(bev, NULL, NULL, ended, arg);
}
