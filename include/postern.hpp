/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern.hpp - Postern for C++17 and later: owners, callables, errors as values or as exceptions
 *
 * Header only, over postern.h, whose rules hold here too; link with -lpostern. get() is the C handle, for the calls
 * that have no method here.
 *
 * Owner    Each class owns one object of postern.h, frees it in its destructor, and can be moved but not copied. C
 *          points only into the heap, so moving an owner moves nothing that C points to. Any order of destruction
 *          works. Callbacks live as long as their owner, and each may destroy, move or assign to that owner.
 *          A conn_ref owns nothing: an accepted connection lives until its closed event has returned, or is kept.
 * Errors   make(), connect(), adopt(), start() and the reads of whole messages return a result: a value, or an error
 *          with the text of postern_why(). Constructors and result::value() throw that error instead. All other calls
 *          return what C does, 0 or a count or a negative errno; check() turns the errno into an exception. Without
 *          exceptions (-fno-exceptions), a throw is an abort().
 * Throw    An exception that leaves a callback does not pass through C: it is stored, the loop stops, and run() or
 *          dispatch() rethrows it; on a thread, its join() does. The first exception wins; other callbacks of the same
 *          turn may still run. A received event that throws has taken nothing, an allow that throws rejects the peer.
 *          An exception from a closed event inside a destructor is thrown by the next run, or dropped if there is none.
 *          pthread_exit() in a callback is not such an exception.
 * Thread   As in postern.h: a loop and all objects on it belong to one thread, except for post() and stop().
 * Memory   One allocation per owner and one per callback that is set; none per event or message.
 */
#ifndef POSTERN_HPP
#define POSTERN_HPP
#include <postern/detail.hpp> /* callback<void()>: a std::function that also takes move-only callables */
#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>

namespace postern {

using std::chrono::nanoseconds; /* 500ms, 2s and the like, with std::chrono_literals */
inline constexpr nanoseconds unlimited{POSTERN_FOREVER};

/* ---- Why something ended or failed ---------------------------------------------------------- */

enum class reason {
	none = 0, ended = POSTERN_REASON_ENDED, closed = POSTERN_REASON_CLOSED, aborted = POSTERN_REASON_ABORTED,
	cancelled = POSTERN_REASON_CANCELLED, timeout = POSTERN_REASON_TIMEOUT, no_server = POSTERN_REASON_NO_SERVER,
	idle = POSTERN_REASON_IDLE, reset = POSTERN_REASON_RESET, violation = POSTERN_REASON_VIOLATION,
	not_allowed = POSTERN_REASON_NOT_ALLOWED, wrong_type = POSTERN_REASON_WRONG_TYPE,
	name_in_use = POSTERN_REASON_NAME_IN_USE, name_lost = POSTERN_REASON_NAME_LOST,
	name_restored = POSTERN_REASON_NAME_RESTORED, no_resources = POSTERN_REASON_NO_RESOURCES,
	failed = POSTERN_REASON_FAILED,
};

/* The reason that an event gets; valid during the event. */
struct cause {
	postern::reason  reason;
	int              error; /* a negative errno, or 0 */
	std::string_view text;

