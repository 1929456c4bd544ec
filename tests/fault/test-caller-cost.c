/* SPDX-License-Identifier: Apache-2.0 */
/* test-caller-cost.c - what a call costs a caller that has made some: system calls, memory, and what is kept */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern/caller.h>

#include "fault.h"
#include "pair.h"
#include "service/tag.h"

static const struct postern_type string = { .kind = POSTERN_TYPE_STRING, .size = sizeof(char *) };
struct value {
	const char *text;
};
static const struct postern_field fields[] = { { "text", &string, 0, 0 } };
static const struct postern_type type = {
	.kind = POSTERN_TYPE_STRUCT, .size = sizeof(struct value), .n = 1, .fields = fields
};

static void deliver(void (*fn)(void), struct postern_call *call,
		    const struct postern_answer *answer, const void *value, void *data);
static const struct postern_method echo = {
	.name = "a.b.Echo", .in = &type, .out = &type, .deliver = deliver
};

#define CALL   "{\"method\":\"a.b.Echo\",\"parameters\":{\"text\":\"hello\"}}"
#define ANSWER "{\"parameters\":{\"text\":\"hello\"}}"

struct asked {
	struct postern_loop *loop;
	struct postern_caller *c;
	int listener, fd;
	unsigned answers; /* each is followed by another call */
};

static void ask(struct asked *a);

static void on_answer(struct postern_call *call, const struct postern_answer *answer,
		      const void *value, void *data)
{
	(void)call;
	if (answer->end == POSTERN_END_CANCELLED)
		return;
	assert_int_equal(answer->end, POSTERN_END_ANSWERED);
	assert_string_equal(((const struct value *)value)->text, "hello");
	((struct asked *)data)->answers++;
	ask(data);
}

typedef void answer_fn(struct postern_call *call, const struct postern_answer *answer,
		       const void *value, void *data);

static void deliver(void (*fn)(void), struct postern_call *call,
		    const struct postern_answer *answer, const void *value, void *data)
{
	((answer_fn *)fn)(call, answer, value, data);
}

static void ask(struct asked *a)
{
	static const struct value in = { "hello" };

	assert_ok(
		postern_caller_call(NULL, a->c, &echo, &in, NULL, 0, 0, POSTERN_FN(on_answer), a));
}

static void open_asked(struct asked *a, unsigned depth)
{
	*a = (struct asked){ .fd = -1 };
	a->listener = plain_listen(test_path("service"), 4);
	assert_true(a->listener >= 0);
	assert_ok(postern_loop_new(&a->loop));
	assert_ok(postern_caller_new(&a->c, a->loop, test_path("service"), NULL));
	for (unsigned i = 0; i < depth; i++)
		ask(a);
	assert_ok(postern_loop_dispatch(a->loop, 0));
	/* postern-review: ignore E7 a test that has no descriptors is to fail */
	a->fd = accept(a->listener, NULL, NULL);
	assert_true(a->fd >= 0);
	assert_ok(postern_loop_dispatch(a->loop, 0));
}

static void close_asked(struct asked *a)
{
	postern_caller_free(a->c);
	postern_loop_free(a->loop);
	close(a->fd);
	close(a->listener);
	unlink(test_path("service"));
}

/* The service answers all that it got. */
static void serve(struct asked *a, unsigned depth)
{
	static char got[64 * sizeof CALL];
	size_t n = depth * sizeof CALL;

	assert_int_equal(recv(a->fd, got, n, MSG_WAITALL), n);
	for (unsigned i = 0; i < depth; i++)
		memcpy(got + i * sizeof ANSWER, ANSWER, sizeof ANSWER);
	n = depth * sizeof ANSWER;
	assert_int_equal(send(a->fd, got, n, 0), n);
}

static void costs(unsigned depth)
{
	enum { TRIPS = 500 };
	struct asked a;

	open_asked(&a, depth);
	for (unsigned i = 0; i < 10 + TRIPS; i++) {
		if (i == 10) {
			fault_count_reset();
			a.answers = 0;
		}
		serve(&a, depth);
		assert_ok(postern_loop_dispatch(a.loop, 0));
	}
	assert_int_equal(a.answers, TRIPS * depth);
	test_note("%u calls at a time: %.2f system calls and %.2f clock readings a call", depth,
		  (double)fault_count_kernel() / TRIPS / depth,
		  (double)fault_count(FAULT_now) / TRIPS / depth);
	/* To wait, to receive all, to send all. */
	assert_int_equal(fault_count(FAULT_epoll_wait), TRIPS);
	assert_int_equal(fault_count_kernel(), 3 * TRIPS);
	assert_int_equal(fault_count(FAULT_alloc) + fault_count(FAULT_realloc), 0);
	assert_int_equal(fault_count(FAULT_free), 0);
	close_asked(&a);
}

static void a_call_costs_three_system_calls_and_no_memory(void **state)
{
	(void)state;
	costs(1);
}

static void V15_calls_that_are_made_together_share_them(void **state)
{
	(void)state;
	costs(32);
}

/* ---- V21 ---- */

static void V21_the_sockets_of_a_caller_are_marked_too(void **state)
{
	struct asked a;

	(void)state;
	atomic_store(&tag_failed, false);
	fault_count_reset();
	open_asked(&a, 1);
	assert_int_equal(fault_count(FAULT_fsetxattr), 1);
	assert_int_equal(fault_count(FAULT_lsetxattr), 0);
	close_asked(&a);
	/* After a failure never again, by callers and services. */
	fault_refuse(FAULT_fsetxattr, EPERM);
	open_asked(&a, 1);
	close_asked(&a);
	assert_true(atomic_load(&tag_failed));
	fault_reset();
	fault_count_reset();
	open_asked(&a, 1);
	assert_int_equal(fault_count(FAULT_fsetxattr), 0);
	close_asked(&a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_call_costs_three_system_calls_and_no_memory),
		TEST(V15_calls_that_are_made_together_share_them),
		TEST(V21_the_sockets_of_a_caller_are_marked_too),
	};

	fault_reset();
	return test_run(tests);
}
