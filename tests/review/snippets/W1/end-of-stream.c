#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

void fatal(const char *text);

/* Nothing here looks at 0. */
void bad_total(int s, char *to, size_t size)
{
	size_t total = 0;

	signal(SIGPIPE, SIG_IGN);
	while (total < size) { // W1
		ssize_t n = recv(s, to + total, size - total, 0);

		if (n < 0)
			fatal("recv");
		total += (size_t)n;
	}
}

int bad_left(int s, size_t left)
{
	char skipped[512];
	ssize_t n;

	do { // W1
		n = recv(s, skipped, left < sizeof(skipped) ? left : sizeof(skipped), 0);
		if (n == -1) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		left -= (size_t)n;
	} while (left > 0);
	return 0;
}

void bad_acknowledged(int s, char *ack)
{
	while (recv(s, ack, 1, 0) <= 0) // W1
		continue;
}

/* Nothing in the loop stops it. */
int bad_stopped(int s, char *to, size_t size, volatile int *stop)
{
	size_t total = 0;

	while (total < size && !*stop) { // W1
		ssize_t n = recv(s, to + total, size - total, 0);

		if (n < 0)
			return -1;
		total += (size_t)n;
	}
	return 0;
}

int good_break(int s, char *to, size_t size)
{
	size_t total = 0;

	while (total < size) {
		ssize_t n = recv(s, to + total, size - total, 0);

		if (n < 0)
			return -1;
		if (!n)
			break;
		total += (size_t)n;
	}
	return (int)total;
}

int good_both(int s, char *to, size_t size)
{
	size_t total = 0;

	while (total < size) {
		ssize_t n = recv(s, to + total, size - total, 0);

		if (n <= 0)
			fatal("recv");
		total += (size_t)n;
	}
	return 0;
}

int good_after(int s, char *to, size_t size)
{
	size_t total = 0;

	for (;;) {
		ssize_t n = recv(s, to + total, size - total, 0);

		if (n < 0)
			return -1;
		total += (size_t)n;
		if (n == 0 || total == size)
			return (int)total;
	}
}

void good_drain(int s)
{
	char rest[256];

	while (recv(s, rest, sizeof(rest), 0) > 0)
		;
	close(s);
}
