/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim-service.c - connections of a service, and its handlers
 *
 * As in service/serve.c: a message goes into the machine; while a call is open, or the queue is full, the next one waits.
 * A handler has a plan for each call, and the seed decides when it acts.
 */
#include <errno.h>
#include <string.h>

#include "sim.h"

enum { QUEUE_HIGH = 600 };

/* ---- the end of a connection ---- */

/* The handler learns that nobody waits any more. */
static void service_cancels(struct sim_wire *w)
{
	struct sim_call *c = &S.calls[w->open_call];

	sim_say("the handler of call %d is cancelled", c->index);
	SIM_COUNT(cancels);
	oracle_cancelled(c);
	topic_forgets(c);
	c->served = false;
	w->open_call = -1;
}

static void service_ends(struct sim_wire *w)
{
	w->accepted = w->ended = true;
	w->reset = w->up.taken < w->up.given;
	w->down.written = w->down.given;
	if (w->open_call < 0)
		return;
	if (serving_leave(&w->machine)) {
		service_cancels(w);
	} else {
		S.calls[w->open_call].served_by = -1; /* oneway: it goes on alone */
		w->open_call = -1;
	}
}

void service_kills(struct sim_wire *w)
{
	if (w->ended)
		return;
	sim_say("the service's end of wire %d is killed", wire_of(w));
	SIM_COUNT(kills);
	service_ends(w);
}

void service_dies(void)
{
	sim_say("the service dies");
	SIM_COUNT(deaths);
	S.down = true;
	S.draining = false;
	topic_dies();
	for (unsigned i = 0; i < S.n_wires; i++) {
		struct sim_wire *w = &S.wires[i];

		if (w->ended || w->dialling)
			continue;
		if (w->open_call >= 0)
			S.calls[w->open_call].served = false;
		w->open_call = -1;
		service_ends(w);
	}
	for (unsigned i = 0; i < S.n_calls; i++)
		S.calls[i].served = false;
}

/* Its hang-up is known at once, whatever is unread. */
bool service_learns(struct sim_wire *w)
{
	if (w->open || w->knows || !w->accepted || w->ended)
		return false;
	sim_say("the service learns that the peer of wire %d has left", wire_of(w));
	SIM_COUNT(hang_ups);
	w->knows = true;
	if (serving_leave(&w->machine))
		service_cancels(w);
	else if (w->open_call >= 0 && !(S.calls[w->open_call].flags & POSTERN_CALL_ONEWAY))
		sim_broken("call %d is not cancelled when its peer leaves", w->open_call);
	return true;
}

/* ---- answers ---- */

static void answer_note(struct sim_wire *w, size_t end, bool is_wrong)
{
	if (w->n_notes == sizeof(w->notes) / sizeof(w->notes[0]))
		sim_broken("harness: too many messages on wire %d", wire_of(w));
	w->notes[w->n_notes++] = (struct sim_note){ end, is_wrong };
}

void service_notes(struct sim_wire *w, size_t end)
{
	answer_note(w, end, false);
}

static void answer_queue(struct sim_wire *w, const char *text, size_t n, bool is_wrong)
{
	stream_write(&w->down, text, n);
	answer_note(w, w->down.written, is_wrong);
}

void peer_answers(struct sim_wire *w)
{
	static const struct {
		const char *text;
		bool is_wrong;
	} rows[] = {
		{ "{}", false },
		{ "{\"continues\":true}", false },
		{ "{\"error\":\"a.b\"}", false },
		{ " { \"a.b\" : {} , \"continues\" : null } ", false },
		{ "{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":-1}}", false },
		{ "{\"error\":\"a.b\",\"continues\":true}", true },
		{ "{\"parameters\":[]}", true },
		{ "{\"unknown\":{}}", true },
		{ "{\"a.b\":1}", true },
		{ "{\"parameters\":{},\"parameters\":{}}", true },
		{ "{\"error\":\"a\\u0000b\"}", true },
		{ "{\"continues\":1}", true },
		{ "{} {}", true },
		{ "[]", true },
		{ "", true },
		{ "{\"parameters\":{}", true },
	};
	size_t i = sim_size(sizeof(rows) / sizeof(rows[0]));

	if (!w->accepted || !w->open || w->ended || w->closing || w->n_notes > 200 || S.calm ||
	    w->upgraded)
		return;
	/* Not in the middle of a message. */
	if (w->open_call >= 0 && S.calls[w->open_call].reader.at > 0)
		return;
	sim_say("wire %d: the service sends what nobody asked for: %s", wire_of(w), rows[i].text);
	w->hostile = true;
	answer_queue(w, rows[i].text, strlen(rows[i].text) + 1, rows[i].is_wrong);
}

