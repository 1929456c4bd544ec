/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish.c - step 5 of owning a name: the socket
 *
 * The order is: mode on the socket, bind, group and mode on the entry, listen, info. fchmod on a socket before
 * bind becomes the mode of the entry, minus the umask, so that at no moment is it open wider;
 * and until listen the kernel refuses all clients, so the right mode is set before the first connection.
 *
 * It is bound at its final name, by its absolute path if that fits into an address: ss, lsof, getpeername()
 * and cleaners of old files read the address given to bind, and should see the real one. The path may have led elsewhere
 * than our descriptor of the directory (a symlink on the way was changed), hence the comparison afterwards.
 * If the path is too long it is /proc/self/fd/DIRECTORY/NAME; if that is too long as well, because NAME
 * alone is, it is bound beside it at a short name made from NAME's hash and moved. That one is a fixed name too:
 * if a process dies in between and leaves it, the next one removes it.
 *
 * Rejected: always binding at a temporary name, and renaming over the stale socket. It needs no probe to be
 * atomic, but ss would show the temporary name forever.
 *
 * A server in bytes mode never receives descriptors: if the kernel can refuse them (SO_PASSRIGHTS, since
 * 6.16; accepted sockets inherit it) the sender gets EPERM, otherwise each read receives and closes them.
 */
#include "base/words.h"
#include "name/own.h"

#include "name/info.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { PUBLISH_SHORT_MAX = 32 };

/* FNV-1a: for distribution, not secrecy; two names in one directory collide with a chance of 1 in 2^64. */
static void publish_short_name(char buf[PUBLISH_SHORT_MAX], const char *name)
{
	uint64_t hash = 14695981039346656037u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 1099511628211u;
	snprintf(buf, PUBLISH_SHORT_MAX, ".postern-%016llx", (unsigned long long)hash);
}

/* ---- the socket itself ---- */

/* Gives the lock a lower number than the next socket will get; its other copy keeps it locked meanwhile. */
static void publish_lower_lock(struct owner *o)
{
	int fd = sys_dup(o->lock);

	if (fd < 0)
		return;
	if (fd < o->lock) {
		int old = o->lock;

		o->lock = fd;
		fd = old;
	}
	sys_close(fd);
}

static int publish_socket(struct owner *o, struct why *why)
{
	const char *call;
	int off = 0, fd, r;

	fd = sys_socket_stream();
	if (fd >= 0 && fd < o->lock) {
		sys_close(fd);
		publish_lower_lock(o);
		fd = sys_socket_stream();
	}
	if (fd < 0)
		return why_set(why, why_code(fd), fd, "cannot make a socket for %s: %s",
			       words_name(o->name->path).text, why_errno(fd));
	call = "setsockopt";
	r = o->options.admits_rights ? -ENOPROTOOPT
				     : sys_setsockopt(fd, SO_PASSRIGHTS, &off, sizeof(off));
	o->refuses_rights = r >= 0;
	if (r >= 0 || r == -ENOPROTOOPT) {
		call = "fchmod";
		r = sys_fchmod(fd, o->options.mode);
	}
	if (r < 0) {
		sys_close(fd);
		return why_set(why, why_code(r), r, "cannot prepare the socket for %s (%s: %s)",
			       words_name(o->name->path).text, call, why_errno(r));
	}
	o->listener = fd;
	return 0;
}

static int publish_cannot_bind(const struct owner *o, int error, struct why *why)
{
	if (error == -EADDRINUSE || error == -EEXIST)
		return why_set(why, POSTERN_REASON_NAME_IN_USE, -EADDRINUSE,
			       "%s is in use: another program took it just now",
			       words_name(o->name->path).text);
	return why_set(why, why_code(error), error, "cannot bind %s: %s",
		       words_name(o->name->path).text, why_errno(error));
}

static int publish_listen(const struct owner *o, struct why *why)
{
	int r = sys_listen(o->listener, o->options.backlog);

	if (r < 0)
		return why_set(why, why_code(r), r, "cannot listen on %s: %s",
			       words_name(o->name->path).text, why_errno(r));
	return 0;
}

/* ---- in the file system ---- */

static int publish_bind_moved(const struct owner *o)
{
	char path[OWN_ADDRESS_MAX + 1], short_name[PUBLISH_SHORT_MAX];
	struct sockaddr_un address;
	socklen_t n;
	int r;

	publish_short_name(short_name, o->name->socket);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", o->directory, short_name);
	r = sys_unlinkat(o->directory, short_name, 0);
	if (r < 0 && r != -ENOENT)
		return r;
	r = address_set(path, &address, &n);
	if (r >= 0)
		r = sys_bind(o->listener, &address, n);
	if (r < 0)
		return r;
	r = sys_renameat_noreplace(o->directory, short_name, o->name->socket);
	if (r < 0)
		sys_unlinkat(o->directory, short_name, 0);
	return r;
}

static int publish_bind_beside(const struct owner *o)
{
	char path[NAME_MAX + OWN_PROC_FD_MAX];
	struct sockaddr_un address;
	socklen_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", o->directory, o->name->socket);
	if (address_set(path, &address, &n) < 0)
		return publish_bind_moved(o);
	return sys_bind(o->listener, &address, n);
}

/* The path did not lead to our directory. The socket that was bound there stays, as a dead one that the next server
   there takes over: removing it now could remove another server's, since sockets that do not listen yet cannot be told
   apart. */
static int publish_led_astray(const struct owner *o, struct why *why)
{
	return why_set(why, POSTERN_REASON_FAILED, -ESTALE,
		       "the directory %s was replaced while %s was being bound: try again",
		       words_name(o->name->directory).text, words_name(o->name->path).text);
}

