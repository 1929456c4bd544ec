/* SPDX-License-Identifier: Apache-2.0 */
/* postern.hpp: what leaves a callback comes out of run(), and passes through no frame of C's */
#include "cxx.hpp"

struct thrown {
	std::string where;
};

/* What run() throws, as text. */
static std::string run(postern::loop &l)
{
	try {
		return "run said " + std::to_string(l.run());
	} catch (const thrown &t) {
		return t.where;
	}
}

static void every_callback_of_a_connection_may_throw(void **)
{
	for (std::string which : {"state", "sent", "drained", "received", "ended", "closed"}) {
		postern::loop l;
		postern::server s(l, "echo", echoing());
		postern::connect_options o;
		postern::conn_options small;
		postern::conn_events e;
		std::string got, out;
		bool over = false;
		auto act = [&](const char *where) {
			if (which == where)
				throw thrown{std::exchange(which, "")};
		};

		small.high_water = 1000;
		o.conn = &small;
		e.state = [&](postern::conn_ref, postern::conn_state) { act("state"); };
		e.sent = [&](postern::conn_ref, size_t) { act("sent"); };
		e.drained = [&](postern::conn_ref c) { c.shutdown(), act("drained"); };
		e.received = [&](postern::conn_ref, std::string_view b) { return act("received"), got += b, b.size(); };
		e.ended = [&](postern::conn_ref c) { c.close(), act("ended"); };
		e.closed = [&](postern::conn_ref, const postern::cause &) { over = true, l.stop(), act("closed"); };
		std::string expected = which;
		postern::conn c(l, "echo", std::move(e), &o);
		assert_int_equal(c.write(std::string(5000, 'x')), 1000); /* cut short, so drained comes */
		out = run(l);
		assert_string_equal(out.c_str(), expected.c_str());
		c.resume(); /* received had taken nothing: it is offered again */
		if (!over)
			run(l);
		assert_true(over);
		assert_int_equal(got.size(), 1000);
	}
}

static void every_callback_of_a_server_may_throw(void **)
{
	postern::loop l;
	postern::server_events e;
	int asked = 0;
	bool allowed = false;

	e.allow = [&](const postern_peer &) -> bool {
		if (asked++ == 0)
			throw thrown{"allow"};
		return true;
	};
	e.accepted = [&](postern::conn_ref) { allowed = true; throw thrown{"accepted"}; };
	e.conn.received = [&](postern::conn_ref, std::string_view b) {
		if (std::exchange(allowed, false))
			throw thrown{"received"};
		return b.size();
	};
	e.conn.closed = [](postern::conn_ref, const postern::cause &) { throw thrown{"conn closed"}; };
	e.closed = [](const postern::cause &) { throw thrown{"server closed"}; };
	postern::server s(l, "throws", std::move(e));
	postern::conn refused(l, "throws");
	assert_string_equal(run(l).c_str(), "allow");
	assert_false(allowed);
	postern::conn c(l, "throws");
	assert_string_equal(run(l).c_str(), "accepted");
	assert_int_equal(c.write("x"), 1);
	assert_string_equal(run(l).c_str(), "received");
	c = postern::conn();
	assert_string_equal(run(l).c_str(), "conn closed");
	assert_ok(s.drain(1s));
	assert_string_equal(run(l).c_str(), "server closed");
	l.stop();
	assert_string_equal(run(l).c_str(), "run said 0");
}

static void timers_signals_children_descriptors_and_posts_may_throw(void **)
{
	postern::loop l;
	int pipes[2];
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(pipe(pipes), 0);
	{
		postern::timer t(l, [] { throw thrown{"timer"}; });
		assert_ok(t.set(0ns));
		assert_string_equal(run(l).c_str(), "timer");
		postern::watch w(l, pipes[1], POSTERN_WATCH_WRITABLE, [](uint64_t) { throw thrown{"watch"}; });
		assert_string_equal(run(l).c_str(), "watch");
		assert_string_equal(run(l).c_str(), "watch");
		w = postern::watch();
		postern::signal s(l, SIGUSR1, [](int) { throw thrown{"signal"}; });
		raise(SIGUSR1);
		assert_string_equal(run(l).c_str(), "signal");
		postern::child k(l, pid, [](int, int) { throw thrown{"child"}; });
		assert_string_equal(run(l).c_str(), "child");
		assert_ok(l.post([] { throw thrown{"post"}; }));
		assert_string_equal(run(l).c_str(), "post");
	}
	close(pipes[0]);
	close(pipes[1]);
}

static void an_exception_comes_out_of_dispatch_and_the_first_one_counts(void **)
{
	postern::loop l;
	std::string got;

	for (const char *text : {"first", "second"})
		assert_ok(l.post([text] { throw std::string(text); }));
	try {
		l.dispatch(1s);
	} catch (const std::string &text) {
		got = text;
	}
	assert_string_equal(got.c_str(), "first");
	assert_true(l.dispatch(0ns) >= 0);
}

static void an_owner_may_go_in_a_callback_that_throws(void **)
{
	postern::loop l;
	postern::server s(l, "echo", echoing());
	postern::conn c;
	postern::conn_events e;

	e.state = [&, here = std::make_shared<counted>()](postern::conn_ref, postern::conn_state) {
		auto stays = here;
		c = postern::conn();
		assert_int_equal(counted::alive, 1);
		throw thrown{"freed"};
	};
	c = postern::conn(l, "echo", std::move(e));
	assert_string_equal(run(l).c_str(), "freed");
	assert_int_equal(counted::alive, 0);
}

static void a_closed_event_within_a_destructor_may_throw(void **)
{
	std::string got;
	{
		postern::loop l;
		postern::server_events e;
		int accepted = 0;

		e.accepted = [&](postern::conn_ref) { accepted++; };
		e.conn.closed = [](postern::conn_ref, const postern::cause &) { throw thrown{"closed"}; };
		postern::server s(l, "throws", std::move(e));
		postern::conn c(l, "throws"), d(l, "throws");
		until(l, [&] { return accepted == 2; });
		s = postern::server();
		got = run(l); /* it has waited */
		postern::conn_events ce;
		ce.closed = [](postern::conn_ref, const postern::cause &) { throw thrown{"dropped"}; };
		c = postern::conn(l, "throws", std::move(ce));
		l = postern::loop(); /* no run will come */
		assert_true(c.state() == postern::conn_state::closed);
	}
	assert_string_equal(got.c_str(), "closed");
}

/* The usual program: it unwinds through owners whose callbacks throw once more. */
static void unwinding_over_owners_is_no_second_exception(void **)
{
	int caught = 0;

	try {
		postern::loop l;
		postern::server_events e;
		e.accepted = [](postern::conn_ref) { throw thrown{"accepted"}; };
		e.conn.closed = [](postern::conn_ref, const postern::cause &) { throw thrown{"closed"}; };
		postern::server s(l, "throws", std::move(e));
		postern::conn c(l, "throws");
		l.run();
	} catch (const thrown &t) {
		caught += t.where == "accepted";
	}
	assert_int_equal(caught, 1);
}

int main()
{
	static const CMUnitTest tests[] = {
		TEST(every_callback_of_a_connection_may_throw),
		TEST(every_callback_of_a_server_may_throw),
		TEST(timers_signals_children_descriptors_and_posts_may_throw),
		TEST(an_exception_comes_out_of_dispatch_and_the_first_one_counts),
		TEST(an_owner_may_go_in_a_callback_that_throws),
		TEST(a_closed_event_within_a_destructor_may_throw),
		TEST(unwinding_over_owners_is_no_second_exception),
	};

	return run_or_abort(tests);
}
