/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.c - what the program is told, checked as it comes
 *
 * A connection's data is one of its two tags, and set_data() and set_events() change which: an event with the other
 * one was told to whom it no longer concerns.
 */
#include "law.h"

#include <string.h>

struct law_frame law_callback(int place)
{
	struct law_frame f = { L.call, L.place };

	switch (L.call) {
	case CALL_loop_dispatch:
	case CALL_loop_run:
	case CALL_loop_free:
	case CALL_server_free:
		break;
	default:
		if (L.call != CALL_server_each || place != IN_each)
			law_broken("callback inside a call", "%s inside %s", law_place_name(place),
				   law_call_name(L.call));
	}
	L.call = CALL_none;
	L.place = place;
	L.progress += place != IN_watch && place != IN_timer;
	return f;
}

void law_return(struct law_frame f)
{
	L.call = f.call;
	L.place = f.place;
}

/* ---- connections ---- */

/* An accepted connection that nothing was said of yet has its server's data. */
static struct end *end_of(struct postern_conn *c, void *data, const char *what)
{
	for (unsigned i = 0; i < L.n_ends; i++) {
		struct end *e = &L.ends[i];

		if (data != &e->tags[0] && data != &e->tags[1])
			continue;
		if (e->freed || e->detached)
			law_broken("event after the free", "%s of %s", what, end_name(e));
		if (e->told_closed)
			law_broken("event after the final one", "%s of %s", what, end_name(e));
		if (data != &e->tags[e->tag])
			law_broken("event with old data", "%s of %s", what, end_name(e));
		if (c != e->c)
			law_broken("event of another handle", "%s of %s", what, end_name(e));
		return e;
	}
	law_broken("event of what was not let in", "%s, although accepted was not called", what);
}

static struct end *end_event(struct postern_conn *c, void *data, const char *what)
{
	struct end *e = end_of(c, data, what);

	if (L.call != CALL_none)
		law_broken("harness", "a call is open");
	if (e->aborting && strcmp(what, "closed") != 0)
		law_broken("event after abort", "%s of %s", what, end_name(e));
	if (e->server >= 0 && L.servers[e->server].told_closed && !e->mine)
		law_broken("event after the server's final one", "%s of %s", what, end_name(e));
	if (L.loops[e->loop].freed && !L.loops[e->loop].freeing)
		law_broken("event after the loop's free", "%s of %s", what, end_name(e));
	e->n_events++;
	return e;
}

/* What every event does last; e may be gone after it. */
static void end_inside(struct end *e, int place)
{
	int outer = e->inside;

	e->inside = place;
	e->busy++;
	law_inside(place, (unsigned)e->id, e->n_events, e);
	e->busy--;
	e->inside = outer;
}

static void on_state(struct postern_conn *c, int state, void *data)
{
	struct law_frame f = law_callback(IN_state);
	struct end *e = end_event(c, data, "state");

	law_say("c%d is told state %d", e->id, state);
	if (CALL(conn_state, postern_conn_state(c)) != state)
		law_broken("state", "%s is told %d and is not", end_name(e), state);
	if (state == POSTERN_STATE_CLOSING
		    ? e->told_closing++ > 0
		    : !e->dialled || e->connected || state == POSTERN_STATE_CLOSED)
		law_broken("state", "%s is told state %d again or out of place", end_name(e),
			   state);
	if (state == POSTERN_STATE_CONNECTED) {
		e->connected = true;
		e->received_ns = e->calm_ns = law_now();
		link_bind(e);
	}
	end_inside(e, IN_state);
	law_return(f);
}

static size_t appetite_of(const struct end *e, size_t n)
{
	switch (L.calm ? TAKES_ALL : e->appetite) {
	case TAKES_ALL:
		return n;
	case TAKES_SOME:
		return law_below((uint32_t)n + 1);
	default:
		return 0;
	}
}

