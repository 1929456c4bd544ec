/* SPDX-License-Identifier: Apache-2.0 */
/* accept.c - which clients are admitted, how many, and what happens when descriptors run out */
#include <errno.h>

#include "base/base.h"
#include "base/probe.h"
#include "link/socket.h"
#include "server/server.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

enum {
	ACCEPT_BURST = 32,       /* in a turn */
	ACCEPT_SHARED = 1,       /* while others are there: it takes as long as a few messages */
	ACCEPT_COST = 32 * 1024, /* in bytes that could be moved meanwhile */
	ACCEPT_GROUPS = 256,
};
#define ACCEPT_PAUSE_MIN POSTERN_MS(10)
#define ACCEPT_PAUSE_MAX POSTERN_MS(80)

/* ---- rules ---- */

static bool accept_in_groups(const struct postern_server *s, const gid_t *groups, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < s->n_allow_gids; k++)
			if (groups[i] == s->allow_gids[k] && groups[i] != s->owner.unknown.gid)
				return true;
	return false;
}

/* The kernel's list of the peer's supplementary groups, as of connect. If it does not fit, the user has more
   groups than we check, and is not admitted by group. */
static bool accept_by_groups(const struct postern_server *s, int fd,
			     const struct postern_peer *peer)
{
	gid_t groups[ACCEPT_GROUPS];
	socklen_t n = sizeof(groups);

	if (s->n_allow_gids == 0)
		return false;
	if (accept_in_groups(s, &peer->gid, 1))
		return true;
	if (sys_getsockopt(fd, SO_PEERGROUPS, groups, &n) < 0)
		return false;
	return accept_in_groups(s, groups, n / sizeof(*groups));
}

/* A user without a mapping in our user namespace cannot be identified (name/ids.h): no rule by uid admits it, and it never
   counts as our own. */
static bool accept_by_rules(const struct postern_server *s, int fd, const struct postern_peer *peer)
{
	bool known = peer->uid != s->owner.unknown.uid;

	if (s->n_allow_uids == 0 && s->n_allow_gids == 0)
		return s->name.kind != NAME_ABSTRACT ||
		       (known && (peer->uid == sys_geteuid() || peer->uid == 0));
	for (uint32_t i = 0; i < s->n_allow_uids; i++)
		if (known && peer->uid == s->allow_uids[i])
			return true;
	return accept_by_groups(s, fd, peer);
}

/* ---- accepting ---- */

static const struct postern_conn_events accept_silent = { .size = sizeof(accept_silent) };

/* It has no connection. The peer may have sent descriptors before it was accepted, and the close of one may wait for as long as
   the peer likes (SO_LINGER): they are received, and closed where that does not wait. */
static void accept_close(const struct postern_server *s, int fd)
{
	if (!s->owner.refuses_rights)
		link_end(fd, false, true);
	sys_close(fd);
}

static int accept_refuse(struct postern_server *s, int fd)
{
	s->counters.refused++;
	accept_close(s, fd);
	return 0;
}

/* The descriptor belongs to a connection before any callback runs, so that it is released with the server or the loop
   however a callback ends. But it is not yet a connection of the server: it is not counted, and has no events. */
static int accept_make(struct postern_server *s, int fd, struct postern_conn **ret)
{
	int r = conn_new(ret, s->object.loop, conn_limits_ref(s->limits), &accept_silent, s->data);

	if (r < 0) {
		accept_close(s, fd);
		return r;
	}
	(*ret)->object.fd = fd;
	if (!s->owner.refuses_rights)
		(*ret)->flags |= CONN_RIGHTS;
	return 0;
}

/* Calls the program's rule. false: the connection is over, because it was rejected, or the server or loop was freed. */
static bool accept_allows(struct postern_server *s, struct postern_conn *c,
			  const struct postern_peer *peer)
{
	int refused;

	if (!server_event(s, allow))
		return true;
	loop_calls(s->object.loop, "allow");
	s->entering = c;
	refused = server_event(s, allow)(s, peer, s->data);
	s->entering = NULL;
	if (!conn_is_open(c))
		return false;
	if (refused) {
		s->counters.refused++;
		postern_conn_free(c);
	}
	return !refused;
}

static int accept_enter(struct postern_server *s, struct postern_conn *c,
			const struct postern_peer *peer)
{
	int r;

	c->account = account_get(&s->accounts, peer->uid);
	if (!c->account) {
		postern_conn_free(c);
		return -ENOMEM;
	}
	list_remove(&c->object.siblings);
	list_append(&s->connections, &c->object.siblings);
	s->counters.connections++;
	if (server_event(s, conn))
		c->events = server_event(s, conn);
	r = conn_open(c, c->object.fd, peer);
	if (r < 0)
		postern_conn_free(c);
	return r;
}

