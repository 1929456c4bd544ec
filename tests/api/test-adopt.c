/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors that come and go: adopted, detached, unasked for; who is at the other end; and what the
 * calls answer that cannot be right.
 */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- adopt ---- */

static void refuse_to_adopt(struct postern_loop *loop, int fd, int error)
{
	struct postern_conn *c = NULL;
	int flags = fcntl(fd, F_GETFL);

	assert_errno(postern_conn_adopt(&c, loop, fd, NULL, &end_events, NULL), error);
	assert_null(c);
	/* It is the caller's still, and as it was. */
	assert_int_equal(fcntl(fd, F_GETFL), flags);
	if (flags >= 0)
		close(fd);
}

static void what_is_no_connected_stream_socket_is_not_adopted(void **state)
{
	struct postern_loop *loop;
	int fds[2], gone;

	(void)state;
	assert_ok(postern_loop_new(&loop));
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	refuse_to_adopt(loop, fds[0], -ENOTSOCK);
	refuse_to_adopt(loop, fds[1], -ENOTSOCK);
	refuse_to_adopt(loop, open("/dev/null", O_RDWR | O_CLOEXEC), -ENOTSOCK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
	refuse_to_adopt(loop, fds[0], -EPROTOTYPE);
	refuse_to_adopt(loop, fds[1], -EPROTOTYPE);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	refuse_to_adopt(loop, fds[0], -EPROTOTYPE);
	refuse_to_adopt(loop, fds[1], -EPROTOTYPE);
	refuse_to_adopt(loop, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), -EPROTOTYPE);
	refuse_to_adopt(loop, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), -EDESTADDRREQ);
	refuse_to_adopt(loop, plain_listen(test_path("listens"), 1), -EDESTADDRREQ);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	gone = fds[0];
	close(fds[0]);
	close(fds[1]);
	refuse_to_adopt(loop, gone, -EBADF);
	refuse_to_adopt(loop, -1, -EINVAL);
	postern_loop_free(loop);
}

static void a_descriptor_is_adopted_once(void **state)
{
	struct postern_conn *second = NULL;
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_errno(
		postern_conn_adopt(&second, p.loop, postern_conn_fd(p.c), NULL, &end_events, NULL),
		-EEXIST);
	assert_null(second);
	pair_send(&p, "hello", 5);
	turn_until(p.loop, p.end.n == 5);
	pair_close(&p);
}

