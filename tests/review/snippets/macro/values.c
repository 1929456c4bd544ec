/* What a block in parentheses gives, errors as negative numbers, retries. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALL(type, call)               \
	__extension__({                \
		type r_ = (type)(call); \
		if (r_ < 0)            \
			r_ = -errno;   \
		r_;                    \
	})
#define AGAIN(call)                                \
	({                                         \
		long r_;                           \
		do                                 \
			r_ = (call);               \
		while (r_ < 0 && errno == EINTR);  \
		r_;                                \
	})

static int made(void)
{
	return CALL(int, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

int good(void)
{
	int fd = made();

	if (fd == -EMFILE)
		return 0;
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int bad(const char *path)
{
	int fd = (int)AGAIN(open(path, O_RDONLY | O_CLOEXEC)); // L1

	if (fd < 0)
		return -1;
	return 0;
}
