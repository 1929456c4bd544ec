/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - limits of a connection: defaults and checks */
#include <errno.h>

#include "base/base.h"
#include "conn/conn.h"

enum {
	CONN_HIGH_WATER = 8 * 1024 * 1024,
	CONN_UNREAD = 256 * 1024,
	CONN_FRAME = 4 * 1024 * 1024,
};
#define CONN_IDLE  POSTERN_SECONDS(30)
#define CONN_DRAIN POSTERN_SECONDS(5)

int conn_events_check(const struct postern_conn_events *events)
{
	return events && events->size >= sizeof(*events) ? 0 : -EINVAL;
}

int conn_options_import(struct postern_conn_options *to, const struct postern_conn_options *from)
{
	int r = struct_import(to, sizeof(*to), from);

	if (r < 0)
		return r;
	if (to->idle_ns < 0 || to->drain_ns < 0 || to->reserved || to->framing > POSTERN_U32LE)
		return -EINVAL;
	if (to->high_water == 0)
		to->high_water = CONN_HIGH_WATER;
	if (to->low_water == 0)
		to->low_water = to->high_water / 4;
	if (to->unread == 0)
		to->unread = CONN_UNREAD;
	if (to->frame_max == 0)
		to->frame_max = CONN_FRAME;
	if (to->frame_max > UINT32_MAX - CONN_FRAME_HEAD)
		return -EINVAL;
	if (to->framing)
		to->unread = to->frame_max + CONN_FRAME_HEAD;
	if (to->idle_ns == 0)
		to->idle_ns = CONN_IDLE;
	if (to->drain_ns == 0)
		to->drain_ns = CONN_DRAIN;
	return to->low_water <= to->high_water ? 0 : -EINVAL;
}
