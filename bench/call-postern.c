/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls over Postern: a service and callers, with code that is generated from org.example.bench.varlink. A call carries
 * a number and a text as typed parameters in JSON: both ends check, decode and encode it, with its envelope around. The
 * calls of others carry the text alone.
 */
#include "bench.h"
#include "org.example.bench.h"

#include <errno.h>
#include <postern.h>
#include <stdlib.h>

struct peer_link {
	struct peer *peer;
	struct postern_caller *caller;
	size_t i;
};

struct peer {
	struct bench *bench;
	struct postern_loop *loop;
	struct postern_service *service;
	struct peer_link *links;
	char *text;
};

const char *const peer_name = "postern";

const char *peer_version(void)
{
	return postern_version();
}

static void peer_echo(struct postern_request *r, const struct bench_Echo_in *in, void *data)
{
	struct peer *p = data;

	if (bench_reply_Echo(r, &(struct bench_Echo_out){ .id = in->id, .text = in->text }) < 0)
		bench_die(postern_why()->text, 0);
	bench_receive(p->bench, in->text, strlen(in->text));
	if (p->bench->end.wall_ns)
		postern_service_drain(p->service, 0);
}

static void peer_closed(struct postern_service *s, const struct postern_reason *why, void *data)
{
	(void)s, (void)why;
	postern_loop_stop(((struct peer *)data)->loop);
}

static void peer_pump(struct bench *b, size_t i);

static void peer_answered(struct postern_call *call, const struct postern_answer *answer,
			  const struct bench_Echo_out *out, void *data)
{
	struct peer_link *l = data;

	(void)call;
	/* A caller that is freed within its answer cancels nothing else: there was one. */
	if (!out && answer->end != POSTERN_END_CANCELLED)
		bench_die(answer->error ? answer->error : answer->why->text, 0);
	if (out && bench_in(l->peer->bench, l->i, out->text, strlen(out->text)))
		peer_pump(l->peer->bench, l->i);
}

static void peer_pump(struct bench *b, size_t i)
{
	struct peer *p = b->peer;
	struct peer_link *l = &p->links[i];
	struct bench_Echo_in in = { .text = p->text };

	while (bench_out(b, i, p->text, b->size)) {
		in.id = (int64_t)b->claimed;
		if (bench_Echo_call(NULL, l->caller, &in, POSTERN_SECONDS(60), peer_answered, l) <
		    0)
			bench_die(postern_why()->text, 0);
	}
}

static void peer_open(struct bench *b, size_t i)
{
	struct peer *p = b->peer;
	struct peer_link *l = &p->links[i];

	*l = (struct peer_link){ .peer = p, .i = i };
	if (postern_caller_new(&l->caller, p->loop, b->path, NULL) < 0)
		bench_die(postern_why()->text, 0);
	peer_pump(b, i);
}

static void peer_close(struct bench *b, size_t i)
{
	postern_caller_free(((struct peer *)b->peer)->links[i].caller);
}

static void peer_stop(struct bench *b)
{
	postern_loop_stop(((struct peer *)b->peer)->loop);
}

static void peer_serve(struct peer *p)
{
	static const struct postern_service_events events = { .size = sizeof(events),
							      .closed = peer_closed };
	static const struct bench_methods methods = { .Echo = peer_echo };
	uint32_t n = (uint32_t)p->bench->connections + BENCH_BACKLOG;
	struct postern_server_options server = { .size = sizeof(server),
						 .connections = n,
						 .connections_per_uid = n };
	struct postern_service_options options = { .size = sizeof(options), .server = &server };

	if (postern_service_new(&p->service, p->loop, p->bench->path, &options, &events, p) < 0 ||
	    bench_provide(p->service, &methods, p) < 0)
		bench_die(postern_why()->text, 0);
	bench_ready(p->bench);
}

void peer_run(struct bench *b)
{
	static const struct bench_ops ops = {
		.open = peer_open, .pump = peer_pump, .close = peer_close, .stop = peer_stop
	};
	struct peer *p = calloc(1, sizeof(*p));
	int r;

	b->text = true;
	if (!p || !(p->links = calloc(b->connections, sizeof(*p->links))) ||
	    !(p->text = calloc(1, b->size + 1)))
		bench_die("calloc", ENOMEM);
	p->bench = b;
	b->peer = p;
	b->ops = &ops;
	r = postern_loop_new(&p->loop);
	if (r < 0)
		bench_die("postern_loop_new", -r);
	if (b->server)
		peer_serve(p);
	else
		bench_open(b);
	r = postern_loop_run(p->loop);
	if (r < 0)
		bench_die("postern_loop_run", -r);
	for (size_t i = 0; i < b->connections && !b->server; i++)
		postern_caller_free(p->links[i].caller);
	postern_service_free(p->service);
	postern_loop_free(p->loop);
	free(p->links);
	free(p->text);
	free(p);
}
