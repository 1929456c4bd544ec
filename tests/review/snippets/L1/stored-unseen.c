#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

typedef int SOCKET;
#define INVALID_SOCKET ((SOCKET) -1)

struct driver {
	int (*thaw)(struct driver *);
};

struct sync {
	struct driver driver;
	int fd;
};

int good_behind_a_macro(void)
{
	if ((BASE_VAR(raw) = socket(AF_INET, SOCK_RAW, 1)) == -1)
		return -1;
	return 0;
}

int bad_dropped(void)
{
	if (socket(AF_INET, SOCK_RAW, 1) == -1) // L1
		return -1;
	return 0;
}

SOCKET good_named_failure(void)
{
	SOCKET fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == INVALID_SOCKET)
		return INVALID_SOCKET;
	return fd;
}

SOCKET bad_named_failure(int port)
{
	SOCKET fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == INVALID_SOCKET)
		return INVALID_SOCKET;
	if (port < 0)
		return INVALID_SOCKET; // L1
	return fd;
}

int good_member_is_given(struct driver **handle)
{
	struct sync *sync;
	int fd = open("/proc/driver", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	sync = calloc(1, sizeof(*sync));
	if (!sync) {
		close(fd);
		return -1;
	}
	sync->fd = fd;
	*handle = &sync->driver;
	return 0;
}

int bad_member_is_not_given(struct driver **handle)
{
	struct sync *sync;
	int fd = open("/proc/driver", O_RDONLY | O_CLOEXEC); // L1

	if (fd < 0)
		return -1;
	sync = calloc(1, sizeof(*sync));
	if (!sync)
		exit(1);
	sync->fd = fd;
	*handle = NULL;
	return 0;
}

struct address {
	int family;
};

int good_typeof(int n)
{
	struct address *address = NULL;

	for (int i = 0; i < n; i++) {
		address = malloc(sizeof(__typeof(*address)));
		if (!address)
			return -1;
		if (i & 1) {
			free(address);
			continue;
		}
		address->family = i;
		free(address);
	}
	return 0;
}
