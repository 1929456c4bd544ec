// A member that is a string ends itself.
#include <string>
#include <sys/socket.h>
#include <cstring>

class Buffer {
public:
	void append(const char *bytes, size_t n) { text_.append(bytes, n); }
	bool right_take(std::string &to)
	{
		if (text_.empty())
			return false;
		to = text_;
		text_.clear();
		return true;
	}

private:
	std::string text_;
};

class Plain {
public:
	explicit Plain(int s) : s_(s) {}
	bool fill() { return ::recv(s_, text_, sizeof(text_), 0) > 0; }
	size_t wrong_length() const { return std::strlen(text_); } // N4

private:
	int s_;
	char text_[100];
};

bool read_some(int s, Buffer &in, std::string &to)
{
	char bytes[1000];
	ssize_t n = ::recv(s, bytes, sizeof(bytes), 0);

	if (n <= 0)
		return false;
	in.append(bytes, static_cast<size_t>(n));
	return in.right_take(to);
}
