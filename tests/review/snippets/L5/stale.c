#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void set_path(struct sockaddr_un *addr, const char *path)
{
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	snprintf(addr->sun_path, sizeof(addr->sun_path), "%s", path);
}

int blindly(int fd, const char *path)
{
	struct sockaddr_un addr;

	set_path(&addr, path);
	unlink(path); // L5
	return bind(fd, (struct sockaddr *)&addr, sizeof(addr));
}

int removed(int fd, const char *path)
{
	struct sockaddr_un addr;

	set_path(&addr, path);
	if (remove(path) < 0 && errno != ENOENT) // L5
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return 0;
}

/* That it exists says nothing of its server. */
int if_there(int fd, const char *path)
{
	struct sockaddr_un addr;
	struct stat st;

	set_path(&addr, path);
	if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path); // L5
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		goto fail;
	return fd;
fail:
	perror("bind");
	close(fd);
	return -1;
}

int at(int fd, int dir, const char *name, const struct sockaddr_un *addr)
{
	struct sockaddr_un copy = *addr;

	unlinkat(dir, name, 0); // L5
	return bind(fd, (struct sockaddr *)&copy, sizeof(copy));
}

int member(int fd, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	unlink(addr.sun_path); // L5
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == -1)
		return -1;
	return 0;
}

int old_style(s, path)
	int s;
	char *path;
{
	struct sockaddr_un sun;

	set_path(&sun, path);
	(void) unlink(path); // L5
	if (bind(s, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return (-1);
	return (s);
}
