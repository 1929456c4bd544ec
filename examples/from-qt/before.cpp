/* SPDX-License-Identifier: Apache-2.0 */
/* before NAME LINE: a thread serves lines in capitals, the program asks it for one; with the usual three defects */
#include <QCoreApplication>
#include <QLocalServer>
#include <QLocalSocket>
#include <QThread>
#include <cstdio>

class ServerThread : public QThread
{
public:
	explicit ServerThread(const QString &name) : name(name) {}

protected:
	void run() override
	{
		QLocalServer *server = new QLocalServer; // 1: deleted at the end, and on no other way out

		QLocalServer::removeServer(name); // also that of a server which lives
		server->listen(name);             // 3: or not, and nobody hears why
		while (!isInterruptionRequested()) {
			if (!server->waitForNewConnection(100))
				continue;
			QLocalSocket *peer = server->nextPendingConnection();
			if (!peer->waitForReadyRead(1000))
				return;
			peer->write(peer->readLine().toUpper());
			peer->waitForBytesWritten(1000);
		}
		delete server;
	}

private:
	QString name;
};

int main(int argc, char **argv)
{
	QCoreApplication app(argc, argv);
	ServerThread thread(app.arguments().value(1));
	QLocalSocket socket;

	thread.start();
	while (socket.state() != QLocalSocket::ConnectedState) { // 2: for ever, if there is no server
		socket.connectToServer(app.arguments().value(1));
		socket.waitForConnected(100);
	}
	socket.write(app.arguments().value(2).toUtf8() + '\n');
	while (!socket.canReadLine()) // and for ever, if it has gone
		socket.waitForReadyRead(100);
	std::fputs(socket.readLine().constData(), stdout);
	thread.requestInterruption();
	thread.wait();
	return 0;
}
