/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_PEER_H
#define REVIEW_PEER_H

/*
 * Where bytes of a peer go: through buffers, numbers made of them, members of structures and calls,
 * until something takes them for a format, a command, a path, a string or a length.
 *
 * For each place one value per block of the graph, joined where ways meet: what may be wrong with
 * it on some way. A check takes the fault away, so that nothing needs to know which checks there
 * were. Arguments are followed by number beside what is known of them; a function's summary says
 * what it does with each, and a table what members of structures and globals hold. All is done
 * again until nothing changes, and what is wrong is noted in one last round.
 *
 * peer.c holds values and tables, rounds.c goes from block to block and over all functions, step.c
 * has what assignments, operators and tests do, call.c what calls do, target.c those of the project's
 * own functions, habit.c what unknown ones are likely to do; fill.c has loops that store without a bound,
 * zero.c lengths that may be 0.
 */

#include "model/query.h"

enum {
	/* What may be wrong. These six are followed from arguments too, in this order. */
	PEER_BYTES = 1 << 0,  /* text, or memory, that a peer filled */
	PEER_FORMAT = 1 << 1, /* … and that nobody looked through for what is harmful as such */
	PEER_SHELL = 1 << 2,
	PEER_PATH = 1 << 3,
	PEER_UNENDED = 1 << 4, /* no terminator lies behind it */
	PEER_WIDE = 1 << 5,    /* a number of 32 bits or more without an upper limit */
	PEER_FOLLOWED = 6,
	PEER_SHORT = 1 << 6,  /* one of 16 bits, or limited by what has come already */
	PEER_BYTE = 1 << 7,   /* one of 8 bits */
	PEER_STREAM = 1 << 8, /* what is read from it is bytes of a peer */
	PEER_AMOUNT = 1 << 9, /* how many bytes have come */
	PEER_FULL = 1 << 10,  /* a count of bytes that may be the size of the buffer `base` */
	PEER_SET = 1 << 11,   /* assigned by itself, not as a part of something */
	PEER_ZERO = 1 << 12,  /* all zeros before, on every way */
	PEER_COUNTED = 1 << 13, /* counts up to a number of the peer's */
	PEER_NARROW = 1 << 14, /* the number that comes from an argument has at most 16 bits */
	PEER_NONZERO = 1 << 15, /* some test has seen, on every way, that it is not 0 */
	PEER_TEXT = PEER_BYTES | PEER_FORMAT | PEER_SHELL | PEER_PATH,
	PEER_NUMBER = PEER_WIDE | PEER_SHORT | PEER_BYTE,
};

enum { PEER_OWN = 0xff };

struct peer_value {
	uint16_t kinds;
	uint16_t from[PEER_FOLLOWED]; /* for each of the first kinds: the parameters it may come from */
	uint16_t none;                /* 0: values are compared as memory, and may have no gaps */
	int32_t base;                 /* the place whose bytes it points to, or -1 */
	int32_t source;               /* the item that read them, or -1 */
};

/* The words of sink= in the knowledge. */
enum {
	SINK_FORMAT = 1 << 0,
	SINK_SHELL = 1 << 1,
	SINK_PATH = 1 << 2,
	SINK_STRING = 1 << 3,
	SINK_LENGTH = 1 << 4,
	SINK_INDEX = 1 << 5,
};

struct peer_summary {
	/* What callers pass: some of them, all of them; of this round and of the last. */
	uint16_t some[16], all[16], next_some[16], next_all[16];
	const struct function *caller[16];
	bool called;
	uint16_t given[16];    /* a callback: what it is called with */
	const char *given_part[16];
	/* What it does with its arguments, when nothing checks them before. */
	uint8_t sinks[16];     /* SINK_… */
	uint8_t copy_to[16];   /* 1 + the parameter that receives so many bytes; PEER_OWN: another */
	uint16_t cleans[16];   /* kinds that it looks for */
	uint16_t fills[16];    /* what lies in the memory afterwards */
	uint16_t outs[16];     /* what lies in *argument afterwards */
	int8_t fill_size[16];  /* the parameter that limits the bytes, or -1 */
	uint16_t copies[16];   /* parameters whose bytes are copied there */
	uint8_t keeps[16];     /* which of the first five kinds what it was given still has afterwards */
	bool ends;             /* … when it succeeds, which it does somewhere */
	uint16_t result;
	uint16_t result_from[PEER_FOLLOWED];
	uint32_t sum;          /* over all this, to see that it changed */
	int8_t own_pair;       /* peer_reads_own_pair(): 0 not asked yet, 1 it does, -1 it does not */
	int8_t kernel;         /* likewise: it reads events of the kernel */
};

