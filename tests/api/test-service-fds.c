/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-service-fds.c - descriptors at a service, and peers that pass them in every way, right and wrong
 *
 * test_run() counts the descriptors of this process before and after each test: what was not taken is closed.
 */
#include "passed.h"

#include <sys/resource.h>

#define CALL(method)          "{\"method\":\"org.example.vault." method "\"}"
#define CALL_WITH(method, in) "{\"method\":\"org.example.vault." method "\",\"parameters\":" in "}"

static int peer_of(const struct vault *v)
{
	int fd = plain_connect(vault_path(v));

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* The next message, which has so many descriptors; "" is the end. They are in got_fds. */
static char got[65536];
static int got_fds[POSTERN_FDS_MAX];

static const char *next(struct vault *v, int fd, size_t wanted)
{
	int64_t until = test_now_ns() + test_patience_ns();
	size_t n = 0, came = 0;

	while (test_now_ns() < until) {
		int fds[POSTERN_FDS_MAX];
		size_t k;
		/* Byte by byte, so that nothing of the next one is taken. */
		ssize_t r = pass_receive(fd, got + n, 1, fds, &k);

		if (k > 0) {
			assert_int_equal(n, 0);
			came = k;
			memcpy(got_fds, fds, k * sizeof fds[0]);
		}
		if (r == 0 || (r < 0 && errno == ECONNRESET))
			return "";
		if (r < 0) {
			turn(v->loop, 1);
			continue;
		}
		if (got[n++] == '\0') {
			if (came != wanted)
				fail_msg("%zu descriptors came with %s, not %zu", came, got,
					 wanted);
			return got;
		}
	}
	fail_msg("nothing comes");
	return "";
}

static void hears(struct vault *v, int fd, const char *text)
{
	assert_string_equal(next(v, fd, 0), text);
}

/* The connection ends, and says so. */
static void breaks(struct vault *v, int fd, const char *text)
{
	assert_string_equal(next(v, fd, 0), "");
	turn_until(v->loop, v->errors > 0);
	if (!strstr(v->text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, v->text);
	v->errors = 0;
	close(fd);
}

#define INVALID                                                                              \
	"{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":" \
	"\"fileDescriptor\"}}"
#define UNWANTED "no message that began there takes any"

static void V12_descriptors_of_a_call_are_its_requests(void **state)
{
	struct vault v;
	int fd, one, two, fds[2];

	(void)state;
	vault_open(&v);
	fd = peer_of(&v);
	one = passed_new(1);
	two = passed_new(2);
	fds[0] = two;
	fds[1] = one;
	assert_int_equal(pass_some(fd, CALL("Put"), sizeof CALL("Put"), fds, 2),
			 sizeof CALL("Put"));
	hears(&v, fd, "{\"parameters\":{\"n\":2}}");
	assert_int_equal(v.numbers[0], 2);
	assert_int_equal(v.numbers[1], 1);
	/* As many as there may be. */
	pass_text(fd, CALL("Put"), one, POSTERN_FDS_MAX);
	hears(&v, fd, "{\"parameters\":{\"n\":16}}");
	assert_int_equal(v.brought, POSTERN_FDS_MAX);
	close(one);
	close(two);
	close(fd);
	vault_close(&v);
}

static void V12_a_wrong_number_of_descriptors_is_an_invalid_parameter(void **state)
{
	struct vault v;
	int fd, one = passed_new(1);

	(void)state;
	vault_open(&v);
	fd = peer_of(&v);
	pass_text(fd, CALL("Put"), -1, 0);
	hears(&v, fd, INVALID);
	assert_int_equal(v.calls[VAULT_PUT], 1);
	pass_text(fd, CALL("Put"), one, 1);
	hears(&v, fd, "{\"parameters\":{\"n\":1}}");
	/* More than any message has: the handler is not asked. */
	pass_text(fd, CALL("Put"), one, POSTERN_FDS_MAX + 1);
	breaks(&v, fd, "more descriptors came with one message than any may have, 16");
	fd = peer_of(&v);
	pass_text(fd, CALL("Put"), one, PASS_MAX);
	breaks(&v, fd, "more descriptors came with one message than any may have, 16");
	assert_int_equal(v.calls[VAULT_PUT], 2);
	close(one);
	vault_close(&v);
}

/* Plain messages before it come in the same read: of the service that was not turned meanwhile. */
static void V12_descriptors_are_not_given_to_a_message_that_was_glued_before_theirs(void **state)
{
	struct vault v;
	int fd, one = passed_new(1), two = passed_new(2);

	(void)state;
	vault_open(&v);
	fd = peer_of(&v);
	for (int i = 0; i < 3; i++)
		pass_text(fd, CALL("Plain"), -1, 0);
	/* One that takes some, too, and has none. */
	pass_text(fd, CALL("Swap"), -1, 0);
	pass_text(fd, CALL("Put"), one, 1);
	pass_text(fd, CALL("Plain"), -1, 0);
	pass_text(fd, CALL("Put"), two, 2);
	for (int i = 0; i < 4; i++)
		hears(&v, fd, "{}");
	hears(&v, fd, "{\"parameters\":{\"n\":1}}");
	hears(&v, fd, "{}");
	hears(&v, fd, "{\"parameters\":{\"n\":2}}");
	assert_int_equal(v.n_numbers, 3);
	assert_int_equal(v.numbers[0], 1);
	assert_int_equal(v.numbers[1], 2);
	assert_int_equal(v.calls[VAULT_PLAIN], 4);
	close(one);
	close(two);
	close(fd);
	vault_close(&v);
}

/* In one sendmsg with what follows it, as the specification lets a sender do. */
static void V12_a_message_behind_the_one_with_descriptors_does_not_get_them(void **state)
{
	static const char both[] = CALL("Put") "\0" CALL("Plain");
	struct vault v;
	int fd, one = passed_new(1);

	(void)state;
	vault_open(&v);
	fd = peer_of(&v);
	assert_int_equal(pass_some(fd, both, sizeof both, &one, 1), sizeof both);
	hears(&v, fd, "{\"parameters\":{\"n\":1}}");
	hears(&v, fd, "{}");
	close(one);
	close(fd);
	vault_close(&v);
}

/* And in pieces of any size, the descriptor with the first byte. */
static void V12_a_call_with_descriptors_may_come_in_pieces(void **state)
{
	static const char text[] = CALL("Put");
	struct vault v;
	int fd, one = passed_new(1);

	(void)state;
	vault_open(&v);
	fd = peer_of(&v);
	for (size_t cut = 1; cut < sizeof text; cut++) {
		pass_text(fd, CALL("Plain"), -1, 0);
		assert_int_equal(pass_some(fd, text, cut, &one, 1), cut);
		turn(v.loop, 0);
		hears(&v, fd, "{}");
		assert_int_equal(pass_some(fd, text + cut, sizeof text - cut, NULL, 0),
				 sizeof text - cut);
		hears(&v, fd, "{\"parameters\":{\"n\":1}}");
	}
	close(one);
	close(fd);
	vault_close(&v);
}

/* A oneway call that takes some waits for the end of the message behind it, to which they may belong. */
static void V12_who_may_own_descriptors_waits_until_it_is_known(void **state)
{
	static const char more[] = CALL("Put") "\0" CALL("Put");
	const size_t first = sizeof CALL("Put"), cut = first + 5;
	struct vault v;
	int fd, one = passed_new(1);

	(void)state;
	vault_open(&v);
	fd = peer_of(&v);
	assert_int_equal(pass_some(fd, more, first, NULL, 0), first);
	assert_int_equal(pass_some(fd, more + first, cut - first, &one, 1), cut - first);
	turn_quiet(v.loop);
	assert_int_equal(v.calls[VAULT_PUT], 0);
	assert_int_equal(pass_some(fd, more + cut, sizeof more - cut, NULL, 0), sizeof more - cut);
	hears(&v, fd, INVALID);
	hears(&v, fd, "{\"parameters\":{\"n\":1}}");
	/* It is never whole: the first one is answered, and has none. */
	assert_int_equal(pass_some(fd, more, first, NULL, 0), first);
	assert_int_equal(pass_some(fd, more + first, cut - first, &one, 1), cut - first);
	turn_quiet(v.loop);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	hears(&v, fd, INVALID);
	breaks(&v, fd, "");
	close(one);
	vault_close(&v);
}

/* In one sendmsg with the beginning of what follows. */
static void V12_a_call_is_delivered_when_what_follows_cannot_own_its_descriptors(void **state)
{
	static const struct {
		const char *method, *more, *follows;
		bool known;
	} rows[] = {
		{ "Put", "", "{\"method\":\"org.example.vault.Plain\"", true },
		{ "Put", "", " { \"method\" : \"org.example.none.Put\",", true },
		{ "Put", "", "tail", true },
		/* It may be one that takes some; or the name of its method is not in front. */
		{ "Put", "", "{\"meth", false },
		{ "Put", "", " ", false },
		{ "Put", "", "{\"method\":\"org.example.vault.Swap\"", false },
		{ "Put", "", "{\"parameters\":{},\"method\":\"org.example.vault.Plain\"", false },
		{ "Put", "", "{\"method\":\"org\\u002eexample.vault.Plain\"", false },
		/* No calls follow one that upgrades its connection. */
		{ "Up", ",\"upgrade\":true", "tail", true },
		{ "Up", ",\"upgrade\":true", "{\"method\":\"org.example.vault.Put\"", true },
	};
	int one = passed_new(1);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[256];
		size_t n = (size_t)sprintf(text, "{\"method\":\"org.example.vault.%s\"%s}%c%s",
					   rows[i].method, rows[i].more, 0, rows[i].follows);
		struct vault v;
		int fd;

		vault_open(&v);
		fd = peer_of(&v);
		assert_int_equal(pass_some(fd, text, n, &one, 1), n);
		turn_quiet(v.loop);
		if (v.calls[VAULT_PUT] + v.calls[VAULT_UP] != rows[i].known)
			fail_msg("row %zu: \"%s\" behind it: %s", i, rows[i].follows,
				 rows[i].known ? "it waits" : "it is delivered");
		if (rows[i].known)
			hears(&v, fd, "{\"parameters\":{\"n\":1}}");
		close(fd);
		turn_quiet(v.loop);
		vault_close(&v);
	}
	close(one);
}

static void V12_after_an_upgrade_descriptors_are_not_admitted_any_more(void **state)
{
	static const char call[] = "{\"method\":\"org.example.vault.Up\",\"upgrade\":true}";
	struct vault v;
	int fd, one = passed_new(1), before;
	ssize_t r;

	(void)state;
	vault_open(&v);
	fd = peer_of(&v);
	pass_text(fd, call, one, 2);
	hears(&v, fd, "{\"parameters\":{\"n\":2}}");
	before = test_fd_count();
	r = pass_some(fd, "some", 5, &one, 1);
	if (r < 0) {
		assert_int_equal(errno, EPERM);
		pass_text(fd, "some", -1, 0);
	}
	hears(&v, fd, "some");
	assert_int_equal(test_fd_count(), before);
	close(one);
	close(fd);
	turn_quiet(v.loop);
	vault_close(&v);
}

/* The first one waits for the second, which fills what may be kept of one. */
static void V12_a_message_that_waits_leaves_the_one_behind_it_its_room(void **state)
{
	enum { MAX = 64 * 1024 };
	static char text[4 * MAX];
	struct vault v = { 0 };
	const struct postern_service_options options = { .size = sizeof options,
							 .message_max = MAX };
	const size_t first = sizeof CALL("Put"), cut = first + 20;
	size_t n;
	int fd, one = passed_new(1);

	(void)state;
	assert_ok(postern_loop_new(&v.loop));
	assert_ok(postern_service_new(&v.service, v.loop, "vault", &options, &vault_events, &v));
	assert_ok(postern_service_provide(v.service, &vault_interface, vault_handlers, &v));
	for (int too_long = 0; too_long < 2; too_long++) {
		memset(text, ' ', sizeof text);
		memcpy(text, CALL("Put"), first);
		/* Or it has no end. */
		if (!too_long)
			memcpy(text + first + MAX - strlen(CALL("Put")), CALL("Put"), first);
		n = too_long ? sizeof text : first + MAX + 1;
		fd = peer_of(&v);
		assert_int_equal(pass_some(fd, text, cut, &one, 1), cut);
		for (size_t at = cut; at < n;) {
			ssize_t r = pass_some(fd, text + at, n - at, NULL, 0);

			if (r > 0)
				at += (size_t)r;
			else if (errno != EAGAIN)
				break;
			turn(v.loop, 0);
		}
		if (!too_long) {
			hears(&v, fd, INVALID);
			hears(&v, fd, "{\"parameters\":{\"n\":1}}");
			close(fd);
		} else {
			breaks(&v, fd, "longer than 65536 bytes");
		}
		turn_quiet(v.loop);
	}
	close(one);
	vault_close(&v);
}

static void V12_a_method_that_takes_descriptors_may_have_a_long_name(void **state)
{
	static char name[1024] = "org.example.vault.", call[1100];
	struct postern_method method = vault_method_Put;
	const struct postern_method *const methods[] = { &method };
	struct postern_interface interface = vault_interface;
	struct vault v = { 0 };
	int fd, one = passed_new(1);

	(void)state;
	memset(name + strlen(name), 'A', sizeof name - strlen(name) - 1);
	method.name = name;
	interface.methods = methods;
	interface.n_methods = 1;
	assert_ok(postern_loop_new(&v.loop));
	assert_ok(postern_service_new(&v.service, v.loop, "vault", NULL, &vault_events, &v));
	assert_ok(postern_service_provide(v.service, &interface, vault_handlers, &v));
	fd = peer_of(&v);
	sprintf(call, "{\"method\":\"%s\"}", name);
	pass_text(fd, call, one, 1);
	hears(&v, fd, "{\"parameters\":{\"n\":1}}");
	close(one);
	close(fd);
	vault_close(&v);
}

static void V12_descriptors_that_no_method_takes_end_the_connection(void **state)
{
	static const char *const texts[] = {
		CALL("Plain"),
		CALL("Get"),
		CALL("None"),
		"{\"method\":\"org.example.none.Put\"}",
		"{\"method\":\"Put\"}",
		"not JSON",
		"{\"method\":\"org.varlink.service.GetInfo\"}",
	};
	struct vault v;
	int fd, one = passed_new(1);

	(void)state;
	vault_open(&v);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		fd = peer_of(&v);
		turn_quiet(v.loop);
		pass_text(fd, texts[i], one, 3);
		breaks(&v, fd, UNWANTED);
	}
	assert_int_equal(v.calls[VAULT_PLAIN] + v.calls[VAULT_GET], 0);
	close(one);
	vault_close(&v);
}

