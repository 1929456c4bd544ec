/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ends of requests and services: who frees what when, draining, the reserve beyond the limits, other threads,
 * idleness. The numbers are the rows of docs/VARLINK.md.
 */
#include "desk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALL(method)       "{\"method\":\"org.example.desk." method "\"}"
#define WITH(method, more) "{\"method\":\"org.example.desk." method "\"," more "}"
#define BUSY               "{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":500}}"

/* ---- V14: what nobody answers ---- */

static void V14_a_request_that_its_handler_leaves_is_abandoned(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Forget"));
	desk_hears(&d, fd, "{\"error\":\"io.postern.Abandoned\"}");
	desk_say(&d, fd, CALL("Keep"));
	turn_until(d.loop, d.n_kept == 1);
	d.kept[0] = postern_request_free(d.kept[0]);
	desk_hears(&d, fd, "{\"error\":\"io.postern.Abandoned\"}");
	desk_say(&d, fd, CALL("Echo"));
	desk_hears(&d, fd, "{}");
	assert_int_equal(desk_counters(&d).abandoned, 2);
	assert_int_equal(d.cancelled, 0);
	close(fd);
	desk_close(&d);
}

static void frees_at_once(struct desk *d, struct postern_request *r, char event)
{
	(void)d;
	if (event == 'h')
		postern_request_free(r);
	else if (event == 'k')
		d->kept[--d->n_kept] = postern_request_free(r);
}

static void V14_a_request_may_be_freed_in_its_handler_kept_or_not(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	d.hook = frees_at_once;
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Hook"));
	desk_hears(&d, fd, "{\"error\":\"io.postern.Abandoned\"}");
	desk_say(&d, fd, CALL("Keep"));
	desk_hears(&d, fd, "{\"error\":\"io.postern.Abandoned\"}");
	close(fd);
	desk_close(&d);
}

/* ---- V14: draining ---- */

static void V14_draining_answers_what_is_open_and_tells_the_others(void **state)
{
	struct desk d;
	int open, idle, later;

	(void)state;
	desk_open(&d, NULL);
	open = desk_peer(&d);
	idle = desk_peer(&d);
	later = desk_peer(&d);
	desk_say(&d, open, CALL("Keep"));
	desk_say(&d, open, CALL("Echo"));
	desk_say(&d, open, WITH("Echo", "\"oneway\":true"));
	turn_until(d.loop, d.n_kept == 1);
	desk_say(&d, later, CALL("Echo"));
	assert_ok(postern_service_drain(d.service, 0));
	assert_errno(plain_connect(test_path("desk/sock")), -ENOENT);
	desk_hears_the_end(&d, idle);
	desk_hears(&d, later, "{\"error\":\"io.postern.Draining\"}");
	desk_hears_the_end(&d, later);
	assert_int_equal(d.closed, 0);
	assert_ok(postern_request_reply_json(d.kept[0], NULL, 0));
	desk_hears(&d, open, "{}");
	desk_hears(&d, open, "{\"error\":\"io.postern.Draining\"}");
	desk_hears_the_end(&d, open);
	assert_int_equal(d.echoes, 1);
	turn_until(d.loop, d.closed == 1);
	assert_int_equal(d.code, POSTERN_REASON_CLOSED);
	assert_errno(postern_service_drain(d.service, 0), -ESTALE);
	assert_errno(postern_service_provide(d.service, &desk_interface, NULL, NULL), -ESTALE);
	desk_close(&d);
}

static void V14_who_connected_before_the_drain_and_calls_after_it_is_told(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	assert_ok(postern_service_drain(d.service, 0));
	turn_for(d.loop, 20);
	desk_say(&d, fd, CALL("Echo"));
	desk_hears(&d, fd, "{\"error\":\"io.postern.Draining\"}");
	desk_hears_the_end(&d, fd);
	turn_until(d.loop, d.closed == 1);
	desk_close(&d);
}

