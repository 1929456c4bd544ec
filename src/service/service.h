/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.h - a service's whole life, and a call's
 *
 *   service.c   a server (server/), its limits, its interfaces; stopping, draining, ending
 *   serve.c     one connection: a message -> core/serving.h -> a request, or an answer of the library's
 *   request.c   a request: made in a pooled block, answered, kept, posted, ended
 *   answer.c    an answer: encoded in the service's scratch, queued for the peer
 *   topic.c     a topic: requests with more that all get the same; its own walk is there
 *   upgrade.c   a connection that becomes another protocol's
 *   passed.c    descriptors beside calls and answers
 *   builtin.c   org.varlink.service and io.postern
 *   statistics.c  io.postern.Statistics
 *   trace.c     io.postern.Trace
 *   activation.c  the listener of a service manager
 *   tag.c       user.varlink on the sockets
 *
 * A call, walked through as data:
 *
 *   bytes       in the loop's buffer, or in the connection's block of kept bytes; NUL framing makes a frame event of them
 *   a message   core/message.h reads it where it is: slices for the method and the parameters, and the flags
 *   a request   the text is copied: up to 4 KiB into the request's pooled block, a longer one into a block of its own,
 *               which has to fit into what the peer's uid may hold, or the call is answered with Busy. What the
 *               method's table says is decoded behind the text, if there is room, else into a block of its own
 *   the handler is called in the frame event. What it leaves unanswered and not kept is abandoned
 *   an answer   is encoded into the scratch with what stands around it, and copied into the connection's queue, which
 *               always admits a final answer: the next call waits until the queue is below its high-water mark
 *   the end     the block goes back to the pool, and the charge to the account
 *
 * So no call allocates in the steady state: the blocks, the scratch and the queue's chunks stay.
 *
 * While a request is open its connection is paused (serving.h says why), and CONN_OWES keeps the idle limit away. A
 * request that was answered in its handler pauses nothing. After SERVE_ROUND calls in one turn a connection gives way to
 * the others, so that one who sends 100,000 at once is served, and delays nobody by more than a round.
 *
 * Who may end what. The struct of a connection (serve) and a request that is inside of its handler may be ended by
 * any callback, while frames further up still use them. The first is only unlinked then, and freed in the service's
 * task; the second is freed when its handler has returned. A handler may call pthread_exit(), and then nothing further up
 * runs: so all that exists is on a list of the service, which frees what is left when it is buried.
 * After a callback conn_goes_on() says whether the connection is still there.
 *
 * A kept request outlives everything. Its pointers are cut by what ends: .serve by the answer, the cancel, or the end
 * of the connection; .service by the free of the service. Its charge stays on the account, which outlives the server.
 */
#ifndef POSTERN_SERVICE_INTERNAL_H
#define POSTERN_SERVICE_INTERNAL_H

#include <postern/service.h>
#include <postern/topic.h>

#include "core/serving.h"
#include "core/shape.h"
#include "core/topic.h"
#include "server/server.h"
#include "service/tag.h"

enum {
	SERVICE_POOL        = 64,        /* request blocks that are kept for the next calls */
	SERVICE_SCRATCH     = 64 * 1024, /* that is kept for the next answers */
	SERVICE_ARENAS      = 4,         /* decoded parameters take at most so many times the largest message */
	REQUEST_BLOCK       = 8 * 1024,
	REQUEST_TEXT        = 4 * 1024,  /* longer messages get a block of their own */
	SERVE_ROUND         = 16,        /* calls of one connection in a turn */
	SERVE_COST          = 4096,      /* of a call, in bytes that could be moved meanwhile */
	/* Connections beyond a limit that are told so: what has come by then, each call of this size at most. */
	SERVICE_RESERVE     = 16,
	SERVICE_BUSY_TEXT   = 64 * 1024,
	SERVICE_BUSY_RETRY_MS = 500,
};
#define SERVICE_BUSY_TIME POSTERN_SECONDS(1)
#define SERVICE_DRAIN     POSTERN_SECONDS(5)
#define SERVICE_LAST      POSTERN_SECONDS(1) /* for what has arrived when a drain's deadline passes */

#define SERVICE_EVENTS_FIRST (offsetof(struct postern_service_events, closed) + sizeof(void (*)(void)))
#define service_event(s, handler) \
	((s)->events ? STRUCT_HANDLER((s)->events, SERVICE_EVENTS_FIRST, handler) : NULL)
#define REQUEST_EVENTS_FIRST (offsetof(struct postern_request_events, drained) + sizeof(void (*)(void)))
#define TOPIC_EVENTS_FIRST (offsetof(struct postern_topic_events, changed) + sizeof(void (*)(void)))
#define request_event(r, handler) \
	((r)->events ? STRUCT_HANDLER((r)->events, REQUEST_EVENTS_FIRST, handler) : NULL)

