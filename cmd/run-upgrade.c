/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run-upgrade.c - serve --upgrade: a process that has the connection of a call
 *
 * It has the connection through two pipes, and not the socket itself: what the peer has sent behind its call was received with
 * that, and can only come out of here. Over pipes nobody asks the kernel who the peer is, and is told that it is us;
 * POSTERN_PEER_UID says it. A half-close is the end of a pipe, in both directions.
 *
 *   the peer's bytes -> received() -> pipe -> the process: what a full pipe does not take stays in the connection
 *   the process -> pipe -> .output, 64 KiB -> the connection: what a full queue does not take stays here until drained
 *
 * When the process has ended, what it has written is sent, and the connection closed. When the connection has ended, the
 * process reads the end, and has the time of --deadline to end too.
 */
#include "run.h"
#include "ask.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { RUN_PIECE = 64 * 1024, RUN_ROUNDS = 4 };
/* MAX_ARG_STRLEN, with its NUL: execve() takes no longer string. */
enum { RUN_VARIABLE_MAX = 128 * 1024 };

int run_upgrade_input(struct run *x)
{
	FILE *out = open_memstream(&x->input, &x->left);

	x->output = malloc(RUN_PIECE);
	x->size = RUN_PIECE;
	if (!out)
		return -ENOMEM;
	fputs("POSTERN_PARAMETERS=", out);
	json_print(out, postern_request_parameters(x->request), false);
	if (fclose(out) != 0 || !x->output)
		return -ENOMEM;
	return x->left < RUN_VARIABLE_MAX ? 0 : -E2BIG;
}

/* ---- the peer's bytes ---- */

static size_t run_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct run *x = data;
	ssize_t written;

	/* It does not read: so it has ended, or wants no more. */
	if (x->in_fd < 0)
		return n;
	written = write(x->in_fd, bytes, n);
	if (written >= 0)
		return (size_t)written;
	if (errno == EAGAIN || errno == EINTR) {
		postern_conn_pause(c);
		postern_watch_set(x->in, POSTERN_WATCH_WRITABLE);
		return 0;
	}
	run_close(&x->in, &x->in_fd);
	return n;
}

void run_upgrade_writable(struct postern_watch *w, uint64_t happened, void *data)
{
	struct run *x = data;

	(void)happened;
	postern_watch_set(w, 0);
	if (x->conn)
		postern_conn_resume(x->conn);
}

static void run_peer_ended(struct postern_conn *c, void *data)
{
	struct run *x = data;

	(void)c;
	run_close(&x->in, &x->in_fd);
}

/* ---- the process's bytes ---- */

/* What was read goes into the queue. True: all of it. */
static bool run_push(struct run *x)
{
	ssize_t taken;

	if (x->n == 0 || !x->conn)
		return true;
	taken = postern_conn_write(x->conn, x->output + x->sent, x->n);
	if (taken > 0) {
		x->sent += (size_t)taken;
		x->n -= (size_t)taken;
	}
	return x->n == 0;
}

/* False: no more comes, or the next will be told. */
static bool run_pull(struct run *x)
{
	ssize_t n = x->out_fd >= 0 ? read(x->out_fd, x->output, x->size) : 0;

	if (n > 0) {
		x->sent = 0;
		x->n = (size_t)n;
		return true;
	}
	/* A process that was left in the background may hold the pipe open for ever. */
	if (n == 0 || (errno != EINTR && (errno != EAGAIN || x->pid == 0)))
		run_close(&x->out, &x->out_fd);
	return false;
}

static void run_pump(struct run *x)
{
	int rounds = 0;

	while (run_push(x) && rounds++ < RUN_ROUNDS && run_pull(x))
		;
	if (x->out)
		postern_watch_set(x->out, x->n > 0 ? 0 : POSTERN_WATCH_READABLE);
	if (x->out_fd >= 0 || x->n > 0 || !x->conn)
		return;
	if (x->pid == 0)
		postern_conn_close(x->conn);
	else
		postern_conn_shutdown(x->conn);
}

void run_upgrade_readable(struct postern_watch *w, uint64_t happened, void *data)
{
	(void)w;
	(void)happened;
	run_pump(data);
}

static void run_conn_drained(struct postern_conn *c, void *data)
{
	(void)c;
	run_pump(data);
}

/* ---- the end ---- */

static void run_conn_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct run *x = data;
	const struct commands_options *o = &x->commands->options;

	if (o->verbose)
		output_error("serve", o->name, "%s: the connection of process %ld has ended: %s",
			     run_method(x), (long)x->pid, why->text);
	x->conn = postern_conn_free(c);
	run_close(&x->in, &x->in_fd);
	run_close(&x->out, &x->out_fd);
	if (x->pid == 0)
		run_leave(x);
	else if (o->deadline_ns != POSTERN_FOREVER)
		postern_timer_set(x->timer, o->deadline_ns);
}

static const struct postern_conn_events run_conn_events = {
	.size = sizeof(run_conn_events),
	.received = run_received,
	.ended = run_peer_ended,
	.drained = run_conn_drained,
	.closed = run_conn_closed,
};

void run_upgrade(struct run *x)
{
	int r = postern_request_upgrade_json(&x->conn, x->request, NULL, 0, &run_conn_events, x);

	x->request = postern_request_free(x->request);
	if (r == 0) {
		postern_timer_cancel(x->timer);
		run_pump(x);
		return;
	}
	/* The peer has left: so it reads the end at once. */
	run_close(&x->in, &x->in_fd);
	run_close(&x->out, &x->out_fd);
}

bool run_upgrade_ended(struct run *x)
{
	run_close(&x->in, &x->in_fd);
	if (x->conn)
		run_pump(x);
	return !x->conn;
}
