#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct call {
	uint16_t what;
	char name[64];
};

static int is_known(const char *name)
{
	return !strcmp(name, "front") || !strcmp(name, "back");
}

int good_memchr(int fd)
{
	char in[256];
	ssize_t n = recv(fd, in, sizeof(in), 0);

	if (n <= 0 || !memchr(in, '\0', (size_t)n))
		return -1;
	return is_known(in);
}

int good_strnlen(int fd)
{
	struct call c;

	if (recv(fd, &c, sizeof(c), MSG_WAITALL) != sizeof(c))
		return -1;
	if (strnlen(c.name, sizeof(c.name)) == sizeof(c.name))
		return -1;
	return is_known(c.name);
}

static int ends(const char *text, size_t n)
{
	return memchr(text, 0, n) != NULL;
}

int good_helper(int fd)
{
	char in[256];
	ssize_t n = recv(fd, in, sizeof(in), 0);

	if (n <= 0 || !ends(in, (size_t)n))
		return -1;
	return is_known(in);
}

/* The helper clears all of it and copies less. */
static void name_of(char *to, size_t n, const struct call *c)
{
	memset(to, 0, n);
	memcpy(to, c->name, sizeof(c->name));
}

size_t good_cleared(int fd)
{
	struct call c;
	char name[100];

	if (recv(fd, &c, sizeof(c), MSG_WAITALL) != sizeof(c))
		return 0;
	name_of(name, sizeof(name), &c);
	return strlen(name);
}

int bad_other_character(int fd)
{
	char in[256];
	ssize_t n = recv(fd, in, sizeof(in), 0);

	if (n <= 0 || !memchr(in, ';', (size_t)n))
		return -1;
	return !strcmp(in, "front"); // N4
}

int bad_not_asked(int fd)
{
	char in[256];
	ssize_t n = recv(fd, in, sizeof(in), 0);

	if (n <= 0)
		return -1;
	memchr(in, '\0', (size_t)n);
	return !strcmp(in, "front"); // N4
}
