#include <QCoreApplication>
#include <QElapsedTimer>
#include <QLocalServer>
#include <QLocalSocket>
#include <QThread>

bool bad_process_events(QLocalSocket *socket)
{
	QElapsedTimer timer;
	timer.start();
	while (socket->state() == QLocalSocket::ConnectingState) { // W2
		if (timer.elapsed() > 2000)
			return false;
		QCoreApplication::processEvents();
	}
	return true;
}

bool bad_ask(QLocalSocket *socket, qint64 limit)
{
	QElapsedTimer timer;
	timer.start();
	while (socket->bytesAvailable() < 4) { // W2
		if (timer.hasExpired(limit))
			return false;
	}
	return true;
}

bool bad_zero(QLocalSocket *socket, bool &quit)
{
	while (!quit && socket->state() == QLocalSocket::ConnectedState) { // W2
		if (!socket->waitForReadyRead(0))
			continue;
		if (socket->readLine() == "quit\n")
			quit = true;
	}
	return quit;
}

bool good_wait(QLocalSocket *socket)
{
	QElapsedTimer timer;
	timer.start();
	while (socket->state() == QLocalSocket::ConnectedState && timer.elapsed() < 2000)
		if (socket->waitForReadyRead(100))
			return true;
	return false;
}

int good_lines(QLocalSocket *socket)
{
	int n = 0;
	while (socket->canReadLine()) {
		socket->readLine();
		n++;
	}
	return n;
}

void good_pending(QLocalServer *server)
{
	while (server->hasPendingConnections())
		server->nextPendingConnection()->deleteLater();
}

/* Left out, its limit is 0. */
void bad_default(QLocalServer *server, const bool &quit)
{
	while (!quit) { // W2
		if (!server->waitForNewConnection())
			continue;
		if (QLocalSocket *client = server->nextPendingConnection())
			client->deleteLater();
	}
}

void good_default(QLocalServer *server, const bool &quit)
{
	while (!quit) {
		if (!server->waitForNewConnection(100))
			continue;
		if (QLocalSocket *client = server->nextPendingConnection())
			client->deleteLater();
	}
}

bool bad_helped(QLocalSocket *socket, int limit)
{
	const int none = 0;
	QElapsedTimer timer;

	timer.start();
	while (!socket->canReadLine()) { // W2
		if (timer.elapsed() > limit)
			return false;
		if (socket->waitForReadyRead(none))
			return true;
	}
	return true;
}
