/* SPDX-License-Identifier: Apache-2.0 */
/* postern-qt.hpp: objects in Qt's event loop, which may go at any time, and tell every failure */
#include <postern-qt.hpp>

#include "../cxx.hpp"

#include <QCoreApplication>
#include <QDataStream>
#include <QEventLoop>
#include <QThread>
#include <QTimer>
#include <sys/wait.h>

using postern::reason;
using postern::qt::Connection;
using postern::qt::Server;

/* Qt's event loop, until it holds. */
template <class F> static void loop_until(F holds)
{
	QEventLoop l;
	QTimer t;
	int64_t end = postern_now() + test_patience_ns();
	bool held = false;

	QObject::connect(&t, &QTimer::timeout, &l, [&] {
		held = holds();
		if (held || postern_now() > end)
			l.quit();
	});
	t.start(1);
	l.exec();
	assert_true(held);
}

static postern::conn_options lines()
{
	postern::conn_options o;

	o.framing = POSTERN_FRAMING_LINES;
	return o;
}

/* Sends back what it receives, and what does not fit yet when it does. */
static void echo(Server &s)
{
	QObject::connect(&s, &Server::newConnection, &s, [](Connection *c) {
		auto go_on = [c] {
			while (c->bytesAvailable() > 0) {
				QByteArray b = c->peek(65536);
				qint64 n = c->write(b);
				if (n <= 0)
					break;
				c->read(n);
			}
		};
		QObject::connect(c, &Connection::readyRead, c, go_on);
		QObject::connect(c, &Connection::bytesWritten, c, go_on);
	});
}

static void signals_come_in_order_and_each_end_is_told_once(void **)
{
	Server s;
	Connection c;
	QStringList told;
	int gone = 0;

	echo(s);
	assert_true(s.listen("echo"));
	assert_true(s.isListening());
	assert_true(s.fullServerName().contains("echo"));
	QObject::connect(&s, &Server::newConnection, &s, [&](Connection *k) {
		assert_true(k->parent() == &s);
		assert_int_equal(k->peer().pid, getpid());
		QObject::connect(k, &Connection::disconnected, k, [&](reason why) { told << QString("gone %1").arg(int(why)); });
		QObject::connect(k, &QObject::destroyed, &s, [&] { gone++; });
	});
	QObject::connect(&c, &Connection::connected, &c, [&] { told << "connected"; });
	QObject::connect(&c, &Connection::readyRead, &c, [&] { told << "read " + c.readAll(); });
	QObject::connect(&c, &Connection::readChannelFinished, &c, [&] { told << "finished"; });
	QObject::connect(&c, &Connection::errorOccurred, &c, [&](reason, const QString &text) { told << "error " + text; });
	QObject::connect(&c, &Connection::disconnected, &c, [&](reason why) { told << QString("disconnected %1").arg(int(why)); });
	c.connectToServer("echo");
	assert_int_equal(told.size(), 0); /* nothing within a call */
	assert_int_equal(c.write("hello"), 5);
	c.shutdown();
	loop_until([&] { return told.size() >= 5 && gone; });
	told.removeOne("gone 1");
	assert_string_equal(told.join(", ").toUtf8().constData(), "connected, read hello, finished, disconnected 1");
	assert_true(c.state() == postern::conn_state::closed);
	assert_int_equal(c.write("x"), -1);
	/* The same object once more. */
	told.clear();
	c.connectToServer("echo");
	loop_until([&] { return told.contains("connected"); });
	c.close();
	loop_until([&] { return told.contains("disconnected 2"); });
}

