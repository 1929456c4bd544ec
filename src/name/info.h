/* SPDX-License-Identifier: Apache-2.0 */
/*
 * info.h - the record that the owner of a name writes, for people and `postern ls`
 *
 * A hint, not authoritative: readers verify pid and start time. Lines of "key value"; unknown keys are
 * skipped, so that a newer owner can add some.
 */
#ifndef POSTERN_INFO_H
#define POSTERN_INFO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct info {
	pid_t    pid;        /* in its pid namespace */
	int64_t  start;      /* of the process, in clock ticks since boot: detects a reused pid */
	int64_t  since;      /* seconds since 1970 */
	uint64_t pidns;      /* inodes of its namespaces; 0: unknown */
	uint64_t timens;     /* start is in the clock of this namespace */
	char     boot[40];   /* the kernel's boot_id; "": unknown */
	char     mode[16];
	char     version[16];
};

/* The reader's view: what pids and times mean here. */
struct info_place {
	uint64_t pidns, timens;
	char     boot[40];
	bool     own_proc;   /* /proc numbers processes as getpid() does */
};

void info_look_around(struct info_place *ret);

/* Replaces the file atomically (written beside it, renamed). If that fails, a predecessor's info file is removed
   anyway, since it is outdated. -EEXIST: the existing file is not ours, and stays. */
int  info_write(int directory, const char *file, const char *mode);
/* Bounded; -EBADMSG: not an info file. */
int  info_read(int directory, const char *file, struct info *ret);
/* 1: exactly that process still runs; 0: it does not; -1: unknown from here. */
int  info_alive(const struct info *info, const struct info_place *here);

#endif
