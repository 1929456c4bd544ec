/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - servers: owning a name, stopping, draining, ending; the overview is in server.h */
#include "server/server.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "base/base.h"
#include "conn/flight.h"

enum {
	SERVER_BACKLOG = 128,
	SERVER_CONNECTIONS = 4096,
	SERVER_PER_UID = 1024,
	SERVER_DESCRIPTORS = 32,   /* left of RLIMIT_NOFILE for the rest of the program */
	SERVER_FDS_PER_UID = 4096, /* at most, if RLIMIT_NOFILE would allow more */
};
#define SERVER_BYTES_PER_UID ((size_t)64 * 1024 * 1024)
#define SERVER_DRAIN         POSTERN_SECONDS(5)

static const struct object_ops server_ops;

/* ---- making ---- */

static uint32_t server_connections_default(void)
{
	int files = sys_nofile();

	if (files < 0 || files >= SERVER_CONNECTIONS + SERVER_DESCRIPTORS)
		return SERVER_CONNECTIONS;
	return files > 2 * SERVER_DESCRIPTORS ? (uint32_t)(files - SERVER_DESCRIPTORS)
					      : (uint32_t)(files / 2 + 1);
}

/* A quarter of what the process may have open is for descriptors that peers pass and are passed, and half of that for one uid:
   128 of 1,024, which is what dbus-broker gives a user (--max-fds); dbus-daemon has 64 a connection, and 16 in a message as
   we do. So with the default it takes two users to use up the quarter, and none is ever near the kernel's own limit of
   RLIMIT_NOFILE in flight. One message always fits. */
static void server_set_fds(struct postern_server *s, uint32_t per_uid)
{
	struct account_limit *limit = &s->accounts.limits[ACCOUNT_FDS];
	int files = sys_nofile();
	size_t all = (files < 0 ? 8 * (size_t)SERVER_FDS_PER_UID : (size_t)files) / 4,
	       each = all / 2;

	if (each > SERVER_FDS_PER_UID)
		each = SERVER_FDS_PER_UID;
	if (each < FDS_MAX)
		each = FDS_MAX;
	if (per_uid > 0)
		each = per_uid;
	limit->each = each;
	limit->all = all > each ? all : each;
}

/* Where neither limit is the user's, and RLIMIT_NOFILE allows no more than one uid might have, an eighth stays for others. */
static void server_leave_others(struct postern_server *s)
{
	uint32_t most = s->connections_max - s->connections_max / 8;

	if (!s->connections_set && !s->per_uid_set && s->per_uid_max > most)
		s->per_uid_max = most;
}

uint32_t server_leave_fds(struct postern_server *s)
{
	size_t kept = s->accounts.limits[ACCOUNT_FDS].all + SERVER_DESCRIPTORS;
	uint32_t had = s->connections_max;
	int files = sys_nofile();

	if (s->connections_set || files < 0 || s->connections_max + kept <= (size_t)files)
		return 0;
	s->connections_max = (size_t)files > kept ? (uint32_t)((size_t)files - kept) : 1;
	server_leave_others(s);
	return had - s->connections_max;
}

static int server_copy_ids(void *ret, const void *ids, uint32_t n, size_t size)
{
	void *copy = NULL;

	if (n > 4096 || (n > 0 && !ids))
		return -EINVAL;
	if (n > 0) {
		copy = sys_alloc(n * size);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, ids, n * size);
	}
	memcpy(ret, &copy, sizeof(copy));
	return 0;
}

