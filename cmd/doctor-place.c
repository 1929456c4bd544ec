/* SPDX-License-Identifier: Apache-2.0 */
/* doctor-place.c - postern doctor: the directories, the disk, the lock and the info of a name */
#include "doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { MODE = 07777 };

static const char *doctor_kind(mode_t mode)
{
	return S_ISREG(mode)    ? "a file"
	       : S_ISDIR(mode)  ? "a directory"
	       : S_ISLNK(mode)  ? "a symlink"
	       : S_ISSOCK(mode) ? "a socket"
				: "something else";
}

static const char *doctor_unknown(const struct doctor *d, uid_t uid)
{
	return uid == d->unknown
		       ? ", which stands for every user without a uid in this user namespace"
		       : "";
}

/* ---- the path to the directory ---- */

/* The parent directory, as text. */
static void doctor_above(char ret[PATH_MAX], const char *path)
{
	char *last;

	snprintf(ret, PATH_MAX, "%s", path);
	last = strrchr(ret, '/');
	last[last == ret] = 0;
}

static void doctor_missing(struct doctor *d, const char *path)
{
	const struct look *l = &d->look;
	char above[PATH_MAX], base[PATH_MAX];
	bool made;

	doctor_above(above, path);
	doctor_above(base, l->directory);
	/* For a word, the server makes the name's own directory and the one above. */
	made = l->word && (!strcmp(path, l->directory) || !strcmp(path, base));
	if (made && access(above, W_OK | X_OK) == 0) {
		doctor_ok(d, "directory", "%s does not exist; the server makes it", path);
		return;
	}
	if (made && !strncmp(path, "/run/postern", 12))
		doctor_fix(d, "sudo install -d -m 755 -o %lu %s", (unsigned long)d->me,
			   doctor_quote(l->directory));
	else
		doctor_fix(d, "mkdir -p %s", doctor_quote(l->word ? base : l->directory));
	doctor_problem(d, "directory", "%s does not exist%s", path,
		       made ? ", and you cannot make it" : "");
}

static void doctor_barred(struct doctor *d, const char *path)
{
	struct stat st = { 0 };

	if (stat(path, &st) < 0)
		return;
	doctor_fix(d, "chmod o+x %s", doctor_quote(path));
	doctor_problem(d, "directory", "%s (mode %04o, uid %lu) does not let uid %lu through", path,
		       (unsigned)st.st_mode & MODE, (unsigned long)st.st_uid, (unsigned long)d->me);
}

/* From the top: each directory exists, is a directory, and lets us through. */
bool doctor_look_at_way(struct doctor *d)
{
	char path[PATH_MAX], above[PATH_MAX] = "/";
	struct stat st;
	size_t n = 0;

	while (d->look.directory[n]) {
		n += strspn(d->look.directory + n, "/");
		n += strcspn(d->look.directory + n, "/");
		snprintf(path, sizeof(path), "%.*s", (int)n, d->look.directory);
		if (stat(path, &st) < 0 && errno == ENOENT) {
			doctor_missing(d, path);
			return false;
		}
		if (stat(path, &st) < 0 && errno == EACCES) {
			doctor_barred(d, above);
			return false;
		}
		if (stat(path, &st) < 0) {
			doctor_fix(d, "ls -ld %s", doctor_quote(path));
			doctor_problem(d, "directory", "%s: %s", path, strerror(errno));
			return false;
		}
		if (!S_ISDIR(st.st_mode)) {
			doctor_advise(
				d,
				d->look.word
					? "set POSTERN_DIR to a directory of yours, or use another name"
					: "use another name, in a directory of yours");
			doctor_problem(d, "directory", "%s is at %s, which must be a directory",
				       doctor_kind(st.st_mode), path);
			return false;
		}
		memcpy(above, path, strlen(path) + 1);
	}
	if (access(d->look.directory, X_OK) < 0) {
		doctor_barred(d, d->look.directory);
		return false;
	}
	return true;
}

