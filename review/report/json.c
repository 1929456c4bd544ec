/* SPDX-License-Identifier: Apache-2.0 */
/* JSON and SARIF 2.1.0. What is not UTF-8 in the input is written as U+FFFD. */

#include "report/report.h"
#include "read/source.h"

#include <ctype.h>
#include <string.h>

/* The build says which; a build by hand is none that was released. */
#ifndef REVIEW_VERSION
#define REVIEW_VERSION "0"
#endif

/* The length of the UTF-8 sequence at s, or 0. */
static size_t json_utf8(const unsigned char *s)
{
	size_t n = *s < 0x80             ? 1
		   : (*s & 0xe0) == 0xc0 ? 2
		   : (*s & 0xf0) == 0xe0 ? 3
		   : (*s & 0xf8) == 0xf0 ? 4
					 : 0;

	if (n == 2 && *s < 0xc2)
		return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
	    (*s == 0xf0 && s[1] < 0x90) || *s > 0xf4 || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

void json_string(FILE *out, const char *s)
{
	const unsigned char *p = (const unsigned char *)(s ? s : "");

	fputc('"', out);
	while (*p) {
		size_t n = json_utf8(p);

		if (!n)
			fputs("\\ufffd", out);
		else if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (*p < 0x20)
			fprintf(out, "\\u%04x", *p);
		else
			fwrite(p, 1, n, out);
		p += n ? n : 1;
	}
	fputc('"', out);
}

static void json_field(FILE *out, const char *name, const char *value)
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
	/* Its name until 0.2. */
	json_field(out, "mend", finding->fix);
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

static const char *sarif_level(enum severity severity)
{
	static const char *const levels[] = { "note", "warning", "error" };

	return levels[severity];
}

/* "A path is left behind" as PathIsLeftBehind: what viewers show beside the id. */
static void sarif_name(FILE *out, const char *title)
{
	bool upper = true;

	fputs("\"name\": \"", out);
	if (starts_with(title, "A "))
		title += 2;
	for (; *title; title++) {
		if (isalpha((unsigned char)*title))
			fputc(upper ? toupper((unsigned char)*title) : *title, out);
		upper = !isalpha((unsigned char)*title) && *title != '\'';
	}
	fputc('"', out);
}

static void sarif_rule(FILE *out, const struct rule *rule)
{
	fputs("          { ", out);
	json_field(out, "id", rule->id);
	fputs(", ", out);
	sarif_name(out, rule->title);
	fputs(", \"shortDescription\": { ", out);
	json_field(out, "text", rule->title);
	fputs(" }, \"fullDescription\": { ", out);
	json_field(out, "text", rule->consequence);
	fputs(" },\n            \"defaultConfiguration\": { ", out);
	json_field(out, "level", sarif_level(rule->severity));
	fputs(" },\n            \"properties\": { \"tags\": [\"security\"", out);
	for (const char *s = rule->cwe; *s; s += strcspn(s, ",") + (s[strcspn(s, ",")] == ','))
		fprintf(out, ", \"external/cwe/cwe-%.*s\"", (int)strcspn(s, ","), s);
	fputs("] } }", out);
}

/* A path as a URI: what a URI does not allow is escaped. */
static void sarif_uri(FILE *out, const char *path)
{
	fputc('"', out);
	if (starts_with(path, "./"))
		path += 2;
	if (*path == '/')
		fputs("file://", out);
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if (c > 0x20 && c < 0x7f && !strchr("\"%<>\\^`{|}#?[]", c))
			fputc(c, out);
		else
			fprintf(out, "%%%02X", c);
	}
	fputc('"', out);
}

static void sarif_place(FILE *out, const struct finding *finding, struct pos at)
{
	size_t n;
	const char *line = source_line(finding->source, at.row, &n);

	fputs("{ \"physicalLocation\": { \"artifactLocation\": { \"uri\": ", out);
	sarif_uri(out, finding->source->path);
	fprintf(out, " }, \"region\": { \"startLine\": %u, \"startColumn\": %u, \"snippet\": { ",
		at.row + 1, at.col + 1);
	json_field(out, "text", arena_copy(&run_arena, line, n > 500 ? 500 : n));
	fputs(" } } } }", out);
}

static void sarif_related(FILE *out, const struct finding *finding)
{
	bool also = finding->also.row != UINT32_MAX;

	if (!also && !finding->more)
		return;
	fputs(",\n          \"relatedLocations\": [", out);
	if (also)
		sarif_place(out, finding, finding->also);
	for (const struct finding *f = finding->more; f; f = f->more) {
		fputs(also || f != finding->more ? ",\n            " : "", out);
		sarif_place(out, f, f->at);
	}
	fputs("]", out);
}

static void sarif_result(FILE *out, const struct finding *finding)
{
	struct text message = { 0 };
	struct text key = { 0 };
	size_t rule = 0;

	while (rules_all[rule] != finding->rule)
		rule++;
	text_puts(&message, finding->message);
	if (finding->fix)
		text_printf(&message, " Fix: %s", finding->fix);
	fputs("        { ", out);
	json_field(out, "ruleId", finding->rule->id);
	fprintf(out, ", \"ruleIndex\": %zu, ", rule);
	json_field(out, "level", sarif_level(finding->severity));
	fputs(",\n          \"message\": { ", out);
	json_field(out, "text", text_done(&message));
	fputs(" },\n          \"locations\": [", out);
	sarif_place(out, finding, finding->at);
	fputs("]", out);
	sarif_related(out, finding);
	baseline_key(finding, &key);
	fputs(",\n          \"partialFingerprints\": { ", out);
	json_field(out, "posternReview/v1", text_done(&key));
	fputs(" } }", out);
}

void report_sarif(FILE *out)
{
	size_t n = 0;

	fputs("{\n  \"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n"
	      "  \"version\": \"2.1.0\",\n  \"runs\": [\n    {\n      \"tool\": { \"driver\": {\n"
	      "        \"name\": \"postern-review\", \"version\": \"" REVIEW_VERSION "\",\n"
	      "        \"rules\": [\n",
	      out);
	for (size_t i = 0; i < rules_count; i++) {
		sarif_rule(out, rules_all[i]);
		fputs(i + 1 < rules_count ? ",\n" : "\n", out);
	}
	fputs("        ] } },\n      \"columnKind\": \"unicodeCodePoints\",\n      \"results\": [",
	      out);
	for (size_t i = 0; i < n_findings; i++) {
		if (findings[i]->old)
			continue;
		fputs(n++ ? ",\n" : "\n", out);
		sarif_result(out, findings[i]);
	}
	fprintf(out, "%s]\n    }\n  ]\n}\n", n ? "\n      " : "");
}
