/* SPDX-License-Identifier: Apache-2.0 */
/* test-descriptor.c - descriptors that others have too: given up, shared, passed unasked */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/server.h"

/* ---- given up ---- */

/* As if the name had been taken away six times within the last minute. */
static void spend_republications(struct postern_server *s)
{
	for (size_t i = 0; i < sizeof(s->renewed_at_ns) / sizeof(*s->renewed_at_ns); i++)
		s->renewed_at_ns[i] = postern_now();
}

static void free_server(struct site *s, enum site_event event, struct postern_conn *c)
{
	(void)c;
	if (event == SITE_ERROR)
		s->server = postern_server_free(s->server);
}

/* The listener is closed, but a copy of it is somewhere, as in a child process that was not told. */
static void lose_a_name(struct site *s, int *ret_copy, int *ret_client)
{
	*ret_copy = dup(postern_server_fd(s->server));
	assert_ok(*ret_copy);
	spend_republications(s->server);
	assert_int_equal(link(test_path("clock/sock"), test_path("clock/other")), 0);
	assert_int_equal(unlink(test_path("clock/sock")), 0);
	turn_until(s->loop, s->errors[POSTERN_REASON_NAME_LOST]);
	/* It is in the backlog of the copy: the socket is readable. */
	*ret_client = plain_connect(test_path("clock/other"));
	assert_ok(*ret_client);
}

static void a_listener_that_was_given_up_is_not_heard_of_again(void **state)
{
	struct site s;
	int copy, client;

	(void)state;
	site_open(&s, "clock", NULL);
	lose_a_name(&s, &copy, &client);
	turn(s.loop, 0);
	assert_int_equal(turn(s.loop, 50), 0);
	assert_int_equal(turn(s.loop, 50), 0);
	assert_int_equal(s.accepted, 0);
	close(copy);
	close(client);
	site_close(&s);
}

static void nor_when_its_server_was_freed_in_the_event_that_told_so(void **state)
{
	struct site s;
	int copy, client;

	(void)state;
	site_open(&s, "clock", NULL);
	s.hook = free_server;
	lose_a_name(&s, &copy, &client);
	turn(s.loop, 0);
	assert_int_equal(turn(s.loop, 50), 0);
	close(copy);
	close(client);
	site_close(&s);
}

static void a_detached_socket_is_not_heard_of_again(void **state)
{
	struct pair p;
	int fd;

	(void)state;
	pair_open(&p, NULL);
	fd = postern_conn_detach(p.c);
	assert_ok(fd);
	assert_int_equal(send(p.peer, "hello", 5, MSG_NOSIGNAL), 5);
	assert_int_equal(turn(p.loop, 50), 0);
	p.c = postern_conn_free(p.c);
	assert_int_equal(turn(p.loop, 50), 0);
	close(fd);
	pair_close(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_listener_that_was_given_up_is_not_heard_of_again),
		TEST(nor_when_its_server_was_freed_in_the_event_that_told_so),
		TEST(a_detached_socket_is_not_heard_of_again),
	};

	return test_run(tests);
}
