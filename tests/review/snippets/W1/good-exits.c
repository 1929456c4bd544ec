#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

void counted(int s, const struct sockaddr *to, socklen_t size)
{
	int n = 0;

	while (connect(s, to, size) < 0) {
		if (++n > 5) {
			perror("connect");
			exit(1);
		}
		sleep(1);
	}
}

void each_address(int s, const struct addrinfo *at)
{
	while (connect(s, at->ai_addr, at->ai_addrlen) == -1) {
		if (at->ai_next == NULL) {
			fprintf(stderr, "no address answers\n");
			exit(1);
		}
		at = at->ai_next;
	}
}

/* A server that is gone refuses, and then this ends. */
void only_when_slow(int s, const struct sockaddr *to, socklen_t size)
{
	while (connect(s, to, size) == -1) {
		if (errno != ETIMEDOUT) {
			perror("connect");
			exit(1);
		}
	}
}

void until_refused(int s, const struct sockaddr *to, socklen_t size)
{
	while (connect(s, to, size) == -1) {
		if (errno == ECONNREFUSED)
			return;
		sleep(1);
	}
}
