/* SPDX-License-Identifier: Apache-2.0 */
/*
 * republish.c - a name that is taken away under a running server is published again
 *
 * Cleaners of temporary directories, and people, remove sockets that are in use. The server would then run
 * forever and be unreachable. So the directory is watched: one inotify instance per loop, because a
 * user has only 128 of them, and one watch per server.
 *
 * An event only triggers a check: owner_check() compares inodes, by the path that clients use. While we hold
 * the directory open its removal is not reported, but the removal of the socket in it is, and comes first. And several
 * ways to take a path away are not reported at all: a directory above is renamed, a file system is unmounted (a
 * runtime directory at the last logout) or mounted over it. So there is always a periodic check as well, not only if
 * inotify is unavailable (a user has 128 instances, a container perhaps none): every five seconds, at the same instants
 * for all servers, so that a loop wakes up once for them.
 *
 * We never compete with a foreign live socket, and a directory that is cleaned in a loop does not keep
 * us busy: after six republications within a minute, the name is lost.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/base.h"
#include "server/server.h"

enum { REPUBLISH_PER_MINUTE = 6 };
#define REPUBLISH_SOON POSTERN_MS(100) /* lets a program that deletes the directory finish */
#define REPUBLISH_LOOK POSTERN_SECONDS(5)

/* One per loop, made with its first server and freed with the loop. */
struct name_watch {
	struct object object;
	struct list servers;
};

/* ---- watching ---- */

/* Events only tell the directory; a burst from a busy /tmp is read at once and filtered by name. */
static void republish_event(struct name_watch *w, const struct inotify_event *e)
{
	for (struct list *l = w->servers.next; l != &w->servers; l = l->next) {
		struct postern_server *s = container_of(l, struct postern_server, watch_node);
		bool ours = e->len == 0 || strcmp(e->name, s->name.socket) == 0 ||
			    strcmp(e->name, s->name.lock) == 0;

		if (!(e->mask & IN_Q_OVERFLOW) && !(e->wd == s->watch && ours))
			continue;
		if (e->mask & IN_IGNORED)
			s->watch = -1;
		s->looking = true;
		object_task(&s->object);
	}
}

static void republish_ready(struct object *o, uint32_t events)
{
	struct name_watch *w = container_of(o, struct name_watch, object);
	_Alignas(struct inotify_event) char buffer[4096];
	ssize_t n = sys_read(o->fd, buffer, sizeof(buffer));

	(void)events;
	for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= n;) {
		const struct inotify_event *e = (const void *)(buffer + at);

		republish_event(w, e);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
}

static void republish_bury(struct object *o)
{
	sys_free(container_of(o, struct name_watch, object));
}

static void republish_orphan(struct object *o)
{
	object_close(o);
	o->loop->slots[LOOP_SLOT_NAME_WATCH].data = NULL;
	object_end(o);
}

static const struct object_ops republish_ops = {
	.ready = republish_ready,
	.orphan = republish_orphan,
	.bury = republish_bury,
};

static struct name_watch *republish_get(struct postern_loop *loop)
{
	void **slot = &loop->slots[LOOP_SLOT_NAME_WATCH].data;
	struct name_watch *w = *slot;
	int fd;

	if (w)
		return w;
	w = sys_alloc(sizeof(*w));
	if (!w)
		return NULL;
	if (object_init(&w->object, &republish_ops, loop) < 0) {
		sys_free(w);
		return NULL;
	}
	list_init(&w->servers);
	fd = w->object.fd = sys_inotify();
	if (fd < 0 || object_watch(&w->object, EPOLLIN) < 0) {
		object_close(&w->object);
		object_end(&w->object);
		return NULL;
	}
	return *slot = w;
}

/* If several servers share a directory, inotify gives them the same number. */
static bool republish_shared(const struct name_watch *w, const struct postern_server *s)
{
	for (const struct list *l = w->servers.next; l != &w->servers; l = l->next) {
		const struct postern_server *other =
			container_of(l, struct postern_server, watch_node);

		if (other != s && other->watch == s->watch)
			return true;
	}
	return false;
}

