/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library as a program outside of it sees it: public headers only, linked with the shared library. Every
 * exported function is called here, with sense and without; test-headers.py compares the list with what
 * libpostern.so exports.
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

#include "test.h"

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
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

/* ---- a server, a client, and what happened to them ---- */

struct end {
	struct postern_conn *conn;
	size_t received;
	unsigned int connected, ended, drained, closed;
	int code;
	char last[64];
};

struct world {
	struct postern_loop *loop;
	struct postern_server *server;
	struct end client, accepted;
	struct postern_server_counters counters;
	unsigned int allowed, posted, logged, each, server_closed, server_errors;
	int server_code;
};

static void end_state(struct postern_conn *c, int state, void *data)
{
	struct end *e = data;

	(void)c;
	if (state == POSTERN_CONNECTED)
		e->connected++;
}

static size_t end_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct end *e = data;

	(void)c;
	snprintf(e->last, sizeof e->last, "%.*s", n > 63 ? 63 : (int)n, (const char *)bytes);
	e->received += n;
	return n;
}

static void end_ended(struct postern_conn *c, void *data)
{
	struct end *e = data;

	(void)c;
	e->ended++;
}

static void end_drained(struct postern_conn *c, void *data)
{
	struct end *e = data;

	(void)c;
	e->drained++;
}

static void end_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct end *e = data;

	(void)c;
	e->closed++;
	e->code = why->code;
}

static const struct postern_conn_events end_events = {
	.size = sizeof end_events,
	.state = end_state,
	.received = end_received,
	.ended = end_ended,
	.drained = end_drained,
	.closed = end_closed,
};

static int world_allow(struct postern_server *s, const struct postern_peer *peer, void *data)
{
	struct world *w = data;

	(void)s;
	w->allowed++;
	return peer->pid == getpid() ? 0 : -EPERM;
}

static void world_accepted(struct postern_server *s, struct postern_conn *c, void *data)
{
	struct world *w = data;

	assert_ptr_equal(postern_conn_server(c), s);
	assert_ptr_equal(postern_conn_data(c), w);
	w->accepted.conn = postern_conn_keep(c);
	assert_ptr_equal(w->accepted.conn, c);
	assert_ok(postern_conn_set_events(c, &end_events, &w->accepted));
}

static void world_error(struct postern_server *s, const struct postern_reason *why, void *data)
{
	struct world *w = data;

	(void)s, (void)why;
	w->server_errors++;
}

static void world_closed(struct postern_server *s, const struct postern_reason *why, void *data)
{
	struct world *w = data;

	(void)s;
	w->server_closed++;
	w->server_code = why->code;
}

static const struct postern_server_events world_events = {
	.size = sizeof world_events,
	.conn = &end_events,
	.allow = world_allow,
	.accepted = world_accepted,
	.error = world_error,
	.closed = world_closed,
};

