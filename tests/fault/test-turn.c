/* SPDX-License-Identifier: Apache-2.0 */
/* test-turn.c - posts, stopping, embedding in another loop, forked children: what happens around a turn */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <postern.h>
#include <postern/client.h>
#include <postern/conn.h>
#include <postern/loop.h>
#include <postern/server.h>

#include "fault.h"

static int loop_setup(void **state)
{
	struct postern_loop *loop;

	fault_reset();
	assert_ok(postern_loop_new(&loop));
	*state = loop;
	return 0;
}

static int loop_finish(void **state)
{
	postern_loop_free(*state);
	assert_int_equal(fault_memory(), 0);
	return 0;
}

#define LOOP_TEST(name) TEST_WITH(name, loop_setup, loop_finish)

static bool is_readable(const struct postern_loop *loop)
{
	struct pollfd p = { .fd = postern_loop_fd(loop), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* What an embedding loop does: turns as long as the descriptor is readable. Returns how many. */
static int turns_until_idle(struct postern_loop *loop)
{
	int turns = 0;

	while (is_readable(loop) && turns < 1000) {
		assert_ok(postern_loop_dispatch(loop, 0));
		turns++;
	}
	return turns;
}

/* ---- posts ---- */

enum { POSTERS = 4, POSTS = 20000 };

static struct poster {
	struct postern_loop *loop;
	pthread_t thread;
	int id, next;
	struct post_box {
		struct poster *poster;
		int n;
	} boxes[POSTS];
} posters[POSTERS];

static int posts_run;

static void post_arrives(struct postern_loop *loop, void *data)
{
	struct post_box *box = data;

	assert_non_null(loop);
	assert_int_equal(box->n, box->poster->next);
	box->poster->next++;
	if (++posts_run == POSTERS * POSTS)
		postern_loop_stop(loop);
}

static void *poster_main(void *data)
{
	struct poster *p = data;

	for (int i = 0; i < POSTS; i++) {
		int r;

		p->boxes[i].poster = p;
		p->boxes[i].n = i;
		while ((r = postern_loop_post(p->loop, post_arrives, &p->boxes[i])) == -EAGAIN)
			test_sleep_ms(1);
		if (r < 0)
			abort();
	}
	return NULL;
}

static void posts_from_several_threads_arrive_once_and_in_order(void **state)
{
	posts_run = 0;
	memset(posters, 0, sizeof posters);
	for (int i = 0; i < POSTERS; i++) {
		posters[i].loop = *state;
		assert_int_equal(pthread_create(&posters[i].thread, NULL, poster_main, &posters[i]),
				 0);
	}
	assert_ok(postern_loop_run(*state));
	for (int i = 0; i < POSTERS; i++) {
		pthread_join(posters[i].thread, NULL);
		assert_int_equal(posters[i].next, POSTS);
	}
}

static int post_calls, post_orphans;

static void post_counts(struct postern_loop *loop, void *data)
{
	(void)data;
	post_calls += loop != NULL;
	post_orphans += loop == NULL;
}

static void posts_are_limited_and_a_turn_runs_its_share(void **state)
{
	post_calls = post_orphans = 0;
	for (int i = 0; i < 65536; i++)
		assert_ok(postern_loop_post(*state, post_counts, NULL));
	assert_errno(postern_loop_post(*state, post_counts, NULL), -EAGAIN);
	assert_ok(postern_loop_dispatch(*state, 0));
	assert_in_range(post_calls, 1, 4096);
	assert_ok(postern_loop_post(*state, post_counts, NULL));
	assert_in_range(turns_until_idle(*state), 16, 128);
	assert_int_equal(post_calls, 65537);
}

static void posts_that_wait_when_the_loop_is_freed_are_called_without_a_loop(void **state)
{
	struct postern_loop *loop;

	(void)state;
	fault_reset();
	post_calls = post_orphans = 0;
	assert_ok(postern_loop_new(&loop));
	for (int i = 0; i < 100; i++)
		assert_ok(postern_loop_post(loop, post_counts, NULL));
	postern_loop_free(loop);
	assert_int_equal(post_calls, 0);
	assert_int_equal(post_orphans, 100);
	assert_int_equal(fault_memory(), 0);
}

static void post_again(struct postern_loop *loop, void *data)
{
	int *n = data;

	++*n;
	if (loop)
		assert_ok(postern_loop_post(loop, post_again, n));
}

static void timer_counts(struct postern_timer *t, void *data)
{
	(void)t;
	++*(int *)data;
}

static void a_post_that_posts_itself_starves_nobody(void **state)
{
	struct postern_timer *t;
	static int n; /* the last post is called when the loop is freed */
	int ticks = 0;

	n = 0;
	assert_ok(postern_timer_new(&t, *state, timer_counts, &ticks));
	assert_ok(postern_timer_set(t, 1));
	assert_ok(postern_loop_post(*state, post_again, &n));
	test_sleep_ms(2);
	for (int turn = 1; turn <= 10; turn++) {
		assert_true(is_readable(*state));
		assert_ok(postern_loop_dispatch(*state, 0));
		assert_int_equal(n, turn);
	}
	assert_int_equal(ticks, 1);
	postern_timer_free(t);
}

/* ---- stopping ---- */

static void *stop_main(void *data)
{
	test_sleep_ms(20);
	postern_loop_stop(data);
	return NULL;
}

static void a_stop_before_the_run_makes_that_run_return(void **state)
{
	postern_loop_stop(*state);
	assert_ok(postern_loop_run(*state));
	postern_loop_stop(*state);
	postern_loop_stop(*state); /* one run for both */
	assert_ok(postern_loop_run(*state));
	turns_until_idle(*state);
	assert_false(is_readable(*state));
}

static void another_thread_stops_the_run(void **state)
{
	for (int i = 0; i < 3; i++) {
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, stop_main, *state), 0);
		assert_ok(postern_loop_run(*state));
		pthread_join(thread, NULL);
	}
}

