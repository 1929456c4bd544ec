/* The C library: what it is asked in between keeps nothing. */
#include <net/if.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int door;

int start(const char *interface)
{
	unsigned index;

	door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (door < 0)
		return -1;
	index = if_nametoindex(interface);
	if (!index) {
		close(door);
		return -1;
	}
	tzset();
	close(door);
	srand(index);
	return close(door); // L4
}

int limited(struct rlimit *limit)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setrlimit(RLIMIT_NOFILE, limit) < 0)
		return -1; // L1
	return fd;
}
