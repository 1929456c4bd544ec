/* SPDX-License-Identifier: Apache-2.0 */
/* Statements to blocks. */

#include "model/lower.h"
#include "read/macro.h"
#include "read/source.h"

#include <stdlib.h>
#include <string.h>

/* The cases of one switch, found while its body is lowered and compared in front of it. */
struct cases {
	struct {
		TSNode value; /* null: default */
		int block;
	} * list;
	size_t n, cap;
};

static void stmt_body(struct builder *b, TSNode node)
{
	size_t n = b->n_variables;

	lower_statement(b, node);
	build_leave(b, n, node, true);
}

void lower_sequence(struct builder *b, TSNode node)
{
	struct children children;

	node_children(b->scratch, node, b->tree, &children);
	for (size_t i = 0; i < children.n; i++) {
		lower_statement(b, children.node[i]);
		if (b->block >= 0 && lower_is_not_reached(b, children.node[i]))
			b->block = -1;
	}
}

/* Every name in there may be anything afterwards. */
static void stmt_unknown_names(struct builder *b, struct call *call, TSNode node)
{
	struct children children;
	int place;

	if (node_kind(b->tree, node) == NODE_identifier) {
		place = build_lookup(b, node_name(b->tree, node));
		if (place < 0)
			return;
		build_argument(b, call, operand_of_place(place), node);
		build_argument(b, call, (struct operand){ .kind = OPERAND_ADDRESS, .place = place },
			       node);
		return;
	}
	if (++b->depth < LOWER_MAX_DEPTH) {
		node_children(b->scratch, node, b->tree, &children);
		for (size_t i = 0; i < children.n; i++)
			stmt_unknown_names(b, call, children.node[i]);
	}
	b->depth--;
}

/* SCOPE_EXIT { … }: neither what is wrong in it nor what is right follows from reading it. */
static void stmt_unknown(struct builder *b, TSNode node)
{
	struct call *call = build_callee(intern_z("(unknown block)"));

	call->flags = CALL_CAPTURE;
	stmt_unknown_names(b, call, node_field(b->tree, node, FIELD_consequence));
	build_call(b, call, node, -1);
	program.unknown_blocks += !b->fn->source->context;
}

static void stmt_if(struct builder *b, TSNode node)
{
	TSNode alternative = node_field(b->tree, node, FIELD_alternative);
	int then_block = build_block(b), after = build_block(b);
	int else_block = node_ok(alternative) ? build_block(b) : after;
	size_t n = b->n_variables;

	lower_condition(b, node_field(b->tree, node, FIELD_condition), then_block, else_block);
	b->block = then_block;
	stmt_body(b, node_field(b->tree, node, FIELD_consequence));
	build_goto(b, after);
	if (node_ok(alternative)) {
		b->block = else_block;
		stmt_body(b, alternative);
		build_goto(b, after);
	}
	b->block = after;
	build_leave(b, n, node, true);
}

static int stmt_loop(struct builder *b, enum loop_kind kind, TSNode node, TSNode condition)
{
	struct loop *loop;

	b->loops = grow(b->loops, b->n_loops, &b->cap_loops, sizeof(*b->loops));
	loop = &b->loops[b->n_loops];
	*loop = (struct loop){ .kind = (uint8_t)kind,
			       .header = -1,
			       .parent = b->loop,
			       .at = node_pos(b->tree, node),
			       .end = node_end(b->tree, node) };
	if (node_ok(condition))
		loop->condition = node_name(b->tree, condition);
	return (int)b->n_loops++;
}

/* while (1), while (true) and for (;;). */
static bool stmt_is_forever(struct builder *b, TSNode condition)
{
	int64_t value;
	size_t n;
	const char *s;

	for (int i = 0; i < 8; i++) {
		enum node_kind kind = node_kind(b->tree, condition);

		if (kind == NODE_condition_clause)
			condition = node_field(b->tree, condition, FIELD_value);
		else if (kind == NODE_parenthesized_expression)
			condition = ts_node_named_child(condition, 0);
		else
			break;
	}
	if (!node_ok(condition))
		return true;
	s = node_text(b->tree, condition, &n);
	return node_kind(b->tree, condition) == NODE_true ||
	       node_is_text(b->tree, condition, "TRUE") ||
	       (node_kind(b->tree, condition) == NODE_number_literal &&
		lower_number(s, n, &value) && value);
}

