#include <QLocalSocket>
#include <cstdio>
#include <string>
#include <sys/socket.h>

class Monitor : public QObject {
public:
	void bad_ready()
	{
		const QByteArray line = m_socket->readLine();
		std::printf(line.constData()); // N1
	}

	void bad_string(int fd)
	{
		char buf[64];
		ssize_t n = ::recv(fd, buf, sizeof(buf), 0);
		if (n <= 0)
			return;
		std::string text(buf, static_cast<size_t>(n));
		text = "said: " + text;
		std::fprintf(stderr, text.c_str()); // N1
	}

	void good_ready()
	{
		const QByteArray line = m_socket->readLine().trimmed();
		std::printf("%s\n", line.constData());
		qWarning("%s", line.constData());
	}

	void good_length()
	{
		const QByteArray line = m_socket->readLine();
		std::printf("%d bytes\n", int(line.size()));
	}

private:
	QLocalSocket *m_socket;
};
