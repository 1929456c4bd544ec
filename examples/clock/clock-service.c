/* SPDX-License-Identifier: Apache-2.0 */
/* clock-service NAME: answers calls of org.example.clock, until SIGINT or SIGTERM */
#include "org.example.clock.h"

#include <errno.h>
#include <postern.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *print_time(char text[32], bool local)
{
	time_t now = time(NULL);
	struct tm tm;

	strftime(text, 32, "%Y-%m-%d %H:%M:%S",
		 local ? localtime_r(&now, &tm) : gmtime_r(&now, &tm));
	return text;
}

struct clock {
	struct postern_loop *loop;
	struct postern_topic *utc, *local;
};

/* ---- Now: an answer at once, or a subscription ---- */

static void now(struct postern_request *r, const struct clock_Now_in *in, void *data)
{
	struct clock *c = (struct clock *)data;
	bool local = in->zone && !strcmp(in->zone, "local");
	char text[32];
	struct clock_Now_out out = { .time = print_time(text, local) };
	struct clock_NoSuchZone error = { .zone = in->zone };

	if (in->zone && !local && strcmp(in->zone, "UTC"))
		clock_fail_NoSuchZone(r, &error);
	else if (!(postern_request_flags(r) & POSTERN_CALL_MORE))
		clock_reply_Now(r, &out);
	else if (postern_topic_take(local ? c->local : c->utc, r) < 0)
		return; /* unanswered: the peer gets the error io.postern.Abandoned */
}

/* At every second, to all who have subscribed. */
static void tick(struct postern_timer *timer, void *data)
{
	struct clock *c = (struct clock *)data;
	char text[32];
	struct clock_Now_out out = { .time = print_time(text, false) };

	(void)timer;
	if (clock_publish_Now(c->utc, &out) < 0)
		fprintf(stderr, "clock-service: %s\n", postern_why()->text);
	out.time = print_time(text, true);
	if (clock_publish_Now(c->local, &out) < 0)
		fprintf(stderr, "clock-service: %s\n", postern_why()->text);
}

/* ---- Alarm: an answer from another thread ---- */

struct alarm {
	struct postern_request *request;
	unsigned seconds;
};

/* On the loop's thread again. A reply after the peer has left is -ESTALE, which is as well. */
static void ring(struct postern_request *r, void *data)
{
	char text[32];
	struct clock_Alarm_out out = { .time = print_time(text, false) };

	clock_reply_Alarm(r, &out);
	postern_request_free(r);
	free(data);
}

static void *wait_for_it(void *data)
{
	struct alarm *a = (struct alarm *)data;

	sleep(a->seconds);
	if (postern_request_post(a->request, ring, a) < 0)
		abort(); /* it was posted twice */
	return NULL;
}

static void set_alarm(struct postern_request *r, const struct clock_Alarm_in *in, void *data)
{
	struct alarm *a = (struct alarm *)malloc(sizeof *a);
	pthread_t thread;

	(void)data;
	if (in->seconds < 0 || in->seconds > 3600) {
		postern_request_invalid(r, "seconds");
	} else if (a) {
		a->request = postern_request_keep(r);
		a->seconds = (unsigned)in->seconds;
		if (pthread_create(&thread, NULL, wait_for_it, a) == 0) {
			pthread_detach(thread);
			return;
		}
		postern_request_free(r);
	}
	free(a);
}

/* ---- Stamp: the connection itself ---- */

static size_t stamp_line(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	const char *end = (const char *)memchr(bytes, '\n', n);
	char time[32], line[1024];
	int length;

	(void)data;
	if (!end)
		return postern_conn_at_end(c) ? n : 0; /* the rest of the line is still to come */
	length = snprintf(line, sizeof line, "%s %.*s", print_time(time, false),
			  (int)(end - (const char *)bytes), (const char *)bytes);
	if (postern_conn_write_frame(c, POSTERN_FRAMING_LINES, line,
				     length < 1024 ? (size_t)length : sizeof line - 1) < 0)
		return 0; /* -EAGAIN: its peer reads slowly, and this line is offered again */
	return (size_t)(end + 1 - (const char *)bytes);
}

static void stamp_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	(void)why, (void)data;
	postern_conn_free(c);
}

static void stamp(struct postern_request *r, void *loop)
{
	static const struct postern_conn_events events = { .size = sizeof events,
							   .received = stamp_line,
							   .closed = stamp_closed };
	struct postern_conn *c;

	(void)loop;
	if (clock_upgrade_Stamp(&c, r, &events, NULL) < 0)
		return; /* unanswered, as above; else c is ours until it has ended */
}

/* ---- The service ---- */

/* Others than root and its own user may ask for the time, and set no alarms. */
static int allow(const struct postern_request *r, void *data)
{
	struct postern_peer peer;

	(void)data;
	postern_request_peer(r, &peer, sizeof peer);
	if (peer.uid == 0 || peer.uid == getuid())
		return 0;
	return strcmp(postern_request_method(r), clock_Alarm_method.name) ? 0 : -EACCES;
}

/* Gives up the name, ends those who have subscribed, and goes when every other call has its answer, within a second. */
static void stop(struct postern_signal *s, int sig, void *service)
{
	(void)s, (void)sig;
	postern_service_drain((struct postern_service *)service, POSTERN_SECONDS(1));
}

static void closed(struct postern_service *s, const struct postern_reason *why, void *data)
{
	(void)s, (void)why;
	postern_loop_stop(((struct clock *)data)->loop);
}

static const struct clock_methods methods = { .Now = now, .Alarm = set_alarm, .Stamp = stamp };

int main(int argc, char **argv)
{
	static const struct postern_server_options server = { .size = sizeof server,
							      .connections_per_uid = 64 };
	static const struct postern_service_options options = {
		.size = sizeof options,
		.server = &server,
		.product = "clock",
		.message_max = 65536,
		.flags = POSTERN_SERVICE_STATISTICS | POSTERN_SERVICE_TRACE
	};
	static const struct postern_service_events events = { .size = sizeof events,
							      .allow = allow,
							      .closed = closed };
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(service) service = NULL;
	POSTERN_AUTO(topic) utc = NULL;
	POSTERN_AUTO(topic) local = NULL;
	POSTERN_AUTO(timer) timer = NULL;
	POSTERN_AUTO(signal) interrupt = NULL;
	POSTERN_AUTO(signal) terminate = NULL;
	struct clock c;

	if (argc != 2 || postern_loop_new(&loop) < 0)
		return 64;
	c.loop = loop;
	if (postern_service_new(&service, loop, argv[1], &options, &events, &c) < 0 ||
	    clock_provide(service, &methods, &c) < 0) {
		fprintf(stderr, "clock-service: %s\n", postern_why()->text);
		return 1;
	}
	if (clock_topic_Now(&utc, service, NULL, NULL, NULL) < 0 ||
	    clock_topic_Now(&local, service, NULL, NULL, NULL) < 0 ||
	    postern_timer_new(&timer, loop, tick, &c) < 0)
		return 1;
	c.utc = utc;
	c.local = local;
	tick(timer, &c);
	return postern_timer_set_periodic(timer, POSTERN_SECONDS(1)) < 0 ||
	       postern_signal_new(&interrupt, loop, SIGINT, stop, service) < 0 ||
	       postern_signal_new(&terminate, loop, SIGTERM, stop, service) < 0 ||
	       postern_loop_run(loop) < 0;
}
