/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.c - one call of a caller: its message, what it is told, its memory
 *
 * The message is written straight into the call's block. What does not fit there is counted by the writer, and written
 * once more into memory of that size: a long message is rare, and is checked before anything is allocated for it.
 */
#include "service/caller.h"

#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "core/shape.h"

/* What decoding takes at most: 4 times the longest message. */
#define CALL_DECODED_MAX 4

/* ---- blocks ---- */

static struct postern_call *call_new(struct postern_caller *c)
{
	struct postern_call *call;

	if (list_is_empty(&c->spare)) {
		call = sys_alloc(CALLER_BLOCK);
		if (!call)
			return NULL;
	} else {
		call = container_of(c->spare.next, struct postern_call, state.place);
		list_remove(&call->state.place);
		c->n_spare--;
	}
	*call = (struct postern_call){ .caller = c, .text = call->block };
	list_init(&call->state.place);
	return call;
}

/* Nobody has taken it. */
static void call_drop_upgraded(struct postern_call *call)
{
	call->upgraded = postern_conn_free(call->upgraded);
}

/* What it has beside its block. */
static void call_free_extra(struct postern_call *call)
{
	if (call->text != call->block)
		sys_free(call->text);
	call->text = call->block;
	fds_unref(call->fds);
	fds_unref(call->received);
	call->fds = call->received = NULL;
}

static void call_release(struct postern_call *call)
{
	struct postern_caller *c = call->caller;

	call_drop_upgraded(call);
	list_remove(&call->state.place);
	call_free_extra(call);
	if (c->n_spare < CALLER_SPARE && !c->over) {
		list_append(&c->spare, &call->state.place);
		c->n_spare++;
	} else {
		sys_free(call);
	}
}

/* It has left the machine for good. While a callback of it runs, the memory stays. */
static void call_gone(struct postern_call *call)
{
	call->gone = true;
	if (call->depth > 0)
		list_append(&call->caller->leaving, &call->state.place);
	else
		call_release(call);
}

static void call_free_list(struct list *calls)
{
	while (!list_is_empty(calls)) {
		struct postern_call *call =
			container_of(calls->next, struct postern_call, state.place);

		list_remove(&call->state.place);
		call_free_extra(call);
		sys_free(call);
	}
}

void caller_forget_calls(struct postern_caller *c)
{
	/* Their callbacks never return: the thread has left them by pthread_exit(). */
	call_free_list(&c->leaving);
	call_free_list(&c->spare);
}

/* ---- the message ---- */

/* Parameters in JSON are always sent: that its method declares none is known of a method with tables only. */
static int call_write_parameters(struct postern_json_writer *w, const struct caller_ask *a,
				 struct shape_fault *fault)
{
	struct postern_json json = { "{}", 2 };

	if (a->in && a->in->n == 0)
		return 0;
	postern_json_write_name(w, "parameters");
	if (a->in)
		return shape_write(w, a->in, a->value, fault);
	if (a->json.text)
		json = a->json;
	if (postern_json_kind(json) != POSTERN_JSON_OBJECT) {
		*fault = (struct shape_fault){ .what = "is not an object" };
		return -EINVAL;
	}
	postern_json_write_raw(w, json);
	return 0;
}

/* The length, or why there is no message. */
static ssize_t call_write(const struct caller_ask *a, char *text, size_t size, size_t *ret_needed)
{
	struct shape_fault fault = { 0 };
	struct postern_json_writer w;
	ssize_t r;

	postern_json_write_begin(&w, text, size);
	message_write_call(&w, a->name, (unsigned)a->flags);
	r = call_write_parameters(&w, a, &fault);
	if (r < 0)
		return why_set(why_last(), POSTERN_REASON_FAILED, -EINVAL, "%s: %s %s",
			       words_name(a->name).text,
			       fault.path[0] ? words_name(fault.path).text
			       : a->in       ? "in"
					     : "parameters",
			       fault.what);
	postern_json_write_end(&w);
	r = postern_json_write_finish(&w);
	*ret_needed = w.n;
	if (r >= 0 || r == -EMSGSIZE)
		return r;
	return why_set(why_last(), POSTERN_REASON_FAILED, -EINVAL, "%s: %s",
		       words_name(a->name).text,
		       r == -EILSEQ    ? "a text is not UTF-8"
		       : r == -EDOM    ? "a number is not finite"
		       : r == -EBADMSG ? "the parameters, or an object or any in them, are not JSON"
				       : "the parameters are nested too deep");
}

