/* SPDX-License-Identifier: Apache-2.0 */
/* V18: what a publication costs, counted with the system calls of fault.h: 1,000 subscribers, of which one never reads. */
#include "../api/stage.h"

#include <errno.h>
#include <postern/thread.h>
#include <pthread.h>
#include <sys/resource.h>

#include "fault.h"

enum { CROWD = 1000, PUBLICATIONS = 400, PAD = 150 };

static uint64_t allocations(void)
{
	return fault_count(FAULT_alloc) + fault_count(FAULT_realloc);
}

static uint64_t sends(void)
{
	return fault_count(FAULT_send) + fault_count(FAULT_sendmsg);
}

/* Two descriptors for each. */
static void need_descriptors(void)
{
	struct rlimit limit;

	assert_ok(getrlimit(RLIMIT_NOFILE, &limit));
	if (limit.rlim_max < 2 * CROWD + 100)
		test_skip("only %u descriptors", (unsigned)limit.rlim_max);
	limit.rlim_cur = limit.rlim_max;
	assert_ok(setrlimit(RLIMIT_NOFILE, &limit));
}

/* Everything that has arrived is read; how many messages it was, and whether each is the next of the same n bytes. */
static unsigned drain_of(int fd, const char *first, size_t n, unsigned from)
{
	static char got[1 << 18];
	ssize_t r = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);
	unsigned messages = 0;

	got[r > 0 ? r : 0] = '\0';
	for (size_t at = 0; r > 0 && at < (size_t)r; at += n, messages++) {
		assert_in_range(at + n, 0, r);
		assert_memory_equal(got + at, first, 30);
		assert_int_equal(strtoul(got + at + strlen(first), NULL, 10), from + messages);
	}
	return messages;
}

static unsigned next_of(const char *text)
{
	static const char begin[] = "{\"continues\":true,\"parameters\":{\"n\":";

	assert_int_equal(strncmp(text, begin, strlen(begin)), 0);
	return (unsigned)strtoul(text + strlen(begin), NULL, 10);
}

/* 1,000 numbers of the same length. */
static void publish(struct stage *s, unsigned i)
{
	stage_publish(s, 1000 + i, PAD);
}

