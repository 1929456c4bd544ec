/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic.c - a topic: many requests that get the same answers
 *
 * A publication, walked through as data:
 *
 *   a value       is encoded into the service's scratch as one answer that continues, and copied into a block, which
 *                 is the state from then on (core/topic.h). The block of a publication that nobody needs any more is
 *                 used for the next one: in the steady state none is allocated
 *   a subscriber  that has all is sent the block's bytes, from where they are: one system call, no copy. If the kernel
 *                 takes a part of them, or none, the subscriber stays at that byte of that block, and its connection is
 *                 asked for writable (conn_send_now()). That is the whole of what a slow one costs beside its request, and what
 *                 it has begun is charged to its user
 *   writable      sends the rest, and then what core/topic.h says is next
 *   the end       an answer that does not continue goes the same way, and closes the request. Any other end, such as
 *                 Overflow, is queued at once, after the rest of what has begun, which only then is copied
 *
 * While a request is open nothing but its topic writes to its connection, except for answers before it that the turn has
 * not sent yet: they go first.
 *
 * Not queued in the connection, as other answers are: its queue would need a copy for each subscriber, in a chunk of 16
 * KiB, until the end of the turn; and what stands in a queue can neither be skipped nor shared.
 *
 * Nothing here calls the program, but for the task: also that a subscriber has left is told by the service's
 * (request_tell_left()). So a publication runs through all subscribers, and whatever it does to one cannot end another. A
 * subscriber is ended by its peer (request_cancel()), by the topic, or by the service, and each of these goes through
 * topic_forget().
 *
 * A topic that has ended and was freed stays until its last subscriber has got what it waits for, or leaves.
 */
#include <errno.h>
#include <string.h>

#include "base/base.h"
#include "service/service.h"

enum {
	TOPIC_MESSAGES = 1024,
	TOPIC_BYTES = 1024 * 1024,
	TOPIC_ROUND = 64, /* publications to one subscriber at once; then others have their turn */
};

static int topic_check(const struct postern_topic *t)
{
	int r;

	if (!t)
		return -EINVAL;
	r = loop_check(t->object.loop);
	if (r < 0)
		return r;
	return t->service && !t->freed ? 0 : -ESTALE;
}

/* ---- memory ---- */

/* What is dead is kept for the next publication, if it is not large. */
static void topic_sweep(struct postern_topic *t)
{
	struct topic_item *dead;

	while ((dead = topic_dead(&t->core))) {
		struct publication *p = container_of(dead, struct publication, item);

		if (!t->spare && p->size <= SERVICE_SCRATCH)
			t->spare = p;
		else
			sys_free(p);
	}
}

static struct publication *topic_block(struct postern_topic *t, size_t n)
{
	struct publication *p = t->spare;
	size_t size = 64;

	t->spare = NULL;
	if (p && p->size >= n)
		return p;
	sys_free(p);
	while (size < n)
		size *= 2;
	p = sys_alloc(sizeof(*p) + size);
	if (p)
		p->size = (uint32_t)size;
	return p;
}

static void topic_bury(struct object *o)
{
	struct postern_topic *t = container_of(o, struct postern_topic, object);

	t->freed = false; /* once is enough */
	while (!list_is_empty(&t->subscribers)) {
		struct postern_request *r =
			container_of(t->subscribers.next, struct postern_request, subscriber);

		r->kept = false; /* the service buries it */
		topic_forget(r);
	}
	list_remove(&t->node);
	topic_deinit(&t->core);
	topic_sweep(t);
	sys_free(t->spare);
	sys_free(t);
}

/* ---- subscribers ---- */

static void topic_changes(struct postern_topic *t)
{
	if (t->events && t->object.loop && !t->freed)
		object_task(&t->object);
}

static void topic_uncharge(struct postern_request *r)
{
	if (r->begun == 0)
		return;
	if (r->account)
		account_give(r->account, NULL, r->begun);
	r->charged -= r->begun;
	r->begun = 0;
}

