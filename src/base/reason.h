/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reason.h - a reason with room for its words
 *
 * Made where something fails, at most once for each failure and never for a message; the texts are for
 * people: what was tried, where, why, and what to do.
 */
#ifndef POSTERN_BASE_REASON_H
#define POSTERN_BASE_REASON_H

#include <postern.h>

struct why {
	struct postern_reason reason;   /* .text points to text below, or is static */
	char text[480];
};

/* Fills why (which may be NULL) and returns error, so that a failing function ends with `return`. */
int why_set(struct why *why, int code, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The reason code that an errno alone suggests. */
int why_code(int error);

/* strerror() of a negative errno, without its locale and its static buffer. */
const char *why_errno(int error);

#endif
