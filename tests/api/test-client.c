/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-client.c - calls that wait
 *
 * The servers here are processes and plain sockets that misbehave in each way that a server can; what is looked
 * at is what the waiting call says, when, and that nothing is lost.
 */
#include "talk.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <postern/client.h>

static char text[9 * MIB];

/* ---- reading ---- */

static void each_read_returns_what_is_there(void **state)
{
	struct talk t;
	char to[16];

	(void)state;
	talk_open(&t);
	SAY(&t, "hello, line\nexactly\0\0\0\3abc\3\0\0\0defg\0rest");
	assert_int_equal(postern_client_available(t.c), 0);
	assert_int_equal(postern_client_read(t.c, to, 5, 0), 5);
	assert_memory_equal(to, "hello", 5);
	assert_int_equal(postern_client_read_line(t.c, to, sizeof to, 0), 6);
	assert_string_equal(to, ", line");
	assert_int_equal(postern_client_read_exactly(t.c, to, 7, 0), 0);
	assert_memory_equal(to, "exactly", 7);
	assert_int_equal(postern_client_read_frame(t.c, POSTERN_FRAMING_U32BE, to, sizeof to, 0),
			 3);
	assert_memory_equal(to, "abc", 3);
	assert_int_equal(postern_client_read_frame(t.c, POSTERN_FRAMING_U32LE, to, sizeof to, 0),
			 3);
	assert_memory_equal(to, "def", 3);
	assert_int_equal(postern_client_read_frame(t.c, POSTERN_FRAMING_NUL, to, sizeof to, 0), 1);
	assert_int_equal(postern_client_available(t.c), 4);
	assert_int_equal(postern_client_read(t.c, to, sizeof to, 0), 4);
	assert_memory_equal(to, "rest", 4);
	assert_int_equal(postern_client_read(t.c, to, 0, 0), 0);
	talk_close(&t);
}

static void each_read_keeps_its_deadline(void **state)
{
	static const int64_t deadlines[] = { 0, 1, SHORT };
	struct talk t;
	ssize_t r;

	(void)state;
	talk_open(&t);
	for (int i = 0; i < 3; i++) {
		TIMED(r, postern_client_read(t.c, got, 8, deadlines[i]));
		assert_errno(r, -ETIMEDOUT);
		assert_took_until(deadlines[i]);
		TIMED(r, postern_client_read_exactly(t.c, got, 8, deadlines[i]));
		assert_errno(r, -ETIMEDOUT);
		assert_took_until(deadlines[i]);
		TIMED(r, postern_client_read_line(t.c, got, 8, deadlines[i]));
		assert_errno(r, -ETIMEDOUT);
		assert_took_until(deadlines[i]);
		TIMED(r,
		      postern_client_read_frame(t.c, POSTERN_FRAMING_U32BE, got, 8, deadlines[i]));
		assert_errno(r, -ETIMEDOUT);
		assert_took_until(deadlines[i]);
		TIMED(r, postern_client_wait_end(t.c, deadlines[i]));
		assert_errno(r, -ETIMEDOUT);
		assert_took_until(deadlines[i]);
	}
	talk_close(&t);
}

static void play_late(int fd)
{
	test_sleep_ms(50);
	(void)send(fd, "lines that ", 11, MSG_NOSIGNAL);
	test_sleep_ms(50);
	(void)send(fd, "come late\n", 10, MSG_NOSIGNAL);
}

static void a_read_waits_for_what_comes_late(void **state)
{
	struct side s;
	struct talk t;
	ssize_t r;

	(void)state;
	talk_open(&t);
	/* From before it starts: it may be far when we get to the call. */
	watch_begun = test_time();
	side_start(&s, &t, play_late);
	r = postern_client_read_line(t.c, got, sizeof got, LONG);
	assert_int_equal(r, 20);
	assert_string_equal(got, "lines that come late");
	assert_took(watch_begun, POSTERN_MS(90), POSTERN_MS(100));
	side_join(&s);
	watch_begun = test_time();
	side_start(&s, &t, play_late);
	r = postern_client_read_exactly(t.c, got, 21, POSTERN_FOREVER);
	assert_int_equal(r, 0);
	assert_took(watch_begun, POSTERN_MS(90), POSTERN_MS(100));
	side_join(&s);
	talk_close(&t);
}

