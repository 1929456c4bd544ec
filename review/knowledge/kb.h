/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_KB_H
#define REVIEW_KB_H

/*
 * What is known of functions that the project only calls. The files in knowledge/ are built in;
 * a user's file has the same form. One statement a line; '#' begins a comment:
 *
 *	fn NAME FACT...             a function
 *	method CLASS::NAME FACT...  a method; it holds for derived classes too
 *	class NAME FACT...          a class: what `new NAME` or a variable of it is
 *	smart NAME [watches]        a class (template) that owns what it is given; watches: somebody else does
 *	attr NAME [auto]            a word that the parser shall not see; auto: releases at scope end
 *	loop NAME                   a macro that heads a loop over elements
 *	value NAME NUMBER           a constant
 *
 * Facts of functions and methods. Arguments count from 1; 0 is the result, `this` the receiver:
 *
 *	opens=KIND        the result is a fresh resource (fd, file, addrinfo, object, thread, …)
 *	opens=KIND:*N     it is stored where argument N points; KIND:**N: two of them, an array
 *	fails=HOW         how the result tells of failure: -1 negative null false nonzero zero
 *	                  not-positive none; flow/contract.h says what follows
 *	error=N           a failure is also told behind argument N, if that is not NULL (GError **)
 *	args=N[:M]        it takes N arguments, up to M: a call with another number is not its
 *	uses=N            the argument must be open
 *	closes=N          the argument's resource is gone after it, also on failure
 *	closing=N         it is being closed when the call returns, and is in use until a callback runs
 *	takes=N           ownership goes to somebody else, unless the call fails
 *	flag=WORD:N       takes argument N only where the call names such a flag, or a function that
 *	                  has WORD in its name is called for the result
 *	holds=N[:M]       the result, or M, closes argument N when it is closed itself; a flag= of N must be set
 *	owns=M:A          M closes what it holds if argument A is true, and else leaves it; with a flag=, if A has
 *	                  that flag
 *	lends=N           the result is the descriptor that N holds and closes with itself
 *	releases=N        N holds nothing more
 *	empties=N         what N holds is closed, and N is still there
 *	owner=N           argument N, if not null, owns the result (QObject parent); where the result is stored
 *	                  through an argument, an owner that came into the function from outside
 *	waits=N           blocks at most as long as argument N says
 *	forever=V         the value of that argument which means no limit
 *	default=V         the value of that argument when it is left out
 *	room=N            does not wait where argument N, the room for what happened, is 0
 *	blocks=N          blocks on the descriptor or object N as long as its peer likes
 *	limits=N          gives the descriptor N a time limit
 *	unblocks=N        makes it non-blocking
 *	reads=B[:L]       bytes of a peer come into what B points to, at most argument L of them
 *	reads=*N          … come into what the iovecs of the function point to
 *	length=N          argument N is a number of bytes
 *	copies=D:S        what S points to comes into D
 *	sink=WHAT:N       argument N is used as format, shell, path, string, length or index
 *	terminates=N      afterwards N is a string with its terminator
 *	scans=S:F         text S is taken apart by format F; the arguments after it receive the parts
 *	searches=N:M      looks in text N for what M says
 *	cleans=WHAT:N     N is harmless as shell, path, format, length or all after it; zero: all zeros;
 *	                  end: whoever tests the result knows that N has a terminator
 *	streams=N         what is read from the result, or from the new object, comes from N
 *	gives=N:P         argument N is a function whose argument P is bytes of a peer
 *	calls=N[:D]       argument N is a function that is called later, when descriptor D is ready
 *	data=N:A          … with argument A
 *	until=NAME        … until somebody calls that function; may be said several times
 *	is=ROLE,…         words that rules look for; see the list in kb.c
 *	returns=CLASS     the result is (a pointer to) an object of that class
 *	status=N:P        argument N is called later, and its parameter P says whether it failed
 *	stores=CLASS.MEMBER:N the descriptor N is kept there, and comes back as that member
 *	closer=NAME       the function that closes what this one opens
 *	whole=NAME        the function that goes on until all bytes are through
 *	base=CLASS        of a class
 *	noreturn
 *	failing           it comes back only when it fails
 *	exact             of a method: its name is common, so the class of the receiver must be known
 */

#include "base/base.h"

enum fact_key {
	FACT_OPENS,
	FACT_FAILS,
	FACT_ERROR,
	FACT_CLOSES,
	FACT_TAKES,
	FACT_FLAG,
	FACT_OWNER,
	FACT_WAITS,
	FACT_FOREVER,
	FACT_DEFAULT,
	FACT_ROOM,
	FACT_BLOCKS,
	FACT_LIMITS,
	FACT_UNBLOCKS,
	FACT_READS,
	FACT_LENGTH,
	FACT_COPIES,
	FACT_SINK,
	FACT_TERMINATES,
	FACT_CALLS,
	FACT_DATA,
	FACT_IS,
	FACT_BASE,
	FACT_RETURNS,
	FACT_USES,
	FACT_STATUS,
	FACT_WHOLE,
	FACT_CLOSER,
	FACT_STORES,
	FACT_NORETURN,
	FACT_FAILING,
	FACT_CLOSING,
	FACT_SCANS,
	FACT_SEARCHES,
	FACT_CLEANS,
	FACT_GIVES,
	FACT_STREAMS,
	FACT_UNTIL,
	FACT_EXACT,
	FACT_HOLDS,
	FACT_OWNS,
	FACT_LENDS,
	FACT_RELEASES,
	FACT_EMPTIES,
	FACT_ARGS,
	FACT_KEYS,
};

