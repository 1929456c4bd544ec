/* SPDX-License-Identifier: Apache-2.0 */
/* Questions on calls, their arguments and their results; see query.h. */

#include "model/query.h"
#include "read/source.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { QUERY_BLOCKS = 2000 };

const struct operand *call_argument(const struct call *call, int arg)
{
	if (arg == ARG_THIS)
		return call->receiver.kind ? &call->receiver : NULL;
	return arg >= 1 && arg <= call->n_args ? &call->args[arg - 1] : NULL;
}

struct function *place_function(const struct function *fn, const struct place *place)
{
	const char *colons = place->name ? strrchr(place->name, ':') : NULL;
	uint8_t stars = 0;

	if (place->kind != PLACE_FREE || place->is_member || place->is_global || place->is_number)
		return NULL;
	if (colons && colons > place->name + 1)
		return index_find_method(
			types_view(intern(place->name, (size_t)(colons - 1 - place->name)),
				   fn->source, &stars),
			intern_z(colons + 1), fn->source);
	return index_find_function(place->name, fn->source);
}

struct function *operand_function(const struct function *fn, const struct operand *o)
{
	if (o && o->kind == OPERAND_LAMBDA)
		return o->lambda;
	return o && (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS)
		       ? place_function(fn, &fn->places[o->place])
		       : NULL;
}

bool api_fills(const struct api *api, int arg)
{
	static const enum fact_key keys[] = { FACT_COPIES, FACT_READS, FACT_CLEANS };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		for (const struct fact *f = api_fact(api, keys[i]); f; f = api_fact_next(api, f))
			if (f->arg == arg && f->arg > 0 &&
			    (f->key != FACT_CLEANS || !strcmp(f->word, "zero")))
				return true;
	return arg == 1 && api_is(api, ROLE(MEMORY)) && !api_fact(api, FACT_OPENS) &&
	       !api_fact(api, FACT_CLOSES) && !api_fact(api, FACT_TAKES);
}

bool call_waits(const struct call *call)
{
	const struct api *api = call->api;

	if (call->flags & (CALL_NEW | CALL_CONSTRUCT | CALL_DELETE))
		return false;
	if (api)
		return api_fact(api, FACT_WAITS) || api_fact(api, FACT_BLOCKS) ||
		       api_is(api, ROLE(POLL) | ROLE(SLEEP) | ROLE(LOOP) | ROLE(WAIT));
	return call->target && call->target->summary.waits;
}

bool call_blocks(const struct function *fn, const struct call *call)
{
	if (!call->api)
		return call->target && call->target->summary.blocks;
	return call_waits(call) && call_limit(fn, call) != LIMIT_NOTHING;
}

enum limit call_limit(const struct function *fn, const struct call *call)
{
	const struct fact *waits = api_fact(call->api, FACT_WAITS);
	const struct fact *forever = api_fact(call->api, FACT_FOREVER);
	const struct fact *left_out = api_fact(call->api, FACT_DEFAULT);
	const struct fact *room = api_fact(call->api, FACT_ROOM);
	const struct operand *o = room ? call_argument(call, room->arg) : NULL;
	const struct item *set = NULL;
	int64_t number;

	if (o && operand_is_number(o, &number) && !number)
		return LIMIT_NOTHING;
	o = waits ? call_argument(call, waits->arg) : NULL;

	if (o && o->kind == OPERAND_PLACE && fn->places[o->place].kind != PLACE_PARAM)
		set = place_set_once(fn, o->place);
	if (set && set->kind == ITEM_ASSIGN)
		o = &set->a;
	if (!waits || (o ? !operand_is_number(o, &number) : !left_out))
		return LIMIT_UNKNOWN;
	if (!o)
		number = left_out->number;
	if (forever && number == forever->number)
		return LIMIT_FOREVER;
	return number ? LIMIT_SOME : LIMIT_NOTHING;
}

