/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c - the command's output: lines, reasons, JSON
 *
 * A line is one write, so that lines of several processes do not mix; stderr.c makes sure that it does not wait.
 */
#include "command.h"

#include "base/words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_LINE 8192 /* a path is at most 4,096 */
#define OUTPUT_SAFE 32768

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

static void output_put(const char *line)
{
	char safe[OUTPUT_SAFE + 1];
	size_t n;

	words_safe(safe, OUTPUT_SAFE, line);
	n = strlen(safe);
	safe[n++] = '\n';
	stderr_line(safe, n);
}

void output_error(const char *verb, const char *name, const char *format, ...)
{
	char line[OUTPUT_LINE];
	size_t n = output_addf(line, 0, OUTPUT_LINE, "postern");
	va_list args;

	if (verb)
		n = output_addf(line, n, OUTPUT_LINE, " %s", verb);
	n = output_addf(line, n, OUTPUT_LINE, ": ");
	/* A name from the command line may have any length, and the rest of the line matters more. */
	if (name)
		n = output_addf(line, n, OUTPUT_LINE, "%s: ", words_name(name).text);
	va_start(args, format);
	output_add(line, n, OUTPUT_LINE, format, args);
	va_end(args);
	output_put(line);
}

void output_line(const char *format, ...)
{
	char line[OUTPUT_LINE];
	va_list args;

	va_start(args, format);
	output_add(line, 0, OUTPUT_LINE, format, args);
	va_end(args);
	output_put(line);
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

/* What a program sets in a struct a user of the command sets with an option. */
static void output_without_fields(char *ret, size_t size, const char *text)
{
	static const struct {
		const char *field, *option;
	} fields[] = {
		{ "postern_conn_options.low_water is above high_water",
		  "--low-water is above --high-water" },
		{ "postern_conn_options.high_water", "--high-water" },
		{ "postern_server_options.backlog", "--backlog" },
		{ "postern_server_options.access", "--access" },
		{ "add it to .server_uids if", "name it with --server-uid if" },
	};
	size_t at = 0, i;

	while (*text && at + 1 < size) {
		for (i = 0; i < sizeof(fields) / sizeof(*fields); i++)
			if (!strncmp(text, fields[i].field, strlen(fields[i].field)))
				break;
		if (i < sizeof(fields) / sizeof(*fields)) {
			at = output_addf(ret, at, size, "%s", fields[i].option);
			text += strlen(fields[i].field);
		} else {
			ret[at++] = *text++;
		}
	}
	ret[at] = 0;
}

void output_text(const char *verb, const char *name, const char *text)
{
	struct words_name shown = { .text = "" };
	char said[OUTPUT_LINE];
	size_t n;

	if (name)
		shown = words_name(name);
	n = strlen(shown.text);
	if (n && !strncmp(text, shown.text, n) && !strncmp(text + n, ": ", 2))
		text += n + 2;
	output_without_fields(said, sizeof(said), text);
	output_error(verb, name, "%s", said);
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

/* Beyond 16 bits it takes two halves. */
static void output_json_hidden(FILE *out, uint32_t c)
{
	if (c > 0xffff)
		fprintf(out, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((c - 0x10000) >> 10)),
			(unsigned)(0xdc00 + (c & 0x3ff)));
	else
		fprintf(out, "\\u%04x", (unsigned)c);
}

void output_json(FILE *out, const char *text)
{
	uint32_t c;
	size_t n;

	fputc('"', out);
	for (; *text; text += n ? n : 1) {
		n = words_character(text, &c);
		if (!n)
			fputs("\\ufffd", out);
		else if (words_is_hidden(c))
			output_json_hidden(out, c);
		else if (c == '"' || c == '\\')
			fprintf(out, "\\%c", (int)c);
		else
			fwrite(text, 1, n, out);
	}
	fputc('"', out);
}

void output_cell(FILE *out, const char *text, int width)
{
	char next[WORDS_NEXT];

	while (*text) {
		size_t taken = words_next(next, text), n = strlen(next);

		fputs(next, out);
		width -= n == taken ? 1 : (int)n;
		text += taken;
	}
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

void output_open_standard(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0 && open("/", O_PATH) < 0)
			_Exit(EXIT_IO);
}
