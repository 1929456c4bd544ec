/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern-qt.hpp - Postern in a Qt program: a server and a connection as QObjects; Qt 5.15 and Qt 6
 *
 * They are used as QLocalServer and QLocalSocket are: objects with signals in Qt's event loop; the connection is a
 * QIODevice. Header only, but with Q_OBJECT: have moc process this header as one of your own (docs/CPLUSPLUS.md has
 * the line for CMake, Meson and qmake), and link with -lpostern.
 *
 * Owner    A parent deletes its children. delete and deleteLater() are allowed at any time, in every slot, also for the
 *          sender. An accepted connection is its server's child and deletes itself after disconnected(), unless it was
 *          given another parent, so it needs no cleanup. It ends with its server in any case. Destructors emit nothing.
 * Signals  They come from Qt's event loop, never during a call or a callback of Postern: a slot may run an event loop
 *          (a dialog), wait, or use postern::client. A connection emits no signal while slots of its previous signal
 *          still run. The order is: connected; readyRead or message; readChannelFinished; disconnected, once.
 * Errors   Each failure is a signal with a reason and a line of text: errorOccurred(); for a connection disconnected()
 *          follows, unless it was already in use. Calls return the failures that they detect at once.
 * End      readChannelFinished() reports that the peer has ended its direction; then the connection sends what your
 *          slots have written and closes itself, unless setHalfOpen(true).
 * Bound    Connecting takes 5 s at most. 8 MiB may be written and not yet sent: write() takes what fits, bytesWritten()
 *          says when to continue. 256 KiB may be received and not yet read, twice: then the peer waits, and after 30 s
 *          the connection ends as idle. conn_options can set other limits. Times are in ms; -1 does not mean forever.
 * Thread   An object lives in the thread in which it listens or connects. All objects of a thread share a Postern loop,
 *          which lives from the first to the last of them. The thread needs a Qt event loop: the main one once
 *          QCoreApplication exists, or that of a QThread. Call moveToThread() before listening or connecting; later it
 *          ends the object's connection or server, with a reason.
 */
#ifndef POSTERN_QT_HPP
#define POSTERN_QT_HPP
#include <postern/qt-detail.hpp>
#include <QIODevice>
#include <QList>

namespace postern {
namespace qt {

class Connection : public QIODevice {
	Q_OBJECT

public:
	explicit Connection(QObject *parent = nullptr) : QIODevice(parent) { know_types(); }
	~Connection() override { postern_conn_free(c_); }

	/* Call these before it connects. With .framing, message() replaces readyRead(). */
	void setOptions(const conn_options &o) { options_ = o; }
	void setHalfOpen(bool on) { half_open_ = on; }
	/* Returns at once. Bytes written before it is connected are sent then. After disconnected() it can connect again. */
	void connectToServer(const QString &name, int deadline = 5000); /* for all attempts together */
	void connectToServer(const QString &name, connect_options o);   /* o.conn is not used: see setOptions() */
	void disconnectFromServer() { postern_conn_close(c_); }         /* sends what is queued, within .drain_ns */
	void close() override { QIODevice::close(), disconnectFromServer(); }
	void abort() { postern_conn_abort(c_); }
	void shutdown() { postern_conn_shutdown(c_); } /* half-close, once everything is sent; the peer's bytes still come */
	bool flush() { return postern_conn_flush(c_) >= 0; }
	bool sendMessage(const QByteArray &m);         /* in its .framing, whole or not at all */
	conn_state state() const { return conn_state{postern_conn_state(c_)}; }
	postern_peer peer() const { return conn_ref(c_).peer(); }
	postern_conn *handle() const { return c_; }

	/* These wait without Qt's event loop, also in a slot. The signals still come, later. */
	bool waitForConnected(int ms = 5000);
	bool waitForReadyRead(int ms) override;
	bool waitForMessage(QByteArray *ret, int ms = 5000); /* no message() for that one */
	bool waitForBytesWritten(int ms) override;
	bool waitForDisconnected(int ms = 5000);

