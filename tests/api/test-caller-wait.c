/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-caller-wait.c - calls that wait, of a service in another thread
 *
 * The service has a list of what it does with each message that it reads, whatever that says: send this, or hang up. A
 * text with several answers has their NULs in it.
 */
#include "pair.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern/caller.h>

struct line {
	const char *text; /* NULL: hang up */
	size_t n;
};

#define SAYS(text)                 \
	{                          \
		text, sizeof(text) \
	}
#define SAYS_NOTHING  \
	{             \
		"", 0 \
	}
#define HANGS_UP        \
	{               \
		NULL, 0 \
	}

struct remote {
	struct postern_caller *c;
	pthread_t thread;
	const struct line *lines;
	size_t n, heard; /* messages; atomic by join */
	int listener;
};

/* The deadline of a call that must be sent before it passes, on a busy machine too. */
#define SOON  (POSTERN_MS(150) * test_scale())

#define PLAIN "org.example.clock.Now"

/* Reads one message; false: the caller hung up. */
static bool remote_hears(int fd)
{
	char byte;

	do {
		if (recv(fd, &byte, 1, 0) != 1)
			return false;
	} while (byte);
	return true;
}

static bool remote_says(int fd, const struct line *line)
{
	size_t sent = 0;

	while (sent < line->n) {
		ssize_t r = send(fd, line->text + sent, line->n - sent, MSG_NOSIGNAL);

		if (r < 0)
			return false;
		sent += (size_t)r;
	}
	return line->text;
}

static void *remote_run(void *arg)
{
	struct remote *r = arg;
	int fd;

	/* postern-review: ignore E7 a test that has no descriptors is to fail */
	while ((fd = accept(r->listener, NULL, NULL)) >= 0) {
		while (remote_hears(fd) && r->heard < r->n)
			if (!remote_says(fd, &r->lines[r->heard++]))
				break;
		close(fd);
	}
	return NULL;
}

static void remote_open(struct remote *r, const struct line *lines, size_t n,
			const struct postern_caller_options *options)
{
	*r = (struct remote){ .lines = lines, .n = n };
	r->listener = plain_listen(test_path("service"), 8);
	assert_true(r->listener >= 0);
	assert_int_equal(pthread_create(&r->thread, NULL, remote_run, r), 0);
	assert_ok(postern_caller_new(&r->c, NULL, test_path("service"), options));
}

#define OPEN(r, lines) remote_open(r, lines, sizeof(lines) / sizeof *(lines), NULL)

static void remote_close(struct remote *r)
{
	r->c = postern_caller_free(r->c);
	shutdown(r->listener, SHUT_RDWR);
	pthread_join(r->thread, NULL);
	close(r->listener);
	unlink(test_path("service"));
}

static int waits(struct remote *r, struct postern_json *ret, unsigned flags, int64_t deadline_ns)
{
	return postern_caller_wait_json(r->c, PLAIN, NULL, 0, NULL, ret, flags, deadline_ns);
}

static void assert_json(struct postern_json v, const char *text)
{
	if (v.n != strlen(text) || memcmp(v.text, text, v.n) != 0)
		fail_msg("got %.*s and not %s", (int)v.n, v.text, text);
}

/* ---- one answer ---- */

static void V15_a_waiting_call_returns_its_answer(void **state)
{
	static const struct line lines[] = { SAYS("{\"parameters\":{\"n\":1}}"),
					     SAYS("{\"parameters\":{\"n\":2}}"), SAYS("{}") };
	struct postern_json got = { 0 };
	struct remote r;

	(void)state;
	OPEN(&r, lines);
	assert_ok(waits(&r, &got, 0, 0));
	assert_json(got, "{\"n\":1}");
	assert_int_equal(postern_caller_answer(r.c)->end, POSTERN_END_ANSWERED);
	assert_ok(waits(&r, &got, 0, 0));
	assert_json(got, "{\"n\":2}");
	assert_ok(waits(&r, NULL, 0, 0));
	assert_json(postern_caller_answer(r.c)->parameters, "{}");
	remote_close(&r);
}

