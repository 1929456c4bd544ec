/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own.h - what the files of this directory share: the steps of owning a name, and small helpers
 *
 * Only owner.c calls the steps. Each one advances owner.step and returns 0, or returns -EAGAIN with a
 * delay, or fails with a text, after undoing everything that it did not pass to the owner.
 */
#ifndef POSTERN_NAME_OWN_H
#define POSTERN_NAME_OWN_H

#include "name/name.h"

#include <postern.h>

enum {
	OWNER_START = 0, /* nothing is open */
	OWNER_LOCK,      /* the directory is open */
	OWNER_LOOK,      /* the lock is ours; is there a file at the name? */
	OWNER_AGAIN,     /* the socket refused once, and is pinned */
	OWNER_PUBLISH,   /* the name is free */
	OWNER_LISTENS,
};

enum {
	OWN_RESTARTS = 16,          /* lock or directory replaced while we took it: more often is not an accident */
	OWN_SUFFIX_MAX = 9,         /* .info.new, the longest suffix of a socket's name */
	OWN_ADDRESS_MAX = 107,      /* bytes of a path in sockaddr_un, which also holds a terminating 0 */
};

#define OWN_PATIENCE_NS     POSTERN_SECONDS(1)   /* for a predecessor that is exiting */
#define OWN_PROBE_GAP_NS    POSTERN_MS(50)       /* a foreign server may be between bind and listen */
#define OWN_POLL_NS         POSTERN_MS(10)       /* between attempts to lock */

#define OWN_PROC_FD_MAX     40                   /* "/proc/self/fd/" and a number */

#define SYSTEM_BASE         "/run/postern"

/* ---- resolve.c ---- */

bool  name_is_word(const char *text);
/* The user's base directory; the caller frees it. */
int   name_base(char **ret, struct why *why);
/* printf into new memory, or NULL. */
char *name_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- connect.c ---- */

/* The address of a path or "@name" that fits; -ENAMETOOLONG. */
int   address_set(const char *path, struct sockaddr_un *ret, socklen_t *ret_n);
/* Connects to the socket that an O_PATH descriptor pins; a connected descriptor. */
int   address_connect_pinned(int pin);

/* ---- the steps ---- */

int   directory_open(struct owner *o, struct why *why);
/* Refuses files that are not sockets, so that no lock is made beside a user's own file. */
int   probe_before_lock(const struct owner *o, struct why *why);
int   lock_take(struct owner *o, int64_t *ret_delay_ns, struct why *why);
int   probe_look(struct owner *o, int64_t *ret_delay_ns, struct why *why);
int   probe_again(struct owner *o, int64_t *ret_delay_ns, struct why *why);
int   publish_path(struct owner *o, struct why *why);
int   publish_abstract(struct owner *o, struct why *why);
int   publish_adopted(struct owner *o, struct why *why);

/* ---- their parts ---- */

/* Does the mode admit other users? Connecting needs write permission, and no other. */
bool  access_is_wide(const struct owner *o);
/* Can the users that the mode admits reach the lowest directory? It and those above it, n_own in all, count as
   passable if they are ours: they are about to be widened. */
int   access_check(const struct owner *o, int lowest, int n_own, struct why *why);
/* Adds missing mode bits to our own directory. */
int   access_widen(int fd, mode_t mode);
/* Sets the exact mode and group of the pinned socket. */
int   access_set_socket(const struct owner *o, int pin, struct why *why);

/* 1: the directory that we opened is at its path, with our lock in it; 0: it is not; negative: unknown. */
int   lock_stands(const struct owner *o);
/* 1: paths still mean what they did when the name was taken; 0: the process has changed its root or its mounts. */
int   owner_view_is_same(const struct owner *o);

/* Adds to the text that is logged once it listens. */
void  own_warn(struct owner *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Does a file with this uid belong to this process's user? */
static inline bool own_is_mine(const struct owner *o, uid_t uid)
{
	return uid == sys_geteuid() && uid != o->unknown.uid;
}

/* For messages, after a foreign uid: ", which stands for ..." for the overflow uid, else nothing. */
static inline const char *own_uid_note(const struct owner *o, uid_t uid)
{
	return uid == o->unknown.uid ? ", which " IDS_UNKNOWN : "";
}

static inline bool own_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static inline void own_close(int *fd)
{
	if (*fd >= 0)
		sys_close(*fd);
	*fd = -1;
}

/* The path of a pinned file, for calls that have no variant for O_PATH descriptors. */
const char *own_proc_path(char buf[OWN_PROC_FD_MAX], int fd);

#endif
