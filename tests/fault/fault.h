/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault.h - a kernel that fails on command, a clock that waits for nobody, and what it all cost
 *
 * The tests of fault_tests are linked with sys-fault.c in the place of sys/sys.c. Without further ado it
 * passes everything on to the real one, and counts: fault_count(FAULT_epoll_ctl). On top of that
 *
 *   fault_arm()         makes the Nth call fail, once or from then on, or fall a byte short;
 *   fault_clock_fake()  stops the clock. It jumps to the next timer when a loop would wait for it, so that an
 *                       hour passes in a millisecond, and always in the same way.
 *
 * Each place in the library that calls a sys_*() is a call site. This header is put before each source of
 * the library (-DFAULT_SITES) and makes macros of the calls, which leave a record of the place in a section
 * of its own: so the sites are known, with those that were never reached.
 */
#ifndef FAULT_H
#define FAULT_H

#define FAULT_CALLS(X) \
	X(close) X(dup) X(read) X(write) X(ioctl_outq) X(ioctl_inq) X(get_flags) X(set_flags) X(nofile) X(socket_stream) X(bind) \
	X(listen) X(accept) X(connect) X(shutdown) X(recv) X(recvmsg) X(send) X(sendmsg) X(getsockopt) \
	X(setsockopt) X(peer_pidfd) X(epoll_create) X(epoll_ctl) X(poll) X(epoll_wait) X(eventfd) X(eventfd_add) X(timerfd) \
	X(timerfd_set) X(inotify) X(inotify_add) X(inotify_remove) X(sigaction) X(raise) X(pidfd_open) \
	X(pidfd_signal) X(waitid_pidfd) X(waitid_probe) X(cpus) X(getpid) X(geteuid) X(getegid) X(openat) X(mkdirat) \
	X(fstat) X(fstatat) X(fchmod) X(fchmodat) X(fchownat) X(unlinkat) X(renameat) \
	X(renameat_noreplace) X(flock) X(fsetxattr) X(lsetxattr) X(getcwd) X(getdents) X(now) X(realtime) X(sleep) \
	X(random) X(alloc) X(realloc) X(free)

#ifdef FAULT_REAL /* compiled with sys/sys.c: the real calls under another name */

#define sys_close real_close
#define sys_dup real_dup
#define sys_read real_read
#define sys_write real_write
#define sys_ioctl_outq real_ioctl_outq
#define sys_ioctl_inq real_ioctl_inq
#define sys_get_flags real_get_flags
#define sys_set_flags real_set_flags
#define sys_nofile real_nofile
#define sys_socket_stream real_socket_stream
#define sys_bind real_bind
#define sys_listen real_listen
#define sys_accept real_accept
#define sys_connect real_connect
#define sys_shutdown real_shutdown
#define sys_recv real_recv
#define sys_recvmsg real_recvmsg
#define sys_send real_send
#define sys_sendmsg real_sendmsg
#define sys_getsockopt real_getsockopt
#define sys_setsockopt real_setsockopt
#define sys_peer_pidfd real_peer_pidfd
#define sys_epoll_create real_epoll_create
#define sys_epoll_ctl real_epoll_ctl
#define sys_poll real_poll
#define sys_epoll_wait real_epoll_wait
#define sys_eventfd real_eventfd
#define sys_eventfd_add real_eventfd_add
#define sys_timerfd real_timerfd
#define sys_timerfd_set real_timerfd_set
#define sys_inotify real_inotify
#define sys_inotify_add real_inotify_add
#define sys_inotify_remove real_inotify_remove
#define sys_sigaction real_sigaction
#define sys_raise real_raise
#define sys_pidfd_open real_pidfd_open
#define sys_pidfd_signal real_pidfd_signal
#define sys_waitid_pidfd real_waitid_pidfd
#define sys_waitid_probe real_waitid_probe
#define sys_cpus real_cpus
#define sys_getpid real_getpid
#define sys_geteuid real_geteuid
#define sys_getegid real_getegid
#define sys_openat real_openat
#define sys_mkdirat real_mkdirat
#define sys_fstat real_fstat
#define sys_fstatat real_fstatat
#define sys_fchmod real_fchmod
#define sys_fchmodat real_fchmodat
#define sys_fchownat real_fchownat
#define sys_unlinkat real_unlinkat
#define sys_renameat real_renameat
#define sys_renameat_noreplace real_renameat_noreplace
#define sys_flock real_flock
#define sys_fsetxattr real_fsetxattr
#define sys_lsetxattr real_lsetxattr
#define sys_getcwd real_getcwd
#define sys_getdents real_getdents
#define sys_now real_now
#define sys_realtime real_realtime
#define sys_sleep real_sleep
#define sys_random real_random
#define sys_alloc real_alloc
#define sys_realloc real_realloc
#define sys_free real_free

