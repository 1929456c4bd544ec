/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_IR_H
#define REVIEW_IR_H

/*
 * The form that C and C++ functions are lowered into.
 *
 * A function is a graph of blocks; a block is a list of items in the order of evaluation; an item
 * is one call, assignment, operator, declaration, end of a variable's life, branch, return or
 * throw, with the position in the source that it came from. Short-circuit operators, ?: and tests
 * whose value is stored are branches in the graph, so that whoever walks it sees one comparison at
 * a time. A switch is a chain of comparisons.
 *
 * What can be assigned to is a place: a variable, a member or element of a place, what a place
 * points to, or a temporary. p->f and (*p).f are one place; names that the function does not
 * declare are PLACE_FREE roots (members of the class, globals or macros: the index knows which).
 * An #ifdef is a branch on a PLACE_CONFIG root, so two blocks under one condition are seen together
 * or not at all.
 */

#include "base/base.h"

struct source;
struct function;
struct api;
struct type_info;
struct peer_summary;

enum place_kind {
	PLACE_LOCAL,
	PLACE_PARAM,
	PLACE_FREE,
	PLACE_CAPTURE, /* a local of the function around a lambda */
	PLACE_THIS,
	PLACE_TEMP,
	PLACE_CONFIG,
	PLACE_FIELD,
	PLACE_DEREF,
	PLACE_INDEX,
};

enum {
	PLACE_ARROW = 1 << 0,   /* a field reached through a pointer */
	PLACE_STATIC = 1 << 1,
	PLACE_AUTO = 1 << 2,    /* released at the end of its scope, by an attribute or its class */
	PLACE_ARRAY = 1 << 3,
	PLACE_REF = 1 << 4,
	PLACE_CONST = 1 << 5,
	PLACE_SMART = 1 << 6,   /* an owning class template */
	PLACE_INIT = 1 << 7,    /* declared with an initialiser */
	PLACE_EXTERN = 1 << 8,
	PLACE_THREAD = 1 << 10, /* thread_local */
	PLACE_VALUE = 1 << 11,  /* a temporary: what ({ … }) gives, after its variables are gone */
};

struct place {
	uint8_t kind;
	uint16_t flags;
	uint8_t stars;      /* of the declared type */
	int parent;         /* of a field, element or pointee; -1 for a root */
	int param;          /* number from 0 of a parameter */
	const char *name;
	const char *text;   /* as a reader would write it: s->fd */
	const char *type;   /* last component of the declared type's name, or NULL */
	const char *of;     /* first template argument of the type, or NULL */
	int64_t size;       /* elements of an array, 0 when not a number */
	struct pos at;
	/* Filled when all files are known: */
	bool is_number;     /* a macro or enumerator with the value `size` */
	bool is_member;     /* a free name that is a member of the function's class */
	bool is_global;
};

enum operand_kind {
	OPERAND_NONE,
	OPERAND_UNKNOWN,
	OPERAND_NUMBER,
	OPERAND_STRING,
	OPERAND_PLACE,
	OPERAND_ADDRESS, /* &place */
	OPERAND_LAMBDA,
	OPERAND_NULL,
};

struct operand {
	uint8_t kind;
	int place;
	int64_t number;
	const char *text;       /* of a string: its content; of others: the source, or NULL */
	struct function *lambda;
};

enum item_kind {
	ITEM_STATEMENT, /* a statement begins: temporaries are over */
	ITEM_DECLARE,   /* dst comes to life */
	ITEM_DIES,      /* dst leaves its scope */
	ITEM_ASSIGN,    /* dst = a */
	ITEM_OPERATE,   /* dst = a op b, and dst op= b, and ++ */
	ITEM_CALL,      /* dst = call */
	ITEM_BRANCH,    /* if (a op b) next[0] else next[1]; op 0: nobody knows */
	ITEM_RETURN,    /* a, or OPERAND_NONE */
	ITEM_THROW,
	ITEM_AGAIN,     /* continue */
	ITEM_CATCH,     /* control comes from somewhere inside a try */
};

enum {
	OP_UNKNOWN = 0,
	OP_EQ = 1,
	OP_NE,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	/* The others are the characters of the operator: '+', '&', '<' for <<, '>' for >>. */
};

/* The comparison that holds where this one does not; OP_UNKNOWN of any other operator. */
static inline int op_negate(int op)
{
	static const uint8_t negated[] = { OP_UNKNOWN, OP_NE, OP_EQ, OP_GE, OP_GT, OP_LE, OP_LT };

	return op <= OP_GE ? negated[op] : OP_UNKNOWN;
}

