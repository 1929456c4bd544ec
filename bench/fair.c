/* SPDX-License-Identifier: Apache-2.0 */
/* fair.c - the latency of neighbours, without and with a flooder; see fair.h */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fair.h"

enum {
	NEIGHBOURS = 16,
	WAITING = 1024,  /* requests of one neighbour that are not answered */
	SAMPLES = 65536, /* of one phase */
	ROUNDS_MAX = 64,
	GAP_NS = 250 * 1000, /* between two requests of all neighbours, on average */
	SETTLE_NS = 100 * 1000 * 1000,
};

const char *const fair_port_names[FAIR_PORTS] = { "bytes", "frames", "calls" };

struct neighbour {
	int fd;
	size_t part; /* bytes of an answer that is not complete */
	uint32_t begin, end;
	int64_t due[WAITING]; /* when its requests were due, a ring */
};

struct phase {
	int64_t p50, p99;
	double server;  /* the part of the time that the server's process ran */
	double flooded; /* per second */
};

static struct {
	struct fair fair;
	bool raw, first, alone;
	int rounds, server_cpu, client_cpu;
	int64_t phase_ns;
	const char *only;

	pid_t owner, server, flooder;
	volatile sig_atomic_t stopped;
	clockid_t server_clock;
	int epoll;
	struct neighbour neighbours[FAIR_PORTS][NEIGHBOURS];
	char request[FAIR_PORTS][256];
	size_t request_size[FAIR_PORTS];
	int64_t samples[SAMPLES];
	uint32_t n, waiting;
	uint64_t random;
} run = {
	.rounds = 5, .server_cpu = 0, .client_cpu = 1, .phase_ns = 500 * 1000 * 1000, .random = 1
};

void fair_die(const char *what, int error)
{
	fprintf(stderr, "bench-fair: %s%s%s\n", what, error ? ": " : "",
		error ? strerror(error) : "");
	exit(EXIT_FAILURE);
}

static int64_t fair_now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int fair_connect(const struct fair *f, enum fair_port port)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%.*s/%s", FAIR_PATH - 16, f->directory,
		 fair_port_names[port]);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* ---- processes ---- */

static void fair_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (cpu >= 0 && sched_setaffinity(0, sizeof(set), &set) < 0)
		fair_die("cannot pin to that CPU", errno);
}

/* A child that ends with us. In the child it returns 0. */
static pid_t fair_fork(int cpu)
{
	pid_t pid = fork();

	if (pid < 0)
		fair_die("fork", errno);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fair_pin(cpu);
	}
	return pid;
}

static void fair_kill(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

static void fair_go_first(int policy)
{
	static const struct sched_param least = { .sched_priority = 1 };

	if (run.first && sched_setscheduler(0, policy, &least) < 0)
		fair_die("sched_setscheduler", errno);
}

static void fair_start_server(void)
{
	char line[16];
	int ready[2];

	if (pipe(ready) < 0)
		fair_die("pipe", errno);
	run.server = fair_fork(run.server_cpu);
	if (run.server == 0) {
		fair_go_first(SCHED_FIFO);
		dup2(ready[1], STDOUT_FILENO);
		close(ready[0]);
		close(ready[1]);
		(run.raw ? fair_serve_raw : fair_serve_postern)(&run.fair);
		_exit(EXIT_FAILURE);
	}
	close(ready[1]);
	if (read(ready[0], line, sizeof(line)) <= 0)
		fair_die("the server did not start", 0);
	close(ready[0]);
	if (clock_getcpuclockid(run.server, &run.server_clock) != 0)
		fair_die("clock_getcpuclockid", errno);
}

/* ---- neighbours ---- */

static void fair_make_requests(void)
{
	static const unsigned char head[] = { FAIR_SIZE - 4, 0, 0, 0 };

	memset(run.request[FAIR_BYTES], FAIR_ECHO, FAIR_SIZE);
	memset(run.request[FAIR_FRAMES], FAIR_ECHO, FAIR_SIZE);
	memcpy(run.request[FAIR_FRAMES], head, sizeof(head));
	memcpy(run.request[FAIR_CALLS], FAIR_CALL, sizeof(FAIR_CALL));
	run.request_size[FAIR_BYTES] = run.request_size[FAIR_FRAMES] = FAIR_SIZE;
	run.request_size[FAIR_CALLS] = sizeof(FAIR_CALL);
}

static void fair_meet_neighbours(enum fair_port port)
{
	for (int i = 0; i < NEIGHBOURS; i++) {
		struct neighbour *n = &run.neighbours[port][i];
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = n };

		n->fd = fair_connect(&run.fair, port);
		if (n->fd < 0 || epoll_ctl(run.epoll, EPOLL_CTL_ADD, n->fd, &event) < 0)
			fair_die("a neighbour cannot connect", errno);
	}
}

