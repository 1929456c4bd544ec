/* SPDX-License-Identifier: Apache-2.0 */
/*
 * info.c - the record that the owner of a name writes
 *
 *     postern 0.1.0
 *     pid 4711
 *     start 8812345
 *     since 1767225600
 *     pidns 4026531836
 *     timens 4026531834
 *     boot 3b0ccf8e-2c5e-4d0b-a2a7-0f3a51d1ae2c
 *     mode bytes
 *
 * Replaced by rename, so a reader sees the old one or the new one and never half of one. Not synced: after
 * a crash of the machine the processes in it are gone too. Such a crash can leave an empty file, or one
 * of NULs if the file system had recorded the size and not the bytes; both are replaced.
 *
 * It is a hint: a server starts and runs without it, on a full disk, at a limit of file sizes, or if
 * another file has its name. A file that does not look like ours is not replaced (NAME.info may happen to be a user's
 * own file); that returns -EEXIST.
 *
 * A pid alone says little: pids are reused, and each pid namespace has its own. Together with the start time of the process,
 * in ticks since boot, and the namespaces in which both were read, it identifies one process. A reader in another
 * pid namespace (a container into which the directory is mounted) cannot know whether it runs. A different boot_id shows
 * that it does not: that kernel is gone, with its processes.
 *
 * Both are read from /proc/PID/stat. If that is hidden (hidepid), or /proc belongs to another pid namespace and numbers
 * processes differently, only the pid is checked, with pidfd_open(), which works for other users' processes too;
 * kill(pid, 0) would need more permissions.
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

enum { INFO_SIZE = 1024, INFO_STAT_SIZE = 2048, INFO_REMNANT_SIZE = 4096 };

/* ---- processes ---- */

/* Reads the whole file and terminates it; a longer one is truncated. */
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

/* For terminals: printable, no spaces. */
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

struct info_process {
	pid_t pid; /* as this /proc numbers it */
	char state;
	int threads;
	int64_t start;
};

/* The fields after the name of the program, which may contain spaces and parentheses. */
static int info_process(const char *path, struct info_process *ret)
{
	char buf[INFO_STAT_SIZE], *p;
	int64_t pid;
	ssize_t r;

	r = info_read_file(AT_FDCWD, path, buf, sizeof(buf));
	if (r < 0)
		return (int)r;
	p = strrchr(buf, ')');
	if (!p || sscanf(buf, "%" SCNd64, &pid) != 1)
		return -EBADMSG;
	/* state is field 3, num_threads 20, starttime 22 */
	if (sscanf(p + 1,
		   " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %d %*s %" SCNd64,
		   &ret->state, &ret->threads, &ret->start) != 3)
		return -EBADMSG;
	ret->pid = (pid_t)pid;
	return 0;
}

/* The inodes of these links identify namespaces. */
static uint64_t info_namespace(const char *link)
{
	struct stat st;

	return sys_fstatat(AT_FDCWD, link, &st, 0) < 0 ? 0 : (uint64_t)st.st_ino;
}

void info_look_around(struct info_place *ret)
{
	struct info_process self;
	char boot[sizeof(ret->boot) + 1];

	memset(ret, 0, sizeof(*ret));
	ret->pidns = info_namespace("/proc/self/ns/pid");
	ret->timens = info_namespace("/proc/self/ns/time");
	if (info_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, sizeof(boot)) > 0) {
		boot[strcspn(boot, "\n")] = 0;
		info_parse_word(boot, ret->boot, sizeof(ret->boot));
	}
	ret->own_proc = info_process("/proc/self/stat", &self) == 0 && self.pid == sys_getpid();
}

/* A zombie. If only the main thread has ended, others still run. */
static bool info_is_ended(const struct info_process *process)
{
	return process->state == 'X' || (process->state == 'Z' && process->threads <= 1);
}

/* 1: some process has this pid. */
static int info_pid_exists(pid_t pid)
{
	int fd = sys_pidfd_open(pid);

	if (fd >= 0) {
		sys_close(fd);
		return 1;
	}
	/* EINVAL: it is now the id of a thread. */
	return fd == -ESRCH || fd == -EINVAL || fd == -ENOENT ? 0 : -1;
}

/* For a pid that /proc does not show: it may be hidden. Without pidfd_open() (for example in a sandbox that denies it),
   a /proc that shows process 1 hides none. */
