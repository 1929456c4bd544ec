/* SPDX-License-Identifier: Apache-2.0 */
/* Which programs come to a function, and whether they serve or end; see reach.h. */

#include "model/reach.h"
#include "read/source.h"

#include <stdlib.h>
#include <string.h>

enum { REACH_DEPTH = 8, REACH_CALLERS = 2, REACH_MAIN_LOOPS = 2, REACH_TABLE = 500 };

struct reach_edge {
	struct function *to;
	const struct item *call; /* NULL: it is only named */
};

struct reach_edges {
	struct reach_edge *list;
	size_t n, cap;
};

struct reach_calls {
	struct reach_edges from; /* `to` of these is the caller */
	struct reach_edges to;
	uint8_t seen;
	uint8_t found; /* REACH_… */
};

static void reach_edge(struct reach_calls *calls, struct function *fn, struct function *to,
		       const struct item *call)
{
	struct reach_edges *out = &calls[fn->reach - 1].to, *in;

	if (!to || !to->reach)
		return;
	in = &calls[to->reach - 1].from;
	out->list = grow(out->list, out->n, &out->cap, sizeof(*out->list));
	out->list[out->n++] = (struct reach_edge){ .to = to, .call = call };
	in->list = grow(in->list, in->n, &in->cap, sizeof(*in->list));
	in->list[in->n++] = (struct reach_edge){ .to = fn, .call = call };
}

/* The lists have their size: they live as long as the run. */
static void reach_settle(struct reach_edges *edges)
{
	struct reach_edge *list = arena_alloc(&run_arena, (edges->n + 1) * sizeof(*list));

	if (edges->n)
		memcpy(list, edges->list, edges->n * sizeof(*list));
	free(edges->list);
	edges->list = list;
}

static bool reach_is_thread(const struct call *call)
{
	return api_is(call->api, ROLE(THREAD) | ROLE(QTHREAD)) ||
	       (call->type && (!strcmp(call->type, "thread") || !strcmp(call->type, "jthread")));
}

static bool reach_names(const struct operand *o, int place)
{
	return (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS) && o->place == place;
}

static bool reach_gets(const struct item *item, int place)
{
	for (int k = 0; item->kind == ITEM_CALL && item->call && k < item->call->n_args; k++)
		if (reach_names(&item->call->args[k], place))
			return true;
	return false;
}

/*
 * pthread_create(&t, NULL, serve, door): it runs as often as that is called, if nothing else of the function
 * names it.
 */
static void reach_edge_of_name(struct reach_calls *calls, struct function *fn, int place)
{
	struct function *to = place_function(fn, &fn->places[place]);
	bool started = true;

	for (int i = 0; to && started && i < fn->n_items; i++)
		started = !reach_names(&fn->items[i].a, place) &&
			  !reach_names(&fn->items[i].b, place) &&
			  (!reach_gets(&fn->items[i], place) || reach_is_thread(fn->items[i].call));
	if (!to || !started) {
		reach_edge(calls, fn, to, NULL);
		return;
	}
	for (int i = 0; i < fn->n_items; i++)
		if (reach_gets(&fn->items[i], place)) {
			reach_edge(calls, fn, to, &fn->items[i]);
			started = false;
		}
	if (started)
		reach_edge(calls, fn, to, NULL);
}

static void reach_edges_of(struct reach_calls *calls, struct function *fn)
{
	int n = 0;

	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
		const struct function *target = call ? call->target : NULL;

		if (!call)
			continue;
		reach_edge(calls, fn, call->target, item);
		for (int k = 0; target && k < target->n_variants; k++)
			if (target->variants[k] != target)
				reach_edge(calls, fn, target->variants[k], item);
		if ((call->flags & (CALL_NEW | CALL_CONSTRUCT)) && call->type)
			reach_edge(
				calls, fn,
				index_find_method(call->type, types_plain(call->type), fn->source),
				item);
	}
	for (int i = 0; i < fn->n_places; i++)
		reach_edge_of_name(calls, fn, i);
	if (fn->outer)
		reach_edge(calls, fn->outer, fn, NULL);
	/* A table is everybody's in its file. */
	for (const struct mention *m = fn->source->mentions; m && n++ < REACH_TABLE; m = m->next)
		reach_edge(calls, fn, index_find_function(m->name, fn->source), NULL);
}

