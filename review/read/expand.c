/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text with its macros replaced.
 *
 * The source is copied as it stands but for the words that are macros. At such a word the
 * preprocessor's algorithm runs on tokens: a stack of what is still to be read, with marks where a
 * replacement ends, so that a macro is not replaced within itself and a name at the end of one
 * replacement can take its arguments from what follows. What grows too large is left as it was.
 */

#include "read/macro.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	EXPAND_MAX_TOKENS = 20000, /* of one use */
	EXPAND_MAX_ARGS = 64,
	EXPAND_MAX_DEPTH = 24, /* arguments in arguments */
	EXPAND_MAX_GROWTH = 3, /* times the source, and a megabyte */
};

struct expand_list {
	struct macro_token *t;
	size_t n, cap;
};

struct expand {
	const struct source *source;
	struct text out;
	struct expanded *map;
	uint32_t at;     /* where the source is read */
	uint32_t use;    /* the use that is being replaced begins here */
	size_t produced; /* tokens, for this use */
	bool failed;
	bool any;
	int depth;
};

static void list_add(struct expand_list *list, struct macro_token token)
{
	list->t = grow(list->t, list->n, &list->cap, sizeof(*list->t));
	list->t[list->n++] = token;
}

static bool is_mark(const struct macro_token *token, const char *mark)
{
	return token->kind == MACRO_MARK && token->n == strlen(mark) &&
	       !memcmp(token->s, mark, token->n);
}

/* --- # and ## --- */

static struct macro_token expand_quote(const struct expand_list *arg)
{
	struct text text = { 0 };
	struct macro_token token = { .kind = MACRO_TEXT, .at = MACRO_NOWHERE, .param = -1 };

	text_puts(&text, "\"");
	for (size_t i = 0; i < arg->n && text.n < 4096; i++) {
		if (i && arg->t[i].space)
			text_puts(&text, " ");
		for (uint32_t k = 0; k < arg->t[i].n; k++) {
			char c = arg->t[i].s[k];

			if (arg->t[i].kind == MACRO_TEXT && (c == '"' || c == '\\'))
				text_puts(&text, "\\");
			text_add(&text, c == '\n' ? " " : &c, 1);
		}
	}
	text_puts(&text, "\"");
	token.n = (uint32_t)text.n;
	token.s = text_done(&text);
	return token;
}

static struct macro_token expand_paste(struct macro_token a, struct macro_token b)
{
	struct text text = { 0 };

	text_add(&text, a.s, a.n);
	text_add(&text, b.s, b.n);
	a.n = (uint32_t)text.n;
	a.s = text_done(&text);
	a.at = MACRO_NOWHERE;
	if (a.kind == MACRO_MARK)
		a.kind = b.kind;
	return a;
}

/* --- a replacement's tokens --- */

static void expand_tokens(struct expand *e, const struct expand_list *in, struct expand_list *out);

struct expand_args {
	struct expand_list raw[EXPAND_MAX_ARGS];
	struct expand_list full[EXPAND_MAX_ARGS];
	bool is_full[EXPAND_MAX_ARGS];
	int n;
};

static void args_free(struct expand_args *args)
{
	for (int i = 0; i < EXPAND_MAX_ARGS; i++) {
		free(args->raw[i].t);
		free(args->full[i].t);
	}
	free(args);
}

static void expand_param(struct expand *e, struct expand_args *args,
			 const struct macro_token *token, bool raw, struct expand_list *out)
{
	int i = token->param;
	const struct expand_list *from = &args->raw[i];

	if (!raw && !args->is_full[i]) {
		args->is_full[i] = true;
		expand_tokens(e, &args->raw[i], &args->full[i]);
	}
	if (!raw)
		from = &args->full[i];
	for (size_t k = 0; k < from->n && !e->failed; k++) {
		struct macro_token copy = from->t[k];

		if (!k)
			copy.space = token->space;
		list_add(out, copy);
		e->failed |= ++e->produced > EXPAND_MAX_TOKENS;
	}
}

/* The right side of ## goes to the end of what stands there. */
static void expand_right(struct expand *e, const struct macro *macro, struct expand_args *args,
			 const struct macro_token *right, struct expand_list *out, bool left_empty)
{
	struct expand_list list = { 0 };

	if (right->param >= 0)
		expand_param(e, args, right, true, &list);
	else
		list_add(&list, *right);
	/* , ## __VA_ARGS__ */
	if (macro->variadic && right->param == macro->n_params - 1 && out->n &&
	    is_mark(&out->t[out->n - 1], ",")) {
		if (!list.n)
			out->n--;
	} else if (list.n && out->n && !left_empty) {
		out->t[out->n - 1] = expand_paste(out->t[out->n - 1], list.t[0]);
		memmove(list.t, list.t + 1, --list.n * sizeof(*list.t));
	}
	for (size_t i = 0; i < list.n; i++)
		list_add(out, list.t[i]);
	free(list.t);
}

