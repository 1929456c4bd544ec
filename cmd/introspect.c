/* SPDX-License-Identifier: Apache-2.0 */
/* introspect.c - postern introspect: the descriptions of a service's interfaces */
#include "ask.h"

#include "base/words.h"
#include "core/idl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct introspect_values {
	struct ask_values ask;
	bool list;
	bool methods;
};

static const struct option introspect_options[] = {
	{ .name = "list",
	  .help = "print the names of the interfaces only",
	  .offset = offsetof(struct introspect_values, list) },
	{ .name = "methods",
	  .help = "print the names of the methods only, as call takes them",
	  .offset = offsetof(struct introspect_values, methods) },
	ASK_OPTION_DEADLINE("time for each answer"),
	ASK_OPTION_SERVER_UID,
	{ .name = NULL },
};

struct introspect {
	const struct introspect_values *values;
	struct ask ask;
	size_t printed;
};

/* ---- printing ---- */

static void introspect_plain(const char *text, size_t n)
{
	char next[WORDS_NEXT];

	/* A program gets what the service has sent; a terminal what is safe to show. */
	if (!isatty(STDOUT_FILENO)) {
		fwrite(text, 1, n, stdout);
		return;
	}
	while (*text) {
		if (*text == '\n' || *text == '\t') {
			putchar(*text++);
			continue;
		}
		text += words_next(next, text);
		fputs(next, stdout);
	}
}

static void introspect_print(struct introspect *x, const char *text, size_t n)
{
	const char *no_color = getenv("NO_COLOR");
	bool is_colourful = isatty(STDOUT_FILENO) && !(no_color && *no_color);

	if (x->printed++ > 0)
		putchar('\n');
	if (!is_colourful || !paint_description(stdout, text, n))
		introspect_plain(text, n);
	if (n > 0 && text[n - 1] != '\n')
		putchar('\n');
}

static int introspect_methods(struct introspect *x, const char *name, const char *text, size_t n)
{
	size_t size = IDL_ARENA(n);
	void *arena = malloc(size);
	struct idl_error error;
	struct idl *idl;
	int status = EXIT_DONE;

	if (!arena) {
		output_error("introspect", x->ask.address, "out of memory");
		return EXIT_TRY_AGAIN;
	}
	if (idl_parse(text, n, arena, size, &idl, &error) < 0) {
		output_error("introspect", x->ask.address, "%s:%zu:%zu: %s", name, error.line,
			     error.column, error.text);
		status = EXIT_ANSWERED_ERROR;
	} else {
		for (const struct idl_member *m = idl->members; m; m = m->next)
			if (m->kind == IDL_METHOD)
				printf("%.*s.%.*s\n", (int)idl->name.n, idl->name.text,
				       (int)m->node.name.n, m->node.name.text);
	}
	free(arena);
	return status;
}

/* ---- asking ---- */

/* The text of a string in a block of its own; NULL: there is none, or no memory. */
static char *introspect_text(struct postern_json string, size_t *ret_n)
{
	char *text = malloc(string.n + 1);
	ssize_t n = text ? postern_json_string(string, text, string.n + 1) : -1;

	if (n < 0) {
		free(text);
		return NULL;
	}
	*ret_n = (size_t)n;
	return text;
}

static int introspect_unusable(const struct introspect *x)
{
	output_error("introspect", x->ask.address,
		     "its answer is not what org.varlink.service describes");
	return EXIT_IO;
}

static int introspect_one(struct introspect *x, const char *name)
{
	char in[512];
	struct postern_json_writer w;
	struct postern_json answer, description;
	char *text = NULL;
	size_t n = 0;
	ssize_t size;
	int status;

	postern_json_write_begin(&w, in, sizeof(in));
	postern_json_write_object(&w);
	postern_json_write_name(&w, "interface");
	postern_json_write_text(&w, name);
	postern_json_write_end(&w);
	size = postern_json_write_finish(&w);
	if (size < 0) {
		output_error("introspect", x->ask.address, "'%s' is no name of an interface",
			     words_name(name).text);
		return EXIT_USAGE;
	}
	status = ask_itself(&x->ask, "org.varlink.service.GetInterfaceDescription",
			    (struct postern_json){ in, (size_t)size }, &answer);
	if (status)
		return status;
	if (postern_json_find(answer, "description", &description) > 0)
		text = introspect_text(description, &n);
	if (!text)
		return introspect_unusable(x);
	if (x->values->methods)
		status = introspect_methods(x, name, text, n);
	else
		introspect_print(x, text, n);
	free(text);
	return status;
}

/* Those that every service has: who wants to see them names them. */
static bool introspect_is_common(const char *name)
{
	return !strcmp(name, "org.varlink.service") || !strcmp(name, "io.postern") ||
	       !strcmp(name, "io.postern.Statistics") || !strcmp(name, "io.postern.Trace");
}

/* The names in the answer, which the next call takes away: one a line. */
static char *introspect_names(struct introspect *x, int *ret_status)
{
	struct postern_json info, list, name;
	struct postern_json_walk walk;
	char *names = NULL;
	size_t n = 0, length;
	FILE *out;

	*ret_status = ask_itself(&x->ask, "org.varlink.service.GetInfo",
				 (struct postern_json){ "{}", 2 }, &info);
	if (*ret_status)
		return NULL;
	if (postern_json_find(info, "interfaces", &list) <= 0 ||
	    postern_json_kind(list) != POSTERN_JSON_ARRAY || postern_json_enter(&walk, list) < 0) {
		*ret_status = introspect_unusable(x);
		return NULL;
	}
	out = open_memstream(&names, &n);
	while (out && postern_json_next(&walk, NULL, &name) > 0) {
		char *text = introspect_text(name, &length);

		if (text)
			fprintf(out, "%s\n", text);
		free(text);
	}
	if (!out || fclose(out) != 0) {
		output_error("introspect", x->ask.address, "out of memory");
		*ret_status = EXIT_TRY_AGAIN;
		free(names);
		return NULL;
	}
	return names;
}

static int introspect_all(struct introspect *x)
{
	int status, r;
	char *names = introspect_names(x, &status), *rest = names, *name;

	while (rest && (name = strsep(&rest, "\n")) && *name) {
		if (x->values->list) {
			output_cell(stdout, name, 0);
			putchar('\n');
		} else if (!introspect_is_common(name) || x->values->methods) {
			r = introspect_one(x, name);
			/* One that it has and does not describe does not hide the others. */
			status = r > status ? r : status;
		}
	}
	free(names);
	return status;
}

static int introspect_run(void *data)
{
	struct introspect x = { .values = data };
	const struct common *common = data;
	int status = ask_open(&x.ask, "introspect", &x.values->ask);

	if (!status && (common->n_files > 2 || (common->n_files == 2 && x.values->list))) {
		output_error("introspect", x.ask.address,
			     "unexpected argument '%s'; see: postern introspect --help",
			     common->files[common->n_files - 1]);
		status = EXIT_USAGE;
	}
	if (!status)
		status = common->n_files > 1 ? introspect_one(&x, common->files[1])
					     : introspect_all(&x);
	ask_close(&x.ask);
	return status;
}

const struct verb verb_introspect = {
	.name = "introspect",
	.operands = "NAME [INTERFACE]",
	.about = "Prints the interfaces of a service.",
	.notes = "Without INTERFACE: all but org.varlink.service, io.postern and\n"
		 "io.postern.Statistics, which are the library's. In colours on a terminal,\n"
		 "unless NO_COLOR is set.",
	.takes_files = true,
	.options = introspect_options,
	.size = sizeof(struct introspect_values),
	.run = introspect_run,
};
