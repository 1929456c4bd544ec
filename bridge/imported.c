/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imported.c - one call of a local program, over NATS
 *
 *   plain     published, answered; or its deadline
 *   more      published, accepted, answers that continue, the last one. The deadline is for `accepted`; from then on the
 *             far end is asked, at once and every 10 s, whether it still has the stream, and is gone when it has not said so for 30
 *   oneway    published; nothing comes back, so there is no struct for it
 *
 * An answer is counted, where the far end counts (Varlink-Sequence): NATS drops what a connection does not take, and what is
 * missing in a stream must not be hidden. What ends a stream here is published to its control subject, when that is known: a
 * stream whose local program left before it was accepted stays until it is, to be cancelled.
 *
 * What is true about a call that was not answered is in its error: NotSent only when nothing was handed to the kernel, or
 * the server said that nobody is there. NATS has no queue for a slow reader that the sender would notice: a local program that
 * reads more slowly than the far end sends gets io.postern.Overflow when its queue is full.
 */
#include "errors.h"
#include "import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define IMPORTED_REASON 512
#define IMPORTED_MARGIN POSTERN_SECONDS(1)

struct imported {
	struct import *import;
	struct imported *next, **at;
	struct postern_request *request; /* NULL: nobody waits any more */
	struct postern_timer *timer;
	struct bus_inbox inbox;
	const char *
		method; /* that is called there, the request's may be WIRE_FORWARD: of the table of its interface */
	uint64_t sequence;
	int64_t heard_ns;
	uid_t uid;
	bool more, accepted;
	char control[WIRE_SUBJECT_MAX];
};

/* ---- answers to the local program ---- */

static void imported_fail(struct postern_request *r, const char *error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void imported_fail(struct postern_request *r, const char *error, const char *format, ...)
{
	char text[IMPORTED_REASON], json[2 * IMPORTED_REASON];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)postern_request_fail_json(r, error, json, wire_reason(json, sizeof(json), text));
}

static void imported_too_large(struct postern_request *r, size_t n, size_t max)
{
	char json[128];

	(void)postern_request_fail_json(r, WIRE_TOO_LARGE, json,
					wire_too_large(json, sizeof(json), n, max));
}

static void imported_busy(struct postern_request *r)
{
	static const char busy[] = "{\"retryAfterMs\":500}";

	(void)postern_request_fail_json(r, WIRE_BUSY, busy, sizeof(busy) - 1);
}

/* ---- the end of a call ---- */

static void imported_free(struct imported *c)
{
	struct import *im = c->import;

	if (c->inbox.id)
		bus_inbox_close(im->bridge.bus, &c->inbox);
	postern_timer_free(c->timer);
	postern_request_free(c->request);
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	im->n_calls--;
	free(c);
}

static void imported_control(struct imported *c, const char *what, bool answer)
{
	char reply[BUS_INBOX_SUBJECT];
	struct bus_out out = { .subject = c->control, .payload = what, .n = strlen(what) };

	if (!*c->control)
		return;
	if (answer) {
		bus_inbox_subject(c->import->bridge.bus, &c->inbox, reply);
		out.reply = reply;
	}
	/* What does not get there is noticed there: nobody says alive any more. */
	(void)bus_publish(c->import->bridge.bus, &out);
}

/* Frees c. */
static void imported_no_answer(struct imported *c, const char *reason)
{
	if (c->request)
		imported_fail(c->request, WIRE_NO_ANSWER, "%s: %s", c->method, reason);
	if (c->more)
		imported_control(c, WIRE_CANCEL, false);
	imported_free(c);
}

void imported_end_all(struct import *im, const char *reason)
{
	struct imported *next;

	for (struct imported *c = im->calls; c; c = next) {
		next = c->next;
		imported_no_answer(c, reason);
	}
}

/* Not NotSent: an open call of the same method may be older than a change of the permissions. */
void imported_forbidden(struct import *im, const char *subject)
{
	char own[WIRE_SUBJECT_MAX];
	struct imported *next;

	for (struct imported *c = im->calls; c; c = next) {
		next = c->next;
		if (c->request && !c->accepted &&
		    wire_subject(own, sizeof(own), im->prefix, c->method) == 0 &&
		    !strcmp(own, subject))
			imported_no_answer(c, "NATS does not let this user publish it");
	}
}

