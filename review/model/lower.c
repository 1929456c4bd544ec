/* SPDX-License-Identifier: Apache-2.0 */
/* Files to declarations and functions; see lower.h. */

#include "model/lower.h"
#include "knowledge/kb.h"

#include <stdlib.h>
#include <ctype.h>
#include <string.h>

bool lower_is_not_reached(const struct builder *b, TSNode node)
{
	static const char word[] = "notreached";
	const char *at = b->tree->text + ts_node_end_byte(node),
		   *end = b->tree->text + b->tree->size;
	size_t k = 0;

	while (at < end && strchr(" \t\r\n", *at))
		at++;
	if (end - at < 4 || at[0] != '/' || at[1] != '*')
		return false;
	for (at += 2; at + 1 < end && !(at[0] == '*' && at[1] == '/'); at++) {
		if (!isalpha((unsigned char)*at))
			continue;
		if (k + 1 == sizeof(word) || tolower((unsigned char)*at) != word[k++])
			return false;
	}
	return k + 1 == sizeof(word);
}

enum { WALK_MAX_DEPTH = 60, LOWER_OLD_TYPES = 16, LOWER_LOCAL_DEPTH = 8 };

static struct arena lower_scratch;

static void lower_walk(struct tree *tree, TSNode node, struct type_info *owner, int depth);

static void lower_begin(struct builder *b, struct tree *tree, struct function *fn)
{
	*b = (struct builder){ .tree = tree,
			       .fn = fn,
			       .scratch = &lower_scratch,
			       .block = -1,
			       .loop = -1,
			       .catch_to = -1 };
	b->jump = (struct jump){ -1, -1, 0, 0 };
	for (size_t i = 0; i < sizeof(b->place_table) / sizeof(*b->place_table); i++)
		b->place_table[i] = -1;
	b->block = build_block(b);
}

/* The way out at the closing brace. */
static void lower_end(struct builder *b, TSNode body)
{
	struct item *item;

	if (b->block >= 0) {
		item = build_item(b, ITEM_RETURN, body);
		item->implicit = true;
		item->at = item->end;
		if (item->at.col)
			item->at.col--;
	}
	build_finish(b);
}

static struct function *lower_function_new(struct tree *tree, const char *name,
					   const char *class_name, TSNode at, TSNode body)
{
	struct function *fn = arena_alloc(&run_arena, sizeof(*fn));

	fn->name = name ? name : intern_z("?");
	fn->class_name = class_name;
	fn->label =
		class_name ? arena_printf(&run_arena, "%s::%s", class_name, fn->name) : fn->name;
	fn->source = tree->source;
	if (node_ok(at))
		fn->at = node_pos(tree, at);
	if (node_ok(body))
		fn->end = node_end(tree, body);
	fn->summary.returns_param = fn->summary.tells_param = fn->summary.holds_param = -1;
	if (source_is_elsewhere(tree->source, fn->at.row))
		fn->flags |= FUNCTION_ELSEWHERE;
	return fn;
}

struct function *lower_lambda(struct builder *outer, TSNode node, struct operand **captures,
			      int *n_captures)
{
	TSNode declarator = node_field(outer->tree, node, FIELD_declarator);
	TSNode body = node_field(outer->tree, node, FIELD_body);
	struct builder *b = arena_alloc(&lower_scratch, sizeof(*b));
	struct function *fn;
	int *kept;

	fn = lower_function_new(outer->tree, intern_z("lambda"), outer->fn->class_name, node, body);
	fn->label = arena_printf(&run_arena, "lambda in %s", outer->fn->label);
	fn->flags = FUNCTION_LAMBDA;
	fn->outer = outer->fn;
	lower_begin(b, outer->tree, fn);
	b->outer = outer;
	b->depth = outer->depth;
	if (node_ok(declarator))
		lower_parameters(b, node_field(b->tree, declarator, FIELD_parameters));
	lower_statement(b, body);
	*n_captures = (int)b->n_captures;
	*captures = arena_alloc(&lower_scratch, (b->n_captures + 1) * sizeof(**captures));
	kept = b->captures;
	for (size_t i = 0; i < b->n_captures; i++)
		(*captures)[i] = operand_of_place(kept[i]);
	lower_end(b, body);
	index_function(fn);
	return fn;
}