static int server_set_options(struct postern_server *s, const char *mode,
			      const struct postern_server_options *options)
{
	static const char what[] = "postern_server_options";
	struct postern_server_options o;
	struct postern_conn_options conn;
	struct owner_options owner;
	size_t bytes;
	int r;

	r = struct_import(what, &o, sizeof(o), options);
	if (r < 0)
		return r;
	if (o.access & ~0777u)
		return why_field(what, "access",
				 "has bits beyond 0777: it is the mode of the socket");
	if (o.backlog > 65535)
		return why_field(what, "backlog", "is above 65,535");
	if (o.keep_flags > 1)
		return why_field(what, "keep_flags", "is neither 0 nor 1");
	if (o.n_allow_uids > 0 && !o.allow_uids)
		return why_field(what, "allow_uids", "is NULL, although n_allow_uids is not 0");
	if (o.n_allow_gids > 0 && !o.allow_gids)
		return why_field(what, "allow_gids", "is NULL, although n_allow_gids is not 0");
	/* An empty list would admit everybody, which is hardly the intention. */
	if (o.allow_uids && o.n_allow_uids == 0)
		return why_field(what, "n_allow_uids", "is 0, although allow_uids is set");
	if (o.allow_gids && o.n_allow_gids == 0)
		return why_field(what, "n_allow_gids", "is 0, although allow_gids is set");
	r = conn_options_import(&conn, o.conn);
	if (r < 0)
		return r;
	r = conn_limits_get(s->object.loop, &conn, &s->limits);
	if (r == 0)
		r = server_copy_ids(&s->allow_uids, o.allow_uids, o.n_allow_uids, sizeof(uid_t));
	if (r == 0)
		r = server_copy_ids(&s->allow_gids, o.allow_gids, o.n_allow_gids, sizeof(gid_t));
	if (r < 0)
		return why_call("postern_server_new", r);
	s->n_allow_uids = o.n_allow_uids;
	s->n_allow_gids = o.n_allow_gids;
	s->connections_set = o.connections > 0;
	s->connections_max = o.connections ? o.connections : server_connections_default();
	s->per_uid_max = o.connections_per_uid ? o.connections_per_uid : SERVER_PER_UID;
	s->per_uid_set = o.connections_per_uid > 0;
	server_leave_others(s);
	bytes = o.bytes_per_uid ? o.bytes_per_uid : SERVER_BYTES_PER_UID;
	/* Each connection's page is added, and the sum must not overflow. */
	if (bytes > SIZE_MAX / 2)
		bytes = SIZE_MAX / 2;
	s->accounts.limits[ACCOUNT_BYTES].each = bytes;
	s->accounts.reserve = conn.unread < bytes ? conn.unread : bytes;
	server_set_fds(s, o.descriptors_per_uid);
	if (o.group)
		s->group = *o.group;
	owner = (struct owner_options){
		.mode = o.access ? o.access : POSTERN_ACCESS_USER,
		.group = o.group ? &s->group : NULL,
		.backlog = o.backlog ? (int)o.backlog : SERVER_BACKLOG,
		.keep_flags = o.keep_flags,
		.says = mode,
	};
	owner_init(&s->owner, &s->name, &owner);
	return 0;
}

int server_listen(struct postern_server *s)
{
	s->object.fd = s->owner.listener;
	s->counters.listening = 1;
	if (s->owner.warning[0])
		loop_log(s->object.loop, LOG_WARNING, "%s", s->owner.warning);
	if (s->paused || s->counters.connections >= s->connections_max)
		return 0;
	return object_watch(&s->object, EPOLLIN);
}

/* Sleeps as long as the name requires: at most twice 50 ms, or a second for an exiting predecessor. */
static int server_acquire(struct postern_server *s, struct why *why)
{
	for (;;) {
		int64_t delay = 0;
		int r;

		fork_hold();
		r = owner_acquire(&s->owner, &delay, why);
		fork_release();
		/* Without a delay it is a system call's EAGAIN, which is not retried. */
		if (r != -EAGAIN || delay == 0)
			return r;
		sys_sleep(delay);
	}
}

/* In a forked child: its copies must not keep a dead server's name alive. */
static void server_in_child(struct fork_guard *g)
{
	struct postern_server *s = container_of(g, struct postern_server, guard);

	object_give_up(&s->object);
	accept_close_old_held(s);
	owner_deinit(&s->owner, true);
}

static uint32_t server_turn(struct account_owner *owner)
{
	return container_of(owner, struct postern_server, accounts)->object.loop->turn;
}

/* Accepting may resume, and a drain may be over. */
static void server_conn_gone(struct account_owner *owner)
{
	struct postern_server *s = container_of(owner, struct postern_server, accounts);

	s->counters.connections--;
	if (s->freed || loop_check(s->object.loop) < 0)
		return;
	if (s->old_listener >= 0 || (s->state == SERVER_DRAINING && list_is_empty(&s->connections)))
		object_task(&s->object);
	else if (s->object.mask == WATCH_OFF)
		accept_resume(s);
}

