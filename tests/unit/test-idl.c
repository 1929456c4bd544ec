/* SPDX-License-Identifier: Apache-2.0 */
/* Varlink interface descriptions: the grammar of UAPI.20, its blanks, and what is refused where. */
#include "json-make.h"
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/idl.h"

static _Alignas(16) char arena[1 << 20];

static struct idl *parsed(const char *text)
{
	struct idl_error error = { 0 };
	struct idl *idl = NULL;

	if (idl_parse(text, strlen(text), arena, sizeof arena, &idl, &error) != 0)
		fail_msg("%zu:%zu: %s; text:\n%s", error.line, error.column, error.text, text);
	return idl;
}

static void assert_slice(struct idl_slice slice, const char *text)
{
	if (slice.n != strlen(text) || memcmp(slice.text, text, slice.n) != 0)
		fail_msg("'%.*s', expected '%s'", (int)slice.n, slice.text, text);
}

static const char ftl[] =
	"# Interface to jump a spacecraft to another point in space.\n"
	"# By a properly calculated jump.\n"
	"interface org.example.ftl\n\n"
	"# The current state.\n"
	"type DriveCondition (\n  state: (idle, spooling, busy),\n  # Fuel.\n  tylium_level: int\n  # The end.\n)\n\n"
	"type Coordinate (\n  longitude: float,\n  latitude: float,\n  distance: ?int\n)\n\n"
	"# Monitor the drive.\n"
	"method Monitor() -> (condition: DriveCondition)\n\n"
	"method Jump(\n  path: []Coordinate,\n  names: ?[string][]string,\n  set: [string](),\n  more: ?(i: int, f: float),\n"
	"  raw: object, all: any, sure: bool\n) -> ()\n\n"
	"error NotEnough ()\n"
	"error OutOfRange (field: string)\n# Nothing follows.\n";

static void the_grammar_is_accepted_whole(void **state)
{
	struct idl *idl = parsed(ftl);
	struct idl_member *m = idl->members;
	struct idl_field *f;

	(void)state;
	assert_slice(idl->name, "org.example.ftl");
	assert_slice(idl->comments->next->text, " By a properly calculated jump.");
	assert_slice(idl->after->text, " Nothing follows.");
	assert_int_equal(m->kind, IDL_TYPE);
	assert_slice(m->node.name, "DriveCondition");
	assert_slice(m->comments->text, " The current state.");
	f = m->type->fields;
	assert_int_equal(f->type->kind, IDL_ENUM);
	assert_slice(f->type->fields->next->next->node.name, "busy");
	assert_slice(f->next->comments->text, " Fuel.");
	assert_slice(m->type->after->text, " The end.");
	assert_ptr_equal(m->next->next->out->fields->type->member, m);
	m = m->next->next->next;
	assert_int_equal(m->kind, IDL_METHOD);
	f = m->type->fields;
	assert_int_equal(f->type->kind, IDL_ARRAY);
	assert_slice(f->type->inner->name, "Coordinate");
	assert_int_equal(f->next->type->kind, IDL_MAYBE);
	assert_int_equal(f->next->type->inner->kind, IDL_MAP);
	assert_int_equal(f->next->type->inner->inner->kind, IDL_ARRAY);
	assert_int_equal(f->next->next->type->inner->kind, IDL_STRUCT);
	assert_null(f->next->next->type->inner->fields);
	assert_int_equal(m->out->kind, IDL_STRUCT);
	assert_int_equal(m->next->kind, IDL_ERROR);
	assert_null(m->next->next->next);
}

