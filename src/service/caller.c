/* SPDX-License-Identifier: Apache-2.0 */
/* caller.c - a caller's life and its connections; the overview is in caller.h */
#include "service/caller.h"

#include <string.h>
#include <syslog.h>

#include "base/words.h"
#include "service/tag.h"

enum { CALLER_CALLS = 4096 };
#define CALLER_IDLE        POSTERN_SECONDS(30)
#define CALLER_BACKOFF     POSTERN_MS(10)
#define CALLER_BACKOFF_MAX POSTERN_SECONDS(1)

static const struct postern_conn_events caller_events;
static const struct conn_consumer caller_consumer;
static const struct object_ops caller_ops;

/* ---- connections ---- */

/* The queue is dropped, not flushed: its calls are somewhere else by now, or were told that they were not sent. */
static void caller_close(struct caller_conn *k)
{
	postern_conn_abort(k->conn);
	postern_conn_free(k->conn);
	sys_free(k);
}

static void caller_dial(struct postern_caller *c, struct calling_call *call)
{
	struct postern_loop *loop = c->object.loop;
	struct caller_conn *k = sys_alloc(sizeof(*k));

	if (!k) {
		why_set(why_last(), POSTERN_REASON_NO_RESOURCES, -ENOMEM,
			"%s: there is no memory to connect", words_name(c->name).text);
	} else if (postern_connect(&k->conn, loop, c->name, &c->connect, &caller_events, k) == 0) {
		k->caller = c;
		calling_dialled(&c->calling, &k->state, call, loop_now(loop));
		return;
	}
	sys_free(k);
	/* Its text stays until the task: dial_why may be another's by then. */
	why_copy(&c->no_conn, &why_last()->reason);
	calling_no_conn(&c->calling, call, &c->no_conn.reason);
	object_task(&c->object);
}

/* From now on answers of this connection may bring descriptors. */
static int caller_admit(struct postern_caller *c, struct postern_conn *conn)
{
	struct conn_limits *limits;

	if (!c->fds_limits) {
		limits = conn_limits_copy(conn->limits);
		if (!limits)
			return -ENOMEM;
		limits->consumer = &caller_consumer;
		c->fds_limits = limits;
	}
	if (conn->limits == c->fds_limits)
		return 0;
	conn_limits_unref(conn->limits);
	conn->limits = conn_limits_ref(c->fds_limits);
	conn_admit_rights(conn, true);
	return 0;
}

static int caller_queue(struct postern_caller *c, struct postern_conn *conn,
			struct postern_call *call)
{
	struct passing_out *passing = NULL;
	ssize_t r = 0;

	if (call->state.flags & CALLING_TAKES)
		r = caller_admit(c, conn);
	if (r == 0 && call->fds)
		r = passing_prepare(conn, &passing);
	if (r < 0) {
		conn_write_later(conn);
		return (int)r;
	}
	r = postern_conn_write_frame(conn, POSTERN_FRAMING_NUL, call->text, call->n);
	if (passing && r < 0)
		passing_cancel(passing);
	else if (passing)
		passing_attach(conn, passing, call->fds, (size_t)call->n + 1);
	return r < 0 ? (int)r : 0;
}

/* A connection that takes no writes, for whatever reason, either says so when it does again, or ends. */
static void caller_write(struct postern_caller *c, const struct calling_act *act)
{
	struct caller_conn *k = container_of(act->conn, struct caller_conn, state);
	struct postern_call *call = container_of(act->call, struct postern_call, state);

	if (caller_queue(c, k->conn, call) < 0)
		calling_full(act->conn);
	else
		calling_wrote(&c->calling, act->conn, act->call, (size_t)call->n + 1);
}