static int publish_bind(struct owner *o, struct why *why)
{
	struct stat here, at_path;
	struct sockaddr_un address;
	bool by_path;
	socklen_t n;
	int r;

	by_path = address_set(o->name->path, &address, &n) >= 0;
	r = by_path ? sys_bind(o->listener, &address, n) : publish_bind_beside(o);
	if (r < 0)
		return publish_cannot_bind(o, r, why);
	r = sys_fstatat(o->directory, o->name->socket, &here, AT_SYMLINK_NOFOLLOW);
	if (r >= 0 && by_path)
		r = sys_fstatat(AT_FDCWD, o->name->path, &at_path, AT_SYMLINK_NOFOLLOW);
	if (r < 0 || (by_path && !own_same(&here, &at_path)))
		return publish_led_astray(o, why);
	o->device = here.st_dev;
	o->inode = here.st_ino;
	return 0;
}

static int publish_set_access(struct owner *o, struct why *why)
{
	struct stat st;
	int pin, r;

	pin = sys_openat(o->directory, o->name->socket, O_PATH | O_NOFOLLOW, 0);
	if (pin < 0)
		return publish_cannot_bind(o, pin, why);
	r = sys_fstat(pin, &st);
	if (r < 0 || st.st_dev != o->device || st.st_ino != o->inode)
		r = publish_cannot_bind(o, -EADDRINUSE, why);
	else
		r = access_set_socket(o, pin, why);
	sys_close(pin);
	return r;
}

/* info is a hint: a server starts without it, and only `ls` shows less. */
static void publish_info(struct owner *o)
{
	const struct name *name = o->name;
	int r = info_write(o->directory, name->info, o->options.says ? o->options.says : "bytes");

	o->wrote_info = r >= 0;
	if (r < 0)
		own_warn(o, "cannot write %s/%s (%s), so `postern ls` cannot show who serves %s",
			 words_name(name->directory).text, name->info,
			 r == -EEXIST ? "another file has that name" : why_errno(r),
			 words_name(name->text).text);
}

int publish_path(struct owner *o, struct why *why)
{
	int r;

	r = publish_socket(o, why);
	if (r >= 0)
		r = publish_bind(o, why);
	if (r >= 0)
		r = publish_set_access(o, why);
	if (r >= 0)
		r = publish_listen(o, why);
	if (r < 0)
		return r;
	publish_info(o);
	o->step = OWNER_LISTENS;
	return 0;
}

/* ---- abstract names and inherited sockets ---- */

int publish_abstract(struct owner *o, struct why *why)
{
	struct sockaddr_un address;
	socklen_t n;
	int r;

	r = publish_socket(o, why);
	if (r < 0)
		return r;
	r = address_set(o->name->path, &address, &n);
	if (r >= 0)
		r = sys_bind(o->listener, &address, n);
	if (r == -EADDRINUSE)
		return why_set(why, POSTERN_REASON_NAME_IN_USE, r,
			       "%s is in use (`ss -xlp` shows by which process); stop that server",
			       words_name(o->name->path).text);
	if (r < 0)
		return publish_cannot_bind(o, r, why);
	r = publish_listen(o, why);
	if (r >= 0)
		o->step = OWNER_LISTENS;
	return r;
}

/* Checks the descriptor's socket; 0 or a negative errno. */
static int publish_option(int fd, int option, int *ret)
{
	socklen_t n = sizeof(*ret);

	return sys_getsockopt(fd, option, ret, &n);
}

/* A blocking socket would block the loop: if several processes accept from it, another one may take the connection
   between the event and our accept. The flag belongs to the open file description, so it affects all processes that share
   the socket. */
static int publish_unblock(const struct owner *o, struct why *why)
{
	int fd = o->name->fd, flags = sys_get_flags(fd), r = flags;

	if (r >= 0 && !(flags & O_NONBLOCK)) {
		if (o->options.keep_flags)
			return why_set(
				why, POSTERN_REASON_FAILED, -EINVAL,
				"fd:%d is a blocking socket, which would block the loop, and its flags are to be kept: make it non-blocking, or do not keep them",
				fd);
		r = sys_set_flags(fd, flags | O_NONBLOCK);
	}
	if (r < 0)
		return why_set(why, why_code(r), r, "cannot make fd:%d non-blocking: %s", fd,
			       why_errno(r));
	return 0;
}

/* A copy, so that we close our own descriptor. */
int publish_adopted(struct owner *o, struct why *why)
{
	int fd = o->name->fd, domain = 0, type = 0, listens = 0, r;

	r = publish_option(fd, SO_DOMAIN, &domain);
	if (r >= 0)
		r = publish_option(fd, SO_TYPE, &type);
	if (r >= 0)
		r = publish_option(fd, SO_ACCEPTCONN, &listens);
	if (r < 0)
		return why_set(why, why_code(r), r, "fd:%d: %s", fd,
			       r == -EBADF ? "this descriptor is not open" : why_errno(r));
	if (domain == AF_UNIX && type == SOCK_STREAM && !listens)
		return why_set(why, POSTERN_REASON_WRONG_TYPE, -EPROTOTYPE,
			       "fd:%d is not a listening local stream socket; one that a service "
			       "manager passes listens with Accept=no",
			       fd);
	if (domain != AF_UNIX || type != SOCK_STREAM)
		return why_set(why, POSTERN_REASON_WRONG_TYPE,
			       domain == AF_UNIX ? -EPROTOTYPE : -ENOTSOCK,
			       "fd:%d is not a listening local stream socket", fd);
	r = publish_unblock(o, why);
	if (r < 0)
		return r;
	r = sys_dup(fd);
	if (r < 0)
		return why_set(why, why_code(r), r, "cannot copy fd:%d: %s", fd, why_errno(r));
	o->listener = r;
	o->step = OWNER_LISTENS;
	return 0;
}
