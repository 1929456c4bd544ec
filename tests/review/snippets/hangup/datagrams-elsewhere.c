/* Datagrams have no end: the socket is made in another function, or by a library. */
#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>

int queue_fd(void *queue);
void take(const char *bytes, size_t n);

static void *good_datagrams(void *arg)
{
	int *fd = arg;
	char packet[2000];

	for (;;) {
		ssize_t n = recv(*fd, packet, sizeof(packet), 0);

		if (n > 0)
			take(packet, n);
	}
	return NULL;
}

static void *bad_stream(void *arg)
{
	int *fd = arg;
	char packet[2000];

	for (;;) { // W1
		ssize_t n = recv(*fd, packet, sizeof(packet), 0);

		if (n > 0)
			take(packet, n);
	}
	return NULL;
}

static int datagrams = -1, stream = -1;

int begin(pthread_t ids[2], const struct sockaddr_in *to)
{
	datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (datagrams < 0 || stream < 0 ||
	    connect(stream, (const struct sockaddr *)to, sizeof(*to)) < 0)
		return -1;
	if (pthread_create(&ids[0], NULL, good_datagrams, &datagrams) != 0)
		return -1;
	return pthread_create(&ids[1], NULL, bad_stream, &stream) != 0 ? -1 : 0;
}

void good_queue(void *queue)
{
	int fd = queue_fd(queue);
	char packet[2000];

	for (;;) {
		ssize_t n = recv(fd, packet, sizeof(packet), 0);

		if (n > 0)
			take(packet, n);
	}
}