/* __VA_OPT__(…): its content if there are variable arguments. The token behind it. */
static uint32_t expand_optional(const struct macro *macro, const struct expand_args *args,
				uint32_t i, struct expand_list *out)
{
	const struct expand_list *rest = &args->raw[macro->n_params - 1];
	int depth = 0;

	for (i++; i < macro->n_body; i++) {
		const struct macro_token token = macro->body[i];

		depth -= is_mark(&token, ")");
		if (!depth && is_mark(&token, ")"))
			return i + 1;
		if (depth && rest->n && token.param < 0)
			list_add(out, token);
		depth += is_mark(&token, "(");
	}
	return i;
}

static void expand_body(struct expand *e, const struct macro *macro, struct expand_args *args,
			struct expand_list *out)
{
	for (uint32_t i = 0; i < macro->n_body && !e->failed; i++) {
		const struct macro_token *token = &macro->body[i];
		const struct macro_token *next = i + 1 < macro->n_body ? token + 1 : NULL;
		bool pastes = next && is_mark(next, "##");
		size_t before = out->n;

		assert(token);

		if (macro->has_params && is_mark(token, "#") && next && next->param >= 0) {
			list_add(out, expand_quote(&args->raw[next->param]));
			i++;
		} else if (macro->variadic && token->n == 10 &&
			   !memcmp(token->s, "__VA_OPT__", 10)) {
			i = expand_optional(macro, args, i, out) - 1;
		} else if (token->param >= 0) {
			expand_param(e, args, token, pastes, out);
		} else {
			list_add(out, *token);
		}
		next = i + 1 < macro->n_body ? &macro->body[i + 1] : NULL;
		for (bool empty = out->n == before;
		     next && is_mark(next, "##") && i + 2 < macro->n_body;
		     empty = out->n == before) {
			expand_right(e, macro, args, &macro->body[i + 2], out, empty);
			i += 2;
			next = i + 1 < macro->n_body ? &macro->body[i + 1] : NULL;
		}
		e->failed |= ++e->produced > EXPAND_MAX_TOKENS;
	}
}

/* --- reading on --- */

/* What is still to be read, the next one last; a token without text ends the macro it names. */
struct expand_stack {
	struct expand_list list;
	bool is_open; /* behind it the source goes on */
};

static struct macro_token end_of(struct macro *macro)
{
	return (struct macro_token){ .s = (const char *)macro, .kind = MACRO_END };
}

static void end_reached(const struct macro_token *end)
{
	struct macro *macro = (struct macro *)end->s;

	if (macro)
		macro->busy = false;
}

static bool expand_pop(struct expand *e, struct expand_stack *stack, struct macro_token *token)
{
	while (stack->list.n) {
		*token = stack->list.t[--stack->list.n];
		if (token->kind != MACRO_END)
			return true;
		end_reached(token);
	}
	if (!stack->is_open)
		return false;
	*token = macro_lex(e->source->text, e->source->size, &e->at);
	/* A directive among the arguments: nobody can tell what they are. */
	if (is_mark(token, "#"))
		e->failed = true;
	return token->kind != MACRO_END && !e->failed;
}

/* Whether '(' comes next; nothing is taken. */
static bool expand_opens(const struct expand *e, const struct expand_stack *stack)
{
	uint32_t at = e->at;
	struct macro_token token;

	for (size_t i = stack->list.n; i-- > 0;)
		if (stack->list.t[i].kind != MACRO_END)
			return is_mark(&stack->list.t[i], "(");
	if (!stack->is_open)
		return false;
	token = macro_lex(e->source->text, e->source->size, &at);
	return is_mark(&token, "(");
}

static bool expand_arguments(struct expand *e, struct expand_stack *stack,
			     const struct macro *macro, struct expand_args *args)
{
	struct macro_token token;
	int depth = 0;

	expand_pop(e, stack, &token);
	args->n = 1;
	for (size_t read = 0; expand_pop(e, stack, &token); read++) {
		if (read > EXPAND_MAX_TOKENS)
			return false;
		if (!depth && is_mark(&token, ")")) {
			/* f() has one empty argument, or none. */
			return args->n <= macro->n_params + (macro->n_params == 0) ||
			       args->n <= macro->n_params;
		}
		if (!depth && is_mark(&token, ",") &&
		    !(macro->variadic && args->n == macro->n_params)) {
			if (++args->n > EXPAND_MAX_ARGS)
				return false;
			continue;
		}
		depth += is_mark(&token, "(");
		depth -= is_mark(&token, ")");
		list_add(&args->raw[args->n - 1], token);
	}
	return false;
}

