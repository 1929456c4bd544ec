#include <sys/socket.h>
#include <unistd.h>

/* Each connection has one of its own, and it goes with none of them. */
class Channel {
public:
	bool open(int type);
	bool send(const char *text, size_t size);
	~Channel();

private:
	int m_fd = -1;
};

bool Channel::open(int type)
{
	m_fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	return m_fd >= 0;
}

bool Channel::send(const char *text, size_t size)
{
	return ::send(m_fd, text, size, MSG_NOSIGNAL) == (ssize_t)size;
}

Channel::~Channel() // L1
{
	shutdown(m_fd, SHUT_RDWR);
}

/* This one closes it. */
class Closed {
public:
	bool open(int type);
	~Closed();

private:
	int m_socket = -1;
};

bool Closed::open(int type)
{
	m_socket = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	return m_socket >= 0;
}

Closed::~Closed()
{
	if (m_socket >= 0)
		close(m_socket);
}

/* Whoever asks for it closes it. */
class Given {
public:
	bool open(int type);
	int take();
	~Given();

private:
	int m_number = -1;
};

bool Given::open(int type)
{
	m_number = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	return m_number >= 0;
}

int Given::take()
{
	return m_number;
}

Given::~Given()
{
}

/* Only the largest of several. */
class Largest {
public:
	bool open(int type);
	~Largest();

private:
	int m_first = -1;
	int m_largest = -1;
};

bool Largest::open(int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	m_first = fd;
	if (fd > m_largest)
		m_largest = fd;
	return true;
}

Largest::~Largest()
{
	if (m_first >= 0)
		close(m_first);
}
