/* SPDX-License-Identifier: Apache-2.0 */
/* spawn.h - processes for peers: their environment, their signals, their start */
#ifndef POSTERN_SPAWN_H
#define POSTERN_SPAWN_H

#include "command.h"

enum { SPAWN_METHOD = 255 }; /* the longest name of a method */

struct spawn {
	char **environment; /* ends with these below, and the parameters */
	char **call;        /* in it, what is of a call alone */
	char  *name;
	char   method[SPAWN_METHOD + sizeof("POSTERN_METHOD=")]; /* POSTERN_METHOD=..., of a service */
	char   peer[3][40];
};

/* name: for POSTERN_NAME. -ENOMEM; deinit in any case. */
int  spawn_init(struct spawn *s, const char *name);
void spawn_deinit(struct spawn *s);
/* Starts a program in a process group of its own, with these as its stdin and stdout. method, and parameters, a variable with its
   value, may be NULL. */
int  spawn_start(struct spawn *s, const char *path, char **argv, int in, int out, const struct postern_peer *peer,
	const char *method, char *parameters, pid_t *ret);

#endif
