/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault-topics.c - the scenario of topics, for test-fault.c
 *
 * Whatever fails, a subscriber gets whole publications in their order, and then the last value, an error that says why
 * there is none, or the end of its connection; and a publication that was refused has changed nothing.
 */
#include "fault-world.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <postern/topic.h>

#include "fault.h"
#include "service/tag.h"
#include "test.h"

enum { LATEST, QUEUE, TOPICS, PEERS = 4, LARGE = 300 * 1024, ROUNDS = 400 };

struct topics {
	struct postern_loop *loop;
	struct postern_service *service;
	struct postern_topic *topics[TOPICS];
	unsigned published[TOPICS];
};

struct peer {
	int fd;
	char text[LARGE + 1024];
	size_t n;      /* bytes of a message that is not whole */
	unsigned last; /* that arrived */
	bool finished; /* by an answer that does not continue */
	bool left;     /* or by the end of the connection */
};

static void expect(int error)
{
	if (error < 0 && !world_is_expected(error))
		fail_msg("%s: told -%s", world_where(), strerrorname_np(-error));
}

static void handle(const void *handlers, struct postern_request *r, const void *in, void *data)
{
	const struct topics *t = data;
	struct postern_topic *topic = t->topics[strstr(postern_request_method(r), "Queue") != NULL];

	(void)handlers, (void)in;
	/* Late: it gets Abandoned. */
	if (topic)
		expect(postern_topic_take(topic, r));
}

static const struct postern_method methods[TOPICS] = {
	{ .name = "a.b.Latest", .flags = POSTERN_METHOD_MORE, .handle = handle },
	{ .name = "a.b.Queue", .flags = POSTERN_METHOD_MORE, .handle = handle },
};
static const struct postern_method *const all[] = { &methods[0], &methods[1] };
static const struct postern_interface interface = {
	.version = POSTERN_INTERFACE_VERSION,
	.n_methods = TOPICS,
	.name = "a.b",
	.description = "interface a.b\n",
	.methods = all,
};

static void on_changed(struct postern_topic *t, uint32_t subscribers, void *data)
{
	(void)t, (void)subscribers, (void)data;
}

static void topics_turn(struct topics *t)
{
	int r = postern_loop_dispatch(t->loop, POSTERN_MS(200));

	if (r >= 0)
		return;
	expect(r);
	fault_clock_advance(POSTERN_MS(200));
}

/* ---- publishing ---- */

static void publish(struct topics *t, int which, size_t pad, bool ends)
{
	char *text = malloc(pad + 64);
	int n = sprintf(text, "{\"n\":%u,\"pad\":\"", t->published[which] + 1), r;

	memset(text + n, 'x', pad);
	memcpy(text + n + pad, "\"}", 3);
	r = ends ? postern_topic_end_json(t->topics[which], text, (size_t)n + pad + 2)
		 : postern_topic_publish_json(t->topics[which], text, (size_t)n + pad + 2);
	expect(r);
	if (r == 0)
		t->published[which]++;
	free(text);
}

/* ---- subscribers ---- */

static bool peer_begins(struct topics *t, struct peer *p, const char *method)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char call[64];
	int n = snprintf(call, sizeof call, "{\"method\":\"a.b.%s\",\"more\":true}", method) + 1;

	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(p->fd >= 0);
	snprintf(a.sun_path, sizeof a.sun_path, "%s",
		 postern_server_path(postern_service_server(t->service)));
	if (connect(p->fd, (struct sockaddr *)&a, sizeof a) < 0) {
		p->left = true;
		return false;
	}
	assert_int_equal(send(p->fd, call, (size_t)n, MSG_NOSIGNAL), n);
	return true;
}

static void peer_message(struct peer *p, const char *text)
{
	const char *number = strstr(text, "\"n\":");
	unsigned i = number ? (unsigned)strtoul(number + 4, NULL, 10) : 0;

	p->finished = strncmp(text, "{\"continues\":true", 17) != 0;
	if (number && i <= p->last)
		fail_msg("%s: publication %u comes after %u", world_where(), i, p->last);
	if (!number && !strstr(text, "\"error\":"))
		fail_msg("%s: a subscriber is told %.100s", world_where(), text);
	if (number && text[strlen(text) - 1] != '}')
		fail_msg("%s: publication %u is torn", world_where(), i);
	p->last = number ? i : p->last;
}

