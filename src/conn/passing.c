/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passing.c - descriptors of a connection, both ways
 *
 * In. A read that brings descriptors makes a block of them (link/fds.h), and core/glue.h says to which message they belong.
 * That gets them in its frame event, if it takes them; else they are closed when the event has returned. When nobody
 * takes them the connection ends.
 *
 *     read     bytes + descriptors -> in[], with the place of the read in the stream
 *     deliver  passing_next(): who owns them? -> nobody: the end; not known yet: wait; this one: `now`
 *     event    conn_take_fds(): the consumer's
 *
 * Out. Each message with descriptors is a place in the queue. A send ends before such a place, or begins at it and ends
 * with its message, so that no other message is in the same piece of the stream: then also a receiver that knows
 * nothing of gluing finds the right one, as far as a sender can help that. The descriptors go with the first byte that
 * the kernel takes, and are closed when it has the last one: a message of which the rest was dropped has not been sent, and
 * whoever sends it again needs them.
 *
 * In memory there is nothing of this before the first descriptor comes or goes.
 */
#include <errno.h>

#include "conn/conn.h"
#include "link/socket.h"

struct passing_in {
	struct fds *fds; /* NULL: unused */
	struct glue glue;
};

struct passing_out {
	struct list node;
	uint64_t at, end; /* in the stream */
	struct fds *fds;
};

struct passing {
	struct fds *now;
	struct passing_in in[2];
	struct list out;
};

static struct passing *passing_get(struct postern_conn *c)
{
	struct passing *p;

	if (c->flags & CONN_PASSES)
		return c->passing;
	p = sys_alloc(sizeof(*p));
	if (!p)
		return NULL;
	list_init(&p->out);
	assert(!c->dial);
	c->passing = p;
	c->flags |= CONN_PASSES;
	return p;
}

/* ---- in ---- */

static int passing_add(struct postern_conn *c, struct fds *fds, size_t n)
{
	struct passing *p = passing_get(c);
	struct passing_in *in;

	if (!p)
		return -ENOMEM;
	in = &p->in[p->in[0].fds ? 1 : 0];
	assert(!in->fds); /* passing_is_full() */
	in->fds = fds;
	glue_begin(&in->glue, c->received - n, c->received);
	return 0;
}

/* Two are enough, glue.h says why: with two, there is a whole message to be delivered, or the connection ends. */
bool passing_is_full(const struct postern_conn *c)
{
	return c->passing->in[1].fds;
}

ssize_t passing_receive(struct postern_conn *c, void *buffer, size_t n)
{
	struct fds *fds;
	ssize_t r = link_receive_fds(c->object.fd, buffer, n, &fds);
	int error;

	if (r <= 0)
		return r;
	c->received += (size_t)r;
	if (!fds)
		return r;
	error = passing_add(c, fds, (size_t)r);
	if (error < 0)
		fds_unref(fds);
	return error < 0 ? error : r;
}

static bool passing_takes(void *data, const char *message, size_t n, unsigned index)
{
	struct postern_conn *c = data;
	const struct conn_consumer *consumer = c->limits->consumer;

	return consumer && consumer->takes && consumer->takes(c, message, n, index);
}

static void passing_unwanted(struct postern_conn *c)
{
	static const struct postern_reason unwanted = {
		.code = POSTERN_REASON_VIOLATION,
		.error = -EBADMSG,
		.text = "descriptors came, and no message that began there takes any",
	};

	conn_finish_because(c, &unwanted);
}

void passing_delivered(struct postern_conn *c)
{
	fds_unref(c->passing->now);
	c->passing->now = NULL;
}

/* Both are looked at: the first one may wait for what a violation in the second one will never bring. */
static bool passing_look(struct postern_conn *c, const char *bytes, size_t n, uint64_t at)
{
	struct passing *p = c->passing;

	for (int i = 0; i < 2 && p->in[i].fds; i++)
		if (glue_look(&p->in[i].glue, bytes, n, at, passing_takes, c) == GLUE_NOBODYS) {
			passing_unwanted(c);
			return false;
		}
	return true;
}

