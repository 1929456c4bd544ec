/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers that do not know Postern, in both directions: a program with the library talks to asyncio, Node, socat,
 * netcat and curl. They copy a file to the socket and what comes back into another; it is 3 MB, which is more
 * than all buffers together, and ends with a half-close.
 */
#include <postern.h>
#include <postern/loop.h>

#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES 3000000u

static struct {
	struct postern_loop *loop;
	struct postern_child *child;
	char *bytes; /* what is sent, and what is to come back */
	size_t sent, received;
	int how, status;
	unsigned int exited, closed;
	int code;
	bool patient; /* the half-close waits until all has been received */
} it;

/* ---- the other program ---- */

static void script_exited(struct postern_child *child, int how, int status, void *data)
{
	(void)child, (void)data;
	it.how = how;
	it.status = status;
	it.exited++;
}

static int script_run(void *arg)
{
	execl("/bin/sh", "sh", "-c", arg, (char *)NULL);
	return 127;
}

/* The script finds IN, OUT, SOCKET and TESTS in its environment. */
static void script_start(const char *program, const char *script)
{
	char text[512];

	snprintf(text, sizeof text, "command -v %s >/dev/null", program);
	if (test_fork(script_run, text) != 0)
		test_skip("%s is not installed", program);
	snprintf(text, sizeof text, "%s", script);
	assert_ok(postern_child_new(&it.child, it.loop, test_fork_start(script_run, text),
				    script_exited, NULL));
}

static void turn_until(const unsigned int *happened, const char *what)
{
	int64_t until = postern_now() + test_patience_ns();

	while (!*happened && postern_now() < until)
		assert_ok(postern_loop_dispatch(it.loop, POSTERN_MS(20)));
	if (!*happened)
		fail_msg("%s after 30 s; sent %zu, received %zu", what, it.sent, it.received);
}

static void script_end(void)
{
	turn_until(&it.exited, "the other program has not ended");
	assert_int_equal(it.how, CLD_EXITED);
	assert_int_equal(it.status, 0);
}

static int interop_begin(void **state)
{
	const char *source = getenv("POSTERN_SOURCE");
	uint32_t seed = 1;
	FILE *f;

	(void)state;
	memset(&it, 0, sizeof it);
	it.bytes = malloc(BYTES);
	f = it.bytes && source ? fopen(test_path("in"), "we") : NULL;
	if (!f)
		return -1;
	for (size_t i = 0; i < BYTES; i++) {
		seed = seed * 1664525u + 1013904223u;
		it.bytes[i] = (char)(seed >> 24);
	}
	fwrite(it.bytes, 1, BYTES, f);
	if (fclose(f) != 0)
		return -1;
	setenv("IN", test_path("in"), 1);
	setenv("OUT", test_path("out"), 1);
	setenv("SOCKET", test_path("socket"), 1);
	setenv("TESTS", source, 1);
	return postern_loop_new(&it.loop);
}

static int interop_end(void **state)
{
	(void)state;
	if (it.child && !it.exited)
		postern_child_kill(it.child, SIGKILL);
	it.child = postern_child_free(it.child);
	it.loop = postern_loop_free(it.loop);
	free(it.bytes);
	return 0;
}

/* ---- the library as the server: echo ---- */

static size_t echo_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t r = postern_conn_write(c, bytes, n);

	(void)data;
	if (r == -EAGAIN)
		return 0;
	assert_ok(r);
	it.received += (size_t)r;
	return (size_t)r;
}

static void it_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	(void)c, (void)data;
	it.closed++;
	it.code = why->code;
}

static const struct postern_conn_events echo_events = {
	.size = sizeof echo_events,
	.received = echo_received,
	.closed = it_closed,
};

static struct postern_server *server_begin(const struct postern_conn_events *events)
{
	/* Small enough that a write is cut short again and again. */
	const struct postern_conn_options conn = { .size = sizeof conn, .high_water = 100000 };
	const struct postern_server_options options = { .size = sizeof options, .conn = &conn };
	static struct postern_server_events server_events;
	struct postern_server *s = NULL;

	server_events =
		(struct postern_server_events){ .size = sizeof server_events, .conn = events };
	assert_ok(postern_server_new(&s, it.loop, test_path("socket"), &options, &server_events,
				     NULL));
	return s;
}

static void echoes_client(const char *program, const char *script)
{
	struct postern_server *s = server_begin(&echo_events);

	script_start(program, script);
	script_end();
	turn_until(&it.closed, "the connection is not closed");
	assert_int_equal(it.code, POSTERN_REASON_ENDED);
	assert_int_equal(it.received, BYTES);
	postern_server_free(s);
}

static void library_echoes_what_asyncio_sends(void **state)
{
	(void)state;
	echoes_client(
		"python3",
		"python3 \"$TESTS/tests/process/interop-asyncio.py\" client \"$SOCKET\" <\"$IN\" >\"$OUT\" && cmp \"$IN\" \"$OUT\"");
}

static void library_echoes_what_node_sends(void **state)
{
	(void)state;
	echoes_client(
		"node",
		"node \"$TESTS/tests/process/interop-net.js\" client \"$SOCKET\" <\"$IN\" >\"$OUT\" && cmp \"$IN\" \"$OUT\"");
}

static void library_echoes_what_socat_sends(void **state)
{
	(void)state;
	echoes_client(
		"socat",
		"socat -t 30 - UNIX-CONNECT:\"$SOCKET\" <\"$IN\" >\"$OUT\" && cmp \"$IN\" \"$OUT\"");
}

