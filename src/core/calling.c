/* SPDX-License-Identifier: Apache-2.0 */
/* calling.c - the caller's state machine; the overview is in calling.h */
#include "core/calling.h"

#include <assert.h>
#include <errno.h>

#include "base/base.h"

enum { DUE_CLOSE = 1, DUE_UNWRITE = 2, DUE_WRITE = 4 };

#define CALLING_UNWRITTEN UINT64_MAX
/* A service that asks for more is asked again after this. */
#define CALLING_RETRY_MAX_MS 3600000

static const struct postern_reason calling_unsent = {
	.code = POSTERN_REASON_TIMEOUT,
	.error = -ETIMEDOUT,
	.text = "the deadline passed before the call was sent",
};
static const struct postern_reason calling_unanswered = {
	.code = POSTERN_REASON_TIMEOUT,
	.error = -ETIMEDOUT,
	.text = "the deadline passed before an answer came",
};
static const struct postern_reason calling_cancelled = {
	.code = POSTERN_REASON_CANCELLED,
	.error = -ECANCELED,
	.text = "the caller, or its loop, was freed",
};
static const struct postern_reason calling_done = { .text = "" };

void calling_init(struct calling *c, const struct calling_limits *limits, uint64_t seed)
{
	*c = (struct calling){
		.limits = *limits,
		.due_ns = POSTERN_FOREVER,
		.random = seed,
	};
	list_init(&c->ready);
	list_init(&c->alone);
	list_init(&c->later);
	list_init(&c->ended);
	list_init(&c->conns);
	list_init(&c->work);
}

static struct calling_call *calling_first(struct list *calls)
{
	return list_is_empty(calls) ? NULL : container_of(calls->next, struct calling_call, place);
}

static void calling_need(struct calling *c, int64_t at_ns)
{
	if (at_ns < c->due_ns)
		c->due_ns = at_ns;
}

/* Full jitter, as a connect has it (conn/dial.c). */
static int64_t calling_backoff(struct calling *c, uint32_t times)
{
	int64_t most = c->limits.backoff_ns;

	while (times-- > 0 && most < c->limits.backoff_max_ns)
		most = most < c->limits.backoff_max_ns / 2 ? 2 * most : c->limits.backoff_max_ns;
	return 1 + (int64_t)random_below(&c->random, (uint64_t)most);
}

/* The flags of calls that have a connection of their own. */
#define CALLING_ALONE (POSTERN_CALL_MORE | POSTERN_CALL_UPGRADE)

/* ---- how calls leave ---- */

static bool calling_is_sent(const struct calling_call *call)
{
	return call->conn && call->to <= call->conn->sent;
}

/* From any list. An answer that is still to come for it is left to the next one to skip. */
static void calling_leave(struct calling *c, struct calling_call *call)
{
	bool sent = calling_is_sent(call), takes = call->skip_takes || call->flags & CALLING_TAKES;
	struct list *next = call->place.next;

	list_remove(&call->place);
	if (sent && next == &call->conn->awaiting) {
		call->conn->left_takes |= takes;
	} else if (sent) {
		struct calling_call *heir = container_of(next, struct calling_call, place);

		heir->skip += call->skip + 1;
		heir->skip_takes |= takes;
	}
	call->conn = NULL;
	c->n--;
}

static void calling_end(struct calling *c, struct calling_call *call, int end,
			const struct postern_reason *why)
{
	calling_leave(c, call);
	call->end = end;
	call->why = *why;
	list_append(&c->ended, &call->place);
}

/* One whose NUL the kernel has not got, at least not since it was refused. */
static void calling_end_unsent(struct calling *c, struct calling_call *call,
			       const struct postern_reason *why)
{
	calling_end(c, call, call->refused ? POSTERN_END_FAILED : POSTERN_END_NOT_SENT, why);
}

static void calling_expire(struct calling *c, struct calling_call *call)
{
	if (calling_is_sent(call))
		calling_end(c, call, POSTERN_END_TIMEOUT, &calling_unanswered);
	else
		calling_end_unsent(c, call, &calling_unsent);
}

/* ---- how connections end ---- */

