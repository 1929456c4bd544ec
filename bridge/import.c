/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import.c - postern bridge import: a local name for interfaces that others serve on NATS
 *
 * The name is taken when all descriptions are known, not before: a program that connects finds the service as it will be.
 * Until then a local program finds nobody, as before any service has started, and its own deadline counts.
 *
 * While NATS is away the name stays, and calls end at once: io.postern.bridge.NotSent. Those that are open when the
 * connection is lost end with NoAnswer, because their answers went where nobody is: NATS keeps nothing for later.
 */
#include "errors.h"
#include "import.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT_OPTION(field) .offset = offsetof(struct import_values, field)

static const struct option import_options[] = {
	{ .name = "as",
	  .type = OPTION_TEXT,
	  .argument = "NAME",
	  .help = "the name to serve on this machine",
	  IMPORT_OPTION(as) },
	{ .name = "access",
	  .type = OPTION_ACCESS,
	  .argument = "WHO",
	  .standard = "user",
	  .help = "who may connect: user, group, world, 0640",
	  IMPORT_OPTION(access) },
	{ .name = "stream",
	  .type = OPTION_TEXT,
	  .argument = "NAME",
	  .help = "oneway calls are stored by this stream of JetStream, and then made",
	  IMPORT_OPTION(stream) },
	BRIDGE_OPTIONS,
	{ .name = NULL },
};

/* ---- what happens ---- */

static void import_state(int state, const char *why, void *data)
{
	struct import *im = data;

	if (state == BUS_CONNECTED) {
		output_error(im->bridge.verb, im->bridge.name, "connected to NATS again");
		return;
	}
	output_error(im->bridge.verb, im->bridge.name,
		     "the connection to NATS is lost%s%s; %u open calls end without an answer",
		     *why ? ": " : "", why, im->n_calls);
	imported_end_all(im, "the connection to NATS was lost before it was answered");
}

static void import_forbidden(const char *subject, void *data)
{
	imported_forbidden(data, subject);
}

static const struct bus_events import_bus_events = {
	.state = import_state,
	.forbidden = import_forbidden,
};

static void import_error(struct postern_service *s, const struct postern_reason *why, void *data)
{
	struct import *im = data;

	(void)s;
	output_text(im->bridge.verb, im->bridge.name, why->text);
	if (why->code == POSTERN_REASON_NAME_LOST)
		bridge_drain(&im->bridge, EXIT_NAME_IN_USE);
}

static void import_closed(struct postern_service *s, const struct postern_reason *why, void *data)
{
	struct import *im = data;

	(void)s;
	(void)why;
	im->closed = true;
	import_stored(im);
}

void import_stored(struct import *im)
{
	if (im->closed && im->n_storing == 0)
		bridge_end(&im->bridge);
}

static const struct postern_service_events import_events = {
	.size = sizeof(import_events),
	.error = import_error,
	.closed = import_closed,
};

/* Before there is a service, the loop of import_learn() sees that the end has begun. */
static void import_drain(void *data)
{
	struct import *im = data;

	imported_end_streams(im);
	if (im->service)
		postern_service_drain(im->service, im->values->bridge.drain);
}

static void import_force(void *data)
{
	struct import *im = data;

	uint32_t lost = storing_end_all(im);

	imported_end_all(im, "the bridge ends");
	if (lost == 0)
		return;
	output_error(im->bridge.verb, im->bridge.name,
		     "%u durable calls are lost: they were not stored in time", lost);
	im->bridge.status = EXIT_TRY_AGAIN;
}

/* ---- the beginning ---- */

static bool import_knows_all(const struct import *im)
{
	for (size_t i = 0; i < im->n_wanted; i++)
		if (!im->wanted[i].known)
			return false;
	return true;
}

static int import_unknown(const struct import *im)
{
	for (size_t i = 0; i < im->n_wanted; i++)
		if (!im->wanted[i].known)
			output_error(
				im->bridge.verb, im->wanted[i].name,
				"not found on NATS: %s; is `postern bridge export` running there, with the same --prefix?",
				*im->wanted[i].last ? im->wanted[i].last : "no answer came");
	return EXIT_NO_SERVER;
}

/* Turns the loop until all are known. The exit status. */
static int import_learn(struct import *im)
{
	int64_t wait = im->values->bridge.wait, begun = postern_now();

	for (size_t i = 0; i < im->n_wanted; i++) {
		int r = wanted_start(&im->wanted[i], im, im->values->bridge.common.files[i]);

		if (r < 0)
			return output_errno(im->bridge.verb, im->bridge.name, "cannot start", r);
	}
	while (!import_knows_all(im)) {
		int r;

		if (im->bridge.draining)
			return im->bridge.status;
		if (wait != POSTERN_FOREVER && postern_now() - begun >= wait)
			return import_unknown(im);
		r = postern_loop_dispatch(im->bridge.loop, POSTERN_MS(100));
		if (r < 0)
			return output_errno(im->bridge.verb, im->bridge.name, "the loop failed", r);
	}
	return EXIT_DONE;
}

