/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: hand-written code for this kernel, and nothing else. It frames nothing, bounds nothing and has no
 * deadlines.
 *
 * A message costs each end three system calls: epoll_wait, recv, send. epoll is level-triggered, so a short read is
 * known to be the last one and no recv is spent on EAGAIN. O_NONBLOCK is not needed, since MSG_DONTWAIT has the same
 * effect per call. EPOLLOUT is requested only after EAGAIN. With --spin there is no epoll either: recv alone, again
 * and again.
 *
 * Its client is also the generator of the open-loop load for the servers of all others, so that nothing but the server
 * differs there.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { RAW_EVENTS = 64, RAW_LISTENER = -1 };

struct raw_link {
	int fd;
	uint32_t events; /* what epoll waits for */
	struct bench_rest rest;
};

struct raw {
	struct bench *bench;
	struct raw_link *links;
	int epoll;
	int listener;
	unsigned char in[BENCH_READ];
	unsigned char out[BENCH_OUT];
};

const char *const peer_name = "raw";

const char *peer_version(void)
{
	return "";
}

static void raw_watch(struct raw *r, size_t i, uint32_t events)
{
	struct raw_link *l = &r->links[i];
	struct epoll_event event = { .events = events, .data.u64 = i };

	if (l->events != events &&
	    epoll_ctl(r->epoll, l->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, l->fd, &event) < 0)
		bench_die("epoll_ctl", errno);
	l->events = events;
}

/* A short send is continued when there is room again; nothing is read until then. */
static size_t raw_send_some(int fd, const unsigned char *bytes, size_t n)
{
	size_t done = 0;
	ssize_t sent;

	while (done < n) {
		sent = send(fd, bytes + done, n - done, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent >= 0)
			done += (size_t)sent;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			bench_die("send", errno);
	}
	return done;
}

static void raw_send(struct raw *r, size_t i, const unsigned char *bytes, size_t n)
{
	struct raw_link *l = &r->links[i];
	size_t sent = raw_send_some(l->fd, bytes, n);

	if (sent == n)
		return;
	bench_rest_keep(r->bench, &l->rest, bytes + sent, n - sent);
	/* A client has to read on: the server reads no more until it has. */
	if (!r->bench->spin_ns)
		raw_watch(r, i, r->bench->server ? EPOLLOUT : EPOLLIN | EPOLLOUT);
}

static void raw_pump(struct bench *b, size_t i)
{
	struct raw *r = b->peer;
	size_t n;

	while (!r->links[i].rest.n && (n = bench_out(b, i, r->out, b->room)))
		raw_send(r, i, r->out, n);
}

static void raw_drain(struct raw *r, size_t i)
{
	struct raw_link *l = &r->links[i];

	if (!bench_rest_sent(&l->rest, raw_send_some(l->fd, l->rest.bytes + l->rest.at,
						     l->rest.n - l->rest.at)))
		return;
	if (!r->bench->spin_ns)
		raw_watch(r, i, EPOLLIN);
	if (!r->bench->server)
		raw_pump(r->bench, i);
}

static void raw_close(struct bench *b, size_t i)
{
	struct raw *r = b->peer;

	close(r->links[i].fd);
	r->links[i] = (struct raw_link){ .fd = -1 };
}

/* A peer that has work to do, as far as the other end can see; it sleeps, because the CPU may be that of the client. */
static void raw_delay(const struct bench *b)
{
	struct timespec delay = { .tv_nsec = b->delay_ns };

	if (b->delay_ns)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &delay, NULL);
}

static void raw_serve(struct raw *r, size_t i, size_t n)
{
	struct bench *b = r->bench;

	switch (bench_receive(b, r->in, n)) {
	case BENCH_ECHO:
		raw_delay(b);
		raw_send(r, i, r->in, n);
		break;
	case BENCH_SUM:
		raw_send(r, i, b->answer, sizeof(b->answer));
		break;
	case BENCH_EVENT:
		for (size_t k = 0; k < b->connections; k++)
			raw_send(r, k, b->event, b->size);
		break;
	}
}

static void raw_read(struct raw *r, size_t i)
{
	struct bench *b = r->bench;
	struct raw_link *l = &r->links[i];
	ssize_t n;

	do {
		n = recv(l->fd, r->in, sizeof(r->in), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			bench_die("recv", errno);
		if (!n && !b->server)
			bench_die("the server left too early", 0);
		if (!n) {
			raw_close(b, i);
			bench_gone(b);
			return;
		}
		if (b->server)
			raw_serve(r, i, (size_t)n);
		else if (bench_in(b, i, r->in, (size_t)n))
			raw_pump(b, i);
	} while (n == (ssize_t)sizeof(r->in) && !b->stopped && !(b->server && l->rest.n));
}

static void raw_address(const struct bench *b, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(b->path) >= sizeof(address->sun_path))
		bench_die(b->path, ENAMETOOLONG);
	strcpy(address->sun_path, b->path);
}

