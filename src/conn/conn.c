/* SPDX-License-Identifier: Apache-2.0 */
/* conn.c - connections: making, turning, ending; the map is in conn.h */
#include "conn/conn.h"

#include <assert.h>
#include <errno.h>

#include "base/base.h"
#include "account.h"

/* "Idle costs nothing" has a number: with malloc's word this is one 256-byte block. */
static_assert(sizeof(struct postern_conn) <= 240, "an idle connection is at most 256 bytes");

static const struct object_ops conn_ops;

int conn_new(struct postern_conn **ret, struct postern_loop *loop,
	     const struct postern_conn_options *options, const struct postern_conn_events *events,
	     void *data)
{
	struct postern_conn *c = sys_alloc(sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	r = object_init(&c->object, &conn_ops, loop);
	if (r < 0) {
		sys_free(c);
		return r;
	}
	c->events = events;
	c->data = data;
	c->high_water = options->high_water;
	c->low_water = options->low_water;
	c->unread_max = options->unread;
	c->framing = (uint8_t)options->framing;
	c->idle_ns = options->idle_ns;
	c->drain_ns = options->drain_ns;
	c->why.text = "";
	c->state = POSTERN_CONNECTING;
	*ret = c;
	return 0;
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
	c->state = POSTERN_CONNECTED;
	c->connected_ns = loop_now(c->object.loop);
	return object_watch(&c->object, EPOLLIN);
}

void conn_due(struct postern_conn *c, unsigned due)
{
	c->due |= (uint16_t)due;
	object_task(&c->object);
}

void conn_charge(struct postern_conn *c, size_t more, size_t less)
{
	if (c->account)
		c->account->bytes += more - less;
}

size_t conn_allowance(const struct postern_conn *c)
{
	size_t own = c->out.bytes + (c->unread ? c->unread->capacity : 0), others, share;

	if (!c->account)
		return SIZE_MAX;
	/* One peer gets at most a quarter of what the others of its uid have left. */
	others = c->account->bytes - own;
	share = others < c->account->owner->bytes_max ? (c->account->owner->bytes_max - others) / 4
						      : 0;
	return share > own ? share - own : 0;
}

/* ---- endings ---- */

void conn_begin_close(struct postern_conn *c, int end_code, int64_t deadline_ns)
{
	c->state = POSTERN_CLOSING;
	c->end_code = (uint8_t)end_code;
	c->flags &= ~(uint32_t)CONN_RETRY;
	object_timer(&c->object, deadline_ns);
	conn_due(c, CONN_DUE_CLOSING);
}

/* The socket goes; how, is at "Order of the end" in conn.h. What is queued gets one try: the last reply of a
   program that then frees everything and exits has a way out. Bounded: a receive buffer is 208 KiB unless
   root raised it, and after SHUT_RD nothing is added to it. */
static void conn_release_socket(struct postern_conn *c, bool clean)
{
	struct object *o = &c->object;
	char rest[4096];

	if (o->fd < 0)
		return;
	if (loop_is_ours(o->loop)) {
		for (int i = 0; clean && i < CONN_ROUNDS && c->out.bytes > 0 && conn_can_send(c);
		     i++)
			conn_send(c);
		object_watch(o, WATCH_OFF);
		sys_shutdown(o->fd, SHUT_RDWR);
		for (int i = 0; clean && i < 1024; i++)
			if (sys_recv(o->fd, rest, sizeof(rest)) <= 0)
				break;
	}
	object_close(o);
}

void conn_release(struct postern_conn *c, bool clean)
{
	struct account *account = c->account;
	struct account_owner *owner = account ? account->owner : NULL;

	c->state = POSTERN_CLOSED;
	c->due = 0;
	conn_release_socket(c, clean);
	conn_drop_queue(c);
	if (c->unread) {
		conn_charge(c, 0, c->unread->capacity);
		sys_free(c->unread);
		c->unread = NULL;
	}
	if (c->object.loop) {
		object_timer(&c->object, POSTERN_FOREVER);
		list_remove(&c->object.task);
	}
	if (account) {
		assert(c->object.loop); /* a server's connections end before its loop goes */
		/* The user's handle stays, with the loop and no longer with the server. */
		list_remove(&c->object.siblings);
		list_append(&c->object.loop->objects, &c->object.siblings);
		c->account = NULL;
		account_put(account);
		owner->gone(owner);
	}
}

void conn_finish(struct postern_conn *c, int code, int error)
{
	if (!conn_is_open(c))
		return;
	conn_release(c, code != POSTERN_REASON_ABORTED);
	c->why = (struct postern_reason){ code, error, postern_reason_text(code) };
	if (c->dial && dial_why(c->dial)->code == code)
		c->why = *dial_why(c->dial);
	loop_calls(c->object.loop, "closed");
	if (c->events->closed && loop_is_ours(c->object.loop))
		c->events->closed(c, &c->why, c->data);
	if (!(c->flags & (CONN_USERS | CONN_FREED))) {
		c->flags |= CONN_FREED;
		object_end(&c->object);
	}
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
	sys_free(c);
}

static const struct object_ops conn_ops = {
	.ready = conn_ready,
	.fire = conn_fire,
	.run = conn_run,
	.orphan = conn_orphan,
	.bury = conn_bury,
};

struct postern_conn *postern_conn_free(struct postern_conn *c)
{
	if (!c || c->flags & CONN_FREED)
		return NULL;
	c->flags |= CONN_FREED;
	if (conn_is_open(c))
		conn_release(c, true);
	object_end(&c->object);
	return NULL;
}

struct postern_conn *postern_conn_keep(struct postern_conn *c)
{
	if (c)
		c->flags |= CONN_USERS;
	return c;
}
