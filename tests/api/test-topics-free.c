/* SPDX-License-Identifier: Apache-2.0 */
/* V18: topics that are used, and freed, inside callbacks; and what outlives what. */
#include "stage.h"

#include <errno.h>
#include <sys/wait.h>

static const struct postern_topic_options queue = { .size = sizeof queue,
						    .policy = POSTERN_TOPIC_QUEUE };

/* ---- inside of callbacks ---- */

static void publish_in_handler(struct stage *s, struct postern_request *r)
{
	(void)r;
	stage_publish(s, stage_counters(s).subscribers + 10, 0);
}

static void publish_in_changed(struct stage *s)
{
	stage_publish(s, s->told + 20, 0);
}

static void V18_publishing_is_safe_in_a_handler_and_in_changed(void **state)
{
	struct stage s;
	int a, b;

	(void)state;
	stage_open(&s, &queue);
	s.before = s.after = publish_in_handler;
	s.changed = publish_in_changed;
	a = stage_subscribe(&s);
	stage_hears(&s, a, 10);
	stage_hears(&s, a, 11);
	stage_hears(&s, a, 21);
	b = stage_subscribe(&s);
	stage_hears(&s, b, 11);
	stage_hears(&s, a, 11);
	for (unsigned i = 12; i <= 22; i += 10) {
		stage_hears(&s, a, i);
		stage_hears(&s, b, i);
	}
	s.changed = NULL;
	close(a);
	stage_leaves(&s, b);
	stage_close(&s);
}

static void V18_changed_is_told_once_for_what_comes_in_a_turn(void **state)
{
	enum { N = 5 };
	struct stage s;
	int fds[N];

	(void)state;
	stage_open(&s, NULL);
	for (int i = 0; i < N; i++) {
		fds[i] = desk_peer(&s.d);
		desk_say(&s.d, fds[i], STAGE_MORE);
	}
	turn_until(s.d.loop, s.told == N);
	assert_in_range(s.changes, 1, N);
	for (int i = 0; i < N; i++)
		close(fds[i]);
	turn_until(s.d.loop, s.told == 0);
	/* One that came and went. */
	s.changes = 0;
	stage_end(&s, 1, 0);
	fds[0] = stage_subscribe(&s);
	stage_hears_last(&s, fds[0], 1);
	turn_quiet(s.d.loop);
	assert_int_equal(s.changes, 0);
	close(fds[0]);
	stage_close(&s);
}

static void free_topic_in_handler(struct stage *s, struct postern_request *r)
{
	(void)r;
	s->t = postern_topic_free(s->t);
}

static void free_topic_in_changed(struct stage *s)
{
	s->t = postern_topic_free(s->t);
}

static void V18_a_topic_may_be_freed_in_a_handler_and_in_changed(void **state)
{
	(void)state;
	for (int k = 0; k < 2; k++) {
		struct stage s;
		int fd;

		stage_open(&s, NULL);
		stage_publish(&s, 1, 0);
		if (k == 0)
			s.after = free_topic_in_handler;
		else
			s.changed = free_topic_in_changed;
		fd = stage_subscribe(&s);
		stage_hears(&s, fd, 1);
		desk_hears(&s.d, fd, "{\"error\":\"io.postern.TopicEnded\"}");
		assert_null(s.t);
		desk_say(&s.d, fd, "{\"method\":\"org.example.desk.Echo\"}");
		desk_hears(&s.d, fd, "{}");
		close(fd);
		stage_close(&s);
	}
}

static void overflow_in_handler(struct stage *s, struct postern_request *r)
{
	(void)r;
	for (unsigned i = 2; stage_counters(s).subscribers > 0; i++)
		stage_publish(s, i, 1000 * 1000);
}

static void V18_a_subscriber_may_end_while_its_handler_runs(void **state)
{
	struct stage s;
	const char *text;
	int fd;

	(void)state;
	stage_open(&s, &queue);
	s.after = overflow_in_handler;
	fd = stage_subscribe(&s);
	do {
		text = desk_next(&s.d, fd);
		assert_non_null(text);
	} while (!strstr(text, "Overflow"));
	turn_until(s.d.loop, desk_counters(&s.d).open == 0);
	close(fd);
	stage_close(&s);
}

