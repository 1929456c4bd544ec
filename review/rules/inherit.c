/* SPDX-License-Identifier: Apache-2.0 */
/* The order of opening, fork() and exec, along calls; see inherit.h. */

#include "rules/inherit.h"
#include "flow/outcome.h"
#include "model/reach.h"
#include "read/source.h"

#include <string.h>

enum { INHERIT_DEPTH = 4, INHERIT_NAMES = 8 };

/* system(), popen(): the program has ended when whoever started it goes on, or soon after. */
static bool inherit_is_short(const struct api *api)
{
	static const char *const names[] = { "system", "popen", "execute", "g_spawn_sync",
					     "g_spawn_command_line_sync" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(api->name, names[i]))
			return true;
	return false;
}

/* "modprobe %s 2> /dev/null": a tool by its own name, which the shell waits for and nobody starts to stay. */
static bool inherit_is_tool(const char *command)
{
	size_t n = strcspn(command, " ");

	return n && !memchr(command, '%', n) && !memchr(command, '/', n) &&
	       !memchr(command, '$', n) && !strstr(command, "start") &&
	       !strstr(command, "service") && !strstr(command, "nohup") &&
	       !strstr(command, "setsid") && !strstr(command, "systemctl") &&
	       command[strcspn(command, "&;|")] == '\0';
}

/* system("sync"), or of what one format of the function makes: no other program is there when it is over. */
static bool inherit_is_brief(const struct function *fn, const struct item *item)
{
	const struct operand *o = item->call->n_args ? &item->call->args[0] : NULL;
	bool any = false;

	if (strcmp(item->call->name, "system") != 0 || !o)
		return false;
	if (o->kind == OPERAND_STRING)
		return inherit_is_tool(o->text);
	for (int i = 0; o->kind == OPERAND_PLACE && i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		if (!call || !strstr(call->name, "printf") || call->n_args < 2 ||
		    (call->args[0].kind != OPERAND_PLACE &&
		     call->args[0].kind != OPERAND_ADDRESS) ||
		    call->args[0].place != o->place)
			continue;
		for (int k = 1; k < 3 && k < call->n_args; k++)
			if (call->args[k].kind == OPERAND_STRING) {
				if (!inherit_is_tool(call->args[k].text))
					return false;
				any = true;
				break;
			}
	}
	return any;
}

/* GLib closes in the child whatever is open, unless it is told not to. */
bool inherit_passes_on(struct function *fn, const struct item *item)
{
	return api_is(item->call->api, ROLE(SPAWN)) &&
	       (!starts_with(item->call->name, "g_spawn") ||
		item_mentions(fn, item, "LEAVE_DESCRIPTORS_OPEN"));
}

enum inherit_which { INHERIT_ANY, INHERIT_NOT_BRIEF, INHERIT_LASTING };

static bool inherit_function_starts(struct function *fn, int depth, enum inherit_which which);

/* The call starts a program of that kind, or calls a function of the project that does. */
static bool inherit_starts(struct function *fn, const struct item *item, int depth,
			   enum inherit_which which)
{
	if (item->call->api)
		return inherit_passes_on(fn, item) &&
		       !(which == INHERIT_LASTING && inherit_is_short(item->call->api)) &&
		       !(which && inherit_is_brief(fn, item));
	return item->call->target && depth > 0 &&
	       inherit_function_starts(item->call->target, depth - 1, which);
}

static bool inherit_function_starts(struct function *fn, int depth, enum inherit_which which)
{
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
		    inherit_starts(fn, &fn->items[i], depth, which))
			return true;
	return false;
}

/* A thread, a handler, a callback: nobody knows when it runs. */
static bool inherit_starts_any_time(const struct function *fn, enum inherit_which which)
{
	for (size_t f = 0; f < program.n_functions; f++) {
		struct function *other = program.functions[f];

		if (program_shares(other->source, fn->source) &&
		    inherit_function_starts(other, INHERIT_DEPTH - 1, which) &&
		    ((other->flags & FUNCTION_LAMBDA) || function_is_named(other)))
			return true;
	}
	return false;
}

