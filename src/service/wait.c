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
	case POSTERN_END_FAILED:
		return -EREMOTE;
	case POSTERN_END_TIMEOUT:
		return -ETIMEDOUT;
	case POSTERN_END_NOT_SENT:
		return -ENOTCONN;
	case POSTERN_END_NO_ANSWER:
		return -ECONNRESET;
	case POSTERN_END_CANCELLED:
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

static void wait_told(void (*fn)(void), struct postern_call *call,
		      const struct postern_answer *answer, const void *value, void *data)
{
	struct postern_caller *c = data;
	struct caller_wait *w = &c->wait;
	bool continues = answer->end == POSTERN_END_CONTINUES;

	(void)fn;
	wait_keep_why(c, answer->why);
	if (!continues)
		w->call = NULL;
	if (w->told) {
		w->after = answer->end;
		return;
	}
	w->told = true;
	w->value = value;
	w->answer = *answer;
	caller_set_fds(c, call->received);
	call->received = NULL;
	if (answer->why)
		w->answer.why = &c->why.reason;
	if (w->taker && answer->end == POSTERN_END_ANSWERED)
		w->taker->error = postern_call_upgrade(&w->taker->conn, call, w->taker->events,
						       w->taker->data);
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

/* Into the struct or the JSON of a program, one of which may be there. */
static int wait_take(struct postern_caller *c, void *ret, struct postern_json *ret_json)
{
	struct caller_wait *w = &c->wait;
	int r = wait_end(&w->answer);

	w->told = false;
	if (r == 0 && ret_json)
		*ret_json = w->answer.parameters;
	if (r == 0 && ret && w->value)
		memcpy(ret, w->value, w->out->size);
	return r;
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

static int wait_call(struct postern_caller *c, struct caller_ask *a, void *ret,
		     struct postern_json *ret_json, struct caller_taker *taker)
{
	int r = wait_check(c, a->what, a->deadline_ns);
	struct caller_wait *w;

	if (r < 0)
		return r;
	w = &c->wait;
	if (a->flags & POSTERN_CALL_UPGRADE && !taker)
		return why_argument(a->what,
				    "flags has UPGRADE: postern_caller_upgrade() is for that");
	postern_call_cancel(w->call);
	caller_set_fds(c, NULL);
	*w = (struct caller_wait){ .out = a->out, .answer.caller = c };
	w->answer.parameters = (struct postern_json){ "{}", 2 };
	a->deliver = wait_told;
	a->data = c;
	r = caller_start(c, &w->call, a);
	if (r < 0)
		return r;
	w->more = a->flags & POSTERN_CALL_MORE;
	w->taker = taker;
	r = wait_turn(c, time_after(sys_now(), a->deadline_ns ? a->deadline_ns : CALLER_DEADLINE));
	/* It is the call that ends, and knows how. */
	if (r == -ETIMEDOUT)
		caller_look(c);
	if (w->told)
		return wait_take(c, ret, ret_json);
	postern_call_cancel(w->call);
	w->call = NULL;
	return r;
}

int postern_caller_wait(struct postern_caller *c, const struct postern_method *method,
			const void *in, const struct postern_fds *fds, void *ret, uint64_t flags,
			int64_t deadline_ns)
{
	CALLER_ASK a = { .what = "postern_caller_wait",
			 .flags = flags,
			 .deadline_ns = deadline_ns };
	int r = caller_ask_fds(&a, fds);

	if (r == 0)
		r = caller_ask_method(&a, method, in);
	return r < 0 ? r : wait_call(c, &a, ret, NULL, NULL);
}

int postern_caller_wait_json(struct postern_caller *c, const char *method, const char *parameters,
			     size_t n, const struct postern_fds *fds, struct postern_json *ret,
			     uint64_t flags, int64_t deadline_ns)
{
	CALLER_ASK a = { .what = "postern_caller_wait_json",
			 .flags = flags,
			 .deadline_ns = deadline_ns };
	int r = caller_ask_json(&a, method, parameters, n, fds);

	return r < 0 ? r : wait_call(c, &a, NULL, ret, NULL);
}

int caller_wait_upgrade(struct postern_caller *c, struct caller_ask *a, void *ret,
			struct postern_json *ret_json, struct caller_taker *taker)
{
	int r;

	a->flags = POSTERN_CALL_UPGRADE;
	r = wait_call(c, a, ret, ret_json, taker);
	c->wait.taker = NULL;
	return r < 0 ? r : taker->error;
}

static int wait_next(struct postern_caller *c, const char *what, void *ret,
		     struct postern_json *ret_json, int64_t deadline_ns)
{
	struct caller_wait *w = &c->wait;
	int r;

	if (!w->more)
		return why_argument(what, "the last call was not with MORE");
	if (ret && !w->out)
		return why_argument(what, "the last call was in JSON");
	if (!w->told)
		caller_set_fds(c, NULL);
	if (w->after) {
		w->answer = (struct postern_answer){
			.end = w->after,
			.caller = c,
			.parameters = { "{}", 2 },
			.why = &c->why.reason,
		};
		w->after = 0;
	}
	if (!w->call)
		return wait_end(&w->answer);
	postern_conn_resume(container_of(w->call->state.conn, struct caller_conn, state)->conn);
	r = wait_turn(c, time_after(sys_now(), deadline_ns ? deadline_ns : CALLER_DEADLINE));
	if (r == 0)
		r = wait_take(c, ret, ret_json);
	return r < 0 ? r : 1;
}

int postern_caller_next(struct postern_caller *c, void *ret, int64_t deadline_ns)
{
	static const char what[] = "postern_caller_next";
	int r = wait_check(c, what, deadline_ns);

	return r < 0 ? r : wait_next(c, what, ret, NULL, deadline_ns);
}

int postern_caller_next_json(struct postern_caller *c, struct postern_json *ret,
			     int64_t deadline_ns)
{
	static const char what[] = "postern_caller_next_json";
	int r = wait_check(c, what, deadline_ns);

	return r < 0 ? r : wait_next(c, what, NULL, ret, deadline_ns);
}

const struct postern_answer *postern_caller_answer(const struct postern_caller *c)
{
	return c ? &c->wait.answer : NULL;
}

int postern_caller_set_busy_poll(struct postern_caller *c, int64_t max_ns)
{
	int r = caller_check(c);

	if (r < 0)
		return r;
	return c->own_loop ? postern_loop_set_busy_poll(c->object.loop, max_ns) : -EINVAL;
}
