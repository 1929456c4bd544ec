/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - seeds, and what to do with one that breaks a law
 *
 *	law                            seeds 1 to 1000, as TAP
 *	law --from A --lives N         others
 *	law --seconds N                as many as fit
 *	law --faults                   with system calls that fail
 *	law --seed N [--verbose]       one, in words with --verbose
 *	law --seed N --shrink          leaves out what the failure does not need
 *	law --keep-going               all seeds, then the kinds of failures with their first seed
 *	law --table                    which call was made how often inside which callback
 *
 * Lives are led in a worker process, which a broken law, a sanitizer, or a signal ends; the next one goes on.
 */
#include "law.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../fault/fault.h"

struct law_options law_options;

static struct {
	uint64_t from, lives, seed;
	int64_t seconds;
	bool one, shrink, keep_going, table;
} args = { .from = 1, .lives = 1000 };

enum { KINDS = 200, SECONDS_PER_LIFE = 10 };

static struct kind {
	char law[64], text[400];
	uint64_t seed;
	unsigned n, step;
} kinds[KINDS];

/* ---- what is left out ---- */

static bool dropped_steps[4096];
static uint64_t kept_inside[4096];
static unsigned n_kept_inside;
static bool choose_inside;

bool law_dropped_step(unsigned step)
{
	return step < 4096 && dropped_steps[step];
}

bool law_dropped_inside(uint64_t key)
{
	if (!choose_inside)
		return false;
	for (unsigned i = 0; i < n_kept_inside; i++)
		if (kept_inside[i] == key)
			return false;
	return true;
}

/* ---- workers ---- */

static int64_t seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static int scale(void)
{
	const char *s = getenv("TEST_SCALE");

	return s && atoi(s) > 0 ? atoi(s) : 1;
}

static void __attribute__((noreturn)) worker(uint64_t seed, uint64_t end, int64_t until)
{
	law_setup();
	for (; seed < end && (until == 0 || seconds_now() < until); seed++) {
		alarm((unsigned)(SECONDS_PER_LIFE * scale()));
		law_life(seed);
	}
	law_shared->seed = seed;
	_exit(0);
}

/* Lives seeds up to `end`. false: one of them broke a law; it is in law_shared->seed. */
static bool live(uint64_t seed, uint64_t end, int64_t until)
{
	int status;
	pid_t pid;

	law_shared->broken = false;
	law_shared->law[0] = law_shared->text[0] = '\0';
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		worker(seed, end, until);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (law_shared->broken)
		return false;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(law_shared->law, sizeof(law_shared->law), "hangs");
	else if (WIFSIGNALED(status))
		snprintf(law_shared->law, sizeof(law_shared->law), "crash: %s",
			 strsignal(WTERMSIG(status)));
	else
		snprintf(law_shared->law, sizeof(law_shared->law), "crash: sanitizer");
	return false;
}

static void report(FILE *to)
{
	fprintf(to, "# seed %llu, step %u: %s: %s\n", (unsigned long long)law_shared->seed,
		law_shared->step, law_shared->law, law_shared->text);
	law_trace_print(to, 40);
	fprintf(to, "# again: %s/tests/law/law --seed %llu%s --verbose; --shrink makes it small\n",
		getenv("POSTERN_BUILD") ? getenv("POSTERN_BUILD") : "build",
		(unsigned long long)law_shared->seed, law_options.faults ? " --faults" : "");
}

static void note_kind(void)
{
	for (int i = 0; i < KINDS; i++) {
		struct kind *k = &kinds[i];

		if (k->n > 0 && strcmp(k->law, law_shared->law) != 0)
			continue;
		if (k->n++ == 0) {
			snprintf(k->law, sizeof(k->law), "%s", law_shared->law);
			snprintf(k->text, sizeof(k->text), "%s", law_shared->text);
			k->seed = law_shared->seed;
			k->step = law_shared->step;
		}
		return;
	}
}

/* ---- shrinking ---- */

