/* A function that keeps the descriptor only when it succeeds, and whose result nobody looks at here. */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct server {
	int fd;
	int backlog;
};

static int serve(struct server *server, int fd)
{
	if (listen(fd, server->backlog) < 0)
		return -1;
	server->fd = fd;
	return 0;
}

static int serve_or_close(struct server *server, int fd)
{
	if (listen(fd, server->backlog) < 0) {
		close(fd);
		return -1;
	}
	server->fd = fd;
	return 0;
}

static int keep(struct server *server, int fd)
{
	server->fd = fd;
	return listen(fd, server->backlog);
}

int bad_passed_on(struct server *server, const struct sockaddr *address, socklen_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, address, size) < 0) {
		close(fd);
		return -1;
	}
	return serve(server, fd); // L1
}

int good_tested(struct server *server, const struct sockaddr *address, socklen_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, address, size) < 0 || serve(server, fd) < 0) {
		close(fd);
		return -1;
	}
	return 0;
}

int good_closed_there(struct server *server, const struct sockaddr *address, socklen_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, address, size) < 0) {
		close(fd);
		return -1;
	}
	return serve_or_close(server, fd);
}

int good_kept_anyway(struct server *server, const struct sockaddr *address, socklen_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, address, size) < 0) {
		close(fd);
		return -1;
	}
	return keep(server, fd);
}
