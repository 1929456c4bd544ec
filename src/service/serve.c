/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve.c - one connection of a service
 *
 *   accepted -> READY <-> a call is open (the connection is paused) -> the peer's end, a violation, or ours -> freed
 *                               |
 *                               upgraded: the connection goes on without this, and this is freed (upgrade.c)
 *
 * Every event of the connection is here; core/serving.h decides what each message means. What holds back the next
 * message is one of three: a call is open, the queue is at its high-water mark, or others have their turn.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/probe.h"
#include "core/frame.h"
#include "link/socket.h"
#include "service/service.h"

/* ---- which method ---- */

/* name: with the interface's. */
static const struct postern_method *serve_method(const struct postern_interface *i,
						 const char *name)
{
	size_t n = strlen(i->name);

	for (uint32_t k = 0; k < i->n_methods; k++)
		if (!strcmp(i->methods[k]->name + n, name + n))
			return i->methods[k];
	return NULL;
}

/* Says what is wrong with the call, or finds its method. */
static const struct provided *serve_find(struct postern_request *r)
{
	const char *dot = strrchr(r->name, '.');
	const struct provided *provided;

	if (!dot) {
		request_refuse(r, ERROR_METHOD_NOT_FOUND, "method", r->name);
		return NULL;
	}
	provided = service_find(r->service, r->name, (size_t)(dot - r->name));
	if (!provided) {
		r->name[dot - r->name] = '\0'; /* the request ends here */
		request_refuse(r, ERROR_INTERFACE_NOT_FOUND, "interface", r->name);
		return NULL;
	}
	r->method = serve_method(provided->interface, r->name);
	if (r->method)
		return provided;
	request_refuse(r, ERROR_METHOD_NOT_FOUND, "method", r->name);
	return NULL;
}

static bool serve_method_takes(const struct postern_service *s, struct postern_json method)
{
	for (const struct list *l = s->provided.next; l != &s->provided; l = l->next) {
		const struct postern_interface *i =
			container_of(l, const struct provided, node)->interface;

		for (uint32_t k = 0; k < i->n_methods; k++)
			if (i->methods[k]->flags & POSTERN_METHOD_TAKES_FDS &&
			    postern_json_equals(method, i->methods[k]->name))
				return true;
	}
	return false;
}

/* The same of one that begins so. */
static bool serve_may_take(const struct postern_service *s, const char *message, size_t n)
{
	struct postern_json method;
	int r = message_peek(message, n, &method);

	return r == 0 || (r > 0 && serve_method_takes(s, method));
}

/* Before it is dispatched, and only if descriptors have come: does its method take any? An upgrade that is refused leaves the
   connection as it is, but no peer can know that when it sends what follows. */
static unsigned serve_takes(struct postern_conn *c, const char *message, size_t n, unsigned index,
			    bool whole)
{
	const struct serve *p = c->data;
	struct message_fault fault;
	struct message_call call;
	unsigned is;

	(void)index;
	if (!whole)
		return serve_may_take(p->service, message, n) ? GLUE_TAKES : 0;
	if (message_read_call(message, n, &call, &fault) < 0)
		return 0;
	is = serve_method_takes(p->service, call.method) ? GLUE_TAKES : 0;
	return is | (call.flags & POSTERN_CALL_UPGRADE ? GLUE_ENDS : 0);
}

/* The program's rule. It may end the connection, which ends the request. */
static bool serve_allows(struct postern_request *r)
{
	struct postern_service *s = r->service;
	int refused;

	if (!service_event(s, allow))
		return true;
	loop_calls(s->object.loop, "allow");
	refused = service_event(s, allow)(r, s->data);
	if (refused && r->serve)
		request_refuse(r, ERROR_PERMISSION_DENIED, NULL, NULL);
	return !refused && r->serve;
}

/* Has it the flags that the method needs, and none that no service takes? */
static bool serve_flags_fit(struct postern_request *r)
{
	unsigned flags = r->method->flags;

	if (flags & POSTERN_METHOD_NEEDS_MORE && !(r->flags & POSTERN_CALL_MORE))
		request_refuse(r, ERROR_EXPECTED_MORE, NULL, NULL);
	else if (flags & POSTERN_METHOD_UPGRADE && !(r->flags & POSTERN_CALL_UPGRADE))
		request_refuse(r, ERROR_EXPECTED_UPGRADE, NULL, NULL);
	/* The method does not know what an answer would confirm. */
	else if (r->flags & POSTERN_CALL_UPGRADE &&
		 !(flags & (POSTERN_METHOD_UPGRADE | POSTERN_METHOD_MAY_UPGRADE)))
		request_refuse(r, ERROR_METHOD_NOT_IMPLEMENTED, "method", r->name);
	return r->serve;
}

