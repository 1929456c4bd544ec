/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve.c - from names to paths
 *
 * The base directory of words is the first of these that applies, and one that applies is never skipped
 * because it looks unusable: two programs of one user that ended up in different directories would
 * both own the name.
 *
 *     $POSTERN_DIR                 an empty or relative one is an error
 *     $XDG_RUNTIME_DIR/postern     a relative one is an error; empty counts as unset, as its
 *                                  specification says
 *     /run/postern                 for root
 *     /run/user/UID/postern        if /run/user/UID exists
 *
 * TMPDIR is not used: it differs between a login shell, a systemd unit and a nix-shell. The
 * environment is read with secure_getenv(), because a set-user-id program must not be led to a server of
 * its caller's choice.
 *
 * Control characters are refused everywhere: each error and each row of `ls` is one line.
 */
#include "base/words.h"
#include "name/name.h"
#include "name/own.h"

#include <postern/name.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESOLVE_WORD_MAX = 64, RESOLVE_FD_DIGITS = 9 };

static const char resolve_word_characters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

char *name_format(const char *format, ...)
{
	char *p = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n >= 0)
		p = sys_alloc((size_t)n + 1);
	if (p) {
		va_start(args, format);
		vsnprintf(p, (size_t)n + 1, format, args);
		va_end(args);
	}
	return p;
}

bool name_is_word(const char *text)
{
	size_t n = strlen(text);

	return n >= 1 && n <= RESOLVE_WORD_MAX && text[0] != '.' &&
	       strspn(text, resolve_word_characters) == n;
}

static int resolve_no_memory(struct why *why)
{
	return why_set(why, POSTERN_REASON_NO_RESOURCES, -ENOMEM, "out of memory");
}

/* ---- the base directory ---- */

/* A copy without trailing slashes: O_NOFOLLOW does not apply to "link/". */
static int resolve_base_of(char **ret, const char *directory, const char *suffix, struct why *why)
{
	size_t n = strlen(directory);

	while (n > 1 && directory[n - 1] == '/')
		n--;
	if (n >= PATH_MAX)
		return why_set(why, POSTERN_REASON_FAILED, -ENAMETOOLONG,
			       "the runtime directory is longer than a path can be");
	*ret = name_format("%.*s%s", (int)n, directory, suffix);
	return *ret ? 0 : resolve_no_memory(why);
}

static int resolve_base_of_user(char **ret, struct why *why)
{
	char directory[32];
	struct stat st;

	if (sys_geteuid() == 0)
		return resolve_base_of(ret, SYSTEM_BASE, "", why);
	snprintf(directory, sizeof(directory), "/run/user/%u", (unsigned)sys_geteuid());
	if (sys_fstatat(AT_FDCWD, directory, &st, 0) == 0 && S_ISDIR(st.st_mode))
		return resolve_base_of(ret, directory, "/postern", why);
	return why_set(
		why, POSTERN_REASON_FAILED, -ENOENT,
		"there is no runtime directory: neither POSTERN_DIR nor XDG_RUNTIME_DIR is set and %s does not exist; set POSTERN_DIR to a directory of yours, for servers and clients alike",
		words_name(directory).text);
}

int name_base(char **ret, struct why *why)
{
	const char *directory = secure_getenv("POSTERN_DIR");

	if (directory) {
		if (directory[0] != '/')
			return why_set(
				why, POSTERN_REASON_FAILED, -EINVAL,
				"POSTERN_DIR is \"%s\": set it to an absolute path, or unset it",
				words_name(directory).text);
		return resolve_base_of(ret, directory, "", why);
	}
	directory = secure_getenv("XDG_RUNTIME_DIR");
	if (directory && directory[0]) {
		if (directory[0] != '/')
			return why_set(
				why, POSTERN_REASON_FAILED, -EINVAL,
				"XDG_RUNTIME_DIR is \"%s\", not an absolute path: correct it, or set POSTERN_DIR",
				words_name(directory).text);
		return resolve_base_of(ret, directory, "/postern", why);
	}
	return resolve_base_of_user(ret, why);
}

/* ---- each kind ---- */

