/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - limits of a connection: defaults, checks, and one block of them for many connections */
#include <errno.h>
#include <limits.h>

#include "base/base.h"
#include "conn/conn.h"
#include "core/frame.h"

enum {
	CONN_HIGH_WATER = 8 * 1024 * 1024,
	CONN_UNREAD = 256 * 1024,
	CONN_FRAME = 4 * 1024 * 1024,
};
/* A queue counts in 32 bits, and a write returns ssize_t, which may have no more. */
#define CONN_BYTES_MAX (SSIZE_MAX < UINT32_MAX ? (size_t)SSIZE_MAX : UINT32_MAX)

#define CONN_IDLE      POSTERN_SECONDS(30)
#define CONN_DRAIN     POSTERN_SECONDS(5)
#define CONN_MESSAGE   POSTERN_SECONDS(60)

int conn_events_check(const struct postern_conn_events *events)
{
	return struct_events("postern_conn_events", events, CONN_EVENTS_FIRST, sizeof(*events));
}

static void conn_options_default(struct postern_conn_options *o)
{
	if (o->high_water == 0)
		o->high_water = CONN_HIGH_WATER;
	if (o->low_water == 0)
		o->low_water = (uint32_t)(o->high_water / 4);
	if (o->unread == 0)
		o->unread = CONN_UNREAD;
	if (o->frame_max == 0)
		o->frame_max = CONN_FRAME;
	if (o->idle_ns == 0)
		o->idle_ns = CONN_IDLE;
	if (o->drain_ns == 0)
		o->drain_ns = CONN_DRAIN;
	if (o->message_ns == 0)
		o->message_ns = CONN_MESSAGE;
}

int conn_options_import(struct postern_conn_options *to, const struct postern_conn_options *from)
{
	static const char what[] = "postern_conn_options";
	int r = struct_import(what, to, sizeof(*to), from);

	if (r < 0)
		return r;
	if (to->idle_ns < 0)
		return why_field(what, "idle_ns", "is negative");
	if (to->drain_ns < 0)
		return why_field(what, "drain_ns", "is negative");
	if (to->message_ns < 0)
		return why_field(what, "message_ns", "is negative");
	if (to->framing > POSTERN_FRAMING_U32LE)
		return why_field(what, "framing", "is not one of POSTERN_FRAMING_...");
	if (to->high_water > CONN_BYTES_MAX)
		return why_field(what, "high_water",
				 "is 4 GiB or more (2 GiB where addresses have 32 bits)");
	conn_options_default(to);
	if (to->frame_max > CONN_BYTES_MAX - FRAME_HEAD)
		return why_field(what, "frame_max",
				 "is 4 GiB or more (2 GiB where addresses have 32 bits)");
	if (to->framing)
		to->unread = to->frame_max + FRAME_HEAD;
	if (to->low_water > to->high_water)
		return why_field(what, "low_water", "is above high_water");
	return 0;
}

/* ---- shared limits ---- */

static bool conn_limits_fit(const struct conn_limits *l, const struct postern_conn_options *o)
{
	return l->framing == o->framing && l->high_water == o->high_water &&
	       l->low_water == o->low_water && l->keep_max == o->unread &&
	       l->idle_ns == o->idle_ns && l->drain_ns == o->drain_ns &&
	       l->message_ns == o->message_ns;
}

static void conn_limits_forget(void *limits)
{
	conn_limits_unref(limits);
}

/* The loop caches the last block: programs with many connections use one or two sets of options. */
int conn_limits_get(struct postern_loop *loop, const struct postern_conn_options *options,
		    const struct conn_limits **ret)
{
	struct loop_slot *slot = &loop->slots[LOOP_SLOT_LIMITS];
	struct conn_limits *l = slot->data;

	if (l && conn_limits_fit(l, options)) {
		*ret = conn_limits_ref(l);
		return 0;
	}
	l = sys_alloc(sizeof(*l));
	if (!l)
		return -ENOMEM;
	*l = (struct conn_limits){
		.references = 2,
		.framing = options->framing,
		.high_water = (uint32_t)options->high_water,
		.low_water = options->low_water,
		.keep_max = options->unread,
		.idle_ns = options->idle_ns,
		.drain_ns = options->drain_ns,
		.message_ns = options->message_ns,
	};
	conn_limits_unref(slot->data);
	*slot = (struct loop_slot){ .data = l, .destroy = conn_limits_forget };
	*ret = l;
	return 0;
}

/* Of its own, and not in the cache: what a layer above changes is nobody else's. */
struct conn_limits *conn_limits_copy(const struct conn_limits *limits)
{
	struct conn_limits *l = sys_alloc(sizeof(*l));

	if (l) {
		*l = *limits;
		l->references = 1;
	}
	return l;
}

/* Constant except for the reference count, which only these two functions use. */
const struct conn_limits *conn_limits_ref(const struct conn_limits *limits)
{
	((struct conn_limits *)limits)->references++;
	return limits;
}

void conn_limits_unref(const struct conn_limits *limits)
{
	if (limits && --((struct conn_limits *)limits)->references == 0)
		sys_free((struct conn_limits *)limits);
}
