/* SPDX-License-Identifier: Apache-2.0 */
/* conn.c - making and ending connections; the overview is in conn.h */
#include "base/probe.h"
#include "conn/conn.h"

#include <errno.h>

#include "link/socket.h"

/* What an idle connection costs: with malloc's header this is one 256-byte block. */
static_assert(sizeof(struct postern_conn) <= 248, "an idle connection is at most 256 bytes");

static const struct object_ops conn_ops;

int conn_new(struct postern_conn **ret, struct postern_loop *loop, const struct conn_limits *limits,
	     const struct postern_conn_events *events, void *data)
{
	struct postern_conn *c = sys_alloc(sizeof(*c));
	int r = -ENOMEM;

	if (c)
		r = object_init(&c->object, &conn_ops, loop);
	if (r < 0) {
		conn_limits_unref(limits);
		sys_free(c);
		return r;
	}
	c->limits = limits;
	c->events = events;
	c->data = data;
	c->deadline_ns = POSTERN_FOREVER;
	c->state = POSTERN_STATE_CONNECTING;
	list_init(&c->line);
	*ret = c;
	return 0;
}

int conn_begin(struct postern_conn **ret, struct postern_loop *loop,
	       const struct postern_conn_options *options, const struct postern_conn_events *events,
	       void *data)
{
	const struct conn_limits *limits;
	int r = conn_limits_get(loop, options, &limits);

	if (r == 0)
		r = conn_new(ret, loop, limits, events, data);
	if (r == 0)
		(*ret)->flags |= CONN_USERS;
	return r;
}

int conn_peer_of(int fd, struct postern_peer *ret)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);
	int r = sys_getsockopt(fd, SO_PEERCRED, &cred, &n);

	if (r < 0)
		return r;
	*ret = (struct postern_peer){ .uid = cred.uid, .gid = cred.gid, .pid = cred.pid };
	return 0;
}

int conn_open(struct postern_conn *c, int fd, const struct postern_peer *peer)
{
	c->object.fd = fd;
	c->peer = *peer;
	c->state = POSTERN_STATE_CONNECTED;
	c->connected_ns = loop_now(c->object.loop);
	return object_watch(&c->object, EPOLLIN);
}

void conn_due_first(struct postern_conn *c, unsigned due)
{
	c->due |= (uint8_t)due;
	object_task(&c->object);
}

void conn_wake(struct list *place)
{
	conn_due(container_of(place, struct postern_conn, line), CONN_DUE_ROOM);
}

void conn_leave_line(struct postern_conn *c, uint32_t direction)
{
	c->flags &= ~direction;
	if (c->account && !(c->flags & (CONN_LINE_READ | CONN_LINE_WRITE)))
		account_leave(c->account, &c->line);
}

/* ---- endings ---- */

void conn_begin_close(struct postern_conn *c, int end_code, int64_t deadline_ns)
{
	c->state = POSTERN_STATE_CLOSING;
	c->end_code = (uint8_t)end_code;
	c->deadline_ns = deadline_ns;
	/* Do not wait for events that have no handler. */
	c->flags &= ~(uint32_t)(CONN_REFUSED | CONN_SHORT | CONN_LINE_READ | CONN_LINE_WRITE |
				CONN_WANTED | CONN_CROWDED);
	inbox_clear(c);
	if (c->account)
		account_leave(c->account, &c->line);
	conn_arm(c);
	conn_due(c, CONN_DUE_CLOSING);
}

/* The queue gets one try: a program may send its last reply, free everything and exit. Not after an abort, which
   promised to drop it. */
static void conn_release_socket(struct postern_conn *c)
{
	bool clean = !(c->flags & CONN_ABORTED);
	struct object *o = &c->object;

	if (o->fd < 0)
		return;
	if (loop_is_ours(o->loop)) {
		for (int i = 0; clean && i < CONN_ROUNDS && c->out.bytes > 0 && conn_can_send(c);
		     i++)
			conn_send(c);
		object_watch(o, WATCH_OFF);
		link_end(o->fd, clean, c->flags & CONN_RIGHTS);
		if (passing_remains(c))
			return;
	}
	object_close(o);
}

static void conn_release_account(struct postern_conn *c)
{
	struct account *account = c->account;
	struct account_owner *owner;

	if (!account)
		return;
	owner = account->owner;
	assert(c->object.loop); /* a server's connections end before its loop does */
	if (c->limits->consumer && c->limits->consumer->released)
		c->limits->consumer->released(c);
	/* The user's handle stays, on the loop and no longer with the server. */
	list_remove(&c->object.siblings);
	list_append(&c->object.loop->objects, &c->object.siblings);
	c->account = NULL;
	account_leave(account, &c->line);
	/* What is cleared by now gave it back. */
	assert(account->holder != &c->line);
	account_put(account);
	owner->gone(owner);
}

void conn_release(struct postern_conn *c)
{
	c->state = POSTERN_STATE_CLOSED;
	c->due = 0;
	conn_release_socket(c);
	outbox_clear(c);
	inbox_clear(c);
	passing_free(c);
	object_timer(&c->object, POSTERN_FOREVER);
	list_remove(&c->object.task);
	conn_release_account(c);
	c->why = (struct postern_reason){ .text = "" };
}

void conn_finish_because(struct postern_conn *c, const struct postern_reason *why)
{
	bool aborted = c->flags & CONN_ABORTED;

	if (!conn_is_open(c))
		return;
	PROBE(end, c, why->code, why->error);
	conn_release(c);
	/* Whatever happens between an abort and its event, the reason is the abort. */
	c->why = aborted ? (struct postern_reason){ POSTERN_REASON_ABORTED, 0,
						    postern_reason_text(POSTERN_REASON_ABORTED) }
			 : *why;
	loop_calls(c->object.loop, "closed");
	if (conn_event(c, closed) && loop_is_ours(c->object.loop))
		conn_event(c, closed)(c, &c->why, c->data);
	if (!(c->flags & (CONN_USERS | CONN_FREED))) {
		c->flags |= CONN_FREED;
		object_end(&c->object);
	}
}

void conn_finish(struct postern_conn *c, int code, int error)
{
	struct postern_reason why = { code, error, postern_reason_text(code) };

	conn_finish_because(c, &why);
}

static void conn_orphan(struct object *o)
{
	conn_finish(container_of(o, struct postern_conn, object), POSTERN_REASON_CANCELLED,
		    -ECANCELED);
}

static void conn_bury(struct object *o)
{
	struct postern_conn *c = container_of(o, struct postern_conn, object);

	dial_free(c->dial);
	conn_limits_unref(c->limits);
	sys_free(c);
}

static const struct object_ops conn_ops = {
	.ready = conn_ready,
	.probe = conn_probe,
	.peer = conn_peer_pid,
	.fire = conn_fire,
	.run = conn_run,
	.user = conn_user,
	.deferred = conn_deferred,
	.orphan = conn_orphan,
	.bury = conn_bury,
};

struct postern_conn *postern_conn_free(struct postern_conn *c)
{
	if (!c || c->flags & CONN_FREED)
		return NULL;
	c->flags |= CONN_FREED;
	if (conn_is_open(c)) {
		PROBE(end, c, 0, 0);
		conn_release(c);
	}
	object_end(&c->object);
	return NULL;
}

struct postern_conn *postern_conn_keep(struct postern_conn *c)
{
	if (c)
		c->flags |= CONN_USERS;
	return c;
}