/* Nobody knows the function, but it says that it does not come back for long. */
static bool reach_says_loop(const char *name)
{
	static const char *const words[] = { "mainloop",   "main_loop", "eventloop",
					     "event_loop", "fuse_main", "serve",
					     "dispatch",   "poll_loop", "run_forever" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasestr(name, words[i]))
			return true;
	return false;
}

static unsigned reach_of_call(const struct call *call)
{
	const struct api *api = call->api;
	unsigned reach = 0;

	if (api_is(api, ROLE(LISTEN) | ROLE(ACCEPT) | ROLE(LOOP) | ROLE(SERVER)) ||
	    (!call->target && call->name &&
	     (!strcmp(call->name, "daemon") || !strcmp(call->name, "setsid") ||
	      (!api && reach_says_loop(call->name)))))
		reach |= REACH_SERVER;
	if (reach_is_thread(call))
		reach |= REACH_THREADS;
	return reach;
}

static bool reach_lets_time_pass(struct function *fn, const struct item *item, void *data)
{
	const struct call *call = item->call;

	(void)fn;
	return api_is(call->api, ROLE(POLL) | ROLE(SLEEP)) ||
	       (call->target && data &&
		function_find_call(call->target, reach_lets_time_pass, NULL));
}

/* while (running) poll(…), in main() or near it: as long as somebody likes. */
static bool reach_goes_on(struct function *fn)
{
	bool deep = true;

	for (int loop = 0; loop < fn->n_loops; loop++)
		if (loop_find_call(fn, loop, reach_lets_time_pass, &deep) &&
		    !loop_is_limited(fn, loop))
			return true;
	return false;
}

static unsigned reach_of_function(struct function *fn, int depth)
{
	unsigned reach = depth < REACH_MAIN_LOOPS && reach_goes_on(fn) ? REACH_SERVER : 0;

	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_CALL && fn->items[i].call)
			reach |= reach_of_call(fn->items[i].call);
	return reach;
}

/*
 * A library stands in a folder of its own, and other programs have it too. A word of the command has the
 * folder of its main().
 */
static const char *reach_folder(const struct function *start)
{
	const char *folder = start->source->folder;

	for (size_t i = 0; !(start->flags & FUNCTION_MAIN) && i < program.n_functions; i++)
		if ((program.functions[i]->flags & FUNCTION_MAIN) &&
		    starts_with(folder, program.functions[i]->source->folder))
			folder = program.functions[i]->source->folder;
	return folder;
}

/* From one main(): what is there to be found, and then to whom it applies. */
static unsigned reach_from(struct reach_calls *calls, struct function *start,
			   struct function **queue, uint8_t *depth)
{
	const char *folder = reach_folder(start);
	size_t n = 0;
	unsigned reach = 0;

	queue[n] = start;
	depth[n++] = 0;
	calls[start->reach - 1].seen = 1;
	for (size_t i = 0; i < n; i++) {
		const struct reach_edges *edges = &calls[queue[i]->reach - 1].to;

		reach |= reach_of_function(queue[i], depth[i]);
		for (size_t k = 0; k < edges->n; k++) {
			struct function *to = edges->list[k].to;

			if (calls[to->reach - 1].seen)
				continue;
			calls[to->reach - 1].seen = 1;
			queue[n] = to;
			depth[n++] = depth[i] < UINT8_MAX ? (uint8_t)(depth[i] + 1) : UINT8_MAX;
		}
	}
	if (!(reach & REACH_SERVER))
		reach |= REACH_COMMAND;
	for (size_t i = 0; i < n; i++) {
		struct reach_calls *call = &calls[queue[i]->reach - 1];

		call->seen = 0;
		if ((reach & REACH_SERVER) || starts_with(queue[i]->source->folder, folder))
			call->found |= (uint8_t)reach;
	}
	return reach;
}

