/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Law 1 and 2, systematically: in each event, each object is freed, its own included; and the objects that
 * are declared for freeing at scope exit go in every order. What is freed gets no event any more, what is
 * not gets its final one, once. That no memory is touched after its end is for the sanitizers to see.
 */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum when {
	IN_NOTHING,
	IN_STATE,
	IN_RECEIVED,
	IN_ENDED,
	IN_DRAINED,
	IN_CLOSED,
	IN_ALLOW,
	IN_ACCEPTED,
	IN_ERROR,
	IN_SERVER_CLOSED,
	IN_TIMER,
	IN_WATCH,
	IN_POST,
	WHENS,
};

enum victim {
	FREE_SELF, /* the connection whose event it is; elsewhere nothing */
	FREE_ACCEPTED,
	FREE_CLIENT,
	FREE_ADOPTED,
	FREE_SERVER,
	FREE_LOOP,
	FREE_OWN, /* the timer or watch whose event it is */
	FREE_ALL,
	FREE_ALL_LOOP_FIRST,
	DRAIN_SERVER,
	VICTIMS,
};

static const char *const when_names[] = { "nothing", "state", "received", "ended", "drained",
					  "closed",  "allow", "accepted", "error", "server closed",
					  "timer",   "watch", "post" };
static const char *const victim_names[] = { "self",    "accepted", "client",
					    "adopted", "server",   "loop",
					    "own",     "all",      "all, loop first",
					    "drain" };

enum { CONNS = 6 };

/* What is known of one connection. */
struct known {
	struct postern_conn *c;
	bool freed, ours;
	unsigned closed;
};

struct world {
	struct postern_loop *loop;
	struct postern_server *server;
	struct postern_timer *timer;
	struct postern_watch *watch;
	struct known conns[CONNS];
	struct known *client, *adopted; /* among conns */
	unsigned n, occurrence, seen;
	enum when when;
	enum victim victim;
	bool done, server_freed, loop_freed;
	unsigned server_closed;
	unsigned wrong; /* events that must not come */
	int peer, plain, pipe[2];
};

static struct known *world_find(struct world *w, struct postern_conn *c)
{
	/* The newest: a buried one's memory may be another's now. */
	for (unsigned i = w->n; i > 0; i--)
		if (w->conns[i - 1].c == c)
			return &w->conns[i - 1];
	return NULL;
}

static struct known *world_add(struct world *w, struct postern_conn *c, bool ours)
{
	assert_true(w->n < CONNS);
	w->conns[w->n] = (struct known){ .c = c, .ours = ours };
	return &w->conns[w->n++];
}

/* Frees it if it is there to be freed. */
static void free_known(struct known *k)
{
	struct postern_conn *c;

	if (!k || !k->c || k->freed)
		return;
	c = k->c;
	k->freed = true;
	postern_conn_free(c);
}

static void free_server(struct world *w)
{
	struct postern_server *s = w->server;

	w->server = NULL;
	w->server_freed = true;
	postern_server_free(s);
}

static void free_loop(struct world *w)
{
	struct postern_loop *loop = w->loop;

	w->loop = NULL;
	w->loop_freed = true;
	postern_loop_free(loop);
}

static void free_all(struct world *w, bool loop_first)
{
	if (loop_first)
		free_loop(w);
	for (unsigned i = 0; i < w->n; i++)
		/* One of the server's was buried after its final event. */
		if (w->conns[i].ours || !w->conns[i].closed)
			free_known(&w->conns[i]);
	free_server(w);
	w->timer = postern_timer_free(w->timer);
	w->watch = postern_watch_free(w->watch);
	if (!loop_first)
		free_loop(w);
}