/* ---- users that could take the name away ---- */

static bool doctor_is_linked(struct doctor *d, const char *path)
{
	char real[PATH_MAX];
	struct stat st;

	if (!d->look.word || lstat(path, &st) < 0 || !S_ISLNK(st.st_mode))
		return false;
	/* The base may be named by what it leads to; a name's own directory is what it is. */
	if (strcmp(path, d->look.directory) != 0 && realpath(path, real))
		doctor_fix(d, "export POSTERN_DIR=%s", doctor_quote(real));
	else
		doctor_advise(d, "use another name");
	doctor_problem(d, "directory",
		       "%s is a symlink, which could be redirected: no server starts there", path);
	return true;
}

/* Another user's directory is not to be taken over: it may be /etc. */
static void doctor_advise_elsewhere(struct doctor *d)
{
	if (d->look.word)
		doctor_advise(d, "set POSTERN_DIR to a directory of yours");
	else
		doctor_advise(
			d,
			"use a word for a name, as in postern serve clock, or a directory of yours");
}

static void doctor_look_at_directory(struct doctor *d, const char *path)
{
	struct stat st;
	bool theirs;

	if (doctor_is_linked(d, path) || stat(path, &st) < 0)
		return;
	/* If another user's server runs, it belongs to that user. */
	theirs = d->served && d->look.socket_error == 0 && st.st_uid == d->look.socket.st_uid &&
		 st.st_uid != d->unknown;
	if ((st.st_uid != d->me || st.st_uid == d->unknown) && st.st_uid != 0 && !theirs) {
		doctor_advise_elsewhere(d);
		doctor_problem(
			d, "directory",
			"%s belongs to uid %lu%s, who could take the name away: it must belong to uid %lu or root",
			path, (unsigned long)st.st_uid, doctor_unknown(d, st.st_uid),
			(unsigned long)d->me);
		return;
	}
	if ((st.st_mode & S_IWOTH) && !((st.st_mode & S_ISVTX) && st.st_uid == 0)) {
		if (st.st_uid == d->me)
			doctor_fix(d, "chmod o-w %s", doctor_quote(path));
		else
			doctor_advise_elsewhere(d);
		doctor_problem(d, "directory",
			       "%s (mode %04o) is writable by others, who could take the name away",
			       path, (unsigned)st.st_mode & MODE);
		return;
	}
	if (!d->served && access(path, W_OK) < 0) {
		doctor_advise_elsewhere(d);
		doctor_problem(d, "directory",
			       "%s (mode %04o, uid %lu): uid %lu cannot make a socket there", path,
			       (unsigned)st.st_mode & MODE, (unsigned long)st.st_uid,
			       (unsigned long)d->me);
		return;
	}
	doctor_ok(d, "directory", "%s belongs to uid %lu, mode %04o%s", path,
		  (unsigned long)st.st_uid, (unsigned)st.st_mode & MODE,
		  (st.st_mode & S_IWGRP) && !(st.st_mode & S_ISVTX)
			  ? ", writable by a group, which can take the name away"
			  : "");
}

void doctor_look_at_directories(struct doctor *d)
{
	char base[PATH_MAX];

	doctor_above(base, d->look.directory);
	if (d->look.word)
		doctor_look_at_directory(d, base);
	doctor_look_at_directory(d, d->look.directory);
}

/* ---- the disk ---- */

static bool doctor_is_remote(const char *path)
{
	/* NFS, CIFS, SMB2, SMB, AFS */
	static const unsigned long types[] = { 0x6969, 0xff534d42, 0xfe534d42, 0x517b, 0x5346414f };
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (((unsigned long)fs.f_type & 0xffffffff) == types[i])
			return true;
	return false;
}

