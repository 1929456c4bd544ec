/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upgrade.c - a connection stops being Varlink's, at the service's end
 *
 *   a call with the flag -> its handler -> an error: nothing has happened, the next call may come
 *                                       -> postern_request_upgrade(): the confirming answer is queued, and the connection
 *                                          is handed over as it is, a plain one of the program's
 *
 * Nothing is read past the call's NUL for the new protocol: what had come with it stays where inbox.c keeps it, and is the
 * first thing that the new events get. The queue is the same, so the answer goes out before whatever is written next.
 *
 * It stays a connection of the server: it counts against the limits of its peer's user, and its bytes are charged, until
 * it ends or is detached. Draining waits for it as for an open call, and the free of the service ends it.
 */
#include <errno.h>

#include "service/service.h"

static void upgrade_released(struct postern_conn *c)
{
	struct postern_service *s = postern_server_data(postern_conn_server(c));

	s->counters.upgraded--;
	if (!s->freed && loop_check(s->object.loop) == 0)
		service_look_again(s);
}

static const struct conn_consumer upgrade_consumer = { .released = upgrade_released };

/* Those of the service's options, without a framing. Made once: most services have no use for them. */
static int upgrade_limits(struct postern_service *s)
{
	struct conn_limits *limits;

	if (s->upgraded_limits)
		return 0;
	limits = conn_limits_copy(s->server->limits);
	if (!limits)
		return -ENOMEM;
	limits->consumer = &upgrade_consumer;
	limits->framing = 0;
	limits->keep_max = s->unread;
	s->upgraded_limits = limits;
	return 0;
}

static void upgrade_hand_over(struct serve *p, const struct postern_conn_events *events, void *data)
{
	struct postern_service *s = p->service;
	struct postern_conn *c = p->conn;

	conn_hand_over(c, conn_limits_ref(s->upgraded_limits), events, data);
	s->counters.upgraded++;
	if (s->statistics)
		statistics_conn_ended(s->statistics, c);
	/* Frames further up the stack may still use it. */
	list_remove(&p->quiet);
	list_remove(&p->node);
	list_append(&s->ended, &p->node);
	service_look_again(s);
}

static int upgrade_check(struct postern_conn **ret, const struct postern_request *r,
			 const struct postern_conn_events *events)
{
	if (!ret || !r)
		return why_argument("postern_request_upgrade", "ret or r is NULL");
	return conn_events_check(events);
}

static int upgrade(struct postern_conn **ret, struct postern_request *r, struct answer *a,
		   int error, const struct postern_conn_events *events, void *data)
{
	struct serve *p = r->serve;

	if (error == 0 && p)
		error = upgrade_limits(p->service);
	if (error == -ENOMEM)
		why_call("postern_request_upgrade", error);
	error = request_answer_pushed(r, a, error);
	/* Without a connection it is -ESTALE. */
	if (error < 0 || !p)
		return error;
	*ret = p->conn;
	upgrade_hand_over(p, events, data);
	return 0;
}

int postern_request_upgrade(struct postern_conn **ret, struct postern_request *r,
			    const struct postern_type *type, const void *value,
			    const struct postern_conn_events *events, void *data)
{
	struct answer a = { .how = SERVING_UPGRADES };
	int error = upgrade_check(ret, r, events);

	if (!r)
		return error;
	if (error == 0)
		error = answer_output(&a, r->method, type, value);
	return upgrade(ret, r, &a, error, events, data);
}

int postern_request_upgrade_json(struct postern_conn **ret, struct postern_request *r,
				 const char *parameters, size_t n,
				 const struct postern_conn_events *events, void *data)
{
	struct answer a = { .how = SERVING_UPGRADES };
	int error = upgrade_check(ret, r, events);

	if (!r)
		return error;
	if (error == 0)
		error = answer_object(&a, r->name, parameters, n);
	return upgrade(ret, r, &a, error, events, data);
}
