/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus-connect.c - the connection to NATS: its beginning, its losses, the next one, and its end
 *
 *   start          bus_new() connects before the loop runs, with a wait between attempts that doubles, so that an error of the
 *      |           command line (a wrong credential, a certificate that nobody trusts) ends the program
 *      v
 *   up  <----+     libnats reconnects by itself, to any of the servers, for ever: BUS_ITEM_LOST, BUS_ITEM_CONNECTED
 *    |       |
 *    |       |     But it gives up when the same server refuses the same credential twice, and at each error of the
 *    |       |     server that it does not know, as when a message was larger than max_payload has become by a reload: this it
 *    |       |     learns with a new connection alone. BUS_ITEM_CLOSED
 *    v       |
 *   connector      a thread of ours connects again, since natsConnection_Connect() waits and the loop must not. Also with
 *                  credentials that were refused: they were good once, and what has changed is the server, which is
 *                  changed back, or gets the user with the next reload. A program that ended would be a name that is
 *                  gone for everybody, and a restart would do no more than this does. BUS_ITEM_OPENED hands the new
 *                  connection over, and everything is subscribed on it
 *
 * The connector waits between attempts, longer each time; a connection that ends within BUS_STEADY does not make it
 * begin with short waits again.
 */
#include "bus-internal.h"
#include "../cmd/command.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUS_BACKOFF     POSTERN_MS(50)
#define BUS_BACKOFF_MAX POSTERN_SECONDS(2)
#define BUS_STEADY      POSTERN_SECONDS(10)
#define BUS_TELL \
	POSTERN_SECONDS(60) /* the same reason for no connection is told again after so long */
#define BUS_CONFIRM    POSTERN_SECONDS(5)
#define BUS_CLOSE_WAIT 5000 /* ms, for libnats's threads */

/* ---- events of the connection, in a thread of libnats ---- */

static void bus_put_state(struct bus *b, int what, natsConnection *nc)
{
	struct bus_item item = { .what = what, .nc = nc };
	const char *text = NULL;

	if (what != BUS_ITEM_CONNECTED)
		natsConnection_GetLastError(nc, &text);
	item.text = text && *text ? strdup(text) : NULL;
	bus_queue_put(b, &item);
}

static void bus_lost(natsConnection *nc, void *data)
{
	bus_put_state(data, BUS_ITEM_LOST, nc);
}

static void bus_reconnected(natsConnection *nc, void *data)
{
	bus_put_state(data, BUS_ITEM_CONNECTED, nc);
}

static void bus_closed(natsConnection *nc, void *data)
{
	bus_put_state(data, BUS_ITEM_CLOSED, nc);
}

static void bus_failed(natsConnection *nc, natsSubscription *sub, natsStatus error, void *data)
{
	struct bus_item item = { .what = BUS_ITEM_ERROR, .error = (int)error };
	const char *text = nats_GetLastError(NULL);

	(void)nc, (void)sub;
	item.text = text && *text ? strdup(text) : NULL;
	bus_queue_put(data, &item);
}

static int64_t bus_backoff(int64_t attempt)
{
	int64_t wait = attempt < 6 ? BUS_BACKOFF << attempt : BUS_BACKOFF_MAX;

	if (wait > BUS_BACKOFF_MAX)
		wait = BUS_BACKOFF_MAX;
	/* Half of it at least; the rest keeps bridges that lost the same server apart. */
	return wait / 2 + (int64_t)((uint64_t)postern_now() % (uint64_t)(wait / 2));
}

static int64_t bus_reconnect_delay(natsConnection *nc, int attempts, void *data)
{
	(void)nc, (void)data;
	return bus_backoff(attempts) / POSTERN_MS(1);
}

natsStatus bus_set_events(natsOptions *n, struct bus *b)
{
	natsStatus s = natsOptions_SetDisconnectedCB(n, bus_lost, b);

	if (s == NATS_OK)
		s = natsOptions_SetReconnectedCB(n, bus_reconnected, b);
	if (s == NATS_OK)
		s = natsOptions_SetClosedCB(n, bus_closed, b);
	if (s == NATS_OK)
		s = natsOptions_SetErrorHandler(n, bus_failed, b);
	if (s == NATS_OK)
		s = natsOptions_SetCustomReconnectDelay(n, bus_reconnect_delay, b);
	return s;
}

