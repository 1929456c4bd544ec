/* SPDX-License-Identifier: Apache-2.0 */
/* CWE-703: a part taken for the whole, and a write that kills. */

#include "flow/contract.h"
#include "model/descriptor.h"
#include "flow/outcome.h"
#include "rules/farewell.h"
#include "model/registrations.h"
#include "rules/helper.h"
#include "rules/partial.h"
#include "read/source.h"
#include "rules/signals.h"

#include <string.h>

extern const struct rule rule_E3, rule_E6;

static const struct operand *partial_descriptor(const struct item *item)
{
	return contract_argument(item->call, FACT_USES);
}

/* The call, or the one in a helper whose result it passes on, has the word. */
static bool partial_mentions(const struct function *fn, const struct item *item, const char *word)
{
	const struct item *inner = contract_inner(item->call);

	return item_mentions(fn, item, word) ||
	       (inner && item_mentions(item->call->target, inner, word));
}

static bool partial_reads(const struct item *item)
{
	return api_is(contract_of(item->call).api, ROLE(READ));
}

/* It goes over a connection that has no limits of messages, as far as is known. */
static bool partial_is_stream(const struct function *fn, const struct item *item)
{
	const struct operand *fd = partial_descriptor(item);
	const struct item *inner = contract_inner(item->call);
	unsigned kinds = descriptor_kinds(fn, fd);

	/* A helper that has its descriptor from elsewhere. */
	if (!fd && inner)
		return partial_is_stream(item->call->target, inner);
	if (item->call->receiver.kind && !inner)
		return device_is_connection(fn, item->call);
	/* MSG_EOR: a record goes whole or not at all. The queue of errors holds what was sent. */
	if (!fd || (kinds & DESCRIPTOR_PACKET) || descriptor_is_strange(fn, fd, item) ||
	    partial_mentions(fn, item, "MSG_EOR") || partial_mentions(fn, item, "MSG_ERRQUEUE"))
		return false;
	if (api_is(contract_of(item->call).api, ROLE(PEER)))
		return true;
	return (kinds & DESCRIPTOR_STREAM) && !(kinds & DESCRIPTOR_OTHER);
}

/* Compared with an error, or told to somebody: that is no look at the number. */
static bool partial_counts(const struct function *fn, const struct item *user, int place,
			   void *data)
{
	switch (user->kind) {
	case ITEM_BRANCH:
		return contract_test_counts(data, user, place);
	case ITEM_CALL:
		return !user->call || !api_is(user->call->api, ROLE(LOG));
	case ITEM_OPERATE:
		return fn->source->language == SOURCE_C || user->op != '<';
	default:
		return true;
	}
}

static const struct operand *partial_length(const struct item *item)
{
	return contract_argument(item->call, FACT_LENGTH);
}

/* recv(fd, &c, 1, 0), or sizeof(c) of a character */
static bool partial_is_one_byte(const struct function *fn, const struct item *item)
{
	static const char *const bytes[] = { "char", "unsigned char", "uint8_t", "int8_t", "bool" };
	const struct operand *length = partial_length(item);
	const struct operand *to = contract_argument(item->call, FACT_READS);
	const struct place *target =
		to && to->kind == OPERAND_ADDRESS ? &fn->places[to->place] : NULL;
	const char *text = length ? operand_text(fn, length) : "";
	int64_t number;

	if (length && operand_is_number(length, &number))
		return number <= 1;
	for (size_t i = 0; starts_with(text, "sizeof") && i < sizeof(bytes) / sizeof(*bytes); i++)
		if (!strcmp(text, arena_printf(&run_arena, "sizeof(%s)", bytes[i])) ||
		    (target && target->type && !target->stars && !(target->flags & PLACE_ARRAY) &&
		     !strcmp(target->type, bytes[i]) && strstr(text, target->text)))
			return true;
	return false;
}

/* The variable that is read into: also behind data.data(). */
static const struct place *partial_target(const struct function *fn, const struct item *item)
{
	const struct operand *to = contract_argument(item->call, FACT_READS);
	const struct item *source;

	if (!to || (to->kind != OPERAND_PLACE && to->kind != OPERAND_ADDRESS))
		return NULL;
	if (place_root(fn, to->place)->kind != PLACE_TEMP)
		return place_root(fn, to->place);
	source = operand_source(fn, to, item);
	if (!source || source->call->receiver.kind != OPERAND_PLACE)
		return NULL;
	return place_root(fn, source->call->receiver.place);
}

