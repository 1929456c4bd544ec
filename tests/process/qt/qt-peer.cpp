/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qt-peer - Qt's own QLocalServer and QLocalSocket, to meet Postern
 *
 *	qt-peer serve NAME [OPTION]...     echoes; prints "ready PATH"; ends on SIGTERM
 *	qt-peer connect NAME [OPTION]...   sends stdin, prints what comes back; the end ends it
 *	qt-peer remove NAME                QLocalServer::removeServer()
 *	qt-peer path NAME                  prints where Qt has that name
 *
 * OPTION: user, group, world, abstract; many=N: N connections at once, from one thread each.
 * Errors are one line on stderr, "error NUMBER TEXT", and status 1.
 */
#include <QCoreApplication>
#include <QDir>
#include <QLocalServer>
#include <QLocalSocket>
#include <QSocketNotifier>
#include <QThread>
#include <csignal>
#include <cstdio>
#include <memory>
#include <sys/signalfd.h>
#include <unistd.h>
#include <vector>

struct Options {
	QLocalServer::SocketOptions access = QLocalServer::NoOptions;
	bool abstract = false;
	int many = 1;
};

static Options options(const QStringList &words)
{
	Options o;

	for (const QString &word : words) {
		if (word == "user")
			o.access |= QLocalServer::UserAccessOption;
		if (word == "group")
			o.access |= QLocalServer::GroupAccessOption;
		if (word == "world")
			o.access |= QLocalServer::WorldAccessOption;
		if (word == "abstract")
			o.abstract = true;
		if (word.startsWith("many="))
			o.many = word.mid(5).toInt();
	}
	if (o.abstract)
		o.access |= QLocalServer::AbstractNamespaceOption;
	return o;
}

static int complain(int error, const QString &text)
{
	std::fprintf(stderr, "error %d %s\n", error, qPrintable(text));
	return 1;
}

static void echo(QLocalSocket *socket)
{
	QObject::connect(socket, &QLocalSocket::readyRead, socket, [socket] { socket->write(socket->readAll()); });
	QObject::connect(socket, &QLocalSocket::disconnected, socket, &QObject::deleteLater);
	/* A client that ends its half has said all it has to say. */
	QObject::connect(socket, &QLocalSocket::readChannelFinished, socket, &QLocalSocket::disconnectFromServer);
}

static int serve(QCoreApplication &app, const QString &name, const Options &o)
{
	QLocalServer server;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	QSocketNotifier terminate(signalfd(-1, &set, SFD_CLOEXEC), QSocketNotifier::Read);
	QObject::connect(&terminate, &QSocketNotifier::activated, &app, [] { QCoreApplication::quit(); });
	server.setSocketOptions(o.access);
	QObject::connect(&server, &QLocalServer::newConnection, &app, [&server] {
		while (QLocalSocket *socket = server.nextPendingConnection())
			echo(socket);
	});
	if (!server.listen(name))
		return complain(server.serverError(), server.errorString());
	std::printf("ready %s\n", qPrintable(server.fullServerName()));
	std::fflush(stdout);
	return app.exec();
}

/* With Qt's waits, as programs without a loop do it. */
static int talk(const QString &name, const Options &o, const QByteArray &bytes, QByteArray *ret)
{
	QLocalSocket socket;

	if (o.abstract)
		socket.setSocketOptions(QLocalSocket::AbstractNamespaceOption);
	socket.connectToServer(name);
	if (!socket.waitForConnected(5000))
		return complain(socket.error(), socket.errorString());
	socket.write(bytes);
	while (ret->size() < bytes.size() && socket.waitForReadyRead(10000))
		*ret += socket.readAll();
	if (ret->size() < bytes.size())
		return complain(socket.error(), socket.errorString());
	socket.disconnectFromServer();
	if (socket.state() != QLocalSocket::UnconnectedState && !socket.waitForDisconnected(5000))
		return complain(socket.error(), socket.errorString());
	return 0;
}

static int connect_many(const QString &name, const Options &o)
{
	std::vector<std::unique_ptr<QThread>> threads;
	std::vector<QByteArray> answers(size_t(o.many));
	std::vector<int> status(size_t(o.many));
	QByteArray bytes;
	char buffer[65536];

	for (ssize_t n; (n = read(STDIN_FILENO, buffer, sizeof buffer)) > 0;)
		bytes.append(buffer, int(n));
	for (size_t i = 0; i < answers.size(); i++) {
		threads.emplace_back(QThread::create([&, i] { status[i] = talk(name, o, bytes, &answers[i]); }));
		threads.back()->start();
	}
	for (auto &thread : threads)
		thread->wait();
	for (size_t i = 0; i < answers.size(); i++)
		if (status[i] != 0 || answers[i] != bytes)
			return status[i] ? 1 : complain(-1, "what came back is not what was sent");
	fwrite(answers[0].constData(), 1, size_t(answers[0].size()), stdout);
	return 0;
}

int main(int argc, char **argv)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, nullptr);
	QCoreApplication app(argc, argv);
	QStringList words = app.arguments().mid(1);
	if (words.size() < 2)
		return 64;
	QString verb = words.takeFirst(), name = words.takeFirst();
	if (verb == "serve")
		return serve(app, name, options(words));
	if (verb == "connect")
		return connect_many(name, options(words));
	if (verb == "remove")
		return QLocalServer::removeServer(name) ? 0 : 1;
	if (verb == "path")
		return std::printf("%s\n", qPrintable(QDir::cleanPath(QDir::tempPath()) + "/" + name)) < 0;
	return 64;
}
