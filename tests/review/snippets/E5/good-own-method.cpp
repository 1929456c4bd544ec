// A class of the project has a method that is called like one of Qt's, and its signals tell the outcome.
#include <QTcpSocket>

#include "window.h"

class ClientConnection : public QObject {
public:
	explicit ClientConnection(QObject *parent);
	void connectToServer(const QString &host, quint16 port);

private:
	QTcpSocket *m_socket;
};

ClientConnection::ClientConnection(QObject *parent) : QObject(parent), m_socket(new QTcpSocket(this))
{
	connect(m_socket, &QTcpSocket::connected, this, &ClientConnection::deleteLater);
	connect(m_socket, &QTcpSocket::errorOccurred, this, &ClientConnection::deleteLater);
}

void ClientConnection::connectToServer(const QString &host, quint16 port)
{
	m_socket->connectToHost(host, port);
}

void Window::good_begin(const QString &host)
{
	connection->connectToServer(host, 8080);
}