static struct postern_loop *signal_loop;
static pthread_t signal_thread;

static void signal_stops(int sig)
{
	int saved = errno;

	(void)sig;
	errno = 4711;
	postern_loop_stop(signal_loop);
	if (errno != 4711)
		abort();
	errno = saved;
}

static void *signal_main(void *data)
{
	(void)data;
	test_sleep_ms(20);
	pthread_kill(signal_thread, SIGUSR1);
	return NULL;
}

static void a_signal_handler_stops_the_run(void **state)
{
	struct sigaction action = { .sa_handler = signal_stops, .sa_flags = SA_RESTART }, old;
	pthread_t thread;

	signal_loop = *state;
	signal_thread = pthread_self();
	sigaction(SIGUSR1, &action, &old);
	assert_int_equal(pthread_create(&thread, NULL, signal_main, NULL), 0);
	assert_ok(postern_loop_run(*state));
	pthread_join(thread, NULL);
	raise(SIGUSR1);
	assert_ok(postern_loop_run(*state));
	sigaction(SIGUSR1, &old, NULL);
}

static void post_waits(struct postern_loop *loop, void *data)
{
	++*(int *)data;
	assert_errno(postern_loop_run(loop), -EDEADLK);
	assert_errno(postern_loop_dispatch(loop, 0), -EDEADLK);
	postern_loop_stop(loop);
}

static void waiting_inside_a_callback_is_a_deadlock_and_says_so(void **state)
{
	int n = 0;

	assert_ok(postern_loop_post(*state, post_waits, &n));
	assert_ok(postern_loop_run(*state));
	assert_int_equal(n, 1);
}