static size_t on_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct law_frame f = law_callback(IN_received);
	struct end *e = end_event(c, data, "received");
	struct stream *in = &e->link->stream[!e->at];
	uint64_t outer = L.random;
	size_t take;

	L.random = law_mix(law_mix(L.seed, (uint64_t)e->id), e->n_events);
	take = appetite_of(e, n);
	L.random = outer;
	law_say("c%d is offered %zu, takes %zu", e->id, n, take);
	oracle_look_at(e);
	if (e->drops) {
		in->read = (size_t)(e->received - n);
		e->kept = 0;
	}
	if (e->o.framing)
		law_broken("received", "%s has a framing", end_name(e));
	if (n == 0 || n < e->kept)
		law_broken("received", "%s is offered %zu, and had declined %zu", end_name(e), n,
			   e->kept);
	if (e->paused || e->closing)
		law_broken("received", "%s %s", end_name(e),
			   e->paused ? "is paused" : "is closing");
	if (e->told_ended && e->kept == 0)
		law_broken("received", "%s is offered bytes after the end", end_name(e));
	stream_check(in, bytes, n, end_name(e));
	e->offered = n;
	if (e->kept == 0)
		e->kept_ns = law_now();
	e->kept = n;
	end_inside(e, IN_received);
	e->offered = 0;
	if (!e->freed && !e->told_closed) {
		/* Who detaches in here was shown all that had come, and has it. */
		if (e->detached)
			take = n;
		in->read += take;
		e->kept = n - take;
		if (take > 0)
			e->kept_ns = e->acted_ns = law_now();
	}
	L.progress += take;
	law_return(f);
	return take;
}

static void on_frame(struct postern_conn *c, const void *payload, size_t n, void *data)
{
	struct law_frame f = law_callback(IN_frame);
	struct end *e = end_event(c, data, "frame");
	struct stream *in = &e->link->stream[!e->at];
	size_t want = 0, used = 0;

	law_say("c%d is given a frame of %zu", e->id, n);
	if (!e->o.framing || e->paused || e->closing || e->told_ended)
		law_broken("frame", "%s %s", end_name(e),
			   e->paused ? "is paused" : "has no framing, is closing, or has ended");
	if (!e->drops) {
		size_t head = e->o.framing == POSTERN_FRAMING_U32BE ||
					      e->o.framing == POSTERN_FRAMING_U32LE
				      ? 4
				      : 0;

		if (stream_parse(in, (int)e->o.framing, e->o.frame_max, &want, &used) != 1 ||
		    want != n)
			law_broken("frame", "%s is given %zu bytes in place of %zu", end_name(e), n,
				   want);
		in->read += head;
		stream_check(in, payload, n, end_name(e));
		in->read += used - head;
	}
	e->acted_ns = law_now();
	L.progress += n + 1;
	end_inside(e, IN_frame);
	law_return(f);
}

static void on_ended(struct postern_conn *c, void *data)
{
	struct law_frame f = law_callback(IN_ended);
	struct end *e = end_event(c, data, "ended");

	law_say("c%d is told that its peer ended", e->id);
	if (e->told_ended++)
		law_broken("ended twice", "%s", end_name(e));
	oracle_ended(e);
	end_inside(e, IN_ended);
	law_return(f);
}

static void on_drained(struct postern_conn *c, void *data)
{
	struct law_frame f = law_callback(IN_drained);
	struct end *e = end_event(c, data, "drained");

	law_say("c%d is told drained", e->id);
	if (!e->refused)
		law_broken("drained", "%s was not refused", end_name(e));
	if (CALL(conn_queued, postern_conn_queued(c)) > e->o.low_water)
		law_broken("drained", "%s is above its low-water mark", end_name(e));
	e->refused = e->owed = false;
	end_inside(e, IN_drained);
	law_return(f);
}

static void on_sent(struct postern_conn *c, size_t n, void *data)
{
	struct law_frame f = law_callback(IN_sent);
	struct end *e = end_event(c, data, "sent");

	law_say("c%d is told %zu sent", e->id, n);
	if (n == 0)
		law_broken("sent", "%s: nothing", end_name(e));
	end_inside(e, IN_sent);
	law_return(f);
}

static void on_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct law_frame f = law_callback(IN_closed);
	struct end *e = end_event(c, data, "closed");

	law_say("c%d is closed: %s", e->id, law_reason_name(why->code));
	e->told_closed++;
	e->code = why->code;
	if (CALL(conn_state, postern_conn_state(c)) != POSTERN_STATE_CLOSED || !why->text)
		law_broken("closed", "%s is not, or without words", end_name(e));
	oracle_closed(e, why);
	side_gone(e->link, e->at);
	end_inside(e, IN_closed);
	/* What is the server's goes with the return. */
	if (!e->freed && !e->mine) {
		e->c = NULL;
		e->used = false;
	}
	law_return(f);
}

