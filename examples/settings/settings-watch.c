/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings-watch NAME - prints all settings, and again when one has changed, also over restarts of the service
 *
 * A subscription begins with the present state: so whatever was missed while there was no service, or a connection was
 * lost, subscribing again is all there is to do.
 */
#include "org.example.settings.h"

#include <postern.h>
#include <stdio.h>

struct watcher {
	struct postern_caller *caller;
	struct postern_timer *again;
};

static void print(const struct settings_Watch_out *out)
{
	for (size_t i = 0; i < out->settings.n; i++)
		printf("%s%s=%s", i ? " " : "", out->settings.items[i].key,
		       out->settings.items[i].value);
	putchar('\n');
	fflush(stdout);
}

static void on_state(struct postern_call *call, const struct postern_answer *answer,
		     const struct settings_Watch_out *out, void *data)
{
	struct watcher *w = (struct watcher *)data;

	(void)call;
	if (out)
		print(out);
	if (answer->end == POSTERN_END_CONTINUES)
		return;
	if (!out)
		fprintf(stderr, "settings-watch: %s\n",
			answer->error ? answer->error : answer->why->text);
	postern_timer_set(w->again, POSTERN_MS(100));
}

/* The call waits for the service, seconds at a time; an error comes at once, and so there is a pause before the next one. */
static void subscribe(struct postern_timer *again, void *data)
{
	struct watcher *w = (struct watcher *)data;

	if (settings_Watch_more(NULL, w->caller, POSTERN_FOREVER, on_state, w) < 0)
		postern_timer_set(again, POSTERN_SECONDS(1));
}

int main(int argc, char **argv)
{
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(caller) caller = NULL;
	POSTERN_AUTO(timer) again = NULL;
	struct watcher w;

	if (argc != 2 || postern_loop_new(&loop) < 0)
		return 64;
	if (postern_caller_new(&caller, loop, argv[1], NULL) < 0 ||
	    postern_timer_new(&again, loop, subscribe, &w) < 0) {
		fprintf(stderr, "settings-watch: %s\n", postern_why()->text);
		return 64;
	}
	w.caller = caller;
	w.again = again;
	subscribe(again, &w);
	return postern_loop_run(loop) < 0;
}