static void each_blank_and_line_end_of_the_specification_is_one(void **state)
{
	static const char *const blanks[] = { " ",
					      "\t",
					      "\xc2\xa0",
					      "\xef\xbb\xbf",
					      "\xe1\x9a\x80",
					      "\xe1\xa0\x8e",
					      "\xe2\x80\x80",
					      "\xe2\x80\x8a",
					      "\xe2\x80\xaf",
					      "\xe2\x81\x9f",
					      "\xe3\x80\x80",
					      "\n",
					      "\r\n",
					      "\r",
					      "\xe2\x80\xa8",
					      "\xe2\x80\xa9" };
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
		const char *b = blanks[i], *line = i < 11 ? "\n" : b;

		snprintf(
			text, sizeof text,
			"%sinterface%sorg.example.a%s%s%smethod%sM%s(%sa%s:%sint%s,%sb:[]int%s)%s->%s()%s%s",
			b, b, b, line, b, b, b, b, b, b, b, b, b, b, b, b, line);
		assert_slice(parsed(text)->members->node.name, "M");
		snprintf(text, sizeof text, "interface org.example.a%s#c%serror E ()", line, line);
		assert_slice(parsed(text)->members->comments->text, "c");
	}
}

static void what_is_refused_is_told_with_line_and_column(void **state)
{
	static const struct {
		const char *text;
		size_t line, column;
		const char *word, *what;
	} rows[] = {
		{ "", 1, 1, "", "expected 'interface' and a name" },
		{ "interfaces", 1, 1, "interfaces", "expected 'interface' and a name" },
		{ "interface", 1, 10, "", "expected a blank and a name" },
		{ "interface org\n", 1, 14, "\n", "expected '.'" },
		{ "interface org\r\n", 1, 14, "\r\n", "expected '.'" },
		{ "interface org\xe2\x80\xa8", 1, 14, "\xe2\x80\xa8", "expected '.'" },
		{ "interface a.b\n\x80", 2, 1, "\x80", "this is not UTF-8" },
		{ "interface 1.a\n", 1, 11, "1", "expected the name of the interface" },
		{ "interface a..b\n", 1, 12, ".", "expected '.'" },
		{ "interface -a.b\n", 1, 11, "-", "expected the name of the interface" },
		{ "interface a.b\n", 2, 1, "", "expected 'type', 'method' or 'error'" },
		{ "interface a.b\r\nmethods", 2, 1, "methods",
		  "expected 'type', 'method' or 'error'" },
		{ "interface a.b error E ()", 1, 15, "error", "expected the end of the line" },
		{ "interface a.b\nerror E () error F ()", 2, 12, "error",
		  "expected the end of the line" },
		{ "interface a.b-\nerror E ()", 1, 14, "-", "expected the end of the line" },
		{ "interface a.b\nerror", 2, 6, "", "expected a blank and a name" },
		{ "interface a.b\nerror e ()", 2, 7, "e",
		  "expected a name that begins with a capital letter" },
		{ "interface a.b\nerror E", 2, 8, "", "expected '('" },
		{ "interface a.b\nerror E_a ()", 2, 8, "_a", "expected '('" },
		{ "interface a.b\nerror E (a, b)", 2, 11, ",", "expected ':' and a type" },
		{ "interface a.b\n# \xc3\xa4\n\ntype A (\xc2\xa0_: int)", 4, 10, "_",
		  "expected a field or a value" },
		{ "interface a.b\ntype A (a_: int)", 2, 10, "_", "the name of a field is" },
		{ "interface a.b\ntype A (a__b: int)", 2, 10, "__b",
		  "the name of a field is letters and digits" },
		{ "interface a.b\ntype A (a, b: int)", 2, 13, ":",
		  "expected ',' or ')' after a value" },
		{ "interface a.b\ntype A (a: int; b: int)", 2, 15, ";",
		  "expected ',' or ')' after the type" },
		{ "interface a.b\ntype A (a: int", 2, 15, "",
		  "expected ',' or ')' after the type" },
		{ "interface a.b\ntype A (a: int,)", 2, 16, ")", "expected a field or a value" },
		{ "interface a.b\ntype A (\xc3\xa4: int)", 2, 9, "\xc3\xa4",
		  "expected a field or a value" },
		{ "interface a.b\ntype A (a: integer)", 2, 12, "integer", "expected a type" },
		{ "interface a.b\ntype A (a: [] int)", 2, 14, " ", "expected a type" },
		{ "interface a.b\ntype A (a: ??int)", 2, 13, "?", "a type is nullable once" },
		{ "interface a.b\ntype A (a: [int]int)", 2, 12, "[", "expected a type" },
		{ "interface a.b\ntype A int", 2, 8, "int", "expected '('" },
		{ "interface a.b\nmethod M() ()", 2, 12, "(", "expected '->'" },
		{ "interface a.b\nmethod M()", 2, 11, "", "expected '->'" },
		{ "interface a.b\nmethod M() -> (a, b)", 2, 17, ",", "expected ':' and a type" },
		{ "interface a.b\ntype A (a: B)", 2, 12, "B", "this interface has no such type" },
		{ "interface a.b\nerror B ()\ntype A (a: B)", 3, 12, "B",
		  "this is a method or an error" },
		{ "interface a.b\ntype A ()\nerror A ()", 3, 7, "A",
		  "this name is declared twice" },
		{ "interface a.b\ntype A (a: int,\n  b: int,\n  a: int)", 4, 3, "a",
		  "this name is in the same list twice" },
		{ "interface a.b\ntype A (a: (x, x))", 2, 16, "x",
		  "this name is in the same list twice" },
		{ "interface a.b\ntype A (b: ?B)\ntype B (c: int, d: B)", 3, 20, "B",
		  "this type would contain itself" },
		{ "interface a.b\n# \xff\ntype A ()", 2, 3, "\xff", "this is not UTF-8" },
		{ "interface a.b\ntype A (a: \xed\xa0\x80)", 2, 12, "\xed", "this is not UTF-8" },
	};
	struct idl_error error = { 0 };
	struct idl *idl;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int r = idl_parse(rows[i].text, strlen(rows[i].text), arena, sizeof arena, &idl,
				  &error);

		if (r != -EBADMSG || error.line != rows[i].line || error.column != rows[i].column ||
		    strncmp(error.text, rows[i].what, strlen(rows[i].what)) != 0)
			fail_msg("%s\n%d at %zu:%zu: %s, expected %zu:%zu: %s", rows[i].text, r,
				 error.line, error.column, error.text, rows[i].line, rows[i].column,
				 rows[i].what);
		assert_slice(error.word, rows[i].word);
	}
}

