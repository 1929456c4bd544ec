/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services: calls and their answers, as peers see them that are plain sockets. The numbers are the rows of
 * docs/VARLINK.md. Hostile peers: test-service-peers.c; ends, other threads and limits: test-service-end.c.
 */
#include "desk.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CALL(method)       "{\"method\":\"org.example.desk." method "\"}"
#define WITH(method, more) "{\"method\":\"org.example.desk." method "\"," more "}"
#define ERROR(name)        "{\"error\":\"org.varlink.service." name "\"}"
#define ERROR_WITH(name, parameters) \
	"{\"error\":\"org.varlink.service." name "\",\"parameters\":" parameters "}"

/* ---- V1: messages ---- */

static void V1_a_call_is_answered_without_blanks_and_with_one_nul(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(
		&d, fd,
		" {\t\"method\" : \"org.example.desk.Echo\",\r\n \"parameters\": { \"a\" : [ 1, 2 ] } } ");
	desk_hears(&d, fd, "{\"parameters\":{\"a\":[1,2]}}");
	desk_say(&d, fd, CALL("Echo"));
	desk_hears(&d, fd, "{}");
	assert_int_equal(desk_counters(&d).calls, 2);
	assert_int_equal(desk_counters(&d).answers, 2);
	close(fd);
	desk_close(&d);
}

static void V1_calls_may_come_in_pieces_of_any_size_and_together(void **state)
{
	static const char text[] = WITH("Echo", "\"parameters\":{\"n\":1}") "\0" CALL("Echo");
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	for (size_t i = 0; i < sizeof text; i++) {
		desk_send(&d, fd, text + i, 1);
		turn_quiet(d.loop);
	}
	desk_hears(&d, fd, "{\"parameters\":{\"n\":1}}");
	desk_hears(&d, fd, "{}");
	desk_send(&d, fd, text, sizeof text);
	desk_hears(&d, fd, "{\"parameters\":{\"n\":1}}");
	desk_hears(&d, fd, "{}");
	close(fd);
	desk_close(&d);
}

/* An object of n bytes. */
static const char *object_of(size_t n)
{
	static char text[65536];

	assert_in_range(n, 8, sizeof text);
	memset(text, 'a', n);
	memcpy(text, "{\"a\":\"", 6);
	memcpy(text + n - 2, "\"}", 2);
	return text;
}

static void V1_the_message_limit_holds_in_both_directions(void **state)
{
	enum { LIMIT = 4096, AROUND = sizeof("{\"parameters\":}") - 1 };
	struct postern_service_options options = { .size = sizeof(options), .message_max = LIMIT };
	char text[LIMIT + 2] = CALL("Keep");
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, &options);
	fd = desk_peer(&d);
	memset(text + strlen(text), ' ', LIMIT - strlen(text));
	desk_say(&d, fd, text);
	turn_until(d.loop, d.n_kept == 1);
	assert_errno(postern_request_reply_json(d.kept[0], object_of(LIMIT - AROUND + 1),
						LIMIT - AROUND + 1),
		     -EMSGSIZE);
	assert_non_null(strstr(postern_why()->text, "4096 bytes"));
	/* It is still open, and one that is just as long as it may be is sent. */
	assert_ok(postern_request_reply_json(d.kept[0], object_of(LIMIT - AROUND), LIMIT - AROUND));
	assert_int_equal(strlen(desk_next(&d, fd)), LIMIT);
	close(fd);
	text[LIMIT] = ' ';
	desk_breaks(&d, text, LIMIT + 1, "");
	desk_close(&d);
}

/* ---- V2: a call's members ---- */

