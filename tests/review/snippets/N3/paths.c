#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT "/srv/files"

struct request {
	unsigned char verb;
	char name[100];
};

static int receive(int sock, char *buf, size_t size)
{
	ssize_t n = recv(sock, buf, size - 1, 0);

	if (n <= 0)
		return -1;
	buf[n] = '\0';
	return 0;
}

int bad_open(int sock)
{
	char name[100];

	if (receive(sock, name, sizeof(name)) < 0)
		return -1;
	return open(name, O_RDONLY | O_CLOEXEC); // N3
}

int bad_below(int sock)
{
	char name[100], path[200];

	if (receive(sock, name, sizeof(name)) < 0)
		return -1;
	snprintf(path, sizeof(path), ROOT "/%s.txt", name);
	return unlink(path); // N3
}

FILE *bad_joined(int sock)
{
	char name[100], path[300];

	if (receive(sock, name, sizeof(name)) < 0)
		return NULL;
	strcpy(path, ROOT "/");
	strcat(path, name);
	return fopen(path, "we"); // N3
}

int bad_field(int sock)
{
	struct request req;

	if (recv(sock, &req, sizeof(req), MSG_WAITALL) != sizeof(req))
		return -1;
	req.name[sizeof(req.name) - 1] = '\0';
	switch (req.verb) {
	case 'd':
		return mkdir(req.name, 0700); // N3
	default:
		return -1;
	}
}

static int load(const char *name)
{
	char path[PATH_MAX];

	sprintf(path, "%s/%s", ROOT, name);
	return open(path, O_RDONLY | O_CLOEXEC); // N3
}

int bad_helper(int sock)
{
	char line[100];
	char *nl;

	if (receive(sock, line, sizeof(line)) < 0)
		return -1;
	nl = strchr(line, '\n');
	if (nl)
		*nl = '\0';
	return load(line);
}

/* That it begins with the folder is no protection from ../ in it. */
int bad_prefix(int sock)
{
	char path[200];

	if (receive(sock, path, sizeof(path)) < 0)
		return -1;
	if (strncmp(path, "/tmp/", 5) != 0)
		return -1;
	return unlink(path); // N3
}

int bad_words(int sock)
{
	char line[200], from[64], to[64];

	if (receive(sock, line, sizeof(line)) < 0)
		return -1;
	if (sscanf(line, "mv %63s %63s", from, to) != 2)
		return -1;
	return rename(from, to); // N3
}

int bad_token(int dir, int sock)
{
	char line[200];
	char *word;
	int fd = -1;

	if (receive(sock, line, sizeof(line)) < 0)
		return -1;
	for (word = strtok(line, " "); word; word = strtok(NULL, " ")) {
		fd = openat(dir, word, O_RDONLY | O_CLOEXEC); // N3
		if (fd >= 0)
			break;
	}
	return fd;
}
