/* SPDX-License-Identifier: Apache-2.0 */
/* run.h - what commands.c and run-upgrade.c share: a process for a call, or for the connection of one */
#ifndef POSTERN_RUN_H
#define POSTERN_RUN_H

#include "commands.h"
#include "spawn.h"
#include "tables.h"

#include <limits.h>

typedef void commands_fn(struct commands *c, struct postern_request *r);

struct commands_method {
	char **argv; /* NULL: it has no command */
	bool upgrades;
	char path[PATH_MAX];
};

struct run {
	struct run *next;
	struct commands *commands;
	struct postern_request *request;
	struct postern_conn *conn; /* of a call that was upgraded, until that ends */
	uint32_t method;
	uid_t uid;
	pid_t pid; /* 0: it has ended, and the number may be another's */
	struct postern_child *child;
	struct postern_watch *in, *out;
	struct postern_timer *timer;
	int in_fd, out_fd; /* -1: ended */
	char *input;
	size_t sent, left;
	char *output;
	size_t n, size;
	bool terminated;
};

struct commands {
	struct commands_options options;
	struct description description;
	struct tables tables;
	struct commands_method *methods; /* as in the table */
	commands_fn **handlers;          /* the same; NULL: it has no command */
	struct spawn spawn;
	struct postern_loop *loop;
	struct run *runs;
	uint32_t n;
	void (*ended)(void *data);
	void *data;
};

/* ---- commands.c ---- */

const char *run_method(const struct run *x);
void run_close(struct postern_watch **watch, int *fd);
/* It is over: takes it out of the list, and frees it. */
void run_leave(struct run *x);

/* ---- run-upgrade.c ---- */

/* A text for POSTERN_PARAMETERS. */
int  run_upgrade_input(struct run *x);
/* Of its pipes. */
void run_upgrade_writable(struct postern_watch *w, uint64_t happened, void *data);
void run_upgrade_readable(struct postern_watch *w, uint64_t happened, void *data);
/* The process has started: from here on the connection is its standard input and output. */
void run_upgrade(struct run *x);
/* The process has ended. True: its connection has, too. */
bool run_upgrade_ended(struct run *x);

#endif
