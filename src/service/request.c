/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - a request: from its call to its end
 *
 *                 request_new()
 *                      |
 *     in its handler   |  reply, fail --------------------------> answered
 *                      |  neither kept nor answered ------------> abandoned
 *                      v
 *     kept: OPEN       -  reply, fail, free -------------------->  (the same)
 *                      -  the peer leaves, the service is freed -> cancelled
 *
 * .serve is set while it is open, and that is all there is to being open: every way out of it goes through
 * request_close(). The memory is given back when neither the handler nor the program has the request any more.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/base.h"
#include "service/service.h"

enum { REQUEST_ROOM = REQUEST_BLOCK - sizeof(struct postern_request) };
static_assert((int)REQUEST_ROOM > (int)REQUEST_TEXT, "a text of REQUEST_TEXT fits into the block");

/* ---- memory ---- */

static struct postern_request *request_block(struct postern_service *s)
{
	struct postern_request *r;

	if (list_is_empty(&s->pool))
		return sys_alloc(REQUEST_BLOCK);
	r = container_of(s->pool.next, struct postern_request, node);
	list_remove(&r->node);
	s->n_pool--;
	memset(r, 0, sizeof(*r));
	return r;
}

void request_bury(struct postern_request *r)
{
	struct postern_service *s = r->service;

	list_remove(&r->node);
	if (r->topic)
		topic_forget(r);
	sys_free(r->text);
	sys_free(r->decoded);
	fds_unref(r->fds);
	passed_drop(r);
	if (r->account)
		account_give(r->account, NULL, r->charged);
	post_box_unref(r->box);
	if (s && !s->freed && s->n_pool < SERVICE_POOL) {
		list_append(&s->pool, &r->node);
		s->n_pool++;
	} else {
		sys_free(r);
	}
	/* The last one may be what its end when idle waits for. */
	if (s && !s->freed && s->exit_idle_ns != POSTERN_FOREVER && list_is_empty(&s->requests) &&
	    loop_check(s->object.loop) == 0)
		service_look_again(s);
}

/* May the peer's uid hold n more? The account's reserve is for messages on their way, and not counted here: a small
   budget is all reserve. */
static bool request_fits(const struct account *a, size_t n)
{
	return !a || (a->charged[ACCOUNT_BYTES] <= account_most(a) &&
		      n <= account_most(a) - a->charged[ACCOUNT_BYTES]);
}

/* A block beside its own. */
static int request_extra(struct postern_request *r, size_t n, void *ret)
{
	void *block;

	if (!request_fits(r->account, n))
		return -EAGAIN;
	block = sys_alloc(n);
	if (!block)
		return -ENOMEM;
	if (r->account)
		account_take(r->account, n);
	r->charged += n;
	memcpy(ret, &block, sizeof(block));
	return 0;
}

/* ---- the call ---- */

static void request_posted(struct post_node *node, void (*fn)(void), void *data)
{
	((postern_request_fn *)fn)(container_of(node, struct postern_request, post), data);
}

/* The text stays as it came, but for the name of the method, which is unescaped where it is: it never gets longer. */
static void request_read(struct postern_request *r, const char *text, size_t n,
			 const struct message_call *call)
{
	char *copy = r->text ? r->text : r->bytes;
	char *name = copy + (call->method.text - text);
	bool some = call->parameters.text >= text && call->parameters.text < text + n;
	ssize_t length;

	memcpy(copy, text, n);
	length = postern_json_string((struct postern_json){ name, call->method.n }, name,
				     call->method.n);
	assert(length >= 0); /* it was read before */
	r->name = name;
	r->parameters = call->parameters;
	if (some)
		r->parameters.text = copy + (call->parameters.text - text);
	r->used = r->text ? 0 : (uint32_t)n;
	r->flags = (uint8_t)call->flags;
}

int request_new(struct postern_request **ret, struct serve *p, const char *text, size_t n,
		const struct message_call *call)
{
	struct postern_service *s = p->service;
	struct postern_request *r;
	int error;

	if (!request_fits(p->conn->account, REQUEST_BLOCK))
		return -EAGAIN;
	r = request_block(s);
	if (!r)
		return -ENOMEM;
	list_append(&s->requests, &r->node);
	list_init(&r->post.link);
	r->post.call = request_posted;
	r->service = s;
	r->account = p->conn->account;
	r->peer = p->conn->peer;
	r->charged = REQUEST_BLOCK;
	if (r->account)
		account_take(r->account, REQUEST_BLOCK);
	error = passed_take(r, p->conn);
	if (error == 0 && n > REQUEST_TEXT)
		error = request_extra(r, n, &r->text);
	if (error < 0) {
		request_bury(r);
		return error;
	}
	request_read(r, text, n, call);
	if (s->statistics)
		r->since_ns = sys_now();
	r->serve = p;
	p->request = r;
	s->counters.open++;
	*ret = r;
	return 0;
}

