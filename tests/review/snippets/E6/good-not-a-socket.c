#include <fcntl.h>
#include <unistd.h>

int note(const char *path, const char *text, size_t n)
{
	int r, fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	r = write(fd, text, n) == (ssize_t)n ? 0 : -1;
	close(fd);
	return r;
}

int say(const char *text, size_t n)
{
	return write(STDOUT_FILENO, text, n) == (ssize_t)n ? 0 : -1;
}

/* Nobody knows what it is. */
int put(int fd, const char *text, size_t n)
{
	return write(fd, text, n) == (ssize_t)n ? 0 : -1;
}
