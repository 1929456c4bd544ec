/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.c - a service: its server, its interfaces, its end; the overview is in service.h
 *
 *   SERVES   a server listens, and connections come and go
 *     |      drain: the name is given up; open calls are answered, new ones get io.postern.Draining; a connection is
 *     |      closed when nothing is open on it and nothing has arrived
 *   DRAINS   at the deadline what is open is cancelled, and of what has arrived oneway calls still run, for a second at most.
 *     |      Without connections, or then, the server is drained too
 *     |
 *   CLOSED   the server's final event is the service's
 *
 * The task and the timer do what none of the events may do where it is called: they free connections that have
 * ended, close those of the reserve that say nothing, go on draining, and end a service that has been idle.
 * They call back for what a drain cancels at its deadline, for requests that topics have done with (left), and for an
 * error of descriptors that were lost.
 */
#include <errno.h>
#include <string.h>

#include "base/base.h"
#include "core/frame.h"
#include "service/service.h"

static const struct object_ops service_ops;

/* ---- interfaces ---- */

const struct provided *service_find(const struct postern_service *s, const char *name, size_t n)
{
	for (const struct list *l = s->provided.next; l != &s->provided; l = l->next) {
		const struct provided *p = container_of(l, struct provided, node);

		if (strlen(p->interface->name) == n && !memcmp(p->interface->name, name, n))
			return p;
	}
	return NULL;
}

/* The library's? */
static bool service_is_own(const struct provided *p)
{
	return p->interface == &builtin_service || p->interface == &builtin_postern ||
	       p->interface == &statistics_interface || p->interface == &trace_interface;
}

static void service_offer(struct postern_service *s, struct provided *p,
			  const struct postern_interface *interface, const void *handlers,
			  void *data)
{
	*p = (struct provided){ .interface = interface, .handlers = handlers, .data = data };
	list_append(&s->provided, &p->node);
}

static int service_check(const struct postern_service *s)
{
	int r;

	if (!s)
		return -EINVAL;
	r = loop_check(s->object.loop);
	if (r < 0)
		return r;
	return s->server && s->server->state != SERVER_CLOSED ? 0 : -ESTALE;
}

static bool service_is_sized(const struct postern_type *type)
{
	return !type || type->kind != POSTERN_TYPE_STRUCT ||
	       (type->size <= POSTERN_STRUCT_MAX && (type->size > 0 || type->n == 0));
}

static bool service_has_sizes(const struct postern_interface *i)
{
	for (uint32_t m = 0; m < i->n_methods; m++)
		if (!service_is_sized(i->methods[m]->in) || !service_is_sized(i->methods[m]->out))
			return false;
	for (uint32_t e = 0; i->errors && e < i->n_errors; e++)
		if (!service_is_sized(i->errors[e]->type))
			return false;
	return true;
}

/* Its name is that of the interface, a dot, and one without dots: a call is looked for by its last dot. */
static bool service_is_method(const struct postern_interface *i, const struct postern_method *m)
{
	size_t n = strlen(i->name);

	return m && m->name && m->handle && !strncmp(m->name, i->name, n) && m->name[n] == '.' &&
	       m->name[n + 1] && !strchr(m->name + n + 1, '.');
}

static bool service_has_members(const struct postern_interface *i)
{
	if (!i->name || !i->description || (i->n_methods > 0 && !i->methods))
		return false;
	for (uint32_t m = 0; m < i->n_methods; m++)
		if (!service_is_method(i, i->methods[m]))
			return false;
	for (uint32_t e = 0; i->errors && e < i->n_errors; e++)
		if (!i->errors[e])
			return false;
	return true;
}

static bool service_type_has_more(const struct postern_type *type)
{
	return type && (type->reserved || type->more);
}

