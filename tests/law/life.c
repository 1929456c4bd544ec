/* SPDX-License-Identifier: Apache-2.0 */
/* life.c - one life: its steps, then everything must come to an end */
#include "law.h"

#include <errno.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../fault/fault.h"

struct law L;
char law_scratch[LAW_SCRATCH];

/* ---- choices ---- */

uint64_t law_mix(uint64_t a, uint64_t b)
{
	uint64_t x = a * 0x9e3779b97f4a7c15u + b + 0x632be59bd9b4e019u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

uint32_t law_random(void)
{
	L.random = law_mix(L.random, 1);
	return (uint32_t)(L.random >> 16);
}

uint32_t law_below(uint32_t n)
{
	return law_random() % n;
}

bool law_chance(uint32_t of_100)
{
	return law_below(100) < of_100;
}

int64_t law_now(void)
{
	return sys_now();
}

/* ---- one action, on whatever ---- */

static void act_on_slot(void)
{
	unsigned slot = law_below(L.n_slots);
	struct end *e = &L.ends[slot];

	if (L.n_ends > LAW_SLOTS && law_chance(45))
		e = &L.ends[LAW_SLOTS + law_below(L.n_ends - LAW_SLOTS)];
	if (e->used)
		act_conn(e);
	else if (!L.ends[slot].used && !L.ends[slot].busy && (L.depth == 0 || law_chance(20)))
		law_chance(60) ? act_born(slot) : act_dial(slot);
}

static void act_on_peer(void)
{
	unsigned i = law_below(L.n_slots), what = law_below(3);

	if (what == 1)
		i += LINKS_DIALLED;
	if (what == 2) {
		i = LINKS_PLAIN + law_below(LAW_LINKS - LINKS_PLAIN);
		while (i < LAW_LINKS - 1 && L.links[i].side[0].kind != SIDE_PLAIN)
			i++;
	}
	if (L.links[i].used)
		peer_act(&L.links[i], L.links[i].side[0].kind != SIDE_PLAIN);
}

static void act_on_server(void)
{
	struct server_model *m = &L.servers[law_below(L.n_servers)];

	if (m->used && law_chance(60))
		act_plain_connect(m);
	else
		act_server(m);
}

static void act_on_other(void)
{
	unsigned what = law_below(20);

	if (what < 6)
		act_timer(&L.timers[law_below(LAW_TIMERS)]);
	else if (what < 10)
		act_watch(&L.watches[law_below(LAW_WATCHES)]);
	else if (what < 11)
		act_child(&L.children[law_below(LAW_CHILDREN)]);
	else if (what < 14)
		act_pure();
	else if (what < 15)
		act_client();
	else
		act_loop((int)law_below(L.n_loops));
}

void law_act(void)
{
	unsigned what = law_below(100);

	if (what < 45)
		act_on_slot();
	else if (what < 68)
		act_on_peer();
	else if (what < 76)
		act_on_server();
	else if (what < 84)
		act_on_other();
	else if (what < 94 || L.depth > 0)
		act_time();
	else
		act_fault();
}

/* Keyed by the object and its events, so that it stays the same when other steps are left out. */
void law_inside(int place, unsigned object, unsigned n_events, struct end *e)
{
	uint64_t outer = L.random, key;

	if (L.settling || L.depth > 1)
		return;
	key = law_mix(law_mix(L.seed, (uint64_t)place << 32 | object), n_events);
	if (law_dropped_inside(key))
		return;
	L.random = key;
	L.depth++;
	/* Those that are told seldom do more. */
	if (law_chance(place == IN_frame || place >= IN_error ? 70 : 35)) {
		if (law_shared->n_inside < 4096)
			law_shared->inside[law_shared->n_inside++] = key;
		for (unsigned n = 1 + law_below(2); n > 0; n--) {
			if (e && e->used && law_chance(50))
				act_conn(e);
			else
				law_act();
		}
	}
	L.depth--;
	L.random = outer;
}

/* ---- turns and steps ---- */

void law_turn(int loop)
{
	struct loop_model *m = &L.loops[loop];
	intmax_t r;

	if (!m->used || m->freed)
		return;
	r = CALL(loop_dispatch, postern_loop_dispatch(m->loop, 0));
	oracle_turned((int)(m - L.loops));
	if (r < 0 && !(m->freed && r == -ESTALE) && !L.faulted)
		law_broken("dispatch", "a turn says %jd", r);
	oracle_look();
}

static void law_step(void)
{
	L.random = law_mix(L.seed, L.step);
	if (L.step < L.n_slots / 2 + 1 && law_chance(70)) {
		unsigned slot = law_below(L.n_slots);

		if (!L.ends[slot].used && !L.ends[slot].busy)
			law_chance(60) ? act_born(slot) : act_dial(slot);
	} else if (L.step < 6 && law_chance(50)) {
		act_server(&L.servers[law_below(L.n_servers)]);
	} else if (law_chance(33)) {
		int loop = (int)law_below(L.n_loops);

		law_say("turn");
		if (L.polls && law_chance(60))
			act_dispatch(loop);
		else
			law_turn(loop);
	} else {
		law_act();
	}
	oracle_look();
}

/* ---- the end ---- */

static void settle_peers(void)
{
	for (int i = 0; i < LAW_LINKS; i++)
		for (int at = 0; at < 2 && L.links[i].used; at++)
			if (L.links[i].side[at].kind == SIDE_PLAIN)
				peer_close(&L.links[i], at);
}

static size_t all_that_arrived(void)
{
	size_t sum = 0;

	for (int i = 0; i < LAW_LINKS; i++)
		for (int at = 0; at < 2 && L.links[i].used; at++)
			sum += L.links[i].stream[at].read;
	return sum;
}

/* Without time passing, while all read and take all: what was written arrives, and who waits for drained hears of it. */
static void settle_calmly(void)
{
	enum { PATIENCE = 20000 };
	size_t before = 0, arrived = all_that_arrived();

	law_say("all read and take all");
	L.calm = true;
	for (unsigned i = 0; i < L.n_ends; i++) {
		struct end *e = &L.ends[i];

		if (!e->used || !e->c || e->freed || e->told_closed)
			continue;
		e->appetite = TAKES_ALL;
		if (!oracle_inert(e))
			(void)CALL(conn_resume, postern_conn_resume(e->c));
		e->paused = false;
	}
	for (int idle = 0, turns = 0; idle < 4 && turns < PATIENCE; turns++, idle++) {
		for (int i = 0; i < LAW_LINKS; i++)
			for (int at = 0; at < 2 && L.links[i].used; at++)
				peer_read(&L.links[i], at, SIZE_MAX);
		for (unsigned i = 0; i < L.n_loops; i++)
			law_turn((int)i);
		if (L.progress != before)
			idle = 0;
		before = L.progress;
		/* A small limit on what is kept makes small reads, and as many turns as it takes. */
		if (turns == PATIENCE - 1 && all_that_arrived() > arrived) {
			arrived = all_that_arrived();
			turns = 0;
		}
	}
	oracle_all_drained();
	L.calm = false;
}

/* Of two connections of ours that have each other, one goes. */
static void settle_pairs(void)
{
	for (int i = 0; i < LAW_LINKS; i++) {
		struct link *l = &L.links[i];
		int at = (int)law_below(2);

		if (!l->used || l->side[0].kind != SIDE_END || l->side[1].kind != SIDE_END)
			continue;
		if (l->side[at].end->c && !l->side[at].end->freed)
			act_conn_free(l->side[at].end);
	}
}

static void settle_slowly(void)
{
	int64_t step = oracle_longest_limit() / 16;

	law_say("nobody does anything, time passes");
	for (int i = 0; i < 40; i++) {
		size_t before = L.progress - 1;

		for (int turns = 0; turns < 20000 && (turns < 3 || L.progress != before); turns++) {
			before = L.progress;
			for (unsigned k = 0; k < L.n_loops; k++)
				law_turn((int)k);
		}
		fault_clock_advance(step);
	}
	oracle_all_ended();
}

static void settle_free(void)
{
	unsigned first = law_below(4);

	L.settling = false;
	for (unsigned k = 0; k < 4; k++) {
		unsigned what = (first + k) % 4;

		for (unsigned i = 0; what == 0 && i < L.n_loops; i++)
			act_loop_free((int)i);
		for (unsigned i = 0; what == 1 && i < LAW_SERVERS; i++)
			act_server_free(&L.servers[i]);
		for (unsigned i = 0; what == 2 && i < L.n_ends; i++)
			act_conn_free(&L.ends[i]);
		for (unsigned i = 0; what == 3 && i < LAW_TIMERS; i++)
			act_timer_free(&L.timers[i]);
		for (unsigned i = 0; what == 3 && i < LAW_WATCHES; i++)
			act_watch_free(&L.watches[i]);
		for (unsigned i = 0; what == 3 && i < LAW_CHILDREN; i++)
			act_child_free(&L.children[i]);
	}
}

/* What callbacks made while the rest was freed goes too; they make nothing any more. */
static void settle(void)
{
	L.depth = 9;
	fault_disarm();
	L.random = law_mix(L.seed, 1000000);
	L.settling = true;
	if (law_chance(50))
		settle_calmly();
	settle_pairs();
	settle_peers();
	settle_slowly();
	L.depth = 0;
	settle_free();
	L.settling = true;
	settle_free();
	settle_peers();
	for (int i = 0; i < LAW_SERVERS; i++)
		if (L.servers[i].listener >= 0)
			close(L.servers[i].listener);
	for (int i = 0; i < LAW_LINKS; i++)
		for (int at = 0; at < 2 && L.links[i].used; at++)
			stream_free(&L.links[i].stream[at]);
}

/* What a life that was broken off left at the names. */
static void clear_names(void)
{
	static const char *const files[] = { "sock", "lock", "info" };
	char path[256];

	for (int i = 0; i < LAW_SERVERS; i++) {
		for (int k = 0; k < 3; k++) {
			snprintf(path, sizeof(path), "%s/law%d/%s", getenv("POSTERN_DIR"), i,
				 files[k]);
			unlink(path);
		}
		snprintf(path, sizeof(path), "%s/law%d", getenv("POSTERN_DIR"), i);
		rmdir(path);
	}
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

static void life_begin(uint64_t seed)
{
	memset(&L, 0, sizeof(L));
	clear_names();
	fault_reset();
	fault_clock_fake();
	law_trace_begin(seed);
	L.seed = seed;
	L.random = law_mix(seed, 999999);
	L.steps = law_options.steps ? law_options.steps : 30 + law_below(130);
	L.n_slots = 1 + law_below(1 + law_below(LAW_SLOTS));
	L.n_servers = 1 + law_below(LAW_SERVERS);
	L.n_loops = 1 + law_below(LAW_LOOPS);
	L.n_ends = LAW_SLOTS;
	L.with_faults = law_options.faults;
	L.polls = law_mix(seed, 999998) % 2;
	L.waits_ns = -1;
	fault_set_cpus(2);
	for (int i = 0; i < LAW_SERVERS; i++)
		L.servers[i] = (struct server_model){ .id = i, .listener = -1 };
	for (int i = 0; i < LAW_ENDS; i++)
		L.ends[i].id = i;
	for (unsigned i = 0; i < L.n_loops; i++)
		act_loop((int)i);
}

/* Waiting is for those who are asked to. */
void law_waited(int call, const char *what)
{
	bool may = false;

	if (call == FAULT_sleep)
		may = L.call == CALL_server_new;
	if (call == FAULT_epoll_wait)
		may = L.call == CALL_loop_dispatch || L.call == CALL_loop_run ||
		      (L.call >= CALL_client_adopt && L.call <= CALL_client_available);
	if (!may)
		law_broken(call == FAULT_close ? "descriptors" : "a call that may wait",
			   "%s, in %s", what, law_call_name(L.call));
}

void law_setup(void)
{
	struct postern_loop *loop;

	/* What the first loop of a process leaves behind for good. */
	if (postern_loop_new(&loop) == 0)
		postern_loop_free(loop);
	fault_strict(law_waited);
}

void law_life(uint64_t seed)
{
	int fds = count_fds();
	int64_t memory = fault_memory();

	life_begin(seed);
	for (L.step = 1; L.step <= L.steps; L.step++)
		if (!law_dropped_step(L.step))
			law_step();
	settle();
	if (fault_memory() != memory)
		law_broken("memory", "%lld blocks of memory are still held",
			   (long long)(fault_memory() - memory));
	if (count_fds() != fds)
		law_broken("descriptors", "%d descriptors more than before", count_fds() - fds);
	law_shared->lives++;
	law_shared->steps += L.steps;
}
