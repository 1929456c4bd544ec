/* SPDX-License-Identifier: Apache-2.0 */
/* qt NAME: an echo server on a Postern loop inside Qt's event loop, until SIGTERM */
#include <QCoreApplication>
#include <QSocketNotifier>
#include <QTimer>
#include <csignal>
#include <cstdio>
#include <postern.h>
#include <sys/signalfd.h>
#include <unistd.h>

static size_t received(postern_conn *c, const void *bytes, size_t n, void *)
{
	ssize_t taken = postern_conn_write(c, bytes, n);

	return taken > 0 ? size_t(taken) : 0;
}

static int termination() /* Qt has no signals: a descriptor that is readable when one has come */
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, nullptr);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
	static postern_conn_events conn = {};
	static postern_server_events events = {};
	POSTERN_AUTO(loop) loop = nullptr; /* freed last, after the notifier that polls its descriptor */
	POSTERN_AUTO(server) server = nullptr;
	unsigned ticks = 0;

	conn.size = sizeof conn;
	conn.received = received;
	events.size = sizeof events;
	events.conn = &conn;
	if (argc != 2 || postern_loop_new(&loop) < 0)
		return 64;
	if (postern_server_new(&server, loop, argv[1], nullptr, &events, nullptr) < 0)
		return std::fprintf(stderr, "qt: %s\n", postern_why()->text), 1;
	int fd = termination();
	QCoreApplication app(argc, argv);
	QSocketNotifier terminate(fd, QSocketNotifier::Read), poll(postern_loop_fd(loop), QSocketNotifier::Read);
	QTimer timer;
	QObject::connect(&terminate, &QSocketNotifier::activated, &app, [] { QCoreApplication::quit(); });
	QObject::connect(&poll, &QSocketNotifier::activated, &app, [loop] {
		if (postern_loop_dispatch(loop, 0) < 0)
			QCoreApplication::exit(1);
	});
	QObject::connect(&timer, &QTimer::timeout, &app, [&] { ticks++; });
	timer.start(10);
	int status = app.exec();
	close(fd);
	std::printf("%u ticks of Qt's timer\n", ticks);
	return status;
}
