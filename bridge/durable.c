/* SPDX-License-Identifier: Apache-2.0 */
/*
 * durable.c - see durable.h: the exporting side
 *
 * A consumer of JetStream for each interface:
 *
 *   STREAM      asked to create the stream; that it exists is as good
 *      |
 *   CONSUMER    asked to create the consumer, or to say that it is there
 *      |
 *   PULLING     asks for a batch, of as many as there is room for, for DURABLE_EXPIRES; each message takes one off; when none
 *               is left, or JetStream says that the time is over, the next batch is asked for
 *
 * What is pulled keeps the subject that it was published to, so that no inbox would know it: it gets a subscription.
 *
 * Every step is asked for again when nothing has come for DURABLE_SILENCE, and from the first on when NATS is back: a
 * server that was killed has forgotten what it was asked. Asking for too much does no harm: a message beyond the room is refused
 * and comes again.
 */
#include "durable.h"
#include "export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DURABLE_EXPIRES POSTERN_SECONDS(5)
#define DURABLE_SILENCE POSTERN_SECONDS(8)
#define DURABLE_BATCH   64u
#define DURABLE_MARGIN \
	POSTERN_SECONDS(10) /* of JetStream's patience, beyond the deadline of a call */
#define DURABLE_LONGEST   POSTERN_SECONDS(86400)
#define DURABLE_RETRY     POSTERN_MS(200)
#define DURABLE_RETRY_MAX POSTERN_SECONDS(30)
#define DURABLE_STRANGE   16u /* deliveries of a call that nobody has: some five minutes */

enum { DURABLE_STREAM, DURABLE_CONSUMER, DURABLE_PULLING };

struct durable {
	struct export *export;
	const char *interface;
	struct bus_inbox inbox;
	int state;
	bool waits;     /* an answer is to come */
	bool full;      /* PULLING: there was no room to ask for any */
	uint32_t asked; /* PULLING: messages that may come for it */
	int64_t asked_ns;
	bool told;        /* what is wrong, until it works */
	uint64_t strange; /* calls of methods that are not exported */
	char consumer[JET_NAME_MAX];
	char pulled[BUS_INBOX_SUBJECT + 8]; /* where its messages come */
};

/* ---- asking ---- */

static void durable_tell(struct durable *d, const char *what, const char *why)
{
	struct export *e = d->export;

	if (!d->told)
		output_error(e->bridge.verb, e->address, "%s: %s: %s; it is tried again",
			     d->interface, what, why);
	d->told = true;
}

static uint32_t durable_room(const struct export *e)
{
	uint32_t taken = e->n_calls - e->n_oneway;

	/* What is pulled while the service is away would only be refused. */
	if (e->away)
		return 0;
	for (size_t i = 0; i < e->n_durables; i++)
		taken += e->durables[i].asked;
	return taken < e->max_calls ? e->max_calls - taken : 0;
}

static int durable_write(struct durable *d, char *subject, char *text, size_t size)
{
	const struct export *e = d->export;
	const char *stream = e->values->stream, *prefix = e->bridge.values->prefix;
	int64_t patience = e->bridge.values->deadline;
	char name[WIRE_SUBJECT_MAX], filter[WIRE_SUBJECT_MAX];

	switch (d->state) {
	case DURABLE_STREAM:
		return jet_create_stream(subject, WIRE_SUBJECT_MAX, text, size, stream, prefix);
	case DURABLE_CONSUMER:
		/* A wildcard is no token of ours: it is put behind. */
		if (snprintf(name, sizeof(name), "%s", d->interface) >= (int)sizeof(name) ||
		    jet_subject(filter, sizeof(filter) - 2, prefix, name) < 0)
			return -ENAMETOOLONG;
		memcpy(filter + strlen(filter), ".*", sizeof(".*"));
		return jet_create_consumer(
			subject, WIRE_SUBJECT_MAX, text, size, stream, d->consumer, filter,
			(patience < DURABLE_LONGEST ? patience : DURABLE_LONGEST) + DURABLE_MARGIN,
			BRIDGE_CALLS_MOST);
	default:
		return jet_next(subject, WIRE_SUBJECT_MAX, text, size, stream, d->consumer,
				d->asked, DURABLE_EXPIRES);
	}
}

