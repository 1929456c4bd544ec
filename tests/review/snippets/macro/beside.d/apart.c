#include <fcntl.h>
/* Does not include names.h: fd_shut() is some function here, and nobody knows what it does. */
void fd_shut(int fd);

int unknown(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	fd_shut(fd);
	return 0;
}
