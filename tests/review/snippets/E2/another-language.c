// The file has the suffix of C, and the language of another.
#include <iostream>
#include <sys/socket.h>

class Line {
public:
	explicit Line(int fd) : fd_(fd) {}

	char last()
	{
		char text[64];
		auto n = recv(fd_, text, sizeof(text), 0);

		std::cout << n << std::endl;
		return text[n - 1];
	}

	char first()
	{
		char text[64];
		int n = recv(fd_, text, sizeof(text) - 1, 0);

		text[n] = '\0'; // E2
		std::cout << text << std::endl;
		return text[0];
	}

private:
	int fd_;
};
