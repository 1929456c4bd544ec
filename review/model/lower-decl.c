/* SPDX-License-Identifier: Apache-2.0 */
/* Types, declarators and declarations, inside functions and outside. */

#include "model/lower.h"
#include "knowledge/kb.h"

#include <stdlib.h>
#include <string.h>

struct type_text lower_type(const struct tree *tree, TSNode node)
{
	struct type_text type = { 0 };
	TSNode list, declarator;

	for (int i = 0; i < 16 && node_ok(node); i++) {
		switch (node_kind(tree, node)) {
		case NODE_qualified_identifier:
		case NODE_struct_specifier:
		case NODE_union_specifier:
		case NODE_class_specifier:
		case NODE_enum_specifier:
			node = node_field(tree, node, FIELD_name);
			break;
		case NODE_template_type:
			list = node_field(tree, node, FIELD_arguments);
			if (node_ok(list) && node_count(list))
				type.of = lower_type(tree, ts_node_named_child(list, 0)).name;
			node = node_field(tree, node, FIELD_name);
			break;
		case NODE_type_descriptor:
			declarator = node_field(tree, node, FIELD_declarator);
			if (node_kind(tree, declarator) == NODE_abstract_pointer_declarator)
				type.stars++;
			node = node_field(tree, node, FIELD_type);
			break;
		case NODE_dependent_name:
			node = ts_node_named_child(node, 0);
			break;
		default:
			type.name = node_name(tree, node);
			if (kb_is_smart(type.name))
				type.flags |= PLACE_SMART;
			return type;
		}
	}
	return type;
}

static TSNode lower_declarator_inner(const struct tree *tree, TSNode node)
{
	TSNode inner = node_field(tree, node, FIELD_declarator);
	uint32_t n;

	if (node_ok(inner))
		return inner;
	/* Some have no field for it: it is the last, past qualifiers. */
	n = node_count(node);
	return n ? ts_node_named_child(node, n - 1) : inner;
}

static int64_t lower_array_size(const struct tree *tree, TSNode declarator)
{
	TSNode size = node_field(tree, declarator, FIELD_size);
	int64_t value;
	size_t n;
	const char *s;

	if (!node_ok(size))
		return 0;
	s = node_text(tree, size, &n);
	return lower_number(s, n, &value) ? value : 0;
}

/* The node of the name. *function is the innermost function declarator on the way, if any. */
TSNode lower_declarator(const struct tree *tree, TSNode node, struct type_text *type, int64_t *size,
			TSNode *function)
{
	*size = 0;
	*function = (TSNode){ 0 };
	for (int i = 0; i < 24 && node_ok(node); i++) {
		switch (node_kind(tree, node)) {
		case NODE_pointer_declarator:
			type->stars++;
			break;
		case NODE_reference_declarator:
			type->flags |= PLACE_REF;
			break;
		case NODE_array_declarator:
			type->flags |= PLACE_ARRAY;
			*size = lower_array_size(tree, node);
			break;
		case NODE_function_declarator:
			*function = node;
			break;
		case NODE_init_declarator:
		case NODE_attributed_declarator:
		case NODE_parenthesized_declarator:
			break;
		default:
			return node;
		}
		if (node_kind(tree, node) == NODE_attributed_declarator)
			node = ts_node_named_child(node, 0);
		else
			node = lower_declarator_inner(tree, node);
	}
	return node;
}

static bool declaration_mentions(const struct tree *tree, TSNode node, const char *word)
{
	size_t n;
	const char *s = node_text(tree, node, &n);
	char text[128];

	if (n >= sizeof(text))
		n = sizeof(text) - 1;
	memcpy(text, s, n);
	text[n] = '\0';
	return strstr(text, word) != NULL;
}

/* static, extern, const and cleanup attributes in front of a declarator. */
static uint16_t declaration_flags(const struct tree *tree, const struct children *children,
				  TSNode node)
{
	uint16_t flags = shape_is_auto(tree, ts_node_start_byte(node)) ? PLACE_AUTO : 0;

	for (size_t i = 0; i < children->n; i++) {
		TSNode child = children->node[i];

		switch (node_kind(tree, child)) {
		case NODE_storage_class_specifier:
			if (node_is_text(tree, child, "static"))
				flags |= PLACE_STATIC;
			if (node_is_text(tree, child, "extern"))
				flags |= PLACE_EXTERN;
			if (declaration_mentions(tree, child, "thread"))
				flags |= PLACE_THREAD;
			break;
		case NODE_type_qualifier:
			if (node_is_text(tree, child, "const") ||
			    node_is_text(tree, child, "constexpr"))
				flags |= PLACE_CONST;
			break;
		case NODE_OTHER:
			if (declaration_mentions(tree, child, "cleanup"))
				flags |= PLACE_AUTO;
			break;
		default:
			break;
		}
	}
	return flags;
}

