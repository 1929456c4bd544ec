/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export.c - see export.h
 *
 * What it subscribes to: a subject for each method that --allow has, and one for the description of each interface that has such a
 * method, all in the queue group. A method that is not exported has no subject here: who calls it hears at once that nobody is there, or
 * reaches another exporter that has it.
 *
 * Draining. NATS is asked to send nothing more; what had come by then is called, and the end is when all calls were answered.
 * Streams have no end of their own: they end at once, with io.postern.Draining.
 */
#include "export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT_LOOK    POSTERN_SECONDS(1) /* between looks at the leases of streams */
#define EXPORT_CONFIRM POSTERN_SECONDS(5)

static const struct option export_options[] = {
	{ .name = "queue",
	  .type = OPTION_TEXT,
	  .argument = "GROUP",
	  .standard = EXPORT_QUEUE,
	  .help = "share the calls with the others of this queue group",
	  BRIDGE_OPTION(queue) },
	{ .name = "title",
	  .type = OPTION_TEXT,
	  .argument = "NAME",
	  .standard = "NAME of the service",
	  .help = "its name for NATS's service discovery",
	  BRIDGE_OPTION(title) },
	{ .name = "stream",
	  .type = OPTION_TEXT,
	  .argument = "NAME",
	  .help = "make the durable calls of this stream of JetStream, too",
	  .offset = offsetof(struct export_values, stream) },
	BRIDGE_OPTIONS,
	{ .name = NULL },
};

/* ---- descriptions ---- */

/* data: an interface that was learned, behind its export. */
struct export_description {
	struct export *export;
	const struct learned_interface *interface;
};

static void export_describe(const struct bus_message *m, void *data)
{
	const struct export_description *d = data;
	size_t size = 6 * strlen(d->interface->description) + 32;
	struct postern_json_writer w;
	char *text;
	ssize_t n;

	if (!m->reply || !export_may_answer(d->export, m))
		return;
	text = malloc(size);
	if (!text)
		return;
	postern_json_write_begin(&w, text, size);
	postern_json_write_object(&w);
	postern_json_write_name(&w, "description");
	postern_json_write_text(&w, d->interface->description);
	postern_json_write_end(&w);
	n = postern_json_write_finish(&w);
	if (n >= 0) {
		const struct bus_out out = { .subject = m->reply, .payload = text, .n = (size_t)n };

		if (bus_publish(d->export->bridge.bus, &out) == -EMSGSIZE) {
			char large[64];

			wire_too_large(large, sizeof(large), bus_size(&out),
				       bus_max(d->export->bridge.bus));
			export_refuse(d->export, m, WIRE_TOO_LARGE, large);
		}
	}
	free(text);
}

/* ---- subscriptions ---- */

static int export_unsubscribed(struct export *e, const char *subject, int error)
{
	return output_errno(e->bridge.verb, e->address, subject, error);
}

int export_subscribe(struct export *e)
{
	for (size_t i = 0; i < e->n_methods; i++) {
		struct export_method *m = &e->methods[i];
		int r = bus_subscribe(&m->sub, e->bridge.bus, m->subject, e->queue, export_request,
				      m);

		if (r < 0)
			return export_unsubscribed(e, m->subject, r);
	}
	return EXIT_DONE;
}

void export_unsubscribe(struct export *e)
{
	for (size_t i = 0; i < e->n_methods; i++)
		e->methods[i].sub = bus_leave(e->methods[i].sub);
}

/* An interface of which --allow has nothing is not there for NATS, and its user need not be permitted to describe it. */
static bool export_describes(const struct export *e, const struct learned_interface *i)
{
	const struct text_list *allow = &e->bridge.values->allow;
	bool allowed = allow->n == 0;

	for (size_t m = 0; m < i->n_methods && !allowed; m++)
		allowed = wire_is_allowed(allow->texts, allow->n, i->methods[m].name);
	return allowed;
}

