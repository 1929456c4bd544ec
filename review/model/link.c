/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to meanings, once every file is indexed: types of places, constants, and for each call the
 * knowledge or the function of the project that it goes to.
 */

#include "model/registrations.h"
#include "knowledge/kb.h"
#include "read/source.h"

#include <string.h>

static void link_take_type(struct place *place, const struct declared *declared)
{
	place->type = declared->type;
	place->of = declared->of;
	place->stars = declared->stars;
	place->size = 0;
	place->flags |= declared->flags & (PLACE_ARRAY | PLACE_SMART | PLACE_STATIC | PLACE_CONST);
}

/* Without its namespace or class. */
static const char *link_last_name(const char *name)
{
	const char *colon = name ? strrchr(name, ':') : NULL;

	return colon && colon[1] ? intern_z(colon + 1) : name;
}

static void link_free_name(struct function *fn, struct place *place)
{
	const struct declared *declared = index_find_member(fn->class_name, place->name);
	int64_t value;

	if (declared)
		place->is_member = true;
	else
		declared = index_find_global(place->name, fn->source);
	if (declared) {
		place->is_global = !place->is_member;
		link_take_type(place, declared);
	}
	if (declared && !(declared->flags & PLACE_CONST))
		return;
	if (index_find_number(link_last_name(place->name), fn->source, &value) ||
	    kb_value(place->name, &value)) {
		place->is_number = !(place->flags & PLACE_ARRAY) && !place->stars;
		place->size = place->is_number ? value : place->size;
	}
}

static void link_part(struct function *fn, struct place *place)
{
	const struct place *parent = &fn->places[place->parent];
	uint8_t stars = parent->stars;
	const struct declared *member;

	if (place->kind == PLACE_FIELD) {
		const char *type = index_real_type(parent->type, &stars);

		if (kb_is_smart(type))
			type = parent->of;
		member = index_find_member(type, place->name);
		if (member)
			link_take_type(place, member);
		return;
	}
	/* An element of an array, what a pointer points to, an element of a container. */
	place->type =
		kb_is_smart(parent->type) || (!stars && parent->of) ? parent->of : parent->type;
	if (parent->flags & PLACE_ARRAY)
		place->stars = stars;
	else
		place->stars = stars ? (uint8_t)(stars - 1) : 0;
}

/* AutoFile, Guard<int>: the name is that of a class, as they are written; SOCKET and handle_t are not. */
static bool link_reads_as_class(const char *name)
{
	bool small = false;

	if (name[0] < 'A' || name[0] > 'Z')
		return false;
	for (const char *s = name; *s; s++)
		small |= *s >= 'a' && *s <= 'z';
	return small;
}

/*
 * AutoFd fd = open(…): only a class that owns what it is given, or hands it to one that does, is made of
 * a descriptor. What a typedef of the project calls an integer or a pointer is none.
 */
static bool link_is_owner(const struct function *fn, const struct place *place)
{
	uint8_t stars = place->stars;
	const char *type = index_real_type(place->type, &stars);
	const struct type_info *known = type ? index_type(type) : NULL;

	if (!type || stars || place->kind != PLACE_LOCAL || fn->source->language == SOURCE_C ||
	    (place->flags & (PLACE_ARRAY | PLACE_REF | PLACE_STATIC)) || kb_class(type))
		return false;
	return known ? known->is_class : place->of || link_reads_as_class(types_plain(type));
}

static void link_places(struct function *fn)
{
	for (int i = 0; i < fn->n_places; i++) {
		struct place *place = &fn->places[i];

		if (place->kind == PLACE_THIS) {
			place->type = fn->class_name;
			place->stars = 1;
		} else if (place->kind == PLACE_FREE) {
			link_free_name(fn, place);
		} else if (place->parent >= 0) {
			link_part(fn, place);
		} else if (kb_is_smart(place->type)) {
			place->flags |= PLACE_SMART;
		} else if (link_is_owner(fn, place)) {
			place->flags |= PLACE_AUTO;
		}
	}
}

