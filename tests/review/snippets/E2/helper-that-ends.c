/* A helper comes back only when bind() has worked, which takes a socket: what it gives is none that failed. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_or_abort(const struct sockaddr *at, socklen_t n)
{
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(s, at, n) != 0) /* E2 */
		abort();
	if (listen(s, 8) != 0)
		abort();
	return s;
}

static int open_or_not(const struct sockaddr *at, socklen_t n)
{
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s >= 0 && bind(s, at, n) != 0)
		abort();
	return s;
}

static void forward(int to)
{
	char text[100];
	ssize_t n;

	while ((n = read(STDIN_FILENO, text, sizeof(text))) > 0)
		sendto(to, text, (size_t)n, MSG_NOSIGNAL, NULL, 0);
}

void good(const struct sockaddr *at, socklen_t n)
{
	int s = open_or_abort(at, n);

	listen(s, 8); /* E1 */
	forward(s);
	close(s);
}

void wrong(const struct sockaddr *at, socklen_t n)
{
	int s = open_or_not(at, n);

	listen(s, 8); /* E1 E2 */
	forward(s);
	close(s);
}
