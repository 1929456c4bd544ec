/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-fair.c - what one descriptor can cost the others of its loop, in bytes, messages and visits, without a clock
 *
 * A turn is one call, and who sends does so between two turns or in a callback: each count is the same on any machine.
 */
#include <errno.h>
#include <postern.h>
#include <postern/frame.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../pair.h"
#include "loop/loop.h"

enum { VISIT = LOOP_VISIT, TURN = LOOP_TURN };

static char block[VISIT];

/* ---- objects that never rest, of several users ---- */

enum { USERS = 2, GREEDY = 8, RESTLESS = GREEDY + 1, TURNS = 90 };

static struct restless {
	struct object object;
	int user, fd;
	unsigned visits, deferred;
} restless[RESTLESS];
static uint32_t users[USERS];

static void restless_ready(struct object *o, uint32_t events)
{
	struct restless *r = container_of(o, struct restless, object);

	(void)events;
	r->visits++;
	loop_spend(o->loop, VISIT);
	object_visited(o, true);
}

static uint32_t *restless_user(struct object *o)
{
	return &users[container_of(o, struct restless, object)->user];
}

static void restless_deferred(struct object *o)
{
	container_of(o, struct restless, object)->deferred++;
}

static void restless_bury(struct object *o)
{
	(void)o;
}

static const struct object_ops restless_ops = { .ready = restless_ready,
						.user = restless_user,
						.deferred = restless_deferred,
						.bury = restless_bury };

static struct postern_loop *restless_open(void)
{
	struct postern_loop *loop = NULL;

	assert_ok(postern_loop_new(&loop));
	memset(users, 0, sizeof(users));
	memset(restless, 0, sizeof(restless));
	for (int i = 0; i < RESTLESS; i++) {
		assert_ok(object_init(&restless[i].object, &restless_ops, loop));
		restless[i].user = i == GREEDY;
		restless[i].object.fd = restless[i].fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
		assert_ok(object_watch(&restless[i].object, EPOLLIN));
	}
	return loop;
}

static void restless_close(struct postern_loop *loop)
{
	for (int i = 0; i < RESTLESS; i++) {
		object_give_up(&restless[i].object);
		close(restless[i].fd);
		object_end(&restless[i].object);
	}
	postern_loop_free(loop);
}

static void a_user_with_one_connection_gets_as_much_as_one_with_eight(void **state)
{
	struct postern_loop *loop = restless_open();
	unsigned most = 0, least = UINT32_MAX, sum = 0, deferred = 0;

	(void)state;
	turn(loop, 0); /* nobody is known to be restless before */
	for (int i = 0; i < RESTLESS; i++)
		restless[i].visits = restless[i].deferred = 0;
	for (int i = 0; i < TURNS; i++)
		turn(loop, 0);
	for (int i = 0; i < RESTLESS; i++) {
		unsigned v = restless[i].visits;

		sum += v;
		deferred += restless[i].deferred;
		if (i == GREEDY)
			continue;
		most = v > most ? v : most;
		least = v < least ? v : least;
	}
	test_note(
		"%u turns: %u visits, of the single one %u, of eight others %u to %u each; %u deferred",
		TURNS, sum, restless[GREEDY].visits, least, most, deferred);
	assert_int_equal(sum, TURNS * (TURN / VISIT));
	assert_int_equal(deferred, TURNS * (RESTLESS - TURN / VISIT));
	/* Of the rest of epoll's list it may be at the wrong end once. */
	assert_in_range(most - least, 0, 1);
	/* Visited once a turn at least, and never the same one twice in a turn: as often as all others of a turn. */
	assert_int_equal(restless[GREEDY].visits, TURNS);
	restless_close(loop);
}

/* ---- connections ---- */

static struct fair {
	struct pair quiet;
	int peers[64];
	struct postern_conn *conns[64];
	size_t got[64]; /* bytes or messages */
	unsigned n;
	bool asked, mute;
	size_t since; /* what all of them had since the quiet one's byte was sent */
	size_t worst;
} fair;

