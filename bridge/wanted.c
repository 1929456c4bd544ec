/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wanted.c - what the far end says about an interface, as a table for our own service
 *
 *   ask -> an answer that is right -> known
 *    ^         | nobody there, an error, nonsense, none in time
 *    +- wait --+
 *
 * The description came from another machine: it is parsed as any file is (learn.c), and has to be of the interface that was
 * asked for. Parameters are not decoded here, the far end holds them against its own description; so a table has the methods'
 * names and flags, and no types. What was learned stays until the bridge ends, because local programs rely on it.
 */
#include "import.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define WANTED_PATIENCE    POSTERN_SECONDS(2) /* for an answer */
#define WANTED_BACKOFF     POSTERN_MS(50)
#define WANTED_BACKOFF_MAX POSTERN_SECONDS(2)

static void wanted_again(struct wanted *l, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void wanted_again(struct wanted *l, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(l->last, sizeof(l->last), format, args);
	va_end(args);
	if (l->import->values->bridge.common.verbose)
		output_error(l->import->bridge.verb, l->name, "%s", l->last);
	bus_inbox_close(l->import->bridge.bus, &l->inbox);
	l->asking = false;
	postern_timer_set(l->timer, l->backoff_ns);
	l->backoff_ns =
		l->backoff_ns < WANTED_BACKOFF_MAX / 2 ? 2 * l->backoff_ns : WANTED_BACKOFF_MAX;
}

/* ---- the table ---- */

static void wanted_handle(const void *handlers, struct postern_request *r, const void *in,
			  void *data)
{
	(void)handlers;
	(void)in;
	imported_start(r, data);
}

/* Its texts are what was learned. */
static int wanted_table(struct wanted *l)
{
	const struct learned_interface *i = &l->learned;

	l->methods = calloc(i->n_methods, sizeof(*l->methods));
	l->list = calloc(i->n_methods, sizeof(*l->list));
	if (!l->methods || !l->list)
		return -ENOMEM;
	for (size_t m = 0; m < i->n_methods; m++) {
		l->list[m] = &l->methods[m];
		l->methods[m] = (struct postern_method){
			.name = i->methods[m].name,
			/* An upgrade comes to us, to be refused in our words. */
			.flags = i->methods[m].flags | POSTERN_METHOD_MAY_UPGRADE,
			.handle = wanted_handle,
		};
	}
	l->table = (struct postern_interface){
		.version = POSTERN_INTERFACE_VERSION,
		.n_methods = (uint32_t)i->n_methods,
		.name = i->name,
		.description = i->description,
		.methods = l->list,
	};
	return 0;
}

static void wanted_forget(struct wanted *l)
{
	learned_interface_free(&l->learned);
	free(l->methods);
	free(l->list);
	l->methods = NULL;
	l->list = NULL;
}

/* ---- an answer ---- */

/* NULL, or what is wrong with it. */
static const char *wanted_take(struct wanted *l, const struct bus_message *m)
{
	struct postern_json object, text;
	int r;

	if (wire_object(m->payload, m->n, &object) < 0 ||
	    postern_json_find(object, "description", &text) <= 0 ||
	    postern_json_kind(text) != POSTERN_JSON_STRING)
		return "what is answered is no description";
	r = learn_description(&l->learned, text);
	if (r == 0 && strcmp(l->learned.name, l->name) != 0)
		return "what is answered describes another interface";
	if (r == 0 && l->learned.n_methods == 0)
		return "it has no methods";
	if (r == 0)
		r = wanted_table(l);
	if (r == -ENOMEM)
		return "there is no memory for its description";
	return r < 0 ? "its description is wrong" : NULL;
}

static void wanted_answered(const struct bus_message *m, void *data)
{
	struct wanted *l = data;
	const char *error = bus_header(m, WIRE_ERROR), *wrong;

	if (m->nobody) {
		wanted_again(l, "nobody serves it there");
		return;
	}
	if (error) {
		wanted_again(l, "its description is refused: %.80s", error);
		return;
	}
	wrong = wanted_take(l, m);
	if (wrong) {
		wanted_forget(l);
		wanted_again(l, "%s", wrong);
		return;
	}
	bus_inbox_close(l->import->bridge.bus, &l->inbox);
	postern_timer_cancel(l->timer);
	l->asking = false;
	l->known = true;
}

/* ---- asking ---- */

static void wanted_ask(struct wanted *l)
{
	char subject[WIRE_SUBJECT_MAX], name[WIRE_SUBJECT_MAX], reply[BUS_INBOX_SUBJECT];
	struct bus *bus = l->import->bridge.bus;
	struct bus_out out = { .subject = subject, .reply = reply, .payload = "" };
	int n = snprintf(name, sizeof(name), "%s.describe", l->name), r;

	r = n < 0 || (size_t)n >= sizeof(name) ? -ENAMETOOLONG : 0;
	if (r == 0)
		r = wire_subject(subject, sizeof(subject), l->import->prefix, name);
	if (r == 0)
		r = bus_inbox_open(bus, &l->inbox, wanted_answered, l);
	if (r == 0) {
		bus_inbox_subject(bus, &l->inbox, reply);
		r = bus_publish(bus, &out);
	}
	if (r < 0) {
		wanted_again(l, "cannot ask: %s", strerror(-r));
		return;
	}
	l->asking = true;
	postern_timer_set(l->timer, WANTED_PATIENCE);
}

static void wanted_due(struct postern_timer *t, void *data)
{
	struct wanted *l = data;

	(void)t;
	if (l->asking)
		wanted_again(l, "no answer within 2s");
	else
		wanted_ask(l);
}

int wanted_start(struct wanted *l, struct import *im, const char *name)
{
	int r;

	*l = (struct wanted){ .import = im, .name = name, .backoff_ns = WANTED_BACKOFF };
	r = postern_timer_new(&l->timer, im->bridge.loop, wanted_due, l);
	return r < 0 ? r : postern_timer_set(l->timer, 0);
}

void wanted_free(struct wanted *l)
{
	if (!l->import)
		return;
	if (l->inbox.id)
		bus_inbox_close(l->import->bridge.bus, &l->inbox);
	postern_timer_free(l->timer);
	wanted_forget(l);
}

const struct postern_method *wanted_method(const struct wanted *l, const char *method)
{
	for (uint32_t m = 0; m < l->table.n_methods; m++)
		if (!strcmp(l->list[m]->name, method))
			return l->list[m];
	return NULL;
}
