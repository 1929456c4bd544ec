/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many clients at once, and more clients than descriptors.
 *
 * A server and its clients are two processes with one loop each. They tell each other how far they are in
 * memory that both see, so that nothing but the connections under test goes through sockets.
 *
 * Memory is counted where the library takes it: sys_alloc() and its two companions are defined here, so the
 * linker does not ask the library for its own.
 */
#include <postern.h>
#include <postern/conn.h>
#include <postern/loop.h>
#include <postern/server.h>

#include "sys/sys.h"
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define CLIENTS  5000
#define MESSAGES 5
#define SIZE     200u

/* ---- memory ---- */

struct counted {
	size_t n;
	size_t align;
	char bytes[];
};

static size_t counted_bytes;

void *sys_alloc(size_t n)
{
	struct counted *b = calloc(1, sizeof *b + n);

	if (!b)
		return NULL;
	b->n = n;
	counted_bytes += n;
	return b->bytes;
}

static struct counted *counted_of(void *p)
{
	return (struct counted *)(void *)((char *)p - offsetof(struct counted, bytes));
}

void *sys_realloc(void *p, size_t n)
{
	struct counted *b = p ? counted_of(p) : NULL;
	size_t had = b ? b->n : 0;

	b = realloc(b, sizeof *b + n);
	if (!b)
		return NULL;
	b->n = n;
	counted_bytes += n - had;
	return b->bytes;
}

void sys_free(void *p)
{
	if (!p)
		return;
	counted_bytes -= counted_of(p)->n;
	free(counted_of(p));
}

static size_t resident(void)
{
	size_t pages = 0, all = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%zu %zu", &all, &pages), 2);
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- what both processes see ---- */

enum { PHASE_CONNECT, PHASE_FULL, PHASE_ECHO, PHASE_DONE };
enum { ASK_NOTHING, ASK_MEASURE, ASK_HOG, ASK_RELEASE, ASK_END };

struct shared {
	atomic_int phase;
	atomic_int connections;
	atomic_int errors;   /* error events of the server */
	atomic_int ask;      /* of the server; it answers ASK_NOTHING when it has done so */
	atomic_int failures; /* clients that did not get what they should have */
	atomic_llong at_ns;  /* when the server did what it was asked */
	atomic_llong late_ns;
	long long server_bytes, client_bytes; /* for all connections while they were idle */
	long long resident_before, resident_peak, resident_after;
	long long heap_before, heap_after;
	long long connect_ns, echo_ns, cpu_ns;
	int peak;
};

static struct shared *shared;

static int shared_make(void **state)
{
	(void)state;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	return shared == MAP_FAILED ? -1 : 0;
}

static int shared_unmake(void **state)
{
	(void)state;
	return munmap(shared, sizeof *shared);
}

static void files_allow(rlim_t n)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = n ? n : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* ---- the server ---- */

static size_t echo_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t r = postern_conn_write(c, bytes, n);

	(void)data;
	return r > 0 ? (size_t)r : 0;
}

static const struct postern_conn_events echo_events = {
	.size = sizeof echo_events,
	.received = echo_received,
};

static void echo_error(struct postern_server *s, const struct postern_reason *why, void *data)
{
	(void)s, (void)data;
	assert_int_equal(why->code, POSTERN_REASON_NO_RESOURCES);
	atomic_fetch_add(&shared->errors, 1);
}

static const struct postern_server_events echo_server_events = {
	.size = sizeof echo_server_events,
	.conn = &echo_events,
	.error = echo_error,
};

static int connections_now(struct postern_server *s)
{
	struct postern_server_counters counters;

	assert_ok(postern_server_get_counters(s, &counters, sizeof(counters)));
	return (int)counters.connections;
}

