/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys-fault.c - sys.h with faults, a clock of its own, and counters; what for is in fault.h
 *
 * The clock. A loop waits for time only by its timerfd. When the clock is fake, an eventfd is given in its
 * place, which is written to when the fake time reaches what the timer was set to: unlike a timerfd that is
 * set to the past, it is readable at once, so a run is the same each time.
 *
 * Threads: counters are atomic; faults and the fake clock are for tests of one thread.
 */
#include "fault.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FAULT_REAL_DECLARE(name) extern __typeof__(sys_##name) real_##name;
FAULT_CALLS(FAULT_REAL_DECLARE)

enum { FAULT_FDS = 4096, FAULT_STORM = 100, FAULT_TIMERS = 64, FAULT_TRACE = 16384 };
#define FAULT_EPOCH INT64_C(1000000000000)

struct fault_timer {
	int fd; /* -1: free */
	int64_t at_ns;
	bool expired;
};

static struct {
	bool armed, also_done;
	struct fault fault;
	int target; /* the call that was chosen, -1: none yet */
	unsigned seen, faults;
	uint64_t counts[FAULT_N];
	int64_t memory;
	bool fake;
	int64_t now_ns, patience_ns, poll_ns;
	int cpus;
	uint64_t random;
	uid_t euid;
	int refused[FAULT_N];
	struct fault_timer timers[FAULT_TIMERS];
	unsigned n_trace;
	const struct fault_site *trace[FAULT_TRACE];
	void (*told)(int call, const char *what);
	int watched[FAULT_FDS]; /* by which epoll, 0: none; while told is set */
} fault;

_Thread_local struct fault_site *fault_here;

static struct fault_site fault_elsewhere = { .file = "tests" };

/* From the linker: the sites of the sources that are linked in. */
extern struct fault_site *const __start_fault_sites[] __attribute__((weak));
extern struct fault_site *const __stop_fault_sites[] __attribute__((weak));

/* ---- faults ---- */

bool fault_can_fail(int call)
{
	switch (call) {
	case FAULT_close:
	case FAULT_getpid:
	case FAULT_geteuid:
	case FAULT_getegid:
	case FAULT_now:
	case FAULT_realtime:
	case FAULT_sleep:
	case FAULT_random:
	case FAULT_free:
		return false;
	default:
		return true;
	}
}

static bool fault_same_place(const struct fault_site *a, const struct fault_site *b)
{
	return a->line == b->line && a->call == b->call && strcmp(a->file, b->file) == 0;
}

/* 0, or what the call is to fail with. */
static int fault_decide(int call, struct fault_site *site)
{
	const struct fault *f = &fault.fault;

	if (fault.n_trace < FAULT_TRACE)
		fault.trace[fault.n_trace++] = site;
	if (f->also && fault.faults > 0 && !fault.also_done && fault_same_place(f->also, site)) {
		fault.also_done = true;
		site->faults++;
		return f->error == FAULT_SHORT ? EIO : f->error;
	}
	if (f->call != FAULT_ANY && f->call != call)
		return 0;
	if (f->site && !fault_same_place(f->site, site))
		return 0;
	if (++fault.seen < f->nth || f->nth == 0)
		return 0;
	if (fault.target < 0)
		fault.target = call;
	else if (!f->stays || fault.target != call)
		return 0;
	/* What the loop reads is numbers that the kernel has there: that cannot fail for good. */
	if ((f->error == EINTR || f->error == EAGAIN || call == FAULT_read) &&
	    fault.faults >= FAULT_STORM)
		return 0;
	fault.faults++;
	site->faults++;
	return f->error;
}

static void fault_note(int call, struct fault_site *site)
{
	__atomic_fetch_add(&fault.counts[call], 1, __ATOMIC_RELAXED);
	if (site)
		__atomic_fetch_add(&site->hits, 1, __ATOMIC_RELAXED);
}

static struct {
	int call;
	unsigned n;
	void (*fn)(void);
} fault_meddler;

void fault_before(int call, unsigned nth, void (*fn)(void))
{
	fault_meddler.call = call;
	fault_meddler.n = nth;
	fault_meddler.fn = fn;
}

static int fault_closes_fd = -1;

