/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern.h - talk to another process on this machine
 *
 * A server owns a name and produces connections. A connection is a stream of bytes to one peer; both
 * ends have the same one. A loop runs the events of one thread. Nothing here waits, except for
 * postern_loop_run(), postern_loop_dispatch() and, bounded, postern_server_new().
 *
 * Owner    An object that you create is yours until you free it, even if its parent was freed first; it is
 *          then closed and inert, and its calls return -ESTALE. An object that an event hands you lives
 *          until its final event has returned, or until you free or keep it. Every _free accepts NULL,
 *          returns NULL, and is legal inside every callback, that object's own included.
 * Once     Each operation ends in exactly one final event. _free(x) is silent about x, but first ends
 *          everything below x with the reason CANCELLED. Otherwise no callback runs inside a call.
 * Bound    Every limit has a finite default. To wait for ever you have to write POSTERN_FOREVER.
 * Thread   An object belongs to its loop's thread. Others may call only what says "any thread", such as postern_loop_post.
 * Fork     None of this works in a child process: calls return -ECHILD, _free only closes and frees.
 * Errors   Calls return 0 or a count, or a negative errno: -EINVAL for invalid arguments, -ENOMEM, -ECHILD,
 *          -ESTALE as said above, and those listed at each function; postern_why() explains the failure.
 * Options  A pointer to options may be NULL; a field that is 0 has the default named beside it. Begin
 *          with .size = sizeof of it. Options are copied; events are not: they must stay (static const).
 * Units    Sizes are bytes; times are nanoseconds on the monotonic clock, named _ns.
 *
 * Includes the other headers, postern/: client.h (calls that wait), thread.h, frame.h (messages), service.h, topic.h and
 * caller.h (Varlink), json.h, loop.h (timers, descriptors, signals, child processes), conn.h, server.h, name.h; postern(7).
 */
#ifndef POSTERN_H
#define POSTERN_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif
#define POSTERN_API         __attribute__((visibility("default")))
#define POSTERN_MUST_USE    __attribute__((warn_unused_result))
#define POSTERN_FOREVER     INT64_MAX
#define POSTERN_MS(n)       ((int64_t)(n) * 1000000)
#define POSTERN_SECONDS(n)  ((int64_t)(n) * 1000000000)
#define POSTERN_VERSION     "0.1.0"
#define POSTERN_VERSION_NUMBER 100 /* 10,000 major + 100 minor + patch */
struct postern_loop; struct postern_server; struct postern_conn;
POSTERN_API const char *postern_version(void); /* of the library at run time; static */

/* ---- Why something ended or failed ----------------------------------------------------------- */

enum {
	POSTERN_REASON_ENDED = 1,    /* the peer ended the connection; all that it sent was delivered */
	POSTERN_REASON_CLOSED,       /* you closed it; all that was queued was sent */
	POSTERN_REASON_ABORTED,      /* you aborted it */
	POSTERN_REASON_CANCELLED,    /* its server or loop was freed first */
	POSTERN_REASON_TIMEOUT,      /* a deadline passed; .error is that of the last attempt */
	POSTERN_REASON_NO_SERVER,    /* all attempts were used, no server answered */
	POSTERN_REASON_IDLE,         /* no progress for .idle_ns although something was pending */
	POSTERN_REASON_RESET,        /* the peer went away before it had read all that it was sent */
	POSTERN_REASON_VIOLATION,    /* the peer broke the framing: too long, or ended within a message */
	POSTERN_REASON_NOT_ALLOWED,  /* permissions, or a uid that is not allowed */
	POSTERN_REASON_WRONG_TYPE,   /* the file at the name is not a stream socket */
	POSTERN_REASON_NAME_IN_USE,  /* a live server has the name */
	POSTERN_REASON_NAME_LOST,    /* the name was taken away and could not be restored */
	POSTERN_REASON_NAME_RESTORED,/* the name was taken away and is published again */
	POSTERN_REASON_NO_RESOURCES, /* descriptors or memory ran out; accepting pauses, then goes on */
	POSTERN_REASON_FAILED,       /* anything else: see .error */
};