static void link_operand(const struct function *fn, struct operand *o)
{
	if (o->kind == OPERAND_PLACE && fn->places[o->place].is_number)
		*o = (struct operand){ .kind = OPERAND_NUMBER,
				       .number = fn->places[o->place].size,
				       .text = fn->places[o->place].name };
}

const char *place_type(const struct function *fn, int place, uint8_t *stars)
{
	const struct place *p = &fn->places[place];
	uint8_t n = p->stars;
	const char *type = index_real_type(p->type, &n);

	if ((p->flags & PLACE_SMART) || kb_is_smart(type)) {
		type = index_real_type(p->of, &n);
		n = 1;
	}
	if (stars)
		*stars = n;
	return type;
}

struct link_search {
	const char *name;
	const struct api *found;
};

static bool link_visit_method(const char *class_name, void *data)
{
	struct link_search *search = data;

	search->found = kb_method(class_name, search->name);
	return search->found != NULL;
}

static bool link_visit_class(const char *class_name, void *data)
{
	struct link_search *search = data;

	search->found = kb_class(class_name);
	return search->found != NULL;
}

static const struct api *link_method(const char *type, const char *name)
{
	struct link_search search = { .name = name };

	index_bases(type, link_visit_method, &search);
	return search.found;
}

static const struct api *link_class(const char *type)
{
	struct link_search search = { 0 };

	index_bases(type, link_visit_class, &search);
	return search.found;
}

static bool link_visit_unknown(const char *class_name, void *data)
{
	const struct type_info *type = index_type(class_name);

	(void)data;
	return (!type || !type->source) && !kb_class(class_name);
}

/* A name that nobody declares: it was given what socket() opened, or says that it is an fd. */
static bool link_is_descriptor(const struct function *fn, int place)
{
	const char *text = fn->places[place].text;
	const struct fact *opens;

	if (text && strstr(text, "fd"))
		return true;
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i], *next;

		if (item->kind != ITEM_CALL || !item->call || item->call->receiver.kind)
			continue;
		next = item->next >= 0 ? &fn->items[item->next] : NULL;
		opens = api_fact(kb_function(item->call->name), FACT_OPENS);
		if (opens && !strcmp(opens->word, "fd") &&
		    (item->dst == place ||
		     (next && next->kind == ITEM_ASSIGN && next->dst == place &&
		      operand_is_place(&next->a, item->dst))))
			return true;
	}
	return false;
}

static bool link_is_integer(const struct function *fn, const struct operand *o)
{
	const char *type;
	uint8_t stars;

	if (o->kind == OPERAND_NUMBER)
		return true;
	if (o->kind != OPERAND_PLACE)
		return false;
	type = place_type(fn, o->place, &stars);
	if (!type)
		return link_is_descriptor(fn, o->place);
	return !stars && (!strcmp(type, "int") || !strcmp(type, "SOCKET") ||
			  !strcmp(type, "qintptr") || !strcmp(type, "socket_t"));
}

/* SIGNAL(…), SLOT(…), qOverload<…>(&T::f), QMetaMethod::fromSignal(…) */
static bool link_makes_signal(const struct function *fn, const struct operand *o)
{
	static const char *const words[] = { "SIGNAL", "SLOT", "qOverload", "fromSignal" };
	const struct item *made = o->kind == OPERAND_PLACE ? place_set_once(fn, o->place) : NULL;

	for (size_t i = 0;
	     made && made->kind == ITEM_CALL && made->call && i < sizeof(words) / sizeof(*words);
	     i++)
		if (!strcmp(made->call->name, words[i]))
			return true;
	return false;
}

/* An object, where connect(2) wants a number. */
static bool link_is_object(const struct function *fn, const struct operand *o)
{
	if (o->kind == OPERAND_ADDRESS)
		return true;
	return o->kind == OPERAND_PLACE &&
	       (fn->places[o->place].kind == PLACE_THIS ||
		(fn->places[o->place].type && fn->places[o->place].stars));
}

