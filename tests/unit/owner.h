/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.h - a server that only has its name, and what its tests need around it
 *
 * Include it behind test.h.
 */
#pragma once

#include "name/name.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 64000 }; /* 65534 is no user: name/ids.h */

struct server {
	struct name  name;
	struct owner o;
	struct why   why;
	gid_t        group;
};

static inline void server_prepare(struct server *s, const char *text, mode_t mode)
{
	struct owner_options options = {.mode = mode, .backlog = 8};

	memset(s, 0, sizeof(*s));
	assert_ok(name_resolve(&s->name, text, &s->why));
	owner_init(&s->o, &s->name, &options);
}

static inline int server_acquire(struct server *s)
{
	int64_t delay_ns = 0;
	int r;

	while ((r = owner_acquire(&s->o, &delay_ns, &s->why)) == -EAGAIN)
		test_sleep_ms(delay_ns / 1000000);
	return r;
}

static inline void server_abandon(struct server *s)
{
	owner_deinit(&s->o, false);
	name_deinit(&s->name);
}

static inline void server_stop(struct server *s)
{
	owner_retire(&s->o);
	server_abandon(s);
}

static inline void server_start_mode(struct server *s, const char *text, mode_t mode)
{
	int r;

	server_prepare(s, text, mode);
	r = server_acquire(s);
	if (r < 0)
		print_error("%s\n", s->why.text);
	assert_ok(r);
}

static inline void server_start(struct server *s, const char *text)
{
	server_start_mode(s, text, 0600);
}

/* Cannot own the name, and says so: in one line that holds the words. */
static inline void assert_refused_mode(const char *text, mode_t mode, int error, const char *words)
{
	struct server s;

	server_prepare(&s, text, mode);
	assert_errno(server_acquire(&s), error);
	assert_int_equal(s.why.reason.error, error);
	if (!strstr(s.why.text, words))
		fail_msg("\"%s\" does not say \"%s\"", s.why.text, words);
	assert_int_equal(s.o.lock, -1);
	assert_int_equal(s.o.listener, -1);
	server_abandon(&s);
}

static inline void assert_refused(const char *text, int error, const char *words)
{
	assert_refused_mode(text, 0600, error, words);
}

/* Entries of a directory, sorted, each with a space behind it. */
static inline const char *entries_of(const char *path)
{
	static char text[2048];
	struct dirent **list;
	int n = scandir(path, &list, NULL, alphasort);

	text[0] = 0;
	for (int i = 0; i < n; i++) {
		if (strcmp(list[i]->d_name, ".") && strcmp(list[i]->d_name, ".."))
			strncat(strncat(text, list[i]->d_name, 300), " ", 2);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return text;
}

static inline struct stat stat_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return st;
}

static inline mode_t mode_of(const char *path)
{
	return stat_of(path).st_mode & 07777;
}

static inline int foreign(const char *path, int type, bool listens)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_true(strlen(path) < sizeof(a.sun_path));
	memcpy(a.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	if (listens)
		assert_int_equal(listen(fd, 64), 0);
	return fd;
}

static inline void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static inline int try_connect(const struct name *name)
{
	int fd = name_connect(name);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

/* A server in a process of its own, ready when this returns. */
struct child_server {
	const char *text;
	int         ready;
	pid_t       pid;
};

static inline int child_serve(void *arg)
{
	struct child_server *c = arg;
	struct server s;

	server_start(&s, c->text);
	if (write(c->ready, "r", 1) != 1)
		return 1;
	pause();
	return 0;
}

static inline struct child_server child_server_start(const char *text)
{
	struct child_server c = {.text = text};
	int ends[2];
	char byte;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	c.ready = ends[1];
	c.pid = test_fork_start(child_serve, &c);
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return c;
}

static inline void child_server_kill(struct child_server *c)
{
	kill(c->pid, SIGKILL);
	test_fork_wait(c->pid);
}

static inline void run_in_child(int (*fn)(void *arg), void *arg)
{
	int status = test_fork(fn, arg);

	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		test_skip("needs root and a mount namespace");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with status 0x%x", (unsigned)status);
}

static inline int become_nobody(void)
{
	return geteuid() == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0 ? 0 : -1;
}

static inline int private_mounts(void)
{
	return unshare(CLONE_NEWNS) < 0 ? -1 : mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL);
}

static inline void need_root(void)
{
	if (geteuid() != 0)
		test_skip("needs root");
}
