// What a callback gets, it may keep.
#include <functional>
#include <sys/socket.h>
#include <unistd.h>

class Loop;

class Door {
public:
	explicit Door(const std::function<void(Loop *, int)> &callback) : m_callback(callback) {}
	void watch(int fd) { m_fd = fd; }
	void onReady(Loop *loop);
	void onLost();

private:
	int m_fd = -1;
	std::function<void(Loop *, int)> m_callback;
};

void Door::onReady(Loop *loop)
{
	int fd = accept4(m_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		m_callback(loop, fd);
}

void Door::onLost()
{
	int fd = accept4(m_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); // L3

	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
}
