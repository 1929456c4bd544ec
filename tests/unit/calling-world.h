/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * calling-world.h - what runs the caller's state machine in its tests: no sockets, no clock
 *
 * It does what calling_step() says, and plays the kernel and the service. Each act is a word of `log`: dial, +dial (for
 * one call), write(b) for call b, full(b), drop, close.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "core/calling.h"
#include "test.h"

enum { CALLS = 8, CONNS = 16, BYTES = 10, WRITTEN = 512 };

struct wire {
	struct calling_conn conn;
	bool used, closed;
	size_t queued, taken; /* bytes that are not sent yet; that are */
	struct {
		int call;
		unsigned serial; /* of this call, since calls are used again */
		bool oneway;
	} written[WRITTEN];
	unsigned n, served; /* of those; what the service has answered */
};

struct world {
	struct calling machine;
	struct calling_call calls[CALLS];
	struct wire wires[CONNS];
	unsigned serials[CALLS];
	int64_t now;
	bool full;    /* the next write is refused */
	bool no_conn; /* the next dial fails at once */
	char log[512];
};

static const struct calling_limits limits = {
	.calls = CALLS,
	.idle_ns = POSTERN_SECONDS(30),
	.backoff_ns = POSTERN_MS(10),
	.backoff_max_ns = POSTERN_SECONDS(1),
};

static const struct postern_reason lost = { POSTERN_REASON_RESET, -ECONNRESET, "lost" };
static const struct postern_reason denied = { POSTERN_REASON_NOT_ALLOWED, -EACCES, "denied" };

static inline void begin(struct world *w)
{
	memset(w, 0, sizeof *w);
	w->now = POSTERN_SECONDS(1000);
	calling_init(&w->machine, &limits, 42);
}

__attribute__((format(printf, 2, 3))) static inline void say(struct world *w, const char *format,
							     ...)
{
	size_t n = strlen(w->log);
	va_list args;

	va_start(args, format);
	if (n > 0)
		w->log[n++] = ' ';
	vsnprintf(w->log + n, sizeof w->log - n, format, args);
	va_end(args);
}

/* What has been done since, in words. */
static inline void assert_log(struct world *w, const char *expected)
{
	if (strcmp(w->log, expected) != 0)
		fail_msg("it did \"%s\" and not \"%s\"", w->log, expected);
	w->log[0] = '\0';
}

static inline char letter(const struct world *w, const struct calling_call *call)
{
	return (char)('a' + (call - w->calls));
}

static inline struct wire *wire_of(struct calling_conn *conn)
{
	return container_of(conn, struct wire, conn);
}

static inline void dial(struct world *w, struct calling_call *call)
{
	struct wire *wire = w->wires;

	say(w, call ? "+dial" : "dial");
	if (w->no_conn) {
		w->no_conn = false;
		calling_no_conn(&w->machine, call, &denied);
		return;
	}
	while (wire->used)
		wire++;
	assert_true(wire < w->wires + CONNS);
	wire->used = true;
	calling_dialled(&w->machine, &wire->conn, call, w->now);
}

static inline void write_call(struct world *w, struct calling_conn *conn, struct calling_call *call)
{
	struct wire *wire = wire_of(conn);

	if (w->full) {
		w->full = false;
		say(w, "full(%c)", letter(w, call));
		calling_full(conn);
		return;
	}
	say(w, "write(%c)", letter(w, call));
	wire->queued += BYTES;
	assert_true(wire->n < WRITTEN);
	wire->written[wire->n].call = (int)(call - w->calls);
	wire->written[wire->n].oneway = call->flags & POSTERN_CALL_ONEWAY;
	wire->written[wire->n++].serial = w->serials[call - w->calls];
	calling_wrote(&w->machine, conn, call, BYTES);
}

static inline void run(struct world *w)
{
	struct calling_act act;

	while (calling_step(&w->machine, w->now, &act)) {
		if (act.what == CALLING_DIAL) {
			dial(w, act.call);
		} else if (act.what == CALLING_WRITE) {
			write_call(w, act.conn, act.call);
		} else if (act.what == CALLING_UNWRITE) {
			say(w, "drop");
			assert_true(wire_of(act.conn)->queued > 0);
			wire_of(act.conn)->queued = 0;
		} else {
			say(w, "close");
			assert_false(wire_of(act.conn)->closed);
			wire_of(act.conn)->closed = true;
		}
	}
}

static inline void call(struct world *w, char name, unsigned flags, int64_t after)
{
	w->serials[name - 'a']++;
	assert_ok(calling_add(&w->machine, &w->calls[name - 'a'], flags, w->now + after, w->now));
	run(w);
}

static inline void connected(struct world *w, int wire)
{
	calling_connected(&w->machine, &w->wires[wire].conn, w->now);
	run(w);
}

static inline void sent(struct world *w, int wire, size_t n)
{
	assert_true(n <= w->wires[wire].queued);
	w->wires[wire].queued -= n;
	w->wires[wire].taken += n;
	calling_sent(&w->machine, &w->wires[wire].conn, n, w->now);
	run(w);
}

static inline void is_lost(struct world *w, int wire, const struct postern_reason *why)
{
	calling_lost(&w->machine, &w->wires[wire].conn, why, w->now);
	w->wires[wire].closed = true;
	run(w);
}

/* An answer arrives; returns the name of the call that is told, or '-' for nobody, or '!' for a violation. */
static inline char answer(struct world *w, int wire, const char *text)
{
	struct message_fault fault;
	struct message_answer m;
	struct calling_call *told;
	const char *wrong;
	int r;

	assert_ok(message_read_answer(text, strlen(text), &m, &fault));
	r = calling_answer(&w->machine, &w->wires[wire].conn, &m, w->now, &told, &wrong);
	if (r == -EBADMSG)
		is_lost(w, wire, &lost);
	run(w);
	return r < 0 ? '!' : told ? letter(w, told) : '-';
}

static inline void wait_ns(struct world *w, int64_t ns)
{
	w->now += ns;
	calling_time(&w->machine, w->now);
	run(w);
}

static inline void assert_ended(struct world *w, char name, int end, int code)
{
	struct calling_call *ended = calling_ended(&w->machine);

	if (!ended)
		fail_msg("no call has ended");
	if (letter(w, ended) != name || ended->end != end || ended->why.code != code)
		fail_msg("call %c ended in %d, reason %d; not %c in %d, %d", letter(w, ended),
			 ended->end, ended->why.code, name, end, code);
}

static inline void assert_none_ended(struct world *w)
{
	struct calling_call *ended = calling_ended(&w->machine);

	if (ended)
		fail_msg("call %c ended in %d", letter(w, ended), ended->end);
}
