/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * sim.h - the machines of both ends of a call, back to back
 *
 *   program --- core/calling.h --- streams of bytes --- core/serving.h --- handlers
 *                                        |
 *                              hand-made peers, which know no rule
 *
 * A seed decides everything: what the program calls, how the kernel splits, merges and holds bytes, when time passes, who
 * is killed or leaves at which byte, what handlers do. There are no sockets and no clock. What stands between a machine
 * and the bytes is as small as it can be, so that what is tested are the decisions of the machines.
 *
 *   sim-main.c     seeds, workers, results
 *   sim-life.c     what happens next; the end of a life
 *   sim-stream.c   bytes on their way, chance, and the trace
 *   sim-passed.c   descriptors on their way
 *   sim-raw.c      what goes over a connection that was upgraded: bytes of no protocol
 *   sim-caller.c   does what calling_step() says, and tells the program
 *   sim-service.c  connections of a service, its handlers
 *   sim-topic.c    a topic of the service, and its subscribers
 *   sim-peer.c     hand-made peers and answers, right and wrong
 *   sim-oracle.c   what must hold. It keeps its own books, of the bytes that it saw: it never asks a machine
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "core/calling.h"
#include "core/flight.h"
#include "core/glue.h"
#include "core/serving.h"
#include "core/topic.h"

enum { SIM_UNWANTED = 1000000, SIM_CUT, SIM_PASSED = 256, SIM_CALLS = 64, SIM_WIRES = 128, SIM_LINES = 80, SIM_TEXT = 4096, SIM_PUBLICATIONS = 256 };

/* A descriptor in a stream. */
struct sim_passed {
	size_t at, end; /* its message */
	size_t sent;    /* where the send ended that had it; 0: none yet */
	int id;
	struct flight flight; /* in .flights, while it is taken for unread */
	bool flying;
};

/* One direction of a connection: all bytes that were ever written, and how far each of those on the way is.
   parsed <= taken <= given <= written. The kernel holds what is given and not taken. */
struct sim_stream {
	char *bytes;
	size_t size;
	size_t written, given, taken, parsed;
	size_t room; /* of the kernel */
	struct sim_passed passed[SIM_PASSED];
	unsigned n_passed;
	struct list flights; /* those that the sender takes for unread: what is charged */
	struct glue glue[2]; /* reads that brought one; glue_id: which one, or -1 */
	int glue_id[2];
	size_t unwanted_from; /* where the read began that brought SIM_UNWANTED */
};

/* A message of the service, where it ends in the stream, and whether it is one. */
struct sim_note {
	size_t end;
	bool wrong;
};

struct sim_wire {
	struct calling_conn conn;
	struct sim_stream up, down;
	bool used, hand_made;

	/* the caller's end, or that of the peer */
	bool dialling;   /* connect() has not returned */
	bool connected, answered; /* answered: a call of it was told so */
	bool open;       /* it has a descriptor */
	bool refused;    /* a write was refused; drained is owed */
	bool half;       /* it has half-closed */
	bool wrong;      /* the peer has sent what is no call; it is the last thing that it sends */
	bool taken_over; /* an upgrade was confirmed: it is the program's, or the peer has read that */

	/* the service's end */
	bool accepted, ended; /* ended: its descriptor is closed */
	bool closing;         /* when everything was sent */
	bool knows;           /* that its peer has left */
	bool hostile;         /* it has sent what it must not */
	bool reset;           /* there were bytes that it had not read */
	struct serving machine;
	struct calling_look look; /* the caller's, over answers that have come */
	int open_call;        /* or -1 */
	bool upgraded;        /* it has queued the answer that confirms it */
	struct sim_note notes[256];
	unsigned n_notes, n_noted;

