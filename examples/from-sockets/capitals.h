/* SPDX-License-Identifier: Apache-2.0 */
/* capitals.h - the task of these programs: send each line back in capitals */
#ifndef CAPITALS_H
#define CAPITALS_H

#include <ctype.h>
#include <stddef.h>

enum { LINE = 1000 }; /* the longest, without its \n */

static inline void capitals(char *to, const char *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (char)toupper((unsigned char)from[i]);
}

#endif
