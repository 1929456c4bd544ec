/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-thread.c - a loop on a thread of its own: starting, stopping, and every way out of it
 *
 * A house is such a thread with a server, connections, a timer and whatever else a test needs; its callbacks
 * all go through house_at(), where it leaves or hangs as it was told. After it has gone, the accounts are
 * made up: descriptors, blocks of memory, names, and what was posted.
 *
 * Linked with sys-fault.c, which counts the blocks. Cancellation at random is in test-cancel.c.
 */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <postern/client.h>
#include <postern/frame.h>
#include <postern/name.h>
#include <postern/thread.h>

#include "fault.h"

enum { CONNS = 8 };

#define LONG POSTERN_SECONDS(10)

enum place {
	NOWHERE,
	IN_START,
	IN_ALLOW,
	IN_ACCEPTED,
	IN_RECEIVED,
	IN_FRAME,
	IN_STATE,
	IN_SENT,
	IN_DRAINED,
	IN_ENDED,
	IN_CLOSED,
	IN_ERROR,
	IN_SERVER_CLOSED,
	IN_EACH,
	IN_LIST,
	IN_TIMER,
	IN_WATCH,
	IN_CHILD,
	IN_POST,
	PLACES,
};

static const struct {
	const char *name, *calling;
} places[PLACES] = {
	[IN_START] = { "start", "start" },
	[IN_ALLOW] = { "allow", "allow" },
	[IN_ACCEPTED] = { "accepted", "accepted" },
	[IN_RECEIVED] = { "received", "received" },
	[IN_FRAME] = { "frame", "frame" },
	[IN_STATE] = { "state", "state" },
	[IN_SENT] = { "sent", "sent" },
	[IN_DRAINED] = { "drained", "drained" },
	[IN_ENDED] = { "ended", "ended" },
	[IN_CLOSED] = { "closed", "closed" },
	[IN_ERROR] = { "error of a server", "error" },
	[IN_SERVER_CLOSED] = { "closed of a server", "server closed" },
	[IN_EACH] = { "each", "post" },
	[IN_LIST] = { "list", "post" },
	[IN_TIMER] = { "timer", "timer" },
	[IN_WATCH] = { "watch", "watch" },
	[IN_CHILD] = { "child", "child" },
	[IN_POST] = { "post", "post" },
};

struct house {
	struct postern_thread *t;
	struct postern_thread_options options;
	enum place used;        /* what the house is furnished for */
	enum place leave, hang; /* where it leaves by pthread_exit(), or waits to be let go on */
	bool leave_again;       /* each time it comes there */
	int result;             /* of its first function */
	sem_t hangs, go;
	atomic_uint left, ended, posts_run, posts_released, conns_closed;
	struct postern_server *server;
	struct postern_child *child;
	char path[2][256]; /* of the server, and of the one with frames */
	int pipe[2];
	pid_t pid;
	int peers[CONNS], n_peers;
	int fds;
	int64_t memory;
};

static void house_at(struct house *h, enum place place)
{
	if (place == NOWHERE)
		return;
	if (h->leave == place && (atomic_fetch_add(&h->left, 1) == 0 || h->leave_again))
		pthread_exit(NULL);
	if (h->hang == place) {
		h->hang = NOWHERE;
		sem_post(&h->hangs);
		while (sem_wait(&h->go) < 0)
			;
	}
}

/* ---- its callbacks ---- */

static char words[5000];

static size_t house_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct house *h = data;

	(void)bytes;
	house_at(h, IN_RECEIVED);
	/* For drained it is cut short. */
	(void)!postern_conn_write(c, words, h->used == IN_DRAINED ? sizeof words : n);
	return n;
}

static void house_frame(struct postern_conn *c, const void *payload, size_t n, void *data)
{
	(void)c, (void)payload, (void)n;
	house_at(data, IN_FRAME);
}

static void house_state(struct postern_conn *c, int state, void *data)
{
	(void)c, (void)state;
	house_at(data, IN_STATE);
}

static void house_sent(struct postern_conn *c, size_t n, void *data)
{
	(void)c, (void)n;
	house_at(data, IN_SENT);
}

static void house_drained(struct postern_conn *c, void *data)
{
	(void)c;
	house_at(data, IN_DRAINED);
}

static void house_ended(struct postern_conn *c, void *data)
{
	house_at(data, IN_ENDED);
	assert_ok(postern_conn_close(c));
}

static void house_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct house *h = data;

	(void)c, (void)why;
	h->conns_closed++;
	house_at(h, IN_CLOSED);
}

static int house_allow(struct postern_server *s, const struct postern_peer *peer, void *data)
{
	(void)s, (void)peer;
	house_at(data, IN_ALLOW);
	return 0;
}

