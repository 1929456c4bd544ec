/* SPDX-License-Identifier: Apache-2.0 */
/*
 * info.c - what the owner of a name writes about itself
 *
 *     postern 0.1.0
 *     pid 4711
 *     start 8812345
 *     since 1767225600
 *     mode bytes
 *
 * Replaced by rename, so that a reader sees the old one or the new one and never half of one. Not synced: after
 * a crash of the machine the processes that it tells of are gone too.
 *
 * A pid by itself says little, pids are used again. With the time at which the process started, in ticks since
 * boot, it names one process. Both are read from /proc/PID/stat. Where that is hidden (hidepid) the pid alone
 * must do, through pidfd_open(), which works for processes of others too; kill(pid, 0) would ask for more.
 *
 * A name such as NAME.info may by accident be that of somebody's file: what does not look like ours is not
 * replaced, and -EEXIST says so.
 */
#include "name/info.h"

#include "name/own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INFO_SIZE = 1024, INFO_STAT_SIZE = 2048 };

/* ---- processes ---- */

/* The whole file, with a 0 behind; what is longer is cut. */
static ssize_t info_read_file(int directory, const char *path, char *buf, size_t size)
{
	size_t n = 0;
	ssize_t r;
	int fd;

	fd = sys_openat(directory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return fd;
	do {
		r = sys_read(fd, buf + n, size - 1 - n);
		if (r > 0)
			n += (size_t)r;
	} while ((r > 0 && n < size - 1) || r == -EINTR);
	sys_close(fd);
	buf[n] = 0;
	return r < 0 ? r : (ssize_t)n;
}

/* The fields behind the name of the program, which may itself hold spaces and parentheses. */
static int info_process(pid_t pid, char *ret_state, int *ret_threads, int64_t *ret_start)
{
	char path[40], buf[INFO_STAT_SIZE], *p;
	ssize_t r;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	r = info_read_file(AT_FDCWD, path, buf, sizeof(buf));
	if (r < 0)
		return (int)r;
	p = strrchr(buf, ')');
	if (!p)
		return -EBADMSG;
	/* state is field 3, num_threads 20, starttime 22 */
	if (sscanf(p + 1,
		   " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %d %*s %" SCNd64,
		   ret_state, ret_threads, ret_start) != 3)
		return -EBADMSG;
	return 0;
}

/* Dead, but not yet waited for by its parent. Where only the main thread has ended, others still run. */
static bool info_is_ended(char state, int threads)
{
	return state == 'X' || (state == 'Z' && threads <= 1);
}

int info_alive(const struct info *info)
{
	int64_t start = 0;
	char state = 0;
	int threads = 0, fd, r;

	if (info->pid <= 0)
		return 0;
	r = info_process(info->pid, &state, &threads, &start);
	if (r == 0)
		return !info_is_ended(state, threads) && (!info->start || start == info->start);
	fd = sys_pidfd_open(info->pid);
	if (fd < 0)
		return 0;
	sys_close(fd);
	return 1;
}

/* ---- the file ---- */

static int info_write_new(int directory, const char *file, const char *text, size_t n)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
	size_t done = 0;
	ssize_t r = 0;
	int fd;

	fd = sys_openat(directory, file, flags, 0644);
	if (fd == -EEXIST) { /* of a process that died before the rename */
		r = sys_unlinkat(directory, file, 0);
		if (r < 0)
			return (int)r;
		fd = sys_openat(directory, file, flags, 0644);
	}
	if (fd < 0)
		return fd;
	while (done < n && (r >= 0 || r == -EINTR)) {
		r = sys_write(fd, text + done, n - done);
		if (r > 0)
			done += (size_t)r;
	}
	if (r >= 0)
		r = sys_fchmod(fd, 0644);
	sys_close(fd);
	if (r < 0)
		sys_unlinkat(directory, file, 0);
	return r < 0 ? (int)r : 0;
}

