/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim-life.c - what happens next
 *
 * First anything may happen, in any order. Then all that can happen does, in turn, and time passes only when there is nothing
 * else: so whatever stands still then has been forgotten by a machine. In a calm life that is so from the beginning,
 * nobody is killed and nothing is late, and then each call must be answered.
 */
#include <string.h>

#include "sim.h"

enum { ROUNDS_MAX = 20000 };

static const size_t all = (size_t)-1 / 2;

static size_t some_bytes(void)
{
	return sim_chance(3) ? 1 + sim_size(4) : sim_chance(2) ? 1 + sim_size(300) : all;
}

/* Mostly one that is there. */
static void drop_any(void)
{
	unsigned i = (unsigned)sim_below(S.n_calls + 1);

	while (i < S.n_calls && !S.calls[i].alive)
		i++;
	if (i < S.n_calls)
		caller_drop((int)i);
}

void sim_inside(void)
{
	if (S.depth > 3 || S.over || S.inside == 0)
		return;
	S.depth++;
	while (sim_chance(S.inside) && !S.over) {
		switch (sim_below(S.calm ? 1 : 12)) {
		case 0:
		case 1:
		case 2:
		case 3:
			caller_add();
			break;
		case 4:
			SIM_COUNT(frees_inside);
			caller_free();
			break;
		default:
			SIM_COUNT(drops_inside);
			drop_any();
		}
	}
	S.depth--;
}

/* ---- all that can happen ---- */

static bool drive_wire(struct sim_wire *w)
{
	bool any = caller_dials(w, false);

	any |= service_accepts(w);
	any |= caller_gives(w, all);
	any |= service_learns(w);
	any |= service_takes(w, all);
	any |= service_gives(w, all);
	any |= w->hand_made ? peer_takes(w, all) : caller_takes(w, all);
	any |= caller_drains(w);
	if (S.draining)
		any |= service_retires(w);
	return any;
}

static bool drive(void)
{
	bool any = false;

	for (unsigned i = 0; i < S.n_wires; i++)
		any |= drive_wire(&S.wires[i]);
	for (unsigned i = 0; i < S.n_calls; i++)
		any |= service_works((int)i);
	if (S.tell_due) {
		caller_tell();
		any = true;
	}
	return any;
}

static void drive_on(void)
{
	unsigned rounds = 0;

	while (drive())
		if (++rounds > ROUNDS_MAX)
			sim_broken("it does not come to rest");
	oracle_rest();
}

/* ---- time ---- */

static void wait_until(int64_t at)
{
	S.now = at > S.now ? at : S.now;
	S.late = !S.calm && sim_chance(8);
	sim_say("it is later%s", S.late ? "; the timer is late" : "");
	if (!S.late)
		caller_timer();
}

static void wait_some(void)
{
	int64_t next;

	if (S.calm)
		drive_on();
	next = S.over ? POSTERN_FOREVER : calling_next(&S.machine);
	/* The deadline of one that has subscribed, for which nothing else ends it. */
	if (S.calm && next > S.now + POSTERN_SECONDS(60))
		next = POSTERN_FOREVER;
	if (next != POSTERN_FOREVER && sim_chance(2))
		wait_until(next);
	else
		wait_until(S.now + (int64_t)sim_below(sim_chance(8) ? 500000000 : 5000000));
}

/* ---- anything ---- */

static void trouble(struct sim_wire *w)
{
	switch (sim_below(10)) {
	case 0:
		if (sim_chance(4))
			service_dies();
		break;
	case 1:
		S.down = false;
		break;
	case 2:
		service_kills(w);
		break;
	case 3:
	case 4:
		peer_answers(w);
		break;
	case 9:
		peer_leaves(w, false);
		break;
	case 5:
		caller_dials(w, true);
		break;
	case 6:
		if (sim_chance(8))
			caller_free();
		break;
	default:
		drop_any();
	}
}

/* What a service does by itself, and is no trouble. */
static void moods(struct sim_wire *w)
{
	switch (sim_below(5)) {
	case 0:
		if (S.draining || sim_chance(4))
			service_drains(!S.draining);
		break;
	case 1:
		S.connections_max = 1 + (unsigned)sim_below(sim_chance(2) ? 3 : SIM_WIRES);
		break;
	case 2:
		peer_leaves(w, true);
		break;
	case 3:
		raw_ends(w);
		break;
	default:
		if (!S.calm || S.draining)
			service_retires(w);
	}
}

