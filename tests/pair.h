/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the tests of connections and servers share: something to talk to, and a record of the events.
 *
 *	struct pair p = { 0 };             a loop, a connection, and a plain socket as its peer
 *
 *	pair_open(&p, NULL);
 *	pair_send(&p, "hello", 5);
 *	turn_until(p.loop, p.end.n == 5);
 *	pair_close(&p);
 *
 * `end` is what one connection saw. Its events are end_events, its data is the struct end.
 */
#include "test.h"

#include <postern/conn.h>
#include <postern/loop.h>
#include <postern/server.h>

enum end_event {
	END_STATE = 1,
	END_RECEIVED,
	END_ENDED,
	END_DRAINED,
	END_CLOSED,
};

struct end {
	char *bytes; /* what was taken */
	size_t n, capacity;
	size_t take;       /* at most so much of each offer; SIZE_MAX: all of it */
	size_t lie;        /* received() returns so much more than it took */
	size_t offers;     /* calls of received() */
	size_t last_offer; /* its size */
	unsigned states, ended, drained, closed;
	int state;
	struct postern_reason why; /* of closed; .text is copied */
	char text[256];
	char trace[64]; /* a letter an event: r received, e ended, d drained, c closed */
	bool discard;   /* counts in n what it takes, and keeps nothing */
	/* Called after each event is recorded, and before it returns; or NULL. */
	void (*hook)(struct end *e, struct postern_conn *c, enum end_event event);
	void *hook_data;
};

extern const struct postern_conn_events end_events;

void end_init(struct end *e);
void end_deinit(struct end *e);
/* The bytes that were taken are these and no others. */
#define assert_end_has(e, text) end_check((e), (text), strlen(text), __FILE__, __LINE__)
void end_check(const struct end *e, const void *bytes, size_t n, const char *file, int line);
/* It is closed, once, for this reason and with this errno. */
#define assert_end_closed(e, code, error) \
	end_check_closed((e), (code), (error), #code, __FILE__, __LINE__)
void end_check_closed(const struct end *e, int code, int error, const char *name, const char *file,
		      int line);

struct pair {
	struct postern_loop *loop;
	struct postern_conn *c;
	int peer; /* non-blocking */
	struct end end;
};

void pair_open(struct pair *p, const struct postern_conn_options *options);
void pair_close(struct pair *p);
void pair_close_peer(struct pair *p);
/* All of it, with turns of the loop in between where the kernel's buffer is full. */
void pair_send(struct pair *p, const void *bytes, size_t n);
/* So many bytes arrive at the peer, again with turns in between. */
void pair_receive(struct pair *p, void *ret, size_t n);
/* The peer reads to the end of file; returns how many bytes came before it, or a negative errno. */
ssize_t pair_receive_end(struct pair *p);

/* ---- a server on a loop ---- */

enum site_event {
	SITE_ALLOW = 1,
	SITE_ACCEPTED,
	SITE_ERROR,
	SITE_CONN_RECEIVED,
	SITE_CONN_CLOSED,
	SITE_CLOSED,
};

/* A server that echoes, and what it saw. The data of its connections is the site too. */
struct site {
	struct postern_loop *loop;
	struct postern_server *server;
	struct postern_conn *conns[64]; /* the first that were accepted; they may be gone */
	unsigned asked, accepted, conns_closed, closed;
	unsigned errors[POSTERN_REASON_FAILED + 1]; /* by their codes */
	int allow;				    /* what the rule answers */
	struct postern_peer peer;		    /* that it was asked about */
	struct postern_reason why;		    /* of closed */
	int conn_why;				    /* code of the last closed of a connection */
	char text[256];				    /* of the last error */
	char trace[64]; /* ? asked, a accepted, E error, r received, x conn closed, C closed */
	void (*hook)(struct site *s, enum site_event event, struct postern_conn *c);
};

extern const struct postern_server_events site_events;

void site_open(struct site *s, const char *name, const struct postern_server_options *options);
void site_close(struct site *s);
struct postern_server_counters site_counters(const struct site *s);
/* What it sends to the server comes back. */
void site_echo(struct site *s, int fd);
/* The server ends this one without a word. */
void site_turns_away(struct site *s, int fd);
/* Runs fn(arg) in a child and the loop meanwhile; returns the child's wait status. */
int site_fork(struct site *s, int (*fn)(void *arg), void *arg);

/* ---- programs without the library ---- */

/* A plain client of a path, blocking; a negative errno when it is not let in. */
int plain_connect(const char *path);
/* The same, listening: a server without a lock, as other programs are. */
int plain_listen(const char *path, int backlog);

/* Turns the loop until the condition holds; only a defect keeps it from that. */
#define turn_until(loop, condition)                                                          \
	do {                                                                                 \
		int64_t until_ = test_now_ns() + test_patience_ns();                         \
		while (!(condition) && test_now_ns() < until_)                               \
			turn(loop, 10);                                                      \
		if (!(condition))                                                            \
			print_error("after all the turns of a minute this does not hold:\n"); \
		assert_true(condition);                                                      \
	} while (0)

/* One turn, that waits for ms at most; returns what dispatch does. */
int turn(struct postern_loop *loop, int ms);
/* Turns until nothing happens any more. */
void turn_quiet(struct postern_loop *loop);
/* Turns for so long by the loop's clock, whatever happens; returns how many turns it took. */
unsigned turn_for(struct postern_loop *loop, int ms);

/* Bytes that differ at each position of a stream, and tell where they belong. */
void pattern_fill(char *bytes, size_t at, size_t n);
/* The position of the first byte that is wrong, or n. */
size_t pattern_check(const char *bytes, size_t at, size_t n);

/* A generator with a seed, for tests that print it. */
uint32_t random_next(uint64_t *seed);

/* The processor time of this process so far. */
int64_t cpu_ns(void);