int fault_closes(void)
{
	return __atomic_load_n(&fault_closes_fd, __ATOMIC_RELAXED);
}

static void fault_meddle(int call)
{
	void (*fn)(void) = fault_meddler.fn;

	if (!fn || fault_meddler.call != call || --fault_meddler.n > 0)
		return;
	fault_meddler.fn = NULL;
	fn();
}

static int fault_enter(int call)
{
	struct fault_site *site = fault_here;

	fault_here = NULL;
	if (!site)
		site = &fault_elsewhere;
	fault_note(call, site);
	fault_meddle(call);
	if (fault.refused[call])
		return fault.refused[call];
	return fault.armed && fault_can_fail(call) ? fault_decide(call, site) : 0;
}

void fault_arm(const struct fault *f)
{
	fault.fault = *f;
	fault.target = -1;
	fault.seen = fault.faults = fault.n_trace = 0;
	fault.also_done = false;
	fault.armed = true;
}

unsigned fault_disarm(void)
{
	fault.armed = false;
	return fault.faults;
}

void fault_refuse(int call, int error)
{
	fault.refused[call] = error;
}

void fault_set_euid(uid_t uid)
{
	fault.euid = uid;
}

bool fault_has_hit(void)
{
	return fault.faults > 0;
}

unsigned fault_trace(const struct fault_site **ret, unsigned n)
{
	n = n < fault.n_trace ? n : fault.n_trace;
	memcpy(ret, fault.trace, n * sizeof *ret);
	return n;
}

void fault_reset(void)
{
	fault_meddler.fn = NULL;
	fault_thread_id_late(0);
	fault.armed = fault.fake = false;
	fault.now_ns = FAULT_EPOCH;
	fault.patience_ns = fault.poll_ns = 0;
	fault.cpus = 0;
	fault.random = 88172645463325252;
	fault.euid = (uid_t)-1;
	memset(fault.refused, 0, sizeof fault.refused);
	for (int i = 0; i < FAULT_TIMERS; i++)
		fault.timers[i].fd = -1;
	fault_count_reset();
}

/* ---- call sites ---- */

const char *fault_name(int call)
{
	static const char *const names[] = {
#define FAULT_STRING(name) #name,
		FAULT_CALLS(FAULT_STRING)
#undef FAULT_STRING
	};

	return call >= 0 && call < FAULT_N ? names[call] : "any";
}

/* An inline function in a header has a site in each file that includes it: together they are one. Two calls on
   one line are told apart by their name. false: an earlier entry is the same place. */
static bool fault_merge(struct fault_site *const *entry, struct fault_site *ret)
{
	*ret = **entry;
	for (struct fault_site *const *p = __start_fault_sites; p < __stop_fault_sites; p++) {
		if (*p == *entry || !fault_same_place(*p, *entry))
			continue;
		if (p < entry)
			return false;
		ret->hits += (*p)->hits;
		ret->faults += (*p)->faults;
	}
	return fault_can_fail(ret->call);
}

void fault_coverage(unsigned *ret_sites, unsigned *ret_hit, unsigned *ret_faulted)
{
	struct fault_site site;

	*ret_sites = *ret_hit = *ret_faulted = 0;
	for (struct fault_site *const *p = __start_fault_sites; p < __stop_fault_sites; p++) {
		if (!fault_merge(p, &site))
			continue;
		++*ret_sites;
		*ret_hit += site.hits > 0;
		*ret_faulted += site.faults > 0;
	}
}

void fault_print_missing(FILE *to)
{
	struct fault_site site;

	for (struct fault_site *const *p = __start_fault_sites; p < __stop_fault_sites; p++)
		if (fault_merge(p, &site) && site.faults == 0)
			fprintf(to, "%s:%d: sys_%s() was called %u times and never failed\n",
				site.file, site.line, fault_name(site.call), site.hits);
}

/* ---- threads ---- */

static int fault_id_late_ms;

void fault_thread_id_late(int ms)
{
	fault_id_late_ms = ms;
}

/* Of fault.h, for the sources of the library. */
int fault_pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*fn)(void *),
			 void *data)
{
	pthread_t id;
	int r = pthread_create(&id, attributes, fn, data);

	if (fault_id_late_ms > 0)
		usleep((useconds_t)fault_id_late_ms * 1000);
	if (r == 0)
		*ret = id;
	return r;
}

