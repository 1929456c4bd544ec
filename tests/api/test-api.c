/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library as a program outside of it sees it: public headers only, linked with the shared library. Every
 * exported function is called here and in the files test-api-*.c beside, with sense and without; test-headers.py
 * compares the list with what libpostern.so exports.
 */
#pragma GCC diagnostic push
/* What the compiler would put between the fields of a public struct is to be a field with a name. */
#pragma GCC diagnostic error "-Wpadded"
#include <postern.h>
#include <postern/client.h>
#include <postern/conn.h>
#include <postern/frame.h>
#include <postern/loop.h>
#include <postern/name.h>
#include <postern/server.h>
#include <postern/thread.h>
#pragma GCC diagnostic pop

#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- used as meant ---- */

static void version_and_reasons_have_words(void **state)
{
	(void)state;
	assert_string_equal(postern_version(), POSTERN_VERSION);
	for (int code = POSTERN_REASON_ENDED; code <= POSTERN_REASON_FAILED; code++)
		assert_true(strlen(postern_reason_text(code)) > 3);
}

static void world_stop(struct postern_loop *loop, void *data)
{
	(void)data;
	assert_errno(postern_loop_run(loop), -EDEADLK);
	assert_errno(postern_loop_dispatch(loop, 0), -EDEADLK);
	postern_loop_stop(loop);
}

static void a_loop_runs_posts_and_stops(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
	assert_ok(postern_loop_set_log(w.loop, world_log, &w));
	assert_ok(postern_loop_set_busy_poll(w.loop, 50000));
	assert_in_range(postern_loop_fd(w.loop), 0, 65536);
	assert_ok(postern_loop_post(w.loop, world_post, &w));
	assert_ok(postern_loop_post(w.loop, world_stop, NULL));
	assert_int_equal(postern_loop_run(w.loop), 0);
	assert_int_equal(w.posted, 1);
	assert_int_equal(postern_why()->code, 0);
	world_end(&w);
}

/* ---- posts from threads that each wait for their own: a wake-up that is lost leaves all of them waiting ---- */

enum { POSTERS = 3, POSTS = 40000 };

struct poster {
	struct postern_loop *loop;
	pthread_t thread;
	int posts;
	atomic_int run;
	atomic_bool *given_up;
	atomic_int *left;
};

static void poster_run(struct postern_loop *loop, void *data)
{
	struct poster *p = data;

	if (atomic_fetch_add(&p->run, 1) + 1 == p->posts && atomic_fetch_sub(p->left, 1) == 1)
		postern_loop_stop(loop);
}

static void *poster_main(void *data)
{
	struct poster *p = data;

	for (int i = 0; i < p->posts && !atomic_load(p->given_up); i++) {
		if (postern_loop_post(p->loop, poster_run, p) < 0)
			abort();
		while (atomic_load(&p->run) == i && !atomic_load(p->given_up))
			sched_yield();
	}
	return NULL;
}

static void posters_give_up(struct postern_timer *t, void *data)
{
	struct poster *p = data;

	(void)t;
	atomic_store(p->given_up, true);
	postern_loop_stop(p->loop);
}

static void no_post_is_left_behind_while_the_loop_sleeps(void **state)
{
	struct poster posters[POSTERS];
	struct postern_loop *loop = NULL;
	struct postern_timer *t = NULL;
	atomic_bool given_up = false;
	atomic_int left = POSTERS;

	(void)state;
	assert_ok(postern_loop_new(&loop));
	for (int i = 0; i < POSTERS; i++)
		posters[i] = (struct poster){ .loop = loop,
					      .posts = POSTS / test_scale(),
					      .given_up = &given_up,
					      .left = &left };
	assert_ok(postern_timer_new(&t, loop, posters_give_up, &posters[0]));
	assert_ok(postern_timer_set(t, test_patience_ns()));
	for (int i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_create(&posters[i].thread, NULL, poster_main, &posters[i]),
				 0);
	assert_int_equal(postern_loop_run(loop), 0);
	for (int i = 0; i < POSTERS; i++)
		pthread_join(posters[i].thread, NULL);
	postern_timer_free(t);
	postern_loop_free(loop);
	assert_false(atomic_load(&given_up));
}

static int sleep_long(void *arg)
{
	(void)arg;
	test_sleep_ms(60000);
	return 0;
}

