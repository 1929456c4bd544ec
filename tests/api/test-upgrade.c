/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-upgrade.c - V7 at the service: a call that asks for its connection, and what becomes of that
 *
 * The peers are plain sockets. What they send behind their call is cut, glued and broken off at every byte: none of it may be
 * lost, none of it may be read as a message. test-caller-upgrade.c has the other end.
 */
#include "desk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALL(method)       "{\"method\":\"org.example.desk." method "\"}"
#define WITH(method, more) "{\"method\":\"org.example.desk." method "\"," more "}"
#define UPGRADE            WITH("Upgrade", "\"upgrade\":true")
#define BECOME             WITH("Become", "\"upgrade\":true")
/* What no message may be made of: a NUL, and the beginning of one. */
#define BEHIND "first\0{\"method\":\"org.example.desk.Echo\"}\0last"

/* What a handler does with a call that asks for the upgrade. Tests have one connection at a time. */
static struct {
	struct end end;
	struct postern_conn *conn;
	const char *answer;
	int result;
} to;

static void to_begin(void)
{
	memset(&to, 0, sizeof to);
	end_init(&to.end);
}

static void to_over(void)
{
	to.conn = postern_conn_free(to.conn);
	end_deinit(&to.end);
}

static int upgrades(struct postern_request *r)
{
	const char *answer = to.answer ? to.answer : "{}";

	to.result = postern_request_upgrade_json(&to.conn, r, answer, strlen(answer), &end_events,
						 &to.end);
	return to.result;
}

/* In the handler. */
static void on_upgrade(struct desk *d, struct postern_request *r, char event)
{
	(void)d;
	if (event == 'u')
		upgrades(r);
}

/* So many bytes arrive at the peer, as they are. */
static void peer_gets(struct desk *d, int fd, const void *bytes, size_t n)
{
	int64_t until = test_now_ns() + test_patience_ns();
	char *got = malloc(n + 1);
	size_t have = 0;

	assert_non_null(got);
	while (have < n && test_now_ns() < until) {
		ssize_t r = recv(fd, got + have, n - have, MSG_DONTWAIT);

		if (r == 0)
			break;
		if (r > 0)
			have += (size_t)r;
		else
			turn(d->loop, 1);
	}
	if (have != n || memcmp(got, bytes, n) != 0)
		fail_msg("the peer got %zu of %zu bytes: %.*s", have, n, (int)have, got);
	free(got);
}

/* Upgraded, and this is what came behind the call. */
static void has_arrived(struct desk *d, const void *bytes, size_t n)
{
	assert_ok(to.result);
	assert_non_null(to.conn);
	turn_until(d->loop, to.end.n >= n);
	end_check(&to.end, bytes, n, __FILE__, __LINE__);
}

/* ---- the upgrade ---- */

static void V7_the_answer_confirms_and_the_connection_is_the_programs(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	to_begin();
	to.answer = "{\"size\":3}";
	d.hook = on_upgrade;
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Echo"));
	desk_hears(&d, fd, "{}");
	desk_say(&d, fd, UPGRADE);
	desk_hears(&d, fd, "{\"parameters\":{\"size\":3}}");
	assert_int_equal(desk_counters(&d).open, 0);
	assert_int_equal(desk_counters(&d).upgraded, 1);
	desk_send(&d, fd, BEHIND, sizeof BEHIND);
	has_arrived(&d, BEHIND, sizeof BEHIND);
	assert_int_equal(postern_conn_write(to.conn, "back\0again", 10), 10);
	peer_gets(&d, fd, "back\0again", 10);
	/* Half-closed on one side, and then on the other one. */
	assert_ok(shutdown(fd, SHUT_WR));
	turn_until(d.loop, to.end.ended == 1);
	assert_int_equal(postern_conn_write(to.conn, "end", 3), 3);
	assert_ok(postern_conn_close(to.conn));
	peer_gets(&d, fd, "end", 3);
	turn_until(d.loop, to.end.closed == 1);
	assert_end_closed(&to.end, POSTERN_REASON_CLOSED, 0);
	assert_int_equal(desk_counters(&d).upgraded, 0);
	assert_int_equal(d.calls, 2);
	close(fd);
	to_over();
	desk_close(&d);
}