static bool still_fails(uint64_t seed, const char *law)
{
	return !live(seed, seed + 1, 0) && strcmp(law_shared->law, law) == 0;
}

static unsigned left(void)
{
	unsigned n = 4096 + n_kept_inside;

	for (unsigned i = 0; i < 4096; i++)
		n -= dropped_steps[i];
	return n;
}

static void shrink_steps(uint64_t seed, const char *law, unsigned n)
{
	for (unsigned size = n / 2; size > 0; size /= 2)
		for (unsigned at = 1; at <= n; at += size) {
			bool before[4096];

			memcpy(before, dropped_steps, sizeof(before));
			for (unsigned i = at; i < at + size && i <= n; i++)
				dropped_steps[i] = true;
			if (!still_fails(seed, law))
				memcpy(dropped_steps, before, sizeof(before));
		}
}

static void shrink_inside(uint64_t seed, const char *law)
{
	n_kept_inside = law_shared->n_inside;
	memcpy(kept_inside, law_shared->inside, sizeof(kept_inside));
	choose_inside = true;
	for (unsigned i = n_kept_inside; i-- > 0;) {
		uint64_t key = kept_inside[i];

		kept_inside[i] = kept_inside[--n_kept_inside];
		if (still_fails(seed, law))
			continue;
		kept_inside[n_kept_inside++] = kept_inside[i];
		kept_inside[i] = key;
	}
}

static int shrink(uint64_t seed)
{
	char law[64];
	unsigned n;

	if (live(seed, seed + 1, 0)) {
		printf("# seed %llu breaks no law\n", (unsigned long long)seed);
		return 0;
	}
	snprintf(law, sizeof(law), "%s", law_shared->law);
	n = law_shared->step && law_shared->step < 4000 ? law_shared->step : 200;
	for (unsigned before = 0; before != left();) {
		before = left();
		shrink_steps(seed, law, n);
		(void)still_fails(seed, law);
		shrink_inside(seed, law);
	}
	(void)still_fails(seed, law);
	printf("# what it needs, of seed %llu:\n", (unsigned long long)seed);
	law_trace_print(stdout, 200);
	printf("# %s: %s\n", law_shared->law, law_shared->text);
	return 1;
}

/* ---- the table ---- */

static void print_table(void)
{
	printf("# %-22s", "call");
	for (int i = 0; i < IN_N; i++)
		printf(" %8.8s", law_place_name(i));
	printf("\n");
	for (int c = 1; c < CALL_N; c++) {
		printf("# %-22s", law_call_name(c));
		for (int i = 0; i < IN_N; i++)
			printf(" %8llu", (unsigned long long)law_shared->counts[c][i]);
		printf("\n");
	}
	printf("# ends:");
	for (int i = 1; i <= POSTERN_REASON_FAILED; i++)
		printf(" %s %llu", law_reason_name(i), (unsigned long long)law_shared->ends[i]);
	printf("\n");
}

/* ---- TAP ---- */

static void print_kinds(void)
{
	for (int i = 0; i < KINDS && kinds[i].n > 0; i++)
		printf("# %5u x %-32s seed %llu step %u: %s\n", kinds[i].n, kinds[i].law,
		       (unsigned long long)kinds[i].seed, kinds[i].step, kinds[i].text);
}

static unsigned many_lives(void)
{
	int64_t until = args.seconds > 0 ? seconds_now() + args.seconds : 0;
	uint64_t seed = args.from, end = args.seconds > 0 ? UINT64_MAX : args.from + args.lives;
	unsigned failed = 0;

	while (seed < end && (until == 0 || seconds_now() < until)) {
		if (live(seed, end, until)) {
			seed = law_shared->seed;
			break;
		}
		failed++;
		note_kind();
		seed = law_shared->seed + 1;
		if (!args.keep_going) {
			report(stdout);
			break;
		}
	}
	print_kinds();
	printf("%s 1 - random lives keep the laws\n# seeds %llu to %llu: %llu lives, %llu steps, %llu calls\n",
	       failed ? "not ok" : "ok", (unsigned long long)args.from,
	       (unsigned long long)(seed - 1), (unsigned long long)law_shared->lives,
	       (unsigned long long)law_shared->steps, (unsigned long long)law_shared->calls);
	return failed;
}

