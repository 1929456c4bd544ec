/* SPDX-License-Identifier: Apache-2.0 */
/* wait.c - postern wait: until a server can be connected to */
#include "command.h"

struct wait_values {
	struct common common;
	int64_t deadline;
};

struct wait {
	const struct wait_values *values;
	struct postern_loop *loop;
	int status;
};

static const struct option wait_options[] = {
	{ .name = "deadline",
	  .type = OPTION_DURATION,
	  .argument = "TIME",
	  .standard = "5s",
	  .help = "for all attempts together",
	  .offset = offsetof(struct wait_values, deadline) },
	{ .name = "verbose",
	  .letter = 'v',
	  .help = "show each attempt with its reason",
	  .offset = offsetof(struct wait_values, common.verbose) },
	{ .name = NULL },
};

static void wait_state(struct postern_conn *c, int state, void *data)
{
	struct wait *w = data;

	if (w->values->common.verbose)
		output_state("wait", w->values->common.name, c, state);
	if (state != POSTERN_CONNECTED)
		return;
	w->status = EXIT_DONE;
	postern_loop_stop(w->loop);
}

static void wait_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct wait *w = data;

	(void)c;
	/* A server that accepts and closes at once can be connected to. */
	if (w->status < 0)
		w->status = output_reason("wait", w->values->common.name, why);
	postern_loop_stop(w->loop);
}

static const struct postern_conn_events wait_events = {
	.size = sizeof(wait_events),
	.state = wait_state,
	.closed = wait_closed,
};

static int wait_run(void *data)
{
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(conn) conn = NULL;
	struct wait w = { .values = data, .status = -1 };
	const struct postern_connect_options options = {
		.size = sizeof(options),
		.deadline_ns = w.values->deadline,
		.backoff_max_ns = POSTERN_MS(100),
	};
	const char *name = w.values->common.name;
	int r;

	if (!name) {
		output_error("wait", NULL, "missing NAME; see: postern wait --help");
		return EXIT_USAGE;
	}
	r = postern_loop_new(&loop);
	if (r < 0)
		return output_errno("wait", name, "cannot make a loop", r);
	w.loop = loop;
	r = postern_connect(&conn, loop, name, &options, &wait_events, &w);
	if (r < 0)
		return output_reason("wait", name, postern_loop_why(loop));
	r = postern_loop_run(loop);
	if (r < 0)
		return output_errno("wait", name, "the loop failed", r);
	return w.status;
}

const struct verb verb_wait = {
	.name = "wait",
	.operands = "NAME",
	.about = "Ends as soon as NAME can be connected to.",
	.notes = "TIME: 500ms, 5s, 2m, forever. Ends with 69 when the deadline passes.",
	.takes_name = true,
	.options = wait_options,
	.size = sizeof(struct wait_values),
	.run = wait_run,
};
