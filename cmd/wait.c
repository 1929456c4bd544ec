/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait.c - postern wait: until a server can be connected to
 *
 * It does not connect: with --exec a connection starts a process, which waiting should not do. The
 * kernel lists listening sockets; if the server is in another network namespace, its lock and info show that it runs. One
 * connection is made only to a server that is not Postern's (it holds no lock) and that the kernel does not show here.
 */
#include "look.h"

#include "base/words.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WAIT_PAUSE_MIN POSTERN_MS(10)
#define WAIT_PAUSE_MAX POSTERN_MS(100)
#define WAIT_DENIED    POSTERN_MS(100) /* a server that is just starting may not have set its modes */
#define WAIT_HELD \
	POSTERN_MS(250) /* a server that takes over a name needs 50 ms for a dead server's socket */

enum { WAIT_READY, WAIT_LATER, WAIT_NEVER };

struct wait_values {
	struct common common;
	int64_t deadline;
};

struct wait {
	const struct wait_values *values;
	struct look look;
	unsigned looks;
	int64_t begun_ns, deadline_ns; /* absolute */
	int64_t denied_ns, held_ns;    /* since when; 0: not */
	const char *reason;            /* why not yet, or never */
	char text[160];
	int status; /* of WAIT_NEVER */
};

static const struct option wait_options[] = {
	{ .name = "deadline",
	  .type = OPTION_DURATION,
	  .argument = "TIME",
	  .standard = "5s",
	  .help = "for all checks together",
	  .offset = offsetof(struct wait_values, deadline) },
	{ .name = "verbose",
	  .letter = 'v',
	  .help = "show each check with its result",
	  .offset = offsetof(struct wait_values, common.verbose) },
	{ .name = NULL },
};

/* ---- the last resort: one connection ---- */

struct wait_attempt {
	struct postern_loop *loop;
	int code, error; /* 0: connected */
};

static void wait_state(struct postern_conn *c, int state, void *data)
{
	struct wait_attempt *a = data;

	(void)c;
	if (state != POSTERN_STATE_CONNECTED)
		return;
	a->code = 0;
	postern_loop_stop(a->loop);
}

static void wait_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct wait_attempt *a = data;

	(void)c;
	a->code = why->code;
	a->error = why->error;
	postern_loop_stop(a->loop);
}

static const struct postern_conn_events wait_events = {
	.size = sizeof(wait_events),
	.state = wait_state,
	.closed = wait_closed,
};

static int wait_later(struct wait *w, const char *reason)
{
	w->reason = reason;
	return WAIT_LATER;
}

static int wait_never(struct wait *w, int status, const char *reason)
{
	w->reason = reason;
	w->status = status;
	return WAIT_NEVER;
}

static int wait_denied(struct wait *w)
{
	int64_t now = postern_now();

	if (!w->denied_ns)
		w->denied_ns = now;
	return now - w->denied_ns < WAIT_DENIED
		       ? wait_later(w, "permission denied")
		       : wait_never(w, EXIT_NOT_ALLOWED, "permission denied");
}

static int wait_judge(struct wait *w, const struct wait_attempt *a)
{
	switch (a->error) {
	case -ECONNREFUSED:
		return wait_later(
			w, "connection refused; there is a socket, but no server listens on it");
	case -EAGAIN:
		return wait_later(w, "the server's backlog is full; the server does not accept");
	case -ENOENT:
		return wait_later(w, "no such file or directory; is the server running?");
	case -EACCES:
		return wait_denied(w);
	case -EPROTOTYPE:
		return wait_never(w, EXIT_WRONG_TYPE,
				  "a socket of another type (datagram or seqpacket)");
	}
	snprintf(w->text, sizeof(w->text), "%s: %s", postern_reason_text(a->code),
		 strerror(-a->error));
	return wait_never(w,
			  a->code == POSTERN_REASON_NOT_ALLOWED ? EXIT_NOT_ALLOWED : EXIT_TRY_AGAIN,
			  w->text);
}

static int wait_connect(struct wait *w)
{
	const struct postern_connect_options options = {
		.size = sizeof(options),
		.deadline_ns = POSTERN_SECONDS(1),
		.attempts = 1,
	};
	struct wait_attempt a = { .code = POSTERN_REASON_FAILED, .error = -EIO };
	struct postern_conn *conn = NULL;
	int r = postern_loop_new(&a.loop);

	if (r == 0)
		r = postern_connect(&conn, a.loop, w->look.name, &options, &wait_events, &a);
	if (r == 0)
		r = postern_loop_run(a.loop);
	postern_conn_free(conn);
	postern_loop_free(a.loop);
	if (r < 0)
		a = (struct wait_attempt){ .code = POSTERN_REASON_FAILED, .error = r };
	return a.code ? wait_judge(w, &a) : WAIT_READY;
}

/* ---- one check ---- */

static int wait_ready(struct wait *w, uid_t uid)
{
	if (look_trusted(&w->look, uid))
		return WAIT_READY;
	snprintf(w->text, sizeof(w->text), "the server runs as uid %lu, which is not trusted",
		 (unsigned long)uid);
	return wait_never(w, EXIT_NOT_ALLOWED, w->text);
}

