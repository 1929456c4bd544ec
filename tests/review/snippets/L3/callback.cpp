// A connection goes to whoever has set a function; where none is set none is lost to anybody.
#include <functional>
#include <sys/socket.h>
#include <unistd.h>

struct Door {
	int fd;
	std::function<void(int)> guest;
	void open();
	void ignore();
};

void Door::open()
{
	int one = accept(fd, nullptr, nullptr);

	if (one < 0)
		return;
	if (guest)
		guest(one);
}

void Door::ignore()
{
	char byte;
	int one = accept(fd, nullptr, nullptr); // L3

	if (one < 0)
		return;
	if (recv(one, &byte, 1, 0) == 1 && byte == 'q')
		close(one);
}
