/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export-answer.c - what an exporting bridge publishes
 *
 * An answer that cannot be published is lost: its caller has lost NATS too, or will hear nothing and end by its deadline.
 * It is counted, and told once a second at most. One that is too large becomes an error, which is always small.
 */
#include "export.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- what is lost ---- */

static void export_lost(struct export *e, int error)
{
	e->lost++;
	if (!bus_may_tell(&e->told_ns))
		return;
	output_error(e->bridge.verb, e->address,
		     "%" PRIu64 " answers could not be sent so far, the last one because of %s",
		     e->lost, error == -ENOTCONN ? "a lost connection to NATS" : strerror(-error));
}

static int export_publish(struct export *e, const struct bus_out *m)
{
	int r = bus_publish(e->bridge.bus, m);

	if (r < 0 && r != -EMSGSIZE)
		export_lost(e, r);
	return r;
}

/* ---- answers ---- */

struct export_number {
	char text[24];
};

static struct export_number export_number(uint64_t n)
{
	struct export_number ret;

	snprintf(ret.text, sizeof(ret.text), "%" PRIu64, n);
	return ret;
}

static void export_fail_to(struct export *e, const char *reply, uint64_t sequence,
			   const char *error, struct postern_json parameters)
{
	struct export_number code = export_number((uint64_t)wire_error_code(error));
	struct export_number number = export_number(sequence);
	const struct bus_out m = {
		.subject = reply,
		.payload = parameters.text,
		.n = parameters.n,
		.headers = { { WIRE_ERROR, error },
			     { WIRE_ERROR_CODE, code.text },
			     { sequence ? WIRE_SEQUENCE : NULL, number.text } },
	};
	struct bus_out small = m;
	char text[64];

	if (!reply || export_publish(e, &m) != -EMSGSIZE)
		return;
	small.n = wire_too_large(text, sizeof(text), bus_size(&m), bus_max(e->bridge.bus));
	small.payload = text;
	small.headers[0].value = WIRE_TOO_LARGE;
	(void)export_publish(e, &small);
}

void export_fail(struct export_call *c, const char *error, const char *parameters, size_t n)
{
	struct export_method *method = c->method;

	method->errors++;
	snprintf(method->last_error, sizeof(method->last_error), "%s", error);
	if (c->durable) {
		durable_failed(c, error);
		return;
	}
	export_fail_to(c->export, c->reply, c->more ? ++c->sequence : 0, error,
		       (struct postern_json){ parameters, n });
}

void export_fail_reason(struct export_call *c, const char *error, const char *reason)
{
	char text[1024];
	size_t n = wire_reason(text, sizeof(text), reason);

	export_fail(c, error, text, n);
}

/* An answer that is too large becomes an error, and is -EMSGSIZE. */
static int export_send(struct export_call *c, struct postern_json parameters, bool continues)
{
	struct bus *bus = c->export->bridge.bus;
	struct export_number sequence = export_number(c->sequence + 1);
	const struct bus_out m = {
		.subject = c->reply,
		.payload = parameters.text,
		.n = parameters.n,
		.headers = { { continues ? WIRE_CONTINUES : NULL, "true" },
			     { c->more ? WIRE_SEQUENCE : NULL, sequence.text } },
	};
	char text[64];
	int r;

	if (!c->reply)
		return 0;
	r = export_publish(c->export, &m);
	if (r == 0)
		c->sequence++;
	else if (r == -EMSGSIZE)
		export_fail(c, WIRE_TOO_LARGE, text,
			    wire_too_large(text, sizeof(text), bus_size(&m), bus_max(bus)));
	return r;
}

void export_answer(struct export_call *c, struct postern_json parameters)
{
	if (c->durable)
		durable_done(c);
	else
		(void)export_send(c, parameters, false);
}

int export_continue(struct export_call *c, struct postern_json parameters)
{
	return export_send(c, parameters, true);
}

void export_refuse(struct export *e, const struct bus_message *m, const char *error,
		   const char *parameters)
{
	export_fail_to(e, m->reply, 0, error,
		       (struct postern_json){ parameters, strlen(parameters) });
}

int export_accept(struct export_call *c)
{
	char subject[BUS_INBOX_SUBJECT];
	const struct bus_out m = {
		.subject = c->reply,
		.headers = { { WIRE_STATUS, WIRE_ACCEPTED }, { WIRE_CONTROL, subject } },
	};

	bus_inbox_subject(c->export->bridge.bus, &c->control, subject);
	return export_publish(c->export, &m);
}