void imported_end_streams(struct import *im)
{
	struct imported *next;

	for (struct imported *c = im->calls; c; c = next) {
		next = c->next;
		if (!c->accepted)
			continue;
		if (c->request)
			(void)postern_request_fail_json(c->request, WIRE_DRAINING, "{}", 2);
		imported_control(c, WIRE_CANCEL, false);
		imported_free(c);
	}
}

void imported_free_all(struct import *im)
{
	struct imported *next;

	for (struct imported *c = im->calls; c; c = next) {
		next = c->next;
		imported_free(c);
	}
}

/* ---- what comes ---- */

/* True: it is about the stream, and no answer of it. c may be freed. */
static bool imported_status(struct imported *c, const struct bus_message *m)
{
	const char *status = bus_header(m, WIRE_STATUS), *control = bus_header(m, WIRE_CONTROL);

	if (!status)
		return false;
	if (!strcmp(status, WIRE_ENDED)) {
		imported_no_answer(c, "the far end has no such stream any more");
	} else if (!strcmp(status, WIRE_ACCEPTED) && c->more && !c->accepted) {
		if (!control || strlen(control) >= sizeof(c->control) || !wire_is_inbox(control)) {
			imported_no_answer(c, "the far end accepts it without a way to end it");
			return true;
		}
		memcpy(c->control, control, strlen(control) + 1);
		c->accepted = true;
		if (!c->request) {
			imported_control(c, WIRE_CANCEL, false);
			imported_free(c);
			return true;
		}
		postern_timer_set_periodic(c->timer, WIRE_ALIVE_NS);
		imported_control(c, WIRE_ALIVE, true);
	}
	return true;
}

/* Whatever was sent, as a text that JSON takes and a terminal, too. */
static size_t imported_printable(char ret[IMPORTED_REASON], const char *text)
{
	size_t n = strnlen(text, IMPORTED_REASON - 1);

	for (size_t i = 0; i < n; i++)
		ret[i] = (char)(text[i] >= ' ' && text[i] < 0x7f ? text[i] : '?');
	ret[n] = '\0';
	return n;
}

/* An error that is none of Varlink's: of a service that knows NATS alone, or of a server. */
static void imported_foreign(struct imported *c, const char *error, const char *code)
{
	char json[2 * IMPORTED_REASON + 64], text[IMPORTED_REASON];
	size_t length = imported_printable(text, error);
	struct postern_json_writer w;
	ssize_t n;

	postern_json_write_begin(&w, json, sizeof(json));
	postern_json_write_object(&w);
	postern_json_write_name(&w, "code");
	postern_json_write_int(&w, code ? strtol(code, NULL, 10) : 0);
	postern_json_write_name(&w, "reason");
	postern_json_write_string(&w, text, length);
	postern_json_write_end(&w);
	n = postern_json_write_finish(&w);
	if (n < 0)
		n = snprintf(json, sizeof(json), "{\"code\":0,\"reason\":\"\"}");
	(void)postern_request_fail_json(c->request, WIRE_FAILED, json, (size_t)n);
}

/* One of a stream that others follow. May free c. */
static void imported_continue(struct imported *c, struct postern_json value)
{
	int r = postern_request_continue_json(c->request, value.text, value.n);

	if (r == 0)
		return;
	if (r == -EAGAIN)
		(void)postern_request_fail_json(c->request, "io.postern.Overflow",
						"{\"dropped\":1}", 13);
	else
		imported_fail(c->request, WIRE_NO_ANSWER, "an answer cannot be passed on: %s",
			      strerror(-r));
	imported_control(c, WIRE_CANCEL, false);
	imported_free(c);
}

/* Is it the one that follows the last? What is not counted is taken as it comes. */
static bool imported_is_next(struct imported *c, const struct bus_message *m)
{
	const char *text = bus_header(m, WIRE_SEQUENCE);
	uint64_t n = 0;

	if (!c->more || !text)
		return c->sequence == 0;
	return wire_sequence_read(text, &n) == 0 && n == ++c->sequence;
}

