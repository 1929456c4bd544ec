#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static socklen_t hidden_name(struct sockaddr_un *at, const char *text)
{
	memset(at, 0, sizeof(*at));
	at->sun_family = AF_UNIX;
	strncpy(at->sun_path + 1, text, sizeof(at->sun_path) - 2);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(text));
}

int good_door(int door, const char *text)
{
	struct sockaddr_un at;
	socklen_t n = hidden_name(&at, text);

	if (bind(door, (struct sockaddr *)&at, n) < 0)
		return -1;
	return listen(door, 4);
}