static void V12_descriptors_in_the_middle_of_a_message_end_the_connection(void **state)
{
	static const char text[] = CALL("Put");
	struct vault v;
	int fd, one = passed_new(1);

	(void)state;
	vault_open(&v);
	for (size_t cut = 1; cut < sizeof text; cut += 7) {
		fd = peer_of(&v);
		assert_int_equal(pass_some(fd, text, cut, NULL, 0), cut);
		turn_quiet(v.loop);
		assert_int_equal(pass_some(fd, text + cut, sizeof text - cut, &one, 1),
				 sizeof text - cut);
		breaks(&v, fd, UNWANTED);
	}
	assert_int_equal(v.calls[VAULT_PUT], 0);
	close(one);
	vault_close(&v);
}

/* Where no method takes any, the kernel refuses them where they are sent; and where it cannot, the connection ends. */
static void V12_a_service_without_such_methods_admits_no_descriptors(void **state)
{
	static const struct postern_method *const plain[] = { &vault_method_Get,
							      &vault_method_Plain };
	static const struct postern_interface other = { .version = POSTERN_INTERFACE_VERSION,
							.n_methods = 2,
							.name = "org.example.vault",
							.description =
								"interface org.example.vault\n",
							.methods = plain };
	struct vault v = { 0 };
	int fd, one = passed_new(1);
	ssize_t r;

	(void)state;
	assert_ok(postern_loop_new(&v.loop));
	assert_ok(postern_service_new(&v.service, v.loop, "vault", NULL, &vault_events, &v));
	assert_ok(postern_service_provide(v.service, &other, vault_handlers, &v));
	fd = peer_of(&v);
	turn_quiet(v.loop);
	r = pass_some(fd, CALL("Plain"), sizeof CALL("Plain"), &one, 1);
	if (r < 0) {
		assert_int_equal(errno, EPERM);
		/* It was not sent, and all is well. */
		pass_text(fd, CALL("Plain"), -1, 0);
		hears(&v, fd, "{}");
		close(fd);
	} else {
		breaks(&v, fd, UNWANTED);
	}
	close(one);
	vault_close(&v);
}

