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

#ifdef __cplusplus
extern "C" {
#endif

struct postern_caller; struct postern_call; struct postern_client;

enum { /* how a call ends */
	POSTERN_END_CONTINUES = 1, /* it does not yet: one answer of a MORE call, others follow */
	POSTERN_END_ANSWERED,
	POSTERN_END_FAILED,        /* the service answered with an error: .error, .parameters */
	POSTERN_END_SENT,          /* ONEWAY: the kernel has taken it */
	POSTERN_END_TIMEOUT,       /* the deadline passed after it was sent; it may have run: see .why, here and below */
	POSTERN_END_CANCELLED,     /* the caller was freed, or its loop */
	POSTERN_END_NOT_SENT,      /* it has certainly not run, and will not; also if the deadline passed before it was sent */
	POSTERN_END_NO_ANSWER,     /* the connection ended, or the answer is unusable; it may have run */
};

struct postern_answer {
	int                 end;         /* POSTERN_END_... */
	uint32_t            n_fds;       /* descriptors that came with it: postern_call_take_fd(), postern_caller_take_fd() */
	struct postern_caller *caller;   /* whose call it was; NULL in an answer that you make yourself */
	const char         *error;       /* the error's name with its interface's; else NULL */
	struct postern_json parameters;  /* of an answer or error: an object, {} if there was none */
	const struct postern_reason *why;/* why there is no answer; else NULL */
};

/* What a call reports its answers to; the generated ones get the decoded output, too. All of it is valid until this returns.
   The call ends with this, unless .end is CONTINUES. */
typedef void postern_answer_fn(struct postern_call *call, const struct postern_answer *answer, void *data);

struct postern_caller_options {
	size_t   size;
	const struct postern_connect_options *connect; /* its deadline is bounded by the call's */
	uint32_t message_max;  /* largest message without its NUL, in both directions: 4 MiB */
	uint32_t calls;        /* in flight and waiting to be sent, at most: 4,096 */
	int64_t  idle_ns;      /* a connection without calls is given up after: 30 s */
	uint64_t flags;        /* POSTERN_CALLER_... */
};

enum {
	POSTERN_CALLER_ONCE = 1u << 0, /* a service that is Busy or Draining is not asked again: the call ends with that error */
};

/* address: a name as of postern_connect(), or unix:PATH, unix:@NAME. loop may be NULL: then it has one of its own, and only
   waiting calls, and making it in a callback is -EDEADLK. It does not connect yet. -EPROTONOSUPPORT: an address of another
   kind, such as tcp:. */
POSTERN_API POSTERN_MUST_USE int postern_caller_new(struct postern_caller **ret, struct postern_loop *loop,
	const char *address, const struct postern_caller_options *options);
/* Ends its calls: CANCELLED. */
POSTERN_API struct postern_caller *postern_caller_free(struct postern_caller *c);

/* Calls; fn is called exactly once with a final answer, never from inside this. method: generated. in: a struct as of its .in,
   copied. fds: what goes with it, or NULL. fn: of the type that its .deliver calls, passed by POSTERN_FN(): the generated
   clock_Now_call() takes a clock_Now_fn. flags: POSTERN_CALL_... deadline_ns: from now to the final answer, 0 is 30 s. ret,
   or NULL: the call, to cancel it; valid until its final answer has returned. -EINVAL: in cannot be encoded (postern_why()
   names the field); -EMSGSIZE; -EAGAIN: there are .calls already. For fds: -ENOTSUP: the method takes none; -E2BIG: they are
   more than POSTERN_FDS_MAX; -EBADF: one is not open, or is there twice. A call with some is sent when all before it
   on its connection were answered, and if the service refuses it with Busy or Draining it is not tried again. */
POSTERN_API POSTERN_MUST_USE int postern_caller_call(struct postern_call **ret, struct postern_caller *c,
	const struct postern_method *method, const void *in, const struct postern_fds *fds, uint64_t flags,
	int64_t deadline_ns, void (*fn)(void), void *data);
/* The same without generated code. method: with its interface's name. parameters: an object in JSON, {} as NULL. Those of the
   answer are not decoded. fds: also .n = 0: its answers may bring descriptors; NULL: none are passed, either way. */
POSTERN_API POSTERN_MUST_USE int postern_caller_call_json(struct postern_call **ret, struct postern_caller *c,
	const char *method, const char *parameters, size_t n, const struct postern_fds *fds, uint64_t flags,
	int64_t deadline_ns, postern_answer_fn *fn, void *data);
/* In fn: a descriptor that came with the answer, which is yours from here on; it is close-on-exec, and may be of any kind:
   check it. Those that are left are closed when fn returns. -EBADF: there is none of this index, or it was taken. */
POSTERN_API POSTERN_MUST_USE int postern_call_take_fd(struct postern_call *call, int64_t index);

/* Ends it at once: fn is not called any more. The service learns it, if it had the call, by the end of the connection. */
POSTERN_API void postern_call_cancel(struct postern_call *call);

/* In fn, when it is told that a call with UPGRADE was ANSWERED: *ret is its connection, yours from here on, with events and
   their data. It is a plain one, with the limits of the caller's .connect->conn: first received is what the service sent
   behind its answer. -ENOTSUP: there is none. If nobody takes it, it ends when fn returns. */
POSTERN_API POSTERN_MUST_USE int postern_call_upgrade(struct postern_conn **ret, struct postern_call *call,
	const struct postern_conn_events *events, void *data);

/* ---- Calls that wait, of a caller without a loop. -EDEADLK in a callback. ---- */

/* flags: not UPGRADE, see below. 0: answered; ret, or NULL, is a struct as of method->out, valid until the next call of this
   caller. -EREMOTE: answered with an error; -ETIMEDOUT; -ENOTCONN: not sent, also within deadline_ns; -ECONNRESET: no answer;
   postern_why() says it in words. With MORE: the first answer, and deadline_ns is for that one. */
POSTERN_API POSTERN_MUST_USE int postern_caller_wait(struct postern_caller *c, const struct postern_method *method,
	const void *in, const struct postern_fds *fds, void *ret, uint64_t flags, int64_t deadline_ns);
POSTERN_API POSTERN_MUST_USE int postern_caller_wait_json(struct postern_caller *c, const char *method,
	const char *parameters, size_t n, const struct postern_fds *fds, struct postern_json *ret, uint64_t flags,
	int64_t deadline_ns);
/* As postern_call_take_fd(), of what the last waiting call returned; its next one closes those that are left. */
POSTERN_API POSTERN_MUST_USE int postern_caller_take_fd(struct postern_caller *c, int64_t index);
/* Calls with UPGRADE: *client is the connection, yours, with a loop of its own; what it reads first is what the service sent
   behind its answer. ret and errors as above. */
POSTERN_API POSTERN_MUST_USE int postern_caller_upgrade(struct postern_client **client, struct postern_caller *c,
	const struct postern_method *method, const void *in, const struct postern_fds *fds, void *ret,
	int64_t deadline_ns);
POSTERN_API POSTERN_MUST_USE int postern_caller_upgrade_json(struct postern_client **client, struct postern_caller *c,
	const char *method, const char *parameters, size_t n, const struct postern_fds *fds, struct postern_json *ret,
	int64_t deadline_ns);
/* The next answer of the last call, which was with MORE: 1, and what it is in ret; 0: the last one came before this. Errors as
   above: after -ETIMEDOUT it can be asked again, any other ends the call, and is returned again by each further call. The call
   has no deadline of its own any more: while nobody asks, its connection stays, paused, and the service waits, until the next
   call of this caller, or its free. */
POSTERN_API POSTERN_MUST_USE int postern_caller_next(struct postern_caller *c, void *ret, int64_t deadline_ns);
POSTERN_API POSTERN_MUST_USE int postern_caller_next_json(struct postern_caller *c, struct postern_json *ret,
	int64_t deadline_ns);
/* As postern_loop_set_busy_poll(): a call polls before it sleeps. -EINVAL, also for a caller with a loop: set it there. */
POSTERN_API int postern_caller_set_busy_poll(struct postern_caller *c, int64_t max_ns);
/* The last answer that a waiting call got: an error's name and parameters, or why there is none. Valid as *ret above. */
POSTERN_API const struct postern_answer *postern_caller_answer(const struct postern_caller *c);

/* 1, and the decoded parameters in *ret, if the answer is this error; else 0. ret, or NULL: valid as the answer is; *ret has
   error->type's size. -EBADMSG: its parameters do not fit; postern_why() names the field. -EINVAL also for ret of an answer
   without .caller. */
POSTERN_API POSTERN_MUST_USE int postern_answer_is(const struct postern_answer *answer, const struct postern_error *error,
	void *ret);

POSTERN_AUTO_(caller)

#ifdef __cplusplus
}
#endif
#endif
