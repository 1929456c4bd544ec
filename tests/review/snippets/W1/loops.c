#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool verbose;

void bad_while(int fd, const struct sockaddr_un *addr)
{
	while (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0) // W1
		sleep(1);
}

void bad_do(int fd, const struct sockaddr_un *addr)
{
	int r;

	do { // W1
		r = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
		if (r < 0 && verbose)
			perror("connect");
		if (r < 0)
			usleep(500000);
	} while (r < 0);
}

void bad_goto(int fd, const struct sockaddr_un *addr)
{
again:
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0) { // W1
		sleep(1);
		goto again;
	}
}

static int try_once(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int bad_helper(const struct sockaddr_un *addr)
{
	int fd;

	while ((fd = try_once(addr)) < 0) // W1
		sleep(2);
	return fd;
}

int bad_errno(int fd, const struct sockaddr_un *addr)
{
	for (;;) { // W1
		if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
			return 0;
		if (errno != ECONNREFUSED && errno != ENOENT)
			return -errno;
		sleep(1);
	}
}

void bad_file(const char *path)
{
	while (access(path, F_OK) != 0) // W1
		usleep(10000);
}
