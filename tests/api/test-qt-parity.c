/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-qt-parity.c - what the tests of QLocalServer and QLocalSocket ask of them, asked of Postern
 *
 * With the same numbers, and what is exact there is exact here. Calls that wait, threads and processes are in
 * test-qt-peers.c. What another test asks already is not asked again: docs/QT_PARITY.md says for each
 * behaviour where it is.
 */
#include "pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <postern/client.h>
#include <postern/frame.h>

/* ---- what one connection saw, event by event ---- */

struct seen {
	char trace[160]; /* a digit for a state, r received, f frame, e ended, s sent, x closed */
	struct postern_buffer *bytes;
	size_t sent;
	size_t frame; /* the size of the last one */
	int state_in_closed;
	int why;
};

static void seen_note(struct seen *s, char letter)
{
	size_t n = strlen(s->trace);

	assert_true(n < sizeof(s->trace) - 1);
	s->trace[n] = letter;
}

static size_t seen_count(const struct seen *s, char letter)
{
	size_t n = 0;

	for (const char *p = s->trace; *p; p++)
		n += *p == letter;
	return n;
}

static void seen_state(struct postern_conn *c, int state, void *data)
{
	assert_int_equal(postern_conn_state(c), state);
	seen_note(data, (char)('0' + state));
}

static size_t seen_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct seen *s = data;

	(void)c;
	seen_note(s, 'r');
	return s->bytes ? postern_buffer_add(s->bytes, bytes, n) : n;
}

static void seen_frame(struct postern_conn *c, const void *payload, size_t n, void *data)
{
	struct seen *s = data;

	(void)c;
	s->frame = n;
	seen_note(s, 'f');
	if (s->bytes)
		assert_int_equal(postern_buffer_add(s->bytes, payload, n), n);
}

static void seen_ended(struct postern_conn *c, void *data)
{
	seen_note(data, 'e');
	assert_ok(postern_conn_close(c));
}

static void seen_sent(struct postern_conn *c, size_t n, void *data)
{
	struct seen *s = data;

	(void)c;
	s->sent += n;
	seen_note(s, 's');
}

static void seen_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct seen *s = data;

	s->state_in_closed = postern_conn_state(c);
	s->why = why->code;
	seen_note(s, 'x');
}

static const struct postern_conn_events seen_events = {
	.size = sizeof(seen_events),
	.state = seen_state,
	.received = seen_received,
	.frame = seen_frame,
	.ended = seen_ended,
	.sent = seen_sent,
	.closed = seen_closed,
};

static struct postern_conn *seen_connect(struct postern_loop *loop, const char *name,
					 struct seen *s)
{
	struct postern_conn *c = NULL;

	assert_ok(postern_connect(&c, loop, name, NULL, &seen_events, s));
	return c;
}

/* ---- an idle server, an idle connection, and names that cannot be ---- */

static void an_idle_server_and_an_idle_connection_have_their_defaults(void **state)
{
	struct site s;
	struct seen seen = { 0 };
	struct postern_conn *c;

	(void)state;
	site_open(&s, "idle", NULL);
	assert_string_equal(postern_server_name(s.server), "idle");
	assert_string_equal(postern_server_path(s.server), test_path("idle/sock"));
	assert_true(postern_server_fd(s.server) >= 0);
	assert_int_equal(site_counters(&s).listening, 1);
	assert_int_equal(site_counters(&s).connections, 0);
	c = seen_connect(s.loop, "nobody", &seen);
	assert_int_equal(postern_conn_state(c), POSTERN_STATE_CONNECTING);
	assert_int_equal(postern_conn_queued(c), 0);
	assert_errno(postern_conn_fd(c), -ENOTCONN);
	assert_null(postern_conn_server(c));
	assert_ok(postern_conn_abort(c));
	turn_until(s.loop, seen_count(&seen, 'x') == 1);
	assert_string_equal(seen.trace, "x");
	postern_conn_free(c);
	assert_string_equal(s.trace, "");
	site_close(&s);
}

