/* SPDX-License-Identifier: Apache-2.0 */
/* ids.c - see ids.h */
#include "name/ids.h"

#include <fcntl.h>
#include <stdlib.h>

#include "sys/sys.h"

enum { IDS_DEFAULT = 65534 };

static unsigned ids_read_number(const char *path)
{
	char text[16];
	char *end = NULL;
	long n = -1;
	ssize_t r;
	int fd;

	fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	if (fd < 0)
		return IDS_DEFAULT;
	r = sys_read(fd, text, sizeof(text) - 1);
	sys_close(fd);
	if (r > 0) {
		text[r] = 0;
		n = strtol(text, &end, 10);
	}
	/* The kernel limits them to 16 bits. */
	return n >= 0 && n <= 65535 && *end == '\n' ? (unsigned)n : IDS_DEFAULT;
}

void ids_read_unknown(struct ids *ret)
{
	ret->uid = ids_read_number("/proc/sys/kernel/overflowuid");
	ret->gid = ids_read_number("/proc/sys/kernel/overflowgid");
}
