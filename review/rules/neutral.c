/* SPDX-License-Identifier: Apache-2.0 */
/* CWE-707: bytes of a peer that are taken for something else than bytes; peer.h finds them. */

#include "model/descriptor.h"
#include "peer/peer.h"
#include "rules/room.h"
#include "rules/rules.h"
#include "read/source.h"

#include <string.h>

extern const struct rule rule_N1, rule_N2, rule_N3, rule_N4, rule_N5;

/* Where the bytes come from: "recv() reads it in line 12", "run() passes it". */
static const char *neutral_origin(const struct peer_hit *hit)
{
	const struct call *call = hit->source ? hit->source->call : NULL;

	if (call && hit->source != hit->item)
		return arena_printf(&run_arena, "comes from the peer (%s on line %u)",
				    call_text(hit->fn, hit->source), pos_line(hit->source->at));
	if (hit->caller && hit->caller != hit->fn)
		return arena_printf(&run_arena, "comes from the peer (%s() passes it)",
				    hit->caller->name);
	return "comes from the peer";
}

/*
 * read() of a file or a device, itself or in a function of the project, in a program that makes no named
 * pipe: nobody else writes there to harm it.
 */
static bool neutral_is_of_file(const struct peer_hit *hit)
{
	const struct call *call = hit->source ? hit->source->call : NULL;
	const struct source *source = hit->fn->source;

	return call && call->n_args &&
	       (api_is(call->api, ROLE(READ)) ||
		(call->target && function_find_role(call->target, ROLE(READ)))) &&
	       descriptor_kinds(hit->fn, &call->args[0]) == DESCRIPTOR_OTHER &&
	       !memmem(source->text, source->size, "fifo", 4) &&
	       !memmem(source->text, source->size, "FIFO", 4);
}

/* char text[n + 1]; read(fd, text, n) */
static bool n5_is_as_long(const struct peer_hit *hit)
{
	size_t name = strlen(hit->into), what = strlen(hit->what);

	for (int i = 0; what && i < hit->fn->n_places; i++) {
		const struct place *p = &hit->fn->places[i];
		const char *line, *at, *end;
		size_t n;

		if (p->kind != PLACE_LOCAL || !(p->flags & PLACE_ARRAY) || !p->text ||
		    strcmp(p->text, hit->into) != 0)
			continue;
		line = source_line(hit->fn->source, p->at.row, &n);
		if (p->at.col + name >= n || line[p->at.col + name] != '[')
			continue;
		at = line + p->at.col + name + 1;
		end = memchr(at, ']', n - (size_t)(at - line));
		if (end && starts_with(at, hit->what) && at + what <= end &&
		    (at[what] == ']' || at[what] == ' ' || at[what] == '+'))
			return true;
	}
	return false;
}

/* It lies in a member, which somebody fills from a peer, and perhaps others from elsewhere. */
static bool neutral_is_kept(const struct peer_hit *hit)
{
	return !hit->source && !hit->caller;
}

/* exename = malloc(n + 1); read(fd, exename, n): the room was made for it. */
static bool n5_has_room(const struct peer_hit *hit)
{
	if (hit->into && n5_is_as_long(hit))
		return true;
	for (const struct item *i = hit->item; hit->into && i-- > hit->fn->items;) {
		const struct call *call = i->kind == ITEM_CALL ? i->call : NULL;
		int to = call && strstr(call->name, "alloc") ? item_result(hit->fn, i) : -1;

		if (to >= 0 && hit->fn->places[to].text &&
		    !strcmp(hit->fn->places[to].text, hit->into))
			return item_mentions(hit->fn, i, hit->what);
	}
	return false;
}

/* text[n] = 0; read_all(fd, text, n): the terminator is there already. */
static bool n4_is_ended_before(const struct peer_hit *hit)
{
	int64_t number;

	for (const struct item *i = hit->source ? hit->source : hit->fn->items;
	     i-- > hit->fn->items;) {
		const struct place *p =
			i->kind == ITEM_ASSIGN && i->dst >= 0 ? &hit->fn->places[i->dst] : NULL;
		const char *of = p && p->kind == PLACE_INDEX && p->parent >= 0
					 ? hit->fn->places[p->parent].text
					 : NULL;

		if (of && p->name && operand_is_number(&i->a, &number) && !number &&
		    !strcmp(of, hit->what) && !strchr("0123456789", p->name[0]) &&
		    item_mentions(hit->fn, hit->source, p->name))
			return true;
	}
	return false;
}