/*
 * int(size) and static_cast<size_t>(n) look like parameters to a grammar: the name in them, or none.
 */
static TSNode lower_cast_argument(const struct tree *tree, TSNode parameter)
{
	TSNode type = node_field(tree, parameter, FIELD_type);
	TSNode node = node_field(tree, parameter, FIELD_declarator);
	bool cast = node_kind(tree, type) == NODE_template_type ||
		    node_kind(tree, node) == NODE_parenthesized_declarator;

	for (int i = 0; cast && i < 8 && node_ok(node); i++) {
		if (node_kind(tree, node) == NODE_identifier ||
		    node_kind(tree, node) == NODE_type_identifier)
			return node;
		if (!node_count(node))
			break;
		node = ts_node_named_child(node, node_count(node) - 1);
	}
	return (TSNode){ 0 };
}

/* open(number), where `number` is a variable, is a call and no type of a function: its arguments, or none. */
static TSNode lower_call_argument(struct builder *b, TSNode parameter)
{
	TSNode type = node_field(b->tree, parameter, FIELD_type);
	TSNode node = node_field(b->tree, parameter, FIELD_declarator);
	TSNode list = node_kind(b->tree, node) == NODE_abstract_function_declarator
			      ? node_field(b->tree, node, FIELD_parameters)
			      : (TSNode){ 0 };
	uint32_t n = node_ok(list) ? node_count(list) : 0;

	for (uint32_t i = 0; i < n; i++) {
		TSNode inner = ts_node_named_child(list, i), name;

		if (node_kind(b->tree, inner) != NODE_parameter_declaration ||
		    node_count(inner) != 1)
			return (TSNode){ 0 };
		name = node_field(b->tree, inner, FIELD_type);
		if (node_kind(b->tree, name) != NODE_type_identifier ||
		    build_lookup(b, node_name(b->tree, name)) < 0)
			return (TSNode){ 0 };
	}
	return n && node_kind(b->tree, type) == NODE_type_identifier ? list : (TSNode){ 0 };
}

static struct operand lower_called(struct builder *b, TSNode parameter, TSNode list)
{
	TSNode type = node_field(b->tree, parameter, FIELD_type);
	struct call *call = build_callee(node_name(b->tree, type));
	int result;

	for (uint32_t i = 0; i < node_count(list); i++) {
		TSNode name = node_field(b->tree, ts_node_named_child(list, i), FIELD_type);

		build_argument(b, call, operand_of_place(lower_place(b, name)), name);
	}
	result = build_temp(b);
	build_call(b, call, parameter, result);
	return operand_of_place(result);
}

/* `T name(a, b)` in a function is a variable when a and b are known to be no types. */
static bool lower_is_construction(struct builder *b, TSNode function)
{
	TSNode list = node_field(b->tree, function, FIELD_parameters);
	uint32_t n = node_ok(list) ? node_count(list) : 0;

	if (!n || b->tree->source->language != SOURCE_CXX)
		return false;
	for (uint32_t i = 0; i < n && i < 16; i++) {
		TSNode parameter = ts_node_named_child(list, i);

		if (node_kind(b->tree, parameter) != NODE_parameter_declaration ||
		    (node_count(parameter) != 1 &&
		     !node_ok(lower_cast_argument(b->tree, parameter)) &&
		     !node_ok(lower_call_argument(b, parameter))))
			return false;
	}
	return true;
}

static void lower_construct(struct builder *b, int dst, const struct type_text *type,
			    TSNode arguments, TSNode node)
{
	struct call *call = build_callee(type->name);
	struct children children;

	call->type = type->name;
	call->of = type->of;
	call->flags = CALL_CONSTRUCT;
	node_children(b->scratch, arguments, b->tree, &children);
	for (size_t i = 0; i < children.n; i++) {
		TSNode argument = children.node[i];

		if (node_kind(b->tree, argument) == NODE_parameter_declaration) {
			TSNode inner = lower_call_argument(b, argument);

			if (node_ok(inner)) {
				build_argument(b, call, lower_called(b, argument, inner), argument);
				continue;
			}
			inner = lower_cast_argument(b->tree, argument);

			argument =
				node_ok(inner) ? inner : node_field(b->tree, argument, FIELD_type);
		}
		if (node_kind(b->tree, argument) == NODE_type_identifier)
			build_argument(b, call, operand_of_place(lower_place(b, argument)),
				       argument);
		else
			build_argument(b, call, lower_expression(b, argument), argument);
	}
	build_call(b, call, node, dst);
}

