/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions to operands, conditions to branches. */

#include "model/lower.h"
#include "knowledge/kb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct operand operand_of_place(int place)
{
	return (struct operand){ .kind = OPERAND_PLACE, .place = place };
}

struct operand operand_number(int64_t number)
{
	return (struct operand){ .kind = OPERAND_NUMBER, .number = number };
}

struct operand operand_unknown(void)
{
	return (struct operand){ .kind = OPERAND_UNKNOWN };
}

bool lower_number(const char *s, size_t n, int64_t *value)
{
	char digits[72];
	size_t used = 0;
	char *end;

	for (size_t i = 0; i < n && used < sizeof(digits) - 1; i++)
		if (s[i] != '\'')
			digits[used++] = s[i];
	digits[used] = '\0';
	*value = (int64_t)strtoull(digits, &end, 0);
	if (end != digits && (*end == 'b' || *end == 'B') && digits[0] == '0')
		*value = (int64_t)strtoull(end + 1, &end, 2);
	return end != digits && !end[strspn(end, "uUlLzZ")];
}

void lower_assign(struct builder *b, int dst, struct operand value, TSNode node)
{
	struct item *item = build_item(b, ITEM_ASSIGN, node);

	item->dst = dst;
	item->a = value;
}

static struct operand lower_operate(struct builder *b, int dst, int op, struct operand left,
				    struct operand right, TSNode node)
{
	struct item *item;

	if (dst < 0)
		dst = build_temp(b);
	item = build_item(b, ITEM_OPERATE, node);
	item->dst = dst;
	item->op = (uint8_t)op;
	item->a = left;
	item->b = right;
	return operand_of_place(dst);
}

static void lower_initializer_element(struct builder *b, int dst, TSNode node, int number)
{
	TSNode value = node_field(b->tree, node, FIELD_value);
	TSNode designator = ts_node_named_child(node, 0);
	int part = -1;

	if (node_kind(b->tree, node) == NODE_initializer_pair && node_ok(value)) {
		TSNode name = ts_node_named_child(designator, 0);

		if (node_kind(b->tree, name) == NODE_field_identifier)
			part = build_part(b, PLACE_FIELD, dst, node_name(b->tree, name), 0);
		node = value;
	}
	if (part < 0)
		part = build_part(b, PLACE_INDEX, dst,
				  intern_z(arena_printf(b->scratch, "%d", number)), 0);
	if (node_kind(b->tree, node) == NODE_initializer_list)
		lower_initializer(b, part, node);
	else
		lower_assign(b, part, lower_expression(b, node), node);
}

void lower_initializer(struct builder *b, int dst, TSNode list)
{
	struct children children;

	if (++b->depth > LOWER_MAX_DEPTH) {
		b->depth--;
		return;
	}
	node_children(b->scratch, list, b->tree, &children);
	for (size_t i = 0; i < children.n && i < 64; i++)
		lower_initializer_element(b, dst, children.node[i], (int)i);
	b->depth--;
}

static int lower_place_identifier(struct builder *b, TSNode node)
{
	const char *name = node_name(b->tree, node);
	int place = build_lookup(b, name);

	return place >= 0 ? place : build_root(b, PLACE_FREE, name);
}

static int lower_place_field(struct builder *b, TSNode node)
{
	TSNode argument = node_field(b->tree, node, FIELD_argument);
	TSNode field = node_field(b->tree, node, FIELD_field);
	TSNode operator= node_field(b->tree, node, FIELD_operator);
	int parent = lower_place(b, argument);

	return build_part(b, PLACE_FIELD, parent, node_name(b->tree, field),
			  node_is_text(b->tree, operator, "->") ? PLACE_ARROW : 0);
}

static int lower_place_subscript(struct builder *b, TSNode node)
{
	int parent = lower_place(b, node_field(b->tree, node, FIELD_argument));
	TSNode index = node_field(b->tree, node, FIELD_index);
	struct operand operand;
	const char *name;

	if (!node_ok(index)) {
		TSNode indices = node_field(b->tree, node, FIELD_indices);

		index = node_ok(indices) ? ts_node_named_child(indices, 0) : indices;
	}
	operand = lower_expression(b, index);
	if (operand.kind == OPERAND_NUMBER)
		name = intern_z(arena_printf(b->scratch, "%lld", (long long)operand.number));
	else if (operand.kind == OPERAND_PLACE && b->places[operand.place].kind != PLACE_TEMP)
		name = b->places[operand.place].text;
	else
		name = intern_z("?");
	name = intern_z(name);
	lower_operate(b, build_temp(b), '[', operand_of_place(parent), operand, node);
	return build_part(b, PLACE_INDEX, parent, name, 0);
}