/* The same words in the same order, in another process. */
static unsigned same_trace(void)
{
	unsigned wrong = 0;

	for (uint64_t seed = args.from; seed < args.from + 20; seed++) {
		uint64_t first;

		(void)live(seed, seed + 1, 0);
		first = law_shared->hash;
		(void)live(seed, seed + 1, 0);
		if (law_shared->hash != first) {
			printf("# seed %llu has the traces %016llx and %016llx\n",
			       (unsigned long long)seed, (unsigned long long)first,
			       (unsigned long long)law_shared->hash);
			wrong++;
		}
	}
	printf("%s 2 - a seed has one trace\n# the last of them: %016llx\n",
	       wrong ? "not ok" : "ok", (unsigned long long)law_shared->hash);
	return wrong;
}

static unsigned every_call(void)
{
	unsigned missing = 0, nowhere = 0;

	for (int c = 1; c < CALL_N; c++) {
		uint64_t n = 0;

		for (int i = 0; i < IN_N; i++) {
			n += law_shared->counts[c][i];
			nowhere += law_shared->counts[c][i] == 0;
		}
		if (n == 0) {
			printf("# %s was never called\n", law_call_name(c));
			missing++;
		}
	}
	printf("%s 3 - every public call was made\n# %u of %d pairs of a call and a callback it is made in did not occur\n",
	       missing ? "not ok" : "ok", nowhere, (CALL_N - 1) * IN_N);
	return missing;
}

static uint64_t number(char **argv, int argc, int *i)
{
	return *i + 1 < argc ? strtoull(argv[++*i], NULL, 10) : 0;
}

static bool parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--from") == 0)
			args.from = number(argv, argc, &i);
		else if (strcmp(argv[i], "--lives") == 0)
			args.lives = number(argv, argc, &i);
		else if (strcmp(argv[i], "--seconds") == 0)
			args.seconds = (int64_t)number(argv, argc, &i);
		else if (strcmp(argv[i], "--steps") == 0)
			law_options.steps = (unsigned)number(argv, argc, &i);
		else if (strcmp(argv[i], "--seed") == 0)
			args.seed = number(argv, argc, &i), args.one = true;
		else if (strcmp(argv[i], "--faults") == 0)
			law_options.faults = true;
		else if (strcmp(argv[i], "--verbose") == 0)
			law_options.verbose = true;
		else if (strcmp(argv[i], "--shrink") == 0)
			args.shrink = true;
		else if (strcmp(argv[i], "--keep-going") == 0)
			args.keep_going = true;
		else if (strcmp(argv[i], "--table") == 0)
			args.table = true;
		else
			return false;
	}
	return true;
}

static int one_life(void)
{
	if (args.shrink)
		return shrink(args.seed);
	if (live(args.seed, args.seed + 1, 0)) {
		printf("# seed %llu breaks no law; trace %016llx\n", (unsigned long long)args.seed,
		       (unsigned long long)law_shared->hash);
		return 0;
	}
	report(stdout);
	return 1;
}

/* Names are made under a directory of our own. */
static int lead(void)
{
	char dir[] = "/tmp/postern-law-XXXXXX", command[64];
	unsigned failed;

	if (!mkdtemp(dir) || setenv("POSTERN_DIR", dir, 1) < 0)
		return 1;
	if (args.one) {
		failed = (unsigned)one_life();
	} else {
		printf("1..3\n");
		failed = many_lives() + same_trace() + every_call();
	}
	if (args.table)
		print_table();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) != 0 || failed > 0;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!parse(argc, argv)) {
		fprintf(stderr, "see the top of tests/law/main.c for what there is\n");
		return 64;
	}
	law_shared = mmap(NULL, sizeof(*law_shared), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (law_shared == MAP_FAILED)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	return lead();
}