static int call_too_long(const struct caller_ask *a, size_t n, uint32_t most)
{
	return why_set(why_last(), POSTERN_REASON_FAILED, -EMSGSIZE,
		       "%s: the call takes %zu bytes, and a message has %u at most (message_max)",
		       words_name(a->name).text, n, most);
}

static int call_fill(struct postern_call *call, const struct caller_ask *a)
{
	uint32_t most = call->caller->message_max;
	size_t needed = 0, size = CALLER_BLOCK - sizeof(*call);
	ssize_t n = call_write(a, call->block, size, &needed);

	if (n == -EMSGSIZE && needed <= most) {
		call->text = sys_alloc(needed);
		if (!call->text)
			return why_call(a->what, -ENOMEM);
		n = call_write(a, call->text, needed, &needed);
	}
	if (n == -EMSGSIZE || n > (ssize_t)most)
		return call_too_long(a, needed, most);
	call->n = (uint32_t)(n < 0 ? 0 : n);
	return n < 0 ? (int)n : 0;
}

/* ---- calling ---- */

static int call_refuse(const struct postern_caller *c, const struct caller_ask *a)
{
	if (a->flags != 0 && a->flags != POSTERN_CALL_MORE && a->flags != POSTERN_CALL_ONEWAY &&
	    a->flags != POSTERN_CALL_UPGRADE)
		return why_argument(a->what, "flags is none of 0, MORE, ONEWAY and UPGRADE");
	if (a->fds && !a->takes_fds)
		return why_set(why_last(), POSTERN_REASON_FAILED, -ENOTSUP,
			       "%s: the method does not say that it takes file descriptors",
			       words_name(a->name).text);
	if (a->deadline_ns < 0)
		return why_argument(a->what, "deadline_ns is negative");
	if (c->calling.n >= c->calling.limits.calls)
		return why_set(
			why_last(), POSTERN_REASON_NO_RESOURCES, -EAGAIN,
			"%s: %u calls have not ended yet, and that is how many may be made (calls)",
			words_name(a->name).text, c->calling.n);
	return 0;
}

void caller_ask_end(struct caller_ask *a)
{
	fds_unref(a->fds);
}

int caller_ask_fds(struct caller_ask *a, const struct postern_fds *fds)
{
	int error = 0;

	if (!fds || fds->n == 0)
		return 0;
	if (!fds->fds)
		return why_argument(a->what, "fds has no .fds");
	/* All are consumed, also those behind one that is wrong. */
	for (size_t i = 0; i < fds->n; i++) {
		int r = fds_push(&a->fds, NULL, fds->fds[i]);

		if (r < 0 && error == 0)
			error = r;
	}
	return error < 0 ? why_call(a->what, error) : 0;
}

int caller_ask_json(struct caller_ask *a, const char *method, const char *parameters, size_t n,
		    const struct postern_fds *fds)
{
	int r = caller_ask_fds(a, fds);

	if (r < 0)
		return r;
	if (!method)
		return why_argument(a->what, "method is NULL");
	a->name = method;
	a->json = (struct postern_json){ parameters, n };
	a->takes_fds = a->returns_fds = fds;
	return 0;
}

int caller_ask_method(struct caller_ask *a, const struct postern_method *method, const void *in)
{
	if (!method || !method->name || !method->in || !method->out || !method->deliver)
		return why_argument(a->what, "method is NULL, or not what postern generate writes");
	if (method->more[0] || method->more[1])
		return why_argument(a->what, "method has something in .more");
	a->name = method->name;
	a->in = method->in;
	a->out = method->out;
	a->value = in;
	a->takes_fds = method->flags & POSTERN_METHOD_TAKES_FDS;
	a->returns_fds = method->flags & POSTERN_METHOD_RETURNS_FDS;
	a->deliver = method->deliver;
	return 0;
}

