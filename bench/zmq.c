/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same with ZeroMQ over a socket file: DEALER and ROUTER for what is answered, PUSH and PULL for a stream, PUB and
 * SUB for events. A context has one I/O thread, so each end has two threads. Messages are built in place, in memory
 * that ZeroMQ allocates and takes. The high-water mark is its default, 1,000 messages, and as many more as are in flight: a ROUTER
 * drops what its queue to a peer has no room for, and the client would wait for ever.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

enum { PEER_IDENTITY = 256, PEER_SOCKETS = 20000, PEER_MARK = 1000 };

struct peer {
	struct bench *bench;
	void *context;
	void **links;
	void *asks; /* events: by which the client asks for one; a stream's answer comes by it, too */
	int type;
	zmq_msg_t next;
	bool made;
};

const char *const peer_name = "zmq";

const char *peer_version(void)
{
	static char version[32];
	int major, minor, patch;

	zmq_version(&major, &minor, &patch);
	snprintf(version, sizeof(version), "%d.%d.%d", major, minor, patch);
	return version;
}

static void *peer_socket(struct peer *p, int type, const char *suffix)
{
	char address[200];
	void *socket = zmq_socket(p->context, type);
	int mark = PEER_MARK + (int)p->bench->depth;
	int one = 1;

	snprintf(address, sizeof(address), "ipc://%s%s", p->bench->path, suffix);
	if (!socket ||
	    (type == ZMQ_XPUB && zmq_setsockopt(socket, ZMQ_XPUB_VERBOSE, &one, sizeof(one)) < 0) ||
	    zmq_setsockopt(socket, ZMQ_SNDHWM, &mark, sizeof(mark)) < 0 ||
	    zmq_setsockopt(socket, ZMQ_RCVHWM, &mark, sizeof(mark)) < 0 ||
	    (type == ZMQ_SUB && zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0) < 0) ||
	    (p->bench->server ? zmq_bind(socket, address) : zmq_connect(socket, address)) < 0)
		bench_die(address, zmq_errno());
	return socket;
}

static size_t peer_get(void *socket, zmq_msg_t *message)
{
	zmq_msg_init(message);
	if (zmq_msg_recv(message, socket, 0) < 0)
		bench_die("zmq_msg_recv", zmq_errno());
	return zmq_msg_size(message);
}

static void peer_put(void *socket, const void *bytes, size_t n)
{
	if (zmq_send(socket, bytes, n, 0) < 0)
		bench_die("zmq_send", zmq_errno());
}

static void peer_pump(struct bench *b, size_t i)
{
	struct peer *p = b->peer;

	for (;;) {
		/* Whether there is one to be sent is known when it is to be built: then its memory waits for the next. */
		if (!p->made && zmq_msg_init_size(&p->next, b->size) < 0)
			bench_die("zmq_msg_init_size", zmq_errno());
		p->made = true;
		if (!bench_out(b, i, zmq_msg_data(&p->next), b->size))
			return;
		p->made = false;
		if (zmq_msg_send(&p->next, b->work == BENCH_WORK_EVENTS ? p->asks : p->links[i],
				 0) < 0)
			bench_die("zmq_msg_send", zmq_errno());
	}
}

static void peer_open(struct bench *b, size_t i)
{
	struct peer *p = b->peer;

	p->links[i] = peer_socket(p, p->type, "");
	if (p->type == ZMQ_DEALER)
		peer_pump(b, i);
}

static void peer_close(struct bench *b, size_t i)
{
	zmq_close(((struct peer *)b->peer)->links[i]);
}

static void peer_hear(struct peer *p, void *socket, size_t i)
{
	zmq_msg_t message;
	size_t n = peer_get(socket, &message);

	if (bench_in(p->bench, i, zmq_msg_data(&message), n))
		peer_pump(p->bench, i);
	zmq_msg_close(&message);
}

