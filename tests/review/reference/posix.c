/* A clock that a thread serves over a local socket, and a client that asks it for the time. */

#include <errno.h>
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

static void tell_time(int peer)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;

	if (localtime_r(&now, &tm) && strftime(text, sizeof(text), "%F %T\n", &tm) > 0)
		send(peer, text, strlen(text), MSG_NOSIGNAL);
}

static void *server_thread(void *data)
{
	struct sockaddr_un addr;
	int server, peer;

	(void)data;
	server = socket(AF_UNIX, SOCK_STREAM, 0);
	if (server < 0)
		return NULL;
	set_path(&addr, server_path);
	if (bind(server, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		perror("bind");
		return NULL;
	}
	listen(server, 8);
	while (!stop) {
		peer = accept(server, NULL, NULL);
		if (peer < 0)
			break;
		tell_time(peer);
		close(peer);
	}
	unlink(server_path);
	close(server);
	return NULL;
}

static int ask_time(const char *path, char *answer, size_t size)
{
	struct sockaddr_un addr;
	ssize_t n;
	int fd;

	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return -1;
	set_path(&addr, path);
	while (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		sleep(1);
	n = read(fd, answer, size - 1);
	if (n >= 0)
		answer[n] = '\0';
	close(fd);
	return n < 0 ? -1 : 0;
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
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	return 0;
}
