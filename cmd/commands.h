/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h - serve --interface: a process for each call */
#ifndef POSTERN_COMMANDS_H
#define POSTERN_COMMANDS_H

#include "command.h"

#include <postern/service.h>

struct commands;

struct commands_options {
	const char *name;    /* for POSTERN_NAME and messages */
	const char *file;    /* that describes the interface */
	/* METHOD CMD [ARG]..., and then further ones, each after --method or --upgrade. One of the two: the first is of this kind. */
	char      **methods, **upgrades;
	uint32_t    children, per_uid; /* at once; further calls are answered with Busy */
	int64_t     deadline_ns;
	bool        verbose;
};

/* Reads the description and finds the programs. The exit status; an error has been printed. */
int  commands_new(struct commands **ret, const struct commands_options *options);
/* From here on calls get processes. A negative errno. */
int  commands_provide(struct commands *c, struct postern_loop *loop, struct postern_service *service);
/* The number of processes. */
uint32_t commands_running(const struct commands *c);
/* Ends them, with SIGTERM first; fn is called when the last one has ended, unless there is none. */
void commands_end(struct commands *c, void (*fn)(void *data), void *data);
/* Kills all processes. After the service was freed. */
struct commands *commands_free(struct commands *c);

#endif
