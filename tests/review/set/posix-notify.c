/* SPDX-License-Identifier: Apache-2.0 */
/* correct: one send() without a loop is whole on a datagram socket; ENOBUFS retried a counted
 * number of times; the log socket stays open in a static for the life of the process; an old one is
 * closed before it is replaced; time is limited by SO_SNDTIMEO. */

/*
 * Readiness and log messages without the libraries that usually send them, plus a small main so
 * that shell scripts can use it:   svcnote [-r] [-s TEXT] [-l PRIORITY TEXT]
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef SOCK_CLOEXEC
#error "needs Linux or a recent BSD"
#endif

#define LOG_PATH  "/dev/log"
#define MAXTRIES  5

static int log_fd = -1;
static const char *log_tag = "svcnote";

static socklen_t fill_addr(struct sockaddr_un *sun, const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= sizeof sun->sun_path)
		return 0;
	if (name[0] != '/' && name[0] != '@')
		return 0;
	memset(sun, 0, sizeof *sun);
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, name, len);
	if (name[0] == '@') {
		sun->sun_path[0] = '\0'; /* the abstract name space */
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	}
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
}

static int dgram_to(const char *name)
{
	struct sockaddr_un sun;
	struct timeval tv;
	socklen_t len;
	int fd;

	len = fill_addr(&sun, name);
	if (len == 0)
		return -EINVAL;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	tv.tv_sec = 2;
	tv.tv_usec = 0;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) < 0 ||
	    connect(fd, (struct sockaddr *)&sun, len) < 0) {
		int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

static int dgram_send(int fd, const void *data, size_t len)
{
	int tries = 0;

	for (;;) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n >= 0)
			return 0; /* a datagram goes whole or not at all */
		if (errno == EINTR)
			continue;
		if (errno == ENOBUFS && ++tries < MAXTRIES) {
			struct timespec ts = { 0, 10 * 1000 * 1000 };

			nanosleep(&ts, NULL);
			continue;
		}
		return -errno;
	}
}

int svc_notify(const char *state)
{
	const char *name = getenv("NOTIFY_SOCKET");
	int fd, r;

	if (name == NULL)
		return 0; /* not started by a manager that listens */
	fd = dgram_to(name);
	if (fd < 0)
		return fd;
	r = dgram_send(fd, state, strlen(state));
	close(fd);
	return r < 0 ? r : 1;
}

static int log_open(void)
{
	int fd;

	if (log_fd >= 0)
		return log_fd;
	fd = dgram_to(LOG_PATH);
	if (fd < 0)
		return fd;
	log_fd = fd;
	return fd;
}

static void log_reset(void)
{
	if (log_fd >= 0) {
		close(log_fd);
		log_fd = -1;
	}
}

int svc_log(int priority, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int head, body, r, again;

	head = snprintf(line, sizeof line, "<%d>%s[%ld]: ", priority, log_tag, (long)getpid());
	if (head < 0 || (size_t)head >= sizeof line)
		return -EOVERFLOW;
	va_start(ap, fmt);
	body = vsnprintf(line + head, sizeof line - (size_t)head, fmt, ap);
	va_end(ap);
	if (body < 0)
		return -EINVAL;
	if ((size_t)(head + body) >= sizeof line)
		body = (int)sizeof line - 1 - head;

	/* The daemon may have been restarted since the last message: reconnect once. */
	r = -ENOTCONN;
	for (again = 0; again < 2; again++) {
		int fd = log_open();

		if (fd < 0)
			return fd;
		r = dgram_send(fd, line, (size_t)(head + body));
		if (r == 0)
			return 0;
		log_reset();
		if (r != -ECONNREFUSED && r != -ENOTCONN && r != -ECONNRESET)
			return r;
	}
	return r;
}

static void usage(void)
{
	fputs("usage: svcnote [-r] [-s TEXT] [-l PRIORITY TEXT]\n", stderr);
	exit(2);
}

static int clamp(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

int main(int argc, char **argv)
{
	char state[512];
	int c, r = 0;

	while ((c = getopt(argc, argv, "rs:l:")) != -1) {
		switch (c) {
		case 'r':
			r = svc_notify("READY=1\n");
			break;
		case 's':
			snprintf(state, sizeof state, "STATUS=%s\n", optarg);
			r = svc_notify(state);
			break;
		case 'l':
			if (optind >= argc)
				usage();
			r = svc_log(8 * 3 + clamp(atoi(optarg), 0, 7), "%s", argv[optind]);
			optind++;
			break;
		default:
			usage();
		}
		if (r < 0) {
			fprintf(stderr, "svcnote: %s\n", strerror(-r));
			return 1;
		}
	}
	return 0;
}
