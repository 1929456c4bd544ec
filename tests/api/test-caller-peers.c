/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-caller-peers.c - services that break the protocol, stop, trickle, flood, or hang up in the middle
 *
 * After each of them the caller goes on: the next call is answered on another connection.
 */
#include "called.h"

/* Losses in a row are followed by longer and longer waits: shorter ones for tests of many. */
static const struct postern_connect_options soon = { .size = sizeof soon,
						     .backoff_ns = POSTERN_MS(1),
						     .backoff_max_ns = POSTERN_MS(1) };
static const struct postern_caller_options swift = { .size = sizeof swift, .connect = &soon };

/* The caller still works, on a connection that it makes now. */
static void goes_on(struct called *t)
{
	called_now(t, 60);
	called_accept(t);
	called_gets(t, CALLED_NOW);
	called_says(t, "{}");
	called_tells(t, 60, POSTERN_END_ANSWERED);
}

static void is_violation(struct called *t, int i, const char *why)
{
	called_tells(t, i, POSTERN_END_NO_ANSWER);
	assert_int_equal(t->told[i].code, POSTERN_REASON_VIOLATION);
	if (!strstr(t->told[i].why, why))
		fail_msg("the reason is \"%s\" and not %s", t->told[i].why, why);
}

static void V3_an_answer_that_is_no_message_ends_the_connection(void **state)
{
	static const struct {
		const char *text, *why;
	} wrong[] = {
		{ "", "byte 0 of its answer: a message is an object" },
		{ "hello", "byte 0 of its answer: a message is an object" },
		{ "[{}]", "byte 0 of its answer: a message is an object" },
		{ "{}{}", "byte 2 of its answer: something follows the object" },
		{ "{\"parameters\":[]}", "byte 14 of its answer: parameters is not an object" },
		{ "{\"error\":1}", "byte 9 of its answer: error is not a string" },
		{ "{\"error\":\"a.b\",\"error\":\"a.b\"}",
		  "byte 15 of its answer: a member comes twice" },
		{ "{\"continues\":\"no\"}", "continues is not a boolean" },
		{ "{\"result\":{}}", "byte 1 of its answer: there is no such member" },
		{ "{\"a.b\":1}", "a vendor's member is not an object" },
		{ "{\"parameters\":{\"x\":\"\xff\"}}", "byte 20 of its answer: this is not UTF-8" },
		{ "{\"error\":\"a.b\",\"continues\":true}", "an error continues" },
		{ "{\"continues\":true}", "it continues, and its call did not ask for more" },
	};
	struct called t;

	(void)state;
	called_open(&t, &swift);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		called_now(&t, 0);
		called_now(&t, 1);
		called_accept(&t);
		called_gets(&t, CALLED_NOW);
		called_gets(&t, CALLED_NOW);
		called_says(&t, wrong[i].text);
		is_violation(&t, 0, wrong[i].why);
		is_violation(&t, 1, wrong[i].why);
		called_is_left(&t);
	}
	goes_on(&t);
	called_close(&t);
}

static void V6_answers_that_nobody_asked_for_end_the_connection(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	/* Twice. */
	called_now(&t, 0);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_says(&t, "{}");
	called_says(&t, "{}");
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	called_is_left(&t);
	/* To a call that wants none. */
	called_call(&t, 0, "a.b.C", "{}", POSTERN_CALL_ONEWAY, 0);
	called_accept(&t);
	called_gets(&t, "{\"method\":\"a.b.C\",\"oneway\":true,\"parameters\":{}}");
	called_says(&t, "{\"error\":\"a.b.E\"}");
	called_is_left(&t);
	goes_on(&t);
	/* In a stream, after its last one. */
	called_call(&t, 1, "a.b.C", "{}", POSTERN_CALL_MORE, 0);
	called_accept(&t);
	called_gets(&t, "{\"method\":\"a.b.C\",\"more\":true,\"parameters\":{}}");
	called_says(&t, "{}");
	called_says(&t, "{\"continues\":true}");
	called_tells(&t, 1, POSTERN_END_ANSWERED);
	assert_int_equal(t.told[1].n, 1);
	called_close(&t);
}

