/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `postern review`. */

#include "review.h"
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
	OPTION_EXPLAIN,
	OPTION_RULES,
	OPTION_KNOWLEDGE,
	OPTION_BASELINE,
	OPTION_COLOUR,
	OPTION_TESTS,
};

static const struct option options_long[] = {
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "only", required_argument, NULL, OPTION_ONLY },
	{ "except", required_argument, NULL, OPTION_EXCEPT },
	{ "min-severity", required_argument, NULL, OPTION_SEVERITY },
	{ "explain", required_argument, NULL, OPTION_EXPLAIN },
	{ "rules", no_argument, NULL, OPTION_RULES },
	{ "knowledge", required_argument, NULL, OPTION_KNOWLEDGE },
	{ "baseline", required_argument, NULL, OPTION_BASELINE },
	{ "color", optional_argument, NULL, OPTION_COLOUR },
	{ "colour", optional_argument, NULL, OPTION_COLOUR },
	{ "tests", no_argument, NULL, OPTION_TESTS },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

void review_usage(void)
{
	fputs("usage: postern review [OPTION...] PATH...\n"
	      "\n"
	      "Reads C and C++ sources (files, folders, or - for standard input) that use sockets and\n"
	      "reports what makes such programs leak, hang or fail, and how to fix it.\n"
	      "\n"
	      "  --format text|json|sarif   how to report (text)\n"
	      "  --only LIST                only these rules, CWE numbers or pillars: L2,CWE-835,707\n"
	      "  --except LIST              all but these\n"
	      "  --min-severity LEVEL       advice (default), warning or error\n"
	      "  --tests                    full severity below test, example and bench folders too\n"
	      "                             (without it, findings there are advice)\n"
	      "  --baseline FILE            leave out what FILE (the JSON of an earlier run) contains\n"
	      "  --knowledge FILE           more functions and classes; may be given several times\n"
	      "  --rules                    list the rules, and what each severity is for\n"
	      "  --explain RULE             why, with a bad and a good example\n"
	      "  --color[=always|never]     colour; without it, when standard output is a terminal\n"
	      "  --help                     this\n"
	      "\n"
	      "A comment \"postern-review: ignore L2 reason\" on the line or above it silences a rule.\n"
	      "Exit: 0 nothing found, or advice alone; 1 findings; 64 usage; 66 unreadable input.\n"
	      "\n",
	      stdout);
	explain_list(stdout);
}

static bool options_matches(const struct rule *rule, const char *word, size_t n)
{
	const char *s = rule->cwe;

	if (strlen(rule->id) == n && !strncasecmp(rule->id, word, n))
		return true;
	if (n > 4 && !strncasecmp(word, "CWE-", 4)) {
		word += 4;
		n -= 4;
	}
	if ((size_t)(rule->pillar > 99 ? 3 : 2) == n && atoi(word) == rule->pillar)
		return true;
	for (; *s; s += strcspn(s, ",") + (s[strcspn(s, ",")] == ','))
		if (strcspn(s, ",") == n && !strncmp(s, word, n))
			return true;
	return false;
}

static bool options_select(const char *list, bool selected)
{
	while (*list) {
		size_t n = strcspn(list, ",");
		bool known = n == 0;

		for (size_t i = 0; n && i < rules_count; i++)
			if (options_matches(rules_all[i], list, n)) {
				rule_select(rules_all[i], selected);
				known = true;
			}
		if (!known) {
			complain("unknown rule, CWE or pillar \"%.*s\"; see --rules", (int)n, list);
			return false;
		}
		list += n + (list[n] == ',');
	}
	return true;
}

static bool options_only(const char *list, bool *had_only)
{
	for (size_t i = 0; !*had_only && i < rules_count; i++)
		rule_select(rules_all[i], false);
	*had_only = true;
	return options_select(list, true);
}

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

static void options_knowledge(struct review_options *options, const char *path)
{
	int r = kb_read(path);

	if (r < 0 && r != -EINVAL)
		complain("%s: %s", path, strerror(-r));
	options->failed |= r < 0;
}

static bool options_one(struct review_options *options, int option, bool *had_only)
{
	static const char *const formats[] = { "text",   "json", "sarif", "gcc",
					       "github", "html", NULL };
	static const char *const severities[] = { "advice", "warning", "error", NULL };
	static const char *const colours[] = { "never", "always", NULL };
	int format;

	switch (option) {
	case OPTION_FORMAT:
		if (!options_word(optarg, formats, &format, "format"))
			return false;
		options->format = (enum review_format)format;
		return true;
	case OPTION_ONLY:
		return options_only(optarg, had_only);
	case OPTION_EXCEPT:
		return options_select(optarg, false);
	case OPTION_SEVERITY:
		return options_word(optarg, severities, &options->min_severity, "severity");
	case OPTION_EXPLAIN:
		options->explain = optarg;
		return true;
	case OPTION_RULES:
		options->list_rules = true;
		return true;
	case OPTION_KNOWLEDGE:
		options_knowledge(options, optarg);
		return true;
	case OPTION_BASELINE:
		options->baseline = optarg;
		return true;
	case OPTION_COLOUR:
		options->colour = 1;
		return !optarg || options_word(optarg, colours, &options->colour, "colour");
	case OPTION_TESTS:
		options->tests = true;
		return true;
	case 'h':
		options->help = true;
		return true;
	default:
		return false;
	}
}

int review_options_parse(struct review_options *options, int argc, char **argv)
{
	bool had_only = false;
	int option;

	*options = (struct review_options){ .colour = -1 };
	optind = 0;
	while ((option = getopt_long(argc, argv, "h", options_long, NULL)) != -1)
		if (!options_one(options, option, &had_only)) {
			if (option == '?')
				complain("see postern review --help");
			return EX_USAGE;
		}
	options->paths = (const char **)argv + optind;
	options->n_paths = (size_t)(argc - optind);
	if (!options->n_paths && !options->help && !options->list_rules && !options->explain) {
		complain("no path given; see --help");
		return EX_USAGE;
	}
	return 0;
}