static int info_hidden(pid_t pid, int error)
{
	struct info_process first;
	int r = info_pid_exists(pid);

	if (r < 0 && (error == -ENOENT || error == -ESRCH) &&
	    info_process("/proc/1/stat", &first) == 0)
		return 0;
	return r;
}

int info_alive(const struct info *info, const struct info_place *here)
{
	struct info_process process;
	char path[40];
	int r;

	if (info->pid <= 0)
		return -1;
	if (*info->boot && *here->boot && strcmp(info->boot, here->boot) != 0)
		return 0;
	if (info->pidns && here->pidns && info->pidns != here->pidns)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)info->pid);
	if (!here->own_proc) {
		r = info_pid_exists(info->pid);
		return r > 0 && info->start ? -1 : r;
	}
	r = info_process(path, &process);
	if (r < 0)
		return info_hidden(info->pid, r);
	if (info_is_ended(&process))
		return 0;
	if (info->timens && here->timens && info->timens != here->timens)
		return -1;
	return !info->start || process.start == info->start;
}

/* ---- the file ---- */

static int info_write_new(int directory, const char *file, const char *text, size_t n)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
	size_t done = 0;
	ssize_t r = 0;
	int fd;

	fd = sys_openat(directory, file, flags, 0644);
	if (fd == -EEXIST) { /* left by a process that died before the rename */
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

/* What a crash of the machine can leave of an info file: nothing, or its beginning (possibly empty) and NULs. */
static bool info_is_remnant(int directory, const char *file)
{
	char text[INFO_REMNANT_SIZE + 1] = "";
	ssize_t n = info_read_file(directory, file, text, sizeof(text));
	size_t begun;

	if (n < 0 || n == INFO_REMNANT_SIZE)
		return false;
	begun = strlen(text);
	for (size_t i = begun; i < (size_t)n; i++)
		if (text[i])
			return false;
	return n == 0 || ((size_t)n > begun && (begun == 0 || !strncmp(text, "postern ", 8)));
}

/* 0: there is no file, or it is an info file or the remains of one. */
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
	r = info_read(directory, file, &info);
	return r == -EBADMSG && !info_is_remnant(directory, file) ? -EEXIST : r == -EBADMSG ? 0 : r;
}

static int info_text(char *buf, size_t size, const char *mode)
{
	struct info_process self = { .start = 0 };
	struct info_place here;
	int n;

	info_look_around(&here);
	if (info_process("/proc/self/stat", &self) < 0)
		self.start = 0; /* unknown: readers check only the pid */
	n = snprintf(buf, size, "postern %s\npid %d\nstart %" PRId64 "\nsince %" PRId64 "\n",
		     POSTERN_VERSION, (int)sys_getpid(), self.start, sys_realtime());
	if (here.pidns)
		n += snprintf(buf + n, size - (size_t)n, "pidns %" PRIu64 "\n", here.pidns);
	if (here.timens)
		n += snprintf(buf + n, size - (size_t)n, "timens %" PRIu64 "\n", here.timens);
	if (*here.boot)
		n += snprintf(buf + n, size - (size_t)n, "boot %s\n", here.boot);
	return n + snprintf(buf + n, size - (size_t)n, "mode %s\n", mode);
}

int info_write(int directory, const char *file, const char *mode)
{
	char new_file[NAME_MAX + 1], text[INFO_SIZE];
	int n, r;

	r = snprintf(new_file, sizeof(new_file), "%s.new", file);
	if (r < 0 || (size_t)r >= sizeof(new_file))
		return -ENAMETOOLONG;
	r = info_may_replace(directory, file);
	if (r < 0)
		return r;
	n = info_text(text, sizeof(text), mode);
	r = info_write_new(directory, new_file, text, (size_t)n);
	if (r >= 0) {
		r = sys_renameat(directory, new_file, file);
		if (r < 0)
			sys_unlinkat(directory, new_file, 0);
	}
	if (r < 0)
		sys_unlinkat(directory, file, 0);
	return r;
}

/* A non-negative integer, and nothing after it. */
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
	if (!strcmp(key, "boot"))
		return info_parse_word(value, info->boot, sizeof(info->boot));
	if (!strcmp(key, "pidns") || !strcmp(key, "timens")) {
		if (!info_parse_number(value, INT64_MAX, &n))
			return false;
		*(key[0] == 'p' ? &info->pidns : &info->timens) = (uint64_t)n;
	}
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
