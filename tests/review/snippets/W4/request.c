#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int upstream = -1;

int connected(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0) {
		close(fd);
		return -1;
	}
	upstream = fd;
	return 0;
}

static int whole(void *to, size_t size)
{
	char *p = to;

	while (size > 0) {
		ssize_t n = read(upstream, p, size); // W4

		if (n <= 0)
			return -1;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

int bad_number(int *number)
{
	if (send(upstream, "n", 1, MSG_NOSIGNAL) != 1)
		return -1;
	return whole(number, sizeof(*number));
}

int bad_peek(void)
{
	char c;

	if (send(upstream, "p", 1, MSG_NOSIGNAL) != 1)
		return -1;
	if (recv(upstream, &c, 1, MSG_PEEK) != 1) // W4
		return -1;
	return c;
}

int bad_byte(int urgent)
{
	char c = 0;
	ssize_t n;

#ifdef SEPARATE
	n = read(upstream, &c, 1); // W4
#else
	n = recv(upstream, &c, 1, urgent);
#endif
	return n == 1 ? c : -1;
}

int bad_loop(void)
{
	char c;
	int sum = 0;

	while (recv(upstream, &c, 1, 0) == 1) // W4
		sum += c;
	return sum;
}
