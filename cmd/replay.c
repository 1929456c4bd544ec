/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - trace --replay: the calls of a recording, made again, and their answers beside the recorded ones
 *
 * In the order in which they came, one after the other, on one connection: what the service did meanwhile for others is not
 * repeated. An answer belongs to the last call before it on its connection, unless messages are missing between the two: those
 * may have been an answer and another call. Calls with `more` and `upgrade` are left out, and those whose text or answer the
 * recording does not have; oneway calls are made, and nothing is compared.
 */
#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A line of the file. */
struct entry {
	char *line; /* owned */
	size_t number;
	size_t gaps; /* up to it: places where messages are missing */
	struct trace_message message;
	const struct entry *answer; /* of a call: the first one; or NULL */
};

struct replay {
	struct ask *ask;
	const char *path;
	struct entry *entries;
	size_t n, room;
	size_t calls, same, differ, left_out;
};

/* ---- the file ---- */

static int replay_wrong(const struct replay *r, const char *what)
{
	output_error("trace", NULL, "%s:%zu: %s", r->path, r->n + 1, what);
	return EXIT_USAGE;
}

/* A place for one more, or NULL. */
static struct entry *replay_place(struct replay *r)
{
	size_t room = r->room ? 2 * r->room : 256;
	struct entry *entries;

	if (r->n == r->room) {
		entries = reallocarray(r->entries, room, sizeof(*entries));
		if (!entries)
			return NULL;
		r->entries = entries;
		r->room = room;
	}
	return r->entries ? &r->entries[r->n] : NULL;
}

static int replay_parse(const struct replay *r, const char *line, size_t n,
			struct trace_message *ret)
{
	struct postern_json_error error;
	struct postern_json json;

	if (postern_json_check(line, n, &json, &error) < 0)
		return replay_wrong(r, error.text);
	if (!trace_read(ret, json))
		return replay_wrong(r, "this is no message of postern trace --json");
	return EXIT_DONE;
}

/* Takes the line. */
static int replay_add(struct replay *r, char *line, size_t n)
{
	struct trace_message message;
	struct entry *e = NULL;
	int status = replay_parse(r, line, n, &message);

	if (!status) {
		e = replay_place(r);
		if (!e)
			status = output_errno("trace", r->path, "cannot be read", -ENOMEM);
	}
	if (!e) {
		free(line);
		return status;
	}
	*e = (struct entry){ .line = line, .number = r->n + 1, .message = message };
	e->gaps = (r->n > 0 ? e[-1].gaps : 0) + (message.dropped > 0);
	r->n++;
	return EXIT_DONE;
}