static void V14_the_deadline_of_a_drain_cancels_what_is_open(void **state)
{
	struct test_time begun = test_time();
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Keep"));
	turn_until(d.loop, d.n_kept == 1);
	assert_ok(postern_service_drain(d.service, POSTERN_MS(50)));
	turn_until(d.loop, d.closed == 1);
	assert_took(begun, POSTERN_MS(50), POSTERN_MS(200));
	assert_int_equal(d.cancelled, 1);
	assert_string_equal(d.trace, "kxC");
	assert_errno(postern_request_reply_json(d.kept[0], NULL, 0), -ESTALE);
	desk_hears_the_end(&d, fd);
	desk_close(&d);
}

/* Also behind more than one read takes; a call that wants an answer cannot have one any more. */
static void V13_oneway_calls_behind_an_open_one_run_at_the_deadline_of_a_drain(void **state)
{
	static const char oneway[] = "{\"method\":\"org.example.desk.Echo\",\"oneway\":true}";
	static const char keep[] = "{\"method\":\"org.example.desk.Keep\",\"oneway\":true}";
	enum { CALLS = 100, KEPT = 10 };
	struct test_time begun;
	struct desk d;
	int fd;

	(void)state;
	/* Behind one that wants an answer, and a oneway one, whose peer has left or not. */
	for (int kept = 0; kept < 3; kept++) {
		desk_open(&d, NULL);
		fd = desk_peer(&d);
		desk_say(&d, fd, kept ? keep : CALL("Keep"));
		turn_until(d.loop, d.n_kept == 1);
		for (int i = 0; i < CALLS; i++)
			desk_say(&d, fd, i % 2 ? CALL("Echo") : oneway);
		for (int i = 0; i < KEPT; i++)
			desk_say(&d, fd, keep);
		if (kept == 2)
			close(fd);
		turn_for(d.loop, 5);
		begun = test_time();
		assert_ok(postern_service_drain(d.service, POSTERN_MS(20)));
		turn_until(d.loop, d.closed == 1);
		assert_took_less(begun, POSTERN_MS(800) * test_scale());
		assert_int_equal(d.echoes, CALLS / 2);
		assert_int_equal(desk_counters(&d).dropped, CALLS / 2);
		assert_int_equal(d.cancelled, !kept);
		assert_int_equal(d.n_kept, 1 + KEPT);
		if (kept < 2)
			desk_hears_the_end(&d, fd);
		desk_close(&d);
	}
}

