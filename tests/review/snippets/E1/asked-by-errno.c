/* The failure is looked for in errno. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int right_errno(int s, const struct sockaddr *to, socklen_t n)
{
	errno = 0;
	connect(s, to, n);
	if (errno != 0)
		return -1;
	return s;
}

int right_loop(int s, const struct sockaddr *to, socklen_t n)
{
	errno = ECONNREFUSED;
	while (errno) {
		errno = 0;
		connect(s, to, n);
		puts("tried");
	}
	return s;
}

int wrong_other_call(int s, const struct sockaddr *to, socklen_t n)
{
	bind(s, to, n); // E1
	if (fsync(s) < 0 && errno == EIO)
		return -1;
	return s;
}
