/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file .postern-review of a project: which paths, rules, severities and knowledge its reviews
 * have, so that nobody has to type them. A statement on each line; '#' begins a comment.
 */

#include "review.h"
#include "read/root.h"
#include "read/source.h"
#include "rules/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { PROJECT_MAX_SIZE = 1 << 20 };

struct project {
	const char *shown; /* from here, if it is below */
	const char *folder;
	const char *root; /* of the repository */
	unsigned line;
	bool had_only;
	bool failed;
};

static void project_complain(struct project *project, const char *what, const char *word)
{
	complain("%s:%u: %s%s%s%s", project->shown, project->line, what, *word ? " \"" : "", word,
		 *word ? "\"" : "");
	project->failed = true;
}

/* The next word of the line, which ends there then; "" at its end. */
static char *project_word(char **line)
{
	char *word = *line + strspn(*line, " \t"), *end = word + strcspn(word, " \t");

	*line = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

static bool project_rules(struct project *project, const char *list, bool named[])
{
	size_t n;
	const char *unknown = rules_named(list, named, &n);

	if (unknown)
		project_complain(project, "unknown rule, CWE or pillar",
				 arena_copy(&run_arena, unknown, n));
	return !unknown;
}

/* `only` and `except`; several lines add up. */
static void project_select(struct project *project, char *rest, bool only)
{
	bool named[RULES_MAX] = { false };
	char *word = project_word(&rest);

	if (!*word) {
		project_complain(project, "missing rules", "");
		return;
	}
	for (; *word; word = project_word(&rest))
		if (!project_rules(project, word, named))
			return;
	for (size_t i = 0; only && !project->had_only && i < rules_count; i++)
		rule_select(rules_all[i], false);
	project->had_only |= only;
	for (size_t i = 0; i < rules_count; i++)
		if (named[i])
			rule_select(rules_all[i], only);
}

static void project_severity(struct project *project, char *rest)
{
	static const char *const words[] = { "advice", "warning", "error" };
	bool named[RULES_MAX] = { false };
	char *list = project_word(&rest), *word = project_word(&rest);
	int severity = -1;

	if (!*list || !*word) {
		project_complain(project, "severity needs rules and a level", "");
		return;
	}
	for (int i = 0; i < 3; i++)
		if (!strcmp(words[i], word))
			severity = i;
	if (severity < 0)
		project_complain(project, "not advice, warning or error:", word);
	if (!project_rules(project, list, named) || severity < 0)
		return;
	for (size_t i = 0; i < rules_count; i++)
		if (named[i])
			rule_set_severity(rules_all[i], (enum severity)severity);
}

/*
 * Who sends a change may write this file, and what is wrong with knowledge is told with its text: so
 * no file of the machine is read by it, also not through a link.
 */
static bool project_has(struct project *project, const char *path, const char *name)
{
	char *real = realpath(path, NULL);
	bool inside = real && root_below(project->root, real);

	if (!real)
		project_complain(project, strerror(errno), name);
	else if (!inside)
		project_complain(project, "outside of the project:", name);
	free(real);
	return inside;
}

static void project_knowledge(struct project *project, const char *name)
{
	const char *path = arena_printf(&run_arena, "%s/%s", project->folder, name);
	int r;

	if (!project_has(project, path, name))
		return;
	r = kb_read(path);
	if (r < 0 && r != -EINVAL)
		project_complain(project, strerror(-r), name);
	project->failed |= r < 0;
}

static void project_statement(struct project *project, char *line)
{
	char *end = line + strlen(line), *word;

	while (end > line && strchr(" \t\r", end[-1]))
		*--end = '\0';
	word = project_word(&line);
	line += strspn(line, " \t");
	if (!*word || *word == '#')
		return;
	if (!strcmp(word, "only") || !strcmp(word, "except"))
		project_select(project, line, *word == 'o');
	else if (!strcmp(word, "severity"))
		project_severity(project, line);
	else if (strcmp(word, "exclude") && strcmp(word, "knowledge"))
		project_complain(project, "unknown statement", word);
	else if (!*line)
		project_complain(project, "missing value after", word);
	else if (*word == 'k')
		project_knowledge(project, line);
	else
		files_exclude(project->folder, line);
}

static bool project_read_file(const char *file, const char *root)
{
	struct project project = { .root = root };
	struct text text = { 0 };
	const char *here = root_real(".");
	char *line, *next;
	int r = text_read(&text, file, O_NONBLOCK | O_NOFOLLOW, PROJECT_MAX_SIZE);

	project.folder = intern(file, (size_t)(strrchr(file, '/') - file));
	if (!*project.folder)
		project.folder = "/";
	project.shown = root_below(here, file) ? root_below(here, file) : file;
	if (r < 0) {
		complain("%s: %s", project.shown,
			 r == -EINVAL || r == -ELOOP ? "not a regular file" : strerror(-r));
		text_done(&text);
		return false;
	}
	for (line = text_done(&text); line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		project.line++;
		project_statement(&project, line);
	}
	return !project.failed;
}

int project_read(struct review_options *options)
{
	const char *file = NULL;
	struct root root = { 0 };

	for (size_t i = 0; i < options->n_paths; i++) {
		bool standard = !strcmp(options->paths[i], "-");
		const char *own;

		root = root_of(standard ? "." : options->paths[i]);
		own = root.file;
		if (i && (!own || !file ? own != file : strcmp(own, file) != 0)) {
			complain("%s and %s have different files " ROOT_FILE
				 "; review them one by one, or with --no-config",
				 options->paths[0], options->paths[i]);
			return -EINVAL;
		}
		file = own;
	}
	if (file && !project_read_file(file, root.folder))
		options->failed = true;
	return 0;
}