static void messages_come_whole_and_it_reads_like_any_qiodevice(void **)
{
	Server s;
	Connection c, d;
	QList<QByteArray> got;
	postern::server_options so;
	postern::conn_options o = lines();

	so.conn = &o;
	QObject::connect(&s, &Server::newConnection, &s, [](Connection *k) {
		QObject::connect(k, &Connection::message, k, [k](const QByteArray &m) { k->sendMessage(m.toUpper()); });
	});
	assert_true(s.listen("lines", so));
	c.setOptions(o);
	QObject::connect(&c, &Connection::message, &c, [&](const QByteArray &m) { got << m; });
	c.connectToServer("lines");
	d.connectToServer("lines");
	assert_true(c.sendMessage("one") && c.sendMessage("two"));
	assert_false(c.sendMessage("not\nwhole"));
	assert_int_equal(d.write("first\nsecond\nthi"), 16);
	loop_until([&] { return got.size() == 2 && d.bytesAvailable() == 13; });
	assert_true(got[0] == "ONE" && got[1] == "TWO");
	assert_true(d.canReadLine());
	assert_true(d.peek(3) == "FIR");
	assert_true(d.readLine() == "FIRST\n");
	char rest[20];
	assert_int_equal(d.readLine(rest, sizeof rest), 7);
	assert_string_equal(rest, "SECOND\n");
	assert_false(d.canReadLine());
	assert_int_equal(d.read(rest, 1), 0);
}

static void large_streams_are_bounded_both_ways_and_arrive_whole(void **)
{
	Server s;
	Connection c;
	QByteArray sent(3000000, 'x'), got;
	qint64 written = 0, most = 0;

	for (int i = 0; i < sent.size(); i++)
		sent[i] = char(i * 7 + i / 251);
	echo(s);
	assert_true(s.listen("echo"));
	postern::conn_options o;
	o.high_water = 100000;
	o.unread = 50000;
	c.setOptions(o);
	auto feed = [&] {
		while (written < sent.size()) {
			qint64 n = c.write(sent.constData() + written, sent.size() - written);
			if (n <= 0)
				break;
			written += n;
		}
		most = qMax(most, c.bytesToWrite());
	};
	QObject::connect(&c, &Connection::connected, &c, feed);
	QObject::connect(&c, &Connection::bytesWritten, &c, feed);
	QObject::connect(&c, &Connection::readyRead, &c, [&] {
		assert_true(c.bytesAvailable() <= 50000);
		got += c.read(30000); /* less than there is: it is offered again */
	});
	QTimer more;
	QObject::connect(&more, &QTimer::timeout, &c, [&] { got += c.readAll(); });
	more.start(1);
	c.connectToServer("echo");
	loop_until([&] { return got.size() == sent.size(); });
	assert_true(got == sent);
	assert_true(most <= 100000);
}

static void an_accepted_connection_deletes_itself_unless_it_has_another_parent(void **)
{
	Server s;
	QObject other;
	QPointer<Connection> first, second;

	QObject::connect(&s, &Server::newConnection, &s, [&](Connection *k) {
		if (!first) {
			first = k;
		} else {
			second = k;
			k->setParent(&other);
		}
	});
	assert_true(s.listen("two"));
	Connection c, d;
	c.connectToServer("two");
	loop_until([&] { return !first.isNull(); });
	d.connectToServer("two");
	loop_until([&] { return !second.isNull(); });
	c.abort();
	d.abort();
	loop_until([&] { return first.isNull() && second->state() == postern::conn_state::closed; });
	loop_until([&] { return true; });
	assert_false(second.isNull());
	assert_int_equal(s.findChildren<Connection *>().size(), 0);
}

/* ---- whoever goes in a slot ---- */

enum { CONNECTED, BYTES_WRITTEN, READY_READ, FINISHED, ERROR, DISCONNECTED, ALL };

