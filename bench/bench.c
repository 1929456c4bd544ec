/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of every program of the benchmark that is not its transport; see bench.h.
 *
 * Allocations are counted by replacing malloc: a definition in the program overrides that of the C library for every
 * shared library too, so the libraries' own calls are counted. It costs all of them the same single increment.
 */
#include "bench.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Hidden, it would be the program's own malloc and not the libraries'. */
#define BENCH_EXPORT __attribute__((visibility("default")))

static uint64_t bench_allocations;
static sem_t bench_started; /* posted when a server of this process accepts */
static bool bench_threads;

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

void bench_die(const char *what, int error)
{
	fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name, what, error ? ": " : "",
		error ? strerror(error) : "");
	/* Not exit(): other threads run, and what they use would be torn down below them. */
	_exit(EXIT_FAILURE);
}

int64_t bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t bench_timeval_ns(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_usec * 1000;
}

static void bench_mark(const struct bench *b, struct bench_mark *m)
{
	struct rusage usage;
	struct mallinfo2 info;

	if (b->work == BENCH_WORK_IDLE) {
		info = mallinfo2();
		m->memory = info.uordblks + info.hblkhd;
	}
	getrusage(RUSAGE_SELF, &usage);
	m->wall_ns = bench_now();
	m->cpu_ns = bench_timeval_ns(usage.ru_utime) + bench_timeval_ns(usage.ru_stime);
	m->allocations = bench_allocations;
	m->done = b->done;
}

/* ---- The client ---- */

static void bench_stop(struct bench *b)
{
	b->stopped = true;
	if (b->ops->stop)
		b->ops->stop(b);
}

/* What came back is what was sent. */
static void bench_compare(const struct bench_link *l)
{
	if (l->sent != l->got || memcmp(&l->in, &l->out, sizeof(l->in)))
		bench_die("what came back is not what was sent", 0);
}

static void bench_finish(struct bench *b)
{
	bench_mark(b, &b->end);
	for (size_t i = 0; i < b->connections && b->work != BENCH_WORK_EVENTS; i++)
		bench_compare(&b->links[i]);
	bench_stop(b);
}

/* n more messages are done; false after the last. */
static bool bench_count(struct bench *b, uint64_t n)
{
	b->done += n;
	if (!b->begin.wall_ns && b->done >= b->warmup)
		bench_mark(b, &b->begin);
	return b->done < b->total;
}

void bench_open(struct bench *b)
{
	if (b->work == BENCH_WORK_IDLE)
		bench_mark(b, &b->begin);
	b->started = b->work == BENCH_WORK_STREAM || b->work == BENCH_WORK_CONNECT;
	for (size_t i = 0; i < BENCH_OPENING && b->opened < b->connections; i++)
		b->ops->open(b, b->opened++);
}

bool bench_claim(struct bench *b, struct bench_link *l)
{
	if (!b->started)
		return !l->sent;
	switch (b->work) {
	case BENCH_WORK_ECHO:
		return l->sent / b->size - l->got / b->size < b->depth && b->claimed < b->total &&
		       ++b->claimed;
	case BENCH_WORK_CONNECT:
		return !l->sent && ++b->claimed;
	case BENCH_WORK_EVENTS:
		return l == b->links && b->claimed == b->done && ++b->claimed;
	case BENCH_WORK_LOAD:
		/* Message number i is for link i modulo their number. */
		return b->claimed < b->due && l == &b->links[b->claimed % b->connections] &&
		       ++b->claimed;
	default:
		return false;
	}
}

/* The first message of a link is back. */
static void bench_greeted(struct bench *b, struct bench_link *l)
{
	l->ready = true;
	if (++b->ready < b->connections) {
		if (b->opened < b->connections)
			b->ops->open(b, b->opened++);
		return;
	}
	if (b->work == BENCH_WORK_IDLE) {
		bench_mark(b, &b->end);
		bench_stop(b);
		return;
	}
	b->started = true;
	b->start_ns = bench_now();
	for (size_t i = 0; i < (b->work == BENCH_WORK_EVENTS ? 1 : b->connections) && !b->stopped;
	     i++)
		b->ops->pump(b, i);
}

/* The server's sum of a stream. */
static bool bench_in_sum(struct bench *b, const void *bytes, size_t n)
{
	const struct bench_sum *out = &b->links[0].out;
	uint64_t sum[2];

	if (n > sizeof(b->answer) - b->answered)
		bench_die("the server sent too much", 0);
	memcpy(b->answer + b->answered, bytes, n);
	b->answered += n;
	if (b->answered < sizeof(b->answer))
		return false;
	b->answered = 0;
	memcpy(sum, b->answer, sizeof(sum));
	if (sum[0] != out->a || sum[1] != out->b)
		bench_die("the server has not got what was sent", 0);
	if (bench_count(b, b->claimed - b->done))
		return true;
	bench_mark(b, &b->end);
	bench_stop(b);
	return false;
}

