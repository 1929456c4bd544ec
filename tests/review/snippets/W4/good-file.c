#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <fcntl.h>

/* What is read is a file. */
int tell(int sock, const struct sockaddr_un *addr, const char *path)
{
	char c;
	int fd, r = -1;

	if (connect(sock, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (read(fd, &c, 1) == 1 && send(sock, &c, 1, MSG_NOSIGNAL) == 1)
		r = 0;
	close(fd);
	return r;
}
