/* SPDX-License-Identifier: Apache-2.0 */
/* The same with nng over a socket file, REQ and REP: one in flight. */
#include "call.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/util/platform.h>
#include <stdio.h>

enum { NNG_LINGER_MS = 100 };

static void peer_check(const char *what, int error)
{
	if (error) {
		fprintf(stderr, "%s: %s\n", what, nng_strerror(error));
		bench_die(what, 0);
	}
}

static size_t peer_get(nng_socket socket, char *buffer, size_t size)
{
	peer_check("nng_recv", nng_recv(socket, buffer, &size, 0));
	return size;
}

static void peer_serve(struct call *c, nng_socket socket)
{
	char message[CALL_SIZE + 1];
	size_t n;
	bool more;

	do {
		n = peer_get(socket, message, sizeof(message));
		more = call_count(c);
		peer_check("nng_send", nng_send(socket, message, n, 0));
	} while (more);
	/* Closing does not wait for what has not left. */
	nng_msleep(NNG_LINGER_MS);
}

static void peer_call(struct call *c, nng_socket socket)
{
	char message[CALL_SIZE + 1];

	do {
		call_fill(c);
		peer_check("nng_send", nng_send(socket, c->message, CALL_SIZE, 0));
	} while (call_answer(c, message, peer_get(socket, message, sizeof(message))));
}

int main(int argc, char **argv)
{
	static struct call c;
	char address[200];
	nng_socket socket;

	call_init(&c, "nng", nng_version(), argc, argv);
	if (c.bench.batch > 1)
		bench_die("a request at a time is all that REQ can", 0);
	snprintf(address, sizeof(address), "ipc://%s", c.bench.path);
	peer_check("socket", c.bench.server ? nng_rep0_open(&socket) : nng_req0_open(&socket));
	if (c.bench.server) {
		peer_check("nng_listen", nng_listen(socket, address, NULL, 0));
		bench_ready();
		peer_serve(&c, socket);
	} else {
		peer_check("nng_dial", nng_dial(socket, address, NULL, 0));
		peer_call(&c, socket);
	}
	bench_print(&c.bench);
	nng_close(socket);
	return 0;
}