/* Decodes into a block that has size bytes for the struct and the rest behind it. */
static int request_decode_into(struct postern_request *r, void *memory, size_t size, size_t all,
			       struct shape_fault *ret_fault)
{
	return shape_decode(r->method->in, r->parameters, 0, memory, (char *)memory + size,
			    all - size, ret_fault);
}

/* It did not fit behind the text. */
static int request_decode_apart(struct postern_request *r, size_t size,
				struct shape_fault *ret_fault)
{
	size_t most = (size_t)SERVICE_ARENAS * r->service->message_max, all;
	ssize_t n = shape_check(r->method->in, r->parameters, 0, most, ret_fault);
	int error;

	if (n < 0)
		return -EBADMSG; /* also for what needs too much memory */
	all = size + (size_t)n;
	error = request_extra(r, all, &r->decoded);
	return error < 0 ? error : request_decode_into(r, r->decoded, size, all, ret_fault);
}

int request_decode(struct postern_request *r, const void **ret_in, struct shape_fault *ret_fault)
{
	const struct postern_type *in = r->method->in;
	size_t begin = (r->used + (size_t)15) & ~(size_t)15, size;
	void *memory = r->bytes + begin;
	int error = -E2BIG;

	*ret_in = NULL;
	if (!in)
		return 0;
	size = (in->size + (size_t)15) & ~(size_t)15;
	if (begin + size < REQUEST_ROOM)
		error = request_decode_into(r, memory, size, REQUEST_ROOM - begin, ret_fault);
	if (error == -E2BIG) {
		error = request_decode_apart(r, size, ret_fault);
		memory = r->decoded;
	}
	if (error == 0)
		*ret_in = memory;
	return error;
}

/* ---- ends ---- */

void request_close(struct postern_request *r)
{
	struct serve *p = r->serve;

	r->serve = NULL;
	p->request = NULL;
	r->service->counters.open--;
	passed_drop(r);
	conn_owes(p->conn, false);
}

/* Nobody will use it any more: not the handler, and not the program. */
static void request_end(struct postern_request *r)
{
	if (r->box)
		post_box_remove(r->box, &r->post);
	r->freed = true;
	/* Else its handler is further up the stack. */
	if (r->handling)
		return;
	/* A topic calls nobody back: what ends one of its subscribers is inside of all kinds of calls. */
	if (r->taken && r->service && request_event(r, left)) {
		list_remove(&r->node);
		list_append(&r->service->left, &r->node);
		if (!r->service->freed && r->service->object.loop)
			service_look_again(r->service);
	} else {
		request_bury(r);
	}
}

void request_tell_left(struct postern_service *s)
{
	/* In a child process nobody is called back. */
	struct postern_loop *loop = s->object.loop;

	while (!list_is_empty(&s->left) && (!loop || loop_is_ours(loop))) {
		struct postern_request *r =
			container_of(s->left.next, struct postern_request, node);
		const struct postern_request_events *events = r->events;

		/* At most once, also if this never returns. */
		r->events = NULL;
		list_remove(&r->node);
		list_append(&s->requests, &r->node);
		r->handling = true;
		if (loop)
			loop_calls(loop, "left");
		events->left(r, r->data);
		r->handling = false;
		request_bury(r);
	}
}

void request_cancel(struct postern_request *r)
{
	request_close(r);
	r->service->counters.cancelled++;
	if (r->topic) {
		topic_forget(r);
		request_end(r);
	} else if (!r->freed && request_event(r, cancelled)) {
		loop_calls(r->service->object.loop, "cancelled");
		request_event(r, cancelled)(r, r->data);
	}
}

/* Its final answer is queued, or it needs none. The next call comes when the handler has returned, or now. */
static void request_answered(struct postern_request *r)
{
	struct serve *p = r->serve;

	if (p->service->statistics)
		statistics_answered(p->service->statistics, r);
	request_close(r);
	if (!r->handling)
		serve_continue(p);
}

void request_refuse(struct postern_request *r, const char *error, const char *key, const char *text)
{
	answer_error(r->serve, error, key, text);
	request_answered(r);
}

