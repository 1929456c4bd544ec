/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jet.h - durable calls: what JetStream is asked, and what it says, as texts
 *
 * Pure functions, as those of wire.h. JetStream is spoken to by plain messages, because that is what it takes and what a
 * bus has: the part of libnats that does it waits for each answer.
 *
 *   [PREFIX.]varlink-durable.INTERFACE.METHOD   what the importing side publishes, and a stream stores. It is another subject than
 *                                               that of a call: a stream answers whatever it stores, and would answer calls
 *   stream      all subjects of that prefix
 *   consumer    one for each interface and queue group: the exporting bridges of the group share it
 */
#ifndef POSTERN_BRIDGE_JET_H
#define POSTERN_BRIDGE_JET_H

#include "wire.h"

#define JET_MSG_ID     "Nats-Msg-Id"   /* the stream stores each once, within its duplicate window */
#define JET_STATUS     "Status"        /* of a message without a call: 404, 408, 409 */
#define JET_ACK        "+ACK"          /* done, and may be forgotten */
#define JET_TERM       "+TERM"         /* never to be tried again */
#define JET_NAME_MAX   128
#define JET_IN_USE     10058           /* a stream of this name exists, with another configuration: that is its owner's decision */

/* Letters, digits, - and _: what a stream may be called. */
bool jet_is_name(const char *text);
/* As wire_subject(). */
int  jet_subject(char *ret, size_t size, const char *prefix, const char *name);
/* What follows that in a subject: a method with its interface, or NULL. */
const char *jet_method(const char *subject, const char *prefix);
/* GROUP-INTERFACE, with _ for what a consumer's name may not have. -ENAMETOOLONG. */
int  jet_consumer_name(char ret[JET_NAME_MAX], const char *group, const char *interface);

/* Requests, to the subjects that they are for; each returns the payload's length, or a negative errno. */
int  jet_create_stream(char *subject, size_t subject_size, char *ret, size_t size, const char *stream, const char *prefix);
/* ack_ns: how long one that is neither acknowledged nor refused is left alone. */
int  jet_create_consumer(char *subject, size_t subject_size, char *ret, size_t size, const char *stream, const char *consumer,
	const char *filter, int64_t ack_ns, uint32_t pending);
int  jet_next(char *subject, size_t subject_size, char *ret, size_t size, const char *stream, const char *consumer,
	uint32_t batch, int64_t expires_ns);
/* Refused, and to be tried again after this long. */
int  jet_refuse(char *ret, size_t size, int64_t delay_ns);

/* Answers. 0; or the number of JetStream's own for an error, at least 1, with its text in ret; -EBADMSG. */
int  jet_answer(const void *payload, size_t n, char *ret, size_t size);
/* Is it that something was stored? */
bool jet_is_stored(const void *payload, size_t n);
/* Is this the reply subject of a message that is to be acknowledged? */
bool jet_is_ack(const char *reply);
/* How often it has been delivered, by that subject: from 1. */
uint32_t jet_deliveries(const char *reply);

#endif
