/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look.h - what can be found out about a name without connecting to it
 *
 * A server with a process per connection would start one: so a program that only wants to know reads the
 * files of the name, and asks the kernel which sockets listen.
 */
#ifndef POSTERN_LOOK_H
#define POSTERN_LOOK_H

#include "command.h"

#include <limits.h>
#include <sys/stat.h>

enum look_lock {
	LOOK_NO_LOCK,   /* there is none: no Postern server has ever had the name */
	LOOK_FREE,
	LOOK_HELD,
	LOOK_UNKNOWN,   /* it cannot be opened: see lock_error */
};

struct look {
	const char    *name;
	bool           abstract, word;
	char           path[PATH_MAX];      /* or "@clock" */
	char           directory[PATH_MAX];
	char           lock[PATH_MAX + 8];
	char           info[PATH_MAX + 8];
	/* The socket, and 0 or the negative errno of examining it. */
	struct stat    socket;
	int            socket_error;
	/* Owner of its directory. */
	struct stat    above;
	int            above_error;
	/* The owner's record; pid 0: none. */
	int            alive;
	pid_t          pid;
	int64_t        since;
	/* Does the kernel show a listener? 1; 0: none in this network namespace; -1: unknown. */
	int            listens;
	int            type;                /* SOCK_STREAM, ... */
	int64_t        waiting, backlog;    /* -1: unknown */
	int64_t        uid;                 /* of the listener; -1: unknown */
};

/* Fills the name's paths. 0, or a negative errno of postern_name_resolve(); -EDESTADDRREQ: fd:N. */
int  look_resolve(struct look *l, const char *name);
/* Prints why not; returns the exit status. */
int  look_failed(const char *verb, const char *name, int error);
/* Everything except the lock; may be repeated. */
void look_at(struct look *l);
/* Is the lock held? Tries a shared lock, which delays a server that starts at that moment by 10 ms. */
enum look_lock look_lock(const struct look *l, int *ret_error);
/* The overflow uid. */
uid_t look_unknown_uid(void);
/* Would a client trust a server of this uid? With the owner of the directory, as postern_connect() does. */
bool look_trusted(const struct look *l, uid_t uid);

#endif