/* Returns 0 also for a rejected client; a negative errno when resources ran out. */
static int accept_one(struct postern_server *s, int fd)
{
	struct postern_peer peer;
	struct postern_conn *c;
	int r;

	if (conn_peer_of(fd, &peer) < 0 || !accept_by_rules(s, fd, &peer) ||
	    account_connections(&s->accounts, peer.uid) >= s->per_uid_max)
		return accept_refuse(s, fd);
	r = accept_make(s, fd, &c);
	if (r < 0)
		return r;
	if (!accept_allows(s, c, &peer))
		return 0;
	r = accept_enter(s, c, &peer);
	if (r < 0)
		return r;
	s->counters.accepted++;
	PROBE(accept, c, peer.uid, peer.pid);
	loop_calls(s->object.loop, "accepted");
	if (server_event(s, accepted))
		server_event(s, accepted)(s, c, s->data);
	return 0;
}

static void accept_pause(struct postern_server *s, int error)
{
	struct why why;

	/* Reported once per shortage, not for each retry. */
	if (s->pause_ns == 0) {
		s->counters.paused++;
		why_set(&why, POSTERN_REASON_NO_RESOURCES, error,
			"%s: cannot accept at %s: %s; accepting pauses and resumes by itself",
			s->name.text, s->name.path, why_errno(error));
		s->pause_ns = ACCEPT_PAUSE_MIN;
		server_error(s, &why);
		if (s->freed || s->state != SERVER_LISTENING)
			return;
	} else if (s->pause_ns < ACCEPT_PAUSE_MAX) {
		s->pause_ns *= 2;
	}
	object_watch(&s->object, WATCH_OFF);
	s->accept_at_ns = time_after(loop_now(s->object.loop), s->pause_ns);
	server_update_timer(s);
}

bool accept_has_room(const struct postern_server *s)
{
	return !s->paused && s->counters.connections < s->connections_max;
}

/* How many in this visit: one, and twice as many in each turn that follows at once. Who waits alone would else cost a second
   accept(), which makes a socket and a descriptor before it finds nobody. */
static int accept_most(struct postern_server *s)
{
	uint32_t turn = s->object.loop->turn;

	if (s->burst_turn + 1 != turn || s->burst == 0)
		s->burst = 1;
	else if (s->burst < ACCEPT_BURST)
		s->burst *= 2;
	s->burst_turn = turn;
	return s->burst;
}

/* 0: all clients waiting at this listener were accepted; 1: not yet; a negative errno when resources ran out. Afterwards
   the server may be freed, as after any callback. */
static int accept_some(struct postern_server *s, int listener, int most)
{
	for (int i = 0; i < most && accept_has_room(s); i++) {
		int fd = sys_accept(listener), r;

		/* A peer that gave up while it waited is not an error. */
		if (fd == -EINTR || fd == -ECONNABORTED)
			continue;
		if (fd < 0)
			return fd == -EAGAIN ? 0 : fd;
		loop_spend(s->object.loop, ACCEPT_COST);
		r = accept_one(s, fd);
		if (r < 0 || s->freed || loop_check(s->object.loop) < 0)
			return r;
		s->pause_ns = 0;
	}
	return 1;
}

void accept_burst(struct postern_server *s)
{
	int limit = s->object.loop->shared ? ACCEPT_SHARED : ACCEPT_BURST, most = accept_most(s);
	int r = accept_some(s, s->object.fd, most < limit ? most : limit);
	bool more;

	if (s->freed || loop_check(s->object.loop) < 0 || s->state != SERVER_LISTENING || s->paused)
		return;
	/* One that came alone was not held back. */
	more = r == 1 && most > 1 && most >= limit;
	object_visited(&s->object, more);
	if (more && s->object.loop->shared)
		s->counters.deferred++;
	if (r < 0) {
		accept_pause(s, r);
	} else if (!accept_has_room(s)) {
		s->counters.paused++;
		object_watch(&s->object, WATCH_OFF);
	}
}

void accept_close_old_held(struct postern_server *s)
{
	if (s->old_listener >= 0)
		sys_close(s->old_listener);
	s->old_listener = -1;
}

void accept_close_old(struct postern_server *s)
{
	fork_hold();
	accept_close_old_held(s);
	fork_release();
}

void accept_old(struct postern_server *s)
{
	int r = accept_some(s, s->old_listener, ACCEPT_BURST);

	if (s->freed || loop_check(s->object.loop) < 0)
		return;
	s->closing = false; /* the new connections have not been closed yet */
	if (r == 0) {
		accept_close_old(s);
		accept_resume(s);
	} else if (r < 0) {
		s->accept_at_ns = time_after(loop_now(s->object.loop), ACCEPT_PAUSE_MAX);
	}
}

void accept_resume(struct postern_server *s)
{
	s->accept_at_ns = POSTERN_FOREVER;
	if (s->state == SERVER_LISTENING && !s->renewing && s->object.fd >= 0 &&
	    accept_has_room(s) && object_watch(&s->object, EPOLLIN) < 0) {
		s->accept_at_ns = time_after(loop_now(s->object.loop), ACCEPT_PAUSE_MAX);
		server_update_timer(s);
	}
}
