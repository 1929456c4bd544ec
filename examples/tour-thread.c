/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tour-thread NAME WAY - a server on a thread, ended in one way, and what is left afterwards
 *
 * WAY is return, pthread_exit, cancel or hang: each is done 20 times, with a client connected, after a
 * first time that is not counted (the C library keeps some memory: a stack, the buffers of stdio).
 * Descriptors, bytes of memory in use and the name are compared with those before. `exit` ends the
 * process while the thread serves; the caller checks what is left then.
 *
 * It uses a waiting client, as the main thread has no loop.
 */
#include <postern.h>
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOON POSTERN_SECONDS(5)

enum { ROUNDS = 20 };

static const char *name;
static char path[4096];
static sem_t hangs, go_on;

/* ---- on the thread ---- */

static void order(struct postern_conn *c, const void *payload, size_t n, void *data)
{
	(void)data;
	if (n == 5 && !memcmp(payload, "leave", n))
		pthread_exit(NULL);
	if (n == 4 && !memcmp(payload, "hang", n)) {
		sem_post(&hangs);
		while (sem_wait(&go_on) < 0)
			;
	}
	if (postern_conn_write_frame(c, POSTERN_FRAMING_LINES, payload, n) < 0)
		postern_conn_abort(c);
}

static int serve(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	static const struct postern_conn_events conn = { .size = sizeof conn, .frame = order };
	static const struct postern_server_events events = { .size = sizeof events, .conn = &conn };
	const struct postern_conn_options lines = { .size = sizeof lines,
						    .framing = POSTERN_FRAMING_LINES };
	const struct postern_server_options options = { .size = sizeof options, .conn = &lines };
	struct postern_server *server;
	int r = postern_server_new(&server, loop, name, &options, &events, NULL);

	(void)t, (void)data;
	if (r < 0)
		fprintf(stderr, "tour-thread: %s\n", postern_why()->text);
	else
		snprintf(path, sizeof path, "%s", postern_server_path(server));
	return r;
}

/* ---- the ways out ---- */

static int by_return(struct postern_thread *t, struct postern_client *c)
{
	(void)c;
	return postern_thread_stop(t);
}

static int by_pthread_exit(struct postern_thread *t, struct postern_client *c)
{
	(void)t;
	return postern_client_write(c, "leave\n", 6, SOON);
}

static int by_cancel(struct postern_thread *t, struct postern_client *c)
{
	(void)c;
	return -pthread_cancel(postern_thread_id(t));
}

/* The callback hangs, so the join times out and reports the callback; then the callback continues. */
static int by_hang(struct postern_thread *t, struct postern_client *c)
{
	int r = postern_client_write(c, "hang\n", 5, SOON);

	if (r < 0)
		return r;
	while (sem_wait(&hangs) < 0)
		;
	r = postern_thread_stop(t);
	if (r == 0 && (postern_thread_join(t, POSTERN_MS(10)) != -ETIMEDOUT ||
		       strcmp(postern_thread_calling(t), "frame") != 0))
		r = -EPROTO;
	sem_post(&go_on);
	return r;
}

static int by_exit(struct postern_thread *t, struct postern_client *c)
{
	(void)t, (void)c;
	exit(0);
}

static const struct way {
	const char *name;
	int (*leave)(struct postern_thread *t, struct postern_client *c);
} ways[] = {
	{ "return", by_return }, { "pthread_exit", by_pthread_exit },
	{ "cancel", by_cancel }, { "hang", by_hang },
	{ "exit", by_exit },
};

static int round_of(const struct way *way)
{
	POSTERN_AUTO(thread) t = NULL;
	POSTERN_AUTO(client) c = NULL;
	char answer[8];
	int r = postern_thread_start(&t, NULL, serve, NULL);

	if (r == 0)
		r = postern_client_new(&c, name, NULL);
	if (r == 0)
		r = postern_client_write(c, "ping\n", 5, SOON);
	if (r == 0 && postern_client_read_line(c, answer, sizeof answer, SOON) != 4)
		r = -EPROTO;
	if (r == 0)
		r = way->leave(t, c);
	if (r == 0)
		r = postern_thread_join(t, SOON);
	/* The client must see the end too, and in time. */
	if (r == 0)
		r = postern_client_wait_end(c, SOON);
	if (r < 0)
		fprintf(stderr, "tour-thread: %s: %s; %s\n", way->name, strerror(-r),
			postern_why()->text);
	return r;
}

/* ---- accounting ---- */

struct account {
	size_t descriptors;
	size_t bytes;
};

static struct account account(void)
{
#if __GLIBC_PREREQ(2, 33)
	struct account a = { .bytes = mallinfo2().uordblks };
#else
	struct account a = { .bytes = (size_t)mallinfo().uordblks };
#endif
	DIR *d = opendir("/proc/self/fd");

	while (d && readdir(d))
		a.descriptors++;
	if (d)
		closedir(d);
	a.descriptors -= 3; /* ".", ".." and the directory's own descriptor */
	return a;
}

int main(int argc, char **argv)
{
	const struct way *way = ways;
	struct account before, after;
	size_t n = sizeof ways / sizeof *ways;
	int left = 0;

	if (argc != 3)
		return 64;
	while (n > 0 && strcmp(way->name, argv[2]) != 0)
		way++, n--;
	if (n == 0)
		return 64;
	name = argv[1];
	sem_init(&hangs, 0, 0);
	sem_init(&go_on, 0, 0);
	if (round_of(way) < 0)
		return 1;
	account();
	before = account();
	for (int i = 0; i < ROUNDS; i++) {
		if (round_of(way) < 0)
			return 1;
		left += access(path, F_OK) == 0;
	}
	after = account();
	printf("%d times: descriptors %zu before, %zu after; memory in use %zu B before, %zu B after; %d names left\n",
	       ROUNDS, before.descriptors, after.descriptors, before.bytes, after.bytes, left);
	return left > 0 || after.descriptors != before.descriptors || after.bytes > before.bytes;
}
