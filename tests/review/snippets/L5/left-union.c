#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int bad_union(int door, const char *path)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_un un;
	} at;

	memset(&at, 0, sizeof(at));
	at.un.sun_family = AF_UNIX;
	strncpy(at.un.sun_path, path, sizeof(at.un.sun_path) - 1);
	if (bind(door, &at.any, sizeof(at.un)) < 0) // L5
		return -1;
	return listen(door, 4);
}

int good_number(int door, unsigned short port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
	} at;

	memset(&at, 0, sizeof(at));
	at.in.sin_family = AF_INET;
	at.in.sin_port = htons(port);
	if (bind(door, &at.any, sizeof(at.in)) < 0)
		return -1;
	return listen(door, 4);
}
