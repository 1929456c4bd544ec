#include <sys/socket.h>

int net_open(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}
