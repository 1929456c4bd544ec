#include <sys/socket.h>
#include <unistd.h>

/* On failure it has closed what it opened, and leaves the number behind `fd`. */
static int begin(int *fd, const struct sockaddr *a, socklen_t n)
{
	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return -1;
	if (connect(*fd, a, n) == 0)
		return 0;
	close(*fd);
	return -1;
}

/* … and no number. */
static int begin_clean(int *fd, const struct sockaddr *a, socklen_t n)
{
	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return -1;
	if (connect(*fd, a, n) == 0)
		return 0;
	close(*fd);
	*fd = -1;
	return -1;
}

int bad(const struct sockaddr *a, socklen_t n)
{
	int fd = -1;

	if (begin(&fd, a, n) < 0)
		goto error;
	return fd;
error:
	if (fd != -1)
		close(fd); // L4
	return -1;
}

int good_clean(const struct sockaddr *a, socklen_t n)
{
	int fd = -1;

	if (begin_clean(&fd, a, n) < 0)
		goto error;
	return fd;
error:
	if (fd != -1)
		close(fd);
	return -1;
}

int good_leaves(const struct sockaddr *a, socklen_t n)
{
	int fd;

	if (begin(&fd, a, n) < 0)
		return -1;
	if (send(fd, "hello", 5, MSG_NOSIGNAL) != 5) {
		close(fd);
		return -1;
	}
	return fd;
}

int good_again(const struct sockaddr *a, const struct sockaddr *b, socklen_t n)
{
	int fd;

	if (begin(&fd, a, n) < 0 && begin(&fd, b, n) < 0)
		return -1;
	close(fd);
	return 0;
}

/* -2: it was open already. */
static int begin_told(int *fd, const struct sockaddr *a, socklen_t n)
{
	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return -1;
	if (connect(*fd, a, n) == 0)
		return 0;
	close(*fd);
	return -2;
}

int good_told(const struct sockaddr *a, socklen_t n)
{
	int fd, r = begin_told(&fd, a, n);

	if (r == 0)
		return fd;
	if (r == -2)
		fd = -1;
	if (fd != -1)
		close(fd);
	return -1;
}
