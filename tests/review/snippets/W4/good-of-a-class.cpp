#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

class Patient {
public:
	bool open(const sockaddr_in &where);
	~Patient() { close(); }

private:
	void close();
	int m_fd = -1;
};

bool Patient::open(const sockaddr_in &where)
{
	m_fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (m_fd < 0)
		return false;
	timeval limit = { 5, 0 };
	if (::setsockopt(m_fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0) {
		close();
		return false;
	}
	if (::connect(m_fd, reinterpret_cast<const sockaddr *>(&where), sizeof(where)) == 0)
		return true;
	close();
	return false;
}

void Patient::close()
{
	if (m_fd >= 0)
		::close(m_fd);
	m_fd = -1;
}
