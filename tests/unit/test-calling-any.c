/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-calling-any.c - the caller's state machine, whatever happens
 *
 * A seed decides what happens next, in a world where everything can happen. The test knows from the bytes alone which calls
 * the service has got, and which one each answer is for. What must hold: each call is told once, in the end nothing is left,
 * and what it is told is true.
 */
#include "calling-world.h"

struct truth {
	bool open, sent;
	unsigned told;
};

static void learn(struct world *w, struct truth *truth)
{
	struct calling_call *ended;

	while ((ended = calling_ended(&w->machine))) {
		struct truth *t = &truth[ended - w->calls];
		bool may_have_run = ended->end != POSTERN_END_NOT_SENT;

		if (!t->open || t->told++)
			fail_msg("call %c is told twice, or was freed", letter(w, ended));
		if (ended->end == POSTERN_END_NOT_SENT || ended->end == POSTERN_END_NO_ANSWER ||
		    ended->end == POSTERN_END_TIMEOUT || ended->end == POSTERN_END_SENT)
			if (may_have_run != t->sent)
				fail_msg("call %c ended in %d, and %s sent", letter(w, ended),
					 ended->end, t->sent ? "was" : "was not");
		t->open = false;
	}
}

/* Is this message of the wire still an open call? */
static bool is_open(const struct world *w, const struct wire *wire, unsigned k,
		    const struct truth *truth)
{
	int i = wire->written[k].call;

	return truth[i].open && w->serials[i] == wire->written[k].serial;
}

/* What the kernel has taken whole by now is sent. */
static void learn_sent(const struct world *w, const struct wire *wire, struct truth *truth)
{
	for (unsigned k = wire->served; k < wire->taken / BYTES; k++)
		if (is_open(w, wire, k, truth))
			truth[wire->written[k].call].sent = true;
}

static struct wire *any_wire(struct world *w, uint64_t *seed)
{
	struct wire *wire = &w->wires[random_below(seed, CONNS)];

	return wire->used && !wire->closed ? wire : NULL;
}

enum { OK, ERROR, CONTINUES, BUSY, DRAINING, ANSWERS };

/* The service answers the oldest call that it has, or what it has not got; who is to be told? */
static char whose(const struct world *w, struct wire *wire, int what, const struct truth *truth)
{
	const struct calling_call *call;
	char name;

	while (wire->served < wire->taken / BYTES && wire->written[wire->served].oneway)
		wire->served++;
	if (wire->served == wire->taken / BYTES)
		return '!';
	call = &w->calls[wire->written[wire->served].call];
	name = is_open(w, wire, wire->served, truth) ? letter(w, call) : '-';
	if (what == CONTINUES)
		return name != '-' && call->flags & POSTERN_CALL_MORE ? name : '!';
	wire->served++;
	/* One that is refused may be made again. */
	return what < BUSY || call->begun || name == '-' ? name : '?';
}

static void any_answer(struct world *w, struct wire *wire, uint64_t *seed, struct truth *truth)
{
	static const char *const texts[ANSWERS] = {
		[OK] = "{}",
		[ERROR] = "{\"error\":\"a.b.E\"}",
		[CONTINUES] = "{\"continues\":true}",
		[BUSY] = "{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":3}}",
		[DRAINING] = "{\"error\":\"io.postern.Draining\"}"
	};
	int what = (int)random_below(seed, ANSWERS);
	char expected = whose(w, wire, what, truth),
	     told = answer(w, (int)(wire - w->wires), texts[what]);

	if (told != expected && expected != '?')
		fail_msg("an answer is told to %c, and is for %c", told, expected);
	if (told < 'a')
		return;
	if (!truth[told - 'a'].open || !truth[told - 'a'].sent)
		fail_msg("call %c is answered, and is not open, or was not sent", told);
	truth[told - 'a'].open = w->calls[told - 'a'].end == POSTERN_END_CONTINUES;
	truth[told - 'a'].told = !truth[told - 'a'].open;
}

/* What is refused has not run: from then on it was not sent. */
static void forget_refused(struct world *w, struct truth *truth)
{
	for (struct list *at = w->machine.later.next; at != &w->machine.later; at = at->next)
		truth[container_of(at, struct calling_call, place) - w->calls].sent = false;
}

static void happen(struct world *w, uint64_t *seed, struct truth *truth)
{
	struct wire *wire = any_wire(w, seed);
	int i = (int)random_below(seed, CALLS);
	size_t n;

	switch (random_below(seed, 9)) {
	case 0:
	case 1:
		if (truth[i].open)
			break;
		truth[i] = (struct truth){ .open = true };
		call(w, (char)('a' + i), (unsigned[]){ 0, 0, 1, 2 }[random_below(seed, 4)],
		     POSTERN_MS(1 + (int64_t)random_below(seed, 100)));
		break;
	case 2:
		if (!truth[i].open || random_below(seed, 3))
			break;
		truth[i].open = false;
		calling_drop(&w->machine, &w->calls[i], w->now);
		run(w);
		break;
	case 3:
	case 4:
		if (!wire || !wire->queued)
			break;
		n = 1 + (size_t)random_below(seed, wire->queued);
		sent(w, (int)(wire - w->wires), n);
		learn_sent(w, wire, truth);
		break;
	case 5:
		if (wire && wire->conn.open)
			any_answer(w, wire, seed, truth);
		break;
	case 6:
		if (wire && !wire->conn.open)
			connected(w, (int)(wire - w->wires));
		else if (wire && wire->conn.full)
			calling_drained(&w->machine, &wire->conn);
		break;
	case 7:
		if (wire && !random_below(seed, 4))
			is_lost(w, (int)(wire - w->wires), &lost);
		w->full = !random_below(seed, 8);
		w->no_conn = !random_below(seed, 32);
		break;
	default:
		wait_ns(w, (int64_t)random_below(seed, POSTERN_MS(20)));
	}
	run(w);
	learn(w, truth);
	forget_refused(w, truth);
	for (int k = 0; k < CONNS; k++)
		if (w->wires[k].closed)
			w->wires[k] = (struct wire){ 0 };
	w->log[0] = '\0';
}

static void V15_each_call_is_told_once_and_truly_whatever_happens(void **state)
{
	unsigned told = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		struct truth truth[CALLS] = { 0 };
		uint64_t random = seed * 7919;
		struct world w;

		begin(&w);
		for (int i = 0; i < 300; i++)
			happen(&w, &random, truth);
		calling_cancel(&w.machine);
		run(&w);
		learn(&w, truth);
		for (int i = 0; i < CALLS; i++) {
			if (truth[i].open)
				fail_msg("seed %ju: call %c was never told", (uintmax_t)seed,
					 'a' + i);
			told += truth[i].told;
		}
		assert_int_equal(w.machine.n, 0);
		assert_true(list_is_empty(&w.machine.conns) && list_is_empty(&w.machine.work));
	}
	test_note("%u calls were told last", told);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V15_each_call_is_told_once_and_truly_whatever_happens),
	};

	return test_run(tests);
}