/* All links get the same, each time. */
static void bench_in_event(const struct bench *b, uint64_t at, const unsigned char *bytes, size_t n)
{
	for (size_t piece; n; n -= piece, bytes += piece, at += piece) {
		size_t from = at % b->size;

		piece = n < b->size - from ? n : b->size - from;
		if (memcmp(bytes, b->event + from, piece))
			bench_die("this is not what was sent to all", 0);
	}
}

static size_t bench_bucket(uint64_t ns)
{
	int shift;

	if (ns < 32)
		return (size_t)ns;
	shift = 58 - __builtin_clzll(ns); /* the six highest bits are kept */
	return (size_t)((uint64_t)(shift + 1) * 32 + ((ns >> shift) & 31));
}

/* n messages are back that follow the first `before` of this link, the first of which was its greeting. */
static void bench_record(struct bench *b, size_t link, uint64_t before, uint64_t n)
{
	int64_t now = bench_now();

	for (uint64_t k = before - 1; k < before - 1 + n; k++) {
		uint64_t i = k * b->connections + link;

		if (i >= b->warmup)
			b->latencies[bench_bucket(
				(uint64_t)(now - b->start_ns - (int64_t)i * b->period_ns))]++;
	}
}

bool bench_in(struct bench *b, size_t link, const void *bytes, size_t n)
{
	struct bench_link *l = &b->links[link];
	uint64_t before = l->got / b->size, whole;

	if (b->work == BENCH_WORK_STREAM)
		return bench_in_sum(b, bytes, n);
	if (b->work == BENCH_WORK_EVENTS)
		bench_in_event(b, l->got, bytes, n);
	else
		bench_sum_add(&l->in, bytes, n);
	l->got += n;
	whole = l->got / b->size - before;
	if (!whole || b->stopped)
		return false;
	if (!b->started) {
		bench_greeted(b, l);
		return false;
	}
	if (b->work == BENCH_WORK_EVENTS) {
		b->heard += whole;
		if (b->heard < b->connections)
			return false;
		b->heard = 0;
		if (bench_count(b, 1))
			b->ops->pump(b, 0);
		else
			bench_finish(b);
		return false;
	}
	if (b->work == BENCH_WORK_LOAD)
		bench_record(b, link, before, whole);
	if (!bench_count(b, whole)) {
		bench_finish(b);
		return false;
	}
	if (b->work != BENCH_WORK_CONNECT)
		return true;
	bench_compare(l);
	b->ops->close(b, link);
	*l = (struct bench_link){ 0 };
	b->ops->open(b, link);
	return false;
}

/* ---- The server ---- */

void bench_ready(struct bench *b)
{
	if (b->work == BENCH_WORK_IDLE)
		bench_mark(b, &b->begin);
	if (bench_threads) {
		sem_post(&bench_started);
		return;
	}
	puts("ready");
	fflush(stdout);
}

void bench_joined(struct bench *b)
{
	b->peers++;
}

void bench_gone(struct bench *b)
{
	if (--b->peers || !b->end.wall_ns)
		return;
	bench_stop(b);
}

int bench_receive(struct bench *b, const void *bytes, size_t n)
{
	uint64_t greetings =
		b->work == BENCH_WORK_STREAM || b->work == BENCH_WORK_CONNECT ? 0 : b->connections;
	bool asked = false;

	if (b->work == BENCH_WORK_STREAM)
		bench_sum_add(&b->sum, bytes, n);
	b->bytes += n;
	b->done = b->bytes / b->size -
		  (b->bytes / b->size < greetings ? b->bytes / b->size : greetings);
	if (!b->begin.wall_ns && b->done >= b->warmup) {
		bench_mark(b, &b->begin);
		asked = true;
	}
	if (!b->end.wall_ns && b->done >= b->total && b->bytes >= greetings * b->size) {
		bench_mark(b, &b->end);
		asked = true;
	}
	if (b->work == BENCH_WORK_STREAM && !asked)
		return BENCH_NOTHING;
	if (b->work == BENCH_WORK_STREAM) {
		memcpy(b->answer, &b->sum.a, 8);
		memcpy(b->answer + 8, &b->sum.b, 8);
		return BENCH_SUM;
	}
	return b->work == BENCH_WORK_EVENTS && b->bytes > greetings * b->size ? BENCH_EVENT
									      : BENCH_ECHO;
}

/* ---- What is kept of a write ---- */

