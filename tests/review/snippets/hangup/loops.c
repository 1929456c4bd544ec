/* The peer has hung up, and a loop does not see it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t running = 1;
static bool verbose;

/* Another thread or a signal may end it; nothing in here does. */
int bad_flag(int s, char *to, int size)
{
	int have = 0;

	while (running && have < size) { // W1
		int n = recv(s, to + have, size - have, 0);

		if (n < 0)
			return -1;
		have += n;
	}
	return have;
}

int bad_flag_behind(int s, char *to, int size)
{
	int have = 0, n = 0;

	for (;;) { // W1
		n = recv(s, to + have, size - have, 0);
		if (n == -1 && errno != EINTR)
			break;
		if (n > 0)
			have += n;
		if (!running || have == size)
			break;
	}
	return have;
}

/* poll() finds a stream at its end ready, each time. */
int bad_polled(int s, char *to, int size)
{
	struct pollfd p = { .fd = s, .events = POLLIN };
	int left = size;

	while (left) { // W1
		int n;

		if (poll(&p, 1, 1000) <= 0)
			return -1;
		if (!(p.revents & POLLIN))
			return -1;
		n = recv(s, to, left, 0);
		if (n < 0)
			return -1;
		to += n;
		left -= n;
	}
	return 0;
}

/* The inner loop ends, the outer one begins again. */
void bad_outer(int s)
{
	char part[256];
	ssize_t n;

	while (running) { // W1
		while ((n = recv(s, part, sizeof(part), 0)) > 0)
			fwrite(part, 1, (size_t)n, stdout);
		if (n < 0)
			return;
	}
}

void bad_outer_polled(int s)
{
	struct pollfd p = { .fd = s, .events = POLLIN };
	char part[256];

	for (;;) { // W1
		ssize_t n;

		if (poll(&p, 1, -1) < 0) {
			if (errno == EINTR)
				continue;
			perror("poll");
			return;
		}
		n = recv(s, part, sizeof(part) - 1, 0);
		if (n < 0) {
			perror("recv");
			return;
		}
		part[n] = '\0';
		if (!strcmp(part, "quit"))
			return;
		printf("%s\n", part);
	}
}

/* What is left in `c` from before is no end of line. */
int bad_stale(int s, char *line, int size)
{
	int n = 0;
	char c = 0;

	while (n < size - 1) { // W1
		if (recv(s, &c, 1, 0) < 0)
			return -1;
		if (c == '\n')
			break;
		if (c == '\r')
			continue;
		if (verbose)
			putchar(c);
	}
	line[n] = '\0';
	return n;
}

int bad_empty_echo(int s)
{
	char buf[128];

	for (;;) { // W1
		ssize_t n = recv(s, buf, sizeof(buf), 0);

		if (n == -1)
			return -1;
		if (send(s, buf, (size_t)n, MSG_NOSIGNAL) != n)
			return -1;
	}
}

int good_flag(int s, char *to, int size)
{
	int have = 0;

	while (running && have < size) {
		int n = recv(s, to + have, size - have, 0);

		if (n <= 0)
			return -1;
		have += n;
	}
	return have;
}

/* The flag is set in the loop. */
int good_done(int s, char *to, int size)
{
	bool done = false;
	int have = 0;

	while (!done) {
		int n = recv(s, to + have, size - have, 0);

		if (n < 0)
			return -1;
		have += n;
		done = n == 0 || have == size;
	}
	return have;
}

static void finish(ssize_t n)
{
	if (n == 0)
		running = 0;
}

/* … or by a function that is told of the 0. */
int good_told(int s)
{
	char buf[64];

	while (running) {
		ssize_t n = recv(s, buf, sizeof(buf), 0);

		if (n < 0)
			return -1;
		finish(n);
	}
	return 0;
}

/* POLLHUP says it as well. */
int good_hup(int s, char *to, int size)
{
	struct pollfd p = { .fd = s, .events = POLLIN };
	int left = size;

	while (left) {
		int n;

		if (poll(&p, 1, 1000) <= 0 || (p.revents & (POLLHUP | POLLERR)))
			return -1;
		n = recv(s, to, left, 0);
		if (n < 0)
			return -1;
		to += n;
		left -= n;
	}
	return 0;
}

/* An empty line ends it too. */
void good_empty(int s)
{
	char line[128];

	for (;;) {
		ssize_t n = recv(s, line, sizeof(line) - 1, 0);

		if (n < 0)
			return;
		line[n] = '\0';
		if (!*line)
			return;
		puts(line);
	}
}

void good_strlen(int s)
{
	char line[128];

	for (;;) {
		ssize_t n = recv(s, line, sizeof(line) - 1, 0);

		if (n < 0)
			return;
		line[n] = '\0';
		if (strlen(line) < 2)
			return;
		puts(line);
	}
}

int good_tries(int s, char *to, int size)
{
	int have = 0, tries = 0;

	while (have < size) {
		int n = recv(s, to + have, size - have, 0);

		if (n < 0 || ++tries > 20)
			return -1;
		have += n;
	}
	return have;
}

int connect_again(void);

/* Another stream each time. */
void good_again(void)
{
	char part[256];

	while (running) {
		int s = connect_again();
		ssize_t n;

		while ((n = recv(s, part, sizeof(part), 0)) > 0)
			fwrite(part, 1, (size_t)n, stdout);
		close(s);
	}
}

/* Nobody knows what it does with 0 bytes. */
void handle_part(const char *part, ssize_t n);
void good_unknown(int s)
{
	char part[256];

	while (running) {
		ssize_t n = recv(s, part, sizeof(part), 0);

		if (n < 0)
			return;
		handle_part(part, n);
	}
}

/* A datagram may be empty. */
void good_datagrams(void)
{
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	char part[256];

	if (udp < 0)
		return;
	while (running) {
		ssize_t n = recv(udp, part, sizeof(part), 0);

		if (n < 0)
			break;
		fwrite(part, 1, (size_t)n, stdout);
	}
	close(udp);
}

/* 0 ends it where the flag says so, and nobody knows the flag. */
int good_depends(int s, bool strict)
{
	char part[64];

	for (;;) {
		ssize_t n = recv(s, part, sizeof(part), 0);

		if (n < 0)
			return -1;
		if (n == 0 && strict)
			return 0;
	}
}