static void calling_due(struct calling *c, struct calling_conn *conn, uint32_t due)
{
	conn->due |= due;
	if (!list_is_linked(&conn->work))
		list_append(&c->work, &conn->work);
}

/* What was not sent waits again, before those that came later. */
static void calling_again(struct calling *c, struct calling_conn *conn)
{
	struct list *to = conn->alone ? &c->alone : &c->ready, *at;

	for (at = conn->writing.next; at != &conn->writing; at = at->next)
		container_of(at, struct calling_call, place)->conn = NULL;
	list_splice(&conn->writing, to);
	list_splice(to, &conn->writing);
}

/* It takes no call any more. Then nothing may be sent either: that could be the NUL of a call that is somewhere else by now. */
static void calling_retire(struct calling *c, struct calling_conn *conn)
{
	conn->retired = true;
	if (c->shared == conn)
		c->shared = NULL;
	calling_again(c, conn);
	if (conn->written > conn->sent)
		calling_due(c, conn, DUE_UNWRITE);
	conn->written = conn->sent;
}

/* A call has left it. */
static void calling_settle(struct calling *c, struct calling_conn *conn, int64_t now)
{
	if (!list_is_empty(&conn->writing) || !list_is_empty(&conn->awaiting))
		return;
	conn->empty_ns = now;
	if (conn->retired || conn->alone)
		calling_due(c, conn, DUE_CLOSE);
	else
		calling_need(c, time_after(now, c->limits.idle_ns));
}

static void calling_forget(struct calling *c, struct calling_conn *conn)
{
	if (c->shared == conn)
		c->shared = NULL;
	list_remove(&conn->place);
	list_remove(&conn->work);
}

/* ---- what the program does ---- */

int calling_add(struct calling *c, struct calling_call *call, unsigned flags, int64_t deadline_ns,
		int64_t now)
{
	if (c->n >= c->limits.calls)
		return -EAGAIN;
	*call = (struct calling_call){
		.flags = flags,
		.deadline_ns = deadline_ns,
		.since_ns = now,
	};
	list_append(flags & CALLING_ALONE ? &c->alone : &c->ready, &call->place);
	c->n++;
	calling_need(c, deadline_ns);
	return 0;
}

void calling_drop(struct calling *c, struct calling_call *call, int64_t now)
{
	struct calling_conn *conn = call->conn;

	if (!list_is_linked(&call->place))
		return;
	if (call->end && call->end != POSTERN_END_CONTINUES) {
		list_remove(&call->place);
		return;
	}
	calling_leave(c, call);
	if (!conn)
		return;
	calling_retire(c, conn);
	calling_settle(c, conn, now);
}

static void calling_cancel_list(struct calling *c, struct list *calls)
{
	struct calling_call *call;

	while ((call = calling_first(calls)))
		calling_end(c, call, POSTERN_END_CANCELLED, &calling_cancelled);
}

void calling_cancel(struct calling *c)
{
	for (struct list *at = c->conns.next; at != &c->conns; at = at->next) {
		struct calling_conn *conn = container_of(at, struct calling_conn, place);

		calling_cancel_list(c, &conn->awaiting);
		calling_cancel_list(c, &conn->writing);
		calling_due(c, conn, DUE_CLOSE);
	}
	calling_cancel_list(c, &c->ready);
	calling_cancel_list(c, &c->alone);
	calling_cancel_list(c, &c->later);
}

/* ---- time ---- */

/* Ends the calls whose time is over; did it find any? */
static bool calling_sweep(struct calling *c, struct list *calls, int64_t now)
{
	bool found = false;

	for (struct list *at = calls->next, *next; at != calls; at = next) {
		struct calling_call *call = container_of(at, struct calling_call, place);

		next = at->next;
		if (call->deadline_ns > now) {
			calling_need(c, call->deadline_ns);
			continue;
		}
		calling_expire(c, call);
		found = true;
	}
	return found;
}

static void calling_sweep_conn(struct calling *c, struct calling_conn *conn, int64_t now)
{
	bool found = calling_sweep(c, &conn->awaiting, now);

	found |= calling_sweep(c, &conn->writing, now);
	if (found) {
		calling_retire(c, conn);
		calling_settle(c, conn, now);
	} else if (conn == c->shared && conn->open && list_is_empty(&conn->awaiting) &&
		   list_is_empty(&conn->writing)) {
		if (time_after(conn->empty_ns, c->limits.idle_ns) <= now)
			calling_retire(c, conn);
		calling_settle(c, conn, conn->empty_ns);
	}
}

