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
	assert_errno(postern_request_fail_json(NULL, "a.b.C", NULL, 0), -EINVAL);
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
	assert_int_equal(postern_request_fds(NULL), 0);
	assert_errno(postern_request_take_fd(NULL, 0), -EINVAL);
	assert_errno(postern_request_push_fd(NULL, -1), -EINVAL);
	assert_int_equal(postern_request_flags(NULL), 0);
	assert_int_equal(postern_request_parameters(NULL).n, 0);
	desk_close(&d);
}

/* ---- V11: what is offered ---- */

static void never(const void *handlers, struct postern_request *r, const void *in, void *data)
{
	(void)handlers, (void)r, (void)in, (void)data;
}

static void V11_an_interface_is_offered_once_and_the_librarys_own_never(void **state)
{
	static const struct postern_method nowhere = { .name = "org.example.later.Now" },
					   deeper = { .name = "org.example.later.a.Now",
						      .handle = never };
	static const struct postern_method *const wrong[] = { NULL, &nowhere, &deeper };
	struct postern_interface other = desk_interface;
	struct desk d;

	(void)state;
	desk_open(&d, NULL);
	assert_errno(postern_service_provide(d.service, &desk_interface, NULL, &d), -EEXIST);
	other.n_methods = 0;
	other.name = "org.varlink.service";
	assert_errno(postern_service_provide(d.service, &other, NULL, NULL), -EINVAL);
	other.name = "io.postern";
	assert_errno(postern_service_provide(d.service, &other, NULL, NULL), -EINVAL);
	assert_non_null(strstr(postern_why()->text, "io.postern"));
	other.name = "org.example.later";
	other.version = POSTERN_INTERFACE_VERSION + 1;
	assert_errno(postern_service_provide(d.service, &other, NULL, NULL), -EINVAL);
	assert_non_null(strstr(postern_why()->text, "later version"));
	/* What is no method of it: none, one that nobody handles, one of another interface. */
	other.version = POSTERN_INTERFACE_VERSION;
	other.n_methods = 1;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		other.methods = &wrong[i];
		assert_errno(postern_service_provide(d.service, &other, NULL, NULL), -EINVAL);
		assert_non_null(strstr(postern_why()->text, "not what postern generate writes"));
	}
	desk_close(&d);
}

static void V11_an_interface_whose_struct_has_no_size_or_is_too_large_is_refused(void **state)
{
	static const uint32_t sizes[] = { 0, POSTERN_STRUCT_MAX + 1 };
	struct postern_type type = { .kind = POSTERN_TYPE_STRUCT, .n = 1 };
	const struct postern_method method = { .name = "org.example.large.Take",
					       .in = &type,
					       .handle = never };
	const struct postern_method *methods = &method;
	struct postern_interface other = desk_interface;
	struct desk d;

	(void)state;
	desk_open(&d, NULL);
	other.name = "org.example.large";
	other.methods = &methods;
	other.n_methods = 1;
	for (size_t i = 0; i < 2; i++) {
		type.size = sizes[i];
		assert_errno(postern_service_provide(d.service, &other, NULL, NULL), -EINVAL);
		assert_non_null(strstr(postern_why()->text, "more than 1 MiB"));
	}
	desk_close(&d);
}

/* Room for later versions, of which this one knows nothing. */
static void V11_an_interface_that_says_more_than_is_known_is_refused(void **state)
{
	struct postern_type type = { .kind = POSTERN_TYPE_STRUCT }, out = type, of_error = type;
	struct postern_method method = {
		.name = "org.example.more.Take", .in = &type, .out = &out, .handle = never
	};
	struct postern_error error = { .name = "org.example.more.Wrong", .type = &of_error };
	const struct postern_method *methods = &method;
	const struct postern_error *errors = &error;
	struct postern_interface other = {
		.version = POSTERN_INTERFACE_VERSION,
		.n_methods = 1,
		.n_errors = 1,
		.name = "org.example.more",
		.description = "",
		.methods = &methods,
		.errors = &errors,
	};
	const void **const more[] = { &other.more[0],  &other.more[1], &method.more[0],
				      &method.more[1], &error.more[0], &error.more[1],
				      &type.more,      &out.more,      &of_error.more };
	uint32_t *const reserved[] = { &other.reserved, &type.reserved, &out.reserved,
				       &of_error.reserved };
	struct desk d;

	(void)state;
	desk_open(&d, NULL);
	for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
		*more[i] = &d;
		assert_errno(postern_service_provide(d.service, &other, NULL, NULL), -EINVAL);
		assert_non_null(strstr(postern_why()->text, ".more"));
		*more[i] = NULL;
	}
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
		*reserved[i] = 1;
		assert_errno(postern_service_provide(d.service, &other, NULL, NULL), -EINVAL);
		*reserved[i] = 0;
	}
	assert_ok(postern_service_provide(d.service, &other, NULL, NULL));
	desk_close(&d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V11_an_interface_that_says_more_than_is_known_is_refused),
		TEST(calls_with_nonsense_say_so),
		TEST(V11_an_interface_is_offered_once_and_the_librarys_own_never),
		TEST(V11_an_interface_whose_struct_has_no_size_or_is_too_large_is_refused),
	};
	return test_run(tests);
}
