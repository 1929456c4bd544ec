/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault-calls.c - the scenario of a service that answers calls, for test-fault.c
 *
 * Whatever fails, a peer that has sent a call gets the answer, or an error of the library's that says so, or the end
 * of its connection, and never waits for ever; and each request ends once.
 */
#include "fault-world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <postern/service.h>

#include "fault.h"
#include "service/service.h"
#include "test.h"

enum { LARGE = 20 * 1024, HUGE_ANSWER = 100 * 1024, ROUNDS = 400 };

struct calls {
	struct postern_loop *loop;
	struct postern_service *service;
	struct postern_request *kept[8];
	unsigned n_kept, cancelled, answers, closed;
	struct postern_conn *upgraded;
	unsigned upgrades, upgraded_closed;
	bool broken;
};

struct name_in {
	const char *name;
};

static const struct postern_type string = { .kind = POSTERN_TYPE_STRING, .size = sizeof(char *) };
static const struct postern_field name_fields[] = { { "name", &string, 0, 1 } };
static const struct postern_type name_type = {
	.kind = POSTERN_TYPE_STRUCT, .size = sizeof(struct name_in), .n = 1, .fields = name_fields
};
static void expect(int error)
{
	if (error < 0 && !world_is_expected(error) && error != -ENOTSUP)
		fail_msg("%s: told -%s", world_where(), strerrorname_np(-error));
}

/* ---- the service ---- */

static void on_cancelled(struct postern_request *r, void *data)
{
	struct calls *c = data;

	c->cancelled++;
	for (unsigned i = 0; i < c->n_kept; i++)
		if (c->kept[i] == r)
			c->kept[i] = postern_request_free(r);
}

static const struct postern_request_events request_events = { .size = sizeof request_events,
							      .cancelled = on_cancelled };

static const char *object_of(size_t n)
{
	static char text[HUGE_ANSWER];

	memset(text, 'a', n);
	memcpy(text, "{\"name\":\"", 9);
	memcpy(text + n - 2, "\"}", 2);
	return text;
}

/* Streams two parts and ends with a large one. */
static void on_posted(struct postern_request *r, void *data)
{
	struct calls *c = data;

	for (int i = 0; i < 2; i++)
		expect(postern_request_continue_json(r, "{\"part\":1}", 10));
	expect(postern_request_reply_json(r, object_of(HUGE_ANSWER), HUGE_ANSWER));
	for (unsigned i = 0; i < c->n_kept; i++)
		if (c->kept[i] == r)
			c->kept[i] = postern_request_free(r);
}

/* ---- a connection that was upgraded: it echoes ---- */

static size_t on_bytes(struct postern_conn *conn, const void *bytes, size_t n, void *data)
{
	ssize_t taken = postern_conn_write(conn, bytes, n);

	(void)data;
	return taken > 0 ? (size_t)taken : 0;
}

static void on_end(struct postern_conn *conn, const struct postern_reason *why, void *data)
{
	struct calls *c = data;

	(void)conn;
	expect(why->error);
	c->upgraded_closed++;
}

static const struct postern_conn_events echo_events = { .size = sizeof echo_events,
							.received = on_bytes,
							.closed = on_end };

static void handle_become(const void *handlers, struct postern_request *r, const void *in,
			  void *data)
{
	struct calls *c = data;
	int error = postern_request_upgrade_json(&c->upgraded, r, NULL, 0, &echo_events, c);

	(void)handlers, (void)in;
	expect(error);
	c->upgrades += error == 0;
}

/* ---- the others ---- */

static void handle_echo(const void *handlers, struct postern_request *r, const void *in, void *data)
{
	struct postern_json p = postern_request_parameters(r);

	(void)handlers, (void)in, (void)data;
	expect(postern_request_reply_json(r, p.text, p.n));
}

static void handle_typed(const void *handlers, struct postern_request *r, const void *in,
			 void *data)
{
	(void)handlers, (void)data;
	expect(postern_request_reply(r, &name_type, in));
}

static void handle_keep(const void *handlers, struct postern_request *r, const void *in, void *data)
{
	struct calls *c = data;

	(void)handlers, (void)in;
	if (c->n_kept == sizeof c->kept / sizeof *c->kept)
		return;
	expect(postern_request_set_events(r, &request_events, c));
	c->kept[c->n_kept++] = postern_request_keep(r);
	if (postern_request_flags(r) & POSTERN_CALL_MORE)
		expect(postern_request_post(r, on_posted, c));
}

static const struct postern_method echo = { .name = "a.b.Echo", .handle = handle_echo };
static const struct postern_method keep = { .name = "a.b.Keep",
					    .flags = POSTERN_METHOD_MORE,
					    .handle = handle_keep };
static const struct postern_method typed = {
	.name = "a.b.Typed", .in = &name_type, .out = &name_type, .handle = handle_typed
};
static const struct postern_method become = { .name = "a.b.Become",
					      .flags = POSTERN_METHOD_UPGRADE,
					      .handle = handle_become };
static const struct postern_method *const methods[] = { &echo, &keep, &typed, &become };

/* All methods have this one place: that it is not NULL. */
static void (*const handler)(struct postern_request *r, void *data) = on_posted;

