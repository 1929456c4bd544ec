/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reason.h - a reason with room for its words
 *
 * Made where something fails, at most once for each failure and never for a message; the texts are for
 * people: what was tried, where, why, and what to do.
 */
#ifndef POSTERN_BASE_REASON_H
#define POSTERN_BASE_REASON_H

#include <errno.h>

#include <postern.h>

struct why {
	struct postern_reason reason;   /* .text points to text below, or is static */
	char text[480];
};

/* Fills why (which may be NULL) and returns error, so that a failing function ends with `return`. */
int why_set(struct why *why, int code, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Takes over a reason and its words. */
void why_copy(struct why *why, const struct postern_reason *from);

/* The words of the last failure on this thread, which postern_why() shows. */
struct why *why_last(void);

void why_say_call(const char *call, int error);
void why_say_argument(const char *call, const char *wrong);
void why_say_field(const char *of, const char *field, const char *wrong);

/* The three that follow are here and not in reason.c, so that an analyser sees what they return. */

/* For a call whose errno says it all: "postern_timer_new(): out of memory". Returns error. */
static inline int why_call(const char *call, int error)
{
	why_say_call(call, error);
	return error;
}

/* -EINVAL, with words: "postern_timer_new(): fn is NULL". */
static inline int why_argument(const char *call, const char *wrong)
{
	why_say_argument(call, wrong);
	return -EINVAL;
}

/* -EINVAL, with words: "postern_conn_options.idle_ns is negative". */
static inline int why_field(const char *of, const char *field, const char *wrong)
{
	why_say_field(of, field, wrong);
	return -EINVAL;
}

/* The reason code that an errno alone suggests. */
int why_code(int error);

/* strerror() of a negative errno, without its locale and its static buffer. */
const char *why_errno(int error);

#endif