enum { ARG_RESULT = 0, ARG_THIS = -1, ARG_NONE = -2, ARG_ALL = -3 };

enum fails {
	FAILS_UNKNOWN, /* nothing said */
	FAILS_MINUS_ONE,
	FAILS_NEGATIVE,
	FAILS_NULL,
	FAILS_FALSE,
	FAILS_NONZERO,
	FAILS_NOT_POSITIVE,
	FAILS_NEVER,
	FAILS_NOT_NEGATIVE, /* of summaries alone: 0 and more */
};

struct fact {
	uint8_t key;
	uint8_t depth;  /* stars before the argument number */
	int16_t arg;
	int16_t arg2;
	int64_t number; /* of forever= and default= */
	const char *word;
};

struct api {
	const char *class_name; /* or NULL */
	const char *name;       /* a class: NULL */
	struct fact *facts;
	size_t n_facts, cap_facts;
	uint64_t roles;
	uint8_t fails;
	bool system;            /* the C library has it: what a project defines stands in for it */
	struct api *next;       /* of the same name */
};

/* Roles; kb.c has their words, in this order. */
#define KB_ROLES(X)                                                                                \
	X(SOCKET, "socket") X(BIND, "bind") X(LISTEN, "listen") X(CONNECT, "connect")              \
	X(ACCEPT, "accept") X(MUST, "must") X(OUTCOME, "outcome") X(SERVER, "server")              \
	X(CONNECTION, "connection") X(OBJECT, "object") X(READ, "read") X(WRITE, "write")          \
	X(POLL, "poll") X(SLEEP, "sleep") X(STATE, "state") X(LOOP, "loop") X(FORK, "fork")        \
	X(SPAWN, "spawn") X(THREAD, "thread") X(UNLINK, "unlink") X(SIGNAL, "signal")              \
	X(STREAM, "stream") X(SHUTDOWN, "shutdown") X(HANDLER, "handler") X(YIELD, "yield")        \
	X(NONBLOCK, "nonblock") X(CLOEXEC, "cloexec") X(COMPARE, "compare") X(CHECK, "check")      \
	X(CLOCK, "clock") X(QTHREAD, "qthread") X(PURE, "pure") X(SETOPT, "setopt")                \
	X(LOG, "log") X(STRING, "string") X(MEMORY, "memory") X(WAIT, "wait")                      \
	X(BYTEORDER, "byteorder") X(DIALS, "dials") X(ASYNC, "async") X(PROCESS, "process")       \
	X(LOCKS, "locks") X(ALIVE, "alive") X(CLEANUP, "cleanup") X(LOCAL, "local")                \
	X(AMOUNT, "amount") X(NUMBER, "number") X(BOUNDS, "bounds") X(PARTIAL, "partial")          \
	X(PEER, "peer") X(SIGPIPE, "sigpipe") X(PARSE, "parse") X(WATCH, "watch")           \
	X(QUIT, "quit") X(READY, "ready") X(WHILE_TRUE, "while-true") X(EAI, "eai") \
	X(RARELY, "rarely")

enum role_bit {
#define X(name, word) ROLE_BIT_##name,
	KB_ROLES(X)
#undef X
	ROLE_BITS,
};

#define ROLE(name) (UINT64_C(1) << ROLE_BIT_##name)

/* Reads one file of knowledge. Malformed: one line on standard error per statement, -EINVAL. */
int kb_read(const char *path);
int kb_add(const char *origin, const char *text);
void kb_init(void);
/* For several runs in one process: forgets what was added since kb_keep(). */
void kb_keep(void);
void kb_forget(void);

const struct api *kb_function(const char *name);
const struct api *kb_method(const char *class_name, const char *name);
/* The only method of that name, when no class with it is known apart. */
const struct api *kb_method_any(const char *name);
const struct api *kb_class(const char *name);
bool kb_is_smart(const char *type);
/* … and not one that only watches. */
bool kb_is_owner(const char *type);
bool kb_is_hidden(const char *word, size_t n, bool *is_auto);
bool kb_is_loop_macro(const char *word, size_t n);
bool kb_value(const char *name, int64_t *value);

const struct fact *api_fact(const struct api *api, enum fact_key key);
const struct fact *api_fact_next(const struct api *api, const struct fact *fact);

static inline bool api_is(const struct api *api, uint64_t roles)
{
	return api && (api->roles & roles);
}

#endif
