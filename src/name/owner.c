/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.c - owning a name: the state machine, and giving it up
 *
 *     START -> LOCK -> LOOK <-> AGAIN -> PUBLISH -> LISTENS
 *       ^                                              |
 *       '--- (LOOK, when the lock stayed ours) --- owner_renew()
 *
 * Steps 1 to 5 are in directory.c (and access.c), lock.c, probe.c and publish.c. A step that must wait keeps
 * its resources and says for how long; any failure closes everything, so that a failed server does not hold a
 * lock that a working one could have.
 *
 * Invariants: an owner with o->inode set has bound that socket and holds the lock. The inode number cannot be
 * reused while the bound socket is open, so comparing it before unlink cannot match a successor's; therefore
 * removal always comes before closing. Only the process that bound it removes it: a child has the same numbers
 * in its copy of the struct, but must not act on them.
 *
 * A name is not defended against root or a hostile process of our own uid: these can do what they want with the
 * directory, or with this process.
 */
#include "base/words.h"
#include "name/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

void owner_init(struct owner *o, const struct name *name, const struct owner_options *options)
{
	memset(o, 0, sizeof(*o));
	o->name = name;
	o->options = *options;
	o->lock = o->directory = o->listener = o->pin = -1;
	o->step = OWNER_START;
}

void own_warn(struct owner *o, const char *format, ...)
{
	size_t n = strlen(o->warning);
	va_list args;

	if (n > 0)
		n += (size_t)snprintf(o->warning + n, sizeof(o->warning) - n, "; ");
	if (n >= sizeof(o->warning))
		return;
	va_start(args, format);
	vsnprintf(o->warning + n, sizeof(o->warning) - n, format, args);
	va_end(args);
}

/* 1: the entry is the socket that we bound; 0: it is not, or there is none; negative: unknown. */
static int owner_socket_stands(const struct owner *o)
{
	struct stat st;
	int r;

	if (!o->inode)
		return 0;
	r = sys_fstatat(o->directory, o->name->socket, &st, AT_SYMLINK_NOFOLLOW);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return st.st_dev == o->device && st.st_ino == o->inode;
}

/* In the directory that we opened, wherever that is now. If another process holds a new lock there, info is its. */
static bool owner_lock_in_directory(const struct owner *o)
{
	struct stat at_name, ours;

	return o->lock >= 0 && sys_fstat(o->lock, &ours) == 0 &&
	       sys_fstatat(o->directory, o->name->lock, &at_name, AT_SYMLINK_NOFOLLOW) == 0 &&
	       own_same(&at_name, &ours);
}

/* As probe.c removes a dead socket: between the comparison and an unlink another program could have put its own socket
   there. A renamed file can be checked before it is removed, and moved back. If the new name is taken, or the file
   system cannot do this, it is unlinked directly. */
static void owner_remove_socket(const struct owner *o)
{
	const struct name *name = o->name;
	struct stat moved;
	int r;

	if (owner_socket_stands(o) != 1)
		return;
	if (sys_renameat_noreplace(o->directory, name->socket, name->stale) < 0) {
		sys_unlinkat(o->directory, name->socket, 0);
		return;
	}
	r = sys_fstatat(o->directory, name->stale, &moved, AT_SYMLINK_NOFOLLOW);
	if (r >= 0 && moved.st_dev == o->device && moved.st_ino == o->inode)
		sys_unlinkat(o->directory, name->stale, 0);
	else
		sys_renameat_noreplace(o->directory, name->stale, name->socket);
}

static void owner_remove(struct owner *o)
{
	if (o->creator == sys_getpid()) {
		owner_remove_socket(o);
		if (o->wrote_info && owner_lock_in_directory(o))
			sys_unlinkat(o->directory, o->name->info, 0);
	}
	o->device = 0;
	o->inode = 0;
	o->wrote_info = false;
}

/* A child made without our fork handler has a copy of the lock's descriptor: so unlock it, rather than only close it. */
static void owner_unlock(struct owner *o)
{
	if (o->lock >= 0 && o->creator == sys_getpid())
		sys_flock(o->lock, LOCK_UN);
	own_close(&o->lock);
}

static void owner_abandon(struct owner *o)
{
	owner_remove(o);
	own_close(&o->pin);
	own_close(&o->listener);
	own_close(&o->directory);
	owner_unlock(o);
	o->step = OWNER_START;
	o->deadline_ns = 0;
	o->tries = 0;
}

/* Detects chroot(), pivot_root() and unshare(CLONE_NEWNS), with which a program drops privileges once it has its sockets. */
static int owner_look_at_view(struct owner_view *ret)
{
	struct stat root, mounts;
	int r;

	r = sys_fstatat(AT_FDCWD, "/", &root, 0);
	if (r < 0)
		return r;
	if (sys_fstatat(AT_FDCWD, "/proc/self/ns/mnt", &mounts, 0) < 0)
		mounts.st_ino = 0;
	*ret = (struct owner_view){ root.st_dev, root.st_ino, mounts.st_ino };
	return 0;
}