static void a_blocking_socket_stays_blocking_and_never_blocks_the_loop(void **state)
{
	static char bytes[1000000];
	struct postern_conn *c;
	struct postern_loop *loop;
	struct end end;
	int sv[2], fd;

	(void)state;
	end_init(&end);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	assert_ok(postern_loop_new(&loop));
	assert_ok(postern_conn_adopt(&c, loop, sv[0], NULL, &end_events, &end));
	assert_int_equal(fcntl(sv[0], F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(postern_conn_write(c, bytes, sizeof(bytes)), sizeof(bytes));
	turn_for(loop, 30); /* it would hang here */
	assert_true(postern_conn_queued(c) > 0);
	while (postern_conn_queued(c) > 0) {
		assert_true(recv(sv[1], bytes, sizeof(bytes), MSG_DONTWAIT) > 0);
		turn(loop, 0);
	}
	fd = postern_conn_detach(c);
	assert_int_equal(fd, sv[0]);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	close(fd);
	close(sv[1]);
	postern_conn_free(c);
	postern_loop_free(loop);
	end_deinit(&end);
}

/* ---- detach ---- */

static void a_detached_socket_goes_on_outside(void **state)
{
	struct pair p;
	char got[5];
	int fd;

	(void)state;
	pair_open(&p, NULL);
	pair_send(&p, "hello", 5);
	turn_until(p.loop, p.end.n == 5);
	fd = postern_conn_detach(p.c);
	assert_ok(fd);
	assert_int_equal(postern_conn_state(p.c), POSTERN_STATE_CLOSED);
	assert_errno(postern_conn_write(p.c, "x", 1), -ESTALE);
	assert_errno(postern_conn_detach(p.c), -ESTALE);
	pair_send(&p, "again", 5);
	turn_quiet(p.loop);
	assert_int_equal(recv(fd, got, 5, 0), 5);
	assert_memory_equal(got, "again", 5);
	assert_string_equal(p.end.trace, "r"); /* no final event */
	close(fd);
	pair_close(&p);
}

static void nothing_is_lost_by_a_detach(void **state)
{
	struct pair p;
	char got[5];
	int fd;

	(void)state;
	pair_open(&p, NULL);
	p.end.take = 2;
	assert_int_equal(postern_conn_write(p.c, "hello", 5), 5);
	assert_errno(postern_conn_detach(p.c), -EBUSY);
	assert_int_equal(postern_conn_flush(p.c), 0);
	p.end.take = 0;
	pair_send(&p, "kept", 4);
	turn_quiet(p.loop);
	assert_errno(postern_conn_detach(p.c), -EBUSY);
	p.end.take = SIZE_MAX;
	assert_ok(postern_conn_resume(p.c));
	turn_until(p.loop, p.end.n == 4);
	fd = postern_conn_detach(p.c);
	assert_ok(fd);
	pair_receive(&p, got, 5);
	assert_memory_equal(got, "hello", 5);
	close(fd);
	pair_close(&p);
}

static void detach_once(struct end *e, struct postern_conn *c, enum end_event event)
{
	if (event == END_RECEIVED && e->offers == 1)
		*(int *)e->hook_data = postern_conn_detach(c);
}

static void a_detach_inside_received_ends_the_callbacks(void **state)
{
	struct pair p;
	int fd = -1;

	(void)state;
	pair_open(&p, NULL);
	p.end.take = 5;
	p.end.hook = detach_once;
	p.end.hook_data = &fd;
	pair_send(&p, "helloworld", 10);
	turn_quiet(p.loop);
	assert_int_equal(p.end.offers, 1);
	assert_ok(fd);
	close(fd);
	pair_close(&p);
}

static void a_connection_that_is_ending_is_not_detached(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_ok(postern_conn_close(p.c));
	assert_errno(postern_conn_detach(p.c), -ENOTCONN);
	turn_quiet(p.loop);
	assert_int_equal(p.end.closed, 1);
	pair_close(&p);

	pair_open(&p, NULL);
	assert_ok(postern_conn_abort(p.c));
	assert_errno(postern_conn_detach(p.c), -ENOTCONN);
	turn_quiet(p.loop);
	assert_end_closed(&p.end, POSTERN_REASON_ABORTED, 0);
	pair_close(&p);
}

/* ---- unasked descriptors: T1 ---- */

static ssize_t send_descriptors(int fd, const int *fds, size_t n, const char *bytes, size_t n_bytes)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(253 * sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = strdup(bytes), .iov_len = n_bytes };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	ssize_t r;

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, n * sizeof(int));
	r = sendmsg(fd, &msg, MSG_NOSIGNAL);
	free(iov.iov_base);
	return r;
}

static void t1_descriptors_that_a_peer_sends_unasked_are_dropped(void **state)
{
	int fds[253], ends[2], before, most = 0;
	struct pair p;
	size_t taken = 0;
	char byte;

	(void)state;
	pair_open(&p, NULL);
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	for (size_t i = 0; i < 253; i++)
		fds[i] = ends[1];
	before = test_fd_count();
	for (int i = 0; i < 50; i++) {
		size_t n = i % 2 ? 253 : (size_t)(1 + i);
		ssize_t r = send_descriptors(p.peer, fds, n, "bytes", 5);

		taken += r == 5 ? 5 : 0;
		turn(p.loop, 5);
		most = test_fd_count() > most ? test_fd_count() : most;
	}
	assert_true(taken > 0);
	turn_until(p.loop, p.end.n == taken);
	assert_int_equal(most, before);
	/* Nor does one hide in a queue: the pipe has no writer but ours. */
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	assert_int_equal(p.end.closed, 0);
	pair_close(&p);
}

static void t1_descriptors_that_nobody_reads_go_with_the_connection(void **state)
{
	struct pair p;
	int ends[2];
	char byte;

	(void)state;
	for (int way = 0; way < 3; way++) {
		pair_open(&p, NULL);
		assert_ok(postern_conn_pause(p.c));
		assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
		assert_int_equal(send_descriptors(p.peer, &ends[1], 1, "bytes", 5), 5);
		close(ends[1]);
		turn_quiet(p.loop);
		assert_int_equal(read(ends[0], &byte, 1), -1);
		if (way == 0)
			assert_ok(postern_conn_close(p.c));
		else if (way == 1)
			assert_ok(postern_conn_abort(p.c));
		else
			p.c = postern_conn_free(p.c);
		turn_quiet(p.loop);
		assert_int_equal(read(ends[0], &byte, 1), 0);
		close(ends[0]);
		pair_close(&p);
	}
}

/* ---- the peer ---- */

