/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_STATE_H
#define REVIEW_STATE_H

/*
 * What is known at one point of a function on one way to it.
 *
 * A state binds places to values; a value is an interval of numbers with, perhaps, the resource it
 * names and the call whose outcome it tells. A resource is the call that opens it, and in each
 * state a set of what may have become of it. Several states per block are kept apart, so that
 * `if (r < 0) goto out; … out: if (r < 0) close(fd);` is understood; past STATE_PER_BLOCK they are
 * joined, and what then differs is no longer known. Not known means: no finding.
 */

#include "model/query.h"

enum {
	STATE_BINDINGS = 160,
	STATE_RESOURCES = 64,
	STATE_PER_BLOCK = 24,
	STATE_STEPS = 3000,     /* blocks walked per function */
	STATE_ITEMS = 120000,   /* items walked per function */
};

/* What may have become of a resource. */
enum {
	RES_OPEN = 1 << 0,
	RES_FAILED = 1 << 1, /* it could not be opened */
	RES_CLOSED = 1 << 2,
	RES_TAKEN = 1 << 4,  /* handed over, if the call that took it succeeded */
	RES_CAUGHT = 1 << 5, /* it was open when an exception was caught */
	RES_ENDING = 1 << 6, /* closed, if the result of the call that may have done it says so */
	RES_CLOSING = 1 << 7, /* what it points to is in use until a callback runs */
	RES_GONE = 1 << 3,   /* handed over, stored, returned, or nobody knows */
};

enum {
	VALUE_NONZERO = 1 << 0,
	VALUE_CHECKED = 1 << 1,      /* some condition looked at it */
};

struct value {
	int64_t low, high;
	int64_t except;   /* another number that it is not, or 0 */
	int32_t status;   /* item number of the call whose outcome this tells, or -1 */
	int16_t resource; /* or -1 */
	uint16_t flags;
	int32_t is, isnt; /* 1 + the place of a constant that only has a name, and that it is or is not; or 0 */
};

struct binding {
	int32_t place;
	int32_t from;     /* item that gave the value, or -1 */
	struct value value;
};

struct state {
	int n;
	int n_resources;
	uint32_t hash;
	struct state *next;
	uint8_t bits[STATE_RESOURCES];
	uint8_t rare[STATE_RESOURCES]; /* 1: this way is one that hardly any run takes; see rare.h */
	/* 1 + the item that closed it on this way, or 0; it makes no difference to what is known. */
	int32_t closer[STATE_RESOURCES];
	/* 1 + the item that gave it to a holder that closes it, the negative of that if it does not, or 0. */
	int32_t holder[STATE_RESOURCES];
	struct binding bindings[STATE_BINDINGS];
};

struct resource {
	const struct item *site; /* the call that opens it; NULL: a parameter */
	const char *kind;        /* fd, file, addrinfo, object, … */
	const struct api *api;   /* of the opener; NULL: a function of the project */
	uint8_t fails;           /* enum fails, of the value that names it */
	int param;               /* number of the parameter that it is, or -1 */
	int place;               /* where it was stored first, or -1 */
	const struct item *taken;  /* the call that may have taken it, or NULL */
	uint8_t taken_fails;       /* enum fails of that call's result: then it did not */
	const struct item *kept_at; /* a way out on which a lock is held through it, or NULL */
	const struct item *closed; /* a place that closes it, or NULL */
	const struct item *closing; /* the call since which something in it is being closed, or NULL */
	const struct item *ending; /* the call that may have closed it, or NULL */
	uint8_t ending_fails;      /* enum fails of that call's result: then it did not */
	uint8_t sub;             /* number among those that the site opens */
	bool stored;             /* its site stores it through an argument */
	bool borrowed;           /* it came from elsewhere, where somebody else closes it */
	bool handled;            /* some way out closes it or hands it over */
	bool accepted;           /* comes from accept or nextPendingConnection */
};

enum loss_kind {
	LOSS_RETURN,      /* the function ends */
	LOSS_SCOPE,       /* its only name goes out of scope */
	LOSS_OVERWRITTEN, /* its only name gets another value */
	LOSS_DROPPED,     /* it never had a name */
	LOSS_THROW,
	LOSS_FREED,       /* the memory that holds its only name is freed */
};

