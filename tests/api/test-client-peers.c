/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting calls to servers in processes that are stopped, killed, trickle or flood; connecting that fails; and
 * descriptors that nobody asked for.
 */
#include "talk.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern/client.h>

static char text[9 * MIB];

/* ---- servers in processes ---- */

struct remote {
	struct postern_client *c;
	pid_t pid;
};

static int serve_listener;
static void (*serve_play)(int fd);

/* Every second connection is enough: each gets a process of its own by being served here, one after the other. */
static int serve(void *arg)
{
	(void)arg;
	/* One that is stopped has no alarm clock: after a failed test nobody else would end it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		/* postern-review: ignore E7 a test that has no descriptors is to fail */
		int fd = accept(serve_listener, NULL, NULL);

		if (fd < 0)
			return 1;
		serve_play(fd);
		close(fd);
	}
}

/* options of the connection; NULL. */
static void remote_open(struct remote *r, void (*play)(int fd),
			const struct postern_conn_options *conn)
{
	struct postern_connect_options o = { .size = sizeof o, .conn = conn };
	char path[600];

	snprintf(path, sizeof path, "%s", test_path("server"));
	unlink(path);
	serve_listener = plain_listen(path, 8);
	serve_play = play;
	r->pid = test_fork_start(serve, NULL);
	close(serve_listener);
	r->c = NULL;
	assert_ok(postern_client_new(&r->c, path, &o));
}

static void remote_close(struct remote *r)
{
	postern_client_free(r->c);
	kill(r->pid, SIGKILL);
	test_fork_wait(r->pid);
}

static void play_echo(int fd)
{
	char buffer[4096];
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0)
		(void)send(fd, buffer, (size_t)n, MSG_NOSIGNAL);
}

static void a_server_that_is_stopped_costs_the_deadline_and_no_more(void **state)
{
	struct remote s;
	ssize_t r;

	(void)state;
	remote_open(&s, play_echo, NULL);
	assert_ok(postern_client_write(s.c, "one\n", 4, LONG));
	assert_int_equal(postern_client_read_line(s.c, got, 64, LONG), 3);
	kill(s.pid, SIGSTOP);
	assert_ok(postern_client_write(s.c, "two\n", 4, SHORT));
	TIMED(r, postern_client_read_line(s.c, got, 64, SHORT));
	assert_errno(r, -ETIMEDOUT);
	assert_took_until(SHORT);
	TIMED(r, postern_client_write(s.c, text, 2 * MIB, SHORT));
	assert_errno(r, -ETIMEDOUT);
	assert_took_until(SHORT);
	kill(s.pid, SIGCONT);
	assert_int_equal(postern_client_read_line(s.c, got, 64, LONG), 3);
	assert_string_equal(got, "two");
	remote_close(&s);
}

static void a_stopped_server_is_connected_to_within_the_deadline(void **state)
{
	struct postern_connect_options o = { .size = sizeof o, .deadline_ns = POSTERN_MS(200) };
	struct postern_client *more[16] = { NULL };
	struct remote s;
	ssize_t r = 0;
	int n = 0;

	(void)state;
	remote_open(&s, play_echo, NULL);
	kill(s.pid, SIGSTOP);
	/* The kernel takes them for it, until its backlog is full. */
	while (n < 16) {
		TIMED(r, postern_client_new(&more[n], test_path("server"), &o));
		if (r < 0)
			break;
		n++;
	}
	assert_errno(r, -ETIMEDOUT);
	assert_took_until(POSTERN_MS(200));
	assert_non_null(strstr(postern_why()->text, "the server does not accept"));
	assert_null(more[n]);
	while (n > 0)
		postern_client_free(more[--n]);
	remote_close(&s);
}

static void pain_18_a_read_in_flight_fails_at_once_when_the_server_dies(void **state)
{
	enum { ROUNDS = 20 };

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		bool in_flight = i % 2;
		struct remote s;
		ssize_t r;

		remote_open(&s, play_echo, NULL);
		assert_ok(postern_client_write(s.c, "one\n", 4, LONG));
		assert_int_equal(postern_client_read_line(s.c, got, 64, LONG), 3);
		if (in_flight) {
			kill(s.pid, SIGSTOP);
			assert_ok(postern_client_write(s.c, "two\n", 4, LONG));
		}
		kill(s.pid, SIGKILL);
		TIMED(r, postern_client_read_line(s.c, got, 64, LONG));
		assert_errno(r, in_flight ? -ECONNRESET : -ENODATA);
		assert_at_once();
		assert_errno(postern_client_write(s.c, "x", 1, LONG),
			     in_flight ? -ECONNRESET : -EPIPE);
		remote_close(&s);
	}
}

