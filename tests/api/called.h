/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A caller and the plain socket that plays its service: what comes is compared byte for byte, what is sent is
 * whatever a test likes.
 *
 *	struct called t;
 *
 *	called_open(&t, NULL);
 *	called_call(&t, 0, "org.example.clock.Now", "{}", 0);      call 0; its end is in t.told[0]
 *	called_accept(&t);
 *	called_gets(&t, "{\"method\":\"org.example.clock.Now\",\"parameters\":{}}");
 *	called_says(&t, "{\"parameters\":{\"time\":\"12:00\"}}");
 *	called_tells(&t, 0, POSTERN_END_ANSWERED);
 *	called_close(&t);
 */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern/caller.h>

enum { CALLED_MAX = 64, CALLED_TEXT = 256 };
/* The deadline of a call that must be sent before it passes, on a busy machine too. */
#define SOON (POSTERN_MS(150) * test_scale())
#define CALLED_METHOD "org.example.clock.Now"

/* What one call was told last. */
struct told {
	unsigned n, final; /* all answers; those that ended it */
	int end, code, error_code;
	char error[64], parameters[CALLED_TEXT], why[CALLED_TEXT];
	const void *value;
	struct called *called;
	struct postern_call *call; /* or NULL, once it has ended */
	/* Called at the end of each answer; or NULL. */
	void (*hook)(struct told *t, struct postern_call *call);
};

struct called {
	struct postern_loop *loop;
	struct postern_caller *c;
	int listener,
		fd; /* the last connection that was accepted; blocking only in called_gets() */
	struct told told[CALLED_MAX];
};

/* As it is generated for a method with an output. */
typedef void called_fn(struct postern_call *call, const struct postern_answer *answer,
		       const void *value, void *data);

static inline void called_deliver(void (*fn)(void), struct postern_call *call,
				  const struct postern_answer *answer, const void *value,
				  void *data)
{
	((called_fn *)fn)(call, answer, value, data);
}

static inline void called_value(struct postern_call *call, const struct postern_answer *answer,
				const void *value, void *data)
{
	struct told *t = data;

	assert_ptr_equal(call, t->call ? t->call : call);
	t->n++;
	t->end = answer->end;
	t->value = value;
	snprintf(t->error, sizeof t->error, "%s", answer->error ? answer->error : "");
	snprintf(t->parameters, sizeof t->parameters, "%.*s", (int)answer->parameters.n,
		 answer->parameters.text);
	t->code = answer->why ? answer->why->code : 0;
	t->error_code = answer->why ? answer->why->error : 0;
	snprintf(t->why, sizeof t->why, "%s", answer->why ? answer->why->text : "");
	if (answer->end != POSTERN_END_CONTINUES) {
		t->final++;
		t->call = NULL;
	}
	if (t->hook)
		t->hook(t, call);
}

static inline void called_answer(struct postern_call *call, const struct postern_answer *answer,
				 void *data)
{
	called_value(call, answer, NULL, data);
}

static inline void called_open(struct called *t, const struct postern_caller_options *options)
{
	*t = (struct called){ .listener = -1, .fd = -1 };
	for (int i = 0; i < CALLED_MAX; i++)
		t->told[i].called = t;
	t->listener = plain_listen(test_path("service"), 64);
	assert_true(t->listener >= 0);
	assert_int_equal(fcntl(t->listener, F_SETFL, O_NONBLOCK), 0);
	assert_ok(postern_loop_new(&t->loop));
	assert_ok(postern_caller_new(&t->c, t->loop, test_path("service"), options));
}