/* A resource that is open, on one way, when nothing names it any more. */
struct loss {
	int resource;
	enum loss_kind kind;
	const struct item *item;
	bool caught;    /* on a way through a catch */
	bool rare;      /* on ways alone that hardly any run takes */
};

/* The results on the ways out of a function for which something holds, and on the others. */
struct flow_split {
	int64_t yes_low, yes_high, no_low, no_high;
	bool yes, no;
};

/* A member of a parameter, or of the object, that some way through the function may close. */
struct flow_member {
	int place;
	int parent; /* the parameter's place, or -1 */
	struct flow_split close; /* the results with which it is closed, and with which it is not */
};

enum { FLOW_MEMBERS = 12 };

enum use_kind {
	USE_AFTER_CLOSE,
	USE_CLOSE_AGAIN,
	USE_HELD,      /* it is closed by hand, and its holder closes it */
	USE_CLOSING,   /* it is freed while something in it is being closed */
	USE_FAILED,    /* it is known to have failed */
	USE_UNCHECKED, /* it may have failed, and no condition asked */
	USE_UNSET,     /* it is freed where what should have set it is known to have failed */
};

struct flow;

/*
 * Who listens to the walk. The rules do; nothing in here knows them.
 *
 *	loss      a resource is open and nothing names it any more; after the whole function was
 *	          walked, so that the resource's `closed` tells whether any way closes it
 *	use       a closed or failed resource is used
 *	call      a call is about to happen, once per state that reaches it
 *	function  the function was walked
 *	program   all functions were walked
 */
struct flow_listener {
	void (*loss)(struct flow *flow, const struct loss *loss);
	void (*use)(struct flow *flow, const struct item *item, int resource, enum use_kind kind);
	void (*call)(struct flow *flow, const struct item *item);
	void (*function)(struct function *fn);
	void (*program)(void);
};

/* One function while it is interpreted, as its listener sees it. */
struct flow {
	struct function *fn;
	const struct flow_listener *tell;
	struct state *state;     /* before the item */
	const struct item *item;
	int block;
	struct resource resources[STATE_RESOURCES];
	int n_resources;
	struct loss losses[128];
	int n_losses;
	struct loss again[64]; /* open at a `continue`; lost there if the next turn opens anew */
	int n_again;
	/* Private to flow.c: */
	struct arena *arena;
	struct state **queue;
	int *queue_block;
	size_t queue_n, queue_cap;
	struct state **seen;     /* per block */
	uint8_t *n_seen;
	struct state **joined;
	long steps, items;
	uint8_t exit_bits[STATE_RESOURCES]; /* of parameters, over all ways out */
	uint8_t exit_all[STATE_RESOURCES];
	uint8_t exit_closing[STATE_RESOURCES]; /* on all of them, something in it is being closed */
	struct flow_split fill[16]; /* something lies behind parameter i, or not */
	struct flow_split stale[16]; /* … or not, but the number of one that is closed, or not */
	struct flow_split keep[16]; /* somebody keeps parameter i, or not */
	struct flow_split present[16]; /* parameter i is neither -1 nor NULL, or it is */
	struct flow_split close[16]; /* parameter i is closed, or not */
	struct flow_split sign[16];  /* … is below 0, or not */
	bool untold[16];             /* on some way that is not known */
	struct flow_member members[FLOW_MEMBERS];
	int n_members;
};

extern const struct value value_unknown;

struct value value_number(int64_t number);
/* The value of a place, also by another name for the same memory. */
struct value state_place(const struct flow *flow, int place);
struct value state_operand(const struct flow *flow, const struct operand *operand);
/* The resource that an operand names, or -1. */
int state_resource(const struct flow *flow, const struct operand *operand);
bool state_is_constant(const struct flow *flow, const struct operand *operand, int64_t *number);