/* Some call behind the item, or in a loop around both, starts a program; or a caller does. */
static bool inherit_spawns_after(struct function *fn, const struct item *item, int depth)
{
	int loop = item_loop(fn, item);

	for (int i = 0; i < fn->n_items; i++) {
		const struct item *other = &fn->items[i];

		if (other->kind == ITEM_CALL && other->call && other != item &&
		    inherit_starts(fn, other, INHERIT_DEPTH, INHERIT_ANY) &&
		    (other > item || loop >= 0))
			return true;
	}
	if (fn->flags & FUNCTION_MAIN)
		return false;
	if (!depth || function_is_named(fn))
		return true;
	for (int k = 0; k < fn->n_callers; k++)
		if (fn->callers[k].fn != fn &&
		    inherit_spawns_after(fn->callers[k].fn, fn->callers[k].item, depth - 1))
			return true;
	return !fn->n_callers;
}

bool inherit_opens_too_late(struct function *fn, const struct item *item)
{
	return !inherit_spawns_after(fn, item, INHERIT_DEPTH) &&
	       !inherit_starts_any_time(fn, INHERIT_ANY);
}

bool inherit_some_call(const struct function *fn, inherit_visit_fn *visit, const void *data)
{
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *one = program.functions[f];

		if (one->name != fn->name || one->source != fn->source ||
		    one->class_name != fn->class_name)
			continue;
		for (int k = 0; k < one->n_callers; k++)
			if (one->callers[k].fn != fn && visit(&one->callers[k], data))
				return true;
	}
	return false;
}

struct inherit_question {
	int depth;
	enum inherit_which which;
};

static bool inherit_starts_after(struct function *fn, const struct item *item, int depth,
				 enum inherit_which which);

static bool inherit_caller_starts_after(const struct call_site *site, const void *data)
{
	const struct inherit_question *q = data;

	return inherit_starts_after(site->fn, site->item, q->depth, q->which);
}

/* The code shows it: a call behind the item, or in a loop around both, here or in a caller. */
static bool inherit_starts_after(struct function *fn, const struct item *item, int depth,
				 enum inherit_which which)
{
	int loop = item_loop(fn, item);

	for (int i = 0; i < fn->n_items; i++) {
		const struct item *other = &fn->items[i];

		if (other->kind == ITEM_CALL && other->call && other != item &&
		    inherit_starts(fn, other, INHERIT_DEPTH, which) && (other > item || loop >= 0))
			return true;
	}
	return depth > 0 && inherit_some_call(fn, inherit_caller_starts_after,
					      &(struct inherit_question){ depth - 1, which });
}

bool inherit_is_certain(struct function *fn, const struct item *item, bool lasting)
{
	enum inherit_which which = lasting ? INHERIT_LASTING : INHERIT_NOT_BRIEF;

	return inherit_starts_after(fn, item, INHERIT_DEPTH, which) ||
	       inherit_starts_any_time(fn, which);
}

struct inherit_way {
	int fd;
	bool starts; /* a program, before the descriptor is closed */
};

static bool inherit_visit(struct outcome *outcome, const struct item *item)
{
	struct inherit_way *way = outcome->data;
	const struct call *call = item->call;
	const struct fact *closes = api_fact(call->api, FACT_CLOSES);
	const struct operand *o = closes ? call_argument(call, closes->arg) : NULL;

	if (o && operand_is_place(o, way->fd))
		return true;
	for (int i = 0; call->target && i < call->n_args && i < 16; i++)
		if (operand_is_place(&call->args[i], way->fd) &&
		    (call->target->summary.param[i] & SUMMARY_CLOSES))
			return true;
	way->starts |= inherit_starts(outcome->fn, item, INHERIT_DEPTH, INHERIT_ANY);
	return false;
}