/* : member(value), … in front of a constructor's body. */
static void lower_member_initializers(struct builder *b, TSNode definition)
{
	struct children children, list;

	node_children(b->scratch, definition, b->tree, &children);
	for (size_t i = 0; i < children.n; i++) {
		if (node_kind(b->tree, children.node[i]) != NODE_field_initializer_list)
			continue;
		node_children(b->scratch, children.node[i], b->tree, &list);
		for (size_t k = 0; k < list.n; k++) {
			TSNode name = ts_node_named_child(list.node[k], 0);
			TSNode arguments = ts_node_named_child(list.node[k], 1);
			int place;

			if (node_kind(b->tree, name) != NODE_field_identifier ||
			    !node_ok(arguments) || node_count(arguments) != 1)
				continue;
			build_item(b, ITEM_STATEMENT, name);
			place = build_root(b, PLACE_FREE, node_name(b->tree, name));
			lower_assign(b, place,
				     lower_expression(b, ts_node_named_child(arguments, 0)), name);
		}
	}
}

/* Splits A::B::f: *class_name is B, and the node of f is returned. */
static TSNode lower_split_name(const struct tree *tree, TSNode name, const char **class_name)
{
	for (int i = 0; i < 16 && node_kind(tree, name) == NODE_qualified_identifier; i++) {
		TSNode scope = node_field(tree, name, FIELD_scope);

		if (node_ok(scope))
			*class_name = lower_type(tree, scope).name;
		name = node_field(tree, name, FIELD_name);
	}
	return name;
}

static uint16_t lower_function_flags(struct tree *tree, TSNode node, TSNode name,
				     const struct type_text *type, const char *class_name)
{
	size_t n;
	const char *s = node_text(tree, node, &n);
	const char *text = node_name(tree, name);
	uint16_t flags = 0;

	if (n >= 6 && !memcmp(s, "static", 6))
		flags |= FUNCTION_STATIC;
	if (node_kind(tree, name) == NODE_destructor_name)
		flags |= FUNCTION_DESTRUCTOR;
	else if (class_name && text == class_name)
		flags |= FUNCTION_CONSTRUCTOR;
	if (!class_name && text && !strcmp(text, "main"))
		flags |= FUNCTION_MAIN;
	if (type->stars)
		flags |= FUNCTION_POINTER;
	else if (type->name && !strcmp(type->name, "void"))
		flags |= FUNCTION_VOID;
	return flags;
}

static void lower_function(struct tree *tree, TSNode node, struct type_info *owner)
{
	struct type_text type = lower_type(tree, node_field(tree, node, FIELD_type));
	TSNode body = node_field(tree, node, FIELD_body), function, name;
	const char *class_name = owner ? owner->name : NULL;
	struct builder *b;
	struct function *fn;
	int64_t size;

	name = lower_declarator(tree, node_field(tree, node, FIELD_declarator), &type, &size,
				&function);
	if (node_kind(tree, name) == NODE_qualified_identifier)
		name = lower_split_name(tree, name, &class_name);
	if (!node_ok(body)) {
		/* = default; a function try block is its own child. */
		for (uint32_t i = 0; i < node_count(node) && i < 16; i++)
			if (node_kind(tree, ts_node_named_child(node, i)) == NODE_try_statement)
				body = ts_node_named_child(node, i);
		if (!node_ok(body))
			return;
	}
	fn = lower_function_new(tree, node_name(tree, name), class_name, name, body);
	fn->return_type = type.name;
	fn->flags |= lower_function_flags(tree, node, name, &type, class_name);
	if (owner && (fn->flags & FUNCTION_DESTRUCTOR))
		owner->has_destructor = true;
	b = arena_alloc(&lower_scratch, sizeof(*b));
	lower_begin(b, tree, fn);
	if (node_ok(function))
		lower_parameters(b, node_field(tree, function, FIELD_parameters));
	lower_old_parameters(b, node);
	lower_member_initializers(b, node);
	lower_statement(b, body);
	lower_end(b, body);
	index_function(fn);
	arena_reset(&lower_scratch);
}