static void a_nul_byte_is_no_text_wherever_it_is(void **state)
{
	static const char text[] = "interface a.b # \0\nerror\0E\0()";
	struct idl_error error = { 0 };
	struct idl *idl;

	(void)state;
	/* In a comment; and with that cut out, where a blank is expected. */
	assert_errno(idl_parse(text, sizeof text - 1, arena, sizeof arena, &idl, &error), -EBADMSG);
	assert_int_equal(error.column, 17);
	assert_string_equal(error.text, "this is a NUL byte; a description is text");
	assert_errno(
		idl_parse("interface a.b\nerror\0E\0()", 24, arena, sizeof arena, &idl, &error),
		-EBADMSG);
	assert_int_equal(error.column, 6);
	assert_string_equal(error.text, "this is a NUL byte; a description is text");
}

static void a_circle_of_types_needs_an_end(void **state)
{
	static const char circle[] =
		"this type would contain itself without end; let ?, [] or [string] be between";
	static const char *const wrong[] = { "type A (a: A)",
					     "type A (b: B)\ntype B (c: C)\ntype C (x: int, a: A)",
					     "type A (b: (c: (d: A)))",
					     "type Z (a: A)\ntype A (b: ?B, z: Z)\ntype B ()" };
	static const char *const right[] = {
		"type A (a: ?A)",
		"type A (a: []A)",
		"type A (a: [string]A)",
		"type A (a: ?(b: A))",
		"type A (b: B)\ntype B (c: C)\ntype C (x: int, a: []A)",
		"type A (b: B, c: B)\ntype B (d: D)\ntype D ()"
	};
	struct idl_error error = { 0 };
	struct idl *idl;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		snprintf(text, sizeof text, "interface a.b\n%s\n", wrong[i]);
		assert_errno(idl_parse(text, strlen(text), arena, sizeof arena, &idl, &error),
			     -EBADMSG);
		assert_string_equal(error.text, circle);
	}
	for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
		snprintf(text, sizeof text, "interface a.b\n%s\n", right[i]);
		(void)parsed(text);
	}
}

