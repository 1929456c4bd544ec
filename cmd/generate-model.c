/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate-model.c - what of a description has a name in C, and which
 *
 * A type that is written out inside of another is named by the way to it: the enum of field state in type Condition is
 * enum ftl_Condition_state. Interfaces have no _ in the names of types and methods, and fields none at the end or twice; so
 * what collides are only ways such as a_b, c and a, b_c. Those are told: no rule would choose one that a reader expects.
 * The structs that C alone needs, for entries of maps and arrays in arrays, give way, by a _ at the end.
 */
#include "generate.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_ENUM_MAX 65535u /* the order of its names is a table of uint16_t */

/* The way to a type. */
struct model_place {
	const char *path;      /* Style_zone_names */
	const char *container; /* the same, and _item or _value for each array or map around */
	struct idl_slice at;
	bool is_unsigned;
	bool is_element;
};

/* ---- names ---- */

/* Of C, of C++, or macros that C compilers and <errno.h> define. */
static const char model_reserved[] =
	" NULL alignas alignof and and_eq asm auto bitand bitor bool break case catch char"
	" char16_t char32_t char8_t class co_await co_return co_yield compl concept const"
	" const_cast consteval constexpr constinit continue decltype default delete do"
	" double dynamic_cast else enum errno explicit export extern false float for friend"
	" goto i386 if inline int linux long mutable namespace new noexcept not not_eq"
	" nullptr operator or or_eq private protected public register reinterpret_cast"
	" requires restrict return short signed sizeof static static_assert static_cast"
	" struct switch template this thread_local throw true try typedef typeid typename"
	" typeof typeof_unqual union unix unsigned using virtual void volatile wchar_t while"
	" xor xor_eq"
	" ";

static int model_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool model_is_reserved(const char *name)
{
	size_t n = strlen(name);

	for (const char *at = model_reserved; (at = strstr(at, name)); at++)
		if (at[-1] == ' ' && at[n] == ' ')
			return true;
	return false;
}

const char *generate_field_name(struct generate *g, struct idl_slice name)
{
	const char *text = generate_text(g, "%.*s", (int)name.n, name.text);

	if (model_is_reserved(text))
		return generate_text(g, "%s_", text);
	return text;
}

const char *generate_value_name(struct generate *g, const struct generate_unit *u,
				struct idl_slice name)
{
	const char *text = generate_text(g, "%s_%.*s", u->tag, (int)name.n, name.text);

	/* 0 has that one. */
	if (name.n == strlen("UNKNOWN") && !memcmp(name.text, "UNKNOWN", name.n))
		return generate_text(g, "%s_", text);
	return text;
}

/* The first that comes has it; `space` tells names apart that C does. */
static bool model_claim(struct generate *g, char space, const char *name)
{
	const char *key = generate_text(g, "%c%s", space, name);
	const char *const *there = tsearch(key, &g->names, model_compare);

	if (!there)
		generate_no_memory(g);
	return !there || *there == key;
}

static const char *model_claim_another(struct generate *g, char space, const char *name)
{
	while (!model_claim(g, space, name))
		name = generate_text(g, "%s_", name);
	return name;
}

static void model_refuse(struct generate *g, struct idl_slice at, const char *text)
{
	/* The first one, as of every description. */
	if (g->status)
		return;
	g->status = EXIT_ANSWERED_ERROR;
	description_tell(g->file, at, text);
}

static void model_claim_declared(struct generate *g, char space, const char *name,
				 struct idl_slice at)
{
	if (!model_claim(g, space, name))
		model_refuse(g, at,
			     generate_text(g,
					   "its name in C, %s, is that of another already; "
					   "rename one of the two",
					   name));
}

/* ---- units ---- */

static int model_compare_types(const void *a, const void *b)
{
	const struct generate_unit *left = a, *right = b;

	return (left->type > right->type) - (left->type < right->type);
}

struct generate_unit *generate_find(struct generate *g, const struct idl_type *type)
{
	struct generate_unit key = { .type = type };
	void *there = tfind(&key, &g->by_type, model_compare_types);