enum peer_sink {
	PEER_SINK_FORMAT,
	PEER_SINK_SHELL,
	PEER_SINK_PATH,
	PEER_SINK_STRING,
	PEER_SINK_NO_ROOM, /* the terminator is written behind the buffer */
	PEER_SINK_ALLOC,
	PEER_SINK_COPY,
	PEER_SINK_INDEX,
	PEER_SINK_FILL, /* byte after byte, without an end */
	PEER_SINK_ZERO, /* less than it, and it may be 0 */
	PEER_SINK_STILL, /* a step by it, and it may be 0 */
	PEER_SINKS,
};

struct peer_hit {
	enum peer_sink sink;
	const struct function *fn;
	const struct item *item;
	struct pos at;
	const char *what;  /* as a reader writes it */
	const char *into;  /* buffer or array, or NULL */
	const struct item *source;     /* where this function read it, or NULL */
	const struct function *caller; /* who passed it, or NULL */
	struct pos loop_at; /* PEER_SINK_STILL: the loop */
	bool fixed;        /* `into` is an array */
	bool in_text; /* `what` is the text in which the number stands */
	bool counted;      /* up to a number that the peer gives */
	bool limited;      /* by how much has come, or by its type */
};

struct peer_walk {
	struct function *fn;
	struct peer_summary *summary;
	struct peer_value *state;
	struct peer_value *before; /* what it was in front of a branch */
	struct peer_value **in;  /* per block, or NULL */
	uint8_t *dirty;
	uint16_t *cleaned;       /* per place: kinds that some check took away */
	uint8_t *has_parts;      /* per place: it is the parent of another */
	int block;
	const struct item *item;
	bool telling;
	bool quiet;              /* what is taken away now, no check took */
	struct pos loop_at;      /* of the loop that a hit is in */
	struct arena *arena;
};

/* What a member of a class, or a global, holds between calls. */
struct peer_field {
	const char *type; /* or what declares the global */
	const char *name;
	uint16_t kinds, next;
	uint16_t checked;          /* some function looks for these */
	const struct function *by; /* the only one that does, or NULL */
};

enum { PEER_FIELDS = 4096 };

/* All of the program, once; then the hits. */
void peer_program(void);
extern struct peer_hit *peer_hits;
extern size_t n_peer_hits;
extern bool peer_has_pairs; /* somewhere bufferevent_pair_new() is called */

/* peer.c */
extern struct peer_field *peer_fields;
extern size_t n_peer_fields;
/* The entry for what outlives the function; NULL: it does not. */
struct peer_field *peer_field_of(const struct function *fn, int place);
/* A number of 16 bits or more is no text, and no pointer into any. */
void peer_fit(const struct function *fn, int place, struct peer_value *value);
extern const struct peer_value peer_nothing;
struct peer_value peer_place(const struct peer_walk *walk, int place);
struct peer_value peer_operand(const struct peer_walk *walk, const struct operand *operand);
void peer_set(struct peer_walk *walk, int place, struct peer_value value);
/* Adds to what the place holds; what was known of its parts is over. */
void peer_add(struct peer_walk *walk, int place, struct peer_value value);
void peer_join(struct peer_value *into, const struct peer_value *other);
bool peer_is_empty(const struct peer_value *value);
/* The place and what points into it is checked for these kinds. */
void peer_clean(struct peer_walk *walk, int place, uint16_t kinds, bool around);
/* The place alone, and nothing that points into it. */
void peer_clean_value(struct peer_walk *walk, int place, uint16_t kinds);
void peer_clean_operand(struct peer_walk *walk, const struct operand *operand, uint16_t kinds);
/* What some caller, or every caller, passes is counted in. */
uint16_t peer_resolve(const struct peer_walk *walk, const struct peer_value *value, bool every);
/* The kinds that a number, text or structure of that place's type would have. */
uint16_t peer_kinds_of(const struct function *fn, int place);
uint16_t peer_width(const char *type);
bool peer_is_pointer(const struct function *fn, const struct operand *o);
/* The variable behind casts and copies of it; a temporary, where there is none. */
int peer_variable(const struct function *fn, int place);
struct peer_summary *peer_summary_of(struct function *fn);
/* Notes what is wrong, in the last round, and takes it for checked from there on. */
void peer_hit(struct peer_walk *walk, enum peer_sink sink, const struct operand *operand, int into);
uint16_t peer_sink_kinds(enum peer_sink sink);
/* Whether the operand is wrong there; if it comes from an argument, the summary learns it. */
void peer_check(struct peer_walk *walk, enum peer_sink sink, const struct operand *operand,
		int into);
