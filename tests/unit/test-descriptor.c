/* SPDX-License-Identifier: Apache-2.0 */
/* test-descriptor.c - descriptors that others have too: given up, shared, passed unasked */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/server.h"

/* ---- given up ---- */

/* As if the name had been taken away six times within the last minute. */
static void spend_republications(struct postern_server *s)
{
	for (size_t i = 0; i < sizeof(s->renewed_at_ns) / sizeof(*s->renewed_at_ns); i++)
		s->renewed_at_ns[i] = postern_now();
}

static void free_server(struct site *s, enum site_event event, struct postern_conn *c)
{
	(void)c;
	if (event == SITE_ERROR)
		s->server = postern_server_free(s->server);
}

/* The listener is closed, but a copy of it is somewhere, as in a child process that was not told. */
static void lose_a_name(struct site *s, int *ret_copy, int *ret_client)
{
	*ret_copy = dup(postern_server_fd(s->server));
	assert_ok(*ret_copy);
	spend_republications(s->server);
	assert_int_equal(link(test_path("clock/sock"), test_path("clock/other")), 0);
	assert_int_equal(unlink(test_path("clock/sock")), 0);
	turn_until(s->loop, s->errors[POSTERN_REASON_NAME_LOST]);
	/* It is in the backlog of the copy: the socket is readable. */
	*ret_client = plain_connect(test_path("clock/other"));
	assert_ok(*ret_client);
}

static void a_listener_that_was_given_up_is_not_heard_of_again(void **state)
{
	struct site s;
	int copy, client;

	(void)state;
	site_open(&s, "clock", NULL);
	lose_a_name(&s, &copy, &client);
	turn(s.loop, 0);
	assert_int_equal(turn(s.loop, 50), 0);
	assert_int_equal(turn(s.loop, 50), 0);
	assert_int_equal(s.accepted, 0);
	close(copy);
	close(client);
	site_close(&s);
}

static void nor_when_its_server_was_freed_in_the_event_that_told_so(void **state)
{
	struct site s;
	int copy, client;

	(void)state;
	site_open(&s, "clock", NULL);
	s.hook = free_server;
	lose_a_name(&s, &copy, &client);
	turn(s.loop, 0);
	assert_int_equal(turn(s.loop, 50), 0);
	close(copy);
	close(client);
	site_close(&s);
}

static void a_detached_socket_is_not_heard_of_again(void **state)
{
	struct pair p;
	int fd;

	(void)state;
	pair_open(&p, NULL);
	fd = postern_conn_detach(p.c);
	assert_ok(fd);
	assert_int_equal(send(p.peer, "hello", 5, MSG_NOSIGNAL), 5);
	assert_int_equal(turn(p.loop, 50), 0);
	p.c = postern_conn_free(p.c);
	assert_int_equal(turn(p.loop, 50), 0);
	close(fd);
	pair_close(&p);
}

/* ---- shared: a listener of somebody else's ---- */

static bool is_nonblocking(int fd)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

static void an_adopted_listener_is_made_non_blocking_for_all_that_share_it(void **state)
{
	int listener = plain_listen(test_path("given"), 16), copy = dup(listener), fd;
	char name[16];
	struct site s;

	(void)state;
	snprintf(name, sizeof(name), "fd:%d", listener);
	assert_false(is_nonblocking(copy));
	site_open(&s, name, NULL);
	assert_true(is_nonblocking(copy));
	fd = plain_connect(test_path("given"));
	site_echo(&s, fd);
	close(fd);
	site_close(&s);
	/* It stays so: who else would know what the others rely on by now? */
	assert_true(is_nonblocking(copy));
	close(copy);
	close(listener);
}

/* Both are woken by one client; the one that comes second must not wait for another. */
static void servers_that_share_a_listener_do_not_stop_each_other(void **state)
{
	int listener = plain_listen(test_path("given"), 16), fd;
	struct site one, two;
	char name[16];

	(void)state;
	snprintf(name, sizeof(name), "fd:%d", listener);
	site_open(&one, name, NULL);
	site_open(&two, name, NULL);
	for (unsigned i = 1; i <= 20; i++) {
		fd = plain_connect(test_path("given"));
		assert_ok(fd);
		turn(i % 2 ? one.loop : two.loop, 10);
		/* What the event of a moment ago would make it do. */
		accept_burst(i % 2 ? two.server : one.server);
		assert_int_equal(one.accepted + two.accepted, i);
		close(fd);
	}
	site_close(&one);
	site_close(&two);
	close(listener);
}

