/* SPDX-License-Identifier: Apache-2.0 */
/*
 * law.h - random lives of everything Postern has, against what its manual promises
 *
 * A seed is a life: loops, connections, servers, timers and so on are made, used, freed, also inside every
 * callback, for some steps; then all peers go, time passes, and everything must have come to its end.
 *
 *   main.c     seeds, workers, shrinking         trace.c    what happened, in words, and its hash
 *   life.c     the steps of one life             stream.c   the bytes of one direction, as they must arrive
 *   act-*.c    what a program does               event.c    what it is told, checked as it comes
 *   peer.c     what plain peers do               oracle.c   which end is true, and what must be at the end
 *
 * All is in one thread, the kernel's sockets are real, time is that of sys-fault.c: it passes only where a step
 * says so. A step's choices come from the seed and the step's number, those inside a callback from the seed, the
 * object and how many events it had: so that a step can be left out and the others stay what they were.
 *
 * The first law that is broken ends the worker process (law_broken() does not return): nothing that the library
 * does after that means anything. What it was is left in memory that is shared with the parent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <postern/conn.h>
#include <postern/client.h>
#include <postern/frame.h>
#include <postern/loop.h>
#include <postern/server.h>

/* ---- the public calls that are made here, and where from ---- */

#define LAW_CALLS(X)                                                                               \
	X(loop_new) X(loop_free) X(loop_run) X(loop_stop) X(loop_fd) X(loop_dispatch) X(loop_post) \
	X(loop_why) X(loop_set_log) X(loop_set_busy_poll)                                                             \
	X(connect) X(conn_free) X(conn_keep) X(conn_write) X(conn_pause) X(conn_resume)            \
	X(conn_shutdown) X(conn_close) X(conn_abort) X(conn_state) X(conn_data) X(conn_set_data)   \
	X(conn_why) X(conn_set_events) X(conn_writev) X(conn_room) X(conn_queued) X(conn_flush)    \
	X(conn_adopt) X(conn_detach) X(conn_fd) X(conn_server) X(conn_peer) X(conn_peer_pidfd)     \
	X(conn_peer_label) X(conn_get_counters) X(conn_write_frame) X(conn_reserve) X(conn_commit)  \
	X(server_new) X(server_free) X(server_stop) X(server_drain) X(server_path) X(server_data)  \
	X(server_set_data) X(server_name) X(server_pause) X(server_resume) X(server_fd)            \
	X(server_get_counters) X(server_each)                                                      \
	X(timer_new) X(timer_set) X(timer_set_periodic) X(timer_cancel) X(timer_due_ns)            \
	X(timer_free) X(watch_new) X(watch_set) X(watch_free) X(child_new) X(child_kill)           \
	X(child_free) X(now) X(frame_find) X(frame_make) X(buffer_new) X(buffer_free)              \
	X(buffer_add) X(buffer_read) X(buffer_read_line) X(buffer_read_frame) X(buffer_skip)       \
	X(client_adopt) X(client_new) X(client_free) X(client_read) X(client_read_exactly)         \
	X(client_write) X(client_shutdown) X(client_close) X(client_wait_end) X(client_available)

enum law_call {
	CALL_none,
#define LAW_ENUM(name) CALL_##name,
	LAW_CALLS(LAW_ENUM)
#undef LAW_ENUM
	CALL_N,
};

#define LAW_PLACES(X)                                                                          \
	X(outside) X(state) X(received) X(frame) X(ended) X(drained) X(sent) X(closed) X(allow) \
	X(accepted) X(error) X(server_closed) X(timer) X(watch) X(post) X(each) X(child)

enum law_place {
#define LAW_ENUM(name) IN_##name,
	LAW_PLACES(LAW_ENUM)
#undef LAW_ENUM
	IN_N,
};

/* ---- what is known of each thing ---- */