static bool serve_decodes(struct postern_request *r, const void **ret_in)
{
	struct shape_fault fault;
	int error = request_decode(r, ret_in, &fault);

	if (error == -EBADMSG)
		request_refuse(r, ERROR_INVALID_PARAMETER, "parameter", fault.path);
	else if (error < 0)
		request_refuse_busy(r);
	return error == 0;
}

/* Has the program a function for this method? Its type is known to .handle alone. */
static bool serve_has_handler(const struct provided *p, const struct postern_method *m)
{
	void (*handler)(void) = NULL;

	if (p->handlers)
		memcpy(&handler, (const char *)p->handlers + m->handler, sizeof(handler));
	return handler;
}

static void serve_run(struct postern_request *r)
{
	const struct provided *p = serve_find(r);
	const void *in = NULL;

	if (!p || !serve_allows(r))
		return;
	if (!serve_has_handler(p, r->method)) {
		request_refuse(r, ERROR_METHOD_NOT_IMPLEMENTED, "method", r->name);
		return;
	}
	if (!serve_flags_fit(r) || !serve_decodes(r, &in))
		return;
	loop_calls(r->service->object.loop, r->method->name);
	r->method->handle(p->handlers, r, in, p->data);
}

/* ---- messages ---- */

static void serve_call(struct serve *p, const char *text, size_t n, const struct message_call *call)
{
	struct postern_request *r;

	if (request_new(&r, p, text, n, call) < 0) {
		if (call->flags & POSTERN_CALL_ONEWAY)
			p->service->counters.dropped++;
		answer_busy(p);
		return;
	}
	r->handling = true;
	PROBE(call, p->conn, r->name, n);
	serve_run(r);
	request_returned(r);
}

static void serve_refuse(struct serve *p)
{
	if (p->machine.refuses == SERVING_DRAINS)
		answer_error(p, ERROR_DRAINING, NULL, NULL);
	else
		answer_busy(p);
}

static void serve_violation(struct serve *p, const struct message_fault *fault)
{
	struct postern_service *s = p->service;

	why_set(&s->why, POSTERN_REASON_VIOLATION, -EBADMSG, "this is no call: %s (byte %zu)",
		fault->what, fault->offset);
	conn_finish_because(p->conn, &s->why.reason);
}

/* How many calls it had in this turn of the loop. */
static unsigned serve_count(struct serve *p)
{
	uint32_t turn = p->service->object.loop->turn;

	if (p->turn != turn)
		p->calls = 0;
	p->turn = turn;
	return ++p->calls;
}

/* After a message: may the next one come? */
static void serve_next(struct serve *p)
{
	if (p->machine.open) {
		conn_owes(p->conn, true);
		postern_conn_pause(p->conn);
	} else if (!conn_has_room(p->conn)) {
		postern_conn_pause(p->conn);
	} else if (serve_count(p) >= (loop_is_spent(p->service->object.loop) ? 1 : SERVE_ROUND)) {
		conn_yield(p->conn);
	}
}

static void serve_frame(struct postern_conn *c, const void *payload, size_t n, void *data)
{
	struct serve *p = data;
	struct postern_service *s = p->service;
	struct message_fault fault;
	struct message_call call;
	int r = serving_message(&p->machine, payload, n, &call, &fault);

	if (r < 0) {
		serve_violation(p, &fault);
		return;
	}
	p->awaited = false;
	/* What has come with it is told the same, as long as the others of the reserve have to call. */
	if (!p->machine.over)
		list_remove(&p->busy);
	s->counters.calls++;
	loop_spend(s->object.loop, SERVE_COST);
	c->account->calls++;
	trace_message(p, "call", payload, n);
	if (r == SERVING_RUN)
		serve_call(p, payload, n, &call);
	else if (r == SERVING_REFUSE)
		serve_refuse(p);
	else
		s->counters.dropped++;
	if (!conn_goes_on(c) || p->machine.upgraded)
		return;
	serve_next(p);
	serve_look(p);
}

void serve_continue(struct serve *p)
{
	if (conn_has_room(p->conn))
		postern_conn_resume(p->conn);
	serve_look(p);
}

static void serve_drained(struct postern_conn *c, void *data)
{
	struct serve *p = data;

	(void)c;
	if (p->request)
		request_drained(p->request);
	else
		serve_continue(p);
}

/* Before the rest of what it had sent: its oneway calls still run. */
static void serve_gone(struct postern_conn *c)
{
	struct serve *p = c->data;

	if (!serving_leave(&p->machine))
		return;
	postern_conn_resume(c);
	request_cancel(p->request);
}

/* Only a topic sends beside the queue. */
static void serve_writable(struct postern_conn *c)
{
	const struct serve *p = c->data;

	if (p->request && p->request->topic)
		topic_go_on(p->request);
}

const struct conn_consumer serve_consumer = {
	.gone = serve_gone,
	.writable = serve_writable,
	.takes = serve_takes,
};

