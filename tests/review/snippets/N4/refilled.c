/* A buffer of received bytes that something else is written into before it is used as a text. */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct lines {
	char *at, *end;
};

int refill(struct lines *from);
int next_record(void *store, char *text, size_t size);
void send_record(int fd, const char *text, size_t size);

/* Writes a text with an end, or returns NULL. */
char *next_line(struct lines *from, char *text, size_t size)
{
	char *to = text, *end = text + size - 1;

	if (!from || size < 2)
		return NULL;
	while (to < end) {
		if (from->at >= from->end && refill(from) <= 0)
			return NULL;
		if (*from->at == '\n')
			break;
		*to++ = *from->at++;
	}
	*to = '\0';
	return text;
}

/* Ends the text only when it finds the end of a line. */
int cut_line(char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] == '\n') {
			text[i] = '\0';
			return 1;
		}
	return 0;
}

void good_name_of_sender(int fd)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	char text[512];

	if (recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &size) < 0)
		return;
	if (getnameinfo((struct sockaddr *)&from, size, text, sizeof(text), NULL, 0, 0) == 0)
		printf("from %s\n", text);
}

void bad_name_of_sender(int fd)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	char text[512], name[64];

	if (recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &size) < 0)
		return;
	if (getnameinfo((struct sockaddr *)&from, size, name, sizeof(name), NULL, 0, 0) == 0)
		printf("%s from %s\n", text, name); // N4
}

void good_next_line(int fd, int copy, struct lines *lines)
{
	char text[512];
	ssize_t n = recv(fd, text, sizeof(text), 0);

	if (n <= 0 || write(copy, text, (size_t)n) != n)
		return;
	while (next_line(lines, text, sizeof(text)))
		if (strncmp(text, "name:", 5) == 0)
			puts(text);
}

void bad_cut_line(int fd)
{
	char text[512];
	ssize_t n = recv(fd, text, sizeof(text), 0);

	if (n <= 0)
		return;
	cut_line(text, (size_t)n);
	puts(text); // N4
}

void good_next_record(int fd, void *store)
{
	char text[256];

	if (recv(fd, text, sizeof(text), 0) <= 0)
		return;
	if (next_record(store, text, sizeof(text)) > 0)
		puts(text);
}

void bad_send_record(int fd, int other)
{
	char text[256];

	if (recv(fd, text, sizeof(text), 0) <= 0)
		return;
	send_record(other, text, sizeof(text));
	puts(text); // N4
}

/* The number stands in front of the end of the line, which was looked for in what had come. */
int good_status(int fd)
{
	char text[512];
	ssize_t n = recv(fd, text, sizeof(text), 0);
	int space = 0;

	for (int i = 0; i < n; i++) {
		if (text[i] == ' ' && !space)
			space = i;
		if (text[i] == '\r')
			return space ? atoi(text + space) : -1;
	}
	return -1;
}

int bad_status(int fd)
{
	char text[512];
	ssize_t n = recv(fd, text, sizeof(text), 0);
	int space = 0;

	while (space < n && text[space] == ' ')
		space++;
	return n > 0 ? atoi(text + space) : -1; // N4
}