static void fair_request(struct neighbour *n, enum fair_port port, int64_t due)
{
	if (n->end - n->begin == WAITING)
		fair_die("a neighbour gets no answer", 0);
	n->due[n->end++ % WAITING] = due;
	run.waiting++;
	if (send(n->fd, run.request[port], run.request_size[port], MSG_DONTWAIT | MSG_NOSIGNAL) !=
	    (ssize_t)run.request_size[port])
		fair_die("a neighbour cannot send", errno);
}

static void fair_answered(struct neighbour *n, int64_t now)
{
	if (n->begin == n->end)
		fair_die("a neighbour got an answer too much", 0);
	if (run.n == SAMPLES)
		fair_die("too many samples for one phase", 0);
	run.samples[run.n++] = now - n->due[n->begin++ % WAITING];
	run.waiting--;
}

static void fair_read(struct neighbour *n)
{
	bool calls = n >= run.neighbours[FAIR_CALLS];
	char in[4096];
	ssize_t r = recv(n->fd, in, sizeof(in), MSG_DONTWAIT);
	int64_t now = fair_now(CLOCK_MONOTONIC);

	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (r <= 0)
		fair_die("a neighbour was cut off", errno);
	for (ssize_t i = 0; calls && i < r; i++)
		if (in[i] == '\0')
			fair_answered(n, now);
	if (calls)
		return;
	for (n->part += (size_t)r; n->part >= FAIR_SIZE; n->part -= FAIR_SIZE)
		fair_answered(n, now);
}

/* Waits for answers, until then. */
static void fair_wait(int64_t until)
{
	struct epoll_event events[NEIGHBOURS];
	int64_t left = until - fair_now(CLOCK_MONOTONIC);
	struct timespec wait = { 0 };
	int k;

	if (left > 0)
		wait = (struct timespec){ .tv_sec = left / 1000000000,
					  .tv_nsec = left % 1000000000 };
	k = epoll_pwait2(run.epoll, events, NEIGHBOURS, &wait, NULL);
	if (run.stopped)
		fair_die("interrupted", 0);
	if (k < 0 && errno != EINTR)
		fair_die("epoll_pwait2", errno);
	for (int i = 0; i < k; i++)
		fair_read(events[i].data.ptr);
}

/* Half to one and a half of the mean, so that no period of the flooder's fits. */
static int64_t fair_gap(void)
{
	run.random ^= run.random << 13;
	run.random ^= run.random >> 7;
	run.random ^= run.random << 17;
	return GAP_NS / 2 + (int64_t)(run.random % GAP_NS);
}

static void fair_ask(enum fair_port port, int64_t ns)
{
	int64_t due = fair_now(CLOCK_MONOTONIC), end = due + ns;

	for (uint32_t i = 0; due < end;) {
		for (; due < end && due <= fair_now(CLOCK_MONOTONIC); i++, due += fair_gap())
			fair_request(&run.neighbours[port][i % NEIGHBOURS], port, due);
		fair_wait(due);
	}
	/* The last ones count too, however late. */
	while (run.waiting > 0)
		fair_wait(end + INT64_C(5000000000));
}

