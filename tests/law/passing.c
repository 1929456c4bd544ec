/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passing.c - so many descriptors are passed, with everything going wrong that can, and none is left at either end
 *
 *	passing N        until N descriptors were passed and received
 *
 * One process serves. One after the other its peers are processes of their own: callers, who count what they have open before
 * and after; and plain sockets, who know the rules and break them. Each is killed at some moment, or not. A descriptor
 * has a number in it, and each call says which: so one that went to another message is seen. What the service has open is
 * counted after each peer, and so is what they are charged for.
 */
#include "passed.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <postern/caller.h>

#include "base/base.h"

/* Beside a call that takes none: the last one before it in the same read that takes some may get it, or nobody. */
enum { STRAY = -7 };

/* That the peers may bring and leave unread. */
enum { FDS = 6 };

static uint64_t chance_seed = 1;
static uint64_t wanted = 3000;

static size_t below(size_t n)
{
	return (size_t)random_below(&chance_seed, n);
}

/* Of all processes. */
static struct {
	uint64_t to_service, to_callers; /* received, and known to be the right ones */
	uint64_t wrong,
		leaked; /* descriptors that were somebody else's; peers that had more open at their end */
	uint64_t calls, answers, fails, peers, kills, rude;
} * counts;

#define COUNT(name) __atomic_fetch_add(&counts->name, 1, __ATOMIC_RELAXED)

