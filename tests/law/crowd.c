/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd.c - crowds of one user against the budget of bytes_per_uid
 *
 * Whatever the budget, as long as each message fits into it alone: while every peer keeps moving, every message
 * arrives and every reply is read, nobody is ended, and the turns that it takes are bounded by the bytes. All peers
 * are plain sockets of this process; a round is one step of each peer and one turn; the clock is stopped and moves
 * a millisecond a round. A round in which nobody could move a byte is a standstill: room that came back was not
 * given to who waits for it.
 *
 *	crowd [--from A] [--crowds N] [--seconds N] [--verbose]
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <postern/conn.h>
#include <postern/frame.h>
#include <postern/server.h>

#include "../fault/fault.h"

enum { CLIENTS = 32, LARGEST = 4 << 20, SMALLEST_BUDGET = 4096 };

struct client {
	int fd;
	size_t sent, got; /* of all its messages with their heads; of replies */
};

/* What the server's program has to remember of one connection. */
struct work {
	struct postern_conn *c;
	unsigned owed;   /* replies */
	unsigned pushes; /* messages that nobody asked for, still to come */
	bool refused;    /* one of them, and drained is to come */
	bool silent;     /* it fills its queue and is never read */
};

struct crowd {
	unsigned n, messages, pushes; /* of each client */
	size_t size, step, reply, push, budget;
	int64_t idle_ns;
};

static struct {
	struct crowd is;
	struct postern_loop *loop;
	struct postern_server *server;
	struct client clients[CLIENTS];
	struct work work[CLIENTS];
	unsigned n_work, frames, closed, rounds, still, worst_still, n_silent;
	int code;
	size_t moved;
} C;

static char bytes[LARGEST + 4], sink[1 << 20];
static bool verbose;

/* ---- the program ---- */

static void reply(struct postern_conn *c, struct work *w)
{
	while (w->owed > 0) {
		ssize_t r = postern_conn_write_frame(c, POSTERN_FRAMING_U32LE, bytes, C.is.reply);

		if (r < 0) {
			postern_conn_pause(c);
			return;
		}
		w->owed--;
	}
	postern_conn_resume(c);
}

/* Whatever comes meanwhile: so a connection may wait for room in both directions. */
static void push(struct work *w)
{
	ssize_t r = 0;

	if (w->refused || w->silent)
		return;
	while (w->pushes > 0 && r >= 0) {
		r = postern_conn_write_frame(w->c, POSTERN_FRAMING_U32LE, bytes, C.is.push);
		w->pushes -= r >= 0;
	}
	w->refused = r < 0;
}

static void on_frame(struct postern_conn *c, const void *payload, size_t n, void *data)
{
	struct work *w = data;

	(void)payload;
	C.frames += n == C.is.size;
	C.moved += n;
	if (w->silent)
		while (postern_conn_write_frame(c, POSTERN_FRAMING_U32LE, bytes, 65536) >= 0)
			;
	else if (C.is.reply > 0) {
		w->owed++;
		reply(c, w);
	}
}

static void on_drained(struct postern_conn *c, void *data)
{
	struct work *w = data;

	w->refused = false;
	push(w);
	if (!w->silent)
		reply(c, w);
}

static void on_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	(void)c;
	((struct work *)data)->pushes = 0;
	C.closed++;
	C.code = why->code;
}

static const struct postern_conn_events conn_events = {
	.size = sizeof(conn_events), .frame = on_frame, .drained = on_drained, .closed = on_closed
};

static void on_accepted(struct postern_server *s, struct postern_conn *c, void *data)
{
	struct work *w = &C.work[C.n_work % CLIENTS];

	(void)s;
	(void)data;
	*w = (struct work){ .c = c, .pushes = C.is.pushes, .silent = C.n_work < C.n_silent };
	C.n_work++;
	(void)postern_conn_set_data(c, w);
}

static const struct postern_server_events server_events = { .size = sizeof(server_events),
							    .conn = &conn_events,
							    .accepted = on_accepted };

