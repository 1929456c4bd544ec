/* SPDX-License-Identifier: Apache-2.0 */
/* test-crowded.c - what descriptors cost, and a kernel that takes none: ETOOMANYREFS, with a clock of its own */
#include "passed.h"

#include "fault.h"

#define CALL(method) "{\"method\":\"org.example.vault." method "\"}"

static int peer_of(const struct vault *v)
{
	int fd = plain_connect(vault_path(v));

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* Turns until so many messages have come, and descriptors beside them; false: the end has. */
static bool hears(struct vault *v, int fd, unsigned messages, unsigned descriptors)
{
	for (int i = 0; i < 2000 && messages + descriptors > 0; i++) {
		int fds[POSTERN_FDS_MAX];
		char bytes[4096];
		size_t n;
		ssize_t r = pass_receive(fd, bytes, sizeof bytes, fds, &n);

		if (r == 0 || (r < 0 && errno == ECONNRESET))
			return false;
		for (size_t k = 0; k < n; k++, descriptors--)
			close(fds[k]);
		for (ssize_t k = 0; k < r; k++)
			messages -= bytes[k] == '\0';
		if (r < 0)
			assert_true(postern_loop_dispatch(v->loop, POSTERN_MS(1)) >= 0);
	}
	return messages + descriptors == 0;
}

static void V12_a_kernel_that_takes_no_descriptors_is_tried_again_and_told_of(void **state)
{
	struct vault v;
	int64_t began;
	int fd, other;

	(void)state;
	fault_reset();
	fault_clock_fake();
	vault_open(&v);
	fd = peer_of(&v);
	other = peer_of(&v);
	pass_text(fd, CALL("Get"), -1, 0);
	assert_true(hears(&v, fd, 1, 1));
	/* For a moment: nobody is told anything. */
	fault_refuse(FAULT_sendmsg, ETOOMANYREFS);
	pass_text(fd, CALL("Get"), -1, 0);
	for (int i = 0; i < 4; i++)
		assert_true(postern_loop_dispatch(v.loop, POSTERN_MS(50)) >= 0);
	pass_text(other, CALL("Plain"), -1, 0);
	assert_true(hears(&v, other, 1, 0));
	fault_refuse(FAULT_sendmsg, 0);
	assert_true(hears(&v, fd, 1, 1));
	assert_int_equal(v.errors, 0);
	/* For longer: the connection ends, and the program hears why. */
	fault_refuse(FAULT_sendmsg, ETOOMANYREFS);
	began = postern_now();
	pass_text(fd, CALL("Get"), -1, 0);
	pass_text(fd, CALL("Plain"), -1, 0);
	assert_false(hears(&v, fd, 2, 1));
	assert_in_range(postern_now() - began, POSTERN_MS(500), POSTERN_SECONDS(2));
	turn_quiet(v.loop);
	assert_int_equal(v.errors, 1);
	assert_int_equal(v.code, POSTERN_REASON_NO_RESOURCES);
	assert_non_null(strstr(v.text, "too many descriptors of this user were sent"));
	pass_text(other, CALL("Plain"), -1, 0);
	assert_true(hears(&v, other, 1, 0));
	fault_refuse(FAULT_sendmsg, 0);
	pass_text(other, CALL("Get"), -1, 0);
	assert_true(hears(&v, other, 1, 1));
	close(fd);
	close(other);
	turn_quiet(v.loop);
	vault_close(&v);
}

/* The looks whether there is room again are no sends that failed: the kernel has as long as ever. */
static void V12_a_wait_for_room_takes_nothing_from_the_time_of_the_kernel(void **state)
{
	struct vault v;
	int64_t began;
	int fd;

	(void)state;
	fault_reset();
	fault_clock_fake();
	vault_offer_limited(&v, vault_handlers, POSTERN_FDS_MAX);
	fd = peer_of(&v);
	for (unsigned i = 0; i <= POSTERN_FDS_MAX; i++)
		pass_text(fd, CALL("Get"), -1, 0);
	turn_quiet(v.loop);
	assert_int_equal(v.calls[VAULT_GET], POSTERN_FDS_MAX);
	for (int i = 0; i < 10; i++) {
		fault_clock_advance(POSTERN_MS(100));
		assert_true(postern_loop_dispatch(v.loop, 0) >= 0);
	}
	fault_refuse(FAULT_sendmsg, ETOOMANYREFS);
	assert_true(hears(&v, fd, POSTERN_FDS_MAX, POSTERN_FDS_MAX));
	fault_clock_advance(POSTERN_MS(100));
	began = postern_now();
	assert_false(hears(&v, fd, 1, 1));
	test_note("it ended after %lld ms", (long long)(postern_now() - began) / 1000000);
	assert_in_range(postern_now() - began, POSTERN_MS(700), POSTERN_SECONDS(2));
	turn_quiet(v.loop);
	assert_int_equal(v.code, POSTERN_REASON_NO_RESOURCES);
	fault_refuse(FAULT_sendmsg, 0);
	close(fd);
	turn_quiet(v.loop);
	vault_close(&v);
}

/* Nobody looks what was read as long as there is room. */
static void V12_descriptors_that_are_read_cost_no_system_call_to_account_for(void **state)
{
	enum { ROUNDS = 20 };
	struct vault v;
	uint64_t looks;
	int fd;

	(void)state;
	fault_reset();
	vault_offer_limited(&v, vault_handlers, 128);
	fd = peer_of(&v);
	pass_text(fd, CALL("Get"), -1, 0);
	assert_true(hears(&v, fd, 1, 1));
	looks = fault_count(FAULT_ioctl_outq);
	for (int i = 0; i < ROUNDS; i++) {
		pass_text(fd, CALL("Get"), -1, 0);
		assert_true(hears(&v, fd, 1, 1));
	}
	assert_int_equal(fault_count(FAULT_ioctl_outq) - looks, 0);
	/* Then once for what is one share. */
	for (int i = 0; i < 500; i++) {
		pass_text(fd, CALL("Get"), -1, 0);
		assert_true(hears(&v, fd, 1, 1));
	}
	looks = fault_count(FAULT_ioctl_outq) - looks;
	test_note("500 descriptors one after the other: %u looks", (unsigned)looks);
	assert_in_range(looks, 1, 40);
	close(fd);
	vault_close(&v);
}

/* A peer that is refused again and again costs a look at those that do not read in each turn, and not in each call. */
static void V12_those_that_do_not_read_are_looked_at_once_a_turn(void **state)
{
	struct vault v;
	uint64_t looks;
	int fds[2], one = passed_new(1);

	(void)state;
	fault_reset();
	vault_offer_limited(&v, vault_handlers, POSTERN_FDS_MAX);
	fds[0] = peer_of(&v);
	fds[1] = peer_of(&v);
	for (int i = 0; i < POSTERN_FDS_MAX; i++)
		pass_text(fds[0], CALL("Get"), -1, 0);
	turn_quiet(v.loop);
	for (int i = 0; i < 4; i++)
		pass_text(fds[1], CALL("Put"), one, 1);
	looks = fault_count(FAULT_ioctl_outq);
	assert_true(postern_loop_dispatch(v.loop, 0) > 0);
	looks = fault_count(FAULT_ioctl_outq) - looks;
	assert_true(hears(&v, fds[1], 4, 0));
	test_note("4 calls of one turn that are refused: %u looks", (unsigned)looks);
	/* And perhaps that of the one that is held back, whose time it may be. */
	assert_in_range(looks, 1, 2);
	assert_int_equal(v.calls[VAULT_PUT], 0);
	close(one);
	close(fds[0]);
	close(fds[1]);
	turn_quiet(v.loop);
	vault_close(&v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V12_a_kernel_that_takes_no_descriptors_is_tried_again_and_told_of),
		TEST(V12_a_wait_for_room_takes_nothing_from_the_time_of_the_kernel),
		TEST(V12_descriptors_that_are_read_cost_no_system_call_to_account_for),
		TEST(V12_those_that_do_not_read_are_looked_at_once_a_turn),
	};
	return test_run(tests);
}
