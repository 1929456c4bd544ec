#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int bad_left(int door)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	strcpy(at.sun_path, "/run/desk.socket");
	if (bind(door, (struct sockaddr *)&at, sizeof(at)) < 0) // L5
		return -1;
	return listen(door, 4);
}

void end(void)
{
	unlink("/run/desk.pid");
}