/* What a later version says there would be ignored. */
static bool service_has_more(const struct postern_interface *i)
{
	bool has = i->reserved || i->more[0] || i->more[1];

	for (uint32_t m = 0; m < i->n_methods; m++) {
		const struct postern_method *method = i->methods[m];

		has |= method->more[0] || method->more[1] || service_type_has_more(method->in) ||
		       service_type_has_more(method->out);
	}
	for (uint32_t e = 0; i->errors && e < i->n_errors; e++)
		has |= i->errors[e]->more[0] || i->errors[e]->more[1] ||
		       service_type_has_more(i->errors[e]->type);
	return has;
}

/* Tables that another version has written, or somebody by hand. */
static int service_check_interface(const struct postern_interface *i)
{
	static const char call[] = "postern_service_provide";

	if (!i)
		return why_argument(call, "interface is NULL");
	if (i->version < 1 || i->version > POSTERN_INTERFACE_VERSION)
		return why_argument(call,
				    "interface was written for a later version of libpostern");
	if (!service_has_members(i))
		return why_argument(call, "interface is not what postern generate writes");
	if (service_has_more(i))
		return why_argument(call, "interface has something in .reserved or .more");
	if (!service_has_sizes(i))
		return why_argument(call, "a struct of interface has no size, or more than 1 MiB");
	return 0;
}

int postern_service_provide(struct postern_service *s, const struct postern_interface *interface,
			    const void *handlers, void *data)
{
	const struct provided *there;
	struct provided *p;
	int r = service_check(s);

	if (r < 0)
		return why_call("postern_service_provide", r);
	r = service_check_interface(interface);
	if (r < 0)
		return r;
	there = service_find(s, interface->name, strlen(interface->name));
	if (there && service_is_own(there))
		return why_set(why_last(), POSTERN_REASON_FAILED, -EINVAL,
			       "%s is answered by the library itself", interface->name);
	if (there)
		return why_set(why_last(), POSTERN_REASON_FAILED, -EEXIST,
			       "the service offers %s already", interface->name);
	p = sys_alloc(sizeof(*p));
	if (!p)
		return why_call("postern_service_provide", -ENOMEM);
	passed_admit(s, interface);
	service_offer(s, p, interface, handlers, data);
	return 0;
}

/* ---- what others tell ---- */

void service_look_again(struct postern_service *s)
{
	object_task(&s->object);
}

void service_tell(struct postern_service *s, const struct postern_reason *why)
{
	loop_calls(s->object.loop, "service error");
	if (service_event(s, error))
		service_event(s, error)(s, why, s->data);
}

void service_blame(struct postern_service *s, const struct postern_peer *peer, const char *what)
{
	struct why why;

	s->counters.violations++;
	why_set(&why, POSTERN_REASON_VIOLATION, -EBADMSG,
		"%s: a peer (uid %u, pid %d) broke the protocol: %s", s->server->name.text,
		(unsigned)peer->uid, (int)peer->pid, what);
	service_tell(s, &why.reason);
}

static void service_server_error(struct postern_server *server, const struct postern_reason *why,
				 void *data)
{
	struct postern_service *s = data;

	if (why->code == POSTERN_REASON_NAME_RESTORED)
		tag_listener(server);
	service_tell(s, why);
}

/* Requests that are kept go on alone: they may be freed on any thread from here on. */
static void service_let_go(struct postern_service *s)
{
	struct list *next;

	request_tell_left(s);
	for (struct list *l = s->requests.next; l != &s->requests; l = next) {
		struct postern_request *r = container_of(l, struct postern_request, node);

		next = l->next;
		if (!r->handling)
			request_orphan(r);
	}
}

static void service_server_closed(struct postern_server *server, const struct postern_reason *why,
				  void *data)
{
	static const struct postern_reason idle = {
		.code = POSTERN_REASON_IDLE,
		.text = "nobody was connected for exit_idle_ns",
	};
	struct postern_service *s = data;
	bool orphaned = why->code == POSTERN_REASON_CANCELLED;

	(void)server;
	s->drain_at_ns = s->idle_at_ns = POSTERN_FOREVER;
	loop_calls(s->object.loop, "service closed");
	if (service_event(s, closed))
		service_event(s, closed)(s, s->idled ? &idle : why, s->data);
	if (orphaned)
		service_let_go(s);
}

