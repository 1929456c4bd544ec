/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_SCANNED_H
#define REVIEW_SCANNED_H

#include "rules/rules.h"

/* What fscanf() was to set is used, and nobody has looked at what it gave. */
void scanned_function(struct function *fn);

#endif
