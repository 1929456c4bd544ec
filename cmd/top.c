/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top.c - postern top: what services do, again and again
 *
 * Each interval every service is asked at once, and what has come by the next one is shown: a service that hangs shows
 * itself as such, and delays none of the others. Its connection stays, so that asking costs it one message.
 */
#include "ask.h"
#include "sample.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TOP_INTERVAL POSTERN_SECONDS(1)

struct top_values {
	struct ask_values ask;
	bool all;
	bool json;
	int64_t interval;
	uint32_t count;
};

static const struct option top_options[] = {
	{ .name = "all",
	  .letter = 'a',
	  .help = "without NAME: the system's names too",
	  .offset = offsetof(struct top_values, all) },
	{ .name = "interval",
	  .type = OPTION_DURATION,
	  .argument = "TIME",
	  .standard = "1s",
	  .help = "ask this often",
	  .offset = offsetof(struct top_values, interval) },
	{ .name = "count",
	  .type = OPTION_COUNT,
	  .argument = "N",
	  .standard = "no end",
	  .help = "end after this many",
	  .offset = offsetof(struct top_values, count) },
	{ .name = "json",
	  .help = "print a line for each service and interval, with its answer",
	  .offset = offsetof(struct top_values, json) },
	ASK_OPTION_SERVER_UID,
	{ .name = NULL },
};

struct top;

/* A service. */
struct top_row {
	struct top_row *next;
	struct top *top;
	struct postern_caller *caller;
	struct sample samples[2]; /* the last one is [last] */
	int last, n_samples;
	const char *state; /* in place of numbers; NULL: there are some */
	char *json;        /* its last answer, or NULL */
	size_t json_n;
	bool asked; /* and no answer has come */
	bool seen;  /* its name is there */
	char address[];
};

struct top {
	const struct top_values *values;
	struct postern_loop *loop;
	struct postern_timer *timer;
	struct top_row *rows;
	uint32_t shown;
	int status;
};

static void top_end(struct top *t, int status)
{
	t->status = status;
	postern_loop_stop(t->loop);
}

/* ---- asking ---- */

static const char *top_state(const struct postern_answer *answer)
{
	switch (answer->end) {
	case POSTERN_END_FAILED:
		return !strcmp(answer->error, "org.varlink.service.InterfaceNotFound")
			       ? "no statistics"
		       : !strcmp(answer->error, "org.varlink.service.PermissionDenied")
			       ? "not permitted"
			       : "error";
	case POSTERN_END_TIMEOUT:
		return "no answer";
	case POSTERN_END_NOT_SENT:
		return "not reachable";
	default:
		return "connection lost";
	}
}

static void top_keep_json(struct top_row *row, struct postern_json answer)
{
	char *copy = malloc(answer.n);

	free(row->json);
	row->json = copy;
	row->json_n = copy ? answer.n : 0;
	if (copy)
		memcpy(copy, answer.text, answer.n);
}

static void top_answered(struct postern_call *call, const struct postern_answer *answer, void *data)
{
	struct top_row *row = data;
	int next = 1 - row->last;

	(void)call;
	row->asked = false;
	if (answer->end != POSTERN_END_ANSWERED) {
		row->state = top_state(answer);
	} else if (!sample_read(&row->samples[next], answer->parameters)) {
		row->state = "not understood";
	} else {
		row->state = NULL;
		row->last = next;
		row->n_samples += row->n_samples < 2;
		if (row->top->values->json)
			top_keep_json(row, answer->parameters);
	}
	if (row->state)
		row->n_samples = 0;
}

static void top_ask(struct top_row *row)
{
	int r;

	if (row->asked) {
		row->state = "no answer";
		return;
	}
	r = postern_caller_call_json(NULL, row->caller, SAMPLE_METHOD, NULL, 0, NULL, 0,
				     POSTERN_SECONDS(30), top_answered, row);
	row->asked = r == 0;
	if (r < 0)
		row->state = "not reachable";
}

/* ---- which ---- */

static struct top_row *top_free_row(struct top_row *row)
{
	struct top_row *next = row->next;

