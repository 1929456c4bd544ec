/* SPDX-License-Identifier: Apache-2.0 */
/* act-conn.c - what a program does with its connections */
#include "law.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../fault/fault.h"

/* ---- making them ---- */

static uint32_t some_size(uint32_t small, uint32_t large)
{
	switch (law_below(4)) {
	case 0:
		return 0;
	case 1:
		return 1 + law_below(small);
	default:
		return 1 + law_below(large);
	}
}

static int64_t some_time(void)
{
	static const int64_t times[] = { 0,
					 POSTERN_MS(10),
					 POSTERN_MS(100),
					 POSTERN_SECONDS(1),
					 POSTERN_SECONDS(10),
					 POSTERN_FOREVER };

	return times[law_below(law_chance(10) ? 6 : 5)];
}

void act_random_options(struct postern_conn_options *o, int framing)
{
	*o = (struct postern_conn_options){ .size = sizeof(*o), .framing = (uint32_t)framing };
	o->high_water = some_size(100, 300000);
	o->low_water = law_chance(30) && o->high_water ? law_below((uint32_t)o->high_water + 1) : 0;
	o->unread = some_size(100, 100000);
	o->frame_max = law_chance(70) ? 0 : some_size(100, 200000);
	o->idle_ns = some_time();
	o->drain_ns = some_time();
	o->message_ns = some_time();
}

/* The defaults that the manual gives. */
void act_resolve_options(struct postern_conn_options *o)
{
	o->high_water = o->high_water ? o->high_water : 8 << 20;
	o->low_water = o->low_water ? o->low_water : (uint32_t)(o->high_water / 4);
	o->unread = o->unread ? o->unread : 256 << 10;
	o->frame_max = o->frame_max ? o->frame_max : 4 << 20;
	o->idle_ns = o->idle_ns ? o->idle_ns : POSTERN_SECONDS(30);
	o->drain_ns = o->drain_ns ? o->drain_ns : POSTERN_SECONDS(5);
	o->message_ns = o->message_ns ? o->message_ns : POSTERN_SECONDS(60);
}

static struct end *end_new(unsigned slot, int loop, const struct postern_conn_options *o)
{
	struct end *e = &L.ends[slot];
	*e = (struct end){ .id = (int)slot, .loop = loop, .server = -1, .mine = true, .o = *o };
	act_resolve_options(&e->o);
	e->events = (int)law_below(law_chance(15) ? EVENTS_N : EVENTS_NONE);
	e->drops = e->events == EVENTS_NO_RECEIVED || e->events == EVENTS_NONE;
	e->appetite = law_chance(60) ? TAKES_ALL : (int)law_below(3);
	e->calm_ns = e->acted_ns = e->received_ns = law_now();
	return e;
}

static int some_framing(void)
{
	return law_chance(60) ? 0 : 1 + (int)law_below(4);
}

static void adopt(struct end *e, struct link *l, int at, int fd,
		  const struct postern_conn_options *o)
{
	intmax_t r = CALL(conn_adopt, postern_conn_adopt(&e->c, L.loops[e->loop].loop, fd, o,
							 law_events(e->events), &e->tags[0]));

	law_say("c%d adopts side %d of link %d: %jd", e->id, at, (int)(l - L.links), r);
	if (r < 0) {
		if (!(r == -ESTALE && L.loops[e->loop].freed) && !L.faulted)
			law_broken("adopt", "%s: %jd", end_name(e), r);
		l->side[at] = (struct side){ .kind = SIDE_PLAIN, .fd = fd };
		return;
	}
	e->used = e->connected = true;
	e->link = l;
	e->at = at;
	l->side[at] = (struct side){ .kind = SIDE_END, .end = e, .fd = -1 };
}

