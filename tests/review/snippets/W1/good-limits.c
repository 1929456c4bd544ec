#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int stop;

int counted(int fd, const struct sockaddr *addr, socklen_t size)
{
	int attempt;

	for (attempt = 0; connect(fd, addr, size) < 0; attempt++) {
		if (attempt == 10)
			return -1;
		sleep(1);
	}
	return 0;
}

int until(int fd, const struct sockaddr *addr, socklen_t size, time_t deadline)
{
	while (connect(fd, addr, size) < 0) {
		if (time(NULL) > deadline)
			return -1;
		sleep(1);
	}
	return 0;
}

int stopped(int fd, const struct sockaddr *addr, socklen_t size)
{
	while (!stop && connect(fd, addr, size) < 0)
		sleep(1);
	return stop ? -1 : 0;
}

int interrupted(int fd, const struct sockaddr *addr, socklen_t size)
{
	int r;

	do
		r = connect(fd, addr, size);
	while (r < 0 && errno == EINTR);
	return r;
}
