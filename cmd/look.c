/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look.c - see look.h
 *
 * The kernel lists the listening sockets of this network namespace to anybody (sock_diag(7)), with the inode of the file
 * that each is bound to, and how many connections wait. Where there is no sock_diag, /proc/net/unix has the names only,
 * as they were given to bind(). A server in another network namespace is in neither.
 */
#include "command.h"
#include "look.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Missing in the oldest headers that this builds with. */
#define LOOK_SHOW_UID    0x40
#define LOOK_UID         7
#define LOOK_LISTENS     10 /* TCP_LISTEN, which local sockets use too */
#define LOOK_UNCONNECTED 7  /* TCP_CLOSE */
#define LOOK_PATIENCE_S  2

int look_failed(const char *verb, const char *name, int error)
{
	if (error != -EDESTADDRREQ)
		return output_reason(verb, name, postern_why());
	output_error(verb, name,
		     "it is a listening socket of this process, and has no path to check");
	return EXIT_USAGE;
}

int look_resolve(struct look *l, const char *name)
{
	char *last;
	int r;

	memset(l, 0, sizeof(*l));
	l->name = name;
	r = postern_name_resolve(name, l->path, sizeof(l->path));
	if (r < 0)
		return r;
	l->abstract = l->path[0] == '@';
	l->word = !l->abstract && !strchr(name, '/');
	if (l->path[0] != '/')
		return l->abstract ? 0 : -EDESTADDRREQ;
	memcpy(l->directory, l->path, strlen(l->path) + 1);
	last = strrchr(l->directory, '/');
	while (last > l->directory && last[-1] == '/')
		last--;
	last[last == l->directory] = 0;
	if (l->word) {
		snprintf(l->lock, sizeof(l->lock), "%s/lock", l->directory);
		snprintf(l->info, sizeof(l->info), "%s/info", l->directory);
	} else {
		snprintf(l->lock, sizeof(l->lock), "%s.lock", l->path);
		snprintf(l->info, sizeof(l->info), "%s.info", l->path);
	}
	return 0;
}

uid_t look_unknown_uid(void)
{
	unsigned long uid = 65534;
	FILE *f = fopen("/proc/sys/kernel/overflowuid", "re");

	if (f && fscanf(f, "%lu", &uid) != 1)
		uid = 65534;
	if (f)
		fclose(f);
	return (uid_t)uid;
}

bool look_trusted(const struct look *l, uid_t uid)
{
	if (uid == look_unknown_uid())
		return false;
	return uid == geteuid() || uid == 0 ||
	       (!l->abstract && l->above_error == 0 && uid == l->above.st_uid);
}

enum look_lock look_lock(const struct look *l, int *ret_error)
{
	int fd, r;

	*ret_error = 0;
	if (l->abstract)
		return LOOK_NO_LOCK;
	fd = open(l->lock, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		*ret_error = -errno;
		return errno == ENOENT || errno == ENOTDIR ? LOOK_NO_LOCK : LOOK_UNKNOWN;
	}
	r = flock(fd, LOCK_SH | LOCK_NB) < 0 ? -errno : 0;
	close(fd);
	if (r == -EWOULDBLOCK)
		return LOOK_HELD;
	*ret_error = r;
	return r < 0 ? LOOK_UNKNOWN : LOOK_FREE;
}

/* ---- listening sockets: sock_diag ---- */

/* The kernel's own form of a device number is not that of stat(). */
static bool look_same_file(const struct look *l, const struct unix_diag_vfs *vfs)
{
	return l->socket_error == 0 && vfs->udiag_vfs_ino == (uint32_t)l->socket.st_ino &&
	       makedev(vfs->udiag_vfs_dev >> 20, vfs->udiag_vfs_dev & 0xfffff) == l->socket.st_dev;
}

static bool look_same_name(const struct look *l, const char *name, size_t n)
{
	if (l->abstract)
		return n == strlen(l->path) && name[0] == 0 &&
		       !memcmp(name + 1, l->path + 1, n - 1);
	n = strnlen(name, n);
	return n == strlen(l->path) && !memcmp(name, l->path, n);
}

struct look_answer {
	const struct unix_diag_vfs *vfs;
	const struct unix_diag_rqlen *queue;
	const uint32_t *uid;
	const char *name;
	size_t name_n;
};

/* Attributes are a header and a value, each padded to 4 bytes. The macros for them mix signs. */
static struct look_answer look_parse(const char *at, size_t n)
{
	struct look_answer a = { .name = "" };
	const struct rtattr *h;
	const void *value;
	size_t size;

