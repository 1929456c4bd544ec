#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char own_path[108];

static void set_path(struct sockaddr_un *addr, const char *path)
{
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	snprintf(addr->sun_path, sizeof(addr->sun_path), "%s", path);
}

static int is_alive(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int alive;

	if (fd < 0)
		return 1;
	alive = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ||
		errno != ECONNREFUSED;
	close(fd);
	return alive;
}

static void cleanup(void)
{
	unlink(own_path);
}

int asked(int fd, const char *path)
{
	struct sockaddr_un addr;

	set_path(&addr, path);
	if (is_alive(&addr))
		return -EADDRINUSE;
	unlink(path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	snprintf(own_path, sizeof(own_path), "%s", path);
	atexit(cleanup);
	return 0;
}

int locked(int fd, const char *path, const char *lock_path, int *lock)
{
	struct sockaddr_un addr;

	*lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*lock < 0 || flock(*lock, LOCK_EX | LOCK_NB) < 0)
		return -EADDRINUSE;
	set_path(&addr, path);
	unlink(path);
	return bind(fd, (struct sockaddr *)&addr, sizeof(addr));
}

/* First bind, and only when the name is taken and nobody answers, again. */
int second_try(int fd, const char *path)
{
	struct sockaddr_un addr;

	set_path(&addr, path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return 0;
	if (errno != EADDRINUSE || is_alive(&addr))
		return -errno;
	unlink(path);
	return bind(fd, (struct sockaddr *)&addr, sizeof(addr));
}

int abstract(int fd, const char *name)
{
	struct sockaddr_un addr;

	memset(&addr, 0, sizeof(addr));
	addr.sun_family = AF_UNIX;
	snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "%s", name);
	return bind(fd, (struct sockaddr *)&addr, sizeof(addr));
}

int internet(int fd, const struct sockaddr *addr, socklen_t size)
{
	return bind(fd, addr, size);
}

void at_the_end(int fd)
{
	close(fd);
	unlink(own_path);
}