/* What was glued behind the call, which came in one piece or in two. */
static void glued(struct desk *d, const char *call, size_t split, size_t later)
{
	char all[512];
	size_t n = strlen(call) + 1, size = n + sizeof BEHIND;
	int fd = desk_peer(d);
	bool is_kept = !strcmp(call, BECOME);

	memcpy(all, call, n);
	memcpy(all + n, BEHIND, sizeof BEHIND);
	to_begin();
	desk_send(d, fd, all, split);
	if (later)
		turn_quiet(d->loop);
	desk_send(d, fd, all + split, size - split);
	if (is_kept) {
		turn_until(d->loop, d->n_kept == 1);
		turn_quiet(d->loop);
		upgrades(d->kept[0]);
		d->kept[0] = postern_request_free(d->kept[0]);
		d->n_kept = 0;
	}
	turn_until(d->loop, to.conn || to.result < 0);
	has_arrived(d, BEHIND, sizeof BEHIND);
	peer_gets(d, fd, "{}", 3);
	close(fd);
	turn_until(d->loop, to.end.closed == 1);
	to_over();
}

static void V7_what_is_glued_behind_the_call_is_its_first_bytes(void **state)
{
	struct desk d;

	(void)state;
	desk_open(&d, NULL);
	d.hook = on_upgrade;
	for (size_t split = 0; split <= sizeof UPGRADE + sizeof BEHIND; split++)
		glued(&d, UPGRADE, split, split % 2);
	for (size_t split = 0; split <= sizeof BECOME + sizeof BEHIND; split++)
		glued(&d, BECOME, split, 1);
	assert_int_equal(d.echoes, 0);
	assert_int_equal(desk_counters(&d).violations, 0);
	desk_close(&d);
}

static void V7_much_that_is_glued_arrives_as_slowly_as_it_is_taken(void **state)
{
	enum { SIZE = 600000 };
	char *bytes = malloc(SIZE);
	struct desk d;
	int fd;

	(void)state;
	assert_non_null(bytes);
	pattern_fill(bytes, 0, SIZE);
	desk_open(&d, NULL);
	d.hook = on_upgrade;
	to_begin();
	to.end.take = 0;
	fd = desk_peer(&d);
	desk_say(&d, fd, UPGRADE);
	assert_true(send(fd, bytes, 100000, MSG_DONTWAIT | MSG_NOSIGNAL) == 100000);
	desk_hears(&d, fd, "{}");
	turn_quiet(d.loop);
	assert_int_equal(to.end.n, 0);
	to.end.take = 777;
	assert_ok(postern_conn_resume(to.conn));
	desk_send(&d, fd, bytes + 100000, SIZE - 100000);
	turn_until(d.loop, to.end.n >= SIZE);
	end_check(&to.end, bytes, SIZE, __FILE__, __LINE__);
	close(fd);
	turn_until(d.loop, to.end.closed == 1);
	to_over();
	desk_close(&d);
	free(bytes);
}

static void V7_a_kept_call_may_be_upgraded_later_and_what_came_meanwhile_waits(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	to_begin();
	fd = desk_peer(&d);
	desk_say(&d, fd, BECOME);
	turn_until(d.loop, d.n_kept == 1);
	desk_send(&d, fd, "early", 5);
	turn_for(d.loop, 20);
	assert_ok(upgrades(d.kept[0]));
	assert_int_equal(postern_conn_write(to.conn, "bytes", 5), 5);
	assert_ok(postern_conn_pause(to.conn));
	turn_for(d.loop, 20);
	assert_int_equal(to.end.n, 0);
	assert_ok(postern_conn_resume(to.conn));
	peer_gets(&d, fd, "{}\0bytes", 8);
	has_arrived(&d, "early", 5);
	/* The request is over, and its connection lives. */
	assert_errno(postern_request_reply_json(d.kept[0], NULL, 0), -ESTALE);
	assert_errno(upgrades(d.kept[0]), -ESTALE);
	to.result = 0;
	d.kept[0] = postern_request_free(d.kept[0]);
	desk_send(&d, fd, "later", 5);
	has_arrived(&d, "earlylater", 10);
	assert_int_equal(d.cancelled, 0);
	close(fd);
	to_over();
	desk_close(&d);
}