/* The place where the bytes go: `st->in` of recv(fd, st->in, n, 0); -1: nobody knows. */
static int partial_buffer(const struct function *fn, const struct item *item)
{
	const struct operand *to = contract_argument(item->call, FACT_READS);
	const struct place *target;

	if (to && (to->kind == OPERAND_PLACE || to->kind == OPERAND_ADDRESS) &&
	    place_root(fn, to->place)->kind != PLACE_TEMP)
		return to->place;
	target = partial_target(fn, item);
	return target ? (int)(target - fn->places) : -1;
}

/* Nothing is known of what the call does with a structure, or it looks at that member. */
static bool partial_call_looks(const struct function *fn, const struct call *call, int buffer)
{
	const struct function *target = call->target;
	const char *member = fn->places[buffer].name;

	if (!target)
		return !api_fact(call->api, FACT_CLOSES);
	for (int i = 0; i < target->n_places; i++)
		if (target->places[i].kind == PLACE_FIELD && target->places[i].name == member)
			return true;
	for (int i = 0; i < target->n_items; i++)
		if (target->items[i].kind == ITEM_CALL && target->items[i].call &&
		    !target->items[i].call->api)
			return true;
	return false;
}

/* The operand is the buffer, a part of it, or the structure that has it. */
static bool partial_in(const struct function *fn, const struct operand *o, int buffer)
{
	return (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS) &&
	       (place_is_within(fn, o->place, buffer) || place_is_within(fn, buffer, o->place));
}

static bool partial_item_looks(const struct function *fn, const struct item *user, int buffer)
{
	const struct fact *reads;

	if (user->kind == ITEM_BRANCH)
		return (user->a.kind == OPERAND_PLACE &&
			place_is_within(fn, user->a.place, buffer)) ||
		       (user->b.kind == OPERAND_PLACE &&
			place_is_within(fn, user->b.place, buffer));
	if (partial_in(fn, &user->a, buffer) || partial_in(fn, &user->b, buffer))
		return true;
	if (user->kind != ITEM_CALL || !user->call)
		return false;
	reads = api_fact(user->call->api, FACT_READS);
	for (int k = 0; k < user->call->n_args; k++) {
		const struct operand *o = &user->call->args[k];

		/* Overwritten by what comes next. */
		if (!partial_in(fn, o, buffer) || (reads && reads->arg == k + 1))
			continue;
		if (place_is_within(fn, o->place, buffer) ||
		    partial_call_looks(fn, user->call, buffer))
			return true;
	}
	return false;
}

bool partial_is_used(const struct function *fn, const struct item *item)
{
	int buffer = partial_buffer(fn, item);

	for (int i = (int)(item - fn->items) + 1; buffer >= 0 && i < fn->n_items; i++)
		if (fn->items[i].kind != ITEM_DIES && fn->items[i].kind != ITEM_DECLARE &&
		    partial_item_looks(fn, &fn->items[i], buffer))
			return true;
	return false;
}

/* m.n = recv(fd, m.bytes, …); return m: the number goes where the bytes go. */
static bool partial_number_goes_along(const struct function *fn, const struct item *item)
{
	int number = item_result(fn, item), buffer = partial_buffer(fn, item);

	if (number < 0 || buffer < 0 || fn->places[number].parent < 0 ||
	    place_root(fn, number) != place_root(fn, buffer))
		return false;
	for (const struct item *user = item + 1; user < fn->items + fn->n_items; user++) {
		if (user->kind == ITEM_RETURN && user->a.kind == OPERAND_PLACE &&
		    &fn->places[user->a.place] == place_root(fn, number))
			return true;
		for (int k = 0; user->kind == ITEM_CALL && user->call && k < user->call->n_args;
		     k++) {
			const struct operand *o = &user->call->args[k];

			if ((o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS) &&
			    &fn->places[o->place] == place_root(fn, number))
				return true;
		}
	}
	return false;
}

/* Text in a buffer, of which any part is fine; that it has no end is another matter. */
static bool partial_is_text(const struct function *fn, const struct item *item)
{
	const struct place *root = partial_target(fn, item);

	return root && root->type &&
	       (!strcmp(root->type, "string") ||
		(!strcmp(root->type, "char") && ((root->flags & PLACE_ARRAY) || root->stars == 1)));
}

