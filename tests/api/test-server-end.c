/* SPDX-License-Identifier: Apache-2.0 */
/* How servers end: stopped, drained, freed; what becomes of the name, the backlog, the connections. */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char big[1024 * 1024];

static int connect_to(const struct site *s)
{
	int fd = plain_connect(postern_server_path(s->server));

	assert_ok(fd);
	return fd;
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* ---- stop ---- */

static void a_stop_gives_up_the_name_and_serves_who_had_connected(void **state)
{
	struct site s;
	int fds[3];

	(void)state;
	site_open(&s, "clock", NULL);
	fds[0] = connect_to(&s);
	site_echo(&s, fds[0]);
	fds[1] = connect_to(&s);
	fds[2] = connect_to(&s);
	assert_int_equal(s.accepted, 1);
	assert_ok(postern_server_stop(s.server));
	assert_int_equal(s.accepted, 1); /* no callback inside the call */
	assert_false(is_there(test_path("clock/sock")));
	assert_false(is_there(test_path("clock/info")));
	assert_errno(plain_connect(test_path("clock/sock")), -ENOENT);
	assert_errno(postern_server_fd(s.server), -ESTALE);
	assert_int_equal(site_counters(&s).listening, 0);
	assert_ok(postern_server_stop(s.server));
	for (int i = 0; i < 3; i++)
		site_echo(&s, fds[i]);
	assert_int_equal(s.accepted, 3);
	assert_int_equal(s.closed, 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	turn_until(s.loop, s.conns_closed == 3);
	turn_quiet(s.loop);
	assert_int_equal(s.closed, 0); /* a stop has no final event */
	site_close(&s);
}

static int be_successor(void *name)
{
	struct site t;

	site_open(&t, name, NULL);
	site_close(&t);
	return 0;
}

static void a_successor_starts_while_the_stopped_one_still_serves(void **state)
{
	struct site s, t;
	int fds[2];

	(void)state;
	site_open(&s, "clock", NULL);
	fds[0] = connect_to(&s);
	site_echo(&s, fds[0]);
	assert_ok(postern_server_stop(s.server));
	turn_quiet(s.loop);
	/* In another process, and then in this one. */
	assert_int_equal(test_fork(be_successor, (char[]){ "clock" }), 0);
	site_open(&t, "clock", NULL);
	fds[1] = connect_to(&t);
	site_echo(&t, fds[1]);
	site_echo(&s, fds[0]);
	/* The end of the old one does not touch the new one's name. */
	site_close(&s);
	close(fds[1]);
	fds[1] = connect_to(&t);
	site_echo(&t, fds[1]);
	close(fds[0]);
	close(fds[1]);
	site_close(&t);
}

/* ---- drain ---- */

static void a_drain_sends_all_that_is_queued_then_closes(void **state)
{
	struct site s;
	size_t sent, got = 0;
	int fd, late;

	(void)state;
	site_open(&s, "clock", NULL);
	fd = connect_to(&s);
	site_echo(&s, fd);
	late = connect_to(&s); /* still in the backlog */
	sent = (size_t)postern_conn_write(s.conns[0], big, sizeof(big));
	assert_int_equal(sent, sizeof(big));
	assert_ok(postern_server_drain(s.server, 0));
	assert_string_equal(s.trace, "?ar");
	assert_false(is_there(test_path("clock/sock")));
	turn_quiet(s.loop);
	assert_int_equal(s.accepted, 2);
	assert_int_equal(s.closed, 0);
	assert_int_equal(postern_conn_state(s.conns[0]), POSTERN_STATE_CLOSING);
	for (;;) {
		ssize_t r = recv(fd, big, sizeof(big), MSG_DONTWAIT);

		if (r == 0)
			break;
		got += r > 0 ? (size_t)r : 0;
		turn(s.loop, 1);
	}
	assert_int_equal(got, sent);
	turn_until(s.loop, s.closed);
	assert_int_equal(s.why.code, POSTERN_REASON_CLOSED);
	assert_int_equal(s.conn_why, POSTERN_REASON_CLOSED);
	/* Each connection's end, then the server's, once. */
	assert_string_equal(s.trace, "?ar?axxC");
	assert_int_equal(recv(late, big, 1, 0), 0);
	assert_errno(postern_server_stop(s.server), -ESTALE);
	assert_errno(postern_server_drain(s.server, 0), -ESTALE);
	turn_quiet(s.loop);
	assert_int_equal(s.closed, 1);
	close(fd);
	close(late);
	site_close(&s);
}

static void a_drain_is_forced_at_its_deadline(void **state)
{
	struct site s;
	struct test_time begun;
	int fd;

	(void)state;
	site_open(&s, "clock", NULL);
	fd = connect_to(&s);
	turn_until(s.loop, s.accepted == 1);
	assert_true(postern_conn_write(s.conns[0], big, sizeof(big)) > 0);
	begun = test_time();
	assert_ok(postern_server_drain(s.server, POSTERN_MS(100)));
	turn_until(s.loop, s.closed);
	assert_took(begun, POSTERN_MS(99), POSTERN_MS(100));
	assert_int_equal(s.why.code, POSTERN_REASON_TIMEOUT);
	assert_int_equal(s.why.error, -ETIMEDOUT);
	assert_int_equal(s.conn_why, POSTERN_REASON_TIMEOUT);
	assert_string_equal(s.trace, "?axC");
	assert_int_equal(site_counters(&s).bytes, 0);
	close(fd);
	site_close(&s);
}

static void a_drain_of_nothing_ends_in_the_next_turn(void **state)
{
	struct site s;

	(void)state;
	for (int stopped = 0; stopped < 2; stopped++) {
		site_open(&s, "clock", NULL);
		if (stopped)
			assert_ok(postern_server_stop(s.server));
		assert_ok(postern_server_drain(s.server, POSTERN_SECONDS(30)));
		assert_int_equal(s.closed, 0);
		turn_until(s.loop, s.closed == 1);
		assert_int_equal(s.why.code, POSTERN_REASON_CLOSED);
		site_close(&s);
	}
}

static void a_second_drain_may_shorten_the_deadline(void **state)
{
	struct test_time begun;
	struct site s;
	int fd;

	(void)state;
	site_open(&s, "clock", NULL);
	fd = connect_to(&s);
	turn_until(s.loop, s.accepted == 1);
	assert_true(postern_conn_write(s.conns[0], big, sizeof(big)) > 0);
	assert_ok(postern_server_drain(s.server, POSTERN_FOREVER));
	turn_for(s.loop, 50);
	assert_int_equal(s.closed, 0);
	begun = test_time();
	assert_ok(postern_server_drain(s.server, POSTERN_MS(1)));
	turn_until(s.loop, s.closed == 1);
	assert_took(begun, POSTERN_MS(1), POSTERN_MS(1));
	assert_int_equal(s.why.code, POSTERN_REASON_TIMEOUT);
	close(fd);
	site_close(&s);
}

/* ---- free ---- */

static void a_free_ends_each_connection_at_once_and_is_silent_about_itself(void **state)
{
	struct site s;
	int fds[3];

	(void)state;
	site_open(&s, "clock", NULL);
	for (int i = 0; i < 3; i++)
		fds[i] = connect_to(&s);
	turn_until(s.loop, s.accepted == 3);
	s.server = postern_server_free(s.server);
	assert_null(s.server);
	assert_string_equal(s.trace, "?a?a?axxx");
	assert_int_equal(s.conn_why, POSTERN_REASON_CANCELLED);
	assert_false(is_there(test_path("clock/sock")));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(recv(fds[i], big, 1, MSG_DONTWAIT), 0);
		close(fds[i]);
	}
	turn_quiet(s.loop);
	assert_int_equal(s.closed, 0);
	assert_int_equal(s.conns_closed, 3);
	site_close(&s);
}

static void who_waited_in_the_backlog_of_a_freed_server_sees_the_end(void **state)
{
	struct site s;
	int fd;

	(void)state;
	site_open(&s, "clock", NULL);
	fd = connect_to(&s);
	s.server = postern_server_free(s.server);
	assert_true(recv(fd, big, 1, MSG_DONTWAIT) <= 0 && errno != EAGAIN);
	assert_int_equal(s.accepted, 0);
	close(fd);
	site_close(&s);
}

static void a_loop_freed_first_ends_connections_then_their_server(void **state)
{
	struct site s;
	int fd;

	(void)state;
	site_open(&s, "clock", NULL);
	fd = connect_to(&s);
	turn_until(s.loop, s.accepted == 1);
	s.loop = postern_loop_free(s.loop);
	assert_string_equal(s.trace, "?axC");
	assert_int_equal(s.why.code, POSTERN_REASON_CANCELLED);
	assert_int_equal(s.conn_why, POSTERN_REASON_CANCELLED);
	assert_false(is_there(test_path("clock/sock")));
	/* The handle is inert, and answers. */
	assert_errno(postern_server_stop(s.server), -ESTALE);
	assert_errno(postern_server_drain(s.server, 0), -ESTALE);
	assert_errno(postern_server_fd(s.server), -ESTALE);
	assert_errno(postern_server_each(s.server, NULL, NULL), -ESTALE);
	assert_string_equal(postern_server_name(s.server), "clock");
	assert_int_equal(site_counters(&s).connections, 0);
	close(fd);
	site_close(&s);
}

static void two_servers_on_one_loop_end_with_it(void **state)
{
	struct postern_server *second;
	struct site s;

	(void)state;
	site_open(&s, "clock", NULL);
	assert_ok(postern_server_new(&second, s.loop, "other", NULL, &site_events, &s));
	/* What the loop made for the first server is now older than the next one. */
	s.server = postern_server_free(s.server);
	assert_ok(postern_server_new(&s.server, s.loop, "clock", NULL, &site_events, &s));
	s.loop = postern_loop_free(s.loop);
	assert_int_equal(s.closed, 2);
	assert_false(is_there(test_path("clock/sock")));
	assert_false(is_there(test_path("other/sock")));
	postern_server_free(second);
	site_close(&s);
}

/* ---- kept connections ---- */

static void keep(struct site *s, enum site_event event, struct postern_conn *c)
{
	(void)s;
	if (event == SITE_ACCEPTED)
		assert_ptr_equal(postern_conn_keep(c), c);
}

static void a_kept_connection_outlives_its_server_and_its_loop_inert(void **state)
{
	struct postern_peer peer;
	struct site s;
	int fd;

	(void)state;
	for (int way = 0; way < 4; way++) {
		site_open(&s, "clock", NULL);
		s.hook = keep;
		fd = connect_to(&s);
		turn_until(s.loop, s.accepted == 1);
		if (way == 0)
			s.server = postern_server_free(s.server);
		else if (way == 1)
			s.loop = postern_loop_free(s.loop);
		else if (way == 2)
			assert_ok(postern_server_drain(s.server, 0));
		else
			close(fd);
		if (way >= 2)
			turn_until(s.loop, s.conns_closed == 1);
		assert_int_equal(s.conns_closed, 1);
		assert_int_equal(postern_conn_state(s.conns[0]), POSTERN_STATE_CLOSED);
		assert_errno(postern_conn_write(s.conns[0], "x", 1), -ESTALE);
		assert_null(postern_conn_server(s.conns[0]));
		assert_ok(postern_conn_peer(s.conns[0], &peer, sizeof(peer)));
		assert_int_equal(peer.pid, getpid());
		if (way != 3)
			close(fd);
		site_close(&s);
		assert_errno(postern_conn_write(s.conns[0], "x", 1), -ESTALE);
		postern_conn_free(s.conns[0]);
	}
}

static void a_detached_connection_leaves_its_server(void **state)
{
	struct site s;
	int fd, taken;

	(void)state;
	site_open(&s, "clock", NULL);
	fd = connect_to(&s);
	turn_until(s.loop, s.accepted == 1);
	taken = postern_conn_detach(s.conns[0]);
	assert_ok(taken);
	assert_int_equal(site_counters(&s).connections, 0);
	site_close(&s);
	assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(recv(taken, big, 1, 0), 1);
	assert_int_equal(s.conns_closed, 0);
	close(taken);
	close(fd);
}

/* ---- each ---- */

struct visit {
	struct site *site;
	unsigned n;
	unsigned free_at; /* the visit that frees */
	int how;
};

static void visit(struct postern_conn *c, void *data)
{
	struct visit *v = data;

	(void)c;
	if (++v->n != v->free_at)
		return;
	for (unsigned i = 0; i < v->site->accepted && v->how == 0; i++)
		postern_conn_free(v->site->conns[i]);
	if (v->how == 1)
		v->site->server = postern_server_free(v->site->server);
	if (v->how == 2)
		v->site->loop = postern_loop_free(v->site->loop);
}

static void each_calls_for_each_and_bears_every_free(void **state)
{
	struct site s;
	int fds[5];

	(void)state;
	for (unsigned at = 0; at <= 5; at++) {
		for (int how = 0; how < 3; how++) {
			struct visit v = { .site = &s, .free_at = at, .how = how };

			site_open(&s, "clock", NULL);
			for (int i = 0; i < 5; i++)
				fds[i] = connect_to(&s);
			turn_until(s.loop, s.accepted == 5);
			postern_server_each(s.server, visit, &v);
			assert_int_equal(v.n, at ? at : 5);
			assert_int_equal(s.conns_closed, at && how > 0 ? 5 : 0);
			if (s.loop)
				turn_quiet(s.loop);
			if (s.server)
				assert_int_equal(site_counters(&s).connections, at ? 0 : 5);
			site_close(&s);
			for (int i = 0; i < 5; i++)
				close(fds[i]);
		}
	}
}

/* ---- a listener of somebody else's ---- */

static void an_adopted_listener_is_used_and_left_where_it_was(void **state)
{
	int listener, fd;
	struct stat before, after;
	char name[16];
	struct site s;

	(void)state;
	for (int way = 0; way < 3; way++) {
		listener = plain_listen(test_path("given"), 16);
		assert_int_equal(stat(test_path("given"), &before), 0);
		snprintf(name, sizeof(name), "fd:%d", listener);
		site_open(&s, name, NULL);
		fd = plain_connect(test_path("given"));
		site_echo(&s, fd);
		if (way == 0) {
			assert_ok(postern_server_stop(s.server));
			turn_quiet(s.loop);
			site_echo(&s, fd);
		} else if (way == 1) {
			assert_ok(postern_server_drain(s.server, 0));
			turn_until(s.loop, s.closed);
		}
		site_close(&s);
		close(fd);

		/* Whoever made it accepts on it still. */
		assert_int_equal(stat(test_path("given"), &after), 0);
		assert_int_equal(before.st_ino, after.st_ino);
		assert_int_equal(before.st_mode, after.st_mode);
		fd = plain_connect(test_path("given"));
		assert_ok(fd);
		close(fd);
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		assert_ok(fd);
		close(fd);
		close(listener);
		unlink(test_path("given"));
		assert_false(is_there(test_path("given.lock")));
	}
}

/* ---- crowded accounts ---- */

/* Takes nothing before it has 20,000 bytes, as a protocol with long messages would. */
static size_t long_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	unsigned *messages = data;

	(void)c;
	(void)bytes;
	if (n < 20000)
		return 0;
	++*messages;
	return 20000;
}

