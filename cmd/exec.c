/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec.c - serve --exec: a process for each connection
 *
 * The socket leaves Postern and becomes the process's stdin and stdout, blocking, because programs that know
 * nothing about sockets expect that. From then on the two talk without us; we only watch the process. It leads
 * a process group, so that its own children can be ended with it.
 *
 * The server counts connections, but not detached ones. So processes are counted here, and the caller
 * is notified when the limit is reached: it then pauses the server, and resumes it when a process ends. Clients
 * wait in the backlog meanwhile, where they cost us nothing.
 *
 * When a process cannot be started, the client must not mistake an end for the answer. Only a reset shows the failure, and
 * close() causes one only if bytes were left unread: a client that has sent nothing sees an end, whatever
 * we do. Hence: after a temporary failure (no process, descriptor or memory left, the program is being written),
 * accepting pauses and the start is retried; a client that still has no process after 2 s, or at once if the failure is
 * permanent, is reset if it has sent something. One that has not is held, and gets its process if that becomes possible;
 * it gives up at its own limit (`postern connect` by --idle, status 75), or after a minute at ours.
 *
 * Rejected: starting a process in advance, before accept(). It would leave clients in the backlog in the first case, but
 * costs a waiting process, and whether its program can be executed is still known only afterwards.
 */
#include "command.h"
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXEC_GRACE     POSTERN_SECONDS(1) /* between SIGTERM and SIGKILL */
#define EXEC_AGAIN_MIN POSTERN_MS(50)     /* between attempts to start a process: at first, */
#define EXEC_AGAIN_MAX POSTERN_SECONDS(1) /* and after doubling */
#define EXEC_PATIENCE \
	POSTERN_SECONDS(2) /* retry a temporary failure this long before resetting the client */
#define EXEC_HELD POSTERN_SECONDS(60) /* hold a client that cannot be reset this long */

struct exec_child {
	struct exec_child *next;
	struct exec *exec;
	struct postern_child *child;
	pid_t pid;
	uid_t uid;
};

/* A connection whose process could not be started. */
struct exec_held {
	struct exec_held *next;
	struct postern_peer peer;
	int64_t since_ns;
	int fd;
	int error; /* of the last attempt */
};

struct exec {
	struct exec_options options;
	struct postern_loop *loop;
	void (*ended)(void *data);
	void *data;
	struct exec_child *children;
	uint32_t n;
	struct exec_held *held, **held_end; /* the oldest first */
	uint32_t n_held;
	struct postern_timer *again; /* the next attempt to start them */
	int64_t delay_ns;
	int said; /* the error that was reported last, and when */
	int64_t said_ns;
	struct postern_timer *timer; /* after draining */
	bool draining;
	bool terminated;
	struct spawn spawn;
};

/* ---- starting ---- */

static void exec_free_child(struct exec_child *child)
{
	postern_child_free(child->child);
	free(child);
}

static void exec_remove(struct exec_child *child)
{
	struct exec *e = child->exec;
	struct exec_child **p = &e->children;

	while (*p != child)
		p = &(*p)->next;
	*p = child->next;
	e->n--;
	exec_free_child(child);
}

static void exec_ended(struct postern_child *c, int how, int status, void *data)
{
	struct exec_child *child = data;
	struct exec *e = child->exec;

	(void)c;
	if (e->options.verbose && how == CLD_EXITED)
		output_error("serve", e->options.name, "process %ld ended with status %d",
			     (long)child->pid, status);
	else if (e->options.verbose && how)
		output_error("serve", e->options.name, "process %ld was ended by signal %d",
			     (long)child->pid, status);
	else if (e->options.verbose)
		output_error("serve", e->options.name,
			     "process %ld has ended; its status is unknown", (long)child->pid);
	exec_remove(child);
	/* This may have been the place that was missing. */
	if (e->held)
		postern_timer_set(e->again, 0);
	e->ended(e->data);
}

static int exec_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ? -errno : 0;
}