/* As request_answer(): asks, sends, says so. */
static int answer(struct sim_wire *w, int call, const char *error, int how)
{
	bool continues = how == SERVING_CONTINUES;
	struct sim_call *c = &S.calls[call];
	struct postern_json_writer json;
	int may = serving_may_answer(&w->machine, how);
	int fd = c->returns && !error && !sim_chance(4) ? call * 100 + (int)c->n_sent : -1;
	char text[512];
	ssize_t n;

	if (may > 0) {
		postern_json_write_begin(&json, text, sizeof(text) - 1);
		message_write_answer(&json, error, continues);
		postern_json_write_name(&json, "parameters");
		postern_json_write_object(&json);
		postern_json_write_name(&json, "id");
		postern_json_write_int(&json, call);
		postern_json_write_name(&json, "n");
		postern_json_write_int(&json, c->n_sent);
		postern_json_write_name(&json, "fd");
		postern_json_write_int(&json, fd);
		postern_json_write_name(&json, "retryAfterMs");
		postern_json_write_int(&json, call % 7);
		postern_json_write_name(&json, "dropped");
		postern_json_write_int(&json, S.dropped);
		postern_json_write_end(&json);
		postern_json_write_end(&json);
		n = postern_json_write_finish(&json);
		if (n < 0)
			sim_broken("harness: the answer of %d has no text", call);
		text[n] = '\0';
		oracle_answers(w, call, how);
		/* Who has left gets nothing. */
		if (w->open && !w->knows) {
			answer_queue(w, text, (size_t)n + 1, false);
			if (fd >= 0)
				passed_write(&w->down, (size_t)n + 1, fd);
		}
		c->n_sent += continues;
	}
	if (may >= 0)
		serving_answered(&w->machine, how);
	sim_say("the handler of call %d answers%s %s: %d", call,
		continues                 ? ", continuing,"
		: how == SERVING_UPGRADES ? ", upgrading,"
					  : "",
		error ? error : "", may);
	return may;
}

/* The connection is the handler's: what came behind the call, and what it sends behind its answer. */
static void service_upgrades(struct sim_wire *w)
{
	SIM_COUNT(upgraded);
	w->upgraded = true;
	sim_say("wire %d is upgraded", wire_of(w));
	if (w->up.taken > w->up.parsed)
		SIM_COUNT(glued_up);
	if (w->open && !w->knows)
		raw_write(&w->down);
	/* It has said all that it has to say; or it waits for the end of the other one. */
	w->closing = sim_chance(3);
}

void service_answers(struct sim_wire *w, int call, const char *error)
{
	if (answer(w, call, error, SERVING_FAILS) < 0)
		sim_broken("call %d is open, and cannot be answered", call);
}

/* A confirmation that does nothing, or one that nobody has asked for. */
static void answer_the_other_way(struct sim_wire *w, int call, int how)
{
	int r = answer(w, call, NULL, how);

	SIM_COUNT(not_confirmed);
	if (r != -ENOTSUP && !(S.calls[call].flags & POSTERN_CALL_ONEWAY && how == SERVING_REPLIES))
		sim_broken("call %d, with the flags %u, may be answered in the way %d", call,
			   S.calls[call].flags, how);
}

/* The final answer, perhaps twice: the second time nobody may be answered. */
static void answer_last(struct sim_wire *w, int call, const char *error)
{
	struct sim_call *c = &S.calls[call];
	bool asks = c->flags & POSTERN_CALL_UPGRADE;
	int how = error ? SERVING_FAILS : asks ? SERVING_UPGRADES : SERVING_REPLIES;

	if (!error && sim_chance(4))
		answer_the_other_way(w, call, asks ? SERVING_REPLIES : SERVING_UPGRADES);
	w->open_call = -1;
	c->served = false;
	if (answer(w, call, error, how) < 0)
		sim_broken("call %d is open, and cannot be answered", call);
	if (how == SERVING_UPGRADES)
		service_upgrades(w);
	if (!sim_chance(6))
		return;
	SIM_COUNT(twice);
	if (answer(w, call, NULL, (int)sim_below(SERVING_UPGRADES + 1)) != -ESTALE)
		sim_broken("call %d is answered twice", call);
}

static void answer_more(struct sim_wire *w, int call)
{
	bool legal = S.calls[call].flags & (POSTERN_CALL_MORE | POSTERN_CALL_ONEWAY);
	int r = answer(w, call, NULL, SERVING_CONTINUES);

	if (!legal)
		SIM_COUNT(not_more);
	if (legal ? r < 0 : r != -ENOTSUP)
		sim_broken("call %d is answered with one that continues: %d", call, r);
}

/* ---- handlers ---- */