/* connect(object, SIGNAL(…), …), &Class::signal: Qt's, whoever else has a connect(). */
static bool link_names_signal(const struct function *fn, const struct call *call)
{
	if (strcmp(call->name, "connect") != 0 || fn->source->language == SOURCE_C)
		return false;
	for (int i = 1; i < call->n_args; i++)
		if (link_makes_signal(fn, &call->args[i]) ||
		    (call->args[i].kind == OPERAND_ADDRESS &&
		     strstr(fn->places[call->args[i].place].text, "::")))
			return true;
	return false;
}

/* connect(object, &Class::signal, …): Qt's, whatever is around it; connect(2) takes three. */
static bool link_is_signal(const struct function *fn, const struct call *call)
{
	if (strcmp(call->name, "connect") != 0 || fn->source->language == SOURCE_C)
		return false;
	for (int i = 0; i < call->n_args; i++)
		if (call->args[i].kind == OPERAND_LAMBDA)
			return true;
	return link_names_signal(fn, call) || call->n_args != 3 ||
	       link_is_object(fn, &call->args[0]);
}

/* bind(f, _1, 2), bind(&Class::method, object, _1): what it is given is no descriptor and no address. */
static bool link_binds_call(const struct function *fn, const struct call *call)
{
	const struct operand *first = &call->args[0];

	if (first->kind == OPERAND_LAMBDA || first->kind == OPERAND_STRING ||
	    first->kind == OPERAND_ADDRESS)
		return true;
	if (first->kind == OPERAND_PLACE && fn->places[first->place].kind == PLACE_FREE &&
	    !fn->places[first->place].type &&
	    index_find_function(link_last_name(fn->places[first->place].name), fn->source))
		return true;
	for (int i = 1; i < call->n_args; i++) {
		const char *name = call->args[i].kind == OPERAND_PLACE
					   ? link_last_name(fn->places[call->args[i].place].text)
					   : NULL;

		if (name && name[0] == '_' && name[1] >= '1' && name[1] <= '9' && !name[2])
			return true;
	}
	return false;
}

/*
 * A name is not yet the function that is known by it: the call has as many arguments as that takes,
 * and in C++, where names have overloads and namespaces, a descriptor may be where that wants one.
 */
static bool link_fits(const struct function *fn, const struct call *call, const struct api *api)
{
	const struct fact *args = api_fact(api, FACT_ARGS), *uses = api_fact(api, FACT_USES);

	if (!args)
		return true;
	if (call->n_args < args->arg ||
	    call->n_args > (args->arg2 == ARG_NONE ? args->arg : args->arg2))
		return false;
	if (fn->source->language == SOURCE_C || !uses || uses->arg != 1)
		return true;
	return !(call->scope && !strcmp(call->scope, "std")) && !link_binds_call(fn, call);
}

/* Another function of that name, when it takes fewer: an overload that is not seen, or a namespace's. */
static bool link_is_for_fewer(const struct function *fn, const struct call *call)
{
	return fn->source->language != SOURCE_C && call->target &&
	       call->n_args > call->target->n_params && !(call->target->flags & FUNCTION_VARIADIC);
}

/* write(fd, …) is no call of write(const Path &, …), which another namespace has. */
static bool link_is_for_another(const struct function *fn, const struct call *call,
				const struct api *known)
{
	const struct function *target = call->target;
	const struct fact *uses = api_fact(known, FACT_USES);
	const struct place *first;

	if (!target || !uses || uses->arg != 1 || fn->source->language == SOURCE_C ||
	    !call->n_args || !target->n_params || !link_fits(fn, call, known))
		return false;
	first = &target->places[target->params[0]];
	return ((first->flags & PLACE_REF) || first->stars) && link_is_integer(fn, &call->args[0]);
}

/*
 * In a class with a base that nobody declares, close() or connect() may be a method of that base.
 * It is the system's if its first argument is a number where that wants a descriptor.
 */
static bool link_is_system(const struct function *fn, const struct call *call,
			   const struct api *api)
{
	const struct fact *uses = api_fact(api, FACT_USES);

	if (link_is_signal(fn, call) || (uses && call->n_args < uses->arg))
		return false;
	if (call->scope || !fn->class_name ||
	    !index_bases(fn->class_name, link_visit_unknown, NULL))
		return true;
	if (uses || (api_fact(api, FACT_CLOSES) && !strcmp(api->name, "close")))
		return call->n_args > 0 && link_is_integer(fn, &call->args[0]);
	return call->n_args >= 2 || strcmp(api->name, "open") != 0;
}

