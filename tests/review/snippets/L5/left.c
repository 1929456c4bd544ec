#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Nothing in this program ever removes the path. */
int left(int fd, const char *path)
{
	struct sockaddr_un addr;

	memset(&addr, 0, sizeof(addr));
	addr.sun_family = AF_UNIX;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	return bind(fd, (struct sockaddr *)&addr, sizeof(addr)); // L5
}