static void a_connection_is_deleted_in_each_of_its_slots(void **)
{
	for (int which = 0; which < 2 * ALL; which++) {
		Server s;
		auto *c = new Connection;
		QPointer<Connection> alive(c);
		bool acted = false;
		auto act = [&](int n) {
			if (acted || n != which % ALL)
				return;
			acted = true;
			if (which < ALL)
				delete c;
			else
				c->deleteLater();
		};

		echo(s);
		if (which % ALL != ERROR)
			assert_true(s.listen("echo"));
		QObject::connect(c, &Connection::connected, [&] { act(CONNECTED); });
		QObject::connect(c, &Connection::bytesWritten, [&] { act(BYTES_WRITTEN); });
		QObject::connect(c, &Connection::readyRead, [&] { act(READY_READ); });
		QObject::connect(c, &Connection::readChannelFinished, [&] { act(FINISHED); });
		QObject::connect(c, &Connection::errorOccurred, [&] { act(ERROR); });
		QObject::connect(c, &Connection::disconnected, [&] { act(DISCONNECTED); });
		c->connectToServer("echo", 50);
		c->write("hello");
		c->shutdown();
		loop_until([&] { return acted && alive.isNull(); });
	}
}

static void a_server_is_deleted_in_slots_of_its_own_and_of_its_connections(void **)
{
	for (int which = 0; which < 4; which++) {
		auto *s = new Server;
		QPointer<Server> alive(s);
		Connection c, d;
		reason why = reason::none;
		QPointer<Connection> accepted; /* the first; the other may come when that is gone already */
		bool came = false;

		QObject::connect(s, &Server::newConnection, [&](Connection *k) {
			if (!came)
				accepted = k;
			came = true;
			if (which == 0)
				delete s;
			else if (which == 1)
				s->deleteLater();
			else
				QObject::connect(k, &Connection::readyRead, k, [&, k] {
					if (which == 2)
						delete s;
					else
						delete k;
				});
		});
		QObject::connect(&c, &Connection::disconnected, &c, [&](reason r) { why = r; });
		assert_true(s->listen("goes"));
		c.connectToServer("goes");
		d.connectToServer("goes");
		c.write("x");
		loop_until([&] { return why != reason::none && accepted.isNull() && alive.isNull() == (which < 3); });
		if (which == 3)
			delete s;
	}
}

static void a_parent_takes_along_all_that_is_below_it(void **)
{
	auto *root = new QObject;
	auto *s = new Server(root);
	auto *c = new Connection(root);
	int accepted = 0;

	QObject::connect(s, &Server::newConnection, s, [&] { accepted++; });
	assert_true(s->listen("child"));
	c->connectToServer("child");
	loop_until([&] { return accepted == 1; });
	delete root; /* with what is still to be told */
	Server again;
	assert_true(again.listen("child"));
	loop_until([&] { return true; });
}

/* ---- failures ---- */

static void connecting_is_bounded_and_its_failure_is_a_signal_with_a_reason(void **)
{
	Connection c;
	QStringList told;
	struct test_time begun = test_time();

	QObject::connect(&c, &Connection::errorOccurred, &c, [&](reason why, const QString &text) {
		assert_true(why == reason::timeout);
		told << text;
	});
	QObject::connect(&c, &Connection::disconnected, &c, [&](reason why) {
		assert_true(why == reason::timeout);
		told << "disconnected";
	});
	c.connectToServer("nobody", 100);
	loop_until([&] { return told.size() == 2; });
	assert_took(begun, 100000000, 120000000);
	test_note("%s", told[0].toUtf8().constData());
	assert_true(told[0].contains("nobody") && told[1] == "disconnected");
	assert_true(c.errorString() == told[0]);
	begun = test_time();
	c.connectToServer("nobody", 100);
	assert_false(c.waitForConnected(60000)); /* ends with the connection's own deadline */
	assert_took(begun, 100000000, 120000000);
	begun = test_time();
	c.connectToServer("nobody");
	assert_false(c.waitForConnected(50));
	assert_false(c.waitForReadyRead(-1)); /* not for ever: at once */
	assert_took(begun, 50000000, 60000000);
}

