/* SPDX-License-Identifier: Apache-2.0 */
/* conn.c - connections: making, turning, ending; the map is in conn.h */
#include "conn/conn.h"

#include <assert.h>
#include <errno.h>

#include "base/base.h"
#include "server/server.h"

/* "Idle costs nothing" has a number: with malloc's word this is one 256-byte block. */
static_assert(sizeof(struct postern_conn) <= 240, "an idle connection is at most 256 bytes");

enum {
	CONN_HIGH_WATER = 8 * 1024 * 1024,
	CONN_UNREAD = 256 * 1024,
	CONN_FRAME = 4 * 1024 * 1024,
};
#define CONN_IDLE  POSTERN_SECONDS(30)
#define CONN_DRAIN POSTERN_SECONDS(5)

static const struct object_ops conn_ops;

int conn_events_check(const struct postern_conn_events *events)
{
	return events && events->size >= sizeof(*events) ? 0 : -EINVAL;
}

int conn_options_import(struct postern_conn_options *to, const struct postern_conn_options *from)
{
	int r = struct_import(to, sizeof(*to), from);

	if (r < 0)
		return r;
	if (to->idle_ns < 0 || to->drain_ns < 0 || to->reserved || to->framing > POSTERN_U32LE)
		return -EINVAL;
	if (to->high_water == 0)
		to->high_water = CONN_HIGH_WATER;
	if (to->low_water == 0)
		to->low_water = to->high_water / 4;
	if (to->unread == 0)
		to->unread = CONN_UNREAD;
	if (to->frame_max == 0)
		to->frame_max = CONN_FRAME;
	if (to->frame_max > UINT32_MAX - CONN_FRAME_HEAD)
		return -EINVAL;
	if (to->framing)
		to->unread = to->frame_max + CONN_FRAME_HEAD;
	if (to->idle_ns == 0)
		to->idle_ns = CONN_IDLE;
	if (to->drain_ns == 0)
		to->drain_ns = CONN_DRAIN;
	return to->low_water <= to->high_water ? 0 : -EINVAL;
}

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
	share = others < c->account->server->bytes_per_uid
			? (c->account->server->bytes_per_uid - others) / 4
			: 0;
	return share > own ? share - own : 0;
}

void conn_update(struct postern_conn *c)
{
	bool reading =
		!(c->flags & CONN_EOF) && (c->state == POSTERN_CLOSING ||
					   (!(c->flags & CONN_PAUSED) && !conn_unread_full(c)));
	uint32_t mask = 0;
	int r;

	if (!conn_has_socket(c))
		return;
	if (reading)
		mask |= EPOLLIN;
	if (c->flags & CONN_BLOCKED)
		mask |= EPOLLOUT;
	if (!reading && c->flags & CONN_HANGUP)
		mask = WATCH_OFF;
	r = object_watch(&c->object, mask);
	if (r < 0)
		conn_finish(c, why_code(r), r);
}

/* ---- turns ---- */

static void conn_ready(struct object *o, uint32_t events)
{
	struct postern_conn *c = container_of(o, struct postern_conn, object);

	if (events & EPOLLOUT) {
		c->flags &= ~(uint32_t)CONN_BLOCKED;
		conn_due(c, CONN_DUE_FLUSH);
	}
	if (events & ~(uint32_t)EPOLLOUT)
		conn_read(c, events & EPOLLHUP);
}

/* The kernel had no memory for a send: once more, about as long as a peer may do nothing. */
static void conn_retry(struct postern_conn *c)
{
	c->flags &= ~(uint32_t)CONN_RETRY;
	if (c->strikes < UINT8_MAX)
		c->strikes++;
	if (c->idle_ns != POSTERN_FOREVER &&
	    (c->strikes == UINT8_MAX || c->strikes * CONN_RETRY_MAX > c->idle_ns))
		conn_finish(c, POSTERN_REASON_NO_RESOURCES, -ENOMEM);
	else
		conn_due(c, CONN_DUE_FLUSH);
}

static void conn_fire(struct object *o)
{
	struct postern_conn *c = container_of(o, struct postern_conn, object);

	object_timer(o, POSTERN_FOREVER);
	if (c->dial)
		dial_fire(c);
	else if (c->state == POSTERN_CLOSING)
		conn_finish(c, POSTERN_REASON_TIMEOUT, -ETIMEDOUT);
	else if (c->flags & CONN_RETRY)
		conn_retry(c);
	else
		idle_look(c);
}

