/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages: a header as in HTTP with the length of what follows, and JSON. A header that has no
 * length ends the server, because nobody can tell where the next message begins.
 */

#include "lsp/lsp.h"
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

/* The length that the header says, or -1. */
static int64_t frame_length(const char *header, size_t n)
{
	static const char name[] = "content-length:";
	int64_t length = -1;

	for (const char *line = header, *end = header + n, *next; line < end; line = next) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		char *last;

		stop = stop ? stop : end;
		next = stop + 1;
		if ((size_t)(stop - line) < sizeof(name) ||
		    strncasecmp(line, name, sizeof(name) - 1) != 0)
			continue;
		line += sizeof(name) - 1;
		line += strspn(line, " \t");
		length = *line >= '0' && *line <= '9' ? strtoll(line, &last, 10) : -1;
		if (length < 0 || last + strspn(last, " \t\r") < stop)
			return -1;
	}
	return length;
}

int lsp_take_message(struct lsp *lsp, char **body, size_t *n)
{
	size_t limit = lsp->in.n < LSP_MAX_HEADER ? lsp->in.n : LSP_MAX_HEADER, header;
	const char *end = limit ? memmem(lsp->in.s, limit, "\r\n\r\n", 4) : NULL;
	int64_t length;

	if (!end) {
		if (lsp->in.n < LSP_MAX_HEADER)
			return 0;
		complain("no message of the language server protocol: its header has no end");
		return -1;
	}
	header = (size_t)(end - lsp->in.s) + 4;
	length = frame_length(lsp->in.s, header - 4);
	if (length < 0 || length > LSP_MAX_MESSAGE) {
		complain(length < 0 ? "a message without a valid Content-Length"
				    : "a message of more than 64 MB");
		return -1;
	}
	if (lsp->in.n - header < (size_t)length)
		return 0;
	*n = (size_t)length;
	*body = malloc(*n + 1);
	if (!*body)
		abort();
	memcpy(*body, lsp->in.s + header, *n);
	(*body)[*n] = '\0';
	lsp->in.n -= header + *n;
	memmove(lsp->in.s, lsp->in.s + header + *n, lsp->in.n);
	if (!lsp->in.n)
		text_drop(&lsp->in);
	return 1;
}

FILE *lsp_begin(struct lsp *lsp)
{
	lsp->body_file = open_memstream(&lsp->body, &lsp->body_n);
	if (!lsp->body_file)
		abort();
	fputs("{\"jsonrpc\":\"2.0\",", lsp->body_file);
	return lsp->body_file;
}

void lsp_end(struct lsp *lsp)
{
	fputc('}', lsp->body_file);
	fclose(lsp->body_file);
	lsp->body_file = NULL;
	text_printf(&lsp->out, "Content-Length: %zu\r\n\r\n", lsp->body_n);
	text_add(&lsp->out, lsp->body, lsp->body_n);
	free(lsp->body);
	lsp->body = NULL;
}

FILE *lsp_begin_result(struct lsp *lsp, const struct json *id)
{
	FILE *out = lsp_begin(lsp);

	fputs("\"id\":", out);
	lsp_write_json(out, id);
	fputs(",\"result\":", out);
	return out;
}

void lsp_reply_null(struct lsp *lsp, const struct json *id)
{
	fputs("null", lsp_begin_result(lsp, id));
	lsp_end(lsp);
}

void lsp_reply_error(struct lsp *lsp, const char *id, enum lsp_error code, const char *why)
{
	FILE *out = lsp_begin(lsp);

	fprintf(out, "\"id\":%s,\"error\":{\"code\":%d,\"message\":", id, (int)code);
	json_string(out, why);
	fputc('}', out);
	lsp_end(lsp);
}

void lsp_log(struct lsp *lsp, const char *format, ...)
{
	struct text text = { 0 };
	char line[1024];
	va_list ap;
	FILE *out;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	text_puts(&text, line);
	out = lsp_begin(lsp);
	fputs("\"method\":\"window/logMessage\",\"params\":{\"type\":2,\"message\":", out);
	json_string(out, text.s);
	fputc('}', out);
	lsp_end(lsp);
	text_drop(&text);
}

void lsp_write_json(FILE *out, const struct json *value)
{
	static const char *const words[] = { "null", "false", "true" };
	bool object = value && value->kind == JSON_OBJECT;

	if (!value || value->kind <= JSON_TRUE) {
		fputs(words[value ? value->kind : JSON_NULL], out);
	} else if (value->kind == JSON_NUMBER) {
		fwrite(value->text, 1, value->n, out);
	} else if (value->kind == JSON_STRING) {
		json_string(out, value->text);
	} else {
		fputc(object ? '{' : '[', out);
		for (const struct json *v = value->first; v; v = v->next) {
			if (object) {
				json_string(out, v->name);
				fputc(':', out);
			}
			lsp_write_json(out, v);
			if (v->next)
				fputc(',', out);
		}
		fputc(object ? '}' : ']', out);
	}
}

char *lsp_json_text(const struct json *value)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	if (!out)
		abort();
	lsp_write_json(out, value);
	fclose(out);
	return text;
}
