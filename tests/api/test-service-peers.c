/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile peers of a service, and those that leave: every MUST of the specification broken, conversations that are cut at
 * every byte, too much of everything. Each ends with a reason, harms nobody else, and leaves nothing charged.
 */
#include "desk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALL(method)       "{\"method\":\"org.example.desk." method "\"}"
#define WITH(method, more) "{\"method\":\"org.example.desk." method "\"," more "}"

/* ---- V2, V3: what is no call ---- */

static void V2_V3_each_broken_MUST_ends_the_connection_and_says_why(void **state)
{
	static const struct {
		const char *text, *why;
	} table[] = {
		{ "", "" },
		{ " ", "" },
		{ "x", "" },
		{ "{", "" },
		{ "[]", "" },
		{ "null", "" },
		{ "\"method\"", "" },
		{ "{}", "method" },
		{ "{\"method\":null}", "method" },
		{ "{\"method\":1}", "method is not a string" },
		{ "{\"method\":[\"a.b\"]}", "method is not a string" },
		{ "{\"method\":\"a.b\\u0000\"}", "" },
		{ CALL("Echo") " x", "" },
		{ CALL("Echo") CALL("Echo"), "" },
		{ WITH("Echo", "\"parameters\":[]"), "parameters is not an object" },
		{ WITH("Echo", "\"parameters\":\"{}\""), "parameters is not an object" },
		{ WITH("Echo", "\"parameters\":false"), "parameters is not an object" },
		{ WITH("Echo", "\"oneway\":1"), "oneway is not a boolean" },
		{ WITH("Echo", "\"oneway\":\"true\""), "oneway is not a boolean" },
		{ WITH("Echo", "\"more\":{}"), "more is not a boolean" },
		{ WITH("Echo", "\"upgrade\":[]"), "upgrade is not a boolean" },
		{ WITH("Echo", "\"oneway\":true,\"more\":true"), "" },
		{ WITH("Echo", "\"oneway\":true,\"upgrade\":true"), "" },
		{ WITH("Echo", "\"more\":true,\"upgrade\":true"), "" },
		{ WITH("Echo", "\"x\":1"), "" },
		{ WITH("Echo", "\"X-more\":{}"), "" },
		{ WITH("Echo", "\"continues\":false"), "" },
		{ WITH("Echo", "\"error\":\"a.b\""), "" },
		{ WITH("Echo", "\"\":{}"), "" },
		{ WITH("Echo", "\"com.example\":1"), "" },
		{ WITH("Echo", "\"com.example\":[]"), "" },
		{ WITH("Echo", "\"method\":\"org.example.desk.Echo\""), "" },
		{ WITH("Echo", "\"parameters\":{},\"parameters\":{}"), "" },
		{ WITH("Echo", "\"more\":true,\"more\":true"), "" },
		{ WITH("Echo", "\"parameters\":{\"a\":}"), "" },
		{ WITH("Echo", "\"parameters\":{\"a\":01}"), "" },
		{ WITH("Echo", "\"parameters\":{\"a\":1e400}"), "" },
		{ WITH("Echo", "\"parameters\":{\"a\":\"\\ud800\"}"), "" },
		{ WITH("Echo", "\"parameters\":{\"a\":\"\xff\"}"), "" },
		{ "\xef\xbb\xbf" CALL("Echo"), "" },
	};
	struct desk d;
	int other;

	(void)state;
	desk_open(&d, NULL);
	other = desk_peer(&d);
	for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
		desk_breaks(&d, table[i].text, strlen(table[i].text) + 1, table[i].why);
		if (!strstr(d.text, "(byte ") || !strstr(d.text, "uid "))
			fail_msg("%s: neither place nor peer: %s", table[i].text, d.text);
	}
	assert_int_equal(d.errors, sizeof table / sizeof *table);
	desk_say(&d, other, CALL("Echo"));
	desk_hears(&d, other, "{}");
	close(other);
	desk_close(&d);
}

static void V3_answers_to_the_calls_before_it_are_still_sent(void **state)
{
	static const char text[] = WITH("Echo", "\"parameters\":{\"a\":1}") "\0"
									    "nonsense";
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_send(&d, fd, text, sizeof text);
	desk_hears(&d, fd, "{\"parameters\":{\"a\":1}}");
	desk_hears_the_end(&d, fd);
	desk_close(&d);
}