void conn_tell_state(struct postern_conn *c)
{
	loop_calls(c->object.loop, "state");
	if (c->events->state)
		c->events->state(c, c->state, c->data);
}

/* The state is told even if the closing is over in this same turn. */
static bool conn_tell_closing(struct postern_conn *c)
{
	conn_tell_state(c);
	return conn_is_open(c);
}

/* The low-water mark, or a quarter of what its account lets it have. What the account refuses is refused below
   the mark: to be told so at once would be to be refused again, in a circle, for as long as the peer is slow. */
static bool conn_is_low(const struct postern_conn *c)
{
	size_t queued = c->out.bytes, allowed = conn_allowance(c);

	return queued <= c->low_water && (queued == 0 || allowed / 3 >= queued);
}

/* At most once a round, for all that was sent since. */
static bool conn_tell_sent(struct postern_conn *c)
{
	uint32_t n = c->untold;

	c->untold = 0;
	if (n == 0 || !c->events->sent)
		return true;
	loop_calls(c->object.loop, "sent");
	c->events->sent(c, n, c->data);
	return conn_is_open(c);
}

/* What is below its low-water mark is told so, once for each time that a write was cut short. */
static bool conn_tell_drained(struct postern_conn *c)
{
	if (!(c->flags & CONN_REFUSED) || c->state != POSTERN_CONNECTED || !conn_is_low(c))
		return true;
	c->flags &= ~(uint32_t)CONN_REFUSED;
	loop_calls(c->object.loop, "drained");
	if (c->events->drained)
		c->events->drained(c, c->data);
	if (!conn_is_open(c))
		return false;
	if (c->unread || c->flags & CONN_EOF)
		conn_offer(c);
	return conn_is_open(c);
}

/* What is to happen once all is sent. */
static void conn_all_sent(struct postern_conn *c)
{
	if (c->state == POSTERN_CLOSING) {
		conn_finish(c, c->flags & CONN_BROKEN ? POSTERN_REASON_RESET : c->end_code,
			    c->flags & CONN_BROKEN ? -EPIPE : 0);
		return;
	}
	if (c->flags & CONN_SHUT && !(c->flags & (CONN_SHUT_DONE | CONN_BROKEN))) {
		int r = sys_shutdown(c->object.fd, SHUT_WR);

		c->flags |= CONN_SHUT_DONE;
		/* -ENOTCONN: the peer has gone, which the reader hears. Else the peer would wait for an end
		   that never comes. */
		if (r < 0 && r != -ENOTCONN)
			conn_finish(c, why_code(r), r);
	}
}