enum {
	LAW_LOOPS = 2,
	LAW_SLOTS = 20,    /* connections that a step makes */
	LAW_ENDS = 96,     /* with those that servers accept */
	LAW_LINKS = 128,
	LAW_SERVERS = 3,
	LAW_TIMERS = 6,
	LAW_WATCHES = 4,
	LAW_CHILDREN = 2,
	LAW_MOVES = 64,
	LAW_SCRATCH = 1 << 19,
	LAW_POLL = 1000,   /* ns that a look of a loop takes that polls */
};

/* The bytes of one direction. */
struct stream {
	char *log;         /* what the writer's call took, in order */
	size_t n, capacity;
	size_t read;       /* what the reader took */
	uint32_t key;
	int framing;       /* 0: bytes as they come */
	char *rest;        /* of the frame that the writer has begun, what was not taken yet */
	size_t n_rest;
	bool unknown;      /* nobody saw who writes it: a connection that failed as it stood */
	bool cut;          /* the rest of `log` may have stayed with the writer: it was freed */
	size_t cut_at;     /* at least so much had reached the kernel then */
};

enum { SIDE_NONE, SIDE_WAITS, SIDE_END, SIDE_PLAIN, SIDE_GONE };

struct side {
	int kind;          /* SIDE_WAITS: connected, and not accepted yet */
	struct end *end;
	int fd;            /* of SIDE_PLAIN */
	bool shut_write, shut_read;
	bool slow;         /* a plain peer that reads little at a time */
	int64_t gone_ns;
};

/* stream[i] is written by side[i] and read by the other. */
struct link {
	bool used;
	struct side side[2];
	struct stream stream[2];
	char address[8];   /* autobound: by it an accepted connection finds its other end */
	int n_address;
};

enum { TAKES_ALL, TAKES_SOME, TAKES_NONE };

struct move {
	int64_t at_ns;
	size_t n;
};

/* One connection of the library. */
struct end {
	int id;
	bool used;
	struct postern_conn *c; /* NULL: freed, or gone with its final event */
	bool mine;              /* it stays until we free it */
	int loop;
	int server;             /* -1: not accepted */
	struct link *link;
	int at;                 /* which side of it is ours */
	int tag;                /* of tags, which is its data now */
	char tags[2];
	int events;             /* which table it has */
	struct postern_conn_options o; /* as they hold: without a 0 */
	int appetite;
	unsigned told_closed, told_ended, told_closing, n_events;
	bool freed, detached, dialled, connected;
	bool drops;             /* had a table without received: what was dropped is known by its counters only */
	bool paused, refused, shut, closing, aborting;
	bool owed;              /* drained, since it was refused */
	int inside;             /* the event that it is in */
	int busy;               /* events that have not returned */
	size_t offered;         /* and what that offered */
	size_t kept;            /* of the last offer */
	int64_t kept_ns;        /* since when something is kept, or something of it was taken */
	int64_t closing_ns;     /* it had not begun to close before */
	int64_t dial_ns, deadline_ns;
	uint32_t attempts;
	bool not_trusted;
	int64_t calm_ns;        /* when nothing was pending last */
	int64_t acted_ns;       /* when the program did something to it last */
	bool reserved;          /* since the last turn, and perhaps not committed */
	int lent;               /* turns after which a reservation is certainly over */
	int64_t received_ns;
	int64_t open_ns;        /* when it was seen not to be closing */
	int64_t looked_ns;
	uint64_t received, sent; /* as its counters said last */
	int code;
	struct move moves[LAW_MOVES]; /* of its peer */
	unsigned n_moves;
};

struct server_model {
	bool used, freed, stopped, draining, adopted, listens;
	struct postern_server *s;
	int id, loop;
	unsigned told_closed, n_events;
	int64_t drain_ns;
	int allow;              /* one in so many is turned away; 0: none */
	size_t budget;          /* bytes_per_uid */
	bool name_lost;         /* somebody took its name away */
	struct postern_conn_options o;
	char path[108];
	int n_path;
	int listener;           /* of an adopted one: our copy, or -1 */
	bool freeing;
};

struct timer_model {
	struct postern_timer *t;
	int id, loop;
	bool armed;
	int64_t earliest_ns, period_ns;
	unsigned n_events;
};