/* As C needs them. */
static void types_are_ordered_by_what_they_contain(void **state)
{
	static const char *const expected[] = { "D", "C", "B", "A", "E", "F" };
	const struct idl_member *m =
		parsed("interface a.b\n"
		       "type A (b: B, c: (d: C))\ntype B (c: C, f: ?F)\ntype C (d: D)\n"
		       "type D (x, y)\nmethod M(a: A) -> (e: E)\ntype E (f: []F, e: ?E)\ntype F (e: E)\n")
			->ordered;

	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++, m = m->then) {
		assert_non_null(m);
		assert_slice(m->node.name, expected[i]);
	}
	assert_null(m);
}

static void every_arena_that_is_too_small_is_told(void **state)
{
	size_t n = strlen(ftl), enough = 0;
	struct idl_error error;
	struct idl *idl;

	(void)state;
	for (size_t size = 0; size < 64 * n + 256; size += 8) {
		char *block = malloc(size + 1);
		int r;

		assert_non_null(block);
		/* Aligned to nothing. */
		r = idl_parse(ftl, n, block + 1, size, &idl, &error);
		free(block);
		if (r == 0 && enough == 0)
			enough = size;
		if (r < 0)
			assert_errno(r, -ENOBUFS);
		assert_true(enough == 0 || r == 0);
	}
	test_note("%zu bytes of text: %zu of tree", n, enough);
	assert_true(enough > 0);
}

static void a_long_chain_of_types_takes_no_stack_and_no_square_of_time(void **state)
{
	enum { TYPES = 60000 };
	char *text = malloc(TYPES * 40), *block = malloc(TYPES * 64 * 40);
	struct idl_error error = { 0 };
	struct test_time begun = test_time();
	struct idl *idl;
	size_t n;

	(void)state;
	assert_non_null(text);
	assert_non_null(block);
	n = (size_t)sprintf(text, "interface a.b\n");
	for (int i = 0; i < TYPES; i++)
		n += (size_t)sprintf(text + n, "type T%d (a: T%d)\n", i, i + 1);
	n += (size_t)sprintf(text + n, "type T%d (a: int)\n", TYPES);
	assert_int_equal(idl_parse(text, n, block, TYPES * 64 * 40, &idl, &error), 0);
	n = (size_t)sprintf(text, "interface a.b\n");
	for (int i = 0; i < TYPES; i++)
		n += (size_t)sprintf(text + n, "type T%d (a: T%d)\n", i, (i + 1) % TYPES);
	assert_errno(idl_parse(text, n, block, TYPES * 64 * 40, &idl, &error), -EBADMSG);
	assert_took_less(begun, INT64_C(5000000000) * test_scale());
	free(block);
	free(text);
}

static void types_are_nested_sixty_four_deep_at_most(void **state)
{
	/* Each one deeper; the list of fields that all are in is the first. */
	static const char *const ways[][2] = {
		{ "[]", "" }, { "[string]", "" }, { "?[]", "" }, { "(a: ", ")" }
	};
	static const int deep[] = { 1, 1, 2, 1 };
	struct idl_error error = { 0 };
	struct idl *idl;
	char text[2048];

	(void)state;
	for (size_t way = 0; way < sizeof ways / sizeof *ways; way++)
		for (int times = 1; times < 100; times++) {
			size_t n = (size_t)sprintf(text, "interface a.b\ntype A (a: ");

			for (int i = 0; i < times; i++)
				n += (size_t)sprintf(text + n, "%s", ways[way][0]);
			n += (size_t)sprintf(text + n, "int");
			for (int i = 0; i < times; i++)
				n += (size_t)sprintf(text + n, "%s", ways[way][1]);
			n += (size_t)sprintf(text + n, ")");
			if (1 + times * deep[way] <= IDL_DEPTH) {
				(void)parsed(text);
				continue;
			}
			assert_errno(idl_parse(text, n, arena, sizeof arena, &idl, &error),
				     -EBADMSG);
			assert_memory_equal(error.text, "types are nested more than 64 deep", 34);
		}
}

