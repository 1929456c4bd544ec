/* What a call opens goes straight into another one. */
#include <sys/socket.h>
#include <unistd.h>

int answers(const struct sockaddr *at, socklen_t size)
{
	return connect(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), at, size) == 0; // L1 E2
}

int fits(void)
{
	return close(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == 0;
}