/* The text has an end, unless one read fills all of an array so large: those come in parts. */
enum { N4_LARGE = 4096 };

/* The local variable that the bytes go into, or -1. */
static int n4_buffer(const struct peer_hit *hit)
{
	for (int i = 0; hit->into && i < hit->fn->n_places; i++)
		if (hit->fn->places[i].kind == PLACE_LOCAL &&
		    !strcmp(hit->fn->places[i].text, hit->into))
			return i;
	return -1;
}

static bool n4_is_zeroed(const struct peer_hit *hit, int into)
{
	const char *line, *set;
	size_t n;

	if (!hit->source || !hit->source->call)
		return false;
	line = source_line(hit->fn->source, hit->fn->places[into].at.row, &n);
	set = memchr(line, '=', n);
	if (set && memchr(set, '{', n - (size_t)(set - line)))
		return true;
	for (const struct item *i = hit->fn->items; i < hit->source; i++) {
		const struct fact *f = i->kind == ITEM_CALL && i->call
					       ? api_fact(i->call->api, FACT_CLEANS)
					       : NULL;
		const struct operand *o = f ? call_argument(i->call, f->arg) : NULL;

		if (o && !strcmp(f->word, "zero") && operand_is_place(o, into))
			return true;
	}
	return false;
}

static bool n4_is_zeroed_and_large(const struct peer_hit *hit)
{
	int into = n4_buffer(hit);

	return into >= 0 && hit->fn->places[into].size > N4_LARGE && n4_is_zeroed(hit, into);
}

/* "stop", or WORD, with #define WORD "stop" in the file: how long it is, or -1. */
static int64_t n4_literal(const struct peer_hit *hit, const struct operand *o)
{
	const char *name = o->kind == OPERAND_PLACE ? hit->fn->places[o->place].name : NULL;
	const char *at = NULL, *end;

	if (o->kind == OPERAND_STRING && o->text)
		return (int64_t)strlen(o->text);
	if (name && hit->fn->places[o->place].kind == PLACE_FREE)
		at = strstr(hit->fn->source->text, arena_printf(&run_arena, "#define %s ", name));
	if (!at)
		return -1;
	at += strlen("#define ") + strlen(name);
	at += strspn(at, " \t(");
	end = *at == '"' ? strpbrk(at + 1, "\"\n") : NULL;
	return end && *end == '"' ? end - at - 1 : -1;
}

/* char word[32] = { 0 }, and strcmp(word, "stop"): it looks no farther than the shorter text goes. */
static bool n4_is_compared_with_less(const struct peer_hit *hit)
{
	const struct call *call = hit->item->kind == ITEM_CALL ? hit->item->call : NULL;
	int into = n4_buffer(hit);

	if (!call || call->n_args != 2 || into < 0 ||
	    (strcmp(call->name, "strcmp") != 0 && strcmp(call->name, "strcasecmp") != 0))
		return false;
	for (int i = 0; i < 2; i++) {
		int64_t length = n4_literal(hit, &call->args[i]);

		if (length >= 0 && length < hit->fn->places[into].size)
			return n4_is_zeroed(hit, into);
	}
	return false;
}

/*
 * The text ends where a caller or the sender has ended it, for all that this function shows: what came
 * from a peer is seen here, and not how.
 */
static bool n4_is_passed(const struct peer_hit *hit)
{
	return hit->sink == PEER_SINK_STRING && hit->caller && hit->caller != hit->fn &&
	       !(hit->source && hit->source->call && hit->source != hit->item);
}

/*
 * in->name, with in = (struct login *)bytes.constData(): QByteArray keeps a zero behind what it holds, so
 * that no text in it goes on behind it; but for one that only refers to memory of others.
 */
