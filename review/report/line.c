/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line for each finding: as gcc writes its warnings, for the problem matchers of editors, and as
 * commands of a GitHub workflow, which shows them beside the changed lines.
 */

#include "report/report.h"
#include "read/source.h"

#include <string.h>

const char *report_name(const struct source *source)
{
	const char *path = source->path;

	if (*path == '/' || starts_with(path, "../"))
		return source->name;
	return starts_with(path, "./") ? path + 2 : path;
}

/* --- gcc --- */

static void gcc_place(FILE *out, const struct finding *finding, const char *word)
{
	write_plain_z(out, finding->source->path);
	fprintf(out, ":%u:%u: %s: ", finding->at.row + 1, finding->at.col + 1, word);
}

void report_gcc(FILE *out)
{
	static const char *const words[] = { "note", "warning", "error" };

	for (size_t i = 0; i < n_findings; i++) {
		const struct finding *finding = findings[i];

		if (finding->old)
			continue;
		gcc_place(out, finding, words[finding->severity]);
		write_plain_z(out, finding->message);
		fprintf(out, " [%s]\n", finding->rule->id);
		for (const struct finding *f = finding->more; f; f = f->more) {
			gcc_place(out, f, "note");
			fprintf(out, "likewise [%s]\n", f->rule->id);
		}
	}
	report_summary(out);
}

/* --- GitHub --- */

/*
 * "::error file=…,line=…::message": a line feed would end the command, and could begin another one;
 * in a property ':' and ',' end the value as well.
 */
static void github_text(FILE *out, const char *s, bool property)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f || c == '%' || (property && (c == ':' || c == ',')))
			fprintf(out, "%%%02X", c);
		else
			fputc(c, out);
	}
}

static void github_place(FILE *out, const struct finding *finding)
{
	static const char *const words[] = { "notice", "warning", "error" };

	fprintf(out, "::%s file=", words[finding->severity]);
	github_text(out, report_name(finding->source), true);
	fprintf(out, ",line=%u,col=%u,title=%s CWE-%s::", finding->at.row + 1, finding->at.col + 1,
		finding->rule->id, finding->cwe);
	github_text(out, finding->message, false);
}

void report_github(FILE *out)
{
	for (size_t i = 0; i < n_findings; i++) {
		if (findings[i]->old)
			continue;
		github_place(out, findings[i]);
		if (findings[i]->fix) {
			fputs("%0AFix: ", out);
			github_text(out, findings[i]->fix, false);
		}
		fputc('\n', out);
		for (const struct finding *f = findings[i]->more; f; f = f->more) {
			github_place(out, f);
			fputc('\n', out);
		}
	}
	report_summary(out);
}
