/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern/detail.hpp - helpers for postern.hpp; not for programs
 *
 * C gets the address of a box on the heap: the callables, and the C struct of events that calls them. The owner has a
 * unique_ptr to it. Each call from C is counted in the box (guard), since the owner may be destroyed during it: the
 * box is then deleted when the outermost call has returned.
 */
#ifndef POSTERN_DETAIL_HPP
#define POSTERN_DETAIL_HPP
#include <postern.h>
#include <cxxabi.h>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace postern {

/* A std::function for move-only callables, such as a lambda that has captured a timer. */
template <class> class callback;
template <class R, class... A> class callback<R(A...)> {
	struct any {
		virtual ~any() = default;
		virtual R call(A... a) = 0;
	};
	template <class F> struct of final : any {
		F f;
		explicit of(F g) : f(std::move(g)) {}
		R call(A... a) override { return f(std::forward<A>(a)...); }
	};
	std::unique_ptr<any> f_;

public:
	callback() = default;
	template <class F, class = std::enable_if_t<std::is_invocable_r_v<R, F &, A...> && !std::is_same_v<F, callback>>>
	callback(F f) : f_(new of<F>(std::move(f))) {}
	explicit operator bool() const noexcept { return bool(f_); }
	R operator()(A... a) { return f_->call(std::forward<A>(a)...); }
};

namespace detail {

/* Shared by a loop and all objects on it, since they may be destroyed in any order. */
struct loop_state {
	postern_loop *c = nullptr; /* NULL once it is freed */
	bool ours = true;          /* false: it belongs to a postern_thread, which frees all objects on it when it ends: */
	bool gone = false;         /* it has ended, so the C handles must not be touched */
	std::exception_ptr thrown;

	void rethrow() { if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr)); }
};

/* No exception enters C's frames, except for the forced unwind that ends a thread: handlers must not stop it. It has no
   object, which the null sanitizer would report. */
template <class F> __attribute__((no_sanitize("null"))) void attempt(loop_state &s, F &&f)
{
#ifdef __cpp_exceptions
	try {
		f();
#ifdef __GLIBCXX__
	} catch (abi::__forced_unwind &) {
		throw;
#endif
	} catch (...) {
		if (!s.thrown)
			s.thrown = std::current_exception();
		postern_loop_stop(s.c);
	}
#else
	(void)s;
	f();
#endif
}

struct box {
	std::shared_ptr<loop_state> loop;
	unsigned calls = 0;
	bool dead = false;

	explicit box(std::shared_ptr<loop_state> l) : loop(std::move(l)) {}
	box(const box &) = delete;
	box &operator=(const box &) = delete;
	virtual ~box() = default;
	virtual void free() noexcept = 0;
	bool alive() const noexcept { return !loop || !loop->gone; }
};

struct drop {
	void operator()(box *b) const noexcept
	{
		b->free();
		if (b->calls)
			b->dead = true;
		else
			delete b;
	}
};

template <class F> void guard(box *b, F &&f)
{
	struct within {
		box *b;
		explicit within(box *w) : b(w) { b->calls++; }
		within(const within &) = delete;
		within &operator=(const within &) = delete;
		~within() { if (--b->calls == 0 && b->dead) delete b; }
	} now(b);
	attempt(*b->loop, f);
}

/* Timers and the like: one handle, one callable. */
template <class T, T *(*Free)(T *), class... A> struct source_box final : box {
	T *c = nullptr;
	callback<void(A...)> fn;

	source_box(std::shared_ptr<loop_state> l, callback<void(A...)> f) : box(std::move(l)), fn(std::move(f)) {}
	void free() noexcept override { if (alive()) Free(c); }
	static void tell(T *, A... a, void *data)
	{
		auto *b = static_cast<source_box *>(data);
		guard(b, [&] { b->fn(a...); });
	}
};

/* A call that another thread has posted. It is dropped with the loop if that ends first. */
struct posted {
	std::shared_ptr<loop_state> loop;
	callback<void()> fn;

	static void run(postern_loop *l, void *data)
	{
		std::unique_ptr<posted> p(static_cast<posted *>(data));
		if (l)
			attempt(*p->loop, p->fn);
	}
	template <class F> static int post(std::shared_ptr<loop_state> s, callback<void()> fn, F &&call)
	{
		auto p = std::make_unique<posted>(posted{std::move(s), std::move(fn)});
		int r = call(&run, p.get());
		if (r >= 0)
			p.release();
		return r;
	}
};

} // namespace detail
} // namespace postern
#endif
