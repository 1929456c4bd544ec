/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern/service.h - a service: a server that answers calls, as Varlink (UAPI.20)
 *
 * The rules at the top of postern.h hold here too. Each call becomes a request and is answered exactly once: by its
 * handler, by whoever keeps it, or by the library. Handlers are typed: `postern generate` writes, for the interface
 * org.example.clock, clock_provide(), clock_reply_Now() and so on, from what is below. See postern-services(7).
 *
 * The library answers by itself: calls of methods that do not exist, parameters of another type, calls that a rule
 * does not permit, org.varlink.service, requests that are freed unanswered (io.postern.Abandoned), and calls
 * that come while the service drains (io.postern.Draining) or has no room (io.postern.Busy).
 */
#include <postern.h> /* before the guard: it includes this one, where others need it */
#ifndef POSTERN_SERVICE_H
#define POSTERN_SERVICE_H

#include <postern/interface.h>
#include <postern/json.h>

#ifdef __cplusplus
extern "C" {
#endif

struct postern_service; struct postern_request;

struct postern_service_events {
	size_t size;
	/* Your own rule for each call, after those of the server: 0 permits it, else it is answered with
	   org.varlink.service.PermissionDenied. r: for the queries below; its parameters were not checked yet. NULL: all are
	   permitted. */
	int  (*allow)(const struct postern_request *r, void *data);
	/* As those of a server. A peer that breaks the protocol is reported here too, and its connection ends. */
	void (*error)(struct postern_service *s, const struct postern_reason *why, void *data);
	void (*closed)(struct postern_service *s, const struct postern_reason *why, void *data);
};

enum { /* of a service */
	/* It offers io.postern.Statistics to root and its own uid, for `postern stats` and `postern top`, and reads the clock
	   twice a call to know how long calls take. */
	POSTERN_SERVICE_STATISTICS = 1u << 0,
	/* It offers io.postern.Trace to the same, for `postern trace`: its messages, as they pass. */
	POSTERN_SERVICE_TRACE = 1u << 1,
};

struct postern_service_options {
	size_t      size;
	const struct postern_server_options *server; /* its .conn is for the connections; .framing must be 0 there */
	const char *vendor, *product, *version, *url; /* what GetInfo answers: "" */
	uint32_t    message_max;    /* largest message without its NUL, in both directions: 4 MiB */
	uint32_t    reserved;
	int64_t     exit_idle_ns;   /* closed comes after this long without a connection and a request, if a service manager
	                               had passed the listener, which stays open there: POSTERN_FOREVER */
	uint64_t    flags;          /* POSTERN_SERVICE_... */
};

/* name, and the errors: as postern_server_new(). events: or NULL. fd:NAME is the listener that a service manager has passed by
   this name, sd_listen_fds(3); fd:varlink also the only one, whatever its name; -ENOENT: none. */
POSTERN_API POSTERN_MUST_USE int postern_service_new(struct postern_service **ret, struct postern_loop *loop,
	const char *name, const struct postern_service_options *options,
	const struct postern_service_events *events, void *data);
/* Ends its connections at once. A request that was kept stays yours; its calls return -ESTALE. */
POSTERN_API struct postern_service *postern_service_free(struct postern_service *s);
/* Gives up the name; calls that are open are to be answered within the deadline (0: 5 s), then closed. What begins from now on
   is answered with io.postern.Draining, but a oneway call still runs, also one that waits behind an open call when the
   deadline passes. */
POSTERN_API int postern_service_drain(struct postern_service *s, int64_t deadline_ns);
/* The server below it, borrowed: for its path and counters. */
POSTERN_API const struct postern_server *postern_service_server(const struct postern_service *s);
POSTERN_API void *postern_service_data(const struct postern_service *s);

/* Offers an interface from now on, until the service is freed: so long it must stay, and so must handlers, the generated struct
   of them; data is passed to each. A handler that is NULL is answered with MethodNotImplemented, all of them if handlers is.
   -EEXIST: it has an interface of this name; -EINVAL also for org.varlink.service and io.postern. */
POSTERN_API int postern_service_provide(struct postern_service *s, const struct postern_interface *interface,
	const void *handlers, void *data);

struct postern_service_counters {
	uint64_t calls;       /* received, and well formed */
	uint64_t answers;     /* final ones that were queued for a peer */
	uint64_t abandoned;   /* freed unanswered */
	uint64_t cancelled;   /* open when their peer left */
	uint64_t dropped;     /* received from a peer that left before they began */
	uint64_t violations;  /* connections that ended for breaking the protocol */
	uint32_t open;        /* requests now */
	uint32_t upgraded;    /* connections now that are no longer Varlink's */
};
POSTERN_API int postern_service_get_counters(const struct postern_service *s, struct postern_service_counters *ret,
	size_t size);

/* ---- A request -------------------------------------------------------------------------------- */

/* It lives until its handler returns; then an unanswered one is abandoned, unless it was kept. A kept one lives until you
   free it, whatever happens to its connection and service: after its answer, and when its peer has left, its calls return
   -ESTALE. What it was called with lives as long. */

struct postern_request_events {
	size_t size;
	/* The peer has left, or the service was freed: nobody wants the answer any more. At most once; not after it. */
	void (*cancelled)(struct postern_request *r, void *data);
	/* A continuing answer was refused with -EAGAIN; now there is room. */
	void (*drained)(struct postern_request *r, void *data);
	/* Of one that a topic has taken, in place of both: it is no subscriber any more, whatever ended it, and r goes when
	   this returns. Exactly once. */
	void (*left)(struct postern_request *r, void *data);
};

/* The final answer; value is a struct of the method's output, NULL if that has no fields. It is copied into the
   connection's queue, in which there always is room for it. -EINVAL: it cannot be encoded, or type is not the
   method's; -EMSGSIZE: too long; postern_why() names the field, and the request is still open. -ESTALE: answered, or
   the peer has left. To a ONEWAY call nothing is sent, and 0 returned. */
POSTERN_API int postern_request_reply(struct postern_request *r, const struct postern_type *type, const void *value);
/* An answer after which others follow. -EAGAIN: the queue is full, wait for drained. -ENOTSUP: the call did not
   ask for MORE. */
POSTERN_API POSTERN_MUST_USE int postern_request_continue(struct postern_request *r, const struct postern_type *type,
	const void *value);
POSTERN_API int postern_request_fail(struct postern_request *r, const struct postern_error *error, const void *value);
/* The same with parameters in JSON: an object, or {} as NULL. They are checked to be JSON, not against the interface. */
POSTERN_API int postern_request_reply_json(struct postern_request *r, const char *parameters, size_t n);
POSTERN_API POSTERN_MUST_USE int postern_request_continue_json(struct postern_request *r, const char *parameters,
	size_t n);
POSTERN_API int postern_request_fail_json(struct postern_request *r, const char *error, const char *parameters,
	size_t n);
/* The final answer of a call that asked for UPGRADE, which confirms it: *ret is its connection, yours from here on, with
   events and their data. It is a plain one, with the limits of the service's .server->conn: first received is what the
   peer sent behind its call; what you write follows the answer, and sent counts that too. It stays one of the server's:
   it counts against the limits of its peer, draining waits for it until the deadline, and the free of the service ends it.
   -ENOTSUP: not asked for; others as postern_request_reply(), and the request is still open. An error in place of this
   leaves the connection as it is. postern_request_reply() is -ENOTSUP for such a call. */
POSTERN_API POSTERN_MUST_USE int postern_request_upgrade(struct postern_conn **ret, struct postern_request *r,
	const struct postern_type *type, const void *value, const struct postern_conn_events *events, void *data);
POSTERN_API POSTERN_MUST_USE int postern_request_upgrade_json(struct postern_conn **ret, struct postern_request *r,
	const char *parameters, size_t n, const struct postern_conn_events *events, void *data);
/* As InvalidParameter, for a value that its type allows and the method does not. field: its path. */
POSTERN_API int postern_request_invalid(struct postern_request *r, const char *field);

/* Descriptors travel beside the parameters, which name them by their index: 0, 1, ... Only methods that say so have some:
   [Takes file descriptors], [Returns file descriptors]; to others nobody can pass any. */
/* How many came with the call. They belong to the request, which closes those that are left when it is freed. */
POSTERN_API size_t postern_request_fds(const struct postern_request *r);
/* One of them, which is yours from here on; it is close-on-exec, and may be of any kind: check it. -EBADF: there is none of
   this index, or it was taken. A call that has not those that it should is for postern_request_invalid(). */
POSTERN_API POSTERN_MUST_USE int postern_request_take_fd(struct postern_request *r, int64_t index);
/* Puts one beside the next answer, and returns its index there. It is consumed, also on failure: closed when it was sent,
   when that answer fails for any reason, also with -EAGAIN, is an error or is wanted by nobody, or with the request. So a
   handler that answers again pushes again. -EAGAIN: the peer's user has too many unread, .descriptors_per_uid; all that were
   pushed are closed then, drained comes when there is room, and left unanswered the call is answered with Busy.
   -ENOTSUP: the method returns none; -E2BIG: there are POSTERN_FDS_MAX; -ESTALE; -EBADF: it is not open, or was pushed
   before; -ENOMEM. */
POSTERN_API POSTERN_MUST_USE int postern_request_push_fd(struct postern_request *r, int fd);

POSTERN_API struct postern_request *postern_request_keep(struct postern_request *r);
POSTERN_API struct postern_request *postern_request_free(struct postern_request *r);
POSTERN_API int postern_request_set_events(struct postern_request *r, const struct postern_request_events *events,
	void *data);
/* Any thread, for a kept request: calls fn(r, data) once on the loop's thread, where it can be answered and freed, also
   after the service has gone. The free of the loop calls what still waits; after that fn is called at once, by this, on the
   calling thread. Not called if the request is freed first. Never fails for want of room.
   -EBUSY: the last one has not been called yet. */
typedef void postern_request_fn(struct postern_request *r, void *data);
POSTERN_API POSTERN_MUST_USE int postern_request_post(struct postern_request *r, postern_request_fn *fn, void *data);

POSTERN_API uint64_t    postern_request_flags(const struct postern_request *r);   /* POSTERN_CALL_... */
POSTERN_API const char *postern_request_method(const struct postern_request *r);  /* with its interface's name */
/* What it was called with: an object, {} if there was none. */
POSTERN_API struct postern_json postern_request_parameters(const struct postern_request *r);
/* Who called; kept after the end. */
POSTERN_API int postern_request_peer(const struct postern_request *r, struct postern_peer *ret, size_t size);
/* NULL: it was freed, or is being freed. */
POSTERN_API struct postern_service *postern_request_service(const struct postern_request *r);

POSTERN_AUTO_(service)
POSTERN_AUTO_(request)

#ifdef __cplusplus
}
#endif
#endif
