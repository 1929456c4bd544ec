/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The kernel behaviour that Postern is built upon, each fact as one test, without the library: when
 * one fails, a design decision has lost its ground on this kernel. Some are in no manual page. What
 * a kernel or a file system lacks is named and skipped.
 *
 * Each test runs in a fresh private directory, which is also its working directory, so that names
 * are short whatever TMPDIR is. A test starts with no descriptor above 2; what it opened and whom
 * it forked is closed, killed and reaped after it, also when an assertion jumped out of its middle.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#undef TEST

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

enum { FD_END = 512, TESTS = 64 };

static char dir[PATH_MAX];
static pid_t child;                    /* -1 in the child itself */
static struct CMUnitTest tests[TESTS]; /* cmocka passes over entries without a name */

/* Registers itself: a test cannot be written and not run. */
#define TEST(name)                                                     \
	static void name(void **state);                                \
	__attribute__((constructor)) static void name##_register(void) \
	{                                                              \
		add_test(#name, name);                                 \
	}                                                              \
	static void name(void **state __attribute__((unused)))

#define ok(expr)           expect_at((expr), 0, #expr, __LINE__)
#define fails(expr, error) expect_at((expr), (error), #expr, __LINE__)
static inline int expect_at(long r, int error, const char *what, int line)
{
	int e = r < 0 ? errno : 0;

	if (e != error) {
		if (child < 0)
			_exit(255); /* never into the tests behind this one */
		print_error("%s: got %ld \"%s\", not \"%s\"\n", what, r, strerror(e),
			    strerror(error));
		_fail(__FILE__, line);
	}
	return (int)r;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int enter(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	umask(022);
	snprintf(dir, sizeof(dir), "%s/test-kernel-XXXXXX", base && *base == '/' ? base : "/tmp");
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static inline int leave(void **state)
{
	(void)state;
	if (child) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		child = 0;
	}
	for (int fd = 3; fd < FD_END; fd++)
		close(fd);
	return chdir("/") == 0 ? nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) : -1;
}

/* One at a time. The parent-death signal covers a test program that is itself killed. */
static inline pid_t fork_child(void)
{
	pid_t pid;

	assert_int_equal(child, 0);
	pid = ok(fork());
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	child = pid ? pid : -1;
	return pid;
}

static inline void fork_idle_child(void)
{
	if (fork_child() == 0)
		for (;;)
			pause();
}

static inline void skip_because(const char *why)
{
	test_skip("%s", why);
}

static inline void get_or_skip(int fd, int option, void *value, socklen_t *len)
{
	if (getsockopt(fd, SOL_SOCKET, option, value, len) == 0)
		return;
	assert_int_equal(errno, ENOPROTOOPT);
	print_message("socket option %d: ", option);
	skip_because(strerror(errno));
}

/* The exit status, or the negative signal. */
static inline int reap(void)
{
	int status = 0;

	ok(waitpid(child, &status, 0));
	child = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline struct sockaddr_un address(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	return sa;
}

static inline int bind_at(int fd, const char *path)
{
	struct sockaddr_un sa = address(path);

	return bind(fd, (struct sockaddr *)&sa, sizeof(sa));
}

static inline int connect_at(int fd, const char *path)
{
	struct sockaddr_un sa = address(path);

	return connect(fd, (struct sockaddr *)&sa, sizeof(sa));
}

static inline int stream(void)
{
	return ok(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

static inline int listen_at(const char *path, int backlog)
{
	int fd = stream();

	ok(bind_at(fd, path));
	ok(listen(fd, backlog));
	return fd;
}

static inline void pair(int fds[2])
{
	ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
}

static inline int poll_for(int fd, short events, int timeout_ms)
{
	struct pollfd p = { fd, events, 0 };

	ok(poll(&p, 1, timeout_ms));
	return p.revents;
}

static inline int readable(int fd, int timeout_ms)
{
	return poll_for(fd, POLLIN, timeout_ms) & POLLIN;
}

static inline struct stat stat_of(const char *path)
{
	struct stat st;

	ok(lstat(path, &st));
	return st;
}

static inline int count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < FD_END; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static inline ssize_t send_descriptors(int to, const int *fds, size_t n)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = { 0 };
	char byte = 'd';
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };
	struct cmsghdr *c = (struct cmsghdr *)control;

	m.msg_controllen = (socklen_t)CMSG_SPACE(n * sizeof(int));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = (socklen_t)CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	return sendmsg(to, &m, MSG_NOSIGNAL);
}

/* How many came into a control buffer of the given size. */
static inline size_t receive_descriptors(int from, socklen_t room, int fds[4], int *ret_flags)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = { 0 };
	struct iovec iov = { &(char){ 0 }, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };
	struct cmsghdr *c;
	size_t n;

	m.msg_controllen = room;
	ok(recvmsg(from, &m, MSG_CMSG_CLOEXEC));
	*ret_flags = m.msg_flags;
	c = CMSG_FIRSTHDR(&m);
	assert_non_null(c);
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	return n;
}

static inline int epoll_with(int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events };
	int ep = ok(epoll_create1(EPOLL_CLOEXEC));

	ok(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	return ep;
}

/* What epoll reports at this moment for its only descriptor, 0 when nothing. */
static inline uint32_t epoll_now(int ep)
{
	struct epoll_event ev = { 0 };

	return ok(epoll_wait(ep, &ev, 1, 0)) ? ev.events : 0;
}

static inline int open_lock(int access)
{
	return ok(open("lock", access | O_CREAT | O_CLOEXEC, 0600));
}

static inline int try_lock(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB);
}

static inline void add_test(const char *name, CMUnitTestFunction test)
{
	static size_t n;

	if (n == TESTS)
		abort();
	tests[n++] = (struct CMUnitTest){ name, test, enter, leave, NULL };
}