/* recv(fd, peer->text, n, 0) */
static bool partial_is_text_member(const struct function *fn, const struct item *item)
{
	int buffer = partial_buffer(fn, item);
	uint8_t stars = 0;
	const char *type = buffer >= 0 && fn->places[buffer].kind == PLACE_FIELD
				   ? place_type(fn, buffer, &stars)
				   : NULL;

	return type && !strcmp(type, "char") && stars == 1;
}

/* static char reply[256]; or = { 0 }, or memset(): where nothing came, an empty text lies there. */
static bool partial_is_blank(const struct function *fn, const struct item *item)
{
	const struct place *root = partial_target(fn, item);
	int buffer = partial_buffer(fn, item);
	bool member = buffer >= 0 && fn->places[buffer].kind == PLACE_FIELD;

	if (!root)
		return false;
	if (!member && (root->flags & (PLACE_STATIC | PLACE_INIT)))
		return true;
	for (const struct item *i = fn->items; i < item; i++)
		for (const struct fact *f = i->kind == ITEM_CALL && i->call
						    ? api_fact(i->call->api, FACT_CLEANS)
						    : NULL;
		     f; f = api_fact_next(i->call->api, f)) {
			const struct operand *o =
				f->arg > 0 ? call_argument(i->call, f->arg) : NULL;

			if (o && !strcmp(f->word, "zero") &&
			    (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS) &&
			    (member ? o->place == buffer : place_root(fn, o->place) == root))
				return true;
		}
	return false;
}

/* A number or less: the kernel does not split it, whatever the peer does. */
static bool partial_is_small(const struct function *fn, const struct item *item)
{
	static const char *const scalars[] = { "int",      "char",    "bool",     "short",
					       "unsigned", "uint8_t", "uint16_t", "uint32_t",
					       "uint64_t", "int32_t", "int64_t",  "long",
					       "size_t",   "quint32", "quint16",  "qint32",
					       "pid_t" };
	const struct operand *length = partial_length(item);
	const struct place *from;
	int64_t number;

	if (!length)
		return false;
	if (operand_is_number(length, &number))
		return number <= 8;
	for (int i = 1 - (contract_of(item->call).helper != NULL); i < item->call->n_args; i++) {
		const struct operand *o = &item->call->args[i];

		from = o->kind == OPERAND_ADDRESS ? &fn->places[o->place] : NULL;
		for (size_t k = 0; from && from->type && k < sizeof(scalars) / sizeof(*scalars);
		     k++)
			if (!strcmp(from->type, scalars[k]))
				return !(from->flags & PLACE_ARRAY) &&
				       starts_with(operand_text(fn, length), "sizeof");
	}
	return false;
}

/* bytesAvailable() was compared with a size before: all is there. */
bool partial_is_queued(const struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i], *source;
		int64_t number;

		if (item->kind != ITEM_BRANCH)
			continue;
		source = operand_source(fn, &item->a, item);
		if (source && api_is(source->call->api, ROLE(AMOUNT)) &&
		    !(operand_is_number(&item->b, &number) && number == 0))
			return true;
	}
	return false;
}

/* The bytes were looked at before they are taken. */
static bool partial_is_peeked(const struct function *fn)
{
	for (int i = 0; i < fn->n_places; i++)
		if (fn->places[i].name && !strcmp(fn->places[i].name, "MSG_PEEK"))
			return true;
	return false;
}

/* `header`, or, when it has no name, the message. */
static const char *partial_what(const struct function *fn, const struct item *item)
{
	const struct place *target = partial_target(fn, item);
	const struct operand *o = item->call->api ? call_argument(item->call, 2) : NULL;
	const char *text = target ? target->text : NULL;

	if (!target && o && (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS))
		text = fn->places[o->place].text;
	return text && *text ? arena_printf(&run_arena, "`%s`", text) : "the message";
}

static bool partial_adds(const struct function *fn, const struct item *user, int place, void *data)
{
	(void)data;
	(void)fn;
	(void)place;
	return user->kind == ITEM_OPERATE && (user->op == '+' || user->op == '-');
}

/* The function of the project that goes on until all is through: it calls the like in a loop. */
static const char *partial_helper(const struct function *fn, const struct item *item)
{
	uint64_t way = partial_reads(item) ? ROLE(READ) : ROLE(WRITE);

	for (size_t f = 0; f < program.n_functions; f++) {
		struct function *other = program.functions[f];

		if (other == fn || other->n_params < 2 || other->n_params > 4 ||
		    !program_shares(other->source, fn->source))
			continue;
		for (int i = 0; i < other->n_items; i++) {
			const struct call *call = other->items[i].call;

			if (other->items[i].kind == ITEM_CALL && call &&
			    api_is(call->api, ROLE(PARTIAL)) && api_is(call->api, way) &&
			    item_loop(other, &other->items[i]) >= 0 && call->n_args > 0 &&
			    call->args[0].kind == OPERAND_PLACE &&
			    other->places[call->args[0].place].kind == PLACE_PARAM &&
			    !(call->flags & CALL_DROPPED) &&
			    item_result_has_use(other, &other->items[i], partial_adds, NULL))
				return other->name;
		}
	}
	return NULL;
}

