/* SPDX-License-Identifier: Apache-2.0 */
/* What an earlier run found. Only the keys are read from its JSON, each once per finding. */

#include "report/report.h"
#include "read/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void baseline_key(const struct finding *finding, struct text *key)
{
	size_t n;
	const char *line = source_line(finding->source, finding->at.row, &n);
	uint64_t hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < n; i++)
		if (line[i] != ' ' && line[i] != '\t')
			hash = (hash ^ (unsigned char)line[i]) * UINT64_C(1099511628211);
	text_printf(key, "%s %s %016llx", finding->rule->id, finding->source->name,
		    (unsigned long long)hash);
}

/* The finding's key as JSON has it, so that no string of a baseline need be taken apart. */
static const char *baseline_string(const struct finding *finding)
{
	struct text key = { 0 };
	const char *interned;
	char *s = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&s, &n);

	baseline_key(finding, &key);
	if (!out)
		return NULL;
	json_string(out, text_done(&key));
	interned = fclose(out) == 0 ? intern(s, n) : NULL;
	free(s);
	return interned;
}

/* One finding for each time that the key comes: a second one on an equal line is new. */
static void baseline_mark(const char *const keys[], const char *key)
{
	for (size_t i = 0; i < n_findings; i++)
		if (keys[i] == key && !findings[i]->old) {
			findings[i]->old = true;
			return;
		}
}

/* The length of a string of JSON with its quotes. */
static size_t baseline_length(const char *s)
{
	size_t n = 1;

	while (s[n] && s[n] != '"')
		n += s[n] == '\\' && s[n + 1] ? 2 : 1;
	return n + (s[n] == '"');
}

/* As many brackets close as open, outside of strings: nothing was cut off. */
static bool baseline_is_whole(const char *s)
{
	bool string = false;
	int depth = 0;

	for (; *s; s++) {
		if (*s == '"')
			string = !string;
		else if (string && *s == '\\' && s[1])
			s++;
		else if (!string && (*s == '{' || *s == '['))
			depth++;
		else if (!string && (*s == '}' || *s == ']') && --depth < 0)
			return false;
	}
	return !string && depth == 0;
}

int baseline_read(const char *path)
{
	static const char mark[] = "\"key\": ";
	struct text text = { 0 };
	const char **keys, *s;
	int r = text_read(&text, path, 0, SOURCE_MAX_SIZE);
	size_t n;

	s = text_done(&text);
	if (r)
		return r;
	if (*s != '{' || !strstr(s, "\"findings\"") || !baseline_is_whole(s))
		return -EINVAL;
	keys = arena_alloc(&run_arena, (n_findings + 1) * sizeof(*keys));
	for (size_t i = 0; i < n_findings; i++)
		keys[i] = baseline_string(findings[i]);
	while ((s = strstr(s, mark))) {
		s += sizeof(mark) - 1;
		n = *s == '"' ? baseline_length(s) : 0;
		baseline_mark(keys, intern(s, n));
		s += n;
	}
	return 0;
}
