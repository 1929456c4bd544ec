/* A function that is seen does what its definition does, whatever its name. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void my_die(const char *what)
{
	perror(what);
}

static void report_fatal(const char *what)
{
	fprintf(stderr, "%s\n", what);
}

static void clean_exit(int status)
{
	printf("%d\n", status);
}

static void oops(const char *what)
{
	perror(what);
	exit(1);
}

int comes_back(const char *path, int how)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (how == 1) {
		my_die("one");
		return 1; /* L1 */
	}
	if (how == 2) {
		report_fatal("two");
		return 2; /* L1 */
	}
	if (how == 3) {
		clean_exit(3);
		return 3; /* L1 */
	}
	if (how == 4) {
		oops("four");
		return 4;
	}
	return close(fd);
}
