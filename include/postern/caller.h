/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern/caller.h - calls of a service, as Varlink (UAPI.20)
 *
 * The rules at the top of postern.h hold here too. A caller is an address and its connections. It connects at its
 * first call, comes back by itself after a loss, and gives up connections that are idle. Each call has a
 * deadline and ends in exactly one final answer, whose .end says how. `postern generate` writes typed calls from what is
 * below, for the interface org.example.clock: clock_Now_call() and clock_Now_wait(). See postern-services(7).
 */
#include <postern.h> /* before the guard: it includes this one, where others need it */
#ifndef POSTERN_CALLER_H
#define POSTERN_CALLER_H

#include <postern/interface.h>
#include <postern/json.h>
#include <postern/service.h>

#ifdef __cplusplus
extern "C" {
#endif

struct postern_caller; struct postern_call;

enum { /* how a call ends */
	POSTERN_CALL_CONTINUES = 1, /* it does not yet: one answer of a MORE call, others follow */
	POSTERN_CALL_ANSWERED,
	POSTERN_CALL_FAILED,        /* the service answered with an error: .error, .parameters */
	POSTERN_CALL_SENT,          /* ONEWAY: the kernel has taken it */
	POSTERN_CALL_TIMEOUT,       /* the deadline passed after it was sent; it may have run: see .why, here and below */
	POSTERN_CALL_CANCELLED,     /* the caller was freed, or its loop */
	POSTERN_CALL_NOT_SENT,      /* it has certainly not run, and will not; also if the deadline passed before it was sent */
	POSTERN_CALL_NO_ANSWER,     /* the connection ended, or the answer is unusable; it may have run */
};

struct postern_answer {
	int                 end;         /* POSTERN_CALL_... */
	uint32_t            reserved;
	const char         *error;       /* the error's name with its interface's; else NULL */
	struct postern_json parameters;  /* of an answer or error: an object, {} if there was none */
	const struct postern_reason *why;/* why there is no answer; else NULL */
};

/* value: the decoded output of an answer, of which those of other ends have none: NULL. All of it is valid until this
   returns. The call ends with this, unless .end is CONTINUES. */
typedef void postern_answer_fn(struct postern_call *call, const struct postern_answer *answer, const void *value,
	void *data);

struct postern_caller_options {
	size_t   size;
	const struct postern_connect_options *connect; /* its deadline is bounded by the call's */
	uint32_t message_max;  /* largest message without its NUL, in both directions: 4 MiB */
	uint32_t calls;        /* in flight and waiting to be sent, at most: 4,096 */
	int64_t  idle_ns;      /* a connection without calls is given up after: 30 s */
};

/* address: a name as of postern_connect(), or unix:PATH, unix:@NAME. loop may be NULL: then it has one of its own, and only
   waiting calls, and making it in a callback is -EDEADLK. It does not connect yet. -EPROTONOSUPPORT: an address of another
   kind, such as tcp:. */
POSTERN_API POSTERN_MUST_USE int postern_caller_new(struct postern_caller **ret, struct postern_loop *loop,
	const char *address, const struct postern_caller_options *options);
/* Ends its calls: CANCELLED. */
POSTERN_API struct postern_caller *postern_caller_free(struct postern_caller *c);

/* A method to call: a generated one has tables, for any other .name is enough. */
struct postern_call_method {
	const char                    *name;      /* with its interface's */
	const struct postern_type     *in, *out;  /* structs; NULL: in JSON */
	/* Generated: calls fn with its own type. NULL: it is a postern_answer_fn. */
	void (*deliver)(void (*fn)(void), struct postern_call *call, const struct postern_answer *answer,
		const void *value, void *data);
};

/* Calls; fn is called exactly once with a final answer, never from inside this. With method->deliver, fn is of the type that this
   calls, cast: the generated clock_Now_call() takes a clock_Now_fn. in: a struct as of method->in, or if that is
   NULL, struct postern_json with an object. flags: POSTERN_CALL_... deadline_ns: from now to the final answer, 0 is
   30 s. ret, or NULL: the call, to end it sooner; valid until its final answer has returned. -EINVAL: in cannot be encoded
   (postern_why() names the field); -EMSGSIZE; -EAGAIN: there are .calls already. */
POSTERN_API POSTERN_MUST_USE int postern_caller_call(struct postern_call **ret, struct postern_caller *c,
	const struct postern_call_method *method, const void *in, unsigned flags, int64_t deadline_ns,
	postern_answer_fn *fn, void *data);
/* Ends it without an answer; the service learns it, if it had the call, by the end of the connection. */
POSTERN_API struct postern_call *postern_call_free(struct postern_call *call);

/* In fn, when it is told that a call with UPGRADE was ANSWERED: *ret is its connection, yours from here on, with events and
   their data. It is a plain one, with the limits of the caller's .connect->conn: first received is what the service sent
   behind its answer. -ENOTSUP: there is none. If nobody takes it, it ends when fn returns. */
POSTERN_API POSTERN_MUST_USE int postern_call_upgrade(struct postern_conn **ret, struct postern_call *call,
	const struct postern_conn_events *events, void *data);

/* ---- Calls that wait, of a caller without a loop. -EDEADLK in a callback. ---- */

/* flags: not UPGRADE. 0: answered; ret, or NULL, is a struct as of method->out, valid until the next call of this caller. -EREMOTE: answered with
   an error; -ETIMEDOUT; -ENOTCONN: not sent, also within deadline_ns; -ECONNRESET: no answer; postern_why() says it in
   words. With MORE: the first answer, and deadline_ns is its. */
POSTERN_API POSTERN_MUST_USE int postern_caller_wait(struct postern_caller *c, const struct postern_call_method *method,
	const void *in, void *ret, unsigned flags, int64_t deadline_ns);
/* The next answer of the last call, which was with MORE: 1, and what it is in ret; 0: the last one came before this. Errors as
   above: after -ETIMEDOUT it can be asked again, any other ends the call, and is returned again by each further call. */
POSTERN_API POSTERN_MUST_USE int postern_caller_next(struct postern_caller *c, void *ret, int64_t deadline_ns);
/* The last answer that a waiting call got: an error's name and parameters, or why there is none. Valid as *ret above. */
POSTERN_API const struct postern_answer *postern_caller_answer(const struct postern_caller *c);

/* 1, and the decoded parameters in *ret, if the answer is this error; else 0. ret: valid as the answer is; *ret has
   error->type's size. -EBADMSG: its parameters do not fit; postern_why() names the field. */
POSTERN_API POSTERN_MUST_USE int postern_answer_is(const struct postern_answer *answer, const struct postern_error *error,
	void *ret);

POSTERN_AUTO_(caller)

#ifdef __cplusplus
}
#endif
#endif
