/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-qt-peers.c - what the tests of QLocalSocket ask: calls that wait, commands, threads, processes
 *
 * The rest is in test-qt-parity.c.
 */
#include "pair.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <postern/client.h>
#include <postern/frame.h>
#include <postern/thread.h>

#define SOON test_patience_ns()

/* ---- a server on a thread, that echoes; "close" makes it close ---- */

struct host {
	struct postern_thread *thread;
	struct postern_server *server;
	const char *name;
	atomic_uint accepted, closed;
};

static void host_accepted(struct postern_server *server, struct postern_conn *c, void *data)
{
	struct host *h = data;

	(void)server;
	(void)c;
	h->accepted++;
}

static size_t host_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t taken;

	(void)data;
	if (n >= 5 && memcmp(bytes, "close", 5) == 0) {
		/* An assertion would have to fail on the thread of the test. */
		if (postern_conn_close(c) < 0)
			abort();
		return n;
	}
	taken = postern_conn_write(c, bytes, n);
	return taken > 0 ? (size_t)taken : 0;
}

static void host_conn_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct host *h = data;

	(void)c;
	(void)why;
	h->closed++;
}

static const struct postern_conn_events host_conn_events = {
	.size = sizeof(host_conn_events),
	.received = host_received,
	.closed = host_conn_closed,
};

static const struct postern_server_events host_events = {
	.size = sizeof(host_events),
	.conn = &host_conn_events,
	.accepted = host_accepted,
};

static int host_serve(struct postern_thread *thread, struct postern_loop *loop, void *data)
{
	struct host *h = data;

	(void)thread;
	return postern_server_new(&h->server, loop, h->name, NULL, &host_events, h);
}

static void host_start(struct host *h, const char *name)
{
	*h = (struct host){ .name = name };
	assert_ok(postern_thread_start(&h->thread, NULL, host_serve, h));
}

static void host_end(struct host *h)
{
	assert_ok(postern_thread_stop(h->thread));
	assert_ok(postern_thread_join(h->thread, SOON));
	h->thread = postern_thread_free(h->thread);
	assert_int_equal(h->closed, h->accepted);
}

static struct postern_client *host_client(const char *name)
{
	struct postern_client *c = NULL;

	if (postern_client_new(&c, name, NULL) < 0)
		fail_msg("%s", postern_why()->text);
	return c;
}

static void assert_soon(struct test_time begun)
{
	assert_took_less(begun, POSTERN_SECONDS(1));
}

/* ---- commands ---- */

static void two_thousand_commands_are_answered_one_by_one(void **state)
{
	enum { COMMANDS = 2000 };
	static char sent[COMMANDS], got[COMMANDS];
	struct postern_client *c;
	struct host h;

	(void)state;
	pattern_fill(sent, 0, sizeof(sent));
	host_start(&h, "commands");
	c = host_client("commands");
	for (size_t i = 0; i < COMMANDS; i++) {
		assert_ok(postern_client_write_frame(c, POSTERN_FRAMING_U32BE, sent, i, SOON));
		assert_int_equal(
			postern_client_read_frame(c, POSTERN_FRAMING_U32BE, got, sizeof(got), SOON),
			i);
		assert_memory_equal(got, sent, i);
	}
	assert_int_equal(postern_client_available(c), 0);
	assert_ok(postern_conn_abort(postern_client_conn(c)));
	assert_int_equal(postern_client_read(c, got, 1, SOON) > 0, 0);
	postern_client_free(c);
	host_end(&h);
}

struct commands {
	struct site site;
	unsigned answered, closed;
	int why;
};

enum { COMMANDS_AT_ONCE = 500 };

static void command_answered(struct postern_conn *c, const void *payload, size_t n, void *data)
{
	struct commands *o = data;

	assert_int_equal(n, o->answered);
	assert_int_equal(pattern_check(payload, 0, n), n);
	if (++o->answered == COMMANDS_AT_ONCE)
		assert_ok(postern_conn_abort(c));
}

static void command_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct commands *o = data;

	(void)c;
	o->closed++;
	o->why = why->code;
}

