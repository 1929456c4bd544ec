/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern/conn.h - connections: calls that fewer programs need
 *
 * The rules at the top of postern.h hold here too.
 */
#ifndef POSTERN_CONN_H
#define POSTERN_CONN_H

#include <postern.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Replaces the events; usually called in the accepted event. events must stay valid. */
POSTERN_API int postern_conn_set_events(struct postern_conn *c, const struct postern_conn_events *events,
	void *data);

POSTERN_API int postern_conn_set_data(struct postern_conn *c, void *data);

/* postern_conn_write() from several buffers; the count may end inside an element. At most 1,024 elements. */
POSTERN_API POSTERN_MUST_USE ssize_t postern_conn_writev(struct postern_conn *c, const struct iovec *iov,
	size_t n_iov);
/* ---- In place: bytes that are built where they are sent from, with no copy ---- */

#define POSTERN_RESERVE_MAX 8000 /* bytes in one piece that can be asked for, of this and each later libpostern */

/* Room in the queue for n bytes in one piece, of no alignment: they are to be written to *ret, and then committed. Returns how
   many there are at *ret, n or more. framing: 0, or POSTERN_FRAMING_... for the payload of one message, whose framing is put
   around it. The room is yours until the next call on c that writes, flushes or ends it, a further reserve among them, and at the
   longest until the loop sends what is queued, which it does when the callback has returned (outside of callbacks: in its next
   turn); what is not committed by then is given up, and costs nothing. Other calls, other connections and their reservations do
   not matter. -EAGAIN: it does not fit below the high-water mark, wait for drained; -EMSGSIZE: it never will, or n is more than
   POSTERN_RESERVE_MAX; -EINVAL also for n == 0; -EPIPE as postern_conn_write(). */
POSTERN_API POSTERN_MUST_USE ssize_t postern_conn_reserve(struct postern_conn *c, int framing, size_t n, void **ret);
/* Queues the first n of them, as a write would; the reservation is over. Commit only what you have written: the rest may be what
   was sent before, to anyone. n may be 0: of a framing that is an empty message. -ECANCELED: nothing is reserved any more, and
   nothing was queued: write a copy; -EINVAL: less than n is reserved; -EBADMSG: the payload contains the byte that ends a
   message, and is still reserved; -EPIPE, -ESTALE: the connection has ended meanwhile. */
POSTERN_API POSTERN_MUST_USE int postern_conn_commit(struct postern_conn *c, size_t n);

/* How many bytes a write takes now: for all-or-nothing writes. */
POSTERN_API size_t postern_conn_room(const struct postern_conn *c);
POSTERN_API size_t postern_conn_queued(const struct postern_conn *c);
/* Sends now rather than at the end of the turn. Returns how many bytes are still queued. Errors of the
   connection arrive as the closed event. */
POSTERN_API ssize_t postern_conn_flush(struct postern_conn *c);

/* Makes a connection from a connected stream socket (take: on success the connection owns it; on failure it is
   still yours). Its O_NONBLOCK flag is left as it is. -ENOTSOCK, -EPROTOTYPE: not an AF_UNIX stream socket;
   -EDESTADDRREQ: not connected. */
POSTERN_API POSTERN_MUST_USE int postern_conn_adopt(struct postern_conn **ret, struct postern_loop *loop,
	int fd, const struct postern_conn_options *options, const struct postern_conn_events *events,
	void *data);
/* Takes the socket out of Postern and returns it: it is yours; c is inert, and no event follows. -EBUSY while bytes
   are queued, or received and not taken (they would be lost): flush and take first. -ENOTCONN: not connected yet, or
   closing. */
POSTERN_API POSTERN_MUST_USE int postern_conn_detach(struct postern_conn *c);

/* 1 when the peer has ended its direction: the bytes offered now are the last, and an incomplete message stays
   incomplete; else 0. */
POSTERN_API int postern_conn_at_end(const struct postern_conn *c);
/* The socket, borrowed: for getsockopt() and the like. -ENOTCONN: not connected yet; -ESTALE: ended. */
POSTERN_API int postern_conn_fd(const struct postern_conn *c);
/* The server that accepted it, or NULL. */
POSTERN_API struct postern_server *postern_conn_server(const struct postern_conn *c);

/* The process at the other end; on the connecting side, the process that called listen(). It is kept after the
   end. -ENOTCONN: not connected yet; -ESTALE: ended, and never was. size: sizeof *ret, here and below. */
POSTERN_API int postern_conn_peer(const struct postern_conn *c, struct postern_peer *ret, size_t size);
/* A new pidfd of the peer (yours): Linux 6.5, else -ENOPROTOOPT; -ESRCH, -ENODATA: it has exited. */
POSTERN_API POSTERN_MUST_USE int postern_conn_peer_pidfd(const struct postern_conn *c);
/* The peer's security label (SELinux, AppArmor, Smack), terminated; its length. -ERANGE: does not fit;
   -ENOPROTOOPT: no such module here. */
POSTERN_API ssize_t postern_conn_peer_label(const struct postern_conn *c, char *ret, size_t size);

struct postern_conn_counters {
	uint64_t received;      /* bytes, from the peer */
	uint64_t sent;          /* bytes, to the kernel */
	int64_t  connected_ns;  /* when it was connected, postern_now(); 0: never */
	uint32_t attempts;      /* to connect */
	uint32_t unread;        /* bytes kept because they were not taken */
};
POSTERN_API int postern_conn_get_counters(const struct postern_conn *c, struct postern_conn_counters *ret,
	size_t size);

#ifdef __cplusplus
}
#endif
#endif
