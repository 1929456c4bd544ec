/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into the program once more, with the linker's --wrap: a send that takes 100 rounds of a loop longer, a receive
 * that makes one system call more. test-hot-paths.py looks whether the numbers notice.
 */
#include <unistd.h>

#include "base/chunk.h"
#include "link/socket.h"

void __real_chunk_queue_consume(struct chunk_queue *q, struct chunk_pool *pool, size_t n);
void __wrap_chunk_queue_consume(struct chunk_queue *q, struct chunk_pool *pool, size_t n);
ssize_t __real_link_receive(int fd, void *buffer, size_t n, bool rights);
ssize_t __wrap_link_receive(int fd, void *buffer, size_t n, bool rights);

void __wrap_chunk_queue_consume(struct chunk_queue *q, struct chunk_pool *pool, size_t n)
{
	for (volatile int i = 0; i < 100; i++)
		;
	__real_chunk_queue_consume(q, pool, n);
}

ssize_t __wrap_link_receive(int fd, void *buffer, size_t n, bool rights)
{
	getppid();
	return __real_link_receive(fd, buffer, n, rights);
}
