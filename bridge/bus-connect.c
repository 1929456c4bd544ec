/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus-connect.c - the connection to NATS: its options, its beginning, its losses and its end
 *
 * The first connection is made before the loop runs, with a wait between attempts that doubles, so that an error of the
 * command line (a wrong credential, a certificate that nobody trusts) ends the program and is not tried again for ever. From
 * then on libnats reconnects by itself, without a last attempt. It gives up alone when the same server refuses the same
 * credential twice: that is BUS_CLOSED, and the program ends.
 *
 * libnats checks the host name of a server's certificate against the URL, as built by default (NATS_FORCE_HOST_VERIFICATION);
 * nothing here turns that off.
 *
 * Its delivery pool gets one thread. With one for each subscription a message for the control of a stream could overtake
 * the call, and a service of a hundred methods would have a hundred threads.
 */
#include "bus-internal.h"
#include "../cmd/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUS_ATTEMPT        2000 /* ms, for one connect */
#define BUS_WRITE_DEADLINE 2000 /* ms */
#define BUS_BACKOFF        POSTERN_MS(50)
#define BUS_BACKOFF_MAX    POSTERN_SECONDS(2)
#define BUS_PING           20000 /* ms; a server that is silent for three of them is lost */
#define BUS_CLOSE_WAIT     5000  /* ms, for libnats's threads */

/* ---- events of the connection, in a thread of libnats ---- */

static void bus_put_state(struct bus *b, int what, const char *text)
{
	struct bus_item item = { .what = what, .text = text && *text ? strdup(text) : NULL };

	bus_queue_put(b, &item);
}

static void bus_lost(natsConnection *nc, void *data)
{
	const char *text = NULL;

	natsConnection_GetLastError(nc, &text);
	bus_put_state(data, BUS_ITEM_LOST, text);
}

static void bus_reconnected(natsConnection *nc, void *data)
{
	(void)nc;
	bus_put_state(data, BUS_ITEM_CONNECTED, NULL);
}

