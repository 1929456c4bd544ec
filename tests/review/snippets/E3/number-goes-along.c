#include <stdlib.h>
#include <sys/socket.h>

struct parcel {
	unsigned char bytes[128];
	ssize_t n;
};

struct bare {
	unsigned char bytes[128];
};

struct parcel good_parcel(int fd)
{
	struct parcel p;

	p.n = recv(fd, p.bytes, sizeof(p.bytes), 0);
	if (p.n < 0)
		exit(1);
	return p;
}

struct bare bad_bare(int fd)
{
	struct bare b;

	if (recv(fd, b.bytes, sizeof(b.bytes), 0) < 0) // E3
		exit(1);
	return b;
}

int good_record(int fd, const void *p, size_t n)
{
	return send(fd, p, n, MSG_EOR | MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int bad_bytes(int fd, const void *p, size_t n)
{
	return send(fd, p, n, MSG_NOSIGNAL) < 0 ? -1 : 0; // E3
}
