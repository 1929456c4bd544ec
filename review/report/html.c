/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One page with all findings, their code and the pages of their rules. It loads nothing, and its
 * policy forbids that it ever does; without scripts everything is there but the filter.
 *
 * Names and code are of others: what HTML takes for its own is escaped wherever it stands, also in
 * attributes, and nothing of it comes into the style or the script.
 */

#include "report/report.h"
#include "page-builtin.h"
#include "read/source.h"

#include <string.h>

enum {
	HTML_AROUND = 3, /* lines of code before and after the place */
	HTML_LINE = 300, /* bytes of one line */
	HTML_MAX_PLACES = 20,
};

/* --- text --- */

/*
 * Controls are shown as U+2400 and what follows; the marks that turn the direction of text, which
 * make code look like other code, by their number.
 */
static void html_character(FILE *out, const char *s, size_t n)
{
	unsigned char c = (unsigned char)*s;

	if (!n)
		fputs("&#xfffd;", out);
	else if (strchr("&<>\"'", c))
		fprintf(out, "&#%u;", c);
	else if (c < 0x20 && c != '\t')
		fprintf(out, "&#x%x;", 0x2400u + c);
	else if (c == 0x7f)
		fputs("&#x2421;", out);
	else if (n == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0)
		fprintf(out, "[U+%04X]", (unsigned char)s[1]);
	else if (n == 3 && c == 0xe2 && s[1] == '\x80' && s[2] >= '\xaa' && s[2] <= '\xae')
		fprintf(out, "[U+%04X]", 0x2000u + ((unsigned char)s[2] & 0x3fu));
	else if (n == 3 && c == 0xe2 && s[1] == '\x81' && s[2] >= '\xa6' && s[2] <= '\xa9')
		fprintf(out, "[U+%04X]", 0x2040u + ((unsigned char)s[2] & 0x3fu));
	else
		fwrite(s, 1, n, out);
}

/* Ends at a NUL, too. */
static void html_text_n(FILE *out, const char *s, size_t n)
{
	for (const char *end = s + n; s < end && *s;) {
		size_t length = utf8_length(s);

		/* A character that the limit cuts. */
		if (length > (size_t)(end - s))
			break;
		html_character(out, s, length);
		s += length ? length : 1;
	}
}

static void html_text(FILE *out, const char *s)
{
	html_text_n(out, s, strlen(s));
}

/* What stands in `backticks` is code; one that is left alone is a mere character. */
static void html_prose(FILE *out, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "`");
		const char *end = s[n] ? strchr(s + n + 1, '`') : NULL;

		if (!end) {
			html_text(out, s);
			return;
		}
		html_text_n(out, s, n);
		fputs("<code>", out);
		html_text_n(out, s + n + 1, (size_t)(end - s) - n - 1);
		fputs("</code>", out);
		s = end + 1;
	}
}

/* With its lines. */
static void html_page(FILE *out, const char *s)
{
	while (s && *s) {
		size_t n = strcspn(s, "\n");

		html_text_n(out, s, n);
		fputs(s[n] ? "\n" : "", out);
		s += n + (s[n] == '\n');
	}
}

/* --- one finding --- */

static bool html_marks(const struct finding *finding, uint32_t row)
{
	for (const struct finding *f = finding; f; f = f->more)
		if (f->at.row == row)
			return true;
	return false;
}

static void html_line(FILE *out, const struct finding *finding, uint32_t row)
{
	size_t n;
	const char *line = source_line(finding->source, row, &n);
	bool hit = html_marks(finding, row), also = finding->also.row == row;

	/* The text is a box of its own: its tabs count from there. */
	fprintf(out, "<span%s><span class=\"number\">%u</span><span>",
		hit    ? " class=\"hit\""
		: also ? " class=\"also\""
		       : "",
		row + 1);
	html_text_n(out, line, n > HTML_LINE ? HTML_LINE : n);
	fputs(n > HTML_LINE ? "&#8230;</span></span>\n" : "</span></span>\n", out);
}

/* The rows from which something is to be seen, each once, ascending. */
static size_t html_rows(const struct finding *finding, uint32_t rows[HTML_MAX_PLACES + 1])
{
	size_t n = 0;

	for (const struct finding *f = finding; f && n < HTML_MAX_PLACES; f = f->more)
		rows[n++] = f->at.row;
	if (finding->also.row < finding->source->n_lines)
		rows[n++] = finding->also.row;
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && rows[k] < rows[k - 1]; k--) {
			uint32_t row = rows[k];

			rows[k] = rows[k - 1];
			rows[k - 1] = row;
		}
	return n;
}