	postern_caller_free(row->caller);
	free(row->json);
	free(row);
	return next;
}

static struct top_row *top_new_row(struct top *t, const char *address, int *ret_error)
{
	const struct id_list *uids = &t->values->ask.server_uids;
	const struct postern_connect_options connect = {
		.size = sizeof(connect),
		.server_uids = uids->n ? uids->ids : NULL,
		.n_server_uids = uids->n,
		.attempts = 1,
	};
	const struct postern_caller_options options = { .size = sizeof(options),
							.connect = &connect };
	size_t size = strlen(address) + 1;
	struct top_row *row = calloc(1, sizeof(*row) + size);

	*ret_error = -ENOMEM;
	if (!row)
		return NULL;
	memcpy(row->address, address, size);
	*ret_error = postern_caller_new(&row->caller, t->loop, address, &options);
	if (*ret_error < 0) {
		output_text("top", address, postern_why()->text);
		free(row);
		return NULL;
	}
	row->top = t;
	row->seen = true;
	row->state = "asked";
	return row;
}

/* In the order of their names, each once. */
static int top_add(struct top *t, const char *address)
{
	struct top_row *before = NULL, *next = t->rows, *row;
	int error;

	while (next && strcmp(next->address, address) < 0) {
		before = next;
		next = next->next;
	}
	if (next && !strcmp(next->address, address)) {
		next->seen = true;
		return 0;
	}
	row = top_new_row(t, address, &error);
	if (!row)
		return error;
	row->next = next;
	if (before)
		before->next = row;
	else
		t->rows = row;
	return 0;
}

static int top_add_name(const struct postern_name_info *info, void *data)
{
	struct top *t = data;

	if (strcmp(info->mode, "varlink") != 0 || info->alive == 0 ||
	    (!t->values->all && !strncmp(info->name, "system:", 7)))
		return 0;
	return top_add(t, info->name) == -ENOMEM ? -ENOMEM : 0;
}

/* Those that were named stay, whether or not they run. */
static void top_look(struct top *t)
{
	struct top_row **place = &t->rows;

	if (t->values->ask.common.n_files > 0)
		return;
	for (struct top_row *row = t->rows; row; row = row->next)
		row->seen = false;
	if (postern_name_list(top_add_name, t) < 0)
		return; /* what is known stays */
	while (*place) {
		if ((*place)->seen)
			place = &(*place)->next;
		else
			*place = top_free_row(*place);
	}
}

/* ---- showing ---- */

static void top_print_json(const struct top_row *row)
{
	printf("{\"name\":");
	output_json(stdout, row->address);
	if (row->state || !row->json) {
		printf(",\"state\":");
		output_json(stdout, row->state ? row->state : "asked");
	} else {
		printf(",\"state\":\"ok\",\"statistics\":");
		json_print(stdout, (struct postern_json){ row->json, row->json_n }, false);
	}
	printf("}\n");
}

static void top_print_row(const struct top_row *row, int width)
{
	const struct sample *s = &row->samples[row->last];
	const struct sample *before = row->n_samples > 1 ? &row->samples[1 - row->last] : NULL;

	output_cell(stdout, row->address, width + 2);
	if (row->state) {
		printf("%s\n", row->state);
		return;
	}
	printf("%6" PRId64 " %5" PRId64 " %7s %7s %7s %7s %7s %7s %5s %8" PRId64 " %7s\n",
	       s->values[SAMPLE_CONNECTIONS], s->values[SAMPLE_OPEN],
	       sample_count(sample_rate(s, before, SAMPLE_CALLS)).text,
	       sample_time(sample_latency(s, before, 0.5)).text,
	       sample_time(sample_latency(s, before, 0.99)).text,
	       sample_bytes(sample_rate(s, before, SAMPLE_RECEIVED)).text,
	       sample_bytes(sample_rate(s, before, SAMPLE_SENT)).text,
	       sample_bytes((double)s->values[SAMPLE_HELD]).text,
	       sample_count((double)s->values[SAMPLE_DESCRIPTORS]).text, s->values[SAMPLE_REFUSED],
	       sample_count((double)s->values[SAMPLE_ABANDONED] +
			    (double)s->values[SAMPLE_DROPPED] +
			    (double)s->values[SAMPLE_VIOLATIONS])
		       .text);
}

