/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings-service NAME FILE - keeps settings in a file, and tells everybody who watches when they change
 *
 * The state is a topic: who subscribes gets all settings, then all of them again after each change, but of changes that come
 * faster than a subscriber reads only the last one. Before a change is told it is in the file, as a line NAME=VALUE.
 */
#include "org.example.settings.h"

#include <errno.h>
#include <limits.h>
#include <postern.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SETTINGS_MAX = 256, NAME_LENGTH_MAX = 64, VALUE_LENGTH_MAX = 1024 };

/* As the answers of Watch have it. */
struct settings {
	struct settings_Watch_out_settings_entry
		items[SETTINGS_MAX]; /* the key is allocated, and the value is behind it */
	size_t n;
};

static struct settings state;
static struct postern_topic *topic;
static const char *file;

/* ---- The state, and its file ---- */

static size_t find(const char *name)
{
	size_t i = 0;

	while (i < state.n && strcmp(state.items[i].key, name) != 0)
		i++;
	return i;
}

static bool is_name(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789._-");

	return n > 0 && n <= NAME_LENGTH_MAX && !text[n];
}

static bool is_value(const char *text)
{
	return strlen(text) <= VALUE_LENGTH_MAX && !text[strcspn(text, "\r\n")];
}

static bool make(struct settings_Watch_out_settings_entry *ret, const char *name, const char *value)
{
	size_t n = strlen(name) + 1, m = strlen(value) + 1;
	char *copy = (char *)malloc(n + m);

	if (!copy)
		return false;
	memcpy(copy, name, n);
	memcpy(copy + n, value, m);
	ret->key = copy;
	ret->value = copy + n;
	return true;
}

/* Whenever the machine stops, the old file or the new one is there, and whole. Returns an errno. */
static int save(const struct settings *s)
{
	char path[PATH_MAX];
	FILE *f;
	int error;

	snprintf(path, sizeof path, "%s.new", file);
	f = fopen(path, "we");
	if (!f)
		return errno;
	for (size_t i = 0; i < s->n; i++)
		fprintf(f, "%s=%s\n", s->items[i].key, s->items[i].value);
	error = ferror(f) ? EIO : fflush(f) != 0 || fsync(fileno(f)) != 0 ? errno : 0;
	if (fclose(f) != 0 && !error)
		error = errno;
	return error ? error : rename(path, file) == 0 ? 0 : errno;
}

static void load(void)
{
	char line[NAME_LENGTH_MAX + VALUE_LENGTH_MAX + 3], *value;
	FILE *f = fopen(file, "re");

	while (f && state.n < SETTINGS_MAX && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = 0;
		value = strchr(line, '=');
		if (!value)
			continue;
		*value++ = 0;
		if (is_name(line) && find(line) == state.n &&
		    make(&state.items[state.n], line, value))
			state.n++;
	}
	if (f)
		fclose(f);
}

static void publish(void)
{
	struct settings_Watch_out out;

	out.settings.items = state.items;
	out.settings.n = state.n;
	if (settings_publish_Watch(topic, &out) < 0)
		fprintf(stderr, "settings-service: %s\n", postern_why()->text);
}

/* ---- The methods ---- */

static void get(struct postern_request *r, const struct settings_Get_in *in, void *data)
{
	size_t i = find(in->name);
	struct settings_Unknown error = { .name = in->name };
	struct settings_Get_out out;

	(void)data;
	if (i == state.n) {
		settings_fail_Unknown(r, &error);
		return;
	}
	out.value = state.items[i].value;
	settings_reply_Get(r, &out);
}

/* Returns an errno. */
static int change(size_t i, const char *name, const char *value)
{
	struct settings_Watch_out_settings_entry made = { NULL, NULL };
	struct settings next = state;
	int error;

	if (value && (i == SETTINGS_MAX || !make(&made, name, value)))
		return ENOMEM;
	if (value) {
		next.items[i] = made;
		next.n += i == next.n;
	} else if (i < next.n) {
		next.items[i] = next.items[--next.n];
	}
	error = save(&next);
	if (error) {
		free((void *)made.key);
		return error;
	}
	if (i < state.n)
		free((void *)state.items[i].key);
	state = next;
	publish();
	return 0;
}

static void set(struct postern_request *r, const struct settings_Set_in *in, void *data)
{
	struct settings_NotSaved failed;
	int error;

	(void)data;
	if (!is_name(in->name)) {
		postern_request_invalid(r, "name");
		return;
	}
	if (in->value && !is_value(in->value)) {
		postern_request_invalid(r, "value");
		return;
	}
	error = change(find(in->name), in->name, in->value);
	if (error == 0) {
		settings_reply_Set(r);
		return;
	}
	failed.reason = strerror(error);
	settings_fail_NotSaved(r, &failed);
}

/* Answered with the present state at once, and if it asked for more again after each change. */
static void watch(struct postern_request *r, void *data)
{
	(void)data;
	if (postern_topic_take(topic, r) < 0)
		return; /* unanswered: the peer gets the error io.postern.Abandoned */
}

/* ---- The service ---- */

static void stop(struct postern_signal *s, int sig, void *service)
{
	(void)s, (void)sig;
	postern_service_drain((struct postern_service *)service, POSTERN_SECONDS(1));
}

static void closed(struct postern_service *s, const struct postern_reason *why, void *loop)
{
	(void)s, (void)why;
	postern_loop_stop((struct postern_loop *)loop);
}

int main(int argc, char **argv)
{
	static const struct settings_methods methods = { .Get = get, .Set = set, .Watch = watch };
	static const struct postern_service_events events = { .size = sizeof events,
							      .closed = closed };
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(service) service = NULL;
	POSTERN_AUTO(signal) interrupt = NULL;
	POSTERN_AUTO(signal) terminate = NULL;
	int r;

	if (argc != 3 || postern_loop_new(&loop) < 0)
		return 64;
	file = argv[2];
	if (postern_service_new(&service, loop, argv[1], NULL, &events, loop) < 0 ||
	    settings_provide(service, &methods, NULL) < 0 ||
	    settings_topic_Watch(&topic, service, NULL, NULL, NULL) < 0) {
		fprintf(stderr, "settings-service: %s\n", postern_why()->text);
		return 1;
	}
	/* Its name is owned from here on, and so is the file. */
	load();
	publish();
	r = postern_signal_new(&interrupt, loop, SIGINT, stop, service) < 0 ||
	    postern_signal_new(&terminate, loop, SIGTERM, stop, service) < 0 ||
	    postern_loop_run(loop) < 0;
	postern_topic_free(topic);
	while (state.n)
		free((void *)state.items[--state.n].key);
	return r;
}
