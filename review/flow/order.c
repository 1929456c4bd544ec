/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All functions, callees before callers, so that summaries are there when they are wanted. In
 * a cycle of calls one of them has none yet, and its callers fear all of it.
 */

#include "model/descriptor.h"
#include "flow/hold.h"

#include <stdlib.h>

enum order_mark { ORDER_NEW, ORDER_OPEN, ORDER_DONE };

struct order_frame {
	struct function *fn;
	int item;
};

static struct arena order_arena;

struct order {
	struct order_frame *stack;
	size_t n, cap;
	size_t done;
};

static bool order_push(struct order *order, struct function *fn)
{
	if (fn->order != ORDER_NEW)
		return false;
	fn->order = ORDER_OPEN;
	order->stack = grow(order->stack, order->n, &order->cap, sizeof(*order->stack));
	order->stack[order->n++] = (struct order_frame){ fn, 0 };
	return true;
}

/* The next callee that was not walked yet, or NULL. */
static struct function *order_next(struct order_frame *frame)
{
	for (int i = 0; i < frame->fn->n_variants; i++)
		if (frame->fn->variants[i]->order == ORDER_NEW)
			return frame->fn->variants[i];
	while (frame->item < frame->fn->n_items) {
		const struct item *item = &frame->fn->items[frame->item++];

		if (item->kind == ITEM_CALL && item->call && item->call->target &&
		    item->call->target->order == ORDER_NEW)
			return item->call->target;
	}
	return NULL;
}

void flow_program(const struct flow_listener *tell, void (*progress)(size_t done, size_t all))
{
	struct order order = { 0 };

	descriptors_find();
	hold_find_members();
	for (size_t i = 0; i < program.n_functions; i++) {
		order_push(&order, program.functions[i]);
		while (order.n) {
			struct order_frame *top = &order.stack[order.n - 1];
			struct function *callee = order_next(top);

			if (callee) {
				order_push(&order, callee);
				continue;
			}
			order.n--;
			flow_function(order.stack[order.n].fn, tell, &order_arena);
			flow_agree(order.stack[order.n].fn);
			order.stack[order.n].fn->order = ORDER_DONE;
			arena_reset(&order_arena);
			if (progress && ++order.done % 64 == 0)
				progress(order.done, program.n_functions);
		}
	}
	free(order.stack);
	arena_free(&order_arena);
	tell->program();
}
