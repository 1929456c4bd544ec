/* SPDX-License-Identifier: Apache-2.0 */
/* Calls, new, delete and lambdas. */

#include "model/lower.h"

#include <stdlib.h>
#include <string.h>

struct call *build_callee(const char *name)
{
	struct call *call = arena_alloc(&run_arena, sizeof(*call));

	call->name = name;
	return call;
}

void lower_arguments(struct builder *b, struct call *call, TSNode list)
{
	struct children children;

	node_children(b->scratch, list, b->tree, &children);
	for (size_t i = 0; i < children.n; i++)
		build_argument(b, call, lower_expression(b, children.node[i]), children.node[i]);
}

/* Name and template argument of f, f<T>, of the last part of a::f<T>. */
static void lower_callee_name(struct builder *b, struct call *call, TSNode node)
{
	TSNode arguments = node_field(b->tree, node, FIELD_arguments);
	TSNode name = node_field(b->tree, node, FIELD_name);

	switch (node_kind(b->tree, node)) {
	case NODE_template_function:
	case NODE_template_method:
	case NODE_template_type:
		call->name = node_name(b->tree, name);
		if (node_ok(arguments) && node_count(arguments))
			call->of = lower_type(b->tree, ts_node_named_child(arguments, 0)).name;
		break;
	case NODE_dependent_name:
		lower_callee_name(b, call, ts_node_named_child(node, 0));
		break;
	default:
		call->name = node_name(b->tree, node);
	}
}

static void lower_callee_qualified(struct builder *b, struct call *call, TSNode node)
{
	for (int i = 0; i < 16 && node_kind(b->tree, node) == NODE_qualified_identifier; i++) {
		TSNode scope = node_field(b->tree, node, FIELD_scope);

		call->scope = node_ok(scope) ? node_name(b->tree, scope) : intern_z("");
		node = node_field(b->tree, node, FIELD_name);
	}
	lower_callee_name(b, call, node);
}

static void lower_callee_field(struct builder *b, struct call *call, TSNode node)
{
	TSNode argument = node_field(b->tree, node, FIELD_argument);
	TSNode field = node_field(b->tree, node, FIELD_field);

	call->receiver = operand_of_place(lower_place(b, argument));
	if (node_kind(b->tree, field) == NODE_qualified_identifier)
		lower_callee_qualified(b, call, field);
	else
		lower_callee_name(b, call, field);
	if (b->tree->source->language == SOURCE_C)
		call->flags |= CALL_INDIRECT;
}

static void lower_callee(struct builder *b, struct call *call, TSNode node)
{
	int place;

	switch (node_kind(b->tree, node)) {
	case NODE_identifier:
		call->name = node_name(b->tree, node);
		place = build_lookup(b, call->name);
		if (place >= 0) {
			call->flags |= CALL_INDIRECT;
			call->receiver = operand_of_place(place);
		}
		break;
	case NODE_field_expression:
		lower_callee_field(b, call, node);
		break;
	case NODE_qualified_identifier:
		lower_callee_qualified(b, call, node);
		break;
	case NODE_template_function:
		lower_callee_name(b, call, node);
		break;
	case NODE_parenthesized_expression:
		/* (close)(fd) keeps a macro of that name away. */
		if (node_count(node) == 1 &&
		    node_kind(b->tree, ts_node_named_child(node, 0)) == NODE_identifier) {
			lower_callee(b, call, ts_node_named_child(node, 0));
			break;
		}
		__attribute__((fallthrough));
	default:
		call->flags |= CALL_INDIRECT;
		call->name = intern_z("(…)");
		call->receiver = operand_of_place(lower_place(b, node));
	}
}

static bool lower_is_cast(const struct call *call)
{
	static const char *const casts[] = { "static_cast",  "reinterpret_cast", "const_cast",
					     "dynamic_cast", "qobject_cast",     "move",
					     "forward" };

	for (size_t i = 0; call->n_args == 1 && i < sizeof(casts) / sizeof(*casts); i++)
		if (!strcmp(call->name, casts[i]))
			return i < 5 || (call->scope && !strcmp(call->scope, "std"));
	/* GLib's macros: G_IO_STREAM(connection), G_UNLIKELY(…), but not G_IS_…(). */
	return call->n_args == 1 && !call->receiver.kind && starts_with(call->name, "G_") &&
	       !starts_with(call->name, "G_IS_") &&
	       !call->name[strspn(call->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")];
}

/* The call that is a statement of its own: nothing takes the result. */
static uint16_t lower_call_use(const struct builder *b, TSNode node)
{
	if (!node_ok(b->dropped) || !ts_node_eq(b->dropped, node))
		return 0;
	return b->dropped_to_void ? CALL_DROPPED | CALL_VOID : CALL_DROPPED;
}

void lower_dropped(struct builder *b, TSNode node)
{
	bool to_void = false;

	for (int i = 0; i < LOWER_MAX_DEPTH; i++) {
		enum node_kind kind = node_kind(b->tree, node);

		if (kind == NODE_cast_expression &&
		    node_is_text(b->tree, node_field(b->tree, node, FIELD_type), "void")) {
			to_void = true;
			node = node_field(b->tree, node, FIELD_value);
		} else if (kind == NODE_parenthesized_expression && node_count(node) == 1) {
			node = ts_node_named_child(node, 0);
		} else {
			break;
		}
	}
	if (node_kind(b->tree, node) == NODE_comma_expression && b->depth < LOWER_MAX_DEPTH) {
		b->depth++;
		lower_dropped(b, node_field(b->tree, node, FIELD_left));
		lower_dropped(b, node_field(b->tree, node, FIELD_right));
		b->depth--;
		return;
	}
	b->dropped = node;
	b->dropped_to_void = to_void;
	lower_expression(b, node);
	b->dropped = (TSNode){ 0 };
}

/* assert(x) and its relatives: if (!x) the program, or the test, ends. */
static bool lower_assert(struct builder *b, TSNode function, TSNode node)
{
	static const struct {
		const char *name;
		bool negated;
	} names[] = { { "assert", false },           { "g_assert", false },
		      { "Q_ASSERT", false },         { "assert_true", false },
		      { "assert_false", true },      { "g_assert_true", false },
		      { "g_assert_false", true },    { "ASSERT_TRUE", false },
		      { "ASSERT_FALSE", true },      { "assert_non_null", false },
		      { "g_assert_nonnull", false }, { "assert_null", true },
		      { "g_assert_null", true } };
	TSNode arguments = node_field(b->tree, node, FIELD_arguments);
	int holds, fails;

	if (node_kind(b->tree, function) != NODE_identifier || node_count(arguments) != 1)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!node_is_text(b->tree, function, names[i].name))
			continue;
		holds = build_block(b);
		fails = build_block(b);
		lower_condition(b, ts_node_named_child(arguments, 0),
				names[i].negated ? fails : holds, names[i].negated ? holds : fails);
		b->block = fails;
		build_call(b, build_callee(intern_z("__assert_fail")), node, -1);
		build_goto(b, holds);
		b->block = holds;
		return true;
	}
	return false;
}

