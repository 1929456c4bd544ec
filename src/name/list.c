/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.c - which names there are
 *
 * Nothing here disturbs a server: no connection is made, because to a server with a process for each connection
 * that would be a process; and no lock is taken, not even for an instant and shared, because a server that
 * starts in that instant would find it held. What could tell without touching does not serve: /proc/locks leaves
 * out holders in other pid namespaces and names a device that stat() does not know on some file systems, and
 * F_OFD_GETLK does not see flock at all. So "alive" is what the owner wrote under the lock: it removes that when
 * it gives the name up, and when it dies its pid, with the time at which it started, is gone with it.
 *
 * A server that has ended properly leaves its lock and its directory for the next one; that is no name any more.
 * One that was killed leaves its socket or its info: that is listed, and not alive. A directory that we may not
 * look into is left out: a client of ours could not connect there either.
 */
#include "name/info.h"
#include "name/own.h"

#include <postern/name.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 65536, LIST_WORD_SIZE = 65 };

struct list_words {
	char (*words)[LIST_WORD_SIZE];
	size_t n, room;
};

static int list_add(const char *entry, void *data)
{
	struct list_words *l = data;
	size_t room = l->room ? 2 * l->room : 64;
	void *p;

	if (!name_is_word(entry))
		return 0;
	if (l->n == LIST_MAX)
		return -EOVERFLOW;
	if (l->n == l->room) {
		p = sys_realloc(l->words, room * LIST_WORD_SIZE);
		if (!p)
			return -ENOMEM;
		l->words = p;
		l->room = room;
	}
	memcpy(l->words[l->n++], entry, strlen(entry) + 1);
	return 0;
}

static int list_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* 1: it is a name, and *st and *info tell of it. */
static int list_look(int base, const char *word, struct stat *st, struct info *info)
{
	struct stat socket;
	bool known, there;
	int fd, r;

	memset(info, 0, sizeof(*info));
	fd = sys_openat(base, word, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return 0;
	r = sys_fstat(fd, st);
	known = r >= 0 && info_read(fd, "info", info) == 0;
	there = r >= 0 && sys_fstatat(fd, "sock", &socket, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISSOCK(socket.st_mode);
	sys_close(fd);
	return known || there;
}

static int list_tell(const char *base_path, int base, const char *prefix, const char *word,
		     int (*fn)(const struct postern_name_info *info, void *data), void *data)
{
	struct postern_name_info tell = { .size = sizeof(tell) };
	char *name = NULL, *path = NULL;
	struct info info;
	struct stat st;
	int r = 0;

	if (!list_look(base, word, &st, &info))
		return 0;
	name = name_format("%s%s", prefix, word);
	path = name_format("%s/%s/sock", strcmp(base_path, "/") ? base_path : "", word);
	if (!name || !path) {
		r = -ENOMEM;
		goto out;
	}
	tell.name = name;
	tell.path = path;
	tell.alive = info_alive(&info);
	tell.pid = info.pid;
	tell.uid = st.st_uid;
	tell.since = info.since;
	tell.mode = info.mode;
	tell.version = info.version;
	r = fn(&tell, data);
out:
	sys_free(name);
	sys_free(path);
	return r;
}

/* A directory that nobody has made yet has no names; *missing then stays as it is. */
static int list_base(const char *path, const char *prefix, bool *missing,
		     int (*fn)(const struct postern_name_info *info, void *data), void *data)
{
	struct list_words l = { 0 };
	int base, r;

	base = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	if (base < 0)
		return base == -ENOENT ? 0 : base;
	*missing = false;
	r = sys_getdents(base, list_add, &l);
	if (r >= 0 && l.n > 0)
		qsort(l.words, l.n, LIST_WORD_SIZE, list_compare);
	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = list_tell(path, base, prefix, l.words[i], fn, data);
	sys_free(l.words);
	sys_close(base);
	return r;
}

POSTERN_API int postern_name_list(int (*fn)(const struct postern_name_info *info, void *data),
				  void *data)
{
	char *base = NULL;
	bool missing;
	int r;

	if (!fn)
		return -EINVAL;
	r = name_base(&base, NULL);
	if (r < 0 && r != -ENOENT)
		return r;
	missing = r == -ENOENT;
	r = 0;
	if (base)
		r = list_base(base, "", &missing, fn, data);
	if (r == 0 && (!base || strcmp(base, SYSTEM_BASE)))
		r = list_base(SYSTEM_BASE, "system:", &missing, fn, data);
	sys_free(base);
	return r == 0 && missing ? -ENOENT : r;
}