/* They stay, whether the service is there or not. */
static int export_subscribe_descriptions(struct export *e)
{
	for (size_t i = 0; i < e->learned.n_interfaces; i++) {
		char name[WIRE_SUBJECT_MAX], subject[WIRE_SUBJECT_MAX];
		int r;

		if (!export_describes(e, &e->learned.interfaces[i]))
			continue;
		snprintf(name, sizeof(name), "%s.describe", e->learned.interfaces[i].name);
		r = wire_subject(subject, sizeof(subject), e->bridge.values->prefix, name);
		e->descriptions[i].export = e;
		e->descriptions[i].interface = &e->learned.interfaces[i];
		if (r == 0)
			r = bus_subscribe(NULL, e->bridge.bus, subject, e->queue, export_describe,
					  &e->descriptions[i]);
		if (r < 0)
			return export_unsubscribed(e, name, r);
	}
	bus_unknown(e->bridge.bus, export_unknown, e);
	return EXIT_DONE;
}

static int export_add(struct export *e, const struct learned_interface *i,
		      const struct learned_method *m)
{
	const struct bridge_values *v = e->bridge.values;
	struct export_method *method = &e->methods[e->n_methods];
	int r;

	if (!wire_is_allowed(v->allow.texts, v->allow.n, m->name))
		return EXIT_DONE;
	*method = (struct export_method){
		.export = e, .name = m->name, .interface = i->name, .flags = m->flags
	};
	r = wire_subject(method->subject, sizeof(method->subject), v->prefix, m->name);
	if (r < 0)
		return output_errno(e->bridge.verb, e->address, m->name, r);
	e->n_methods++;
	if (v->common.verbose)
		output_error(e->bridge.verb, e->address, "%s in group %s", method->subject,
			     e->queue);
	return EXIT_DONE;
}

