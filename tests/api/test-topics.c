/* SPDX-License-Identifier: Apache-2.0 */
/* V18: what the subscribers of a topic get, in what order, and how they end. */
#include "stage.h"

#include <errno.h>

static const struct postern_topic_options queue = { .size = sizeof queue,
						    .policy = POSTERN_TOPIC_QUEUE,
						    .bytes = 4 * 1000 * 1000 };
static const struct postern_topic_options events = { .size = sizeof events,
						     .policy = POSTERN_TOPIC_QUEUE,
						     .flags = POSTERN_TOPIC_STATELESS };
static const struct postern_topic_options *const policies[] = { NULL, &queue };

enum { LARGE = 100 * 1000 };

/* ---- what a subscriber gets ---- */

static void V18_the_present_state_comes_first_and_then_each_change(void **state)
{
	(void)state;
	for (unsigned p = 0; p < 2; p++) {
		struct stage s;
		int a, b;

		stage_open(&s, policies[p]);
		stage_publish(&s, 1, 0);
		stage_publish(&s, 2, 10);
		a = stage_subscribe(&s);
		stage_hears(&s, a, 2);
		stage_publish(&s, 3, 10);
		b = stage_subscribe(&s);
		stage_publish(&s, 4, 0);
		stage_publish(&s, 5, 0);
		for (unsigned i = 3; i <= 5; i++) {
			stage_hears(&s, a, i);
			stage_hears(&s, b, i);
		}
		stage_is_quiet(&s, a);
		assert_int_equal(stage_counters(&s).published, 5);
		assert_int_equal(stage_counters(&s).sent, 7);
		assert_int_equal(stage_counters(&s).skipped, 0);
		stage_leaves(&s, a);
		stage_leaves(&s, b);
		stage_close(&s);
	}
}

static void V18_without_a_state_the_first_publication_comes_first(void **state)
{
	(void)state;
	for (unsigned p = 0; p < 2; p++) {
		struct stage s;
		int fd;

		stage_open(&s, policies[p]);
		fd = stage_subscribe(&s);
		stage_is_quiet(&s, fd);
		stage_publish(&s, 1, 0);
		stage_hears(&s, fd, 1);
		stage_leaves(&s, fd);
		stage_close(&s);
	}
}

static void V18_a_stream_of_events_begins_with_the_next_one(void **state)
{
	struct stage s;
	int fd;

	(void)state;
	stage_open(&s, &events);
	stage_publish(&s, 1, 0);
	fd = stage_subscribe(&s);
	stage_is_quiet(&s, fd);
	stage_publish(&s, 2, 0);
	stage_publish(&s, 3, 0);
	stage_hears(&s, fd, 2);
	stage_hears(&s, fd, 3);
	stage_leaves(&s, fd);
	stage_close(&s);
}

static void publish_1(struct stage *s, struct postern_request *r)
{
	(void)r;
	stage_publish(s, 1, 0);
}

static void publish_2_and_3(struct stage *s, struct postern_request *r)
{
	(void)r;
	stage_publish(s, 2, 0);
	stage_publish(s, 3, 0);
}

/* With calls before it, whose answers are still queued. */
static void V18_nothing_is_lost_between_subscribing_and_publishing(void **state)
{
	static const char calls[] = "{\"method\":\"org.example.desk.Echo\"}\0"
				    "{\"method\":\"org.example.desk.Echo\"}\0" STAGE_MORE;

	(void)state;
	for (unsigned p = 0; p < 2; p++) {
		struct stage s;
		int fd;

		stage_open(&s, policies[p]);
		s.before = publish_1;
		s.after = publish_2_and_3;
		fd = desk_peer(&s.d);
		desk_send(&s.d, fd, calls, sizeof calls);
		desk_hears(&s.d, fd, "{}");
		desk_hears(&s.d, fd, "{}");
		for (unsigned i = 1; i <= 3; i++)
			stage_hears(&s, fd, i);
		assert_int_equal(stage_counters(&s).skipped, 0);
		stage_leaves(&s, fd);
		stage_close(&s);
	}
}

