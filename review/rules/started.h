/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_RULES_STARTED_H
#define REVIEW_RULES_STARTED_H

/*
 * started.c: the part of L3 where each accepted connection gets a thread, and neither the function of
 * the thread nor the one that starts it closes the descriptor.
 */
void started_program(void);

#endif
