// Qt's network and IO classes: loops that end by themselves, and what has an owner.
#include <QBuffer>
#include <QDBusUnixFileDescriptor>
#include <QFile>
#include <QLockFile>
#include <QNetworkAccessManager>
#include <QNetworkDatagram>
#include <QNetworkReply>
#include <QSaveFile>
#include <QSocketNotifier>
#include <QTcpServer>
#include <QThreadPool>
#include <QUdpSocket>
#include <QWebSocket>
#include <QWebSocketServer>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

class Listener : public QObject {
public:
	void datagrams();
	QByteArray lines(const QString &path);
	bool save(const QString &path, const QByteArray &text);
	bool door();
	void client();
	void ask(const QUrl &url);
	int passed(QDBusUnixFileDescriptor &message);
	bool alone();

private:
	QUdpSocket *socket;
	QTcpServer *server;
	QWebSocketServer *web;
	QNetworkAccessManager *network;
};

// What is pending is read, and then nothing is.
void Listener::datagrams()
{
	while (socket->hasPendingDatagrams()) {
		QNetworkDatagram datagram = socket->receiveDatagram(1500);

		if (!datagram.isValid())
			break;
	}
}

// A file has an end.
QByteArray Listener::lines(const QString &path)
{
	QFile file(path);
	QByteArray all;

	if (!file.open(QIODevice::ReadOnly))
		return all;
	while (!file.atEnd())
		all += file.readLine(1000);
	return all;
}

bool Listener::save(const QString &path, const QByteArray &text)
{
	QSaveFile file(path);

	if (!file.open(QIODevice::WriteOnly))
		return false;
	file.write(text);
	return file.commit();
}

// The server has the descriptor, if it takes it.
bool Listener::door()
{
	int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	if (!server->setSocketDescriptor(fd)) {
		::close(fd);
		return false;
	}
	return true;
}

// The caller owns what a web socket server gives.
void Listener::client()
{
	QWebSocket *peer = web->nextPendingConnection();

	if (!peer)
		return;
	connect(peer, &QWebSocket::disconnected, peer, &QObject::deleteLater);
}

void Listener::ask(const QUrl &url)
{
	QNetworkReply *reply = network->get(QNetworkRequest(url));

	connect(reply, &QNetworkReply::finished, reply, [reply] {
		if (reply->error() == QNetworkReply::NoError)
			reply->readAll();
		reply->deleteLater();
	});
}

int Listener::passed(QDBusUnixFileDescriptor &message)
{
	int fd = message.takeFileDescriptor();

	if (fd < 0)
		return -1;
	int flags = fcntl(fd, F_GETFL);
	::close(fd);
	return flags;
}

bool Listener::alone()
{
	QLockFile file("/run/program.lock");

	return file.tryLock(100);
}