	/* the oracle's */
	int order[SIM_CALLS]; /* calls in the order of their bytes */
	unsigned n_order, n_arrived, n_answered;
	size_t ends[SIM_CALLS]; /* where the NUL of each stands */
	uint8_t finals[SIM_CALLS]; /* answers that the service has given to each */
	bool absorbed;        /* a message that takes some was given what nobody wanted */
	bool poisoned;        /* a call has left it without an answer */
	int lost_code;        /* why it was lost: POSTERN_REASON_... */
	int64_t begun_ns;     /* it was dialled */
	int64_t empty_ns;     /* no call is on it since; -1: there is one */
	bool alone;           /* it was dialled for one call */
	int alone_call;
};

enum { SIM_ANSWERS, SIM_LATER, SIM_NEVER, SIM_ABANDONS, SIM_NO_ROOM, SIM_SUBSCRIBES, SIM_PLANS };

struct sim_call {
	struct calling_call state;
	int index, peer;      /* the wire of its peer; -1: it is the caller's */
	unsigned flags, pad;
	bool unwanted;        /* it has a descriptor that its method does not take */
	bool passes, takes;   /* it has a descriptor; its method takes some, whether it has or not */
	bool returns;         /* its answers may have some */
	int64_t deadline_ns;

	/* the service's */
	int plan, more;
	bool served;          /* the handler has it */
	int served_by;        /* the wire; -1: without one */

	/* the oracle's */
	bool alive;           /* it was not told last, and not freed */
	bool told;
	int wire;             /* it was written there, and is not finished; -1 */
	size_t end;           /* its NUL stands before this */
	bool given, ever_given, lost;
	bool ending;          /* a connect has failed that it was in need of */
	int expected;         /* the end that its last answer means; 0: there is none */
	int last_wire;
	bool freed, deceived; /* deceived: a service has said that it refuses it, and was not asked */
	bool refused_now;     /* its last try was answered so */
	unsigned refusals;
	int64_t added_ns, refused_ns, retry_ns;
	unsigned runs, cancels, n_sent, n_got;
	bool busied;          /* it wanted no answer, and the service was busy */

	/* of a topic: sim-topic.c */
	struct topic_reader reader;
	bool subscribed, topic_queue;
	int topic_round;
	unsigned topic_woken;
	uint64_t topic_from, topic_begun, topic_got; /* numbers: the first that is for it, the last that has begun, and arrived */
	uint64_t topic_ended;  /* that were published when it overflowed */
	uint32_t topic_left;   /* bytes of the one that has begun */
};

/* What a topic has published. */
struct sim_publication {
	struct topic_item item;
	char text[1024];       /* with its NUL; overwritten when nobody needs it */
	uint32_t n;
	int how;               /* SERVING_... */
	size_t pad;
	char letter;
	unsigned dead;
};

#define SIM_COUNTS(X)                                                                                    \
	X(lives) X(calls) X(more_calls) X(oneway_calls) X(continued) X(answered) X(failed) X(refused)     \
	X(sent) X(timeout) X(cancelled) X(not_sent) X(no_answer) X(retries) X(skipped) X(drops)           \
	X(drops_inside) X(frees) X(frees_inside) X(dials) X(no_conns) X(connects_failed) X(losses)        \
	X(unwritten) X(unwritten_half) X(full) X(idle_closed) X(limit) X(busy) X(draining) X(kills)       \
	X(deaths) X(hang_ups) X(oneway_after_leaving) X(dropped) X(cancels) X(twice) X(not_more)          \
	X(subscribes) X(publications) X(topic_got) X(topic_halves) X(topic_skipped) X(overflows)          \
	X(topic_ends) X(topic_frees) X(topic_gave_up) X(topic_ending)                                                     \
	X(abandoned) X(peers) X(half_closes) X(violations) X(wrong_answers) X(unasked) X(calm)            \
	X(upgrade_calls) X(upgraded) X(taken_over) X(raw_up) X(raw_down) X(glued_up) X(glued_down)        \
	X(raw_ends) X(not_confirmed) X(passed) X(glued) X(held) X(closed_unwanted) X(flights) X(read_late)