static void a_read_that_gives_up_loses_nothing(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t);
	SAY(&t, "half a li");
	assert_errno(postern_client_read_line(t.c, got, 64, SHORT), -ETIMEDOUT);
	assert_errno(postern_client_read_exactly(t.c, got, 10, 0), -ETIMEDOUT);
	assert_int_equal(postern_client_available(t.c), 9);
	SAY(&t, "ne\n");
	assert_int_equal(postern_client_read_line(t.c, got, 64, SHORT), 11);
	assert_string_equal(got, "half a line");
	talk_close(&t);
}

static void what_is_too_long_is_refused_and_stays(void **state)
{
	struct postern_conn_options o = { .size = sizeof o, .unread = 1000 };
	struct talk t;
	ssize_t r;

	(void)state;
	talk_open_options(&t, &o);
	assert_errno(postern_client_read_exactly(t.c, got, 1001, LONG), -EMSGSIZE);
	SAY(&t, "hello\n");
	assert_errno(postern_client_read_line(t.c, got, 5, LONG), -EMSGSIZE);
	assert_int_equal(postern_client_read_line(t.c, got, 6, LONG), 5);
	SAY(&t, "\377\377\377\377");
	TIMED(r, postern_client_read_frame(t.c, POSTERN_FRAMING_U32BE, got, sizeof got, LONG));
	assert_errno(r, -EMSGSIZE);
	assert_at_once();
	assert_int_equal(postern_client_read(t.c, got, 8, 0), 4);
	memset(text, 'x', 2000);
	talk_say(&t, text, 2000);
	TIMED(r, postern_client_read_line(t.c, got, sizeof got, LONG));
	assert_errno(r, -EMSGSIZE);
	assert_at_once();
	assert_int_equal(postern_client_read_exactly(t.c, got, 1000, LONG), 0);
	assert_int_equal(postern_client_read_exactly(t.c, got, 1000, LONG), 0);
	talk_close(&t);
}

static void calls_with_nonsense_say_invalid(void **state)
{
	struct postern_conn_options framed = { .size = sizeof framed,
					       .framing = POSTERN_FRAMING_LINES };
	struct postern_client *c = (void *)state;
	struct talk t;

	talk_open(&t);
	assert_errno(postern_client_new(NULL, "x", NULL), -EINVAL);
	assert_errno(postern_client_new(&c, NULL, NULL), -EINVAL);
	assert_errno(postern_client_new(&c, "a b", NULL), -EINVAL);
	assert_errno(postern_client_adopt(NULL, 0, NULL), -EINVAL);
	assert_errno(postern_client_adopt(&c, -1, NULL), -EINVAL);
	assert_errno(postern_client_adopt(&c, 60000, NULL), -EBADF);
	/* Frames as events are for connections: here nobody would hear of them. */
	assert_errno(postern_client_adopt(&c, t.peer, &framed), -EINVAL);
	assert_ptr_equal(c, (void *)state);
	assert_null(postern_client_free(NULL));
	assert_errno(postern_client_read(NULL, got, 1, 0), -EINVAL);
	assert_errno(postern_client_read(t.c, NULL, 1, 0), -EINVAL);
	assert_errno(postern_client_read(t.c, got, 1, -1), -EINVAL);
	assert_errno(postern_client_read_exactly(NULL, got, 1, 0), -EINVAL);
	assert_errno(postern_client_read_exactly(t.c, NULL, 1, 0), -EINVAL);
	assert_errno(postern_client_read_line(t.c, NULL, 1, 0), -EINVAL);
	assert_errno(postern_client_read_line(t.c, got, 0, 0), -EINVAL);
	assert_errno(postern_client_read_line(t.c, got, 1, -1), -EINVAL);
	assert_errno(postern_client_read_frame(t.c, 0, got, 1, 0), -EINVAL);
	assert_errno(postern_client_read_frame(t.c, 5, got, 1, 0), -EINVAL);
	assert_errno(postern_client_write(NULL, "x", 1, 0), -EINVAL);
	assert_errno(postern_client_write(t.c, NULL, 1, 0), -EINVAL);
	assert_errno(postern_client_write(t.c, "x", 1, -1), -EINVAL);
	assert_ok(postern_client_write(t.c, NULL, 0, 0));
	assert_errno(postern_client_write_frame(t.c, 0, "x", 1, 0), -EINVAL);
	assert_errno(postern_client_write_frame(t.c, POSTERN_FRAMING_LINES, "\n", 1, 0), -EBADMSG);
	assert_errno(postern_client_write_frame(NULL, POSTERN_FRAMING_LINES, "x", 1, 0), -EINVAL);
	assert_errno(postern_client_shutdown(NULL, 0), -EINVAL);
	assert_errno(postern_client_shutdown(t.c, -1), -EINVAL);
	assert_errno(postern_client_close(NULL, 0), -EINVAL);
	assert_errno(postern_client_close(t.c, -1), -EINVAL);
	assert_errno(postern_client_wait_end(NULL, 0), -EINVAL);
	assert_errno(postern_client_wait_end(t.c, -1), -EINVAL);
	assert_int_equal(postern_client_available(NULL), 0);
	assert_string_equal(postern_client_why(NULL)->text, "");
	assert_null(postern_client_conn(NULL));
	/* Nothing of it was written. */
	assert_int_equal(recv(t.peer, got, 1, MSG_DONTWAIT), -1);
	talk_close(&t);
}