struct postern_reason {
	int         code;   /* POSTERN_REASON_... */
	int         error;  /* a negative errno, or 0 */
	const char *text;   /* one line: what was tried, where, and the cause; valid during the event or call */
};

POSTERN_API const char *postern_reason_text(int code); /* the code in a few words, static */

/* Why the last call on this thread failed that creates, adopts or looks up an object, and how to fix it, in
   one line; valid until the next such failure. .code is 0 while none has failed. */
POSTERN_API const struct postern_reason *postern_why(void);

/* ---- Loop: the events of one thread ----------------------------------------------------------- */

/* Runs on the loop's thread. loop is NULL if the loop was freed before fn was called: release data. */
typedef void postern_fn(struct postern_loop *loop, void *data);

/* -EMFILE, -ENFILE. It may be freed before or after the objects on it. */
POSTERN_API POSTERN_MUST_USE int postern_loop_new(struct postern_loop **ret);
POSTERN_API struct postern_loop *postern_loop_free(struct postern_loop *loop);
/* Runs until postern_loop_stop(). -EDEADLK inside a callback of this loop. */
POSTERN_API int  postern_loop_run(struct postern_loop *loop);
/* Any thread, or a signal handler. A stop before the run makes that run return at once. */
POSTERN_API void postern_loop_stop(struct postern_loop *loop);
/* For a loop of your own: poll the descriptor (borrowed) for reading, then dispatch with timeout 0, which
   is one bounded turn and returns the number of events, 0 at the timeout. -EDEADLK as above. */
POSTERN_API int  postern_loop_fd(const struct postern_loop *loop);
POSTERN_API int  postern_loop_dispatch(struct postern_loop *loop, int64_t timeout_ns);
/* Any thread: calls fn once on the loop's thread, in order. -EAGAIN while 65,536 calls wait. */
POSTERN_API POSTERN_MUST_USE int postern_loop_post(struct postern_loop *loop, postern_fn *fn, void *data);

/* ---- Connection: bytes to and from one peer ---------------------------------------------------- */

enum {
	POSTERN_STATE_CONNECTING = 1, /* an attempt to connect is being made */
	POSTERN_STATE_WAITING    = 2, /* it failed, postern_conn_why() says why; another one will follow */
	POSTERN_STATE_CONNECTED  = 4, /* accepted by the kernel, even if the server is stopped: see .idle_ns */
	POSTERN_STATE_CLOSING    = 5, /* no more is received; the queue is being sent */
	POSTERN_STATE_CLOSED     = 6, /* inert; 3 is reserved for a state before connected */
};

/* Each function may be NULL, and may free the connection. */
struct postern_conn_events {
	size_t size;
	void   (*state)(struct postern_conn *c, int state, void *data);
	/* Returns how many bytes it took, and is called again for the rest until it takes none. The rest
	   is kept, up to .unread, and offered again with more bytes, after drained, and on resume, until it
	   is taken; ended comes after it (postern_conn_at_end()). NULL: received bytes are dropped. */
	size_t (*received)(struct postern_conn *c, const void *bytes, size_t n, void *data);
	/* In place of received where .framing is set: one whole message. To hold off, pause. */
	void   (*frame)(struct postern_conn *c, const void *payload, size_t n, void *data);
	/* The peer will send no more. You can still write. NULL: the connection is closed gracefully. */
	void   (*ended)(struct postern_conn *c, void *data);
	/* A write was cut short; now the queue is at its low-water mark. If it can never get there, closed comes. */
	void   (*drained)(struct postern_conn *c, void *data);
	/* The kernel took n of the bytes that were written. */
	void   (*sent)(struct postern_conn *c, size_t n, void *data);
	/* The one final event; the connection is inert. */
	void   (*closed)(struct postern_conn *c, const struct postern_reason *why, void *data);
};

