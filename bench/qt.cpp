/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same work over QLocalSocket and QLocalServer, with signals and an event loop, as Qt's own benchmark of them does
 * it. Qt collects what is written and has no bound for it, so a stream stops here above a bound.
 */
#include "bench.h"

#include <QCoreApplication>
#include <QEventLoop>
#include <QLocalServer>
#include <QLocalSocket>
#include <vector>

enum { QT_QUEUED = 1024 * 1024 };

struct peer {
	struct bench *bench;
	QEventLoop *loop;
	QLocalServer *server;
	std::vector<QLocalSocket *> links;
	char in[BENCH_READ];
	char out[BENCH_OUT];
};

extern "C" {
extern const char *const peer_name;
const char *const peer_name = "qt";
const char *peer_version(void)
{
	return qVersion();
}
}

/* Made before main(), on the thread that is Qt's main one then; it needs no loop of its own. */
static int peer_argc = 1;
static char peer_arg[] = "bench-qt", *peer_argv[] = { peer_arg, nullptr };
static QCoreApplication peer_application(peer_argc, peer_argv);

static struct peer *peer_of(struct bench *b)
{
	return static_cast<struct peer *>(b->peer);
}

static void peer_write(QLocalSocket *socket, const void *bytes, size_t n)
{
	if (socket->write(static_cast<const char *>(bytes), qint64(n)) != qint64(n))
		bench_die("QLocalSocket::write", 0);
}

static void peer_pump(struct bench *b, size_t i)
{
	struct peer *p = peer_of(b);
	QLocalSocket *socket = p->links[i];
	size_t n;

	while (socket->bytesToWrite() < QT_QUEUED &&
	       (n = bench_out(b, i, p->out, b->room)))
		peer_write(socket, p->out, n);
}

static void peer_serve(struct peer *p, QLocalSocket *socket, size_t n)
{
	struct bench *b = p->bench;

	switch (bench_receive(b, p->in, n)) {
	case BENCH_ECHO:
		peer_write(socket, p->in, n);
		break;
	case BENCH_SUM:
		peer_write(socket, b->answer, sizeof(b->answer));
		break;
	case BENCH_EVENT:
		for (QLocalSocket *each : p->links)
			peer_write(each, b->event, b->size);
		break;
	}
}

/* A stream may come faster than it is read: Qt reads on into memory unless it is bounded. */
static void peer_bound(struct bench *b, QLocalSocket *socket)
{
	if (b->work == BENCH_WORK_STREAM)
		socket->setReadBufferSize(QT_QUEUED);
}

static void peer_open(struct bench *b, size_t i)
{
	struct peer *p = peer_of(b);
	QLocalSocket *socket = new QLocalSocket;

	p->links[i] = socket;
	QObject::connect(socket, &QLocalSocket::readyRead, [p, b, i, socket]() {
		qint64 n;

		while (!b->stopped && p->links[i] == socket && (n = socket->read(p->in, sizeof(p->in))) > 0)
			if (bench_in(b, i, p->in, size_t(n)))
				peer_pump(b, i);
	});
	QObject::connect(socket, &QLocalSocket::errorOccurred, [socket]() {
		bench_die(qPrintable(socket->errorString()), 0);
	});
	if (b->size > QT_QUEUED || b->work == BENCH_WORK_STREAM)
		QObject::connect(socket, &QLocalSocket::bytesWritten, [b, i](qint64) { peer_pump(b, i); });
	socket->connectToServer(QString::fromLocal8Bit(b->path));
	if (!socket->waitForConnected())
		bench_die("QLocalSocket::waitForConnected", 0);
	peer_pump(b, i);
}

/* Called inside its signal. */
static void peer_close(struct bench *b, size_t i)
{
	QLocalSocket *socket = peer_of(b)->links[i];

	peer_of(b)->links[i] = nullptr;
	socket->disconnect();
	socket->close();
	socket->deleteLater();
}

static void peer_accept(struct peer *p)
{
	struct bench *b = p->bench;

	while (QLocalSocket *socket = p->server->nextPendingConnection()) {
		peer_bound(b, socket);
		if (b->work == BENCH_WORK_EVENTS)
			p->links[b->peers] = socket;
		bench_joined(b);
		QObject::connect(socket, &QLocalSocket::readyRead, [p, socket]() {
			qint64 n;

			while ((n = socket->read(p->in, sizeof(p->in))) > 0)
				peer_serve(p, socket, size_t(n));
		});
		QObject::connect(socket, &QLocalSocket::disconnected, [b, socket]() {
			socket->deleteLater();
			bench_gone(b);
		});
	}
}

static void peer_stop(struct bench *b)
{
	peer_of(b)->loop->quit();
}

extern "C" void peer_run(struct bench *b)
{
	static const struct bench_ops ops = { peer_open, peer_pump, peer_close, peer_stop };
	QEventLoop loop;
	struct peer *p = new struct peer();

	p->bench = b;
	p->loop = &loop;
	p->links.resize(b->connections);
	b->peer = p;
	b->ops = &ops;
	if (b->server) {
		p->server = new QLocalServer;
		p->server->setListenBacklogSize(BENCH_BACKLOG);
		p->server->setMaxPendingConnections(BENCH_BACKLOG);
		QObject::connect(p->server, &QLocalServer::newConnection, [p]() { peer_accept(p); });
		if (!p->server->listen(QString::fromLocal8Bit(b->path)))
			bench_die(qPrintable(p->server->errorString()), 0);
		bench_ready(b);
	} else {
		bench_open(b);
	}
	if (!b->stopped)
		loop.exec();
	if (!b->server)
		for (QLocalSocket *socket : p->links)
			delete socket;
	delete p->server;
	delete p;
}