static void V18_a_call_without_more_gets_the_state_once_and_without_one_an_error(void **state)
{
	static const char expected[] = "{\"error\":\"org.varlink.service.ExpectedMore\"}";
	struct stage s;
	int fd;

	(void)state;
	stage_open(&s, NULL);
	fd = stage_call(&s, STAGE_ONCE);
	desk_hears(&s.d, fd, expected);
	stage_publish(&s, 1, 3);
	desk_say(&s.d, fd, STAGE_ONCE);
	desk_hears(&s.d, fd, "{\"parameters\":{\"n\":1,\"pad\":\"bbb\"}}");
	assert_ok(postern_topic_publish_json(s.t, NULL, 0));
	desk_say(&s.d, fd, STAGE_ONCE);
	desk_hears(&s.d, fd, "{}");
	assert_ok(postern_topic_publish_json(s.t, "{}", 2));
	desk_say(&s.d, fd, STAGE_MORE);
	desk_hears(&s.d, fd, "{\"continues\":true}");
	close(fd);
	s.t = postern_topic_free(s.t);
	stage_make(&s, &events);
	stage_publish(&s, 1, 0);
	fd = stage_call(&s, STAGE_ONCE);
	desk_hears(&s.d, fd, expected);
	/* A oneway call wants nothing, and gets nothing. */
	desk_say(&s.d, fd, "{\"method\":\"org.example.desk.Hook\",\"oneway\":true}");
	desk_say(&s.d, fd, "{\"method\":\"org.example.desk.Echo\"}");
	desk_hears(&s.d, fd, "{}");
	assert_int_equal(stage_counters(&s).subscribers, 0);
	/* Also when the last publication was, and is as short as one can be. */
	assert_ok(postern_topic_end_json(s.t, NULL, 0));
	desk_say(&s.d, fd, "{\"method\":\"org.example.desk.Hook\",\"oneway\":true}");
	desk_say(&s.d, fd, "{\"method\":\"org.example.desk.Echo\"}");
	desk_hears(&s.d, fd, "{}");
	assert_int_equal(s.taken, 0);
	close(fd);
	stage_close(&s);
}

/* ---- slow ones ---- */

static void V18_latest_skips_states_and_the_last_one_always_arrives(void **state)
{
	static const size_t pads[] = { 0, 500, 40 * 1000, LARGE };

	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		unsigned last = pads[k] > 10000 ? 100 : 5000, got = 0, n = 0;
		struct postern_topic_counters counters;
		struct stage s;
		int slow, fast;

		stage_open(&s, NULL);
		slow = stage_subscribe(&s);
		fast = stage_subscribe(&s);
		for (unsigned i = 1; i <= last; i++) {
			stage_publish(&s, i, pads[k]);
			stage_hears(&s, fast, i);
		}
		assert_int_equal(stage_counters(&s).behind, 1);
		for (; got < last; n++) {
			unsigned next = stage_next(&s, slow);

			if (next <= got)
				fail_msg("publication %u came after %u", next, got);
			got = next;
		}
		counters = stage_counters(&s);
		test_note("of %u states of %zu bytes a slow subscriber got %u, and %u were skipped",
			  last, pads[k], n, (unsigned)counters.skipped);
		assert_int_equal(counters.skipped, last - n);
		assert_true(n < last);
		assert_int_equal(counters.behind, 0);
		stage_is_quiet(&s, slow);
		stage_publish(&s, last + 1, 0);
		stage_hears(&s, slow, last + 1);
		stage_leaves(&s, slow);
		stage_leaves(&s, fast);
		stage_close(&s);
	}
}

