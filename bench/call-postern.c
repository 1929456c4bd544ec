/* SPDX-License-Identifier: Apache-2.0 */
/* Calls over Postern: a service and a caller, with code that is generated from org.example.bench.varlink. */
#include "call.h"
#include "org.example.bench.h"

#include <postern.h>

struct peer {
	struct call call;
	char text[CALL_TEXT + 1];
	struct postern_loop *loop;
	struct postern_service *service;
	struct postern_caller *caller;
};

static void peer_echo(struct postern_request *r, const struct bench_Echo_in *in, void *data)
{
	struct peer *p = data;
	int error = bench_reply_Echo(r, &(struct bench_Echo_out){ .id = in->id, .text = in->text });

	if (error < 0)
		bench_die(postern_why()->text, -error);
	if (!call_count(&p->call))
		postern_service_drain(p->service, 0);
}

static void peer_closed(struct postern_service *s, const struct postern_reason *why, void *data)
{
	struct peer *p = data;

	(void)s, (void)why;
	postern_loop_stop(p->loop);
}

static void peer_call(struct peer *p);

static void peer_answered(struct postern_call *call, const struct postern_answer *answer,
			  const struct bench_Echo_out *out, void *data)
{
	struct peer *p = data;

	(void)call;
	if (!out)
		bench_die(answer->error ? answer->error : answer->why->text, 0);
	if (out->id != CALL_FIRST + (int64_t)p->call.done || strcmp(out->text, p->text))
		bench_die("the answer is not what it should be", 0);
	if (call_count(&p->call))
		peer_call(p);
	else
		postern_loop_stop(p->loop);
}

static void peer_call(struct peer *p)
{
	struct bench_Echo_in in = { .text = p->text };
	int r;

	while (call_more(&p->call)) {
		in.id = call_next(&p->call);
		r = bench_Echo_call(NULL, p->caller, &in, POSTERN_SECONDS(60), peer_answered, p);
		if (r < 0)
			bench_die(postern_why()->text, -r);
	}
}

static int peer_serve(struct peer *p)
{
	static const struct postern_service_events events = { .size = sizeof(events),
							      .closed = peer_closed };
	static const struct bench_methods methods = { .Echo = peer_echo };
	int r = postern_service_new(&p->service, p->loop, p->call.bench.path, NULL, &events, p);

	if (!r)
		r = bench_provide(p->service, &methods, p);
	if (!r)
		bench_ready();
	return r;
}

int main(int argc, char **argv)
{
	static struct peer p;
	int r;

	call_init(&p.call, "postern", postern_version(), argc, argv);
	memset(p.text, 'x', CALL_TEXT);
	r = postern_loop_new(&p.loop);
	if (r < 0)
		bench_die("postern_loop_new", -r);
	r = p.call.bench.server ? peer_serve(&p)
				: postern_caller_new(&p.caller, p.loop, p.call.bench.path, NULL);
	if (r < 0)
		bench_die(postern_why()->text, -r);
	if (p.caller)
		peer_call(&p);
	r = postern_loop_run(p.loop);
	if (r < 0)
		bench_die("postern_loop_run", -r);
	bench_print(&p.call.bench);
	postern_caller_free(p.caller);
	postern_service_free(p.service);
	postern_loop_free(p.loop);
	return 0;
}