static const struct postern_server_events service_server_events = {
	.size = sizeof(service_server_events),
	.conn = &serve_events,
	.accepted = serve_accepted,
	.error = service_server_error,
	.closed = service_server_closed,
};

/* ---- the task and the timer ---- */

static void service_free_ended(struct postern_service *s)
{
	while (!list_is_empty(&s->ended)) {
		struct serve *p = container_of(s->ended.next, struct serve, node);

		list_remove(&p->node);
		sys_free(p);
	}
}

/* Those of the reserve that have not called in time, or call all the time. The oldest is the first. */
static void service_turn_out(struct postern_service *s, int64_t now)
{
	while (!list_is_empty(&s->busy)) {
		struct serve *p = container_of(s->busy.next, struct serve, busy);

		if (p->until_ns > now)
			return;
		list_remove(&p->busy);
		if (p->machine.over)
			postern_conn_close(p->conn);
		else
			postern_conn_abort(p->conn);
	}
}

/* Nobody is connected, with or without a message. */
static bool service_is_alone(const struct postern_service *s)
{
	return list_is_empty(&s->serves) && list_is_empty(&s->retired) && s->counters.upgraded == 0;
}

/* And nobody waits to be accepted. */
static bool service_is_empty(const struct postern_service *s)
{
	return service_is_alone(s) && !s->server->retiring && s->server->old_listener < 0;
}

static void service_look_at_all(struct postern_service *s)
{
	for (struct list *l = s->serves.next; l != &s->serves; l = l->next)
		serve_look(container_of(l, struct serve, node));
}

/* The deadline of the drain. */
static void service_is_late(struct postern_service *s, int64_t now)
{
	s->late = true;
	s->drain_at_ns = time_after(now, SERVICE_LAST);
	service_look_at_all(s);
}

/* Each connection that has become quiet since, once. false: a callback has ended the service. */
static bool service_retire(struct postern_service *s)
{
	while (!list_is_empty(&s->quiet)) {
		struct serve *p = container_of(s->quiet.next, struct serve, quiet);

		list_remove(&p->quiet);
		/* Again and again, if oneway calls are kept. */
		if (s->late && (!p->machine.left || p->machine.open))
			serve_leave(p);
		if (service_check(s) < 0)
			return false;
		if (conn_goes_on(p->conn))
			serve_retire(p);
	}
	return true;
}

static void service_drain_on(struct postern_service *s, int64_t now)
{
	bool over = s->late && s->drain_at_ns <= now;

	if (!over && s->drain_at_ns <= now)
		service_is_late(s, now);
	if (s->late && !service_retire(s))
		return;
	/* What closes, or is upgraded, is not waited for. */
	over |= s->late && list_is_empty(&s->serves);
	if (!over && !service_is_empty(s))
		return;
	s->drain_at_ns = POSTERN_FOREVER;
	s->draining = false;
	/* Each connection that is left has one turn to send what is queued. */
	postern_server_drain(s->server, over ? 1 : SERVICE_DRAIN);
}

static void service_check_idle(struct postern_service *s, int64_t now)
{
	bool may = s->exit_idle_ns != POSTERN_FOREVER && s->server->name.kind == NAME_FD &&
		   s->server->state == SERVER_LISTENING && service_is_alone(s) &&
		   list_is_empty(&s->requests);

	if (!may) {
		s->idle_at_ns = POSTERN_FOREVER;
	} else if (s->idle_at_ns == POSTERN_FOREVER) {
		s->idle_at_ns = time_after(now, s->exit_idle_ns);
	} else if (s->idle_at_ns <= now) {
		s->idled = true;
		s->idle_at_ns = POSTERN_FOREVER;
		postern_server_drain(s->server, SERVICE_DRAIN);
	}
}

