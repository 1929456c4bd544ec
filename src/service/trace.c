/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.c - io.postern.Trace: the messages of a service as they pass, for somebody who watches
 *
 *   serve.c, a call      --+
 *   answer.c, an answer  --+--> one continuing answer for each tracer: a kept request of this service
 *   topic.c, a piece     --+
 *
 * A tracer is a peer like others, with the budget of its user. It may not slow the service down or make it hold more: when its
 * queue is at its mark a message is not encoded but counted, and the next one that is sent says how many are missing. What goes
 * to tracers is not traced: each message would make another one.
 *
 * Messages hold what other users have sent. Root and the service's own uid could read it from its memory; nobody else may.
 */
#include <errno.h>

#include "service/service.h"

enum { TRACE_TEXT = 64 * 1024 }; /* of a longer message only its size is told */

static const char trace_text[] =
	"# The messages of a service, as they pass. Only root and the uid that the service runs as may ask.\n"
	"interface io.postern.Trace\n"
	"\n"
	"type Kind (call, answer)\n"
	"\n"
	"# atNs: CLOCK_MONOTONIC. connection: each has a number of its own. pid: of the peer when it connected. size: of the message,\n"
	"# in bytes. message: left out if it has more than 65,536. dropped: messages before this one that are not told, because the\n"
	"# reader was too slow, or there was no memory for them.\n"
	"# [Requires 'more' flag]\n"
	"method Messages() -> (\n"
	"  atNs: int,\n"
	"  kind: Kind,\n"
	"  connection: int,\n"
	"  uid: int,\n"
	"  pid: int,\n"
	"  size: int,\n"
	"  message: ?object,\n"
	"  dropped: int\n"
	")\n";

struct tracer {
	struct list node;
	struct postern_request *request; /* kept */
	int64_t dropped;                 /* since the last message that was told */
};

struct trace {
	struct list tracers;
	/* Beside that of the service, which holds an answer while it is traced. */
	struct scratch scratch;
};

int trace_new(struct trace **ret)
{
	struct trace *t = sys_alloc(sizeof(*t));

	if (!t)
		return -ENOMEM;
	list_init(&t->tracers);
	*ret = t;
	return 0;
}

static void trace_remove(struct tracer *t)
{
	struct postern_request *r = t->request;

	list_remove(&t->node);
	sys_free(t);
	postern_request_free(r);
}

void trace_free(struct trace *t)
{
	if (!t)
		return;
	while (!list_is_empty(&t->tracers))
		trace_remove(container_of(t->tracers.next, struct tracer, node));
	sys_free(t->scratch.bytes);
	sys_free(t);
}

void trace_drain(struct trace *t)
{
	while (!list_is_empty(&t->tracers)) {
		struct tracer *one = container_of(t->tracers.next, struct tracer, node);

		request_refuse(one->request, ERROR_DRAINING, NULL, NULL);
		trace_remove(one);
	}
}

static void trace_cancelled(struct postern_request *r, void *data)
{
	(void)r;
	trace_remove(data);
}

static const struct postern_request_events trace_events = {
	.size = sizeof(trace_events),
	.cancelled = trace_cancelled,
};

/* ---- telling ---- */

struct trace_message {
	const struct serve *from;
	const char *kind;
	struct postern_json text;
	int64_t at_ns, dropped;
};

static void trace_number(struct postern_json_writer *w, const char *name, int64_t value)
{
	postern_json_write_name(w, name);
	postern_json_write_int(w, value);
}

static int trace_write(struct postern_json_writer *w, const struct answer *a,
		       struct shape_fault *ret_fault)
{
	const struct trace_message *m = a->value;
	const struct postern_peer *peer = &m->from->conn->peer;

	(void)ret_fault;
	postern_json_write_object(w);
	trace_number(w, "atNs", m->at_ns);
	postern_json_write_name(w, "kind");
	postern_json_write_text(w, m->kind);
	trace_number(w, "connection", (int64_t)m->from->number);
	trace_number(w, "uid", peer->uid);
	trace_number(w, "pid", peer->pid);
	trace_number(w, "size", (int64_t)m->text.n);
	if (m->text.n <= TRACE_TEXT) {
		postern_json_write_name(w, "message");
		postern_json_write_raw(w, m->text);
	}
	trace_number(w, "dropped", m->dropped);
	postern_json_write_end(w);
	return 0;
}

static void trace_tell(struct trace *trace, struct tracer *t, struct trace_message *m)
{
	struct postern_service *s = m->from->service;
	struct answer a = { .how = SERVING_CONTINUES, .write = trace_write, .value = m };
	struct scratch of_service = s->scratch;

	if (!conn_has_room(t->request->serve->conn)) {
		t->dropped++;
		return;
	}
	m->dropped = t->dropped;
	s->scratch = trace->scratch;
	t->dropped = request_answer(t->request, &a) < 0 ? t->dropped + 1 : 0;
	trace->scratch = s->scratch;
	s->scratch = of_service;
}

static void trace_pass(struct serve *p, const char *kind, const char *text, size_t n)
{
	struct trace *trace = p->service->trace;
	struct trace_message m = {
		.from = p, .kind = kind, .text = { text, n }, .at_ns = sys_now()
	};
	struct list *next;

	if (p->request && p->request->events == &trace_events)
		return;
	for (struct list *l = trace->tracers.next; l != &trace->tracers; l = next) {
		next = l->next;
		trace_tell(trace, container_of(l, struct tracer, node), &m);
	}
}

void trace_message(struct serve *p, const char *kind, const char *text, size_t n)
{
	if (p->service->trace && !list_is_empty(&p->service->trace->tracers))
		trace_pass(p, kind, text, n);
}

/* ---- as it is generated, with the service as data ---- */

static void trace_begin(struct postern_request *r, struct postern_service *s)
{
	struct tracer *t;

	if (r->peer.uid != 0 && r->peer.uid != sys_geteuid()) {
		request_refuse(r, ERROR_PERMISSION_DENIED, NULL, NULL);
		return;
	}
	t = sys_alloc(sizeof(*t));
	if (!t) {
		request_refuse_busy(r);
		return;
	}
	t->request = postern_request_keep(r);
	r->events = &trace_events;
	r->data = t;
	list_append(&s->trace->tracers, &t->node);
}

const struct builtin_method trace_methods = { trace_begin };

static const struct postern_method trace_messages_method = {
	.name = "io.postern.Trace.Messages",
	.in = &builtin_nothing,
	.flags = POSTERN_METHOD_MORE | POSTERN_METHOD_NEEDS_MORE,
	.handle = builtin_handle,
};
static const struct postern_method *const trace_table[] = { &trace_messages_method };

const struct postern_interface trace_interface = {
	.version = POSTERN_INTERFACE_VERSION,
	.n_methods = 1,
	.name = "io.postern.Trace",
	.description = trace_text,
	.methods = trace_table,
};
