// A connection that the function is given, and whose next wait is asked: advice. One that it makes: not.
#include <QLocalServer>
#include <QLocalSocket>

/* Advice. */
bool read_command(QLocalSocket *socket)
{
	socket->waitForConnected(50); // E5
	bool ready = socket->waitForReadyRead(200);
	return ready && socket->readLine(30).startsWith("show");
}

bool ask(const QString &name)
{
	QLocalSocket line;
	line.connectToServer(name);
	line.waitForConnected(50); // E5
	return line.waitForReadyRead(200);
}