static void wire_event(struct sim_wire *w)
{
	switch (sim_below(10)) {
	case 0:
		caller_dials(w, false);
		break;
	case 1:
		service_accepts(w);
		break;
	case 2:
	case 3:
		caller_gives(w, some_bytes());
		break;
	case 4:
		service_learns(w);
		break;
	case 5:
		service_takes(w, some_bytes());
		break;
	case 6:
		service_gives(w, some_bytes());
		break;
	case 7:
	case 8:
		(void)(w->hand_made ? peer_takes(w, some_bytes()) : caller_takes(w, some_bytes()));
		break;
	default:
		caller_drains(w);
	}
}

/* One that is not closed at both ends; NULL: there is none. */
static struct sim_wire *any_wire(void)
{
	size_t i = S.n_wires > 0 ? sim_size(S.n_wires) : 0;

	for (unsigned n = 0; n < S.n_wires; n++) {
		struct sim_wire *w = &S.wires[(i + n) % S.n_wires];

		if (w->open || !w->ended)
			return w;
	}
	return NULL;
}

static void anything(void)
{
	struct sim_wire *w = any_wire();

	if (S.late && sim_chance(3))
		caller_timer();
	if (S.tell_due && sim_chance(2))
		caller_tell();
	if (sim_chance(14)) {
		caller_add();
	} else if (sim_chance(150)) {
		peer_begins();
	} else if (sim_chance(16)) {
		wait_some();
	} else if (sim_chance(60)) {
		drive();
	} else if (sim_chance(12)) {
		topic_event();
	} else if (sim_chance(6) && S.n_calls > 0) {
		service_works((int)sim_below(S.n_calls));
	} else if (w && S.trouble && sim_chance(S.trouble)) {
		trouble(w);
	} else if (w && sim_chance(30)) {
		moods(w);
	} else if (w) {
		wire_event(w);
	}
}

/* ---- a life ---- */

static void begin(uint64_t seed)
{
	/* Calls and wires are made anew when they are used; the memory of streams is used again. */
	memset(&S, 0, offsetof(struct sim, calls));
	S.seed = seed;
	S.random = seed * 0x9e3779b97f4a7c15u + 1;
	S.now = POSTERN_SECONDS(1000);
	for (int i = 0; i < 4; i++)
		(void)sim_below(1);
	S.calm = sim_chance(4);
	S.trouble = S.calm ? 0 : 8 + (unsigned)sim_below(60);
	/* Without, a life is as it would be if there were none. */
	S.passes = seed % 2;
	S.inside = sim_chance(2) ? 3 + (unsigned)sim_below(20) : 0;
	S.connections_max = 1 + (unsigned)sim_below(sim_chance(3) ? 3 : SIM_WIRES);
	S.limits = (struct calling_limits){
		.calls = 1 + (uint32_t)sim_below(sim_chance(4) ? 4 : SIM_CALLS),
		.idle_ns = POSTERN_MS(1 + (int64_t)sim_below(200)),
		.backoff_ns = POSTERN_MS(10),
		.backoff_max_ns = POSTERN_SECONDS(1),
	};
	calling_init(&S.machine, &S.limits, 1 + sim_below(1u << 30));
	topic_begins();
	SIM_COUNT(lives);
	sim_result->counts.calm += S.calm;
}

/* Everything that can end does; what cannot is ended by time. */
static void finish(void)
{
	unsigned rounds = 0;

	S.down = S.draining = false;
	S.connections_max = S.calm ? SIM_WIRES : S.connections_max;
	drive_on();
	topic_publishes(SERVING_REPLIES);
	for (;;) {
		drive_on();
		if (S.over || (calling_next(&S.machine) == POSTERN_FOREVER && S.machine.n == 0))
			break;
		if (++rounds > ROUNDS_MAX)
			sim_broken("time passes, and %u calls do not end", S.machine.n);
		if (calling_next(&S.machine) == POSTERN_FOREVER)
			sim_broken("%u calls have not ended, and nothing is due", S.machine.n);
		wait_until(calling_next(&S.machine));
	}
	/* Nothing ends a handler that never answers but its program. */
	for (unsigned i = 0; i < S.n_calls; i++)
		S.calls[i].plan = SIM_ABANDONS;
	S.ending = true;
	for (unsigned i = 0; i < S.n_wires; i++) {
		raw_ends(&S.wires[i]);
		peer_leaves(&S.wires[i], true);
	}
	drive_on();
	for (unsigned i = 0; i < S.n_wires; i++)
		peer_leaves(&S.wires[i], false);
	caller_free();
	drive_on();
}

void sim_life(uint64_t seed)
{
	unsigned steps;

	begin(seed);
	steps = 50 + (unsigned)sim_below(sim_chance(8) ? 3000 : 600);
	sim_say("seed %llu%s", (unsigned long long)seed, S.calm ? ": calm" : "");
	while (steps-- > 0)
		anything();
	S.late = false;
	if (!S.over)
		caller_timer();
	finish();
	topic_dies();
	oracle_end();
}
