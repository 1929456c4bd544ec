/* SPDX-License-Identifier: Apache-2.0 */
/* postern.hpp: owners that move, go in their own callbacks, and outlive each other */
#include "cxx.hpp"

#include <cstdlib>
#include <new>
#include <sys/wait.h>

/* ---- memory is counted; out of line, so that the compiler takes no half of a pair for the library's ---- */

static std::atomic<int> allocations{0};

__attribute__((noinline)) void *operator new(size_t n)
{
	allocations++;
	if (void *p = malloc(n ? n : 1))
		return p;
	throw std::bad_alloc();
}
__attribute__((noinline)) void operator delete(void *p) noexcept { free(p); }
__attribute__((noinline)) void operator delete(void *p, size_t) noexcept { free(p); }

static void what_is_sent_comes_back(void **)
{
	postern::loop l;
	postern::server s(l, "echo", echoing());
	std::string got;
	bool closed = false;
	postern::conn_events e;

	e.received = [&](postern::conn_ref, std::string_view b) { return got += b, b.size(); };
	e.closed = [&](postern::conn_ref, const postern::cause &why) { closed = why.reason == postern::reason::ended; };
	postern::conn c(l, "echo", std::move(e));
	assert_int_equal(c.write("hello, "), 7);
	assert_int_equal(c.write("echo"), 4);
	assert_ok(c.shutdown());
	until(l, [&] { return closed; });
	assert_string_equal(got.c_str(), "hello, echo");
	assert_true(c.state() == postern::conn_state::closed);
	assert_errno(c.pause(), -ESTALE);
}

static void nothing_is_allocated_for_a_message(void **)
{
	postern::loop l;
	postern::server_options so;
	postern::connect_options co;
	postern::conn_options lines;
	postern::server_events s;
	postern::conn_events e;
	int answers = 0;

	lines.framing = POSTERN_FRAMING_LINES;
	so.conn = co.conn = &lines;
	s.conn.frame = [](postern::conn_ref c, std::string_view line) { assert_ok(c.write_frame(POSTERN_FRAMING_LINES, line)); };
	postern::server server(l, "lines", std::move(s), &so);
	e.frame = [&](postern::conn_ref c, std::string_view line) {
		void *at = nullptr;

		/* Built where it is sent from. */
		answers++;
		assert_ok(c.reserve(at, line.size(), POSTERN_FRAMING_LINES));
		memcpy(at, line.data(), line.size());
		assert_ok(c.commit(line.size()));
	};
	postern::conn c(l, "lines", std::move(e), &co);
	assert_ok(c.write_frame(POSTERN_FRAMING_LINES, "ping"));
	until(l, [&] { return answers > 10; });
	int before = allocations;
	until(l, [&] { return answers > 1000; });
	test_note("%d answers, %d allocations", answers, allocations - before);
	assert_int_equal(allocations - before, 0);
}

/* ---- an owner goes, or moves, in its own callback ---- */

enum { STATE, RECEIVED, ENDED, SENT, CLOSED, DRAINED, ON_ALL };

/* act is called with the number of the callback, on a connection that meets all of them. */
static void live(postern::loop &l, postern::conn &c, std::function<void(int)> act, bool &over)
{
	auto here = std::make_shared<counted>();
	postern::connect_options o;
	postern::conn_options small;
	postern::conn_events e;

	small.high_water = 1000;
	o.conn = &small;
	e.state = [&, act, here](postern::conn_ref, postern::conn_state) { act(STATE); };
	e.received = [&, act, here](postern::conn_ref, std::string_view b) { return act(RECEIVED), b.size(); };
	e.ended = [&, act, here](postern::conn_ref k) {
		act(ENDED);
		if (c.get() == k.get())
			c.close();
	};
	e.drained = [&, act, here](postern::conn_ref k) { k.shutdown(), act(DRAINED); };
	e.sent = [&, act, here](postern::conn_ref, size_t) { act(SENT); };
	e.closed = [&, act, here](postern::conn_ref, const postern::cause &) { over = true, act(CLOSED); };
	c = postern::conn(l, "echo", std::move(e), &o);
	assert_int_equal(c.write(std::string(5000, 'x')), 1000); /* cut short: drained is owed */
}

static void a_connection_is_freed_in_each_of_its_callbacks(void **)
{
	postern::loop l;
	postern::server s(l, "echo", echoing());

	for (int which = 0; which < ON_ALL; which++) {
		postern::conn c;
		bool acted = false, over = false;

		live(l, c, [&](int n) {
			if (n == which)
				c = postern::conn(), acted = true;
		}, over);
		until(l, [&] { return acted; });
		assert_int_equal(over, which == CLOSED);
		assert_errno(c.close(), -EINVAL);
	}
	assert_int_equal(counted::alive, 0);
}

