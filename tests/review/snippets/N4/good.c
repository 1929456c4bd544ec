#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct message {
	int kind;
	char text[64];
};

void good_ended(int sock)
{
	char buf[64];
	ssize_t n = recv(sock, buf, sizeof(buf) - 1, 0);

	if (n <= 0)
		return;
	buf[n] = '\0';
	if (strcmp(buf, "quit") == 0)
		exit(0);
}

void good_cleared(int sock)
{
	char buf[64] = { 0 };

	if (recv(sock, buf, sizeof(buf) - 1, 0) > 0)
		puts(buf);
}

void good_memset(int sock)
{
	char buf[64];

	memset(buf, 0, sizeof(buf));
	while (recv(sock, buf, sizeof(buf) - 1, 0) > 0) {
		puts(buf);
		memset(buf, 0, sizeof(buf));
	}
}

void good_precision(int sock)
{
	char buf[64];
	ssize_t n = recv(sock, buf, sizeof(buf), 0);

	if (n > 0)
		printf("%.*s\n", (int)n, buf);
}

void good_memory(int sock)
{
	char buf[64];
	ssize_t n = recv(sock, buf, sizeof(buf), 0);

	if (n == 4 && memcmp(buf, "quit", 4) == 0)
		exit(0);
	if (n > 3 && strncmp(buf, "say", 3) == 0)
		fwrite(buf, 1, (size_t)n, stdout);
}

void good_field(int sock)
{
	struct message m;

	if (recv(sock, &m, sizeof(m), MSG_WAITALL) != sizeof(m))
		return;
	m.text[sizeof(m.text) - 1] = '\0';
	printf("%d: %s\n", m.kind, m.text);
}

void good_line(int sock)
{
	char buf[256];
	size_t have = 0;
	ssize_t n;
	char *nl;

	while ((n = recv(sock, buf + have, sizeof(buf) - have, 0)) > 0) {
		have += (size_t)n;
		nl = memchr(buf, '\n', have);
		if (!nl) {
			if (have == sizeof(buf))
				return;
			continue;
		}
		*nl = '\0';
		puts(buf);
		have -= (size_t)(nl + 1 - buf);
		memmove(buf, nl + 1, have);
	}
}

static int receive(int sock, char *buf, size_t size)
{
	ssize_t n;

	do
		n = recv(sock, buf, size - 1, 0);
	while (n < 0);
	buf[n] = '\0';
	return (int)n;
}

void good_helper(int sock)
{
	char buf[100];

	if (receive(sock, buf, sizeof(buf)) > 0)
		puts(buf);
}

/* The message must bring its terminator along. */
void good_checked(int sock)
{
	char buf[100];
	ssize_t n = recv(sock, buf, sizeof(buf), 0);

	if (n <= 0 || buf[n - 1] != '\0')
		return;
	puts(buf);
}

void good_full(int sock)
{
	char buf[101];
	ssize_t n = recv(sock, buf, 100, 0);

	if (n < 0)
		return;
	buf[n] = 0;
	puts(buf);
}

void decode(char *text, size_t size, const char *bytes, size_t n);

/* What the helper measures it has decoded itself; what is in the buffer from the turn before is gone. */
static int good_fetch(int sock, char *buf, size_t size)
{
	char line[64];
	ssize_t n = recv(sock, line, sizeof(line), 0);
	size_t length;

	if (n <= 0)
		return -1;
	decode(buf, size, line, (size_t)n);
	length = strlen(buf);
	if (size >= sizeof(line))
		memcpy(buf, line, (size_t)n);
	return (int)length;
}

int good_turns(int sock)
{
	char buf[64];
	int sum = 0;

	for (int i = 0; i < 3; i++)
		sum += good_fetch(sock, buf, sizeof(buf));
	return sum;
}
