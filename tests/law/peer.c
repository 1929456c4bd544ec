/* SPDX-License-Identifier: Apache-2.0 */
/* peer.c - plain sockets at the other end: slow, half-closed, gone, rude, with descriptors in their hands */
#include "law.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct link *link_new(unsigned place, int framing0, int framing1)
{
	for (unsigned k = 0; k < LAW_LINKS; k++) {
		unsigned i = (place + k) % LAW_LINKS;
		struct link *l = &L.links[i];

		if (l->used)
			continue;
		*l = (struct link){ .used = true };
		l->side[0].fd = l->side[1].fd = -1;
		stream_init(&l->stream[0], (2 * i + 1) * 7919, framing0);
		stream_init(&l->stream[1], (2 * i + 2) * 7919, framing1);
		return l;
	}
	return NULL;
}

static int link_id(const struct link *l)
{
	return (int)(l - L.links);
}

/* The library's connection at the other side, if it has one that is not over. */
static struct end *link_end(struct link *l, int at)
{
	struct side *s = &l->side[!at];

	return s->kind == SIDE_END ? s->end : NULL;
}

void side_gone(struct link *l, int at)
{
	struct side *s = &l->side[at];

	if (s->kind == SIDE_PLAIN)
		close(s->fd);
	s->fd = -1;
	s->kind = SIDE_GONE;
	s->gone_ns = law_now();
}

void peer_close(struct link *l, int at)
{
	law_say("peer %d.%d closes", link_id(l), at);
	side_gone(l, at);
}

void peer_read(struct link *l, int at, size_t most)
{
	struct side *s = &l->side[at];
	struct stream *in = &l->stream[!at];
	size_t total = 0;

	while (total < most && s->kind == SIDE_PLAIN && !s->shut_read) {
		size_t n = most - total < LAW_SCRATCH ? most - total : LAW_SCRATCH;
		ssize_t r = recv(s->fd, law_scratch, n, MSG_DONTWAIT);

		if (r <= 0)
			break;
		stream_check(in, law_scratch, (size_t)r, "a plain peer");
		in->read += (size_t)r;
		total += (size_t)r;
	}
	if (total == 0)
		return;
	law_say("peer %d.%d reads %zu", link_id(l), at, total);
	L.progress += total;
	if (link_end(l, at))
		oracle_moved(link_end(l, at), total);
}

static void peer_sent(struct link *l, int at, ssize_t r)
{
	law_say("peer %d.%d sends %zd", link_id(l), at, r < 0 ? (ssize_t)-errno : r);
	if (r <= 0)
		return;
	L.progress += (size_t)r;
	if (!link_end(l, at))
		return;
	link_end(l, at)->received_ns = law_now();
	oracle_moved(link_end(l, at), (size_t)r);
}

void peer_write(struct link *l, int at, size_t n)
{
	struct side *s = &l->side[at];
	size_t have;
	const char *bytes = stream_offer(&l->stream[at], n, &have);
	ssize_t r = send(s->fd, bytes, have < n ? have : n, MSG_DONTWAIT | MSG_NOSIGNAL);

	peer_sent(l, at, r);
	if (r > 0)
		stream_took(&l->stream[at], bytes, (size_t)r);
}

/* What no peer should send. Bytes are bytes where there is no framing. */
static void peer_garbage(struct link *l, int at)
{
	static const char garbage[5] = "\377\377\377\377\377";
	struct stream *out = &l->stream[at];
	ssize_t r;

	if (!out->framing || out->n_rest > 0)
		return;
	r = send(l->side[at].fd, garbage, sizeof(garbage), MSG_DONTWAIT | MSG_NOSIGNAL);
	law_say("peer %d.%d sends garbage", link_id(l), at);
	if (r > 0)
		stream_wrote(out, garbage, (size_t)r);
}

static void peer_pass(struct link *l, int at)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = "" };
	size_t n;
	const char *bytes = stream_offer(&l->stream[at], 7, &n);
	struct iovec iov = { (void *)bytes, n < 7 ? n : 7 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.space,
			    .msg_controllen = sizeof(control.space) };
	int fd = eventfd(0, EFD_CLOEXEC);
	ssize_t r;

	control.head = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
					 .cmsg_type = SCM_RIGHTS,
					 .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	r = sendmsg(l->side[at].fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
	law_say("peer %d.%d passes a descriptor", link_id(l), at);
	peer_sent(l, at, r);
	if (r > 0)
		stream_took(&l->stream[at], bytes, (size_t)r);
}

