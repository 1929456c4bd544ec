/* SPDX-License-Identifier: Apache-2.0 */
/* The same with sd-bus, peer to peer: a method of a string that answers with a string, without a bus between. */
#include "call.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

static void peer_check(const char *what, int r)
{
	if (r < 0)
		bench_die(what, -r);
}

static int peer_echo(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct call *c = data;
	const char *text;

	(void)error;
	peer_check("sd_bus_message_read", sd_bus_message_read(m, "s", &text));
	peer_check("sd_bus_reply_method_return", sd_bus_reply_method_return(m, "s", text));
	call_count(c);
	return 1;
}

static int peer_answered(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct call *c = data;
	const char *text;

	(void)error;
	if (sd_bus_message_is_method_error(m, NULL))
		bench_die(sd_bus_message_get_error(m)->message, 0);
	peer_check("sd_bus_message_read", sd_bus_message_read(m, "s", &text));
	call_answer(c, text, strlen(text));
	return 1;
}

static void peer_call(struct call *c, sd_bus *bus)
{
	while (call_more(c)) {
		call_fill(c);
		peer_check("sd_bus_call_method_async",
			   sd_bus_call_method_async(bus, NULL, NULL, "/", "org.example.bench",
						    "Echo", peer_answered, c, "s", c->message));
	}
}

static void peer_listen(struct call *c, sd_bus *bus)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client;
	sd_id128_t id;

	if (strlen(c->bench.path) >= sizeof(address.sun_path))
		bench_die(c->bench.path, ENAMETOOLONG);
	strcpy(address.sun_path, c->bench.path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 1) < 0)
		bench_die(c->bench.path, errno);
	bench_ready();
	client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0)
		bench_die("accept4", errno);
	close(fd);
	peer_check("sd_id128_randomize", sd_id128_randomize(&id));
	peer_check("sd_bus_set_fd", sd_bus_set_fd(bus, client, client));
	peer_check("sd_bus_set_server", sd_bus_set_server(bus, true, id));
}

static void peer_connect(struct call *c, sd_bus *bus)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(c->bench.path) >= sizeof(address.sun_path))
		bench_die(c->bench.path, ENAMETOOLONG);
	strcpy(address.sun_path, c->bench.path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		bench_die(c->bench.path, errno);
	peer_check("sd_bus_set_fd", sd_bus_set_fd(bus, fd, fd));
}

int main(int argc, char **argv)
{
	static const sd_bus_vtable methods[] = {
		SD_BUS_VTABLE_START(0),
		SD_BUS_METHOD("Echo", "s", "s", peer_echo, SD_BUS_VTABLE_UNPRIVILEGED),
		SD_BUS_VTABLE_END,
	};
	static struct call c;
	sd_bus *bus;
	int r;

	call_init(&c, "sdbus", "", argc, argv);
	peer_check("sd_bus_new", sd_bus_new(&bus));
	if (c.bench.server)
		peer_listen(&c, bus);
	else
		peer_connect(&c, bus);
	peer_check("sd_bus_start", sd_bus_start(bus));
	if (c.bench.server)
		peer_check(
			"sd_bus_add_object_vtable",
			sd_bus_add_object_vtable(bus, NULL, "/", "org.example.bench", methods, &c));
	while (c.done < c.bench.total) {
		if (!c.bench.server)
			peer_call(&c, bus);
		r = sd_bus_process(bus, NULL);
		if (!r)
			r = sd_bus_wait(bus, UINT64_MAX);
		peer_check("sd_bus_process", r);
	}
	bench_print(&c.bench);
	sd_bus_flush_close_unref(bus);
	return 0;
}
