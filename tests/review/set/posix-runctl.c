/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defects:
 *  - the listener is inherited by the commands that run (no close-on-exec);
 *  - so is the accepted connection;
 *  - the parent never closes the accepted connection: one descriptor for each request;
 *  - accept() that fails for want of descriptors is tried again at once, for ever;
 *  - a name from the peer is put into a shell command.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

static const char *progname;
static const char *path = "/var/run/runctl.sock";
static volatile sig_atomic_t got_term = 0;

static void
error(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", progname, what, strerror(errno));
	exit(111);
}

static void
handle_term(int s)
{
	(void)s;
	got_term = 1;
}

static void
handle_child(int s)
{
	int e = errno;

	(void)s;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	errno = e;
}

static void
catch(int sig, void (*f)(int), int flags)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = f;
	sa.sa_flags = flags;
	if (sigaction(sig, &sa, NULL) == -1)
		error("sigaction");
}

/* One instance, whoever holds the lock; the name of a dead one may go. */
static void
single(void)
{
	char lock[256];
	int fd;

	snprintf(lock, sizeof lock, "%s.lock", path);
	fd = open(lock, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd == -1)
		error(lock);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		error("another runctl holds the lock");
	unlink(path);
}

static int
make_listener(void)
{
	struct sockaddr_un un;
	int fd;

	memset(&un, 0, sizeof un);
	un.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof un.sun_path) {
		errno = ENAMETOOLONG;
		error(path);
	}
	strcpy(un.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0); /* @L6 */
	if (fd == -1)
		error("socket");
	if (bind(fd, (struct sockaddr *)&un, sizeof un) == -1)
		error("bind");
	if (listen(fd, 20) == -1)
		error("listen");
	return fd;
}

static int
put(int fd, const char *s)
{
	size_t left = strlen(s);
	ssize_t n;

	while (left) {
		n = send(fd, s, left, MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		s += n;
		left -= n;
	}
	return 0;
}

/* A request is "VERB NAME\n" and the end of the stream. */
static int
get_request(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, buf + len, size - 1 - len);
		if (n > 0)
			len += n;
	} while ((n > 0 && len < size - 1 && buf[len - 1] != '\n') || (n == -1 && errno == EINTR));
	if (n == -1)
		return -1;
	buf[len] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

static void
serve(int fd)
{
	char req[200], cmd[300], reply[40];
	char *name;
	int status;

	alarm(60);
	if (get_request(fd, req, sizeof req) == -1)
		_exit(1);
	name = strchr(req, ' ');
	if (name == NULL) {
		put(fd, "usage\n");
		_exit(1);
	}
	*name++ = '\0';
	if (strcmp(req, "start") && strcmp(req, "stop") && strcmp(req, "status")) {
		put(fd, "verb\n");
		_exit(1);
	}
	snprintf(cmd, sizeof cmd, "/etc/runctl/%s %s >/dev/null", req, name);
	status = system(cmd); /* @N2 */
	snprintf(reply, sizeof reply, "%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	put(fd, reply);
	_exit(0);
}

int
main(int argc, char **argv)
{
	int listener, fd;

	progname = argv[0];
	if (argc > 1)
		path = argv[1];
	catch(SIGTERM, handle_term, 0);
	catch(SIGINT, handle_term, 0);
	catch(SIGCHLD, handle_child, SA_RESTART);
	single();
	listener = make_listener();

	while (!got_term) {
		fd = accept(listener, NULL, NULL); /* @L3 @L6 @E7 */
		if (fd == -1) {
			if (errno != EINTR)
				fprintf(stderr, "%s: accept: %s\n", progname, strerror(errno));
			continue;
		}
		switch (fork()) {
		case -1:
			fprintf(stderr, "%s: fork: %s\n", progname, strerror(errno));
			put(fd, "busy\n");
			close(fd);
			break;
		case 0:
			signal(SIGCHLD, SIG_DFL);
			signal(SIGTERM, SIG_DFL);
			serve(fd);
			break;
		}
	}
	unlink(path);
	return 0;
}