static void an_empty_name_a_second_listen_and_a_wait_in_vain_are_told(void **state)
{
	struct postern_server *second = NULL;
	struct site s;
	int64_t begun;

	(void)state;
	site_open(&s, "taken", NULL);
	assert_errno(postern_server_new(&second, s.loop, "", NULL, &site_events, &s), -EINVAL);
	assert_errno(postern_server_new(&second, s.loop, "taken", NULL, &site_events, &s),
		     -EADDRINUSE);
	assert_null(second);
	/* waitForNewConnection(30, &timedOut): 0 is a time-out */
	begun = test_now_ns();
	assert_int_equal(postern_loop_dispatch(s.loop, POSTERN_MS(30)), 0);
	assert_true(test_now_ns() - begun >= POSTERN_MS(30));
	assert_int_equal(s.accepted, 0);
	site_close(&s);
}

/* Connecting ends for lack of a server, and at once: one attempt. */
static void nobody_is_at(struct postern_loop *loop, const char *name)
{
	struct postern_connect_options options = { .size = sizeof(options), .attempts = 1 };
	struct seen seen = { 0 };
	struct postern_conn *c = NULL;

	assert_ok(postern_connect(&c, loop, name, &options, &seen_events, &seen));
	turn_until(loop, seen_count(&seen, 'x') == 1);
	assert_int_equal(seen.why, POSTERN_REASON_NO_SERVER);
	postern_conn_free(c);
}

static void an_abstract_and_a_regular_name_are_not_each_others(void **state)
{
	char abstract[80];
	struct site s;

	(void)state;
	snprintf(abstract, sizeof(abstract), "@postern-test-parity-%d", (int)getpid());
	site_open(&s, abstract, NULL);
	nobody_is_at(s.loop, abstract + 1);
	site_close(&s);
	site_open(&s, abstract + 1, NULL);
	nobody_is_at(s.loop, abstract);
	site_close(&s);
}

/* ---- exact states and events ---- */

static void clients_come_and_go(unsigned n)
{
	struct seen seen[5] = { { .trace = "" } };
	struct postern_conn *clients[5];
	struct site s;

	site_open(&s, "counted", NULL);
	for (unsigned i = 0; i < n; i++)
		clients[i] = seen_connect(s.loop, "counted", &seen[i]);
	turn_until(s.loop, s.accepted == n);
	turn_quiet(s.loop);
	assert_int_equal(site_counters(&s).accepted, n);
	assert_int_equal(site_counters(&s).connections, n);
	for (unsigned i = 0; i < n; i++) {
		assert_string_equal(seen[i].trace, "14");
		assert_int_equal(postern_conn_state(clients[i]), POSTERN_STATE_CONNECTED);
		assert_ok(postern_conn_close(clients[i]));
	}
	turn_until(s.loop, s.conns_closed == n);
	turn_quiet(s.loop);
	for (unsigned i = 0; i < n; i++) {
		assert_string_equal(seen[i].trace, "145x");
		assert_int_equal(seen[i].state_in_closed, POSTERN_STATE_CLOSED);
		assert_int_equal(seen[i].why, POSTERN_REASON_CLOSED);
		postern_conn_free(clients[i]);
	}
	assert_int_equal(s.accepted, n);
	assert_int_equal(s.asked, n);
	assert_int_equal(site_counters(&s).connections, 0);
	site_close(&s);
}

static void states_and_events_of_0_1_and_5_clients_are_exact(void **state)
{
	(void)state;
	clients_come_and_go(0);
	clients_come_and_go(1);
	clients_come_and_go(5);
}