static void strike(struct world *w, struct known *self)
{
	switch (w->victim) {
	case FREE_SELF:
		free_known(self);
		break;
	case FREE_ACCEPTED:
		for (unsigned i = 0; i < w->n; i++)
			if (!w->conns[i].ours && (!w->conns[i].closed || &w->conns[i] == self))
				free_known(&w->conns[i]);
		break;
	case FREE_CLIENT:
		free_known(w->client);
		break;
	case FREE_ADOPTED:
		free_known(w->adopted);
		break;
	case FREE_SERVER:
		free_server(w);
		break;
	case FREE_LOOP:
		free_loop(w);
		break;
	case FREE_OWN:
		w->timer = postern_timer_free(w->timer);
		w->watch = postern_watch_free(w->watch);
		break;
	case FREE_ALL:
	case FREE_ALL_LOOP_FIRST:
		free_all(w, w->victim == FREE_ALL_LOOP_FIRST);
		break;
	case DRAIN_SERVER:
		if (w->server)
			postern_server_drain(w->server, 0);
		break;
	default:
		break;
	}
}

static void happens(struct world *w, enum when when, struct known *self)
{
	if (w->when != when || w->done || w->seen++ != w->occurrence)
		return;
	w->done = true;
	strike(w, self);
}

static void conn_event(struct postern_conn *c, enum when when, struct world *w)
{
	struct known *k = world_find(w, c);

	if (!k) { /* the first event of the client, before postern_connect() could be noted */
		w->wrong++;
		return;
	}
	if (k->freed || k->closed)
		w->wrong++;
	if (when == IN_CLOSED)
		k->closed++;
	happens(w, when, k);
}

static void on_state(struct postern_conn *c, int state, void *data)
{
	(void)state;
	conn_event(c, IN_STATE, data);
}

static size_t on_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	static char sink[65536];
	volatile char last;

	conn_event(c, IN_RECEIVED, data);
	/* The bytes are valid until return, whatever was freed. */
	memcpy(sink, bytes, n < sizeof(sink) ? n : sizeof(sink));
	last = ((const char *)bytes)[n - 1];
	(void)last;
	return n > 1 ? n / 2 : n;
}

static void on_ended(struct postern_conn *c, void *data)
{
	conn_event(c, IN_ENDED, data);
}

static void on_drained(struct postern_conn *c, void *data)
{
	conn_event(c, IN_DRAINED, data);
}

static void on_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	char first;

	conn_event(c, IN_CLOSED, data);
	first = why->text[0]; /* valid as long as the event */
	if (!first)
		((struct world *)data)->wrong++;
}

static const struct postern_conn_events conn_events = {
	.size = sizeof(conn_events),
	.state = on_state,
	.received = on_received,
	.ended = on_ended,
	.drained = on_drained,
	.closed = on_closed,
};

static int on_allow(struct postern_server *s, const struct postern_peer *peer, void *data)
{
	struct world *w = data;

	(void)s;
	(void)peer;
	if (w->server_freed || w->loop_freed || w->server_closed)
		w->wrong++;
	happens(w, IN_ALLOW, NULL);
	return 0;
}

static void on_accepted(struct postern_server *s, struct postern_conn *c, void *data)
{
	struct world *w = data;
	struct known *k = world_add(w, c, false);

	(void)s;
	if (w->server_freed || w->loop_freed || w->server_closed)
		w->wrong++;
	happens(w, IN_ACCEPTED, k);
}

static void on_error(struct postern_server *s, const struct postern_reason *why, void *data)
{
	(void)s;
	(void)why;
	happens(data, IN_ERROR, NULL);
}

static void on_server_closed(struct postern_server *s, const struct postern_reason *why, void *data)
{
	struct world *w = data;

	(void)s;
	(void)why;
	if (w->server_freed || w->server_closed++)
		w->wrong++;
	happens(w, IN_SERVER_CLOSED, NULL);
}

static const struct postern_server_events server_events = {
	.size = sizeof(server_events),
	.conn = &conn_events,
	.allow = on_allow,
	.accepted = on_accepted,
	.error = on_error,
	.closed = on_server_closed,
};

static void on_timer(struct postern_timer *t, void *data)
{
	(void)t;
	happens(data, IN_TIMER, NULL);
}

static void on_watch(struct postern_watch *watch, uint64_t happened, void *data)
{
	struct world *w = data;
	char byte;

	(void)watch;
	(void)happened;
	if (read(w->pipe[0], &byte, 1) != 1)
		w->wrong++;
	happens(w, IN_WATCH, NULL);
}