void doctor_look_at_disk(struct doctor *d)
{
	const char *path = d->look.directory;
	struct statvfs fs;

	if (statvfs(path, &fs) < 0)
		return;
	if (doctor_is_remote(path)) {
		doctor_fix(d, "export POSTERN_DIR=/run/user/%lu/postern", (unsigned long)d->me);
		doctor_problem(
			d, "disk",
			"%s is on a network file system, where sockets and locks do not reach from one machine to another",
			path);
	} else if ((fs.f_flag & ST_RDONLY) && !d->served) {
		doctor_fix(d, "sudo mount -o remount,rw \"$(findmnt -nT %s -o TARGET)\"",
			   doctor_quote(path));
		doctor_problem(d, "disk",
			       "%s is on a read-only file system: no socket can be made there",
			       path);
	} else if (fs.f_files > 0 && fs.f_favail == 0) {
		doctor_fix(d, "df -i %s", doctor_quote(path));
		doctor_problem(d, "disk", "the file system of %s has room for no more files", path);
	} else if (fs.f_blocks > 0 && fs.f_bavail == 0) {
		doctor_fix(d, "df -h %s", doctor_quote(path));
		doctor_problem(
			d, "disk",
			"the file system of %s is full: a server starts, but cannot write its record %s",
			path, d->look.info);
	} else {
		doctor_ok(d, "disk", "the file system of %s has room", path);
	}
}

/* ---- the lock ---- */

/* Why a server could not take it, or NULL. */
static const char *doctor_lock_is_wrong(const struct doctor *d, const struct stat *st)
{
	bool theirs = d->served && d->look.socket_error == 0 && st->st_uid == d->look.socket.st_uid;

	if (!S_ISREG(st->st_mode))
		return doctor_kind(st->st_mode);
	if (st->st_uid == d->unknown || (st->st_uid != d->me && !theirs))
		return "a file of another user";
	if (st->st_nlink > 1)
		return "a file with more than one link";
	return st->st_size > 0 ? "a file that is not empty" : NULL;
}

void doctor_look_at_lock(struct doctor *d)
{
	const char *path = d->look.lock, *wrong;
	struct stat st;

	if (lstat(path, &st) < 0) {
		doctor_ok(d, "lock", "there is no %s%s", path,
			  d->look.listens == 1 ? ": the server is another program's, or lost it"
					       : " yet");
		return;
	}
	wrong = doctor_lock_is_wrong(d, &st);
	if (wrong) {
		doctor_fix_by_moving(d, path);
		doctor_problem(d, "lock", "%s (uid %lu) is at %s, where the lock must be", wrong,
			       (unsigned long)st.st_uid, path);
		return;
	}
	doctor_ok(d, "lock", "%s is %s", path,
		  d->lock == LOOK_HELD   ? "held"
		  : d->lock == LOOK_FREE ? "free"
					 : "that of another user, and cannot be looked at");
}

/* ---- info ---- */

void doctor_look_at_info(struct doctor *d)
{
	const char *path = d->look.info;
	struct stat st;

	if (d->look.pid > 0) {
		doctor_ok(d, "info", "%s tells of pid %ld", path, (long)d->look.pid);
	} else if (lstat(path, &st) < 0) {
		doctor_ok(d, "info", "there is no %s%s", path,
			  d->lock == LOOK_HELD
				  ? ": the server could not write it, so `postern ls` shows ?"
				  : "");
	} else if (S_ISREG(st.st_mode) && access(path, R_OK) < 0) {
		doctor_fix(d, "chmod a+r %s", doctor_quote(path));
		doctor_problem(d, "info", "%s (mode %04o, uid %lu) cannot be read", path,
			       (unsigned)st.st_mode & MODE, (unsigned long)st.st_uid);
	} else {
		doctor_fix_by_moving(d, path);
		doctor_problem(d, "info",
			       "%s that is not a server's info is at %s, so `postern ls` shows ?",
			       doctor_kind(st.st_mode), path);
	}
}
