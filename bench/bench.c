/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of every program of the benchmark that is not per message; see bench.h.
 *
 * Allocations are counted by replacing malloc: a definition in the program overrides that of
 * the C library for every shared library too, so libuv's and Postern's own calls are counted. It costs all of
 * them the same single increment.
 */
#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Hidden, it would be the program's own malloc and not the libraries'. */
#define BENCH_EXPORT __attribute__((visibility("default")))

static uint64_t bench_allocations;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

BENCH_EXPORT void *malloc(size_t size)
{
	bench_allocations++;
	return __libc_malloc(size);
}

BENCH_EXPORT void *calloc(size_t n, size_t size)
{
	bench_allocations++;
	return __libc_calloc(n, size);
}

BENCH_EXPORT void *realloc(void *p, size_t size)
{
	bench_allocations++;
	return __libc_realloc(p, size);
}

_Noreturn void bench_die(const char *what, int error)
{
	fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name, what, error ? ": " : "",
		error ? strerror(error) : "");
	exit(EXIT_FAILURE);
}

static _Noreturn void bench_usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: %s server|client echo|stream SOCKET [--messages N] [--warmup N]\n"
		"          [--batch N] [--cpu N] [--spin US] [--delay US]\n"
		"One end of one measurement; bench/core.py starts both and compares.\n",
		program_invocation_short_name);
	exit(status);
}

static uint64_t bench_number(const char *text, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || n < min || n > max)
		bench_usage(EXIT_FAILURE);
	return n;
}

static bool bench_either(const char *text, const char *yes, const char *no)
{
	if (strcmp(text, yes) && strcmp(text, no))
		bench_usage(EXIT_FAILURE);
	return !strcmp(text, yes);
}

static void bench_pin(size_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		bench_die("cannot pin to that CPU", errno);
}

void bench_init(struct bench *b, const char *peer, const char *version, int argc, char **argv)
{
	static const struct option options[] = {
		{ "messages", required_argument, NULL, 'm' },
		{ "warmup", required_argument, NULL, 'w' },
		{ "batch", required_argument, NULL, 'b' },
		{ "cpu", required_argument, NULL, 'c' },
		{ "spin", required_argument, NULL, 's' },
		{ "delay", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t messages = 1000;
	int option;

	*b = (struct bench){ .peer = peer, .version = version, .warmup = 100, .batch = 1 };
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'm')
			messages = bench_number(optarg, 1, UINT32_MAX);
		else if (option == 'w')
			b->warmup = bench_number(optarg, 1, UINT32_MAX);
		else if (option == 'b')
			b->batch = bench_number(optarg, 1, BENCH_BATCH_MAX);
		else if (option == 'c')
			bench_pin(bench_number(optarg, 0, CPU_SETSIZE - 1));
		else if (option == 's')
			b->spin_ns = (int64_t)bench_number(optarg, 1, 1000) * 1000;
		else if (option == 'd')
			b->delay_ns = (long)bench_number(optarg, 1, 999999) * 1000;
		else
			bench_usage(option == 'h' ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	if (argc - optind != 3)
		bench_usage(EXIT_FAILURE);
	b->server = bench_either(argv[optind], "server", "client");
	b->stream = bench_either(argv[optind + 1], "stream", "echo");
	b->path = argv[optind + 2];
	b->total = b->warmup + messages;
	alarm(BENCH_LIMIT_S);
}

void bench_ready(void)
{
	puts("ready");
	fflush(stdout);
}

static int64_t bench_timeval_ns(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_usec * 1000;
}

void bench_mark(struct bench_mark *m)
{
	struct timespec now;
	struct rusage usage;

	clock_gettime(CLOCK_MONOTONIC, &now);
	getrusage(RUSAGE_SELF, &usage);
	m->wall_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	m->cpu_ns = bench_timeval_ns(usage.ru_utime) + bench_timeval_ns(usage.ru_stime);
	m->allocations = bench_allocations;
}

void bench_print(const struct bench *b)
{
	if (!b->end.wall_ns)
		bench_die("the other end left too early", 0);
	printf("{\"peer\": \"%s\", \"version\": \"%s\", \"role\": \"%s\", \"workload\": \"%s\", \"messages\": %" PRIu64
	       ", \"batch\": %zu, \"wall_ns\": %" PRId64 ", \"cpu_ns\": %" PRId64
	       ", \"allocations\": %" PRIu64 "}\n",
	       b->peer, b->version, b->server ? "server" : "client", b->stream ? "stream" : "echo",
	       b->total - b->warmup, b->batch, b->end.wall_ns - b->begin.wall_ns,
	       b->end.cpu_ns - b->begin.cpu_ns, b->end.allocations - b->begin.allocations);
}
