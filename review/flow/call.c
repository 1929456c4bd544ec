/* SPDX-License-Identifier: Apache-2.0 */
/* What a call does to a state: by the knowledge, by a summary, or, unknown, by fearing all. */

#include "flow/hold.h"
#include "read/source.h"

#include <string.h>

int flow_site(struct flow *flow, const struct item *item, int sub)
{
	for (int i = 0; i < flow->n_resources; i++)
		if (flow->resources[i].site == item && flow->resources[i].sub == sub)
			return i;
	if (flow->n_resources == STATE_RESOURCES)
		return -1;
	flow->resources[flow->n_resources] =
		(struct resource){ .site = item, .param = -1, .place = -1, .sub = (uint8_t)sub };
	return flow->n_resources++;
}

/* The place to which the item's result is assigned next, or -1. */
static int call_goes_to(const struct flow *flow, const struct item *item)
{
	const struct item *next = item->next >= 0 ? &flow->fn->items[item->next] : NULL;

	if (next && next->kind == ITEM_ASSIGN && item->dst >= 0 &&
	    operand_is_place(&next->a, item->dst))
		return next->dst;
	return -1;
}

/* The site comes by again; what it opened before is lost, or somebody still has it. */
static void call_reopen(struct flow *flow, int r, const struct item *item, int dst)
{
	struct state *state = flow->state;

	if (state_is_named(flow, r, -1) && !state_is_named(flow, r, dst))
		flow_lose(flow, r, LOSS_OVERWRITTEN, item);
	/* Other names of it still are no NULL: the first of a list, and the last one. */
	for (int i = state->n; i-- > 0;) {
		struct value v = state->bindings[i].value;

		if (v.resource != r)
			continue;
		v.resource = -1;
		v.status = -1;
		state_bind(flow, state->bindings[i].place, v, state->bindings[i].from);
	}
}

int flow_open(struct flow *flow, const struct item *item, const char *kind, const struct api *api,
	      uint8_t fails, int sub)
{
	int r = flow_site(flow, item, sub);

	if (r < 0)
		return -1;
	call_reopen(flow, r, item, call_goes_to(flow, item));
	flow->resources[r].kind = kind;
	flow->resources[r].api = api;
	flow->resources[r].fails = fails;
	flow->resources[r].accepted |= api_is(api, ROLE(ACCEPT));
	flow->state->bits[r] = fails == FAILS_NEVER ? RES_OPEN : RES_OPEN | RES_FAILED;
	flow->state->holder[r] = 0;
	flow->state->rare[r] = 0;
	return r;
}

/* Gives 0 or -1 and nothing else, or 0 and below. */
static bool call_is_status(const struct api *api)
{
	const struct fact *opens = api_fact(api, FACT_OPENS);

	if (api_is(api, ROLE(EAI)))
		return true;
	if (api && api->fails == FAILS_NEGATIVE)
		return opens && opens->arg != ARG_RESULT;
	if (!api || api->fails != FAILS_MINUS_ONE)
		return false;
	return opens ? opens->arg != ARG_RESULT
		     : api_is(api, ROLE(BIND) | ROLE(LISTEN) | ROLE(CONNECT) | ROLE(SETOPT) |
					   ROLE(SHUTDOWN) | ROLE(UNLINK) | ROLE(STATE)) ||
			       api_fact(api, FACT_TAKES);
}

static struct value call_value(const struct flow *flow, const struct item *item, uint8_t fails,
			       int resource)
{
	struct value v = value_unknown;

	v.status = (int32_t)(item - flow->fn->items);
	v.resource = (int16_t)resource;
	if (fails == FAILS_MINUS_ONE)
		v.low = -1;
	if (call_is_status(item->call->api))
		v.high = 0;
	if (api_fact(item->call->api, FACT_FAILING))
		v.high = -1;
	/* They give the number of the error, and never -1. */
	if (fails == FAILS_NULL || fails == FAILS_FALSE ||
	    (!item->call->target && starts_with(item->call->name, "pthread_")))
		v.low = 0;
	if (fails == FAILS_NEVER)
		v.flags = VALUE_NONZERO;
	return v;
}

