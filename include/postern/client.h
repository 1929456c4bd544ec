/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern/client.h - for programs without a loop: calls that wait, each with a deadline
 *
 * The rules at the top of postern.h hold here too. A client is one connection, and belongs to one thread at a
 * time. Every deadline counts from the call; 0 does not wait. A call that waits returns -ETIMEDOUT when
 * its deadline passes, and nothing is lost: a message read in part is kept for the next call. Inside a
 * Postern callback on the same thread each call returns -EDEADLK, since it would block that loop.
 *
 * When the connection has ended, bytes that had arrived can still be read; then read returns 0 if the peer ended
 * it, and an error otherwise: -ECONNRESET (it went away with bytes unread), -ETIMEDOUT (it did not read for
 * .idle_ns). Writing returns the same error, or -EPIPE. postern_client_why() explains it.
 */
#ifndef POSTERN_CLIENT_H
#define POSTERN_CLIENT_H

#include <postern.h>
#include <postern/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

struct postern_client;

/* Connects within options->deadline_ns (5 s): -ETIMEDOUT; -ECONNREFUSED: its attempts were used up; -EACCES,
   -EPERM: not allowed, or the server is not trusted; -ENOTSOCK, -EPROTOTYPE; -EMFILE. Of the connection's limits,
   .unread is how much is read ahead; .framing must be 0. */
POSTERN_API POSTERN_MUST_USE int postern_client_new(struct postern_client **ret, const char *name,
	const struct postern_connect_options *options);
/* As postern_conn_adopt(). */
POSTERN_API POSTERN_MUST_USE int postern_client_adopt(struct postern_client **ret, int fd,
	const struct postern_conn_options *options);
/* Sends as much as the kernel takes, then closes, without waiting. */
POSTERN_API struct postern_client *postern_client_free(struct postern_client *c);

/* Reads at least one byte, at most n. 0: the peer has ended the connection. */
POSTERN_API ssize_t postern_client_read(struct postern_client *c, void *ret, size_t n, int64_t deadline_ns);
/* Reads all n bytes, or fails and takes none. -ENODATA: the peer ended the connection before n bytes came; read
   returns those that did. -EMSGSIZE: n is more than .unread. */
POSTERN_API int postern_client_read_exactly(struct postern_client *c, void *ret, size_t n, int64_t deadline_ns);
/* Reads a line, without its \n and terminated by \0; returns its length. -ENODATA; -EMSGSIZE: longer than size or
   .unread. */
POSTERN_API ssize_t postern_client_read_line(struct postern_client *c, char *ret, size_t size,
	int64_t deadline_ns);
/* Reads a frame's payload; returns its length. -ENODATA, -EMSGSIZE, -EINVAL. */
POSTERN_API ssize_t postern_client_read_frame(struct postern_client *c, int framing, void *ret, size_t size,
	int64_t deadline_ns);

/* Returns when the kernel has taken everything. After an error it is unknown how much the peer got. */
POSTERN_API int postern_client_write(struct postern_client *c, const void *bytes, size_t n, int64_t deadline_ns);
POSTERN_API int postern_client_write_frame(struct postern_client *c, int framing, const void *payload, size_t n,
	int64_t deadline_ns);
/* Half-close, once everything is sent. */
POSTERN_API int postern_client_shutdown(struct postern_client *c, int64_t deadline_ns);
/* Ends this direction, then waits for the peer's end; bytes that still arrive are dropped. */
POSTERN_API int postern_client_close(struct postern_client *c, int64_t deadline_ns);
/* Returns when the peer has ended its direction, or has gone. Bytes that arrive meanwhile can be read. -ENOBUFS:
   .unread is full, so the end cannot be seen: read first. */
POSTERN_API int postern_client_wait_end(struct postern_client *c, int64_t deadline_ns);

/* As postern_loop_set_busy_poll(): a wait of this client polls before it sleeps. -EINVAL. */
POSTERN_API int postern_client_set_busy_poll(struct postern_client *c, int64_t max_ns);
POSTERN_API size_t postern_client_available(const struct postern_client *c); /* bytes that can be read without waiting */
POSTERN_API const struct postern_reason *postern_client_why(const struct postern_client *c);
/* The client's connection, borrowed: for credentials, counters, the descriptor. Do not end or change it. */
POSTERN_API struct postern_conn *postern_client_conn(struct postern_client *c);

POSTERN_AUTO_(client)

#ifdef __cplusplus
}
#endif
#endif
