/* SPDX-License-Identifier: Apache-2.0 */
/* L1 of descriptors in members that nobody closes; see unclosed.h. */

#include "rules/unclosed.h"
#include "model/reach.h"
#include "rules/lifetime.h"
#include "rules/rules.h"

#include <string.h>

extern const struct rule rule_L1, rule_L7;

enum { UNCLOSED_FIELDS = 256 };

/* p->fd = socket(…), or fd = socket(…); p->fd = fd; or p->name = strdup(…) */
struct unclosed_field {
	const char *name;
	const char *kind; /* fd, file or memory */
	const char *type; /* of the object */
	struct function *fn;
	const struct item *opens;
	const struct item *stores;
	bool escapes;
};

static struct unclosed_field *unclosed_fields;
static int unclosed_n;

/* The class or structure that has the member that the place is; NULL: it is none, or nobody knows. */
static const char *unclosed_owner(const struct function *fn, int place)
{
	const struct place *p = &fn->places[place];
	const char *types[3] = { fn->class_name };

	if (p->kind == PLACE_FIELD && p->parent >= 0) {
		types[1] = place_type(fn, p->parent, NULL);
		types[2] = fn->places[p->parent].of;
	} else if (p->kind != PLACE_FREE || !p->is_member) {
		return NULL;
	}
	for (int i = 2; i >= 0; i--)
		if (types[i] && index_find_member(types[i], p->name))
			return types[i];
	return NULL;
}

/* An int or a plain pointer, and not an object that closes what it has. */
static bool unclosed_is_plain(const char *type, const char *name, const char *kind)
{
	static const char *const plain[] = { "int", "SOCKET", "evutil_socket_t", "uv_os_sock_t",
					     "qintptr" };
	const struct declared *member = index_find_member(type, name);

	if (!member || !member->type || (member->flags & (PLACE_ARRAY | PLACE_STATIC)))
		return false;
	if (strcmp(kind, "fd") != 0)
		return member->stars == 1;
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (!strcmp(member->type, plain[i]))
			return !member->stars;
	return false;
}

/* What the call gives anew, itself or as a function of the project does: fd, file, memory; or NULL. */
static const char *unclosed_opens(const struct item *item)
{
	static const char *const kinds[] = { "fd", "file", "memory" };
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
	const struct fact *opens = call ? api_fact(call->api, FACT_OPENS) : NULL;
	const char *kind = NULL;

	if (!call || (call->flags & CALL_DROPPED))
		return NULL;
	if (call->api)
		kind = opens && opens->arg == ARG_RESULT ? opens->word : NULL;
	else if (call->target && !call->target->summary.shares)
		kind = call->target->summary.opens;
	for (size_t i = 0; kind && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kind, kinds[i]))
			return kinds[i];
	return NULL;
}

/* A call of a library does no more with the argument than to use it. */
static bool unclosed_only_uses(const struct api *api, int arg)
{
	static const enum fact_key keys[] = { FACT_CLOSES, FACT_TAKES, FACT_FLAG,   FACT_HOLDS,
					      FACT_OWNS,   FACT_LENDS, FACT_STORES, FACT_CLOSING };

	for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++)
		for (const struct fact *f = api_fact(api, keys[k]); f; f = api_fact_next(api, f))
			if (f->arg == arg || f->arg2 == arg)
				return false;
	return true;
}

/* g_unix_input_stream_new(fd, FALSE): the new object uses the descriptor, and leaves it open. */
static bool unclosed_is_left(const struct call *call)
{
	const struct fact *owns = api_fact(call->api, FACT_OWNS);
	int64_t number;

	return owns && owns->arg2 > 0 && owns->arg2 <= call->n_args &&
	       operand_is_number(&call->args[owns->arg2 - 1], &number) && number == 0;
}

/* The argument, from 0, stays with whoever makes the call. */
static bool unclosed_stays(const struct call *call, int arg)
{
	if (call->api)
		return unclosed_is_left(call) || unclosed_only_uses(call->api, arg + 1);
	if (call->target && arg < 16)
		return !(call->target->summary.param[arg] & ~(unsigned)SUMMARY_ASKS);
	return call_is_talk(call);
}