static int lower_place_at(struct builder *b, TSNode node)
{
	struct operand operand;
	int temp;

	switch (node_kind(b->tree, node)) {
	case NODE_identifier:
	case NODE_qualified_identifier:
	case NODE_field_identifier:
	case NODE_type_identifier:
		return lower_place_identifier(b, node);
	case NODE_this:
		return build_root(b, PLACE_THIS, intern_z("this"));
	case NODE_field_expression:
		return lower_place_field(b, node);
	case NODE_subscript_expression:
		return lower_place_subscript(b, node);
	case NODE_parenthesized_expression:
		if (node_count(node) == 1)
			return lower_place(b, ts_node_named_child(node, 0));
		break;
	case NODE_cast_expression:
		return lower_place(b, node_field(b->tree, node, FIELD_value));
	case NODE_pointer_expression:
		if (node_is_text(b->tree, node_field(b->tree, node, FIELD_operator), "*"))
			return build_part(b, PLACE_DEREF,
					  lower_place(b, node_field(b->tree, node, FIELD_argument)),
					  intern_z("*"), 0);
		break;
	default:
		break;
	}
	operand = lower_expression(b, node);
	if (operand.kind == OPERAND_PLACE)
		return operand.place;
	/* (&x)->f is x.f. */
	if (operand.kind == OPERAND_ADDRESS)
		return operand.place;
	temp = build_temp(b);
	lower_assign(b, temp, operand, node);
	return temp;
}

int lower_place(struct builder *b, TSNode node)
{
	int place;

	if (++b->depth > LOWER_MAX_DEPTH || !node_ok(node)) {
		if (b->depth > LOWER_MAX_DEPTH)
			b->fn->flags |= FUNCTION_CUT;
		place = build_temp(b);
	} else {
		place = lower_place_at(b, node);
	}
	b->depth--;
	return place;
}

static int lower_comparison(const struct tree *tree, TSNode operator)
{
	static const struct {
		const char *text;
		int op;
	} ops[] = { { "==", OP_EQ }, { "!=", OP_NE }, { "not_eq", OP_NE }, { "<", OP_LT },
		    { "<=", OP_LE }, { ">", OP_GT },  { ">=", OP_GE } };

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (node_is_text(tree, operator, ops[i].text))
			return ops[i].op;
	return OP_UNKNOWN;
}

/* A test whose value is wanted: 1 and 0 on two ways. */
static struct operand lower_test(struct builder *b, TSNode node)
{
	int then_block = build_block(b), else_block = build_block(b), after = build_block(b);
	int temp = build_temp(b);

	lower_condition(b, node, then_block, else_block);
	b->block = then_block;
	lower_assign(b, temp, operand_number(1), node);
	build_goto(b, after);
	b->block = else_block;
	lower_assign(b, temp, operand_number(0), node);
	build_goto(b, after);
	b->block = after;
	return operand_of_place(temp);
}

/*
 * x & FLAG has a place of its own, a part of x, so that who tests it twice gets one answer; -1: not
 * of that kind. graph.c forgets those that are tested once.
 */
static int lower_mask(struct builder *b, struct operand left, struct operand right)
{
	char name[100];
	int n = 0;

	if (left.kind != OPERAND_PLACE || b->places[left.place].kind == PLACE_TEMP ||
	    b->places[left.place].kind == PLACE_INDEX)
		return -1;
	if (right.kind == OPERAND_NUMBER)
		n = snprintf(name, sizeof(name), "&%lld", (long long)right.number);
	else if (right.kind == OPERAND_PLACE && b->places[right.place].kind == PLACE_FREE)
		n = snprintf(name, sizeof(name), "&%s", b->places[right.place].name);
	if (n <= 0 || n >= (int)sizeof(name))
		return -1;
	return build_part(b, PLACE_FIELD, left.place, intern_z(name), 0);
}