static void a_line_of_50_kb_has_exact_counts_of_events(void **state)
{
	enum { N = 50 * 1024 };
	struct postern_conn_options lines = { .size = sizeof(lines),
					      .framing = POSTERN_FRAMING_LINES };
	struct postern_connect_options options = { .size = sizeof(options), .conn = &lines };
	struct seen seen = { 0 };
	struct postern_conn *c = NULL;
	char *line = malloc(N);
	struct site s;

	(void)state;
	memset(line, 'a', N);
	site_open(&s, "line", NULL);
	assert_ok(postern_connect(&c, s.loop, "line", &options, &seen_events, &seen));
	assert_int_equal(postern_conn_write_frame(c, POSTERN_FRAMING_LINES, line, N), N);
	assert_int_equal(postern_conn_queued(c), N + 1);
	turn_until(s.loop, seen_count(&seen, 'f') == 1);
	turn_quiet(s.loop);
	/* There is one connected, one line with all of it, and its bytes were sent once. */
	assert_string_equal(seen.trace, "14sf");
	assert_int_equal(seen.frame, N);
	assert_int_equal(seen.sent, N + 1);
	assert_int_equal(postern_conn_queued(c), 0);
	assert_ok(postern_conn_shutdown(c));
	turn_until(s.loop, seen_count(&seen, 'x') == 1);
	turn_quiet(s.loop);
	assert_string_equal(seen.trace, "14sfex");
	assert_int_equal(s.conns_closed, 1);
	postern_conn_free(c);
	site_close(&s);
	free(line);
}

static void bytes_that_were_sent_add_up(void **state)
{
	static const size_t pieces[] = { 1, 2, 1000, 65536, 300000, 7 };
	struct seen seen = { 0 };
	struct postern_conn *c;
	char *bytes = calloc(1, 300000);
	struct site s;
	size_t total = 0;

	(void)state;
	site_open(&s, "sum", NULL);
	c = seen_connect(s.loop, "sum", &seen);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		assert_int_equal(postern_conn_write(c, bytes, pieces[i]), pieces[i]);
		total += pieces[i];
		assert_int_equal(seen.sent + postern_conn_queued(c), total);
		turn(s.loop, 5);
	}
	turn_until(s.loop, postern_conn_queued(c) == 0);
	assert_int_equal(seen.sent, total);
	assert_true(seen_count(&seen, 's') >= sizeof(pieces) / sizeof(*pieces));
	postern_conn_free(c);
	site_close(&s);
	free(bytes);
}

/* ---- lines and skipping ---- */

static void lines_are_the_same_over_8_ways_of_chunking(void **state)
{
	static const char text[] = "one\n\ntwo three\n\nfour\r\nfive";
	static const char *const lines[] = { "one", "", "two three", "", "four\r" };
	/* sizes of the pieces, the last one again and again */
	static const char *const ways[] = { "\31",     "\1",           "\3\1",  "\4\1\11",
					    "\2\3\20", "\5\12\1\1\11", "\30\1", "\7" };
	struct postern_conn_options options = { .size = sizeof(options),
						.framing = POSTERN_FRAMING_LINES };

	(void)state;
	for (size_t way = 0; way < sizeof(ways) / sizeof(*ways); way++) {
		struct seen seen = { 0 };
		struct pair p;
		char line[16];

		pair_open(&p, &options);
		assert_ok(postern_conn_set_events(p.c, &seen_events, &seen));
		assert_ok(postern_buffer_new(&seen.bytes, 0));
		for (size_t at = 0, i = 0, n; at < sizeof(text) - 1; at += n) {
			n = (size_t)ways[way][i];
			i += ways[way][i + 1] != 0;
			n = n < sizeof(text) - 1 - at ? n : sizeof(text) - 1 - at;
			pair_send(&p, text + at, n);
			turn(p.loop, 0);
		}
		turn_until(p.loop, seen_count(&seen, 'f') == 5);
		assert_int_equal(postern_buffer_size(seen.bytes), strlen("onetwo threefour\r"));

		/* the same by the buffer, that takes what comes as it comes */
		postern_buffer_skip(seen.bytes, SIZE_MAX);
		assert_int_equal(postern_buffer_add(seen.bytes, text, sizeof(text) - 1),
				 sizeof(text) - 1);
		for (size_t i = 0; i < 5; i++) {
			assert_int_equal(postern_buffer_read_line(seen.bytes, line, sizeof(line)),
					 strlen(lines[i]));
			assert_string_equal(line, lines[i]);
		}
		assert_errno(postern_buffer_read_line(seen.bytes, line, sizeof(line)), -EAGAIN);
		assert_int_equal(postern_buffer_size(seen.bytes), 4);
		postern_buffer_free(seen.bytes);
		pair_close(&p);
	}
}

