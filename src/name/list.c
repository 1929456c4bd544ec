/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.c - which names there are
 *
 * Nothing here disturbs a server: no connection is made, because a server with a process per connection would start
 * one; and no lock is taken, not even a shared one for an instant, because a server that
 * starts at that instant would find it held. Passive checks do not work: /proc/locks omits
 * holders in other pid namespaces and on some file systems shows a device number that differs from stat()'s, and
 * F_OFD_GETLK does not see flock at all. So "alive" is derived from the record that the owner wrote under the lock: the
 * owner removes it when it gives up the name, and when it dies, no process has its pid and start time any more.
 *
 * That fails if the owner is in another pid namespace, or could not write its info: then the state is unknown, and
 * not reported as dead.
 *
 * A server that has ended properly leaves its lock and its directory for the next one; that is no longer a name.
 * A killed server leaves its socket or its info: that is listed as not alive. A directory that we may not
 * enter is skipped: our clients could not connect there either.
 */
#include "base/words.h"
#include "name/info.h"
#include "name/own.h"

#include <postern/name.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_WORD_SIZE = 65 };

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

/* 1: there is such a name, described by *st and *info; 0: there is not. Closes the descriptor. */
static int list_look_in(int directory, const char *socket_name, const char *info_name,
			struct stat *st, struct info *info)
{
	struct stat socket;
	bool known, there;
	int r;