static void on_post(struct postern_loop *loop, void *data)
{
	(void)loop;
	happens(data, IN_POST, NULL);
}

/* ---- a life in which each event occurs ---- */

static void turns(struct world *w, int n)
{
	while (n-- > 0 && w->loop) {
		int r = postern_loop_dispatch(w->loop, 0);

		if (r < 0)
			assert_errno(r, -ESTALE); /* the loop was freed in there */
	}
}

static bool lives(const struct known *k)
{
	return k && !k->freed && !k->closed;
}

static void world_open(struct world *w)
{
	static const struct postern_conn_options few = { .size = sizeof(few),
							 .high_water = 300000 };
	struct postern_conn *c;
	int sv[2];

	assert_ok(postern_loop_new(&w->loop));
	assert_ok(postern_server_new(&w->server, w->loop, "clock", NULL, &server_events, w));
	assert_ok(postern_timer_new(&w->timer, w->loop, on_timer, w));
	assert_int_equal(pipe2(w->pipe, O_CLOEXEC), 0);
	assert_ok(postern_watch_new(&w->watch, w->loop, w->pipe[0], POSTERN_WATCH_READABLE,
				    on_watch, w));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	w->peer = sv[1];
	assert_ok(postern_conn_adopt(&c, w->loop, sv[0], &few, &conn_events, w));
	w->adopted = world_add(w, c, true);
	assert_ok(postern_connect(&c, w->loop, "clock", NULL, &conn_events, w));
	w->client = world_add(w, c, true);
	w->plain = plain_connect(postern_server_path(w->server));
	assert_ok(w->plain);
}

static void drain_adopted(struct world *w)
{
	static char bytes[100000];

	while (w->loop && lives(w->adopted) &&
	       postern_conn_write(w->adopted->c, bytes, sizeof(bytes)) > 0)
		turns(w, 1);
	for (int i = 0; i < 200 && recv(w->peer, bytes, sizeof(bytes), MSG_DONTWAIT) > 0; i++)
		turns(w, 1);
}

static void world_live(struct world *w)
{
	assert_ok(postern_timer_set(w->timer, 1));
	assert_ok(postern_loop_post(w->loop, on_post, w));
	assert_int_equal(write(w->pipe[1], "x", 1), 1);
	turns(w, 8);
	if (w->loop && lives(w->client))
		(void)!postern_conn_write(w->client->c, "to the server", 13);
	(void)send(w->plain, "to the server", 13, MSG_NOSIGNAL);
	(void)send(w->peer, "to the adopted", 14, MSG_NOSIGNAL);
	turns(w, 8);
	drain_adopted(w);
	shutdown(w->plain, SHUT_WR);
	if (w->loop && w->when == IN_ERROR) {
		unlink(test_path("clock/sock"));
		for (int i = 0; i < 2000 && w->loop && w->server && !w->done; i++) {
			turns(w, 1);
			test_sleep_ms(1);
		}
	}
	turns(w, 8);
	if (w->loop && lives(w->adopted))
		postern_conn_abort(w->adopted->c);
	turns(w, 4);
}

static void world_close(struct world *w)
{
	free_all(w, false);
	close(w->peer);
	close(w->plain);
	close(w->pipe[0]);
	close(w->pipe[1]);
}

/* How it ends, when the script is through. */
enum finish { BY_DRAIN, BY_SERVER_FREE, BY_LOOP_FREE, FINISHES };

static void live(enum when when, enum victim victim, unsigned occurrence, enum finish finish,
		 bool *ret_done)
{
	struct world w = {
		.when = when, .victim = victim, .occurrence = occurrence, .peer = -1, .plain = -1
	};

	world_open(&w);
	world_live(&w);
	if (w.loop && w.server && finish == BY_DRAIN) {
		postern_server_drain(w.server, POSTERN_MS(50));
		turns(&w, 10);
	}
	/* Outside a turn: what the final events free must wait for the end of this call. */
	if (w.server && finish == BY_SERVER_FREE)
		free_server(&w);
	if (w.loop && finish == BY_LOOP_FREE)
		free_loop(&w);
	*ret_done = w.done;
	world_close(&w);

	for (unsigned i = 0; i < w.n; i++)
		if (w.conns[i].closed > 1 || (!w.conns[i].freed && w.conns[i].closed != 1))
			w.wrong++;
	if (w.wrong)
		print_error("%s freed in %s, occurrence %u, finish %d\n", victim_names[victim],
			    when_names[when], occurrence, (int)finish);
	assert_int_equal(w.wrong, 0);
}

