/* SPDX-License-Identifier: Apache-2.0 */
/* What calls do with bytes of a peer: by the knowledge, or by a summary. */

#include "peer/peer.h"
#include "model/descriptor.h"
#include "read/source.h"

#include <string.h>

/* --- where bytes come in --- */

/* How much of the buffer the size leaves: sizeof(buf) - 1 leaves room, sizeof(buf) none. */
enum peer_room peer_room(const struct peer_walk *walk, const struct operand *size, int buffer)
{
	const struct place *p = buffer >= 0 ? &walk->fn->places[buffer] : NULL;
	const struct operand *o = size;
	bool all = false;

	for (int depth = 0; o && depth < 6; depth++) {
		const struct item *def, *less;

		if (o->kind == OPERAND_NUMBER)
			return p && p->size > 0 && o->number < p->size ? PEER_ROOM_LEFT
			       : p && p->size == o->number             ? PEER_ROOM_NONE
								       : PEER_ROOM_UNKNOWN;
		/* sizeof(buf); that of something else says nothing. */
		if (o->kind == OPERAND_UNKNOWN && o->text)
			return p && starts_with(o->text, "sizeof") && !strstr(o->text, p->text)
				       ? PEER_ROOM_UNKNOWN
				       : PEER_ROOM_NONE;
		def = o->kind == OPERAND_PLACE ? place_set_once(walk->fn, o->place) : NULL;
		if (!def)
			return all ? PEER_ROOM_NONE : PEER_ROOM_UNKNOWN;
		if (def->kind != ITEM_ASSIGN && def->kind != ITEM_OPERATE)
			return PEER_ROOM_UNKNOWN;
		if (def->kind == ITEM_OPERATE && def->op == '-' && def->b.kind == OPERAND_NUMBER &&
		    def->b.number > 0)
			return PEER_ROOM_LEFT;
		if (def->kind == ITEM_OPERATE && def->op != '-')
			return PEER_ROOM_UNKNOWN;
		/* `have + 1` taken away leaves room too. */
		less = def->kind == ITEM_OPERATE && def->b.kind == OPERAND_PLACE
			       ? place_set_once(walk->fn, def->b.place)
			       : NULL;
		if (less && less->kind == ITEM_OPERATE && less->op == '+' &&
		    less->b.kind == OPERAND_NUMBER)
			return PEER_ROOM_LEFT;
		all = def->kind == ITEM_OPERATE && def->op == '-';
		o = &def->a;
	}
	return PEER_ROOM_UNKNOWN;
}

static bool peer_is_zero(const struct peer_walk *walk, int place)
{
	for (; place >= 0; place = walk->fn->places[place].parent)
		if (walk->state[place].kinds & PEER_ZERO)
			return true;
	return false;
}

bool peer_is_string(const struct function *fn, int place)
{
	uint8_t stars;
	const char *type = place_type(fn, place, &stars);

	if (!type)
		return fn->source->language == SOURCE_CXX;
	return !stars &&
	       (!strcmp(type, "string") || !strcmp(type, "QString") || !strcmp(type, "QByteArray"));
}

void peer_fill(struct peer_walk *walk, const struct operand *to, const struct operand *size,
	       struct peer_value value)
{
	int buffer = peer_root_buffer(walk, to);
	enum peer_room room;
	bool zero;

	if (buffer < 0)
		return;
	/* &number, &header: as its type is read. */
	if (to->kind == OPERAND_ADDRESS && ((value.kinds & PEER_BYTES) || value.from[0])) {
		uint16_t kinds = peer_kinds_of(walk->fn, to->place);

		if (value.kinds & PEER_BYTES)
			value.kinds =
				(uint16_t)((value.kinds & ~(PEER_TEXT | PEER_UNENDED)) |
					   (kinds & PEER_NUMBER ? kinds & PEER_NUMBER : kinds));
		value.from[5] = kinds & (PEER_WIDE | PEER_SHORT) ? value.from[0] : 0;
		for (int k = PEER_FOLLOWED - 1; k-- > 0;)
			value.from[k] = kinds & 1 << k ? value.from[0] : 0;
		if (value.from[5] && !(kinds & PEER_WIDE))
			value.kinds |= PEER_NARROW;
		if (!(kinds & PEER_NUMBER))
			value.kinds &= (uint16_t)~PEER_UNENDED;
		peer_set(walk, to->place, value);
		return;
	}
	room = peer_room(walk, size, buffer);
	zero = peer_is_zero(walk, buffer);
	if ((zero && room != PEER_ROOM_NONE) || peer_is_string(walk->fn, buffer) ||
	    (!place_is_local(walk->fn, buffer) && room == PEER_ROOM_LEFT)) {
		value.kinds &= (uint16_t)~PEER_UNENDED;
		value.from[4] = 0;
	}
	peer_add(walk, buffer, value);
	if (zero && room != PEER_ROOM_NONE)
		walk->state[buffer].kinds |= PEER_ZERO;
	if (to->place != buffer)
		peer_add(walk, to->place, value);
}