static void skipping_leaves_the_rest_and_ends_at_the_end(void **state)
{
	POSTERN_AUTO(buffer) b = NULL;
	char got[8] = "";

	(void)state;
	assert_ok(postern_buffer_new(&b, 0));
	assert_int_equal(postern_buffer_add(b, "0123456789", 10), 10);
	assert_int_equal(postern_buffer_peek(b, got, 2), 2);
	assert_memory_equal(got, "01", 2);
	assert_int_equal(postern_buffer_skip(b, 0), 0);
	assert_int_equal(postern_buffer_skip(b, 4), 4);
	assert_int_equal(postern_buffer_read(b, got, 2), 2);
	assert_memory_equal(got, "45", 2);
	assert_int_equal(postern_buffer_skip(b, 1000), 4);
	assert_int_equal(postern_buffer_skip(b, 1), 0);
	assert_int_equal(postern_buffer_size(b), 0);
}

/* ---- names ---- */

static void an_absolute_path_and_one_of_256_characters_work(void **state)
{
	char path[300];
	size_t n;

	(void)state;
	for (int length = 0; length <= 256; length += 256) {
		struct seen seen = { 0 };
		struct postern_conn *c;
		struct site s;

		n = (size_t)snprintf(path, sizeof(path), "%s/", test_dir());
		/* Directories too: the name of a file has 255 characters at the most. */
		while (n < (size_t)length) {
			size_t end = n + 100 < (size_t)length ? n + 100 : (size_t)length;

			if (n > strlen(test_dir()) + 1)
				path[n++] = '/';
			while (n < end)
				path[n++] = 'd';
			path[n] = '\0';
			if (n < (size_t)length)
				assert_int_equal(mkdir(path, 0700), 0);
		}
		if (length == 0)
			strcpy(path + n, "short");
		else
			assert_int_equal(strlen(path), 256);
		site_open(&s, path, NULL);
		assert_string_equal(postern_server_path(s.server), path);
		c = seen_connect(s.loop, path, &seen);
		turn_until(s.loop, s.accepted == 1);
		postern_conn_free(c);
		site_close(&s);
	}
}

static void a_dead_socket_at_the_name_is_taken_over_and_a_live_one_is_left(void **state)
{
	const char *path = test_path("stale");
	struct postern_server *server = NULL;
	struct seen seen = { 0 };
	struct postern_conn *c;
	struct site s;
	int fd;

	(void)state;
	fd = plain_listen(path, 4);
	site_open(&s, "other", NULL);
	assert_errno(postern_server_new(&server, s.loop, path, NULL, &site_events, &s),
		     -EADDRINUSE);
	close(fd);
	assert_ok(postern_server_new(&server, s.loop, path, NULL, &site_events, &s));
	c = seen_connect(s.loop, path, &seen);
	turn_until(s.loop, s.accepted == 1);
	postern_conn_free(c);
	postern_server_free(server);
	site_close(&s);
}

/* As QLocalServer does it when an access option is set: it asks nobody whose the name is. */
static void a_socket_that_is_renamed_over_the_name_is_noticed(void **state)
{
	char path[300], other[300];
	struct site s;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/renamed", test_dir());
	snprintf(other, sizeof(other), "%s/other", test_dir());
	site_open(&s, path, NULL);
	/* a dead one is replaced, a live one is respected */
	close(plain_listen(other, 128));
	assert_int_equal(rename(other, path), 0);
	turn_until(s.loop, s.errors[POSTERN_REASON_NAME_RESTORED] == 1);
	fd = plain_connect(path);
	site_echo(&s, fd);
	close(fd);
	fd = plain_listen(other, 128);
	assert_int_equal(rename(other, path), 0);
	turn_until(s.loop, s.errors[POSTERN_REASON_NAME_LOST] == 1);
	assert_int_equal(site_counters(&s).listening, 0);
	site_close(&s);
	close(plain_connect(path));
	close(fd);
}

