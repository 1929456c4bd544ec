/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim-oracle.c - what must hold, from books of its own
 *
 * It knows which bytes of which call the kernel has, what handlers did, and when: so it knows which ends are true. What it
 * reads of a machine are counters at the end.
 */
#include <errno.h>

#include "sim.h"

static bool is_oneway(const struct sim_call *c)
{
	return c->flags & POSTERN_CALL_ONEWAY;
}

/* It has a connection of its own. */
static bool is_alone(const struct sim_call *c)
{
	return c->flags & (POSTERN_CALL_MORE | POSTERN_CALL_UPGRADE);
}

static bool is_on(const struct sim_call *c, const struct sim_wire *w)
{
	return c->wire == wire_of(w);
}

/* Nothing of the caller's is on it any more. */
static bool is_empty(const struct sim_wire *w)
{
	for (unsigned i = 0; i < S.n_calls; i++)
		if (S.calls[i].alive && is_on(&S.calls[i], w) &&
		    !(is_oneway(&S.calls[i]) && S.calls[i].given))
			return false;
	return true;
}

static void settle(struct sim_wire *w)
{
	if (w->open && !w->dialling && is_empty(w))
		w->empty_ns = S.now;
}

/* What the kernel has not got is not on this connection any more. */
static void detach(struct sim_wire *w)
{
	for (unsigned i = 0; i < S.n_calls; i++)
		if (is_on(&S.calls[i], w) && !S.calls[i].given)
			S.calls[i].wire = -1;
	while (w->n_order > 0 && w->ends[w->n_order - 1] > w->up.given)
		w->n_order--;
}

/* The longest wait after so many failures before. */
static int64_t backoff_most(unsigned refusals)
{
	int64_t most = S.limits.backoff_ns;

	while (refusals-- > 0 && most < S.limits.backoff_max_ns)
		most *= 2;
	return most < S.limits.backoff_max_ns ? most : S.limits.backoff_max_ns;
}

/* ---- the program ---- */

static unsigned count_alive(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < S.n_calls; i++)
		n += S.calls[i].alive;
	return n;
}

void oracle_added(struct sim_call *c)
{
	unsigned n = count_alive();

	if (!c && n < S.limits.calls)
		sim_broken("a call is refused, and there are %u of %u", n, S.limits.calls);
	if (!c)
		return;
	if (n >= S.limits.calls && S.depth == 0 && !S.tell_due)
		sim_broken("call %d is one too many: there are %u", c->index, n);
	c->alive = true;
	c->added_ns = S.now;
	SIM_COUNT(calls);
	sim_result->counts.more_calls += (c->flags & POSTERN_CALL_MORE) != 0;
	sim_result->counts.oneway_calls += is_oneway(c);
	sim_result->counts.upgrade_calls += (c->flags & POSTERN_CALL_UPGRADE) != 0;
}

void oracle_left(struct sim_call *c)
{
	struct sim_wire *w = c->wire >= 0 ? &S.wires[c->wire] : NULL;

	c->alive = false;
	c->freed = true;
	if (!w || (is_oneway(c) && c->given))
		return;
	w->poisoned = true;
	settle(w);
}

void oracle_freed(void)
{
	for (unsigned i = 0; i < S.n_wires; i++)
		if (!S.wires[i].hand_made)
			S.wires[i].poisoned = true;
}

/* ---- connections of the caller ---- */

void oracle_dialled(struct sim_wire *w, int call)
{
	w->begun_ns = S.now;
	w->alone = call >= 0;
	w->alone_call = call;
	for (unsigned i = 0; i < S.n_wires && !w->alone; i++)
		if (&S.wires[i] != w && S.wires[i].open && !S.wires[i].hand_made &&
		    !S.wires[i].alone && !S.wires[i].poisoned)
			sim_broken("wire %u is there for all, and wire %d is dialled", i,
				   wire_of(w));
}