static void html_code(FILE *out, const struct finding *finding)
{
	uint32_t rows[HTML_MAX_PLACES + 1], next = 0;
	uint32_t last = finding->source->n_lines;
	size_t n = html_rows(finding, rows);

	/* What stands behind the last line feed is a line only if there is something. */
	if (last && finding->source->lines[last - 1] == finding->source->size)
		last--;
	fputs("<pre class=\"code\" tabindex=\"0\">", out);
	for (size_t i = 0; i < n; i++) {
		uint32_t from = rows[i] > HTML_AROUND ? rows[i] - HTML_AROUND : 0;
		uint32_t to = rows[i] + HTML_AROUND + 1;

		if (next && from > next)
			fputs("<span><span class=\"number\">&#8942;</span></span>\n", out);
		for (uint32_t row = from < next ? next : from; row < to && row < last; row++)
			html_line(out, finding, row);
		next = to > next ? to : next;
	}
	fputs("</pre>\n", out);
}

static void html_finding(FILE *out, const struct finding *finding, size_t number)
{
	const struct rule *rule = finding->rule;
	const char *severity = severity_word(finding->severity);

	fprintf(out,
		"<article class=\"finding %s\" id=\"f%zu\" tabindex=\"-1\" data-pillar=\"%d\" data-rule=\"%s\" data-file=\"%u\" data-severity=\"%s\">\n",
		severity, number, rule->pillar, rule->id, finding->source->number, severity);
	fprintf(out, "<h3><span class=\"level\">%s</span> <a href=\"#rule-%s\">%s</a> ", severity,
		rule->id, rule->id);
	html_text(out, rule->title);
	fputs("</h3>\n<p class=\"where\"><code>", out);
	html_text(out, finding->source->path);
	fprintf(out, ":%u:%u</code>", finding->at.row + 1, finding->at.col + 1);
	if (finding->function) {
		fputs(" in <code>", out);
		html_text(out, finding->function);
		fputs("</code>", out);
	}
	fprintf(out, ", CWE-%s</p>\n<p>", finding->cwe);
	html_prose(out, finding->message);
	fputs("</p>\n", out);
	html_code(out, finding);
	if (finding->fix) {
		fputs("<p><strong>Fix:</strong> ", out);
		html_prose(out, finding->fix);
		fputs("</p>\n", out);
	}
	fputs("</article>\n", out);
}

/* --- the filter --- */

static size_t html_count(const struct rule *rule, int pillar, int severity)
{
	size_t n = 0;

	for (size_t i = 0; i < n_findings; i++)
		n += !findings[i]->old && (!rule || findings[i]->rule == rule) &&
		     (!pillar || findings[i]->rule->pillar == pillar) &&
		     (severity < 0 || (int)findings[i]->severity == severity);
	return n;
}

static void html_select(FILE *out, const char *label, const char *name)
{
	fprintf(out, "<label>%s<select name=\"%s\"><option value=\"\">all</option>\n", label, name);
}

static void html_filter_pillars(FILE *out)
{
	static const int pillars[] = { 664, 707, 703 };

	html_select(out, "Pillar", "pillar");
	for (size_t i = 0; i < sizeof(pillars) / sizeof(*pillars); i++)
		if (html_count(NULL, pillars[i], -1))
			fprintf(out, "<option value=\"%d\">CWE-%d %s (%zu)</option>\n", pillars[i],
				pillars[i], pillar_title(pillars[i]),
				html_count(NULL, pillars[i], -1));
	fputs("</select></label>\n", out);
}

static void html_filter_rules(FILE *out)
{
	html_select(out, "Rule", "rule");
	for (size_t i = 0; i < rules_count; i++) {
		size_t n = html_count(rules_all[i], 0, -1);

		if (!n)
			continue;
		fprintf(out, "<option value=\"%s\">%s ", rules_all[i]->id, rules_all[i]->id);
		html_text(out, rules_all[i]->title);
		fprintf(out, " (%zu)</option>\n", n);
	}
	fputs("</select></label>\n", out);
}