/* The descriptor goes where others have it when the function is left: returned, stored, handed over. */
static bool inherit_escapes(const struct function *fn, int fd)
{
	if (fn->places[fd].kind != PLACE_LOCAL || fn->places[fd].parent >= 0)
		return true;
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
		const struct place *to = item->dst >= 0 ? place_root(fn, item->dst) : NULL;

		if (item->kind == ITEM_RETURN && operand_is_place(&item->a, fd))
			return true;
		if (item->kind == ITEM_ASSIGN && to && operand_is_place(&item->a, fd) &&
		    item->dst != fd && (!to->type || strcmp(to->type, "pollfd") != 0))
			return true;
		for (int k = 0; call && k < call->n_args; k++)
			if ((call->args[k].kind == OPERAND_ADDRESS && call->args[k].place == fd) ||
			    (operand_is_place(&call->args[k], fd) && !call->api))
				return true;
	}
	return false;
}

bool inherit_is_gone_before(struct function *fn, const struct item *item)
{
	struct inherit_way way = { .fd = item_result(fn, item) };
	struct outcome outcome = {
		.fn = fn, .call = item, .result = 5, .visit = inherit_visit, .data = &way
	};
	unsigned ends;

	if (way.fd < 0)
		return false;
	ends = outcome_walk(&outcome);
	if (way.starts || (ends & OUTCOME_TOO_LONG))
		return false;
	if (!(ends & (OUTCOME_RETURNS | OUTCOME_AGAIN)))
		return ends & OUTCOME_STOPPED;
	/* Left open by a return: what that costs is L1's. */
	return !inherit_escapes(fn, way.fd);
}

/* The global or member that a place is, or is an element of; NULL: a local. */
static const char *inherit_name(const struct function *fn, int place)
{
	while (fn->places[place].kind == PLACE_INDEX || fn->places[place].kind == PLACE_DEREF)
		place = fn->places[place].parent;
	if (fn->places[place].kind == PLACE_FREE ||
	    (fn->places[place].kind == PLACE_FIELD && !place_is_local(fn, place)))
		return fn->places[place].name;
	return NULL;
}

/* Where the item's result is kept beyond the function. */
static int inherit_names(const struct function *fn, const struct item *item, const char **names)
{
	int place = item_result(fn, item), n = 0;

	if (place >= 0 && inherit_name(fn, place))
		names[n++] = inherit_name(fn, place);
	for (int i = 0; place >= 0 && i < fn->n_items && n < INHERIT_NAMES; i++)
		if (fn->items[i].kind == ITEM_ASSIGN && fn->items[i].dst >= 0 &&
		    operand_is_place(&fn->items[i].a, place) && inherit_name(fn, fn->items[i].dst))
			names[n++] = inherit_name(fn, fn->items[i].dst);
	return n;
}

/* close(doors[i]), here or in what is called. */
static bool inherit_closes(const struct function *fn, const char *const *names, int n, int depth)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;
		const struct operand *o = call && call->n_args ? &call->args[0] : NULL;

		if (!call)
			continue;
		if (call->target && call->target != fn && depth > 0 &&
		    inherit_closes(call->target, names, n, depth - 1))
			return true;
		if (!o || o->kind != OPERAND_PLACE || !api_fact(call->api, FACT_CLOSES))
			continue;
		for (int k = 0; k < n; k++)
			if (inherit_name(fn, o->place) == names[k])
				return true;
	}
	return false;
}

/* The function forks and its child closes it; or all who call the function do. */
static bool inherit_is_covered(struct function *fn, const char *const *names, int n, int depth)
{
	const struct function *last = NULL;

	if (function_find_role(fn, ROLE(FORK)) && inherit_closes(fn, names, n, 2))
		return true;
	for (int k = 0; depth > 0 && k < fn->n_callers; k++) {
		struct function *caller = fn->callers[k].fn;

		if (caller == fn || caller == last)
			continue;
		if (!inherit_is_covered(caller, names, n, depth - 1))
			return false;
		last = caller;
	}
	return last;
}

bool inherit_is_closed_before(struct function *fn, const struct item *item)
{
	const char *names[INHERIT_NAMES];
	int n = inherit_names(fn, item, names);
	bool any = false;

	for (size_t f = 0; n && f < program.n_functions; f++) {
		struct function *other = program.functions[f];

		if (!program_shares(other->source, fn->source) ||
		    !function_find_role(other, ROLE(SPAWN)))
			continue;
		if (!inherit_is_covered(other, names, n, INHERIT_DEPTH))
			return false;
		any = true;
	}
	return any;
}