static void conn_run(struct object *o)
{
	struct postern_conn *c = container_of(o, struct postern_conn, object);
	unsigned due = c->due;

	c->due = 0;
	if (due & CONN_DUE_ABORT) {
		conn_finish(c, POSTERN_REASON_ABORTED, 0);
		return;
	}
	if (due & CONN_DUE_CLOSING && !conn_tell_closing(c))
		return;
	if (due & CONN_DUE_ATTEMPT)
		dial_attempt(c);
	if (due & CONN_DUE_OFFER && c->state == POSTERN_CONNECTED)
		conn_offer(c);
	if (!conn_is_open(c) || !conn_has_socket(c))
		return;
	/* Who writes on when told that it drained is sent on at once, a few rounds. */
	for (int i = 0; i < CONN_ROUNDS; i++) {
		if (c->out.bytes > 0 && conn_can_send(c))
			conn_send(c);
		if (!conn_tell_sent(c) || !conn_tell_drained(c))
			return;
		if (c->out.bytes == 0 || !conn_can_send(c))
			break;
	}
	/* Writes made by the callbacks above asked for another run; it has been done. */
	if (c->due == CONN_DUE_FLUSH) {
		c->due = 0;
		list_remove(&c->object.task);
	}
	if (c->out.bytes == 0)
		conn_all_sent(c);
	else if (conn_can_send(c))
		conn_due(c, CONN_DUE_FLUSH);
	if (!conn_is_open(c))
		return;
	/* Refused although nothing is queued: memory was short, and no send will tell when it is not. */
	if (c->flags & CONN_REFUSED && c->out.bytes == 0 && conn_can_send(c))
		conn_send_later(c);
	conn_update(c);
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

static void conn_release(struct postern_conn *c, bool clean)
{
	struct account *account = c->account;

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
		server_conn_gone(account);
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

/* ---- public calls ---- */

/* 0 when c can be used: what every call below begins with. */
static int conn_check(const struct postern_conn *c)
{
	int r;

	if (!c)
		return -EINVAL;
	r = loop_check(c->object.loop);
	if (r < 0)
		return r;
	return conn_is_open(c) ? 0 : -ENOTCONN;
}

int postern_conn_pause(struct postern_conn *c)
{
	int r = conn_check(c);

	if (r < 0)
		return r;
	/* EPOLLIN goes when something arrives meanwhile: a short pause costs no system call. */
	c->flags |= CONN_PAUSED;
	return 0;
}

int postern_conn_resume(struct postern_conn *c)
{
	int r = conn_check(c);

	if (r < 0)
		return r;
	c->flags &= ~(uint32_t)CONN_PAUSED;
	if (conn_has_socket(c))
		conn_due(c, CONN_DUE_OFFER);
	return 0;
}

int postern_conn_shutdown(struct postern_conn *c)
{
	int r = conn_check(c);

	if (r < 0)
		return r;
	c->flags |= CONN_SHUT;
	conn_due(c, CONN_DUE_FLUSH);
	return 0;
}

int postern_conn_close(struct postern_conn *c)
{
	int r = conn_check(c);

	if (r < 0 || c->state == POSTERN_CLOSING)
		return r;
	/* Not connected yet: nothing was sent, and nothing will be. */
	if (!conn_has_socket(c))
		return postern_conn_abort(c);
	conn_begin_close(c, POSTERN_REASON_CLOSED,
			 time_after(loop_now(c->object.loop), c->drain_ns));
	return 0;
}

int postern_conn_abort(struct postern_conn *c)
{
	int r = conn_check(c);

	if (r == 0)
		conn_due(c, CONN_DUE_ABORT);
	return r;
}

int postern_conn_adopt(struct postern_conn **ret, struct postern_loop *loop, int fd,
		       const struct postern_conn_options *options,
		       const struct postern_conn_events *events, void *data)
{
	struct postern_conn_options limits;
	struct postern_peer peer;
	struct postern_conn *c;
	int r, domain = 0, type = 0, listening = 0;
	socklen_t n = sizeof(domain);

	if (!ret || !loop || fd < 0 || conn_events_check(events) < 0)
		return -EINVAL;
	r = loop_check(loop);
	if (r == 0)
		r = conn_options_import(&limits, options);
	if (r == 0)
		r = sys_getsockopt(fd, SO_DOMAIN, &domain, &n);
	if (r == 0)
		r = sys_getsockopt(fd, SO_TYPE, &type, &n);
	if (r == 0)
		r = sys_getsockopt(fd, SO_ACCEPTCONN, &listening, &n);
	if (r < 0)
		return r;
	if (domain != AF_UNIX || type != SOCK_STREAM)
		return -EPROTOTYPE;
	/* A socket that was never connected has no peer to vouch for. */
	r = conn_peer_of(fd, &peer);
	if (r < 0)
		return r;
	if (listening || peer.uid == (uid_t)-1)
		return -EDESTADDRREQ;
	r = conn_new(&c, loop, &limits, events, data);
	if (r < 0)
		return r;
	c->flags |= CONN_USERS;
	r = conn_open(c, fd, &peer);
	if (r < 0) {
		c->object.fd = -1; /* the caller's still */
		c->state = POSTERN_CLOSED;
		object_end(&c->object);
		return r;
	}
	*ret = c;
	return 0;
}

int postern_conn_detach(struct postern_conn *c)
{
	int fd, r = conn_check(c);

	if (r < 0)
		return r;
	if (c->state != POSTERN_CONNECTED || c->due & CONN_DUE_ABORT)
		return -ENOTCONN;
	if (c->out.bytes > 0 || c->unread || c->flags & CONN_FOLLOWED)
		return -EBUSY;
	object_watch(&c->object, WATCH_OFF);
	fd = c->object.fd;
	c->object.fd = -1;
	conn_release(c, false);
	if (!(c->flags & (CONN_USERS | CONN_FREED))) {
		c->flags |= CONN_FREED;
		object_end(&c->object);
	}
	return fd;
}
