/* SPDX-License-Identifier: Apache-2.0 */
/* correct: the listening sockets are handed to the children on purpose (dup2 drops close-on-exec
 * for descriptor 3 only); they live as long as the supervisor; restarts are limited by a burst
 * counter; the poll with -1 is the main loop; the exec'd child keeps nothing else. */

/*
 * miniinetd: starts a command when the first client of its socket comes, hands the listening
 * socket over as descriptor 3 with LISTEN_FDS=1, and listens again when the command has ended.
 *
 * Configuration: one service a line,   /path/of/socket  command [argument...]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_SERVICES	32
#define MAX_ARGS	16
#define BURST		5
#define BURST_SECONDS	10

struct service {
	char *line;		/* what path and argv point into */
	char *path;
	char *argv[MAX_ARGS + 1];
	int fd;
	pid_t pid;
	time_t window;
	int starts;
	int failed;
};

static struct service services[MAX_SERVICES];
static int n_services;
static sigset_t original_mask;

static void fatal(const char *fmt, ...) __attribute__((__noreturn__));

static void fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

static void service_listen(struct service *s)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int probe;

	if (strlen(s->path) >= sizeof(sa.sun_path))
		fatal("%s: name too long", s->path);
	strcpy(sa.sun_path, s->path);

	/* A name on which nobody answers is left over from a crash; any other is in use. */
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		fatal("socket: %m");
	if (connect(probe, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		fatal("%s: somebody listens there", s->path);
	if (errno == ECONNREFUSED)
		unlink(s->path);
	close(probe);

	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		fatal("socket: %m");
	if (bind(s->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		fatal("bind %s: %m", s->path);
	if (listen(s->fd, SOMAXCONN) < 0)
		fatal("listen %s: %m", s->path);
}

static void read_config(const char *name)
{
	FILE *f = fopen(name, "re");
	char *line = NULL, *word, *save;
	size_t size = 0;

	if (!f)
		fatal("%s: %m", name);
	while (getline(&line, &size, f) > 0) {
		struct service *s = &services[n_services];
		int argc = 0;

		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (n_services == MAX_SERVICES)
			fatal("%s: more than %d services", name, MAX_SERVICES);
		s->line = strdup(line);
		if (!s->line)
			fatal("out of memory");
		s->path = strtok_r(s->line, " \t\n", &save);
		while ((word = strtok_r(NULL, " \t\n", &save)) && argc < MAX_ARGS)
			s->argv[argc++] = word;
		if (!s->path || argc == 0)
			fatal("%s: a socket and a command are needed", name);
		n_services++;
	}
	free(line);
	fclose(f);
}

static void __attribute__((noreturn)) service_exec(struct service *s)
{
	char pid[16];

	sigprocmask(SIG_SETMASK, &original_mask, NULL);
	if (s->fd == 3) {
		int flags = fcntl(3, F_GETFD);

		if (flags < 0 || fcntl(3, F_SETFD, flags & ~FD_CLOEXEC) < 0)
			_exit(125);
	} else if (dup2(s->fd, 3) < 0) {
		_exit(125);
	}
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	execvp(s->argv[0], s->argv);
	_exit(127);
}

static void service_start(struct service *s)
{
	time_t now = time(NULL);

	if (now - s->window > BURST_SECONDS) {
		s->window = now;
		s->starts = 0;
	}
	if (++s->starts > BURST) {
		fprintf(stderr, "%s: starts too often, given up\n", s->path);
		s->failed = 1;
		return;
	}
	s->pid = fork();
	if (s->pid == 0)
		service_exec(s);
	if (s->pid < 0) {
		s->pid = 0;
		fprintf(stderr, "fork: %m\n");
		sleep(1);
	}
}

static void reap(void)
{
	pid_t pid;
	int status, i;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (i = 0; i < n_services; i++)
			if (services[i].pid == pid)
				services[i].pid = 0;
}

static int main_loop(int sigfd)
{
	struct pollfd p[MAX_SERVICES + 1];
	struct signalfd_siginfo si;
	int i;

	for (;;) {
		p[0].fd = sigfd;
		p[0].events = POLLIN;
		for (i = 0; i < n_services; i++) {
			struct service *s = &services[i];

			/* A negative descriptor is skipped: while it runs, the service listens itself. */
			p[i + 1].fd = s->pid || s->failed ? -1 : s->fd;
			p[i + 1].events = POLLIN;
		}
		if (poll(p, (nfds_t)n_services + 1, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (p[0].revents) {
			if (read(sigfd, &si, sizeof(si)) != sizeof(si))
				continue;
			if (si.ssi_signo != SIGCHLD)
				return 0;
			reap();
		}
		for (i = 0; i < n_services; i++)
			if (p[i + 1].fd >= 0 && p[i + 1].revents & POLLIN)
				service_start(&services[i]);
	}
}

int main(int argc, char **argv)
{
	sigset_t set;
	int sigfd, i, r;

	if (argc != 2)
		fatal("usage: miniinetd FILE");
	read_config(argv[1]);

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, &original_mask);
	sigfd = signalfd(-1, &set, SFD_CLOEXEC);
	if (sigfd < 0)
		fatal("signalfd: %m");
	for (i = 0; i < n_services; i++)
		service_listen(&services[i]);

	r = main_loop(sigfd);

	for (i = 0; i < n_services; i++) {
		unlink(services[i].path);
		close(services[i].fd);
		if (services[i].pid)
			kill(services[i].pid, SIGTERM);
		free(services[i].line);
	}
	if (r < 0)
		fatal("poll: %s", strerror(-r));
	return 0;
}