/* Events of the kernel are read as one of these; there is nobody else who could write them. */
static bool peer_has_kernel_type(const struct function *fn)
{
	static const char *const types[] = { "inotify_event",    "fanotify_event_metadata",
					     "signalfd_siginfo", "nlmsghdr",
					     "input_event",      "js_event" };

	for (int i = 0; i < fn->n_places; i++)
		for (size_t t = 0; fn->places[i].type && t < sizeof(types) / sizeof(*types); t++)
			if (!strcmp(fn->places[i].type, types[t]))
				return true;
	return false;
}

static bool peer_is_kernel(const struct peer_walk *walk)
{
	struct peer_summary *s = walk->summary;

	if (!s->kernel)
		s->kernel = peer_has_kernel_type(walk->fn) ? 1 : -1;
	return s->kernel > 0;
}

void peer_written(struct peer_walk *walk, const struct operand *to)
{
	int buffer = peer_root_buffer(walk, to);

	if (buffer == to->place || buffer < 0 || walk->fn->places[to->place].kind == PLACE_TEMP) {
		walk->quiet = true;
		peer_clean(walk, to->place, PEER_TEXT | PEER_UNENDED, true);
		walk->quiet = false;
	}
}

/* evbuffer_pullup(text, -1) of a buffer that the function has made, and that nothing reads into. */
static bool peer_is_own_buffer(const struct peer_walk *walk, const struct call *call)
{
	static const char *const fillers[] = { "read", "add_buffer", "remove_buffer" };
	const struct function *fn = walk->fn;
	const struct item *made;

	if (!starts_with(call->name, "evbuffer_") || !call->n_args)
		return false;
	made = operand_source(fn, &call->args[0], walk->item);
	if (!made || strcmp(made->call->name, "evbuffer_new") != 0)
		return false;
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *other =
			fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		for (int k = 0; other && k < other->n_args; k++)
			if (operand_is_place(&other->args[k], call->args[0].place) &&
			    (!other->api || call_has_word(other, fillers, 3)))
				return false;
	}
	return true;
}

/* The descriptor or object that is read from may have a peer. */
bool peer_is_source(const struct peer_walk *walk, const struct call *call)
{
	const struct fact *uses = api_fact(call->api, FACT_USES);
	const struct operand *o = uses ? call_argument(call, uses->arg) : NULL;
	unsigned kinds = o ? descriptor_kinds(walk->fn, o) : 0;
	const struct api *class_api;

	/* The queue of errors holds what this program has sent. */
	if (item_mentions(walk->fn, walk->item, "MSG_ERRQUEUE") ||
	    (strstr(call->name, "ev") && peer_reads_own_pair(walk)))
		return false;
	if (!call->api->class_name && peer_is_kernel(walk))
		return false;
	if (peer_is_own_buffer(walk, call))
		return false;
	if (api_is(call->api, ROLE(PEER)))
		return true;
	if (call->api->class_name && call->receiver_type) {
		class_api = kb_class(call->receiver_type);
		return api_is(class_api, ROLE(CONNECTION)) || !class_api ||
		       !strcmp(call->receiver_type, "QIODevice");
	}
	if (o && o->kind == OPERAND_NUMBER)
		return false;
	return !kinds || (kinds & (DESCRIPTOR_STREAM | DESCRIPTOR_PACKET)) != 0;
}

struct peer_value peer_fresh(const struct peer_walk *walk, uint16_t kinds)
{
	struct peer_value v = peer_nothing;

