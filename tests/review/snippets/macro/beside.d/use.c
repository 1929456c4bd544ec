#include <fcntl.h>
#include "inc/names.h"

int good(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == fd_none)
		return -1;
	fd_shut(fd);
	return 0;
}
