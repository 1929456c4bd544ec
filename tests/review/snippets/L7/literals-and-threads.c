#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int open_door(const char *at);

/* Advice: what may be a literal cannot be freed as it is. */
int may_be_literal(int n, char **words)
{
	char *at = "door";
	int c, door;

	while ((c = getopt(n, words, "d:")) != -1)
		if (c == 'd')
			at = strdup(optarg); // L7
	door = open_door(at);
	return door < 0 || bind(door, NULL, 0) < 0 ? -1 : door;
}

int bad_always_own(int n, char **words)
{
	char *at = NULL;
	int c, door;

	while ((c = getopt(n, words, "d:")) != -1)
		if (c == 'd')
			at = strdup(optarg); // L7
	door = open_door(at);
	return door < 0 || bind(door, NULL, 0) < 0 ? -1 : door;
}

static void *alone(void *data)
{
	pthread_detach(pthread_self());
	return data;
}

static void *joined(void *data)
{
	return data;
}

void good_detaches(void *data)
{
	pthread_t t;

	pthread_create(&t, NULL, alone, data);
}

void bad_stays(void *data)
{
	pthread_t t;

	pthread_create(&t, NULL, joined, data); // L7
}
