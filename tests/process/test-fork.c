/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Law 6. A child that merely lives on has a copy of every descriptor: it must not keep a dead server's name,
 * a closed connection, or anything else of its parent alive, and must not take anything away from it either.
 */
#include "pair.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A server process, and a child of it that lives on until its gate is closed. */
struct family {
	pid_t server, child;
	int gate[2];  /* the child waits for its end */
	int ready[2]; /* pids come out of it */
};

/* Says so: until then it may not have got to its handlers. */
static void live_on(struct family *f)
{
	pid_t self = getpid();
	char byte;

	close(f->gate[1]);
	if (write(f->ready[1], &self, sizeof(self)) != sizeof(self))
		_exit(1);
	close(f->ready[0]);
	close(f->ready[1]);
	while (read(f->gate[0], &byte, 1) > 0)
		;
	_exit(0);
}

/* The server process; it ends by a signal. */
static void family_serve(struct family *f)
{
	struct site s;
	int fd;

	site_open(&s, "clock", NULL);
	/* With a connection, so that its copy is in the child as well. */
	fd = plain_connect(postern_server_path(s.server));

	site_echo(&s, fd);
	if (fork() == 0)
		live_on(f);
	close(f->gate[0]);
	close(f->gate[1]);
	for (;;)
		turn(s.loop, 1000);
}

static void family_start(struct family *f)
{
	assert_int_equal(pipe2(f->gate, O_CLOEXEC), 0);
	assert_int_equal(pipe2(f->ready, O_CLOEXEC), 0);
	fflush(NULL);
	f->server = fork();
	if (f->server == 0) {
		setenv("CMOCKA_TEST_ABORT", "1", 1);
		alarm(60);
		family_serve(f);
	}
	close(f->gate[0]);
	close(f->ready[1]);
	assert_int_equal(read(f->ready[0], &f->child, sizeof(f->child)), sizeof(f->child));
}

static void family_end(struct family *f)
{
	close(f->gate[1]); /* the child ends, and init or we reap it */
	close(f->ready[0]);
	while (kill(f->child, 0) == 0 && waitpid(f->child, NULL, WNOHANG) == 0)
		test_sleep_ms(1);
}