/* (SOCKET) -1, which the grammar takes for a difference: no variable has that name. */
static bool lower_is_cast_sign(struct builder *b, TSNode node)
{
	TSNode left = node_field(b->tree, node, FIELD_left);
	TSNode right = node_field(b->tree, node, FIELD_right), name;

	if (node_kind(b->tree, left) != NODE_parenthesized_expression ||
	    node_kind(b->tree, right) != NODE_number_literal ||
	    ts_node_start_byte(right) !=
		    ts_node_end_byte(node_field(b->tree, node, FIELD_operator)))
		return false;
	name = ts_node_named_child(left, 0);
	return node_kind(b->tree, name) == NODE_identifier &&
	       build_lookup(b, node_name(b->tree, name)) < 0 &&
	       lower_expression(b, right).kind == OPERAND_NUMBER;
}

static struct operand lower_binary(struct builder *b, TSNode node)
{
	TSNode operator= node_field(b->tree, node, FIELD_operator);
	size_t n;
	const char *s = node_text(b->tree, operator, & n);
	struct operand left, right;
	int64_t x, y;

	if (lower_comparison(b->tree, operator) || node_is_text(b->tree, operator, "&&") ||
	    node_is_text(b->tree, operator, "||"))
		return lower_test(b, node);
	if (*s == '-' && lower_is_cast_sign(b, node))
		return operand_number(
			-lower_expression(b, node_field(b->tree, node, FIELD_right)).number);
	left = lower_expression(b, node_field(b->tree, node, FIELD_left));
	right = lower_expression(b, node_field(b->tree, node, FIELD_right));
	if (left.kind == OPERAND_NUMBER && right.kind == OPERAND_NUMBER) {
		x = left.number;
		y = right.number;
		if (*s == '|')
			return operand_number(x | y);
		if (*s == '*' && !__builtin_mul_overflow(x, y, &x))
			return operand_number(x);
		if (*s == '+' && !__builtin_add_overflow(x, y, &x))
			return operand_number(x);
		if (*s == '-' && !__builtin_sub_overflow(x, y, &x))
			return operand_number(x);
	}
	return lower_operate(b, n == 1 && *s == '&' ? lower_mask(b, left, right) : -1, n ? *s : '?',
			     left, right, node);
}

static struct operand lower_assignment(struct builder *b, TSNode node)
{
	TSNode left = node_field(b->tree, node, FIELD_left);
	TSNode right = node_field(b->tree, node, FIELD_right);
	TSNode operator= node_field(b->tree, node, FIELD_operator);
	size_t n;
	const char *s = node_text(b->tree, operator, & n);
	struct operand value;
	int dst;

	if (node_kind(b->tree, right) == NODE_initializer_list) {
		dst = lower_place(b, left);
		lower_initializer(b, dst, right);
		return operand_of_place(dst);
	}
	value = lower_expression(b, right);
	dst = lower_place(b, left);
	/* GLOBAL(sock) = socket(…): nobody sees what the macro or function stands for. */
	if (node_kind(b->tree, left) == NODE_call_expression)
		dst = build_part(b, PLACE_DEREF, dst, intern_z("*"), 0);
	if (n == 1)
		lower_assign(b, dst, value, node);
	else
		lower_operate(b, dst, n ? *s : '?', operand_of_place(dst), value, node);
	return operand_of_place(dst);
}

static struct operand lower_update(struct builder *b, TSNode node)
{
	TSNode operator= node_field(b->tree, node, FIELD_operator);
	TSNode argument = node_field(b->tree, node, FIELD_argument);
	int dst = lower_place(b, argument), old;
	bool prefix = ts_node_start_byte(operator) < ts_node_start_byte(argument);
	bool plus = node_is_text(b->tree, operator, "++");

	if (prefix)
		return lower_operate(b, dst, plus ? '+' : '-', operand_of_place(dst),
				     operand_number(1), node);
	old = build_temp(b);
	lower_assign(b, old, operand_of_place(dst), node);
	lower_operate(b, dst, plus ? '+' : '-', operand_of_place(dst), operand_number(1), node);
	return operand_of_place(old);
}

static struct operand lower_unary(struct builder *b, TSNode node)
{
	TSNode operator= node_field(b->tree, node, FIELD_operator);
	TSNode argument = node_field(b->tree, node, FIELD_argument);
	struct operand value;

	if (node_is_text(b->tree, operator, "!") || node_is_text(b->tree, operator, "not"))
		return lower_test(b, node);
	value = lower_expression(b, argument);
	if (value.kind == OPERAND_NUMBER && node_is_text(b->tree, operator, "-") &&
	    value.number != INT64_MIN)
		return operand_number(-value.number);
	if (value.kind == OPERAND_NUMBER && node_is_text(b->tree, operator, "~"))
		return operand_number(~value.number);
	if (node_is_text(b->tree, operator, "+"))
		return value;
	if (node_is_text(b->tree, operator, "-"))
		return lower_operate(b, -1, '-', operand_number(0), value, node);
	return lower_operate(b, -1, '~', value, (struct operand){ 0 }, node);
}