static void V2_no_parameters_null_and_an_empty_object_are_the_same(void **state)
{
	static const char *const calls[] = {
		CALL("Keep"),
		WITH("Keep", "\"parameters\":null"),
		WITH("Keep", "\"parameters\":{}"),
		WITH("Keep", "\"more\":null,\"oneway\":null,\"upgrade\":null"),
		WITH("Keep", "\"more\":false,\"oneway\":false,\"upgrade\":false"),
		WITH("Keep", "\"com.example\":{\"a\":[1]}"),
	};
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
		struct postern_json p;

		desk_say(&d, fd, calls[i]);
		turn_until(d.loop, d.n_kept == i + 1);
		p = postern_request_parameters(d.kept[i]);
		assert_int_equal(p.n, 2);
		assert_memory_equal(p.text, "{}", 2);
		assert_int_equal(postern_request_flags(d.kept[i]), 0);
		assert_string_equal(postern_request_method(d.kept[i]), "org.example.desk.Keep");
		assert_ok(postern_request_reply_json(d.kept[i], NULL, 0));
		desk_hears(&d, fd, "{}");
	}
	close(fd);
	desk_close(&d);
}

static void V2_the_name_of_the_method_may_be_escaped_and_is_told_as_it_is_meant(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, "{\"method\":\"org.example.desk.\\u0045cho\",\"parameters\":{\"a\":1}}");
	desk_hears(&d, fd, "{\"parameters\":{\"a\":1}}");
	desk_say(&d, fd, "{\"method\":\"no \\\"dot\\\"\\n\\u00e9\"}");
	desk_hears(&d, fd,
		   ERROR_WITH("MethodNotFound", "{\"method\":\"no \\\"dot\\\"\\n\303\251\"}"));
	desk_say(&d, fd, "{\"method\":\"\"}");
	desk_hears(&d, fd, ERROR_WITH("MethodNotFound", "{\"method\":\"\"}"));
	close(fd);
	desk_close(&d);
}

/* ---- V4: one open request ---- */

static void V4_pipelined_calls_are_answered_in_their_order_one_after_the_other(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, WITH("Keep", "\"parameters\":{\"i\":0}"));
	desk_say(&d, fd, WITH("Echo", "\"parameters\":{\"i\":1}"));
	desk_say(&d, fd, WITH("Keep", "\"parameters\":{\"i\":2}"));
	desk_say(&d, fd, WITH("Echo", "\"parameters\":{\"i\":3}"));
	turn_until(d.loop, d.n_kept == 1);
	turn_quiet(d.loop);
	assert_int_equal(d.calls, 1);
	assert_int_equal(desk_counters(&d).open, 1);
	assert_ok(postern_request_reply_json(d.kept[0], "{\"i\":0}", 7));
	desk_hears(&d, fd, "{\"parameters\":{\"i\":0}}");
	desk_hears(&d, fd, "{\"parameters\":{\"i\":1}}");
	turn_until(d.loop, d.n_kept == 2);
	turn_quiet(d.loop);
	assert_int_equal(d.calls, 3);
	assert_errno(postern_request_reply_json(d.kept[0], NULL, 0), -ESTALE);
	assert_ok(postern_request_reply_json(d.kept[1], "{\"i\":2}", 7));
	desk_hears(&d, fd, "{\"parameters\":{\"i\":2}}");
	desk_hears(&d, fd, "{\"parameters\":{\"i\":3}}");
	close(fd);
	desk_close(&d);
}

static void V4_a_second_answer_is_stale_and_nothing_of_it_is_sent(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Twice"));
	desk_say(&d, fd, WITH("Echo", "\"parameters\":{\"next\":1}"));
	desk_hears(&d, fd, "{}");
	desk_hears(&d, fd, "{\"parameters\":{\"next\":1}}");
	assert_errno(d.results[1], -ESTALE);
	assert_errno(d.results[2], -ESTALE);
	close(fd);
	desk_close(&d);
}

