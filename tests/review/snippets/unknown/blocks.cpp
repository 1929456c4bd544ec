// Blocks that run at another time, or nobody knows how often.
#include <fcntl.h>
#include <unistd.h>

int later(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int lost;

	if (fd < 0)
		return -1;
	lost = open(path, O_RDONLY | O_CLOEXEC); // L1
	SCOPE_EXIT {
		close(fd);
	};
	ON_FAILURE(fd) {
		close(fd);
	};
	return fd + lost > 0 ? 0 : -1;
}
