/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - postern VERB */
#include "command.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const struct verb *const main_verbs[] = { &verb_serve,    &verb_connect,    &verb_wait,
						 &verb_ls,       &verb_doctor,     &verb_call,
						 &verb_info,     &verb_introspect, &verb_stats,
						 &verb_top,      &verb_trace,      &verb_check,
						 &verb_generate, &verb_relay };

#define MAIN_N_VERBS (sizeof(main_verbs) / sizeof(*main_verbs))

#define MAIN_BRIDGE  "Services on other machines, over NATS (postern-bridge)."

static const struct verb *main_find(const char *name)
{
	for (size_t i = 0; i < MAIN_N_VERBS; i++)
		if (!strcmp(main_verbs[i]->name, name))
			return main_verbs[i];
	return NULL;
}

static int main_unknown(const char *word)
{
	size_t best = SIZE_MAX;
	const char *guess = NULL;

	for (size_t i = 0; i < MAIN_N_VERBS; i++)
		if (options_closer(word, main_verbs[i]->name, &best))
			guess = main_verbs[i]->name;
	if (options_closer(word, "review", &best))
		guess = "review";
	if (options_closer(word, "bridge", &best))
		guess = "bridge";
	if (options_closer(word, "help", &best))
		guess = "help";
	if (guess)
		output_error(NULL, NULL, "unknown verb '%s'; did you mean '%s'?", word, guess);
	else
		output_error(NULL, NULL, "unknown verb '%s'; see: postern help", word);
	return EXIT_USAGE;
}

static void main_usage(FILE *out)
{
	fprintf(out, "usage: postern VERB [OPTION]... [NAME]\n\n"
		     "Talks to another process on this machine, over local sockets.\n\n");
	for (size_t i = 0; i < MAIN_N_VERBS; i++)
		fprintf(out, "  %-11s%s\n", main_verbs[i]->name, main_verbs[i]->about);
	fprintf(out, "  %-11s%s\n", "review",
		"Finds what makes socket code leak, hang or fail (C, C++, Qt).");
	fprintf(out, "  %-11s%s\n", "bridge", MAIN_BRIDGE);
	fprintf(out, "  %-11s%s\n", "help",
		"Prints this, or with a verb what postern VERB --help prints.");
	fprintf(out,
		"\nA NAME is a word (clock, system:clock), a path with a slash, or @abstract.\n"
		"Options: postern VERB --help. Version: postern --version. More: man postern\n");
}

/* In one piece, without waiting. */
static int main_without_verb(void)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	if (out) {
		main_usage(out);
		if (fclose(out) == 0)
			stderr_line(text, n);
	}
	free(text);
	return EXIT_USAGE;
}

/* Becomes the bridge, with one argument before the others; NULL: none. */
static int main_bridge(const char *first, char **argv)
{
	char **all;
	size_t n = 0, at = 1;
	int status;

	while (argv[n])
		n++;
	all = calloc(n + 3, sizeof(*all));
	if (!all) {
		output_error("bridge", NULL, "out of memory");
		return EXIT_TRY_AGAIN;
	}
	if (first)
		all[at++] = (char *)first;
	memcpy(all + at, argv, n * sizeof(*all));
	status = command_bridge(all);
	free(all);
	return status;
}

static int main_help(char **argv)
{
	const struct verb *verb;

	if (!*argv) {
		main_usage(stdout);
		return EXIT_DONE;
	}
	if (!strcmp(*argv, "bridge"))
		return main_bridge("--help", argv + 1);
	verb = main_find(*argv);
	if (!verb)
		return main_unknown(*argv);
	options_help(verb, stdout);
	return EXIT_DONE;
}

/* For the completion of shells: the verbs, or the options of one. */
static int main_complete(char **argv)
{
	const struct verb *verb = *argv ? main_find(*argv) : NULL;

	if (verb) {
		options_list(verb, stdout);
		return EXIT_DONE;
	}
	if (*argv && !strcmp(*argv, "review")) {
		command_review_complete();
		return EXIT_DONE;
	}
	if (*argv && !strcmp(*argv, "bridge"))
		return main_bridge("complete", argv + 1);
	for (size_t i = 0; i < MAIN_N_VERBS; i++)
		printf("%s\t\t%s\n", main_verbs[i]->name, main_verbs[i]->about);
	printf("review\t\tFinds defects in socket code.\n");
	if (command_bridge_is_there())
		printf("bridge\t\t%s\n", MAIN_BRIDGE);
	printf("help\t\tPrints help.\n");
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	const struct verb *verb;
	const char *word = argc > 1 ? argv[1] : "";
	int status;

	output_open_standard();
	/* The reviewer does its own output, and ends like other filters when its reader has gone; signals that are
	   ignored here are ignored in a program that is started. */
	if (strcmp(word, "review") && strcmp(word, "bridge"))
		stderr_prepare();
	verb = main_find(word);
	if (verb) {
		status = options_run(verb, argv + 2);
	} else if (!strcmp(word, "review")) {
		status = command_review(argc - 1, argv + 1);
	} else if (!strcmp(word, "bridge")) {
		status = main_bridge(NULL, argv + 2);
	} else if (!strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h")) {
		status = main_help(argv + 2);
	} else if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
		printf("postern %s\n", postern_version());
		status = EXIT_DONE;
	} else if (!strcmp(word, "complete")) {
		status = main_complete(argv + 2);
	} else if (argc < 2) {
		status = main_without_verb();
	} else {
		status = main_unknown(word);
	}
	return output_finish(verb ? verb->name : NULL, status);
}
