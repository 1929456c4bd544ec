/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox.c - bytes to the peer
 *
 * A write copies into the connection's queue; the end of the turn sends a turn's writes with one system
 * call. The kernel counts buffers and not bytes against its limit (278 one-byte sends fill it), so
 * one send of many messages also lets the most of them fit into the kernel's buffer.
 *
 * Tried and rejected: sending large writes at once, bypassing the queue, to save the copy. From 4 KiB to 256 KiB
 * per message, at every threshold, it was no faster, because the kernel copies too and our copy leaves the
 * bytes in the cache for it (docs/RATIONALE.md has the figures).
 *
 * A reservation is the spare room of the last chunk, and is noted there: in the connection it would cost memory for as long
 * as that lives. Whatever appends to the chunk or takes it away thereby ends the reservation, and no writer has to know of
 * it. What is refused, or sends, says so (outbox_unreserve()): a commit after that is refused whatever became of the bytes.
 * A chunk that was taken for a reservation and in which nothing was committed goes back when the connection runs.
 *
 * EPOLLOUT is requested only after the kernel took less than it was given, and removed at the next send.
 *
 * The account is charged for chunks and not for bytes: bytes that fit into the last chunk are free, and most writes fit.
 * A message that finds the queue empty and no room in the account waits in line; nothing else does, since a queue
 * that is not empty triggers drained.
 */
#include <errno.h>
#include <limits.h>

#include "conn/conn.h"
#include "core/frame.h"
#include "link/socket.h"

enum {
	/* A send to a peer that does not appear to read: small, so that progress shows sooner. */
	OUTBOX_SLOW = 4096,
	/* Tries, 750 ms in all, while the kernel takes no descriptors. */
	OUTBOX_IN_FLIGHT = 12,
};

#define OUTBOX_CHUNK sizeof(((struct chunk *)0)->bytes)

/* Reports added or freed chunks to the account; charged: what it has already admitted beyond the previous ones. A
   release counts for the reserve only if that was lent for the queue. */
static inline void outbox_charge(struct postern_conn *c, uint32_t had, size_t charged)
{
	size_t was = (size_t)had * CHUNK_SIZE + charged, is = (size_t)c->out.chunks * CHUNK_SIZE;

	if (!c->account || is == was)
		return;
	if (is > was)
		account_take(c->account, is - was);
	else
		account_give(c->account, c->flags & CONN_LENT_WRITE ? &c->line : NULL, was - is);
}

/* The queue is empty: it needs neither the reserve nor a place in line. */
static void outbox_return(struct postern_conn *c)
{
	if (!(c->flags & CONN_LENT_WRITE))
		return;
	c->flags &= ~(uint32_t)CONN_LENT_WRITE;
	if (!(c->flags & CONN_LENT_READ))
		account_return(c->account, &c->line);
}

void outbox_clear(struct postern_conn *c)
{
	uint32_t had = c->out.chunks;

	passing_out_clear(c);
	if (had > 0) {
		chunk_queue_clear(&c->out, &c->object.loop->pool);
		outbox_charge(c, had, 0);
	}
	outbox_return(c);
}

void outbox_drop(struct postern_conn *c)
{
	outbox_clear(c);
	conn_due(c, CONN_DUE_FLUSH);
}

void conn_break(struct postern_conn *c)
{
	c->flags =
		(c->flags | CONN_BROKEN) & ~(uint32_t)(CONN_BLOCKED | CONN_WANTED | CONN_CROWDED);
	conn_leave_line(c, CONN_LINE_WRITE);
	outbox_clear(c);
	/* A program that takes no bytes until drained will get no drained. */
	if (c->kept && c->state == POSTERN_STATE_CONNECTED)
		conn_due(c, CONN_DUE_OFFER);
}

