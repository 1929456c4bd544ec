/* What a helper of the project gives: the bytes that came, or -1. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t hear(int s, void *to, size_t n)
{
	ssize_t got;

	do
		got = recv(s, to, n, 0);
	while (got < 0 && errno == EINTR);
	return got;
}

static int take(int door)
{
	int line = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (line < 0)
		perror("accept");
	return line;
}

void wrong_index(int s)
{
	char text[100];
	ssize_t n = hear(s, text, sizeof(text) - 1);

	text[n] = '\0'; // E2
	puts(text);
}

void wrong_zero_alone(int s)
{
	char text[100];
	ssize_t n = hear(s, text, sizeof(text) - 1);

	if (n == 0)
		return;
	text[n] = '\0'; // E2
	puts(text);
}

void wrong_length(int s)
{
	char text[100];
	ssize_t n = recv(s, text, sizeof(text), 0);

	if (!n)
		return;
	fflush(stdout);
	if (write(STDOUT_FILENO, text, n) < 0) // E2
		perror("write");
}

void wrong_unsigned(int s)
{
	char text[100];
	size_t n = recv(s, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return;
	text[n] = '\0'; // E2
	puts(text);
}

void wrong_accept(int door)
{
	int line = take(door);

	if (!line)
		return;
	if (send(line, "hello\n", 6, MSG_NOSIGNAL) < 6) // E2
		perror("send");
	close(line);
}

/* All below is silent. */

void right_index(int s)
{
	char text[100];
	ssize_t n = hear(s, text, sizeof(text) - 1);

	if (n <= 0)
		return;
	text[n] = '\0';
	puts(text);
}

void right_two_tests(int s)
{
	char text[100];
	ssize_t n = hear(s, text, sizeof(text) - 1);

	if (n == 0)
		return;
	if (n == -1)
		return;
	text[n] = '\0';
	puts(text);
}

void right_length(int s)
{
	char text[100];
	ssize_t n = recv(s, text, sizeof(text), 0);

	if (n > 0 && write(STDOUT_FILENO, text, n) < n)
		perror("write");
}

void right_unsigned(int s)
{
	char text[100];
	size_t n = recv(s, text, sizeof(text) - 1, 0);

	if (n >= sizeof(text))
		return;
	text[n] = '\0';
	puts(text);
}

void right_accept(int door)
{
	int line = take(door);

	if (line == -1)
		return;
	if (send(line, "hello\n", 6, MSG_NOSIGNAL) < 6)
		perror("send");
	close(line);
}

/* The cast brings the sign back. */
void right_cast(int s)
{
	char text[100];
	size_t n = recv(s, text, sizeof(text) - 1, 0);

	if ((ssize_t)n <= 0)
		return;
	text[n] = '\0';
	puts(text);
}

void right_errno(int s)
{
	char text[100];
	ssize_t n;

	errno = 0;
	n = recv(s, text, sizeof(text) - 1, 0);
	if (errno)
		return;
	text[n] = '\0';
	puts(text);
}

static int failed(const char *what, long n)
{
	if (n < 0)
		perror(what);
	return n < 0;
}

void right_asked(int s)
{
	char text[100];
	ssize_t n = recv(s, text, sizeof(text) - 1, 0);

	if (failed("recv", n))
		return;
	text[n] = '\0';
	puts(text);
}