	memset(info, 0, sizeof(*info));
	if (directory < 0)
		return 0;
	r = sys_fstat(directory, st);
	known = r >= 0 && info_read(directory, info_name, info) == 0;
	there = r >= 0 && sys_fstatat(directory, socket_name, &socket, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISSOCK(socket.st_mode);
	sys_close(directory);
	return known || there;
}

static int list_look(int base, const char *word, struct stat *st, struct info *info)
{
	return list_look_in(sys_openat(base, word, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0), "sock",
			    "info", st, info);
}

/* Resources held while the caller's function runs. That may call pthread_exit(), or be cancelled: so they are
   released by postern_name_list(), and no frame below it owns any. */
struct list_walk {
	int (*fn)(const struct postern_name_info *info, void *data);
	void *data;
	char *user_base; /* or NULL */
	bool missing;
	int base;
	struct list_words words;
	struct info_place here;
	struct ids unknown;
	char *name, *path;
};

static void list_forget_name(struct list_walk *w)
{
	sys_free(w->name);
	sys_free(w->path);
	w->name = w->path = NULL;
}

static void list_forget_base(struct list_walk *w)
{
	sys_free(w->words.words);
	w->words = (struct list_words){ 0 };
	if (w->base >= 0)
		sys_close(w->base);
	w->base = -1;
}

static void list_forget(void *data)
{
	struct list_walk *w = data;

	list_forget_name(w);
	list_forget_base(w);
	sys_free(w->user_base);
}

/* Calls fn with the known facts; w->name and w->path are set. */
static int list_call(struct list_walk *w, const struct stat *st, const struct info *info)
{
	struct postern_name_info tell = { .size = sizeof(tell),
					  .name = w->name,
					  .path = w->path,
					  .alive = info_alive(info, &w->here),
					  .pid = info->pid,
					  .uid = st->st_uid,
					  .since = info->since,
					  .mode = info->mode,
					  .version = info->version };

	if (st->st_uid == w->unknown.uid)
		tell.uid = (uid_t)-1;
	return w->fn(&tell, w->data);
}

static int list_tell(struct list_walk *w, const char *base_path, const char *prefix,
		     const char *word)
{
	struct info info;
	struct stat st;
	int r;

	if (!list_look(w->base, word, &st, &info))
		return 0;
	w->name = name_format("%s%s", prefix, word);
	w->path = name_format("%s/%s/sock", strcmp(base_path, "/") ? base_path : "", word);
	r = w->name && w->path ? list_call(w, &st, &info) : why_call("postern_name_list", -ENOMEM);
	list_forget_name(w);
	return r;
}

static int list_cannot(const char *path, int error)
{
	struct words_name name = words_name(path);
	bool shared = !strcmp(path, SYSTEM_BASE);

	if (error == -EACCES)
		return why_set(why_last(), POSTERN_REASON_NOT_ALLOWED, error,
			       "uid %u cannot read %s: ask its owner%s", (unsigned)sys_geteuid(),
			       name.text,
			       shared ? "" : ", or set POSTERN_DIR to a directory of yours");
	if (error == -ENOTDIR && !shared)
		return why_set(
			why_last(), POSTERN_REASON_FAILED, error,
			"%s is not a directory, or leads through what is none: set POSTERN_DIR to a directory of yours",
			name.text);
	return why_set(why_last(), why_code(error), error, "cannot list the names in %s: %s",
		       name.text, why_errno(error));
}

/* A missing directory has no names; `missing` is then not changed. */
static int list_base(struct list_walk *w, const char *path, const char *prefix)
{
	int r;

	w->base = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	if (w->base < 0)
		return w->base == -ENOENT ? 0 : list_cannot(path, w->base);
	w->missing = false;
	r = sys_getdents(w->base, list_add, &w->words);
	if (r < 0)
		r = list_cannot(path, r);
	if (r >= 0 && w->words.n > 0)
		qsort(w->words.words, w->words.n, LIST_WORD_SIZE, list_compare);
	for (size_t i = 0; r == 0 && i < w->words.n; i++)
		r = list_tell(w, path, prefix, w->words.words[i]);
	list_forget_base(w);
	return r;
}

static void list_begin(struct list_walk *w)
{
	info_look_around(&w->here);
	ids_read_unknown(&w->unknown);
}

static int list_bases(struct list_walk *w)
{
	int r = 0;

	if (w->user_base)
		r = list_base(w, w->user_base, "");
	if (r == 0 && (!w->user_base || strcmp(w->user_base, SYSTEM_BASE)))
		r = list_base(w, SYSTEM_BASE, "system:");
	return r == 0 && w->missing ? -ENOENT : r;
}

int postern_name_list(int (*fn)(const struct postern_name_info *info, void *data), void *data)
{
	struct list_walk w = { .fn = fn, .data = data, .base = -1 };
	int r;

	if (!fn)
		return why_argument("postern_name_list", "fn is NULL");
	r = name_base(&w.user_base, why_last());
	if (r < 0 && r != -ENOENT)
		return r;
	w.missing = r == -ENOENT;
	list_begin(&w);
	pthread_cleanup_push(list_forget, &w);
	r = list_bases(&w);
	pthread_cleanup_pop(1);
	return r;
}

/* Finds the name and its owner's record; 0 on success. */
static int list_find(struct list_walk *w, const struct name *name, struct stat *st,
		     struct info *info)
{
	int directory;

	if (!name->directory)
		return -EINVAL;
	w->name = name_format("%s", name->text);
	w->path = name_format("%s", name->path);
	if (!w->name || !w->path)
		return -ENOMEM;
	directory = sys_openat(AT_FDCWD, name->directory, O_PATH | O_DIRECTORY, 0);
	if (!list_look_in(directory, name->socket, name->info, st, info))
		return directory < 0 && directory != -ENOTDIR ? directory : -ENOENT;
	list_begin(w);
	return 0;
}

int postern_name_look(const char *name, int (*fn)(const struct postern_name_info *info, void *data),
		      void *data)
{
	struct list_walk w = { .fn = fn, .data = data, .base = -1 };
	struct info info;
	struct name n;
	struct stat st;
	int r;

	if (!name || !fn)
		return why_argument("postern_name_look", "name or fn is NULL");
	r = name_resolve(&n, name, why_last());
	if (r < 0)
		return r;
	pthread_cleanup_push(list_forget, &w);
	r = list_find(&w, &n, &st, &info);
	name_deinit(&n);
	if (r < 0)
		why_set(why_last(), why_code(r), r, "%s: %s", words_name(name).text,
			r == -EINVAL ? "it has no directory to look at" : why_errno(r));
	else
		r = list_call(&w, &st, &info);
	pthread_cleanup_pop(1);
	return r;
}
