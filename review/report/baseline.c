/* SPDX-License-Identifier: Apache-2.0 */
/* What an earlier run found. Only the keys are read from its JSON, each once per finding. */

#include "report/report.h"
#include "read/source.h"

#include <errno.h>
#include <string.h>

void baseline_key(const struct finding *finding, struct text *key)
{
	size_t n;
	const char *line = source_line(finding->source, finding->at.row, &n);
	uint64_t hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < n; i++)
		if (line[i] != ' ' && line[i] != '\t')
			hash = (hash ^ (unsigned char)line[i]) * UINT64_C(1099511628211);
	text_printf(key, "%s %s %016llx", finding->rule->id, finding->source->path,
		    (unsigned long long)hash);
}

static void baseline_mark(const char *s, size_t n)
{
	for (size_t i = 0; i < n_findings; i++) {
		struct text key = { 0 };
		const char *mine;

		if (findings[i]->old)
			continue;
		baseline_key(findings[i], &key);
		mine = text_done(&key);
		if (strlen(mine) == n && !memcmp(mine, s, n)) {
			findings[i]->old = true;
			return;
		}
	}
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
	static const char mark[] = "\"key\": \"";
	FILE *file = fopen(path, "re");
	struct text text = { 0 };
	char buffer[4096];
	const char *s;
	size_t n;

	if (!file)
		return -errno;
	while (text.n < SOURCE_MAX_SIZE && (n = fread(buffer, 1, sizeof(buffer), file)) > 0)
		text_add(&text, buffer, n);
	n = (size_t)ferror(file);
	fclose(file);
	if (n)
		return -EIO;
	s = text_done(&text);
	if (*s != '{' || !strstr(s, "\"findings\"") || !baseline_is_whole(s))
		return -EINVAL;
	while ((s = strstr(s, mark))) {
		s += sizeof(mark) - 1;
		baseline_mark(s, strcspn(s, "\""));
	}
	return 0;
}