static const char *partial_fix(const struct function *fn, const struct item *item)
{
	const struct fact *whole = api_fact(contract_of(item->call).api, FACT_WHOLE);
	const char *name = whole ? whole->word : partial_helper(fn, item);

	if (name)
		return arena_printf(&run_arena, "as %s() does", name);
	return partial_reads(item) ? "a `read_all()`" : "a `write_all()`";
}

/* The program has a stream of its own that keeps what did not go out, and this one may be it. */
static bool partial_may_be_kept(const struct function *fn, const struct item *item)
{
	static const char *const bases[] = { "G_TYPE_FILTER_OUTPUT_STREAM",
					     "G_TYPE_BUFFERED_OUTPUT_STREAM" };

	for (size_t i = 0;
	     starts_with(item->call->name, "g_output_stream_") && i < program.n_sources; i++)
		for (size_t k = 0; program_shares(program.sources[i], fn->source) && k < 2; k++)
			if (strstr(program.sources[i]->text, bases[k]) &&
			    strstr(program.sources[i]->text, "G_DEFINE_"))
				return true;
	return false;
}

static void e3_written(struct function *fn, const struct item *item)
{
	bool dropped = item->call->flags & CALL_DROPPED;
	struct finding *finding;

	finding = finding_add(
		&rule_E3, fn, item->at,
		dropped ? "The result of %s() is ignored: nobody notices if only a part of %s was sent, or nothing at all."
			: "The result of %s() is only tested for failure. It may have sent only a part of %s, and the peer waits for the rest.",
		item->call->name, partial_what(fn, item));
	if (finding && (farewell_is_minor(fn, item) || partial_may_be_kept(fn, item)))
		finding->severity = SEVERITY_ADVICE;
	finding_fix(
		finding,
		"In %s(), send %s in a loop that continues after the bytes already sent until none are left, and that retries on EINTR (%s).",
		fn->label, partial_what(fn, item), partial_fix(fn, item));
}

static void e3_read(struct function *fn, const struct item *item)
{
	struct finding *finding;

	finding = finding_add(
		&rule_E3, fn, item->at,
		"%s() may return only a part of %s, and nothing checks how many bytes came: the code below may use bytes that were never received.",
		item->call->name, partial_what(fn, item));
	if (finding && (partial_is_text(fn, item) || partial_is_text_member(fn, item)) &&
	    partial_is_blank(fn, item))
		finding->severity = SEVERITY_ADVICE;
	finding_fix(
		finding,
		"In %s(), continue to read into %s until all bytes have arrived, and treat an earlier end of the stream as a failure (%s).",
		fn->label, partial_what(fn, item), partial_fix(fn, item));
}

static bool partial_other_call(struct outcome *outcome, const struct item *item)
{
	(void)outcome;
	(void)item;
	return true;
}

/* while (send(fd, text, size, 0) > 0): writes until nothing more goes in, and means to. */
static bool partial_fills(struct function *fn, const struct item *item)
{
	struct outcome outcome = {
		.fn = fn, .call = item, .result = 1, .visit = partial_other_call
	};
	int loop = item_loop(fn, item);

	for (int i = 0; loop >= 0 && i < item->call->n_args; i++) {
		const struct operand *o = &item->call->args[i];

		/* Each turn writes something else, or to somebody else. */
		if ((o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS) &&
		    place_root(fn, o->place)->kind != PLACE_TEMP &&
		    loop_changes(fn, loop, (int)(place_root(fn, o->place) - fn->places)))
			return false;
	}
	return (outcome_walk(&outcome) & OUTCOME_AGAIN) && !(outcome.ends & OUTCOME_STOPPED);
}

/* A helper that keeps the account itself, as with `left -= n`. */
static bool partial_helper_adds(const struct item *item)
{
	const struct item *inner = contract_inner(item->call);

	return inner && item_result_has_use(item->call->target, inner, partial_adds, NULL);
}

