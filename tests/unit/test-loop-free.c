/* SPDX-License-Identifier: Apache-2.0 */
/* test-loop-free.c - when a loop was freed, everything on it has had its final event: wherever it was freed */
#include "test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pair.h"

enum { PEERS = 3, CONNS = 2 * PEERS + 1 };

enum moment {
	NEVER,
	IN_A_CONNECTIONS_END,
	IN_A_SERVERS_END,
	IN_A_POST,
	IN_RECEIVED,
	IN_EACH,
	IN_ALLOW,
};

/* Two servers with three peers each, a connection that still tries to connect, and a post that waits. */
struct all {
	struct postern_loop *loop;
	struct postern_server *servers[2];
	struct postern_conn *dialled;
	int peers[2][PEERS];
	enum moment moment;
	bool done;
	unsigned accepted, conns_closed, servers_closed, posts;
	unsigned at_return[3]; /* the last three, when postern_loop_free() came back */
};

static void all_free(struct all *a, enum moment moment)
{
	if (moment != a->moment || a->done)
		return;
	a->done = true;
	a->loop = postern_loop_free(a->loop);
	a->at_return[0] = a->conns_closed;
	a->at_return[1] = a->servers_closed;
	a->at_return[2] = a->posts;
}

static size_t told_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	(void)c, (void)bytes;
	all_free(data, IN_RECEIVED);
	return n;
}

static void told_conn_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct all *a = data;

	(void)c, (void)why;
	a->conns_closed++;
	all_free(a, IN_A_CONNECTIONS_END);
}

static int told_allow(struct postern_server *s, const struct postern_peer *peer, void *data)
{
	(void)s, (void)peer;
	all_free(data, IN_ALLOW);
	return 0;
}

static void told_accepted(struct postern_server *s, struct postern_conn *c, void *data)
{
	(void)s, (void)c;
	((struct all *)data)->accepted++;
}

static void told_server_closed(struct postern_server *s, const struct postern_reason *why,
			       void *data)
{
	struct all *a = data;

	(void)s, (void)why;
	a->servers_closed++;
	all_free(a, IN_A_SERVERS_END);
}

static void posted(struct postern_loop *loop, void *data)
{
	struct all *a = data;

	(void)loop;
	a->posts++;
	all_free(a, IN_A_POST);
}

static void each(struct postern_conn *c, void *data)
{
	(void)c;
	all_free(data, IN_EACH);
}

static const struct postern_conn_events conn_events = { .size = sizeof(conn_events),
							.received = told_received,
							.closed = told_conn_closed };
static const struct postern_server_events server_events = { .size = sizeof(server_events),
							    .conn = &conn_events,
							    .allow = told_allow,
							    .accepted = told_accepted,
							    .closed = told_server_closed };

static void all_open(struct all *a, enum moment moment)
{
	const char *names[] = { "first", "second" };

	*a = (struct all){ .moment = NEVER };
	assert_ok(postern_loop_new(&a->loop));
	for (int s = 0; s < 2; s++) {
		assert_ok(postern_server_new(&a->servers[s], a->loop, names[s], NULL,
					     &server_events, a));
		for (int i = 0; i < PEERS; i++) {
			a->peers[s][i] = plain_connect(postern_server_path(a->servers[s]));
			assert_ok(a->peers[s][i]);
		}
	}
	turn_until(a->loop, a->accepted == 2 * PEERS);
	assert_ok(postern_connect(&a->dialled, a->loop, "nobody", NULL, &conn_events, a));
	turn(a->loop, 0);
	assert_ok(postern_loop_post(a->loop, posted, a));
	a->moment = moment;
}

/* All of it was told before postern_loop_free() returned, and nothing twice. A server that was being freed has
   no event of its own. */
static void all_check(struct all *a, unsigned servers)
{
	assert_true(a->done);
	assert_null(a->loop);
	assert_int_equal(a->at_return[0], CONNS);
	assert_int_equal(a->at_return[1], servers);
	assert_int_equal(a->at_return[2], 1);
	for (int s = 0; s < 2; s++) {
		postern_server_free(a->servers[s]);
		for (int i = 0; i < PEERS; i++)
			close(a->peers[s][i]);
	}
	postern_conn_free(a->dialled);
	assert_int_equal(a->conns_closed, CONNS);
	assert_int_equal(a->servers_closed, servers);
	assert_int_equal(a->posts, 1);
}

static void a_loop_is_freed_where_a_server_is_being_freed(void **state)
{
	struct all a;

	(void)state;
	all_open(&a, IN_A_CONNECTIONS_END);
	a.servers[0] = postern_server_free(a.servers[0]);
	all_check(&a, 1);
}

static void a_loop_is_freed_once_more_where_it_is_being_freed(void **state)
{
	static const enum moment moments[] = { IN_A_CONNECTIONS_END, IN_A_SERVERS_END, IN_A_POST };
	struct postern_loop *loop;
	struct all a;

	(void)state;
	for (size_t i = 0; i < sizeof(moments) / sizeof(*moments); i++) {
		all_open(&a, moments[i]);
		loop = a.loop;
		postern_loop_free(loop);
		all_check(&a, 2);
	}
}

static void a_loop_is_freed_where_a_drain_is_forced(void **state)
{
	struct all a;

	(void)state;
	all_open(&a, IN_A_CONNECTIONS_END);
	for (int s = 0; s < 2; s++)
		assert_ok(postern_server_drain(a.servers[s], 1));
	while (!a.done)
		postern_loop_dispatch(a.loop, 0);
	all_check(&a, 2);
}

static void a_loop_is_freed_where_bytes_are_received(void **state)
{
	struct all a;

	(void)state;
	all_open(&a, IN_RECEIVED);
	assert_int_equal(send(a.peers[1][1], "x", 1, MSG_NOSIGNAL), 1);
	while (!a.done)
		postern_loop_dispatch(a.loop, POSTERN_SECONDS(1));
	all_check(&a, 2);
}

static void a_loop_is_freed_where_connections_are_visited(void **state)
{
	struct all a;

	(void)state;
	all_open(&a, IN_EACH);
	assert_ok(postern_server_each(a.servers[0], each, &a));
	all_check(&a, 2);
}

/* The one that is not let in yet has had no event, and gets none. */
static void a_loop_is_freed_where_a_peer_is_let_in(void **state)
{
	struct all a;
	int fd;

	(void)state;
	all_open(&a, IN_ALLOW);
	fd = plain_connect(postern_server_path(a.servers[0]));
	assert_ok(fd);
	while (!a.done)
		postern_loop_dispatch(a.loop, POSTERN_SECONDS(1));
	assert_int_equal(a.accepted, 2 * PEERS);
	all_check(&a, 2);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_loop_is_freed_where_a_server_is_being_freed),
		TEST(a_loop_is_freed_once_more_where_it_is_being_freed),
		TEST(a_loop_is_freed_where_a_drain_is_forced),
		TEST(a_loop_is_freed_where_bytes_are_received),
		TEST(a_loop_is_freed_where_connections_are_visited),
		TEST(a_loop_is_freed_where_a_peer_is_let_in),
	};

	return test_run(tests);
}
