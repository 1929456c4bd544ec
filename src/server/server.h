/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - a server's whole life
 *
 *   LISTENING   server.c: owns the name (name/owner.h); accept.c: accepts in bursts, within limits
 *       |       republish.c: the name was taken away: publishes it again, or NAME_LOST
 *   STOPPED     the name is given up; clients that had connected are accepted as room allows; connections continue
 *       |
 *   DRAINING    each connection is closing; the end of the last one, or the deadline, ends the server
 *       |
 *   CLOSED      inert
 *
 * Order when stopping: remove the name while the socket is still open (no other file can have its inode
 * number then), refuse new connects, accept clients that had already connected, close the listener, then the lock; only
 * then drain, so that a successor starts at once. The first two happen in the call, the rest in a task,
 * because it calls back. Only server_next() decides what comes next.
 *
 * If the limits leave no room for all clients that had connected, the listener is kept without the name, as the old
 * listener, and they are accepted when connections end; likewise when a lost name is published again. An
 * abstract name belongs to its socket: its waiting clients are closed with it, and get ECONNRESET.
 *
 * Accepting stops (the listener leaves epoll) at the limit of connections and when descriptors or memory
 * run out; the kernel's backlog then fills, and clients wait or retry within their deadline. It resumes
 * when a connection ends, or on a timer: the loop never spins on a listener that stays readable.
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
	struct object           object;      /* its descriptor is the listener, also stored in the owner */
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
	struct postern_conn    *entering;    /* the one that `allow` is deciding on */
	struct list             visiting;    /* of postern_server_each(): connections not yet visited */
	struct postern_server_counters counters;
	int                     state;
	bool                    connections_set, per_uid_set; /* these limits are the user's, and no defaults */
	bool                    paused;      /* by the user */
	bool                    retiring;    /* stopped: the backlog is still to be accepted */
	bool                    renewing;    /* the name was taken away: owner_acquire() is in progress */
	bool                    looking;     /* inotify reported an event: check the name */
	bool                    closing;     /* draining: each connection has been told to close */
	bool                    forced;      /* draining: the deadline has ended some */
	bool                    freed;
	int                     old_listener;/* takes no new clients, but has waiting ones; or -1 */
	int                     burst;       /* how many it accepted in burst_turn at most: accept.c */
	uint32_t                burst_turn;
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
/* Keeps the object's descriptor equal to the owner's. */
int  server_listen(struct postern_server *s);

/* As postern_server_new(). mode: what its info file says that it speaks; static. */
int  server_new(struct postern_server **ret, struct postern_loop *loop, const char *name,
	const struct postern_server_options *options, const char *mode, const struct postern_server_events *events,
	void *data);

/* Connections that it accepts from now on have this consumer. */
int  server_consume(struct postern_server *s, const struct conn_consumer *consumer);

/* Descriptors will come and go: the default of connections leaves them room. By how many it is less now. */
uint32_t server_leave_fds(struct postern_server *s);

/* accept.c */
void accept_burst(struct postern_server *s);
/* Neither paused nor at its limit. */
bool accept_has_room(const struct postern_server *s);
/* Accepts a burst of clients that had connected to old_listener, as room allows; it is closed after the last one. */
void accept_old(struct postern_server *s);
void accept_close_old(struct postern_server *s);
/* The same, with the guard of fork.h held, as in a forked child. */
void accept_close_old_held(struct postern_server *s);
void accept_resume(struct postern_server *s);

/* republish.c */
void republish_watch(struct postern_server *s);
void republish_unwatch(struct postern_server *s);
/* Is the name still ours? If not, begins to restore it. */
void republish_check(struct postern_server *s);
void republish_renew(struct postern_server *s);

#endif
