/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault-callers.c - the scenario of callers, for test-fault.c
 *
 * The service is a plain socket, which notes the calls that it gets whole. Whatever fails, each call ends once, at its
 * deadline at the latest, and what it is told is true: one that was not sent was never got, and one that was answered was.
 */
#include "fault-world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <postern/caller.h>
#include <postern/client.h>
#include <postern/loop.h>

#include "fault.h"
#include "service/tag.h"
#include "test.h"

enum { CALLS = 9, CONNS = 16, LARGE = 20 * 1024, ROUNDS = 400 };

/* What the service does with a call; it is the method's name. */
enum { TYPED, FAILS, STREAM, ONEWAY, BIG, BUSY, WRONG, UPGRADE, NEVER };
static const char *const names[CALLS] = {
	"a.b.Typed", "a.b.Fails", "a.b.Stream",  "a.b.Oneway", "a.b.Big",
	"a.b.Busy",  "a.b.Wrong", "a.b.Upgrade", "a.b.Never",
};

struct peer {
	int fd; /* -1: free */
	size_t n;
	char got[LARGE + 256];
};

/* One call, and how it ended. */
struct callers;
struct one {
	struct callers *callers;
	int i, last;
	unsigned ends;
};

struct callers {
	struct postern_loop *loop;
	struct postern_caller *c;
	int listener;
	struct peer peers[CONNS];
	struct one ones[CALLS];
	unsigned got[CALLS]; /* by the service, whole */
	struct postern_conn *upgraded;
	unsigned bytes, closed; /* of that one */
};

struct name_value {
	const char *name;
};
static const struct postern_type string = { .kind = POSTERN_TYPE_STRING, .size = sizeof(char *) };
static const struct postern_field name_fields[] = { { "name", &string, 0, 0 } };
static const struct postern_type name_type = { .kind = POSTERN_TYPE_STRUCT,
					       .size = sizeof(struct name_value),
					       .n = 1,
					       .fields = name_fields };
static const struct postern_error error_type = { .name = "a.b.Error", .type = &name_type };

static void expect(int error)
{
	/* What WRONG is told. */
	if (error < 0 && error != -EBADMSG && !world_is_expected(error))
		fail_msg("%s: told -%s", world_where(), strerrorname_np(-error));
}

/* ---- the service ---- */

static void says(const struct peer *p, const char *text)
{
	size_t n = strlen(text) + 1, sent = 0;

	while (sent < n) {
		ssize_t r = send(p->fd, text + sent, n - sent, MSG_NOSIGNAL);

		if (r < 0 && errno != EINTR)
			break;
		sent += r > 0 ? (size_t)r : 0;
	}
	/* That it has hung up will be seen when it is read. */
	if (sent < n && errno != EPIPE && errno != ECONNRESET)
		fail_msg("%s: send: %s", world_where(), strerror(errno));
}

static void serves(struct callers *w, struct peer *p)
{
	int i = 0;

	while (i < CALLS && !strstr(p->got, names[i]))
		i++;
	if (i == CALLS) {
		fail_msg("%s: the service got %s", world_where(), p->got);
		return;
	}
	w->got[i]++;
	if (i == TYPED)
		says(p, "{\"parameters\":{\"name\":\"x\"}}");
	else if (i == FAILS)
		says(p, "{\"error\":\"a.b.Error\",\"parameters\":{\"name\":\"x\"}}");
	else if (i == STREAM)
		says(p, "{\"continues\":true}"), says(p, "{}");
	else if (i == BUSY && w->got[i] == 1)
		says(p, "{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":5}}");
	else if (i == BIG || i == BUSY)
		says(p, "{}");
	else if (i == WRONG)
		says(p, "[]");
	else if (i == UPGRADE)
		says(p, "{}"), says(p, "byte");
}

/* What has come whole; a part of the next one stays. */
static void serves_all(struct callers *w, struct peer *p)
{
	char *end;

	while ((end = memchr(p->got, '\0', p->n))) {
		serves(w, p);
		p->n -= (size_t)(end + 1 - p->got);
		memmove(p->got, end + 1, p->n);
	}
}

static void hears(struct callers *w, struct peer *p)
{
	while (p->fd >= 0) {
		ssize_t r = recv(p->fd, p->got + p->n, sizeof p->got - p->n, MSG_DONTWAIT);

		if (r < 0 && errno == EAGAIN)
			return;
		if (r > 0) {
			p->n += (size_t)r;
			serves_all(w, p);
		} else {
			close(p->fd);
			p->fd = -1;
		}
	}
}

