#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int bad_at_once(const char *host)
{
	struct addrinfo *list;
	int rc = getaddrinfo(host, "80", NULL, &list), fd;

	if (rc) {
		fprintf(stderr, "%s\n", gai_strerror(rc));
		freeaddrinfo(list); // E2
		return -1;
	}
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	freeaddrinfo(list);
	return fd;
}

int bad_at_the_end(const char *host)
{
	struct addrinfo *list;
	int fd = -1;

	if (getaddrinfo(host, "80", NULL, &list) != 0)
		goto out;
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
out:
	freeaddrinfo(list); // E2
	return fd;
}

int good_set(const char *host)
{
	struct addrinfo *list = NULL;
	int fd = -1;

	if (getaddrinfo(host, "80", NULL, &list) != 0)
		goto out;
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
out:
	freeaddrinfo(list);
	return fd;
}

int good_apart(const char *host)
{
	struct addrinfo *list;
	int fd;

	if (getaddrinfo(host, "80", NULL, &list) != 0)
		return -1;
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	freeaddrinfo(list);
	return fd;
}

int good_below_zero(const char *host)
{
	struct addrinfo *list;
	int fd = -1;

	if (getaddrinfo(host, "80", NULL, &list) < 0)
		return -1;
	for (struct addrinfo *a = list; a; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0)
			break;
	}
	freeaddrinfo(list);
	return fd;
}
