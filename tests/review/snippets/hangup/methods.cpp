// The 0 comes through methods and members of classes.
#include <cstdint>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

class Channel {
public:
	explicit Channel(int fd) : m_fd(fd) {}
	ssize_t some(char *to, size_t n) { return ::recv(m_fd, to, n, 0); }
	ssize_t more(char *to, size_t n)
	{
		ssize_t got = some(to, n);

		if (got < 0)
			throw std::runtime_error("recv");
		return got;
	}
	void all(char *to, size_t n)
	{
		size_t have = 0;

		while (have < n) // W1
			have += static_cast<size_t>(more(to + have, n - have));
	}
	bool line(std::string &out)
	{
		char c = 0;

		do { // W1
			if (some(&c, 1) < 0)
				return false;
			if (c != '\n')
				out.push_back(c);
		} while (c != '\n');
		return true;
	}
	std::string text(size_t n)
	{
		std::string out;
		char part[128];

		while (out.size() < n) { // W1
			ssize_t got = some(part, sizeof(part));

			if (got < 0)
				break;
			out.append(part, static_cast<size_t>(got));
		}
		return out;
	}
	void run()
	{
		std::vector<char> part(512);

		while (!m_stopped) { // W1
			ssize_t got = ::recv(m_fd, part.data(), part.size(), 0);

			if (got < 0)
				return;
			m_total += static_cast<size_t>(got);
		}
	}
	bool lineUnlessWorse(std::string &out)
	{
		char c = 0;

		for (;;) { // W1
			const auto n = some(&c, 1);

			if (n < -1)
				return false;
			if (c == '\n')
				return true;
			out += c;
		}
	}
	bool goodLine(std::string &out)
	{
		char c = 0;

		do {
			if (some(&c, 1) <= 0)
				return false;
			if (c != '\n')
				out.push_back(c);
		} while (c != '\n');
		return true;
	}
	void goodAll(char *to, size_t n)
	{
		size_t have = 0;

		while (have < n) {
			ssize_t got = more(to + have, n - have);

			if (got == 0)
				throw std::runtime_error("end");
			have += static_cast<size_t>(got);
		}
	}
	std::string goodText(size_t n)
	{
		std::string out;
		char part[128];

		while (out.size() < n) {
			ssize_t got = some(part, sizeof(part));

			if (got < 1)
				break;
			out.append(part, static_cast<size_t>(got));
		}
		return out;
	}
	void goodRun()
	{
		char part[512];

		while (!m_stopped) {
			ssize_t got = ::recv(m_fd, part, sizeof(part), 0);

			if (got < 0)
				return;
			if (got == 0)
				stop();
			m_total += static_cast<size_t>(got);
		}
	}
	void stop() { m_stopped = true; }

private:
	int m_fd;
	size_t m_total = 0;
	bool m_stopped = false;
};
