#include <event2/event.h>
#include <event2/listener.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct door {
	int n;
};

void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int n,
	      void *data);

/* Silent: the loop has the listener. */
int good_listener(struct event_base *base, const struct sockaddr *at, struct door *door)
{
	struct evconnlistener *listener = evconnlistener_new_bind(
		base, accepted, door, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 10, at, 16);

	return listener ? 0 : -1;
}

static void *serve(void *data)
{
	return data;
}

int bad_thread_of_each(int listener)
{
	pthread_t thread;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return -1;
	if (pthread_create(&thread, NULL, serve, (void *)(long)fd)) { // L7
		close(fd);
		return -1;
	}
	return 0;
}
