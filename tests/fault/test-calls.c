/* SPDX-License-Identifier: Apache-2.0 */
/* What a call costs a service, and what it is spared: counted with the system calls of fault.h. */
#include "desk.h"

#include <errno.h>
#include <postern/thread.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "service/service.h"

#define WITH(method, more) "{\"method\":\"org.example.desk." method "\"," more "}"

/* ---- memory and system calls ---- */

static void V1_a_call_in_the_steady_state_allocates_nothing_and_takes_three_system_calls(
	void **state)
{
	static const char call[] = WITH("Typed", "\"parameters\":{\"count\":7,\"zone\":\"UTC\"}");
	enum { WARM = 10, CALLS = 1000 };
	uint64_t kernel, memory;
	struct desk d;
	int fd;

	(void)state;
	fault_reset();
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	for (int i = 0; i < WARM + CALLS; i++) {
		char got[128];

		if (i == WARM)
			fault_count_reset();
		assert_int_equal(write(fd, call, sizeof call), sizeof call);
		while (read(fd, got, sizeof got) < 0)
			assert_true(postern_loop_dispatch(d.loop, POSTERN_SECONDS(1)) >= 0);
		assert_string_equal(got, "{\"parameters\":{\"text\":\"UTC 7\"}}");
	}
	memory = fault_count(FAULT_alloc) + fault_count(FAULT_realloc);
	kernel = fault_count_kernel();
	test_note("%d calls: %u system calls, %u allocations", CALLS, (unsigned)kernel,
		  (unsigned)memory);
	assert_int_equal(memory, 0);
	/* epoll_wait, recv, sendmsg; the idle limit looks from time to time. */
	assert_in_range(kernel, 3 * CALLS, 3 * CALLS + 20);
	close(fd);
	desk_close(&d);
}

static void V22_a_burst_of_64_calls_costs_a_few_system_calls_and_one_block(void **state)
{
	enum { DEPTH = 64, WARM = 10, BURSTS = 100 };
	static const char call[] = WITH("Echo", "\"parameters\":{\"a\":1}");
	static const char answer[] = "{\"parameters\":{\"a\":1}}";
	static char burst[DEPTH * sizeof call], got[DEPTH * sizeof answer];
	struct desk d;
	int fd;

	(void)state;
	fault_reset();
	for (int i = 0; i < DEPTH; i++)
		memcpy(burst + (size_t)i * sizeof call, call, sizeof call);
	desk_open(&d, NULL);
	fd = desk_peer(&d);
	for (int i = 0; i < WARM + BURSTS; i++) {
		if (i == WARM)
			fault_count_reset();
		assert_int_equal(write(fd, burst, sizeof burst), sizeof burst);
		for (size_t n = 0; n < sizeof got;) {
			ssize_t r = read(fd, got + n, sizeof got - n);

			assert_true(r != 0);
			n += r > 0 ? (size_t)r : 0;
			if (r < 0)
				assert_true(postern_loop_dispatch(d.loop, POSTERN_SECONDS(1)) >= 0);
		}
	}
	test_note(
		"%d calls in bursts of %d: %u system calls (%u epoll_wait, %u sendmsg, %u recv), %u allocations",
		BURSTS * DEPTH, DEPTH, (unsigned)fault_count_kernel(),
		(unsigned)fault_count(FAULT_epoll_wait), (unsigned)fault_count(FAULT_sendmsg),
		(unsigned)(fault_count(FAULT_recv) + fault_count(FAULT_recvmsg)),
		(unsigned)(fault_count(FAULT_alloc) + fault_count(FAULT_realloc)));
	/* Four rounds of 16: in each epoll_wait and send, and what wakes a loop that is dispatched once a turn. */
	assert_in_range(fault_count_kernel(), 9 * BURSTS, 16 * BURSTS);
	assert_int_equal(fault_count(FAULT_epoll_ctl), 0);
	/* What is behind a round is kept. */
	assert_in_range(fault_count(FAULT_alloc) + fault_count(FAULT_realloc), 0, BURSTS);
	close(fd);
	desk_close(&d);
}

