/* SPDX-License-Identifier: Apache-2.0 */
/* sys.c - the kernel's own implementation of sys.h */
#include "sys/sys.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* If long has 32 bits, the old types end in January 2038, and fail for files with a larger inode number or size. */
static_assert(sizeof(time_t) == 8 && sizeof(off_t) == 8 && sizeof(ino_t) == 8,
	      "build with -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 (glibc from 2.34 on)");

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/* Evaluates a system call with errno saved around it. */
#define SYS_CALL(type, call)               \
	__extension__({                    \
		int saved_ = errno;        \
		type r_ = (type)(call);    \
		if (r_ < 0)                \
			r_ = (type)-errno; \
		errno = saved_;            \
		r_;                        \
	})

/* The same for cancellation points: a thread must not be cancelled here, where callers hold locks and descriptors. The
   one exception is the wait of a loop. */
#define SYS_UNCANCELLED(type, call)                                       \
	__extension__({                                                   \
		int cancel_;                                              \
		type result_;                                             \
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_); \
		result_ = SYS_CALL(type, call);                           \
		pthread_setcancelstate(cancel_, &cancel_);                \
		result_;                                                  \
	})

/* ---- descriptors ---- */

/*
 * Every call in this file that makes a descriptor is wrapped in SYS_DESCRIPTOR(): the kernel allocates the lowest number,
 * and if the program, or its parent, has closed 0, 1 or 2, that is one that printf() or a child writes to. A
 * peer would then read that. Such a low number is moved up at once; in all other cases this costs a
 * comparison. Filling the holes instead (with /dev/null) would change the result of the program's next open().
 *
 * In a program with several threads there is a gap between the two calls; only the program itself can close it, by
 * keeping 0, 1 and 2 open.
 */
