/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topics.c - random lives of topics: what each subscriber reads, against what was published
 *
 * A life is a service with up to four topics at a time, and plain sockets that subscribe, read a little, much or nothing,
 * subscribe again and leave, while the program publishes, ends and frees, also inside the events of topics and requests.
 * Each publication has its topic's next number, so a subscriber knows what it may read:
 *
 *   order      LATEST: numbers that grow. QUEUE: each one, from the one with which it began; or Overflow, whose number with
 *              those that it read is no more than what was published
 *   the end    one final answer for each call, and the right one: the last value, Overflow, TopicEnded, Draining
 *   calm       once all read, each has the last state; nobody is behind; the topic counts as many as there are
 *   left       once for each request that a topic took, and never for one that it did not
 *   nothing    is charged, open or allocated when all has gone
 *
 * With --faults system calls fail meanwhile: then a connection may be lost, and a call be Busy or Abandoned, but what is
 * read is in order, and what failed to be published is not there.
 *
 *	topics [--from A] [--lives N] [--seconds N] [--faults] [--verbose]
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <postern/service.h>
#include <postern/topic.h>

#include "../fault/fault.h"

enum { SLOTS = 4, TOPICS = 64, PEERS = 10, JOINS = 1024, LARGE = 300 * 1000 };
enum {
	IDLE,
	ASKED,
	OPEN,
	LOST
}; /* a peer: no call; one that no handler has had; a subscriber; its connection ended */

struct topic {
	struct postern_topic *t;
	struct postern_topic_options o;
	unsigned published, taken, left;
	bool used, ended, freed;
};

struct join {
	struct topic *topic;
	unsigned number; /* of publications when it was taken */
	bool taken, from_end;
	unsigned told;
};

struct peer {
	int fd, state;
	unsigned made; /* so many connections */
	bool half;
	struct join *join; /* of OPEN */
	unsigned last;     /* that it has read of it; 0: none */
	char *bytes;       /* of a message that has begun */
	size_t n, size;
};

static struct {
	struct postern_loop *loop;
	struct postern_service *service;
	struct topic topics[TOPICS], *slots[SLOTS];
	struct peer peers[PEERS], nobody; /* whose call was made before it left */
	struct join joins[JOINS];
	unsigned n_topics, n_joins, depth, overflows, finals, read;
	uint64_t seed, random;
	bool draining, faults, faulted, settling;
	size_t moved;
} L;

static bool verbose, broken;
static char large[LARGE + 64];

static uint32_t below(uint32_t n)
{
	L.random = L.random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(L.random >> 33) % n;
}