static void peer_shutdown(struct link *l, int at, int how)
{
	struct side *s = &l->side[at];

	law_say("peer %d.%d shuts down its %s", link_id(l), at,
		how == SHUT_RD   ? "reading side"
		: how == SHUT_WR ? "writing side"
				 : "sides");
	shutdown(s->fd, how);
	s->shut_read |= how != SHUT_WR;
	s->shut_write |= how != SHUT_RD;
}

static size_t peer_size(void)
{
	switch (law_below(6)) {
	case 0:
		return 1 + law_below(10);
	case 1:
		return 1 + law_below(200000);
	default:
		return 1 + law_below(5000);
	}
}

void peer_act(struct link *l, int at)
{
	unsigned what = law_below(40);

	if (l->side[at].kind != SIDE_PLAIN)
		return;
	if (what < 16)
		peer_write(l, at, peer_size());
	else if (what < 30)
		peer_read(l, at, l->side[at].slow ? 1 + law_below(500) : peer_size() * 4);
	else if (what < 32)
		peer_close(l, at);
	else if (what < 34)
		peer_shutdown(l, at, SHUT_WR);
	else if (what == 34)
		peer_shutdown(l, at, law_chance(70) ? SHUT_RD : SHUT_RDWR);
	else if (what == 35)
		peer_garbage(l, at);
	else if (what == 36)
		peer_pass(l, at);
	else
		peer_read(l, at, SIZE_MAX);
}

/* ---- who is connected to whom ---- */

/* Gives the connecting socket a name of its own, by which the accepted end is told apart. */
void link_bind(struct end *e)
{
	struct link *l = e->link;
	int fd = (int)CALL(conn_fd, postern_conn_fd(e->c));
	sa_family_t family = AF_UNIX;
	struct sockaddr_un a;
	socklen_t n = sizeof(a);

	if (fd < 0 || l->n_address > 0)
		return;
	if (bind(fd, (const struct sockaddr *)&family, sizeof(family)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		return;
	n -= (socklen_t)offsetof(struct sockaddr_un, sun_path);
	memcpy(l->address, a.sun_path, n < sizeof(l->address) ? n : sizeof(l->address));
	l->n_address = (int)n;
	l->side[1].kind = SIDE_WAITS;
}

/* A connection may be accepted in the turn in which it was made, before its own end is told of it. */
static void link_bind_all(void)
{
	for (unsigned i = 0; i < L.n_ends; i++) {
		struct end *e = &L.ends[i];

		if (e->used && e->c && !e->freed && e->dialled && e->link->n_address == 0 &&
		    CALL(conn_state, postern_conn_state(e->c)) == POSTERN_STATE_CONNECTED)
			link_bind(e);
	}
}

void link_find(struct end *e)
{
	int fd = (int)CALL(conn_fd, postern_conn_fd(e->c));
	struct sockaddr_un a;
	socklen_t n = sizeof(a);
	int length = 0;

	link_bind_all();

	if (fd >= 0 && getpeername(fd, (struct sockaddr *)&a, &n) == 0)
		length = (int)n - (int)offsetof(struct sockaddr_un, sun_path);
	for (int i = 0; i < LAW_LINKS && length > 0; i++) {
		struct link *l = &L.links[i];

		if (l->used && l->n_address == length &&
		    memcmp(l->address, a.sun_path, (size_t)length) == 0) {
			e->link = l;
			break;
		}
	}
	if (!e->link) {
		/* Who connected and was ended before it heard of that. */
		e->link = link_new(LINKS_PLAIN, 0, 0);
		if (!e->link)
			law_broken("harness", "too many links");
		e->link->side[0].kind = SIDE_GONE;
		e->link->stream[0].unknown = e->drops = L.faulted;
	}
	e->at = 1;
	e->link->side[1].kind = SIDE_END;
	e->link->side[1].end = e;
}
