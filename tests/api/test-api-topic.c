/* SPDX-License-Identifier: Apache-2.0 */
/* Every public call of topics, with arguments that make no sense. What they do otherwise: test-topics.c. */
#include "stage.h"

#include <errno.h>

static void calls_with_nonsense_say_so(void **state)
{
	struct postern_topic_options o = { .size = sizeof o };
	const struct postern_topic_events no_size = { 0 };
	struct postern_topic *t = NULL;
	struct stage s;

	(void)state;
	stage_open(&s, NULL);
	assert_errno(postern_topic_new(NULL, s.d.service, desk_method("Hook"), NULL, NULL, NULL),
		     -EINVAL);
	assert_errno(postern_topic_new(&t, NULL, desk_method("Hook"), NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_topic_new(&t, s.d.service, NULL, NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_topic_new(&t, s.d.service, desk_method("Hook"), NULL, &no_size, NULL),
		     -EINVAL);
	o.policy = POSTERN_TOPIC_QUEUE + 1;
	assert_errno(postern_topic_new(&t, s.d.service, desk_method("Hook"), &o, NULL, NULL),
		     -EINVAL);
	assert_non_null(strstr(postern_why()->text, "policy"));
	o.policy = POSTERN_TOPIC_LATEST;
	o.flags = POSTERN_TOPIC_STATELESS << 1;
	assert_errno(postern_topic_new(&t, s.d.service, desk_method("Hook"), &o, NULL, NULL),
		     -EINVAL);
	o.flags = 0;
	o.bytes = 1;
	assert_errno(postern_topic_new(&t, s.d.service, desk_method("Hook"), &o, NULL, NULL),
		     -EINVAL);
	o.bytes = 0;
	assert_errno(postern_topic_new(&t, s.d.service, desk_method("Echo"), &o, NULL, NULL),
		     -EINVAL);
	assert_non_null(strstr(postern_why()->text, "more"));
	assert_null(t);
	assert_errno(postern_topic_take(NULL, NULL), -EINVAL);
	assert_errno(postern_topic_take(s.t, NULL), -EINVAL);
	assert_errno(postern_topic_publish(NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_topic_publish_json(NULL, NULL, 0), -EINVAL);
	assert_errno(postern_topic_end(NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_topic_end_json(NULL, NULL, 0), -EINVAL);
	assert_errno(postern_topic_fail(NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_topic_get_counters(NULL, NULL, 0), -EINVAL);
	assert_null(postern_topic_data(NULL));
	assert_null(postern_topic_free(NULL));
	stage_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(calls_with_nonsense_say_so),
	};
	return test_run(tests);
}