/* Another connection of ours or a plain socket has the other end. */
void act_born(unsigned slot)
{
	int framing = some_framing(), other = law_chance(80) ? framing : some_framing(), sv[2];
	struct postern_conn_options o[2];
	struct link *l = link_new(slot, other, framing);
	unsigned second = law_below(L.n_slots);
	int loops[2] = { some_loop(), some_loop() };
	struct end *e;

	if (!l || loops[0] < 0)
		return;
	l->used = true;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		law_broken("harness", "no socketpair: %d", errno);
	for (int i = 0; i < 2; i++) {
		int size = (int)law_below(20000);

		if (law_chance(20))
			(void)!setsockopt(sv[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		act_random_options(&o[i], i == 0 ? framing : other);
	}
	l->side[0] = (struct side){ .kind = SIDE_PLAIN, .fd = sv[0], .slow = law_chance(30) };
	l->side[1] = (struct side){ .kind = SIDE_PLAIN, .fd = sv[1], .slow = law_chance(30) };
	e = end_new(slot, loops[0], &o[0]);
	adopt(e, l, 0, sv[0], &o[0]);
	if (second != slot && loops[1] >= 0 && !L.ends[second].used && !L.ends[second].busy &&
	    law_chance(40)) {
		e = end_new(second, loops[1], &o[1]);
		adopt(e, l, 1, sv[1], &o[1]);
	}
}

void act_dial(unsigned slot)
{
	struct server_model *m = &L.servers[law_below(L.n_servers)];
	struct postern_conn_options o;
	struct postern_connect_options c = { .size = sizeof(c), .conn = &o };
	static const uid_t nobody = 64000;
	int framing = some_framing(), loop = some_loop();
	struct link *l =
		loop < 0 ? NULL : link_new(LINKS_DIALLED + slot, (int)m->o.framing, framing);
	struct end *e;
	intmax_t r;
	char name[16];

	if (!l)
		return;
	act_random_options(&o, framing);
	c.attempts = law_chance(30) ? 1 + law_below(4) : 0;
	c.deadline_ns = law_chance(50) ? 1 + law_below(2000) * POSTERN_MS(1) : 0;
	if (law_chance(5)) {
		c.server_uids = &nobody;
		c.n_server_uids = 1;
	}
	e = end_new(slot, loop, &o);
	e->dialled = true;
	e->dial_ns = law_now();
	e->deadline_ns = e->dial_ns + (c.deadline_ns ? c.deadline_ns : POSTERN_SECONDS(5));
	e->attempts = c.attempts;
	e->not_trusted = c.n_server_uids > 0;
	snprintf(name, sizeof(name), "law%d", m->id);
	r = CALL(connect, postern_connect(&e->c, L.loops[e->loop].loop, name, &c,
					  law_events(e->events), &e->tags[0]));
	law_say("c%d connects to %s: %jd", e->id, name, r);
	if (r < 0) {
		if (!(r == -ESTALE && L.loops[e->loop].freed) && !L.faulted)
			law_broken("connect", "%s: %jd", end_name(e), r);
		l->used = false;
		return;
	}
	e->used = true;
	e->link = l;
	l->side[0] = (struct side){ .kind = SIDE_END, .end = e, .fd = -1 };
}

/* ---- writing ---- */

static size_t write_size(void)
{
	switch (law_below(8)) {
	case 0:
		return law_below(300000);
	case 1:
		return law_below(20);
	default:
		return law_below(5000);
	}
}

/* What a write must say when it cannot take anything. */
static int write_inert(struct end *e)
{
	int r = oracle_inert(e);

	if (r == 0 && (e->closing || e->aborting || e->shut))
		r = -EPIPE;
	return r;
}

static void refused(struct end *e)
{
	e->refused = true;
	e->owed = e->events == EVENTS_ALL || e->events == EVENTS_NO_ENDED ||
		  e->events == EVENTS_NO_RECEIVED;
}

static void wrote(struct end *e, const char *what, size_t n, intmax_t r)
{
	int want = write_inert(e);

	law_say("c%d.%s %zu: %jd", e->id, what, n, r);
	e->acted_ns = law_now();
	if (n > 0 && want && r != want)
		law_broken("write", "%s.%s says %jd in place of %d", end_name(e), what, r, want);
	if (r > (intmax_t)n ||
	    (r < 0 && r != -EAGAIN && r != -EPIPE && r != -ESTALE && r != -EMSGSIZE && !L.faulted))
		law_broken("write", "%s.%s %zu says %jd", end_name(e), what, n, r);
	if (r == -EAGAIN || (r >= 0 && r < (intmax_t)n))
		refused(e);
	if (r > 0)
		L.progress += (size_t)r;
}

/* Did it write, or was it refused? Of nothing that is nothing. */
static bool act_write(struct end *e)
{
	struct stream *out = &e->link->stream[e->at];
	size_t have, n = write_size(), room = (size_t)CALL(conn_room, postern_conn_room(e->c));
	const char *bytes = stream_offer(out, n, &have);
	intmax_t r;

	n = have < n ? have : n;
	r = CALL(conn_write, postern_conn_write(e->c, bytes, n));
	wrote(e, "write", n, r);
	if (r >= 0 && !L.faulted && (size_t)r != (n < room ? n : room))
		law_broken("room", "%s has room for %zu, and takes %jd of %zu", end_name(e), room,
			   r, n);
	if (r > 0)
		stream_took(out, bytes, (size_t)r);
	return n > 0;
}

static void act_writev(struct end *e)
{
	struct stream *out = &e->link->stream[e->at];
	size_t n = write_size(), have, a;
	const char *bytes = stream_offer(out, n, &have);
	struct iovec iov[3];
	intmax_t r;

	n = have < n ? have : n;
	a = n > 0 ? law_below((uint32_t)n) : 0;
	iov[0] = (struct iovec){ (void *)bytes, a };
	iov[1] = (struct iovec){ NULL, 0 };
	iov[2] = (struct iovec){ (void *)(bytes + a), n - a };
	r = CALL(conn_writev, postern_conn_writev(e->c, iov, 3));
	wrote(e, "writev", n, r);
	if (r > 0)
		stream_took(out, bytes, (size_t)r);
}

static void act_write_frame(struct end *e)
{
	struct stream *out = &e->link->stream[e->at];
	size_t n = write_size();
	intmax_t r;
	int broken;

	if (!out->framing || !stream_payload(out, law_scratch, n))
		return;
	r = CALL(conn_write_frame, postern_conn_write_frame(e->c, out->framing, law_scratch, n));
	broken = write_inert(e);
	law_say("c%d.write_frame %zu: %jd", e->id, n, r);
	e->acted_ns = law_now();
	if (broken && r != broken)
		law_broken("write", "%s.write_frame says %jd in place of %d", end_name(e), r,
			   broken);
	if (r >= 0 && r != (intmax_t)n)
		law_broken("write", "%s.write_frame %zu says %jd", end_name(e), n, r);
	if (r == -EAGAIN)
		refused(e);
	if (r >= 0)
		stream_took_frame(out, law_scratch, n);
}

/* What a reservation is after something else was done to its connection. */
enum between { INTACT, OVER, REPLACED };

static enum between act_between(struct end *e)
{
	intmax_t r;
	void *at;

	switch (law_below(8)) {
	case 0:
		return act_write(e) ? OVER : INTACT;
	case 1:
		CALL(conn_flush, postern_conn_flush(e->c));
		return OVER;
	case 2:
		r = CALL(conn_reserve,
			 postern_conn_reserve(e->c, 0, 1 + law_below(POSTERN_RESERVE_MAX), &at));
		if (r == -EAGAIN)
			refused(e);
		return r == -EMSGSIZE ? INTACT : r < 0 ? OVER : REPLACED;
	case 3:
		CALL(conn_room, postern_conn_room(e->c));
		CALL(conn_queued, postern_conn_queued(e->c));
		return INTACT;
	default:
		return INTACT;
	}
}

static void act_commit(struct end *e, const char *bytes, size_t n)
{
	struct stream *out = &e->link->stream[e->at];
	enum between between = act_between(e);
	intmax_t r;

	if (between == REPLACED)
		return;
	r = CALL(conn_commit, postern_conn_commit(e->c, n));
	law_say("c%d.commit %zu: %jd", e->id, n, r);
	if (between == INTACT ? r != 0 : r != -ECANCELED && r != -EPIPE && r != -ESTALE)
		law_broken("commit", "%s.commit %zu says %jd", end_name(e), n, r);
	if (r != 0)
		return;
	L.progress += n;
	if (out->framing)
		stream_took_frame(out, bytes, n);
	else if (n > 0)
		stream_took(out, bytes, n);
}

/* What was reserved in a callback of the tasks is sent in the next turn. */
enum { TURNS_LENT = 2 };

static void act_commit_late(struct end *e)
{
	intmax_t r;

	if (e->lent > 0 || !e->connected || L.faulted)
		return;
	r = CALL(conn_commit, postern_conn_commit(e->c, law_below(100)));
	law_say("c%d.commit too late: %jd", e->id, r);
	if (r != -ECANCELED && r != -EPIPE && r != -ESTALE)
		law_broken("commit", "%s.commit says %jd turns after the reservation", end_name(e),
			   r);
}

/* Builds bytes, or a frame, in the queue. Some are never committed, and some are no longer reserved by then. */
static void act_reserve(struct end *e)
{
	static char bytes[9000];
	struct stream *out = &e->link->stream[e->at];
	size_t n = 1 + law_below(sizeof bytes), have = n;
	int broken = write_inert(e);
	void *at = NULL;
	intmax_t r;

	if (law_chance(20))
		act_commit_late(e);
	if (out->framing && !stream_payload(out, bytes, n))
		return;
	if (!out->framing)
		memcpy(bytes, stream_offer(out, n, &have), n);
	r = CALL(conn_reserve, postern_conn_reserve(e->c, out->framing, n, &at));
	law_say("c%d.reserve %zu: %jd", e->id, n, r);
	e->acted_ns = law_now();
	if (broken ? r != broken : r < (intmax_t)n && r != -EAGAIN && r != -EPIPE && r != -EMSGSIZE)
		law_broken("reserve", "%s.reserve %zu says %jd", end_name(e), n, r);
	if (n > POSTERN_RESERVE_MAX && (r >= 0 || r == -EAGAIN))
		law_broken("reserve", "%s.reserve of too much says %jd", end_name(e), r);
	if (r == -EAGAIN)
		refused(e);
	if (r < 0)
		return;
	e->reserved = true;
	e->lent = TURNS_LENT;
	if (law_chance(15))
		return;
	memcpy(at, bytes, n);
	act_commit(e, bytes, law_chance(20) ? law_below((uint32_t)n + 1) : n);
}

/* ---- ending ---- */

void act_conn_free(struct end *e)
{
	if (!e->used || !e->c || e->freed)
		return;
	law_say("c%d.free", e->id);
	oracle_look_at(e);
	if (!e->told_closed && !e->detached) {
		struct stream *out = &e->link->stream[e->at];

		out->cut = true;
		out->cut_at = (size_t)e->sent;
		/* What was queued when it was aborted stays there. */
		if (e->aborting)
			out->n = (size_t)e->sent;
	}
	e->freed = true;
	CALL_PTR(conn_free, postern_conn_free(e->c));
	if (!e->told_closed && !e->detached)
		side_gone(e->link, e->at);
	e->c = NULL;
	e->used = false;
}

/* The socket goes on as a plain peer: what was lost on the way out is missed there. */
static void act_detach(struct end *e)
{
	size_t queued = (size_t)CALL(conn_queued, postern_conn_queued(e->c));
	intmax_t fd;
	int r = oracle_inert(e);

	oracle_look_at(e);
	fd = CALL(conn_detach, postern_conn_detach(e->c));
	law_say("c%d.detach: %s", e->id, fd >= 0 ? "a socket" : strerror((int)-fd));
	if (r && fd != r)
		law_broken("detach", "%s says %jd in place of %d", end_name(e), fd, r);
	if (fd == -EBUSY && queued == 0 && e->kept == 0 && !e->drops && !e->o.framing)
		law_broken("detach", "%s is busy, and nothing is queued or kept", end_name(e));
	if (fd < 0)
		return;
	if (queued > 0 || (e->kept > 0 && !e->offered && !e->drops))
		law_broken("detach loses bytes", "%s: %zu queued, %zu kept", end_name(e), queued,
			   e->kept);
	if (e->drops && !e->offered)
		e->link->stream[!e->at].read = (size_t)e->received;
	e->detached = true;
	if (fault_is_watched((int)fd))
		law_broken("descriptors", "%s was detached and is in epoll still", end_name(e));
	e->link->side[e->at] = (struct side){
		.kind = SIDE_PLAIN, .fd = (int)fd, .shut_write = e->shut, .slow = law_chance(30)
	};
	if (!e->mine) {
		e->c = NULL;
		e->used = false;
	}
}

/* ---- the rest ---- */

static void act_set_events(struct end *e)
{
	oracle_look_at(e);
	e->tag = !e->tag;
	if (law_chance(50)) {
		law_say("c%d.set_data", e->id);
		(void)CALL(conn_set_data, postern_conn_set_data(e->c, &e->tags[e->tag]));
		return;
	}
	e->owed = false;
	e->events = (int)law_below(e->mine ? EVENTS_N : EVENTS_NONE);
	e->drops |= e->events == EVENTS_NO_RECEIVED || e->events == EVENTS_NONE;
	law_say("c%d.set_events %d", e->id, e->events);
	(void)CALL(conn_set_events,
		   postern_conn_set_events(e->c, law_events(e->events), &e->tags[e->tag]));
}

static void act_look(struct end *e)
{
	struct postern_conn_counters k;
	struct postern_peer peer;
	char label[64];
	intmax_t fd;

	(void)CALL(conn_state, postern_conn_state(e->c));
	if (CALL_PTR(conn_data, postern_conn_data(e->c)) != &e->tags[e->tag])
		law_broken("data", "%s has another's", end_name(e));
	if (!CALL_PTR(conn_why, postern_conn_why(e->c)))
		law_broken("why", "%s has none", end_name(e));
	(void)CALL_PTR(conn_server, postern_conn_server(e->c));
	(void)CALL(conn_peer, postern_conn_peer(e->c, &peer, sizeof(peer)));
	(void)CALL(conn_peer_label, postern_conn_peer_label(e->c, label, sizeof(label)));
	(void)CALL(conn_get_counters, postern_conn_get_counters(e->c, &k, sizeof(k)));
	fd = CALL(conn_peer_pidfd, postern_conn_peer_pidfd(e->c));
	if (fd >= 0)
		close((int)fd);
}

/* A call that returns an int: 0, or what it must say of one that is not open. */
static bool simple(struct end *e, const char *what, intmax_t r)
{
	int want = oracle_inert(e);

	law_say("c%d.%s: %jd", e->id, what, r);
	e->acted_ns = law_now();
	if (r != want && !e->aborting && !(L.faulted && r < 0))
		law_broken("return value", "%s.%s says %jd in place of %d", end_name(e), what, r,
			   want);
	return r == 0;
}

static void act_keep(struct end *e)
{
	law_say("c%d.keep", e->id);
	CALL_PTR(conn_keep, postern_conn_keep(e->c));
	e->mine = true;
}

static void act_close(struct end *e)
{
	oracle_look_at(e);
	if (!simple(e, "close", CALL(conn_close, postern_conn_close(e->c))))
		return;
	if (e->closing_ns == 0)
		e->closing_ns = law_now();
	/* Before it stands, this is the same as abort(). */
	if (e->connected)
		e->closing = true;
	else
		e->aborting = true;
}

static void act_some(struct end *e, unsigned what)
{
	intmax_t r;

	if (what < 6) {
		if (simple(e, "pause", CALL(conn_pause, postern_conn_pause(e->c))))
			e->paused = true;
	} else if (what < 16) {
		if (simple(e, "resume", CALL(conn_resume, postern_conn_resume(e->c))))
			e->paused = false;
	} else if (what < 20) {
		r = CALL(conn_flush, postern_conn_flush(e->c));
		law_say("c%d.flush: %jd", e->id, r);
		if (!e->aborting && (oracle_inert(e) ? r != oracle_inert(e) : r < 0))
			law_broken("return value", "%s.flush says %jd", end_name(e), r);
	} else if (what < 22) {
		if (simple(e, "shutdown", CALL(conn_shutdown, postern_conn_shutdown(e->c))))
			e->shut = true;
	} else if (what < 24) {
		act_close(e);
	} else if (what < 26) {
		if (simple(e, "abort", CALL(conn_abort, postern_conn_abort(e->c))))
			e->aborting = true;
	} else if (what < 28) {
		act_conn_free(e);
	} else if (what < 30) {
		act_detach(e);
	} else if (what < 33) {
		act_set_events(e);
	} else if (what < 35) {
		act_keep(e);
	} else if (what < 37) {
		act_look(e);
	} else {
		e->appetite = (int)law_below(3);
		law_say("c%d takes %d", e->id, e->appetite);
	}
}

void act_conn(struct end *e)
{
	unsigned what = law_below(84);

	if (!e->c)
		return;
	if (what < 20)
		act_write(e);
	else if (what < 26)
		act_writev(e);
	else if (what < 35)
		act_write_frame(e);
	else if (what < 44)
		act_reserve(e);
	else
		act_some(e, what - 44);
}
