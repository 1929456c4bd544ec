/* Conditions, jumps and constants that stand in macros. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FAILED(x) ((x) < 0)
#define NOTHING (-1)
#define CHECK(x)                       \
	do {                           \
		if (FAILED(x))         \
			goto out;      \
	} while (0)
#define LEAVE(code) return (code)
#define ENDS(...)                             \
	do {                                  \
		fprintf(stderr, __VA_ARGS__); \
		exit(1);                      \
	} while (0)
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define NAMED(what) PASTE(my_, what)
#define my_shut(fd) close(fd)

int good(const char *path)
{
	int r = -1, fd = open(path, O_RDONLY | O_CLOEXEC);

	CHECK(fd);
	CHECK(r = (int)lseek(fd, 0, SEEK_END));
out:
	if (fd != NOTHING)
		close(fd);
	return r;
}

int bad(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (FAILED(fd))
		LEAVE(-1);
	if (FAILED(lseek(fd, 0, SEEK_END)))
		LEAVE(-2); // L1
	NAMED(shut)(fd);
	return 0;
}

int ends(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (FAILED(fd))
		ENDS("%s: %d\n", path, errno);
	if (FAILED(lseek(fd, 0, SEEK_END)))
		ENDS("no end\n");
	close(fd);
	return 0;
}
