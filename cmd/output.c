/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c - the command's output: lines, reasons, JSON
 *
 * A line is one write, so that lines of several processes do not mix; stderr.c makes sure that it does not wait.
 */
#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_LINE 8192 /* a path is at most 4,096 */

static size_t output_add(char *line, size_t at, size_t size, const char *format, va_list args)
	__attribute__((format(printf, 4, 0)));

static size_t output_add(char *line, size_t at, size_t size, const char *format, va_list args)
{
	int n = vsnprintf(line + at, size - at, format, args);

	if (n < 0)
		return at;
	return (size_t)n < size - at ? at + (size_t)n : size - 1;
}

static size_t output_addf(char *line, size_t at, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static size_t output_addf(char *line, size_t at, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	at = output_add(line, at, size, format, args);
	va_end(args);
	return at;
}

/* line has room for one more byte than n. */
static void output_put(char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 127)
			line[i] = '?';
	line[n++] = '\n';
	stderr_line(line, n);
}

void output_error(const char *verb, const char *name, const char *format, ...)
{
	char line[OUTPUT_LINE + 1];
	size_t n = output_addf(line, 0, OUTPUT_LINE, "postern");
	va_list args;

	if (verb)
		n = output_addf(line, n, OUTPUT_LINE, " %s", verb);
	n = output_addf(line, n, OUTPUT_LINE, ": ");
	/* A name from the command line may have any length, and the rest of the line matters more. */
	if (name)
		n = output_addf(line, n, OUTPUT_LINE, "%.200s%s: ", name,
				strlen(name) > 200 ? "..." : "");
	va_start(args, format);
	n = output_add(line, n, OUTPUT_LINE, format, args);
	va_end(args);
	output_put(line, n);
}

void output_line(const char *format, ...)
{
	char line[OUTPUT_LINE + 1];
	va_list args;
	size_t n;

	va_start(args, format);
	n = output_add(line, 0, OUTPUT_LINE, format, args);
	va_end(args);
	output_put(line, n);
}

int output_status(const struct postern_reason *why)
{
	switch (why->code) {
	case POSTERN_REASON_ENDED:
	case POSTERN_REASON_CLOSED:
		return EXIT_DONE;
	case POSTERN_REASON_TIMEOUT:
	case POSTERN_REASON_NO_SERVER:
		return EXIT_NO_SERVER;
	case POSTERN_REASON_IDLE:
	case POSTERN_REASON_NO_RESOURCES:
		return EXIT_TRY_AGAIN;
	case POSTERN_REASON_NOT_ALLOWED:
		return EXIT_NOT_ALLOWED;
	case POSTERN_REASON_WRONG_TYPE:
		return EXIT_WRONG_TYPE;
	case POSTERN_REASON_NAME_IN_USE:
	case POSTERN_REASON_NAME_LOST:
		return EXIT_NAME_IN_USE;
	default:
		return why->error == -EINVAL || why->error == -ENAMETOOLONG || why->error == -EBADF
			       ? EXIT_USAGE
			       : EXIT_IO;
	}
}

void output_text(const char *verb, const char *name, const char *text)
{
	size_t n = name ? strlen(name) : 0;

	if (n && !strncmp(text, name, n) && !strncmp(text + n, ": ", 2))
		text += n + 2;
	output_error(verb, name, "%s", text);
}

int output_reason(const char *verb, const char *name, const struct postern_reason *why)
{
	output_text(verb, name, why->text);
	return output_status(why);
}

int output_errno(const char *verb, const char *name, const char *what, int error)
{
	const struct postern_reason why = { .code = POSTERN_REASON_FAILED, .error = error };

	output_error(verb, name, "%s: %s", what, strerror(-error));
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM ? EXIT_TRY_AGAIN
									: output_status(&why);
}

/* The kernel returns pid 0 if the peer's pid namespace is not visible from ours. */
struct output_peer_text output_peer(const struct postern_peer *peer)
{
	struct output_peer_text ret;
	int n = snprintf(ret.text, sizeof(ret.text), "uid %lu, pid ", (unsigned long)peer->uid);

	if (peer->pid)
		snprintf(ret.text + n, sizeof(ret.text) - (size_t)n, "%ld", (long)peer->pid);
	else
		snprintf(ret.text + n, sizeof(ret.text) - (size_t)n, "? (foreign pid namespace)");
	return ret;
}

void output_state(const char *verb, const char *name, const struct postern_conn *c, int state)
{
	struct postern_conn_counters counters = { .attempts = 0 };
	const struct postern_reason *why = postern_conn_why(c);

	postern_conn_get_counters(c, &counters, sizeof(counters));
	if (state == POSTERN_STATE_WAITING && why)
		output_text(verb, name, why->text);
	else if (state == POSTERN_STATE_CONNECTED)
		output_error(verb, name, "attempt %u: connected", counters.attempts);
}

/* The length of the UTF-8 character at p, or 0: overlong forms and surrogates are not characters. */
static size_t output_utf8(const unsigned char *p)
{
	size_t n = *p < 0x80   ? 1
		   : *p < 0xc2 ? 0
		   : *p < 0xe0 ? 2
		   : *p < 0xf0 ? 3
		   : *p < 0xf5 ? 4
			       : 0;

	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

void output_json(FILE *out, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	fputc('"', out);
	while (*p) {
		size_t n = output_utf8(p);

		if (!n)
			fputs("\\ufffd", out);
		else if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (*p < ' ')
			fprintf(out, "\\u%04x", *p);
		else
			fwrite(p, 1, n, out);
		p += n ? n : 1;
	}
	fputc('"', out);
}

void output_cell(FILE *out, const char *text, int width)
{
	for (; *text; text++, width--)
		fputc((unsigned char)*text < ' ' || *text == 127 ? '?' : *text, out);
	for (; width > 0; width--)
		fputc(' ', out);
}

int output_finish(const char *verb, int status)
{
	if (fflush(stdout) || ferror(stdout)) {
		if (errno != EPIPE)
			output_error(verb, NULL, "cannot write to stdout: %s", strerror(errno));
		status = status ? status : EXIT_IO;
	}
	stderr_tell_lost();
	return status;
}