static void e3_partial(struct function *fn, const struct item *item)
{
	struct contract contract = contract_of(item->call);
	bool reads = api_is(contract.api, ROLE(READ));

	if (item_is_void(fn, item) || partial_is_one_byte(fn, item) || !partial_is_stream(fn, item))
		return;
	/* A macro of that name, send(line): there is no length among its arguments. */
	if (api_fact(item->call->api, FACT_LENGTH) && !partial_length(item))
		return;
	/* The helper tells whether all went through, and not how much. */
	if (contract.helper && contract.gives != CONTRACT_AMOUNT)
		return;
	if (reads ? partial_is_peeked(fn) || partial_mentions(fn, item, "MSG_PEEK") ||
			    partial_is_queued(fn) ||
			    item_amount_was_asked(fn, item, partial_descriptor(item)) ||
			    partial_number_goes_along(fn, item)
		  : !(item->call->flags & CALL_DROPPED) &&
			    (partial_is_small(fn, item) || partial_fills(fn, item)))
		return;
	/* read(): a method of the same name gives the bytes themselves. */
	if (item->call->receiver.kind && item->call->n_args < 2)
		return;
	if (!(item->call->flags & CALL_DROPPED) &&
	    item_result_has_use(fn, item, partial_counts, &contract))
		return;
	if (partial_helper_adds(item))
		return;
	if (reads && (!partial_is_used(fn, item) ||
		      (!(item->call->flags & CALL_DROPPED) && partial_is_text(fn, item))))
		return;
	if (reads)
		e3_read(fn, item);
	else
		e3_written(fn, item);
}

/* The call whose whole answer the operand is: socket->readAll(). */
static const struct item *e3_whole(const struct function *fn, const struct operand *o,
				   const struct item *before)
{
	const struct item *source = operand_source(fn, o, before);
	const struct fact *reads = source ? api_fact(source->call->api, FACT_READS) : NULL;

	if (!reads || reads->arg != ARG_RESULT || !source->call->receiver.kind ||
	    !api_is(source->call->api, ROLE(PARTIAL)) || !partial_is_stream(fn, source))
		return NULL;
	return source;
}

/* dispatch(const QByteArray &json) hands its parameter to a parser. */
static bool e3_parses(const struct function *fn, int param)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].call;

		if (fn->items[i].kind == ITEM_CALL && call && call->n_args &&
		    api_is(call->api, ROLE(PARSE)) && !(call->flags & CALL_CONSTRUCT) &&
		    operand_is_place(&call->args[0], fn->params[param]))
			return true;
	}
	return false;
}

static void e3_parsed(struct function *fn, const struct item *item)
{
	const struct call *call = item->call;

	for (int i = 0; i < call->n_args; i++) {
		bool parses = call->target
				      ? i < call->target->n_params && e3_parses(call->target, i)
				      : i == 0 && api_is(call->api, ROLE(PARSE)) &&
						!(call->flags & CALL_CONSTRUCT);
		const struct item *whole = parses ? e3_whole(fn, &call->args[i], item) : NULL;
		const char *name;
		struct finding *finding;

		if (!whole || partial_is_queued(fn) || function_find_role(fn, ROLE(WAIT)) ||
		    /* It runs when the peer has hung up: then all is there. */
		    function_handles(fn, "isconnected"))
			continue;
		name = operand_text(fn, &whole->call->receiver);
		finding = finding_add(
			&rule_E3, fn, whole->at,
			"The bytes that `%s` has received so far are parsed as one whole message; they may be a part of one, or several.",
			name);
		finding_fix(
			finding,
			"In %s(), append %s to a buffer that lives as long as `%s`, and take a message out of it only when it is complete (by a newline, or by a length before it).",
			fn->label, call_text(fn, whole), name);
	}
}

/* E3: a short read or write is taken for whole. */
static void e3_program(void)
{
	signals_find();
	for (size_t f = 0; f < program.n_functions; f++) {
		struct function *fn = program.functions[f];

		if (fn->interesting && !fn->skipped)
			fields_function(fn);
		for (int i = 0; fn->interesting && !fn->skipped && i < fn->n_items; i++) {
			const struct item *item = &fn->items[i];

			if (item->kind != ITEM_CALL || !item->call || !fn->reached[i])
				continue;
			/* A read of a helper that nobody looks at is helper.c's. */
			if (api_is(item->call->api, ROLE(PARTIAL)) ||
			    (api_is(contract_of(item->call).api, ROLE(PARTIAL)) &&
			     !((item->call->flags & CALL_DROPPED) && partial_reads(item))))
				e3_partial(fn, item);
			e3_parsed(fn, item);
		}
	}
}

