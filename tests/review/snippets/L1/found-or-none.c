// A number that is computed is not the -1 that says that none was found; and uv_socketpair() gives 0, or fails.
#include <sys/socket.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

int is_free(int port);

struct pair {
	int sock, port;
};

int find_port(struct pair *pair, int base, int count)
{
	int sock = -1, found = -1;

	for (int i = 0; i < count; i++) {
		int candidate = base + 2 * i;

		sock = socket(AF_INET, SOCK_DGRAM, 0);
		if (sock < 0)
			return -1;
		if (bind(sock, NULL, 0) < 0) {
			close(sock);
			sock = -1;
			continue;
		}
		found = candidate;
		break;
	}
	if (found < 0)
		return -1;
	pair->sock = sock;
	pair->port = found;
	return 0;
}

int lose_port(struct pair *pair, int base)
{
	int sock = socket(AF_INET, SOCK_DGRAM, 0), found = -1;

	if (sock < 0)
		return -1;
	if (is_free(base))
		found = base + 1;
	if (found < 0)
		return -1; // L1
	pair->sock = sock;
	pair->port = found;
	return 0;
}

int both(int type, int *one, int *two)
{
	uv_os_sock_t s[2];
	int r = uv_socketpair(type, 0, s, 0, 0);

	if (r == 0) {
		*one = s[0];
		*two = s[1];
	}
	return r;
}