	explicit cause(const postern_reason &r) : reason{r.code}, error(r.error), text(r.text) {}
};

/* A copy, to keep or to throw. what() is the text, one line that says what to do. */
class error : public std::runtime_error {
public:
	explicit error(const postern_reason &r) : std::runtime_error(r.text), reason_{r.code}, error_(r.error) {}
	error(int number, const std::string &text) : runtime_error(text), reason_(postern::reason::failed), error_(number) {}
	postern::reason reason() const noexcept { return reason_; }
	std::error_code code() const { return {-error_, std::generic_category()}; }

private:
	postern::reason reason_;
	int error_;
};

[[noreturn]] void raise(const error &e); /* throws it */
ssize_t check(ssize_t r, const char *what = "postern"); /* takes the result of a call; throws if it is negative */

template <class T> class [[nodiscard]] result {
public:
	result(T value) : v_(std::in_place_index<0>, std::move(value)) {}
	result(postern::error e) : v_(std::in_place_index<1>, std::move(e)) {}
	explicit operator bool() const noexcept { return v_.index() == 0; }
	T &operator*() { return *std::get_if<0>(&v_); }
	T *operator->() { return std::get_if<0>(&v_); }
	const postern::error &error() const { return *std::get_if<1>(&v_); }
	T &value() & { return *this ? **this : (raise(error()), **this); }
	T value() && { return std::move(value()); }

private:
	std::variant<T, postern::error> v_;
};

/* Options of postern.h with .size set: postern::server_options o; o.backlog = 5; then pass &o. */
template <class T> struct sized : T {
	sized() : T() { this->size = sizeof(T); }
};
using conn_options = sized<postern_conn_options>;
using connect_options = sized<postern_connect_options>;
using server_options = sized<postern_server_options>;
using thread_options = sized<postern_thread_options>;

/* ---- Loop ----------------------------------------------------------------------------------- */

class loop {
public:
	loop() : loop(make().value()) {}
	static result<loop> make();
	loop(loop &&) = default;
	loop &operator=(loop &&o) noexcept;
	~loop();
	int run();
	int dispatch(nanoseconds timeout);
	void stop() noexcept { postern_loop_stop(get()); }
	[[nodiscard]] int post(callback<void()> fn);
	int fd() const { return postern_loop_fd(get()); }
	int busy_poll(nanoseconds max) { return postern_loop_set_busy_poll(get(), max.count()); }
	postern_loop *get() const noexcept { return state ? state->c : nullptr; }

