/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export-call.c - one call that has come over NATS
 *
 *   export_request()
 *      |  refused: too many calls, unusable headers or parameters, descriptors
 *      v
 *   called          a call of the local service, with a deadline: what came in WIRE_TIMEOUT, and --deadline at most
 *      |            A stream has none, but so long the service has to take it. When it has, which its first answer says, or that
 *      |            to a look, its caller is told that it is accepted, and where its control subject is
 *      v
 *   answered, or ended: it leaves the list, and its memory goes
 *
 * What ends a stream before its last answer: cancel; no alive for WIRE_LEASE_NS, or none at all for WIRE_FIRST_LEASE_NS; an answer that is too large, or could not be
 * published, because the caller would have a gap; NATS lost, for the same reason; a drain. Cancelling the call of the local
 * service ends the connection that it has for itself, which is how that learns of it.
 */
#include "export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT_ONEWAY       4096u /* that the service has not read */
#define EXPORT_ONEWAY_BYTES ((size_t)8 << 20)
#define EXPORT_BUSY         "{\"retryAfterMs\":100}"

/* ---- the end of a call ---- */

static void export_call_free(struct export_call *c)
{
	struct export *e = c->export;

	if (c->before)
		c->before->next = c->next;
	else
		e->calls = c->next;
	if (c->next)
		c->next->before = c->before;
	e->n_calls--;
	c->method->busy_ns += postern_now() - c->begun_ns;
	postern_call_cancel(c->look);
	bus_inbox_close(e->bridge.bus, &c->control);
	export_line_give(e, c->line);
	if (!c->reply) {
		e->n_oneway--;
		e->oneway_bytes -= c->n;
	}
	free(c->reply);
	free(c);
	export_call_ended(e);
}

/* Without another word to its caller. */
static void export_call_cancel(struct export_call *c)
{
	postern_call_cancel(c->call);
	export_call_free(c);
}

/* A call whose caller cannot be told: told here at the 1st, 2nd, 4th, 8th, ... */
static void export_dropped(struct export *e, const char *why)
{
	e->refused++;
	if ((e->refused & (e->refused - 1)) == 0)
		output_error(e->bridge.verb, e->address,
			     "calls were dropped, %" PRIu64
			     " so far, the last one because of this: %s",
			     e->refused, why);
}

bool export_may_answer(struct export *e, const struct bus_message *m)
{
	if (!m->reply || wire_is_reply(m->reply))
		return true;
	export_dropped(e, "its reply subject does not begin with _INBOX");
	return false;
}

static void export_ended(struct export_call *c, const struct postern_answer *answer)
{
	const char *why = answer->why ? answer->why->text : "the service has gone";

	if (answer->end == POSTERN_END_NOT_SENT || answer->end == POSTERN_END_NO_ANSWER)
		export_doubt(c->export);
	switch (answer->end) {
	case POSTERN_END_ANSWERED:
		export_answer(c, answer->parameters);
		break;
	case POSTERN_END_FAILED:
		if (wire_is_member(answer->error))
			export_fail(c, answer->error, answer->parameters.text,
				    answer->parameters.n);
		else
			export_fail_reason(
				c, WIRE_NO_ANSWER,
				"the service has failed, and the name of its error is none");
		break;
	case POSTERN_END_SENT:
		break;
	case POSTERN_END_NOT_SENT:
		if (!c->reply)
			export_dropped(c->export, why);
		export_fail_reason(c, WIRE_NOT_SENT, why);
		break;
	default:
		export_fail_reason(c, WIRE_NO_ANSWER, why);
	}
	export_call_free(c);
}

/* The service has the stream: its caller is told so once. */
static int export_has(struct export_call *c)
{
	if (!c->more || c->accepted)
		return 0;
	c->accepted = true;
	/* The lease begins when there is somebody to be alive to. */
	c->heard_ns = postern_now();
	return export_accept(c);
}