struct watch_model {
	struct postern_watch *w;
	int id, loop, fd, other;
	uint64_t wanted;
	unsigned n_events;
};

struct child_model {
	struct postern_child *c;
	int id, loop;
	pid_t pid;
	unsigned told;
};

struct loop_model {
	struct postern_loop *loop;
	bool used, freed, freeing;
	unsigned posted, called; /* posts are called in order: data is their number */
};

struct law {
	uint64_t seed;
	unsigned steps, step;
	uint64_t random;        /* of the step or the callback that runs */
	bool with_faults, faulted, settling, calm;
	bool polls;             /* loops poll before they sleep */
	bool jumped;            /* the clock was set forward since the last dispatch began */
	int waits;              /* the loop that is dispatched outside of callbacks, and may wait */
	int64_t waits_ns;       /* since when; -1: there is none */
	int call;               /* that is being made, or CALL_none */
	int place;              /* where from */
	unsigned depth;         /* of actions inside callbacks */
	unsigned n_slots, n_servers, n_loops;
	struct loop_model loops[LAW_LOOPS];
	struct end ends[LAW_ENDS];
	unsigned n_ends;        /* LAW_SLOTS and those that were accepted */
	struct link links[LAW_LINKS];
	struct server_model servers[LAW_SERVERS];
	struct timer_model timers[LAW_TIMERS];
	struct watch_model watches[LAW_WATCHES];
	struct child_model children[LAW_CHILDREN];
	size_t progress;        /* bytes and events: to see that nothing happens any more */
};

extern struct law L;
extern char law_scratch[LAW_SCRATCH];

/* ---- main.c ---- */

struct law_options {
	bool faults, verbose;
	unsigned steps;         /* 0: as the seed says */
};
extern struct law_options law_options;
/* Shrinking: is this step, or this action inside a callback, left out? */
bool law_dropped_step(unsigned step);
bool law_dropped_inside(uint64_t key);

/* ---- trace.c ---- */

void law_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Ends the worker. law: a few words that name the kind. */
void law_broken(const char *law, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));
uint64_t law_hash(void);
void law_trace_begin(uint64_t seed);
void law_trace_print(FILE *to, unsigned last);
const char *law_call_name(int call);
const char *law_place_name(int place);
const char *law_reason_name(int code);
/* Around each public call. The first counts it; in between, callbacks are a breach unless it is a _free. */
void law_enter(int call);
intmax_t law_leave(intmax_t r);
#define CALL(name, expression) (law_enter(CALL_##name), law_leave((intmax_t)(expression)))
#define CALL_PTR(name, expression) (law_enter(CALL_##name), (void *)(intptr_t)law_leave((intptr_t)(expression)))

/* What outlives a worker. */
struct law_shared {
	uint64_t seed, lives, steps, calls;
	unsigned step, n_lines;
	uint64_t hash;
	char law[64], text[400];
	bool broken;
	char lines[4096][240];
	uint64_t counts[CALL_N][IN_N];
	uint64_t ends[POSTERN_REASON_FAILED + 1];
	unsigned n_inside;
	uint64_t inside[4096];  /* keys of what was done inside callbacks */
};
extern struct law_shared *law_shared;

/* ---- life.c ---- */

uint64_t law_mix(uint64_t a, uint64_t b);
uint32_t law_random(void);
uint32_t law_below(uint32_t n);  /* 0 .. n-1 */
bool law_chance(uint32_t of_100);
void law_life(uint64_t seed);
void law_setup(void);            /* once per worker */
/* Of sys-fault.c: a system call that might wait, or that hurts another. */
void law_waited(int call, const char *what);
/* One action, on whatever; in callbacks too. */
void law_act(void);
/* What a callback does besides: perhaps something, preferably to the object that it is about. */
void law_inside(int place, unsigned object, unsigned n_events, struct end *e);
int64_t law_now(void);
/* Turns of one loop, without waiting. */
void law_turn(int loop);

/* ---- stream.c ---- */

void stream_init(struct stream *s, uint32_t key, int framing);
void stream_free(struct stream *s);
/* The next bytes to write: about n of them, in whole frames where there is a framing. stream_took() says how many the
   call took; the others come again. */
