/* SPDX-License-Identifier: Apache-2.0 */
/* fair-server.c - the servers that are flooded; see fair.h */
#include <errno.h>
#include <fcntl.h>
#include <postern.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fair.h"
#include "org.example.bench.h"

/* ---- Postern: three servers on one loop ---- */

/* What this connection's bytes are for, once that is known. */
static const char fair_echoes = FAIR_ECHO, fair_discards = FAIR_DISCARD;

static void fair_set(struct postern_conn *c, const void *first)
{
	bool echo = *(const char *)first == FAIR_ECHO;

	postern_conn_set_data(c, (void *)(echo ? &fair_echoes : &fair_discards));
}

static size_t fair_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t r;

	if (!data) {
		fair_set(c, bytes);
		data = postern_conn_data(c);
	}
	if (data == &fair_discards)
		return n;
	r = postern_conn_write(c, bytes, n);
	return r > 0 ? (size_t)r : 0;
}

static void fair_frame(struct postern_conn *c, const void *payload, size_t n, void *data)
{
	(void)data;
	if (n > 0 && *(const char *)payload == FAIR_ECHO &&
	    postern_conn_write_frame(c, POSTERN_FRAMING_U32LE, payload, n) < 0)
		postern_conn_abort(c);
}

static void fair_echo(struct postern_request *r, const struct bench_Echo_in *in, void *data)
{
	(void)data;
	bench_reply_Echo(r, &(struct bench_Echo_out){ .id = in->id, .text = in->text });
}

static void fair_path(char *ret, size_t size, const struct fair *f, enum fair_port port)
{
	if (snprintf(ret, size, "%s/%s", f->directory, fair_port_names[port]) >= (int)size)
		fair_die(f->directory, ENAMETOOLONG);
}

static void fair_serve_bytes(struct postern_loop *loop, const struct fair *f, enum fair_port port,
			     const struct postern_conn_events *events, unsigned framing)
{
	struct postern_conn_options conn = { .size = sizeof(conn), .framing = framing };
	struct postern_server_options options = { .size = sizeof(options),
						  .access = POSTERN_ACCESS_WORLD,
						  .conn = &conn };
	struct postern_server_events server = { .size = sizeof(server), .conn = events };
	static struct postern_server_events kept[FAIR_PORTS];
	struct postern_server *s;
	char path[FAIR_PATH];

	fair_path(path, sizeof(path), f, port);
	kept[port] = server;
	if (postern_server_new(&s, loop, path, &options, &kept[port], NULL) < 0)
		fair_die(postern_why()->text, 0);
}

void fair_serve_postern(const struct fair *f)
{
	static const struct postern_conn_events bytes = { .size = sizeof(bytes),
							  .received = fair_received };
	static const struct postern_conn_events frames = { .size = sizeof(frames),
							   .frame = fair_frame };
	static const struct bench_methods methods = { .Echo = fair_echo };
	struct postern_service *service;
	struct postern_loop *loop;
	char path[FAIR_PATH];

	if (postern_loop_new(&loop) < 0)
		fair_die(postern_why()->text, 0);
	fair_serve_bytes(loop, f, FAIR_BYTES, &bytes, 0);
	fair_serve_bytes(loop, f, FAIR_FRAMES, &frames, POSTERN_FRAMING_U32LE);
	fair_path(path, sizeof(path), f, FAIR_CALLS);
	if (postern_service_new(&service, loop, path, NULL, NULL, NULL) < 0 ||
	    bench_provide(service, &methods, NULL) < 0)
		fair_die(postern_why()->text, 0);
	puts("ready");
	fflush(stdout);
	postern_loop_run(loop);
}

/* ---- raw: one read of each ready connection a round, answered at once ---- */

enum { RAW_EVENTS = 64, RAW_FDS = 8192 };

static int raw_spare = -1;
static char raw_discards[RAW_FDS]; /* by descriptor: 0, or what its bytes are for */

static int raw_listen(const struct fair *f)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	fair_path(to.sun_path, sizeof(to.sun_path), f, FAIR_BYTES);
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0 || listen(fd, 128) < 0 ||
	    chmod(to.sun_path, 0666) < 0)
		fair_die(to.sun_path, errno);
	return fd;
}

static void raw_accept(int epoll, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
		/* The spare one makes room to turn a client away. */
		close(raw_spare);
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		close(fd);
		raw_spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return;
	}
	if (fd < 0)
		return;
	if (fd >= RAW_FDS || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		fair_die("epoll_ctl", errno);
	raw_discards[fd] = 0;
}

/* A client that does not read its echo is not waited for: what does not fit is lost, as far as this floor is concerned. */
static void raw_read(int fd, char *buffer)
{
	ssize_t n = recv(fd, buffer, FAIR_BLOCK, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		close(fd);
		return;
	}
	if (!raw_discards[fd])
		raw_discards[fd] = *buffer;
	if (raw_discards[fd] == FAIR_ECHO)
		(void)!send(fd, buffer, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void fair_serve_raw(const struct fair *f)
{
	static char buffer[FAIR_BLOCK];
	struct epoll_event events[RAW_EVENTS];
	int listener = raw_listen(f), epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN, .data.fd = listener };

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0)
		fair_die("epoll", errno);
	raw_spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, events, RAW_EVENTS, -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.fd == listener)
				raw_accept(epoll, listener);
			else
				raw_read(events[i].data.fd, buffer);
	}
}
