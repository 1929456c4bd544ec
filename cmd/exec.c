/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec.c - serve --exec: a process for each connection
 *
 * The socket leaves Postern and becomes the process's stdin and stdout, blocking, because programs that know
 * nothing of sockets expect that. From then on the two talk without us; we only know the process. It leads
 * a process group, so that what it started in turn can be ended with it.
 *
 * posix_spawn() and not fork(): no handlers run in a copy of this process, and no page of it is copied.
 *
 * The server counts connections, and a detached one is none to it. So the places are counted here, and whoever
 * accepts is told when none is left: to pause the server then, and to resume it when a process ends. Clients
 * wait in the backlog meanwhile, where they cost us nothing.
 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXEC_GRACE POSTERN_SECONDS(1) /* between SIGTERM and SIGKILL */

extern char **environ;

struct exec_child {
	struct exec_child *next;
	struct exec *exec;
	struct postern_child *child;
	pid_t pid;
	uid_t uid;
};

struct exec {
	struct exec_options options;
	struct postern_loop *loop;
	void (*ended)(void *data);
	void *data;
	struct exec_child *children;
	uint32_t n;
	struct postern_timer *timer;
	bool terminated;
	char **environment; /* ends with the four below */
	char *name;
	char peer[3][40];
};

/* ---- finding the program ---- */

static int exec_check(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return access(path, X_OK) < 0 ? -errno : 0;
}

int exec_find(const char *program, char *ret, size_t size)
{
	const char *path = getenv("PATH");
	int r, result = -ENOENT;
	size_t n;

	if (strchr(program, '/'))
		return (size_t)snprintf(ret, size, "%s", program) < size ? exec_check(ret)
									 : -ENAMETOOLONG;
	for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; *program; path += n + 1) {
		n = strcspn(path, ":");
		/* An empty element is the working directory. */
		if ((size_t)snprintf(ret, size, "%.*s%s%s", (int)n, path, n ? "/" : "./", program) <
		    size) {
			r = exec_check(ret);
			if (r == 0)
				return 0;
			if (r == -EACCES)
				result = r;
		}
		if (!path[n])
			break;
	}
	return result;
}

/* ---- its environment ---- */

/* What told us about the service manager is not for the children, and ours replaces what we inherited. */
static bool exec_inherited(const char *variable)
{
	static const char *const not_inherited[] = {
		"POSTERN_NAME=",  "POSTERN_PEER_UID=", "POSTERN_PEER_GID=", "POSTERN_PEER_PID=",
		"NOTIFY_SOCKET=", "LISTEN_FDS=",       "LISTEN_PID=",       "LISTEN_FDNAMES=",
		"WATCHDOG_USEC=", "WATCHDOG_PID=",
	};

	for (size_t i = 0; i < sizeof(not_inherited) / sizeof(*not_inherited); i++)
		if (!strncmp(variable, not_inherited[i], strlen(not_inherited[i])))
			return false;
	return true;
}

static int exec_make_environment(struct exec *e)
{
	size_t n = 0, size = strlen(e->options.name) + sizeof("POSTERN_NAME=");

	while (environ[n])
		n++;
	e->environment = calloc(n + 5, sizeof(*e->environment));
	e->name = malloc(size);
	if (!e->environment || !e->name)
		return -ENOMEM;
	snprintf(e->name, size, "POSTERN_NAME=%s", e->options.name);
	n = 0;
	for (char **v = environ; *v; v++)
		if (exec_inherited(*v))
			e->environment[n++] = *v;
	e->environment[n++] = e->name;
	for (size_t i = 0; i < 3; i++)
		e->environment[n++] = e->peer[i];
	return 0;
}

static void exec_set_peer(struct exec *e, const struct postern_peer *peer)
{
	snprintf(e->peer[0], sizeof(e->peer[0]), "POSTERN_PEER_UID=%lu", (unsigned long)peer->uid);
	snprintf(e->peer[1], sizeof(e->peer[1]), "POSTERN_PEER_GID=%lu", (unsigned long)peer->gid);
	snprintf(e->peer[2], sizeof(e->peer[2]), "POSTERN_PEER_PID=%ld", (long)peer->pid);
}

/* ---- starting ---- */

/* Signals as a fresh login has them: what we block and ignore is our own affair. */
static int exec_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setpgroup(attributes, 0);
	return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
							    POSIX_SPAWN_SETPGROUP);
}

/* fd is 3 or more: main() sees to it that the first three are taken. */
static int exec_spawn(struct exec *e, int fd, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r)
		goto out_actions;
	r = posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
	if (!r)
		r = exec_attributes(&attributes);
	if (!r)
		r = posix_spawn(ret, e->options.path, &actions, &attributes, e->options.argv,
				e->environment);
	posix_spawnattr_destroy(&attributes);
out_actions:
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

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
	else if (e->options.verbose)
		output_error("serve", e->options.name, "process %ld was ended by signal %d",
			     (long)child->pid, status);
	exec_remove(child);
	e->ended(e->data);
}

/* Takes the process under our care; without that it must not live. */
static int exec_watch(struct exec *e, pid_t pid, uid_t uid)
{
	struct exec_child *child = calloc(1, sizeof(*child));
	int r = child ? postern_child_new(&child->child, e->loop, pid, exec_ended, child) : -ENOMEM;

	if (r < 0) {
		free(child);
		kill(-pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return r;
	}
	child->exec = e;
	child->pid = pid;
	child->uid = uid;
	child->next = e->children;
	e->children = child;
	e->n++;
	return 0;
}

static int exec_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ? -errno : 0;
}

static void exec_start(struct exec *e, struct postern_conn *c)
{
	struct postern_peer peer = { .pid = 0 };
	pid_t pid = 0;
	int fd, r = postern_conn_peer(c, &peer, sizeof(peer));

	fd = postern_conn_detach(c);
	postern_conn_free(c);
	if (fd < 0) {
		output_error("serve", e->options.name, "cannot take the socket of a connection: %s",
			     strerror(-fd));
		return;
	}
	if (r == 0)
		r = exec_blocking(fd);
	exec_set_peer(e, &peer);
	if (r == 0)
		r = exec_spawn(e, fd, &pid);
	if (r == 0)
		r = exec_watch(e, pid, peer.uid);
	close(fd);
	if (r < 0)
		output_error("serve", e->options.name,
			     "cannot start %s for pid %ld: %s; its connection was closed",
			     e->options.path, (long)peer.pid, strerror(-r));
	else if (e->options.verbose)
		output_error("serve", e->options.name, "process %ld serves uid %lu, pid %ld",
			     (long)pid, (unsigned long)peer.uid, (long)peer.pid);
}

/* ---- for serve.c ---- */

int exec_allow(const struct exec *e, const struct postern_peer *peer)
{
	uint32_t n = 0;

	for (const struct exec_child *c = e->children; c; c = c->next)
		n += c->uid == peer->uid;
	return n < e->options.per_uid ? 0 : -EAGAIN;
}

bool exec_accept(struct exec *e, struct postern_conn *c)
{
	/* Beyond the places only while draining, when the backlog is emptied: such a connection is left to be
	   closed with the server. */
	if (e->n < e->options.children)
		exec_start(e, c);
	return e->n < e->options.children;
}

uint32_t exec_running(const struct exec *e)
{
	return e->n;
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
	postern_timer_free(e->timer);
	free(e->environment);
	free(e->name);
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
	e->ended = ended;
	e->data = data;
	r = exec_make_environment(e);
	if (r == 0)
		r = postern_timer_new(&e->timer, loop, exec_due, e);
	if (r < 0)
		exec_free(e);
	else
		*ret = e;
	return r;
}
