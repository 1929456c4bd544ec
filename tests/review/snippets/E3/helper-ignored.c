/* A helper of our own reads, and says by its result whether anything came. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int hear(int fd, char *to, size_t room)
{
	ssize_t n = recv(fd, to, room - 1, 0);

	if (n < 1)
		return -1;
	to[n] = '\0';
	return 0;
}

static bool heard(char *into, int line, size_t room)
{
	ssize_t n = recv(line, into, room - 1, 0);

	if (n > 0) {
		into[n] = '\0';
		return true;
	}
	return false;
}

/* It always leaves a string there, and its result says nothing. */
static int hear_or_nothing(int fd, char *to, size_t room)
{
	ssize_t n = recv(fd, to, room - 1, 0);

	to[n > 0 ? n : 0] = '\0';
	return 0;
}

void wrong(int door)
{
	char word[64];
	int s = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (s < 0)
		return;
	hear(s, word, sizeof(word)); /* E3 */
	puts(word[0] == 'y' ? "yes" : "no");
	close(s);
}

void wrong_bool(int door)
{
	char word[64];
	int s = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (s < 0)
		return;
	heard(word, s, sizeof(word)); /* E3 */
	printf("%c\n", word[0]);
	close(s);
}

void right(int door)
{
	char word[64];
	int s = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (s < 0)
		return;
	if (hear(s, word, sizeof(word)) == 0)
		puts(word[0] == 'y' ? "yes" : "no");
	close(s);
}

void right_empty_before(int door)
{
	char word[64] = "", other[64];
	int s = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (s < 0)
		return;
	hear(s, word, sizeof(word));
	puts(word[0] == 'y' ? "yes" : "no");
	memset(other, 0, sizeof(other));
	heard(other, s, sizeof(other));
	puts(other[0] == 'y' ? "yes" : "no");
	close(s);
}

void right_unused(int door)
{
	char word[64];
	int s = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (s < 0)
		return;
	hear(s, word, sizeof(word));
	close(s);
}

void right_says_nothing(int door)
{
	char word[64];
	int s = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (s < 0)
		return;
	hear_or_nothing(s, word, sizeof(word));
	puts(word[0] == 'y' ? "yes" : "no");
	close(s);
}
