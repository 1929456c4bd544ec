/* SPDX-License-Identifier: Apache-2.0 */
/* spawn.h - processes for peers: their environment, their signals, their start */
#ifndef POSTERN_SPAWN_H
#define POSTERN_SPAWN_H

#include "command.h"

#include <postern/service.h>

enum { SPAWN_METHOD = 255 }; /* the longest name of a method */

struct spawn {
	char **environment; /* ends with these below, and the parameters */
	char **call;        /* in it, what is of a call alone */
	char  *name;
	char   method[SPAWN_METHOD + sizeof("POSTERN_METHOD=")]; /* POSTERN_METHOD=..., of a service */
	char   peer[3][40];
	char   n_fds[sizeof("POSTERN_FDS=") + 10];
};

/* Descriptors of a call: the program has them as 3 and up. */
struct spawn_fds {
	uint32_t n;
	int      fds[POSTERN_FDS_MAX]; /* above all that the program gets */
};

/* name: for POSTERN_NAME. -ENOMEM; deinit in any case. */
int  spawn_init(struct spawn *s, const char *name);
void spawn_deinit(struct spawn *s);
/* Takes those that came with a call; what was taken is closed by spawn_close(), also after a failure. */
int  spawn_take(struct spawn_fds *fds, struct postern_request *r);
void spawn_close(struct spawn_fds *fds);
/* Starts a program in a process group of its own, with these as its stdin and stdout. method, parameters, a variable with its
   value, and fds may be NULL. */
int  spawn_start(struct spawn *s, const char *path, char **argv, int in, int out, const struct postern_peer *peer,
	const char *method, char *parameters, const struct spawn_fds *fds, pid_t *ret);

#endif