static void an_owner_is_moved_in_each_of_its_callbacks(void **)
{
	postern::loop l;
	postern::server s(l, "echo", echoing());
	postern::conn first, second;
	std::vector<postern::conn> elsewhere;
	int moves = 0;
	bool over = false;

	live(l, first, [&](int) {
		postern::conn &from = first.get() ? first : second, &to = first.get() ? second : first;
		postern_conn *c = from.get();
		to = std::move(from);
		assert_ptr_equal(to.get(), c);
		assert_null(from.get());
		moves++;
	}, over);
	for (int i = 0; i < 100; i++)
		elsewhere.emplace_back(l, "echo"); /* the vector grows and moves */
	until(l, [&] { return over; });
	assert_true(moves >= ON_ALL);
	postern::loop moved(std::move(l));
	assert_null(l.get());
	assert_errno(l.run(), -EINVAL);
	postern::conn on_none;
	assert_false(bool(postern::conn::connect(l, "echo")));
	until(moved, [&] { return elsewhere.back().state() == postern::conn_state::connected; });
	l = std::move(moved);
	elsewhere.erase(elsewhere.begin(), elsewhere.begin() + 50);
	assert_true(l.dispatch(0ns) >= 0);
}

static void a_server_is_freed_in_each_callback_of_its_own_and_of_its_connections(void **)
{
	enum { ALLOW, ACCEPTED, OF_CONN, ALL = OF_CONN + ON_ALL };

	for (int which = 0; which < ALL; which++) {
		postern::loop l;
		postern::server s;
		auto here = std::make_shared<counted>();
		postern::server_events e;
		bool acted = false, over = false;
		auto act = [&, here](int n) {
			if (n == which && !acted)
				acted = true, s = postern::server();
		};

		e.allow = [=](const postern_peer &p) { return act(ALLOW), p.uid == getuid(); };
		e.accepted = [=](postern::conn_ref) { act(ACCEPTED); };
		e.conn.state = [=](postern::conn_ref, postern::conn_state) { act(OF_CONN + STATE); };
		e.conn.received = [=](postern::conn_ref c, std::string_view b) {
			act(OF_CONN + RECEIVED);
			return size_t(std::max<ssize_t>(0, c.write(b)));
		};
		e.conn.ended = [=](postern::conn_ref c) { act(OF_CONN + ENDED), c.close(); };
		e.conn.sent = [=](postern::conn_ref, size_t) { act(OF_CONN + SENT); };
		e.conn.closed = [=](postern::conn_ref, const postern::cause &) { act(OF_CONN + CLOSED); };
		s = postern::server(l, "echo", std::move(e));
		postern::conn c;
		live(l, c, [](int) {}, over);
		until(l, [&] { return over; });
		assert_int_equal(acted, which != OF_CONN + DRAINED); /* nothing is owed to it */
		s = postern::server();
	}
	assert_int_equal(counted::alive, 0);
}

static void any_order_of_destruction_is_right_and_what_is_left_is_inert(void **)
{
	postern::conn c, never;
	postern::server s;
	postern::timer t;
	postern::watch w;
	int pipes[2], cancelled = 0;

	assert_int_equal(pipe(pipes), 0);
	{
		postern::loop l;
		postern::server_events e = echoing();
		postern::conn_events ce;
		auto here = std::make_shared<counted>();

		e.closed = [&, here](const postern::cause &why) { cancelled += why.reason == postern::reason::cancelled; };
		e.conn.closed = [&, here](postern::conn_ref, const postern::cause &why) {
			cancelled += why.reason == postern::reason::cancelled;
		};
		ce.closed = [&, here](postern::conn_ref, const postern::cause &why) {
			cancelled += why.reason == postern::reason::cancelled;
		};
		s = postern::server(l, "echo", std::move(e));
		c = postern::conn(l, "echo", std::move(ce));
		t = postern::timer(l, [here] {});
		w = postern::watch(l, pipes[0], POSTERN_WATCH_READABLE, [here](uint64_t) {});
		assert_ok(t.set(1h));
		until(l, [&] { return c.state() == postern::conn_state::connected; });
		until(l, [&] {
			postern_server_counters k;
			assert_ok(postern_server_get_counters(s.get(), &k, sizeof k));
			return k.connections == 1;
		});
	}
	assert_int_equal(cancelled, 3);
	assert_errno(t.set(1s), -ESTALE);
	assert_errno(c.write("x"), -ESTALE);
	assert_errno(s.stop(), -ESTALE);
	assert_errno(w.set(0), -ESTALE);
	assert_errno(never.shutdown(), -EINVAL);
	c = postern::conn();
	s = postern::server();
	t = postern::timer();
	w = postern::watch();
	assert_int_equal(counted::alive, 0);
	close(pipes[0]);
	close(pipes[1]);
}