static char *nested(size_t depth)
{
	char *text = calloc(1, 6 * depth + 128), *at = text;

	assert_non_null(text);
	at += sprintf(at, "%s", "{\"method\":\"org.example.desk.Echo\",\"parameters\":");
	for (size_t i = 0; i < depth; i++)
		at += sprintf(at, "{\"a\":");
	at += sprintf(at, "1");
	for (size_t i = 0; i < depth; i++)
		*at++ = '}';
	sprintf(at, "}");
	return text;
}

static void V3_deep_nesting_is_refused_and_as_deep_as_allowed_is_answered(void **state)
{
	struct desk d;
	char *text;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	text = nested(POSTERN_JSON_DEPTH - 1);
	desk_say(&d, fd, text);
	assert_non_null(strstr(desk_next(&d, fd), "{\"a\":{\"a\":"));
	free(text);
	text = nested(POSTERN_JSON_DEPTH);
	desk_breaks(&d, text, strlen(text) + 1, "");
	free(text);
	text = nested(500000);
	desk_breaks(&d, text, strlen(text) + 1, "");
	free(text);
	close(fd);
	desk_close(&d);
}

/* ---- V1: lengths ---- */

static void V1_four_mebibytes_and_one_byte_are_too_much_and_four_are_not(void **state)
{
	enum { LIMIT = 4 * 1024 * 1024 };
	static char text[LIMIT + 2] = CALL("Echo");
	struct desk d;
	int fd;

	(void)state;
	memset(text + strlen(CALL("Echo")), ' ', LIMIT - strlen(CALL("Echo")));
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	text[LIMIT] = '\0';
	desk_send(&d, fd, text, LIMIT + 1);
	desk_hears(&d, fd, "{}");
	text[LIMIT] = ' ';
	desk_breaks(&d, text, LIMIT + 1, "");
	close(fd);
	desk_close(&d);
}

static void V1_an_endless_object_takes_no_more_than_the_limit(void **state)
{
	struct postern_service_options options = { .size = sizeof(options), .message_max = 65536 };
	struct postern_server_counters counters;
	static char part[4096];
	struct desk d;
	size_t sent = 0;
	int fd;

	(void)state;
	memset(part, '[', sizeof part);
	desk_open(&d, &options);
	fd = desk_peer(&d);
	desk_send(&d, fd, "{\"parameters\":{\"a\":", 19);
	while (desk_counters(&d).violations == 0 && sent < 16 * 1024 * 1024) {
		desk_send(&d, fd, part, sizeof part);
		sent += sizeof part;
		turn(d.loop, 0);
		assert_ok(postern_server_get_counters(postern_service_server(d.service), &counters,
						      sizeof counters));
		assert_true(counters.bytes <= 4 * 65536);
	}
	assert_int_equal(desk_counters(&d).violations, 1);
	assert_non_null(strstr(d.text, "its call is longer than 65536 bytes (message_max)"));
	close(fd);
	desk_close(&d);
}

static void V1_a_large_call_has_a_block_of_its_own_and_a_crowd_of_them_is_told_busy(void **state)
{
	enum { BIG = 300 * 1024, CROWD = 8 };
	struct postern_server_options server = { .size = sizeof(server),
						 .bytes_per_uid = 1024 * 1024 };
	struct postern_service_options options = { .size = sizeof(options),
						   .server = &server,
						   .message_max = 400 * 1024 };
	static char text[BIG + 1] = CALL("Keep");
	int fds[CROWD];
	struct desk d;
	unsigned busy;

	(void)state;
	memset(text + strlen(CALL("Keep")), ' ', BIG - strlen(CALL("Keep")));
	desk_open(&d, &options);
	for (int i = 0; i < CROWD; i++) {
		fds[i] = desk_peer(&d);
		desk_send(&d, fds[i], text, sizeof text);
	}
	turn_until(d.loop, d.n_kept + desk_counters(&d).answers == CROWD);
	busy = (unsigned)desk_counters(&d).answers;
	test_note("%u of %d are kept, %u were told that it is busy", d.n_kept, CROWD, busy);
	assert_in_range(d.n_kept, 1, 3);
	for (int i = 0; i < CROWD && busy > 0; i++) {
		char got[128];
		ssize_t n = recv(fds[i], got, sizeof got, 0);

		if (n < 0)
			continue;
		assert_string_equal(
			got,
			"{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":500}}");
		busy--;
	}
	for (unsigned i = 0; i < d.n_kept; i++)
		d.kept[i] = postern_request_free(d.kept[i]);
	/* Who was told so can try again. */
	desk_send(&d, fds[CROWD - 1], text, sizeof text);
	turn_until(d.loop, desk_counters(&d).open == 1);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	desk_close(&d);
}

