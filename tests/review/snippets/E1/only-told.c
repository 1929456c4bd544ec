// A failure of bind() that is told, and has no other consequence.
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

static void complain(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
}

static void print_and_leave(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

void wrong_datagrams(int fd, const struct sockaddr *at, socklen_t size)
{
	char text[512];

	if (bind(fd, at, size) < 0) // E1
		perror("bind");
	while (recv(fd, text, sizeof(text), 0) > 0)
		puts("one more");
}

int wrong_listener(int fd, const struct sockaddr *at, socklen_t size)
{
	int r = bind(fd, at, size); // E1

	if (r == -1) {
		syslog(LOG_ERR, "cannot bind: %s", strerror(errno));
	}
	if (listen(fd, 8) < 0)
		return -1;
	return accept(fd, NULL, NULL);
}

int wrong_else(int fd, const struct sockaddr *at, socklen_t size)
{
	if (bind(fd, at, size) != 0) // E1
		printf("cannot bind\n");
	else
		printf("bound\n");
	return listen(fd, 8);
}

int right_leaves(int fd, const struct sockaddr *at, socklen_t size)
{
	if (bind(fd, at, size) < 0) {
		perror("bind");
		return -1;
	}
	return listen(fd, 8);
}

int right_helper_leaves(int fd, const struct sockaddr *at, socklen_t size)
{
	if (bind(fd, at, size) < 0)
		print_and_leave("bind");
	return listen(fd, 8);
}

int right_remembers(int fd, const struct sockaddr *at, socklen_t size)
{
	bool bound = true;

	if (bind(fd, at, size) < 0) {
		complain("bind");
		bound = false;
	}
	return bound ? listen(fd, 8) : -1;
}

int right_other_way(int fd, const struct sockaddr *at, socklen_t size)
{
	if (bind(fd, at, size) < 0)
		perror("bind");
	else
		return listen(fd, 8);
	close(fd);
	return -1;
}

/* Which address it calls from is a wish. */
int right_client(int fd, const struct sockaddr *from, const struct sockaddr *to, socklen_t size)
{
	char c;

	if (bind(fd, from, size) < 0)
		perror("bind");
	if (connect(fd, to, size) < 0)
		return -1;
	return recv(fd, &c, 1, 0) == 1 ? c : -1;
}

/* It only sends. */
ssize_t right_sender(int fd, const struct sockaddr *from, const struct sockaddr *to, socklen_t size)
{
	if (bind(fd, from, size) < 0)
		perror("bind");
	return sendto(fd, "hello", 5, 0, to, size);
}

int right_next(int fd, const struct sockaddr *at, socklen_t size, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if (bind(fd, at + i, size) == 0)
			break;
		perror("bind");
	}
	return i < n ? listen(fd, 8) : -1;
}

int right_asks_why(int fd, const struct sockaddr *at, socklen_t size)
{
	if (bind(fd, at, size) < 0) {
		if (errno != EINVAL)
			return -1;
		perror("bind");
	}
	return listen(fd, 8);
}

int right_goes_to_the_end(int fd, const struct sockaddr *at, socklen_t size)
{
	if (bind(fd, at, size) < 0) {
		perror("bind");
		goto fail;
	}
	if (listen(fd, 8) < 0) {
		perror("listen");
		goto fail;
	}
	return 0;
fail:
	close(fd);
	return -1;
}

int right_success_remembers(int fd, const struct sockaddr *at, socklen_t size)
{
	bool bound = false;

	if (bind(fd, at, size) == 0)
		bound = true;
	else
		perror("bind");
	if (bound)
		return listen(fd, 8);
	return -1;
}

int right_asks_again(int fd, const struct sockaddr *at, socklen_t size)
{
	int status;

	if ((status = bind(fd, at, size)) < 0)
		printf("cannot bind: %s\n", strerror(errno));
	if (status) {
		close(fd);
		return -1;
	}
	return listen(fd, 8);
}

void frame_errorf(const char *format, ...);

int right_frame_ends(int fd, const struct sockaddr *at, socklen_t size)
{
	if (bind(fd, at, size) < 0)
		frame_errorf("cannot bind: %s", strerror(errno));
	return listen(fd, 8);
}