static struct operand lower_ternary(struct builder *b, TSNode node)
{
	TSNode then_node = node_field(b->tree, node, FIELD_consequence);
	TSNode else_node = node_field(b->tree, node, FIELD_alternative);
	int then_block = build_block(b), else_block = build_block(b), after = build_block(b);
	int temp = build_temp(b);

	lower_condition(b, node_field(b->tree, node, FIELD_condition), then_block, else_block);
	b->block = then_block;
	if (node_ok(then_node))
		lower_assign(b, temp, lower_expression(b, then_node), then_node);
	build_goto(b, after);
	b->block = else_block;
	lower_assign(b, temp, lower_expression(b, else_node), else_node);
	build_goto(b, after);
	b->block = after;
	return operand_of_place(temp);
}

static struct operand lower_string(struct builder *b, TSNode node)
{
	size_t n;
	const char *s = node_text(b->tree, node, &n);
	struct operand o = { .kind = OPERAND_STRING };

	if (node_kind(b->tree, node) == NODE_concatenated_string) {
		o.text = intern(s, n < 4096 ? n : 4096);
		return o;
	}
	while (n && *s != '"') {
		s++;
		n--;
	}
	if (n >= 2)
		o.text = intern(s + 1, n - 2 < 4096 ? n - 2 : 4096);
	else
		o.text = intern_z("");
	return o;
}

/* What stands in an expression that is not understood is still evaluated. */
static struct operand lower_children(struct builder *b, TSNode node)
{
	struct children children;
	struct operand value = operand_unknown();

	node_children(b->scratch, node, b->tree, &children);
	for (size_t i = 0; i < children.n && i < 256; i++)
		value = lower_expression(b, children.node[i]);
	return children.n == 1 ? value : operand_unknown();
}

static struct operand lower_leaf(struct builder *b, TSNode node)
{
	size_t n;
	const char *s = node_text(b->tree, node, &n);
	int64_t number;
	struct operand o;

	switch (node_kind(b->tree, node)) {
	case NODE_number_literal:
		return lower_number(s, n, &number) ? operand_number(number) : operand_unknown();
	case NODE_char_literal:
		if (n == 4 && s[1] == '\\' && s[2] == '0')
			return operand_number(0);
		return n == 3 ? operand_number(s[1]) : operand_unknown();
	case NODE_true:
		return operand_number(1);
	case NODE_false:
		return operand_number(0);
	case NODE_null:
	case NODE_nullptr:
		return (struct operand){ .kind = OPERAND_NULL };
	case NODE_sizeof_expression:
		o = operand_unknown();
		o.text = node_name(b->tree, node);
		return o;
	default:
		return lower_string(b, node);
	}
}

static struct operand lower_pointer(struct builder *b, TSNode node)
{
	TSNode argument = node_field(b->tree, node, FIELD_argument);
	struct operand o;

	if (!node_is_text(b->tree, node_field(b->tree, node, FIELD_operator), "&"))
		return operand_of_place(lower_place(b, node));
	o = operand_of_place(lower_place(b, argument));
	o.kind = OPERAND_ADDRESS;
	/* &*p is p, &buf[0] is where buf begins. */
	if (b->places[o.place].kind == PLACE_DEREF ||
	    (b->places[o.place].kind == PLACE_INDEX && !strcmp(b->places[o.place].name, "0")))
		return operand_of_place(b->places[o.place].parent);
	return o;
}

static struct operand lower_compound_literal(struct builder *b, TSNode node)
{
	struct type_text type = lower_type(b->tree, node_field(b->tree, node, FIELD_type));
	int temp = build_temp(b);

	b->places[temp].type = type.name;
	lower_initializer(b, temp, node_field(b->tree, node, FIELD_value));
	return operand_of_place(temp);
}

/* ({ …; value; }) */
static struct operand lower_block_value(struct builder *b, TSNode node)
{
	struct operand value = operand_unknown();
	size_t n = b->n_variables;
	struct children children;