static void house_accepted(struct postern_server *s, struct postern_conn *c, void *data)
{
	(void)s, (void)c;
	house_at(data, IN_ACCEPTED);
}

static void house_error(struct postern_server *s, const struct postern_reason *why, void *data)
{
	(void)s, (void)why;
	house_at(data, IN_ERROR);
}

static void house_server_closed(struct postern_server *s, const struct postern_reason *why,
				void *data)
{
	(void)s, (void)why;
	house_at(data, IN_SERVER_CLOSED);
}

static const struct postern_conn_events house_conn_events = {
	.size = sizeof house_conn_events,
	.state = house_state,
	.received = house_received,
	.frame = house_frame,
	.ended = house_ended,
	.drained = house_drained,
	.sent = house_sent,
	.closed = house_closed,
};

static const struct postern_server_events house_events = {
	.size = sizeof house_events,
	.conn = &house_conn_events,
	.allow = house_allow,
	.accepted = house_accepted,
	.error = house_error,
	.closed = house_server_closed,
};

static void house_fire(struct postern_timer *timer, void *data)
{
	(void)timer;
	house_at(data, IN_TIMER);
}

static void house_ready(struct postern_watch *w, uint64_t happened, void *data)
{
	(void)happened;
	assert_ok(postern_watch_set(w, 0));
	house_at(data, IN_WATCH);
}

static void house_reaped(struct postern_child *child, int how, int status, void *data)
{
	(void)child, (void)how, (void)status;
	house_at(data, IN_CHILD);
}

static int parcel_list(const struct postern_name_info *info, void *data)
{
	(void)info;
	house_at(data, IN_LIST);
	return 0;
}

/* A post that owns something: it is released once, whether it is run or not. */
struct parcel {
	struct house *h;
	enum place place;
};

static void parcel_each(struct postern_conn *c, void *data)
{
	(void)c;
	house_at(data, IN_EACH);
}

static void parcel_arrives(struct postern_loop *loop, void *data)
{
	struct parcel p = *(struct parcel *)data;

	free(data);
	if (!loop) {
		p.h->posts_released++;
		return;
	}
	p.h->posts_run++;
	if (p.place == IN_SERVER_CLOSED)
		assert_ok(postern_server_drain(p.h->server, 0));
	else if (p.place == IN_EACH)
		assert_ok(postern_server_each(p.h->server, parcel_each, p.h));
	else if (p.place == IN_LIST)
		assert_ok(postern_name_list(parcel_list, p.h));
	else
		house_at(p.h, p.place);
}

static int house_post(struct house *h, enum place place)
{
	struct parcel *p = malloc(sizeof *p);
	int r;

	*p = (struct parcel){ h, place };
	r = postern_thread_post(h->t, parcel_arrives, p);
	if (r < 0)
		free(p);
	return r;
}

/* ---- its life ---- */

static int house_serve(struct house *h, struct postern_loop *loop)
{
	struct postern_conn_options conn = { .size = sizeof conn, .high_water = 1000 };
	struct postern_server_options o = { .size = sizeof o, .conn = &conn };
	struct postern_server *framed;
	int r = postern_server_new(&h->server, loop, "house", &o, &house_events, h);

	if (r < 0)
		return r;
	conn.framing = POSTERN_LINES;
	conn.frame_max = 100;
	r = postern_server_new(&framed, loop, "framed", &o, &house_events, h);
	if (r < 0)
		return r;
	snprintf(h->path[0], sizeof h->path[0], "%s", postern_server_path(h->server));
	snprintf(h->path[1], sizeof h->path[1], "%s", postern_server_path(framed));
	return 0;
}

/* What it makes it does not keep: it goes with the loop. */
static int house_furnish(struct house *h, struct postern_loop *loop)
{
	struct postern_timer *timer;
	struct postern_watch *watch;
	struct postern_conn *c;
	int r = postern_timer_new(&timer, loop, house_fire, h);

	if (r == 0)
		r = postern_watch_new(&watch, loop, h->pipe[0], POSTERN_READABLE, house_ready, h);
	if (r == 0 && h->used == IN_TIMER)
		r = postern_timer_set_periodic(timer, POSTERN_MS(2));
	if (r == 0 && h->used == IN_STATE)
		r = postern_connect(&c, loop, "nobody", NULL, &house_conn_events, h);
	if (r == 0 && h->used == IN_CHILD)
		r = postern_child_new(&h->child, loop, h->pid, house_reaped, h);
	return r;
}

static int house_main(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	struct house *h = data;
	int r = house_serve(h, loop);

	(void)t;
	if (r == 0)
		r = house_furnish(h, loop);
	house_at(h, IN_START);
	return r < 0 ? r : h->result;
}

static void house_gone(void *data)
{
	((struct house *)data)->ended++;
}

