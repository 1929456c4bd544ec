/* SPDX-License-Identifier: Apache-2.0 */
/* postern.hpp: a loop on a thread of its own, and clients that wait */
#include "cxx.hpp"

#include <pthread.h>
#include <thread>

/* Lines come back, from a server that is as well kept by the thread as by a variable of its start function. */
static postern::thread echo_thread(const std::string &name, postern::thread_options o = {})
{
	return postern::thread([name](postern::loop &l) { return postern::server(l, name, echoing()); }, o);
}

static void a_client_that_waits_talks_to_a_server_in_a_thread(void **)
{
	postern::thread t = echo_thread("lines");
	postern::client c("lines");
	std::string large(100000, 'x');

	assert_ok(c.write_frame(POSTERN_FRAMING_LINES, "hello", 1s));
	assert_string_equal(c.read_line(5s).value().c_str(), "hello");
	assert_ok(c.write_frame(POSTERN_FRAMING_LINES, large, 5s));
	assert_true(c.read_line(5s).value() == large);
	assert_ok(c.write_frame(POSTERN_FRAMING_U32BE, large, postern::unlimited));
	assert_true(c.read_frame(POSTERN_FRAMING_U32BE, postern::unlimited).value() == large);
	postern::client moved(std::move(c));
	assert_errno(c.write("x", 1s), -EINVAL);
	assert_ok(moved.write("ab", 1s));
	char two[2];
	assert_int_equal(moved.read(two, 1, 5s), 1);
	assert_ok(moved.close(5s));
}

static void a_read_that_waits_ends_in_time_and_says_why(void **)
{
	postern::thread t = echo_thread("lines");
	postern::client c("lines");
	struct test_time begun = test_time();

	postern::result<std::string> r = c.read_line(50ms);
	assert_took(begun, 50000000, 60000000);
	assert_false(bool(r));
	assert_true(r.error().code() == std::errc::timed_out);
	assert_ok(c.write(std::string(300000, 'x'), 5s)); /* longer than what may be kept unread, and no line */
	r = c.read_line(5s);
	assert_true(r.error().code() == std::errc::message_size);
	assert_int_equal(t.join(0ns), -ETIMEDOUT);
	assert_string_equal(t.calling(), "");
	t = postern::thread();
	begun = test_time();
	postern::connect_options o;
	o.deadline_ns = POSTERN_MS(50);
	postern::result<postern::client> none = postern::client::connect("lines", &o);
	assert_took(begun, 50000000, 60000000);
	assert_true(none.error().reason() == postern::reason::timeout);
}

static void a_start_fails_with_what_its_function_throws_or_returns(void **)
{
	postern::thread t = echo_thread("taken");
	auto again = [](postern::loop &l) { return postern::server::make(l, "taken", echoing()); };
	postern::result<postern::thread> r = postern::thread::start(again);

	assert_false(bool(r));
	assert_true(r.error().reason() == postern::reason::name_in_use);
	assert_non_null(strstr(r.error().what(), "in use by pid"));
	try {
		postern::thread second = echo_thread("taken");
		assert_true(false);
	} catch (const postern::error &e) {
		assert_true(e.reason() == postern::reason::name_in_use);
	}
	try {
		(void)postern::thread::start([here = counted()](postern::loop &) { throw std::string("own"); });
		assert_true(false);
	} catch (const std::string &s) {
		assert_string_equal(s.c_str(), "own");
	}
	assert_int_equal(counted::alive, 0);
	postern::thread_options negative;
	negative.join_ns = -1;
	r = postern::thread::start([here = counted()](postern::loop &) {}, negative);
	assert_non_null(strstr(r.error().what(), "join_ns"));
	assert_int_equal(counted::alive, 0);
	r = postern::thread::start([](postern::loop &l) { return postern::server::make(l, "free"); });
	assert_true(bool(r));
	assert_ok(r->stop());
	assert_ok(r->join(5s));
}

static void what_is_thrown_on_a_thread_comes_out_of_join(void **)
{
	postern::thread t = echo_thread("throws");
	std::string got;

	assert_ok(t.post([] { throw std::string("posted"); }));
	try {
		t.join(5s);
	} catch (const std::string &s) {
		got = s;
	}
	assert_string_equal(got.c_str(), "posted");
	assert_ok(t.join(0ns)); /* once */
	assert_errno(t.post([here = counted()] {}), -ESTALE);
	assert_int_equal(counted::alive, 0);
	postern::server again(*std::make_unique<postern::loop>(), "throws"); /* its name was given up */
}

