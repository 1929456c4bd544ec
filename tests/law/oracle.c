/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle.c - what may be said of an end, given what really happened
 *
 * The model knows the other side of each connection: what it wrote and read, when, and how it went. What it cannot
 * know it allows: which bytes a freed connection still sent, when within a turn something came, and what became
 * of a connection that waited in a backlog.
 */
#include "law.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Of the manual: a peer that moves as much within idle_ns is not idle. */
enum { MOVES_ENOUGH = 65536 };

const char *end_name(const struct end *e)
{
	static char text[4][64];
	static unsigned n;
	char *t = text[n++ % 4];

	snprintf(t, sizeof(text[0]), "c%d%s", e->id,
		 e->dialled       ? " (connected)"
		 : e->server >= 0 ? " (accepted)"
				  : "");
	return t;
}

/* ---- looking ---- */

static struct side *other_side(const struct end *e)
{
	return &e->link->side[!e->at];
}

static struct stream *in_of(const struct end *e)
{
	return &e->link->stream[!e->at];
}

static struct stream *out_of(const struct end *e)
{
	return &e->link->stream[e->at];
}

void oracle_moved(struct end *e, size_t n)
{
	struct move *m = &e->moves[e->n_moves % LAW_MOVES];

	if (e->n_moves > 0 && e->moves[(e->n_moves - 1) % LAW_MOVES].at_ns == law_now()) {
		e->moves[(e->n_moves - 1) % LAW_MOVES].n += n;
		return;
	}
	*m = (struct move){ law_now(), n };
	e->n_moves++;
}

static size_t moved_within(const struct end *e, int64_t ns)
{
	size_t n = 0;

	for (unsigned i = 0; i < LAW_MOVES && i < e->n_moves; i++)
		if (e->moves[i].at_ns > law_now() - ns)
			n += e->moves[i].n;
	return n;
}

static void look_at_counters(struct end *e)
{
	struct postern_conn_counters k = { 0 };
	struct side *other = other_side(e);

	(void)CALL(conn_get_counters, postern_conn_get_counters(e->c, &k, sizeof(k)));
	if (k.received < e->received || k.sent < e->sent || k.sent > out_of(e)->n)
		law_broken("counters", "%s has sent %llu of %zu", end_name(e),
			   (unsigned long long)k.sent, out_of(e)->n);
	/* When a plain peer sent, is known. */
	if (k.received > e->received && other->kind != SIDE_PLAIN)
		e->received_ns = law_now();
	if (other->kind == SIDE_END) {
		if (k.received > e->received)
			oracle_moved(other->end, (size_t)(k.received - e->received));
		if (k.sent > e->sent)
			oracle_moved(other->end, (size_t)(k.sent - e->sent));
	}
	L.progress += (size_t)(k.received - e->received) + (size_t)(k.sent - e->sent);
	e->received = k.received;
	e->sent = k.sent;
	if (k.unread > 0 && e->kept == 0 && !e->offered)
		e->kept_ns = e->looked_ns;
	if (!e->offered && (e->o.framing || e->drops))
		e->kept = k.unread;
	e->looked_ns = law_now();
}

/* How far the other side has read what we sent. */
static size_t peer_read_so_far(const struct end *e)
{
	const struct side *other = other_side(e);

	return other->kind == SIDE_PLAIN ? out_of(e)->read
	       : other->kind == SIDE_END ? (size_t)other->end->received
					 : 0;
}

static bool is_pending(const struct end *e)
{
	const struct side *other = other_side(e);

	return out_of(e)->n > peer_read_so_far(e) || e->kept > 0 || other->shut_read ||
	       other->kind == SIDE_GONE;
}

static void closed_silently(struct end *e)
{
	const struct postern_reason *why = CALL_PTR(conn_why, postern_conn_why(e->c));

	law_say("c%d is found closed: %s", e->id, law_reason_name(why->code));
	e->told_closed++;
	e->code = why->code;
	oracle_closed(e, why);
	side_gone(e->link, e->at);
}

void oracle_look_at(struct end *e)
{
	int state;

	if (!e->used || !e->c || e->freed || e->detached || e->told_closed)
		return;
	state = (int)CALL(conn_state, postern_conn_state(e->c));
	if (state == POSTERN_STATE_CLOSED) {
		if (e->events == EVENTS_NONE)
			closed_silently(e);
		return;
	}
	if (e->dialled && !e->connected && state >= POSTERN_STATE_CONNECTED)
		e->connected = true;
	if (e->dialled && e->connected && e->link->n_address == 0)
		link_bind(e);
	if (state != POSTERN_STATE_CLOSING)
		e->open_ns = law_now();
	else if (e->closing_ns == 0)
		e->closing_ns = e->open_ns;
	look_at_counters(e);
}

