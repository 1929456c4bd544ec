/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern/qt-impl.hpp - the bodies of postern-qt.hpp; not for programs
 *
 * Postern's callbacks only record what happened; next() emits one signal for it, from Qt's event loop. No slot runs
 * inside a callback, so nothing can be destroyed or thrown there, and no C frame is below a slot on the stack.
 */
#ifndef POSTERN_QT_IMPL_HPP
#define POSTERN_QT_IMPL_HPP
#include <postern-qt.hpp>
#include <QDeadlineTimer>
#include <cerrno>
#include <cstring>

namespace postern {
namespace qt {

/* ---- Connection: what happens ---- */

inline const postern_conn_events *Connection::events()
{
	static const auto of = [](void *data) { return static_cast<Connection *>(data); };
	static const auto make = [] {
		postern_conn_events e = {};
		e.size = sizeof e;
		e.state = [](postern_conn *, int s, void *d) {
			if (s != POSTERN_STATE_CONNECTED)
				return;
			of(d)->connected_ = of(d)->tell_connected_ = true;
			of(d)->telling_.later(of(d));
		};
		e.received = [](postern_conn *, const void *bytes, size_t n, void *d) {
			size_t had = size_t(of(d)->in_.size()), k = had < of(d)->unread_ ? qMin(n, of(d)->unread_ - had) : 0;

			of(d)->held_ = k < n;
			if (k > 0) {
				of(d)->in_.append(static_cast<const char *>(bytes), int(k));
				of(d)->tell_read_ = true;
				of(d)->telling_.later(of(d));
			}
			return k;
		};
		e.frame = [](postern_conn *c, const void *payload, size_t n, void *d) {
			of(d)->messages_.append(QByteArray(static_cast<const char *>(payload), int(n)));
			of(d)->waiting_ += n;
			of(d)->held_ = of(d)->waiting_ >= of(d)->unread_;
			if (of(d)->held_)
				postern_conn_pause(c);
			of(d)->telling_.later(of(d));
		};
		e.ended = [](postern_conn *, void *d) {
			of(d)->ended_ = of(d)->tell_ended_ = true;
			of(d)->telling_.later(of(d));
		};
		e.sent = [](postern_conn *, size_t n, void *d) {
			of(d)->sent_ += qint64(n);
			of(d)->telling_.later(of(d));
		};
		e.closed = [](postern_conn *, const postern_reason *why, void *d) {
			static const postern_reason ended = {POSTERN_REASON_ENDED, 0, postern_reason_text(POSTERN_REASON_ENDED)};

			/* If this side closed because the peer had ended, report that. */
			of(d)->end(Loop::why(of(d)->followed_ && why->code == POSTERN_REASON_CLOSED ? &ended : why));
		};
		return e;
	};
	static const auto e = make();

	return &e;
}

inline void Connection::begin(const conn_options &o)
{
	c_ = postern_conn_free(c_);
	options_ = o;
	unread_ = o.unread ? o.unread : 256 * 1024;
	connected_ = ended_ = followed_ = held_ = tell_connected_ = tell_read_ = tell_ended_ = tell_over_ = false;
	in_.clear();
	messages_.clear();
	errors_.clear();
	waiting_ = 0;
	sent_ = 0;
	setOpenMode(ReadWrite | Unbuffered);
}

/* No signal before the server's newConnection(): nothing would be connected to it yet. */
inline void Connection::accepted(QObject *server, std::shared_ptr<Loop> loop, postern_conn *c, const conn_options &o)
{
	begin(o);
	server_ = server;
	loop_ = std::move(loop);
	connected_ = telling_.now = true;
	c_ = postern_conn_keep(c);
	postern_conn_set_events(c, events(), this);
}

inline void Connection::connectToServer(const QString &name, int deadline)
{
	connect_options o;

	o.deadline_ns = POSTERN_MS(deadline);
	connectToServer(name, o);
}

inline void Connection::connectToServer(const QString &name, connect_options o)
{
	Failure f;

	if (state() != conn_state::closed) {
		fail({reason::failed, QStringLiteral("%1: this connection is in use").arg(name)});
		return;
	}
	begin(options_);
	o.conn = &options_;
	loop_ = Loop::of(this, &f);
	if (!loop_)
		end(f);
	else if (postern_connect(&c_, loop_->c, name.toUtf8().constData(), &o, events(), this) < 0)
		end(Loop::why());
}

inline void Connection::fail(const Failure &f)
{
	setErrorString(f.second);
	errors_.append(f);
	telling_.later(this);
}

inline void Connection::end(const Failure &f)
{
	if (f.first != reason::ended && f.first != reason::closed && f.first != reason::aborted && f.first != reason::cancelled)
		fail(f);
	last_ = f;
	tell_over_ = true;
	telling_.later(this);
}

/* Its socket cannot move to another thread. */
inline bool Connection::event(QEvent *e)
{
	if (e->type() == QEvent::ThreadChange && loop_) {
		if (state() != conn_state::closed)
			end({reason::failed, QStringLiteral("moved to another thread while in use")});
		c_ = postern_conn_free(c_);
		loop_ = nullptr;
	}
	return QIODevice::event(e);
}

/* ---- Connection: signals ---- */

/* A slot may delete the object: do not touch it after a signal. */
inline bool Connection::next()
{
	QPointer<Connection> alive(this);

	if (std::exchange(tell_connected_, false)) {
		Q_EMIT connected();
	} else if (sent_ > 0) {
		Q_EMIT bytesWritten(std::exchange(sent_, 0));
	} else if (std::exchange(tell_read_, false)) {
		Q_EMIT readyRead();
	} else if (!messages_.isEmpty()) {
		Q_EMIT message(take());
	} else if (std::exchange(tell_ended_, false)) {
		Q_EMIT readChannelFinished();
	} else if (!errors_.isEmpty()) {
		tell(&Connection::errorOccurred, errors_.takeFirst());
	} else if (std::exchange(tell_over_, false)) {
		tell(&Connection::disconnected, last_);
		if (alive && server_ && parent() == server_)
			deleteLater();
	} else {
		follow();
		return false;
	}
	return true;
}

/* The peer has ended, and the slots that react to it have run. */
inline void Connection::follow()
{
	if (!ended_ || half_open_ || state() != conn_state::connected)
		return;
	followed_ = true;
	postern_conn_close(c_);
}

/* ---- Connection: reading, writing, waiting ---- */

inline void Connection::go_on()
{
	if (std::exchange(held_, false))
		postern_conn_resume(c_);
}

inline QByteArray Connection::take()
{
	QByteArray m = messages_.takeFirst();

	waiting_ -= size_t(m.size());
	if (waiting_ <= unread_ / 2)
		go_on();
	return m;
}

inline qint64 Connection::readData(char *to, qint64 most)
{
	int n = int(qMin(most, qint64(in_.size())));

	if (n > 0)
		std::memcpy(to, in_.constData(), size_t(n));
	in_.remove(0, n);
	go_on();
	return n > 0 || !ended_ ? n : -1;
}

inline qint64 Connection::readLineData(char *to, qint64 most)
{
	qint64 end = in_.indexOf('\n') + 1;

	return readData(to, end > 0 ? qMin(most, end) : most);
}

inline qint64 Connection::writeData(const char *from, qint64 n)
{
	ssize_t r = postern_conn_write(c_, from, size_t(n));

	return r == -EAGAIN ? 0 : r < 0 ? -1 : qint64(r);
}

inline bool Connection::sendMessage(const QByteArray &m)
{
	return postern_conn_write_frame(c_, int(options_.framing), m.constData(), size_t(m.size())) >= 0;
}

template <class F, class G> bool Connection::wait(int ms, F holds, G hopeless)
{
	QDeadlineTimer end(qMax(0, ms));
	std::shared_ptr<Loop> l = loop_;

	while (!holds()) {
		if (ms < 0 || !l || state() == conn_state::closed || hopeless())
			return false;
		int r = postern_loop_dispatch(l->c, qMax<int64_t>(0, end.remainingTimeNSecs()));
		if (r < 0 || end.hasExpired())
			return holds();
	}
	return true;
}

inline bool Connection::waitForConnected(int ms)
{
	return wait(ms, [this] { return connected_; }, [] { return false; });
}

inline bool Connection::waitForReadyRead(int ms)
{
	return wait(ms, [this, had = in_.size()] { return in_.size() > had; }, [this] { return ended_; });
}

inline bool Connection::waitForBytesWritten(int ms)
{
	return wait(ms, [this, had = bytesToWrite()] { return bytesToWrite() < had; }, [] { return false; });
}

inline bool Connection::waitForMessage(QByteArray *ret, int ms)
{
	if (!wait(ms, [this] { return !messages_.isEmpty(); }, [this] { return ended_; }))
		return false;
	*ret = take();
	return true;
}

inline bool Connection::waitForDisconnected(int ms)
{
	return wait(ms, [this] { return follow(), state() == conn_state::closed; }, [] { return false; });
}

/* ---- Server ---- */

inline const postern_server_events *Server::events()
{
	static const auto of = [](void *data) { return static_cast<Server *>(data); };
	static const auto make = [] {
		postern_server_events e = {};
		e.size = sizeof e;
		e.accepted = [](postern_server *, postern_conn *c, void *d) {
			auto *k = new Connection(of(d));

			k->accepted(of(d), of(d)->loop_, c, of(d)->conn_);
			of(d)->news_.append(k);
			of(d)->telling_.later(of(d));
		};
		e.error = [](postern_server *, const postern_reason *why, void *d) { of(d)->fail(Loop::why(why)); };
		e.closed = [](postern_server *, const postern_reason *why, void *d) {
			of(d)->last_ = Loop::why(why);
			of(d)->tell_closed_ = true;
			of(d)->telling_.later(of(d));
		};
		return e;
	};
	static const auto e = make();

	return &e;
}

inline bool Server::listen(const QString &name, const server_options &o)
{
	Failure f;

	if (isListening())
		return fail({reason::failed, QStringLiteral("%1: this server is listening already").arg(name)});
	conn_ = conn_options();
	if (o.conn)
		std::memcpy(static_cast<postern_conn_options *>(&conn_), o.conn, qMin(o.conn->size, sizeof conn_));
	s_ = postern_server_free(s_);
	loop_ = Loop::of(this, &f);
	if (!loop_)
		return fail(f);
	if (postern_server_new(&s_, loop_->c, name.toUtf8().constData(), &o, events(), this) < 0)
		return fail(Loop::why());
	return true;
}

inline bool Server::isListening() const
{
	postern_server_counters k = {};

	return postern_server_get_counters(s_, &k, sizeof k) == 0 && k.listening;
}

inline bool Server::fail(const Failure &f)
{
	error_ = f.second;
	errors_.append(f);
	telling_.later(this);
	return false;
}

inline bool Server::event(QEvent *e)
{
	if (e->type() == QEvent::ThreadChange && loop_) {
		if (isListening())
			fail({reason::failed, QStringLiteral("moved to another thread while listening")});
		s_ = postern_server_free(s_);
		loop_ = nullptr;
	}
	return QObject::event(e);
}

inline bool Server::next()
{
	/* A slot that runs an event loop does not hold up further connections. */
	telling_.now = false;
	if (news_.size() > 1)
		telling_.later(this);
	if (!news_.isEmpty()) {
		QPointer<Connection> k = news_.takeFirst();

		if (k)
			Q_EMIT newConnection(k);
		if (k) {
			k->telling_.now = false;
			k->telling_.later(k.data());
		}
	} else if (!errors_.isEmpty()) {
		Failure f = errors_.takeFirst();
		Q_EMIT errorOccurred(f.first, f.second);
	} else if (std::exchange(tell_closed_, false)) {
		Failure f = last_;
		Q_EMIT closed(f.first, f.second);
	} else {
		return false;
	}
	return true;
}

} // namespace qt
} // namespace postern
#endif
