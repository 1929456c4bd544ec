/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect.c - postern connect: stdin to the server, its answer to stdout
 *
 * stdin and stdout are shared with others (the shell, the other end of a pipe), and O_NONBLOCK is a flag of
 * the shared file description, not of our descriptor: setting it has broken many a terminal. So they stay blocking, and
 * are read and written only when poll reports them ready, and never more than that guarantees: a writable pipe
 * takes PIPE_BUF bytes. epoll refuses regular files, which never block: they are read in pieces, one per turn.
 *
 * Memory is bounded by one piece of input, the connection's queue, and the bytes that it keeps unread while stdout
 * takes nothing; beyond that, the kernel's buffers make the other side wait.
 */
#include "command.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_PIECE 65536u

struct connect_values {
	struct common common;
	int64_t deadline;
	int64_t idle;
	uint32_t attempts;
	struct id_list server_uids;
};

struct connect {
	const struct connect_values *values;
	struct postern_loop *loop;
	struct postern_conn *conn;
	struct postern_watch *in;    /* NULL: a regular file, or ended */
	struct postern_timer *piece; /* of a regular file: the next turn */
	struct postern_watch *out;   /* NULL: a regular file */
	struct postern_timer *idle;
	bool in_ended;
	bool peer_ended;
	bool blocked;   /* stdout takes nothing now */
	bool may_write; /* the loop has seen room on stdout since the last write */
	int64_t progress_ns;
	uint64_t sent;
	int status; /* -1 until something decided it */
	size_t at;
	size_t n; /* of these bytes, not written yet */
	unsigned char bytes[CONNECT_PIECE];
};

static const struct option connect_options[] = {
	{ .name = "deadline",
	  .type = OPTION_DURATION,
	  .argument = "TIME",
	  .standard = "5s",
	  .help = "time to connect, all attempts together",
	  .offset = offsetof(struct connect_values, deadline) },
	{ .name = "attempts",
	  .type = OPTION_COUNT,
	  .argument = "N",
	  .standard = "until the deadline",
	  .help = "limit of attempts to connect",
	  .offset = offsetof(struct connect_values, attempts) },
	{ .name = "idle",
	  .type = OPTION_DURATION,
	  .argument = "TIME",
	  .standard = "30s",
	  .help = "give up after this long without progress once stdin has ended, or while the server does not read",
	  .offset = offsetof(struct connect_values, idle) },
	{ .name = "server-uid",
	  .type = OPTION_UIDS,
	  .argument = "USER",
	  .standard = "you, root, or the directory's owner",
	  .help = "who may run the server; may be repeated",
	  .offset = offsetof(struct connect_values, server_uids) },
	{ .name = "verbose",
	  .letter = 'v',
	  .help = "show each attempt with its reason",
	  .offset = offsetof(struct connect_values, common.verbose) },
	{ .name = NULL },
};

static void connect_end(struct connect *x, int status)
{
	if (x->status < 0)
		x->status = status;
	postern_loop_stop(x->loop);
}

/* ---- stdin to the server ---- */

static void connect_want_input(struct connect *x, bool wanted)
{
	if (x->in)
		postern_watch_set(x->in, wanted ? POSTERN_WATCH_READABLE : 0);
	else if (wanted)
		postern_timer_set(x->piece, 0);
	else
		postern_timer_cancel(x->piece);
}

/* After a write that was cut short, the drained event continues. */
static void connect_push(struct connect *x)
{
	ssize_t taken = postern_conn_write(x->conn, x->bytes + x->at, x->n);

	if (taken > 0) {
		x->at += (size_t)taken;
		x->n -= (size_t)taken;
	}
	connect_want_input(x, !x->n);
}

static void connect_input_ended(struct connect *x)
{
	x->in_ended = true;
	connect_want_input(x, false);
	x->in = postern_watch_free(x->in);
	x->progress_ns = postern_now();
	if (x->values->idle != POSTERN_FOREVER)
		postern_timer_set(x->idle, x->values->idle);
	if (x->peer_ended)
		postern_conn_close(x->conn);
	else
		postern_conn_shutdown(x->conn);
}