static bool call_speaks_of(const struct api *api, enum fact_key key, int arg)
{
	for (const struct fact *f = api_fact(api, key); f; f = api_fact_next(api, f))
		if (f->arg == arg || f->arg == ARG_ALL)
			return true;
	return false;
}

static bool call_closes(const struct call *call, int arg)
{
	if (call->flags & CALL_DELETE)
		return arg == 1;
	if (call->target)
		return arg >= 1 && arg <= 16 &&
		       (call->target->summary.param[arg - 1] & SUMMARY_CLOSES);
	return call_speaks_of(call->api, FACT_CLOSES, arg);
}

static void call_note_use(struct flow *flow, const struct item *item, int arg)
{
	const struct operand *o = call_argument(item->call, arg);
	int r = o ? state_resource(flow, o) : -1;
	bool closing = call_closes(item->call, arg);
	bool uses = arg == ARG_THIS ? item->call->api != NULL
				    : call_speaks_of(item->call->api, FACT_USES, arg);
	uint8_t bits;

	if (r < 0 || (!closing && !uses))
		return;
	bits = flow->state->bits[r];
	if (bits == RES_CLOSED)
		flow->tell->use(flow, item, r, closing ? USE_CLOSE_AGAIN : USE_AFTER_CLOSE);
	else if (bits == RES_FAILED && (!closing || flow->resources[r].stored))
		flow->tell->use(flow, item, r, closing ? USE_UNSET : USE_FAILED);
	else if ((bits & RES_FAILED) && (bits & RES_OPEN) && !closing && flow->resources[r].site &&
		 !(state_operand(flow, o).flags & VALUE_CHECKED))
		flow->tell->use(flow, item, r, USE_UNCHECKED);
}

static void call_note_uses(struct flow *flow, const struct item *item)
{
	for (int arg = 1; arg <= item->call->n_args; arg++)
		call_note_use(flow, item, arg);
	if (item->call->receiver.kind)
		call_note_use(flow, item, ARG_THIS);
}

static int call_element(const struct flow *flow, int parent, int index)
{
	for (int i = 0; i < flow->fn->n_places; i++) {
		const struct place *p = &flow->fn->places[i];

		if (p->parent == parent && p->kind == PLACE_INDEX && p->name[0] == '0' + index &&
		    !p->name[1])
			return i;
	}
	return -1;
}

static void call_store(struct flow *flow, int place, int r)
{
	struct value v = value_unknown;

	if (r < 0)
		return;
	if (place < 0 || !place_is_local(flow->fn, place) ||
	    (flow->fn->places[place].flags & (PLACE_AUTO | PLACE_SMART)))
		state_give(flow, r);
	if (place < 0)
		return;
	v.resource = (int16_t)r;
	/* -1, or a descriptor: of another number below 0 nobody can tell. */
	if (!strcmp(flow->resources[r].kind, "fd"))
		v.low = -1;
	flow->resources[r].stored = true;
	if (flow->resources[r].place < 0)
		flow->resources[r].place = place;
	state_bind(flow, place, v, -1);
}

/* The owner is the caller's, and outlives this function. */
static bool call_owner_is_given(const struct flow *flow, const struct item *item)
{
	const struct fact *owner = api_fact(item->call->api, FACT_OWNER);
	const struct operand *o = owner ? call_argument(item->call, owner->arg) : NULL;

	return o && o->kind == OPERAND_PLACE && flow->fn->places[o->place].kind == PLACE_PARAM;
}

