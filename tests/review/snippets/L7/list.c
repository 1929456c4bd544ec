#include <stdlib.h>
#include <sys/socket.h>

#include "list.h"

/* Only what was linked before is returned. */
struct node *linked_but_the_last(const int *kinds, int n, int fd)
{
	struct node *first = NULL, *node;

	if (send(fd, "list", 4, MSG_NOSIGNAL) != 4)
		return NULL;
	for (int i = 0; i < n; i++) {
		node = calloc(1, sizeof(*node));
		if (!node)
			return first;
		node->kind = kinds[i];
		if (node->kind == 7)
			return first; // L7
		node->next = first;
		first = node;
	}
	return first;
}
