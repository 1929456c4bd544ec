/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_AGAIN_H
#define REVIEW_AGAIN_H

#include "flow/state.h"

/*
 * if (p->kind == TEXT) f = fopen(…); … if (p->kind == TEXT) fclose(f): nothing in between changes what was
 * asked, so no run that opened it comes to the loss.
 */
bool again_excludes(const struct flow *flow, const struct loss *loss);
/*
 * while (…) switch (kind) { case TEXT: text = malloc(n); } free(text): only a kind that comes twice loses
 * anything.
 */
bool again_comes_twice(const struct flow *flow, const struct loss *loss);

#endif
