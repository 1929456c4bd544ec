/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the tests of services share: a service whose methods do one thing each, and peers that are plain sockets.
 *
 *	struct desk d = { 0 };
 *	int fd;
 *
 *	desk_open(&d, NULL);
 *	fd = desk_peer(&d);
 *	desk_say(&d, fd, "{\"method\":\"org.example.desk.Echo\",\"parameters\":{\"a\":1}}");
 *	desk_hears(&d, fd, "{\"parameters\":{\"a\":1}}");
 *	close(fd);
 *	desk_close(&d);
 *
 * desk_close() looks whether everything is back where it was: no open request, nothing charged.
 */
#include "pair.h"

#include <postern/service.h>

enum { DESK_KEPT = 2048 };

struct desk {
	struct postern_loop *loop;
	struct postern_service *service;
	unsigned calls;	     /* that a handler got */
	unsigned echoes, onces, quiets;
	unsigned cancelled, drained, errors, closed;
	int code;            /* of the last error, and of closed */
	char text[512];	     /* the same */
	int allow;           /* what the rule answers */
	char asked[128];     /* what it was asked about */
	struct postern_peer peer;
	int results[8];      /* of the answers that a handler gave */
	struct postern_request *kept[DESK_KEPT];
	unsigned n_kept;
	char trace[64];      /* k kept, u upgrade, h hook, x cancelled, d drained */
	void (*hook)(struct desk *d, struct postern_request *r, char event);
};

/* The parameters as they came, answered at once; once: by free; twice: results[0] and [1].
   Echo, Keep, Forget, Twice, Many (with more), NeedsMore, Upgrade (needs upgrade; a hook), Become (may; kept), Missing,
   Typed, Hook. */
extern const struct postern_interface desk_interface;
/* The table of one of them. */
const struct postern_method *desk_method(const char *name);
/* Tables of Typed: (zone: ?string, count: int) -> (text: string), error Wrong (why: string). */
struct desk_Typed_in {
	const char *zone;
	int64_t count;
};
struct desk_Typed_out {
	const char *text;
};
struct desk_Wrong {
	const char *why;
};
extern const struct postern_type desk_Typed_in_type, desk_Typed_out_type;
extern const struct postern_error desk_Wrong_error;

void desk_open(struct desk *d, const struct postern_service_options *options);
void desk_open_name(struct desk *d, const char *name, const struct postern_service_options *options);
void desk_close(struct desk *d);
struct postern_service_counters desk_counters(const struct desk *d);

/* A new connection of its own process; blocking no more. */
int desk_peer(const struct desk *d);
/* Sends a message, with its NUL; bytes as they are. */
void desk_say(struct desk *d, int fd, const char *text);
void desk_send(struct desk *d, int fd, const void *bytes, size_t n);
/* The next message that arrives, terminated; valid until the next call. NULL: the end, or a reset. */
const char *desk_next(struct desk *d, int fd);
#define desk_hears(d, fd, text) desk_check((d), (fd), (text), __FILE__, __LINE__)
void desk_check(struct desk *d, int fd, const char *text, const char *file, int line);
/* Nothing more comes but the end; the peer is closed. */
void desk_hears_the_end(struct desk *d, int fd);
/* Says it, and it must be the end of the connection, as a violation whose text has this in it. */
void desk_breaks(struct desk *d, const void *bytes, size_t n, const char *text);