/* As the machine has them. */
static unsigned call_flags(const struct postern_call *call, const struct caller_ask *a)
{
	unsigned flags = (unsigned)a->flags;

	if (call->fds)
		flags |= CALLING_PASSES;
	if (a->returns_fds && !(flags & POSTERN_CALL_ONEWAY))
		flags |= CALLING_TAKES;
	return flags;
}

int caller_start(struct postern_caller *c, struct postern_call **ret, struct caller_ask *a)
{
	struct postern_loop *loop = c->object.loop;
	struct postern_call *call;
	int r = call_refuse(c, a);

	if (r < 0)
		return r;
	call = call_new(c);
	if (!call)
		return why_call(a->what, -ENOMEM);
	call->fds = a->fds;
	a->fds = NULL;
	r = call_fill(call, a);
	if (r == 0)
		r = calling_add(&c->calling, &call->state, call_flags(call, a),
				loop_after(loop, a->deadline_ns ? a->deadline_ns : CALLER_DEADLINE),
				loop_now(loop));
	if (r < 0) {
		call_release(call);
		return r;
	}
	call->out = a->out;
	call->deliver = a->deliver;
	call->fn = a->fn;
	call->data = a->data;
	caller_pump(c);
	if (ret)
		*ret = call;
	return 0;
}

/* A call with an event at its end, if this caller may have such. */
static int call_make(struct postern_call **ret, struct postern_caller *c, struct caller_ask *a)
{
	int r = caller_check(c);

	if (r < 0)
		return why_call(a->what, r);
	if (!a->fn)
		return why_argument(a->what, "fn is NULL");
	if (c->own_loop)
		return why_argument(a->what, "the caller has no loop: it can only wait");
	return caller_start(c, ret, a);
}

int postern_caller_call(struct postern_call **ret, struct postern_caller *c,
			const struct postern_method *method, const void *in,
			const struct postern_fds *fds, uint64_t flags, int64_t deadline_ns,
			void (*fn)(void), void *data)
{
	CALLER_ASK a = { .what = "postern_caller_call",
			 .flags = flags,
			 .deadline_ns = deadline_ns,
			 .fn = fn,
			 .data = data };
	int r = caller_ask_fds(&a, fds);

	if (r == 0)
		r = caller_ask_method(&a, method, in);
	return r < 0 ? r : call_make(ret, c, &a);
}

static void call_deliver(void (*fn)(void), struct postern_call *call,
			 const struct postern_answer *answer, const void *value, void *data)
{
	(void)value;
	((postern_answer_fn *)fn)(call, answer, data);
}

int postern_caller_call_json(struct postern_call **ret, struct postern_caller *c,
			     const char *method, const char *parameters, size_t n,
			     const struct postern_fds *fds, uint64_t flags, int64_t deadline_ns,
			     postern_answer_fn *fn, void *data)
{
	CALLER_ASK a = { .what = "postern_caller_call_json",
			 .flags = flags,
			 .deadline_ns = deadline_ns,
			 .deliver = call_deliver,
			 .fn = (void (*)(void))fn,
			 .data = data };
	int r = caller_ask_json(&a, method, parameters, n, fds);

	return r < 0 ? r : call_make(ret, c, &a);
}

void postern_call_cancel(struct postern_call *call)
{
	struct postern_caller *c;
	bool usable;

	if (!call || call->gone)
		return;
	c = call->caller;
	usable = loop_check(c->object.loop) == 0;
	calling_drop(&c->calling, &call->state, usable ? loop_now(c->object.loop) : 0);
	call_gone(call);
	if (usable)
		caller_pump(c);
}

/* ---- telling ---- */

/* The last thing that is done: it may free everything. */
static void call_tell(struct postern_call *call, struct postern_answer *a, const void *value)
{
	struct postern_caller *c = call->caller;
	bool answered = a->end == POSTERN_END_ANSWERED || a->end == POSTERN_END_CONTINUES;

	a->n_fds = call->received && answered ? call->received->n : 0;
	call->depth++;
	if (a->end != POSTERN_END_CONTINUES)
		call_gone(call);
	/* In a child process nobody is called back. */
	if (loop_is_ours(c->object.loop)) {
		loop_calls(c->object.loop, "answer");
		call->deliver(call->fn, call, a, value, call->data);
	}
	if (--call->depth > 0)
		return;
	fds_unref(call->received);
	call->received = NULL;
	if (call->gone)
		call_release(call);
}

