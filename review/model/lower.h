/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_LOWER_H
#define REVIEW_LOWER_H

/*
 * From syntax trees to ir.h. A builder makes one function; expressions give operands, conditions
 * give branches, statements give blocks. Nothing here knows what any function means.
 *
 * The tree is the input's shape, so recursion on it has a limit; what lies deeper is an unknown
 * operand or an empty statement, and the function is marked as cut.
 */

#include "model/index.h"
#include "read/parse.h"

enum {
	LOWER_MAX_DEPTH = 300,
	LOWER_MAX_ITEMS = 20000,
	LOWER_MAX_BLOCKS = 6000,
	LOWER_MAX_PLACES = 4000,
};

struct type_text {
	const char *name;
	const char *of;
	uint8_t stars;
	uint16_t flags;
};

struct variable {
	const char *name;
	int place;
};

struct jump {
	int break_to, continue_to; /* blocks, or -1 */
	size_t break_variables, continue_variables;
};

struct label {
	const char *name;
	int block;
};

struct builder {
	struct tree *tree;
	struct function *fn;
	struct builder *outer;       /* of a lambda */
	struct arena *scratch;
	int block;                   /* where items go; -1: unreachable so far */
	int depth;
	int loop;
	TSNode dropped;              /* the call whose result nothing takes */
	bool dropped_to_void;

	struct place *places;
	size_t n_places, cap_places;
	struct item *items;
	size_t n_items, cap_items;
	struct block *blocks;
	size_t n_blocks, cap_blocks;
	struct loop *loops;
	size_t n_loops, cap_loops;
	struct variable *variables;  /* in scope, innermost last */
	size_t n_variables, cap_variables;
	struct label *labels;
	size_t n_labels, cap_labels;
	int *params;
	size_t n_params, cap_params;
	int *captures;               /* outer places that a lambda uses */
	size_t n_captures, cap_captures;
	int place_table[512];        /* first place of a hash chain, or -1 */
	int *place_next;
	size_t cap_place_next;
	struct jump jump;
	int catch_to;                /* block of the handlers, or -1 */
	struct cases *cases;         /* of the switch around */
	size_t twin_from, twin_to;   /* variables of the other branch of an #if */
};

/* lower-build.c: blocks, items, places. */
int build_block(struct builder *b);
struct item *build_item(struct builder *b, enum item_kind kind, TSNode node);
void build_goto(struct builder *b, int block);
/* Ends the block with a branch. */
void build_branch(struct builder *b, TSNode node, int op, struct operand left, struct operand right,
		  int then_block, int else_block);
int build_root(struct builder *b, enum place_kind kind, const char *name);
int build_part(struct builder *b, enum place_kind kind, int parent, const char *name,
	       uint16_t flags);
int build_temp(struct builder *b);
int build_variable(struct builder *b, const char *name, const struct type_text *type,
		   enum place_kind kind, TSNode node);
int build_lookup(struct builder *b, const char *name);
void build_leave(struct builder *b, size_t n_variables, TSNode node, bool forget);
int build_label(struct builder *b, const char *name);
struct call *build_callee(const char *name);
/* The item comes after those of its arguments. */
void build_call(struct builder *b, struct call *call, TSNode node, int dst);
void build_argument(struct builder *b, struct call *call, struct operand operand, TSNode node);
void build_finish(struct builder *b);

/* lower-expr.c */
struct operand lower_expression(struct builder *b, TSNode node);
/* The place that an expression names; what is none becomes a temporary. */
int lower_place(struct builder *b, TSNode node);
/* lower-call.c */
struct operand lower_call(struct builder *b, TSNode node);
/* An expression that is a statement. */
void lower_dropped(struct builder *b, TSNode node);
struct operand lower_new(struct builder *b, TSNode node);
void lower_delete(struct builder *b, TSNode node);
struct operand lower_lambda_expression(struct builder *b, TSNode node);
void lower_condition(struct builder *b, TSNode node, int then_block, int else_block);
void lower_arguments(struct builder *b, struct call *call, TSNode list);
struct operand operand_of_place(int place);
struct operand operand_number(int64_t number);
struct operand operand_unknown(void);
/* dst = { … }: members and elements one by one. */
void lower_initializer(struct builder *b, int dst, TSNode list);
void lower_assign(struct builder *b, int dst, struct operand value, TSNode node);
bool lower_number(const char *s, size_t n, int64_t *value);

/* lower-decl.c */
struct type_text lower_type(const struct tree *tree, TSNode node);
/* lower.c: the name of a structure or union whose members a function declares; NULL: it does not. */
const char *lower_local_type(struct tree *tree, TSNode node);
TSNode lower_declarator(const struct tree *tree, TSNode node, struct type_text *type,
			int64_t *size, TSNode *function);
void lower_declaration(struct builder *b, TSNode node);
void lower_parameters(struct builder *b, TSNode list);
void lower_old_parameter(struct builder *b, TSNode declaration);
void lower_old_parameters(struct builder *b, TSNode definition);
void declare_file(struct tree *tree, TSNode node, const struct type_text *type,
		  struct type_info *owner);

/* lower-stmt.c */
/* The comment behind it says nothing but NOTREACHED: it does not come back. */
bool lower_is_not_reached(const struct builder *b, TSNode node);
void lower_statement(struct builder *b, TSNode node);
void lower_sequence(struct builder *b, TSNode node);

/* lower.c */
struct function *lower_lambda(struct builder *outer, TSNode node, struct operand **captures,
			      int *n_captures);
/* ending.c: the macro that has the name, which nobody defines, leaves the function. */
bool name_returns(const char *name);

#endif