void state_bind(struct flow *flow, int place, struct value value, int from);
void state_unbind(struct state *state, int place);
/* Forgets every part of a place (its members, elements, pointee). */
void state_forget_parts(struct flow *flow, int place, bool itself);
bool state_is_named(const struct flow *flow, int resource, int except_place);
/* Narrows the value of an operand; false: no such value, this way does not exist. */
bool state_refine(struct flow *flow, const struct operand *operand, int op, int64_t number);
void state_escape(struct flow *flow, const struct operand *operand);
/* Somebody else has it too; what is closed stays closed. */
void state_give(struct flow *flow, int resource);
/* … unless `item` fails, which its result will tell. */
void state_lend(struct flow *flow, int resource, const struct item *item, uint8_t fails);
void state_escape_parts(struct flow *flow, int place);
/* Whoever has &p->member has p too; x[i] may be any x[0], x[1], …. */
void state_escape_around(struct flow *flow, const struct operand *operand);
void state_add_flags(struct flow *flow, int place, uint16_t flags);
void state_hash(struct state *state);
bool state_equal(const struct state *a, const struct state *b);
/* Makes `into` what holds in both; false if it held already. */
bool state_join(struct state *into, const struct state *other);

/* call.c */
bool flow_call(struct flow *flow, const struct item *item);
/* The resource that the item opens, fresh in this state; -1: no room. */
int flow_open(struct flow *flow, const struct item *item, const char *kind, const struct api *api,
	      uint8_t fails, int sub);
/* The item's resource number `sub`, or a new one; -1: no room. */
int flow_site(struct flow *flow, const struct item *item, int sub);

/* close.c */
/* free(), delete, or a function that does that to an argument: a pointer leads nowhere then. */
bool call_frees(const struct call *call);
void flow_close(struct flow *flow, const struct operand *o, const struct item *item);
void flow_closed(struct flow *flow, int resource, const struct item *item);
/* The item that closed it on the way that is walked, or NULL. */
const struct item *flow_closer(const struct flow *flow, int resource);
/*
 * On some ways the callee closes it, and its result tells on which; `sub` tells what else the same
 * call closes apart.
 */
void flow_may_close(struct flow *flow, const struct operand *o, const struct item *item,
		    uint8_t fails, int sub);
/* The memory that the operand points to, or lies in, is in use until a callback runs. */
void flow_is_closing(struct flow *flow, const struct operand *o, const struct item *item);

/* decide.c */
/* Narrows a place that is compared with a constant of which only the name is known; false: it cannot be. */
bool decide_named(struct flow *flow, const struct item *item, int op);
/* … and what it is when such a constant is assigned. */
void decide_assigned(struct flow *flow, const struct item *item, struct value *v);
/* Behind the last case of a switch there may be others. */
bool decide_leaves_out(struct flow *flow, const struct item *item);

/* side.c: narrows the state to one side of a branch; false: that side cannot be. */
bool flow_side(struct flow *flow, const struct item *item, bool taken);

/* store.c */
void flow_assign(struct flow *flow, const struct item *item);
void flow_operate(struct flow *flow, const struct item *item);
/* A variable leaves its scope, or comes to life again. */
void flow_dies(struct flow *flow, const struct item *item);
/* Temporaries are over. */
void flow_end_statement(struct flow *flow);

/* flow.c */
void flow_lose(struct flow *flow, int resource, enum loss_kind kind, const struct item *item);

/* summary.c, for flow.c: on a store, on each way out twice, and at the end. */
void flow_fills(struct flow *flow, int place, int resource);
void flow_summarise(struct flow *flow, const struct item *item);
void flow_summarise_params(struct flow *flow, struct value result, uint8_t returned);
void flow_summary_params(struct flow *flow);
void flow_split_add(struct flow_split *split, bool holds, struct value result);
/* Which results say that it does not hold; FAILS_UNKNOWN: they do not tell. */
uint8_t flow_split_fails(const struct flow_split *split);
/* Callers of a function with variants know what all of them do. */
void flow_agree(struct function *fn);

/* flow.c: walks a function, tells what it meets, fills its summary. */
void flow_function(struct function *fn, const struct flow_listener *tell, struct arena *arena);
/* All functions of the program, callees first. */
void flow_program(const struct flow_listener *tell, void (*progress)(size_t done, size_t all));


/* How a reader would name a resource: its variable, or what opened it. */
const char *resource_name(const struct flow *flow, int resource);
/* The function that opened it: socket(), new QLocalServer. */
const char *resource_origin(const struct flow *flow, int resource);

#endif