#else

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "sys/sys.h"

struct fault_site {
	const char *file;
	int         line;
	int         call;
	unsigned    hits, faults; /* atomic */
};

enum fault_call {
#define FAULT_ENUM(name) FAULT_##name,
	FAULT_CALLS(FAULT_ENUM)
#undef FAULT_ENUM
	FAULT_N,
	FAULT_ANY = FAULT_N,
};

extern _Thread_local struct fault_site *fault_here;
int fault_pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*fn)(void *), void *data);

#ifdef FAULT_SITES /* compiled with the sources of the library */

/* In the section are pointers: a compiler may align structs apart. */
#define FAULT_AT(name)                                                                         \
	__extension__({                                                                        \
		static struct fault_site site_ = { __FILE__, __LINE__, FAULT_##name, 0, 0 };   \
		static struct fault_site *const entry_                                         \
			__attribute__((section("fault_sites"), used)) = &site_;                \
		fault_here = &site_;                                                           \
	})

#define pthread_create fault_pthread_create

#define sys_close(...) (FAULT_AT(close), sys_close(__VA_ARGS__))
#define sys_dup(...) (FAULT_AT(dup), sys_dup(__VA_ARGS__))
#define sys_read(...) (FAULT_AT(read), sys_read(__VA_ARGS__))
#define sys_write(...) (FAULT_AT(write), sys_write(__VA_ARGS__))
#define sys_ioctl_outq(...) (FAULT_AT(ioctl_outq), sys_ioctl_outq(__VA_ARGS__))
#define sys_ioctl_inq(...) (FAULT_AT(ioctl_inq), sys_ioctl_inq(__VA_ARGS__))
#define sys_get_flags(...) (FAULT_AT(get_flags), sys_get_flags(__VA_ARGS__))
#define sys_set_flags(...) (FAULT_AT(set_flags), sys_set_flags(__VA_ARGS__))
#define sys_nofile(...) (FAULT_AT(nofile), sys_nofile(__VA_ARGS__))
#define sys_socket_stream(...) (FAULT_AT(socket_stream), sys_socket_stream(__VA_ARGS__))
#define sys_bind(...) (FAULT_AT(bind), sys_bind(__VA_ARGS__))
#define sys_listen(...) (FAULT_AT(listen), sys_listen(__VA_ARGS__))
#define sys_accept(...) (FAULT_AT(accept), sys_accept(__VA_ARGS__))
#define sys_connect(...) (FAULT_AT(connect), sys_connect(__VA_ARGS__))
#define sys_shutdown(...) (FAULT_AT(shutdown), sys_shutdown(__VA_ARGS__))
#define sys_recv(...) (FAULT_AT(recv), sys_recv(__VA_ARGS__))
#define sys_recvmsg(...) (FAULT_AT(recvmsg), sys_recvmsg(__VA_ARGS__))
#define sys_send(...) (FAULT_AT(send), sys_send(__VA_ARGS__))
#define sys_sendmsg(...) (FAULT_AT(sendmsg), sys_sendmsg(__VA_ARGS__))
#define sys_getsockopt(...) (FAULT_AT(getsockopt), sys_getsockopt(__VA_ARGS__))
#define sys_setsockopt(...) (FAULT_AT(setsockopt), sys_setsockopt(__VA_ARGS__))
#define sys_peer_pidfd(...) (FAULT_AT(peer_pidfd), sys_peer_pidfd(__VA_ARGS__))
#define sys_epoll_create(...) (FAULT_AT(epoll_create), sys_epoll_create(__VA_ARGS__))
#define sys_epoll_ctl(...) (FAULT_AT(epoll_ctl), sys_epoll_ctl(__VA_ARGS__))
#define sys_poll(...) (FAULT_AT(poll), sys_poll(__VA_ARGS__))
#define sys_epoll_wait(...) (FAULT_AT(epoll_wait), sys_epoll_wait(__VA_ARGS__))
#define sys_eventfd(...) (FAULT_AT(eventfd), sys_eventfd(__VA_ARGS__))
#define sys_eventfd_add(...) (FAULT_AT(eventfd_add), sys_eventfd_add(__VA_ARGS__))
#define sys_timerfd(...) (FAULT_AT(timerfd), sys_timerfd(__VA_ARGS__))
#define sys_timerfd_set(...) (FAULT_AT(timerfd_set), sys_timerfd_set(__VA_ARGS__))
#define sys_inotify(...) (FAULT_AT(inotify), sys_inotify(__VA_ARGS__))
#define sys_inotify_add(...) (FAULT_AT(inotify_add), sys_inotify_add(__VA_ARGS__))
#define sys_inotify_remove(...) (FAULT_AT(inotify_remove), sys_inotify_remove(__VA_ARGS__))
#define sys_pidfd_open(...) (FAULT_AT(pidfd_open), sys_pidfd_open(__VA_ARGS__))
#define sys_pidfd_signal(...) (FAULT_AT(pidfd_signal), sys_pidfd_signal(__VA_ARGS__))
#define sys_waitid_pidfd(...) (FAULT_AT(waitid_pidfd), sys_waitid_pidfd(__VA_ARGS__))
#define sys_waitid_probe(...) (FAULT_AT(waitid_probe), sys_waitid_probe(__VA_ARGS__))
#define sys_cpus(...) (FAULT_AT(cpus), sys_cpus(__VA_ARGS__))
#define sys_getpid(...) (FAULT_AT(getpid), sys_getpid(__VA_ARGS__))
#define sys_geteuid(...) (FAULT_AT(geteuid), sys_geteuid(__VA_ARGS__))
#define sys_getegid(...) (FAULT_AT(getegid), sys_getegid(__VA_ARGS__))
#define sys_openat(...) (FAULT_AT(openat), sys_openat(__VA_ARGS__))
#define sys_mkdirat(...) (FAULT_AT(mkdirat), sys_mkdirat(__VA_ARGS__))
#define sys_fstat(...) (FAULT_AT(fstat), sys_fstat(__VA_ARGS__))
#define sys_fstatat(...) (FAULT_AT(fstatat), sys_fstatat(__VA_ARGS__))
#define sys_fchmod(...) (FAULT_AT(fchmod), sys_fchmod(__VA_ARGS__))
#define sys_fchmodat(...) (FAULT_AT(fchmodat), sys_fchmodat(__VA_ARGS__))
#define sys_fchownat(...) (FAULT_AT(fchownat), sys_fchownat(__VA_ARGS__))
#define sys_unlinkat(...) (FAULT_AT(unlinkat), sys_unlinkat(__VA_ARGS__))
#define sys_renameat(...) (FAULT_AT(renameat), sys_renameat(__VA_ARGS__))
#define sys_renameat_noreplace(...) (FAULT_AT(renameat_noreplace), sys_renameat_noreplace(__VA_ARGS__))
#define sys_flock(...) (FAULT_AT(flock), sys_flock(__VA_ARGS__))
#define sys_fsetxattr(...) (FAULT_AT(fsetxattr), sys_fsetxattr(__VA_ARGS__))
#define sys_lsetxattr(...) (FAULT_AT(lsetxattr), sys_lsetxattr(__VA_ARGS__))
#define sys_getcwd(...) (FAULT_AT(getcwd), sys_getcwd(__VA_ARGS__))
#define sys_getdents(...) (FAULT_AT(getdents), sys_getdents(__VA_ARGS__))
#define sys_now(...) (FAULT_AT(now), sys_now(__VA_ARGS__))
#define sys_realtime(...) (FAULT_AT(realtime), sys_realtime(__VA_ARGS__))
#define sys_sleep(...) (FAULT_AT(sleep), sys_sleep(__VA_ARGS__))
#define sys_random(...) (FAULT_AT(random), sys_random(__VA_ARGS__))
#define sys_alloc(...) (FAULT_AT(alloc), sys_alloc(__VA_ARGS__))
#define sys_realloc(...) (FAULT_AT(realloc), sys_realloc(__VA_ARGS__))
#define sys_free(...) (FAULT_AT(free), sys_free(__VA_ARGS__))

#else /* for the tests */

#include <stdio.h>

/* Before each test: no fault, counters at zero, the real clock. */
void fault_reset(void);

/* ---- faults ---- */

#define FAULT_SHORT 4096 /* in place of an errno, and none of them: reads and writes move one byte less than they could */

struct fault {
	int      call;   /* FAULT_ANY: all that can fail */
	unsigned nth;    /* from 1, counted from fault_arm() on */
	int      error;  /* EMFILE, ...; or FAULT_SHORT */
	bool     stays;  /* the same call fails from then on; EINTR, EAGAIN and sys_read() 100 times: none lasts */
	const struct fault_site *site; /* or NULL: counts only the calls from here */
	const struct fault_site *also; /* or NULL: after the first fault, the next call from here fails too */
};

void     fault_arm(const struct fault *fault);
/* No more faults. Returns how many there were. */
unsigned fault_disarm(void);
/* Somebody else's doing, at the worst moment: fn is called before the nth such call from now on, once. Calls of the
   library that fn makes are made without it. fault_reset() forgets it. */
void     fault_before(int call, unsigned nth, void (*fn)(void));
/* The descriptor that the last sys_close() was, or is, about. */
int      fault_closes(void);
/* Something has failed since fault_arm(). */
bool     fault_has_hit(void);
/* Some calls cannot fail: sys_now(), sys_free(), and sys_close(), which has it settled. */
bool     fault_can_fail(int call);
/* The calls since fault_arm(), of those that can fail, in order: writes up to n of them, returns how many. */
unsigned fault_trace(const struct fault_site **ret, unsigned n);

/* A machine that does not have it: the call always fails so, and that is no fault. Until fault_reset(). */
void     fault_refuse(int call, int error);
/* sys_geteuid() says so; (uid_t)-1: the truth. */
void     fault_set_euid(uid_t uid);

/* pthread_create() stores the id of the thread so late, as POSIX lets it. Until fault_reset(). */
void     fault_thread_id_late(int ms);

/* ---- call sites ---- */

const char *fault_name(int call);
/* Of those that can fail, once for each file and line. */
void     fault_coverage(unsigned *ret_sites, unsigned *ret_hit, unsigned *ret_faulted);
/* Lists the sites without a fault. */
void     fault_print_missing(FILE *to);

/* ---- what sys.h promises ---- */

/* From now on, until fault_reset() with NULL in its place: told(call, what) is called when a descriptor is closed
   that is not open, or is still in an epoll; and before a call that may wait: accept on a listener that blocks,
   flock() without LOCK_NB, sleep, epoll_wait with a timeout. One thread. */
void     fault_strict(void (*told)(int call, const char *what));
/* fd is in an epoll of the library. */
bool     fault_is_watched(int fd);

/* ---- counts ---- */

uint64_t fault_count(int call);
void     fault_count_reset(void);
/* All calls into the kernel, i.e. without memory, and without what the vDSO answers. */
uint64_t fault_count_kernel(void);
/* Blocks of memory that the library holds. */
int64_t  fault_memory(void);

/* ---- clock ---- */

/* From now on time passes only in sys_sleep() and in sys_epoll_wait(), when nothing else is ready. One thread. */
void     fault_clock_fake(void);
void     fault_clock_advance(int64_t ns);
/* A loop that waits for ever, with no timer set, ends the test: what it waits for is to come within this time
   of the real clock; 0 at first. */
void     fault_clock_patience(int64_t ns);
/* With the fake clock: an epoll_wait() without a timeout that finds nothing takes so long; 0 at first. Who polls in a loop needs that. */
void     fault_clock_poll(int64_t ns);
/* From now on so many CPUs are there, until fault_reset(). 0: as many as really are. */
void     fault_set_cpus(int n);

#endif
#endif
#endif
