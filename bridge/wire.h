/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - calls of Varlink as messages of NATS: subjects, headers, codes
 *
 * Pure functions. What they read came from another machine: nothing about it is believed. The wire itself is described in
 * docs/BEYOND.md.
 */
#ifndef POSTERN_BRIDGE_WIRE_H
#define POSTERN_BRIDGE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postern/json.h>

#define WIRE_SUBJECT_MAX 512 /* with its \0; one of NATS may be longer, but an interface and a method of ours are not */

/* Of a request. */
#define WIRE_MORE        "Varlink-More"        /* true */
#define WIRE_TIMEOUT     "Varlink-Timeout-Ms"  /* what is left of the caller's deadline */
#define WIRE_HOPS        "Varlink-Hops"        /* how many importers have sent it; 1 without it */
#define WIRE_HOPS_MAX    8
/* Of an answer. */
#define WIRE_CONTINUES   "Varlink-Continues"   /* true: others follow */
#define WIRE_SEQUENCE    "Varlink-Sequence"    /* of a stream: its first answer is 1, also the last and an error have one */
#define WIRE_ERROR       "Nats-Service-Error"  /* the name of an error of Varlink */
#define WIRE_ERROR_CODE  "Nats-Service-Error-Code"
/* Of a message with a status line: of a server of NATS, mostly. */
#define WIRE_NATS_STATUS "Status"
#define WIRE_NATS_DESCRIPTION "Description"
/* The first message of a stream, and the answers of its control subject. */
#define WIRE_STATUS      "Varlink-Status"
#define WIRE_CONTROL     "Varlink-Control"     /* beside WIRE_ACCEPTED: where to send WIRE_CANCEL and WIRE_ALIVE */
#define WIRE_ACCEPTED    "accepted"
#define WIRE_OPEN        "open"                /* the answer to alive */
#define WIRE_ENDED       "ended"               /* to either: there is no such stream (any more) */
/* Payloads for the control subject. */
#define WIRE_CANCEL      "cancel"
#define WIRE_ALIVE       "alive"

#define WIRE_ALIVE_NS    POSTERN_SECONDS(10)   /* the caller's side says so this often */
#define WIRE_LEASE_NS    POSTERN_SECONDS(30)   /* and the serving side cancels after this long without it, */
#define WIRE_FIRST_LEASE_NS POSTERN_SECONDS(10) /* or this long after it has accepted, if it never came: it is due at once */

/* Errors that a bridge makes itself. The first has certainly not run, the second may have. */
#define WIRE_NOT_SENT    "io.postern.bridge.NotSent"   /* (reason: string) */
#define WIRE_NO_ANSWER   "io.postern.bridge.NoAnswer"  /* (reason: string) */
#define WIRE_TOO_LARGE   "io.postern.bridge.TooLarge"  /* (size: int, max: int) */
#define WIRE_NOT_FORWARDED "io.postern.bridge.NotForwarded" /* (reason: string): descriptors, upgrades */
#define WIRE_LOOP        "io.postern.bridge.Loop"      /* (hops: int) */
#define WIRE_FORWARD     "io.postern.bridge.Forward"   /* a method of each imported name, for exporters of it */
#define WIRE_FAILED      "io.postern.bridge.Failed"    /* (code: int, reason: string): of what is no service of Varlink */
#define WIRE_BUSY        "io.postern.Busy"
#define WIRE_DRAINING    "io.postern.Draining"

/* [PREFIX.]varlink.NAME, where name is that of a method with its interface, or INTERFACE.describe. prefix: or NULL. -ENAMETOOLONG:
   it does not fit; -EINVAL: name, or prefix, has what a subject may not have. */
int  wire_subject(char *ret, size_t size, const char *prefix, const char *name);
/* May it stand before the others as tokens of a subject: no blanks, wildcards, empty tokens, nothing hidden? */
bool wire_is_token(const char *text);
/* A subject that is for answers by its first word, which begins with _INBOX: whoever names another wants us to publish with our
   rights where it has none, as to the API of JetStream. */
bool wire_is_inbox(const char *text);
/* May an exporter publish an answer there? To an inbox, and to what a server puts in place of one for a request of another
   account or cluster: it lets no client name that. */
bool wire_is_reply(const char *text);
/* Interface, dot, a word with a capital: of a method, or of an error. */
bool wire_is_member(const char *text);

/* The payload of a request or an answer: an object; nothing at all is {}. -EBADMSG. */
int  wire_object(const void *payload, size_t n, struct postern_json *ret);

/* What an HTTP-minded client of NATS's services reads: 400, 403, 404, 500, 503. */
int  wire_error_code(const char *error);
/* The value of WIRE_TIMEOUT. -EINVAL: it is no number of milliseconds, 1 to 2^31. */
int  wire_timeout_read(const char *text, int64_t *ret_ns);
/* At least 1: what is over has not been sent. */
void wire_timeout_write(char *ret, size_t size, int64_t ns);
/* The value of WIRE_HOPS, or NULL. -EINVAL: it is no number; -ELOOP: it is too large. */
int  wire_hops_read(const char *text, uint64_t *ret);
/* The value of WIRE_SEQUENCE. -EINVAL. */
int  wire_sequence_read(const char *text, uint64_t *ret);

/* Is a method among INTERFACE.METHOD, INTERFACE.*? An empty list has all of them. */
bool wire_is_allowed(const char *const *list, size_t n, const char *method);

/* {"reason": text}, into a buffer; the length. Texts are cut to fit, and bytes that are not UTF-8 leave it empty. */
size_t wire_reason(char *ret, size_t size, const char *text);
/* {"size": ..., "max": ...} */
size_t wire_too_large(char *ret, size_t size, size_t n, size_t max);

#endif