static void load_serve(struct postern_loop *loop, struct postern_server *s)
{
	size_t before = counted_bytes;

	while (atomic_load(&shared->phase) != PHASE_DONE || connections_now(s) > 0) {
		int n = connections_now(s);

		assert_ok(postern_loop_dispatch(loop, POSTERN_MS(2)));
		shared->peak = n > shared->peak ? n : shared->peak;
		if (n == CLIENTS && atomic_load(&shared->phase) == PHASE_CONNECT) {
			shared->server_bytes = (long long)(counted_bytes - before);
			shared->resident_peak = (long long)resident();
			atomic_store(&shared->phase, PHASE_FULL);
		}
	}
}

static int load_server(void *arg)
{
	const struct postern_server_options options = {
		.size = sizeof options,
		.connections = CLIENTS + 10,
		.connections_per_uid = CLIENTS + 10,
	};
	struct postern_server *s = NULL;
	struct postern_loop *loop = NULL;
	int files = test_fd_count();

	(void)arg;
	files_allow(0);
	malloc_trim(0);
	shared->heap_before = (long long)mallinfo2().uordblks;
	shared->resident_before = (long long)resident();
	assert_ok(postern_loop_new(&loop));
	assert_ok(postern_server_new(&s, loop, "load", &options, &echo_server_events, NULL));
	load_serve(loop, s);
	postern_server_free(s);
	postern_loop_free(loop);
	assert_int_equal(counted_bytes, 0);
	malloc_trim(0);
	shared->heap_after = (long long)mallinfo2().uordblks;
	shared->resident_after = (long long)resident();
	assert_int_equal(test_fd_count(), files);
	return 0;
}

/* ---- its clients ---- */

struct client {
	struct postern_conn *conn;
	unsigned int n, done;
	size_t at;
	char message[SIZE];
};

static struct {
	struct postern_loop *loop;
	struct client clients[CLIENTS];
	int connected, finished, closed;
	int64_t begun_ns;
} load;

static void client_send(struct client *c)
{
	uint32_t seed = c->n * 2654435761u + c->done * 40503u + 1;

	for (size_t i = 0; i < SIZE; i++) {
		seed = seed * 1664525u + 1013904223u;
		c->message[i] = (char)(seed >> 24);
	}
	c->at = 0;
	assert_int_equal(postern_conn_write(c->conn, c->message, SIZE), SIZE);
}

static void client_state(struct postern_conn *conn, int state, void *data)
{
	(void)conn, (void)data;
	load.connected += state == POSTERN_STATE_CONNECTED;
}

static size_t client_received(struct postern_conn *conn, const void *bytes, size_t n, void *data)
{
	struct client *c = data;

	(void)conn;
	assert_true(n <= SIZE - c->at);
	assert_memory_equal(bytes, c->message + c->at, n);
	c->at += n;
	if (c->at < SIZE)
		return n;
	if (++c->done < MESSAGES)
		client_send(c);
	else
		load.finished++;
	return n;
}

static void client_closed(struct postern_conn *conn, const struct postern_reason *why, void *data)
{
	struct client *c = data;

	(void)conn;
	load.closed++;
	if (c->done == MESSAGES && why->code == POSTERN_REASON_CLOSED)
		return;
	if (atomic_fetch_add(&shared->failures, 1) == 0)
		print_error("client %u after %u messages: %s\n", c->n, c->done, why->text);
}

static const struct postern_conn_events client_events = {
	.size = sizeof client_events,
	.state = client_state,
	.received = client_received,
	.closed = client_closed,
};

#define LOAD_UNTIL(condition)                                   \
	while (!(condition) && !atomic_load(&shared->failures)) \
	assert_ok(postern_loop_dispatch(load.loop, POSTERN_MS(2)))

