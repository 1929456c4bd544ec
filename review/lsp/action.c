/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked about a finding, and done about it. */

#include "lsp/lsp.h"
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

/* The diagnostics of the text as it is; the first, or NULL. */
static const struct json *action_diagnostics(struct lsp *lsp, const struct lsp_document *document)
{
	const struct json *all = NULL;
	const char *why;

	if (document && document->diagnostics)
		all = json_read(&lsp->arena, document->diagnostics, strlen(document->diagnostics),
				&why);
	return all && all->kind == JSON_ARRAY ? all->first : NULL;
}

/* --- hover --- */

static bool action_is_before(struct lsp_position a, struct lsp_position b)
{
	return a.line < b.line || (a.line == b.line && a.character < b.character);
}

/* The finding under the cursor, or else the first of its line. */
static const struct json *action_under(const struct json *first, struct lsp_position at)
{
	const struct json *of_line = NULL;
	struct lsp_position from, to;

	for (const struct json *d = first; d; d = d->next) {
		if (!range_read(json_get(d, "range"), &from, &to) || from.line != at.line)
			continue;
		if (!action_is_before(at, from) && !action_is_before(to, at))
			return d;
		of_line = of_line ? of_line : d;
	}
	return of_line;
}

static char *action_page(const struct lsp *lsp, const struct json *diagnostic, const char *id)
{
	const struct json *data = json_get(diagnostic, "data");
	const struct rule *rule = rule_by_id(id);
	const char *bold = lsp->plain_hover ? "" : "**";
	const char *fence = lsp->plain_hover ? "" : "```text\n";
	const char *fix = json_get_text(data, "fix");
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	if (!out)
		abort();
	fprintf(out, "%s%s (%s)%s: %s, CWE-%s\n\n%s\n", bold, id, json_get_text(data, "severity"),
		bold, rule->title, json_get_text(data, "cwe"), json_get_text(data, "says"));
	if (fix && *fix)
		fprintf(out, "\n%sFix:%s %s\n", bold, bold, fix);
	fprintf(out, "\nIf it stays: %s.\n\n%s%s%s", rule->consequence, fence, explain_page(id),
		lsp->plain_hover ? "" : "```\n");
	fclose(out);
	return text;
}

void action_hover(struct lsp *lsp, const struct lsp_document *document, const struct json *id,
		  const struct json *params)
{
	struct lsp_position at;
	const struct json *found = NULL;
	const char *rule;
	FILE *out;
	char *page;

	if (position_read(json_get(params, "position"), &at))
		found = action_under(action_diagnostics(lsp, document), at);
	rule = json_get_text(found, "code");
	if (!rule || !rule_by_id(rule) || !explain_page(rule)) {
		lsp_reply_null(lsp, id);
		return;
	}
	page = action_page(lsp, found, rule);
	out = lsp_begin_result(lsp, id);
	fprintf(out, "{\"contents\":{\"kind\":\"%s\",\"value\":",
		lsp->plain_hover ? "plaintext" : "markdown");
	json_string(out, page);
	fputs("},\"range\":", out);
	lsp_write_json(out, json_get(found, "range"));
	fputc('}', out);
	lsp_end(lsp);
	free(page);
}

/* --- code actions --- */

/* Up to the member that has the edits, which action_end() closes. */
static void action_begin(const struct lsp *lsp, const struct lsp_document *document, FILE *out,
			 const struct json *diagnostic, const char *title, size_t *n)
{
	fputs((*n)++ ? ",{\"title\":" : "{\"title\":", out);
	json_string(out, title);
	fputs(",\"kind\":\"quickfix\",\"diagnostics\":[", out);
	lsp_write_json(out, diagnostic);
	fputs("],\"edit\":{", out);
	if (lsp->versioned_edits) {
		fputs("\"documentChanges\":[{\"textDocument\":{\"uri\":", out);
		json_string(out, document->uri);
		fprintf(out, ",\"version\":%s},\"edits\":", document->version);
	} else {
		fputs("\"changes\":{", out);
		json_string(out, document->uri);
		fputc(':', out);
	}
}