static void five_hundred_commands_at_once_are_answered_and_then_aborted(void **state)
{
	static const struct postern_conn_events events = { .size = sizeof(events),
							   .frame = command_answered,
							   .closed = command_closed };
	struct postern_conn_options frames = { .size = sizeof(frames),
					       .framing = POSTERN_FRAMING_U32BE };
	struct postern_connect_options options = { .size = sizeof(options), .conn = &frames };
	struct postern_conn *c = NULL;
	struct commands o = { .answered = 0 };
	char payload[COMMANDS_AT_ONCE];

	(void)state;
	pattern_fill(payload, 0, sizeof(payload));
	site_open(&o.site, "commands", NULL);
	assert_ok(postern_connect(&c, o.site.loop, "commands", &options, &events, &o));
	for (size_t i = 0; i < COMMANDS_AT_ONCE; i++)
		assert_int_equal(postern_conn_write_frame(c, POSTERN_FRAMING_U32BE, payload, i), i);
	turn_until(o.site.loop, o.closed == 1 && o.site.conns_closed == 1);
	assert_int_equal(o.answered, COMMANDS_AT_ONCE);
	assert_int_equal(o.why, POSTERN_REASON_ABORTED);
	postern_conn_free(c);
	site_close(&o.site);
}

/* ---- threads and processes ---- */

/* What each client does: both directions, lines of its own, a proper end. Returns 0. */
static int client_main(const char *name, int id)
{
	struct postern_client *c = NULL;
	char line[64], got[64];
	int r = postern_client_new(&c, name, NULL);

	for (int i = 0; r == 0 && i < 20; i++) {
		ssize_t n = snprintf(line, sizeof(line), "client %d says %d", id, i);

		r = postern_client_write_frame(c, POSTERN_FRAMING_LINES, line, (size_t)n, SOON);
		if (r == 0 && postern_client_read_line(c, got, sizeof(got), SOON) != n)
			r = -EIO;
		if (r == 0 && strcmp(line, got) != 0)
			r = -EBADMSG;
	}
	if (r == 0)
		r = postern_client_close(c, SOON);
	postern_client_free(c);
	return r;
}

struct thread_client {
	pthread_t thread;
	int id, r;
};

static void *thread_client_main(void *data)
{
	struct thread_client *t = data;

	t->r = client_main("threads", t->id);
	return NULL;
}

static void one_to_20_client_threads_each_have_their_answers(void **state)
{
	static const int numbers[] = { 1, 2, 5, 10, 20 };

	(void)state;
	for (size_t k = 0; k < sizeof(numbers) / sizeof(*numbers); k++) {
		struct thread_client clients[20];
		struct host h;

		host_start(&h, "threads");
		for (int i = 0; i < numbers[k]; i++) {
			clients[i].id = i;
			assert_int_equal(pthread_create(&clients[i].thread, NULL,
							thread_client_main, &clients[i]),
					 0);
		}
		for (int i = 0; i < numbers[k]; i++) {
			pthread_join(clients[i].thread, NULL);
			assert_ok(clients[i].r);
		}
		host_end(&h);
		assert_int_equal(h.accepted, numbers[k]);
	}
}

static int process_main(void *id)
{
	return -client_main("processes", *(int *)id);
}

static void one_to_30_client_processes_each_have_their_answers(void **state)
{
	static const int numbers[] = { 1, 2, 5, 30 };

	(void)state;
	for (size_t k = 0; k < sizeof(numbers) / sizeof(*numbers); k++) {
		pid_t pids[30];
		struct site s;

		site_open(&s, "processes", NULL);
		for (int i = 0; i < numbers[k]; i++)
			pids[i] = test_fork_start(process_main, &i);
		for (int i = 0; i < numbers[k]; i++) {
			int64_t until = test_now_ns() + SOON;
			int status = -1;

			while (waitpid(pids[i], &status, WNOHANG) == 0) {
				assert_true(test_now_ns() < until);
				turn(s.loop, 2);
			}
			assert_int_equal(status, 0);
		}
		turn_until(s.loop, s.conns_closed == (unsigned)numbers[k]);
		assert_int_equal(s.accepted, numbers[k]);
		site_close(&s);
	}
}

