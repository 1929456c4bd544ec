/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server over two loops would pay for what they share, on two CPUs: figures for docs/ARCHITECTURE.md.
 *
 *   count    one atomic counter for both threads; one for each on a line of its own; a plain one for each
 *   accept   connects a second, with a listener in one epoll, and in two with EPOLLEXCLUSIVE
 *   hand     the way of an accepted descriptor to the other loop: a queue with an eventfd, or SCM_RIGHTS over a socket
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { COUNTS = 20 * 1000 * 1000, CONNECTS = 40000, HANDED = 20000, LINE = 128 };

static struct {
	alignas(LINE) atomic_ullong n;
} counters[2];
static struct {
	alignas(LINE) volatile unsigned long long n;
} plain[2];

struct side {
	int cpu, kind, fd, epoll;
	unsigned got;
	pthread_t thread;
};

static __attribute__((noreturn)) void cores_die(const char *what, int error)
{
	fprintf(stderr, "bench-cores: %s%s%s\n", what, error ? ": " : "",
		error ? strerror(error) : "");
	exit(EXIT_FAILURE);
}

static int64_t cores_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void cores_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		cores_die("two CPUs are needed", errno);
}

static void cores_start(struct side *s, void *(*run)(void *))
{
	if (pthread_create(&s->thread, NULL, run, s) != 0)
		cores_die("pthread_create", 0);
}

/* ---- counters ---- */

enum { COUNT_SHARED, COUNT_APART, COUNT_PLAIN, COUNT_KINDS };

static void *count_run(void *data)
{
	const struct side *s = data;
	atomic_ullong *mine = &counters[s->kind == COUNT_SHARED ? 0 : s->cpu].n;

	cores_pin(s->cpu);
	for (int i = 0; i < COUNTS; i++)
		if (s->kind == COUNT_PLAIN)
			plain[s->cpu].n++;
		else
			atomic_fetch_add(mine, 1);
	return NULL;
}

static void count(void)
{
	static const char *const names[] = { "one atomic counter", "an atomic one for each",
					     "a plain one for each" };

	for (int kind = 0; kind < COUNT_KINDS; kind++) {
		struct side sides[2] = { { .cpu = 0, .kind = kind }, { .cpu = 1, .kind = kind } };
		int64_t begin = cores_now();

		for (int i = 0; i < 2; i++)
			cores_start(&sides[i], count_run);
		for (int i = 0; i < 2; i++)
			pthread_join(sides[i].thread, NULL);
		printf("count   %-32s %8.2f ns\n", names[kind],
		       (double)(cores_now() - begin) / COUNTS);
	}
}

/* ---- accepting ---- */

static atomic_bool cores_over;

static const struct sockaddr_un cores_address = { .sun_family = AF_UNIX,
						  .sun_path = "\0postern-bench-cores" };

static void *accept_run(void *data)
{
	struct side *s = data;
	struct epoll_event event;
	int fd;

	cores_pin(s->cpu);
	/* The end is a shutdown of the listener, of which an exclusive waiter is not always told. */
	while (!atomic_load(&cores_over)) {
		if (epoll_wait(s->epoll, &event, 1, 50) < 1)
			continue;
		fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && errno == EAGAIN)
			continue;
		if (fd < 0)
			break;
		s->got++;
		close(fd);
	}
	return NULL;
}

/* The client is on the second CPU, beside the second loop. */
static void accept_with(int loops, unsigned flags, const char *name)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct epoll_event event = { .events = EPOLLIN | flags };
	struct side sides[2] = { { .cpu = 0 }, { .cpu = 1 } };
	int64_t begin;

	atomic_store(&cores_over, false);
	if (listener < 0 ||
	    bind(listener, (const struct sockaddr *)&cores_address, sizeof(cores_address)) < 0 ||
	    listen(listener, 128) < 0)
		cores_die("listen", errno);
	for (int i = 0; i < loops; i++) {
		sides[i].fd = listener;
		sides[i].epoll = epoll_create1(EPOLL_CLOEXEC);
		if (epoll_ctl(sides[i].epoll, EPOLL_CTL_ADD, listener, &event) < 0)
			cores_die("epoll_ctl", errno);
		cores_start(&sides[i], accept_run);
	}
	cores_pin(1);
	begin = cores_now();
	for (int i = 0; i < CONNECTS; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0)
			cores_die("socket", errno);
		if (connect(fd, (const struct sockaddr *)&cores_address, sizeof(cores_address)) < 0)
			cores_die("connect", errno);
		close(fd);
	}
	printf("accept  %-32s %8.2f us a connect; accepted by each: %u %u\n", name,
	       (double)(cores_now() - begin) / 1e3 / CONNECTS, sides[0].got, sides[1].got);
	atomic_store(&cores_over, true);
	shutdown(listener, SHUT_RDWR);
	for (int i = 0; i < loops; i++) {
		pthread_join(sides[i].thread, NULL);
		close(sides[i].epoll);
	}
	close(listener);
}

