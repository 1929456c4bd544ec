/* Nothing that uses a descriptor closes it, unless it was told to. */
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int buffered(struct event_base *base, const char *p)
{
	int fd = open(p, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct bufferevent *bev;
	if (fd < 0)
		return -1;
	bev = bufferevent_socket_new(base, fd, 0);
	if (!bev) {
		close(fd);
		return -1;
	}
	if (bufferevent_enable(bev, EV_READ) < 0) {
		bufferevent_free(bev);
		return -1; // L1
	}
	bufferevent_free(bev);
	close(fd);
	return 0;
}
int listener(struct event_base *base, struct sockaddr *at, socklen_t size, evconnlistener_cb cb)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct evconnlistener *l;
	if (fd < 0)
		return -1;
	if (bind(fd, at, size) < 0) {
		close(fd);
		return -1;
	}
	l = evconnlistener_new(base, cb, NULL, LEV_OPT_REUSEABLE, 16, fd);
	if (!l) {
		close(fd);
		return -1;
	}
	if (event_base_dispatch(base) < 0)
		perror("dispatch");
	evconnlistener_free(l);
	return 0; // L1
}
struct listen {
	struct evconnlistener *l;
	int fd;
};

int right_kept(struct listen *s, struct event_base *base, struct sockaddr *at, socklen_t size, evconnlistener_cb cb)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (bind(fd, at, size) < 0) {
		close(fd);
		return -1;
	}
	s->l = evconnlistener_new(base, cb, NULL, LEV_OPT_REUSEABLE, 16, fd);
	if (!s->l) {
		close(fd);
		return -1;
	}
	return 0;
}
