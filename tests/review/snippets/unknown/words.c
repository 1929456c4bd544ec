/* Words that nobody defines, in front of declarations and blocks. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

SOCKET make_one(void);

int plain(const char *path)
{
	SOMETHING int fd = open(path, O_RDONLY | O_CLOEXEC); // L1

	if (fd < 0)
		return -1;
	return 0;
}

int tidied(const char *path)
{
	my_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	SCOPED(fclose) FILE *f = fopen(path, "re");

	if (fd < 0 || !f)
		return -1;
	return 0;
}

int later(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	int other = open(path, O_RDONLY | O_CLOEXEC); // L1

	AT_THE_END {
		close(fd);
	}
	WITH_EACH_OF(path) {
		close(fd);
	}
	return other >= 0;
}

int as_type(void)
{
	SOCKET fd = open("/", O_RDONLY | O_CLOEXEC); // L1

	return fd == -1;
}