static const struct postern_interface interface = {
	.version = POSTERN_INTERFACE_VERSION,
	.n_methods = sizeof methods / sizeof *methods,
	.name = "a.b",
	.description = "interface a.b\n",
	.methods = methods,
};

static void on_error(struct postern_service *s, const struct postern_reason *why, void *data)
{
	(void)s, (void)data;
	/* What follows a call that was not upgraded is none. */
	if (why->error != -EBADMSG)
		expect(why->error);
}

static void on_closed(struct postern_service *s, const struct postern_reason *why, void *data)
{
	struct calls *c = data;

	(void)s, (void)why;
	c->closed++;
}

static const struct postern_service_events events = { .size = sizeof events,
						      .error = on_error,
						      .closed = on_closed };

/* ---- peers ---- */

static void calls_turn(struct calls *c)
{
	int r = postern_loop_dispatch(c->loop, POSTERN_MS(200));

	if (r >= 0)
		return;
	expect(r);
	fault_clock_advance(POSTERN_MS(200));
}

static int peer_of(const struct calls *c)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	snprintf(a.sun_path, sizeof a.sun_path, "%s",
		 postern_server_path(postern_service_server(c->service)));
	if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Reads until so many messages or the end have come; how many came. */
static unsigned peer_hears(struct calls *c, int fd, unsigned wanted)
{
	static char got[65536];
	unsigned heard = 0;

	for (int i = 0; i < ROUNDS; i++) {
		ssize_t n = recv(fd, got, sizeof got, 0);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			return heard;
		for (ssize_t k = 0; k < n; k++)
			heard += got[k] == '\0';
		if (heard >= wanted)
			return heard;
		if (n < 0)
			calls_turn(c);
	}
	if (!world_stays())
		fail_msg("%s: a peer waits for ever", world_where());
	return heard;
}

static bool peer_calls(struct calls *c, const char *text, size_t n, unsigned wanted)
{
	int fd = peer_of(c);
	unsigned heard;

	if (fd < 0)
		return false;
	assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), n);
	heard = peer_hears(c, fd, wanted);
	close(fd);
	return heard == wanted;
}

/* Small, large, with a decoded value, and a stream that is answered by a post. */
static bool calls_of_all_kinds(struct calls *c)
{
	static char text[2 * LARGE + 1024];
	size_t n = 0;

	n += (size_t)sprintf(text + n, "{\"method\":\"a.b.Echo\",\"oneway\":true}") + 1;
	n += (size_t)sprintf(text + n, "{\"method\":\"a.b.Echo\"}") + 1;
	n += (size_t)sprintf(text + n,
			     "{\"method\":\"a.b.Typed\",\"parameters\":{\"name\":\"n\"}}") +
	     1;
	n += (size_t)sprintf(text + n, "{\"method\":\"a.b.Typed\",\"parameters\":%.*s}", LARGE,
			     object_of(LARGE)) +
	     1;
	n += (size_t)sprintf(text + n, "{\"method\":\"a.b.None\"}") + 1;
	n += (size_t)sprintf(text + n, "{\"method\":\"org.varlink.service.GetInfo\"}") + 1;
	n += (size_t)sprintf(text + n, "{\"method\":\"a.b.Keep\",\"more\":true}") + 1;
	return peer_calls(c, text, n, 8);
}

static uint32_t open_requests(const struct calls *c)
{
	struct postern_service_counters counters;

	assert_ok(postern_service_get_counters(c->service, &counters, sizeof counters));
	return counters.open;
}

static bool calls_of_one_that_leaves(struct calls *c)
{
	static const char text[] = "{\"method\":\"a.b.Keep\"}\0{\"method\":\"a.b.Echo\"}";
	unsigned before = c->n_kept;
	int fd = peer_of(c);

	if (fd < 0)
		return false;
	assert_int_equal(send(fd, text, sizeof text, MSG_NOSIGNAL), sizeof text);
	for (int i = 0; i < 20 && c->n_kept == before; i++)
		calls_turn(c);
	close(fd);
	for (int i = 0; i < ROUNDS && open_requests(c) > 0; i++)
		calls_turn(c);
	return c->n_kept > before;
}

/* With bytes behind it, which come back behind the answer. */
static bool calls_for_its_connection(struct calls *c)
{
	static const char text[] = "{\"method\":\"a.b.Become\",\"upgrade\":true}\0bytes";
	int fd = peer_of(c);
	unsigned heard;

	if (fd < 0)
		return false;
	assert_int_equal(send(fd, text, sizeof text, MSG_NOSIGNAL), sizeof text);
	heard = peer_hears(c, fd, 2);
	close(fd);
	for (int i = 0; i < ROUNDS && c->upgraded_closed < c->upgrades; i++)
		calls_turn(c);
	if (c->upgraded_closed != c->upgrades && !world_stays())
		fail_msg("%s: %u upgrades and %u ends", world_where(), c->upgrades,
			 c->upgraded_closed);
	c->upgraded = postern_conn_free(c->upgraded);
	return heard == 2;
}