static void V4_a_full_queue_holds_the_next_call_and_the_final_answer_always_fits(void **state)
{
	struct postern_conn_options conn = { .size = sizeof(conn), .high_water = 65536 };
	struct postern_server_options server = { .size = sizeof(server), .conn = &conn };
	struct postern_service_options options = { .size = sizeof(options),
						   .server = &server,
						   .message_max = 60000 };
	enum { BIG = 59000 };
	struct desk d;
	unsigned n;
	int fd;

	(void)state;
	desk_open(&d, &options);
	fd = desk_peer(&d);
	/* The peer reads nothing: the kernel takes some, the queue some, and then no call begins any more. */
	for (n = 0; n < 64; n++) {
		desk_say(&d, fd, CALL("Keep"));
		for (int i = 0; i < 20 && d.n_kept == n; i++)
			turn(d.loop, 1);
		if (d.n_kept == n)
			break;
		assert_ok(postern_request_reply_json(d.kept[n], object_of(BIG), BIG));
	}
	test_note("%u answers of %d bytes until no call began", n, BIG);
	assert_in_range(n, 2, 63);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(strlen(desk_next(&d, fd)), BIG + strlen("{\"parameters\":}"));
	turn_until(d.loop, d.n_kept == n + 1);
	assert_ok(postern_request_reply_json(d.kept[n], NULL, 0));
	desk_hears(&d, fd, "{}");
	close(fd);
	desk_close(&d);
}

static void answers_with_59000_bytes(struct desk *d, struct postern_request *r, char event)
{
	if (event == 'h')
		d->results[0] = postern_request_reply_json(r, object_of(59000), 59000);
}

static void V4_answers_given_in_the_handler_wait_for_the_queue_too(void **state)
{
	struct postern_conn_options conn = { .size = sizeof(conn), .high_water = 65536 };
	struct postern_server_options server = { .size = sizeof(server), .conn = &conn };
	struct postern_service_options options = { .size = sizeof(options),
						   .server = &server,
						   .message_max = 60000 };
	enum { CALLS = 40 };
	struct postern_server_counters counters;
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, &options);
	d.hook = answers_with_59000_bytes;
	fd = desk_peer(&d);
	for (int i = 0; i < CALLS; i++)
		desk_say(&d, fd, CALL("Hook"));
	turn_for(d.loop, 30);
	/* The kernel has some, and the queue its mark and one answer more. */
	assert_ok(postern_server_get_counters(postern_service_server(d.service), &counters,
					      sizeof counters));
	test_note("%u calls began, and %u bytes are held", d.calls, (unsigned)counters.bytes);
	assert_in_range(d.calls, 2, 12);
	assert_true(counters.bytes < 65536 + 2 * 65536);
	for (int i = 0; i < CALLS; i++)
		assert_int_equal(strlen(desk_next(&d, fd)), 59000 + strlen("{\"parameters\":}"));
	assert_int_equal(d.calls, CALLS);
	close(fd);
	desk_close(&d);
}

static void fill(struct desk *d, unsigned *ret_n)
{
	static const char part[] = "{\"part\":\"0123456789012345678901234567890123456789\"}";
	int r = 0;

	for (*ret_n = 0; *ret_n < 10000000; ++*ret_n) {
		r = postern_request_continue_json(d->kept[0], part, sizeof part - 1);
		if (r < 0)
			break;
	}
	assert_errno(r, -EAGAIN);
}

static void V4_only_an_answer_that_continues_is_refused_and_drained_comes(void **state)
{
	struct postern_conn_options conn = { .size = sizeof(conn), .high_water = 65536 };
	struct postern_server_options server = { .size = sizeof(server), .conn = &conn };
	struct postern_service_options options = { .size = sizeof(options),
						   .server = &server,
						   .message_max = 60000 };
	struct desk d;
	unsigned n, more;
	int fd;

	(void)state;
	desk_open(&d, &options);
	fd = desk_peer(&d);
	desk_say(&d, fd, WITH("Keep", "\"more\":true"));
	turn_until(d.loop, d.n_kept == 1);
	assert_int_equal(postern_request_flags(d.kept[0]), POSTERN_CALL_MORE);
	fill(&d, &n);
	assert_int_equal(d.drained, 0);
	for (unsigned i = 0; i < n; i++)
		assert_non_null(strstr(desk_next(&d, fd), "\"continues\":true"));
	turn_until(d.loop, d.drained == 1);
	fill(&d, &more);
	assert_true(more > 0);
	/* The final one fits where another of them did not. */
	assert_ok(postern_request_reply_json(d.kept[0], NULL, 0));
	for (unsigned i = 0; i < more; i++)
		assert_non_null(desk_next(&d, fd));
	desk_hears(&d, fd, "{}");
	turn_quiet(d.loop);
	assert_int_equal(d.drained, 1);
	close(fd);
	desk_close(&d);
}