static void wrote_where(const struct sim_wire *w, const struct sim_call *c)
{

	if (!w->open || w->dialling)
		sim_broken("call %d is written to wire %d, which is not open", c->index,
			   wire_of(w));
	if (w->poisoned)
		sim_broken("call %d joins wire %d, which a call has left without an answer",
			   c->index, wire_of(w));
	if (w->alone ? w->alone_call != c->index || w->n_order > 0 : is_alone(c))
		sim_broken("call %d is written to wire %d, which is not its own", c->index,
			   wire_of(w));
	if (!c->alive || c->wire >= 0)
		sim_broken("call %d is written, and it is %s", c->index,
			   c->alive ? "on a wire" : "over");
}

/* What comes with a descriptor is not glued to what may not have been read. */
static bool is_answered(const struct sim_wire *w)
{
	unsigned n = w->n_answered;

	while (n < w->n_order && is_oneway(&S.calls[w->order[n]]))
		n++;
	return n == w->n_order;
}

/* Something is on its way to the service, or from there. */
static bool is_busy(const struct sim_wire *w)
{
	return w->up.written > w->up.given || !is_answered(w);
}

static bool is_quiet(const struct sim_wire *w)
{
	bool proven = w->n_order == 0 || !is_oneway(&S.calls[w->order[w->n_order - 1]]);

	return is_answered(w) && proven;
}

/* A call with a descriptor waits to be sent. */
static bool is_passing_next(void)
{
	for (unsigned i = 0; i < S.n_calls; i++) {
		const struct sim_call *c = &S.calls[i];

		if (c->peer < 0 && c->passes && c->alive && c->wire < 0 &&
		    !(c->flags & (POSTERN_CALL_MORE | POSTERN_CALL_UPGRADE)))
			return true;
	}
	return false;
}

static void wrote_when(const struct sim_call *c)
{
	if (S.late)
		return;
	if (c->refusals > 0 && S.now < c->refused_ns + c->retry_ns)
		sim_broken("call %d is tried again sooner than the service wants", c->index);
	if (S.now >= c->deadline_ns)
		sim_broken("call %d is written after its deadline", c->index);
}

/* Calls of the connection that is for all go out in the order in which they were made. */
static void wrote_in_order(const struct sim_wire *w, const struct sim_call *c)
{
	for (int i = 0; i < c->index && !w->alone && S.depth == 0 && !S.tell_due; i++) {
		const struct sim_call *other = &S.calls[i];

		if (other->alive && !other->expected && other->wire < 0 && other->refusals == 0 &&
		    !is_alone(other) && other->deadline_ns > S.now && c->refusals == 0)
			sim_broken("call %d is written before call %d", c->index, i);
	}
}

void oracle_wrote(struct sim_wire *w, struct sim_call *c)
{
	if (!w->hand_made) {
		if (c->passes && !is_quiet(w))
			sim_broken(
				"call %d has a descriptor, and wire %d has what may not have been read",
				c->index, wire_of(w));
		wrote_where(w, c);
		wrote_when(c);
		wrote_in_order(w, c);
	}
	if (c->refused_now)
		SIM_COUNT(retries);
	w->ends[w->n_order] = w->up.written;
	w->order[w->n_order++] = c->index;
	w->empty_ns = -1;
	c->wire = c->last_wire = wire_of(w);
	c->end = w->up.written;
	c->refused_now = false;
	c->n_sent = 0;
}

void oracle_gave(struct sim_wire *w)
{
	for (unsigned i = 0; i < w->n_order; i++) {
		struct sim_call *c = &S.calls[w->order[i]];

		if (is_on(c, w) && !c->given && c->end <= w->up.given)
			c->given = c->ever_given = true;
	}
}

void oracle_unwrote(struct sim_wire *w)
{
	if (!w->poisoned && !S.over && !(w->empty_ns >= 0))
		sim_broken("wire %d drops what is queued", wire_of(w));
	if (w->n_order == 0 ||
	    w->ends[w->n_order - 1] > w->up.given + (w->up.written - w->up.given))
		sim_broken("wire %d drops what was never queued", wire_of(w));
	for (unsigned i = w->n_order; i-- > 0;)
		if (w->ends[i] > w->up.given && (i ? w->ends[i - 1] : 0) < w->up.given)
			SIM_COUNT(unwritten_half);
	detach(w);
}

