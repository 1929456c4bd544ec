/* Tables and lists of connections that are ended when they leave. */
#include <glib.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 32 };

static int slots[MOST], later[MOST], others[MOST];
static struct pollfd polled[MOST];
static GList *lines;

void good_init(void)
{
	for (int i = 0; i < MOST; i++)
		slots[i] = later[i] = others[i] = polled[i].fd = -1;
}

void good_enter_slot(int door)
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

void good_hear_slot(fd_set *ready)
{
	char c;

	for (int i = 0; i < MOST; i++) {
		int fd = slots[i];

		if (fd < 0 || !FD_ISSET(fd, ready) || recv(fd, &c, 1, 0) > 0)
			continue;
		slots[i] = -1;
		close(fd);
	}
}

void good_enter_polled(int door)
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

static void end_polled(struct pollfd *p)
{
	close(p->fd);
}

void good_hear_polled(int i)
{
	char c;

	if (recv(polled[i].fd, &c, 1, 0) <= 0) {
		end_polled(&polled[i]);
		polled[i].fd = -1;
	}
}

void good_enter_line(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		lines = g_list_append(lines, GINT_TO_POINTER(fd));
}

static void line_drop(int fd)
{
	close(fd);
	lines = g_list_remove(lines, GINT_TO_POINTER(fd));
}

void good_hear_line(int fd)
{
	char c;

	if (recv(fd, &c, 1, 0) <= 0)
		line_drop(fd);
}

void good_enter_later(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		later[0] = fd;
}

/* The caller closes what is given back. */
int good_hear_later(void)
{
	char c;
	int fd = later[0];

	if (recv(later[0], &c, 1, 0) > 0)
		return -1;
	later[0] = -1;
	return fd;
}

void good_enter_other(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		others[0] = fd;
}

void good_hear_other(int *end)
{
	char c;

	if (recv(others[0], &c, 1, 0) <= 0) {
		*end = others[0];
		others[0] = -1;
	}
}

struct caller {
	struct caller *next;
	int fd;
};

static struct caller *callers;

void good_enter_caller(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	struct caller *c;

	if (fd < 0)
		return;
	c = malloc(sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	c->fd = fd;
	c->next = callers;
	callers = c;
}

static void caller_free(void *data)
{
	struct caller *c = data;

	close(c->fd);
	free(c);
}

void good_sweep(void)
{
	while (callers) {
		struct caller *next = callers->next;

		caller_free(callers);
		callers = next;
	}
}

struct guest {
	int fd;
};

static GHashTable *guests;

void good_guests(void)
{
	guests = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
}

void good_enter_guest(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	struct guest *g;

	if (fd < 0)
		return;
	g = g_new0(struct guest, 1);
	g->fd = fd;
	g_hash_table_insert(guests, GINT_TO_POINTER(fd), g);
}

void good_leave_guest(int fd)
{
	close(fd);
	g_hash_table_remove(guests, GINT_TO_POINTER(fd));
}

/* The first of the table is the listener. */
static struct pollfd table[MOST];
static int n_table;

void good_table(int door)
{
	if (listen(door, 5) < 0)
		return;
	table[0].fd = door;
	n_table = 1;
}

void good_leave_table(int i)
{
	close(table[i].fd);
	table[i] = table[--n_table];
}

void good_enter_table(void)
{
	int fd = accept4(table[0].fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (n_table == MOST) {
		close(fd);
		return;
	}
	table[n_table++].fd = fd;
}

struct bucket {
	size_t n;
};

static struct bucket *cache;

size_t good_cached(void)
{
	return cache->n;
}

void good_one_cache(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	cache = calloc(MOST, sizeof(*cache));
	close(fd);
}
