#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Asked and closed again, before any program is started. */
static int good_is_port_free(const struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), r;

	if (fd < 0)
		return 0;
	r = bind(fd, (const struct sockaddr *)addr, sizeof(*addr));
	close(fd);
	return r == 0;
}

/* … by a helper. */
static void done(int fd)
{
	close(fd);
}

static int good_by_helper(const struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0) {
		perror("connect");
		done(fd);
		return -1;
	}
	done(fd);
	return 0;
}

static int runs_before_it_closes(const struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), r; // L6

	if (fd < 0)
		return -1;
	r = bind(fd, (const struct sockaddr *)addr, sizeof(*addr));
	if (r == 0)
		r = system("/usr/libexec/begin");
	close(fd);
	return r;
}

static int keeps_it(const struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0); // L6

	if (fd < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int main(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int fd, r;

	if (!good_is_port_free(&addr) || good_by_helper(&addr) < 0 ||
	    runs_before_it_closes(&addr) < 0)
		return 1;
	fd = keeps_it(&addr);
	if (fd < 0)
		return 1;
	r = system("/usr/libexec/go-on");
	close(fd);
	return r;
}
