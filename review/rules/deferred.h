/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_DEFERRED_H
#define REVIEW_DEFERRED_H

#include "rules/rules.h"

/*
 * What a library does later: memory that it uses until then is freed by the callback that it calls
 * at the end, or by nobody.
 */

/* L7: uv_close(handle, NULL), where only the callback could free the handle. */
void deferred_close(struct function *fn);
/* E1: uv_write(request, …), whose failure is the only word that the callback will not come. */
void deferred_request(struct function *fn, const struct item *item);

#endif
