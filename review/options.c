/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `postern review`. */

#include "review.h"
#include "read/root.h"
#include "read/source.h"
#include "report/report.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum {
	OPTION_FORMAT = 256,
	OPTION_ONLY,
	OPTION_EXCEPT,
	OPTION_SEVERITY,
	OPTION_EXCLUDE,
	OPTION_DIFF,
	OPTION_TESTS,
	OPTION_BASELINE,
	OPTION_KNOWLEDGE,
	OPTION_NO_CONFIG,
	OPTION_LSP,
	OPTION_JOBS,
	OPTION_FIX,
	OPTION_DRY_RUN,
	OPTION_RULES,
	OPTION_EXPLAIN,
	OPTION_COLOUR,
	OPTION_VERSION,
	OPTION_HELP,
};

/* In the order of the help; without a help, another spelling. */
static const struct {
	int code;
	const char *name, *value, *help;
} options_all[] = {
	{ OPTION_FORMAT, "format", "FORMAT", "text, json, sarif, html, gcc or github" },
	{ OPTION_ONLY, "only", "LIST", "only these rules, CWEs or pillars: L2,CWE-835,707" },
	{ OPTION_EXCEPT, "except", "LIST", "all but these" },
	{ OPTION_SEVERITY, "min-severity", "LEVEL", "advice (default), warning or error" },
	{ OPTION_EXCLUDE, "exclude", "GLOB", "leave out such files and folders" },
	{ OPTION_DIFF, "diff", "REV", "only what lines changed since git's REV cause" },
	{ OPTION_BASELINE, "baseline", "FILE", "leave out what FILE, an earlier JSON, contains" },
	{ OPTION_TESTS, "tests", NULL, "full severity also for tests and examples" },
	{ OPTION_KNOWLEDGE, "knowledge", "FILE", "further functions and classes" },
	{ OPTION_NO_CONFIG, "no-config", NULL, "do not read the project's " ROOT_FILE },
	{ OPTION_JOBS, "jobs", "N", "parse in N threads; the report is the same" },
	{ OPTION_FIX, "fix", NULL, "make the edits that are certain" },
	{ OPTION_DRY_RUN, "dry-run", NULL, "with --fix: only show them, as a diff" },
	{ OPTION_LSP, "lsp", NULL, "serve an editor: the language server protocol" },
	{ OPTION_RULES, "rules", NULL, "list the rules, their severities and their consequences" },
	{ OPTION_EXPLAIN, "explain", "RULE", "explain one, with a bad and a good example" },
	{ OPTION_COLOUR, "color", "[=WHEN]", "always or never" },
	{ OPTION_COLOUR, "colour", "[=WHEN]", NULL },
	{ OPTION_VERSION, "version", NULL, "print the version" },
	{ OPTION_HELP, "help", NULL, "this" },
};

#define OPTIONS_N (sizeof(options_all) / sizeof(*options_all))

void review_usage(void)
{
	fputs("usage: postern review [OPTION...] PATH...\n"
	      "Finds what makes C and C++ programs with sockets leak, hang or fail, and a fix.\n"
	      "\n",
	      stdout);
	for (size_t i = 0; i < OPTIONS_N; i++) {
		const char *value = options_all[i].value ? options_all[i].value : "";
		int used = 0;

		if (!options_all[i].help)
			continue;
		used = printf("  --%s%s%s", options_all[i].name, *value && *value != '[' ? " " : "",
			      value);

		printf("%*s%s\n", used < 24 ? 24 - used : 1, "", options_all[i].help);
	}
	fputs("// postern-review: ignore L2 REASON  silences L2 on this line or the next.\n"
	      "Exit: 0 no more than advice, 1 findings, 64 usage, 66 unreadable input.\n",
	      stdout);
}

/* For the completion of shells, as the other verbs have it. */
void review_complete(void)
{
	for (size_t i = 0; i < OPTIONS_N; i++)
		if (options_all[i].help)
			printf("--%s\t%s\t%s\n", options_all[i].name,
			       options_all[i].value && *options_all[i].value != '['
				       ? options_all[i].value
				       : "",
			       options_all[i].help);
}

/* --- what is chosen, after the project's own choice --- */

static bool options_select(const char *list, bool selected)
{
	bool named[RULES_MAX] = { false };
	size_t n;
	const char *unknown = rules_named(list, named, &n);

	if (unknown) {
		complain("unknown rule, CWE or pillar \"%.*s\"; see --rules", (int)n, unknown);
		return false;
	}
	for (size_t i = 0; i < rules_count; i++)
		if (named[i])
			rule_select(rules_all[i], selected);
	return true;
}

static void options_knowledge(struct review_options *options, const char *path)
{
	int r = kb_read(path);

	if (r < 0 && r != -EINVAL)
		complain("%s: %s", path, strerror(-r));
	options->failed |= r < 0;
}

