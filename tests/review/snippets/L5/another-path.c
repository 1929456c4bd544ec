#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The number of the process goes into a file that is made anew; the socket's path is left alone. */
int good_other_file(int door, const char *path, const char *number)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	FILE *f;

	unlink(number);
	f = fopen(number, "we");
	if (!f)
		return -1;
	fprintf(f, "%d\n", (int)getpid());
	fclose(f);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (bind(door, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -1;
	return listen(door, 4);
}

void good_end(const char *path)
{
	unlink(path);
}

int bad_same_file(int door, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	unlink(at.sun_path); // L5
	if (bind(door, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -1;
	return listen(door, 4);
}

int bad_same_name(int door, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	unlink(path); // L5
	strncpy(at.sun_path, path, sizeof(at.sun_path) - 1);
	if (bind(door, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -1;
	return listen(door, 4);
}