/* ---- handing over ---- */

static struct {
	pthread_mutex_t mutex;
	int fds[HANDED];
	unsigned begin, end;
	int event;
	int sv[2];
	alignas(LINE) atomic_uint done; /* so that one is on its way at a time */
} hand = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static int hand_receive(void)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(hand.sv[1], &msg, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static void hand_send(int fd)
{
	union {
		struct cmsghdr h;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .h = { .cmsg_len = CMSG_LEN(sizeof(int)),
			     .cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_RIGHTS } };
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
	if (sendmsg(hand.sv[0], &msg, 0) != 1)
		cores_die("sendmsg", errno);
	close(fd);
}

static void hand_push(int fd)
{
	uint64_t one = 1;
	bool empty;

	pthread_mutex_lock(&hand.mutex);
	empty = hand.begin == hand.end;
	hand.fds[hand.end++] = fd;
	pthread_mutex_unlock(&hand.mutex);
	if (empty && write(hand.event, &one, sizeof(one)) < 0)
		cores_die("write", errno);
}

static int hand_pop(void)
{
	int fd = -1;

	pthread_mutex_lock(&hand.mutex);
	if (hand.begin < hand.end)
		fd = hand.fds[hand.begin++];
	pthread_mutex_unlock(&hand.mutex);
	return fd;
}

static void *hand_run(void *data)
{
	struct side *s = data;
	struct epoll_event event;
	uint64_t count;
	int fd;

	cores_pin(s->cpu);
	while (s->got < HANDED) {
		epoll_wait(s->epoll, &event, 1, -1);
		if (!s->kind)
			(void)!read(hand.event, &count, sizeof(count));
		while (s->got < HANDED && (fd = s->kind ? hand_receive() : hand_pop()) >= 0) {
			close(fd);
			s->got++;
			atomic_store(&hand.done, s->got);
			if (s->kind)
				break;
		}
	}
	return NULL;
}

static void hand_with(int kind, bool one, const char *name)
{
	struct side s = { .cpu = 1, .kind = kind };
	struct epoll_event event = { .events = EPOLLIN };
	int64_t begin;

	hand.begin = hand.end = 0;
	atomic_store(&hand.done, 0);
	hand.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, hand.sv) < 0 ||
	    epoll_ctl(s.epoll, EPOLL_CTL_ADD, kind ? hand.sv[1] : hand.event, &event) < 0)
		cores_die("epoll_ctl", errno);
	cores_pin(0);
	cores_start(&s, hand_run);
	begin = cores_now();
	for (unsigned i = 0; i < HANDED; i++) {
		int fd = dup(hand.sv[0]);

		(kind ? hand_send : hand_push)(fd);
		while (atomic_load(&hand.done) + (one ? 0 : 64) <= i)
			;
	}
	pthread_join(s.thread, NULL);
	printf("hand    %-32s %8.2f us\n", name, (double)(cores_now() - begin) / 1e3 / HANDED);
	close(s.epoll);
	close(hand.event);
	close(hand.sv[0]);
	close(hand.sv[1]);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	count();
	accept_with(1, 0, "one loop");
	accept_with(2, EPOLLEXCLUSIVE, "two loops, EPOLLEXCLUSIVE");
	accept_with(2, 0, "two loops");
	hand_with(0, true, "queue and eventfd, one at a time");
	hand_with(1, true, "SCM_RIGHTS, one at a time");
	hand_with(0, false, "queue and eventfd, 64 waiting");
	hand_with(1, false, "SCM_RIGHTS, 64 waiting");
	return 0;
}