static void work_last(struct sim_wire *w, struct sim_call *c)
{
	static const char failed[] = "org.example.sim.Failed";

	if (c->plan == SIM_ABANDONS) {
		SIM_COUNT(abandoned);
		answer_last(w, c->index, "io.postern.Abandoned");
	} else if (c->n_sent > 0 && sim_chance(4)) {
		/* It has begun: this is an error like any other. */
		answer_last(w, c->index, "io.postern.Busy");
	} else {
		answer_last(w, c->index, sim_chance(4) ? failed : NULL);
	}
}

bool service_works(int call)
{
	struct sim_call *c = &S.calls[call];
	struct sim_wire *w;

	if (!c->served || c->subscribed || c->plan == SIM_NEVER)
		return false;
	/* oneway, and its connection has ended */
	if (c->served_by < 0) {
		c->served = false;
		return true;
	}
	w = &S.wires[c->served_by];
	if (c->more > 0 && !(w->down.written - w->down.given > QUEUE_HIGH)) {
		c->more--;
		answer_more(w, call);
		return true;
	}
	work_last(w, c);
	service_next(w);
	return true;
}

static void service_runs(struct sim_wire *w, int call)
{
	struct sim_call *c = &S.calls[call];

	c->plan = (int)sim_below(SIM_PLANS);
	if ((S.calm || S.ending) && c->plan == SIM_NEVER)
		c->plan = SIM_LATER;
	w->open_call = call;
	if (c->plan == SIM_NO_ROOM && !(c->flags & POSTERN_CALL_ONEWAY)) {
		/* The peer's user may hold no more: it is refused before its handler runs. */
		SIM_COUNT(busy);
		w->open_call = -1;
		answer(w, call, "io.postern.Busy", SERVING_FAILS);
		return;
	}
	oracle_ran(w, call);
	c->served = true;
	c->served_by = wire_of(w);
	c->more = c->flags & POSTERN_CALL_MORE ? (int)sim_below(5) : sim_chance(8);
	if (c->flags & POSTERN_CALL_MORE && (c->plan == SIM_SUBSCRIBES || sim_chance(3)))
		topic_joins(w, c);
	while (c->plan == SIM_ANSWERS && w->open_call == call && !c->subscribed)
		service_works(call);
}

/* ---- messages ---- */

static unsigned call_takes(void *data, const char *text, size_t n, unsigned index, bool whole)
{
	struct postern_json method;
	struct message_fault fault;
	struct message_call m;
	int call;

	(void)data, (void)index;
	/* All have one method: which call it is, its parameters say. */
	if (!whole)
		return message_peek(text, n, &method) < 0 ? 0 : GLUE_TAKES;
	if (message_read_call(text, n, &m, &fault) < 0)
		return 0;
	call = message_call_of(&m);
	return (call >= 0 && S.calls[call].takes ? GLUE_TAKES : 0) |
	       (m.flags & POSTERN_CALL_UPGRADE ? GLUE_ENDS : 0);
}

static void service_message(struct sim_wire *w, const char *text, size_t n, int id)
{
	struct message_fault fault;
	struct message_call m;
	int r = serving_message(&w->machine, text, n, &m, &fault), call;

	if (r < 0) {
		sim_say("wire %d has no call at byte %zu: %s", wire_of(w), fault.offset,
			fault.what);
		SIM_COUNT(violations);
		oracle_no_call(w);
		service_ends(w);
		return;
	}
	call = message_call_of(&m);
	sim_say("wire %d has call %d: %s", wire_of(w), call,
		r == SERVING_RUN      ? "run"
		: r == SERVING_REFUSE ? "refuse"
				      : "drop");
	oracle_verdict(w, call, r);
	oracle_passed(w, "call", call, id, S.calls[call].passes ? call : -1);
	if (r == SERVING_RUN) {
		service_runs(w, call);
	} else if (r == SERVING_REFUSE && w->machine.refuses == SERVING_DRAINS) {
		SIM_COUNT(draining);
		answer(w, call, "io.postern.Draining", SERVING_FAILS);
	} else if (r == SERVING_REFUSE) {
		SIM_COUNT(busy);
		answer(w, call, "io.postern.Busy", SERVING_FAILS);
	} else {
		SIM_COUNT(dropped);
	}
	if (w->machine.over && !w->machine.open)
		w->closing = true;
}

/* The first message that was not parsed, if it is whole. */
static bool service_upgrade_is_next(const struct sim_wire *w)
{
	const char *text = w->up.bytes + w->up.parsed;
	size_t n = w->up.taken - w->up.parsed;
	const char *end = n > 0 ? memchr(text, '\0', n) : NULL;
	struct message_fault fault;
	struct message_call m;

	return end && message_read_call(text, (size_t)(end - text), &m, &fault) == 0 &&
	       m.flags & POSTERN_CALL_UPGRADE;
}

