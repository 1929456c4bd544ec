#include <sys/socket.h>

static int listener, client;

void try_accept(void)
{
	int fd = accept(listener, NULL, NULL);

	if (fd == SOCK_INVALID)
		return;
	client = fd;
}
