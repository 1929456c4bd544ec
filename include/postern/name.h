/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern/name.h - where a name is, and which names there are
 *
 * Any thread. The names themselves are explained in postern(7).
 */
#ifndef POSTERN_NAME_H
#define POSTERN_NAME_H

#include <postern.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes where name is: a path, "@abstract", or "fd:N". Reads the environment, not the disk.
   -EINVAL: invalid name; -ENOENT: no runtime directory, set POSTERN_DIR; -ERANGE: ret is too small. */
POSTERN_API int postern_name_resolve(const char *name, char *ret, size_t size);

struct postern_name_info {
	size_t      size;
	const char *name;       /* clock, or system:clock */
	const char *path;       /* of its socket */
	const char *mode;       /* "bytes", or "varlink" of a service; "": unknown */
	const char *version;    /* of Postern; "": unknown */
	size_t      unused;     /* 0 */
	int         alive;      /* 1: the owner still runs (start time compared); 0: it does not;
	                           -1: unknown: it is in another pid namespace, or could not write its record */
	pid_t       pid;        /* in its pid namespace, the caller's if alive is 1; 0: unknown */
	uid_t       uid;        /* owner of its directory; (uid_t)-1: no mapping in this user namespace */
	uint32_t    reserved;
	int64_t     since;      /* seconds since 1970; 0: unknown */
};

/* Calls fn once, with the owner's record of this name; pid is 0 if there is no record. Returns fn's result.
   -ENOENT: there is no such name; -EINVAL: invalid name, or one without a directory (@abstract, fd:N). */
POSTERN_API int postern_name_look(const char *name, int (*fn)(const struct postern_name_info *info, void *data),
	void *data);

/* Calls fn for each name under the user's and the system's directory, in order; stops when it returns
   non-zero, and returns that. Reads the owners' records and never connects. -ENOENT: no runtime directory;
   -ENOTDIR, -EACCES: one of the two is no directory, or cannot be read. A directory that is not there yet has no names. */
POSTERN_API int postern_name_list(int (*fn)(const struct postern_name_info *info, void *data), void *data);

#ifdef __cplusplus
}
#endif
#endif