/* Offered when somebody is connected already. */
static void V12_a_method_that_is_offered_later_gets_descriptors_of_those_who_are_connected(
	void **state)
{
	struct vault v = { 0 };
	int fd, late, one = passed_new(1);

	(void)state;
	assert_ok(postern_loop_new(&v.loop));
	assert_ok(postern_service_new(&v.service, v.loop, "vault", NULL, &vault_events, &v));
	fd = peer_of(&v);
	turn_quiet(v.loop);
	late = peer_of(&v); /* in the backlog */
	assert_ok(postern_service_provide(v.service, &vault_interface, vault_handlers, &v));
	pass_text(fd, CALL("Put"), one, 1);
	hears(&v, fd, "{\"parameters\":{\"n\":1}}");
	turn_quiet(v.loop);
	pass_text(late, CALL("Put"), one, 1);
	hears(&v, late, "{\"parameters\":{\"n\":1}}");
	close(one);
	close(fd);
	close(late);
	vault_close(&v);
}

static void V12_an_answer_has_its_descriptors_on_its_first_byte(void **state)
{
	struct vault v;
	int fd, one = passed_new(1), two = passed_new(2), fds[2] = { one, two };

	(void)state;
	vault_open(&v);
	fd = peer_of(&v);
	/* Pipelined with plain ones: each message is in a piece of its own. next() says where they come. */
	pass_text(fd, CALL("Plain"), -1, 0);
	pass_text(fd, CALL_WITH("Get", "{\"number\":7}"), -1, 0);
	pass_text(fd, CALL_WITH("Get", "{\"number\":8}"), -1, 0);
	pass_text(fd, CALL("Plain"), -1, 0);
	assert_int_equal(pass_some(fd, CALL("Swap"), sizeof CALL("Swap"), fds, 2),
			 sizeof CALL("Swap"));
	hears(&v, fd, "{}");
	assert_string_equal(next(&v, fd, 1), "{\"parameters\":{\"fileDescriptor\":0}}");
	passed_is(got_fds[0], 7);
	assert_string_equal(next(&v, fd, 1), "{\"parameters\":{\"fileDescriptor\":0}}");
	passed_is(got_fds[0], 8);
	hears(&v, fd, "{}");
	assert_string_equal(next(&v, fd, 2), "{}");
	passed_is(got_fds[0], 1);
	passed_is(got_fds[1], 2);
	close(one);
	close(two);
	close(fd);
	vault_close(&v);
}