/* An interface that is offered. */
struct provided {
	struct list                     node;
	const struct postern_interface *interface;
	const void                     *handlers;
	void                           *data;
};

/* What answers are encoded in. */
struct scratch {
	char                    *bytes;
	size_t                   size;
	size_t                   at, n;        /* the parameters in it */
};

struct postern_service {
	struct object            object;       /* a task and a timer: draining, idling, the reserve, what is to be freed */
	struct postern_server   *server;
	const struct postern_service_events *events;
	void                    *data;
	char                    *texts[4];     /* vendor, product, version, url */
	struct list              provided;     /* the library's own are the first */
	struct provided          own[4];       /* the last two with POSTERN_SERVICE_... */
	struct list              serves;       /* connections */
	struct list              busy;         /* of them, those of the reserve that were not answered yet, oldest first */
	struct list              requests;     /* that exist */
	struct list              topics;
	struct list              left;         /* requests that a topic had, and has done with: to be told */
	struct list              retired;      /* connections that a drain has closed */
	struct list              quiet;        /* of the first, those that may have to be closed */
	struct list              ended;        /* connections that are to be freed */
	struct list              pool;         /* of request blocks */
	unsigned                 n_pool;
	struct post_box         *box;
	const struct conn_limits *busy_limits;
	const struct conn_limits *upgraded_limits; /* or NULL */
	struct scratch           scratch;
	uint32_t                 message_max, unread; /* unread: of an upgraded connection */
	uint32_t                 connections_max, per_uid_max; /* the server admits SERVICE_RESERVE more */
	int64_t                  exit_idle_ns, idle_at_ns, drain_at_ns; /* POSTERN_FOREVER: none */
	bool                     draining, late, idled, freed; /* late: the deadline of the drain has passed */
	bool                     takes_fds;    /* a method of it does: descriptors may come */
	bool                     passes_fds;   /* a method of it takes or returns some */
	uint8_t                  lost_fds;     /* PASSED_... */
	struct postern_service_counters counters;
	struct statistics       *statistics;   /* or NULL */
	struct trace            *trace;        /* or NULL */
	struct why               why;          /* of a violation */
};

/* A connection of a service. */
struct serve {
	struct list             node;     /* in service->serves, or service->ended */
	struct list             busy;     /* in service->busy */
	struct list             quiet;    /* in service->quiet */
	int64_t                 until_ns; /* there: then it is closed */
	struct postern_service *service;
	struct postern_conn    *conn;
	struct postern_request *request;  /* that is open */
	struct serving          machine;
	uint64_t                number;   /* of the connection, from 1 on */
	uint32_t                turn;     /* the last one in which it had calls, and how many */
	uint32_t                calls;
	bool                    awaited;  /* accepted while the service drains, and has not called yet */
};

struct postern_request {
	struct list             node;     /* in service->requests, service->left, or the pool */
	struct postern_service *service;  /* NULL: it was freed */
	struct serve           *serve;    /* NULL: not open any more */
	int64_t                 since_ns; /* with statistics: when its call was read */
	struct account         *account;  /* while it is charged */
	size_t                  charged;
	struct post_box        *box;      /* once it is kept */
	struct post_node        post;
	const struct postern_request_events *events;
	void                   *data;
	struct postern_topic   *topic;    /* that it has subscribed to, and that owns it; or NULL */
	struct list             subscriber; /* in topic->subscribers */
	struct topic_reader     reader;
	uint32_t                begun;    /* of .charged: a publication that is on its way */
	const struct postern_method *method;   /* its table */
	char                   *name;     /* of the method, with its interface's */
	struct postern_json     parameters;
	struct postern_peer     peer;
	char                   *text;     /* a block of its own, or NULL */
	void                   *decoded;  /* the same */
	struct fds             *fds;      /* that came with it, or NULL */
	struct fds             *pushed;   /* that go with its next answer, or NULL */
	uint32_t                used;     /* of bytes */
	uint8_t                 flags;    /* POSTERN_CALL_... */
	bool                    handling; /* its handler is running */
	bool                    kept, freed; /* freed: in its handler, or before .left is told */
	bool                    taken;    /* a topic's, or was */
	bool                    refused;  /* drained is owed */
	bool                    crowded;  /* there was no room for the last descriptor that was pushed */
	bool                    answered; /* oneway, without a connection: it was answered nevertheless */
	_Alignas(16) char       bytes[];
};

/* What was published: a message, with its NUL. */
struct publication {
	struct topic_item       item;
	uint32_t                size;     /* of bytes */
	uint32_t                at, n;    /* the parameters there; n 0: it has none */
	char                    bytes[];
};