/* Soon again, since others may be read, and then it is the end: a peer that waits for an answer is to know. */
static void outbox_in_flight(struct postern_conn *c)
{
	if (c->retries < OUTBOX_IN_FLIGHT) {
		conn_try_later(c);
		return;
	}
	c->failed = -ETOOMANYREFS;
	c->flags |= CONN_FAILED;
	conn_due(c, CONN_DUE_FLUSH);
}

/* Handles a failed send; conn_run() and the reader end the connection. */
static void conn_send_failed(struct postern_conn *c, int error)
{
	switch (error) {
	case -EINTR:
		break;
	case -EAGAIN:
		c->flags |= CONN_BLOCKED;
		break;
	case -ENOMEM:
	case -ENOBUFS:
		/* The socket stays writable meanwhile, so epoll would spin. */
		conn_try_later(c);
		break;
	/* Descriptors in flight, of all that this user has sent: core/flight.h. */
	case -ETOOMANYREFS:
		outbox_in_flight(c);
		break;
	case -EPIPE:
	case -ECONNRESET:
		conn_break(c);
		break;
	default:
		c->failed = (int16_t)error;
		c->flags |= CONN_FAILED;
		conn_due(c, CONN_DUE_FLUSH);
	}
}

/* The kernel took n bytes, which were all that it was given, or not. */
static void outbox_went(struct postern_conn *c, size_t n, bool all)
{
	c->sent += n;
	c->flags |= CONN_SENT;
	c->retries = 0;
	if (c->deadline_ns == POSTERN_FOREVER)
		idle_begin(c, WAITS_FOR_PEER);
	if (c->flags & CONN_WATCHED)
		idle_after_send(c, n);
	if (!all)
		c->flags |= CONN_BLOCKED;
}

void conn_send(struct postern_conn *c)
{
	size_t most = c->flags & CONN_SLOW ? OUTBOX_SLOW : loop_visit(c->object.loop);
	const struct fds *fds = NULL;
	uint32_t had = c->out.chunks;
	bool all;
	ssize_t r;

	if (c->flags & CONN_WATCHED)
		idle_before_send(c);
	if (c->flags & CONN_PASSES)
		fds = passing_out_next(c, &most);
	r = fds && fds->n > 0 ? link_send_fds(c->object.fd, &c->out, most, fds, &all)
			      : link_send(c->object.fd, &c->out, most, &all);
	if (r < 0) {
		conn_send_failed(c, (int)r);
		return;
	}
	chunk_queue_consume(&c->out, &c->object.loop->pool, (size_t)r);
	outbox_charge(c, had, 0);
	if (c->out.bytes == 0)
		outbox_return(c);
	c->untold += (uint32_t)r;
	loop_spend(c->object.loop, (size_t)r);
	outbox_went(c, (size_t)r, all);
	if (c->flags & CONN_PASSES)
		passing_out_sent(c);
}

/* ---- limits of the queue ---- */

/* How much more may be charged for this connection: one peer gets at most a quarter of the free part. */
static size_t outbox_share(const struct postern_conn *c)
{
	size_t own = (size_t)c->out.chunks * CHUNK_SIZE + (c->kept ? c->kept->charged : c->lent),
	       share;

	share = (account_free(c->account) + own) / 4;
	return share > own ? share - own : 0;
}

static inline size_t outbox_room(const struct postern_conn *c)
{
	size_t room =
		c->out.bytes < c->limits->high_water ? c->limits->high_water - c->out.bytes : 0;
	size_t spare = chunk_queue_spare(&c->out), chunks;

	if (!c->account || room <= spare)
		return room;
	chunks = outbox_share(c) / CHUNK_SIZE;
	/* One chunk fits into an empty queue, however full the account is. */
	if (chunks == 0 && c->out.chunks == 0)
		chunks = 1;
	spare += chunks * OUTBOX_CHUNK;
	return room < spare ? room : spare;
}

/* The low-water mark, or a quarter of what its account allows. The account may refuse a write below
   the mark: sending drained at once would cause the next refusal, in a loop, as long as the peer is slow. */
