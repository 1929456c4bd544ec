// Lengths that lie in strings, behind data() and in what helpers take out of them.
#include <arpa/inet.h>
#include <cstdint>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <vector>

class Reader {
public:
	void badOffset()
	{
		const std::string text = some();
		char out[64];
		std::uint16_t size;

		if (text.size() < 4)
			return;
		std::memcpy(&size, text.data() + 2, sizeof(size));
		std::memcpy(out, text.data() + 4, ntohs(size)); // N5
		use(out);
	}
	void badCopied()
	{
		const std::string text = some();
		std::uint32_t size = 0;

		text.copy(reinterpret_cast<char *>(&size), sizeof(size));
		std::vector<char> body(size); // N5
		use(body.data());
	}
	void badAssigned()
	{
		char bytes[256];
		std::uint32_t size;

		if (::recv(m_fd, bytes, sizeof(bytes), 0) < 8)
			return;
		std::memcpy(&size, bytes, sizeof(size));
		m_text.assign(bytes + 4, size); // N5
	}
	void badPart()
	{
		const std::string text = some();
		std::uint32_t size;

		if (text.size() < 4)
			return;
		std::memcpy(&size, text.data(), sizeof(size));
		const std::string part(text.data() + 4, size); // N5
		use(part.c_str());
	}
	void badHelper()
	{
		const std::string text = some();
		char out[64];

		std::memcpy(out, text.data() + 4, word(text, 0)); // N5
		use(out);
	}
	void goodOffset()
	{
		const std::string text = some();
		char out[64];
		std::uint16_t size;

		if (text.size() < 4)
			return;
		std::memcpy(&size, text.data() + 2, sizeof(size));
		size = ntohs(size);
		if (size > sizeof(out) || size > text.size() - 4)
			return;
		std::memcpy(out, text.data() + 4, size);
		use(out);
	}
	// It takes no more than there is.
	void goodPart()
	{
		const std::string text = some();
		std::uint32_t size;

		if (text.size() < 4)
			return;
		std::memcpy(&size, text.data(), sizeof(size));
		use(text.substr(4, size).c_str());
	}
	void goodHelper()
	{
		const std::string text = some();
		char out[64];
		const std::uint32_t size = word(text, 0);

		if (size > sizeof(out))
			return;
		std::memcpy(out, text.data() + 4, size);
		use(out);
	}
	void goodReceived()
	{
		char bytes[256];
		const ssize_t n = ::recv(m_fd, bytes, sizeof(bytes), 0);

		if (n > 0)
			m_text.append(bytes, static_cast<std::size_t>(n));
	}

private:
	std::string some()
	{
		char bytes[256];
		const ssize_t n = ::recv(m_fd, bytes, sizeof(bytes), 0);

		std::string text(bytes, n > 0 ? static_cast<std::size_t>(n) : 0);

		return text;
	}
	static std::uint32_t word(const std::string &text, std::size_t at)
	{
		std::uint32_t v;

		std::memcpy(&v, text.data() + at, sizeof(v));
		return ntohl(v);
	}
	static void use(const char *text);
	int m_fd = -1;
	std::string m_text;
};