static int sleeper(void *arg)
{
	(void)arg;
	test_sleep_ms(60000);
	return 0;
}

/* What is not freed has to be there for longer than the test's own frame. */
static struct house *house_new(void)
{
	struct house *h = calloc(1, sizeof *h);

	if (!h)
		abort();
	h->options =
		(struct postern_thread_options){ .size = sizeof h->options, .ended = house_gone };
	sem_init(&h->hangs, 0, 0);
	sem_init(&h->go, 0, 0);
	assert_int_equal(pipe2(h->pipe, O_CLOEXEC), 0);
	h->fds = test_fd_count();
	h->memory = fault_memory();
	return h;
}

static int house_start(struct house *h)
{
	if (h->used == NOWHERE)
		h->used = h->leave ? h->leave : h->hang;
	if (h->used == IN_CHILD)
		h->pid = test_fork_start(sleeper, NULL);
	return postern_thread_start(&h->t, house_main, h, &h->options);
}

static int house_visit(struct house *h, int server)
{
	int fd = plain_connect(h->path[server]);

	assert_ok(fd);
	h->peers[h->n_peers++] = fd;
	return fd;
}

static void house_greet(struct house *h)
{
	int fd = house_visit(h, 0);
	char back[5];
	ssize_t r;

	assert_int_equal(send(fd, "hello", 5, MSG_NOSIGNAL), 5);
	r = recv(fd, back, 5, MSG_WAITALL);
	if (r != 5)
		fail_msg("greeted, it says %zd, %s", r, strerror(errno));
}

/* Does from outside what brings it to this place. */
static void house_provoke(struct house *h, enum place place)
{
	int fd;

	switch (place) {
	case IN_FRAME:
		fd = house_visit(h, 1);
		(void)send(fd, "one\ntwo\nthr", 11, MSG_NOSIGNAL);
		break;
	case IN_ALLOW:
	case IN_ACCEPTED:
	case IN_RECEIVED:
	case IN_SENT:
	case IN_DRAINED:
		fd = house_visit(h, 0);
		/* It may be gone by now. */
		(void)send(fd, "hello", 5, MSG_NOSIGNAL);
		break;
	case IN_ENDED:
	case IN_CLOSED:
		house_greet(h);
		shutdown(h->peers[0], SHUT_WR);
		break;
	case IN_EACH:
		house_greet(h);
		house_greet(h);
		assert_ok(house_post(h, place));
		break;
	case IN_ERROR: /* the name is taken away and published again */
		assert_int_equal(unlink(h->path[0]), 0);
		break;
	case IN_WATCH:
		assert_int_equal(write(h->pipe[1], "x", 1), 1);
		break;
	case IN_CHILD:
		kill(h->pid, SIGKILL);
		break;
	case IN_POST:
	case IN_LIST:
	case IN_SERVER_CLOSED:
		assert_ok(house_post(h, place));
		break;
	default: /* comes by itself */
		break;
	}
}

static bool until(int64_t ns, bool (*holds)(struct house *h), struct house *h)
{
	int64_t at = test_now_ns() + ns * test_scale();

	while (!holds(h) && test_now_ns() < at)
		test_sleep_ms(1);
	return holds(h);
}

static bool house_has_given_back(struct house *h)
{
	return h->ended == 1 && fault_memory() == h->memory && test_fd_count() == h->fds;
}

static bool house_waits(struct house *h)
{
	return postern_thread_calling(h->t)[0] == '\0';
}

static int count_names(const struct postern_name_info *info, void *data)
{
	/* Others on this machine have names too. */
	if (strncmp(info->path, test_dir(), strlen(test_dir())) == 0)
		++*(int *)data;
	return 0;
}

/* Everything is back, and both names are free. The thread is joined or on its way out. */
static void house_close(struct house *h)
{
	int names = 0;

	assert_null(postern_thread_free(h->t));
	for (int i = 0; i < h->n_peers; i++)
		close(h->peers[i]);
	if (h->pid) {
		kill(h->pid, SIGKILL);
		waitpid(h->pid, NULL, 0);
	}
	if (!until(LONG, house_has_given_back, h)) {
		print_error("ended %u times; %lld blocks and %d descriptors are not given back\n",
			    h->ended, (long long)(fault_memory() - h->memory),
			    test_fd_count() - h->fds);
		fail();
	}
	for (int i = 0; i < 2 && h->path[0][0]; i++)
		assert_errno(plain_connect(h->path[i]), -ENOENT);
	assert_ok(postern_name_list(count_names, &names));
	assert_int_equal(names, 0);
	close(h->pipe[0]);
	close(h->pipe[1]);
	sem_destroy(&h->hangs);
	sem_destroy(&h->go);
	free(h);
}

/* ---- starting ---- */

