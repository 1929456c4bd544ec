/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A connect whose states and times are recorded, on a clock that stands still unless something waits for it. */
#include "test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <postern.h>
#include <postern/conn.h>
#include <postern/loop.h>
#include <postern/server.h>

#include "fault.h"

enum { STEPS = 4096 };

/* What was told, in order: states, and the time of each. */
static struct {
	struct postern_loop *loop;
	struct postern_conn *c;
	int n, states[STEPS];
	int64_t at_ns[STEPS];
	int closed, code, error, last_error, waits_without_reason;
	uint32_t attempts;
	char text[512];
	size_t received;
	int kill_at, kill_how; /* at this step, do that */
} told;

enum { KILL_FREE = 1, KILL_ABORT, KILL_CLOSE, KILL_LOOP };

static inline void told_kill(struct postern_conn *c)
{
	switch (told.n - 1 == told.kill_at ? told.kill_how : 0) {
	case KILL_FREE:
		told.c = postern_conn_free(c);
		break;
	case KILL_ABORT:
		assert_ok(postern_conn_abort(c));
		break;
	case KILL_CLOSE:
		assert_ok(postern_conn_close(c));
		break;
	case KILL_LOOP:
		told.loop = postern_loop_free(told.loop);
		break;
	}
}

static inline void told_state(struct postern_conn *c, int state, void *data)
{
	const struct postern_reason *why = postern_conn_why(c);

	assert_ptr_equal(data, &told);
	assert_int_equal(postern_conn_state(c), state);
	assert_int_equal(told.closed, 0);
	assert_true(told.n < STEPS);
	told.states[told.n] = state;
	told.at_ns[told.n++] = postern_now();
	if (state == POSTERN_STATE_WAITING) {
		told.last_error = why->error;
		told.waits_without_reason += why->code == 0 || !strstr(why->text, "attempt ");
	}
	told_kill(c);
}

static inline void told_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct postern_conn_counters counters;

	(void)data;
	told.closed++;
	told.code = why->code;
	told.error = why->error;
	snprintf(told.text, sizeof told.text, "%s", why->text);
	assert_int_equal(postern_conn_state(c), POSTERN_STATE_CLOSED);
	assert_int_equal(postern_conn_why(c)->code, why->code);
	assert_ok(postern_conn_get_counters(c, &counters, sizeof(counters)));
	told.attempts = counters.attempts;
}

static inline size_t told_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	(void)c, (void)bytes, (void)data;
	told.received += n;
	return n;
}

static const struct postern_conn_events told_events = {
	.size = sizeof told_events,
	.state = told_state,
	.received = told_received,
	.closed = told_closed,
};

static inline int connect_setup(void **state)
{
	(void)state;
	memset(&told, 0, sizeof told);
	told.kill_at = -1;
	fault_reset();
	fault_clock_fake();
	assert_ok(postern_loop_new(&told.loop));
	return 0;
}

static inline int connect_finish(void **state)
{
	(void)state;
	postern_conn_free(told.c);
	postern_loop_free(told.loop);
	assert_int_equal(fault_memory(), 0);
	fault_disarm();
	return 0;
}

#define OPTIONS(...)                                                                        \
	(&(struct postern_connect_options){ .size = sizeof(struct postern_connect_options), \
					    __VA_ARGS__ })

#define CONNECT_TEST(name) TEST_WITH(name, connect_setup, connect_finish)

static inline void connect_to(const char *name, const struct postern_connect_options *options)
{
	assert_ok(postern_connect(&told.c, told.loop, name, options, &told_events, &told));
}

/* Until the final event, or until it is connected. Returns what that took. */
static inline int64_t connect_await(void)
{
	int64_t begin = postern_now();

	for (int turns = 0; told.loop && told.c && !told.closed; turns++) {
		int r;

		assert_true(turns < 2 * STEPS);
		if (postern_conn_state(told.c) == POSTERN_STATE_CONNECTED)
			break;
		r = postern_loop_dispatch(told.loop, POSTERN_FOREVER);
		if (r == -ESTALE && !told.loop)
			break;
		assert_ok(r);
	}
	return postern_now() - begin;
}

static inline void connect_again(void)
{
	told.c = postern_conn_free(told.c);
	told.n = told.closed = told.waits_without_reason = 0;
}

static inline int count_states(int state)
{
	int n = 0;

	for (int i = 0; i < told.n; i++)
		n += told.states[i] == state;
	return n;
}

/* ---- sockets to connect to ---- */

static inline int socket_at(const char *path, int type, int backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_ok(fd);
	assert_true(strlen(path) < sizeof address.sun_path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_ok(bind(fd, (struct sockaddr *)&address, sizeof address));
	if (backlog >= 0)
		assert_ok(listen(fd, backlog));
	return fd;
}

static inline int connect_raw(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	close(fd);
	return -1;
}

/* ---- a server that comes late ---- */

static struct postern_server *late_server;

static inline void late_starts(struct postern_timer *t, void *data)
{
	static const struct postern_server_events events = { .size = sizeof events };

	(void)t, (void)data;
	assert_ok(postern_server_new(&late_server, told.loop, "late", NULL, &events, NULL));
}
