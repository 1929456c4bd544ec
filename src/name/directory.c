/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory.c - step 1 of owning a name: the directory that the socket will be in
 *
 * A user that can write to that directory can take the name away and answer in our place. So it must belong to us
 * or to root, and others may write to it only if root has made it sticky (/tmp: there they cannot remove
 * our files). Writable by a group is usually intended, so it only causes a warning.
 *
 * Directories below the base directory are ours: made when missing, never reached through a symlink as their
 * last component, and widened to 0755 if the requested access needs that. A path that the user gave may lead
 * through symlinks (/var/run is one), and its directory is never made or changed.
 *
 * The base directory is made only in a parent that passes the same check: root with the XDG_RUNTIME_DIR of
 * another user, as sudo -E leaves it, would otherwise make a directory there that its user could not use.
 *
 * /run/postern is always 0755, since the names of all users of system: are below it.
 */
#include "base/words.h"
#include "name/own.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { DIRECTORY_FLAGS = O_PATH | O_DIRECTORY };

static int directory_check(struct owner *o, int fd, const char *path, struct why *why)
{
	uid_t me = sys_geteuid();
	bool sticky;
	struct stat st;
	int r;

	r = sys_fstat(fd, &st);
	if (r < 0)
		return why_set(why, why_code(r), r, "%s: %s", words_name(path).text, why_errno(r));
	sticky = (st.st_mode & S_ISVTX) && st.st_uid == 0;
	if (!own_is_mine(o, st.st_uid) && st.st_uid != 0)
		return why_set(
			why, POSTERN_REASON_NOT_ALLOWED, -EPERM,
			"the directory %s belongs to uid %u%s, who could take the name away: it must belong to uid %u or root; use another directory",
			words_name(path).text, (unsigned)st.st_uid, own_uid_note(o, st.st_uid),
			(unsigned)me);
	if ((st.st_mode & S_IWOTH) && !sticky)
		return why_set(
			why, POSTERN_REASON_NOT_ALLOWED, -EPERM,
			"the directory %s (mode %04o) is writable by others, who could take the name away: chmod o-w, or use another directory",
			words_name(path).text, (unsigned)st.st_mode & 07777);
	if ((st.st_mode & S_IWGRP) && !sticky)
		own_warn(o, "the directory %s is writable by group %u, who can take the name away",
			 words_name(path).text, (unsigned)st.st_gid);
	return 0;
}

/* Why a directory could not be opened: the kernel returns ENOTDIR for a symlink too. */
static int directory_cannot_open(int dir, const char *entry, const char *path, int error,
				 struct why *why)
{
	struct stat st;
	bool link = error == -ENOTDIR && sys_fstatat(dir, entry, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISLNK(st.st_mode);

	if (link)
		return why_set(
			why, POSTERN_REASON_NOT_ALLOWED, -ELOOP,
			"%s is a symlink, which could be redirected: name the directory itself",
			words_name(path).text);
	if (error == -ENOENT)
		return why_set(why, POSTERN_REASON_FAILED, error,
			       "the directory %s does not exist: make it first",
			       words_name(path).text);
	return why_set(why, why_code(error), error, "cannot use the directory %s: %s",
		       words_name(path).text, why_errno(error));
}

static int directory_cannot_make(const struct owner *o, const char *path, int error,
				 struct why *why)
{
	bool system = !strcmp(o->name->base, SYSTEM_BASE) && sys_geteuid() != 0;

	if (system)
		return why_set(
			why, why_code(error), error,
			"cannot make %s: %s; root makes it, with this line in tmpfiles.d: d %s 0755 %s",
			words_name(path).text, why_errno(error), words_name(path).text,
			strcmp(path, SYSTEM_BASE) ? "USER GROUP" : "root root");
	return why_set(why, why_code(error), error, "cannot make the directory %s: %s",
		       words_name(path).text, why_errno(error));
}

/* First 0700, whatever is requested: access_widen() follows when everything has been checked. */
static int directory_make(struct owner *o, int dir, const char *entry, const char *path,
			  struct why *why)
{
	int fd, r;