static void the_peers_credentials_are_those_of_its_process(void **state)
{
	struct postern_peer peer = { .uid = 1, .gid = 1, .pid = 1 };
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_ok(postern_conn_peer(p.c, &peer, sizeof(peer)));
	assert_int_equal(peer.uid, getuid());
	assert_int_equal(peer.gid, getgid());
	assert_int_equal(peer.pid, getpid());

	/* They stay known, for the log. */
	pair_close_peer(&p);
	turn_until(p.loop, p.end.closed);
	memset(&peer, 0xff, sizeof(peer));
	assert_ok(postern_conn_peer(p.c, &peer, sizeof(peer)));
	assert_int_equal(peer.pid, getpid());
	assert_errno(postern_conn_peer(NULL, &peer, sizeof(peer)), -EINVAL);
	assert_errno(postern_conn_peer(p.c, NULL, sizeof(peer)), -EINVAL);
	pair_close(&p);
}

static void the_peers_pidfd_is_of_its_process(void **state)
{
	char path[64], line[64] = "";
	int fd, pid = 0;
	struct pair p;
	FILE *info;

	(void)state;
	pair_open(&p, NULL);
	fd = postern_conn_peer_pidfd(p.c);
	if (fd == -ENOPROTOOPT) {
		pair_close(&p);
		test_skip("this kernel has no SO_PEERPIDFD");
	}
	assert_ok(fd);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "re");
	assert_non_null(info);
	while (pid == 0 && fgets(line, sizeof(line), info))
		if (strncmp(line, "Pid:", 4) == 0)
			pid = atoi(line + 4);
	fclose(info);
	assert_int_equal(pid, getpid());
	close(fd);
	assert_errno(postern_conn_peer_pidfd(NULL), -EINVAL);
	assert_ok(postern_conn_abort(p.c));
	turn_quiet(p.loop);
	assert_errno(postern_conn_peer_pidfd(p.c), -ESTALE);
	pair_close(&p);
}

static void the_peers_label_is_terminated_or_not_there(void **state)
{
	char label[256], tiny[1];
	struct pair p;
	ssize_t r;

	(void)state;
	pair_open(&p, NULL);
	assert_errno(postern_conn_peer_label(p.c, NULL, 1), -EINVAL);
	assert_errno(postern_conn_peer_label(p.c, label, 0), -EINVAL);
	assert_errno(postern_conn_peer_label(NULL, label, 1), -EINVAL);
	memset(label, 'x', sizeof(label));
	r = postern_conn_peer_label(p.c, label, sizeof(label));
	if (r < 0) {
		assert_errno(r, -ENOPROTOOPT);
	} else {
		test_note("the label is \"%s\"", label);
		assert_int_equal(strlen(label), r);
		if (r > 0)
			assert_errno(postern_conn_peer_label(p.c, tiny, 1), -ERANGE);
	}
	pair_close(&p);
}

/* ---- questions and arguments ---- */

static void data_and_events_can_be_changed(void **state)
{
	struct end other;
	struct pair p;
	int data;

	(void)state;
	end_init(&other);
	pair_open(&p, NULL);
	assert_ptr_equal(postern_conn_data(p.c), &p.end);
	assert_ok(postern_conn_set_data(p.c, &data));
	assert_ptr_equal(postern_conn_data(p.c), &data);
	assert_ok(postern_conn_set_events(p.c, &end_events, &other));
	assert_ptr_equal(postern_conn_data(p.c), &other);
	pair_send(&p, "hello", 5);
	turn_until(p.loop, other.n == 5);
	assert_int_equal(p.end.offers, 0);
	assert_null(postern_conn_server(p.c));
	pair_close(&p);
	end_deinit(&other);
}