/* What is deeper than that is not looked into: the stack would not suffice. */
static void a_text_that_only_goes_deeper_takes_no_stack(void **state)
{
	static const char *const ways[] = { "(a:", "( a : ",   "[]",
					    "?[]", "[string]", "(a:[](b:?[string]" };
	enum { LENGTH = 4 << 20 };
	size_t size = (size_t)64 * LENGTH + 256;
	char *text = malloc(LENGTH), *block = malloc(size);
	struct idl_error error = { 0 };
	struct idl *idl;

	(void)state;
	assert_non_null(text);
	assert_non_null(block);
	for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
		size_t n = (size_t)sprintf(text, "interface a.b\ntype A (a:"),
		       length = strlen(ways[way]);

		for (; n + length <= LENGTH; n += length)
			memcpy(text + n, ways[way], length);
		assert_errno(idl_parse(text, n, block, size, &idl, &error), -EBADMSG);
		assert_memory_equal(error.text, "types are nested more than 64 deep", 34);
	}
	free(block);
	free(text);
}

/* Cut off at each byte, and with mistakes in it, in a block of its own size. */
static void no_text_leads_beyond_its_end(void **state)
{
	static struct json_make m = { .seed = 20 };
	int texts = 100000 / test_scale(), accepted = 0, cut = 0;
	struct idl_error error;
	struct idl *idl;

	(void)state;
	for (int i = 0; i < texts; i++) {
		char *text;
		int r;

		m.n = sizeof(ftl) - 1;
		memcpy(m.text, ftl, m.n);
		if (i < (int)m.n) {
			m.n = (size_t)i;
			cut++;
		} else {
			json_make_mistakes(&m);
		}
		text = malloc(m.n > 0 ? m.n : 1);
		assert_non_null(text);
		memcpy(text, m.text, m.n);
		error.text = NULL;
		r = idl_parse(text, m.n, arena, sizeof arena, &idl, &error);
		assert_true(r == 0 ||
			    (r == -EBADMSG && error.text && error.line > 0 && error.column > 0));
		accepted += r == 0;
		free(text);
	}
	test_note("%d texts, %d cut off, the others of seed 20: %d accepted", texts, cut, accepted);
	assert_true(accepted > 0 && accepted < texts);
}

static void a_description_is_printed_as_everybody_writes_it(void **state)
{
	static const char expected[] =
		"# Interface to jump a spacecraft to another point in space.\n"
		"# By a properly calculated jump.\n"
		"interface org.example.ftl\n\n"
		"# The current state.\n"
		"type DriveCondition (\n  state: (idle, spooling, busy),\n  # Fuel.\n  tylium_level: int\n  # The end.\n)\n\n"
		"type Coordinate (longitude: float, latitude: float, distance: ?int)\n\n"
		"# Monitor the drive.\n"
		"method Monitor() -> (condition: DriveCondition)\n\n"
		"method Jump(\n  path: []Coordinate,\n  names: ?[string][]string,\n  set: [string](),\n"
		"  more: ?(i: int, f: float),\n  raw: object,\n  all: any,\n  sure: bool\n) -> ()\n\n"
		"error NotEnough ()\n\n"
		"error OutOfRange (field: string)\n\n# Nothing follows.\n";
	char text[1024];
	size_t n = idl_print(parsed(ftl), text, sizeof text);

	(void)state;
	assert_true(n < sizeof text);
	text[n] = '\0';
	assert_string_equal(text, expected);
	/* A buffer that is too small gets what fits, and the length is told. */
	memset(text, 'x', sizeof text);
	assert_int_equal(idl_print(parsed(ftl), text, 100), n);
	assert_memory_equal(text, expected, 100);
	assert_int_equal(text[100], 'x');
}