int owner_view_is_same(const struct owner *o)
{
	struct owner_view now;
	int r = owner_look_at_view(&now);

	if (r < 0)
		return r;
	return now.root_device == o->view.root_device && now.root_inode == o->view.root_inode &&
	       (!now.mounts || !o->view.mounts || now.mounts == o->view.mounts);
}

/* A lost name is taken again by its path, which must still mean the same as when the name was taken. */
static int owner_start_path(struct owner *o, struct why *why)
{
	bool again = o->view.root_inode != 0;
	int r = again ? owner_view_is_same(o) : owner_look_at_view(&o->view);

	if (r < 0)
		return why_set(why, why_code(r), r, "%s: cannot look at /: %s",
			       words_name(o->name->path).text, why_errno(r));
	if (again && r == 0)
		return why_set(
			why, POSTERN_REASON_NAME_LOST, -ESTALE,
			"%s was taken away, and this process has changed its root or its mounts since it took the name: restart it",
			words_name(o->name->path).text);
	return directory_open(o, why);
}

static int owner_start(struct owner *o, struct why *why)
{
	o->creator = sys_getpid();
	ids_read_unknown(&o->unknown);
	/* Neither a directory nor an abstract name could be its own. A socket that somebody else made is theirs. */
	if (o->name->kind != NAME_FD && sys_geteuid() == o->unknown.uid)
		return why_set(
			why, POSTERN_REASON_NOT_ALLOWED, -EPERM,
			"this process runs as uid %u, which " IDS_UNKNOWN
			", so no name can be its own: map a uid (unshare --map-current-user), or run it as another user",
			(unsigned)sys_geteuid());
	switch (o->name->kind) {
	case NAME_ABSTRACT:
		return publish_abstract(o, why);
	case NAME_FD:
		return publish_adopted(o, why);
	}
	return owner_start_path(o, why);
}

static int owner_step(struct owner *o, int64_t *ret_delay_ns, struct why *why)
{
	int r;

	switch (o->step) {
	case OWNER_START:
		return owner_start(o, why);
	case OWNER_LOCK:
		r = probe_before_lock(o, why);
		return r < 0 ? r : lock_take(o, ret_delay_ns, why);
	case OWNER_LOOK:
		return probe_look(o, ret_delay_ns, why);
	case OWNER_AGAIN:
		return probe_again(o, ret_delay_ns, why);
	case OWNER_PUBLISH:
		return publish_path(o, why);
	default:
		return 0;
	}
}

/* The delay distinguishes a step's -EAGAIN, which can be waited for, from a system call's. */
int owner_acquire(struct owner *o, int64_t *ret_delay_ns, struct why *why)
{
	int64_t delay_ns = 0;
	int r = 0;

	if (!o->deadline_ns)
		o->deadline_ns = sys_now() + OWN_PATIENCE_NS;
	while (r >= 0 && o->step != OWNER_LISTENS)
		r = owner_step(o, &delay_ns, why);
	if (r == -EAGAIN && delay_ns) {
		*ret_delay_ns = delay_ns;
		return r;
	}
	if (r < 0) {
		owner_abandon(o);
		return r;
	}
	o->deadline_ns = 0;
	o->tries = 0;
	return 0;
}

/* Do not give up a name only because a check failed (no memory in the kernel, no permission). */
int owner_check(const struct owner *o)
{
	int r;

	if (!o->name->directory)
		return 1;
	if (o->directory < 0 || o->lock < 0)
		return -ESTALE;
	r = lock_stands(o);
	if (r == 0)
		return -ESTALE;
	if (r > 0)
		r = owner_socket_stands(o);
	return r < 0 ? -EAGAIN : r;
}

int owner_renew(struct owner *o)
{
	int listener = o->listener;

	o->listener = -1;
	o->warning[0] = 0;
	o->deadline_ns = 0;
	o->tries = 0;
	if (o->directory >= 0 && o->lock >= 0 && lock_stands(o) != 0) {
		o->device = 0;
		o->inode = 0;
		o->step = OWNER_LOOK;
	} else {
		owner_abandon(o);
	}
	return listener;
}

void owner_retire(struct owner *o)
{
	if (o->listener < 0 || o->name->kind == NAME_FD || o->creator != sys_getpid())
		return;
	owner_remove(o);
	sys_shutdown(o->listener, SHUT_RD);
}

/* The listener first, then the lock: a successor that gets the lock then finds no listener of ours. */
void owner_deinit(struct owner *o, bool in_child)
{
	own_close(&o->listener);
	own_close(&o->pin);
	own_close(&o->directory);
	if (in_child)
		own_close(&o->lock);
	else
		owner_unlock(o);
	o->step = OWNER_START;
}