/* ---- beginning and end ---- */

/* Beyond the limits a few are admitted, to be told so. */
static bool serve_is_beyond(const struct postern_service *s, const struct postern_conn *c)
{
	return s->server->counters.connections > s->connections_max ||
	       c->account->connections > s->per_uid_max;
}

static void serve_turn_away(struct serve *p)
{
	struct postern_service *s = p->service;
	struct postern_conn *c = p->conn;

	p->machine.refuses = SERVING_IS_BUSY;
	conn_limits_unref(c->limits);
	c->limits = conn_limits_ref(s->busy_limits);
	p->until_ns = time_after(loop_now(c->object.loop), SERVICE_BUSY_TIME);
	list_append(&s->busy, &p->busy);
}

void serve_accepted(struct postern_server *server, struct postern_conn *c, void *data)
{
	static const struct postern_reason no_memory = {
		.code = POSTERN_REASON_NO_RESOURCES,
		.error = -ENOMEM,
		.text = "a connection was closed at once: there is no memory for its calls",
	};
	struct postern_service *s = data;
	struct serve *p = sys_alloc(sizeof(*p));

	if (!p) {
		postern_conn_free(c);
		service_tell(s, &no_memory);
		return;
	}
	p->service = s;
	p->conn = c;
	p->number = server->counters.accepted;
	list_init(&p->busy);
	list_init(&p->quiet);
	list_append(&s->serves, &p->node);
	c->data = p;
	if (serve_is_beyond(s, c))
		serve_turn_away(p);
	else if (s->draining)
		p->machine.refuses = SERVING_DRAINS;
	p->awaited = s->draining;
	/* It may have been in the backlog when they were not admitted yet. */
	if (s->takes_fds)
		conn_admit_rights(c, true);
	tag_accepted(c->object.fd);
	service_look_again(s);
}

/* In the service's task: behind the message that was delivered last there may be others. */
void serve_look(struct serve *p)
{
	struct postern_service *s = p->service;

	if ((!s->draining && !p->machine.over) || list_is_linked(&p->quiet))
		return;
	list_append(&s->quiet, &p->quiet);
	service_look_again(s);
}

void serve_leave(struct serve *p)
{
	struct postern_request *r = p->request;
	bool cancels = serving_leave(&p->machine);

	p->awaited = false;
	if (r && !cancels) {
		serving_answered(&p->machine, SERVING_REPLIES);
		request_close(r);
	}
	postern_conn_resume(p->conn);
	if (cancels)
		request_cancel(r);
}

void serve_retire(struct serve *p)
{
	struct postern_conn *c = p->conn;

	if (p->machine.open || p->awaited || c->kept || c->state != POSTERN_STATE_CONNECTED ||
	    link_arrived(c->object.fd) > 0)
		return;
	list_remove(&p->node);
	list_append(&p->service->retired, &p->node);
	postern_conn_close(c);
}

/* It was not the peer's fault. Those that are told whenever a process is short of something, accept.c has. */
static void serve_lost(struct postern_service *s, const struct postern_conn *c,
		       const struct postern_reason *reason)
{
	struct why why;

	why_set(&why, reason->code, reason->error, "%s: a connection (uid %u, pid %d) was lost: %s",
		s->server->name.text, (unsigned)c->peer.uid, (int)c->peer.pid, reason->text);
	service_tell(s, &why.reason);
}

static void serve_blame(struct postern_service *s, const struct postern_conn *c,
			const struct postern_reason *why)
{
	char text[100];

	if (why->error != -EMSGSIZE) {
		service_blame(s, &c->peer, why->text);
		return;
	}
	/* With fewer for one that is to be told Busy. */
	snprintf(text, sizeof(text), "its call is longer than %zu bytes (message_max)",
		 (size_t)c->limits->keep_max - FRAME_HEAD);
	service_blame(s, &c->peer, text);
}

static void serve_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct serve *p = data;
	struct postern_service *s = p->service;
	struct postern_request *r = p->request;

	if (s->statistics)
		statistics_conn_ended(s->statistics, c);
	list_remove(&p->busy);
	list_remove(&p->quiet);
	list_remove(&p->node);
	list_append(&s->ended, &p->node);
	if (r && serving_leave(&p->machine))
		request_cancel(r);
	else if (r)
		request_close(r); /* oneway: it goes on without a connection */
	if (!s->freed && why->code == POSTERN_REASON_VIOLATION)
		serve_blame(s, c, why);
	else if (!s->freed && why->code == POSTERN_REASON_NO_RESOURCES)
		serve_lost(s, c, why);
	if (!s->freed)
		service_look_again(s);
}

const struct postern_conn_events serve_events = {
	.size = sizeof(serve_events),
	.frame = serve_frame,
	.drained = serve_drained,
	.closed = serve_closed,
};
