/* SPDX-License-Identifier: Apache-2.0 */
/*
 * single-instance NAME [FILE]... - one instance of a program; later starts hand their files to it
 *
 * The first one owns NAME. A later one finds it in use, sends its files to the owner, waits for "ok" and
 * ends. Both can lose a race: two start at once (one gets the name, the other hands over), or the owner ends
 * while files are handed over (the sender gets no answer and tries to become the owner). All of this within 5 s.
 * A file is sent as a NUL-terminated string. A real program would send its working directory too.
 */
#include <errno.h>
#include <postern.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void stop(struct postern_signal *s, int sig, void *loop)
{
	(void)s, (void)sig;
	postern_loop_stop((struct postern_loop *)loop);
}

static void open_file(const char *file)
{
	printf("open %s\n", file);
	fflush(stdout);
}

/* Takes one whole string; an incomplete one is left, and offered again with more bytes. */
static size_t received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	const char *end = (const char *)memchr(bytes, 0, n);

	(void)c, (void)data;
	if (!end)
		return 0;
	open_file((const char *)bytes);
	return (size_t)(end - (const char *)bytes) + 1;
}

static void ended(struct postern_conn *c, void *data)
{
	(void)data;
	if (postern_conn_write(c, "ok", 2) == 2)
		postern_conn_close(c);
	else
		postern_conn_abort(c);
}

struct handover {
	struct postern_loop *loop;
	int answered;
};

static size_t answer(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct handover *h = (struct handover *)data;

	(void)c;
	h->answered = n >= 2 && memcmp(bytes, "ok", 2) == 0;
	return h->answered ? n : 0;
}

static void closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	(void)c, (void)why;
	postern_loop_stop(((struct handover *)data)->loop);
}

static void too_late(struct postern_timer *t, void *loop)
{
	(void)t;
	postern_loop_stop((struct postern_loop *)loop);
}

/* 1: the owner has all files; 0: it went away, or does not answer. */
static int hand_over(struct postern_loop *loop, const char *name, char **files, int64_t left_ns)
{
	static const struct postern_conn_events events = { .size = sizeof events,
							   .received = answer,
							   .closed = closed };
	/* A short deadline: if the owner has gone, the name is free. */
	const struct postern_connect_options options = { .size = sizeof options,
							 .deadline_ns = POSTERN_MS(200) };
	POSTERN_AUTO(timer) timer = NULL;
	POSTERN_AUTO(conn) c = NULL;
	struct handover h = { .loop = loop };

	if (postern_timer_new(&timer, loop, too_late, loop) < 0 ||
	    postern_timer_set(timer, left_ns) < 0 ||
	    postern_connect(&c, loop, name, &options, &events, &h) < 0)
		return 0;
	for (; *files; files++)
		if (postern_conn_write(c, *files, strlen(*files) + 1) < (ssize_t)strlen(*files) + 1)
			return 0;
	if (postern_conn_shutdown(c) < 0 || postern_loop_run(loop) < 0)
		return 0;
	return h.answered;
}

int main(int argc, char **argv)
{
	static const struct postern_conn_events conn = { .size = sizeof conn,
							 .received = received,
							 .ended = ended };
	static const struct postern_server_events events = { .size = sizeof events, .conn = &conn };
	const int64_t deadline_ns = postern_now() + POSTERN_SECONDS(5);
	POSTERN_AUTO(server) server = NULL;
	POSTERN_AUTO(signal) interrupt = NULL;
	POSTERN_AUTO(signal) terminate = NULL;
	POSTERN_AUTO(loop) loop = NULL;
	int r;

	if (argc < 2 || postern_loop_new(&loop) < 0)
		return 64;
	while ((r = postern_server_new(&server, loop, argv[1], NULL, &events, NULL)) ==
	       -EADDRINUSE) {
		if (hand_over(loop, argv[1], argv + 2, deadline_ns - postern_now()))
			return 0;
		if (postern_now() < deadline_ns)
			continue;
		fprintf(stderr, "single-instance: the running instance does not answer\n");
		return 1;
	}
	if (r < 0) {
		fprintf(stderr, "single-instance: %s\n", postern_why()->text);
		return 1;
	}
	for (int i = 2; i < argc; i++)
		open_file(argv[i]);
	if (postern_signal_new(&interrupt, loop, SIGINT, stop, loop) < 0 ||
	    postern_signal_new(&terminate, loop, SIGTERM, stop, loop) < 0)
		return 1;
	fprintf(stderr, "single-instance: listening at %s\n", postern_server_path(server));
	return postern_loop_run(loop) < 0;
}