bool passing_next(struct postern_conn *c, const char *bytes, size_t n)
{
	struct passing *p = c->passing;
	uint64_t at = c->received - n;

	if (!passing_look(c, bytes, n, at))
		return false;
	for (int i = 0; i < 2 && p->in[i].fds; i++) {
		struct passing_in *in = &p->in[i];
		bool open = in->glue.state == GLUE_OPEN;

		if (in->glue.owner != at)
			continue;
		if (open && !(c->flags & CONN_END)) {
			c->flags |= CONN_HALF;
			return false;
		}
		/* After the end the last message will never be whole; what came with its beginning was its own. */
		p->now = in->fds;
		*in = p->in[1];
		p->in[1] = (struct passing_in){ 0 };
		if (open)
			passing_delivered(c);
		return true;
	}
	return true;
}

struct fds *conn_take_fds(struct postern_conn *c)
{
	struct fds *fds = NULL;

	if (c->flags & CONN_PASSES) {
		fds = c->passing->now;
		c->passing->now = NULL;
	}
	return fds;
}

void conn_admit_rights(struct postern_conn *c, bool admitted)
{
	if (!conn_has_socket(c))
		return;
	/* What cannot be refused is received, and closed. */
	if (link_set_rights(c->object.fd, admitted) && !admitted)
		c->flags &= ~(uint32_t)CONN_RIGHTS;
	else
		c->flags |= CONN_RIGHTS;
}

/* ---- out ---- */

int passing_prepare(struct postern_conn *c, struct passing_out **ret)
{
	struct passing_out *out = passing_get(c) ? sys_alloc(sizeof(*out)) : NULL;

	if (!out)
		return -ENOMEM;
	*ret = out;
	return 0;
}

void passing_attach(struct postern_conn *c, struct passing_out *out, struct fds *fds, size_t n)
{
	out->end = c->sent + c->out.bytes;
	out->at = out->end - n;
	out->fds = fds_ref(fds);
	list_append(&c->passing->out, &out->node);
}

void passing_cancel(struct passing_out *out)
{
	sys_free(out);
}

static struct passing_out *passing_out_first(const struct postern_conn *c)
{
	struct list *out = &c->passing->out;

	return list_is_empty(out) ? NULL : container_of(out->next, struct passing_out, node);
}

static struct passing_out *passing_out_after(const struct postern_conn *c, struct passing_out *o)
{
	return o->node.next == &c->passing->out
		       ? NULL
		       : container_of(o->node.next, struct passing_out, node);
}

const struct fds *passing_out_next(const struct postern_conn *c, size_t *most)
{
	struct passing_out *first = passing_out_first(c), *next = first;
	uint64_t end = UINT64_MAX;

	/* The rest of a message of which the descriptors have gone. */
	if (first && first->at < c->sent)
		next = passing_out_after(c, first);
	if (!next)
		return NULL;
	end = next->at > c->sent ? next->at : next->end;
	if (end - c->sent < *most)
		*most = (size_t)(end - c->sent);
	return next->at == c->sent ? next->fds : NULL;
}

static void passing_out_drop(struct passing_out *out)
{
	list_remove(&out->node);
	fds_unref(out->fds);
	sys_free(out);
}

void passing_out_sent(struct postern_conn *c)
{
	struct passing_out *out;

	while ((out = passing_out_first(c)) && out->end <= c->sent) {
		fds_close(out->fds);
		passing_out_drop(out);
	}
}

void passing_out_clear(struct postern_conn *c)
{
	struct passing_out *out;

	while (c->flags & CONN_PASSES && (out = passing_out_first(c)))
		passing_out_drop(out);
}

void passing_hand_over(struct postern_conn *c)
{
	for (int i = 0; c->flags & CONN_PASSES && i < 2; i++) {
		fds_unref(c->passing->in[i].fds);
		c->passing->in[i] = (struct passing_in){ 0 };
	}
}

void passing_free(struct postern_conn *c)
{
	if (!(c->flags & CONN_PASSES))
		return;
	passing_out_clear(c);
	passing_hand_over(c);
	fds_unref(c->passing->now);
	sys_free(c->passing);
	c->flags &= ~(uint32_t)CONN_PASSES;
	c->passing = NULL;
}
