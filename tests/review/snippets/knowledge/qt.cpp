// Qt's network and IO classes: lost on a way out.
#include <QDBusUnixFileDescriptor>
#include <QTcpServer>
#include <QThreadPool>
#include <QWebSocket>
#include <QWebSocketServer>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

class Listener : public QObject {
public:
	bool door();
	int passed(QDBusUnixFileDescriptor &message, char *buffer);
	void client();
	bool listening();

private:
	QTcpServer *server;
	QWebSocketServer *web;
};

bool Listener::door()
{
	int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	if (!server->setSocketDescriptor(fd))
		return false; // L1
	return true;
}

int Listener::passed(QDBusUnixFileDescriptor &message, char *buffer)
{
	int fd = message.takeFileDescriptor();

	if (fd < 0)
		return -1;
	if (pread(fd, buffer, 10, 0) < 0)
		return -1; // L1
	::close(fd);
	return 0;
}

void Listener::client()
{
	QWebSocket *peer = web->nextPendingConnection(); // L3

	peer->sendTextMessage("hello"); // E2
}

bool Listener::listening()
{
	web->listen(QHostAddress::LocalHost, 4000); // E5
	return true;
}
