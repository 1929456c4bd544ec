/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dial.c - one bounded connect
 *
 *   attempt -> connected
 *           -> final failure: one that waiting cannot fix
 *           -> WAITING for a jittered while -> attempt ...            all of it until the deadline
 *
 * A connect to a local socket never waits in the kernel: it succeeds or fails at once (EAGAIN when the
 * backlog is full; polling such a socket would report POLLHUP at once and forever). So a retry is
 * simply a new attempt.
 *
 * Retried: no such name yet, refused (stale, or between bind and listen), backlog full. EACCES once more
 * after 100 ms at least, because a server that is just starting may not have set its mode; then it is
 * final, as is everything else.
 *
 * Backoff: full jitter, a random wait between zero and a cap that doubles ("Exponential Backoff And
 * Jitter", Brooker 2015): many clients of one dead server do not retry in step. The last attempt is
 * made at the deadline itself: a server that started during the last wait is still found.
 */
#include <errno.h>
#include <string.h>

#include "base/words.h"
#include "base/base.h"
#include "conn/conn.h"
#include "link/socket.h"
#include "name/name.h"

enum { DIAL_UIDS = 4096 };
#define DIAL_DEADLINE     POSTERN_SECONDS(5)
#define DIAL_BACKOFF      POSTERN_MS(10)
#define DIAL_BACKOFF_MAX  POSTERN_SECONDS(1)
#define DIAL_ACCESS_AGAIN POSTERN_MS(100)

enum { DIAL_UNKNOWN_MAX = 65535 }; /* the kernel allows no higher overflowuid */

struct dial {
	struct name name;
	int64_t begun_ns;
	int64_t deadline_ns; /* absolute */
	int64_t cap_ns;      /* of the next wait */
	int64_t cap_max_ns;
	int64_t denied_ns;     /* when the first EACCES came; 0: none yet */
	uint32_t attempts_max; /* 0: until the deadline */
	uint32_t n_server_uids;
	uid_t *server_uids;
	struct why why;
};

const struct postern_reason *dial_why(const struct dial *d)
{
	return &d->why.reason;
}

void dial_free(struct dial *d)
{
	if (!d)
		return;
	name_deinit(&d->name);
	sys_free(d->server_uids);
	sys_free(d);
}

int dial_options_check(const struct postern_connect_options *o)
{
	static const char what[] = "postern_connect_options";

	if (o->deadline_ns < 0)
		return why_field(what, "deadline_ns", "is negative");
	if (o->backoff_ns < 0)
		return why_field(what, "backoff_ns", "is negative");
	if (o->backoff_max_ns < 0)
		return why_field(what, "backoff_max_ns", "is negative");
	if (o->n_server_uids > DIAL_UIDS)
		return why_field(what, "n_server_uids", "is above 4,096");
	if (o->n_server_uids > 0 && !o->server_uids)
		return why_field(what, "server_uids", "is NULL, although n_server_uids is not 0");
	if (o->server_uids && o->n_server_uids == 0)
		return why_field(what, "n_server_uids", "is 0, although server_uids is set");
	if (o->reserved)
		return why_field(what, "reserved", "is not 0");
	return 0;
}

static int dial_set_options(struct dial *d, const struct postern_connect_options *o)
{
	int r = dial_options_check(o);

	if (r < 0)
		return r;
	d->begun_ns = sys_now();
	d->deadline_ns = time_after(d->begun_ns, o->deadline_ns ? o->deadline_ns : DIAL_DEADLINE);
	d->cap_ns = o->backoff_ns ? o->backoff_ns : DIAL_BACKOFF;
	d->cap_max_ns = o->backoff_max_ns ? o->backoff_max_ns : DIAL_BACKOFF_MAX;
	d->attempts_max = o->attempts;
	if (o->n_server_uids > 0) {
		d->server_uids = sys_alloc(o->n_server_uids * sizeof(uid_t));
		if (!d->server_uids)
			return why_call("postern_connect", -ENOMEM);
		memcpy(d->server_uids, o->server_uids, o->n_server_uids * sizeof(uid_t));
		d->n_server_uids = (uint32_t)o->n_server_uids;
	}
	return 0;
}

/* ---- the result of an attempt ---- */

/* Read once per loop, and only when a uid that may be this one is compared. */
static bool dial_is_unknown(struct postern_loop *loop, uid_t uid)
{
	struct loop_slot *slot = &loop->slots[LOOP_SLOT_UNKNOWN];
	struct ids *unknown = slot->data, now;

	if (uid > DIAL_UNKNOWN_MAX)
		return false;
	if (!unknown) {
		ids_read_unknown(&now);
		unknown = sys_alloc(sizeof(*unknown));
		if (!unknown)
			return now.uid == uid;
		*unknown = now;
		*slot = (struct loop_slot){ unknown, sys_free };
	}
	return unknown->uid == uid;
}

/* The kernel records a server's uid at listen(). The owner of the directory could put any socket there, so
   trusting that uid costs nothing. */
static bool dial_server_trusted(const struct dial *d, const struct postern_peer *server)
{
	uid_t uid;

	for (uint32_t i = 0; i < d->n_server_uids; i++)
		if (d->server_uids[i] == server->uid)
			return true;
	if (d->n_server_uids > 0)
		return false;
	if (server->uid == sys_geteuid() || server->uid == 0)
		return true;
	return name_directory_uid(&d->name, &uid) == 0 && uid == server->uid;
}

static bool dial_is_retryable(struct dial *d, int error, int64_t now)
{
	switch (error) {
	case -ENOENT:
	case -ECONNREFUSED:
	case -EAGAIN:
	case -EINTR:
		return true;
	case -EACCES:
		if (d->denied_ns == 0)
			d->denied_ns = now;
		return now - d->denied_ns < DIAL_ACCESS_AGAIN;
	default:
		return false;
	}
}

static const char *dial_hint(int error)
{
	switch (error) {
	case -ENOENT:
		return "; is the server running?";
	case -ECONNREFUSED:
		return "; there is a socket, but no server listens on it";
	case -EAGAIN:
		return "; the server does not accept";
	default:
		return "";
	}
}

static void dial_fail(struct postern_conn *c, int code, int error, int64_t now)
{
	struct dial *d = c->dial;
	int64_t ms = (now - d->begun_ns) / 1000000;
	const char *what = code == POSTERN_REASON_TIMEOUT || code == POSTERN_REASON_NO_SERVER
				   ? "no server answered"
				   : "cannot connect";

	why_set(&d->why, code, error, "%s: %s at %s (%u attempt%s in %lld ms): %s%s",
		words_name(d->name.text).text, what, words_name(d->name.path).text, c->attempts,
		c->attempts == 1 ? "" : "s", (long long)ms, why_errno(error), dial_hint(error));
	conn_finish_because(c, &d->why.reason);
}

static void dial_wait(struct postern_conn *c, int error, int64_t now)
{
	struct dial *d = c->dial;
	int64_t wait = 1 + (int64_t)random_below(&c->object.loop->random, (uint64_t)d->cap_ns);

	d->cap_ns = d->cap_ns < d->cap_max_ns / 2 ? 2 * d->cap_ns : d->cap_max_ns;
	if (error == -EACCES && wait < DIAL_ACCESS_AGAIN)
		wait = DIAL_ACCESS_AGAIN;
	if (time_after(now, wait) > d->deadline_ns)
		wait = d->deadline_ns - now;
	why_set(&d->why, why_code(error), error,
		"%s: attempt %u at %s failed: %s; the next one in %.1f ms",
		words_name(d->name.text).text, c->attempts, words_name(d->name.path).text,
		why_errno(error), (double)wait / 1e6);
	c->state = POSTERN_STATE_WAITING;
	object_timer(&c->object, time_after(now, wait));
	conn_tell_state(c);
}

static void dial_failed(struct postern_conn *c, int error)
{
	struct dial *d = c->dial;
	int64_t now = sys_now();

	if (!dial_is_retryable(d, error, now))
		dial_fail(c, why_code(error), error, now);
	else if (now >= d->deadline_ns)
		dial_fail(c, POSTERN_REASON_TIMEOUT, error, now);
	else if (d->attempts_max > 0 && c->attempts >= d->attempts_max)
		dial_fail(c, POSTERN_REASON_NO_SERVER, error, now);
	else
		dial_wait(c, error, now);
}

static void dial_connected(struct postern_conn *c, int fd)
{
	struct dial *d = c->dial;
	struct postern_peer server;
	int r = conn_peer_of(fd, &server);

	if (r == 0 &&
	    (!dial_server_trusted(d, &server) || dial_is_unknown(c->object.loop, server.uid))) {
		sys_close(fd);
		why_set(&d->why, POSTERN_REASON_NOT_ALLOWED, -EPERM,
			"%s: the server at %s runs as uid %u, which %s",
			words_name(d->name.text).text, words_name(d->name.path).text,
			(unsigned)server.uid,
			dial_is_unknown(c->object.loop, server.uid)
				? IDS_UNKNOWN
				", so it is not trusted: connect from where the server's user has a uid"
				: "is not trusted; add it to .server_uids if it should be");
		conn_finish_because(c, &d->why.reason);
		return;
	}
	if (r < 0) {
		sys_close(fd);
		dial_failed(c, r);
		return;
	}
	dial_free(d);
	c->dial = NULL;
	if (!link_set_rights(fd, false))
		c->flags |= CONN_RIGHTS;
	r = conn_open(c, fd, &server);
	if (r < 0) {
		conn_finish(c, why_code(r), r);
		return;
	}
	conn_tell_state(c);
}

void dial_attempt(struct postern_conn *c)
{
	int fd;

	c->state = POSTERN_STATE_CONNECTING;
	c->attempts++;
	conn_tell_state(c);
	if (!conn_is_open(c) || c->flags & CONN_ABORTED)
		return;
	fd = name_connect(&c->dial->name);
	if (fd < 0)
		dial_failed(c, fd);
	else
		dial_connected(c, fd);
}

/* ---- the call ---- */

static int dial_start(struct postern_conn *c, const char *name,
		      const struct postern_connect_options *options)
{
	int r;

	c->dial = sys_alloc(sizeof(*c->dial));
	if (!c->dial)
		return why_call("postern_connect", -ENOMEM);
	c->dial->why.reason.text = "";
	r = dial_set_options(c->dial, options);
	if (r == 0)
		r = name_resolve(&c->dial->name, name, why_last());
	if (r == 0 && c->dial->name.kind == NAME_FD)
		r = why_set(
			why_last(), POSTERN_REASON_FAILED, -EINVAL,
			"%s: fd:N is a server's listening socket; adopt a connected one instead",
			name);
	if (r < 0)
		return r;
	conn_due(c, CONN_DUE_ATTEMPT);
	return 0;
}

int postern_connect(struct postern_conn **ret, struct postern_loop *loop, const char *name,
		    const struct postern_connect_options *options,
		    const struct postern_conn_events *events, void *data)
{
	struct postern_connect_options o;
	struct postern_conn_options conn;
	struct postern_conn *c;
	int r;

	if (!ret || !loop || !name)
		return why_argument("postern_connect", "ret, loop or name is NULL");
	r = loop_check(loop);
	if (r < 0)
		return why_call("postern_connect", r);
	r = conn_events_check(events);
	if (r < 0)
		return r;
	r = struct_import("postern_connect_options", &o, sizeof(o), options);
	if (r == 0)
		r = conn_options_import(&conn, o.conn);
	if (r < 0)
		return r;
	r = conn_begin(&c, loop, &conn, events, data);
	if (r < 0)
		return why_call("postern_connect", r);
	r = dial_start(c, name, &o);
	if (r < 0) {
		postern_conn_free(c);
		return r;
	}
	*ret = c;
	return 0;
}
