/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same with nng over a socket file: REQ and REP for one message in flight, PAIR for more and for a stream. nng works
 * with threads of its own. Messages are built in place.
 */
#include "bench.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/util/platform.h>
#include <stdio.h>
#include <stdlib.h>

enum { PEER_LINGER_MS = 100 };

struct peer {
	struct bench *bench;
	nng_socket socket;
};

const char *const peer_name = "nng";

const char *peer_version(void)
{
	return nng_version();
}

static void peer_check(const char *what, int error)
{
	if (error) {
		fprintf(stderr, "%s: %s\n", what, nng_strerror(error));
		bench_die(what, 0);
	}
}

static bool peer_is_pair(const struct bench *b)
{
	return b->work == BENCH_WORK_STREAM || b->depth > 1;
}

static void peer_pump(struct bench *b, size_t i)
{
	struct peer *p = b->peer;
	nng_msg *message;

	for (;;) {
		peer_check("nng_msg_alloc", nng_msg_alloc(&message, b->size));
		if (!bench_out(b, i, nng_msg_body(message), b->size))
			break;
		peer_check("nng_sendmsg", nng_sendmsg(p->socket, message, 0));
		/* A reply comes first. */
		if (!peer_is_pair(b))
			return;
	}
	nng_msg_free(message);
}

static void peer_open(struct bench *b, size_t i)
{
	struct peer *p = b->peer;
	char address[200];

	(void)i;
	snprintf(address, sizeof(address), "ipc://%s", b->path);
	peer_check("socket", peer_is_pair(b) ? nng_pair0_open(&p->socket)
			     : b->server     ? nng_rep0_open(&p->socket)
					     : nng_req0_open(&p->socket));
	/* Without a limit, as the others; the default is 1 MiB. */
	peer_check("option", nng_socket_set_size(p->socket, NNG_OPT_RECVMAXSZ, 0));
	/* Room for what is in flight: by default there is none, and both ends would wait in their sends. */
	if (b->depth > 1) {
		peer_check("option", nng_socket_set_int(p->socket, NNG_OPT_SENDBUF, (int)b->depth));
		peer_check("option", nng_socket_set_int(p->socket, NNG_OPT_RECVBUF, (int)b->depth));
	}
	if (b->server) {
		peer_check("nng_listen", nng_listen(p->socket, address, NULL, 0));
		bench_ready(b);
		return;
	}
	peer_check("nng_dial", nng_dial(p->socket, address, NULL, 0));
	peer_pump(b, i);
}

static void peer_close(struct bench *b, size_t i)
{
	(void)i;
	nng_close(((struct peer *)b->peer)->socket);
}

static void peer_server(struct peer *p)
{
	struct bench *b = p->bench;
	nng_msg *message;

	peer_open(b, 0);
	while (!b->end.wall_ns) {
		peer_check("nng_recvmsg", nng_recvmsg(p->socket, &message, 0));
		switch (bench_receive(b, nng_msg_body(message), nng_msg_len(message))) {
		case BENCH_ECHO:
			peer_check("nng_sendmsg", nng_sendmsg(p->socket, message, 0));
			continue;
		case BENCH_SUM:
			peer_check("nng_send",
				   nng_send(p->socket, b->answer, sizeof(b->answer), 0));
			break;
		}
		nng_msg_free(message);
	}
	/* Closing does not wait for what has not left. */
	nng_msleep(PEER_LINGER_MS);
}

static void peer_client(struct peer *p)
{
	struct bench *b = p->bench;
	nng_msg *message;

	bench_open(b);
	while (!b->stopped) {
		peer_check("nng_recvmsg", nng_recvmsg(p->socket, &message, 0));
		if (bench_in(b, 0, nng_msg_body(message), nng_msg_len(message)))
			peer_pump(b, 0);
		nng_msg_free(message);
	}
}

void peer_run(struct bench *b)
{
	static const struct bench_ops ops = { .open = peer_open,
					      .pump = peer_pump,
					      .close = peer_close };
	struct peer p = { .bench = b };

	if (b->connections > 1 || b->work == BENCH_WORK_EVENTS)
		bench_die("one connection is all that there is here", 0);
	b->peer = &p;
	b->ops = &ops;
	if (b->server)
		peer_server(&p);
	else
		peer_client(&p);
	nng_close(p.socket);
}