/* Those that were refused, when their time has come. */
static void calling_sweep_later(struct calling *c, int64_t now)
{
	for (struct list *at = c->later.next, *next; at != &c->later; at = next) {
		struct calling_call *call = container_of(at, struct calling_call, place);

		next = at->next;
		if (call->at_ns > now) {
			calling_need(c, call->at_ns);
			continue;
		}
		call->since_ns = now;
		list_remove(at);
		list_append(call->flags & CALLING_ALONE ? &c->alone : &c->ready, at);
	}
}

void calling_time(struct calling *c, int64_t now)
{
	if (now < c->due_ns)
		return;
	c->due_ns = POSTERN_FOREVER;
	for (struct list *at = c->conns.next; at != &c->conns; at = at->next)
		calling_sweep_conn(c, container_of(at, struct calling_conn, place), now);
	calling_sweep(c, &c->ready, now);
	calling_sweep(c, &c->alone, now);
	calling_sweep(c, &c->later, now);
	calling_sweep_later(c, now);
	if (c->connect_ns > now)
		calling_need(c, c->connect_ns);
}

int64_t calling_next(const struct calling *c)
{
	return c->due_ns;
}

/* ---- what connections do ---- */

void calling_connected(struct calling *c, struct calling_conn *conn, int64_t now)
{
	conn->open = true;
	conn->empty_ns = now;
	if (conn->alone)
		calling_due(c, conn, DUE_WRITE);
	else
		calling_need(c, time_after(now, c->limits.idle_ns));
}

void calling_drained(struct calling *c, struct calling_conn *conn)
{
	struct calling_call *call = calling_first(&conn->writing);

	conn->full = false;
	if (conn->alone && call && call->to == CALLING_UNWRITTEN)
		calling_due(c, conn, DUE_WRITE);
}

void calling_sent(struct calling *c, struct calling_conn *conn, size_t n, int64_t now)
{
	struct calling_call *call;

	conn->sent += n;
	while ((call = calling_first(&conn->writing)) && call->to <= conn->sent) {
		list_remove(&call->place);
		if (call->flags & POSTERN_CALL_ONEWAY) {
			conn->unproven = call->to;
			call->conn = NULL;
			calling_end(c, call, POSTERN_END_SENT, &calling_done);
		} else {
			list_append(&conn->awaiting, &call->place);
		}
	}
	calling_settle(c, conn, now);
}

static int calling_refusal(const struct message_answer *answer)
{
	if (!answer->error.text)
		return 0;
	if (postern_json_equals(answer->error, "io.postern.Busy"))
		return CALLING_BUSY;
	return postern_json_equals(answer->error, "io.postern.Draining") ? CALLING_DRAINING : 0;
}

/* How long a Busy service wants not to be asked. */
static int64_t calling_retry_ms(const struct message_answer *answer)
{
	struct postern_json value;
	int64_t ms;

	if (postern_json_find(answer->parameters, "retryAfterMs", &value) <= 0 ||
	    postern_json_int(value, &ms) < 0 || ms < 0)
		return 0;
	return ms < CALLING_RETRY_MAX_MS ? ms : CALLING_RETRY_MAX_MS;
}

/* A call that the service did not begin is made again, unless its deadline comes before that. */
static bool calling_is_refused(struct calling *c, struct calling_call *call,
			       const struct message_answer *answer, int64_t now)
{
	int refusal = call->begun ? 0 : calling_refusal(answer);
	struct calling_conn *conn = call->conn;
	int64_t at;

	if (!refusal || c->limits.once || call->flags & CALLING_PASSES)
		return false;
	call->refused = (uint8_t)refusal;
	call->retry_ms = calling_retry_ms(answer);
	at = time_after(now, POSTERN_MS(call->retry_ms) + calling_backoff(c, call->refusals++));
	if (at >= call->deadline_ns)
		return false;
	list_remove(&call->place);
	list_append(&c->later, &call->place);
	call->conn = NULL;
	call->at_ns = at;
	calling_need(c, at);
	calling_retire(c, conn);
	calling_settle(c, conn, now);
	return true;
}