static void answers_largely(struct desk *d, struct postern_request *r, char event)
{
	enum { LARGE = 300 * 1024 };
	static char text[LARGE];

	if (event != 'h')
		return;
	memset(text, 'a', LARGE);
	memcpy(text, "{\"a\":\"", 6);
	memcpy(text + LARGE - 2, "\"}", 2);
	d->results[0] = postern_request_reply_json(r, text, LARGE);
}

static void V14_answers_that_nobody_reads_are_bounded_by_what_their_uid_may_hold(void **state)
{
	enum { CROWD = 40, BUDGET = 1024 * 1024, ANSWER = 300 * 1024 };
	struct postern_server_options server = { .size = sizeof(server), .bytes_per_uid = BUDGET };
	struct postern_service_options options = { .size = sizeof(options),
						   .server = &server,
						   .message_max = 400 * 1024 };
	struct postern_server_counters counters;
	unsigned large = 0, busy = 0;
	int fds[CROWD];
	struct desk d;

	(void)state;
	desk_open(&d, &options);
	d.hook = answers_largely;
	for (int i = 0; i < CROWD; i++) {
		fds[i] = desk_peer(&d);
		desk_say(&d, fds[i], CALL("Hook"));
		desk_say(&d, fds[i], CALL("Hook"));
		turn(d.loop, 0);
		turn(d.loop, 0);
		assert_ok(postern_server_get_counters(postern_service_server(d.service), &counters,
						      sizeof counters));
		/* The last answer may be beyond it, and each queue has a chunk, each call its block. */
		assert_true(counters.bytes <= BUDGET + ANSWER + (CROWD + 2) * 32 * 1024);
	}
	turn_quiet(d.loop);
	for (int i = 0; i < CROWD; i++)
		for (int k = 0; k < 2; k++) {
			bool is_busy = strstr(desk_next(&d, fds[i]), "io.postern.Busy");

			large += !is_busy;
			busy += is_busy;
		}
	test_note("%u large answers, %u times busy", large, busy);
	assert_true(large > 3 && busy > 3);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	desk_close(&d);
}

/* ---- cut at every byte ---- */

static void a_conversation_cut_at_every_byte_ends_and_leaves_nothing(void **state)
{
	static const char text[] =
		WITH("Typed", "\"parameters\":{\"count\":1,\"zone\":\"\\u00e9\"}") "\0" WITH(
			"Many",
			"\"more\":true") "\0" WITH("Echo",
						   "\"oneway\":true") "\0"
								      "{\"method\":\"org.varlink.service.GetInfo\"}\0" WITH(
									      "Forget",
									      "\"x.y\":{}");
	struct desk d;
	uint64_t broken = 0;

	(void)state;
	desk_open(&d, NULL);
	for (size_t cut = 0; cut <= sizeof text; cut++) {
		for (int half = 0; half < 2; half++) {
			int fd = desk_peer(&d);

			desk_send(&d, fd, text, cut);
			if (half) {
				assert_ok(shutdown(fd, SHUT_WR));
				while (desk_next(&d, fd))
					;
			}
			close(fd);
			turn_quiet(d.loop);
		}
		/* Between two messages, a half-close is a clean end. */
		if (cut == 0 || text[cut - 1] == '\0')
			assert_true(desk_counters(&d).violations >= broken);
		else
			assert_true(desk_counters(&d).violations > broken);
		broken = desk_counters(&d).violations;
	}
	test_note("%zu cuts, %u calls, %u violations", sizeof text + 1, d.calls, (unsigned)broken);
	turn_until(d.loop, desk_counters(&d).open == 0);
	desk_close(&d);
}

/* ---- V13: leaving ---- */