	using state_ptr = std::shared_ptr<detail::loop_state>; /* internal */
	explicit loop(state_ptr s) : state(std::move(s)) {}
	state_ptr state;
};

/* ---- Connection ----------------------------------------------------------------------------- */

enum class conn_state {
	connecting = POSTERN_STATE_CONNECTING, waiting = POSTERN_STATE_WAITING, connected = POSTERN_STATE_CONNECTED,
	closing = POSTERN_STATE_CLOSING, closed = POSTERN_STATE_CLOSED,
};

struct conn_events;
class conn;

/* A connection with another owner. */
class conn_ref {
public:
	conn_ref() = default;
	explicit conn_ref(postern_conn *c) : c_(c) {}
	/* Returns how many bytes were taken; -EAGAIN: none, wait for drained. */
	[[nodiscard]] ssize_t write(std::string_view b) const { return postern_conn_write(c_, b.data(), b.size()); }
	/* All or nothing. framing: POSTERN_FRAMING_... */
	[[nodiscard]] ssize_t write_frame(int framing, std::string_view payload) const;
	/* Room in the queue for n bytes or more, which are built at `at` and then committed: postern_conn_reserve(). framing: 0, or
	   POSTERN_FRAMING_... */
	[[nodiscard]] ssize_t reserve(void *&at, size_t n, int framing = 0) const;
	[[nodiscard]] int commit(size_t n) const;
	ssize_t flush() const { return postern_conn_flush(c_); }
	size_t queued() const { return postern_conn_queued(c_); }
	int pause() const { return postern_conn_pause(c_); }
	int resume() const { return postern_conn_resume(c_); }
	int shutdown() const { return postern_conn_shutdown(c_); }
	int close() const { return postern_conn_close(c_); }
	int abort() const { return postern_conn_abort(c_); }
	conn_state state() const { return conn_state{postern_conn_state(c_)}; }
	cause why() const { return cause(*postern_conn_why(c_)); }
	postern_peer peer() const; /* uid -1: not connected yet */
	postern_conn *get() const noexcept { return c_; }
	/* Gives an accepted connection its own callbacks instead of the server's. Works once, then -EALREADY. */
	int set_events(conn_events on) const;
	/* The same, and it becomes yours. Throws if set_events() fails. */
	conn keep(conn_events on) const;

protected:
	postern_conn *c_ = nullptr;
};

/* The callbacks of postern_conn_events; one that is not set is NULL there. */
struct conn_events {
	callback<void(conn_ref, conn_state)> state;
	callback<size_t(conn_ref, std::string_view)> received; /* returns how many bytes it took */
	callback<void(conn_ref, std::string_view)> frame;      /* instead of received, with .framing */
	callback<void(conn_ref)> ended;
	callback<void(conn_ref)> drained;
	callback<void(conn_ref, size_t)> sent;
	callback<void(conn_ref, const cause &)> closed;
};

/* A connection that you own. */
class conn : public conn_ref {
public:
	conn() = default; /* empty: its calls return -EINVAL. The same holds for all classes below */
	conn(loop &l, const std::string &name, conn_events on = {}, const postern_connect_options *o = nullptr)
		: conn(connect(l, name, std::move(on), o).value()) {}
	static result<conn> connect(loop &l, const std::string &name, conn_events on = {},
		const postern_connect_options *o = nullptr);
	/* fd is taken on success. */
	static result<conn> adopt(loop &l, int fd, conn_events on = {}, const postern_conn_options *o = nullptr);
	[[nodiscard]] int detach() { return postern_conn_detach(c_); } /* the descriptor, which is yours */
	conn(conn &&o) noexcept : conn_ref(std::exchange(o.c_, nullptr)), box_(std::move(o.box_)) {}
	conn &operator=(conn &&o) noexcept;

private:
	friend class conn_ref;
	using box = std::unique_ptr<detail::box, detail::drop>;
	conn(postern_conn *c, box b) : conn_ref(c), box_(std::move(b)) {}
	template <class F> static result<conn> make(loop &l, conn_events on, F call);
	box box_;
};

/* ---- Server --------------------------------------------------------------------------------- */

/* The callbacks of postern_server_events. To stop the server inside one, capture a reference to it. */
struct server_events {
	conn_events conn; /* what accepted connections begin with */
	callback<bool(const postern_peer &)> allow;
	callback<void(conn_ref)> accepted;
	callback<void(const cause &)> error;
	callback<void(const cause &)> closed;
};

class server {
public:
	server() = default;
	server(loop &l, const std::string &name, server_events on = {}, const postern_server_options *o = nullptr)
		: server(make(l, name, std::move(on), o).value()) {}
	static result<server> make(loop &l, const std::string &name, server_events on = {},
		const postern_server_options *o = nullptr);
	int stop() { return postern_server_stop(get()); }
	int drain(nanoseconds deadline) { return postern_server_drain(get(), deadline.count()); }
	int pause() { return postern_server_pause(get()); }
	int resume() { return postern_server_resume(get()); }
	std::string path() const { return get() ? postern_server_path(get()) : ""; }
	postern_server *get() const noexcept;

private:
	std::unique_ptr<detail::box, detail::drop> box_;
};

/* ---- Timers, descriptors, signals, child processes ------------------------------------------ */

template <class T, T *(*Free)(T *), class... A> class source {
public:
	T *get() const noexcept { return box_ ? box_->c : nullptr; }

protected:
	using holder = detail::source_box<T, Free, A...>;
	template <class F> int open(loop &l, callback<void(A...)> fn, F call);
	std::unique_ptr<holder, detail::drop> box_;
};

class timer : public source<postern_timer, postern_timer_free> {
public:
	timer() = default;
	timer(loop &l, callback<void()> fn) : timer(make(l, std::move(fn)).value()) {}
	static result<timer> make(loop &l, callback<void()> fn);
	int set(nanoseconds after) { return postern_timer_set(get(), after.count()); }
	int set_periodic(nanoseconds period) { return postern_timer_set_periodic(get(), period.count()); }
	int cancel() { return postern_timer_cancel(get()); }
};

/* wanted, and the argument of fn: POSTERN_WATCH_... fd is borrowed. */
class watch : public source<postern_watch, postern_watch_free, uint64_t> {
public:
	watch() = default;
	watch(loop &l, int fd, uint64_t wanted, callback<void(uint64_t)> fn)
		: watch(make(l, fd, wanted, std::move(fn)).value()) {}
	static result<watch> make(loop &l, int fd, uint64_t wanted, callback<void(uint64_t)> fn);
	int set(uint64_t wanted) { return postern_watch_set(get(), wanted); }
};

class signal : public source<postern_signal, postern_signal_free, int> {
public:
	signal() = default;
	signal(loop &l, int sig, callback<void(int)> fn) : signal(make(l, sig, std::move(fn)).value()) {}
	static result<signal> make(loop &l, int sig, callback<void(int)> fn);
};

/* Calls fn once, with CLD_EXITED, CLD_KILLED or CLD_DUMPED, and the exit status or signal. */
class child : public source<postern_child, postern_child_free, int, int> {
public:
	child() = default;
	child(loop &l, pid_t pid, callback<void(int, int)> fn) : child(make(l, pid, std::move(fn)).value()) {}
	static result<child> make(loop &l, pid_t pid, callback<void(int, int)> fn);
	int kill(int sig) { return postern_child_kill(get(), sig); }
};

/* ---- A loop on a thread of its own ---------------------------------------------------------- */

/* fn(loop &) runs on the new thread before its loop does. What it returns, such as a server, stays until the thread
   ends, and is destroyed on it, as fn itself is. The start fails with what fn throws, or with the error of the result
   that it returns. The destructor is postern_thread_free(): it stops the thread and waits, within .join_ns. */
class thread {
public:
	thread() = default;
	template <class F, class = std::enable_if_t<std::is_invocable_v<F &, loop &>>>
	explicit thread(F fn, thread_options o = {}) : thread(start(std::move(fn), o).value()) {}
	template <class F> static result<thread> start(F fn, thread_options o = {}); /* .ended is reserved for this class */
	int stop() { return postern_thread_stop(get()); }
	int join(nanoseconds deadline); /* rethrows an exception of the thread's callbacks */
	[[nodiscard]] int post(callback<void()> fn);
	const char *calling() const { return postern_thread_calling(get()); }
	postern_thread *get() const noexcept { return c_.get(); }

private:
	struct freed { void operator()(postern_thread *t) const noexcept { postern_thread_free(t); } };
	struct state;
	template <class F> struct state_of;
	thread(std::shared_ptr<state> s, postern_thread *c) : state_(std::move(s)), c_(c) {}
	std::shared_ptr<state> state_;
	std::unique_ptr<postern_thread, freed> c_; /* destroyed first, which waits for the thread */
};

/* ---- Without a loop: calls that wait, each with a deadline ---------------------------------- */

class client {
public:
	client() = default;
	explicit client(const std::string &name, const postern_connect_options *o = nullptr)
		: client(connect(name, o).value()) {}
	static result<client> connect(const std::string &name, const postern_connect_options *o = nullptr);
	[[nodiscard]] ssize_t read(void *ret, size_t n, nanoseconds t) { return postern_client_read(get(), ret, n, t.count()); }
	result<std::string> read_line(nanoseconds t) { return read_frame(POSTERN_FRAMING_LINES, t); }
	result<std::string> read_frame(int framing, nanoseconds t);
	[[nodiscard]] int write(std::string_view bytes, nanoseconds t);
	[[nodiscard]] int write_frame(int framing, std::string_view payload, nanoseconds t);
	int shutdown(nanoseconds t) { return postern_client_shutdown(get(), t.count()); }
	int close(nanoseconds t) { return postern_client_close(get(), t.count()); }
	int wait_end(nanoseconds t) { return postern_client_wait_end(get(), t.count()); }
	cause why() const { return cause(*postern_client_why(get())); }
	postern_client *get() const noexcept { return c_.get(); }

private:
	struct freed { void operator()(postern_client *c) const noexcept { postern_client_free(c); } };
	std::unique_ptr<postern_client, freed> c_;
};

/* A bounded buffer, for a received event that collects. postern_frame_find() finds messages in view(). */
class buffer {
public:
	explicit buffer(size_t max = 0);
	size_t add(std::string_view b) { return postern_buffer_add(get(), b.data(), b.size()); }
	size_t skip(size_t n) { return postern_buffer_skip(get(), n); }
	std::string_view view() const;
	postern_buffer *get() const noexcept { return c_.get(); }

private:
	struct freed { void operator()(postern_buffer *b) const noexcept { postern_buffer_free(b); } };
	std::unique_ptr<postern_buffer, freed> c_;
};

} // namespace postern
#include <postern/impl.hpp>
#endif
