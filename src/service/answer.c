/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.c - an answer: encoded into the service's scratch, and queued for the peer
 *
 * A writer counts on when its buffer is full, so a second pass always fits: the scratch grows to what the first one
 * counted. It is kept for the next answers, unless one was large.
 *
 * A final answer is queued beyond every limit of the connection (conn_write_owed()). The call was only let in while the
 * queue was below its high-water mark, so a connection holds that and one answer, each of them bounded.
 */
#include <errno.h>

#include "base/probe.h"
#include "service/service.h"

/* ---- what may be answered ---- */

static int answer_write_typed(struct postern_json_writer *w, const struct answer *a,
			      struct shape_fault *ret_fault)
{
	return shape_write(w, a->type, a->value, ret_fault);
}

static int answer_write_json(struct postern_json_writer *w, const struct answer *a,
			     struct shape_fault *ret_fault)
{
	(void)ret_fault;
	postern_json_write_raw(w, a->json);
	return 0;
}

static int answer_write_one(struct postern_json_writer *w, const struct answer *a,
			    struct shape_fault *ret_fault)
{
	(void)ret_fault;
	postern_json_write_object(w);
	postern_json_write_name(w, a->key);
	if (a->text)
		postern_json_write_text(w, a->text);
	else
		postern_json_write_int(w, a->number);
	postern_json_write_end(w);
	return 0;
}

void answer_one(struct answer *a, const char *key, const char *text)
{
	a->write = answer_write_one;
	a->bare = !key;
	a->key = key;
	a->text = text;
}

int answer_typed(struct answer *a, const struct postern_type *type, const void *value)
{
	a->write = answer_write_typed;
	a->type = type;
	a->value = value;
	a->bare = !type || type->n == 0;
	return !type && value ? -EINVAL : 0;
}

int answer_json(struct answer *a, const char *parameters, size_t n)
{
	struct postern_json_walk walk;
	struct postern_json value;

	a->write = answer_write_json;
	a->bare = !parameters;
	if (a->bare)
		return 0;
	if (postern_json_check(parameters, n, &a->json, NULL) < 0 ||
	    postern_json_enter(&walk, a->json) < 0 ||
	    postern_json_kind(a->json) != POSTERN_JSON_OBJECT)
		return -EINVAL;
	a->bare = postern_json_next(&walk, NULL, &value) == 0;
	return 0;
}

void answer_raw(struct answer *a, struct postern_json object)
{
	a->write = answer_write_json;
	a->bare = false;
	a->json = object;
}

int answer_output(struct answer *a, const struct postern_method *method,
		  const struct postern_type *type, const void *value)
{
	if (type != method->out || (!type && value))
		return why_set(why_last(), POSTERN_REASON_FAILED, -EINVAL,
			       "%s: the type of the answer is not the method's output",
			       method->name);
	return answer_typed(a, type, value);
}

int answer_object(struct answer *a, const char *method, const char *parameters, size_t n)
{
	if (answer_json(a, parameters, n) == 0)
		return 0;
	return why_set(why_last(), POSTERN_REASON_FAILED, -EINVAL,
		       "%s: the parameters of the answer are not a JSON object", method);
}

int answer_failure(struct answer *a, const struct postern_error *error, const void *value,
		   const char *what)
{
	if (!error || !error->name || !message_is_error(error->name))
		return why_argument(what, "error is NULL, or has no name with its interface's");
	a->error = error->name;
	if (answer_typed(a, error->type, value) == 0)
		return 0;
	return why_set(why_last(), POSTERN_REASON_FAILED, -EINVAL,
		       "%s: it has no fields, and value is not NULL", error->name);
}

/* ---- encoding ---- */

static int answer_grow(struct postern_service *s, size_t n)
{
	size_t size = s->scratch.size ? s->scratch.size : 4096;
	char *larger;

	while (size < n)
		size *= 2;
	/* Not realloc(): what is in it need not be copied. */
	larger = sys_alloc(size);
	if (!larger)
		return -ENOMEM;
	sys_free(s->scratch.bytes);
	s->scratch.bytes = larger;
	s->scratch.size = size;
	return 0;
}

void answer_shrink(struct postern_service *s)
{
	if (s->scratch.size <= SERVICE_SCRATCH)
		return;
	sys_free(s->scratch.bytes);
	s->scratch.bytes = NULL;
	s->scratch.size = 0;
}

/* The length, or the writer's error. */
static ssize_t answer_encode_once(struct postern_service *s, const struct answer *a,
				  struct shape_fault *fault, size_t *ret_needed)
{
	struct postern_json_writer w;
	ssize_t n;
	size_t at;
	int r = 0;

	postern_json_write_begin(&w, s->scratch.bytes, s->scratch.size);
	message_write_answer(&w, a->error, a->how == SERVING_CONTINUES);
	if (!a->bare)
		postern_json_write_name(&w, "parameters");
	at = w.n;
	if (!a->bare)
		r = a->write(&w, a, fault);
	s->scratch.at = at;
	s->scratch.n = w.n - at;
	postern_json_write_end(&w);
	n = postern_json_write_finish(&w);
	*ret_needed = w.n;
	return r < 0 ? r : n;
}

