/* SPDX-License-Identifier: Apache-2.0 */
/* Reading files; see source.h. A BOM and carriage returns become blanks so that columns hold. */

#include "read/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In two parts, so that this line is no suppression itself. */
#define IGNORE_MARK      \
	"postern-review" \
	": ignore"

static const char *const source_suffixes[] = { ".c",   ".h",   ".cc",  ".cpp", ".cxx",
					       ".c++", ".hh",  ".hpp", ".hxx", ".h++",
					       ".ipp", ".inl", ".tcc" };

static bool source_has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && !strcmp(name + n - m, suffix);
}

bool source_name_is_code(const char *name)
{
	for (size_t i = 0; i < sizeof(source_suffixes) / sizeof(*source_suffixes); i++)
		if (source_has_suffix(name, source_suffixes[i]))
			return true;
	return false;
}

/* Words that C does not have, at the beginning of a line of a header. */
static bool source_looks_like_cxx(const char *text)
{
	static const char *const words[] = { "class ",   "namespace ", "template<",  "template <",
					     "public:",  "private:",   "protected:", "using ",
					     "virtual ", "Q_OBJECT",   "#include <Q" };

	for (const char *line = text; *line; line++) {
		line += strspn(line, " \t\n");
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
			if (starts_with(line, words[i]))
				return true;
		line = strchr(line, '\n');
		if (!line)
			break;
	}
	return strstr(text, "std::") != NULL;
}

/* #include <iostream>: what the C++ library calls without a suffix. */
static bool source_includes_cxx(const char *text)
{
	for (const char *line = strstr(text, "#include <"); line;
	     line = strstr(line + 1, "#include <")) {
		size_t n = strspn(line + 10, "abcdefghijklmnopqrstuvwxyz_");

		if ((line == text || line[-1] == '\n') && n && line[10 + n] == '>')
			return true;
	}
	return false;
}

static enum source_language source_language_of(const char *path, const char *text)
{
	if (source_has_suffix(path, ".c"))
		return strstr(text, "std::") && source_includes_cxx(text) ? SOURCE_CXX : SOURCE_C;
	if (source_name_is_code(path) && !source_has_suffix(path, ".h"))
		return SOURCE_CXX;
	return source_looks_like_cxx(text) || strstr(text, "::") ? SOURCE_CXX : SOURCE_C;
}

static void source_find_lines(struct source *source)
{
	uint32_t n = 1;

	for (uint32_t i = 0; i < source->size; i++)
		n += source->text[i] == '\n';
	source->lines = arena_alloc(&run_arena, (n + 1) * sizeof(*source->lines));
	source->n_lines = n;
	n = 1;
	for (uint32_t i = 0; i < source->size; i++)
		if (source->text[i] == '\n')
			source->lines[n++] = i + 1;
}