static void arguments_that_cannot_be_right_are_refused(void **state)
{
	assert_errno(postern_loop_new(NULL), -EINVAL);
	assert_errno(postern_loop_run(NULL), -EINVAL);
	assert_errno(postern_loop_dispatch(NULL, 0), -EINVAL);
	assert_errno(postern_loop_fd(NULL), -EINVAL);
	assert_errno(postern_loop_post(NULL, post_counts, NULL), -EINVAL);
	assert_errno(postern_loop_post(*state, NULL, NULL), -EINVAL);
	postern_loop_stop(NULL);
	assert_non_null(postern_why()->text);
}

/* ---- embedding ---- */

static size_t conn_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	(void)c, (void)bytes;
	*(size_t *)data += n;
	return n;
}

static const struct postern_conn_events conn_events = { .size = sizeof conn_events,
							.received = conn_received };

static void pending_work_makes_the_descriptor_readable(void **state)
{
	struct postern_timer *t;
	int n = 0;

	assert_false(is_readable(*state));
	post_calls = 0;
	assert_ok(postern_loop_post(*state, post_counts, NULL));
	assert_true(is_readable(*state));
	assert_in_range(turns_until_idle(*state), 1, 3);
	assert_int_equal(post_calls, 1);
	assert_ok(postern_timer_new(&t, *state, timer_counts, &n));
	assert_ok(postern_timer_set(t, POSTERN_SECONDS(1000)));
	assert_false(is_readable(*state));
	assert_ok(postern_timer_set(t, 0));
	test_sleep_ms(2);
	assert_true(is_readable(*state));
	assert_in_range(turns_until_idle(*state), 1, 3);
	assert_int_equal(n, 1);
	postern_timer_free(t);
}

static void a_write_outside_dispatch_is_announced_and_sent(void **state)
{
	struct postern_conn *c;
	size_t received = 0;
	char bytes[8];
	int fds[2];

	assert_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	assert_ok(postern_conn_adopt(&c, *state, fds[0], NULL, &conn_events, &received));
	turns_until_idle(*state);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(postern_conn_write(c, "hello", 5), 5);
		assert_true(is_readable(*state));
		assert_in_range(turns_until_idle(*state), 1, 2);
		assert_int_equal(recv(fds[1], bytes, sizeof bytes, MSG_DONTWAIT), 5);
	}
	assert_int_equal(send(fds[1], "x", 1, MSG_NOSIGNAL), 1);
	assert_in_range(turns_until_idle(*state), 1, 2);
	assert_int_equal(received, 1);
	/* Paused, the peer sends and hangs up: nothing to do until it is resumed, so no spinning. */
	assert_ok(postern_conn_pause(c));
	assert_int_equal(send(fds[1], "yz", 2, MSG_NOSIGNAL), 2);
	close(fds[1]);
	assert_in_range(turns_until_idle(*state), 0, 4);
	assert_int_equal(received, 1);
	assert_ok(postern_conn_resume(c));
	assert_in_range(turns_until_idle(*state), 1, 4);
	assert_int_equal(received, 3);
	assert_int_equal(postern_conn_state(c), POSTERN_STATE_CLOSED);
	assert_int_equal(postern_conn_why(c)->code, POSTERN_REASON_ENDED);
	postern_conn_free(c);
}

static void post_writes(struct postern_loop *loop, void *data)
{
	(void)loop;
	assert_int_equal(postern_conn_write(data, "late", 4), 4);
}

/* What a run leaves undone when it is stopped, it announces. */
static void work_left_by_a_stopped_run_is_announced(void **state)
{
	struct postern_conn *c;
	size_t received = 0;
	char bytes[8];
	int fds[2];

	assert_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	assert_ok(postern_conn_adopt(&c, *state, fds[0], NULL, &conn_events, &received));
	assert_ok(postern_loop_post(*state, post_writes, c));
	postern_loop_stop(*state);
	assert_ok(postern_loop_run(*state));
	assert_int_equal(recv(fds[1], bytes, sizeof bytes, MSG_DONTWAIT), -1);
	assert_true(is_readable(*state));
	turns_until_idle(*state);
	assert_int_equal(recv(fds[1], bytes, sizeof bytes, MSG_DONTWAIT), 4);
	postern_conn_free(c);
	close(fds[1]);
}