static bool is_idle(const struct sim_wire *w)
{
	return w->empty_ns >= 0 && S.now >= w->empty_ns + S.limits.idle_ns;
}

/* Its one call has ended, or is ending. */
static bool is_for_nobody(const struct sim_wire *w)
{
	const struct sim_call *c = w->alone ? &S.calls[w->alone_call] : NULL;

	return c && (!c->alive || c->deadline_ns <= S.now);
}

void oracle_closes(struct sim_wire *w)
{
	if (w->taken_over)
		sim_broken("wire %d is the program's, and the caller closes it", wire_of(w));
	detach(w);
	for (unsigned i = 0; i < S.n_calls && !S.over; i++) {
		const struct sim_call *c = &S.calls[i];

		if (c->alive && is_on(c, w) && !is_oneway(c) &&
		    !(c->given && c->deadline_ns <= S.now))
			sim_broken("wire %d is closed, and call %d waits for its answer",
				   wire_of(w), c->index);
	}
	if (S.over || w->dialling || w->poisoned || is_for_nobody(w))
		return;
	if (is_idle(w))
		SIM_COUNT(idle_closed);
	else if (!is_passing_next() || is_quiet(w))
		sim_broken("wire %d is closed without a reason", wire_of(w));
}

/* Calls that were there when it began end with it. */
static void connect_failed(struct sim_wire *w)
{
	S.failed_ns = S.failed_ns > w->begun_ns ? S.failed_ns : w->begun_ns;
	for (unsigned i = 0; i < S.n_calls; i++) {
		struct sim_call *c = &S.calls[i];
		bool here = w->alone ? w->alone_call == c->index : !is_alone(c);

		if (here && c->alive && c->wire < 0 && c->refusals == 0)
			c->ending = c->added_ns <= w->begun_ns;
	}
}

void oracle_told(void)
{
	for (unsigned i = 0; i < S.n_calls; i++)
		if (S.calls[i].alive && S.calls[i].ending && !S.over)
			sim_broken("call %u has no connection, and does not end", i);
}

void oracle_lost(struct sim_wire *w, int code)
{
	detach(w);
	w->lost_code = code;
	if (!w->connected)
		connect_failed(w);
	else if (!w->answered)
		S.connect_ns = S.now + backoff_most(S.losses++);
	for (unsigned i = 0; i < S.n_calls; i++)
		if (is_on(&S.calls[i], w) && S.calls[i].alive)
			S.calls[i].lost = true;
}

void oracle_pumped(void)
{
	for (unsigned i = 0; i < S.n_wires; i++) {
		struct sim_wire *w = &S.wires[i];

		bool over = w->poisoned || (w->alone && !S.calls[w->alone_call].alive);

		if (w->open && !w->hand_made && !w->taken_over && over && is_empty(w))
			sim_broken("wire %u has no call, takes none, and stays open", i);
	}
}

/* Is there a connection for this call that could take it? */
static const struct sim_wire *wire_for(const struct sim_call *c)
{
	for (unsigned i = 0; i < S.n_wires; i++) {
		const struct sim_wire *w = &S.wires[i];
		bool fits = is_alone(c) ? w->alone_call == c->index : !w->alone;

		if (w->open && !w->hand_made && !w->poisoned && fits)
			return w;
	}
	return NULL;
}

void oracle_rest(void)
{
	int64_t due = S.connect_ns > S.now ? S.connect_ns : S.now;

	oracle_topic_rest();
	for (unsigned i = 0; i < S.n_calls && !S.over; i++) {
		const struct sim_call *c = &S.calls[i];
		const struct sim_wire *w = wire_for(c);

		if (!c->alive || c->wire >= 0 || c->refused_now)
			continue;
		if (w && w->connected && !w->refused && !(is_passing_next() && is_busy(w)))
			sim_broken("call %u waits, and wire %d would take it", i, wire_of(w));
		if (!w && !S.late && calling_next(&S.machine) > due)
			sim_broken("call %u waits, and nobody is going to connect", i);
	}
}

