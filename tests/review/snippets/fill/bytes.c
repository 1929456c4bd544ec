/* Byte after byte from a peer, until one of them says that it is enough. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int bad_pointer(int s, char *to)
{
	int n;

	do
		n = recv(s, to, 1, 0); // N5
	while (n > 0 && *to++ != '\n');
	return n;
}

static int bad_index(int s, char *to)
{
	int i = 0;

	while (recv(s, &to[i], 1, 0) == 1) { // N5
		if (to[i] == '\n')
			return i;
		i++;
	}
	return -1;
}

static int bad_offset(int s, char *to)
{
	int have = 0;

	for (;;) {
		if (recv(s, to + have, 1, 0) != 1) // N5
			return -1;
		if (to[have] == '\0')
			return have;
		have++;
	}
}

int bad_array(int s)
{
	char line[80], c = 0;
	int i = 0;

	while (recv(s, &c, 1, 0) == 1 && c != '\n')
		line[i++] = c; // N5
	line[i] = '\0';
	return atoi(line);
}

int bad_through(int s)
{
	char line[80], *at = line;
	unsigned char c;

	while (recv(s, &c, 1, 0) > 0) {
		if (c == '\n')
			break;
		*at++ = (char)c; // N5
	}
	*at = '\0';
	return atoi(line);
}

static int one(int s)
{
	unsigned char c;

	return recv(s, &c, 1, 0) == 1 ? c : -1;
}

int bad_helper(int s)
{
	char word[32];
	int n = 0, c;

	while ((c = one(s)) >= 0 && c != ' ')
		word[n++] = (char)c; // N5
	word[n] = '\0';
	return word[0];
}

/* The line may be longer. */
int bad_parts(int s)
{
	char line[512], verb[16];
	ssize_t n = recv(s, line, sizeof(line) - 1, 0);
	size_t i = 0, j = 0;

	if (n <= 0)
		return -1;
	line[n] = '\0';
	while (line[i] != ' ' && line[i] != '\0')
		verb[j++] = line[i++]; // N5
	verb[j] = '\0';
	return verb[0];
}

int good_bound(int s)
{
	char line[80], c = 0;
	size_t i = 0;

	while (i < sizeof(line) - 1 && recv(s, &c, 1, 0) == 1 && c != '\n')
		line[i++] = c;
	line[i] = '\0';
	return atoi(line);
}

int good_end(int s)
{
	char line[80], *at = line, *end = line + sizeof(line) - 1;
	char c;

	while (recv(s, &c, 1, 0) > 0 && c != '\n') {
		*at++ = c;
		if (at == end)
			break;
	}
	*at = '\0';
	return atoi(line);
}

int good_difference(int s)
{
	char line[80], *at = line;
	char c;

	while (recv(s, &c, 1, 0) > 0 && c != '\n') {
		if ((size_t)(at - line) >= sizeof(line) - 1)
			return -1;
		*at++ = c;
	}
	*at = '\0';
	return atoi(line);
}

int good_left(int s, char *to, int left)
{
	while (left > 0 && recv(s, to, 1, 0) == 1) {
		if (*to++ == '\n')
			return 0;
		left--;
	}
	return -1;
}

int good_counted(int s)
{
	char key[16];
	char c;
	int n = 0;

	for (int k = 0; k < 16; k++) {
		if (recv(s, &c, 1, 0) != 1)
			return -1;
		key[n++] = c;
	}
	return key[0];
}

/* What does not fit is dropped. */
int good_dropped(int s)
{
	char line[80], c = 0;
	size_t i = 0;

	while (recv(s, &c, 1, 0) == 1 && c != '\n')
		if (i < sizeof(line) - 1)
			line[i++] = c;
	line[i] = '\0';
	return atoi(line);
}

int good_grows(int s, char **out)
{
	char *line = malloc(16), c = 0;
	size_t i = 0;

	if (!line)
		return -1;
	while (recv(s, &c, 1, 0) == 1 && c != '\n') {
		char *more = realloc(line, i + 17);

		if (!more) {
			free(line);
			return -1;
		}
		line = more;
		line[i++] = c;
	}
	line[i] = '\0';
	*out = line;
	return 0;
}

int good_ring(int s)
{
	char ring[64], c;
	unsigned i = 0;

	while (recv(s, &c, 1, 0) == 1 && c != '\n') {
		ring[i] = c;
		i = (i + 1) % sizeof(ring);
	}
	return ring[0];
}

int good_retry(int s, char *to, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		ssize_t n;

		do
			n = recv(s, to + i, 1, 0);
		while (n < 0);
		if (n == 0 || to[i] == '\n')
			return (int)i;
	}
	return -1;
}

/* As large as the line. */
int good_same(int s)
{
	char line[128], word[128];
	ssize_t n = recv(s, line, sizeof(line) - 1, 0);
	size_t i = 0, j = 0;

	if (n <= 0)
		return -1;
	line[n] = '\0';
	while (line[i] != ' ' && line[i] != '\0')
		word[j++] = line[i++];
	word[j] = '\0';
	return atoi(word);
}

bool room_for(size_t used);
int good_asked(int s)
{
	char line[80], c = 0;
	size_t i = 0;

	while (room_for(i) && recv(s, &c, 1, 0) == 1 && c != '\n')
		line[i++] = c;
	line[i] = '\0';
	return atoi(line);
}
