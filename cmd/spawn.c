/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn.c - see spawn.h
 *
 * posix_spawn() and not fork(): no fork handlers run in a copy of this process, and no page of it is copied.
 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* The service manager's variables are not passed on, and our own replace inherited ones. */
static bool spawn_inherited(const char *variable)
{
	static const char *const not_inherited[] = {
		"POSTERN_NAME=",       "POSTERN_PEER_UID=", "POSTERN_PEER_GID=",
		"POSTERN_PEER_PID=",   "POSTERN_METHOD=",   "NOTIFY_SOCKET=",
		"LISTEN_FDS=",         "LISTEN_PID=",       "LISTEN_FDNAMES=",
		"LISTEN_PIDFDID=",     "WATCHDOG_USEC=",    "WATCHDOG_PID=",
		"POSTERN_PARAMETERS=", "POSTERN_FDS=",
	};

	for (size_t i = 0; i < sizeof(not_inherited) / sizeof(*not_inherited); i++)
		if (!strncmp(variable, not_inherited[i], strlen(not_inherited[i])))
			return false;
	return true;
}

int spawn_init(struct spawn *s, const char *name)
{
	size_t n = 0, size = strlen(name) + sizeof("POSTERN_NAME=");

	while (environ[n])
		n++;
	s->environment = calloc(n + 8, sizeof(*s->environment));
	s->name = malloc(size);
	if (!s->environment || !s->name)
		return -ENOMEM;
	snprintf(s->name, size, "POSTERN_NAME=%s", name);
	n = 0;
	for (char **v = environ; *v; v++)
		if (spawn_inherited(*v))
			s->environment[n++] = *v;
	s->environment[n++] = s->name;
	for (size_t i = 0; i < 3; i++)
		s->environment[n++] = s->peer[i];
	s->call = s->environment + n;
	return 0;
}

void spawn_deinit(struct spawn *s)
{
	free(s->environment);
	free(s->name);
}

static void spawn_set(struct spawn *s, const struct postern_peer *peer, const char *method,
		      char *parameters, const struct spawn_fds *fds)
{
	char **call = s->call;

	snprintf(s->peer[0], sizeof(s->peer[0]), "POSTERN_PEER_UID=%lu", (unsigned long)peer->uid);
	snprintf(s->peer[1], sizeof(s->peer[1]), "POSTERN_PEER_GID=%lu", (unsigned long)peer->gid);
	snprintf(s->peer[2], sizeof(s->peer[2]), "POSTERN_PEER_PID=%ld", (long)peer->pid);
	if (method) {
		snprintf(s->method, sizeof(s->method), "POSTERN_METHOD=%s", method);
		*call++ = s->method;
	}
	if (fds && fds->n > 0) {
		snprintf(s->n_fds, sizeof(s->n_fds), "POSTERN_FDS=%u", (unsigned)fds->n);
		*call++ = s->n_fds;
	}
	if (parameters)
		*call++ = parameters;
	*call = NULL;
}

/* Signals as after a fresh login: our own mask and ignored signals are not passed on. */
static int spawn_attributes(posix_spawnattr_t *attributes)
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

/* ---- descriptors ---- */

enum { SPAWN_FIRST = STDERR_FILENO + 1, SPAWN_ABOVE = SPAWN_FIRST + POSTERN_FDS_MAX };

int spawn_take(struct spawn_fds *fds, struct postern_request *r)
{
	size_t n = postern_request_fds(r);

	/* None of them is the number that another one gets. */
	for (size_t i = 0; i < n; i++) {
		int fd = postern_request_take_fd(r, (int64_t)i);
		int above = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, SPAWN_ABOVE);
		int error = fd < 0 ? -fd : errno;

		if (fd >= 0)
			close(fd);
		if (above < 0)
			return -error;
		fds->fds[fds->n++] = above;
	}
	return 0;
}

void spawn_close(struct spawn_fds *fds)
{
	while (fds->n > 0)
		close(fds->fds[--fds->n]);
}

static int spawn_actions(posix_spawn_file_actions_t *actions, int in, int out,
			 const struct spawn_fds *fds)
{
	int r = posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO);

	if (!r)
		r = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
	/* After these two, which may have the same numbers. */
	for (uint32_t i = 0; !r && fds && i < fds->n; i++)
		r = posix_spawn_file_actions_adddup2(actions, fds->fds[i], SPAWN_FIRST + (int)i);
	return r;
}

/* The descriptors are 3 or more: main() makes sure that the first three are open. */
int spawn_start(struct spawn *s, const char *path, char **argv, int in, int out,
		const struct postern_peer *peer, const char *method, char *parameters,
		const struct spawn_fds *fds, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return -r;
	spawn_set(s, peer, method, parameters, fds);
	r = posix_spawnattr_init(&attributes);
	if (r)
		goto out_actions;
	r = spawn_actions(&actions, in, out, fds);
	if (!r)
		r = spawn_attributes(&attributes);
	if (!r)
		r = posix_spawn(ret, path, &actions, &attributes, argv, s->environment);
	posix_spawnattr_destroy(&attributes);
out_actions:
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}