	node_children(b->scratch, node, b->tree, &children);
	for (size_t i = 0; i < children.n; i++) {
		TSNode last = ts_node_named_child(children.node[i], 0);

		if (i + 1 < children.n ||
		    node_kind(b->tree, children.node[i]) != NODE_expression_statement ||
		    b->block < 0) {
			lower_statement(b, children.node[i]);
			continue;
		}
		value = lower_expression(b, last);
		/* What names it dies with the block. */
		if (b->n_variables > n && value.kind == OPERAND_PLACE) {
			int temp = build_temp(b);

			b->places[temp].flags |= PLACE_VALUE;
			lower_assign(b, temp, value, last);
			value = operand_of_place(temp);
		}
	}
	build_leave(b, n, node, true);
	return value;
}

static struct operand lower_expression_at(struct builder *b, TSNode node)
{
	switch (node_kind(b->tree, node)) {
	case NODE_identifier:
	case NODE_qualified_identifier:
	case NODE_this:
	case NODE_field_expression:
	case NODE_subscript_expression:
		return operand_of_place(lower_place_at(b, node));
	case NODE_number_literal:
	case NODE_char_literal:
	case NODE_string_literal:
	case NODE_raw_string_literal:
	case NODE_concatenated_string:
	case NODE_true:
	case NODE_false:
	case NODE_null:
	case NODE_nullptr:
	case NODE_sizeof_expression:
		return lower_leaf(b, node);
	case NODE_pointer_expression:
		return lower_pointer(b, node);
	case NODE_call_expression:
		return lower_call(b, node);
	case NODE_new_expression:
		return lower_new(b, node);
	case NODE_delete_expression:
		lower_delete(b, node);
		return operand_unknown();
	case NODE_lambda_expression:
		return lower_lambda_expression(b, node);
	case NODE_binary_expression:
		return lower_binary(b, node);
	case NODE_assignment_expression:
		return lower_assignment(b, node);
	case NODE_update_expression:
		return lower_update(b, node);
	case NODE_unary_expression:
		return lower_unary(b, node);
	case NODE_conditional_expression:
		return lower_ternary(b, node);
	case NODE_cast_expression:
		return lower_expression(b, node_field(b->tree, node, FIELD_value));
	case NODE_compound_literal_expression:
		return lower_compound_literal(b, node);
	case NODE_comma_expression:
		lower_expression(b, node_field(b->tree, node, FIELD_left));
		return lower_expression(b, node_field(b->tree, node, FIELD_right));
	case NODE_initializer_list:
		lower_initializer(b, build_temp(b), node);
		return operand_unknown();
	case NODE_compound_statement:
		return lower_block_value(b, node);
	case NODE_parenthesized_expression:
	case NODE_co_await_expression:
	case NODE_OTHER:
	case NODE_ERROR:
		return lower_children(b, node);
	default:
		return operand_unknown();
	}
}

struct operand lower_expression(struct builder *b, TSNode node)
{
	struct operand value = operand_unknown();

	if (++b->depth > LOWER_MAX_DEPTH)
		b->fn->flags |= FUNCTION_CUT;
	else if (node_ok(node))
		value = lower_expression_at(b, node);
	b->depth--;
	return value;
}

/* ~flags & FLAG: flags & FLAG is zero, for a flag of one bit. */
static bool lower_condition_lacks(struct builder *b, TSNode node, int then_block, int else_block)
{
	TSNode left = node_field(b->tree, node, FIELD_left);
	struct operand x, y;
	int mask;

	if (!node_is_text(b->tree, node_field(b->tree, node, FIELD_operator), "&") ||
	    node_kind(b->tree, left) != NODE_unary_expression ||
	    !node_is_text(b->tree, node_field(b->tree, left, FIELD_operator), "~"))
		return false;
	x = lower_expression(b, node_field(b->tree, left, FIELD_argument));
	y = lower_expression(b, node_field(b->tree, node, FIELD_right));
	mask = lower_mask(b, x, y);
	x = lower_operate(b, mask, '&', x, y, node);
	build_branch(b, node, mask < 0 ? OP_UNKNOWN : OP_EQ, x, operand_number(0), then_block,
		     else_block);
	return true;
}