/* Watches the process, or kills it if that fails. */
static int exec_watch(struct exec_child *child)
{
	struct exec *e = child->exec;
	int r = postern_child_new(&child->child, e->loop, child->pid, exec_ended, child);

	if (r < 0) {
		output_error("serve", e->options.name,
			     "cannot watch process %ld, so it is killed: %s", (long)child->pid,
			     strerror(-r));
		kill(-child->pid, SIGKILL);
		while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
			;
		return r;
	}
	child->next = e->children;
	e->children = child;
	e->n++;
	return 0;
}

/* Allocate everything for watching the process before it starts: once it has read from the socket, it is too late to
   retry. */
static int exec_try(struct exec *e, int fd, const struct postern_peer *peer)
{
	struct exec_child *child = calloc(1, sizeof(*child));
	int spare = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	int r = !child ? -ENOMEM : spare < 0 ? -errno : exec_blocking(fd);

	if (r == 0)
		r = spawn_start(&e->spawn, e->options.path, e->options.argv, fd, fd, peer, NULL,
				NULL, NULL, &child->pid);
	if (spare >= 0)
		close(spare);
	if (r == 0) {
		child->exec = e;
		child->uid = peer->uid;
		/* It may already have read from the socket: do not retry. */
		if (exec_watch(child) < 0)
			r = -EIO;
	}
	if (r)
		free(child);
	else if (e->options.verbose)
		output_error("serve", e->options.name, "process %ld serves %s", (long)child->pid,
			     output_peer(peer).text);
	return r;
}

/* ---- connections without a process ---- */

/* Has the peer gone, and not only half-closed? */
static bool exec_has_gone(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR);
}

/* close() causes a reset if bytes were left unread, and an end if nothing was sent. */
static bool exec_would_reset(int fd)
{
	int n = 0;

	return ioctl(fd, FIONREAD, &n) == 0 && n > 0;
}

static void exec_drop(struct exec *e, struct exec_held **at)
{
	struct exec_held *h = *at;

	*at = h->next;
	if (!*at)
		e->held_end = at;
	e->n_held--;
	close(h->fd);
	free(h);
}

static void exec_drop_all(struct exec *e)
{
	while (e->held)
		exec_drop(e, &e->held);
}

/* Many may fail for the same reason. */
static void exec_say(struct exec *e, int fd, const struct postern_peer *peer, int error)
{
	int64_t now = postern_now();
	const char *then = exec_may_pass(error)   ? "accepting pauses, and it is retried"
			   : exec_would_reset(fd) ? "the connection is reset"
						  : "the client has sent nothing, and waits";

	if (error == e->said && now - e->said_ns < POSTERN_SECONDS(1))
		return;
	e->said = error;
	e->said_ns = now;
	output_error("serve", e->options.name, "cannot start %s for %s: %s; %s", e->options.path,
		     output_peer(peer).text, strerror(-error), then);
}

/* True: nothing more to do for it. */
static bool exec_give_up(struct exec *e, const struct exec_held *h)
{
	int64_t waited = postern_now() - h->since_ns;

	if (exec_has_gone(h->fd))
		return true;
	if (exec_may_pass(h->error) && waited < EXEC_PATIENCE)
		return false;
	if (!exec_would_reset(h->fd) && waited < EXEC_HELD)
		return false;
	if (e->options.verbose)
		output_error("serve", e->options.name, "%s: closed without a process",
			     output_peer(&h->peer).text);
	return true;
}

/* Tries one; if it cannot be started, the others cannot either. */
static void exec_again(struct postern_timer *t, void *data)
{
	struct exec *e = data;
	struct exec_held **at = &e->held, *h;
	bool tried = false;

	while ((h = *at)) {
		int r = tried || exec_has_gone(h->fd) ? h->error : exec_try(e, h->fd, &h->peer);

		tried = tried || r < 0;
		h->error = r;
		if (r == 0 || exec_give_up(e, h))
			exec_drop(e, at);
		else
			at = &h->next;
	}
	e->delay_ns = e->delay_ns * 2 < EXEC_AGAIN_MAX ? e->delay_ns * 2 : EXEC_AGAIN_MAX;
	if (e->held)
		postern_timer_set(t, e->delay_ns);
	e->ended(e->data);
}

