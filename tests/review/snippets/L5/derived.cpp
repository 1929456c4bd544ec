#include <QLocalServer>

class Control : public QLocalServer
{
	Q_OBJECT
public:
	bool start(const QString &name);
	bool again(const QString &name);
};

bool Control::start(const QString &name)
{
	QLocalServer::removeServer(name); // L5
	return listen(name);
}

bool Control::again(const QString &name)
{
	QLocalSocket probe;

	probe.connectToServer(name);
	if (probe.waitForConnected(200))
		return false;
	QLocalServer::removeServer(name);
	return listen(name);
}
