/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A house is a loop on a thread of its own with a server, connections, a timer and whatever else a test needs; its
 * callbacks all go through house_at(), where it leaves or hangs as it was told. After it has gone, the accounts are
 * made up: descriptors, blocks of memory, names, and what was posted.
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
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <postern/frame.h>
#include <postern/name.h>
#include <postern/thread.h>

#include "fault.h"

enum { CONNS = 8 };

#define LONG test_patience_ns()

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

static inline void house_at(struct house *h, enum place place)
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

static inline size_t house_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct house *h = data;

	(void)bytes;
	house_at(h, IN_RECEIVED);
	/* For drained it is cut short. */
	(void)!postern_conn_write(c, words, h->used == IN_DRAINED ? sizeof words : n);
	return n;
}

static inline void house_frame(struct postern_conn *c, const void *payload, size_t n, void *data)
{
	(void)c, (void)payload, (void)n;
	house_at(data, IN_FRAME);
}

static inline void house_state(struct postern_conn *c, int state, void *data)
{
	(void)c, (void)state;
	house_at(data, IN_STATE);
}

static inline void house_sent(struct postern_conn *c, size_t n, void *data)
{
	(void)c, (void)n;
	house_at(data, IN_SENT);
}

static inline void house_drained(struct postern_conn *c, void *data)
{
	(void)c;
	house_at(data, IN_DRAINED);
}

static inline void house_ended(struct postern_conn *c, void *data)
{
	house_at(data, IN_ENDED);
	assert_ok(postern_conn_close(c));
}

static inline void house_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct house *h = data;

	(void)c, (void)why;
	h->conns_closed++;
	house_at(h, IN_CLOSED);
}

static inline int house_allow(struct postern_server *s, const struct postern_peer *peer, void *data)
{
	(void)s, (void)peer;
	house_at(data, IN_ALLOW);
	return 0;
}

static inline void house_accepted(struct postern_server *s, struct postern_conn *c, void *data)
{
	(void)s, (void)c;
	house_at(data, IN_ACCEPTED);
}

static inline void house_error(struct postern_server *s, const struct postern_reason *why, void *data)
{
	(void)s, (void)why;
	house_at(data, IN_ERROR);
}

static inline void house_server_closed(struct postern_server *s, const struct postern_reason *why,
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

static inline void house_fire(struct postern_timer *timer, void *data)
{
	(void)timer;
	house_at(data, IN_TIMER);
}

static inline void house_ready(struct postern_watch *w, uint64_t happened, void *data)
{
	(void)happened;
	assert_ok(postern_watch_set(w, 0));
	house_at(data, IN_WATCH);
}

static inline void house_reaped(struct postern_child *child, int how, int status, void *data)
{
	(void)child, (void)how, (void)status;
	house_at(data, IN_CHILD);
}

static inline int parcel_list(const struct postern_name_info *info, void *data)
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

static inline void parcel_each(struct postern_conn *c, void *data)
{
	(void)c;
	house_at(data, IN_EACH);
}

static inline void parcel_arrives(struct postern_loop *loop, void *data)
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

static inline int house_post(struct house *h, enum place place)
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

static inline int house_serve(struct house *h, struct postern_loop *loop)
{
	struct postern_conn_options conn = { .size = sizeof conn, .high_water = 1000 };
	struct postern_server_options o = { .size = sizeof o, .conn = &conn };
	struct postern_server *framed;
	int r = postern_server_new(&h->server, loop, "house", &o, &house_events, h);

	if (r < 0)
		return r;
	conn.framing = POSTERN_FRAMING_LINES;
	conn.frame_max = 100;
	r = postern_server_new(&framed, loop, "framed", &o, &house_events, h);
	if (r < 0)
		return r;
	snprintf(h->path[0], sizeof h->path[0], "%s", postern_server_path(h->server));
	snprintf(h->path[1], sizeof h->path[1], "%s", postern_server_path(framed));
	return 0;
}

/* What it makes it does not keep: it goes with the loop. */
static inline int house_furnish(struct house *h, struct postern_loop *loop)
{
	struct postern_timer *timer;
	struct postern_watch *watch;
	struct postern_conn *c;
	int r = postern_timer_new(&timer, loop, house_fire, h);

	if (r == 0)
		r = postern_watch_new(&watch, loop, h->pipe[0], POSTERN_WATCH_READABLE, house_ready, h);
	if (r == 0 && h->used == IN_TIMER)
		r = postern_timer_set_periodic(timer, POSTERN_MS(2));
	if (r == 0 && h->used == IN_STATE)
		r = postern_connect(&c, loop, "nobody", NULL, &house_conn_events, h);
	if (r == 0 && h->used == IN_CHILD)
		r = postern_child_new(&h->child, loop, h->pid, house_reaped, h);
	return r;
}

static inline int house_main(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	struct house *h = data;
	int r = house_serve(h, loop);

	(void)t;
	if (r == 0)
		r = house_furnish(h, loop);
	house_at(h, IN_START);
	return r < 0 ? r : h->result;
}

static inline void house_gone(void *data)
{
	((struct house *)data)->ended++;
}

static inline int sleeper(void *arg)
{
	(void)arg;
	test_sleep_ms(60000);
	return 0;
}

/* What is not freed has to be there for longer than the test's own frame. */
static inline struct house *house_new(void)
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

static inline int house_start(struct house *h)
{
	if (h->used == NOWHERE)
		h->used = h->leave ? h->leave : h->hang;
	if (h->used == IN_CHILD)
		h->pid = test_fork_start(sleeper, NULL);
	return postern_thread_start(&h->t, &h->options, house_main, h);
}

static inline int house_visit(struct house *h, int server)
{
	int fd = plain_connect(h->path[server]);

	assert_ok(fd);
	h->peers[h->n_peers++] = fd;
	return fd;
}

static inline void house_greet(struct house *h)
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
static inline void house_provoke(struct house *h, enum place place)
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

static inline bool until(int64_t ns, bool (*holds)(struct house *h), struct house *h)
{
	int64_t at = test_now_ns() + ns;

	while (!holds(h) && test_now_ns() < at)
		test_sleep_ms(1);
	return holds(h);
}

static inline bool house_has_given_back(struct house *h)
{
	return h->ended == 1 && fault_memory() == h->memory && test_fd_count() == h->fds;
}

static inline bool house_waits(struct house *h)
{
	return postern_thread_calling(h->t)[0] == '\0';
}

static inline int count_names(const struct postern_name_info *info, void *data)
{
	/* Others on this machine have names too. */
	if (strncmp(info->path, test_dir(), strlen(test_dir())) == 0)
		++*(int *)data;
	return 0;
}

/* Everything is back, and both names are free. The thread is joined or on its way out. */
static inline void house_close(struct house *h)
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
