/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault-passed.c - the scenario of descriptors beside calls and answers, for test-fault.c
 *
 * Whatever fails, each call ends once, and no descriptor is left: test-fault.c counts them.
 */
#include "fault-world.h"

#include <postern/caller.h>

#include "fault.h"
#include "passed.h"
#include "service/tag.h"

enum { PASS = 2, ROUNDS = 400 };

struct passing {
	struct postern_loop *loop;
	struct postern_service *service;
	struct postern_caller *caller;
	unsigned ended, answered, back; /* of the call, and its descriptors */
};

static void expect(int error)
{
	if (error < 0 && !world_is_expected(error) && error != -EPERM && error != -EBADMSG)
		fail_msg("%s: told -%s", world_where(), strerrorname_np(-error));
}

/* All go back, but the last, which is left to the request. */
static void handle_swap(const void *handlers, struct postern_request *r, const void *in, void *data)
{
	size_t n = postern_request_fds(r);

	(void)handlers, (void)in, (void)data;
	for (size_t i = 0; i + 1 < n; i++)
		expect(postern_request_push_fd(r, postern_request_take_fd(r, (int64_t)i)));
	expect(postern_request_reply_json(r, NULL, 0));
}

static void handle_stream(const void *handlers, struct postern_request *r, const void *in,
			  void *data)
{
	(void)handlers, (void)in, (void)data;
	expect(postern_request_push_fd(r, passed_new(1)));
	expect(postern_request_continue_json(r, "{}", 2));
	expect(postern_request_reply_json(r, NULL, 0));
}

static const struct postern_method swap = { .name = "a.b.Swap",
					    .flags = POSTERN_METHOD_TAKES_FDS |
						     POSTERN_METHOD_RETURNS_FDS,
					    .handle = handle_swap };
static const struct postern_method stream = { .name = "a.b.Stream",
					      .flags = POSTERN_METHOD_MORE |
						       POSTERN_METHOD_RETURNS_FDS,
					      .handle = handle_stream };
static const struct postern_method *const methods[] = { &swap, &stream };
static void (*const handler)(void) = (void (*)(void))handle_swap;

static const struct postern_interface interface = {
	.version = POSTERN_INTERFACE_VERSION,
	.n_methods = 2,
	.name = "a.b",
	.description = "interface a.b\n",
	.methods = methods,
};

static void on_error(struct postern_service *s, const struct postern_reason *why, void *data)
{
	(void)s, (void)data;
	expect(why->error);
}

static void on_closed(struct postern_service *s, const struct postern_reason *why, void *data)
{
	(void)s, (void)why, (void)data;
}

static const struct postern_service_events events = { .size = sizeof events,
						      .error = on_error,
						      .closed = on_closed };

static void passing_turn(struct passing *p)
{
	int r = postern_loop_dispatch(p->loop, POSTERN_MS(200));

	if (r >= 0)
		return;
	expect(r);
	fault_clock_advance(POSTERN_MS(200));
}

/* ---- a caller ---- */

static void on_answer(struct postern_call *call, const struct postern_answer *answer, void *data)
{
	struct passing *p = data;
	size_t n = answer->n_fds;

	if (answer->why)
		expect(answer->why->error);
	p->ended += answer->end != POSTERN_END_CONTINUES;
	p->answered += answer->end == POSTERN_END_ANSWERED;
	for (size_t i = 0; i < n; i++) {
		passed_is(postern_call_take_fd(call, (int64_t)i), 1);
		p->back++;
	}
}

static bool passing_calls(struct passing *p, const char *method, unsigned pushes, uint64_t flags,
			  unsigned back)
{
	int fds[POSTERN_FDS_MAX], r;

	p->ended = p->answered = p->back = 0;
	for (unsigned i = 0; i < pushes; i++) {
		int fd = passed_new(1);

		fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		close(fd);
	}
	r = postern_caller_call_json(NULL, p->caller, method, NULL, 0,
				     &(struct postern_fds){ fds, pushes }, flags,
				     POSTERN_SECONDS(5), on_answer, p);
	expect(r);
	for (int i = 0; r == 0 && i < ROUNDS && !p->ended; i++)
		passing_turn(p);
	if (r == 0 && p->ended != 1 && !(world_stays() && !p->ended))
		fail_msg("%s: %s ended %u times", world_where(), method, p->ended);
	return p->answered == 1 && p->back == back;
}

