#include <QTcpSocket>

class Peers : public QObject
{
	Q_OBJECT
public:
	void meet(const QHostAddress &address, quint16 port);
signals:
	void newConnection(QTcpSocket *socket);
};

void Peers::meet(const QHostAddress &address, quint16 port)
{
	QTcpSocket *socket = new QTcpSocket(this);

	emit newConnection(socket);
	socket->connectToHost(address, port);
}