/* ---- the end ---- */

static void what_came_before_the_end_is_read_first_and_then_the_end_at_once(void **state)
{
	(void)state;
	/* The peer sends no more; or it has gone altogether. */
	for (int gone = 0; gone < 2; gone++) {
		struct talk t;
		ssize_t r;

		talk_open(&t);
		SAY(&t, "last\nwords");
		if (gone)
			talk_hang_up(&t);
		else
			shutdown(t.peer, SHUT_WR);
		assert_int_equal(postern_client_read_line(t.c, got, 64, LONG), 4);
		TIMED(r, postern_client_read_line(t.c, got, 64, LONG));
		assert_errno(r, -ENODATA);
		assert_at_once();
		TIMED(r, postern_client_read_exactly(t.c, got, 6, LONG));
		assert_errno(r, -ENODATA);
		assert_at_once();
		TIMED(r, postern_client_read_frame(t.c, POSTERN_FRAMING_NUL, got, 64, LONG));
		assert_errno(r, -ENODATA);
		assert_at_once();
		assert_int_equal(postern_client_read_exactly(t.c, got, 5, LONG), 0);
		assert_memory_equal(got, "words", 5);
		for (int again = 0; again < 3; again++) {
			TIMED(r, postern_client_read(t.c, got, 64, POSTERN_FOREVER));
			assert_int_equal(r, 0);
			assert_at_once();
			TIMED(r, postern_client_read_exactly(t.c, got, 1, LONG));
			assert_errno(r, -ENODATA);
			assert_at_once();
			TIMED(r, postern_client_wait_end(t.c, LONG));
			assert_ok(r);
			assert_at_once();
		}
		/* Half-closed, it still listens. */
		r = postern_client_write(t.c, "bye", 3, LONG);
		if (gone)
			assert_errno(r, -EPIPE);
		else
			assert_ok(r);
		talk_close(&t);
	}
}

static void play_leaves(int fd)
{
	test_sleep_ms(50);
	shutdown(fd, SHUT_RDWR);
}

static void an_end_while_it_waits_ends_the_wait(void **state)
{
	for (int call = 0; call < 5; call++) {
		struct side s;
		struct talk t;
		ssize_t r;

		(void)state;
		talk_open(&t);
		side_start(&s, &t, play_leaves);
		watch_begun = test_time();
		switch (call) {
		case 0:
			assert_int_equal(postern_client_read(t.c, got, 1, LONG), 0);
			break;
		case 1:
			assert_errno(postern_client_read_exactly(t.c, got, 1, LONG), -ENODATA);
			break;
		case 2:
			assert_errno(postern_client_read_line(t.c, got, 8, LONG), -ENODATA);
			break;
		case 3:
			assert_ok(postern_client_wait_end(t.c, LONG));
			break;
		default:
			r = postern_client_write(t.c, text, sizeof text, LONG);
			/* Bytes were under way, or they were not. */
			assert_true(r == -EPIPE || r == -ECONNRESET);
		}
		assert_took(watch_begun, 0, POSTERN_MS(50));
		side_join(&s);
		talk_close(&t);
	}
}