/* One that goes on sending has a second. */
static void V14_a_peer_that_goes_on_calling_delays_the_end_of_a_drain_by_a_second(void **state)
{
	int64_t until = test_now_ns() + test_patience_ns();
	struct test_time begun = test_time();
	static char burst[32 * 1024];
	struct desk d;
	int fd;

	(void)state;
	for (size_t at = 0; at + sizeof CALL("Echo") <= sizeof burst; at += sizeof CALL("Echo"))
		memcpy(burst + at, CALL("Echo"), sizeof CALL("Echo"));
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Keep"));
	turn_until(d.loop, d.n_kept == 1);
	assert_ok(postern_service_drain(d.service, POSTERN_MS(20)));
	while (!d.closed && test_now_ns() < until) {
		(void)!send(fd, burst, sizeof burst / sizeof CALL("Echo") * sizeof CALL("Echo"),
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		turn(d.loop, 1);
	}
	assert_int_equal(d.closed, 1);
	assert_took(begun, POSTERN_MS(20), POSTERN_MS(1600));
	close(fd);
	desk_close(&d);
}

/* ---- V14: beyond the limits ---- */

static void V14_beyond_the_limit_a_call_is_answered_with_busy_and_that_is_all(void **state)
{
	struct postern_server_options server = { .size = sizeof(server), .connections = 2 };
	struct postern_service_options options = { .size = sizeof(options), .server = &server };
	static char large[80 * 1024];
	struct desk d;
	int fds[2], fd;

	(void)state;
	desk_open(&d, &options);
	for (int i = 0; i < 2; i++) {
		fds[i] = desk_peer(&d);
		desk_say(&d, fds[i], CALL("Echo"));
		desk_hears(&d, fds[i], "{}");
	}
	fd = desk_peer(&d);
	/* Those that come together are all told, also behind a round: none of them has run. */
	for (int i = 0; i < 40; i++)
		desk_say(&d, fd, CALL("Echo"));
	for (int i = 0; i < 40; i++)
		desk_hears(&d, fd, BUSY);
	desk_hears_the_end(&d, fd);
	/* A oneway call is not told, a large one is not read. */
	fd = desk_peer(&d);
	desk_say(&d, fd, WITH("Echo", "\"oneway\":true"));
	desk_hears_the_end(&d, fd);
	assert_int_equal(desk_counters(&d).dropped, 1);
	memset(large, ' ', sizeof large);
	desk_breaks(&d, large, sizeof large, "");
	assert_int_equal(d.echoes, 2);
	/* A place that is free again. */
	close(fds[0]);
	turn_quiet(d.loop);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Echo"));
	desk_hears(&d, fd, "{}");
	close(fd);
	close(fds[1]);
	desk_close(&d);
}

static void V14_one_who_goes_on_calling_has_no_place_of_the_reserve_for_long(void **state)
{
	struct postern_server_options server = { .size = sizeof(server), .connections = 1 };
	struct postern_service_options options = { .size = sizeof(options), .server = &server };
	struct test_time begun;
	struct desk d;
	int first, fd, reads;

	(void)state;
	desk_open(&d, &options);
	first = desk_peer(&d);
	turn(d.loop, 10);
	/* One who reads the answers, and one who does not. */
	for (reads = 0; reads < 2; reads++) {
		int64_t until = test_now_ns() + test_patience_ns();
		char got[4096];
		ssize_t r = 1;

		begun = test_time();
		fd = desk_peer(&d);
		while (r != 0 && test_now_ns() < until) {
			/* More than a round at a time. */
			for (int i = 0; i < 32 && r != 0; i++) {
				ssize_t n = send(fd, CALL("Echo"), sizeof CALL("Echo"),
						 MSG_DONTWAIT | MSG_NOSIGNAL);

				if (n < 0 && errno == EPIPE)
					r = 0;
				else if (n >= 0) /* whole: it is small */
					assert_int_equal(n, sizeof CALL("Echo"));
			}
			if (r == 0)
				break;
			turn(d.loop, 1);
			r = reads ? recv(fd, got, sizeof got, MSG_DONTWAIT) : 1;
		}
		assert_took_less(begun, POSTERN_MS(3500) * test_scale());
		close(fd);
	}
	assert_int_equal(d.echoes, 0);
	close(first);
	desk_close(&d);
}

static void V14_limits_as_large_as_they_can_be_are_none(void **state)
{
	struct postern_server_options server = { .size = sizeof(server),
						 .connections = UINT32_MAX,
						 .connections_per_uid = UINT32_MAX - 1 };
	struct postern_service_options options = { .size = sizeof(options), .server = &server };
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, &options);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Echo"));
	desk_hears(&d, fd, "{}");
	close(fd);
	desk_close(&d);
}

static void V14_one_who_says_nothing_has_no_place_of_the_reserve_for_long(void **state)
{
	struct postern_server_options server = { .size = sizeof(server), .connections_per_uid = 1 };
	struct postern_service_options options = { .size = sizeof(options), .server = &server };
	struct test_time begun;
	struct desk d;
	int first, fds[16], fd;

	(void)state;
	desk_open(&d, &options);
	first = desk_peer(&d);
	turn_quiet(d.loop);
	begun = test_time();
	for (int i = 0; i < 16; i++)
		fds[i] = desk_peer(&d);
	/* Beyond the reserve: closed without a word. */
	turn_quiet(d.loop);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Echo"));
	desk_hears_the_end(&d, fd);
	for (int i = 0; i < 16; i++)
		desk_hears_the_end(&d, fds[i]);
	assert_took(begun, POSTERN_MS(900), POSTERN_MS(1500));
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Echo"));
	desk_hears(&d, fd, BUSY);
	desk_hears_the_end(&d, fd);
	desk_say(&d, first, CALL("Echo"));
	desk_hears(&d, first, "{}");
	close(first);
	desk_close(&d);
}

/* ---- idleness ---- */