static void load_talk(void)
{
	size_t before = counted_bytes;

	for (unsigned int i = 0; i < CLIENTS; i++) {
		const struct postern_connect_options options = {
			.size = sizeof options,
			.deadline_ns = POSTERN_SECONDS(40),
			.backoff_max_ns = POSTERN_MS(50),
		};
		struct client *c = &load.clients[i];

		c->n = i;
		assert_ok(
			postern_connect(&c->conn, load.loop, "load", &options, &client_events, c));
	}
	LOAD_UNTIL(load.connected == CLIENTS && atomic_load(&shared->phase) == PHASE_FULL);
	shared->client_bytes = (long long)(counted_bytes - before);
	shared->connect_ns = test_now_ns() - load.begun_ns;
	atomic_store(&shared->phase, PHASE_ECHO);
	for (unsigned int i = 0; i < CLIENTS; i++)
		client_send(&load.clients[i]);
	LOAD_UNTIL(load.finished == CLIENTS);
	shared->echo_ns = test_now_ns() - load.begun_ns - shared->connect_ns;
	for (unsigned int i = 0; i < CLIENTS; i++)
		assert_ok(postern_conn_close(load.clients[i].conn));
	LOAD_UNTIL(load.closed == CLIENTS);
}

static int load_clients(void *arg)
{
	int files = test_fd_count();

	(void)arg;
	files_allow(0);
	load.begun_ns = test_now_ns();
	assert_ok(postern_loop_new(&load.loop));
	load_talk();
	for (unsigned int i = 0; i < CLIENTS; i++)
		postern_conn_free(load.clients[i].conn);
	postern_loop_free(load.loop);
	assert_int_equal(counted_bytes, 0);
	assert_int_equal(test_fd_count(), files);
	atomic_store(&shared->phase, PHASE_DONE);
	return 0;
}

/* How many entries a name has left; what is none of them counts as 100. */
static int name_entries(const char *name)
{
	DIR *d = opendir(test_path("%s", name));
	struct dirent *e;
	int n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			n += strcmp(e->d_name, "lock") ? 100 : 1;
	closedir(d);
	return n;
}

static void load_report(void)
{
	test_note("%d clients connected in %lld ms, %d messages echoed in %lld ms", CLIENTS,
		  shared->connect_ns / 1000000, CLIENTS * MESSAGES, shared->echo_ns / 1000000);
	test_note("memory of an idle connection: %lld bytes at the server, %lld at the client",
		  shared->server_bytes / CLIENTS, shared->client_bytes / CLIENTS);
	test_note(
		"resident size of the server: %lld KiB before, %lld at the peak, %lld after; heap in use: %lld bytes before, %lld after",
		shared->resident_before / 1024, shared->resident_peak / 1024,
		shared->resident_after / 1024, shared->heap_before, shared->heap_after);
}

static void five_thousand_clients_at_once_echo_and_leave_nothing(void **state)
{
	struct rlimit limit;
	pid_t server, clients;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max < CLIENTS + 100)
		test_skip("the hard limit of descriptors is %llu",
			  (unsigned long long)limit.rlim_max);
	server = test_fork_start(load_server, NULL);
	clients = test_fork_start(load_clients, NULL);
	assert_int_equal(test_fork_wait(clients), 0);
	assert_int_equal(test_fork_wait(server), 0);
	load_report();
	assert_int_equal(atomic_load(&shared->failures), 0);
	assert_int_equal(shared->peak, CLIENTS);
	assert_int_equal(name_entries("load"), 1);
	/* Its own block, and its place in the heap of timers, which grows twofold. */
	assert_true(shared->server_bytes <= (256 + 16) * CLIENTS);
	assert_true(shared->client_bytes <= (256 + 16) * CLIENTS);
	assert_in_range(shared->heap_after, 0, shared->heap_before + 16 * 1024);
	assert_in_range(shared->resident_after, 0, shared->resident_before + 2 * 1024 * 1024);
}

/* ---- more clients than descriptors ---- */

#define FEW_FILES   64
#define FEW_CLIENTS 200

struct few {
	struct postern_loop *loop;
	struct postern_timer *tick;
	int hogs[FEW_FILES], n_hogs;
	int64_t cpu_from_ns, cpu_until_ns, cpu_ns;
	bool end;
};

static int64_t cpu_now(void)
{
	struct rusage u;

	assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000000) +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * INT64_C(1000);
}

