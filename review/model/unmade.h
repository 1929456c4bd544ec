/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_UNMADE_H
#define REVIEW_UNMADE_H

/* Private to unused.c (functions) and unmade.c (classes). */

#include "model/query.h"

bool unused_is_word(char c);
/* The nearest sign of a comment before it is one that begins. */
bool unused_is_comment(const char *text, const char *at);
/* Below lib…/, include/ or plugins/: for others, too. */
bool unused_is_in_library(const char *path);
/*
 * The function is of a class of which the program never makes an object: outside of its own body and
 * methods the code has nothing but pointers to it.
 */
bool class_is_unmade(const struct function *fn);

#endif
