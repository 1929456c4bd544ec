/* SPDX-License-Identifier: Apache-2.0 */
/* alloc.c - the one place that allocates memory, so that tests can make it fail */
#include "sys/sys.h"

#include <stdlib.h>

void *sys_alloc(size_t n)
{
	return calloc(1, n);
}

void *sys_realloc(void *p, size_t n)
{
	return realloc(p, n);
}

void sys_free(void *p)
{
	free(p);
}
