#include <QApplication>
#include <QLocalServer>
#include <QLocalSocket>

class Single : public QApplication
{
	Q_OBJECT
public:
	bool take(const QString &key);
public slots:
	void handleConnection();
	void readData();
private:
	QLocalServer *server;
};

bool Single::take(const QString &key)
{
	QLocalSocket *probe = new QLocalSocket;

	probe->connectToServer(key);
	bool running = probe->waitForConnected(1000);
	probe->deleteLater();
	return !running && server->listen(key);
}

void Single::handleConnection()
{
	QLocalSocket *next = server->nextPendingConnection(); // L3
	connect(next, SIGNAL(readyRead()), this, SLOT(readData()));
}
