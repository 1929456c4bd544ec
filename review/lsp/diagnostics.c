/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings of one document as diagnostics. What hover and code actions need beyond that goes into
 * "data": the server keeps the diagnostics as they are here and looks nothing up elsewhere.
 */

#include "lsp/lsp.h"
#include "read/source.h"
#include "report/report.h"

#include <string.h>
#include <sys/stat.h>

/* A file may be reviewed under another path than the editor has it. */
static bool diagnostics_is_of(const struct source *source, const struct lsp_file *file)
{
	struct stat st;

	if (source->inode && stat(file->path, &st) == 0)
		return source->inode == (uint64_t)st.st_ino &&
		       source->device == (uint64_t)st.st_dev;
	return !strcmp(source->path, file->path);
}

static size_t diagnostics_offset(const struct source *source, struct pos at)
{
	return at.row < source->n_lines ? source->lines[at.row] + at.col : source->size;
}

static void diagnostics_position(const struct lsp *lsp, const struct lsp_file *file, FILE *out,
				 const char *name, size_t offset)
{
	struct lsp_position p = position_of_offset(lsp, file->text, file->size, offset);

	fprintf(out, "\"%s\":{\"line\":%u,\"character\":%u}", name, p.line, p.character);
}

static void diagnostics_range(const struct lsp *lsp, const struct lsp_file *file, FILE *out,
			      size_t from, size_t to)
{
	fputs("\"range\":{", out);
	diagnostics_position(lsp, file, out, "start", from);
	fputc(',', out);
	diagnostics_position(lsp, file, out, "end", to);
	fputc('}', out);
}

static bool diagnostics_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || (unsigned char)c >= 0x80;
}

/* From the place of a finding to the end of its word, or of its line. */
static size_t diagnostics_end(const struct lsp_file *file, size_t from)
{
	size_t to = from;

	while (to < file->size && diagnostics_is_word(file->text[to]))
		to++;
	if (to > from)
		return to;
	while (to < file->size && file->text[to] != '\n' && file->text[to] != '\r')
		to++;
	while (to > from + 1 && (file->text[to - 1] == ' ' || file->text[to - 1] == '\t'))
		to--;
	return to;
}

static void diagnostics_related_one(const struct lsp *lsp, const struct lsp_file *file, FILE *out,
				    const char *uri, const struct source *source, struct pos at,
				    const char *message)
{
	size_t from = diagnostics_offset(source, at);

	fputs("{\"location\":{\"uri\":", out);
	json_string(out, uri);
	fputc(',', out);
	diagnostics_range(lsp, file, out, from, diagnostics_end(file, from));
	fputs("},\"message\":", out);
	json_string(out, message);
	fputc('}', out);
}

static void diagnostics_related(const struct lsp *lsp, const struct lsp_file *file, FILE *out,
				const struct finding *finding)
{
	bool also = finding->also.row != UINT32_MAX;

	if (!also && !finding->more)
		return;
	fputs(",\"relatedInformation\":[", out);
	if (also)
		diagnostics_related_one(lsp, file, out, file->uri, finding->source, finding->also,
					"belongs to it");
	for (const struct finding *f = finding->more; f; f = f->more) {
		fputs(also || f != finding->more ? "," : "", out);
		diagnostics_related_one(lsp, file, out, file->uri, f->source, f->at, "likewise");
	}
	fputc(']', out);
}

static void diagnostics_edits(const struct lsp *lsp, const struct lsp_file *file, FILE *out,
			      const struct finding *finding)
{
	fputs(",\"edits\":[", out);
	for (const struct edit *e = finding->edits; e; e = e->next) {
		fputs(e == finding->edits ? "{" : ",{", out);
		diagnostics_range(lsp, file, out, diagnostics_offset(finding->source, e->from),
				  diagnostics_offset(finding->source, e->to));
		fputs(",\"newText\":", out);
		json_string(out, e->text);
		fputc('}', out);
	}
	fputc(']', out);
}

static void diagnostics_message(FILE *out, const struct finding *finding)
{
	char *message =
		arena_printf(&run_arena, "%s%s%s", finding->message, finding->fix ? "\nFix: " : "",
			     finding->fix ? finding->fix : "");

	fputs(",\"message\":", out);
	json_string(out, message);
}

static void diagnostics_one(const struct lsp *lsp, const struct lsp_file *file, FILE *out,
			    const struct finding *finding)
{
	/* Information, warning and error. */
	static const int levels[] = { 3, 2, 1 };
	size_t from = diagnostics_offset(finding->source, finding->at);

	fputc('{', out);
	diagnostics_range(lsp, file, out, from, diagnostics_end(file, from));
	fprintf(out, ",\"severity\":%d,\"code\":\"%s\",\"source\":\"postern\"",
		levels[finding->severity], finding->rule->id);
	fprintf(out,
		",\"codeDescription\":{\"href\":\"https://cwe.mitre.org/data/definitions/%s.html\"}",
		finding->cwe);
	diagnostics_message(out, finding);
	diagnostics_related(lsp, file, out, finding);
	fprintf(out, ",\"data\":{\"severity\":\"%s\",\"cwe\":\"%s\",\"says\":",
		severity_word(finding->severity), finding->cwe);
	json_string(out, finding->message);
	fputs(",\"fix\":", out);
	json_string(out, finding->fix);
	diagnostics_edits(lsp, file, out, finding);
	fputs("}}", out);
}

void diagnostics_write(const struct lsp *lsp, const struct lsp_file *file, FILE *out)
{
	size_t n = 0;

	fputc('[', out);
	for (size_t i = 0; i < n_findings; i++) {
		if (findings[i]->old || !diagnostics_is_of(findings[i]->source, file))
			continue;
		fputs(n++ ? "," : "", out);
		diagnostics_one(lsp, file, out, findings[i]);
	}
	fputc(']', out);
}