/*
 * main() stands in other folders, and in none above this one, and none but that of a test comes here:
 * the code is for whoever links it, and what that starts nobody knows here.
 */
bool inherit_in_library(const struct function *fn)
{
	const char *folder = fn->source->folder;
	bool any = false;

	if (!folder || fn->source->aside || function_reach(fn))
		return false;
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *other = program.functions[f];
		const char *of = other->source->folder;
		size_t n = of ? strlen(of) : 0;

		if (!(other->flags & FUNCTION_MAIN))
			continue;
		if (!n || !strcmp(of, ".") ||
		    (starts_with(folder, of) && (!folder[n] || folder[n] == '/')))
			return false;
		any = true;
	}
	return any;
}

bool inherit_is_tunnel(const struct item *item)
{
	static const char *const paths[] = { "/dev/net/tun", "/dev/tun", "/dev/tap" };
	const struct call *call = item->call;

	if (!call->api || call->receiver.kind || strcmp(call->name, "open") != 0 || !call->n_args ||
	    call->args[0].kind != OPERAND_STRING)
		return false;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (starts_with(call->args[0].text, paths[i]))
			return true;
	return false;
}

void inherit_tunnel(const struct rule *rule, struct function *fn, const struct item *item)
{
	struct finding *finding;

	if (!inherit_starts_after(fn, item, INHERIT_DEPTH, INHERIT_ANY) ||
	    inherit_is_closed_before(fn, item) || inherit_is_gone_before(fn, item))
		return;
	finding = finding_add(
		rule, fn, item->at,
		"What open() opens here is inherited by every program that this one starts: that program can read and write what goes over the network.");
	finding_advise(finding);
	finding_fix(finding, "In %s(), add `O_CLOEXEC` to the flags.", fn->label);
}

bool inherit_is_bound(const struct function *opener, const struct item *item)
{
	int place = item_result(opener, item);

	/* What takes frames off a wire has no name that it could keep from others. */
	if (place < 0 || item_mentions(opener, item, "RAW") ||
	    item_mentions(opener, item, "PACKET"))
		return false;
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		for (int i = 0; fn->source == opener->source && i < fn->n_items; i++) {
			const struct call *call =
				fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

			if (call && call->n_args && api_is(call->api, ROLE(BIND)) &&
			    !strcmp(operand_text(fn, &call->args[0]), opener->places[place].text))
				return true;
		}
	}
	return false;
}

/* for (fd = 3; fd < n; fd++) close(fd); */
static bool inherit_is_sweep(struct function *fn, const struct item *item, int block)
{
	const struct operand *o = item->call->n_args ? &item->call->args[0] : NULL;

	if (!o || o->kind != OPERAND_PLACE || fn->places[o->place].parent >= 0 ||
	    fn->places[o->place].kind != PLACE_LOCAL || fn->blocks[block].loop < 0 ||
	    !api_fact(item->call->api, FACT_CLOSES))
		return false;
	for (const struct item *i = place_set_last(fn, o->place); i; i = item_set_before(fn, i))
		if (i->kind == ITEM_OPERATE && (i->op == '+' || i->op == '-') &&
		    operand_is_place(&i->a, o->place))
			return true;
	return false;
}

static bool inherit_find_sweep(struct function *fn)
{
	for (int block = 0; block < fn->n_blocks; block++)
		for (int i = fn->blocks[block].first; i >= 0; i = fn->items[i].next)
			if (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
			    (api_is(kb_function(fn->items[i].call->name), ROLE(CLOEXEC)) ||
			     inherit_is_sweep(fn, &fn->items[i], block)))
				return true;
	return false;
}

static bool inherit_function_closes_all(struct function *fn)
{
	if (!fn->closes_all)
		fn->closes_all = inherit_find_sweep(fn) ? 1 : -1;
	return fn->closes_all > 0;
}

/* Someone closes all descriptors before it executes others. */
bool inherit_closes_all(const struct function *fn)
{
	for (size_t i = 0; i < program.n_functions; i++)
		if (program_shares(program.functions[i]->source, fn->source) &&
		    inherit_function_closes_all(program.functions[i]))
			return true;
	return false;
}
