/* SPDX-License-Identifier: Apache-2.0 */
/* act-loop.c - what a program does with loops, timers, descriptors, children, buffers and waiting clients */
#include "law.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fault/fault.h"

/* ---- loops ---- */

int some_loop(void)
{
	int loop = (int)law_below(L.n_loops);

	if (L.loops[loop].freed || !L.loops[loop].used)
		loop = (int)L.n_loops - 1 - loop;
	return L.loops[loop].freed || !L.loops[loop].used ? -1 : loop;
}

static void on_log(struct postern_loop *loop, int level, const char *text, void *data)
{
	const struct loop_model *m = data;

	(void)level;
	if (loop != m->loop || !text)
		law_broken("log", "of another loop, or without words");
}

void act_loop_free(int loop)
{
	struct loop_model *m = &L.loops[loop];

	if (!m->used || m->freed)
		return;
	law_say("loop %d.free", loop);
	m->freed = m->freeing = true;
	for (int i = 0; i < LAW_SERVERS; i++)
		if (L.servers[i].loop == loop)
			L.servers[i].listens &= L.servers[i].listener >= 0;
	CALL_PTR(loop_free, postern_loop_free(m->loop));
	oracle_loop_freed(loop);
	m->freeing = false;
}

static void post(int loop)
{
	struct loop_model *m = &L.loops[loop];
	uintptr_t number = (uintptr_t)m->posted << 1 | (unsigned)loop;
	intmax_t r = CALL(loop_post, postern_loop_post(m->loop, law_posted, (void *)number));

	law_say("loop %d.post: %jd", loop, r);
	m->posted += r == 0;
	if (r < 0 && !L.faulted)
		law_broken("post", "says %jd", r);
}

/* A run that is to end with its first turn, since it was stopped before. */
static void run(int loop)
{
	struct loop_model *m = &L.loops[loop];
	intmax_t r;

	CALL(loop_stop, (postern_loop_stop(m->loop), 0));
	r = CALL(loop_run, postern_loop_run(m->loop));
	if (L.depth == 0)
		oracle_turned(loop);
	law_say("loop %d.run: %jd", loop, r);
	if (r < 0 && r != -EDEADLK && !(r == -ESTALE && m->freed) && !L.faulted)
		law_broken("run", "says %jd", r);
}

void act_dispatch(int loop)
{
	struct loop_model *m = &L.loops[loop];
	int64_t before = law_now(), wait = law_chance(50) ? 0 : POSTERN_MS(law_below(50));
	intmax_t r;

	if (!m->used || m->freed)
		return;
	/* Whether it polls depends on how short its last waits were. */
	if (L.polls && law_chance(70))
		wait = POSTERN_MS(1);

	/* Time passes while it polls, as it does while it sleeps. */
	fault_clock_poll(L.polls ? LAW_POLL : 0);
	if (L.depth == 0) {
		L.waits_ns = before;
		L.waits = loop;
		L.jumped = false;
	}
	r = CALL(loop_dispatch, postern_loop_dispatch(m->loop, wait));
	if (L.depth == 0) {
		L.waits_ns = -1;
		oracle_turned(loop);
	}
	fault_clock_poll(0);
	law_say("loop %d.dispatch, waits %d ms: %jd", loop, (int)(wait / 1000000), r);
	if (r < 0 && r != -EDEADLK && !(r == -ESTALE && m->freed) && !L.faulted)
		law_broken("dispatch", "says %jd", r);
	if (r == -EDEADLK && L.depth == 0)
		law_broken("dispatch", "says -EDEADLK outside of callbacks");
	if (r == 0 && law_now() < before + wait && !L.faulted)
		law_broken("dispatch", "returns early and says that nothing happened");
}

static void busy_poll(int loop, int64_t max_ns)
{
	intmax_t r =
		CALL(loop_set_busy_poll, postern_loop_set_busy_poll(L.loops[loop].loop, max_ns));

	law_say("loop %d.set_busy_poll %lld: %jd", loop, (long long)max_ns, r);
	if (r < 0)
		law_broken("busy polling", "says %jd", r);
}

