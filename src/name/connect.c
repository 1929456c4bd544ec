/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect.c - one attempt to connect to a name
 *
 * sockaddr_un holds 107 bytes of a path. A longer one is opened with O_PATH, which needs no permission on the
 * socket itself, and connected to as /proc/self/fd/N: the kernel follows that link to the socket and checks the
 * permission to write there, as it does for a path. Truncating the path would connect to another socket; chdir
 * would move the whole process; a symlink with a shorter path would need a place.
 *
 * The kernel returns ECONNREFUSED both for a socket without a listener and for a file that is not a socket. The
 * first may change in a moment and is worth another attempt, the second is not: hence the check of the entry.
 */
#include "name/name.h"
#include "name/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

const char *own_proc_path(char buf[OWN_PROC_FD_MAX], int fd)
{
	snprintf(buf, OWN_PROC_FD_MAX, "/proc/self/fd/%d", fd);
	return buf;
}

int address_set(const char *path, struct sockaddr_un *ret, socklen_t *ret_n)
{
	size_t n = strlen(path), header = offsetof(struct sockaddr_un, sun_path);

	if (n > OWN_ADDRESS_MAX + (path[0] == '@'))
		return -ENAMETOOLONG;
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	memcpy(ret->sun_path, path, n);
	if (path[0] == '@')
		ret->sun_path[0] = 0;
	*ret_n = (socklen_t)(header + n + (path[0] != '@'));
	return 0;
}

static int address_connect(const char *path)
{
	struct sockaddr_un address;
	socklen_t n;
	int fd, r;

	r = address_set(path, &address, &n);
	if (r < 0)
		return r;
	fd = sys_socket_stream();
	if (fd < 0)
		return fd;
	r = sys_connect(fd, &address, n);
	if (r < 0) {
		sys_close(fd);
		return r;
	}
	return fd;
}

/* A pinned file cannot be missing: if its path in /proc is, /proc is not mounted. */
int address_connect_pinned(int pin)
{
	char buf[OWN_PROC_FD_MAX];
	int r = address_connect(own_proc_path(buf, pin));

	return r == -ENOENT ? -ENOSYS : r;
}

static int address_connect_long(const char *path)
{
	struct stat st;
	int pin, r;

	pin = sys_openat(AT_FDCWD, path, O_PATH, 0);
	if (pin < 0)
		return pin;
	r = sys_fstat(pin, &st);
	if (r >= 0)
		r = S_ISSOCK(st.st_mode) ? address_connect_pinned(pin) : -ENOTSOCK;
	sys_close(pin);
	return r;
}

int name_connect(const struct name *name)
{
	struct stat st;
	int r;

	if (name->kind == NAME_FD)
		return -EINVAL;
	if (name->kind == NAME_ABSTRACT)
		return address_connect(name->path);
	if (strlen(name->path) > OWN_ADDRESS_MAX)
		return address_connect_long(name->path);
	r = address_connect(name->path);
	if (r == -ECONNREFUSED && sys_fstatat(AT_FDCWD, name->path, &st, 0) == 0 &&
	    !S_ISSOCK(st.st_mode))
		r = -ENOTSOCK;
	return r;
}

int name_directory_uid(const struct name *name, uid_t *ret)
{
	struct stat st;
	int r;

	if (!name->directory) {
		*ret = 0;
		return 0;
	}
	r = sys_fstatat(AT_FDCWD, name->directory, &st, 0);
	if (r < 0)
		return r;
	*ret = st.st_uid;
	return 0;
}
