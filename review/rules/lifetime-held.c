/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A descriptor that is closed beside its stream. Where nobody closes the stream from there on, nothing
 * is closed twice: of the stream some memory is lost, which is L1's.
 */

#include "rules/lifetime.h"
#include "model/query.h"

#include <string.h>

/* It is stored, returned, or given to somebody who may close it. */
static bool held_hands_on(const struct function *fn, const struct item *user, int place, void *data)
{
	const struct call *call = user->kind == ITEM_CALL ? user->call : NULL;

	(void)fn;
	(void)place;
	(void)data;
	if (!call)
		return user->kind != ITEM_BRANCH && user->kind != ITEM_DIES &&
		       user->kind != ITEM_DECLARE;
	return call->api ? api_fact(call->api, FACT_TAKES) != NULL : !call_is_talk(call);
}

static bool held_closes(const struct function *fn, const struct item *user, int place, void *data)
{
	const struct fact *f =
		user->kind == ITEM_CALL ? api_fact(user->call->api, FACT_CLOSES) : NULL;

	(void)fn;
	(void)data;
	return f && f->arg >= 1 && f->arg <= user->call->n_args &&
	       operand_is_place(&user->call->args[f->arg - 1], place);
}

bool lifetime_is_only_end(const struct function *fn, const struct item *item, const struct item *by)
{
	const struct fact *opens = api_fact(by->call->api, FACT_OPENS);
	int place = item_result(fn, by);

	return opens && !strcmp(opens->word, "file") && place >= 0 &&
	       !item_result_has_use(fn, by, held_hands_on, NULL) &&
	       !place_has_use_after(fn, item, place, held_closes, NULL);
}
