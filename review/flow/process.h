/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_PROCESS_H
#define REVIEW_PROCESS_H

#include <stdbool.h>

struct function;
struct item;

/* main() returns there, or a function whose callers end the process for what it returns. */
bool process_ends_with(const struct function *fn, const struct item *leaves);

#endif