/* So many of these in one send, since the kernel's buffer takes few small ones: without a turn of the loop between. */
static void say_often(int fd, const char *one, const char *two, int times)
{
	static char text[160 * 1024];
	size_t n = 0;

	for (int i = 0; i < times; i++) {
		n += (size_t)sprintf(text + n, "%s", one) + 1;
		n += (size_t)sprintf(text + n, "%s", two) + 1;
	}
	assert_true(n < sizeof text);
	assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), n);
}

static void V13_half_close_is_not_leaving(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Keep"));
	desk_say(&d, fd, WITH("Echo", "\"parameters\":{\"a\":1}"));
	desk_say(&d, fd, CALL("Keep"));
	assert_ok(shutdown(fd, SHUT_WR));
	turn_until(d.loop, d.n_kept == 1);
	turn_for(d.loop, 30);
	assert_ok(postern_request_reply_json(d.kept[0], NULL, 0));
	desk_hears(&d, fd, "{}");
	desk_hears(&d, fd, "{\"parameters\":{\"a\":1}}");
	turn_until(d.loop, d.n_kept == 2);
	turn_for(d.loop, 30);
	assert_ok(postern_request_reply_json(d.kept[1], "{\"b\":2}", 7));
	desk_hears(&d, fd, "{\"parameters\":{\"b\":2}}");
	desk_hears_the_end(&d, fd);
	assert_int_equal(d.cancelled, 0);
	assert_int_equal(d.errors, 0);
	desk_close(&d);
}

static void V13_a_hang_up_cancels_the_open_request_at_once_also_behind_unread_bytes(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Keep"));
	turn_until(d.loop, d.n_kept == 1);
	say_often(fd, CALL("Echo"), CALL("Nobody"), 500);
	turn_for(d.loop, 5);
	close(fd);
	turn_until(d.loop, d.cancelled == 1);
	assert_errno(postern_request_reply_json(d.kept[0], NULL, 0), -ESTALE);
	turn_until(d.loop, desk_counters(&d).dropped == 1000);
	turn_for(d.loop, 20);
	assert_int_equal(d.cancelled, 1);
	assert_int_equal(d.echoes, 0);
	assert_int_equal(desk_counters(&d).cancelled, 1);
	assert_int_equal(desk_counters(&d).calls, 1001);
	/* Who has called, and what for, is still known. */
	assert_string_equal(postern_request_method(d.kept[0]), "org.example.desk.Keep");
	desk_close(&d);
}

static void V13_oneway_calls_that_came_whole_still_run_and_others_are_dropped(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	say_often(fd, WITH("Echo", "\"oneway\":true"), CALL("Echo"), 300);
	assert_int_equal(send(fd, CALL("Echo"), 5, MSG_NOSIGNAL), 5);
	close(fd);
	turn_until(d.loop, d.echoes == 300);
	assert_int_equal(desk_counters(&d).dropped, 300);
	assert_int_equal(desk_counters(&d).answers, 0);
	/* The open request of one that left is none of these: it is cancelled, and the rest runs. */
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Keep"));
	turn_until(d.loop, d.n_kept == 1);
	say_often(fd, WITH("Echo", "\"oneway\":true"), CALL("Echo"), 1);
	say_often(fd, WITH("Echo", "\"oneway\":true"), WITH("Echo", "\"oneway\":true"), 1);
	close(fd);
	turn_until(d.loop, d.echoes == 303);
	assert_int_equal(d.cancelled, 1);
	assert_int_equal(desk_counters(&d).dropped, 301);
	desk_close(&d);
}

static void V13_a_oneway_call_that_is_kept_outlives_its_peer_and_is_not_cancelled(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, WITH("Keep", "\"oneway\":true"));
	desk_say(&d, fd, WITH("Keep", "\"oneway\":true"));
	close(fd);
	turn_until(d.loop, d.n_kept == 1);
	turn_for(d.loop, 20);
	assert_int_equal(d.n_kept, 1);
	assert_ok(postern_request_reply_json(d.kept[0], NULL, 0));
	turn_until(d.loop, d.n_kept == 2);
	turn_for(d.loop, 20);
	assert_ok(postern_request_reply_json(d.kept[1], NULL, 0));
	assert_errno(postern_request_reply_json(d.kept[1], NULL, 0), -ESTALE);
	turn_for(d.loop, 20);
	assert_int_equal(d.cancelled, 0);
	desk_close(&d);
}