static void every_object_is_freed_in_every_event(void **state)
{
	unsigned cases = 0;

	(void)state;
	for (int when = IN_STATE; when < WHENS; when++) {
		unsigned reached = 0;

		for (int victim = 0; victim < VICTIMS; victim++) {
			/* The error takes a tenth of a second to come. */
			for (int finish = when == IN_ERROR ? BY_LOOP_FREE : 0; finish < FINISHES;
			     finish++) {
				/* Each occurrence of the event, as long as there is one. */
				for (unsigned k = 0; k < 6; k++) {
					bool done = false;

					live((enum when)when, (enum victim)victim, k,
					     (enum finish)finish, &done);
					if (!done)
						break;
					reached++;
					if (when == IN_ERROR)
						break;
				}
			}
		}
		if (!reached)
			print_error("nothing occurred in %s\n", when_names[when]);
		assert_true(reached > 0);
		cases += reached;
	}
	test_note("%u frees", cases);
}

/* ---- scope exit ---- */

static const struct postern_conn_events silent = { .size = sizeof(silent) };

/* Variables are freed in the reverse order of their declaration. */
static void scope_exit_frees_in_either_order(void **state)
{
	struct site s = { 0 };

	(void)state;
	for (int order = 0; order < 4; order++) {
		for (int turned = 0; turned < 2; turned++) {
#define SCOPE(first, second, third)                                                            \
	do {                                                                                   \
		first;                                                                         \
		second;                                                                        \
		third;                                                                         \
		assert_ok(postern_loop_new(&loop));                                            \
		assert_ok(postern_server_new(&server, loop, "clock", NULL, &site_events, &s)); \
		assert_ok(postern_connect(&conn, loop, "clock", NULL, &silent, NULL));         \
		for (int i = 0; i < 5 && turned; i++)                                          \
			turn(loop, 1);                                                         \
	} while (0)
			if (order == 0)
				SCOPE(POSTERN_AUTO(loop) loop = NULL,
				      POSTERN_AUTO(server) server = NULL,
				      POSTERN_AUTO(conn) conn = NULL);
			else if (order == 1)
				SCOPE(POSTERN_AUTO(conn) conn = NULL,
				      POSTERN_AUTO(server) server = NULL,
				      POSTERN_AUTO(loop) loop = NULL);
			else if (order == 2)
				SCOPE(POSTERN_AUTO(server) server = NULL,
				      POSTERN_AUTO(loop) loop = NULL,
				      POSTERN_AUTO(conn) conn = NULL);
			else
				SCOPE(POSTERN_AUTO(conn) conn = NULL,
				      POSTERN_AUTO(loop) loop = NULL,
				      POSTERN_AUTO(server) server = NULL);
		}
	}
	assert_int_equal(s.accepted, 4);
	assert_int_equal(s.conns_closed, 4);
}

static void scope_exit_of_what_was_never_made_is_fine(void **state)
{
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(server) server = NULL;
	POSTERN_AUTO(conn) conn = NULL;
	POSTERN_AUTO(timer) timer = NULL;
	POSTERN_AUTO(watch) watch = NULL;
	POSTERN_AUTO(child) child = NULL;

	(void)state;
	assert_null(postern_loop_free(loop));
	assert_null(postern_server_free(server));
	assert_null(postern_conn_free(conn));
	assert_null(postern_timer_free(timer));
	assert_null(postern_watch_free(watch));
	assert_null(postern_child_free(child));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(every_object_is_freed_in_every_event),
		TEST(scope_exit_frees_in_either_order),
		TEST(scope_exit_of_what_was_never_made_is_fine),
	};
	return test_run(tests);
}