bool call_may_keep(const struct call *call)
{
	static const char *const words[] = {
		"clos",    "shut",    "free",     "destr",   "release", "drop",     "del",
		"dispos",  "end",     "stop",     "finish",  "term",    "kill",     "clean",
		"reap",    "unref",   "put",      "give",    "take",    "adopt",    "own",
		"keep",    "stor",    "save",     "set",     "add",     "regist",   "insert",
		"push",    "append",  "attach",   "hand",    "pass",    "move",     "transfer",
		"wrap",    "new",     "creat",    "init",    "make",    "alloc",    "open",
		"from",    "track",   "watch",    "monit",   "start",   "spawn",    "thread",
		"fork",    "accept",  "handl",    "process", "serv",    "client",   "session",
		"conn",    "manag",   "queue",    "sched",   "submit",  "post",     "cache",
		"pool",    "assign",  "dispatch", "run",     "loop",    "child",    "work",
		"callb",   "request", "job",      "task",    "event",   "stream",   "abort",
		"cancel",  "discon",  "reset",    "done",    "exit",    "listen",   "bind",
		"install", "use",     "enable",   "setup",   "daemon",  "redirect", "forward",
		"relay",   "proxy",   "upgrade",  "tls",     "ssl",     "login",    "hang",
		"pointer", "_to_",    "join",     "leave",   "swap",    "atomic",   "exchang"
	};
	char lower[64];
	size_t n = 0;

	if ((call->flags & CALL_INDIRECT) || call->receiver.kind || call->scope || !call->name)
		return true;
	for (; n < sizeof(lower) - 1 && call->name[n]; n++)
		lower[n] = (char)tolower((unsigned char)call->name[n]);
	lower[n] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(lower, words[i]))
			return true;
	return false;
}

/* A function of C whose declaration promises that it does not come back, however long its body is. */
static bool call_is_declared_to_end(const struct call *call)
{
	return call->target->source->language == SOURCE_C && !call->receiver.kind &&
	       index_is_noreturn(call->target->name);
}

bool call_ends(const struct call *call)
{
	if (call->flags & (CALL_NEW | CALL_CONSTRUCT | CALL_DELETE))
		return false;
	if (call->api)
		return api_fact(call->api, FACT_NORETURN) != NULL;
	if (call->target)
		return call->target->summary.never_returns || call_is_declared_to_end(call) ||
		       (call->target->summary.done &&
			(!call->target->summary.may_return || call_ends_for_numbers(call)));
	return call->name && (call->ends || index_is_noreturn(call->name));
}

bool call_has_word(const struct call *call, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strstr(call->name, words[i]))
			return true;
	return false;
}

bool call_is_talk(const struct call *call)
{
	static const char *const words[] = { "log",    "LOG",   "Log",  "warn",    "WARN",  "Warn",
					     "err",    "ERR",   "Err",  "print",   "PRINT", "debug",
					     "DEBUG",  "trace", "msg",  "MSG",     "info",  "INFO",
					     "report", "note",  "NOTE", "verbose", "say" };

	return call_has_word(call, words, sizeof(words) / sizeof(*words));
}

int item_result(const struct function *fn, const struct item *item)
{
	const struct item *next = item->next >= 0 ? &fn->items[item->next] : NULL;

	if (next && next->kind == ITEM_ASSIGN && item->dst >= 0 &&
	    operand_is_place(&next->a, item->dst))
		return next->dst;
	return item->dst;
}

bool item_has_role(struct function *fn, const struct item *item, void *roles)
{
	(void)fn;
	return api_is(item->call->api, *(const uint64_t *)roles);
}

bool item_sets_alarm(struct function *fn, const struct item *item, void *data)
{
	static const char *const names[] = { "alarm", "ualarm", "setitimer", "timer_settime" };

	(void)fn;
	(void)data;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(item->call->name, names[i]))
			return true;
	return false;
}

const struct item *function_find_call(struct function *fn,
				      bool (*visit)(struct function *fn, const struct item *item,
						    void *data),
				      void *data)
{
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
		    visit(fn, &fn->items[i], data))
			return &fn->items[i];
	return NULL;
}

bool function_runs_elsewhere(const struct function *fn)
{
	if (!fn->class_name || (fn->flags & FUNCTION_LAMBDA) || strcmp(fn->name, "run") != 0 ||
	    !index_derives(types_plain(fn->class_name), intern_z("QThread")))
		return false;
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *other = program.functions[f];

		for (int i = 0; other->class_name == fn->class_name && i < other->n_items; i++)
			if (other->items[i].kind == ITEM_CALL && other->items[i].call &&
			    !strcmp(other->items[i].call->name, "moveToThread"))
				return false;
	}
	return true;
}

static bool device_is_awaited(const struct function *fn, const struct call *call)
{
	const char *name =
		call->receiver.kind == OPERAND_PLACE ? fn->places[call->receiver.place].name : NULL;

	for (size_t f = 0; name && f < program.n_functions; f++) {
		const struct function *other = program.functions[f];

		for (int i = 0;
		     (fn->class_name ? other->class_name == fn->class_name : other == fn) &&
		     i < other->n_items;
		     i++) {
			const struct call *by =
				other->items[i].kind == ITEM_CALL ? other->items[i].call : NULL;
			const struct operand *o = by && api_is(by->api, ROLE(HANDLER)) && by->n_args
							  ? &by->args[0]
						  : by ? &by->receiver
						       : NULL;

			if (o && o->kind == OPERAND_PLACE && other->places[o->place].name == name &&
			    (api_is(by->api, ROLE(HANDLER))
				     ? item_mentions(other, &other->items[i], "readyRead")
				     : api_is(by->api, ROLE(WAIT))))
				return true;
		}
	}
	return false;
}