static void export_answered(struct postern_call *call, const struct postern_answer *answer,
			    void *data)
{
	struct export_call *c = data;
	bool goes_on = answer->end == POSTERN_END_CONTINUES;
	int r = 0;

	(void)call;
	if (goes_on || answer->end == POSTERN_END_ANSWERED)
		r = export_has(c);
	if (r == 0 && goes_on)
		r = export_continue(c, answer->parameters);
	if (r < 0)
		export_call_cancel(c);
	else if (!goes_on)
		export_ended(c, answer);
}

/* The answer to the look that was sent behind a stream. */
static void export_looked_at(struct postern_call *call, const struct postern_answer *answer,
			     void *data)
{
	struct export_call *c = data;

	(void)call;
	if (answer->end != POSTERN_END_CONTINUES)
		c->look = NULL;
	if (c->accepted)
		return;
	if (answer->end == POSTERN_END_CONTINUES || answer->end == POSTERN_END_ANSWERED ||
	    answer->end == POSTERN_END_FAILED) {
		if (export_has(c) < 0)
			export_call_cancel(c);
		return;
	}
	export_fail_reason(c, WIRE_NO_ANSWER, "the service has not taken the call in time");
	export_call_cancel(c);
}

/* ---- the control of a stream ---- */

static void export_say(struct export *e, const struct bus_message *m, const char *status)
{
	const struct bus_out out = { .subject = m->reply, .headers = { { WIRE_STATUS, status } } };

	/* Whoever has asked asks again, or gives up. */
	if (m->reply && export_may_answer(e, m))
		(void)bus_publish(e->bridge.bus, &out);
}

static bool export_says(const struct bus_message *m, const char *word)
{
	return m->n == strlen(word) && !memcmp(m->payload, word, m->n);
}

static void export_control(const struct bus_message *m, void *data)
{
	struct export_call *c = data;

	if (export_says(m, WIRE_ALIVE)) {
		c->heard_ns = postern_now();
		c->alive = true;
		export_say(c->export, m, WIRE_OPEN);
	} else if (export_says(m, WIRE_CANCEL)) {
		export_say(c->export, m, WIRE_ENDED);
		export_call_cancel(c);
	}
}

void export_unknown(const struct bus_message *m, void *data)
{
	export_say(data, m, WIRE_ENDED);
}

void export_look(struct export *e, int64_t now)
{
	struct export_call *c, *next;

	for (c = e->calls; c; c = next) {
		next = c->next;
		if (!c->accepted ||
		    now - c->heard_ns < (c->alive ? WIRE_LEASE_NS : WIRE_FIRST_LEASE_NS))
			continue;
		export_fail_reason(
			c, WIRE_NO_ANSWER,
			c->alive ? "the stream's caller has not said that it is alive for 30s"
				 : "the stream's caller has never said that it is alive");
		export_call_cancel(c);
	}
}

void export_end_calls(struct export *e, bool only_streams, const char *error, const char *reason)
{
	struct export_call *c, *next;

	for (c = e->calls; c; c = next) {
		next = c->next;
		if (only_streams && !c->more)
			continue;
		if (error && reason)
			export_fail_reason(c, error, reason);
		else if (error)
			export_fail(c, error, "{}", 2);
		export_call_cancel(c);
	}
}

/* ---- a request ---- */

struct export_asked {
	struct postern_json parameters;
	int64_t deadline_ns;
	uint64_t hops;
	bool more;
};

/* Told at the 1st, 2nd, 4th, 8th, ... */
static void export_tell_loop(struct export *e, const struct bus_message *m)
{
	e->looped++;
	if ((e->looped & (e->looped - 1)) == 0)
		output_error(e->bridge.verb, e->address,
			     "%s: calls go in a circle of bridges, %" PRIu64
			     " so far: a name is imported and exported with the same subjects",
			     m->subject, e->looped);
}