static void V15_an_error_is_EREMOTE_and_stays_to_be_looked_at(void **state)
{
	static const struct line lines[] = { SAYS(
		"{\"error\":\"a.b.E\",\"parameters\":{\"x\":1}}") };
	const struct postern_error error = { .name = "a.b.E" }, other = { .name = "a.b.F" };
	struct postern_json got = { "untouched", 9 };
	struct remote r;

	(void)state;
	OPEN(&r, lines);
	assert_errno(waits(&r, &got, 0, 0), -EREMOTE);
	assert_string_equal(postern_why()->text, "the service answered with a.b.E");
	assert_json(got, "untouched");
	assert_string_equal(postern_caller_answer(r.c)->error, "a.b.E");
	assert_json(postern_caller_answer(r.c)->parameters, "{\"x\":1}");
	assert_int_equal(postern_answer_is(postern_caller_answer(r.c), &error, NULL), 1);
	assert_int_equal(postern_answer_is(postern_caller_answer(r.c), &other, NULL), 0);
	remote_close(&r);
}

static void V15_without_an_answer_the_error_says_what_is_known(void **state)
{
	static const struct line lines[] = { HANGS_UP, SAYS("garbage"), SAYS_NOTHING,
					     SAYS("{\"parameters\":{\"n\":3}}") };
	struct postern_json got;
	struct test_time begun;
	struct remote r;

	(void)state;
	OPEN(&r, lines);
	assert_errno(waits(&r, &got, 0, 0), -ECONNRESET);
	assert_int_equal(postern_caller_answer(r.c)->why->code, POSTERN_REASON_ENDED);
	assert_errno(waits(&r, &got, 0, 0), -ECONNRESET);
	assert_int_equal(postern_caller_answer(r.c)->why->code, POSTERN_REASON_VIOLATION);
	assert_non_null(strstr(postern_caller_answer(r.c)->why->text, "byte 0"));
	begun = test_time();
	assert_errno(waits(&r, &got, 0, SOON), -ETIMEDOUT);
	assert_took(begun, SOON, SOON);
	assert_int_equal(postern_caller_answer(r.c)->end, POSTERN_END_TIMEOUT);
	/* It comes back each time. */
	assert_ok(waits(&r, &got, 0, 0));
	assert_json(got, "{\"n\":3}");
	remote_close(&r);
}

static void V15_nobody_there_is_ENOTCONN_and_says_where(void **state)
{
	struct postern_caller *c;

	(void)state;
	assert_ok(postern_caller_new(&c, NULL, test_path("nobody"), NULL));
	assert_errno(postern_caller_wait_json(c, PLAIN, NULL, 0, NULL, NULL, 0, POSTERN_MS(60)),
		     -ENOTCONN);
	assert_int_equal(postern_caller_answer(c)->end, POSTERN_END_NOT_SENT);
	assert_errno(postern_caller_answer(c)->why->error, -ENOENT);
	assert_non_null(strstr(postern_caller_answer(c)->why->text, test_path("nobody")));
	assert_string_equal(postern_why()->text, postern_caller_answer(c)->why->text);
	/* There is none. */
	assert_null(strstr(postern_why()->text, "the next one"));
	postern_caller_free(c);
}

static void V5_a_waiting_oneway_call_returns_when_it_was_sent(void **state)
{
	static const struct line lines[] = { SAYS_NOTHING, SAYS("{\"parameters\":{\"n\":1}}") };
	struct postern_json got = { 0 };
	struct remote r;

	(void)state;
	OPEN(&r, lines);
	assert_ok(waits(&r, NULL, POSTERN_CALL_ONEWAY, 0));
	assert_int_equal(postern_caller_answer(r.c)->end, POSTERN_END_SENT);
	assert_ok(waits(&r, &got, 0, 0));
	assert_json(got, "{\"n\":1}");
	remote_close(&r);
}

