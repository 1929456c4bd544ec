/* SPDX-License-Identifier: Apache-2.0 */
/* ask.h - calls of a service, for the verbs that make one: call, info, introspect */
#ifndef POSTERN_ASK_H
#define POSTERN_ASK_H

#include "command.h"

#include <postern/caller.h>

/* The values of these verbs begin with this; their operands are common.files. */
struct ask_values {
	struct common common;
	int64_t deadline;
	struct id_list server_uids;
};

#define ASK_OPTION_DEADLINE(text) \
	{ .name = "deadline", .type = OPTION_DURATION, .argument = "TIME", .standard = "30s", .help = (text), \
	  .offset = offsetof(struct ask_values, deadline) }
#define ASK_OPTION_SERVER_UID \
	{ .name = "server-uid", .type = OPTION_UIDS, .argument = "USER", \
	  .standard = "you, root, or the directory's owner", .help = "who may run the service; may be repeated", \
	  .offset = offsetof(struct ask_values, server_uids) }

struct ask {
	const char *verb, *address;
	const struct ask_values *values;
	struct postern_caller *caller;
};

/* Each returns the exit status; an error has been printed. */
int  ask_open(struct ask *a, const char *verb, const struct ask_values *values);
/* The same, with calls that do not wait, on this loop. */
int  ask_open_on(struct ask *a, struct postern_loop *loop, const char *verb, const struct ask_values *values);
void ask_close(struct ask *a);
/* ret: the answer's parameters, until the next call; with MORE those of the first one. */
int  ask_call(struct ask *a, const char *method, struct postern_json in, const struct postern_fds *fds, unsigned flags,
	struct postern_json *ret);
/* The same for a method of org.varlink.service, which a service may not have: then this is told. */
int  ask_itself(struct ask *a, const char *method, struct postern_json in, struct postern_json *ret);
/* After a call with MORE: the next answer. -1: there is none. */
int  ask_next(struct ask *a, struct postern_json *ret);

/* After a call of an interface that services offer by a flag of their options, to root and their own user: what to do about the two
   errors that this has. Returns the status. */
int  ask_explain(const struct ask *a, int status, const char *what, const char *flag);
/* What has become of a call, unless there is an answer. */
int  ask_told(const struct ask *a, const struct postern_answer *answer);

/* ---- call-upgrade.c ---- */

/* Calls for the connection, and then copies stdin to it, and it to stdout. */
int  call_upgrade(const struct ask_values *values, const char *method, struct postern_json in,
	const struct fd_list *fds, int64_t idle_ns);

/* ---- json-print.c ---- */

/* On one line without blanks, or over several with two blanks a level. For a terminal, hidden characters become \u202e. */
void json_print(FILE *out, struct postern_json value, bool is_pretty);
/* A string, as what it stands for. */
void json_print_text(FILE *out, struct postern_json string);
/* As it is for this stdout, with a line end. */
void json_print_answer(struct postern_json value);
/* The characters before the offset, as a place: line and column from 1. */
void json_place(const char *text, size_t offset, size_t *ret_line, size_t *ret_column);

/* ---- paint.c ---- */

/* A description with colours; text is not terminated. False, and nothing is printed: it cannot be parsed. */
bool paint_description(FILE *out, const char *text, size_t n);

#endif
