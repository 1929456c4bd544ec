/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export-line.c - the connections of an exporting bridge to its service
 *
 *   lines    one for each call that is open, so that none waits behind another's: a service answers the calls of one
 *            connection one after the other. The line that was given back last is taken first, and what nobody needs any more
 *            closes by itself
 *   alone    streams, and looks: the machine of a caller gives each call with `more` a connection of its own
 *   oneway   all calls without an answer, in their order: when such a call is over nobody knows, so none of the others may be
 *            behind it
 *
 * Each call is made once (POSTERN_CALLER_ONCE): who is refused as Busy hears it, and tries again himself.
 *
 * Is the service there?
 *
 *   there      a call that was not sent, or lost its connection, makes us look; its own deadline may be the reason, so it
 *     |  ^       proves nothing
 *     |  |       a look is answered, whatever it says
 *     v  |
 *   away       a look could not connect, for EXPORT_CONNECT. No method has a subscription: NATS gives the calls to other
 *              instances, or says that nobody is there. What was on its way is answered with NotSent, at once. It is
 *              looked again, with a growing pause
 *
 * A look is org.varlink.service.GetInfo, on a connection of its own: that was accepted after those of calls before it, so its
 * answer says that these were, too.
 */
#include "export.h"

#include <errno.h>
#include <stdlib.h>

#define EXPORT_CONNECT \
	POSTERN_MS(250) /* so long a service may take to start again, and nobody notices */
#define EXPORT_PAUSE     POSTERN_MS(50)
#define EXPORT_PAUSE_MAX POSTERN_SECONDS(2)
#define EXPORT_LOOKS     POSTERN_SECONDS(5) /* for the answer to a look */

/* ---- connections ---- */

static int export_caller(struct export *e, struct postern_caller **ret)
{
	const struct postern_connect_options connect = {
		.size = sizeof(connect),
		.deadline_ns = EXPORT_CONNECT,
	};
	const struct postern_caller_options options = {
		.size = sizeof(options),
		.connect = &connect,
		.calls = 2 * BRIDGE_CALLS_MOST,
		.flags = POSTERN_CALLER_ONCE,
	};

	return postern_caller_new(ret, e->bridge.loop, e->address, &options);
}

struct export_line *export_line_take(struct export *e)
{
	struct export_line *line = e->idle;

	if (line) {
		e->idle = line->next;
		return line;
	}
	if (e->n_lines == e->max_calls)
		return NULL;
	line = &e->lines[e->n_lines];
	if (export_caller(e, &line->caller) < 0)
		return NULL;
	e->n_lines++;
	return line;
}

void export_line_give(struct export *e, struct export_line *line)
{
	if (!line)
		return;
	line->next = e->idle;
	e->idle = line;
}

int export_look_new(struct export *e, struct postern_call **ret, int64_t deadline_ns,
		    postern_answer_fn *fn, void *data)
{
	return postern_caller_call_json(ret, e->alone, "org.varlink.service.GetInfo", "{}", 2, NULL,
					POSTERN_CALL_MORE, deadline_ns, fn, data);
}

/* ---- is it there? ---- */

static void export_later(struct export *e)
{
	e->pause_ns = e->pause_ns ? 2 * e->pause_ns : EXPORT_PAUSE;
	if (e->pause_ns > EXPORT_PAUSE_MAX)
		e->pause_ns = EXPORT_PAUSE_MAX;
	postern_timer_set(e->again, e->pause_ns);
}

static void export_is_away(struct export *e, const char *why)
{
	if (!e->away && !e->bridge.draining) {
		e->away = true;
		output_error(
			e->bridge.verb, e->address,
			"the service cannot be reached: %s; its methods are taken back until it can",
			why);
		export_unsubscribe(e);
	}
	export_later(e);
}

static void export_is_there(struct export *e)
{
	e->pause_ns = 0;
	if (!e->away || e->bridge.draining)
		return;
	if (export_subscribe(e) != EXIT_DONE) {
		export_unsubscribe(e);
		export_later(e);
		return;
	}
	e->away = false;
	output_error(e->bridge.verb, e->address, "the service is back");
}

static void export_looked(struct postern_call *call, const struct postern_answer *answer,
			  void *data)
{
	struct export *e = data;

	(void)call;
	if (answer->end != POSTERN_END_CONTINUES)
		e->look = NULL;
	if (answer->end == POSTERN_END_ANSWERED || answer->end == POSTERN_END_FAILED)
		export_is_there(e);
	else if (answer->end == POSTERN_END_NOT_SENT || (e->away && !e->look))
		export_is_away(e, answer->why ? answer->why->text : "it is not there");
	/* One that hangs is there: its calls have their deadlines. */
}

void export_doubt(struct export *e)
{
	if (e->look || e->bridge.draining)
		return;
	if (export_look_new(e, &e->look, EXPORT_LOOKS, export_looked, e) < 0)
		export_later(e);
}

static void export_again(struct postern_timer *t, void *data)
{
	(void)t;
	export_doubt(data);
}

/* ---- life ---- */

int export_lines_open(struct export *e)
{
	int r;

	e->lines = calloc(e->max_calls, sizeof(*e->lines));
	if (!e->lines)
		return output_errno(e->bridge.verb, e->address, "out of memory", -ENOMEM);
	r = export_caller(e, &e->alone);
	if (r == 0)
		r = export_caller(e, &e->oneway);
	if (r == 0)
		r = postern_timer_new(&e->again, e->bridge.loop, export_again, e);
	return r < 0 ? output_errno(e->bridge.verb, e->address, "cannot start", r) : EXIT_DONE;
}

void export_lines_close(struct export *e)
{
	postern_call_cancel(e->look);
	for (uint32_t i = 0; i < e->n_lines; i++)
		postern_caller_free(e->lines[i].caller);
	postern_caller_free(e->alone);
	postern_caller_free(e->oneway);
	postern_timer_free(e->again);
	free(e->lines);
}
