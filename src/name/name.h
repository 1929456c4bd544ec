/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name.h - where a name is, and owning it
 *
 * A name is resolved once, to paths that no later chdir or setenv moves. An owner holds it: the lock for
 * life, the listening socket, and the inode that it bound, which is what it compares before it ever
 * unlinks something. docs/ARCHITECTURE.md has the algorithm, tests/unit/test-owner.c tries to break it.
 *
 * Nothing here knows a loop. What needs time comes back as -EAGAIN with a delay, so that the server can
 * sleep through it when it starts, and set a timer when its name went away under a running loop.
 */
#ifndef POSTERN_NAME_NAME_H
#define POSTERN_NAME_NAME_H

#include "base/reason.h"
#include "name/ids.h"
#include "sys/sys.h"

enum {
	NAME_WORD = 1,   /* clock: a directory of its own under the base directory */
	NAME_SYSTEM,     /* system:clock: the same under /run/postern */
	NAME_PATH,       /* a path that the user gave, made absolute */
	NAME_ABSTRACT,   /* @clock */
	NAME_FD,         /* fd:3: someone else's listening socket */
};

struct name {
	int   kind;
	int   fd;          /* NAME_FD */
	char *text;        /* as it was given */
	char *path;        /* of the socket; "@clock"; "fd:3" */
	char *directory;   /* that holds the socket; NULL for the last two kinds */
	char *socket;      /* names of the entries within the directory: sock, or NAME of a path */
	char *lock;        /* lock, or NAME.lock, and so on */
	char *info;
	char *stale;
	char *base;        /* BASE for words: the directory above directory; else NULL */
};

/* Never looks at the disk, except for the choice of BASE and the working directory. Fills why on failure. */
int  name_resolve(struct name *name, const char *text, struct why *why);
void name_deinit(struct name *name);

/* ---- connecting ---- */

/* One attempt. Returns a connected descriptor, or a negative errno as connect(2) gives it, refined:
   -ENOTSOCK where the entry is not a socket. Takes any length of path. */
int  name_connect(const struct name *name);
/* The owner of the directory that the socket is in; -ENOENT and so on; root for the last two kinds. */
int  name_directory_uid(const struct name *name, uid_t *ret);

/* ---- owning ---- */

struct owner_options {
	mode_t       mode;      /* of the socket */
	const gid_t *group;     /* or NULL: unchanged; must stay */
	int          backlog;
	bool         keep_flags;/* of an adopted socket */
};

/* What this process took for / and for its mounts; 0: not known. */
struct owner_view {
	dev_t    root_device;
	ino_t    root_inode, mounts;
};

struct owner {
	const struct name         *name;
	struct owner_options       options;
	int                        lock;        /* -1 where there is none; its number is below listener's */
	int                        directory;   /* O_PATH, -1 */
	int                        listener;    /* -1 until it listens */
	int                        pin;         /* O_PATH of a socket that is probed, -1 */
	pid_t                      creator;     /* only this process removes what stands at the name */
	bool                       refuses_rights; /* the kernel does, for the listener and what is accepted from it */
	bool                       wrote_info;
	dev_t                      device;      /* of the socket that we bound, 0 while there is none */
	ino_t                      inode;
	struct owner_view          view;        /* in which name's path is true */
	struct ids                 unknown;     /* that are nobody's */
	int                        step;        /* where owner_acquire() goes on */
	int64_t                    deadline_ns; /* of waiting for a predecessor that is dying; 0: not begun */
	unsigned                   tries;       /* times that it had to begin anew */
	char                       warning[480];/* something to log, or empty: writable by a group ... */
};

/* Everything is -1 or 0; name and the group in options stay the caller's. */
void owner_init(struct owner *o, const struct name *name, const struct owner_options *options);

/*
 * Steps 1 to 5: takes the lock (unless it has it), finds out about what stands at the name, binds, listens,
 * and writes info. 0: o->listener listens. -EAGAIN: call again after *ret_delay_ns. Any other: why says it,
 * and nothing is left behind but the lock file and its directory; owner_deinit() is still to be called.
 */
int  owner_acquire(struct owner *o, int64_t *ret_delay_ns, struct why *why);

/* 1: our socket stands at the name and our lock at its path; 0: the socket is gone or not ours any more, and
   the lock still ours; -ESTALE: the lock is not ours any more either, or nobody gets to it by its path; -EAGAIN: it cannot
   be told now. */
int  owner_check(const struct owner *o);

/* The name went away: forgets the old socket and returns its listener (or -1), whose backlog the caller serves
   before it closes it; then owner_acquire() again. Gives up the lock if it is not at its path any more, and
   then takes our socket from the name, so that whoever has the new lock, perhaps us, finds it free. */
int  owner_renew(struct owner *o);

/* Step 7 up to the listener: takes the name away if it is ours, and info; shutdown(SHUT_RD). The listener
   stays open for the backlog: accept until -EAGAIN. For NAME_FD, and in another process than the one that
   acquired it, it does nothing. */
void owner_retire(struct owner *o);

/* Closes all that is open, lock last, and unlocks that first, because a copy in a child would keep it. in_child:
   after fork, when it only closes. */
void owner_deinit(struct owner *o, bool in_child);

#endif