struct postern_topic {
	struct object           object;   /* a task: tells how many subscribers there are */
	struct list             node;     /* in service->topics */
	struct postern_service *service;  /* NULL: it was freed */
	const struct postern_method *method;
	const struct postern_topic_events *events;
	void                   *data;
	struct list             subscribers; /* requests */
	struct topic            core;
	struct publication     *spare;    /* memory for the next one */
	struct postern_topic_counters counters;
	uint32_t                told;     /* how many subscribers the program knows of */
	bool                    freed;
};

/* ---- service.c ---- */
extern const struct conn_consumer serve_consumer;
extern const struct postern_conn_events serve_events;
/* An interface by the first n bytes of a name; NULL. */
const struct provided *service_find(const struct postern_service *s, const char *name, size_t n);
/* Reports what went wrong, and does not end the service. */
void service_tell(struct postern_service *s, const struct postern_reason *why);
/* Reports a violation; its connection has just ended. */
void service_blame(struct postern_service *s, const struct postern_peer *peer, const char *what);
/* Something has changed that a drain, the idle limit or the reserve waits for. */
void service_look_again(struct postern_service *s);

/* ---- serve.c ---- */
void serve_accepted(struct postern_server *server, struct postern_conn *c, void *data);
/* While the service drains, and of one that is busy: it may be that nothing is open there, and nothing has arrived. */
void serve_look(struct serve *p);
/* Closes the connection if that is so. */
void serve_retire(struct serve *p);
/* Nothing is answered any more: what is open is cancelled, and of what has arrived only oneway calls are run. */
void serve_leave(struct serve *p);
/* The open request is over: the next call may come. */
void serve_continue(struct serve *p);

/* ---- passed.c ---- */
/* A method of this interface takes descriptors: from now on they may come. */
void passed_admit(struct postern_service *s, const struct postern_interface *i);
/* Those that came with its call. -EAGAIN: there was no room for them, or they were lost; they are closed. */
int  passed_take(struct postern_request *r, struct postern_conn *c);
/* That some were lost, because too many are open here, is told once per shortage. It may do anything. */
enum { PASSED_NOT_LOST, PASSED_LOST, PASSED_TOLD };
void passed_tell(struct postern_service *s);
/* Its final answer is given, or will never be: closes what was to go with it. */
void passed_drop(struct postern_request *r);

/* ---- answer.c ---- */
struct answer;
/* Writes the value of parameters. -EINVAL with *ret_fault, as shape_write(). */
typedef int answer_write(struct postern_json_writer *w, const struct answer *a, struct shape_fault *ret_fault);
struct answer {
	const char   *error;      /* or NULL */
	int           how;        /* SERVING_... */
	bool          bare;       /* without parameters */
	answer_write *write;
	const struct postern_type *type;    /* of value */
	const void   *value;
	struct postern_json json;
	struct fds   *fds;        /* beside it, or NULL */
	const char   *key, *text; /* the one parameter of the library's own errors, or NULL; text NULL: it is number */
	int64_t       number;
};
/* Queues an answer. -EAGAIN: a continuing one does not fit; -EINVAL, -EMSGSIZE: with a text, if what is not NULL: the name of
   the call; -ENOMEM; -EPIPE. */
int answer_send(struct serve *p, const struct answer *a, const char *what);
/* The same, and only the first half: the message, with its NUL, is in the scratch: its length. */
ssize_t answer_make(struct postern_service *s, const struct answer *a, const char *what);
/* The scratch was used. */
void answer_shrink(struct postern_service *s);
/* The final answer is that, whose failing ends the connection. */
void answer_final(struct serve *p, const struct answer *a);
/* The final answer is an error of the library's. If there is no memory for it, the connection is given up. */
void answer_error(struct serve *p, const char *error, const char *key, const char *text);
void answer_busy(struct serve *p);
/* How parameters are written: one of them by its name; a struct; JSON. */
void answer_one(struct answer *a, const char *key, const char *text);
int  answer_typed(struct answer *a, const struct postern_type *type, const void *value);
/* -EINVAL: it is no object. */
int  answer_json(struct answer *a, const char *parameters, size_t n);
/* Of a text that was checked. */
void answer_raw(struct answer *a, struct postern_json object);
/* What a program answers with. -EINVAL, with a text: type is not the method's output; it is no object; error is none. */
int  answer_output(struct answer *a, const struct postern_method *method, const struct postern_type *type,
	const void *value);
int  answer_object(struct answer *a, const char *method, const char *parameters, size_t n);
int  answer_failure(struct answer *a, const struct postern_error *error, const void *value, const char *what);

