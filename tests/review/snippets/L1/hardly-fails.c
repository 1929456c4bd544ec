#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

struct client {
	int fd;
	char name[32];
};

extern struct client *clients[64];

/* Advice: fcntl() fails for a wrong argument and for nothing else. */
int slight_after_fcntl(const struct sockaddr *to, socklen_t n)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -1; // L1
	if (connect(fd, to, n) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int bad_after_connect(const struct sockaddr *to, socklen_t n)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		close(fd);
		return -1;
	}
	if (connect(fd, to, n) < 0)
		return -1; // L1
	return fd;
}

static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Advice: the helper makes no other calls. */
int slight_after_helper(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (set_nonblocking(fd) < 0)
		return -1; // L1
	return fd;
}

/* Advice: on both ways out it takes fork() or listen() to fail. */
int slight_after_fork(void)
{
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return -1; // L1
	if (!pid) {
		close(fds[1]);
		return fds[0];
	}
	close(fds[0]);
	return fds[1];
}

/* Silent: the child ends, and what it has from its parent with it. */
int good_child(const char *command)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	switch (fork()) {
	case -1:
		close(fds[0]);
		close(fds[1]);
		return -1;
	case 0:
		dup2(fds[0], 0);
		execlp(command, command, (char *)NULL);
		_exit(127);
	default:
		close(fds[0]);
		return fds[1];
	}
}

int bad_lock(const char *path)
{
	struct flock lock = { .l_type = F_WRLCK };
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETLK, &lock) < 0)
		return -1; // L1
	return fd;
}

/* Advice: at the label it is open only where memory has run out. */
void slight_at_label(int listener, int slot)
{
	struct client *client;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC); // L3

	if (fd < 0)
		goto out;
	client = calloc(1, sizeof(*client));
	if (!client)
		goto out;
	client->fd = fd;
	clients[slot] = client;
out:
	puts("next");
}

int bad_probe(int port)
{
	int fds[2], free_fd;

	if (pipe(fds) < 0)
		return -1;
	for (free_fd = 1023; free_fd > 2; free_fd--)
		if (fcntl(free_fd, F_GETFD) < 0)
			break;
	if (port < free_fd)
		return -1; // L1
	close(fds[0]);
	return fds[1];
}
