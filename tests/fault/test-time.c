/* SPDX-License-Identifier: Apache-2.0 */
/* test-time.c - a duration counts from the call that it is given to, however long the callback has run */
#include "pair.h"

#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"

#define SLOW POSTERN_MS(300) /* that a callback takes */

static int time_setup(void **state)
{
	(void)state;
	fault_reset();
	fault_clock_fake();
	return 0;
}

static int time_finish(void **state)
{
	(void)state;
	assert_int_equal(fault_memory(), 0);
	fault_reset();
	return 0;
}

#define TIME_TEST(name) TEST_WITH(name, time_setup, time_finish)

/* Turns, until something happened or so much time has passed. */
static void until(struct postern_loop *loop, const int64_t *happened, int64_t ns)
{
	int64_t end = postern_now() + ns;

	while (*happened == 0 && postern_now() < end)
		assert_ok(postern_loop_dispatch(loop, end - postern_now()));
}

/* ---- a callback that is slow, and then does something ---- */

struct slow {
	struct postern_loop *loop;
	struct postern_timer *timer, *other;
	struct postern_conn *c;
	struct postern_server *server;
	void (*then)(struct slow *s);
	int64_t set_ns, fired_ns;
	unsigned turns, fired;
};

static void slow_fires(struct postern_timer *t, void *data)
{
	struct slow *s = data;

	(void)t;
	fault_clock_advance(SLOW);
	s->set_ns = postern_now();
	s->then(s);
}

static void other_fires(struct postern_timer *t, void *data)
{
	struct slow *s = data;

	(void)t;
	s->fired++;
	if (s->fired_ns == 0)
		s->fired_ns = postern_now();
}

static void slow_open(struct slow *s, void (*then)(struct slow *s))
{
	*s = (struct slow){ .then = then };
	assert_ok(postern_loop_new(&s->loop));
	assert_ok(postern_timer_new(&s->timer, s->loop, slow_fires, s));
	assert_ok(postern_timer_new(&s->other, s->loop, other_fires, s));
	assert_ok(postern_timer_set(s->timer, 0));
}

static void slow_close(struct slow *s)
{
	postern_timer_free(s->timer);
	postern_timer_free(s->other);
	postern_loop_free(s->loop);
}

static void set_once(struct slow *s)
{
	assert_ok(postern_timer_set(s->other, POSTERN_MS(100)));
}

static void a_timer_counts_from_the_call_that_set_it(void **state)
{
	struct slow s;

	(void)state;
	slow_open(&s, set_once);
	until(s.loop, &s.fired_ns, POSTERN_SECONDS(1));
	assert_int_equal(s.fired_ns - s.set_ns, POSTERN_MS(100));
	slow_close(&s);
}

static void set_periodic(struct slow *s)
{
	assert_ok(postern_timer_set_periodic(s->other, POSTERN_MS(100)));
}

static void the_first_period_counts_from_the_call_too(void **state)
{
	struct slow s;

	(void)state;
	slow_open(&s, set_periodic);
	until(s.loop, &s.fired_ns, POSTERN_SECONDS(1));
	assert_int_equal(s.fired_ns - s.set_ns, POSTERN_MS(100));
	slow_close(&s);
}

static void set_at_once(struct slow *s)
{
	assert_ok(postern_timer_set(s->other, 0));
	fault_clock_advance(POSTERN_MS(1));
}

static void a_timer_that_is_set_to_nothing_waits_for_the_next_turn(void **state)
{
	struct slow s;

	(void)state;
	slow_open(&s, set_at_once);
	while (s.set_ns == 0)
		assert_ok(postern_loop_dispatch(s.loop, POSTERN_SECONDS(1)));
	assert_int_equal(s.fired, 0);
	assert_ok(postern_loop_dispatch(s.loop, 0));
	assert_int_equal(s.fired, 1);
	slow_close(&s);
}

/* A descriptor's callback runs before the timers of the same turn are looked at. */
static void watch_sets_timer(struct postern_watch *w, uint64_t happened, void *data)
{
	struct slow *s = data;

	(void)happened;
	assert_ok(postern_watch_set(w, 0));
	assert_ok(postern_timer_set(s->other, 0));
	fault_clock_advance(SLOW);
}