/* As much as the kernel takes, from whoever floods. */
static void fair_pour(int fd)
{
	while (send(fd, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
}

static void fair_count(size_t *got, size_t n)
{
	*got += n;
	if (fair.asked)
		fair.since += n;
	/* In the middle of the flooder's visit: the worst moment. */
	if (!fair.asked && !fair.mute) {
		assert_int_equal(send(fair.quiet.peer, "x", 1, MSG_NOSIGNAL), 1);
		fair.asked = true;
		fair.since = 0;
	}
}

static size_t fair_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	size_t *got = data;

	(void)c, (void)bytes;
	fair_count(got, n);
	fair_pour(fair.peers[got - fair.got]);
	return n;
}

static void fair_frame(struct postern_conn *c, const void *payload, size_t n, void *data)
{
	size_t *got = data;

	(void)c, (void)payload, (void)n;
	fair_count(got, 1);
	if (*got % 512 == 0)
		fair_pour(fair.peers[got - fair.got]);
}

static void fair_heard(struct end *e, struct postern_conn *c, enum end_event event)
{
	(void)e, (void)c;
	if (event != END_RECEIVED)
		return;
	fair.worst = fair.since > fair.worst ? fair.since : fair.worst;
	fair.asked = false;
}

static void fair_open(unsigned n, unsigned framing)
{
	static const struct postern_conn_events events = { .size = sizeof(events),
							   .received = fair_received };
	static const struct postern_conn_events frames = { .size = sizeof(frames),
							   .frame = fair_frame };
	struct postern_conn_options options = { .size = sizeof(options), .framing = framing };

	memset(&fair, 0, sizeof(fair));
	memset(block, '\n', sizeof(block));
	pair_open(&fair.quiet, NULL);
	fair.quiet.end.hook = fair_heard;
	fair.n = n;
	for (unsigned i = 0; i < n; i++) {
		int sv[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
		fair.peers[i] = sv[1];
		assert_ok(postern_conn_adopt(&fair.conns[i], fair.quiet.loop, sv[0], &options,
					     framing ? &frames : &events, &fair.got[i]));
		fair_pour(sv[1]);
	}
	/* The quiet one is known, and so are the restless ones. */
	pair_send(&fair.quiet, "x", 1);
	turn(fair.quiet.loop, 0);
	turn(fair.quiet.loop, 0);
	fair.worst = 0;
	memset(fair.got, 0, sizeof(fair.got));
}

static void fair_close(void)
{
	for (unsigned i = 0; i < fair.n; i++) {
		postern_conn_free(fair.conns[i]);
		close(fair.peers[i]);
	}
	pair_close(&fair.quiet);
}

static size_t fair_sum(void)
{
	size_t sum = 0;

	for (unsigned i = 0; i < fair.n; i++)
		sum += fair.got[i];
	return sum;
}

static void endless_bytes_delay_another_one_by_no_more_than_a_visit(void **state)
{
	size_t before;

	(void)state;
	fair_open(1, 0);
	before = fair.quiet.end.n;
	for (int i = 0; i < 100; i++)
		turn(fair.quiet.loop, 0);
	test_note("%zu KiB flooded in 100 turns; another one waited for at most %zu bytes",
		  fair_sum() >> 10, fair.worst);
	assert_int_equal(fair_sum(), 100 * VISIT);
	assert_true(fair.quiet.end.n - before >= 99);
	assert_in_range(fair.worst, 0, VISIT);
	fair_close();
}

static void a_crowd_delays_another_one_by_no_more_than_a_turn_and_shares_it(void **state)
{
	size_t most = 0, least = SIZE_MAX, before;

	(void)state;
	fair_open(40, 0);
	before = fair.quiet.end.n;
	for (int i = 0; i < 100; i++)
		turn(fair.quiet.loop, 0);
	for (unsigned i = 0; i < fair.n; i++) {
		most = fair.got[i] > most ? fair.got[i] : most;
		least = fair.got[i] < least ? fair.got[i] : least;
	}
	test_note(
		"%zu KiB flooded in 100 turns, by each %zu to %zu KiB; another one waited for at most %zu bytes",
		fair_sum() >> 10, least >> 10, most >> 10, fair.worst);
	assert_true(fair.quiet.end.n - before >= 99);
	assert_in_range(fair_sum(), 1, 101 * (TURN + VISIT));
	assert_in_range(fair.worst, 0, TURN + VISIT);
	assert_in_range(most - least, 0, 2 * VISIT);
	fair_close();
}

static void endless_small_messages_delay_another_one_by_no_more_than_two_rounds_of_them(
	void **state)
{
	size_t before;

	(void)state;
	fair_open(1, POSTERN_FRAMING_LINES);
	before = fair.quiet.end.n;
	for (int i = 0; i < 100; i++)
		turn(fair.quiet.loop, 0);
	test_note("%zu messages in 100 turns; another one waited for at most %zu", fair_sum(),
		  fair.worst);
	assert_true(fair_sum() > 50 * 1024);
	assert_true(fair.quiet.end.n - before >= 99);
	assert_in_range(fair.worst, 0, 2 * 1024);
	fair_close();
}

static void fair_spends(struct end *e, struct postern_conn *c, enum end_event event)
{
	(void)e, (void)c;
	if (event == END_RECEIVED)
		loop_spend(fair.quiet.loop, TURN);
}

/* One that comes when the turn has been long enough is short, and so is what it takes from the turn. */
static void a_late_round_of_messages_costs_what_it_has(void **state)
{
	enum { MESSAGE = 128 };
	size_t messages, spent;

	(void)state;
	fair_open(1, POSTERN_FRAMING_LINES);
	fair.mute = true;
	fair.quiet.end.hook = fair_spends;
	messages = fair_sum();
	assert_int_equal(send(fair.quiet.peer, "x", 1, MSG_NOSIGNAL), 1);
	turn(fair.quiet.loop, 0);
	messages = fair_sum() - messages;
	spent = fair.quiet.loop->spent - TURN;
	test_note("%zu messages in a turn that was spent, for %zu bytes", messages, spent);
	assert_in_range(messages, 1, 1023);
	assert_in_range(spent, 1 + messages * MESSAGE, 1 + messages * MESSAGE + VISIT);
	fair_close();
}

static void one_that_is_alone_moves_four_buffers_in_a_turn(void **state)
{
	size_t most = 0;

	(void)state;
	fair_open(1, 0);
	fair.mute = true; /* the quiet one stays quiet */
	turn(fair.quiet.loop, 0);
	for (int i = 0; i < LOOP_SHARED + 8; i++) {
		size_t before = fair_sum(), now;

		turn(fair.quiet.loop, 0);
		now = fair_sum() - before;
		most = now > most ? now : most;
		if (i < LOOP_SHARED - 8)
			assert_int_equal(now, VISIT);
	}
	assert_int_equal(most, 4 * VISIT);
	fair_close();
}

/* ---- a program's pause is longer than a turn's ---- */

static void pauses_itself(struct postern_conn *c, const void *payload, size_t n, void *data)
{
	size_t *got = data;

	(void)payload, (void)n;
	fair_count(got, 1);
	if (*got == 1024)
		assert_ok(postern_conn_pause(c));
}

static void a_pause_in_the_last_message_of_a_round_lasts(void **state)
{
	static const struct postern_conn_events events = { .size = sizeof(events),
							   .frame = pauses_itself };

	(void)state;
	fair_open(1, POSTERN_FRAMING_LINES);
	for (int i = 0; i < 8; i++)
		turn(fair.quiet.loop, 0);
	fair.got[0] = 0;
	assert_ok(postern_conn_set_events(fair.conns[0], &events, &fair.got[0]));
	for (int i = 0; i < 20; i++)
		turn(fair.quiet.loop, 0);
	assert_int_equal(fair.got[0], 1024);
	assert_ok(postern_conn_resume(fair.conns[0]));
	turn(fair.quiet.loop, 0);
	assert_true(fair.got[0] > 1024);
	fair_close();
}

/* ---- connects ---- */

static void a_burst_of_connects_is_accepted_in_steps_once_another_one_is_there(void **state)
{
	struct postern_server_counters k;
	struct site s;
	int fds[40], quiet;
	unsigned most = 0, turns = 0;

	(void)state;
	site_open(&s, "fair", NULL);
	quiet = plain_connect(postern_server_path(s.server));
	turn_until(s.loop, s.accepted == 1);
	site_echo(&s, quiet);
	for (int i = 0; i < 40; i++)
		fds[i] = plain_connect(postern_server_path(s.server));
	for (; s.accepted < 41 && turns < 100; turns++) {
		unsigned before = s.accepted;
		char echo;

		assert_int_equal(send(quiet, "x", 1, MSG_NOSIGNAL), 1);
		turn(s.loop, 0);
		/* Answered in that turn, whatever is to be accepted. */
		assert_int_equal(recv(quiet, &echo, 1, MSG_DONTWAIT), 1);
		most = s.accepted - before > most ? s.accepted - before : most;
	}
	k = site_counters(&s);
	test_note("40 accepted in %u turns, %u at most in one", turns, most);
	assert_int_equal(s.accepted, 41);
	assert_int_equal(most, 1);
	assert_in_range(k.deferred, 38, 41);
	for (int i = 0; i < 40; i++)
		close(fds[i]);
	close(quiet);
	site_close(&s);
}

/* ---- the counter ---- */

/* Turns in which each of n peers sends what the kernel takes, and reads all that comes; how often one had to wait. */
static uint64_t fair_deferred(struct site *s, const int *peers, unsigned n)
{
	uint64_t before = site_counters(s).deferred;

	for (int i = 0; i < 20; i++) {
		for (unsigned k = 0; k < n; k++) {
			fair_pour(peers[k]);
			while (recv(peers[k], block, sizeof(block), MSG_DONTWAIT) > 0)
				;
		}
		turn(s->loop, 0);
	}
	return site_counters(s).deferred - before;
}

static void turns_that_a_connection_has_to_wait_for_are_counted_and_nothing_else(void **state)
{
	enum { PEERS = 9 };
	int peers[PEERS], quiet;
	uint64_t many, one;
	struct site s;

	(void)state;
	site_open(&s, "fair", NULL);
	quiet = plain_connect(postern_server_path(s.server));
	site_echo(&s, quiet);
	for (int i = 0; i < PEERS; i++)
		peers[i] = plain_connect(postern_server_path(s.server));
	turn_until(s.loop, s.accepted == PEERS + 1);
	many = fair_deferred(&s, peers, PEERS);
	for (int i = 1; i < PEERS; i++)
		close(peers[i]);
	turn_until(s.loop, s.conns_closed == PEERS - 1);
	one = fair_deferred(&s, peers, 1);
	test_note("20 turns: %u that flood waited %u times, one %u times", PEERS, (unsigned)many,
		  (unsigned)one);
	assert_in_range(many, 20, 20 * PEERS);
	assert_int_equal(one, 0);
	close(peers[0]);
	close(quiet);
	site_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(turns_that_a_connection_has_to_wait_for_are_counted_and_nothing_else),
		TEST(a_user_with_one_connection_gets_as_much_as_one_with_eight),
		TEST(endless_bytes_delay_another_one_by_no_more_than_a_visit),
		TEST(a_crowd_delays_another_one_by_no_more_than_a_turn_and_shares_it),
		TEST(endless_small_messages_delay_another_one_by_no_more_than_two_rounds_of_them),
		TEST(a_late_round_of_messages_costs_what_it_has),
		TEST(one_that_is_alone_moves_four_buffers_in_a_turn),
		TEST(a_pause_in_the_last_message_of_a_round_lasts),
		TEST(a_burst_of_connects_is_accepted_in_steps_once_another_one_is_there),
	};

	return test_run(tests);
}