void topic_forget(struct postern_request *r)
{
	struct postern_topic *t = r->topic;

	r->topic = NULL;
	list_remove(&r->subscriber);
	topic_leave(&t->core, &r->reader);
	topic_sweep(t);
	t->counters.subscribers--;
	topic_changes(t);
	if (t->freed && t->counters.subscribers == 0)
		object_end(&t->object);
}

/* Its final answer went, or is queued, or nothing can be sent any more. */
static void topic_lose(struct postern_request *r)
{
	topic_forget(r);
	request_done(r);
}

/* Its connection takes nothing, and will end by itself. */
static void topic_give_up(struct postern_request *r)
{
	serving_answered(&r->serve->machine, SERVING_FAILS);
	topic_lose(r);
}

/* The last answer of all has gone, or is queued. */
static void topic_answered(struct postern_request *r)
{
	serving_answered(&r->serve->machine, SERVING_REPLIES);
	r->service->counters.answers++;
	topic_lose(r);
}

/* The rest of what has begun: nothing else may be sent before it. */
static void topic_finish(struct postern_request *r)
{
	const struct topic_item *item = r->reader.item;
	const char *bytes = container_of(item, struct publication, item)->bytes;
	uint32_t at = r->reader.at;

	if (conn_write_owed(r->serve->conn, bytes + at, item->n - at) < 0) {
		postern_conn_abort(r->serve->conn);
		return;
	}
	r->topic->counters.sent++;
	trace_message(r->serve, "answer", bytes, item->n - 1);
}

/* Ends it with an error of the library's. */
static void topic_dismiss(struct postern_request *r, const struct answer *a)
{
	if (r->reader.at > 0)
		topic_finish(r);
	if (topic_is_ending(&r->reader)) {
		topic_answered(r);
		return;
	}
	answer_final(r->serve, a);
	topic_lose(r);
}

static void topic_dismiss_all(struct postern_topic *t, const char *error)
{
	struct answer a = { .error = error, .how = SERVING_FAILS };
	struct list *next;

	answer_one(&a, NULL, NULL);
	for (struct list *l = t->subscribers.next; l != &t->subscribers; l = next) {
		next = l->next;
		topic_dismiss(container_of(l, struct postern_request, subscriber), &a);
	}
}

static void topic_overflow(struct postern_request *r)
{
	struct postern_topic *t = r->topic;
	struct answer a = { .error = ERROR_OVERFLOW, .how = SERVING_FAILS };

	a.number = (int64_t)(t->core.number - r->reader.begun);
	answer_one(&a, "dropped", NULL);
	t->counters.overflows++;
	t->counters.dropped += (uint64_t)a.number;
	topic_dismiss(r, &a);
}

/* ---- sending ---- */

/* A message that is on its way is what the peer has to read: it counts as its user's. */
static void topic_charge(struct postern_request *r, uint32_t n)
{
	if (r->begun > 0)
		return;
	r->begun = n;
	r->charged += n;
	if (r->account)
		account_take(r->account, n);
}

/* One send. true: more can go. */
static bool topic_send_some(struct postern_request *r, const struct topic_item *item)
{
	struct postern_topic *t = r->topic;
	const struct publication *p = container_of(item, struct publication, item);
	uint32_t n = item->n, left = n - r->reader.at;
	ssize_t went = conn_send_now(r->serve->conn, p->bytes + r->reader.at, left);

	if (went < 0) {
		topic_give_up(r);
		return false;
	}
	if ((uint32_t)went < left) {
		if (went > 0)
			topic_charge(r, n);
		topic_took(&t->core, &r->reader, (uint32_t)went);
		return false;
	}
	t->counters.sent++;
	trace_message(r->serve, "answer", p->bytes, n - 1);
	topic_uncharge(r);
	if (!topic_took(&t->core, &r->reader, left))
		return true;
	topic_answered(r);
	return false;
}

static void topic_send(struct postern_request *r)
{
	struct postern_topic *t = r->topic;
	const struct topic_item *item;

	for (int i = 0; (item = topic_next(&t->core, &r->reader)); i++) {
		if (i == TOPIC_ROUND) {
			conn_want(r->serve->conn);
			return;
		}
		if (!topic_send_some(r, item))
			return;
	}
}

