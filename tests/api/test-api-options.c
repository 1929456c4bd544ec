/* SPDX-License-Identifier: Apache-2.0 */
/* Options: refused, of other versions, and their defaults. */
#include "world.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <postern.h>
#include <postern/conn.h>
#include <postern/loop.h>
#include <postern/name.h>
#include <postern/server.h>

/* ---- options ---- */

/* What a later version of the header would pass: the fields of today, and more behind them. */
struct later_options {
	struct postern_connect_options now;
	uint64_t more;
};

static int try_server(struct world *w, const struct postern_server_options *o)
{
	struct postern_server *s = NULL;
	int r = postern_server_new(&s, w->loop, "options", o, &world_events, w);

	postern_server_free(s);
	return r;
}

static int try_connect(struct world *w, const struct postern_connect_options *o)
{
	struct postern_conn *c = NULL;
	int r = postern_connect(&c, w->loop, "api", o, &end_events, &w->client);

	postern_conn_free(c);
	return r;
}

static void options_that_cannot_be_right_are_refused(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
#define SERVER(...)  try_server(&w, &(struct postern_server_options){ __VA_ARGS__ })
#define CONNECT(...) try_connect(&w, &(struct postern_connect_options){ __VA_ARGS__ })
#define CONN(...)                                               \
	CONNECT(.size = sizeof(struct postern_connect_options), \
		.conn = &(struct postern_conn_options){ __VA_ARGS__ })
	assert_ok(SERVER(.size = sizeof(struct postern_server_options)));
	assert_errno(SERVER(.size = 0), -EINVAL);
	assert_errno(SERVER(.size = SIZE_MAX), -EINVAL);
	assert_errno(SERVER(.size = sizeof(struct postern_server_options), .access = 01000),
		     -EINVAL);
	assert_errno(SERVER(.size = sizeof(struct postern_server_options), .backlog = 65536),
		     -EINVAL);
	assert_errno(SERVER(.size = sizeof(struct postern_server_options), .n_allow_uids = 1),
		     -EINVAL);
	assert_errno(
		SERVER(.size = sizeof(struct postern_server_options), .n_allow_gids = UINT32_MAX),
		-EINVAL);
	assert_errno(SERVER(.size = sizeof(struct postern_server_options),
			    .conn = &(struct postern_conn_options){ .size = 1 }),
		     -EINVAL);

	assert_ok(CONNECT(.size = sizeof(struct postern_connect_options)));
	assert_errno(CONNECT(.size = 0), -EINVAL);
	assert_errno(CONNECT(.size = sizeof(struct postern_connect_options), .deadline_ns = -1),
		     -EINVAL);
	assert_errno(CONNECT(.size = sizeof(struct postern_connect_options), .backoff_ns = -1),
		     -EINVAL);
	assert_errno(CONNECT(.size = sizeof(struct postern_connect_options), .backoff_max_ns = -1),
		     -EINVAL);
	assert_errno(CONNECT(.size = sizeof(struct postern_connect_options), .n_server_uids = 1),
		     -EINVAL);
	assert_ok(CONNECT(.size = sizeof(struct postern_connect_options),
			  .deadline_ns = POSTERN_FOREVER, .backoff_ns = POSTERN_FOREVER,
			  .backoff_max_ns = POSTERN_FOREVER, .attempts = UINT32_MAX));

	assert_ok(CONN(.size = sizeof(struct postern_conn_options)));
	assert_errno(CONN(.size = sizeof(struct postern_conn_options), .reserved = 1), -EINVAL);
	assert_errno(CONN(.size = sizeof(struct postern_conn_options), .idle_ns = -1), -EINVAL);
	assert_errno(CONN(.size = sizeof(struct postern_conn_options), .drain_ns = -1), -EINVAL);
	assert_errno(CONN(.size = sizeof(struct postern_conn_options), .high_water = 10,
			  .low_water = 11),
		     -EINVAL);
#undef CONN
#undef CONNECT
#undef SERVER
	world_end(&w);
}

static void options_of_other_versions_are_understood(void **state)
{
	struct later_options later = { .now = { .size = sizeof later } };
	struct postern_connect_options earlier = {
		.size = offsetof(struct postern_connect_options, backoff_ns),
		.deadline_ns = POSTERN_SECONDS(1),
		/* Behind the end of what an earlier version knew: not looked at. */
		.backoff_ns = -1,
	};
	struct world w;

	(void)state;
	world_begin(&w);
	assert_ok(try_connect(&w, &later.now));
	later.more = 1;
	assert_errno(try_connect(&w, &later.now), -E2BIG);
	assert_ok(try_connect(&w, &earlier));
	world_end(&w);
}

static size_t take_nothing(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	(void)c, (void)bytes, (void)n, (void)data;
	return 0;
}

static const struct postern_conn_events declining_events = {
	.size = sizeof declining_events,
	.received = take_nothing,
};

/* Those that show without waiting for them; test-command.sh compares what the header says with --defaults. */
static void defaults_of_a_connection_are_those_of_the_header(void **state)
{
	static const char zeros[1024 * 1024];
	struct postern_conn_counters counters;
	struct world w;

	(void)state;
	world_begin(&w);
	world_connect(&w);
	assert_int_equal(postern_conn_room(w.client.conn), 8 * 1024 * 1024);
	assert_ok(postern_conn_set_events(w.accepted.conn, &declining_events, NULL));
	assert_int_equal(postern_conn_write(w.client.conn, zeros, sizeof zeros), sizeof zeros);
	for (int i = 0; i < 50; i++)
		assert_ok(postern_loop_dispatch(w.loop, POSTERN_MS(1)));
	assert_ok(postern_conn_get_counters(w.accepted.conn, &counters));
	assert_int_equal(counters.unread, 256 * 1024);
	world_end(&w);
}

static void default_backlog_is_that_of_the_header(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fds[200], n = 0;
	struct world w;

	(void)state;
	world_begin(&w);
	assert_ok(postern_name_resolve("api", address.sun_path, sizeof address.sun_path));
	for (; n < 200; n++) {
		fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (connect(fds[n], (struct sockaddr *)&address, sizeof address) < 0)
			break;
	}
	assert_int_equal(errno, EAGAIN);
	/* The kernel lets one more wait than it was told. */
	assert_int_equal(n, 128 + 1);
	do
		close(fds[n]);
	while (n-- > 0);
	world_end(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(options_that_cannot_be_right_are_refused),
		TEST(options_of_other_versions_are_understood),
		TEST(defaults_of_a_connection_are_those_of_the_header),
		TEST(default_backlog_is_that_of_the_header),
	};

	return test_run(tests);
}