static void a_kept_request_gives_its_block_back_and_a_crowd_leaves_no_more_than_the_pool(
	void **state)
{
	enum { CROWD = 100 };
	int fds[CROWD];
	struct desk d;

	(void)state;
	fault_reset();
	desk_open(&d, NULL);
	for (int i = 0; i < CROWD; i++) {
		fds[i] = desk_peer(&d);
		desk_say(&d, fds[i], WITH("Keep", "\"parameters\":{}"));
	}
	turn_until(d.loop, d.n_kept == CROWD);
	assert_int_equal(d.service->n_pool, 0);
	for (int i = 0; i < CROWD; i++) {
		assert_ok(postern_request_reply_json(d.kept[i], NULL, 0));
		d.kept[i] = postern_request_free(d.kept[i]);
	}
	assert_int_equal(d.service->n_pool, SERVICE_POOL);
	assert_int_equal(desk_counters(&d).open, 0);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	d.n_kept = 0;
	desk_close(&d);
}

/* ---- V21: user.varlink ---- */

static unsigned tags(void)
{
	return (unsigned)(fault_count(FAULT_fsetxattr) + fault_count(FAULT_lsetxattr));
}

static void V21_sockets_are_marked_where_the_kernel_can(void **state)
{
	struct desk d;
	int fds[3];

	(void)state;
	fault_reset();
	atomic_store(&tag_failed, false);
	fault_count_reset();
	desk_open(&d, NULL);
	assert_int_equal(fault_count(FAULT_fsetxattr), 1);
	assert_int_equal(fault_count(FAULT_lsetxattr), 1);
	for (int i = 0; i < 3; i++) {
		fds[i] = desk_peer(&d);
		desk_say(&d, fds[i], WITH("Echo", "\"parameters\":{}"));
		desk_hears(&d, fds[i], "{}");
	}
	assert_int_equal(fault_count(FAULT_fsetxattr), 4);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	desk_close(&d);
}

static void V21_after_the_first_failure_never_again_in_this_process(void **state)
{
	static const int errors[] = { EOPNOTSUPP, EPERM, EINTR, ENOSPC };
	struct desk d;

	(void)state;
	for (unsigned i = 0; i < sizeof errors / sizeof *errors; i++) {
		fault_reset();
		atomic_store(&tag_failed, false);
		fault_refuse(i % 2 ? FAULT_lsetxattr : FAULT_fsetxattr, errors[i]);
		fault_count_reset();
		for (int again = 0; again < 2; again++) {
			int fd;

			desk_open(&d, NULL);
			fd = desk_peer(&d);
			desk_say(&d, fd, WITH("Echo", "\"parameters\":{}"));
			desk_hears(&d, fd, "{}");
			close(fd);
			assert_int_equal(d.errors, 0);
			desk_close(&d);
		}
		assert_int_equal(tags(), 1 + i % 2);
	}
	fault_reset();
}

/* ---- draining ---- */

/* Each connection is looked at when something has happened there, and not all of them each time. */
static void V14_a_drain_of_many_connections_costs_a_few_system_calls_each(void **state)
{
	enum { MANY = 300, OPEN = 100 };
	static const char call[] = WITH("Keep", "\"parameters\":{}");
	int fds[MANY];
	struct desk d;

	(void)state;
	fault_reset();
	desk_open(&d, NULL);
	for (int i = 0; i < MANY; i++) {
		fds[i] = desk_peer(&d);
		if (i < OPEN)
			assert_int_equal(write(fds[i], call, sizeof call), sizeof call);
		turn(d.loop, 1);
	}
	turn_until(d.loop, d.n_kept == OPEN);
	fault_count_reset();
	assert_ok(postern_service_drain(d.service, POSTERN_SECONDS(30)));
	/* Those that end one after the other. */
	for (int i = 0; i < OPEN; i++) {
		assert_ok(postern_request_reply_json(d.kept[i], NULL, 0));
		turn(d.loop, 1);
	}
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	turn_until(d.loop, d.closed == 1);
	test_note("%d connections: asked %u times whether something has arrived", MANY,
		  (unsigned)fault_count(FAULT_ioctl_inq));
	assert_in_range(fault_count(FAULT_ioctl_inq), MANY, 3 * MANY);
	desk_close(&d);
}

