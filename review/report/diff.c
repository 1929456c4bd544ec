/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changed lines cause: of all findings those stay whose place or cause a diff has touched. The
 * whole program is reviewed all the same, since a change may break what lies elsewhere in its
 * function.
 *
 * The diff is that of git, or comes on standard input. Its files are found by device and inode, so
 * that it does not matter how the paths to review were typed.
 */

#include "report/report.h"
#include "read/root.h"
#include "read/source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct diff {
	const char *root;
	struct source *source;       /* whose hunks come, or NULL */
	unsigned long before, after; /* lines of the hunk that are still to come */
	uint32_t row;
	bool added, removed; /* since the last line that stayed */
};

/* --- rows --- */

static void diff_mark(struct source *source, uint32_t from, uint32_t to)
{
	struct row_range *last = source->n_changed ? &source->changed[source->n_changed - 1] : NULL;

	if (last && last->to >= from && last->from <= from) {
		last->to = to > last->to ? to : last->to;
		return;
	}
	source->changed = grow(source->changed, source->n_changed, &source->cap_changed,
			       sizeof(*source->changed));
	source->changed[source->n_changed++] = (struct row_range){ from, to };
}

/* Where lines were only taken away, what they stood between has changed. */
static void diff_end_run(struct diff *diff)
{
	if (diff->removed && !diff->added && diff->source)
		diff_mark(diff->source, diff->row ? diff->row - 1 : 0, diff->row + 1);
	diff->added = diff->removed = false;
}

static bool diff_touches(const struct source *source, struct pos at)
{
	for (size_t i = 0; i < source->n_changed; i++)
		if (at.row >= source->changed[i].from && at.row < source->changed[i].to)
			return true;
	return false;
}

void diff_keep(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < n_findings; i++) {
		const struct finding *f = findings[i];

		if (diff_touches(f->source, f->at) || diff_touches(f->source, f->also) ||
		    diff_touches(f->source, f->root))
			findings[kept++] = findings[i];
	}
	n_findings = kept;
}

/* --- the text of a diff --- */

static int diff_octal(const char *s)
{
	int value = 0;

	for (int i = 0; i < 3; i++) {
		if (s[i] < '0' || s[i] > '7')
			return -1;
		value = value * 8 + s[i] - '0';
	}
	return value & 0xff;
}

/* "a\tb\303\274" in its place; where it is not quoted, it ends at a tab, before a time. */
static char *diff_name(char *s)
{
	static const char letters[] = "abtnvfr";
	char *name = s, *to = s;

	if (*s != '"') {
		s[strcspn(s, "\t\r\n")] = '\0';
		return s;
	}
	for (s++; *s && *s != '"'; s++) {
		const char *letter = *s == '\\' && s[1] ? strchr(letters, s[1]) : NULL;

		if (*s != '\\' || !s[1]) {
			*to++ = *s;
		} else if (letter) {
			*to++ = (char)('\a' + (letter - letters));
			s++;
		} else if (diff_octal(s + 1) >= 0) {
			*to++ = (char)diff_octal(s + 1);
			s += 3;
		} else {
			*to++ = *++s;
		}
	}
	*to = '\0';
	return name;
}

static struct source *diff_find(const struct diff *diff, const char *name)
{
	const char *path = arena_printf(&run_arena, "%s/%s", diff->root, name);
	struct stat st;

	if (stat(path, &st) < 0)
		return NULL;
	for (size_t i = 0; i < program.n_sources; i++)
		if (program.sources[i]->inode == (uint64_t)st.st_ino &&
		    program.sources[i]->device == (uint64_t)st.st_dev)
			return program.sources[i];
	return NULL;
}

/* "b/src/a.c", or without the letter. */
static struct source *diff_source(const struct diff *diff, const char *name)
{
	struct source *source = NULL;

	if (islower((unsigned char)*name) && name[1] == '/')
		source = diff_find(diff, name + 2);
	return source ? source : diff_find(diff, name);
}

/* "@@ -12,3 +14 @@": a number of lines that is not told is 1. */
static bool diff_hunk(struct diff *diff, const char *line)
{
	unsigned long from;
	char *end;

	if (!starts_with(line, "@@ -"))
		return false;
	strtoul(line + 4, &end, 10);
	diff->before = *end == ',' ? strtoul(end + 1, &end, 10) : 1;
	if (!starts_with(end, " +"))
		return false;
	from = strtoul(end + 2, &end, 10);
	diff->after = *end == ',' ? strtoul(end + 1, &end, 10) : 1;
	/* Of no lines, the number is that of the one before. */
	from -= diff->after && from ? 1 : 0;
	diff->row = from < UINT32_MAX / 2 ? (uint32_t)from : UINT32_MAX / 2;
	return true;
}