/* Owners wherever a program may have them: returned, captured by callbacks, in the function itself, and outside. */
static void a_thread_takes_owners_along_wherever_they_are(void **)
{
	postern::server outside;
	{
		postern::thread t([&outside, within = postern::timer(), here = counted()](postern::loop &l) mutable {
			auto counts = std::make_shared<counted>();
			postern::server_events e = echoing();
			e.conn.closed = [counts, t = postern::timer(l, [counts] {})](postern::conn_ref, const postern::cause &) {};
			within = postern::timer(l, [counts] {});
			assert_ok(within.set_periodic(1ms));
			outside = postern::server(l, "outside", echoing());
			postern::conn_events ce;
			ce.closed = [counts](postern::conn_ref, const postern::cause &) {};
			std::vector<postern::conn> kept;
			kept.emplace_back(l, "kept", std::move(ce));
			return std::make_pair(postern::server(l, "kept", std::move(e)), std::move(kept));
		});
		postern::client c("kept");
		assert_ok(c.write("x", 1s));
		char byte;
		assert_int_equal(c.read(&byte, 1, 5s), 1);
	}
	assert_int_equal(counted::alive, 0);
	outside = postern::server(); /* a handle that went with the thread is not touched */
}

static void pthread_exit_in_a_callback_or_in_the_start_ends_the_thread_and_nothing_leaks(void **)
{
	postern::thread t = echo_thread("exits");

	assert_ok(t.post([here = std::make_shared<counted>()] {
		auto local = here;
		pthread_exit(nullptr);
	}));
	assert_ok(t.join(5s));
	assert_int_equal(counted::alive, 0);
	postern::result<postern::thread> r = postern::thread::start([](postern::loop &l) {
		postern::server s(l, "exits", echoing());
		if (s.get())
			pthread_exit(nullptr);
		return s;
	});
	assert_true(r.error().reason() == postern::reason::cancelled);
	postern::thread c = echo_thread("exits"); /* free again */
	pthread_cancel(postern_thread_id(c.get()));
	assert_ok(c.join(5s));
}

static void a_start_that_takes_too_long_is_left_to_itself_and_cleans_up(void **)
{
	postern::thread_options o;
	auto go = std::make_shared<std::atomic<bool>>(false);
	auto gone = std::make_shared<std::atomic<bool>>(false);
	struct last {
		std::shared_ptr<std::atomic<bool>> gone;
		~last() { if (gone) *gone = true; }
		explicit last(std::shared_ptr<std::atomic<bool>> g) : gone(std::move(g)) {}
		last(last &&) = default;
	};

	o.start_ns = POSTERN_MS(20);
	postern::result<postern::thread> r = postern::thread::start([go, l = last(gone)](postern::loop &) {
		while (!*go)
			test_sleep_ms(1);
	}, o);
	assert_true(r.error().reason() == postern::reason::timeout);
	assert_false(*gone);
	*go = true;
	for (int64_t end = postern_now() + test_patience_ns(); !*gone; test_sleep_ms(1))
		assert_true(postern_now() < end);
	test_sleep_ms(20); /* its last steps, which nobody can wait for */
}

static void posts_of_many_threads_reach_a_loop_that_is_stopped_by_one(void **)
{
	postern::loop l;
	std::vector<std::thread> threads;
	int n = 0;

	for (int i = 0; i < 4; i++)
		threads.emplace_back([&] {
			for (int k = 0; k < 100; k++)
				assert_ok(l.post([&] { if (++n == 400) l.stop(); }));
		});
	assert_ok(l.run());
	for (std::thread &t : threads)
		t.join();
	assert_int_equal(n, 400);
}

int main()
{
	static const CMUnitTest tests[] = {
		TEST(a_client_that_waits_talks_to_a_server_in_a_thread),
		TEST(a_read_that_waits_ends_in_time_and_says_why),
		TEST(a_start_fails_with_what_its_function_throws_or_returns),
		TEST(what_is_thrown_on_a_thread_comes_out_of_join),
		TEST(a_thread_takes_owners_along_wherever_they_are),
		TEST(pthread_exit_in_a_callback_or_in_the_start_ends_the_thread_and_nothing_leaks),
		TEST(a_start_that_takes_too_long_is_left_to_itself_and_cleans_up),
		TEST(posts_of_many_threads_reach_a_loop_that_is_stopped_by_one),
	};

	return run_or_abort(tests);
}
