/* SPDX-License-Identifier: Apache-2.0 */
/* Loops over a connection of Qt that go on once its peer has hung up; see device.h. */

#include "rules/device.h"
#include "flow/contract.h"

#include <string.h>

extern const struct rule rule_W1;

struct device {
	struct function *fn;
	int loop;
	const struct item *wait;
	const char *grows; /* the container on whose size alone the loop ends */
};

static bool device_is_one_of(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(name, *list))
			return true;
	return false;
}

static bool device_is_wait(struct function *fn, const struct item *item, void *data)
{
	const struct call *call = item->call;

	(void)data;
	return api_is(call->api, ROLE(WAIT)) && api_is(call->api, ROLE(READ)) &&
	       call->receiver.kind == OPERAND_PLACE && device_is_connection(fn, call);
}

static bool device_is_receiver(const struct device *device, const struct call *call)
{
	return operand_is_place(&call->receiver, device->wait->call->receiver.place);
}

/* read(n), readAll(): bytes that are none once the peer has hung up. */
static bool device_gives(const struct device *device, const struct operand *o,
			 const struct item *before)
{
	static const char *const reads[] = { "read", "readAll", "readLine", NULL };
	const struct item *source = operand_source(device->fn, o, before);

	return source && source->kind == ITEM_CALL && device_is_receiver(device, source->call) &&
	       source->call->n_args < 2 && device_is_one_of(source->call->name, reads);
}

/* What the loop does to the container: 0 nothing, 1 it adds what the device gives, -1 something else. */
static int device_changes(const struct device *device, const struct item *item, int container)
{
	static const char *const adds[] = { "append", "push_back", NULL };
	static const char *const asks[] = { "size",      "length", "count", "isEmpty",
					    "constData", "mid",    "left",  NULL };
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	if (item->kind == ITEM_OPERATE && item->dst == container)
		return item->op == '+' && operand_is_place(&item->a, container) &&
				       device_gives(device, &item->b, item)
			       ? 1
			       : -1;
	if (item->dst >= 0 && place_is_within(device->fn, item->dst, container))
		return -1;
	for (int i = 0; call && i < call->n_args; i++)
		if ((call->args[i].kind == OPERAND_PLACE ||
		     call->args[i].kind == OPERAND_ADDRESS) &&
		    place_is_within(device->fn, call->args[i].place, container))
			return -1;
	if (!call || !operand_is_place(&call->receiver, container) ||
	    device_is_one_of(call->name, asks))
		return 0;
	return device_is_one_of(call->name, adds) && call->n_args == 1 &&
			       device_gives(device, &call->args[0], item)
		       ? 1
		       : -1;
}

/* Nothing but bytes of the device changes the container, a variable of the function. */
static bool device_grows_alone(const struct device *device, int container)
{
	const struct function *fn = device->fn;
	bool adds = false;

	if (fn->places[container].kind != PLACE_LOCAL ||
	    (fn->places[container].flags & (PLACE_REF | PLACE_STATIC)) ||
	    fn->places[container].stars)
		return false;
	for (int b = 0; b < fn->n_blocks; b++)
		for (int i = fn->blocks[b].first; fn->loops[device->loop].member[b] && i >= 0;
		     i = fn->items[i].next) {
			int change = device_changes(device, &fn->items[i], container);

			if (change < 0)
				return false;
			adds |= change > 0;
		}
	return adds;
}

/* The edge is taken when there is more, or enough. */
static bool device_needs_more(const struct item *test, int edge)
{
	int op = edge ? op_negate(test->op) : test->op;
	int64_t n;

	if (operand_is_number(&test->b, &n))
		return n > 0 ? op == OP_EQ || op == OP_GE || op == OP_GT
			     : n == 0 && (op == OP_NE || op == OP_GT);
	return op == OP_GE || op == OP_GT;
}

/* The way out is closed once the peer has hung up. */
static bool device_exit_is_none(struct device *device, const struct loop_exit *exit)
{
	static const char *const sizes[] = { "size", "length", "count", NULL };
	const struct item *test = exit->test, *source;
	struct contract contract;
	const struct call *call;
	int64_t n;

	if (!test || test->op == OP_UNKNOWN || test->kind != ITEM_BRANCH)
		return false;
	source = operand_source(device->fn, &test->a, test);
	if (!source || source->kind != ITEM_CALL || source->call->receiver.kind != OPERAND_PLACE)
		return false;
	call = source->call;
	if (device_is_receiver(device, call)) {
		contract = contract_of(call);
		if (api_is(call->api, ROLE(WAIT)) && contract.fails != FAILS_UNKNOWN)
			return contract_edge_works(&contract, test, exit->edge);
		return (api_is(call->api, ROLE(AMOUNT)) || !strcmp(call->name, "canReadLine")) &&
		       device_needs_more(test, exit->edge);
	}
	if (!device_grows_alone(device, call->receiver.place))
		return false;
	device->grows = operand_text(device->fn, &call->receiver);
	if (!strcmp(call->name, "isEmpty"))
		return operand_is_number(&test->b, &n) && n == 0 &&
		       (test->op == OP_EQ) == !exit->edge;
	return device_is_one_of(call->name, sizes) && device_needs_more(test, exit->edge);
}

/* Something may end, replace or connect the device again. */
static bool device_is_touched(const struct device *device)
{
	const struct function *fn = device->fn;
	int place = device->wait->call->receiver.place;

	for (int b = 0; b < fn->n_blocks; b++)
		for (int i = fn->blocks[b].first; fn->loops[device->loop].member[b] && i >= 0;
		     i = fn->items[i].next) {
			const struct item *item = &fn->items[i];
			const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

			if (item->kind != ITEM_DECLARE && item->dst == place)
				return true;
			for (int k = 0; call && k < call->n_args; k++)
				if (operand_is_place(&call->args[k], place))
					return true;
			if (call && (call->flags & (CALL_DELETE | CALL_INDIRECT)))
				return true;
			/* Whoever has the object can change the member. */
			if (call && !call->api && fn->places[place].kind != PLACE_LOCAL &&
			    (!call->receiver.kind || call->target))
				return true;
			if (call && device_is_receiver(device, call) &&
			    !api_is(call->api, ROLE(WAIT) | ROLE(READ) | ROLE(STATE)))
				return true;
		}
	return false;
}

void device_loop(struct function *fn, int number)
{
	struct device device = { .fn = fn, .loop = number };
	struct loop_exit exits[LOOP_EXITS];
	struct finding *finding;
	const char *waits;
	int n;

	device.wait = loop_find_call(fn, number, device_is_wait, NULL);
	if (!device.wait || fn->loops[number].bounded || item_loop(fn, device.wait) != number)
		return;
	n = loop_exits(fn, number, exits);
	for (int i = 0; i < n; i++)
		if (!device_exit_is_none(&device, &exits[i]))
			return;
	if (!device.grows || device_is_touched(&device))
		return;
	waits = call_text(fn, device.wait);
	finding = finding_add_of(
		&rule_W1, fn, fn->loops[number].at, &device.wait->at,
		"Once the peer has hung up, %s fails at once and nothing more can be read: `%s` no longer grows, and the loop never ends.",
		waits, device.grows);
	finding_fix(
		finding,
		"In %s(), leave the loop when %s returns false, and report to the caller that the peer ended too early.",
		fn->label, waits);
}