/* ---- what sys.h promises ---- */

void fault_strict(void (*told)(int call, const char *what))
{
	fault.told = told;
	memset(fault.watched, 0, sizeof(fault.watched));
}

bool fault_is_watched(int fd)
{
	return fd >= 0 && fd < FAULT_FDS && fault.watched[fd] != 0;
}

static void fault_tell(int call, const char *what)
{
	if (fault.told)
		fault.told(call, what);
}

static void fault_watching(int epoll, int op, int fd)
{
	if (fault.told && fd >= 0 && fd < FAULT_FDS)
		fault.watched[fd] = op == EPOLL_CTL_DEL ? 0 : epoll;
}

static void fault_closing(int fd)
{
	if (!fault.told || fd < 0)
		return;
	if (fcntl(fd, F_GETFD) < 0)
		fault_tell(FAULT_close, "a descriptor is closed that is not open");
	if (fault_is_watched(fd))
		fault_tell(FAULT_close, "a descriptor is closed that is in epoll");
	/* With the epoll go its registrations. */
	for (int i = 0; i < FAULT_FDS; i++)
		if (fault.watched[i] == fd)
			fault.watched[i] = 0;
}

/* ---- counts ---- */

uint64_t fault_count(int call)
{
	return __atomic_load_n(&fault.counts[call], __ATOMIC_RELAXED);
}

void fault_count_reset(void)
{
	for (int i = 0; i < FAULT_N; i++)
		__atomic_store_n(&fault.counts[i], 0, __ATOMIC_RELAXED);
}

uint64_t fault_count_kernel(void)
{
	uint64_t n = 0;

	for (int i = 0; i < FAULT_N; i++)
		if (i != FAULT_alloc && i != FAULT_realloc && i != FAULT_free && i != FAULT_now &&
		    i != FAULT_realtime)
			n += fault_count(i);
	return n;
}

int64_t fault_memory(void)
{
	return __atomic_load_n(&fault.memory, __ATOMIC_RELAXED);
}

static void fault_count_memory(int64_t n)
{
	__atomic_fetch_add(&fault.memory, n, __ATOMIC_RELAXED);
}

/* ---- clock ---- */

void fault_clock_fake(void)
{
	fault.fake = true;
}

void fault_clock_patience(int64_t ns)
{
	fault.patience_ns = ns;
}

void fault_clock_poll(int64_t ns)
{
	fault.poll_ns = ns;
}

void fault_set_cpus(int n)
{
	fault.cpus = n;
}

static void fault_timer_update(struct fault_timer *t)
{
	bool expired = t->at_ns <= fault.now_ns;
	uint64_t one = 1;

	if (expired == t->expired)
		return;
	if ((expired ? write(t->fd, &one, sizeof one) : read(t->fd, &one, sizeof one)) < 0)
		abort();
	t->expired = expired;
}

void fault_clock_advance(int64_t ns)
{
	fault.now_ns += ns;
	for (int i = 0; i < FAULT_TIMERS; i++)
		if (fault.timers[i].fd >= 0)
			fault_timer_update(&fault.timers[i]);
}

static struct fault_timer *fault_timer_find(int fd)
{
	for (int i = 0; i < FAULT_TIMERS; i++)
		if (fault.timers[i].fd == fd)
			return &fault.timers[i];
	return NULL;
}

static int64_t fault_timer_next(void)
{
	int64_t next = INT64_MAX;

	for (int i = 0; i < FAULT_TIMERS; i++)
		if (fault.timers[i].fd >= 0 && !fault.timers[i].expired &&
		    fault.timers[i].at_ns < next)
			next = fault.timers[i].at_ns;
	return next;
}

/* What another process or a signal does takes real time. */
static int fault_wait_really(int epoll, struct epoll_event *events, int n)
{
	int r = real_epoll_wait(epoll, events, n, (int)(fault.patience_ns / 1000000));

	if (r != 0)
		return r;
	fprintf(stderr, "a loop waits for ever: nothing is ready and no timer is set\n");
	abort();
}

