/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service under whatever comes: peers that call, pipeline, break off, half-close and hang up at random, handlers that
 * answer at once, later, from posts, twice or never, rules that change, drains and frees in the middle.
 *
 * The oracle: answers come in the order of the calls, each at most once and to the peer that called, none to a oneway call;
 * every request ends; nothing remains charged or open. A seed decides everything; TEST_SEED=N runs that one alone,
 * TEST_SEEDS=N so many.
 */
#include "desk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern/topic.h>

enum { PEERS = 6, STEPS = 400, SEEDS = 150, UPGRADED = 256 };

static struct {
	unsigned answers, calls, cancelled, violations, parts, posts, upgrades, raw;
	uint64_t sent, dropped; /* of topics */
	uint64_t left;
} all;

struct peer {
	int fd;          /* -1: none */
	unsigned called; /* numbers of its calls that want an answer */
	unsigned heard;  /* the number of the last one that was answered */
	bool broken;     /* it has sent what is no call, or a part of one */
	bool half;
	unsigned
		asks; /* the number of the call that asks for the connection, its last one; 0: none */
	bool upgraded;
	size_t sent, got; /* bytes behind that: what is sent comes back */
	char rest[65536]; /* received, without a NUL so far */
	size_t n;
};

struct fuzz {
	uint64_t seed;
	struct desk d;
	struct peer peers[PEERS];
	unsigned answers, cut, parts, posts, upgrades;
	struct postern_conn *conns[UPGRADED];
	struct postern_topic *topic; /* of Hook, or NULL */
	unsigned subscribed, left;   /* that a topic took, and of which the end was told */
	bool drains;
};

static unsigned below(struct fuzz *f, unsigned limit)
{
	f->seed = f->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(f->seed >> 33) % limit;
}

/* ---- peers ---- */

static void check_answer(struct fuzz *f, struct peer *p, const char *text)
{
	const char *at = strstr(text, "\"n\":");
	unsigned n = at ? (unsigned)atoi(at + 4) : p->heard + 1;
	bool continues = strstr(text, "\"continues\":true");

	/* An error of the library's has no number: it is the answer to the next call. */
	if (n != p->heard + 1 || n > p->called)
		fail_msg("seed %llu: after %u of %u came %s", (unsigned long long)f->seed, p->heard,
			 p->called, text);
	p->heard += !continues;
	f->answers++;
	p->upgraded = p->asks && p->asks == p->heard && !strstr(text, "\"error\":");
}

/* What it has sent behind its last call comes back, and nothing else. */
static void check_raw(struct fuzz *f, struct peer *p, const char *bytes, size_t n)
{
	if (pattern_check(bytes, p->got, n) < n || p->got + n > p->sent)
		fail_msg(
			"seed %llu: %zu bytes behind %zu are not those that were sent, which are %zu",
			(unsigned long long)f->seed, n, p->got, p->sent);
	p->got += n;
	all.raw += (unsigned)n;
}

static void peer_sends_raw(struct fuzz *f, struct peer *p)
{
	char bytes[3000];
	size_t n = below(f, below(f, 4) ? 20 : sizeof bytes);
	ssize_t r;

	pattern_fill(bytes, p->sent, n);
	r = send(p->fd, bytes, n, MSG_NOSIGNAL);
	p->sent += r > 0 ? (size_t)r : 0;
}

