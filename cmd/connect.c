/* SPDX-License-Identifier: Apache-2.0 */
/* connect.c - postern connect: stdin to the server, its answer to stdout; copy.c does it */
#include "copy.h"

struct connect_values {
	struct common common;
	int64_t deadline;
	int64_t idle;
	uint32_t attempts;
	struct id_list server_uids;
};

static const struct option connect_options[] = {
	{ .name = "deadline",
	  .type = OPTION_DURATION,
	  .argument = "TIME",
	  .standard = "5s",
	  .help = "time to connect, all attempts together",
	  .offset = offsetof(struct connect_values, deadline) },
	{ .name = "attempts",
	  .type = OPTION_COUNT,
	  .argument = "N",
	  .standard = "until the deadline",
	  .help = "limit of attempts to connect",
	  .offset = offsetof(struct connect_values, attempts) },
	{ .name = "idle",
	  .type = OPTION_DURATION,
	  .argument = "TIME",
	  .standard = "30s",
	  .help = "give up after this long without progress once stdin has ended, or while the server does not read",
	  .offset = offsetof(struct connect_values, idle) },
	{ .name = "server-uid",
	  .type = OPTION_UIDS,
	  .argument = "USER",
	  .standard = "you, root, or the directory's owner",
	  .help = "who may run the server; may be repeated",
	  .offset = offsetof(struct connect_values, server_uids) },
	{ .name = "verbose",
	  .letter = 'v',
	  .help = "show each attempt with its reason",
	  .offset = offsetof(struct connect_values, common.verbose) },
	{ .name = NULL },
};

static int connect_start(struct copy *x, const struct connect_values *v)
{
	const struct postern_conn_options conn = {
		.size = sizeof(conn),
		.high_water = (size_t)4 * COPY_PIECE,
		.idle_ns = v->idle,
	};
	const struct postern_connect_options options = {
		.size = sizeof(options),
		.deadline_ns = v->deadline,
		.attempts = v->attempts,
		.server_uids = v->server_uids.n ? v->server_uids.ids : NULL,
		.n_server_uids = v->server_uids.n,
		.conn = &conn,
	};
	int r = postern_connect(&x->conn, x->loop, x->name, &options, &copy_events, x);

	return r < 0 ? output_reason(x->verb, x->name, postern_why()) : copy_run(x);
}

static int connect_run(void *data)
{
	static struct copy x;
	const struct connect_values *v = data;
	int status;

	x = (struct copy){
		.verb = "connect",
		.name = v->common.name,
		.idle_ns = v->idle,
		.verbose = v->common.verbose,
	};
	if (!x.name) {
		output_error("connect", NULL, "missing NAME; see: postern connect --help");
		return EXIT_USAGE;
	}
	status = copy_init(&x);
	if (!status)
		status = connect_start(&x, v);
	copy_deinit(&x);
	return status;
}

const struct verb verb_connect = {
	.name = "connect",
	.operands = "NAME",
	.about = "Copies stdin to the server at NAME, and its answer to stdout.",
	.notes = "TIME: 500ms, 5s, 2m, forever. The end of stdin is passed on; it ends when the\n"
		 "server does. More: man postern",
	.takes_name = true,
	.options = connect_options,
	.size = sizeof(struct connect_values),
	.run = connect_run,
};
