/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storing.c - see durable.h: the importing side
 *
 * A request that is kept holds back what its connection has behind it, so there is one for each connection at most. It is
 * published until it is stored, always with the same id, which makes a second time harmless; the wait between attempts doubles. Whoever
 * could guess an id could store a message of its own under it before, and this call would count as stored: so it is random.
 * The local program may leave meanwhile: its call goes on.
 */
#include "durable.h"
#include "import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STORING_RETRY     POSTERN_MS(500)
#define STORING_RETRY_MAX POSTERN_SECONDS(10)

struct storing {
	struct import *import;
	struct storing *next, **at;
	struct postern_request *request;
	const char *method;             /* of the table of its interface */
	struct postern_json parameters; /* of the request's memory */
	struct postern_timer *timer;
	struct bus_inbox inbox;
	int64_t wait_ns;
	char id[BUS_RANDOM];
};

static void storing_free(struct storing *s)
{
	struct import *im = s->import;

	bus_inbox_close(im->bridge.bus, &s->inbox);
	postern_timer_free(s->timer);
	postern_request_free(s->request);
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	im->n_storing--;
	free(s);
}

static void storing_tell(struct storing *s, const char *why)
{
	struct import *im = s->import;

	if (!bus_may_tell(&im->storing_told_ns))
		return;
	output_error(im->bridge.verb, im->bridge.name,
		     "%s: it is not stored yet: %s; it is tried again, with %u others", s->method,
		     why, im->n_storing - 1);
}

/* Its request is of a oneway call, to which nothing is sent: answering makes room for the next one. */
static void storing_over(struct storing *s)
{
	struct import *im = s->import;

	(void)postern_request_reply_json(s->request, "{}", 2);
	storing_free(s);
	if (im->n_storing == 0)
		import_stored(im);
}

static void storing_came(const struct bus_message *m, void *data)
{
	struct storing *s = data;
	char text[256];
	int r;

	if (m->nobody) {
		storing_tell(s, "no stream takes it; is `postern bridge export --stream` running?");
	} else if (jet_is_stored(m->payload, m->n)) {
		storing_over(s);
	} else {
		r = jet_answer(m->payload, m->n, text, sizeof(text));
		storing_tell(s, r > 0 ? text : "the stream's answer is unknown");
	}
}

static void storing_publish(struct storing *s)
{
	struct import *im = s->import;
	char subject[WIRE_SUBJECT_MAX], reply[BUS_INBOX_SUBJECT];
	const struct bus_out out = {
		.subject = subject,
		.reply = reply,
		.payload = s->parameters.text,
		.n = s->parameters.n,
		.headers = { { JET_MSG_ID, s->id } },
	};
	int r = jet_subject(subject, sizeof(subject), im->prefix, s->method);

	bus_inbox_subject(im->bridge.bus, &s->inbox, reply);
	if (r == 0)
		r = bus_publish(im->bridge.bus, &out);
	postern_timer_set(s->timer, s->wait_ns);
	s->wait_ns = s->wait_ns < STORING_RETRY_MAX / 2 ? 2 * s->wait_ns : STORING_RETRY_MAX;
	if (r == -EMSGSIZE) {
		output_error(im->bridge.verb, im->bridge.name,
			     "%s: a oneway call is lost: it has %zu bytes, and NATS takes %zu",
			     s->method, bus_size(&out), bus_max(im->bridge.bus));
		storing_over(s);
	} else if (r == -EINVAL || r == -ENAMETOOLONG) {
		output_error(im->bridge.verb, im->bridge.name,
			     "%s: a oneway call is lost: its name makes no subject", s->method);
		storing_over(s);
	} else if (r < 0) {
		storing_tell(s, r == -ENOTCONN ? "there is no connection to NATS" : strerror(-r));
	}
}

static void storing_due(struct postern_timer *t, void *data)
{
	(void)t;
	storing_publish(data);
}

int storing_start(struct import *im, struct postern_request *r, const char *method,
		  struct postern_json parameters)
{
	struct storing *s = calloc(1, sizeof(*s));
	int error;

	if (!s)
		return -ENOMEM;
	*s = (struct storing){
		.import = im,
		.next = im->storing,
		.at = &im->storing,
		.method = method,
		.parameters = parameters,
		.wait_ns = STORING_RETRY,
	};
	if (im->storing)
		im->storing->at = &s->next;
	im->storing = s;
	im->n_storing++;
	error = bus_random_text(im->bridge.bus, s->id);
	if (error == 0)
		error = postern_timer_new(&s->timer, im->bridge.loop, storing_due, s);
	if (error == 0)
		error = bus_inbox_open(im->bridge.bus, &s->inbox, storing_came, s);
	if (error < 0) {
		storing_free(s);
		return error;
	}
	s->request = postern_request_keep(r);
	storing_publish(s);
	return 0;
}

uint32_t storing_end_all(struct import *im)
{
	uint32_t n = im->n_storing;
	struct storing *next;

	for (struct storing *s = im->storing; s; s = next) {
		next = s->next;
		storing_free(s);
	}
	return n;
}
