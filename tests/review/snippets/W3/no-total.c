/* Waits with a limit that are begun again when it has passed. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

long wrong_all(int s, char *to, size_t size)
{
	struct pollfd p = { .fd = s, .events = POLLIN };
	size_t have = 0;

	while (have < size) {
		if (poll(&p, 1, 100) <= 0) // W3
			continue;
		ssize_t n = recv(s, to + have, size - have, 0);
		if (n <= 0)
			return -1;
		have += n;
	}
	return have;
}

long wrong_once(int s, char *to, size_t size)
{
	struct pollfd p = { .fd = s, .events = POLLIN };

	for (;;) {
		int r = poll(&p, 1, 1000); // W3

		if (r < 0 && errno != EINTR)
			return -1;
		if (r > 0)
			return recv(s, to, size, 0);
	}
}

long wrong_answer(int s, char *to, size_t size)
{
	struct pollfd p = { .fd = s, .events = POLLIN };
	ssize_t n = 0;

	if (send(s, "who\n", 4, MSG_NOSIGNAL) != 4)
		return -1;
	while (1) {
		if (poll(&p, 1, 500) <= 0) { // W3
			fprintf(stderr, "still waiting\n");
			continue;
		}
		n = recv(s, to, size, 0);
		if (n <= 0 || to[n - 1] == '\n')
			break;
	}
	return n;
}

long wrong_select(int s, char *to, size_t size)
{
	size_t have = 0;

	while (have < size) {
		struct timeval limit = { .tv_sec = 1 };
		fd_set in;
		ssize_t n;

		FD_ZERO(&in);
		FD_SET(s, &in);
		if (select(s + 1, &in, NULL, NULL, &limit) <= 0) // W3
			continue;
		n = recv(s, to + have, size - have, 0);
		if (n <= 0)
			return -1;
		have += n;
	}
	return have;
}

/* All below is silent. */

long right_deadline(int s, char *to, size_t size)
{
	struct pollfd p = { .fd = s, .events = POLLIN };
	time_t end = time(NULL) + 5;
	size_t have = 0;

	while (have < size) {
		if (time(NULL) > end)
			return -1;
		if (poll(&p, 1, 100) <= 0)
			continue;
		ssize_t n = recv(s, to + have, size - have, 0);
		if (n <= 0)
			return -1;
		have += n;
	}
	return have;
}

long right_tries(int s, char *to, size_t size)
{
	struct pollfd p = { .fd = s, .events = POLLIN };
	int tries = 0;

	for (;;) {
		int r = poll(&p, 1, 1000);

		if (r == 0 && ++tries == 5)
			return -1;
		if (r > 0)
			return recv(s, to, size, 0);
	}
}

long right_stopped(int s, char *to, size_t size)
{
	struct pollfd p = { .fd = s, .events = POLLIN };

	while (!stop)
		if (poll(&p, 1, 1000) > 0)
			return recv(s, to, size, 0);
	return -1;
}

/* It gives up when the limit has passed. */
long right_left(int s, char *to, size_t size)
{
	struct pollfd p = { .fd = s, .events = POLLIN };
	size_t have = 0;

	while (have < size) {
		if (poll(&p, 1, 5000) <= 0)
			return -1;
		ssize_t n = recv(s, to + have, size - have, 0);
		if (n <= 0)
			return -1;
		have += n;
	}
	return have;
}

long right_alarm(int s, char *to, size_t size)
{
	struct pollfd p = { .fd = s, .events = POLLIN };

	alarm(5);
	for (;;)
		if (poll(&p, 1, 1000) > 0)
			return recv(s, to, size, 0);
}

/* A loop over events. */
void right_events(int s)
{
	struct pollfd p = { .fd = s, .events = POLLIN };
	char text[100];

	for (;;) {
		if (poll(&p, 1, 1000) <= 0)
			continue;
		ssize_t n = recv(s, text, sizeof(text) - 1, 0);
		if (n <= 0)
			return;
		text[n] = '\0';
		puts(text);
	}
}

/* It asks again when nothing has come. */
long right_asks_again(int s, char *to, size_t size)
{
	struct pollfd p = { .fd = s, .events = POLLIN };

	for (;;) {
		int r = poll(&p, 1, 1000);

		if (r > 0)
			return recv(s, to, size, 0);
		if (send(s, "who\n", 4, MSG_NOSIGNAL) != 4)
			return -1;
	}
}

long right_first_client(int door, char *to, size_t size)
{
	struct pollfd p = { .fd = door, .events = POLLIN };
	int s;
	ssize_t n;

	while (poll(&p, 1, 1000) <= 0)
		;
	s = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	if (s < 0)
		return -1;
	n = recv(s, to, size, 0);
	close(s);
	return n;
}