void bench_rest_keep(struct bench *b, struct bench_rest *r, const void *bytes, size_t n)
{
	/* With one link nobody else uses its buffer meanwhile. */
	r->copied = b->connections > 1;
	r->bytes = (unsigned char *)bytes;
	r->n = n;
	r->at = 0;
	if (!r->copied)
		return;
	r->bytes = malloc(n);
	if (!r->bytes)
		bench_die("malloc", ENOMEM);
	memcpy(r->bytes, bytes, n);
}

bool bench_rest_sent(struct bench_rest *r, size_t n)
{
	r->at += n;
	if (r->at < r->n)
		return false;
	if (r->copied)
		free(r->bytes);
	*r = (struct bench_rest){ 0 };
	return true;
}

/* ---- Arguments, and the result ---- */

static const char *const bench_works[] = { "echo",   "stream", "connect", "idle",
					   "events", "load",   NULL };

static _Noreturn void bench_usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: %s server|client|both WORK SOCKET [option...]\n"
		"One end of one measurement, or both in two threads; bench/run.py starts them and compares.\n"
		"  WORK             echo, stream, connect, idle, events or load\n"
		"  --size N         bytes of a message (64)\n"
		"  --depth N        messages in flight on a connection (1)\n"
		"  --connections N  at once (1)\n"
		"  --messages N     measured (1000), after --warmup N (100)\n"
		"  --batch N        messages of a stream in one write, where the contender makes batches (1)\n"
		"  --rate N         of load, messages a second (1000)\n"
		"  --frames         whole messages in place of bytes, where the contender has both\n"
		"  --spin NS        wait without sleeping, at most so long\n"
		"  --delay NS       the raw server answers so late\n"
		"  --sndbuf N       of the socket, in bytes\n"
		"  --cpu N, --server-cpu N  pin to that CPU: this end, and of both the server\n",
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

static int bench_which(const char *const *names, const char *text)
{
	for (int i = 0; names[i]; i++)
		if (!strcmp(text, names[i]))
			return i;
	bench_usage(EXIT_FAILURE);
}

static void bench_pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		bench_die("cannot pin to that CPU", errno);
}

static void bench_print(const struct bench *b, const char *role)
{
	const char *comma = "";

	if (!b->end.wall_ns)
		bench_die("the other end left too early", 0);
	printf("{\"peer\": \"%s\", \"version\": \"%s\", \"role\": \"%s\", \"messages\": %" PRIu64
	       ", \"wall_ns\": %" PRId64 ", \"cpu_ns\": %" PRId64 ", \"allocations\": %" PRIu64
	       ", \"memory\": %" PRIu64,
	       peer_name, peer_version(), role, b->end.done - b->begin.done,
	       b->end.wall_ns - b->begin.wall_ns, b->end.cpu_ns - b->begin.cpu_ns,
	       b->end.allocations - b->begin.allocations, b->end.memory - b->begin.memory);
	printf(", \"latencies\": {");
	for (uint64_t i = 0; i < BENCH_BUCKETS; i++)
		if (b->latencies[i]) {
			/* The middle of a bucket stands for it. */
			uint64_t shift = i < 64 ? 0 : i / 32 - 1;
			uint64_t ns =
				i < 64 ? i : ((32 + i % 32) << shift) + (UINT64_C(1) << shift >> 1);

			printf("%s\"%" PRIu64 "\": %" PRIu64, comma, ns, b->latencies[i]);
			comma = ", ";
		}
	puts("}}");
}

/* What one end has in memory. */
static void bench_prepare(struct bench *b)
{
	b->links = calloc(b->connections, sizeof(*b->links));
	b->latencies = calloc(BENCH_BUCKETS, sizeof(*b->latencies));
	b->event = malloc(b->size);
	if (!b->links || !b->latencies || !b->event)
		bench_die("calloc", ENOMEM);
	bench_write(b, 0, b->event, b->size);
}

static void bench_release(struct bench *b)
{
	free(b->links);
	free(b->latencies);
	free(b->event);
}

static void *bench_serve(void *data)
{
	struct bench *b = data;

	peer_run(b);
	return NULL;
}

static void bench_both(struct bench *b, int server_cpu, int cpu)
{
	struct bench server = *b;
	pthread_t thread;

	bench_threads = true;
	server.server = true;
	bench_prepare(&server);
	sem_init(&bench_started, 0, 0);
	/* A thread has the CPUs of the one that makes it. */
	bench_pin(server_cpu);
	if (pthread_create(&thread, NULL, bench_serve, &server))
		bench_die("pthread_create", 0);
	while (sem_wait(&bench_started) < 0)
		;
	bench_pin(cpu);
	peer_run(b);
	pthread_join(thread, NULL);
	bench_release(&server);
}