/* The sources of a run are in the order of their names. A name may be anything, a number not. */
static void html_filter_files(FILE *out)
{
	size_t *n = arena_alloc(&run_arena, (program.n_sources + 1) * sizeof(*n));

	for (size_t i = 0; i < n_findings; i++)
		n[findings[i]->source->number] += !findings[i]->old;
	html_select(out, "File", "file");
	for (size_t i = 0; i < program.n_sources; i++) {
		if (!n[i])
			continue;
		fprintf(out, "<option value=\"%u\">", program.sources[i]->number);
		html_text(out, program.sources[i]->path);
		fprintf(out, " (%zu)</option>\n", n[i]);
	}
	fputs("</select></label>\n", out);
}

static void html_filter(FILE *out)
{
	fputs("<form id=\"filter\" class=\"filter\" hidden>\n", out);
	html_filter_pillars(out);
	html_filter_rules(out);
	html_filter_files(out);
	html_select(out, "Severity", "severity");
	for (int severity = SEVERITY_ERROR; severity >= SEVERITY_ADVICE; severity--)
		if (html_count(NULL, 0, severity))
			fprintf(out, "<option value=\"%s\">%s (%zu)</option>\n",
				severity_word((enum severity)severity),
				severity_word((enum severity)severity),
				html_count(NULL, 0, severity));
	fputs("</select></label>\n"
	      "<label>Text<input type=\"search\" name=\"text\" autocomplete=\"off\"></label>\n"
	      "<button type=\"reset\">Show all</button>\n"
	      "<span><output id=\"shown\"></output> <span class=\"dim\">(keys: j and k next and previous, / text, Esc shows all)</span></span>\n"
	      "</form>\n",
	      out);
}

/* --- the page --- */

static const char *html_builtin(const char *name)
{
	for (size_t i = 0; i < page_builtin_count; i++)
		if (!strcmp(page_builtin[i].name, name))
			return page_builtin[i].text;
	return "";
}

static void html_head(FILE *out, size_t n)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
	      out);
	fprintf(out,
		"<title>postern review: %zu findings</title>\n<style>\n%s</style>\n</head>\n<body>\n",
		n, html_builtin("style"));
	fprintf(out,
		"<header>\n<h1>postern review</h1>\n<p>%zu findings: %zu errors, %zu warnings, %zu advice</p>\n<p class=\"dim lines\">",
		n, html_count(NULL, 0, SEVERITY_ERROR), html_count(NULL, 0, SEVERITY_WARNING),
		html_count(NULL, 0, SEVERITY_ADVICE));
	report_summary(out);
	fputs("</p>\n</header>\n", out);
}

static void html_findings(FILE *out)
{
	int pillar = 0;

	fputs("<main>\n", out);
	for (size_t i = 0; i < n_findings; i++) {
		if (findings[i]->old)
			continue;
		if (findings[i]->rule->pillar != pillar) {
			fputs(pillar ? "</section>\n" : "", out);
			pillar = findings[i]->rule->pillar;
			fprintf(out, "<section class=\"pillar\">\n<h2>CWE-%d, %s</h2>\n", pillar,
				pillar_title(pillar));
		}
		html_finding(out, findings[i], i + 1);
	}
	fputs(pillar ? "</section>\n" : "<p>Nothing was found.</p>\n", out);
	fputs("</main>\n", out);
}

static void html_rules_found(FILE *out)
{
	fputs("<section>\n<h2>Rules</h2>\n", out);
	for (size_t i = 0; i < rules_count; i++) {
		const struct rule *rule = rules_all[i];

		if (!html_count(rule, 0, -1))
			continue;
		fprintf(out, "<details id=\"rule-%s\"><summary>%s ", rule->id, rule->id);
		html_text(out, rule->title);
		fputs("</summary>\n<p>If it stays: ", out);
		html_text(out, rule->consequence);
		fputs(".</p>\n<pre>", out);
		html_page(out, explain_page(rule->id));
		fputs("</pre>\n</details>\n", out);
	}
	fputs("</section>\n", out);
}

void report_html(FILE *out)
{
	size_t n = html_count(NULL, 0, -1);

	html_head(out, n);
	if (n)
		html_filter(out);
	html_findings(out);
	if (n) {
		html_rules_found(out);
		fprintf(out, "<script>\n%s</script>\n", html_builtin("script"));
	}
	fputs("</body>\n</html>\n", out);
}