	v.kinds = kinds;
	v.source = (int32_t)(walk->item - walk->fn->items);
	return v;
}

static void peer_vectors(struct peer_walk *walk)
{
	const struct function *fn = walk->fn;

	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const char *type;

		if (item->kind != ITEM_ASSIGN || item->dst < 0 ||
		    (item->a.kind != OPERAND_PLACE && item->a.kind != OPERAND_ADDRESS))
			continue;
		type = place_root(fn, item->dst)->type;
		if (type && !strcmp(type, "iovec"))
			peer_fill(walk, &item->a, NULL, peer_fresh(walk, PEER_TEXT | PEER_UNENDED));
	}
}

static bool peer_terminates(const struct call *call, int arg)
{
	for (const struct fact *f = api_fact(call->api, FACT_TERMINATES); f;
	     f = api_fact_next(call->api, f))
		if (f->arg == arg)
			return true;
	return false;
}

/* recv(fd, to, size): both are the caller's. */
static void peer_note_size(struct peer_walk *walk, const struct operand *to,
			   const struct operand *size)
{
	int buffer = peer_root_buffer(walk, to);
	const struct place *p = buffer >= 0 ? &walk->fn->places[buffer] : NULL;

	if (!size || !p || p->kind != PLACE_PARAM || p->param >= 16)
		return;
	for (int i = 0; i < 16; i++)
		if (peer_operand(walk, size).from[5] & 1 << i)
			walk->summary->fill_size[p->param] = (int8_t)i;
}

static void peer_reads(struct peer_walk *walk, const struct call *call, struct peer_value *result)
{
	for (const struct fact *f = api_fact(call->api, FACT_READS); f;
	     f = api_fact_next(call->api, f)) {
		const struct operand *to = call_argument(call, f->arg);
		const struct operand *size = call_argument(call, f->arg2);
		uint16_t kinds = PEER_TEXT | (peer_terminates(call, f->arg) ? 0 : PEER_UNENDED);

		if (f->arg == ARG_RESULT) {
			*result = peer_fresh(walk, PEER_TEXT);
			continue;
		}
		/* QIODevice::read(n) makes room for n bytes, however many there are. */
		if (!size && call->n_args == 1 && call->receiver.kind && f->arg2 == 2 &&
		    device_is_connection(walk->fn, call)) {
			peer_check(walk, PEER_SINK_ALLOC, &call->args[0], -1);
			*result = peer_fresh(walk, PEER_TEXT);
			continue;
		}
		if (!to)
			continue;
		if (f->depth) {
			peer_vectors(walk);
			continue;
		}
		peer_note_size(walk, to, size);
		if (size) {
			peer_check(walk, PEER_SINK_COPY, size, peer_root_buffer(walk, to));
			peer_check_zero(walk, size, peer_root_buffer(walk, to));
		}
		peer_fill(walk, to, size, peer_fresh(walk, kinds));
		peer_fills_read(walk, to, size);
		/* read(fd, buf, sizeof(buf)): its result may be the size of buf. */
		if (to->kind == OPERAND_PLACE &&
		    peer_room(walk, size, peer_root_buffer(walk, to)) == PEER_ROOM_NONE &&
		    (walk->fn->places[peer_root_buffer(walk, to)].flags & PLACE_ARRAY)) {
			result->kinds = PEER_FULL;
			result->base = peer_root_buffer(walk, to);
		}
	}
}

/* --- checks --- */

static uint16_t peer_cleaned_by(const char *word)
{
	if (!strcmp(word, "shell"))
		return PEER_SHELL;
	if (!strcmp(word, "path"))
		return PEER_PATH;
	if (!strcmp(word, "format"))
		return PEER_FORMAT;
	if (!strcmp(word, "length"))
		return PEER_NUMBER;
	if (!strcmp(word, "end"))
		return PEER_UNENDED;
	return PEER_SHELL | PEER_PATH | PEER_FORMAT;
}

void peer_note_check(struct peer_walk *walk, const struct operand *o, uint16_t kinds)
{
	struct peer_value v = peer_operand(walk, o);

	for (int p = 0; p < 16; p++)
		if (v.from[0] & 1 << p)
			walk->summary->cleans[p] |= kinds;
	peer_clean_operand(walk, o, kinds);
}