static void a_peer_whose_call_is_worked_on_is_never_idle(void **state)
{
	struct postern_conn_options conn = { .size = sizeof(conn), .idle_ns = POSTERN_MS(40) };
	struct postern_server_options server = { .size = sizeof(server), .conn = &conn };
	struct postern_service_options options = { .size = sizeof(options), .server = &server };
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, &options);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Echo"));
	desk_say(&d, fd, CALL("Keep"));
	desk_say(&d, fd, CALL("Echo"));
	turn_until(d.loop, d.n_kept == 1);
	/* It does not read the first answer, and waits for the second. */
	turn_for(d.loop, 300);
	assert_int_equal(d.cancelled, 0);
	assert_ok(postern_request_reply_json(d.kept[0], "{\"late\":1}", 10));
	desk_hears(&d, fd, "{}");
	desk_hears(&d, fd, "{\"parameters\":{\"late\":1}}");
	desk_hears(&d, fd, "{}");
	/* Now the program owes nothing, and a peer that reads none of this is idle. */
	desk_say(&d, fd, CALL("Echo"));
	turn_until(d.loop, d.echoes == 3);
	turn_for(d.loop, 300);
	desk_hears(&d, fd, "{}");
	desk_hears_the_end(&d, fd);
	desk_close(&d);
}

static void V20_a_service_with_a_listener_of_others_ends_when_it_is_idle_and_leaves_it_open(
	void **state)
{
	struct postern_service_options options = { .size = sizeof(options),
						   .exit_idle_ns = POSTERN_MS(60) };
	int listener = plain_listen(test_path("l"), 5), fd, next;
	char name[32];
	struct desk d = { 0 };

	(void)state;
	snprintf(name, sizeof name, "fd:%d", listener);
	desk_open_name(&d, name, &options);
	fd = plain_connect(test_path("l"));
	assert_ok(fcntl(fd, F_SETFL, O_NONBLOCK));
	desk_say(&d, fd, CALL("Echo"));
	desk_hears(&d, fd, "{}");
	turn_for(d.loop, 200);
	assert_int_equal(d.closed, 0);
	close(fd);
	turn_until(d.loop, d.closed == 1);
	assert_int_equal(d.code, POSTERN_REASON_IDLE);
	/* Who comes next waits for whom the manager starts. */
	next = plain_connect(test_path("l"));
	assert_true(next >= 0);
	desk_close(&d);
	close(next);
	close(listener);
}

static void V20_a_request_that_is_kept_is_no_idleness(void **state)
{
	struct postern_service_options options = { .size = sizeof(options),
						   .exit_idle_ns = POSTERN_MS(40) };
	int listener = plain_listen(test_path("l"), 5), fd;
	char name[32];
	struct desk d = { 0 };

	(void)state;
	snprintf(name, sizeof name, "fd:%d", listener);
	desk_open_name(&d, name, &options);
	fd = plain_connect(test_path("l"));
	desk_say(&d, fd, "{\"method\":\"org.example.desk.Keep\",\"oneway\":true}");
	turn_until(d.loop, d.n_kept == 1);
	close(fd);
	turn_for(d.loop, 150);
	assert_int_equal(d.closed, 0);
	assert_ok(postern_request_reply_json(d.kept[0], NULL, 0));
	d.kept[0] = postern_request_free(d.kept[0]);
	d.n_kept = 0;
	turn_until(d.loop, d.closed == 1);
	assert_int_equal(d.code, POSTERN_REASON_IDLE);
	desk_close(&d);
	close(listener);
}

static void V20_a_service_with_a_name_of_its_own_never_ends_by_itself(void **state)
{
	struct postern_service_options options = { .size = sizeof(options), .exit_idle_ns = 1 };
	struct desk d;

	(void)state;
	desk_open(&d, &options);
	turn_for(d.loop, 50);
	assert_int_equal(d.closed, 0);
	desk_close(&d);
}

/* ---- kept longer than what it came from ---- */

static unsigned asked;

static void asks_for_the_service(struct desk *d, struct postern_request *r, char event)
{
	(void)d;
	if (event != 'x')
		return;
	assert_null(postern_request_service(r));
	asked++;
}

