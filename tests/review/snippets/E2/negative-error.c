/* A call that gives -1 never gives -EAGAIN. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int bad_read(int fd)
{
	char text[64] = "";
	int lines = 0;

	while (lines < 5) {
		ssize_t n = read(fd, text, sizeof(text) - 1);

		if (n == -EAGAIN) // E2
			break;
		if (strstr(text, "ready"))
			return 1;
		lines++;
	}
	return 0;
}

int bad_option(int fd, int on)
{
	int r = setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));

	if (r == -ENOPROTOOPT) // E1
		return 0;
	return 1;
}

int bad_beside(int fd, const struct sockaddr *to, socklen_t size)
{
	int r = connect(fd, to, size);

	if (r == -EINPROGRESS) // E4
		return 0;
	if (r < 0)
		return -1;
	return 1;
}

static int take(int fd, char *to, size_t size)
{
	ssize_t n = recv(fd, to, size, 0);

	return n < 0 ? -errno : (int)n;
}

/* The project's own function gives such numbers. */
int good_own(int fd)
{
	char text[32];
	int n = take(fd, text, sizeof(text));

	if (n == -EAGAIN)
		return 0;
	if (n <= 0)
		return -1;
	return text[0];
}

int good_errno(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);

	if (n == -1)
		return errno == EAGAIN ? -EAGAIN : -1;
	return n ? c : -1;
}

/* It may also hold the number of an error. */
int good_both(int fd, int first)
{
	int r = first ? -EAGAIN : listen(fd, 5);

	if (r == -EAGAIN)
		return 0;
	return r == 0;
}