/* edit(ctx, argc, argv): the main() of one word of the command, which a table names. */
static bool reach_is_subcommand(const struct function *fn)
{
	bool count = false, words = false;

	for (int i = 0; i < fn->n_params; i++) {
		const char *name = fn->places[fn->params[i]].name;

		count |= name && !strcmp(name, "argc");
		words |= name && !strcmp(name, "argv");
	}
	return count && words && !(fn->flags & FUNCTION_MAIN);
}

static void reach_find(struct reach_calls *calls)
{
	struct function **queue =
		arena_alloc(&run_arena, (program.n_functions + 1) * sizeof(*queue));
	uint8_t *depth = arena_alloc(&run_arena, program.n_functions + 1);
	unsigned mains = 0;

	for (size_t i = 0; i < program.n_functions; i++) {
		struct function *fn = program.functions[i];

		if ((fn->flags & FUNCTION_MAIN) && !fn->source->aside)
			mains |= reach_from(calls, fn, queue, depth);
	}
	program.reached = mains;
	/* A console of a server has words, too. */
	for (size_t i = 0; mains == REACH_COMMAND && i < program.n_functions; i++)
		if (reach_is_subcommand(program.functions[i]) && !calls[i].found &&
		    !program.functions[i]->source->aside)
			reach_from(calls, program.functions[i], queue, depth);
}

static struct reach_calls *reach_calls(void)
{
	struct reach_calls *calls = program.reach;

	if (calls)
		return calls;
	calls = arena_alloc(&run_arena, (program.n_functions + 1) * sizeof(*calls));
	for (size_t i = 0; i < program.n_functions; i++)
		program.functions[i]->reach = (uint32_t)i + 1;
	for (size_t i = 0; i < program.n_functions; i++)
		reach_edges_of(calls, program.functions[i]);
	for (size_t i = 0; i < program.n_functions; i++) {
		reach_settle(&calls[i].from);
		reach_settle(&calls[i].to);
	}
	program.reach = calls;
	reach_find(calls);
	return calls;
}

unsigned function_reach(const struct function *fn)
{
	const struct reach_calls *calls = reach_calls();

	return fn->reach ? calls[fn->reach - 1].found : 0;
}

static bool reach_once(const struct reach_calls *calls, const struct function *fn, int depth)
{
	const struct reach_edges *from = &calls[fn->reach - 1].from;

	if ((fn->flags & FUNCTION_MAIN) || reach_is_subcommand(fn))
		return true;
	if (!depth || !from->n || from->n > REACH_CALLERS)
		return false;
	for (size_t i = 0; i < from->n; i++)
		if (!from->list[i].call || item_loop(from->list[i].to, from->list[i].call) >= 0 ||
		    !reach_once(calls, from->list[i].to, depth - 1))
			return false;
	return true;
}

bool function_runs_once(const struct function *fn)
{
	const struct reach_calls *calls = reach_calls();

	return fn->reach && calls[fn->reach - 1].found && reach_once(calls, fn, REACH_DEPTH);
}

/*
 * while (argc) { check(*argv); argc--; argv++; } in main(): the loop goes over the words that the program
 * was called with, and ends with them.
 */
static bool reach_goes_over_words(struct function *fn, const struct item *call)
{
	static const char *const words[] = { "argc", "argv", "optind" };
	int loop = item_loop(fn, call);
	bool has = false;

	if (!(fn->flags & FUNCTION_MAIN) && !reach_is_subcommand(fn))
		return false;
	for (; loop >= 0; loop = fn->loops[loop].parent) {
		const char *condition = fn->loops[loop].condition;

		has = false;
		for (size_t i = 0; condition && i < sizeof(words) / sizeof(*words); i++)
			has |= strstr(condition, words[i]) != NULL;
		if (!has)
			return false;
	}
	return has;
}

/* Which loops do not make a call one that comes again and again. */
enum reach_loops { REACH_NO_LOOP, REACH_LOOP_OF_WORDS, REACH_LOOP_WITH_END };

/* while ((c = getopt(argc, argv, "…")) != -1): each option is given once. */
static bool reach_goes_over_options(struct function *fn, const struct item *item)
{
	int loop = item_loop(fn, item);
	const char *condition = loop >= 0 ? fn->loops[loop].condition : NULL;

	return condition && strstr(condition, "getopt") && fn->loops[loop].parent < 0;
}

