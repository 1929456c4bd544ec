/* SPDX-License-Identifier: Apache-2.0 */
/* The edits of a file as a unified diff. */

#include "report/apply.h"
#include "report/report.h"
#include "read/source.h"

#include <string.h>

enum { DIFF_CONTEXT = 3 };

struct hunk {
	struct text body;
	uint32_t before, after; /* lines */
};

/* As git quotes names, where that is needed. */
static void hunk_name(FILE *out, const char *sign, const char *folder, const char *name)
{
	bool plain = true;

	for (const char *s = name; *s; s++)
		plain &= *s != '"' && *s != '\\' && (unsigned char)*s >= 0x20 && *s != 0x7f;
	if (plain) {
		fprintf(out, "%s %s%s\n", sign, folder, name);
		return;
	}
	fprintf(out, "%s \"%s", sign, folder);
	for (const char *s = name; *s; s++)
		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			fprintf(out, "\\%03o", (unsigned char)*s);
		else
			fputc(*s, out);
	fputs("\"\n", out);
}

/* Each line of the text behind the sign. */
static uint32_t hunk_lines(struct text *body, char sign, const char *s, size_t n)
{
	uint32_t lines = 0;

	while (n) {
		const char *end = memchr(s, '\n', n);
		size_t length = end ? (size_t)(end - s) + 1 : n;

		text_add(body, &sign, 1);
		text_add(body, s, length);
		if (!end)
			text_puts(body, "\n\\ No newline at end of file\n");
		s += length;
		n -= length;
		lines++;
	}
	return lines;
}

static uint32_t hunk_row(const struct source *source, uint32_t row)
{
	return row < source->n_lines ? source->lines[row] : source->size;
}

static void hunk_context(struct hunk *hunk, const struct apply *apply, uint32_t from, uint32_t to)
{
	uint32_t begin = hunk_row(apply->source, from), end = hunk_row(apply->source, to);
	uint32_t lines = hunk_lines(&hunk->body, ' ', apply->text + begin, end - begin);

	hunk->before += lines;
	hunk->after += lines;
}

/* The rows from one to the other are changed. */
static void hunk_change(struct hunk *hunk, const struct apply *apply, uint32_t from, uint32_t to)
{
	uint32_t begin = hunk_row(apply->source, from), end = hunk_row(apply->source, to);
	struct text text = { 0 };
	size_t n;

	apply_text(apply, &text, begin, end);
	n = text.n;
	hunk->before += hunk_lines(&hunk->body, '-', apply->text + begin, end - begin);
	hunk->after += hunk_lines(&hunk->body, '+', text_done(&text), n);
}

/* The edits that share rows with the one at i, or touch them. */
static size_t hunk_cluster(const struct apply *apply, size_t i, uint32_t *end)
{
	*end = apply->edits[i]->to.row + 1;
	for (i++; i < apply->n && apply->edits[i]->from.row <= *end; i++)
		*end = apply->edits[i]->to.row + 1;
	return i;
}

/* One hunk from the edit at i on; the edit that the next one begins with. */
static size_t hunk_print(FILE *out, const struct apply *apply, size_t i, int64_t *shift)
{
	uint32_t row = apply->edits[i]->from.row, end = row, last = apply->source->n_lines;
	uint32_t first = row > DIFF_CONTEXT ? row - DIFF_CONTEXT : 0;
	struct hunk hunk = { 0 };
	size_t n;
	char *body;

	hunk_context(&hunk, apply, first, row);
	while (i < apply->n && apply->edits[i]->from.row <= end + 2 * DIFF_CONTEXT) {
		row = apply->edits[i]->from.row;
		if (row > end)
			hunk_context(&hunk, apply, end, row);
		i = hunk_cluster(apply, i, &end);
		hunk_change(&hunk, apply, row, end);
	}
	hunk_context(&hunk, apply, end, end + DIFF_CONTEXT < last ? end + DIFF_CONTEXT : last);
	fprintf(out, "@@ -%u,%u +%lld,%u @@\n", first + 1, hunk.before,
		(long long)first + 1 + *shift, hunk.after);
	*shift += (int64_t)hunk.after - hunk.before;
	n = hunk.body.n;
	body = text_done(&hunk.body);
	fwrite(body, 1, n, out);
	return i;
}

void apply_diff(FILE *out, const struct apply *apply)
{
	const char *name = report_name(apply->source);
	int64_t shift = 0;

	hunk_name(out, "---", "a/", name);
	hunk_name(out, "+++", "b/", name);
	for (size_t i = 0; i < apply->n;)
		i = hunk_print(out, apply, i, &shift);
}