const char *stream_offer(struct stream *s, size_t n, size_t *ret_n);
void stream_took(struct stream *s, const char *bytes, size_t n);
/* A payload, for write_frame; nothing of another frame is in the way. Then the whole frame was taken. */
bool stream_payload(const struct stream *s, char *ret, size_t n);
void stream_took_frame(struct stream *s, const char *payload, size_t n);
/* Bytes of any kind, which may break the framing. */
void stream_wrote(struct stream *s, const char *bytes, size_t n);
/* The bytes are those at its reading position; else a law is broken. */
void stream_check(const struct stream *s, const void *bytes, size_t n, const char *who);
/* What a reader with that framing must say to what is not read yet: 1 a frame, 0 it is not whole, -1 too long. */
int stream_parse(const struct stream *s, int framing, size_t max, size_t *ret_n, size_t *ret_used);

/* ---- event.c ---- */

enum { EVENTS_ALL, EVENTS_NO_ENDED, EVENTS_NO_RECEIVED, EVENTS_FEW, EVENTS_NONE, EVENTS_N };
const struct postern_conn_events *law_events(int which);
extern const struct postern_server_events law_server_events;
void law_timer_fired(struct postern_timer *t, void *data);
void law_watch_fired(struct postern_watch *w, uint64_t happened, void *data);
void law_posted(struct postern_loop *loop, void *data);
void law_child_ended(struct postern_child *c, int how, int status, void *data);
void law_each(struct postern_conn *c, void *data);
/* A callback begins and ends. */
struct law_frame {
	int call, place;
};
struct law_frame law_callback(int place);
void law_return(struct law_frame f);

/* ---- act-conn.c, act-server.c, act-loop.c ---- */

void act_conn(struct end *e);
void act_born(unsigned slot);
void act_dial(unsigned slot);
void act_conn_free(struct end *e);
void act_random_options(struct postern_conn_options *o, int framing);
void act_resolve_options(struct postern_conn_options *o);
void act_server(struct server_model *m);
void act_server_free(struct server_model *m);
void act_plain_connect(struct server_model *m);
void act_loop(int loop);
void act_dispatch(int loop);
/* One that is there, or -1. */
int some_loop(void);
void act_loop_free(int loop);
void act_timer(struct timer_model *m);
void act_watch(struct watch_model *m);
void act_child(struct child_model *m);
void act_pure(void);
void act_client(void);
void act_time(void);
void act_fault(void);
void act_timer_free(struct timer_model *m);
void act_watch_free(struct watch_model *m);
void act_child_free(struct child_model *m);

/* ---- peer.c ---- */

/* At the place or after it: those of what a step made are where the step says, whatever other steps did. */
enum { LINKS_DIALLED = LAW_SLOTS, LINKS_PLAIN = 2 * LAW_SLOTS };
struct link *link_new(unsigned place, int framing0, int framing1);
void peer_act(struct link *l, int at);
void peer_read(struct link *l, int at, size_t most);
void peer_write(struct link *l, int at, size_t n);
void peer_close(struct link *l, int at);
/* A side of it leaves the library or the process. */
void side_gone(struct link *l, int at);
void link_find(struct end *e);
void link_bind(struct end *e);

/* ---- oracle.c ---- */

/* After each step and each turn: notes what can be seen of each connection. */
void oracle_look(void);
void oracle_look_at(struct end *e);
void oracle_moved(struct end *e, size_t n);
/* e has had its final event. */
void oracle_closed(struct end *e, const struct postern_reason *why);
void oracle_ended(struct end *e);
/* What a call on e must return when it is not open; 0: it is open. */
int oracle_inert(struct end *e);
void oracle_loop_freed(int loop);
void oracle_server_freed(struct server_model *m);
void oracle_counters(struct server_model *m);
/* A turn of this loop has ended. */
void oracle_turned(int loop);
/* All peers have gone and time has passed. */
void oracle_all_ended(void);
void oracle_all_drained(void);
int64_t oracle_longest_limit(void);
const char *end_name(const struct end *e);
