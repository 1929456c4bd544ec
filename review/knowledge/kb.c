/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and finding knowledge; kb.h has the form of the files. */

#include "knowledge/kb.h"
#include "kb-builtin.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KB_BUCKETS = 1024, KB_MAX_FILE = 1 << 20 };

enum kb_word_kind { KB_SMART = 1, KB_SMART_WATCHES, KB_HIDDEN, KB_HIDDEN_AUTO, KB_LOOP, KB_VALUE };

struct kb_word {
	const char *name;
	int kind;
	int64_t value;
	struct kb_word *next;
};

static struct api *kb_apis[KB_BUCKETS], *kb_apis_kept[KB_BUCKETS];
static struct kb_word *kb_words[KB_BUCKETS], *kb_words_kept[KB_BUCKETS];

static const char *const kb_role_words[ROLE_BITS] = {
#define X(name, word) word,
	KB_ROLES(X)
#undef X
};

static const char *const kb_keys[FACT_KEYS] = {
	[FACT_OPENS] = "opens",
	[FACT_FAILS] = "fails",
	[FACT_ERROR] = "error",
	[FACT_CLOSES] = "closes",
	[FACT_TAKES] = "takes",
	[FACT_FLAG] = "flag",
	[FACT_OWNER] = "owner",
	[FACT_WAITS] = "waits",
	[FACT_FOREVER] = "forever",
	[FACT_DEFAULT] = "default",
	[FACT_ROOM] = "room",
	[FACT_BLOCKS] = "blocks",
	[FACT_LIMITS] = "limits",
	[FACT_UNBLOCKS] = "unblocks",
	[FACT_READS] = "reads",
	[FACT_LENGTH] = "length",
	[FACT_COPIES] = "copies",
	[FACT_SINK] = "sink",
	[FACT_TERMINATES] = "terminates",
	[FACT_CALLS] = "calls",
	[FACT_DATA] = "data",
	[FACT_IS] = "is",
	[FACT_BASE] = "base",
	[FACT_RETURNS] = "returns",
	[FACT_USES] = "uses",
	[FACT_STATUS] = "status",
	[FACT_WHOLE] = "whole",
	[FACT_CLOSER] = "closer",
	[FACT_STORES] = "stores",
	[FACT_NORETURN] = "noreturn",
	[FACT_FAILING] = "failing",
	[FACT_CLOSING] = "closing",
	[FACT_SCANS] = "scans",
	[FACT_SEARCHES] = "searches",
	[FACT_CLEANS] = "cleans",
	[FACT_GIVES] = "gives",
	[FACT_STREAMS] = "streams",
	[FACT_UNTIL] = "until",
	[FACT_EXACT] = "exact",
	[FACT_HOLDS] = "holds",
	[FACT_OWNS] = "owns",
	[FACT_LENDS] = "lends",
	[FACT_RELEASES] = "releases",
	[FACT_EMPTIES] = "empties",
	[FACT_ARGS] = "args",
};

static const struct {
	const char *word;
	enum fails fails;
} kb_fails[] = {
	{ "-1", FAILS_MINUS_ONE }, { "negative", FAILS_NEGATIVE },
	{ "null", FAILS_NULL },    { "false", FAILS_FALSE },
	{ "zero", FAILS_FALSE },   { "nonzero", FAILS_NONZERO },
	{ "none", FAILS_NEVER },   { "not-positive", FAILS_NOT_POSITIVE },
};

static size_t kb_bucket(const char *name)
{
	return ((uintptr_t)name >> 4) % KB_BUCKETS;
}

static const struct api *kb_find(const char *class_name, const char *name)
{
	const struct api *api;

	for (api = kb_apis[kb_bucket(name ? name : class_name)]; api; api = api->next)
		if (api->class_name == class_name && api->name == name)
			return api;
	return NULL;
}

const struct api *kb_function(const char *name)
{
	return kb_find(NULL, name);
}

const struct api *kb_class(const char *name)
{
	return name ? kb_find(name, NULL) : NULL;
}

const struct api *kb_method(const char *class_name, const char *name)
{
	for (int depth = 0; class_name && depth < 8; depth++) {
		const struct api *api = kb_find(class_name, name);
		const struct api *class_api = kb_class(class_name);
		const struct fact *base = api_fact(class_api, FACT_BASE);

		if (api)
			return api;
		class_name = base ? base->word : NULL;
	}
	return NULL;
}

const struct api *kb_method_any(const char *name)
{
	const struct api *found = NULL;

	for (const struct api *api = kb_apis[kb_bucket(name)]; api; api = api->next)
		if (api->name == name && api->class_name && !api_fact(api, FACT_EXACT)) {
			if (found && found->roles != api->roles)
				return NULL;
			found = api;
		}
	return found;
}

static const struct kb_word *kb_word_find(const char *name, int kind)
{
	for (const struct kb_word *w = kb_words[kb_bucket(name)]; w; w = w->next)
		if (w->name == name && w->kind == kind)
			return w;
	return NULL;
}

