/* SPDX-License-Identifier: Apache-2.0 */
/* libevent NAME: an echo server on a Postern loop inside a libevent base, until SIGTERM */
#include <event2/event.h>
#include <postern.h>
#include <signal.h>
#include <stdio.h>

static struct event_base *base;

static size_t received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t taken = postern_conn_write(c, bytes, n);

	(void)data;
	return taken > 0 ? (size_t)taken : 0;
}

static void turn(evutil_socket_t fd, short what, void *loop)
{
	(void)fd, (void)what;
	if (postern_loop_dispatch((struct postern_loop *)loop, 0) < 0)
		event_base_loopbreak(base);
}

static void tick(evutil_socket_t fd, short what, void *ticks)
{
	(void)fd, (void)what;
	++*(unsigned *)ticks;
}

static void stop(evutil_socket_t number, short what, void *data)
{
	(void)number, (void)what, (void)data;
	event_base_loopbreak(base);
}

int main(int argc, char **argv)
{
	static const struct postern_conn_events on = { .size = sizeof on, .received = received };
	static const struct postern_server_events events = { .size = sizeof events, .conn = &on };
	const struct timeval period = { .tv_usec = 10000 };
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(server) server = NULL;
	struct event *poll, *timer, *terminate;
	unsigned ticks = 0;

	if (argc != 2 || postern_loop_new(&loop) < 0 || !(base = event_base_new()))
		return 64;
	if (postern_server_new(&server, loop, argv[1], NULL, &events, NULL) < 0)
		return fprintf(stderr, "libevent: %s\n", postern_why()->text), 1;
	poll = event_new(base, postern_loop_fd(loop), EV_READ | EV_PERSIST, turn, loop);
	timer = event_new(base, -1, EV_PERSIST, tick, &ticks);
	terminate = evsignal_new(base, SIGTERM, stop, NULL);
	if (!poll || !timer || !terminate || event_add(poll, NULL) < 0 ||
	    event_add(timer, &period) < 0 || event_add(terminate, NULL) < 0)
		return 1;
	event_base_dispatch(base);
	event_free(poll); /* before the loop that it polls is freed */
	event_free(timer);
	event_free(terminate);
	event_base_free(base);
	printf("%u ticks of libevent's timer\n", ticks);
	return 0;
}
