// What is accepted goes back to the caller in an object, and the caller may ask it.
#include <sys/socket.h>

handle right_returned(int listener)
{
	int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);

	return handle(fd);
}

void use(int fd);

void wrong_used(int listener)
{
	int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);

	use(fd); // E2
}
