/* SPDX-License-Identifier: Apache-2.0 */
/* clock-service NAME: answers calls of org.example.clock, until SIGINT or SIGTERM */
#include "org.example.clock.h"

#include <postern.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A peer that asked for more. Its request is kept, and with it what it was called with. */
struct watcher {
	struct postern_request *request;
	struct postern_timer *timer;
	const char *zone;
};

static int format_time(const char *zone, char *text, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	if (!zone || !strcmp(zone, "UTC"))
		gmtime_r(&now, &tm);
	else if (!strcmp(zone, "local"))
		localtime_r(&now, &tm);
	else
		return -1;
	strftime(text, size, "%Y-%m-%d %H:%M:%S", &tm);
	return 0;
}

static void watcher_free(struct watcher *w)
{
	postern_timer_free(w->timer);
	postern_request_free(w->request);
	free(w);
}

/* The peer has left, or the service ends. */
static void cancelled(struct postern_request *r, void *data)
{
	(void)r;
	watcher_free((struct watcher *)data);
}

static void tick(struct postern_timer *t, void *data)
{
	struct watcher *w = (struct watcher *)data;
	char text[32];
	struct clock_Now_out out = { .time = text };

	(void)t;
	format_time(w->zone, text, sizeof text);
	/* A peer that reads slowly misses seconds; another error means that it has left, which cancelled() hears. */
	if (clock_continue_Now(w->request, &out) < 0)
		return;
}

/* Without memory for it the request ends unanswered, and its peer gets an error. */
static void watch(struct postern_request *r, const char *zone, struct postern_loop *loop)
{
	static const struct postern_request_events events = { .size = sizeof events,
							      .cancelled = cancelled };
	struct watcher *w = (struct watcher *)calloc(1, sizeof *w);

	if (!w)
		return;
	w->zone = zone;
	if (postern_timer_new(&w->timer, loop, tick, w) < 0) {
		free(w);
		return;
	}
	w->request = postern_request_keep(r);
	postern_request_set_events(r, &events, w);
	postern_timer_set_periodic(w->timer, POSTERN_SECONDS(1));
	tick(w->timer, w);
}

static void now(struct postern_request *r, const struct clock_Now_in *in, void *data)
{
	char text[32];
	struct clock_Now_out out = { .time = text };
	struct clock_NoSuchZone error = { .zone = in->zone };

	if (format_time(in->zone, text, sizeof text) < 0)
		clock_fail_NoSuchZone(r, &error);
	else if (postern_request_flags(r) & POSTERN_CALL_MORE)
		watch(r, in->zone, (struct postern_loop *)data);
	else
		clock_reply_Now(r, &out);
}

static void stop(struct postern_signal *s, int sig, void *loop)
{
	(void)s, (void)sig;
	postern_loop_stop((struct postern_loop *)loop);
}

int main(int argc, char **argv)
{
	static const struct postern_service_events events = { .size = sizeof events };
	static const struct clock_methods methods = { .Now = now };
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(service) service = NULL;
	POSTERN_AUTO(signal) interrupt = NULL;
	POSTERN_AUTO(signal) terminate = NULL;

	if (argc != 2 || postern_loop_new(&loop) < 0)
		return 64;
	if (postern_service_new(&service, loop, argv[1], NULL, &events, NULL) < 0 ||
	    clock_provide(service, &methods, loop) < 0) {
		fprintf(stderr, "clock-service: %s\n", postern_why()->text);
		return 1;
	}
	return postern_signal_new(&interrupt, loop, SIGINT, stop, loop) < 0 ||
	       postern_signal_new(&terminate, loop, SIGTERM, stop, loop) < 0 ||
	       postern_loop_run(loop) < 0;
}
