/* Written in part, or not at all, and nobody notices. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct packet {
	int kind;
	char text[60];
};

struct client {
	int fd;
	struct client *next;
};

static int connected(const struct sockaddr *addr, socklen_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	signal(SIGPIPE, SIG_IGN);
	if (fd < 0)
		return -1;
	if (connect(fd, addr, size) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The number is thrown away. */
static int greet(const struct sockaddr *addr, socklen_t size, const char *name)
{
	int fd = connected(addr, size);

	if (fd < 0)
		return -1;
	write(fd, name, strlen(name)); // E3
	return fd;
}

/* Only asked whether it failed. */
static int send_block(int fd, const char *block, size_t n)
{
	if (send(fd, block, n, 0) < 0) // E3
		return -errno;
	return 0;
}

static int relay(int from, int to)
{
	char buf[4096];
	ssize_t n;

	while ((n = recv(from, buf, sizeof(buf), 0)) > 0) // W4
		if (send(to, buf, (size_t)n, 0) == -1) // E3
			return -1;
	return n < 0 ? -1 : 0;
}

/* To all in a list, the descriptors in members. */
static void tell_all(struct client *list, const struct packet *p)
{
	struct client *c;

	for (c = list; c; c = c->next)
		if (send(c->fd, p, sizeof(*p), 0) < 0) // E3
			shutdown(c->fd, SHUT_RDWR);
}

/* Old style. */
int send_packet(s, p)
	int s;
	struct packet *p;
{
	int r;

	r = send(s, p, sizeof(struct packet), 0); // E3
	if (r == -1)
		return 0;
	return 1;
}

static int both(int fd, struct iovec *iov)
{
	return writev(fd, iov, 2) < 0 ? -1 : 0; // E3
}

int run(const struct sockaddr *addr, socklen_t size, struct client *list, struct packet *p,
	struct iovec *iov)
{
	int fd = greet(addr, size, "me\n");
	int r = 0;

	if (fd < 0)
		return -1;
	tell_all(list, p);
	if (send_block(fd, p->text, sizeof(p->text)) < 0 || relay(fd, fd) < 0 || !send_packet(fd, p))
		r = -1;
	r |= both(fd, iov);
	close(fd);
	return r;
}
