#include <QLocalServer>
#include <QLocalSocket>
#include <QProcess>

bool bad_connect(QLocalSocket *socket)
{
	socket->connectToServer("panel");
	return socket->waitForConnected(-1); // W3
}

QByteArray bad_read(QLocalSocket &socket)
{
	while (!socket.canReadLine())
		if (!socket.waitForReadyRead(-1)) // W3
			return {};
	return socket.readLine();
}

bool bad_write(QLocalSocket *socket, const QByteArray &text)
{
	if (socket->write(text) != text.size())
		return false;
	return socket->waitForBytesWritten(-1); // W3
}

bool bad_process(QProcess *process)
{
	process->start("/usr/bin/true", {});
	return process->waitForFinished(-1); // W3
}

bool good_connect(QLocalSocket *socket)
{
	socket->connectToServer("panel");
	return socket->waitForConnected(1000);
}

bool good_default(QLocalSocket *socket)
{
	socket->connectToServer("panel");
	return socket->waitForConnected();
}

bool good_left(QLocalSocket *socket, int left)
{
	return socket->waitForReadyRead(left);
}

bool good_zero(QLocalServer *server)
{
	return server->waitForNewConnection(0);
}