void topic_go_on(struct postern_request *r)
{
	struct postern_topic *t = r->topic;

	topic_send(r);
	topic_sweep(t);
}

/* ---- publishing ---- */

static void topic_wake_all(struct postern_topic *t)
{
	struct list *next;

	for (struct list *l = t->subscribers.next; l != &t->subscribers; l = next) {
		struct postern_request *r = container_of(l, struct postern_request, subscriber);
		int what = topic_wake(&t->core, &r->reader);

		next = l->next;
		if (what == TOPIC_SENDS)
			topic_send(r);
		else if (what == TOPIC_OVERFLOWS)
			topic_overflow(r);
	}
}

static int topic_ended(const struct postern_topic *t)
{
	return why_set(why_last(), POSTERN_REASON_FAILED, -ESTALE, "%s: the topic has ended",
		       t->method->name);
}

static int topic_say(struct postern_topic *t, const struct answer *a)
{
	struct postern_service *s = t->service;
	struct publication *p;
	ssize_t n;

	if (t->core.last && t->core.last->ends)
		return topic_ended(t);
	n = answer_make(s, a, t->method->name);
	if (n < 0)
		return (int)n;
	p = topic_block(t, (size_t)n);
	if (!p)
		return why_call(t->method->name, -ENOMEM);
	memcpy(p->bytes, s->scratch.bytes, (size_t)n);
	p->at = (uint32_t)s->scratch.at;
	p->n = (uint32_t)s->scratch.n;
	answer_shrink(s);
	topic_publish(&t->core, &p->item, (uint32_t)n, a->how != SERVING_CONTINUES);
	t->counters.published++;
	t->counters.bytes += (uint64_t)n;
	topic_wake_all(t);
	topic_sweep(t);
	return 0;
}

static int topic_say_typed(struct postern_topic *t, const struct postern_type *type,
			   const void *value, int how, const char *what)
{
	struct answer a = { .how = how };
	int r = topic_check(t);

	if (r < 0)
		return why_call(what, r);
	r = answer_output(&a, t->method, type, value);
	return r < 0 ? r : topic_say(t, &a);
}

static int topic_say_json(struct postern_topic *t, const char *parameters, size_t n, int how,
			  const char *what)
{
	struct answer a = { .how = how };
	int r = topic_check(t);

	if (r < 0)
		return why_call(what, r);
	r = answer_object(&a, t->method->name, parameters, n);
	return r < 0 ? r : topic_say(t, &a);
}

int postern_topic_publish(struct postern_topic *t, const struct postern_type *type,
			  const void *value)
{
	return topic_say_typed(t, type, value, SERVING_CONTINUES, "postern_topic_publish");
}

int postern_topic_publish_json(struct postern_topic *t, const char *parameters, size_t n)
{
	return topic_say_json(t, parameters, n, SERVING_CONTINUES, "postern_topic_publish_json");
}

int postern_topic_end(struct postern_topic *t, const struct postern_type *type, const void *value)
{
	return topic_say_typed(t, type, value, SERVING_REPLIES, "postern_topic_end");
}

int postern_topic_end_json(struct postern_topic *t, const char *parameters, size_t n)
{
	return topic_say_json(t, parameters, n, SERVING_REPLIES, "postern_topic_end_json");
}

int postern_topic_fail(struct postern_topic *t, const struct postern_error *error,
		       const void *value)
{
	static const char what[] = "postern_topic_fail";
	struct answer a = { .how = SERVING_FAILS };
	int r = topic_check(t);

	if (r < 0)
		return why_call(what, r);
	r = answer_failure(&a, error, value, what);
	return r < 0 ? r : topic_say(t, &a);
}

/* ---- subscribing ---- */

/* What was published, as an answer that does not continue. */
static void topic_state(const struct postern_topic *t, struct answer *ret)
{
	const struct publication *p = container_of(t->core.last, struct publication, item);

	*ret = (struct answer){ .how = SERVING_REPLIES, .bare = true };
	if (p->n > 0)
		answer_raw(ret, (struct postern_json){ p->bytes + p->at, p->n });
}

