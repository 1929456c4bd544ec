/* SPDX-License-Identifier: Apache-2.0 */
/* calls.c - the public calls on a connection, except those that write */
#include <errno.h>

#include "conn/conn.h"
#include "link/socket.h"

/* ---- queries ---- */

int postern_conn_state(const struct postern_conn *c)
{
	return c ? c->state : POSTERN_STATE_CLOSED;
}

void *postern_conn_data(const struct postern_conn *c)
{
	return c ? c->data : NULL;
}

int postern_conn_set_data(struct postern_conn *c, void *data)
{
	if (!c)
		return -EINVAL;
	c->data = data;
	return 0;
}

int postern_conn_set_events(struct postern_conn *c, const struct postern_conn_events *events,
			    void *data)
{
	int r;

	if (!c)
		return why_argument("postern_conn_set_events", "c is NULL");
	r = conn_events_check(events);
	if (r < 0)
		return r;
	c->events = events;
	c->data = data;
	return 0;
}

const struct postern_reason *postern_conn_why(const struct postern_conn *c)
{
	static const struct postern_reason none = { .text = "" };

	if (!c)
		return &none;
	if (!conn_is_open(c))
		return &c->why;
	return conn_dial(c) ? dial_why(c->dial) : &none;
}

size_t postern_conn_queued(const struct postern_conn *c)
{
	return c ? c->out.bytes : 0;
}

int postern_conn_at_end(const struct postern_conn *c)
{
	return c && c->flags & CONN_END ? 1 : 0;
}

/* Why a connection has no socket: not yet, or no longer. */
static int conn_no_socket(const struct postern_conn *c)
{
	if (!c)
		return -EINVAL;
	return conn_is_open(c) ? -ENOTCONN : -ESTALE;
}

int postern_conn_fd(const struct postern_conn *c)
{
	return c && conn_has_socket(c) ? c->object.fd : conn_no_socket(c);
}

int postern_conn_peer(const struct postern_conn *c, struct postern_peer *ret, size_t size)
{
	if (!c || !ret)
		return -EINVAL;
	/* Kept at connect, since it is needed most when the connection has ended: for the log. */
	if (c->connected_ns == 0)
		return conn_no_socket(c);
	struct_export(ret, size, &c->peer, sizeof(c->peer));
	return 0;
}

int postern_conn_peer_pidfd(const struct postern_conn *c)
{
	if (!c)
		return -EINVAL;
	return conn_has_socket(c) ? sys_peer_pidfd(c->object.fd) : conn_no_socket(c);
}

ssize_t postern_conn_peer_label(const struct postern_conn *c, char *ret, size_t size)
{
	socklen_t n = size > 4096 ? 4096 : (socklen_t)size;
	int r;

	if (!c || !ret || size == 0)
		return -EINVAL;
	if (!conn_has_socket(c))
		return conn_no_socket(c);
	r = sys_getsockopt(c->object.fd, SO_PEERSEC, ret, &n);
	if (r < 0)
		return r;
	/* Modules differ in whether the terminator is counted, or exists. */
	if (n > 0 && ret[n - 1] == '\0')
		n--;
	if (n >= size)
		return -ERANGE;
	ret[n] = '\0';
	return (ssize_t)n;
}

int postern_conn_get_counters(const struct postern_conn *c, struct postern_conn_counters *ret,
			      size_t size)
{
	struct postern_conn_counters k;

	if (!c || !ret)
		return -EINVAL;
	k = (struct postern_conn_counters){
		.received = c->received,
		.sent = c->sent,
		.connected_ns = c->connected_ns,
		.attempts = c->attempts,
		.unread = c->kept ? c->kept->n : 0,
	};
	struct_export(ret, size, &k, sizeof(k));
	return 0;
}

/* ---- changes of state ---- */

int postern_conn_pause(struct postern_conn *c)
{
	int r = conn_check(c);

	if (r < 0)
		return r;
	/* EPOLLIN is removed only when something arrives: a short pause costs no system call. */
	c->flags |= CONN_PAUSED;
	c->due &= (uint8_t)~CONN_DUE_RESUME; /* longer than a yield */
	return 0;
}

int postern_conn_resume(struct postern_conn *c)
{
	int r = conn_check(c);

	if (r < 0)
		return r;
	c->flags &= ~(uint32_t)CONN_PAUSED;
	/* The peer did not cause the pause: the message's time starts again. */
	if (c->kept && c->flags & CONN_HALF)
		c->kept->begun_ns = loop_now(c->object.loop);
	if (conn_has_socket(c))
		conn_due(c, CONN_DUE_OFFER);
	return 0;
}