/* As slowly as can be, while others are published at each byte for a while. */
static void V18_a_half_sent_message_is_never_replaced(void **state)
{
	enum { SIZE = 400 * 1000 };

	(void)state;
	for (unsigned p = 0; p < 2; p++) {
		static char text[SIZE + 2000];
		size_t n = 0;
		unsigned published = 1, last = 0;
		struct stage s;
		int fd;

		stage_open(&s, policies[p]);
		fd = stage_subscribe(&s);
		stage_publish(&s, published, SIZE);
		assert_int_equal(stage_counters(&s).behind, 1);
		while (last < 4) {
			size_t most = n < 300 ? 1 : 1000;
			ssize_t r = recv(fd, text + n, most, MSG_PEEK);
			const char *end = r > 0 ? memchr(text + n, '\0', (size_t)r) : NULL;

			if (r < 0) {
				turn(s.d.loop, 1);
				continue;
			}
			most = end ? (size_t)(end - text) + 1 - n : (size_t)r;
			assert_int_equal(recv(fd, text + n, most, 0), most);
			n += most;
			if (n < 100 && published < 4) {
				published++;
				stage_publish(&s, published, SIZE - 1000 * (size_t)published);
			}
			if (end) {
				unsigned got = stage_number(text, NULL);

				assert_true(got > last);
				last = got;
				n = 0;
			}
		}
		assert_int_equal(stage_counters(&s).skipped, p == 0 ? 2 : 0);
		stage_leaves(&s, fd);
		stage_close(&s);
	}
}

static void V18_a_queue_gives_a_slow_one_all_in_order(void **state)
{
	struct stage s;
	int fd;

	(void)state;
	stage_open(&s, &queue);
	fd = stage_subscribe(&s);
	for (unsigned i = 1; i <= 1100; i++)
		stage_publish(&s, i, 500);
	assert_int_equal(stage_counters(&s).behind, 1);
	for (unsigned i = 1; i <= 1100; i++)
		stage_hears(&s, fd, i);
	assert_int_equal(stage_counters(&s).behind, 0);
	assert_int_equal(stage_counters(&s).skipped, 0);
	stage_leaves(&s, fd);
	stage_close(&s);
}

static void V18_a_queue_that_overflows_ends_with_how_many_were_dropped(void **state)
{
	static const struct postern_topic_options rows[] = {
		{ .size = sizeof rows[0], .policy = POSTERN_TOPIC_QUEUE, .messages = 3 },
		{ .size = sizeof rows[0], .policy = POSTERN_TOPIC_QUEUE, .bytes = 350 * 1000 },
	};

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		unsigned published = 0, dropped = 0, got = 0;
		struct stage s;
		int slow, fast;
		const char *text;

		stage_open(&s, &rows[k]);
		slow = stage_subscribe(&s);
		fast = stage_subscribe(&s);
		while (stage_counters(&s).subscribers == 2) {
			stage_publish(&s, ++published, LARGE);
			stage_hears(&s, fast, published);
		}
		stage_publish(&s, published + 1, LARGE);
		stage_hears(&s, fast, published + 1);
		for (;;) {
			text = desk_next(&s.d, slow);
			assert_non_null(text);
			if (sscanf(text,
				   "{\"error\":\"io.postern.Overflow\",\"parameters\":{\"dropped\":%u}}",
				   &dropped) == 1)
				break;
			assert_int_equal(stage_number(text, NULL), ++got);
		}
		test_note("of %u publications %u came and %u were dropped", published, got,
			  dropped);
		assert_int_equal(got + dropped, published);
		assert_int_equal(dropped, 4);
		assert_int_equal(stage_counters(&s).overflows, 1);
		assert_int_equal(stage_counters(&s).dropped, dropped);
		/* Its connection is as good as before. */
		desk_say(&s.d, slow, "{\"method\":\"org.example.desk.Echo\"}");
		desk_hears(&s.d, slow, "{}");
		close(slow);
		stage_leaves(&s, fast);
		stage_close(&s);
	}
}

