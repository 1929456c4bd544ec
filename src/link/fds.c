/* SPDX-License-Identifier: Apache-2.0 */
/* fds.c - see fds.h */
#include "link/fds.h"

#include <errno.h>

#include "sys/sys.h"

struct fds *fds_new(void)
{
	struct fds *f = sys_alloc(sizeof(*f));

	if (f)
		f->references = 1;
	return f;
}

struct fds *fds_ref(struct fds *f)
{
	f->references++;
	return f;
}

void fds_unref(struct fds *f)
{
	if (!f || --f->references > 0)
		return;
	fds_close(f);
	sys_free(f);
}

void fds_close_received(int fd)
{
	const struct linger none = { 0 };

	sys_setsockopt(fd, SO_LINGER, &none, sizeof(none));
	sys_close(fd);
}

bool fds_charge(struct fds *f, struct account *a, uint32_t n)
{
	if (!a || n == 0)
		return true;
	if (!account_charge(a, ACCOUNT_FDS, n))
		return false;
	f->account = a;
	f->charged += n;
	return true;
}

uint32_t fds_charge_take(struct fds *f)
{
	uint32_t n = f->charged;

	f->charged = 0;
	f->account = NULL;
	return n;
}

void fds_uncharge(struct fds *f)
{
	struct account *a = f ? f->account : NULL;

	if (f && f->charged > 0)
		account_release(a, ACCOUNT_FDS, fds_charge_take(f));
}

void fds_close(struct fds *f)
{
	fds_uncharge(f);
	for (uint32_t i = 0; i < f->n; i++) {
		if (f->fd[i] < 0)
			continue;
		if (f->received)
			fds_close_received(f->fd[i]);
		else
			sys_close(f->fd[i]);
	}
	f->n = 0;
}

int fds_add(struct fds *f, int fd)
{
	if (f->n >= FDS_MAX)
		return -E2BIG;
	f->fd[f->n] = fd;
	return (int)f->n++;
}

/* One that is there already must not be closed, and closing what is not open would hit whatever gets its number. */
static bool fds_are(const struct fds *f, int fd)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (f->fd[i] == fd)
			return true;
	return false;
}

int fds_push(struct fds **f, struct account *a, int fd)
{
	int r = -ENOMEM;

	if (sys_get_flags(fd) == -EBADF || (*f && fds_are(*f, fd)))
		return -EBADF;
	if (!*f)
		*f = fds_new();
	if (*f)
		r = (*f)->n >= FDS_MAX || fds_charge(*f, a, 1) ? fds_add(*f, fd) : -EAGAIN;
	if (r < 0)
		sys_close(fd);
	return r;
}

int fds_take(struct fds *f, int64_t index)
{
	int fd;

	if (!f || index < 0 || index >= f->n || f->fd[index] < 0)
		return -EBADF;
	fd = f->fd[index];
	f->fd[index] = -1;
	if (f->charged > 0) {
		f->charged--;
		account_release(f->account, ACCOUNT_FDS, 1);
	}
	return fd;
}
