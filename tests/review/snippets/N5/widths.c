#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* What a type is called says how wide it is only where the name is one of a number. */
struct point {
	uint32_t x, size;
};

typedef struct {
	uint32_t size;
	uint32_t type;
} head_t;

struct print8 {
	uint32_t size;
};

typedef uint32_t my_size_t;

void *bad_point(int fd)
{
	struct point p;

	if (recv(fd, &p, sizeof(p), MSG_WAITALL) != sizeof(p))
		return NULL;
	return malloc(p.size); // N5
}

void *bad_unnamed(int fd)
{
	head_t head;

	if (recv(fd, &head, sizeof(head), MSG_WAITALL) != sizeof(head))
		return NULL;
	return malloc(head.size); // N5
}

void *bad_print8(int fd)
{
	struct print8 p;

	if (recv(fd, &p, sizeof(p), MSG_WAITALL) != sizeof(p))
		return NULL;
	return malloc(p.size); // N5
}

void *bad_own_name(int fd)
{
	my_size_t n;

	if (recv(fd, &n, sizeof(n), MSG_WAITALL) != sizeof(n))
		return NULL;
	return malloc(n); // N5
}

void *good_byte(int fd)
{
	unsigned char n;

	if (recv(fd, &n, sizeof(n), MSG_WAITALL) != sizeof(n))
		return NULL;
	return malloc(n);
}

void *good_u8(int fd)
{
	uint8_t n;

	if (recv(fd, &n, sizeof(n), MSG_WAITALL) != sizeof(n))
		return NULL;
	return malloc(n);
}