/* ---- V5: oneway ---- */

static void V5_a_oneway_call_gets_no_answer_of_any_kind(void **state)
{
	static const char *const calls[] = {
		WITH("Echo", "\"oneway\":true"),
		WITH("Forget", "\"oneway\":true"),
		WITH("Nobody", "\"oneway\":true"),
		WITH("Missing", "\"oneway\":true"),
		WITH("NeedsMore", "\"oneway\":true"),
		WITH("Typed", "\"oneway\":true"),
		WITH("Twice", "\"oneway\":true"),
		"{\"method\":\"nodot\",\"oneway\":true}",
		WITH("Many", "\"oneway\":true"),
		"{\"method\":\"no.where.X\",\"oneway\":true}",
		"{\"method\":\"org.varlink.service.GetInfo\",\"oneway\":true}",
	};
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
		desk_say(&d, fd, calls[i]);
		desk_say(&d, fd, WITH("Echo", "\"parameters\":{\"next\":true}"));
		desk_hears(&d, fd, "{\"parameters\":{\"next\":true}}");
	}
	/* Freed unanswered is not abandoned where no answer is due. */
	assert_int_equal(desk_counters(&d).abandoned, 0);
	desk_say(&d, fd, WITH("Keep", "\"oneway\":true"));
	turn_until(d.loop, d.n_kept == 1);
	assert_int_equal(postern_request_flags(d.kept[0]), POSTERN_CALL_ONEWAY);
	assert_ok(postern_request_continue_json(d.kept[0], "{}", 2));
	assert_ok(postern_request_reply_json(d.kept[0], "{}", 2));
	assert_errno(postern_request_reply_json(d.kept[0], "{}", 2), -ESTALE);
	assert_non_null(strstr(postern_why()->text, "was answered"));
	desk_say(&d, fd, CALL("Echo"));
	desk_hears(&d, fd, "{}");
	close(fd);
	desk_close(&d);
}

/* ---- V6: more ---- */

static void V6_continues_only_where_more_was_asked_for(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Many"));
	desk_hears(&d, fd, "{}");
	for (int i = 0; i < 3; i++)
		assert_errno(d.results[i], -ENOTSUP);
	desk_say(&d, fd, WITH("Many", "\"more\":true"));
	for (int i = 0; i < 3; i++)
		desk_hears(&d, fd, "{\"continues\":true,\"parameters\":{\"part\":1}}");
	desk_hears(&d, fd, "{}");
	/* A method that knows nothing of it answers once, and that is that. */
	desk_say(&d, fd, WITH("Echo", "\"more\":true,\"parameters\":{\"a\":1}"));
	desk_hears(&d, fd, "{\"parameters\":{\"a\":1}}");
	close(fd);
	desk_close(&d);
}

static void V6_an_error_ends_a_stream_and_never_continues(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, WITH("NeedsMore", "\"more\":true"));
	turn_until(d.loop, d.n_kept == 1);
	assert_ok(postern_request_continue_json(d.kept[0], NULL, 0));
	assert_ok(postern_request_fail_json(d.kept[0], "org.example.desk.Wrong", "{\"why\":\"x\"}",
					    11));
	assert_errno(postern_request_continue_json(d.kept[0], NULL, 0), -ESTALE);
	desk_hears(&d, fd, "{\"continues\":true}");
	desk_hears(&d, fd, "{\"error\":\"org.example.desk.Wrong\",\"parameters\":{\"why\":\"x\"}}");
	desk_say(&d, fd, CALL("NeedsMore"));
	desk_hears(&d, fd, ERROR("ExpectedMore"));
	close(fd);
	desk_close(&d);
}

/* ---- V8: what the library answers ---- */

