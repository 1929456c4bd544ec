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

	assert(!s->open && !s->upgraded);
	r = message_read_call(text, n, ret, ret_fault);
	if (r < 0)
		return r;
	r = serving_verdict(s, ret->flags);
	s->open = r != SERVING_DROP;
	s->flags = (uint8_t)ret->flags;
	s->over = s->refuses == SERVING_IS_BUSY;
	return r;
}

/* Nobody takes a reply to a call with this flag for anything but the confirmation. */
static bool serving_fits(const struct serving *s, int how)
{
	bool upgrades = s->flags & POSTERN_CALL_UPGRADE;

	switch (how) {
	case SERVING_REPLIES:
		return !upgrades;
	case SERVING_CONTINUES:
		return s->flags & POSTERN_CALL_MORE;
	case SERVING_UPGRADES:
		return upgrades;
	default:
		return true;
	}
}

int serving_may_answer(const struct serving *s, int how)
{
	if (!s->open)
		return -ESTALE;
	if (s->flags & POSTERN_CALL_ONEWAY && how != SERVING_UPGRADES)
		return 0;
	return serving_fits(s, how) ? 1 : -ENOTSUP;
}

void serving_answered(struct serving *s, int how)
{
	assert(s->open);
	if (how != SERVING_CONTINUES)
		s->open = false;
	s->upgraded = how == SERVING_UPGRADES;
}

bool serving_leave(struct serving *s)
{
	bool cancels = s->open && !(s->flags & POSTERN_CALL_ONEWAY);

	s->left = true;
	if (cancels)
		s->open = false;
	return cancels;
}