enum { POSTERN_FRAMING_LINES = 1, POSTERN_FRAMING_NUL, POSTERN_FRAMING_U32BE, POSTERN_FRAMING_U32LE };

struct postern_conn_options {
	size_t   size;
	size_t   high_water;    /* at most this much is queued for the peer: 8 MiB */
	uint32_t low_water;     /* drained comes here: a quarter of high_water */
	uint32_t unread;        /* at most this many bytes that you did not take are kept: 256 KiB */
	uint32_t framing;       /* whole messages as frame events: none; or POSTERN_FRAMING_..., see frame.h */
	uint32_t frame_max;     /* largest message: 4 MiB; with framing, used instead of .unread */
	int64_t  idle_ns;       /* without progress while the peer has to read, or you have to take: 30 s */
	int64_t  drain_ns;      /* a graceful close is forced after: 5 s */
	int64_t  message_ns;    /* with framing: from a message's first byte to its last: 60 s */
};

struct postern_connect_options {
	size_t   size;
	const struct postern_conn_options *conn;
	int64_t  deadline_ns;     /* all attempts together: 5 s */
	int64_t  backoff_ns;      /* the first wait is at most: 10 ms; it doubles, with full jitter */
	int64_t  backoff_max_ns;  /* up to: 1 s */
	const uid_t *server_uids; /* uids that may run the server: yours, root's, the directory owner's */
	size_t   n_server_uids;
	uint32_t attempts;        /* at most: until the deadline */
	uint32_t reserved;        /* 0 */
};

/* A later failure is reported by the closed event; if the call itself fails, postern_why() says why.
   A name is a word (clock, system:clock), a path with a slash, or @abstract: postern(7). */
POSTERN_API POSTERN_MUST_USE int postern_connect(struct postern_conn **ret, struct postern_loop *loop,
	const char *name, const struct postern_connect_options *options,
	const struct postern_conn_events *events, void *data);
/* free: at once; sends as much as the kernel takes, then closes. keep: an accepted connection becomes yours. */
POSTERN_API struct postern_conn *postern_conn_free(struct postern_conn *c);
POSTERN_API struct postern_conn *postern_conn_keep(struct postern_conn *c);
/* Copies the bytes that fit below the high-water mark, to be sent at the end of the turn; returns how many;
   -EAGAIN when none fit: wait for drained. Allowed while connecting. -EPIPE after shutdown or close. */
POSTERN_API POSTERN_MUST_USE ssize_t postern_conn_write(struct postern_conn *c, const void *bytes, size_t n);

POSTERN_API int postern_conn_pause(struct postern_conn *c);    /* stop reading; the kernel's buffer fills */
POSTERN_API int postern_conn_resume(struct postern_conn *c);
POSTERN_API int postern_conn_shutdown(struct postern_conn *c); /* half-close, when the queue is sent */
POSTERN_API int postern_conn_close(struct postern_conn *c);    /* send the whole queue, then closed */
POSTERN_API int postern_conn_abort(struct postern_conn *c);    /* drop the queue, then only closed; the peer reads an end */

POSTERN_API int   postern_conn_state(const struct postern_conn *c); /* POSTERN_STATE_... */
POSTERN_API void *postern_conn_data(const struct postern_conn *c);
/* Why the last attempt failed, or why it is closed; valid until the next attempt or the free. */
POSTERN_API const struct postern_reason *postern_conn_why(const struct postern_conn *c);

/* ---- Server: owns a name, produces connections ------------------------------------------------- */

/* The peer's process, as the kernel recorded it. Do not authorise by pid: pids are reused. */
struct postern_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