static void lower_bases(struct tree *tree, TSNode node, struct type_info *type)
{
	struct children children, list;

	node_children(&lower_scratch, node, tree, &children);
	for (size_t i = 0; i < children.n; i++) {
		if (node_kind(tree, children.node[i]) != NODE_base_class_clause)
			continue;
		node_children(&lower_scratch, children.node[i], tree, &list);
		for (size_t k = 0; k < list.n; k++) {
			enum node_kind kind = node_kind(tree, list.node[k]);

			if (type->n_bases < 4 &&
			    (kind == NODE_type_identifier || kind == NODE_qualified_identifier ||
			     kind == NODE_template_type))
				type->bases[type->n_bases++] = lower_type(tree, list.node[k]).name;
		}
	}
}

/* A struct, union or class with a body; NULL when it has none. */
static struct type_info *lower_class(struct tree *tree, TSNode node, int depth)
{
	TSNode body = node_field(tree, node, FIELD_body);
	struct type_text name = lower_type(tree, node);
	struct type_info *type;

	if (!node_ok(body))
		return NULL;
	if (!name.name)
		name.name = intern_z(arena_printf(&run_arena, "(%s:%u)", tree->source->path,
						  ts_node_start_byte(node)));
	type = index_define(name.name, tree->source);
	type->at = node_pos(tree, node);
	type->is_class = tree->source->language == SOURCE_CXX;
	if (!type->n_bases)
		lower_bases(tree, node, type);
	lower_walk(tree, body, type, depth + 1);
	return type;
}

static bool lower_has_only_members(const struct tree *tree, TSNode body, int depth)
{
	for (uint32_t i = 0; node_ok(body) && i < node_count(body); i++) {
		TSNode child = ts_node_named_child(body, i);
		TSNode type = node_field(tree, child, FIELD_type);

		if (node_kind(tree, child) == NODE_comment)
			continue;
		if (node_kind(tree, child) != NODE_field_declaration || depth > LOWER_LOCAL_DEPTH)
			return false;
		if (node_ok(type) &&
		    !lower_has_only_members(tree, node_field(tree, type, FIELD_body), depth + 1))
			return false;
	}
	return true;
}

/* Its methods would be lowered in the midst of the function around it: it is left alone then. */
const char *lower_local_type(struct tree *tree, TSNode node)
{
	enum node_kind kind = node_kind(tree, node);
	TSNode body = node_field(tree, node, FIELD_body);
	struct type_info *made;

	if ((kind != NODE_struct_specifier && kind != NODE_union_specifier) || !node_ok(body) ||
	    !lower_has_only_members(tree, body, 0))
		return NULL;
	made = lower_class(tree, node, 0);
	return made ? made->name : NULL;
}

static void lower_enum(struct tree *tree, TSNode node)
{
	TSNode body = node_field(tree, node, FIELD_body);
	struct children children;
	int64_t next = 0, value;

	node_children(&lower_scratch, body, tree, &children);
	for (size_t i = 0; i < children.n; i++) {
		TSNode v = node_field(tree, children.node[i], FIELD_value);
		size_t n;
		const char *s;

		if (node_kind(tree, children.node[i]) != NODE_enumerator)
			continue;
		if (node_ok(v)) {
			s = node_text(tree, v, &n);
			if (n > 1 && *s == '-' && lower_number(s + 1, n - 1, &value))
				next = -value;
			else if (lower_number(s, n, &value))
				next = value;
			else
				return;
		}
		index_number(node_name(tree, node_field(tree, children.node[i], FIELD_name)),
			     next++, tree->source);
	}
}

