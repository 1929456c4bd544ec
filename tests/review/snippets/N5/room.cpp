// A count that is the room which is left, and one that a peer has sent.
#include <arpa/inet.h>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

namespace
{
constexpr int Size = 8192;

const char *behind(const char *text, char mark)
{
	const char *found = std::strchr(text, mark);
	return found ? found + 1 : text;
}

ssize_t goodMore(int fd, void *to, size_t count, size_t offset)
{
	while (offset < count) {
		ssize_t n = read(fd, static_cast<char *>(to) + offset, count - offset);
		if (n <= 0)
			return -1;
		offset += static_cast<size_t>(n);
	}
	return static_cast<ssize_t>(offset);
}
}

class Reader
{
public:
	bool good(int fd)
	{
		ssize_t n = recv(fd, m_bytes, Size - 1, 0);
		if (n <= 0)
			return false;
		m_bytes[n] = '\0';
		const char *at = behind(m_bytes, ':');
		return goodMore(fd, const_cast<char *>(at), m_bytes + Size - at, m_bytes + n - at) > 0;
	}

	bool bad(int fd)
	{
		uint32_t count;
		if (recv(fd, &count, sizeof(count), MSG_WAITALL) != sizeof(count))
			return false;
		return recv(fd, m_bytes, ntohl(count), MSG_WAITALL) > 0; // N5
	}

private:
	char m_bytes[Size];
};