/* How many rows fit on the terminal; all where it is none. */
static unsigned top_room(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 ||
	    size.ws_row < 4)
		return UINT32_MAX;
	return size.ws_row - 3u;
}

static void top_print_table(const struct top *t)
{
	unsigned room = top_room(), n = 0;
	int width = 4;

	for (const struct top_row *row = t->rows; row; row = row->next)
		if ((int)strlen(row->address) > width)
			width = (int)strlen(row->address);
	width = width > 32 ? 32 : width;
	/* Home, and what was there goes. */
	if (isatty(STDOUT_FILENO))
		printf("\033[H\033[J");
	printf("%-*s%6s %5s %7s %7s %7s %7s %7s %7s %5s %8s %7s\n", width + 2, "NAME", "CONN",
	       "OPEN", "CALLS/s", "<P50", "<P99", "IN/s", "OUT/s", "HELD", "FDS", "REFUSED",
	       "FAULTS");
	for (const struct top_row *row = t->rows; row; row = row->next)
		if (n++ < room)
			top_print_row(row, width);
	if (n > room)
		printf("and %u more\n", n - room);
	if (n == 0)
		printf("no service runs here; see: postern ls\n");
}

static void top_show(struct top *t)
{
	if (t->values->json)
		for (const struct top_row *row = t->rows; row; row = row->next)
			top_print_json(row);
	else
		top_print_table(t);
	/* Its reader may have gone; output_finish() says so. */
	if (fflush(stdout) != 0 || (t->values->count && ++t->shown == t->values->count))
		top_end(t, EXIT_DONE);
}

static void top_tick(struct postern_timer *timer, void *data)
{
	struct top *t = data;

	(void)timer;
	top_show(t);
	top_look(t);
	for (struct top_row *row = t->rows; row; row = row->next)
		top_ask(row);
}

/* ---- running ---- */

static int top_begin(struct top *t)
{
	const struct common *common = &t->values->ask.common;
	int r = postern_loop_new(&t->loop);

	if (r == 0)
		r = postern_timer_new(&t->timer, t->loop, top_tick, t);
	if (r < 0)
		return output_reason("top", NULL, postern_why());
	for (size_t i = 0; i < common->n_files; i++) {
		r = top_add(t, common->files[i]);
		if (r < 0)
			return r == -ENOMEM ? EXIT_TRY_AGAIN : EXIT_USAGE;
	}
	top_look(t);
	for (struct top_row *row = t->rows; row; row = row->next)
		top_ask(row);
	r = postern_timer_set_periodic(t->timer,
				       t->values->interval ? t->values->interval : TOP_INTERVAL);
	return r < 0 ? output_errno("top", NULL, "cannot set a timer", r) : EXIT_DONE;
}

static int top_run(void *data)
{
	struct top t = { .values = data };
	int status = top_begin(&t);

	if (!status) {
		int r = postern_loop_run(t.loop);

		status = r < 0 ? output_errno("top", NULL, "cannot wait", r) : t.status;
	}
	while (t.rows)
		t.rows = top_free_row(t.rows);
	t.timer = postern_timer_free(t.timer);
	t.loop = postern_loop_free(t.loop);
	return status;
}

const struct verb verb_top = {
	.name = "top",
	.operands = "[NAME]...",
	.about = "Shows what services do, again and again.",
	.notes = "Without NAME: all services of the user. CONN, OPEN: connections and calls now;\n"
		 "<P50, <P99: half of the calls since the last line, and 99 of 100, took less;\n"
		 "HELD, FDS: memory and descriptors for peers; FAULTS: calls that were abandoned\n"
		 "or dropped, and violations. Services offer this if their options say so.",
	.takes_files = true,
	.options = top_options,
	.size = sizeof(struct top_values),
	.run = top_run,
};