/* What has arrived by now. */
static bool peer_reads(struct peer *p)
{
	ssize_t r;

	while ((r = recv(p->fd, p->text + p->n, sizeof p->text - p->n, 0)) > 0) {
		size_t begin = 0;
		char *end;

		p->n += (size_t)r;
		while ((end = memchr(p->text + begin, '\0', p->n - begin))) {
			peer_message(p, p->text + begin);
			begin = (size_t)(end - p->text) + 1;
		}
		p->n -= begin;
		memmove(p->text, p->text + begin, p->n);
	}
	p->left = p->left || r == 0 || errno != EAGAIN;
	return p->finished || p->left;
}

/* Until the end, or until this publication has come. */
static bool peer_hears(struct topics *t, struct peer *p, unsigned number)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (peer_reads(p) || p->last >= number)
			return true;
		topics_turn(t);
	}
	if (!world_stays())
		fail_msg("%s: a subscriber waits for ever, after publication %u", world_where(),
			 p->last);
	return false;
}

/* ---- the scenario ---- */

static int topics_begin(struct topics *t)
{
	static const struct postern_topic_events events = { .size = sizeof events,
							    .changed = on_changed };
	static const struct postern_topic_options queue = { .size = sizeof queue,
							    .policy = POSTERN_TOPIC_QUEUE,
							    .messages = 2 };
	int r = postern_loop_new(&t->loop);

	if (r == 0)
		r = postern_service_new(&t->service, t->loop, "topics", NULL, NULL, NULL);
	if (r == 0)
		r = postern_service_provide(t->service, &interface, &interface, t);
	if (r == 0)
		r = postern_topic_new(&t->topics[LATEST], t->service, &methods[LATEST], NULL,
				      &events, t);
	if (r == 0)
		r = postern_topic_new(&t->topics[QUEUE], t->service, &methods[QUEUE], &queue, NULL,
				      t);
	expect(r);
	return r;
}

/* One reads, one is slow, one leaves in the middle, and one overflows. */
static bool topics_run(struct topics *t, struct peer *peers)
{
	bool whole = true;

	publish(t, LATEST, 10, false);
	for (int i = 0; i < PEERS; i++) {
		whole = peer_begins(t, &peers[i], i == 3 ? "Queue" : "Latest") && whole;
		topics_turn(t);
	}
	whole = peer_hears(t, &peers[0], t->published[LATEST]) && whole;
	for (int i = 0; i < 3; i++) {
		publish(t, LATEST, i == 1 ? LARGE : 10, false);
		publish(t, QUEUE, LARGE - 100, false);
	}
	close(peers[2].fd);
	whole = peer_hears(t, &peers[0], t->published[LATEST]) && whole;
	publish(t, LATEST, LARGE, true);
	publish(t, QUEUE, 10, false);
	/* Those that are behind go on, if there was a last value; else this is the end. */
	for (int i = 0; i < TOPICS; i++)
		t->topics[i] = postern_topic_free(t->topics[i]);
	for (int i = 0; i < PEERS; i++)
		whole = (i == 2 || peer_hears(t, &peers[i], UINT_MAX)) && whole;
	return whole;
}

bool world_topics(void)
{
	struct topics t = { 0 };
	static struct peer peers[PEERS];
	bool whole = false;

	for (int i = 0; i < PEERS; i++) {
		peers[i].fd = -1;
		peers[i].n = peers[i].last = 0;
		peers[i].finished = peers[i].left = false;
	}
	atomic_store(&tag_failed, false);
	if (topics_begin(&t) == 0)
		whole = topics_run(&t, peers);
	for (int i = 0; i < TOPICS; i++)
		t.topics[i] = postern_topic_free(t.topics[i]);
	for (int i = 0; i < PEERS; i++)
		if (i != 2 && peers[i].fd >= 0)
			close(peers[i].fd);
	postern_service_free(t.service);
	postern_loop_free(t.loop);
	for (int i = 0; i < PEERS && whole; i++)
		whole = i == 2 || (peers[i].finished && !peers[i].left);
	return whole;
}
