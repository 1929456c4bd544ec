/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy.c - see copy.h
 *
 * stdin and stdout are shared with others (the shell, the other end of a pipe), and O_NONBLOCK is a flag of
 * the shared file description, not of our descriptor: setting it has broken many a terminal. So they stay blocking, and
 * are read and written only when poll reports them ready, and never more than that guarantees: a writable pipe
 * takes PIPE_BUF bytes. epoll refuses regular files, which never block: they are read in pieces, one per turn.
 *
 * Memory is bounded by one piece of input, the connection's queue, and the bytes that it keeps unread while stdout
 * takes nothing; beyond that, the kernel's buffers make the other side wait.
 */
#include "copy.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void copy_end(struct copy *x, int status)
{
	if (x->status < 0)
		x->status = status;
	postern_loop_stop(x->loop);
}

/* ---- stdin to the server ---- */

static void copy_want_input(struct copy *x, bool wanted)
{
	if (x->in)
		postern_watch_set(x->in, wanted ? POSTERN_WATCH_READABLE : 0);
	else if (wanted)
		postern_timer_set(x->piece, 0);
	else
		postern_timer_cancel(x->piece);
}

/* After a write that was cut short, the drained event continues. */
static void copy_push(struct copy *x)
{
	ssize_t taken = postern_conn_write(x->conn, x->bytes + x->at, x->n);

	if (taken > 0) {
		x->at += (size_t)taken;
		x->n -= (size_t)taken;
	}
	copy_want_input(x, !x->n);
}

static void copy_input_ended(struct copy *x)
{
	x->in_ended = true;
	copy_want_input(x, false);
	x->in = postern_watch_free(x->in);
	x->progress_ns = postern_now();
	if (x->idle_ns != POSTERN_FOREVER)
		postern_timer_set(x->idle, x->idle_ns);
	if (x->peer_ended)
		postern_conn_close(x->conn);
	else
		postern_conn_shutdown(x->conn);
}

static void copy_read(struct copy *x)
{
	ssize_t n = read(STDIN_FILENO, x->bytes, sizeof(x->bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		copy_want_input(x, true);
	} else if (n < 0) {
		output_error(x->verb, x->name, "cannot read stdin: %s", strerror(errno));
		copy_end(x, EXIT_NO_INPUT);
	} else if (n == 0) {
		copy_input_ended(x);
	} else {
		x->at = 0;
		x->n = (size_t)n;
		copy_push(x);
	}
}

static void copy_readable(struct postern_watch *w, uint64_t happened, void *data)
{
	(void)w;
	(void)happened;
	copy_read(data);
}

static void copy_next_piece(struct postern_timer *t, void *data)
{
	(void)t;
	copy_read(data);
}

static void copy_drained(struct postern_conn *c, void *data)
{
	struct copy *x = data;

	(void)c;
	if (!x->in_ended)
		copy_push(x);
}

/* Not before the connection is made: input that a failed connect had read would be lost to the next reader. */
void copy_begin(struct copy *x)
{
	int r = postern_watch_new(&x->in, x->loop, STDIN_FILENO, POSTERN_WATCH_READABLE,
				  copy_readable, x);

	if (r == -EPERM) {
		postern_timer_set(x->piece, 0);
	} else if (r < 0) {
		output_error(x->verb, x->name, "cannot watch stdin: %s", strerror(-r));
		copy_end(x, EXIT_NO_INPUT);
	}
}

/* ---- the server's answer to stdout ---- */

static void copy_writable(struct postern_watch *w, uint64_t happened, void *data)
{
	struct copy *x = data;

	(void)happened;
	postern_watch_set(w, 0);
	x->blocked = false;
	x->may_write = true;
	x->progress_ns = postern_now();
	postern_conn_resume(x->conn);
}

static size_t copy_block(struct copy *x)
{
	x->blocked = true;
	postern_conn_pause(x->conn);
	postern_watch_set(x->out, POSTERN_WATCH_WRITABLE);
	return 0;
}

/* If poll() is denied, for example by a seccomp filter, a turn of the loop gives the same guarantee for one write. */
static bool copy_may_write(struct copy *x)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
	int n = poll(&out, 1, 0);
	bool may = n > 0 || (n < 0 && x->may_write);

	x->may_write = false;
	return may;
}