static void service_arm(struct postern_service *s)
{
	int64_t at = s->drain_at_ns < s->idle_at_ns ? s->drain_at_ns : s->idle_at_ns;

	if (!list_is_empty(&s->busy)) {
		const struct serve *p = container_of(s->busy.next, struct serve, busy);

		if (p->until_ns < at)
			at = p->until_ns;
	}
	object_timer(&s->object, at);
}

static void service_run(struct object *o)
{
	struct postern_service *s = container_of(o, struct postern_service, object);
	int64_t now = loop_now(o->loop);

	service_free_ended(s);
	request_tell_left(s);
	if (service_check(s) < 0)
		return;
	passed_tell(s);
	if (service_check(s) < 0)
		return;
	service_turn_out(s, now);
	if (!service_retire(s))
		return;
	if (s->draining)
		service_drain_on(s, now);
	if (service_check(s) < 0)
		return;
	service_check_idle(s, now);
	service_arm(s);
}

/* ---- making ---- */

/* Options of the server, with those of its connections in ret_conn. */
static int service_server_options(const struct postern_service *s,
				  const struct postern_service_options *o,
				  struct postern_server_options *ret,
				  struct postern_conn_options *ret_conn, uint32_t *ret_unread)
{
	int r = struct_import("postern_server_options", ret, sizeof(*ret), o->server);

	if (r == 0)
		r = conn_options_import(ret_conn, ret->conn);
	if (r != 0)
		return r;
	if (ret_conn->framing)
		return why_field("postern_conn_options", "framing",
				 "is not 0, and a service has one of its own");
	/* A queue counts in 32 bits, and has one answer beyond its mark. */
	if (ret_conn->high_water > INT32_MAX)
		return why_field("postern_conn_options", "high_water",
				 "is 2 GiB or more, which a service cannot have");
	if (ret_conn->high_water <= s->message_max)
		ret_conn->high_water = s->message_max + 1;
	*ret_unread = ret_conn->unread;
	ret_conn->framing = POSTERN_FRAMING_NUL;
	ret_conn->frame_max = s->message_max;
	ret_conn->size = sizeof(*ret_conn);
	ret->size = sizeof(*ret);
	ret->conn = ret_conn;
	return 0;
}

static int service_watch(struct postern_service *s, uint64_t flags)
{
	int r = 0;

	if (flags & POSTERN_SERVICE_STATISTICS)
		r = statistics_new(&s->statistics);
	if (r == 0 && flags & POSTERN_SERVICE_TRACE)
		r = trace_new(&s->trace);
	if (s->statistics)
		service_offer(s, &s->own[2], &statistics_interface, &statistics_methods, s);
	if (s->trace)
		service_offer(s, &s->own[3], &trace_interface, &trace_methods, s);
	return r;
}