static void library_echoes_what_netcat_sends(void **state)
{
	(void)state;
	echoes_client("nc", "nc -N -U \"$SOCKET\" <\"$IN\" >\"$OUT\" && cmp \"$IN\" \"$OUT\"");
}

/* ---- sending all of it, as far as there is room ---- */

static void send_some(struct postern_conn *c, void *data)
{
	(void)data;
	while (it.sent < BYTES) {
		ssize_t r = postern_conn_write(c, it.bytes + it.sent, BYTES - it.sent);

		if (r == -EAGAIN)
			return;
		assert_ok(r);
		it.sent += (size_t)r;
	}
}

/* ---- the library as the server: a file by HTTP ---- */

static void http_send(struct postern_conn *c, void *data)
{
	send_some(c, data);
	if (it.sent == BYTES)
		assert_ok(postern_conn_close(c));
}

static size_t http_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	char head[128];
	int k;

	/* What is not taken is offered again, with what comes after it. */
	if (!memmem(bytes, n, "\r\n\r\n", 4))
		return 0;
	assert_int_equal(memcmp(bytes, "GET /file HTTP/1.1\r\n", 20), 0);
	k = snprintf(head, sizeof head,
		     "HTTP/1.1 200 OK\r\nContent-Length: %u\r\nConnection: close\r\n\r\n", BYTES);
	assert_int_equal(postern_conn_write(c, head, (size_t)k), k);
	http_send(c, data);
	return n;
}

static const struct postern_conn_events http_events = {
	.size = sizeof http_events,
	.received = http_received,
	.drained = http_send,
	.closed = it_closed,
};

static void library_serves_a_file_to_curl(void **state)
{
	struct postern_server *s = server_begin(&http_events);

	(void)state;
	script_start(
		"curl",
		"curl -sSf --unix-socket \"$SOCKET\" http://localhost/file -o \"$OUT\" && cmp \"$IN\" \"$OUT\"");
	script_end();
	turn_until(&it.closed, "the connection is not closed");
	assert_int_equal(it.code, POSTERN_REASON_CLOSED);
	postern_server_free(s);
}

/* ---- the library as the client ---- */

static void client_send(struct postern_conn *c, void *data)
{
	send_some(c, data);
	if (it.sent == BYTES && (!it.patient || it.received == BYTES))
		assert_ok(postern_conn_shutdown(c));
}

static void client_state(struct postern_conn *c, int state, void *data)
{
	if (state == POSTERN_STATE_CONNECTED)
		client_send(c, data);
}

static size_t client_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	assert_true(n <= BYTES - it.received);
	assert_int_equal(memcmp(it.bytes + it.received, bytes, n), 0);
	it.received += n;
	if (it.patient && it.received == BYTES)
		client_send(c, data);
	return n;
}

/* It may have said all before it has heard all of us: without this, what is not written yet would not be. */
static void client_ended(struct postern_conn *c, void *data)
{
	(void)c, (void)data;
}

static const struct postern_conn_events client_events = {
	.size = sizeof client_events,
	.state = client_state,
	.received = client_received,
	.ended = client_ended,
	.drained = client_send,
	.closed = it_closed,
};

/* The server may come later than the client: connecting waits for it. */
static void talks_to_server(const char *program, const char *script)
{
	const struct postern_conn_options conn = { .size = sizeof conn, .high_water = 100000 };
	const struct postern_connect_options options = { .size = sizeof options,
							 .deadline_ns = test_patience_ns(),
							 .conn = &conn };
	struct postern_conn *c = NULL;

	script_start(program, script);
	assert_ok(
		postern_connect(&c, it.loop, test_path("socket"), &options, &client_events, NULL));
	turn_until(&it.closed, "the connection is not closed");
	if (it.code != POSTERN_REASON_ENDED)
		fail_msg("the connection ended otherwise: %s", postern_conn_why(c)->text);
	assert_int_equal(it.received, BYTES);
	postern_conn_free(c);
	script_end();
}

static void asyncio_echoes_what_library_sends(void **state)
{
	(void)state;
	talks_to_server("python3",
			"python3 \"$TESTS/tests/process/interop-asyncio.py\" server \"$SOCKET\"");
}

static void node_echoes_what_library_sends(void **state)
{
	(void)state;
	talks_to_server("node", "node \"$TESTS/tests/process/interop-net.js\" server \"$SOCKET\"");
}

static void socat_echoes_what_library_sends(void **state)
{
	(void)state;
	talks_to_server("socat", "socat -t 30 UNIX-LISTEN:\"$SOCKET\" EXEC:cat");
}

/* nc -l ends with the half-close of its peer, whatever it had still to send. */
static void netcat_and_library_send_to_each_other(void **state)
{
	(void)state;
	it.patient = true;
	talks_to_server("nc", "nc -N -l -U \"$SOCKET\" <\"$IN\" >\"$OUT\" && cmp \"$IN\" \"$OUT\"");
}

int main(void)
{
#define INTEROP(name) TEST_WITH(name, interop_begin, interop_end)
	static const struct CMUnitTest tests[] = {
		INTEROP(library_echoes_what_asyncio_sends),
		INTEROP(library_echoes_what_node_sends),
		INTEROP(library_echoes_what_socat_sends),
		INTEROP(library_echoes_what_netcat_sends),
		INTEROP(library_serves_a_file_to_curl),
		INTEROP(asyncio_echoes_what_library_sends),
		INTEROP(node_echoes_what_library_sends),
		INTEROP(socat_echoes_what_library_sends),
		INTEROP(netcat_and_library_send_to_each_other),
	};

	return test_run(tests);
}
