/* SPDX-License-Identifier: Apache-2.0 */
/*
 * durable.h - oneway calls that outlive bridges, services and servers of NATS: --stream
 *
 *   a local program        oneway call
 *   importing bridge       published with an id until JetStream says that it is stored; only then the next one of the same
 *                          connection is read, so that what is not stored yet is bounded
 *   JetStream              stores it once for each id
 *   exporting bridge       asks for as many as it has room for, calls the service *with* an answer, and acknowledges on that
 *
 * Promised: what JetStream has acknowledged is not lost, and runs at least once. It runs again when the acknowledgement of a
 * bridge is lost: methods that are called so must be repeatable.
 *
 * What counts as an answer is also an error of the service: the call has run, and would fail again. Tried again, after a
 * time that doubles, is what has not run, or of which nobody knows: Busy, Draining, no service, no answer.
 */
#ifndef POSTERN_BRIDGE_DURABLE_H
#define POSTERN_BRIDGE_DURABLE_H

#include "bus.h"
#include "jet.h"

#include <postern/json.h>

struct export; struct export_call; struct import;
struct postern_request;

/* ---- the exporting side ---- */

struct durable;

/* For all interfaces of e. The exit status; an error has been printed. */
int  durable_open(struct export *e);
void durable_close(struct export *e);
/* Once a second. */
void durable_look(struct export *e);
/* A call has ended. */
void durable_room_again(struct export *e);
/* NATS is back: what was asked for before was lost. */
void durable_again(struct export *e);
/* The call's answer has come; or this error in its place. */
void durable_done(struct export_call *c);
void durable_failed(struct export_call *c, const char *error);

/* ---- the importing side ---- */

struct storing;

/* Keeps r, until this call is stored: its own, or the one that it passes on. method stays, parameters are in the memory of r.
   A negative errno: it is not kept. */
int  storing_start(struct import *im, struct postern_request *r, const char *method, struct postern_json parameters);
/* How many are not stored; they are given up. */
uint32_t storing_end_all(struct import *im);

#endif