enum { CROWD = 200 };

static void watch_counts(struct postern_watch *w, uint64_t happened, void *data)
{
	(void)w, (void)happened;
	++*(int *)data;
}

static void a_turn_serves_a_bounded_number_and_nobody_is_left_out(void **state)
{
	struct postern_watch *w[CROWD];
	int n[CROWD] = { 0 }, fds[2], copies[CROWD], served = 0;

	assert_ok(pipe2(fds, O_CLOEXEC));
	assert_int_equal(write(fds[1], "x", 1), 1);
	for (int i = 0; i < CROWD; i++) {
		copies[i] = dup(fds[0]);
		assert_ok(postern_watch_new(&w[i], *state, copies[i], POSTERN_WATCH_READABLE,
					    watch_counts, &n[i]));
	}
	for (int turn = 0; turn < 8; turn++)
		assert_in_range(postern_loop_dispatch(*state, 0), 1, 64);
	for (int i = 0; i < CROWD; i++) {
		assert_in_range(n[i], 1, 4);
		served += n[i];
		postern_watch_free(w[i]);
		close(copies[i]);
	}
	test_note("8 turns gave %d calls to %d busy descriptors", served, CROWD);
	close(fds[0]);
	close(fds[1]);
}

static void an_idle_loop_makes_no_wake_ups(void **state)
{
	struct postern_conn *c;
	struct postern_timer *t;
	size_t received = 0;
	int fds[2], n = 0;

	assert_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	assert_ok(postern_conn_adopt(&c, *state, fds[0], NULL, &conn_events, &received));
	assert_ok(postern_timer_new(&t, *state, timer_counts, &n));
	assert_ok(postern_timer_set(t, POSTERN_SECONDS(1000)));
	turns_until_idle(*state);
	fault_count_reset();
	assert_int_equal(postern_loop_dispatch(*state, POSTERN_MS(200)), 0);
	assert_int_equal(fault_count(FAULT_epoll_wait), 1);
	assert_int_equal(fault_count_kernel(), 1);
	assert_int_equal(
		poll(&(struct pollfd){ .fd = postern_loop_fd(*state), .events = POLLIN }, 1, 200),
		0);
	postern_timer_free(t);
	postern_conn_free(c);
	close(fds[1]);
}

/* ---- what a message costs ---- */

static size_t ball_back(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	++*(int *)data;
	assert_int_equal(postern_conn_write(c, bytes, n), n);
	return n;
}

static const struct postern_conn_events ball_events = { .size = sizeof ball_events,
							.received = ball_back };

/* Two loops, so that each end is counted as a program of its own would be. */
static void a_round_trip_costs_three_system_calls_an_end_and_no_memory(void **state)
{
	enum { TRIPS = 1000 };
	struct postern_conn *c[2];
	struct postern_loop *other;
	char ball[64] = { 0 };
	int n[2] = { 0 }, fds[2];

	assert_ok(postern_loop_new(&other));
	assert_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	assert_ok(postern_conn_adopt(&c[0], *state, fds[0], NULL, &ball_events, &n[0]));
	assert_ok(postern_conn_adopt(&c[1], other, fds[1], NULL, &ball_events, &n[1]));
	assert_int_equal(postern_conn_write(c[0], ball, sizeof ball), sizeof ball);
	for (int i = 0; i < 10 + TRIPS; i++) {
		if (i == 10) {
			fault_count_reset();
			n[0] = n[1] = 0;
		}
		assert_ok(postern_loop_dispatch(*state, 0));
		assert_ok(postern_loop_dispatch(other, 0));
	}
	assert_int_equal(n[0], TRIPS);
	assert_int_equal(n[1], TRIPS);
	assert_int_equal(fault_count(FAULT_epoll_wait), 2 * TRIPS);
	assert_int_equal(fault_count(FAULT_recv) + fault_count(FAULT_recvmsg), 2 * TRIPS);
	assert_int_equal(fault_count(FAULT_send), 2 * TRIPS);
	assert_int_equal(fault_count_kernel(), 6 * TRIPS);
	assert_int_equal(fault_count(FAULT_alloc) + fault_count(FAULT_realloc), 0);
	assert_int_equal(fault_count(FAULT_free), 0);
	test_note("%d round trips: %llu system calls, %llu clock readings", TRIPS,
		  (unsigned long long)fault_count_kernel(),
		  (unsigned long long)fault_count(FAULT_now));
	postern_conn_free(c[0]);
	postern_conn_free(c[1]);
	postern_loop_free(other);
}

