/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts and waits that are made again; see retry.h. */

#include "rules/retry.h"
#include "model/query.h"

#include <stddef.h>

enum { RETRY_DEPTH = 3 };

/* It lets time pass, whatever has become of an attempt to connect; or nobody knows. */
static bool retry_rests(struct function *fn, const struct item *item, void *data)
{
	const struct call *call = item->call;
	int depth = *(const int *)data, deeper = depth - 1;

	if (call->flags & (CALL_NEW | CALL_CONSTRUCT | CALL_DELETE))
		return false;
	if (call->api)
		return !api_is(call->api, ROLE(CONNECT)) && call_blocks(fn, call);
	if (!call->target)
		return !call_is_talk(call);
	return depth > 0 ? function_find_call(call->target, retry_rests, &deeper) != NULL
			 : call->target->summary.blocks;
}

static bool retry_attempts(struct function *fn, const struct item *item, void *data)
{
	const struct call *call = item->call;

	(void)fn;
	(void)data;
	if (call->target)
		return function_find_role(call->target, ROLE(CONNECT) | ROLE(DIALS)) != NULL;
	return api_is(call->api, ROLE(DIALS)) ||
	       (api_is(call->api, ROLE(CONNECT)) && !api_is(call->api, ROLE(WAIT)));
}

const struct item *retry_connects_busily(struct function *fn, int loop)
{
	const struct item *attempt;
	int depth = RETRY_DEPTH;

	if (!wait_awaited(fn, loop) || loop_find_call(fn, loop, wait_asserts, NULL))
		return NULL;
	attempt = loop_find_call(fn, loop, retry_attempts, NULL);
	return attempt && !loop_find_call(fn, loop, retry_rests, &depth) ? attempt : NULL;
}