static void what_cannot_be_called_is_told_too(void **)
{
	Server s, t;
	Connection c;
	QStringList told;
	postern::connect_options bad;

	QObject::connect(&t, &Server::errorOccurred, &t, [&](reason why, const QString &text) {
		told << QString("%1 %2").arg(int(why)).arg(text);
	});
	QObject::connect(&c, &Connection::errorOccurred, &c, [&](reason, const QString &text) { told << text; });
	assert_true(s.listen("mine"));
	assert_false(t.listen("mine"));
	assert_true(t.errorString().contains("in use by pid"));
	assert_false(t.isListening());
	assert_false(t.listen("no name"));
	assert_false(s.listen("other"));
	assert_true(s.errorString().contains("already"));
	loop_until([&] { return told.size() == 2; });
	assert_true(told[0].startsWith(QString::number(int(reason::name_in_use))));
	assert_true(told[1].contains("use A-Z a-z"));
	told.clear();
	bad.deadline_ns = -5;
	c.connectToServer("mine", bad);
	loop_until([&] { return told.size() == 1; });
	assert_true(told[0].contains("deadline_ns"));
	c.connectToServer("mine");
	c.connectToServer("mine");
	loop_until([&] { return told.size() == 2; });
	assert_true(told[1].contains("in use"));
	assert_true(c.waitForConnected());
	std::unique_ptr<QThread> other(QThread::create([&] { t.listen("elsewhere"); }));
	other->start();
	assert_true(other->wait());
	assert_true(t.errorString().contains("in a thread that is not"));
	assert_true(t.listen("fine"));
}

static int serve_until_killed(void *)
{
	postern::loop l;
	postern::server s(l, "victim", echoing());

	return l.run();
}

static void a_server_that_is_killed_is_a_signal(void **)
{
	pid_t pid = test_fork_start(serve_until_killed, nullptr);
	Connection c;
	reason why = reason::none;

	QObject::connect(&c, &Connection::connected, &c, [&] { kill(pid, SIGKILL); });
	QObject::connect(&c, &Connection::disconnected, &c, [&](reason r) { why = r; });
	c.connectToServer("victim", 20000);
	c.write(QByteArray(100, 'x'));
	loop_until([&] { return why != reason::none; });
	assert_true(why == reason::ended || why == reason::reset);
	assert_true(WIFSIGNALED(test_fork_wait(pid)));
}

/* ---- what a slot may do ---- */

static void a_slot_may_run_an_event_loop_wait_and_use_a_client_that_waits(void **)
{
	Server s;
	Connection c;
	int news = 0, depth = 0, deepest = 0, others = 0;
	QByteArray answer;
	postern::thread t([](postern::loop &l) { return postern::server(l, "helper", echoing()); });

	echo(s);
	QObject::connect(&s, &Server::newConnection, &s, [&] {
		if (++news == 1) {
			Connection inner, d; /* a dialog that waits for another connection of the same thread */
			inner.connectToServer("nest");
			loop_until([&] { return news == 2; });
			d.connectToServer("helper"); /* and, without an event loop, for another thread */
			assert_true(d.waitForConnected());
			assert_int_equal(d.write("wait"), 4);
			while (answer.size() < 4 && d.waitForReadyRead(5000))
				answer += d.readAll();
			assert_false(d.waitForReadyRead(10));
			d.disconnectFromServer();
			assert_true(d.waitForDisconnected());
		}
	});
	QObject::connect(&c, &Connection::readyRead, &c, [&] {
		depth++;
		deepest = qMax(deepest, depth);
		c.readAll();
		if (others++ == 0)
			c.write("more"), loop_until([&] { return c.bytesAvailable() > 0; });
		postern::client k("helper");
		assert_ok(k.write_frame(POSTERN_FRAMING_LINES, "hello", 1s));
		assert_string_equal(k.read_line(5s).value().c_str(), "hello");
		depth--;
	});
	assert_true(s.listen("nest"));
	c.connectToServer("nest");
	c.write("x");
	loop_until([&] { return others == 2 && answer == "wait"; });
	assert_int_equal(deepest, 1); /* not within itself */
}

