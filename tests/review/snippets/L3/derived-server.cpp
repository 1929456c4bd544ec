#include <QLocalServer>
#include <QLocalSocket>

class Gate : public QLocalServer {
	Q_OBJECT
private slots:
	void bad()
	{
		QLocalSocket *guest = nextPendingConnection(); // L3
		if (guest)
			connect(guest, &QLocalSocket::readyRead, this, &Gate::hear);
	}
	void hear() {}
};

class Hall : public QLocalServer {
	Q_OBJECT
private slots:
	void good()
	{
		QLocalSocket *guest = nextPendingConnection();
		if (!guest)
			return;
		connect(guest, &QLocalSocket::disconnected, guest, &QObject::deleteLater);
		connect(guest, &QLocalSocket::readyRead, this, &Hall::hear);
	}
	void hear() {}
};