static int sys_above_standard(int low)
{
	int fd;

	if (low > STDERR_FILENO || low < 0)
		return low;
	fd = SYS_CALL(int, fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
	sys_close(low);
	return fd;
}

#define SYS_DESCRIPTOR(call) sys_above_standard(call)

int sys_close(int fd)
{
	int r = SYS_UNCANCELLED(int, close(fd));

	return r == -EBADF ? r : 0;
}

int sys_dup(int fd)
{
	return SYS_CALL(int, fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

ssize_t sys_read(int fd, void *buf, size_t n)
{
	return SYS_UNCANCELLED(ssize_t, read(fd, buf, n));
}

/*
 * Beyond RLIMIT_FSIZE a write fails with EFBIG, and SIGXFSZ also kills the process. The signal is sent to the thread that
 * wrote, so it is blocked here and consumed, as is done for SIGPIPE without MSG_NOSIGNAL. Checking the limit first would
 * save a call, and be wrong if another thread lowers it meanwhile. A signal that was already pending is left alone.
 */
ssize_t sys_write(int fd, const void *buf, size_t n)
{
	const struct timespec at_once = { 0 };
	sigset_t held, before, pending;
	ssize_t r;

	sigemptyset(&held);
	sigaddset(&held, SIGXFSZ);
	sigemptyset(&pending);
	pthread_sigmask(SIG_BLOCK, &held, &before);
	if (sigismember(&before, SIGXFSZ))
		sigpending(&pending);
	r = SYS_UNCANCELLED(ssize_t, write(fd, buf, n));
	if (r < 0 && !sigismember(&pending, SIGXFSZ))
		(void)SYS_UNCANCELLED(int, sigtimedwait(&held, NULL, &at_once));
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int sys_ioctl_outq(int fd)
{
	int n = 0;
	int r = SYS_CALL(int, ioctl(fd, SIOCOUTQ, &n));

	return r < 0 ? r : n;
}

int sys_ioctl_inq(int fd)
{
	int n = 0;
	int r = SYS_CALL(int, ioctl(fd, SIOCINQ, &n));

	return r < 0 ? r : n;
}

int sys_get_flags(int fd)
{
	return SYS_CALL(int, fcntl(fd, F_GETFL));
}

int sys_set_flags(int fd, int flags)
{
	return SYS_CALL(int, fcntl(fd, F_SETFL, flags));
}

int sys_nofile(void)
{
	struct rlimit limit;
	int r = SYS_CALL(int, getrlimit(RLIMIT_NOFILE, &limit));

	if (r < 0)
		return r;
	return limit.rlim_cur > INT_MAX ? INT_MAX : (int)limit.rlim_cur;
}

/* ---- sockets ---- */

int sys_socket_stream(void)
{
	return SYS_DESCRIPTOR(
		SYS_CALL(int, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
}

int sys_bind(int fd, const struct sockaddr_un *address, socklen_t n)
{
	return SYS_CALL(int, bind(fd, (const struct sockaddr *)address, n));
}

int sys_listen(int fd, int backlog)
{
	return SYS_CALL(int, listen(fd, backlog));
}

int sys_accept(int fd)
{
	return SYS_DESCRIPTOR(
		SYS_UNCANCELLED(int, accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)));
}

int sys_connect(int fd, const struct sockaddr_un *address, socklen_t n)
{
	return SYS_UNCANCELLED(int, connect(fd, (const struct sockaddr *)address, n));
}

int sys_shutdown(int fd, int how)
{
	return SYS_CALL(int, shutdown(fd, how));
}

ssize_t sys_recv(int fd, void *buf, size_t n)
{
	return SYS_UNCANCELLED(ssize_t, recv(fd, buf, n, MSG_DONTWAIT));
}

ssize_t sys_recvmsg(int fd, struct msghdr *msg)
{
	return SYS_UNCANCELLED(ssize_t, recvmsg(fd, msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
}

ssize_t sys_send(int fd, const void *buf, size_t n)
{
	return SYS_UNCANCELLED(ssize_t, send(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL));
}

ssize_t sys_sendmsg(int fd, const struct msghdr *msg)
{
	return SYS_UNCANCELLED(ssize_t, sendmsg(fd, msg, MSG_DONTWAIT | MSG_NOSIGNAL));
}

int sys_getsockopt(int fd, int option, void *value, socklen_t *n)
{
	return SYS_CALL(int, getsockopt(fd, SOL_SOCKET, option, value, n));
}

int sys_setsockopt(int fd, int option, const void *value, socklen_t n)
{
	return SYS_CALL(int, setsockopt(fd, SOL_SOCKET, option, value, n));
}

int sys_peer_pidfd(int fd)
{
	int pidfd = -1;
	socklen_t n = sizeof(pidfd);
	int r = SYS_CALL(int, getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &n));

	return r < 0 ? r : SYS_DESCRIPTOR(pidfd);
}

/* ---- events ---- */

int sys_epoll_create(void)
{
	return SYS_DESCRIPTOR(SYS_CALL(int, epoll_create1(EPOLL_CLOEXEC)));
}

int sys_epoll_ctl(int epoll, int op, int fd, uint32_t events, void *ptr)
{
	struct epoll_event e = { .events = events, .data.ptr = ptr };

	return SYS_CALL(int, epoll_ctl(epoll, op, fd, &e));
}

int sys_poll(int fd, uint32_t events)
{
	struct pollfd p = { .fd = fd, .events = (short)events };
	int r = SYS_UNCANCELLED(int, poll(&p, 1, 0));

	return r > 0 ? (unsigned short)p.revents : r;
}

int sys_epoll_wait(int epoll, struct epoll_event *events, int n, int timeout_ms)
{
	return SYS_CALL(int, epoll_wait(epoll, events, n, timeout_ms));
}

int sys_eventfd(void)
{
	return SYS_DESCRIPTOR(SYS_CALL(int, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
}

/* By number: write() is a cancellation point, and pthread_setcancelstate(), which would disable that, must not be
   called from a signal handler. syscall() has neither problem. */
int sys_eventfd_add(int fd)
{
	const uint64_t one = 1;

	return SYS_CALL(int, syscall(SYS_write, fd, &one, sizeof(one)));
}

int sys_timerfd(void)
{
	return SYS_DESCRIPTOR(
		SYS_CALL(int, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)));
}

int sys_timerfd_set(int fd, int64_t at_ns)
{
	struct itimerspec spec = { 0 };

	/* All zero disarms, so a time in the past is 1 ns after boot: it expires at once. */
	if (at_ns != INT64_MAX) {
		at_ns = at_ns > 0 ? at_ns : 1;
		spec.it_value.tv_sec = at_ns / 1000000000;
		spec.it_value.tv_nsec = (long)(at_ns % 1000000000);
	}
	return SYS_CALL(int, timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL));
}

int sys_inotify(void)
{
	return SYS_DESCRIPTOR(SYS_CALL(int, inotify_init1(IN_CLOEXEC | IN_NONBLOCK)));
}

int sys_inotify_add(int fd, const char *path, uint32_t mask)
{
	return SYS_CALL(int, inotify_add_watch(fd, path, mask));
}

int sys_inotify_remove(int fd, int watch)
{
	return SYS_CALL(int, inotify_rm_watch(fd, watch));
}

/* ---- processes ---- */

int sys_raise(int sig)
{
	return SYS_CALL(int, raise(sig));
}

int sys_sigaction(int sig, const struct sigaction *action, struct sigaction *ret_before)
{
	return SYS_CALL(int, sigaction(sig, action, ret_before));
}

int sys_pidfd_open(pid_t pid)
{
	return SYS_DESCRIPTOR(SYS_CALL(int, syscall(SYS_pidfd_open, pid, 0)));
}

int sys_pidfd_signal(int pidfd, int sig)
{
	return SYS_CALL(int, syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0));
}

int sys_waitid_pidfd(int pidfd, int *ret_how, int *ret_status)
{
	siginfo_t info = { 0 };
	int r = SYS_UNCANCELLED(int,
				waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG));

	if (r < 0)
		return r;
	if (info.si_pid == 0)
		return -EAGAIN;
	*ret_how = info.si_code;
	*ret_status = info.si_status;
	return 0;
}

int sys_waitid_probe(int pidfd)
{
	siginfo_t info;

	return SYS_UNCANCELLED(
		int, waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT));
}

/* The kernel says EINVAL if it has more CPUs than fit. */
int sys_cpus(pid_t pid)
{
	cpu_set_t ours, others;
	int r = SYS_CALL(int, sched_getaffinity(0, sizeof(ours), &ours));

	if (r >= 0 && pid > 0) {
		r = SYS_CALL(int, sched_getaffinity(pid, sizeof(others), &others));
		if (r >= 0)
			CPU_OR(&ours, &ours, &others);
	}
	if (r == -EINVAL)
		return CPU_SETSIZE;
	return r < 0 ? r : CPU_COUNT(&ours);
}

pid_t sys_getpid(void)
{
	return getpid();
}

uid_t sys_geteuid(void)
{
	return geteuid();
}

gid_t sys_getegid(void)
{
	return getegid();
}

/* ---- files ---- */

int sys_openat(int dir, const char *path, int flags, mode_t mode)
{
	return SYS_DESCRIPTOR(SYS_UNCANCELLED(int, openat(dir, path, flags | O_CLOEXEC, mode)));
}

int sys_mkdirat(int dir, const char *path, mode_t mode)
{
	return SYS_CALL(int, mkdirat(dir, path, mode));
}

int sys_fstat(int fd, struct stat *ret)
{
	return SYS_CALL(int, fstat(fd, ret));
}

int sys_fstatat(int dir, const char *path, struct stat *ret, int flags)
{
	return SYS_CALL(int, fstatat(dir, path, ret, flags));
}

int sys_fchmod(int fd, mode_t mode)
{
	return SYS_CALL(int, fchmod(fd, mode));
}

int sys_fchmodat(int dir, const char *path, mode_t mode)
{
	return SYS_CALL(int, fchmodat(dir, path, mode, 0));
}

int sys_fchownat(int dir, const char *path, uid_t uid, gid_t gid, int flags)
{
	return SYS_CALL(int, fchownat(dir, path, uid, gid, flags));
}

int sys_unlinkat(int dir, const char *path, int flags)
{
	return SYS_CALL(int, unlinkat(dir, path, flags));
}

int sys_renameat(int dir, const char *from, const char *to)
{
	return SYS_CALL(int, renameat(dir, from, dir, to));
}

int sys_renameat_noreplace(int dir, const char *from, const char *to)
{
	/* By number: musl has no wrapper for it. */
	return SYS_CALL(int, syscall(SYS_renameat2, dir, from, dir, to, 1 /* RENAME_NOREPLACE */));
}

int sys_flock(int fd, int operation)
{
	return SYS_CALL(int, flock(fd, operation));
}

int sys_fsetxattr(int fd, const char *name, const void *value, size_t n)
{
	return SYS_CALL(int, fsetxattr(fd, name, value, n, 0));
}

int sys_lsetxattr(const char *path, const char *name, const void *value, size_t n)
{
	return SYS_CALL(int, lsetxattr(path, name, value, n, 0));
}

ssize_t sys_getcwd(char *buf, size_t n)
{
	int saved = errno;
	ssize_t r = getcwd(buf, n) ? (ssize_t)strlen(buf) : -errno;

	errno = saved;
	return r;
}

int sys_getdents(int fd, int (*fn)(const char *name, void *data), void *data)
{
	int saved = errno, r = 0, copy = sys_dup(fd);
	struct dirent *entry;
	DIR *dir;

	if (copy < 0)
		return copy;
	dir = fdopendir(copy);
	if (!dir) {
		r = -errno;
		sys_close(copy);
		goto out;
	}
	rewinddir(dir); /* the offset is shared with fd */
	while (r == 0 && (errno = 0, entry = readdir(dir)))
		r = fn(entry->d_name, data);
	if (r == 0)
		r = -errno;
	closedir(dir);
out:
	errno = saved;
	return r;
}

/* ---- time ---- */

int64_t sys_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t sys_realtime(void)
{
	return (int64_t)time(NULL);
}

void sys_sleep(int64_t ns)
{
	struct timespec wait = { .tv_sec = ns / 1000000000, .tv_nsec = (long)(ns % 1000000000) };

	(void)SYS_UNCANCELLED(int, nanosleep(&wait, NULL));
}

void sys_random(void *buf, size_t n)
{
	ssize_t r = SYS_CALL(ssize_t, syscall(SYS_getrandom, buf, n, 1 /* GRND_NONBLOCK */));

	/* Early at boot there is no entropy, and jitter does not need good entropy. */
	for (size_t i = r > 0 ? (size_t)r : 0; i < n; i++)
		((unsigned char *)buf)[i] =
			(unsigned char)(((uintptr_t)buf >> 4) ^ (uint64_t)sys_now() ^ i);
}