/* One that wants no stream: the present state, and that is all. A peer that cannot have it now asks again with more: to
   wait here for the first publication might be for ever, and looks from there like a call that hangs. */
static int topic_answer_once(const struct postern_topic *t, struct postern_request *r)
{
	struct answer a = { .error = ERROR_EXPECTED_MORE, .how = SERVING_FAILS };

	/* Of a oneway call it is not sent. The last publication of all is no state that could be cut out. */
	if (!t->core.last || t->core.limits.stateless || r->flags & POSTERN_CALL_ONEWAY)
		answer_one(&a, NULL, NULL);
	else
		topic_state(t, &a);
	return request_answer(r, &a);
}

static void topic_subscribe(struct postern_topic *t, struct postern_request *r)
{
	if (r->box)
		post_box_remove(r->box, &r->post);
	passed_drop(r);
	r->refused = false;
	r->kept = r->taken = true;
	r->topic = t;
	list_append(&t->subscribers, &r->subscriber);
	t->counters.subscribers++;
	topic_join(&t->core, &r->reader);
	topic_changes(t);
	topic_go_on(r);
}

static int topic_refuse(const struct postern_request *r, int error, const char *what)
{
	return why_set(why_last(), POSTERN_REASON_FAILED, error, "%s: %s", r->name, what);
}

/* May r be added to t? */
static int topic_admits(const struct postern_topic *t, const struct postern_request *r)
{
	if (r->method != t->method || r->service != t->service)
		return topic_refuse(r, -EINVAL, "the topic is of another method or service");
	if (r->flags & POSTERN_CALL_UPGRADE)
		return topic_refuse(r, -ENOTSUP, "the call asks to upgrade its connection");
	if (!r->serve && !(r->flags & POSTERN_CALL_ONEWAY))
		return topic_refuse(r, -ESTALE, "the call was answered, or its peer has left");
	return 0;
}

/* 1: it is a subscriber. 0: it was answered, or needs no answer. */
static int topic_take(struct postern_topic *t, struct postern_request *r)
{
	bool ended = t->core.last && t->core.last->ends;
	int error = topic_admits(t, r);

	if (error < 0)
		return error;
	if (r->flags & POSTERN_CALL_ONEWAY || (!(r->flags & POSTERN_CALL_MORE) && !ended))
		return topic_answer_once(t, r);
	if (r->serve->machine.refuses != SERVING_RUNS) {
		request_refuse(r, ERROR_DRAINING, NULL, NULL);
		return 0;
	}
	topic_subscribe(t, r);
	return 1;
}

int postern_topic_take(struct postern_topic *t, struct postern_request *r)
{
	static const char what[] = "postern_topic_take";
	int error;

	if (!r)
		return why_argument(what, "r is NULL");
	/* It is one's already, and stays that. */
	if (r->topic)
		return topic_refuse(r, -EINVAL, "the call is a topic's already");
	error = topic_check(t);
	error = error < 0 ? why_call(what, error) : topic_take(t, r);
	if (error <= 0)
		postern_request_free(r);
	return error;
}

/* ---- events ---- */

static void topic_run(struct object *o)
{
	struct postern_topic *t = container_of(o, struct postern_topic, object);

	if (t->freed || !t->events || t->told == t->counters.subscribers)
		return;
	t->told = t->counters.subscribers;
	loop_calls(o->loop, "changed");
	if (STRUCT_HANDLER(t->events, TOPIC_EVENTS_FIRST, changed))
		t->events->changed(t, t->told, t->data);
}

/* ---- making and ending ---- */

static const struct object_ops topic_ops = { .run = topic_run, .bury = topic_bury };