static void that_holds_where_the_clock_was_not_read_in_this_turn_before(void **state)
{
	struct postern_watch *w;
	struct slow s;
	int fds[2];

	(void)state;
	slow_open(&s, set_once);
	assert_ok(postern_timer_cancel(s.timer));
	assert_int_equal(pipe(fds), 0);
	assert_ok(postern_watch_new(&w, s.loop, fds[1], POSTERN_WATCH_WRITABLE, watch_sets_timer,
				    &s));
	/* Due in the same turn, so that the timers are looked at. */
	assert_ok(postern_timer_set(s.timer, POSTERN_MS(1)));
	s.then = set_once;
	fault_clock_advance(POSTERN_MS(1));
	assert_ok(postern_loop_dispatch(s.loop, 0));
	assert_int_equal(s.fired, 0);
	postern_watch_free(w);
	close(fds[0]);
	close(fds[1]);
	slow_close(&s);
}

/* ---- a close, a drain ---- */

static void close_connection(struct slow *s)
{
	assert_ok(postern_conn_close(s->c));
}

static void told_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct slow *s = data;

	(void)c;
	assert_int_equal(why->code, POSTERN_REASON_TIMEOUT);
	s->fired_ns = postern_now();
}

static const struct postern_conn_events conn_events = { .size = sizeof conn_events,
							.closed = told_closed };

/* More than the kernel takes, so that a close has to wait for its deadline. */
static void stuff(struct postern_conn *c)
{
	static char bytes[1024 * 1024];

	assert_int_equal(postern_conn_write(c, bytes, sizeof bytes), sizeof bytes);
}

static void a_graceful_close_has_its_whole_time(void **state)
{
	const struct postern_conn_options options = { .size = sizeof options,
						      .drain_ns = POSTERN_MS(200) };
	struct slow s;
	int sv[2];

	(void)state;
	slow_open(&s, close_connection);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	assert_ok(postern_conn_adopt(&s.c, s.loop, sv[0], &options, &conn_events, &s));
	stuff(s.c);
	until(s.loop, &s.fired_ns, POSTERN_SECONDS(2));
	assert_int_equal(s.fired_ns - s.set_ns, POSTERN_MS(200));
	postern_conn_free(s.c);
	close(sv[1]);
	slow_close(&s);
}

static void drain_server(struct slow *s)
{
	assert_ok(postern_server_drain(s->server, POSTERN_MS(200)));
}

static void told_accepted(struct postern_server *server, struct postern_conn *c, void *data)
{
	struct slow *s = data;

	(void)server;
	stuff(c);
	assert_ok(postern_timer_set(s->timer, 0));
}

static void told_server_closed(struct postern_server *server, const struct postern_reason *why,
			       void *data)
{
	struct slow *s = data;

	(void)server;
	assert_int_equal(why->code, POSTERN_REASON_TIMEOUT);
	s->fired_ns = postern_now();
}

static const struct postern_conn_events silent = { .size = sizeof silent };
static const struct postern_server_events server_events = {
	.size = sizeof server_events,
	.conn = &silent,
	.accepted = told_accepted,
	.closed = told_server_closed,
};

static void a_drain_has_its_whole_time(void **state)
{
	struct slow s;
	int fd;

	(void)state;
	slow_open(&s, drain_server);
	assert_ok(postern_timer_cancel(s.timer));
	assert_ok(postern_server_new(&s.server, s.loop, "clock", NULL, &server_events, &s));
	fd = plain_connect(postern_server_path(s.server));
	assert_ok(fd);
	until(s.loop, &s.fired_ns, POSTERN_SECONDS(2));
	assert_int_equal(s.fired_ns - s.set_ns, POSTERN_MS(200));
	close(fd);
	postern_server_free(s.server);
	slow_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TIME_TEST(a_timer_counts_from_the_call_that_set_it),
		TIME_TEST(the_first_period_counts_from_the_call_too),
		TIME_TEST(a_timer_that_is_set_to_nothing_waits_for_the_next_turn),
		TIME_TEST(that_holds_where_the_clock_was_not_read_in_this_turn_before),
		TIME_TEST(a_graceful_close_has_its_whole_time),
		TIME_TEST(a_drain_has_its_whole_time),
	};

	return test_run(tests);
}