static void service_turns(struct callers *w)
{
	int fd;

	/* postern-review: ignore E7 there are descriptors enough here */
	while ((fd = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct peer *p = w->peers;

		while (p->fd >= 0)
			p++;
		assert_true(p < w->peers + CONNS);
		*p = (struct peer){ .fd = fd };
	}
	for (int i = 0; i < CONNS; i++)
		hears(w, &w->peers[i]);
}

/* The service, then the callers. */
static void callers_turn(struct callers *w)
{
	int r;

	service_turns(w);
	r = postern_loop_dispatch(w->loop, POSTERN_MS(20));
	if (r >= 0)
		return;
	expect(r);
	fault_clock_advance(POSTERN_MS(20));
}

/* ---- the calls ---- */

static size_t on_bytes(struct postern_conn *conn, const void *bytes, size_t n, void *data)
{
	(void)conn, (void)bytes;
	((struct callers *)data)->bytes += (unsigned)n;
	return n;
}

static void on_end(struct postern_conn *conn, const struct postern_reason *why, void *data)
{
	(void)conn;
	expect(why->error);
	((struct callers *)data)->closed++;
}

static const struct postern_conn_events upgraded_events = { .size = sizeof upgraded_events,
							    .received = on_bytes,
							    .closed = on_end };

static void on_answer(struct postern_call *call, const struct postern_answer *answer, void *data)
{
	struct one *one = data;
	struct name_value error;

	if (one->ends)
		fail_msg("%s: %s is told after its end", world_where(), names[one->i]);
	one->last = answer->end;
	one->ends += answer->end != POSTERN_END_CONTINUES;
	if (answer->why)
		expect(answer->why->error);
	if (answer->end == POSTERN_END_ANSWERED && one->i == UPGRADE)
		expect(postern_call_upgrade(&one->callers->upgraded, call, &upgraded_events,
					    one->callers));
	if (answer->end == POSTERN_END_FAILED && one->i == FAILS) {
		int r = postern_answer_is(answer, &error_type, &error);

		expect(r);
		if (r == 1)
			assert_string_equal(error.name, "x");
	}
}

static void on_value(void (*fn)(void), struct postern_call *call,
		     const struct postern_answer *answer, const void *value, void *data)
{
	if (answer->end == POSTERN_END_ANSWERED)
		assert_string_equal(((const struct name_value *)value)->name, "x");
	((postern_answer_fn *)fn)(call, answer, data);
}

static void one_call(struct callers *w, int i)
{
	static const struct name_value in = { "n" };
	static char large[LARGE];
	static const struct postern_method typed = {
		.name = "a.b.Typed", .in = &name_type, .out = &name_type, .deliver = on_value
	};
	struct postern_json json = { "{}", 2 };
	unsigned flags = i == STREAM    ? POSTERN_CALL_MORE
			 : i == ONEWAY  ? POSTERN_CALL_ONEWAY
			 : i == UPGRADE ? POSTERN_CALL_UPGRADE
					: 0;
	int r;

	if (i == BIG) {
		memset(large, 'x', LARGE);
		memcpy(large, "{\"x\":\"", 6);
		memcpy(large + LARGE - 2, "\"}", 2);
		json = (struct postern_json){ large, LARGE };
	}
	w->ones[i] = (struct one){ .callers = w, .i = i };
	if (i == TYPED)
		r = postern_caller_call(NULL, w->c, &typed, &in, NULL, flags, POSTERN_SECONDS(2),
					POSTERN_FN(on_answer), &w->ones[i]);
	else
		r = postern_caller_call_json(NULL, w->c, names[i], json.text, json.n, NULL, flags,
					     POSTERN_SECONDS(2), on_answer, &w->ones[i]);
	expect(r);
	if (r < 0)
		w->ones[i] = (struct one){ .i = i, .ends = 1, .last = POSTERN_END_NOT_SENT };
}

/* What a call was told is true. */
static void one_is_true(const struct callers *w, int i)
{
	const struct one *one = &w->ones[i];
	bool got = w->got[i] > 0,
	     answered = one->last == POSTERN_END_ANSWERED || one->last == POSTERN_END_FAILED;

	if (one->ends != 1)
		fail_msg("%s: %s has %u ends", world_where(), names[i], one->ends);
	if ((one->last == POSTERN_END_NOT_SENT && got) || (answered && !got))
		fail_msg("%s: %s ended in %d, and the service got it %u times", world_where(),
			 names[i], one->last, w->got[i]);
	if (i != BUSY && w->got[i] > 1)
		fail_msg("%s: %s was sent %u times", world_where(), names[i], w->got[i]);
}

static bool all_have_ended(const struct callers *w)
{
	for (int i = 0; i < CALLS; i++)
		if (!w->ones[i].ends)
			return false;
	return true;
}

/* The first two are in flight together, the others one by one. */
static bool calls_without_waiting(struct callers *w)
{
	static const int usual[CALLS] = {
		[TYPED] = POSTERN_END_ANSWERED,  [FAILS] = POSTERN_END_FAILED,
		[STREAM] = POSTERN_END_ANSWERED, [ONEWAY] = POSTERN_END_SENT,
		[BIG] = POSTERN_END_ANSWERED,    [BUSY] = POSTERN_END_ANSWERED,
		[WRONG] = POSTERN_END_NO_ANSWER, [UPGRADE] = POSTERN_END_ANSWERED,
		[NEVER] = POSTERN_END_TIMEOUT,
	};
	bool whole = true;

	for (int i = 0; i < CALLS; i++) {
		one_call(w, i);
		for (int k = 0; k < ROUNDS && i > 0 && !w->ones[i].ends; k++)
			callers_turn(w);
	}
	for (int k = 0; k < ROUNDS && !all_have_ended(w); k++)
		callers_turn(w);
	/* A loop that cannot wait, and so has no time, ends none: the caller's end does. */
	if (!all_have_ended(w) && !world_stays())
		fail_msg("%s: a call never ends", world_where());
	w->c = postern_caller_free(w->c);
	callers_turn(w);
	/* It is nobody's but the program's. */
	whole = whole && w->upgraded && w->bytes == 5;
	if (w->upgraded && w->bytes < 5 && !w->closed && !world_stays())
		fail_msg("%s: of 5 bytes %u came", world_where(), w->bytes);
	w->upgraded = postern_conn_free(w->upgraded);
	for (int i = 0; i < CALLS; i++) {
		one_is_true(w, i);
		whole = whole && w->ones[i].last == usual[i];
	}
	return whole;
}

/* Whenever a waiting call waits. */
static struct callers *served;

static void serve_meanwhile(void)
{
	service_turns(served);
	fault_before(FAULT_epoll_wait, 1, serve_meanwhile);
}

/* A client of its connection, with what was glued behind the answer. */
static bool calls_and_waits_for_its_connection(struct callers *w)
{
	struct postern_client *client = NULL;
	char got[5] = "";
	int r;

	served = w;
	fault_before(FAULT_epoll_wait, 1, serve_meanwhile);
	r = postern_caller_upgrade_json(&client, w->c, names[UPGRADE], NULL, 0, NULL, NULL,
					POSTERN_MS(50));
	if (r != -ENOTCONN && r != -ECONNRESET)
		expect(r);
	if (r == 0) {
		r = postern_client_read_exactly(client, got, sizeof got, POSTERN_MS(50));
		if (r != -ENODATA)
			expect(r);
	}
	fault_before(FAULT_epoll_wait, 0, NULL);
	postern_client_free(client);
	return r == 0 && memcmp(got, "byte", sizeof got) == 0;
}

/* Nobody answers it: its own loop, and its deadline. */
static bool calls_that_wait(struct callers *w)
{
	uid_t uids[] = { geteuid() };
	const struct postern_connect_options connect = { .size = sizeof connect,
							 .server_uids = uids,
							 .n_server_uids = 1 };
	const struct postern_caller_options o = { .size = sizeof o, .connect = &connect };
	int r = postern_caller_new(&w->c, NULL, "unix:sock", &o);
	bool upgraded;

	expect(r);
	if (r < 0)
		return false;
	r = postern_caller_wait_json(w->c, names[NEVER], NULL, 0, NULL, NULL, 0, POSTERN_MS(50));
	if (r != -ENOTCONN && r != -ECONNRESET)
		expect(r);
	upgraded = calls_and_waits_for_its_connection(w);
	w->c = postern_caller_free(w->c);
	return r == -ETIMEDOUT && upgraded;
}

/* ---- the whole ---- */

static int listen_at(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 16) < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return fd;
}

static void callers_end(struct callers *w)
{
	postern_caller_free(w->c);
	postern_loop_free(w->loop);
	for (int i = 0; i < CONNS; i++)
		if (w->peers[i].fd >= 0)
			close(w->peers[i].fd);
	close(w->listener);
}

bool world_callers(void)
{
	/* A name as short as that, relative to where the test is. */
	static struct callers w;
	char *before = getcwd(NULL, 0);
	bool whole = false;
	int r;

	assert_non_null(before);
	atomic_store(&tag_failed, false);
	w = (struct callers){ .listener = listen_at(test_path("sock")) };
	for (int i = 0; i < CONNS; i++)
		w.peers[i].fd = -1;
	assert_int_equal(chdir(test_dir()), 0);
	r = postern_loop_new(&w.loop);
	if (r == 0)
		r = postern_caller_new(&w.c, w.loop, "./sock", NULL);
	expect(r);
	if (r == 0)
		whole = calls_without_waiting(&w);
	if (world_has_time())
		whole = calls_that_wait(&w) && whole;
	callers_end(&w);
	assert_int_equal(chdir(before), 0);
	free(before);
	return whole;
}