/* opens=KIND:*N and opens=KIND:**N. */
static void call_open_stored(struct flow *flow, const struct item *item, const struct fact *fact)
{
	const struct operand *o = call_argument(item->call, fact->arg);
	const struct api *api = item->call->api;
	int place;

	if (!o || (o->kind != OPERAND_ADDRESS && o->kind != OPERAND_PLACE))
		return;
	place = o->place;
	state_forget_parts(flow, place, o->kind == OPERAND_ADDRESS);
	if (fact->depth >= 2) {
		for (int i = 0; i < 2; i++) {
			int r, element = call_element(flow, place, i);

			if (element < 0 || !place_is_local(flow->fn, element))
				continue;
			r = flow_open(flow, item, fact->word, api, api->fails, i);
			call_store(flow, element, r);
		}
		return;
	}
	if (o->kind == OPERAND_ADDRESS && place_is_local(flow->fn, place)) {
		int r = flow_open(flow, item, fact->word, api, api->fails, 0);

		call_store(flow, place, r);
		if (r >= 0 && call_owner_is_given(flow, item))
			flow->state->bits[r] |= RES_GONE;
	}
}

/* ev.data.fd goes with &ev. */
static void call_lend_parts(struct flow *flow, const struct item *item, int place)
{
	for (int i = 0; i < flow->state->n; i++) {
		int r = flow->state->bindings[i].value.resource;

		if (r >= 0 && place_is_within(flow->fn, flow->state->bindings[i].place, place))
			state_lend(flow, r, item, item->call->api->fails);
	}
}

/*
 * flock(fd, …), fcntl(fd, F_SETLK, …): the lock lives as long as the descriptor, which is kept for it. The
 * resource, also behind fileno(), or -1.
 */
static int call_locked(const struct flow *flow, const struct item *item)
{
	const struct call *call = item->call;
	const struct item *source;
	int r;

	if (!api_is(call->api, ROLE(LOCKS)) &&
	    (!api_is(call->api, ROLE(NONBLOCK)) || call->n_args < 3 ||
	     !strstr(operand_text(flow->fn, &call->args[1]), "SETLK")))
		return -1;
	for (int i = 0; i < flow->fn->n_places; i++)
		if (flow->fn->places[i].name && !strcmp(flow->fn->places[i].name, "F_UNLCK"))
			return -1;
	r = state_resource(flow, &call->args[0]);
	source = operand_source(flow->fn, &call->args[0], item);
	if (source && !strcmp(source->call->name, "fileno") && source->call->n_args == 1)
		r = state_resource(flow, &source->call->args[0]);
	return r;
}

/* QFile::open(fd, …, AutoCloseHandle) takes it by a flag, and fails only when there is none. */
static bool call_is_given_by_flag(const struct flow *flow, const struct item *item, int arg)
{
	const struct fact *flag = api_fact(item->call->api, FACT_FLAG);

	return flag && flag->arg == arg && !call_speaks_of(item->call->api, FACT_TAKES, arg) &&
	       item_mentions(flow->fn, item, flag->word);
}

/* memset(c, 0, sizeof(*c)): c->fd names nothing any more of what it did. */
static void call_refill(struct flow *flow, int place)
{
	struct state *state = flow->state;

	for (int i = state->n; i-- > 0;) {
		int r = state->bindings[i].value.resource;

		if (r < 0 || state->bindings[i].place == place ||
		    !place_is_within(flow->fn, state->bindings[i].place, place))
			continue;
		state_give(flow, r);
		state_unbind(state, state->bindings[i].place);
	}
}

/* The arguments of a known function that nothing else is said of. */
static void call_known_argument(struct flow *flow, const struct item *item, int arg)
{
	const struct operand *o = call_argument(item->call, arg);
	const struct api *api = item->call->api;

	if (!o)
		return;
	if (call_speaks_of(api, FACT_CLOSES, arg)) {
		flow_close(flow, o, item);
		if (o->kind == OPERAND_ADDRESS)
			state_escape(flow, o);
	} else if (hold_leaves(flow, item, o)) {
		return;
	} else if (call_is_given_by_flag(
			   flow, item, arg)) { /* NOLINT(bugprone-branch-clone): before the next */
		state_escape(flow, o);
	} else if (call_speaks_of(api, FACT_TAKES, arg) && state_resource(flow, o) >= 0) {
		state_lend(flow, state_resource(flow, o), item, api->fails);
		call_lend_parts(flow, item, o->place);
	} else if (call_speaks_of(api, FACT_TAKES, arg) ||
		   (o->kind == OPERAND_PLACE && flow->fn->places[o->place].kind == PLACE_TEMP &&
		    !call_speaks_of(api, FACT_USES, arg))) {
		/* What is opened right in an argument is meant to be kept. */
		state_escape(flow, o);
	} else if (o->kind == OPERAND_ADDRESS && !api_is(api, ROLE(PURE))) {
		call_lend_parts(flow, item, o->place);
		state_forget_parts(flow, o->place, true);
	} else if (o->kind == OPERAND_PLACE && api_fills(api, arg)) {
		call_refill(flow, o->place);
	}
}

