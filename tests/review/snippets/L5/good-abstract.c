#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int nameless(int fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	addr.sun_path[0] = '\0';
	strcpy(&addr.sun_path[1], "postern");
	return bind(fd, (struct sockaddr *)&addr, sizeof(addr));
}

int by_kernel(int fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	/* Autobind: the kernel picks an abstract name. */
	return bind(fd, (struct sockaddr *)&addr, sizeof(sa_family_t));
}