static void it_serves_until_it_is_stopped(void **state)
{
	struct house *h = house_new();
	char back[8];

	(void)state;
	assert_ok(house_start(h));
	house_greet(h);
	assert_true(until(LONG, house_waits, h));
	assert_errno(postern_thread_join(h->t, 0), -ETIMEDOUT);
	assert_ok(postern_thread_stop(h->t));
	assert_ok(postern_thread_join(h->t, LONG));
	assert_int_equal(h->ended, 1);
	assert_int_equal(h->conns_closed, 1);
	assert_int_equal(recv(h->peers[0], back, 8, 0), 0);
	/* As often as one likes. */
	assert_ok(postern_thread_join(h->t, 0));
	assert_errno(postern_thread_stop(h->t), -ENOTCONN);
	assert_string_equal(postern_thread_calling(h->t), "");
	house_close(h);
}

static void its_name_is_what_debuggers_show(void **state)
{
	struct house *h = house_new();
	char name[16];

	(void)state;
	assert_ok(house_start(h));
	assert_int_equal(pthread_getname_np(postern_thread_id(h->t), name, sizeof name), 0);
	assert_string_equal(name, "postern");
	house_close(h);

	h = house_new();
	h->options.name = "a name that is too long";
	assert_ok(house_start(h));
	assert_int_equal(pthread_getname_np(postern_thread_id(h->t), name, sizeof name), 0);
	assert_string_equal(name, "a name that is ");
	house_close(h);
}

static void a_start_that_fails_says_why_and_leaves_nothing(void **state)
{
	struct house *h = house_new();

	(void)state;
	h->result = -EIO;
	assert_errno(house_start(h), -EIO);
	assert_null(h->t);
	assert_int_equal(h->ended, 1);
	house_close(h);

	h = house_new();
	h->leave = IN_START;
	assert_errno(house_start(h), -ECANCELED);
	assert_null(h->t);
	assert_int_equal(h->ended, 1);
	house_close(h);
}

static void a_start_without_descriptors_says_so(void **state)
{
	struct house *h = house_new();
	struct rlimit limit, none;
	int r;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	/* One after the other is there, and the next one is not. */
	for (int more = 0; more < 3; more++) {
		int next = dup(0);

		close(next);
		none = limit;
		none.rlim_cur = (rlim_t)(next + more);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		r = house_start(h);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		assert_errno(r, -EMFILE);
		assert_int_equal(atomic_exchange(&h->ended, 0), 1);
	}
	h->ended = 1;
	house_close(h);
}

static void a_start_without_memory_or_threads_says_so(void **state)
{
	struct house *h = house_new();

	(void)state;
	h->options.stack_size = 1;
	assert_errno(house_start(h), -EINVAL);
	h->options.stack_size = (size_t)1 << 46;
	assert_errno(house_start(h), -EAGAIN);
	h->options.stack_size = 0;
	fault_arm(&(struct fault){ .call = FAULT_alloc, .nth = 1, .error = ENOMEM });
	assert_errno(house_start(h), -ENOMEM);
	fault_disarm();
	/* The next one is the loop's. */
	fault_arm(&(struct fault){ .call = FAULT_alloc, .nth = 2, .error = ENOMEM });
	assert_errno(house_start(h), -ENOMEM);
	fault_disarm();
	assert_null(h->t);
	assert_int_equal(h->ended, 1);
	house_close(h);
}

static void calls_with_nonsense_say_invalid(void **state)
{
	struct postern_thread_options o = { .size = 4 };
	struct postern_thread *t = (void *)state;
	struct house *h = house_new();

	assert_errno(postern_thread_start(NULL, house_main, h, NULL), -EINVAL);
	assert_errno(postern_thread_start(&t, NULL, h, NULL), -EINVAL);
	assert_errno(postern_thread_start(&t, house_main, h, &o), -EINVAL);
	o = (struct postern_thread_options){ .size = sizeof o, .start_ns = -1 };
	assert_errno(postern_thread_start(&t, house_main, h, &o), -EINVAL);
	o = (struct postern_thread_options){ .size = sizeof o, .join_ns = -1 };
	assert_errno(postern_thread_start(&t, house_main, h, &o), -EINVAL);
	assert_ptr_equal(t, (void *)state);
	assert_errno(postern_thread_stop(NULL), -EINVAL);
	assert_errno(postern_thread_post(NULL, parcel_arrives, NULL), -EINVAL);
	assert_errno(postern_thread_join(NULL, 0), -EINVAL);
	assert_string_equal(postern_thread_calling(NULL), "");
	assert_null(postern_thread_free(NULL));
	assert_ok(house_start(h));
	assert_errno(postern_thread_post(h->t, NULL, NULL), -EINVAL);
	assert_errno(postern_thread_join(h->t, -1), -EINVAL);
	house_close(h);
}