/* 0: nothing is there, or an info file. An empty one is what a crash of the machine can leave. */
static int info_may_replace(int directory, const char *file)
{
	struct info info;
	struct stat st;
	int r;

	r = sys_fstatat(directory, file, &st, AT_SYMLINK_NOFOLLOW);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (!S_ISREG(st.st_mode))
		return -EEXIST;
	if (st.st_size == 0)
		return 0;
	r = info_read(directory, file, &info);
	return r == -EBADMSG ? -EEXIST : r;
}

int info_write(int directory, const char *file, const char *mode)
{
	char new_file[NAME_MAX + 1], text[INFO_SIZE];
	pid_t pid = sys_getpid();
	int64_t start = 0;
	char state;
	int n, threads, r;

	r = snprintf(new_file, sizeof(new_file), "%s.new", file);
	if (r < 0 || (size_t)r >= sizeof(new_file))
		return -ENAMETOOLONG;
	r = info_may_replace(directory, file);
	if (r < 0)
		return r;
	if (info_process(pid, &state, &threads, &start) < 0)
		start = 0; /* unknown: readers go by the pid alone */
	n = snprintf(text, sizeof(text),
		     "postern %s\npid %d\nstart %" PRId64 "\nsince %" PRId64 "\nmode %s\n",
		     POSTERN_VERSION, (int)pid, start, sys_realtime(), mode);
	r = info_write_new(directory, new_file, text, (size_t)n);
	if (r < 0)
		return r;
	r = sys_renameat(directory, new_file, file);
	if (r < 0)
		sys_unlinkat(directory, new_file, 0);
	return r;
}

/* A whole number that is not negative, and nothing behind it. */
static bool info_parse_number(const char *text, int64_t max, int64_t *ret)
{
	size_t digits = strspn(text, "0123456789");
	long long v;

	if (digits < 1 || digits > 18 || text[digits])
		return false;
	v = strtoll(text, NULL, 10);
	if (v > max)
		return false;
	*ret = v;
	return true;
}

/* For people's terminals: printable, no spaces. */
static bool info_parse_word(const char *text, char *ret, size_t size)
{
	size_t n = strlen(text);

	if (n < 1 || n >= size)
		return false;
	for (const char *p = text; *p; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return false;
	memcpy(ret, text, n + 1);
	return true;
}

static bool info_parse_line(const char *key, const char *value, struct info *info)
{
	int64_t n;

	if (!strcmp(key, "postern"))
		return info_parse_word(value, info->version, sizeof(info->version));
	if (!strcmp(key, "mode"))
		return info_parse_word(value, info->mode, sizeof(info->mode));
	if (!strcmp(key, "start"))
		return info_parse_number(value, INT64_MAX, &info->start);
	if (!strcmp(key, "since"))
		return info_parse_number(value, INT64_MAX, &info->since);
	if (!strcmp(key, "pid")) {
		if (!info_parse_number(value, INT_MAX, &n))
			return false;
		info->pid = (pid_t)n;
	}
	return true;
}

static int info_parse(char *text, struct info *ret)
{
	char *line, *value, *rest = text;

	if (strncmp(text, "postern ", 8) != 0)
		return -EBADMSG;
	while ((line = strsep(&rest, "\n")) && *line) {
		value = strchr(line, ' ');
		if (!value)
			return -EBADMSG;
		*value++ = 0;
		if (!info_parse_line(line, value, ret))
			return -EBADMSG;
	}
	return ret->pid > 0 ? 0 : -EBADMSG;
}

int info_read(int directory, const char *file, struct info *ret)
{
	struct info info = { 0 };
	char text[INFO_SIZE];
	ssize_t n;
	int r;

	n = info_read_file(directory, file, text, sizeof(text));
	if (n == -ELOOP || n == -EISDIR || n == -ENXIO || n == -EAGAIN)
		return -EBADMSG;
	if (n < 0)
		return (int)n;
	if (strlen(text) != (size_t)n || n == (ssize_t)sizeof(text) - 1)
		return -EBADMSG;
	r = info_parse(text, &info);
	if (r >= 0)
		*ret = info;
	return r;
}