/* What the service sent cannot be used. */
static int call_spoilt(struct postern_call *call, struct postern_answer *a, int code, int error,
		       const char *path, const char *what)
{
	struct why *why = &call->caller->why;

	why_set(why, code, error, "%s: the answer%s%s %s", words_name(call->caller->name).text,
		path[0] ? "'s " : "", path[0] ? words_name(path).text : "", what);
	a->end = POSTERN_END_NO_ANSWER;
	a->parameters = (struct postern_json){ "{}", 2 };
	a->why = &why->reason;
	return error;
}

static int call_no_memory(struct postern_call *call, struct postern_answer *a)
{
	return call_spoilt(call, a, POSTERN_REASON_NO_RESOURCES, -ENOMEM, "",
			   "does not fit into memory");
}

/* What decoding may take, in an address space of 32 bits too. */
static size_t call_decoded_max(const struct postern_caller *c)
{
	size_t most;

	return __builtin_mul_overflow(c->message_max, CALL_DECODED_MAX, &most) ? SIZE_MAX : most;
}

/* *ret: the struct, with what it points to behind it. */
static int call_decode(struct postern_caller *c, struct caller_room *room,
		       const struct postern_type *type, struct postern_json object, void **ret,
		       struct shape_fault *fault)
{
	size_t begin = (type->size + 15u) & ~(size_t)15;
	ssize_t n = shape_check(type, object, SHAPE_LENIENT, call_decoded_max(c), fault);
	char *bytes;

	if (n < 0)
		return (int)n;
	bytes = caller_room_get(room, begin + (size_t)n);
	if (!bytes)
		return -ENOMEM;
	*ret = bytes;
	return shape_decode(type, object, SHAPE_LENIENT, bytes, n > 0 ? bytes + begin : NULL,
			    (size_t)n, fault);
}

static int call_read_error(struct postern_call *call, struct postern_answer *a,
			   struct postern_json error)
{
	char *name = caller_room_get(&call->caller->room, error.n);

	if (!name || postern_json_string(error, name, error.n) < 0)
		return call_no_memory(call, a);
	a->error = name;
	return 0;
}

static int call_read_value(struct postern_call *call, struct postern_answer *a, void **ret)
{
	struct postern_caller *c = call->caller;
	struct shape_fault fault;
	int r = call_decode(c, &c->room, call->out, a->parameters, ret, &fault);

	if (r == -ENOMEM)
		return call_no_memory(call, a);
	if (r < 0)
		return call_spoilt(call, a, POSTERN_REASON_VIOLATION, -EBADMSG, fault.path,
				   fault.what);
	return 0;
}

void caller_tell_answer(struct postern_call *call, const struct message_answer *m)
{
	struct postern_caller *c = call->caller;
	struct postern_answer a = {
		.end = call->state.end,
		.caller = c,
		.parameters = m->parameters,
	};
	void *value = NULL;
	int r = 0;

	if (m->error.text)
		r = call_read_error(call, &a, m->error);
	else if (call->out)
		r = call_read_value(call, &a, &value);
	if (r < 0) {
		/* One with MORE or UPGRADE ends by it: its connection goes, and the service learns it. */
		call_drop_upgraded(call);
		calling_drop(&c->calling, &call->state, loop_now(c->object.loop));
		caller_pump(c);
		value = NULL;
	}
	call_tell(call, &a, value);
}

void caller_tell_upgraded(struct postern_call *call, const struct message_answer *m,
			  struct postern_conn *conn)
{
	static const struct postern_conn_events none = { .size = sizeof(none) };

	conn->events = &none;
	conn->data = NULL;
	call->upgraded = conn;
	caller_tell_answer(call, m);
}

/* It was refused, and its deadline came before the next try. */
static void call_end_refused(struct postern_caller *c, const struct calling_call *state,
			     struct postern_answer *a)
{
	bool busy = state->refused == CALLING_BUSY;
	int n = snprintf(c->refusal, sizeof(c->refusal), busy ? "{\"retryAfterMs\":%lld}" : "{}",
			 (long long)state->retry_ms);

	a->error = busy ? "io.postern.Busy" : "io.postern.Draining";
	a->parameters = (struct postern_json){ c->refusal, (size_t)n };
}

