#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int somebody_is_at(const char *path);
int path_exists(const char *path);

int good_own_number(int door)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/desk.%d", (int)getpid());
	unlink(at.sun_path);
	if (bind(door, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -1;
	return listen(door, 4);
}

int good_probed(int door, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (somebody_is_at(path)) {
		errno = EADDRINUSE;
		return -1;
	}
	unlink(path);
	strncpy(at.sun_path, path, sizeof(at.sun_path) - 1);
	if (bind(door, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -1;
	return listen(door, 4);
}

int bad_exists(int door, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (path_exists(path))
		unlink(path); // L5
	strncpy(at.sun_path, path, sizeof(at.sun_path) - 1);
	if (bind(door, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -1;
	return listen(door, 4);
}

int bad_number_elsewhere(int door, const char *path, FILE *log)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	fprintf(log, "%d begins\n", (int)getpid());
	unlink(path); // L5
	strncpy(at.sun_path, path, sizeof(at.sun_path) - 1);
	if (bind(door, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -1;
	return listen(door, 4);
}
