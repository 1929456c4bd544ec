/* SPDX-License-Identifier: Apache-2.0 */
/* libuv NAME: an echo server on a Postern loop inside a libuv loop, until SIGTERM */
#include <postern.h>
#include <signal.h>
#include <stdio.h>
#include <uv.h>

static size_t received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t taken = postern_conn_write(c, bytes, n);

	(void)data;
	return taken > 0 ? (size_t)taken : 0;
}

static void turn(uv_poll_t *poll, int status, int events)
{
	(void)events;
	if (status < 0 || postern_loop_dispatch((struct postern_loop *)poll->data, 0) < 0)
		uv_stop(poll->loop);
}

static void tick(uv_timer_t *timer)
{
	++*(unsigned *)timer->data;
}

static void stop(uv_signal_t *term, int number)
{
	(void)number;
	uv_stop(term->loop);
}

int main(int argc, char **argv)
{
	static const struct postern_conn_events on = { .size = sizeof on, .received = received };
	static const struct postern_server_events events = { .size = sizeof events, .conn = &on };
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(server) server = NULL;
	unsigned ticks = 0;
	uv_poll_t poll = { 0 };
	uv_timer_t timer = { .data = &ticks };
	uv_signal_t term;
	uv_loop_t uv;

	if (argc != 2 || postern_loop_new(&loop) < 0 || uv_loop_init(&uv) < 0)
		return 64;
	if (postern_server_new(&server, loop, argv[1], NULL, &events, NULL) < 0)
		return fprintf(stderr, "libuv: %s\n", postern_why()->text), 1;
	poll.data = loop;
	uv_timer_init(&uv, &timer);
	if (uv_poll_init(&uv, &poll, postern_loop_fd(loop)) < 0 || uv_signal_init(&uv, &term) < 0)
		return 1;
	uv_timer_start(&timer, tick, 10, 10);
	if (!uv_poll_start(&poll, UV_READABLE, turn) && !uv_signal_start(&term, stop, SIGTERM))
		uv_run(&uv, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&poll, NULL); /* before the loop that it polls is freed */
	uv_close((uv_handle_t *)&timer, NULL);
	uv_close((uv_handle_t *)&term, NULL);
	uv_run(&uv, UV_RUN_DEFAULT);
	printf("%u ticks of libuv's timer\n", ticks);
	return uv_loop_close(&uv) < 0;
}
