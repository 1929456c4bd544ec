/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_REGISTRATIONS_H
#define REVIEW_REGISTRATIONS_H

/*
 * Who is called later: a table of the calls that give a library a function of the project, with
 * what that function is called with, as the knowledge says it (calls=, data=). An event loop calls
 * it when the descriptor is ready, and again until somebody takes it away.
 */

#include "model/query.h"

struct registration {
	struct function *fn;          /* that registers */
	const struct item *item;
	struct function *callback;
	const struct operand *data;       /* user data, or NULL */
	const struct operand *descriptor; /* or NULL */
	const struct fact *until;         /* the first of the calls that end it, or NULL */
};

extern struct registration *registrations;
extern size_t n_registrations;

/* A call of that name ends it: nobody is called after that. */
bool registration_ends_with(const struct registration *registration, const char *name);
/* Once per run, when all names are linked. */
void registrations_find(void);
/* Some connect() gives the function, or lambda, to a signal of that name. */
bool function_handles(const struct function *fn, const char *signal);
/* The callback closes a descriptor that lies in what it is called with. */
bool registration_closes(const struct registration *registration);

#endif