/* The rest of it is queued then: as much as what went, it is traced and counted. */
static void V18_what_has_begun_when_a_queue_overflows_is_one_that_was_sent(void **state)
{
	static const struct postern_topic_options one = { .size = sizeof one,
							  .policy = POSTERN_TOPIC_QUEUE,
							  .messages = 1 };
	const struct postern_service_options traced = { .size = sizeof traced,
							.flags = POSTERN_SERVICE_TRACE };
	unsigned answers = 0;
	const char *text;
	struct stage s;
	int slow, tracer;

	(void)state;
	stage_open_service(&s, &traced, &one);
	tracer = desk_peer(&s.d);
	desk_say(&s.d, tracer, "{\"method\":\"io.postern.Trace.Messages\",\"more\":true}");
	turn_until(s.d.loop, desk_counters(&s.d).open == 1);
	slow = stage_subscribe(&s);
	for (unsigned i = 1; i <= 3; i++)
		stage_publish(&s, i, 1000 * 1000);
	assert_int_equal(stage_counters(&s).overflows, 1);
	assert_int_equal(stage_counters(&s).dropped, 2);
	assert_int_equal(stage_counters(&s).sent, 1);
	stage_hears(&s, slow, 1);
	do {
		text = desk_next(&s.d, tracer);
		assert_non_null(text);
		answers += strstr(text, "\"answer\"") && strstr(text, "\"size\":10000");
	} while (!strstr(text, "io.postern.Overflow"));
	assert_int_equal(answers, 1);
	close(slow);
	close(tracer);
	turn_until(s.d.loop, desk_counters(&s.d).open == 0);
	stage_close(&s);
}

static void V18_what_a_slow_one_has_begun_with_is_charged_to_its_user(void **state)
{
	struct postern_server_counters k;
	struct stage s;
	uint64_t before;
	int fd;

	(void)state;
	stage_open(&s, NULL);
	fd = stage_subscribe(&s);
	assert_ok(postern_server_get_counters(postern_service_server(s.d.service), &k, sizeof k));
	before = k.bytes;
	stage_publish(&s, 1, 1000 * 1000);
	assert_ok(postern_server_get_counters(postern_service_server(s.d.service), &k, sizeof k));
	assert_in_range(k.bytes - before, 1000 * 1000, 1001 * 1000);
	stage_hears(&s, fd, 1);
	turn_quiet(s.d.loop);
	assert_ok(postern_server_get_counters(postern_service_server(s.d.service), &k, sizeof k));
	assert_int_equal(k.bytes, before);
	stage_leaves(&s, fd);
	stage_close(&s);
}

static void V18_one_that_never_reads_is_idle_in_the_end(void **state)
{
	static const struct postern_conn_options conn = { .size = sizeof conn,
							  .idle_ns = POSTERN_MS(200) };
	static const struct postern_server_options server = { .size = sizeof server,
							      .conn = &conn };
	static const struct postern_service_options service = { .size = sizeof service,
								.server = &server };
	struct stage s;
	int fd, quiet;

	(void)state;
	stage_open_service(&s, &service, NULL);
	/* Nobody waits for one that waits for us. */
	quiet = stage_subscribe(&s);
	turn_for(s.d.loop, 400);
	assert_int_equal(stage_counters(&s).subscribers, 1);
	stage_leaves(&s, quiet);
	fd = stage_subscribe(&s);
	for (unsigned i = 1; stage_counters(&s).behind == 0; i++)
		stage_publish(&s, i, 100);
	turn_until(s.d.loop, stage_counters(&s).subscribers == 0);
	close(fd);
	stage_close(&s);
}

/* ---- ends ---- */