static bool lower_is_class(struct builder *b, const struct type_text *type)
{
	return b->tree->source->language == SOURCE_CXX && !type->stars && type->name &&
	       !(type->flags & (PLACE_REF | PLACE_ARRAY)) && strcmp(type->name, "auto") != 0 &&
	       strcmp(type->name, "int") != 0 && strcmp(type->name, "bool") != 0;
}

static void lower_value(struct builder *b, int place, const struct type_text *type, TSNode value,
			TSNode node)
{
	enum node_kind kind = node_kind(b->tree, value);
	bool is_class = lower_is_class(b, type);

	if (kind == NODE_argument_list || (kind == NODE_initializer_list && is_class)) {
		if (is_class)
			lower_construct(b, place, type, value, node);
		else if (node_count(value) == 1)
			lower_assign(b, place, lower_expression(b, ts_node_named_child(value, 0)),
				     node);
	} else if (kind == NODE_initializer_list) {
		lower_initializer(b, place, value);
	} else {
		lower_assign(b, place, lower_expression(b, value), node);
	}
}

/* auto takes the type of what is made. */
static void lower_auto(struct builder *b, int place)
{
	const struct item *item = b->n_items ? &b->items[b->n_items - 1] : NULL;
	const struct place *from;

	if (!item || item->kind != ITEM_ASSIGN || item->dst != place ||
	    item->a.kind != OPERAND_PLACE)
		return;
	from = &b->places[item->a.place];
	if (from->type) {
		b->places[place].type = from->type;
		b->places[place].of = from->of;
		b->places[place].stars = from->stars;
		return;
	}
	for (size_t i = b->n_items; i-- > 0 && i + 40 > b->n_items;)
		if (b->items[i].kind == ITEM_CALL && b->items[i].dst == item->a.place &&
		    b->items[i].call && b->items[i].call->of) {
			b->places[place].type = intern_z(
				strcmp(b->items[i].call->name, "make_shared") ? "unique_ptr"
									      : "shared_ptr");
			b->places[place].of = b->items[i].call->of;
			b->places[place].flags |= PLACE_SMART;
		}
}

static void lower_declared(struct builder *b, TSNode declarator, struct type_text type)
{
	TSNode value = node_kind(b->tree, declarator) == NODE_init_declarator
			       ? node_field(b->tree, declarator, FIELD_value)
			       : (TSNode){ 0 };
	TSNode function, name;
	struct item *item;
	int64_t size;
	int place;

	name = lower_declarator(b->tree, declarator, &type, &size, &function);
	if (!node_ok(name) || node_kind(b->tree, name) == NODE_structured_binding_declarator)
		return;
	if (node_ok(function) && !type.stars && !node_ok(value)) {
		if (!lower_is_construction(b, function))
			return;
		value = node_field(b->tree, function, FIELD_parameters);
	}
	if (type.flags & PLACE_EXTERN)
		return;
	if (node_ok(value))
		type.flags |= PLACE_INIT;
	place = build_variable(b, node_name(b->tree, name), &type, PLACE_LOCAL, name);
	b->places[place].size = size;
	item = build_item(b, ITEM_DECLARE, name);
	item->dst = place;
	/* A static one was initialised once, long ago. */
	if (type.flags & PLACE_STATIC)
		return;
	if (node_ok(value) && node_kind(b->tree, value) != NODE_parameter_list)
		lower_value(b, place, &type, value, declarator);
	else if (node_ok(value) || lower_is_class(b, &type))
		lower_construct(b, place, &type, value, name);
	if (node_ok(value) && type.name && !strcmp(type.name, "auto"))
		lower_auto(b, place);
}

void lower_declaration(struct builder *b, TSNode node)
{
	struct type_text type = lower_type(b->tree, node_field(b->tree, node, FIELD_type));
	TSNode value = node_field(b->tree, node, FIELD_value);
	const char *made = lower_local_type(b->tree, node_field(b->tree, node, FIELD_type));
	struct children children;

	if (made)
		type.name = made;
	node_children(b->scratch, node, b->tree, &children);
	type.flags |= declaration_flags(b->tree, &children, node);
	for (size_t i = 0; i < children.n; i++)
		if (children.field[i] == b->tree->fields[FIELD_declarator]) {
			lower_declared(b, children.node[i], type);
			/* if (T *p = f()): the value is a field of the declaration itself. */
			if (node_ok(value) && b->n_variables)
				lower_assign(b, b->variables[b->n_variables - 1].place,
					     lower_expression(b, value), node);
		}
}