/* ---- request.c ---- */
/* A request for a call that is open at p. -ENOMEM; -EAGAIN: its peer's uid may hold no more. */
int  request_new(struct postern_request **ret, struct serve *p, const char *text, size_t n,
	const struct message_call *call);
/* Decodes its parameters: *ret_in, or NULL. -EBADMSG: ret_fault says which one is wrong. -ENOMEM, -EAGAIN as above. */
int  request_decode(struct postern_request *r, const void **ret_in, struct shape_fault *ret_fault);
/* As postern_request_reply() and the others. */
int  request_answer(struct postern_request *r, const struct answer *a);
/* The same with what was pushed, unless error says that a could not be made. Pushed are none after that. */
int  request_answer_pushed(struct postern_request *r, struct answer *a, int error);
/* It is answered, cancelled, or nobody is left to answer; the connection goes on, if there is one. */
void request_close(struct postern_request *r);
/* The same, because the peer has left or the service ends: tells the program. */
void request_cancel(struct postern_request *r);
/* The handler has returned. */
void request_returned(struct postern_request *r);
/* There is room for another continuing answer. */
void request_drained(struct postern_request *r);
/* With an error of the library's. */
void request_refuse(struct postern_request *r, const char *error, const char *key, const char *text);
void request_refuse_busy(struct postern_request *r);
/* A topic's: its final answer is queued, or it needs none. */
void request_done(struct postern_request *r);
/* Tells what a topic has done with, and frees it. */
void request_tell_left(struct postern_service *s);
/* Frees the memory. */
void request_bury(struct postern_request *r);
/* The service ends, or its loop: a kept one goes on alone, any other is freed. Not in its handler. */
void request_orphan(struct postern_request *r);

/* ---- topic.c ---- */
/* Its peer has left, or its memory goes: the topic forgets it. */
void topic_forget(struct postern_request *r);
/* Its connection takes more. */
void topic_go_on(struct postern_request *r);
/* The service drains: its subscribers hear that. */
void topic_drain(struct postern_topic *t);
/* The service has gone. */
void topic_orphan(struct postern_topic *t);

/* ---- builtin.c ---- */
#define ERROR_INTERFACE_NOT_FOUND    "org.varlink.service.InterfaceNotFound"
#define ERROR_METHOD_NOT_FOUND       "org.varlink.service.MethodNotFound"
#define ERROR_METHOD_NOT_IMPLEMENTED "org.varlink.service.MethodNotImplemented"
#define ERROR_INVALID_PARAMETER      "org.varlink.service.InvalidParameter"
#define ERROR_PERMISSION_DENIED      "org.varlink.service.PermissionDenied"
#define ERROR_EXPECTED_MORE          "org.varlink.service.ExpectedMore"
#define ERROR_EXPECTED_UPGRADE       "org.varlink.service.ExpectedUpgrade"
#define ERROR_ABANDONED              "io.postern.Abandoned"
#define ERROR_DRAINING               "io.postern.Draining"
#define ERROR_BUSY                   "io.postern.Busy"
#define ERROR_OVERFLOW               "io.postern.Overflow"
#define ERROR_TOPIC_ENDED            "io.postern.TopicEnded"
struct builtin_methods;
extern const struct builtin_methods builtin_methods; /* of the first */
extern const struct postern_interface builtin_service, builtin_postern;
/* The handler of a method without parameters, which calls the first of handlers, with the service. */
struct builtin_method {
	void (*run)(struct postern_request *r, struct postern_service *s);
};
void builtin_handle(const void *handlers, struct postern_request *r, const void *in, void *data);
extern const struct postern_type builtin_nothing;

/* ---- statistics.c ---- */
struct statistics;
extern const struct builtin_method statistics_methods;
extern const struct postern_interface statistics_interface;
int  statistics_new(struct statistics **ret); /* freed with sys_free() */
/* Its final answer is queued. */
void statistics_answered(struct statistics *k, const struct postern_request *r);
/* It has ended, or is no longer the service's. */
void statistics_conn_ended(struct statistics *k, const struct postern_conn *c);

/* ---- trace.c ---- */
struct trace;
extern const struct builtin_method trace_methods;
extern const struct postern_interface trace_interface;
int  trace_new(struct trace **ret);
void trace_free(struct trace *t);
/* The service drains: those who watch hear that. */
void trace_drain(struct trace *t);
/* A whole message, without its NUL, that was received, or that is queued or sent. kind: "call", "answer". */
void trace_message(struct serve *p, const char *kind, const char *text, size_t n);

/* ---- activation.c ---- */
enum { ACTIVATION_NAME = 16 };
/* 1: name stands for the listener that a service manager has passed, and ret is that as fd:N. 0: it stands for itself.
   -ENOENT: none was passed. */
int activation_name(const char *name, char ret[ACTIVATION_NAME], struct why *why);

#endif