bool outbox_is_low(const struct postern_conn *c)
{
	uint32_t queued = c->out.bytes;
	size_t room;

	if (c->flags & CONN_LINE_WRITE)
		return account_would(c->account, &c->line, c->asked);
	if (c->flags & CONN_CROWDED && !passing_is_low(c))
		return false;
	if (queued == 0 || queued > c->limits->low_water)
		return queued == 0;
	room = outbox_room(c);
	return room / 3 >= queued && room >= c->asked;
}

/* A message of n bytes was refused, or a part of what may be written in parts: then n is 0. drained before it fits would be
   answered with the next refusal. */
static void outbox_refuse(struct postern_conn *c, size_t n)
{
	if (!(c->flags & CONN_LINE_WRITE) && (!(c->flags & CONN_REFUSED) || n < c->asked))
		c->asked = (uint32_t)n;
	c->flags |= CONN_REFUSED;
}

#define OUTBOX_CLOSED (CONN_SHUT | CONN_BROKEN | CONN_FAILED | CONN_ABORTED)

static inline int outbox_check(const struct postern_conn *c)
{
	int r = conn_check(c);

	if (r == 0 && (c->state == POSTERN_STATE_CLOSING || c->flags & OUTBOX_CLOSED))
		return -EPIPE;
	return r;
}

/* The same, for the functions that write: from here on the program knows that writes fail. */
static inline int outbox_begin(struct postern_conn *c)
{
	int r = outbox_check(c);

	if (__builtin_expect(r == -EPIPE, 0) && c->flags & CONN_BROKEN)
		c->flags |= CONN_DECLINED;
	return r;
}

static inline size_t outbox_add(struct postern_conn *c, const void *bytes, size_t n)
{
	return chunk_queue_append(&c->out, &c->object.loop->pool, bytes, n);
}

/* Do n bytes fit into the last chunk, below the high-water mark? Then nothing has to be asked for. */
static inline bool outbox_fits(const struct postern_conn *c, size_t n)
{
	return n <= chunk_queue_spare(&c->out) && c->out.bytes + n <= c->limits->high_water;
}

/* Where the next byte goes. */
static inline char *outbox_end(const struct postern_conn *c)
{
	return c->out.tail->bytes + c->out.tail->end;
}

static inline void outbox_due(struct postern_conn *c)
{
	if (!(c->due & CONN_DUE_FLUSH) && conn_has_socket(c))
		conn_due_first(c, CONN_DUE_FLUSH);
}

/* As many as fit. */
static ssize_t outbox_write_slowly(struct postern_conn *c, const void *bytes, size_t n)
{
	uint32_t had = c->out.chunks;
	size_t room = outbox_room(c), taken = n < room ? n : room, done = 0;

	outbox_unreserve(c);
	if (taken > 0)
		done = outbox_add(c, bytes, taken);
	outbox_charge(c, had, 0);
	if (done < n)
		outbox_refuse(c, 0);
	if (done < taken)
		c->flags |= CONN_SHORT;
	outbox_due(c);
	return done > 0 ? (ssize_t)done : -EAGAIN;
}

ssize_t postern_conn_write(struct postern_conn *c, const void *bytes, size_t n)
{
	int r = outbox_begin(c);

	if (r < 0)
		return r;
	if (n == 0)
		return 0;
	if (!bytes || n > SSIZE_MAX)
		return -EINVAL;
	if (!outbox_fits(c, n))
		return outbox_write_slowly(c, bytes, n);
	memcpy(outbox_end(c), bytes, n);
	chunk_queue_commit(&c->out, n);
	outbox_due(c);
	return (ssize_t)n;
}

