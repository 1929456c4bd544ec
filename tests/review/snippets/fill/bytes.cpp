// The same in methods.
#include <array>
#include <cstddef>
#include <string>
#include <sys/socket.h>
#include <vector>

class Line {
public:
	bool bad()
	{
		char c = 0;

		m_used = 0;
		while (::recv(m_fd, &c, 1, 0) == 1) {
			if (c == '\n')
				return true;
			m_text[m_used++] = c; // N5
		}
		return false;
	}
	bool badRead(char *to)
	{
		for (;; ++to) {
			if (::recv(m_fd, to, 1, 0) != 1) // N5
				return false;
			if (*to == '\n')
				return true;
		}
	}
	bool good()
	{
		char c = 0;

		m_used = 0;
		while (::recv(m_fd, &c, 1, 0) == 1) {
			if (c == '\n')
				return true;
			if (m_used == sizeof(m_text))
				return false;
			m_text[m_used++] = c;
		}
		return false;
	}
	// Strings and vectors grow.
	bool goodString(std::string &out)
	{
		char c = 0;

		while (::recv(m_fd, &c, 1, 0) == 1 && c != '\n')
			out += c;
		return c == '\n';
	}
	bool goodVector(std::vector<char> &out)
	{
		char c = 0;
		std::size_t n = 0;

		while (::recv(m_fd, &c, 1, 0) == 1 && c != '\n') {
			out.resize(n + 1);
			out[n++] = c;
		}
		return c == '\n';
	}

private:
	int m_fd = -1;
	char m_text[120];
	std::size_t m_used = 0;
};