static struct jump stmt_enter_loop(struct builder *b, int break_to, int continue_to, int loop)
{
	struct jump saved = b->jump;

	b->jump = (struct jump){ break_to, continue_to, b->n_variables, b->n_variables };
	b->loop = loop;
	return saved;
}

static void stmt_leave_loop(struct builder *b, struct jump saved, int loop, int after)
{
	b->jump = saved;
	b->loop = b->loops[loop].parent;
	b->block = after;
}

static void stmt_each_arguments(struct builder *b, struct call *call, TSNode node)
{
	struct children children;

	if (node_kind(b->tree, node) == NODE_identifier)
		build_argument(
			b, call,
			(struct operand){ .kind = OPERAND_ADDRESS, .place = lower_place(b, node) },
			node);
	if (++b->depth < LOWER_MAX_DEPTH) {
		node_children(b->scratch, node, b->tree, &children);
		for (size_t i = 0; i < children.n && i < 8; i++)
			stmt_each_arguments(b, call, children.node[i]);
	}
	b->depth--;
}

/* A macro that heads a loop gives its variables new values in each turn. */
static void stmt_each_turn(struct builder *b, TSNode condition)
{
	struct call *call = build_callee(intern_z("each"));

	stmt_each_arguments(b, call, condition);
	build_call(b, call, condition, -1);
}

static void stmt_while(struct builder *b, TSNode node)
{
	TSNode condition = node_field(b->tree, node, FIELD_condition);
	int after = build_block(b);
	int loop = stmt_loop(b, LOOP_WHILE, node, condition);
	size_t n = b->n_variables;
	int header, body;
	struct jump saved;

	b->loop = loop;
	header = build_block(b);
	body = build_block(b);
	b->loops[loop].header = header;
	b->loops[loop].body = body;
	b->loops[loop].exit = after;
	b->loops[loop].bounded = shape_is_each(b->tree, ts_node_start_byte(node));
	b->loops[loop].forever = stmt_is_forever(b, condition);
	build_goto(b, header);
	b->block = header;
	build_item(b, ITEM_STATEMENT, condition);
	saved = stmt_enter_loop(b, after, header, loop);
	if (b->loops[loop].bounded)
		build_branch(b, condition, OP_UNKNOWN, lower_expression(b, condition),
			     operand_unknown(), body, after);
	else
		lower_condition(b, condition, body, after);
	b->block = body;
	if (b->loops[loop].bounded)
		stmt_each_turn(b, condition);
	stmt_body(b, node_field(b->tree, node, FIELD_body));
	build_goto(b, header);
	stmt_leave_loop(b, saved, loop, after);
	build_leave(b, n, node, true);
}

/* do { … } while (0) is a block that can be left, and no loop. */
static bool stmt_do_once(struct builder *b, TSNode node)
{
	TSNode condition = node_field(b->tree, node, FIELD_condition);
	struct jump saved = b->jump;
	int64_t value;
	int after;
	size_t n;
	const char *s;

	for (int i = 0; i < 4 && node_kind(b->tree, condition) == NODE_parenthesized_expression;
	     i++)
		condition = ts_node_named_child(condition, 0);
	if (!node_ok(condition))
		return false;
	s = node_text(b->tree, condition, &n);
	if (node_kind(b->tree, condition) != NODE_false &&
	    !node_is_text(b->tree, condition, "FALSE") && !(lower_number(s, n, &value) && !value))
		return false;
	after = build_block(b);
	b->jump = (struct jump){ after, after, b->n_variables, b->n_variables };
	stmt_body(b, node_field(b->tree, node, FIELD_body));
	b->jump = saved;
	build_goto(b, after);
	b->block = after;
	return true;
}

