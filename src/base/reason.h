/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reason.h - a reason with room for its text
 *
 * Filled where something fails, at most once per failure and never per message; the texts are for
 * people: what was tried, where, why it failed, and what to do.
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

/* Copies a reason and its text. */
void why_copy(struct why *why, const struct postern_reason *from);

/* The last failure on this thread, which postern_why() returns. */
struct why *why_last(void);

void why_say_call(const char *call, int error);
void why_say_argument(const char *call, const char *wrong);
void why_say_field(const char *of, const char *field, const char *wrong);

/* These three are defined here so that static analysers see what they return. */

/* For a call whose errno is explanation enough: "postern_timer_new(): out of memory". Returns error. */
static inline int why_call(const char *call, int error)
{
	why_say_call(call, error);
	return error;
}

/* -EINVAL, with a text: "postern_timer_new(): fn is NULL". */
static inline int why_argument(const char *call, const char *wrong)
{
	why_say_argument(call, wrong);
	return -EINVAL;
}

/* -EINVAL, with a text: "postern_conn_options.idle_ns is negative". */
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