static size_t copy_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct copy *x = data;
	size_t most = x->out ? PIPE_BUF : COPY_PIECE;
	ssize_t written;

	(void)c;
	if (x->status >= 0 || x->blocked)
		return 0;
	x->progress_ns = postern_now();
	if (x->out && !copy_may_write(x))
		return copy_block(x);
	written = write(STDOUT_FILENO, bytes, n < most ? n : most);
	if (written >= 0)
		return (size_t)written;
	if (x->out && (errno == EAGAIN || errno == EINTR))
		return copy_block(x);
	/* A reader that stops early, as head(1) does, is not an error to report. */
	if (errno != EPIPE)
		output_error(x->verb, x->name, "cannot write to stdout: %s", strerror(errno));
	copy_end(x, EXIT_IO);
	return 0;
}

/* ---- the connection ---- */

static void copy_state(struct postern_conn *c, int state, void *data)
{
	struct copy *x = data;

	if (x->verbose)
		output_state(x->verb, x->name, c, state);
	if (state == POSTERN_STATE_CONNECTED)
		copy_begin(x);
}

/* A server that only half-closes may still want our input. If it has gone, the connection ends,
   and the closed event follows. */
static void copy_ended(struct postern_conn *c, void *data)
{
	struct copy *x = data;

	x->peer_ended = true;
	if (x->in_ended)
		postern_conn_close(c);
}

static void copy_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct copy *x = data;
	int status = output_status(why);

	(void)c;
	if (x->status < 0 && status)
		status = output_reason(x->verb, x->name, why);
	copy_end(x, status);
}

static void copy_idle(struct postern_timer *t, void *data)
{
	struct copy *x = data;
	struct postern_conn_counters counters = { .sent = x->sent };
	int64_t now = postern_now(), idle = x->idle_ns;
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
		x->verb, x->name,
		"nothing arrived for %s after the end of input, and the server did not end the connection; wait longer with --idle",
		duration_text(idle, text, sizeof(text)));
	copy_end(x, EXIT_TRY_AGAIN);
}

const struct postern_conn_events copy_events = {
	.size = sizeof(copy_events),
	.state = copy_state,
	.received = copy_received,
	.ended = copy_ended,
	.drained = copy_drained,
	.closed = copy_closed,
};

/* ---- beginning and end ---- */

int copy_init(struct copy *x)
{
	int r;

	x->status = -1;
	if (!x->idle_ns)
		x->idle_ns = POSTERN_SECONDS(30);
	r = postern_loop_new(&x->loop);
	if (r < 0)
		return output_errno(x->verb, x->name,
				    "cannot start: epoll_create(), eventfd() or timerfd_create()",
				    r);
	r = postern_timer_new(&x->piece, x->loop, copy_next_piece, x);
	if (r == 0)
		r = postern_timer_new(&x->idle, x->loop, copy_idle, x);
	if (r == 0)
		r = postern_watch_new(&x->out, x->loop, STDOUT_FILENO, 0, copy_writable, x);
	if (r < 0 && r != -EPERM)
		return output_errno(x->verb, x->name, "cannot watch stdout: epoll_ctl()", r);
	return EXIT_DONE;
}

int copy_run(struct copy *x)
{
	int r = postern_loop_run(x->loop);

	return r < 0 ? output_errno(x->verb, x->name, "the loop failed", r) : x->status;
}

void copy_deinit(struct copy *x)
{
	postern_conn_free(x->conn);
	postern_watch_free(x->out);
	postern_watch_free(x->in);
	postern_timer_free(x->idle);
	postern_timer_free(x->piece);
	postern_loop_free(x->loop);
}
