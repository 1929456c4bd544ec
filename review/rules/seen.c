/* SPDX-License-Identifier: Apache-2.0 */
/*
 * if (bind(fd, …) < 0) perror("bind"); and then the next line: a failure that is told and has no
 * other consequence; see seen.h.
 *
 * The way of the failure is all blocks that only it comes to. It has no consequence if each of them
 * goes on, and nothing is done there but to talk: nothing is set, closed, called or asked. Nor does
 * success on the way that only it takes. Behind where the two ways meet, something waits for or reads from the socket. One that connects or only sends may
 * have been bound to an address just as a wish.
 */

#include "rules/seen.h"
#include "flow/contract.h"

#include <stdlib.h>
#include <string.h>

struct seen {
	struct function *fn;
	uint8_t *worked; /* per block: success comes there */
	uint8_t *failed; /* … only the failure does */
	uint8_t *both;   /* behind where the two meet */
	bool talks;
	bool acts;
};

static void seen_mark(const struct function *fn, int block, uint8_t *marks)
{
	if (block < 0 || marks[block])
		return;
	marks[block] = 1;
	seen_mark(fn, fn->blocks[block].next[0], marks);
	seen_mark(fn, fn->blocks[block].next[1], marks);
}

/* strerror(errno), tr("…"), socket->errorString(): a part of what is told. */
static bool seen_is_word(const struct call *call)
{
	static const char *const words[] = { "rror",  "tr",   "arg", "endl",   "c_str",
					     "flush", "what", "get", "QString" };

	return !(call->flags & (CALL_DROPPED | CALL_DELETE)) &&
	       call_has_word(call, words, sizeof(words) / sizeof(*words));
}

/* What may end the program, or keeps what happened, is no talk. */
static bool seen_is_talk(const struct call *call)
{
	const struct function *target = call->target;

	for (int i = 0; target && i < target->n_items; i++)
		if ((target->items[i].kind == ITEM_CALL && target->items[i].call &&
		     (call_ends(target->items[i].call) || target->items[i].call->target)) ||
		    target->items[i].kind == ITEM_THROW)
			return false;
	/* munit_errorf() of a framework ends the test. */
	if (!target && !call->api && strstr(call->name, "err") && !strstr(call->name, "log") &&
	    !strstr(call->name, "print"))
		return false;
	return api_is(call->api, ROLE(LOG)) || call_is_talk(call) || !strcmp(call->name, "perror");
}