static bool lower_is_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] != '_' && !(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= 'A' && s[i] <= 'Z') &&
		    !(i && s[i] >= '0' && s[i] <= '9'))
			return false;
	return n > 0;
}

/* #define NAME 42, #define NAME (-1), #define name other */
static void lower_define(struct tree *tree, TSNode node)
{
	TSNode value = node_field(tree, node, FIELD_value);
	const char *name = node_name(tree, node_field(tree, node, FIELD_name)), *s;
	bool minus = false;
	int64_t number;
	size_t n;

	if (!node_ok(value) || !name)
		return;
	s = node_text(tree, value, &n);
	for (; n && (*s == '(' || *s == ' ' || *s == '\t' || *s == '-'); s++, n--)
		minus |= *s == '-';
	if (n && memchr(s, '/', n))
		n = (size_t)((const char *)memchr(s, '/', n) - s);
	while (n && (s[n - 1] == ')' || s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	if (n && lower_number(s, n, &number))
		index_number(name, minus ? -number : number, tree->source);
	else if (n && !minus && lower_is_name(s, n))
		index_alias(name, intern(s, n));
}

/*
 * #define DIE(...) do { …; exit(1); } while (0): a call of it does not return, unless a condition
 * stands before the exit.
 */
static void lower_macro(struct tree *tree, TSNode node)
{
	TSNode value = node_field(tree, node, FIELD_value);
	const char *name = node_name(tree, node_field(tree, node, FIELD_name)), *s;
	bool ends = false;
	size_t n;

	if (!node_ok(value) || !name)
		return;
	s = node_text(tree, value, &n);
	for (size_t i = 0, word; i < n; i += word ? word : 1) {
		for (word = 0; i + word < n && lower_is_name(s + i, word + 1); word++)
			;
		if ((word == 2 && !strncmp(s + i, "if", 2)) || s[i] == '?')
			return;
		ends |= word && api_fact(kb_function(intern(s + i, word)), FACT_NORETURN);
	}
	if (ends)
		index_noreturn(name);
}

static void lower_file_declaration(struct tree *tree, TSNode node, struct type_info *owner,
				   int depth)
{
	TSNode type_node = node_field(tree, node, FIELD_type);
	struct type_text type = lower_type(tree, type_node);
	struct type_info *made = NULL;

	switch (node_kind(tree, type_node)) {
	case NODE_struct_specifier:
	case NODE_union_specifier:
	case NODE_class_specifier:
		made = lower_class(tree, type_node, depth);
		break;
	case NODE_enum_specifier:
		lower_enum(tree, type_node);
		break;
	default:
		break;
	}
	if (made)
		type.name = made->name;
	/* Members of an anonymous struct or union are members of what is around it. */
	if (made && owner && !node_ok(node_field(tree, node, FIELD_declarator)) &&
	    *made->name == '(')
		for (size_t i = 0; i < made->n_members; i++)
			index_member(owner, &made->members[i]);
	declare_file(tree, node, &type, owner);
}

static void lower_top(struct tree *tree, TSNode node, struct type_info *owner, int depth)
{
	if (depth > WALK_MAX_DEPTH)
		return;
	switch (node_kind(tree, node)) {
	case NODE_function_definition:
		lower_function(tree, node, owner);
		break;
	case NODE_declaration:
	case NODE_field_declaration:
	case NODE_type_definition:
		lower_file_declaration(tree, node, owner, depth);
		break;
	case NODE_struct_specifier:
	case NODE_union_specifier:
	case NODE_class_specifier:
		lower_class(tree, node, depth);
		break;
	case NODE_enum_specifier:
		lower_enum(tree, node);
		break;
	case NODE_preproc_function_def:
		lower_macro(tree, node);
		break;
	case NODE_preproc_def:
		lower_define(tree, node);
		break;
	case NODE_namespace_definition:
	case NODE_linkage_specification:
		lower_top(tree, node_field(tree, node, FIELD_body), owner, depth + 1);
		break;
	case NODE_declaration_list:
	case NODE_field_declaration_list:
	case NODE_template_declaration:
	case NODE_preproc_if:
	case NODE_preproc_ifdef:
	case NODE_preproc_else:
	case NODE_preproc_elif:
	case NODE_ERROR:
		lower_walk(tree, node, owner, depth + 1);
		break;
	default:
		break;
	}
}

/*
 * main(ac, av) int ac; char **av; { … }: a function of old C that names no type. The grammar sees
 * a call without a semicolon, declarations and a block.
 */
struct lower_old {
	TSNode call;
	TSNode types[LOWER_OLD_TYPES];
	int n;
};

static void lower_old_function(struct tree *tree, const struct lower_old *old, TSNode body)
{
	struct builder *b = arena_alloc(&lower_scratch, sizeof(*b));
	TSNode name = node_field(tree, old->call, FIELD_function);
	struct type_text type = { 0 };
	struct function *fn = lower_function_new(tree, node_name(tree, name), NULL, name, body);

	fn->flags |= lower_function_flags(tree, old->call, name, &type, NULL);
	lower_begin(b, tree, fn);
	lower_parameters(b, node_field(tree, old->call, FIELD_arguments));
	for (int i = 0; i < old->n; i++)
		lower_old_parameter(b, old->types[i]);
	lower_statement(b, body);
	lower_end(b, body);
	index_function(fn);
	arena_reset(&lower_scratch);
}

/* The call that may begin such a function: name(a, b) with no semicolon. */
static bool lower_old_begins(struct tree *tree, TSNode node, struct lower_old *old)
{
	uint32_t n = ts_node_is_null(node) ? 0 : ts_node_child_count(node);

	old->n = 0;
	old->call = ts_node_named_child(node, 0);
	return tree->source->language == SOURCE_C &&
	       node_kind(tree, node) == NODE_expression_statement && n > 1 &&
	       ts_node_is_missing(ts_node_child(node, n - 1)) &&
	       node_kind(tree, old->call) == NODE_call_expression &&
	       node_kind(tree, node_field(tree, old->call, FIELD_function)) == NODE_identifier;
}

/* It was some macro: what follows declares what it seems to. */
static void lower_old_ends(struct tree *tree, struct lower_old *old, struct type_info *owner,
			   int depth)
{
	for (int i = 0; i < old->n; i++)
		lower_top(tree, old->types[i], owner, depth);
	old->n = 0;
}

static void lower_walk(struct tree *tree, TSNode node, struct type_info *owner, int depth)
{
	struct lower_old old = { .n = 0 };
	TSTreeCursor cursor;
	bool begun = false;

	if (depth > WALK_MAX_DEPTH || !node_ok(node))
		return;
	cursor = ts_tree_cursor_new(node);
	if (ts_tree_cursor_goto_first_child(&cursor))
		do {
			TSNode child = ts_tree_cursor_current_node(&cursor);
			enum node_kind kind = node_kind(tree, child);

			if (begun && kind == NODE_declaration && old.n < LOWER_OLD_TYPES) {
				old.types[old.n++] = child;
				continue;
			}
			if (begun && kind == NODE_comment)
				continue;
			if (begun && kind == NODE_compound_statement)
				lower_old_function(tree, &old, child);
			else
				lower_old_ends(tree, &old, owner, depth);
			begun = lower_old_begins(tree, child, &old);
			lower_top(tree, child, owner, depth);
		} while (ts_tree_cursor_goto_next_sibling(&cursor));
	lower_old_ends(tree, &old, owner, depth);
	ts_tree_cursor_delete(&cursor);
}

void lower_tree(struct tree *tree)
{
	program.unknown_words += tree->source->context ? 0 : tree->n_cleanups;
	lower_walk(tree, ts_tree_root_node(tree->tree), NULL, 0);
	arena_reset(&lower_scratch);
}
