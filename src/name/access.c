/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access.c - which users can reach the socket
 *
 * The mode of a socket says who may connect, but a connecting process must also pass every directory above it.
 * A server that asks for world access below a 0700 runtime directory would start, look right, and be
 * unreachable: so that is an error at the start. The check goes up by ".." from descriptor to descriptor, because the
 * path as text may contain symlinks, and their targets count.
 *
 * Access control lists are ignored: a directory that only a list opens counts as closed.
 *
 * The umask belongs to the process, and changing it for a moment would change it for every thread. So bind runs
 * with the current umask, and the bits that it removed are restored before listen: until then the kernel refuses
 * each connect, so the socket is never open wider than requested, and never accepts under a narrower mode.
 */
#include "base/words.h"
#include "name/own.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { ACCESS_DEPTH_MAX = 4096 };

bool access_is_wide(const struct owner *o)
{
	return o->options.mode & 0022;
}

/* The group that the socket will have; a directory with the set-group-id bit passes on its own. */
static gid_t access_group(const struct owner *o, const struct stat *directory)
{
	if (o->options.group)
		return *o->options.group;
	return directory->st_mode & S_ISGID ? directory->st_gid : sys_getegid();
}

/* The users that the mode admits and the directory keeps out, or NULL. */
static const char *access_kept_out(const struct owner *o, const struct stat *directory, gid_t group)
{
	bool known = directory->st_gid != o->unknown.gid;
	bool group_passes =
		directory->st_mode & (known && directory->st_gid == group ? 0010 : 0001);

	if ((o->options.mode & 0002) && !(directory->st_mode & 0001))
		return "others";
	if ((o->options.mode & 0020) && !group_passes)
		return "the group";
	return NULL;
}

/* The directory as a prefix of the path, if there is one that leads to it. */
static const char *access_find_path(const char *below, const struct stat *wanted, char *buf,
				    size_t size)
{
	size_t n = strlen(below);
	struct stat st;

	if (n >= size)
		return "a directory above";
	memcpy(buf, below, n + 1);
	for (; n > 0; n--) {
		if (n > 1 && buf[n] && buf[n] != '/')
			continue;
		buf[n] = 0;
		if (sys_fstatat(AT_FDCWD, buf, &st, 0) == 0 && own_same(&st, wanted))
			return buf;
	}
	return "a directory above";
}

static int access_refuse(const struct owner *o, const char *whom, const struct stat *st,
			 struct why *why)
{
	char buf[256];

	return why_set(
		why, POSTERN_REASON_NOT_ALLOWED, -EACCES,
		"access %04o lets %s in, but %s (mode %04o, uid %u) does not let them through to %s: ask for less access, or use a directory that they can reach",
		(unsigned)o->options.mode, whom,
		access_find_path(o->name->directory, st, buf, sizeof(buf)),
		(unsigned)st->st_mode & 07777, (unsigned)st->st_uid,
		words_name(o->name->path).text);
}

int access_check(const struct owner *o, int lowest, int n_own, struct why *why)
{
	struct stat st, below = { 0 };
	const char *whom;
	gid_t group = 0;
	int fd = lowest, parent, r = 0;

	for (int depth = 0; access_is_wide(o) && depth < ACCESS_DEPTH_MAX; depth++) {
		r = sys_fstat(fd, &st);
		if (r < 0 || (depth > 0 && own_same(&st, &below)))
			break;
		if (depth == 0)
			group = access_group(o, &st);
		whom = access_kept_out(o, &st, group);
		if (whom && (depth >= n_own || st.st_uid != sys_geteuid())) {
			r = access_refuse(o, whom, &st, why);
			goto out;
		}
		below = st;
		parent = sys_openat(fd, "..", O_PATH | O_DIRECTORY, 0);
		if (fd != lowest)
			sys_close(fd);
		fd = parent;
		r = parent < 0 ? parent : 0;
		if (r < 0)
			break;
	}
	if (r < 0)
		why_set(why, why_code(r), r, "cannot look at the directories above %s: %s",
			words_name(o->name->path).text, why_errno(r));
out:
	if (fd >= 0 && fd != lowest)
		sys_close(fd);
	return r;
}

int access_widen(int fd, mode_t mode)
{
	char buf[OWN_PROC_FD_MAX];
	struct stat st;
	int r;

	r = sys_fstat(fd, &st);
	if (r < 0 || st.st_uid != sys_geteuid() || (st.st_mode & mode) == mode)
		return r;
	return sys_fchmodat(AT_FDCWD, own_proc_path(buf, fd), (st.st_mode & 07777) | mode);
}

int access_set_socket(const struct owner *o, int pin, struct why *why)
{
	char buf[OWN_PROC_FD_MAX];
	struct stat st;
	int r = 0;

	if (o->options.group) {
		r = sys_fchownat(pin, "", (uid_t)-1, *o->options.group, AT_EMPTY_PATH);
		if (r < 0)
			return why_set(
				why, why_code(r), r,
				"cannot give %s to group %u: %s; a process can give to groups that it is in",
				words_name(o->name->path).text, (unsigned)*o->options.group,
				why_errno(r));
	}
	r = sys_fstat(pin, &st);
	if (r >= 0 && (st.st_mode & 07777) != o->options.mode)
		r = sys_fchmodat(AT_FDCWD, own_proc_path(buf, pin), o->options.mode);
	else if (r < 0)
		return why_set(why, why_code(r), r, "cannot look at %s (fstat: %s)",
			       words_name(o->name->path).text, why_errno(r));
	if (r < 0)
		return why_set(
			why, why_code(r), r,
			"cannot set the mode of %s to %04o (chmod: %s); it has %04o: where the file system refuses chmod, start with another umask",
			words_name(o->name->path).text, (unsigned)o->options.mode, why_errno(r),
			(unsigned)st.st_mode & 07777);
	return 0;
}