/* A drained that is owed for a write of the old consumer's would surprise the new one. */
void conn_hand_over(struct postern_conn *c, const struct conn_limits *limits,
		    const struct postern_conn_events *events, void *data)
{
	conn_limits_unref(c->limits);
	c->limits = limits;
	c->events = events;
	c->data = data;
	c->flags &= ~(uint32_t)(CONN_PAUSED | CONN_HALF | CONN_REFUSED | CONN_SHORT | CONN_OWES |
				CONN_WANTED | CONN_CROWDED);
	c->flags |= CONN_USERS;
	passing_hand_over(c);
	if (c->flags & CONN_RIGHTS)
		conn_admit_rights(c, false);
	if (conn_has_socket(c))
		conn_due(c, CONN_DUE_OFFER);
}

void conn_yield(struct postern_conn *c)
{
	c->flags |= CONN_PAUSED;
	conn_due(c, CONN_DUE_RESUME);
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

	if (r < 0 || c->state == POSTERN_STATE_CLOSING || c->flags & CONN_ABORTED)
		return r;
	/* Not connected yet: nothing was sent, and nothing will be. */
	if (!conn_has_socket(c))
		return postern_conn_abort(c);
	conn_begin_close(c, POSTERN_REASON_CLOSED, loop_after(c->object.loop, c->limits->drain_ns));
	return 0;
}

int postern_conn_abort(struct postern_conn *c)
{
	int r = conn_check(c);

	if (r < 0)
		return r;
	c->flags |= CONN_ABORTED;
	conn_due(c, CONN_DUE_FLUSH);
	return 0;
}

/* 0 and the peer, if fd is a connected local stream socket; else an error with a text. */
static int conn_judge(int fd, struct postern_peer *ret_peer)
{
	int r, domain = 0, type = 0, listening = 0;
	socklen_t n = sizeof(domain);
	struct why *why = why_last();

	r = sys_getsockopt(fd, SO_DOMAIN, &domain, &n);
	if (r == 0)
		r = sys_getsockopt(fd, SO_TYPE, &type, &n);
	if (r == 0)
		r = sys_getsockopt(fd, SO_ACCEPTCONN, &listening, &n);
	if (r < 0)
		return why_set(why, why_code(r), r, "descriptor %d: %s", fd, why_errno(r));
	if (domain != AF_UNIX || type != SOCK_STREAM)
		return why_set(why, POSTERN_REASON_WRONG_TYPE, -EPROTOTYPE,
			       "descriptor %d is not an AF_UNIX stream socket", fd);
	r = conn_peer_of(fd, ret_peer);
	if (r < 0)
		return why_set(why, why_code(r), r, "descriptor %d: %s", fd, why_errno(r));
	/* A socket that was never connected has no peer credentials. */
	if (listening || ret_peer->uid == (uid_t)-1)
		return why_set(why, POSTERN_REASON_WRONG_TYPE, -EDESTADDRREQ,
			       "descriptor %d is not connected", fd);
	return 0;
}

int postern_conn_adopt(struct postern_conn **ret, struct postern_loop *loop, int fd,
		       const struct postern_conn_options *options,
		       const struct postern_conn_events *events, void *data)
{
	struct postern_conn_options imported;
	struct postern_peer peer;
	struct postern_conn *c;
	int r;

	if (!ret || !loop || fd < 0)
		return why_argument("postern_conn_adopt", "ret or loop is NULL, or fd is negative");
	r = loop_check(loop);
	if (r < 0)
		return why_call("postern_conn_adopt", r);
	r = conn_events_check(events);
	if (r == 0)
		r = conn_options_import(&imported, options);
	if (r == 0)
		r = conn_judge(fd, &peer);
	if (r < 0)
		return r;
	r = conn_begin(&c, loop, &imported, events, data);
	if (r < 0)
		return why_call("postern_conn_adopt", r);
	/* Its options belong to others, and descriptors may have come already. */
	c->flags |= CONN_RIGHTS;
	r = conn_open(c, fd, &peer);
	if (r < 0) {
		object_give_up(&c->object); /* the caller still owns it */
		c->state = POSTERN_STATE_CLOSED;
		object_end(&c->object);
		return why_call("postern_conn_adopt", r);
	}
	*ret = c;
	return 0;
}

int postern_conn_detach(struct postern_conn *c)
{
	int fd, r = conn_check(c);

	if (r < 0)
		return r;
	if (c->state != POSTERN_STATE_CONNECTED || c->flags & CONN_ABORTED)
		return -ENOTCONN;
	if (c->out.bytes > 0 || c->kept || c->flags & CONN_FOLLOWED)
		return -EBUSY;
	if (c->flags & CONN_SHUT && !(c->flags & CONN_SHUT_DONE))
		link_end_sending(c->object.fd);
	/* Its next owner may want descriptors. */
	if (!(c->flags & CONN_RIGHTS))
		link_set_rights(c->object.fd, true);
	fd = object_give_up(&c->object);
	conn_release(c);
	if (!(c->flags & (CONN_USERS | CONN_FREED))) {
		c->flags |= CONN_FREED;
		object_end(&c->object);
	}
	return fd;
}
