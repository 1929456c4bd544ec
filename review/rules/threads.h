/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_THREADS_H
#define REVIEW_THREADS_H

#include "rules/rules.h"

/* L4: a QThread with an event loop, on the stack or in an object, is destroyed, and nothing waits for its end. */
void threads_destroyed(void);
/* L2: terminate() on a thread whose run() has sockets or servers. */
void threads_terminated(void);

#endif