/* An object of n bytes. */
static char *string_of(size_t n)
{
	char *json = malloc(n);

	assert_non_null(json);
	memset(json, 'x', n);
	memcpy(json, "{\"s\":\"", 6);
	memcpy(json + n - 2, "\"}", 2);
	return json;
}

/* A call that the kernel does not take at once. */
static char *large;
enum { LARGE = 3000000 };

static void call_large(struct called *t, int i, int64_t deadline_ns)
{
	struct postern_json in;

	if (!large)
		large = string_of(LARGE);
	in = (struct postern_json){ large, LARGE };
	assert_ok(called_try_json(t, i, "a.b.C", &in, 0, deadline_ns));
}

static void V6_a_service_that_speaks_first_is_left_and_not_asked_in_a_circle(void **state)
{
	struct called t;
	unsigned n = 0;

	(void)state;
	called_open(&t, NULL);
	call_large(&t, 0, POSTERN_MS(400));
	while (!t.told[0].final) {
		int fd = -1;

		turn_until(t.loop, called_accepts(&t, &fd) || t.told[0].final);
		if (fd < 0)
			break;
		n++;
		assert_int_equal(send(fd, "{}", 3, MSG_NOSIGNAL), 3);
		turn(t.loop, 0);
		close(fd);
	}
	called_tells(&t, 0, POSTERN_END_NOT_SENT);
	test_note("%u connections in 400 ms", n);
	assert_true(n >= 2 && n < 40);
	called_close(&t);
}

static void V15_half_an_answer_is_none(void **state)
{
	static const char text[] = "{\"parameters\":{\"n\":0}}";
	struct called t;

	(void)state;
	called_open(&t, &swift);
	for (size_t n = 0; n < sizeof text; n++)
		for (int how = 0; how < 2; how++) {
			called_now(&t, 0);
			called_accept(&t);
			called_gets(&t, CALLED_NOW);
			called_sends(&t, text, n);
			if (how == 0)
				called_hang_up(&t);
			else
				assert_int_equal(shutdown(t.fd, SHUT_WR), 0);
			called_tells(&t, 0, POSTERN_END_NO_ANSWER);
			assert_int_equal(t.told[0].code,
					 n > 0 ? POSTERN_REASON_VIOLATION : POSTERN_REASON_ENDED);
			assert_true(t.told[0].why[0]);
		}
	goes_on(&t);
	called_close(&t);
}

static void V15_a_service_that_hangs_up_within_the_call_leaves_no_answer(void **state)
{
	struct called t;
	char got[64];

	(void)state;
	called_open(&t, &swift);
	/* The kernel had all of it; how much of that was read nobody knows. */
	for (size_t n = 1; n <= sizeof CALLED_NOW; n += 7) {
		called_now(&t, 0);
		called_accept(&t);
		called_receive(&t, got, n);
		called_hang_up(&t);
		called_tells(&t, 0, POSTERN_END_NO_ANSWER);
		assert_int_equal(t.told[0].code, n == sizeof CALLED_NOW ? POSTERN_REASON_ENDED
									: POSTERN_REASON_RESET);
	}
	called_close(&t);
}

static void V15_a_call_that_was_sent_in_part_is_sent_whole_on_the_next_connection(void **state)
{
	static const char end[] = "\"}}";
	char *got = malloc(LARGE + 100);
	struct called t;

	(void)state;
	assert_non_null(got);
	called_open(&t, NULL);
	call_large(&t, 0, POSTERN_SECONDS(60));
	for (int i = 0; i < 3; i++) {
		called_accept(&t);
		called_receive(&t, got, (size_t)i * 300000 + 1);
		called_hang_up(&t);
	}
	called_accept(&t);
	called_receive(&t, got, strlen("{\"method\":\"a.b.C\",\"parameters\":}") + LARGE + 1);
	assert_memory_equal(got, "{\"method\":\"a.b.C\"", 17);
	assert_string_equal(got + strlen("{\"method\":\"a.b.C\",\"parameters\":}") + LARGE - 3,
			    end);
	assert_int_equal(t.told[0].n, 0);
	called_says(&t, "{}");
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	free(got);
	called_close(&t);
}

