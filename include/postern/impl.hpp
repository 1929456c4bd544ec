/* SPDX-License-Identifier: Apache-2.0 */
/* postern/impl.hpp - the bodies of postern.hpp; not for programs */
#ifndef POSTERN_IMPL_HPP
#define POSTERN_IMPL_HPP
#include <postern.hpp>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace postern {

/* ---- Errors ---- */

inline void raise(const error &e)
{
#ifdef __cpp_exceptions
	throw e;
#else
	std::fprintf(stderr, "postern: %s\n", e.what());
	std::abort();
#endif
}

inline ssize_t check(ssize_t r, const char *what)
{
	if (r < 0)
		raise({int(r), std::string(what) + ": " + std::generic_category().message(int(-r))});
	return r;
}

/* ---- Loop ---- */

inline result<loop> loop::make()
{
	auto s = std::make_shared<detail::loop_state>();

	if (postern_loop_new(&s->c) < 0)
		return error(*postern_why());
	return loop(std::move(s));
}

inline loop &loop::operator=(loop &&o) noexcept
{
	loop old(std::move(o));

	std::swap(state, old.state);
	return *this;
}

inline loop::~loop()
{
	if (state && state->ours)
		postern_loop_free(std::exchange(state->c, nullptr));
}

/* A callback may destroy the loop; an exception that it threw must survive that. */
inline int loop::run()
{
	auto s = state;
	int r = postern_loop_run(get());

	if (s)
		s->rethrow();
	return r;
}

inline int loop::dispatch(nanoseconds timeout)
{
	auto s = state;
	int r = postern_loop_dispatch(get(), timeout.count());

	if (s)
		s->rethrow();
	return r;
}

inline int loop::post(callback<void()> fn)
{
	return detail::posted::post(state, std::move(fn), [&](auto *f, void *d) { return postern_loop_post(get(), f, d); });
}

/* ---- Connection ---- */

namespace detail {

/* The callbacks of one connection, or of all connections that a server has accepted. */
struct handlers : box {
	conn_events on;
	postern_conn_events table = {};
	postern_conn *own = nullptr; /* the one connection */
	bool owned = false;          /* by a conn; else the box is deleted with the connection */

	handlers(std::shared_ptr<loop_state> l, conn_events e) : box(std::move(l)), on(std::move(e))
	{
		table.size = sizeof table;
		if (on.state)
			table.state = [](postern_conn *c, int s, void *d) {
				guard(of(d), [&] { of(d)->on.state(conn_ref(c), conn_state{s}); });
			};
		if (on.received)
			table.received = [](postern_conn *c, const void *p, size_t n, void *d) {
				size_t taken = 0;

				guard(of(d), [&] { taken = of(d)->on.received(conn_ref(c), {static_cast<const char *>(p), n}); });
				return taken;
			};
		if (on.frame)
			table.frame = [](postern_conn *c, const void *p, size_t n, void *d) {
				guard(of(d), [&] { of(d)->on.frame(conn_ref(c), {static_cast<const char *>(p), n}); });
			};
		if (on.ended)
			table.ended = [](postern_conn *c, void *d) { guard(of(d), [&] { of(d)->on.ended(conn_ref(c)); }); };
		if (on.drained)
			table.drained = [](postern_conn *c, void *d) { guard(of(d), [&] { of(d)->on.drained(conn_ref(c)); }); };
		if (on.sent)
			table.sent = [](postern_conn *c, size_t n, void *d) {
				guard(of(d), [&] { of(d)->on.sent(conn_ref(c), n); });
			};
		table.closed = closed;
	}

	static void closed(postern_conn *c, const postern_reason *why, void *d)
	{
		guard(of(d), [&] {
			of(d)->dead |= of(d)->own && !of(d)->owned;
			if (of(d)->on.closed)
				of(d)->on.closed(conn_ref(c), cause(*why));
		});
	}

	static handlers *of(void *data) { return static_cast<handlers *>(data); }
	void free() noexcept override { if (alive()) postern_conn_free(own); }
};

} // namespace detail

inline ssize_t conn_ref::write_frame(int framing, std::string_view payload) const
{
	return postern_conn_write_frame(c_, framing, payload.data(), payload.size());
}

inline ssize_t conn_ref::reserve(void *&at, size_t n, int framing) const
{
	return postern_conn_reserve(c_, framing, n, &at);
}

inline int conn_ref::commit(size_t n) const
{
	return postern_conn_commit(c_, n);
}

inline postern_peer conn_ref::peer() const
{
	postern_peer p{uid_t(-1), gid_t(-1), 0};

	postern_conn_peer(c_, &p, sizeof p);
	return p;
}

inline int conn_ref::set_events(conn_events on) const
{
	auto *h = detail::handlers::of(postern_conn_data(c_));

	if (!h)
		return -EINVAL;
	if (state() == conn_state::closed)
		return -ESTALE;
	if (h->own)
		return -EALREADY;
	auto mine = std::make_unique<detail::handlers>(h->loop, std::move(on));
	mine->own = c_;
	int r = postern_conn_set_events(c_, &mine->table, mine.get());
	if (r >= 0)
		mine.release();
	return r;
}

