/* SPDX-License-Identifier: Apache-2.0 */
/* JSON. What is not UTF-8 in the input is written as U+FFFD. */

#include "report/report.h"
#include "read/source.h"

#include <string.h>

void json_string(FILE *out, const char *s)
{
	fputc('"', out);
	for (const char *p = s ? s : ""; *p;) {
		size_t n = utf8_length(p);

		if (!n)
			fputs("\\ufffd", out);
		else if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if ((unsigned char)*p < 0x20)
			fprintf(out, "\\u%04x", (unsigned char)*p);
		else
			fwrite(p, 1, n, out);
		p += n ? n : 1;
	}
	fputc('"', out);
}

void json_field(FILE *out, const char *name, const char *value)
{
	fprintf(out, "\"%s\": ", name);
	json_string(out, value);
}

static void json_source_line(FILE *out, const struct finding *finding)
{
	struct text key = { 0 };

	baseline_key(finding, &key);
	json_field(out, "key", text_done(&key));
}

/* The further places of the same root, each with its key, as a baseline knows places. */
static void json_places(FILE *out, const struct finding *finding)
{
	if (!finding->more)
		return;
	fputs("\"places\": [", out);
	for (const struct finding *f = finding->more; f; f = f->more) {
		fputs(f == finding->more ? "\n        { " : ",\n        { ", out);
		json_field(out, "file", f->source->path);
		fprintf(out, ", \"line\": %u, \"column\": %u, ", f->at.row + 1, f->at.col + 1);
		json_source_line(out, f);
		fputs(" }", out);
	}
	fputs(" ],\n      ", out);
}

/* Lines and columns from 1, columns in bytes; what ends an edit is not part of it. */
static void json_edits(FILE *out, const struct finding *finding)
{
	if (!finding->edits)
		return;
	fputs("\"edits\": [", out);
	for (const struct edit *e = finding->edits; e; e = e->next) {
		fprintf(out,
			"%s{ \"line\": %u, \"column\": %u, \"end_line\": %u, \"end_column\": %u, ",
			e == finding->edits ? "" : ", ", e->from.row + 1, e->from.col + 1,
			e->to.row + 1, e->to.col + 1);
		json_field(out, "text", e->text);
		fputs(" }", out);
	}
	fputs("],\n      ", out);
}

static void json_finding(FILE *out, const struct finding *finding)
{
	char cwe[32], pillar[32];

	snprintf(cwe, sizeof(cwe), "CWE-%s", finding->cwe);
	snprintf(pillar, sizeof(pillar), "CWE-%d", finding->rule->pillar);
	fputs("    { ", out);
	json_field(out, "rule", finding->rule->id);
	fputs(", ", out);
	json_field(out, "cwe", cwe);
	fputs(", ", out);
	json_field(out, "pillar", pillar);
	fputs(", ", out);
	json_field(out, "severity", severity_word(finding->severity));
	fputs(",\n      ", out);
	json_field(out, "file", finding->source->path);
	fprintf(out, ", \"line\": %u, \"column\": %u, ", finding->at.row + 1, finding->at.col + 1);
	/* The second place, or else what the finding says it belongs to. */
	if (finding->more)
		fprintf(out, "\"also\": %u, ", finding->more->at.row + 1);
	else if (finding->also.row != UINT32_MAX)
		fprintf(out, "\"also\": %u, ", finding->also.row + 1);
	json_field(out, "function", finding->function);
	fputs(",\n      ", out);
	json_field(out, "message", finding->message);
	fputs(",\n      ", out);
	json_field(out, "fix", finding->fix);
	fputs(",\n      ", out);
	json_places(out, finding);
	json_edits(out, finding);
	json_source_line(out, finding);
	fputs(" }", out);
}

void report_json(FILE *out)
{
	size_t n = 0;

	fputs("{\n  \"findings\": [", out);
	for (size_t i = 0; i < n_findings; i++) {
		if (findings[i]->old)
			continue;
		fputs(n++ ? ",\n" : "\n", out);
		json_finding(out, findings[i]);
	}
	fprintf(out,
		"%s],\n  \"summary\": { \"findings\": %zu, \"functions\": %zu, \"waits\": %zu, \"resources\": %zu, \"not_understood\": %zu,\n    \"silent_for_unknown_calls\": %zu, \"silent_for_unknown_blocks\": %zu, \"silent_for_unknown_words\": %zu, \"silent_for_syntax_errors\": %zu }\n}\n",
		n ? "\n  " : "", n, program.n_checked, program.n_waits, program.n_resources,
		program.n_skipped, program.unknown_calls, program.unknown_blocks,
		program.unknown_words, program.syntax_errors);
}