/* Where the memory begins that the operand points into. */
int peer_root_buffer(const struct peer_walk *walk, const struct operand *operand);

/* A class of C++ that ends its bytes itself; what nobody declares may be one. */
bool peer_is_string(const struct function *fn, int place);

/* rounds.c: the source belongs to a program that uses sockets. */
bool peer_uses_sockets(const struct function *fn);

/* target.c: a function of the project. */
void peer_target(struct peer_walk *walk, const struct call *call, struct peer_value *result);

/* fill.c: the item stores a byte of a peer; a call in front of it reads `size` of them. */
void peer_fills_element(struct peer_walk *walk, const struct item *item);
void peer_fills_read(struct peer_walk *walk, const struct operand *to, const struct operand *size);

/* zero.c: one side of a test; a call; a length or index; a step of a loop. */
void peer_sees_zero(struct peer_walk *walk, const struct item *test, int op);
void peer_asks_zero(struct peer_walk *walk, const struct call *call);
void peer_check_zero(struct peer_walk *walk, const struct operand *operand, int into);
void peer_steps(struct peer_walk *walk, const struct item *item);
/* call.c: what the call reads from may have a peer. */
bool peer_is_source(const struct peer_walk *walk, const struct call *call);

/* step.c: one item; and one side of a branch. */
void peer_step(struct peer_walk *walk, const struct item *item);
void peer_side(struct peer_walk *walk, const struct item *item, bool taken);
/* What the loop's turns looked at is checked when it is over. */
void peer_loop_checks(struct peer_walk *walk, int loop);
/* The number, and what it is made of, has an upper limit. */
void peer_bound(struct peer_walk *walk, const struct operand *operand, uint16_t kinds, int depth);

/* append(bytes, n), string(n, c): as many bytes as the number says. */
void peer_counted_text(struct peer_walk *walk, const struct call *call);
/* habit.c: methods, and functions that nothing is known of. */
void peer_method(struct peer_walk *walk, const struct call *call, struct peer_value *result);
void peer_unknown(struct peer_walk *walk, const struct call *call, struct peer_value *result);

bool peer_reads_own_pair(const struct peer_walk *walk);
/* The text of strtoul() and its like has an end for it, as a search has found. */
bool peer_number_ends(const struct peer_walk *walk, const struct operand *text);

/* format.c: the text that a call makes of its format's arguments, and sscanf(). */
struct peer_value peer_formats(struct peer_walk *walk, const struct call *call, int format);
int peer_format_argument(const struct call *call);
void peer_scans(struct peer_walk *walk, const struct call *call);
/* Which functions nobody defines are called with a format and what it asks for; once. */
void peer_formats_find(void);
void peer_foreign_format(struct peer_walk *walk, const struct call *call);
/* vnote(fmt, ap): its callers have what it is given. */
bool peer_takes_va_list(const struct function *fn);

/* call.c: what the item reads, with these kinds. */
struct peer_value peer_fresh(const struct peer_walk *walk, uint16_t kinds);
void peer_call(struct peer_walk *walk, const struct item *item);
/* What lies there is another text, with an end, and no peer's. */
void peer_written(struct peer_walk *walk, const struct operand *to);
/* The text is looked through for these; callers learn it too. */
void peer_note_check(struct peer_walk *walk, const struct operand *operand, uint16_t kinds);
/* Which kinds a search for this text or character checks for. */
uint16_t peer_sought(const struct operand *what);
/* Bytes come into the operand's memory, at most as many as `size` says. */
void peer_fill(struct peer_walk *walk, const struct operand *to, const struct operand *size,
	       struct peer_value value);
enum peer_room { PEER_ROOM_UNKNOWN, PEER_ROOM_LEFT, PEER_ROOM_NONE };
enum peer_room peer_room(const struct peer_walk *walk, const struct operand *size, int buffer);

#endif
