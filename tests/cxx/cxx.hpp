/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of postern.hpp and postern-qt.hpp share: test.h after the headers under test, since cmocka defines words
   of its language as macros. */
#pragma once

#include <postern.hpp>
/* A function and a struct of one name are usual in C. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#include "test.h"
}
#pragma GCC diagnostic pop
#undef skip
#undef fail
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;

/* An assertion that fails jumps out of its frame, past destructors: what is registered there would be called later, and
   the tests after it would fail for that. So the first one ends the program. */
#define run_or_abort(tests) (setenv("CMOCKA_TEST_ABORT", "1", 1), test_run(tests))

/* What goes out of scope is counted: what a callback has captured, whoever destroys it. */
struct counted {
	static inline int alive = 0;
	counted() { alive++; }
	counted(const counted &) { alive++; }
	counted(counted &&) noexcept { alive++; }
	counted &operator=(const counted &) = default;
	~counted() { alive--; }
};

/* Turns until it holds; a test that waits in vain fails in here. */
template <class F> void until(postern::loop &l, F holds)
{
	int64_t end = postern_now() + test_patience_ns();

	while (!holds()) {
		assert_true(postern_now() < end);
		assert_true(l.dispatch(10ms) >= 0);
	}
}

/* Sends back what it receives. */
inline postern::server_events echoing()
{
	postern::server_events e;

	e.conn.received = [](postern::conn_ref c, std::string_view bytes) { return size_t(std::max<ssize_t>(0, c.write(bytes))); };
	return e;
}