static void V15_a_service_that_stops_reading_leaves_calls_unsent_at_their_deadline(void **state)
{
	struct called t;
	int stopped;

	(void)state;
	called_open(&t, NULL);
	called_now(&t, 0);
	call_large(&t, 1, SOON);
	called_now(&t, 2);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_tells(&t, 1, POSTERN_END_NOT_SENT);
	assert_int_equal(t.told[1].code, POSTERN_REASON_TIMEOUT);
	/* The one behind it goes to another connection, and the one before it is answered on this one. */
	stopped = t.fd;
	t.fd = -1;
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_says(&t, "{\"parameters\":{\"n\":2}}");
	called_tells(&t, 2, POSTERN_END_ANSWERED);
	called_hang_up(&t);
	t.fd = stopped;
	called_says(&t, "{\"parameters\":{\"n\":0}}");
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	assert_string_equal(t.told[0].parameters, "{\"n\":0}");
	called_close(&t);
}

static void V15_what_was_not_sent_never_arrives_later(void **state)
{
	char *got = malloc(LARGE + 100);
	struct called t;
	ssize_t r = 0;
	size_t n = 0;

	(void)state;
	assert_non_null(got);
	called_open(&t, NULL);
	call_large(&t, 0, SOON);
	called_accept(&t);
	called_tells(&t, 0, POSTERN_END_NOT_SENT);
	while ((r = called_take(&t, got + n, LARGE + 100 - n)) >= 0) {
		n += (size_t)r;
		turn(t.loop, 10);
	}
	assert_true(n < LARGE);
	assert_null(memchr(got, '\0', n));
	test_note("%zu of %d bytes had been sent", n, LARGE);
	free(got);
	called_close(&t);
}

static void V1_an_answer_beyond_the_limit_ends_the_connection_before_it_is_kept(void **state)
{
	const struct postern_caller_options o = { .size = sizeof o, .message_max = 10000 };
	char text[10002] = "{\"parameters\":{\"s\":\"";
	struct called t;

	(void)state;
	called_open(&t, &o);
	for (size_t n = 10000; n <= 10001; n++) {
		memset(text + 20, 'x', n - 23);
		memcpy(text + n - 3, "\"}}", 4);
		called_now(&t, 0);
		if (t.fd < 0)
			called_accept(&t);
		called_gets(&t, CALLED_NOW);
		called_says(&t, text);
		if (n == 10000)
			called_tells(&t, 0, POSTERN_END_ANSWERED);
		else
			is_violation(&t, 0, "the answer is longer than 10000 bytes (message_max)");
	}
	called_close(&t);
}

static void V16_an_answer_that_trickles_does_not_extend_the_deadline(void **state)
{
	struct test_time begun = test_time();
	struct called t;

	(void)state;
	called_open(&t, NULL);
	called_call(&t, 0, "org.example.clock.Now", "{}", 0, SOON);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	while (!t.told[0].n) {
		if (send(t.fd, " ", 1, MSG_NOSIGNAL) < 0)
			break;
		turn(t.loop, 5);
	}
	called_tells(&t, 0, POSTERN_END_TIMEOUT);
	assert_took(begun, SOON, SOON);
	called_close(&t);
}

static void V12_descriptors_that_nobody_asked_for_are_not_kept(void **state)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	char text[] = "{}";
	struct iovec iov = { text, sizeof text };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof control };
	struct called t;
	int before;

	(void)state;
	called_open(&t, NULL);
	called_now(&t, 0);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	before = test_fd_count();
	memcpy(CMSG_DATA(&control.header), &t.fd, sizeof(int));
	/* A kernel that can refuses them where they are sent. */
	if (sendmsg(t.fd, &m, 0) < 0)
		called_says(&t, "{}");
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	assert_int_equal(test_fd_count(), before);
	called_close(&t);
}

