#include <QLocalSocket>
#include <QProcess>
#include <set>
#include <string>

class Runner : public QObject {
public:
	void bad_arguments()
	{
		const QString name = QString::fromUtf8(m_socket->readAll());
		QProcess::startDetached("/bin/sh", {"-c", "play " + name}); // N2
	}

	void good_arguments()
	{
		const QString name = QString::fromUtf8(m_socket->readAll());
		QProcess::startDetached("/usr/bin/play", {"--", name});
	}

	void good_allowed()
	{
		const QString name = QString::fromUtf8(m_socket->readAll());
		if (!m_scripts.contains(name))
			return;
		QProcess::startDetached("/bin/sh", {"-c", "/usr/share/scripts/" + name});
	}

private:
	QLocalSocket *m_socket;
	QStringList m_scripts;
};