static void who_was_held_up_by_a_crowded_account_goes_on_when_there_is_room(void **state)
{
	static const struct postern_conn_events events = { .size = sizeof(events),
							   .received = long_received };
	struct postern_conn_options limits = { .size = sizeof(limits), .unread = 64 * 1024 };
	struct postern_server_options options = { .size = sizeof(options),
						  .bytes_per_uid = 68 * 1024,
						  .conn = &limits };
	struct postern_conn_counters counters;
	unsigned messages = 0;
	struct site s;
	int fds[2];

	(void)state;
	site_open(&s, "clock", &options);
	for (unsigned i = 0; i < 2; i++) {
		fds[i] = connect_to(&s);
		turn_until(s.loop, s.accepted == i + 1);
		assert_ok(postern_conn_set_events(s.conns[i], &events, &messages));
	}
	/* The first one needs the reserve for its message, of which a part has come. The second one has to wait. */
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(
			send(fds[i], big, 19000 + 1000 * (size_t)i, MSG_DONTWAIT | MSG_NOSIGNAL),
			19000 + 1000 * (size_t)i);
		turn_quiet(s.loop);
	}
	assert_int_equal(messages, 0);
	assert_ok(postern_conn_get_counters(s.conns[1], &counters, sizeof(counters)));
	assert_in_range(counters.unread, 4096, 19999);
	/* It goes on when the first one has what it waited for, and at once. */
	assert_int_equal(send(fds[0], big, 1000, MSG_DONTWAIT | MSG_NOSIGNAL), 1000);
	turn_quiet(s.loop);
	assert_int_equal(messages, 2);
	for (int i = 0; i < 2; i++)
		close(fds[i]);
	site_close(&s);
}

