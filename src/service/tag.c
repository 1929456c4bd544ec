/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tag.c - marks the sockets of a service as those of Varlink: the extended attribute user.varlink
 *
 * Its value is the role of the socket, as UAPI.20 has it and systemd's tools look for it: listen, server and client are on the
 * inodes that the descriptors are, entrypoint is on the file that clients connect to.
 *
 * The kernel has it for sockets since 7.0, and a file system may not. Nothing depends on it, so the first
 * failure, of whatever kind, is the last attempt of this process: a service on an older kernel pays for one
 * system call, and not for one in each connection. That is the one thing here that all services share; that two threads
 * may find it out at the same time does no harm.
 *
 * A socket that a service manager has passed was marked by it, or is not ours to mark.
 */
#include <stdatomic.h>
#include <string.h>

#include "service/service.h"

atomic_bool tag_failed;

static bool tag_is_off(void)
{
	return atomic_load_explicit(&tag_failed, memory_order_relaxed);
}

static void tag_done(int r)
{
	if (r < 0)
		atomic_store_explicit(&tag_failed, true, memory_order_relaxed);
}

static void tag_descriptor(int fd, const char *role)
{
	if (!tag_is_off())
		tag_done(sys_fsetxattr(fd, "user.varlink", role, strlen(role)));
}

static void tag_path(const char *path, const char *role)
{
	if (!tag_is_off())
		tag_done(sys_lsetxattr(path, "user.varlink", role, strlen(role)));
}

void tag_listener(const struct postern_server *server)
{
	if (server->name.kind == NAME_FD || server->object.fd < 0)
		return;
	tag_descriptor(server->object.fd, "listen");
	if (server->name.kind != NAME_ABSTRACT)
		tag_path(server->name.path, "entrypoint");
}

void tag_connected(int fd)
{
	tag_descriptor(fd, "client");
}

void tag_accepted(int fd)
{
	tag_descriptor(fd, "server");
}