static inline void called_hang_up(struct called *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static inline void called_gone(struct called *t)
{
	if (t->listener >= 0)
		close(t->listener);
	t->listener = -1;
	unlink(test_path("service"));
}

static inline void called_close(struct called *t)
{
	t->c = postern_caller_free(t->c);
	for (int i = 0; i < CALLED_MAX; i++) {
		if (t->told[i].call)
			fail_msg("call %d was never told its end", i);
		if (t->told[i].final > 1)
			fail_msg("call %d has ended %u times", i, t->told[i].final);
	}
	t->loop = postern_loop_free(t->loop);
	called_hang_up(t);
	called_gone(t);
}

static inline struct told *called_begin(struct called *t, int i)
{
	struct told *told = &t->told[i];

	*told = (struct told){ .called = t, .hook = told->hook };
	return told;
}

/* Call i, of a method whose .deliver is called_deliver(). */
static inline int called_try(struct called *t, int i, const struct postern_method *method,
			     const void *in, uint64_t flags, int64_t deadline_ns)
{
	struct told *told = called_begin(t, i);

	return postern_caller_call(&told->call, t->c, method, in, NULL, flags, deadline_ns,
				   POSTERN_FN(called_value), told);
}

/* In JSON; NULL: none. */
static inline int called_try_json(struct called *t, int i, const char *method,
				  const struct postern_json *in, uint64_t flags,
				  int64_t deadline_ns)
{
	struct told *told = called_begin(t, i);

	return postern_caller_call_json(&told->call, t->c, method, in ? in->text : NULL,
					in ? in->n : 0, NULL, flags, deadline_ns, called_answer, told);
}

static inline void called_cancel(struct called *t, int i)
{
	postern_call_cancel(t->told[i].call);
	t->told[i].call = NULL;
}

/* Call i, in JSON. */
static inline void called_call(struct called *t, int i, const char *name, const char *json,
			       unsigned flags, int64_t deadline_ns)
{
	const struct postern_json in = { json, strlen(json) };

	assert_ok(called_try_json(t, i, name, &in, flags, deadline_ns));
}

/* The usual one. */
static inline void called_now(struct called *t, int i)
{
	called_call(t, i, "org.example.clock.Now", "{}", 0, POSTERN_SECONDS(60));
}

#define CALLED_NOW "{\"method\":\"org.example.clock.Now\",\"parameters\":{}}"

static inline bool called_accepts(struct called *t, int *fd)
{
	if (*fd >= 0)
		return true;
	/* postern-review: ignore E7 a test that has no descriptors is to fail */
	*fd = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return *fd >= 0;
}

/* The next connection that the caller makes. The one before is closed, unless its descriptor was taken. */
static inline void called_accept(struct called *t)
{
	int fd = -1;

	turn_until(t->loop, called_accepts(t, &fd));
	called_hang_up(t);
	t->fd = fd;
}

/* How many bytes came; 0: none yet; -1: the caller has ended the connection. */
static inline ssize_t called_take(struct called *t, void *ret, size_t n)
{
	ssize_t r = recv(t->fd, ret, n, MSG_DONTWAIT);

	if (r < 0 && errno == EAGAIN)
		return 0;
	return r > 0 ? r : -1;
}

/* So many bytes, with turns in between. */
static inline void called_receive(struct called *t, char *ret, size_t n)
{
	int64_t until = test_now_ns() + test_patience_ns();
	size_t got = 0;

	while (got < n && test_now_ns() < until) {
		ssize_t r = called_take(t, ret + got, n - got);

		if (r < 0)
			fail_msg("the caller hung up after %zu of %zu bytes", got, n);
		got += (size_t)r;
		if (r == 0)
			turn(t->loop, 10);
	}
	if (got < n)
		fail_msg("%zu of %zu bytes came: %.*s", got, n, (int)got, ret);
}

/* This message comes next, and nothing else before it. */
static inline void called_gets(struct called *t, const char *text)
{
	size_t n = strlen(text) + 1;
	char *got = malloc(n);

	assert_non_null(got);
	called_receive(t, got, n);
	if (memcmp(got, text, n) != 0)
		fail_msg("the caller sent %.*s and not %s", (int)n, got, text);
	free(got);
}

static inline void called_sends(struct called *t, const void *bytes, size_t n)
{
	size_t sent = 0;

	while (sent < n) {
		ssize_t r = send(t->fd, (const char *)bytes + sent, n - sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (r < 0 && errno != EAGAIN)
			fail_msg("the caller hung up after %zu of %zu bytes", sent, n);
		if (r > 0)
			sent += (size_t)r;
		else
			turn(t->loop, 10);
	}
}

/* With its NUL. */
static inline void called_says(struct called *t, const char *text)
{
	called_sends(t, text, strlen(text) + 1);
}

/* The caller ends this connection, and sends no more before that. */
static inline void called_is_left(struct called *t)
{
	int64_t until = test_now_ns() + test_patience_ns();
	char byte;

	while (test_now_ns() < until) {
		ssize_t r = called_take(t, &byte, 1);

		if (r > 0)
			fail_msg("the caller sent more: %c", byte);
		if (r < 0)
			return;
		turn(t->loop, 10);
	}
	fail_msg("the caller does not end the connection");
}

/* It stays, and nothing comes. */
static inline void called_is_quiet(struct called *t)
{
	char byte;

	turn_for(t->loop, 30);
	assert_int_equal(called_take(t, &byte, 1), 0);
}

/* Call i ends in this way, and did not before. */
static inline void called_tells(struct called *t, int i, int end)
{
	struct told *told = &t->told[i];
	unsigned before = end == POSTERN_END_CONTINUES ? told->n : 0;

	turn_until(t->loop, told->n > before);
	if (told->end != end)
		fail_msg("call %d ended in %d (%s%s%s) and not in %d", i, told->end, told->error,
			 told->parameters, told->why, end);
}
