#include <QList>
#include <QLocalServer>
#include <QLocalSocket>
#include <QObject>

class Commands : public QObject {
	Q_OBJECT
public:
	void bad();
	void badLoop();
	void good();
	void goodNull();
	void goodHandler();
	void goodGiven();
	void goodKept();
	void goodParent();
	QLocalSocket *goodReturned();

private:
	void handle(QLocalSocket *socket);
	QLocalServer *m_server;
	QList<QLocalSocket *> m_clients;
};

void Commands::bad()
{
	QLocalSocket *socket = m_server->nextPendingConnection(); // L3

	if (!socket)
		return;
	if (!socket->waitForReadyRead(1000))
		return;
	socket->write("done");
	socket->flush();
	socket->deleteLater();
}

void Commands::badLoop()
{
	while (m_server->hasPendingConnections()) {
		QLocalSocket *socket = m_server->nextPendingConnection(); // L3

		if (!socket->waitForReadyRead(1000))
			continue;
		socket->write("done");
		delete socket;
	}
}

void Commands::good()
{
	QLocalSocket *socket = m_server->nextPendingConnection();

	if (!socket)
		return;
	if (!socket->waitForReadyRead(1000)) {
		socket->deleteLater();
		return;
	}
	socket->write("done");
	socket->flush();
	socket->deleteLater();
}

void Commands::goodNull()
{
	if (QLocalSocket *socket = m_server->nextPendingConnection()) {
		socket->write("busy");
		socket->deleteLater();
	}
}

void Commands::goodHandler()
{
	QLocalSocket *socket = m_server->nextPendingConnection();

	if (!socket)
		return;
	connect(socket, &QLocalSocket::disconnected, socket, &QObject::deleteLater);
	if (!socket->waitForReadyRead(1000))
		return;
	if (socket->readAll() == "end")
		socket->deleteLater();
}

void Commands::goodGiven()
{
	QLocalSocket *socket = m_server->nextPendingConnection();

	if (!socket)
		return;
	if (!socket->waitForReadyRead(1000)) {
		socket->deleteLater();
		return;
	}
	handle(socket);
}

void Commands::goodKept()
{
	QLocalSocket *socket = m_server->nextPendingConnection();

	if (!socket)
		return;
	if (m_clients.size() > 9) {
		socket->deleteLater();
		return;
	}
	m_clients << socket;
}

void Commands::goodParent()
{
	QLocalSocket *socket = m_server->nextPendingConnection();

	if (!socket)
		return;
	if (!socket->waitForReadyRead(1000)) {
		socket->deleteLater();
		return;
	}
	socket->setParent(this);
}

QLocalSocket *Commands::goodReturned()
{
	QLocalSocket *socket = m_server->nextPendingConnection();

	if (!socket)
		return nullptr;
	if (!socket->waitForReadyRead(1000)) {
		socket->deleteLater();
		return nullptr;
	}
	return socket;
}

/* The server takes it along. */
int goodOnStack()
{
	QLocalServer server;

	if (!server.listen("once") || !server.waitForNewConnection(1000))
		return 1;
	QLocalSocket *socket = server.nextPendingConnection();
	if (!socket)
		return 2;
	if (!socket->waitForReadyRead(1000))
		return 3;
	socket->write("done");
	delete socket;
	return 0;
}