uint16_t peer_sought(const struct operand *what)
{
	const char *text = what->kind == OPERAND_STRING ? what->text : "";
	uint16_t kinds = 0;

	if (what->kind == OPERAND_NUMBER)
		return what->number == '/' || what->number == '.' ? PEER_PATH
		       : what->number == '%'                      ? PEER_FORMAT
								  : 0;
	if (what->kind != OPERAND_STRING)
		return 0;
	if (strstr(text, "..") || strchr(text, '/'))
		kinds |= PEER_PATH;
	if (strpbrk(text, ";&|`$'\""))
		kinds |= PEER_SHELL;
	/* A list of what is allowed. */
	if (strlen(text) > 9)
		kinds |= PEER_SHELL | PEER_PATH | PEER_FORMAT;
	return kinds;
}

static bool peer_branches(const struct function *fn, const struct item *user, int place, void *data)
{
	(void)data;
	(void)fn;
	(void)place;
	return user->kind == ITEM_BRANCH;
}

/* memchr(text, 0, n), strnlen(text, n): whoever tests the answer knows that there is an end. */
static bool peer_end_is_asked(const struct peer_walk *walk)
{
	return !(walk->item->call->flags & CALL_DROPPED) &&
	       item_result_has_use(walk->fn, walk->item, peer_branches, NULL);
}

static void peer_checks(struct peer_walk *walk, const struct call *call)
{
	for (const struct fact *f = call->api->facts;
	     call->api->n_facts > 0 && f < call->api->facts + call->api->n_facts; f++) {
		const struct operand *o = call_argument(call, f->arg), *what;

		if (f->key == FACT_CLEANS && o && !strcmp(f->word, "end")) {
			if (peer_end_is_asked(walk))
				peer_note_check(walk, o, PEER_UNENDED);
		} else if (f->key == FACT_CLEANS && o && strcmp(f->word, "zero") != 0) {
			peer_note_check(walk, o, peer_cleaned_by(f->word));
		} else if (f->key == FACT_CLEANS && o &&
			   (call->n_args < 3 ||
			    (call->args[1].kind == OPERAND_NUMBER && !call->args[1].number))) {
			struct peer_value v = peer_nothing;

			v.kinds = PEER_ZERO;
			peer_set(walk,
				 o->kind == OPERAND_PLACE ? peer_root_buffer(walk, o) : o->place,
				 v);
		} else if (f->key == FACT_SEARCHES && o) {
			what = call_argument(call, f->arg2);
			if (what && peer_sought(what))
				peer_note_check(walk, o, peer_sought(what));
			if (what && what->kind == OPERAND_NUMBER && !what->number &&
			    call->n_args > 2 && peer_end_is_asked(walk))
				peer_note_check(walk, o, PEER_UNENDED);
		}
	}
}

/* --- known functions --- */

static void peer_sinks_of(struct peer_walk *walk, const struct call *call)
{
	static const struct {
		const char *word;
		enum peer_sink sink;
	} sinks[] = { { "format", PEER_SINK_FORMAT }, { "shell", PEER_SINK_SHELL },
		      { "path", PEER_SINK_PATH },     { "string", PEER_SINK_STRING },
		      { "index", PEER_SINK_INDEX },   { "length", PEER_SINK_ALLOC } };
	const struct fact *copies = api_fact(call->api, FACT_COPIES);

	for (const struct fact *f = api_fact(call->api, FACT_SINK); f;
	     f = api_fact_next(call->api, f)) {
		const struct operand *o = call_argument(call, f->arg);
		const struct operand *to = copies ? call_argument(call, copies->arg) : NULL;

		for (size_t i = 0; o && i < sizeof(sinks) / sizeof(*sinks); i++) {
			if (strcmp(f->word, sinks[i].word) != 0)
				continue;
			/* QString::fromUtf8(buf, n) says how much. */
			if (sinks[i].sink == PEER_SINK_STRING &&
			    walk->fn->source->language == SOURCE_CXX &&
			    (call->api->class_name && call->n_args > 1))
				continue;
			if (sinks[i].sink == PEER_SINK_STRING && peer_number_ends(walk, o))
				continue;
			if (sinks[i].sink == PEER_SINK_ALLOC && to) {
				peer_check(walk, PEER_SINK_COPY, o, peer_root_buffer(walk, to));
				peer_check_zero(walk, o, peer_root_buffer(walk, to));
			} else {
				peer_check(walk, sinks[i].sink, o, -1);
			}
			if (sinks[i].sink == PEER_SINK_FORMAT)
				peer_check(walk, PEER_SINK_STRING, o, -1);
		}
	}
}

