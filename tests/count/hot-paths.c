/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each hot path costs: a line for each, as hot-paths.txt has them, which test-hot-paths.py compares. The other end
 * of each is a plain socket of the same process, and not counted.
 *
 * Behind the name: how many messages that is, then what they all cost together: instructions, calls out, system calls.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <postern.h>
#include <postern/caller.h>
#include <postern/conn.h>
#include <postern/frame.h>
#include <postern/server.h>
#include <postern/service.h>

#include "count.h"
#include "org.example.bench.h"

enum { SIZE = 64, BATCH = 32, CALLS = 4 };

/* Never returns when r is an error: the child ends, and its parent says which path that was. */
static void need(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "hot-paths: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

struct end {
	struct postern_loop *loop;
	struct postern_server *server;
	struct postern_service *service;
	struct postern_caller *caller;
	struct postern_conn *conn;
	char path[sizeof((struct sockaddr_un *)0)->sun_path];
	int listener, fd; /* the plain end */
	unsigned batch;   /* messages a round */
	unsigned done;
	ssize_t (*send)(struct postern_conn *c, const char *message);
	char message[SIZE];
	char buffer[1 << 18];
};

static struct end *end_new(void *directory, unsigned batch)
{
	static struct end e;

	e = (struct end){ .listener = -1, .fd = -1, .batch = batch };
	snprintf(e.path, sizeof e.path, "%s/path", (const char *)directory);
	memset(e.message, 'm', sizeof e.message);
	need(postern_loop_new(&e.loop), "postern_loop_new");
	return &e;
}

static void end_turn(struct end *e)
{
	need(postern_loop_dispatch(e->loop, 0), "postern_loop_dispatch");
}

static void end_turns(struct end *e)
{
	for (int i = 0; i < 10; i++)
		end_turn(e);
}

static int end_socket(struct end *e, int (*fn)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(fd, "socket");
	memcpy(address.sun_path, e->path, sizeof address.sun_path);
	need(fn(fd, (const struct sockaddr *)&address, sizeof address), e->path);
	return fd;
}

static void end_listen(struct end *e)
{
	unlink(e->path);
	e->listener = end_socket(e, bind);
	need(listen(e->listener, 4), "listen");
}

static void end_accept(struct end *e)
{
	end_turns(e);
	e->fd = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC);
	need(e->fd, "accept4");
	end_turns(e);
}

static void end_put(struct end *e, const void *bytes, size_t n)
{
	need(send(e->fd, bytes, n, MSG_DONTWAIT) == (ssize_t)n ? 0 : -1, "send");
}

static void end_get(struct end *e, size_t n)
{
	need(recv(e->fd, e->buffer, n, MSG_WAITALL | MSG_DONTWAIT) == (ssize_t)n ? 0 : -1, "recv");
}

/* Rounds that warm up, and those that are counted. */
static void end_rounds(struct end *e, const void *put, size_t n_put, size_t n_get)
{
	for (int i = 0; i < COUNT_ROUNDS + 5; i++) {
		end_put(e, put, n_put);
		if (i >= 5)
			count_mark();
		end_turn(e);
		if (i >= 5)
			count_mark();
		if (n_get > 0)
			end_get(e, n_get);
	}
}

/* ---- bytes ---- */

static ssize_t send_write(struct postern_conn *c, const char *message)
{
	return postern_conn_write(c, message, SIZE);
}

static ssize_t send_frame(struct postern_conn *c, const char *message)
{
	return postern_conn_write_frame(c, POSTERN_FRAMING_U32LE, message, SIZE);
}

static ssize_t send_reserved(struct postern_conn *c, const char *message)
{
	void *at;

	if (postern_conn_reserve(c, 0, SIZE, &at) < SIZE)
		return -1;
	memcpy(at, message, SIZE);
	return postern_conn_commit(c, SIZE) < 0 ? -1 : SIZE;
}