static void __attribute__((format(printf, 1, 2))) law_broken(const char *format, ...)
{
	va_list args;

	if (broken)
		return;
	broken = true;
	printf("# seed %" PRIu64 ": ", L.seed);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

/* ---- the program ---- */

static void act(void);

static void inside(void)
{
	if (L.settling || L.depth > 0 || below(100) >= 30)
		return;
	L.depth++;
	act();
	L.depth--;
}

static void on_left(struct postern_request *r, void *data)
{
	struct join *j = data;

	(void)r;
	if (!j->taken || j->told++ > 0)
		law_broken("left is told %u times of a request that was%s taken", j->told,
			   j->taken ? "" : " not");
	j->topic->left++;
	L.moved++;
	inside();
}

static void on_changed(struct postern_topic *t, uint32_t subscribers, void *data)
{
	struct topic *m = data;

	if (m->t != t || m->freed || subscribers > m->taken)
		law_broken("changed: %u of %u subscribers of a topic that is%s freed", subscribers,
			   m->taken, m->freed ? "" : " not");
	L.moved++;
	inside();
}

static int64_t number_of(struct postern_json object, const char *name)
{
	struct postern_json value;
	int64_t n = -1;

	if (postern_json_find(object, name, &value) > 0)
		n = postern_json_int(value, &n) < 0 ? -1 : n;
	return n;
}

static void on_error(struct postern_service *s, const struct postern_reason *why, void *data)
{
	(void)s, (void)data;
	if (verbose)
		printf("# %s\n", why->text);
	if (!L.faulted)
		law_broken("an error is told: %s", why->text);
}

static const struct postern_service_events service_events = { .size = sizeof(service_events),
							      .error = on_error };

/* The call names its peer and a slot. */
static void on_watch(const void *handlers, struct postern_request *r, const void *in, void *data)
{
	static const struct postern_request_events events = { .size = sizeof(events),
							      .left = on_left };
	struct peer *p = &L.peers[number_of(postern_request_parameters(r), "peer")];
	struct topic *t = L.slots[number_of(postern_request_parameters(r), "slot")];
	struct join *j = &L.joins[L.n_joins++ % JOINS];

	(void)handlers, (void)in, (void)data;
	L.moved++;
	if (p->fd < 0 || number_of(postern_request_parameters(r), "made") != p->made)
		p = &L.nobody;
	if (!t) {
		(void)postern_request_fail_json(r, "org.example.law.None", NULL, 0);
		return;
	}
	*j = (struct join){ .topic = t, .number = t->published, .from_end = t->ended };
	/* Before it is taken: what it begins with may be sent, and it may be gone, when this returns. */
	p->join = j;
	p->last = 0;
	p->state = OPEN;
	(void)postern_request_set_events(r, &events, j);
	j->taken = true;
	t->taken++;
	if (postern_topic_take(t->t, r) != 1) {
		j->taken = false;
		t->taken--;
		if (j->told > 0)
			law_broken("left is told of what was not taken");
	}
	inside();
}

static const struct postern_method watch = {
	.name = "org.example.law.Watch",
	.flags = POSTERN_METHOD_MORE,
	.handle = on_watch,
};
static const struct postern_method *const methods[] = { &watch };
static const struct postern_interface interface = {
	.version = POSTERN_INTERFACE_VERSION,
	.n_methods = 1,
	.name = "org.example.law",
	.description = "interface org.example.law\n",
	.methods = methods,
};
/* What handles are looked for in: any pointer will do. */
static void (*const handlers[])(void) = { (void (*)(void))abort };

static void act_new(unsigned slot)
{
	static const struct postern_topic_events events = { .size = sizeof(events),
							    .changed = on_changed };
	struct topic *t = &L.topics[L.n_topics];

	if (!L.service || L.n_topics == TOPICS)
		return;
	*t = (struct topic){ .o = { .size = sizeof(t->o), .policy = below(2) } };
	if (t->o.policy == POSTERN_TOPIC_QUEUE) {
		t->o.messages = below(2) ? 1 + below(5) : 0;
		t->o.bytes = below(3) ? 0 : 1 + below(500000);
	}
	t->o.flags = below(4) ? 0 : POSTERN_TOPIC_STATELESS;
	if (postern_topic_new(&t->t, L.service, &watch, &t->o, &events, t) < 0) {
		if (!L.faulted)
			law_broken("a topic cannot be made: %s", postern_why()->text);
		return;
	}
	t->used = true;
	L.n_topics++;
	L.slots[slot] = t;
}

static void act_publish(struct topic *t)
{
	size_t pad = below(3) ? below(300) : below(3) ? below(20000) : below(LARGE);
	bool ends = below(40) == 0;
	unsigned number = t->published + 1;
	int n = sprintf(large, "{\"n\":%u,\"pad\":\"", number), r;

	memset(large + n, 'a' + (int)(number % 26), pad);
	memcpy(large + n + pad, "\"}", 3);
	/* What it sends may be read by nobody before this returns: but an end may be told inside. */
	r = ends ? postern_topic_end_json(t->t, large, (size_t)n + pad + 2)
		 : postern_topic_publish_json(t->t, large, (size_t)n + pad + 2);
	if (r == 0 && (t->ended || !L.service))
		law_broken("a topic that has ended publishes");
	if (r < 0 && r != (t->ended || !L.service ? -ESTALE : 0) && !L.faulted)
		law_broken("publication %u fails with %d", number, r);
	t->published += r == 0;
	t->ended |= r == 0 && ends;
}

static void act_free(unsigned slot)
{
	struct topic *t = L.slots[slot];

	L.slots[slot] = NULL;
	t->freed = true;
	postern_topic_free(t->t);
	t->t = NULL;
}

static void act_topic(void)
{
	unsigned slot = below(SLOTS);

	if (!L.slots[slot])
		act_new(slot);
	else if (below(100) < 2)
		act_free(slot);
	else
		act_publish(L.slots[slot]);
}

/* ---- the peers ---- */

static void peer_lose(struct peer *p)
{
	close(p->fd);
	p->fd = -1;
	p->state = LOST;
	p->n = 0;
}

static void peer_connect(struct peer *p)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (!L.service)
		return;
	strncpy(a.sun_path, postern_server_path(postern_service_server(L.service)),
		sizeof(a.sun_path) - 1);
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd < 0)
		abort();
	p->half = false;
	p->made++;
	p->state = IDLE;
	if (connect(p->fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		peer_lose(p);
}

static void peer_call(struct peer *p)
{
	char text[160];
	int n = sprintf(
		text,
		"{\"method\":\"org.example.law.Watch\",\"more\":true,\"parameters\":{\"peer\":%d,\"made\":%u,\"slot\":%u}}",
		(int)(p - L.peers), p->made, below(SLOTS));

	if (send(p->fd, text, (size_t)n + 1, MSG_NOSIGNAL) == n + 1)
		p->state = ASKED;
}

/* May it read this number now? */
static void peer_number(struct peer *p, int64_t n, bool final)
{
	const struct join *j = p->join;
	const struct topic *t = j->topic;
	bool queue = t->o.policy == POSTERN_TOPIC_QUEUE;
	bool begins = j->number > 0 && (j->from_end || !(t->o.flags & POSTERN_TOPIC_STATELESS));
	int64_t next = p->last > 0 ? p->last + 1 : begins ? j->number : j->number + 1;

	if (n > t->published || n < next || (queue && n != next))
		law_broken("publication %lld of %u comes, and %lld was next, of a %s", (long long)n,
			   t->published, (long long)next, queue ? "queue" : "state");
	if (final && (!t->ended || n != t->published))
		law_broken("publication %lld of %u is the last one", (long long)n, t->published);
	p->last = (unsigned)n;
	L.read++;
}

static void peer_pad(struct postern_json parameters, int64_t n)
{
	struct postern_json pad;
	char c = (char)('a' + n % 26);

	if (postern_json_find(parameters, "pad", &pad) <= 0 || pad.n < 2)
		law_broken("publication %lld has no pad", (long long)n);
	for (size_t i = 1; i + 1 < pad.n; i++)
		if (pad.text[i] != c) {
			law_broken("publication %lld is torn", (long long)n);
			return;
		}
}

static void peer_dropped(const struct peer *p, int64_t n)
{
	const struct topic *t = p->join->topic;

	if (t->o.policy != POSTERN_TOPIC_QUEUE || n < 1 || p->last + n > t->published)
		law_broken("%lld were dropped, %u read, of %u", (long long)n, p->last,
			   t->published);
	L.overflows++;
}

static void peer_error(const struct peer *p, struct postern_json error,
		       struct postern_json parameters)
{
	const struct topic *t = p->join ? p->join->topic : NULL;

	if (p->state == OPEN && postern_json_equals(error, "io.postern.Overflow"))
		peer_dropped(p, number_of(parameters, "dropped"));
	else if (p->state == OPEN && postern_json_equals(error, "io.postern.TopicEnded") &&
		 t->freed && !t->ended)
		L.finals++;
	else if (!(L.draining && postern_json_equals(error, "io.postern.Draining")) &&
		 !(p->state == ASKED && postern_json_equals(error, "org.example.law.None")) &&
		 !(L.faulted && (postern_json_equals(error, "io.postern.Busy") ||
				 postern_json_equals(error, "io.postern.Abandoned"))))
		law_broken("peer %d hears %.*s", (int)(p - L.peers), (int)error.n, error.text);
}

static void peer_message(struct peer *p, const char *text, size_t n)
{
	struct postern_json whole, error, parameters = { 0 }, continues;
	bool more;

	L.moved++;
	if (postern_json_check(text, n, &whole, NULL) < 0) {
		law_broken("peer %d reads no JSON: %.80s", (int)(p - L.peers), text);
		return;
	}
	if (postern_json_find(whole, "parameters", &parameters) <= 0)
		parameters = (struct postern_json){ "{}", 2 };
	more = postern_json_find(whole, "continues", &continues) > 0;
	if (p->state != OPEN && p->state != ASKED)
		law_broken("peer %d has no call, and reads %.80s", (int)(p - L.peers), text);
	else if (postern_json_find(whole, "error", &error) > 0)
		peer_error(p, error, parameters);
	else if (p->state == OPEN) {
		peer_number(p, number_of(parameters, "n"), !more);
		peer_pad(parameters, p->last);
	}
	if (!more)
		p->state = IDLE;
}

/* At most so many bytes. */
static void peer_read(struct peer *p, size_t most)
{
	while (p->fd >= 0 && most > 0 && !broken) {
		ssize_t r;
		char *end;

		if (p->size - p->n < 65536) {
			p->size = 2 * p->size + 65536;
			p->bytes = realloc(p->bytes, p->size);
			if (!p->bytes)
				abort();
		}
		r = recv(p->fd, p->bytes + p->n, most < 65536 ? most : 65536, 0);
		if (r < 0 && errno == EAGAIN)
			return;
		if (r <= 0) {
			if (L.service && !L.draining && !L.faulted &&
			    !(p->half && p->state == IDLE))
				law_broken("peer %d has lost its connection: %s, %s state %d",
					   (int)(p - L.peers), r < 0 ? strerror(errno) : "end",
					   p->half ? "half-closed," : "", p->state);
			peer_lose(p);
			return;
		}
		most -= (size_t)r;
		p->n += (size_t)r;
		L.moved += (size_t)r;
		while ((end = memchr(p->bytes, '\0', p->n))) {
			size_t n = (size_t)(end - p->bytes);

			peer_message(p, p->bytes, n);
			p->n -= n + 1;
			memmove(p->bytes, end + 1, p->n);
		}
	}
}

static void act_peer(void)
{
	struct peer *p = &L.peers[below(PEERS)];
	unsigned what = below(20), slow = p->made % 2 ? 19 : 8;

	if (p->fd < 0)
		peer_connect(p);
	else if (what == 0)
		peer_lose(p);
	else if (what == 1 && !p->half) {
		p->half = true;
		(void)shutdown(p->fd, SHUT_WR);
	} else if (p->state == IDLE && !p->half)
		peer_call(p);
	else
		peer_read(p, what < slow ? 1 + below(1000) : SIZE_MAX);
}

/* ---- lives ---- */

static void turn(void)
{
	if (L.depth == 0)
		(void)postern_loop_dispatch(L.loop, 0);
}

static void act_fault(void)
{
	static const struct fault kinds[] = {
		{ .call = FAULT_alloc, .error = ENOMEM },
		{ .call = FAULT_send, .error = ENOBUFS },
		{ .call = FAULT_send, .error = FAULT_SHORT },
		{ .call = FAULT_sendmsg, .error = ENOMEM },
		{ .call = FAULT_sendmsg, .error = FAULT_SHORT },
		{ .call = FAULT_recv, .error = FAULT_SHORT },
		{ .call = FAULT_accept, .error = EMFILE },
		{ .call = FAULT_send, .error = EPIPE },
		{ .call = FAULT_epoll_ctl, .error = ENOSPC },
	};
	struct fault f = kinds[below(sizeof(kinds) / sizeof(*kinds))];

	f.nth = 1 + below(6);
	L.faulted = true;
	fault_arm(&f);
}

/* It calls back, and is gone for whoever is called. */
static void free_service(void)
{
	struct postern_service *s = L.service;

	L.service = NULL;
	postern_service_free(s);
}

static void act(void)
{
	unsigned what = below(1000);

	if (what < 400)
		act_topic();
	else if (what < 800)
		act_peer();
	else if (what < 960)
		turn();
	else if (what < 990 && L.faults)
		act_fault();
	else if (what == 998 && L.service && !L.draining) {
		L.draining = true;
		(void)postern_service_drain(L.service, POSTERN_SECONDS(5));
	} else if (what == 999) {
		free_service();
	}
}

/* All read; nothing more happens. */
static void settle(void)
{
	size_t before = L.moved - 1;

	L.settling = true;
	fault_disarm();
	for (int idle = 0; idle < 4 && !broken; idle++) {
		if (L.moved != before)
			idle = 0;
		before = L.moved;
		for (unsigned i = 0; i < PEERS; i++)
			peer_read(&L.peers[i], SIZE_MAX);
		turn();
		/* What was short of memory is tried again. */
		if (L.faulted)
			fault_clock_advance(POSTERN_MS(200));
	}
}

static void check_peer(const struct peer *p)
{
	const struct join *j = p->join;
	const struct topic *t = j->topic;
	bool begins = j->number > 0 && !(t->o.flags & POSTERN_TOPIC_STATELESS);

	if (t->ended || t->freed)
		law_broken("peer %d has read %u of %u, and no end of a topic that was %s",
			   (int)(p - L.peers), p->last, t->published, t->freed ? "freed" : "ended");
	if (p->last != t->published && (p->last > 0 || begins || t->published > j->number))
		law_broken("peer %d has read %u of %u", (int)(p - L.peers), p->last, t->published);
}

static void check_calm(void)
{
	for (unsigned i = 0; i < PEERS; i++)
		if (L.peers[i].state == ASKED)
			law_broken("peer %u has no answer", i);
		else if (L.peers[i].state == OPEN)
			check_peer(&L.peers[i]);
	for (unsigned i = 0; i < L.n_topics; i++) {
		struct topic *t = &L.topics[i];
		struct postern_topic_counters k = { 0 };
		unsigned n = 0;

		for (unsigned q = 0; q < PEERS; q++)
			n += L.peers[q].state == OPEN && L.peers[q].join->topic == t;
		if (t->freed)
			continue;
		(void)postern_topic_get_counters(t->t, &k, sizeof(k));
		if (k.subscribers != n || k.behind > 0 || k.published != t->published ||
		    t->taken - t->left != n)
			law_broken("a topic counts %u subscribers of %u, %u behind, %" PRIu64
				   " of %u publications, %u of %u have left",
				   k.subscribers, n, k.behind, k.published, t->published, t->left,
				   t->taken);
	}
}

static void check_charges(void)
{
	struct postern_server_counters k = { 0 };

	for (unsigned i = 0; i < PEERS; i++)
		if (L.peers[i].fd >= 0)
			peer_lose(&L.peers[i]);
	/* Accepting may have paused for a second, for what a fault said was short. */
	for (int i = 0; i < 20; i++) {
		turn();
		fault_clock_advance(POSTERN_MS(200));
	}
	if (L.service)
		(void)postern_server_get_counters(postern_service_server(L.service), &k, sizeof(k));
	if (k.bytes > 0 || k.connections > 0)
		law_broken("%u connections and %" PRIu64 " bytes are nobody's", k.connections,
			   k.bytes);
}

static void free_all(void)
{
	unsigned first = below(3);

	for (unsigned k = 0; k < 3; k++)
		switch ((first + k) % 3) {
		case 0:
			for (unsigned i = 0; i < SLOTS; i++)
				if (L.slots[i])
					act_free(i);
			break;
		case 1:
			free_service();
			break;
		default:
			L.loop = postern_loop_free(L.loop);
		}
	for (unsigned i = 0; i < PEERS; i++) {
		if (L.peers[i].fd >= 0)
			peer_lose(&L.peers[i]);
		free(L.peers[i].bytes);
	}
	for (unsigned i = 0; i < L.n_joins && i < JOINS; i++)
		if (L.joins[i].told != L.joins[i].taken)
			law_broken("left was told %u times of %u", L.joins[i].told,
				   L.joins[i].taken);
}

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void life(uint64_t seed, bool faults)
{
	int fds = count_fds();
	int64_t memory = fault_memory();
	unsigned steps;

	memset(&L, 0, sizeof(L));
	L.seed = seed;
	L.random = seed * 0x9e3779b97f4a7c15u + 1;
	L.faults = faults;
	fault_reset();
	fault_clock_fake();
	for (unsigned i = 0; i < PEERS; i++)
		L.peers[i].fd = -1;
	if (postern_loop_new(&L.loop) < 0 ||
	    postern_service_new(&L.service, L.loop, "topics", NULL, &service_events, NULL) < 0 ||
	    postern_service_provide(L.service, &interface, handlers, NULL) < 0)
		abort();
	steps = 50 + below(500);
	for (unsigned i = 0; i < steps && !broken; i++)
		act();
	settle();
	if (!L.faulted && L.service && !L.draining && !broken)
		check_calm();
	if (!broken && below(2))
		check_charges();
	free_all();
	if (fault_memory() != memory || count_fds() != fds)
		law_broken("%lld blocks of memory and %d descriptors are left",
			   (long long)(fault_memory() - memory), count_fds() - fds);
	if (verbose)
		printf("# seed %" PRIu64
		       ": %u steps, %u topics, %u calls taken or not, %u publications read, %u overflows, %u ends\n",
		       seed, steps, L.n_topics, L.n_joins, L.read, L.overflows, L.finals);
}

static int lives(uint64_t from, uint64_t n, time_t seconds, bool faults)
{
	time_t until = time(NULL) + seconds;
	uint64_t seed = from, read = 0, overflows = 0, finals = 0;

	for (; !broken && (seconds > 0 ? time(NULL) < until : seed < from + n); seed++) {
		alarm(60);
		life(seed, faults);
		read += L.read;
		overflows += L.overflows;
		finals += L.finals;
	}
	printf("%s 1 - random lives of topics keep the laws%s\n", broken ? "not ok" : "ok",
	       faults ? ", with faults" : "");
	printf("# seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " publications read, %" PRIu64
	       " overflows, %" PRIu64 " ends by a free\n",
	       from, seed - 1, read, overflows, finals);
	return broken || (!faults && n >= 100 && (read == 0 || overflows == 0 || finals == 0));
}

int main(int argc, char **argv)
{
	uint64_t from = 1, n = 200;
	time_t seconds = 0;
	bool faults = false;
	char dir[] = "/tmp/postern-topics-XXXXXX", command[64];
	int failed;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--verbose") == 0)
			verbose = true;
		else if (strcmp(argv[i], "--faults") == 0)
			faults = true;
		else if (i + 1 < argc && strcmp(argv[i], "--from") == 0)
			from = strtoull(argv[++i], NULL, 10);
		else if (i + 1 < argc && strcmp(argv[i], "--lives") == 0)
			n = strtoull(argv[++i], NULL, 10);
		else if (i + 1 < argc && strcmp(argv[i], "--seconds") == 0)
			seconds = (time_t)strtoull(argv[++i], NULL, 10);
		else
			return 64;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!mkdtemp(dir) || setenv("POSTERN_DIR", dir, 1) < 0)
		return 1;
	/* What the first loop of a process leaves behind for good. */
	if (postern_loop_new(&L.loop) == 0)
		postern_loop_free(L.loop);
	printf("1..1\n");
	failed = lives(from, n, seconds, faults);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) != 0 || failed;
}
