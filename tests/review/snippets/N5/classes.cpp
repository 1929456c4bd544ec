#include <QDataStream>
#include <QLocalSocket>
#include <algorithm>
#include <cstdint>
#include <string>
#include <sys/socket.h>
#include <vector>

class Reader : public QObject {
public:
	void bad_resize()
	{
		QDataStream in(m_socket);
		quint32 size;
		in >> size;
		m_block.resize(size); // N5
	}

	bool bad_vector(int fd)
	{
		uint32_t count = 0;
		if (::recv(fd, &count, sizeof(count), MSG_WAITALL) != sizeof(count))
			return false;
		std::vector<int> values(count); // N5
		return !values.empty();
	}

	char *bad_new(int fd)
	{
		uint32_t count = 0;
		if (::recv(fd, &count, sizeof(count), MSG_WAITALL) != sizeof(count))
			return nullptr;
		return new char[count]; // N5
	}

	void good_resize()
	{
		QDataStream in(m_socket);
		quint32 size;
		in >> size;
		if (size > 65536) {
			m_socket->abort();
			return;
		}
		m_block.resize(size);
	}

	bool good_vector(int fd)
	{
		uint32_t count = 0;
		if (::recv(fd, &count, sizeof(count), MSG_WAITALL) != sizeof(count))
			return false;
		std::vector<int> values(std::min<uint32_t>(count, 1000));
		return !values.empty();
	}

private:
	QLocalSocket *m_socket;
	QByteArray m_block;
};