static bool n4_is_in_byte_array(const struct peer_hit *hit)
{
	const struct function *fn = hit->fn;
	size_t n = strcspn(hit->what, "-.[");
	bool any = false;

	/* There may be one of that name in each block. */
	for (int in = 0; in < fn->n_places; in++) {
		const struct place *p = &fn->places[in];

		if (p->kind != PLACE_LOCAL || p->parent >= 0 || strlen(p->text) != n ||
		    strncmp(p->text, hit->what, n) != 0)
			continue;
		for (const struct item *set = place_set_last(fn, in); set;
		     set = item_set_before(fn, set)) {
			const struct item *from = set->kind == ITEM_CALL ? set
						  : set->kind == ITEM_ASSIGN
							  ? operand_source(fn, &set->a, set)
							  : NULL;
			const struct item *made;

			if (set->kind == ITEM_DECLARE || set->kind == ITEM_DIES)
				continue;
			if (!from || !from->call->receiver_type ||
			    strcmp(from->call->receiver_type, "QByteArray") != 0 ||
			    !(strstr(from->call->name, "data") || strstr(from->call->name, "Data")))
				return false;
			made = operand_source(fn, &from->call->receiver, from);
			if (made && !strcmp(made->call->name, "fromRawData"))
				return false;
			any = true;
		}
	}
	return any;
}

static struct finding *neutral_find(const struct rule *rule, const struct peer_hit *hit,
				    const char *cwe, const char *message)
{
	struct finding *finding = finding_add(rule, hit->fn, hit->at, "%s", message);

	if (!finding)
		return NULL;
	finding->cwe = intern_z(cwe);
	if (rule == &rule_N3 && neutral_is_kept(hit))
		finding->severity = SEVERITY_ADVICE;
	if (rule != &rule_N1 && rule != &rule_N2 && neutral_is_of_file(hit))
		finding->severity = SEVERITY_ADVICE;
	/* One number or text that nothing checks: wherever it goes, it is checked at one place. */
	if (hit->source)
		finding_root(finding, hit->source->at, hit->what);
	if (hit->source && hit->source->at.row != hit->at.row)
		finding->also = hit->source->at;
	return finding;
}

static const char *neutral_callee(const struct peer_hit *hit)
{
	const struct call *call = hit->item->kind == ITEM_CALL ? hit->item->call : NULL;

	if (!call)
		return "this";
	if (call->flags & (CALL_NEW | CALL_CONSTRUCT))
		return call->type ? call->type : "this";
	return call_text(hit->fn, hit->item);
}

static void neutral_each(unsigned sinks, void (*tell)(const struct peer_hit *))
{
	peer_program();
	for (size_t i = 0; i < n_peer_hits; i++)
		if (sinks & 1u << peer_hits[i].sink)
			tell(&peer_hits[i]);
}

/* syslog(LOG_INFO, text): the format goes in front of the argument, however that is written. */
static void n1_edit(struct finding *finding, const struct peer_hit *hit)
{
	const struct call *call = hit->item->kind == ITEM_CALL ? hit->item->call : NULL;

	int format = call && !call->api && !call->target ? index_find_format(call->name) : 0;

	for (const struct fact *f = call ? api_fact(call->api, FACT_SINK) : NULL; f;
	     f = api_fact_next(call->api, f))
		if (!strcmp(f->word, "format"))
			format = f->arg;
	if (format >= 1 && format <= call->n_args && call->arg_at && !call->text)
		finding_edit(finding, call->arg_at[format - 1], call->arg_at[format - 1],
			     "\"%s\", ");
}

/* N1: bytes from a peer are used as a format. */
static void n1_tell(const struct peer_hit *hit)
{
	const char *callee = neutral_callee(hit);
	struct finding *finding = neutral_find(
		&rule_N1, hit, "134",
		arena_printf(
			&run_arena,
			"`%s` %s and is used as the format of %s: a `%%s` or `%%n` in it makes this process read or write its own memory.",
			hit->what, neutral_origin(hit), callee));

	finding_fix(finding,
		    "Give %s a fixed format, `\"%%s\"`, and pass `%s` as the argument after it.",
		    callee, hit->what);
	n1_edit(finding, hit);
}

static void n1_program(void)
{
	neutral_each(1u << PEER_SINK_FORMAT, n1_tell);
}

