/* SPDX-License-Identifier: Apache-2.0 */
/* qt-echo NAME: sends back what each connection sends, until its input ends; qt-echo NAME LINE: sends LINE, prints the echo */
#include <QCoreApplication>
#include <QSocketNotifier>
#include <cstdio>
#include <postern-qt.hpp>
#include <unistd.h>

using postern::qt::Connection;
using postern::qt::Server;

/* Bytes that do not fit are left unread, and the peer waits until some have been sent. */
static void echo(Connection *peer)
{
	auto go_on = [peer] {
		while (qint64 n = peer->write(peer->peek(65536)))
			if (n < 0 || peer->skip(n) < n)
				break;
	};
	QObject::connect(peer, &Connection::readyRead, peer, go_on);
	QObject::connect(peer, &Connection::bytesWritten, peer, go_on);
}

int main(int argc, char **argv)
{
	QCoreApplication app(argc, argv);
	const QStringList words = app.arguments();
	Server server;
	Connection client;
	QSocketNotifier input(STDIN_FILENO, QSocketNotifier::Read);
	char byte;

	auto complain = [](postern::reason, const QString &text) { std::fprintf(stderr, "qt-echo: %s\n", qPrintable(text)); };
	QObject::connect(&server, &Server::newConnection, &app, echo);
	QObject::connect(&server, &Server::errorOccurred, &app, complain);
	QObject::connect(&client, &Connection::errorOccurred, &app, complain);
	QObject::connect(&client, &Connection::readyRead, &app, [&] { std::fputs(client.readAll().constData(), stdout); });
	QObject::connect(&client, &Connection::disconnected, &app, [](postern::reason why) {
		QCoreApplication::exit(why != postern::reason::ended);
	});
	QObject::connect(&input, &QSocketNotifier::activated, &app, [&] {
		if (words.size() < 3 && read(STDIN_FILENO, &byte, 1) <= 0)
			QCoreApplication::quit();
	});
	if (words.size() < 3 && !server.listen(words.value(1)))
		return std::fprintf(stderr, "qt-echo: %s\n", qPrintable(server.errorString())), 1;
	if (words.size() == 3) {
		client.connectToServer(words[1]);
		client.write(words[2].toUtf8());
		client.shutdown();
	}
	return app.exec();
}
