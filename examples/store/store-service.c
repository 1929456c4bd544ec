/* SPDX-License-Identifier: Apache-2.0 */
/* store-service NAME: keeps values under keys for callers of org.example.store, until SIGINT or SIGTERM */
#define _GNU_SOURCE 1 /* memfd_create() */
#include "org.example.store.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* They bound the memory, which the store has from its start, and a dump, which fits into the queue of a connection, 8 MiB. */
enum { KEYS_MAX = 256, KEY_MAX = 128, VALUE_MAX = 16 * 1024, MS_MAX = 1000000000 };

struct entry {
	struct store *store;
	struct postern_timer *expires;
	char key[KEY_MAX + 1], value[VALUE_MAX + 1]; /* without a key it is free */
};

struct store {
	struct postern_topic *changes;
	struct entry entries[KEYS_MAX];
};

/* r: answered if there is none; NULL is nobody. */
static struct entry *find(struct store *s, const char *key, struct postern_request *r)
{
	struct store_NotFound missing = { .key = key };

	for (size_t i = 0; i < KEYS_MAX && (*key || !r); i++)
		if (!strcmp(s->entries[i].key, key))
			return &s->entries[i];
	store_fail_NotFound(r, &missing);
	return NULL;
}

static int tell(struct store *s, const char *key, const char *value)
{
	struct store_Watch_out out = { .key = key, .value = value };

	return store_publish_Watch(s->changes, &out);
}

static void expired(struct postern_timer *timer, void *data)
{
	struct entry *e = (struct entry *)data;

	postern_timer_cancel(timer);
	tell(e->store, e->key, NULL);
	e->key[0] = '\0';
}

static void get(struct postern_request *r, const struct store_Get_in *in, void *store)
{
	const struct entry *e = find((struct store *)store, in->key, r);
	struct store_Get_out out = { .value = e ? e->value : NULL };

	if (e)
		store_reply_Get(r, &out);
}

static void set(struct postern_request *r, const struct store_Set_in *in, void *store)
{
	struct store *s = (struct store *)store;
	int64_t ms = in->expires.value; /* 0: null */
	struct entry *old = find(s, in->key, NULL), *e = old ? old : find(s, "", NULL);

	if (!*in->key || strlen(in->key) > KEY_MAX || strpbrk(in->key, " \n"))
		postern_request_invalid(r, "key");
	else if (ms < 0 || ms > MS_MAX)
		postern_request_invalid(r, "expires");
	else if (!e)
		store_fail_Full(r);
	else if (strlen(in->value) > VALUE_MAX || tell(s, in->key, in->value) < 0)
		postern_request_invalid(r, "value"); /* too long, or no text */
	else {
		strcpy(e->key, in->key);
		strcpy(e->value, in->value);
		postern_timer_set(e->expires, ms ? ms * 1000000 : POSTERN_FOREVER);
		postern_request_reply_json(r, NULL, 0); /* {}, of Set and Import alike */
	}
}

static void delete_key(struct postern_request *r, const struct store_Delete_in *in, void *store)
{
	struct entry *e = find((struct store *)store, in->key, r);

	if (e && store_reply_Delete(r) == 0)
		expired(e->expires, e);
}

static void watch(struct postern_request *r, void *store)
{
	if (postern_topic_take(((struct store *)store)->changes, r) < 0)
		return; /* unanswered: the peer gets the error io.postern.Abandoned */
}

/* ---- Values as files ---- */

static void get_fd(struct postern_request *r, const struct store_Open_in *in, void *store)
{
	const struct entry *e = find((struct store *)store, in->key, r);
	int fd = e ? memfd_create("value", MFD_CLOEXEC) : -1;
	bool whole = e && pwrite(fd, e->value, strlen(e->value), 0) == (ssize_t)strlen(e->value);
	struct store_Open_out out = { .fileDescriptor = postern_request_push_fd(r, fd) };

	if (whole && out.fileDescriptor >= 0)
		store_reply_Open(r, &out);
}

/* Only a file in memory has seals: to read it waits for nobody. */
static void set_fd(struct postern_request *r, const struct store_Import_in *in, void *store)
{
	char value[VALUE_MAX + 2] = "";
	struct store_Set_in set_in = { .key = in->key, .value = value };
	int fd = postern_request_take_fd(r, in->fileDescriptor);

	if (fcntl(fd, F_GET_SEALS) < 0 || pread(fd, value, VALUE_MAX + 1, 0) < 0)
		postern_request_invalid(r, "fileDescriptor");
	else
		set(r, &set_in, store);
	if (fd >= 0)
		close(fd);
}

/* ---- All values: the connection itself ---- */

static void dumped(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	(void)why, (void)data;
	postern_conn_free(c);
}

static void dump(struct postern_request *r, void *store)
{
	static const struct postern_conn_events on = { .size = sizeof on, .closed = dumped };
	const struct store *s = (const struct store *)store;
	char t[KEY_MAX + VALUE_MAX + 16];
	struct postern_conn *c;

	if (store_upgrade_Dump(&c, r, &on, NULL) < 0)
		return; /* unanswered, as above; else c is ours until it has ended */
	for (const struct entry *e = s->entries; e < s->entries + KEYS_MAX; e++) {
		int n = snprintf(t, sizeof t, "%s %zu\n%s\n", e->key, strlen(e->value), e->value);

		if (e->key[0] && postern_conn_write(c, t, (size_t)n) < n)
			postern_conn_abort(c);
	}
	postern_conn_close(c);
}

/* ---- The service ---- */

static void stop(struct postern_signal *s, int sig, void *loop)
{
	(void)s, (void)sig;
	postern_loop_stop((struct postern_loop *)loop);
}

/* No change is skipped: a watcher that does not keep up is told so. It can watch again, and read again what it needs. */
static const struct postern_topic_options q = { .size = sizeof q, .policy = POSTERN_TOPIC_QUEUE };
static const struct store_methods methods = { get, set, delete_key, watch, get_fd, set_fd, dump };

int main(int argc, char **argv)
{
	static struct store s;
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(service) service = NULL;
	POSTERN_AUTO(topic) changes = NULL;
	POSTERN_AUTO(signal) interrupt = NULL;
	POSTERN_AUTO(signal) terminate = NULL;

	if (argc != 2 || postern_loop_new(&loop) < 0)
		return 64;
	for (struct entry *e = s.entries; e < s.entries + KEYS_MAX; e->store = &s, e++)
		if (postern_timer_new(&e->expires, loop, expired, e) < 0)
			return 1;
	if (postern_service_new(&service, loop, argv[1], NULL, NULL, NULL) < 0 ||
	    store_provide(service, &methods, &s) < 0 ||
	    store_topic_Watch(&changes, service, &q, NULL, NULL) < 0 ||
	    postern_signal_new(&interrupt, loop, SIGINT, stop, loop) < 0 ||
	    postern_signal_new(&terminate, loop, SIGTERM, stop, loop) < 0) {
		fprintf(stderr, "store-service: %s\n", postern_why()->text);
		return 1;
	}
	s.changes = changes;
	tell(&s, NULL, NULL);
	return postern_loop_run(loop) < 0;
}