/* What stands in an argument's braces: {"-c", text} */
static void peer_shell_list(struct peer_walk *walk, const struct item *call_item)
{
	const struct function *fn = walk->fn;
	bool command = false;

	for (const struct item *i = fn->items; i < call_item; i++) {
		bool inside = i->kind == ITEM_ASSIGN && i->dst >= 0 &&
			      fn->places[i->dst].kind == PLACE_INDEX &&
			      place_root(fn, i->dst)->kind == PLACE_TEMP &&
			      (i->at.row > call_item->at.row ||
			       (i->at.row == call_item->at.row && i->at.col > call_item->at.col)) &&
			      (i->at.row < call_item->end.row ||
			       (i->at.row == call_item->end.row && i->at.col < call_item->end.col));

		if (!inside)
			continue;
		if (command)
			peer_check(walk, PEER_SINK_SHELL, &i->a, -1);
		command |= i->a.kind == OPERAND_STRING && !strcmp(i->a.text, "-c");
	}
}

/* execl("/bin/sh", "sh", "-c", text): what a shell is told. */
static void peer_shells(struct peer_walk *walk, const struct item *item)
{
	const struct call *call = item->call;
	bool shell = false, command = false;

	for (int i = 0; i < call->n_args; i++) {
		const struct operand *o = &call->args[i];
		size_t n = o->kind == OPERAND_STRING ? strlen(o->text) : 0;

		if (command && shell)
			peer_check(walk, PEER_SINK_SHELL, o, -1);
		shell |= n >= 2 && !strcmp(o->text + n - 2, "sh");
		command |= n && !strcmp(o->text, "-c");
	}
	if (shell)
		peer_shell_list(walk, item);
}

/* memcpy(to, from, n + 1) copies the terminator too. */
static bool peer_takes_end(const struct peer_walk *walk, const struct operand *size)
{
	const struct item *def =
		size->kind == OPERAND_PLACE ? place_set_once(walk->fn, size->place) : NULL;

	return def && def->kind == ITEM_OPERATE && def->op == '+' &&
	       (def->b.kind == OPERAND_NUMBER || def->a.kind == OPERAND_NUMBER);
}

/* strtok(NULL, …) goes on with what the call before had. */
static const struct operand *peer_goes_on(const struct peer_walk *walk, const struct call *call,
					  int arg)
{
	for (const struct item *i = walk->item; i-- > walk->fn->items;)
		if (i->kind == ITEM_CALL && i->call && i->call->api == call->api &&
		    arg <= i->call->n_args && i->call->args[arg - 1].kind == OPERAND_PLACE)
			return &i->call->args[arg - 1];
	return NULL;
}

/* strcpy() puts something else there, strcat() adds to it. */
static bool peer_replaces(const struct call *call, const struct fact *copies)
{
	for (const struct fact *f = api_fact(call->api, FACT_COPIES); f;
	     f = api_fact_next(call->api, f))
		if (f->arg2 == copies->arg)
			return false;
	return true;
}

/* A copy, a part, or the number that the text says. */
static void peer_copied_result(struct peer_walk *walk, const struct call *call,
			       const struct operand *from, struct peer_value v,
			       struct peer_value *result)
{
	bool number = api_is(call->api, ROLE(NUMBER)), order = api_is(call->api, ROLE(BYTEORDER));

	if (number && !(v.kinds & PEER_NUMBER)) {
		v.kinds = v.kinds & PEER_BYTES ? PEER_WIDE : 0;
		v.from[5] = v.from[0];
		memset(v.from, 0, 5 * sizeof(*v.from));
	} else if (order && (v.kinds & (PEER_TEXT | PEER_WIDE))) {
		bool narrow = strstr(call->name, "16") || strstr(call->name, "ohs");

		v.kinds = v.kinds & (PEER_BYTES | PEER_WIDE) ? narrow ? PEER_SHORT : PEER_WIDE : 0;
	}
	if (number || order)
		v.base = -1;
	peer_join(result, &v);
	if (result->base < 0 && from && !number && !order && !api_fact(call->api, FACT_OPENS))
		result->base = peer_root_buffer(walk, from);
}