/* Bytes may follow at once: to who refuses it they are no call. */
static void peer_asks(struct fuzz *f, struct peer *p)
{
	char text[256];
	size_t n =
		(size_t)snprintf(
			text, sizeof text,
			"{\"method\":\"org.example.desk.%s\",\"upgrade\":true,\"parameters\":{\"n\":%u}}",
			below(f, 2) ? "Upgrade" : "Become", p->called + 1) +
		1;

	if (send(p->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		return;
	p->asks = ++p->called;
	p->broken = true;
	if (below(f, 2))
		peer_sends_raw(f, p);
}

static void peer_reads(struct fuzz *f, struct peer *p)
{
	for (;;) {
		ssize_t r = recv(p->fd, p->rest + p->n, sizeof p->rest - p->n - 1, 0);
		size_t from = 0;

		if (r <= 0) {
			if (r == 0 || errno == ECONNRESET) {
				close(p->fd);
				p->fd = -1;
			}
			return;
		}
		p->n += (size_t)r;
		for (size_t i = 0; i < p->n && !p->upgraded; i++)
			if (p->rest[i] == '\0') {
				check_answer(f, p, p->rest + from);
				from = i + 1;
			}
		if (p->upgraded) {
			check_raw(f, p, p->rest + from, p->n - from);
			from = p->n;
		}
		p->n -= from;
		memmove(p->rest, p->rest + from, p->n);
	}
}

static void peer_calls(struct fuzz *f, struct peer *p)
{
	static const char *const methods[] = { "Echo", "Keep", "Keep",      "Forget", "Twice",
					       "Many", "None", "NeedsMore", "Hook" };
	unsigned flag = below(f, 6), whole = below(f, 12), pad = below(f, 20) ? 0 : 6000;
	bool watches = below(f, 8) == 0;
	char text[8192];
	size_t n;

	if (p->asks && !p->half) {
		/* What is no call may be followed by one more that is broken. */
		if (p->upgraded || p->sent == 0)
			peer_sends_raw(f, p);
		return;
	}
	if (p->broken || p->half)
		return;
	if (below(f, 16) == 0) {
		peer_asks(f, p);
		return;
	}
	n = (size_t)snprintf(
		    text, sizeof text,
		    "{\"method\":\"org.example.desk.%s\",\"parameters\":{\"n\":%u,\"pad\":\"%*s\"}%s}",
		    watches ? "Hook" : methods[below(f, sizeof methods / sizeof *methods)],
		    p->called + 1, (int)pad, "",
		    watches     ? ",\"more\":true"
		    : flag == 0 ? ",\"oneway\":true"
		    : flag == 1 ? ",\"more\":true"
				: "") +
	    1;
	if (whole == 0) {
		n = below(f, (unsigned)n);
		p->broken = true;
	} else if (whole == 1) {
		text[below(f, (unsigned)n - 1)] = '\x01';
		p->broken = true;
	}
	if (send(p->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n) {
		p->broken = true;
		return;
	}
	if (!p->broken && (flag != 0 || watches))
		p->called++;
	/* Broken bytes may still be a call, as in the middle of the padding. */
	if (p->broken)
		p->called++;
}

static void peer_acts(struct fuzz *f)
{
	struct peer *p = &f->peers[below(f, PEERS)];
	unsigned what = below(f, 20);

	if (p->fd < 0) {
		memset(p, 0, sizeof *p);
		p->fd = f->drains || below(f, 3) ? -1 : desk_peer(&f->d);
		return;
	}
	if (what < 12) {
		peer_calls(f, p);
	} else if (what < 18) {
		peer_reads(f, p);
	} else if (what == 18) {
		p->half = true;
		shutdown(p->fd, SHUT_WR);
	} else {
		close(p->fd);
		p->fd = -1;
		f->cut++;
	}
}

/* ---- the program ---- */

static void forget(struct desk *d, struct postern_request *r)
{
	for (unsigned i = 0; i < d->n_kept; i++)
		if (d->kept[i] == r) {
			d->kept[i] = d->kept[--d->n_kept];
			return;
		}
}

/* A connection that was upgraded: it echoes. */
static size_t raw_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t taken = postern_conn_write(c, bytes, n);

	(void)data;
	return taken > 0 ? (size_t)taken : 0;
}

static void raw_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct fuzz *f = data;

	(void)why;
	for (int i = 0; i < UPGRADED; i++)
		if (f->conns[i] == c)
			f->conns[i] = postern_conn_free(c);
}

static const struct postern_conn_events raw_events = { .size = sizeof raw_events,
						       .received = raw_received,
						       .closed = raw_closed };

static struct fuzz *running;

static void upgrade(struct postern_request *r)
{
	struct postern_json p = postern_request_parameters(r);
	struct fuzz *f = running;
	int i = 0;

	while (f->conns[i])
		i++;
	assert_true(i < UPGRADED - 1);
	f->upgrades +=
		postern_request_upgrade_json(&f->conns[i], r, p.text, p.n, &raw_events, f) == 0;
}

static void answer(struct postern_request *r, void *data)
{
	struct postern_json p = postern_request_parameters(r);

	(void)data;
	if (postern_request_flags(r) & POSTERN_CALL_UPGRADE && running)
		upgrade(r);
	else
		postern_request_reply_json(r, p.text, p.n);
}

static void answer_and_free(struct postern_request *r, void *data)
{
	answer(r, data);
	forget(data, r);
	postern_request_free(r);
}

static void on_left(struct postern_request *r, void *data)
{
	struct fuzz *f = data;

	assert_null(postern_request_free(r));
	f->left++;
}

/* Those that are not subscribers, because it failed or they were answered at once, do not leave. */
static void subscribe(struct fuzz *f, struct postern_request *r)
{
	static const struct postern_request_events events = { .size = sizeof events,
							      .left = on_left };

	assert_ok(postern_request_set_events(r, &events, f));
	if (postern_topic_take(f->topic, r) == 1)
		f->subscribed++;
}

static void on_event(struct desk *d, struct postern_request *r, char event)
{
	struct fuzz *f = running;

	if (event == 'x' && below(f, 2)) {
		forget(d, r);
		postern_request_free(r);
	} else if (event == 'k' && !below(f, 4)) {
		assert_ok(postern_request_post(r, answer_and_free, d));
	} else if (event == 'k' && !below(f, 4)) {
		answer(r, d);
	} else if (event == 'u' && below(f, 4)) {
		upgrade(r);
	} else if (event == 'h') {
		if (f->topic && below(f, 3))
			subscribe(f, r);
		else if (below(f, 2))
			postern_request_free(r);
		else
			postern_request_invalid(r, "n");
	}
}

static void free_topic(struct fuzz *f)
{
	struct postern_topic_counters k = { 0 };

	if (f->topic)
		assert_ok(postern_topic_get_counters(f->topic, &k, sizeof k));
	all.sent += k.sent;
	all.dropped += k.dropped;
	f->topic = postern_topic_free(f->topic);
}

/* What is published has no number, as errors of the library's. */
static void topic_acts(struct fuzz *f)
{
	struct postern_topic_options o = { .size = sizeof o, .policy = below(f, 2) };
	char text[20000];
	int n = snprintf(text, sizeof text, "{\"pad\":\"%*s\"}",
			 (int)below(f, below(f, 2) ? 20 : sizeof text - 20), "");

	if (o.policy == POSTERN_TOPIC_QUEUE)
		o.messages = 1 + below(f, 3);
	o.flags = below(f, 4) ? 0 : POSTERN_TOPIC_STATELESS;
	if (!f->topic)
		(void)!postern_topic_new(&f->topic, f->d.service, desk_method("Hook"), &o, NULL, f);
	else if (below(f, 30) == 0)
		free_topic(f);
	else if (below(f, 20) == 0)
		(void)!postern_topic_end_json(f->topic, text, (size_t)n);
	else
		(void)!postern_topic_publish_json(f->topic, text, (size_t)n);
}

static void program_acts(struct fuzz *f)
{
	struct desk *d = &f->d;
	struct postern_request *r = d->n_kept ? d->kept[below(f, d->n_kept)] : NULL;
	struct postern_json p = postern_request_parameters(r);

	switch (r ? below(f, 7) : 6) {
	case 0:
	case 1:
		answer_and_free(r, d);
		break;
	case 2:
		answer(r, d);
		break;
	case 3:
		forget(d, r);
		postern_request_free(r);
		break;
	case 4:
		f->parts += postern_request_continue_json(r, p.text, p.n) == 0;
		break;
	case 5:
		f->posts += postern_request_post(r, answer_and_free, d) == 0;
		break;
	default:
		d->allow = below(f, 8) == 0;
	}
}

static void run(uint64_t seed)
{
	struct postern_server_options server = { .size = sizeof(server), .connections = 4 };
	struct postern_service_options options = { .size = sizeof(options), .server = &server };
	struct fuzz *f = calloc(1, sizeof *f);
	unsigned end;

	assert_non_null(f);
	f->seed = seed;
	running = f;
	for (int i = 0; i < PEERS; i++)
		f->peers[i].fd = -1;
	desk_open(&f->d, &options);
	f->d.hook = on_event;
	end = below(f, 5);
	for (int i = 0; i < STEPS && f->d.closed == 0; i++) {
		if (below(f, 3))
			peer_acts(f);
		if (!below(f, 4))
			program_acts(f);
		if (!below(f, 2))
			topic_acts(f);
		if (!below(f, 3))
			turn(f->d.loop, 0);
		f->drains = f->drains || (end == 0 && i == STEPS / 2);
		if (end == 0 && i == STEPS / 2)
			assert_ok(postern_service_drain(f->d.service, POSTERN_MS(20)));
	}
	all.calls += f->d.calls;
	all.cancelled += f->d.cancelled;
	all.violations += (unsigned)desk_counters(&f->d).violations;
	all.parts += f->parts;
	all.posts += f->posts;
	all.upgrades += f->upgrades;
	if (end == 1)
		f->d.service = postern_service_free(f->d.service);
	if (end == 2)
		f->d.loop = postern_loop_free(f->d.loop);
	if (end != 3)
		free_topic(f);
	while (f->d.n_kept > 0) {
		struct postern_request *r = f->d.kept[--f->d.n_kept];

		answer(r, NULL);
		postern_request_free(r);
	}
	for (int i = 0; i < PEERS; i++)
		if (f->peers[i].fd >= 0) {
			peer_reads(f, &f->peers[i]);
			if (f->peers[i].fd >= 0)
				close(f->peers[i].fd);
		}
	/* Those that are only read now may be kept too. */
	for (int i = 0; f->d.loop && f->d.service && i < 20; i++)
		turn(f->d.loop, 0);
	for (int i = 0; i < UPGRADED; i++)
		f->conns[i] = postern_conn_free(f->conns[i]);
	/* One that a late call has subscribed to. */
	if (end == 3)
		free_topic(f);
	desk_close(&f->d);
	/* Whatever has ended it. */
	assert_int_equal(f->left, f->subscribed);
	all.left += f->left;
	all.answers += f->answers;
	running = NULL;
	free(f);
}

static void whatever_comes_answers_are_in_order_and_everything_ends(void **state)
{
	const char *one = getenv("TEST_SEED"), *seeds = getenv("TEST_SEEDS");
	uint64_t n = (uint64_t)(seeds ? atoi(seeds) : SEEDS / test_scale() + 1);

	(void)state;
	for (uint64_t seed = 1; !one && seed <= n; seed++)
		run(seed * 7919);
	if (one)
		run(strtoull(one, NULL, 10));
	test_note("%u calls, %u answers (%u continuing), %u cancelled, %u violations, %u posts",
		  all.calls, all.answers, all.parts, all.cancelled, all.violations, all.posts);
	test_note("%llu publications were sent, and %llu dropped; %llu subscribers left",
		  (unsigned long long)all.sent, (unsigned long long)all.dropped,
		  (unsigned long long)all.left);
	test_note("%u upgrades, and %u bytes came back", all.upgrades, all.raw);
	assert_true(one || n < 100 ||
		    (all.answers > 100 && all.cancelled > 0 && all.violations > 10 &&
		     all.upgrades > 100 && all.raw > 1000 && all.sent > 1000 && all.left > 100));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(whatever_comes_answers_are_in_order_and_everything_ends),
	};
	return test_run(tests);
}