/* ---- time ---- */

void oracle_time(void)
{
	for (unsigned i = 0; i < S.n_calls; i++) {
		const struct sim_call *c = &S.calls[i];

		if (c->alive && c->wire >= 0 && c->deadline_ns <= S.now)
			S.wires[c->wire].poisoned = true;
	}
}

void oracle_timed(void)
{
	if (S.over)
		return;
	for (unsigned i = 0; i < S.n_calls; i++)
		if (S.calls[i].alive && S.calls[i].deadline_ns <= S.now)
			sim_broken("the deadline of call %u has passed, and it has not ended", i);
	for (unsigned i = 0; i < S.n_wires; i++) {
		const struct sim_wire *w = &S.wires[i];

		if (w->open && !w->hand_made && !w->dialling && !w->alone && is_idle(w))
			sim_broken("wire %u is idle, and is not given up", i);
	}
}

/* ---- answers ---- */

/* The call whose answer comes next, of those that the kernel has; NULL. */
static struct sim_call *oracle_head(struct sim_wire *w)
{
	while (w->n_answered < w->n_order && is_oneway(&S.calls[w->order[w->n_answered]]))
		w->n_answered++;
	if (w->n_answered == w->n_order || w->ends[w->n_answered] > w->up.given)
		return NULL;
	return &S.calls[w->order[w->n_answered]];
}

static int64_t number_in(const struct message_answer *m, const char *name)
{
	struct postern_json value;
	int64_t n;

	return postern_json_find(m->parameters, name, &value) > 0 &&
			       postern_json_int(value, &n) >= 0
		       ? n
		       : -1;
}

static void is_its_own(const struct sim_wire *w, struct sim_call *c, const struct message_answer *m)
{
	int64_t id = number_in(m, "id");

	if (!oracle_topic_answer(w, c, m) && !w->hostile && id != c->index)
		sim_broken("the answer of call %lld comes in the place of that of %d",
			   (long long)id, c->index);
}

static bool is_refusal(const struct message_answer *m)
{
	return m->error.text && (postern_json_equals(m->error, "io.postern.Busy") ||
				 postern_json_equals(m->error, "io.postern.Draining"));
}

/* true: it is to be tried again. */
static bool answer_is_to_be_tried_again(struct sim_wire *w, struct sim_call *c,
					const struct message_answer *m, bool told)
{
	int64_t ms = number_in(m, "retryAfterMs"), wait = POSTERN_MS(ms < 0 ? 0 : ms);

	if (c->n_got > 0 || !is_refusal(m))
		return false;
	if (told && S.now + wait + backoff_most(c->refusals) < c->deadline_ns)
		sim_broken("call %d could be tried again, and ends", c->index);
	if (!told && S.now + wait >= c->deadline_ns)
		sim_broken("call %d is to be tried again after its deadline", c->index);
	SIM_COUNT(refused);
	c->deceived = c->deceived || w->hostile;
	if (told)
		return false;
	c->wire = -1;
	c->given = false;
	c->refused_now = true;
	c->refusals++;
	c->refused_ns = S.now;
	c->retry_ns = wait;
	w->poisoned = true;
	return true;
}

static bool answer_refuses(struct sim_wire *w, struct sim_call *c, const struct message_answer *m,
			   bool told)
{
	/* Its descriptor has gone. */
	if (c->passes)
		return false;
	return answer_is_to_be_tried_again(w, c, m, told);
}

static void answer_is_told(struct sim_wire *w, struct sim_call *c, const struct message_answer *m,
			   const struct calling_call *told)
{
	if (!m->continues && answer_refuses(w, c, m, told != NULL)) {
		w->n_answered++;
		settle(w);
		return;
	}
	if (told != &c->state)
		sim_broken("call %d is answered, and %s is told", c->index,
			   told ? "another one" : "nobody");
	w->answered = true;
	S.losses = 0;
	if (m->continues) {
		if (!w->hostile && number_in(m, "topic") < 0 && number_in(m, "n") != c->n_got)
			sim_broken("call %d has answer %lld in the place of %u", c->index,
				   (long long)number_in(m, "n"), c->n_got);
		c->n_got++;
		c->expected = POSTERN_END_CONTINUES;
		return;
	}
	w->n_answered++;
	c->expected = m->error.text ? POSTERN_END_FAILED : POSTERN_END_ANSWERED;
	c->wire = -1;
	w->poisoned = w->poisoned || w->alone;
	settle(w);
}

