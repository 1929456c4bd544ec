/* SPDX-License-Identifier: Apache-2.0 */
/* learn.h - what a local service offers */
#ifndef POSTERN_BRIDGE_LEARN_H
#define POSTERN_BRIDGE_LEARN_H

#include "bridge.h"

#include <postern/interface.h>

struct learned_method {
	const char *name;    /* with the interface's */
	uint32_t flags;      /* POSTERN_METHOD_... */
};

struct learned_interface {
	char  *name;
	char  *description;
	char  *names;        /* of its methods, one behind the other */
	struct learned_method *methods;
	size_t n_methods;
};

struct learned {
	bool   is_import;    /* it is an imported name, and calls go through its WIRE_FORWARD */
	char  *version;      /* what the service says of itself, or "" */
	struct learned_interface *interfaces;
	size_t n_interfaces;
};

/* Asks until it answers, within wait_ns. What every service of Postern has for the people who run it is left out:
   org.varlink.service and io.postern with its statistics and traces. The exit status; an error has been printed. Free it in any
   case. */
int  learn(struct learned *ret, const char *verb, const char *address, int64_t wait_ns);
void learned_free(struct learned *l);

/* What a description says, as it came from wherever. -EBADMSG; -ENOMEM. Free it with learned_interface_free(), also then. */
int  learn_description(struct learned_interface *ret, struct postern_json description);
void learned_interface_free(struct learned_interface *i);

#endif
