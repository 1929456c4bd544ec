/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.c - postern call: one call of a service, its answer on stdout
 *
 * The parameters are checked here before anything is connected to: that a brace is missing is told with its place, and
 * not by a service that ends the connection.
 */
#include "ask.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALL_INPUT_MAX ((size_t)4 << 20) /* one message holds no more */

struct call_values {
	struct ask_values ask;
	struct fd_list fds;
	bool more;
	bool oneway;
	bool upgrade;
	int64_t idle;
};

static const struct option call_options[] = {
	ASK_OPTION_DEADLINE(
		"time for the answer; with --more for each, and without end but for the first"),
	{ .name = "more",
	  .help = "ask for several answers; each is printed as it comes",
	  .offset = offsetof(struct call_values, more) },
	{ .name = "oneway",
	  .help = "ask for no answer; ends when the call is sent",
	  .offset = offsetof(struct call_values, oneway) },
	{ .name = "upgrade",
	  .help = "ask for the connection: then it is stdin and stdout",
	  .offset = offsetof(struct call_values, upgrade) },
	{ .name = "fd",
	  .type = OPTION_FDS,
	  .argument = "N",
	  .help = "pass descriptor N, open here, with the call; may be repeated; the first is 0 in JSON",
	  .offset = offsetof(struct call_values, fds) },
	{ .name = "idle",
	  .type = OPTION_DURATION,
	  .argument = "TIME",
	  .standard = "30s",
	  .help = "with --upgrade: give up after this long without progress once stdin has ended",
	  .offset = offsetof(struct call_values, idle) },
	ASK_OPTION_SERVER_UID,
	{ .name = NULL },
};

/* ---- the parameters ---- */

/* Standard input, up to one byte more than may be; NULL. */
static char *call_read(const struct ask *a, size_t *ret_n)
{
	char *text = malloc(CALL_INPUT_MAX + 1);

	if (!text || input_read(STDIN_FILENO, text, CALL_INPUT_MAX + 1, ret_n) < 0) {
		output_error(a->verb, a->address, "cannot read stdin: %s", strerror(errno));
		free(text);
		return NULL;
	}
	return text;
}

static int call_check(const struct ask *a, const char *text, size_t n, bool is_stdin,
		      struct postern_json *ret)
{
	const char *what = is_stdin ? "stdin" : "JSON";
	struct postern_json_error error;
	size_t line, column;

	if (n > CALL_INPUT_MAX) {
		output_error(a->verb, a->address,
			     "%s is longer than 4 MiB, which one message holds", what);
		return EXIT_USAGE;
	}
	if (postern_json_check(text, n, ret, &error) < 0) {
		json_place(text, error.offset, &line, &column);
		output_error(a->verb, a->address, "%s:%zu:%zu: %s", what, line, column, error.text);
		return EXIT_USAGE;
	}
	if (postern_json_kind(*ret) != POSTERN_JSON_OBJECT) {
		output_error(a->verb, a->address,
			     "%s: parameters are an object, such as '{\"zone\":\"UTC\"}'", what);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static int call_parameters(const struct ask *a, char **ret_text, struct postern_json *ret)
{
	const struct common *common = &a->values->common;
	const char *argument = common->n_files > 2 ? common->files[2] : "{}";
	bool is_stdin = !strcmp(argument, "-");
	size_t n = strlen(argument);

	if (is_stdin) {
		*ret_text = call_read(a, &n);
		if (!*ret_text)
			return EXIT_NO_INPUT;
		argument = *ret_text;
	}
	return call_check(a, argument, n, is_stdin, ret);
}

/* ---- the call ---- */

static const char *call_wrong(const struct call_values *v)
{
	const struct common *common = &v->ask.common;

	if (common->n_files < 2)
		return "missing METHOD, with its interface: org.example.clock.Now";
	if (common->n_files > 3)
		return "too many arguments; JSON is one, in quotes: '{\"zone\":\"UTC\"}'";
	if (!strchr(common->files[1], '.'))
		return "METHOD has its interface before it: org.example.clock.Now";
	if (v->more + v->oneway + v->upgrade > 1)
		return "--more, --oneway and --upgrade exclude each other";
	if (v->idle && !v->upgrade)
		return "--idle is for --upgrade";
	if (v->upgrade && common->n_files > 2 && !strcmp(common->files[2], "-"))
		return "with --upgrade stdin is the connection's, and JSON an argument";
	return NULL;
}

/* Nobody else could take them: so it is said what they are, and they are closed. */
static void call_say_fds(const struct ask *a)
{
	uint32_t n = postern_caller_answer(a->caller)->n_fds;

	for (uint32_t i = 0; i < n; i++) {
		char kind[PATH_MAX] = "?", path[32];
		int fd = postern_caller_take_fd(a->caller, i);
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		length = readlink(path, kind, sizeof(kind) - 1);
		if (length > 0)
			kind[length] = '\0';
		output_error(a->verb, a->address, "descriptor %u came with the answer: %s", i,
			     kind);
		close(fd);
	}
}

static int call_answers(struct ask *a, const char *method, struct postern_json in,
			const struct fd_list *list, unsigned flags)
{
	/* Also without any: then descriptors may come with an answer. */
	const struct postern_fds fds = { list->fds, list->n };
	struct postern_json answer;
	int status = ask_call(a, method, in, &fds, flags, &answer);

	if (status || flags & POSTERN_CALL_ONEWAY)
		return status;
	do {
		json_print_answer(answer);
		call_say_fds(a);
		/* Whoever reads the answers of a stream waits for each. */
		if (!(flags & POSTERN_CALL_MORE) || fflush(stdout) != 0)
			return EXIT_DONE;
		status = ask_next(a, &answer);
	} while (status == EXIT_DONE);
	return status < 0 ? EXIT_DONE : status;
}

static int call_run(void *data)
{
	const struct call_values *v = data;
	unsigned flags =
		(v->more ? POSTERN_CALL_MORE : 0u) | (v->oneway ? POSTERN_CALL_ONEWAY : 0u);
	struct postern_json in = { "{}", 2 };
	char *text = NULL;
	struct ask a;
	int status = ask_open(&a, "call", &v->ask);
	const char *wrong = status ? NULL : call_wrong(v);

	if (wrong) {
		output_error("call", a.address, "%s", wrong);
		status = EXIT_USAGE;
	}
	if (!status)
		status = call_parameters(&a, &text, &in);
	if (!status && v->upgrade)
		status = call_upgrade(&v->ask, v->ask.common.files[1], in, &v->fds, v->idle);
	else if (!status)
		status = call_answers(&a, v->ask.common.files[1], in, &v->fds, flags);
	ask_close(&a);
	free(text);
	return status;
}

const struct verb verb_call = {
	.name = "call",
	.operands = "NAME METHOD [JSON]",
	.about = "Calls a method of a service.",
	.notes = "NAME: a name, a path, unix:PATH, unix:@NAME. METHOD: org.example.clock.Now.\n"
		 "JSON: the parameters, an object; - for stdin. The answer is one line, on a\n"
		 "terminal several. Ends with 1 if it is an error, whose name is on stderr.\n"
		 "After --upgrade the end of stdin is passed on; it ends when the service does.",
	.takes_files = true,
	.options = call_options,
	.size = sizeof(struct call_values),
	.run = call_run,
};