/* Frees c, unless others follow. */
static void imported_answer(struct imported *c, const struct bus_message *m)
{
	const char *error = bus_header(m, WIRE_ERROR), *continues = bus_header(m, WIRE_CONTINUES);
	const char *status = bus_header(m, WIRE_NATS_STATUS);
	bool is_member = error && wire_is_member(error);
	struct postern_json value;
	int r;

	if (!c->request) {
		imported_free(c);
		return;
	}
	if (!imported_is_next(c, m)) {
		imported_no_answer(c, "answers of the stream are missing");
		return;
	}
	if (status && !error) {
		error = bus_header(m, WIRE_NATS_DESCRIPTION);
		imported_foreign(c, error ? error : "a status of NATS, and no answer", status);
		imported_free(c);
		return;
	}
	if (wire_object(m->payload, m->n, &value) < 0) {
		if (!error) {
			imported_no_answer(c, "what came is no object of JSON");
			return;
		}
		/* An error stays one, without what cannot be read about it. */
		value = (struct postern_json){ "{}", 2 };
	}
	if (continues && !error && !strcmp(continues, "true")) {
		if (c->more)
			imported_continue(c, value);
		else
			imported_no_answer(c, "it asked for one answer, and more came");
		return;
	}
	if (error && !is_member) {
		imported_foreign(c, error, bus_header(m, WIRE_ERROR_CODE));
		imported_free(c);
		return;
	}
	r = error ? postern_request_fail_json(c->request, error, value.text, value.n)
		  : postern_request_reply_json(c->request, value.text, value.n);
	if (r < 0 && r != -ESTALE)
		imported_fail(c->request, WIRE_NO_ANSWER, "the answer cannot be passed on: %s",
			      strerror(-r));
	imported_free(c);
}

static void imported_came(const struct bus_message *m, void *data)
{
	struct imported *c = data;

	c->heard_ns = postern_now();
	if (m->nobody && c->accepted) {
		imported_no_answer(c, "the bridge at the far end has gone");
	} else if (m->nobody) {
		if (c->request)
			imported_fail(c->request, WIRE_NOT_SENT, "nobody serves %s there",
				      c->method);
		imported_free(c);
	} else if (m->unreadable) {
		imported_no_answer(c, "the headers of what came cannot be read");
	} else if (!imported_status(c, m)) {
		imported_answer(c, m);
	}
}

static void imported_due(struct postern_timer *t, void *data)
{
	struct imported *c = data;

	(void)t;
	if (!c->accepted)
		imported_no_answer(c, "no answer within its deadline");
	else if (postern_now() - c->heard_ns > WIRE_LEASE_NS)
		imported_no_answer(c, "the far end does not say any more that it is there");
	else
		imported_control(c, WIRE_ALIVE, true);
}

/* The local program has left. */
static void imported_cancelled(struct postern_request *r, void *data)
{
	struct imported *c = data;

	(void)r;
	c->request = postern_request_free(c->request);
	if (c->more && !c->accepted)
		return;
	imported_control(c, WIRE_CANCEL, false);
	imported_free(c);
}

static const struct postern_request_events imported_events = {
	.size = sizeof(imported_events),
	.cancelled = imported_cancelled,
};

/* ---- the beginning ---- */

static void imported_refuse(struct import *im, struct postern_request *r, const char *method,
			    const struct bus_out *out, int error)
{
	if (postern_request_flags(r) & POSTERN_CALL_ONEWAY) {
		im->unsent++;
		if (!bus_may_tell(&im->unsent_told_ns))
			return;
		output_error(im->bridge.verb, im->bridge.name,
			     "%s: a oneway call is lost: %s (%" PRIu64 " so far)", method,
			     strerror(-error), im->unsent);
	} else if (error == -EMSGSIZE) {
		imported_too_large(r, bus_size(out), bus_max(im->bridge.bus));
	} else if (error == -ENOMEM || error == -EAGAIN) {
		imported_busy(r);
	} else if (error == -EIO) {
		imported_fail(r, WIRE_NO_ANSWER,
			      "%s: the connection to NATS broke while it was sent", method);
	} else {
		imported_fail(r, WIRE_NOT_SENT, "%s: %s", method,
			      error == -ENOTCONN ? "there is no connection to NATS now"
						 : strerror(-error));
	}
}