/* ---- the peers ---- */

static void client_open(struct client *c)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	*c = (struct client){ .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
					   0) };
	strncpy(a.sun_path, postern_server_path(C.server), sizeof(a.sun_path) - 1);
	if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		abort();
	(void)postern_loop_dispatch(C.loop, 0);
}

/* A step goes over the ends of messages: small ones come many at once. */
static void client_write(struct client *c)
{
	static char out[512 << 10];
	size_t whole = C.is.size + 4, all = whole * C.is.messages, n = 0;
	ssize_t r;

	while (n < C.is.step && n < sizeof(out) && c->sent + n < all) {
		size_t in = (c->sent + n) % whole, k = whole - in;

		if (k > C.is.step - n)
			k = C.is.step - n;
		if (k > sizeof(out) - n)
			k = sizeof(out) - n;
		memcpy(out + n, bytes + in, k);
		n += k;
	}
	r = n > 0 ? send(c->fd, out, n, MSG_NOSIGNAL) : 0;
	if (r > 0) {
		c->sent += (size_t)r;
		C.moved += (size_t)r;
	}
}

static void client_read(struct client *c)
{
	ssize_t r = recv(c->fd, sink, sizeof(sink), 0);

	if (r > 0) {
		c->got += (size_t)r;
		C.moved += (size_t)r;
	}
}

static bool client_done(const struct client *c)
{
	return c->sent == (C.is.size + 4) * C.is.messages &&
	       c->got == (C.is.reply ? C.is.reply + 4 : 0) * C.is.messages +
				 (C.is.push + 4) * C.is.pushes;
}

/* ---- one crowd ---- */

static void crowd_open(const struct crowd *is, unsigned silent)
{
	struct postern_conn_options conn = { .size = sizeof(conn),
					     .framing = POSTERN_FRAMING_U32LE,
					     .idle_ns = is->idle_ns };
	struct postern_server_options o = { .size = sizeof(o),
					    .conn = &conn,
					    .bytes_per_uid = is->budget };

	memset(&C, 0, sizeof(C));
	C.is = *is;
	C.n_silent = silent;
	fault_reset();
	fault_clock_fake();
	for (int i = 0; i < 4; i++)
		bytes[i] = (char)(is->size >> (8 * i));
	if (postern_loop_new(&C.loop) < 0 ||
	    postern_server_new(&C.server, C.loop, "crowd", &o, &server_events, NULL) < 0)
		abort();
}

/* At worst one message comes after the other: so many steps as its sender makes of it, and so many turns as it and its reply
   take at 64 KiB each, which is what a visit moves beside others, twice. */
static unsigned rounds_allowed(void)
{
	size_t step = C.is.step < 65536 ? C.is.step : 65536;
	size_t turns = C.is.size / step + C.is.reply / 65536 + 2;
	size_t pushing = C.is.push / 65536 + 2;

	return (unsigned)(100 + 2 * C.is.n * (C.is.messages * turns + C.is.pushes * pushing));
}

/* What the server has not read. */
static size_t crowd_unread(unsigned first)
{
	size_t unread = 0;
	int n;

	for (unsigned i = first; i < first + C.is.n; i++)
		if (ioctl(C.clients[i].fd, SIOCOUTQ, &n) == 0)
			unread += (size_t)n;
	return unread;
}

static void crowd_round(unsigned first)
{
	size_t before = C.moved, unread;

	for (unsigned i = first; i < first + C.is.n; i++) {
		client_write(&C.clients[i]);
		client_read(&C.clients[i]);
	}
	for (unsigned i = 0; i < C.n_work && i < CLIENTS; i++)
		if ((C.rounds + i) % 3 == 2)
			push(&C.work[i]);
	unread = crowd_unread(first);
	(void)postern_loop_dispatch(C.loop, 0);
	C.rounds++;
	C.still = C.moved == before && crowd_unread(first) == unread ? C.still + 1 : 0;
	C.worst_still = C.still > C.worst_still ? C.still : C.worst_still;
	fault_clock_advance(POSTERN_MS(1));
}