bool item_comes_again(struct function *fn, const struct item *item)
{
	for (int loop = item_loop(fn, item); loop >= 0; loop = fn->loops[loop].parent)
		if ((!loop_is_limited(fn, loop) ||
		     loop_find_role(fn, loop, ROLE(ACCEPT) | ROLE(POLL))) &&
		    !reach_goes_over_options(fn, item))
			return true;
	return false;
}

static bool reach_repeats(const struct reach_edge *from, enum reach_loops allowed)
{
	if (!from->call)
		return true;
	if (item_loop(from->to, from->call) < 0)
		return false;
	if (allowed == REACH_LOOP_OF_WORDS)
		return !reach_goes_over_words(from->to, from->call);
	if (allowed == REACH_LOOP_WITH_END && reach_goes_over_options(from->to, from->call))
		return false;
	return allowed == REACH_NO_LOOP || reach_goes_over_words(from->to, from->call) ||
	       item_comes_again(from->to, from->call);
}

static bool reach_often(struct reach_calls *calls, const struct function *fn,
			enum reach_loops allowed, int depth)
{
	struct reach_calls *at = &calls[fn->reach - 1];
	bool often = false;

	if ((fn->flags & FUNCTION_MAIN) || reach_is_subcommand(fn) || at->seen || !depth)
		return !depth;
	at->seen = 1;
	for (size_t i = 0; !often && i < at->from.n; i++)
		often = reach_repeats(&at->from.list[i], allowed) ||
			reach_often(calls, at->from.list[i].to, allowed, depth - 1);
	at->seen = 0;
	return often;
}

bool function_runs_often(const struct function *fn)
{
	struct reach_calls *calls = reach_calls();

	return !fn->reach || reach_often(calls, fn, REACH_NO_LOOP, REACH_DEPTH);
}

bool function_runs_per_word(const struct function *fn)
{
	struct reach_calls *calls = reach_calls();

	return fn->reach && !reach_often(calls, fn, REACH_LOOP_OF_WORDS, REACH_DEPTH);
}

bool function_runs_at_start(const struct function *fn)
{
	struct reach_calls *calls = reach_calls();

	return fn->reach && calls[fn->reach - 1].found &&
	       !reach_often(calls, fn, REACH_LOOP_WITH_END, REACH_DEPTH);
}

bool function_is_named(const struct function *fn)
{
	const struct reach_calls *calls = reach_calls();
	const struct reach_edges *from = fn->reach ? &calls[fn->reach - 1].from : NULL;

	for (size_t i = 0; from && i < from->n; i++) {
		const struct reach_edge *edge = &from->list[i];

		if (!edge->to->source->aside && (!edge->call || reach_is_thread(edge->call->call)))
			return true;
	}
	return false;
}

bool function_has_caller(const struct function *fn, bool (*counts)(struct function *caller))
{
	const struct reach_calls *calls = reach_calls();
	const struct reach_edges *from = fn->reach ? &calls[fn->reach - 1].from : NULL;

	for (size_t i = 0; from && i < from->n; i++)
		if (!from->list[i].call || (from->list[i].to != fn && counts(from->list[i].to)))
			return true;
	return false;
}

bool function_is_alone(const struct function *fn)
{
	unsigned reach = function_reach(fn);

	if (!reach)
		reach = program.reached;
	return reach && !(reach & REACH_THREADS);
}

static bool reach_lone(const struct reach_calls *calls, const struct function *fn, int depth)
{
	const struct reach_edges *from = &calls[fn->reach - 1].from;

	for (size_t i = 0; i < from->n; i++) {
		struct function *caller = from->list[i].to;

		if (from->list[i].call && (item_loop(caller, from->list[i].call) >= 0 ||
					   function_find_role(caller, ROLE(ACCEPT)) ||
					   (depth && !reach_lone(calls, caller, depth - 1))))
			return false;
	}
	return true;
}

bool function_calls_are_lone(const struct function *fn)
{
	const struct reach_calls *calls = reach_calls();

	return fn->reach && !function_find_role((struct function *)fn, ROLE(ACCEPT)) &&
	       reach_lone(calls, fn, REACH_DEPTH / 2);
}