/* Also where what they sent had come before, and the slot that is told of the first one keeps Qt waiting. */
static void nothing_of_a_connection_is_told_before_the_connection(void **)
{
	Server s;
	Connection c, d;
	int news = 0, reads = 0;

	QObject::connect(&s, &Server::newConnection, &s, [&](Connection *k) {
		if (++news == 1)
			loop_until([&] { return news == 2; });
		QObject::connect(k, &Connection::readyRead, k, [&] { reads++; });
	});
	assert_true(s.listen("first"));
	for (Connection *k : {&c, &d}) {
		k->connectToServer("first");
		k->write("x");
	}
	assert_false(c.waitForReadyRead(50)); /* no slot was called yet */
	assert_int_equal(news, 0);
	loop_until([&] { return reads == 2; });
}

static void a_peer_that_has_sent_its_end_is_still_answered(void **)
{
	Server s;
	QPointer<Connection> half;
	postern::conn_options o = lines();
	postern::server_options so;

	so.conn = &o;
	QObject::connect(&s, &Server::newConnection, &s, [&](Connection *k) {
		if (!half) {
			k->setHalfOpen(true);
			half = k;
		}
		QObject::connect(k, &Connection::message, k, [k](const QByteArray &m) { k->sendMessage(m + "!"); });
	});
	assert_true(s.listen("half", so));
	Connection c, d;
	c.setOptions(o);
	c.connectToServer("half");
	assert_true(c.waitForConnected());
	loop_until([&] { return !half.isNull(); });
	d.setOptions(o);
	d.connectToServer("half");
	for (Connection *k : {&c, &d}) {
		assert_true(k->sendMessage("question"));
		k->shutdown();
	}
	QByteArray first, second;
	QObject::connect(&c, &Connection::message, &c, [&](const QByteArray &m) { first += m; });
	QObject::connect(&d, &Connection::message, &d, [&](const QByteArray &m) { second += m; });
	loop_until([&] { return d.state() == postern::conn_state::closed; });
	loop_until([&] { return !second.isEmpty() && !first.isEmpty(); });
	assert_true(second == "question!");
	assert_true(c.state() == postern::conn_state::connected);
	half->sendMessage("later");
	half->disconnectFromServer();
	loop_until([&] { return c.state() == postern::conn_state::closed && first.size() > 9; });
	assert_true(first == "question!later");
}

/* ---- threads ---- */

static void a_server_in_a_thread_and_a_client_that_waits(void **)
{
	postern::conn_options o = lines();

	for (int round = 0; round < 3; round++) {
		QEventLoop *inner = nullptr;
		QAtomicInt ready;
		std::unique_ptr<QThread> thread(QThread::create([&] {
			Server s; /* on the stack: gone with the function, however it ends */
			QEventLoop l;
			postern::server_options so;
			so.conn = &o;
			QObject::connect(&s, &Server::newConnection, &s, [](Connection *k) {
				QObject::connect(k, &Connection::message, k, [k](const QByteArray &m) { k->sendMessage(m.toUpper()); });
			});
			inner = &l;
			ready = s.listen("thread", so) ? 1 : -1;
			l.exec();
		}));
		thread->start();
		Connection c;
		c.setOptions(o);
		c.connectToServer("thread"); /* waits for it to come */
		assert_true(c.waitForConnected(10000));
		assert_true(c.sendMessage("a line"));
		QByteArray line;
		assert_true(c.waitForMessage(&line, 10000));
		assert_true(line == "A LINE");
		assert_int_equal(int(ready), 1);
		QMetaObject::invokeMethod(inner, &QEventLoop::quit, Qt::QueuedConnection);
		assert_true(thread->wait());
		assert_true(c.waitForDisconnected(10000));
	}
}

