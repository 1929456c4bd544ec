#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static int pass(int fd, struct msghdr *message)
{
	return sendmsg(fd, message, 0) < 0 ? -1 : 0; // E6
}

int with_rights(int listener, struct msghdr *message)
{
	int r, fd = accept(listener, NULL, NULL);

	if (fd < 0)
		return -1;
	r = pass(fd, message);
	close(fd);
	return r;
}
