#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

int bad_pair(int *ret)
{
	int master = posix_openpt(O_RDWR | O_CLOEXEC);

	if (master < 0)
		return -1;
	if (grantpt(master) < 0 || unlockpt(master) < 0)
		return -1; // L1
	*ret = master;
	return 0;
}

int good_pair(int *ret)
{
	int master = posix_openpt(O_RDWR | O_CLOEXEC);

	if (master < 0)
		return -1;
	if (grantpt(master) < 0 || unlockpt(master) < 0) {
		close(master);
		return -1;
	}
	*ret = master;
	return 0;
}

int bad_file(const char *name)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (fchmod(fd, 0600) < 0)
		return -1; // L1
	return fd;
}
