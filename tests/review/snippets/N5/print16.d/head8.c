/* What a structure is called, or the folder that it is in, says nothing of its members. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

typedef struct {
	uint32_t kind;
	uint32_t size;
} head_t;

struct endpoint {
	uint32_t size;
};

void *bad_unnamed(int fd)
{
	head_t head;

	if (recv(fd, &head, sizeof(head), MSG_WAITALL) != sizeof(head))
		return NULL;
	return malloc(head.size); // N5
}

void *bad_named(int fd)
{
	struct endpoint e;

	if (recv(fd, &e, sizeof(e), MSG_WAITALL) != sizeof(e))
		return NULL;
	return malloc(e.size); // N5
}
