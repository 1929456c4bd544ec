/* SPDX-License-Identifier: Apache-2.0 */
/* flight.c - see flight.h */
#include "core/flight.h"

#include "base/base.h"

void flight_settle(struct list *flights, uint64_t sent, uint64_t unread, struct list *ret_read)
{
	const struct list *last = flights->prev;
	uint64_t buffers = 0;
	struct list *first;

	for (; last != flights; last = last->prev) {
		const struct flight *f = container_of(last, const struct flight, node);

		buffers += FLIGHT_BUFFER;
		if (sent - f->at + buffers > unread)
			break;
	}
	/* The last one that was read, and all before it. */
	while (last != flights) {
		first = flights->next;
		list_remove(first);
		list_append(ret_read, first);
		if (first == last)
			return;
	}
}