static void connect_read(struct connect *x)
{
	ssize_t n = read(STDIN_FILENO, x->bytes, sizeof(x->bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		connect_want_input(x, true);
	} else if (n < 0) {
		output_error("connect", x->values->common.name, "cannot read stdin: %s",
			     strerror(errno));
		connect_end(x, EXIT_NO_INPUT);
	} else if (n == 0) {
		connect_input_ended(x);
	} else {
		x->at = 0;
		x->n = (size_t)n;
		connect_push(x);
	}
}

static void connect_readable(struct postern_watch *w, uint64_t happened, void *data)
{
	(void)w;
	(void)happened;
	connect_read(data);
}

static void connect_next_piece(struct postern_timer *t, void *data)
{
	(void)t;
	connect_read(data);
}

static void connect_drained(struct postern_conn *c, void *data)
{
	struct connect *x = data;

	(void)c;
	if (!x->in_ended)
		connect_push(x);
}

/* Not before the connection is made: input that a failed connect had read would be lost to the next reader. */
static void connect_begin_input(struct connect *x)
{
	int r = postern_watch_new(&x->in, x->loop, STDIN_FILENO, POSTERN_WATCH_READABLE,
				  connect_readable, x);

	if (r == -EPERM) {
		postern_timer_set(x->piece, 0);
	} else if (r < 0) {
		output_error("connect", x->values->common.name, "cannot watch stdin: %s",
			     strerror(-r));
		connect_end(x, EXIT_NO_INPUT);
	}
}

/* ---- the server's answer to stdout ---- */

static void connect_writable(struct postern_watch *w, uint64_t happened, void *data)
{
	struct connect *x = data;

	(void)happened;
	postern_watch_set(w, 0);
	x->blocked = false;
	x->may_write = true;
	x->progress_ns = postern_now();
	postern_conn_resume(x->conn);
}

static size_t connect_block(struct connect *x)
{
	x->blocked = true;
	postern_conn_pause(x->conn);
	postern_watch_set(x->out, POSTERN_WATCH_WRITABLE);
	return 0;
}

/* If poll() is denied, for example by a seccomp filter, a turn of the loop gives the same guarantee for one write. */
static bool connect_may_write(struct connect *x)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
	int n = poll(&out, 1, 0);
	bool may = n > 0 || (n < 0 && x->may_write);

	x->may_write = false;
	return may;
}

static size_t connect_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct connect *x = data;
	size_t most = x->out ? PIPE_BUF : CONNECT_PIECE;
	ssize_t written;

	(void)c;
	if (x->status >= 0 || x->blocked)
		return 0;
	x->progress_ns = postern_now();
	if (x->out && !connect_may_write(x))
		return connect_block(x);
	written = write(STDOUT_FILENO, bytes, n < most ? n : most);
	if (written >= 0)
		return (size_t)written;
	if (x->out && (errno == EAGAIN || errno == EINTR))
		return connect_block(x);
	/* A reader that stops early, as head(1) does, is not an error to report. */
	if (errno != EPIPE)
		output_error("connect", x->values->common.name, "cannot write to stdout: %s",
			     strerror(errno));
	connect_end(x, EXIT_IO);
	return 0;
}

/* ---- the connection ---- */

static void connect_state(struct postern_conn *c, int state, void *data)
{
	struct connect *x = data;

	if (x->values->common.verbose)
		output_state("connect", x->values->common.name, c, state);
	if (state == POSTERN_STATE_CONNECTED)
		connect_begin_input(x);
}

/* A server that only half-closes may still want our input. If it has gone, the connection ends,
   and the closed event follows. */
static void connect_ended(struct postern_conn *c, void *data)
{
	struct connect *x = data;

	x->peer_ended = true;
	if (x->in_ended)
		postern_conn_close(c);
}