void request_refuse_busy(struct postern_request *r)
{
	answer_busy(r->serve);
	request_answered(r);
}

void request_done(struct postern_request *r)
{
	if (r->serve)
		request_answered(r);
	request_end(r);
}

/* Freed, or left by its handler, without an answer. If there was no room for one, the peer may try again. */
static void request_abandon(struct postern_request *r)
{
	if (!r->serve)
		return;
	if (r->crowded) {
		request_refuse_busy(r);
		return;
	}
	if (!(r->flags & POSTERN_CALL_ONEWAY))
		r->service->counters.abandoned++;
	request_refuse(r, ERROR_ABANDONED, NULL, NULL);
}

void request_returned(struct postern_request *r)
{
	struct postern_service *s = r->service;
	bool ended;

	if (!r->kept)
		request_abandon(r);
	ended = s->freed || loop_check(s->object.loop) < 0; /* by its handler */
	r->handling = false;
	if (!r->kept || r->freed)
		request_end(r);
	else if (ended)
		request_orphan(r);
	/* Its task will not run again. */
	if (ended)
		request_tell_left(s);
}

void request_drained(struct postern_request *r)
{
	if (!r->refused)
		return;
	r->refused = false;
	loop_calls(r->service->object.loop, "request drained");
	if (request_event(r, drained))
		request_event(r, drained)(r, r->data);
}

void request_orphan(struct postern_request *r)
{
	r->serve = NULL; /* in a child process it may still have one */
	if (!r->kept || r->freed || r->topic) {
		request_bury(r);
		return;
	}
	/* From here on it may be freed on any thread: it has nothing that others have too. */
	list_remove(&r->node);
	fds_uncharge(r->fds);
	fds_uncharge(r->pushed);
	if (r->account)
		account_give(r->account, NULL, r->charged);
	r->account = NULL;
	r->service = NULL;
}

/* ---- answers ---- */

static int request_say_no(const struct postern_request *r, int how, int error)
{
	const char *text =
		r->topic                   ? "the call is a topic's"
		: error != -ENOTSUP        ? "the call was answered, or its peer has left"
		: how == SERVING_CONTINUES ? "the call did not ask for more than one answer"
		: how == SERVING_UPGRADES
			? "the call did not ask to upgrade its connection"
			: "the call asks to upgrade its connection: postern_request_upgrade()";

	return why_set(why_last(), POSTERN_REASON_FAILED, error, "%s: %s", r->name, text);
}

/* Nobody has waited for the answer to a oneway call in any case, so it may be given without a connection, once. */
static int request_answer_alone(struct postern_request *r, int how)
{
	if (!(r->flags & POSTERN_CALL_ONEWAY) || r->answered || how == SERVING_UPGRADES)
		return request_say_no(r, how, -ESTALE);
	r->answered = how != SERVING_CONTINUES;
	return 0;
}

int request_answer(struct postern_request *r, const struct answer *a)
{
	int may, error;

	if (r->topic)
		return request_say_no(r, a->how, -ESTALE);
	if (!r->serve)
		return request_answer_alone(r, a->how);
	error = loop_check(r->serve->conn->object.loop);
	if (error < 0)
		return why_call(r->name, error);
	may = serving_may_answer(&r->serve->machine, a->how);
	error = may > 0 ? answer_send(r->serve, a, r->name) : may;
	if (error == -EAGAIN)
		r->refused = true;
	/* Its queue takes nothing any more: the peer reads no answers, or the connection is closing. */
	if (error == -EPIPE)
		error = -ESTALE;
	if ((error == 0 || error == -ESTALE) && a->how != SERVING_CONTINUES) {
		r->answered = true;
		serving_answered(&r->serve->machine, error ? SERVING_FAILS : a->how);
		request_answered(r);
	}
	return error == -ESTALE || error == -ENOTSUP ? request_say_no(r, a->how, error) : error;
}

int request_answer_pushed(struct postern_request *r, struct answer *a, int error)
{
	if (!a->error)
		a->fds = r->pushed;
	if (error == 0)
		error = request_answer(r, a);
	if (error == 0)
		r->crowded = false;
	/* The connection has its own reference. */
	passed_drop(r);
	return error;
}

static int request_output(struct postern_request *r, int how, const struct postern_type *type,
			  const void *value, const char *what)
{
	struct answer a = { .how = how };

	if (!r)
		return why_argument(what, "r is NULL");
	return request_answer_pushed(r, &a, answer_output(&a, r->method, type, value));
}

