/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting calls on threads, beside loops, in forked children and under signals. */
#include "talk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern/client.h>
#include <postern/thread.h>

/* ---- threads and loops ---- */

static void two_clients_on_one_thread_do_not_mind_each_other(void **state)
{
	struct talk a, b;

	(void)state;
	talk_open(&a);
	talk_open(&b);
	SAY(&a, "to a\n");
	SAY(&b, "to b\n");
	assert_int_equal(postern_client_read_line(b.c, got, 64, LONG), 4);
	assert_string_equal(got, "to b");
	assert_errno(postern_client_read_line(b.c, got, 64, 0), -ETIMEDOUT);
	assert_int_equal(postern_client_read_line(a.c, got, 64, LONG), 4);
	assert_string_equal(got, "to a");
	talk_close(&a);
	assert_ok(postern_client_write(b.c, "x", 1, LONG));
	talk_close(&b);
}

enum { QUESTIONS = 500 };

static void *asker_main(void *data)
{
	struct postern_client *c = NULL;
	char line[64], back[64];

	for (int i = 0; i < QUESTIONS; i++) {
		int n = snprintf(line, sizeof line, "%s %d\n", (const char *)data, i);

		if (!c && postern_client_new(&c, "echo", NULL) < 0)
			return (void *)"cannot connect";
		if (postern_client_write(c, line, (size_t)n, LONG) < 0)
			return (void *)"cannot write";
		if (postern_client_read_line(c, back, sizeof back, LONG) != n - 1)
			return (void *)"cannot read";
		if (strncmp(line, back, (size_t)n - 1) != 0)
			return (void *)"another's answer";
		if (i % 100 == 99)
			c = postern_client_free(c);
	}
	postern_client_free(c);
	return NULL;
}

static size_t echo_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t taken = postern_conn_write(c, bytes, n);

	(void)data;
	return taken > 0 ? (size_t)taken : 0;
}

static const struct postern_conn_events echo_conn = { .size = sizeof echo_conn,
						      .received = echo_received };
static const struct postern_server_events echo_server = { .size = sizeof echo_server,
							  .conn = &echo_conn };

static int echo_start(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	struct postern_server *s;

	(void)t;
	return postern_server_new(&s, loop, data, NULL, &echo_server, NULL);
}

static void clients_on_several_threads_have_their_own_answers(void **state)
{
	static const char *const names[] = { "anna", "bert", "cleo" };
	struct postern_thread *t = NULL;
	pthread_t askers[3];
	void *complaint;

	(void)state;
	assert_ok(postern_thread_start(&t, NULL, echo_start, (void *)"echo"));
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&askers[i], NULL, asker_main, (void *)names[i]), 0);
	for (int i = 0; i < 3; i++) {
		pthread_join(askers[i], &complaint);
		assert_string_equal(complaint ? complaint : "", "");
	}
	postern_thread_free(t);
}

/* Each waiting call, from inside a callback of another loop of this thread. */
static struct talk trial;
static unsigned trials;

static void try_waiting(void)
{
	struct postern_thread *thread = NULL;
	struct postern_client *c = NULL;
	char byte;

	trials++;
	assert_errno(postern_client_read(trial.c, &byte, 1, LONG), -EDEADLK);
	assert_errno(postern_client_read_exactly(trial.c, &byte, 1, LONG), -EDEADLK);
	assert_errno(postern_client_read_line(trial.c, &byte, 1, LONG), -EDEADLK);
	assert_errno(postern_client_read_frame(trial.c, 1, &byte, 1, LONG), -EDEADLK);
	assert_errno(postern_client_write(trial.c, "x", 1, LONG), -EDEADLK);
	assert_errno(postern_client_write_frame(trial.c, 1, "x", 1, LONG), -EDEADLK);
	assert_errno(postern_client_shutdown(trial.c, LONG), -EDEADLK);
	assert_errno(postern_client_close(trial.c, LONG), -EDEADLK);
	assert_errno(postern_client_wait_end(trial.c, LONG), -EDEADLK);
	assert_errno(postern_client_new(&c, "echo", NULL), -EDEADLK);
	assert_errno(postern_client_adopt(&c, trial.peer, NULL), -EDEADLK);
	assert_errno(postern_thread_start(&thread, NULL, echo_start, (void *)"other"), -EDEADLK);
}