static int service_set_options(struct postern_service *s, const struct postern_service_options *o)
{
	static const char what[] = "postern_service_options";
	const char *texts[] = { o->vendor, o->product, o->version, o->url };
	int r = 0;

	if (o->message_max > MESSAGE_SIZE_MAX)
		return why_field(what, "message_max", "is above 256 MiB");
	if (o->reserved)
		return why_field(what, "reserved", "is not 0");
	if (o->flags & ~(uint64_t)(POSTERN_SERVICE_STATISTICS | POSTERN_SERVICE_TRACE))
		return why_field(what, "flags", "has bits that are no POSTERN_SERVICE_...");
	if (o->exit_idle_ns < 0)
		return why_field(what, "exit_idle_ns", "is negative");
	s->message_max = o->message_max ? o->message_max : MESSAGE_SIZE;
	s->exit_idle_ns = o->exit_idle_ns ? o->exit_idle_ns : POSTERN_FOREVER;
	for (int i = 0; i < 4 && r == 0; i++) {
		s->texts[i] = text_copy(texts[i] ? texts[i] : "");
		r = s->texts[i] ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = service_watch(s, o->flags);
	return r < 0 ? why_call("postern_service_new", r) : 0;
}

/* A limit of the server, with the reserve. */
static uint32_t service_with_reserve(uint32_t limit)
{
	return limit < UINT32_MAX - SERVICE_RESERVE ? limit + SERVICE_RESERVE : limit;
}

/* What the server does not know: who has left, and the reserve beyond its limits. */
static int service_take_over(struct postern_service *s)
{
	struct postern_server *server = s->server;
	struct conn_limits *busy;
	int r = server_consume(server, &serve_consumer);

	if (r < 0)
		return r;
	busy = conn_limits_copy(server->limits);
	if (!busy)
		return -ENOMEM;
	busy->keep_max = SERVICE_BUSY_TEXT + FRAME_HEAD;
	if (busy->keep_max > server->limits->keep_max)
		busy->keep_max = server->limits->keep_max;
	busy->message_ns = SERVICE_BUSY_TIME;
	if (busy->drain_ns > SERVICE_BUSY_TIME)
		busy->drain_ns = SERVICE_BUSY_TIME;
	s->busy_limits = busy;
	s->connections_max = server->connections_max;
	s->per_uid_max = server->per_uid_max;
	server->connections_max = service_with_reserve(s->connections_max);
	server->per_uid_max = service_with_reserve(s->per_uid_max);
	return 0;
}

static int service_init(struct postern_service *s, const char *name,
			const struct postern_service_options *options)
{
	struct postern_service_options o;
	struct postern_server_options server;
	struct postern_conn_options conn;
	char passed[ACTIVATION_NAME];
	int r = struct_import("postern_service_options", &o, sizeof(o), options);

	if (r == 0)
		r = service_set_options(s, &o);
	if (r == 0)
		r = service_server_options(s, &o, &server, &conn, &s->unread);
	if (r == 0)
		r = activation_name(name, passed, why_last());
	if (r > 0)
		name = passed;
	if (r >= 0)
		r = server_new(&s->server, s->object.loop, name, &server, "varlink",
			       &service_server_events, s);
	if (r < 0)
		return r;
	r = service_take_over(s);
	if (r == 0)
		r = post_box_get(s->object.loop, &s->box);
	if (r < 0)
		return why_call("postern_service_new", r);
	tag_listener(s->server);
	service_look_again(s);
	return 0;
}

static void service_init_lists(struct postern_service *s)
{
	list_init(&s->provided);
	list_init(&s->serves);
	list_init(&s->busy);
	list_init(&s->requests);
	list_init(&s->topics);
	list_init(&s->left);
	list_init(&s->retired);
	list_init(&s->quiet);
	list_init(&s->ended);
	list_init(&s->pool);
	service_offer(s, &s->own[0], &builtin_service, &builtin_methods, s);
	service_offer(s, &s->own[1], &builtin_postern, NULL, s);
}

int postern_service_new(struct postern_service **ret, struct postern_loop *loop, const char *name,
			const struct postern_service_options *options,
			const struct postern_service_events *events, void *data)
{
	struct postern_service *s;
	int r;

	if (!ret || !loop || !name)
		return why_argument("postern_service_new", "ret, loop or name is NULL");
	r = events ? struct_events("postern_service_events", events, SERVICE_EVENTS_FIRST,
				   sizeof(*events))
		   : 0;
	if (r < 0)
		return r;
	r = loop_check(loop);
	if (r < 0)
		return why_call("postern_service_new", r);
	s = sys_alloc(sizeof(*s));
	if (!s)
		return why_call("postern_service_new", -ENOMEM);
	r = object_init(&s->object, &service_ops, loop);
	if (r < 0) {
		sys_free(s);
		return why_call("postern_service_new", r);
	}
	s->events = events;
	s->data = data;
	s->idle_at_ns = s->drain_at_ns = POSTERN_FOREVER;
	service_init_lists(s);
	r = service_init(s, name, options);
	if (r < 0) {
		postern_service_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* ---- ending ---- */

static void service_let_topics_go(struct postern_service *s)
{
	while (!list_is_empty(&s->topics))
		topic_orphan(container_of(s->topics.next, struct postern_topic, node));
}

/* What a handler that never returned has left, or a child process has copied, is here too. */
static void service_bury_requests(struct postern_service *s)
{
	list_splice(&s->requests, &s->left);
	while (!list_is_empty(&s->requests)) {
		struct postern_request *r =
			container_of(s->requests.next, struct postern_request, node);

		r->handling = false;
		request_orphan(r);
	}
	while (!list_is_empty(&s->pool)) {
		struct postern_request *r =
			container_of(s->pool.next, struct postern_request, node);

		list_remove(&r->node);
		sys_free(r);
	}
}

static void service_bury(struct object *o)
{
	struct postern_service *s = container_of(o, struct postern_service, object);

	s->freed = true;
	trace_free(s->trace);
	service_let_topics_go(s);
	service_bury_requests(s);
	list_splice(&s->ended, &s->serves);
	list_splice(&s->ended, &s->retired);
	service_free_ended(s);
	while (!list_is_empty(&s->provided)) {
		struct provided *p = container_of(s->provided.next, struct provided, node);

		list_remove(&p->node);
		if (!service_is_own(p))
			sys_free(p);
	}
	for (int i = 0; i < 4; i++)
		sys_free(s->texts[i]);
	sys_free(s->scratch.bytes);
	sys_free(s->statistics);
	conn_limits_unref(s->busy_limits);
	conn_limits_unref(s->upgraded_limits);
	post_box_unref(s->box);
	sys_free(s);
}

static const struct object_ops service_ops = {
	.fire = service_run,
	.run = service_run,
	.bury = service_bury,
};

struct postern_service *postern_service_free(struct postern_service *s)
{
	struct postern_loop *loop;

	if (!s || s->freed)
		return NULL;
	loop = s->object.loop;
	s->freed = true;
	if (loop)
		loop_hold(loop);
	s->server = postern_server_free(s->server);
	service_let_topics_go(s);
	service_let_go(s);
	object_end(&s->object);
	if (loop)
		loop_release(loop);
	return NULL;
}

/* ---- public calls ---- */

/* One that was freed goes with its last subscriber. */
static void service_drain_topics(struct postern_service *s)
{
	struct list *next;

	for (struct list *l = s->topics.next; l != &s->topics; l = next) {
		next = l->next;
		topic_drain(container_of(l, struct postern_topic, node));
	}
}

int postern_service_drain(struct postern_service *s, int64_t deadline_ns)
{
	int r = service_check(s);

	if (deadline_ns < 0)
		return -EINVAL;
	if (r == 0)
		r = postern_server_stop(s->server);
	if (r < 0)
		return r;
	s->draining = true;
	s->drain_at_ns = loop_after(s->object.loop, deadline_ns ? deadline_ns : SERVICE_DRAIN);
	for (struct list *l = s->serves.next; l != &s->serves; l = l->next) {
		struct serve *p = container_of(l, struct serve, node);

		if (p->machine.refuses == SERVING_RUNS)
			p->machine.refuses = SERVING_DRAINS;
	}
	service_drain_topics(s);
	if (s->trace)
		trace_drain(s->trace);
	service_look_at_all(s);
	service_look_again(s);
	return 0;
}

const struct postern_server *postern_service_server(const struct postern_service *s)
{
	return s ? s->server : NULL;
}

void *postern_service_data(const struct postern_service *s)
{
	return s ? s->data : NULL;
}

int postern_service_get_counters(const struct postern_service *s,
				 struct postern_service_counters *ret, size_t size)
{
	if (!s || !ret)
		return -EINVAL;
	struct_export(ret, size, &s->counters, sizeof(s->counters));
	return 0;
}
