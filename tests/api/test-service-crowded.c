/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-service-crowded.c - how many descriptors the peers of one user may bring, ask for and leave unread
 *
 * A service has 32 of them for a user here, and so 16 for the answers of one connection.
 */
#include "passed.h"

#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include <postern/conn.h>

#define CALL(method)          "{\"method\":\"org.example.vault." method "\"}"
#define CALL_MORE(method)     "{\"method\":\"org.example.vault." method "\",\"more\":true}"
#define CALL_WITH(method, in) "{\"method\":\"org.example.vault." method "\",\"parameters\":" in "}"
#define BUSY                  "{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":500}}"
#define GOT                   "{\"parameters\":{\"fileDescriptor\":0}}"

enum { FDS = 32, OF_ONE = FDS / 4 < POSTERN_FDS_MAX ? POSTERN_FDS_MAX : FDS / 4 };

static struct postern_server_counters counted(const struct vault *v)
{
	struct postern_server_counters k;

	assert_ok(postern_server_get_counters(postern_service_server(v->service), &k, sizeof k));
	return k;
}

static int peer_of(const struct vault *v)
{
	int fd = plain_connect(vault_path(v));

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* The next message, "" at the end; the descriptors that come with it are counted and closed. */
static char got[4096];

static const char *next(struct vault *v, int fd, size_t *ret_fds)
{
	int64_t until = test_now_ns() + test_patience_ns();
	size_t n = 0;

	*ret_fds = 0;
	while (test_now_ns() < until) {
		int fds[POSTERN_FDS_MAX];
		size_t k;
		ssize_t r = pass_receive(fd, got + n, 1, fds, &k);

		for (size_t i = 0; i < k; i++)
			close(fds[i]);
		*ret_fds += k;
		if (r == 0 || (r < 0 && errno == ECONNRESET))
			return "";
		if (r < 0)
			turn(v->loop, 1);
		else if (got[n++] == '\0')
			return got;
	}
	fail_msg("nothing comes");
	return "";
}

static void hears(struct vault *v, int fd, const char *text, size_t fds)
{
	size_t came;

	assert_string_equal(next(v, fd, &came), text);
	assert_int_equal(came, fds);
}

/* ---- what a service sends ---- */

/* Answers with a descriptor, until it is told to wait. */
static unsigned streamed, drains, each = 1;

static void stream_on(struct postern_request *r)
{
	int error;

	do {
		int index = 0;

		for (unsigned i = 0; i < each && index >= 0; i++) {
			index = postern_request_push_fd(r, passed_new(streamed));
			assert_true(index == (int)i || index == -EAGAIN);
		}
		error = index < 0 ? index : postern_request_continue_json(r, "{}", 2);
		assert_true(error == 0 || error == -EAGAIN);
		streamed += error == 0;
	} while (error == 0 && streamed < 1000);
}

static void on_drained(struct postern_request *r, void *data)
{
	(void)data;
	drains++;
	stream_on(r);
}

static void stream(struct vault *v, int method, struct postern_request *r)
{
	static const struct postern_request_events events = { .size = sizeof events,
							      .drained = on_drained };

	(void)method;
	v->kept[v->n_kept++] = postern_request_keep(r);
	assert_ok(postern_request_set_events(r, &events, NULL));
	stream_on(r);
}

static vault_fn *const streams[VAULT_METHODS] = { vault_handle, vault_handle, vault_handle,
						  vault_handle, stream,       vault_handle };

static void V12_a_stream_of_descriptors_waits_for_a_peer_that_does_not_read(void **state)
{
	struct vault v;
	int fd, before;

	(void)state;
	streamed = drains = 0;
	vault_offer_limited(&v, streams, FDS);
	fd = peer_of(&v);
	turn_quiet(v.loop);
	before = test_fd_count();
	pass_text(fd, CALL_MORE("Many"), -1, 0);
	turn_until(v.loop, v.n_kept == 1);
	for (int i = 0; i < 20; i++)
		turn(v.loop, 1);
	assert_int_equal(streamed, OF_ONE);
	/* They are in the kernel. */
	assert_int_equal(test_fd_count(), before);
	assert_int_equal(counted(&v).descriptors, OF_ONE);
	/* As far as it reads, others come. */
	for (unsigned i = 0; i < 100; i++) {
		hears(&v, fd, "{\"continues\":true}", 1);
		assert_in_range(streamed, i + 1, i + 1 + 2 * OF_ONE);
	}
	assert_true(drains > 0);
	close(fd);
	turn_quiet(v.loop);
	vault_close(&v);
}

/* What is left has room for one: who needs three waits, and does not try in each turn. */
static void V12_an_answer_with_several_waits_until_there_is_room_for_all(void **state)
{
	struct vault v;
	int hoarder, fd;

	(void)state;
	streamed = drains = 0;
	vault_offer_limited(&v, streams, FDS);
	hoarder = peer_of(&v);
	fd = peer_of(&v);
	pass_text(hoarder, CALL_MORE("Many"), -1, 0);
	turn_until(v.loop, streamed == OF_ONE);
	each = 3;
	pass_text(fd, CALL_MORE("Many"), -1, 0);
	turn_until(v.loop, v.n_kept == 2);
	assert_int_equal(streamed, OF_ONE + 5);
	assert_int_equal(counted(&v).descriptors, OF_ONE + 15);
	drains = 0;
	for (int i = 0; i < 200; i++)
		turn(v.loop, 0);
	assert_int_equal(drains, 0);
	for (unsigned i = 0; i < 40; i++)
		hears(&v, fd, "{\"continues\":true}", 3);
	assert_true(drains > 0);
	each = 1;
	close(hoarder);
	close(fd);
	turn_quiet(v.loop);
	vault_close(&v);
}

/* The next call is held back, and no honest caller is told Busy because it has asked for much. */
static void V12_calls_that_are_sent_ahead_wait_until_the_answers_were_read(void **state)
{
	struct vault v;
	int fd;

	(void)state;
	vault_offer_limited(&v, vault_handlers, FDS);
	fd = peer_of(&v);
	for (int i = 0; i < 100; i++)
		pass_text(fd, CALL("Get"), -1, 0);
	for (int i = 0; i < 20; i++)
		turn(v.loop, 1);
	assert_int_equal(v.calls[VAULT_GET], OF_ONE);
	assert_int_equal(counted(&v).descriptors, OF_ONE);
	for (int i = 0; i < 100; i++)
		hears(&v, fd, GOT, 1);
	assert_int_equal(counted(&v).descriptors_refused, 0);
	close(fd);
	vault_close(&v);
}

/* A handler that gives up when there is no room for what it would return leaves the answer to the library. */
static void get_or_leave(struct vault *v, int method, struct postern_request *r)
{
	int index = postern_request_push_fd(r, passed_new(1));

	v->calls[method]++;
	if (index == 0)
		assert_ok(postern_request_reply_json(r, "{\"fileDescriptor\":0}", 20));
	else
		assert_errno(index, -EAGAIN);
}

static vault_fn *const leaves[VAULT_METHODS] = { vault_handle, get_or_leave, vault_handle,
						 vault_handle, vault_handle, vault_handle };

static void V12_what_a_user_has_not_read_is_bounded_over_its_connections(void **state)
{
	enum { MANY = 10 };
	struct vault v;
	int fds[MANY], fd, before;

	(void)state;
	vault_offer_limited(&v, leaves, FDS);
	turn_quiet(v.loop);
	before = test_fd_count();
	for (int i = 0; i < MANY; i++) {
		fds[i] = peer_of(&v);
		for (int k = 0; k < 20; k++)
			pass_text(fds[i], CALL("Get"), -1, 0);
		turn_quiet(v.loop);
	}
	assert_int_equal(counted(&v).descriptors, FDS);
	assert_true(counted(&v).descriptors_refused > 0);
	assert_int_equal(test_fd_count(), before + 2 * MANY);
	/* Others of this user are answered, without descriptors. */
	fd = peer_of(&v);
	pass_text(fd, CALL("Plain"), -1, 0);
	hears(&v, fd, "{}", 0);
	pass_text(fd, CALL("Get"), -1, 0);
	hears(&v, fd, BUSY, 0);
	/* Those that hold the others up read, or leave, and nobody tells the service. */
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	pass_text(fd, CALL("Get"), -1, 0);
	hears(&v, fd, GOT, 1);
	close(fd);
	vault_close(&v);
}

static void V12_a_reader_frees_what_it_has_read_without_leaving(void **state)
{
	struct vault v;
	int a, b;

	(void)state;
	vault_offer_limited(&v, leaves, OF_ONE);
	a = peer_of(&v);
	b = peer_of(&v);
	for (int k = 0; k < OF_ONE; k++)
		pass_text(a, CALL("Get"), -1, 0);
	turn_quiet(v.loop);
	pass_text(b, CALL("Get"), -1, 0);
	hears(&v, b, BUSY, 0);
	/* One of them: what SIOCOUTQ says allows for more than one to be unread. */
	for (int k = 0; k < OF_ONE; k++)
		hears(&v, a, GOT, 1);
	pass_text(b, CALL("Get"), -1, 0);
	hears(&v, b, GOT, 1);
	close(a);
	close(b);
	vault_close(&v);
}

/* The kernel keeps them for the peer when we close, and counts them as this user's. */
static void V12_what_was_not_read_stays_charged_when_the_connection_ends(void **state)
{
	enum { MANY = 8 };
	struct vault v;
	int fds[MANY], fd, before;

	(void)state;
	vault_offer_limited(&v, leaves, FDS);
	turn_quiet(v.loop);
	before = test_fd_count();
	for (int i = 0; i < MANY; i++) {
		fds[i] = peer_of(&v);
		for (int k = 0; k < 8; k++)
			pass_text(fds[i], CALL("Get"), -1, 0);
		turn_quiet(v.loop);
		assert_ok(shutdown(fds[i], SHUT_WR));
		turn_quiet(v.loop);
		assert_int_equal(counted(&v).connections, 0);
	}
	/* Each has left a socket, which is one more. */
	assert_in_range(counted(&v).descriptors, FDS - 8, FDS + MANY);
	assert_int_equal(test_fd_count(), before + MANY + 4);
	fd = peer_of(&v);
	for (int k = 0; k < 8; k++)
		pass_text(fd, CALL("Get"), -1, 0);
	turn_quiet(v.loop);
	for (int k = 0; k < 8; k++)
		(void)next(&v, fd, &(size_t){ 0 });
	/* One reads to the end, and the others leave. */
	for (int k = 0; k < 8; k++)
		hears(&v, fds[0], GOT, 1);
	hears(&v, fds[0], "", 0);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	turn_quiet(v.loop);
	assert_int_equal(counted(&v).descriptors, 0);
	assert_int_equal(test_fd_count(), before + 2);
	pass_text(fd, CALL("Get"), -1, 0);
	hears(&v, fd, GOT, 1);
	close(fd);
	vault_close(&v);
}

static void freed_with_unread(bool loop_first)
{
	struct vault v;
	int fds[2];

	vault_offer_limited(&v, leaves, FDS);
	for (int i = 0; i < 2; i++) {
		fds[i] = peer_of(&v);
		for (int k = 0; k < 4; k++)
			pass_text(fds[i], CALL("Get"), -1, 0);
		turn_quiet(v.loop);
	}
	assert_ok(shutdown(fds[0], SHUT_WR));
	turn_quiet(v.loop);
	if (loop_first)
		v.loop = postern_loop_free(v.loop);
	v.service = postern_service_free(v.service);
	close(fds[0]);
	close(fds[1]);
	v.loop = postern_loop_free(v.loop);
}

/* The count of descriptors says so, in test_run(). */
static void V12_a_service_that_is_freed_leaves_nothing_of_those_that_did_not_read(void **state)
{
	(void)state;
	freed_with_unread(false);
	freed_with_unread(true);
}

/* ---- what its peers send ---- */

/* With the beginning of a call, which is never whole. */
static void V12_what_a_user_passes_is_bounded_over_its_connections(void **state)
{
	static const char call[] = CALL("Put");
	enum { MANY = 8 };
	struct vault v;
	int fds[MANY], fd, one = passed_new(1), before;

	(void)state;
	vault_offer_limited(&v, vault_handlers, FDS);
	turn_quiet(v.loop);
	before = test_fd_count();
	for (int i = 0; i < MANY; i++) {
		int some[POSTERN_FDS_MAX];

		for (int k = 0; k < POSTERN_FDS_MAX; k++)
			some[k] = one;
		fds[i] = peer_of(&v);
		assert_int_equal(pass_some(fds[i], CALL("Put"), 9, some, POSTERN_FDS_MAX), 9);
		turn_quiet(v.loop);
	}
	assert_int_equal(test_fd_count(), before + 2 * MANY + FDS);
	assert_int_equal(counted(&v).descriptors, FDS);
	assert_int_equal(counted(&v).descriptors_refused, MANY * POSTERN_FDS_MAX - FDS);
	/* Each message has an answer, and each connection goes on. */
	fd = peer_of(&v);
	pass_text(fd, CALL("Put"), one, 1);
	hears(&v, fd, BUSY, 0);
	pass_text(fd, CALL("Plain"), -1, 0);
	hears(&v, fd, "{}", 0);
	assert_int_equal(pass_some(fds[MANY - 1], &call[9], sizeof call - 9, NULL, 0),
			 sizeof call - 9);
	hears(&v, fds[MANY - 1], BUSY, 0);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	turn_quiet(v.loop);
	assert_int_equal(counted(&v).descriptors, 0);
	pass_text(fd, CALL("Put"), one, POSTERN_FDS_MAX);
	hears(&v, fd, "{\"parameters\":{\"n\":16}}", 0);
	close(one);
	close(fd);
	vault_close(&v);
}

static void *free_there(void *r)
{
	postern_request_free(r);
	return NULL;
}

static void V12_open_requests_hold_theirs_until_they_are_taken_or_freed(void **state)
{
	struct vault v;
	int fds[4], one = passed_new(1), taken;
	pthread_t thread;

	(void)state;
	vault_offer_limited(&v, vault_handlers, FDS);
	for (int i = 0; i < 4; i++) {
		fds[i] = peer_of(&v);
		pass_text(fds[i], CALL("Keep"), one, POSTERN_FDS_MAX);
		turn_quiet(v.loop);
	}
	assert_int_equal(v.n_kept, 2);
	assert_int_equal(counted(&v).descriptors, FDS);
	hears(&v, fds[2], BUSY, 0);
	hears(&v, fds[3], BUSY, 0);
	/* What is taken is the program's. */
	for (int i = 0; i < POSTERN_FDS_MAX; i++) {
		taken = postern_request_take_fd(v.kept[0], i);
		passed_is(taken, 1);
	}
	assert_int_equal(counted(&v).descriptors, FDS - POSTERN_FDS_MAX);
	pass_text(fds[2], CALL("Keep"), one, POSTERN_FDS_MAX);
	turn_until(v.loop, v.n_kept == 3);
	v.kept[0] = postern_request_free(v.kept[0]);
	/* The peer leaves: the request still has them. And the service: they are its own, on whatever thread. */
	close(fds[1]);
	turn_quiet(v.loop);
	assert_int_equal(counted(&v).descriptors, FDS);
	v.service = postern_service_free(v.service);
	for (int i = 1; i < 3; i++) {
		assert_int_equal(pthread_create(&thread, NULL, free_there, v.kept[i]), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	v.n_kept = 0;
	close(fds[0]);
	close(fds[2]);
	close(fds[3]);
	close(one);
	vault_close(&v);
}

/* ---- this process, and others ---- */

static void V12_descriptors_that_this_process_has_no_numbers_for_are_answered_with_busy(
	void **state)
{
	struct rlimit limit, before;
	struct vault v;
	int fd, one = passed_new(1), full[4096], n = 0;

	(void)state;
	vault_offer_limited(&v, vault_handlers, 0);
	fd = peer_of(&v);
	turn_quiet(v.loop);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = 256;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (n < 4096 && (full[n] = dup(one)) >= 0)
		n++;
	assert_int_equal(errno, EMFILE);
	/* Room for two of three, then for none. */
	close(full[--n]);
	close(full[--n]);
	pass_text(fd, CALL("Put"), one, 3);
	hears(&v, fd, BUSY, 0);
	full[n++] = dup(one);
	full[n++] = dup(one);
	pass_text(fd, CALL("Put"), one, 3);
	hears(&v, fd, BUSY, 0);
	turn_quiet(v.loop);
	while (n > 0)
		close(full[--n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(v.calls[VAULT_PUT], 0);
	/* Once. */
	assert_int_equal(v.errors, 1);
	assert_int_equal(v.code, POSTERN_REASON_NO_RESOURCES);
	assert_non_null(strstr(v.text, "too many are open in this process"));
	pass_text(fd, CALL("Put"), one, 3);
	hears(&v, fd, "{\"parameters\":{\"n\":3}}", 0);
	close(one);
	close(fd);
	vault_close(&v);
}

static void V12_connections_leave_room_for_descriptors_by_default(void **state)
{
	const struct postern_server_options server = { .size = sizeof server, .connections = 200 };
	const struct postern_service_options options = { .size = sizeof options,
							 .server = &server };
	struct rlimit limit, before;
	int fds[256], n = 0;
	struct vault v;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = 256;
	/* Of 256: 64 for descriptors, 32 for the program, the rest for connections, and for 16 that are told Busy. An eighth of
	   them stays for other users. */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	vault_offer(&v, vault_handlers);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < 200; i++) {
		fds[n++] = peer_of(&v);
		turn_quiet(v.loop);
	}
	assert_int_equal(counted(&v).connections, (256 - 64 - 32) - (256 - 64 - 32) / 8);
	for (int i = 0; i < n; i++)
		close(fds[i]);
	vault_close(&v);
	/* What was asked for stays. */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	memset(&v, 0, sizeof v);
	assert_ok(postern_loop_new(&v.loop));
	assert_ok(postern_service_new(&v.service, v.loop, "vault", &options, &vault_events, &v));
	assert_ok(postern_service_provide(v.service, &vault_interface, vault_handlers, &v));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (n = 0; n < 190; n++) {
		fds[n] = peer_of(&v);
		turn_quiet(v.loop);
	}
	assert_int_equal(counted(&v).connections, 190);
	while (n > 0)
		close(fds[--n]);
	vault_close(&v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V12_a_stream_of_descriptors_waits_for_a_peer_that_does_not_read),
		TEST(V12_an_answer_with_several_waits_until_there_is_room_for_all),
		TEST(V12_calls_that_are_sent_ahead_wait_until_the_answers_were_read),
		TEST(V12_what_a_user_has_not_read_is_bounded_over_its_connections),
		TEST(V12_a_reader_frees_what_it_has_read_without_leaving),
		TEST(V12_what_was_not_read_stays_charged_when_the_connection_ends),
		TEST(V12_a_service_that_is_freed_leaves_nothing_of_those_that_did_not_read),
		TEST(V12_what_a_user_passes_is_bounded_over_its_connections),
		TEST(V12_open_requests_hold_theirs_until_they_are_taken_or_freed),
		TEST(V12_descriptors_that_this_process_has_no_numbers_for_are_answered_with_busy),
		TEST(V12_connections_leave_room_for_descriptors_by_default),
	};
	return test_run(tests);
}