static void V18_a_topic_ends_with_a_last_value_also_for_those_behind(void **state)
{
	(void)state;
	for (unsigned p = 0; p < 2; p++)
		for (int freed = 0; freed < 2; freed++) {
			unsigned i, last = 20, got = 0;
			bool continues = true;
			struct stage s;
			int slow, fast, late;

			stage_open(&s, policies[p]);
			slow = stage_subscribe(&s);
			fast = stage_subscribe(&s);
			for (i = 1; i < last; i++) {
				stage_publish(&s, i, 40 * 1000);
				stage_hears(&s, fast, i);
			}
			assert_int_equal(stage_counters(&s).behind, 1);
			stage_end(&s, last, LARGE);
			stage_hears_last(&s, fast, last);
			late = stage_subscribe(&s);
			stage_hears_last(&s, late, last);
			desk_say(&s.d, late, STAGE_ONCE);
			stage_hears_last(&s, late, last);
			assert_errno(postern_topic_publish_json(s.t, NULL, 0), -ESTALE);
			assert_errno(postern_topic_end_json(s.t, NULL, 0), -ESTALE);
			if (freed)
				s.t = postern_topic_free(s.t);
			while (continues) {
				unsigned next = stage_number(desk_next(&s.d, slow), &continues);

				assert_true(p == 0 ? next > got : next == got + 1);
				got = next;
			}
			assert_int_equal(got, last);
			desk_say(&s.d, slow, "{\"method\":\"org.example.desk.Echo\"}");
			desk_hears(&s.d, slow, "{}");
			assert_int_equal(desk_counters(&s.d).open, 0);
			close(slow);
			close(fast);
			close(late);
			stage_close(&s);
		}
}

static void V18_a_topic_fails_with_an_error_of_the_interface(void **state)
{
	struct stage s;
	int fd, late;

	(void)state;
	stage_open(&s, NULL);
	fd = stage_subscribe(&s);
	stage_publish(&s, 1, 0);
	stage_hears(&s, fd, 1);
	assert_ok(postern_topic_fail(s.t, &desk_Wrong_error, &(struct desk_Wrong){ "it broke" }));
	desk_hears(&s.d, fd,
		   "{\"error\":\"org.example.desk.Wrong\",\"parameters\":{\"why\":\"it broke\"}}");
	late = stage_subscribe(&s);
	desk_hears(&s.d, late,
		   "{\"error\":\"org.example.desk.Wrong\",\"parameters\":{\"why\":\"it broke\"}}");
	close(fd);
	close(late);
	stage_close(&s);
}

/* Also of one that has half a message. */
static void V18_freeing_a_topic_ends_its_subscribers_with_an_error_of_its_own(void **state)
{
	struct stage s;
	int fd, slow;

	(void)state;
	stage_open(&s, NULL);
	fd = stage_subscribe(&s);
	slow = stage_subscribe(&s);
	stage_publish(&s, 1, 1000 * 1000);
	stage_hears(&s, fd, 1);
	assert_int_equal(stage_counters(&s).behind, 1);
	s.t = postern_topic_free(s.t);
	stage_hears(&s, slow, 1);
	desk_hears(&s.d, slow, "{\"error\":\"io.postern.TopicEnded\"}");
	desk_hears(&s.d, fd, "{\"error\":\"io.postern.TopicEnded\"}");
	desk_say(&s.d, slow, "{\"method\":\"org.example.desk.Echo\"}");
	desk_hears(&s.d, slow, "{}");
	close(fd);
	close(slow);
	stage_close(&s);
}

static void V18_draining_ends_subscribers_with_Draining(void **state)
{
	struct stage s;
	int fd, slow;

	(void)state;
	stage_open(&s, NULL);
	fd = stage_subscribe(&s);
	slow = stage_subscribe(&s);
	stage_publish(&s, 1, 1000 * 1000);
	stage_hears(&s, fd, 1);
	assert_ok(postern_service_drain(s.d.service, POSTERN_SECONDS(60)));
	stage_publish(&s, 2, 0);
	desk_hears(&s.d, fd, "{\"error\":\"io.postern.Draining\"}");
	desk_hears_the_end(&s.d, fd);
	stage_hears(&s, slow, 1);
	desk_hears(&s.d, slow, "{\"error\":\"io.postern.Draining\"}");
	desk_hears_the_end(&s.d, slow);
	turn_until(s.d.loop, s.d.closed == 1);
	stage_close(&s);
}

