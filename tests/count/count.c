/* SPDX-License-Identifier: Apache-2.0 */
/* count.c - see count.h */
#include "count.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the program's code begins and ends, as the linker says: the child, a fork, has it at the same place. */
extern const char __executable_start[], etext[];

enum { COUNT_STEP, COUNT_SYSCALL };

struct counting {
	pid_t pid;
	bool counts;
	bool inside; /* the last instruction was the program's */
	unsigned round;
	struct count rounds[COUNT_ROUNDS];
};

static uint64_t *places; /* one for each byte of the code, or NULL */
static struct count_place sorted[1 << 16];

static uintptr_t count_begin(void)
{
	return (uintptr_t)__executable_start;
}

static size_t count_size(void)
{
	return (uintptr_t)etext - count_begin();
}

void count_mark(void)
{
	raise(SIGUSR1);
}

static void count_child(void (*work)(void *data), void *data)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(2);
	raise(SIGSTOP);
	work(data);
	_exit(0);
}

/* One instruction has run; where is the child now? */
static void count_step(struct counting *c)
{
	size_t offset = offsetof(struct user_regs_struct, rip), at;
	bool was_inside = c->inside;

	errno = 0;
	at = (uintptr_t)ptrace(PTRACE_PEEKUSER, c->pid, (void *)offset, NULL) - count_begin();
	c->inside = at < count_size();
	if (!c->inside || c->round >= COUNT_ROUNDS)
		return;
	/* What comes back was called. */
	c->rounds[c->round].calls += !was_inside;
	c->rounds[c->round].instructions++;
	if (places)
		places[at]++;
}

static void count_stopped(struct counting *c, int mode, int sig)
{
	if (sig == SIGUSR1) {
		c->round += c->counts;
		c->counts = !c->counts;
		c->inside = false;
	} else if (c->counts && sig == SIGTRAP && mode == COUNT_STEP) {
		count_step(c);
	} else if (c->counts && sig == (SIGTRAP | 0x80) && c->round < COUNT_ROUNDS) {
		c->rounds[c->round].system_calls++;
	}
}

/* 0 when it has exited; else -1, or -2. */
static int count_run(struct counting *c, int mode)
{
	int status, sig = 0;

	for (;;) {
		int request = !c->counts ? PTRACE_CONT : mode ? PTRACE_SYSCALL : PTRACE_SINGLESTEP;

		if (ptrace(request, c->pid, NULL, (void *)(intptr_t)sig) < 0)
			return -1;
		if (waitpid(c->pid, &status, 0) < 0)
			return -1;
		if (!WIFSTOPPED(status))
			return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
		sig = WSTOPSIG(status);
		count_stopped(c, mode, sig);
		/* What is ours is not delivered; what ends a program is. */
		if (sig == SIGUSR1 || sig == SIGTRAP || sig == (SIGTRAP | 0x80))
			sig = 0;
	}
}

static int count_once(void (*work)(void *data), void *data, int mode, struct counting *c)
{
	int status, r;

	*c = (struct counting){ 0 };
	fflush(NULL);
	c->pid = fork();
	if (c->pid == 0)
		count_child(work, data);
	if (c->pid < 0 || waitpid(c->pid, &status, 0) < 0)
		return -1;
	if (!WIFSTOPPED(status))
		return WIFEXITED(status) && WEXITSTATUS(status) == 2 ? -2 : -1;
	if (ptrace(PTRACE_SETOPTIONS, c->pid, NULL,
		   (void *)(intptr_t)(PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD)) < 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, &status, 0);
		return -2;
	}
	r = count_run(c, mode);
	if (r == 0 && c->round == COUNT_ROUNDS)
		return 0;
	fprintf(stderr, "count: the work ended after %u of %d rounds\n", c->round, COUNT_ROUNDS);
	return -1;
}

static int count_compare(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x > y) - (x < y);
}

#define COUNT_MEDIAN(c, field) count_median(&(c)->rounds[0].field)

static uint64_t count_median(const uint64_t *first)
{
	uint64_t values[COUNT_ROUNDS];

	for (size_t i = 0; i < COUNT_ROUNDS; i++)
		values[i] = first[i * sizeof(struct count) / sizeof *first];
	qsort(values, COUNT_ROUNDS, sizeof *values, count_compare);
	return values[COUNT_ROUNDS / 2];
}

int count_work(void (*work)(void *data), void *data, struct count *ret)
{
	static struct counting c;
	int r = count_once(work, data, COUNT_SYSCALL, &c);

	if (r < 0)
		return r;
	/* A stop before, and one after. */
	ret->system_calls = COUNT_MEDIAN(&c, system_calls) / 2;
	if (places)
		memset(places, 0, count_size() * sizeof *places);
	r = count_once(work, data, COUNT_STEP, &c);
	ret->instructions = COUNT_MEDIAN(&c, instructions);
	ret->calls = COUNT_MEDIAN(&c, calls);
	return r;
}

void count_profile(void)
{
	places = calloc(count_size(), sizeof *places);
}

static int count_rarer(const void *a, const void *b)
{
	const struct count_place *x = a, *y = b;

	return (x->n < y->n) - (x->n > y->n);
}

size_t count_places(const struct count_place **ret)
{
	size_t n = 0;

	for (size_t at = 0; places && at < count_size() && n < sizeof sorted / sizeof *sorted; at++)
		if (places[at])
			sorted[n++] = (struct count_place){ at, places[at] };
	qsort(sorted, n, sizeof *sorted, count_rarer);
	*ret = sorted;
	return n;
}