static void a_blocking_listener_whose_flags_are_to_be_kept_is_refused(void **state)
{
	const struct postern_server_options options = { .size = sizeof(options), .keep_flags = 1 };
	int listener = plain_listen(test_path("given"), 16), fd;
	struct postern_server *server = NULL;
	struct site s = { 0 };
	char name[16];

	(void)state;
	snprintf(name, sizeof(name), "fd:%d", listener);
	assert_ok(postern_loop_new(&s.loop));
	assert_errno(postern_server_new(&server, s.loop, name, &options, &site_events, &s),
		     -EINVAL);
	assert_null(server);
	assert_non_null(strstr(postern_why()->text, "blocking"));
	assert_false(is_nonblocking(listener));
	postern_loop_free(s.loop);
	/* One that is non-blocking is taken. */
	assert_ok(fcntl(listener, F_SETFL, O_NONBLOCK));
	site_open(&s, name, &options);
	fd = plain_connect(test_path("given"));
	site_echo(&s, fd);
	close(fd);
	site_close(&s);
	close(listener);
}

static void options_that_mean_nothing_are_refused(void **state)
{
	const struct postern_server_options options[] = {
		{ .size = sizeof(*options), .keep_flags = 2 },
		{ .size = sizeof(*options), .access = 01000 },
	};
	struct postern_server *server = NULL;
	struct postern_loop *loop;

	(void)state;
	assert_ok(postern_loop_new(&loop));
	for (int i = 0; i < 2; i++)
		assert_errno(
			postern_server_new(&server, loop, "clock", &options[i], &site_events, NULL),
			-EINVAL);
	postern_loop_free(loop);
}

/* ---- passed unasked ---- */

/* A connected TCP socket with bytes that nobody reads; its last close waits for 30 s. */
static int make_lingering(int *ret_other)
{
	static const char bytes[256 * 1024];
	const struct linger linger = { 1, 30 };
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

	assert_ok(bind(listener, (struct sockaddr *)&address, n));
	assert_ok(listen(listener, 1));
	assert_ok(getsockname(listener, (struct sockaddr *)&address, &n));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_ok(connect(fd, (struct sockaddr *)&address, n));
	*ret_other = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_ok(*ret_other);
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	assert_ok(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(listener);
	return fd;
}

/* 1 when the kernel took it, or a negative errno. */
static int pass(int to, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fd))] = { 0 };
	struct iovec iov = { (char[]){ 'x' }, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
	ssize_t r;

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	r = sendmsg(to, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	return r < 0 ? -errno : (int)r;
}

static void a_lingering_socket_that_was_passed_does_not_stop_the_loop(void **state)
{
	struct pair p;
	int fd, other;
	int64_t begun;

	(void)state;
	for (int aborted = 0; aborted < 2; aborted++) {
		pair_open(&p, NULL);
		fd = make_lingering(&other);
		assert_int_equal(pass(p.peer, fd), 1);
		close(fd);
		begun = test_now_ns();
		/* Read, or left unread by an end of ours. */
		if (aborted)
			assert_ok(postern_conn_abort(p.c));
		turn(p.loop, 10);
		turn(p.loop, 0);
		assert_int_equal(p.end.closed, aborted);
		assert_int_equal(p.end.n, !aborted);
		assert_true(test_now_ns() - begun < POSTERN_SECONDS(2) * test_scale());
		close(other);
		pair_close(&p);
	}
}

static void what_a_server_accepts_is_not_passed_any(void **state)
{
	struct site s;
	int fd, r;

	(void)state;
	site_open(&s, "clock", NULL);
	fd = plain_connect(postern_server_path(s.server));
	assert_ok(fd);
	turn_until(s.loop, s.accepted == 1);
	r = pass(fd, fd);
	/* Before 6.16 it is taken and closed; test_run() counts. */
	assert_true(r == -EPERM || r == 1);
	assert_int_equal((s.conns[0]->flags & CONN_RIGHTS) != 0, r == 1);
	turn_for(s.loop, 20);
	close(fd);
	site_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_listener_that_was_given_up_is_not_heard_of_again),
		TEST(nor_when_its_server_was_freed_in_the_event_that_told_so),
		TEST(a_detached_socket_is_not_heard_of_again),
		TEST(an_adopted_listener_is_made_non_blocking_for_all_that_share_it),
		TEST(servers_that_share_a_listener_do_not_stop_each_other),
		TEST(a_blocking_listener_whose_flags_are_to_be_kept_is_refused),
		TEST(options_that_mean_nothing_are_refused),
		TEST(a_lingering_socket_that_was_passed_does_not_stop_the_loop),
		TEST(what_a_server_accepts_is_not_passed_any),
	};

	return test_run(tests);
}
