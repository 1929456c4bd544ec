// What does not wait is not interrupted: kevent() without room, and a socket that a helper made non-blocking.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <unistd.h>

static void reload(int sig) { (void)sig; }

void on_hup(void)
{
	struct sigaction sa = { .sa_handler = reload };

	sigaction(SIGHUP, &sa, NULL);
}

int forget(int queue, int fd)
{
	struct kevent changes[2];

	EV_SET(&changes[0], fd, EVFILT_READ, EV_DELETE, 0, 0, NULL);
	EV_SET(&changes[1], fd, EVFILT_WRITE, EV_DELETE, 0, 0, NULL);
	for (int i = 0; i < 2; i++)
		if (kevent(queue, &changes[i], 1, NULL, 0, NULL) < 0 && errno != ENOENT)
			return -1;
	return 0;
}

int wait_once(int queue)
{
	struct kevent events[8];
	int n;

	for (;;) {
		n = kevent(queue, NULL, 0, events, 8, NULL); // E4
		if (n < 0)
			_exit(1);
		if (n > 0)
			return (int)events[0].ident;
	}
}

struct feed {
	int sock;
};

static int unblock(int fd)
{
	int flags = fcntl(fd, F_GETFL, 0);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Its parameter decides the name alone. */
static int join(int second)
{
	const char *name = second ? "second" : "first";
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	if (unblock(fd) < 0) {
		close(fd);
		return -1;
	}
	puts(name);
	return fd;
}

int feed_open(struct feed *feed)
{
	feed->sock = join(1);
	return feed->sock;
}

void feed_drain(struct feed *feed, void (*use)(const char *, long))
{
	char buffer[2048];

	for (;;) {
		long n = recv(feed->sock, buffer, sizeof(buffer), 0);

		if (n <= 0)
			break;
		use(buffer, n);
	}
}
