/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - a server's whole life
 *
 *   LISTENING   server.c: owns the name (name/owner.h); accept.c: accepts in bursts, within limits
 *       |       republish.c: the name was taken away under it: publishes it anew, or NAME_LOST
 *   STOPPED     the name is given up; who had connected is accepted as there is room; connections go on
 *       |
 *   DRAINING    each connection is closing; the last one to go, or the deadline, ends it
 *       |
 *   CLOSED      inert
 *
 * Order when stopping: take the name away while the socket is still open (its inode cannot be another's
 * then), refuse new connects, accept who had already connected, close the listener, then the lock; only
 * then drain, so that a successor starts at once. The first two happen in the call, the rest in a task,
 * because it calls back. What comes next is said by server_next() alone.
 *
 * Where the limits leave no room for all who had connected, the listener is kept without the name, as the old
 * listener, and they are accepted when others go; the same when a name that went away is published again. An
 * abstract name is the socket's own: there they are closed with it, and read ECONNRESET.
 *
 * Accepting stops (the listener leaves epoll) at the limit of connections and when descriptors or memory
 * run out; the kernel's backlog then fills, and clients wait or retry within their deadline. It goes on
 * when a connection ends, or at a timer: never by spinning on a listener that stays readable.
 */
#ifndef POSTERN_SERVER_INTERNAL_H
#define POSTERN_SERVER_INTERNAL_H

#include <postern/server.h>

#include "account.h"
#include "conn/conn.h"
#include "loop/fork.h"
#include "name/name.h"

enum { SERVER_LISTENING = 1, SERVER_STOPPED, SERVER_DRAINING, SERVER_CLOSED };

#define SERVER_EVENTS_FIRST (offsetof(struct postern_server_events, closed) + sizeof(void (*)(void)))
/* A handler, or NULL. */
#define server_event(s, handler) STRUCT_HANDLER((s)->events, SERVER_EVENTS_FIRST, handler)

struct postern_server {
	struct object           object;      /* its descriptor is the listener, which the owner has too */
	struct fork_guard       guard;
	struct name             name;
	struct owner            owner;
	const struct postern_server_events *events;
	void                   *data;
	const struct conn_limits *limits; /* of accepted connections */
	uint32_t                connections_max, per_uid_max;
	gid_t                   group;
	uid_t                  *allow_uids;
	gid_t                  *allow_gids;
	uint32_t                n_allow_uids, n_allow_gids;
	struct account_owner    accounts;
	struct list             connections;
	struct postern_conn    *entering;    /* the one that `allow` is being asked about */
	struct list             visiting;    /* of postern_server_each(): those that are still to come */
	struct postern_server_counters counters;
	int                     state;
	bool                    paused;      /* by the user */
	bool                    retiring;    /* stopped: the listener is still to be emptied */
	bool                    renewing;    /* the name went away: owner_acquire() is under way */
	bool                    looking;     /* something happened where the name is */
	bool                    closing;     /* draining: each connection has been told to close */
	bool                    forced;      /* draining: the deadline has ended some */
	bool                    freed;
	int                     old_listener;/* nobody connects to it any more, but some have, -1 */
	int64_t                 pause_ns;    /* how long accepting pauses when resources run out */
	/* The one timer serves the earliest of these; POSTERN_FOREVER: none. */
	int64_t                 accept_at_ns, renew_at_ns, look_at_ns, drain_at_ns;
	int64_t                 renewed_at_ns[6];  /* the last republications, a ring */
	uint32_t                renewed_next;
	struct list             watch_node;  /* republish.c */
	int                     watch;       /* inotify's number for the directory, -1 */
};

/* server.c */
void server_update_timer(struct postern_server *s);
void server_error(struct postern_server *s, const struct why *why);
/* Keeps the object's descriptor the owner's. */
int  server_listen(struct postern_server *s);

/* accept.c */
void accept_burst(struct postern_server *s);
/* Neither paused nor at its limit. */
bool accept_has_room(const struct postern_server *s);
/* A burst of those that had connected to old_listener, as far as there is room; it is closed after the last one. */
void accept_old(struct postern_server *s);
void accept_close_old(struct postern_server *s);
/* The same where the guard of fork.h is held, as it is in the child of a fork. */
void accept_close_old_held(struct postern_server *s);
void accept_resume(struct postern_server *s);

/* republish.c */
void republish_watch(struct postern_server *s);
void republish_unwatch(struct postern_server *s);
/* Is the name still ours? If not, sets out to have it back. */
void republish_check(struct postern_server *s);
void republish_renew(struct postern_server *s);

#endif
