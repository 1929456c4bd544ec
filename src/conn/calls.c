/* SPDX-License-Identifier: Apache-2.0 */
/* calls.c - what can be asked of a connection; no state changes here but the user's own data */
#include <errno.h>

#include "conn/conn.h"
#include "server/server.h"

int postern_conn_state(const struct postern_conn *c)
{
	return c ? c->state : POSTERN_CLOSED;
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
	if (!c || conn_events_check(events) < 0)
		return -EINVAL;
	c->events = events;
	c->data = data;
	return 0;
}

const struct postern_reason *postern_conn_why(const struct postern_conn *c)
{
	static const struct postern_reason none = { .text = "" };

	if (!c)
		return &none;
	return conn_is_open(c) && c->dial ? dial_why(c->dial) : &c->why;
}

size_t postern_conn_queued(const struct postern_conn *c)
{
	return c ? c->out.bytes : 0;
}

int postern_conn_fd(const struct postern_conn *c)
{
	return c && conn_has_socket(c) ? c->object.fd : -ENOTCONN;
}

struct postern_server *postern_conn_server(const struct postern_conn *c)
{
	return c && c->account ? c->account->server : NULL;
}

int postern_conn_peer(const struct postern_conn *c, struct postern_peer *ret)
{
	if (!c || !ret)
		return -EINVAL;
	/* Kept at connect, since it is wanted most when the connection has ended: for the log. */
	if (c->connected_ns == 0)
		return -ENOTCONN;
	*ret = c->peer;
	return 0;
}

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

int postern_conn_peer_pidfd(const struct postern_conn *c)
{
	int fd = -1, r;
	socklen_t n = sizeof(fd);

	if (!c)
		return -EINVAL;
	if (!conn_has_socket(c))
		return -ENOTCONN;
	r = sys_getsockopt(c->object.fd, SO_PEERPIDFD, &fd, &n);
	return r < 0 ? r : fd;
}

ssize_t postern_conn_peer_label(const struct postern_conn *c, char *ret, size_t size)
{
	socklen_t n = size > 4096 ? 4096 : (socklen_t)size;
	int r;

	if (!c || !ret || size == 0)
		return -EINVAL;
	if (!conn_has_socket(c))
		return -ENOTCONN;
	r = sys_getsockopt(c->object.fd, SO_PEERSEC, ret, &n);
	if (r < 0)
		return r;
	/* Modules differ in whether the terminator is counted, or there at all. */
	if (n > 0 && ret[n - 1] == '\0')
		n--;
	if (n >= size)
		return -ERANGE;
	ret[n] = '\0';
	return n;
}

int postern_conn_get_counters(const struct postern_conn *c, struct postern_conn_counters *ret)
{
	if (!c || !ret)
		return -EINVAL;
	*ret = (struct postern_conn_counters){
		.received = c->received,
		.sent = c->sent,
		.connected_ns = c->connected_ns,
		.attempts = c->attempts,
		.unread = c->unread ? c->unread->n : 0,
	};
	return 0;
}