/* A class that the knowledge has is that class, also where a test defines it anew. */
static void link_method_of(const struct function *fn, struct call *call, const char *type)
{
	if (kb_class(type))
		call->api = kb_method(type, call->name);
	if (!call->api)
		call->target = index_find_method(type, call->name, fn->source);
	if (!call->api && !call->target)
		call->api = link_method(type, call->name);
}

static void link_plain_call(struct function *fn, struct call *call)
{
	const char *alias = index_find_alias(call->name);
	const struct api *known = kb_function(call->name);

	if (call->scope && *call->scope && strcmp(call->scope, "std") != 0) {
		call->receiver_type = call->scope;
		link_method_of(fn, call, call->scope);
		if (!call->target && !call->api)
			call->target = index_find_function(call->name, fn->source);
		return;
	}
	if (!call->scope && link_names_signal(fn, call)) {
		call->api = kb_method(intern_z("QObject"), call->name);
		return;
	}
	if (!call->scope && fn->class_name) {
		call->target = index_find_method(fn->class_name, call->name, fn->source);
		if (!call->target)
			call->api = link_method(fn->class_name, call->name);
		if (call->target || call->api) {
			call->receiver_type = fn->class_name;
			return;
		}
	}
	if (!call->scope)
		call->target = index_find_function(call->name, fn->source);
	if (link_is_for_fewer(fn, call) || link_is_for_another(fn, call, known) ||
	    (call->target && known && link_fits(fn, call, known) &&
	     standin_is(call, call->target, known)))
		call->target = NULL;
	if (!call->target)
		call->api = known;
	if (call->api && (!link_fits(fn, call, call->api) || !link_is_system(fn, call, call->api)))
		call->api = fn->source->language == SOURCE_C || strcmp(call->name, "connect")
				    ? NULL
				    : kb_method(intern_z("QObject"), call->name);
	else if (!call->target && !call->api && alias) {
		call->target = index_find_function(alias, fn->source);
		call->api = call->target ? NULL : kb_function(alias);
	}
}

/* The file has some name of Qt: a method of an object that nobody declares may be of its classes. */
static bool link_has_qt(struct source *source)
{
	static const char *const words[] = { "#include <Q", "QObject",        "Q_OBJECT",
					     "QString",     "QTcp",           "QLocal",
					     "QUdp",        "QIODevice",      "QThread",
					     "QByteArray",  "QAbstractSocket" };

	for (size_t i = 0; !source->qt && i < sizeof(words) / sizeof(*words); i++)
		if (strstr(source->text, words[i]))
			source->qt = 1;
	if (!source->qt)
		source->qt = -1;
	return source->qt > 0;
}

/* Some class of the project has such a method of its own; what that does is seen in it. */
static bool link_is_of_project(const char *name)
{
	for (size_t i = 0; i < program.n_functions; i++)
		if (program.functions[i]->class_name && program.functions[i]->name == name)
			return true;
	return false;
}

/* The receiver's class is not known. */
static const struct api *link_method_by_name(const struct function *fn, const char *name)
{
	const struct api *api = kb_method_any(name);

	return api && api->class_name[0] == 'Q' &&
			       (!link_has_qt(fn->source) ||
				(api_is(api, ROLE(DIALS) | ROLE(LISTEN) | ROLE(STATE)) &&
				 link_is_of_project(name)))
		       ? NULL
		       : api;
}

static void link_method_call(struct function *fn, struct call *call)
{
	const char *type = NULL;

	if (call->receiver.kind == OPERAND_PLACE || call->receiver.kind == OPERAND_ADDRESS)
		type = place_type(fn, call->receiver.place, NULL);
	call->receiver_type = type;
	if (type && strcmp(type, "auto") != 0) {
		link_method_of(fn, call, type);
	} else {
		call->api = link_method_by_name(fn, call->name);
	}
}