void oracle_look(void)
{
	for (unsigned i = 0; i < L.n_ends; i++)
		oracle_look_at(&L.ends[i]);
	for (unsigned i = 0; i < L.n_ends; i++) {
		struct end *e = &L.ends[i];

		if (e->used && e->c && !e->told_closed && !e->detached && !is_pending(e))
			e->calm_ns = law_now();
	}
}

int oracle_inert(struct end *e)
{
	if (e->events == EVENTS_NONE)
		oracle_look_at(e);
	return e->told_closed || e->detached || L.loops[e->loop].freed ? -ESTALE : 0;
}

/* ---- which end is true ---- */

static bool peer_gone(const struct end *e)
{
	struct side *other = other_side(e);

	if (other->kind == SIDE_END)
		oracle_look_at(other->end);
	return other->kind == SIDE_GONE || other->kind == SIDE_WAITS;
}

static bool peer_ended(const struct end *e)
{
	const struct side *other = other_side(e);

	if (peer_gone(e) || other->shut_write)
		return true;
	return other->kind == SIDE_END && (other->end->shut || other->end->closing ||
					   other->end->aborting || other->end->closing_ns > 0);
}

/* may_have_half: a message that is not whole was for nobody. All that the peer's calls gave to the kernel has been read; NULL, or what is wrong. */
static const char *not_complete(const struct end *e, bool may_have_half)
{
	static char text[128];
	const struct side *other = other_side(e);
	const struct stream *in = in_of(e);
	size_t least = in->cut ? in->cut_at : in->n, kept = e->kept, n, used;

	if (other->kind == SIDE_END)
		least = (size_t)other->end->sent;
	if (other->kind == SIDE_WAITS)
		least = 0;
	/* Of messages it is known what was taken. */
	if (e->drops)
		kept = 0;
	else if (e->o.framing)
		kept = may_have_half && stream_parse(in, (int)e->o.framing, e->o.frame_max, &n,
						     &used) != 1
			       ? 0
			       : (size_t)e->received - in->read;
	if (e->received >= least && kept == 0)
		return NULL;
	snprintf(text, sizeof(text), "%zu bytes came, %zu were sent, %zu are kept",
		 (size_t)e->received, least, kept);
	return text;
}

static const char *idle_is_false(const struct end *e)
{
	static char text[128];
	int64_t now = law_now(), idle = e->o.idle_ns;
	bool gone = peer_gone(e) || other_side(e)->shut_read;
	bool ours = out_of(e)->n > peer_read_so_far(e), declined = e->kept > 0 && !e->paused;

	if (idle == POSTERN_FOREVER)
		return "there is no such limit";
	if (!ours && !gone && !declined)
		return "nothing was pending";
	if (now - e->calm_ns < idle) {
		snprintf(text, sizeof(text), "nothing was pending %lld ms ago, the limit is %lld",
			 (long long)(now - e->calm_ns) / 1000000, (long long)idle / 1000000);
		return text;
	}
	/* With a framing it is the peer that must go on. */
	if (declined && now - (e->o.framing ? e->received_ns : e->kept_ns) >= idle)
		return NULL;
	if (moved_within(e, idle) >= MOVES_ENOUGH) {
		snprintf(text, sizeof(text), "its peer moved %zu bytes meanwhile",
			 moved_within(e, idle));
		return text;
	}
	if (!gone && !e->refused && now - e->received_ns < idle) {
		snprintf(text, sizeof(text), "its peer sent something %lld ms ago",
			 (long long)(now - e->received_ns) / 1000000);
		return text;
	}
	return NULL;
}

static bool timeout_is_true(const struct end *e)
{
	const struct server_model *m = e->server >= 0 ? &L.servers[e->server] : NULL;
	int64_t now = law_now();

	if (e->dialled && !e->connected)
		return now >= e->deadline_ns;
	if (m && m->draining && now >= m->drain_ns)
		return true;
	if (e->o.framing && e->kept > 0 && now - e->kept_ns >= e->o.message_ns)
		return true;
	return e->closing_ns > 0 && e->o.drain_ns != POSTERN_FOREVER &&
	       now >= e->closing_ns + e->o.drain_ns;
}