static void play_trickle(int fd)
{
	while (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
		test_sleep_ms(3);
}

static void a_server_that_trickles_for_ever_does_not_move_the_deadline(void **state)
{
	struct remote s;
	ssize_t r;

	(void)state;
	remote_open(&s, play_trickle, NULL);
	TIMED(r, postern_client_read_line(s.c, got, 64 * 1024, POSTERN_MS(200)));
	assert_errno(r, -ETIMEDOUT);
	assert_took_until(POSTERN_MS(200));
	TIMED(r, postern_client_read_exactly(s.c, got, 10000, SHORT));
	assert_errno(r, -ETIMEDOUT);
	assert_took_until(SHORT);
	TIMED(r, postern_client_wait_end(s.c, SHORT));
	assert_errno(r, -ETIMEDOUT);
	assert_took_until(SHORT);
	TIMED(r, postern_client_close(s.c, POSTERN_MS(200)));
	assert_errno(r, -ETIMEDOUT);
	assert_took_until(POSTERN_MS(200));
	remote_close(&s);
}

static void play_flood(int fd)
{
	while (send(fd, text, 65536, MSG_NOSIGNAL) > 0)
		;
}

static void a_server_that_sends_without_end_fills_a_bounded_buffer(void **state)
{
	struct mallinfo2 before, after;
	struct remote s;
	ssize_t r;

	(void)state;
	before = mallinfo2();
	memset(text, 'x', 65536);
	remote_open(&s, play_flood, NULL);
	TIMED(r, postern_client_read_line(s.c, got, sizeof got, LONG));
	assert_errno(r, -EMSGSIZE);
	assert_at_once();
	for (int i = 0; i < 10; i++) {
		r = postern_client_read_frame(s.c, POSTERN_FRAMING_NUL, got, sizeof got, SHORT);
		assert_errno(r, -EMSGSIZE);
		assert_errno(postern_client_wait_end(s.c, SHORT), -ENOBUFS);
	}
	after = mallinfo2();
	test_note("%zu bytes of memory while flooded",
		  after.uordblks + after.hblkhd - before.uordblks - before.hblkhd);
	/* 256 KiB ahead in the client, as much in its connection, the loop's buffer, and what malloc adds. */
	assert_true(after.uordblks + after.hblkhd < before.uordblks + before.hblkhd + MIB);
	/* Reading goes on as long as one likes. */
	for (size_t n = 0; n < 8 * (size_t)MIB; n += (size_t)r) {
		r = postern_client_read(s.c, got, sizeof got, LONG);
		assert_true(r > 0);
	}
	TIMED(r, postern_client_close(s.c, SHORT));
	assert_errno(r, -ETIMEDOUT);
	assert_took_until(SHORT);
	remote_close(&s);
}

static void play_writes_and_leaves(int fd)
{
	(void)send(fd, "all that there is\n", 18, MSG_NOSIGNAL);
}

static void a_server_that_closes_after_writing_is_heard(void **state)
{
	struct remote s;

	(void)state;
	remote_open(&s, play_writes_and_leaves, NULL);
	assert_ok(postern_client_wait_end(s.c, LONG));
	assert_int_equal(postern_client_read_line(s.c, got, 64, LONG), 17);
	assert_int_equal(postern_client_read(s.c, got, 64, LONG), 0);
	assert_ok(postern_client_close(s.c, LONG));
	remote_close(&s);
}

/* ---- descriptors that nobody asked for ---- */

static void pass_descriptors(int fd, int n)
{
	int fds[64];
	char control[CMSG_SPACE(sizeof fds)] = { 0 };
	struct iovec iov = { (char *)"x", 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = CMSG_SPACE((size_t)n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	for (int i = 0; i < n; i++)
		fds[i] = STDERR_FILENO;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, (size_t)n * sizeof(int));
	assert_int_equal(sendmsg(fd, &m, MSG_NOSIGNAL), 1);
}

static void pain_25_descriptors_that_nobody_asked_for_are_not_leaked(void **state)
{
	int before;
	struct talk t;

	(void)state;
	talk_open(&t);
	before = test_fd_count();
	for (int i = 0; i < 100; i++)
		pass_descriptors(t.peer, 1 + i % 64);
	assert_int_equal(postern_client_read_exactly(t.c, got, 100, LONG), 0);
	assert_int_equal(test_fd_count(), before);
	/* Nor those that are never read. */
	pass_descriptors(t.peer, 64);
	talk_close(&t);
}

/* ---- connecting ---- */

static void a_failure_has_words(void **state)
{
	struct postern_connect_options o = { .size = sizeof o, .deadline_ns = SHORT };
	struct postern_conn_options wrong = { .size = sizeof wrong, .framing = 5 };
	struct postern_client *c = NULL;
	struct rlimit limit, none;
	int r, fd;

	(void)state;
	TIMED(r, postern_client_new(&c, "nobody", &o));
	assert_errno(r, -ETIMEDOUT);
	assert_took_until(SHORT);
	assert_non_null(strstr(postern_why()->text, "nobody: no server answered at "));
	o.attempts = 2;
	o.deadline_ns = LONG;
	assert_errno(postern_client_new(&c, "nobody", &o), -ECONNREFUSED);
	assert_non_null(strstr(postern_why()->text, "(2 attempts"));
	assert_errno(postern_client_new(&c, "fd:3", NULL), -EINVAL);
	assert_non_null(strstr(postern_why()->text, "fd:3"));
	assert_errno(postern_client_new(&c, "a b", NULL), -EINVAL);
	assert_non_null(strstr(postern_why()->text, "is not allowed in a name"));

	fd = open(test_path("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	r = postern_client_new(&c, test_path("file"), &o);
	assert_true(r == -ENOTSOCK || r == -ECONNREFUSED);
	assert_non_null(strstr(postern_why()->text, "file"));

	/* What fails before a connection is tried has words too. */
	o.conn = &wrong;
	assert_errno(postern_client_new(&c, "nobody", &o), -EINVAL);
	assert_non_null(strstr(postern_why()->text, "framing"));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	r = postern_client_new(&c, "nobody", NULL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_errno(r, -EMFILE);
	assert_non_null(strstr(postern_why()->text, "too many open descriptors"));
	assert_null(c);
}

static void its_connection_can_be_looked_at(void **state)
{
	struct postern_conn_counters counters;
	struct postern_peer peer;
	struct remote s;

	(void)state;
	remote_open(&s, play_echo, NULL);
	assert_ok(postern_client_write(s.c, "abc\n", 4, LONG));
	assert_int_equal(postern_client_read_line(s.c, got, 64, LONG), 3);
	assert_ok(postern_conn_get_counters(postern_client_conn(s.c), &counters, sizeof(counters)));
	assert_int_equal(counters.sent, 4);
	assert_int_equal(counters.received, 4);
	assert_ok(postern_conn_peer(postern_client_conn(s.c), &peer, sizeof(peer)));
	assert_int_equal(peer.uid, geteuid());
	assert_true(postern_conn_fd(postern_client_conn(s.c)) >= 0);
	remote_close(&s);
}

static void only_a_connected_stream_socket_is_adopted(void **state)
{
	struct postern_client *c = NULL;
	int sv[2], fd;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sv), 0);
	assert_errno(postern_client_adopt(&c, sv[0], NULL), -EPROTOTYPE);
	close(sv[0]);
	close(sv[1]);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_errno(postern_client_adopt(&c, fd, NULL), -ENOTSOCK);
	close(fd);
	assert_null(c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_server_that_is_stopped_costs_the_deadline_and_no_more),
		TEST(a_stopped_server_is_connected_to_within_the_deadline),
		TEST(pain_18_a_read_in_flight_fails_at_once_when_the_server_dies),
		TEST(a_server_that_trickles_for_ever_does_not_move_the_deadline),
		TEST(a_server_that_sends_without_end_fills_a_bounded_buffer),
		TEST(a_server_that_closes_after_writing_is_heard),
		TEST(pain_25_descriptors_that_nobody_asked_for_are_not_leaked),
		TEST(a_failure_has_words),
		TEST(its_connection_can_be_looked_at),
		TEST(only_a_connected_stream_socket_is_adopted),
	};

	return test_run(tests);
}