void act_loop(int loop)
{
	struct loop_model *m = &L.loops[loop];
	unsigned what = law_below(40);

	if (!m->used) {
		if (CALL(loop_new, postern_loop_new(&m->loop)) == 0)
			m->used = true;
		if (m->used && L.polls)
			busy_poll(loop, law_chance(70) ? POSTERN_MS(1) : law_below(50000));
	} else if (m->freed) {
		return;
	} else if (what < 18) {
		post(loop);
	} else if (what < 24) {
		run(loop);
	} else if (what < 32) {
		act_dispatch(loop);
	} else if (what < 34) {
		(void)CALL(loop_set_log,
			   postern_loop_set_log(m->loop, what & 1 ? on_log : NULL, m));
	} else if (what < 36) {
		(void)CALL(loop_fd, postern_loop_fd(m->loop));
		CALL_PTR(loop_why, postern_why());
	} else if (what < 37) {
		act_loop_free(loop);
	} else if (what < 38 && L.polls) {
		busy_poll(loop, law_below(1000001));
	}
}

/* ---- timers ---- */

void act_timer_free(struct timer_model *m)
{
	if (!m->t)
		return;
	law_say("timer %d.free", m->id);
	CALL_PTR(timer_free, postern_timer_free(m->t));
	m->t = NULL;
	m->armed = false;
}

static void timer_set(struct timer_model *m, bool periodic)
{
	int64_t ns = law_chance(20) ? 0 : POSTERN_MS(1 + law_below(3000));
	intmax_t r;

	/* As answers that come soon. */
	if (L.polls && law_chance(60))
		ns = law_below(periodic ? 100000 : 1000000);
	if (periodic)
		r = CALL(timer_set_periodic, postern_timer_set_periodic(m->t, ns + 1));
	else
		r = CALL(timer_set, postern_timer_set(m->t, ns));
	law_say("timer %d.set %lld%s: %jd", m->id, (long long)ns, periodic ? " periodic" : "", r);
	if (r != (L.loops[m->loop].freed ? -ESTALE : 0))
		law_broken("return value", "timer %d.set says %jd", m->id, r);
	if (r < 0)
		return;
	m->armed = true;
	m->earliest_ns = law_now() + ns;
	m->period_ns = periodic ? ns + 1 : 0;
}

void act_timer(struct timer_model *m)
{
	unsigned what = law_below(20);
	int loop = some_loop();

	m->id = (int)(m - L.timers);
	if (!m->t) {
		if (loop >= 0 && CALL(timer_new, postern_timer_new(&m->t, L.loops[loop].loop,
								   law_timer_fired, m)) == 0)
			m->loop = loop;
		return;
	}
	if (what < 12) {
		timer_set(m, what < 2);
	} else if (what < 16) {
		law_say("timer %d.cancel", m->id);
		if (CALL(timer_cancel, postern_timer_cancel(m->t)) == 0)
			m->armed = false;
	} else {
		act_timer_free(m);
	}
}

/* ---- descriptors ---- */

void act_watch_free(struct watch_model *m)
{
	if (!m->w)
		return;
	law_say("watch %d.free", m->id);
	CALL_PTR(watch_free, postern_watch_free(m->w));
	m->w = NULL;
	close(m->fd);
	if (m->other >= 0)
		close(m->other);
}

static void watch_new(struct watch_model *m, int loop)
{
	int sv[2];
	intmax_t r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) < 0)
		law_broken("harness", "no socketpair: %d", errno);
	*m = (struct watch_model){ .id = m->id, .loop = loop, .fd = sv[0], .other = sv[1] };
	m->wanted = law_below(4);
	r = CALL(watch_new, postern_watch_new(&m->w, L.loops[loop].loop, m->fd, m->wanted,
					      law_watch_fired, m));
	law_say("watch %d is made, wants %d: %jd", m->id, (int)m->wanted, r);
	if (r == 0)
		return;
	m->w = NULL;
	close(sv[0]);
	close(sv[1]);
}

