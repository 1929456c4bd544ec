/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a neighbour of a flooder has to wait for.
 *
 *   fair.c         the program: runs the phases, and is the neighbours
 *   fair-server.c  the server, a process of its own: Postern, or a raw one as the floor
 *   fair-flood.c   the flooders, each a process of its own
 *
 * The neighbours are plain sockets with an open-loop schedule: a request is sent when its time has come, whether or not
 * the previous ones were answered, and its latency counts from that time. So a server that stalls is seen by all requests of
 * the stall, and not by one.
 *
 * Neighbours and flooder share a CPU, the server has the other one. What the flooder takes from the neighbours on their own
 * CPU is the scheduler's and no server's doing: --first runs server and neighbours ahead of all else (SCHED_FIFO), which
 * leaves the server's part, and the flooder "spin" does not touch the server, which leaves the scheduler's.
 */
#ifndef FAIR_H
#define FAIR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FAIR_SIZE = 64, /* a request of bytes or of a frame, and its answer */
	FAIR_BLOCK = 64 * 1024,
	FAIR_BIG = 1024 * 1024,
	FAIR_CROWD = 64,
	FAIR_PATH = 100,
};

/* At which of the server's three sockets. The first byte of a connection, or of a frame, says what is done with it. */
enum fair_port { FAIR_BYTES, FAIR_FRAMES, FAIR_CALLS, FAIR_PORTS };
enum { FAIR_ECHO = 'e', FAIR_DISCARD = 'd' };

extern const char *const fair_port_names[FAIR_PORTS];

struct fair {
	char directory[FAIR_PATH];
	/* What the flooder got done: bytes, calls or connections. Shared memory. */
	atomic_llong *flooded;
};

/* The method that is called, and the answer's end. */
#define FAIR_CALL \
	"{\"method\":\"org.example.bench.Echo\",\"parameters\":{\"id\":1,\"text\":\"good morning\"}}"

__attribute__((noreturn)) void fair_die(const char *what, int error);
int fair_connect(const struct fair *f, enum fair_port port);

/* Each runs until it is killed. */
void fair_serve_postern(const struct fair *f);
void fair_serve_raw(const struct fair *f);

struct fair_flood {
	const char *name;
	const char *unit;
	const char *what;
	enum fair_port port; /* of the flooder and of its neighbours */
	bool raw;            /* the raw server knows it */
	void (*run)(const struct fair *f);
};

extern const struct fair_flood fair_floods[];

#endif
