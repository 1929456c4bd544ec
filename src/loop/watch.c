/* SPDX-License-Identifier: Apache-2.0 */
/* watch.c - descriptors of the user */
#include <errno.h>

#include "loop/loop.h"

struct postern_watch {
	struct object object;
	postern_watch_fn *fn;
	void *data;
};

static void watch_ready(struct object *o, uint32_t events)
{
	struct postern_watch *w = container_of(o, struct postern_watch, object);
	uint64_t happened = 0;

	if (events & EPOLLIN)
		happened |= POSTERN_WATCH_READABLE;
	if (events & EPOLLOUT)
		happened |= POSTERN_WATCH_WRITABLE;
	if (events & (EPOLLHUP | EPOLLERR))
		happened |= POSTERN_WATCH_HANGUP;
	loop_calls(o->loop, "watch");
	w->fn(w, happened, w->data);
}

static void watch_orphan(struct object *o)
{
	object_watch(o, WATCH_OFF);
}

static void watch_bury(struct object *o)
{
	sys_free(container_of(o, struct postern_watch, object));
}

static const struct object_ops watch_ops = {
	.ready = watch_ready,
	.orphan = watch_orphan,
	.bury = watch_bury,
};

int postern_watch_new(struct postern_watch **ret, struct postern_loop *loop, int fd,
		      uint64_t wanted, postern_watch_fn *fn, void *data)
{
	struct postern_watch *w;
	int r;

	if (!ret || !loop || fd < 0 || !fn)
		return why_argument("postern_watch_new",
				    "ret, loop or fn is NULL, or fd is negative");
	r = loop_check(loop);
	if (r < 0)
		return why_call("postern_watch_new", r);
	w = sys_alloc(sizeof(*w));
	if (!w)
		return why_call("postern_watch_new", -ENOMEM);
	w->fn = fn;
	w->data = data;
	r = object_init(&w->object, &watch_ops, loop);
	if (r < 0) {
		sys_free(w);
		return why_call("postern_watch_new", r);
	}
	w->object.fd = fd;
	/* A descriptor with no wanted events is added to epoll too, so that errors show now and not later. */
	r = wanted ? 0 : object_watch(&w->object, 0);
	if (r == 0)
		r = postern_watch_set(w, wanted);
	if (r < 0) {
		postern_watch_free(w);
		return why_set(why_last(), why_code(r), r, "descriptor %d cannot be watched: %s",
			       fd,
			       r == -EEXIST   ? "this loop already watches it"
			       : r == -EPERM  ? "epoll cannot watch a file"
			       : r == -EINVAL ? "wanted is none of POSTERN_WATCH_..."
					      : why_errno(r));
	}
	*ret = w;
	return 0;
}

int postern_watch_set(struct postern_watch *w, uint64_t wanted)
{
	uint32_t mask = 0;
	int r;

	if (!w || (wanted & ~(uint64_t)(POSTERN_WATCH_READABLE | POSTERN_WATCH_WRITABLE |
					POSTERN_WATCH_HANGUP)))
		return -EINVAL;
	r = loop_check(w->object.loop);
	if (r < 0)
		return r;
	if (wanted & POSTERN_WATCH_READABLE)
		mask |= EPOLLIN;
	if (wanted & POSTERN_WATCH_WRITABLE)
		mask |= EPOLLOUT;
	return object_watch(&w->object, wanted ? mask : WATCH_OFF);
}

struct postern_watch *postern_watch_free(struct postern_watch *w)
{
	if (!w)
		return NULL;
	if (w->object.loop)
		object_watch(&w->object, WATCH_OFF);
	object_end(&w->object);
	return NULL;
}