static void peer_client(struct peer *p)
{
	struct bench *b = p->bench;
	zmq_pollitem_t *items = calloc(b->connections, sizeof(*items));

	if (!items)
		bench_die("calloc", ENOMEM);
	bench_open(b);
	/* The server greets all subscribers at once, when it knows all. */
	while (p->type == ZMQ_SUB && b->opened < b->connections)
		peer_open(b, b->opened++);
	if (b->work == BENCH_WORK_STREAM)
		peer_pump(b, 0);
	while (!b->stopped) {
		if (b->connections == 1 || p->type == ZMQ_SUB) {
			/* All get it, so none waits in vain. */
			for (size_t i = 0; i < b->connections && !b->stopped; i++)
				peer_hear(p, p->type == ZMQ_PUSH ? p->asks : p->links[i], i);
			continue;
		}
		for (size_t i = 0; i < b->opened; i++)
			items[i] = (zmq_pollitem_t){ .socket = p->links[i], .events = ZMQ_POLLIN };
		if (zmq_poll(items, (int)b->opened, -1) < 0)
			bench_die("zmq_poll", zmq_errno());
		for (size_t i = 0, n = b->opened; i < n && !b->stopped; i++)
			if (items[i].revents)
				peer_hear(p, p->links[i], i);
	}
	free(items);
}

/* The subscription of each client arrives here as a message. */
static void peer_greet(struct peer *p)
{
	struct bench *b = p->bench;
	zmq_msg_t message;

	for (size_t n = 0; n < b->connections; n++) {
		peer_get(p->links[0], &message);
		zmq_msg_close(&message);
		bench_receive(b, b->event, b->size);
	}
	peer_put(p->links[0], b->event, b->size);
}

static void peer_server(struct peer *p)
{
	struct bench *b = p->bench;
	void *in = p->type == ZMQ_XPUB ? p->asks : p->links[0];
	char identity[PEER_IDENTITY];
	zmq_msg_t message;
	int known = 0;
	size_t n;

	while (!b->end.wall_ns) {
		if (p->type == ZMQ_ROUTER &&
		    (known = zmq_recv(in, identity, sizeof(identity), 0)) < 0)
			bench_die("zmq_recv", zmq_errno());
		n = peer_get(in, &message);
		switch (bench_receive(b, zmq_msg_data(&message), n)) {
		case BENCH_ECHO:
			if (zmq_send(in, identity, (size_t)known, ZMQ_SNDMORE) < 0 ||
			    zmq_msg_send(&message, in, 0) < 0)
				bench_die("zmq_send", zmq_errno());
			continue;
		case BENCH_SUM:
			peer_put(p->asks, b->answer, sizeof(b->answer));
			break;
		case BENCH_EVENT:
			peer_put(p->links[0], b->event, b->size);
			break;
		}
		zmq_msg_close(&message);
	}
}

void peer_run(struct bench *b)
{
	static const struct bench_ops ops = { .open = peer_open,
					      .pump = peer_pump,
					      .close = peer_close };
	struct peer *p = calloc(1, sizeof(*p));

	if (!p || !(p->links = calloc(b->connections, sizeof(*p->links))))
		bench_die("calloc", ENOMEM);
	p->bench = b;
	b->peer = p;
	b->ops = &ops;
	p->context = zmq_ctx_new();
	zmq_ctx_set(p->context, ZMQ_MAX_SOCKETS, PEER_SOCKETS);
	p->type = b->server ? ZMQ_ROUTER : ZMQ_DEALER;
	if (b->work == BENCH_WORK_STREAM)
		p->type = b->server ? ZMQ_PULL : ZMQ_PUSH;
	else if (b->work == BENCH_WORK_EVENTS)
		p->type = b->server ? ZMQ_XPUB : ZMQ_SUB;
	if (b->work == BENCH_WORK_STREAM || b->work == BENCH_WORK_EVENTS)
		p->asks = peer_socket(p, ZMQ_PAIR, "-asks");
	if (b->server) {
		p->links[0] = peer_socket(p, p->type, "");
		bench_ready(b);
		if (p->type == ZMQ_XPUB)
			peer_greet(p);
		peer_server(p);
		zmq_close(p->links[0]);
	} else {
		peer_client(p);
		for (size_t i = 0; i < b->connections; i++)
			if (p->links[i])
				zmq_close(p->links[i]);
	}
	if (p->made)
		zmq_msg_close(&p->next);
	if (p->asks)
		zmq_close(p->asks);
	/* Waits until the last answer has left. */
	zmq_ctx_term(p->context);
	free(p->links);
	free(p);
}
