#include <sys/socket.h>

/* A program that starts no other has nobody to inherit it. */
int open_it(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

int take_it(int listener)
{
	return accept(listener, 0, 0);
}
