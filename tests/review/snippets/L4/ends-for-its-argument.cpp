#include <cstdio>
#include <cstdlib>
#include <unistd.h>

void errif(bool condition, const char *message)
{
	if (condition) {
		perror(message);
		exit(EXIT_FAILURE);
	}
}

void good_ends(int fd)
{
	char buf[16];

	while (true) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n == 0)
			break;
		if (n == -1) {
			close(fd);
			errif(true, "read");
		}
	}
	close(fd);
}
