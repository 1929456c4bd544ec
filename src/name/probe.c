/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.c - steps 3 and 4 of owning a name: probing the socket there, and removing it if it is dead
 *
 * We hold the lock, so a socket at the name is one of three: left by a dead server; our predecessor's, which is
 * exiting (the kernel closes its descriptors one after the other); or that of a program that does not use
 * the lock. Only the first may be removed, and only after it refused twice, 50 ms apart: between bind and
 * listen a foreign server's socket refuses too.
 *
 *     LOOK ---- no file ----------------------------------> PUBLISH
 *      | ^ ^-- it answers: again after 50 ms, for 1 s, then in use
 *      v |
 *     AGAIN --- refuses again: renamed, compared, unlinked -> PUBLISH
 *        '----- answers, or another file is there: LOOK
 *
 * The socket stays pinned by an O_PATH descriptor from the first probe to its removal. The pin keeps its inode
 * from being freed, so that its number identifies exactly this socket; and the probe connects through the pin, so that
 * the probed socket is the removed one.
 *
 * Removal is a rename to one fixed name and then unlink, not just unlink: between the last comparison and
 * an unlink, a foreign server could have replaced the socket. A renamed file can be checked before it
 * is removed, and moved back. RENAME_NOREPLACE keeps the move from destroying a file at either end.
 *
 * A probe that succeeds is a connection to that server, closed at once: about twenty of them, which a backlog
 * has room for. Only servers that do not use the lock, or are exiting, ever see it.
 */
#include "base/words.h"
#include "name/own.h"

#include <errno.h>
#include <fcntl.h>

/* 0: refused, or there is no socket any more; 1: alive; negative: unknown. */
static int probe_pinned(int pin)
{
	int fd = address_connect_pinned(pin);

	switch (fd) {
	case -ECONNREFUSED:
		return 0;
	case -EAGAIN:
	case -EACCES:
	case -EPROTOTYPE:
	case -EINTR: /* no result; a socket that seems alive is probed again */
		return 1;
	}
	if (fd < 0)
		return fd;
	sys_close(fd);
	return 1;
}

static int probe_cannot(const struct owner *o, int error, struct why *why)
{
	if (error == -ENOSYS)
		return why_set(
			why, POSTERN_REASON_FAILED, error,
			"cannot find out whether a server still listens on %s: /proc is not mounted",
			words_name(o->name->path).text);
	return why_set(why, why_code(error), error, "cannot find out what stands at %s: %s",
		       words_name(o->name->path).text, why_errno(error));
}

static int probe_wrong_type(const struct owner *o, const struct stat *st, struct why *why)
{
	const char *what = S_ISREG(st->st_mode)   ? "a file"
			   : S_ISDIR(st->st_mode) ? "a directory"
			   : S_ISLNK(st->st_mode) ? "a symlink"
						  : "a file that is not a socket";

	return why_set(
		why, POSTERN_REASON_WRONG_TYPE, S_ISLNK(st->st_mode) ? -ELOOP : -ENOTSOCK,
		"%s is at %s, which Postern does not remove: move it away, or use another name",
		what, words_name(o->name->path).text);
}