bool device_is_connection(const struct function *fn, const struct call *call)
{
	return api_is(kb_class(call->receiver_type), ROLE(CONNECTION)) ||
	       (call->receiver_type && !strcmp(call->receiver_type, "QIODevice") &&
		device_is_awaited(fn, call));
}

bool function_is_beside(const struct function *fn, const struct function *other)
{
	return other->source == fn->source ||
	       (fn->class_name && other->class_name == fn->class_name);
}

bool item_amount_was_asked(const struct function *fn, const struct item *item,
			   const struct operand *fd)
{
	if (!fd || fd->kind != OPERAND_PLACE)
		return false;
	for (const struct item *i = fn->items; i < item; i++)
		if (i->kind == ITEM_CALL && i->call && i->call->n_args > 1 &&
		    !strcmp(i->call->name, "ioctl") &&
		    operand_is_place(&i->call->args[0], fd->place) &&
		    item_mentions(fn, i, "FIONREAD"))
			return true;
	return false;
}

const struct item *operand_source(const struct function *fn, const struct operand *operand,
				  const struct item *before)
{
	int place = operand->kind == OPERAND_PLACE ? operand->place : -1;

	for (int step = 0; step < 6 && place >= 0; step++) {
		const struct item *found = place_set_before(fn, place, before);

		if (!found || found->kind == ITEM_CALL)
			return found;
		place = found->a.kind == OPERAND_PLACE && found->kind == ITEM_ASSIGN
				? found->a.place
				: -1;
		before = found;
	}
	return NULL;
}

static bool result_in(const struct function *fn, const struct operand *o, int place)
{
	return (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS) &&
	       place_is_within(fn, o->place, place);
}

static bool result_is_used_by(const struct function *fn, const struct item *item, int place)
{
	if (result_in(fn, &item->a, place) || result_in(fn, &item->b, place))
		return true;
	if (item->kind != ITEM_CALL || !item->call)
		return false;
	for (int i = 0; i < item->call->n_args; i++)
		if (result_in(fn, &item->call->args[i], place))
			return true;
	return result_in(fn, &item->call->receiver, place);
}

struct result_walk {
	const struct function *fn;
	int place;
	bool (*use)(const struct function *fn, const struct item *user, int place, void *data);
	void *data;
	uint8_t *seen;
};

static bool result_walk_block(const struct result_walk *walk, int block, int from)
{
	const struct function *fn = walk->fn;

	for (int i = from; i >= 0; i = fn->items[i].next) {
		if (result_is_used_by(fn, &fn->items[i], walk->place) &&
		    walk->use(fn, &fn->items[i], walk->place, walk->data))
			return true;
		if (fn->items[i].dst == walk->place)
			return false;
	}
	for (int e = 0; e < 2; e++) {
		int next = fn->blocks[block].next[e];

		if (next < 0 || walk->seen[next])
			continue;
		walk->seen[next] = 1;
		if (result_walk_block(walk, next, fn->blocks[next].first))
			return true;
	}
	return false;
}

bool item_result_has_use(const struct function *fn, const struct item *item,
			 bool (*use)(const struct function *fn, const struct item *user, int place,
				     void *data),
			 void *data)
{
	struct result_walk walk = {
		.fn = fn, .place = item_result(fn, item), .use = use, .data = data
	};
	int block = item_block(fn, item), from = item->next;
	bool found;

	if (walk.place < 0 || block < 0 || !place_is_local(fn, walk.place) ||
	    fn->n_blocks > QUERY_BLOCKS)
		return true;
	if (walk.place != item->dst && from >= 0)
		from = fn->items[from].next;
	walk.seen = calloc((size_t)fn->n_blocks, 1);
	if (!walk.seen)
		abort();
	found = result_walk_block(&walk, block, from);
	free(walk.seen);
	return found;
}

bool function_text_has(const struct function *fn, const char *word)
{
	for (uint32_t row = fn->at.row; row <= fn->end.row; row++) {
		size_t n;
		const char *line = source_line(fn->source, row, &n);

		if (memmem(line, n, word, strlen(word)))
			return true;
	}
	return false;
}
