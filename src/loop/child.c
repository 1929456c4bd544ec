/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.c - child processes, by pidfd
 *
 * SIGCHLD belongs to the program: a handler or mask of the library would affect the rest of it,
 * and signals that arrive together are merged. A pidfd is readable when exactly that process has ended.
 */
#include <errno.h>

#include "loop/loop.h"

struct postern_child {
	struct object object;
	postern_child_fn *fn;
	void *data;
};

static void child_ready(struct object *o, uint32_t events)
{
	struct postern_child *child = container_of(o, struct postern_child, object);
	int how = 0, status = 0, r;

	(void)events;
	r = sys_waitid_pidfd(o->fd, &how, &status);
	if (r == -EAGAIN || r == -EINTR)
		return;
	/* -ECHILD: other code reaped it, for example a waitpid(-1) in the program. It has ended nevertheless,
	   but it is unknown how: how and status stay 0. */
	object_close(o);
	loop_calls(o->loop, "child");
	child->fn(child, how, status, child->data);
}

static void child_orphan(struct object *o)
{
	object_close(o);
}

static void child_bury(struct object *o)
{
	sys_free(container_of(o, struct postern_child, object));
}

static const struct object_ops child_ops = {
	.ready = child_ready,
	.orphan = child_orphan,
	.bury = child_bury,
};

int postern_child_new(struct postern_child **ret, struct postern_loop *loop, pid_t pid,
		      postern_child_fn *fn, void *data)
{
	struct postern_child *child;
	int r;

	if (!ret || !loop || pid <= 0 || !fn)
		return why_argument("postern_child_new",
				    "ret, loop or fn is NULL, or pid is not positive");
	r = loop_check(loop);
	if (r < 0)
		return why_call("postern_child_new", r);
	child = sys_alloc(sizeof(*child));
	if (!child)
		return why_call("postern_child_new", -ENOMEM);
	child->fn = fn;
	child->data = data;
	r = object_init(&child->object, &child_ops, loop);
	if (r < 0) {
		sys_free(child);
		return why_call("postern_child_new", r);
	}
	r = child->object.fd = sys_pidfd_open(pid);
	/* Any process can be opened as a pidfd; only the parent can learn how it ended. */
	if (r >= 0)
		r = sys_waitid_probe(r);
	if (r >= 0)
		r = object_watch(&child->object, EPOLLIN);
	if (r < 0) {
		postern_child_free(child);
		return why_set(why_last(), why_code(r), r, "process %d cannot be watched: %s",
			       (int)pid,
			       r == -ECHILD ? "it is not a child of this process" : why_errno(r));
	}
	*ret = child;
	return 0;
}

int postern_child_kill(struct postern_child *child, int sig)
{
	int r;

	if (!child)
		return -EINVAL;
	r = loop_check(child->object.loop);
	if (r < 0)
		return r;
	return child->object.fd < 0 ? -ESRCH : sys_pidfd_signal(child->object.fd, sig);
}

struct postern_child *postern_child_free(struct postern_child *child)
{
	if (!child)
		return NULL;
	if (child->object.loop)
		object_close(&child->object);
	object_end(&child->object);
	return NULL;
}
