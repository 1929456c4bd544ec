// A member of the object that a method closes when it fails.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

class Link {
public:
	bool open();
	bool right();
	bool wrong();
	bool wrongLater();

private:
	bool dial();
	void shut() { ::close(m_fd); }
	int m_fd = -1;
	sockaddr_un m_where;
};

bool Link::open()
{
	m_fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return m_fd >= 0;
}

bool Link::dial()
{
	if (::connect(m_fd, reinterpret_cast<sockaddr *>(&m_where), sizeof(m_where)) < 0) { // W4
		::close(m_fd);
		return false;
	}
	return true;
}

bool Link::right()
{
	if (!dial())
		return false;
	::close(m_fd);
	return true;
}

bool Link::wrong()
{
	if (!dial()) {
		::close(m_fd); // L4
		return false;
	}
	::close(m_fd);
	return true;
}

bool Link::wrongLater()
{
	const bool ok = dial();

	if (!ok)
		shut(); // L4
	return ok;
}
