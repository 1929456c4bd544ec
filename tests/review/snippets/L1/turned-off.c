#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* What follows is no C.
#if 0
*/

#if 0 /* it isn't used: a main() of old times */
int main(void)
{
	int fd = open("x", O_RDONLY);

#if defined(FAST)
	fd = open("y", O_RDONLY);
#else
	fd = open("z", O_RDONLY);
#endif
	return 0;
}
#elif 1
int good_other(void)
{
	int fd = open("x", O_RDONLY);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}
#endif

int first_counts(void)
{
	int fd = open("x", O_RDONLY);

	if (fd < 0)
		return -1;
#if 1
	if (fd == 1) {
		printf("one\n");
		close(fd);
		return 1;
	}
#else
	if (fd == 1)
		return 1;
#endif
#if 0
	if (fd == 2)
		return 2;
#else
	if (fd == 3)
		return 3; // L1
#endif
	close(fd);
	return 0;
}

#ifdef OLD
int some_build_has_it(void)
{
	int fd = open("x", O_RDONLY);

	if (fd < 0)
		return -1;
	return fd == 2; // L1
}
#endif

#if 0
#endif
int behind(void)
{
	int fd = open("x", O_RDONLY);

	if (fd < 0)
		return -1;
	return fd == 2; // L1
}
