/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_CROWD_H
#define REVIEW_CROWD_H

#include <stdbool.h>

struct function;
struct item;

/*
 * Connections that are accepted stay open beside each other. false: each is closed before the next one
 * is accepted, or the program itself limits how many it serves; then accept() fails with EMFILE only
 * when others have used up the descriptors.
 */
bool crowd_can_come(struct function *fn, const struct item *accept);

#endif