static bool options_choice(struct review_options *options, const struct review_choice *choice,
			   bool *had_only)
{
	switch (choice->option) {
	case OPTION_ONLY:
		for (size_t i = 0; !*had_only && i < rules_count; i++)
			rule_select(rules_all[i], false);
		*had_only = true;
		return options_select(choice->value, true);
	case OPTION_EXCEPT:
		return options_select(choice->value, false);
	case OPTION_EXCLUDE:
		files_exclude(".", choice->value);
		return true;
	default:
		options_knowledge(options, choice->value);
		return true;
	}
}

int review_options_apply(struct review_options *options)
{
	bool had_only = false;

	for (size_t i = 0; i < options->n_choices; i++)
		if (!options_choice(options, &options->choices[i], &had_only))
			return EX_USAGE;
	return 0;
}

static void options_later(struct review_options *options, int option, const char *value)
{
	options->choices = grow(options->choices, options->n_choices, &options->cap_choices,
				sizeof(*options->choices));
	options->choices[options->n_choices++] = (struct review_choice){ option, value };
}

/* --- one by one --- */

static bool options_word(const char *word, const char *const words[], int *value, const char *what)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], word)) {
			*value = i;
			return true;
		}
	complain("unknown %s \"%s\"; see --help", what, word);
	return false;
}

static bool options_jobs(const char *word, unsigned *jobs)
{
	char *end;
	unsigned long n = strtoul(word, &end, 10);

	if (*word < '0' || *word > '9' || *end || n < 1 || n > 10000) {
		complain("not a number of threads: \"%s\"", word);
		return false;
	}
	*jobs = (unsigned)n;
	return true;
}

static bool options_one(struct review_options *options, int option)
{
	static const char *const formats[] = { "text",   "json", "sarif", "gcc",
					       "github", "html", NULL };
	static const char *const severities[] = { "advice", "warning", "error", NULL };
	static const char *const colours[] = { "never", "always", NULL };

	switch (option) {
	case OPTION_FORMAT:
		return options_word(optarg, formats, &options->format, "format");
	case OPTION_ONLY:
	case OPTION_EXCEPT:
	case OPTION_EXCLUDE:
	case OPTION_KNOWLEDGE:
		options_later(options, option, optarg);
		return true;
	case OPTION_SEVERITY:
		return options_word(optarg, severities, &options->min_severity, "severity");
	case OPTION_EXPLAIN:
		options->explain = optarg;
		return true;
	case OPTION_RULES:
		options->list_rules = true;
		return true;
	case OPTION_BASELINE:
		options->baseline = optarg;
		return true;
	case OPTION_DIFF:
		options->diff = optarg;
		if (*optarg && (*optarg != '-' || !optarg[1]))
			return true;
		complain("not a revision: \"%s\"", optarg);
		return false;
	case OPTION_LSP:
		options->lsp = true;
		return true;
	case OPTION_NO_CONFIG:
		options->no_config = true;
		return true;
	case OPTION_JOBS:
		return options_jobs(optarg, &options->jobs);
	case OPTION_FIX:
		options->fix = true;
		return true;
	case OPTION_DRY_RUN:
		options->dry_run = true;
		return true;
	case OPTION_COLOUR:
		options->colour = 1;
		return !optarg || options_word(optarg, colours, &options->colour, "colour");
	case OPTION_TESTS:
		options->tests = true;
		return true;
	case OPTION_VERSION:
	case 'V':
		options->version = true;
		return true;
	case OPTION_HELP:
	case 'h':
		options->help = true;
		return true;
	default:
		complain("see postern review --help");
		return false;
	}
}

int review_options_parse(struct review_options *options, int argc, char **argv)
{
	struct option longs[OPTIONS_N + 1] = { { 0 } };
	int option;

	for (size_t i = 0; i < OPTIONS_N; i++) {
		const char *value = options_all[i].value;

		longs[i] = (struct option){ options_all[i].name,
					    !value          ? no_argument
					    : *value == '[' ? optional_argument
							    : required_argument,
					    NULL, options_all[i].code };
	}
	*options = (struct review_options){ .colour = -1 };
	optind = 0;
	while ((option = getopt_long(argc, argv, "hV", longs, NULL)) != -1)
		if (!options_one(options, option))
			return EX_USAGE;
	if (options->dry_run && !options->fix) {
		complain("--dry-run is for --fix");
		return EX_USAGE;
	}
	options->paths = (const char **)argv + optind;
	options->n_paths = (size_t)(argc - optind);
	if (options->lsp && (options->n_paths || options->fix || options->diff)) {
		complain("--lsp takes no path, --fix or --diff: its client says what is open");
		return EX_USAGE;
	}
	if (!options->n_paths && !options->lsp && !options->help && !options->list_rules &&
	    !options->explain && !options->version) {
		complain("no path given; see --help");
		return EX_USAGE;
	}
	for (size_t i = 0; i < options->n_paths; i++)
		if (!strcmp(options->paths[i], "-") &&
		    ((options->diff && !strcmp(options->diff, "-")) ||
		     (options->fix && !options->dry_run))) {
			complain("standard input cannot be reviewed with %s",
				 options->fix ? "--fix" : "--diff -");
			return EX_USAGE;
		}
	return 0;
}