/* What is allowed and not there is an error of the command line, and not of a caller next week. */
static int import_check_allowed(const struct import *im)
{
	for (size_t a = 0; a < im->n_allow; a++) {
		bool found = false;

		for (size_t i = 0; i < im->n_wanted; i++)
			for (size_t m = 0; m < im->wanted[i].learned.n_methods && !found; m++)
				found = wire_is_allowed(&im->allow[a], 1,
							im->wanted[i].learned.methods[m].name);
		if (found)
			continue;
		output_error(im->bridge.verb, im->bridge.name,
			     "--allow %s: there is no such method", im->allow[a]);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static int import_provide(struct import *im)
{
	static const struct {
		void (*handle)(void);
	} handlers = { abort }; /* only its being there counts: wanted_handle() is what is called */
	int r = postern_service_provide(im->service, &errors_interface, &handlers, im);

	for (size_t i = 0; i < im->n_wanted && r == 0; i++)
		r = postern_service_provide(im->service, &im->wanted[i].table, &handlers,
					    &im->wanted[i]);
	return r;
}

static int import_serve(struct import *im)
{
	const struct postern_server_options server = {
		.size = sizeof(server),
		.access = im->values->access,
	};
	const struct postern_service_options options = {
		.size = sizeof(options),
		.server = &server,
		.product = "postern bridge import",
		.version = postern_version(),
		.flags = POSTERN_SERVICE_STATISTICS | POSTERN_SERVICE_TRACE,
	};
	int r = postern_service_new(&im->service, im->bridge.loop, im->values->as, &options,
				    &import_events, im);

	if (r == 0)
		r = import_provide(im);
	if (r == 0)
		return EXIT_DONE;
	r = output_reason(im->bridge.verb, im->bridge.name, postern_why());
	return r == EXIT_WRONG_TYPE ? EXIT_NAME_IN_USE : r;
}

static int import_go(struct import *im)
{
	char ready[64 + PATH_MAX];
	int status = bridge_open(&im->bridge, &import_bus_events);

	if (!status)
		status = import_learn(im);
	if (status || im->bridge.draining)
		return status;
	status = import_check_allowed(im);
	if (!status)
		status = import_serve(im);
	if (status)
		return status;
	snprintf(ready, sizeof(ready), "%s",
		 postern_server_path(postern_service_server(im->service)));
	return bridge_run(&im->bridge, ready);
}

/* ---- the command ---- */

/* Every imported name has these itself. */
static bool import_is_own(const char *name)
{
	static const char *const own[] = { "org.varlink.service", "io.postern",
					   "io.postern.Statistics", "io.postern.Trace" };

	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (!strcmp(name, own[i]))
			return true;
	return !strcmp(name, errors_interface.name);
}

static int import_check(const struct import_values *v)
{
	char subject[WIRE_SUBJECT_MAX];

	if (!v->as) {
		output_error("bridge import", NULL, "missing --as NAME: the name to serve here");
		return EXIT_USAGE;
	}
	if (v->bridge.common.n_files == 0) {
		output_error("bridge import", v->as,
			     "missing INTERFACE, such as org.example.Clock; several may be given");
		return EXIT_USAGE;
	}
	if (v->stream && !jet_is_name(v->stream)) {
		output_error("bridge import", v->as,
			     "--stream is a name of JetStream: letters, digits, - and _");
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < v->bridge.common.n_files; i++) {
		const char *name = v->bridge.common.files[i];

		if (!strchr(name, '.') || wire_subject(subject, sizeof(subject), NULL, name) < 0) {
			output_error("bridge import", v->as, "'%s' is no name of an interface",
				     name);
			return EXIT_USAGE;
		}
		if (import_is_own(name)) {
			output_error("bridge import", v->as,
				     "%s is of this machine: each name has its own", name);
			return EXIT_USAGE;
		}
		for (size_t other = 0; other < i; other++) {
			if (strcmp(name, v->bridge.common.files[other]) != 0)
				continue;
			output_error("bridge import", v->as, "%s is there twice", name);
			return EXIT_USAGE;
		}
	}
	return EXIT_DONE;
}

static int import_run(void *data)
{
	struct import_values *v = data;
	int status = import_check(v);
	struct import im;

	if (!status)
		status = bridge_settle(&v->bridge, "bridge import", v->as);
	if (status)
		return status;
	im = (struct import){
		.values = v,
		.prefix = v->bridge.prefix,
		.allow = v->bridge.allow.texts,
		.n_allow = v->bridge.allow.n,
		.deadline_ns = v->bridge.deadline,
		.max_calls = v->bridge.max_calls,
		.bridge = { .values = &v->bridge,
			    .verb = "bridge import",
			    .name = v->as,
			    .drain = import_drain,
			    .force = import_force },
	};
	im.max_user = im.max_calls;
	if (v->access && v->access != POSTERN_ACCESS_USER)
		im.max_user = im.max_calls - im.max_calls / 2;
	im.bridge.data = &im;
	im.n_wanted = v->bridge.common.n_files;
	im.wanted = calloc(im.n_wanted, sizeof(*im.wanted));
	if (!im.wanted) {
		output_error("bridge import", v->as, "out of memory");
		return EXIT_TRY_AGAIN;
	}
	status = import_go(&im);
	imported_free_all(&im);
	storing_end_all(&im);
	postern_service_free(im.service);
	for (size_t i = 0; i < im.n_wanted; i++)
		wanted_free(&im.wanted[i]);
	bridge_close(&im.bridge);
	free(im.wanted);
	return status;
}

const struct verb verb_import = {
	.name = "bridge import",
	.operands = "INTERFACE... --as NAME",
	.about = "Serves a local name with interfaces that others serve on NATS.",
	.notes = "TIME: 500ms, 5s, 2m, forever. More: man postern-bridge",
	.takes_files = true,
	.options = import_options,
	.size = sizeof(struct import_values),
	.run = import_run,
};