static void V18_a_request_that_was_kept_can_be_taken_and_is_the_topics(void **state)
{
	struct stage s;
	int fds[3];

	(void)state;
	stage_open(&s, NULL);
	stage_publish(&s, 1, 0);
	for (int i = 0; i < 3; i++) {
		fds[i] = desk_peer(&s.d);
		desk_say(&s.d, fds[i],
			 i == 1 ? "{\"method\":\"org.example.desk.Keep\"}"
				: "{\"method\":\"org.example.desk.Keep\",\"more\":true}");
	}
	turn_until(s.d.loop, s.d.n_kept == 3);
	s.d.n_kept = 0;
	s.t = postern_topic_free(s.t);
	assert_ok(postern_topic_new(&s.t, s.d.service, desk_method("Keep"), NULL, NULL, NULL));
	stage_publish(&s, 2, 0);
	assert_int_equal(postern_topic_take(s.t, s.d.kept[0]), 1);
	stage_hears(&s, fds[0], 2);
	assert_errno(postern_topic_take(s.t, s.d.kept[0]), -EINVAL);
	assert_errno(postern_request_reply_json(s.d.kept[0], NULL, 0), -ESTALE);
	assert_ok(postern_topic_take(s.t, s.d.kept[1]));
	stage_hears_last(&s, fds[1], 2);
	assert_ok(postern_service_drain(s.d.service, POSTERN_SECONDS(60)));
	desk_hears(&s.d, fds[0], "{\"error\":\"io.postern.Draining\"}");
	assert_ok(postern_topic_take(s.t, s.d.kept[2]));
	desk_hears(&s.d, fds[2], "{\"error\":\"io.postern.Draining\"}");
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	turn_until(s.d.loop, s.d.closed == 1);
	stage_close(&s);
}

struct leaver {
	unsigned lefts;
	uid_t uid;
	const char *method;
	struct postern_service *frees; /* in .left */
};

static void on_left(struct postern_request *r, void *data)
{
	struct leaver *l = data;
	struct postern_peer peer = { 0 };

	l->lefts++;
	assert_ok(postern_request_peer(r, &peer, sizeof peer));
	l->uid = peer.uid;
	l->method = strrchr(postern_request_method(r), '.');
	assert_errno(postern_request_reply_json(r, NULL, 0), -ESTALE);
	assert_null(postern_request_free(r));
	postern_service_free(l->frees);
}

static void never(struct postern_request *r, void *data)
{
	(void)r, (void)data;
	fail_msg("a subscriber was told something else than that it has left");
}

static const struct postern_request_events leaver_events = {
	.size = sizeof leaver_events, .cancelled = never, .drained = never, .left = on_left
};
static struct leaver leavers[4];
static unsigned n_leavers;

static void leaver_listens(struct stage *s, struct postern_request *r)
{
	(void)s;
	leavers[n_leavers] = (struct leaver){ 0 };
	assert_ok(postern_request_set_events(r, &leaver_events, &leavers[n_leavers++]));
}

static bool frees_the_loop;

static void free_what_it_is_on(struct stage *s, struct postern_request *r)
{
	(void)r;
	assert_int_equal(s->taken, 1);
	if (frees_the_loop)
		s->d.loop = postern_loop_free(s->d.loop);
	else
		s->d.service = postern_service_free(s->d.service);
}

static void V18_left_is_told_once_also_if_the_handler_that_took_it_ends_everything(void **state)
{
	(void)state;
	for (int k = 0; k < 2; k++) {
		struct stage s;
		int fd;

		stage_open(&s, NULL);
		n_leavers = 0;
		leavers[0] = (struct leaver){ 0 };
		frees_the_loop = k;
		s.before = leaver_listens;
		s.after = free_what_it_is_on;
		fd = desk_peer(&s.d);
		desk_say(&s.d, fd, STAGE_MORE);
		for (int i = 0; i < 500 && s.d.loop && s.d.service; i++)
			assert_true(postern_loop_dispatch(s.d.loop, POSTERN_MS(10)) >= 0 ||
				    !s.d.loop);
		assert_int_equal(n_leavers, 1);
		assert_int_equal(leavers[0].lefts, 1);
		s.t = postern_topic_free(s.t);
		s.d.service = postern_service_free(s.d.service);
		assert_int_equal(leavers[0].lefts, 1);
		close(fd);
		s.d.loop = postern_loop_free(s.d.loop);
	}
}