/* connect(x, …, x, &QObject::deleteLater): the object ends itself. */
static void call_handler(struct flow *flow, const struct item *item)
{
	const struct call *call = item->call;
	bool deletes = false;

	for (int i = 0; i < call->n_args; i++)
		deletes |= call->args[i].kind == OPERAND_ADDRESS &&
			   strstr(flow->fn->places[call->args[i].place].text, "deleteLater");
	for (const struct item *i = item; i-- > flow->fn->items && i + 8 > item;)
		deletes |= i->kind == ITEM_CALL && i->call && strstr(i->call->name, "deleteLater");
	for (int i = 0; deletes && i < call->n_args; i++)
		state_escape(flow, &call->args[i]);
}

/* new T(parent): somebody else deletes it. */
static bool call_has_owner(const struct flow *flow, const struct item *item)
{
	const struct call *call = item->call;
	int64_t number;

	for (int i = 0; i < call->n_args; i++) {
		const struct operand *o = &call->args[i];

		if (o->kind == OPERAND_ADDRESS)
			return true;
		if (o->kind == OPERAND_PLACE && !state_is_constant(flow, o, &number)) {
			const char *type = flow->fn->places[o->place].type;

			if (flow->fn->places[o->place].kind == PLACE_THIS) {
				if (!function_runs_elsewhere(flow->fn))
					return true;
			} else if (flow->fn->places[o->place].stars || !type) {
				return true;
			}
		}
	}
	return false;
}

static struct value call_known(struct flow *flow, const struct item *item)
{
	const struct api *api = item->call->api;
	struct value v;
	int r = -1;

	hold_before(flow, item);
	for (int arg = 1; arg <= item->call->n_args; arg++)
		call_known_argument(flow, item, arg);
	for (const struct fact *f = api_fact(api, FACT_CLOSING); f; f = api_fact_next(api, f)) {
		const struct operand *o = call_argument(item->call, f->arg);

		if (o)
			flow_is_closing(flow, o, item);
	}
	if (api_is(api, ROLE(HANDLER)))
		call_handler(flow, item);
	if (call_locked(flow, item) >= 0)
		state_lend(flow, call_locked(flow, item), item, api->fails);
	if (call_speaks_of(api, FACT_CLOSES, ARG_THIS))
		flow_close(flow, &item->call->receiver, item);
	if (call_speaks_of(api, FACT_TAKES, ARG_THIS))
		state_escape(flow, &item->call->receiver);
	for (const struct fact *f = api->facts; api->n_facts > 0 && f < api->facts + api->n_facts;
	     f++) {
		if (f->key == FACT_OPENS && f->arg == ARG_RESULT)
			r = flow_open(flow, item, f->word, api, api->fails, 0);
		else if (f->key == FACT_OPENS)
			call_open_stored(flow, item, f);
	}
	r = hold_after(flow, item, r);
	v = call_value(flow, item, api->fails, r);
	if (call_speaks_of(api, FACT_OWNER, ARG_THIS) && r >= 0)
		flow->state->bits[r] |= RES_GONE;
	return v;
}