static void diff_hunk_line(struct diff *diff, const char *line)
{
	if (*line == '+') {
		if (diff->source)
			diff_mark(diff->source, diff->row, diff->row + 1);
		diff->added = true;
		diff->row++;
		diff->after -= diff->after > 0;
	} else if (*line == '-') {
		diff->removed = true;
		diff->before -= diff->before > 0;
	} else if (*line != '\\') {
		diff_end_run(diff);
		diff->row++;
		diff->before -= diff->before > 0;
		diff->after -= diff->after > 0;
	}
	if (!diff->before && !diff->after)
		diff_end_run(diff);
}

/* false: there is text, and no diff in it. */
static bool diff_text(struct diff *diff, FILE *in)
{
	char *line = NULL;
	size_t cap = 0;
	bool any = false, known = false;

	while (getline(&line, &cap, in) > 0) {
		any = true;
		if (diff->before || diff->after) {
			diff_hunk_line(diff, line);
		} else if (starts_with(line, "+++ ")) {
			diff->source = diff_source(diff, diff_name(line + 4));
			known = true;
		} else if (starts_with(line, "diff ")) {
			/* Of a file without lines there is nothing else. */
			diff->source = NULL;
			known = true;
		} else {
			diff_hunk(diff, line);
		}
	}
	free(line);
	return known || !any;
}

/* --- git --- */

/* Does not return. */
static void diff_exec(char *const argv[], int out, int err)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(err, STDERR_FILENO) >= 0)
		execvp(argv[0], argv);
	dprintf(err, "git: %s\n", strerror(errno));
	_exit(127);
}

/* Starts it; a negative errno, or the descriptor that its output comes from. */
static int diff_start(char *const argv[], int err, pid_t *pid)
{
	int out[2], r;

	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	*pid = fork();
	if (*pid == 0)
		diff_exec(argv, out[1], err);
	r = *pid < 0 ? -errno : out[0];
	close(out[1]);
	if (r < 0)
		close(out[0]);
	return r;
}

static bool diff_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The first line that git wrote there. */
static const char *diff_said(int err)
{
	char *line = arena_alloc(&run_arena, 400);
	ssize_t n = pread(err, line, 399, 0);

	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return *line ? line : "git failed";
}

static bool diff_run(struct diff *diff, const char *revision, char *const argv[])
{
	int err = memfd_create("postern-review", MFD_CLOEXEC), fd = -1;
	bool good = false;
	pid_t pid = -1;
	FILE *in = NULL;

	if (err >= 0)
		fd = diff_start(argv, err, &pid);
	if (fd >= 0)
		in = fdopen(fd, "r");
	if (in) {
		diff_text(diff, in);
		fclose(in);
	} else if (fd >= 0) {
		close(fd);
	}
	if (fd >= 0)
		good = diff_wait(pid) && in;
	if (!good)
		complain("cannot compare with \"%s\" in %s: %s", revision, diff->root,
			 fd < 0 ? "git cannot be started" : diff_said(err));
	if (err >= 0)
		close(err);
	return good;
}

/*
 * Without a shell; and nothing that the repository's files may ask git to run: no external diff, no
 * conversion to text, no watcher of files.
 */
bool diff_read_git(const char *revision, const char *root, const char *const names[], size_t n)
{
	static const char *const head[] = { "git",
					    "-C",
					    NULL,
					    "--no-pager",
					    "--literal-pathspecs",
					    "-c",
					    "core.fsmonitor=false",
					    "diff",
					    "-U0",
					    "-M",
					    "--no-color",
					    "--no-ext-diff",
					    "--no-textconv",
					    "--ignore-submodules",
					    "--src-prefix=a/",
					    "--dst-prefix=b/",
					    NULL,
					    "--" };
	const size_t n_head = sizeof(head) / sizeof(*head);
	struct diff diff = { .root = root };
	struct stat st;
	char **argv = arena_alloc(&run_arena, (n_head + n + 1) * sizeof(*argv));

	if (stat(arena_printf(&run_arena, "%s/.git", root), &st) < 0) {
		complain("%s: not in a repository of git", root);
		return false;
	}
	for (size_t i = 0; i < n_head; i++)
		argv[i] = arena_printf(&run_arena, "%s",
				       head[i]  ? head[i]
				       : i == 2 ? root
						: revision);
	for (size_t i = 0; i < n; i++)
		argv[n_head + i] = arena_printf(&run_arena, "%s", *names[i] ? names[i] : ".");
	return diff_run(&diff, revision, argv);
}

bool diff_read_standard(const char *root)
{
	struct diff diff = { .root = root };

	if (diff_text(&diff, stdin) && !ferror(stdin))
		return true;
	complain("standard input: not a diff");
	return false;
}
