/* SPDX-License-Identifier: Apache-2.0 */
/* fair-flood.c - the flooders; see fair.h */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fair.h"

static char flood_block[FAIR_BLOCK], flood_in[FAIR_BLOCK];

static int flood_connect(const struct fair *f, enum fair_port port, bool waits)
{
	int fd = fair_connect(f, port);

	if (fd < 0 || (!waits && fcntl(fd, F_SETFL, O_NONBLOCK) < 0))
		fair_die("a flooder cannot connect", errno);
	return fd;
}

static void flood_send(const struct fair *f, int fd, const char *bytes, size_t n)
{
	ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

	if (sent < 0)
		fair_die("a flooder was cut off", errno);
	atomic_fetch_add(f->flooded, sent);
}

static void flood_bytes(const struct fair *f)
{
	int fd = flood_connect(f, FAIR_BYTES, true);

	memset(flood_block, FAIR_DISCARD, sizeof(flood_block));
	for (;;)
		flood_send(f, fd, flood_block, sizeof(flood_block));
}

/* One connection writes whole blocks and reads what comes; counts the bytes, or the messages that end with a 0. */
static void flood_pipeline(const struct fair *f, enum fair_port port, size_t n, bool messages)
{
	struct pollfd p = { .fd = flood_connect(f, port, false), .events = POLLIN | POLLOUT };
	size_t at = 0;
	ssize_t r;

	for (;;) {
		poll(&p, 1, -1);
		while ((r = recv(p.fd, flood_in, sizeof(flood_in), 0)) > 0) {
			long long k = messages ? 0 : r;

			for (ssize_t i = 0; messages && i < r; i++)
				k += flood_in[i] == '\0';
			atomic_fetch_add(f->flooded, k);
		}
		r = send(p.fd, flood_block + at, n - at, MSG_NOSIGNAL);
		if (r > 0)
			at = (at + (size_t)r) % n;
		else if (r < 0 && errno != EAGAIN)
			fair_die("a flooder was cut off", errno);
	}
}

static void flood_echo(const struct fair *f)
{
	memset(flood_block, FAIR_ECHO, sizeof(flood_block));
	flood_pipeline(f, FAIR_BYTES, sizeof(flood_block), false);
}

static void flood_calls(const struct fair *f)
{
	static const char call[] = FAIR_CALL;
	size_t n = 0;

	for (; n + sizeof(call) <= sizeof(flood_block); n += sizeof(call))
		memcpy(flood_block + n, call, sizeof(call));
	flood_pipeline(f, FAIR_CALLS, n, true);
}

static void flood_frames(const struct fair *f, uint32_t payload)
{
	static char frames[FAIR_BIG + 4];
	size_t n = 0, frame = payload + sizeof(payload);
	int fd = flood_connect(f, FAIR_FRAMES, true);
	unsigned char head[4];

	for (size_t i = 0; i < sizeof(head); i++)
		head[i] = (unsigned char)(payload >> 8 * i);
	memset(frames, FAIR_DISCARD, sizeof(frames));
	for (; n + frame <= (payload == FAIR_BIG ? sizeof(frames) : FAIR_BLOCK); n += frame)
		memcpy(frames + n, head, sizeof(head));
	for (;;)
		flood_send(f, fd, frames, n);
}

static void flood_small(const struct fair *f)
{
	flood_frames(f, 12);
}

static void flood_big(const struct fair *f)
{
	flood_frames(f, FAIR_BIG);
}

static void flood_connects(const struct fair *f)
{
	for (;;) {
		close(flood_connect(f, FAIR_BYTES, true));
		atomic_fetch_add(f->flooded, 1);
	}
}

/* A user with many connections, and another one than the neighbours', if we may be another one. */
static void flood_crowd(const struct fair *f)
{
	struct pollfd crowd[FAIR_CROWD];

	if (geteuid() == 0 && setuid(65534) < 0)
		fair_die("setuid", errno);
	memset(flood_block, FAIR_DISCARD, sizeof(flood_block));
	for (int i = 0; i < FAIR_CROWD; i++)
		crowd[i] = (struct pollfd){ .fd = flood_connect(f, FAIR_BYTES, false),
					    .events = POLLOUT };
	for (;;) {
		poll(crowd, FAIR_CROWD, -1);
		for (int i = 0; i < FAIR_CROWD; i++)
			if (crowd[i].revents)
				flood_send(f, crowd[i].fd, flood_block, sizeof(flood_block));
	}
}

static void flood_spin(const struct fair *f)
{
	for (;;)
		atomic_fetch_add(f->flooded, 1);
}

const struct fair_flood fair_floods[] = {
	{ "spin", "", "uses its CPU, and does not touch the server", FAIR_BYTES, true, flood_spin },
	{ "bytes", "B", "one connection writes blocks of 64 KiB", FAIR_BYTES, true, flood_bytes },
	{ "echo", "B", "one connection has blocks of 64 KiB echoed", FAIR_BYTES, true, flood_echo },
	{ "small", "B", "one connection writes frames of 16 bytes", FAIR_FRAMES, false,
	  flood_small },
	{ "big", "B", "one connection writes frames of 1 MiB", FAIR_FRAMES, false, flood_big },
	{ "calls", "calls", "one connection pipelines calls without end", FAIR_CALLS, false,
	  flood_calls },
	{ "connects", "", "connects and closes", FAIR_BYTES, true, flood_connects },
	{ "crowd", "B", "64 connections of one user write blocks of 64 KiB", FAIR_BYTES, true,
	  flood_crowd },
	{ 0 },
};
