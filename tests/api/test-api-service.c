/* SPDX-License-Identifier: Apache-2.0 */
/* Every public call of services and requests, with arguments that make no sense. What they do otherwise: test-service.c. */
#include "desk.h"

#include <errno.h>
#include <string.h>

static const struct postern_service_events no_events = { .size = sizeof(no_events) };

static void calls_with_nonsense_say_so(void **state)
{
	struct postern_service_options options = { .size = sizeof(options) };
	struct postern_conn_options conn = { .size = sizeof(conn),
					     .framing = POSTERN_FRAMING_LINES };
	struct postern_server_options server = { .size = sizeof(server), .conn = &conn };
	struct postern_service *s = NULL;
	struct desk d;

	(void)state;
	desk_open(&d, NULL);
	assert_errno(postern_service_new(NULL, d.loop, "x", NULL, &no_events, NULL), -EINVAL);
	assert_ok(postern_service_new(&s, d.loop, "x", NULL, NULL, NULL));
	s = postern_service_free(s);
	assert_errno(postern_service_new(&s, d.loop, "desk", NULL, &no_events, NULL), -EADDRINUSE);
	options.server = &server;
	assert_errno(postern_service_new(&s, d.loop, "x", &options, &no_events, NULL), -EINVAL);
	assert_non_null(strstr(postern_why()->text, "framing"));
	options.server = NULL;
	options.message_max = UINT32_MAX;
	assert_errno(postern_service_new(&s, d.loop, "x", &options, &no_events, NULL), -EINVAL);
	options.message_max = 0;
	options.exit_idle_ns = -1;
	assert_errno(postern_service_new(&s, d.loop, "x", &options, &no_events, NULL), -EINVAL);
	assert_null(s);
	assert_errno(postern_service_provide(d.service, NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_service_provide(NULL, &desk_interface, NULL, NULL), -EINVAL);
	assert_errno(postern_service_drain(d.service, -1), -EINVAL);
	assert_errno(postern_service_drain(NULL, 0), -EINVAL);
	assert_errno(postern_service_get_counters(NULL, NULL, 0), -EINVAL);
	assert_null(postern_service_server(NULL));
	assert_null(postern_service_data(NULL));
	assert_ptr_equal(postern_service_data(d.service), &d);
	assert_null(postern_service_free(NULL));
	assert_errno(postern_request_reply(NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_request_continue(NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_request_fail(NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_request_reply_json(NULL, NULL, 0), -EINVAL);
	assert_errno(postern_request_continue_json(NULL, NULL, 0), -EINVAL);
	assert_errno(postern_request_fail_json(NULL, "a.B", NULL, 0), -EINVAL);
	assert_errno(postern_request_invalid(NULL, "a"), -EINVAL);
	assert_errno(postern_request_upgrade(NULL, NULL, NULL, NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_request_upgrade_json(NULL, NULL, NULL, 0, NULL, NULL), -EINVAL);
	assert_errno(postern_request_set_events(NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_request_post(NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_request_peer(NULL, NULL, 0), -EINVAL);
	assert_null(postern_request_keep(NULL));
	assert_null(postern_request_free(NULL));
	assert_null(postern_request_method(NULL));
	assert_null(postern_request_service(NULL));
	assert_int_equal(postern_request_flags(NULL), 0);
	assert_int_equal(postern_request_parameters(NULL).n, 0);
	desk_close(&d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(calls_with_nonsense_say_so),
	};
	return test_run(tests);
}