static unsigned open_now(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* ---- the service ---- */

static struct vault vault;

/* Takes all, or some; each has to be that of its call. */
static void take(struct postern_request *r, int64_t number, bool back)
{
	size_t n = postern_request_fds(r);

	for (size_t i = 0; i < n; i++) {
		int fd = below(8) ? postern_request_take_fd(r, (int64_t)i) : -1;

		if (fd < 0)
			continue;
		if (passed_number(fd) == number)
			COUNT(to_service);
		else if (passed_number(fd) != STRAY)
			COUNT(wrong);
		if (!back)
			close(fd);
		else if (postern_request_push_fd(r, fd) < 0)
			return;
	}
}

static void drop_kept(struct vault *v, unsigned i)
{
	postern_request_free(v->kept[i]);
	v->kept[i] = v->kept[--v->n_kept];
}

static void serve(struct vault *v, int method, struct postern_request *r)
{
	static const char text[] = "{}";
	int64_t number = vault_number(r);
	bool keeps = below(4) == 0;

	(void)method;
	COUNT(calls);
	/* What is kept may hold its own. */
	if (!keeps || below(3) == 0)
		take(r, number, below(3));
	if (keeps) {
		if (v->n_kept == VAULT_KEPT)
			drop_kept(v, (unsigned)below(VAULT_KEPT));
		v->kept[v->n_kept++] = postern_request_keep(r);
		return;
	}
	switch (below(6)) {
	case 0:
		(void)postern_request_fail_json(r, "a.b.C", NULL, 0);
		break;
	case 1:
		break; /* abandoned */
	default:
		(void)postern_request_reply_json(r, text, 2);
	}
}

static void plain(struct vault *v, int method, struct postern_request *r)
{
	(void)v, (void)method;
	COUNT(calls);
	if (postern_request_fds(r) > 0)
		COUNT(wrong);
	(void)postern_request_reply_json(r, NULL, 0);
}

static vault_fn *const handlers[VAULT_METHODS] = { serve, serve, serve, serve, serve, plain };

/* ---- callers ---- */

static void on_answer(struct postern_call *call, const struct postern_answer *answer, void *data)
{
	int64_t number = (intptr_t)data;
	size_t n = answer->n_fds;

	if (answer->end == POSTERN_END_ANSWERED)
		COUNT(answers);
	else
		COUNT(fails);
	for (size_t i = 0; i < n; i++) {
		int fd = below(8) ? postern_call_take_fd(call, (int64_t)i) : -1;

		if (fd < 0)
			continue;
		if (passed_number(fd) == number)
			COUNT(to_callers);
		else
			COUNT(wrong);
		close(fd);
	}
}

static void call_something(struct postern_caller *c, int64_t number)
{
	static const char *const methods[] = { "Swap", "Swap", "Swap", "Put", "Plain", "None" };
	static const uint64_t kinds[] = { 0, 0, 0, POSTERN_CALL_ONEWAY, POSTERN_CALL_MORE };
	size_t method = below(6), n = method < 4 ? below(6) : 0;
	char name[64], text[64];
	struct postern_call *call = NULL;
	int fd = passed_new(number), fds[6];
	const struct postern_fds passed = { fds, n };

	snprintf(name, sizeof name, "org.example.vault.%s", methods[method]);
	for (size_t i = 0; i < n; i++)
		fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	if (postern_caller_call_json(&call, c, name, text,
				     (size_t)sprintf(text, "{\"number\":%lld}", (long long)number),
				     n > 0 || below(20) ? &passed : NULL, kinds[below(5)],
				     below(4) ? 0 : POSTERN_MS(1 + (int64_t)below(5)), on_answer,
				     (void *)(intptr_t)number) < 0)
		return;
	if (below(12) == 0)
		postern_call_cancel(call);
}

static void be_a_caller(const char *path)
{
	unsigned before = open_now(), rounds = 1 + (unsigned)below(60);
	struct postern_caller *c;
	struct postern_loop *loop;

	if (postern_loop_new(&loop) < 0 || postern_caller_new(&c, loop, path, NULL) < 0)
		_exit(1);
	for (unsigned i = 0; i < rounds; i++) {
		for (size_t k = below(4); k > 0; k--)
			call_something(c, (int64_t)below(1u << 30));
		(void)postern_loop_dispatch(loop, POSTERN_MS(below(8) ? 1 : 0));
	}
	for (int i = 0; i < 20 && below(3); i++)
		(void)postern_loop_dispatch(loop, POSTERN_MS(1));
	postern_caller_free(c);
	postern_loop_free(loop);
	if (open_now() != before)
		COUNT(leaked);
}

/* ---- plain sockets ---- */

static size_t add_call(char *text, const char *method, int64_t number)
{
	return (size_t)sprintf(
		       text,
		       "{\"method\":\"org.example.vault.%s\",\"parameters\":{\"number\":%lld}%s}",
		       method, (long long)number, below(4) ? "" : ",\"oneway\":true") +
	       1;
}

/* In pieces; the descriptors with the first, or, if it is rude, with any, and as many as it likes. */
static bool send_pieces(int fd, const char *text, size_t n, int pass, size_t count, bool rude)
{
	size_t at = 0, with = rude ? below(n) : 0;
	int fds[PASS_MAX];

	for (size_t i = 0; i < count; i++)
		fds[i] = pass;
	while (at < n) {
		size_t most = at < with ? with - at : n - at, k = below(2) ? most : 1 + below(most);
		ssize_t r = pass_some(fd, text + at, k, fds, at == with ? count : 0);

		if (r <= 0)
			return false;
		at += (size_t)r;
		if (below(3) == 0)
			sched_yield();
	}
	return true;
}

static void read_away(int fd)
{
	int fds[POSTERN_FDS_MAX];
	char bytes[4096];
	size_t n;

	while (pass_receive(fd, bytes, sizeof bytes, fds, &n) > 0)
		for (size_t i = 0; i < n && i < POSTERN_FDS_MAX; i++)
			close(fds[i]);
}

static void be_a_socket(const char *path)
{
	unsigned rounds = 1 + (unsigned)below(40);
	int fd = plain_connect(path);
	bool fine = fd >= 0;

	for (unsigned i = 0; fine && i < rounds; i++) {
		int64_t number = (int64_t)below(1u << 30);
		bool rude = below(30) == 0, taken = !rude || below(2);
		int one = passed_new(taken ? number : STRAY);
		char text[512];
		size_t n;

		/* A few before it, for the kernel to glue. */
		for (size_t k = below(4); fine && k > 0; k--) {
			n = add_call(text, "Plain", 0);
			fine = send_pieces(fd, text, n, -1, 0, false);
		}
		n = add_call(text, taken ? "Swap" : "Plain", number);
		if (fine)
			fine = send_pieces(fd, text, n, one, below(rude && taken ? PASS_MAX : 5),
					   rude);
		if (rude)
			COUNT(rude);
		close(one);
		if (below(2))
			read_away(fd);
	}
	if (fd >= 0)
		close(fd);
}

/* ---- peers, one after the other ---- */

static struct postern_server_counters counted(void)
{
	struct postern_server_counters k;

	assert_ok(postern_server_get_counters(postern_service_server(vault.service), &k, sizeof k));
	return k;
}

static uint64_t charged(void)
{
	return counted().descriptors;
}

static void one_peer(uint64_t seed, unsigned open_before)
{
	int64_t kill_at = below(3) == 0 ? test_now_ns() + (int64_t)below(20000000) : 0;
	pid_t pid = fork();
	int status, r = 0;

	assert_true(pid >= 0);
	if (pid == 0) {
		chance_seed = seed;
		if (below(3))
			be_a_caller(vault_path(&vault));
		else
			be_a_socket(vault_path(&vault));
		_exit(0);
	}
	COUNT(peers);
	while ((r = waitpid(pid, &status, WNOHANG)) == 0) {
		assert_ok(postern_loop_dispatch(vault.loop, POSTERN_MS(1)));
		/* Each connection that has ended may have left a socket. */
		assert_in_range(charged(), 0, 2 * FDS + POSTERN_FDS_MAX);
		if (kill_at && test_now_ns() >= kill_at) {
			COUNT(kills);
			kill(pid, SIGKILL);
			kill_at = 0;
		}
		while (vault.n_kept > 0 && below(4) == 0) {
			unsigned i = (unsigned)below(vault.n_kept);

			if (below(2))
				(void)postern_request_reply_json(vault.kept[i], NULL, 0);
			drop_kept(&vault, i);
		}
	}
	assert_int_equal(r, pid);
	assert_true(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL);
	/* Behind one that was kept others come, which are kept, too. */
	do {
		while (vault.n_kept > 0)
			drop_kept(&vault, 0);
		turn_quiet(vault.loop);
	} while (vault.n_kept > 0);
	if (charged() != 0)
		fail_msg("after peer %llu %llu descriptors are charged",
			 (unsigned long long)counts->peers, (unsigned long long)charged());
	if (open_now() != open_before)
		fail_msg("after peer %llu %u descriptors are open, and %u were before",
			 (unsigned long long)counts->peers, open_now(), open_before);
}

static void V12_of_all_that_are_passed_none_is_left_and_each_is_where_it_belongs(void **state)
{
	unsigned before;
	uint64_t refused;

	(void)state;
	counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	assert_ptr_not_equal(counts, MAP_FAILED);
	vault_offer_limited(&vault, handlers, FDS);
	turn_quiet(vault.loop);
	before = open_now();
	for (uint64_t i = 0; counts->to_service + counts->to_callers < wanted; i++)
		one_peer(i * 7919 + 1, before);
	refused = counted().descriptors_refused;
	vault_close(&vault);
	test_note(
		"%llu descriptors taken by the service, %llu by callers; %llu went to another message",
		(unsigned long long)counts->to_service, (unsigned long long)counts->to_callers,
		(unsigned long long)counts->wrong);
	test_note("%llu calls, %llu answered, %llu ended otherwise",
		  (unsigned long long)counts->calls, (unsigned long long)counts->answers,
		  (unsigned long long)counts->fails);
	test_note("%llu peers, %llu of them killed; %llu times a rule was broken",
		  (unsigned long long)counts->peers, (unsigned long long)counts->kills,
		  (unsigned long long)counts->rude);
	test_note(
		"descriptors open: the service %u before and after each peer; callers with more at their end than at their beginning: %llu",
		before, (unsigned long long)counts->leaked);
	test_note("%llu descriptors were refused: %d are what a user may have",
		  (unsigned long long)refused, FDS);
	assert_true(refused > 0);
	assert_int_equal(counts->wrong, 0);
	assert_int_equal(counts->leaked, 0);
	munmap(counts, sizeof *counts);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(V12_of_all_that_are_passed_none_is_left_and_each_is_where_it_belongs),
	};

	if (argc > 1)
		wanted = strtoull(argv[1], NULL, 10);
	return test_run(tests);
}