int calling_answer(struct calling *c, struct calling_conn *conn,
		   const struct message_answer *answer, int64_t now, struct calling_call **ret,
		   const char **ret_wrong)
{
	struct calling_call *call = calling_first(&conn->awaiting);

	*ret = NULL;
	*ret_wrong = !call ? "there is no call that it answers"
		     : answer->continues && (call->skip > 0 || !(call->flags & POSTERN_CALL_MORE))
			     ? "it continues, and its call did not ask for more"
			     : NULL;
	if (*ret_wrong)
		return -EBADMSG;
	if (call->skip == 0 && call->to > conn->unproven)
		conn->unproven = 0;
	if (call->skip > 0) {
		call->skip--;
		return 0;
	}
	if (answer->continues) {
		call->begun = true;
		call->end = POSTERN_END_CONTINUES;
	} else if (calling_is_refused(c, call, answer, now)) {
		return 0;
	} else {
		list_remove(&call->place);
		call->conn = NULL;
		c->n--;
		call->end = answer->error.text ? POSTERN_END_FAILED : POSTERN_END_ANSWERED;
		if (call->flags & POSTERN_CALL_UPGRADE && !answer->error.text)
			calling_forget(c, conn);
		else
			calling_settle(c, conn, now);
	}
	conn->answered = true;
	c->losses = 0;
	*ret = call;
	return 0;
}

unsigned calling_takes(const struct calling_conn *conn, struct calling_look *look,
		       const struct message_answer *answer)
{
	const struct calling_call *call;

	if (!look->at)
		*look = (struct calling_look){ .at = conn->awaiting.next };
	/* Those of calls that have left come behind the last one, too: then it is retired. */
	if (look->at == &conn->awaiting)
		return conn->left_takes ? GLUE_TAKES : 0;
	call = container_of(look->at, const struct calling_call, place);
	/* Those of calls that have left come first. */
	if (look->skip < call->skip) {
		look->skip++;
		return call->skip_takes ? GLUE_TAKES : 0;
	}
	if (!answer->continues) {
		look->at = look->at->next;
		look->skip = 0;
	}
	return (call->flags & CALLING_TAKES ? GLUE_TAKES : 0) |
	       (call->flags & POSTERN_CALL_UPGRADE && !answer->error.text ? GLUE_ENDS : 0);
}

/* The connect has failed of which these calls were in need when it began. */
static void calling_no_answerer(struct calling *c, int64_t begun_ns,
				const struct postern_reason *why)
{
	for (struct list *at = c->ready.next, *next; at != &c->ready; at = next) {
		struct calling_call *call = container_of(at, struct calling_call, place);

		next = at->next;
		if (call->since_ns <= begun_ns)
			calling_end_unsent(c, call, why);
	}
}

/* The kernel has refused to pass its descriptors, and would do so on each connection. */
static void calling_end_refused(struct calling *c, struct calling_conn *conn,
				const struct postern_reason *why)
{
	struct calling_call *call = calling_first(&conn->writing);

	if (call && call->flags & CALLING_PASSES &&
	    (why->code == POSTERN_REASON_NOT_ALLOWED || why->code == POSTERN_REASON_FAILED))
		calling_end_unsent(c, call, why);
}

void calling_lost(struct calling *c, struct calling_conn *conn, const struct postern_reason *why,
		  int64_t now)
{
	struct calling_call *call;

	while ((call = calling_first(&conn->awaiting)))
		calling_end(c, call, POSTERN_END_NO_ANSWER, why);
	if (conn->open) {
		calling_end_refused(c, conn, why);
		calling_again(c, conn);
		if (!conn->answered) {
			c->connect_ns = time_after(now, calling_backoff(c, c->losses++));
			calling_need(c, c->connect_ns);
		}
	} else if (conn->alone) {
		while ((call = calling_first(&conn->writing)))
			calling_end_unsent(c, call, why);
	} else {
		calling_no_answerer(c, conn->begun_ns, why);
	}
	calling_forget(c, conn);
}