static bool violation_is_true(const struct end *e)
{
	size_t n, used;
	int r;

	if (!e->o.framing)
		return false;
	if (e->drops)
		return true;
	r = stream_parse(in_of(e), (int)e->o.framing, e->o.frame_max, &n, &used);
	return r < 0 || (r == 0 && peer_ended(e) && in_of(e)->n > in_of(e)->read) || in_of(e)->cut;
}

/* The message that has begun is larger than all that its user may have. */
static bool no_room_is_true(const struct end *e)
{
	size_t n = 0, used = 0;
	int r;

	if (e->server < 0 || !e->o.framing)
		return false;
	if (e->drops)
		return true;
	r = stream_parse(in_of(e), (int)e->o.framing, e->o.frame_max, &n, &used);
	if (r != 1 && used == 0)
		used = in_of(e)->n - in_of(e)->read;
	return used > L.servers[e->server].budget;
}

/* NULL, or what speaks against it. */
static const char *is_false(const struct end *e, int code)
{
	static char text[160];
	const struct server_model *m = e->server >= 0 ? &L.servers[e->server] : NULL;

	switch (code) {
	case POSTERN_REASON_ENDED:
		return peer_ended(e) ? not_complete(e, false) : "its peer has not ended";
	case POSTERN_REASON_CLOSED:
		if (!e->closing && !(m && m->draining))
			return "nobody closed it";
		return e->sent == out_of(e)->n ? NULL : "not all was sent";
	case POSTERN_REASON_ABORTED:
		return e->aborting ? NULL : "nobody aborted it";
	case POSTERN_REASON_CANCELLED:
		return L.loops[e->loop].freeing || (m && m->freeing) ? NULL : "nothing was freed";
	case POSTERN_REASON_TIMEOUT:
		return timeout_is_true(e) ? NULL : "no deadline has passed";
	case POSTERN_REASON_NO_SERVER:
		return e->dialled && !e->connected && e->attempts > 0 ? NULL : "attempts were left";
	case POSTERN_REASON_IDLE:
		return idle_is_false(e);
	case POSTERN_REASON_RESET:
		if (!peer_gone(e) && !other_side(e)->shut_read)
			return "its peer is there and reads";
		return e->paused || e->closing || e->closing_ns > 0 || e->told_closing ||
				       (m && m->draining) || e->kept > 0
			       ? NULL
			       : not_complete(e, true);
	case POSTERN_REASON_VIOLATION:
		if (violation_is_true(e))
			return NULL;
		snprintf(
			text, sizeof(text),
			"framing %u of at most %u, %zu of %zu bytes read, the peer's framing is %d",
			e->o.framing, e->o.frame_max, in_of(e)->read, in_of(e)->n,
			in_of(e)->framing);
		return text;
	case POSTERN_REASON_NO_RESOURCES:
		if (no_room_is_true(e))
			return NULL;
		snprintf(text, sizeof(text), "framing %u, %zu bytes not taken, budget %zu",
			 e->o.framing, in_of(e)->n - in_of(e)->read, m ? m->budget : 0);
		return text;
	case POSTERN_REASON_NOT_ALLOWED:
		return e->not_trusted ? NULL : "its server may be trusted";
	default:
		return "nothing failed";
	}
}

void oracle_closed(struct end *e, const struct postern_reason *why)
{
	size_t kept = e->kept;
	const char *wrong;

	look_at_counters(e);
	e->kept = kept; /* the counters do not know it any more */
	law_shared->ends[why->code]++;
	wrong = is_false(e, why->code);
	/* What was queued and not sent is gone: none of it may arrive. */
	out_of(e)->n = (size_t)e->sent;
	if (e->aborting && why->code != POSTERN_REASON_ABORTED &&
	    why->code != POSTERN_REASON_CANCELLED)
		wrong = "it was aborted before";
	if (L.faulted &&
	    (why->code == POSTERN_REASON_NO_RESOURCES || why->code == POSTERN_REASON_FAILED ||
	     why->code == POSTERN_REASON_IDLE || why->code == POSTERN_REASON_NOT_ALLOWED))
		wrong = NULL;
	if (wrong) {
		char law[64];

		law_say("c%d: %s%s%skept %zu for %lld ms, calm %lld ms ago, idle %lld, written %zu, read by its peer %zu, received %lld ms ago",
			e->id, e->paused ? "paused, " : "", e->refused ? "refused, " : "",
			e->drops ? "drops, " : "", e->kept,
			(long long)(law_now() - e->kept_ns) / 1000000,
			(long long)(law_now() - e->calm_ns) / 1000000,
			(long long)e->o.idle_ns / 1000000, out_of(e)->n, peer_read_so_far(e),
			(long long)(law_now() - e->received_ns) / 1000000);
		snprintf(law, sizeof(law), "reason %s", law_reason_name(why->code));
		law_broken(law, "%s is closed with %s (%s): %s", end_name(e),
			   law_reason_name(why->code), strerror(-why->error), wrong);
	}
}