static void caller_act(struct postern_caller *c, const struct calling_act *act)
{
	switch (act->what) {
	case CALLING_DIAL:
		caller_dial(c, act->call);
		break;
	case CALLING_WRITE:
		caller_write(c, act);
		break;
	case CALLING_UNWRITE:
		outbox_drop(container_of(act->conn, struct caller_conn, state)->conn);
		break;
	default:
		caller_close(container_of(act->conn, struct caller_conn, state));
	}
}

void caller_pump(struct postern_caller *c)
{
	int64_t now = loop_now(c->object.loop), at;
	struct calling_act act;

	while (calling_step(&c->calling, now, &act))
		caller_act(c, &act);
	/* One that is set and too early is left alone: it fires, and finds nothing. */
	at = calling_next(&c->calling);
	if (at != POSTERN_FOREVER && (c->object.slot == TIMER_OFF || at < c->object.at_ns))
		object_timer(&c->object, at);
}

/* ---- events of connections ---- */

/* A call that ends with this has no next attempt: what is said of that goes. */
static void caller_keep_dial_why(struct postern_caller *c, const struct postern_reason *why)
{
	char *next;

	why_copy(&c->dial_why, why);
	next = strrchr(c->dial_why.text, ';');
	if (next && !strncmp(next, "; the next one in ", strlen("; the next one in ")))
		*next = '\0';
}

static void caller_conn_state(struct postern_conn *conn, int state, void *data)
{
	struct caller_conn *k = data;
	struct postern_caller *c = k->caller;

	if (state == POSTERN_STATE_WAITING)
		caller_keep_dial_why(c, postern_conn_why(conn));
	if (state != POSTERN_STATE_CONNECTED)
		return;
	c->dial_why.reason.code = 0;
	tag_connected(conn->object.fd);
	calling_connected(&c->calling, &k->state, loop_now(c->object.loop));
	caller_pump(c);
}

static void caller_conn_drained(struct postern_conn *conn, void *data)
{
	struct caller_conn *k = data;

	(void)conn;
	calling_drained(&k->caller->calling, &k->state);
	caller_pump(k->caller);
}

static void caller_conn_sent(struct postern_conn *conn, size_t n, void *data)
{
	struct caller_conn *k = data;
	struct postern_caller *c = k->caller;

	(void)conn;
	calling_sent(&c->calling, &k->state, n, loop_now(c->object.loop));
	caller_pump(c);
	caller_tell_ended(c);
}

/* The text of why stays until the end of the turn, as the memory of the connection does. */
static void caller_lose(struct caller_conn *k, const struct postern_reason *why)
{
	struct postern_caller *c = k->caller;

	calling_lost(&c->calling, &k->state, why, loop_now(c->object.loop));
	caller_close(k);
	caller_pump(c);
	caller_tell_ended(c);
}

static void caller_too_long(struct caller_conn *k)
{
	struct postern_caller *c = k->caller;
	struct why *why = c->wait.told ? why_last() : &c->why;

	why_set(why, POSTERN_REASON_VIOLATION, -EMSGSIZE,
		"%s: the answer is longer than %u bytes (message_max)", words_name(c->name).text,
		c->message_max);
	caller_lose(k, &why->reason);
}

static void caller_conn_closed(struct postern_conn *conn, const struct postern_reason *why,
			       void *data)
{
	(void)conn;
	/* Its loop is being freed, and so is the caller's, which is the same: caller_orphan(). */
	if (why->code == POSTERN_REASON_VIOLATION && why->error == -EMSGSIZE)
		caller_too_long(data);
	else if (why->code != POSTERN_REASON_CANCELLED)
		caller_lose(data, why);
}

/* There will be no answer any more, so there is no use in sending either. Of a peer that has gone altogether, closed comes
   next, and knows whether it had read what it was sent. */
static void caller_conn_ended(struct postern_conn *conn, void *data)
{
	static const struct postern_reason ended = {
		.code = POSTERN_REASON_ENDED,
		.text = "the service ended the connection",
	};

	if (!(conn->flags & (CONN_GONE | CONN_BROKEN)))
		caller_lose(data, &ended);
}