void service_next(struct sim_wire *w)
{
	bool over =
		(!w->open || w->half) && w->up.written == w->up.given && w->up.given == w->up.taken;
	const char *text;
	int id, r = 1;
	size_t n;

	while (!w->ended && !w->closing && !w->machine.open && !w->machine.upgraded &&
	       w->down.written - w->down.given <= QUEUE_HIGH &&
	       (r = passed_next(&w->up, over, call_takes, w, &id)) > 0 &&
	       (text = stream_message(&w->up, &n)))
		service_message(w, text, n, id);
	if (!w->ended && r == 0 && service_upgrade_is_next(w))
		sim_broken("wire %d: a call that upgrades waits for what follows it", wire_of(w));
	if (!w->ended && r < 0) {
		oracle_unwanted(w);
		SIM_COUNT(closed_unwanted);
		service_ends(w);
	}
	if (w->machine.upgraded && !w->upgraded)
		sim_broken("wire %d was not upgraded, and is taken for it", wire_of(w));
	if (w->machine.upgraded && !w->ended)
		raw_read(w, &w->up, &sim_result->counts.raw_up);
}

/* All that will come was read, and nothing is open. */
static bool service_is_done(const struct sim_wire *w)
{
	bool all =
		(!w->open || w->half) && w->up.written == w->up.given && w->up.taken == w->up.given;

	return all && !w->machine.open &&
	       (w->up.taken == w->up.parsed ||
		!memchr(w->up.bytes + w->up.parsed, '\0', w->up.taken - w->up.parsed));
}

static bool service_may_end(struct sim_wire *w)
{
	if (w->ended || !w->accepted)
		return false;
	if (!w->closing && service_is_done(w) && (w->open || w->knows)) {
		w->closing = true;
		if (!w->machine.over)
			oracle_finished(w);
	}
	if (!w->closing || (w->open && !w->knows && w->down.written > w->down.given))
		return false;
	sim_say("the service closes wire %d", wire_of(w));
	service_ends(w);
	return true;
}

/* ---- events ---- */

static unsigned service_connections(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < S.n_wires; i++)
		n += S.wires[i].accepted && !S.wires[i].ended;
	return n;
}

bool service_accepts(struct sim_wire *w)
{
	if (w->accepted || w->dialling || S.down)
		return false;
	w->accepted = true;
	if (service_connections() > S.connections_max)
		w->machine.refuses = SERVING_IS_BUSY;
	else if (S.draining)
		w->machine.refuses = SERVING_DRAINS;
	sim_say("the service accepts wire %d%s", wire_of(w),
		w->machine.refuses == SERVING_IS_BUSY  ? ": busy"
		: w->machine.refuses == SERVING_DRAINS ? ": draining"
						       : "");
	return true;
}

bool service_takes(struct sim_wire *w, size_t n)
{
	size_t most = w->up.given - w->up.taken, parsed = w->up.parsed;

	if (!w->accepted || w->ended || w->closing)
		return service_may_end(w);
	if (w->machine.open || w->down.written - w->down.given > QUEUE_HIGH)
		return false;
	if (!passed_is_full(&w->up))
		w->up.taken += passed_take(&w->up, n < most ? n : most);
	service_next(w);
	return service_may_end(w) || most > 0 || w->up.parsed > parsed;
}

bool service_gives(struct sim_wire *w, size_t n)
{
	size_t most = stream_can_give(&w->down);

	if (w->ended)
		return false;
	if (!w->open) {
		w->down.written = w->down.given;
		return service_may_end(w);
	}
	if (!most)
		return w->down.written == w->down.given && topic_sends(w);
	n = passed_give(&w->down, n < most ? n : most);
	w->down.given += n;
	sim_say("wire %d: the service sends %zu, to %zu", wire_of(w), n, w->down.given);
	service_may_end(w);
	return true;
}

/* Draining: nothing is open and nothing has arrived. */
bool service_retires(struct sim_wire *w)
{
	if (!w->accepted || w->ended || w->closing || w->machine.open || w->upgraded ||
	    w->up.taken < w->up.given || w->up.parsed < w->up.taken)
		return false;
	sim_say("the service gives wire %d up", wire_of(w));
	w->closing = true;
	service_may_end(w);
	return true;
}

void service_drains(bool drains)
{
	sim_say("the service %s", drains ? "drains" : "is a new one");
	S.draining = drains;
	for (unsigned i = 0; i < S.n_wires; i++) {
		struct sim_wire *w = &S.wires[i];

		if (drains && w->accepted && w->machine.refuses == SERVING_RUNS)
			w->machine.refuses = SERVING_DRAINS;
	}
	if (drains)
		topic_drains();
}
