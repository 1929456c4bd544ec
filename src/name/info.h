/* SPDX-License-Identifier: Apache-2.0 */
/*
 * info.h - what the owner of a name writes about itself, for people and `postern ls`
 *
 * A hint, never an authority: readers verify pid and start time. Lines of "key value"; unknown keys are
 * passed over, so that a newer owner can say more.
 */
#ifndef POSTERN_INFO_H
#define POSTERN_INFO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct info {
	pid_t    pid;        /* in its pid namespace */
	int64_t  start;      /* of the process, in clock ticks since boot: tells a reused pid */
	int64_t  since;      /* seconds since 1970 */
	uint64_t pidns;      /* inodes of its namespaces, 0: not known */
	uint64_t timens;     /* whose clock start is */
	char     boot[40];   /* the kernel's boot_id, "": not known */
	char     mode[16];
	char     version[16];
};

/* From where somebody looks: what pids and times mean here. */
struct info_place {
	uint64_t pidns, timens;
	char     boot[40];
	bool     own_proc;   /* /proc numbers processes as getpid() does */
};

void info_look_around(struct info_place *ret);

/* Replaces the file at once (written beside it, renamed). Where that fails, an info file of a predecessor is removed all
   the same, since what it tells is over; -EEXIST: what stands there is not ours, and stays. */
int  info_write(int directory, const char *file, const char *mode);
/* Bounded; -EBADMSG when it is not an info file. */
int  info_read(int directory, const char *file, struct info *ret);
/* 1: that very process still runs; 0: it does not; -1: it cannot be known from here. */
int  info_alive(const struct info *info, const struct info_place *here);

#endif
