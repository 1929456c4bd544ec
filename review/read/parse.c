/* SPDX-License-Identifier: Apache-2.0 */
/* Calling tree-sitter, with a time limit per file; see parse.h. */

#include "read/parse.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const TSLanguage *tree_sitter_c(void);
const TSLanguage *tree_sitter_cpp(void);

enum { PARSE_TIME_US = 3000000, PARSE_MAX_SYMBOLS = 2048, PARSE_SMALL = 64 * 1024 };

#define PARSE_STACK ((size_t)1 << 30)

static const char *const parse_kind_names[NODE_KIND_COUNT] = { [NODE_OTHER] = "",
#define X(name) [NODE_##name] = #name,
							       NODE_KINDS(X)
#undef X
};

static const char *const parse_field_names[NODE_FIELD_COUNT] = {
#define X(name) [FIELD_##name] = #name,
	NODE_FIELDS(X)
#undef X
};

static struct parse_language {
	const TSLanguage *language;
	uint8_t kinds[PARSE_MAX_SYMBOLS];
	size_t n_kinds;
	TSFieldId fields[NODE_FIELD_COUNT];
} parse_languages[2];

static TSParser *parse_parser;

static void parse_language_init(struct parse_language *l, const TSLanguage *language)
{
	l->language = language;
	l->n_kinds = ts_language_symbol_count(language);
	if (l->n_kinds > PARSE_MAX_SYMBOLS)
		l->n_kinds = PARSE_MAX_SYMBOLS;
	for (size_t s = 0; s < l->n_kinds; s++) {
		const char *name = ts_language_symbol_name(language, (TSSymbol)s);

		if (ts_language_symbol_type(language, (TSSymbol)s) != TSSymbolTypeRegular &&
		    strcmp(name, "auto") && strcmp(name, "virtual"))
			continue;
		for (size_t k = 1; k < NODE_KIND_COUNT; k++)
			if (!strcmp(parse_kind_names[k], name))
				l->kinds[s] = (uint8_t)k;
	}
	for (size_t f = 0; f < NODE_FIELD_COUNT; f++)
		l->fields[f] = ts_language_field_id_for_name(
			language, parse_field_names[f], (uint32_t)strlen(parse_field_names[f]));
}

static void parse_init(void)
{
	parse_parser = ts_parser_new();
	parse_language_init(&parse_languages[SOURCE_C], tree_sitter_c());
	parse_language_init(&parse_languages[SOURCE_CXX], tree_sitter_cpp());
}

void parse_end(void)
{
	if (parse_parser)
		ts_parser_delete(parse_parser);
	parse_parser = NULL;
}

/*
 * The limit is one of processor time: how busy the machine is, and how many files are parsed at once,
 * does not decide what is understood. The parser goes on where its own limit has stopped it.
 */
static TSTree *parse_run(TSParser *parser, const char *text, uint32_t size)
{
	struct timespec begin, now;
	TSTree *tree;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	ts_parser_set_timeout_micros(parser, PARSE_TIME_US);
	do {
		tree = ts_parser_parse_string(parser, NULL, text, size);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	} while (!tree &&
		 (now.tv_sec - begin.tv_sec) * 1000000 + (now.tv_nsec - begin.tv_nsec) / 1000 <
			 PARSE_TIME_US);
	if (!tree)
		ts_parser_reset(parser);
	return tree;
}

struct parse_job {
	const char *text;
	uint32_t size;
	TSTree *result;
};

static void *parse_job_run(void *data)
{
	struct parse_job *job = data;

	job->result = parse_run(parse_parser, job->text, job->size);
	return NULL;
}

bool parse_thread(pthread_t *thread, void *(*run)(void *data), void *data)
{
	pthread_attr_t attr;
	int r;

	if (pthread_attr_init(&attr) != 0)
		return false;
	r = pthread_attr_setstacksize(&attr, PARSE_STACK);
	if (!r)
		r = pthread_create(thread, &attr, run, data);
	pthread_attr_destroy(&attr);
	return r == 0;
}