static struct postern_conn *upgraded;

static void upgrade_in_handler(struct desk *d, struct postern_request *r, char event)
{
	static const struct postern_conn_events none = { .size = sizeof none };

	if (event == 'u')
		assert_ok(postern_request_upgrade_json(&upgraded, r, NULL, 0, &none, NULL));
	else
		stage_hook(d, r, event);
}

/* The kernel has no room while that happens. */
static void V7_V18_a_subscription_leaves_nothing_to_a_connection_that_is_upgraded(void **state)
{
	static const char calls[] =
		STAGE_MORE "\0{\"method\":\"org.example.desk.Upgrade\",\"upgrade\":true}";
	struct stage s;
	int fd;

	(void)state;
	stage_open(&s, NULL);
	s.d.hook = upgrade_in_handler;
	upgraded = NULL;
	fd = desk_peer(&s.d);
	desk_send(&s.d, fd, calls, sizeof calls);
	turn_until(s.d.loop, s.d.calls == 1);
	stage_publish(&s, 1, 1000 * 1000);
	assert_int_equal(stage_counters(&s).behind, 1);
	s.t = postern_topic_free(s.t);
	turn_until(s.d.loop, upgraded != NULL);
	stage_hears(&s, fd, 1);
	desk_hears(&s.d, fd, "{\"error\":\"io.postern.TopicEnded\"}");
	desk_hears(&s.d, fd, "{}");
	upgraded = postern_conn_free(upgraded);
	desk_hears_the_end(&s.d, fd);
	stage_close(&s);
}

/* ---- who goes first ---- */

static void free_service_in_handler(struct stage *s, struct postern_request *r)
{
	(void)r;
	s->d.service = postern_service_free(s->d.service);
}

static void free_service_in_changed(struct stage *s)
{
	s->d.service = postern_service_free(s->d.service);
}

static void is_inert(struct stage *s)
{
	assert_errno(postern_topic_publish_json(s->t, NULL, 0), -ESTALE);
	assert_errno(postern_topic_end_json(s->t, NULL, 0), -ESTALE);
	assert_int_equal(stage_counters(s).subscribers, 0);
	s->t = postern_topic_free(s->t);
}

static void V18_a_service_may_be_freed_with_a_topic_alive(void **state)
{
	(void)state;
	for (int k = 0; k < 3; k++) {
		struct stage s;
		int fd;

		stage_open(&s, NULL);
		if (k == 0)
			s.after = free_service_in_handler;
		if (k == 1)
			s.changed = free_service_in_changed;
		fd = stage_subscribe(&s);
		if (k == 2) {
			stage_publish(&s, 1, 1000 * 1000);
			s.d.service = postern_service_free(s.d.service);
		}
		turn_until(s.d.loop, !s.d.service);
		is_inert(&s);
		close(fd);
		s.d.loop = postern_loop_free(s.d.loop);
	}
}

static void V18_a_loop_may_be_freed_before_its_topics(void **state)
{
	(void)state;
	for (int k = 0; k < 3; k++) {
		struct stage s;
		int fd;

		stage_open(&s, NULL);
		fd = stage_subscribe(&s);
		stage_publish(&s, 1, 1000 * 1000);
		/* A topic that has ended, and is freed, waits for that one. */
		if (k == 2) {
			stage_end(&s, 2, 0);
			s.t = postern_topic_free(s.t);
		}
		s.d.loop = postern_loop_free(s.d.loop);
		if (k == 0)
			s.d.service = postern_service_free(s.d.service);
		if (k < 2)
			is_inert(&s);
		s.d.service = postern_service_free(s.d.service);
		close(fd);
	}
}

static void V18_a_service_may_be_freed_while_a_topic_that_was_freed_goes_on(void **state)
{
	struct stage s;
	int fd;

	(void)state;
	stage_open(&s, NULL);
	fd = stage_subscribe(&s);
	stage_publish(&s, 1, 1000 * 1000);
	stage_end(&s, 2, 0);
	s.t = postern_topic_free(s.t);
	assert_ok(postern_service_drain(s.d.service, POSTERN_SECONDS(60)));
	stage_hears(&s, fd, 1);
	desk_hears(&s.d, fd, "{\"error\":\"io.postern.Draining\"}");
	close(fd);
	stage_close(&s);
}

