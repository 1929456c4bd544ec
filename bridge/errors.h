/* SPDX-License-Identifier: Apache-2.0 */
/* errors.h - the interface io.postern.bridge: the errors that a bridge makes itself, for whoever gets one to look up */
#ifndef POSTERN_BRIDGE_ERRORS_H
#define POSTERN_BRIDGE_ERRORS_H

#include <postern/interface.h>

struct postern_request;

/* Of its method, in imported.c; data: the import. */
void imported_forward(const void *handlers, struct postern_request *r, const void *in, void *data);

extern const struct postern_interface errors_interface;

#endif
