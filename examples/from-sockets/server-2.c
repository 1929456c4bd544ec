/* SPDX-License-Identifier: Apache-2.0 */
/* server-2 PATH: the path is Postern's name; the epoll loop is as it was */
#include "capitals.h"

#include <postern.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

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
	const struct postern_server_options options = { .size = sizeof options,
							.access = 0660,
							.backlog = 16 };
	int epoll, terminate;
	struct epoll_event event = { .events = 0 };
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(server) server = NULL;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	terminate = signalfd(-1, &set, SFD_CLOEXEC);
	if (argc != 2 || postern_loop_new(&loop) < 0)
		return 1;
	if (postern_server_new(&server, loop, argv[1], &options, &events, NULL) < 0) {
		fprintf(stderr, "server-2: %s\n", postern_why()->text);
		return 1;
	}
	epoll = epoll_create1(EPOLL_CLOEXEC);
	add(epoll, postern_loop_fd(loop));
	add(epoll, terminate);
	while (epoll_wait(epoll, &event, 1, -1) >= 0 && event.data.fd != terminate)
		if (postern_loop_dispatch(loop, 0) < 0)
			break;
	close(epoll);
	return 0;
}
