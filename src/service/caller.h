/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caller.h - a caller: the machine of core/calling.h on connections, and what it is made of
 *
 *   caller.c    the caller's life and its connections: events in, what the machine says is to be done out
 *   call.c      one call: its text, its final answer, its memory
 *   wait.c      calls that wait, on a loop of the caller's own
 *   address.c   where the service is
 *
 * The life of a call. postern_caller_call() writes its whole message into the call's block, adds it to the machine, and
 * does at once what the machine says: connect, or queue the message on the connection, which sends what a turn has queued
 * with one system call. The text stays until the call ends, because it may have to be sent once more. An answer is
 * a frame of the connection: it is read where it lies, decoded into `room`, and told from within the frame event. All
 * other ends come out of the machine in order, and are told by caller_tell_ended(), which runs only where callbacks may: in
 * an event, a timer, a task, or a free of the caller.
 *
 * Callbacks may free everything. So telling comes last in each function: what the machine said was done before. The
 * memory of the caller stays until the end of the turn (loop.h); that of a connection that ended goes at once, since no
 * event of it comes any more; a call that is freed in its own callback waits in `leaving` for that to return, or, if it
 * never does (pthread_exit), for the caller's end.
 *
 * An upgrade that is confirmed takes its connection out of all this before the callback is told: that may take it
 * (postern_call_upgrade()), and then it is the program's; else it is freed behind the callback.
 *
 * In the steady state a call allocates nothing: blocks of ended calls are kept, CALLER_SPARE of them, and so is `room`.
 */
#ifndef POSTERN_SERVICE_CALLER_H
#define POSTERN_SERVICE_CALLER_H

#include <postern/caller.h>

#include "conn/conn.h"
#include "core/calling.h"

enum {
	CALLER_BLOCK = 4096,     /* of a call, with its text if that fits */
	CALLER_SPARE = 64,
	CALLER_KEEP  = 64 * 1024,/* rooms beyond this are not kept */
};

/* As that of a method: calls fn with its own type. */
typedef void caller_deliver(void (*fn)(void), struct postern_call *call, const struct postern_answer *answer,
	const void *value, void *data);

struct postern_call {
	struct calling_call      state;
	struct postern_caller   *caller;
	const struct postern_type *out;      /* NULL: not decoded */
	caller_deliver          *deliver;
	void                   (*fn)(void);
	void                    *data;
	struct fds              *fds;        /* that go with it, or NULL; closed once it is sent */
	struct fds              *received;   /* in a callback: what came with the answer, or NULL */
	char                    *text;       /* the message without its NUL: `block`, or memory of its own */
	uint32_t                 n;
	uint16_t                 depth;      /* of its callbacks that run */
	bool                     gone;       /* it has ended, or was freed */
	struct postern_conn     *upgraded;   /* in the callback of its answer, until it is taken */
	char                     block[];
};

struct caller_conn {
	struct calling_conn    state;
	struct postern_caller *caller;
	struct postern_conn   *conn;
	struct calling_look    look;      /* over answers that have come with descriptors */
};

/* Memory that is used again and again. */
struct caller_room {
	void  *bytes;
	size_t size;
};

/* Who gets the connection of a waiting call with UPGRADE. */
struct caller_taker {
	const struct postern_conn_events *events;
	void                *data;
	struct postern_conn *conn;        /* that it has got */
	int                  error;       /* or why it has not */
};

struct caller_wait {
	struct postern_answer answer;     /* the last one that a waiting call got */
	const void          *value;       /* what it was decoded to, in `room` */
	const struct postern_type *out;   /* of the last call */
	struct postern_call *call;        /* the open one, or NULL */
	bool                 told;        /* .answer has come, and was not returned yet */
	bool                 more;        /* the last call was with MORE */
	struct caller_taker *taker;       /* of the open call, or NULL */
	int                  after;       /* .told, and the call has ended in this way since: POSTERN_END_... */
};

