/* SPDX-License-Identifier: Apache-2.0 */
/* Calls with sd-bus, peer to peer: a method of a string that answers with a string, without a bus between. */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

struct peer {
	struct bench *bench;
	sd_bus *bus;
	sd_bus *last; /* of connect: it is closed when its callback has returned */
	char *text;
};

const char *const peer_name = "sdbus";

const char *peer_version(void)
{
	return "";
}

static void peer_check(const char *what, int r)
{
	if (r < 0)
		bench_die(what, -r);
}

static int peer_echo(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct peer *p = data;
	const char *text;

	(void)error;
	peer_check("sd_bus_message_read", sd_bus_message_read(m, "s", &text));
	peer_check("sd_bus_reply_method_return", sd_bus_reply_method_return(m, "s", text));
	bench_receive(p->bench, text, strlen(text));
	return 1;
}

static void peer_pump(struct bench *b, size_t i);

static int peer_answered(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct peer *p = data;
	const char *text;

	(void)error;
	if (sd_bus_message_is_method_error(m, NULL))
		bench_die(sd_bus_message_get_error(m)->message, 0);
	peer_check("sd_bus_message_read", sd_bus_message_read(m, "s", &text));
	if (bench_in(p->bench, 0, text, strlen(text)))
		peer_pump(p->bench, 0);
	return 1;
}

static void peer_pump(struct bench *b, size_t i)
{
	struct peer *p = b->peer;

	while (bench_out(b, i, p->text, b->size))
		peer_check("sd_bus_call_method_async",
			   sd_bus_call_method_async(p->bus, NULL, NULL, "/", "org.example.bench",
						    "Echo", peer_answered, p, "s", p->text));
}

static int peer_socket(const struct bench *b, struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (fd < 0 || strlen(b->path) >= sizeof(address->sun_path))
		bench_die(b->path, fd < 0 ? errno : ENAMETOOLONG);
	strcpy(address->sun_path, b->path);
	return fd;
}

static void peer_begin(struct peer *p, int fd)
{
	peer_check("sd_bus_new", sd_bus_new(&p->bus));
	peer_check("sd_bus_set_fd", sd_bus_set_fd(p->bus, fd, fd));
}

static void peer_open(struct bench *b, size_t i)
{
	struct peer *p = b->peer;
	struct sockaddr_un address;
	int fd = peer_socket(b, &address);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		bench_die(b->path, errno);
	peer_begin(p, fd);
	peer_check("sd_bus_start", sd_bus_start(p->bus));
	peer_pump(b, i);
}

static void peer_close(struct bench *b, size_t i)
{
	struct peer *p = b->peer;

	(void)i;
	p->last = p->bus;
}

static void peer_accept(struct peer *p, int listener)
{
	static const sd_bus_vtable methods[] = {
		SD_BUS_VTABLE_START(0),
		SD_BUS_METHOD("Echo", "s", "s", peer_echo, SD_BUS_VTABLE_UNPRIVILEGED),
		SD_BUS_VTABLE_END,
	};
	/* postern-review: ignore E7 a figure without that connection would be wrong: it has to end */
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	sd_id128_t id;

	if (fd < 0)
		bench_die("accept4", errno);
	peer_begin(p, fd);
	peer_check("sd_id128_randomize", sd_id128_randomize(&id));
	peer_check("sd_bus_set_server", sd_bus_set_server(p->bus, true, id));
	peer_check("sd_bus_start", sd_bus_start(p->bus));
	peer_check("sd_bus_add_object_vtable",
		   sd_bus_add_object_vtable(p->bus, NULL, "/", "org.example.bench", methods, p));
}

/* False: the other end has closed. */
static bool peer_turn(struct peer *p)
{
	int r = sd_bus_process(p->bus, NULL);

	if (p->last)
		p->last = sd_bus_close_unref(p->last);
	if (!r)
		r = sd_bus_wait(p->bus, UINT64_MAX);
	if (r == -ECONNRESET || r == -ENOTCONN)
		return false;
	peer_check("sd_bus_process", r);
	return true;
}

/* A client at a time. */
static void peer_serve(struct peer *p)
{
	struct sockaddr_un address;
	int listener = peer_socket(p->bench, &address);

	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, BENCH_BACKLOG) < 0)
		bench_die(p->bench->path, errno);
	bench_ready(p->bench);
	while (!p->bench->end.wall_ns) {
		peer_accept(p, listener);
		while (!p->bench->end.wall_ns && peer_turn(p))
			;
		p->bus = sd_bus_flush_close_unref(p->bus);
	}
	close(listener);
	unlink(p->bench->path);
}

void peer_run(struct bench *b)
{
	static const struct bench_ops ops = { .open = peer_open,
					      .pump = peer_pump,
					      .close = peer_close };
	struct peer p = { .bench = b, .text = calloc(1, b->size + 1) };

	if (!p.text)
		bench_die("calloc", ENOMEM);
	b->text = true;
	b->peer = &p;
	b->ops = &ops;
	if (b->server) {
		peer_serve(&p);
	} else {
		bench_open(b);
		while (!b->stopped)
			if (!peer_turn(&p))
				bench_die("the server left too early", 0);
		sd_bus_flush_close_unref(p.bus);
	}
	free(p.text);
}
