/* SPDX-License-Identifier: Apache-2.0 */
/* The report as a careful reviewer writes it. */

#include "report/report.h"
#include "read/source.h"

#include <string.h>

struct palette {
	const char *bold, *where, *rule, *dim, *off;
};

static const struct palette text_plain = { "", "", "", "", "" };
static const struct palette text_colours = { "\033[1m", "\033[36m", "\033[31m", "\033[2m",
					     "\033[0m" };

const char *severity_word(enum severity severity)
{
	static const char *const words[] = { "advice", "warning", "error" };

	return words[severity];
}

const char *pillar_title(int pillar)
{
	switch (pillar) {
	case 664:
		return "Improper Control of a Resource Through its Lifetime";
	case 707:
		return "Improper Neutralization";
	default:
		return "Improper Check or Handling of Exceptional Conditions";
	}
}

static void text_finding(FILE *out, const struct finding *finding, const struct palette *p)
{
	size_t n;
	const char *line = source_line(finding->source, finding->at.row, &n);

	while (n && (*line == ' ' || *line == '\t')) {
		line++;
		n--;
	}
	fprintf(out, "\n  %s", p->where);
	write_plain_z(out, finding->source->path);
	fprintf(out, ":%u:%u%s: %s%s %s%s (CWE-%s)\n", finding->at.row + 1, finding->at.col + 1,
		p->off, p->rule, severity_word(finding->severity), finding->rule->id, p->off,
		finding->cwe);
	fprintf(out, "      %s", p->dim);
	write_plain(out, line, n > 200 ? 200 : n);
	fprintf(out, "%s\n    ", p->off);
	write_plain_z(out, finding->message);
	fputc('\n', out);
	for (const struct finding *f = finding->more; f; f = f->more)
		fprintf(out, "%s %u%s", f == finding->more ? "    Likewise on line" : ",",
			f->at.row + 1, f->more ? "" : ".\n");
}

static void text_pillar_note(FILE *out, int pillar, size_t from)
{
	if (pillar != 707)
		return;
	for (size_t i = from; i < n_findings && findings[i]->rule->pillar == pillar; i++)
		if (findings[i]->rule->id[0] == 'W' && !findings[i]->old) {
			fputs("  (Waits without an end are CWE-835, which the tree has under CWE-691; reviews of such code file them here.)\n",
			      out);
			return;
		}
}

/* Findings with one fix are one solution. */
static void text_solutions(FILE *out, const struct palette *p)
{
	unsigned number = 0;

	for (size_t i = 0; i < n_findings; i++) {
		bool first = true;

		if (!findings[i]->fix || findings[i]->old)
			continue;
		for (size_t k = 0; k < i; k++)
			first &= findings[k]->old || findings[k]->fix != findings[i]->fix;
		if (!first)
			continue;
		if (!number++)
			fprintf(out, "\n%sSolutions%s\n", p->bold, p->off);
		fprintf(out, "\n%3u. For", number);
		for (size_t k = i; k < n_findings; k++) {
			if (findings[k]->old || findings[k]->fix != findings[i]->fix)
				continue;
			fprintf(out, "%s %s (", k == i ? "" : ",", findings[k]->rule->id);
			write_plain_z(out, findings[k]->source->path);
			fprintf(out, ":%u)", findings[k]->at.row + 1);
		}
		fputs(": ", out);
		write_plain_z(out, findings[i]->fix);
		fputc('\n', out);
	}
}

/* "silent where it depends on 3 calls of unknown functions and 1 block behind an unknown word" */
static void report_silence(FILE *out)
{
	const struct {
		size_t n;
		const char *one, *many;
	} parts[] = {
		{ program.unknown_calls, "call of an unknown function",
		  "calls of unknown functions" },
		{ program.unknown_blocks, "block behind an unknown word",
		  "blocks behind unknown words" },
		{ program.unknown_words, "word that may clean up", "words that may clean up" },
		{ program.syntax_errors, "function with syntax errors",
		  "functions with syntax errors" },
	};
	size_t last = 0, said = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		last = parts[i].n ? i : last;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (!parts[i].n)
			continue;
		fputs(!said++ ? "silent where it depends on " : i == last ? " and " : ", ", out);
		fprintf(out, "%zu %s", parts[i].n, parts[i].n == 1 ? parts[i].one : parts[i].many);
	}
	if (said)
		fputc('\n', out);
}

void report_summary(FILE *out)
{
	fprintf(out, "checked %zu functions, %zu waits, %zu resources; %zu not understood\n",
		program.n_checked, program.n_waits, program.n_resources, program.n_skipped);
	report_silence(out);
}

void report_text(FILE *out, bool colour)
{
	const struct palette *p = colour ? &text_colours : &text_plain;
	int pillar = 0;
	unsigned number = 0;

	for (size_t i = 0; i < n_findings; i++) {
		if (findings[i]->old)
			continue;
		if (findings[i]->rule->pillar != pillar) {
			pillar = findings[i]->rule->pillar;
			fprintf(out, "%s%s%u. CWE-%d (%s)%s\n", number ? "\n" : "", p->bold,
				number + 1, pillar, pillar_title(pillar), p->off);
			number++;
			text_pillar_note(out, pillar, i);
		}
		text_finding(out, findings[i], p);
	}
	text_solutions(out, p);
	if (number)
		fputc('\n', out);
	report_summary(out);
}
