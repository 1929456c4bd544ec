/* SPDX-License-Identifier: Apache-2.0 */
/* Options: refused, of other versions, and their defaults. */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
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
	assert_errno(CONN(.size = sizeof(struct postern_conn_options), .framing = 5), -EINVAL);
	assert_errno(CONN(.size = sizeof(struct postern_conn_options), .idle_ns = -1), -EINVAL);
	assert_errno(CONN(.size = sizeof(struct postern_conn_options), .drain_ns = -1), -EINVAL);
	/* What a write takes has to fit into a ssize_t. */
	assert_ok(CONN(.size = sizeof(struct postern_conn_options),
		       .high_water = SSIZE_MAX < UINT32_MAX ? SSIZE_MAX : UINT32_MAX));
	assert_errno(
		CONN(.size = sizeof(struct postern_conn_options),
		     .high_water = (SSIZE_MAX < UINT32_MAX ? (size_t)SSIZE_MAX : UINT32_MAX) + 1),
		-EINVAL);
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
	assert_ok(postern_conn_get_counters(w.accepted.conn, &counters, sizeof(counters)));
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

#define WORDS(call, errno_, ...) \
	words_of(call, errno_, (const char *const[]){ __VA_ARGS__, NULL }, __LINE__)

/* The call failed so, and its words have all of these in them. */
static void words_of(intmax_t r, int error, const char *const *words, int line)
{
	const struct postern_reason *why = postern_why();

	if (r != -error || why->error != -error || why->code == 0)
		fail_msg("line %d: %jd, not %d; code %d, error %d: %s", line, r, -error, why->code,
			 why->error, why->text);
	for (; *words; words++)
		if (!strstr(why->text, *words))
			fail_msg("line %d: \"%s\" is not in: %s", line, *words, why->text);
}

static int thread_refuses(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	(void)t, (void)loop, (void)data;
	return -EXDEV;
}

static int thread_serves(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	struct postern_server *s;

	(void)t;
	return postern_server_new(&s, loop, "a b", NULL, data, NULL);
}

static void a_failed_call_names_what_is_wrong_with_its_arguments(void **state)
{
	static const struct postern_conn_events ev = { .size = sizeof ev }, sizeless = { 0 };
	static const struct postern_server_events se = { .size = sizeof se }, se_sizeless = { 0 },
						  se_conn = { .size = sizeof se_conn,
							      .conn = &sizeless };
	struct postern_connect_options no_size = { .attempts = 1 },
				       negative = { .size = sizeof negative, .deadline_ns = -1 };
	struct postern_server_options mode = { .size = sizeof mode, .access = 070000 },
				      uids = { .size = sizeof uids, .n_allow_uids = 1 };
	struct postern_conn_options idle = { .size = sizeof idle, .idle_ns = -1 }, water = {
		.size = sizeof water, .high_water = 1, .low_water = 2
	};
	struct postern_connect_options deep = { .size = sizeof deep, .conn = &idle };
	struct postern_thread_options stale = { .size = sizeof stale, .join_ns = -1 };
	struct postern_server *s = NULL;
	struct postern_client *client = NULL;
	struct postern_thread *t = NULL;
	struct postern_timer *timer = NULL;
	struct postern_conn *c = NULL;
	struct postern_loop *loop = NULL;
	char path[8];
	int fd;

	(void)state;
	assert_ok(postern_loop_new(&loop));
	WORDS(postern_server_new(&s, loop, "x", NULL, &se_sizeless, NULL), EINVAL,
	      "postern_server_events.size is 0", ".size = sizeof");
	WORDS(postern_server_new(&s, loop, "x", NULL, &se_conn, NULL), EINVAL,
	      "postern_conn_events.size is 0");
	WORDS(postern_server_new(&s, loop, "x", NULL, NULL, NULL), EINVAL, "events is NULL",
	      "postern_server_events");
	WORDS(postern_server_new(&s, loop, "x", &mode, &se, NULL), EINVAL,
	      "postern_server_options.access");
	WORDS(postern_server_new(&s, loop, "x", &uids, &se, NULL), EINVAL, "allow_uids is NULL");
	WORDS(postern_server_new(&s, loop, "a b", NULL, &se, NULL), EINVAL,
	      "is not allowed in a name");
	WORDS(postern_server_new(&s, loop, "/nonexistent/x", NULL, &se, NULL), ENOENT,
	      "/nonexistent");
	WORDS(postern_connect(&c, loop, "x", &no_size, &ev, NULL), EINVAL,
	      "postern_connect_options.size is 0");
	WORDS(postern_connect(&c, loop, "x", NULL, &sizeless, NULL), EINVAL,
	      "postern_conn_events.size is 0");
	WORDS(postern_connect(&c, loop, "x", &negative, &ev, NULL), EINVAL,
	      "postern_connect_options.deadline_ns is negative");
	WORDS(postern_connect(&c, loop, "x", &deep, &ev, NULL), EINVAL,
	      "postern_conn_options.idle_ns is negative");
	WORDS(postern_connect(&c, loop, "x", NULL, NULL, NULL), EINVAL, "events is NULL");
	WORDS(postern_connect(&c, NULL, "x", NULL, &ev, NULL), EINVAL, "postern_connect()", "loop");
	WORDS(postern_client_new(&client, "x", &no_size), EINVAL, "postern_connect_options.size");
	WORDS(postern_client_new(&client, "a b", NULL), EINVAL, "is not allowed in a name");
	WORDS(postern_client_new(NULL, "x", NULL), EINVAL, "ret or name is NULL");
	WORDS(postern_client_adopt(&client, -1, NULL), EINVAL, "fd is negative");
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	WORDS(postern_conn_adopt(&c, loop, fd, NULL, &ev, NULL), ENOTSOCK, "not a socket");
	WORDS(postern_conn_adopt(&c, loop, fd, &water, &ev, NULL), EINVAL,
	      "low_water is above high_water");
	close(fd);
	WORDS(postern_thread_start(&t, &stale, thread_refuses, NULL), EINVAL,
	      "postern_thread_options.join_ns");
	WORDS(postern_thread_start(&t, NULL, thread_refuses, NULL), EXDEV,
	      "the thread's start function returned -18");
	WORDS(postern_thread_start(&t, NULL, thread_serves, (void *)(uintptr_t)&se), EINVAL,
	      "is not allowed in a name");
	WORDS(postern_timer_new(&timer, loop, NULL, NULL), EINVAL, "postern_timer_new()",
	      "fn is NULL");
	WORDS(postern_name_resolve("clock", path, sizeof path), ERANGE, "clock");
	WORDS(postern_name_list(NULL, NULL), EINVAL, "postern_name_list()");
	WORDS(postern_loop_new(NULL), EINVAL, "postern_loop_new()");
	postern_loop_free(loop);
}
#undef WORDS

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(options_that_cannot_be_right_are_refused),
		TEST(options_of_other_versions_are_understood),
		TEST(defaults_of_a_connection_are_those_of_the_header),
		TEST(a_failed_call_names_what_is_wrong_with_its_arguments),
		TEST(default_backlog_is_that_of_the_header),
	};

	return test_run(tests);
}