/*
 * The parser compares trees by recursion, as deep as a file has statements in a row. Large files
 * get a stack for that; it is reserved, and only what is touched is ever there.
 */
static TSTree *parse_text(const char *text, uint32_t size)
{
	struct parse_job job = { .text = text, .size = size };
	pthread_t thread;

	if (job.size <= PARSE_SMALL)
		parse_job_run(&job);
	else if (parse_thread(&thread, parse_job_run, &job))
		pthread_join(thread, NULL);
	return job.result;
}

void tree_begin_apart(struct tree *tree, TSParser *parser)
{
	const struct parse_language *language = &parse_languages[tree->source->language];

	tree->parsed = parser && ts_parser_set_language(parser, language->language);
	if (tree->parsed)
		tree->tree = parse_run(parser, tree->text, tree->size);
}

/* How much of the tree is error: the bytes of its outermost error nodes. */
static uint32_t parse_errors(const struct tree *tree, TSTree *parsed)
{
	TSTreeCursor cursor = ts_tree_cursor_new(ts_tree_root_node(parsed));
	uint32_t bytes = 0, visits = 0;
	bool up = false;

	while (visits++ < 2000000) {
		TSNode node = ts_tree_cursor_current_node(&cursor);

		if (!up && node_kind(tree, node) == NODE_ERROR)
			bytes += 1 + ts_node_end_byte(node) - ts_node_start_byte(node);
		else if (!up && ts_node_is_missing(node))
			bytes++;
		else if (!up && ts_node_has_error(node) && ts_tree_cursor_goto_first_child(&cursor))
			continue;
		up = false;
		if (ts_tree_cursor_goto_next_sibling(&cursor))
			continue;
		if (!ts_tree_cursor_goto_parent(&cursor))
			break;
		up = true;
	}
	ts_tree_cursor_delete(&cursor);
	return bytes;
}

/*
 * An #if that splits an expression or a block unevenly breaks the grammar. Then a second look at
 * the text with only the first branch of each #if usually parses, and wins if it has less error.
 */
static void parse_again(struct tree *tree)
{
	uint32_t size = tree->size;
	char *text;
	TSTree *other;

	if (!ts_node_has_error(ts_tree_root_node(tree->tree)) || !strstr(tree->text, "#"))
		return;
	text = arena_copy(&run_arena, tree->text, size);
	shape_first_branches(text, size, tree->source);
	if (!memcmp(text, tree->text, size))
		return;
	other = parse_text(text, size);
	if (other && parse_errors(tree, other) < parse_errors(tree, tree->tree)) {
		TSTree *swap = tree->tree;

		tree->tree = other;
		tree->text = text;
		other = swap;
	}
	if (other)
		ts_tree_delete(other);
}

static void parse_shape(struct tree *tree, struct source *source, struct expanded *expanded)
{
	const struct parse_language *language = &parse_languages[source->language];

	*tree = (struct tree){ .source = source,
			       .expanded = expanded,
			       .kinds = language->kinds,
			       .n_kinds = language->n_kinds,
			       .fields = language->fields };
	shape_text(tree);
}

/* Macros that make what the grammar does not know are left as they are. */
static void parse_unexpanded(struct tree *tree)
{
	struct tree other;

	if (tree->tree && !ts_node_has_error(ts_tree_root_node(tree->tree)))
		return;
	parse_shape(&other, tree->source, NULL);
	other.tree = parse_text(other.text, other.size);
	if (other.tree)
		parse_again(&other);
	if (other.tree &&
	    (!tree->tree || parse_errors(&other, other.tree) < parse_errors(tree, tree->tree))) {
		struct tree swap = *tree;

		*tree = other;
		other = swap;
	}
	tree_free(&other);
}

