#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* Advice: the failure shows at bind(), if late. */
int late(const struct sockaddr *at, socklen_t n)
{
	int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	(void)setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)); // E2
	if (bind(door, at, n) < 0) {
		perror("bind");
		close(door);
		return -1;
	}
	return door;
}

/* Advice: it is printed, and shows at connect(). */
int printed(const struct sockaddr *to, socklen_t n)
{
	int line = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (line < 0)
		perror("socket");
	if (connect(line, to, n) < 0) { // E2
		close(line);
		return -1;
	}
	return line;
}

/* Nothing shows it. */
int bad(void)
{
	int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	shutdown(door, SHUT_RD); // E2
	return door;
}
