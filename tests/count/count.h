/* SPDX-License-Identifier: Apache-2.0 */
/*
 * count.h - what a piece of work costs, counted and not timed
 *
 * The processor traps after each instruction of the work (the trap flag of x86), and the handler of SIGTRAP counts it. So
 * the counts do not depend on the machine's speed, on what else it does, or on performance counters, which a virtual
 * machine often has not. A parent that steps through a child by ptrace counts the same, and takes ten times as long where
 * others want the processor too.
 *
 *   instructions  of the program itself, in which the library is linked. Those of libc and the vDSO are left out:
 *                 they choose their memcpy() by the processor.
 *   calls out     how often the program has called libc: memcpy(), memchr(), a system call.
 *   system calls  which the work must not need more of, not even one.
 *
 * The work runs in a child, in rounds. What stands between two count_mark() is counted; what comes around it, such as the
 * other end of a socket, is not. Of the rounds the median counts: a timer that comes due in one of them is no cost of the
 * path.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct count {
	uint64_t instructions, calls, system_calls; /* of the median round */
};

enum { COUNT_ROUNDS = 3 };

/* A place of the program that ran, and how often in all rounds. */
struct count_place {
	uintptr_t at; /* from the beginning of the program on: what addr2line takes of one that is position-independent */
	uint64_t  n;
};

/* Begins and ends what is counted. */
void count_mark(void);
/* Runs work(data) in a child. 0, or -1 with a text on standard error: it failed. */
int  count_work(void (*work)(void *data), void *data, struct count *ret);
/* From here on places are collected. */
void count_profile(void);
/* Those of the last work, the most frequent first; how many. */
size_t count_places(const struct count_place **ret);