/* A client's loop is turned by the client alone: nobody has to be woken. */
static void a_round_of_a_client_costs_three_system_calls_and_no_memory(void **state)
{
	enum { ROUNDS = 1000 };
	struct postern_client *c;
	char ball[64] = { 0 };
	int fds[2];

	(void)state;
	assert_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	assert_ok(postern_client_adopt(&c, fds[0], NULL));
	for (int i = 0; i < 10 + ROUNDS; i++) {
		if (i == 10)
			fault_count_reset();
		assert_ok(postern_client_write(c, ball, sizeof ball, POSTERN_SECONDS(5)));
		assert_int_equal(recv(fds[1], ball, sizeof ball, 0), sizeof ball);
		assert_int_equal(send(fds[1], ball, sizeof ball, MSG_NOSIGNAL), sizeof ball);
		assert_ok(postern_client_read_exactly(c, ball, sizeof ball, POSTERN_SECONDS(5)));
	}
	assert_int_equal(fault_count(FAULT_epoll_wait), ROUNDS);
	assert_int_equal(fault_count(FAULT_recv) + fault_count(FAULT_recvmsg), ROUNDS);
	assert_int_equal(fault_count(FAULT_send), ROUNDS);
	assert_int_equal(fault_count_kernel(), 3 * ROUNDS);
	assert_int_equal(fault_count(FAULT_alloc) + fault_count(FAULT_realloc), 0);
	assert_int_equal(fault_count(FAULT_free), 0);
	postern_client_free(c);
	close(fds[1]);
}