	/* Only if there was no memory for it. */
	return there ? *(struct generate_unit **)there : &g->spare;
}

static struct generate_unit *model_add(struct generate *g, int kind, const struct idl_type *type,
				       const char *name, struct idl_slice at)
{
	struct generate_unit *u = generate_allocate(g, sizeof(*u));

	if (!u)
		return &g->spare;
	u->type = type;
	if (!tsearch(u, &g->by_type, model_compare_types)) {
		generate_no_memory(g);
		return &g->spare;
	}
	u->kind = kind;
	u->name = name;
	u->at = at;
	*g->end = u;
	g->end = &u->next;
	return u;
}

static void model_enum(struct generate *g, const struct idl_type *type, const char *name,
		       struct idl_slice at)
{
	struct generate_unit *u = model_add(g, GENERATE_ENUM, type, name, at);
	size_t n = 0;

	u->tag = generate_text(g, "%s_%s", g->prefix, name);
	model_claim_declared(g, 's', u->tag, at);
	for (const struct idl_field *f = type->fields; f; f = f->next) {
		model_claim_declared(g, 'v', generate_value_name(g, u, f->node.name), f->node.name);
		if (n++ == MODEL_ENUM_MAX)
			model_refuse(g, f->node.name,
				     "an enum has 65,535 values at most here; make it a string");
	}
}

static void model_type(struct generate *g, const struct idl_type *type,
		       const struct model_place *p);

static const struct idl_type *model_innermost(const struct idl_type *type)
{
	while (type->inner)
		type = type->inner;
	return type;
}

bool generate_is_unsigned(const struct idl_field *field)
{
	return idl_says(field->comments, "[unsigned]");
}

static void model_struct(struct generate *g, const struct idl_type *type, const char *name,
			 struct idl_slice at)
{
	struct generate_unit *u;
	size_t n = 0;

	for (const struct idl_field *f = type->fields; f; f = f->next) {
		struct model_place p = {
			.path = generate_text(g, "%s_%.*s", name, (int)f->node.name.n,
					      f->node.name.text),
			.at = f->node.name,
			.is_unsigned = generate_is_unsigned(f),
		};

		p.container = p.path;
		if (p.is_unsigned && model_innermost(f->type)->kind != IDL_INT)
			model_refuse(g, f->node.name,
				     "this is no int, which [unsigned] in its comment is for; "
				     "take that out");
		if (n++ == POSTERN_FIELDS_MAX)
			model_refuse(g, f->node.name,
				     "a struct has 1,024 fields at most here; divide it");
		model_type(g, f->type, &p);
	}
	u = model_add(g, GENERATE_STRUCT, type, name, at);
	u->tag = generate_text(g, "%s_%s", g->prefix, name);
	model_claim_declared(g, 's', u->tag, at);
}

static void model_container(struct generate *g, const struct idl_type *type,
			    const struct model_place *p)
{
	bool is_map = type->kind == IDL_MAP;
	struct model_place inner = *p;
	struct generate_unit *u;

	inner.container = generate_text(g, "%s_%s", p->container, is_map ? "value" : "item");
	inner.is_element = !is_map;
	/* The value of a set has no field in C, and so no struct. */
	if (!is_map || type->inner->kind != IDL_STRUCT || type->inner->fields)
		model_type(g, type->inner, &inner);
	u = model_add(g, is_map ? GENERATE_MAP : GENERATE_ARRAY, type, p->container, p->at);
	u->is_unsigned = p->is_unsigned;
	u->is_element = p->is_element;
}

static void model_type(struct generate *g, const struct idl_type *type, const struct model_place *p)
{
	switch (type->kind) {
	case IDL_MAYBE:
		model_type(g, type->inner, p);
		if (generate_resolve(type)->kind == IDL_ENUM)
			generate_find(g, generate_resolve(type))->is_optional = true;
		break;
	case IDL_ARRAY:
	case IDL_MAP:
		model_container(g, type, p);
		break;
	case IDL_STRUCT:
		model_struct(g, type, p->path, p->at);
		break;
	case IDL_ENUM:
		model_enum(g, type, p->path, p->at);
		break;
	default:
		break;
	}
}

