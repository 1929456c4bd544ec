/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_PARSE_H
#define REVIEW_PARSE_H

/*
 * tree-sitter's two grammars behind one set of node names.
 *
 * Node kinds and fields are looked up once per grammar, so that the rest compares small numbers.
 * Where the grammar of a name is unknown here it is NODE_OTHER, and its children are still walked.
 */

#include "read/macro.h"

#include <pthread.h>
#include <tree_sitter/api.h>

#define NODE_KINDS(X)                                                                              \
	X(alias_declaration) X(abstract_pointer_declarator) X(access_specifier)                    \
	X(argument_list) X(array_declarator) X(assignment_expression)                              \
	X(abstract_function_declarator) X(attributed_declarator) X(attributed_statement) X(auto) X(base_class_clause)              \
	X(binary_expression) X(break_statement) X(call_expression) X(case_statement)               \
	X(cast_expression) X(catch_clause) X(char_literal) X(class_specifier)                      \
	X(comma_expression) X(comment) X(compound_literal_expression) X(compound_statement)        \
	X(concatenated_string) X(condition_clause) X(conditional_expression)                       \
	X(continue_statement) X(co_await_expression) X(co_return_statement) X(declaration)         \
	X(declaration_list) X(delete_expression) X(dependent_name) X(destructor_name)              \
	X(do_statement) X(else_clause) X(enum_specifier) X(enumerator) X(enumerator_list)          \
	X(ERROR) X(expression_statement) X(false) X(field_declaration)                             \
	X(field_declaration_list) X(field_expression) X(field_identifier)                          \
	X(field_initializer) X(field_initializer_list) X(for_range_loop) X(for_statement)          \
	X(friend_declaration) X(function_declarator) X(function_definition) X(goto_statement)      \
	X(identifier) X(if_statement) X(init_declarator) X(init_statement)                         \
	X(initializer_list) X(initializer_pair) X(labeled_statement) X(lambda_capture_specifier)   \
	X(lambda_expression) X(linkage_specification) X(namespace_definition) X(new_expression)    \
	X(null) X(nullptr) X(number_literal) X(operator_cast) X(operator_name)                     \
	X(optional_parameter_declaration) X(parameter_declaration) X(parameter_list)               \
	X(parenthesized_declarator) X(parenthesized_expression) X(pointer_declarator)              \
	X(pointer_expression) X(preproc_call) X(preproc_def) X(preproc_elif) X(preproc_elifdef)    \
	X(preproc_else) X(preproc_function_def) X(preproc_if) X(preproc_ifdef) X(preproc_include)  \
	X(preproc_defined) X(primitive_type) X(qualified_identifier) X(raw_string_literal)         \
	X(reference_declarator) X(return_statement) X(sizeof_expression)                           \
	X(sized_type_specifier) X(statement_identifier) X(storage_class_specifier)                 \
	X(string_content) X(string_literal) X(struct_specifier) X(structured_binding_declarator)   \
	X(subscript_argument_list) X(subscript_expression) X(switch_statement)                     \
	X(template_argument_list) X(template_declaration) X(template_function)                     \
	X(template_method) X(template_type) X(this) X(throw_statement) X(translation_unit)         \
	X(true) X(try_statement) X(type_definition) X(type_descriptor) X(type_identifier)          \
	X(type_qualifier) X(unary_expression) X(union_specifier) X(update_expression)              \
	X(using_declaration) X(user_defined_literal) X(virtual) X(while_statement)                 \
	X(variadic_parameter) X(variadic_parameter_declaration) X(namespace_identifier)

enum node_kind {
	NODE_OTHER,
#define X(name) NODE_##name,
	NODE_KINDS(X)
#undef X
	NODE_KIND_COUNT,
};

#define NODE_FIELDS(X)                                                                             \
	X(alternative) X(argument) X(arguments) X(body) X(captures) X(condition) X(consequence)    \
	X(declarator) X(default_value) X(field) X(function) X(index) X(indices) X(initializer)     \
	X(label) X(left) X(name) X(operator) X(parameters) X(right) X(scope) X(size) X(type)       \
	X(update) X(value)

enum node_field {
#define X(name) FIELD_##name,
	NODE_FIELDS(X)
#undef X
	NODE_FIELD_COUNT,
};

