/* SPDX-License-Identifier: Apache-2.0 */
/* sim-caller.c - runs the caller's machine: does what it says, and tells the program; see sim.h */
#include <errno.h>
#include <string.h>

#include "sim.h"

enum { STEPS_MAX = 2000, QUEUE_MAX = 8000 };

static const struct postern_reason lost = { POSTERN_REASON_RESET, -ECONNRESET, "reset" };
static const struct postern_reason ended = { POSTERN_REASON_ENDED, 0, "ended" };
static const struct postern_reason nobody = { POSTERN_REASON_NO_SERVER, -ENOENT, "no server" };
static const struct postern_reason wrong = { POSTERN_REASON_VIOLATION, -EBADMSG, "wrong" };

/* ---- what the machine says ---- */

static struct sim_call *call_of(struct calling_call *state)
{
	return container_of(state, struct sim_call, state);
}

static struct sim_wire *wire_at(struct calling_conn *conn)
{
	return container_of(conn, struct sim_wire, conn);
}

/* The descriptor is closed: what the kernel has stays for the service, what was queued does not. */
static void caller_shuts(struct sim_wire *w)
{
	w->open = false;
	w->dialling = false;
	w->up.written = w->up.given;
	memset(&w->conn, 0xa5, sizeof(w->conn)); /* the machine has forgotten it */
}

static void act_dial(struct calling_call *state)
{
	struct sim_wire *w = S.trouble && sim_chance(40) ? NULL : wire_new();

	if (!w) {
		sim_say("dial: no descriptor");
		S.calm = false;
		SIM_COUNT(no_conns);
		S.failed_ns = S.now;
		calling_no_conn(&S.machine, state, &nobody);
		S.tell_due++;
		return;
	}
	SIM_COUNT(dials);
	w->dialling = true;
	sim_say("dial wire %d for %s", wire_of(w), state ? "one call" : "all");
	oracle_dialled(w, state ? call_of(state)->index : -1);
	calling_dialled(&S.machine, &w->conn, state, S.now);
}

static void act_write(struct calling_conn *conn, struct calling_call *state)
{
	struct sim_wire *w = wire_at(conn);
	struct sim_call *c = call_of(state);
	size_t queued = w->up.written - w->up.given, n;
	char text[SIM_TEXT];

	if (w->refused || queued > QUEUE_MAX || (queued > 0 && sim_chance(6)) || sim_chance(40)) {
		sim_say("wire %d takes no write", wire_of(w));
		SIM_COUNT(full);
		w->refused = true;
		calling_full(conn);
		return;
	}
	n = message_make_call(text, c);
	sim_say("call %d is queued on wire %d, %zu bytes", c->index, wire_of(w), n);
	stream_write(&w->up, text, n);
	if (c->passes)
		passed_write(&w->up, n, c->index);
	oracle_wrote(w, c);
	calling_wrote(&S.machine, conn, state, n);
}

static void act_unwrite(struct sim_wire *w)
{
	sim_say("wire %d drops %zu bytes", wire_of(w), w->up.written - w->up.given);
	SIM_COUNT(unwritten);
	oracle_unwrote(w);
	w->up.written = w->up.given;
}

static void act_close(struct sim_wire *w)
{
	sim_say("close wire %d", wire_of(w));
	oracle_closes(w);
	caller_shuts(w);
}

static void caller_pump(void)
{
	struct calling_act act;
	unsigned steps = 0;

	while (calling_step(&S.machine, S.now, &act)) {
		if (++steps > STEPS_MAX)
			sim_broken("calling_step() does not come to an end: %d", act.what);
		if (act.what == CALLING_DIAL)
			act_dial(act.call);
		else if (act.what == CALLING_WRITE)
			act_write(act.conn, act.call);
		else if (act.what == CALLING_UNWRITE)
			act_unwrite(wire_at(act.conn));
		else
			act_close(wire_at(act.conn));
	}
	if (!S.over)
		oracle_pumped();
}

/* ---- the program ---- */

void caller_tell(void)
{
	struct calling_call *state;

	S.tell_due = 0;
	while ((state = calling_ended(&S.machine))) {
		oracle_ended(state);
		memset(state, 0xa5, sizeof(*state));
		sim_inside();
	}
}

