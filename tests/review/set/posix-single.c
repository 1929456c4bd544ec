/* SPDX-License-Identifier: Apache-2.0 */
// correct: the unlink before bind follows a connect probe that was refused; the probing descriptor
// of the second instance is not closed because the process ends at once; the accepted one is
// closed by fclose() of the stream that took it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define APP "noted"

typedef struct Instance {
	int listener;
	struct sockaddr_un addr;
} Instance;

static volatile sig_atomic_t finished;

static void finish(int signum)
{
	(void)signum;
	finished = 1;
}

static int make_address(struct sockaddr_un *addr)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	int n;

	if (dir == NULL || *dir != '/') {
		errno = ENOENT;
		return -1;
	}
	memset(addr, 0, sizeof *addr);
	addr->sun_family = AF_UNIX;
	n = snprintf(addr->sun_path, sizeof addr->sun_path, "%s/%s.sock", dir, APP);
	if (n < 0 || (size_t)n >= sizeof addr->sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

static int stream_socket(int more)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | more, 0);
}

// 1: someone answers (*fd is the connection), 0: nobody, -1: cannot tell.
static int probe(const struct sockaddr_un *addr, int *fd)
{
	int s = stream_socket(0);
	int err;

	if (s < 0)
		return -1;
	if (connect(s, (const struct sockaddr *)addr, sizeof *addr) == 0) {
		*fd = s;
		return 1;
	}
	err = errno;
	close(s);
	errno = err;
	return err == ECONNREFUSED || err == ENOENT ? 0 : -1;
}

static int become_first(Instance *inst)
{
	int s, again;

	s = stream_socket(SOCK_NONBLOCK);
	if (s < 0)
		return -1;
	for (again = 0; again < 2; again++) {
		int other = -1;

		if (bind(s, (struct sockaddr *)&inst->addr, sizeof inst->addr) == 0) {
			if (listen(s, 8) < 0)
				break;
			inst->listener = s;
			return 0;
		}
		if (errno != EADDRINUSE)
			break;
		switch (probe(&inst->addr, &other)) {
		case 1: // lost a race against another start
			close(other);
			errno = EALREADY;
			goto fail;
		case 0: // left behind by one that crashed
			unlink(inst->addr.sun_path);
			break;
		default:
			goto fail;
		}
	}
fail:
	again = errno;
	close(s);
	errno = again;
	return -1;
}

static int hand_over(int fd, int argc, char **argv)
{
	FILE *f = fdopen(fd, "w");
	int i;

	if (f == NULL)
		return 1;
	for (i = 1; i < argc; i++)
		fprintf(f, "%s\n", argv[i]);
	if (fflush(f) != 0)
		return 1;
	return 0; // main returns right away
}

static void open_note(const char *name)
{
	printf("note: %s\n", name);
	fflush(stdout);
}

static void serve_one(int listener)
{
	char name[PATH_MAX];
	FILE *f;
	struct timeval limit = { 2, 0 };
	int c = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (c < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			sleep(1); // out of descriptors or memory
		return;
	}
	if (setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
	    (f = fdopen(c, "r")) == NULL) {
		close(c);
		return;
	}
	while (fgets(name, sizeof name, f) != NULL) {
		name[strcspn(name, "\n")] = '\0';
		open_note(name);
	}
	fclose(f);
}

static int serve(Instance *inst)
{
	struct pollfd p = { .fd = inst->listener, .events = POLLIN };

	while (!finished) {
		int n = poll(&p, 1, -1);

		if (n < 0 && errno != EINTR)
			return 1;
		if (n > 0)
			serve_one(inst->listener);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = finish };
	Instance inst = { .listener = -1 };
	int fd, i, status;

	signal(SIGPIPE, SIG_IGN);
	if (make_address(&inst.addr) < 0) {
		perror(APP);
		return 1;
	}
	switch (probe(&inst.addr, &fd)) {
	case 1:
		return hand_over(fd, argc, argv);
	case -1:
		perror(APP ": connect");
		return 1;
	}
	if (become_first(&inst) < 0) {
		perror(APP ": bind");
		return 1;
	}
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	for (i = 1; i < argc; i++)
		open_note(argv[i]);
	status = serve(&inst);
	unlink(inst.addr.sun_path);
	close(inst.listener);
	return status;
}