enum {
	ENDS_BY_PEER,
	ENDS_BY_LAST,
	ENDS_BY_TOPIC,
	ENDS_BY_SERVICE,
	ENDS_BY_DRAIN,
	ENDS_BY_LOOP,
	ENDS
};

static void V18_the_end_of_each_subscriber_is_told_once_whatever_ends_it(void **state)
{
	(void)state;
	for (int how = 0; how < ENDS; how++) {
		struct stage s;
		int fds[2];

		stage_open(&s, NULL);
		s.before = leaver_listens;
		n_leavers = 0;
		for (int i = 0; i < 2; i++) {
			fds[i] = stage_subscribe(&s);
			assert_int_equal(s.taken, 1);
		}
		turn_quiet(s.d.loop);
		assert_int_equal(leavers[0].lefts, 0);
		if (how == ENDS_BY_PEER) {
			stage_leaves(&s, fds[0]);
			turn_until(s.d.loop, leavers[0].lefts == 1);
			assert_int_equal(leavers[1].lefts, 0);
			fds[0] = -1;
			leavers[1].frees = s.d.service; /* as a program that has only this one */
			stage_leaves(&s, fds[1]);
			turn_until(s.d.loop, leavers[1].lefts == 1);
			fds[1] = -1;
			s.d.service = NULL;
		} else if (how == ENDS_BY_LAST) {
			stage_end(&s, 1, 0);
		} else if (how == ENDS_BY_TOPIC) {
			s.t = postern_topic_free(s.t);
			/* Not from inside of the call. */
			assert_int_equal(leavers[0].lefts, 0);
		} else if (how == ENDS_BY_SERVICE) {
			s.d.service = postern_service_free(s.d.service);
			assert_int_equal(leavers[0].lefts, 1);
		} else if (how == ENDS_BY_DRAIN) {
			assert_ok(postern_service_drain(s.d.service, 0));
		} else {
			s.d.loop = postern_loop_free(s.d.loop);
		}
		if (s.d.loop)
			turn_until(s.d.loop, leavers[0].lefts + leavers[1].lefts == 2);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(leavers[i].lefts, 1);
			assert_int_equal(leavers[i].uid, getuid());
			if (fds[i] >= 0)
				close(fds[i]);
		}
		stage_close(&s);
		assert_int_equal(leavers[0].lefts + leavers[1].lefts, 2);
	}
}

/* It was ended by what was published before, and so it has left. */
static void V18_a_request_that_an_ended_topic_takes_has_left_too(void **state)
{
	struct stage s;
	int fd;

	(void)state;
	stage_open(&s, NULL);
	s.before = leaver_listens;
	n_leavers = 0;
	stage_end(&s, 1, 0);
	fd = stage_subscribe(&s);
	assert_int_equal(s.taken, 1);
	turn_until(s.d.loop, leavers[0].lefts == 1);
	stage_hears_last(&s, fd, 1);
	close(fd);
	stage_close(&s);
}