bool kb_is_smart(const char *type)
{
	return type && (kb_word_find(type, KB_SMART) || kb_word_find(type, KB_SMART_WATCHES));
}

bool kb_is_owner(const char *type)
{
	return type && kb_word_find(type, KB_SMART);
}

bool kb_is_hidden(const char *word, size_t n, bool *is_auto)
{
	const char *name = intern(word, n);

	*is_auto = kb_word_find(name, KB_HIDDEN_AUTO) != NULL;
	return *is_auto || kb_word_find(name, KB_HIDDEN);
}

bool kb_is_loop_macro(const char *word, size_t n)
{
	return kb_word_find(intern(word, n), KB_LOOP) != NULL;
}

bool kb_value(const char *name, int64_t *value)
{
	const struct kb_word *w = kb_word_find(name, KB_VALUE);

	if (w)
		*value = w->value;
	return w != NULL;
}

const struct fact *api_fact_next(const struct api *api, const struct fact *fact)
{
	for (const struct fact *f = fact + 1; f < api->facts + api->n_facts; f++)
		if (f->key == fact->key)
			return f;
	return NULL;
}

const struct fact *api_fact(const struct api *api, enum fact_key key)
{
	for (size_t i = 0; api && i < api->n_facts; i++)
		if (api->facts[i].key == key)
			return &api->facts[i];
	return NULL;
}

static bool kb_argument(const char *s, struct fact *fact, int16_t *arg, const char **end)
{
	char *stop;

	for (; *s == '*'; s++)
		fact->depth++;
	if (starts_with(s, "this")) {
		*arg = ARG_THIS;
		*end = s + 4;
		return true;
	}
	if (starts_with(s, "all")) {
		*arg = ARG_ALL;
		*end = s + 3;
		return true;
	}
	*arg = (int16_t)strtol(s, &stop, 10);
	*end = stop;
	return stop != s && *arg >= 0 && *arg < 64;
}

static bool kb_roles(struct api *api, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, ",");
		size_t i;

		for (i = 0; i < ROLE_BITS; i++)
			if (strlen(kb_role_words[i]) == n && !strncmp(kb_role_words[i], s, n))
				break;
		if (i == ROLE_BITS)
			return false;
		api->roles |= UINT64_C(1) << i;
		s += n + (s[n] == ',');
	}
	return true;
}

static bool kb_fails_word(struct api *api, const char *s)
{
	for (size_t i = 0; i < sizeof(kb_fails) / sizeof(*kb_fails); i++)
		if (!strcmp(kb_fails[i].word, s)) {
			api->fails = (uint8_t)kb_fails[i].fails;
			return true;
		}
	return false;
}

/* WORD or WORD:ARG, for opens= and sink=. */
static bool kb_word_and_argument(struct fact *fact, const char *s)
{
	size_t n = strcspn(s, ":");
	const char *end = "";

	fact->word = intern(s, n);
	fact->arg = ARG_RESULT;
	return n && (!s[n] || kb_argument(s + n + 1, fact, &fact->arg, &end)) && !*end;
}

/* ARG or ARG:ARG. */
static bool kb_arguments(struct fact *fact, const char *s)
{
	const char *end;

	fact->arg2 = ARG_NONE;
	if (!kb_argument(s, fact, &fact->arg, &end))
		return false;
	if (*end == ':')
		return kb_argument(end + 1, fact, &fact->arg2, &end) && !*end;
	return !*end;
}

static bool kb_fact_value(struct api *api, struct fact *fact, const char *s)
{
	char *end;

	switch (fact->key) {
	case FACT_NORETURN:
	case FACT_FAILING:
	case FACT_EXACT:
		return !*s;
	case FACT_IS:
		return kb_roles(api, s);
	case FACT_FAILS:
		return kb_fails_word(api, s);
	case FACT_BASE:
	case FACT_WHOLE:
	case FACT_CLOSER:
	case FACT_UNTIL:
	case FACT_RETURNS:
		fact->word = intern_z(s);
		return *s != '\0';
	case FACT_OPENS:
	case FACT_FLAG:
	case FACT_STORES:
	case FACT_SINK:
	case FACT_CLEANS:
		return kb_word_and_argument(fact, s);
	case FACT_FOREVER:
	case FACT_DEFAULT:
		fact->number = strtoll(s, &end, 0);
		return end != s && !*end;
	default:
		return kb_arguments(fact, s);
	}
}

static bool kb_add_fact(struct api *api, char *token)
{
	struct fact fact = { .arg = ARG_NONE, .arg2 = ARG_NONE };
	char *value = strchr(token, '=');
	int key;

	if (value)
		*value++ = '\0';
	for (key = 0; key < FACT_KEYS; key++)
		if (!strcmp(kb_keys[key], token))
			break;
	if (key == FACT_KEYS)
		return false;
	fact.key = (uint8_t)key;
	if (!kb_fact_value(api, &fact, value ? value : ""))
		return false;
	api->facts = grow(api->facts, api->n_facts, &api->cap_facts, sizeof(*api->facts));
	api->facts[api->n_facts++] = fact;
	return true;
}