static int fair_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void fair_measure(struct phase *ret, enum fair_port port)
{
	int64_t begin = fair_now(CLOCK_MONOTONIC), cpu = fair_now(run.server_clock), took;
	long long flooded = atomic_load(run.fair.flooded);

	run.n = 0;
	if (run.alone && run.flooder > 0)
		fair_wait(begin + run.phase_ns);
	else
		fair_ask(port, run.phase_ns);
	took = fair_now(CLOCK_MONOTONIC) - begin;
	ret->server = (double)(fair_now(run.server_clock) - cpu) / (double)took;
	ret->flooded = (double)(atomic_load(run.fair.flooded) - flooded) * 1e9 / (double)took;
	qsort(run.samples, run.n, sizeof(*run.samples), fair_compare);
	if (run.n == 0)
		return;
	ret->p50 = run.samples[run.n / 2];
	ret->p99 = run.samples[(uint64_t)run.n * 99 / 100];
}

/* ---- phases and rounds ---- */

static void fair_flooded(struct phase *ret, const struct fair_flood *flood)
{
	run.flooder = fair_fork(run.client_cpu);
	if (run.flooder == 0) {
		flood->run(&run.fair);
		_exit(EXIT_FAILURE);
	}
	if (!run.alone)
		fair_ask(flood->port, SETTLE_NS);
	else
		fair_wait(fair_now(CLOCK_MONOTONIC) + SETTLE_NS);
	fair_measure(ret, flood->port);
	if (waitpid(run.flooder, NULL, WNOHANG) != 0)
		fair_die("the flooder has ended", 0);
	fair_kill(&run.flooder);
	run.n = 0;
	fair_ask(flood->port, SETTLE_NS);
}

/* What comes from elsewhere only makes a round slower: so the lower quartile, and not the median. */
static int64_t fair_quartile(int64_t *of, int n)
{
	qsort(of, (size_t)n, sizeof(*of), fair_compare);
	return of[n / 4];
}

static double fair_column(const struct phase *phases, size_t offset)
{
	int64_t of[ROUNDS_MAX];

	for (int i = 0; i < run.rounds; i++)
		memcpy(&of[i], (const char *)&phases[i] + offset, sizeof(of[i]));
	return (double)fair_quartile(of, run.rounds) / 1e3;
}

static void fair_report(const struct fair_flood *flood, const struct phase *quiet,
			const struct phase *flooded)
{
	double p99 = fair_column(flooded, offsetof(struct phase, p99));
	double quiet_p99 = fair_column(quiet, offsetof(struct phase, p99));
	double server = 0, rate = 0;

	for (int i = 0; i < run.rounds; i++) {
		server += flooded[i].server / run.rounds;
		rate += flooded[i].flooded / run.rounds;
	}
	printf("%-9s %8.1f %8.1f %8.1f %8.1f ", flood->name,
	       fair_column(quiet, offsetof(struct phase, p50)), quiet_p99,
	       fair_column(flooded, offsetof(struct phase, p50)), p99);
	printf("%7.2f %6.0f %% ", p99 / quiet_p99, 100 * server);
	if (*flood->unit == 'B')
		printf("%8.2f GB/s\n", rate / 1e9);
	else
		printf("%8.1f k/s\n", rate / 1e3);
	fflush(stdout);
}

static void fair_rounds(void)
{
	static struct phase quiet[8][ROUNDS_MAX], flooded[8][ROUNDS_MAX];

	for (int i = 0; i < run.rounds; i++)
		for (int k = 0; fair_floods[k].name; k++) {
			const struct fair_flood *flood = &fair_floods[k];

			if ((run.raw && !flood->raw) || (run.only && strcmp(run.only, flood->name)))
				continue;
			fair_measure(&quiet[k][i], flood->port);
			fair_flooded(&flooded[k][i], flood);
		}
	printf("flooder  quiet p50      p99 flooded p50    p99  p99/p99  server      flood\n");
	for (int k = 0; fair_floods[k].name; k++)
		if (quiet[k][0].p99 > 0)
			fair_report(&fair_floods[k], quiet[k], flooded[k]);
}

