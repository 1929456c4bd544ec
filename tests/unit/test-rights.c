/* SPDX-License-Identifier: Apache-2.0 */
/* test-rights.c - descriptors that a peer passes unasked: closed, at once, and counted */
#include "link/socket.h"
#include "pair.h"
#include "server/server.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINGER = 30 };

/* A TCP socket that lingers: its peer reads nothing, and it has unsent data, *ret_sent in all. The other end is *ret_peer. */
static int lingering(int *ret_peer, size_t *ret_sent)
{
	static char block[1 << 20];
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct linger linger = { 1, LINGER };
	socklen_t n = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t r;

	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &n), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	*ret_peer = accept(listener, NULL, NULL);
	close(listener);
	*ret_sent = 0;
	while ((r = send(fd, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		*ret_sent += (size_t)r;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	return fd;
}

/* Up to the end; a reset would be an error. */
static size_t read_all(int fd)
{
	static char block[1 << 20];
	size_t n = 0;
	ssize_t r;

	while ((r = recv(fd, block, sizeof(block), 0)) > 0)
		n += (size_t)r;
	assert_int_equal(r, 0);
	return n;
}

/* Passes n copies of the descriptor with one byte, and keeps none. */
static void pass(int to, int fd, size_t n)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(253 * sizeof(int))];
	} control = { 0 };
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(n * sizeof(int));
	for (size_t i = 0; i < n; i++)
		memcpy(CMSG_DATA(h) + i * sizeof(int), &fd, sizeof(int));
	assert_int_equal(sendmsg(to, &msg, MSG_NOSIGNAL), 1);
}

/* And what it had to send still arrives: it is closed, not reset. */
static void a_lingering_socket_that_is_passed_does_not_stop_the_loop(void **state)
{
	(void)state;
	/* As its bytes are received, as they are dropped while closing, and with those that are left at a free. */
	for (int how = 0; how < 3; how++) {
		struct pair p;
		int fd, other;
		int64_t begun, took;
		size_t sent;

		pair_open(&p, NULL);
		fd = lingering(&other, &sent);
		pass(p.peer, fd, 1);
		close(fd);
		begun = test_now_ns();
		if (how == 1)
			assert_ok(postern_conn_close(p.c));
		if (how < 2)
			turn_quiet(p.loop);
		else
			p.c = postern_conn_free(p.c);
		took = test_now_ns() - begun;
		test_note("%.1f ms of %d s", (double)took / 1e6, LINGER);
		assert_true(took < POSTERN_SECONDS(LINGER) / 5);
		if (how == 0)
			assert_end_has(&p.end, "x");
		assert_int_equal(read_all(other), sent);
		close(other);
		pair_close(&p);
	}
}

/* One that is refused had time to pass descriptors before it was accepted. */
static void a_lingering_socket_of_a_peer_that_is_refused_does_not_stop_the_loop(void **state)
{
	const struct postern_server_options o = { .size = sizeof o, .connections_per_uid = 1 };
	struct site s = { 0 };
	int first, second, fd, other;
	int64_t begun, took;
	size_t sent;

	(void)state;
	site_open(&s, test_path("rights"), &o);
	/* As a service does whose methods take descriptors. */
	s.server->owner.refuses_rights = false;
	link_set_rights(s.server->owner.listener, true);
	first = plain_connect(test_path("rights"));
	turn_until(s.loop, s.accepted == 1);
	second = plain_connect(test_path("rights"));
	assert_true(first >= 0 && second >= 0);
	fd = lingering(&other, &sent);
	pass(second, fd, 1);
	close(fd);
	begun = test_now_ns();
	turn_until(s.loop, site_counters(&s).refused == 1);
	took = test_now_ns() - begun;
	test_note("%.1f ms of %d s", (double)took / 1e6, LINGER);
	assert_true(took < POSTERN_SECONDS(LINGER) / 5);
	assert_int_equal(read_all(other), sent);
	close(other);
	close(first);
	close(second);
	site_close(&s);
}

/* test_run() counts descriptors. */
static void as_many_as_the_kernel_passes_at_once_are_closed(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	for (int i = 0; i < 3; i++) {
		pass(p.peer, p.peer, 253);
		pass(p.peer, p.peer, 1);
	}
	turn_quiet(p.loop);
	assert_end_has(&p.end, "xxxxxx");
	pair_close(&p);
}

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

static void a_pidfd_that_comes_with_each_message_is_closed(void **state)
{
	const int on = 1;
	struct pair p;
	int fds;

	(void)state;
	pair_open(&p, NULL);
	if (setsockopt(postern_conn_fd(p.c), SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on)) < 0) {
		pair_close(&p);
		test_skip("this kernel has no SO_PASSPIDFD");
	}
	turn_quiet(p.loop);
	fds = test_fd_count();
	for (int i = 0; i < 20; i++) {
		pair_send(&p, "x", 1);
		turn_quiet(p.loop);
	}
	assert_int_equal(p.end.n, 20);
	assert_int_equal(test_fd_count(), fds);
	/* Those that are dropped while it closes, and those that are left at its end. */
	assert_ok(postern_conn_close(p.c));
	pair_send(&p, "y", 1);
	turn_quiet(p.loop);
	pair_close(&p);
}

/* Dialled and accepted ones refuse descriptors where the kernel can; not for who has the socket afterwards. */
static void a_socket_that_leaves_admits_descriptors(void **state)
{
	struct postern_conn *c;
	struct site s;
	struct end e;
	int fd, other;

	(void)state;
	site_open(&s, "clock", NULL);
	end_init(&e);
	assert_ok(postern_connect(&c, s.loop, "clock", NULL, &end_events, &e));
	turn_until(s.loop, s.accepted == 1);
	turn_quiet(s.loop);
	other = postern_conn_detach(s.conns[0]);
	assert_true(other >= 0);
	fd = postern_conn_detach(c);
	assert_true(fd >= 0);
	pass(fd, fd, 1);
	pass(other, fd, 1);
	close(fd);
	close(other);
	postern_conn_free(c);
	end_deinit(&e);
	site_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_lingering_socket_of_a_peer_that_is_refused_does_not_stop_the_loop),
		TEST(a_lingering_socket_that_is_passed_does_not_stop_the_loop),
		TEST(as_many_as_the_kernel_passes_at_once_are_closed),
		TEST(a_pidfd_that_comes_with_each_message_is_closed),
		TEST(a_socket_that_leaves_admits_descriptors),
	};
	return test_run(tests);
}