ssize_t postern_conn_writev(struct postern_conn *c, const struct iovec *iov, size_t n_iov)
{
	ssize_t done = 0;

	if ((!iov && n_iov > 0) || n_iov > 1024)
		return -EINVAL;
	if (n_iov == 0)
		return outbox_check(c);
	for (size_t i = 0; i < n_iov; i++) {
		ssize_t r = postern_conn_write(c, iov[i].iov_base, iov[i].iov_len);

		if (r < 0)
			return done > 0 ? done : r;
		done += r;
		if ((size_t)r < iov[i].iov_len)
			break;
	}
	return done;
}

/* ---- whole messages ---- */

/* May a message of n bytes be queued now? It waits in line if only other connections of its uid are in the way.
   *ret_charged: how much the account was already charged for it. */
static bool outbox_admit(struct postern_conn *c, size_t n, size_t *ret_charged)
{
	bool owed = c->flags & CONN_REFUSED;
	size_t charge;

	if (n <= outbox_room(c))
		return true;
	outbox_refuse(c, n);
	if (!c->account || c->out.bytes > 0)
		return false;
	charge = (n + OUTBOX_CHUNK - 1) / OUTBOX_CHUNK * CHUNK_SIZE;
	if (!account_ask(c->account, &c->line, charge)) {
		c->flags |= CONN_LINE_WRITE;
		c->asked = (uint32_t)charge;
		return false;
	}
	if (c->account->holder == &c->line)
		c->flags |= CONN_LENT_WRITE;
	/* An earlier refusal, perhaps of a larger message, still gets its drained. */
	c->asked = 0;
	if (!owed)
		c->flags &= ~(uint32_t)CONN_REFUSED;
	conn_leave_line(c, CONN_LINE_WRITE);
	*ret_charged = charge;
	return true;
}

/* A frame that begins at outbox_end(), with its payload behind the head. */
static inline void outbox_close_frame(struct postern_conn *c, char *at, int framing, size_t n)
{
	bool head = frame_has_head(framing);

	if (head)
		frame_put_length(framing, at, (uint32_t)n);
	else
		at[n] = frame_tail(framing);
	chunk_queue_commit(&c->out, n + (head ? FRAME_HEAD : 1));
}

/* A whole frame, where it fits. */
static void outbox_put_frame(struct postern_conn *c, int framing, const void *payload, size_t n)
{
	char *at = outbox_end(c);

	if (n > 0)
		memcpy(at + (frame_has_head(framing) ? FRAME_HEAD : 0), payload, n);
	outbox_close_frame(c, at, framing, n);
}

/* The same, where it has to be admitted, or goes into several chunks: all or nothing. */
static ssize_t outbox_put_frame_slowly(struct postern_conn *c, int framing, const void *payload,
				       size_t n)
{
	char head[FRAME_HEAD], tail[1];
	size_t n_head = (size_t)postern_frame_make(framing, payload, n, head, tail);
	size_t whole = n + (n_head ? n_head : 1), charged = 0, done;
	uint32_t had = c->out.chunks, queued = c->out.bytes;

	outbox_unreserve(c);
	if (!outbox_admit(c, whole, &charged))
		return -EAGAIN;
	done = outbox_add(c, head, n_head);
	if (done == n_head && n > 0)
		done += outbox_add(c, payload, n);
	if (done == n_head + n)
		done += outbox_add(c, tail, whole - n_head - n);
	/* Out of memory. Bytes after half a message would be read as its rest. */
	if (done < whole) {
		chunk_queue_shorten(&c->out, &c->object.loop->pool, queued);
		outbox_refuse(c, 0);
		c->flags |= CONN_SHORT;
	}
	outbox_charge(c, had, charged);
	if (c->out.bytes == 0)
		outbox_return(c);
	return done == whole ? (ssize_t)n : -EAGAIN;
}

ssize_t postern_conn_write_frame(struct postern_conn *c, int framing, const void *payload, size_t n)
{
	int r = frame_check(framing, payload, n);
	size_t whole;

	if (r == 0)
		r = outbox_begin(c);
	if (r < 0)
		return r;
	if (__builtin_add_overflow(n, frame_has_head(framing) ? FRAME_HEAD : 1, &whole) ||
	    whole > c->limits->high_water)
		return -EMSGSIZE;
	outbox_due(c);
	if (!outbox_fits(c, whole))
		return outbox_put_frame_slowly(c, framing, payload, n);
	outbox_put_frame(c, framing, payload, n);
	return (ssize_t)n;
}