static int server_init(struct postern_server *s, const char *name,
		       const struct postern_server_options *options, const char *mode,
		       struct why *why)
{
	int r = server_set_options(s, mode, options);

	if (r < 0)
		return r;
	r = name_resolve(&s->name, name, why);
	if (r < 0)
		return r;
	r = server_acquire(s, why);
	if (r < 0)
		return r;
	r = server_listen(s);
	if (r < 0)
		return why_set(why, why_code(r), r, "%s: cannot listen at %s: %s", name,
			       s->name.path, why_errno(r));
	republish_watch(s);
	server_update_timer(s);
	return 0;
}

int server_new(struct postern_server **ret, struct postern_loop *loop, const char *name,
	       const struct postern_server_options *options, const char *mode,
	       const struct postern_server_events *events, void *data)
{
	struct postern_server *s;
	int r;

	if (!ret || !loop || !name)
		return why_argument("postern_server_new", "ret, loop or name is NULL");
	r = struct_events("postern_server_events", events, SERVER_EVENTS_FIRST, sizeof(*events));
	if (r == 0 && events->conn)
		r = conn_events_check(events->conn);
	if (r < 0)
		return r;
	r = loop_check(loop);
	if (r < 0)
		return why_call("postern_server_new", r);
	s = sys_alloc(sizeof(*s));
	if (!s)
		return why_call("postern_server_new", -ENOMEM);
	r = object_init(&s->object, &server_ops, loop);
	if (r < 0) {
		sys_free(s);
		return why_call("postern_server_new", r);
	}
	s->events = events;
	s->data = data;
	s->state = SERVER_LISTENING;
	s->watch = s->old_listener = -1;
	s->accept_at_ns = s->renew_at_ns = s->look_at_ns = s->drain_at_ns = POSTERN_FOREVER;
	account_owner_init(&s->accounts);
	s->accounts.gone = server_conn_gone;
	s->accounts.wake = conn_wake;
	s->accounts.now = server_turn;
	s->accounts.look = flights_check_again;
	list_init(&s->connections);
	list_init(&s->visiting);
	list_init(&s->watch_node);
	owner_init(&s->owner, &s->name, &(struct owner_options){ 0 });
	fork_guard_add(&s->guard, server_in_child);
	r = server_init(s, name, options, mode, why_last());
	if (r < 0) {
		postern_server_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

int postern_server_new(struct postern_server **ret, struct postern_loop *loop, const char *name,
		       const struct postern_server_options *options,
		       const struct postern_server_events *events, void *data)
{
	return server_new(ret, loop, name, options, "bytes", events, data);
}

int server_consume(struct postern_server *s, const struct conn_consumer *consumer)
{
	struct conn_limits *limits = conn_limits_copy(s->limits);

	if (!limits)
		return -ENOMEM;
	limits->consumer = consumer;
	conn_limits_unref(s->limits);
	s->limits = limits;
	return 0;
}

/* ---- turns ---- */

void server_error(struct postern_server *s, const struct why *why)
{
	loop_log(s->object.loop,
		 why->reason.code == POSTERN_REASON_NAME_RESTORED ? LOG_NOTICE : LOG_WARNING, "%s",
		 why->text);
	loop_calls(s->object.loop, "error");
	if (server_event(s, error))
		server_event(s, error)(s, &why->reason, s->data);
}

void server_update_timer(struct postern_server *s)
{
	int64_t at = s->accept_at_ns;

	if (s->renew_at_ns < at)
		at = s->renew_at_ns;
	if (s->look_at_ns < at)
		at = s->look_at_ns;
	if (s->drain_at_ns < at)
		at = s->drain_at_ns;
	object_timer(&s->object, at);
}

static void server_deferred(struct object *o)
{
	container_of(o, struct postern_server, object)->counters.deferred++;
}

static void server_ready(struct object *o, uint32_t events)
{
	(void)events;
	accept_burst(container_of(o, struct postern_server, object));
}

static void server_finish(struct postern_server *s, int code, int error)
{
	struct postern_reason why = { code, error, postern_reason_text(code) };

	if (s->state == SERVER_CLOSED)
		return;
	accept_close_old(s);
	s->state = SERVER_CLOSED;
	s->accept_at_ns = s->renew_at_ns = s->look_at_ns = s->drain_at_ns = POSTERN_FOREVER;
	loop_calls(s->object.loop, "server closed");
	if (server_event(s, closed) && loop_is_ours(s->object.loop))
		server_event(s, closed)(s, &why, s->data);
}

/* Ends every connection; their final events may free any of them, and this server. */
static void server_end_connections(struct postern_server *s, int code, int error)
{
	list_splice(&s->connections, &s->visiting);
	while (!list_is_empty(&s->connections)) {
		struct list *first = s->connections.next;
		struct postern_conn *c = container_of(first, struct postern_conn, object.siblings);

		conn_finish(c, code, error);
		assert(s->connections.next != first); /* else this would not end */
	}
}

/* The end of stopping: clients that had connected are accepted; then the lock, the last part of the name, is released. */
static void server_empty(struct postern_server *s)
{
	s->retiring = false;
	fork_hold();
	object_give_up(&s->object);
	if (s->name.kind != NAME_FD) {
		accept_close_old_held(s);
		s->old_listener = s->owner.listener;
		s->owner.listener = -1;
	}
	fork_release();
	if (s->old_listener >= 0)
		accept_old(s);
	if (s->freed || loop_check(s->object.loop) < 0)
		return;
	fork_hold();
	if (s->name.kind == NAME_ABSTRACT)
		accept_close_old_held(s);
	owner_deinit(&s->owner, false);
	fork_release();
}

/* Closes each connection that is not closing yet. The server's deadline forces it, and it has none of its own; if that has
   passed, it has this turn to send as much as the kernel takes. */
static void server_close_connections(struct postern_server *s)
{
	int64_t least = time_after(loop_now(s->object.loop), 1);
	struct list now;

	s->closing = true;
	if (s->drain_at_ns < least)
		s->drain_at_ns = least;
	list_init(&now);
	list_splice(&now, &s->connections);
	while (!list_is_empty(&now)) {
		struct postern_conn *c =
			container_of(now.next, struct postern_conn, object.siblings);

		list_remove(&c->object.siblings);
		list_append(&s->connections, &c->object.siblings);
		if (c->state == POSTERN_STATE_CONNECTED)
			conn_begin_close(c, POSTERN_REASON_CLOSED, POSTERN_FOREVER);
	}
}

/* ---- what comes next ---- */

enum {
	SERVER_WAITS,
	SERVER_EMPTIES, /* its listener, which takes no new clients */
	SERVER_ACCEPTS, /* clients that had connected to the old one */
	SERVER_CLOSES,
	SERVER_FORCES,
	SERVER_ENDS,
	SERVER_LOOKS, /* checks whether it still owns the name */
	SERVER_RESUMES,
	SERVER_RENEWS,
};

/* The one place that decides what comes next, for tasks and deadlines alike: a deadline that has passed skips no step.
   First, clients that had connected are accepted; then connections are closed and have one turn to send
   their queue; and the server ends when none is left. */
static int server_next(const struct postern_server *s, int64_t now)
{
	if (s->freed || s->state == SERVER_CLOSED || loop_check(s->object.loop) < 0)
		return SERVER_WAITS;
	if (s->retiring)
		return SERVER_EMPTIES;
	if (s->old_listener >= 0 && accept_has_room(s) &&
	    (s->accept_at_ns == POSTERN_FOREVER || s->accept_at_ns <= now))
		return SERVER_ACCEPTS;
	if (s->state == SERVER_DRAINING) {
		if (list_is_empty(&s->connections) &&
		    (s->old_listener < 0 || s->paused || s->drain_at_ns <= now))
			return SERVER_ENDS;
		if (!s->closing)
			return SERVER_CLOSES;
		return s->drain_at_ns <= now ? SERVER_FORCES : SERVER_WAITS;
	}
	if (s->state != SERVER_LISTENING)
		return SERVER_WAITS;
	if (s->looking || s->look_at_ns <= now)
		return SERVER_LOOKS;
	if (s->accept_at_ns <= now)
		return SERVER_RESUMES;
	return s->renew_at_ns <= now ? SERVER_RENEWS : SERVER_WAITS;
}

static void server_do(struct postern_server *s, int what)
{
	switch (what) {
	case SERVER_EMPTIES:
		server_empty(s);
		break;
	case SERVER_ACCEPTS:
		accept_old(s);
		break;
	case SERVER_CLOSES:
		server_close_connections(s);
		break;
	case SERVER_FORCES:
		s->forced = true;
		accept_close_old(s);
		server_end_connections(s, POSTERN_REASON_TIMEOUT, -ETIMEDOUT);
		break;
	case SERVER_ENDS:
		server_finish(s, s->forced ? POSTERN_REASON_TIMEOUT : POSTERN_REASON_CLOSED,
			      s->forced ? -ETIMEDOUT : 0);
		break;
	case SERVER_LOOKS:
		republish_check(s);
		break;
	case SERVER_RESUMES:
		accept_resume(s);
		break;
	case SERVER_RENEWS:
		s->renew_at_ns = POSTERN_FOREVER;
		republish_renew(s);
		break;
	}
}

static void server_run(struct object *o)
{
	struct postern_server *s = container_of(o, struct postern_server, object);
	int64_t now = loop_now(o->loop);
	int what;

	do {
		what = server_next(s, now);
		server_do(s, what);
	} while (what != SERVER_WAITS && what != SERVER_ACCEPTS && what != SERVER_CLOSES);
	if (s->freed || loop_check(o->loop) < 0)
		return;
	if (what == SERVER_ACCEPTS)
		object_task(o);
	/* It has passed, and there is no room: a connection that ends reports that. As a deadline it would fire in each turn. */
	if (s->accept_at_ns <= now)
		s->accept_at_ns = POSTERN_FOREVER;
	server_update_timer(s);
}

/* ---- ending ---- */

/* Gives up the name at once. The listener stays, for clients that have already connected. */
static void server_retire(struct postern_server *s)
{
	republish_unwatch(s);
	s->accept_at_ns = s->renew_at_ns = s->look_at_ns = POSTERN_FOREVER;
	s->renewing = false;
	s->counters.listening = 0;
	if (s->object.fd >= 0)
		object_watch(&s->object, WATCH_OFF);
	owner_retire(&s->owner);
}

static void server_release(struct postern_server *s)
{
	bool ours = loop_is_ours(s->object.loop);

	if (ours && s->state == SERVER_LISTENING)
		server_retire(s);
	if (s->state == SERVER_LISTENING)
		s->state = SERVER_STOPPED;
	if (s->entering)
		conn_finish(s->entering, POSTERN_REASON_CANCELLED, -ECANCELED);
	fork_hold();
	object_give_up(&s->object);
	accept_close_old_held(s);
	owner_deinit(&s->owner, !ours);
	fork_release();
	s->retiring = false;
	object_timer(&s->object, POSTERN_FOREVER);
}

static void server_orphan(struct object *o)
{
	struct postern_server *s = container_of(o, struct postern_server, object);

	/* Also for a server that is being freed, in the final event of one of its connections. */
	server_release(s);
	server_end_connections(s, POSTERN_REASON_CANCELLED, -ECANCELED);
	if (!s->freed)
		server_finish(s, POSTERN_REASON_CANCELLED, -ECANCELED);
}

static void server_bury(struct object *o)
{
	struct postern_server *s = container_of(o, struct postern_server, object);

	fork_guard_remove(&s->guard);
	account_owner_deinit(&s->accounts);
	conn_limits_unref(s->limits);
	name_deinit(&s->name);
	sys_free(s->allow_uids);
	sys_free(s->allow_gids);
	sys_free(s);
}

static const struct object_ops server_ops = {
	.ready = server_ready,
	.fire = server_run,
	.run = server_run,
	.deferred = server_deferred,
	.orphan = server_orphan,
	.bury = server_bury,
};

struct postern_server *postern_server_free(struct postern_server *s)
{
	struct postern_loop *loop;

	if (!s || s->freed)
		return NULL;
	loop = s->object.loop;
	s->freed = true;
	if (loop) {
		loop_hold(loop);
		server_release(s);
		server_end_connections(s, POSTERN_REASON_CANCELLED, -ECANCELED);
	}
	s->state = SERVER_CLOSED;
	object_end(&s->object);
	if (loop)
		loop_release(loop);
	return NULL;
}

/* ---- public calls ---- */

static int server_check(const struct postern_server *s)
{
	int r;

	if (!s)
		return -EINVAL;
	r = loop_check(s->object.loop);
	if (r < 0)
		return r;
	return s->state == SERVER_CLOSED ? -ESTALE : 0;
}

int postern_server_stop(struct postern_server *s)
{
	int r = server_check(s);

	if (r < 0 || s->state != SERVER_LISTENING)
		return r;
	server_retire(s);
	s->state = SERVER_STOPPED;
	s->retiring = true;
	s->paused = false; /* else the waiting clients would never be accepted */
	server_update_timer(s);
	object_task(&s->object);
	return 0;
}

int postern_server_drain(struct postern_server *s, int64_t deadline_ns)
{
	int r = server_check(s);

	if (deadline_ns < 0)
		return -EINVAL;
	if (r == 0)
		r = postern_server_stop(s);
	if (r < 0)
		return r;
	s->state = SERVER_DRAINING;
	s->drain_at_ns = loop_after(s->object.loop, deadline_ns ? deadline_ns : SERVER_DRAIN);
	server_update_timer(s);
	object_task(&s->object);
	return 0;
}

int postern_server_pause(struct postern_server *s)
{
	int r = server_check(s);

	if (r < 0)
		return r;
	s->paused = true;
	return s->object.fd >= 0 ? object_watch(&s->object, WATCH_OFF) : 0;
}

int postern_server_resume(struct postern_server *s)
{
	int r = server_check(s);

	if (r < 0)
		return r;
	s->paused = false;
	if (s->old_listener >= 0)
		object_task(&s->object);
	else if (s->object.mask == WATCH_OFF)
		accept_resume(s);
	return 0;
}

const char *postern_server_path(const struct postern_server *s)
{
	return s ? s->name.path : NULL;
}

const char *postern_server_name(const struct postern_server *s)
{
	return s ? s->name.text : NULL;
}

void *postern_server_data(const struct postern_server *s)
{
	return s ? s->data : NULL;
}

int postern_server_set_data(struct postern_server *s, void *data)
{
	if (!s)
		return -EINVAL;
	s->data = data;
	return 0;
}

struct postern_server *postern_conn_server(const struct postern_conn *c)
{
	return c && c->account ? container_of(c->account->owner, struct postern_server, accounts)
			       : NULL;
}

int postern_server_fd(const struct postern_server *s)
{
	if (!s)
		return -EINVAL;
	return s->object.fd >= 0 && s->counters.listening ? s->object.fd : -ESTALE;
}

int postern_server_get_counters(const struct postern_server *s, struct postern_server_counters *ret,
				size_t size)
{
	struct postern_server_counters k;

	if (!s || !ret)
		return -EINVAL;
	k = s->counters;
	k.bytes = account_owner_sum(&s->accounts, ACCOUNT_BYTES);
	k.descriptors = account_owner_sum(&s->accounts, ACCOUNT_FDS);
	k.descriptors_refused = s->accounts.limits[ACCOUNT_FDS].refused;
	k.deferred += s->accounts.deferred;
	struct_export(ret, size, &k, sizeof(k));
	return 0;
}

int postern_server_each(struct postern_server *s, void (*fn)(struct postern_conn *c, void *data),
			void *data)
{
	int r = server_check(s);

	if (r < 0 || !fn)
		return r < 0 ? r : -EINVAL;
	if (!list_is_empty(&s->visiting))
		return -EDEADLK;
	loop_hold(s->object.loop);
	list_splice(&s->visiting, &s->connections);
	while (!list_is_empty(&s->visiting)) {
		struct postern_conn *c =
			container_of(s->visiting.next, struct postern_conn, object.siblings);

		list_remove(&c->object.siblings);
		list_append(&s->connections, &c->object.siblings);
		fn(c, data);
	}
	loop_release(s->object.loop);
	return 0;
}
