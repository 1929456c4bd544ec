/* Tables and lists of connections that are left without an end. */
#include <glib.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 32 };

static int slots[MOST];
static struct pollfd polled[MOST];
static GList *lines;

void bad_enter_slot(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (int i = 0; i < MOST; i++)
		if (slots[i] < 0) {
			slots[i] = fd;
			return;
		}
	close(fd);
}

void bad_hear_slot(fd_set *ready)
{
	char c;

	for (int i = 0; i < MOST; i++)
		if (slots[i] >= 0 && FD_ISSET(slots[i], ready) && recv(slots[i], &c, 1, 0) <= 0)
			slots[i] = -1; // L3
}

void bad_enter_polled(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (int i = 0; i < MOST; i++)
		if (polled[i].fd < 0) {
			polled[i].fd = fd;
			return;
		}
	close(fd);
}

void bad_hear_polled(int i)
{
	char c;
	ssize_t n = recv(polled[i].fd, &c, 1, 0);

	if (n <= 0)
		polled[i].fd = -1; // L3
}

void bad_enter_line(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		lines = g_list_append(lines, GINT_TO_POINTER(fd));
}

void bad_hear_line(int fd)
{
	char c;

	if (recv(fd, &c, 1, 0) <= 0)
		lines = g_list_remove(lines, GINT_TO_POINTER(fd)); // L3
}

struct caller {
	struct caller *next;
	int fd;
	char in[100];
};

static struct caller *callers;

void bad_enter_caller(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	struct caller *c;

	if (fd < 0)
		return;
	c = malloc(sizeof(*c)); // L3
	if (!c) {
		close(fd);
		return;
	}
	c->fd = fd;
	c->next = callers;
	callers = c;
}

void bad_drop_caller(struct caller *c)
{
	for (struct caller **p = &callers; *p; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			break;
		}
	close(c->fd);
}