static void frees(struct desk *d, struct postern_request *r, char event)
{
	if (event != 'x' && event != 'd')
		return;
	for (unsigned i = 0; i < d->n_kept; i++)
		if (d->kept[i] == r)
			d->kept[i] = postern_request_free(r);
}

static void V13_a_request_may_be_freed_in_its_own_cancelled_event(void **state)
{
	struct desk d;
	int fds[20];

	(void)state;
	desk_open(&d, NULL);
	d.hook = frees;
	for (int i = 0; i < 20; i++) {
		fds[i] = desk_peer(&d);
		desk_say(&d, fds[i], WITH("Keep", "\"more\":true"));
	}
	turn_until(d.loop, d.n_kept == 20);
	for (int i = 0; i < 20; i++)
		close(fds[i]);
	turn_until(d.loop, d.cancelled == 20);
	desk_close(&d);
}

static void V13_who_reads_no_answers_any_more_has_them_dropped(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Keep"));
	turn_until(d.loop, d.n_kept == 1);
	assert_ok(shutdown(fd, SHUT_RD));
	assert_ok(postern_request_reply_json(d.kept[0], NULL, 0));
	turn_for(d.loop, 20);
	close(fd);
	turn_quiet(d.loop);
	desk_close(&d);
}

/* ---- V22: many calls ---- */

static void V22_a_hundred_thousand_pipelined_calls_delay_nobody(void **state)
{
	enum { MANY = 100000, ROUND = 16 };
	static const char call[] = CALL("Echo");
	struct desk d;
	unsigned before = 0, worst = 0, rounds = 0;
	size_t sent = 0, heard = 0;
	static char answers[65536];
	int greedy, other;

	(void)state;
	desk_open(&d, NULL);
	greedy = desk_peer(&d);
	other = desk_peer(&d);
	while (heard < (size_t)MANY * 3) {
		ssize_t r = 1;

		while (r > 0 && sent < (size_t)MANY * sizeof call) {
			size_t at = sent % sizeof call;

			r = send(greedy, call + at, sizeof call - at, MSG_NOSIGNAL);
			sent += r > 0 ? (size_t)r : 0;
		}
		while ((r = recv(greedy, answers, sizeof answers, 0)) > 0)
			heard += (size_t)r;
		if (rounds++ % 50 != 0) {
			turn(d.loop, 10);
			continue;
		}
		before = d.echoes;
		desk_say(&d, other, WITH("Echo", "\"parameters\":{\"me\":1}"));
		desk_hears(&d, other, "{\"parameters\":{\"me\":1}}");
		if (d.echoes - before > worst)
			worst = d.echoes - before;
	}
	test_note("%u calls in %u turns; before an answer to another peer at most %u", d.echoes,
		  rounds, worst);
	assert_true(d.echoes >= MANY);
	/* Its own, those of the turn in which it came, and of the one in which it was answered. */
	assert_in_range(worst, 1, 4 * ROUND);
	close(greedy);
	close(other);
	desk_close(&d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V2_V3_each_broken_MUST_ends_the_connection_and_says_why),
		TEST(V3_answers_to_the_calls_before_it_are_still_sent),
		TEST(V3_deep_nesting_is_refused_and_as_deep_as_allowed_is_answered),
		TEST(V1_four_mebibytes_and_one_byte_are_too_much_and_four_are_not),
		TEST(V1_an_endless_object_takes_no_more_than_the_limit),
		TEST(V1_a_large_call_has_a_block_of_its_own_and_a_crowd_of_them_is_told_busy),
		TEST(V14_answers_that_nobody_reads_are_bounded_by_what_their_uid_may_hold),
		TEST(a_conversation_cut_at_every_byte_ends_and_leaves_nothing),
		TEST(V13_half_close_is_not_leaving),
		TEST(V13_a_hang_up_cancels_the_open_request_at_once_also_behind_unread_bytes),
		TEST(V13_oneway_calls_that_came_whole_still_run_and_others_are_dropped),
		TEST(V13_a_oneway_call_that_is_kept_outlives_its_peer_and_is_not_cancelled),
		TEST(V13_a_request_may_be_freed_in_its_own_cancelled_event),
		TEST(V13_who_reads_no_answers_any_more_has_them_dropped),
		TEST(V22_a_hundred_thousand_pipelined_calls_delay_nobody),
	};
	return test_run(tests);
}