static void a_start_that_hangs_is_let_go_and_ends_by_itself(void **state)
{
	struct house *h = house_new();
	int64_t begun;

	(void)state;
	h->hang = IN_START;
	h->options.start_ns = POSTERN_MS(50);
	begun = test_now_ns();
	assert_errno(house_start(h), -ETIMEDOUT);
	begun = test_now_ns() - begun;
	assert_in_range(begun / 1000000, 49, 400 * test_scale());
	assert_null(h->t);
	assert_int_equal(h->ended, 0);
	test_sleep_ms(20);
	sem_post(&h->go);
	house_close(h);
}

/* ---- leaving in the middle ---- */

static void threat_14_pthread_exit_in_each_callback_gives_everything_back(void **state)
{
	int n = 0;

	(void)state;
	for (enum place place = IN_START + 1; place < PLACES; place++, n++) {
		struct house *h = house_new();
		int r;

		h->leave = place;
		assert_ok(house_start(h));
		house_provoke(h, place);
		r = postern_thread_join(h->t, LONG);
		if (r < 0 || h->left == 0 || h->ended != 1)
			fail_msg("in %s: join says %d, left %u, ended %u", places[place].name, r,
				 h->left, h->ended);
		assert_errno(house_post(h, IN_POST), -ENOTCONN);
		house_close(h);
	}
	test_note("%d kinds of callback", n);
}

static void final_events_that_leave_too_leave_nothing_behind(void **state)
{
	static const enum place where[] = { IN_CLOSED, IN_SERVER_CLOSED };

	(void)state;
	for (int stopped = 0; stopped < 2; stopped++) {
		for (int i = 0; i < 2; i++) {
			struct house *h = house_new();

			h->leave = where[i];
			h->leave_again = true;
			assert_ok(house_start(h));
			for (int k = 0; k < 4; k++)
				house_greet(h);
			if (stopped)
				assert_ok(postern_thread_stop(h->t));
			else if (where[i] == IN_CLOSED)
				shutdown(h->peers[0], SHUT_WR);
			else
				house_provoke(h, IN_SERVER_CLOSED);
			assert_ok(postern_thread_join(h->t, LONG));
			assert_int_equal(h->conns_closed, 4);
			assert_true(h->left >= 1);
			house_close(h);
		}
	}
}

static void threat_14_the_name_is_gone_after_each_way_out(void **state)
{
	enum { BY_STOP, BY_FREE, BY_EXIT, BY_CANCEL, BY_ERROR, WAYS };

	(void)state;
	for (int way = 0; way < WAYS; way++) {
		struct house *h = house_new();

		h->used = IN_POST;
		h->leave = way == BY_EXIT ? IN_POST : NOWHERE;
		h->result = way == BY_ERROR ? -EIO : 0;
		assert_errno(house_start(h), h->result);
		if (way != BY_ERROR)
			house_greet(h);
		switch (way) {
		case BY_STOP:
			assert_ok(postern_thread_stop(h->t));
			break;
		case BY_EXIT:
			assert_ok(house_post(h, IN_POST));
			break;
		case BY_CANCEL:
			assert_int_equal(pthread_cancel(postern_thread_id(h->t)), 0);
			break;
		default:
			break;
		}
		if (way == BY_FREE)
			h->t = postern_thread_free(h->t);
		else if (way != BY_ERROR)
			assert_ok(postern_thread_join(h->t, LONG));
		/* Not only in a while: now. */
		assert_int_equal(h->ended, 1);
		assert_errno(plain_connect(h->path[0]), -ENOENT);
		house_close(h);
	}
}

/* ---- joining ---- */

static void a_join_that_times_out_says_which_callback_it_hangs_in(void **state)
{
	(void)state;
	for (enum place place = IN_START + 1; place < PLACES; place++) {
		struct house *h = house_new();
		const char *calling;

		h->hang = place;
		assert_ok(house_start(h));
		house_provoke(h, place);
		while (sem_wait(&h->hangs) < 0)
			;
		assert_errno(postern_thread_join(h->t, POSTERN_MS(10)), -ETIMEDOUT);
		calling = postern_thread_calling(h->t);
		if (strcmp(calling, places[place].calling) != 0)
			fail_msg("it hangs in %s, and is said to be in \"%s\"", places[place].name,
				 calling);
		assert_ok(postern_thread_stop(h->t));
		assert_errno(postern_thread_join(h->t, POSTERN_MS(1)), -ETIMEDOUT);
		assert_int_equal(h->ended, 0);
		sem_post(&h->go);
		assert_ok(postern_thread_join(h->t, LONG));
		house_close(h);
	}
}

