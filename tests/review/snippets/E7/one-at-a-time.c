#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Each is closed before the next one is accepted: clients take one descriptor, however many there are. Advice. */
void advice_one_after_the_other(int listener)
{
	char buf[100];

	for (;;) {
		int fd = accept(listener, NULL, NULL); // E7
		ssize_t n;

		if (fd < 0) {
			perror("accept");
			exit(1);
		}
		while ((n = read(fd, buf, sizeof(buf))) > 0)
			fwrite(buf, 1, (size_t)n, stdout);
		close(fd);
	}
}

static void *serve(void *data)
{
	int fd = *(int *)data;
	char c;

	free(data);
	while (read(fd, &c, 1) > 0)
		putchar(c);
	close(fd);
	return NULL;
}

void one_for_each(int listener)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL); // E7
		pthread_t thread;
		int *given;

		if (fd < 0) {
			perror("accept");
			exit(1);
		}
		given = malloc(sizeof(*given));
		if (!given) {
			close(fd);
			continue;
		}
		*given = fd;
		if (pthread_create(&thread, NULL, serve, given) != 0) {
			free(given);
			close(fd);
			continue;
		}
		pthread_detach(thread);
	}
}