static void a_name_is_listened_on_and_connected_to_again_and_again(void **state)
{
	struct site s;

	(void)state;
	site_open(&s, "again", NULL);
	for (int round = 0; round < 5; round++) {
		struct seen seen = { 0 };
		struct postern_conn *c = NULL;

		s.accepted = 0;
		for (unsigned i = 1; i <= 3; i++) {
			c = seen_connect(s.loop, "again", &seen);
			turn_until(s.loop, s.accepted == i && seen_count(&seen, '4') == i);
			c = postern_conn_free(c);
		}
		s.server = postern_server_free(s.server);
		assert_int_equal(access(test_path("again/sock"), F_OK), -1);
		assert_ok(postern_server_new(&s.server, s.loop, "again", NULL, &site_events, &s));
	}
	site_close(&s);
}

/* ---- limits of what waits ---- */

static void at_most_0_1_and_3_clients_are_let_in_and_none_gets_lost(void **state)
{
	(void)state;
	for (unsigned most = 0; most <= 3; most += most ? 2 : 1) {
		struct postern_server_options options = { .size = sizeof(options),
							  .connections = most };
		struct postern_conn *clients[4];
		struct seen seen[4] = { { .trace = "" } };
		struct site s;

		site_open(&s, "few", &options);
		/* 0 is the default of the option; to let nobody in is a call of its own. */
		if (most == 0)
			assert_ok(postern_server_pause(s.server));
		for (unsigned i = 0; i <= most; i++)
			clients[i] = seen_connect(s.loop, "few", &seen[i]);
		turn_until(s.loop, seen_count(&seen[most], '4') == 1);
		turn_for(s.loop, 20);
		assert_int_equal(s.accepted, most);
		if (most == 0)
			assert_ok(postern_server_resume(s.server));
		else
			clients[0] = postern_conn_free(clients[0]);
		turn_until(s.loop, s.accepted == most + 1);
		for (unsigned i = most ? 1 : 0; i <= most; i++)
			postern_conn_free(clients[i]);
		site_close(&s);
	}
}

static void three_clients_at_once_are_three_connections(void **state)
{
	struct seen seen[3] = { { .trace = "" } };
	struct postern_conn *clients[3];
	struct site s;
	char got[8];

	(void)state;
	site_open(&s, "three", NULL);
	for (int i = 0; i < 3; i++) {
		clients[i] = seen_connect(s.loop, "three", &seen[i]);
		assert_ok(postern_buffer_new(&seen[i].bytes, 0));
		assert_int_equal(postern_conn_write(clients[i], &"abc"[i], 1), 1);
	}
	for (int i = 0; i < 3; i++) {
		turn_until(s.loop, postern_buffer_size(seen[i].bytes) == 1);
		assert_int_equal(postern_buffer_read(seen[i].bytes, got, sizeof(got)), 1);
		assert_int_equal(got[0], "abc"[i]);
		postern_buffer_free(seen[i].bytes);
		postern_conn_free(clients[i]);
	}
	assert_int_equal(s.accepted, 3);
	site_close(&s);
}

/* ---- ends ---- */

static size_t say_close(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	(void)bytes;
	(void)data;
	assert_ok(postern_conn_close(c));
	return n;
}

static void who_only_writes_notices_the_close(void **state)
{
	static const struct postern_conn_events closes = { .size = sizeof(closes),
							   .received = say_close };
	static const struct postern_conn_events silent = { .size = sizeof(silent),
							   .closed = seen_closed };
	static const struct postern_server_events events = { .size = sizeof(events),
							     .conn = &closes };
	struct postern_server *server = NULL;
	struct postern_loop *loop = NULL;
	struct postern_conn *c = NULL;
	struct seen seen = { 0 };

	(void)state;
	assert_ok(postern_loop_new(&loop));
	assert_ok(postern_server_new(&server, loop, "write-only", NULL, &events, NULL));
	assert_ok(postern_connect(&c, loop, "write-only", NULL, &silent, &seen));
	assert_int_equal(postern_conn_write(c, "x", 1), 1);
	turn_until(loop, seen_count(&seen, 'x') == 1);
	assert_int_equal(seen.why, POSTERN_REASON_ENDED);
	postern_conn_free(c);
	postern_server_free(server);
	postern_loop_free(loop);
}