static int replay_read(struct replay *r)
{
	FILE *file = fopen(r->path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int status = EXIT_DONE;

	if (!file) {
		output_error("trace", NULL, "%s: %s", r->path, strerror(errno));
		return EXIT_NO_INPUT;
	}
	while (!status && (n = getline(&line, &size, file)) >= 0) {
		status = replay_add(r, line, (size_t)n);
		line = NULL;
		size = 0;
	}
	free(line);
	if (!status && ferror(file)) {
		output_error("trace", NULL, "%s: %s", r->path, strerror(errno));
		status = EXIT_NO_INPUT;
	}
	fclose(file);
	return status;
}

/* By connection, and in the order of the file. */
static int replay_compare(const void *a, const void *b)
{
	const struct entry *x = *(const struct entry *const *)a;
	const struct entry *y = *(const struct entry *const *)b;

	if (x->message.connection != y->message.connection)
		return x->message.connection < y->message.connection ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

static bool replay_is_answer(const struct entry *e, const struct entry *call)
{
	return call->message.is_call && !e->message.is_call &&
	       call->message.connection == e->message.connection && call->gaps == e->gaps;
}

static int replay_pair(struct replay *r)
{
	struct entry **sorted = reallocarray(NULL, r->n ? r->n : 1, sizeof(struct entry *));

	if (!sorted)
		return output_errno("trace", r->path, "cannot be read", -ENOMEM);
	for (size_t i = 0; i < r->n; i++)
		sorted[i] = &r->entries[i];
	qsort(sorted, r->n, sizeof(*sorted), replay_compare);
	for (size_t i = 1; i < r->n; i++)
		if (replay_is_answer(sorted[i], sorted[i - 1]))
			sorted[i - 1]->answer = sorted[i];
	free(sorted);
	return EXIT_DONE;
}

/* ---- comparing ---- */

static bool same(struct postern_json a, struct postern_json b);

static bool same_number(struct postern_json a, struct postern_json b)
{
	double x, y;

	if (a.n == b.n && !memcmp(a.text, b.text, a.n))
		return true;
	return postern_json_double(a, &x) == 0 && postern_json_double(b, &y) == 0 && !(x < y) &&
	       !(x > y);
}

/* The same string may be escaped in two ways. */
static bool same_string(struct postern_json a, struct postern_json b)
{
	char *x = malloc(a.n + 1), *y = malloc(b.n + 1);
	ssize_t n = x ? postern_json_string(a, x, a.n + 1) : -1;
	ssize_t m = y ? postern_json_string(b, y, b.n + 1) : -1;
	bool result = n >= 0 && n == m && !memcmp(x, y, (size_t)n);

	free(x);
	free(y);
	return result;
}

static bool same_array(struct postern_json a, struct postern_json b)
{
	struct postern_json_walk x, y;
	struct postern_json v, w;

	if (postern_json_enter(&x, a) < 0 || postern_json_enter(&y, b) < 0)
		return false;
	while (postern_json_next(&x, NULL, &v) > 0)
		if (postern_json_next(&y, NULL, &w) <= 0 || !same(v, w))
			return false;
	return postern_json_next(&y, NULL, &w) == 0;
}

/* Has b each member of a? A null is as good as none. */
static bool same_members(struct postern_json a, struct postern_json b)
{
	struct postern_json_walk x;
	struct postern_json name, v, w;
	bool result = postern_json_enter(&x, a) == 0;
	char *text = malloc(a.n + 1);

	while (result && text && postern_json_next(&x, &name, &v) > 0) {
		bool found = postern_json_string(name, text, a.n + 1) >= 0 &&
			     postern_json_find(b, text, &w) > 0;

		result = found ? same(v, w) : postern_json_kind(v) == POSTERN_JSON_NULL;
	}
	result = result && text;
	free(text);
	return result;
}

static bool same(struct postern_json a, struct postern_json b)
{
	int kind = postern_json_kind(a);

	if (kind != postern_json_kind(b))
		return false;
	switch (kind) {
	case POSTERN_JSON_NUMBER:
		return same_number(a, b);
	case POSTERN_JSON_STRING:
		return same_string(a, b);
	case POSTERN_JSON_ARRAY:
		return same_array(a, b);
	case POSTERN_JSON_OBJECT:
		return same_members(a, b) && same_members(b, a);
	default:
		return true;
	}
}

/* ---- calling ---- */

static bool replay_has(struct postern_json message, const char *flag)
{
	struct postern_json value;

	return postern_json_find(message, flag, &value) > 0 &&
	       postern_json_kind(value) == POSTERN_JSON_TRUE;
}

static struct postern_json replay_member(struct postern_json message, const char *name,
					 const char *otherwise)
{
	struct postern_json value;

	if (postern_json_find(message, name, &value) > 0 &&
	    postern_json_kind(value) != POSTERN_JSON_NULL)
		return value;
	return (struct postern_json){ otherwise, strlen(otherwise) };
}

static bool replay_answers_alike(const struct replay *r, struct postern_json recorded,
				 struct postern_json parameters, bool failed)
{
	struct postern_json error = replay_member(recorded, "error", "");
	const struct postern_answer *answer = postern_caller_answer(r->ask->caller);

	if (failed)
		return error.n > 0 && postern_json_equals(error, answer->error) &&
		       same(replay_member(recorded, "parameters", "{}"), answer->parameters);
	return error.n == 0 && same(replay_member(recorded, "parameters", "{}"), parameters);
}

static void replay_tell(const struct replay *r, const struct entry *call, struct postern_json now,
			bool failed)
{
	printf("%s:%zu: ", r->path, call->number);
	json_print_text(stdout, replay_member(call->message.message, "method", "\"\""));
	putchar(' ');
	json_print(stdout, replay_member(call->message.message, "parameters", "{}"), false);
	printf("\n  recorded: ");
	json_print(stdout, call->answer->message.message, false);
	printf("\n  now:      ");
	if (failed)
		printf("%s ", postern_caller_answer(r->ask->caller)->error);
	json_print(stdout, failed ? postern_caller_answer(r->ask->caller)->parameters : now, false);
	putchar('\n');
}

/* The exit status, if the service cannot be called any more. */
static int replay_call(struct replay *r, const struct entry *call, const char *method)
{
	struct postern_json in = replay_member(call->message.message, "parameters", "{}");
	struct postern_json now = { "{}", 2 };
	bool oneway = replay_has(call->message.message, "oneway");
	int error = postern_caller_wait_json(r->ask->caller, method, in.text, in.n, NULL, &now,
					     oneway ? POSTERN_CALL_ONEWAY : 0,
					     r->ask->values->deadline);

	if (error < 0 && error != -EREMOTE)
		return error == -ENOTCONN || error == -ECONNRESET
			       ? ask_told(r->ask, postern_caller_answer(r->ask->caller))
			       : output_reason("trace", r->ask->address, postern_why());
	r->calls++;
	if (oneway || !call->answer)
		return EXIT_DONE;
	if (replay_answers_alike(r, call->answer->message.message, now, error < 0)) {
		r->same++;
	} else {
		r->differ++;
		replay_tell(r, call, now, error < 0);
	}
	return EXIT_DONE;
}

/* Calls of people who watched, and what cannot be compared. */
static bool replay_leaves_out(const struct entry *e, struct postern_json method)
{
	static const char library[] = "\"io.postern.";
	struct postern_json message = e->message.message;

	if (method.n == 0 || !strncmp(method.text, library, sizeof(library) - 1) ||
	    replay_has(message, "more") || replay_has(message, "upgrade"))
		return true;
	return !replay_has(message, "oneway") && (!e->answer || e->answer->message.message.n == 0);
}

static int replay_entry(struct replay *r, const struct entry *e)
{
	struct postern_json name = replay_member(e->message.message, "method", "");
	char *method;
	int status;

	if (replay_leaves_out(e, name)) {
		r->left_out++;
		return EXIT_DONE;
	}
	method = malloc(name.n + 1);
	if (!method)
		return output_errno("trace", r->path, "cannot be replayed", -ENOMEM);
	status = postern_json_string(name, method, name.n + 1) < 0 ? EXIT_USAGE
								   : replay_call(r, e, method);
	free(method);
	return status;
}

int replay(struct ask *a, const char *path)
{
	struct replay r = { .ask = a, .path = path };
	int status = replay_read(&r);

	if (!status)
		status = replay_pair(&r);
	for (size_t i = 0; i < r.n && !status; i++)
		if (r.entries[i].message.is_call)
			status = replay_entry(&r, &r.entries[i]);
	if (!status)
		printf("%zu calls made: %zu answered as recorded, %zu differently; %zu left out\n",
		       r.calls, r.same, r.differ, r.left_out);
	for (size_t i = 0; i < r.n; i++)
		free(r.entries[i].line);
	free(r.entries);
	return status ? status : r.differ ? EXIT_ANSWERED_ERROR : EXIT_DONE;
}
