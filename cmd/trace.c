/* SPDX-License-Identifier: Apache-2.0 */
/* trace.c - postern trace: the messages of a service as they pass, or those of a file once more */
#include "trace.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "sample.h"

struct trace_values {
	struct ask_values ask;
	bool json;
	const char *replay;
	uint32_t count;
};

static const struct option trace_options[] = {
	{ .name = "json",
	  .help = "print a line of JSON for each message, for --replay",
	  .offset = offsetof(struct trace_values, json) },
	{ .name = "count",
	  .type = OPTION_COUNT,
	  .argument = "N",
	  .standard = "no end",
	  .help = "end after this many messages",
	  .offset = offsetof(struct trace_values, count) },
	{ .name = "replay",
	  .type = OPTION_TEXT,
	  .argument = "FILE",
	  .help = "call what FILE has, and compare the answers",
	  .offset = offsetof(struct trace_values, replay) },
	ASK_OPTION_DEADLINE("with --replay: time for each answer"),
	ASK_OPTION_SERVER_UID,
	{ .name = NULL },
};

/* ---- reading ---- */

/* It must be there. */
static bool trace_number(struct postern_json object, const char *name, int64_t *ret)
{
	return sample_number(object, name, -1, ret) && *ret >= 0;
}

bool trace_read(struct trace_message *ret, struct postern_json answer)
{
	struct postern_json kind;

	if (postern_json_kind(answer) != POSTERN_JSON_OBJECT ||
	    !trace_number(answer, "atNs", &ret->at_ns) ||
	    !trace_number(answer, "connection", &ret->connection) ||
	    !trace_number(answer, "uid", &ret->uid) || !trace_number(answer, "pid", &ret->pid) ||
	    !trace_number(answer, "size", &ret->size) ||
	    !trace_number(answer, "dropped", &ret->dropped) ||
	    postern_json_find(answer, "kind", &kind) <= 0)
		return false;
	ret->is_call = postern_json_equals(kind, "call");
	if (!ret->is_call && !postern_json_equals(kind, "answer"))
		return false;
	if (postern_json_find(answer, "message", &ret->message) <= 0 ||
	    postern_json_kind(ret->message) == POSTERN_JSON_NULL)
		ret->message = (struct postern_json){ "", 0 };
	else if (postern_json_kind(ret->message) != POSTERN_JSON_OBJECT)
		return false;
	return true;
}

/* ---- printing ---- */

/* When the last call of a connection came. Two may share a place; then an answer has no time. */
enum { TRACE_PLACES = 1024 };
struct trace {
	int64_t offset_ns; /* from the monotonic clock to that of the day */
	struct trace_place {
		int64_t connection, at_ns;
	} calls[TRACE_PLACES];
};

static void trace_print_time(const struct trace *t, int64_t at_ns)
{
	/* Another program has said it: it may be anything. */
	int64_t ns = at_ns < INT64_MAX / 2 ? at_ns + t->offset_ns : 0;
	time_t seconds = (time_t)(ns / POSTERN_SECONDS(1));
	char text[16];
	struct tm local;

	if (!localtime_r(&seconds, &local) || !strftime(text, sizeof(text), "%H:%M:%S", &local))
		strcpy(text, "-");
	printf("%s.%06d", text, (int)(ns % POSTERN_SECONDS(1) / 1000));
}

static void trace_print_member(struct postern_json object, const char *name, bool is_text)
{
	struct postern_json value;

	if (postern_json_find(object, name, &value) <= 0)
		return;
	putchar(' ');
	if (is_text)
		json_print_text(stdout, value);
	else
		json_print(stdout, value, false);
}

static void trace_print_flags(struct postern_json call)
{
	static const char *const flags[] = { "oneway", "more", "upgrade" };
	struct postern_json value;

	for (int i = 0; i < 3; i++)
		if (postern_json_find(call, flags[i], &value) > 0 && value.n == 4)
			printf(" (%s)", flags[i]);
}