static void write_chunks_and_close(struct postern_server *server, struct postern_conn *c, void *n)
{
	(void)server;
	for (int i = 0; i < *(int *)n; i++)
		assert_int_equal(postern_conn_write(c, "0123456789", 10), 10);
	assert_ok(postern_conn_close(c));
}

static void one_and_20_chunks_written_and_then_closed_all_arrive(void **state)
{
	static const struct postern_server_events events = { .size = sizeof(events),
							     .accepted = write_chunks_and_close };

	(void)state;
	for (int n = 1; n <= 20; n += 19) {
		struct postern_server *server = NULL;
		struct postern_loop *loop = NULL;
		struct seen seen = { 0 };
		struct postern_conn *c;

		assert_ok(postern_loop_new(&loop));
		assert_ok(postern_server_new(&server, loop, "chunks", NULL, &events, &n));
		assert_ok(postern_buffer_new(&seen.bytes, 0));
		c = seen_connect(loop, "chunks", &seen);
		turn_until(loop, seen_count(&seen, 'x') == 1);
		assert_int_equal(postern_buffer_size(seen.bytes), 10 * n);
		assert_int_equal(seen_count(&seen, 'e'), 1);
		postern_buffer_free(seen.bytes);
		postern_conn_free(c);
		postern_server_free(server);
		postern_loop_free(loop);
	}
}

static void writing_when_disconnected_is_one_error_and_no_event(void **state)
{
	struct seen seen = { 0 };
	struct postern_conn *c;
	struct site s;

	(void)state;
	site_open(&s, "gone", NULL);
	c = seen_connect(s.loop, "gone", &seen);
	turn_until(s.loop, s.accepted == 1);
	s.server = postern_server_free(s.server);
	turn_until(s.loop, seen_count(&seen, 'x') == 1);
	assert_errno(postern_conn_write(c, "x", 1), -ESTALE);
	assert_errno(postern_conn_write(c, "x", 1), -ESTALE);
	turn_quiet(s.loop);
	assert_int_equal(seen_count(&seen, 'x'), 1);
	postern_conn_free(c);
	site_close(&s);
}

static void it_is_closed_inside_the_closed_event_and_the_end_is_told_once(void **state)
{
	struct seen seen = { 0 };
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_ok(postern_conn_set_events(p.c, &seen_events, &seen));
	pair_send(&p, "x", 1);
	pair_close_peer(&p);
	turn_until(p.loop, seen_count(&seen, 'x') == 1);
	turn_quiet(p.loop);
	assert_string_equal(seen.trace, "rex");
	assert_int_equal(seen.state_in_closed, POSTERN_STATE_CLOSED);
	pair_close(&p);
}

/* The peer does not read, so closing takes time: it is seen, what is queued is sent, and arrives. */
static void a_delayed_close_is_seen_and_sends_what_is_queued(void **state)
{
	enum { N = 4 * 1024 * 1024 };
	struct seen seen = { 0 };
	char *bytes = calloc(1, N), byte;
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_ok(postern_conn_set_events(p.c, &seen_events, &seen));
	assert_int_equal(postern_conn_write(p.c, bytes, N), N);
	assert_ok(postern_conn_close(p.c));
	turn_for(p.loop, 10);
	assert_int_equal(postern_conn_state(p.c), POSTERN_STATE_CLOSING);
	assert_int_equal(seen_count(&seen, '5'), 1);
	assert_int_equal(seen_count(&seen, 'x'), 0);
	pair_receive(&p, bytes, N - 1);
	turn_until(p.loop, seen_count(&seen, 'x') == 1);
	assert_int_equal(seen.why, POSTERN_REASON_CLOSED);
	assert_int_equal(seen.sent, N);
	/* and the last byte can still be read */
	assert_int_equal(recv(p.peer, &byte, 1, 0), 1);
	assert_int_equal(recv(p.peer, &byte, 1, 0), 0);
	pair_close(&p);
	free(bytes);
}

/* ---- access, and sockets that are given ---- */

