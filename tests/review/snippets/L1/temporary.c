#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Only the name is wanted, and the descriptor is lost. */
char *bad_name(void)
{
	static char name[] = "/tmp/door-XXXXXX";

	mkstemp(name); // E1 L1
	return name;
}

/* It takes the place of standard input. */
void good_standard_input(const char *path)
{
	close(0);
	open(path, O_RDONLY);
}

int good_kept(void)
{
	char name[] = "/tmp/door-XXXXXX";
	int fd = mkstemp(name);

	if (fd >= 0)
		unlink(name);
	return fd;
}
