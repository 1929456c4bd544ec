/* SPDX-License-Identifier: Apache-2.0 */
/* sd-event NAME: an echo server on a Postern loop inside systemd's event loop, until SIGTERM */
#include <postern.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-event.h>

static size_t received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t taken = postern_conn_write(c, bytes, n);

	(void)data;
	return taken > 0 ? (size_t)taken : 0;
}

static int turn(sd_event_source *poll, int fd, uint32_t events, void *loop)
{
	(void)poll, (void)fd, (void)events;
	return postern_loop_dispatch((struct postern_loop *)loop,
				     0); /* an error disables the source, and says so */
}

static int tick(sd_event_source *timer, uint64_t usec, void *ticks)
{
	(void)usec;
	++*(unsigned *)ticks;
	sd_event_source_set_time_relative(timer, 10000);
	return sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

int main(int argc, char **argv)
{
	static const struct postern_conn_events on = { .size = sizeof on, .received = received };
	static const struct postern_server_events events = { .size = sizeof events, .conn = &on };
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(server) server = NULL;
	sd_event_source *poll = NULL;
	sd_event *event = NULL;
	unsigned ticks = 0;
	sigset_t set;
	int r;

	if (argc != 2 || postern_loop_new(&loop) < 0 || sd_event_new(&event) < 0)
		return 64;
	if (postern_server_new(&server, loop, argv[1], NULL, &events, NULL) < 0)
		return fprintf(stderr, "sd-event: %s\n", postern_why()->text), 1;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set,
		    NULL); /* as sd_event_add_signal() wants it; without fn it ends the loop */
	r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_time(event, NULL, CLOCK_MONOTONIC, 0, 1000, tick, &ticks);
	if (r >= 0)
		r = sd_event_add_io(event, &poll, postern_loop_fd(loop), EPOLLIN, turn, loop);
	if (r >= 0)
		r = sd_event_loop(event);
	sd_event_source_disable_unref(poll); /* before the loop that it polls is freed */
	sd_event_unref(event);
	printf("%u ticks of sd-event's timer\n", ticks);
	return r < 0;
}
