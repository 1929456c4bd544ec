/* Callbacks that learn of a failure and do not look. */
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <signal.h>
#include <uv.h>

static uv_write_t hello;

static void on_connect(uv_connect_t *req, int status)
{
	uv_buf_t buf = uv_buf_init("hello\n", 6);

	(void)status;
	if (uv_write(&hello, req->handle, &buf, 1, NULL) < 0) // E2
		uv_stop(req->handle->loop);
}

void dial(uv_pipe_t *pipe, uv_connect_t *req, const char *path)
{
	signal(SIGPIPE, SIG_IGN);
	uv_pipe_connect(req, pipe, path, on_connect);
}

static void on_client(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa,
		      int size, void *arg)
{
	struct bufferevent *bev;

	(void)sa;
	(void)size;
	bev = bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, arg, NULL, NULL, NULL); // E2
	bufferevent_enable(bev, EV_READ);
}

struct evconnlistener *start(struct event_base *base, struct sockaddr *sa, int size)
{
	struct evconnlistener *l = evconnlistener_new_bind(base, on_client, NULL,
							   LEV_OPT_CLOSE_ON_FREE, -1, sa, size);

	evconnlistener_disable(l); // E2
	return l;
}