static void a_request_has_no_service_while_that_is_being_freed(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	d.hook = asks_for_the_service;
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Keep"));
	turn_until(d.loop, d.n_kept == 1);
	asked = 0;
	d.service = postern_service_free(d.service);
	assert_int_equal(asked, 1);
	close(fd);
	desk_close(&d);
}

static void a_kept_request_outlives_its_service_and_its_loop(void **state)
{
	struct postern_peer peer = { 0 };
	struct desk d;
	int fds[3];

	(void)state;
	desk_open(&d, NULL);
	for (int i = 0; i < 3; i++) {
		fds[i] = desk_peer(&d);
		desk_say(&d, fds[i], WITH("Keep", "\"parameters\":{\"a\":1}"));
	}
	turn_until(d.loop, d.n_kept == 3);
	assert_ptr_equal(postern_request_service(d.kept[0]), d.service);
	d.service = postern_service_free(d.service);
	assert_int_equal(d.cancelled, 3);
	assert_null(postern_request_service(d.kept[0]));
	assert_errno(postern_request_reply_json(d.kept[0], NULL, 0), -ESTALE);
	assert_errno(postern_request_fail_json(d.kept[0], "a.b.C", NULL, 0), -ESTALE);
	d.kept[0] = postern_request_free(d.kept[0]);
	d.loop = postern_loop_free(d.loop);
	assert_errno(postern_request_continue_json(d.kept[1], NULL, 0), -ESTALE);
	assert_int_equal(postern_request_parameters(d.kept[1]).n, 7);
	assert_ok(postern_request_peer(d.kept[1], &peer, sizeof peer));
	assert_int_equal(peer.pid, getpid());
	for (int i = 0; i < 3; i++)
		desk_hears_the_end(&d, fds[i]);
	desk_close(&d);
}

static void the_loop_may_be_freed_before_the_service_and_its_requests(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Keep"));
	turn_until(d.loop, d.n_kept == 1);
	d.loop = postern_loop_free(d.loop);
	assert_int_equal(d.cancelled, 1);
	assert_int_equal(d.closed, 1);
	assert_int_equal(d.code, POSTERN_REASON_CANCELLED);
	assert_errno(postern_service_drain(d.service, 0), -ESTALE);
	assert_errno(postern_request_reply_json(d.kept[0], NULL, 0), -ESTALE);
	close(fd);
	desk_close(&d);
}

static void frees_every_request(struct desk *d, struct postern_request *r, char event)
{
	(void)r;
	if (event != 'x')
		return;
	while (d->n_kept > 0)
		postern_request_free(d->kept[--d->n_kept]);
}

/* More than a service keeps blocks for: the others are given back to malloc() at once. */
static void one_that_is_cancelled_with_its_loop_may_free_all_others(void **state)
{
	enum { CROWD = 80 };
	struct postern_service_counters counters;
	struct desk d;
	int fds[CROWD];

	(void)state;
	desk_open(&d, NULL);
	for (unsigned i = 0; i < CROWD; i++) {
		fds[i] = desk_peer(&d);
		desk_say(&d, fds[i], CALL("Keep"));
		turn_until(d.loop, d.n_kept == i + 1);
	}
	d.hook = frees_every_request;
	d.loop = postern_loop_free(d.loop);
	assert_int_equal(d.cancelled, 1);
	counters = desk_counters(&d);
	assert_int_equal(counters.cancelled, 1);
	assert_int_equal(counters.open, 0);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	desk_close(&d);
}

static int frees_all(void *arg)
{
	struct desk *d = arg;

	assert_errno(postern_request_reply_json(d->kept[0], NULL, 0), -ECHILD);
	assert_errno(postern_request_post(d->kept[0], NULL, NULL), -EINVAL);
	assert_errno(postern_service_drain(d->service, 0), -ECHILD);
	postern_request_free(d->kept[0]);
	postern_service_free(d->service);
	postern_request_free(d->kept[1]);
	postern_loop_free(d->loop);
	return (int)d->cancelled;
}

