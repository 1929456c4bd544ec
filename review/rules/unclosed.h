/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_UNCLOSED_H
#define REVIEW_UNCLOSED_H

/*
 * The part of L1 that looks at members: a descriptor that is opened into a member, of an object that
 * ends while the program goes on, and that no function of the program closes, or gives to anybody who
 * may.
 */
void unclosed_program(void);

#endif
