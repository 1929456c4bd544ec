/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait.c - calls that wait
 *
 * A caller without a loop has one of its own, and these calls turn it until there is what they wait for: as client.c
 * does it, and with the same machine, connections and limits as calls that do not wait.
 *
 * After each answer of a MORE call its connection is paused, because a turn could bring several: the next ones stay where they
 * are, bounded, until postern_caller_next() wants one. That the connection ended can come at any time, though; it is
 * kept in `after` until the answer before it was returned.
 */
#include "service/caller.h"

#include <string.h>

#include "base/base.h"

/* What a waiting call returns for an end; 0: there is an answer. */
static int wait_error(int end)
{
	switch (end) {
	case POSTERN_CALL_FAILED:
		return -EREMOTE;
	case POSTERN_CALL_TIMEOUT:
		return -ETIMEDOUT;
	case POSTERN_CALL_NOT_SENT:
		return -ENOTCONN;
	case POSTERN_CALL_NO_ANSWER:
		return -ECONNRESET;
	case POSTERN_CALL_CANCELLED:
		return -ECANCELED;
	default:
		return 0;
	}
}

/* The same, and postern_why() says it in words. */
static int wait_end(const struct postern_answer *a)
{
	int r = wait_error(a->end);

	if (r == -EREMOTE)
		why_set(why_last(), POSTERN_REASON_FAILED, r, "the service answered with %s",
			a->error);
	else if (r < 0 && a->why)
		why_copy(why_last(), a->why);
	return r;
}

/* The text of a reason goes with the event. */
static void wait_keep_why(struct postern_caller *c, const struct postern_reason *why)
{
	if (why && why != &c->why.reason)
		why_copy(&c->why, why);
}

static void wait_told(struct postern_call *call, const struct postern_answer *answer,
		      const void *value, void *data)
{
	struct postern_caller *c = data;
	struct caller_wait *w = &c->wait;
	bool continues = answer->end == POSTERN_CALL_CONTINUES;

	wait_keep_why(c, answer->why);
	if (!continues)
		w->call = NULL;
	if (w->told) {
		w->after = answer->end;
		return;
	}
	w->told = true;
	w->value = value;
	w->answer.answer = *answer;
	if (answer->why)
		w->answer.answer.why = &c->why.reason;
	if (continues) {
		/* From here on postern_caller_next() has the deadlines. */
		call->state.deadline_ns = POSTERN_FOREVER;
		postern_conn_pause(container_of(call->state.conn, struct caller_conn, state)->conn);
	}
}

/* Turns until an answer is there, or until at_ns. */
static int wait_turn(struct postern_caller *c, int64_t at_ns)
{
	while (!c->wait.told) {
		int64_t left = at_ns == POSTERN_FOREVER ? at_ns : at_ns - sys_now();
		int r = postern_loop_dispatch(c->object.loop, left > 0 ? left : 0);

		if (c->wait.told)
			break;
		if (r < 0 && r != -EINTR)
			return r;
		if (left <= 0)
			return -ETIMEDOUT;
	}
	return 0;
}

static int wait_take(struct postern_caller *c, void *ret)
{
	struct caller_wait *w = &c->wait;
	int r = wait_end(&w->answer.answer);

	w->told = false;
	if (r < 0 || !ret)
		return r;
	if (!w->out)
		*(struct postern_json *)ret = w->answer.answer.parameters;
	else if (w->value)
		memcpy(ret, w->value, w->out->size);
	return 0;
}

static int wait_check(const struct postern_caller *c, const char *what, int64_t deadline_ns)
{
	int r = caller_check(c);

	if (r < 0)
		return why_call(what, r);
	if (loop_in_callback())
		return why_call(what, -EDEADLK);
	if (!c->own_loop)
		return why_argument(what, "the caller has a loop: its calls do not wait");
	return deadline_ns < 0 ? why_argument(what, "deadline_ns is negative") : 0;
}

int postern_caller_wait(struct postern_caller *c, const struct postern_call_method *method,
			const void *in, void *ret, unsigned flags, int64_t deadline_ns)
{
	struct caller_wait *w;
	int r = wait_check(c, "postern_caller_wait", deadline_ns);

	if (r < 0)
		return r;
	if (flags & POSTERN_CALL_UPGRADE)
		return why_argument("postern_caller_wait",
				    "flags has UPGRADE, and the connection would be nobody's");
	w = &c->wait;
	postern_call_free(w->call);
	*w = (struct caller_wait){ .answer.caller = c, .more = flags & POSTERN_CALL_MORE };
	w->answer.answer.parameters = (struct postern_json){ "{}", 2 };
	r = caller_start(c, &w->call, method, in, flags, deadline_ns, wait_told, c);
	if (r < 0)
		return r;
	/* wait_told() takes a value; a generated function for a method without an output does not. */
	w->call->deliver = NULL;
	w->out = method->out;
	r = wait_turn(c, time_after(sys_now(), deadline_ns ? deadline_ns : CALLER_DEADLINE));
	/* It is the call that ends, and knows how. */
	if (r == -ETIMEDOUT)
		caller_look(c);
	if (w->told)
		return wait_take(c, ret);
	w->call = postern_call_free(w->call);
	return r;
}

int postern_caller_next(struct postern_caller *c, void *ret, int64_t deadline_ns)
{
	struct caller_wait *w;
	int r = wait_check(c, "postern_caller_next", deadline_ns);

	if (r < 0)
		return r;
	w = &c->wait;
	if (!w->more)
		return why_argument("postern_caller_next", "the last call was not with MORE");
	if (w->after) {
		w->answer.answer = (struct postern_answer){
			.end = w->after,
			.parameters = { "{}", 2 },
			.why = &c->why.reason,
		};
		w->after = 0;
	}
	if (!w->call)
		return wait_end(&w->answer.answer);
	postern_conn_resume(container_of(w->call->state.conn, struct caller_conn, state)->conn);
	r = wait_turn(c, time_after(sys_now(), deadline_ns ? deadline_ns : CALLER_DEADLINE));
	if (r == 0)
		r = wait_take(c, ret);
	return r < 0 ? r : 1;
}

const struct postern_answer *postern_caller_answer(const struct postern_caller *c)
{
	return c ? &c->wait.answer.answer : NULL;
}
