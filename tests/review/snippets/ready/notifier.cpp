// QSocketNotifier is activated for as long as the descriptor is ready.
#include <QObject>
#include <QSocketNotifier>
#include <sys/socket.h>
#include <unistd.h>

class Bad : public QObject {
public:
	explicit Bad(int fd) : m_fd(fd), m_notifier(fd, QSocketNotifier::Read)
	{
		connect(&m_notifier, &QSocketNotifier::activated, this, &Bad::hear);
	}

private:
	void hear()
	{
		char part[256];
		const ssize_t n = ::recv(m_fd, part, sizeof(part), 0); // W2

		if (n < 0)
			m_notifier.setEnabled(false);
		else
			m_text.append(part, static_cast<int>(n));
	}
	int m_fd;
	QByteArray m_text;
	QSocketNotifier m_notifier;
};

class Good : public QObject {
public:
	explicit Good(int fd) : m_fd(fd), m_notifier(fd, QSocketNotifier::Read)
	{
		connect(&m_notifier, &QSocketNotifier::activated, this, &Good::hear);
	}

private:
	void hear()
	{
		char part[256];
		const ssize_t n = ::recv(m_fd, part, sizeof(part), 0);

		if (n <= 0)
			m_notifier.setEnabled(false);
		else
			m_text.append(part, static_cast<int>(n));
	}
	int m_fd;
	QByteArray m_text;
	QSocketNotifier m_notifier;
};