static void lower_condition_binary(struct builder *b, TSNode node, int then_block, int else_block)
{
	TSNode left = node_field(b->tree, node, FIELD_left);
	TSNode right = node_field(b->tree, node, FIELD_right);
	TSNode operator= node_field(b->tree, node, FIELD_operator);
	struct operand x, y;
	int middle;

	if (node_is_text(b->tree, operator, "&&") || node_is_text(b->tree, operator, "and")) {
		middle = build_block(b);
		lower_condition(b, left, middle, else_block);
		b->block = middle;
		lower_condition(b, right, then_block, else_block);
	} else if (node_is_text(b->tree, operator, "||") || node_is_text(b->tree, operator, "or")) {
		middle = build_block(b);
		lower_condition(b, left, then_block, middle);
		b->block = middle;
		lower_condition(b, right, then_block, else_block);
	} else if (lower_comparison(b->tree, operator)) {
		x = lower_expression(b, left);
		y = lower_expression(b, right);
		build_branch(b, node, lower_comparison(b->tree, operator), x, y, then_block,
			     else_block);
	} else if (!lower_condition_lacks(b, node, then_block, else_block)) {
		x = lower_expression(b, node);
		build_branch(b, node, OP_NE, x, operand_number(0), then_block, else_block);
	}
}

/* Where a condition's real test stands: under parentheses and macros that only hint. */
static TSNode lower_condition_inner(struct builder *b, TSNode node)
{
	static const char *const hints[] = { "likely",          "unlikely", "G_LIKELY",
					     "G_UNLIKELY",      "Q_LIKELY", "Q_UNLIKELY",
					     "__builtin_expect" };

	for (int i = 0; i < LOWER_MAX_DEPTH; i++) {
		enum node_kind kind = node_kind(b->tree, node);
		bool hint = false;

		for (size_t h = 0;
		     kind == NODE_call_expression && h < sizeof(hints) / sizeof(*hints); h++)
			hint |= node_is_text(b->tree, node_field(b->tree, node, FIELD_function),
					     hints[h]);
		if (hint)
			node = node_field(b->tree, node, FIELD_arguments);
		else if (kind != NODE_parenthesized_expression)
			break;
		/* __builtin_expect(x, 0) has the value that is likely behind it. */
		if (!node_count(node) || (!hint && node_count(node) != 1))
			break;
		node = ts_node_named_child(node, 0);
	}
	return node;
}

static void lower_condition_clause(struct builder *b, TSNode node, int then_block, int else_block)
{
	TSNode initializer = node_field(b->tree, node, FIELD_initializer);
	TSNode value = node_field(b->tree, node, FIELD_value);
	int place;

	if (node_ok(initializer))
		lower_sequence(b, initializer);
	if (node_kind(b->tree, value) != NODE_declaration) {
		lower_condition(b, value, then_block, else_block);
		return;
	}
	/* if (T *p = f()) */
	lower_declaration(b, value);
	place = b->n_variables ? b->variables[b->n_variables - 1].place : build_temp(b);
	build_branch(b, node, OP_NE, operand_of_place(place), operand_number(0), then_block,
		     else_block);
}

static void lower_condition_at(struct builder *b, TSNode node, int then_block, int else_block)
{
	TSNode operator;
	struct operand x;

	node = lower_condition_inner(b, node);
	operator= node_field(b->tree, node, FIELD_operator);
	switch (node_kind(b->tree, node)) {
	case NODE_condition_clause:
		lower_condition_clause(b, node, then_block, else_block);
		return;
	case NODE_binary_expression:
		lower_condition_binary(b, node, then_block, else_block);
		return;
	case NODE_unary_expression:
		if (node_is_text(b->tree, operator, "!") ||
		    node_is_text(b->tree, operator, "not")) {
			lower_condition(b, node_field(b->tree, node, FIELD_argument), else_block,
					then_block);
			return;
		}
		break;
	case NODE_comma_expression:
		lower_expression(b, node_field(b->tree, node, FIELD_left));
		lower_condition(b, node_field(b->tree, node, FIELD_right), then_block, else_block);
		return;
	default:
		break;
	}
	x = lower_expression(b, node);
	build_branch(b, node, x.kind == OPERAND_UNKNOWN ? OP_UNKNOWN : OP_NE, x, operand_number(0),
		     then_block, else_block);
}

void lower_condition(struct builder *b, TSNode node, int then_block, int else_block)
{
	if (++b->depth > LOWER_MAX_DEPTH || !node_ok(node)) {
		if (b->depth > LOWER_MAX_DEPTH)
			b->fn->flags |= FUNCTION_CUT;
		build_branch(b, node, OP_UNKNOWN, operand_unknown(), operand_unknown(), then_block,
			     else_block);
	} else {
		lower_condition_at(b, node, then_block, else_block);
	}
	b->depth--;
}
