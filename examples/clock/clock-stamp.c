/* SPDX-License-Identifier: Apache-2.0 */
/* clock-stamp NAME LINE...: prints each LINE with the time before it, as a service of org.example.clock tells it */
#include "org.example.clock.h"

#include <postern.h>
#include <stdio.h>
#include <string.h>

static int status = 1;
static char **lines;

static size_t on_bytes(struct postern_conn *c, const void *bytes, size_t n, void *loop)
{
	(void)c, (void)loop;
	return fwrite(bytes, 1, n, stdout);
}

static void on_closed(struct postern_conn *c, const struct postern_reason *why, void *loop)
{
	status = why->error ? 1 : 0;
	if (status)
		fprintf(stderr, "clock-stamp: %s\n", why->text);
	postern_conn_free(c);
	postern_loop_stop((struct postern_loop *)loop);
}

static void on_stamp(struct postern_call *call, const struct postern_answer *answer, void *loop)
{
	static const struct postern_conn_events events = { .size = sizeof events,
							   .received = on_bytes,
							   .closed = on_closed };
	struct postern_conn *c;

	if (answer->end == POSTERN_END_ANSWERED &&
	    postern_call_upgrade(&c, call, &events, loop) == 0) {
		for (int i = 0; lines[i]; i++)
			if (postern_conn_write_frame(c, POSTERN_FRAMING_LINES, lines[i],
						     strlen(lines[i])) < 0)
				fprintf(stderr, "clock-stamp: line %d is left out\n", i + 1);
		postern_conn_shutdown(c);
		return;
	}
	fprintf(stderr, "clock-stamp: %s\n",
		answer->error ? answer->error
		: answer->why ? answer->why->text
			      : postern_why()->text);
	postern_loop_stop((struct postern_loop *)loop);
}

int main(int argc, char **argv)
{
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(caller) caller = NULL;

	if (argc < 3 || postern_loop_new(&loop) < 0)
		return 64;
	lines = argv + 2;
	if (postern_caller_new(&caller, loop, argv[1], NULL) < 0 ||
	    clock_Stamp_upgrade(NULL, caller, POSTERN_SECONDS(2), on_stamp, loop) < 0) {
		fprintf(stderr, "clock-stamp: %s\n", postern_why()->text);
		return 64;
	}
	return postern_loop_run(loop) < 0 ? 1 : status;
}