/* The entries of the directory, in one block, which each connect makes and frees. What is beside the socket is named
   BEFORE and DOT before what it is. */
static void resolve_entries(struct name *name, const char *socket, const char *before,
			    const char *dot)
{
	name->socket = name_format("%s%c%s%slock%c%s%sinfo%c%s.stale", socket, 0, before, dot, 0,
				   before, dot, 0, socket);
	if (!name->socket)
		return;
	name->lock = name->socket + strlen(name->socket) + 1;
	name->info = name->lock + strlen(name->lock) + 1;
	name->stale = name->info + strlen(name->info) + 1;
}

static int resolve_word(struct name *name, const char *word, struct why *why)
{
	int r;

	if (name->kind == NAME_SYSTEM)
		r = resolve_base_of(&name->base, SYSTEM_BASE, "", why);
	else
		r = name_base(&name->base, why);
	if (r < 0)
		return r;
	assert(name->base);
	name->directory =
		name_format("%s%s%s", name->base, strcmp(name->base, "/") ? "/" : "", word);
	name->path = name->directory ? name_format("%s/sock", name->directory) : NULL;
	resolve_entries(name, "sock", "", "");
	return 0;
}

static int resolve_bad_word(const char *text, const char *word, struct why *why)
{
	size_t n = strlen(word), good = strspn(word, resolve_word_characters);
	unsigned char bad = (unsigned char)word[good];
	char shown[8];

	if (n == 0)
		return why_set(
			why, POSTERN_REASON_FAILED, -EINVAL,
			"%s: write a word (clock, system:clock), a path with a slash, @abstract or fd:N",
			text[0] ? "there is nothing after \"system:\"" : "the name is empty");
	snprintf(shown, sizeof(shown), bad > ' ' && bad < 0x7f ? "%c" : "\\x%02x", bad);
	if (good < n)
		return why_set(
			why, POSTERN_REASON_FAILED, -EINVAL,
			"'%s' is not allowed in a name (after \"%.*s\"): use A-Z a-z 0-9 . _ - only, or a path with a slash",
			shown, good > RESOLVE_WORD_MAX ? RESOLVE_WORD_MAX : (int)good, word);
	if (n > RESOLVE_WORD_MAX)
		return why_set(
			why, POSTERN_REASON_FAILED, -ENAMETOOLONG,
			"\"%.*s...\" has %zu characters: a name has at most %d, a path may be longer",
			RESOLVE_WORD_MAX, word, n, RESOLVE_WORD_MAX);
	return why_set(why, POSTERN_REASON_FAILED, -EINVAL,
		       "\"%s\" begins with a dot, which a name cannot: write ./%s for a path", word,
		       word);
}

static int resolve_absolute(char **ret, const char *text, struct why *why)
{
	char cwd[PATH_MAX];
	ssize_t r;

	if (text[0] == '/') {
		*ret = name_format("%s", text);
		return *ret ? 0 : resolve_no_memory(why);
	}
	r = sys_getcwd(cwd, sizeof(cwd));
	if (r >= 0 && cwd[0] != '/')
		r = -ENOENT; /* "(unreachable)": out of the root, or another mount namespace */
	if (r < 0)
		return why_set(why, POSTERN_REASON_FAILED, (int)r,
			       "%s: the working directory has no path (%s): use an absolute path",
			       words_name(text).text, why_errno((int)r));
	*ret = name_format("%s/%s", strcmp(cwd, "/") ? cwd : "", text);
	return *ret ? 0 : resolve_no_memory(why);
}

static int resolve_path(struct name *name, const char *text, struct why *why)
{
	const char *last;
	size_t n;
	int r;

	r = resolve_absolute(&name->path, text, why);
	if (r < 0)
		return r;
	assert(name->path);
	if (strlen(name->path) >= PATH_MAX)
		return why_set(why, POSTERN_REASON_FAILED, -ENAMETOOLONG,
			       "a path of %zu bytes is longer than the kernel accepts (%d)",
			       strlen(name->path), PATH_MAX - 1);
	last = strrchr(name->path, '/') + 1;
	if (!*last || !strcmp(last, ".") || !strcmp(last, ".."))
		return why_set(why, POSTERN_REASON_FAILED, -EINVAL,
			       "%s is a directory: a path must end with the name of the socket",
			       words_name(text).text);
	n = (size_t)(last - name->path);
	while (n > 1 && name->path[n - 1] == '/')
		n--;
	name->directory = name_format("%.*s", (int)n, name->path);
	resolve_entries(name, last, last, ".");
	return 0;
}

