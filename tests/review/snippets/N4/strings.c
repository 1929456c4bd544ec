#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct message {
	int kind;
	char text[64];
};

struct client {
	int fd;
	char name[32];
};

void bad_compare(int sock)
{
	char buf[64];

	if (recv(sock, buf, sizeof(buf), 0) <= 0)
		return;
	if (strcmp(buf, "quit") == 0) // N4
		exit(0);
}

void bad_print(int sock)
{
	char buf[64];
	ssize_t n = recv(sock, buf, 63, 0);

	if (n > 0)
		printf("%s\n", buf); // N4
}

size_t bad_length(int sock)
{
	char *buf = malloc(4096);
	size_t length = 0;
	ssize_t n;

	if (!buf)
		return 0;
	n = recv(sock, buf, 4096, 0);
	if (n == 4096)
		length = strlen(buf); // N4
	free(buf);
	return length;
}

void bad_field(int sock)
{
	struct message m;

	if (recv(sock, &m, sizeof(m), MSG_WAITALL) != sizeof(m))
		return;
	printf("%d: %s\n", m.kind, m.text); // N4
}

static int number_of(const char *text)
{
	return atoi(text); // N4
}

int bad_helper(int sock)
{
	char digits[8];

	if (recv(sock, digits, sizeof(digits), 0) <= 0)
		return -1;
	return number_of(digits);
}

/* The terminator is written behind the buffer when the read fills it. */
void bad_no_room(int sock)
{
	char buf[128];
	ssize_t n = recv(sock, buf, sizeof(buf), 0);

	if (n <= 0)
		return;
	buf[n] = '\0'; // N4
	puts(buf);
}

void bad_cleared(int sock)
{
	char buf[128];

	memset(buf, 0, sizeof(buf));
	if (recv(sock, buf, sizeof(buf), 0) > 0)
		puts(buf); // N4
}

void bad_member(struct client *c)
{
	if (read(c->fd, c->name, sizeof(c->name)) <= 0)
		return;
	if (strchr(c->name, '/')) // N4
		c->name[0] = '\0';
}

int bad_old(fd)
int fd;
{
	char buf[BUFSIZ];

	while (read(fd, buf, BUFSIZ) > 0)
		if (!strncmp(buf, "pid ", 4))
			return atoi(buf + 4); // N4
	return recv(fd, 0, 0, 0);
}