#define SIM_FIELD(name) uint64_t name;
struct sim_counts {
	SIM_COUNTS(SIM_FIELD)
};

struct sim {
	uint64_t random, seed;
	int64_t now;
	bool late;           /* time has passed, and the timer was not run yet */
	bool calm;           /* nothing bad happens: each call has to be answered */
	bool over;           /* the caller was freed */
	bool ending;         /* handlers answer whatever they had in mind */
	bool down, draining; /* there is no service; it drains */
	bool passes;         /* there are descriptors */
	unsigned connections_max, trouble, inside, depth;
	int64_t failed_ns;   /* the last connect that failed had begun then */
	int64_t connect_ns;  /* then at the latest it connects again, after a loss without any answer */
	unsigned losses;     /* of those, in a row */
	unsigned tell_due;   /* ends that came up outside of an event */
	struct topic topic;  /* the one that there is; sim-topic.c */
	bool topic_over;
	int topic_round;
	unsigned topic_first, n_pubs;
	uint64_t topic_published, topic_skipped;
	int64_t dropped;     /* of the next Overflow */
	unsigned rounds[SIM_PUBLICATIONS]; /* where the publications of each topic begin */
	struct calling machine;
	struct calling_limits limits;
	unsigned n_calls, n_wires;
	struct sim_call calls[SIM_CALLS];
	struct sim_wire wires[SIM_WIRES];
	struct sim_publication pubs[SIM_PUBLICATIONS];
};
extern struct sim S;

/* What workers leave. */
struct sim_result {
	uint64_t seed, hash; /* of all traces, in any order */
	bool broken;
	char law[512];
	char lines[SIM_LINES][160];
	unsigned n_lines;
	struct sim_counts counts;
};
extern struct sim_result *sim_result;
extern bool sim_verbose;
#define SIM_COUNT(name) (sim_result->counts.name++)

/* ---- sim-life.c ---- */
void sim_life(uint64_t seed);
/* A callback: anything may be done in it. */
void sim_inside(void);