/* ---- waits ---- */

static void waiting_for_the_end_returns_promptly_whoever_ends(void **state)
{
	struct postern_client *c;
	struct host h;
	struct test_time begun;

	(void)state;
	host_start(&h, "ends");
	c = host_client("ends");
	begun = test_time();
	assert_ok(postern_client_write(c, "close", 5, SOON));
	assert_ok(postern_client_wait_end(c, POSTERN_SECONDS(30)));
	assert_soon(begun);
	postern_client_free(c);

	c = host_client("ends");
	begun = test_time();
	assert_ok(postern_client_close(c, POSTERN_SECONDS(30)));
	assert_soon(begun);
	/* and again, when it is over */
	assert_ok(postern_client_wait_end(c, POSTERN_SECONDS(30)));
	assert_soon(begun);
	postern_client_free(c);
	host_end(&h);
}

static void waiting_for_data_without_a_connection_does_not_wait(void **state)
{
	struct postern_client *c;
	struct host h;
	struct test_time begun;
	char byte;

	(void)state;
	host_start(&h, "data");
	c = host_client("data");
	assert_ok(postern_client_write(c, "close", 5, SOON));
	assert_ok(postern_client_wait_end(c, SOON));
	begun = test_time();
	assert_int_equal(postern_client_read(c, &byte, 1, POSTERN_SECONDS(30)), 0);
	assert_errno(postern_client_read_exactly(c, &byte, 1, POSTERN_SECONDS(30)), -ENODATA);
	assert_true(postern_client_write(c, "x", 1, POSTERN_SECONDS(30)) < 0);
	assert_soon(begun);
	postern_client_free(c);
	host_end(&h);
}

static void waiting_for_a_server_ends_at_the_deadline_and_minus_one_is_refused(void **state)
{
	struct postern_connect_options options = { .size = sizeof(options),
						   .deadline_ns = POSTERN_MS(50) };
	struct postern_client *c = NULL;
	struct test_time begun = test_time();
	char byte;
	struct host h;

	(void)state;
	assert_errno(postern_client_new(&c, "nobody", &options), -ETIMEDOUT);
	assert_took(begun, POSTERN_MS(50), POSTERN_MS(50));
	assert_non_null(strstr(postern_why()->text, "nobody"));
	assert_errno(postern_client_adopt(&c, -1, NULL), -EINVAL);
	assert_null(c);

	host_start(&h, "somebody");
	c = host_client("somebody");
	assert_errno(postern_client_read(c, &byte, 1, -1), -EINVAL);
	assert_errno(postern_client_read(c, &byte, 1, POSTERN_MS(20)), -ETIMEDOUT);
	postern_client_free(c);
	host_end(&h);
}

/* One variable, one name, client after client. */
static void a_client_connects_again_and_again(void **state)
{
	struct postern_client *c = NULL;
	struct host h;
	char got[8];

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		host_start(&h, "again");
		for (unsigned i = 0; i < 3; i++) {
			c = host_client("again");
			assert_ok(postern_client_write(c, "hello", 5, SOON));
			assert_ok(postern_client_read_exactly(c, got, 5, SOON));
			assert_memory_equal(got, "hello", 5);
			c = postern_client_free(c);
		}
		host_end(&h);
		assert_int_equal(h.accepted, 3);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(two_thousand_commands_are_answered_one_by_one),
		TEST(five_hundred_commands_at_once_are_answered_and_then_aborted),
		TEST(one_to_20_client_threads_each_have_their_answers),
		TEST(one_to_30_client_processes_each_have_their_answers),
		TEST(waiting_for_the_end_returns_promptly_whoever_ends),
		TEST(waiting_for_data_without_a_connection_does_not_wait),
		TEST(waiting_for_a_server_ends_at_the_deadline_and_minus_one_is_refused),
		TEST(a_client_connects_again_and_again),
	};

	return test_run(tests);
}
