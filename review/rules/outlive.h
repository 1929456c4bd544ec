/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_OUTLIVE_H
#define REVIEW_OUTLIVE_H

#include "rules/rules.h"

/*
 * L4: connect(sender, signal, lambda), where the lambda has locals by reference and the sender sends from
 * the event loop, or has `this` of a class that deletes itself and the sender is there for ever.
 */
void outlive_program(void);

#endif
