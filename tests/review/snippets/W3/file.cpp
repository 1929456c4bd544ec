#include <QFile>
#include <QTcpSocket>
#include <QTemporaryFile>
#include <QWidget>

class Upgrader : public QWidget {
	QTemporaryFile hex;
	QFile log;
	QTcpSocket socket;

	void good_file(const QByteArray &bytes);
	void of_a_peer(const QByteArray &bytes);
};

void Upgrader::good_file(const QByteArray &bytes)
{
	if (!hex.open())
		return;
	hex.write(bytes);
	hex.waitForBytesWritten(-1);
	log.write(bytes);
	log.waitForBytesWritten(-1);
}

void Upgrader::of_a_peer(const QByteArray &bytes)
{
	socket.write(bytes);
	socket.waitForBytesWritten(-1); // W3 E5
}
