/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export.h - postern bridge export: a local service answers calls that come over NATS
 *
 *   export.c         its options, what it subscribes to, its end
 *   export-call.c    one call: a message, a call of the service, its answer
 *   export-line.c    the connections to the service, and whether it is there
 *   export-answer.c  what is published, and what about that can fail
 *   discover.c       the answers to NATS's service discovery
 *
 * Connections. A service answers the calls of one connection one after the other, and the callers behind NATS have nothing to
 * do with each other: so each call that is open has a connection of its own. In the steady state of a single caller there far
 * away this is one connection.
 */
#ifndef POSTERN_BRIDGE_EXPORT_H
#define POSTERN_BRIDGE_EXPORT_H

#include "durable.h"
#include "learn.h"

#include <postern/caller.h>

#define EXPORT_QUEUE "varlink"

/* A method, and so a subject. */
struct export_method {
	struct export           *export;
	const char              *name, *interface;
	uint32_t                 flags;       /* POSTERN_METHOD_... */
	char                     subject[WIRE_SUBJECT_MAX];
	struct bus_sub          *sub;         /* NULL: the service is away */
	uint64_t                 requests, errors;
	int64_t                  busy_ns;     /* all of its calls together */
	char                     last_error[128];
};

struct export_line {
	struct export_line    *next;          /* in export.idle */
	struct postern_caller *caller;
};

struct export_call {
	struct export_call   *next, *before;  /* in export.calls */
	struct export        *export;
	struct export_method *method;
	struct export_line   *line;           /* NULL: it shares one, or has a connection of its own */
	struct postern_call  *call;           /* NULL: not begun */
	char                 *reply;          /* NULL: oneway */
	size_t                n;              /* bytes of its parameters */
	bool                  durable;        /* reply is for its acknowledgement */
	int64_t               begun_ns;
	/* Of a stream: */
	bool                  more, accepted;
	bool                  alive;          /* its caller has said so once */
	struct postern_call  *look;           /* NULL: the service is there, and has the call */
	struct bus_inbox      control;
	uint64_t              sequence;       /* of the last answer */
	int64_t               heard_ns;       /* when its caller was heard of last */
};

struct export_values {
	struct bridge_values bridge;
	const char *stream;
};

struct export {
	struct bridge         bridge;
	const struct export_values *values;
	const char           *address, *queue;
	struct learned        learned;
	struct export_method *methods;
	size_t                n_methods;
	struct export_description *descriptions; /* one for each interface that was learned */
	struct export_line   *lines, *idle;   /* max_calls of them, n_lines have a caller */
	uint32_t              n_lines;
	struct postern_caller *alone, *oneway;
	bool                  away;           /* the service cannot be reached */
	struct postern_call  *look;           /* or NULL */
	struct postern_timer *again;          /* the next look */
	int64_t               pause_ns;       /* before it */
	struct export_call   *calls;
	uint32_t              n_oneway;       /* of n_calls: they wait in line, and nobody for them */
	size_t                oneway_bytes;
	uint32_t              n_calls, max_calls;
	struct postern_timer *lease;
	struct durable       *durables;       /* one for each interface, with --stream */
	size_t                n_durables;
	uint64_t              lost;           /* answers that nobody could be sent */
	uint64_t              refused;        /* calls that were dropped, which nobody else can be told of */
	uint64_t              looped;         /* calls that have passed too many bridges */
	int64_t               told_ns;
	bool                  drained;        /* no message comes any more */
	/* discover.c */
	char                  title[64], version[32], id[BUS_INBOX_SUBJECT], started[40];
};

/* ---- export.c ---- */

/* A call has ended: at the end of a drain that may have been the last. */
void export_call_ended(struct export *e);
/* All methods. The exit status; an error has been printed. */
int  export_subscribe(struct export *e);
/* What was on its way still comes. */
void export_unsubscribe(struct export *e);

/* ---- export-line.c ---- */

/* The exit status; an error has been printed. */
int  export_lines_open(struct export *e);
void export_lines_close(struct export *e);
/* One that no call has. NULL: there are max_calls, or no memory. */
struct export_line *export_line_take(struct export *e);
void export_line_give(struct export *e, struct export_line *line);
/* Is the service there, and has what it was called before? */
int  export_look_new(struct export *e, struct postern_call **ret, int64_t deadline_ns, postern_answer_fn *fn, void *data);
/* A call was not sent, or lost its connection. */
void export_doubt(struct export *e);

/* ---- export-call.c ---- */

bus_fn export_request;                    /* data: the method */
/* Is its reply subject none of those that a caller names so that we publish there, with our rights in place of its own? Else
   it is dropped, which is told. */
bool export_may_answer(struct export *e, const struct bus_message *m);
/* A message of a stream. -EINVAL: it never can be called; -EAGAIN: not now. */
int  export_durable(struct export_method *method, const struct bus_message *m);
bus_fn export_unknown;                    /* for control subjects of streams that have ended */
/* Streams whose callers were not heard of for WIRE_LEASE_NS. */
void export_look(struct export *e, int64_t now);
/* Ends streams, or all calls, with this error: of NATS's side, when answers can or need not be sent any more. */
void export_end_calls(struct export *e, bool only_streams, const char *error, const char *reason);

/* ---- export-answer.c ---- */

/* The final answer. What is too large for NATS becomes an error that says so. */
void export_answer(struct export_call *c, struct postern_json parameters);
void export_fail(struct export_call *c, const char *error, const char *parameters, size_t n);
/* A bridge's own error: reason is put into {"reason": ...}. */
void export_fail_reason(struct export_call *c, const char *error, const char *reason);
/* The same to whoever sent m, before there is a call. */
void export_refuse(struct export *e, const struct bus_message *m, const char *error, const char *parameters);
/* The first message of a stream, and one of its answers. A negative errno: the stream is to end. */
int  export_accept(struct export_call *c);
int  export_continue(struct export_call *c, struct postern_json parameters);

/* ---- discover.c ---- */

/* Who we are there, and the subscriptions. The exit status; an error has been printed. */
int  discover_open(struct export *e);

#endif
