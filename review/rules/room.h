/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_RULES_ROOM_H
#define REVIEW_RULES_ROOM_H

struct function;

/*
 * The part of N4 that asks whether there is room for a terminator, whoever sends the bytes:
 * n = read(fd, buf, sizeof(buf)); buf[n] = 0;
 */
void room_function(struct function *fn);

#endif
