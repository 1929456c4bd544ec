/* SPDX-License-Identifier: Apache-2.0 */
/* test-allow.c - a peer that `allow` has not let in yet is nobody's connection, whatever is done meanwhile */
#include "pair.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern/thread.h>

enum { FDS = 2 };

/* The first peer is let in; when the rule is asked about the second, something is done. */
struct gate {
	struct site site;
	int fds[FDS];
	unsigned seen;
	void (*act)(struct gate *g);
};

static void count_one(struct postern_conn *c, void *data)
{
	struct gate *g = data;

	g->seen++;
	assert_int_equal(postern_conn_state(c), POSTERN_STATE_CONNECTED);
}

static void gate_hook(struct site *s, enum site_event event, struct postern_conn *c)
{
	struct gate *g = (struct gate *)s;

	(void)c;
	if (event == SITE_ALLOW && s->asked == 2)
		g->act(g);
}

static void gate_open(struct gate *g, void (*act)(struct gate *g))
{
	memset(g, 0, sizeof(*g));
	site_open(&g->site, "clock", NULL);
	g->act = act;
	g->site.hook = gate_hook;
	for (int i = 0; i < FDS; i++) {
		g->fds[i] = plain_connect(postern_server_path(g->site.server));
		assert_ok(g->fds[i]);
	}
	while (g->site.asked < 2)
		turn(g->site.loop, 10);
}

static void gate_close(struct gate *g)
{
	for (int i = 0; i < FDS; i++)
		close(g->fds[i]);
	site_close(&g->site);
}

static void look_around(struct gate *g)
{
	assert_ok(postern_server_each(g->site.server, count_one, g));
	assert_int_equal(g->seen, 1);
	assert_int_equal(site_counters(&g->site).connections, 1);
	assert_int_equal(site_counters(&g->site).accepted, 1);
}

static void who_is_not_let_in_yet_is_not_seen(void **state)
{
	struct gate g;

	(void)state;
	gate_open(&g, look_around);
	site_echo(&g.site, g.fds[1]);
	assert_int_equal(g.site.accepted, 2);
	assert_int_equal(site_counters(&g.site).connections, 2);
	gate_close(&g);
}

static void look_and_refuse(struct gate *g)
{
	look_around(g);
	g->site.allow = -1;
}

static void who_is_turned_away_was_never_there(void **state)
{
	struct gate g;

	(void)state;
	gate_open(&g, look_and_refuse);
	site_turns_away(&g.site, g.fds[1]);
	assert_int_equal(g.site.accepted, 1);
	assert_int_equal(g.site.conns_closed, 0);
	assert_int_equal(site_counters(&g.site).connections, 1);
	assert_int_equal(site_counters(&g.site).refused, 1);
	gate_close(&g);
}

static void stop(struct gate *g)
{
	assert_ok(postern_server_stop(g->site.server));
}

static void a_stop_meanwhile_keeps_nobody_out(void **state)
{
	struct gate g;

	(void)state;
	gate_open(&g, stop);
	site_echo(&g.site, g.fds[1]);
	assert_int_equal(g.site.accepted, 2);
	gate_close(&g);
}

static void pause_server(struct gate *g)
{
	assert_ok(postern_server_pause(g->site.server));
}

static void a_pause_meanwhile_is_for_the_next_one(void **state)
{
	struct gate g;
	int fd;

	(void)state;
	gate_open(&g, pause_server);
	site_echo(&g.site, g.fds[1]);
	fd = plain_connect(postern_server_path(g.site.server));
	assert_ok(fd);
	turn_for(g.site.loop, 30);
	assert_int_equal(g.site.accepted, 2);
	assert_ok(postern_server_resume(g.site.server));
	site_echo(&g.site, fd);
	close(fd);
	gate_close(&g);
}

static void drain(struct gate *g)
{
	assert_ok(postern_server_drain(g->site.server, POSTERN_SECONDS(1)));
}

static void a_drain_meanwhile_closes_it_too(void **state)
{
	struct gate g;
	char byte;

	(void)state;
	gate_open(&g, drain);
	turn_until(g.site.loop, g.site.closed == 1);
	/* Let in, told, ended; and the server after it. */
	assert_string_equal(g.site.trace, "?a?axxC");
	assert_int_equal(g.site.why.code, POSTERN_REASON_CLOSED);
	assert_int_equal(recv(g.fds[1], &byte, 1, 0), 0);
	gate_close(&g);
}

static void drain_and_refuse(struct gate *g)
{
	drain(g);
	g->site.allow = -1;
}

static void a_drain_does_not_wait_for_who_was_turned_away(void **state)
{
	struct gate g;

	(void)state;
	gate_open(&g, drain_and_refuse);
	turn_until(g.site.loop, g.site.closed == 1);
	assert_string_equal(g.site.trace, "?a?xC");
	gate_close(&g);
}

static void free_server(struct gate *g)
{
	g->site.server = postern_server_free(g->site.server);
}

static void a_free_meanwhile_ends_it_without_an_event(void **state)
{
	struct gate g;
	char byte;

	(void)state;
	gate_open(&g, free_server);
	assert_string_equal(g.site.trace, "?a?x");
	turn_quiet(g.site.loop);
	assert_int_equal(recv(g.fds[1], &byte, 1, 0), 0);
	gate_close(&g);
}

static void free_loop(struct gate *g)
{
	g->site.loop = postern_loop_free(g->site.loop);
}

static void so_does_the_end_of_the_loop(void **state)
{
	struct gate g;
	char byte;

	(void)state;
	memset(&g, 0, sizeof(g));
	site_open(&g.site, "clock", NULL);
	g.act = free_loop;
	g.site.hook = gate_hook;
	for (int i = 0; i < FDS; i++)
		g.fds[i] = plain_connect(postern_server_path(g.site.server));
	while (g.site.loop)
		postern_loop_dispatch(g.site.loop, POSTERN_MS(10));
	assert_string_equal(g.site.trace, "?a?xC");
	assert_int_equal(recv(g.fds[1], &byte, 1, 0), 0);
	gate_close(&g);
}

/* ---- a thread that leaves there ---- */

static int leave(struct postern_server *s, const struct postern_peer *peer, void *data)
{
	(void)s, (void)peer, (void)data;
	pthread_exit(NULL);
}

static const struct postern_server_events leaving = { .size = sizeof(leaving), .allow = leave };

static int serve(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	struct postern_server *server;

	(void)t, (void)data;
	return postern_server_new(&server, loop, test_path("gate"), NULL, &leaving, NULL);
}

static void a_thread_that_leaves_meanwhile_closes_it(void **state)
{
	struct postern_thread *t;
	char byte;
	int fd;

	(void)state;
	assert_ok(postern_thread_start(&t, NULL, serve, NULL));
	fd = plain_connect(test_path("gate"));
	assert_ok(fd);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	assert_ok(postern_thread_join(t, test_patience_ns()));
	postern_thread_free(t);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(who_is_not_let_in_yet_is_not_seen),
		TEST(who_is_turned_away_was_never_there),
		TEST(a_stop_meanwhile_keeps_nobody_out),
		TEST(a_pause_meanwhile_is_for_the_next_one),
		TEST(a_drain_meanwhile_closes_it_too),
		TEST(a_drain_does_not_wait_for_who_was_turned_away),
		TEST(a_free_meanwhile_ends_it_without_an_event),
		TEST(so_does_the_end_of_the_loop),
		TEST(a_thread_that_leaves_meanwhile_closes_it),
	};

	return test_run(tests);
}