void caller_add(void)
{
	static const unsigned kinds[] = {
		0, 0, 0, POSTERN_CALL_ONEWAY, POSTERN_CALL_MORE, POSTERN_CALL_UPGRADE
	};
	struct sim_call *c = &S.calls[S.n_calls];
	int64_t after = S.calm ? POSTERN_SECONDS(3600)
			       : POSTERN_MS(1 + (int64_t)sim_below(sim_chance(3) ? 2000 : 50));
	unsigned flags = kinds[sim_below(6)];

	if (S.n_calls == SIM_CALLS || S.over)
		return;
	*c = (struct sim_call){ .index = (int)S.n_calls, .peer = -1, .served_by = -1, .wire = -1 };
	c->flags = flags;
	c->deadline_ns = S.now + after;
	c->pad = (unsigned)(sim_chance(8) ? sim_below(3000) : sim_below(60));
	c->takes = S.passes && sim_chance(3);
	c->passes = c->takes && sim_chance(2);
	c->returns = S.passes && flags != POSTERN_CALL_ONEWAY && sim_chance(2);
	if (calling_add(&S.machine, &c->state,
			flags | (c->passes ? CALLING_PASSES : 0) | (c->returns ? CALLING_TAKES : 0),
			c->deadline_ns, S.now) < 0) {
		sim_say("no more calls");
		SIM_COUNT(limit);
		oracle_added(NULL);
		return;
	}
	S.n_calls++;
	sim_say("call %d%s, %.0f ms", c->index,
		flags == POSTERN_CALL_MORE      ? ", more"
		: flags == POSTERN_CALL_ONEWAY  ? ", oneway"
		: flags == POSTERN_CALL_UPGRADE ? ", upgrade"
						: "",
		(double)after / 1e6);
	oracle_added(c);
	caller_pump();
}

void caller_drop(int i)
{
	struct sim_call *c = &S.calls[i];

	if (c->peer >= 0 || !c->alive || S.over)
		return;
	sim_say("free call %d", i);
	SIM_COUNT(drops);
	oracle_left(c);
	calling_drop(&S.machine, &c->state, S.now);
	memset(&c->state, 0xa5, sizeof(c->state));
	caller_pump();
}

void caller_free(void)
{
	if (S.over)
		return;
	S.over = true;
	sim_say("free the caller");
	SIM_COUNT(frees);
	calling_cancel(&S.machine);
	oracle_freed();
	caller_pump();
	caller_tell();
}

/* ---- time ---- */

void caller_timer(void)
{
	S.late = false;
	if (S.tell_due)
		caller_tell();
	if (S.over || calling_next(&S.machine) > S.now) {
		oracle_timed();
		return;
	}
	oracle_time();
	calling_time(&S.machine, S.now);
	caller_pump();
	caller_tell();
	oracle_timed();
}

/* The descriptor that this answer says it has. */
static int answer_fd(const struct message_answer *m)
{
	struct postern_json value;
	int64_t n;

	return postern_json_find(m->parameters, "fd", &value) > 0 &&
			       postern_json_int(value, &n) >= 0
		       ? (int)n
		       : -1;
}

/* ---- events of a connection ---- */

static void caller_loses(struct sim_wire *w, const struct postern_reason *why)
{
	sim_say("wire %d is lost: %s", wire_of(w), why->text);
	SIM_COUNT(losses);
	oracle_lost(w, why->code);
	calling_lost(&S.machine, &w->conn, why, S.now);
	caller_shuts(w);
	caller_pump();
	caller_tell();
	oracle_told();
}

bool caller_dials(struct sim_wire *w, bool fails)
{
	if (!w->dialling || S.over)
		return false;
	w->dialling = false;
	if (fails || S.down) {
		SIM_COUNT(connects_failed);
		w->accepted = w->ended = true; /* nobody is there */
		caller_loses(w, &nobody);
		return true;
	}
	sim_say("wire %d is connected", wire_of(w));
	w->connected = true;
	w->empty_ns = S.now;
	calling_connected(&S.machine, &w->conn, S.now);
	caller_pump();
	return true;
}