/* Whoever runs other code of the project may change members and globals. */
static void call_forget_shared(struct flow *flow)
{
	struct state *state = flow->state;

	for (int i = state->n; i-- > 0;) {
		const struct place *root = place_root(flow->fn, state->bindings[i].place);
		int r = state->bindings[i].value.resource;

		if (root->kind != PLACE_FREE && root->kind != PLACE_CAPTURE &&
		    !(root->flags & PLACE_STATIC))
			continue;
		if (r >= 0)
			state->bits[r] |= RES_GONE;
		state_unbind(state, state->bindings[i].place);
	}
}

static void call_target_argument(struct flow *flow, const struct item *item, int i)
{
	const struct operand *o = &item->call->args[i];
	const struct summary *summary = &item->call->target->summary;
	uint8_t does = i < 16 && summary->done && i < item->call->target->n_params
			       ? summary->param[i]
			       : SUMMARY_KEEPS;
	int r;

	hold_given(flow, item, i);
	if (o->kind == OPERAND_ADDRESS && (does & SUMMARY_FILLS) && summary->fill_fails) {
		state_forget_parts(flow, o->place, true);
		r = flow_open(flow, item, summary->fills[i], summary->opener, summary->fill_fails,
			      i);
		call_store(flow, o->place, r);
	} else if (does & SUMMARY_CLOSES) {
		flow_close(flow, o, item);
	} else if ((does & SUMMARY_MAY_CLOSE) && !(does & SUMMARY_KEEPS) &&
		   o->kind == OPERAND_PLACE && summary->close_fails[i] &&
		   summary->close_fails[i] != FAILS_NEVER) {
		flow_may_close(flow, o, item, summary->close_fails[i], 0);
	} else if ((does & SUMMARY_KEEPS) && !(does & SUMMARY_MAY_CLOSE) && summary->done &&
		   i < 16 && state_resource(flow, o) >= 0) {
		state_lend(flow, state_resource(flow, o), item, summary->keep_fails[i]);
		state_forget_parts(flow, o->place, false);
	} else if (does & (SUMMARY_MAY_CLOSE | SUMMARY_KEEPS)) {
		state_escape(flow, o);
	} else if (o->kind == OPERAND_ADDRESS) {
		state_forget_parts(flow, o->place, true);
	} else if (o->kind == OPERAND_PLACE) {
		state_forget_parts(flow, o->place, false);
	}
}

/* A reference that the function sets, or hands on to one that may. */
static bool call_sets_reference(const struct function *target, int arg)
{
	int place = arg < target->n_params ? target->params[arg] : -1;

	if (place < 0 || !(target->places[place].flags & PLACE_REF))
		return false;
	for (int i = 0; i < target->n_items; i++) {
		const struct item *item = &target->items[i];
		const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

		if (item->dst == place)
			return true;
		for (int k = 0; call && !call->api && k < call->n_args; k++)
			if (operand_is_place(&call->args[k], place))
				return true;
	}
	return false;
}

/* read_message(socket, buffer): what the variable named before the call, deleted as that is, it names no more. */
static void call_set_references(struct flow *flow, const struct item *item)
{
	const struct call *call = item->call;

	for (int i = 0; i < call->n_args; i++) {
		int r = call->args[i].kind == OPERAND_PLACE ? state_resource(flow, &call->args[i])
							    : -1;

		if (r >= 0 && (flow->state->bits[r] & RES_CLOSED) &&
		    call_sets_reference(call->target, i))
			state_unbind(flow->state, call->args[i].place);
	}
}

static struct value call_target(struct flow *flow, const struct item *item)
{
	const struct function *target = item->call->target;
	const struct summary *summary = &target->summary;
	const struct operand *o;
	struct parts_kept kept;
	struct value v;
	int r = -1;