#define UNTIL(w, condition)                                                          \
	do {                                                                         \
		int64_t until_ = postern_now() + POSTERN_SECONDS(5) * test_scale();  \
		while (!(condition) && postern_now() < until_)                       \
			assert_ok(postern_loop_dispatch((w)->loop, POSTERN_MS(10))); \
		if (!(condition))                                                    \
			fail_msg("%s did not come true", #condition);                \
	} while (0)

static void world_begin(struct world *w)
{
	memset(w, 0, sizeof *w);
	assert_ok(postern_loop_new(&w->loop));
	assert_ok(postern_server_new(&w->server, w->loop, "api", NULL, &world_events, w));
}

static void world_connect(struct world *w)
{
	assert_ok(postern_connect(&w->client.conn, w->loop, "api", NULL, &end_events, &w->client));
	UNTIL(w, w->client.connected && w->accepted.conn);
}

static void world_end(struct world *w)
{
	w->client.conn = postern_conn_free(w->client.conn);
	w->accepted.conn = postern_conn_free(w->accepted.conn);
	w->server = postern_server_free(w->server);
	assert_null(w->client.conn);
	assert_null(w->accepted.conn);
	assert_null(w->server);
	assert_null(postern_loop_free(w->loop));
}

/* ---- used as meant ---- */

static void version_and_reasons_have_words(void **state)
{
	(void)state;
	assert_string_equal(postern_version(), POSTERN_VERSION);
	for (int code = POSTERN_REASON_ENDED; code <= POSTERN_REASON_FAILED; code++)
		assert_true(strlen(postern_reason_text(code)) > 3);
}

static void world_post(struct postern_loop *loop, void *data)
{
	struct world *w = data;

	assert_ptr_equal(loop, w->loop);
	w->posted++;
}

static void world_stop(struct postern_loop *loop, void *data)
{
	(void)data;
	assert_errno(postern_loop_run(loop), -EDEADLK);
	assert_errno(postern_loop_dispatch(loop, 0), -EDEADLK);
	postern_loop_stop(loop);
}

static void world_log(struct postern_loop *loop, int level, const char *text, void *data)
{
	struct world *w = data;

	assert_ptr_equal(loop, w->loop);
	assert_in_range(level, LOG_WARNING, LOG_DEBUG);
	assert_non_null(text);
	w->logged++;
}

static void a_loop_runs_posts_and_stops(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
	assert_ok(postern_loop_set_log(w.loop, world_log, &w));
	assert_in_range(postern_loop_fd(w.loop), 0, 65536);
	assert_ok(postern_loop_post(w.loop, world_post, &w));
	assert_ok(postern_loop_post(w.loop, world_stop, NULL));
	assert_int_equal(postern_loop_run(w.loop), 0);
	assert_int_equal(w.posted, 1);
	assert_int_equal(postern_loop_why(w.loop)->code, 0);
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
	assert_ok(postern_timer_set(t, POSTERN_SECONDS(20) * test_scale()));
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

struct ticks {
	struct postern_timer *timer;
	struct postern_watch *watch;
	unsigned int fired, readable, exited;
	int64_t late_ns;
	int how, status;
};

static void ticks_fire(struct postern_timer *t, void *data)
{
	struct ticks *k = data;

	k->late_ns = postern_now() - postern_timer_due_ns(t);
	k->fired++;
}

static void ticks_ready(struct postern_watch *w, uint64_t happened, void *data)
{
	struct ticks *k = data;

	if (happened & POSTERN_READABLE)
		k->readable++;
	assert_ok(postern_watch_set(w, 0));
}

static void ticks_exit(struct postern_child *child, int how, int status, void *data)
{
	struct ticks *k = data;

	(void)child;
	k->exited++;
	k->how = how;
	k->status = status;
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
	assert_ok(postern_watch_new(&k.watch, w.loop, pipes[0], POSTERN_READABLE, ticks_ready, &k));
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

	assert_ok(postern_conn_get_counters(w.client.conn, &counters));
	assert_int_equal(counters.sent, 5);
	assert_int_equal(counters.received, 8);
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
	assert_int_equal(postern_conn_state(w.accepted.conn), POSTERN_CLOSED);
	assert_int_equal(postern_conn_why(w.accepted.conn)->code, POSTERN_REASON_CLOSED);
	assert_errno(postern_conn_write(w.accepted.conn, "x", 1), -ENOTCONN);
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
	assert_ok(postern_conn_peer(w.accepted.conn, &peer));
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
	assert_int_equal(send(pair[1], "abc", 3, MSG_NOSIGNAL), 3);
	UNTIL(&w, one.received == 3);
	fd = postern_conn_detach(one.conn);
	assert_int_equal(fd, pair[0]);
	assert_errno(postern_conn_fd(one.conn), -ENOTCONN);
	assert_int_equal(send(pair[1], "d", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(byte, 'd');
	assert_int_equal(one.closed, 0);
	assert_null(postern_conn_free(one.conn));
	close(pair[0]);
	close(pair[1]);
	world_end(&w);
}

static void world_each(struct postern_conn *c, void *data)
{
	struct world *w = data;

	assert_ptr_equal(c, w->accepted.conn);
	w->each++;
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
	assert_ok(postern_server_get_counters(w.server, &w.counters));
	assert_int_equal(w.counters.accepted, 1);
	assert_int_equal(w.counters.connections, 1);
	assert_int_equal(w.counters.listening, 1);

	assert_ok(postern_server_stop(w.server));
	UNTIL(&w, access(path, F_OK) < 0);
	assert_errno(postern_server_fd(w.server), -ENOTCONN);
	assert_ok(postern_server_drain(w.server, POSTERN_SECONDS(1)));
	UNTIL(&w, w.client.ended || w.client.closed);
	UNTIL(&w, w.server_closed);
	assert_int_equal(w.server_code, POSTERN_REASON_CLOSED);
	assert_int_equal(w.accepted.closed, 1);
	assert_errno(postern_server_stop(w.server), -ENOTCONN);
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
	assert_int_equal(postern_frame_make(POSTERN_U32BE, "abc", 3, head, tail), 4);
	assert_memory_equal(head, "\0\0\0\3", 4);
	assert_int_equal(postern_frame_find(POSTERN_LINES, "one\ntwo", 7, 0, 100, &frame), 1);
	assert_int_equal(frame.n, 3);
	assert_int_equal(frame.used, 4);

	assert_ok(postern_buffer_new(&b, 100));
	assert_int_equal(postern_buffer_add(b, "hello\nyou\nrest", 14), 14);
	assert_int_equal(postern_buffer_size(b), 14);
	assert_memory_equal(postern_buffer_bytes(b), "hello", 5);
	assert_int_equal(postern_buffer_read_line(b, text, sizeof text), 5);
	assert_string_equal(text, "hello");
	assert_int_equal(postern_buffer_read_frame(b, POSTERN_LINES, text, sizeof text), 3);
	assert_errno(postern_buffer_read_line(b, text, sizeof text), -EAGAIN);
	assert_int_equal(postern_buffer_peek(b, text, 1), 1);
	assert_int_equal(postern_buffer_skip(b, 1), 1);
	assert_int_equal(postern_buffer_read(b, text, 1), 1);
	assert_int_equal(text[0], 'e');
	assert_ok(postern_buffer_read_exactly(b, text, 2));
	assert_errno(postern_buffer_read_exactly(b, text, 2), -EAGAIN);
	assert_null(postern_buffer_free(b));
}

static size_t thread_echo(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t r = postern_conn_write(c, bytes, n);

	(void)data;
	return r > 0 ? (size_t)r : 0;
}

static const struct postern_conn_events thread_conn_events = {
	.size = sizeof thread_conn_events,
	.received = thread_echo,
};

static const struct postern_server_events thread_server_events = {
	.size = sizeof thread_server_events,
	.conn = &thread_conn_events,
};

static int thread_serve(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	struct postern_server **s = data;

	(void)t;
	return postern_server_new(s, loop, "thread", NULL, &thread_server_events, NULL);
}

static void thread_posted(struct postern_loop *loop, void *data)
{
	if (loop)
		atomic_store((atomic_bool *)data, true);
}

static void a_client_talks_to_a_server_on_a_thread(void **state)
{
	struct postern_thread *t = NULL;
	struct postern_client *c = NULL;
	struct postern_server *s = NULL;
	atomic_bool posted = false;
	int64_t second = POSTERN_SECONDS(5) * test_scale();
	char text[32], why[256];

	(void)state;
	assert_ok(postern_thread_start(&t, thread_serve, &s, NULL));
	assert_non_null(postern_thread_calling(t));
	assert_false(pthread_equal(postern_thread_id(t), pthread_self()));
	assert_ok(postern_thread_post(t, thread_posted, &posted));
	assert_ok(postern_client_new(&c, "thread", NULL, why, sizeof why));
	assert_ok(postern_client_write(c, "abcline\n", 8, second));
	assert_ok(postern_client_read_exactly(c, text, 2, second));
	assert_int_equal(postern_client_read(c, text, 1, second), 1);
	assert_int_equal(text[0], 'c');
	assert_int_equal(postern_client_read_line(c, text, sizeof text, second), 4);
	assert_string_equal(text, "line");
	assert_ok(postern_client_write_frame(c, POSTERN_U32LE, "frame", 5, second));
	assert_int_equal(postern_client_read_frame(c, POSTERN_U32LE, text, sizeof text, second), 5);
	assert_int_equal(postern_client_available(c), 0);
	assert_int_equal(postern_conn_state(postern_client_conn(c)), POSTERN_CONNECTED);
	assert_int_equal(postern_conn_write_frame(postern_client_conn(c), POSTERN_LINES, "x", 1),
			 1);
	assert_int_equal(postern_client_read_line(c, text, sizeof text, second), 1);
	assert_ok(postern_client_shutdown(c, second));
	assert_ok(postern_client_wait_end(c, second));
	assert_ok(postern_client_close(c, second));
	assert_non_null(postern_client_why(c)->text);
	assert_null(postern_client_free(c));
	assert_true(atomic_load(&posted));
	assert_ok(postern_thread_stop(t));
	assert_ok(postern_thread_join(t, second));
	assert_null(postern_thread_free(t));
}

/* ---- nonsense ---- */

static void calls_with_null_say_invalid(void **state)
{
	struct iovec iov = { 0 };
	char text[8];

	(void)state;
	assert_errno(postern_loop_new(NULL), -EINVAL);
	assert_null(postern_loop_free(NULL));
	assert_errno(postern_loop_run(NULL), -EINVAL);
	postern_loop_stop(NULL);
	assert_errno(postern_loop_fd(NULL), -EINVAL);
	assert_errno(postern_loop_dispatch(NULL, 0), -EINVAL);
	assert_errno(postern_loop_post(NULL, world_post, NULL), -EINVAL);
	assert_non_null(postern_loop_why(NULL));
	assert_non_null(postern_loop_why(NULL)->text);
	assert_errno(postern_loop_set_log(NULL, world_log, NULL), -EINVAL);

	assert_null(postern_timer_free(NULL));
	assert_errno(postern_timer_set(NULL, 1), -EINVAL);
	assert_errno(postern_timer_set_periodic(NULL, 1), -EINVAL);
	assert_errno(postern_timer_cancel(NULL), -EINVAL);
	assert_int_equal(postern_timer_due_ns(NULL), 0);
	assert_null(postern_watch_free(NULL));
	assert_errno(postern_watch_set(NULL, 0), -EINVAL);
	assert_null(postern_child_free(NULL));
	assert_errno(postern_child_kill(NULL, 0), -EINVAL);

	assert_null(postern_conn_free(NULL));
	assert_null(postern_conn_keep(NULL));
	assert_errno(postern_conn_write(NULL, "x", 1), -EINVAL);
	assert_errno(postern_conn_writev(NULL, &iov, 1), -EINVAL);
	assert_int_equal(postern_conn_room(NULL), 0);
	assert_int_equal(postern_conn_queued(NULL), 0);
	assert_errno(postern_conn_flush(NULL), -EINVAL);
	assert_errno(postern_conn_pause(NULL), -EINVAL);
	assert_errno(postern_conn_resume(NULL), -EINVAL);
	assert_errno(postern_conn_shutdown(NULL), -EINVAL);
	assert_errno(postern_conn_close(NULL), -EINVAL);
	assert_errno(postern_conn_abort(NULL), -EINVAL);
	assert_int_equal(postern_conn_state(NULL), POSTERN_CLOSED);
	assert_null(postern_conn_data(NULL));
	assert_errno(postern_conn_set_data(NULL, NULL), -EINVAL);
	assert_errno(postern_conn_set_events(NULL, &end_events, NULL), -EINVAL);
	assert_non_null(postern_conn_why(NULL));
	assert_non_null(postern_conn_why(NULL)->text);
	assert_errno(postern_conn_detach(NULL), -EINVAL);
	assert_true(postern_conn_fd(NULL) < 0);
	assert_null(postern_conn_server(NULL));
	assert_errno(postern_conn_peer(NULL, &(struct postern_peer){ 0 }), -EINVAL);
	assert_errno(postern_conn_peer_pidfd(NULL), -EINVAL);
	assert_errno(postern_conn_peer_label(NULL, text, sizeof text), -EINVAL);
	assert_errno(postern_conn_get_counters(NULL, &(struct postern_conn_counters){ 0 }),
		     -EINVAL);

	assert_null(postern_server_free(NULL));
	assert_errno(postern_server_stop(NULL), -EINVAL);
	assert_errno(postern_server_drain(NULL, 0), -EINVAL);
	assert_null(postern_server_path(NULL));
	assert_null(postern_server_name(NULL));
	assert_null(postern_server_data(NULL));
	assert_errno(postern_server_set_data(NULL, NULL), -EINVAL);
	assert_true(postern_server_fd(NULL) < 0);
	assert_errno(postern_server_get_counters(NULL, &(struct postern_server_counters){ 0 }),
		     -EINVAL);
	assert_errno(postern_server_each(NULL, world_each, NULL), -EINVAL);

	assert_errno(postern_server_pause(NULL), -EINVAL);
	assert_errno(postern_server_resume(NULL), -EINVAL);

	assert_errno(postern_name_resolve(NULL, text, sizeof text), -EINVAL);
	assert_errno(postern_name_resolve("api", NULL, 8), -EINVAL);
	assert_errno(postern_name_resolve("api", text, 0), -EINVAL);
	assert_errno(postern_name_list(NULL, NULL), -EINVAL);
}

static void waiting_and_framing_calls_with_null_say_invalid(void **state)
{
	struct postern_client *client = NULL;
	struct postern_frame frame;
	char text[8];

	(void)state;
	assert_errno(postern_client_new(NULL, "x", NULL, NULL, 0), -EINVAL);
	assert_errno(postern_client_new(&client, NULL, NULL, NULL, 0), -EINVAL);
	assert_errno(postern_client_adopt(NULL, 0, NULL), -EINVAL);
	assert_errno(postern_client_adopt(&client, -1, NULL), -EINVAL);
	assert_null(client);
	assert_null(postern_client_free(NULL));
	assert_errno(postern_client_read(NULL, text, 1, 0), -EINVAL);
	assert_errno(postern_client_read_exactly(NULL, text, 1, 0), -EINVAL);
	assert_errno(postern_client_read_line(NULL, text, 1, 0), -EINVAL);
	assert_errno(postern_client_read_frame(NULL, POSTERN_LINES, text, 1, 0), -EINVAL);
	assert_errno(postern_client_write(NULL, text, 1, 0), -EINVAL);
	assert_errno(postern_client_write_frame(NULL, POSTERN_LINES, text, 1, 0), -EINVAL);
	assert_errno(postern_client_shutdown(NULL, 0), -EINVAL);
	assert_errno(postern_client_close(NULL, 0), -EINVAL);
	assert_errno(postern_client_wait_end(NULL, 0), -EINVAL);
	assert_int_equal(postern_client_available(NULL), 0);
	assert_non_null(postern_client_why(NULL));
	assert_null(postern_client_conn(NULL));

	assert_errno(postern_frame_find(0, "x", 1, 0, 1, &frame), -EINVAL);
	assert_errno(postern_frame_find(POSTERN_LINES, NULL, 1, 0, 1, &frame), -EINVAL);
	assert_errno(postern_frame_find(POSTERN_LINES, "x", 1, 0, 1, NULL), -EINVAL);
	assert_errno(postern_frame_make(0, "x", 1, text, text), -EINVAL);
	assert_errno(postern_frame_make(POSTERN_LINES, NULL, 1, text, text), -EINVAL);
	assert_errno(postern_conn_write_frame(NULL, POSTERN_LINES, "x", 1), -EINVAL);
	assert_errno(postern_buffer_new(NULL, 0), -EINVAL);
	assert_null(postern_buffer_free(NULL));
	assert_int_equal(postern_buffer_add(NULL, "x", 1), 0);
	assert_int_equal(postern_buffer_size(NULL), 0);
	(void)postern_buffer_bytes(NULL); /* of 0 bytes, whatever it points to */
	assert_int_equal(postern_buffer_read(NULL, text, 1), 0);
	assert_int_equal(postern_buffer_peek(NULL, text, 1), 0);
	assert_int_equal(postern_buffer_skip(NULL, 1), 0);
	assert_errno(postern_buffer_read_exactly(NULL, text, 1), -EINVAL);
	assert_errno(postern_buffer_read_line(NULL, text, 1), -EINVAL);
	assert_errno(postern_buffer_read_frame(NULL, POSTERN_LINES, text, 1), -EINVAL);
}

static void thread_calls_with_null_say_invalid(void **state)
{
	struct postern_thread *t = NULL;

	(void)state;
	assert_errno(postern_thread_start(NULL, thread_serve, NULL, NULL), -EINVAL);
	assert_errno(postern_thread_start(&t, NULL, NULL, NULL), -EINVAL);
	assert_null(t);
	assert_errno(postern_thread_stop(NULL), -EINVAL);
	assert_errno(postern_thread_post(NULL, thread_posted, NULL), -EINVAL);
	assert_errno(postern_thread_join(NULL, 0), -EINVAL);
	assert_non_null(postern_thread_calling(NULL));
	assert_null(postern_thread_free(NULL));
}

static void constructors_with_nonsense_leave_the_result_alone(void **state)
{
	struct postern_server *server = (void *)state;
	struct postern_conn *conn = (void *)state;
	struct postern_timer *timer = (void *)state;
	struct postern_watch *watch = (void *)state;
	struct postern_child *child = (void *)state;
	struct postern_conn_events small = { .size = 8 };
	struct postern_server_events small_server = { .size = 8 };
	struct postern_server_events small_conn = { .size = sizeof small_conn, .conn = &small };
	struct world w;
	int pair[2];

	world_begin(&w);
	assert_errno(postern_timer_new(NULL, w.loop, ticks_fire, NULL), -EINVAL);
	assert_errno(postern_timer_new(&timer, NULL, ticks_fire, NULL), -EINVAL);
	assert_errno(postern_timer_new(&timer, w.loop, NULL, NULL), -EINVAL);
	assert_errno(postern_watch_new(NULL, w.loop, 0, 1, ticks_ready, NULL), -EINVAL);
	assert_errno(postern_watch_new(&watch, NULL, 0, 1, ticks_ready, NULL), -EINVAL);
	assert_errno(postern_watch_new(&watch, w.loop, -1, 1, ticks_ready, NULL), -EINVAL);
	assert_errno(postern_watch_new(&watch, w.loop, 60000, 1, ticks_ready, NULL), -EBADF);
	assert_errno(postern_watch_new(&watch, w.loop, 0, 1, NULL, NULL), -EINVAL);
	assert_errno(postern_watch_new(&watch, w.loop, 0, 1u << 31, ticks_ready, NULL), -EINVAL);
	assert_errno(postern_child_new(NULL, w.loop, 1, ticks_exit, NULL), -EINVAL);
	assert_errno(postern_child_new(&child, NULL, 1, ticks_exit, NULL), -EINVAL);
	assert_errno(postern_child_new(&child, w.loop, 0, ticks_exit, NULL), -EINVAL);
	assert_errno(postern_child_new(&child, w.loop, -1, ticks_exit, NULL), -EINVAL);
	assert_errno(postern_child_new(&child, w.loop, 1, NULL, NULL), -EINVAL);
	assert_errno(postern_loop_post(w.loop, NULL, NULL), -EINVAL);

	assert_errno(postern_server_new(NULL, w.loop, "x", NULL, &world_events, NULL), -EINVAL);
	assert_errno(postern_server_new(&server, NULL, "x", NULL, &world_events, NULL), -EINVAL);
	assert_errno(postern_server_new(&server, w.loop, NULL, NULL, &world_events, NULL), -EINVAL);
	assert_errno(postern_server_new(&server, w.loop, "", NULL, &world_events, NULL), -EINVAL);
	assert_errno(postern_server_new(&server, w.loop, "x", NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_server_new(&server, w.loop, "x", NULL, &small_server, NULL), -EINVAL);
	assert_errno(postern_server_new(&server, w.loop, "x", NULL, &small_conn, NULL), -EINVAL);
	assert_errno(postern_server_new(&server, w.loop, "api", NULL, &world_events, NULL),
		     -EADDRINUSE);
	assert_int_equal(postern_loop_why(w.loop)->code, POSTERN_REASON_NAME_IN_USE);

	assert_errno(postern_connect(NULL, w.loop, "x", NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_connect(&conn, NULL, "x", NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_connect(&conn, w.loop, NULL, NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_connect(&conn, w.loop, "a b", NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_connect(&conn, w.loop, "x", NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_connect(&conn, w.loop, "x", NULL, &small, NULL), -EINVAL);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_errno(postern_conn_adopt(NULL, w.loop, pair[0], NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_conn_adopt(&conn, NULL, pair[0], NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_conn_adopt(&conn, w.loop, -1, NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_conn_adopt(&conn, w.loop, 60000, NULL, &end_events, NULL), -EBADF);
	assert_errno(postern_conn_adopt(&conn, w.loop, pair[0], NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_conn_adopt(&conn, w.loop, pair[0], NULL, &small, NULL), -EINVAL);
	close(pair[0]);
	close(pair[1]);

	assert_ptr_equal(server, (void *)state);
	assert_ptr_equal(conn, (void *)state);
	assert_ptr_equal(timer, (void *)state);
	assert_ptr_equal(watch, (void *)state);
	assert_ptr_equal(child, (void *)state);
	world_end(&w);
}

static void calls_with_nonsense_say_invalid(void **state)
{
	struct postern_conn_events small = { .size = 8 };
	struct iovec iov = { NULL, 1 };
	struct postern_timer *timer = NULL;
	struct world w;

	(void)state;
	world_begin(&w);
	world_connect(&w);
	assert_errno(postern_conn_write(w.client.conn, NULL, 1), -EINVAL);
	assert_errno(postern_conn_write(w.client.conn, "x", SIZE_MAX), -EINVAL);
	assert_int_equal(postern_conn_write(w.client.conn, NULL, 0), 0);
	assert_errno(postern_conn_writev(w.client.conn, NULL, 1), -EINVAL);
	assert_errno(postern_conn_writev(w.client.conn, &iov, 1), -EINVAL);
	assert_errno(postern_conn_writev(w.client.conn, &iov, 1025), -EINVAL);
	assert_int_equal(postern_conn_writev(w.client.conn, NULL, 0), 0);
	assert_errno(postern_conn_set_events(w.client.conn, NULL, NULL), -EINVAL);
	assert_errno(postern_conn_set_events(w.client.conn, &small, NULL), -EINVAL);
	assert_errno(postern_conn_peer(w.client.conn, NULL), -EINVAL);
	assert_errno(postern_conn_peer_label(w.client.conn, NULL, 8), -EINVAL);
	assert_errno(postern_conn_peer_label(w.client.conn, w.client.last, 0), -EINVAL);
	assert_errno(postern_conn_get_counters(w.client.conn, NULL), -EINVAL);
	assert_errno(postern_server_get_counters(w.server, NULL), -EINVAL);
	assert_errno(postern_server_each(w.server, NULL, NULL), -EINVAL);
	assert_errno(postern_server_drain(w.server, -1), -EINVAL);
	assert_true(postern_server_fd(w.server) >= 0);
	assert_ok(postern_timer_new(&timer, w.loop, ticks_fire, NULL));
	assert_errno(postern_timer_set_periodic(timer, 0), -EINVAL);
	assert_errno(postern_timer_set_periodic(timer, INT64_MIN), -EINVAL);
	assert_null(postern_timer_free(timer));
	assert_ok(postern_loop_set_log(w.loop, NULL, NULL));
	assert_string_equal(postern_reason_text(0), postern_reason_text(INT_MAX));
	assert_string_equal(postern_reason_text(0), postern_reason_text(INT_MIN));
	world_end(&w);
}

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
	assert_errno(CONN(.size = sizeof(struct postern_conn_options), .reserved = 1), -EINVAL);
	assert_errno(CONN(.size = sizeof(struct postern_conn_options), .idle_ns = -1), -EINVAL);
	assert_errno(CONN(.size = sizeof(struct postern_conn_options), .drain_ns = -1), -EINVAL);
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
	assert_ok(postern_conn_get_counters(w.accepted.conn, &counters));
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

	assert_errno(postern_conn_write(w.client.conn, "x", 1), -ENOTCONN);
	assert_errno(postern_conn_flush(w.client.conn), -ENOTCONN);
	assert_errno(postern_conn_pause(w.client.conn), -ENOTCONN);
	assert_errno(postern_conn_resume(w.client.conn), -ENOTCONN);
	assert_errno(postern_conn_shutdown(w.client.conn), -ENOTCONN);
	assert_errno(postern_conn_close(w.client.conn), -ENOTCONN);
	assert_errno(postern_conn_abort(w.client.conn), -ENOTCONN);
	assert_errno(postern_conn_detach(w.client.conn), -ENOTCONN);
	assert_errno(postern_conn_fd(w.client.conn), -ENOTCONN);
	assert_int_equal(postern_conn_room(w.client.conn), 0);
	assert_int_equal(postern_conn_queued(w.client.conn), 0);
	assert_int_equal(postern_conn_state(w.client.conn), POSTERN_CLOSED);
	assert_int_equal(postern_conn_why(w.client.conn)->code, POSTERN_REASON_CANCELLED);
	assert_null(postern_conn_server(w.accepted.conn));
	assert_errno(postern_server_stop(w.server), -ENOTCONN);
	assert_errno(postern_server_drain(w.server, 0), -ENOTCONN);
	assert_errno(postern_server_fd(w.server), -ENOTCONN);
	assert_errno(postern_server_each(w.server, world_each, &w), -ENOTCONN);
	assert_string_equal(postern_server_name(w.server), "api");
	assert_ok(postern_server_get_counters(w.server, &w.counters));
	assert_int_equal(w.counters.connections, 0);
	assert_errno(postern_timer_set(k.timer, 1), -ENOTCONN);
	assert_errno(postern_timer_set_periodic(k.timer, 1), -ENOTCONN);
	assert_errno(postern_timer_cancel(k.timer), -ENOTCONN);
	if (child)
		assert_errno(postern_child_kill(child, SIGKILL), -ENOTCONN);
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
		TEST(a_child_process_tells_how_it_ended),
		TEST(bytes_go_both_ways_and_are_counted),
		TEST(an_end_is_told_once_and_with_its_reason),
		TEST(a_connection_says_who_is_there),
		TEST(a_socket_comes_and_goes),
		TEST(a_server_says_where_it_is_and_drains),
		TEST(names_are_listed),
		TEST(scope_exit_frees),
		TEST(a_server_pauses),
		TEST(frames_are_made_found_and_buffered),
		TEST(a_client_talks_to_a_server_on_a_thread),
		TEST(calls_with_null_say_invalid),
		TEST(waiting_and_framing_calls_with_null_say_invalid),
		TEST(thread_calls_with_null_say_invalid),
		TEST(constructors_with_nonsense_leave_the_result_alone),
		TEST(calls_with_nonsense_say_invalid),
		TEST(options_that_cannot_be_right_are_refused),
		TEST(options_of_other_versions_are_understood),
		TEST(defaults_of_a_connection_are_those_of_the_header),
		TEST(default_backlog_is_that_of_the_header),
		TEST(handles_outlive_their_loop),
	};

	return test_run(tests);
}
