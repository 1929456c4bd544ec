/* SPDX-License-Identifier: Apache-2.0 */
/* test-numbers.c - no descriptor of the library is 0, 1 or 2, whatever the program has closed */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern.h>
#include <postern/conn.h>
#include <postern/loop.h>

#include "sys/sys.h"

/* What is made while 0, 1 and 2 are closed; a child has no other way to tell than its exit status. */
enum { LOW = 40, OTHER_ERROR = 41, NOT_CLOEXEC = 42, STUCK = 43 };

static void close_standard(void)
{
	for (int fd = 0; fd <= 2; fd++)
		close(fd);
}

static bool none_is_low(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return false;
	return true;
}

static int judge(int fd)
{
	if (fd < 0)
		return fd == -ENOPROTOOPT ? 0 : OTHER_ERROR;
	if (fd <= 2 || !none_is_low())
		return LOW;
	if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC))
		return NOT_CLOEXEC;
	return close(fd) < 0 ? OTHER_ERROR : 0;
}

static struct {
	int listener, client;
} given;

static int make_accepted(void)
{
	return sys_accept(given.listener);
}

static int make_pidfd(void)
{
	return sys_pidfd_open(getpid());
}

static int make_file(void)
{
	return sys_openat(AT_FDCWD, "/dev/null", O_RDONLY, 0);
}

static int make_copy(void)
{
	return sys_dup(given.client);
}

static int make_peer_pidfd(void)
{
	return sys_peer_pidfd(given.client);
}

static const struct {
	const char *what;
	int (*make)(void);
} makers[] = {
	{ "socket", sys_socket_stream },
	{ "accept4", make_accepted },
	{ "epoll", sys_epoll_create },
	{ "eventfd", sys_eventfd },
	{ "timerfd", sys_timerfd },
	{ "inotify", sys_inotify },
	{ "pidfd_open", make_pidfd },
	{ "openat", make_file },
	{ "dup", make_copy },
	{ "SO_PEERPIDFD", make_peer_pidfd },
};

static int make_one(void *i)
{
	close_standard();
	return judge(makers[*(size_t *)i].make());
}

static int connect_to(int fd, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memcpy(a.sun_path, path, strnlen(path, sizeof(a.sun_path) - 1));
	return sys_connect(fd, &a, sizeof(a));
}

/* A connection that waits to be accepted. */
static void connect_one(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", test_path("sock"));
	given.listener = sys_socket_stream();
	assert_ok(sys_bind(given.listener, &a, sizeof(a)));
	assert_ok(sys_listen(given.listener, 1));
	given.client = sys_socket_stream();
	assert_ok(connect_to(given.client, test_path("sock")));
}

static void nothing_that_sys_makes_has_the_number_of_a_standard_stream(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(makers) / sizeof(*makers); i++) {
		int status;

		connect_one();
		status = test_fork(make_one, &i);
		close(given.client);
		close(given.listener);
		unlink(test_path("sock"));
		test_note("%s: status 0x%x", makers[i].what, (unsigned)status);
		if (status != 0)
			fail_msg("%s: status 0x%x", makers[i].what, (unsigned)status);
	}
}

static int make_without_room(void *unused)
{
	const struct rlimit limit = { 3, 3 };
	int fd;

	(void)unused;
	close_standard();
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return OTHER_ERROR;
	fd = sys_eventfd();
	/* The kernel says EINVAL where the least number wanted is the limit. */
	if (fd != -EMFILE && fd != -EINVAL)
		return OTHER_ERROR;
	return none_is_low() ? 0 : LOW;
}

static void where_there_is_no_room_above_them_nothing_is_left_below(void **state)
{
	(void)state;
	assert_int_equal(test_fork(make_without_room, NULL), 0);
}

/* ---- a whole program ---- */

static size_t echo(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t taken = postern_conn_write(c, bytes, n);

	(void)data;
	return taken > 0 ? (size_t)taken : 0;
}

static const struct postern_conn_events echo_events = { .size = sizeof(echo_events),
							.received = echo };
static const struct postern_server_events server_events = { .size = sizeof(server_events),
							    .conn = &echo_events };

/* Turns while the clients, which are in the same process, do what one of them did. */
static int serve_without_standard(void *unused)
{
	struct postern_loop *loop = NULL;
	struct postern_server *server = NULL;
	char got[64] = "";
	int clients[3];

	(void)unused;
	close_standard();
	if (postern_loop_new(&loop) < 0 ||
	    postern_server_new(&server, loop, "clock", NULL, &server_events, NULL) < 0)
		return OTHER_ERROR;
	for (int i = 0; i < 3; i++) {
		clients[i] = sys_socket_stream();
		if (clients[i] < 0 || connect_to(clients[i], postern_server_path(server)) < 0)
			return OTHER_ERROR;
	}
	for (int i = 0; i < 20; i++)
		if (postern_loop_dispatch(loop, POSTERN_MS(1)) < 0)
			return OTHER_ERROR;
	if (!none_is_low())
		return LOW;
	/* What the program prints has nowhere to go, and goes nowhere. */
	if (write(1, "password", 8) >= 0 || write(2, "debug", 5) >= 0)
		return LOW;
	for (int i = 0; i < 3; i++)
		if (recv(clients[i], got, sizeof(got), MSG_DONTWAIT) != -1 || errno != EAGAIN)
			return STUCK;
	postern_server_free(server);
	postern_loop_free(loop);
	return 0;
}

static void what_a_program_prints_after_closing_its_streams_reaches_no_client(void **state)
{
	(void)state;
	assert_int_equal(test_fork(serve_without_standard, NULL), 0);
}

/* What the program gives to the library stays what it is. */
static int adopt_low(void *unused)
{
	struct postern_loop *loop = NULL;
	struct postern_conn *c = NULL;
	int fds[2], r;

	(void)unused;
	close_standard();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
		return OTHER_ERROR;
	r = postern_loop_new(&loop);
	if (r == 0)
		r = postern_conn_adopt(&c, loop, fds[0], NULL, &echo_events, NULL);
	if (r < 0)
		close(fds[0]);
	r = r < 0 ? OTHER_ERROR : fds[0] > 2 || postern_conn_fd(c) != fds[0] ? LOW : 0;
	postern_conn_free(c);
	postern_loop_free(loop);
	close(fds[1]);
	return r;
}

static void a_descriptor_that_is_adopted_keeps_its_number(void **state)
{
	(void)state;
	assert_int_equal(test_fork(adopt_low, NULL), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(nothing_that_sys_makes_has_the_number_of_a_standard_stream),
		TEST(where_there_is_no_room_above_them_nothing_is_left_below),
		TEST(what_a_program_prints_after_closing_its_streams_reaches_no_client),
		TEST(a_descriptor_that_is_adopted_keeps_its_number),
	};
	return test_run(tests);
}