static void a_forked_child_can_only_free_and_the_parent_does_not_notice(void **state)
{
	struct desk d;
	int fds[2];

	(void)state;
	desk_open(&d, NULL);
	for (int i = 0; i < 2; i++) {
		fds[i] = desk_peer(&d);
		desk_say(&d, fds[i], CALL("Keep"));
	}
	turn_until(d.loop, d.n_kept == 2);
	assert_int_equal(test_fork(frees_all, &d), 0);
	for (int i = 0; i < 2; i++) {
		assert_ok(postern_request_reply_json(d.kept[i], NULL, 0));
		desk_hears(&d, fds[i], "{}");
		close(fds[i]);
	}
	desk_close(&d);
}

static char free_what;

static void frees_the_service(struct desk *d, struct postern_request *r, char event)
{
	(void)r;
	if (event != free_what)
		return;
	d->service = postern_service_free(d->service);
	assert_null(postern_request_service(r));
	if (r)
		d->results[0] = postern_request_reply_json(r, NULL, 0);
}

static void frees_the_loop(struct desk *d, struct postern_request *r, char event)
{
	if (event != free_what)
		return;
	d->loop = postern_loop_free(d->loop);
	if (r)
		d->results[0] = postern_request_reply_json(r, NULL, 0);
}

static void the_service_or_the_loop_may_be_freed_in_each_event(void **state)
{
	static const char *const calls[] = { CALL("Hook"), CALL("Keep"), "nonsense", CALL("Keep"),
					     CALL("Echo") };
	static const char events[] = { 'h', 'k', 'E', 'x', 'C' };

	(void)state;
	for (int loop = 0; loop < 2; loop++) {
		for (unsigned i = 0; i < sizeof events; i++) {
			struct postern_loop *turning;
			struct desk d;
			int fd, other;

			desk_open(&d, NULL);
			d.hook = loop ? frees_the_loop : frees_the_service;
			free_what = events[i];
			fd = desk_peer(&d);
			other = desk_peer(&d);
			desk_say(&d, other, CALL("Echo"));
			desk_hears(&d, other, "{}");
			desk_say(&d, fd, calls[i]);
			turning = d.loop;
			if (events[i] == 'C')
				assert_ok(postern_service_drain(d.service, POSTERN_MS(1)));
			for (int k = 0; k < 5 && d.loop; k++)
				postern_loop_dispatch(turning, POSTERN_MS(5));
			if (events[i] == 'x') {
				shutdown(fd, SHUT_RDWR);
				for (int k = 0; k < 5 && d.loop; k++)
					postern_loop_dispatch(turning, POSTERN_MS(5));
			}
			assert_true(loop ? !d.loop : !d.service);
			if (events[i] != 'E' && events[i] != 'C')
				assert_errno(d.results[0], -ESTALE);
			/* Also from its own handler: nothing of the service is left in it. */
			if (events[i] == 'k')
				assert_null(postern_request_service(d.kept[0]));
			close(fd);
			close(other);
			desk_close(&d);
		}
	}
}

/* ---- other threads ---- */

static void answers(struct postern_request *r, void *data)
{
	int *result = data;

	*result = postern_request_reply_json(r, "{\"by\":\"post\"}", 13);
	postern_request_free(r);
}

static void *posts(void *r)
{
	static int result;

	result = -1;
	assert_ok(postern_request_post(r, answers, &result));
	return &result;
}

static void a_request_can_be_answered_from_another_thread(void **state)
{
	pthread_t thread;
	struct desk d;
	void *result;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Keep"));
	turn_until(d.loop, d.n_kept == 1);
	assert_ok(pthread_create(&thread, NULL, posts, d.kept[0]));
	desk_hears(&d, fd, "{\"parameters\":{\"by\":\"post\"}}");
	assert_ok(pthread_join(thread, &result));
	assert_int_equal(*(int *)result, 0);
	d.n_kept = 0;
	close(fd);
	desk_close(&d);
}

static void nothing(struct postern_loop *loop, void *data)
{
	(void)loop;
	(void)data;
}