static void one_that_hangs_longer_than_free_waits_is_let_go(void **state)
{
	struct house *h = house_new();
	int64_t begun;

	(void)state;
	h->hang = IN_POST;
	h->options.join_ns = POSTERN_MS(50);
	assert_ok(house_start(h));
	house_greet(h);
	assert_ok(house_post(h, IN_POST));
	while (sem_wait(&h->hangs) < 0)
		;
	begun = test_now_ns();
	h->t = postern_thread_free(h->t);
	begun = test_now_ns() - begun;
	assert_in_range(begun / 1000000, 49, 400 * test_scale());
	assert_int_equal(h->ended, 0);
	/* It comes back, finds that nobody waits, and takes all along. */
	sem_post(&h->go);
	house_close(h);
}

struct joiner {
	pthread_t id;
	struct postern_thread *t;
	int64_t deadline_ns;
	int r;
};

static void *joiner_main(void *data)
{
	struct joiner *j = data;

	j->r = postern_thread_join(j->t, j->deadline_ns);
	return NULL;
}

static void any_thread_joins_and_several_do(void **state)
{
	struct joiner j[4] = { 0 };
	struct house *h = house_new();

	(void)state;
	assert_ok(house_start(h));
	for (int i = 0; i < 4; i++) {
		j[i].t = h->t;
		j[i].deadline_ns = i == 0 ? POSTERN_MS(5) : i == 1 ? POSTERN_FOREVER : LONG;
		assert_int_equal(pthread_create(&j[i].id, NULL, joiner_main, &j[i]), 0);
	}
	pthread_join(j[0].id, NULL);
	assert_errno(j[0].r, -ETIMEDOUT);
	assert_ok(postern_thread_stop(h->t));
	for (int i = 1; i < 4; i++) {
		pthread_join(j[i].id, NULL);
		assert_ok(j[i].r);
	}
	house_close(h);
}

static int stop_main(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	(void)loop;
	/* Its own function is no callback, but to wait for itself it would have to have ended. */
	*(int *)data = postern_thread_join(t, LONG);
	return postern_thread_stop(t);
}

static void it_stops_itself_before_it_runs(void **state)
{
	struct postern_thread *t = NULL;
	int joined = 0;

	(void)state;
	assert_ok(postern_thread_start(&t, stop_main, &joined, NULL));
	assert_errno(joined, -EDEADLK);
	assert_ok(postern_thread_join(t, LONG));
	postern_thread_free(t);
}

/* ---- inside its own callbacks ---- */

static atomic_int own_join, own_stop;

static void own_calls(struct postern_loop *loop, void *data)
{
	struct house *h = data;

	if (!loop)
		return;
	own_join = postern_thread_join(h->t, LONG);
	own_stop = postern_thread_stop(h->t);
	sem_post(&h->hangs);
}

static void a_thread_stops_itself_and_cannot_wait_for_itself(void **state)
{
	struct house *h = house_new();

	(void)state;
	assert_ok(house_start(h));
	assert_ok(postern_thread_post(h->t, own_calls, h));
	assert_ok(postern_thread_join(h->t, LONG));
	assert_errno(own_join, -EDEADLK);
	assert_ok(own_stop);
	house_close(h);
}

static void own_free(struct postern_loop *loop, void *data)
{
	struct house *h = data;

	(void)loop;
	postern_thread_free(h->t);
	/* Not waited for, and not gone: this is still its callback. */
	assert_int_equal(h->ended, 0);
	sem_post(&h->hangs);
}

static void pain_15_a_thread_is_freed_inside_its_own_callback(void **state)
{
	struct house *h = house_new();

	(void)state;
	assert_ok(house_start(h));
	house_greet(h);
	assert_ok(postern_thread_post(h->t, own_free, h));
	while (sem_wait(&h->hangs) < 0)
		;
	h->t = NULL;
	house_close(h);
}

static void own_loop_free(struct postern_loop *loop, void *data)
{
	(void)data;
	postern_loop_free(loop);
}

static int own_loop_main(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	int r = house_main(t, loop, data);

	postern_loop_free(loop);
	return r;
}

/* It is the thread's and not the callback's: to free it is to end the thread. */
static void a_thread_whose_loop_is_freed_ends(void **state)
{
	struct house *h = house_new();

	(void)state;
	assert_ok(house_start(h));
	house_greet(h);
	assert_ok(postern_thread_post(h->t, own_loop_free, NULL));
	assert_ok(postern_thread_join(h->t, LONG));
	house_close(h);

	h = house_new();
	assert_ok(postern_thread_start(&h->t, own_loop_main, h, &h->options));
	assert_ok(postern_thread_join(h->t, LONG));
	house_close(h);
}

static void a_thread_is_freed_inside_a_callback_of_another_loop(void **state)
{
	struct house *h = house_new();
	struct postern_loop *loop = NULL;

	(void)state;
	h->fds += 3; /* of the loop */
	assert_ok(house_start(h));
	assert_ok(postern_loop_new(&loop));
	assert_ok(postern_loop_post(loop, own_free, h));
	assert_ok(postern_loop_dispatch(loop, 0));
	postern_loop_free(loop);
	h->fds -= 3;
	h->t = NULL;
	house_close(h);
}