static void peer_copied_into(struct peer_walk *walk, const struct call *call,
			     const struct fact *fact, struct peer_value v)
{
	const struct operand *to = call_argument(call, fact->arg);
	const struct operand *from = call_argument(call, fact->arg2);
	const struct fact *sink = api_fact(call->api, FACT_SINK);
	const struct operand *size =
		sink && !strcmp(sink->word, "length") ? call_argument(call, sink->arg) : NULL;

	if (!to || (to->kind != OPERAND_PLACE && to->kind != OPERAND_ADDRESS))
		return;
	v.base = -1;
	if (peer_terminates(call, fact->arg)) {
		v.kinds &= (uint16_t)~PEER_UNENDED;
		v.from[4] = 0;
		peer_clean(walk, to->place, PEER_UNENDED, true);
	} else if (size && ((v.kinds & PEER_BYTES) || v.from[0]) && !peer_takes_end(walk, size) &&
		   (!from || peer_root_buffer(walk, from) != peer_root_buffer(walk, to))) {
		v.kinds |= v.kinds & PEER_BYTES ? PEER_UNENDED : 0;
		v.from[4] |= v.from[0];
	} else if (!size) {
		v.kinds &= (uint16_t)~PEER_UNENDED;
	}
	v.kinds &= PEER_TEXT | PEER_UNENDED;
	if (!size && peer_replaces(call, fact) && peer_root_buffer(walk, to) == to->place &&
	    walk->fn->places[to->place].kind != PLACE_TEMP)
		peer_set(walk, to->place, peer_nothing);
	if (v.kinds || v.from[0])
		peer_fill(walk, to, size, v);
}

static void peer_copies(struct peer_walk *walk, const struct call *call, struct peer_value *result)
{
	int format = peer_format_argument(call);
	struct peer_value text = format ? peer_formats(walk, call, format) : peer_nothing;

	for (const struct fact *f = api_fact(call->api, FACT_COPIES); f;
	     f = api_fact_next(call->api, f)) {
		const struct operand *from = call_argument(call, f->arg2);
		struct peer_value v;

		if (f->arg == ARG_RESULT && from && from->kind == OPERAND_NULL)
			from = peer_goes_on(walk, call, f->arg2);
		v = format ? text : from ? peer_operand(walk, from) : peer_nothing;
		if (v.kinds & PEER_STREAM)
			v.kinds = PEER_TEXT | (peer_terminates(call, f->arg) ? 0 : PEER_UNENDED);
		if (f->arg == ARG_RESULT)
			peer_copied_result(walk, call, from, v, result);
		else
			peer_copied_into(walk, call, f, v);
	}
}

/* getnameinfo(…, host, …): it writes a text of its own there. */
static void peer_writes(struct peer_walk *walk, const struct call *call)
{
	for (const struct fact *f = api_fact(call->api, FACT_TERMINATES); f;
	     f = api_fact_next(call->api, f)) {
		const struct operand *to = call_argument(call, f->arg);
		bool other = peer_format_argument(call) > 0;

		for (const struct fact *o = call->api->facts;
		     o < call->api->facts + call->api->n_facts; o++)
			other |=
				(o->key == FACT_COPIES || o->key == FACT_READS) && o->arg == f->arg;
		if (!other && to && to->kind == OPERAND_PLACE)
			peer_written(walk, to);
	}
}

/* uv_read_start(stream, alloc, on_read): on_read is called with what has come. */
static void peer_gives(const struct peer_walk *walk, const struct call *call)
{
	for (const struct fact *f = api_fact(call->api, FACT_GIVES); f;
	     f = api_fact_next(call->api, f)) {
		struct function *fn = operand_function(walk->fn, call_argument(call, f->arg));

		if (!fn || f->arg2 < 1 || f->arg2 > 16 || f->arg2 > fn->n_params)
			continue;
		peer_summary_of(fn)->given[f->arg2 - 1] = PEER_TEXT | PEER_UNENDED;
		/* Of uv_buf_t only `base` points to bytes. */
		peer_summary_of(fn)->given_part[f->arg2 - 1] = intern_z("base");
	}
}