static void timers_and_descriptors_tell(void **state)
{
	struct ticks k = { 0 };
	struct world w;
	int pipes[2];

	(void)state;
	world_begin(&w);
	assert_ok(postern_timer_new(&k.timer, w.loop, ticks_fire, &k));
	assert_ok(postern_timer_set(k.timer, POSTERN_MS(1)));
	UNTIL(&w, k.fired == 1);
	assert_true(k.late_ns >= 0);
	assert_ok(postern_timer_set_periodic(k.timer, POSTERN_MS(1)));
	UNTIL(&w, k.fired == 4);
	assert_ok(postern_timer_cancel(k.timer));

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_ok(postern_watch_new(&k.watch, w.loop, pipes[0], POSTERN_WATCH_READABLE, ticks_ready,
				    &k));
	assert_int_equal(write(pipes[1], "x", 1), 1);
	UNTIL(&w, k.readable == 1);
	assert_null(postern_watch_free(k.watch));
	close(pipes[0]);
	close(pipes[1]);

	assert_null(postern_timer_free(k.timer));
	assert_int_equal(k.fired, 4);
	world_end(&w);
}

/* valgrind 3.19 does not know pidfd_open(). */
static bool world_has_children(struct world *w)
{
	struct postern_child *child = NULL;
	int r = postern_child_new(&child, w->loop, getpid(), ticks_exit, NULL);

	postern_child_free(child);
	return r != -ENOSYS;
}

static void counts_signals(struct postern_signal *s, int sig, void *data)
{
	(void)s;
	*(int *)data += sig == SIGUSR1;
}

static void a_signal_is_an_event_until_it_is_freed(void **state)
{
	struct postern_signal *s = NULL;
	struct postern_loop *loop;
	int n = 0;

	(void)state;
	assert_ok(postern_loop_new(&loop));
	assert_ok(postern_signal_new(&s, loop, SIGUSR1, counts_signals, &n));
	raise(SIGUSR1);
	assert_int_equal(n, 0);
	assert_true(postern_loop_dispatch(loop, 0) > 0);
	assert_int_equal(n, 1);
	assert_null(postern_signal_free(s));
	postern_loop_free(loop);
}

static void a_child_process_tells_how_it_ended(void **state)
{
	struct postern_child *child = NULL;
	struct ticks k = { 0 };
	struct world w;

	(void)state;
	world_begin(&w);
	if (!world_has_children(&w)) {
		world_end(&w);
		test_skip("there is no pidfd_open() here");
	}
	assert_errno(postern_child_new(&child, w.loop, INT_MAX, ticks_exit, NULL), -ESRCH);
	assert_null(child);
	assert_ok(postern_child_new(&child, w.loop, test_fork_start(sleep_long, NULL), ticks_exit,
				    &k));
	assert_ok(postern_child_kill(child, SIGKILL));
	UNTIL(&w, k.exited == 1);
	assert_int_equal(k.how, CLD_KILLED);
	assert_int_equal(k.status, SIGKILL);
	assert_errno(postern_child_kill(child, SIGKILL), -ESRCH);
	assert_null(postern_child_free(child));
	world_end(&w);
}

static void bytes_go_both_ways_and_are_counted(void **state)
{
	struct iovec iov[2] = { { (char *)"gather", 6 }, { (char *)"ed", 2 } };
	struct postern_conn_counters counters;
	struct world w;
	void *at;

	(void)state;
	world_begin(&w);
	world_connect(&w);
	assert_int_equal(postern_conn_write(w.client.conn, "hello", 5), 5);
	assert_int_equal(postern_conn_queued(w.client.conn), 5);
	assert_int_equal(postern_conn_flush(w.client.conn), 0);
	UNTIL(&w, w.accepted.received == 5);
	assert_string_equal(w.accepted.last, "hello");
	assert_int_equal(postern_conn_writev(w.accepted.conn, iov, 2), 8);
	UNTIL(&w, w.client.received == 8);
	assert_string_equal(w.client.last, "gathered");
	assert_true(postern_conn_room(w.client.conn) > 1024);
	assert_true(postern_conn_reserve(w.accepted.conn, 0, 8, &at) >= 8);
	memcpy(at, "in place", 8);
	assert_ok(postern_conn_commit(w.accepted.conn, 8));
	UNTIL(&w, w.client.received == 16);
	assert_string_equal(w.client.last, "in place");

	assert_ok(postern_conn_get_counters(w.client.conn, &counters, sizeof(counters)));
	assert_int_equal(counters.sent, 5);
	assert_int_equal(counters.received, 16);
	assert_int_equal(counters.attempts, 1);
	assert_int_equal(counters.unread, 0);
	assert_true(counters.connected_ns > 0 && counters.connected_ns <= postern_now());

	assert_ok(postern_conn_pause(w.accepted.conn));
	assert_int_equal(postern_conn_write(w.client.conn, "later", 5), 5);
	for (int i = 0; i < 5; i++)
		assert_ok(postern_loop_dispatch(w.loop, POSTERN_MS(1)));
	assert_int_equal(w.accepted.received, 5);
	assert_ok(postern_conn_resume(w.accepted.conn));
	UNTIL(&w, w.accepted.received == 10);
	world_end(&w);
}