static void the_death_of_a_server_frees_its_name_though_a_child_lives_on(void **state)
{
	struct family f;
	struct site s;
	int fd;
	char byte;
	struct test_time begun;

	(void)state;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	family_start(&f);
	fd = plain_connect(test_path("clock/sock"));
	assert_ok(fd);
	kill(f.server, SIGKILL);
	test_fork_wait(f.server);
	/* Its peers see the end, its name refuses, and a new server has it at once. */
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	assert_errno(plain_connect(test_path("clock/sock")), -ECONNREFUSED);
	begun = test_time();
	site_open(&s, "clock", NULL);
	/* Taken over while the child lives; a lock that is held is waited for a second. */
	assert_took_less(begun, POSTERN_MS(500));
	assert_int_equal(kill(f.child, 0), 0);
	close(fd);
	fd = plain_connect(postern_server_path(s.server));
	site_echo(&s, fd);
	/* The child's end does not touch the new server's name. */
	family_end(&f);
	close(fd);
	fd = plain_connect(postern_server_path(s.server));
	site_echo(&s, fd);
	close(fd);
	site_close(&s);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void a_freed_server_is_gone_though_a_child_lives_on(void **state)
{
	struct family f;
	struct site s, t;
	pid_t child, ready;
	int fd;
	char byte;

	(void)state;
	assert_int_equal(pipe2(f.gate, O_CLOEXEC), 0);
	assert_int_equal(pipe2(f.ready, O_CLOEXEC), 0);
	site_open(&s, "clock", NULL);
	fd = plain_connect(postern_server_path(s.server));
	site_echo(&s, fd);
	fflush(NULL);
	child = fork();
	if (child == 0)
		live_on(&f);
	assert_int_equal(read(f.ready[0], &ready, sizeof(ready)), sizeof(ready));
	site_close(&s);
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
	site_open(&t, "clock", NULL);
	close(fd);
	fd = plain_connect(postern_server_path(t.server));
	site_echo(&t, fd);
	close(fd);
	site_close(&t);
	for (int i = 0; i < 2; i++) {
		close(f.gate[i]);
		close(f.ready[i]);
	}
	test_fork_wait(child);
}

/* Some children are made past all handlers. What they hold on to is taken from under them. */
static void a_freed_server_is_gone_though_a_child_was_cloned_behind_its_back(void **state)
{
	struct site s, t;
	pid_t child;
	int fd, gate[2];
	char byte;

	(void)state;
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	site_open(&s, "clock", NULL);
	fd = plain_connect(postern_server_path(s.server));
	site_echo(&s, fd);
#ifdef __s390__
	child = (pid_t)syscall(SYS_clone, NULL, SIGCHLD, NULL, NULL, NULL);
#else
	child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
#endif
	if (child == 0) {
		close(gate[1]);
		syscall(SYS_read, gate[0], &byte, 1);
		syscall(SYS_exit_group, 0);
	}
	site_close(&s);
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
	site_open(&t, "clock", NULL);
	close(fd);
	fd = plain_connect(postern_server_path(t.server));
	site_echo(&t, fd);
	close(fd);
	site_close(&t);
	close(gate[0]);
	close(gate[1]);
	test_fork_wait(child);
}

/* A copy in the child keeps neither the peer nor our epoll believing in a closed connection. */
static void a_closed_connection_is_gone_though_a_child_lives_on(void **state)
{
	struct family f;
	struct pair p;
	pid_t child;

	(void)state;
	for (int way = 0; way < 3; way++) {
		assert_int_equal(pipe2(f.gate, O_CLOEXEC), 0);
		assert_int_equal(pipe2(f.ready, O_CLOEXEC), 0);
		pair_open(&p, NULL);
		fflush(NULL);
		child = fork();
		if (child == 0) {
			close(p.peer);
			live_on(&f);
		}
		assert_int_equal(postern_conn_write(p.c, "last", 4), 4);
		if (way == 0)
			assert_ok(postern_conn_close(p.c));
		else if (way == 1)
			assert_ok(postern_conn_abort(p.c));
		else
			p.c = postern_conn_free(p.c);
		turn_quiet(p.loop);
		assert_int_equal(pair_receive_end(&p), way == 1 ? 0 : 4);
		/* The peer writes and goes: nothing of it reaches our loop. */
		send(p.peer, "x", 1, MSG_NOSIGNAL);
		pair_close_peer(&p);
		assert_true(turn_for(p.loop, 30) <= 4);
		pair_close(&p);
		for (int i = 0; i < 2; i++) {
			close(f.gate[i]);
			close(f.ready[i]);
		}
		test_fork_wait(child);
	}
}

/* ---- in the child ---- */

struct everything {
	struct site s;
	struct pair p;
	struct postern_conn *dialing;
	struct postern_timer *timer;
	int client;
	bool free_all;
	int order;
};

static void nothing(struct postern_loop *loop, void *data)
{
	(void)loop;
	(void)data;
}

static void on_tick(struct postern_timer *t, void *data)
{
	(void)t;
	(void)data;
}

static int child_calls(void *arg)
{
	struct everything *e = arg;
	struct postern_server *server = NULL;
	struct postern_conn *c = NULL;
	struct postern_timer *t = NULL;
	struct iovec iov = { NULL, 0 };
	int sv[2];

	assert_errno(postern_loop_dispatch(e->s.loop, 0), -ECHILD);
	assert_errno(postern_loop_run(e->s.loop), -ECHILD);
	assert_errno(postern_loop_fd(e->s.loop), -ECHILD);
	assert_errno(postern_loop_post(e->s.loop, nothing, NULL), -ECHILD);
	assert_errno(postern_loop_set_log(e->s.loop, NULL, NULL), -ECHILD);
	assert_errno(postern_loop_set_busy_poll(e->s.loop, 0), -ECHILD);
	postern_loop_stop(e->s.loop);
	assert_errno(postern_server_new(&server, e->s.loop, "x", NULL, &site_events, NULL),
		     -ECHILD);
	assert_errno(postern_connect(&c, e->s.loop, "x", NULL, &end_events, NULL), -ECHILD);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	assert_errno(postern_conn_adopt(&c, e->s.loop, sv[0], NULL, &end_events, NULL), -ECHILD);
	assert_errno(postern_timer_new(&t, e->s.loop, on_tick, NULL), -ECHILD);
	assert_errno(postern_timer_set(e->timer, 0), -ECHILD);
	assert_errno(postern_timer_cancel(e->timer), -ECHILD);
	assert_errno(postern_server_stop(e->s.server), -ECHILD);
	assert_errno(postern_server_drain(e->s.server, 0), -ECHILD);
	assert_errno(postern_server_fd(e->s.server), -ESTALE); /* it was closed */
	for (int i = 0; i < 3; i++) {
		c = i == 0 ? e->p.c : i == 1 ? e->s.conns[0] : e->dialing;
		assert_errno(postern_conn_write(c, "x", 1), -ECHILD);
		assert_errno(postern_conn_writev(c, &iov, 1), -ECHILD);
		assert_errno(postern_conn_flush(c), -ECHILD);
		assert_errno(postern_conn_pause(c), -ECHILD);
		assert_errno(postern_conn_resume(c), -ECHILD);
		assert_errno(postern_conn_shutdown(c), -ECHILD);
		assert_errno(postern_conn_close(c), -ECHILD);
		assert_errno(postern_conn_abort(c), -ECHILD);
		assert_errno(postern_conn_detach(c), -ECHILD);
		assert_int_equal(postern_conn_room(c), 0);
	}
	return 0;
}

static int child_frees(void *arg)
{
	struct everything *e = arg;
	unsigned before = e->s.conns_closed + e->s.closed + e->p.end.closed;

	for (int i = 0; i < 6; i++) {
		switch (e->order ? 5 - i : i) {
		case 0:
			postern_conn_free(e->dialing);
			break;
		case 1:
			postern_conn_free(e->p.c);
			break;
		case 2:
			postern_timer_free(e->timer);
			break;
		case 3:
			postern_server_free(e->s.server);
			break;
		case 4:
			postern_loop_free(e->p.loop);
			break;
		default:
			postern_loop_free(e->s.loop);
		}
	}
	assert_int_equal(e->s.conns_closed + e->s.closed + e->p.end.closed, before);
	return 0;
}

static void everything_open(struct everything *e)
{
	site_open(&e->s, "clock", NULL);
	pair_open(&e->p, NULL);
	e->client = plain_connect(postern_server_path(e->s.server));
	site_echo(&e->s, e->client);
	assert_ok(postern_connect(&e->dialing, e->s.loop, "nobody", NULL, &end_events, &e->p.end));
	turn(e->s.loop, 1);
	assert_ok(postern_timer_new(&e->timer, e->s.loop, on_tick, NULL));
	assert_ok(postern_timer_set(e->timer, POSTERN_SECONDS(100)));
}

/* All that the parent has still works: nothing was unlinked, unlocked, shut down, or taken out of epoll. */
static void everything_works(struct everything *e)
{
	int second = plain_connect(postern_server_path(e->s.server));
	struct postern_server *rival = NULL;

	assert_ok(second);
	site_echo(&e->s, second);
	site_echo(&e->s, e->client);
	pair_send(&e->p, "hello", 5);
	turn_until(e->p.loop, e->p.end.n == 5);
	assert_errno(postern_server_new(&rival, e->p.loop, "clock", NULL, &site_events, NULL),
		     -EADDRINUSE);
	assert_int_equal(e->s.errors[POSTERN_REASON_NAME_RESTORED], 0);
	close(second);
}

static void everything_close(struct everything *e)
{
	postern_timer_free(e->timer);
	postern_conn_free(e->dialing);
	pair_close(&e->p);
	site_close(&e->s);
	close(e->client);
}

static void in_a_child_every_call_says_echild(void **state)
{
	struct everything e = { 0 };

	(void)state;
	everything_open(&e);
	assert_int_equal(test_fork(child_calls, &e), 0);
	everything_works(&e);
	everything_close(&e);
}

static void a_free_in_a_child_takes_nothing_from_the_parent(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		struct everything e = { .order = order };

		everything_open(&e);
		assert_int_equal(test_fork(child_frees, &e), 0);
		everything_works(&e);
		everything_close(&e);
	}
}

