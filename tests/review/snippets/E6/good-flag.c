#include <sys/socket.h>

#define FLAGS (MSG_NOSIGNAL | MSG_MORE)

int hello(int fd)
{
	return send(fd, "hello\n", 6, MSG_NOSIGNAL) == 6 ? 0 : -1;
}

int more(int fd, const char *p, size_t n)
{
	ssize_t w = send(fd, p, n, FLAGS);

	return w == (ssize_t)n ? 0 : -1;
}