struct postern_caller {
	struct object        object;      /* its timer and its task are the machine's */
	struct calling       calling;
	char                *name;        /* for postern_connect() */
	struct postern_connect_options connect;
	struct postern_conn_options conn;
	uint32_t             message_max, n_spare;
	uint32_t             unread;      /* of an upgraded connection, and so is idle_ns */
	int64_t              idle_ns;
	struct list          spare;       /* blocks of calls */
	struct list          leaving;     /* calls that have ended, in a callback of theirs */
	struct caller_room   room;        /* the decoded output of an answer, or the name of its error */
	struct caller_room   detail;      /* the decoded parameters of an error */
	struct caller_room   text;        /* the message of the last answer, for a caller that waits */
	struct caller_wait   wait;
	struct fds          *fds;         /* of the answer that a waiting call has returned */
	const struct conn_limits *fds_limits; /* of connections with calls whose answers may have descriptors; once needed */
	struct why           why;         /* what a service did wrong; or why the last waiting call has no answer */
	struct why           dial_why;    /* of the last failure to connect; .code is 0 while connected */
	struct why           no_conn;     /* of the last connect that could not begin */
	char                 refusal[40]; /* the parameters of a refusal that a call ended with */
	bool                 own_loop;    /* it waits */
	bool                 over;        /* it was ended: by its free, or by that of its loop */
	bool                 freed;
};

/* caller.c */
/* 0, or why a public call cannot be made. */
int  caller_check(const struct postern_caller *c);
/* Does what the machine says. Calls nobody back. */
void caller_pump(struct postern_caller *c);
/* Ends what is over by now. */
void caller_look(struct postern_caller *c);
/* At least n bytes, whose former content is lost; NULL: out of memory. */
void *caller_room_get(struct caller_room *room, size_t n);

/* call.c */
#define CALLER_DEADLINE POSTERN_SECONDS(30)
/* A call that is to be made. */
struct caller_ask {
	const char                *what;     /* the public function */
	const char                *name;     /* of the method, with its interface's */
	const struct postern_type *in, *out; /* or NULL: in JSON */
	const void                *value;    /* of in */
	struct postern_json        json;     /* without in; .text NULL: {} */
	struct fds                *fds;      /* or NULL; until the call has them */
	uint64_t                   flags;
	bool                       takes_fds, returns_fds; /* the method */
	int64_t                    deadline_ns;
	caller_deliver            *deliver;
	void                     (*fn)(void);
	void                      *data;
};
/* What became no call closes its descriptors, whatever the reason. */
#define CALLER_ASK __attribute__((cleanup(caller_ask_end))) struct caller_ask
void caller_ask_end(struct caller_ask *a);
/* They are a's. First of all: each way out closes them. */
int  caller_ask_fds(struct caller_ask *a, const struct postern_fds *fds);
/* -EINVAL: method is not what postern generate writes. */
int  caller_ask_method(struct caller_ask *a, const struct postern_method *method, const void *in);
int  caller_ask_json(struct caller_ask *a, const char *method, const char *parameters, size_t n,
	const struct postern_fds *fds);
int  caller_start(struct postern_caller *c, struct postern_call **ret, struct caller_ask *a);
/* Of the answer that a waiting call returns, or NULL: those of the last one are closed. */
void caller_set_fds(struct postern_caller *c, struct fds *fds);
/* An answer of the service, with the end that the machine has given to the call. Its slices are the answer's. */
void caller_tell_answer(struct postern_call *call, const struct message_answer *m);
/* The same for one that confirms an upgrade of conn, which was the caller's. It ends if nobody takes it. */
void caller_tell_upgraded(struct postern_call *call, const struct message_answer *m, struct postern_conn *conn);
/* All calls that have ended without one. */
void caller_tell_ended(struct postern_caller *c);
void caller_forget_calls(struct postern_caller *c);

/* wait.c */
/* Waits for the answer of a call with UPGRADE: 0, and the taker has the connection. */
int  caller_wait_upgrade(struct postern_caller *c, struct caller_ask *a, void *ret, struct postern_json *ret_json,
	struct caller_taker *taker);

/* address.c */
/* The name of postern_connect() that an address stands for, checked, and allocated. */
int  caller_address(char **ret, const char *address);

#endif