inline conn conn_ref::keep(conn_events on) const
{
	check(set_events(std::move(on)), "keep");
	auto *h = detail::handlers::of(postern_conn_data(postern_conn_keep(c_)));
	h->owned = true;
	return conn(c_, conn::box(h));
}

inline conn &conn::operator=(conn &&o) noexcept
{
	conn old(std::move(o));

	std::swap(c_, old.c_);
	std::swap(box_, old.box_);
	return *this;
}

template <class F> result<conn> conn::make(loop &l, conn_events on, F call)
{
	auto *h = new detail::handlers(l.state, std::move(on));
	box b(h);

	h->owned = true;
	if (call(h) < 0)
		return error(*postern_why());
	return conn(h->own, std::move(b));
}

inline result<conn> conn::connect(loop &l, const std::string &name, conn_events on, const postern_connect_options *o)
{
	return make(l, std::move(on), [&](detail::handlers *h) {
		return postern_connect(&h->own, l.get(), name.c_str(), o, &h->table, h);
	});
}

inline result<conn> conn::adopt(loop &l, int fd, conn_events on, const postern_conn_options *o)
{
	return make(l, std::move(on), [&](detail::handlers *h) {
		return postern_conn_adopt(&h->own, l.get(), fd, o, &h->table, h);
	});
}

/* ---- Server ---- */

namespace detail {

/* Its connections get the server's data too, so C gets a pointer to the handlers inside. */
struct server_handlers final : handlers {
	server_events server;
	postern_server_events events = {};
	postern_server *s = nullptr;

	server_handlers(std::shared_ptr<loop_state> l, server_events e)
		: handlers(std::move(l), std::move(e.conn)), server(std::move(e))
	{
		events.size = sizeof events;
		events.conn = &table;
		if (server.allow)
			events.allow = [](postern_server *, const postern_peer *p, void *d) {
				bool in = false;

				guard(of(d), [&] { in = of(d)->server.allow(*p); });
				return in ? 0 : -EACCES;
			};
		if (server.accepted)
			events.accepted = [](postern_server *, postern_conn *c, void *d) {
				guard(of(d), [&] { of(d)->server.accepted(conn_ref(c)); });
			};
		if (server.error)
			events.error = [](postern_server *, const postern_reason *why, void *d) {
				guard(of(d), [&] { of(d)->server.error(cause(*why)); });
			};
		if (server.closed)
			events.closed = [](postern_server *, const postern_reason *why, void *d) {
				guard(of(d), [&] { of(d)->server.closed(cause(*why)); });
			};
	}

	static server_handlers *of(void *data) { return static_cast<server_handlers *>(handlers::of(data)); }
	void free() noexcept override { if (alive()) postern_server_free(s); }
};

} // namespace detail

inline postern_server *server::get() const noexcept
{
	return box_ ? static_cast<detail::server_handlers *>(box_.get())->s : nullptr;
}

inline result<server> server::make(loop &l, const std::string &name, server_events on, const postern_server_options *o)
{
	auto *h = new detail::server_handlers(l.state, std::move(on));
	detail::handlers *data = h;
	server made;

	made.box_.reset(h);
	if (postern_server_new(&h->s, l.get(), name.c_str(), o, &h->events, data) < 0)
		return error(*postern_why());
	return made;
}

/* ---- Timers, descriptors, signals, child processes ---- */

template <class T, T *(*Free)(T *), class... A> template <class F>
int source<T, Free, A...>::open(loop &l, callback<void(A...)> fn, F call)
{
	box_.reset(new holder(l.state, std::move(fn)));
	return call(&box_->c, l.get(), &holder::tell, static_cast<void *>(box_.get()));
}

inline result<timer> timer::make(loop &l, callback<void()> fn)
{
	timer t;

	if (t.open(l, std::move(fn), postern_timer_new) < 0)
		return error(*postern_why());
	return t;
}

inline result<watch> watch::make(loop &l, int fd, uint64_t wanted, callback<void(uint64_t)> fn)
{
	watch w;

	if (w.open(l, std::move(fn), [&](auto **ret, auto *c, auto *tell, void *data) {
		    return postern_watch_new(ret, c, fd, wanted, tell, data);
	    }) < 0)
		return error(*postern_why());
	return w;
}

inline result<signal> signal::make(loop &l, int sig, callback<void(int)> fn)
{
	signal s;

	if (s.open(l, std::move(fn), [&](auto **ret, auto *c, auto *tell, void *data) {
		    return postern_signal_new(ret, c, sig, tell, data);
	    }) < 0)
		return error(*postern_why());
	return s;
}

inline result<child> child::make(loop &l, pid_t pid, callback<void(int, int)> fn)
{
	child k;

	if (k.open(l, std::move(fn), [&](auto **ret, auto *c, auto *tell, void *data) {
		    return postern_child_new(ret, c, pid, tell, data);
	    }) < 0)
		return error(*postern_why());
	return k;
}

/* ---- Thread ---- */