static void V18_a_thousand_subscribers_of_which_one_never_reads(void **state)
{
	static const struct postern_topic_options queue = { .size = sizeof queue,
							    .policy = POSTERN_TOPIC_QUEUE,
							    .messages = 100 };
	static const char begin[] = "{\"continues\":true,\"parameters\":{\"n\":";
	static const struct postern_topic_options *const policies[] = { NULL, &queue };

	(void)state;
	need_descriptors();
	for (int p = 0; p < 2; p++) {
		struct postern_topic_counters k;
		unsigned heard = 0, last = 0, dropped = 0;
		uint64_t memory, kernel, sent;
		struct test_time begun;
		static int fds[CROWD];
		struct stage s;
		const char *text;
		size_t n;

		fault_reset();
		stage_open(&s, policies[p]);
		for (int i = 0; i < CROWD; i++) {
			fds[i] = desk_peer(&s.d);
			desk_say(&s.d, fds[i], STAGE_MORE);
			turn(s.d.loop, 0);
		}
		turn_until(s.d.loop, s.told == CROWD);
		publish(&s, 0);
		n = (size_t)stage_counters(&s).bytes;
		for (int i = 1; i < CROWD; i++)
			assert_int_equal(drain_of(fds[i], begin, n, 1000), 1);
		turn_quiet(s.d.loop);
		fault_count_reset();
		begun = test_time();
		for (unsigned i = 1; i <= PUBLICATIONS; i++) {
			publish(&s, i);
			for (int f = 1; f < CROWD; f++)
				assert_int_equal(drain_of(fds[f], begin, n, 1000 + i), 1);
			turn(s.d.loop, 0);
		}
		begun = test_time_since(begun);
		memory = allocations();
		kernel = fault_count_kernel();
		sent = sends();
		k = stage_counters(&s);
		test_note(
			"%s: %u publications of %zu bytes to %d in %.0f ms (%.2f us for one to one, with its reading); "
			"encoded %llu bytes, sent %llu; %u allocations, %.3f system calls for one to one",
			p ? "queue" : "latest", PUBLICATIONS, n, CROWD, (double)begun.all_ns / 1e6,
			(double)begun.all_ns / 1e3 / PUBLICATIONS / CROWD,
			(unsigned long long)(k.bytes - n), (unsigned long long)(k.sent - CROWD) * n,
			(unsigned)memory, (double)kernel / PUBLICATIONS / CROWD);
		/* Encoded once, whoever gets it, and sent from where it is. */
		assert_int_equal(k.published, PUBLICATIONS + 1);
		assert_int_equal(k.bytes, (PUBLICATIONS + 1) * n);
		assert_in_range(k.sent, (PUBLICATIONS + 1) * (CROWD - 1),
				(PUBLICATIONS + 1) * CROWD);
		/* Two blocks take turns; a queue has as many as wait. */
		assert_in_range(memory, 0, p ? 110 : 4);
		/* One for each, and a few for the loop and the slow one: more turns, if others use the machine. */
		assert_in_range(sent, (uint64_t)PUBLICATIONS * (CROWD - 1),
				(uint64_t)PUBLICATIONS * CROWD);
		assert_in_range(kernel, sent, sent + sent / 20);
		assert_int_equal(k.subscribers, p ? CROWD - 1 : CROWD);
		/* What the slow one sees, now that it reads. */
		while (last < 1000 + PUBLICATIONS) {
			text = desk_next(&s.d, fds[0]);
			assert_non_null(text);
			if (p &&
			    sscanf(text,
				   "{\"error\":\"io.postern.Overflow\",\"parameters\":{\"dropped\":%u}}",
				   &dropped) == 1)
				break;
			assert_true(heard == 0 ? next_of(text) == 1000
				    : p        ? next_of(text) == last + 1
					       : next_of(text) > last);
			last = next_of(text);
			heard++;
		}
		k = stage_counters(&s);
		test_note("%s: the one that never reads got %u and then %s %u",
			  p ? "queue" : "latest", heard,
			  p ? "Overflow, dropped" : "the last one; skipped",
			  p ? dropped : (unsigned)k.skipped);
		if (p) {
			assert_int_equal(dropped, 101);
			assert_int_equal(k.dropped, 101);
		} else {
			assert_int_equal(heard + k.skipped, PUBLICATIONS + 1);
		}
		for (int i = 0; i < CROWD; i++)
			close(fds[i]);
		turn_until(s.d.loop, stage_counters(&s).subscribers == 0);
		stage_close(&s);
	}
}

static bool is_gone(struct stage *s, uint32_t left)
{
	return stage_counters(s).subscribers == left;
}

/* Every other one is killed while a message is on its way to it: at the next byte, or at none. */
static void V13_subscribers_that_are_killed_in_the_middle_of_a_publication_hurt_nobody(void **state)
{
	enum { N = 20, BIG = 300 * 1000 };
	struct postern_topic_options o = { .size = sizeof o };

	(void)state;
	for (uint32_t policy = 0; policy < 2; policy++) {
		int64_t before;
		struct stage s;
		int fds[N];

		fault_reset();
		before = fault_memory();
		o.policy = policy;
		o.bytes = policy ? 4 * BIG : 0;
		stage_open(&s, &o);
		for (int i = 0; i < N; i++)
			fds[i] = stage_subscribe(&s);
		stage_publish(&s, 1, BIG);
		assert_int_equal(stage_counters(&s).behind, N);
		stage_publish(&s, 2, BIG);
		for (int i = 0; i < N; i += 2) {
			char some[1000];

			assert_int_equal(recv(fds[i], some, (size_t)(i + 1), 0), i + 1);
			close(fds[i]);
			if (i % 4)
				turn(s.d.loop, 0);
		}
		stage_publish(&s, 3, BIG);
		turn_until(s.d.loop, is_gone(&s, N / 2));
		for (int i = 1; i < N; i += 2) {
			stage_hears(&s, fds[i], 1);
			if (policy)
				stage_hears(&s, fds[i], 2);
			stage_hears(&s, fds[i], 3);
		}
		assert_int_equal(stage_counters(&s).behind, 0);
		for (int i = 1; i < N; i += 2)
			close(fds[i]);
		turn_until(s.d.loop, is_gone(&s, 0));
		stage_close(&s);
		assert_int_equal(fault_memory(), before);
	}
}

