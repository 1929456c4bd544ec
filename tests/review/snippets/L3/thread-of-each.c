// Each accepted connection gets a thread, which is its owner then.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void answer(int fd)
{
	char text[64];
	ssize_t n = recv(fd, text, sizeof(text), 0);

	if (n > 0 && send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		puts("cut");
}

static void finish(int fd)
{
	answer(fd);
	close(fd);
}

static void *wrong_serve(void *p) // L3
{
	int fd = *(int *)p;

	answer(fd);
	puts("served");
	return NULL;
}

static void *wrong_by_value(void *p) // L3
{
	int fd = (int)(intptr_t)p;

	answer(fd);
	shutdown(fd, SHUT_RDWR);
	return NULL;
}

static void *wrong_from_heap(void *p) // L3
{
	int fd = *(int *)p;

	free(p);
	answer(fd);
	return NULL;
}

static void *right_closes(void *p)
{
	int fd = *(int *)p;

	answer(fd);
	close(fd);
	return NULL;
}

static void *right_helper(void *p)
{
	int fd = (int)(intptr_t)p;

	finish(fd);
	return NULL;
}

static void *right_stream(void *p)
{
	int fd = (int)(intptr_t)p;
	FILE *file = fdopen(fd, "r+");

	if (!file) {
		close(fd);
		return NULL;
	}
	fputs("hello\n", file);
	fclose(file);
	return NULL;
}

/* Whoever started it waits for its end. */
static void *right_joined(void *p)
{
	int fd = *(int *)p;

	answer(fd);
	return NULL;
}

static void *right_for_ever(void *p)
{
	int fd = (int)(intptr_t)p;

	for (;;) // W1
		answer(fd);
	return NULL;
}

void starts_by_address(int door)
{
	pthread_t id;

	for (;;) {
		int fd = accept(door, NULL, NULL); // E7

		if (fd < 0)
			continue;
		if (pthread_create(&id, NULL, wrong_serve, &fd) != 0)
			close(fd);
		else
			pthread_detach(id);
	}
}

void starts_by_value(int door)
{
	pthread_t id;

	for (;;) {
		int fd = accept(door, NULL, NULL); // E7

		if (fd < 0)
			continue;
		if (pthread_create(&id, NULL, wrong_by_value, (void *)(intptr_t)fd) != 0)
			close(fd);
		else
			pthread_detach(id);
	}
}

void starts_from_heap(int door)
{
	pthread_t id;

	for (;;) {
		int *p = malloc(sizeof(*p));

		if (!p)
			return;
		*p = accept(door, NULL, NULL); // E7
		if (*p < 0 || pthread_create(&id, NULL, wrong_from_heap, p) != 0) {
			free(p);
			continue;
		}
		pthread_detach(id);
	}
}

static void start(int door, void *(*serve)(void *))
{
	pthread_t id;
	int fd;

	while ((fd = accept(door, NULL, NULL)) >= 0) // E7
		if (pthread_create(&id, NULL, serve, (void *)(intptr_t)fd) != 0)
			close(fd);
		else
			pthread_detach(id);
}

void starts_right(int door)
{
	pthread_t id;
	int fd;

	start(door, right_helper);
	start(door, right_stream);
	while ((fd = accept(door, NULL, NULL)) >= 0) {
		if (pthread_create(&id, NULL, right_closes, &fd) != 0)
			close(fd);
		else
			pthread_join(id, NULL);
	}
	while ((fd = accept(door, NULL, NULL)) >= 0) { // E7
		if (pthread_create(&id, NULL, right_joined, &fd) == 0)
			pthread_join(id, NULL);
		close(fd);
	}
	while ((fd = accept(door, NULL, NULL)) >= 0) { // E7
		if (pthread_create(&id, NULL, right_for_ever, (void *)(intptr_t)fd) != 0)
			close(fd);
		else
			pthread_detach(id);
	}
}
