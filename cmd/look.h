/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look.h - what can be known of a name without connecting to it
 *
 * To a server with a process for each connection a connection is a process: so who only wants to know looks at the
 * files of the name, and asks the kernel who listens.
 */
#ifndef POSTERN_LOOK_H
#define POSTERN_LOOK_H

#include "command.h"

#include <limits.h>
#include <sys/stat.h>

enum look_lock {
	LOOK_NO_LOCK,   /* there is none: no server of Postern's has ever had the name */
	LOOK_FREE,
	LOOK_HELD,
	LOOK_UNKNOWN,   /* it cannot be opened: lock_error */
};

struct look {
	const char    *name;
	bool           abstract, word;
	char           path[PATH_MAX];      /* or "@clock" */
	char           directory[PATH_MAX];
	char           lock[PATH_MAX + 8];
	char           info[PATH_MAX + 8];
	/* The socket, and 0 or the negative errno of looking at it. */
	struct stat    socket;
	int            socket_error;
	/* Of the directory that it is in. */
	struct stat    above;
	int            above_error;
	/* What the owner wrote; pid 0: nothing. */
	int            alive;
	pid_t          pid;
	int64_t        since;
	/* Who listens, by the kernel: 1, 0: nobody in this network namespace; -1: it does not tell. */
	int            listens;
	int            type;                /* SOCK_STREAM, ... */
	int64_t        waiting, backlog;    /* -1: not known */
	int64_t        uid;                 /* of the listener, -1: not known */
};

/* Fills the name's paths. 0, or a negative errno of postern_name_resolve(); -EDESTADDRREQ: fd:N. */
int  look_resolve(struct look *l, const char *name);
/* Says why not; the exit status. */
int  look_failed(const char *verb, const char *name, int error);
/* All else but the lock; may be repeated. */
void look_at(struct look *l);
/* Whether it is held: by an attempt to share it, which keeps a server that starts just then waiting for 10 ms. */
enum look_lock look_lock(const struct look *l, int *ret_error);
/* The uid that stands for all who have none here. */
uid_t look_unknown_uid(void);
/* Would a client trust a server of this uid? With the owner of the directory, as postern_connect() does. */
bool look_trusted(const struct look *l, uid_t uid);

#endif
