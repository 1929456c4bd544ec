#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

int good_stream(const char *name)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	FILE *f = fopen(name, "ae");

	if (!f)
		return -1;
	if (fcntl(fileno(f), F_SETLK, &whole) < 0) {
		fclose(f);
		return -1;
	}
	return 0;
}

int good_flock(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno != EOPNOTSUPP) {
		close(fd);
		return -1;
	}
	return 0;
}

int bad_refused(const char *name)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETLK, &whole) < 0)
		return -1; // L1
	return 0;
}

int bad_flags(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600); // L1

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_GETFL) < 0)
		return -1;
	return 0;
}

int good_number_of_stream(const char *name)
{
	FILE *f = fopen(name, "we");
	int fd;

	if (!f)
		return -1;
	fd = fileno(f);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		fclose(f);
		return -1;
	}
	return 0;
}