static void trial_hook(struct site *s, enum site_event event, struct postern_conn *c)
{
	(void)s, (void)event, (void)c;
	try_waiting();
}

static void trial_post(struct postern_loop *loop, void *data)
{
	(void)loop, (void)data;
	try_waiting();
}

static void trial_timer(struct postern_timer *t, void *data)
{
	(void)t, (void)data;
	try_waiting();
}

static void trial_watch(struct postern_watch *w, uint64_t happened, void *data)
{
	(void)happened, (void)data;
	try_waiting();
	assert_ok(postern_watch_set(w, 0));
}

static void trial_end(struct end *e, struct postern_conn *c, enum end_event event)
{
	(void)e, (void)c, (void)event;
	try_waiting();
}

static void trial_each(struct postern_conn *c, void *data)
{
	(void)c, (void)data;
	try_waiting();
}

static int trial_child_main(void *arg)
{
	(void)arg;
	return 0;
}

static void trial_child(struct postern_child *child, int how, int status, void *data)
{
	(void)child, (void)how, (void)status;
	try_waiting();
	*(bool *)data = true;
}

static void waiting_inside_a_callback_is_refused(void **state)
{
	struct postern_child *child = NULL;
	struct postern_timer *timer = NULL;
	struct postern_watch *watch = NULL;
	struct postern_conn *c = NULL;
	bool reaped = false;
	struct pair p;
	struct site s;
	struct end e;
	int fd, pipes[2];

	(void)state;
	trials = 0;
	talk_open(&trial);
	site_open(&s, "site", NULL);
	s.hook = trial_hook;
	fd = plain_connect(postern_server_path(s.server));
	site_echo(&s, fd);
	assert_int_equal(trials, 3); /* allow, accepted, received */
	assert_ok(postern_server_each(s.server, trial_each, NULL));
	assert_int_equal(trials, 4);
	close(fd);
	turn_until(s.loop, s.conns_closed == 1);
	assert_int_equal(trials, 5);

	assert_ok(postern_loop_post(s.loop, trial_post, NULL));
	assert_ok(postern_timer_new(&timer, s.loop, trial_timer, NULL));
	assert_ok(postern_timer_set(timer, 0));
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_ok(postern_watch_new(&watch, s.loop, pipes[1], POSTERN_WATCH_WRITABLE, trial_watch,
				    NULL));
	turn_quiet(s.loop);
	assert_int_equal(trials, 8);
	assert_ok(postern_child_new(&child, s.loop, test_fork_start(trial_child_main, NULL),
				    trial_child, &reaped));
	turn_until(s.loop, reaped);
	assert_int_equal(trials, 9);

	end_init(&e);
	e.hook = trial_end;
	assert_ok(postern_connect(&c, s.loop, "nobody", NULL, &end_events, &e));
	turn_until(s.loop, e.states >= 2);
	assert_true(trials >= 11);
	trials = 0;
	/* Also in the final events of a free. */
	postern_loop_free(s.loop);
	assert_int_equal(trials, 2);
	postern_conn_free(c);
	postern_server_free(s.server);
	postern_timer_free(timer);
	postern_watch_free(watch);
	postern_child_free(child);
	close(pipes[0]);
	close(pipes[1]);

	trials = 0;
	pair_open(&p, &(struct postern_conn_options){ .size = sizeof(struct postern_conn_options),
						      .high_water = 10 });
	p.end.hook = trial_end;
	assert_int_equal(postern_conn_write(p.c, "a dozen bytes", 13), 10);
	pair_send(&p, "bytes", 5);
	pair_close_peer(&p);
	turn_until(p.loop, p.end.closed);
	assert_int_equal(strspn(p.end.trace, "dre"), strlen(p.end.trace) - 1);
	assert_int_equal(trials, strlen(p.end.trace));
	assert_true(trials >= 3);
	pair_close(&p);

	/* Outside of them it waits as before. */
	assert_ok(postern_client_write(trial.c, "x", 1, LONG));
	talk_close(&trial);
}

