/* 0 is a descriptor like any other. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int bad_count(int limit)
{
	int used = 0;

	for (int i = 0; i < limit; i++) {
		int copy = dup(i);

		if (copy > 0) { // L1
			used++;
			close(copy);
		}
	}
	return used;
}

int bad_return(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd <= 0) // L1
		return -1;
	close(fd);
	return 0;
}

int good_minus_one(int i)
{
	int copy = dup(i);

	if (copy > -1) {
		close(copy);
		return 1;
	}
	return 0;
}

int good_from_zero(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The number of another thing: how many came. */
int good_amount(int fd, char *text, size_t size)
{
	int n = (int)read(fd, text, size);

	if (n <= 0)
		return -1;
	return text[0];
}

/* It has another value by then. */
int good_later(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	close(fd);
	fd = getchar();
	return fd > 0;
}
