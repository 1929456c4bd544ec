#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
	struct client *next;
	int fd;
};

static struct client *clients;
static int table[64];

void serve(int fd);

static void *session(void *data)
{
	int fd = (int)(long)data;

	serve(fd);
	return NULL;
}

int by_thread(int listener)
{
	pthread_t thread;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return -1;
	if (pthread_create(&thread, NULL, session, (void *)(long)fd) != 0) {
		close(fd);
		return -1;
	}
	pthread_detach(thread);
	return 0;
}

int in_list(int listener)
{
	struct client *c;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -1;
	c = malloc(sizeof(*c));
	if (!c) {
		close(fd);
		return -1;
	}
	c->fd = fd;
	c->next = clients;
	clients = c;
	return 0;
}

int in_table(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -1;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (table[i] < 0) {
			table[i] = fd;
			return 0;
		}
	close(fd);
	return -EMFILE;
}

int in_epoll(int listener, int epfd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -1;
	event.data.fd = fd;
	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) < 0) {
		close(fd);
		return -1;
	}
	return 0;
}

int given_back(int listener)
{
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

int through_pointer(int listener, int *ret)
{
	*ret = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return *ret < 0 ? -errno : 0;
}

void to_unknown(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		serve(fd);
}

int one(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return -1;
	shutdown(fd, SHUT_RDWR);
	return close(fd);
}
