/* SPDX-License-Identifier: Apache-2.0 */
/* copy.h - stdin to a connection, and what comes from it to stdout: for connect, and call --upgrade */
#ifndef POSTERN_COPY_H
#define POSTERN_COPY_H

#include "command.h"

#define COPY_PIECE 65536u

/* Zeroed, and the first ones set. */
struct copy {
	const char *verb, *name; /* for messages */
	int64_t idle_ns;         /* without progress once stdin has ended: 30 s */
	bool verbose;
	struct postern_loop *loop;
	struct postern_conn *conn;   /* whose events are copy_events, with this as their data */
	struct postern_watch *in;    /* NULL: a regular file, or ended */
	struct postern_timer *piece; /* of a regular file: the next turn */
	struct postern_watch *out;   /* NULL: a regular file */
	struct postern_timer *idle;
	bool in_ended;
	bool peer_ended;
	bool blocked;   /* stdout takes nothing now */
	bool may_write; /* the loop has seen room on stdout since the last write */
	int64_t progress_ns;
	uint64_t sent;
	int status; /* -1 until something decided it */
	size_t at;
	size_t n; /* of these bytes, not written yet */
	unsigned char bytes[COPY_PIECE];
};

/* Begins by themselves when they hear that it is connected. */
extern const struct postern_conn_events copy_events;

/* Makes the loop. Returns the exit status; an error has been printed. */
int  copy_init(struct copy *x);
/* x->conn is connected: input begins. */
void copy_begin(struct copy *x);
/* Turns the loop to its end; the exit status. */
int  copy_run(struct copy *x);
void copy_end(struct copy *x, int status);
void copy_deinit(struct copy *x);

#endif
