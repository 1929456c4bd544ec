/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - many clients of an echo server, on one loop
 *
 *   load NAME CLIENTS MESSAGES [SECONDS]
 *
 * Each client sends a message of 64 bytes, waits for it to come back, compares it, and sends the next. No two
 * messages are equal, so bytes that are lost, repeated or swapped between clients are detected. Ends with status 0 if
 * all came back in time, and prints one line of figures.
 */
#include <inttypes.h>
#include <postern.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOAD_SIZE 64u

struct load;

struct client {
	struct load *load;
	struct postern_conn *conn;
	uint64_t number;
	uint64_t done; /* messages that came back */
	size_t at;     /* bytes of this one that came back */
	unsigned char message[LOAD_SIZE];
};

struct load {
	struct postern_loop *loop;
	struct client *clients;
	uint64_t n, messages;
	uint64_t left; /* clients that have not ended */
	uint64_t failed;
	int64_t started_ns;
};

static void load_fill(struct client *c)
{
	uint64_t seed = c->number << 32 | c->done;

	for (size_t i = 0; i < LOAD_SIZE; i++) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		c->message[i] = (unsigned char)(seed >> 56);
	}
}

static void load_fail(struct client *c, const char *why)
{
	if (!c->load->failed++)
		fprintf(stderr, "load: client %" PRIu64 ", message %" PRIu64 ": %s\n", c->number,
			c->done, why);
	postern_conn_abort(c->conn);
}

/* One message always fits into an empty queue. */
static void load_send(struct client *c)
{
	load_fill(c);
	c->at = 0;
	if (postern_conn_write(c->conn, c->message, LOAD_SIZE) != LOAD_SIZE)
		load_fail(c, "it could not be written whole");
}

static void load_state(struct postern_conn *conn, int state, void *data)
{
	(void)conn;
	if (state == POSTERN_STATE_CONNECTED)
		load_send((struct client *)data);
}

static size_t load_received(struct postern_conn *conn, const void *bytes, size_t n, void *data)
{
	struct client *c = (struct client *)data;
	size_t part = n < LOAD_SIZE - c->at ? n : LOAD_SIZE - c->at;

	if (!part || c->done == c->load->messages) {
		load_fail(c, "more came back than was sent");
		return n;
	}
	if (memcmp(c->message + c->at, bytes, part)) {
		load_fail(c, "it came back changed");
		return n;
	}
	c->at += part;
	if (c->at < LOAD_SIZE)
		return part;
	if (++c->done == c->load->messages)
		postern_conn_close(conn);
	else
		load_send(c);
	return part;
}

static void load_closed(struct postern_conn *conn, const struct postern_reason *why, void *data)
{
	struct client *c = (struct client *)data;

	(void)conn;
	if (c->done < c->load->messages && why->code != POSTERN_REASON_ABORTED)
		load_fail(c, why->text);
	if (!--c->load->left)
		postern_loop_stop(c->load->loop);
}

static const struct postern_conn_events load_events = {
	.size = sizeof(load_events),
	.state = load_state,
	.received = load_received,
	.closed = load_closed,
};

static void load_too_late(struct postern_timer *t, void *data)
{
	struct load *l = (struct load *)data;

	(void)t;
	fprintf(stderr, "load: %" PRIu64 " clients had not ended at the deadline\n", l->left);
	l->failed += l->left;
	postern_loop_stop(l->loop);
}

static int load_connect(struct load *l, const char *name, int64_t deadline_ns)
{
	const struct postern_connect_options options = { .size = sizeof(options),
							 .deadline_ns = deadline_ns };
	int r;

	for (uint64_t i = 0; i < l->n; i++) {
		struct client *c = &l->clients[i];

		c->load = l;
		c->number = i;
		r = postern_connect(&c->conn, l->loop, name, &options, &load_events, c);
		if (r < 0) {
			fprintf(stderr, "load: %s\n", postern_why()->text);
			return r;
		}
		l->left++;
	}
	return 0;
}

static int load_run(struct load *l, const char *name, int64_t deadline_ns)
{
	POSTERN_AUTO(timer) deadline = NULL;
	uint64_t done = 0;
	double seconds;
	int r = postern_timer_new(&deadline, l->loop, load_too_late, l);

	if (r == 0)
		r = postern_timer_set(deadline, deadline_ns);
	l->started_ns = postern_now();
	if (r == 0)
		r = load_connect(l, name, deadline_ns);
	if (r == 0)
		r = postern_loop_run(l->loop);
	for (uint64_t i = 0; i < l->n; i++) {
		done += l->clients[i].done;
		postern_conn_free(l->clients[i].conn);
	}
	if (r < 0) {
		fprintf(stderr, "load: %s\n", strerror(-r));
		return 1;
	}
	seconds = (double)(postern_now() - l->started_ns) / 1e9;
	printf("load clients=%" PRIu64 " messages=%" PRIu64 " bytes=%" PRIu64 " failed=%" PRIu64
	       " seconds=%.3f\n",
	       l->n, done, done * LOAD_SIZE, l->failed, seconds);
	return l->failed || done != l->n * l->messages;
}

int main(int argc, char **argv)
{
	POSTERN_AUTO(loop) loop = NULL;
	struct load l = { .loop = NULL };
	long seconds = argc > 4 ? strtol(argv[4], NULL, 10) : 60;
	int status = 1;

	l.n = argc > 3 ? strtoull(argv[2], NULL, 10) : 0;
	l.messages = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	if (!l.n || l.n > 1000000 || !l.messages || seconds < 1 || seconds > 86400) {
		fprintf(stderr, "usage: load NAME CLIENTS MESSAGES [SECONDS]\n");
		return 64;
	}
	l.clients = (struct client *)calloc((size_t)l.n, sizeof(*l.clients));
	if (l.clients && postern_loop_new(&loop) == 0) {
		l.loop = loop;
		status = load_run(&l, argv[1], POSTERN_SECONDS(seconds));
	} else {
		fprintf(stderr, "load: out of memory or descriptors\n");
	}
	free(l.clients);
	return status;
}