/* Puts the replacement onto the stack; false: it is no use of the macro, or none that can be read. */
static bool expand_use(struct expand *e, struct expand_stack *stack, struct macro *macro)
{
	struct expand_list body = { 0 };
	struct expand_args *args = calloc(1, sizeof(*args));
	bool ok;

	if (!args)
		abort();
	ok = !macro->has_params || expand_arguments(e, stack, macro, args);
	if (ok)
		expand_body(e, macro, args, &body);
	else
		e->failed = true;
	if (ok && !e->failed) {
		list_add(&stack->list, end_of(macro));
		for (size_t i = body.n; i-- > 0;)
			list_add(&stack->list, body.t[i]);
		macro->busy = true;
	}
	free(body.t);
	args_free(args);
	return ok && !e->failed;
}

static struct macro *expand_macro(const struct expand *e, const struct macro_token *token)
{
	struct macro *macro;

	if (token->kind != MACRO_WORD || token->done)
		return NULL;
	macro = macro_find(e->source, token->s, token->n, e->use);
	return macro && macro_parse(macro) ? macro : NULL;
}

/* Takes the ends that come next; false: nothing is left, and the source is not read on. */
static bool expand_goes_on(struct expand_stack *stack)
{
	while (stack->list.n && stack->list.t[stack->list.n - 1].kind == MACRO_END)
		end_reached(&stack->list.t[--stack->list.n]);
	return stack->list.n > 0;
}

static void expand_run(struct expand *e, struct expand_stack *stack, struct expand_list *out)
{
	struct macro_token token;

	while (expand_goes_on(stack) && expand_pop(e, stack, &token)) {
		struct macro *macro = expand_macro(e, &token);

		if (macro && macro->busy) {
			token.done = true;
		} else if (macro && (!macro->has_params || expand_opens(e, stack))) {
			if (!expand_use(e, stack, macro))
				break;
			continue;
		}
		list_add(out, token);
		e->failed |= ++e->produced > EXPAND_MAX_TOKENS;
	}
	while (stack->list.n) {
		token = stack->list.t[--stack->list.n];
		if (token.kind == MACRO_END)
			end_reached(&token);
	}
}

static void expand_tokens(struct expand *e, const struct expand_list *in, struct expand_list *out)
{
	struct expand_stack stack = { 0 };

	if (++e->depth > EXPAND_MAX_DEPTH) {
		e->failed = true;
	} else {
		for (size_t i = in->n; i-- > 0;)
			list_add(&stack.list, in->t[i]);
		expand_run(e, &stack, out);
	}
	e->depth--;
	free(stack.list.t);
}

/* --- writing --- */

static void expand_part(struct expand *e, uint32_t at, uint32_t end, bool as_is)
{
	struct expanded *map = e->map;
	struct expanded_part *last = map->n_parts ? &map->parts[map->n_parts - 1] : NULL;

	if (last && !as_is && !last->as_is && last->at == at && last->end == end)
		return;
	if (last && as_is && last->as_is && last->at + ((uint32_t)e->out.n - last->from) == at)
		return;
	map->parts = grow(map->parts, map->n_parts, &map->cap_parts, sizeof(*map->parts));
	map->parts[map->n_parts++] = (struct expanded_part){ (uint32_t)e->out.n, at, end, as_is };
}

/* Two tokens that were apart may not become one. */
static bool expand_glues(const struct expand *e, const struct macro_token *token)
{
	char first = *token->s, last;
	bool word;

	if (!e->out.n)
		return false;
	last = e->out.s[e->out.n - 1];
	word = last == '_' || isalnum((unsigned char)last);
	if (word)
		return first == '_' || isalnum((unsigned char)first) || first == '"';
	return strchr("+-<>=&|#:.*/%!^", last) && strchr("+-<>=&|#:.*/%!^", first);
}

/* __attribute__((…)) and __declspec(…) tell nothing here, but for two. The token behind it. */
static size_t expand_skip_attribute(const struct expand_list *list, size_t i)
{
	static const char *const words[] = { "__attribute__", "__attribute", "__declspec" };
	bool is = false;
	size_t k = i + 1;
	int depth = 0;

	for (size_t w = 0; w < sizeof(words) / sizeof(*words); w++)
		is |= list->t[i].n == strlen(words[w]) &&
		      !memcmp(list->t[i].s, words[w], list->t[i].n);
	if (!is || k >= list->n || !is_mark(&list->t[k], "("))
		return i;
	for (; k < list->n; k++) {
		depth += is_mark(&list->t[k], "(");
		depth -= is_mark(&list->t[k], ")");
		if (memmem(list->t[k].s, list->t[k].n, "cleanup", 7) ||
		    memmem(list->t[k].s, list->t[k].n, "noreturn", 8))
			return i;
		if (!depth)
			return k + 1;
	}
	return i;
}