/* ---- the program ---- */

static void fair_stop(int signal)
{
	(void)signal;
	run.stopped = 1;
}

/* Not in a child that failed. */
static void fair_end(void)
{
	if (getpid() != run.owner)
		return;
	fair_kill(&run.flooder);
	fair_kill(&run.server);
	for (int i = 0; i < FAIR_PORTS && run.fair.directory[0]; i++) {
		char path[FAIR_PATH + 16];

		snprintf(path, sizeof(path), "%s/%s", run.fair.directory, fair_port_names[i]);
		unlink(path);
	}
	if (run.fair.directory[0])
		rmdir(run.fair.directory);
}

static _Noreturn void fair_usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: bench-fair [--rounds N] [--ms N] [--server-cpu N] [--client-cpu N] [--first]\n"
		"                  [--alone] [--raw] [FLOODER]\n"
		"Latencies of 16 neighbours in microseconds, from the time at which each request was due: quiet, and\n"
		"beside a flooder; lower quartiles of the rounds.\n"
		"  --first  the server and the neighbours run ahead of all others, the flooder too (SCHED_FIFO; needs root)\n"
		"  --alone  the neighbours are silent beside the flooder: what it gets done is all\n"
		"  --raw    a plain epoll server, one read of each connection a round, in the place of Postern\n"
		"Flooders:\n");
	for (const struct fair_flood *f = fair_floods; f->name; f++)
		fprintf(status ? stderr : stdout, "  %-9s%s\n", f->name, f->what);
	exit(status);
}

static int fair_number(const char *text, int least, int most)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < least || n > most)
		fair_usage(EXIT_FAILURE);
	return (int)n;
}

static void fair_arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "ms", required_argument, NULL, 'm' },
		{ "server-cpu", required_argument, NULL, 's' },
		{ "client-cpu", required_argument, NULL, 'c' },
		{ "first", no_argument, NULL, 'f' },
		{ "alone", no_argument, NULL, 'a' },
		{ "raw", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'r')
			run.rounds = fair_number(optarg, 1, ROUNDS_MAX);
		else if (option == 'm')
			run.phase_ns = (int64_t)fair_number(optarg, 50, 10000) * 1000000;
		else if (option == 's')
			run.server_cpu = fair_number(optarg, -1, CPU_SETSIZE - 1);
		else if (option == 'c')
			run.client_cpu = fair_number(optarg, -1, CPU_SETSIZE - 1);
		else if (option == 'f')
			run.first = true;
		else if (option == 'a')
			run.alone = true;
		else if (option == 'w')
			run.raw = true;
		else
			fair_usage(option == 'h' ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	run.only = argv[optind];
	if (argc - optind > 1)
		fair_usage(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	fair_arguments(argc, argv);
	run.fair.flooded = mmap(NULL, sizeof(*run.fair.flooded), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run.fair.flooded == MAP_FAILED)
		fair_die("mmap", errno);
	strcpy(run.fair.directory, "/tmp/postern-fair-XXXXXX");
	if (!mkdtemp(run.fair.directory) || chmod(run.fair.directory, 0755) < 0)
		fair_die(run.fair.directory, errno);
	run.owner = getpid();
	atexit(fair_end);
	signal(SIGINT, fair_stop);
	signal(SIGTERM, fair_stop);
	fair_start_server();
	fair_pin(run.client_cpu);
	prctl(PR_SET_TIMERSLACK, 1);
	fair_go_first(SCHED_FIFO | SCHED_RESET_ON_FORK);
	run.epoll = epoll_create1(EPOLL_CLOEXEC);
	fair_make_requests();
	for (int port = 0; port < (run.raw ? 1 : FAIR_PORTS); port++) {
		fair_meet_neighbours(port);
		fair_ask(port, SETTLE_NS);
	}
	fair_rounds();
	return 0;
}
