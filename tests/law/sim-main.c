/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim-main.c - seeds of the simulation, and what to do with one that breaks a law
 *
 *	sim                            seeds 1 to 2000, as TAP
 *	sim --from A --lives N         others
 *	sim --seed N                   one, in words
 *
 * Lives are led in worker processes, one for each processor. A broken law, a crash or a hang ends a worker; the lowest seed
 * of those is reported.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

enum { JOBS_MAX = 8, SECONDS_PER_LIFE = 10 };

static struct {
	uint64_t from, lives, seed;
	unsigned jobs;
} args = { .from = 1, .lives = 2000 };

static struct sim_result *results;

static int scale(void)
{
	const char *s = getenv("TEST_SCALE");

	return s && atoi(s) > 0 ? atoi(s) : 1;
}

/* ---- workers ---- */

static uint64_t mixed(uint64_t seed, uint64_t trace)
{
	uint64_t x = (seed * 0x9e3779b97f4a7c15u) ^ trace;

	return (x ^ x >> 29) * 0xbf58476d1ce4e5b9u;
}

static void one_life(uint64_t seed)
{
	sim_result->seed = seed;
	alarm((unsigned)(SECONDS_PER_LIFE * scale()));
	sim_trace_begin();
	sim_life(seed);
	sim_result->hash += mixed(seed, sim_trace());
}

static void __attribute__((noreturn)) worker(unsigned job)
{
	sim_result = &results[job];
	for (uint64_t i = job; i < args.lives; i += args.jobs)
		one_life(args.from + i);
	_exit(0);
}

static void explain(struct sim_result *r, int status)
{
	if (r->broken)
		return;
	r->broken = true;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(r->law, sizeof(r->law), "it hangs");
	else if (WIFSIGNALED(status))
		snprintf(r->law, sizeof(r->law), "crash: %s", strsignal(WTERMSIG(status)));
	else
		snprintf(r->law, sizeof(r->law), "crash: status %d", WEXITSTATUS(status));
}

/* NULL, or what the lowest seed broke that broke something. */
static const struct sim_result *live(void)
{
	const struct sim_result *broken = NULL;
	pid_t pids[JOBS_MAX];
	int status;

	memset(results, 0, JOBS_MAX * sizeof(*results));
	fflush(NULL);
	for (unsigned i = 0; i < args.jobs; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			worker(i);
	}
	for (unsigned i = 0; i < args.jobs; i++) {
		if (pids[i] < 0 || waitpid(pids[i], &status, 0) != pids[i])
			abort();
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			explain(&results[i], status);
		if (results[i].broken && (!broken || results[i].seed < broken->seed))
			broken = &results[i];
	}
	return broken;
}

static uint64_t hash_of_all(void)
{
	uint64_t hash = 0;

	for (unsigned i = 0; i < args.jobs; i++)
		hash += results[i].hash;
	return hash;
}

/* ---- results ---- */

static void report(const struct sim_result *r, unsigned last)
{
	unsigned n = r->n_lines, begin = n > last ? n - last : 0;

	printf("# seed %llu: %s\n", (unsigned long long)r->seed, r->law);
	for (unsigned i = begin; i < n; i++)
		printf("#   %s\n", r->lines[i % SIM_LINES]);
	printf("# again: %s/tests/law/sim --seed %llu\n",
	       getenv("POSTERN_BUILD") ? getenv("POSTERN_BUILD") : "build",
	       (unsigned long long)r->seed);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned many_lives(uint64_t *ret_hash)
{
	double begun = seconds();
	const struct sim_result *broken = live();

	if (broken)
		report(broken, SIM_LINES);
	printf("%s 1 - each call ends once and truly, whatever happens\n",
	       broken ? "not ok" : "ok");
	*ret_hash = hash_of_all();
	printf("# seeds %llu to %llu in %.1f s, %u at a time; trace %016llx\n",
	       (unsigned long long)args.from, (unsigned long long)(args.from + args.lives - 1),
	       seconds() - begun, args.jobs, (unsigned long long)*ret_hash);
	return broken != NULL;
}

static unsigned everything(void)
{
	static const char *const names[] = {
#define SIM_NAME(name) #name,
		SIM_COUNTS(SIM_NAME)
	};
	unsigned missing = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint64_t n = 0;

		for (unsigned k = 0; k < args.jobs; k++)
			n += ((const uint64_t *)&results[k].counts)[i];
		printf("# %10llu %s\n", (unsigned long long)n, names[i]);
		missing += n == 0;
	}
	printf("%s 2 - everything that can happen has happened\n", missing ? "not ok" : "ok");
	return missing;
}

/* The same words in the same order, in other processes. */
static unsigned same_trace(uint64_t first)
{
	uint64_t second;

	(void)live();
	second = hash_of_all();
	printf("%s 3 - all seeds have the same trace a second time\n# %016llx, %016llx\n",
	       first == second ? "ok" : "not ok", (unsigned long long)first,
	       (unsigned long long)second);
	return first != second;
}

static unsigned one_seed(void)
{
	int status = 0;
	pid_t pid;

	sim_verbose = true;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		sim_result = results;
		one_life(args.seed);
		printf("# breaks no law; trace %016llx\n", (unsigned long long)sim_trace());
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	if (status != 0) {
		explain(results, status);
		printf("# seed %llu: %s\n", (unsigned long long)args.seed, results->law);
	}
	return status != 0;
}

static bool parse(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		uint64_t n = strtoull(argv[i + 1], NULL, 10);

		if (strcmp(argv[i], "--from") == 0)
			args.from = n;
		else if (strcmp(argv[i], "--lives") == 0)
			args.lives = n;
		else if (strcmp(argv[i], "--seed") == 0)
			args.seed = n;
		else
			return false;
	}
	return argc % 2 == 1;
}

int main(int argc, char **argv)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned wrong;
	uint64_t hash;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!parse(argc, argv)) {
		fprintf(stderr, "see the top of tests/law/sim-main.c for what there is\n");
		return 64;
	}
	args.jobs = n < 1 ? 1 : n > JOBS_MAX ? JOBS_MAX : (unsigned)n;
	results = mmap(NULL, JOBS_MAX * sizeof(*results), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (results == MAP_FAILED)
		return 1;
	if (args.seed)
		return (int)one_seed();
	printf("1..3\n");
	if (many_lives(&hash)) {
		printf("Bail out! the other results are about whole lives\n");
		return 1;
	}
	wrong = everything() + same_trace(hash);
	return wrong > 0;
}