static void a_post_of_a_request_never_lacks_room_and_waits_for_the_last_one(void **state)
{
	int result = -1, r;
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Keep"));
	turn_until(d.loop, d.n_kept == 1);
	do {
		r = postern_loop_post(d.loop, nothing, NULL);
	} while (r == 0);
	assert_errno(r, -EAGAIN);
	assert_ok(postern_request_post(d.kept[0], answers, &result));
	assert_errno(postern_request_post(d.kept[0], answers, &result), -EBUSY);
	assert_non_null(strstr(postern_why()->text, "postern_request_post"));
	desk_hears(&d, fd, "{\"parameters\":{\"by\":\"post\"}}");
	assert_int_equal(result, 0);
	d.n_kept = 0;
	close(fd);
	desk_close(&d);
}

static void a_post_is_called_by_the_free_of_the_loop_and_after_it_at_once(void **state)
{
	int results[2] = { 1, 1 };
	pthread_t thread;
	struct desk d;
	void *result;
	int fds[3];

	(void)state;
	desk_open(&d, NULL);
	for (int i = 0; i < 3; i++) {
		fds[i] = desk_peer(&d);
		desk_say(&d, fds[i], CALL("Keep"));
	}
	turn_until(d.loop, d.n_kept == 3);
	d.service = postern_service_free(d.service);
	assert_ok(postern_request_post(d.kept[0], answers, &results[0]));
	d.loop = postern_loop_free(d.loop);
	assert_errno(results[0], -ESTALE);
	assert_ok(postern_request_post(d.kept[1], answers, &results[1]));
	assert_errno(results[1], -ESTALE);
	assert_ok(pthread_create(&thread, NULL, posts, d.kept[2]));
	assert_ok(pthread_join(thread, &result));
	assert_errno(*(int *)result, -ESTALE);
	d.n_kept = 0;
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	desk_close(&d);
}

static void a_request_with_a_post_that_waits_can_be_freed(void **state)
{
	int result = 1;
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Keep"));
	turn_until(d.loop, d.n_kept == 1);
	assert_ok(postern_request_post(d.kept[0], answers, &result));
	d.kept[0] = postern_request_free(d.kept[0]);
	desk_hears(&d, fd, "{\"error\":\"io.postern.Abandoned\"}");
	turn_quiet(d.loop);
	assert_int_equal(result, 1);
	close(fd);
	desk_close(&d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V14_a_request_that_its_handler_leaves_is_abandoned),
		TEST(V14_a_request_may_be_freed_in_its_handler_kept_or_not),
		TEST(V14_draining_answers_what_is_open_and_tells_the_others),
		TEST(V14_who_connected_before_the_drain_and_calls_after_it_is_told),
		TEST(V14_the_deadline_of_a_drain_cancels_what_is_open),
		TEST(V13_oneway_calls_behind_an_open_one_run_at_the_deadline_of_a_drain),
		TEST(V14_a_peer_that_goes_on_calling_delays_the_end_of_a_drain_by_a_second),
		TEST(V14_beyond_the_limit_a_call_is_answered_with_busy_and_that_is_all),
		TEST(V14_one_who_goes_on_calling_has_no_place_of_the_reserve_for_long),
		TEST(V14_limits_as_large_as_they_can_be_are_none),
		TEST(V14_one_who_says_nothing_has_no_place_of_the_reserve_for_long),
		TEST(a_peer_whose_call_is_worked_on_is_never_idle),
		TEST(V20_a_service_with_a_listener_of_others_ends_when_it_is_idle_and_leaves_it_open),
		TEST(V20_a_request_that_is_kept_is_no_idleness),
		TEST(V20_a_service_with_a_name_of_its_own_never_ends_by_itself),
		TEST(a_request_has_no_service_while_that_is_being_freed),
		TEST(a_kept_request_outlives_its_service_and_its_loop),
		TEST(one_that_is_cancelled_with_its_loop_may_free_all_others),
		TEST(the_loop_may_be_freed_before_the_service_and_its_requests),
		TEST(a_forked_child_can_only_free_and_the_parent_does_not_notice),
		TEST(the_service_or_the_loop_may_be_freed_in_each_event),
		TEST(a_request_can_be_answered_from_another_thread),
		TEST(a_post_of_a_request_never_lacks_room_and_waits_for_the_last_one),
		TEST(a_post_is_called_by_the_free_of_the_loop_and_after_it_at_once),
		TEST(a_request_with_a_post_that_waits_can_be_freed),
	};
	return test_run(tests);
}