/* True: it is answered, and does not leave this machine. */
static bool imported_stays(const struct wanted *l, struct postern_request *r, const char *method)
{
	const struct postern_method *m = wanted_method(l, method);
	const struct import *im = l->import;

	if (!wire_is_allowed(im->allow, im->n_allow, method))
		(void)postern_request_fail_json(r, "org.varlink.service.PermissionDenied", "{}", 2);
	else if (!m || m->flags & (POSTERN_METHOD_TAKES_FDS | POSTERN_METHOD_RETURNS_FDS))
		imported_fail(r, WIRE_NOT_FORWARDED, "%s: descriptors stay on their machine",
			      method);
	else if (postern_request_flags(r) & POSTERN_CALL_UPGRADE)
		imported_fail(r, WIRE_NOT_FORWARDED,
			      "%s: NATS carries messages, and an upgraded connection is none",
			      method);
	else
		return false;
	return true;
}

static uid_t imported_uid(const struct postern_request *r)
{
	struct postern_peer peer = { .uid = (uid_t)-1 };

	(void)postern_request_peer(r, &peer, sizeof(peer));
	return peer.uid;
}

/* Where other users may call, nobody can take it all: streams are open for as long as their programs like. */
static bool imported_is_full(const struct import *im, const struct postern_request *r)
{
	uid_t uid = imported_uid(r);
	uint32_t n = 0;

	if (im->n_calls >= im->max_calls || im->n_calls < im->max_user)
		return im->n_calls >= im->max_calls;
	for (const struct imported *c = im->calls; c; c = c->next)
		n += c->uid == uid;
	return n >= im->max_user;
}

/* A struct for what is to come. r is kept by it on success. */
static int imported_new(struct imported **ret, struct import *im, struct postern_request *r,
			const char *method)
{
	struct imported *c = calloc(1, sizeof(*c));
	int error = 0;

	if (!c)
		return -ENOMEM;
	*c = (struct imported){
		.import = im, .next = im->calls, .at = &im->calls, .method = method
	};
	c->more = postern_request_flags(r) & POSTERN_CALL_MORE;
	c->uid = imported_uid(r);
	if (im->calls)
		im->calls->at = &c->next;
	im->calls = c;
	im->n_calls++;
	error = postern_timer_new(&c->timer, im->bridge.loop, imported_due, c);
	if (error == 0)
		error = bus_inbox_open(im->bridge.bus, &c->inbox, imported_came, c);
	if (error < 0) {
		imported_free(c);
		return error;
	}
	*ret = c;
	return 0;
}

/* Published, and waits for what comes; else -errno. */
static int imported_ask(struct import *im, struct postern_request *r, const char *method,
			struct bus_out *out)
{
	char reply[BUS_INBOX_SUBJECT];
	struct imported *c;
	int error = imported_new(&c, im, r, method);

	if (error < 0)
		return error;
	bus_inbox_subject(im->bridge.bus, &c->inbox, reply);
	out->reply = reply;
	error = bus_publish(im->bridge.bus, out);
	out->reply = NULL;
	if (error == 0) {
		c->request = postern_request_keep(r);
		postern_request_set_events(r, &imported_events, c);
		postern_timer_set(c->timer, im->deadline_ns);
	} else {
		imported_free(c);
	}
	return error;
}

/* The far end has less time than we, so that what it says at its deadline, which is more than we know, gets here before ours. */
static int64_t imported_patience(int64_t deadline_ns)
{
	int64_t margin = deadline_ns / 8;

	return deadline_ns - (margin < IMPORTED_MARGIN ? margin : IMPORTED_MARGIN);
}

/* What is published for a request: the call of a program, or one that a bridge passes on. */
struct imported_call {
	const char *method; /* of the table of its interface */
	struct postern_json parameters;
	uint64_t hops; /* with the one that begins here */
};

