/* SPDX-License-Identifier: Apache-2.0 */
/* count.c - see count.h */
#include "count.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include <x86gprintrin.h>

enum { COUNT_TRAP = 0x100, COUNT_SYSCALL = 0x050f };

/* Where the program's code begins and ends, as the linker says. */
extern const char __executable_start[], etext[];

/* Shared by parent and child. */
struct counting {
	unsigned marks;
	bool inside; /* the last instruction was the program's */
	struct count rounds[COUNT_ROUNDS];
};

static struct counting *counting;
static uint64_t *places; /* one for each byte of the code, or NULL */
static struct count_place sorted[1 << 16];

static size_t count_size(void)
{
	return (size_t)(etext - __executable_start);
}

static void *count_shared(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("count: mmap");
		exit(EXIT_FAILURE);
	}
	return p;
}

/* Before each instruction, of which this is the place. */
static void count_trap(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *u = context;
	const char *at = (const char *)(uintptr_t)u->uc_mcontext.gregs[REG_RIP];
	struct count *k = &counting->rounds[counting->marks / 2];
	size_t offset = (size_t)(at - __executable_start);
	bool was_inside = counting->inside;
	uint16_t code;

	(void)sig, (void)info;
	memcpy(&code, at, sizeof code);
	k->system_calls += code == COUNT_SYSCALL;
	counting->inside = offset < count_size();
	if (!counting->inside)
		return;
	/* What comes back was called. */
	k->calls += !was_inside;
	k->instructions++;
	if (places)
		places[offset]++;
}

void count_mark(void)
{
	if (counting->marks % 2 || counting->marks >= 2 * COUNT_ROUNDS) {
		__writeeflags(__readeflags() & ~(unsigned long long)COUNT_TRAP);
		counting->marks++;
		return;
	}
	counting->marks++;
	counting->inside = true;
	__writeeflags(__readeflags() | COUNT_TRAP);
}

static void count_child(void (*work)(void *data), void *data)
{
	struct sigaction trap = { .sa_sigaction = count_trap, .sa_flags = SA_SIGINFO };

	if (sigaction(SIGTRAP, &trap, NULL) < 0)
		_exit(EXIT_FAILURE);
	work(data);
	_exit(EXIT_SUCCESS);
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
	int status = 0;
	pid_t pid;

	if (!counting)
		counting = count_shared(sizeof *counting);
	memset(counting, 0, sizeof *counting);
	if (places)
		memset(places, 0, count_size() * sizeof *places);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		count_child(work, data);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0 ||
	    counting->marks != 2 * COUNT_ROUNDS) {
		fprintf(stderr, "count: ended with status %#x, after %u of %d marks\n", status,
			counting->marks, 2 * COUNT_ROUNDS);
		return -1;
	}
	ret->instructions = COUNT_MEDIAN(counting, instructions);
	ret->calls = COUNT_MEDIAN(counting, calls);
	ret->system_calls = COUNT_MEDIAN(counting, system_calls);
	return 0;
}

void count_profile(void)
{
	places = count_shared(count_size() * sizeof *places);
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
