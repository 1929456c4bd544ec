/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passed.c - descriptors beside calls and answers, at the service's end
 *
 *   SO_PASSRIGHTS is off, for the listener and its connections, until an interface is offered that has a method with
 *   [Takes file descriptors]: until then a peer that passes one gets EPERM (since Linux 6.16; before, they are received
 *   and closed, and end the connection, since nobody takes them)
 *
 *   a call     conn/passing.c finds out which message owns those of a read, by serve_takes() in serve.c
 *   a request  gets the block in request_new(), and closes with its memory what nobody took
 *   an answer  what was pushed is for the next one, whatever becomes of that; the block has another reference in the
 *              connection's queue then, and the request lets go of its own
 *
 * The last block of a request that is freed on another thread, after its service, is its own: nothing here is shared by then.
 */
#include <errno.h>

#include "base/base.h"
#include "link/socket.h"
#include "service/service.h"

static_assert((int)FDS_MAX == (int)POSTERN_FDS_MAX, "a message has as many as the header says");

/* ---- in ---- */

static uint32_t passed_flags(const struct postern_interface *i)
{
	uint32_t flags = 0;

	for (uint32_t k = 0; k < i->n_methods; k++)
		flags |= i->methods[k]->flags;
	return flags & (POSTERN_METHOD_TAKES_FDS | POSTERN_METHOD_RETURNS_FDS);
}

/* Of few, half are for those that are told Busy. */
static uint32_t passed_without_reserve(uint32_t limit)
{
	return limit > 2 * SERVICE_RESERVE ? limit - SERVICE_RESERVE : (limit + 1) / 2;
}

/* The server admits fewer than it did. */
static void passed_leave(struct postern_service *s)
{
	uint32_t each = passed_without_reserve(s->server->per_uid_max);

	s->connections_max = passed_without_reserve(s->server->connections_max);
	if (s->per_uid_max > each)
		s->per_uid_max = each;
}

void passed_admit(struct postern_service *s, const struct postern_interface *i)
{
	struct postern_server *server = s->server;
	uint32_t flags = passed_flags(i);

	if (flags && !s->passes_fds && server_leave_fds(server) > 0)
		passed_leave(s);
	s->passes_fds |= flags > 0;
	if (s->takes_fds || !(flags & POSTERN_METHOD_TAKES_FDS))
		return;
	s->takes_fds = true;
	/* Also for a name that is published again. */
	server->owner.options.admits_rights = true;
	server->owner.refuses_rights = false;
	if (server->owner.listener >= 0)
		link_set_rights(server->owner.listener, true);
	for (struct list *l = s->serves.next; l != &s->serves; l = l->next)
		conn_admit_rights(container_of(l, struct serve, node)->conn, true);
}

int passed_take(struct postern_request *r, struct postern_conn *c)
{
	struct postern_service *s = r->service;
	struct fds *fds = conn_take_fds(c);
	int error = fds ? fds->error : 0;

	if (error == 0) {
		if (fds)
			s->lost_fds = PASSED_NOT_LOST;
		r->fds = fds;
		return 0;
	}
	fds_unref(fds);
	if (error == -EMFILE && s->lost_fds == PASSED_NOT_LOST) {
		s->lost_fds = PASSED_LOST;
		service_look_again(s);
	}
	return -EAGAIN;
}

void passed_tell(struct postern_service *s)
{
	static const struct postern_reason lost = {
		.code = POSTERN_REASON_NO_RESOURCES,
		.error = -EMFILE,
		.text = "descriptors of a call were lost, which was answered with Busy: too many are open in this process",
	};

	if (s->lost_fds != PASSED_LOST)
		return;
	s->lost_fds = PASSED_TOLD;
	service_tell(s, &lost);
}

size_t postern_request_fds(const struct postern_request *r)
{
	return r && r->fds ? r->fds->n : 0;
}

int postern_request_take_fd(struct postern_request *r, int64_t index)
{
	int fd;

	if (!r)
		return why_argument("postern_request_take_fd", "r is NULL");
	fd = fds_take(r->fds, index);
	if (fd < 0)
		why_set(why_last(), POSTERN_REASON_FAILED, fd,
			"%s: the call brought %zu descriptors, and number %lld is none of them, or was taken",
			r->name, postern_request_fds(r), (long long)index);
	return fd;
}

/* ---- out ---- */

void passed_drop(struct postern_request *r)
{
	fds_unref(r->pushed);
	r->pushed = NULL;
}

static int passed_may_push(const struct postern_request *r)
{
	bool alone = r->answered || !(r->flags & POSTERN_CALL_ONEWAY);

	if (!r->method || !(r->method->flags & POSTERN_METHOD_RETURNS_FDS))
		return -ENOTSUP;
	if (!r->serve && alone)
		return -ESTALE;
	return 0;
}

static const char *passed_wrong(int error)
{
	switch (error) {
	case -ENOTSUP:
		return "the method does not say that it returns file descriptors";
	case -ESTALE:
		return "the call was answered, or its peer has left";
	case -E2BIG:
		return "an answer has as many descriptors as it can (POSTERN_FDS_MAX)";
	case -EAGAIN:
		return "the user of its peer has as many descriptors as it may (descriptors_per_uid), and has not read them";
	case -EBADF:
		return "the descriptor is not open, or was pushed before";
	default:
		return why_errno(error);
	}
}

/* Whoever makes the answer again, once there is room, pushes all of them again. */
static void passed_wait(struct postern_request *r)
{
	passing_want(r->serve->conn, r->pushed ? r->pushed->n + 1u : 1);
	passed_drop(r);
	r->refused = true;
	conn_crowd(r->serve->conn);
}

int postern_request_push_fd(struct postern_request *r, int fd)
{
	int index = r ? passed_may_push(r) : -EINVAL;

	if (index == 0)
		index = fds_push(&r->pushed, r->serve ? r->account : NULL, fd);
	else if (fd >= 0)
		sys_close(fd);
	if (!r)
		return why_argument("postern_request_push_fd", "r is NULL");
	r->crowded = index == -EAGAIN;
	if (r->crowded && r->serve)
		passed_wait(r);
	if (index < 0)
		why_set(why_last(), POSTERN_REASON_FAILED, index, "%s: %s", r->name,
			passed_wrong(index));
	return index;
}
