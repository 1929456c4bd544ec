/* SPDX-License-Identifier: Apache-2.0 */
/* The same with ZeroMQ over a socket file: REQ and REP for one in flight, which is all that they can; else DEALER and
 * ROUTER, whose messages have the client's identity in front. */
#include "call.h"

#include <errno.h>
#include <stdio.h>
#include <zmq.h>

static size_t peer_get(void *socket, char *buffer, size_t size)
{
	int n = zmq_recv(socket, buffer, size, 0);

	if (n < 0)
		bench_die("zmq_recv", zmq_errno());
	return (size_t)n;
}

static void peer_put(void *socket, const char *bytes, size_t n, int flags)
{
	if (zmq_send(socket, bytes, n, flags) < 0)
		bench_die("zmq_send", zmq_errno());
}

static void peer_serve(struct call *c, void *socket)
{
	char identity[256], message[CALL_SIZE + 1];
	size_t n;
	bool more;

	do {
		if (c->bench.batch > 1) {
			n = peer_get(socket, identity, sizeof(identity));
			peer_put(socket, identity, n, ZMQ_SNDMORE);
		}
		n = peer_get(socket, message, sizeof(message));
		more = call_count(c);
		peer_put(socket, message, n, 0);
	} while (more);
}

static void peer_call(struct call *c, void *socket)
{
	char message[CALL_SIZE + 1];

	do {
		while (call_more(c)) {
			call_fill(c);
			peer_put(socket, c->message, CALL_SIZE, 0);
		}
	} while (call_answer(c, message, peer_get(socket, message, sizeof(message))));
}

int main(int argc, char **argv)
{
	static struct call c;
	char address[200], version[32];
	int major, minor, patch, type;
	void *context, *socket;

	zmq_version(&major, &minor, &patch);
	snprintf(version, sizeof(version), "%d.%d.%d", major, minor, patch);
	call_init(&c, "zmq", version, argc, argv);
	snprintf(address, sizeof(address), "ipc://%s", c.bench.path);
	if (c.bench.batch > 1)
		type = c.bench.server ? ZMQ_ROUTER : ZMQ_DEALER;
	else
		type = c.bench.server ? ZMQ_REP : ZMQ_REQ;
	context = zmq_ctx_new();
	socket = zmq_socket(context, type);
	if ((c.bench.server ? zmq_bind(socket, address) : zmq_connect(socket, address)) < 0)
		bench_die(address, zmq_errno());
	if (c.bench.server) {
		bench_ready();
		peer_serve(&c, socket);
	} else {
		peer_call(&c, socket);
	}
	bench_print(&c.bench);
	/* Waits until the last answer has left. */
	zmq_close(socket);
	zmq_ctx_term(context);
	return 0;
}
