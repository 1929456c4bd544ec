#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
	char *body;
	int fd;
	struct request *next;
};

static struct request *requests;
static pthread_t threads[4];

static void *work(void *data)
{
	free(data);
	return NULL;
}

static void request_free(struct request *r)
{
	if (!r)
		return;
	free(r->body);
	free(r);
}

int resolve(const char *host, const char *port)
{
	struct addrinfo *list = NULL;
	int fd = -1, r;

	r = getaddrinfo(host, port, NULL, &list);
	if (r != 0) {
		fprintf(stderr, "%s: %s\n", host, gai_strerror(r));
		return -1;
	}
	for (struct addrinfo *i = list; i && fd < 0; i = i->ai_next)
		fd = socket(i->ai_family, i->ai_socktype | SOCK_CLOEXEC, i->ai_protocol);
	freeaddrinfo(list);
	return fd;
}

int detached(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, work, NULL) != 0)
		return -1;
	pthread_detach(thread);
	return 0;
}

int joined(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, work, NULL) != 0)
		return -1;
	return pthread_join(thread, NULL);
}

int from_the_start(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (pthread_attr_init(&attr) != 0)
		return -1;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, work, NULL);
	pthread_attr_destroy(&attr);
	return r;
}

int in_table(void)
{
	for (int i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			return -1;
	return 0;
}

int given_to_thread(int fd)
{
	struct request *r = calloc(1, sizeof(*r));
	pthread_t thread;

	if (!r)
		return -1;
	r->fd = fd;
	if (pthread_create(&thread, NULL, work, r) != 0) {
		free(r);
		return -1;
	}
	pthread_detach(thread);
	return 0;
}

int linked(int fd, const char *body)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return -1;
	r->fd = fd;
	r->body = strdup(body);
	if (!r->body) {
		request_free(r);
		return -1;
	}
	r->next = requests;
	requests = r;
	return shutdown(fd, SHUT_RD);
}

char *returned(int fd)
{
	char *name = malloc(32);

	if (!name)
		return NULL;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2) < 0) {
		free(name);
		return NULL;
	}
	strcpy(name, "lo");
	return name;
}

int grown(struct request *r, size_t size)
{
	char *body = realloc(r->body, size);

	if (!body)
		return -1;
	r->body = body;
	return shutdown(r->fd, SHUT_RD);
}