static int child_makes_its_own(void *arg)
{
	struct everything *e = arg;
	struct site s;
	int fd;

	child_frees(e);
	site_open(&s, "of-the-child", NULL);
	fd = plain_connect(postern_server_path(s.server));
	site_echo(&s, fd);
	close(fd);
	site_close(&s);
	return 0;
}

static void a_child_may_make_a_loop_of_its_own(void **state)
{
	struct everything e = { 0 };

	(void)state;
	everything_open(&e);
	assert_int_equal(test_fork(child_makes_its_own, &e), 0);
	everything_works(&e);
	everything_close(&e);
}

static void fork_inside(struct site *s, enum site_event event, struct postern_conn *c)
{
	struct everything *e = (void *)((char *)s - offsetof(struct everything, s));

	(void)c;
	if (event != SITE_ACCEPTED || e->free_all)
		return;
	e->free_all = true; /* once */
	assert_int_equal(test_fork(child_calls, e), 0);
}

static void a_fork_inside_a_callback_is_a_fork_like_any(void **state)
{
	struct everything e = { 0 };

	(void)state;
	everything_open(&e);
	e.s.hook = fork_inside;
	everything_works(&e);
	assert_true(e.free_all);
	everything_close(&e);
}

/* ---- exec ---- */

static int exec_ls(void *arg)
{
	int fd = open(arg, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	dup2(fd, 1);
	close(fd);
	execl("/bin/ls", "ls", "/proc/self/fd", (char *)NULL);
	return 9;
}

static size_t slurp(const char *path, char *ret, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n;

	assert_non_null(f);
	n = fread(ret, 1, size - 1, f);
	ret[n] = '\0';
	fclose(f);
	return n;
}

static void an_execed_child_inherits_nothing(void **state)
{
	char with[1024], without[1024], path[512];
	struct everything e = { 0 };

	(void)state;
	snprintf(path, sizeof(path), "%s", test_path("list"));
	assert_int_equal(test_fork(exec_ls, path), 0);
	slurp(path, without, sizeof(without));
	everything_open(&e);
	assert_int_equal(test_fork(exec_ls, path), 0);
	slurp(path, with, sizeof(with));
	assert_string_equal(with, without);
	unlink(path);
	everything_close(&e);
}

/* ---- a fork on another thread while servers come and go ---- */

struct forker {
	atomic_bool stop;
	atomic_uint forks;
};

/* Each child lives on for a while: what it inherited half-made would keep the name from the next round. */
static void *fork_on_and_on(void *arg)
{
	struct forker *f = arg;
	pid_t children[8] = { 0 };

	for (unsigned i = 0; !atomic_load(&f->stop); i = (i + 1) % 8) {
		if (children[i] > 0) {
			kill(children[i], SIGKILL);
			waitpid(children[i], NULL, 0);
		}
		children[i] = fork();
		if (children[i] == 0) {
			alarm(60);
			for (;;)
				pause();
		}
		f->forks++;
	}
	for (int i = 0; i < 8; i++) {
		if (children[i] > 0) {
			kill(children[i], SIGKILL);
			waitpid(children[i], NULL, 0);
		}
	}
	return NULL;
}

static void a_fork_on_another_thread_never_catches_a_server_half_made(void **state)
{
	struct forker f = { .forks = 0 };
	int64_t slowest = 0, until = test_now_ns() + test_patience_ns();
	pthread_t thread;

	(void)state;
#if defined(__SANITIZE_THREAD__)
	test_skip("the thread sanitizer does not bear fork on a second thread");
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
	test_skip("the thread sanitizer does not bear fork on a second thread");
#endif
#endif
	assert_int_equal(pthread_create(&thread, NULL, fork_on_and_on, &f), 0);
	/* On a busy machine the other thread may be slow to begin. */
	for (int i = 0; i < 200 || (f.forks <= 20 && test_now_ns() < until); i++) {
		int64_t begun = test_now_ns(), took;
		struct site s;

		site_open(&s, "clock", NULL);
		took = test_now_ns() - begun;
		slowest = took > slowest ? took : slowest;
		turn(s.loop, 0);
		site_close(&s);
		/* The lock and the listener went with the free, whatever children there are. */
		assert_errno(plain_connect(test_path("clock/sock")), -ENOENT);
	}
	atomic_store(&f.stop, true);
	pthread_join(thread, NULL);
	test_note("200 servers beside %u forks, the slowest start took %lld ms",
		  atomic_load(&f.forks), (long long)(slowest / 1000000));
	assert_true(f.forks > 20);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(the_death_of_a_server_frees_its_name_though_a_child_lives_on),
		TEST(a_freed_server_is_gone_though_a_child_lives_on),
		TEST(a_freed_server_is_gone_though_a_child_was_cloned_behind_its_back),
		TEST(a_closed_connection_is_gone_though_a_child_lives_on),
		TEST(in_a_child_every_call_says_echild),
		TEST(a_free_in_a_child_takes_nothing_from_the_parent),
		TEST(a_child_may_make_a_loop_of_its_own),
		TEST(a_fork_inside_a_callback_is_a_fork_like_any),
		TEST(an_execed_child_inherits_nothing),
		TEST(a_fork_on_another_thread_never_catches_a_server_half_made),
	};
	return test_run(tests);
}