/* The message, with its NUL, is in the scratch: its length. -EMSGSIZE: it is beyond the limit. */
static ssize_t answer_encode(struct postern_service *s, const struct answer *a,
			     struct shape_fault *fault)
{
	size_t needed = 0;
	ssize_t n;
	int r;

	for (;;) {
		n = answer_encode_once(s, a, fault, &needed);
		if (n < 0 && n != -EMSGSIZE)
			return n;
		if (needed > s->message_max)
			return -EMSGSIZE;
		/* Its NUL needs a place too. */
		if (needed < s->scratch.size)
			break;
		r = answer_grow(s, needed + 1);
		if (r < 0)
			return r;
	}
	s->scratch.bytes[n] = '\0';
	return n + 1;
}

static const char *answer_wrong(ssize_t error)
{
	switch (error) {
	case -EILSEQ:
		return "a text is not UTF-8";
	case -EDOM:
		return "a number is NaN or infinite";
	case -EBADMSG:
		return "a raw value is not JSON";
	default:
		return "it is nested too deep";
	}
}

/* Why an answer could not be encoded, in words; returns the error that callers know. */
static int answer_explain(const struct postern_service *s, const char *what, ssize_t error,
			  const struct shape_fault *fault)
{
	struct why *why = what ? why_last() : NULL;

	if (error == -ENOMEM)
		return why_set(why, POSTERN_REASON_NO_RESOURCES, -ENOMEM, "%s: out of memory",
			       what ? what : "");
	if (error == -EMSGSIZE)
		return why_set(why, POSTERN_REASON_FAILED, -EMSGSIZE,
			       "%s: the answer is longer than %u bytes (message_max)",
			       what ? what : "", s->message_max);
	if (fault->what)
		return why_set(why, POSTERN_REASON_FAILED, -EINVAL, "%s: the answer%s%s %s",
			       what ? what : "", fault->path[0] ? "'s " : "", fault->path,
			       fault->what);
	return why_set(why, POSTERN_REASON_FAILED, -EINVAL, "%s: the answer cannot be encoded: %s",
		       what ? what : "", answer_wrong(error));
}

/* ---- sending ---- */

/* The message is in the scratch, and has n bytes. */
static ssize_t answer_queue(struct serve *p, const struct answer *a, size_t n)
{
	const char *text = p->service->scratch.bytes;
	struct passing_out *passing = NULL;
	ssize_t r;

	/* A call is only let in below the limit, so that its final answer is at most that of one message above it. */
	if (a->fds && a->how == SERVING_CONTINUES && !conn_has_room(p->conn))
		return -EAGAIN;
	r = a->fds ? passing_prepare(p->conn, &passing) : 0;
	if (r < 0)
		return r;
	if (a->how == SERVING_CONTINUES)
		r = postern_conn_write_frame(p->conn, POSTERN_FRAMING_NUL, text, n - 1);
	else
		r = conn_write_owed(p->conn, text, n);
	if (passing && r < 0)
		passing_cancel(passing);
	else if (passing)
		passing_attach(p->conn, passing, a->fds, n);
	return r;
}

ssize_t answer_make(struct postern_service *s, const struct answer *a, const char *what)
{
	struct shape_fault fault = { .what = NULL };
	ssize_t n = answer_encode(s, a, &fault);

	return n < 0 ? answer_explain(s, what, n, &fault) : n;
}

static int answer_no_memory(const struct postern_service *s, const char *what)
{
	return answer_explain(s, what, -ENOMEM, NULL);
}

int answer_send(struct serve *p, const struct answer *a, const char *what)
{
	struct postern_service *s = p->service;
	ssize_t n = answer_make(s, a, what), r;

	if (n < 0)
		return (int)n;
	r = answer_queue(p, a, (size_t)n);
	if (r >= 0) {
		PROBE(answer, p->conn, n, a->how != SERVING_CONTINUES);
		trace_message(p, "answer", s->scratch.bytes, (size_t)n - 1);
	}
	answer_shrink(s);
	if (r == -ENOMEM)
		return answer_no_memory(s, what);
	if (r >= 0 && a->how != SERVING_CONTINUES)
		s->counters.answers++;
	return r < 0 ? (int)r : 0;
}

void answer_final(struct serve *p, const struct answer *a)
{
	int r = serving_may_answer(&p->machine, SERVING_FAILS);

	if (r < 0)
		return;
	/* Without it the peer would wait for ever: there is no memory, or it has asked for a method whose name fills a message. */
	if (r > 0 && answer_send(p, a, NULL) < 0)
		postern_conn_abort(p->conn);
	serving_answered(&p->machine, SERVING_FAILS);
}

void answer_error(struct serve *p, const char *error, const char *key, const char *text)
{
	struct answer a = { .error = error, .how = SERVING_FAILS };

	answer_one(&a, key, text);
	answer_final(p, &a);
}

void answer_busy(struct serve *p)
{
	struct answer a = { .error = ERROR_BUSY,
			    .how = SERVING_FAILS,
			    .number = SERVICE_BUSY_RETRY_MS };

	answer_one(&a, "retryAfterMs", NULL);
	answer_final(p, &a);
}
