/* K&R, and the socket of each failed attempt is lost. */
#include <sys/socket.h>

int attach(addr, size, tries)
	struct sockaddr *addr;
	int size;
	int tries;
{
	int s;

	while (tries-- > 0) {
		s = socket(AF_UNIX, SOCK_STREAM, 0); // L1
		if (s < 0)
			return (-1);
		if (connect(s, addr, size) == 0)
			return (s);
		sleep(1);
	}
	return (-1);
}