/* Shared by the handle and the thread; the last of them deletes it. The thread's reference is `self`. */
struct thread::state {
	loop l{loop::state_ptr()};
	std::optional<error> failed;
	std::exception_ptr thrown;
	std::shared_ptr<state> self;
	std::atomic<bool> begun{false};

	virtual ~state() = default;
	virtual void begin() = 0;
	virtual void finish() = 0;

	static int start(postern_thread *, postern_loop *c, void *data)
	{
		auto *t = static_cast<state *>(data);
		auto s = std::make_shared<detail::loop_state>();

		t->begun = true;
		s->c = c;
		s->ours = false;
		t->l = loop(s);
		detail::attempt(*s, [&] { t->begin(); });
		return s->thrown || t->failed ? -ECANCELED : 0;
	}

	/* All objects on the loop were freed with it: owners that are destroyed from here on free nothing. */
	static void ended(void *data)
	{
		std::shared_ptr<state> t = std::move(static_cast<state *>(data)->self);

		if (t->l.state) {
			t->l.state->gone = true;
			t->thrown = t->l.state->thrown;
		}
		t->finish();
	}
};

namespace detail {

template <class R> struct stays { using type = R; };
template <> struct stays<void> { using type = std::monostate; };
template <class T> struct stays<result<T>> { using type = T; };

} // namespace detail

template <class F> struct thread::state_of final : thread::state {
	using R = std::invoke_result_t<F &, loop &>;
	using S = typename detail::stays<R>::type;
	static_assert(!std::is_arithmetic_v<R>, "return nothing, or what has to stay, or a result of it");
	std::optional<F> fn;
	std::optional<S> kept;

	explicit state_of(F f) : fn(std::move(f)) {}
	void begin() override
	{
		if constexpr (std::is_void_v<R>) {
			(*fn)(l);
		} else if constexpr (std::is_same_v<R, S>) {
			kept.emplace((*fn)(l));
		} else if (R r = (*fn)(l); r) {
			kept.emplace(std::move(*r));
		} else {
			failed = r.error();
		}
	}
	void finish() override { kept.reset(), fn.reset(); }
};

template <class F> result<thread> thread::start(F fn, thread_options o)
{
	std::shared_ptr<state> s = std::make_shared<state_of<F>>(std::move(fn));
	postern_thread *c = nullptr;

	s->self = s;
	o.ended = state::ended;
	int r = postern_thread_start(&c, &o, state::start, s.get());
	if (r >= 0)
		return thread(std::move(s), c);
	error e(*postern_why());
	/* After a timeout the thread still runs and owns the state alone. Otherwise it has ended, or never began. */
	if (r == -ETIMEDOUT)
		return e;
	if (!s->begun)
		s->self.reset();
	if (s->thrown)
		std::rethrow_exception(s->thrown);
	return s->failed ? *s->failed : e;
}

inline int thread::join(nanoseconds deadline)
{
	int r = postern_thread_join(get(), deadline.count());

	if (r == 0 && state_->thrown)
		std::rethrow_exception(std::exchange(state_->thrown, nullptr));
	return r;
}

inline int thread::post(callback<void()> fn)
{
	return detail::posted::post(state_ ? state_->l.state : nullptr, std::move(fn),
		[&](auto *f, void *data) { return postern_thread_post(get(), f, data); });
}

/* ---- Client, buffer ---- */

inline result<client> client::connect(const std::string &name, const postern_connect_options *o)
{
	postern_client *c = nullptr;
	client made;

	if (postern_client_new(&c, name.c_str(), o) < 0)
		return error(*postern_why());
	made.c_.reset(c);
	return made;
}

inline int client::write(std::string_view bytes, nanoseconds t)
{
	return postern_client_write(get(), bytes.data(), bytes.size(), t.count());
}

inline int client::write_frame(int framing, std::string_view payload, nanoseconds t)
{
	return postern_client_write_frame(get(), framing, payload.data(), payload.size(), t.count());
}

/* A message that does not fit stays in the buffer, so try again with more room, up to the size of what has come. */
inline result<std::string> client::read_frame(int framing, nanoseconds t)
{
	int64_t begun = postern_now(), left = t.count();
	std::string text(256, '\0');
	ssize_t n;

	while ((n = postern_client_read_frame(get(), framing, text.data(), text.size(), left)) == -EMSGSIZE) {
		if (text.size() > postern_client_available(get()))
			break;
		text.resize(4 * text.size());
		if (left != POSTERN_FOREVER)
			left = std::max<int64_t>(0, t.count() - (postern_now() - begun));
	}
	if (n >= 0)
		return text.substr(0, size_t(n));
	if (cause w = why(); w.error == n)
		return error(int(n), std::string(w.text));
	return error(int(n), std::generic_category().message(int(-n)));
}

inline buffer::buffer(size_t max)
{
	postern_buffer *b = nullptr;

	check(postern_buffer_new(&b, max), "buffer");
	c_.reset(b);
}

inline std::string_view buffer::view() const
{
	return {static_cast<const char *>(postern_buffer_bytes(get())), postern_buffer_size(get())};
}

} // namespace postern
#endif