	for (; n >= sizeof(*h); at += size, n -= size) {
		h = (const void *)at;
		value = h + 1;
		if (h->rta_len < sizeof(*h) || h->rta_len > n)
			break;
		size = h->rta_len - sizeof(*h);
		if (h->rta_type == UNIX_DIAG_VFS && size >= sizeof(*a.vfs)) {
			a.vfs = value;
		} else if (h->rta_type == UNIX_DIAG_RQLEN && size >= sizeof(*a.queue)) {
			a.queue = value;
		} else if (h->rta_type == LOOK_UID && size >= sizeof(*a.uid)) {
			a.uid = value;
		} else if (h->rta_type == UNIX_DIAG_NAME && size > 0) {
			a.name = value;
			a.name_n = size;
		}
		size = (h->rta_len + 3u) & ~3u;
		if (size > n)
			break;
	}
	return a;
}

static void look_take(struct look *l, const struct unix_diag_msg *m, size_t size)
{
	struct look_answer a = look_parse((const char *)(m + 1), size - sizeof(*m));
	bool named = look_same_name(l, a.name, a.name_n);

	/* With stacked file systems the two device numbers differ; then compare the name given to bind(). */
	if (l->abstract ? !named
			: !a.vfs || (!look_same_file(l, a.vfs) && !(named && l->socket_error == 0)))
		return;
	/* Sockets that do not listen are included for the types that never do. */
	if (m->udiag_state != LOOK_LISTENS && m->udiag_type == SOCK_STREAM)
		return;
	l->listens = 1;
	l->type = m->udiag_type;
	if (a.queue) {
		l->waiting = a.queue->udiag_rqueue;
		l->backlog = a.queue->udiag_wqueue;
	}
	if (a.uid)
		l->uid = *a.uid;
}

/* 1: there is more; 0: that was the last; or a negative errno. */
static int look_read_answer(struct look *l, int fd)
{
	_Alignas(struct nlmsghdr) char buf[16384];
	const struct nlmsghdr *h;
	ssize_t r = recv(fd, buf, sizeof(buf), 0);
	size_t n = r > 0 ? (size_t)r : 0, size;

	if (r <= 0)
		return r < 0 ? -errno : -EIO;
	for (const char *at = buf; n >= sizeof(*h); at += size, n -= size) {
		h = (const void *)at;
		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > n)
			return -EIO;
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR)
			return -EIO;
		if (h->nlmsg_len >= sizeof(*h) + sizeof(struct unix_diag_msg))
			look_take(l, (const void *)(h + 1), h->nlmsg_len - sizeof(*h));
		size = (h->nlmsg_len + 3u) & ~3u;
		if (size > n)
			break;
	}
	return 1;
}

static int look_ask_diag(struct look *l)
{
	const struct timeval patience = { .tv_sec = LOOK_PATIENCE_S };
	struct {
		struct nlmsghdr header;
		struct unix_diag_req request;
	} ask = {
		.header = { .nlmsg_len = sizeof(ask),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.request = { .sdiag_family = AF_UNIX,
			     .udiag_states = 1u << LOOK_LISTENS | 1u << LOOK_UNCONNECTED,
			     .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_RQLEN |
					   LOOK_SHOW_UID },
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), r;

	if (fd < 0)
		return -errno;
	l->listens = 0;
	r = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ? -errno
										     : -EINTR;
	while (r == -EINTR)
		r = send(fd, &ask, sizeof(ask), 0) < 0 ? -errno : 1;
	while (r > 0 || r == -EINTR)
		r = look_read_answer(l, fd);
	close(fd);
	return r;
}

/* ---- listening sockets: /proc/net/unix ---- */

/* Num RefCount Protocol Flags Type St Inode Path; a path may contain anything except a newline. */
static bool look_take_line(struct look *l, const char *line)
{
	unsigned flags, type;
	int at = 0;

	if (sscanf(line, "%*s %*s %*s %x %x %*s %*s %n", &flags, &type, &at) != 2 || !at ||
	    !(flags & 0x10000) || strcmp(line + at, l->path) != 0)
		return false;
	l->listens = 1;
	l->type = (int)type;
	return true;
}

static void look_read_proc(struct look *l)
{
	char line[PATH_MAX + 128];
	FILE *f = fopen("/proc/net/unix", "re");

	l->listens = -1;
	if (!f)
		return;
	l->listens = l->abstract || strlen(l->path) < 108 ? 0 : -1;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (look_take_line(l, line))
			break;
	}
	fclose(f);
}

/* ---- the whole look ---- */

static int look_at_info(const struct postern_name_info *info, void *data)
{
	struct look *l = data;

	l->alive = info->alive;
	l->pid = info->pid;
	l->since = info->since;
	return 0;
}

void look_at(struct look *l)
{
	l->socket_error = l->above_error = l->listens = 0;
	l->alive = -1;
	l->pid = 0;
	l->since = 0;
	l->type = 0;
	l->waiting = l->backlog = l->uid = -1;
	if (!l->abstract) {
		if (stat(l->path, &l->socket) < 0)
			l->socket_error = -errno;
		if (stat(l->directory, &l->above) < 0)
			l->above_error = -errno;
		(void)postern_name_look(l->name, look_at_info, l);
	}
	if (look_ask_diag(l) < 0)
		look_read_proc(l);
}