void oracle_ended(struct end *e)
{
	const char *wrong;

	look_at_counters(e);
	wrong = peer_ended(e) ? not_complete(e, false) : "its peer has not ended";
	if (wrong && !L.faulted)
		law_broken("ended before its bytes", "%s: %s", end_name(e), wrong);
}

/* ---- what must be at the end ---- */

static bool is_open(struct end *e)
{
	return e->used && e->c && !e->freed && !oracle_inert(e);
}

static bool reads_all(const struct side *s)
{
	return s->kind == SIDE_PLAIN
		       ? !s->shut_read
		       : s->kind == SIDE_END && is_open(s->end) && !s->end->closing &&
				 s->end->closing_ns == 0 && !s->end->aborting && !s->end->drops;
}

/* Room for it may be lent to a message of which the rest has not come: message_ns bounds that. */
static bool waits_behind_a_half(const struct end *e)
{
	for (unsigned i = 0; i < L.n_ends && e->server >= 0; i++) {
		struct end *x = &L.ends[i];

		if (x != e && is_open(x) && x->server == e->server && x->o.framing &&
		    (size_t)x->received > in_of(x)->read)
			return true;
	}
	return false;
}

static void drained_one(struct end *e)
{
	const struct side *other;
	struct stream *out;
	size_t n, used;

	if (!is_open(e) || !e->connected || e->aborting)
		return;
	other = other_side(e);
	out = out_of(e);
	if (!reads_all(other))
		return;
	if (e->owed && !e->closing && !e->shut && !waits_behind_a_half(e))
		law_broken("drained is owed", "%s was refused, and its peer has read all",
			   end_name(e));
	if (other->kind == SIDE_END && other->end->o.framing
		    ? stream_parse(out, (int)other->end->o.framing, other->end->o.frame_max, &n,
				   &used) == 1
		    : out->read < out->n)
		law_broken("standstill",
			   "%s wrote %zu, %zu arrived, %zu are queued, and its peer reads",
			   end_name(e), out->n, out->read,
			   (size_t)CALL(conn_queued, postern_conn_queued(e->c)));
}

void oracle_all_drained(void)
{
	for (unsigned i = 0; i < L.n_ends && !L.faulted; i++)
		drained_one(&L.ends[i]);
	for (int i = 0; i < LAW_SERVERS; i++)
		if (L.servers[i].used)
			oracle_counters(&L.servers[i]);
}

static bool must_have_ended(struct end *e)
{
	if (!is_open(e))
		return false;
	if (e->aborting || !e->connected)
		return true;
	if ((e->closing || e->closing_ns > 0) && e->o.drain_ns != POSTERN_FOREVER)
		return true;
	if (other_side(e)->kind != SIDE_GONE)
		return false;
	return e->o.idle_ns != POSTERN_FOREVER ||
	       (!e->paused && e->appetite == TAKES_ALL && !e->o.framing);
}

void oracle_all_ended(void)
{
	for (unsigned i = 0; i < L.n_ends; i++) {
		struct end *e = &L.ends[i];

		if (must_have_ended(e))
			law_broken(
				"no end",
				"%s, %s%s%s%sidle_ns %lld ms, events %d, framing %u, has no end although its peer went %lld s ago",
				end_name(e), e->paused ? "paused, " : "",
				e->kept > 0 ? "with bytes kept, " : "",
				e->closing ? "closing, " : "", e->refused ? "refused, " : "",
				(long long)e->o.idle_ns / 1000000, e->events, e->o.framing,
				(long long)(law_now() - other_side(e)->gone_ns) / 1000000000);
	}
	for (int i = 0; i < LAW_SERVERS; i++) {
		struct server_model *m = &L.servers[i];

		if (m->used && m->draining && !m->told_closed && !L.loops[m->loop].freed)
			law_broken("no end", "server %d drains for ever", i);
		if (m->used)
			oracle_counters(m);
	}
	for (int i = 0; i < LAW_TIMERS; i++)
		if (L.timers[i].t && L.timers[i].armed && L.timers[i].period_ns == 0 &&
		    !L.loops[L.timers[i].loop].freed)
			law_broken("timer", "timer %d never fired", i);
	for (unsigned i = 0; i < L.n_loops; i++)
		if (!L.loops[i].freed && L.loops[i].called != L.loops[i].posted)
			law_broken("post", "%u of %u were called", L.loops[i].called,
				   L.loops[i].posted);
}