static void caller_violation(struct caller_conn *k, const char *what, size_t offset)
{
	struct postern_caller *c = k->caller;
	/* That of the answer before it stays as that does. */
	struct why *why = c->wait.told ? why_last() : &c->why;

	why_set(why, POSTERN_REASON_VIOLATION, -EBADMSG,
		"%s: the service broke the protocol: byte %zu of its answer: %s",
		words_name(c->name).text, offset, what);
	loop_log(c->object.loop, LOG_WARNING, "%s", why->text);
	caller_lose(k, &why->reason);
}

/* What a waiting call returns stays until the next one: the connection's memory does not. Behind an answer that is not returned
   yet the same read can have brought another message, which nobody asked for: that one is read where it lies. */
static const char *caller_keep_text(struct postern_caller *c, const void *payload, size_t n)
{
	char *text;

	if (!c->own_loop || c->wait.told)
		return payload;
	text = caller_room_get(&c->text, n);
	if (text)
		memcpy(text, payload, n);
	return text;
}

/* Before it is delivered, and only if descriptors have come: does the call that it answers take any? */
static unsigned caller_takes(struct postern_conn *conn, const char *message, size_t n,
			     unsigned index, bool whole)
{
	struct caller_conn *k = conn->data;
	struct postern_json method;
	struct message_fault fault;
	struct message_answer m;

	if (!whole)
		return message_peek(message, n, &method) < 0 ? 0 : GLUE_TAKES;
	if (index == 0)
		k->look = (struct calling_look){ 0 };
	if (message_read_answer(message, n, &m, &fault) < 0)
		return 0;
	return calling_takes(&k->state, &k->look, &m);
}

static const struct conn_consumer caller_consumer = { .takes = caller_takes };

static void caller_conn_frame(struct postern_conn *conn, const void *payload, size_t n, void *data)
{
	static const struct postern_reason no_memory = {
		.code = POSTERN_REASON_NO_RESOURCES,
		.error = -ENOMEM,
		.text = "there is no memory for the answer",
	};
	static const struct postern_reason no_numbers = {
		.code = POSTERN_REASON_NO_RESOURCES,
		.error = -EMFILE,
		.text = "descriptors of the answer were lost: too many are open in this process",
	};
	struct caller_conn *k = data;
	struct postern_caller *c = k->caller;
	const char *text = caller_keep_text(c, payload, n), *wrong;
	struct message_fault fault;
	struct calling_call *call;
	struct message_answer m;
	struct postern_call *told;
	struct fds *fds;

	if (!text || conn_lost_fds(conn)) {
		caller_lose(k, text ? &no_numbers : &no_memory);
		return;
	}
	if (message_read_answer(text, n, &m, &fault) < 0) {
		caller_violation(k, fault.what, fault.offset);
		return;
	}
	if (calling_answer(&c->calling, &k->state, &m, loop_now(c->object.loop), &call, &wrong) <
	    0) {
		caller_violation(k, wrong, 0);
		return;
	}
	/* The machine may be done with the connection, which takes them along. */
	fds = conn_take_fds(conn);
	caller_pump(c);
	if (!call) {
		fds_unref(fds);
		return;
	}
	told = container_of(call, struct postern_call, state);
	told->received = fds;
	if (call->flags & POSTERN_CALL_UPGRADE && call->end == POSTERN_END_ANSWERED) {
		sys_free(k);
		caller_tell_upgraded(told, &m, conn);
	} else {
		caller_tell_answer(told, &m);
	}
}

static const struct postern_conn_events caller_events = {
	.size = sizeof(caller_events),
	.state = caller_conn_state,
	.frame = caller_conn_frame,
	.ended = caller_conn_ended,
	.drained = caller_conn_drained,
	.sent = caller_conn_sent,
	.closed = caller_conn_closed,
};

/* ---- the caller as an object of its loop ---- */