static void V12_each_answer_of_a_stream_may_have_descriptors(void **state)
{
	struct vault v;
	int fd;

	(void)state;
	vault_open(&v);
	fd = peer_of(&v);
	pass_text(fd, "{\"method\":\"org.example.vault.Many\",\"more\":true}", -1, 0);
	for (int i = 0; i < 3; i++) {
		assert_string_equal(next(&v, fd, 1),
				    "{\"continues\":true,\"parameters\":{\"fileDescriptor\":0}}");
		passed_is(got_fds[0], i);
	}
	hears(&v, fd, "{}");
	close(fd);
	vault_close(&v);
}

static void V12_descriptors_of_a_kept_request_live_as_long_as_it(void **state)
{
	struct vault v;
	int fd, one = passed_new(1), taken, before;

	(void)state;
	vault_open(&v);
	fd = peer_of(&v);
	before = test_fd_count();
	pass_text(fd, CALL("Keep"), one, 3);
	turn_until(v.loop, v.n_kept == 1);
	/* The peer has gone, and so has the service. */
	close(fd);
	turn_quiet(v.loop);
	assert_errno(postern_request_push_fd(v.kept[0], passed_new(9)), -ESTALE);
	v.service = postern_service_free(v.service);
	taken = postern_request_take_fd(v.kept[0], 1);
	passed_is(taken, 1);
	assert_int_equal(postern_request_fds(v.kept[0]), 3);
	v.kept[0] = postern_request_free(v.kept[0]);
	v.n_kept = 0;
	/* The listener, its lock, its watch and the peer have gone, too. */
	assert_true(test_fd_count() < before);
	close(one);
	vault_close(&v);
}

