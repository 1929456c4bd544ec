/* The C library: lists and keys keep what they are given. */
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

struct session {
	LIST_ENTRY(session) all;
	int fd;
};

static LIST_HEAD(, session) sessions;
static pthread_key_t key;

int add(int fd)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return -1;
	session->fd = fd;
	LIST_INSERT_HEAD(&sessions, session, all);
	return 0;
}

int keep(void)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return -1;
	return pthread_setspecific(key, session);
}

int numbered(const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setenv("DOOR", name, 1) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* What it gives when it fails is below 0. */
int find(const char *host, struct sockaddr_storage *address)
{
	struct addrinfo *all = NULL;

	if (getaddrinfo(host, "80", NULL, &all) < 0)
		return -1;
	memcpy(address, all->ai_addr, all->ai_addrlen);
	freeaddrinfo(all);
	return 0;
}