/* ---- what has happened, in the loop ---- */

static void bus_tell_state(struct bus *b, bool up, const char *why)
{
	if (up == b->up)
		return;
	b->up = up;
	/* Draining needs the connection; what was on its way is lost with that. */
	if (!up && b->n_awaited) {
		b->n_awaited = 0;
		for (struct bus_feed *f = b->feeds; f; f = f->next)
			f->awaited = false;
		bus_drain_over(b);
	}
	if (b->events && b->events->state)
		b->events->state(up ? BUS_CONNECTED : BUS_LOST, why ? why : "", b->data);
}

static void bus_want(struct bus *b)
{
	struct bus_connector *c = &b->connector;

	pthread_mutex_lock(&c->lock);
	c->wanted = true;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

static void bus_ended(struct bus *b, natsConnection *nc, const char *why)
{
	/* Each connection ends once, and is ours until then: so this is the one that comes with the next BUS_ITEM_OPENED. */
	if (nc != b->nc) {
		b->closed_early = nc;
		return;
	}
	b->nc = NULL;
	natsConnection_Destroy(nc);
	bus_tell_state(b, false, why);
	bus_want(b);
}

void bus_opened(struct bus *b, natsConnection *nc)
{
	int r;

	b->nc = nc;
	if (nc == b->closed_early) {
		b->closed_early = NULL;
		bus_ended(b, nc, NULL);
		return;
	}
	r = bus_feed_all(b);
	if (r < 0) {
		output_error(b->verb, NULL, "subscriptions cannot be made again: %s", strerror(-r));
		/* It says BUS_ITEM_CLOSED then. */
		natsConnection_Close(nc);
	} else if (bus_is_connected(b)) {
		bus_tell_state(b, true, NULL);
	}
}

void bus_changed(struct bus *b, const struct bus_item *item)
{
	switch (item->what) {
	case BUS_ITEM_CLOSED:
		bus_ended(b, item->nc, item->text);
		break;
	case BUS_ITEM_LOST:
		bus_tell_state(b, false, item->text);
		break;
	case BUS_ITEM_CONNECTED:
		/* Or it was lost again; then this comes again too. */
		if (bus_is_connected(b))
			bus_tell_state(b, true, NULL);
		break;
	default:
		output_error(b->verb, NULL, "no connection to NATS, trying again: %s",
			     item->text ? item->text : "");
	}
}

/* ---- the connector's thread ---- */

/* Under the lock. False: the bus ends. */
static bool bus_pause(struct bus_connector *c, int64_t ns)
{
	int64_t until = postern_now() + ns;

	while (!c->ended && postern_now() < until)
		bus_condition_wait(&c->changed, &c->lock, until);
	return !c->ended;
}

struct bus_told {
	natsStatus status;
	int64_t at;
};

static void bus_tell_refused(struct bus *b, natsStatus s, struct bus_told *told)
{
	struct bus_item item = { .what = BUS_ITEM_REFUSED };

	if (s == told->status && postern_now() - told->at < BUS_TELL)
		return;
	told->status = s;
	told->at = postern_now();
	item.text = strdup(natsStatus_GetText(s));
	bus_queue_put(b, &item);
}

/* Under the lock, which it leaves meanwhile. Until there is a connection, or the bus ends. */
static void bus_connect_again(struct bus *b, int64_t *attempt)
{
	struct bus_connector *c = &b->connector;
	struct bus_item item = { .what = BUS_ITEM_OPENED };
	struct bus_told told = { .status = NATS_OK };

	while (bus_pause(c, bus_backoff((*attempt)++))) {
		natsStatus s;

		pthread_mutex_unlock(&c->lock);
		s = natsConnection_Connect(&item.nc, c->options);
		if (s == NATS_OK)
			bus_queue_put(b, &item);
		else
			bus_tell_refused(b, s, &told);
		pthread_mutex_lock(&c->lock);
		if (s == NATS_OK)
			return;
	}
}

static void *bus_connector_run(void *data)
{
	struct bus *b = data;
	struct bus_connector *c = &b->connector;
	int64_t attempt = 0, opened = postern_now();

	pthread_mutex_lock(&c->lock);
	while (!c->ended) {
		if (!c->wanted) {
			pthread_cond_wait(&c->changed, &c->lock);
			continue;
		}
		c->wanted = false;
		if (postern_now() - opened > BUS_STEADY)
			attempt = 0;
		bus_connect_again(b, &attempt);
		opened = postern_now();
	}
	pthread_mutex_unlock(&c->lock);
	nats_ReleaseThreadMemory();
	return NULL;
}

static int bus_connector_init(struct bus_connector *c)
{
	int r = bus_condition_init(&c->changed);

	if (r < 0)
		return r;
	r = pthread_mutex_init(&c->lock, NULL);
	if (r)
		pthread_cond_destroy(&c->changed);
	return -r;
}

static int bus_connector_start(struct bus *b)
{
	struct bus_connector *c = &b->connector;
	sigset_t all, before;
	int r;

	/* Signals are for the threads that expect them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&c->thread, NULL, bus_connector_run, b);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	c->running = r == 0;
	return -r;
}

/* An attempt that is under way has BUS_ATTEMPT for each server. */
static void bus_connector_end(struct bus_connector *c)
{
	if (c->running) {
		pthread_mutex_lock(&c->lock);
		c->ended = true;
		pthread_cond_signal(&c->changed);
		pthread_mutex_unlock(&c->lock);
		pthread_join(c->thread, NULL);
	}
	natsOptions_Destroy(c->options);
	c->options = NULL;
}

static void bus_connector_deinit(struct bus_connector *c)
{
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
}

/* ---- the start ---- */

static bool bus_is_hopeless(natsStatus s)
{
	return s == NATS_CONNECTION_AUTH_FAILED || s == NATS_SSL_ERROR ||
	       s == NATS_SECURE_CONNECTION_WANTED || s == NATS_SECURE_CONNECTION_REQUIRED ||
	       s == NATS_INVALID_ARG || s == NATS_ADDRESS_MISSING || s == NATS_NO_MEMORY ||
	       s == NATS_NOT_PERMITTED;
}

static int bus_refused(const struct bus *b, const struct bus_options *o, natsStatus s)
{
	const char *text = nats_GetLastError(NULL);

	output_error(b->verb, NULL, "%s%s: %s%s%s", bus_shown(o->urls[0]),
		     o->n_urls > 1 ? " and others" : "", natsStatus_GetText(s),
		     text && *text ? ": " : "", text ? text : "");
	if (s == NATS_CONNECTION_AUTH_FAILED || s == NATS_NOT_PERMITTED)
		return EXIT_NOT_ALLOWED;
	return s == NATS_INVALID_ARG || s == NATS_ADDRESS_MISSING ? EXIT_USAGE : EXIT_IO;
}

static void bus_sleep(int64_t ns)
{
	const struct timespec time = { .tv_sec = (time_t)(ns / POSTERN_SECONDS(1)),
				       .tv_nsec = (long)(ns % POSTERN_SECONDS(1)) };

	nanosleep(&time, NULL);
}

/* Errors of calls, and that a call has more than one answer, are said in headers. */
static int bus_check_server(const struct bus *b, const struct bus_options *o)
{
	if (natsConnection_HasHeaderSupport(b->nc) == NATS_OK)
		return EXIT_DONE;
	output_error(
		b->verb, NULL,
		"%s: this server of NATS has no headers; nats-server 2.2 or later has them, without no_header_support",
		bus_shown(o->urls[0]));
	return EXIT_IO;
}

static int bus_connect(struct bus *b, const struct bus_options *o)
{
	int64_t begun = postern_now(), attempt = 0, wait;
	char time[32];
	natsStatus s;

	for (;;) {
		s = natsConnection_Connect(&b->nc, b->connector.options);
		if (s == NATS_OK)
			return bus_check_server(b, o);
		if (bus_is_hopeless(s))
			return bus_refused(b, o, s);
		if (attempt == 0)
			output_error(b->verb, NULL, "waiting for NATS at %s: %s",
				     bus_shown(o->urls[0]), natsStatus_GetText(s));
		wait = bus_backoff(attempt++);
		if (o->wait_ns != POSTERN_FOREVER && postern_now() - begun + wait > o->wait_ns)
			break;
		bus_sleep(wait);
	}
	duration_text(o->wait_ns, time, sizeof(time));
	output_error(
		b->verb, NULL,
		"no server of NATS at %s%s within %s: %s; is nats-server running there? see --nats and --wait",
		bus_shown(o->urls[0]), o->n_urls > 1 ? " and others" : "", time,
		natsStatus_GetText(s));
	return EXIT_NO_SERVER;
}

int bus_confirm(struct bus *b, int64_t deadline_ns)
{
	const char *text = NULL;
	int r = bus_flush(b, deadline_ns);

	/* The server has answered each before it answers the flush. */
	if (b->nc && natsConnection_GetLastError(b->nc, &text) == NATS_NOT_PERMITTED) {
		output_error(b->verb, NULL,
			     "NATS does not let this user: %s; see --creds, and --allow for less",
			     text ? text : "");
		return EXIT_NOT_ALLOWED;
	}
	if (r < 0)
		output_error(b->verb, NULL, "NATS has not confirmed the subscriptions: %s",
			     text && *text ? text : strerror(-r));
	return r < 0 ? EXIT_IO : EXIT_DONE;
}

static int bus_open(struct bus *b, const struct bus_options *o)
{
	int status = bus_options_new(&b->connector.options, b, o), r;

	if (!status)
		status = bus_connect(b, o);
	if (status)
		return status;
	b->up = true;
	r = bus_open_inboxes(b);
	if (r == 0)
		r = bus_connector_start(b);
	return r < 0 ? output_errno(b->verb, NULL, "cannot start", r) : bus_confirm(b, BUS_CONFIRM);
}

/* Its locks. */
static int bus_init(struct bus *b)
{
	int r = bus_queue_init(b);

	if (r < 0)
		return r;
	r = bus_connector_init(&b->connector);
	if (r < 0)
		bus_queue_deinit(b);
	return r;
}

int bus_new(struct bus **ret, struct postern_loop *loop, const struct bus_options *options,
	    const struct bus_events *events, void *data)
{
	struct bus *b = calloc(1, sizeof(*b));
	int r = b ? bus_init(b) : -ENOMEM, status;

	if (r < 0) {
		free(b);
		return output_errno(options->verb, NULL, "cannot start", r);
	}
	b->loop = loop;
	b->verb = options->verb;
	b->events = events;
	b->data = data;
	status = bus_open(b, options);
	if (status)
		b = bus_free(b);
	*ret = b;
	return status;
}

/*
 * A message needs its library until it is freed, and nats_CloseAndWait() comes when there is none any more. The queue has let
 * go of its own and takes no other; libnats frees what it has not delivered, and its own word of the end of a subscription
 * behind that, before it says that this is complete. What its threads free later than its collector ends is lost.
 */
struct bus *bus_free(struct bus *b)
{
	natsStatus s;

	if (!b)
		return NULL;
	bus_queue_close(b);
	bus_connector_end(&b->connector);
	natsConnection_Destroy(b->nc);
	bus_queue_wait(b);
	for (struct bus_feed *f = b->feeds; f; f = f->next) {
		natsSubscription_Destroy(f->nats);
		f->nats = NULL;
	}
	/* From here on no thread of it calls us. If one hangs, what it may touch has to stay. */
	s = nats_CloseAndWait(BUS_CLOSE_WAIT);
	if (s != NATS_OK && s != NATS_NOT_INITIALIZED)
		return NULL;
	bus_queue_deinit(b);
	bus_connector_deinit(&b->connector);
	while (b->feeds)
		bus_feed_free(b->feeds);
	while (b->subs)
		bus_sub_free(b->subs);
	free(b->places);
	free(b);
	return NULL;
}