static void V17_a_waiting_call_tries_a_busy_service_again(void **state)
{
	static const struct line lines[] = {
		SAYS("{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":20}}"),
		SAYS("{\"error\":\"io.postern.Draining\"}"),
		SAYS("{\"parameters\":{\"n\":1}}"),
		SAYS("{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":99999}}"),
	};
	struct postern_json got = { 0 };
	struct remote r;

	(void)state;
	OPEN(&r, lines);
	assert_ok(waits(&r, &got, 0, 0));
	assert_json(got, "{\"n\":1}");
	assert_errno(waits(&r, &got, 0, POSTERN_SECONDS(1)), -EREMOTE);
	assert_string_equal(postern_caller_answer(r.c)->error, "io.postern.Busy");
	assert_json(postern_caller_answer(r.c)->parameters, "{\"retryAfterMs\":99999}");
	remote_close(&r);
}

/* One read brings both. The next call's connection is another: what broke the protocol ends the first. */
static void V3_a_message_right_behind_the_answer_does_not_change_what_was_returned(void **state)
{
	static const struct line lines[] = {
		SAYS("{\"parameters\":{\"n\":1}}\0QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ"),
		SAYS("{\"error\":\"a.b.E\",\"parameters\":{\"x\":1}}\0QQQQQQQQQQQQQQQQQQQQQQQQQ"),
		SAYS("{\"parameters\":{\"n\":2}}\0{\"parameters\":{\"n\":3333333333333}}"),
		SAYS("{\"parameters\":{\"n\":4}}"),
	};
	struct postern_json got = { 0 };
	struct remote r;

	(void)state;
	OPEN(&r, lines);
	assert_ok(waits(&r, &got, 0, 0));
	assert_json(got, "{\"n\":1}");
	assert_json(postern_caller_answer(r.c)->parameters, "{\"n\":1}");
	assert_errno(waits(&r, &got, 0, 0), -EREMOTE);
	assert_string_equal(postern_caller_answer(r.c)->error, "a.b.E");
	assert_json(postern_caller_answer(r.c)->parameters, "{\"x\":1}");
	assert_ok(waits(&r, &got, 0, 0));
	assert_json(got, "{\"n\":2}");
	assert_ok(waits(&r, &got, 0, 0));
	assert_json(got, "{\"n\":4}");
	remote_close(&r);
}

/* As generated for a method without an output, whose answers have no value. */
typedef void valueless_fn(struct postern_call *call, const struct postern_answer *answer,
			  void *data);

static void deliver_valueless(void (*fn)(void), struct postern_call *call,
			      const struct postern_answer *answer, const void *value, void *data)
{
	(void)value;
	((valueless_fn *)fn)(call, answer, data);
}

static void V9_why_an_answer_was_unusable_stays_when_a_message_follows_it(void **state)
{
	static const struct line lines[] = { SAYS("{}\0QQQQ") };
	static const struct postern_type number = { .kind = POSTERN_TYPE_INT,
						    .size = sizeof(int64_t) };
	static const struct postern_field n = { .name = "n", .type = &number };
	static const struct postern_type out = {
		.kind = POSTERN_TYPE_STRUCT, .size = sizeof(int64_t), .n = 1, .fields = &n
	};
	static const struct postern_type nothing = { .kind = POSTERN_TYPE_STRUCT };
	static const struct postern_method method = {
		.name = "a.b.C", .in = &nothing, .out = &out, .deliver = deliver_valueless
	};
	struct remote r;
	int64_t got;

	(void)state;
	OPEN(&r, lines);
	assert_errno(postern_caller_wait(r.c, &method, NULL, NULL, &got, 0, 0), -ECONNRESET);
	assert_non_null(strstr(postern_why()->text, "the answer's n is missing"));
	assert_non_null(strstr(postern_caller_answer(r.c)->why->text, "n is missing"));
	remote_close(&r);
}

static void a_waiting_call_of_a_method_without_an_output_returns_too(void **state)
{
	static const struct line lines[] = { SAYS("{}"), SAYS_NOTHING,
					     SAYS("{\"error\":\"a.b.E\"}") };
	static const struct postern_type nothing = { .kind = POSTERN_TYPE_STRUCT };
	static const struct postern_method method = { .name = "org.example.clock.Stop",
						      .in = &nothing,
						      .out = &nothing,
						      .deliver = deliver_valueless };
	struct remote r;

	(void)state;
	OPEN(&r, lines);
	assert_ok(postern_caller_wait(r.c, &method, NULL, NULL, NULL, 0, 0));
	assert_int_equal(postern_caller_answer(r.c)->end, POSTERN_END_ANSWERED);
	assert_ok(postern_caller_wait(r.c, &method, NULL, NULL, NULL, POSTERN_CALL_ONEWAY, 0));
	assert_int_equal(postern_caller_answer(r.c)->end, POSTERN_END_SENT);
	assert_errno(postern_caller_wait(r.c, &method, NULL, NULL, NULL, 0, 0), -EREMOTE);
	assert_string_equal(postern_caller_answer(r.c)->error, "a.b.E");
	remote_close(&r);
}

