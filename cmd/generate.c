/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate.c - postern generate: C from descriptions of interfaces
 *
 * The files are named as FILE is, because that is all a build knows before it runs this. A file that would stay the same is
 * not touched, so that nothing is built again. One that this has not written is never replaced: clock.c, beside
 * clock.varlink, may be somebody's program.
 */
#include "generate.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GENERATE_SUFFIX ".varlink"
#define GENERATE_MARK   "/* Written by postern generate "

struct generate_values {
	struct common common;
	const char *output;
	const char *prefix;
};

static const struct option generate_options[] = {
	{ .name = "output",
	  .letter = 'o',
	  .type = OPTION_TEXT,
	  .argument = "DIR",
	  .standard = "this directory",
	  .help = "where the files go",
	  .offset = offsetof(struct generate_values, output) },
	{ .name = "prefix",
	  .type = OPTION_TEXT,
	  .argument = "NAME",
	  .standard = "the last part of the interface's name",
	  .help = "what names in C begin with",
	  .offset = offsetof(struct generate_values, prefix) },
	{ .name = NULL },
};

/* ---- names ---- */

static bool generate_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* So that it makes names in C, and none that C++ keeps for itself. */
static bool generate_is_prefix(const char *name)
{
	size_t n = strlen(name);

	if (!generate_is_letter(*name) || name[n - 1] == '_' || strstr(name, "__"))
		return false;
	return name[strspn(name,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] ==
	       '\0';
}

static const char *generate_default_prefix(struct generate *g)
{
	char *prefix;
	size_t n = g->idl->name.n;

	while (n > 0 && g->idl->name.text[n - 1] != '.')
		n--;
	prefix = generate_allocate(g, g->idl->name.n - n + 1);
	if (!prefix)
		return "";
	memcpy(prefix, g->idl->name.text + n, g->idl->name.n - n);
	for (char *at = prefix; (at = strchr(at, '-'));)
		*at = '_';
	return prefix;
}

static void generate_names(struct generate *g, const char *prefix)
{
	const char *name = g->file->name, *slash = strrchr(name, '/');
	size_t n, suffix = strlen(GENERATE_SUFFIX);

	if (!strcmp(name, "-"))
		g->from = generate_text(g, "%.*s" GENERATE_SUFFIX, (int)g->idl->name.n,
					g->idl->name.text);
	else
		g->from = slash ? slash + 1 : name;
	n = strlen(g->from);
	if (n > suffix && !strcmp(g->from + n - suffix, GENERATE_SUFFIX))
		n -= suffix;
	g->base = generate_text(g, "%.*s", (int)n, g->from);
	g->prefix = prefix ? prefix : generate_default_prefix(g);
	if (g->status || generate_is_prefix(g->prefix))
		return;
	g->status = EXIT_ANSWERED_ERROR;
	description_tell(g->file, g->idl->name,
			 "the last part of this name cannot begin names in C; use --prefix");
}

/* ---- the files ---- */

/* The same text: 1. Something else that this wrote, or nothing: 0. Of errno: -1. */
static int generate_look(const char *path, const char *text, size_t n, bool *ret_is_ours)
{
	char *there = malloc(n + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), r = -1;
	size_t got;

	*ret_is_ours = true;
	if (there && fd >= 0) {
		if (input_read(fd, there, n + 1, &got) == 0) {
			r = got == n && !memcmp(there, text, n);
			*ret_is_ours =
				got == 0 || (got >= strlen(GENERATE_MARK) &&
					     !memcmp(there, GENERATE_MARK, strlen(GENERATE_MARK)));
		}
	} else if (!there) {
		errno = ENOMEM;
	} else if (errno == ENOENT) {
		r = 0;
	}
	if (fd >= 0)
		close(fd);
	free(there);
	return r;
}

static void generate_failed(struct generate *g, const char *path, const char *what)
{
	struct description d = { .verb = g->file->verb, .name = path };

	g->status = description_failed(&d, what, EXIT_IO);
}

static void generate_store(struct generate *g, const char *path, const char *text, size_t n)
{
	bool is_ours;
	int r = generate_look(path, text, n, &is_ours);

	if (r < 0) {
		generate_failed(g, path, "cannot be read");
	} else if (!is_ours) {
		output_error("generate", path,
			     "this file is there, and was not written by postern generate; "
			     "move it, or use another --output");
		g->status = EXIT_IO;
	} else if (r == 0 && replace_file(path, text, n) < 0) {
		generate_failed(g, path, "cannot be written");
	}
}

/* What `print` prints becomes the file. */
static void generate_file(struct generate *g, const char *directory, const char *suffix,
			  void (*print)(struct generate *g))
{
	const char *path;

	if (g->status)
		return;
	path = generate_text(g, "%s/%s%s", directory, g->base, suffix);
	/* Messages name it as its user would. */
	if (!strncmp(path, "./", 2))
		path += 2;
	g->n = 0;
	print(g);
	if (!g->status)
		generate_store(g, path, g->bytes, g->n);
}

static void generate_forget(void *node)
{
	(void)node;
}

static int generate_one(const char *name, const struct generate_values *values)
{
	struct description d = { .verb = "generate", .name = name };
	struct generate g = { .file = &d };
	const char *directory = values->output ? values->output : ".";

	g.status = description_read(&d);
	if (!g.status) {
		g.idl = d.idl;
		generate_names(&g, values->prefix);
	}
	if (!g.status) {
		generate_model(&g);
		generate_file(&g, directory, ".h", generate_header);
		generate_file(&g, directory, ".c", generate_tables);
	}
	if (g.has_no_memory)
		output_error(d.verb, name, "out of memory");
	tdestroy(g.names, generate_forget);
	tdestroy(g.by_type, generate_forget);
	generate_free(&g);
	description_free(&d);
	return g.status;
}

/* ---- the verb ---- */

static const char *generate_last_part(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

/* Would two files be written to one place? */
static bool generate_has_twice(const struct common *common)
{
	for (size_t i = 0; i < common->n_files; i++)
		for (size_t j = 0; j < i; j++)
			if (!strcmp(generate_last_part(common->files[i]),
				    generate_last_part(common->files[j])))
				return true;
	return false;
}

static const char *generate_wrong(const struct generate_values *values)
{
	const struct common *common = &values->common;

	if (common->n_files == 0)
		return "missing FILE, or - for standard input; see: postern generate --help";
	if (values->prefix && common->n_files > 1)
		return "--prefix is for one FILE";
	if (values->prefix && !generate_is_prefix(values->prefix))
		return "--prefix begins names in C: letters, digits and single _, a letter first, no _ last";
	if (generate_has_twice(common))
		return "two FILEs have the same name, and so would what is written; use --output for one of them";
	return NULL;
}

static int generate_run(void *data)
{
	const struct generate_values *values = data;
	const char *wrong = generate_wrong(values);
	int status = EXIT_DONE, r;

	if (wrong) {
		output_error("generate", NULL, "%s", wrong);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < values->common.n_files; i++) {
		r = generate_one(values->common.files[i], values);
		status = r > status ? r : status;
	}
	return status;
}

const struct verb verb_generate = {
	.name = "generate",
	.operands = "FILE...",
	.about = "Writes C for services and callers of Varlink interfaces.",
	.notes = "Of org.example.clock.varlink it writes org.example.clock.h and .c: a struct for\n"
		 "each type, and a function for each call and answer. What would stay the same is\n"
		 "not touched. Ends with 1 if a FILE is wrong, with 74 if one cannot be written.",
	.takes_files = true,
	.options = generate_options,
	.size = sizeof(struct generate_values),
	.run = generate_run,
};
