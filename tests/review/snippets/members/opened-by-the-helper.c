/* The helper opens the member, and closes it when something after that fails. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct door {
	int fd;
	struct sockaddr_un where;
};

struct house {
	struct door front;
	int doors;
};

static void door_shut(struct door *d)
{
	close(d->fd);
}

/* The path stays: whoever opened it before takes it away. */
static int door_open(struct door *d)
{
	d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (d->fd < 0)
		return -1;
	if (connect(d->fd, (struct sockaddr *)&d->where, sizeof(d->where)) < 0) {
		door_shut(d);
		return -1;
	}
	return 0;
}

static int door_open_and_forget(struct door *d)
{
	d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (d->fd < 0)
		return -1;
	if (connect(d->fd, (struct sockaddr *)&d->where, sizeof(d->where)) < 0) {
		close(d->fd);
		d->fd = -1;
		return -1;
	}
	return 0;
}

/* Two levels: what the inner one closed the outer one does not. */
static int door_begin(struct door *d)
{
	memset(&d->where, 0, sizeof(d->where));
	if (door_open(d) < 0)
		return -1;
	return 0;
}

static struct door *door_given(struct door *d)
{
	if (door_open(d) < 0)
		return NULL;
	return d;
}

int right(void)
{
	struct door d = { .fd = -1 };

	if (door_open(&d) < 0)
		return -1;
	door_shut(&d);
	return 0;
}

int wrong(void)
{
	struct door d = { .fd = -1 };

	if (door_open(&d) < 0) {
		close(d.fd); /* L4 */
		return -1;
	}
	door_shut(&d);
	return 0;
}

int wrong_through_a_helper(void)
{
	struct door d = { .fd = -1 };
	int r = door_open(&d);

	if (r < 0) {
		d.where.sun_path[0] = '\0';
		door_shut(&d); /* L4 */
		return r;
	}
	close(d.fd);
	return r;
}

int right_after_it_was_forgotten(void)
{
	struct door d = { .fd = -1 };

	if (door_open_and_forget(&d) < 0) {
		close(d.fd);
		return -1;
	}
	close(d.fd);
	return 0;
}

int right_two_levels(struct door *d)
{
	if (door_begin(d) < 0)
		return -1;
	close(d->fd);
	return 0;
}

int wrong_two_levels(struct door *d)
{
	int r = door_begin(d);

	close(d->fd); /* L4 */
	return r;
}

int right_pointer(struct door *d)
{
	if (!door_given(d))
		return -1;
	close(d->fd);
	return 0;
}

int wrong_pointer(struct door *d)
{
	if (door_given(d) == NULL) {
		close(d->fd); /* L4 */
		return -1;
	}
	close(d->fd);
	return 0;
}

int right_nested(struct house *h)
{
	if (door_open(&h->front) < 0)
		return -1;
	h->doors++;
	close(h->front.fd);
	return 0;
}

int wrong_nested(struct house *h)
{
	if (door_open(&h->front) < 0) {
		close(h->front.fd); /* L4 */
		return -1;
	}
	h->doors++;
	close(h->front.fd);
	return 0;
}

int right_again_and_again(struct house *h, int times)
{
	for (int i = 0; i < times; i++) {
		if (door_open(&h->front) < 0)
			continue;
		close(h->front.fd);
	}
	return 0;
}

int right_when_asked_later(struct door *d)
{
	int r = door_open(d), ok = r == 0;

	d->where.sun_path[0] = '\0';
	if (r == 0)
		close(d->fd);
	return ok;
}