static ssize_t send_reserved_frame(struct postern_conn *c, const char *message)
{
	void *at;

	if (postern_conn_reserve(c, POSTERN_FRAMING_U32LE, SIZE, &at) < SIZE)
		return -1;
	memcpy(at, message, SIZE);
	return postern_conn_commit(c, SIZE) < 0 ? -1 : SIZE;
}

static size_t on_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct end *e = data;

	(void)bytes;
	for (unsigned i = 0; e->send && i < e->batch; i++)
		if (e->send(c, e->message) < SIZE)
			need(-1, "a write");
	return n;
}

static void on_frame(struct postern_conn *c, const void *payload, size_t n, void *data)
{
	(void)c, (void)payload;
	((struct end *)data)->done += n == SIZE;
}

static const struct postern_conn_events bytes_events = { .size = sizeof bytes_events,
							 .received = on_received,
							 .frame = on_frame };

static void serve(struct end *e, uint32_t framing)
{
	const struct postern_server_events events = { .size = sizeof events,
						      .conn = &bytes_events };
	struct postern_conn_options conn = { .size = sizeof conn, .framing = framing };
	struct postern_server_options o = { .size = sizeof o, .conn = &conn };

	need(postern_server_new(&e->server, e->loop, e->path, &o, &events, e), e->path);
	e->fd = end_socket(e, connect);
	end_turns(e);
}

static void trip_served(void *directory)
{
	struct end *e = end_new(directory, 1);

	e->send = send_write;
	serve(e, 0);
	end_rounds(e, e->message, SIZE, SIZE);
}

static void trip_connected(void *directory)
{
	struct end *e = end_new(directory, 1);

	e->send = send_write;
	end_listen(e);
	need(postern_connect(&e->conn, e->loop, e->path, NULL, &bytes_events, e), e->path);
	end_accept(e);
	end_rounds(e, e->message, SIZE, SIZE);
}

static void one_way(void *directory, ssize_t (*send)(struct postern_conn *c, const char *message),
		    size_t head)
{
	struct end *e = end_new(directory, BATCH);

	e->send = send;
	serve(e, 0);
	end_rounds(e, "x", 1, BATCH * (SIZE + head));
}

static void one_way_write(void *directory)
{
	one_way(directory, send_write, 0);
}

static void one_way_frame(void *directory)
{
	one_way(directory, send_frame, 4);
}

static void one_way_reserve(void *directory)
{
	one_way(directory, send_reserved, 0);
}

static void one_way_reserve_frame(void *directory)
{
	one_way(directory, send_reserved_frame, 4);
}

static void one_way_received(void *directory)
{
	struct end *e = end_new(directory, BATCH);

	serve(e, POSTERN_FRAMING_U32LE);
	for (unsigned i = 0; i < BATCH; i++) {
		memcpy(e->buffer + i * (4 + SIZE), (const char[]){ SIZE, 0, 0, 0 }, 4);
		memcpy(e->buffer + i * (4 + SIZE) + 4, e->message, SIZE);
	}
	end_rounds(e, e->buffer, (size_t)BATCH * (4 + SIZE), 0);
	if (e->done != (COUNT_ROUNDS + 5) * BATCH)
		need(-1, "frames");
}

/* ---- calls ---- */

#define CALL \
	"{\"method\":\"org.example.bench.Echo\",\"parameters\":{\"id\":1000,\"text\":\"hello, who are you?\"}}"
#define ANSWER "{\"parameters\":{\"id\":1000,\"text\":\"hello, who are you?\"}}"

static void on_echo(struct postern_request *r, const struct bench_Echo_in *in, void *data)
{
	(void)data;
	need(bench_reply_Echo(r, &(struct bench_Echo_out){ .id = in->id, .text = in->text }),
	     "bench_reply_Echo");
}

static void call_served(void *directory)
{
	static const struct bench_methods methods = { .Echo = on_echo };
	struct end *e = end_new(directory, 1);

	need(postern_service_new(&e->service, e->loop, e->path, NULL, NULL, e), e->path);
	need(bench_provide(e->service, &methods, e), "bench_provide");
	e->fd = end_socket(e, connect);
	end_turns(e);
	end_rounds(e, CALL, sizeof CALL, sizeof ANSWER);
}

