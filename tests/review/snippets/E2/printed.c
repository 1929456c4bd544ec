#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

void *serve(void *connection);

int run(int listener)
{
	for (;;) {
		pthread_t thread;
		long connection = accept(listener, NULL, NULL);

		fprintf(stderr, "accepted %ld\n", connection);
		if (pthread_create(&thread, NULL, serve, (void *)connection)) { // E2
			close((int)connection);
			return -1;
		}
		pthread_detach(thread);
	}
}
