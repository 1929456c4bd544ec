/* SPDX-License-Identifier: Apache-2.0 */
/* bridge.h - what export and import share: options, the life of the process */
#ifndef POSTERN_BRIDGE_H
#define POSTERN_BRIDGE_H

#include "bus.h"
#include "wire.h"
#include "../cmd/command.h"

/* The values of both verbs begin with this. */
struct bridge_values {
	struct common common;      /* operands are common.files */
	struct text_list nats;
	const char *creds, *tls_ca, *tls_cert, *tls_key, *prefix, *queue, *title;
	bool tls;
	struct text_list allow;
	int64_t deadline, wait, drain;
	uint32_t max_calls;
};

#define BRIDGE_CALLS_MOST 32768u /* half of the inboxes of a bus */

#define BRIDGE_OPTION(field) .offset = offsetof(struct bridge_values, field)

/* The options that both have; each verb puts its own before them. */
#define BRIDGE_OPTIONS \
	{ .name = "nats", .type = OPTION_TEXTS, .argument = "URL", .standard = "nats://127.0.0.1:4222", \
	  .help = "a server of NATS; repeatable", BRIDGE_OPTION(nats) }, \
	{ .name = "creds", .type = OPTION_TEXT, .argument = "FILE", \
	  .help = "credentials of a user of NATS (a JWT and its seed)", BRIDGE_OPTION(creds) }, \
	{ .name = "tls", .help = "only over TLS", BRIDGE_OPTION(tls) }, \
	{ .name = "tls-ca", .type = OPTION_TEXT, .argument = "FILE", .standard = "the system's", \
	  .help = "certificates to trust; implies --tls", BRIDGE_OPTION(tls_ca) }, \
	{ .name = "tls-cert", .type = OPTION_TEXT, .argument = "FILE", \
	  .help = "our own certificate; with --tls-key", BRIDGE_OPTION(tls_cert) }, \
	{ .name = "tls-key", .type = OPTION_TEXT, .argument = "FILE", .help = "its key", BRIDGE_OPTION(tls_key) }, \
	{ .name = "prefix", .type = OPTION_TEXT, .argument = "SUBJECT", \
	  .help = "put this before all subjects", BRIDGE_OPTION(prefix) }, \
	{ .name = "allow", .type = OPTION_TEXTS, .argument = "I.M", .standard = "all", \
	  .help = "only this method, or I.*; repeatable", BRIDGE_OPTION(allow) }, \
	{ .name = "deadline", .type = OPTION_DURATION, .argument = "TIME", .standard = "30s", \
	  .help = "the most that a call may take", BRIDGE_OPTION(deadline) }, \
	{ .name = "max-calls", .type = OPTION_COUNT, .argument = "N", .standard = "256", \
	  .help = "at once; further ones get io.postern.Busy", BRIDGE_OPTION(max_calls) }, \
	{ .name = "wait", .type = OPTION_DURATION, .argument = "TIME", .standard = "30s", \
	  .help = "for NATS, and for the far end, at the start", BRIDGE_OPTION(wait) }, \
	{ .name = "drain", .type = OPTION_DURATION, .argument = "TIME", .standard = "10s", \
	  .help = "for open calls at the end", BRIDGE_OPTION(drain) }, \
	{ .name = "verbose", .letter = 'v', .plain = true, .help = "tell what happens", \
	  BRIDGE_OPTION(common.verbose) }

struct bridge {
	const struct bridge_values *values;
	const char *verb;          /* "bridge export" */
	const char *name;          /* for messages, and for NATS */
	struct postern_loop *loop;
	struct bus *bus;
	struct postern_timer *forced; /* the end of the drain */
	struct postern_timer *watchdog, *lost;
	struct postern_signal *term, *interrupt;
	void (*drain)(void *data); /* at the first signal: ends in bridge_end() */
	void (*force)(void *data); /* the drain has taken too long; then the loop stops */
	void *data;
	bool draining, over;
	int64_t until_ns;          /* of the drain */
	int status;
};

/*
 * Before anything is waited for: checks the options, and gives those that were not given the value that --help
 * promises. The exit status; an error has been printed.
 */
int  bridge_settle(struct bridge_values *v, const char *verb, const char *name);
/* Loop, signals, bus. The exit status; an error has been printed. Close it in any case. */
int  bridge_open(struct bridge *b, const struct bus_events *events);
void bridge_close(struct bridge *b);
/* Says that it is ready, with this text, and runs until bridge_end(), or the second signal. The exit status. */
int  bridge_run(struct bridge *b, const char *ready);
/* Begins to end, as a signal does; status is that of the process. */
void bridge_drain(struct bridge *b, int status);
/* Drained: all that was published is flushed, and the loop stops. */
void bridge_end(struct bridge *b);

extern const struct verb verb_export, verb_import;

#endif
