#include <QLocalServer>
#include <QtLockedFile>

class Peer : public QObject
{
	Q_OBJECT
public:
	bool isClient();

private:
	QLocalServer *server;
	QtLP_Private::QtLockedFile lockFile;
	QString name;
};

bool Peer::isClient()
{
	if (!lockFile.lock(QtLockedFile::WriteLock, false))
		return true;
	bool ok = server->listen(name);
	if (!ok) {
		QFile::remove(QDir::tempPath() + '/' + name);
		ok = server->listen(name);
	}
	if (!ok)
		qWarning("no server");
	return false;
}
