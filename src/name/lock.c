/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock.c - step 2 of owning a name: the lock
 *
 * One flock() covers probing the name, the removal of a stale socket, bind and listen, and
 * is then kept for life. The kernel releases it with the process, however that ends, so there are no
 * stale locks to detect.
 *
 * Why flock: an fcntl() lock is lost when any code in the process closes another descriptor of that file; an
 * open-file-description lock would work, but would not distinguish a child that shares it from its parent either, and
 * flock can be taken from a shell.
 *
 * We never unlink the file. If something else does (for example a cleaner of old files), one process that opened the old
 * file and one that made a new one could both hold "the" lock: so after taking it, the file at the path must be the locked
 * one, and the directory at its path the one that was opened. Without that check, every second claim in a test had
 * two owners.
 *
 * Mode 0600, because a user that can open the file for reading can lock it, and keep the server from starting.
 *
 * Its number is below that of the listening socket, as far as we control that: a dying process then stops
 * accepting before it releases the lock, and a successor rarely finds its predecessor half dead.
 *
 * If another process holds it, the name is in use, by the process in info. If info is missing, or its process is gone, the
 * holder is just starting or just ending, and will have written it, or be gone, in a moment; wait for that.
 */
#include "base/words.h"
#include "name/own.h"

#include "name/info.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

static int lock_refuse(const struct owner *o, int error, const char *what, struct why *why)
{
	return why_set(why, POSTERN_REASON_NOT_ALLOWED, error,
		       "%s/%s is not a Postern lock (%s): remove it, or use another name",
		       words_name(o->name->directory).text, o->name->lock, what);
}

static int lock_cannot_open(const struct owner *o, int error, struct why *why)
{
	if (error == -ELOOP)
		return lock_refuse(o, error, "it is a symlink", why);
	if (error == -EISDIR)
		return lock_refuse(o, error, "it is a directory", why);
	if (error == -ENXIO)
		return lock_refuse(o, -EPERM, "it is not a regular file", why);
	return why_set(why, why_code(error), error, "cannot open the lock %s/%s as uid %u: %s",
		       words_name(o->name->directory).text, o->name->lock, (unsigned)sys_geteuid(),
		       why_errno(error));
}

/* A lock that was removed meanwhile has no link; lock_stands() detects that. A file with content belongs to
   another program: some keep their pid in such a file, and do not lock it. */
static int lock_check(const struct owner *o, struct why *why)
{
	struct stat st;
	int r;

	r = sys_fstat(o->lock, &st);
	if (r < 0)
		return lock_cannot_open(o, r, why);
	if (!S_ISREG(st.st_mode))
		return lock_refuse(o, -EPERM, "it is not a regular file", why);
	if (!own_is_mine(o, st.st_uid))
		return lock_refuse(o, -EPERM,
				   st.st_uid == o->unknown.uid ? "its uid " IDS_UNKNOWN
							       : "it belongs to another user",
				   why);
	if (st.st_nlink > 1)
		return lock_refuse(o, -EPERM, "it has more than one link", why);
	if (st.st_size > 0)
		return lock_refuse(o, -EPERM, "it is not empty", why);
	if ((st.st_mode & 07777) != 0600) {
		r = sys_fchmod(o->lock, 0600); /* the umask removed bits, or the mode was changed */
		if (r < 0)
			return lock_cannot_open(o, r, why);
	}
	return 0;
}