static void objects_are_moved_to_a_thread_before_and_told_so_after(void **)
{
	QThread thread;
	auto *s = new Server;
	Connection c;
	QStringList told;
	bool listening = false;

	s->moveToThread(&thread);
	QObject::connect(&thread, &QThread::started, s, [&] { listening = s->listen("moved"); });
	QObject::connect(&thread, &QThread::finished, s, &QObject::deleteLater);
	thread.start();
	c.connectToServer("moved", 20000);
	assert_true(c.waitForConnected(20000));
	auto *k = new Connection;
	QObject::connect(k, &Connection::errorOccurred, &c, [&](reason why, const QString &text) {
		assert_true(why == reason::failed); /* through a queued connection, between threads */
		told << text;
	});
	QObject::connect(k, &Connection::disconnected, &c, [&] { told << "disconnected"; });
	k->connectToServer("moved");
	assert_true(k->waitForConnected(20000));
	k->moveToThread(&thread);
	loop_until([&] { return told.size() == 2; });
	assert_true(told[0].contains("moved to another thread") && told[1] == "disconnected");
	QObject::connect(&thread, &QThread::finished, k, &QObject::deleteLater);
	thread.quit();
	assert_true(thread.wait());
	assert_true(listening);
	assert_true(c.waitForDisconnected(20000));
}

static void an_object_of_a_thread_that_has_ended_is_deleted_elsewhere(void **)
{
	QThread thread;
	auto *s = new Server;
	bool done = false;

	s->moveToThread(&thread);
	QObject::connect(&thread, &QThread::started, s, [&] { s->listen("left"), done = true, thread.quit(); });
	thread.start();
	assert_true(thread.wait());
	assert_true(done);
	delete s;
	Server again;
	assert_true(again.listen("left"));
}

static void a_drain_ends_the_connections_and_tells_its_own_end(void **)
{
	Server s;
	Connection c;
	reason server = reason::none, conn = reason::none;

	QObject::connect(&s, &Server::closed, &s, [&](reason r) { server = r; });
	QObject::connect(&c, &Connection::disconnected, &c, [&](reason r) { conn = r; });
	QObject::connect(&s, &Server::newConnection, &s, [&](Connection *k) { k->write("bye"), s.drain(); });
	assert_true(s.listen("drains"));
	c.connectToServer("drains");
	loop_until([&] { return server != reason::none && conn != reason::none; });
	assert_true(server == reason::closed && conn == reason::ended);
	assert_true(c.readAll() == "bye");
	assert_true(s.listen("drains")); /* again */
	s.close();
	assert_false(s.isListening());
}

int main(int argc, char **argv)
{
	static const CMUnitTest tests[] = {
		TEST(signals_come_in_order_and_each_end_is_told_once),
		TEST(messages_come_whole_and_it_reads_like_any_qiodevice),
		TEST(large_streams_are_bounded_both_ways_and_arrive_whole),
		TEST(an_accepted_connection_deletes_itself_unless_it_has_another_parent),
		TEST(a_connection_is_deleted_in_each_of_its_slots),
		TEST(a_server_is_deleted_in_slots_of_its_own_and_of_its_connections),
		TEST(a_parent_takes_along_all_that_is_below_it),
		TEST(connecting_is_bounded_and_its_failure_is_a_signal_with_a_reason),
		TEST(what_cannot_be_called_is_told_too),
		TEST(a_server_that_is_killed_is_a_signal),
		TEST(a_slot_may_run_an_event_loop_wait_and_use_a_client_that_waits),
		TEST(nothing_of_a_connection_is_told_before_the_connection),
		TEST(a_peer_that_has_sent_its_end_is_still_answered),
		TEST(a_server_in_a_thread_and_a_client_that_waits),
		TEST(objects_are_moved_to_a_thread_before_and_told_so_after),
		TEST(an_object_of_a_thread_that_has_ended_is_deleted_elsewhere),
		TEST(a_drain_ends_the_connections_and_tells_its_own_end),
	};
	bool no_loop_is_told = false;
	{
		postern::qt::Server early; /* there is no event loop before this */
		no_loop_is_told = !early.listen("early") && early.errorString().contains("QCoreApplication");
	}
	if (!no_loop_is_told)
		return 1;
	QCoreApplication app(argc, argv);

	return run_or_abort(tests);
}