/* Which is still queued when the connection is no longer the service's. */
static void V7_statistics_count_the_answer_that_confirms(void **state)
{
	const struct postern_service_options options = { .size = sizeof options,
							 .flags = POSTERN_SERVICE_STATISTICS };
	struct desk d;
	const char *text;
	int fd, watcher;

	(void)state;
	desk_open(&d, &options);
	d.hook = on_upgrade;
	to_begin();
	fd = desk_peer(&d);
	desk_say(&d, fd, UPGRADE);
	desk_hears(&d, fd, "{}");
	watcher = desk_peer(&d);
	desk_say(&d, watcher, "{\"method\":\"io.postern.Statistics.Get\"}");
	text = desk_next(&d, watcher);
	assert_non_null(text);
	if (!strstr(text, "\"bytesSent\":3,"))
		fail_msg("3 bytes were sent: %s", text);
	close(watcher);
	close(fd);
	turn_until(d.loop, to.end.closed == 1);
	to_over();
	desk_close(&d);
}

static void V7_a_typed_answer_confirms_too(void **state)
{
	static const struct postern_conn_events events = { .size = sizeof events };
	struct postern_conn *conn = NULL;
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, BECOME);
	turn_until(d.loop, d.n_kept == 1);
	/* Another method's type, a value without a type, no events: it stays open. */
	assert_errno(postern_request_upgrade(&conn, d.kept[0], &desk_Typed_out_type,
					     &(struct desk_Typed_out){ "x" }, &events, NULL),
		     -EINVAL);
	assert_errno(postern_request_upgrade(&conn, d.kept[0], NULL, &d, &events, NULL), -EINVAL);
	assert_errno(postern_request_upgrade(&conn, d.kept[0], NULL, NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_request_upgrade(NULL, d.kept[0], NULL, NULL, &events, NULL), -EINVAL);
	assert_errno(postern_request_upgrade_json(&conn, d.kept[0], "[]", 2, &events, NULL),
		     -EINVAL);
	assert_null(conn);
	assert_ok(postern_request_upgrade(&conn, d.kept[0], NULL, NULL, &events, NULL));
	desk_hears(&d, fd, "{}");
	close(fd);
	turn_until(d.loop, desk_counters(&d).upgraded == 0);
	postern_conn_free(conn);
	desk_close(&d);
}

/* ---- no upgrade ---- */

static void fails_it(struct desk *d, struct postern_request *r, char event)
{
	if (event == 'u')
		d->results[0] = postern_request_fail_json(r, "org.example.desk.Wrong", NULL, 0);
}

static void V7_an_error_leaves_it_varlink(void **state)
{
	static const char both[] = UPGRADE "\0" CALL("Echo");
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	d.hook = fails_it;
	fd = desk_peer(&d);
	desk_send(&d, fd, both, sizeof both);
	desk_hears(&d, fd, "{\"error\":\"org.example.desk.Wrong\"}");
	desk_hears(&d, fd, "{}");
	/* One that nobody answers is one, too. */
	d.hook = NULL;
	desk_send(&d, fd, both, sizeof both);
	desk_hears(&d, fd, "{\"error\":\"io.postern.Abandoned\"}");
	desk_hears(&d, fd, "{}");
	assert_int_equal(d.echoes, 2);
	assert_int_equal(desk_counters(&d).upgraded, 0);
	close(fd);
	desk_close(&d);
}

static void V7_only_an_upgrade_confirms_and_only_a_call_that_asks_is_upgraded(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	to_begin();
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Upgrade"));
	desk_hears(&d, fd, "{\"error\":\"org.varlink.service.ExpectedUpgrade\"}");
	desk_say(&d, fd, WITH("Echo", "\"upgrade\":true"));
	desk_hears(
		&d, fd,
		"{\"error\":\"org.varlink.service.MethodNotImplemented\",\"parameters\":{\"method\":"
		"\"org.example.desk.Echo\"}}");
	/* This one may be asked for either. */
	desk_say(&d, fd, CALL("Become"));
	turn_until(d.loop, d.n_kept == 1);
	assert_errno(upgrades(d.kept[0]), -ENOTSUP);
	assert_null(to.conn);
	assert_ok(postern_request_reply_json(d.kept[0], NULL, 0));
	desk_hears(&d, fd, "{}");
	desk_say(&d, fd, WITH("Become", "\"oneway\":true"));
	turn_until(d.loop, d.n_kept == 2);
	assert_errno(upgrades(d.kept[1]), -ENOTSUP);
	d.kept[1] = postern_request_free(d.kept[1]);
	desk_say(&d, fd, BECOME);
	turn_until(d.loop, d.n_kept == 3);
	assert_errno(postern_request_reply_json(d.kept[2], NULL, 0), -ENOTSUP);
	assert_non_null(strstr(postern_why()->text, "postern_request_upgrade()"));
	assert_errno(postern_request_continue_json(d.kept[2], NULL, 0), -ENOTSUP);
	assert_ok(upgrades(d.kept[2]));
	desk_hears(&d, fd, "{}");
	close(fd);
	turn_until(d.loop, to.end.closed == 1);
	to_over();
	desk_close(&d);
}