static void stmt_do(struct builder *b, TSNode node)
{
	TSNode condition = node_field(b->tree, node, FIELD_condition);
	int after = build_block(b);
	int loop = stmt_loop(b, LOOP_DO, node, condition);
	int header, test;
	struct jump saved;

	b->loop = loop;
	header = build_block(b);
	test = build_block(b);
	b->loops[loop].header = header;
	b->loops[loop].body = header;
	b->loops[loop].exit = after;
	b->loops[loop].forever = stmt_is_forever(b, condition);
	build_goto(b, header);
	b->block = header;
	saved = stmt_enter_loop(b, after, test, loop);
	stmt_body(b, node_field(b->tree, node, FIELD_body));
	build_goto(b, test);
	b->block = test;
	build_item(b, ITEM_STATEMENT, condition);
	lower_condition(b, condition, header, after);
	stmt_leave_loop(b, saved, loop, after);
}

static void stmt_for(struct builder *b, TSNode node)
{
	TSNode initializer = node_field(b->tree, node, FIELD_initializer);
	TSNode condition = node_field(b->tree, node, FIELD_condition);
	TSNode update = node_field(b->tree, node, FIELD_update);
	int after = build_block(b);
	int loop, header, body, latch;
	size_t n = b->n_variables;
	struct jump saved;

	if (node_kind(b->tree, initializer) == NODE_declaration)
		lower_declaration(b, initializer);
	else if (node_ok(initializer))
		lower_dropped(b, initializer);
	loop = stmt_loop(b, LOOP_FOR, node, condition);
	b->loop = loop;
	header = build_block(b);
	body = build_block(b);
	latch = build_block(b);
	b->loops[loop].header = header;
	b->loops[loop].body = body;
	b->loops[loop].exit = after;
	b->loops[loop].forever = stmt_is_forever(b, condition);
	build_goto(b, header);
	b->block = header;
	build_item(b, ITEM_STATEMENT, node_ok(condition) ? condition : node);
	saved = stmt_enter_loop(b, after, latch, loop);
	if (node_ok(condition))
		lower_condition(b, condition, body, after);
	else
		build_goto(b, body);
	b->block = body;
	stmt_body(b, node_field(b->tree, node, FIELD_body));
	build_goto(b, latch);
	b->block = latch;
	build_item(b, ITEM_STATEMENT, node_ok(update) ? update : node);
	if (node_ok(update))
		lower_dropped(b, update);
	build_goto(b, header);
	stmt_leave_loop(b, saved, loop, after);
	build_leave(b, n, node, true);
}

static void stmt_each(struct builder *b, TSNode node)
{
	TSNode declarator = node_field(b->tree, node, FIELD_declarator), function, name;
	struct type_text type = lower_type(b->tree, node_field(b->tree, node, FIELD_type));
	struct operand range = lower_expression(b, node_field(b->tree, node, FIELD_right));
	int after = build_block(b);
	int loop = stmt_loop(b, LOOP_EACH, node, (TSNode){ 0 });
	size_t n = b->n_variables;
	int header, body, place;
	struct jump saved;
	int64_t size;

	b->loop = loop;
	header = build_block(b);
	body = build_block(b);
	b->loops[loop].header = header;
	b->loops[loop].body = body;
	b->loops[loop].exit = after;
	b->loops[loop].bounded = true;
	build_goto(b, header);
	b->block = header;
	build_branch(b, node, OP_UNKNOWN, range, operand_unknown(), body, after);
	b->block = body;
	saved = stmt_enter_loop(b, after, header, loop);
	name = lower_declarator(b->tree, declarator, &type, &size, &function);
	if (node_kind(b->tree, name) == NODE_identifier) {
		place = build_variable(b, node_name(b->tree, name), &type, PLACE_LOCAL, name);
		build_item(b, ITEM_DECLARE, name)->dst = place;
		lower_assign(b, place, operand_unknown(), name);
	}
	stmt_body(b, node_field(b->tree, node, FIELD_body));
	build_leave(b, n, node, true);
	build_goto(b, header);
	stmt_leave_loop(b, saved, loop, after);
}

