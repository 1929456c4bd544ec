/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making the edits of findings; see apply.h.
 *
 * A file is written under another name and renamed, so that whoever reads it sees the old text or the
 * new one. What the review has read must still lie there, byte by byte, before and after the writing;
 * only between the last look and the rename can somebody else's change be lost.
 */

#include "report/apply.h"
#include "report/report.h"
#include "read/root.h"
#include "read/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- which edits --- */

static uint32_t apply_offset(const struct source *source, struct pos at)
{
	return at.row < source->n_lines ? source->lines[at.row] + at.col : UINT32_MAX;
}

static bool apply_is_same(const struct edit *a, const struct edit *b)
{
	return a->from.row == b->from.row && a->from.col == b->from.col && a->to.row == b->to.row &&
	       a->to.col == b->to.col && !strcmp(a->text, b->text);
}

/* Two texts for one place: which of them comes first is no matter of certainty. */
static bool apply_collide(const struct source *source, const struct edit *a, const struct edit *b)
{
	uint32_t a_from = apply_offset(source, a->from), a_to = apply_offset(source, a->to);
	uint32_t b_from = apply_offset(source, b->from), b_to = apply_offset(source, b->to);

	if (apply_is_same(a, b))
		return false;
	return a_from == b_from || (a_from < b_to && b_from < a_to);
}

static bool apply_fits(const struct apply *apply, const struct finding *finding)
{
	const struct source *source = finding->source;

	for (const struct edit *e = finding->edits; e; e = e->next) {
		uint32_t from = apply_offset(source, e->from), to = apply_offset(source, e->to);

		if (from > to || to > source->size)
			return false;
		for (size_t i = 0; i < apply->n; i++)
			if (apply_collide(source, apply->edits[i], e))
				return false;
	}
	return true;
}

static void apply_add(struct apply *apply, const struct edit *edit)
{
	uint32_t from = apply_offset(apply->source, edit->from);
	size_t at = apply->n;

	for (size_t i = 0; i < apply->n; i++)
		if (apply_is_same(apply->edits[i], edit))
			return;
	apply->edits = grow(apply->edits, apply->n, &apply->cap, sizeof(*apply->edits));
	for (; at > 0 && apply_offset(apply->source, apply->edits[at - 1]->from) > from; at--)
		apply->edits[at] = apply->edits[at - 1];
	apply->edits[at] = edit;
	apply->n++;
}

/* Of the findings that are reported in this file; `fixed` are those whose edits are in it. */
static void apply_gather(struct apply *apply, struct source *source)
{
	*apply = (struct apply){ .source = source };
	for (size_t i = 0; i < n_findings; i++) {
		struct finding *finding = findings[i];

		finding->fixed &= finding->source != source;
		if (finding->source != source || finding->old || !finding->edits ||
		    !apply_fits(apply, finding))
			continue;
		for (const struct edit *e = finding->edits; e; e = e->next)
			apply_add(apply, e);
		finding->fixed = true;
		apply->n_findings++;
	}
}

/* --- the file --- */

static int apply_read(int fd, const struct source *source, char **ret)
{
	char *text = arena_alloc(&run_arena, (size_t)source->size + 2);
	size_t n = 0;
	ssize_t r;

	while (n <= source->size && (r = read(fd, text + n, source->size + 1 - n)) != 0) {
		if (r < 0 && errno != EINTR)
			return -errno;
		n += r > 0 ? (size_t)r : 0;
	}
	*ret = text;
	return n == source->size ? 0 : -ESTALE;
}

/* The reviewer has blanks in the place of a mark at the beginning, carriage returns and zeros. */
static bool apply_is_unchanged(const struct source *source, const char *text)
{
	size_t i = source->size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;

	for (; i < source->size; i++)
		if (source->text[i] != (text[i] == '\r' || !text[i] ? ' ' : text[i]))
			return false;
	return true;
}

/* Opens what was reviewed, if it is still that. A negative errno, -ESTALE: it changed. */
static int apply_open(struct apply *apply, const char *path, struct stat *st)
{
	const struct source *source = apply->source;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, st) < 0)
		r = -errno;
	else if ((uint64_t)st->st_ino != source->inode || (uint64_t)st->st_dev != source->device)
		r = -ESTALE;
	if (!r)
		r = apply_read(fd, source, &apply->text);
	if (!r && !apply_is_unchanged(source, apply->text))
		r = -ESTALE;
	close(fd);
	return r;
}

static int apply_write_all(int fd, const char *s, size_t n)
{
	while (n) {
		ssize_t r = write(fd, s, n);

		if (r < 0 && errno != EINTR)
			return -errno;
		s += r > 0 ? r : 0;
		n -= r > 0 ? (size_t)r : 0;
	}
	return 0;
}

