/* A count that goes up beside the pointer is compared with the size. */
#include <sys/socket.h>
#include <unistd.h>

ssize_t right_line(int s, char *to, size_t n)
{
	size_t total = 0;
	char c;

	for (;;) {
		if (recv(s, &c, 1, 0) != 1)
			return -1;
		if (total < n - 1) {
			total++;
			*to++ = c;
		}
		if (c == '\n')
			break;
	}
	*to = 0;
	return total;
}

ssize_t wrong_line(int s, char *to, size_t n)
{
	size_t total = 0;
	char c;

	for (;;) {
		if (recv(s, &c, 1, 0) != 1)
			return -1;
		total++;
		*to++ = c; // N5
		if (c == '\n')
			break;
	}
	*to = 0;
	return n ? (ssize_t)total : 0;
}
