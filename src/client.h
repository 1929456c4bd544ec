/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - a client's parts, for code that makes a client from an existing connection */
#ifndef POSTERN_CLIENT_INTERNAL_H
#define POSTERN_CLIENT_INTERNAL_H

#include <postern/client.h>

#include "conn/conn.h"

struct postern_client {
	struct postern_loop *loop;
	struct postern_conn *conn;
	struct postern_buffer *buffer;
	bool ended;    /* the peer has sent its end */
	bool dropping; /* there will be no more reads */
};

/* Their data is the client: they fill its buffer. */
extern const struct postern_conn_events client_events;
/* One without a connection. */
int client_make(struct postern_client **ret, const struct postern_conn_options *options);

#endif
