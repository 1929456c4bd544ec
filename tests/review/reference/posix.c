/* A clock server and its client over a local socket, with plain system calls. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void set_path(struct sockaddr_un *addr, const char *path)
{
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	strncpy(addr->sun_path, path, sizeof(addr->sun_path) - 1);
}

static int open_server(const char *path)
{
	struct sockaddr_un addr;
	int fd;

	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return -1;
	set_path(&addr, path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		perror("bind");
		return -1;
	}
	if (listen(fd, 8) < 0) {
		perror("listen");
		close(fd);
		return -1;
	}
	return fd;
}

static int ask_time(const char *path, char *answer, size_t size)
{
	struct sockaddr_un addr;
	ssize_t n;
	int fd;

	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return -1;
	set_path(&addr, path);
	while (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		sleep(1);
	n = read(fd, answer, size - 1);
	if (n >= 0)
		answer[n] = '\0';
	close(fd);
	return n < 0 ? -1 : 0;
}