/* A call that has passed too many bridges, or says of it what cannot be read. */
static int export_read_hops(struct export *e, const struct bus_message *m, uint64_t *ret)
{
	int r = wire_hops_read(bus_header(m, WIRE_HOPS), ret);

	if (r == -ELOOP) {
		export_tell_loop(e, m);
		export_refuse(e, m, WIRE_LOOP, "{\"hops\":8}");
	} else if (r < 0) {
		export_refuse(e, m, "org.varlink.service.InvalidParameter",
			      "{\"parameter\":\"" WIRE_HOPS "\"}");
	}
	return r;
}

static int export_read(struct export *e, const struct bus_message *m, struct export_asked *ret)
{
	const char *more = bus_header(m, WIRE_MORE), *timeout = bus_header(m, WIRE_TIMEOUT);
	int64_t most = e->bridge.values->deadline;

	if (m->unreadable) {
		export_refuse(e, m, "org.varlink.service.InvalidParameter",
			      "{\"parameter\":\"headers\"}");
		return -EINVAL;
	}
	ret->more = more && !strcmp(more, "true") && m->reply;
	ret->deadline_ns = most;
	if (wire_object(m->payload, m->n, &ret->parameters) < 0) {
		export_refuse(e, m, "org.varlink.service.InvalidParameter",
			      "{\"parameter\":\"parameters\"}");
		return -EINVAL;
	}
	if (timeout && wire_timeout_read(timeout, &ret->deadline_ns) < 0) {
		export_refuse(e, m, "org.varlink.service.InvalidParameter",
			      "{\"parameter\":\"" WIRE_TIMEOUT "\"}");
		return -EINVAL;
	}
	/* Else a caller would hold a connection of --max-calls for as long as it likes. */
	if (ret->deadline_ns > most)
		ret->deadline_ns = most;
	return export_read_hops(e, m, &ret->hops);
}

static struct export_call *export_call_new(struct export_method *method,
					   const struct bus_message *m,
					   const struct export_asked *asked)
{
	struct export *e = method->export;
	bool shares = asked->more || !m->reply;
	struct export_line *line = shares ? NULL : export_line_take(e);
	struct export_call *c = shares || line ? calloc(1, sizeof(*c)) : NULL;
	int64_t now = postern_now();

	if (!c) {
		export_line_give(e, line);
		return NULL;
	}
	*c = (struct export_call){ .export = e,
				   .method = method,
				   .line = line,
				   .next = e->calls,
				   .more = asked->more,
				   .n = m->n,
				   .begun_ns = now,
				   .heard_ns = now };
	if ((m->reply && !(c->reply = strdup(m->reply))) ||
	    (c->more && bus_inbox_open(e->bridge.bus, &c->control, export_control, c) < 0)) {
		export_line_give(e, line);
		free(c->reply);
		free(c);
		return NULL;
	}
	if (e->calls)
		e->calls->before = c;
	e->calls = c;
	e->n_calls++;
	if (!c->reply) {
		e->n_oneway++;
		e->oneway_bytes += c->n;
	}
	return c;
}

static struct postern_caller *export_caller_of(const struct export_call *c)
{
	if (c->more)
		return c->export->alone;
	return c->reply ? c->line->caller : c->export->oneway;
}

/* An imported name is told how far the call has come, since it sends it on. */
static int export_pass_on(struct export_call *c, const struct export_asked *asked, unsigned flags,
			  int64_t deadline_ns)
{
	size_t size = strlen(c->method->name) + asked->parameters.n + 96;
	char *text = malloc(size);
	int n, r;

	if (!text)
		return -ENOMEM;
	n = snprintf(text, size, "{\"method\":\"%s\",\"hops\":%" PRIu64 ",\"parameters\":%.*s}",
		     c->method->name, asked->hops, (int)asked->parameters.n,
		     asked->parameters.text);
	r = postern_caller_call_json(&c->call, export_caller_of(c), WIRE_FORWARD, text, (size_t)n,
				     NULL, flags, deadline_ns, export_answered, c);
	free(text);
	return r;
}

