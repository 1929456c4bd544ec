// A variable of a class owns what it is given, whichever file the class stands in; a typedef of a number does not.
#include "dispose.h"
#include <cstdio>
#include <fcntl.h>
#include <foreign/file.h>
#include <unistd.h>

void use(int fd);

class AutoClose
{
public:
	AutoClose(FILE *fp) : fp(fp) {}
	~AutoClose()
	{
		if (fp)
			fclose(fp);
	}
	operator FILE *() const { return fp; }

private:
	FILE *fp;
};

bool good_derived(const char *path)
{
	AutoFd fd = open(path, O_RDONLY | O_CLOEXEC);
	char c;

	if (fd < 0)
		return false;
	return read(fd, &c, 1) == 1;
}

bool good_assigned(const char *path)
{
	AutoFd fd;
	char c;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	return read(fd, &c, 1) == 1;
}

int good_stream(const char *path)
{
	AutoClose fp = fopen(path, "re");

	if (!fp)
		return -1;
	return fgetc(fp);
}

bool good_end_of_pipe(int *other)
{
	AutoFd mine;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	mine = ends[1];
	*other = ends[0];
	if (write(mine, "", 1) != 1)
		return false;
	return true;
}

bool good_unseen_class(const char *path)
{
	foreign::File fd = open(path, O_RDONLY | O_CLOEXEC);
	char c;

	if (fd < 0)
		return false;
	return read(fd, &c, 1) == 1;
}

bool wrong_number(const char *path)
{
	number_t fd = open(path, O_RDONLY | O_CLOEXEC); // L1
	char c;

	if (fd < 0)
		return false;
	return read(fd, &c, 1) == 1;
}

bool wrong_pointer(const char *path)
{
	FILE *fp = fopen(path, "re"); // L1

	if (!fp)
		return false;
	return fgetc(fp) == 'x';
}