/* ---- in place ---- */

static_assert((int)POSTERN_RESERVE_MAX + (int)FRAME_HEAD <= (int)CHUNK_PIECE, "in one piece");

/* What a framing puts around a payload. */
static inline size_t outbox_around(int framing)
{
	return !framing ? 0 : frame_has_head(framing) ? FRAME_HEAD : 1;
}

/* Room for n bytes in one piece, below every limit. It needs no place in line: a chunk always fits into an empty queue. */
static int outbox_extend(struct postern_conn *c, size_t n)
{
	uint32_t had = c->out.chunks;

	if (n > outbox_room(c)) {
		outbox_refuse(c, n);
		return -EAGAIN;
	}
	if (!chunk_queue_extend(&c->out, &c->object.loop->pool, n)) {
		outbox_refuse(c, 0);
		c->flags |= CONN_SHORT;
		return -EAGAIN;
	}
	outbox_charge(c, had, 0);
	return 0;
}

/* The spare room of the last chunk is what is reserved. */
static inline ssize_t outbox_reserved(struct postern_conn *c, int framing, size_t around,
				      void **ret)
{
	struct chunk *tail = c->out.tail;
	uint32_t most = c->limits->high_water - c->out.bytes;
	uint32_t spare = (uint32_t)sizeof(tail->bytes) - tail->end;

	tail->at = tail->end;
	tail->room = (uint16_t)((most < spare ? most : spare) - around);
	tail->framing = (uint16_t)framing;
	*ret = tail->bytes + tail->end + (around == FRAME_HEAD ? FRAME_HEAD : 0);
	return tail->room;
}

static __attribute__((noinline)) ssize_t outbox_reserve_slowly(struct postern_conn *c, int framing,
							       size_t n, void **ret)
{
	size_t around = outbox_around(framing);
	int r = 0;

	if (!ret || n == 0 || framing < 0 || framing > POSTERN_FRAMING_U32LE)
		return -EINVAL;
	if (n > POSTERN_RESERVE_MAX || n + around > c->limits->high_water)
		return -EMSGSIZE;
	outbox_unreserve(c);
	outbox_due(c);
	if (!outbox_fits(c, n + around))
		r = outbox_extend(c, n + around);
	if (r < 0)
		return r;
	return outbox_reserved(c, framing, around, ret);
}

ssize_t postern_conn_reserve(struct postern_conn *c, int framing, size_t n, void **ret)
{
	int r = outbox_begin(c);

	if (r < 0)
		return r;
	/* The next ones of a turn need no call from here on. */
	if (framing || !ret || n == 0 || n > POSTERN_RESERVE_MAX || !outbox_fits(c, n) ||
	    !(c->due & CONN_DUE_FLUSH))
		return outbox_reserve_slowly(c, framing, n, ret);
	return outbox_reserved(c, 0, 0, ret);
}

static __attribute__((noinline)) int outbox_commit_frame(struct postern_conn *c, size_t n)
{
	struct chunk *tail = c->out.tail;
	int framing = tail->framing;
	char *at = outbox_end(c);
	int r = frame_has_head(framing) ? 0 : frame_check(framing, at, n);

	if (r < 0)
		return r;
	tail->room = 0;
	outbox_close_frame(c, at, framing, n);
	return 0;
}

int postern_conn_commit(struct postern_conn *c, size_t n)
{
	int r = outbox_begin(c);
	struct chunk *tail;

	if (r < 0)
		return r;
	tail = c->out.tail;
	if (!tail || tail->at != tail->end || tail->room == 0)
		return -ECANCELED;
	if (n > tail->room)
		return -EINVAL;
	if (tail->framing)
		return outbox_commit_frame(c, n);
	tail->room = 0;
	chunk_queue_commit(&c->out, n);
	return 0;
}

