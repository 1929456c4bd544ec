/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defects:
 *  - accept() that fails for want of descriptors ends the server;
 *  - so does a signal that interrupts epoll_wait(), before the loop can see the flag;
 *  - a full socket buffer is waited for in a loop that asks the kernel without a pause;
 *  - the user is told good-bye on a descriptor that has just been closed;
 *  - a user that epoll refuses stays open.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_EVENTS 32
#define NAME_LEN 24
#define LINE_LEN 512

struct user {
	struct user *next;
	int fd;
	bool named;
	char name[NAME_LEN];
	char in[LINE_LEN];
	size_t in_len;
};

struct room {
	int epfd;
	int listener;
	struct user *users;
	unsigned count;
};

static volatile sig_atomic_t stop;

static void handle_stop(int sig)
{
	(void)sig;
	stop = 1;
}

#define DIE(...)                              \
	do {                                  \
		fprintf(stderr, __VA_ARGS__); \
		fputc('\n', stderr);          \
		exit(1);                      \
	} while (0)

static void user_send(struct user *u, const char *text, size_t len)
{
	while (len > 0) { /* @W2 */
		ssize_t n = send(u->fd, text, len, MSG_NOSIGNAL);

		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			return; /* the read side will see that it is gone */
		}
		text += n;
		len -= (size_t)n;
	}
}

static void room_say(struct room *room, const struct user *from, const char *text)
{
	char line[LINE_LEN + NAME_LEN + 8];
	struct user *u;
	int len;

	len = snprintf(line, sizeof(line), "<%s> %s\n", from->name, text);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(line))
		len = sizeof(line) - 1;
	for (u = room->users; u; u = u->next)
		if (u != from && u->named)
			user_send(u, line, (size_t)len);
}

static void room_remove(struct room *room, struct user *gone)
{
	struct user **p;

	for (p = &room->users; *p; p = &(*p)->next)
		if (*p == gone) {
			*p = gone->next;
			break;
		}
	room->count--;
}

static void user_leave(struct room *room, struct user *u, const char *why)
{
	char bye[64];

	epoll_ctl(room->epfd, EPOLL_CTL_DEL, u->fd, NULL);
	close(u->fd);
	room_remove(room, u);
	snprintf(bye, sizeof(bye), "* bye: %s\n", why);
	user_send(u, bye, strlen(bye)); /* @L4 */
	if (u->named)
		room_say(room, u, "left");
	free(u);
}

static void user_line(struct room *room, struct user *u, const char *line)
{
	if (!u->named) {
		snprintf(u->name, sizeof(u->name), "%.*s", NAME_LEN - 1, line);
		u->named = true;
		room_say(room, u, "joined");
		return;
	}
	room_say(room, u, line);
}

static void user_readable(struct room *room, struct user *u)
{
	char *nl;
	ssize_t n;

	n = recv(u->fd, u->in + u->in_len, sizeof(u->in) - u->in_len, 0);
	if (n < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return;
		user_leave(room, u, strerror(errno));
		return;
	}
	if (n == 0) {
		user_leave(room, u, "end of file");
		return;
	}
	u->in_len += (size_t)n;
	while ((nl = memchr(u->in, '\n', u->in_len))) {
		size_t used = (size_t)(nl + 1 - u->in);

		*nl = '\0';
		user_line(room, u, u->in);
		memmove(u->in, nl + 1, u->in_len - used);
		u->in_len -= used;
	}
	if (u->in_len == sizeof(u->in))
		user_leave(room, u, "line too long");
}

static void room_accept(struct room *room)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct user *u;
	int fd;

	/* Take all who wait, as the listener is edge-triggered. */
	for (;;) {
		fd = accept4(room->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); /* @E7 */
		if (fd < 0) {
			if (errno == EAGAIN)
				return;
			DIE("accept: %s", strerror(errno));
		}
		u = calloc(1, sizeof(*u));
		if (!u) {
			close(fd);
			return;
		}
		u->fd = fd;
		ev.data.ptr = u;
		if (epoll_ctl(room->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
			fprintf(stderr, "epoll_ctl: %s\n", strerror(errno));
			free(u);
			return; /* @L1 */
		}
		u->next = room->users;
		room->users = u;
		room->count++;
	}
}

static int room_open(struct room *room, const char *path)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.ptr = NULL };
	struct sockaddr_un addr;

	memset(&addr, 0, sizeof(addr));
	addr.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(addr.sun_path))
		DIE("%s: too long", path);
	strcpy(addr.sun_path, path);

	room->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (room->epfd < 0)
		DIE("epoll_create1: %s", strerror(errno));
	room->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (room->listener < 0)
		DIE("socket: %s", strerror(errno));
	if (bind(room->listener, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		DIE("bind %s: %s", path, strerror(errno));
	if (listen(room->listener, SOMAXCONN) < 0)
		DIE("listen: %s", strerror(errno));
	return epoll_ctl(room->epfd, EPOLL_CTL_ADD, room->listener, &ev);
}

int main(int argc, char **argv)
{
	struct epoll_event events[MAX_EVENTS];
	struct sigaction sa = { .sa_handler = handle_stop };
	struct room room = { .users = NULL };
	const char *path = argc > 1 ? argv[1] : "/tmp/chat";
	int i, n;

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	if (room_open(&room, path) < 0)
		DIE("epoll_ctl: %s", strerror(errno));

	while (!stop) {
		n = epoll_wait(room.epfd, events, MAX_EVENTS, -1); /* @E4 */
		if (n < 0)
			DIE("epoll_wait: %s", strerror(errno));
		for (i = 0; i < n; i++) {
			if (events[i].data.ptr)
				user_readable(&room, events[i].data.ptr);
			else
				room_accept(&room);
		}
	}
	while (room.users)
		user_leave(&room, room.users, "shutdown");
	unlink(path);
	close(room.listener);
	close(room.epfd);
	return 0;
}