static void V12_what_was_pushed_is_closed_on_every_way_out(void **state)
{
	static const char text[] = "{}";
	struct vault v;
	int fd, one, pushed[2], before;

	(void)state;
	vault_open(&v);
	fd = peer_of(&v);
	one = passed_new(1);
	turn_quiet(v.loop);
	before = test_fd_count();
	for (int how = 0; fd >= 0; how++) {
		pass_text(fd, CALL("Keep"), one, 1);
		turn_until(v.loop, v.n_kept == 1);
		assert_ok(pipe2(pushed, O_CLOEXEC));
		assert_int_equal(postern_request_push_fd(v.kept[0], pushed[1]), 0);
		switch (how) {
		case 0: /* sent */
			assert_ok(postern_request_reply_json(v.kept[0], text, 2));
			assert_string_equal(next(&v, fd, 1), "{}");
			close(got_fds[0]);
			break;
		case 1: /* an error has none */
			assert_ok(postern_request_fail_json(v.kept[0], "a.b.C", NULL, 0));
			assert_string_equal(next(&v, fd, 0), "{\"error\":\"a.b.C\"}");
			break;
		case 2: /* the answer was none, and then there was one: it was for the first */
			assert_errno(postern_request_reply_json(v.kept[0], "[]", 2), -EINVAL);
			assert_errno(postern_request_continue_json(v.kept[0], text, 2), -ENOTSUP);
			assert_ok(postern_request_reply_json(v.kept[0], text, 2));
			assert_string_equal(next(&v, fd, 0), "{}");
			break;
		case 3: /* abandoned */
			v.kept[0] = postern_request_free(v.kept[0]);
			assert_string_equal(next(&v, fd, 0),
					    "{\"error\":\"io.postern.Abandoned\"}");
			break;
		default: /* left */
			close(fd);
			turn_quiet(v.loop);
			fd = -1;
		}
		/* Whoever reads the pipe sees its end. */
		assert_int_equal(read(pushed[0], got, 1), 0);
		close(pushed[0]);
		v.kept[0] = postern_request_free(v.kept[0]);
		v.n_kept = 0;
		if (fd >= 0)
			assert_int_equal(test_fd_count(), before);
	}
	close(one);
	vault_close(&v);
}