/* What a generator writes above a declaration. */
static void documentation_is_what_is_directly_before(void **state)
{
	struct idl *idl = parsed(
		"# A licence.\n\n#  Of the interface. \n#\n# More.\ninterface a.b # not this\n"
		"# of nothing\n\n# of T\ntype T ( # not this\n"
		"  # of a [unsigned]\n  a: int, # not this\n  b: int,\r\n  #of c\r\n  c: (\n    # of x\n    x,\n y)\n)\n"
		"# [Supports 'more' flag]\n# of M\nmethod M(\n# in\na: int) -> (\n# out\na: int)\n# of E\nerror E ()");
	const struct idl_comment *c = idl_documentation(idl->comments);
	const struct idl_member *m = idl->members;
	const struct idl_field *f = m->type->fields;

	(void)state;
	assert_slice(idl_line(c), " Of the interface.");
	assert_slice(idl_line(c->next), "");
	assert_slice(idl_line(c->next->next), "More.");
	assert_slice(idl_line(idl_documentation(m->comments)), "of T");
	assert_slice(idl_line(idl_documentation(f->comments)), "of a [unsigned]");
	assert_int_equal(idl_says(f->comments, "[unsigned]"), 1);
	assert_int_equal(idl_says(f->comments, "[unsigned]]"), 0);
	f = f->next;
	assert_null(idl_documentation(f->comments));
	f = f->next;
	assert_slice(idl_line(idl_documentation(f->comments)), "of c");
	assert_slice(idl_line(idl_documentation(f->type->fields->comments)), "of x");
	assert_null(idl_documentation(f->type->fields->next->comments));
	m = m->next;
	assert_int_equal(idl_says(m->comments, "[Supports 'more' flag]"), 1);
	assert_int_equal(idl_says(m->comments, "[Requires 'more' flag]"), 0);
	assert_slice(idl_line(idl_documentation(m->comments)->next), "of M");
	assert_slice(idl_line(idl_documentation(m->type->fields->comments)), "in");
	assert_slice(idl_line(idl_documentation(m->out->fields->comments)), "out");
	assert_slice(idl_line(idl_documentation(m->next->comments)), "of E");
}

/* Before the name of what has them, comments document neither that nor what is in it. */
static void what_is_behind_something_ends_documentation(void **state)
{
	struct idl *idl = parsed("interface a.b\ntype\n# not this\nA # nor this\n(a: int)\n"
				 "error E (\n#[unsigned]\na: int)");

	(void)state;
	assert_null(idl_documentation(idl->members->type->fields->comments));
	assert_slice(idl_line(idl_documentation(idl->members->next->type->fields->comments)),
		     "[unsigned]");
	assert_int_equal(idl_says(idl->members->next->type->fields->comments, "[unsigned]"), 1);
}

/* The formatter never makes documentation of what was none. */
static void comments_stay_where_they_are(void **state)
{
	static const char text[] =
		"# A licence.\n\n# Of the interface.\ninterface a.b # behind it\n\n# apart\n\n# of T\n"
		"type T ( # behind\n  # of a\n  a: int, # behind a\n  # apart\n\n  # of b\n  b: int # behind b\n  # last\n) # behind T\n\n"
		"error E () # behind E\n\n# the end\n\n# of all\n";
	static char printed[1024];
	size_t n = idl_print(parsed(text), printed, sizeof printed - 1);

	(void)state;
	printed[n] = '\0';
	assert_string_equal(printed, text);
	/* Blanks at the end of a comment, and empty lines at that of the text, are not kept. */
	n = idl_print(parsed("# \ninterface a.b\nerror E ()\n\n#\t \n\n\n"), printed,
		      sizeof printed - 1);
	printed[n] = '\0';
	assert_string_equal(printed, "#\ninterface a.b\n\nerror E ()\n\n#\n");
}

static void put_documentation(char **at, const struct idl_comment *comments)
{
	for (const struct idl_comment *c = idl_documentation(comments); c; c = c->next) {
		struct idl_slice line = idl_line(c);

		memcpy(*at, line.text, line.n);
		*at += line.n;
		*(*at)++ = '\n';
	}
	*(*at)++ = '.';
}