/* ---- many answers ---- */

#define ONE   "{\"parameters\":{\"n\":1},\"continues\":true}"
#define TWO   "{\"parameters\":{\"n\":2},\"continues\":true}"
#define THREE "{\"parameters\":{\"n\":3}}"

static void V6_the_answers_of_a_stream_come_one_by_one_also_if_they_are_glued(void **state)
{
	static const struct line lines[] = { SAYS(ONE "\0" TWO "\0" THREE), SAYS(THREE) };
	struct postern_json got = { 0 };
	struct remote r;

	(void)state;
	OPEN(&r, lines);
	assert_errno(postern_caller_next_json(r.c, &got, 0), -EINVAL);
	assert_ok(waits(&r, &got, POSTERN_CALL_MORE, 0));
	assert_json(got, "{\"n\":1}");
	assert_int_equal(postern_caller_answer(r.c)->end, POSTERN_END_CONTINUES);
	assert_int_equal(postern_caller_next_json(r.c, &got, 0), 1);
	assert_json(got, "{\"n\":2}");
	assert_int_equal(postern_caller_next_json(r.c, &got, 0), 1);
	assert_json(got, "{\"n\":3}");
	assert_int_equal(postern_caller_answer(r.c)->end, POSTERN_END_ANSWERED);
	for (int i = 0; i < 2; i++)
		assert_int_equal(postern_caller_next_json(r.c, &got, 0), 0);
	/* Those of a call in JSON were not decoded. */
	assert_errno(postern_caller_next(r.c, &got, 0), -EINVAL);
	assert_non_null(strstr(postern_why()->text, "in JSON"));
	/* A service that knows of no stream gives one answer. */
	assert_ok(waits(&r, &got, POSTERN_CALL_MORE, 0));
	assert_int_equal(postern_caller_next_json(r.c, &got, 0), 0);
	remote_close(&r);
}

static void V6_a_stream_that_was_never_asked_for_has_not_ended_well(void **state)
{
	const struct postern_caller_options o = { .size = sizeof o, .message_max = 100 };
	struct postern_caller *c;
	char json[200];
	int n = snprintf(json, sizeof json, "{\"s\":\"%0100d\"}", 0);

	(void)state;
	assert_ok(postern_caller_new(&c, NULL, test_path("service"), &o));
	assert_errno(postern_caller_wait_json(c, PLAIN, json, (size_t)n, NULL, NULL,
					      POSTERN_CALL_MORE, 0),
		     -EMSGSIZE);
	assert_errno(postern_caller_next_json(c, NULL, 0), -EINVAL);
	postern_caller_free(c);
}

static void V6_a_stream_that_breaks_off_says_so_after_its_last_answer(void **state)
{
	static const struct line breaks[] = { SAYS(ONE), SAYS(ONE "\0" TWO "\0garbage"),
					      SAYS(ONE "\0{\"error\":\"a.b.E\"}") };
	struct postern_json got = { 0 };
	struct remote r;

	(void)state;
	remote_open(&r, breaks, 3, NULL);
	assert_ok(waits(&r, &got, POSTERN_CALL_MORE, 0));
	assert_json(got, "{\"n\":1}");
	/* Nothing comes: the call stays open, and can be asked again. */
	for (int i = 0; i < 2; i++)
		assert_errno(postern_caller_next_json(r.c, &got, POSTERN_MS(20)), -ETIMEDOUT);
	/* Another call ends it. */
	assert_ok(waits(&r, &got, POSTERN_CALL_MORE, 0));
	assert_int_equal(postern_caller_next_json(r.c, &got, 0), 1);
	for (int i = 0; i < 2; i++)
		assert_errno(postern_caller_next_json(r.c, &got, 0), -ECONNRESET);
	assert_int_equal(postern_caller_answer(r.c)->why->code, POSTERN_REASON_VIOLATION);
	assert_ok(waits(&r, &got, POSTERN_CALL_MORE, 0));
	for (int i = 0; i < 2; i++) {
		assert_errno(postern_caller_next_json(r.c, &got, 0), -EREMOTE);
		assert_string_equal(postern_caller_answer(r.c)->error, "a.b.E");
	}
	remote_close(&r);
}