/* What is allowed and not there is an error of the command line, and not of a caller next week. */
static int export_check_allowed(const struct export *e)
{
	const struct text_list *allow = &e->bridge.values->allow;

	for (uint32_t a = 0; a < allow->n; a++) {
		bool found = false;

		for (size_t i = 0; i < e->n_methods && !found; i++)
			found = wire_is_allowed(&allow->texts[a], 1, e->methods[i].name);
		if (found)
			continue;
		output_error(e->bridge.verb, e->address, "--allow %s: it has no such method",
			     allow->texts[a]);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static int export_methods(struct export *e)
{
	const struct learned *l = &e->learned;
	size_t n = 0;
	int status = EXIT_DONE;

	for (size_t i = 0; i < l->n_interfaces; i++)
		n += l->interfaces[i].n_methods;
	e->methods = calloc(n ? n : 1, sizeof(*e->methods));
	e->descriptions = calloc(l->n_interfaces + 1, sizeof(*e->descriptions));
	if (!e->methods || !e->descriptions)
		return output_errno(e->bridge.verb, e->address, "out of memory", -ENOMEM);
	for (size_t i = 0; i < l->n_interfaces; i++)
		for (size_t m = 0; m < l->interfaces[i].n_methods && !status; m++)
			status = export_add(e, &l->interfaces[i], &l->interfaces[i].methods[m]);
	return status ? status : export_check_allowed(e);
}

/* ---- its life ---- */

void export_call_ended(struct export *e)
{
	durable_room_again(e);
	if (e->drained && e->n_calls == 0)
		bridge_end(&e->bridge);
}

static void export_drained(void *data)
{
	struct export *e = data;

	e->drained = true;
	export_call_ended(e);
}

static void export_drain(void *data)
{
	struct export *e = data;

	export_end_calls(e, true, WIRE_DRAINING, NULL);
	if (bus_drain(e->bridge.bus, export_drained, e) < 0)
		export_drained(e);
}

static void export_force(void *data)
{
	export_end_calls(data, false, WIRE_NO_ANSWER,
			 "the bridge has ended before the answer came");
}

static void export_state(int state, const char *why, void *data)
{
	struct export *e = data;

	if (state == BUS_CONNECTED) {
		output_error(e->bridge.verb, e->address, "NATS is back");
		durable_again(e);
		return;
	}
	output_error(e->bridge.verb, e->address, "the connection to NATS is lost%s%s",
		     *why ? ": " : "", why);
	/* Their callers have a gap, or have lost NATS themselves. */
	export_end_calls(e, true, NULL, NULL);
}

static const struct bus_events export_events = { .state = export_state };

static void export_due(struct postern_timer *t, void *data)
{
	(void)t;
	export_look(data, postern_now());
	durable_look(data);
}

static int export_lease(struct export *e)
{
	int r = postern_timer_new(&e->lease, e->bridge.loop, export_due, e);

	if (r == 0)
		r = postern_timer_set_periodic(e->lease, EXPORT_LOOK);
	return r < 0 ? output_errno(e->bridge.verb, e->address, "cannot start", r) : EXIT_DONE;
}

static int export_go(struct export *e)
{
	const struct bridge_values *v = e->bridge.values;
	char ready[128];
	int status = learn(&e->learned, e->bridge.verb, e->address, v->wait);

	if (!status)
		status = export_methods(e);
	if (!status)
		status = bridge_open(&e->bridge, &export_events);
	if (!status)
		status = export_lease(e);
	if (!status)
		status = export_lines_open(e);
	if (!status)
		status = export_subscribe(e);
	if (!status)
		status = export_subscribe_descriptions(e);
	/* Ready means that a call, or an import, from now on reaches us. */
	if (!status)
		status = bus_confirm(e->bridge.bus, EXPORT_CONFIRM);
	/* A bridge that may not be found may be called: that it is not permitted is told, and no more. */
	if (!status)
		status = discover_open(e);
	if (!status)
		status = durable_open(e);
	if (status)
		return status;
	snprintf(ready, sizeof(ready), "exported: %zu methods in group %s", e->n_methods, e->queue);
	return bridge_run(&e->bridge, ready);
}

static void export_release(struct export *e)
{
	export_end_calls(e, false, NULL, NULL);
	export_lines_close(e);
	postern_timer_free(e->lease);
	bridge_close(&e->bridge);
	durable_close(e);
	free(e->methods);
	free(e->descriptions);
	learned_free(&e->learned);
}

static int export_run(void *data)
{
	struct export_values *v = data;
	struct bridge_values *values = &v->bridge;
	struct export *e;
	int status;

	if (values->common.n_files != 1) {
		output_error("bridge export", NULL,
			     values->common.n_files
				     ? "too many arguments; one NAME is exported"
				     : "missing NAME; see: postern bridge export --help");
		return EXIT_USAGE;
	}
	if (v->stream && !jet_is_name(v->stream)) {
		output_error("bridge export", NULL,
			     "--stream is a name of JetStream: letters, digits, - and _");
		return EXIT_USAGE;
	}
	status = bridge_settle(values, "bridge export", values->common.files[0]);
	if (status)
		return status;
	e = calloc(1, sizeof(*e));
	if (!e)
		return output_errno("bridge export", NULL, "out of memory", -ENOMEM);
	e->values = v;
	e->address = values->common.files[0];
	e->queue = values->queue ? values->queue : EXPORT_QUEUE;
	e->max_calls = values->max_calls;
	e->bridge = (struct bridge){ .values = values,
				     .verb = "bridge export",
				     .name = e->address,
				     .drain = export_drain,
				     .force = export_force,
				     .data = e };
	status = export_go(e);
	export_release(e);
	free(e);
	return status;
}

const struct verb verb_export = {
	.name = "bridge export",
	.operands = "NAME",
	.about = "Lets a local service answer calls over NATS.",
	.notes = "Each method is a subject, [PREFIX.]varlink.INTERFACE.METHOD. SIGTERM drains it.\n"
		 "TIME: 500ms, 5s, 2m, forever. More: man postern-bridge",
	.takes_files = true,
	.options = export_options,
	.size = sizeof(struct export_values),
	.run = export_run,
};