static void V8_the_library_answers_what_no_handler_need_see(void **state)
{
	static const struct {
		const char *call, *answer;
	} table[] = {
		{ "{\"method\":\"org.example.none.Echo\"}",
		  ERROR_WITH("InterfaceNotFound", "{\"interface\":\"org.example.none\"}") },
		{ "{\"method\":\".Echo\"}",
		  ERROR_WITH("InterfaceNotFound", "{\"interface\":\"\"}") },
		{ CALL("Nobody"),
		  ERROR_WITH("MethodNotFound", "{\"method\":\"org.example.desk.Nobody\"}") },
		{ CALL(""), ERROR_WITH("MethodNotFound", "{\"method\":\"org.example.desk.\"}") },
		{ CALL("Missing"),
		  ERROR_WITH("MethodNotImplemented", "{\"method\":\"org.example.desk.Missing\"}") },
		{ CALL("Typed"), ERROR_WITH("InvalidParameter", "{\"parameter\":\"count\"}") },
		{ WITH("Typed", "\"parameters\":{\"count\":1.5}"),
		  ERROR_WITH("InvalidParameter", "{\"parameter\":\"count\"}") },
		{ WITH("Typed", "\"parameters\":{\"count\":null}"),
		  ERROR_WITH("InvalidParameter", "{\"parameter\":\"count\"}") },
		{ WITH("Typed", "\"parameters\":{\"count\":1,\"zone\":[]}"),
		  ERROR_WITH("InvalidParameter", "{\"parameter\":\"zone\"}") },
		{ WITH("Typed", "\"parameters\":{\"count\":1,\"other\":1}"),
		  ERROR_WITH("InvalidParameter", "{\"parameter\":\"other\"}") },
		{ WITH("Typed", "\"parameters\":{\"count\":9223372036854775808}"),
		  ERROR_WITH("InvalidParameter", "{\"parameter\":\"count\"}") },
		{ CALL("Upgrade"), ERROR("ExpectedUpgrade") },
		{ WITH("Echo", "\"upgrade\":true"),
		  ERROR_WITH("MethodNotImplemented", "{\"method\":\"org.example.desk.Echo\"}") },
	};
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
		desk_say(&d, fd, table[i].call);
		desk_hears(&d, fd, table[i].answer);
	}
	assert_int_equal(d.calls, 0);
	desk_say(&d, fd, CALL("Echo"));
	desk_hears(&d, fd, "{}");
	close(fd);
	desk_close(&d);
}

static void V8_a_rule_for_each_method_denies_before_anything_is_decoded(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	d.allow = 1;
	desk_say(&d, fd, CALL("Typed"));
	desk_hears(&d, fd, ERROR("PermissionDenied"));
	assert_string_equal(d.asked, "org.example.desk.Typed");
	assert_int_equal(d.peer.pid, getpid());
	assert_int_equal(d.peer.uid, getuid());
	assert_int_equal(d.calls, 0);
	d.allow = 0;
	desk_say(&d, fd, CALL("Echo"));
	desk_hears(&d, fd, "{}");
	close(fd);
	desk_close(&d);
}

static void V8_a_handler_can_say_that_a_value_is_invalid(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Keep"));
	turn_until(d.loop, d.n_kept == 1);
	assert_ok(postern_request_invalid(d.kept[0], "entries[3].name"));
	desk_hears(&d, fd, ERROR_WITH("InvalidParameter", "{\"parameter\":\"entries[3].name\"}"));
	close(fd);
	desk_close(&d);
}

/* ---- V10: values ---- */