void caller_look(struct postern_caller *c)
{
	calling_time(&c->calling, loop_now(c->object.loop));
	caller_pump(c);
	caller_tell_ended(c);
}

static void caller_fire(struct object *o)
{
	object_timer(o, POSTERN_FOREVER);
	caller_look(container_of(o, struct postern_caller, object));
}

/* Ends that came up inside of a public call. */
static void caller_run(struct object *o)
{
	caller_tell_ended(container_of(o, struct postern_caller, object));
}

/* Ends everything below it: its connections, then its calls. Once. */
static void caller_end(struct postern_caller *c)
{
	struct calling_act act;

	if (c->over)
		return;
	c->over = true;
	calling_cancel(&c->calling);
	while (calling_step(&c->calling, 0, &act))
		caller_act(c, &act);
	caller_tell_ended(c);
}

static void caller_orphan(struct object *o)
{
	caller_end(container_of(o, struct postern_caller, object));
}

static void caller_bury(struct object *o)
{
	struct postern_caller *c = container_of(o, struct postern_caller, object);

	caller_forget_calls(c);
	caller_set_fds(c, NULL);
	conn_limits_unref(c->fds_limits);
	sys_free(c->room.bytes);
	sys_free(c->detail.bytes);
	sys_free(c->text.bytes);
	sys_free((void *)c->connect.server_uids);
	sys_free(c->name);
	sys_free(c);
}

static const struct object_ops caller_ops = {
	.fire = caller_fire,
	.run = caller_run,
	.orphan = caller_orphan,
	.bury = caller_bury,
};

/* ---- options ---- */

/* Of its connections: whole messages, and a queue into which the largest one fits. That the service does not read is no reason
   to end one: it holds back what is pipelined while it works on a call, and each call has its own deadline. */
static int caller_set_conn(struct postern_caller *c, const struct postern_conn_options *options)
{
	struct postern_conn_options o;
	int r = conn_options_import(&o, options);

	if (r < 0)
		return r;
	if (o.framing)
		return why_field("postern_conn_options", "framing",
				 "must be 0: the messages of a caller are Varlink's");
	c->unread = o.unread;
	c->idle_ns = o.idle_ns;
	if (!options || options->idle_ns == 0)
		o.idle_ns = POSTERN_FOREVER;
	if (o.high_water <= c->message_max)
		o.high_water = (size_t)c->message_max + 1;
	o.size = sizeof(o);
	o.framing = POSTERN_FRAMING_NUL;
	o.frame_max = c->message_max;
	return conn_options_import(&c->conn, &o);
}

static int caller_set_connect(struct postern_caller *c,
			      const struct postern_connect_options *options)
{
	struct postern_connect_options o;
	uid_t *uids = NULL;
	int r = struct_import("postern_connect_options", &o, sizeof(o), options);

	if (r == 0)
		r = caller_set_conn(c, o.conn);
	if (r < 0)
		return r;
	c->conn.size = sizeof(c->conn);
	o.size = sizeof(o);
	o.conn = &c->conn;
	r = dial_options_check(&o);
	if (r < 0)
		return r;
	if (o.server_uids) {
		uids = sys_alloc(o.n_server_uids * sizeof(*uids));
		if (!uids)
			return why_call("postern_caller_new", -ENOMEM);
		memcpy(uids, o.server_uids, o.n_server_uids * sizeof(*uids));
	}
	c->connect = o;
	c->connect.server_uids = uids;
	return 0;
}

