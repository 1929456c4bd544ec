/* SPDX-License-Identifier: Apache-2.0 */
/* serving.c - see serving.h */
#include "core/serving.h"

#include <assert.h>
#include <errno.h>

static int serving_verdict(const struct serving *s, unsigned flags)
{
	bool oneway = flags & POSTERN_CALL_ONEWAY;

	if (oneway)
		return s->refuses == SERVING_IS_BUSY ? SERVING_DROP : SERVING_RUN;
	if (s->left)
		return SERVING_DROP;
	return s->refuses == SERVING_RUNS ? SERVING_RUN : SERVING_REFUSE;
}

int serving_message(struct serving *s, const char *text, size_t n, struct message_call *ret,
		    struct message_fault *ret_fault)
{
	int r;

	assert(!s->open);
	r = message_read_call(text, n, ret, ret_fault);
	if (r < 0)
		return r;
	r = serving_verdict(s, ret->flags);
	s->open = r != SERVING_DROP;
	s->flags = (uint8_t)ret->flags;
	s->over = s->refuses == SERVING_IS_BUSY;
	return r;
}

int serving_may_answer(const struct serving *s, bool continues)
{
	if (!s->open)
		return -ESTALE;
	if (s->flags & POSTERN_CALL_ONEWAY)
		return 0;
	return continues && !(s->flags & POSTERN_CALL_MORE) ? -ENOTSUP : 1;
}

void serving_answered(struct serving *s, bool continues)
{
	assert(s->open);
	if (!continues)
		s->open = false;
}

bool serving_leave(struct serving *s)
{
	bool cancels = s->open && !(s->flags & POSTERN_CALL_ONEWAY);

	s->left = true;
	if (cancels)
		s->open = false;
	return cancels;
}