static int resolve_abstract(struct name *name, const char *text, struct why *why)
{
	size_t n = strlen(text + 1);

	if (n < 1 || n > OWN_ADDRESS_MAX)
		return why_set(why, POSTERN_REASON_FAILED, n ? -ENAMETOOLONG : -EINVAL,
			       "%.16s%s has %zu bytes: an abstract name has 1 to %d after its @",
			       text, n ? "..." : "", n, OWN_ADDRESS_MAX);
	name->path = name_format("%s", text);
	return 0;
}

static int resolve_fd(struct name *name, const char *text, struct why *why)
{
	const char *digits = text + strlen("fd:");
	size_t n = strlen(digits);

	if (n < 1 || n > RESOLVE_FD_DIGITS || strspn(digits, "0123456789") != n)
		return why_set(why, POSTERN_REASON_FAILED, -EINVAL,
			       "\"%s\" is not a descriptor: write fd: and its number, as in fd:3",
			       words_name(text).text);
	name->fd = (int)strtol(digits, NULL, 10);
	name->path = name_format("fd:%d", name->fd);
	return 0;
}

/* The prefix decides before the slash does: @/tmp/.X11-unix/X0 is a name that people use. */
static int resolve_kind(struct name *name, const char *text, struct why *why)
{
	const char *word = text;

	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return why_set(why, POSTERN_REASON_FAILED, -EINVAL,
				       "the name has a control character (\\x%02x) after %zu bytes",
				       (unsigned)*p, (size_t)(p - text));
	name->kind = NAME_WORD;
	if (text[0] == '@') {
		name->kind = NAME_ABSTRACT;
		return resolve_abstract(name, text, why);
	}
	if (strchr(text, '/')) {
		name->kind = NAME_PATH;
		return resolve_path(name, text, why);
	}
	if (!strncmp(text, "fd:", 3)) {
		name->kind = NAME_FD;
		return resolve_fd(name, text, why);
	}
	if (!strncmp(text, "system:", 7)) {
		name->kind = NAME_SYSTEM;
		word += 7;
	}
	return name_is_word(word) ? resolve_word(name, word, why)
				  : resolve_bad_word(text, word, why);
}

int name_resolve(struct name *name, const char *text, struct why *why)
{
	bool entries;
	int r;

	memset(name, 0, sizeof(*name));
	name->fd = -1;
	r = resolve_kind(name, text, why);
	if (r < 0)
		goto out;
	name->text = name_format("%s", text);
	entries = name->directory && name->socket;
	if (!name->text || !name->path || (name->kind <= NAME_PATH && !entries))
		r = resolve_no_memory(why);
out:
	if (r < 0)
		name_deinit(name);
	return r;
}

void name_deinit(struct name *name)
{
	sys_free(name->text);
	sys_free(name->path);
	sys_free(name->directory);
	sys_free(name->socket); /* and lock, info, stale */
	sys_free(name->base);
	memset(name, 0, sizeof(*name));
	name->fd = -1;
}

int postern_name_resolve(const char *name, char *ret, size_t size)
{
	struct name n;
	int r;

	if (!name || !ret || !size)
		return why_argument("postern_name_resolve", "name or ret is NULL, or size is 0");
	r = name_resolve(&n, name, why_last());
	if (r < 0)
		return r;
	assert(n.path);
	if (strlen(n.path) >= size)
		r = why_set(why_last(), POSTERN_REASON_FAILED, -ERANGE,
			    "%s: the path has %zu bytes, but the buffer only %zu",
			    words_name(name).text, strlen(n.path) + 1, size);
	else
		memcpy(ret, n.path, strlen(n.path) + 1);
	name_deinit(&n);
	return r;
}