/* Descriptors that belong to the rest of the program. */
static void few_hog(struct few *f)
{
	int fd;

	while (f->n_hogs < FEW_FILES && (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		f->hogs[f->n_hogs++] = fd;
}

static void few_release(struct few *f)
{
	atomic_store(&shared->at_ns, test_now_ns());
	while (f->n_hogs > 0)
		close(f->hogs[--f->n_hogs]);
}

static void few_tick(struct postern_timer *t, void *data)
{
	struct few *f = data;
	int64_t late = postern_now() - postern_timer_due_ns(t);
	int ask = atomic_exchange(&shared->ask, ASK_NOTHING);

	if (late > atomic_load(&shared->late_ns))
		atomic_store(&shared->late_ns, late);
	if (ask == ASK_MEASURE) {
		shared->cpu_ns = cpu_now() - f->cpu_ns;
		f->cpu_ns = cpu_now();
	} else if (ask == ASK_HOG) {
		few_hog(f);
	} else if (ask == ASK_RELEASE) {
		few_release(f);
	} else if (ask == ASK_END) {
		postern_loop_stop(f->loop);
	}
}

static int few_server(void *arg)
{
	const struct postern_server_options options = { .size = sizeof options,
							.connections = 1000 };
	struct postern_server *s = NULL;
	struct few f = { 0 };
	int files = test_fd_count();

	(void)arg;
	files_allow(FEW_FILES);
	assert_ok(postern_loop_new(&f.loop));
	assert_ok(postern_server_new(&s, f.loop, "few", &options, &echo_server_events, NULL));
	assert_ok(postern_timer_new(&f.tick, f.loop, few_tick, &f));
	assert_ok(postern_timer_set_periodic(f.tick, POSTERN_MS(10)));
	assert_int_equal(postern_loop_run(f.loop), 0);
	postern_timer_free(f.tick);
	postern_server_free(s);
	postern_loop_free(f.loop);
	assert_int_equal(counted_bytes, 0);
	assert_int_equal(test_fd_count(), files);
	return 0;
}

static struct {
	struct postern_loop *loop;
	struct postern_conn *conns[FEW_CLIENTS];
	bool echoed[FEW_CLIENTS];
	int n_echoed;
	int64_t echoed_ns;
} few;

static void few_state(struct postern_conn *c, int state, void *data)
{
	(void)data;
	if (state == POSTERN_STATE_CONNECTED)
		assert_int_equal(postern_conn_write(c, "?", 1), 1);
}

static size_t few_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	bool *echoed = data;

	(void)c, (void)bytes;
	few.n_echoed++;
	few.echoed_ns = test_now_ns();
	*echoed = true;
	return n;
}

static void few_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	(void)c, (void)data;
	print_error("a client that should wait was told: %s\n", why->text);
	atomic_fetch_add(&shared->failures, 1);
}

static const struct postern_conn_events few_events = {
	.size = sizeof few_events,
	.state = few_state,
	.received = few_received,
	.closed = few_closed,
};

static void few_connect(int i)
{
	const struct postern_connect_options options = { .size = sizeof options,
							 .deadline_ns = POSTERN_FOREVER,
							 .backoff_max_ns = POSTERN_MS(50) };

	assert_ok(postern_connect(&few.conns[i], few.loop, "few", &options, &few_events,
				  &few.echoed[i]));
}

/* Turns for so long, or until so many echoes have come. */
static void few_turn(int64_t ms, int echoes)
{
	int64_t until = test_now_ns() + POSTERN_MS(ms);

	while (test_now_ns() < until && few.n_echoed < echoes)
		assert_ok(postern_loop_dispatch(few.loop, POSTERN_MS(2)));
}

static void few_ask(int ask)
{
	atomic_store(&shared->ask, ask);
	while (atomic_load(&shared->ask) != ASK_NOTHING)
		assert_ok(postern_loop_dispatch(few.loop, POSTERN_MS(1)));
}

static int few_served(void)
{
	for (int i = 0; i < FEW_CLIENTS; i++)
		if (few.conns[i] && few.echoed[i])
			return i;
	fail_msg("nobody is served");
	return -1;
}

