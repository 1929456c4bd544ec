/* SPDX-License-Identifier: Apache-2.0 */
/*
 * activation.c - the listener that a service manager has passed to a service: sd_listen_fds(3), as UAPI.20 has it
 *
 * The environment says which descriptors were passed, from 3 on, and to whom. It is inherited, so it may be about another
 * process: that is known by its pid, and where the manager says so by the inode number of its pidfd, since pids are
 * reused. fd:NAME is the one that was passed by this name. UAPI.20 wants varlink, and if there is only one, does not look at
 * its name.
 *
 * The result is a name, fd:N, as a program could have given itself. The variables stay: other parts of the
 * program may have descriptors there too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "service/service.h"

enum { ACTIVATION_FIRST = 3, ACTIVATION_MOST = 4096 };

/* A number that is all of the variable. */
static bool activation_number(const char *variable, unsigned long long *ret)
{
	const char *text = secure_getenv(variable);
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	*ret = strtoull(text, &end, 10);
	return !*end;
}

/* Is it about this process? */
static bool activation_is_ours(void)
{
	unsigned long long pid, id;
	pid_t self = sys_getpid();
	struct stat st;
	int fd, r;

	if (!activation_number("LISTEN_PID", &pid) || pid != (unsigned long long)self)
		return false;
	if (!activation_number("LISTEN_PIDFDID", &id))
		return true;
	fd = sys_pidfd_open(self);
	/* A kernel that cannot tell has not given the manager a number that means something. */
	if (fd < 0)
		return true;
	r = sys_fstat(fd, &st);
	sys_close(fd);
	return r < 0 || st.st_ino == id;
}

/* The number of the one that is named so; -1: none is. */
static int activation_by_name(const char *name, unsigned long long n)
{
	const char *at = secure_getenv("LISTEN_FDNAMES");

	for (unsigned long long i = 0; at && i < n; i++) {
		size_t length = strcspn(at, ":");

		if (length == strlen(name) && !memcmp(at, name, length))
			return (int)i;
		at = at[length] ? at + length + 1 : NULL;
	}
	return -1;
}

int activation_name(const char *name, char ret[ACTIVATION_NAME], struct why *why)
{
	unsigned long long n;
	int which;

	/* fd:N is a number, and a name of its own. */
	if (strncmp(name, "fd:", 3) != 0 || !name[3 + strspn(name + 3, "0123456789")])
		return 0;
	name += 3;
	if (!activation_is_ours() || !activation_number("LISTEN_FDS", &n) || n == 0 ||
	    n > ACTIVATION_MOST)
		return why_set(
			why, POSTERN_REASON_FAILED, -ENOENT,
			"no service manager has passed a socket to this process (LISTEN_PID, LISTEN_FDS)");
	which = n == 1 && !strcmp(name, "varlink") ? 0 : activation_by_name(name, n);
	if (which < 0)
		return why_set(
			why, POSTERN_REASON_FAILED, -ENOENT,
			"of the %llu sockets that were passed none is named %s (LISTEN_FDNAMES)", n,
			words_name(name).text);
	snprintf(ret, ACTIVATION_NAME, "fd:%d", ACTIVATION_FIRST + which);
	return 1;
}
