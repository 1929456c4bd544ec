/* SPDX-License-Identifier: Apache-2.0 */
/* server-1 PATH: the listening socket and the epoll loop are as they were; Postern serves the connections */
#include "capitals.h"

#include <postern.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof address.sun_path)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	strcpy(address.sun_path, path);
	unlink(path); /* postern-review: ignore L5 the code that one moves away from */
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || chmod(path, 0660) < 0 ||
	    listen(fd, 16) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void add(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data = { .fd = fd } };

	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Handles one line. If it is incomplete, or cannot be answered yet, it is not taken, and is offered again. */
static size_t received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct postern_frame line;
	char answer[LINE];
	int r = postern_frame_find(POSTERN_FRAMING_LINES, bytes, n, 0, LINE, &line);

	(void)data;
	if (r < 0)
		postern_conn_abort(c); /* too long */
	if (r <= 0)
		return postern_conn_at_end(c) ? n : 0; /* half a line stays half */
	capitals(answer, (const char *)line.bytes, line.n);
	if (postern_conn_write_frame(c, POSTERN_FRAMING_LINES, answer, line.n) < 0)
		return 0; /* the queue is full: it is offered again */
	return line.used;
}

int main(int argc, char **argv)
{
	static const struct postern_conn_events conn = { .size = sizeof conn,
							 .received = received };
	static const struct postern_server_events events = { .size = sizeof events, .conn = &conn };
	int epoll, listener, terminate;
	struct epoll_event event = { .events = 0 };
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(server) server = NULL;
	char name[16];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	terminate = signalfd(-1, &set, SFD_CLOEXEC);
	if (argc != 2 || (listener = listen_at(argv[1])) < 0)
		return 1;
	snprintf(name, sizeof name, "fd:%d", listener);
	if (postern_loop_new(&loop) < 0 ||
	    postern_server_new(&server, loop, name, NULL, &events, NULL) < 0) {
		close(listener);
		return 1;
	}
	epoll = epoll_create1(EPOLL_CLOEXEC);
	add(epoll, postern_loop_fd(loop));
	add(epoll, terminate);
	while (epoll_wait(epoll, &event, 1, -1) >= 0 && event.data.fd != terminate)
		if (postern_loop_dispatch(loop, 0) < 0)
			break;
	unlink(argv[1]);
	close(epoll);
	close(listener);
	return 0;
}
