/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_RULES_TWOFOLD_H
#define REVIEW_RULES_TWOFOLD_H

#include "rules/rules.h"

/* twofold.c: close(member), in the method or in one of the class that it calls. */
bool twofold_closes(const struct function *fn, const char *member, int depth);
const struct function *twofold_destructor(const char *class_name);

#endif