/* ---- sim-stream.c ---- */
uint64_t sim_below(uint64_t n);
size_t sim_size(size_t below);
bool sim_chance(unsigned one_in);
void sim_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t sim_trace_begin(void);
uint64_t sim_trace(void);
/* A law is broken: the worker ends. */
void sim_broken(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void stream_write(struct sim_stream *s, const char *bytes, size_t n);
size_t stream_can_give(const struct sim_stream *s);
/* The next message, without its NUL; NULL: none is whole. */
const char *stream_message(struct sim_stream *s, size_t *ret_n);
void stream_reset(struct sim_stream *s, size_t room);
int wire_of(const struct sim_wire *w);
struct sim_wire *wire_new(void);

/* ---- sim-passed.c ---- */
/* The last n bytes that were written are a message, and this descriptor is its. */
void passed_write(struct sim_stream *s, size_t n, int id);
/* The last n bytes are in the same send as a message with a descriptor that is right before them, if there is one. */
void passed_join(struct sim_stream *s, size_t n);
/* Of n bytes, how many go in one send: those of a message with a descriptor go alone. */
size_t passed_give(struct sim_stream *s, size_t n);
/* The same for a read; what comes with it is remembered, if it is not full. */
size_t passed_take(struct sim_stream *s, size_t n);
bool passed_is_full(const struct sim_stream *s);
/* Before the next message: 1, and its descriptor or -1; 0: it has to wait; -1: there is one that nobody takes. over: no more
   bytes will come. */
int passed_next(struct sim_stream *s, bool over, glue_takes *takes, void *data, int *ret_id);

/* ---- sim-raw.c ---- */
/* A few bytes, perhaps none, which no message may be made of: each is known by where it stands. */
void raw_write(struct sim_stream *s);
/* All that was taken and not read. They are those that were written there. */
void raw_read(const struct sim_wire *w, struct sim_stream *s, uint64_t *count);
/* From here on the wire is the program's, or was known by the peer to be the service's. */
void raw_begins(struct sim_wire *w);
bool raw_takes(struct sim_wire *w, size_t n);
bool raw_ends(struct sim_wire *w);

/* ---- sim-caller.c ---- */
void caller_add(void);
void caller_drop(int i);
void caller_free(void);
void caller_tell(void);
void caller_timer(void);
/* Each does what there is to do, at most n bytes of it: was there anything? */
bool caller_dials(struct sim_wire *w, bool fails);
bool caller_gives(struct sim_wire *w, size_t n);
bool caller_takes(struct sim_wire *w, size_t n);
bool caller_drains(struct sim_wire *w);

/* ---- sim-service.c ---- */
bool service_accepts(struct sim_wire *w);
bool service_takes(struct sim_wire *w, size_t n);
bool service_gives(struct sim_wire *w, size_t n);
bool service_works(int call);
bool service_learns(struct sim_wire *w);
bool service_retires(struct sim_wire *w);
void service_kills(struct sim_wire *w);
void service_dies(void);
void service_drains(bool drains);

/* The open call gets an error. */
void service_answers(struct sim_wire *w, int call, const char *error);
/* A message will end there that is not queued. */
void service_notes(struct sim_wire *w, size_t end);
/* The next call may come. */
void service_next(struct sim_wire *w);

/* ---- sim-topic.c ---- */
void topic_begins(void);
void topic_joins(struct sim_wire *w, struct sim_call *c);
void topic_forgets(struct sim_call *c);
bool topic_sends(struct sim_wire *w);
void topic_publishes(int how);
void topic_event(void);
void topic_drains(void);
void topic_dies(void);
/* true: this is an answer of a topic, and the right one. */
bool oracle_topic_answer(const struct sim_wire *w, struct sim_call *c, const struct message_answer *m);
void oracle_topic_rest(void);

/* ---- sim-peer.c ---- */
void peer_begins(void);
bool peer_takes(struct sim_wire *w, size_t n);
bool peer_leaves(struct sim_wire *w, bool half);
void peer_answers(struct sim_wire *w);
/* The number of a call is in the name of its method. */
int message_call_of(const struct message_call *m);
size_t message_make_call(char *text, const struct sim_call *c);

/* ---- sim-oracle.c ---- */
void oracle_added(struct sim_call *c);
void oracle_left(struct sim_call *c);               /* freed */
void oracle_dialled(struct sim_wire *w, int call);
void oracle_wrote(struct sim_wire *w, struct sim_call *c);
void oracle_gave(struct sim_wire *w);
void oracle_unwrote(struct sim_wire *w);
void oracle_closes(struct sim_wire *w);             /* the machine has decided that */
void oracle_lost(struct sim_wire *w, int code);
void oracle_told(void);                             /* all that has ended was told */
void oracle_time(void);                             /* before the timer runs */
void oracle_timed(void);                            /* after that, and after telling */
void oracle_pumped(void);
void oracle_rest(void);                             /* all that can happen without time has happened */
/* What came of an answer. r: of calling_answer(). */
void oracle_answer(struct sim_wire *w, const struct message_answer *m, int r, struct calling_call *told);
void oracle_ended(struct calling_call *ended);
void oracle_freed(void);
void oracle_verdict(struct sim_wire *w, int call, int verdict);
/* A message of this wire has this descriptor, or none, -1; it should have that one. */
/* Or one that no message of it takes. */
void oracle_unwanted(struct sim_wire *w);
void oracle_passed(struct sim_wire *w, const char *what, int call, int id, int right);
void oracle_no_call(struct sim_wire *w);
void oracle_ran(struct sim_wire *w, int call);
void oracle_cancelled(struct sim_call *c);          /* the handler is */
void oracle_answers(struct sim_wire *w, int call, int how); /* bytes of an answer are queued */
void oracle_finished(struct sim_wire *w);           /* the service has closed by itself, everything was done */
void oracle_peer_answer(struct sim_wire *w, const struct message_answer *m);
void oracle_end(void);
