/* A stream that fdopen() makes closes its descriptor. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int greet_and_close_twice(int server)
{
	int fd = accept(server, NULL, NULL);
	FILE *f;

	if (fd < 0)
		return -1;
	f = fdopen(fd, "r+");
	if (!f) {
		close(fd);
		return -1;
	}
	fputs("hello\n", f);
	fclose(f);
	close(fd); // L4
	return 0;
}

int greet_once(int server)
{
	int fd = accept(server, NULL, NULL);
	FILE *f;

	if (fd < 0)
		return -1;
	f = fdopen(fd, "r+");
	if (!f) {
		close(fd);
		return -1;
	}
	fputs("hello\n", f);
	fclose(f);
	return 0;
}

int greet_on_a_copy(int server)
{
	int fd = accept(server, NULL, NULL);
	int copy;
	FILE *f;

	if (fd < 0)
		return -1;
	copy = dup(fd);
	f = copy < 0 ? NULL : fdopen(copy, "w");
	if (!f) {
		if (copy >= 0)
			close(copy);
		close(fd);
		return -1;
	}
	fputs("hello\n", f);
	fclose(f);
	close(fd);
	return 0;
}

int greet_or_close(int server)
{
	int fd = accept(server, NULL, NULL);
	FILE *f;

	if (fd < 0)
		return -1;
	f = fdopen(fd, "r+");
	if (f) {
		fputs("hello\n", f);
		fclose(f);
		fd = -1;
	}
	if (fd >= 0)
		close(fd);
	return f ? 0 : -1;
}

int list_and_close_twice(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d;

	if (fd < 0)
		return -1;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return -1;
	}
	closedir(d);
	close(fd); // L4
	return 0;
}