/* ---- how large they are ---- */

/* On a machine of 64 bits, wherever this runs: what is refused must not depend on that, and smaller pointers make
   smaller structs. */
struct model_extent {
	uint32_t bytes, alignment;
};

/* Of a field that is no struct, or a pointer to one. */
static struct model_extent model_field(const struct idl_field *f)
{
	bool null = generate_is_nullable(f->type);

	switch (generate_resolve(f->type)->kind) {
	case IDL_BOOL:
		return (struct model_extent){ null ? 2 : 1, 1 };
	case IDL_INT:
	case IDL_FLOAT:
		return (struct model_extent){ null ? 16 : 8, 8 };
	case IDL_ENUM:
		return (struct model_extent){ null ? 8 : 4, 4 };
	case IDL_STRING:
	case IDL_STRUCT:
		return (struct model_extent){ 8, 8 };
	default: /* where it is, and how long */
		return (struct model_extent){ 16, 8 };
	}
}

/* The struct that is inside of another one's as this field; else NULL. */
static struct generate_unit *model_embedded(struct generate *g, const struct idl_field *f)
{
	const struct idl_type *t = generate_resolve(f->type);

	return t->kind == IDL_STRUCT && !generate_is_nullable(f->type) ? generate_find(g, t) : NULL;
}

static uint32_t model_align(uint32_t bytes, uint32_t alignment)
{
	return (bytes + alignment - 1) & ~(alignment - 1);
}

static void model_measure_begin(struct generate_unit *u, struct generate_unit *outer)
{
	u->is_measured = true;
	u->measured = u->type->fields;
	u->outer = outer;
	u->alignment = 1;
	u->bytes = u->measured ? 0 : 1; /* nothing_ */
}

/* The next field of u is of this size. Both are 1 MiB at most. */
static void model_measure_field(struct generate *g, struct generate_unit *u,
				struct model_extent field)
{
	u->bytes = model_align(u->bytes, field.alignment) + field.bytes;
	if (u->alignment < field.alignment)
		u->alignment = field.alignment;
	if (u->bytes > POSTERN_STRUCT_MAX)
		model_refuse(g, u->measured->node.name,
			     "its struct would be larger than 1 MiB in C with this; "
			     "make it ? or an array");
	u->measured = u->measured->next;
}

/* Without recursion, as a description may nest as deep as it is long, and each struct once. */
static void model_measure(struct generate *g, struct generate_unit *u)
{
	struct generate_unit *inner;

	model_measure_begin(u, NULL);
	while (u && !g->status) {
		inner = u->measured ? model_embedded(g, u->measured) : NULL;
		if (!u->measured) {
			u->bytes = model_align(u->bytes, u->alignment);
			u = u->outer;
		} else if (!inner) {
			model_measure_field(g, u, model_field(u->measured));
		} else if (inner->is_measured) {
			model_measure_field(
				g, u, (struct model_extent){ inner->bytes, inner->alignment });
		} else {
			model_measure_begin(inner, u);
			u = inner;
		}
	}
}

/* ---- the whole ---- */

static void model_root(struct generate *g, const struct idl_member *m, const struct idl_type *type,
		       const char *what)
{
	const char *name = generate_text(g, "%.*s%s", (int)m->node.name.n, m->node.name.text, what);
	struct generate_unit *u;

	/* In C a function without parameters has none, and no struct of them. */
	if (m->kind != IDL_TYPE && generate_is_empty(type))
		return;
	if (type->kind == IDL_STRUCT)
		model_struct(g, type, name, m->node.name);
	else
		model_enum(g, type, name, m->node.name);
	u = generate_find(g, type);
	u->is_root = true;
	if (m->kind != IDL_METHOD)
		u->comments = m->comments;
}