void oracle_answer(struct sim_wire *w, const struct message_answer *m, int r,
		   struct calling_call *told)
{
	struct sim_call *c = oracle_head(w);
	bool has_left = c && (!c->alive || !is_on(c, w));
	bool legal = c && (!m->continues || (!has_left && c->flags & POSTERN_CALL_MORE));

	if (!legal && !w->hostile)
		sim_broken("wire %d has an answer that nobody has asked for", wire_of(w));
	if (legal != (r == 0))
		sim_broken("wire %d has %s answer, and calling_answer() says %d", wire_of(w),
			   legal ? "a legal" : "an illegal", r);
	if (!legal) {
		SIM_COUNT(unasked);
		return;
	}
	is_its_own(w, c, m);
	if (has_left && told)
		sim_broken("call %d has left, and an answer is told", c->index);
	if (has_left) {
		SIM_COUNT(skipped);
		w->n_answered++;
		return;
	}
	answer_is_told(w, c, m, told);
}

void oracle_peer_answer(struct sim_wire *w, const struct message_answer *m)
{
	struct sim_call *c = oracle_head(w);

	if (w->hostile)
		return;
	if (!c)
		sim_broken("peer %d has an answer that it has not asked for", wire_of(w));
	is_its_own(w, c, m);
	if (m->continues && !(c->flags & POSTERN_CALL_MORE))
		sim_broken("peer %d has not asked for more", wire_of(w));
	if (!m->continues)
		w->n_answered++;
	if (c->flags & POSTERN_CALL_UPGRADE && !m->error.text)
		raw_begins(w);
}

/* ---- how calls end ---- */

static bool is_true(const struct sim_call *c, int end, int why)
{
	bool expired = c->deadline_ns <= S.now && why == POSTERN_REASON_TIMEOUT;

	switch (end) {
	case POSTERN_END_NOT_SENT:
		return !c->ever_given && c->runs == 0 &&
		       (expired || (why == POSTERN_REASON_NO_SERVER && c->added_ns <= S.failed_ns));
	case POSTERN_END_FAILED:
		return c->refusals > 0 && !c->given;
	case POSTERN_END_TIMEOUT:
		return c->given && !c->lost && expired && !is_oneway(c);
	case POSTERN_END_NO_ANSWER:
		return c->given && c->lost && !is_oneway(c) && why == S.wires[c->wire].lost_code;
	case POSTERN_END_SENT:
		return c->given && is_oneway(c);
	case POSTERN_END_CANCELLED:
		return S.over && why == POSTERN_REASON_CANCELLED;
	default:
		return false;
	}
}

static void count_end(int end)
{
	struct sim_counts *n = &sim_result->counts;
	uint64_t *const counts[] = {
		[POSTERN_END_CONTINUES] = &n->continued, [POSTERN_END_ANSWERED] = &n->answered,
		[POSTERN_END_FAILED] = &n->failed,       [POSTERN_END_SENT] = &n->sent,
		[POSTERN_END_TIMEOUT] = &n->timeout,     [POSTERN_END_CANCELLED] = &n->cancelled,
		[POSTERN_END_NOT_SENT] = &n->not_sent,   [POSTERN_END_NO_ANSWER] = &n->no_answer,
	};

	++*counts[end];
}

/* Nothing bad has happened to this one. But a service that refuses ends a connection with all that is on it. */
static void is_calm(const struct sim_call *c, int end)
{
	bool refuses = S.wires[c->last_wire].machine.refuses != SERVING_RUNS;
	bool good = c->expected || (is_oneway(c) ? end == POSTERN_END_SENT
						 : end == POSTERN_END_NO_ANSWER && refuses);

	if (!good && !S.over)
		sim_broken("call %d ends in %d, and nothing bad has happened", c->index, end);
}