static void durable_ask(struct durable *d)
{
	struct export *e = d->export;
	char subject[WIRE_SUBJECT_MAX], text[2 * WIRE_SUBJECT_MAX], reply[BUS_INBOX_SUBJECT];
	struct bus_out out = { .subject = subject, .reply = reply, .payload = text };
	int n;

	if (e->bridge.draining || !bus_is_connected(e->bridge.bus))
		return;
	if (d->state == DURABLE_PULLING) {
		uint32_t room = durable_room(e);

		d->asked = room < DURABLE_BATCH ? room : DURABLE_BATCH;
		d->full = d->asked == 0;
		d->waits = false;
		if (d->full)
			return;
	}
	n = durable_write(d, subject, text, sizeof(text));
	bus_inbox_subject(e->bridge.bus, &d->inbox, reply);
	if (d->state == DURABLE_PULLING)
		out.reply = d->pulled;
	out.n = n < 0 ? 0 : (size_t)n;
	d->waits = n >= 0 && bus_publish(e->bridge.bus, &out) == 0;
	d->asked_ns = postern_now();
	if (!d->waits)
		d->asked = 0;
}

/* ---- a message ---- */

static struct export_method *durable_method(struct export *e, const char *subject)
{
	const char *name = jet_method(subject, e->bridge.values->prefix);

	for (size_t i = 0; name && i < e->n_methods; i++)
		if (!strcmp(e->methods[i].name, name))
			return &e->methods[i];
	return NULL;
}

static void durable_say(struct export *e, const char *reply, const char *what)
{
	const struct bus_out out = { .subject = reply, .payload = what, .n = strlen(what) };

	/* What does not get there makes it come again. */
	(void)bus_publish(e->bridge.bus, &out);
}

static void durable_refuse(struct export *e, const char *reply)
{
	uint32_t n = jet_deliveries(reply);
	int64_t delay = n < 8 ? DURABLE_RETRY << n : DURABLE_RETRY_MAX;
	char text[64];

	if (jet_refuse(text, sizeof(text), delay < DURABLE_RETRY_MAX ? delay : DURABLE_RETRY_MAX) >
	    0)
		durable_say(e, reply, text);
}

/* Another of the queue group may have it, and one that is newer: it has time to get there, and then it is given up. */
static void durable_strange(struct durable *d, const struct bus_message *m)
{
	struct export *e = d->export;
	const char *name = jet_method(m->subject, e->bridge.values->prefix);
	uint32_t deliveries = jet_deliveries(m->reply);

	if (!name || !wire_is_member(name))
		name = d->interface;
	if (deliveries >= DURABLE_STRANGE) {
		output_error(e->bridge.verb, e->address,
			     "%s: a durable call of a method that is not exported here is given up",
			     name);
		durable_say(e, m->reply, JET_TERM);
		return;
	}
	durable_refuse(e, m->reply);
	/* Told at the 1st, 2nd, 4th, 8th, ... */
	d->strange += deliveries == 1;
	if (deliveries == 1 && (d->strange & (d->strange - 1)) == 0)
		output_error(e->bridge.verb, e->address,
			     "%s: a durable call of a method that is not exported here, %" PRIu64
			     " so far; it is tried again",
			     name, d->strange);
}

/* The time of a whole call, and nothing about it can be told to anybody. */
static void durable_begin(struct durable *d, const struct bus_message *m)
{
	struct export *e = d->export;
	struct export_method *method = durable_method(e, m->subject);
	int r = -EAGAIN;

	if (!method) {
		durable_strange(d, m);
		return;
	}
	if (!e->bridge.draining && e->n_calls - e->n_oneway < e->max_calls)
		r = export_durable(method, m);
	if (r == -EAGAIN) {
		durable_refuse(e, m->reply);
	} else if (r < 0) {
		output_error(
			e->bridge.verb, e->address,
			"%s: a durable call is no object of JSON, or is not forwarded; it is given up",
			method->name);
		durable_say(e, m->reply, JET_TERM);
	}
}

/* It begins again, not at once: durable_look() asks. */
static void durable_reset(struct durable *d)
{
	d->state = DURABLE_STREAM;
	d->asked = 0;
	d->waits = false;
}

/* What comes to the inbox: the stream is there, or the consumer. */
static void durable_created(const struct bus_message *m, void *data)
{
	struct durable *d = data;
	char text[256];
	int r = jet_answer(m->payload, m->n, text, sizeof(text));

	if (d->state == DURABLE_PULLING)
		return;
	d->waits = false;
	if (m->nobody) {
		durable_tell(d, d->export->values->stream, "this server has no JetStream");
	} else if (r != 0 && !(r == JET_IN_USE && d->state == DURABLE_STREAM)) {
		durable_tell(d, d->export->values->stream, r < 0 ? "an unknown answer" : text);
		durable_reset(d);
	} else {
		d->state++;
		d->told = false;
		durable_ask(d);
	}
}