/* ---- what to do ---- */

/* For one connection; the first of `work`. */
static int calling_step_conn(struct calling *c, struct calling_conn *conn, struct calling_act *ret)
{
	uint32_t due = conn->due;

	ret->conn = conn;
	if (due & DUE_CLOSE) {
		calling_forget(c, conn);
		return ret->what = CALLING_CLOSE;
	}
	conn->due = due & DUE_UNWRITE ? due & ~(uint32_t)DUE_UNWRITE : 0;
	if (!conn->due)
		list_remove(&conn->work);
	if (due & DUE_UNWRITE)
		return ret->what = CALLING_UNWRITE;
	ret->call = calling_first(&conn->writing);
	return ret->what = ret->call ? CALLING_WRITE : 0;
}

/* A connect, if a call needs one. */
static int calling_step_dial(struct calling *c, int64_t now, struct calling_act *ret)
{
	if (now < c->connect_ns)
		return 0;
	ret->call = calling_first(&c->alone);
	if (ret->call || (!c->shared && !list_is_empty(&c->ready)))
		return ret->what = CALLING_DIAL;
	return 0;
}

/* A call with descriptors is next, and is not to be glued to others. true: it may not be written yet. */
static bool calling_holds(struct calling *c, struct calling_conn *shared, int64_t now)
{
	const struct calling_call *call = calling_first(&c->ready);

	if (!call || !(call->flags & CALLING_PASSES))
		return false;
	if (!list_is_empty(&shared->writing) || !list_is_empty(&shared->awaiting))
		return true;
	if (!shared->unproven)
		return false;
	/* No answer will come that proves that it was read. */
	calling_retire(c, shared);
	calling_settle(c, shared, now);
	return true;
}

int calling_step(struct calling *c, int64_t now, struct calling_act *ret)
{
	struct calling_conn *shared = c->shared;

	if (shared && shared->open && calling_holds(c, shared, now))
		shared = NULL;
	do {
		*ret = (struct calling_act){ 0 };
		if (list_is_empty(&c->work))
			break;
	} while (!calling_step_conn(c, container_of(c->work.next, struct calling_conn, work), ret));
	if (ret->what)
		return ret->what;
	/* Nobody is left that it connects for. */
	if (shared && !shared->open && list_is_empty(&c->ready)) {
		calling_forget(c, shared);
		ret->conn = shared;
		return ret->what = CALLING_CLOSE;
	}
	if (shared && shared->open && !shared->full && !list_is_empty(&c->ready)) {
		ret->conn = shared;
		ret->call = calling_first(&c->ready);
		return ret->what = CALLING_WRITE;
	}
	return calling_step_dial(c, now, ret);
}

void calling_dialled(struct calling *c, struct calling_conn *conn, struct calling_call *call,
		     int64_t now)
{
	*conn = (struct calling_conn){ .alone = call != NULL, .begun_ns = now };
	list_init(&conn->work);
	list_init(&conn->writing);
	list_init(&conn->awaiting);
	list_append(&c->conns, &conn->place);
	if (!call) {
		c->shared = conn;
		return;
	}
	list_remove(&call->place);
	list_append(&conn->writing, &call->place);
	call->conn = conn;
	call->to = CALLING_UNWRITTEN;
	call->skip = 0;
	call->skip_takes = false;
}

void calling_no_conn(struct calling *c, struct calling_call *call, const struct postern_reason *why)
{
	if (call)
		calling_end_unsent(c, call, why);
	else
		calling_no_answerer(c, INT64_MAX, why);
}

void calling_wrote(struct calling *c, struct calling_conn *conn, struct calling_call *call,
		   size_t n)
{
	(void)c;
	assert(!conn->retired);
	list_remove(&call->place);
	list_append(&conn->writing, &call->place);
	call->conn = conn;
	call->skip = 0;
	call->skip_takes = false;
	conn->written += n;
	call->to = conn->written;
}

void calling_full(struct calling_conn *conn)
{
	conn->full = true;
}

struct calling_call *calling_ended(struct calling *c)
{
	struct calling_call *call = calling_first(&c->ended);

	if (call)
		list_remove(&call->place);
	return call;
}