/* What is received gets the number of standard input, which is free, and another one at once. */
static bool passing_calls_without_stdin(struct passing *p)
{
	int in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 100);
	bool whole;

	close(STDIN_FILENO);
	whole = passing_calls(p, "a.b.Swap", 2, 0, 1);
	/* It is free again; what it was is put back. */
	if (in >= 0 && dup2(in, STDIN_FILENO) == STDIN_FILENO)
		close(in);
	return whole;
}

/* ---- a plain socket ---- */

static bool passing_hears(struct passing *p, int fd, unsigned wanted, unsigned passed)
{
	unsigned heard = 0;

	for (int i = 0; i < ROUNDS && heard < wanted; i++) {
		int fds[POSTERN_FDS_MAX];
		char bytes[4096];
		size_t n;
		ssize_t r = pass_receive(fd, bytes, sizeof bytes, fds, &n);

		if (r == 0 || (r < 0 && errno != EAGAIN))
			return false;
		for (size_t k = 0; k < n; k++, passed--)
			close(fds[k]);
		for (ssize_t k = 0; k < r; k++)
			heard += bytes[k] == '\0';
		if (r < 0)
			passing_turn(p);
	}
	return heard == wanted && passed == 0;
}

/* Glued, one that is pipelined behind it, and one that nobody wants. */
static bool passing_peer(struct passing *p)
{
	static const char text[] = "{\"method\":\"a.b.Swap\"}";
	int fd = plain_connect(postern_server_path(postern_service_server(p->service))), one;
	bool whole = false;
	int fds[2];

	if (fd < 0)
		return false;
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	one = passed_new(1);
	fds[0] = fds[1] = one;
	/* Refused if that could not be set. */
	if (pass_some(fd, text, sizeof text, NULL, 0) > 0 &&
	    pass_some(fd, text, sizeof text, fds, 2) > 0 && pass_some(fd, text, 5, fds, 2) > 0 &&
	    pass_some(fd, text + 5, sizeof text - 5, NULL, 0) > 0)
		whole = passing_hears(p, fd, 3, 2);
	pass_some(fd, text, 5, NULL, 0);
	passing_turn(p);
	pass_some(fd, text + 5, 5, fds, 2);
	for (int i = 0; i < 10; i++)
		passing_turn(p);
	close(one);
	close(fd);
	return whole;
}

/* Its answer has some, and is not read: what is left of the connection waits for that. */
static void passing_leaves(struct passing *p)
{
	static const char text[] = "{\"method\":\"a.b.Swap\"}";
	int fd = plain_connect(postern_server_path(postern_service_server(p->service))), one;
	int fds[2];

	if (fd < 0)
		return;
	one = passed_new(1);
	fds[0] = fds[1] = one;
	pass_some(fd, text, sizeof text, fds, 2);
	for (int i = 0; i < 4; i++)
		passing_turn(p);
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 4; i++)
		passing_turn(p);
	close(one);
	close(fd);
	passing_turn(p);
}

/* ---- the whole ---- */

bool world_passed(void)
{
	struct passing p = { 0 };
	bool whole = false;
	int r;

	atomic_store(&tag_failed, false);
	r = postern_loop_new(&p.loop);
	if (r == 0)
		r = postern_service_new(&p.service, p.loop, "passed", NULL, &events, &p);
	if (r == 0)
		r = postern_service_provide(p.service, &interface, &handler, &p);
	if (r == 0)
		r = postern_caller_new(&p.caller, p.loop, "passed", NULL);
	expect(r);
	if (r == 0) {
		whole = passing_calls(&p, "a.b.Swap", 3, 0, 2);
		whole = passing_calls(&p, "a.b.Stream", 0, POSTERN_CALL_MORE, 1) && whole;
		whole = passing_calls_without_stdin(&p) && whole;
		whole = passing_peer(&p) && whole;
		passing_leaves(&p);
	}
	postern_caller_free(p.caller);
	postern_service_free(p.service);
	postern_loop_free(p.loop);
	return whole;
}