static void an_accepted_connection_has_its_own_callbacks_until_it_is_closed_or_kept(void **)
{
	postern::loop l;
	postern::conn kept;
	postern::server_events e;
	int n = 0, closed = 0, again = 0, late = 0;

	e.accepted = [&](postern::conn_ref c) {
		postern::conn_events own;
		auto here = std::make_shared<counted>();
		int me = n++;

		own.received = [c, me, here](postern::conn_ref, std::string_view b) {
			assert_ok(c.write(std::to_string(me) + std::string(b)));
			return b.size();
		};
		own.closed = [&, here](postern::conn_ref k, const postern::cause &) {
			closed++;
			late = k.set_events({});
		};
		if (me == 2)
			kept = c.keep(std::move(own));
		else
			assert_ok(c.set_events(std::move(own)));
		again = c.set_events({});
	};
	postern::server s(l, "echo", std::move(e));
	std::string got[3];
	std::vector<postern::conn> clients;
	for (std::string &answer : got) {
		postern::conn_events ce;
		ce.received = [&answer](postern::conn_ref, std::string_view b) { return answer += b, b.size(); };
		clients.emplace_back(l, "echo", std::move(ce));
		assert_ok(clients.back().write("!"));
		until(l, [&] { return answer.size() == 2; });
	}
	assert_string_equal((got[0] + got[1] + got[2]).c_str(), "0!1!2!");
	assert_errno(again, -EALREADY);
	clients.clear();
	until(l, [&] { return closed == 3; });
	assert_errno(late, -ESTALE);
	assert_int_equal(counted::alive, 1); /* the kept one's */
	assert_true(kept.state() == postern::conn_state::closed);
	kept = postern::conn();
	assert_int_equal(counted::alive, 0);
}

/* ---- peers that are killed ---- */

static int serve_until_killed(void *)
{
	postern::loop l;
	postern::server s(l, "victim", echoing());

	return l.run();
}

static void a_server_that_is_killed_ends_its_clients_and_is_followed_by_another(void **)
{
	pid_t pid = test_fork_start(serve_until_killed, nullptr);
	postern::loop l;
	postern::conn_events e;
	std::optional<postern::reason> ended;

	e.received = [](postern::conn_ref, std::string_view b) {
		return b.size();
	};
	e.sent = [&](postern::conn_ref, size_t) { kill(pid, SIGKILL); };
	e.closed = [&](postern::conn_ref, const postern::cause &why) { ended = why.reason; };
	postern::conn c(l, "victim", std::move(e)); /* also waits for it to come */
	assert_int_equal(c.write("hello"), 5);
	until(l, [&] { return ended.has_value(); });
	assert_true(*ended == postern::reason::ended || *ended == postern::reason::reset);
	assert_true(WIFSIGNALED(test_fork_wait(pid)));
	postern::server next(l, "victim");
	assert_non_null(strstr(next.path().c_str(), "victim"));
}

/* ---- errors as values, and thrown ---- */

static void errors_are_values_or_exceptions_with_the_same_words(void **)
{
	postern::loop l;
	postern::server s(l, "mine");
	postern::result<postern::server> second = postern::server::make(l, "mine");
	std::string words = second ? "" : second.error().what();

	assert_false(bool(second));
	assert_true(second.error().reason() == postern::reason::name_in_use);
	assert_true(second.error().code() == std::errc::address_in_use);
	assert_non_null(strstr(words.c_str(), "in use"));
	try {
		postern::server third(l, "mine");
		assert_true(false);
	} catch (const postern::error &e) {
		assert_string_equal(e.what(), words.c_str());
	}
	try {
		(void)std::move(second).value();
		assert_true(false);
	} catch (const std::runtime_error &e) {
		assert_string_equal(e.what(), words.c_str());
	}
	postern::conn_options bad;
	bad.framing = 77;
	postern::connect_options o;
	o.conn = &bad;
	postern::result<postern::conn> c = postern::conn::connect(l, "mine", {}, &o);
	assert_non_null(strstr(c.error().what(), "framing"));
	try {
		postern::check(postern::conn().close(), "close");
		assert_true(false);
	} catch (const postern::error &e) {
		assert_string_equal(e.what(), "close: Invalid argument");
	}
	assert_int_equal(postern::check(7), 7);
	postern::result<postern::server> good = postern::server::make(l, "another");
	assert_true(bool(good));
	postern::server moved = std::move(*good);
	assert_non_null(moved.get());
	assert_false(bool(postern::watch::make(l, -1, POSTERN_WATCH_READABLE, [](uint64_t) {})));
	assert_false(bool(postern::child::make(l, getpid(), [](int, int) {})));
	assert_false(bool(postern::signal::make(l, SIGKILL, [](int) {})));
	assert_false(bool(postern::conn::adopt(l, 0, {})));
}

