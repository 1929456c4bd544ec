/* SPDX-License-Identifier: Apache-2.0 */
/*
 * activation.c - the sockets that a service manager passes, and notifications to it
 *
 * Implements sd_listen_fds_with_names(3), sd_notify(3) and sd_watchdog_enabled(3): a convention about
 * environment variables and one datagram, too small to need a library. Variables for another process
 * (LISTEN_PID, WATCHDOG_PID) are ignored.
 *
 * The socket to the service manager is kept: when descriptors run out, the watchdog still has to be notified.
 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ACTIVATION_FIRST 3 /* the first passed descriptor */

/* ---- sockets ---- */

struct activation {
	const char *name;  /* as the user gave it, or NULL */
	const char *names; /* LISTEN_FDNAMES */
	uint32_t n;
};

/* The next of the names, and its length; what follows it is the one after. */
static const char *activation_next(const char *at, size_t *n)
{
	at += *n;
	at += *at == ':';
	*n = strcspn(at, ":");
	return at;
}

/* The error of a choice, with the sockets to choose from. */
static int activation_choose(const struct activation *a, const char *wrong)
{
	output_error("serve", a->name,
		     "%s; sockets that were passed: %" PRIu32
		     ", from fd:%d on%s%s; give fd: and a number or a name as NAME",
		     wrong, a->n, ACTIVATION_FIRST, *a->names ? ", named " : "", a->names);
	return EXIT_USAGE;
}

static int activation_by_name(const struct activation *a, int *ret_fd)
{
	const char *wanted = a->name + 3;
	size_t n = strcspn(a->names, ":");
	const char *at = a->names;
	uint32_t found = 0;

	for (uint32_t i = 0; i < a->n && (i == 0 || at[n]); i++) {
		if (i > 0)
			at = activation_next(at, &n);
		if (n == strlen(wanted) && !strncmp(at, wanted, n)) {
			*ret_fd = ACTIVATION_FIRST + (int)i;
			found++;
		}
	}
	if (found == 1)
		return EXIT_DONE;
	*ret_fd = -1;
	return activation_choose(a, found ? "more than one socket has this name"
					  : "no socket has this name");
}

static bool activation_is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

static int activation_find(const struct activation *a, int *ret_fd)
{
	unsigned long fd;

	if (a->name && !strncmp(a->name, "fd:", 3)) {
		if (!activation_is_number(a->name + 3))
			return activation_by_name(a, ret_fd);
		fd = strtoul(a->name + 3, NULL, 10);
		/* Another descriptor, inherited or not open: the library checks it. */
		if (fd >= ACTIVATION_FIRST && fd - ACTIVATION_FIRST < a->n)
			*ret_fd = (int)fd;
		return EXIT_DONE;
	}
	if (a->n > 1)
		return activation_choose(a, "it is not clear which socket is meant");
	*ret_fd = ACTIVATION_FIRST;
	return EXIT_DONE;
}

/* Processes of --exec get none of them, and those that are not served are closed: otherwise their clients would wait
   for us once the service manager has closed them. */
static int activation_keep(const struct activation *a, int fd)
{
	for (uint32_t i = 0; i < a->n; i++) {
		int passed = ACTIVATION_FIRST + (int)i;

		if (fcntl(passed, F_SETFD, FD_CLOEXEC) < 0) {
			output_error("serve", a->name,
				     "LISTEN_FDS is %" PRIu32 ", but descriptor %d is not open",
				     a->n, passed);
			return EXIT_USAGE;
		}
		if (passed != fd)
			close(passed);
	}
	return EXIT_DONE;
}

int activation_socket(const char *name, int *ret_fd)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	struct activation a = { .name = name, .names = names ? names : "" };
	bool by_name = name && !strncmp(name, "fd:", 3) && !activation_is_number(name + 3);
	uint32_t n_pid;
	int status;

	*ret_fd = -1;
	if (!pid || !fds || count_parse(pid, &n_pid) || n_pid != (uint32_t)getpid() ||
	    !strcmp(fds, "0")) {
		if (!by_name)
			return EXIT_DONE;
		output_error(
			"serve", name,
			"no service manager has passed sockets to this process (LISTEN_FDS, LISTEN_PID)");
		return EXIT_USAGE;
	}
	if (count_parse(fds, &a.n) || a.n > INT32_MAX - ACTIVATION_FIRST) {
		output_error("serve", name, "invalid LISTEN_FDS: '%s' is not a number of sockets",
			     fds);
		return EXIT_USAGE;
	}
	status = activation_find(&a, ret_fd);
	return status ? status : activation_keep(&a, *ret_fd);
}

/* ---- notifications ---- */

static struct {
	int fd;
	bool failed; /* and was reported */
} activation_manager = { .fd = -1 };

static void activation_report(const char *path)
{
	if (!activation_manager.failed)
		output_error(NULL, NULL, "cannot notify the service manager at %s: %s", path,
			     strerror(errno));
	activation_manager.failed = true;
}

/* Connects for every message: the manager may have been restarted meanwhile. */
static void activation_send(const char *state, int flags)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	/* The manager may be slow, and a server must not wait for it long. */
	const struct timeval patience = { .tv_sec = 1 };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;
	int *fd = &activation_manager.fd;

	if (!n)
		return;
	if ((*path != '/' && *path != '@') || n >= sizeof(address.sun_path)) {
		errno = EINVAL;
		activation_report(path);
		return;
	}
	memcpy(address.sun_path, path, n);
	if (*path == '@')
		address.sun_path[0] = '\0';
	if (*fd < 0) {
		*fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		/* Without a timeout, a manager that hangs would block us: then do not notify at all. */
		if (*fd >= 0 &&
		    setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0) {
			activation_report(path);
			close(*fd);
			*fd = -1;
			return;
		}
	}
	if (*fd < 0 ||
	    sendto(*fd, state, strlen(state), flags | MSG_NOSIGNAL, (struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		activation_report(path);
}

void activation_notify(const char *state)
{
	activation_send(state, 0);
}

void activation_alive(void)
{
	activation_send("WATCHDOG=1", MSG_DONTWAIT);
}

/* ---- the watchdog ---- */

int64_t activation_watchdog(const char *name)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	const int64_t shortest = POSTERN_MS(1), longest = INT64_MAX / 1000;
	uint32_t n_pid = 0;
	long long n;
	int64_t ns;

	if (!usec)
		return 0;
	errno = 0;
	n = activation_is_number(usec) ? strtoll(usec, NULL, 10) : 0;
	if (n <= 0 || errno || (pid && count_parse(pid, &n_pid))) {
		output_error(
			"serve", name,
			"invalid WATCHDOG_USEC or WATCHDOG_PID ('%s', '%s'): the watchdog is not notified",
			usec, pid ? pid : "");
		return 0;
	}
	if (pid && n_pid != (uint32_t)getpid())
		return 0;
	ns = n < longest ? n * 1000 / 2 : longest;
	return ns < shortest ? shortest : ns;
}
