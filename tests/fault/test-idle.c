/* SPDX-License-Identifier: Apache-2.0 */
/* test-idle.c - peers that are there and do nothing, on a clock that stands still: not a millisecond early or late */
#include "pair.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"

static char big[4 * 1024 * 1024];

static int idle_setup(void **state)
{
	(void)state;
	fault_reset();
	fault_clock_fake();
	return 0;
}

static int idle_finish(void **state)
{
	(void)state;
	assert_int_equal(fault_memory(), 0);
	fault_reset();
	return 0;
}

#define IDLE_TEST(name) TEST_WITH(name, idle_setup, idle_finish)

/* Fills the queue and the kernel's buffer; returns how much was taken. */
static size_t fill(struct pair *p, size_t at_most)
{
	size_t n = 0;
	ssize_t r = 0;

	while (n < at_most && (r = postern_conn_write(p->c, big, at_most - n)) > 0)
		n += (size_t)r;
	turn(p->loop, 0);
	return n;
}

static const struct postern_conn_options idle_options = { .size = sizeof(idle_options),
							  .idle_ns = POSTERN_MS(200) };

/* How many milliseconds after the last byte moved it was ended, rounded up. */
static int64_t idle_after(struct pair *p)
{
	int64_t begun = postern_now();

	turn_until(p->loop, p->end.closed);
	assert_end_closed(&p->end, POSTERN_REASON_IDLE, -ETIMEDOUT);
	return (postern_now() - begun + 999999) / 1000000;
}

static void a_peer_that_does_not_read_is_idle(void **state)
{
	struct pair p;
	int64_t took;

	(void)state;
	for (int full = 0; full < 2; full++) {
		pair_open(&p, &idle_options);
		/* One byte in the kernel is enough; so is a queue that does not get shorter. */
		assert_true(postern_conn_write(p.c, big, full ? 3000000 : 1) > 0);
		turn(p.loop, 0);
		took = idle_after(&p);
		test_note("idle after %lld ms, limit 200", (long long)took);
		assert_in_range(took, 200, 251);
		pair_close(&p);
	}
}

/* The kernel gives its buffers back whole: what can be seen of a reader is steps of up to 36 KiB. */
static void a_peer_that_reads_slowly_is_not_idle(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, &idle_options);
	fill(&p, 1000000);
	for (int i = 0; i < 10; i++) {
		turn_for(p.loop, 60);
		assert_true(recv(p.peer, big, 40000, 0) > 0);
	}
	assert_int_equal(p.end.closed, 0);
	assert_in_range(idle_after(&p), 200, 251);
	pair_close(&p);
}

/* The kernel takes hundreds of small sends for a peer that is stopped; they are not the peer's doing. */
static void steady_small_writes_do_not_hide_a_peer_that_reads_nothing(void **state)
{
	struct pair p;
	int64_t begun;

	(void)state;
	pair_open(&p, &idle_options);
	begun = postern_now();
	for (int i = 0; i < 200 && !p.end.closed; i++) {
		assert_int_equal(postern_conn_write(p.c, "tick", 4), 4);
		turn_for(p.loop, 10);
	}
	test_note("idle after %lld ms, limit 200", (long long)(postern_now() - begun) / 1000000);
	assert_int_equal(p.end.closed, 1);
	assert_int_equal(p.end.why.code, POSTERN_REASON_IDLE);
	pair_close(&p);
}

static void steady_small_writes_to_a_peer_that_falls_behind_are_not_idle(void **state)
{
	struct pair p;
	char got[4];

	(void)state;
	pair_open(&p, &idle_options);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(postern_conn_write(p.c, "tick", 4), 4);
		turn_for(p.loop, 5);
		if (i % 4 == 3)
			assert_int_equal(recv(p.peer, got, sizeof(got), 0), 4);
	}
	assert_int_equal(p.end.closed, 0);
	pair_close(&p);
}

static void a_peer_that_has_read_all_may_be_silent_for_ever(void **state)
{
	struct pair p;
	char got[5];

	(void)state;
	pair_open(&p, &idle_options);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(postern_conn_write(p.c, "hello", 5), 5);
		pair_receive(&p, got, 5);
		turn_for(p.loop, 400);
		assert_int_equal(p.end.closed, 0);
	}
	/* And then it costs nothing. */
	assert_true(turn_for(p.loop, 400) <= 3);
	/* It is found all the same when it stops later. */
	assert_int_equal(postern_conn_write(p.c, "hello", 5), 5);
	turn(p.loop, 0);
	assert_in_range(idle_after(&p), 200, 251);
	pair_close(&p);
}

static int stopped_peer(void *arg)
{
	struct pair *p = arg;
	char byte;

	close(postern_conn_fd(p->c));
	while (recv(p->peer, &byte, 1, 0) != 0) {
		struct pollfd fd = { .fd = p->peer, .events = POLLIN };

		poll(&fd, 1, -1);
	}
	return 0;
}

static int unread_by_peer(const struct pair *p)
{
	int n = 0;

	turn(p->loop, 0);
	assert_int_equal(ioctl(postern_conn_fd(p->c), SIOCOUTQ, &n), 0);
	return n;
}

static void a_stopped_peer_is_idle(void **state)
{
	struct pair p;
	int64_t took;
	int status;
	pid_t pid;

	(void)state;
	pair_open(&p, &idle_options);
	pid = test_fork_start(stopped_peer, &p);
	pair_close_peer(&p);
	assert_int_equal(postern_conn_write(p.c, "read", 4), 4);
	/* The clock of the loop does not wait for another process: that it has read is seen first. */
	for (int64_t until = test_now_ns() + test_patience_ns(); unread_by_peer(&p) > 0;) {
		assert_true(test_now_ns() < until);
		test_sleep_ms(1);
	}
	turn_for(p.loop, 300);
	assert_int_equal(p.end.closed, 0);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(postern_conn_write(p.c, "stopped", 7), 7);
	turn(p.loop, 0);
	took = idle_after(&p);
	kill(pid, SIGKILL);
	kill(pid, SIGCONT);
	test_fork_wait(pid);
	assert_in_range(took, 200, 251);
	pair_close(&p);
}

static void the_idle_limit_can_be_for_ever(void **state)
{
	struct postern_conn_options options = { .size = sizeof(options),
						.idle_ns = POSTERN_FOREVER };
	struct pair p;

	(void)state;
	pair_open(&p, &options);
	fill(&p, 1000000);
	assert_true(turn_for(p.loop, 300) <= 5);
	assert_int_equal(p.end.closed, 0);
	pair_close(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IDLE_TEST(a_peer_that_does_not_read_is_idle),
		IDLE_TEST(a_peer_that_reads_slowly_is_not_idle),
		IDLE_TEST(steady_small_writes_do_not_hide_a_peer_that_reads_nothing),
		IDLE_TEST(steady_small_writes_to_a_peer_that_falls_behind_are_not_idle),
		IDLE_TEST(a_peer_that_has_read_all_may_be_silent_for_ever),
		IDLE_TEST(a_stopped_peer_is_idle),
		IDLE_TEST(the_idle_limit_can_be_for_ever),
	};

	return test_run(tests);
}
