#include <sys/eventfd.h>
#include <sys/socket.h>
#include "client.h"

/* Whoever links this may start programs. */
int client_open(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0); // L6
}

int client_wake(void)
{
	return eventfd(0, EFD_NONBLOCK); // L6
}

int client_own(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int client_as_told(int flags)
{
	return eventfd(0, flags);
}