static int child(void *arg)
{
	struct stage *s = arg;

	assert_errno(postern_topic_publish_json(s->t, NULL, 0), -ECHILD);
	s->t = postern_topic_free(s->t);
	s->d.service = postern_service_free(s->d.service);
	s->d.loop = postern_loop_free(s->d.loop);
	return 0;
}

static void V18_in_a_child_process_a_topic_is_only_freed(void **state)
{
	struct stage s;
	int fd;

	(void)state;
	stage_open(&s, NULL);
	fd = stage_subscribe(&s);
	assert_int_equal(test_fork(child, &s), 0);
	stage_publish(&s, 1, 0);
	stage_hears(&s, fd, 1);
	stage_leaves(&s, fd);
	stage_close(&s);
}

/* ---- what is refused ---- */

static void V10_what_cannot_be_published_changes_nothing(void **state)
{
	static char large[70000];
	const struct postern_service_options service = { .size = sizeof service,
							 .message_max = 65536 };
	struct desk_Typed_out good = { "good" }, bad = { NULL };
	struct stage s;
	int fd;

	(void)state;
	stage_open_service(&s, &service, NULL);
	s.t = postern_topic_free(s.t);
	assert_ok(postern_topic_new(&s.t, s.d.service, desk_method("Typed"), NULL, NULL, NULL));
	assert_errno(postern_topic_publish(s.t, &desk_Typed_out_type, &bad), -EINVAL);
	assert_non_null(strstr(postern_why()->text, "text"));
	assert_errno(postern_topic_publish(s.t, &desk_Typed_in_type, &good), -EINVAL);
	assert_errno(postern_topic_publish(s.t, NULL, NULL), -EINVAL);
	assert_errno(postern_topic_publish_json(s.t, "[]", 2), -EINVAL);
	assert_errno(postern_topic_publish_json(s.t, "{", 1), -EINVAL);
	memset(large, 'x', sizeof large);
	memcpy(large, "{\"text\":\"", 9);
	memcpy(large + sizeof large - 2, "\"}", 2);
	assert_errno(postern_topic_publish_json(s.t, large, sizeof large), -EMSGSIZE);
	assert_errno(postern_topic_fail(s.t, NULL, NULL), -EINVAL);
	assert_int_equal(stage_counters(&s).published, 0);
	assert_ok(postern_topic_publish(s.t, &desk_Typed_out_type, &good));
	assert_errno(postern_topic_publish(s.t, &desk_Typed_out_type, &bad), -EINVAL);
	assert_errno(postern_topic_publish_json(s.t, large, sizeof large), -EMSGSIZE);
	assert_int_equal(stage_counters(&s).published, 1);
	assert_int_equal(stage_counters(&s).bytes,
			 sizeof "{\"continues\":true,\"parameters\":{\"text\":\"good\"}}");
	/* One of another method. */
	fd = desk_peer(&s.d);
	desk_say(&s.d, fd, STAGE_MORE);
	desk_hears(&s.d, fd, "{\"error\":\"io.postern.Abandoned\"}");
	assert_int_equal(s.taken, -EINVAL);
	close(fd);
	stage_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V18_publishing_is_safe_in_a_handler_and_in_changed),
		TEST(V18_changed_is_told_once_for_what_comes_in_a_turn),
		TEST(V18_a_topic_may_be_freed_in_a_handler_and_in_changed),
		TEST(V18_a_subscriber_may_end_while_its_handler_runs),
		TEST(V7_V18_a_subscription_leaves_nothing_to_a_connection_that_is_upgraded),
		TEST(V18_a_service_may_be_freed_with_a_topic_alive),
		TEST(V18_a_loop_may_be_freed_before_its_topics),
		TEST(V18_a_service_may_be_freed_while_a_topic_that_was_freed_goes_on),
		TEST(V18_in_a_child_process_a_topic_is_only_freed),
		TEST(V10_what_cannot_be_published_changes_nothing),
	};
	return test_run(tests);
}
