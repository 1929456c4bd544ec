/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name.h - where a name is, and owning it
 *
 * A name is resolved once, to paths that no later chdir or setenv moves. An owner holds it: the lock for
 * life, the listening socket, and the inode that it bound, which is what it compares before it ever
 * unlinks something. docs/ARCHITECTURE.md has the algorithm, tests/unit/test-owner.c tries to break it.
 *
 * Nothing here knows a loop. A step that needs time returns -EAGAIN with a delay, so that the server can
 * sleep when it starts, and set a timer when its name is lost while the loop runs.
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
	NAME_FD,         /* fd:3: an inherited listening socket */
};

struct name {
	int   kind;
	int   fd;          /* NAME_FD */
	char *text;        /* as it was given */
	char *path;        /* of the socket; "@clock"; "fd:3" */
	char *directory;   /* of the socket; NULL for the last two kinds */
	char *socket;      /* names of the entries within the directory: sock, or NAME of a path; one block with the next three */
	char *lock;        /* lock, or NAME.lock, and so on */
	char *info;
	char *stale;
	char *base;        /* BASE for words: the directory above directory; else NULL */
};

/* Does not access the disk, except to choose BASE and for the working directory. Fills why on failure. */
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
	bool         admits_rights; /* descriptors may come */
	const char  *says;      /* for its info file, what is spoken there: NULL is "bytes"; static */
};

/* The identity of this process's / and mount namespace; 0: unknown. */
struct owner_view {
	dev_t    root_device;
	ino_t    root_inode, mounts;
};

struct owner {
	const struct name         *name;
	struct owner_options       options;
	int                        lock;        /* -1: none; its number is below listener's */
	int                        directory;   /* O_PATH, -1 */
	int                        listener;    /* -1 until it listens */
	int                        pin;         /* O_PATH of a socket that is probed, -1 */
	pid_t                      creator;     /* only this process removes the socket at the name */
	bool                       refuses_rights; /* the kernel refuses descriptors, for the listener and accepted sockets */
	bool                       wrote_info;
	dev_t                      device;      /* of the socket that we bound, 0 while there is none */
	ino_t                      inode;
	struct owner_view          view;        /* in which name's path is valid */
	struct ids                 unknown;     /* the overflow ids */
	int                        step;        /* where owner_acquire() continues */
	int64_t                    deadline_ns; /* of waiting for a predecessor that is exiting; 0: not begun */
	unsigned                   tries;       /* how often it had to start again */
	char                       warning[480];/* text to log, or empty: writable by a group ... */
};

/* Sets everything to -1 or 0; the caller still owns name and the group in options. */
void owner_init(struct owner *o, const struct name *name, const struct owner_options *options);

/*
 * Steps 1 to 5: takes the lock (unless it has it), probes the socket at the name, binds, listens,
 * and writes info. 0: o->listener listens. -EAGAIN: call again after *ret_delay_ns. Other errors: see why;
 * nothing is left behind except the lock file and its directory; owner_deinit() is still to be called.
 */
int  owner_acquire(struct owner *o, int64_t *ret_delay_ns, struct why *why);

/* 1: our socket is at the name and our lock at its path; 0: the socket is gone or no longer ours, but
   the lock still is; -ESTALE: the lock is no longer ours either, or its path does not lead to it; -EAGAIN: unknown
   now. */
int  owner_check(const struct owner *o);

/* The name was taken away: forgets the old socket and returns its listener (or -1), whose backlog the caller serves
   before it closes it; then owner_acquire() again. Gives up the lock if it is no longer at its path, and
   then removes our socket from the name, so that the next holder of the lock, perhaps us, finds it free. */
int  owner_renew(struct owner *o);

/* Step 7 up to the listener: removes the name if it is ours, and info; shutdown(SHUT_RD). The listener
   stays open for the backlog: accept until -EAGAIN. Does nothing for NAME_FD, and in any process except the one that
   acquired the name. */
void owner_retire(struct owner *o);

/* Closes everything, the lock last, which it unlocks first, because a copy in a child would keep it locked. in_child:
   after fork; only closes. */
void owner_deinit(struct owner *o, bool in_child);

#endif
