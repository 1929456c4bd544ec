/* SPDX-License-Identifier: Apache-2.0 */
/* SARIF 2.1.0: rules with their help, results with their places, and the fixes that are certain. */

#include "report/report.h"
#include "read/source.h"

#include <ctype.h>
#include <string.h>

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
	fputs(" },\n            \"help\": { ", out);
	json_field(out, "text", explain_page(rule->id));
	fputs(", ", out);
	/* What stands behind a tab is code for Markdown too. */
	json_field(out, "markdown", explain_page(rule->id));
	/* The page of the weakness: rules have no address of their own. */
	fprintf(out,
		" },\n            \"helpUri\": \"https://cwe.mitre.org/data/definitions/%.*s.html\"",
		(int)strcspn(rule->cwe, ","), rule->cwe);
	fputs(",\n            \"defaultConfiguration\": { ", out);
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

/* Columns of SARIF count code points, and begin with 1. */
static unsigned sarif_column(const struct source *source, struct pos at)
{
	const char *line = source->text + source->lines[at.row];
	unsigned column = 1;

	for (uint32_t i = 0; i < at.col && line[i] && line[i] != '\n'; column++) {
		size_t n = utf8_length(line + i);

		i += n ? (uint32_t)n : 1;
	}
	return column;
}

static void sarif_place(FILE *out, const struct finding *finding, struct pos at)
{
	size_t n;
	const char *line = source_line(finding->source, at.row, &n);

	fputs("{ \"physicalLocation\": { \"artifactLocation\": { \"uri\": ", out);
	sarif_uri(out, finding->source->path);
	fprintf(out, " }, \"region\": { \"startLine\": %u, \"startColumn\": %u, \"snippet\": { ",
		at.row + 1, sarif_column(finding->source, at));
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

static void sarif_replacement(FILE *out, const struct source *source, const struct edit *edit)
{
	fprintf(out,
		"{ \"deletedRegion\": { \"startLine\": %u, \"startColumn\": %u, \"endLine\": %u, \"endColumn\": %u },\n              \"insertedContent\": { ",
		edit->from.row + 1, sarif_column(source, edit->from), edit->to.row + 1,
		sarif_column(source, edit->to));
	json_field(out, "text", edit->text);
	fputs(" } }", out);
}

static void sarif_fixes(FILE *out, const struct finding *finding)
{
	if (!finding->edits)
		return;
	fputs(",\n          \"fixes\": [{ \"description\": { ", out);
	json_field(out, "text", finding->fix);
	fputs(" },\n            \"artifactChanges\": [{ \"artifactLocation\": { \"uri\": ", out);
	sarif_uri(out, finding->source->path);
	fputs(" }, \"replacements\": [", out);
	for (const struct edit *edit = finding->edits; edit; edit = edit->next) {
		fputs(edit == finding->edits ? "" : ",\n            ", out);
		sarif_replacement(out, finding->source, edit);
	}
	fputs("] }] }]", out);
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
	sarif_fixes(out, finding);
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