/* ---- peers that leave ---- */

static void V7_a_peer_may_leave_after_each_byte(void **state)
{
	static const char all[] = UPGRADE "\0" BEHIND;
	unsigned upgraded = 0, told = 0;
	struct desk d;

	(void)state;
	desk_open(&d, NULL);
	d.hook = on_upgrade;
	for (size_t n = 1; n <= sizeof all; n++) {
		for (int waits = 0; waits < 2; waits++) {
			int fd = desk_peer(&d);

			to_begin();
			desk_send(&d, fd, all, n);
			if (waits)
				turn_quiet(d.loop);
			close(fd);
			turn_until(d.loop, desk_counters(&d).upgraded == 0);
			turn_quiet(d.loop);
			upgraded += to.conn != NULL;
			told += to.end.closed;
			if (to.conn && n > sizeof UPGRADE)
				end_check(&to.end, all + sizeof UPGRADE, n - sizeof UPGRADE,
					  __FILE__, __LINE__);
			to_over();
		}
	}
	test_note("%u upgrades of %zu, and as many told their end", upgraded, 2 * sizeof all);
	assert_int_equal(told, upgraded);
	assert_in_range(upgraded, sizeof BEHIND, 2 * sizeof BEHIND + 2);
	desk_close(&d);
}

static void V7_who_leaves_before_the_answer_is_not_upgraded(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	to_begin();
	fd = desk_peer(&d);
	desk_say(&d, fd, BECOME);
	desk_send(&d, fd, "bytes", 5);
	turn_until(d.loop, d.n_kept == 1);
	close(fd);
	turn_until(d.loop, d.cancelled == 1);
	assert_errno(upgrades(d.kept[0]), -ESTALE);
	assert_null(to.conn);
	/* Half-closing is not leaving (V13): what it sends is over, and it can still read. */
	fd = desk_peer(&d);
	desk_say(&d, fd, BECOME);
	desk_send(&d, fd, "bytes", 5);
	assert_ok(shutdown(fd, SHUT_WR));
	turn_until(d.loop, d.n_kept == 2);
	turn_quiet(d.loop);
	assert_ok(upgrades(d.kept[1]));
	has_arrived(&d, "bytes", 5);
	turn_until(d.loop, to.end.ended == 1);
	assert_int_equal(postern_conn_write(to.conn, "answer", 6), 6);
	peer_gets(&d, fd, "{}\0answer", 9);
	assert_string_equal(to.end.trace, "re");
	close(fd);
	to_over();
	desk_close(&d);
}

/* ---- what it still is to the server ---- */

static void V7_an_upgraded_connection_counts_against_its_peer_until_it_ends(void **state)
{
	static const char busy[] =
		"{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":500}}";
	const struct postern_server_options server = { .size = sizeof server,
						       .connections_per_uid = 2 };
	const struct postern_service_options o = { .size = sizeof o, .server = &server };
	struct postern_server_counters counters;
	struct desk d;
	int fd, other, beyond;

	(void)state;
	desk_open(&d, &o);
	d.hook = on_upgrade;
	to_begin();
	to.end.take = 0;
	fd = desk_peer(&d);
	desk_say(&d, fd, UPGRADE);
	desk_hears(&d, fd, "{}");
	desk_send(&d, fd, "held", 4);
	turn_until(d.loop, to.end.offers > 0);
	assert_ok(postern_server_get_counters(postern_conn_server(to.conn), &counters,
					      sizeof counters));
	assert_true(counters.bytes > 0);
	other = desk_peer(&d);
	desk_say(&d, other, CALL("Echo"));
	desk_hears(&d, other, "{}");
	/* An upgrade is refused as every other call is. */
	beyond = desk_peer(&d);
	desk_say(&d, beyond, UPGRADE);
	desk_hears(&d, beyond, busy);
	desk_hears_the_end(&d, beyond);
	to.conn = postern_conn_free(to.conn);
	assert_int_equal(desk_counters(&d).upgraded, 0);
	desk_hears_the_end(&d, fd);
	beyond = desk_peer(&d);
	desk_say(&d, beyond, CALL("Echo"));
	desk_hears(&d, beyond, "{}");
	close(beyond);
	close(other);
	to_over();
	desk_close(&d);
}