static int raw_socket(const struct bench *b)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), size = (int)b->sndbuf;

	if (fd < 0)
		bench_die("socket", errno);
	if (size && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0)
		bench_die("SO_SNDBUF", errno);
	return fd;
}

static void raw_open(struct bench *b, size_t i)
{
	struct raw *r = b->peer;
	struct sockaddr_un address;

	raw_address(b, &address);
	r->links[i].fd = raw_socket(b);
	if (connect(r->links[i].fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		bench_die("connect", errno);
	if (!b->spin_ns)
		raw_watch(r, i, EPOLLIN);
	raw_pump(b, i);
}

/* A place of the table is free: there are as many as the client has links, and it makes a new one after the old one's
   end, which may not have been read here yet. */
static void raw_accept(struct raw *r)
{
	size_t i = 0;
	/* postern-review: ignore E7 a figure with fewer connections than asked for would be wrong: it has to end */
	int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		bench_die("accept4", errno);
	if (r->bench->work != BENCH_WORK_CONNECT)
		i = r->bench->peers;
	while (r->links[i].fd >= 0)
		i++;
	r->links[i].fd = fd;
	bench_joined(r->bench);
	if (!r->bench->spin_ns)
		raw_watch(r, i, EPOLLIN);
}

static void raw_listen(struct raw *r)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = (uint64_t)RAW_LISTENER };
	struct sockaddr_un address;

	raw_address(r->bench, &address);
	r->listener = raw_socket(r->bench);
	if (bind(r->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(r->listener, BENCH_BACKLOG) < 0 ||
	    epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->listener, &event) < 0)
		bench_die(r->bench->path, errno);
	bench_ready(r->bench);
}

static void raw_turn(struct raw *r, const struct timespec *timeout)
{
	struct epoll_event events[RAW_EVENTS];
	/* Without a timeout the plain call, which programs use. */
	int n = timeout ? epoll_pwait2(r->epoll, events, RAW_EVENTS, timeout, NULL)
			: epoll_wait(r->epoll, events, RAW_EVENTS, -1);

	if (n < 0 && errno != EINTR)
		bench_die("epoll_wait", errno);
	for (int k = 0; k < n && !r->bench->stopped; k++) {
		size_t i = (size_t)events[k].data.u64;

		if (i == (size_t)RAW_LISTENER) {
			raw_accept(r);
			continue;
		}
		if (events[k].events & EPOLLOUT)
			raw_drain(r, i);
		if (events[k].events & ~(uint32_t)EPOLLOUT && !r->bench->stopped)
			raw_read(r, i);
	}
}

static void raw_spin(struct raw *r)
{
	if (r->bench->server)
		raw_accept(r);
	while (!r->bench->stopped) {
		if (r->links[0].rest.n)
			raw_drain(r, 0);
		raw_read(r, 0);
	}
}

/* Sends what is due, each message with its own call as independent clients would, and waits for the next time or for
 * answers. */
static void raw_load(struct raw *r)
{
	struct bench *b = r->bench;
	struct timespec wait;
	int64_t passed, left;

	prctl(PR_SET_TIMERSLACK, 1);
	while (!b->stopped) {
		if (!b->started || b->claimed == b->total) {
			raw_turn(r, NULL);
			continue;
		}
		passed = bench_now() - b->start_ns;
		b->due = (uint64_t)(passed / b->period_ns) + 1;
		if (b->due > b->total)
			b->due = b->total;
		while (b->claimed < b->due && !r->links[b->claimed % b->connections].rest.n)
			raw_pump(b, b->claimed % b->connections);
		left = (int64_t)b->due * b->period_ns - (bench_now() - b->start_ns);
		if (left < 0 || b->due == b->total)
			left = 0;
		wait = (struct timespec){ .tv_sec = left / 1000000000,
					  .tv_nsec = left % 1000000000 };
		raw_turn(r, &wait);
	}
}

void peer_run(struct bench *b)
{
	static const struct bench_ops ops = { .open = raw_open,
					      .pump = raw_pump,
					      .close = raw_close };
	struct raw *r = calloc(1, sizeof(*r));
	/* One more than the client has: the next may come before the end of the last was read. */
	size_t places = b->connections + BENCH_BACKLOG;

	if (!r || !(r->links = calloc(places, sizeof(*r->links))))
		bench_die("calloc", ENOMEM);
	for (size_t i = 0; i < places; i++)
		r->links[i].fd = -1;
	r->bench = b;
	b->peer = r;
	b->ops = &ops;
	r->listener = -1;
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r->epoll < 0)
		bench_die("epoll_create1", errno);
	if (b->server)
		raw_listen(r);
	else
		bench_open(b);
	if (b->spin_ns)
		raw_spin(r);
	else if (b->work == BENCH_WORK_LOAD && !b->server)
		raw_load(r);
	while (!b->stopped)
		raw_turn(r, NULL);
	for (size_t i = 0; i < places; i++)
		if (r->links[i].fd >= 0)
			close(r->links[i].fd);
	close(r->epoll);
	if (r->listener >= 0) {
		close(r->listener);
		unlink(b->path);
	}
	free(r->links);
	free(r);
}