	if (summary->done && summary->tells_param >= 0 && !summary->opens &&
	    (o = call_argument(item->call, summary->tells_param + 1)))
		r = state_resource(flow, o);
	if (r >= 0 && !(flow->resources[r].site && flow->resources[r].fails == FAILS_MINUS_ONE))
		r = -1;
	call_set_references(flow, item);
	parts_before(flow, item, &kept);
	hold_by_target(flow, item);
	for (int i = 0; i < item->call->n_args; i++)
		call_target_argument(flow, item, i);
	for (int i = 0; i < item->call->n_args && i < 16 && summary->done; i++)
		if (summary->param[i] & SUMMARY_CLOSING)
			flow_is_closing(flow, &item->call->args[i], item);
	call_forget_shared(flow);
	parts_after(flow, item, &kept);
	if (summary->done && summary->opens)
		r = flow_open(flow, item, summary->opens, summary->opener, summary->fails, 14);
	else if (summary->done && summary->returns_param >= 0 && !summary->returns_other &&
		 (o = call_argument(item->call, summary->returns_param + 1))) {
		v = state_operand(flow, o);
		if (summary->param[summary->returns_param] & SUMMARY_ASKS)
			v.flags |= VALUE_CHECKED;
		return v;
	}
	/* The argument, or NULL: what the result names then, nobody follows. */
	if (summary->done && summary->returns_param >= 0 && summary->returns_other &&
	    (o = call_argument(item->call, summary->returns_param + 1)) &&
	    state_resource(flow, o) >= 0)
		state_give(flow, state_resource(flow, o));
	v = call_value(flow, item, summary->fails, r);
	if (summary->done && summary->has_range) {
		v.low = summary->low;
		v.high = summary->high;
	}
	return v;
}

/*
 * Nothing of the standard library, and no method of a string or container that the function itself
 * holds, changes a member of ours.
 */
static bool call_is_foreign(const struct flow *flow, const struct call *call)
{
	const struct type_info *type;

	if (call->scope && !strcmp(call->scope, "std"))
		return true;
	if (call->receiver.kind != OPERAND_PLACE || (call->flags & CALL_INDIRECT) ||
	    flow->fn->source->language == SOURCE_C)
		return false;
	type = index_type(call->receiver_type);
	return call->receiver_type && !(type && type->source);
}

static struct value call_new(struct flow *flow, const struct item *item)
{
	const struct api *api = item->call->api;
	const struct fact *opens = api_fact(api, FACT_OPENS);
	struct value v = value_unknown;
	int r;

	v.flags = VALUE_NONZERO;
	hold_construct(flow, item);
	for (int i = 0; i < item->call->n_args; i++) {
		hold_escapes(flow, &item->call->args[i]);
		state_escape(flow, &item->call->args[i]);
	}
	if (!opens || !(item->call->flags & CALL_NEW))
		return v;
	r = flow_open(flow, item, opens->word, api, FAILS_NEVER, 0);
	v.resource = (int16_t)r;
	if (r >= 0 && call_has_owner(flow, item))
		flow->state->bits[r] |= RES_GONE;
	return v;
}

/* A descriptor by value: what is done with it does not change which one it is. */
static bool call_is_lone_number(const struct flow *flow, const struct operand *o)
{
	int r = state_resource(flow, o);
	uint8_t stars = 0;
	const char *type = r >= 0 ? place_type(flow->fn, o->place, &stars) : NULL;

	return r >= 0 && flow->resources[r].site && !strcmp(flow->resources[r].kind, "fd") &&
	       !stars && (!type || !index_type(type)) &&
	       flow->fn->places[o->place].kind != PLACE_TEMP;
}

static void call_unknown_argument(struct flow *flow, const struct item *item,
				  const struct operand *o)
{
	int r = state_resource(flow, o);

	hold_escapes(flow, o);
	if (r >= 0 && flow->resources[r].site && (flow->state->bits[r] & RES_OPEN) &&
	    !(flow->state->bits[r] & (RES_GONE | RES_CLOSED)) && !item->call->counted &&
	    !(item->call->flags & CALL_CAPTURE) && !flow->fn->source->context) {
		item->call->counted = true;
		program.unknown_calls++;
	}
	state_escape(flow, o);
}

