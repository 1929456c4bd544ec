/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idl-judge.c - names of an interface: unique, known, and without circles
 *
 * Sorting finds names that are there twice in n log n, whatever a hostile description chooses: a hash could be made to
 * collide. Circles are looked for without recursion, by a link back in each type: a chain of types may be as long as the text.
 */
#include "core/idl.h"

#include <errno.h>
#include <string.h>

static int idl_compare(struct idl_slice a, struct idl_slice b)
{
	int r = memcmp(a.text, b.text, a.n < b.n ? a.n : b.n);

	return r != 0 ? r : a.n < b.n ? -1 : a.n > b.n;
}

/* Of equal ones, those of a, which come first in the text, first. */
static struct idl_node *idl_merge(struct idl_node *a, struct idl_node *b)
{
	struct idl_node *list = NULL, **end = &list;

	while (a && b) {
		struct idl_node **first = idl_compare(b->name, a->name) < 0 ? &b : &a;

		*end = *first;
		end = &(*first)->sorted;
		*first = *end;
	}
	*end = a ? a : b;
	return list;
}

struct idl_node *idl_sort(struct idl_node *list)
{
	/* Lists of 1, 2, 4... nodes, each sorted, as digits of a binary counter. */
	struct idl_node *lists[48] = { 0 }, *next, *whole = NULL;

	for (struct idl_node *node = list; node; node = next) {
		size_t i = 0;

		next = node->sorted;
		node->sorted = NULL;
		for (; lists[i]; i++) {
			node = idl_merge(lists[i], node);
			lists[i] = NULL;
		}
		lists[i] = node;
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		whole = idl_merge(lists[i], whole);
	return whole;
}

const struct idl_node *idl_twice(const struct idl_node *sorted)
{
	for (; sorted && sorted->sorted; sorted = sorted->sorted)
		if (idl_compare(sorted->name, sorted->sorted->name) == 0)
			return sorted->sorted;
	return NULL;
}

/* What the references name: both lists are sorted, and gone through once. Returns the first that names no type. */
static const struct idl_type *idl_resolve(struct idl_node *references, struct idl_node *members)
{
	for (; references; references = references->sorted) {
		/* The node is the first thing in a reference and in a member. */
		struct idl_type *type = ((struct idl_reference *)references)->type;

		while (members && idl_compare(members->name, type->name) < 0)
			members = members->sorted;
		if (!members || idl_compare(members->name, type->name) != 0)
			return type;
		type->member = (struct idl_member *)members;
		if (type->member->kind != IDL_TYPE)
			return type;
	}
	return NULL;
}

enum { IDL_NEW, IDL_OPEN, IDL_CLEAR };

static void idl_open(struct idl_member *m, struct idl_member *from)
{
	m->from = from;
	m->seen = IDL_OPEN;
	m->at = m->references;
}

/* Puts the type at *end, after those that it contains. Else, where a type contains itself again, with nothing between that can be absent or empty. */
static const struct idl_type *idl_circle(struct idl_member *m, struct idl_member ***end)
{
	idl_open(m, NULL);
	do {
		struct idl_reference *r = m->at;

		if (!r) {
			m->seen = IDL_CLEAR;
			**end = m;
			*end = &m->then;
			m = m->from;
			continue;
		}
		m->at = r->next;
		if (!r->direct || r->type->member->seen == IDL_CLEAR)
			continue;
		if (r->type->member->seen == IDL_OPEN)
			return r->type;
		idl_open(r->type->member, m);
		m = r->type->member;
	} while (m);
	return NULL;
}

int idl_judge(struct idl *idl, const char **ret_at, const char **ret_text)
{
	struct idl_node *members = NULL, **end = &members;
	const struct idl_node *twice;
	const struct idl_type *unknown, *circle;
	struct idl_member **ordered = &idl->ordered;

	for (struct idl_member *m = idl->members; m; m = m->next) {
		*end = &m->node;
		end = &m->node.sorted;
	}
	members = idl_sort(members);
	twice = idl_twice(members);
	if (twice) {
		*ret_at = twice->name.text;
		*ret_text =
			"this name is declared twice; types, methods and errors share their names";
		return -EBADMSG;
	}
	unknown = idl_resolve(idl_sort(idl->references), members);
	if (unknown) {
		*ret_at = unknown->name.text;
		*ret_text = unknown->member
				    ? "this is a method or an error, and not a type"
				    : "this interface has no such type; declare it with 'type'";
		return -EBADMSG;
	}
	for (struct idl_member *m = idl->members; m; m = m->next) {
		circle = m->kind == IDL_TYPE && m->seen == IDL_NEW ? idl_circle(m, &ordered) : NULL;
		if (circle) {
			*ret_at = circle->name.text;
			*ret_text =
				"this type would contain itself without end; let ?, [] or [string] be between";
			return -EBADMSG;
		}
	}
	return 0;
}