static void V1_an_answer_with_64000_members_takes_no_quadratic_time(void **state)
{
	char *text = malloc(64000 * 16 + 64);
	struct test_time begun;
	struct called t;
	size_t n;

	(void)state;
	assert_non_null(text);
	n = (size_t)sprintf(text, "{\"parameters\":{\"x\":0");
	for (int i = 0; i < 64000; i++)
		n += (size_t)sprintf(text + n, ",\"k%d\":%d", i, i % 10);
	sprintf(text + n, "}}");
	called_open(&t, NULL);
	called_now(&t, 0);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	begun = test_time();
	called_says(&t, text);
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	assert_took_less(begun, POSTERN_SECONDS(5));
	free(text);
	called_close(&t);
}

static void V17_nobody_listens_and_later_somebody_does(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	called_gone(&t);
	called_now(&t, 0);
	turn_for(t.loop, 50);
	assert_int_equal(t.told[0].n, 0);
	t.listener = plain_listen(test_path("service"), 4);
	assert_int_equal(fcntl(t.listener, F_SETFL, O_NONBLOCK), 0);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_says(&t, "{}");
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	called_close(&t);
}

/* 4,096 calls at once, answered in one piece. */
static void V15_4096_calls_in_flight_are_all_answered(void **state)
{
	enum { MANY = 4096 };
	struct told *told = calloc(MANY, sizeof *told);
	char *got = malloc(MANY * sizeof CALLED_NOW), *answers = malloc(MANY * 3);
	struct called t;

	(void)state;
	assert_true(told && got && answers);
	called_open(&t, NULL);
	for (int i = 0; i < MANY; i++)
		assert_ok(postern_caller_call_json(&told[i].call, t.c, CALLED_METHOD, NULL, 0, NULL,
						   0, 0, called_answer, &told[i]));
	assert_errno(postern_caller_call_json(NULL, t.c, CALLED_METHOD, NULL, 0, NULL, 0, 0,
					      called_answer, told),
		     -EAGAIN);
	called_accept(&t);
	called_receive(&t, got, MANY * sizeof CALLED_NOW);
	for (int i = 0; i < MANY; i++)
		memcpy(answers + 3 * i, "{}", 3);
	called_sends(&t, answers, MANY * 3);
	turn_until(t.loop, told[MANY - 1].final);
	for (int i = 0; i < MANY; i++)
		if (told[i].final != 1 || told[i].end != POSTERN_END_ANSWERED)
			fail_msg("call %d: %u ends, the last is %d", i, told[i].final, told[i].end);
	called_close(&t);
	free(answers);
	free(got);
	free(told);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V3_an_answer_that_is_no_message_ends_the_connection),
		TEST(V6_answers_that_nobody_asked_for_end_the_connection),
		TEST(V6_a_service_that_speaks_first_is_left_and_not_asked_in_a_circle),
		TEST(V15_half_an_answer_is_none),
		TEST(V15_a_service_that_hangs_up_within_the_call_leaves_no_answer),
		TEST(V15_a_call_that_was_sent_in_part_is_sent_whole_on_the_next_connection),
		TEST(V15_a_service_that_stops_reading_leaves_calls_unsent_at_their_deadline),
		TEST(V15_what_was_not_sent_never_arrives_later),
		TEST(V1_an_answer_beyond_the_limit_ends_the_connection_before_it_is_kept),
		TEST(V16_an_answer_that_trickles_does_not_extend_the_deadline),
		TEST(V12_descriptors_that_nobody_asked_for_are_not_kept),
		TEST(V1_an_answer_with_64000_members_takes_no_quadratic_time),
		TEST(V17_nobody_listens_and_later_somebody_does),
		TEST(V15_4096_calls_in_flight_are_all_answered),
	};
	int r = test_run(tests);

	free(large);
	return r;
}