static void peer_known(struct peer_walk *walk, const struct item *item, struct peer_value *result)
{
	const struct call *call = item->call;
	const struct fact *streams = api_fact(call->api, FACT_STREAMS);
	const struct operand *from = streams ? call_argument(call, streams->arg) : NULL;

	peer_sinks_of(walk, call);
	if (api_is(call->api, ROLE(SPAWN)))
		peer_shells(walk, item);
	peer_checks(walk, call);
	if (peer_is_source(walk, call))
		peer_reads(walk, call, result);
	peer_writes(walk, call);
	peer_copies(walk, call, result);
	peer_scans(walk, call);
	peer_gives(walk, call);
	if (api_is(call->api, ROLE(AMOUNT)))
		result->kinds |= PEER_AMOUNT;
	if (api_is(call->api, ROLE(BOUNDS)))
		*result = peer_nothing;
	if (from) {
		unsigned kinds = descriptor_kinds(walk->fn, from);
		const char *type = from->kind == OPERAND_PLACE
					   ? place_type(walk->fn, from->place, NULL)
					   : NULL;
		struct peer_value v = peer_operand(walk, from);

		if ((peer_resolve(walk, &v, true) & PEER_BYTES) || (v.kinds & PEER_STREAM) ||
		    (kinds & DESCRIPTOR_STREAM) || api_is(kb_class(type), ROLE(CONNECTION)) ||
		    (from->kind == OPERAND_PLACE && !kinds && type && !strcmp(type, "int")))
			*result = peer_fresh(walk, PEER_STREAM);
	}
	for (const struct fact *f = api_fact(call->api, FACT_CLEANS); f;
	     f = api_fact_next(call->api, f))
		if (f->arg == ARG_RESULT)
			result->kinds = !strcmp(f->word, "zero")
						? PEER_ZERO
						: result->kinds & ~peer_cleaned_by(f->word);
	/* A method that nothing is said of does as methods do. */
	if (call->api->class_name && call->receiver.kind && !api_fact(call->api, FACT_READS) &&
	    !api_fact(call->api, FACT_COPIES) && !api_is(call->api, ROLE(AMOUNT)) && !from &&
	    !api_is(kb_class(call->receiver_type), ROLE(CONNECTION) | ROLE(PROCESS)))
		peer_method(walk, call, result);
}

static void peer_construct(struct peer_walk *walk, const struct item *item,
			   struct peer_value *result)
{
	const struct call *call = item->call;
	bool container =
		call->type && (!strcmp(call->type, "vector") || peer_width(call->type) ||
			       !strcmp(call->type, "string") || !strcmp(call->type, "QByteArray"));

	if (call->target)
		peer_target(walk, call, result);
	else if (call->api)
		peer_known(walk, item, result);
	if (container && call->n_args && peer_operand(walk, &call->args[0]).kinds & PEER_NUMBER)
		peer_check(walk, PEER_SINK_ALLOC, &call->args[0], -1);
	else if (container)
		peer_counted_text(walk, call);
	if (!call->target && !(result->kinds & PEER_STREAM))
		for (int i = 0; i < call->n_args; i++) {
			struct peer_value v = peer_operand(walk, &call->args[i]);

			v.kinds &= PEER_TEXT;
			v.from[4] = v.from[5] = 0;
			v.base = -1;
			peer_join(result, &v);
		}
	if (item->dst >= 0 && (call->flags & CALL_CONSTRUCT))
		peer_set(walk, item->dst, *result);
}

void peer_call(struct peer_walk *walk, const struct item *item)
{
	const struct call *call = item->call;
	struct peer_value result = peer_nothing;

	if (call->flags & (CALL_DELETE | CALL_CAPTURE))
		return;
	peer_asks_zero(walk, call);
	if (call->flags & (CALL_NEW | CALL_CONSTRUCT))
		peer_construct(walk, item, &result);
	else if (call->api)
		peer_known(walk, item, &result);
	else if (call->target)
		peer_target(walk, call, &result);
	else
		peer_unknown(walk, call, &result);
	if (item->dst >= 0 && !(call->flags & CALL_CONSTRUCT))
		peer_set(walk, item->dst, result);
}
