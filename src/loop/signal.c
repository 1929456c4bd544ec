/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signal.c - signals of the process as events of a loop
 *
 * A handler that writes to an eventfd. A signalfd would need the signal blocked in every thread, and executed programs
 * would inherit the mask; a handler is reset by exec, and needs nothing from other threads.
 *
 * Handlers may read one table: the watcher of each signal. A watcher that is freed is destroyed, with its
 * descriptor, only when no handler on any thread is running that may have looked it up.
 *
 * A child process has the previous action, at the latest when its first signal comes: a handler that finds itself in
 * another process restores it and sends the signal again. So fork's own handlers need not have run yet, and
 * vfork() and clone(), which run none, work too. Nothing is reported to the parent, whose eventfd this is.
 *
 * The same applies if the signal is no longer watched: other code may have saved our handler as the previous action, and
 * set it again.
 */
#include <errno.h>
#include <signal.h>

#include "base/reason.h"
#include "loop/loop.h"

struct postern_signal {
	struct object object;
	struct fork_guard guard;
	postern_signal_fn *fn;
	void *data;
	struct sigaction before;
	int sig;
};

static _Atomic(struct postern_signal *) signal_places[_NSIG];
static atomic_uint signal_handlers; /* running now */
static atomic_int signal_process;   /* the process that set the handlers */

static void signal_arrived(int sig);

/* Restores the previous action and sends the signal again, since it is not for us. */
static void signal_pass_on(int sig, const struct sigaction *before)
{
	static const struct sigaction by_default = { .sa_handler = SIG_DFL };
	struct sigaction now;

	if (sys_sigaction(sig, NULL, &now) == 0 && now.sa_handler == signal_arrived)
		sys_sigaction(sig, before ? before : &by_default, NULL);
	sys_raise(sig);
}

static void signal_arrived(int sig)
{
	const struct postern_signal *s;

	atomic_fetch_add(&signal_handlers, 1);
	s = atomic_load(&signal_places[sig]);
	if (!s || atomic_load(&signal_process) != sys_getpid())
		signal_pass_on(sig, s ? &s->before : NULL);
	else
		while (sys_eventfd_add(s->object.fd) == -EINTR)
			;
	atomic_fetch_sub(&signal_handlers, 1);
}

static bool signal_can_be_watched(int sig)
{
	switch (sig) {
	case SIGKILL:
	case SIGSTOP:
	/* These are raised by an instruction, and returning from the handler would repeat it. */
	case SIGSEGV:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGSYS:
	case SIGTRAP:
		return false;
	default:
		return sig > 0 && sig < _NSIG;
	}
}

/* Until each handler, on any thread, that may have seen the table as it was has returned. */
static void signal_settle(void)
{
	while (atomic_load(&signal_handlers))
		sys_sleep(1000);
}

/* Unless other code has set another action meanwhile. */
static void signal_put_back(const struct postern_signal *s)
{
	struct sigaction now;

	if (sys_sigaction(s->sig, NULL, &now) == 0 && now.sa_handler == signal_arrived)
		sys_sigaction(s->sig, &s->before, NULL);
}

static void signal_in_child(struct fork_guard *g)
{
	struct postern_signal *s = container_of(g, struct postern_signal, guard);

	if (s->object.fd < 0)
		return;
	signal_put_back(s);
	atomic_store(&signal_places[s->sig], NULL);
	object_close(&s->object);
}

static void signal_give_up(struct postern_signal *s)
{
	if (s->object.fd >= 0) {
		fork_hold();
		signal_put_back(s);
		atomic_store(&signal_places[s->sig], NULL);
		fork_release();
		signal_settle();
	}
	fork_guard_remove(&s->guard);
	object_close(&s->object);
}

static void signal_ready(struct object *o, uint32_t events)
{
	struct postern_signal *s = container_of(o, struct postern_signal, object);
	uint64_t count;

	(void)events;
	if (sys_read(o->fd, &count, sizeof(count)) < 0)
		return;
	loop_calls(o->loop, "signal");
	s->fn(s, s->sig, s->data);
}

static void signal_orphan(struct object *o)
{
	signal_give_up(container_of(o, struct postern_signal, object));
}

static void signal_bury(struct object *o)
{
	sys_free(container_of(o, struct postern_signal, object));
}

static const struct object_ops signal_ops = {
	.ready = signal_ready,
	.orphan = signal_orphan,
	.bury = signal_bury,
};

/* Takes the signal's place in the table, and then the signal. Fork's guard is held. */
static int signal_take(struct postern_signal *s)
{
	struct sigaction action = { .sa_handler = signal_arrived, .sa_flags = SA_RESTART };
	struct postern_signal *nobody = NULL;
	int r, fd = sys_eventfd();

	if (fd < 0)
		return fd;
	s->object.fd = fd;
	/* In a child, the count includes handlers on the parent's other threads, which do not exist here. */
	if (atomic_load(&signal_process) != sys_getpid()) {
		atomic_store(&signal_handlers, 0);
		atomic_store(&signal_process, sys_getpid());
	}
	/* A handler may run as soon as the action is set, and needs the previous one. */
	r = sys_sigaction(s->sig, NULL, &s->before);
	if (r == 0 && s->before.sa_handler == signal_arrived)
		s->before = (struct sigaction){ .sa_handler = SIG_DFL };
	if (r == 0)
		r = object_watch(&s->object, EPOLLIN);
	if (r == 0 && !atomic_compare_exchange_strong(&signal_places[s->sig], &nobody, s))
		r = -EBUSY;
	if (r < 0) {
		object_close(&s->object);
		return r;
	}
	/* A handler that found nobody there passes the signal on, and would set the previous action in place of ours. */
	signal_settle();
	return sys_sigaction(s->sig, &action, NULL);
}

int postern_signal_new(struct postern_signal **ret, struct postern_loop *loop, int sig,
		       postern_signal_fn *fn, void *data)
{
	static const char call[] = "postern_signal_new";
	struct postern_signal *s;
	int r;

	if (!ret || !loop || !fn)
		return why_argument(call, "ret, loop or fn is NULL");
	if (!signal_can_be_watched(sig))
		return why_argument(call, "sig cannot be handled and returned from");
	r = loop_check(loop);
	if (r < 0)
		return why_call(call, r);
	s = sys_alloc(sizeof(*s));
	if (!s)
		return why_call(call, -ENOMEM);
	s->fn = fn;
	s->data = data;
	s->sig = sig;
	r = object_init(&s->object, &signal_ops, loop);
	if (r < 0) {
		sys_free(s);
		return why_call(call, r);
	}
	fork_guard_add(&s->guard, signal_in_child);
	fork_hold();
	r = signal_take(s);
	fork_release();
	if (r < 0) {
		postern_signal_free(s);
		return why_set(why_last(), why_code(r), r, "signal %d cannot be watched: %s", sig,
			       r == -EBUSY ? "this process already watches it" : why_errno(r));
	}
	*ret = s;
	return 0;
}

struct postern_signal *postern_signal_free(struct postern_signal *s)
{
	if (!s)
		return NULL;
	if (s->object.loop)
		signal_give_up(s);
	object_end(&s->object);
	return NULL;
}
