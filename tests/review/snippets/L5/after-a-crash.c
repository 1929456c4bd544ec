/* The path is removed at the end, and an end that was none leaves it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *place = "/run/counter/socket";

static void leave(void)
{
	unlink(place);
}

static void fill(struct sockaddr_un *at)
{
	memset(at, 0, sizeof(*at));
	at->sun_family = AF_UNIX;
	snprintf(at->sun_path, sizeof(at->sun_path), "%s", place);
}

int bad_start(int fd)
{
	struct sockaddr_un at;

	fill(&at);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) // L5
		return -errno;
	if (atexit(leave) != 0)
		return -ENOMEM;
	return listen(fd, 16);
}

/* The caller has removed it, when nobody answered. */
static int begin(int fd)
{
	struct sockaddr_un at;

	fill(&at);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	return listen(fd, 16);
}

int good_caller(int fd, int probe)
{
	struct sockaddr_un at;

	fill(&at);
	if (connect(probe, (struct sockaddr *)&at, sizeof(at)) < 0 && errno == ECONNREFUSED)
		leave();
	return begin(fd);
}

/* It is removed when bind() says that it is there. */
int good_again(int fd, int probe)
{
	struct sockaddr_un at;

	fill(&at);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return listen(fd, 16);
	if (errno != EADDRINUSE)
		return -errno;
	if (connect(probe, (struct sockaddr *)&at, sizeof(at)) == 0)
		return -EADDRINUSE;
	unlink(place);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	return listen(fd, 16);
}

/* No two have the same. */
int good_own(int fd)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(at.sun_path, sizeof(at.sun_path), "/run/counter/%d", (int)getpid());
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	return listen(fd, 16);
}