static struct value call_unknown(struct flow *flow, const struct item *item)
{
	int to = item_result(flow->fn, item);
	const char *class_name = flow->fn->class_name;
	/* Fd(number), where Fd is a class; a member that holds a function; or a lambda that has it by value. */
	bool keeps = call_may_keep(item->call) || index_type(item->call->name) ||
		     (class_name && index_find_member(class_name, item->call->name)) ||
		     (item->call->flags & CALL_CAPTURE) ||
		     (to >= 0 && to != item->dst && flow->fn->places[to].stars);

	for (int i = 0; i < item->call->n_args; i++)
		if (keeps || !call_is_lone_number(flow, &item->call->args[i]))
			call_unknown_argument(flow, item, &item->call->args[i]);
	if (item->call->receiver.kind)
		state_forget_parts(flow, item->call->receiver.place, false);
	if (!(item->call->flags & CALL_CAPTURE) && !call_is_foreign(flow, item->call))
		call_forget_shared(flow);
	return call_value(flow, item, FAILS_UNKNOWN, -1);
}

/* syscall(SYS_exit_group, 0) */
static bool call_is_raw_exit(const struct flow *flow, const struct call *call)
{
	return !strcmp(call->name, "syscall") && call->n_args &&
	       strstr(operand_text(flow->fn, &call->args[0]), "_exit");
}

/* errif(fd < 0, "…"): with what is known on this way it ends the program, or the argument is none that does. */
static bool call_passes_check(struct flow *flow, const struct call *call)
{
	if (call->receiver.kind || call->api || !call->target)
		return true;
	for (int i = 0; i < call->n_args; i++) {
		unsigned ends = function_ends_if(call->target, i);

		if ((ends & ENDS_IF_TRUE) && !state_refine(flow, &call->args[i], OP_EQ, 0))
			return false;
		if ((ends & ENDS_IF_FALSE) && !state_refine(flow, &call->args[i], OP_NE, 0))
			return false;
	}
	return true;
}

static bool call_returns(struct flow *flow, const struct call *call)
{
	if (call_is_raw_exit(flow, call))
		return false;
	return !call_ends(call) && call_passes_check(flow, call);
}

/* Where an event loop runs, callbacks do, and what was being closed may be closed. */
static void call_run_loop(struct flow *flow, const struct call *call)
{
	bool unknown = !call->api && !call->target &&
		       !(call->flags & (CALL_DELETE | CALL_NEW | CALL_CONSTRUCT | CALL_CAPTURE));

	for (int i = 0; (unknown || call_waits(call)) && i < flow->n_resources; i++)
		flow->state->bits[i] &= (uint8_t)~RES_CLOSING;
}

/* dup2(fd, number): whatever the number was, it is a descriptor now; by whichever pointer dup2() is called. */
static void call_opens_number(struct flow *flow, const struct call *call)
{
	int r;

	if ((strcmp(call->name, "dup2") != 0 && strcmp(call->name, "dup3") != 0) ||
	    call->n_args < 2 || call->args[1].kind != OPERAND_PLACE)
		return;
	r = state_resource(flow, &call->args[1]);
	if (r >= 0 && (flow->state->bits[r] & RES_CLOSED))
		state_unbind(flow->state, call->args[1].place);
}

bool flow_call(struct flow *flow, const struct item *item)
{
	const struct call *call = item->call;
	struct value v = value_unknown;

	call_opens_number(flow, call);
	call_note_uses(flow, item);
	flow->tell->call(flow, item);
	if (!call_returns(flow, call))
		return false;
	call_run_loop(flow, call);
	if (call->receiver.kind)
		hold_method(flow, item);
	if (call->flags & CALL_DELETE)
		flow_close(flow, &call->args[0], item);
	else if (call->flags & (CALL_NEW | CALL_CONSTRUCT))
		v = call_new(flow, item);
	else if (call->api)
		v = call_known(flow, item);
	else if (call->target)
		v = call_target(flow, item);
	else
		v = call_unknown(flow, item);
	if (item->dst >= 0 && !(call->flags & CALL_CONSTRUCT)) {
		state_unbind(flow->state, item->dst);
		state_bind(flow, item->dst, v, (int)(item - flow->fn->items));
	}
	return true;
}