static void link_call(struct function *fn, struct call *call)
{
	if (call->flags & (CALL_NEW | CALL_CONSTRUCT)) {
		uint8_t stars = 0;

		call->api = link_class(index_real_type(call->type, &stars));
		call->target = call->api ? NULL
					 : index_find_method(call->type, types_plain(call->type),
							     fn->source);
	} else if (call->flags & (CALL_DELETE | CALL_CAPTURE | CALL_INDIRECT)) {
		return;
	} else if (call->receiver.kind) {
		link_method_call(fn, call);
	} else {
		link_plain_call(fn, call);
	}
	call->ends = !call->api && !call->target && call_ends_by_name(fn, call);
}

/*
 * Keys *k = mode->bind(): a method of a class that nobody declares gives a pointer, so it is not
 * the one of that name that gives a status.
 */
static void link_check_result(const struct function *fn, const struct item *item)
{
	struct call *call = item->call;
	int place = item_result(fn, item);

	if (call->receiver.kind && !call->receiver_type && call->api && place >= 0 &&
	    place != item->dst && fn->places[place].stars && call->api->fails &&
	    call->api->fails != FAILS_NULL && call->api->fails != FAILS_NEVER)
		call->api = NULL;
}

/* What a call gives has a type when the knowledge or the project says so. */
static void link_result(struct function *fn, const struct item *item)
{
	const struct fact *returns = api_fact(item->call->api, FACT_RETURNS);
	struct place *place;

	if (item->dst < 0)
		return;
	place = &fn->places[item->dst];
	if (place->type && strcmp(place->type, "auto") != 0)
		return;
	if (returns) {
		place->type = returns->word;
		place->stars = 1;
	} else if (item->call->target && item->call->target->return_type) {
		place->type = item->call->target->return_type;
		place->stars = (item->call->target->flags & FUNCTION_POINTER) != 0;
	}
}

static void link_assign(struct function *fn, const struct item *item)
{
	struct place *to;
	const struct place *from;

	if (item->dst < 0 || item->a.kind != OPERAND_PLACE)
		return;
	to = &fn->places[item->dst];
	from = &fn->places[item->a.place];
	if (from->type && (!to->type || !strcmp(to->type, "auto"))) {
		to->type = from->type;
		to->of = from->of;
		to->stars = from->stars;
	}
}

static bool link_is_wait(const struct api *api)
{
	return api_fact(api, FACT_WAITS) || api_fact(api, FACT_BLOCKS) ||
	       api_is(api, ROLE(POLL) | ROLE(SLEEP) | ROLE(LOOP));
}

static void link_count(const struct function *fn, const struct item *item)
{
	const struct api *api = item->call->api;

	if (!api)
		return;
	program.spawns |= api_is(api, ROLE(FORK) | ROLE(SPAWN));
	if (fn->source->context)
		return;
	program.n_waits += link_is_wait(api) && !(item->call->flags & (CALL_NEW | CALL_CONSTRUCT));
	program.n_resources += api_fact(api, FACT_OPENS) != NULL;
}

static void link_function(struct function *fn)
{
	link_places(fn);
	function_index_sets(fn);
	for (int i = 0; i < fn->n_items; i++) {
		struct item *item = &fn->items[i];

		link_operand(fn, &item->a);
		link_operand(fn, &item->b);
		if (item->kind == ITEM_ASSIGN)
			link_assign(fn, item);
		if (item->kind != ITEM_CALL || !item->call)
			continue;
		for (int k = 0; k < item->call->n_args; k++)
			link_operand(fn, &item->call->args[k]);
		link_call(fn, item->call);
		link_check_result(fn, item);
		link_result(fn, item);
		link_count(fn, item);
		fn->interesting |= item->call->api || item->call->target;
	}
}

void program_link(void)
{
	types_resolve();
	standins_find();
	for (size_t i = 0; i < program.n_functions; i++) {
		link_function(program.functions[i]);
		program.n_checked += !program.functions[i]->source->context;
		program.syntax_errors += !program.functions[i]->source->context &&
					 (program.functions[i]->flags & FUNCTION_ERRORS);
	}
	callers_find();
	registrations_find();
	program_find();
}