static void V10_typed_parameters_and_answers(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd,
		 WITH("Typed", "\"parameters\":{\"count\":-9007199254740993,\"zone\":\"UTC\"}"));
	desk_hears(
		&d, fd,
		"{\"error\":\"org.example.desk.Wrong\",\"parameters\":{\"why\":\"it is negative\"}}");
	desk_say(&d, fd,
		 WITH("Typed",
		      "\"parameters\":{\"count\":9007199254740993,\"zone\":\"U\\u0054C\"}"));
	desk_hears(&d, fd, "{\"parameters\":{\"text\":\"UTC 9007199254740993\"}}");
	/* Absent and null are one. */
	desk_say(&d, fd, WITH("Typed", "\"parameters\":{\"count\":1,\"zone\":null}"));
	desk_hears(&d, fd, "{\"parameters\":{\"text\":\"none 1\"}}");
	desk_say(&d, fd, WITH("Typed", "\"parameters\":{\"count\":1}"));
	desk_hears(&d, fd, "{\"parameters\":{\"text\":\"none 1\"}}");
	close(fd);
	desk_close(&d);
}

static void answers_badly(struct desk *d, struct postern_request *r, char event)
{
	if (event != 'h')
		return;
	d->results[0] = postern_request_reply_json(r, "{\"a\":\"\xff\"}", 9);
	d->results[1] = postern_request_reply_json(r, "[1]", 3);
	d->results[2] = postern_request_reply_json(r, "{\"a\":1} x", 9);
	d->results[3] =
		postern_request_reply(r, &desk_Typed_out_type, &(struct desk_Typed_out){ "a" });
	d->results[4] = postern_request_fail(r, &desk_Wrong_error, &(struct desk_Wrong){ NULL });
	snprintf(d->text, sizeof d->text, "%s", postern_why()->text);
	d->results[5] = postern_request_fail(r, &desk_Wrong_error, &(struct desk_Wrong){ "\xff" });
	d->results[6] = postern_request_fail_json(r, "nodot", NULL, 0);
	d->results[7] =
		postern_request_fail(r, &desk_Wrong_error, &(struct desk_Wrong){ "at last" });
}

static void V10_what_cannot_be_encoded_is_said_and_the_request_stays_open(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	d.hook = answers_badly;
	fd = desk_peer(&d);
	desk_say(&d, fd, CALL("Hook"));
	desk_hears(&d, fd,
		   "{\"error\":\"org.example.desk.Wrong\",\"parameters\":{\"why\":\"at last\"}}");
	for (int i = 0; i < 7; i++)
		if (d.results[i] != -EINVAL)
			fail_msg("result %d is %d", i, d.results[i]);
	assert_int_equal(d.results[7], 0);
	if (!strstr(d.text, "why"))
		fail_msg("the field is not named: %s", d.text);
	close(fd);
	desk_close(&d);
}

/* ---- V11: org.varlink.service ---- */

static void V11_the_service_describes_itself_and_what_it_offers(void **state)
{
	struct postern_service_options options = { .size = sizeof(options),
						   .vendor = "Example \"Inc\"",
						   .product = "Desk",
						   .version = "1",
						   .url = "https://example.org/" };
	struct desk d;
	const char *got;
	int fd;

	(void)state;
	desk_open(&d, &options);
	fd = desk_peer(&d);
	desk_say(&d, fd, "{\"method\":\"org.varlink.service.GetInfo\"}");
	desk_hears(
		&d, fd,
		"{\"parameters\":{\"vendor\":\"Example \\\"Inc\\\"\",\"product\":\"Desk\",\"version\":\"1\","
		"\"url\":\"https://example.org/\",\"interfaces\":[\"org.varlink.service\",\"io.postern\","
		"\"org.example.desk\"]}}");
	desk_say(&d, fd,
		 "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
		 "\"parameters\":{\"interface\":\"org.example.desk\"}}");
	desk_hears(
		&d, fd,
		"{\"parameters\":{\"description\":\"# A desk.\\ninterface org.example.desk\\n\\nmethod Echo() "
		"-> ()\\n\"}}");
	desk_say(&d, fd,
		 "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
		 "\"parameters\":{\"interface\":\"org.varlink.service\"}}");
	got = desk_next(&d, fd);
	assert_non_null(strstr(got, "interface org.varlink.service\\n"));
	assert_non_null(strstr(got, "error ExpectedUpgrade ()\\n\"}}"));
	desk_say(&d, fd,
		 "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
		 "\"parameters\":{\"interface\":\"no.such\"}}");
	desk_hears(&d, fd, ERROR_WITH("InterfaceNotFound", "{\"interface\":\"no.such\"}"));
	desk_say(&d, fd, "{\"method\":\"org.varlink.service.GetInterfaceDescription\"}");
	desk_hears(&d, fd, ERROR_WITH("InvalidParameter", "{\"parameter\":\"interface\"}"));
	desk_say(&d, fd, "{\"method\":\"org.varlink.service.GetInfo\",\"parameters\":{\"a\":1}}");
	desk_hears(&d, fd, ERROR_WITH("InvalidParameter", "{\"parameter\":\"a\"}"));
	desk_say(&d, fd, "{\"method\":\"org.varlink.service.Nope\"}");
	desk_hears(&d, fd,
		   ERROR_WITH("MethodNotFound", "{\"method\":\"org.varlink.service.Nope\"}"));
	close(fd);
	desk_close(&d);
}