/* struct pollfd p = { fd, … }; event.data.fd = fd: for a wait. */
static bool unclosed_is_waited_for(const struct function *fn, int place)
{
	static const char *const waits[] = { "pollfd", "epoll_event", "kevent" };

	for (; place >= 0; place = fn->places[place].parent) {
		const char *type = place_type(fn, place, NULL);

		for (size_t i = 0; type && i < sizeof(waits) / sizeof(*waits); i++)
			if (!strcmp(type, waits[i]))
				return true;
	}
	return false;
}

/*
 * The variable that is stored goes elsewhere too, or is closed behind the store: then the member is a
 * second name of it. What is closed before the store failed to come so far.
 */
static bool unclosed_has_another(const struct function *fn, const struct item *opens,
				 const struct item *store)
{
	int place = store->a.place;

	for (const struct item *i = opens + 1; i < fn->items + fn->n_items; i++) {
		if (i != store && operand_is_place(&i->a, place) &&
		    (i->kind == ITEM_RETURN ||
		     (i->kind == ITEM_ASSIGN && !unclosed_is_waited_for(fn, i->dst))))
			return true;
		for (int k = 0; i->kind == ITEM_CALL && i->call && k < i->call->n_args; k++)
			if (operand_is_place(&i->call->args[k], place) &&
			    !unclosed_stays(i->call, k) &&
			    (i > store || !api_fact(i->call->api, FACT_CLOSES)))
				return true;
	}
	return false;
}

static void unclosed_add(struct function *fn, const struct item *opens, const struct item *stores,
			 int place)
{
	const char *type = unclosed_owner(fn, place), *kind = unclosed_opens(opens);

	if (!type || unclosed_n == UNCLOSED_FIELDS || place_is_local(fn, place) ||
	    !unclosed_is_plain(type, fn->places[place].name, kind))
		return;
	unclosed_fields[unclosed_n++] = (struct unclosed_field){ .name = fn->places[place].name,
								 .kind = kind,
								 .type = type,
								 .fn = fn,
								 .opens = opens,
								 .stores = stores };
}

static void unclosed_find(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i], *source;

		if (!fn->reached[i] || item->dst < 0)
			continue;
		if (unclosed_opens(item)) {
			unclosed_add(fn, item, item, item->dst);
		} else if (item->kind == ITEM_ASSIGN && item->a.kind == OPERAND_PLACE &&
			   place_root(fn, item->a.place) == &fn->places[item->a.place] &&
			   fn->places[item->a.place].kind != PLACE_FREE) {
			source = operand_source(fn, &item->a, item);
			if (source && unclosed_opens(source) &&
			    !unclosed_has_another(fn, source, item))
				unclosed_add(fn, source, item, item->dst);
		}
	}
}

/* The places may be the same member: of one class, of a class and its base, or of what is not known. */
static bool unclosed_is(const struct function *fn, int place, const struct unclosed_field *field)
{
	const struct place *p = &fn->places[place];
	const char *type;

	if (p->name != field->name || (p->kind != PLACE_FIELD && p->kind != PLACE_FREE))
		return false;
	type = unclosed_owner(fn, place);
	return !type || type == field->type || index_derives(type, field->type) ||
	       index_derives(field->type, type);
}

/* Somebody else may have the operand, or end it, by what the item does. */
static bool unclosed_gives(const struct function *fn, const struct item *item,
			   const struct unclosed_field *field)
{
	const struct operand *o = &item->a;
	int64_t number;

	if (o->kind == OPERAND_ADDRESS && unclosed_is(fn, o->place, field))
		return true;
	if (o->kind == OPERAND_PLACE && unclosed_is(fn, o->place, field) &&
	    (item->kind == ITEM_RETURN ||
	     (item->kind == ITEM_ASSIGN && !unclosed_is_waited_for(fn, item->dst))))
		return true;
	/* It also gets what others have opened. */
	if (item->kind == ITEM_ASSIGN && item->dst >= 0 && unclosed_is(fn, item->dst, field))
		return !operand_is_number(o, &number) &&
		       !(o->kind == OPERAND_PLACE && operand_source(fn, o, item) &&
			 unclosed_opens(operand_source(fn, o, item)));
	if (item->kind != ITEM_CALL || !item->call)
		return false;
	for (int k = 0; k < item->call->n_args; k++) {
		o = &item->call->args[k];
		if (o->kind == OPERAND_ADDRESS && unclosed_is(fn, o->place, field))
			return true;
		if (o->kind == OPERAND_PLACE && unclosed_is(fn, o->place, field) &&
		    !unclosed_stays(item->call, k))
			return true;
	}
	return item->dst >= 0 && unclosed_is(fn, item->dst, field) && !unclosed_opens(item);
}