static int64_t limits_of(const struct postern_conn_options *o)
{
	int64_t ns = 0;

	if (o->idle_ns != POSTERN_FOREVER)
		ns += 2 * o->idle_ns;
	if (o->drain_ns != POSTERN_FOREVER)
		ns += 2 * o->drain_ns;
	if (o->framing && o->message_ns != POSTERN_FOREVER)
		ns += 2 * o->message_ns;
	return ns;
}

/* Also of those that will be accepted. */
int64_t oracle_longest_limit(void)
{
	int64_t longest = POSTERN_SECONDS(10), ns;

	for (unsigned i = 0; i < L.n_ends; i++) {
		ns = is_open(&L.ends[i]) ? limits_of(&L.ends[i].o) : 0;
		longest = ns > longest ? ns : longest;
	}
	for (int i = 0; i < LAW_SERVERS; i++) {
		ns = L.servers[i].used ? limits_of(&L.servers[i].o) : 0;
		longest = ns > longest ? ns : longest;
	}
	return longest;
}

void oracle_loop_freed(int loop)
{
	for (unsigned i = 0; i < L.n_ends; i++) {
		struct end *e = &L.ends[i];

		if (!e->used || !e->c || e->loop != loop || e->freed || e->detached)
			continue;
		if (e->told_closed == 0 && e->events != EVENTS_NONE)
			law_broken("loop_free without final event", "%s", end_name(e));
		if (CALL(conn_state, postern_conn_state(e->c)) != POSTERN_STATE_CLOSED)
			law_broken("loop_free without final event", "%s is open", end_name(e));
		if (e->told_closed == 0)
			closed_silently(e);
	}
	for (int i = 0; i < LAW_SERVERS; i++)
		if (L.servers[i].used && L.servers[i].loop == loop && !L.servers[i].freed &&
		    !L.servers[i].told_closed)
			law_broken("loop_free without final event", "server %d", i);
	if (L.loops[loop].called != L.loops[loop].posted && L.depth == 0)
		law_broken("post", "%u of %u were called", L.loops[loop].called,
			   L.loops[loop].posted);
}

void oracle_server_freed(struct server_model *m)
{
	for (unsigned i = 0; i < L.n_ends; i++) {
		struct end *e = &L.ends[i];

		if (!e->used || !e->c || e->server != m->id || e->freed || e->detached)
			continue;
		oracle_look_at(e);
		if (e->told_closed == 0)
			law_broken("server_free without final event", "%s", end_name(e));
	}
}

void oracle_turned(int loop)
{
	for (unsigned i = 0; i < L.n_ends; i++)
		if (L.ends[i].loop == loop) {
			L.ends[i].reserved = false;
			L.ends[i].lent -= L.ends[i].lent > 0;
		}
}

void oracle_counters(struct server_model *m)
{
	struct postern_server_counters k;
	size_t held = 0;
	bool reserved = false;
	unsigned n = 0;

	if (CALL(server_get_counters, postern_server_get_counters(m->s, &k, sizeof(k))) < 0)
		law_broken("counters", "server %d has none", m->id);
	if (L.depth > 0 && !L.settling)
		return;
	for (unsigned i = 0; i < L.n_ends; i++) {
		struct end *e = &L.ends[i];
		struct postern_conn_counters of;

		if (!e->used || !e->c || e->server != m->id || e->told_closed || e->detached)
			continue;
		n++;
		if (CALL(conn_get_counters, postern_conn_get_counters(e->c, &of, sizeof(of))) == 0)
			held += of.unread + (size_t)CALL(conn_queued, postern_conn_queued(e->c));
		reserved = reserved || e->reserved;
	}
	if (k.connections != n && !L.loops[m->loop].freed)
		law_broken("counters", "server %d counts %u connections, there are %u", m->id,
			   k.connections, n);
	/* A reservation holds a chunk, until it is flushed at the latest. */
	if (k.bytes < held || (held == 0 && !reserved && k.bytes > 0))
		law_broken("counters", "server %d counts %" PRIu64 " bytes, %zu are held", m->id,
			   k.bytes, held);
}