static void a_peer_that_left_bytes_unread_has_reset_the_connection(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t);
	assert_ok(postern_client_write(t.c, "unread", 6, LONG));
	SAY(&t, "but answered");
	talk_hang_up(&t);
	assert_int_equal(postern_client_read(t.c, got, 64, LONG), 12);
	assert_errno(postern_client_read(t.c, got, 64, LONG), -ECONNRESET);
	assert_errno(postern_client_read(t.c, got, 64, LONG), -ECONNRESET);
	assert_errno(postern_client_read_line(t.c, got, 64, LONG), -ECONNRESET);
	assert_int_equal(postern_client_why(t.c)->code, POSTERN_REASON_RESET);
	assert_true(strlen(postern_client_why(t.c)->text) > 3);
	talk_close(&t);
}

static void a_half_close_lets_the_answer_come(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t);
	assert_ok(postern_client_write(t.c, "question", 8, LONG));
	assert_ok(postern_client_shutdown(t.c, LONG));
	assert_int_equal(recv(t.peer, got, 64, 0), 8);
	assert_int_equal(recv(t.peer, got, 64, 0), 0);
	assert_errno(postern_client_write(t.c, "more", 4, LONG), -EPIPE);
	SAY(&t, "answer\n");
	assert_int_equal(postern_client_read_line(t.c, got, 64, LONG), 6);
	talk_hang_up(&t);
	assert_int_equal(postern_client_read(t.c, got, 64, LONG), 0);
	talk_close(&t);
}

static void play_answers_at_the_end(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, 0) == 1)
		;
	(void)send(fd, text, MIB, MSG_NOSIGNAL);
	shutdown(fd, SHUT_RDWR);
}

static void close_sends_the_end_and_waits_for_the_peers(void **state)
{
	struct side s;
	struct talk t;
	int r;

	(void)state;
	talk_open(&t);
	side_start(&s, &t, play_answers_at_the_end);
	assert_ok(postern_client_write(t.c, "bye", 3, LONG));
	/* What still arrives is more than is kept: it is dropped, so that the end is seen. */
	assert_ok(postern_client_close(t.c, LONG));
	side_join(&s);
	assert_int_equal(postern_client_available(t.c), 0);
	assert_ok(postern_client_close(t.c, LONG));
	talk_close(&t);

	talk_open(&t);
	TIMED(r, postern_client_close(t.c, SHORT));
	assert_errno(r, -ETIMEDOUT);
	assert_took_until(SHORT);
	talk_close(&t);
}

static void wait_end_with_a_full_buffer_says_so(void **state)
{
	struct postern_conn_options o = { .size = sizeof o, .unread = 5000 };
	struct talk t;
	ssize_t r;

	(void)state;
	talk_open_options(&t, &o);
	talk_say(&t, text, 20000);
	talk_hang_up(&t);
	TIMED(r, postern_client_wait_end(t.c, LONG));
	assert_errno(r, -ENOBUFS);
	assert_at_once();
	assert_int_equal(postern_client_read_exactly(t.c, got, 5000, LONG), 0);
	assert_int_equal(postern_client_read_exactly(t.c, got, 5000, LONG), 0);
	assert_int_equal(postern_client_read_exactly(t.c, got, 5000, LONG), 0);
	assert_ok(postern_client_wait_end(t.c, LONG));
	assert_int_equal(postern_client_read_exactly(t.c, got, 5000, LONG), 0);
	assert_int_equal(postern_client_read(t.c, got, 1, LONG), 0);
	talk_close(&t);
}

/* ---- writing ---- */

static void play_reads_all(int fd)
{
	size_t n = 0;
	ssize_t r;

	while (n < sizeof got && (r = recv(fd, got + n, sizeof got - n, 0)) > 0)
		n += (size_t)r;
	/* So that the other side knows. */
	(void)send(fd, &n, sizeof n, MSG_NOSIGNAL);
}