static void unclosed_look(const struct function *fn)
{
	for (int k = 0; k < unclosed_n; k++) {
		struct unclosed_field *field = &unclosed_fields[k];
		bool named = false;

		for (int i = 0; !named && !field->escapes && i < fn->n_places; i++)
			named = fn->places[i].name == field->name;
		for (int i = 0; named && !field->escapes && i < fn->n_items; i++)
			field->escapes = unclosed_gives(fn, &fn->items[i], field);
		/* What could not be parsed may close it. */
		if (named && (fn->flags & (FUNCTION_CUT | FUNCTION_ERRORS)))
			field->escapes = true;
	}
}

/* delete p, free(p): an object of the class ends, and not one that the function has just made. */
static bool unclosed_frees(const struct function *fn, const char *type)
{
	/* One that makes it, and gives it back when the rest works. */
	if (fn->flags & FUNCTION_POINTER)
		return false;
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;
		const struct item *made;
		const char *of;

		if (!call || call->n_args < 1 || call->args[0].kind != OPERAND_PLACE ||
		    (!(call->flags & CALL_DELETE) &&
		     !(api_fact(call->api, FACT_CLOSES) && api_is(call->api, ROLE(MEMORY)))))
			continue;
		made = operand_source(fn, &call->args[0], &fn->items[i]);
		of = place_type(fn, call->args[0].place, NULL);
		if (!(made && api_fact(made->call->api, FACT_OPENS)) && of &&
		    (of == type || index_derives(of, type)))
			return true;
	}
	return false;
}

/* void console_close(struct console *c): by its name and its argument it ends one. */
static bool unclosed_ends_by_name(const struct function *fn, const char *type)
{
	static const char *const words[] = {
		"close",   "exit",     "destroy", "cleanup", "free",
		"release", "shutdown", "finish",  "deinit",  "uninit"
	};
	const char *of;

	if (!fn->n_params || fn->places[fn->params[0]].stars != 1)
		return false;
	of = place_type(fn, fn->params[0], NULL);
	for (size_t i = 0; of == type && i < sizeof(words) / sizeof(*words); i++)
		if (strstr(fn->name, words[i]))
			return true;
	return false;
}

/* console_init() and console_close() have more in common than console_init() and line_close(). */
static size_t unclosed_common(const struct function *a, const struct function *b)
{
	size_t n = 0;

	while (a->name[n] && a->name[n] == b->name[n])
		n++;
	return n;
}

/* The function that ends one: ~iface(), the one that frees it, or else one that is called so. */
static struct function *unclosed_end(const struct unclosed_field *field, bool *certain)
{
	struct function *named = NULL;
	const char *type = field->type;

	*certain = true;
	for (size_t f = 0; f < program.n_functions; f++)
		if ((program.functions[f]->flags & FUNCTION_DESTRUCTOR) &&
		    program.functions[f]->class_name == type)
			return program.functions[f];
	for (size_t f = 0; f < program.n_functions; f++) {
		if (unclosed_frees(program.functions[f], type))
			return program.functions[f];
		if (unclosed_ends_by_name(program.functions[f], type) &&
		    (!named || unclosed_common(program.functions[f], field->fn) >
				       unclosed_common(named, field->fn)))
			named = program.functions[f];
	}
	*certain = false;
	return named;
}

/* p->fd = -1, other than where the object begins or ends: the next one is opened into it. */
static bool unclosed_is_reset(const struct unclosed_field *field)
{
	int64_t number;

	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		if (fn->flags & (FUNCTION_CONSTRUCTOR | FUNCTION_DESTRUCTOR))
			continue;
		for (int i = 0; i < fn->n_items; i++)
			if (fn->items[i].kind == ITEM_ASSIGN && fn->items[i].dst >= 0 &&
			    operand_is_number(&fn->items[i].a, &number) &&
			    unclosed_is(fn, fn->items[i].dst, field))
				return true;
	}
	return false;
}

/* instance = new Meter: a variable of the whole program has it. */
static bool unclosed_is_in_static(const struct function *fn, const struct item *made)
{
	int place = item_result(fn, made);
	const struct place *p = place >= 0 ? &fn->places[place] : NULL;
	const struct declared *member = p && p->is_member && fn->class_name
						? index_find_member(fn->class_name, p->name)
						: NULL;

	return p && (made->call->flags & CALL_NEW) && p->parent < 0 &&
	       (p->is_global || (p->flags & PLACE_STATIC) ||
		(member && (member->flags & PLACE_STATIC)));
}