static int request_object(struct postern_request *r, int how, const char *parameters, size_t n,
			  const char *what)
{
	struct answer a = { .how = how };

	if (!r)
		return why_argument(what, "r is NULL");
	return request_answer_pushed(r, &a, answer_object(&a, r->name, parameters, n));
}

int postern_request_reply(struct postern_request *r, const struct postern_type *type,
			  const void *value)
{
	return request_output(r, SERVING_REPLIES, type, value, "postern_request_reply");
}

int postern_request_continue(struct postern_request *r, const struct postern_type *type,
			     const void *value)
{
	return request_output(r, SERVING_CONTINUES, type, value, "postern_request_continue");
}

int postern_request_reply_json(struct postern_request *r, const char *parameters, size_t n)
{
	return request_object(r, SERVING_REPLIES, parameters, n, "postern_request_reply_json");
}

int postern_request_continue_json(struct postern_request *r, const char *parameters, size_t n)
{
	return request_object(r, SERVING_CONTINUES, parameters, n, "postern_request_continue_json");
}

int postern_request_fail(struct postern_request *r, const struct postern_error *error,
			 const void *value)
{
	static const char what[] = "postern_request_fail";
	struct answer a = { .how = SERVING_FAILS };

	if (!r)
		return why_argument(what, "r is NULL");
	return request_answer_pushed(r, &a, answer_failure(&a, error, value, what));
}

int postern_request_fail_json(struct postern_request *r, const char *error, const char *parameters,
			      size_t n)
{
	static const char what[] = "postern_request_fail_json";
	struct answer a = { .error = error, .how = SERVING_FAILS };
	int wrong = 0;

	if (!r)
		return why_argument(what, "r is NULL");
	if (!error || !message_is_error(error))
		wrong = why_argument(
			what,
			"error is not the name of one, with its interface's: org.example.clock.NoSuchZone");
	else
		wrong = answer_object(&a, r->name, parameters, n);
	return request_answer_pushed(r, &a, wrong);
}

int postern_request_invalid(struct postern_request *r, const char *field)
{
	struct answer a = { .error = ERROR_INVALID_PARAMETER, .how = SERVING_FAILS };

	if (!r || !field)
		return why_argument("postern_request_invalid", "r or field is NULL");
	answer_one(&a, "parameter", field);
	return request_answer_pushed(r, &a, 0);
}

/* ---- owning ---- */

struct postern_request *postern_request_keep(struct postern_request *r)
{
	if (!r || r->kept)
		return r;
	r->kept = true;
	r->box = post_box_ref(r->service->box);
	return r;
}

struct postern_request *postern_request_free(struct postern_request *r)
{
	if (!r || r->freed || r->topic)
		return NULL;
	r->events = NULL;
	/* Else the loop is being freed, or is our parent's: no answer, but its connection still points to it. */
	if (r->serve && loop_check(r->serve->conn->object.loop) == 0)
		request_abandon(r);
	else if (r->serve)
		request_close(r);
	request_end(r);
	return NULL;
}

int postern_request_set_events(struct postern_request *r,
			       const struct postern_request_events *events, void *data)
{
	int error;

	if (!r)
		return why_argument("postern_request_set_events", "r is NULL");
	error = struct_events("postern_request_events", events, REQUEST_EVENTS_FIRST,
			      sizeof(*events));
	if (error < 0)
		return error;
	r->events = events;
	r->data = data;
	return 0;
}

int postern_request_post(struct postern_request *r, postern_request_fn *fn, void *data)
{
	int error;

	if (!r || !fn)
		return why_argument("postern_request_post", "r or fn is NULL");
	if (!r->box)
		return why_argument("postern_request_post", "r is not kept");
	error = post_box_add(r->box, &r->post, (void (*)(void))fn, data);
	return error < 0 ? why_call("postern_request_post", error) : 0;
}

/* ---- queries ---- */

uint64_t postern_request_flags(const struct postern_request *r)
{
	return r ? r->flags : 0;
}

const char *postern_request_method(const struct postern_request *r)
{
	return r ? r->name : NULL;
}

struct postern_json postern_request_parameters(const struct postern_request *r)
{
	return r ? r->parameters : (struct postern_json){ 0 };
}

int postern_request_peer(const struct postern_request *r, struct postern_peer *ret, size_t size)
{
	if (!r || !ret)
		return -EINVAL;
	struct_export(ret, size, &r->peer, sizeof(r->peer));
	return 0;
}

struct postern_service *postern_request_service(const struct postern_request *r)
{
	return r && r->service && !r->service->freed ? r->service : NULL;
}