/* ---- the rest of what can be owned ---- */

static void timers_signals_children_descriptors_and_posts_call_what_they_captured(void **)
{
	postern::loop l;
	int pipes[2], ticks = 0, sig = 0, how = 0, status = 0, read_n = 0, posts = 0;
	char byte;

	assert_int_equal(pipe(pipes), 0);
	{
		/* What can only be moved may be captured: the first timer ends the second one. */
		postern::timer second(l, [&] { ticks += 100; });
		assert_ok(second.set(1h));
		postern::timer first(l, [&, second = std::move(second)]() mutable { ticks++, second = postern::timer(); });
		postern::timer periodic(l, [&] {
			if (++ticks == 5)
				periodic.cancel();
		});
		postern::signal s(l, SIGUSR1, [&](int n) { sig = n; });
		postern::watch w(l, pipes[0], POSTERN_WATCH_READABLE, [&](uint64_t) {
			read_n = int(read(pipes[0], &byte, 1));
			w = postern::watch();
		});
		pid_t pid = fork();
		if (pid == 0)
			_exit(7);
		postern::child k(l, pid, [&](int h, int st) { how = h, status = st, k = postern::child(); });
		assert_ok(first.set(1ms));
		assert_ok(periodic.set_periodic(1ms));
		assert_int_equal(write(pipes[1], "x", 1), 1);
		raise(SIGUSR1);
		auto here = std::make_unique<counted>();
		assert_ok(l.post([&, here = std::move(here)] { posts++; }));
		until(l, [&] { return ticks >= 5 && sig && how && read_n && posts; });
	}
	assert_int_equal(sig, SIGUSR1);
	assert_int_equal(how, CLD_EXITED);
	assert_int_equal(status, 7);
	assert_ok(l.post([here = std::make_shared<counted>()] {})); /* goes with the loop */
	l = postern::loop();
	assert_int_equal(counted::alive, 0);
	postern::buffer b(10);
	assert_int_equal(b.add("hello, buffer"), 10);
	assert_int_equal(b.skip(7), 7);
	postern::buffer c(std::move(b));
	assert_true(c.view() == "buf");
	close(pipes[0]);
	close(pipes[1]);
}

static void a_server_drains_pauses_and_tells_its_end(void **)
{
	postern::loop l;
	postern::server_events e = echoing();
	std::optional<postern::reason> why;
	bool connected = false, ended = false;
	postern::conn_events ce;

	e.closed = [&](const postern::cause &c) { why = c.reason; };
	e.accepted = [&](postern::conn_ref c) { connected = c.peer().pid == getpid(); };
	postern::server s(l, "drains", std::move(e));
	assert_ok(s.pause());
	ce.closed = [&](postern::conn_ref, const postern::cause &) { ended = true; };
	postern::conn c(l, "drains", std::move(ce));
	assert_int_equal(l.busy_poll(50us), 0);
	assert_true(l.dispatch(20ms) >= 0);
	assert_false(connected);
	assert_ok(s.resume());
	until(l, [&] { return connected; });
	assert_ok(s.drain(1s));
	until(l, [&] { return why && ended; });
	assert_true(*why == postern::reason::closed);
}

int main()
{
	static const CMUnitTest tests[] = {
		TEST(what_is_sent_comes_back),
		TEST(nothing_is_allocated_for_a_message),
		TEST(a_connection_is_freed_in_each_of_its_callbacks),
		TEST(an_owner_is_moved_in_each_of_its_callbacks),
		TEST(a_server_is_freed_in_each_callback_of_its_own_and_of_its_connections),
		TEST(any_order_of_destruction_is_right_and_what_is_left_is_inert),
		TEST(an_accepted_connection_has_its_own_callbacks_until_it_is_closed_or_kept),
		TEST(a_server_that_is_killed_ends_its_clients_and_is_followed_by_another),
		TEST(errors_are_values_or_exceptions_with_the_same_words),
		TEST(timers_signals_children_descriptors_and_posts_call_what_they_captured),
		TEST(a_server_drains_pauses_and_tells_its_end),
	};

	return run_or_abort(tests);
}