/* Before its deadline it could not be sent: what is known of that is why it could not connect. */
static void call_end_unsent(const struct postern_caller *c, struct postern_reason *why)
{
	if (why->code != POSTERN_REASON_TIMEOUT || c->dial_why.reason.code == 0)
		return;
	why->error = c->dial_why.reason.error;
	why->text = c->dial_why.reason.text;
}

void caller_tell_ended(struct postern_caller *c)
{
	struct calling_call *state;

	while ((state = calling_ended(&c->calling))) {
		struct postern_reason why = state->why;
		struct postern_answer a = {
			.end = state->end,
			.caller = c,
			.parameters = { "{}", 2 },
			.why = &why,
		};

		if (state->end == POSTERN_END_FAILED)
			call_end_refused(c, state, &a);
		if (state->end == POSTERN_END_NOT_SENT)
			call_end_unsent(c, &why);
		if (state->end == POSTERN_END_FAILED || state->end == POSTERN_END_SENT)
			a.why = NULL;
		call_tell(container_of(state, struct postern_call, state), &a, NULL);
	}
}

int postern_answer_is(const struct postern_answer *answer, const struct postern_error *error,
		      void *ret)
{
	struct postern_caller *c;
	struct shape_fault fault;
	void *value;
	int r;

	if (!answer || !error || !error->name)
		return why_argument("postern_answer_is", "answer or error is NULL");
	if (!answer->error || strcmp(answer->error, error->name) != 0)
		return 0;
	if (!ret || !error->type)
		return 1;
	c = answer->caller;
	if (!c)
		return why_argument("postern_answer_is",
				    "the answer has no caller, and so no memory to decode it into");
	r = call_decode(c, &c->detail, error->type, answer->parameters, &value, &fault);
	if (r == -ENOMEM)
		return why_call("postern_answer_is", r);
	if (r < 0)
		return why_set(why_last(), POSTERN_REASON_VIOLATION, -EBADMSG, "%s: %s %s",
			       words_name(error->name).text,
			       fault.path[0] ? words_name(fault.path).text : "the value",
			       fault.what);
	memcpy(ret, value, error->type->size);
	return 1;
}

/* ---- descriptors ---- */

void caller_set_fds(struct postern_caller *c, struct fds *fds)
{
	fds_unref(c->fds);
	c->fds = fds;
}

static int call_take(struct fds *fds, int64_t index)
{
	int fd = fds_take(fds, index);

	if (fd < 0)
		why_set(why_last(), POSTERN_REASON_FAILED, fd,
			"the answer brought %u descriptors, and number %lld is none of them, or was taken",
			fds ? fds->n : 0u, (long long)index);
	return fd;
}

int postern_call_take_fd(struct postern_call *call, int64_t index)
{
	return call_take(call ? call->received : NULL, index);
}

int postern_caller_take_fd(struct postern_caller *c, int64_t index)
{
	return call_take(c ? c->fds : NULL, index);
}

/* ---- upgrading ---- */

/* Those of the caller's options for connections, without what made its messages. */
static const struct conn_limits *call_upgraded_limits(const struct postern_call *call)
{
	struct conn_limits *limits = conn_limits_copy(call->upgraded->limits);

	if (limits) {
		limits->consumer = NULL;
		limits->framing = 0;
		limits->keep_max = call->caller->unread;
		limits->idle_ns = call->caller->idle_ns;
	}
	return limits;
}

int postern_call_upgrade(struct postern_conn **ret, struct postern_call *call,
			 const struct postern_conn_events *events, void *data)
{
	static const char what[] = "postern_call_upgrade";
	const struct conn_limits *limits;
	int r;

	if (!ret || !call)
		return why_argument(what, "ret or call is NULL");
	r = conn_events_check(events);
	if (r < 0)
		return r;
	if (!call->upgraded)
		return why_set(
			why_last(), POSTERN_REASON_FAILED, -ENOTSUP,
			"%s: the call has no connection to take: it was not answered, did not ask for UPGRADE, or that is done",
			what);
	limits = call_upgraded_limits(call);
	if (!limits)
		return why_call(what, -ENOMEM);
	*ret = call->upgraded;
	call->upgraded = NULL;
	conn_hand_over(*ret, limits, events, data);
	return 0;
}