static void connect_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct connect *x = data;
	int status = output_status(why);

	(void)c;
	if (x->status < 0 && status)
		status = output_reason("connect", x->values->common.name, why);
	connect_end(x, status);
}

static void connect_idle(struct postern_timer *t, void *data)
{
	struct connect *x = data;
	struct postern_conn_counters counters = { .sent = x->sent };
	int64_t now = postern_now(), idle = x->values->idle;
	char text[32];

	postern_conn_get_counters(x->conn, &counters, sizeof(counters));
	/* While our own reader takes nothing, the server cannot be blamed for silence. */
	if (counters.sent != x->sent || x->blocked)
		x->progress_ns = now;
	x->sent = counters.sent;
	if (now - x->progress_ns < idle) {
		postern_timer_set(t, idle - (now - x->progress_ns));
		return;
	}
	output_error(
		"connect", x->values->common.name,
		"nothing arrived for %s after the end of input, and the server did not end the connection; wait longer with --idle",
		duration_text(idle, text, sizeof(text)));
	connect_end(x, EXIT_TRY_AGAIN);
}

static const struct postern_conn_events connect_events = {
	.size = sizeof(connect_events),
	.state = connect_state,
	.received = connect_received,
	.ended = connect_ended,
	.drained = connect_drained,
	.closed = connect_closed,
};

static int connect_start(struct connect *x)
{
	const struct connect_values *v = x->values;
	const struct postern_conn_options conn = {
		.size = sizeof(conn),
		.high_water = (size_t)4 * CONNECT_PIECE,
		.idle_ns = v->idle,
	};
	const struct postern_connect_options options = {
		.size = sizeof(options),
		.deadline_ns = v->deadline,
		.attempts = v->attempts,
		.server_uids = v->server_uids.n ? v->server_uids.ids : NULL,
		.n_server_uids = v->server_uids.n,
		.conn = &conn,
	};
	int r = postern_timer_new(&x->piece, x->loop, connect_next_piece, x);

	if (r == 0)
		r = postern_timer_new(&x->idle, x->loop, connect_idle, x);
	if (r == 0)
		r = postern_watch_new(&x->out, x->loop, STDOUT_FILENO, 0, connect_writable, x);
	if (r < 0 && r != -EPERM)
		return output_errno("connect", v->common.name, "cannot watch stdout: epoll_ctl()",
				    r);
	r = postern_connect(&x->conn, x->loop, v->common.name, &options, &connect_events, x);
	if (r < 0)
		return output_reason("connect", v->common.name, postern_why());
	r = postern_loop_run(x->loop);
	return r < 0 ? output_errno("connect", v->common.name, "the loop failed", r) : x->status;
}

static int connect_run(void *data)
{
	static struct connect x;
	int r, status;

	x = (struct connect){ .values = data, .status = -1 };
	if (!x.values->common.name) {
		output_error("connect", NULL, "missing NAME; see: postern connect --help");
		return EXIT_USAGE;
	}
	if (!x.values->idle)
		((struct connect_values *)data)->idle = POSTERN_SECONDS(30);
	r = postern_loop_new(&x.loop);
	if (r < 0)
		return output_errno("connect", x.values->common.name,
				    "cannot start: epoll_create(), eventfd() or timerfd_create()",
				    r);
	status = connect_start(&x);
	postern_conn_free(x.conn);
	postern_watch_free(x.out);
	postern_watch_free(x.in);
	postern_timer_free(x.idle);
	postern_timer_free(x.piece);
	postern_loop_free(x.loop);
	return status;
}

const struct verb verb_connect = {
	.name = "connect",
	.operands = "NAME",
	.about = "Copies stdin to the server at NAME, and its answer to stdout.",
	.notes = "TIME: 500ms, 5s, 2m, forever. The end of stdin is passed on; it ends when the\n"
		 "server does. More: man postern",
	.takes_name = true,
	.options = connect_options,
	.size = sizeof(struct connect_values),
	.run = connect_run,
};