/* Where objects of the class are made, it is once: Window w; in main(). */
static bool unclosed_is_made_once(const char *type)
{
	bool any = false;

	for (size_t f = 0; f < program.n_functions; f++) {
		struct function *fn = program.functions[f];

		for (int i = 0; i < fn->n_items; i++) {
			const struct call *call =
				fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

			if (!call || call->type != type ||
			    !(call->flags & (CALL_NEW | CALL_CONSTRUCT)))
				continue;
			if (!unclosed_is_in_static(fn, &fn->items[i]) &&
			    (!function_reach(fn) || function_runs_often(fn) ||
			     item_loop(fn, &fn->items[i]) >= 0))
				return false;
			any = true;
		}
	}
	return any;
}

/* The only object of the class lives as long as the program, and opens one. */
static bool unclosed_is_lone(const struct unclosed_field *field)
{
	if (function_reach(field->fn) && !function_runs_often(field->fn))
		return true;
	return unclosed_is_made_once(field->type) && !unclosed_is_reset(field) &&
	       !api_is(field->opens->call->api, ROLE(ACCEPT));
}

/* Memory counts when its object has to do with connections. */
static bool unclosed_counts(const struct unclosed_field *field, const struct function *end)
{
	return strcmp(field->kind, "memory") != 0 || lifetime_is_tied(field->fn, 1) ||
	       lifetime_is_tied(end, 1);
}

static bool unclosed_is_alike(const struct unclosed_field *a, const struct unclosed_field *b)
{
	return a->type == b->type && !strcmp(a->kind, "memory") == !strcmp(b->kind, "memory");
}

/* The members of the class that are left out, as a reader would list them; they are told of with it. */
static const char *unclosed_names(const struct unclosed_field *field, bool *lone)
{
	const char *names = NULL;

	*lone = true;
	for (int i = 0; i < unclosed_n; i++) {
		struct unclosed_field *other = &unclosed_fields[i];

		if (other->escapes || !unclosed_is_alike(other, field))
			continue;
		names = names ? arena_printf(&run_arena, "%s and `%s`", names, other->name)
			      : arena_printf(&run_arena, "`%s`", other->name);
		*lone &= unclosed_is_lone(other);
		/* The same member at another place, too. */
		for (int k = i; k < unclosed_n; k++)
			if (unclosed_is_alike(&unclosed_fields[k], other) &&
			    unclosed_fields[k].name == other->name)
				unclosed_fields[k].escapes = true;
	}
	return names;
}

static void unclosed_report(struct unclosed_field *field)
{
	bool is_memory = !strcmp(field->kind, "memory"), certain, lone;
	struct function *end = unclosed_end(field, &certain);
	const char *names = unclosed_names(field, &lone);
	struct finding *finding;

	if (!end || (is_memory && !certain) || !unclosed_counts(field, end))
		return;
	finding = finding_add(
		is_memory ? &rule_L7 : &rule_L1, end, end->at,
		"%s() ends the object without %s %s, and no other function does that: what %s gives in %s() is lost with it.",
		end->label, is_memory ? "freeing" : "closing", names,
		call_text(field->fn, field->opens), field->fn->label);
	if (finding && end->source == field->fn->source)
		finding->also = field->opens->at;
	if (finding && (lone || !certain))
		finding->severity = SEVERITY_ADVICE;
	finding_fix(finding, is_memory ? "In %s(), free %s." : "In %s(), close %s if it is open.",
		    end->label, names);
}

void unclosed_program(void)
{
	unclosed_fields = arena_alloc(&run_arena, UNCLOSED_FIELDS * sizeof(*unclosed_fields));
	unclosed_n = 0;
	for (size_t f = 0; f < program.n_functions; f++)
		if (program.functions[f]->interesting && !program.functions[f]->skipped)
			unclosed_find(program.functions[f]);
	for (size_t f = 0; unclosed_n && f < program.n_functions; f++)
		unclosed_look(program.functions[f]);
	for (int i = 0; i < unclosed_n; i++)
		if (!unclosed_fields[i].escapes)
			unclosed_report(&unclosed_fields[i]);
}