/* __typeof(*p) looks at the type alone: nothing in it is evaluated. */
static bool lower_is_typeof(const struct builder *b, TSNode function)
{
	static const char *const words[] = { "typeof",   "__typeof",    "__typeof__",
					     "decltype", "__alignof__", "offsetof" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (node_is_text(b->tree, function, words[i]))
			return true;
	return false;
}

struct operand lower_call(struct builder *b, TSNode node)
{
	TSNode function = node_field(b->tree, node, FIELD_function);
	TSNode arguments = node_field(b->tree, node, FIELD_arguments);
	struct call *call = build_callee(NULL);
	int dst;

	if (lower_assert(b, function, node) || lower_is_typeof(b, function))
		return operand_unknown();
	if (node_kind(b->tree, function) == NODE_primitive_type)
		return lower_expression(b, ts_node_named_child(arguments, 0));
	lower_callee(b, call, function);
	if (!call->name)
		call->name = intern_z("(…)");
	lower_arguments(b, call, arguments);
	if (lower_is_cast(call))
		return call->args[0];
	call->flags |= lower_call_use(b, node);
	dst = build_temp(b);
	build_call(b, call, node, dst);
	return operand_of_place(dst);
}

/* new T[n]: how many is an item of its own, since n is no argument of a constructor. */
static void lower_new_size(struct builder *b, TSNode declarator)
{
	struct item *item;
	struct operand size;

	if (!node_ok(declarator) || !node_count(declarator))
		return;
	size = lower_expression(b, ts_node_named_child(declarator, 0));
	item = build_item(b, ITEM_OPERATE, declarator);
	item->op = 'n';
	item->a = size;
}

/* new T *[n]; the grammar takes the star for a product. */
static bool lower_new_is_pointers(const struct builder *b, TSNode node)
{
	const char *s = b->tree->text + ts_node_end_byte(node_field(b->tree, node, FIELD_type));

	return s[strspn(s, " \t\r\n")] == '*';
}

struct operand lower_new(struct builder *b, TSNode node)
{
	TSNode arguments = node_field(b->tree, node, FIELD_arguments);
	struct type_text type = lower_type(b->tree, node_field(b->tree, node, FIELD_type));
	struct call *call = build_callee(intern_z("new"));
	int dst;

	if (node_ok(node_field(b->tree, node, FIELD_declarator)))
		call->name = intern_z("new[]");
	/* new QTcpSocket *[2]: pointers, and no object. */
	if (!lower_new_is_pointers(b, node)) {
		call->type = type.name;
		call->of = type.of;
	}
	call->flags = CALL_NEW;
	lower_arguments(b, call, arguments);
	lower_new_size(b, node_field(b->tree, node, FIELD_declarator));
	if (lower_call_use(b, node))
		call->flags |= CALL_DROPPED;
	dst = build_temp(b);
	b->places[dst].type = type.name;
	b->places[dst].of = type.of;
	b->places[dst].stars = 1;
	build_call(b, call, node, dst);
	return operand_of_place(dst);
}

void lower_delete(struct builder *b, TSNode node)
{
	uint32_t n = node_count(node);
	struct call *call = build_callee(intern_z("delete"));

	if (!n)
		return;
	call->flags = CALL_DELETE;
	build_argument(b, call, lower_expression(b, ts_node_named_child(node, n - 1)),
		       ts_node_named_child(node, n - 1));
	build_call(b, call, node, -1);
}

struct operand lower_lambda_expression(struct builder *b, TSNode node)
{
	struct operand *captures, o = { .kind = OPERAND_LAMBDA };
	struct call *call;
	int n;

	o.lambda = lower_lambda(b, node, &captures, &n);
	if (!n)
		return o;
	call = build_callee(intern_z("lambda"));
	call->flags = CALL_CAPTURE;
	for (int i = 0; i < n; i++)
		build_argument(b, call, captures[i], node);
	build_call(b, call, node, -1);
	return o;
}
