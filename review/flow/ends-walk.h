/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_FLOW_ENDS_WALK_H
#define REVIEW_FLOW_ENDS_WALK_H

/* Private to ends.c (blocks, conditions), ends-call.c (what calls do) and ends-loop.c; see ends.h. */

#include "flow/ends.h"
#include "model/query.h"

enum {
	ENDS_PLACES = 16,
	ENDS_STEPS = 6000,
	ENDS_BLOCKS = 400, /* on one way */
	ENDS_STATES = 6,
	ENDS_EXITS = 32,
	ENDS_NAMES = 24,
	ENDS_DEPTH = 5,    /* of calls */
	ENDS_ASKED = 100,  /* questions about one function */
	ENDS_STILLS = 400, /* questions whether something stays as it is */
};

enum ends_kind {
	ENDS_NUMBER,
	ENDS_SAME,  /* as the place `number` */
	ENDS_EMPTY, /* a text without a character */
	ENDS_NOT,   /* another than `number` */
};

/* What is known on one way, in the order of the places. */
struct ends_known {
	int n;
	struct {
		int place;
		int kind;
		int64_t number;
	} of[ENDS_PLACES];
};

struct ends_seen {
	struct ends_known known;
	struct ends_seen *next;
};

enum { ENDS_RUN = 1 << 0, ENDS_CHANGED = 1 << 1, ENDS_RECEIVER = 1 << 15 };

/* Over all functions of one walk. */
struct ends_total {
	struct arena *arena;
	int steps, stills;
	int64_t gives; /* what a read of the stream gives */
	const char *names[ENDS_NAMES]; /* of members and globals that are assigned to */
	int n_names;
	bool all_names;
	bool unknown, touches, marks, leaves;
};

struct ends_exit {
	int block;
	const struct item *test;
	bool knows_a, knows_b; /* on each way the operand is a number that is known */
};

struct ends_walk {
	struct function *fn;
	struct ends_walk *outer; /* whose item `call` it is, or NULL */
	const struct item *call;
	struct ends_total *total;
	struct ends_function *does; /* NULL: a loop is walked */
	const struct item *read;    /* where a loop's walk began, or NULL */
	const struct item *wait;    /* the walk ends there, and where another stream is taken */
	bool frame;                 /* no peer has hung up: `read` just gives 0, or a place is 0 */
	int zero;
	int loop;
	int depth;
	uint8_t *did;    /* per item */
	uint16_t *wrote; /* per item: the arguments whose memory is other afterwards */
	struct ends_seen **seen; /* per block */
	struct ends_exit exits[ENDS_EXITS];
	int n_exits;
	bool again, leaves, returned;
	uint16_t wrote_params;
	/* What *parameter holds at all ends, when `out` has its bit. */
	uint16_t out, no_out;
	uint16_t emptied, not_emptied; /* parameters that are texts without a character then */
	int64_t outs[16];
};

void ends_set(struct ends_known *known, int place, enum ends_kind kind, int64_t number);
void ends_forget(struct ends_known *known, int place);
bool ends_number(const struct ends_known *known, const struct operand *o, int64_t *number);
bool ends_is_empty(const struct ends_known *known, const struct operand *o);
void ends_begin(struct ends_walk *walk);
void ends_run(struct ends_walk *walk, int block, int from, const struct ends_known *known);

/* ends-call.c: false: the way ends. */
bool ends_call(struct ends_walk *walk, struct ends_known *known, const struct item *item);
/* The function of the project at `item`, when its reads give that many bytes. */
void ends_target(struct function *fn, const struct item *item, int64_t gives,
		 struct ends_function *does, struct arena *arena);
/* Called from outside, with nothing known. */
void ends_enter(struct function *fn, struct ends_function *does, struct arena *arena);
/* The same for a walk that begins behind such a call: what it leaves behind. */
void ends_apply(struct ends_walk *walk, struct ends_known *known, const struct item *item);
void ends_note_out(struct ends_walk *walk, const struct ends_known *known, int param);
bool ends_is_pure(const struct call *call);
/* The descriptor of some read of the function. */
bool ends_reads_from(const struct ends_walk *walk, int place);
/* Argument number `arg` of the read names what is read from. */
bool ends_names_stream(const struct function *fn, const struct item *read, int arg);
void ends_changes_name(struct ends_total *total, const char *name);
/* What the loop reads from is another stream after that. */
bool ends_moves_on(const struct ends_walk *walk, const struct item *item);
bool ends_name_changed(const struct ends_total *total, const char *name);

#endif