static void stmt_case(struct builder *b, TSNode node)
{
	TSNode value = node_field(b->tree, node, FIELD_value);
	struct children children;
	int block = build_block(b);

	if (b->cases) {
		b->cases->list =
			grow(b->cases->list, b->cases->n, &b->cases->cap, sizeof(*b->cases->list));
		b->cases->list[b->cases->n].value = value;
		b->cases->list[b->cases->n++].block = block;
	}
	build_goto(b, block);
	b->block = block;
	node_children(b->scratch, node, b->tree, &children);
	for (size_t i = 0; i < children.n; i++)
		if (!node_ok(value) || !ts_node_eq(children.node[i], value))
			lower_statement(b, children.node[i]);
}

static void stmt_dispatch(struct builder *b, const struct cases *cases, struct operand on,
			  TSNode node, int after)
{
	int fallback = after;

	for (size_t i = 0; i < cases->n; i++) {
		int next;

		if (!node_ok(cases->list[i].value)) {
			fallback = cases->list[i].block;
			continue;
		}
		next = build_block(b);
		build_branch(b, node, OP_EQ, on, lower_expression(b, cases->list[i].value),
			     cases->list[i].block, next);
		b->block = next;
	}
	if (fallback == after && b->n_items && b->items[b->n_items - 1].kind == ITEM_BRANCH)
		b->items[b->n_items - 1].implicit = true;
	build_goto(b, fallback);
}

static void stmt_switch(struct builder *b, TSNode node)
{
	struct cases cases = { 0 }, *outer = b->cases;
	struct jump saved = b->jump;
	int after = build_block(b), dispatch = build_block(b), temp;
	TSNode condition = node_field(b->tree, node, FIELD_condition);
	struct operand on;
	size_t n = b->n_variables;

	on = lower_expression(b, node_kind(b->tree, condition) == NODE_condition_clause
					 ? node_field(b->tree, condition, FIELD_value)
					 : condition);
	if (on.kind != OPERAND_PLACE) {
		temp = build_temp(b);
		lower_assign(b, temp, on, node);
		on = operand_of_place(temp);
	}
	build_goto(b, dispatch);
	b->cases = &cases;
	b->jump.break_to = after;
	b->jump.break_variables = b->n_variables;
	stmt_body(b, node_field(b->tree, node, FIELD_body));
	build_goto(b, after);
	b->block = dispatch;
	stmt_dispatch(b, &cases, on, condition, after);
	b->block = after;
	b->cases = outer;
	b->jump = saved;
	build_leave(b, n, node, true);
	free(cases.list);
}

static void stmt_return(struct builder *b, TSNode node)
{
	TSNode value = ts_node_named_child(node, 0);
	struct operand o = { 0 };
	struct item *item;

	if (node_kind(b->tree, value) == NODE_initializer_list) {
		int temp = build_temp(b);

		lower_initializer(b, temp, value);
		o = operand_of_place(temp);
	} else if (node_ok(value) && node_kind(b->tree, value) != NODE_comment) {
		o = lower_expression(b, value);
	}
	item = build_item(b, ITEM_RETURN, node);
	item->a = o;
	b->block = -1;
}

static void stmt_throw(struct builder *b, TSNode node)
{
	if (node_count(node))
		lower_expression(b, ts_node_named_child(node, 0));
	build_item(b, ITEM_THROW, node);
	if (b->catch_to >= 0)
		build_goto(b, b->catch_to);
	b->block = -1;
}

static void stmt_catch(struct builder *b, TSNode node, int after, bool last)
{
	int handler = build_block(b), next = last ? handler : build_block(b);
	size_t n = b->n_variables;

	build_branch(b, node, OP_UNKNOWN, operand_unknown(), operand_unknown(), handler, next);
	b->block = handler;
	build_item(b, ITEM_CATCH, node);
	stmt_body(b, node_field(b->tree, node, FIELD_body));
	build_leave(b, n, node, true);
	build_goto(b, after);
	b->block = last ? -1 : next;
}