static void imported_publish(struct import *im, struct postern_request *r,
			     const struct imported_call *call)
{
	char subject[WIRE_SUBJECT_MAX], timeout[24], hops[24];
	struct bus_out out = {
		.subject = subject,
		.payload = call->parameters.text,
		.n = call->parameters.n,
	};
	uint64_t flags = postern_request_flags(r);
	int error = wire_subject(subject, sizeof(subject), im->prefix, call->method);

	wire_timeout_write(timeout, sizeof(timeout), imported_patience(im->deadline_ns));
	snprintf(hops, sizeof(hops), "%" PRIu64, call->hops);
	out.headers[0] = (struct bus_header){ WIRE_TIMEOUT, timeout };
	if (flags & POSTERN_CALL_MORE)
		out.headers[1] = (struct bus_header){ WIRE_MORE, "true" };
	if (call->hops > 1)
		out.headers[2] = (struct bus_header){ WIRE_HOPS, hops };
	if (error == 0 && !bus_is_connected(im->bridge.bus))
		error = -ENOTCONN;
	if (error == 0 && flags & POSTERN_CALL_ONEWAY)
		error = bus_publish(im->bridge.bus, &out);
	else if (error == 0 && imported_is_full(im, r))
		error = -EAGAIN;
	else if (error == 0)
		error = imported_ask(im, r, call->method, &out);
	if (error < 0)
		imported_refuse(im, r, call->method, &out, error);
}

/* Of a method that may leave this machine. */
static void imported_send(struct import *im, struct postern_request *r,
			  const struct imported_call *call)
{
	const struct bus_out none = { .payload = call->parameters.text };
	int error;

	if (!im->values->stream || !(postern_request_flags(r) & POSTERN_CALL_ONEWAY)) {
		imported_publish(im, r, call);
		return;
	}
	error = storing_start(im, r, call->method, call->parameters);
	if (error < 0)
		imported_refuse(im, r, call->method, &none, error);
}

void imported_start(struct postern_request *r, struct wanted *l)
{
	struct imported_call call = { .parameters = postern_request_parameters(r), .hops = 1 };

	if (imported_stays(l, r, postern_request_method(r)))
		return;
	call.method = wanted_method(l, postern_request_method(r))->name;
	imported_send(l->import, r, &call);
}

/* -EINVAL: it is none. */
static int imported_passed(const struct postern_request *r, char method[WIRE_SUBJECT_MAX],
			   struct imported_call *ret)
{
	struct postern_json all = postern_request_parameters(r), name, hops;
	int64_t n = 0;
	ssize_t length;

	if (postern_json_find(all, "method", &name) <= 0 ||
	    postern_json_find(all, "hops", &hops) <= 0 ||
	    postern_json_find(all, "parameters", &ret->parameters) <= 0 ||
	    postern_json_kind(ret->parameters) != POSTERN_JSON_OBJECT)
		return -EINVAL;
	length = postern_json_string(name, method, WIRE_SUBJECT_MAX);
	if (length <= 0 || (size_t)length != strlen(method) || postern_json_int(hops, &n) < 0 ||
	    n < 1 || n > WIRE_HOPS_MAX)
		return -EINVAL;
	ret->method = method;
	ret->hops = (uint64_t)n + 1;
	return 0;
}

void imported_forward(const void *handlers, struct postern_request *r, const void *in, void *data)
{
	struct import *im = data;
	char method[WIRE_SUBJECT_MAX], json[WIRE_SUBJECT_MAX + 16];
	struct imported_call call;

	(void)handlers, (void)in;
	if (imported_passed(r, method, &call) < 0) {
		(void)postern_request_fail_json(r, "org.varlink.service.InvalidParameter",
						"{\"parameter\":\"method\"}", 22);
		return;
	}
	for (size_t i = 0; i < im->n_wanted; i++) {
		struct wanted *l = &im->wanted[i];

		const struct postern_method *m = wanted_method(l, method);

		if (!m)
			continue;
		call.method = m->name;
		if (!imported_stays(l, r, method))
			imported_send(im, r, &call);
		return;
	}
	/* A name that makes a subject has nothing to escape, another is none of a method. */
	snprintf(json, sizeof(json), "{\"method\":\"%s\"}", wire_is_member(method) ? method : "");
	(void)postern_request_fail_json(r, "org.varlink.service.MethodNotFound", json,
					strlen(json));
}
