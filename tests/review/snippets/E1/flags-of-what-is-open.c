#include <fcntl.h>
#include <sys/socket.h>

/* Advice: the kernel knows no failure of these on a descriptor that is open. */
void flags(int fd)
{
	int f = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, f | O_NONBLOCK); // E1
}

void good_said(int fd)
{
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
}

void bad_listen(int fd)
{
	listen(fd, 4); // E1
}