static void V12_pushing_is_refused_with_a_reason_and_closes(void **state)
{
	struct vault v;
	int fd, one = passed_new(1), before;

	(void)state;
	vault_open(&v);
	fd = peer_of(&v);
	pass_text(fd, CALL("Keep"), one, 1);
	turn_until(v.loop, v.n_kept == 1);
	before = test_fd_count();
	for (int i = 0; i < POSTERN_FDS_MAX; i++)
		assert_int_equal(postern_request_push_fd(v.kept[0], dup(one)), i);
	assert_errno(postern_request_push_fd(v.kept[0], dup(one)), -E2BIG);
	assert_errno(postern_request_push_fd(v.kept[0], -1), -EBADF);
	assert_errno(postern_request_push_fd(v.kept[0], 1000000), -EBADF);
	assert_errno(postern_request_push_fd(NULL, dup(one)), -EINVAL);
	assert_int_equal(test_fd_count(), before + POSTERN_FDS_MAX);
	assert_ok(postern_request_reply_json(v.kept[0], NULL, 0));
	assert_errno(postern_request_push_fd(v.kept[0], dup(one)), -ESTALE);
	assert_string_equal(next(&v, fd, POSTERN_FDS_MAX), "{}");
	for (int i = 0; i < POSTERN_FDS_MAX; i++)
		passed_is(got_fds[i], 1);
	assert_int_equal(test_fd_count(), before);
	close(one);
	close(fd);
	vault_close(&v);
}