/* The service hangs up right behind an answer: both can be seen in one turn. */
static void *says_one_and_hangs_up(void *arg)
{
	static const struct line one = SAYS(ONE);
	int listener = *(int *)arg, fd;

	for (int i = 0; i < 20; i++) {
		/* postern-review: ignore E7 a test that has no descriptors is to fail */
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			break;
		if (remote_hears(fd))
			remote_says(fd, &one);
		close(fd);
	}
	return NULL;
}

static void V6_the_end_of_a_stream_does_not_hide_the_answer_before_it(void **state)
{
	int listener = plain_listen(test_path("service"), 8);
	struct postern_json got;
	struct postern_caller *c;
	pthread_t thread;

	(void)state;
	assert_true(listener >= 0);
	assert_int_equal(pthread_create(&thread, NULL, says_one_and_hangs_up, &listener), 0);
	assert_ok(postern_caller_new(&c, NULL, test_path("service"), NULL));
	for (int i = 0; i < 20; i++) {
		got = (struct postern_json){ 0 };
		assert_ok(postern_caller_wait_json(c, PLAIN, NULL, 0, NULL, &got, POSTERN_CALL_MORE,
						   0));
		assert_json(got, "{\"n\":1}");
		if (i % 2)
			test_sleep_ms(2);
		assert_errno(postern_caller_next_json(c, &got, 0), -ECONNRESET);
		assert_int_equal(postern_caller_answer(c)->why->code, POSTERN_REASON_ENDED);
	}
	pthread_join(thread, NULL);
	postern_caller_free(c);
	close(listener);
}

/* ---- V7: upgrades ---- */

#define ATTACH "org.example.clock.Attach"
/* What no message may be made of. */
#define BEHIND "first\n\0{\"parameters\":{}}\0last"

static int attach(struct remote *r, struct postern_client **client, struct postern_json *out,
		  int64_t deadline_ns)
{
	return postern_caller_upgrade_json(client, r->c, ATTACH, NULL, 0, NULL, out, deadline_ns);
}

static void V7_a_caller_that_waits_gets_a_client(void **state)
{
	static const struct line lines[] = { SAYS("{\"parameters\":{\"size\":3}}\0" BEHIND),
					     SAYS("answer\n"), SAYS("{}") };
	struct postern_client *client = NULL;
	struct postern_json out = { NULL, 0 };
	char got[sizeof BEHIND], line[16];
	struct remote r;

	(void)state;
	OPEN(&r, lines);
	assert_ok(attach(&r, &client, &out, 0));
	assert_int_equal(out.n, strlen("{\"size\":3}"));
	assert_memory_equal(out.text, "{\"size\":3}", out.n);
	assert_int_equal(postern_client_read_line(client, line, sizeof line, 0), 5);
	assert_string_equal(line, "first");
	assert_ok(postern_client_read_exactly(client, got, sizeof BEHIND - 6, test_patience_ns()));
	assert_memory_equal(got, &BEHIND[6], sizeof BEHIND - 6);
	/* The service of this test still reads up to a NUL. */
	assert_ok(postern_client_write(client, "bytes", 6, test_patience_ns()));
	assert_int_equal(postern_client_read_line(client, line, sizeof line, test_patience_ns()),
			 6);
	assert_string_equal(line, "answer");
	/* Another call of this caller is made on another connection; and this one outlives it. */
	r.c = postern_caller_free(r.c);
	assert_int_equal(postern_client_read_exactly(client, got, 1, test_patience_ns()), 0);
	postern_client_free(client);
	remote_close(&r);
}