static void V18_a_publication_without_memory_changes_nothing(void **state)
{
	struct stage s;
	int fd;

	(void)state;
	fault_reset();
	stage_open(&s, NULL);
	fd = stage_subscribe(&s);
	stage_publish(&s, 1, 0);
	stage_hears(&s, fd, 1);
	for (int i = 0; i < 2; i++) {
		char *text = stage_text(2, 5000);

		fault_arm(&(struct fault){
			.call = FAULT_alloc, .nth = (unsigned)i + 1, .error = ENOMEM });
		assert_errno(postern_topic_publish_json(s.t, text, strlen(text)), -ENOMEM);
		fault_reset();
		free(text);
	}
	stage_is_quiet(&s, fd);
	assert_int_equal(stage_counters(&s).published, 1);
	stage_publish(&s, 2, 5000);
	stage_hears(&s, fd, 2);
	stage_leaves(&s, fd);
	stage_close(&s);
}

/* The kernel has no memory for a while: it is tried again by time. */
static void V18_a_publication_waits_for_a_kernel_without_memory(void **state)
{
	struct stage s;
	int fd;

	(void)state;
	fault_reset();
	stage_open(&s, NULL);
	fd = stage_subscribe(&s);
	fault_arm(&(struct fault){ .call = FAULT_send, .nth = 1, .error = ENOBUFS });
	stage_publish(&s, 1, 0);
	assert_int_equal(stage_counters(&s).behind, 1);
	stage_hears(&s, fd, 1);
	stage_leaves(&s, fd);
	stage_close(&s);
}

/* ---- a handler that never returns ---- */

struct leaver {
	struct postern_service *service;
	struct postern_topic *topic;
};

static void leave(const void *handlers, struct postern_request *r, const void *in, void *data)
{
	const struct leaver *l = data;

	(void)handlers, (void)in;
	assert_int_equal(postern_topic_take(l->topic, r), 1);
	pthread_exit(NULL);
}

static const struct postern_method leaving = { .name = "a.b.Leave",
					       .flags = POSTERN_METHOD_MORE,
					       .handle = leave };

static int leaver_begins(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	static const struct postern_method *const methods[] = { &leaving };
	static const struct postern_interface interface = {
		.version = POSTERN_INTERFACE_VERSION,
		.n_methods = 1,
		.name = "a.b",
		.description = "interface a.b\n",
		.methods = methods,
	};
	struct leaver *l = data;
	int r = postern_service_new(&l->service, loop, "leaver", NULL, NULL, NULL);

	(void)t;
	if (r == 0)
		r = postern_service_provide(l->service, &interface, &interface, l);
	return r < 0 ? r : postern_topic_new(&l->topic, l->service, &leaving, NULL, NULL, NULL);
}

static void V18_a_handler_that_subscribes_and_calls_pthread_exit_leaves_nothing(void **state)
{
	static const char call[] = "{\"method\":\"a.b.Leave\",\"more\":true}";
	struct postern_thread *t = NULL;
	struct leaver l = { NULL, NULL };
	int64_t before;
	char got;
	int fd;

	(void)state;
	fault_reset();
	before = fault_memory();
	assert_ok(postern_thread_start(&t, NULL, leaver_begins, &l));
	fd = plain_connect(test_path("leaver/sock"));
	assert_true(fd >= 0);
	assert_int_equal(write(fd, call, sizeof call), sizeof call);
	assert_true(read(fd, &got, 1) <= 0);
	assert_ok(postern_thread_join(t, test_patience_ns()));
	postern_thread_free(t);
	assert_int_equal(fault_memory(), before);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V18_a_thousand_subscribers_of_which_one_never_reads),
		TEST(V13_subscribers_that_are_killed_in_the_middle_of_a_publication_hurt_nobody),
		TEST(V18_a_publication_without_memory_changes_nothing),
		TEST(V18_a_publication_waits_for_a_kernel_without_memory),
		TEST(V18_a_handler_that_subscribes_and_calls_pthread_exit_leaves_nothing),
	};
	return test_run(tests);
}