void act_watch(struct watch_model *m)
{
	unsigned what = law_below(20);
	uint64_t wanted = law_below(4);
	int loop = some_loop();

	m->id = (int)(m - L.watches);
	if (!m->w) {
		if (loop >= 0)
			watch_new(m, loop);
	} else if (what < 9) {
		law_say("watch %d.set %d", m->id, (int)wanted);
		if (CALL(watch_set, postern_watch_set(m->w, wanted)) == 0)
			m->wanted = wanted;
	} else if (what < 16 && m->other >= 0) {
		law_say("watch %d: its peer %s", m->id, what < 13 ? "sends" : "goes");
		(void)!send(m->other, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (what >= 13) {
			close(m->other);
			m->other = -1;
		}
	} else if (what < 18) {
		(void)!recv(m->fd, law_scratch, 100, MSG_DONTWAIT);
	} else {
		act_watch_free(m);
	}
}

/* ---- child processes ---- */

void act_child_free(struct child_model *m)
{
	int status;

	if (!m->c)
		return;
	law_say("child %d.free", m->id);
	CALL_PTR(child_free, postern_child_free(m->c));
	m->c = NULL;
	if (m->told == 0)
		waitpid(m->pid, &status, 0);
}

/* It has ended when this goes on, so that nothing depends on how fast it is. */
void act_child(struct child_model *m)
{
	int loop = some_loop();
	siginfo_t info;
	intmax_t r;

	m->id = (int)(m - L.children);
	if (m->c) {
		r = CALL(child_kill, postern_child_kill(m->c, SIGTERM));
		law_say("child %d.kill: %jd", m->id, r);
		if (law_chance(40))
			act_child_free(m);
		return;
	}
	if (loop < 0)
		return;
	m->pid = vfork();
	if (m->pid == 0)
		_exit(7);
	waitid(P_PID, (id_t)m->pid, &info, WEXITED | WNOWAIT);
	m->told = 0;
	m->loop = loop;
	r = CALL(child_new,
		 postern_child_new(&m->c, L.loops[loop].loop, m->pid, law_child_ended, m));
	law_say("child %d: %jd", m->id, r);
	if (r == 0)
		return;
	m->c = NULL;
	waitpid(m->pid, NULL, 0);
	if (!L.faulted)
		law_broken("child", "says %jd", r);
}

/* ---- buffers, frames, clients that wait ---- */

void act_pure(void)
{
	char bytes[600], got[600], head[4], tail[1];
	struct postern_buffer *b;
	struct postern_frame frame;
	int framing = 1 + (int)law_below(4), n_head;
	size_t n = law_below(500), whole;

	for (size_t i = 0; i < n; i++)
		bytes[4 + i] = (char)(32 + law_below(90));
	n_head = (int)CALL(frame_make, postern_frame_make(framing, bytes + 4, n, head, tail));
	if (n_head < 0)
		law_broken("frame_make", "says %d", n_head);
	memcpy(bytes + 4 - n_head, head, (size_t)n_head);
	bytes[4 + n] = tail[0];
	whole = (size_t)n_head + n + (n_head == 0);
	if (CALL(frame_find,
		 postern_frame_find(framing, bytes + 4 - n_head, whole, 0, n, &frame)) != 1 ||
	    frame.n != n || frame.used != whole)
		law_broken("frame_find", "does not find what frame_make made");
	if (CALL(buffer_new, postern_buffer_new(&b, 0)) < 0)
		return;
	if (CALL(buffer_add, postern_buffer_add(b, bytes + 4 - n_head, whole)) == (intmax_t)whole &&
	    (CALL(buffer_read_frame, postern_buffer_read_frame(b, framing, got, sizeof(got))) !=
		     (intmax_t)n ||
	     memcmp(got, bytes + 4, n) != 0))
		law_broken("buffer", "gives another frame than it was given");
	(void)CALL(buffer_read_line, postern_buffer_read_line(b, got, sizeof(got)));
	(void)CALL(buffer_skip, postern_buffer_skip(b, 1));
	if (CALL(buffer_read, postern_buffer_read(b, got, sizeof(got))) != 0 && !L.faulted)
		law_broken("buffer", "has bytes left");
	CALL_PTR(buffer_free, postern_buffer_free(b));
	(void)CALL(now, postern_now());
}

/* Its deadlines pass by the clock of the test: a wait is over at once. Inside a callback it may not wait at all. */
void act_client(void)
{
	static const struct postern_connect_options once = { .size = sizeof(once), .attempts = 1 };
	struct postern_client *c;
	char bytes[64];
	int sv[2];
	intmax_t r;

	r = CALL(client_new, postern_client_new(&c, "nobody", &once));
	law_say("a client of nobody: %jd", r);
	if (r != (L.depth > 0 ? -EDEADLK : -ECONNREFUSED) && !L.faulted)
		law_broken("client", "of nobody says %jd", r);

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		law_broken("harness", "no socketpair: %d", errno);
	r = CALL(client_adopt, postern_client_adopt(&c, sv[0], NULL));
	law_say("a client is made: %jd", r);
	if (r < 0) {
		close(sv[0]);
		close(sv[1]);
		return;
	}
	(void)!send(sv[1], "hello", 5, MSG_DONTWAIT | MSG_NOSIGNAL);
	r = CALL(client_read_exactly, postern_client_read_exactly(c, bytes, 5, POSTERN_MS(5)));
	if (r != (L.depth > 0 ? -EDEADLK : 0) && !L.faulted)
		law_broken("client", "read_exactly says %jd", r);
	if (r == 0 && memcmp(bytes, "hello", 5) != 0)
		law_broken("client", "reads other bytes");
	if (law_chance(50))
		close(sv[1]), sv[1] = -1;
	r = CALL(client_write, postern_client_write(c, "answer", 6, POSTERN_MS(5)));
	if (sv[1] >= 0 && L.depth == 0 && !L.faulted && r != 0)
		law_broken("client", "write says %jd", r);
	r = CALL(client_read, postern_client_read(c, bytes, sizeof(bytes), POSTERN_MS(5)));
	if (L.depth == 0 && !L.faulted && r != (sv[1] >= 0 ? -ETIMEDOUT : 0) && r != -ECONNRESET)
		law_broken("client", "read says %jd", r);
	(void)CALL(client_available, postern_client_available(c));
	if (law_chance(50))
		(void)CALL(client_shutdown, postern_client_shutdown(c, POSTERN_MS(5)));
	(void)CALL(client_wait_end, postern_client_wait_end(c, law_chance(50) ? 0 : POSTERN_MS(5)));
	if (law_chance(50))
		(void)CALL(client_close, postern_client_close(c, POSTERN_MS(5)));
	CALL_PTR(client_free, postern_client_free(c));
	if (sv[1] >= 0)
		close(sv[1]);
}

/* ---- time and faults ---- */

void act_time(void)
{
	static const int64_t times[] = { POSTERN_MS(1),      POSTERN_MS(4),      POSTERN_MS(30),
					 POSTERN_MS(300),    POSTERN_SECONDS(3), POSTERN_SECONDS(8),
					 POSTERN_SECONDS(31) };
	int64_t ns = times[law_below(L.depth > 0 ? 4 : law_chance(20) ? 7 : 5)];

	law_say("%lld ms pass", (long long)(ns / 1000000));
	fault_clock_advance(ns);
	L.jumped = true;
}

void act_fault(void)
{
	static const struct fault faults[] = {
		{ .call = FAULT_ANY, .error = EINTR },
		{ .call = FAULT_alloc, .error = ENOMEM },
		{ .call = FAULT_realloc, .error = ENOMEM },
		{ .call = FAULT_send, .error = ENOBUFS },
		{ .call = FAULT_send, .error = FAULT_SHORT },
		{ .call = FAULT_sendmsg, .error = ENOMEM },
		{ .call = FAULT_sendmsg, .error = FAULT_SHORT },
		{ .call = FAULT_recv, .error = ENOMEM },
		{ .call = FAULT_recv, .error = FAULT_SHORT },
		{ .call = FAULT_accept, .error = EMFILE },
		{ .call = FAULT_accept, .error = ECONNABORTED },
		{ .call = FAULT_epoll_ctl, .error = ENOSPC },
		{ .call = FAULT_socket_stream, .error = EMFILE },
		{ .call = FAULT_connect, .error = EAGAIN },
		{ .call = FAULT_getsockopt, .error = ENOMEM },
		{ .call = FAULT_ioctl_outq, .error = EINVAL },
		{ .call = FAULT_openat, .error = EMFILE },
		{ .call = FAULT_mkdirat, .error = ENOSPC },
		{ .call = FAULT_eventfd, .error = EMFILE },
		{ .call = FAULT_pidfd_open, .error = EMFILE },
		{ .call = FAULT_shutdown, .error = ENOBUFS },
		{ .call = FAULT_sendmsg, .error = EACCES },
		{ .call = FAULT_send, .error = EPERM },
	};
	struct fault f = faults[law_below(sizeof(faults) / sizeof(*faults))];

	if (!L.with_faults)
		return;
	f.nth = 1 + law_below(4);
	f.stays = law_chance(30);
	law_say("%s will fail with %d", fault_name(f.call), f.error);
	if (law_chance(25)) {
		fault_disarm();
		return;
	}
	L.faulted = true;
	fault_arm(&f);
}