static void lower_parameter(struct builder *b, TSNode name, const struct type_text *type,
			    int64_t size)
{
	int place = build_variable(b, node_ok(name) ? node_name(b->tree, name) : intern_z(""), type,
				   PLACE_PARAM, name);

	b->places[place].size = size;
	b->places[place].param = (int)b->n_params;
	b->params = grow(b->params, b->n_params, &b->cap_params, sizeof(*b->params));
	b->params[b->n_params++] = place;
}

void lower_parameters(struct builder *b, TSNode list)
{
	struct children children;
	size_t n;
	const char *text = node_text(b->tree, list, &n);

	/* In C++ the ... is no node of its own. */
	if (n > 4 && memmem(text, n, "...)", 4))
		b->fn->flags |= FUNCTION_VARIADIC;

	node_children(b->scratch, list, b->tree, &children);
	for (size_t i = 0; i < children.n && i < 64; i++) {
		TSNode child = children.node[i], function, name;
		struct type_text type = { 0 };
		int64_t size = 0;

		switch (node_kind(b->tree, child)) {
		case NODE_identifier:
			lower_parameter(b, child, &type, 0);
			break;
		case NODE_parameter_declaration:
		case NODE_optional_parameter_declaration:
			type = lower_type(b->tree, node_field(b->tree, child, FIELD_type));
			name = node_field(b->tree, child, FIELD_declarator);
			if (!node_ok(name) && type.name && !strcmp(type.name, "void"))
				break;
			if (node_ok(name))
				name = lower_declarator(b->tree, name, &type, &size, &function);
			if (node_kind(b->tree, name) != NODE_identifier)
				name = (TSNode){ 0 };
			lower_parameter(b, name, &type, size);
			break;
		default:
			b->fn->flags |= FUNCTION_VARIADIC;
		}
	}
}

/* int ac; in int main(ac) int ac; { */
void lower_old_parameter(struct builder *b, TSNode declaration)
{
	struct children inner;

	node_children(b->scratch, declaration, b->tree, &inner);
	for (size_t k = 0; k < inner.n; k++) {
		struct type_text type =
			lower_type(b->tree, node_field(b->tree, declaration, FIELD_type));
		TSNode function, name;
		int64_t size;
		int place;

		if (inner.field[k] != b->tree->fields[FIELD_declarator])
			continue;
		name = lower_declarator(b->tree, inner.node[k], &type, &size, &function);
		place = node_ok(name) ? build_lookup(b, node_name(b->tree, name)) : -1;
		if (place < 0)
			continue;
		b->places[place].type = type.name;
		b->places[place].stars = type.stars;
		b->places[place].flags |= type.flags;
	}
}

/* int f(fd, name) int fd; char *name; { … */
void lower_old_parameters(struct builder *b, TSNode definition)
{
	struct children children;

	node_children(b->scratch, definition, b->tree, &children);
	for (size_t i = 0; i < children.n; i++)
		if (node_kind(b->tree, children.node[i]) == NODE_declaration)
			lower_old_parameter(b, children.node[i]);
}

/* A parameter with the name of a format, or a declaration that speaks of printf. */
static bool declares_format(const struct tree *tree, TSNode node, const char *name)
{
	return (name && (strstr(name, "fmt") || strstr(name, "format"))) ||
	       declaration_mentions(tree, node, "printf") ||
	       declaration_mentions(tree, node, "PRINTF");
}

