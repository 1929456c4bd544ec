/* SPDX-License-Identifier: Apache-2.0 */
/* input.c - what the command reads: files of a bounded size, whole */
#include "command.h"

#include <errno.h>
#include <unistd.h>

int input_read(int fd, char *ret, size_t size, size_t *ret_n)
{
	ssize_t n = 1;

	*ret_n = 0;
	while (n != 0 && *ret_n < size) {
		n = read(fd, ret + *ret_n, size - *ret_n);
		if (n > 0)
			*ret_n += (size_t)n;
		else if (n < 0 && errno != EINTR)
			return -1;
	}
	return 0;
}