static void V7_draining_waits_for_an_upgraded_connection_and_upgrades_none(void **state)
{
	struct desk d;
	int fd, later;

	(void)state;
	desk_open(&d, NULL);
	d.hook = on_upgrade;
	to_begin();
	fd = desk_peer(&d);
	later = desk_peer(&d);
	desk_say(&d, fd, UPGRADE);
	desk_hears(&d, fd, "{}");
	turn_quiet(d.loop);
	desk_say(&d, later, UPGRADE);
	assert_ok(postern_service_drain(d.service, POSTERN_SECONDS(60)));
	desk_hears(&d, later, "{\"error\":\"io.postern.Draining\"}");
	desk_hears_the_end(&d, later);
	turn_for(d.loop, 50);
	assert_int_equal(d.closed, 0);
	desk_send(&d, fd, "on", 2);
	has_arrived(&d, "on", 2);
	close(fd);
	turn_until(d.loop, d.closed == 1);
	assert_int_equal(to.end.closed, 1);
	to_over();
	desk_close(&d);
}

static void V7_draining_waits_no_longer_than_its_deadline(void **state)
{
	struct test_time begun = test_time();
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	to_begin();
	fd = desk_peer(&d);
	desk_say(&d, fd, BECOME);
	turn_until(d.loop, d.n_kept == 1);
	assert_ok(postern_service_drain(d.service, POSTERN_MS(50)));
	/* One that was called before the drain is still confirmed. */
	assert_ok(upgrades(d.kept[0]));
	turn_until(d.loop, d.closed == 1);
	assert_took(begun, POSTERN_MS(50), POSTERN_MS(200));
	assert_int_equal(to.end.closed, 1);
	assert_errno(postern_conn_write(to.conn, "x", 1), -ESTALE);
	desk_hears(&d, fd, "{}");
	desk_hears_the_end(&d, fd);
	to_over();
	desk_close(&d);
}

static void V7_the_free_of_the_service_ends_it_and_the_handle_is_still_the_programs(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	for (int loop = 0; loop < 2; loop++) {
		desk_open(&d, NULL);
		d.hook = on_upgrade;
		to_begin();
		fd = desk_peer(&d);
		desk_say(&d, fd, UPGRADE);
		desk_hears(&d, fd, "{}");
		if (loop) {
			d.loop = postern_loop_free(d.loop);
			d.service = postern_service_free(d.service);
		} else {
			d.service = postern_service_free(d.service);
		}
		assert_end_closed(&to.end, POSTERN_REASON_CANCELLED, -ECANCELED);
		assert_null(postern_conn_server(to.conn));
		close(fd);
		to_over();
		desk_close(&d);
	}
}

static void V7_detaching_refuses_while_bytes_are_held(void **state)
{
	struct desk d;
	int fd, mine;
	char got[8];

	(void)state;
	desk_open(&d, NULL);
	to_begin();
	to.end.take = 0;
	fd = desk_peer(&d);
	desk_say(&d, fd, BECOME);
	desk_send(&d, fd, "held", 4);
	turn_until(d.loop, d.n_kept == 1);
	turn_quiet(d.loop);
	assert_ok(upgrades(d.kept[0]));
	/* The answer is queued, and bytes were received behind the call. */
	assert_errno(postern_conn_detach(to.conn), -EBUSY);
	assert_int_equal(postern_conn_flush(to.conn), 0);
	assert_errno(postern_conn_detach(to.conn), -EBUSY);
	to.end.take = SIZE_MAX;
	assert_ok(postern_conn_resume(to.conn));
	has_arrived(&d, "held", 4);
	mine = postern_conn_detach(to.conn);
	assert_true(mine >= 0);
	assert_int_equal(desk_counters(&d).upgraded, 0);
	assert_int_equal(write(mine, "direct", 6), 6);
	peer_gets(&d, fd, "{}\0direct", 9);
	assert_int_equal(write(fd, "back", 4), 4);
	assert_int_equal(read(mine, got, sizeof got), 4);
	close(mine);
	close(fd);
	to_over();
	desk_close(&d);
}