static void bench_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		bench_die("getrlimit", errno);
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		bench_die("setrlimit", errno);
}

enum {
	BENCH_SIZE,
	BENCH_DEPTH,
	BENCH_CONNECTIONS,
	BENCH_MESSAGES,
	BENCH_WARMUP,
	BENCH_BATCH,
	BENCH_RATE,
	BENCH_SPIN,
	BENCH_DELAY,
	BENCH_SNDBUF,
	BENCH_CPU,
	BENCH_SERVER_CPU,
};

/* What may be said with a number. */
static struct {
	const char *name;
	uint64_t min, max, value;
} bench_options[] = {
	[BENCH_SIZE] = { "--size", 1, 64 << 20, 64 },
	[BENCH_DEPTH] = { "--depth", 1, 4096, 1 },
	[BENCH_CONNECTIONS] = { "--connections", 1, 100000, 1 },
	[BENCH_MESSAGES] = { "--messages", 1, UINT32_MAX, 1000 },
	[BENCH_WARMUP] = { "--warmup", 1, UINT32_MAX, 100 },
	[BENCH_BATCH] = { "--batch", 1, 4096, 1 },
	[BENCH_RATE] = { "--rate", 1, 100000000, 1000 },
	[BENCH_SPIN] = { "--spin", 1, INT64_MAX, 0 },
	[BENCH_DELAY] = { "--delay", 1, 999999999, 0 },
	[BENCH_SNDBUF] = { "--sndbuf", 1, INT32_MAX, 0 },
	[BENCH_CPU] = { "--cpu", 0, CPU_SETSIZE - 1, UINT64_MAX },
	[BENCH_SERVER_CPU] = { "--server-cpu", 0, CPU_SETSIZE - 1, UINT64_MAX },
};

/* The option that is argv[i]; returns how many further arguments it has taken. */
static int bench_option(struct bench *b, char **argv, int i)
{
	if (!strcmp(argv[i], "--help"))
		bench_usage(EXIT_SUCCESS);
	if (!strcmp(argv[i], "--frames")) {
		b->frames = true;
		return 0;
	}
	for (size_t k = 0; k < sizeof(bench_options) / sizeof(bench_options[0]); k++)
		if (!strcmp(argv[i], bench_options[k].name) && argv[i + 1]) {
			bench_options[k].value = bench_number(argv[i + 1], bench_options[k].min,
							      bench_options[k].max);
			return 1;
		}
	bench_usage(EXIT_FAILURE);
}

static void bench_settle(struct bench *b)
{
	uint64_t batch = bench_options[BENCH_BATCH].value;

	b->size = bench_options[BENCH_SIZE].value;
	b->depth = bench_options[BENCH_DEPTH].value;
	b->connections = bench_options[BENCH_CONNECTIONS].value;
	b->sndbuf = bench_options[BENCH_SNDBUF].value;
	b->spin_ns = (int64_t)bench_options[BENCH_SPIN].value;
	b->delay_ns = (int64_t)bench_options[BENCH_DELAY].value;
	b->period_ns = (int64_t)(1000000000 / bench_options[BENCH_RATE].value);
	if (b->work != BENCH_WORK_IDLE) {
		b->warmup = bench_options[BENCH_WARMUP].value;
		b->total = b->warmup + bench_options[BENCH_MESSAGES].value;
	}
	b->room = b->size * batch;
	if (b->work != BENCH_WORK_STREAM || b->room > BENCH_OUT)
		b->room = BENCH_OUT;
}

int main(int argc, char **argv)
{
	static const char *const roles[] = { "client", "server", "both", NULL };
	const char *words[3];
	struct bench b = { 0 };
	int role, n = 0, cpu, server_cpu;

	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "--", 2))
			i += bench_option(&b, argv, i);
		else if (n < 3)
			words[n++] = argv[i];
		else
			bench_usage(EXIT_FAILURE);
	}
	if (n < 3)
		bench_usage(EXIT_FAILURE);
	role = bench_which(roles, words[0]);
	b.server = role == 1;
	b.work = bench_which(bench_works, words[1]);
	b.path = words[2];
	bench_settle(&b);
	cpu = (int)bench_options[BENCH_CPU].value;
	server_cpu = (int)bench_options[BENCH_SERVER_CPU].value;
	/* A runner that was killed leaves nobody behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	alarm(BENCH_LIMIT_S);
	bench_raise_limit();
	bench_prepare(&b);
	if (role == 2) {
		bench_both(&b, server_cpu, cpu);
	} else {
		bench_pin(cpu);
		peer_run(&b);
	}
	bench_print(&b, roles[role]);
	bench_release(&b);
	return 0;
}