static const struct postern_conn_events tables[EVENTS_N] = {
	[EVENTS_ALL] = { sizeof(*tables), on_state, on_received, on_frame, on_ended, on_drained,
			 on_sent, on_closed },
	[EVENTS_NO_ENDED] = { sizeof(*tables), on_state, on_received, on_frame, NULL, on_drained,
			      NULL, on_closed },
	[EVENTS_NO_RECEIVED] = { sizeof(*tables), on_state, NULL, NULL, on_ended, on_drained, NULL,
				 on_closed },
	[EVENTS_FEW] = { sizeof(*tables), NULL, on_received, on_frame, NULL, NULL, NULL,
			 on_closed },
	[EVENTS_NONE] = { sizeof(*tables), NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};

const struct postern_conn_events *law_events(int which)
{
	return &tables[which];
}

/* ---- servers ---- */

static struct server_model *server_event(struct postern_server *s, void *data, const char *what)
{
	struct server_model *m = data;

	if (m->freed)
		law_broken("event after the free", "%s of server %d", what, m->id);
	if (m->told_closed)
		law_broken("event after the final one", "%s of server %d", what, m->id);
	if (m->s && m->s != s)
		law_broken("event of another handle", "%s of server %d", what, m->id);
	m->n_events++;
	return m;
}

static int on_allow(struct postern_server *s, const struct postern_peer *peer, void *data)
{
	struct law_frame f = law_callback(IN_allow);
	struct server_model *m = server_event(s, data, "allow");
	int answer = m->allow && m->n_events % (unsigned)m->allow == 0;

	(void)peer;
	law_say("server %d is asked, says %d", m->id, answer);
	law_inside(IN_allow, (unsigned)m->id, m->n_events, NULL);
	law_return(f);
	return answer;
}

static void on_accepted(struct postern_server *s, struct postern_conn *c, void *data)
{
	struct law_frame f = law_callback(IN_accepted);
	struct server_model *m = server_event(s, data, "accepted");
	struct end *e;
	unsigned i = LAW_SLOTS;

	while (i < L.n_ends && (L.ends[i].used || L.ends[i].busy))
		i++;
	if (i == LAW_ENDS)
		law_broken("harness", "too many connections");
	if (i == L.n_ends)
		L.n_ends++;
	e = &L.ends[i];
	*e = (struct end){
		.id = e->id, .used = true, .c = c, .loop = m->loop, .server = m->id, .o = m->o
	};
	e->connected = true;
	e->events = (int)law_mix(L.seed, m->n_events) & 3;
	e->drops = e->events == EVENTS_NO_RECEIVED;
	e->appetite = (int)law_mix(L.seed, m->n_events + 1000) % 5;
	e->appetite = e->appetite > TAKES_NONE ? TAKES_ALL : e->appetite;
	e->calm_ns = e->acted_ns = e->received_ns = law_now();
	law_say("server %d has accepted c%d", m->id, e->id);
	if (CALL_PTR(conn_server, postern_conn_server(c)) != s)
		law_broken("accepted", "server %d: c%d is another's", m->id, e->id);
	(void)CALL(conn_set_events, postern_conn_set_events(c, law_events(e->events), &e->tags[0]));
	link_find(e);
	end_inside(e, IN_accepted);
	law_return(f);
}

static void on_error(struct postern_server *s, const struct postern_reason *why, void *data)
{
	struct law_frame f = law_callback(IN_error);
	struct server_model *m = server_event(s, data, "error");

	law_say("server %d: error %s", m->id, law_reason_name(why->code));
	if (!L.faulted && !m->name_lost)
		law_broken("reason", "server %d: error %s, and nothing was done to it", m->id,
			   law_reason_name(why->code));
	law_inside(IN_error, (unsigned)m->id, m->n_events, NULL);
	law_return(f);
}

static void on_server_closed(struct postern_server *s, const struct postern_reason *why, void *data)
{
	struct law_frame f = law_callback(IN_server_closed);
	struct server_model *m = server_event(s, data, "closed");
	bool right;

	law_say("server %d is closed: %s", m->id, law_reason_name(why->code));
	m->told_closed++;
	right = why->code == POSTERN_REASON_CLOSED      ? m->draining
		: why->code == POSTERN_REASON_TIMEOUT   ? m->draining && law_now() >= m->drain_ns
		: why->code == POSTERN_REASON_CANCELLED ? L.loops[m->loop].freeing
							: false;
	if (!right)
		law_broken("reason", "server %d is closed with %s", m->id,
			   law_reason_name(why->code));
	oracle_look();
	for (unsigned i = 0; i < L.n_ends; i++)
		if (L.ends[i].used && L.ends[i].server == m->id && !L.ends[i].told_closed &&
		    !L.ends[i].freed && !L.ends[i].detached)
			law_broken("server's final event", "server %d has c%d still", m->id,
				   L.ends[i].id);
	law_inside(IN_server_closed, (unsigned)m->id, m->n_events, NULL);
	law_return(f);
}

const struct postern_server_events law_server_events = {
	sizeof(law_server_events), NULL, on_allow, on_accepted, on_error, on_server_closed,
};

void law_each(struct postern_conn *c, void *data)
{
	struct law_frame f = law_callback(IN_each);
	struct server_model *m = data;
	void *theirs = CALL_PTR(conn_data, postern_conn_data(c));
	struct end *e;

	if (theirs == m)
		law_broken("each", "server %d shows a connection that is not let in", m->id);
	e = end_of(c, theirs, "each");
	if (e->server != m->id)
		law_broken("each", "server %d shows %s", m->id, end_name(e));
	e->n_events++;
	law_inside(IN_each, (unsigned)e->id, e->n_events, e);
	law_return(f);
}

/* ---- the rest ---- */

void law_timer_fired(struct postern_timer *t, void *data)
{
	struct law_frame f = law_callback(IN_timer);
	struct timer_model *m = data;
	int64_t due = CALL(timer_due_ns, postern_timer_due_ns(t));

	law_say("timer %d fires", m->id);
	if (m->t != t || !m->armed || L.loops[m->loop].freed)
		law_broken("timer", "timer %d fires, and is %s", m->id,
			   m->t == t ? "not set" : "freed");
	if (law_now() < m->earliest_ns || due < m->earliest_ns)
		law_broken("timer", "timer %d fires %lld ns early", m->id,
			   (long long)(m->earliest_ns - (due < law_now() ? due : law_now())));
	/* It became due while the loop polled or slept. */
	if (L.waits == m->loop && L.waits_ns >= 0 && L.waits_ns <= due && !L.jumped && !L.faulted &&
	    law_now() > due + LAW_POLL)
		law_broken("timer", "timer %d fires %lld ns late", m->id,
			   (long long)(law_now() - due));
	m->armed = m->period_ns > 0;
	if (m->armed)
		m->earliest_ns += m->period_ns;
	m->n_events++;
	law_inside(IN_timer, (unsigned)m->id, m->n_events, NULL);
	law_return(f);
}

void law_watch_fired(struct postern_watch *w, uint64_t happened, void *data)
{
	struct law_frame f = law_callback(IN_watch);
	struct watch_model *m = data;

	law_say("watch %d: %d", m->id, (int)happened);
	if (m->w != w || L.loops[m->loop].freed)
		law_broken("watch", "watch %d is freed", m->id);
	if (happened == 0 || m->wanted == 0 || happened & ~(m->wanted | POSTERN_WATCH_HANGUP))
		law_broken("watch", "watch %d is told %d, wanted %d", m->id, (int)happened,
			   (int)m->wanted);
	m->n_events++;
	law_inside(IN_watch, (unsigned)m->id, m->n_events, NULL);
	law_return(f);
}

void law_posted(struct postern_loop *loop, void *data)
{
	struct law_frame f = law_callback(IN_post);
	uintptr_t number = (uintptr_t)data;
	struct loop_model *m = &L.loops[number & 1];

	law_say("post %u of loop %u is called", (unsigned)(number >> 1), (unsigned)(number & 1));
	if (number >> 1 != m->called++)
		law_broken("post", "call %u comes as number %u", (unsigned)(number >> 1),
			   m->called - 1);
	if (loop ? loop != m->loop || m->freed : !m->freed)
		law_broken("post", "the loop is %s", loop ? "freed" : "not freed");
	law_inside(IN_post, (unsigned)(number & 1), m->called, NULL);
	law_return(f);
}

void law_child_ended(struct postern_child *c, int how, int status, void *data)
{
	struct law_frame f = law_callback(IN_child);
	struct child_model *m = data;

	law_say("child %d has ended: %d, %d", m->id, how, status);
	if (m->c != c || m->told++ || L.loops[m->loop].freed)
		law_broken("child", "child %d is told again, or freed", m->id);
	law_inside(IN_child, (unsigned)m->id, m->told, NULL);
	law_return(f);
}