static void expand_write(struct expand *e, const struct expand_list *list, uint32_t end)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct macro_token *token = &list->t[i];
		size_t after = expand_skip_attribute(list, i);

		if (after > i) {
			i = after - 1;
			continue;
		}
		if (token->space || expand_glues(e, token)) {
			expand_part(e, e->use, end, false);
			text_puts(&e->out, " ");
		}
		if (token->at != MACRO_NOWHERE)
			expand_part(e, token->at, 0, true);
		else
			expand_part(e, e->use, end, false);
		text_add(&e->out, token->s, token->n);
	}
	/* What follows stays apart. */
	expand_part(e, e->use, end, false);
	text_puts(&e->out, " ");
}

/* A word of the source; false: it stays as it is. */
static bool expand_word(struct expand *e, uint32_t from, uint32_t to, size_t limit)
{
	struct expand_list out = { 0 };
	struct expand_stack stack = { .is_open = true };
	struct macro_token token = { .s = e->source->text + from,
				     .n = to - from,
				     .at = from,
				     .kind = MACRO_WORD,
				     .param = -1 };
	const struct macro *macro;
	bool done;

	e->use = from;
	e->at = to;
	e->failed = false;
	e->produced = 0;
	e->depth = 0;
	macro = expand_macro(e, &token);
	if (!macro || (macro->has_params && !expand_opens(e, &stack)))
		return false;
	list_add(&stack.list, token);
	expand_run(e, &stack, &out);
	free(stack.list.t);
	done = !e->failed && e->out.n + out.n * 16 < limit;
	if (done)
		expand_write(e, &out, e->at);
	free(out.t);
	return done;
}

static uint32_t expand_copy(struct expand *e, uint32_t from, uint32_t to)
{
	if (to > from) {
		expand_part(e, from, 0, true);
		text_add(&e->out, e->source->text + from, to - from);
	}
	return to;
}

struct expanded *expand_source(const struct source *source)
{
	const char *s = source->text;
	uint32_t size = source->size, kept = 0, i = 0;
	size_t limit = (size_t)size * EXPAND_MAX_GROWTH + ((size_t)1 << 20);
	struct expanded map = { .text = NULL }, *ret;
	struct expand e = { .source = source, .map = &map };
	bool begins = true;

	while (i < size) {
		uint32_t to = i;

		if (begins && s[i] == '#') {
			while (i < size && (s[i] != '\n' || s[i - 1] == '\\'))
				i++;
			continue;
		}
		if (s[i] == '"' || s[i] == '\'' || s[i] == '/') {
			to = (uint32_t)lex_skip_literal(s, size, i);
			begins = begins && to > i && s[i] == '/';
			i = to > i ? to : i + 1;
			continue;
		}
		if (s[i] != '_' && !isalnum((unsigned char)s[i])) {
			begins = s[i] == '\n' || (begins && isblank((unsigned char)s[i]));
			i++;
			continue;
		}
		begins = false;
		while (to < size && (s[to] == '_' || isalnum((unsigned char)s[to])))
			to++;
		if (!isdigit((unsigned char)s[i]) && macro_find(source, s + i, to - i, i)) {
			uint32_t before = expand_copy(&e, kept, i);

			kept = before;
			if (expand_word(&e, i, to, limit)) {
				e.any = true;
				kept = to = e.at;
			}
		}
		i = to;
	}
	if (!e.any) {
		free(e.out.s);
		free(map.parts);
		return NULL;
	}
	expand_copy(&e, kept, size);
	map.size = (uint32_t)e.out.n;
	map.text = text_done(&e.out);
	ret = arena_alloc(&run_arena, sizeof(*ret));
	*ret = map;
	return ret;
}

/* --- the way back --- */

static const struct expanded_part *expanded_find(struct expanded *expanded, uint32_t offset)
{
	size_t low = 0, high = expanded->n_parts, hint = expanded->last;

	if (hint < high && expanded->parts[hint].from <= offset)
		low = hint;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (expanded->parts[middle].from <= offset)
			low = middle;
		else
			high = middle;
	}
	expanded->last = low;
	return &expanded->parts[low];
}

uint32_t expanded_at(struct expanded *expanded, uint32_t offset)
{
	const struct expanded_part *part = expanded_find(expanded, offset);

	return part->as_is ? part->at + (offset - part->from) : part->at;
}

uint32_t expanded_end(struct expanded *expanded, uint32_t offset)
{
	const struct expanded_part *part = expanded_find(expanded, offset ? offset - 1 : 0);

	return part->as_is ? part->at + (offset - part->from) : part->end;
}