static void V20_a_service_is_not_idle_while_an_upgraded_connection_lives(void **state)
{
	struct postern_service_options options = { .size = sizeof(options),
						   .exit_idle_ns = POSTERN_MS(60) };
	int listener = plain_listen(test_path("l"), 5), fd;
	char name[32];
	struct desk d;

	(void)state;
	snprintf(name, sizeof name, "fd:%d", listener);
	desk_open_name(&d, name, &options);
	d.hook = on_upgrade;
	to_begin();
	fd = plain_connect(test_path("l"));
	assert_ok(fcntl(fd, F_SETFL, O_NONBLOCK));
	desk_say(&d, fd, UPGRADE);
	desk_hears(&d, fd, "{}");
	turn_for(d.loop, 200);
	assert_int_equal(d.closed, 0);
	close(fd);
	turn_until(d.loop, d.closed == 1);
	assert_int_equal(d.code, POSTERN_REASON_IDLE);
	to_over();
	desk_close(&d);
	close(listener);
}

static void V7_a_forked_child_can_only_free_it_and_the_parent_does_not_notice(void **state)
{
	struct desk d;
	int fd, status;
	pid_t child;

	(void)state;
	desk_open(&d, NULL);
	d.hook = on_upgrade;
	to_begin();
	fd = desk_peer(&d);
	desk_say(&d, fd, UPGRADE);
	desk_hears(&d, fd, "{}");
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		bool refused = postern_conn_write(to.conn, "x", 1) == -ECHILD;

		postern_conn_free(to.conn);
		postern_service_free(d.service);
		postern_loop_free(d.loop);
		_exit(refused ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	desk_send(&d, fd, "still", 5);
	has_arrived(&d, "still", 5);
	assert_int_equal(desk_counters(&d).upgraded, 1);
	close(fd);
	to_over();
	desk_close(&d);
}

/* ---- inside the handler ---- */

static void ends_it_at_once(struct desk *d, struct postern_request *r, char event)
{
	if (event != 'u')
		return;
	assert_ok(upgrades(r));
	switch (d->results[7]++) {
	case 0:
		to.conn = postern_conn_free(to.conn);
		break;
	case 1:
		assert_ok(postern_conn_abort(to.conn));
		break;
	case 2:
		assert_ok(postern_conn_close(to.conn));
		break;
	case 3:
		assert_errno(postern_conn_detach(to.conn), -EBUSY);
		assert_ok(postern_conn_pause(to.conn));
		break;
	default:
		d->service = postern_service_free(d->service);
	}
}

static void V7_a_connection_may_be_ended_in_the_handler_that_upgraded_it(void **state)
{
	static const char all[] = UPGRADE "\0" BEHIND;
	struct desk d;

	(void)state;
	desk_open(&d, NULL);
	d.hook = ends_it_at_once;
	for (int way = 0; way <= 4; way++) {
		int fd = desk_peer(&d);

		to_begin();
		desk_send(&d, fd, all, sizeof all);
		turn_until(d.loop, d.results[7] > way);
		turn_quiet(d.loop);
		assert_int_equal(to.end.n, 0);
		if (way == 0 || way == 2) /* also what is freed sends what is queued */
			peer_gets(&d, fd, "{}", 3);
		close(fd);
		to_over();
	}
	desk_close(&d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V7_the_answer_confirms_and_the_connection_is_the_programs),
		TEST(V7_what_is_glued_behind_the_call_is_its_first_bytes),
		TEST(V7_much_that_is_glued_arrives_as_slowly_as_it_is_taken),
		TEST(V7_a_kept_call_may_be_upgraded_later_and_what_came_meanwhile_waits),
		TEST(V7_statistics_count_the_answer_that_confirms),
		TEST(V7_a_typed_answer_confirms_too),
		TEST(V7_an_error_leaves_it_varlink),
		TEST(V7_only_an_upgrade_confirms_and_only_a_call_that_asks_is_upgraded),
		TEST(V7_a_peer_may_leave_after_each_byte),
		TEST(V7_who_leaves_before_the_answer_is_not_upgraded),
		TEST(V7_an_upgraded_connection_counts_against_its_peer_until_it_ends),
		TEST(V7_draining_waits_for_an_upgraded_connection_and_upgrades_none),
		TEST(V7_draining_waits_no_longer_than_its_deadline),
		TEST(V7_the_free_of_the_service_ends_it_and_the_handle_is_still_the_programs),
		TEST(V7_detaching_refuses_while_bytes_are_held),
		TEST(V20_a_service_is_not_idle_while_an_upgraded_connection_lives),
		TEST(V7_a_forked_child_can_only_free_it_and_the_parent_does_not_notice),
		TEST(V7_a_connection_may_be_ended_in_the_handler_that_upgraded_it),
	};

	return test_run(tests);
}
