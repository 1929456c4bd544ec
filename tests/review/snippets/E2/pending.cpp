#include <QLocalServer>
#include <QLocalSocket>
#include <QTcpServer>

void good_while(QLocalServer &door)
{
	while (door.hasPendingConnections()) {
		QLocalSocket *guest = door.nextPendingConnection();
		QObject::connect(guest, &QLocalSocket::disconnected, guest, &QObject::deleteLater);
		guest->write("a\n");
	}
}

void bad_other_door(QLocalServer &door, QLocalServer &other)
{
	if (other.hasPendingConnections()) {
		QLocalSocket *guest = door.nextPendingConnection();
		QObject::connect(guest, &QLocalSocket::disconnected, guest, &QObject::deleteLater);
		guest->write("b\n"); // E2
	}
}

void bad_nobody_asked(QLocalServer &door)
{
	QLocalSocket *guest = door.nextPendingConnection();
	QObject::connect(guest, &QLocalSocket::disconnected, guest, &QObject::deleteLater);
	guest->write("c\n"); // E2
}

class Desk : public QObject {
	Q_OBJECT
public:
	Desk()
	{
		connect(&m_door, &QTcpServer::newConnection, this, &Desk::enter);
		connect(&m_late, SIGNAL(newConnection()), SLOT(enterLate()));
	}
	void enter()
	{
		QTcpSocket *guest = m_door.nextPendingConnection();
		connect(guest, &QTcpSocket::disconnected, guest, &QObject::deleteLater);
		guest->write("d\n");
	}
	void enterLate()
	{
		QTcpSocket *guest = m_late.nextPendingConnection();
		connect(guest, &QTcpSocket::disconnected, guest, &QObject::deleteLater);
		guest->write("e\n");
	}

private:
	QTcpServer m_door, m_late;
};
