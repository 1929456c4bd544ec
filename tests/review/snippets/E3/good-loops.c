#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct header {
	uint32_t magic;
	uint32_t kind;
};

int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

int read_all(int fd, void *to, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t r = recv(fd, (char *)to + have, n - have, 0);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return -1;
		have += (size_t)r;
	}
	return 0;
}

int read_header(int fd, struct header *h)
{
	return read_all(fd, h, sizeof(*h)) < 0 || h->magic != 0x1234 ? -1 : 0;
}

/* A short one is a failure here: not the best, but nothing is taken for whole. */
int all_or_nothing(int fd, const struct header *h)
{
	if (send(fd, h, sizeof(*h), MSG_NOSIGNAL) != (ssize_t)sizeof(*h))
		return -EIO;
	return 0;
}

int compared(int fd)
{
	struct header h;
	ssize_t n = recv(fd, &h, sizeof(h), 0);

	if (n < (ssize_t)sizeof(h))
		return -1;
	return h.kind == 1;
}

/* The caller looks at the number. */
ssize_t some(int fd, const char *p, size_t n)
{
	ssize_t w;

	do
		w = send(fd, p, n, MSG_NOSIGNAL);
	while (w < 0 && errno == EINTR);
	return w;
}

/* One byte is sent or not; a farewell does not matter. */
void bye(int fd)
{
	send(fd, "!", 1, MSG_NOSIGNAL);
	(void)send(fd, "bye\n", 4, MSG_NOSIGNAL);
}

/* Packets are whole. */
int packet(const struct sockaddr *addr, socklen_t size, const struct header *h)
{
	int r, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	r = connect(fd, addr, size);
	if (r == 0 && send(fd, h, sizeof(*h), MSG_NOSIGNAL) < 0)
		r = -1;
	close(fd);
	return r;
}

/* A file and a pipe are no connections. */
int to_file(const char *path, const struct header *h)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -1;
	r = write(fd, h, sizeof(*h)) < 0 ? -1 : 0;
	close(fd);
	return r;
}

static int wake[2];

int wake_up(void)
{
	if (pipe(wake) < 0)
		return -1;
	return write(wake[1], "wake", 4) < 0 ? -1 : 0;
}

/* Any part of a text is fine. */
int drain(int fd)
{
	char buf[512];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		continue;
	return n < 0 ? -1 : 0;
}

gboolean ask(GSocketConnection *connection, const char *question, GError **error)
{
	GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection));

	return g_output_stream_write_all(out, question, strlen(question), NULL, NULL, error);
}

/* What comes back does not matter, said in two ways; and a socket is filled until it is full. */
void fill(int fd, const char *block, size_t n)
{
	(void)!send(fd, block, n, MSG_NOSIGNAL);
	while (send(fd, block, n, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		continue;
}