static void model_units(struct generate *g)
{
	const struct idl_member *m;

	for (m = g->idl->ordered; m; m = m->then)
		if (m->type->kind == IDL_ENUM)
			model_root(g, m, m->type, "");
	for (m = g->idl->ordered; m; m = m->then)
		if (m->type->kind == IDL_STRUCT)
			model_root(g, m, m->type, "");
	for (m = g->idl->members; m; m = m->next) {
		if (m->kind == IDL_METHOD) {
			model_root(g, m, m->type, "_in");
			model_root(g, m, m->out, "_out");
		} else if (m->kind == IDL_ERROR) {
			model_root(g, m, m->type, "");
		}
	}
}

void generate_model(struct generate *g)
{
	g->end = &g->units;
	g->spare = (struct generate_unit){ .name = "", .tag = "", .entry = "" };
	model_units(g);
	for (struct generate_unit *u = g->units; u; u = u->next) {
		if (u->kind != GENERATE_ARRAY && u->kind != GENERATE_MAP)
			continue;
		u->name = model_claim_another(g, 'c', u->name);
		if (u->is_element)
			u->tag = model_claim_another(g, 's',
						     generate_text(g, "%s_%s", g->prefix, u->name));
		if (u->kind == GENERATE_MAP)
			u->entry = model_claim_another(
				g, 's', generate_text(g, "%s_%s_entry", g->prefix, u->name));
	}
	for (struct generate_unit *u = g->units; u && !g->status; u = u->next)
		if (u->kind == GENERATE_STRUCT && !u->is_measured)
			model_measure(g, u);
}

/* ---- types in C ---- */

const struct idl_type *generate_resolve(const struct idl_type *type)
{
	if (type->kind == IDL_MAYBE)
		type = type->inner;
	return type->kind == IDL_NAME ? type->member->type : type;
}

bool generate_is_nullable(const struct idl_type *type)
{
	return type->kind == IDL_MAYBE;
}

bool generate_is_empty(const struct idl_type *type)
{
	return generate_resolve(type)->kind == IDL_STRUCT && !generate_resolve(type)->fields;
}

static const char *model_enum_spelling(struct generate *g, const struct generate_unit *u,
				       bool is_nullable)
{
	if (is_nullable)
		return generate_text(g, "struct %s_opt_%s ", g->prefix, u->name);
	return generate_text(g, "enum %s ", u->tag);
}

const char *generate_spelling(struct generate *g, const struct idl_type *type, bool is_unsigned)
{
	const struct idl_type *t = generate_resolve(type);
	bool null = generate_is_nullable(type);

	switch (t->kind) {
	case IDL_BOOL:
		return null ? "struct postern_opt_bool " : "bool ";
	case IDL_INT:
		if (is_unsigned)
			return null ? "struct postern_opt_uint " : "uint64_t ";
		return null ? "struct postern_opt_int " : "int64_t ";
	case IDL_FLOAT:
		return null ? "struct postern_opt_float " : "double ";
	case IDL_STRING:
		return "const char *";
	case IDL_OBJECT:
	case IDL_ANY:
		return "struct postern_json ";
	case IDL_ENUM:
		return model_enum_spelling(g, generate_find(g, t), null);
	case IDL_STRUCT:
		return generate_text(g, null ? "const struct %s *" : "struct %s ",
				     generate_find(g, t)->tag);
	default:
		return generate_text(g, "struct %s ", generate_find(g, t)->tag);
	}
}

const char *generate_items(struct generate *g, const struct generate_unit *u)
{
	const char *of;

	if (u->kind == GENERATE_MAP)
		return generate_text(g, "const struct %s *items", u->entry);
	of = generate_spelling(g, u->type->inner, u->is_unsigned);
	return *of && of[strlen(of) - 1] == '*' ? generate_text(g, "%sconst *items", of)
						: generate_text(g, "const %s*items", of);
}

const char *generate_declaration(struct generate *g, const struct idl_type *type, bool is_unsigned,
				 const char *name)
{
	const struct idl_type *t = generate_resolve(type);

	if (t->kind == IDL_ARRAY || t->kind == IDL_MAP)
		return generate_text(g, "struct { %s; size_t n; } %s;",
				     generate_items(g, generate_find(g, t)), name);
	return generate_text(g, "%s%s;", generate_spelling(g, type, is_unsigned), name);
}