static int fault_wait(int epoll, struct epoll_event *events, int n, int timeout_ms)
{
	int64_t limit = timeout_ms < 0 ? INT64_MAX : fault.now_ns + (int64_t)timeout_ms * 1000000;

	for (;;) {
		int64_t next;
		int r = real_epoll_wait(epoll, events, n, 0);

		if (r == 0 && timeout_ms == 0)
			fault_clock_advance(fault.poll_ns);
		if (r != 0 || fault.now_ns >= limit)
			return r;
		next = fault_timer_next();
		if (next == INT64_MAX && limit == INT64_MAX)
			return fault_wait_really(epoll, events, n);
		fault_clock_advance((next < limit ? next : limit) - fault.now_ns);
	}
}

/* ---- the calls ---- */

#define FAULT_PASS(type, name, params, args)            \
	type sys_##name params                          \
	{                                               \
		int error_ = fault_enter(FAULT_##name); \
                                                        \
		if (error_)                             \
			return -error_;                 \
		return real_##name args;                \
	}

FAULT_PASS(int, dup, (int fd), (fd))
FAULT_PASS(int, ioctl_outq, (int fd), (fd))
FAULT_PASS(int, ioctl_inq, (int fd), (fd))
FAULT_PASS(int, get_flags, (int fd), (fd))
FAULT_PASS(int, set_flags, (int fd, int flags), (fd, flags))
FAULT_PASS(int, nofile, (void), ())
FAULT_PASS(int, socket_stream, (void), ())
FAULT_PASS(int, bind, (int fd, const struct sockaddr_un *a, socklen_t n), (fd, a, n))
FAULT_PASS(int, listen, (int fd, int backlog), (fd, backlog))
FAULT_PASS(int, connect, (int fd, const struct sockaddr_un *a, socklen_t n), (fd, a, n))
FAULT_PASS(int, shutdown, (int fd, int how), (fd, how))
FAULT_PASS(int, getsockopt, (int fd, int option, void *v, socklen_t *n), (fd, option, v, n))
FAULT_PASS(int, setsockopt, (int fd, int option, const void *v, socklen_t n), (fd, option, v, n))
FAULT_PASS(int, peer_pidfd, (int fd), (fd))
FAULT_PASS(int, epoll_create, (void), ())
FAULT_PASS(int, eventfd, (void), ())
FAULT_PASS(int, eventfd_add, (int fd), (fd))
FAULT_PASS(int, poll, (int fd, uint32_t events), (fd, events))
FAULT_PASS(int, inotify, (void), ())
FAULT_PASS(int, inotify_add, (int fd, const char *path, uint32_t mask), (fd, path, mask))
FAULT_PASS(int, inotify_remove, (int fd, int watch), (fd, watch))
FAULT_PASS(int, raise, (int sig), (sig))
FAULT_PASS(int, sigaction, (int sig, const struct sigaction *action, struct sigaction *before),
	   (sig, action, before))
FAULT_PASS(int, pidfd_open, (pid_t pid), (pid))
FAULT_PASS(int, pidfd_signal, (int pidfd, int sig), (pidfd, sig))
FAULT_PASS(int, waitid_pidfd, (int pidfd, int *how, int *status), (pidfd, how, status))
FAULT_PASS(int, waitid_probe, (int pidfd), (pidfd))
int sys_cpus(pid_t pid)
{
	int error = fault_enter(FAULT_cpus);

	if (error)
		return -error;
	return fault.cpus ? fault.cpus : real_cpus(pid);
}

FAULT_PASS(pid_t, getpid, (void), ())
FAULT_PASS(int, openat, (int dir, const char *path, int flags, mode_t mode),
	   (dir, path, flags, mode))
FAULT_PASS(int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
FAULT_PASS(int, fstat, (int fd, struct stat *ret), (fd, ret))
FAULT_PASS(int, fstatat, (int dir, const char *path, struct stat *ret, int flags),
	   (dir, path, ret, flags))
FAULT_PASS(int, fchmod, (int fd, mode_t mode), (fd, mode))
FAULT_PASS(int, fchmodat, (int dir, const char *path, mode_t mode), (dir, path, mode))
FAULT_PASS(int, fchownat, (int dir, const char *path, uid_t uid, gid_t gid, int flags),
	   (dir, path, uid, gid, flags))
FAULT_PASS(int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
FAULT_PASS(int, renameat, (int dir, const char *from, const char *to), (dir, from, to))
FAULT_PASS(int, renameat_noreplace, (int dir, const char *from, const char *to), (dir, from, to))
FAULT_PASS(ssize_t, getcwd, (char *buf, size_t n), (buf, n))
FAULT_PASS(int, getdents, (int fd, int (*fn)(const char *name, void *data), void *data),
	   (fd, fn, data))

/* As on a kernel that has extended attributes of sockets, which this one hardly is. */
int sys_fsetxattr(int fd, const char *name, const void *value, size_t n)
{
	(void)fd, (void)name, (void)value, (void)n;
	return -fault_enter(FAULT_fsetxattr);
}

int sys_lsetxattr(const char *path, const char *name, const void *value, size_t n)
{
	(void)path, (void)name, (void)value, (void)n;
	return -fault_enter(FAULT_lsetxattr);
}

uid_t sys_geteuid(void)
{
	fault_enter(FAULT_geteuid);
	return fault.euid == (uid_t)-1 ? real_geteuid() : fault.euid;
}

gid_t sys_getegid(void)
{
	fault_enter(FAULT_getegid);
	return real_getegid();
}

/* What is registered can always be taken out; the library relies on it, since it then gives the memory back. */
int sys_epoll_ctl(int epoll, int op, int fd, uint32_t events, void *ptr)
{
	struct fault_site *site = fault_here;
	int error = 0;

	if (op == EPOLL_CTL_DEL) {
		fault_here = NULL;
		fault_note(FAULT_epoll_ctl, site);
	} else {
		error = fault_enter(FAULT_epoll_ctl);
	}
	if (!error)
		error = -real_epoll_ctl(epoll, op, fd, events, ptr);
	if (!error)
		fault_watching(epoll, op, fd);
	return -error;
}

int sys_accept(int fd)
{
	int error = fault_enter(FAULT_accept);

	if (error)
		return -error;
	if (fault.told && !(fcntl(fd, F_GETFL) & O_NONBLOCK))
		fault_tell(FAULT_accept, "a listener blocks");
	return real_accept(fd);
}

int sys_flock(int fd, int operation)
{
	int error = fault_enter(FAULT_flock);

	if (error)
		return -error;
	if (!(operation & (LOCK_NB | LOCK_UN)))
		fault_tell(FAULT_flock, "a lock is waited for");
	return real_flock(fd, operation);
}

int sys_close(int fd)
{
	struct fault_timer *t = fault.fake && fd >= 0 ? fault_timer_find(fd) : NULL;

	__atomic_store_n(&fault_closes_fd, fd, __ATOMIC_RELAXED);
	fault_enter(FAULT_close);
	fault_closing(fd);
	if (t)
		t->fd = -1;
	return real_close(fd);
}

/* ---- bytes: they can fall short ---- */

ssize_t sys_read(int fd, void *buf, size_t n)
{
	int error = fault_enter(FAULT_read);
	ssize_t r;

	if (error && error != FAULT_SHORT)
		return -error;
	r = real_read(fd, buf, n);
	/* Of a file; what an eventfd or inotify has to say comes whole. */
	if (error == FAULT_SHORT && r > 1 && lseek(fd, -1, SEEK_CUR) >= 0)
		r--;
	return r;
}

ssize_t sys_write(int fd, const void *buf, size_t n)
{
	int error = fault_enter(FAULT_write);

	if (error && error != FAULT_SHORT)
		return -error;
	return real_write(fd, buf, error == FAULT_SHORT && n > 8 ? n - 1 : n);
}

ssize_t sys_recv(int fd, void *buf, size_t n)
{
	int error = fault_enter(FAULT_recv), waiting = 0;

	if (error && error != FAULT_SHORT)
		return -error;
	if (error == FAULT_SHORT && ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 1 && n > 1)
		n = (n < (size_t)waiting ? n : (size_t)waiting) - 1;
	return real_recv(fd, buf, n);
}

ssize_t sys_recvmsg(int fd, struct msghdr *msg)
{
	int error = fault_enter(FAULT_recvmsg), waiting = 0;
	size_t n = msg->msg_iov->iov_len;

	if (error && error != FAULT_SHORT)
		return -error;
	if (error == FAULT_SHORT && ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 1 && n > 1)
		msg->msg_iov->iov_len = (n < (size_t)waiting ? n : (size_t)waiting) - 1;
	return real_recvmsg(fd, msg);
}

ssize_t sys_send(int fd, const void *buf, size_t n)
{
	int error = fault_enter(FAULT_send);

	if (error && error != FAULT_SHORT)
		return -error;
	return real_send(fd, buf, error == FAULT_SHORT && n > 1 ? n - 1 : n);
}

ssize_t sys_sendmsg(int fd, const struct msghdr *msg)
{
	int error = fault_enter(FAULT_sendmsg);
	struct iovec iov[64];
	struct msghdr copy = *msg;

	if (error && error != FAULT_SHORT)
		return -error;
	if (error == FAULT_SHORT && msg->msg_iovlen > 0 && msg->msg_iovlen <= 64) {
		memcpy(iov, msg->msg_iov, msg->msg_iovlen * sizeof *iov);
		iov[msg->msg_iovlen - 1].iov_len--;
		copy.msg_iov = iov;
	}
	return real_sendmsg(fd, &copy);
}

/* ---- time ---- */

int sys_timerfd(void)
{
	int error = fault_enter(FAULT_timerfd), fd;
	struct fault_timer *t;

	if (error)
		return -error;
	if (!fault.fake)
		return real_timerfd();
	t = fault_timer_find(-1);
	fd = real_eventfd();
	if (!t)
		abort();
	if (fd >= 0)
		*t = (struct fault_timer){ .fd = fd, .at_ns = INT64_MAX };
	return fd;
}

int sys_timerfd_set(int fd, int64_t at_ns)
{
	int error = fault_enter(FAULT_timerfd_set);
	struct fault_timer *t;

	if (error)
		return -error;
	if (!fault.fake)
		return real_timerfd_set(fd, at_ns);
	t = fault_timer_find(fd);
	if (!t)
		return -EINVAL;
	t->at_ns = at_ns;
	fault_timer_update(t);
	return 0;
}

int sys_epoll_wait(int epoll, struct epoll_event *events, int n, int timeout_ms)
{
	int error = fault_enter(FAULT_epoll_wait);

	if (error)
		return -error;
	if (timeout_ms != 0)
		fault_tell(FAULT_epoll_wait, "the loop waits");
	return fault.fake ? fault_wait(epoll, events, n, timeout_ms)
			  : real_epoll_wait(epoll, events, n, timeout_ms);
}

int64_t sys_now(void)
{
	fault_enter(FAULT_now);
	return fault.fake ? fault.now_ns : real_now();
}

int64_t sys_realtime(void)
{
	fault_enter(FAULT_realtime);
	return real_realtime();
}

void sys_sleep(int64_t ns)
{
	fault_enter(FAULT_sleep);
	fault_tell(FAULT_sleep, "the library sleeps");
	if (!fault.fake) {
		real_sleep(ns);
		return;
	}
	fault_clock_advance(ns);
	sched_yield();
}

void sys_random(void *buf, size_t n)
{
	fault_enter(FAULT_random);
	if (!fault.fake) {
		real_random(buf, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		fault.random ^= fault.random << 13;
		fault.random ^= fault.random >> 7;
		fault.random ^= fault.random << 17;
		((unsigned char *)buf)[i] = (unsigned char)fault.random;
	}
}

/* ---- memory ---- */

void *sys_alloc(size_t n)
{
	void *p = fault_enter(FAULT_alloc) ? NULL : real_alloc(n);

	fault_count_memory(p != NULL);
	return p;
}

void *sys_realloc(void *p, size_t n)
{
	void *q = fault_enter(FAULT_realloc) ? NULL : real_realloc(p, n);

	fault_count_memory(!p && q);
	return q;
}

void sys_free(void *p)
{
	fault_enter(FAULT_free);
	fault_count_memory(-(p != NULL));
	real_free(p);
}