struct postern_server_events {
	size_t size;
	/* The events of accepted connections, which get the server's data; or NULL. */
	const struct postern_conn_events *conn;
	/* Your own rule, after those of the options: 0 admits the peer, anything else rejects it. */
	int  (*allow)(struct postern_server *s, const struct postern_peer *peer, void *data);
	void (*accepted)(struct postern_server *s, struct postern_conn *c, void *data);
	/* Something went wrong; the server continues, after NAME_LOST without a name. */
	void (*error)(struct postern_server *s, const struct postern_reason *why, void *data);
	/* The final event after postern_server_drain(), or when the loop was freed first. */
	void (*closed)(struct postern_server *s, const struct postern_reason *why, void *data);
};

enum { POSTERN_ACCESS_USER = 0600, POSTERN_ACCESS_GROUP = 0660, POSTERN_ACCESS_WORLD = 0666 };

struct postern_server_options {
	size_t       size;
	uint32_t     access;        /* mode of the socket: POSTERN_ACCESS_USER; or exact bits */
	uint32_t     backlog;       /* connections that may wait to be accepted: 128 */
	uint32_t     connections;         /* at once: 4,096, or what RLIMIT_NOFILE allows; then none is accepted */
	uint32_t     connections_per_uid; /* 1,024, at most 7/8 of the default above; then a new one is closed */
	size_t       bytes_per_uid;       /* held for all of a uid's connections: 64 MiB; best 2 * .frame_max or more */
	const gid_t *group;         /* group of the socket: unchanged */
	const uid_t *allow_uids;    /* uids that may connect: those .access admits; @abstract: yours, root's */
	const gid_t *allow_gids;
	uint32_t     n_allow_uids, n_allow_gids;
	const struct postern_conn_options *conn; /* limits of accepted connections */
	uint32_t     keep_flags, descriptors_per_uid; /* 1: fd:N is non-blocking already; passed and not taken: RLIMIT_NOFILE / 8: postern_fds(3) */
};

/* Returns when the server owns the name and listens on it, or fails (postern_why() says why). It
   waits up to a second for a predecessor that is exiting. -EADDRINUSE: a live server has the name.
   -EACCES, -EPERM, -ENOTSOCK, -ENOENT, -ENOSPC, -EMFILE and others: see its text. */
POSTERN_API POSTERN_MUST_USE int postern_server_new(struct postern_server **ret, struct postern_loop *loop,
	const char *name, const struct postern_server_options *options,
	const struct postern_server_events *events, void *data);
/* Gives up the name and ends its connections at once (their final event: CANCELLED). */
POSTERN_API struct postern_server *postern_server_free(struct postern_server *s);
/* Gives up the name, so that a successor can start; accepts clients that had connected, within the limits. */
POSTERN_API int postern_server_stop(struct postern_server *s);
/* The same, then closes each connection gracefully, forced at the deadline (0: 5 s); then closed. */
POSTERN_API int postern_server_drain(struct postern_server *s, int64_t deadline_ns);
POSTERN_API const char *postern_server_path(const struct postern_server *s); /* where it listens */
POSTERN_API void *postern_server_data(const struct postern_server *s);

/* ---- Freed on scope exit: POSTERN_AUTO(conn) c = NULL; ------------------------------------------ */

/* For gcc and clang. The order of declarations does not matter. Does not run when a thread is cancelled. */
#define POSTERN_AUTO(noun)   __attribute__((cleanup(postern_##noun##_auto_))) struct postern_##noun *
#define POSTERN_AUTO_(noun) \
	static inline void postern_##noun##_auto_(struct postern_##noun **p) { *p = postern_##noun##_free(*p); }
POSTERN_AUTO_(loop) POSTERN_AUTO_(server) POSTERN_AUTO_(conn)
#ifdef __cplusplus
}
#endif
#include <postern/caller.h>
#include <postern/client.h>
#include <postern/conn.h>
#include <postern/frame.h>
#include <postern/json.h>
#include <postern/loop.h>
#include <postern/name.h>
#include <postern/server.h>
#include <postern/topic.h>
#include <postern/thread.h>
#endif