static void V14_io_postern_is_listed_and_described_and_has_no_methods(void **state)
{
	struct desk d;
	const char *got;
	int fd;

	(void)state;
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	desk_say(&d, fd,
		 "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
		 "\"parameters\":{\"interface\":\"io.postern\"}}");
	got = desk_next(&d, fd);
	for (int i = 0; i < 4; i++) {
		static const char *const errors[] = { "error Abandoned ()", "error Draining ()",
						      "error Busy (retryAfterMs: int)",
						      "error Overflow (dropped: int)" };

		assert_non_null(strstr(got, errors[i]));
	}
	desk_say(&d, fd, "{\"method\":\"io.postern.Busy\"}");
	desk_hears(&d, fd, ERROR_WITH("MethodNotFound", "{\"method\":\"io.postern.Busy\"}"));
	close(fd);
	desk_close(&d);
}

/* ---- V21: the sockets ---- */

static void V21_others_may_read_the_socket_where_the_access_option_says_so(void **state)
{
	struct postern_server_options server = { .size = sizeof(server), .access = 0644 };
	struct postern_service_options options = { .size = sizeof(options), .server = &server };
	struct stat st;
	struct desk d;

	(void)state;
	desk_open(&d, &options);
	assert_ok(stat(postern_server_path(postern_service_server(d.service)), &st));
	assert_int_equal(st.st_mode & 07777, 0644);
	desk_close(&d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V1_a_call_is_answered_without_blanks_and_with_one_nul),
		TEST(V1_calls_may_come_in_pieces_of_any_size_and_together),
		TEST(V1_the_message_limit_holds_in_both_directions),
		TEST(V2_no_parameters_null_and_an_empty_object_are_the_same),
		TEST(V2_the_name_of_the_method_may_be_escaped_and_is_told_as_it_is_meant),
		TEST(V4_pipelined_calls_are_answered_in_their_order_one_after_the_other),
		TEST(V4_a_second_answer_is_stale_and_nothing_of_it_is_sent),
		TEST(V4_a_full_queue_holds_the_next_call_and_the_final_answer_always_fits),
		TEST(V4_answers_given_in_the_handler_wait_for_the_queue_too),
		TEST(V4_only_an_answer_that_continues_is_refused_and_drained_comes),
		TEST(V5_a_oneway_call_gets_no_answer_of_any_kind),
		TEST(V6_continues_only_where_more_was_asked_for),
		TEST(V6_an_error_ends_a_stream_and_never_continues),
		TEST(V8_the_library_answers_what_no_handler_need_see),
		TEST(V8_a_rule_for_each_method_denies_before_anything_is_decoded),
		TEST(V8_a_handler_can_say_that_a_value_is_invalid),
		TEST(V10_typed_parameters_and_answers),
		TEST(V10_what_cannot_be_encoded_is_said_and_the_request_stays_open),
		TEST(V11_the_service_describes_itself_and_what_it_offers),
		TEST(V14_io_postern_is_listed_and_described_and_has_no_methods),
		TEST(V21_others_may_read_the_socket_where_the_access_option_says_so),
	};
	return test_run(tests);
}