/* fclose(f): the C library throws nothing. */
static bool stmt_is_plain_close(const struct builder *b, TSNode node)
{
	static const char *const words[] = { "close",    "fclose",   "free",   "pclose",
					     "closedir", "shutdown", "unlink", "freeaddrinfo" };
	TSNode function = node_field(b->tree, node, FIELD_function);

	if (node_kind(b->tree, node) != NODE_call_expression || !node_ok(function))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (node_is_text(b->tree, function, words[i]))
			return true;
	return false;
}

/* delete p; p = nullptr; done = true: no exception comes from it. */
static bool stmt_is_quiet(struct builder *b, TSNode node)
{
	TSNode inner = ts_node_named_child(node, 0), right;

	if (node_kind(b->tree, node) == NODE_comment)
		return true;
	if (node_kind(b->tree, node) != NODE_expression_statement || !node_ok(inner))
		return false;
	if (node_kind(b->tree, inner) == NODE_delete_expression || stmt_is_plain_close(b, inner))
		return true;
	if (node_kind(b->tree, inner) != NODE_assignment_expression)
		return false;
	right = node_field(b->tree, inner, FIELD_right);
	switch (node_kind(b->tree, right)) {
	case NODE_number_literal:
	case NODE_true:
	case NODE_false:
	case NODE_null:
	case NODE_nullptr:
		return true;
	default:
		return false;
	}
}

static void stmt_may_throw(struct builder *b, TSNode node, int handlers)
{
	int next = build_block(b);

	build_branch(b, node, OP_UNKNOWN, operand_unknown(), operand_unknown(), next, handlers);
	b->block = next;
}

/* The body up to its last quiet statements, then the way to the handlers, then these. */
static void stmt_try_body(struct builder *b, TSNode body, int handlers)
{
	struct children children;
	size_t n = b->n_variables, quiet;

	node_children(b->scratch, body, b->tree, &children);
	quiet = children.n;
	while (quiet > 0 && stmt_is_quiet(b, children.node[quiet - 1]))
		quiet--;
	for (size_t i = 0; i < quiet; i++)
		lower_statement(b, children.node[i]);
	/* What the body declares is over where a handler begins. */
	if (b->n_variables != n || b->block < 0) {
		for (size_t i = quiet; i < children.n; i++)
			lower_statement(b, children.node[i]);
		build_leave(b, n, body, true);
		if (b->block >= 0)
			stmt_may_throw(b, body, handlers);
		return;
	}
	stmt_may_throw(b, body, handlers);
	for (size_t i = quiet; i < children.n; i++)
		lower_statement(b, children.node[i]);
}

/*
 * An exception may come from anywhere in the body. Only two of these ways are followed: before its
 * first statement and after its last that can throw, so a resource that the body opens and closes
 * is not thought to be lost in between.
 */
static void stmt_try(struct builder *b, TSNode node)
{
	int handlers = build_block(b), body = build_block(b), after = build_block(b);
	int saved = b->catch_to;
	struct children children;

	build_branch(b, node, OP_UNKNOWN, operand_unknown(), operand_unknown(), body, handlers);
	b->block = body;
	b->catch_to = handlers;
	stmt_try_body(b, node_field(b->tree, node, FIELD_body), handlers);
	b->catch_to = saved;
	if (b->block >= 0)
		build_goto(b, after);
	b->block = handlers;
	node_children(b->scratch, node, b->tree, &children);
	/* The last handler is taken to catch all the rest. */
	for (size_t i = 0; i < children.n; i++)
		if (node_kind(b->tree, children.node[i]) == NODE_catch_clause)
			stmt_catch(b, children.node[i], after, i + 1 == children.n);
	if (b->block >= 0)
		build_goto(b, after);
	b->block = after;
}

static void stmt_jump(struct builder *b, TSNode node, int to, size_t n_variables)
{
	build_leave(b, n_variables, node, false);
	if (to >= 0)
		build_goto(b, to);
	b->block = -1;
}