/* … that says the same with its sides exchanged. */
static inline int op_mirror(int op)
{
	static const uint8_t mirror[] = { OP_UNKNOWN, OP_EQ, OP_NE, OP_GT, OP_GE, OP_LT, OP_LE };

	return op <= OP_GE ? mirror[op] : OP_UNKNOWN;
}

enum {
	CALL_NEW = 1 << 0,      /* new T(args) */
	CALL_DELETE = 1 << 1,   /* delete args[0] */
	CALL_CONSTRUCT = 1 << 2,/* T v(args): dst is v */
	CALL_DROPPED = 1 << 3,  /* a statement of its own: the result is not used */
	CALL_VOID = 1 << 4,     /* cast to void */
	CALL_INDIRECT = 1 << 5, /* through a pointer or an expression */
	CALL_CAPTURE = 1 << 6,  /* a lambda takes args */
};

struct call {
	const char *name;
	const char *scope;       /* T in T::name(), "" in ::name(), NULL */
	struct operand receiver; /* of a method call */
	struct operand *args;
	int n_args;
	uint16_t flags;
	const char *type;        /* of new and of constructions */
	const char *of;
	struct pos *arg_at;
	const char *text;        /* with its macros replaced, if there were any in the file */
	uint32_t n_text;
	/* Filled when all files are known: */
	const char *receiver_type;
	const struct api *api;
	struct function *target;
	bool counted;            /* as one that nobody knows */
	bool ends;               /* nobody defines it, and by its name it does not come back */
};

struct item {
	uint8_t kind;
	uint8_t op;
	bool implicit; /* a return or the end of a life at the closing brace; the last test of a switch without default */
	uint8_t decided; /* private to flow/decide.c and flow/rare.c */
	int next;      /* in its block, or -1 */
	int block;
	int dst;       /* place, or -1 */
	struct pos at;
	struct pos end;
	struct operand a;
	struct operand b;
	struct call *call;
};

struct block {
	int first, last; /* items, or -1 */
	int next[2];     /* blocks, or -1 */
	int loop;        /* innermost loop of the source text, or -1 */
	bool back;       /* a backward edge leads here */
	int enter, leave; /* numbers of a depth-first walk; 0: never entered */
};

enum loop_kind { LOOP_WHILE, LOOP_DO, LOOP_FOR, LOOP_EACH, LOOP_GOTO };

struct loop {
	uint8_t kind;
	bool bounded;  /* over the elements of something */
	bool forever;  /* for (;;), while (1) */
	int header;    /* block */
	int body;      /* first block of the body */
	int exit;      /* block after it */
	int parent;
	struct pos at;
	struct pos end;
	const char *condition; /* source text, or NULL */
	uint8_t *member; /* one byte per block: belongs to the loop; see loop_members() */
};

enum {
	FUNCTION_STATIC = 1 << 0,
	FUNCTION_LAMBDA = 1 << 1,
	FUNCTION_CONSTRUCTOR = 1 << 2,
	FUNCTION_DESTRUCTOR = 1 << 3,
	FUNCTION_MAIN = 1 << 4,
	FUNCTION_CUT = 1 << 5,     /* too deep or too large: not understood */
	FUNCTION_ERRORS = 1 << 6,  /* some statements of it could not be parsed */
	FUNCTION_POINTER = 1 << 8, /* returns a pointer */
	FUNCTION_VOID = 1 << 9,
	FUNCTION_VARIADIC = 1 << 10,
	FUNCTION_ELSEWHERE = 1 << 11, /* for another system than Linux */
};

enum { FUNCTION_VARIANTS = 8 };

/* What a caller needs to know of a function of the project; see flow/summary.c. */
enum {
	SUMMARY_CLOSES = 1 << 0,       /* closes the argument on every way out */
	SUMMARY_MAY_CLOSE = 1 << 1,
	SUMMARY_KEEPS = 1 << 2,        /* stores it, or gives it to somebody */
	SUMMARY_FILLS = 1 << 3,        /* stores a fresh resource behind the argument */
	SUMMARY_CLOSING = 1 << 6,      /* some closing of it goes on when the call returns */
	SUMMARY_FREES = 1 << 5,        /* what the argument points to is no memory any more then */
	SUMMARY_ASKS = 1 << 4,         /* some condition looks at it */
	SUMMARY_STALE = 1 << 7,        /* a failure may leave the number of one that it has closed */
};

/* A part of an argument, p->name, or a member of the object (param -1); see flow/parts.h. */
struct part {
	int param;
	uint8_t does;
	uint8_t close_fails; /* enum fails: when the result says that it was not closed */
	const char *name;
};