/* A peer that is killed at any point leaves nothing. */
static void V12_a_peer_that_leaves_at_any_byte_leaves_no_descriptor(void **state)
{
	static const char text[] = CALL("Plain") "\0" CALL("Put") "\0" CALL("Swap");
	const size_t begin = sizeof CALL("Plain"), end = begin + sizeof CALL("Put");
	struct vault v;
	int one = passed_new(1), before;

	(void)state;
	vault_open(&v);
	turn_quiet(v.loop);
	before = test_fd_count();
	for (size_t cut = 1; cut <= sizeof text; cut++) {
		int fd = peer_of(&v);

		pass_some(fd, text, cut < begin ? cut : begin, NULL, 0);
		if (cut > begin)
			pass_some(fd, text + begin, (cut < end ? cut : end) - begin, &one, 1);
		if (cut % 2)
			turn(v.loop, 0);
		if (cut > end)
			pass_some(fd, text + end, cut - end, &one, 1);
		if (cut % 3)
			turn(v.loop, 0);
		close(fd);
		turn_quiet(v.loop);
		assert_int_equal(test_fd_count(), before);
	}
	close(one);
	vault_close(&v);
}

static void V12_a_peer_that_refuses_descriptors_loses_its_connection(void **state)
{
	const int off = 0;
	struct vault v;
	int fd;

	(void)state;
	vault_open(&v);
	fd = peer_of(&v);
	if (setsockopt(fd, SOL_SOCKET, 83, &off, sizeof off) < 0) {
		close(fd);
		vault_close(&v);
		test_skip("this kernel has no SO_PASSRIGHTS");
	}
	pass_text(fd, CALL("Get"), -1, 0);
	assert_string_equal(next(&v, fd, 0), "");
	close(fd);
	vault_close(&v);
}

/* Standard input is closed in this process: what is received must not become that. */
static void V12_a_received_descriptor_is_never_a_standard_one(void **state)
{
	struct vault v;
	int fd, one = passed_new(1), in = dup(STDIN_FILENO);

	(void)state;
	vault_open(&v);
	fd = peer_of(&v);
	turn_quiet(v.loop);
	close(STDIN_FILENO);
	pass_text(fd, CALL("Put"), one, 2); /* passed_is() looks */
	hears(&v, fd, "{\"parameters\":{\"n\":2}}");
	if (in >= 0) {
		assert_int_equal(dup2(in, STDIN_FILENO), STDIN_FILENO);
		close(in);
	}
	close(one);
	close(fd);
	vault_close(&v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V12_descriptors_of_a_call_are_its_requests),
		TEST(V12_a_wrong_number_of_descriptors_is_an_invalid_parameter),
		TEST(V12_descriptors_are_not_given_to_a_message_that_was_glued_before_theirs),
		TEST(V12_a_message_behind_the_one_with_descriptors_does_not_get_them),
		TEST(V12_a_call_with_descriptors_may_come_in_pieces),
		TEST(V12_who_may_own_descriptors_waits_until_it_is_known),
		TEST(V12_a_call_is_delivered_when_what_follows_cannot_own_its_descriptors),
		TEST(V12_after_an_upgrade_descriptors_are_not_admitted_any_more),
		TEST(V12_a_message_that_waits_leaves_the_one_behind_it_its_room),
		TEST(V12_a_method_that_takes_descriptors_may_have_a_long_name),
		TEST(V12_descriptors_that_no_method_takes_end_the_connection),
		TEST(V12_descriptors_in_the_middle_of_a_message_end_the_connection),
		TEST(V12_a_service_without_such_methods_admits_no_descriptors),
		TEST(V12_a_method_that_is_offered_later_gets_descriptors_of_those_who_are_connected),
		TEST(V12_an_answer_has_its_descriptors_on_its_first_byte),
		TEST(V12_each_answer_of_a_stream_may_have_descriptors),
		TEST(V12_descriptors_of_a_kept_request_live_as_long_as_it),
		TEST(V12_what_was_pushed_is_closed_on_every_way_out),
		TEST(V12_pushing_is_refused_with_a_reason_and_closes),
		TEST(V12_a_peer_that_leaves_at_any_byte_leaves_no_descriptor),
		TEST(V12_a_peer_that_refuses_descriptors_loses_its_connection),
		TEST(V12_a_received_descriptor_is_never_a_standard_one),
	};
	return test_run(tests);
}
