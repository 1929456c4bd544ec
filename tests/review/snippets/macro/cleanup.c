/* Attributes under names of the project's own. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void shut_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static void fshut_p(FILE **f)
{
	if (*f)
		fclose(*f);
}

typedef FILE *tidy_FILE;
#define ends_with(f) __attribute__((__cleanup__(f)))
#define tidy_fd ends_with(shut_p) int
#define tidy_ptr(t) ends_with(fshut_p) tidy_##t
#define unused __attribute__((unused))

int tidy(const char *path)
{
	tidy_fd fd = open(path, O_RDONLY | O_CLOEXEC);
	tidy_ptr(FILE) f = fopen(path, "re");

	return fd >= 0 && f ? 0 : -1;
}

int untidy(const char *path)
{
	unused int fd = open(path, O_RDONLY | O_CLOEXEC); // L1

	if (fd < 0)
		return -1;
	return 0;
}