struct summary {
	struct part *parts;
	const char *holds_in; /* the member in which the result holds holds_param; NULL: as a stream does */
	int n_parts;
	bool done;
	bool may_return;
	bool never_returns;   /* whatever its calls of itself do; known before it is walked */
	bool waits;           /* somewhere inside, if only for nothing */
	bool blocks;          /* … and time can pass */
	bool has_range;
	int64_t low, high;    /* of the result */
	bool shares;          /* on some way the result is also kept by somebody */
	bool returns_other;   /* some way gives something else than the argument returns_param */
	bool can_fail;        /* some way out gives a negative number, NULL or false */
	uint8_t param[16];
	const char *opens;    /* kind of fresh resource that the result is, or NULL */
	const struct api *opener;
	uint8_t fails;        /* enum fails of the result */
	const struct api *answers; /* the result is what a call of this gave, or says that it failed */
	bool answers_several; /* … of several, or of something else on some way */
	const char *fills[16];
	uint8_t fill_fails;   /* enum fails: when the result says that nothing was filled in */
	uint8_t keep_fails[16]; /* enum fails: when the result says that it was not kept */
	uint8_t absent_fails[16]; /* enum fails: when the result says that it is -1 or NULL */
	uint8_t close_fails[16]; /* enum fails: … that it was not closed */
	int8_t returns_param; /* the result is this argument, or -1 */
	int8_t holds_param;   /* the result closes this argument when it is closed itself, or -1 */
	bool holds_several;   /* … on some ways, or one or the other */
	int8_t tells_param;   /* the result is below 0 exactly if this argument is, or -1 */
};

struct function;

/* A call of a function of the project. */
struct call_site {
	struct function *fn; /* that makes it */
	const struct item *item;
};

struct function {
	const char *name;
	const char *class_name; /* or NULL */
	const char *label;      /* for messages: Class::name */
	struct source *source;
	const char *return_type;
	struct function *outer; /* of a lambda */
	struct place *places;
	struct item *items;
	struct block *blocks;
	struct loop *loops;
	int *params;            /* places */
	int *set_last;          /* per place: the last item that sets it, or -1; see defuse.c */
	int *set_before;        /* per item that sets a place: the one before, or -1 */
	struct call_site *callers; /* all calls of it, in the order of the program; callers.c */
	struct function **variants; /* definitions of it in other files, which may be the one */
	struct peer_summary *peer; /* private to peer/peer.c */
	uint8_t *reached;       /* per item: some state came by; filled by the interpreter */
	struct pos at;          /* of the name */
	struct pos end;         /* closing brace */
	struct summary summary;
	int n_places;
	int n_items;
	int n_blocks;
	int n_loops;
	int n_params;
	int n_variants;
	int n_callers;
	uint16_t flags;
	bool interesting;       /* calls something that the knowledge or a summary speaks of */
	uint32_t reach;         /* private to model/reach.c */
	uint8_t unused;         /* private to model/unused.c */
	uint8_t order;          /* private to flow/order.c */
	uint8_t reads_stream;   /* private to rules/end.c */
	uint8_t ends_asked;     /* private to flow/ends-loop.c */
	uint16_t ends_if;       /* private to model/ends-if.c */
	uint8_t ends_contents; /* private to rules/containers-end.c */
	uint8_t overridden;     /* private to flow/contract.c: 1 no, 2 by a method of a derived class */
	int8_t closes_all;      /* private to rules/inherit.c: 1 yes, -1 no, 0 not asked yet */
	int8_t blocks_if;       /* private to model/descriptor.c, likewise */
	bool skipped;           /* ran into the interpreter's limit */
};

static inline struct place *place_root(const struct function *fn, int place)
{
	while (fn->places[place].parent >= 0)
		place = fn->places[place].parent;
	return &fn->places[place];
}

static inline bool operand_is_place(const struct operand *o, int place)
{
	return o->kind == OPERAND_PLACE && o->place == place;
}

static inline bool operand_is_number(const struct operand *o, int64_t *number)
{
	*number = o->kind == OPERAND_NUMBER ? o->number : 0;
	return o->kind == OPERAND_NUMBER || o->kind == OPERAND_NULL;
}

/* Dies with the function: a variable of it, or a part of such a variable. */
bool place_is_local(const struct function *fn, int place);
/* The text of an index speaks of that variable: i + 1 of i. */
bool place_name_has(const char *name, const char *variable);
bool place_is_within(const struct function *fn, int place, int ancestor);
/* Adds the loops that backward gotos make; called once after lowering. */
void graph_finish(struct function *fn, struct arena *arena);

#endif