	bool isSequential() const override { return true; }
	qint64 bytesAvailable() const override { return in_.size() + QIODevice::bytesAvailable(); }
	qint64 bytesToWrite() const override { return qint64(postern_conn_queued(c_)); }
	bool canReadLine() const override { return in_.contains('\n') || QIODevice::canReadLine(); }

Q_SIGNALS: /* and those of QIODevice: readyRead(), bytesWritten(), readChannelFinished(); aboutToClose() within close() */
	void connected();
	void message(const QByteArray &payload);
	void errorOccurred(postern::reason why, const QString &text);
	void disconnected(postern::reason why, const QString &text);

protected:
	qint64 readData(char *to, qint64 most) override;
	qint64 readLineData(char *to, qint64 most) override;
	qint64 writeData(const char *from, qint64 n) override;
	bool event(QEvent *e) override;

private:
	friend class Server;
	friend struct Telling;
	static const postern_conn_events *events();
	void begin(const conn_options &o);
	void accepted(QObject *server, std::shared_ptr<Loop> loop, postern_conn *c, const conn_options &o);
	void fail(const Failure &f);
	void end(const Failure &f);
	bool next();
	void tell(void (Connection::*signal)(reason, const QString &), Failure f) { Q_EMIT(this->*signal)(f.first, f.second); }
	void follow();
	QByteArray take();
	void go_on();
	template <class F, class G> bool wait(int ms, F holds, G hopeless);

	std::shared_ptr<Loop> loop_;
	postern_conn *c_ = nullptr;
	conn_options options_;
	Telling telling_;
	QPointer<QObject> server_;
	QByteArray in_;
	QList<QByteArray> messages_;
	size_t unread_ = 0, waiting_ = 0; /* the limit of both; bytes in messages_ */
	qint64 sent_ = 0;
	QList<Failure> errors_;
	Failure last_;
	bool connected_ = false, ended_ = false, half_open_ = false, followed_ = false, held_ = false;
	bool tell_connected_ = false, tell_read_ = false, tell_ended_ = false, tell_over_ = false;
};

class Server : public QObject {
	Q_OBJECT

public:
	explicit Server(QObject *parent = nullptr) : QObject(parent) { know_types(); }
	~Server() override { postern_server_free(s_); } /* ends its connections at once */

	/* false: errorString() and errorOccurred() say why. o.conn is for its connections. */
	bool listen(const QString &name, const server_options &o = {});
	void close() { postern_server_stop(s_); } /* gives up the name; its connections continue */
	void drain(int deadline = 5000) { postern_server_drain(s_, POSTERN_MS(deadline)); } /* ends them too: then closed() */
	void pauseAccepting() { postern_server_pause(s_); }
	void resumeAccepting() { postern_server_resume(s_); }
	bool isListening() const;
	QString serverName() const { return s_ ? QString::fromUtf8(postern_server_name(s_)) : QString(); }
	QString fullServerName() const { return s_ ? QString::fromUtf8(postern_server_path(s_)) : QString(); }
	QString errorString() const { return error_; }
	postern_server *handle() const { return s_; }

Q_SIGNALS:
	void newConnection(postern::qt::Connection *connection);
	void errorOccurred(postern::reason why, const QString &text); /* a server that has started continues */
	void closed(postern::reason why, const QString &text);        /* after drain() */

protected:
	bool event(QEvent *e) override;

private:
	friend struct Telling;
	static const postern_server_events *events();
	bool fail(const Failure &f);
	bool next();

	std::shared_ptr<Loop> loop_;
	postern_server *s_ = nullptr;
	conn_options conn_;
	Telling telling_;
	QList<QPointer<Connection>> news_;
	QList<Failure> errors_;
	Failure last_;
	QString error_;
	bool tell_closed_ = false;
};

} // namespace qt
} // namespace postern
#include <postern/qt-impl.hpp>
#endif
