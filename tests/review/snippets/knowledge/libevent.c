/* libevent: lost on a way out. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/util.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

int door(struct sockaddr *address, int size)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (evutil_make_listen_socket_reuseable(fd) < 0)
		return -1; // L1
	if (bind(fd, address, size) < 0) {
		evutil_closesocket(fd);
		return -1;
	}
	return fd;
}

int pull(struct evbuffer *into, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (evbuffer_read(into, fd, 4096) < 0)
		return -1; // L1
	close(fd);
	return 0;
}

int send_file(struct evbuffer *out, const char *path, long size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (evbuffer_add_file(out, fd, 0, size) < 0)
		return -1; // L1
	return 0;
}

int serve(struct evhttp *http)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (evhttp_accept_socket(http, fd) < 0)
		return -1; // L1
	return 0;
}

int addresses(const char *name)
{
	struct evutil_addrinfo *all = NULL;

	if (evutil_getaddrinfo(name, "80", NULL, &all) != 0)
		return -1;
	if (all->ai_family != AF_INET)
		return -1; // L7
	evutil_freeaddrinfo(all);
	return 0;
}
