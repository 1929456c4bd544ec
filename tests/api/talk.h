/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A waiting client and the plain socket that it talks to; and how long a call took. */
#include "pair.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern/client.h>

enum { MIB = 1024 * 1024 };
#define SHORT POSTERN_MS(60)
#define LONG  test_patience_ns()

static char got[9 * MIB];

/* ---- how long a call took ---- */

static struct test_time watch_begun;

#define TIMED(r, call)                     \
	do {                               \
		watch_begun = test_time(); \
		(r) = (call);              \
	} while (0)

/* It used up its deadline, and little more; or returned at once. Asked right behind the call. */
#define assert_took_until(deadline) assert_took(watch_begun, (deadline), (deadline))
#define assert_at_once()            assert_took(watch_begun, 0, 0)

/* ---- a client and the plain socket that it talks to ---- */

struct talk {
	struct postern_client *c;
	int peer; /* blocking */
};

static inline void talk_open_options(struct talk *t, const struct postern_conn_options *options)
{
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	t->peer = sv[1];
	t->c = NULL;
	assert_ok(postern_client_adopt(&t->c, sv[0], options));
}

static inline void talk_open(struct talk *t)
{
	talk_open_options(t, NULL);
}

static inline void talk_hang_up(struct talk *t)
{
	if (t->peer >= 0)
		close(t->peer);
	t->peer = -1;
}

static inline void talk_close(struct talk *t)
{
	assert_null(postern_client_free(t->c));
	talk_hang_up(t);
}

static inline void talk_say(const struct talk *t, const char *words, size_t n)
{
	assert_int_equal(send(t->peer, words, n, MSG_NOSIGNAL), n);
}

#define SAY(t, words) talk_say((t), (words), sizeof(words) - 1)

/* The peer on a thread or in a process: what it does with its end. */
struct side {
	void (*play)(int fd);
	int fd, keep;
	pthread_t thread;
};

static inline void *side_main(void *data)
{
	struct side *s = data;

	s->play(s->fd);
	return NULL;
}

static inline void side_start(struct side *s, const struct talk *t, void (*play)(int fd))
{
	*s = (struct side){ .play = play, .fd = t->peer };
	assert_int_equal(pthread_create(&s->thread, NULL, side_main, s), 0);
}

static inline void side_join(struct side *s)
{
	pthread_join(s->thread, NULL);
}