struct tree {
	struct source *source;
	char *text;           /* what the parser saw */
	uint32_t size;
	struct expanded *expanded; /* how offsets of the text belong to the source; NULL: they are equal */
	TSTree *tree;
	bool parsed;          /* the parser has had it, whatever came of that */
	const uint8_t *kinds; /* per symbol */
	size_t n_kinds;
	const TSFieldId *fields;
	uint32_t *autos;      /* offsets of words that make the next declaration release itself */
	size_t n_autos, cap_autos;
	uint32_t *each;       /* offsets of macros that head a loop over elements */
	size_t n_each, cap_each;
	uint32_t *blocks;     /* offsets of words with a block behind them that nobody understands */
	size_t n_blocks, cap_blocks;
	size_t n_cleanups;    /* words before a type that look as if they cleaned up */
};

/* Parses; false when there is no grammar or a limit was hit before anything was known. */
bool tree_parse(struct tree *tree, struct source *source);
/*
 * The same in steps. The one in the middle may be done by another thread with a parser of its own,
 * because it looks at nothing but the prepared text; left out, it is done in the last.
 */
void tree_prepare(struct tree *tree, struct source *source);
void tree_begin(struct tree *tree);
void tree_begin_apart(struct tree *tree, TSParser *parser);
bool tree_finish(struct tree *tree);
/* A thread whose stack is enough for any file. */
bool parse_thread(pthread_t *thread, void *(*run)(void *data), void *data);
void tree_free(struct tree *tree);
void parse_end(void);

/* shape.c. Macros of the source that stand for a cleanup attribute become knowledge. */
void shape_learn(const struct source *source);
/* Makes the copy that the parser sees. */
void shape_text(struct tree *tree);
/* off.c. Overwrites what `#if 0` and `#if 1 … #else` turn off. */
void off_blank(char *s, size_t size);
/* Keeps the first branch of each #if that may be for this system, and blanks the other lines. */
void shape_first_branches(char *text, size_t size, const struct source *source);
/* The declaration at `offset` stands after a word such as _cleanup_close_. */
bool shape_is_auto(const struct tree *tree, uint32_t offset);
bool shape_is_each(const struct tree *tree, uint32_t offset);
bool shape_is_unknown(const struct tree *tree, uint32_t offset);

static inline enum node_kind node_kind(const struct tree *tree, TSNode node)
{
	TSSymbol symbol;

	if (ts_node_is_null(node))
		return NODE_OTHER;
	symbol = ts_node_symbol(node);
	return symbol < tree->n_kinds ? (enum node_kind)tree->kinds[symbol] : NODE_ERROR;
}

/* The parser looks into a node that is none, and so this asks first. */
static inline uint32_t node_count(TSNode node)
{
	return ts_node_is_null(node) ? 0 : ts_node_named_child_count(node);
}

static inline TSNode node_field(const struct tree *tree, TSNode node, enum node_field field)
{
	return ts_node_is_null(node) ? node : ts_node_child_by_field_id(node, tree->fields[field]);
}

static inline bool node_ok(TSNode node)
{
	return !ts_node_is_null(node);
}

static inline const char *node_text(const struct tree *tree, TSNode node, size_t *n)
{
	uint32_t start = ts_node_is_null(node) ? 0 : ts_node_start_byte(node);
	uint32_t end = ts_node_is_null(node) ? 0 : ts_node_end_byte(node);

	*n = end - start;
	return tree->text + start;
}

/* Where the source has it; what comes from a macro lies where that is used. */
struct pos node_pos(const struct tree *tree, TSNode node);
struct pos node_end(const struct tree *tree, TSNode node);

/* The node's text, interned, with runs of blanks as one and comments left in. */
const char *node_name(const struct tree *tree, TSNode node);
bool node_is_text(const struct tree *tree, TSNode node, const char *text);

/* The named children without comments, at most `max`; returns how many. */
enum { NODE_MAX_CHILDREN = 4096 };
struct children {
	TSNode *node;
	TSFieldId *field;
	size_t n;
};
void node_children(struct arena *arena, TSNode node, const struct tree *tree,
		   struct children *children);

/* lower.c: adds what the tree declares to the index and lowers its functions. */
void lower_tree(struct tree *tree);

#endif