static bool crowd_done(unsigned first)
{
	for (unsigned i = first; i < first + C.is.n; i++)
		if (!client_done(&C.clients[i]))
			return false;
	return C.frames == C.is.n * C.is.messages;
}

static bool crowd_close(void)
{
	struct postern_server_counters k = { 0 };

	for (unsigned i = 0; i < CLIENTS; i++)
		if (C.clients[i].fd > 0)
			close(C.clients[i].fd);
	for (int i = 0; i < 300 && C.server; i++) {
		(void)postern_loop_dispatch(C.loop, 0);
		fault_clock_advance(POSTERN_SECONDS(1));
	}
	(void)postern_server_get_counters(C.server, &k, sizeof(k));
	postern_server_free(C.server);
	postern_loop_free(C.loop);
	if (k.bytes > 0)
		printf("# %" PRIu64 " bytes are on the account of nobody\n", k.bytes);
	return k.bytes == 0;
}

/* What nobody can move is not waited for longer than what would end a peer. */
static bool crowd_run(const struct crowd *is, unsigned silent, const char *name)
{
	unsigned allowed;
	bool right;

	crowd_open(is, silent);
	for (unsigned i = 0; i < silent; i++) {
		client_open(&C.clients[i]);
		(void)!send(C.clients[i].fd, "\4\0\0\0subs", 8, MSG_NOSIGNAL);
		for (int k = 0; k < 4; k++)
			(void)postern_loop_dispatch(C.loop, 0);
	}
	for (unsigned i = 0; i < is->n; i++)
		client_open(&C.clients[silent + i]);
	C.frames = 0;
	allowed = rounds_allowed();
	while (!crowd_done(silent) && C.closed == 0 && C.rounds < allowed)
		crowd_round(silent);
	right = crowd_done(silent) && C.closed == 0 && C.worst_still <= 2;
	if (!right || verbose)
		printf("# %s: %u clients, %u x %zu bytes each in steps of %zu, replies of %zu, %u x %zu pushed, budget %zu, idle_ns %lld ms: %u of %u messages came, %u ended (%d), %u of %u rounds, worst standstill %u\n",
		       name, is->n, is->messages, is->size, is->step, is->reply, is->pushes,
		       is->push, is->budget, (long long)is->idle_ns / 1000000, C.frames,
		       is->n * is->messages, C.closed, C.code, C.rounds, allowed, C.worst_still);
	return crowd_close() && right;
}

/* ---- many ---- */

static uint64_t random_state;

static uint32_t below(uint32_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % n;
}

static struct crowd random_crowd(uint64_t seed)
{
	static const uint32_t sizes[] = { 100, 5000, 70000, 1 << 20, LARGEST };
	struct crowd is = { 0 };

	random_state = seed * 0x9e3779b97f4a7c15u + 1;
	(void)below(2);
	is.n = 1 + below(24);
	is.size = 1 + below(sizes[below(5)]);
	is.messages = 1 + below(4);
	while (is.size * is.messages * is.n > (size_t)24 << 20)
		is.size /= 2;
	is.step = below(3) ? 4096 + below(256 << 10) : 1 + (uint32_t)is.size / 50 + below(4096);
	is.reply = below(2) ? 1 + below(below(2) ? 1000 : 100000) : 0;
	/* From what one message needs alone to what all need together. */
	is.budget = (is.size > is.reply ? is.size : is.reply) + 4;
	is.budget +=
		below(2) ? below((uint32_t)is.budget * 2) : below((uint32_t)(is.budget * is.n));
	if (is.budget < SMALLEST_BUDGET)
		is.budget = SMALLEST_BUDGET;
	is.idle_ns = below(2) ? POSTERN_SECONDS(1) : 0;
	is.pushes = below(2) ? 1 + below(4) : 0;
	is.push = 1 + below(is.budget - 4 < LARGEST ? (uint32_t)is.budget - 4 : LARGEST);
	while (is.push * is.pushes * is.n > (size_t)24 << 20)
		is.push /= 2;
	return is;
}

