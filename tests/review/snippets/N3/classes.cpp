#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QLocalSocket>
#include <fstream>
#include <string>
#include <sys/socket.h>

class Inbox : public QObject {
public:
	void bad_file()
	{
		const QString name = QString::fromUtf8(m_socket->readLine()).trimmed();
		QFile file(m_folder.filePath(name)); // N3
		file.remove();
	}

	void bad_stream(int fd)
	{
		std::string name(100, '\0');
		ssize_t n = ::recv(fd, &name[0], name.size(), 0);
		if (n <= 0)
			return;
		name.resize(static_cast<size_t>(n));
		std::ofstream out("/srv/" + name); // N3
	}

	void good_name()
	{
		const QString name = QString::fromUtf8(m_socket->readLine()).trimmed();
		QFile file(m_folder.filePath(QFileInfo(name).fileName()));
		file.remove();
	}

	void good_contains()
	{
		const QString name = QString::fromUtf8(m_socket->readLine()).trimmed();
		if (name.contains('/'))
			return;
		QFile file(m_folder.filePath(name));
		file.remove();
	}

private:
	QLocalSocket *m_socket;
	QDir m_folder;
};
