/* SPDX-License-Identifier: Apache-2.0 */
/* trace.h - messages of io.postern.Trace, for trace and its --replay */
#ifndef POSTERN_TRACE_H
#define POSTERN_TRACE_H

#include "ask.h"

#define TRACE_METHOD "io.postern.Trace.Messages"

struct trace_message {
	bool is_call;
	int64_t at_ns, connection, uid, pid, size, dropped;
	struct postern_json message; /* .n is 0: it was too long to be told */
};

/* false: this is no such message. */
bool trace_read(struct trace_message *ret, struct postern_json answer);

/* ---- replay.c ---- */

/* Calls what the file has, one after the other, and compares the answers. The exit status. */
int  replay(struct ask *a, const char *path);

#endif