void outbox_tidy(struct postern_conn *c)
{
	outbox_unreserve(c);
	if (c->out.bytes == 0 && c->out.chunks > 0)
		outbox_clear(c);
}

void conn_write_later(struct postern_conn *c)
{
	outbox_refuse(c, 0);
	c->flags |= CONN_SHORT;
	conn_due(c, CONN_DUE_FLUSH);
}

/* ---- answers ---- */

int conn_write_owed(struct postern_conn *c, const void *bytes, size_t n)
{
	uint32_t had = c->out.chunks, queued = c->out.bytes;
	int r = outbox_begin(c);

	if (r < 0)
		return r;
	if (outbox_add(c, bytes, n) < n) {
		chunk_queue_shorten(&c->out, &c->object.loop->pool, queued);
		r = -ENOMEM;
	}
	outbox_charge(c, had, 0);
	conn_due(c, CONN_DUE_FLUSH);
	return r;
}

/* One send of bytes that are not queued: how many went, 0 also for what keeps the kernel from taking any now. */
static size_t outbox_send_these(struct postern_conn *c, const void *bytes, size_t n)
{
	size_t most = c->flags & CONN_SLOW && n > OUTBOX_SLOW ? OUTBOX_SLOW : n;
	ssize_t r;

	if (c->flags & CONN_WATCHED)
		idle_before_send(c);
	r = link_send_these(c->object.fd, bytes, most);
	if (r < 0) {
		conn_send_failed(c, (int)r);
		return 0;
	}
	loop_spend(c->object.loop, (size_t)r);
	outbox_went(c, (size_t)r, (size_t)r == most);
	return (size_t)r;
}

void conn_want(struct postern_conn *c)
{
	c->flags |= CONN_WANTED;
	conn_due(c, CONN_DUE_FLUSH);
}

ssize_t conn_send_now(struct postern_conn *c, const void *bytes, size_t n)
{
	size_t went = 0;
	int r = outbox_begin(c);

	if (r < 0)
		return r;
	if (c->out.bytes > 0 && conn_can_send(c))
		conn_send(c);
	if (c->out.bytes == 0 && conn_can_send(c))
		went = outbox_send_these(c, bytes, n);
	if (c->flags & CONN_BROKEN) {
		conn_due(c, CONN_DUE_FLUSH);
		return -EPIPE;
	}
	if (went < n)
		conn_want(c);
	return (ssize_t)went;
}

void conn_crowd(struct postern_conn *c)
{
	/* While it closes nobody hears drained. */
	if (c->state != POSTERN_STATE_CONNECTED)
		return;
	outbox_refuse(c, 0);
	if (!(c->flags & CONN_CROWDED))
		c->looks = 0;
	c->flags |= CONN_CROWDED;
	conn_due(c, CONN_DUE_FLUSH);
}

bool conn_has_room(struct postern_conn *c)
{
	if (c->flags & CONN_PASSES && !passing_has_room(c)) {
		conn_crowd(c);
		return false;
	}
	if (outbox_room(c) > 0)
		return true;
	outbox_refuse(c, 0);
	return false;
}

size_t postern_conn_room(const struct postern_conn *c)
{
	return outbox_check(c) < 0 ? 0 : outbox_room(c);
}

ssize_t postern_conn_flush(struct postern_conn *c)
{
	int r = conn_check(c);

	if (r < 0)
		return r;
	outbox_unreserve(c);
	for (int i = 0; i < CONN_ROUNDS && c->out.bytes > 0 && conn_can_send(c); i++) {
		conn_send(c);
		/* Only report what has happened: a program that flushes in every turn still waits in them. */
		conn_due(c, CONN_DUE_FLUSH);
	}
	return (ssize_t)c->out.bytes;
}