/* LOG(FATAL) << "…"; ends the program in many projects. */
static bool seen_may_end(const struct function *fn, const struct item *item)
{
	static const char *const words[] = { "FATAL", "Fatal", "fatal", "PANIC", "panic" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (item_mentions(fn, item, words[i]))
			return true;
	return false;
}

static void seen_item(struct seen *seen, const struct item *item)
{
	const struct function *fn = seen->fn;

	seen->acts |= seen_may_end(fn, item);
	switch (item->kind) {
	case ITEM_CALL:
		if (!item->call || call_ends(item->call))
			seen->acts = true;
		else if (seen_is_talk(item->call) || !strcmp(item->call->name, "exit"))
			seen->talks = true;
		else
			seen->acts |= !seen_is_word(item->call);
		break;
	case ITEM_ASSIGN:
	case ITEM_OPERATE:
		seen->acts |= item->dst >= 0 && place_root(fn, item->dst)->kind != PLACE_TEMP;
		seen->talks |= item->kind == ITEM_OPERATE && item->op == '<';
		break;
	case ITEM_BRANCH:
	case ITEM_RETURN:
	case ITEM_THROW:
	case ITEM_AGAIN:
		seen->acts = true;
		break;
	default:
		break;
	}
}

static void seen_follow(struct seen *seen, int block)
{
	if (block < 0) {
		seen->acts = true;
		return;
	}
	if (seen->worked[block]) {
		seen_mark(seen->fn, block, seen->both);
		return;
	}
	if (seen->failed[block])
		return;
	seen->failed[block] = 1;
	for (int i = seen->fn->blocks[block].first; i >= 0; i = seen->fn->items[i].next)
		seen_item(seen, &seen->fn->items[i]);
	seen_follow(seen, seen->fn->blocks[block].next[0]);
	if (seen->fn->blocks[block].next[1] >= 0)
		seen_follow(seen, seen->fn->blocks[block].next[1]);
}

/* The first test of the result, right behind the call. */
static const struct item *seen_test(const struct function *fn, const struct item *item)
{
	int place = item_result(fn, item);

	for (int i = item->next; i >= 0; i = fn->items[i].next)
		if (fn->items[i].kind == ITEM_BRANCH)
			return place >= 0 && operand_is_place(&fn->items[i].a, place)
				       ? &fn->items[i]
				       : NULL;
	return NULL;
}

/* On its own way success does something: it says that the socket is bound, or all that needs it. */
static bool seen_success_acts(struct seen *seen)
{
	bool talks = seen->talks;

	for (int b = 0; b < seen->fn->n_blocks; b++)
		for (int i = seen->worked[b] && !seen->both[b] ? seen->fn->blocks[b].first : -1;
		     i >= 0; i = seen->fn->items[i].next)
			seen_item(seen, &seen->fn->items[i]);
	seen->talks = talks;
	return seen->acts;
}

/* if (status) …, behind the report: it is acted on there. */
static bool seen_asks(const struct function *fn, const struct item *user, int place, void *data)
{
	const struct seen *seen = data;
	int block = item_block(fn, user);

	(void)place;
	return block >= 0 && seen->both[block];
}

static const struct operand *seen_socket(const struct call *call)
{
	const struct fact *uses = api_fact(call->api, FACT_USES);

	return uses && uses->arg > 0 ? call_argument(call, uses->arg) : &call->receiver;
}

static bool seen_is_same(const struct function *fn, const struct operand *o,
			 const struct function *other, const struct operand *p)
{
	if (!p || o->kind != OPERAND_PLACE || p->kind != OPERAND_PLACE)
		return false;
	return fn == other ? o->place == p->place || !strcmp(fn->places[o->place].text,
							     other->places[p->place].text)
			   : fn->places[o->place].name == other->places[p->place].name &&
				     other->class_name == fn->class_name;
}

/* What works on the socket in that function, where `marks`, if not NULL, is set. */
static const struct item *seen_use(const struct function *fn, const struct operand *socket,
				   const struct function *other, const uint8_t *marks,
				   uint64_t roles)
{
	for (int b = 0; b < other->n_blocks; b++)
		for (int i = marks && !marks[b] ? -1 : other->blocks[b].first; i >= 0;
		     i = other->items[i].next) {
			const struct item *item = &other->items[i];

			if (item->kind == ITEM_CALL && item->call &&
			    api_is(item->call->api, roles) &&
			    seen_is_same(fn, socket, other, seen_socket(item->call)))
				return item;
		}
	return NULL;
}

static const struct item *seen_found(const struct seen *seen, const struct operand *socket)
{
	const uint64_t reads = ROLE(READ) | ROLE(ACCEPT) | ROLE(LISTEN);
	const struct function *fn = seen->fn;
	const struct item *use;

	if (seen_use(fn, socket, fn, seen->both, ROLE(CONNECT) | ROLE(DIALS)))
		return NULL;
	use = seen_use(fn, socket, fn, seen->both, reads);
	for (size_t f = 0; !use && fn->class_name && socket->kind == OPERAND_PLACE &&
			   fn->places[socket->place].is_member && f < program.n_functions;
	     f++)
		if (program.functions[f] != fn)
			use = seen_use(fn, socket, program.functions[f], NULL, reads);
	return use;
}

bool seen_goes_on(struct function *fn, const struct item *item, const struct item **use)
{
	struct contract contract = contract_of(item->call);
	const struct item *test = seen_test(fn, item);
	struct seen seen = { .fn = fn };
	int block = test ? item_block(fn, test) : -1, fails;

	*use = NULL;
	if (block < 0 || !api_is(item->call->api, ROLE(BIND)) || item_loop(fn, item) >= 0)
		return false;
	fails = contract_edge_works(&contract, test, 0);
	if (contract_edge_works(&contract, test, 1) == fails)
		return false;
	seen.worked = calloc(3, (size_t)fn->n_blocks);
	if (!seen.worked)
		abort();
	seen.failed = seen.worked + fn->n_blocks;
	seen.both = seen.failed + fn->n_blocks;
	seen_mark(fn, fn->blocks[block].next[!fails], seen.worked);
	seen_follow(&seen, fn->blocks[block].next[fails]);
	if (seen.talks && !seen.acts && !seen_success_acts(&seen) &&
	    !item_result_has_use(fn, item, seen_asks, &seen))
		*use = seen_found(&seen, seen_socket(item->call));
	free(seen.worked);
	return *use != NULL;
}