static void call_again(struct end *e);

static void on_answer(struct postern_call *call, const struct postern_answer *answer,
		      const struct bench_Echo_out *out, void *data)
{
	(void)call;
	if (answer->end != POSTERN_END_ANSWERED || out->id != 1000)
		need(-1, "an answer");
	call_again(data);
}

static void call_again(struct end *e)
{
	const struct bench_Echo_in in = { .id = 1000, .text = "hello, who are you?" };

	need(bench_Echo_call(NULL, e->caller, &in, POSTERN_SECONDS(60), on_answer, e),
	     "bench_Echo_call");
}

/* As many calls wait for their answers as there are in a batch. */
static void call_calling(void *directory, unsigned batch)
{
	static char answers[CALLS * sizeof ANSWER];
	struct end *e = end_new(directory, batch);

	end_listen(e);
	need(postern_caller_new(&e->caller, e->loop, e->path, NULL), e->path);
	for (unsigned i = 0; i < batch; i++) {
		memcpy(answers + i * sizeof ANSWER, ANSWER, sizeof ANSWER);
		call_again(e);
	}
	end_accept(e);
	end_get(e, batch * sizeof CALL);
	end_rounds(e, answers, batch * sizeof ANSWER, batch * sizeof CALL);
}

static void call_called(void *directory)
{
	call_calling(directory, 1);
}

static void call_pipelined(void *directory)
{
	call_calling(directory, CALLS);
}

/* ---- all of them ---- */

static const struct path {
	const char *name;
	void (*work)(void *directory);
	unsigned each; /* messages in a round */
} paths[] = {
	{ "round-trip-server", trip_served, 1 },
	{ "round-trip-client", trip_connected, 1 },
	{ "one-way-write", one_way_write, BATCH },
	{ "one-way-frame", one_way_frame, BATCH },
	{ "one-way-reserve", one_way_reserve, BATCH },
	{ "one-way-reserve-frame", one_way_reserve_frame, BATCH },
	{ "one-way-received", one_way_received, BATCH },
	{ "call-service", call_served, 1 },
	{ "call-caller", call_called, 1 },
	{ "call-pipelined", call_pipelined, CALLS },
};

static void nothing(void *directory)
{
	(void)directory;
	for (int i = 0; i < 2 * COUNT_ROUNDS; i++)
		count_mark();
}

static int run(void (*work)(void *directory), const char *name, char *directory, struct count *ret)
{
	char path[200];
	int r = count_work(work, directory, ret);

	snprintf(path, sizeof path, "%s/path", directory);
	unlink(path);
	if (r < 0)
		fprintf(stderr, "hot-paths: %s: failed\n", name);
	return r;
}

static void print_places(void)
{
	const struct count_place *places;
	size_t n = count_places(&places);

	for (size_t i = 0; i < n; i++)
		printf("at %#zx %llu\n", (size_t)places[i].at, (unsigned long long)places[i].n);
}

/* Without arguments all of them; with a name that one, and the places where it spends its instructions. */
int main(int argc, char **argv)
{
	char directory[] = "/tmp/postern-count-XXXXXX";
	struct count empty, k;
	int r;

	if (!mkdtemp(directory))
		return EXIT_FAILURE;
	printf("compiler gcc-%d x86_64\n", __GNUC__);
	if (argc > 1)
		count_profile();
	r = run(nothing, "nothing", directory, &empty);
	for (size_t i = 0; r == 0 && i < sizeof paths / sizeof *paths; i++) {
		if (argc > 1 && strcmp(argv[1], paths[i].name) != 0)
			continue;
		r = run(paths[i].work, paths[i].name, directory, &k);
		if (r == 0)
			printf("%-22s %4u %8llu %6llu %4llu\n", paths[i].name, paths[i].each,
			       (unsigned long long)(k.instructions - empty.instructions),
			       (unsigned long long)(k.calls - empty.calls),
			       (unsigned long long)(k.system_calls - empty.system_calls));
		if (r == 0 && argc > 1)
			print_places();
	}
	rmdir(directory);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