/* The end of what was asked for. That the time is over is as it should be; a server that has less than others have asked for
   says so at once, and would again. */
static void durable_status(struct durable *d, const char *status)
{
	bool is_over = !strcmp(status, "408") || !strcmp(status, "404");

	if (d->state != DURABLE_PULLING)
		return;
	if (!is_over) {
		durable_reset(d);
		return;
	}
	d->asked = 0;
	d->waits = false;
	if (postern_now() - d->asked_ns > DURABLE_EXPIRES / 2)
		durable_ask(d);
}

/* What comes for that: a message in any state, as one may be on its way from an earlier time. */
static void durable_pulled(const struct bus_message *m, void *data)
{
	struct durable *d = data;
	const char *status = bus_header(m, JET_STATUS);

	if (m->reply && jet_is_ack(m->reply)) {
		d->asked -= d->asked > 0;
		durable_begin(d, m);
		if (d->state == DURABLE_PULLING && d->asked == 0)
			durable_ask(d);
	} else if (m->nobody) {
		durable_reset(d);
	} else if (status) {
		durable_status(d, status);
	}
}

void durable_look(struct export *e)
{
	int64_t now = postern_now();

	for (size_t i = 0; i < e->n_durables; i++) {
		struct durable *d = &e->durables[i];

		if (d->waits && now - d->asked_ns > DURABLE_SILENCE)
			durable_reset(d);
		if (!d->waits)
			durable_ask(d);
	}
}

void durable_room_again(struct export *e)
{
	for (size_t i = 0; i < e->n_durables; i++)
		if (e->durables[i].full)
			durable_ask(&e->durables[i]);
}

void durable_again(struct export *e)
{
	for (size_t i = 0; i < e->n_durables; i++) {
		durable_reset(&e->durables[i]);
		durable_ask(&e->durables[i]);
	}
}

/* ---- the end of a call ---- */

void durable_done(struct export_call *c)
{
	durable_say(c->export, c->reply, JET_ACK);
}

static bool durable_is_answer(const char *error)
{
	static const char *const others[] = { WIRE_BUSY, WIRE_DRAINING, WIRE_NOT_SENT,
					      WIRE_NO_ANSWER };

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (!strcmp(error, others[i]))
			return false;
	return true;
}

void durable_failed(struct export_call *c, const char *error)
{
	struct export *e = c->export;

	if (!durable_is_answer(error)) {
		durable_refuse(e, c->reply);
		return;
	}
	output_error(e->bridge.verb, e->address, "%s: a durable call has failed: %s",
		     c->method->name, error);
	durable_say(e, c->reply, JET_ACK);
}

/* ---- life ---- */

static int durable_new(struct export *e, const struct learned_interface *i)
{
	struct durable *d = &e->durables[e->n_durables];
	int r;

	*d = (struct durable){ .export = e, .interface = i->name };
	r = jet_consumer_name(d->consumer, e->queue, i->name);
	if (r == 0)
		r = bus_inbox_open(e->bridge.bus, &d->inbox, durable_created, d);
	if (r == 0) {
		bus_inbox_subject(e->bridge.bus, &d->inbox, d->pulled);
		memcpy(d->pulled + strlen(d->pulled), ".pulled", sizeof(".pulled"));
		r = bus_subscribe(NULL, e->bridge.bus, d->pulled, NULL, durable_pulled, d);
	}
	if (r < 0)
		return output_errno(e->bridge.verb, e->address, i->name, r);
	e->n_durables++;
	durable_ask(d);
	return EXIT_DONE;
}

/* Does --allow leave anything of it? Else another of the group may export it, and we would pull its calls. */
static bool durable_has(const struct export *e, const char *interface)
{
	for (size_t i = 0; i < e->n_methods; i++)
		if (!strcmp(e->methods[i].interface, interface))
			return true;
	return false;
}

int durable_open(struct export *e)
{
	const struct learned *l = &e->learned;
	int status = EXIT_DONE;

	if (!e->values->stream)
		return EXIT_DONE;
	e->durables = calloc(l->n_interfaces, sizeof(*e->durables));
	if (!e->durables)
		return output_errno(e->bridge.verb, e->address, "out of memory", -ENOMEM);
	for (size_t i = 0; i < l->n_interfaces && !status; i++)
		if (durable_has(e, l->interfaces[i].name))
			status = durable_new(e, &l->interfaces[i]);
	return status;
}

void durable_close(struct export *e)
{
	free(e->durables);
	e->durables = NULL;
	e->n_durables = 0;
}