static void V7_a_connection_that_ends_with_its_answer_is_read_to_its_end(void **state)
{
	static const struct line lines[] = { SAYS("{}\0" BEHIND), HANGS_UP, SAYS("{}\0" BEHIND) };
	const struct postern_conn_options conn = { .size = sizeof conn, .unread = 4 };
	const struct postern_connect_options connect = { .size = sizeof connect, .conn = &conn };
	const struct postern_caller_options small = { .size = sizeof small, .connect = &connect };
	struct postern_client *client;
	char got[sizeof BEHIND];
	struct remote r;

	(void)state;
	/* All of it is in one read, and more than the client takes ahead. */
	for (int i = 0; i < 2; i++) {
		size_t n = 0;
		ssize_t k;

		remote_open(&r, lines, 2, i ? &small : NULL);
		client = NULL;
		assert_ok(attach(&r, &client, NULL, 0));
		assert_int_equal(postern_client_write(client, "", 1, test_patience_ns()), 0);
		while ((k = postern_client_read(client, got + n, sizeof got - n,
						test_patience_ns())) > 0)
			n += (size_t)k;
		assert_int_equal(k, 0);
		assert_int_equal(n, sizeof BEHIND);
		assert_memory_equal(got, BEHIND, sizeof BEHIND);
		postern_client_free(client);
		remote_close(&r);
	}
}

static void V7_an_upgrade_that_fails_gives_no_client(void **state)
{
	static const struct line lines[] = { SAYS("{\"error\":\"a.b\"}"), SAYS_NOTHING,
					     SAYS("{\"continues\":true}"), HANGS_UP, SAYS("{}") };
	struct postern_client *client = NULL;
	struct postern_json out;
	struct remote r;

	(void)state;
	OPEN(&r, lines);
	assert_errno(attach(&r, &client, NULL, 0), -EREMOTE);
	assert_string_equal(postern_caller_answer(r.c)->error, "a.b");
	assert_errno(attach(&r, &client, NULL, SOON), -ETIMEDOUT);
	assert_errno(attach(&r, &client, NULL, 0), -ECONNRESET);
	assert_errno(attach(&r, &client, NULL, 0), -ECONNRESET);
	assert_errno(postern_caller_upgrade_json(&client, r.c, NULL, NULL, 0, NULL, NULL, 0),
		     -EINVAL);
	assert_errno(postern_caller_upgrade_json(NULL, r.c, ATTACH, NULL, 0, NULL, NULL, 0),
		     -EINVAL);
	assert_errno(
		postern_caller_wait_json(r.c, ATTACH, NULL, 0, NULL, &out, POSTERN_CALL_UPGRADE, 0),
		-EINVAL);
	assert_non_null(strstr(postern_why()->text, "postern_caller_upgrade()"));
	assert_null(client);
	/* The caller goes on. */
	assert_ok(postern_caller_wait_json(r.c, PLAIN, NULL, 0, NULL, &out, 0, 0));
	remote_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V15_a_waiting_call_returns_its_answer),
		TEST(V15_an_error_is_EREMOTE_and_stays_to_be_looked_at),
		TEST(V15_without_an_answer_the_error_says_what_is_known),
		TEST(V15_nobody_there_is_ENOTCONN_and_says_where),
		TEST(V5_a_waiting_oneway_call_returns_when_it_was_sent),
		TEST(V17_a_waiting_call_tries_a_busy_service_again),
		TEST(V3_a_message_right_behind_the_answer_does_not_change_what_was_returned),
		TEST(V9_why_an_answer_was_unusable_stays_when_a_message_follows_it),
		TEST(a_waiting_call_of_a_method_without_an_output_returns_too),
		TEST(V6_the_answers_of_a_stream_come_one_by_one_also_if_they_are_glued),
		TEST(V6_a_stream_that_was_never_asked_for_has_not_ended_well),
		TEST(V6_a_stream_that_breaks_off_says_so_after_its_last_answer),
		TEST(V6_the_end_of_a_stream_does_not_hide_the_answer_before_it),
		TEST(V7_a_caller_that_waits_gets_a_client),
		TEST(V7_a_connection_that_ends_with_its_answer_is_read_to_its_end),
		TEST(V7_an_upgrade_that_fails_gives_no_client),
	};

	return test_run(tests);
}