static int wait_on_kernel(struct wait *w)
{
	const struct look *l = &w->look;

	if (l->type != SOCK_STREAM)
		return wait_never(w, EXIT_WRONG_TYPE,
				  "a socket of another type (datagram or seqpacket)");
	if (l->backlog >= 0 && l->waiting > l->backlog)
		return wait_later(w, "the server's backlog is full; the server does not accept");
	if (l->uid < 0 && l->abstract)
		return WAIT_READY;
	return wait_ready(w, l->uid < 0 ? l->socket.st_uid : (uid_t)l->uid);
}

/* Not visible here: judge by its lock and record. */
static int wait_on_lock(struct wait *w)
{
	const struct look *l = &w->look;
	int64_t now = postern_now();
	int error;

	if (l->alive == 1)
		return wait_ready(w, l->socket.st_uid);
	switch (look_lock(l, &error)) {
	case LOOK_NO_LOCK:
	case LOOK_FREE:
		w->held_ns = 0;
		return wait_connect(w);
	case LOOK_HELD:
		if (!w->held_ns)
			w->held_ns = now;
		if (l->alive < 0 && (l->pid || now - w->held_ns >= WAIT_HELD))
			return wait_ready(w, l->socket.st_uid);
		return wait_later(w, "its server is just starting");
	case LOOK_UNKNOWN:
		break;
	}
	/* It belongs to another user, whose server may be Postern's. */
	if (l->pid && l->alive == 0)
		return wait_later(
			w, "connection refused; a socket is there, but its server has ended");
	if (l->pid)
		return wait_ready(w, l->socket.st_uid);
	return wait_later(w, "there may be a listening server that is not visible here, or none");
}

static int wait_on_path(struct wait *w)
{
	const struct look *l = &w->look;

	if (l->socket_error == -ENOENT)
		return wait_later(w, "no such file or directory; is the server running?");
	if (l->socket_error == -EACCES)
		return wait_denied(w);
	if (l->socket_error)
		return wait_never(w, EXIT_IO, strerror(-l->socket_error));
	if (!S_ISSOCK(l->socket.st_mode))
		return wait_never(w, EXIT_WRONG_TYPE, "not a socket");
	if (faccessat(AT_FDCWD, l->path, W_OK, AT_EACCESS) < 0 && errno == EACCES)
		return wait_denied(w);
	w->denied_ns = 0;
	return l->listens == 1 ? wait_on_kernel(w) : wait_on_lock(w);
}

static int wait_look(struct wait *w)
{
	const struct look *l = &w->look;

	w->looks++;
	look_at(&w->look);
	if (!l->abstract)
		return wait_on_path(w);
	if (l->listens == 1)
		return wait_on_kernel(w);
	return l->listens < 0 ? wait_connect(w) : wait_later(w, "no server listens there");
}

/* ---- all checks ---- */

static void wait_pause(int64_t ns)
{
	struct timespec t = { .tv_sec = ns / 1000000000, .tv_nsec = (long)(ns % 1000000000) };

	nanosleep(&t, NULL);
}

static int wait_fail(const struct wait *w, int status)
{
	int64_t ms = (postern_now() - w->begun_ns) / 1000000;

	output_error("wait", w->look.name, "%s at %s (%u check%s in %lld ms): %s",
		     status == EXIT_NO_SERVER ? "no server answered" : "cannot connect",
		     words_name(w->look.path).text, w->looks, w->looks == 1 ? "" : "s",
		     (long long)ms, w->reason);
	return status;
}

static int wait_until(struct wait *w)
{
	int64_t pause = WAIT_PAUSE_MIN, left;
	int r;

	for (;;) {
		r = wait_look(w);
		if (r == WAIT_READY)
			return EXIT_DONE;
		if (r == WAIT_NEVER)
			return wait_fail(w, w->status);
		left = w->deadline_ns - postern_now();
		if (left <= 0)
			return wait_fail(w, EXIT_NO_SERVER);
		/* The last check is at the deadline. */
		if (pause > left)
			pause = left;
		if (w->values->common.verbose)
			output_error("wait", w->look.name,
				     "check %u at %s: %s; the next one in %.1f ms", w->looks,
				     words_name(w->look.path).text, w->reason, (double)pause / 1e6);
		wait_pause(pause);
		pause = pause < WAIT_PAUSE_MAX / 2 ? 2 * pause : WAIT_PAUSE_MAX;
	}
}

static int wait_run(void *data)
{
	struct wait w = { .values = data };
	const char *name = w.values->common.name;
	int r;

	if (!name) {
		output_error("wait", NULL, "missing NAME; see: postern wait --help");
		return EXIT_USAGE;
	}
	r = look_resolve(&w.look, name);
	if (r < 0)
		return look_failed("wait", name, r);
	w.begun_ns = postern_now();
	w.deadline_ns = w.values->deadline == POSTERN_FOREVER
				? POSTERN_FOREVER
				: w.begun_ns + (w.values->deadline ? w.values->deadline
								   : POSTERN_SECONDS(5));
	return wait_until(&w);
}

const struct verb verb_wait = {
	.name = "wait",
	.operands = "NAME",
	.about = "Ends as soon as NAME can be connected to.",
	.notes = "It does not connect to a Postern server, so nothing is started by waiting.\n"
		 "TIME: 500ms, 5s, 2m, forever. Ends with 69 when the deadline passes.",
	.takes_name = true,
	.options = wait_options,
	.size = sizeof(struct wait_values),
	.run = wait_run,
};