static void action_end(const struct lsp *lsp, FILE *out)
{
	fputs(lsp->versioned_edits ? "}]}" : "}}", out);
}

static void action_fix(const struct lsp *lsp, const struct lsp_document *document, FILE *out,
		       const struct json *diagnostic, size_t *n)
{
	const struct json *data = json_get(diagnostic, "data"), *edits = json_get(data, "edits");
	const char *fix = json_get_text(data, "fix");
	char title[200];
	int n_title;

	if (!edits || !edits->first)
		return;
	n_title = snprintf(title, sizeof(title), "Fix %s: %s", json_get_text(diagnostic, "code"),
			   fix && *fix ? fix : "as its edit says");
	if (n_title >= (int)sizeof(title)) {
		size_t cut = sizeof(title) - 5;

		/* Not in the middle of a character. */
		while (((unsigned char)title[cut] & 0xc0) == 0x80)
			cut--;
		memcpy(title + cut, "...", 4);
	}
	action_begin(lsp, document, out, diagnostic, title, n);
	lsp_write_json(out, edits);
	action_end(lsp, out);
	fputs(",\"isPreferred\":true}", out);
}

/* A comment of its own line; NULL: the line above goes on in this one, and a comment would cut it off. */
static char *action_comment(const struct lsp *lsp, const struct lsp_document *document,
			    uint32_t line, const char *rule)
{
	const char *text = document->text.s;
	size_t begin =
		position_to_offset(lsp, text, document->text.n, (struct lsp_position){ line, 0 });
	size_t end = begin, blank = strspn(text + begin, " \t");
	struct text comment = { 0 };
	bool crlf;

	while (end && (text[end - 1] == '\n' || text[end - 1] == '\r'))
		end--;
	crlf = begin >= 2 && text[begin - 1] == '\n' && text[begin - 2] == '\r';
	if (end && text[end - 1] == '\\')
		return NULL;
	text_add(&comment, text + begin, blank);
	/* In two parts, so that this line is no suppression itself. */
	text_puts(&comment, "// postern-review");
	text_printf(&comment, ": ignore %s reason%s", rule, crlf ? "\r\n" : "\n");
	return comment.s;
}

static void action_suppress(const struct lsp *lsp, const struct lsp_document *document, FILE *out,
			    const struct json *diagnostic, uint32_t line, size_t *n)
{
	const char *rule = json_get_text(diagnostic, "code");
	char *comment = action_comment(lsp, document, line, rule);
	char title[100];

	if (!comment)
		return;
	snprintf(title, sizeof(title), "Suppress %s with a comment", rule);
	action_begin(lsp, document, out, diagnostic, title, n);
	fprintf(out,
		"[{\"range\":{\"start\":{\"line\":%u,\"character\":0},\"end\":{\"line\":%u,\"character\":0}},\"newText\":",
		line, line);
	json_string(out, comment);
	fputs("}]", out);
	action_end(lsp, out);
	fputc('}', out);
	free(comment);
}

/* The client wants all kinds, or quick fixes among them. */
static bool action_is_wanted(const struct json *params)
{
	const struct json *context = json_get(params, "context"), *only = json_get(context, "only");

	return !only || only->kind != JSON_ARRAY || json_get_has(context, "only", "quickfix") ||
	       json_get_has(context, "only", "");
}

void action_list(struct lsp *lsp, const struct lsp_document *document, const struct json *id,
		 const struct json *params)
{
	const struct json *d = action_diagnostics(lsp, document);
	struct lsp_position from, to, begin, end;
	FILE *out = lsp_begin_result(lsp, id);
	size_t n = 0;

	fputc('[', out);
	if (!action_is_wanted(params) || !range_read(json_get(params, "range"), &from, &to))
		d = NULL;
	/* A cursor anywhere in the line means its findings. */
	for (; d; d = d->next) {
		if (!range_read(json_get(d, "range"), &begin, &end) || end.line < from.line ||
		    begin.line > to.line || !json_get_text(d, "code"))
			continue;
		action_fix(lsp, document, out, d, &n);
		action_suppress(lsp, document, out, d, begin.line, &n);
	}
	fputc(']', out);
	lsp_end(lsp);
}
