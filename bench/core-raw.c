/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The baseline: hand-written code for this kernel, and nothing else.
 *
 * A message costs each end three system calls: epoll_wait, recv, send. epoll is level-triggered, so a
 * short read is known to be the last one and no recv is spent on EAGAIN. O_NONBLOCK is not
 * needed, since MSG_DONTWAIT has the same effect per call. EPOLLOUT is requested only after EAGAIN.
 *
 * A send that returns EAGAIN waits here, inside raw_send, and not in the event loop: the same system calls,
 * and no state to keep. That is not how to write a server with a second client; it makes the floor
 * lower, if anything.
 *
 * With --spin there is no epoll at all: recv and send are repeated until they succeed.
 */
#include "bench.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct raw {
	struct bench bench;
	int fd;
	int epoll;
	uint32_t events; /* what epoll waits for */
	unsigned char in[BENCH_READ];
	unsigned char out[BENCH_BATCH_MAX * BENCH_SIZE];
};

static void raw_wait(struct raw *r, uint32_t events)
{
	struct epoll_event event = { .events = events };
	int op = r->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (r->bench.spin_ns)
		return;
	if (r->events != events && epoll_ctl(r->epoll, op, r->fd, &event) < 0)
		bench_die("epoll_ctl", errno);
	r->events = events;
	if (epoll_wait(r->epoll, &event, 1, -1) < 0 && errno != EINTR)
		bench_die("epoll_wait", errno);
}

static void raw_send(struct raw *r, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	while (n) {
		ssize_t sent = send(r->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent >= 0) {
			p += sent;
			n -= (size_t)sent;
		} else if (errno == EAGAIN) {
			raw_wait(r, EPOLLOUT);
		} else if (errno != EINTR) {
			bench_die("send", errno);
		}
	}
}

/* The result of the one read per wake-up; 0 at the end of the stream. */
static size_t raw_receive(struct raw *r)
{
	ssize_t n;

	for (;;) {
		n = recv(r->fd, r->in, sizeof(r->in), MSG_DONTWAIT);
		if (n >= 0)
			return (size_t)n;
		if (errno != EAGAIN && errno != EINTR)
			bench_die("recv", errno);
		raw_wait(r, EPOLLIN);
	}
}

static void raw_delay(const struct bench *b)
{
	const struct timespec delay = { .tv_nsec = b->delay_ns };

	if (b->delay_ns)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &delay, NULL);
}

static void raw_serve(struct raw *r)
{
	struct bench *b = &r->bench;
	bool answer;
	size_t n;

	for (;;) {
		raw_wait(r, EPOLLIN);
		do {
			n = raw_receive(r);
			if (!n)
				return;
			answer = bench_receive(b, r->in, n);
			if (!b->stream) {
				raw_delay(b);
				raw_send(r, r->in, n);
			} else if (answer) {
				bench_fill_sum(b);
				raw_send(r, b->message, BENCH_SIZE);
			}
		} while (n == sizeof(r->in));
	}
}

static void raw_send_stream(struct raw *r)
{
	struct bench *b = &r->bench;
	uint64_t left;
	size_t n;

	while ((left = bench_left(b))) {
		for (n = 0; n < b->batch && n < left; n++) {
			bench_fill(b);
			memcpy(r->out + n * BENCH_SIZE, b->message, BENCH_SIZE);
		}
		raw_send(r, r->out, n * BENCH_SIZE);
	}
}

static void raw_request(struct raw *r)
{
	struct bench *b = &r->bench;
	bool replied;
	size_t n;

	do {
		if (b->stream) {
			raw_send_stream(r);
		} else {
			bench_fill(b);
			raw_send(r, b->message, BENCH_SIZE);
		}
		do {
			raw_wait(r, EPOLLIN);
			n = raw_receive(r);
			if (!n)
				bench_die("the server left too early", 0);
			replied = bench_reply(b, r->in, n);
		} while (!replied);
	} while (bench_next(b));
}

/* Accepts one client, or connects. */
static int raw_open(const struct bench *b)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client;

	if (fd < 0)
		bench_die("socket", errno);
	if (strlen(b->path) >= sizeof(address.sun_path))
		bench_die(b->path, ENAMETOOLONG);
	strcpy(address.sun_path, b->path);
	if (!b->server) {
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			bench_die("connect", errno);
		return fd;
	}
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
		bench_die(b->path, errno);
	bench_ready();
	client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	unlink(b->path);
	close(fd);
	return client;
}

int main(int argc, char **argv)
{
	static struct raw r;

	bench_init(&r.bench, "raw", "", argc, argv);
	r.fd = raw_open(&r.bench);
	r.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r.fd < 0 || r.epoll < 0)
		bench_die("accept or epoll_create1", errno);
	if (r.bench.server)
		raw_serve(&r);
	else
		raw_request(&r);
	bench_print(&r.bench);
	return 0;
}
