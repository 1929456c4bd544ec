#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Exits for a status that is not 0. */
static int fail(int status, int number, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	if (number)
		fprintf(stderr, ": %d\n", number);
	if (status)
		exit(status);
	return -1;
}

static void errif(int condition, const char *text)
{
	if (condition) {
		perror(text);
		exit(EXIT_FAILURE);
	}
}

static void need(int condition)
{
	if (!condition)
		abort();
}

static int open_or_end(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (fd == -1)
		fail(1, errno, "socket");
	return fd;
}

static int open_or_tell(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (fd == -1)
		fail(0, errno, "socket");
	return fd;
}

int good_ends(const char *text, size_t n)
{
	int fd = open_or_end();
	ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);

	close(fd);
	return sent == (ssize_t)n ? 0 : -1;
}

int only_tells(const char *text, size_t n)
{
	int fd = open_or_tell();
	ssize_t sent = send(fd, text, n, MSG_NOSIGNAL); // E2

	close(fd);
	return sent == (ssize_t)n ? 0 : -1;
}

int good_condition(const char *text, size_t n)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	ssize_t sent;

	errif(fd == -1, "socket");
	sent = send(fd, text, n, MSG_NOSIGNAL);
	close(fd);
	return sent == (ssize_t)n ? 0 : -1;
}

int good_need(const char *text, size_t n)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	ssize_t sent;

	need(fd >= 0);
	sent = send(fd, text, n, MSG_NOSIGNAL);
	close(fd);
	return sent == (ssize_t)n ? 0 : -1;
}

int the_other_way_round(const char *text, size_t n)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	ssize_t sent;

	need(n > 0);
	sent = send(fd, text, n, MSG_NOSIGNAL); // E2
	close(fd);
	return sent == (ssize_t)n ? 0 : -1;
}