/* ---- posts ---- */

enum { POSTERS = 3, PARCELS = 3000 };

struct poster {
	pthread_t id;
	struct house *h;
	unsigned taken, refused;
};

static void *poster_main(void *data)
{
	struct poster *p = data;

	for (int i = 0; i < PARCELS; i++) {
		int r = house_post(p->h, NOWHERE);

		if (r == -EAGAIN) {
			test_sleep_ms(1);
			i--;
			continue;
		}
		if (r < 0 && r != -ENOTCONN)
			abort();
		p->taken += r == 0;
		p->refused += r < 0;
	}
	return NULL;
}

static void a_post_is_run_or_released_once_whenever_it_ends(void **state)
{
	unsigned run = 0, released = 0, refused = 0;

	(void)state;
	for (int round = 0; round < 12; round++) {
		struct house *h = house_new();
		struct poster p[POSTERS] = { 0 };
		unsigned taken = 0;

		h->used = IN_POST;
		h->leave = round % 3 == 1 ? IN_TIMER : NOWHERE;
		h->used = round % 3 == 1 ? IN_TIMER : IN_POST;
		assert_ok(house_start(h));
		for (int i = 0; i < POSTERS; i++) {
			p[i].h = h;
			assert_int_equal(pthread_create(&p[i].id, NULL, poster_main, &p[i]), 0);
		}
		if (round % 3 == 2)
			test_sleep_ms(round / 3);
		if (round % 3 != 1)
			assert_ok(postern_thread_stop(h->t));
		assert_ok(postern_thread_join(h->t, LONG));
		for (int i = 0; i < POSTERS; i++) {
			pthread_join(p[i].id, NULL);
			taken += p[i].taken;
			refused += p[i].refused;
		}
		assert_int_equal(h->posts_run + h->posts_released, taken);
		run += h->posts_run;
		released += h->posts_released;
		assert_errno(house_post(h, NOWHERE), -ENOTCONN);
		house_close(h);
	}
	test_note("%u posts were run, %u released, %u refused", run, released, refused);
}

static void order_post(struct postern_loop *loop, void *data)
{
	static int next;

	if (!loop)
		return;
	if ((int)(intptr_t)data == 0)
		next = 0;
	assert_int_equal((intptr_t)data, next);
	next++;
}

static void posts_arrive_in_order(void **state)
{
	struct house *h = house_new();

	(void)state;
	assert_ok(house_start(h));
	for (intptr_t i = 0; i < 2000; i++)
		assert_ok(postern_thread_post(h->t, order_post, (void *)i));
	assert_ok(house_post(h, NOWHERE));
	while (h->posts_run == 0)
		test_sleep_ms(1);
	house_close(h);
}

/* ---- the process ---- */

static int exits_while_it_runs(void *arg)
{
	struct house *h = arg;

	if (house_start(h) < 0)
		return 3;
	house_greet(h);
	exit(0);
}

static int dies_while_it_runs(void *arg)
{
	struct house *h = arg;

	if (house_start(h) < 0)
		return 3;
	house_greet(h);
	kill(getpid(), SIGKILL);
	return 4;
}

static void what_exit_and_kill_leave_is_taken_over(void **state)
{
	struct house *h = house_new();
	int status;

	(void)state;
	status = test_fork(exits_while_it_runs, h);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	status = test_fork(dies_while_it_runs, h);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_ok(house_start(h));
	house_greet(h);
	house_close(h);
}

static int in_the_child(void *arg)
{
	struct house *h = arg;

	assert_errno(postern_thread_stop(h->t), -ECHILD);
	assert_errno(postern_thread_join(h->t, LONG), -ECHILD);
	assert_errno(postern_thread_post(h->t, parcel_arrives, NULL), -ECHILD);
	assert_string_equal(postern_thread_calling(h->t), "");
	assert_null(postern_thread_free(h->t));
	/* The listeners are not its own, and the name is none of its business. */
	assert_int_equal(access(h->path[0], F_OK), 0);
	return 0;
}

struct visitor {
	pthread_t id;
	struct house *h;
	atomic_bool over;
	unsigned greetings, failures;
};