/* Without more it is no subscriber, and nothing is told. */
static void V18_taking_a_request_consumes_it_also_on_failure(void **state)
{
	struct stage s;
	int fd;

	(void)state;
	stage_open(&s, NULL);
	s.before = leaver_listens;
	n_leavers = 0;
	stage_publish(&s, 1, 0);
	fd = stage_call(&s, STAGE_ONCE);
	assert_int_equal(s.taken, 0);
	stage_hears_last(&s, fd, 1);
	close(fd);
	fd = desk_peer(&s.d);
	desk_say(&s.d, fd, "{\"method\":\"org.example.desk.Keep\",\"more\":true}");
	turn_until(s.d.loop, s.d.n_kept == 1);
	s.d.n_kept = 0;
	assert_errno(postern_topic_take(s.t, s.d.kept[0]), -EINVAL); /* of another method */
	desk_hears(&s.d, fd, "{\"error\":\"io.postern.Abandoned\"}");
	close(fd);
	turn_quiet(s.d.loop);
	assert_int_equal(leavers[0].lefts, 0);
	assert_int_equal(desk_counters(&s.d).open, 0);
	stage_close(&s);
}

static void V13_a_subscriber_that_leaves_is_forgotten(void **state)
{
	(void)state;
	for (unsigned p = 0; p < 2; p++)
		for (int behind = 0; behind < 2; behind++) {
			struct stage s;
			int fd;

			stage_open(&s, policies[p]);
			fd = stage_subscribe(&s);
			turn_until(s.d.loop, s.told == 1);
			if (behind)
				stage_publish(&s, 1, 1000 * 1000);
			assert_int_equal(stage_counters(&s).behind, behind);
			stage_leaves(&s, fd);
			turn_until(s.d.loop, s.told == 0 && s.changes == 2);
			assert_int_equal(desk_counters(&s.d).open, 0);
			assert_int_equal(desk_counters(&s.d).cancelled, 1);
			stage_publish(&s, 2, 0);
			stage_close(&s);
		}
}

static void V13_half_close_is_not_leaving_a_topic(void **state)
{
	struct stage s;
	int fd;

	(void)state;
	stage_open(&s, NULL);
	fd = stage_subscribe(&s);
	assert_ok(shutdown(fd, SHUT_WR));
	turn_quiet(s.d.loop);
	stage_publish(&s, 1, 0);
	stage_hears(&s, fd, 1);
	stage_end(&s, 2, 0);
	stage_hears_last(&s, fd, 2);
	desk_hears_the_end(&s.d, fd);
	stage_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V18_left_is_told_once_also_if_the_handler_that_took_it_ends_everything),
		TEST(V18_the_present_state_comes_first_and_then_each_change),
		TEST(V18_without_a_state_the_first_publication_comes_first),
		TEST(V18_a_stream_of_events_begins_with_the_next_one),
		TEST(V18_nothing_is_lost_between_subscribing_and_publishing),
		TEST(V18_a_call_without_more_gets_the_state_once_and_without_one_an_error),
		TEST(V18_latest_skips_states_and_the_last_one_always_arrives),
		TEST(V18_a_half_sent_message_is_never_replaced),
		TEST(V18_a_queue_gives_a_slow_one_all_in_order),
		TEST(V18_a_queue_that_overflows_ends_with_how_many_were_dropped),
		TEST(V18_what_has_begun_when_a_queue_overflows_is_one_that_was_sent),
		TEST(V18_what_a_slow_one_has_begun_with_is_charged_to_its_user),
		TEST(V18_one_that_never_reads_is_idle_in_the_end),
		TEST(V18_a_topic_ends_with_a_last_value_also_for_those_behind),
		TEST(V18_a_topic_fails_with_an_error_of_the_interface),
		TEST(V18_freeing_a_topic_ends_its_subscribers_with_an_error_of_its_own),
		TEST(V18_draining_ends_subscribers_with_Draining),
		TEST(V18_a_request_that_was_kept_can_be_taken_and_is_the_topics),
		TEST(V18_the_end_of_each_subscriber_is_told_once_whatever_ends_it),
		TEST(V18_a_request_that_an_ended_topic_takes_has_left_too),
		TEST(V18_taking_a_request_consumes_it_also_on_failure),
		TEST(V13_a_subscriber_that_leaves_is_forgotten),
		TEST(V13_half_close_is_not_leaving_a_topic),
	};
	return test_run(tests);
}
