/* SPDX-License-Identifier: Apache-2.0 */
/* errors.c - see errors.h */
#include "errors.h"

static const struct postern_method errors_forward = {
	.name = "io.postern.bridge.Forward",
	.flags = POSTERN_METHOD_MORE,
	.handle = imported_forward,
};

static const struct postern_method *const errors_methods[] = { &errors_forward };

const struct postern_interface errors_interface = {
	.version = POSTERN_INTERFACE_VERSION,
	.n_methods = 1,
	.methods = errors_methods,
	.name = "io.postern.bridge",
	.description =
		"# What a bridge between a service and NATS answers by itself, beside the errors of io.postern.\n"
		"interface io.postern.bridge\n"
		"\n"
		"# Makes another call, which came from so many bridges: for a bridge that exports an imported name. It is answered as\n"
		"# that call is.\n"
		"# [Supports 'more' flag]\n"
		"method Forward (method: string, parameters: object, hops: int) -> ()\n"
		"\n"
		"# The call has certainly not run: nobody serves it, or there was no connection to send it over.\n"
		"error NotSent (reason: string)\n"
		"\n"
		"# The call was sent, and its answer did not come or was none: it may have run.\n"
		"error NoAnswer (reason: string)\n"
		"\n"
		"# A message is larger than the server of NATS takes. A call that is too large has not run.\n"
		"error TooLarge (size: int, max: int)\n"
		"\n"
		"# Descriptors and upgrades do not leave the machine: the call has not run.\n"
		"error NotForwarded (reason: string)\n"
		"\n"
		"# The call has gone from bridge to bridge, and has not run: a name is imported and exported in a circle.\n"
		"error Loop (hops: int)\n"
		"\n"
		"# The far end is no Varlink service, and answered with an error of its own.\n"
		"error Failed (code: int, reason: string)\n",
};
