// The same with strings and members.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <sys/socket.h>

class Frames {
public:
	void bad()
	{
		std::size_t at = 0;

		while (at < m_have) { // W1
			const std::uint8_t size = static_cast<std::uint8_t>(m_bytes[at]);

			if (at + size > m_have)
				return;
			std::printf("%u\n", static_cast<unsigned>(size));
			at += size;
		}
	}
	void good()
	{
		std::size_t at = 0;

		while (at < m_have) {
			const std::uint8_t size = static_cast<std::uint8_t>(m_bytes[at]);

			if (size < 1 || at + size > m_have)
				return;
			std::printf("%u\n", static_cast<unsigned>(size));
			at += size;
		}
	}
	void read()
	{
		const ssize_t n = ::recv(m_fd, m_bytes, sizeof(m_bytes), 0);

		m_have = n > 0 ? static_cast<std::size_t>(n) : 0;
	}

private:
	int m_fd = -1;
	std::size_t m_have = 0;
	char m_bytes[512];
};
