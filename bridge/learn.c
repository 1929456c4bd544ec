/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn.c - what the far end says about an interface, as a table for our own service
 *
 *   ask -> an answer that is right -> known
 *    ^         | nobody there, an error, nonsense, none in time
 *    +- wait --+
 *
 * The description came from another machine: it is parsed as any file is, and has to be of the interface that was asked
 * for. Parameters are not decoded here, the far end holds them against its own description; so a table has the methods'
 * names and flags, and no types. What was learned stays until the bridge ends, because local programs rely on it.
 */
#include "bridge/import.h"

#include "core/idl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LEARN_PATIENCE    POSTERN_SECONDS(2) /* for an answer */
#define LEARN_BACKOFF     POSTERN_MS(50)
#define LEARN_BACKOFF_MAX POSTERN_SECONDS(2)

static void learn_again(struct learn *l, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void learn_again(struct learn *l, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(l->last, sizeof(l->last), format, args);
	va_end(args);
	if (l->import->values->bridge.common.verbose)
		output_error(l->import->bridge.verb, l->name, "%s", l->last);
	bus_inbox_close(l->import->bridge.bus, &l->inbox);
	l->asking = false;
	postern_timer_set(l->timer, l->backoff_ns);
	l->backoff_ns = l->backoff_ns < LEARN_BACKOFF_MAX / 2 ? 2 * l->backoff_ns
							      : LEARN_BACKOFF_MAX;
}

/* ---- the table ---- */

static int learn_count(const struct idl *idl, size_t *ret_n, size_t *ret_bytes)
{
	size_t n = 0, bytes = 0;

	for (const struct idl_member *m = idl->members; m; m = m->next) {
		if (m->kind != IDL_METHOD)
			continue;
		n++;
		bytes += idl->name.n + m->node.name.n + 2;
	}
	*ret_n = n;
	*ret_bytes = bytes;
	return n > 0 ? 0 : -ENOENT;
}

static void learn_handle(const void *handlers, struct postern_request *r, const void *in,
			 void *data)
{
	(void)handlers;
	(void)in;
	imported_start(r, data);
}

/* The names are in one block, and the parser's tree is not needed after this. */
static int learn_table(struct learn *l, const struct idl *idl)
{
	size_t n = 0, bytes = 0, i = 0;
	char *at;

	if (learn_count(idl, &n, &bytes) < 0)
		return -ENOENT;
	l->methods = calloc(n, sizeof(*l->methods));
	l->list = calloc(n, sizeof(*l->list));
	l->names = at = malloc(bytes);
	if (!l->methods || !l->list || !l->names)
		return -ENOMEM;
	for (const struct idl_member *m = idl->members; m; m = m->next) {
		if (m->kind != IDL_METHOD)
			continue;
		l->list[i] = &l->methods[i];
		l->methods[i++] = (struct postern_method){
			.name = at,
			.flags = idl_method_flags(m),
			.handle = learn_handle,
		};
		at += 1 + snprintf(at, bytes - (size_t)(at - l->names), "%s.%.*s", l->name,
				   (int)m->node.name.n, m->node.name.text);
	}
	l->table = (struct postern_interface){
		.version = POSTERN_INTERFACE_VERSION,
		.n_methods = (uint32_t)n,
		.name = l->name,
		.description = l->description,
		.methods = l->list,
	};
	return 0;
}

static void learn_forget(struct learn *l)
{
	free(l->description);
	free(l->methods);
	free(l->list);
	free(l->names);
	l->description = l->names = NULL;
	l->methods = NULL;
	l->list = NULL;
}

/* NULL, or what is wrong with the description. */
static const char *learn_parse(struct learn *l)
{
	size_t n = strlen(l->description), size = IDL_ARENA(n);
	struct idl_error error = { .text = NULL };
	struct idl *idl = NULL;
	char *arena = malloc(size);
	int r = arena ? idl_parse(l->description, n, arena, size, &idl, &error) : -ENOMEM;

	if (r == 0 && (idl->name.n != strlen(l->name) ||
		       memcmp(idl->name.text, l->name, idl->name.n) != 0))
		error.text = "it describes another interface";
	else if (r == 0)
		r = learn_table(l, idl);
	free(arena);
	if (r == -ENOMEM)
		return "there is no memory for it";
	return r == -ENOENT ? "it has no methods" : error.text;
}

/* ---- an answer ---- */

/* Terminated, in l->description. */
static bool learn_take(struct learn *l, const struct bus_message *m)
{
	struct postern_json object, text;
	ssize_t n;

	if (wire_object(m->payload, m->n, &object) < 0 ||
	    postern_json_find(object, "description", &text) <= 0 ||
	    postern_json_kind(text) != POSTERN_JSON_STRING)
		return false;
	l->description = malloc(text.n + 1);
	if (!l->description)
		return false;
	n = postern_json_string(text, l->description, text.n + 1);
	return n >= 0 && (size_t)n == strlen(l->description);
}

static void learn_answered(const struct bus_message *m, void *data)
{
	struct learn *l = data;
	const char *error = bus_header(m, WIRE_ERROR), *wrong;

	if (m->nobody) {
		learn_again(l, "nobody serves it there");
		return;
	}
	if (error) {
		learn_again(l, "its description is refused: %.80s", error);
		return;
	}
	if (!learn_take(l, m)) {
		learn_forget(l);
		learn_again(l, "what is answered is no description");
		return;
	}
	wrong = learn_parse(l);
	if (wrong) {
		learn_forget(l);
		learn_again(l, "its description is wrong: %s", wrong);
		return;
	}
	bus_inbox_close(l->import->bridge.bus, &l->inbox);
	postern_timer_cancel(l->timer);
	l->asking = false;
	l->known = true;
}

/* ---- asking ---- */

static void learn_ask(struct learn *l)
{
	char subject[WIRE_SUBJECT_MAX], name[WIRE_SUBJECT_MAX], reply[BUS_INBOX_SUBJECT];
	struct bus *bus = l->import->bridge.bus;
	struct bus_out out = { .subject = subject, .reply = reply, .payload = "" };
	int n = snprintf(name, sizeof(name), "%s.describe", l->name), r;

	r = n < 0 || (size_t)n >= sizeof(name) ? -ENAMETOOLONG : 0;
	if (r == 0)
		r = wire_subject(subject, sizeof(subject), l->import->prefix, name);
	if (r == 0)
		r = bus_inbox_open(bus, &l->inbox, learn_answered, l);
	if (r == 0) {
		bus_inbox_subject(bus, &l->inbox, reply);
		r = bus_publish(bus, &out);
	}
	if (r < 0) {
		learn_again(l, "cannot ask: %s", strerror(-r));
		return;
	}
	l->asking = true;
	postern_timer_set(l->timer, LEARN_PATIENCE);
}

static void learn_due(struct postern_timer *t, void *data)
{
	struct learn *l = data;

	(void)t;
	if (l->asking)
		learn_again(l, "no answer within 2s");
	else
		learn_ask(l);
}

int learn_start(struct learn *l, struct import *im, const char *name)
{
	int r;

	*l = (struct learn){ .import = im, .name = name, .backoff_ns = LEARN_BACKOFF };
	r = postern_timer_new(&l->timer, im->bridge.loop, learn_due, l);
	return r < 0 ? r : postern_timer_set(l->timer, 0);
}

void learn_free(struct learn *l)
{
	if (!l->import)
		return;
	if (l->inbox.id)
		bus_inbox_close(l->import->bridge.bus, &l->inbox);
	postern_timer_free(l->timer);
	learn_forget(l);
}

const struct postern_method *learn_method(const struct learn *l, const char *method)
{
	for (uint32_t m = 0; m < l->table.n_methods; m++)
		if (!strcmp(l->list[m]->name, method))
			return l->list[m];
	return NULL;
}