static void a_write_may_be_larger_than_the_high_water_mark(void **state)
{
	struct postern_conn_options o = { .size = sizeof o, .high_water = 10000 };
	struct side s;
	struct talk t;
	size_t n = 0;

	(void)state;
	pattern_fill(text, 0, sizeof text);
	talk_open_options(&t, &o);
	side_start(&s, &t, play_reads_all);
	assert_ok(postern_client_write(t.c, text, sizeof text - 5, LONG));
	assert_ok(postern_client_write_frame(t.c, POSTERN_FRAMING_LINES, "last", 4, LONG));
	side_join(&s);
	assert_int_equal(postern_client_read_exactly(t.c, &n, sizeof n, LONG), 0);
	assert_int_equal(n, sizeof got);
	assert_int_equal(pattern_check(got, 0, sizeof got - 5), sizeof got - 5);
	assert_memory_equal(got + sizeof got - 5, "last\n", 5);
	talk_close(&t);
}

static void frames_are_written_with_their_framing(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t);
	assert_ok(postern_client_write_frame(t.c, POSTERN_FRAMING_LINES, "abc", 3, 0));
	assert_ok(postern_client_write_frame(t.c, POSTERN_FRAMING_NUL, "abc", 3, 0));
	assert_ok(postern_client_write_frame(t.c, POSTERN_FRAMING_U32BE, "abc", 3, 0));
	assert_ok(postern_client_write_frame(t.c, POSTERN_FRAMING_U32LE, NULL, 0, 0));
	assert_int_equal(recv(t.peer, got, 64, 0), 19);
	assert_memory_equal(got, "abc\nabc\0\0\0\0\3abc\0\0\0\0", 19);
	talk_close(&t);
}

static void a_write_to_a_peer_that_never_reads_keeps_its_deadline(void **state)
{
	static const int64_t deadlines[] = { 0, SHORT, POSTERN_MS(300) };
	struct postern_conn_options o = { .size = sizeof o, .high_water = 100000 };
	ssize_t r;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct talk t;

		talk_open_options(&t, i ? &o : NULL);
		TIMED(r, postern_client_write(t.c, text, sizeof text, deadlines[i]));
		assert_errno(r, -ETIMEDOUT);
		assert_took_until(deadlines[i]);
		TIMED(r, postern_client_shutdown(t.c, deadlines[i]));
		assert_errno(r, -ETIMEDOUT);
		assert_took_until(deadlines[i]);
		TIMED(r, postern_client_close(t.c, deadlines[i]));
		assert_errno(r, -ETIMEDOUT);
		assert_took_until(deadlines[i]);
		/* Free does not wait either. */
		watch_begun = test_time();
		talk_close(&t);
		assert_at_once();
	}
}

static void pain_11_a_peer_that_does_nothing_is_ended_by_the_idle_limit(void **state)
{
	struct postern_conn_options o = { .size = sizeof o, .idle_ns = POSTERN_MS(200) };
	struct talk t;
	ssize_t r;

	(void)state;
	talk_open_options(&t, &o);
	assert_ok(postern_client_write(t.c, "are you there?", 14, 0));
	TIMED(r, postern_client_read(t.c, got, 1, LONG));
	assert_errno(r, -ETIMEDOUT);
	assert_took(watch_begun, POSTERN_MS(200), POSTERN_MS(300));
	assert_int_equal(postern_client_why(t.c)->code, POSTERN_REASON_IDLE);
	TIMED(r, postern_client_read(t.c, got, 1, LONG));
	assert_errno(r, -ETIMEDOUT);
	assert_at_once();
	assert_errno(postern_client_write(t.c, "x", 1, LONG), -ETIMEDOUT);
	talk_close(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(each_read_returns_what_is_there),
		TEST(each_read_keeps_its_deadline),
		TEST(a_read_waits_for_what_comes_late),
		TEST(a_read_that_gives_up_loses_nothing),
		TEST(what_is_too_long_is_refused_and_stays),
		TEST(calls_with_nonsense_say_invalid),
		TEST(what_came_before_the_end_is_read_first_and_then_the_end_at_once),
		TEST(an_end_while_it_waits_ends_the_wait),
		TEST(a_peer_that_left_bytes_unread_has_reset_the_connection),
		TEST(a_half_close_lets_the_answer_come),
		TEST(close_sends_the_end_and_waits_for_the_peers),
		TEST(wait_end_with_a_full_buffer_says_so),
		TEST(a_write_may_be_larger_than_the_high_water_mark),
		TEST(frames_are_written_with_their_framing),
		TEST(a_write_to_a_peer_that_never_reads_keeps_its_deadline),
		TEST(pain_11_a_peer_that_does_nothing_is_ended_by_the_idle_limit),
	};

	return test_run(tests);
}
