#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t asked;

static void on_end(int n)
{
	asked = n;
}

int main(void)
{
	struct sigaction end = { .sa_handler = on_end };
	struct pollfd p = { .fd = 3, .events = POLLIN };

	sigaction(SIGTERM, &end, NULL);
	while (!asked) {
		if (poll(&p, 1, 1000) < 0) { // E4
			perror("poll");
			exit(1);
		}
	}
	unlink("door");
	return 0;
}