	fd = sys_openat(dir, entry, DIRECTORY_FLAGS | O_NOFOLLOW, 0);
	if (fd == -ENOENT) {
		r = sys_mkdirat(dir, entry, 0700);
		if (r < 0 && r != -EEXIST)
			return directory_cannot_make(o, path, r, why);
		fd = sys_openat(dir, entry, DIRECTORY_FLAGS | O_NOFOLLOW, 0);
	}
	if (fd < 0)
		return directory_cannot_open(dir, entry, path, fd, why);
	r = directory_check(o, fd, path, why);
	if (r < 0) {
		sys_close(fd);
		return r;
	}
	return fd;
}

/* Only for a missing base directory: an existing one may be in another user's directory. */
static int directory_make_base(struct owner *o, struct why *why)
{
	const char *base = o->name->base, *last = strrchr(base, '/') + 1;
	char *above;
	int parent, fd = -1, r;

	above = name_format("%.*s", last - base > 1 ? (int)(last - base - 1) : 1, base);
	if (!above)
		return why_set(why, POSTERN_REASON_NO_RESOURCES, -ENOMEM, "out of memory");
	parent = sys_openat(AT_FDCWD, above, DIRECTORY_FLAGS, 0);
	if (parent < 0) {
		r = directory_cannot_open(AT_FDCWD, above, above, parent, why);
		goto out;
	}
	r = directory_check(o, parent, above, why);
	if (r < 0)
		goto out;
	o->warning[0] =
		0; /* it was about the parent, which holds nothing of ours except this directory */
	fd = directory_make(o, parent, last, base, why);
	r = fd < 0 ? fd : 0;
out:
	own_close(&parent);
	sys_free(above);
	return r < 0 ? r : fd;
}

static int directory_open_base(struct owner *o, struct why *why)
{
	const char *base = o->name->base;
	int fd, r;

	fd = sys_openat(AT_FDCWD, base, DIRECTORY_FLAGS | O_NOFOLLOW, 0);
	if (fd == -ENOENT)
		return directory_make_base(o, why);
	if (fd < 0)
		return directory_cannot_open(AT_FDCWD, base, base, fd, why);
	r = directory_check(o, fd, base, why);
	if (r < 0) {
		sys_close(fd);
		return r;
	}
	return fd;
}

static int directory_widen(const struct owner *o, int base, struct why *why)
{
	mode_t wanted = access_is_wide(o) ? 0755 : 0700;
	const char *path = o->name->base;
	int r;

	r = access_widen(base, strcmp(path, SYSTEM_BASE) ? wanted : 0755);
	if (r >= 0) {
		path = o->name->directory;
		r = access_widen(o->directory, wanted);
	}
	if (r < 0)
		why_set(why, why_code(r), r, "cannot set the mode of %s to %04o (chmod: %s)",
			words_name(path).text, (unsigned)wanted, why_errno(r));
	return r;
}

static int directory_open_word(struct owner *o, struct why *why)
{
	const struct name *name = o->name;
	int base, r;

	base = directory_open_base(o, why);
	if (base < 0)
		return base;
	r = directory_make(o, base, strrchr(name->directory, '/') + 1, name->directory, why);
	if (r < 0)
		goto out;
	o->directory = r;
	r = access_check(o, o->directory, 2, why);
	if (r >= 0)
		r = directory_widen(o, base, why);
out:
	sys_close(base);
	return r;
}

static int directory_open_path(struct owner *o, struct why *why)
{
	const struct name *name = o->name;
	int fd, r;

	if (strlen(name->socket) > NAME_MAX - OWN_SUFFIX_MAX)
		return why_set(
			why, POSTERN_REASON_FAILED, -ENAMETOOLONG,
			"the last part of %s is too long: %d bytes leave room for the lock beside it",
			words_name(name->path).text, NAME_MAX - OWN_SUFFIX_MAX);
	fd = sys_openat(AT_FDCWD, name->directory, DIRECTORY_FLAGS, 0);
	if (fd < 0)
		return directory_cannot_open(AT_FDCWD, name->directory, name->directory, fd, why);
	o->directory = fd;
	r = directory_check(o, fd, name->directory, why);
	if (r >= 0)
		r = access_check(o, fd, 0, why);
	return r;
}

int directory_open(struct owner *o, struct why *why)
{
	int r;

	o->warning[0] = 0;
	r = o->name->base ? directory_open_word(o, why) : directory_open_path(o, why);
	if (r < 0)
		own_close(&o->directory);
	else
		o->step = OWNER_LOCK;
	return r;
}
