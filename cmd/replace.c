/* SPDX-License-Identifier: Apache-2.0 */
/* replace.c - a file gets another text at once, or not at all: who reads it meanwhile sees one of the two, whole */
#include "command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int replace_all(int fd, const char *text, size_t n)
{
	ssize_t wrote;

	while (n > 0) {
		wrote = write(fd, text, n);
		if (wrote < 0 && errno != EINTR)
			return -1;
		if (wrote > 0) {
			text += wrote;
			n -= (size_t)wrote;
		}
	}
	return 0;
}

/* The new file is beside the old one, so that it is on the same file system. */
static int replace_with(int fd, const char *beside, const char *path, const char *text, size_t n)
{
	mode_t mask = umask(0);
	struct stat st = { .st_mode = 0666 & ~mask, .st_uid = (uid_t)-1, .st_gid = (gid_t)-1 };

	umask(mask);
	if (stat(path, &st) < 0 && errno != ENOENT)
		return -1;
	if (replace_all(fd, text, n) < 0)
		return -1;
	/* Another owner's file that may be written is ours from now on, as with any editor. */
	if (fchown(fd, st.st_uid, st.st_gid) < 0 && errno != EPERM)
		return -1;
	if (fchmod(fd, st.st_mode & 07777) < 0 || fsync(fd) < 0)
		return -1;
	return rename(beside, path);
}

static int replace_at(const char *path, const char *text, size_t n)
{
	size_t size = strlen(path) + sizeof(".XXXXXX");
	char *beside = malloc(size);
	int fd, r = -1, error;

	if (!beside)
		return -1;
	snprintf(beside, size, "%s.XXXXXX", path);
	fd = mkstemp(beside);
	if (fd >= 0) {
		r = replace_with(fd, beside, path, text, n);
		error = errno;
		if (r < 0)
			unlink(beside);
		close(fd);
		errno = error;
	}
	free(beside);
	return r;
}

int replace_file(const char *path, const char *text, size_t n)
{
	char *real = realpath(path, NULL);
	int r;

	if (!real && errno != ENOENT)
		return -1;
	r = replace_at(real ? real : path, text, n);
	free(real);
	return r;
}