static void an_end_is_told_once_and_with_its_reason(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
	world_connect(&w);
	assert_ok(postern_conn_shutdown(w.client.conn));
	UNTIL(&w, w.accepted.ended == 1);
	assert_errno(postern_conn_write(w.client.conn, "x", 1), -EPIPE);
	assert_ok(postern_conn_close(w.accepted.conn));
	UNTIL(&w, w.accepted.closed && w.client.ended);
	assert_int_equal(w.accepted.code, POSTERN_REASON_CLOSED);
	assert_int_equal(postern_conn_state(w.accepted.conn), POSTERN_STATE_CLOSED);
	assert_int_equal(postern_conn_why(w.accepted.conn)->code, POSTERN_REASON_CLOSED);
	assert_errno(postern_conn_write(w.accepted.conn, "x", 1), -ESTALE);
	if (!w.client.closed)
		assert_ok(postern_conn_abort(w.client.conn));
	UNTIL(&w, w.client.closed);
	assert_int_equal(w.client.closed, 1);
	assert_int_equal(w.accepted.closed, 1);
	world_end(&w);
}

static void a_connection_says_who_is_there(void **state)
{
	struct postern_peer peer;
	char label[256];
	struct world w;
	int fd;

	(void)state;
	world_begin(&w);
	world_connect(&w);
	assert_ok(postern_conn_peer(w.accepted.conn, &peer, sizeof(peer)));
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.gid, getegid());
	fd = postern_conn_peer_pidfd(w.accepted.conn);
	if (fd >= 0)
		close(fd);
	else
		assert_errno(fd, -ENOPROTOOPT);
	/* Which security module there is, if any, is the machine's affair. */
	if (postern_conn_peer_label(w.accepted.conn, label, sizeof label) >= 0)
		test_note("label of the peer: %s", label);
	assert_ptr_equal(postern_conn_server(w.accepted.conn), w.server);
	assert_null(postern_conn_server(w.client.conn));
	assert_ok(postern_conn_set_data(w.client.conn, &peer));
	assert_ptr_equal(postern_conn_data(w.client.conn), &peer);
	assert_ok(postern_conn_set_data(w.client.conn, &w.client));
	world_end(&w);
}

