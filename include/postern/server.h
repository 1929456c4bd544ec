/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern/server.h - servers: calls that fewer programs need
 *
 * The rules at the top of postern.h hold here too.
 */
#ifndef POSTERN_SERVER_H
#define POSTERN_SERVER_H

#include <postern.h>

#ifdef __cplusplus
extern "C" {
#endif

POSTERN_API const char *postern_server_name(const struct postern_server *s); /* as it was given */
POSTERN_API int postern_server_set_data(struct postern_server *s, void *data);
/* Stops accepting until resumed: the backlog fills, and clients wait or retry within their deadline. For limits
   of your own, such as free places in a queue. */
POSTERN_API int postern_server_pause(struct postern_server *s);
POSTERN_API int postern_server_resume(struct postern_server *s);
/* The listening socket, borrowed. -ESTALE: the server no longer listens. */
POSTERN_API int postern_server_fd(const struct postern_server *s);

struct postern_server_counters {
	uint64_t accepted;      /* admitted since the start */
	uint64_t refused;       /* rejected by a rule or by connections_per_uid */
	uint64_t paused;        /* how often accepting stopped: at .connections, or out of descriptors */
	uint64_t republished;   /* how often the name was taken away and published again */
	uint32_t connections;   /* now */
	uint32_t listening;     /* 1 or 0 */
	uint64_t bytes;         /* now held for all peers: see .bytes_per_uid */
	uint64_t descriptors;   /* now held for all peers, or sent to them and not read, as far as is known: .descriptors_per_uid */
	uint64_t descriptors_refused; /* for which there was no room */
	uint64_t deferred;      /* how often a connection that had more had no visit in a turn, or accepting was cut short, for others */
};
POSTERN_API int postern_server_get_counters(const struct postern_server *s,
	struct postern_server_counters *ret, size_t size); /* sizeof *ret */

/* Calls fn for each current connection. fn may free any of them. -EDEADLK inside fn. */
POSTERN_API int postern_server_each(struct postern_server *s,
	void (*fn)(struct postern_conn *c, void *data), void *data);

#ifdef __cplusplus
}
#endif
#endif