static uint32_t source_row_of(const struct source *source, uint32_t offset)
{
	uint32_t low = 0, high = source->n_lines;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (source->lines[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

struct pos source_pos(const struct source *source, uint32_t offset)
{
	uint32_t row = source_row_of(source, offset);

	return (struct pos){ row, offset - source->lines[row] };
}

/* Where the next code is behind the comment that begins its line and holds this mark: comments and blanks are skipped. */
static uint32_t source_code_behind(const struct source *source, const char *line, const char *mark)
{
	const char *end = source->text + source->size;
	const char *stop = starts_with(line, "//") ? "\n" : "*/";
	const char *s = mark;

	do {
		s = strstr(s, stop);
		if (!s)
			return source->size;
		s += strlen(stop);
		s += strspn(s, " \t\n");
		stop = starts_with(s, "//") ? "\n" : "*/";
	} while (s < end && (starts_with(s, "//") || starts_with(s, "/*")));
	return (uint32_t)(s - source->text);
}

/* The comment counts for its own line, or, when nothing stands before it, for the next code. */
static void source_add_ignore(struct source *source, const char *mark)
{
	uint32_t row = source_row_of(source, (uint32_t)(mark - source->text));
	const char *line = source->text + source->lines[row];
	const char *rules = mark + strlen(IGNORE_MARK);
	const char *reason;
	size_t n;

	rules += strspn(rules, " \t");
	n = strcspn(rules, " \t\n*");
	reason = rules + n;
	reason += strspn(reason, " \t");
	line += strspn(line, " \t");
	if (!n || *reason == '\n' || !*reason || starts_with(reason, "*/")) {
		complain("%s:%u: a suppression needs a rule and a reason: \"" IGNORE_MARK
			 " L2 why\"",
			 source->path, row + 1);
		return;
	}
	if (line[0] == '/' || line[0] == '*')
		row = source_row_of(source, source_code_behind(source, line, mark));
	source->ignores = grow(source->ignores, source->n_ignores, &source->cap_ignores,
			       sizeof(*source->ignores));
	source->ignores[source->n_ignores++] = (struct ignore){ row, intern(rules, n), false };
}

struct source *source_from_text(const char *path, const char *text, size_t size)
{
	struct source *source = arena_alloc(&run_arena, sizeof(*source));
	const char *slash = strrchr(path, '/');

	source->path = source->name = path;
	source->folder = slash ? intern(path, (size_t)(slash - path)) : intern_z("");
	source->text = arena_copy(&run_arena, text, size);
	source->size = (uint32_t)size;
	if (size >= 3 && !memcmp(source->text, "\xef\xbb\xbf", 3))
		memset(source->text, ' ', 3);
	for (size_t i = 0; i < size; i++)
		if (source->text[i] == '\r' || !source->text[i])
			source->text[i] = ' ';
	source->language = source_language_of(path, source->text);
	source_find_lines(source);
	for (const char *s = source->text; (s = strstr(s, IGNORE_MARK)); s++)
		source_add_ignore(source, s);
	return source;
}

/* Text has no zero bytes; UTF-16 and objects do. */
static bool source_is_binary(const char *text, size_t size)
{
	return memchr(text, '\0', size < 8192 ? size : 8192) != NULL;
}

/* What an editor has open. */
struct source_overlay {
	const char *path, *text;
	size_t size;
	bool there;
	dev_t device;
	ino_t inode;
};

static struct source_overlay *source_overlays;
static size_t n_source_overlays, cap_source_overlays;

void source_overlay(const char *path, const char *text, size_t size)
{
	struct source_overlay overlay = { .path = path, .text = text, .size = size };
	struct stat st;

	overlay.there = stat(path, &st) == 0;
	overlay.device = overlay.there ? st.st_dev : 0;
	overlay.inode = overlay.there ? st.st_ino : 0;
	source_overlays = grow(source_overlays, n_source_overlays, &cap_source_overlays,
			       sizeof(*source_overlays));
	source_overlays[n_source_overlays++] = overlay;
}

/* `st` is the file's, or NULL when there is none of that path. */
static const struct source_overlay *source_overlay_of(const char *path, const struct stat *st)
{
	for (size_t i = 0; i < n_source_overlays; i++) {
		const struct source_overlay *o = &source_overlays[i];

		if (st ? o->there && o->device == st->st_dev && o->inode == st->st_ino
		       : !o->there && !strcmp(o->path, path))
			return o;
	}
	return NULL;
}

static int source_open(const char *path, struct stat *st)
{
	bool standard = !strcmp(path, "-");
	int fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
			  : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int r = fd < 0 || fstat(fd, st) < 0 ? -errno : 0;

	if (!r && !standard && !S_ISREG(st->st_mode))
		r = S_ISDIR(st->st_mode) ? -EISDIR : -EINVAL;
	if (r && fd >= 0)
		close(fd);
	return r ? r : fd;
}

int source_read(struct source **ret, const char *path)
{
	const struct source_overlay *overlay;
	struct text text = { 0 };
	struct stat st = { 0 };
	int fd, r;

	fd = source_open(path, &st);
	overlay = source_overlay_of(path, fd >= 0 ? &st : NULL);
	if (fd < 0 && !overlay)
		return fd;
	if (overlay)
		text_add(&text, overlay->text, overlay->size);
	r = overlay && overlay->size > SOURCE_MAX_SIZE ? -EFBIG
	    : overlay                                  ? 0
						       : text_read_fd(&text, fd, SOURCE_MAX_SIZE);
	if (fd >= 0)
		close(fd);
	if (!r && text.n && source_is_binary(text.s, text.n))
		r = -EILSEQ;
	if (!r)
		*ret = source_from_text(strcmp(path, "-") ? path : "<stdin>", text.s ? text.s : "",
					text.n);
	if (!r && S_ISREG(st.st_mode)) {
		(*ret)->device = (uint64_t)st.st_dev;
		(*ret)->inode = (uint64_t)st.st_ino;
	}
	text_drop(&text);
	return r;
}

const char *source_line(const struct source *source, uint32_t row, size_t *n)
{
	const char *line;

	*n = 0;
	if (row >= source->n_lines)
		return "";
	line = source->text + source->lines[row];
	*n = strcspn(line, "\n");
	while (*n && (line[*n - 1] == ' ' || line[*n - 1] == '\t'))
		--*n;
	return line;
}

bool source_is_elsewhere(const struct source *source, uint32_t row)
{
	if (source->elsewhere)
		return true;
	for (size_t i = 0; i < source->n_dead && source->dead[i].from <= row; i++)
		if (row < source->dead[i].to)
			return true;
	return false;
}

bool source_ignores(struct source *source, const char *rule, uint32_t row)
{
	for (size_t i = 0; i < source->n_ignores; i++) {
		struct ignore *ignore = &source->ignores[i];
		const char *hit = strstr(ignore->rules, rule);
		size_t n = strlen(rule);

		if (ignore->row != row || !hit)
			continue;
		if ((hit == ignore->rules || hit[-1] == ',') && (!hit[n] || hit[n] == ',')) {
			ignore->used = true;
			return true;
		}
	}
	return false;
}

static bool source_folder_is_aside(const char *name, size_t n)
{
	static const char *const names[] = {
		"test",      "tests",     "testing",  "unittest",  "unittests",  "unit",
		"autotests", "testsuite", "example",  "examples",  "sample",     "samples",
		"demo",      "demos",     "bench",    "benchmark", "benchmarks", "t",
		"contrib",   "fuzz",      "fuzzing",  "fuzzers",   "tutorial",   "tutorials",
		"exercise",  "exercises", "practice", "lessons",   "playground"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strlen(names[i]) == n && !strncasecmp(names[i], name, n))
			return true;
	return false;
}

/* router_test.cpp, RouterTest.cpp, tst_router.cpp, testrouter.c: beside what it tests. */
static bool source_file_is_aside(const char *name)
{
	static const char *const ends[] = { "_test",     "_tests",     "-test",   "unittest",
					    "_example",  "-example",   "_demo",   "-demo",
					    "_bench",    "_benchmark", "_fuzzer", "_sample",
					    "-benchmark" };
	size_t n = strcspn(name, ".");

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (n > strlen(ends[i]) &&
		    !strncasecmp(name + n - strlen(ends[i]), ends[i], strlen(ends[i])))
			return true;
	if ((n > 4 && !strncmp(name + n - 4, "Test", 4)) ||
	    (n > 5 && !strncmp(name + n - 5, "Tests", 5)))
		return true;
	return starts_with(name, "tst_") || starts_with(name, "bench_") ||
	       starts_with(name, "fuzz_") || starts_with(name, "example_") ||
	       starts_with(name, "demo_") || (n > 4 && !strncmp(name, "test", 4));
}

bool source_path_is_aside(const char *path, const char *root)
{
	const char *s = starts_with(path, root) ? path + strlen(root) : path, *end;

	for (; (end = strchr(s, '/')); s = end + 1)
		if (source_folder_is_aside(s, (size_t)(end - s)))
			return true;
	return source_file_is_aside(s);
}