static pid_t few_begin(int clients)
{
	pid_t server = test_fork_start(few_server, NULL);

	memset(&few, 0, sizeof few);
	assert_ok(postern_loop_new(&few.loop));
	for (int i = 0; i < clients; i++)
		few_connect(i);
	return server;
}

static void few_end(pid_t server)
{
	for (int i = 0; i < FEW_CLIENTS; i++)
		few.conns[i] = postern_conn_free(few.conns[i]);
	few_ask(ASK_END);
	few.loop = postern_loop_free(few.loop);
	assert_int_equal(test_fork_wait(server), 0);
	assert_int_equal(atomic_load(&shared->failures), 0);
	assert_int_equal(counted_bytes, 0);
}

static void a_full_server_sleeps_and_goes_on_when_a_client_leaves(void **state)
{
	pid_t server = few_begin(FEW_CLIENTS);
	int64_t best_ns = INT64_MAX, from_ns;
	int full;

	(void)state;
	few_turn(1500, FEW_CLIENTS);
	full = few.n_echoed;
	assert_in_range(full, FEW_FILES / 2, FEW_FILES);
	assert_true(atomic_load(&shared->errors) >= 1);

	few_ask(ASK_MEASURE);
	from_ns = test_now_ns();
	/* Whoever is served is still served. */
	assert_int_equal(postern_conn_write(few.conns[few_served()], "!", 1), 1);
	few_turn(2500, FEW_CLIENTS);
	assert_int_equal(few.n_echoed, full + 1);
	few_ask(ASK_MEASURE);
	test_note(
		"%d of %d clients served with %d descriptors; %.2f %% CPU while full, told %d times, worst timer lateness %.1f ms",
		full, FEW_CLIENTS, FEW_FILES,
		100.0 * (double)shared->cpu_ns / (double)(test_now_ns() - from_ns),
		atomic_load(&shared->errors), (double)atomic_load(&shared->late_ns) / 1e6);
	assert_true(shared->cpu_ns * 20 < test_now_ns() - from_ns);

	for (int i = 0; i < 5; i++) {
		int leaver = few_served(), before = few.n_echoed;

		from_ns = test_now_ns();
		few.conns[leaver] = postern_conn_free(few.conns[leaver]);
		few_turn(5000, before + 1);
		assert_true(few.n_echoed > before);
		if (few.echoed_ns - from_ns < best_ns)
			best_ns = few.echoed_ns - from_ns;
	}
	test_note("a place that becomes free is taken after %.1f ms (best of 5)",
		  (double)best_ns / 1e6);
	assert_true(best_ns < POSTERN_MS(500));
	few_end(server);
}

static void a_full_server_goes_on_when_the_program_has_descriptors_again(void **state)
{
	pid_t server = few_begin(1);
	int64_t best_ns = INT64_MAX;

	(void)state;
	few_turn(5000, 1);
	assert_int_equal(few.n_echoed, 1);
	for (int i = 1; i <= 5; i++) {
		int64_t after_ns;

		few_ask(ASK_HOG);
		few_connect(i);
		few_turn(400, i + 1);
		assert_int_equal(few.n_echoed, i);
		few_ask(ASK_RELEASE);
		few_turn(5000, i + 1);
		assert_int_equal(few.n_echoed, i + 1);
		after_ns = few.echoed_ns - atomic_load(&shared->at_ns);
		best_ns = after_ns < best_ns ? after_ns : best_ns;
		test_note("descriptors came back: served after %.1f ms", (double)after_ns / 1e6);
	}
	assert_int_equal(atomic_load(&shared->errors), 5);
	assert_true(best_ns < POSTERN_MS(500));
	few_end(server);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST_WITH(five_thousand_clients_at_once_echo_and_leave_nothing, shared_make,
			  shared_unmake),
		TEST_WITH(a_full_server_sleeps_and_goes_on_when_a_client_leaves, shared_make,
			  shared_unmake),
		TEST_WITH(a_full_server_goes_on_when_the_program_has_descriptors_again, shared_make,
			  shared_unmake),
	};

	return test_run(tests);
}
