/* SPDX-License-Identifier: Apache-2.0 */
/* Files as text; see base.h. */

#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int text_read_fd(struct text *text, int fd, size_t max)
{
	char buffer[65536];
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			text_add(text, buffer, (size_t)n);
		if (text->n > max)
			return -EFBIG;
	}
	return 0;
}

int text_read(struct text *text, const char *path, int flags, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags), r = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	/* Of a pipe, O_NONBLOCK would make nothing of what somebody is about to write. */
	if ((flags & O_NONBLOCK) && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
		r = -EINVAL;
	if (!r)
		r = text_read_fd(text, fd, max);
	close(fd);
	return r;
}
