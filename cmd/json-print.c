/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json-print.c - JSON for people, or one line of it for programs
 *
 * A string is printed as it stands in the text, so that what a program reads is what was sent, byte for byte. Only what a
 * terminal would obey or not show is written as its escape, which means the same.
 */
#include "ask.h"

#include "base/words.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct print {
	FILE *out;
	bool is_pretty;
	unsigned depth;
};

static void print_line(const struct print *p)
{
	if (p->is_pretty)
		fprintf(p->out, "\n%*s", (int)(2 * p->depth), "");
}

static void print_hidden(FILE *out, uint32_t c)
{
	if (c > 0xffff)
		fprintf(out, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((c - 0x10000) >> 10)),
			(unsigned)(0xdc00 + (c & 0x3ff)));
	else
		fprintf(out, "\\u%04x", (unsigned)c);
}

static void print_string(const struct print *p, struct postern_json s)
{
	char next[5];
	uint32_t c;
	size_t n;

	if (!p->is_pretty) {
		fwrite(s.text, 1, s.n, p->out);
		return;
	}
	/* Checked text: each character is whole, and its end is the quote. */
	for (size_t i = 0; i < s.n; i += n) {
		size_t left = s.n - i < 4 ? s.n - i : 4;

		memcpy(next, s.text + i, left);
		next[left] = 0;
		n = words_character(next, &c);
		if (!n)
			n = 1;
		else if (words_is_hidden(c)) {
			print_hidden(p->out, c);
			continue;
		}
		fwrite(s.text + i, 1, n, p->out);
	}
}

static void print_value(struct print *p, struct postern_json v);

static void print_container(struct print *p, struct postern_json v, bool is_object)
{
	struct postern_json_walk walk;
	struct postern_json name, value;
	bool is_empty = true;

	fputc(is_object ? '{' : '[', p->out);
	p->depth++;
	if (postern_json_enter(&walk, v) == 0) {
		while (postern_json_next(&walk, &name, &value) > 0) {
			if (!is_empty)
				fputc(',', p->out);
			is_empty = false;
			print_line(p);
			if (is_object) {
				print_string(p, name);
				fputs(p->is_pretty ? ": " : ":", p->out);
			}
			print_value(p, value);
		}
	}
	p->depth--;
	if (!is_empty)
		print_line(p);
	fputc(is_object ? '}' : ']', p->out);
}

static void print_value(struct print *p, struct postern_json v)
{
	int kind = postern_json_kind(v);

	if (kind == POSTERN_JSON_OBJECT || kind == POSTERN_JSON_ARRAY)
		print_container(p, v, kind == POSTERN_JSON_OBJECT);
	else if (kind == POSTERN_JSON_STRING)
		print_string(p, v);
	else
		fwrite(v.text, 1, v.n, p->out);
}

void json_print(FILE *out, struct postern_json value, bool is_pretty)
{
	struct print p = { .out = out, .is_pretty = is_pretty };

	print_value(&p, value);
}

void json_print_answer(struct postern_json value)
{
	json_print(stdout, value, isatty(STDOUT_FILENO));
	putchar('\n');
}

void json_print_text(FILE *out, struct postern_json string)
{
	char *text = malloc(string.n + 1);
	ssize_t n = text ? postern_json_string(string, text, string.n + 1) : -1;

	/* A \0 in it would end it too early, and nothing that is shown has one. */
	if (n > 0)
		output_cell(out, text, 0);
	free(text);
}

void json_place(const char *text, size_t offset, size_t *ret_line, size_t *ret_column)
{
	*ret_line = *ret_column = 1;
	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			++*ret_line;
			*ret_column = 1;
		} else if ((text[i] & 0xc0) != 0x80) {
			++*ret_column;
		}
	}
}