static void arguments_that_cannot_be_right_are_einval(void **state)
{
	struct postern_conn_options options = { .size = sizeof(options), .idle_ns = -1 };
	struct postern_conn_events small = { .size = sizeof(small) - 1 };
	struct postern_conn_counters counters;
	struct postern_conn *c = NULL;
	struct pair p;
	int sv[2];

	(void)state;
	pair_open(&p, NULL);
	assert_errno(postern_conn_write(NULL, "x", 1), -EINVAL);
	assert_errno(postern_conn_write(p.c, NULL, 1), -EINVAL);
	assert_errno(postern_conn_write(p.c, "x", (size_t)SSIZE_MAX + 1), -EINVAL);
	assert_errno(postern_conn_flush(NULL), -EINVAL);
	assert_errno(postern_conn_pause(NULL), -EINVAL);
	assert_errno(postern_conn_resume(NULL), -EINVAL);
	assert_errno(postern_conn_shutdown(NULL), -EINVAL);
	assert_errno(postern_conn_close(NULL), -EINVAL);
	assert_errno(postern_conn_abort(NULL), -EINVAL);
	assert_errno(postern_conn_detach(NULL), -EINVAL);
	assert_errno(postern_conn_set_data(NULL, NULL), -EINVAL);
	assert_errno(postern_conn_set_events(NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_conn_set_events(p.c, NULL, NULL), -EINVAL);
	assert_errno(postern_conn_set_events(p.c, &small, NULL), -EINVAL);
	assert_errno(postern_conn_get_counters(NULL, &counters, sizeof(counters)), -EINVAL);
	assert_errno(postern_conn_get_counters(p.c, NULL, sizeof(counters)), -EINVAL);
	assert_errno(postern_conn_fd(NULL), -EINVAL);
	assert_int_equal(postern_conn_state(NULL), POSTERN_STATE_CLOSED);
	assert_int_equal(postern_conn_room(NULL), 0);
	assert_int_equal(postern_conn_queued(NULL), 0);
	assert_null(postern_conn_free(NULL));
	assert_null(postern_conn_keep(NULL));

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	assert_errno(postern_conn_adopt(NULL, p.loop, sv[0], NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_conn_adopt(&c, NULL, sv[0], NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_conn_adopt(&c, p.loop, sv[0], NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_conn_adopt(&c, p.loop, sv[0], NULL, &small, NULL), -EINVAL);
	assert_errno(postern_conn_adopt(&c, p.loop, sv[0], &options, &end_events, NULL), -EINVAL);
	options = (struct postern_conn_options){ .size = sizeof(options), .framing = 5 };
	assert_errno(postern_conn_adopt(&c, p.loop, sv[0], &options, &end_events, NULL), -EINVAL);
	options = (struct postern_conn_options){ .size = sizeof(options),
						 .high_water = 10,
						 .low_water = 11 };
	assert_errno(postern_conn_adopt(&c, p.loop, sv[0], &options, &end_events, NULL), -EINVAL);
	assert_null(c);
	close(sv[0]);
	close(sv[1]);
	pair_close(&p);
}

static void what_is_closed_says_enotconn(void **state)
{
	struct postern_conn_counters counters;
	struct iovec iov = { NULL, 0 };
	struct pair p;

	(void)state;
	for (int way = 0; way < 3; way++) {
		pair_open(&p, NULL);
		if (way == 0) {
			pair_close_peer(&p);
			turn_until(p.loop, p.end.closed);
		} else if (way == 1) {
			assert_ok(postern_conn_abort(p.c));
			turn_quiet(p.loop);
		} else {
			p.loop = postern_loop_free(p.loop);
		}
		assert_int_equal(p.end.closed, 1);
		assert_int_equal(postern_conn_state(p.c), POSTERN_STATE_CLOSED);
		assert_errno(postern_conn_write(p.c, "x", 1), -ESTALE);
		assert_errno(postern_conn_writev(p.c, &iov, 1), -ESTALE);
		assert_errno(postern_conn_flush(p.c), -ESTALE);
		assert_errno(postern_conn_pause(p.c), -ESTALE);
		assert_errno(postern_conn_resume(p.c), -ESTALE);
		assert_errno(postern_conn_shutdown(p.c), -ESTALE);
		assert_errno(postern_conn_close(p.c), -ESTALE);
		assert_errno(postern_conn_abort(p.c), -ESTALE);
		assert_errno(postern_conn_detach(p.c), -ESTALE);
		assert_errno(postern_conn_fd(p.c), -ESTALE);
		assert_errno(postern_conn_peer_pidfd(p.c), -ESTALE);
		assert_errno(postern_conn_peer_label(p.c, (char[8]){ 0 }, 8), -ESTALE);
		assert_int_equal(postern_conn_room(p.c), 0);
		assert_int_equal(postern_conn_queued(p.c), 0);
		assert_null(postern_conn_server(p.c));
		assert_true(postern_conn_why(p.c)->text[0] != '\0');
		assert_ok(postern_conn_get_counters(p.c, &counters, sizeof(counters)));
		assert_ok(postern_conn_set_data(p.c, NULL));
		pair_close(&p);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(what_is_no_connected_stream_socket_is_not_adopted),
		TEST(a_descriptor_is_adopted_once),
		TEST(a_blocking_socket_stays_blocking_and_never_blocks_the_loop),
		TEST(a_detached_socket_goes_on_outside),
		TEST(nothing_is_lost_by_a_detach),
		TEST(a_detach_inside_received_ends_the_callbacks),
		TEST(a_connection_that_is_ending_is_not_detached),
		TEST(t1_descriptors_that_a_peer_sends_unasked_are_dropped),
		TEST(t1_descriptors_that_nobody_reads_go_with_the_connection),
		TEST(the_peers_credentials_are_those_of_its_process),
		TEST(the_peers_pidfd_is_of_its_process),
		TEST(the_peers_label_is_terminated_or_not_there),
		TEST(data_and_events_can_be_changed),
		TEST(arguments_that_cannot_be_right_are_einval),
		TEST(what_is_closed_says_enotconn),
	};
	return test_run(tests);
}