int probe_before_lock(const struct owner *o, struct why *why)
{
	struct stat st;

	if (sys_fstatat(o->directory, o->name->socket, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    S_ISSOCK(st.st_mode))
		return 0;
	return probe_wrong_type(o, &st, why);
}

/* A server answers that does not hold the lock. */
static int probe_answered(struct owner *o, int64_t *ret_delay_ns, struct why *why)
{
	own_close(&o->pin);
	o->step = OWNER_LOOK;
	if (sys_now() < o->deadline_ns) {
		*ret_delay_ns = OWN_PROBE_GAP_NS;
		return -EAGAIN;
	}
	return why_set(
		why, POSTERN_REASON_NAME_IN_USE, -EADDRINUSE,
		"%s is in use by a server that does not hold its lock (another program, or one that does not end): stop it, or use another name",
		words_name(o->name->path).text);
}

/* The fixed name is ours as long as we hold the lock; but a file that is not a socket was not put there by us. */
static int probe_clear_stale(const struct owner *o, struct why *why)
{
	struct stat st;
	int r;

	r = sys_fstatat(o->directory, o->name->stale, &st, AT_SYMLINK_NOFOLLOW);
	if (r == -ENOENT)
		return 0;
	if (r >= 0 && (!S_ISSOCK(st.st_mode) || !own_is_mine(o, st.st_uid)))
		return why_set(
			why, POSTERN_REASON_FAILED, -EEXIST,
			"%s/%s is in the way of removing a dead server's socket: move it away",
			words_name(o->name->directory).text, o->name->stale);
	if (r >= 0)
		r = sys_unlinkat(o->directory, o->name->stale, 0);
	return r < 0 ? probe_cannot(o, r, why) : 0;
}

int probe_look(struct owner *o, int64_t *ret_delay_ns, struct why *why)
{
	struct stat st;
	int r;

	own_close(&o->pin);
	r = sys_openat(o->directory, o->name->socket, O_PATH | O_NOFOLLOW, 0);
	if (r == -ENOENT) {
		/* Left by a server killed between rename and unlink. Anything else there does no harm yet. */
		probe_clear_stale(o, NULL);
		o->step = OWNER_PUBLISH;
		return 0;
	}
	if (r < 0)
		return probe_cannot(o, r, why);
	o->pin = r;
	r = sys_fstat(o->pin, &st);
	if (r < 0)
		return probe_cannot(o, r, why);
	if (!S_ISSOCK(st.st_mode))
		return probe_wrong_type(o, &st, why);
	if (!own_is_mine(o, st.st_uid))
		return why_set(
			why, POSTERN_REASON_NOT_ALLOWED, -EPERM,
			"the socket %s belongs to uid %u%s, so it is not removed: use another name",
			words_name(o->name->path).text, (unsigned)st.st_uid,
			own_uid_note(o, st.st_uid));
	r = probe_pinned(o->pin);
	if (r < 0)
		return probe_cannot(o, r, why);
	if (r > 0)
		return probe_answered(o, ret_delay_ns, why);
	o->step = OWNER_AGAIN;
	*ret_delay_ns = OWN_PROBE_GAP_NS;
	return -EAGAIN;
}

static int probe_remove(struct owner *o, int64_t *ret_delay_ns, struct why *why)
{
	const struct name *name = o->name;
	struct stat pinned, moved;
	int r;

	r = probe_clear_stale(o, why);
	if (r < 0)
		return r;
	r = sys_renameat_noreplace(o->directory, name->socket, name->stale);
	if (r == -ENOENT && ++o->tries <= OWN_RESTARTS) {
		o->step = OWNER_LOOK;
		return 0;
	}
	if (r < 0)
		return why_set(why, why_code(r), r,
			       "cannot remove the socket of a dead server, %s: %s; remove it",
			       words_name(name->path).text, why_errno(r));
	r = sys_fstat(o->pin, &pinned);
	if (r >= 0)
		r = sys_fstatat(o->directory, name->stale, &moved, AT_SYMLINK_NOFOLLOW);
	if (r < 0 || !own_same(&pinned, &moved)) {
		/* Fails only if a third socket has come meanwhile; then two foreign servers compete. */
		sys_renameat_noreplace(o->directory, name->stale, name->socket);
		return r < 0 ? probe_cannot(o, r, why) : probe_answered(o, ret_delay_ns, why);
	}
	r = sys_unlinkat(o->directory, name->stale, 0);
	if (r < 0)
		return probe_cannot(o, r, why);
	own_close(&o->pin);
	o->step = OWNER_PUBLISH;
	return 0;
}

int probe_again(struct owner *o, int64_t *ret_delay_ns, struct why *why)
{
	int r = probe_pinned(o->pin);

	if (r < 0)
		return probe_cannot(o, r, why);
	return r > 0 ? probe_answered(o, ret_delay_ns, why) : probe_remove(o, ret_delay_ns, why);
}
