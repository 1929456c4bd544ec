/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_BACKLOG_H
#define REVIEW_BACKLOG_H

struct function;
struct item;

/* backlog.c: the part of E4 that looks at EAGAIN of connect() on a local socket. */
void backlog_call(struct function *fn, const struct item *item);

#endif