const struct rule rule_N1 = {
	.id = "N1",
	.title = "Bytes from a peer are used as a format",
	.cwe = "134",
	.pillar = 707,
	.severity = SEVERITY_ERROR,
	.consequence = "a peer reads and writes the memory of the process",
	.program = n1_program,
};

/* N2: bytes from a peer go into a shell command. */
static void n2_tell(const struct peer_hit *hit)
{
	const char *callee = neutral_callee(hit);
	struct finding *finding = neutral_find(
		&rule_N2, hit, "78",
		arena_printf(
			&run_arena,
			"`%s` %s and a shell reads it in %s: `;`, `$(…)` or a quote in it runs any command with the rights of this process.",
			hit->what, neutral_origin(hit), callee));

	finding_fix(
		finding,
		"Start the program without a shell in %s() (%s) and pass what the peer sent as one argument after `--`; or accept only names from a list of your own before `%s` is built.",
		hit->fn->label,
		function_uses_qt(hit->fn) ? "`QProcess::start(program, arguments)`"
					  : "`posix_spawn()`, `execv()`",
		hit->what);
}

static void n2_program(void)
{
	neutral_each(1u << PEER_SINK_SHELL, n2_tell);
}

const struct rule rule_N2 = {
	.id = "N2",
	.title = "Bytes from a peer go into a shell command",
	.cwe = "78",
	.pillar = 707,
	.severity = SEVERITY_ERROR,
	.consequence = "a peer runs any command with the rights of the process",
	.program = n2_program,
};

/* N3: bytes from a peer are used as a path. */
static void n3_tell(const struct peer_hit *hit)
{
	const char *callee = neutral_callee(hit);
	struct finding *finding = neutral_find(
		&rule_N3, hit, "22",
		arena_printf(
			&run_arena,
			"`%s` %s and names a file for %s: with `../` or a leading `/` the peer chooses any file that this process may touch.",
			hit->what, neutral_origin(hit), callee));

	finding_fix(
		finding,
		"In %s(), before `%s` reaches %s, refuse names that are empty, begin with `.` or contain `/` (%s), or open them below a directory descriptor with `openat2(…, RESOLVE_BENEATH)`.",
		hit->fn->label, hit->what, callee,
		hit->fn->source->language == SOURCE_C ? "`strchr(name, '/')`"
		: function_uses_qt(hit->fn)           ? "`name.contains('/')`"
						      : "`name.find('/')`");
}

static void n3_program(void)
{
	neutral_each(1u << PEER_SINK_PATH, n3_tell);
}

const struct rule rule_N3 = {
	.id = "N3",
	.title = "Bytes from a peer are used as a path",
	.cwe = "22",
	.pillar = 707,
	.severity = SEVERITY_ERROR,
	.consequence = "a peer reads or writes any file that the process may",
	.program = n3_program,
};

/* N4: bytes from a peer are used as a C string, and nothing puts a terminator behind them. */
static void n4_no_room(const struct peer_hit *hit)
{
	struct finding *finding = neutral_find(
		&rule_N4, hit, "170",
		arena_printf(
			&run_arena,
			"`%s` can be as large as `%s`, because the read may fill all of it: the terminator is then written one byte past the end of the buffer.",
			hit->what, hit->into));

	finding_fix(finding,
		    "Leave room for the terminator: read at most `sizeof(%s) - 1` bytes into `%s`.",
		    hit->into, hit->into);
}

/* The variable that holds how much the read gave, or NULL. */
static const char *n4_amount(const struct peer_hit *hit)
{
	int place = hit->source && hit->source->call ? item_result(hit->fn, hit->source) : -1;

	return place >= 0 && hit->fn->places[place].kind == PLACE_LOCAL
		       ? hit->fn->places[place].text
		       : NULL;
}