static void a_client_works_where_no_callback_is_running(void **state)
{
	struct postern_loop *loop = NULL;
	struct talk t;

	(void)state;
	assert_ok(postern_loop_new(&loop));
	talk_open(&t);
	SAY(&t, "x");
	assert_int_equal(postern_client_read(t.c, got, 1, LONG), 1);
	assert_ok(postern_loop_dispatch(loop, 0));
	postern_loop_free(loop);
	talk_close(&t);
}

/* ---- fork ---- */

static int child_uses(void *arg)
{
	struct talk *t = arg, own;
	char byte;

	assert_errno(postern_client_read(t->c, &byte, 1, LONG), -ECHILD);
	assert_errno(postern_client_read_exactly(t->c, &byte, 1, LONG), -ECHILD);
	assert_errno(postern_client_read_line(t->c, &byte, 1, LONG), -ECHILD);
	assert_errno(postern_client_read_frame(t->c, 1, &byte, 1, LONG), -ECHILD);
	assert_errno(postern_client_write(t->c, "x", 1, LONG), -ECHILD);
	assert_errno(postern_client_write_frame(t->c, 1, "x", 1, LONG), -ECHILD);
	assert_errno(postern_client_shutdown(t->c, LONG), -ECHILD);
	assert_errno(postern_client_close(t->c, LONG), -ECHILD);
	assert_errno(postern_client_wait_end(t->c, LONG), -ECHILD);
	postern_client_free(t->c);
	/* One of its own is as good as any. */
	talk_open(&own);
	SAY(&own, "x");
	assert_int_equal(postern_client_read(own.c, &byte, 1, LONG), 1);
	talk_close(&own);
	return 0;
}

static void in_a_forked_child_every_call_says_so_and_the_parent_goes_on(void **state)
{
	struct talk t;

	(void)state;
	talk_open(&t);
	assert_int_equal(test_fork(child_uses, &t), 0);
	SAY(&t, "still here\n");
	assert_int_equal(postern_client_read_line(t.c, got, 64, LONG), 10);
	assert_ok(postern_client_write(t.c, "x", 1, LONG));
	talk_close(&t);
}

/* ---- signals ---- */

static void on_signal(int sig)
{
	(void)sig;
}

static void play_signals(int fd)
{
	for (int i = 0; i < 40; i++) {
		kill(getpid(), SIGUSR1);
		test_sleep_ms(5);
	}
	send(fd, "x", 1, MSG_NOSIGNAL);
}

static void threat_14_signals_do_not_shorten_or_lengthen_a_wait(void **state)
{
	struct sigaction act = { .sa_handler = on_signal }, before;
	struct side s;
	struct talk t;
	ssize_t r;

	(void)state;
	sigaction(SIGUSR1, &act, &before);
	talk_open(&t);
	side_start(&s, &t, play_signals);
	TIMED(r, postern_client_read(t.c, got, 1, POSTERN_MS(100)));
	assert_errno(r, -ETIMEDOUT);
	assert_took_until(POSTERN_MS(100));
	assert_int_equal(postern_client_read(t.c, got, 1, LONG), 1);
	side_join(&s);
	talk_close(&t);
	sigaction(SIGUSR1, &before, NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(two_clients_on_one_thread_do_not_mind_each_other),
		TEST(clients_on_several_threads_have_their_own_answers),
		TEST(waiting_inside_a_callback_is_refused),
		TEST(a_client_works_where_no_callback_is_running),
		TEST(in_a_forked_child_every_call_says_so_and_the_parent_goes_on),
		TEST(threat_14_signals_do_not_shorten_or_lengthen_a_wait),
	};

	return test_run(tests);
}
