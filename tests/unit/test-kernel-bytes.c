/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about the kernel: accepting, bytes and their end, descriptors that come with them, the loop. */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Accepting, and stopping to. */

TEST(a_listener_shut_for_reading_refuses_but_gives_out_its_backlog)
{
	int fd = listen_at("sock", 4);

	ok(connect_at(stream(), "sock"));
	ok(connect_at(stream(), "sock"));
	ok(shutdown(fd, SHUT_RD));
	fails(connect_at(stream(), "sock"), ECONNREFUSED);
	ok(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	ok(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	fails(accept4(fd, NULL, NULL, SOCK_CLOEXEC), EAGAIN);
	/* Readable for ever from here: it must leave epoll first. A blocking accept ends. */
	assert_true(readable(fd, 0));
	ok(fcntl(fd, F_SETFL, 0));
	fails(accept4(fd, NULL, NULL, SOCK_CLOEXEC), EINVAL);
}

/* Bytes, and their end. */

TEST(what_was_sent_before_a_close_is_read_before_the_end)
{
	char buf[8];
	int s[2];

	pair(s);
	ok(send(s[0], "abc", 3, 0));
	close(s[0]);
	assert_int_equal(recv(s[1], buf, sizeof(buf), 0), 3);
	assert_int_equal(recv(s[1], buf, sizeof(buf), 0), 0);
}

TEST(a_close_with_unread_input_resets_the_peer_after_the_data)
{
	char buf[8];
	int s[2];

	pair(s);
	ok(send(s[0], "abc", 3, 0));
	ok(send(s[1], "unread", 6, 0));
	close(s[0]);
	assert_int_equal(recv(s[1], buf, sizeof(buf), 0), 3);
	fails(recv(s[1], buf, sizeof(buf), 0), ECONNRESET);
	assert_int_equal(recv(s[1], buf, sizeof(buf), 0), 0); /* told once only */
}

TEST(shutdown_then_reading_the_rest_then_close_is_a_plain_end_for_the_peer)
{
	char buf[8];
	int s[2];

	pair(s);
	ok(send(s[1], "unread", 6, 0));
	ok(shutdown(s[0], SHUT_RDWR));
	fails(send(s[1], "late", 4, MSG_NOSIGNAL), EPIPE); /* nothing follows our reading */
	assert_int_equal(recv(s[0], buf, sizeof(buf), 0), 6);
	assert_int_equal(recv(s[0], buf, sizeof(buf), 0), 0);
	close(s[0]);
	assert_int_equal(recv(s[1], buf, sizeof(buf), 0), 0);
}

TEST(siocoutq_is_zero_when_the_peer_has_read_everything)
{
	char buf[8];
	int s[2], queued = -1;

	pair(s);
	ok(send(s[0], "abc", 3, 0));
	ok(ioctl(s[0], SIOCOUTQ, &queued));
	assert_in_range(queued, 1, 65536); /* the memory it takes, not the bytes sent */
	assert_int_equal(recv(s[1], buf, sizeof(buf), 0), 3);
	ok(ioctl(s[0], SIOCOUTQ, &queued));
	assert_int_equal(queued, 0);
}

static volatile sig_atomic_t sigpipes;

static void count_sigpipe(int sig)
{
	(void)sig;
	sigpipes++;
}

TEST(msg_nosignal_gives_epipe_without_sigpipe)
{
	int s[2];

	pair(s);
	close(s[0]);
	signal(SIGPIPE, count_sigpipe);
	fails(send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	assert_int_equal(sigpipes, 0);
	fails(send(s[1], "x", 1, 0), EPIPE);
	assert_int_equal(sigpipes, 1);
	signal(SIGPIPE, SIG_DFL);
}

TEST(the_send_buffer_is_full_after_some_hundred_single_bytes)
{
	int s[2], n = 0;

	pair(s);
	while (send(s[0], "x", 1, 0) == 1)
		n++;
	print_message("%d sends of one byte fill the default buffer\n", n);
	assert_in_range(n, 100, 2000);
}

/* Descriptors that come with bytes. */

TEST(recv_without_a_control_buffer_drops_descriptors_and_leaks_none)
{
	int s[2], p[2], before;
	char byte;

	pair(s);
	ok(pipe2(p, O_CLOEXEC | O_NONBLOCK));
	ok(send_descriptors(s[0], &p[1], 1));
	close(p[1]);
	before = count_descriptors();
	fails(read(p[0], &byte, 1), EAGAIN); /* the message in flight keeps the writing end */
	assert_int_equal(recv(s[1], &byte, 1, 0), 1);
	assert_int_equal(count_descriptors(), before);
	assert_int_equal(read(p[0], &byte, 1), 0);
	close(p[0]);
}

TEST(a_control_buffer_of_cmsg_space_admits_more_than_one_of_cmsg_len)
{
	size_t fit = (CMSG_SPACE(sizeof(int)) - CMSG_LEN(0)) / sizeof(int);
	int s[2], got[4], flags, before;

	test_skip_emulated("gives the kernel a control buffer of another size");
	pair(s);
	ok(send_descriptors(s[0], (int[]){ 0, 1, 2 }, 3));
	ok(send_descriptors(s[0], (int[]){ 0, 1, 2 }, 3));
	before = count_descriptors();
	/* Two where size_t has eight bytes: the padding behind the first is room for another. */
	assert_int_equal(receive_descriptors(s[1], CMSG_SPACE(sizeof(int)), got, &flags), fit);
	assert_int_equal(flags & MSG_CTRUNC, MSG_CTRUNC);
	assert_int_equal(receive_descriptors(s[1], CMSG_LEN(sizeof(int)), got, &flags), 1);
	assert_int_equal(flags & MSG_CTRUNC, MSG_CTRUNC);
	assert_int_equal(count_descriptors(), before + (int)fit + 1);
}

static void refuse_rights_or_skip(int fd)
{
	int on = -1;
	socklen_t len = sizeof(on);

	get_or_skip(fd, SO_PASSRIGHTS, &on, &len);
	assert_int_equal(on, 1);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &(int){ 0 }, sizeof(int)) == 0)
		return;
	assert_int_equal(errno, ENOPROTOOPT);
	test_skip_emulated("can read SO_PASSRIGHTS and not set it");
	fail();
}

TEST(without_passrights_the_sender_gets_eperm)
{
	int s[2], fd = 0;

	pair(s);
	refuse_rights_or_skip(s[1]);
	fails(send_descriptors(s[0], &fd, 1), EPERM);
	ok(send_descriptors(s[1], &fd, 1)); /* it speaks of what one receives, not sends */
}

/* Set once, on the listener: no moment is open to what a client sends early. */
TEST(an_accepted_socket_inherits_passrights_from_the_listener)
{
	int fd = listen_at("sock", 4), client = stream(), zero = 0;

	refuse_rights_or_skip(fd);
	ok(connect_at(client, "sock"));
	fails(send_descriptors(client, &zero, 1), EPERM);
	ok(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	fails(send_descriptors(client, &zero, 1), EPERM);
}

/* The loop. */

static int pair_in_epoll_and_child(int s[2])
{
	pair(s);
	fork_idle_child();
	return epoll_with(s[0], EPOLLIN);
}

TEST(epoll_keeps_reporting_a_closed_descriptor_whose_copy_a_child_holds)
{
	int s[2], ep = pair_in_epoll_and_child(s);

	close(s[0]);
	ok(send(s[1], "x", 1, 0));
	assert_int_equal(epoll_now(ep), EPOLLIN);
	fails(epoll_ctl(ep, EPOLL_CTL_DEL, s[0], NULL), EBADF);
}

TEST(epoll_forgets_a_descriptor_deleted_before_its_close)
{
	int s[2], ep = pair_in_epoll_and_child(s);

	ok(epoll_ctl(ep, EPOLL_CTL_DEL, s[0], NULL));
	close(s[0]);
	ok(send(s[1], "x", 1, 0));
	assert_int_equal(epoll_now(ep), 0);
}

TEST(epoll_reports_a_hang_up_that_nobody_asked_for_again_and_again)
{
	int s[2], ep;

	pair(s);
	ep = epoll_with(s[0], 0);
	ok(send(s[1], "x", 1, 0));
	assert_int_equal(epoll_now(ep), 0);
	close(s[1]);
	for (int i = 0; i < 3; i++)
		assert_int_equal(epoll_now(ep), EPOLLHUP);
}

TEST(epoll_inside_epoll_makes_the_outer_one_readable)
{
	int ev = ok(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	int inner = epoll_with(ev, EPOLLIN), outer = epoll_with(inner, EPOLLIN);

	assert_int_equal(epoll_now(outer), 0);
	ok(eventfd_write(ev, 1));
	assert_int_equal(epoll_now(outer), EPOLLIN);
	ok(eventfd_read(ev, &(eventfd_t){ 0 }));
	assert_int_equal(epoll_now(outer), 0);
}

/* Descriptors that are on their way. */

static void pass_one(int to, int fd, const void *bytes, size_t n)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { (void *)(uintptr_t)bytes, n };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	assert_int_equal(sendmsg(to, &msg, 0), n);
}

static int outq(int fd)
{
	int n = -1;

	ok(ioctl(fd, SIOCOUTQ, &n));
	return n;
}

/* src/core/flight.h counts with 256 for each. */
TEST(each_send_with_a_descriptor_costs_a_buffer_of_its_own_until_it_is_read)
{
	char bytes[100] = "";
	int s[2], had = 0, fd = ok(eventfd(0, EFD_CLOEXEC));

	pair(s);
	for (int i = 0; i < 20; i++) {
		ok(send(s[0], bytes, 1, 0));
		had = outq(s[0]);
		pass_one(s[0], fd, bytes, sizeof(bytes));
		assert_true(outq(s[0]) >= had + 256 + (int)sizeof(bytes));
	}
	/* A part of it leaves all of it. */
	had = outq(s[0]);
	assert_int_equal(recv(s[1], bytes, 1, 0), 1);
	assert_true(outq(s[0]) < had);
	had = outq(s[0]);
	assert_int_equal(recv(s[1], bytes, 50, 0), 50);
	assert_int_equal(outq(s[0]), had);
	while (outq(s[0]) > 0)
		assert_true(recv(s[1], bytes, sizeof(bytes), 0) > 0);
}

TEST(what_is_unread_stays_with_the_peer_when_we_shut_down_and_reading_it_is_an_edge)
{
	char byte = 0;
	int s[2], epoll, fd = ok(eventfd(0, EFD_CLOEXEC));

	pair(s);
	pass_one(s[0], fd, "a", 1);
	pass_one(s[0], fd, "b", 1);
	ok(shutdown(s[0], SHUT_RDWR));
	assert_true(outq(s[0]) > 0);
	epoll = epoll_with(s[0], EPOLLOUT | EPOLLET);
	assert_int_equal(epoll_now(epoll), EPOLLOUT | EPOLLHUP);
	assert_int_equal(epoll_now(epoll), 0);
	assert_int_equal(recv(s[1], &byte, 1, 0), 1);
	assert_int_equal(epoll_now(epoll), EPOLLOUT | EPOLLHUP);
	assert_int_equal(epoll_now(epoll), 0);
	assert_true(outq(s[0]) > 0);
	/* Closing drops the rest, which is an error for us. */
	close(s[1]);
	assert_int_equal(epoll_now(epoll), EPOLLOUT | EPOLLHUP | EPOLLERR);
	assert_int_equal(outq(s[0]), 0);
}

TEST(a_timerfd_stays_readable_until_armed_again_or_read)
{
	struct itimerspec soon = { .it_value.tv_nsec = 1 }, later = { .it_value.tv_sec = 3600 };
	int fd = ok(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
	uint64_t expired = 0;

	ok(timerfd_settime(fd, 0, &soon, NULL));
	assert_true(readable(fd, 2000));
	assert_true(readable(fd, 0));
	ok(timerfd_settime(fd, 0, &later, NULL));
	assert_false(readable(fd, 0));
	ok(timerfd_settime(fd, 0, &soon, NULL));
	assert_true(readable(fd, 2000));
	assert_int_equal(read(fd, &expired, sizeof(expired)), sizeof(expired));
	assert_int_equal(expired, 1);
	assert_false(readable(fd, 0));
}

TEST(a_pidfd_is_readable_at_exit_and_can_be_waited_for)
{
	siginfo_t info = { 0 };
	int gate[2], fd;
	pid_t pid;

	ok(pipe2(gate, O_CLOEXEC));
	pid = fork_child();
	if (pid == 0) {
		close(gate[1]);
		_exit((int)read(gate[0], &(char){ 0 }, 1) + 7);
	}
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0 && errno == ENOSYS)
		skip_because("no pidfd_open, as under valgrind");
	ok(fd);
	assert_false(readable(fd, 0));
	close(gate[1]);
	assert_true(readable(fd, 5000));
	ok(waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG));
	assert_int_equal(info.si_pid, pid);
	assert_int_equal(info.si_status, 7);
	child = 0;
	close(gate[0]);
}

int main(void)
{
	for (int fd = 3; fd < FD_END; fd++)
		close(fd);
	return cmocka_run_group_tests_name("kernel", tests, NULL, NULL);
}
