/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a publication to 1,000 subscribers costs, compared with 1,000 plain writes of the same bytes: CPU time of the
 * service's end alone, in turns. Subscribers are plain sockets of this process, and read everything between two
 * publications, which is not counted. Each line that is printed is a round; bench/run.py takes the quartiles.
 */
#include <errno.h>
#include <postern.h>
#include <postern/topic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "org.example.bench.h"

enum { TOPIC_CROWD = 1000, TOPIC_PUBLICATIONS = 40, TOPIC_TEXT = 150, TOPIC_READ = 4096 };

static _Noreturn void topic_die(const char *what, int error)
{
	fprintf(stderr, "bench-topic: %s%s%s\n", what, error ? ": " : "",
		error ? strerror(error) : "");
	exit(EXIT_FAILURE);
}

static struct postern_topic *topic;
static uint32_t topic_subscribers;

static void topic_watch(struct postern_request *r, void *data)
{
	(void)data;
	if (postern_topic_take(topic, r) < 0)
		topic_die(postern_why()->text, 0);
}

static void topic_changed(struct postern_topic *t, uint32_t subscribers, void *data)
{
	(void)t, (void)data;
	topic_subscribers = subscribers;
}

static double topic_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void topic_need_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max < 4 * TOPIC_CROWD + 100)
		topic_die("too few descriptors: ulimit -n", errno);
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		topic_die("setrlimit", errno);
}

static int topic_subscribe(const char *path)
{
	static const char call[] = "{\"method\":\"org.example.bench.Watch\",\"more\":true}";
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    send(fd, call, sizeof(call), MSG_NOSIGNAL) != sizeof(call))
		topic_die("a subscriber", errno);
	return fd;
}

/* Each has got a message of n bytes, and no more. */
static void topic_read(const int *fds, size_t n)
{
	static char got[TOPIC_READ];

	for (int i = 0; i < TOPIC_CROWD; i++)
		if (recv(fds[i], got, sizeof(got), MSG_DONTWAIT) != (ssize_t)n)
			topic_die("a subscriber has not got what was sent", errno);
}

static double topic_publish(int64_t id, const char *text)
{
	double begin = topic_now();

	if (bench_publish_Watch(topic, &(struct bench_Watch_out){ .id = id, .text = text }) < 0)
		topic_die(postern_why()->text, 0);
	return topic_now() - begin;
}

static double topic_write(const int *fds, const char *message, size_t n)
{
	double begin = topic_now();

	for (int i = 0; i < TOPIC_CROWD; i++)
		if (send(fds[i], message, n, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)n)
			topic_die("send", errno);
	return topic_now() - begin;
}

static void topic_round(struct postern_loop *loop, const int *subscribers, const int *writers,
			const int *readers)
{
	static char text[TOPIC_TEXT + 1], message[TOPIC_READ];
	double published = 0, written = 0;

	memset(text, 'x', TOPIC_TEXT);
	for (int i = 0; i < TOPIC_PUBLICATIONS; i++) {
		int64_t id = 1000000 + i;
		size_t n =
			(size_t)snprintf(
				message, sizeof(message),
				"{\"continues\":true,\"parameters\":{\"id\":%lld,\"text\":\"%s\"}}",
				(long long)id, text) +
			1;

		published += topic_publish(id, text);
		topic_read(subscribers, n);
		written += topic_write(writers, message, n);
		topic_read(readers, n);
		if (postern_loop_dispatch(loop, 0) < 0)
			topic_die("postern_loop_dispatch", 0);
	}
	printf("{\"published_us\": %.1f, \"written_us\": %.1f, \"ratio\": %.4f}\n",
	       published / TOPIC_PUBLICATIONS, written / TOPIC_PUBLICATIONS, written / published);
}

static void topic_serve(struct postern_service **ret, struct postern_loop *loop)
{
	static const struct bench_methods methods = { .Watch = topic_watch };
	static const struct postern_topic_events events = { .size = sizeof(events),
							    .changed = topic_changed };
	static const struct postern_server_options server = { .size = sizeof(server),
							      .connections = 2 * TOPIC_CROWD,
							      .connections_per_uid =
								      2 * TOPIC_CROWD };
	static const struct postern_service_options options = { .size = sizeof(options),
								.server = &server };
	char path[64];

	snprintf(path, sizeof(path), "/tmp/postern-bench-topic-%d", (int)getpid());
	if (postern_service_new(ret, loop, path, &options, NULL, NULL) < 0 ||
	    bench_provide(*ret, &methods, NULL) < 0 ||
	    bench_topic_Watch(&topic, *ret, NULL, &events, NULL) < 0)
		topic_die(postern_why()->text, 0);
}

int main(int argc, char **argv)
{
	static int subscribers[TOPIC_CROWD], writers[TOPIC_CROWD], readers[TOPIC_CROWD];
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(service) service = NULL;
	int rounds = argc > 1 ? atoi(argv[1]) : 10;

	topic_need_descriptors();
	if (postern_loop_new(&loop) < 0)
		topic_die(postern_why()->text, 0);
	topic_serve(&service, loop);
	for (int i = 0; i < TOPIC_CROWD; i++) {
		int pair[2];

		subscribers[i] =
			topic_subscribe(postern_server_path(postern_service_server(service)));
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 ||
		    postern_loop_dispatch(loop, 0) < 0)
			topic_die("socketpair", errno);
		writers[i] = pair[0];
		readers[i] = pair[1];
	}
	while (topic_subscribers < TOPIC_CROWD)
		if (postern_loop_dispatch(loop, POSTERN_SECONDS(1)) < 0)
			topic_die("postern_loop_dispatch", 0);
	for (int i = 0; i < rounds; i++)
		topic_round(loop, subscribers, writers, readers);
	topic = postern_topic_free(topic);
	return 0;
}