static void n4_fix(struct finding *finding, const struct peer_hit *hit)
{
	const char *buffer = hit->into && *hit->into ? hit->into : hit->what, *n = n4_amount(hit);
	const char *with = hit->fn->source->language == SOURCE_C ? "`%.*s`, `memcmp()`, `strnlen()`"
			   : function_uses_qt(hit->fn)           ? "`QString::fromUtf8(bytes, n)`"
								 : "`std::string(bytes, n)`";

	if (hit->source && hit->source->call && hit->source->call->api && n)
		finding_fix(
			finding,
			"Let %s on line %u read one byte less than `%s` holds and terminate what came: `%s[%s > 0 ? %s : 0] = '\\0'`; or use the length on line %u instead (%s).",
			call_text(hit->fn, hit->source), pos_line(hit->source->at), buffer, buffer,
			n, n, pos_line(hit->at), with);
	else if (hit->source && hit->source->call && hit->source->call->api)
		finding_fix(
			finding,
			"Store how many bytes %s on line %u reads, let it read one byte less than `%s` holds, and write a terminator after them; or use the length on line %u instead (%s).",
			call_text(hit->fn, hit->source), pos_line(hit->source->at), buffer,
			pos_line(hit->at), with);
	else
		finding_fix(
			finding,
			"Terminate `%s` where it is filled, with room for one byte more than is read, or pass its length to %s() and use that (%s).",
			buffer, hit->fn->label, with);
}

static void n4_tell(const struct peer_hit *hit)
{
	struct finding *finding;

	if (hit->sink == PEER_SINK_NO_ROOM) {
		n4_no_room(hit);
		return;
	}
	if (n4_is_in_byte_array(hit) || n4_is_compared_with_less(hit))
		return;
	finding = neutral_find(
		&rule_N4, hit, "170",
		arena_printf(
			&run_arena,
			"`%s` %s, and has no terminator when %s uses it as a string: the call reads past the end of the received bytes.",
			hit->what, neutral_origin(hit), neutral_callee(hit)));
	if (finding &&
	    (n4_is_passed(hit) || n4_is_ended_before(hit) || n4_is_zeroed_and_large(hit)))
		finding->severity = SEVERITY_ADVICE;
	n4_fix(finding, hit);
}

static void n4_program(void)
{
	neutral_each(1u << PEER_SINK_STRING | 1u << PEER_SINK_NO_ROOM, n4_tell);
}

const struct rule rule_N4 = {
	.id = "N4",
	.title = "Bytes from a peer are used as a C string without a terminator",
	.cwe = "170",
	.pillar = 707,
	.severity = SEVERITY_ERROR,
	.consequence =
		"the process reads beyond a buffer, and crashes or reveals what is stored there",
	.function = room_function,
	.program = n4_program,
};

/* const auto n = from_big_endian<uint16_t>(bytes): it has no more bits than that. */
static bool n5_is_narrow(const struct peer_hit *hit)
{
	static const char *const words[] = { "int16_t>(", "int8_t>(", "uint16>(", "uint8>(" };

	for (int i = 0; i < hit->fn->n_places; i++) {
		const struct place *p = &hit->fn->places[i];
		const char *line;
		size_t n;

		if (p->kind != PLACE_LOCAL || strcmp(p->text, hit->what) != 0)
			continue;
		line = source_line(hit->fn->source, p->at.row, &n);
		for (size_t w = 0; memmem(line, n, "auto", 4) && w < sizeof(words) / sizeof(*words);
		     w++)
			if (memmem(line, n, words[w], strlen(words[w])))
				return true;
	}
	return false;
}

/* N5: a number from a peer is a length, an index or the size of an allocation without a bound. */
static void n5_alloc(const struct peer_hit *hit)
{
	struct finding *finding;

	if (n5_is_narrow(hit))
		return;
	finding = neutral_find(
		&rule_N5, hit, "789",
		arena_printf(
			&run_arena,
			"`%s` %s and decides without a limit how much memory %s allocates: one message can use all memory, and additions to it can overflow.",
			hit->what, neutral_origin(hit), neutral_callee(hit)));
	finding_fix(
		finding,
		"Compare `%s` in %s() with the largest message that the protocol allows, and end the connection when it is more, before anything is allocated.",
		hit->what, hit->fn->label);
}