static int caller_set_options(struct postern_caller *c,
			      const struct postern_caller_options *options)
{
	static const char what[] = "postern_caller_options";
	struct postern_caller_options o;
	struct calling_limits limits;
	int r = struct_import(what, &o, sizeof(o), options);

	if (r < 0)
		return r;
	if (o.idle_ns < 0)
		return why_field(what, "idle_ns", "is negative");
	if (o.message_max > MESSAGE_SIZE_MAX)
		return why_field(what, "message_max", "is above 256 MiB");
	if (o.flags & ~(uint64_t)POSTERN_CALLER_ONCE)
		return why_field(what, "flags", "is none of POSTERN_CALLER_...");
	c->message_max = o.message_max ? o.message_max : MESSAGE_SIZE;
	r = caller_set_connect(c, o.connect);
	if (r < 0)
		return r;
	limits = (struct calling_limits){
		.calls = o.calls ? o.calls : CALLER_CALLS,
		.idle_ns = o.idle_ns ? o.idle_ns : CALLER_IDLE,
		.backoff_ns = c->connect.backoff_ns ? c->connect.backoff_ns : CALLER_BACKOFF,
		.backoff_max_ns =
			c->connect.backoff_max_ns ? c->connect.backoff_max_ns : CALLER_BACKOFF_MAX,
		.once = o.flags & POSTERN_CALLER_ONCE,
	};
	calling_init(&c->calling, &limits, random_seed());
	return 0;
}

/* ---- life ---- */

/* Only its waiting calls turn it, and nothing else polls it: waking it would waste a write and a read in each. */
static int caller_own_loop(struct postern_loop **ret)
{
	int r;

	if (loop_in_callback())
		return why_call("postern_caller_new", -EDEADLK);
	r = postern_loop_new(ret);
	if (r == 0)
		atomic_store(&(*ret)->awake, true);
	return r;
}

/* What is not an object yet. */
static void caller_discard(struct postern_caller *c, struct postern_loop *own)
{
	caller_bury(&c->object);
	postern_loop_free(own);
}

int postern_caller_new(struct postern_caller **ret, struct postern_loop *loop, const char *address,
		       const struct postern_caller_options *options)
{
	struct postern_loop *own = NULL;
	struct postern_caller *c;
	int r;

	if (!ret || !address)
		return why_argument("postern_caller_new", "ret or address is NULL");
	r = loop ? loop_check(loop) : 0;
	if (r < 0)
		return why_call("postern_caller_new", r);
	c = sys_alloc(sizeof(*c));
	if (!c)
		return why_call("postern_caller_new", -ENOMEM);
	list_init(&c->spare);
	list_init(&c->leaving);
	r = caller_set_options(c, options);
	if (r == 0)
		r = caller_address(&c->name, address);
	if (r == 0 && !loop)
		r = caller_own_loop(&own);
	if (r == 0) {
		r = object_init(&c->object, &caller_ops, loop ? loop : own);
		if (r < 0)
			why_call("postern_caller_new", r);
	}
	if (r < 0) {
		caller_discard(c, own);
		return r;
	}
	c->own_loop = own != NULL;
	*ret = c;
	return 0;
}

struct postern_caller *postern_caller_free(struct postern_caller *c)
{
	struct postern_loop *loop = c ? c->object.loop : NULL, *own;

	if (!c || c->freed)
		return NULL;
	c->freed = true;
	own = c->own_loop ? loop : NULL;
	if (loop)
		loop_hold(loop);
	caller_end(c);
	object_end(&c->object);
	if (loop)
		loop_release(loop);
	postern_loop_free(own);
	return NULL;
}

int caller_check(const struct postern_caller *c)
{
	int r;

	if (!c)
		return -EINVAL;
	r = loop_check(c->object.loop);
	if (r < 0)
		return r;
	return c->over ? -ESTALE : 0;
}

void *caller_room_get(struct caller_room *room, size_t n)
{
	bool keep = room->size <= CALLER_KEEP || n > CALLER_KEEP;

	n = n > 0 ? n : 1;
	if (keep && n <= room->size)
		return room->bytes;
	sys_free(room->bytes);
	/* A little more each time, so that answers that grow do not allocate each. */
	room->size = n < CALLER_KEEP / 2 ? 2 * n : n;
	room->bytes = sys_alloc(room->size);
	if (!room->bytes)
		room->size = 0;
	return room->bytes;
}