void oracle_ended(struct calling_call *ended)
{
	struct sim_call *c = container_of(ended, struct sim_call, state);
	int end = ended->end;

	sim_say("call %d is told %d", c->index, end);
	if (!c->alive || c->told)
		sim_broken("call %d is told %d, and it is over", c->index, end);
	if (end < POSTERN_END_CONTINUES || end > POSTERN_END_NO_ANSWER)
		sim_broken("call %d is told %d, which is no end", c->index, end);
	if (c->expected ? end != c->expected : !is_true(c, end, ended->why.code))
		sim_broken(
			"call %d is told %d, reason %d; sent %d, lost %d, ran %u, refused %u, expected %d",
			c->index, end, ended->why.code, c->given, c->lost, c->runs, c->refusals,
			c->expected);
	count_end(end);
	if (end == POSTERN_END_CONTINUES) {
		c->expected = 0;
		return;
	}
	if (S.calm)
		is_calm(c, end);
	c->alive = false;
	c->told = true;
	if (c->wire >= 0 && S.wires[c->wire].open)
		settle(&S.wires[c->wire]);
}

/* ---- the service ---- */

static int should_be(const struct sim_wire *w, const struct sim_call *c)
{
	bool busy = w->machine.refuses == SERVING_IS_BUSY;

	if (is_oneway(c))
		return busy ? SERVING_DROP : SERVING_RUN;
	if (w->knows)
		return SERVING_DROP;
	return w->machine.refuses == SERVING_RUNS ? SERVING_RUN : SERVING_REFUSE;
}

void oracle_verdict(struct sim_wire *w, int call, int verdict)
{
	struct sim_call *c;

	if (w->upgraded)
		sim_broken("wire %d is upgraded, and its bytes are read as a call", wire_of(w));
	if (w->n_arrived == w->n_order || w->order[w->n_arrived] != call)
		sim_broken("wire %d brings call %d in the place of %d", wire_of(w), call,
			   w->n_arrived < w->n_order ? w->order[w->n_arrived] : -1);
	if (w->ends[w->n_arrived++] != w->up.parsed)
		sim_broken("call %d is torn", call);
	c = &S.calls[call];
	if (w->machine.refuses == SERVING_IS_BUSY && w->n_arrived > 1)
		sim_broken("call %d comes, and its connection is over", call);
	if (w->open_call >= 0)
		sim_broken("call %d comes while %d is open", call, w->open_call);
	if (verdict != should_be(w, c))
		sim_broken("call %d comes%s, and the verdict is %d, not %d", call,
			   w->knows ? " from a peer that has left" : "", verdict, should_be(w, c));
	c->busied = verdict == SERVING_DROP;
	if (w->knows && verdict == SERVING_RUN)
		SIM_COUNT(oneway_after_leaving);
}

void oracle_no_call(struct sim_wire *w)
{
	if (w->upgraded)
		sim_broken("wire %d is upgraded, and its bytes are read as a call", wire_of(w));
	if (!w->wrong || w->n_arrived != w->n_order)
		sim_broken("wire %d brings call %d, which is not understood", wire_of(w),
			   w->n_arrived < w->n_order ? w->order[w->n_arrived] : -1);
}

void oracle_cancelled(struct sim_call *c)
{
	if (is_oneway(c))
		sim_broken("call %d is oneway, and is cancelled", c->index);
	c->cancels++;
}

void oracle_ran(struct sim_wire *w, int call)
{
	struct sim_call *c = &S.calls[call];

	if (c->runs++ > 0 && !c->deceived)
		sim_broken("call %d runs a second time", call);
	if (!c->ever_given)
		sim_broken("call %d runs, and was never sent", call);
	if (w->knows && !is_oneway(c))
		sim_broken("call %d runs after its peer has left", call);
}

