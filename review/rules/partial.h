/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_PARTIAL_H
#define REVIEW_PARTIAL_H

#include "rules/rules.h"

/* What the call read is looked at later; else it was only drained. */
bool partial_is_used(const struct function *fn, const struct item *item);
/* bytesAvailable() is compared with a size in the function. */
bool partial_is_queued(const struct function *fn);

/* fields.c: a stream of fields takes a message apart of which only a part may have come. */
void fields_function(struct function *fn);

#endif