void republish_watch(struct postern_server *s)
{
	/* A rename onto the socket removes it without an IN_DELETE; QLocalServer publishes its socket this way. */
	const uint32_t mask = IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF |
			      IN_DELETE_SELF | IN_ONLYDIR;
	struct name_watch *w;

	if (s->name.kind == NAME_ABSTRACT || s->name.kind == NAME_FD)
		return;
	w = republish_get(s->object.loop);
	if (w) {
		/* By descriptor: exactly this directory, whatever its path is now. */
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", s->owner.directory);
		s->watch = sys_inotify_add(w->object.fd, path, mask);
		list_append(&w->servers, &s->watch_node);
	}
	/* Changes between listen and the watch are not reported. */
	republish_check(s);
}

void republish_unwatch(struct postern_server *s)
{
	struct name_watch *w = s->object.loop->slots[LOOP_SLOT_NAME_WATCH].data;

	if (w && s->watch >= 0 && !republish_shared(w, s))
		sys_inotify_remove(w->object.fd, s->watch);
	s->watch = -1;
	list_remove(&s->watch_node);
}

/* ---- restoring the name ---- */

static void republish_lost(struct postern_server *s, const struct why *because)
{
	struct why why;

	why_set(&why, POSTERN_REASON_NAME_LOST, because->reason.error, "%s: the name is lost: %s",
		s->name.text, because->text);
	republish_unwatch(s);
	s->renewing = false;
	s->counters.listening = 0;
	s->state = SERVER_STOPPED;
	s->renew_at_ns = s->accept_at_ns = s->look_at_ns = POSTERN_FOREVER;
	fork_hold();
	object_give_up(&s->object);
	owner_deinit(&s->owner, false);
	fork_release();
	server_error(s, &why);
}

/* Counts this republication; false: too many within a minute. */
static bool republish_allowed(struct postern_server *s)
{
	int64_t now = loop_now(s->object.loop), *oldest = &s->renewed_at_ns[s->renewed_next];

	if (*oldest != 0 && now - *oldest < POSTERN_SECONDS(60))
		return false;
	*oldest = now;
	s->renewed_next = (s->renewed_next + 1) % REPUBLISH_PER_MINUTE;
	return true;
}

/* Gives up the old socket, once the clients that had connected to it are served. */
static void republish_let_go(struct postern_server *s)
{
	object_give_up(&s->object);
	republish_unwatch(s);
	fork_hold();
	/* If both are full, the older one is closed. */
	accept_close_old_held(s);
	s->old_listener = owner_renew(&s->owner);
	fork_release();
	s->counters.listening = 0;
	s->renewing = true;
	if (s->old_listener >= 0)
		accept_old(s);
}

void republish_check(struct postern_server *s)
{
	int64_t now = loop_now(s->object.loop);

	s->looking = false;
	s->look_at_ns = time_after(now - now % REPUBLISH_LOOK, REPUBLISH_LOOK);
	if (s->state != SERVER_LISTENING || s->renewing || owner_check(&s->owner) == 1)
		return;
	s->renew_at_ns = time_after(now, REPUBLISH_SOON);
}

void republish_renew(struct postern_server *s)
{
	int64_t delay = 0;
	struct why why;
	int r;

	if (s->state != SERVER_LISTENING)
		return;
	if (!s->renewing) {
		r = owner_check(&s->owner);
		if (r == -EAGAIN || r == 1)
			return;
		if (!republish_allowed(s)) {
			why_set(&why, POSTERN_REASON_NAME_LOST, -ESTALE,
				"%s was taken away %d times within a minute", s->name.path,
				REPUBLISH_PER_MINUTE + 1);
			republish_lost(s, &why);
			return;
		}
		republish_let_go(s);
		if (s->freed || loop_check(s->object.loop) < 0 || s->state != SERVER_LISTENING)
			return;
	}
	fork_hold();
	r = owner_acquire(&s->owner, &delay, &why);
	fork_release();
	if (r == -EAGAIN && delay > 0) {
		s->renew_at_ns = time_after(loop_now(s->object.loop), delay);
		return;
	}
	if (r == 0) {
		s->renewing = false;
		r = server_listen(s);
	}
	if (r < 0) {
		if (!s->renewing)
			why_set(&why, POSTERN_REASON_NAME_LOST, r, "cannot listen at %s again: %s",
				s->name.path, why_errno(r));
		republish_lost(s, &why);
		return;
	}
	republish_watch(s);
	s->counters.republished++;
	why_set(&why, POSTERN_REASON_NAME_RESTORED, 0,
		"%s: %s was taken away and is published again", s->name.text, s->name.path);
	server_error(s, &why);
}