static unsigned table_of_frames(void)
{
	static const unsigned ns[] = { 10, 14, 18, 24 };
	unsigned failed = 0;

	for (int i = 0; i < 4; i++) {
		struct crowd is = { .n = ns[i], .messages = 1, .size = LARGEST, .step = 65536 };

		failed += !crowd_run(&is, 0, "large messages, all options default");
		printf("# %u x 4 MiB: %u rounds, %.1f a MiB, worst standstill %u\n", ns[i],
		       C.rounds, (double)C.rounds / (4.0 * ns[i]), C.worst_still);
	}
	printf("%s 1 - crowds of 4 MiB messages come through with default options\n",
	       failed ? "not ok" : "ok");
	return failed;
}

/* Those that are never read hold what they hold, and the one that moves gets its replies. */
static unsigned table_of_silent(void)
{
	unsigned failed = 0;

	for (unsigned silent = 1; silent <= 24; silent += silent < 10 ? 3 : 7) {
		struct crowd is = {
			.n = 1, .messages = 62, .size = 1024, .step = 65536, .reply = 65536
		};

		failed += !crowd_run(&is, silent, "one among those that do not read");
	}
	printf("%s 2 - who reads gets its replies beside those of its user that do not read\n",
	       failed ? "not ok" : "ok");
	return failed;
}

static unsigned many(uint64_t from, uint64_t n, time_t seconds)
{
	time_t until = time(NULL) + seconds;
	unsigned failed = 0, worst_still = 0;
	uint64_t seed = from, total = 0, rounds = 0;
	double worst = 0;

	for (; seconds > 0 ? time(NULL) < until : seed < from + n; seed++) {
		struct crowd is = random_crowd(seed);
		double mib = (double)((is.size + is.reply) * is.messages * is.n) / (1 << 20), a;
		char name[32];

		snprintf(name, sizeof(name), "crowd %llu", (unsigned long long)seed);
		failed += !crowd_run(&is, 0, name);
		total += (is.size + is.reply) * is.messages * is.n;
		rounds += C.rounds;
		/* Per step that the peers make themselves take: their own slowness is not the library's. */
		a = C.rounds / (mib + 1);
		worst = is.step >= 65536 && a > worst ? a : worst;
		worst_still = C.worst_still > worst_still ? C.worst_still : worst_still;
	}
	printf("%s 3 - random crowds come through random budgets\n", failed ? "not ok" : "ok");
	printf("# crowds %llu to %llu: %u failed, %.1f MiB, %llu rounds, at worst %.1f a MiB where steps are of 64 KiB and more, worst standstill %u rounds\n",
	       (unsigned long long)from, (unsigned long long)seed - 1, failed,
	       (double)total / (1 << 20), (unsigned long long)rounds, worst, worst_still);
	return failed;
}

int main(int argc, char **argv)
{
	uint64_t from = 1, n = 200;
	time_t seconds = 0;
	char dir[] = "/tmp/postern-crowd-XXXXXX", command[64];
	unsigned failed;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--verbose") == 0)
			verbose = true;
		else if (i + 1 < argc && strcmp(argv[i], "--from") == 0)
			from = strtoull(argv[++i], NULL, 10);
		else if (i + 1 < argc && strcmp(argv[i], "--crowds") == 0)
			n = strtoull(argv[++i], NULL, 10);
		else if (i + 1 < argc && strcmp(argv[i], "--seconds") == 0)
			seconds = (time_t)strtoull(argv[++i], NULL, 10);
		else
			return 64;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	memset(bytes, 'x', sizeof(bytes));
	if (!mkdtemp(dir) || setenv("POSTERN_DIR", dir, 1) < 0)
		return 1;
	printf("1..3\n");
	failed = table_of_frames() + table_of_silent() + many(from, n, seconds);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) != 0 || failed > 0;
}
