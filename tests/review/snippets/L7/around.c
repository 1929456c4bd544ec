#include <dirent.h>
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
};

static void *work(void *data)
{
	return data;
}

int resolve(const char *host, const char *port)
{
	struct addrinfo *list;
	int fd;

	if (getaddrinfo(host, port, NULL, &list) != 0)
		return -1;
	fd = socket(list->ai_family, list->ai_socktype | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1; // L7
	freeaddrinfo(list);
	return fd;
}

int resolve_all(const char *host)
{
	struct addrinfo *list; // one too many
	int n = 0;

	if (getaddrinfo(host, NULL, NULL, &list) != 0) // L7
		return -1;
	for (struct addrinfo *i = list; i; i = i->ai_next)
		n++;
	return n;
}

int never_joined(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, work, NULL) != 0) // L7
		return -1;
	return 0;
}

int buffer(size_t size, const struct sockaddr *addr, socklen_t length)
{
	char *buf = malloc(size);
	int fd;

	if (!buf)
		return -1;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1; // L7
	if (bind(fd, addr, length) < 0)
		goto fail;
	free(buf);
	return fd;
fail:
	free(buf);
	close(fd);
	return -1;
}

int copy_of_name(const char *name, int *ret)
{
	char *copy = strdup(name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!copy || fd < 0) {
		if (fd >= 0)
			close(fd);
		return -1; // L7
	}
	printf("%s\n", copy);
	free(copy);
	*ret = fd;
	return 0;
}

int request(int fd, const struct sockaddr *addr, socklen_t size)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return -1;
	r->fd = fd;
	if (bind(r->fd, addr, size) < 0)
		return -errno; // L7
	free(r);
	return 0;
}

int folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir)
		return -1;
	e = readdir(dir);
	if (!e)
		return -1; // L7
	printf("%s\n", e->d_name);
	closedir(dir);
	return 0;
}

int output(const char *command)
{
	FILE *out = popen("true", "re");
	char line[8];

	(void)command;
	if (!out)
		return -1;
	if (!fgets(line, sizeof(line), out))
		return -1; // L7
	return pclose(out);
}

#ifdef OLD
int old_style(host)
	char *host;
{
	struct addrinfo *list;
	int s;

	if (getaddrinfo(host, "http", NULL, &list))
		return (-1);
	if ((s = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return (-1); // L7
	freeaddrinfo(list);
	return (s);
}
#endif