static void a_socket_comes_and_goes(void **state)
{
	struct end one = { 0 };
	struct world w;
	int pair[2], fd;
	char byte;

	(void)state;
	world_begin(&w);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_ok(postern_conn_adopt(&one.conn, w.loop, pair[0], NULL, &end_events, &one));
	assert_int_equal(postern_conn_fd(one.conn), pair[0]);
	assert_int_equal(postern_conn_at_end(one.conn), 0);
	assert_int_equal(send(pair[1], "abc", 3, MSG_NOSIGNAL), 3);
	UNTIL(&w, one.received == 3);
	fd = postern_conn_detach(one.conn);
	assert_int_equal(fd, pair[0]);
	assert_errno(postern_conn_fd(one.conn), -ESTALE);
	assert_int_equal(send(pair[1], "d", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(byte, 'd');
	assert_int_equal(one.closed, 0);
	assert_null(postern_conn_free(one.conn));
	close(pair[0]);
	close(pair[1]);
	world_end(&w);
}

static void a_server_says_where_it_is_and_drains(void **state)
{
	char path[PATH_MAX];
	struct world w;

	(void)state;
	world_begin(&w);
	assert_string_equal(postern_server_name(w.server), "api");
	assert_ok(postern_name_resolve("api", path, sizeof path));
	assert_string_equal(postern_server_path(w.server), path);
	assert_true(postern_server_fd(w.server) >= 0);
	assert_ptr_equal(postern_server_data(w.server), &w);
	assert_ok(postern_server_set_data(w.server, &w));
	world_connect(&w);
	assert_int_equal(w.allowed, 1);
	assert_ok(postern_server_each(w.server, world_each, &w));
	assert_int_equal(w.each, 1);
	assert_ok(postern_server_get_counters(w.server, &w.counters, sizeof(w.counters)));
	assert_int_equal(w.counters.accepted, 1);
	assert_int_equal(w.counters.connections, 1);
	assert_int_equal(w.counters.listening, 1);

	assert_ok(postern_server_stop(w.server));
	UNTIL(&w, access(path, F_OK) < 0);
	assert_errno(postern_server_fd(w.server), -ESTALE);
	assert_ok(postern_server_drain(w.server, POSTERN_SECONDS(1)));
	UNTIL(&w, w.client.ended || w.client.closed);
	UNTIL(&w, w.server_closed);
	assert_int_equal(w.server_code, POSTERN_REASON_CLOSED);
	assert_int_equal(w.accepted.closed, 1);
	assert_errno(postern_server_stop(w.server), -ESTALE);
	world_end(&w);
}

static int names_count(const struct postern_name_info *info, void *data)
{
	unsigned int *n = data;

	if (!strcmp(info->name, "api")) {
		assert_int_equal(info->alive, 1);
		assert_int_equal(info->pid, getpid());
		assert_string_equal(info->mode, "bytes");
		assert_string_equal(info->version, POSTERN_VERSION);
		(*n)++;
	}
	return 0;
}

static int name_is_not_known(const struct postern_name_info *info, void *data)
{
	(void)data;
	assert_int_equal(info->alive, -1);
	assert_int_equal(info->pid, 0);
	return 0;
}

static void names_are_listed(void **state)
{
	unsigned int n = 0;
	struct world w;
	char tiny[4];

	(void)state;
	world_begin(&w);
	assert_ok(postern_name_list(names_count, &n));
	assert_int_equal(n, 1);
	assert_errno(postern_name_resolve("api", tiny, sizeof tiny), -ERANGE);
	world_end(&w);
}

static void a_name_is_looked_at_without_connecting(void **state)
{
	char path[PATH_MAX], *given;
	unsigned int n = 0;
	struct world w;

	(void)state;
	world_begin(&w);
	assert_ok(postern_name_look("api", names_count, &n));
	assert_int_equal(n, 1);
	assert_int_equal(w.allowed, 0);
	assert_ok(postern_name_resolve("api", path, sizeof path));
	/* The same socket as a path has its info beside it, and there is none: not known, not dead. */
	assert_ok(postern_name_look(path, name_is_not_known, NULL));
	assert_errno(postern_name_look("nobody", names_count, &n), -ENOENT);
	given = strdup(test_path("missing/x"));
	assert_errno(postern_name_look(given, names_count, &n), -ENOENT);
	free(given);
	assert_errno(postern_name_look("@api", names_count, &n), -EINVAL);
	assert_errno(postern_name_look("fd:3", names_count, &n), -EINVAL);
	assert_errno(postern_name_look("a b", names_count, &n), -EINVAL);
	assert_int_equal(n, 1);
	world_end(&w);
}

static void scope_exit_frees(void **state)
{
	(void)state;
	{
		POSTERN_AUTO(conn) c = NULL;
		POSTERN_AUTO(server) s = NULL;
		POSTERN_AUTO(loop) loop = NULL;
		POSTERN_AUTO(timer) t = NULL;
		POSTERN_AUTO(watch) watch = NULL;
		POSTERN_AUTO(child) child = NULL;
		struct world w = { 0 };

		assert_ok(postern_loop_new(&loop));
		assert_ok(postern_server_new(&s, loop, "auto", NULL, &world_events, &w));
		assert_ok(postern_connect(&c, loop, "auto", NULL, &end_events, &w.client));
		assert_ok(postern_timer_new(&t, loop, ticks_fire, NULL));
		assert_ok(postern_timer_set(t, POSTERN_SECONDS(1)));
		(void)watch, (void)child;
	}
}

static void a_server_pauses(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
	assert_ok(postern_server_pause(w.server));
	assert_ok(postern_connect(&w.client.conn, w.loop, "api", NULL, &end_events, &w.client));
	UNTIL(&w, w.client.connected);
	for (int i = 0; i < 5; i++)
		assert_ok(postern_loop_dispatch(w.loop, POSTERN_MS(1)));
	assert_null(w.accepted.conn);
	assert_ok(postern_server_resume(w.server));
	UNTIL(&w, w.accepted.conn);
	world_end(&w);
}

static void frames_are_made_found_and_buffered(void **state)
{
	struct postern_buffer *b = NULL;
	struct postern_frame frame = { 0 };
	char head[4], tail[1], text[16];

	(void)state;
	assert_int_equal(postern_frame_make(POSTERN_FRAMING_U32BE, "abc", 3, head, tail), 4);
	assert_memory_equal(head, "\0\0\0\3", 4);
	assert_int_equal(postern_frame_find(POSTERN_FRAMING_LINES, "one\ntwo", 7, 0, 100, &frame),
			 1);
	assert_int_equal(frame.n, 3);
	assert_int_equal(frame.used, 4);

	assert_ok(postern_buffer_new(&b, 100));
	assert_int_equal(postern_buffer_add(b, "hello\nyou\nrest", 14), 14);
	assert_int_equal(postern_buffer_size(b), 14);
	assert_memory_equal(postern_buffer_bytes(b), "hello", 5);
	assert_int_equal(postern_buffer_read_line(b, text, sizeof text), 5);
	assert_string_equal(text, "hello");
	assert_int_equal(postern_buffer_read_frame(b, POSTERN_FRAMING_LINES, text, sizeof text), 3);
	assert_errno(postern_buffer_read_line(b, text, sizeof text), -EAGAIN);
	assert_int_equal(postern_buffer_peek(b, text, 1), 1);
	assert_int_equal(postern_buffer_skip(b, 1), 1);
	assert_int_equal(postern_buffer_read(b, text, 1), 1);
	assert_int_equal(text[0], 'e');
	assert_ok(postern_buffer_read_exactly(b, text, 2));
	assert_errno(postern_buffer_read_exactly(b, text, 2), -EAGAIN);
	assert_null(postern_buffer_free(b));
}

static void a_client_talks_to_a_server_on_a_thread(void **state)
{
	struct postern_thread *t = NULL;
	struct postern_client *c = NULL;
	struct postern_server *s = NULL;
	atomic_bool posted = false;
	int64_t patience = test_patience_ns();
	char text[32];

	(void)state;
	assert_ok(postern_thread_start(&t, NULL, thread_serve, &s));
	assert_non_null(postern_thread_calling(t));
	assert_false(pthread_equal(postern_thread_id(t), pthread_self()));
	assert_ok(postern_thread_post(t, thread_posted, &posted));
	assert_ok(postern_client_new(&c, "thread", NULL));
	assert_ok(postern_client_set_busy_poll(c, 50000));
	assert_ok(postern_client_write(c, "abcline\n", 8, patience));
	assert_ok(postern_client_read_exactly(c, text, 2, patience));
	assert_int_equal(postern_client_read(c, text, 1, patience), 1);
	assert_int_equal(text[0], 'c');
	assert_int_equal(postern_client_read_line(c, text, sizeof text, patience), 4);
	assert_string_equal(text, "line");
	assert_ok(postern_client_write_frame(c, POSTERN_FRAMING_U32LE, "frame", 5, patience));
	assert_int_equal(
		postern_client_read_frame(c, POSTERN_FRAMING_U32LE, text, sizeof text, patience),
		5);
	assert_int_equal(postern_client_available(c), 0);
	assert_int_equal(postern_conn_state(postern_client_conn(c)), POSTERN_STATE_CONNECTED);
	assert_int_equal(
		postern_conn_write_frame(postern_client_conn(c), POSTERN_FRAMING_LINES, "x", 1), 1);
	assert_int_equal(postern_client_read_line(c, text, sizeof text, patience), 1);
	assert_ok(postern_client_shutdown(c, patience));
	assert_ok(postern_client_wait_end(c, patience));
	assert_ok(postern_client_close(c, patience));
	assert_non_null(postern_client_why(c)->text);
	assert_null(postern_client_free(c));
	assert_true(atomic_load(&posted));
	assert_ok(postern_thread_stop(t));
	assert_ok(postern_thread_join(t, patience));
	assert_null(postern_thread_free(t));
}

/* ---- handles whose loop has gone ---- */

static void handles_outlive_their_loop(void **state)
{
	struct postern_child *child = NULL;
	struct ticks k = { 0 };
	struct world w;
	pid_t pid;

	(void)state;
	world_begin(&w);
	world_connect(&w);
	pid = test_fork_start(sleep_long, NULL);
	if (world_has_children(&w))
		assert_ok(postern_child_new(&child, w.loop, pid, ticks_exit, &k));
	assert_ok(postern_timer_new(&k.timer, w.loop, ticks_fire, &k));
	assert_ok(postern_timer_set(k.timer, 0));
	assert_null(postern_loop_free(w.loop));
	w.loop = NULL;
	assert_int_equal(w.client.closed, 1);
	assert_int_equal(w.client.code, POSTERN_REASON_CANCELLED);
	assert_int_equal(w.accepted.closed, 1);
	assert_int_equal(w.server_closed, 1);

	assert_errno(postern_conn_write(w.client.conn, "x", 1), -ESTALE);
	assert_errno(postern_conn_flush(w.client.conn), -ESTALE);
	assert_errno(postern_conn_pause(w.client.conn), -ESTALE);
	assert_errno(postern_conn_resume(w.client.conn), -ESTALE);
	assert_errno(postern_conn_shutdown(w.client.conn), -ESTALE);
	assert_errno(postern_conn_close(w.client.conn), -ESTALE);
	assert_errno(postern_conn_abort(w.client.conn), -ESTALE);
	assert_errno(postern_conn_detach(w.client.conn), -ESTALE);
	assert_errno(postern_conn_fd(w.client.conn), -ESTALE);
	assert_int_equal(postern_conn_room(w.client.conn), 0);
	assert_int_equal(postern_conn_queued(w.client.conn), 0);
	assert_int_equal(postern_conn_state(w.client.conn), POSTERN_STATE_CLOSED);
	assert_int_equal(postern_conn_why(w.client.conn)->code, POSTERN_REASON_CANCELLED);
	assert_null(postern_conn_server(w.accepted.conn));
	assert_errno(postern_server_stop(w.server), -ESTALE);
	assert_errno(postern_server_drain(w.server, 0), -ESTALE);
	assert_errno(postern_server_fd(w.server), -ESTALE);
	assert_errno(postern_server_each(w.server, world_each, &w), -ESTALE);
	assert_string_equal(postern_server_name(w.server), "api");
	assert_ok(postern_server_get_counters(w.server, &w.counters, sizeof(w.counters)));
	assert_int_equal(w.counters.connections, 0);
	assert_errno(postern_timer_set(k.timer, 1), -ESTALE);
	assert_errno(postern_timer_set_periodic(k.timer, 1), -ESTALE);
	assert_errno(postern_timer_cancel(k.timer), -ESTALE);
	if (child)
		assert_errno(postern_child_kill(child, SIGKILL), -ESTALE);
	assert_int_equal(k.fired, 0);

	assert_null(postern_timer_free(k.timer));
	assert_null(postern_child_free(child));
	world_end(&w);
	kill(pid, SIGKILL);
	test_fork_wait(pid);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(version_and_reasons_have_words),
		TEST(a_loop_runs_posts_and_stops),
		TEST(no_post_is_left_behind_while_the_loop_sleeps),
		TEST(timers_and_descriptors_tell),
		TEST(a_signal_is_an_event_until_it_is_freed),
		TEST(a_child_process_tells_how_it_ended),
		TEST(bytes_go_both_ways_and_are_counted),
		TEST(an_end_is_told_once_and_with_its_reason),
		TEST(a_connection_says_who_is_there),
		TEST(a_socket_comes_and_goes),
		TEST(a_server_says_where_it_is_and_drains),
		TEST(names_are_listed),
		TEST(a_name_is_looked_at_without_connecting),
		TEST(scope_exit_frees),
		TEST(a_server_pauses),
		TEST(frames_are_made_found_and_buffered),
		TEST(a_client_talks_to_a_server_on_a_thread),
		TEST(handles_outlive_their_loop),
	};

	return test_run(tests);
}