/* void note(int level, const char *fmt, ...); or with a va_list behind the format. */
static void declare_format(struct tree *tree, TSNode node, TSNode function, const char *of)
{
	TSNode list = node_field(tree, function, FIELD_parameters);
	struct arena scratch = { 0 };
	struct children children;
	const char *text, *format = NULL;
	bool is_text = false, ends = false;
	int n_params = 0;
	size_t n;

	if (!node_ok(list))
		return;
	text = node_text(tree, list, &n);
	if (!memmem(text, n, "...", 3) && !memmem(text, n, "va_list", 7))
		return;
	ends = memmem(text, n, "...", 3) != NULL;
	node_children(&scratch, list, tree, &children);
	for (size_t i = 0; i < children.n && i < 16; i++) {
		TSNode inner, name;
		struct type_text type;
		int64_t size = 0;

		if (node_kind(tree, children.node[i]) != NODE_parameter_declaration)
			continue;
		type = lower_type(tree, node_field(tree, children.node[i], FIELD_type));
		if (!ends && type.name && !strcmp(type.name, "va_list")) {
			ends = true;
			break;
		}
		n_params++;
		name = node_field(tree, children.node[i], FIELD_declarator);
		if (node_ok(name))
			name = lower_declarator(tree, name, &type, &size, &inner);
		is_text = type.name && type.stars == 1 && strstr(type.name, "char");
		format = node_ok(name) && node_kind(tree, name) == NODE_identifier
				 ? node_name(tree, name)
				 : NULL;
	}
	if (ends && is_text && declares_format(tree, node, format))
		index_format(of, n_params);
	arena_free(&scratch);
}

static void declare_prototype(struct tree *tree, TSNode node, TSNode name, struct type_info *owner)
{
	const char *s = node_name(tree, name);

	if (declaration_mentions(tree, node, "noreturn") ||
	    declaration_mentions(tree, node, "NORETURN"))
		index_noreturn(s);
	if (owner && *s == '~')
		owner->has_destructor = true;
}

/* constexpr int no_door = -1; as good as an enumerator. */
static void declare_constant(const struct tree *tree, TSNode node, TSNode declarator,
			     const struct declared *declared)
{
	TSNode value = node_field(tree, declarator, FIELD_value);
	int64_t number;
	bool minus;
	size_t n;
	const char *s;

	if (!node_ok(value))
		value = node_field(tree, node, FIELD_default_value);
	if (!node_ok(value) || !(declared->flags & PLACE_CONST) || declared->stars)
		return;
	s = node_text(tree, value, &n);
	while (n > 2 && (*s == '{' || *s == '(')) {
		s++;
		n -= 2;
	}
	minus = n > 1 && *s == '-';
	if (lower_number(s + minus, n - minus, &number))
		index_number(declared->name, minus ? -number : number, tree->source);
}

enum { TABLE_DEPTH = 6 };

/* { "edit", edit }, at the top level: whoever has the table may call what it names. */
static void declare_table(struct tree *tree, TSNode node, int depth)
{
	uint32_t n = node_ok(node) ? ts_node_named_child_count(node) : 0;

	if (node_ok(node) && node_kind(tree, node) == NODE_identifier) {
		struct mention *mention = arena_alloc(&run_arena, sizeof(*mention));

		*mention = (struct mention){ .name = node_name(tree, node),
					     .next = tree->source->mentions };
		tree->source->mentions = mention;
	}
	for (uint32_t i = 0; depth && i < n && i < 2000; i++)
		declare_table(tree, ts_node_named_child(node, i), depth - 1);
}

static void declare_one(struct tree *tree, TSNode node, TSNode declarator, struct type_text type,
			struct type_info *owner)
{
	TSNode function, name;
	struct declared declared = { .source = tree->source };
	int64_t size;

	name = lower_declarator(tree, declarator, &type, &size, &function);
	if (!node_ok(name))
		return;
	if (node_ok(function) && node_kind(tree, name) != NODE_parenthesized_declarator) {
		declare_prototype(tree, node, name, owner);
		declare_format(tree, node, function, node_name(tree, name));
		return;
	}
	declared.name = node_name(tree, name);
	declared.type = type.name;
	declared.of = type.of;
	declared.stars = type.stars;
	declared.flags = type.flags;
	declared.at = node_pos(tree, name);
	declare_constant(tree, node, declarator, &declared);
	if (owner)
		index_member(owner, &declared);
	else if (node_kind(tree, node) == NODE_type_definition)
		index_typedef(declared.name, &declared);
	else
		index_global(&declared);
	if (!owner && node_kind(tree, node) != NODE_type_definition)
		declare_table(tree, node_field(tree, declarator, FIELD_value), TABLE_DEPTH);
}

/* A declaration outside of functions, or a member of `owner`. */
void declare_file(struct tree *tree, TSNode node, const struct type_text *type,
		  struct type_info *owner)
{
	struct arena scratch = { 0 };
	struct children children;
	struct type_text flagged = *type;

	node_children(&scratch, node, tree, &children);
	flagged.flags |= declaration_flags(tree, &children, node);
	for (size_t i = 0; i < children.n; i++)
		if (children.field[i] == tree->fields[FIELD_declarator])
			declare_one(tree, node, children.node[i], flagged, owner);
	arena_free(&scratch);
}