static int topic_set_options(struct postern_topic *t, const struct postern_topic_options *options)
{
	static const char what[] = "postern_topic_options";
	struct postern_topic_options o;
	int r = struct_import(what, &o, sizeof(o), options);

	if (r < 0)
		return r;
	if (o.policy > POSTERN_TOPIC_QUEUE)
		return why_field(what, "policy", "is none of LATEST and QUEUE");
	if (o.flags & ~POSTERN_TOPIC_STATELESS)
		return why_field(what, "flags", "is neither 0 nor POSTERN_TOPIC_STATELESS");
	if (o.policy == POSTERN_TOPIC_LATEST && (o.messages || o.bytes))
		return why_field(what, o.messages ? "messages" : "bytes", "is for QUEUE");
	t->core.limits = (struct topic_limits){
		.policy = o.policy,
		.messages = o.messages ? o.messages : TOPIC_MESSAGES,
		.bytes = o.bytes ? o.bytes : TOPIC_BYTES,
		.stateless = o.flags & POSTERN_TOPIC_STATELESS,
	};
	return 0;
}

static int topic_check_new(const struct postern_service *s, const struct postern_topic_events *e)
{
	int r = loop_check(s->object.loop);

	if (r == 0 && s->freed)
		r = -ESTALE;
	if (r < 0)
		return why_call("postern_topic_new", r);
	return e ? struct_events("postern_topic_events", e, TOPIC_EVENTS_FIRST, sizeof(*e)) : 0;
}

int postern_topic_new(struct postern_topic **ret, struct postern_service *s,
		      const struct postern_method *method,
		      const struct postern_topic_options *options,
		      const struct postern_topic_events *events, void *data)
{
	struct postern_topic *t;
	int r;

	if (!ret || !s || !method || !method->name)
		return why_argument("postern_topic_new",
				    "ret, s or method is NULL, or method has no name");
	r = topic_check_new(s, events);
	if (r < 0)
		return r;
	if (!(method->flags & (POSTERN_METHOD_MORE | POSTERN_METHOD_NEEDS_MORE)))
		return why_set(why_last(), POSTERN_REASON_FAILED, -EINVAL,
			       "%s: the method does not say [Supports 'more' flag]", method->name);
	t = sys_alloc(sizeof(*t));
	if (!t)
		return why_call("postern_topic_new", -ENOMEM);
	r = topic_set_options(t, options);
	if (r == 0) {
		r = object_init(&t->object, &topic_ops, s->object.loop);
		r = r < 0 ? why_call("postern_topic_new", r) : 0;
	}
	if (r < 0) {
		sys_free(t);
		return r;
	}
	t->service = s;
	t->method = method;
	t->events = events;
	t->data = data;
	list_init(&t->subscribers);
	list_append(&s->topics, &t->node);
	*ret = t;
	return 0;
}

void topic_drain(struct postern_topic *t)
{
	topic_dismiss_all(t, ERROR_DRAINING);
}

void topic_orphan(struct postern_topic *t)
{
	t->service = NULL;
	list_remove(&t->node);
}

struct postern_topic *postern_topic_free(struct postern_topic *t)
{
	bool ours, ended;

	if (!t || t->freed)
		return NULL;
	ours = loop_check(t->object.loop) == 0;
	ended = t->core.last && t->core.last->ends;
	t->events = NULL;
	if (ours && t->service && !ended)
		topic_dismiss_all(t, ERROR_TOPIC_ENDED);
	t->freed = true;
	/* In a child process its connections are the parent's. */
	if (!ours || t->counters.subscribers == 0)
		object_end(&t->object);
	return NULL;
}

/* ---- queries ---- */

void *postern_topic_data(const struct postern_topic *t)
{
	return t ? t->data : NULL;
}

int postern_topic_get_counters(const struct postern_topic *t, struct postern_topic_counters *ret,
			       size_t size)
{
	struct postern_topic_counters k;

	if (!t || !ret)
		return -EINVAL;
	k = t->counters;
	k.skipped = t->core.skipped;
	for (const struct list *l = t->subscribers.next; l != &t->subscribers; l = l->next)
		k.behind +=
			container_of(l, struct postern_request, subscriber)->reader.item != NULL;
	struct_export(ret, size, &k, sizeof(k));
	return 0;
}
