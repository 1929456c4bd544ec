#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

class Connection {
public:
	bool open(const sockaddr_in &where);
	~Connection() { close(); }

private:
	void close();
	int m_fd = -1;
};

bool Connection::open(const sockaddr_in &where)
{
	m_fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (m_fd < 0)
		return false;
	if (::connect(m_fd, reinterpret_cast<const sockaddr *>(&where), sizeof(where)) == 0) // W4
		return true;
	close();
	return false;
}

void Connection::close()
{
	if (m_fd >= 0)
		::close(m_fd);
	m_fd = -1;
}
