/* The caller opens the member, a helper closes it when it fails, and says so. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct line {
	int fd;
	int state;
	struct sockaddr_un where;
};

static int dial(struct line *l)
{
	if (connect(l->fd, (struct sockaddr *)&l->where, sizeof(l->where)) < 0) {
		close(l->fd);
		return -1;
	}
	l->state = 1;
	return 0;
}

static bool dial_or_false(struct line *l)
{
	if (connect(l->fd, (struct sockaddr *)&l->where, sizeof(l->where)) == 0)
		return true;
	close(l->fd);
	return false;
}

static int dial_errno(struct line *l)
{
	int r = 0;

	if (connect(l->fd, (struct sockaddr *)&l->where, sizeof(l->where)) < 0) {
		r = -errno;
		goto out;
	}
	l->state = 2;
out:
	if (r < 0)
		close(l->fd);
	return r;
}

static int dial_positive(struct line *l)
{
	if (connect(l->fd, (struct sockaddr *)&l->where, sizeof(l->where)) < 0) {
		close(l->fd);
		return EHOSTDOWN;
	}
	return 0;
}

static int made(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int right_minus_one(void)
{
	struct line l = { .fd = made() };

	if (l.fd < 0)
		return -1;
	if (dial(&l) < 0)
		return -1;
	return close(l.fd);
}

int wrong_minus_one(void)
{
	struct line l = { .fd = made() };

	if (l.fd < 0)
		return -1;
	if (dial(&l) < 0) {
		close(l.fd); /* L4 */
		return -1;
	}
	return close(l.fd);
}

int lost_when_all_went_well(void)
{
	struct line l = { .fd = made() };

	if (l.fd < 0)
		return -1;
	if (dial(&l) < 0)
		return -1;
	return 0; /* L1 */
}

int right_bool(void)
{
	struct line l = { .fd = made() };

	if (l.fd < 0)
		return -1;
	if (!dial_or_false(&l))
		return -1;
	return close(l.fd);
}

int wrong_bool(void)
{
	struct line l = { .fd = made() };
	int r = -1;

	if (l.fd < 0)
		return -1;
	if (!dial_or_false(&l))
		goto out;
	r = 0;
out:
	close(l.fd); /* L4 */
	return r;
}

int right_errno(void)
{
	struct line l;
	int r;

	l.fd = made();
	if (l.fd < 0)
		return -1;
	r = dial_errno(&l);
	if (r != 0)
		return r;
	close(l.fd);
	return 0;
}

int wrong_errno(void)
{
	struct line l;
	int r;

	l.fd = made();
	if (l.fd < 0)
		return -1;
	r = dial_errno(&l);
	close(l.fd); /* L4 */
	return r;
}

int right_positive(void)
{
	struct line l;

	l.fd = made();
	if (l.fd < 0)
		return -1;
	if (dial_positive(&l))
		return -1;
	close(l.fd);
	return 0;
}

int wrong_positive(void)
{
	struct line l;

	l.fd = made();
	if (l.fd < 0)
		return -1;
	if (dial_positive(&l) != 0) {
		shutdown(l.fd, SHUT_RDWR); /* L4 */
		return -1;
	}
	close(l.fd);
	return 0;
}

int right_on_the_heap(void)
{
	struct line *l = malloc(sizeof(*l));

	if (!l)
		return -1;
	l->fd = made();
	if (l->fd < 0 || dial(l) < 0) {
		free(l);
		return -1;
	}
	close(l->fd);
	free(l);
	return 0;
}

int wrong_on_the_heap(void)
{
	struct line *l = malloc(sizeof(*l));

	if (!l)
		return -1;
	l->fd = made();
	if (l->fd < 0) {
		free(l);
		return -1;
	}
	if (dial(l) < 0) {
		close(l->fd); /* L4 */
		free(l);
		return -1;
	}
	close(l->fd);
	free(l);
	return 0;
}