const struct rule rule_E3 = {
	.id = "E3",
	.title = "A short read or write is taken for whole",
	.cwe = "252,754",
	.pillar = 703,
	.severity = SEVERITY_WARNING,
	.consequence = "a message is lost or cut when the kernel takes or gives only a part",
	.function = helper_function,
	.program = e3_program,
};

/* The text speaks of SIGPIPE, or of the option that keeps it away, or blocks all signals. */
static bool e6_speaks(const struct source *source)
{
	return memmem(source->text, source->size, "SIGPIPE", 7) ||
	       memmem(source->text, source->size, "sigfillset", 10);
}

/*
 * Some source of the program does, or one of which nobody knows whose it is, such as that of a command
 * which main() calls by a table; `speaks` has a byte per source of the run.
 */
static bool e6_is_handled(const struct source *wanted, const uint8_t *speaks)
{
	for (size_t i = 0; i < program.n_sources; i++) {
		const struct source *source = program.sources[i];

		if (speaks[i] && (program_shares(source, wanted) ||
				  (!source->aside && !(source->programs && wanted->programs))))
			return true;
	}
	return false;
}

/* send(fd, p, n, flags): what a name of the project stands for may have MSG_NOSIGNAL in it. */
static bool e6_flags_hide(const struct function *fn, const struct call *call)
{
	const struct operand *flags = call->n_args >= 3 ? &call->args[call->n_args - 1] : NULL;
	const char *name;

	if (!flags || flags->kind != OPERAND_PLACE)
		return false;
	name = fn->places[flags->place].name;
	return name && !starts_with(name, "MSG_");
}

static bool e6_can_kill(const struct function *fn, const struct item *item)
{
	const struct operand *fd;

	if (item->kind != ITEM_CALL || !item->call || !fn->reached[item - fn->items] ||
	    !api_is(item->call->api, ROLE(SIGPIPE)) || item_mentions(fn, item, "NOSIGNAL"))
		return false;
	fd = partial_descriptor(item);
	if (!fd)
		return true;
	if (api_is(item->call->api, ROLE(PEER)))
		return !api_fact(item->call->api, FACT_LENGTH) || !e6_flags_hide(fn, item->call);
	return (descriptor_kinds(fn, fd) & (DESCRIPTOR_STREAM | DESCRIPTOR_OTHER)) ==
	       DESCRIPTOR_STREAM;
}

static void e6_function(struct function *fn, const uint8_t *speaks, const struct source **told,
			size_t *n)
{
	struct finding *finding;

	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		if (!e6_can_kill(fn, item))
			continue;
		/* Once per program; all other places are fixed with it. */
		for (size_t k = 0; k < *n; k++)
			if (program_shares(told[k], fn->source))
				return;
		if (e6_is_handled(fn->source, speaks))
			return;
		told[(*n)++] = fn->source;
		finding = finding_add(
			&rule_E6, fn, item->at,
			"When the peer has hung up, %s() raises SIGPIPE, and nothing in this program prevents that from ending it.",
			item->call->name);
		finding_fix(
			finding,
			"Call `signal(SIGPIPE, SIG_IGN)` once at the start and handle EPIPE%s.",
			!partial_descriptor(item) ? ""
			: api_is(item->call->api, ROLE(PEER))
				? "; in a library send with `MSG_NOSIGNAL`"
				: "; in a library send with `MSG_NOSIGNAL` instead of writing, because signals belong to the program");
		return;
	}
}

/* E6: SIGPIPE can end the program. */
static void e6_program(void)
{
	const struct source **told =
		arena_alloc(&run_arena, (program.n_sources + 1) * sizeof(*told));
	uint8_t *speaks = arena_alloc(&run_arena, program.n_sources + 1);
	size_t n = 0;

	for (size_t i = 0; i < program.n_sources; i++)
		speaks[i] = e6_speaks(program.sources[i]);
	for (size_t f = 0; f < program.n_functions && n < program.n_sources; f++)
		if (program.functions[f]->interesting)
			e6_function(program.functions[f], speaks, told, &n);
}

const struct rule rule_E6 = {
	.id = "E6",
	.title = "SIGPIPE can end the program",
	.cwe = "755",
	.pillar = 703,
	.severity = SEVERITY_ADVICE,
	.consequence =
		"a peer that hangs up ends the program, unless the signal is ignored where this cannot be seen",
	.program = e6_program,
};
