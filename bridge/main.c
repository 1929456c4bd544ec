/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - postern-bridge VERB, which `postern bridge VERB` starts */
#include "bridge.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *word;
	const struct verb *verb;
} main_verbs[] = {
	{ "export", &verb_export },
	{ "import", &verb_import },
};

#define MAIN_N_VERBS (sizeof(main_verbs) / sizeof(*main_verbs))

/* MAIN_N_VERBS: it is none. */
static size_t main_find(const char *word)
{
	size_t i = 0;

	while (i < MAIN_N_VERBS && strcmp(main_verbs[i].word, word) != 0)
		i++;
	return i;
}

static int main_unknown(const char *word)
{
	size_t best = SIZE_MAX;
	const char *guess = NULL;

	for (size_t i = 0; i < MAIN_N_VERBS; i++)
		if (options_closer(word, main_verbs[i].word, &best))
			guess = main_verbs[i].word;
	if (guess)
		output_error("bridge", NULL, "unknown verb '%s'; did you mean '%s'?", word, guess);
	else
		output_error("bridge", NULL, "unknown verb '%s'; see: postern bridge --help", word);
	return EXIT_USAGE;
}

static void main_usage(FILE *out)
{
	fprintf(out, "usage: postern bridge VERB [OPTION]... [ARGUMENT]...\n\n"
		     "Carries calls of services over NATS, from one machine to another.\n\n");
	for (size_t i = 0; i < MAIN_N_VERBS; i++)
		fprintf(out, "  %-11s%s\n", main_verbs[i].word, main_verbs[i].verb->about);
	fprintf(out, "\npostern bridge VERB --help shows the options; more: man postern-bridge\n");
}

/* For the completion of shells. */
static int main_complete(const char *word)
{
	size_t found = word ? main_find(word) : MAIN_N_VERBS;

	if (found < MAIN_N_VERBS)
		options_list(main_verbs[found].verb, stdout);
	else
		for (size_t i = 0; i < MAIN_N_VERBS; i++)
			printf("%s\t\t%s\n", main_verbs[i].word, main_verbs[i].verb->about);
	return EXIT_DONE;
}

/* Before the loop has them there is nothing to drain, and waiting for NATS or the service is no failure. */
static void main_end(int sig)
{
	(void)sig;
	_exit(EXIT_DONE);
}

static void main_end_by_signals(void)
{
	const struct sigaction action = { .sa_handler = main_end };

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	size_t found = main_find(word);
	const struct verb *verb = found < MAIN_N_VERBS ? main_verbs[found].verb : NULL;
	int status = EXIT_DONE;

	output_open_standard();
	stderr_prepare();
	main_end_by_signals();
	if (verb)
		status = options_run(verb, argv + 2);
	else if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help"))
		main_usage(stdout);
	else if (!strcmp(word, "--version") || !strcmp(word, "-V"))
		printf("postern %s\n", postern_version());
	else if (!strcmp(word, "complete"))
		status = main_complete(argc > 2 ? argv[2] : NULL);
	else if (argc < 2)
		status = (main_usage(stderr), EXIT_USAGE);
	else
		status = main_unknown(word);
	return output_finish(verb ? verb->name : "bridge", status);
}