static void put_documentation_of(char **at, const struct idl_type *type)
{
	if (!type)
		return;
	put_documentation_of(at, type->inner);
	for (const struct idl_field *f = type->fields; f; f = f->next) {
		put_documentation(at, f->comments);
		put_documentation_of(at, f->type);
	}
}

/* All of it, in order. */
static size_t all_documentation(const struct idl *idl, char *ret)
{
	char *at = ret;

	put_documentation(&at, idl->comments);
	for (const struct idl_member *m = idl->members; m; m = m->next) {
		put_documentation(&at, m->comments);
		put_documentation_of(&at, m->type);
		put_documentation_of(&at, m->out);
	}
	return (size_t)(at - ret);
}

static size_t count_comments(const char *text, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += text[i] == '#';
	return count;
}

/* Whatever is accepted, wherever its comments are. */
static void what_is_printed_is_accepted_and_printed_alike(void **state)
{
	static char first[64 << 10], second[64 << 10], before[64 << 10], after[64 << 10];
	static struct json_make m = { .seed = 21 };
	int texts = 30000 / test_scale(), accepted = 0;
	struct idl_error error = { 0 };
	struct idl *idl;

	(void)state;
	for (int i = 0; i < texts; i++) {
		size_t n, at, documented;

		m.n = sizeof(ftl) - 1;
		memcpy(m.text, ftl, m.n);
		json_make_mistakes(&m);
		/* Comments somewhere, which end the line there, and perhaps begin on one, or have an empty one behind. */
		for (int k = 0; k < 2; k++) {
			static const char *const comments[] = { "#so\n", "\n#so\n", "#so\n\n",
								"\n#so\n\n" };
			const char *comment = comments[json_make_random(&m, 4)];
			size_t length = strlen(comment);

			at = (size_t)json_make_random(&m, m.n + 1);
			memmove(m.text + at + length, m.text + at, m.n - at);
			memcpy(m.text + at, comment, length);
			m.n += length;
		}
		if (idl_parse(m.text, m.n, arena, sizeof arena, &idl, &error) < 0)
			continue;
		accepted++;
		documented = all_documentation(idl, before);
		n = idl_print(idl, first, sizeof first);
		assert_true(n <= sizeof first);
		assert_int_equal(count_comments(first, n), count_comments(m.text, m.n));
		if (idl_parse(first, n, arena, sizeof arena, &idl, &error) < 0)
			fail_msg("%zu:%zu: %s; printed:\n%.*s", error.line, error.column,
				 error.text, (int)n, first);
		assert_int_equal(idl_print(idl, second, sizeof second), n);
		assert_memory_equal(first, second, n);
		assert_int_equal(all_documentation(idl, after), documented);
		assert_memory_equal(before, after, documented);
	}
	test_note("%d texts of seed 21, %d accepted, printed and read again", texts, accepted);
	assert_true(accepted > texts / 100);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(the_grammar_is_accepted_whole),
		TEST(each_blank_and_line_end_of_the_specification_is_one),
		TEST(what_is_refused_is_told_with_line_and_column),
		TEST(a_nul_byte_is_no_text_wherever_it_is),
		TEST(a_circle_of_types_needs_an_end),
		TEST(types_are_ordered_by_what_they_contain),
		TEST(every_arena_that_is_too_small_is_told),
		TEST(a_long_chain_of_types_takes_no_stack_and_no_square_of_time),
		TEST(types_are_nested_sixty_four_deep_at_most),
		TEST(a_text_that_only_goes_deeper_takes_no_stack),
		TEST(no_text_leads_beyond_its_end),
		TEST(a_description_is_printed_as_everybody_writes_it),
		TEST(documentation_is_what_is_directly_before),
		TEST(what_is_behind_something_ends_documentation),
		TEST(comments_stay_where_they_are),
		TEST(what_is_printed_is_accepted_and_printed_alike),
	};

	return test_run(tests);
}