static void the_mode_of_the_socket_is_exact_for_each_access_option(void **state)
{
	/* Qt's user, group, other, world, and pairs of them; what Postern names; and what is odd */
	static const uint32_t modes[] = { 0700, 0070, 0007, 0777, 0770, 0707, 0077, 0600,
					  0660, 0666, 0060, 0006, 0606, 0622, 0200 };
	mode_t before = umask(027);

	(void)state;
	assert_int_equal(chmod(test_dir(), 0711), 0);
	for (size_t i = 0; i <= sizeof(modes) / sizeof(*modes); i++) {
		bool none = i == sizeof(modes) / sizeof(*modes);
		struct postern_server_options options = { .size = sizeof(options),
							  .access = none ? 0 : modes[i] };
		const char *path = test_path("mode");
		struct stat st;
		struct site s;

		site_open(&s, path, &options);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, none ? 0600 : modes[i]);
		site_close(&s);
	}
	umask(before);
}

static void a_given_listener_serves_by_path_and_abstract_and_an_unbound_one_is_refused(void **state)
{
	char abstract[80];
	const char *paths[] = { test_path("given"), abstract };
	struct postern_server *server = NULL;
	struct postern_conn *c = NULL;
	struct site s;
	char name[16];
	int fd;

	(void)state;
	/* Another clone may be testing beside us. */
	snprintf(abstract, sizeof(abstract), "@postern-test-given-%d", (int)getpid());
	for (int i = 0; i < 2; i++) {
		fd = plain_listen(paths[i], 8);
		snprintf(name, sizeof(name), "fd:%d", fd);
		site_open(&s, name, NULL);
		close(fd);
		fd = plain_connect(paths[i]);
		site_echo(&s, fd);
		close(fd);
		site_close(&s);
	}
	site_open(&s, "valid", NULL);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(name, sizeof(name), "fd:%d", fd);
	assert_errno(postern_server_new(&server, s.loop, name, NULL, &site_events, &s),
		     -EPROTOTYPE);
	assert_string_equal(postern_why()->text + strlen(name),
			    " is not a listening local stream socket; one that a service manager "
			    "passes listens with Accept=no");
	assert_errno(postern_conn_adopt(&c, s.loop, fd, NULL, &seen_events, NULL), -EDESTADDRREQ);
	close(fd);
	assert_errno(postern_conn_adopt(&c, s.loop, -1, NULL, &seen_events, NULL), -EINVAL);
	assert_errno(postern_server_new(&server, s.loop, "fd:-1", NULL, &site_events, &s), -EINVAL);
	site_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(an_idle_server_and_an_idle_connection_have_their_defaults),
		TEST(an_empty_name_a_second_listen_and_a_wait_in_vain_are_told),
		TEST(an_abstract_and_a_regular_name_are_not_each_others),
		TEST(states_and_events_of_0_1_and_5_clients_are_exact),
		TEST(a_line_of_50_kb_has_exact_counts_of_events),
		TEST(bytes_that_were_sent_add_up),
		TEST(lines_are_the_same_over_8_ways_of_chunking),
		TEST(skipping_leaves_the_rest_and_ends_at_the_end),
		TEST(an_absolute_path_and_one_of_256_characters_work),
		TEST(a_dead_socket_at_the_name_is_taken_over_and_a_live_one_is_left),
		TEST(a_socket_that_is_renamed_over_the_name_is_noticed),
		TEST(a_name_is_listened_on_and_connected_to_again_and_again),
		TEST(at_most_0_1_and_3_clients_are_let_in_and_none_gets_lost),
		TEST(three_clients_at_once_are_three_connections),
		TEST(who_only_writes_notices_the_close),
		TEST(one_and_20_chunks_written_and_then_closed_all_arrive),
		TEST(writing_when_disconnected_is_one_error_and_no_event),
		TEST(it_is_closed_inside_the_closed_event_and_the_end_is_told_once),
		TEST(a_delayed_close_is_seen_and_sends_what_is_queued),
		TEST(the_mode_of_the_socket_is_exact_for_each_access_option),
		TEST(a_given_listener_serves_by_path_and_abstract_and_an_unbound_one_is_refused),
	};

	return test_run(tests);
}