void oracle_answers(struct sim_wire *w, int call, int how)
{
	struct sim_call *c = &S.calls[call];
	bool continues = how == SERVING_CONTINUES;

	if (w->n_arrived == 0 || w->order[w->n_arrived - 1] != call)
		sim_broken("an answer for call %d, which is not the one that came last", call);
	if (is_oneway(c))
		sim_broken("call %d is oneway, and is answered", call);
	if (w->knows)
		sim_broken("call %d is answered to a peer that has left", call);
	if (continues && !(c->flags & POSTERN_CALL_MORE))
		sim_broken("call %d is answered with more, and did not ask for it", call);
	if ((how == SERVING_UPGRADES || how == SERVING_REPLIES) &&
	    (how == SERVING_UPGRADES) != !!(c->flags & POSTERN_CALL_UPGRADE))
		sim_broken("call %d is answered in the way %d, which it did not ask for", call,
			   how);
	if (w->finals[w->n_arrived - 1] > 0)
		sim_broken("call %d has its final answer twice", call);
	w->finals[w->n_arrived - 1] += !continues;
}

void oracle_finished(struct sim_wire *w)
{
	unsigned n = 0;

	while (n < w->n_order && w->ends[n] <= w->up.given)
		n++;
	if (w->n_arrived != n)
		sim_broken("wire %d has ended, and of %u calls %u came", wire_of(w), n,
			   w->n_arrived);
	for (unsigned i = 0; i < n; i++) {
		const struct sim_call *c = &S.calls[w->order[i]];

		if (is_oneway(c) && c->runs != 1 && !c->busied)
			sim_broken("call %d is oneway, has come, and did not run", c->index);
		if (!is_oneway(c) && w->hand_made && !w->knows && w->finals[i] != 1)
			sim_broken("call %d has come, and %u final answers went", c->index,
				   w->finals[i]);
	}
}

void oracle_unwanted(struct sim_wire *w)
{
	for (unsigned i = w->n_arrived; i < w->n_order; i++)
		if (S.calls[w->order[i]].unwanted)
			return;
	sim_broken("wire %d has a descriptor that no call takes", wire_of(w));
}

void oracle_passed(struct sim_wire *w, const char *what, int call, int id, int right)
{
	struct sim_call *c = call >= 0 ? &S.calls[call] : NULL;

	/* Whose it was is not known if the last message was cut off; a peer may have sent both at once. */
	if (id == SIM_CUT && w->hand_made)
		return;
	id = id == SIM_CUT ? -1 : id;
	/* It is glued to one that takes some, and came without. */
	if (id == SIM_UNWANTED && right < 0 && c && c->takes &&
	    (w->n_arrived > 1 ? w->ends[w->n_arrived - 2] : 0) >= w->up.unwanted_from) {
		w->absorbed = true;
		return;
	}
	if (id != right || (c && c->unwanted && !w->absorbed))
		sim_broken("%s %d, on wire %d, has descriptor %d, and not %d", what, call,
			   wire_of(w), id, right);
}

/* ---- the end of a life ---- */

void oracle_end(void)
{
	for (unsigned i = 0; i < S.n_calls; i++) {
		const struct sim_call *c = &S.calls[i];

		if (c->alive)
			sim_broken("call %u was never told", i);
		if (!c->deceived && (c->cancels > 1 || c->runs > 1))
			sim_broken("call %u ran %u times, and was cancelled %u times", i, c->runs,
				   c->cancels);
		if (c->served && c->plan != SIM_NEVER)
			sim_broken("the handler of call %u is still at it", i);
	}
	for (unsigned i = 0; i < S.n_wires; i++) {
		const struct sim_wire *w = &S.wires[i];

		if (w->open || !w->ended || w->open_call >= 0)
			sim_broken("wire %u is not closed at both ends", i);
	}
	if (S.machine.n > 0 || !list_is_empty(&S.machine.conns) || !list_is_empty(&S.machine.work))
		sim_broken("the caller still has %u calls%s", S.machine.n,
			   list_is_empty(&S.machine.conns) ? "" : ", and connections");
	if (!list_is_empty(&S.machine.ready) || !list_is_empty(&S.machine.alone) ||
	    !list_is_empty(&S.machine.later) || !list_is_empty(&S.machine.ended))
		sim_broken("the caller still has calls in its lists");
}