/* A later statement about a function takes the place of an earlier one. */
static bool kb_reads_system;

static struct api *kb_new(const char *class_name, const char *name)
{
	struct api *api = (struct api *)kb_find(class_name, name);
	size_t bucket = kb_bucket(name ? name : class_name);

	if (api) {
		api->n_facts = 0;
		api->roles = 0;
		api->fails = FAILS_UNKNOWN;
		return api;
	}
	api = arena_alloc(&run_arena, sizeof(*api));
	api->class_name = class_name;
	api->name = name;
	api->system = kb_reads_system;
	api->next = kb_apis[bucket];
	kb_apis[bucket] = api;
	return api;
}

static bool kb_statement_api(const char *kind, const char *name, char **save)
{
	const char *colons = strstr(name, "::");
	struct api *api;
	char *token;

	if (!strcmp(kind, "method") && !colons)
		return false;
	if (!strcmp(kind, "fn"))
		api = kb_new(NULL, intern_z(name));
	else if (!strcmp(kind, "class"))
		api = kb_new(intern_z(name), NULL);
	else
		api = kb_new(intern(name, (size_t)(colons - name)), intern_z(colons + 2));
	while ((token = strtok_r(NULL, " \t", save)))
		if (!kb_add_fact(api, token))
			return false;
	return true;
}

static bool kb_statement_word(const char *kind, const char *name, char **save)
{
	const char *more = strtok_r(NULL, " \t", save);
	struct kb_word *w = arena_alloc(&run_arena, sizeof(*w));
	size_t bucket;
	char *end;

	w->name = intern_z(name);
	bucket = kb_bucket(w->name);
	if (!strcmp(kind, "smart"))
		w->kind = more && !strcmp(more, "watches") ? KB_SMART_WATCHES : KB_SMART;
	else if (!strcmp(kind, "loop"))
		w->kind = KB_LOOP;
	else if (!strcmp(kind, "attr"))
		w->kind = more && !strcmp(more, "auto") ? KB_HIDDEN_AUTO : KB_HIDDEN;
	else if (!strcmp(kind, "value") && more)
		w->kind = KB_VALUE;
	if (w->kind == KB_VALUE && more) {
		w->value = strtoll(more, &end, 0);
		if (end == more || *end)
			return false;
	} else if (more && w->kind != KB_HIDDEN_AUTO && w->kind != KB_SMART_WATCHES) {
		return false;
	}
	w->next = kb_words[bucket];
	kb_words[bucket] = w;
	return w->kind != 0;
}

static bool kb_statement(char *line)
{
	char *save = NULL;
	char *kind = strtok_r(line, " \t\r", &save);
	char *name;

	if (!kind)
		return true;
	name = strtok_r(NULL, " \t\r", &save);
	if (!name)
		return false;
	if (!strcmp(kind, "fn") || !strcmp(kind, "method") || !strcmp(kind, "class"))
		return kb_statement_api(kind, name, &save);
	return kb_statement_word(kind, name, &save);
}

static bool kb_is_of_system(const char *origin)
{
	static const char *const files[] = { "libc", "linux", "posix", "streams" };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (!strcmp(origin, files[i]))
			return true;
	return false;
}

int kb_add(const char *origin, const char *text)
{
	int r = 0;

	kb_reads_system = kb_is_of_system(origin);
	for (unsigned row = 1; *text; row++) {
		size_t n = strcspn(text, "\n");
		char *line = arena_copy(&run_arena, text, n);

		line[strcspn(line, "#\r")] = '\0';
		if (!kb_statement(line)) {
			complain("%s:%u: not a valid knowledge entry: %.*s", origin, row,
				 (int)(n > 100 ? 100 : n), text);
			r = -EINVAL;
		}
		text += n + (text[n] == '\n');
	}
	return r;
}

int kb_read(const char *path)
{
	struct text text = { 0 };
	int r = text_read(&text, path, 0, KB_MAX_FILE);

	if (!r)
		r = kb_add(path, text_done(&text));
	text_drop(&text);
	return r;
}

void kb_init(void)
{
	for (size_t i = 0; i < kb_builtin_count; i++)
		kb_add(kb_builtin[i].name, kb_builtin[i].text);
}

/* What is new stands at the front of its list. */
void kb_keep(void)
{
	memcpy(kb_apis_kept, kb_apis, sizeof(kb_apis));
	memcpy(kb_words_kept, kb_words, sizeof(kb_words));
}

void kb_forget(void)
{
	memcpy(kb_apis, kb_apis_kept, sizeof(kb_apis));
	memcpy(kb_words, kb_words_kept, sizeof(kb_words));
}