bool caller_gives(struct sim_wire *w, size_t n)
{
	size_t most = stream_can_give(&w->up);

	if (!w->open || w->dialling || w->ended || !most)
		return false;
	n = passed_give(&w->up, n < most ? n : most);
	w->up.given += n;
	sim_say("wire %d: the kernel takes %zu, to %zu", wire_of(w), n, w->up.given);
	oracle_gave(w);
	if (w->hand_made || w->taken_over || S.over)
		return true;
	calling_sent(&S.machine, &w->conn, n, S.now);
	caller_pump();
	caller_tell();
	return true;
}

bool caller_drains(struct sim_wire *w)
{
	if (!w->refused || !w->open || S.over || w->taken_over || w->up.written > w->up.given)
		return false;
	w->refused = false;
	sim_say("wire %d takes writes again", wire_of(w));
	calling_drained(&S.machine, &w->conn);
	caller_pump();
	return true;
}

static unsigned answer_takes(void *data, const char *text, size_t n, unsigned index, bool whole)
{
	struct sim_wire *w = data;
	struct postern_json method;
	struct message_fault fault;
	struct message_answer m;

	if (!whole)
		return message_peek(text, n, &method) < 0 ? 0 : GLUE_TAKES;
	if (index == 0)
		w->look = (struct calling_look){ 0 };
	if (message_read_answer(text, n, &m, &fault) < 0)
		return 0;
	return calling_takes(&w->conn, &w->look, &m);
}

static void caller_message(struct sim_wire *w, const char *text, size_t n, int id)
{
	const struct sim_note *note = &w->notes[w->n_noted++];
	struct calling_call *told = NULL;
	struct message_fault fault;
	struct message_answer m;
	const char *what;
	int r = message_read_answer(text, n, &m, &fault);

	if ((r < 0) != note->wrong)
		sim_broken("the answer \"%.*s\" is read as %d", (int)n, text, r);
	if (r < 0) {
		SIM_COUNT(wrong_answers);
		caller_loses(w, &wrong);
		return;
	}
	r = calling_answer(&S.machine, &w->conn, &m, S.now, &told, &what);
	sim_say("wire %d has an answer, %d, for %d: %.*s", wire_of(w), r,
		told ? call_of(told)->index : -1, (int)(n < 90 ? n : 90), text);
	oracle_answer(w, &m, r, told);
	if (r == 0 && !w->hostile)
		oracle_passed(w, "an answer of call", told ? call_of(told)->index : -1, id,
			      answer_fd(&m));
	if (r < 0) {
		caller_loses(w, &wrong);
		return;
	}
	if (told && told->flags & POSTERN_CALL_UPGRADE && told->end == POSTERN_END_ANSWERED) {
		memset(&w->conn, 0xa5, sizeof(w->conn)); /* the machine has forgotten it */
		raw_begins(w);
	}
	caller_pump();
	if (!told)
		return;
	oracle_ended(told);
	if (told->end != POSTERN_END_CONTINUES)
		memset(told, 0xa5, sizeof(*told));
	sim_inside();
}

bool caller_takes(struct sim_wire *w, size_t n)
{
	size_t most = w->down.given - w->down.taken, length;
	const char *text;
	int id, r = 0;

	if (w->taken_over && w->open)
		return raw_takes(w, n);
	if (!w->open || w->dialling || S.over)
		return false;
	if (!most && !(w->ended && w->accepted))
		return false;
	w->down.taken += passed_take(&w->down, n < most ? n : most);
	while (w->open && !w->taken_over &&
	       (r = passed_next(&w->down, !most, answer_takes, w, &id)) > 0 &&
	       (text = stream_message(&w->down, &length)))
		caller_message(w, text, length, id);
	if (w->open && !w->taken_over && r < 0) {
		if (!w->hostile)
			sim_broken("wire %d has a descriptor that no answer takes", wire_of(w));
		SIM_COUNT(closed_unwanted);
		caller_loses(w, &wrong);
	} else if (w->open && !w->taken_over && !most) {
		caller_loses(w, w->reset ? &lost : &ended);
	}
	return true;
}