static bool calls_beyond_the_limit(struct calls *c)
{
	static const char text[] = "{\"method\":\"a.b.Echo\"}";
	int first = peer_of(c), second = peer_of(c);
	bool whole = peer_calls(c, text, sizeof text, 1);

	if (first >= 0)
		close(first);
	if (second >= 0)
		close(second);
	return whole;
}

/* One asks for the statistics, one traces while another calls. */
static bool calls_that_are_watched(struct calls *c)
{
	static const char get[] = "{\"method\":\"io.postern.Statistics.Get\"}";
	static const char messages[] = "{\"method\":\"io.postern.Trace.Messages\",\"more\":true}";
	static const char text[] = "{\"method\":\"a.b.Echo\"}";
	bool whole = peer_calls(c, get, sizeof get, 1);
	int fd = peer_of(c);
	char got[4096];
	unsigned heard = 0;
	ssize_t n;

	if (fd < 0)
		return false;
	assert_int_equal(send(fd, messages, sizeof messages, MSG_NOSIGNAL), sizeof messages);
	for (int i = 0; i < 20 && open_requests(c) == 0; i++)
		calls_turn(c);
	whole = peer_calls(c, text, sizeof text, 1) && whole;
	/* What cannot be told is left out, so nobody may wait for it. */
	for (int i = 0; i < 3; i++)
		calls_turn(c);
	n = recv(fd, got, sizeof got, 0);
	for (ssize_t k = 0; k < n; k++)
		heard += got[k] == '\0';
	whole = whole && heard == 2;
	close(fd);
	for (int i = 0; i < ROUNDS && open_requests(c) > 0; i++)
		calls_turn(c);
	return whole;
}

static bool calls_that_drain(struct calls *c)
{
	static const char text[] = "{\"method\":\"a.b.Keep\"}\0{\"method\":\"a.b.Echo\"}";
	unsigned before = c->n_kept, heard;
	int fd = peer_of(c), r;

	if (fd >= 0)
		assert_int_equal(send(fd, text, sizeof text, MSG_NOSIGNAL), sizeof text);
	for (int i = 0; i < 20 && c->n_kept == before; i++)
		calls_turn(c);
	r = postern_service_drain(c->service, POSTERN_SECONDS(1));
	expect(r);
	if (c->n_kept > before && c->kept[before])
		expect(postern_request_reply_json(c->kept[before], NULL, 0));
	heard = fd >= 0 && r == 0 ? peer_hears(c, fd, 2) : 0;
	if (fd >= 0)
		close(fd);
	for (int i = 0; r == 0 && i < ROUNDS && !c->closed; i++)
		calls_turn(c);
	if (r == 0 && c->closed != 1 && !(world_stays() && c->closed == 0))
		fail_msg("%s: %u final events", world_where(), c->closed);
	return heard == 2;
}

/* ---- the whole ---- */

static int calls_begin(struct calls *c)
{
	const struct postern_server_options server = { .size = sizeof server, .connections = 2 };
	const struct postern_service_options options = { .size = sizeof options,
							 .server = &server,
							 .vendor = "v",
							 .flags = POSTERN_SERVICE_STATISTICS |
								  POSTERN_SERVICE_TRACE };
	int r = postern_loop_new(&c->loop);

	if (r == 0)
		r = postern_service_new(&c->service, c->loop, "calls", &options, &events, c);
	if (r == 0)
		r = postern_service_provide(c->service, &interface, &handler, c);
	expect(r);
	return r;
}

/* A listener of a service manager; the pidfd of this process is asked for. */
static bool calls_to_a_passed_listener(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct postern_loop *loop = NULL;
	struct postern_service *s = NULL;
	char pid[16];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	snprintf(a.sun_path, sizeof a.sun_path, "%s", test_path("passed"));
	unlink(a.sun_path);
	assert_ok(bind(fd, (struct sockaddr *)&a, sizeof a));
	assert_ok(listen(fd, 1));
	snprintf(pid, sizeof pid, "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	/* No inode has it: not ours, unless that cannot be known. */
	setenv("LISTEN_PIDFDID", "0", 1);
	setenv("LISTEN_FDS", "1", 1);
	r = postern_loop_new(&loop);
	expect(r);
	if (r == 0)
		expect(postern_service_new(&s, loop, "fd:varlink", NULL, &events, NULL));
	postern_service_free(s);
	postern_loop_free(loop);
	unsetenv("LISTEN_PID");
	close(fd);
	return r == 0;
}

bool world_calls(void)
{
	struct calls c = { 0 };
	bool whole = false;

	atomic_store(&tag_failed, false);
	if (calls_begin(&c) == 0) {
		whole = calls_of_all_kinds(&c);
		whole = calls_of_one_that_leaves(&c) && whole;
		whole = calls_for_its_connection(&c) && whole;
		whole = calls_beyond_the_limit(&c) && whole;
		whole = calls_that_are_watched(&c) && whole;
		whole = calls_that_drain(&c) && whole;
	}
	for (unsigned i = 0; i < c.n_kept; i++)
		postern_request_free(c.kept[i]);
	postern_service_free(c.service);
	postern_loop_free(c.loop);
	return calls_to_a_passed_listener() && whole;
}
