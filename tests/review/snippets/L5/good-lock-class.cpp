#include <QDir>
#include <QFile>
#include <QLocalServer>
#include <QLockFile>

class First : public QObject {
public:
	bool begin(const QString &name)
	{
		if (!m_guard.tryLock(10))
			return false;
		if (m_door.listen(name))
			return true;
		QFile::remove(QDir::tempPath() + name);
		return m_door.listen(name);
	}

private:
	QLockFile m_guard{"first.lock"};
	QLocalServer m_door;
};