void tree_prepare(struct tree *tree, struct source *source)
{
	if (!parse_parser)
		parse_init();
	parse_shape(tree, source, expand_source(source));
}

void tree_begin(struct tree *tree)
{
	const struct parse_language *language = &parse_languages[tree->source->language];

	tree->parsed = true;
	if (ts_parser_set_language(parse_parser, language->language))
		tree->tree = parse_text(tree->text, tree->size);
}

bool tree_finish(struct tree *tree)
{
	struct source *source = tree->source;

	if (!tree->parsed)
		tree_begin(tree);
	if (!ts_parser_set_language(parse_parser, parse_languages[source->language].language))
		return false;
	if (tree->tree)
		parse_again(tree);
	if (tree->expanded)
		parse_unexpanded(tree);
	if (!tree->tree)
		source->limited = true;
	return tree->tree != NULL;
}

bool tree_parse(struct tree *tree, struct source *source)
{
	tree_prepare(tree, source);
	return tree_finish(tree);
}

struct pos node_pos(const struct tree *tree, TSNode node)
{
	TSPoint p;

	if (tree->expanded)
		return source_pos(tree->source,
				  expanded_at(tree->expanded, ts_node_start_byte(node)));
	p = ts_node_start_point(node);
	return (struct pos){ p.row, p.column };
}

struct pos node_end(const struct tree *tree, TSNode node)
{
	TSPoint p;

	if (tree->expanded) {
		uint32_t at = expanded_at(tree->expanded, ts_node_start_byte(node));
		uint32_t end = expanded_end(tree->expanded, ts_node_end_byte(node));

		return source_pos(tree->source, end > at ? end : at);
	}
	p = ts_node_end_point(node);
	return (struct pos){ p.row, p.column };
}

void tree_free(struct tree *tree)
{
	if (tree->tree)
		ts_tree_delete(tree->tree);
	free(tree->autos);
	free(tree->each);
	free(tree->blocks);
	*tree = (struct tree){ 0 };
}

const char *node_name(const struct tree *tree, TSNode node)
{
	char buffer[256];
	size_t n, used = 0;
	const char *s;

	if (ts_node_is_null(node))
		return NULL;
	s = node_text(tree, node, &n);
	for (size_t i = 0; i < n && used < sizeof(buffer); i++) {
		bool blank = s[i] == ' ' || s[i] == '\t' || s[i] == '\n';
		char c = s[i];

		if (blank && used && buffer[used - 1] == ' ')
			continue;
		if (blank)
			c = ' ';
		buffer[used++] = c;
	}
	return intern(buffer, used);
}

bool node_is_text(const struct tree *tree, TSNode node, const char *text)
{
	size_t n;
	const char *s;

	if (ts_node_is_null(node))
		return false;
	s = node_text(tree, node, &n);
	return n == strlen(text) && !memcmp(s, text, n);
}

void node_children(struct arena *arena, TSNode node, const struct tree *tree,
		   struct children *children)
{
	uint32_t count = node_count(node);
	TSTreeCursor cursor;

	*children = (struct children){ 0 };
	if (!count)
		return;
	if (count > NODE_MAX_CHILDREN)
		count = NODE_MAX_CHILDREN;
	children->node = arena_alloc(arena, count * sizeof(*children->node));
	children->field = arena_alloc(arena, count * sizeof(*children->field));
	cursor = ts_tree_cursor_new(node);
	if (ts_tree_cursor_goto_first_child(&cursor))
		do {
			TSNode child = ts_tree_cursor_current_node(&cursor);

			if (!ts_node_is_named(child) || node_kind(tree, child) == NODE_comment)
				continue;
			children->node[children->n] = child;
			children->field[children->n++] = ts_tree_cursor_current_field_id(&cursor);
		} while (children->n < count && ts_tree_cursor_goto_next_sibling(&cursor));
	ts_tree_cursor_delete(&cursor);
}