static void an_accept_without_memory_is_reported(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	fault_reset();
	desk_open(&d, NULL);
	/* The last ones first: without memory for the connection itself the server waits. */
	for (unsigned nth = 6; nth > 0 && !strstr(d.text, "no memory for its calls"); nth--) {
		fd = desk_peer(&d);
		fault_arm(&(struct fault){ .call = FAULT_alloc, .nth = nth, .error = ENOMEM });
		turn_for(d.loop, 10);
		fault_disarm();
		close(fd);
		turn_for(d.loop, 5);
	}
	assert_int_equal(d.code, POSTERN_REASON_NO_RESOURCES);
	assert_non_null(strstr(d.text, "no memory for its calls"));
	/* The next one is served. */
	fd = desk_peer(&d);
	desk_say(&d, fd, WITH("Echo", "\"parameters\":{\"a\":1}"));
	desk_hears(&d, fd, "{\"parameters\":{\"a\":1}}");
	close(fd);
	desk_close(&d);
}

/* ---- a handler that never returns ---- */

struct leaver {
	struct postern_service *service;
	struct postern_request *kept;
	bool keeps, upgrades;
	struct postern_conn *conn; /* freed with the loop of its thread */
};

static void leave(const void *handlers, struct postern_request *r, const void *in, void *data)
{
	struct leaver *l = data;

	(void)handlers, (void)in;
	static const struct postern_conn_events events = { .size = sizeof events };

	if (l->keeps)
		l->kept = postern_request_keep(r);
	if (l->upgrades)
		assert_ok(postern_request_upgrade_json(&l->conn, r, NULL, 0, &events, NULL));
	pthread_exit(NULL);
}

static int leaver_begins(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	static const struct postern_service_events events = { .size = sizeof events };
	static void (*const handler)(const void *, struct postern_request *, const void *, void *) =
		leave;
	static const struct postern_method method = { .name = "a.b.Leave",
						      .flags = POSTERN_METHOD_MAY_UPGRADE,
						      .handle = leave };
	static const struct postern_method *const methods[] = { &method };
	static const struct postern_interface interface = {
		.version = POSTERN_INTERFACE_VERSION,
		.n_methods = 1,
		.name = "a.b",
		.description = "interface a.b\n",
		.methods = methods,
	};
	struct leaver *l = data;
	int r = postern_service_new(&l->service, loop, "leaver", NULL, &events, l);

	(void)t;
	return r < 0 ? r : postern_service_provide(l->service, &interface, &handler, l);
}

static void a_handler_that_calls_pthread_exit_leaves_nothing_but_what_was_kept(void **state)
{
	(void)state;
	fault_reset();
	for (int i = 0; i < 4; i++) {
		static const char call[] = "{\"method\":\"a.b.Leave\"}",
				  upgrade[] = "{\"method\":\"a.b.Leave\",\"upgrade\":true}";
		struct leaver l = { .keeps = i & 1, .upgrades = i & 2 };
		const char *text = l.upgrades ? upgrade : call;
		size_t n = l.upgrades ? sizeof upgrade : sizeof call;
		struct postern_thread *t = NULL;
		int64_t before = fault_memory();
		char got;
		int fd;

		assert_ok(postern_thread_start(&t, NULL, leaver_begins, &l));
		fd = plain_connect(test_path("leaver/sock"));
		assert_true(fd >= 0);
		assert_int_equal(write(fd, text, n), n);
		while (read(fd, &got, 1) > 0)
			;
		assert_ok(postern_thread_join(t, test_patience_ns()));
		assert_int_equal(!!l.kept, l.keeps);
		assert_int_equal(!!l.conn, l.upgrades);
		if (l.kept) {
			assert_null(postern_request_service(l.kept));
			assert_errno(postern_request_reply_json(l.kept, NULL, 0), -ESTALE);
			postern_request_free(l.kept);
		}
		postern_thread_free(t);
		assert_int_equal(fault_memory(), before);
		close(fd);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V1_a_call_in_the_steady_state_allocates_nothing_and_takes_three_system_calls),
		TEST(V22_a_burst_of_64_calls_costs_a_few_system_calls_and_one_block),
		TEST(a_kept_request_gives_its_block_back_and_a_crowd_leaves_no_more_than_the_pool),
		TEST(V14_a_drain_of_many_connections_costs_a_few_system_calls_each),
		TEST(an_accept_without_memory_is_reported),
		TEST(a_handler_that_calls_pthread_exit_leaves_nothing_but_what_was_kept),
		TEST(V21_sockets_are_marked_where_the_kernel_can),
		TEST(V21_after_the_first_failure_never_again_in_this_process),
	};
	return test_run(tests);
}