static void stmt_label(struct builder *b, TSNode node)
{
	TSNode label = node_field(b->tree, node, FIELD_label);
	int block = build_label(b, node_name(b->tree, label));
	struct children children;

	b->blocks[block].loop = b->loop;
	build_goto(b, block);
	b->block = block;
	node_children(b->scratch, node, b->tree, &children);
	for (size_t i = 0; i < children.n; i++)
		if (!ts_node_eq(children.node[i], label))
			lower_statement(b, children.node[i]);
}

/* #if CONDITION is a test of a place that never changes. */
static struct operand stmt_config(struct builder *b, TSNode node, bool *negated)
{
	TSNode name = node_field(b->tree, node, FIELD_name);
	TSNode condition = node_field(b->tree, node, FIELD_condition);
	int told = -1;
	size_t n;
	const char *s = node_text(b->tree, node, &n);
	int64_t value;

	*negated = n > 7 && !memcmp(s, "#ifndef", 7);
	if (node_ok(name)) {
		s = node_text(b->tree, name, &n);
		told = condition_defined(s, n, b->tree->source);
	} else if (node_ok(condition)) {
		s = node_text(b->tree, condition, &n);
		told = condition_value(s, n, b->tree->source);
	}
	if (told >= 0)
		return operand_number(told);
	if (node_ok(name))
		return operand_of_place(build_root(b, PLACE_CONFIG, node_name(b->tree, name)));
	if (node_kind(b->tree, condition) == NODE_unary_expression) {
		condition = node_field(b->tree, condition, FIELD_argument);
		*negated = true;
	}
	if (node_kind(b->tree, condition) == NODE_preproc_defined)
		condition = ts_node_named_child(condition, 0);
	if (!node_ok(condition))
		return operand_unknown();
	s = node_text(b->tree, condition, &n);
	if (lower_number(s, n, &value))
		return operand_number(value);
	return operand_of_place(build_root(b, PLACE_CONFIG, node_name(b->tree, condition)));
}

static void stmt_preproc_body(struct builder *b, TSNode node)
{
	struct children children;
	TSNode name = node_field(b->tree, node, FIELD_name);
	TSNode condition = node_field(b->tree, node, FIELD_condition);
	TSNode alternative = node_field(b->tree, node, FIELD_alternative);

	node_children(b->scratch, node, b->tree, &children);
	for (size_t i = 0; i < children.n; i++)
		if (!(node_ok(name) && ts_node_eq(children.node[i], name)) &&
		    !(node_ok(condition) && ts_node_eq(children.node[i], condition)) &&
		    !(node_ok(alternative) && ts_node_eq(children.node[i], alternative)))
			lower_statement(b, children.node[i]);
}

static void stmt_preproc(struct builder *b, TSNode node)
{
	TSNode alternative = node_field(b->tree, node, FIELD_alternative);
	bool negated;
	struct operand on = stmt_config(b, node, &negated);
	int then_block = build_block(b), else_block = build_block(b), after = build_block(b);
	size_t from = b->twin_from, to = b->twin_to, n = b->n_variables;

	build_branch(b, node,
		     on.kind == OPERAND_UNKNOWN ? OP_UNKNOWN
		     : negated                  ? OP_EQ
						: OP_NE,
		     on, operand_number(0), then_block, else_block);
	b->block = then_block;
	stmt_preproc_body(b, node);
	build_goto(b, after);
	b->block = else_block;
	b->twin_from = n;
	b->twin_to = b->n_variables;
	if (node_kind(b->tree, alternative) == NODE_preproc_else)
		stmt_preproc_body(b, alternative);
	else if (node_ok(alternative))
		lower_statement(b, alternative);
	b->twin_from = from;
	b->twin_to = to;
	build_goto(b, after);
	b->block = after;
}

static void stmt_compound(struct builder *b, TSNode node)
{
	size_t n = b->n_variables;

	lower_sequence(b, node);
	build_leave(b, n, node, true);
}