/* Without the note that the socket is full, each turn would ask it once more, to hear EAGAIN. */
static void a_send_that_fell_short_is_not_tried_again_before_the_peer_reads(void **state)
{
	static char big[256 * 1024];
	struct postern_conn_options options = { .size = sizeof options, .high_water = sizeof big };
	const struct postern_conn_events events = { .size = sizeof events };
	struct postern_conn *c;
	int fds[2], small = 4096;

	assert_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	assert_ok(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
	assert_ok(postern_conn_adopt(&c, *state, fds[0], &options, &events, NULL));
	assert_int_equal(postern_conn_write(c, big, sizeof big), sizeof big);
	fault_count_reset();
	for (int i = 0; i < 5; i++)
		assert_ok(postern_loop_dispatch(*state, 0));
	assert_int_equal(fault_count(FAULT_send) + fault_count(FAULT_sendmsg), 1);
	assert_true(postern_conn_queued(c) > 0);
	postern_conn_free(c);
	close(fds[1]);
}

/* ---- fork ---- */

struct forked {
	struct postern_loop *loop;
	struct postern_server *server;
	struct postern_conn *client, *accepted;
	struct postern_timer *timer;
	struct postern_watch *watch;
	struct postern_child *child;
	size_t received;
	int pipe[2];
	pid_t pid;
};

static void forked_accepted(struct postern_server *s, struct postern_conn *c, void *data)
{
	struct forked *f = data;

	(void)s;
	f->accepted = postern_conn_keep(c);
	assert_ok(postern_conn_set_data(c, &f->received));
}

static void forked_child_ended(struct postern_child *child, int how, int status, void *data)
{
	(void)child, (void)how, (void)status, (void)data;
}

/* valgrind 3.19 does not know pidfd_open(). */
static void need_pidfd(void)
{
	int fd = sys_pidfd_open(getpid());

	if (fd == -ENOSYS)
		test_skip("no pidfd_open() here");
	close(fd);
}

static void forked_make(struct forked *f)
{
	static const struct postern_server_events events = { .size = sizeof events,
							     .conn = &conn_events,
							     .accepted = forked_accepted };

	need_pidfd();
	memset(f, 0, sizeof *f);
	fault_reset();
	f->pid = fork();
	if (f->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_ok(pipe2(f->pipe, O_CLOEXEC));
	assert_ok(postern_loop_new(&f->loop));
	assert_ok(postern_server_new(&f->server, f->loop, "forked", NULL, &events, f));
	assert_ok(postern_connect(&f->client, f->loop, "forked", NULL, &conn_events, &f->received));
	for (int i = 0; i < 100 && !f->accepted; i++)
		assert_ok(postern_loop_dispatch(f->loop, POSTERN_MS(100)));
	assert_non_null(f->accepted);
	assert_ok(postern_timer_new(&f->timer, f->loop, timer_counts, NULL));
	assert_ok(postern_watch_new(&f->watch, f->loop, f->pipe[0], 0, watch_counts, NULL));
	assert_ok(postern_child_new(&f->child, f->loop, f->pid, forked_child_ended, NULL));
}

static void forked_free(struct forked *f, bool loop_first)
{
	if (loop_first)
		f->loop = postern_loop_free(f->loop);
	f->server = postern_server_free(f->server);
	f->client = postern_conn_free(f->client);
	f->accepted = postern_conn_free(f->accepted);
	f->timer = postern_timer_free(f->timer);
	f->watch = postern_watch_free(f->watch);
	f->child = postern_child_free(f->child);
	postern_loop_free(f->loop);
}

static void forked_calls_of_the_loop(struct forked *f)
{
	static const struct postern_server_events server_events = { .size = sizeof server_events };
	struct postern_server *s;
	struct postern_conn *c;
	struct postern_timer *t;
	struct postern_watch *w;
	struct postern_child *child;

	assert_errno(postern_loop_run(f->loop), -ECHILD);
	assert_errno(postern_loop_dispatch(f->loop, 0), -ECHILD);
	assert_errno(postern_loop_fd(f->loop), -ECHILD);
	assert_errno(postern_loop_post(f->loop, post_counts, NULL), -ECHILD);
	assert_errno(postern_loop_set_log(f->loop, NULL, NULL), -ECHILD);
	postern_loop_stop(f->loop);
	assert_errno(postern_server_new(&s, f->loop, "other", NULL, &server_events, NULL), -ECHILD);
	assert_errno(postern_connect(&c, f->loop, "forked", NULL, &conn_events, NULL), -ECHILD);
	assert_errno(postern_conn_adopt(&c, f->loop, 0, NULL, &conn_events, NULL), -ECHILD);
	assert_errno(postern_timer_new(&t, f->loop, timer_counts, NULL), -ECHILD);
	assert_errno(postern_watch_new(&w, f->loop, f->pipe[1], 1, watch_counts, NULL), -ECHILD);
	assert_errno(postern_child_new(&child, f->loop, f->pid, forked_child_ended, NULL), -ECHILD);
	assert_errno(postern_timer_set(f->timer, 1), -ECHILD);
	assert_errno(postern_timer_set_periodic(f->timer, 1), -ECHILD);
	assert_errno(postern_timer_cancel(f->timer), -ECHILD);
	assert_errno(postern_watch_set(f->watch, POSTERN_WATCH_READABLE), -ECHILD);
	assert_errno(postern_child_kill(f->child, SIGKILL), -ECHILD);
}

static void forked_calls_of_connections(struct forked *f)
{
	struct postern_conn *both[2] = { f->client, f->accepted };
	struct iovec iov = { (char[1]){ 0 }, 1 };

	for (int i = 0; i < 2; i++) {
		struct postern_conn *c = both[i];

		assert_errno(postern_conn_write(c, "x", 1), -ECHILD);
		assert_errno(postern_conn_writev(c, &iov, 1), -ECHILD);
		assert_int_equal(postern_conn_room(c), 0);
		assert_errno(postern_conn_flush(c), -ECHILD);
		assert_errno(postern_conn_pause(c), -ECHILD);
		assert_errno(postern_conn_resume(c), -ECHILD);
		assert_errno(postern_conn_shutdown(c), -ECHILD);
		assert_errno(postern_conn_close(c), -ECHILD);
		assert_errno(postern_conn_abort(c), -ECHILD);
		assert_errno(postern_conn_detach(c), -ECHILD);
	}
	assert_errno(postern_server_stop(f->server), -ECHILD);
	assert_errno(postern_server_drain(f->server, 0), -ECHILD);
}

static int forked_child(void *arg)
{
	struct forked *f = arg;

	forked_calls_of_the_loop(f);
	forked_calls_of_connections(f);
	return 0;
}

static int forked_child_frees(void *arg)
{
	forked_free(arg, false);
	return 0;
}

static int forked_child_frees_the_loop_first(void *arg)
{
	forked_free(arg, true);
	return 0;
}

/* Law 6: nothing works in the child, and nothing that the child does is felt in the parent. */
static void pain_16_in_a_forked_child_every_call_says_so_and_the_parent_goes_on(void **state)
{
	static int (*const children[])(void *) = { forked_child, forked_child_frees,
						   forked_child_frees_the_loop_first };
	struct forked f;

	(void)state;
	forked_make(&f);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(test_fork(children[i], &f), 0);
		f.received = 0;
		assert_int_equal(postern_conn_write(f.client, "still", 5), 5);
		for (int turn = 0; turn < 50 && f.received < 5; turn++)
			assert_ok(postern_loop_dispatch(f.loop, POSTERN_MS(20)));
		assert_int_equal(f.received, 5);
		assert_ok(access(postern_server_path(f.server), F_OK));
	}
	assert_ok(kill(f.pid, 0));
	forked_free(&f, false);
	kill(f.pid, SIGKILL);
	waitpid(f.pid, NULL, 0);
	close(f.pipe[0]);
	close(f.pipe[1]);
	assert_int_equal(fault_memory(), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LOOP_TEST(posts_from_several_threads_arrive_once_and_in_order),
		LOOP_TEST(posts_are_limited_and_a_turn_runs_its_share),
		TEST(posts_that_wait_when_the_loop_is_freed_are_called_without_a_loop),
		LOOP_TEST(a_post_that_posts_itself_starves_nobody),
		LOOP_TEST(a_stop_before_the_run_makes_that_run_return),
		LOOP_TEST(another_thread_stops_the_run),
		LOOP_TEST(a_signal_handler_stops_the_run),
		LOOP_TEST(waiting_inside_a_callback_is_a_deadlock_and_says_so),
		LOOP_TEST(arguments_that_cannot_be_right_are_refused),
		LOOP_TEST(pending_work_makes_the_descriptor_readable),
		LOOP_TEST(a_write_outside_dispatch_is_announced_and_sent),
		LOOP_TEST(work_left_by_a_stopped_run_is_announced),
		LOOP_TEST(a_turn_serves_a_bounded_number_and_nobody_is_left_out),
		LOOP_TEST(an_idle_loop_makes_no_wake_ups),
		LOOP_TEST(a_round_trip_costs_three_system_calls_an_end_and_no_memory),
		LOOP_TEST(a_round_of_a_client_costs_three_system_calls_and_no_memory),
		LOOP_TEST(a_send_that_fell_short_is_not_tried_again_before_the_peer_reads),
		TEST(pain_16_in_a_forked_child_every_call_says_so_and_the_parent_goes_on),
	};

	fault_reset();
	return test_run(tests);
}
