/* SPDX-License-Identifier: Apache-2.0 */
/* test-server-next.c - what overtakes what when a server ends: deadlines, the backlog, limits, the final event */
#include "pair.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAITING = 4 };

/* A server with room for one, and so many that have connected. The first is accepted. */
struct crowd {
	struct site site;
	int fds[1 + WAITING];
};

static void crowd_open(struct crowd *w, const char *name, bool paused)
{
	const struct postern_server_options options = { .size = sizeof(options),
							.connections = paused ? 0 : 1 };

	site_open(&w->site, name, &options);
	for (int i = 0; i < 1 + WAITING; i++) {
		w->fds[i] = plain_connect(postern_server_path(w->site.server));
		assert_ok(w->fds[i]);
		if (i > 0)
			continue;
		turn_until(w->site.loop, w->site.accepted == 1);
		if (paused)
			assert_ok(postern_server_pause(w->site.server));
	}
	turn_quiet(w->site.loop);
	assert_int_equal(w->site.accepted, 1);
}

static void crowd_close(struct crowd *w)
{
	site_close(&w->site);
	for (int i = 0; i < 1 + WAITING; i++)
		close(w->fds[i]);
}

/* What a peer reads: 0 is an end. */
static int reads(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* ---- deadlines ---- */

static void a_deadline_that_passed_before_its_turn_does_not_overtake_who_had_connected(void **state)
{
	struct site s;
	int fd;

	(void)state;
	site_open(&s, "clock", NULL);
	fd = plain_connect(postern_server_path(s.server));
	assert_ok(fd);
	assert_ok(postern_server_drain(s.server, POSTERN_MS(20)));
	test_sleep_ms(30);
	turn_until(s.loop, s.closed == 1);
	turn_for(s.loop, 30);
	/* Asked about, accepted, ended; then the server, and nothing after it. */
	assert_string_equal(s.trace, "?axC");
	assert_int_equal(site_counters(&s).connections, 0);
	assert_int_equal(reads(fd), 0);
	/* Nothing was queued, so nothing had to be forced. */
	assert_int_equal(s.why.code, POSTERN_REASON_CLOSED);
	close(fd);
	site_close(&s);
}

static void queue_much(struct site *s, enum site_event event, struct postern_conn *c)
{
	static char much[1024 * 1024];

	(void)s;
	if (event == SITE_ACCEPTED)
		assert_true(postern_conn_write(c, much, sizeof(much)) > 0);
}

static void it_forces_what_cannot_be_sent_in_time(void **state)
{
	struct site s;
	int fd;

	(void)state;
	site_open(&s, "clock", NULL);
	s.hook = queue_much;
	fd = plain_connect(postern_server_path(s.server));
	assert_ok(fd);
	assert_ok(postern_server_drain(s.server, POSTERN_MS(20)));
	test_sleep_ms(30);
	turn_until(s.loop, s.closed == 1);
	turn_for(s.loop, 30);
	assert_string_equal(s.trace, "?axC");
	assert_int_equal(s.conn_why, POSTERN_REASON_TIMEOUT);
	assert_int_equal(s.why.code, POSTERN_REASON_TIMEOUT);
	assert_true(recv(fd, &(char[1]){ 0 }, 1, MSG_DONTWAIT) == 1);
	close(fd);
	site_close(&s);
}

static void a_drain_that_ends_in_time_says_so_whenever_it_is_asked(void **state)
{
	struct site s;

	(void)state;
	site_open(&s, "clock", NULL);
	assert_ok(postern_server_drain(s.server, POSTERN_MS(1)));
	test_sleep_ms(5);
	turn_until(s.loop, s.closed == 1);
	assert_int_equal(s.why.code, POSTERN_REASON_CLOSED);
	site_close(&s);
}

/* ---- limits ---- */

static void the_limit_holds_when_a_server_stops(void **state)
{
	struct crowd w;

	(void)state;
	crowd_open(&w, "clock", false);
	assert_ok(postern_server_stop(w.site.server));
	turn_quiet(w.site.loop);
	for (unsigned i = 0; i < WAITING; i++) {
		assert_int_equal(w.site.accepted, i + 1);
		assert_int_equal(site_counters(&w.site).connections, 1);
		assert_int_equal(reads(w.fds[i + 1]), -EAGAIN);
		/* When one goes, the next one comes. */
		close(w.fds[i]);
		w.fds[i] = -1;
		site_echo(&w.site, w.fds[i + 1]);
	}
	assert_int_equal(w.site.accepted, 1 + WAITING);
	crowd_close(&w);
}

static void a_successor_has_the_name_meanwhile(void **state)
{
	struct crowd w;
	struct site next;
	int fd;

	(void)state;
	crowd_open(&w, "clock", false);
	assert_ok(postern_server_stop(w.site.server));
	turn_quiet(w.site.loop);
	site_open(&next, "clock", NULL);
	fd = plain_connect(postern_server_path(next.server));
	site_echo(&next, fd);
	assert_int_equal(w.site.accepted, 1);
	close(fd);
	site_close(&next);
	crowd_close(&w);
}

static void the_limit_holds_when_a_server_drains(void **state)
{
	struct crowd w;

	(void)state;
	crowd_open(&w, "clock", false);
	assert_ok(postern_server_drain(w.site.server, POSTERN_SECONDS(5)));
	turn_until(w.site.loop, w.site.closed == 1);
	assert_string_equal(w.site.trace, "?ax?ax?ax?ax?axC");
	for (int i = 0; i < 1 + WAITING; i++)
		assert_int_equal(reads(w.fds[i]), 0);
	crowd_close(&w);
}

static void who_waits_at_the_limit_when_a_drain_is_forced_is_told_so(void **state)
{
	struct crowd w;

	(void)state;
	crowd_open(&w, "clock", false);
	queue_much(&w.site, SITE_ACCEPTED, w.site.conns[0]);
	assert_ok(postern_server_drain(w.site.server, POSTERN_MS(20)));
	turn_until(w.site.loop, w.site.closed == 1);
	assert_string_equal(w.site.trace, "?axC");
	for (int i = 1; i < 1 + WAITING; i++)
		assert_int_equal(reads(w.fds[i]), -ECONNRESET);
	crowd_close(&w);
}

static void a_stop_ends_a_pause(void **state)
{
	struct crowd w;

	(void)state;
	crowd_open(&w, "clock", true);
	assert_ok(postern_server_stop(w.site.server));
	for (int i = 0; i < 1 + WAITING; i++)
		site_echo(&w.site, w.fds[i]);
	assert_int_equal(w.site.accepted, 1 + WAITING);
	crowd_close(&w);
}

static void a_stopped_server_can_be_paused_again(void **state)
{
	struct crowd w;

	(void)state;
	crowd_open(&w, "clock", true);
	assert_ok(postern_server_stop(w.site.server));
	assert_ok(postern_server_pause(w.site.server));
	turn_for(w.site.loop, 30);
	assert_int_equal(w.site.accepted, 1);
	assert_ok(postern_server_resume(w.site.server));
	for (int i = 0; i < 1 + WAITING; i++)
		site_echo(&w.site, w.fds[i]);
	crowd_close(&w);
}

static void a_server_that_is_paused_while_it_drains_ends_without_who_waits(void **state)
{
	struct crowd w;

	(void)state;
	crowd_open(&w, "clock", true);
	assert_ok(postern_server_drain(w.site.server, POSTERN_SECONDS(5)));
	assert_ok(postern_server_pause(w.site.server));
	turn_until(w.site.loop, w.site.closed == 1);
	assert_string_equal(w.site.trace, "?axC");
	for (int i = 1; i < 1 + WAITING; i++)
		assert_int_equal(reads(w.fds[i]), -ECONNRESET);
	crowd_close(&w);
}

/* The address is the socket: it has to go, so that a successor can have it. */
static void who_waits_for_an_abstract_name_that_is_given_up_is_told_so(void **state)
{
	struct crowd w;
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@postern-next-%d", (int)getpid());
	memset(&w, 0, sizeof(w));
	crowd_open(&w, name, false);
	assert_ok(postern_server_stop(w.site.server));
	turn_quiet(w.site.loop);
	assert_int_equal(w.site.accepted, 1);
	for (int i = 1; i < 1 + WAITING; i++)
		assert_int_equal(reads(w.fds[i]), -ECONNRESET);
	crowd_close(&w);
}

static void a_free_tells_who_waits(void **state)
{
	struct crowd w;

	(void)state;
	crowd_open(&w, "clock", false);
	assert_ok(postern_server_stop(w.site.server));
	turn_quiet(w.site.loop);
	w.site.server = postern_server_free(w.site.server);
	for (int i = 1; i < 1 + WAITING; i++)
		assert_int_equal(reads(w.fds[i]), -ECONNRESET);
	crowd_close(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_deadline_that_passed_before_its_turn_does_not_overtake_who_had_connected),
		TEST(it_forces_what_cannot_be_sent_in_time),
		TEST(a_drain_that_ends_in_time_says_so_whenever_it_is_asked),
		TEST(the_limit_holds_when_a_server_stops),
		TEST(a_successor_has_the_name_meanwhile),
		TEST(the_limit_holds_when_a_server_drains),
		TEST(who_waits_at_the_limit_when_a_drain_is_forced_is_told_so),
		TEST(a_stop_ends_a_pause),
		TEST(a_stopped_server_can_be_paused_again),
		TEST(a_server_that_is_paused_while_it_drains_ends_without_who_waits),
		TEST(who_waits_for_an_abstract_name_that_is_given_up_is_told_so),
		TEST(a_free_tells_who_waits),
	};

	return test_run(tests);
}