static void bus_closed(natsConnection *nc, void *data)
{
	const char *text = NULL;

	natsConnection_GetLastError(nc, &text);
	bus_put_state(data, BUS_ITEM_CLOSED, text);
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

/* ---- options ---- */

static natsStatus bus_set_tls(natsOptions *n, const struct bus_options *o)
{
	natsStatus s = NATS_OK;

	if (!o->tls && !o->tls_ca && !o->tls_cert)
		return NATS_OK;
	s = natsOptions_SetSecure(n, true);
	if (s == NATS_OK && o->tls_ca)
		s = natsOptions_LoadCATrustedCertificates(n, o->tls_ca);
	if (s == NATS_OK && o->tls_cert)
		s = natsOptions_LoadCertificatesChain(n, o->tls_cert, o->tls_key);
	return s;
}

static natsStatus bus_set_limits(natsOptions *n)
{
	natsStatus s = natsOptions_SetTimeout(n, BUS_ATTEMPT);

	if (s == NATS_OK)
		s = natsOptions_SetWriteDeadline(n, BUS_WRITE_DEADLINE);
	if (s == NATS_OK)
		s = natsOptions_SetPingInterval(n, BUS_PING);
	if (s == NATS_OK)
		s = natsOptions_SetMaxPingsOut(n, 2);
	if (s == NATS_OK)
		s = natsOptions_SetMaxPendingMsgs(n, BUS_PENDING);
	/* What is buffered while it reconnects: as good as nothing. 0 would be 8 MiB. */
	if (s == NATS_OK)
		s = natsOptions_SetReconnectBufSize(n, 1);
	if (s == NATS_OK)
		s = natsOptions_SetSendAsap(n, true);
	if (s == NATS_OK)
		s = natsOptions_UseGlobalMessageDelivery(n, true);
	if (s == NATS_OK)
		s = natsOptions_SetMaxReconnect(n, INT32_MAX);
	return s;
}

static natsStatus bus_set_events(natsOptions *n, struct bus *b)
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

/* What has failed when this returns, for a message. */
static natsStatus bus_set_options(natsOptions *n, struct bus *b, const struct bus_options *o,
				  const char **what)
{
	natsStatus s = natsOptions_SetServers(n, (const char **)(void *)o->urls, (int)o->n_urls);

	*what = "--nats";
	if (s == NATS_OK && o->name)
		s = natsOptions_SetName(n, o->name);
	if (s == NATS_OK) {
		*what = "its limits";
		s = bus_set_limits(n);
	}
	if (s == NATS_OK)
		s = bus_set_events(n, b);
	if (s == NATS_OK && o->creds) {
		*what = "--creds";
		s = natsOptions_SetUserCredentialsFromFiles(n, o->creds, NULL);
	}
	if (s == NATS_OK) {
		*what = "the files of --tls-ca, --tls-cert and --tls-key";
		s = bus_set_tls(n, o);
	}
	return s;
}

/* ---- connecting ---- */

/* Without a password that it may have. */
static const char *bus_shown(const char *url)
{
	const char *at = strrchr(url, '@');

	return at ? at + 1 : url;
}

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

static int bus_connect(struct bus *b, natsOptions *n, const struct bus_options *o)
{
	int64_t begun = postern_now(), attempt = 0, wait;
	char time[32];
	natsStatus s;

	for (;;) {
		s = natsConnection_Connect(&b->nc, n);
		if (s == NATS_OK)
			return EXIT_DONE;
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

/* The prefix of libnats's own inboxes is what permissions of NATS are usually about. */
static int bus_make_inbox(char *ret, size_t size, const char *skip)
{
	natsInbox *inbox = NULL;
	natsStatus s = natsInbox_Create(&inbox);
	int n;

	if (s != NATS_OK)
		return bus_errno(s);
	n = snprintf(ret, size, "%s", inbox + strlen(skip));
	natsInbox_Destroy(inbox);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : n;
}

static int bus_open_inboxes(struct bus *b)
{
	char subject[BUS_INBOX_SUBJECT];
	/* An id is told to everybody, so it is another one than that of the inboxes. */
	int r = bus_make_inbox(b->id, sizeof(b->id), "_INBOX.");

	if (r >= 0)
		r = bus_make_inbox(b->inbox_prefix, sizeof(b->inbox_prefix), "");
	if (r < 0)
		return r;
	b->inbox_prefix_n = (size_t)r;
	snprintf(subject, sizeof(subject), "%s.*", b->inbox_prefix);
	return bus_subscribe(&b->inboxes, b, subject, NULL, bus_inbox_message, b);
}

static int bus_open(struct bus *b, const struct bus_options *o)
{
	natsOptions *n = NULL;
	natsStatus s = nats_SetMessageDeliveryPoolSize(1);
	const char *what = "its library";
	int status;

	if (s == NATS_OK)
		s = natsOptions_Create(&n);
	if (s == NATS_OK)
		s = bus_set_options(n, b, o, &what);
	if (s != NATS_OK) {
		const char *text = nats_GetLastError(NULL);

		output_error(b->verb, NULL, "NATS cannot be used: %s: %s%s%s", what,
			     natsStatus_GetText(s), text && *text ? ": " : "", text ? text : "");
		status = s == NATS_NO_MEMORY ? EXIT_TRY_AGAIN : EXIT_USAGE;
	} else {
		status = bus_connect(b, n, o);
	}
	natsOptions_Destroy(n);
	return status;
}

int bus_new(struct bus **ret, struct postern_loop *loop, const struct bus_options *options,
	    const struct bus_events *events, void *data)
{
	struct bus *b = calloc(1, sizeof(*b));
	int r = b ? bus_queue_init(b) : -ENOMEM, status;

	if (r < 0) {
		free(b);
		return output_errno(options->verb, NULL, "cannot start", r);
	}
	b->loop = loop;
	b->verb = options->verb;
	b->events = events;
	b->data = data;
	status = bus_open(b, options);
	if (!status) {
		r = bus_open_inboxes(b);
		if (r < 0)
			status = output_errno(b->verb, NULL, "cannot subscribe to an inbox", r);
	}
	if (status)
		b = bus_free(b);
	*ret = b;
	return status;
}

struct bus *bus_free(struct bus *b)
{
	if (!b)
		return NULL;
	bus_queue_close(b);
	natsConnection_Destroy(b->nc);
	for (struct bus_sub *sub = b->subs; sub; sub = sub->next) {
		natsSubscription_Destroy(sub->nats);
		sub->nats = NULL;
	}
	/* From here on no thread of it calls us. If one hangs, what it may touch has to stay. */
	if (nats_CloseAndWait(BUS_CLOSE_WAIT) != NATS_OK)
		return NULL;
	bus_queue_deinit(b);
	while (b->subs)
		bus_sub_free(b->subs);
	free(b->places);
	free(b);
	return NULL;
}

const char *bus_id(const struct bus *b)
{
	return b->id;
}