/* RETURN_INT_COMMENT(0, ("…")); or RETURN_FALSE; of a macro that cannot be seen: it leaves the function. */
static void stmt_dropped(struct builder *b, TSNode node)
{
	TSNode value = ts_node_named_child(node, 0);
	const char *name = NULL;

	if (node_kind(b->tree, value) == NODE_identifier)
		name = node_name(b->tree, value);
	else if (node_kind(b->tree, value) == NODE_call_expression)
		name = node_name(b->tree, node_field(b->tree, value, FIELD_function));
	lower_dropped(b, value);
	if (!name || !name_returns(name) || b->block < 0)
		return;
	build_item(b, ITEM_RETURN, node)->a = operand_unknown();
	b->block = -1;
}

/* What could not be parsed is still looked through for statements and calls. */
static void stmt_error(struct builder *b, TSNode node)
{
	b->fn->flags |= FUNCTION_ERRORS;
	lower_sequence(b, node);
}

static void stmt_simple(struct builder *b, TSNode node, enum node_kind kind)
{
	build_item(b, ITEM_STATEMENT, node);
	switch (kind) {
	case NODE_declaration:
		lower_declaration(b, node);
		break;
	case NODE_return_statement:
	case NODE_co_return_statement:
		stmt_return(b, node);
		break;
	case NODE_throw_statement:
		stmt_throw(b, node);
		break;
	case NODE_expression_statement:
		stmt_dropped(b, node);
		break;
	case NODE_break_statement:
		stmt_jump(b, node, b->jump.break_to, b->jump.break_variables);
		break;
	case NODE_continue_statement:
		build_item(b, ITEM_AGAIN, node);
		stmt_jump(b, node, b->jump.continue_to, b->jump.continue_variables);
		break;
	case NODE_goto_statement:
		build_goto(b, build_label(b, node_name(b->tree,
						       node_field(b->tree, node, FIELD_label))));
		break;
	default:
		lower_dropped(b, node);
	}
}

static void lower_statement_at(struct builder *b, TSNode node)
{
	enum node_kind kind = node_kind(b->tree, node);

	switch (kind) {
	case NODE_compound_statement:
	case NODE_declaration_list:
		stmt_compound(b, node);
		break;
	case NODE_else_clause:
	case NODE_attributed_statement:
	case NODE_init_statement:
		lower_sequence(b, node);
		break;
	case NODE_if_statement:
		build_item(b, ITEM_STATEMENT, node);
		if (shape_is_unknown(b->tree, ts_node_start_byte(node)))
			stmt_unknown(b, node);
		else
			stmt_if(b, node);
		break;
	case NODE_while_statement:
		stmt_while(b, node);
		break;
	case NODE_do_statement:
		if (!stmt_do_once(b, node))
			stmt_do(b, node);
		break;
	case NODE_for_statement:
		build_item(b, ITEM_STATEMENT, node);
		stmt_for(b, node);
		break;
	case NODE_for_range_loop:
		build_item(b, ITEM_STATEMENT, node);
		stmt_each(b, node);
		break;
	case NODE_switch_statement:
		build_item(b, ITEM_STATEMENT, node);
		stmt_switch(b, node);
		break;
	case NODE_case_statement:
		stmt_case(b, node);
		break;
	case NODE_labeled_statement:
		stmt_label(b, node);
		break;
	case NODE_try_statement:
		stmt_try(b, node);
		break;
	case NODE_preproc_if:
	case NODE_preproc_ifdef:
	case NODE_preproc_elif:
	case NODE_preproc_elifdef:
		stmt_preproc(b, node);
		break;
	case NODE_ERROR:
		stmt_error(b, node);
		break;
	case NODE_preproc_def:
	case NODE_preproc_function_def:
	case NODE_preproc_include:
	case NODE_preproc_call:
	case NODE_type_definition:
	case NODE_using_declaration:
	case NODE_alias_declaration:
	case NODE_statement_identifier:
	case NODE_struct_specifier:
	case NODE_enum_specifier:
	case NODE_comment:
		break;
	default:
		stmt_simple(b, node, kind);
	}
}

void lower_statement(struct builder *b, TSNode node)
{
	if (!node_ok(node))
		return;
	if (++b->depth > LOWER_MAX_DEPTH)
		b->fn->flags |= FUNCTION_CUT;
	else
		lower_statement_at(b, node);
	b->depth--;
}
