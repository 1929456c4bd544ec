#include <sys/socket.h>
#include <stdio.h>
#include <unistd.h>

int dial(const struct sockaddr *addr, socklen_t size, const char *log)
{
	FILE *f = NULL;
	int fd, ret = -1;

	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd == -1)
		goto out;
	f = fopen(log, "a");
	if (!f)
		goto out;
	if (connect(fd, addr, size) == -1)
		goto out;
	ret = fd;
out:
	if (f)
		fclose(f);
	if (ret < 0 && fd >= 0)
		close(fd);
	return ret;
}
