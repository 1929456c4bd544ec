/* A clock that a thread serves over a local socket, and a client that asks it for the time. */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char server_path[] = "/run/user/1000/clock";
static volatile int stop;

static void set_path(struct sockaddr_un *addr, const char *path)
{
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	snprintf(addr->sun_path, sizeof(addr->sun_path), "%s", path);
}

static int send_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, text, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

static void tell_time(int peer)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;

	if (localtime_r(&now, &tm) && strftime(text, sizeof(text), "%F %T\n", &tm) > 0 &&
	    send_all(peer, text, strlen(text)) < 0)
		perror("send");
}

static void *server_thread(void *data)
{
	struct timeval limit = { .tv_sec = 1 };
	struct sockaddr_un addr;
	int server, peer;

	(void)data;
	server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server < 0)
		return NULL;
	set_path(&addr, server_path);
	if (bind(server, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		perror("bind");
		goto out;
	}
	if (listen(server, 8) < 0) {
		perror("listen");
		goto out_path;
	}
	while (!stop) {
		struct pollfd set = { .fd = server, .events = POLLIN };

		if (poll(&set, 1, 500) <= 0)
			continue;
		peer = accept4(server, NULL, NULL, SOCK_CLOEXEC);
		if (peer < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				usleep(100000);
			else if (errno != EINTR && errno != EAGAIN && errno != ECONNABORTED)
				break;
			continue;
		}
		if (setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0)
			tell_time(peer);
		close(peer);
	}
out_path:
	unlink(server_path);
out:
	close(server);
	return NULL;
}

static int connect_within(int fd, const struct sockaddr_un *addr, int attempts)
{
	for (int i = 0; i < attempts; i++) {
		if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
			return 0;
		usleep(100000);
	}
	return -1;
}

static int ask_time(const char *path, char *answer, size_t size)
{
	struct timeval limit = { .tv_sec = 1 };
	struct sockaddr_un addr;
	size_t have = 0;
	ssize_t n;
	int fd, r = -1;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	set_path(&addr, path);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		goto out;
	if (connect_within(fd, &addr, 10) < 0)
		goto out;
	/* To the end: the server closes when it has told the time. */
	while (have < size - 1) {
		n = read(fd, answer + have, size - 1 - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			goto out;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	answer[have] = '\0';
	r = 0;
out:
	close(fd);
	return r;
}

int main(void)
{
	char answer[64];
	pthread_t thread;

	if (pthread_create(&thread, NULL, server_thread, NULL) != 0)
		return 1;
	if (ask_time(server_path, answer, sizeof(answer)) == 0)
		fputs(answer, stdout);
	stop = 1;
	pthread_join(thread, NULL);
	return 0;
}