static void lock_since(char *buf, size_t size, int64_t since)
{
	time_t t = (time_t)since;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(buf, size, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		buf[0] = 0;
}

/* The holder, according to its record. */
static int lock_in_use(const struct owner *o, const struct info *info, bool elsewhere,
		       struct why *why)
{
	char since[40];

	lock_since(since, sizeof(since), info->since);
	return why_set(why, POSTERN_REASON_NAME_IN_USE, -EADDRINUSE,
		       "%s is in use by pid %d%s since %s: stop that server, or use another name",
		       words_name(o->name->path).text, (int)info->pid,
		       elsewhere ? " of another pid namespace (a container)" : "", since);
}

static int lock_held(const struct owner *o, int64_t *ret_delay_ns, struct why *why)
{
	const struct name *name = o->name;
	struct info_place here = { .pidns = 0 };
	struct info info = { .pid = 0 };
	int alive = 0;

	if (info_read(o->directory, name->info, &info) == 0) {
		info_look_around(&here);
		alive = info_alive(&info, &here);
	}
	if (alive == 1)
		return lock_in_use(o, &info, false, why);
	if (sys_now() < o->deadline_ns) {
		*ret_delay_ns = OWN_POLL_NS;
		return -EAGAIN;
	}
	if (alive < 0)
		return lock_in_use(o, &info, info.pidns != here.pidns, why);
	return why_set(why, POSTERN_REASON_NAME_IN_USE, -EADDRINUSE,
		       "%s is in use: an unknown process holds its lock, %s/%s",
		       words_name(name->path).text, words_name(name->directory).text, name->lock);
}

/* 1: the path leads to the directory that we opened; 0: it does not; negative: unknown. A process that has changed its root
   or its mounts since cannot see what others find there; for it the directory remains the one that it opened. */
static int lock_directory_stands(const struct owner *o)
{
	struct stat at_path, ours;
	int r = owner_view_is_same(o);

	if (r <= 0)
		return r < 0 ? r : 1;
	r = sys_fstatat(AT_FDCWD, o->name->directory, &at_path, 0);
	if (r >= 0)
		r = sys_fstat(o->directory, &ours);
	return r < 0 ? r : own_same(&at_path, &ours);
}

int lock_stands(const struct owner *o)
{
	struct stat at_path, ours;
	int r = lock_directory_stands(o);

	if (r > 0)
		r = sys_fstatat(o->directory, o->name->lock, &at_path, AT_SYMLINK_NOFOLLOW);
	else if (r == 0)
		return 0;
	if (r >= 0)
		r = sys_fstat(o->lock, &ours);
	if (r >= 0)
		return own_same(&at_path, &ours);
	switch (r) {
	case -ENOENT:
	case -ENOTDIR:
	case -ELOOP:
	case -ESTALE:   /* a network file system whose server has forgotten it */
	case -ENOTCONN: /* one in user space whose process has gone */
	case -ENODEV:
		return 0;
	}
	return r;
}

static int lock_restart(struct owner *o, struct why *why)
{
	own_close(&o->lock);
	own_close(&o->directory);
	o->step = OWNER_START;
	if (++o->tries <= OWN_RESTARTS)
		return 0;
	return why_set(
		why, POSTERN_REASON_FAILED, -ESTALE,
		"%s/%s is replaced again and again while it is being locked: find the process that does that",
		words_name(o->name->directory).text, o->name->lock);
}

int lock_take(struct owner *o, int64_t *ret_delay_ns, struct why *why)
{
	const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
	int r;

	r = sys_openat(o->directory, o->name->lock, flags, 0600);
	if (r == -ENOENT)
		return lock_restart(o, why); /* the directory was removed after it was opened */
	if (r < 0)
		return lock_cannot_open(o, r, why);
	o->lock = r;
	r = lock_check(o, why);
	if (r < 0)
		goto out;
	r = sys_flock(o->lock, LOCK_EX | LOCK_NB);
	if (r == -EWOULDBLOCK) {
		r = lock_held(o, ret_delay_ns, why);
		goto out;
	}
	if (r < 0) {
		why_set(why, why_code(r), r, "cannot lock %s/%s: %s",
			words_name(o->name->directory).text, o->name->lock, why_errno(r));
		goto out;
	}
	r = lock_stands(o);
	if (r == 0)
		return lock_restart(o, why);
	if (r < 0)
		lock_cannot_open(o, r, why);
	else
		o->step = OWNER_LOOK;
out:
	if (r < 0)
		own_close(&o->lock);
	return r < 0 ? r : 0;
}
