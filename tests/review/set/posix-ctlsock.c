/* SPDX-License-Identifier: Apache-2.0 */
/* correct: unlink before bind looks like stealing a live server's name, but the lock file is held
 * first; clients are closed in drop_client(), not where they are accepted; select() without a
 * time-out is the daemon's main loop; accept's EMFILE is slept over. */
/*
 * brightd - keeps the backlight level and answers requests on a control socket.
 *
 *	brightd [-s socket] [-d sysfs-dir]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define MAXCLIENTS 16
#define LINELEN	   256

struct client {
	int fd;
	size_t used;
	char line[LINELEN];
};

static struct client clients[MAXCLIENTS];
static volatile sig_atomic_t quit;
static int lockfd = -1;
static long level, maxlevel;
static char leveldev[4096];

static void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("brightd: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static void onterm(int sig)
{
	(void)sig;
	quit = 1;
}

/* Only one daemon for each socket: whoever has the lock owns the name. */
static void takelock(const char *sockpath)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];

	snprintf(path, sizeof(path), "%s.lock", sockpath);
	lockfd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lockfd < 0)
		die("%s: %s", path, strerror(errno));
	if (flock(lockfd, LOCK_EX | LOCK_NB) < 0)
		die("already running (%s is locked)", path);
}

static int opensock(const char *path)
{
	struct sockaddr_un sun;
	int fd;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sun.sun_path))
		die("%s: name too long", path);
	strcpy(sun.sun_path, path);

	takelock(path);
	if (unlink(path) < 0 && errno != ENOENT)
		die("unlink %s: %s", path, strerror(errno));

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		die("socket: %s", strerror(errno));
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		die("bind %s: %s", path, strerror(errno));
	if (listen(fd, 5) < 0)
		die("listen: %s", strerror(errno));
	return fd;
}

static void drop_client(struct client *c)
{
	close(c->fd);
	c->fd = -1;
	c->used = 0;
}

/* A client that does not read its answers must not hold up the others. */
static int limit(int fd)
{
	struct timeval tv = {.tv_sec = 1};

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static void new_client(int lfd)
{
	int fd, i;

	fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			usleep(200 * 1000);
		return;
	}
	for (i = 0; i < MAXCLIENTS; i++)
		if (clients[i].fd < 0)
			break;
	if (i == MAXCLIENTS || fd >= FD_SETSIZE || limit(fd) < 0) {
		close(fd);
		return;
	}
	clients[i].fd = fd;
	clients[i].used = 0;
}

static int put(struct client *c, const char *buf, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = send(c->fd, buf, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		buf += n;
		len -= (size_t)n;
	}
	return 0;
}

static int store(long value)
{
	FILE *f = fopen(leveldev, "we");
	int err;

	if (!f)
		return -1;
	fprintf(f, "%ld\n", value);
	err = ferror(f);
	if (fclose(f) || err)
		return -1;
	level = value;
	return 0;
}

static int command(struct client *c, char *line)
{
	char answer[64];
	char *end;
	long v;

	if (strcmp(line, "get") == 0) {
		snprintf(answer, sizeof(answer), "%ld/%ld\n", level, maxlevel);
		return put(c, answer, strlen(answer));
	}
	if (strncmp(line, "set ", 4) == 0) {
		v = strtol(line + 4, &end, 10);
		if (*end || v < 0 || v > maxlevel)
			return put(c, "range\n", 6);
		return store(v) < 0 ? put(c, "failed\n", 7) : put(c, "ok\n", 3);
	}
	return put(c, "what?\n", 6);
}

static void read_client(struct client *c)
{
	ssize_t n;
	char *nl;
	size_t rest;

	n = recv(c->fd, c->line + c->used, sizeof(c->line) - c->used, MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		drop_client(c);
		return;
	}
	c->used += (size_t)n;
	while ((nl = memchr(c->line, '\n', c->used))) {
		*nl = '\0';
		if (command(c, c->line) < 0) {
			drop_client(c);
			return;
		}
		rest = c->used - (size_t)(nl + 1 - c->line);
		memmove(c->line, nl + 1, rest);
		c->used = rest;
	}
	if (c->used == sizeof(c->line))
		drop_client(c); /* a line longer than any command */
}

static void loop(int lfd)
{
	fd_set rd;
	int i, max;

	while (!quit) {
		FD_ZERO(&rd);
		FD_SET(lfd, &rd);
		max = lfd;
		for (i = 0; i < MAXCLIENTS; i++) {
			if (clients[i].fd < 0)
				continue;
			FD_SET(clients[i].fd, &rd);
			if (clients[i].fd > max)
				max = clients[i].fd;
		}
		if (select(max + 1, &rd, NULL, NULL, NULL) < 0) {
			if (errno == EINTR)
				continue;
			die("select: %s", strerror(errno));
		}
		for (i = 0; i < MAXCLIENTS; i++)
			if (clients[i].fd >= 0 && FD_ISSET(clients[i].fd, &rd))
				read_client(&clients[i]);
		if (FD_ISSET(lfd, &rd))
			new_client(lfd);
	}
}

int main(int argc, char **argv)
{
	const char *path = "/run/brightd.sock", *dir = "/sys/class/backlight/panel";
	struct sigaction sa;
	char buf[4096];
	FILE *f;
	int c, i, fd;

	while ((c = getopt(argc, argv, "s:d:")) != -1) {
		if (c == 's')
			path = optarg;
		else if (c == 'd')
			dir = optarg;
		else
			return 2;
	}
	snprintf(leveldev, sizeof(leveldev), "%s/brightness", dir);
	snprintf(buf, sizeof(buf), "%s/max_brightness", dir);
	f = fopen(buf, "re");
	if (!f || fscanf(f, "%ld", &maxlevel) != 1)
		die("%s: no maximum", buf);
	fclose(f);

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = onterm;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);

	for (i = 0; i < MAXCLIENTS; i++)
		clients[i].fd = -1;
	fd = opensock(path);
	loop(fd);

	for (i = 0; i < MAXCLIENTS; i++)
		if (clients[i].fd >= 0)
			drop_client(&clients[i]);
	unlink(path);
	close(fd);
	return 0;
}
