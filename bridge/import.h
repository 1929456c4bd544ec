/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import.h - a local name that stands for interfaces on NATS
 *
 *   wanted.c     asks for the descriptions, until somebody answers, and makes tables of them
 *   import.c     the verb: learns, takes the name, tells what happens to NATS, drains
 *   imported.c   one call: a request of a local program, and what was published for it
 *
 * Ownership: the import has the service, what was learned and its calls; a call has its request, its inbox and its timer. A
 * call ends in exactly one answer to the local program, or when that has left; after it nothing that still comes is heard.
 */
#ifndef POSTERN_BRIDGE_IMPORT_H
#define POSTERN_BRIDGE_IMPORT_H

#include "bridge.h"
#include "durable.h"
#include "learn.h"
#include "wire.h"

#include <postern/service.h>

struct import;
struct imported;

/* An interface, and how it is asked for. */
struct wanted {
	struct import *import;
	const char *name;
	struct bus_inbox inbox;
	struct postern_timer *timer;   /* the next attempt, or the end of this one */
	int64_t backoff_ns;
	bool asking, known;
	char last[256];                /* why the last attempt failed */
	struct postern_interface table;
	struct learned_interface learned;
	struct postern_method *methods;
	const struct postern_method **list;
};

struct import_values {
	struct bridge_values bridge;
	const char *as;
	uint32_t access;
	const char *stream;
};

struct import {
	struct bridge bridge;
	const struct import_values *values;
	const char *prefix;            /* or NULL */
	const char *const *allow;      /* n_allow of them; none: all */
	size_t n_allow;
	int64_t deadline_ns;
	uint32_t max_calls;
	uint32_t max_user;             /* of these for one local user */
	struct wanted *wanted;
	size_t n_wanted;
	struct postern_service *service;
	struct imported *calls;
	uint32_t n_calls;
	struct storing *storing;       /* durable calls that are not stored yet */
	uint32_t n_storing;
	bool closed;                   /* no call comes any more */
	uint64_t unsent;               /* oneway calls that nobody could be told of, and how many were told */
	int64_t unsent_told_ns, storing_told_ns;
};

/* ---- import.c ---- */

/* All durable calls are stored: at the end of a drain that is the end. */
void import_stored(struct import *im);

/* ---- wanted.c ---- */

/* Asks at once, and again until it is known. */
int  wanted_start(struct wanted *l, struct import *im, const char *name);
void wanted_free(struct wanted *l);
/* Of an interface that is known. NULL: it has no such method. */
const struct postern_method *wanted_method(const struct wanted *l, const char *method);

/* ---- imported.c ---- */

/* A handler of all methods: data is its wanted. */
void imported_start(struct postern_request *r, struct wanted *l);
/* Ends all calls with io.postern.bridge.NoAnswer, and this reason. */
void imported_end_all(struct import *im, const char *reason);
/* Ends those that were published to this subject, which NATS does not permit. */
void imported_forbidden(struct import *im, const char *subject);
/* Ends streams, which have no end of their own, with io.postern.Draining. */
void imported_end_streams(struct import *im);
/* Frees all calls, without an answer. */
void imported_free_all(struct import *im);

#endif
