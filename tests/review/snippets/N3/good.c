#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOT "/srv/files"

static int receive(int sock, char *buf, size_t size)
{
	ssize_t n = recv(sock, buf, size - 1, 0);

	if (n <= 0)
		return -1;
	buf[n] = '\0';
	return 0;
}

int good_slash(int sock)
{
	char name[100], path[200];

	if (receive(sock, name, sizeof(name)) < 0)
		return -1;
	if (strchr(name, '/') || name[0] == '.')
		return -1;
	snprintf(path, sizeof(path), ROOT "/%s", name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int good_dots(int sock)
{
	char name[100], path[200];

	if (receive(sock, name, sizeof(name)) < 0 || strstr(name, ".."))
		return -1;
	snprintf(path, sizeof(path), ROOT "/%s", name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool is_name(const char *s)
{
	if (!*s)
		return false;
	while (*s)
		if (!isalnum((unsigned char)*s++))
			return false;
	return true;
}

int good_letters(int sock)
{
	char name[100], path[200];

	if (receive(sock, name, sizeof(name)) < 0)
		return -1;
	if (!is_name(name)) {
		errno = EINVAL;
		return -1;
	}
	snprintf(path, sizeof(path), ROOT "/%s", name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int good_real(int sock)
{
	char name[100], path[PATH_MAX];

	if (receive(sock, name, sizeof(name)) < 0)
		return -1;
	if (!realpath(name, path) || strncmp(path, ROOT "/", sizeof(ROOT)) != 0)
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC);
}

int good_number(int sock)
{
	char line[100], path[200];
	unsigned long id;

	if (receive(sock, line, sizeof(line)) < 0)
		return -1;
	id = strtoul(line, NULL, 10);
	snprintf(path, sizeof(path), ROOT "/%08lx", id);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int good_known(int sock)
{
	char name[100];

	if (receive(sock, name, sizeof(name)) < 0)
		return -1;
	if (strcmp(name, "/etc/motd") != 0)
		return -1;
	return open(name, O_RDONLY | O_CLOEXEC);
}

/* What is written is the peer's, where is not. */
int good_content(int sock, const char *path)
{
	char line[100];
	FILE *f;

	if (receive(sock, line, sizeof(line)) < 0)
		return -1;
	f = fopen(path, "we");
	if (!f)
		return -1;
	fputs(line, f);
	return fclose(f);
}

int good_loop(int sock)
{
	char name[100];

	if (receive(sock, name, sizeof(name)) < 0)
		return -1;
	for (const char *p = name; *p; p++)
		if (*p == '/')
			return -1;
	return unlink(name);
}