static void *visitor_main(void *data)
{
	struct visitor *v = data;

	while (!v->over) {
		int fd = plain_connect(v->h->path[0]);
		char back[5];

		if (fd < 0 || send(fd, "hello", 5, MSG_NOSIGNAL) != 5 ||
		    recv(fd, back, 5, MSG_WAITALL) != 5)
			v->failures++;
		else
			v->greetings++;
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

static void a_fork_beside_it_does_it_no_harm(void **state)
{
	struct house *h = house_new();
	struct visitor v = { .h = h };

	(void)state;
	h->used = IN_TIMER;
	assert_ok(house_start(h));
	assert_int_equal(pthread_create(&v.id, NULL, visitor_main, &v), 0);
	for (int i = 0; i < 30; i++)
		assert_int_equal(test_fork(in_the_child, h), 0);
	v.over = true;
	pthread_join(v.id, NULL);
	assert_int_equal(v.failures, 0);
	assert_true(v.greetings > 0);
	test_note("%u greetings while 30 children were forked", v.greetings);
	house_close(h);
}

/* A child that lives on keeps nothing alive. */
static int lives_on(void *arg)
{
	(void)arg;
	test_sleep_ms(60000);
	return 0;
}

static void pain_16_a_child_of_the_process_does_not_keep_its_name(void **state)
{
	struct house *h = house_new();
	pid_t pid;

	(void)state;
	assert_ok(house_start(h));
	pid = test_fork_start(lives_on, NULL);
	assert_ok(postern_thread_stop(h->t));
	assert_ok(postern_thread_join(h->t, LONG));
	assert_errno(plain_connect(h->path[0]), -ENOENT);
	h->t = postern_thread_free(h->t);
	h->ended = 0;
	h->path[0][0] = '\0';
	assert_ok(house_start(h));
	house_greet(h);
	kill(pid, SIGKILL);
	test_fork_wait(pid);
	house_close(h);
}

/* ---- several ---- */

static const struct postern_server_events silent_events = { .size = sizeof silent_events };

static int named_main(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	struct postern_server *s;
	char name[32];

	(void)t;
	snprintf(name, sizeof name, "many-%ld", (long)(intptr_t)data);
	return postern_server_new(&s, loop, name, NULL, &silent_events, NULL);
}

static void many_threads_come_and_go_beside_each_other(void **state)
{
	enum { N = 16, ROUNDS = 5 };
	int64_t memory = fault_memory();
	int fds = test_fd_count();

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct postern_thread *t[N] = { NULL };

		for (intptr_t i = 0; i < N; i++)
			assert_ok(postern_thread_start(&t[i], named_main, (void *)i, NULL));
		for (int i = 0; i < N; i++)
			assert_ok(postern_thread_stop(t[i]));
		for (int i = 0; i < N; i++)
			postern_thread_free(t[(i + round) % N]);
	}
	assert_int_equal(fault_memory(), memory);
	assert_int_equal(test_fd_count(), fds);
}

static void ten_may_compete_for_one_name_and_one_has_it(void **state)
{
	enum { N = 10 };
	struct postern_thread *t[N] = { NULL };
	int won = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		int r = postern_thread_start(&t[i], named_main, NULL, NULL);

		assert_true(r == 0 || r == -EADDRINUSE);
		won += r == 0;
	}
	assert_int_equal(won, 1);
	for (int i = 0; i < N; i++)
		postern_thread_free(t[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		/* First: faults are armed while there is no other thread, not even one that is let go. */
		TEST(a_start_without_memory_or_threads_says_so),
		TEST(it_serves_until_it_is_stopped),
		TEST(its_name_is_what_debuggers_show),
		TEST(a_start_that_fails_says_why_and_leaves_nothing),
		TEST(a_start_without_descriptors_says_so),
		TEST(calls_with_nonsense_say_invalid),
		TEST(a_start_that_hangs_is_let_go_and_ends_by_itself),
		TEST(threat_14_pthread_exit_in_each_callback_gives_everything_back),
		TEST(final_events_that_leave_too_leave_nothing_behind),
		TEST(threat_14_the_name_is_gone_after_each_way_out),
		TEST(a_join_that_times_out_says_which_callback_it_hangs_in),
		TEST(one_that_hangs_longer_than_free_waits_is_let_go),
		TEST(any_thread_joins_and_several_do),
		TEST(it_stops_itself_before_it_runs),
		TEST(a_thread_stops_itself_and_cannot_wait_for_itself),
		TEST(pain_15_a_thread_is_freed_inside_its_own_callback),
		TEST(a_thread_whose_loop_is_freed_ends),
		TEST(a_thread_is_freed_inside_a_callback_of_another_loop),
		TEST(a_post_is_run_or_released_once_whenever_it_ends),
		TEST(posts_arrive_in_order),
		TEST(what_exit_and_kill_leave_is_taken_over),
		TEST(a_fork_beside_it_does_it_no_harm),
		TEST(pain_16_a_child_of_the_process_does_not_keep_its_name),
		TEST(many_threads_come_and_go_beside_each_other),
		TEST(ten_may_compete_for_one_name_and_one_has_it),
	};

	fault_reset();
	return test_run(tests);
}
