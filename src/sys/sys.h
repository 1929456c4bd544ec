/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys.h - every system call of the library
 *
 * One function per system call, with the kernel's arguments. On failure it returns the negative errno,
 * so that errno itself is never read twice, and never changed for the caller of the
 * library: each wrapper restores it.
 *
 * Why a layer: the tests link another implementation of these symbols, which makes the Nth call fail, or lets
 * time pass without waiting. A table of function pointers would do that too, but in a release it would be a writable
 * target for memory corruption.
 *
 * Descriptors that are made here are close-on-exec, and never 0, 1 or 2: see SYS_DESCRIPTOR in sys.c. Those that a
 * peer passes (sys_recvmsg) can be; link/socket.c closes them before any other code runs.
 *
 * EINTR: only sys_close() handles it here (Linux has closed the descriptor by then, so the call is never
 * repeated and never an error). Everywhere else the caller handles it, because only the caller knows whether
 * its deadline has passed.
 */
#ifndef POSTERN_SYS_H
#define POSTERN_SYS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <time.h>

/* Since Linux 6.16; not in the headers of every C library. */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* descriptors */
int     sys_close(int fd);                                   /* always 0 if the kernel has closed it */
int     sys_dup(int fd);                                     /* F_DUPFD_CLOEXEC, from 3 */
ssize_t sys_read(int fd, void *buf, size_t n);
ssize_t sys_write(int fd, const void *buf, size_t n);       /* to a file; raises no SIGXFSZ */
int     sys_ioctl_outq(int fd);                              /* SIOCOUTQ: bytes that the peer has not read */
int     sys_ioctl_inq(int fd);                               /* SIOCINQ: bytes that have arrived */
int     sys_get_flags(int fd);                               /* F_GETFL */
int     sys_set_flags(int fd, int flags);
int     sys_nofile(void);                                    /* RLIMIT_NOFILE, the soft limit */

/* sockets; all made close-on-exec and non-blocking */
int     sys_socket_stream(void);
int     sys_bind(int fd, const struct sockaddr_un *address, socklen_t n);
int     sys_listen(int fd, int backlog);
int     sys_accept(int fd);
int     sys_connect(int fd, const struct sockaddr_un *address, socklen_t n);
int     sys_shutdown(int fd, int how);
ssize_t sys_recv(int fd, void *buf, size_t n);               /* MSG_DONTWAIT; passed descriptors are dropped */
ssize_t sys_recvmsg(int fd, struct msghdr *msg);              /* MSG_DONTWAIT | MSG_CMSG_CLOEXEC */
ssize_t sys_send(int fd, const void *buf, size_t n);         /* MSG_DONTWAIT | MSG_NOSIGNAL */
ssize_t sys_sendmsg(int fd, const struct msghdr *msg);       /* MSG_DONTWAIT | MSG_NOSIGNAL */
int     sys_getsockopt(int fd, int option, void *value, socklen_t *n);  /* SOL_SOCKET */
int     sys_setsockopt(int fd, int option, const void *value, socklen_t n);
int     sys_peer_pidfd(int fd);                              /* SO_PEERPIDFD */

/* events */
int     sys_epoll_create(void);
int     sys_epoll_ctl(int epoll, int op, int fd, uint32_t events, void *ptr);
int     sys_poll(int fd, uint32_t events);                   /* what is ready now, without waiting; 0: nothing */
int     sys_epoll_wait(int epoll, struct epoll_event *events, int n, int timeout_ms);
int     sys_eventfd(void);                                   /* non-blocking */
int     sys_eventfd_add(int fd);                             /* 1; also from signal handlers */
int     sys_timerfd(void);                                   /* CLOCK_MONOTONIC, non-blocking */
int     sys_timerfd_set(int fd, int64_t at_ns);              /* absolute; INT64_MAX disarms */
int     sys_inotify(void);                                   /* non-blocking */
int     sys_inotify_add(int fd, const char *path, uint32_t mask);
int     sys_inotify_remove(int fd, int watch);

/* processes */
int     sys_raise(int sig);                                  /* also from signal handlers */
int     sys_sigaction(int sig, const struct sigaction *action, struct sigaction *ret_before);
int     sys_pidfd_open(pid_t pid);
int     sys_pidfd_signal(int pidfd, int sig);
int     sys_waitid_pidfd(int pidfd, int *ret_how, int *ret_status);     /* reaps; -EAGAIN: still runs */
int     sys_waitid_probe(int pidfd);                         /* reaps nothing; -ECHILD: no child of ours */
int     sys_cpus(pid_t pid);                                 /* how many this thread and pid, or 0, may run on together */
pid_t   sys_getpid(void);
uid_t   sys_geteuid(void);
gid_t   sys_getegid(void);

/* files */
int     sys_openat(int dir, const char *path, int flags, mode_t mode);  /* O_CLOEXEC is added */
int     sys_mkdirat(int dir, const char *path, mode_t mode);
int     sys_fstat(int fd, struct stat *ret);
int     sys_fstatat(int dir, const char *path, struct stat *ret, int flags);
int     sys_fchmod(int fd, mode_t mode);
int     sys_fchmodat(int dir, const char *path, mode_t mode);           /* follows symlinks: for /proc/self/fd/N */
int     sys_fchownat(int dir, const char *path, uid_t uid, gid_t gid, int flags);
int     sys_unlinkat(int dir, const char *path, int flags);
int     sys_renameat(int dir, const char *from, const char *to);        /* replaces */
int     sys_renameat_noreplace(int dir, const char *from, const char *to);
int     sys_flock(int fd, int operation);
int     sys_fsetxattr(int fd, const char *name, const void *value, size_t n);
int     sys_lsetxattr(const char *path, const char *name, const void *value, size_t n);
ssize_t sys_getcwd(char *buf, size_t n);
int     sys_getdents(int fd, int (*fn)(const char *name, void *data), void *data); /* each entry, unsorted */

/* time */
int64_t sys_now(void);                                       /* CLOCK_MONOTONIC, nanoseconds */
int64_t sys_realtime(void);                                  /* CLOCK_REALTIME, seconds */
void    sys_sleep(int64_t ns);                               /* interrupted or not, may return early */
void    sys_random(void *buf, size_t n);                     /* getrandom, without blocking */

/* memory: zeroed, or NULL */
void   *sys_alloc(size_t n);
void   *sys_realloc(void *p, size_t n);                      /* the added bytes are not zeroed */
void    sys_free(void *p);

#endif