static void what_an_account_was_charged_is_given_back_however_it_ends(void **state)
{
	static const struct postern_conn_events events = { .size = sizeof(events),
							   .received = long_received };
	/* Of the one that dies, the bytes that were declined are kept until the limit. */
	struct postern_conn_options limits = { .size = sizeof(limits), .idle_ns = POSTERN_MS(100) };
	struct postern_server_options options = { .size = sizeof(options), .conn = &limits };
	struct postern_server_counters counters;
	unsigned messages = 0;
	struct site s;
	int fds[2];

	(void)state;
	for (int way = 0; way < 4; way++) {
		site_open(&s, "clock", &options);
		fds[0] = connect_to(&s);
		fds[1] = connect_to(&s); /* the account goes with the last one of its uid */
		turn_until(s.loop, s.accepted == 2);
		assert_ok(postern_conn_set_events(s.conns[0], &events, &messages));
		assert_true(postern_conn_write(s.conns[0], big, sizeof(big)) > 0);
		assert_int_equal(send(fds[0], big, 5000, MSG_DONTWAIT | MSG_NOSIGNAL), 5000);
		turn_quiet(s.loop);
		counters = site_counters(&s);
		assert_true(counters.bytes >= postern_conn_queued(s.conns[0]) + 5000);
		if (way == 0)
			assert_ok(postern_conn_abort(s.conns[0]));
		else if (way == 1)
			postern_conn_free(s.conns[0]);
		else if (way == 2)
			close(fds[0]);
		else
			assert_ok(postern_conn_close(s.conns[0]));
		while (way == 3 && recv(fds[0], big, sizeof(big), MSG_DONTWAIT) > 0)
			turn(s.loop, 1);
		turn_until(s.loop, site_counters(&s).connections == 1);
		assert_int_equal(site_counters(&s).bytes, 0);
		if (way != 2)
			close(fds[0]);
		close(fds[1]);
		site_close(&s);
	}
	assert_int_equal(messages, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_stop_gives_up_the_name_and_serves_who_had_connected),
		TEST(a_successor_starts_while_the_stopped_one_still_serves),
		TEST(a_drain_sends_all_that_is_queued_then_closes),
		TEST(a_drain_is_forced_at_its_deadline),
		TEST(a_drain_of_nothing_ends_in_the_next_turn),
		TEST(a_second_drain_may_shorten_the_deadline),
		TEST(a_free_ends_each_connection_at_once_and_is_silent_about_itself),
		TEST(who_waited_in_the_backlog_of_a_freed_server_sees_the_end),
		TEST(a_loop_freed_first_ends_connections_then_their_server),
		TEST(two_servers_on_one_loop_end_with_it),
		TEST(a_kept_connection_outlives_its_server_and_its_loop_inert),
		TEST(a_detached_connection_leaves_its_server),
		TEST(each_calls_for_each_and_bears_every_free),
		TEST(an_adopted_listener_is_used_and_left_where_it_was),
		TEST(what_an_account_was_charged_is_given_back_however_it_ends),
		TEST(who_was_held_up_by_a_crowded_account_goes_on_when_there_is_room),
	};
	return test_run(tests);
}