/* Owner first: changing it takes some bits of the mode away. */
static int apply_fill(int fd, const struct apply *apply, const struct stat *st)
{
	struct text text = { 0 };
	struct stat own;
	size_t n;
	int r;

	apply_text(apply, &text, 0, apply->source->size);
	n = text.n;
	r = apply_write_all(fd, text_done(&text), n);
	if (r < 0)
		return r;
	if (fstat(fd, &own) < 0)
		return -errno;
	if ((own.st_uid != st->st_uid || own.st_gid != st->st_gid) &&
	    fchown(fd, st->st_uid, st->st_gid) < 0)
		return -errno;
	if (fchmod(fd, st->st_mode & 07777) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static bool apply_is_as_before(const char *path, const struct stat *st)
{
	struct stat now;

	return stat(path, &now) == 0 && now.st_ino == st->st_ino && now.st_dev == st->st_dev &&
	       now.st_size == st->st_size && now.st_mtim.tv_sec == st->st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == st->st_mtim.tv_nsec &&
	       now.st_ctim.tv_sec == st->st_ctim.tv_sec &&
	       now.st_ctim.tv_nsec == st->st_ctim.tv_nsec;
}

static int apply_replace(const struct apply *apply, const char *path, const struct stat *st)
{
	const char *slash = strrchr(path, '/');
	char *other = arena_printf(&run_arena, "%.*s/.postern-review-XXXXXX",
				   slash ? (int)(slash - path) : 1, slash ? path : ".");
	int fd = mkostemp(other, O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = apply_fill(fd, apply, st);
	if (close(fd) < 0 && !r)
		r = -errno;
	if (!r && !apply_is_as_before(path, st))
		r = -ESTALE;
	if (!r && rename(other, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(other);
	return r;
}

/* A link stays one: what it leads to is written, if that is in the project, too. */
static int apply_file(struct apply *apply)
{
	char *path = realpath(apply->source->path, NULL);
	struct stat st;
	int r;

	if (!path)
		return -errno;
	r = root_below(root_of(apply->source->path).folder, path) ? 0 : -EXDEV;
	if (!r)
		r = apply_open(apply, path, &st);
	if (!r && st.st_nlink > 1)
		r = -EMLINK;
	if (!r)
		r = apply_replace(apply, path, &st);
	free(path);
	return r;
}

static bool apply_complain(const struct source *source, int r)
{
	const char *why = strerror(-r);

	if (r == -ESTALE)
		why = "it has changed since it was read";
	else if (r == -EMLINK)
		why = "it has another name (a hard link), which would keep the old text";
	else if (r == -EXDEV)
		why = "its link leads out of the project";
	complain("%s: not fixed: %s", source->path, why);
	return false;
}

/* --- all files --- */

static void apply_forget(struct source *source)
{
	for (size_t i = 0; i < n_findings; i++)
		findings[i]->fixed &= findings[i]->source != source;
}

static void apply_drop_fixed(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < n_findings; i++)
		if (!findings[i]->fixed)
			findings[kept++] = findings[i];
	n_findings = kept;
}

bool apply_write(void)
{
	bool good = true;

	for (size_t i = 0; i < program.n_sources; i++) {
		struct source *source = program.sources[i];
		struct apply apply;
		int r;

		apply_gather(&apply, source);
		if (!apply.n)
			continue;
		/* Standard input has no file. */
		r = source->inode ? apply_file(&apply) : -ENOENT;
		if (r < 0) {
			good = apply_complain(source, r);
			apply_forget(source);
		} else {
			complain("%s: fixed %zu finding%s", source->path, apply.n_findings,
				 apply.n_findings == 1 ? "" : "s");
		}
		free(apply.edits);
	}
	apply_drop_fixed();
	return good;
}

bool apply_show(FILE *out)
{
	bool good = true;

	for (size_t i = 0; i < program.n_sources; i++) {
		struct source *source = program.sources[i];
		struct apply apply;
		struct stat st;
		int r = 0;

		apply_gather(&apply, source);
		apply_forget(source);
		if (!apply.n)
			continue;
		apply.text = source->text;
		if (source->inode)
			r = apply_open(&apply, source->path, &st);
		if (r < 0)
			good = apply_complain(source, r);
		else
			apply_diff(out, &apply);
		free(apply.edits);
	}
	return good;
}

void apply_text(const struct apply *apply, struct text *into, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < apply->n; i++) {
		const struct edit *edit = apply->edits[i];
		uint32_t at = apply_offset(apply->source, edit->from);

		if (at < from || at >= to)
			continue;
		text_add(into, apply->text + from, at - from);
		text_puts(into, edit->text);
		from = apply_offset(apply->source, edit->to);
	}
	text_add(into, apply->text + from, to - from);
}