/* False: no memory for it, or no time left. */
static bool exec_hold(struct exec *e, int fd, const struct postern_peer *peer, int error)
{
	struct exec_held *h = e->draining ? NULL : malloc(sizeof(*h));

	if (!h)
		return false;
	*h = (struct exec_held){
		.fd = fd, .peer = *peer, .since_ns = postern_now(), .error = error
	};
	if (exec_give_up(e, h)) {
		free(h);
		return false;
	}
	if (!e->held) {
		e->delay_ns = EXEC_AGAIN_MIN;
		postern_timer_set(e->again, e->delay_ns);
	}
	*e->held_end = h;
	e->held_end = &h->next;
	e->n_held++;
	return true;
}

static void exec_start(struct exec *e, struct postern_conn *c)
{
	struct postern_peer peer = { .pid = 0 };
	int fd, r = postern_conn_peer(c, &peer, sizeof(peer));

	fd = postern_conn_detach(c);
	postern_conn_free(c);
	if (fd < 0) {
		output_error("serve", e->options.name, "cannot take the socket of a connection: %s",
			     strerror(-fd));
		return;
	}
	if (r == 0)
		r = exec_try(e, fd, &peer);
	if (r < 0) {
		exec_say(e, fd, &peer, r);
		if (exec_hold(e, fd, &peer, r))
			return;
	}
	close(fd);
}

/* ---- for serve.c ---- */

int exec_allow(const struct exec *e, const struct postern_peer *peer)
{
	uint32_t n = 0;

	for (const struct exec_child *c = e->children; c; c = c->next)
		n += c->uid == peer->uid;
	for (const struct exec_held *h = e->held; h; h = h->next)
		n += h->peer.uid == peer->uid;
	return n < e->options.per_uid ? 0 : -EAGAIN;
}

bool exec_accept(struct exec *e, struct postern_conn *c)
{
	/* Only while draining, when the backlog is emptied, can there be too many: such a connection is closed
	   with the server. */
	if (exec_running(e) < e->options.children)
		exec_start(e, c);
	return exec_has_room(e);
}

bool exec_has_room(const struct exec *e)
{
	for (const struct exec_held *h = e->held; h; h = h->next)
		if (exec_may_pass(h->error))
			return false;
	return exec_running(e) < e->options.children;
}

uint32_t exec_running(const struct exec *e)
{
	return e->n + e->n_held;
}

static void exec_kill(struct exec *e, int sig)
{
	/* The leader is not reaped yet, so the group is still its own. */
	for (const struct exec_child *c = e->children; c; c = c->next)
		kill(-c->pid, sig);
}

static void exec_due(struct postern_timer *t, void *data)
{
	struct exec *e = data;

	exec_kill(e, e->terminated ? SIGKILL : SIGTERM);
	if (e->n && !e->terminated)
		output_error("serve", e->options.name,
			     "%" PRIu32 " of --exec still ran after --drain", e->n);
	if (!e->terminated)
		postern_timer_set(t, EXEC_GRACE);
	e->terminated = true;
}

void exec_drain(struct exec *e, int64_t deadline_ns)
{
	e->draining = true;
	exec_drop_all(e);
	if (deadline_ns != POSTERN_FOREVER)
		postern_timer_set(e->timer, deadline_ns);
}

struct exec *exec_free(struct exec *e)
{
	if (!e)
		return NULL;
	exec_kill(e, SIGKILL);
	for (struct exec_child *c = e->children, *next; c; c = next) {
		next = c->next;
		exec_free_child(c);
	}
	exec_drop_all(e);
	postern_timer_free(e->again);
	postern_timer_free(e->timer);
	spawn_deinit(&e->spawn);
	free(e);
	return NULL;
}

int exec_new(struct exec **ret, struct postern_loop *loop, const struct exec_options *options,
	     void (*ended)(void *data), void *data)
{
	struct exec *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->options = *options;
	e->loop = loop;
	e->held_end = &e->held;
	e->ended = ended;
	e->data = data;
	r = spawn_init(&e->spawn, e->options.name);
	if (r == 0)
		r = postern_timer_new(&e->timer, loop, exec_due, e);
	if (r == 0)
		r = postern_timer_new(&e->again, loop, exec_again, e);
	if (r < 0)
		exec_free(e);
	else
		*ret = e;
	return r;
}
