/* SPDX-License-Identifier: Apache-2.0 */
/*
 * info.h - what the owner of a name writes about itself, for people and `postern ls`
 *
 * A hint, never an authority: readers verify pid and start time. Lines of "key value"; unknown keys are
 * passed over, so that a newer owner can say more.
 */
#ifndef POSTERN_INFO_H
#define POSTERN_INFO_H

#include <stdint.h>
#include <sys/types.h>

struct info {
	pid_t   pid;
	int64_t start;       /* of the process, in clock ticks since boot: tells a reused pid */
	int64_t since;       /* seconds since 1970 */
	char    mode[16];
	char    version[16];
};

/* Replaces the file at once (written beside it, renamed). */
int  info_write(int directory, const char *file, const char *mode);
/* Bounded; -EBADMSG when it is not an info file. */
int  info_read(int directory, const char *file, struct info *ret);
/* 1 when that very process still runs. */
int  info_alive(const struct info *info);

#endif
