/* SPDX-License-Identifier: Apache-2.0 */
/* server-3 PATH: the loop is Postern's too, and the end is a drain */
#include "capitals.h"

#include <postern.h>
#include <signal.h>
#include <stdio.h>

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

static void failed(struct postern_server *s, const struct postern_reason *why, void *loop)
{
	(void)s, (void)loop;
	fprintf(stderr, "server-3: %s\n", why->text);
}

static void closed(struct postern_server *s, const struct postern_reason *why, void *loop)
{
	(void)s, (void)why;
	postern_loop_stop((struct postern_loop *)loop);
}

/* No new clients; connected ones get what is queued for them, within 5 s. */
static void terminate(struct postern_signal *s, int sig, void *server)
{
	(void)s, (void)sig;
	postern_server_drain((struct postern_server *)server, 0);
}

int main(int argc, char **argv)
{
	static const struct postern_conn_events conn = { .size = sizeof conn,
							 .received = received };
	static const struct postern_server_events events = {
		.size = sizeof events, .conn = &conn, .error = failed, .closed = closed
	};
	const struct postern_server_options options = { .size = sizeof options,
							.access = 0660,
							.backlog = 16 };
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(server) server = NULL;
	POSTERN_AUTO(signal) signal = NULL;

	if (argc != 2 || postern_loop_new(&loop) < 0)
		return 1;
	if (postern_server_new(&server, loop, argv[1], &options, &events, loop) < 0) {
		fprintf(stderr, "server-3: %s\n", postern_why()->text);
		return 1;
	}
	if (postern_signal_new(&signal, loop, SIGTERM, terminate, server) < 0)
		return 1;
	return postern_loop_run(loop) < 0;
}
