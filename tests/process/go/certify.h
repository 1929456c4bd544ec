/* SPDX-License-Identifier: Apache-2.0 */
/* certify.h - what both sides of the certification know: the values that its steps hand on */
#ifndef CERTIFY_H
#define CERTIFY_H

#include "org.varlink.certification.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define N_REPLIES 10u
#define PI        3.141592653589793
#define LOT       "a lot of string"

/* Bit for bit: a double comes back as it went. */
static inline bool same_double(double a, double b)
{
	return memcmp(&a, &b, sizeof a) == 0;
}

static inline int reply_write(char *text, size_t size, unsigned i)
{
	return snprintf(text, size, "Reply number %u", i);
}

/* Each map has a type of its own; those with texts look alike. */
#define has_pair(map, key_, value_)                                                                  \
	__extension__({                                                                              \
		size_t i_ = 0;                                                                       \
		while (i_ < (map)->n && strcmp((map)->items[i_].key, key_) != 0)                     \
			i_++;                                                                        \
		i_ < (map)->n && !strcmp((map)->items[i_].value, value_);                            \
	})
#define has_key(map, key_)                                                                           \
	__extension__({                                                                              \
		size_t i_ = 0;                                                                       \
		while (i_ < (map)->n && strcmp((map)->items[i_].key, key_) != 0)                     \
			i_++;                                                                        \
		i_ < (map)->n;                                                                       \
	})

/* What Test09 answers with. */
const struct certification_MyType *mytype(void);
/* What is not as there; NULL: nothing. */
const char *mytype_wrong(const struct certification_MyType *t);

#endif