static int export_call(struct export_call *c, const struct export_asked *asked)
{
	unsigned flags = c->more ? POSTERN_CALL_MORE : c->reply ? 0 : POSTERN_CALL_ONEWAY;
	int64_t deadline_ns = c->more ? POSTERN_FOREVER : asked->deadline_ns;
	int r;

	if (c->export->learned.is_import)
		r = export_pass_on(c, asked, flags, deadline_ns);
	else
		r = postern_caller_call_json(&c->call, export_caller_of(c), c->method->name,
					     asked->parameters.text, asked->parameters.n, NULL,
					     flags, deadline_ns, export_answered, c);
	if (r == 0 && c->more)
		r = export_look_new(c->export, &c->look, asked->deadline_ns, export_looked_at, c);
	return r;
}

static void export_begin(struct export_call *c, const struct export_asked *asked)
{
	int r = export_call(c, asked);

	if (r == 0)
		return;
	if (r == -EAGAIN || r == -ENOMEM)
		export_fail(c, WIRE_BUSY, EXPORT_BUSY, strlen(EXPORT_BUSY));
	else
		export_fail_reason(c, WIRE_NOT_SENT, postern_why()->text);
	export_call_cancel(c);
}

/* A caller that waits for no answer cannot be told to come again. */
static void export_too_many(struct export *e, const struct bus_message *m)
{
	export_refuse(e, m, WIRE_BUSY, EXPORT_BUSY);
	if (!m->reply)
		export_dropped(e, "the service does not read those that came before");
}

static bool export_is_full(const struct export *e, const struct bus_message *m)
{
	if (m->reply)
		return e->n_calls - e->n_oneway >= e->max_calls;
	return e->n_oneway >= EXPORT_ONEWAY || e->oneway_bytes + m->n > EXPORT_ONEWAY_BYTES;
}

static const char *export_forbids(const struct export_method *method)
{
	if (method->flags & (POSTERN_METHOD_TAKES_FDS | POSTERN_METHOD_RETURNS_FDS))
		return "{\"reason\":\"descriptors do not leave their machine\"}";
	if (method->flags & POSTERN_METHOD_UPGRADE)
		return "{\"reason\":\"an upgraded connection does not leave its machine\"}";
	return NULL;
}

int export_durable(struct export_method *method, const struct bus_message *m)
{
	struct export_asked asked = { .deadline_ns = method->export->bridge.values->deadline,
				      .hops = 1 };
	struct export_call *c;

	if (method->export->away)
		return -EAGAIN;
	if (export_forbids(method) || wire_object(m->payload, m->n, &asked.parameters) < 0)
		return -EINVAL;
	c = export_call_new(method, m, &asked);
	if (!c)
		return -EAGAIN;
	c->durable = true;
	method->requests++;
	export_begin(c, &asked);
	return 0;
}

void export_request(const struct bus_message *m, void *data)
{
	struct export_method *method = data;
	struct export *e = method->export;
	const char *forbidden = export_forbids(method);
	struct export_asked asked;
	struct export_call *c;
	int r;

	method->requests++;
	if (!export_may_answer(e, m))
		return;
	if (forbidden) {
		export_refuse(e, m, WIRE_NOT_FORWARDED, forbidden);
		if (!m->reply)
			export_dropped(e, "its method has descriptors, or an upgrade");
		return;
	}
	if (e->away) {
		export_refuse(e, m, WIRE_NOT_SENT,
			      "{\"reason\":\"the service cannot be reached\"}");
		if (!m->reply)
			export_dropped(e, "the service cannot be reached");
		return;
	}
	if (export_is_full(e, m)) {
		export_too_many(e, m);
		return;
	}
	r = export_read(e, m, &asked);
	if (r < 0) {
		/* That calls go in a circle is told already. */
		if (!m->reply && r != -ELOOP)
			export_dropped(e, "its headers or parameters are invalid");
		return;
	}
	if (asked.more && e->bridge.draining) {
		export_refuse(e, m, WIRE_DRAINING, "{}");
		return;
	}
	c = export_call_new(method, m, &asked);
	if (c)
		export_begin(c, &asked);
	else
		export_too_many(e, m);
}
