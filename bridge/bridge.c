/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bridge.c - see bridge.h: the life of a bridge
 *
 *   bridge_open()   the loop, its signals, the connection to NATS
 *   bridge_run()    ready; the loop
 *      |
 *      |  first SIGTERM or SIGINT, or bridge_drain()
 *      v
 *   draining        what the verb does for that; --drain bounds it
 *      |
 *      |  bridge_end(): flushed
 *      v
 *   over            the second signal comes here straight
 */
#include "bridge.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BRIDGE_LOST  POSTERN_SECONDS(1) /* between checks for room on stderr */
#define BRIDGE_FLUSH POSTERN_SECONDS(2)

/* ---- the end ---- */

static void bridge_forced(struct postern_timer *t, void *data)
{
	struct bridge *b = data;

	(void)t;
	output_error(b->verb, b->name, "--drain is over: open calls end without an answer");
	b->force(b->data);
	bridge_end(b);
}

/* The last messages are flushed within --drain too: open calls end a little earlier. */
void bridge_drain(struct bridge *b, int status)
{
	int64_t drain = b->values->drain;
	int64_t flush = drain / 4 < BRIDGE_FLUSH ? drain / 4 : BRIDGE_FLUSH;

	if (b->draining)
		return;
	b->draining = true;
	b->status = status;
	activation_notify("STOPPING=1\nSTATUS=draining");
	b->until_ns = drain == POSTERN_FOREVER ? POSTERN_FOREVER : postern_now() + drain;
	postern_timer_set(b->forced, drain == POSTERN_FOREVER ? drain : drain - flush);
	b->drain(b->data);
}

void bridge_end(struct bridge *b)
{
	int64_t left = b->draining ? b->until_ns - postern_now() : BRIDGE_FLUSH;

	if (b->over)
		return;
	b->over = true;
	if (left > BRIDGE_FLUSH)
		left = BRIDGE_FLUSH;
	if (bus_is_connected(b->bus) && bus_flush(b->bus, left) < 0)
		output_error(b->verb, b->name, "NATS has not confirmed the last messages");
	postern_loop_stop(b->loop);
}

static void bridge_signalled(struct postern_signal *s, int sig, void *data)
{
	struct bridge *b = data;

	(void)s, (void)sig;
	if (!b->draining) {
		bridge_drain(b, EXIT_DONE);
		return;
	}
	if (!b->over)
		b->force(b->data);
	postern_loop_stop(b->loop);
}

/* ---- messages that stderr did not take, and the watchdog of the service manager ---- */

static void bridge_lost(void *data)
{
	struct bridge *b = data;

	postern_timer_set(b->lost, BRIDGE_LOST);
}

static void bridge_tell_lost(struct postern_timer *t, void *data)
{
	(void)data;
	if (!stderr_tell_lost())
		postern_timer_set(t, BRIDGE_LOST);
}

static void bridge_alive(struct postern_timer *t, void *data)
{
	(void)t, (void)data;
	activation_alive();
}

/* ---- the beginning ---- */

static int bridge_timers(struct bridge *b)
{
	int64_t interval = activation_watchdog(b->name);
	int r = postern_timer_new(&b->forced, b->loop, bridge_forced, b);

	if (r == 0)
		r = postern_timer_new(&b->lost, b->loop, bridge_tell_lost, b);
	if (r == 0)
		stderr_on_loss(bridge_lost, b);
	if (r == 0 && interval)
		r = postern_timer_new(&b->watchdog, b->loop, bridge_alive, b);
	if (r == 0 && interval)
		r = postern_timer_set_periodic(b->watchdog, interval);
	return r;
}

/* After the connection was made: until then main.c ends the process. */
static int bridge_signals(struct bridge *b)
{
	int r = postern_signal_new(&b->term, b->loop, SIGTERM, bridge_signalled, b);

	return r < 0 ? r : postern_signal_new(&b->interrupt, b->loop, SIGINT, bridge_signalled, b);
}

static int bridge_connect(struct bridge *b, const struct bus_events *events)
{
	const struct bridge_values *v = b->values;
	const struct bus_options options = {
		.verb = b->verb,
		.urls = v->nats.texts,
		.n_urls = v->nats.n,
		.name = b->name,
		.creds = v->creds,
		.tls = v->tls,
		.tls_ca = v->tls_ca,
		.tls_cert = v->tls_cert,
		.tls_key = v->tls_key,
		.wait_ns = v->wait,
	};

	return bus_new(&b->bus, b->loop, &options, events, b->data);
}

static const char *bridge_wrong(const struct bridge_values *v)
{
	if (v->prefix && !wire_is_token(v->prefix))
		return "--prefix is no subject: words without blanks and wildcards, with dots between";
	if (v->queue && (!wire_is_token(v->queue) || strchr(v->queue, '.')))
		return "--queue is one word without blanks, dots and wildcards";
	if (!v->tls_cert != !v->tls_key)
		return "--tls-cert and --tls-key need each other";
	if (v->max_calls > BRIDGE_CALLS_MOST)
		return "--max-calls is 32768 at most";
	for (uint32_t i = 0; i < v->nats.n; i++)
		if (bus_wrong_url(v->nats.texts[i]))
			return bus_wrong_url(v->nats.texts[i]);
	for (uint32_t i = 0; i < v->allow.n; i++) {
		const char *allow = v->allow.texts[i], *dot = strrchr(allow, '.');

		if (!wire_is_member(allow) && (!dot || dot == allow || strcmp(dot, ".*")))
			return "--allow is a method with its interface, org.example.Clock.Now, or all of one, org.example.Clock.*";
	}
	return NULL;
}

int bridge_settle(struct bridge_values *v, const char *verb, const char *name)
{
	const char *wrong = bridge_wrong(v);

	if (wrong) {
		output_error(verb, name, "%s", wrong);
		return EXIT_USAGE;
	}
	if (!v->nats.n)
		v->nats.texts[v->nats.n++] = "nats://127.0.0.1:4222";
	if (!v->deadline)
		v->deadline = POSTERN_SECONDS(30);
	if (!v->wait)
		v->wait = POSTERN_SECONDS(30);
	if (!v->drain)
		v->drain = POSTERN_SECONDS(10);
	if (!v->max_calls)
		v->max_calls = 256;
	return EXIT_DONE;
}

int bridge_open(struct bridge *b, const struct bus_events *events)
{
	int r = postern_loop_new(&b->loop), status;

	if (r == 0)
		r = bridge_timers(b);
	if (r < 0)
		return output_errno(b->verb, b->name, "cannot start", r);
	status = bridge_connect(b, events);
	if (status)
		return status;
	r = bridge_signals(b);
	return r < 0 ? output_errno(b->verb, b->name, "cannot start: signals", r) : EXIT_DONE;
}

int bridge_run(struct bridge *b, const char *ready)
{
	char text[1024];
	int r;

	output_line("ready %s %s", b->name, ready);
	snprintf(text, sizeof(text), "READY=1\nSTATUS=%s", ready);
	activation_notify(text);
	r = postern_loop_run(b->loop);
	if (r < 0)
		return output_errno(b->verb, b->name, "the loop failed", r);
	return b->status;
}

void bridge_close(struct bridge *b)
{
	stderr_on_loss(NULL, NULL);
	b->bus = bus_free(b->bus);
	postern_signal_free(b->term);
	postern_signal_free(b->interrupt);
	postern_timer_free(b->forced);
	postern_timer_free(b->lost);
	postern_timer_free(b->watchdog);
	b->loop = postern_loop_free(b->loop);
}
