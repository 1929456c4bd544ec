#include "window.h"
#include <sys/socket.h>
#include <netinet/in.h>

namespace net {
int connect(Protocol protocol, const char *host, unsigned short port, struct sockaddr *address)
{
	int sock = ::socket(AF_INET, SOCK_STREAM, 0);

	if (sock == -1)
		return -1;
	if (::connect(sock, address, sizeof(sockaddr_in)) == -1) {
		::close(sock);
		return -1;
	}
	return sock;
}
}

void call_up(const char *host, struct sockaddr *address)
{
	net::connect(TCP, host, 80, address); // L1
}