static void trace_print_message(struct trace *t, const struct trace_message *m)
{
	struct trace_place *place = &t->calls[(uint64_t)m->connection % TRACE_PLACES];

	if (m->dropped > 0)
		printf("... %" PRId64
		       " messages are missing: this terminal was too slow, or memory was short ...\n",
		       m->dropped);
	trace_print_time(t, m->at_ns);
	printf(" #%-4" PRId64 " uid %" PRId64 " pid %" PRId64 " %s", m->connection, m->uid, m->pid,
	       m->is_call ? ">" : "<");
	if (m->message.n == 0) {
		printf(" (%" PRId64 " bytes)", m->size);
	} else {
		trace_print_member(m->message, m->is_call ? "method" : "error", true);
		trace_print_member(m->message, "parameters", false);
		trace_print_flags(m->message);
	}
	if (m->is_call)
		*place = (struct trace_place){ m->connection, m->at_ns };
	else if (place->connection == m->connection && place->at_ns >= 0 && m->at_ns > place->at_ns)
		printf("  %s", sample_time(m->at_ns - place->at_ns).text);
	putchar('\n');
}

/* One line, also on a terminal. */
static void trace_print_json(struct postern_json answer)
{
	json_print(stdout, answer, false);
	putchar('\n');
}

static int trace_watch(struct ask *a, const struct trace_values *v)
{
	struct postern_json in = { "{}", 2 }, answer;
	struct trace trace = { 0 };
	struct trace_message message;
	struct timespec now;
	uint32_t n = 0;
	int status;

	clock_gettime(CLOCK_REALTIME, &now);
	trace.offset_ns = POSTERN_SECONDS(now.tv_sec) + now.tv_nsec - postern_now();
	status = ask_call(a, TRACE_METHOD, in, NULL, POSTERN_CALL_MORE, &answer);
	while (status == EXIT_DONE) {
		if (!trace_read(&message, answer)) {
			output_error(a->verb, a->address, "the answer is not one of " TRACE_METHOD);
			return EXIT_IO;
		}
		if (v->json)
			trace_print_json(answer);
		else
			trace_print_message(&trace, &message);
		if (fflush(stdout) != 0 || (v->count && ++n == v->count))
			return EXIT_DONE;
		status = ask_next(a, &answer);
	}
	return status < 0 ? EXIT_DONE : status;
}

/* ---- running ---- */

static const char *trace_wrong(const struct trace_values *v)
{
	if (v->ask.common.n_files > 1)
		return "too many arguments; see: postern trace --help";
	if (v->replay && (v->json || v->count))
		return "--replay excludes --json and --count";
	if (v->ask.deadline && !v->replay)
		return "--deadline is for --replay";
	return NULL;
}

static int trace_run(void *data)
{
	const struct trace_values *v = data;
	const char *wrong = trace_wrong(v);
	struct ask a;
	int status;

	if (wrong) {
		output_error("trace", NULL, "%s", wrong);
		return EXIT_USAGE;
	}
	status = ask_open(&a, "trace", &v->ask);
	if (!status && v->replay)
		status = replay(&a, v->replay);
	else if (!status)
		status = ask_explain(&a, trace_watch(&a, v), "traces", "POSTERN_SERVICE_TRACE");
	ask_close(&a);
	return status;
}

const struct verb verb_trace = {
	.name = "trace",
	.operands = "NAME",
	.about = "Shows the messages of a service, or makes its calls again.",
	.notes = "For services whose options say so (POSTERN_SERVICE_TRACE), and those of\n"
		 "postern serve --interface; for root and the user that they run as.\n"
		 "With --replay NAME is the service that is called, one call after the other;\n"
		 "it ends with 1 if an answer differs. Streams and upgrades are left out.",
	.takes_files = true,
	.options = trace_options,
	.size = sizeof(struct trace_values),
	.run = trace_run,
};
