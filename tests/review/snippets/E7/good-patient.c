#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void serve(int fd)
{
	shutdown(fd, SHUT_WR);
	close(fd);
}

void pauses(int listener)
{
	while (!stop) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0) {
			perror("accept");
			usleep(100000);
			continue;
		}
		serve(fd);
	}
}

void told_apart(int listener)
{
	while (!stop) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE)
				sleep(1);
			else if (errno != EINTR && errno != ECONNABORTED)
				exit(1);
			continue;
		}
		serve(fd);
	}
}

/* A spare descriptor makes room. */
void spare(int listener)
{
	int fd, reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);

	while (!stop && reserve >= 0) {
		fd = accept(listener, NULL, NULL);
		if (fd < 0 && errno == EMFILE) {
			close(reserve);
			fd = accept(listener, NULL, NULL);
			if (fd >= 0)
				close(fd);
			reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
			continue;
		}
		if (fd >= 0)
			serve(fd);
	}
	if (reserve >= 0)
		close(reserve);
}

/* The listener is not watched for a while. */
void unwatched(int ep, int listener)
{
	while (!stop) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0) {
			if (epoll_ctl(ep, EPOLL_CTL_DEL, listener, NULL) < 0)
				exit(1);
			return;
		}
		serve(fd);
	}
}

/* One client, once. */
int single(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0) {
		perror("accept");
		exit(1);
	}
	serve(fd);
	return 0;
}

/* A few attempts, counted by the caller. */
int attempt(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		return -errno;
	serve(fd);
	return 0;
}

/* Somebody else decides. */
void asks(int listener, void (*failed)(int error))
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0) {
			failed(errno);
			continue;
		}
		serve(fd);
	}
}

/* Takes all who wait; the caller's loop has a timer besides. */
static int take_all(int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		serve(fd);
	return errno == EAGAIN ? 0 : -errno;
}

int until_failure(int listener)
{
	struct pollfd p = { listener, POLLIN, 0 };

	if (fcntl(listener, F_SETFL, O_NONBLOCK) < 0)
		return -1;
	while (poll(&p, 1, 1000) >= 0) {
		if (take_all(listener) < 0)
			sleep(1);
	}
	return 0;
}

static void accept_error(struct evconnlistener *listener, void *arg)
{
	(void)arg;
	fprintf(stderr, "got an error on the listener\n");
	evconnlistener_disable(listener);
}

int watch(struct evconnlistener *listener)
{
	if (!listener)
		return -1;
	evconnlistener_set_error_cb(listener, accept_error);
	return 0;
}

/* The listener is made for one connection. */
int good_one(const struct sockaddr *a, socklen_t n)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

	if (listener < 0)
		return -1;
	if (bind(listener, a, n) < 0 || listen(listener, 1) < 0) {
		close(listener);
		return -1;
	}
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		exit(1);
	close(listener);
	return fd;
}

int good_many(const struct sockaddr *a, socklen_t n)
{
	int sum = 0;

	for (int i = 0; i < 3; i++) {
		int fd = good_one(a, n);

		if (fd >= 0)
			close(fd);
		sum += fd >= 0;
	}
	return sum;
}
