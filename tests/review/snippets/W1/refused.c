#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* It ends for all errors but the one that a missing server gives. */
void bad_refused(int s, const struct sockaddr *to, socklen_t size)
{
	while (connect(s, to, size) == -1) { // W1
		if (errno != ECONNREFUSED) {
			perror("connect");
			exit(1);
		}
		sleep(1);
	}
}

void bad_forbidden(int s, const struct sockaddr *to, socklen_t size)
{
	while (connect(s, to, size) == -1) { // W1
		if (errno == EACCES)
			exit(1);
		sleep(1);
	}
}
