/* SPDX-License-Identifier: Apache-2.0 */
/* stats.c - postern stats: what a service has done and holds, once */
#include "ask.h"
#include "sample.h"

#include <inttypes.h>
#include <string.h>

struct stats_values {
	struct ask_values ask;
	bool json;
};

static const struct option stats_options[] = {
	{ .name = "json",
	  .help = "print the answer of " SAMPLE_METHOD,
	  .offset = offsetof(struct stats_values, json) },
	ASK_OPTION_DEADLINE("time for the answer"),
	ASK_OPTION_SERVER_UID,
	{ .name = NULL },
};

static void stats_print_totals(const struct sample *s)
{
	const int64_t *v = s->values;
	int64_t up = (v[SAMPLE_AT] - v[SAMPLE_SINCE]) / POSTERN_SECONDS(1);

	up = up > 0 ? up : 0;
	printf("Up:          %" PRId64 " d %02d:%02d:%02d\n", up / 86400, (int)(up / 3600 % 24),
	       (int)(up / 60 % 60), (int)(up % 60));
	printf("Connections: %" PRId64 ", %" PRId64 " of them upgraded; %" PRId64
	       " accepted, %" PRId64 " refused, accepting paused %" PRId64 " times\n",
	       v[SAMPLE_CONNECTIONS], v[SAMPLE_UPGRADED], v[SAMPLE_ACCEPTED], v[SAMPLE_REFUSED],
	       v[SAMPLE_PAUSES]);
	printf("Calls:       %" PRId64 ", %s a second; %" PRId64 " open\n", v[SAMPLE_CALLS],
	       sample_count(sample_rate(s, NULL, SAMPLE_CALLS)).text, v[SAMPLE_OPEN]);
	printf("Ends:        %" PRId64 " answered, %" PRId64 " abandoned, %" PRId64
	       " cancelled, %" PRId64 " dropped, %" PRId64 " violations\n",
	       v[SAMPLE_ANSWERS], v[SAMPLE_ABANDONED], v[SAMPLE_CANCELLED], v[SAMPLE_DROPPED],
	       v[SAMPLE_VIOLATIONS]);
	printf("Bytes:       %s received, %s sent, %s held now\n",
	       sample_bytes((double)v[SAMPLE_RECEIVED]).text,
	       sample_bytes((double)v[SAMPLE_SENT]).text,
	       sample_bytes((double)v[SAMPLE_HELD]).text);
	printf("Descriptors: %" PRId64 " passed and not taken now, %" PRId64 " refused\n",
	       v[SAMPLE_DESCRIPTORS], v[SAMPLE_UNPASSED]);
}

static void stats_print_latency(const struct sample *s)
{
	if (s->n_buckets == 0)
		return;
	printf("Latency:     below %s (half of the calls), %s (90 %%), %s (99 %%), %s (99.9 %%), %s (all)\n",
	       sample_time(sample_latency(s, NULL, 0.5)).text,
	       sample_time(sample_latency(s, NULL, 0.9)).text,
	       sample_time(sample_latency(s, NULL, 0.99)).text,
	       sample_time(sample_latency(s, NULL, 0.999)).text,
	       sample_time(sample_latency(s, NULL, 1)).text);
}

static int64_t stats_number(struct postern_json user, const char *name)
{
	int64_t n;

	return sample_number(user, name, 0, &n) ? n : 0;
}

static void stats_print_users(struct postern_json answer)
{
	struct postern_json_walk walk;
	struct postern_json users, user;

	if (postern_json_find(answer, "users", &users) <= 0 ||
	    postern_json_kind(users) != POSTERN_JSON_ARRAY || postern_json_enter(&walk, users) < 0)
		return;
	while (postern_json_next(&walk, NULL, &user) > 0)
		if (postern_json_kind(user) == POSTERN_JSON_OBJECT)
			printf("uid %-8" PRId64 " %" PRId64 " connections, %s and %" PRId64
			       " descriptors held, %" PRId64 " calls\n",
			       stats_number(user, "uid"), stats_number(user, "connectionsNow"),
			       sample_bytes((double)stats_number(user, "bytesNow")).text,
			       stats_number(user, "descriptorsNow"), stats_number(user, "calls"));
}

static int stats_print(const struct ask *a, struct postern_json answer)
{
	struct sample sample;

	if (!sample_read(&sample, answer)) {
		output_error(a->verb, a->address, "the answer is not one of " SAMPLE_METHOD);
		return EXIT_IO;
	}
	stats_print_totals(&sample);
	stats_print_latency(&sample);
	stats_print_users(answer);
	return EXIT_DONE;
}

static int stats_run(void *data)
{
	const struct stats_values *v = data;
	struct postern_json in = { "{}", 2 }, answer;
	struct ask a;
	int status = ask_open(&a, "stats", &v->ask);

	if (!status && v->ask.common.n_files > 1) {
		output_error("stats", a.address,
			     "unexpected argument '%s'; see: postern stats --help",
			     v->ask.common.files[1]);
		status = EXIT_USAGE;
	}
	if (!status) {
		status = ask_call(&a, SAMPLE_METHOD, in, NULL, 0, &answer);
		if (status)
			status =
				ask_explain(&a, status, "statistics", "POSTERN_SERVICE_STATISTICS");
		else if (v->json)
			json_print_answer(answer);
		else
			status = stats_print(&a, answer);
	}
	ask_close(&a);
	return status;
}

const struct verb verb_stats = {
	.name = "stats",
	.operands = "NAME",
	.about = "Prints what a service has done, and holds.",
	.notes = "For services whose options say so (POSTERN_SERVICE_STATISTICS), and those of\n"
		 "postern serve --interface. They tell it to root and to the user that they run\n"
		 "as. Of servers of bytes see postern ls, and postern serve --stats.",
	.takes_files = true,
	.options = stats_options,
	.size = sizeof(struct stats_values),
	.run = stats_run,
};