static void n5_copy(const struct peer_hit *hit)
{
	const char *into = hit->into && *hit->into ? hit->into : "the buffer";
	struct finding *finding =
		n5_has_room(hit)
			? NULL
			: neutral_find(
				  &rule_N5, hit, "1284",
				  arena_printf(
					  &run_arena,
					  "`%s` %s and says how many bytes go into `%s`; nothing compares it with what `%s` can hold%s.",
					  hit->what, neutral_origin(hit), into, into,
					  hit->limited
						  ? " (the number of bytes received is not a limit)"
						  : ""));

	if (hit->fixed && hit->in_text)
		finding_fix(
			finding,
			"In %s(), store the number in `%s` in a variable, and refuse the message when that is negative or larger than `sizeof(%s)`, before anything is read or copied.",
			hit->fn->label, hit->what, into);
	else if (hit->fixed)
		finding_fix(
			finding,
			"In %s(), refuse the message when `%s` is larger than `sizeof(%s)`, before anything is read or copied.",
			hit->fn->label, hit->what, into);
	else
		finding_fix(
			finding,
			"In %s(), refuse the message when `%s` is larger than what `%s` points to can hold, before anything is read or copied; pass that size along if it is not known there.",
			hit->fn->label, hit->what, into);
}

static void n5_index(const struct peer_hit *hit)
{
	const char *into = hit->into && *hit->into ? hit->into : "the array";
	struct finding *finding = neutral_find(
		&rule_N5, hit, "1284",
		arena_printf(
			&run_arena,
			"`%s` %s%s and is the index into `%s`; nothing compares it with the number of its elements.",
			hit->what, hit->counted ? "counts up to a number that " : "",
			neutral_origin(hit), into));

	finding_fix(
		finding,
		"In %s(), refuse the message when `%s` is not below the number of elements of `%s` (and, if it is signed, when it is negative).",
		hit->fn->label, hit->what, into);
}

static void n5_fill(const struct peer_hit *hit)
{
	struct finding *finding = neutral_find(
		&rule_N5, hit, "787",
		arena_printf(
			&run_arena,
			"What the peer sends goes into `%s`, byte after byte, until one of them or the end says that it is enough; nothing compares how much has come with what `%s` can hold.",
			hit->into, hit->into));

	if (hit->fixed)
		finding_fix(
			finding,
			"In %s(), leave the loop, and refuse the message, when `sizeof(%s)` bytes have come.",
			hit->fn->label, hit->into);
	else
		finding_fix(
			finding,
			"Pass the size of what `%s` points to to %s(), leave the loop when so many bytes have come, and refuse the message then.",
			hit->into, hit->fn->label);
}

static void n5_zero(const struct peer_hit *hit)
{
	const char *use = hit->into && *hit->into
				  ? arena_printf(&run_arena, "is used with `%s`", hit->into)
				  : "says how far this loop goes";
	struct finding *finding = neutral_find(
		&rule_N5, hit, "1284",
		arena_printf(
			&run_arena,
			"`%s` %s and may be 0: what is less than that is negative, or the largest number there is, and %s.",
			hit->what, neutral_origin(hit), use));

	finding_fix(
		finding,
		"In %s(), refuse the message when `%s` is too small, before anything is subtracted from it.",
		hit->fn->label, hit->what);
}

static void n5_tell(const struct peer_hit *hit)
{
	if (hit->sink == PEER_SINK_ZERO) {
		n5_zero(hit);
		return;
	}
	if (hit->sink == PEER_SINK_FILL)
		n5_fill(hit);
	else if (hit->sink == PEER_SINK_ALLOC)
		n5_alloc(hit);
	else if (hit->sink == PEER_SINK_COPY)
		n5_copy(hit);
	else
		n5_index(hit);
}

static void n5_program(void)
{
	neutral_each(1u << PEER_SINK_ALLOC | 1u << PEER_SINK_COPY | 1u << PEER_SINK_INDEX |
			     1u << PEER_SINK_FILL | 1u << PEER_SINK_ZERO,
		     n5_tell);
}

const struct rule rule_N5 = {
	.id = "N5",
	.title = "A number from a peer is a length, index or size without a bound",
	.cwe = "1284,789,130,787",
	.pillar = 707,
	.severity = SEVERITY_ERROR,
	.consequence = "a peer uses up all memory, or makes the process write beyond a buffer",
	.program = n5_program,
};
