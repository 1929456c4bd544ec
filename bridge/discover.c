/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discover.c - an exported service in NATS's service discovery, as its tools ask for it: $SRV.PING, INFO and STATS
 *
 * Each of the three is also asked for by a service's name, and by its name and the id of one instance. A method is an endpoint,
 * whose metadata has its interface; calls count when they begin, and as errors when their answer is one. The time of
 * a call is from its message to its answer: that of a stream is in it when the stream has ended.
 */
#include "export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DISCOVER_PING, DISCOVER_INFO, DISCOVER_STATS };

static const char *const discover_verbs[] = { "PING", "INFO", "STATS" };
static const char *const discover_types[] = {
	"io.nats.micro.v1.ping_response",
	"io.nats.micro.v1.info_response",
	"io.nats.micro.v1.stats_response",
};

/* ---- who we are ---- */

/* Letters, digits, - and _ are what a name there may have. */
static void discover_set_title(struct export *e, const char *text)
{
	const char *slash = strrchr(text, '/');
	size_t n = 0;

	text = slash && slash[1] ? slash + 1 : text;
	for (; *text && n < sizeof(e->title) - 1; text++, n++) {
		char c = *text;
		bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			    (c >= 'A' && c <= 'Z') || c == '-' || c == '_';

		e->title[n] = '_';
		if (fits)
			e->title[n] = c;
	}
	e->title[n] = '\0';
}

static bool discover_is_number(const char **at)
{
	size_t n = strspn(*at, "0123456789");

	if (n == 0 || n > 9 || (n > 1 && **at == '0'))
		return false;
	*at += n;
	return true;
}

/* What a service says of itself may be anything, and a version there has three numbers. */
static void discover_set_version(struct export *e)
{
	const char *text = e->learned.version, *at = text;
	bool fits = discover_is_number(&at) && *at++ == '.' && discover_is_number(&at) &&
		    *at++ == '.' && discover_is_number(&at) && *at == '\0';

	snprintf(e->version, sizeof(e->version), "%s", fits ? text : "0.0.0");
}

static void discover_set_started(struct export *e)
{
	time_t now = time(NULL);
	struct tm utc;

	if (!gmtime_r(&now, &utc) ||
	    !strftime(e->started, sizeof(e->started), "%Y-%m-%dT%H:%M:%SZ", &utc))
		snprintf(e->started, sizeof(e->started), "1970-01-01T00:00:00Z");
}

/* ---- answers ---- */

static void discover_text(struct postern_json_writer *w, const char *name, const char *text)
{
	postern_json_write_name(w, name);
	postern_json_write_text(w, text);
}

static void discover_stats(struct postern_json_writer *w, const struct export_method *m)
{
	int64_t average = m->requests ? m->busy_ns / (int64_t)m->requests : 0;

	postern_json_write_name(w, "num_requests");
	postern_json_write_uint(w, m->requests);
	postern_json_write_name(w, "num_errors");
	postern_json_write_uint(w, m->errors);
	discover_text(w, "last_error", m->last_error);
	postern_json_write_name(w, "processing_time");
	postern_json_write_int(w, m->busy_ns);
	postern_json_write_name(w, "average_processing_time");
	postern_json_write_int(w, average);
}

static void discover_endpoints(struct postern_json_writer *w, const struct export *e, int what)
{
	postern_json_write_name(w, "endpoints");
	postern_json_write_array(w);
	for (size_t i = 0; i < e->n_methods; i++) {
		const struct export_method *m = &e->methods[i];

		postern_json_write_object(w);
		discover_text(w, "name", m->name + strlen(m->interface) + 1);
		discover_text(w, "subject", m->subject);
		discover_text(w, "queue_group", e->queue);
		if (what == DISCOVER_STATS) {
			discover_stats(w, m);
		} else {
			postern_json_write_name(w, "metadata");
			postern_json_write_object(w);
			discover_text(w, "interface", m->interface);
			postern_json_write_end(w);
		}
		postern_json_write_end(w);
	}
	postern_json_write_end(w);
}

static ssize_t discover_write(const struct export *e, int what, char *bytes, size_t size,
			      size_t *ret_needs)
{
	struct postern_json_writer w;
	ssize_t n;

	postern_json_write_begin(&w, bytes, size);
	postern_json_write_object(&w);
	discover_text(&w, "type", discover_types[what]);
	discover_text(&w, "name", e->title);
	discover_text(&w, "id", e->id);
	discover_text(&w, "version", e->version);
	postern_json_write_name(&w, "metadata");
	postern_json_write_object(&w);
	discover_text(&w, "bridge", "postern " POSTERN_VERSION);
	postern_json_write_end(&w);
	if (what == DISCOVER_INFO)
		discover_text(&w, "description",
			      "a service of Varlink, exported by postern bridge");
	if (what == DISCOVER_STATS)
		discover_text(&w, "started", e->started);
	if (what != DISCOVER_PING)
		discover_endpoints(&w, e, what);
	postern_json_write_end(&w);
	n = postern_json_write_finish(&w);
	*ret_needs = w.n;
	return n;
}

static void discover_answer(struct export *e, const struct bus_message *m, int what)
{
	struct bus_out out = { .subject = m->reply };
	size_t size;
	ssize_t n;
	char *text;

	if (!m->reply || !export_may_answer(e, m))
		return;
	(void)discover_write(e, what, NULL, 0, &size);
	text = malloc(size);
	if (!text)
		return;
	n = discover_write(e, what, text, size, &size);
	out.payload = text;
	out.n = n < 0 ? 0 : (size_t)n;
	if (n >= 0 && bus_publish(e->bridge.bus, &out) == -EMSGSIZE)
		output_error(
			e->bridge.verb, e->address,
			"its list of %zu methods is larger than a message of NATS may be: %zd bytes, and %zu are allowed",
			e->n_methods, n, bus_max(e->bridge.bus));
	free(text);
}

static void discover_ping(const struct bus_message *m, void *data)
{
	discover_answer(data, m, DISCOVER_PING);
}

static void discover_info(const struct bus_message *m, void *data)
{
	discover_answer(data, m, DISCOVER_INFO);
}

static void discover_statistics(const struct bus_message *m, void *data)
{
	discover_answer(data, m, DISCOVER_STATS);
}

static int discover_subscribe(struct export *e, int what)
{
	static bus_fn *const fns[] = { discover_ping, discover_info, discover_statistics };
	char subject[512];
	int r;

	snprintf(subject, sizeof(subject), "$SRV.%s", discover_verbs[what]);
	r = bus_subscribe(NULL, e->bridge.bus, subject, NULL, fns[what], e);
	snprintf(subject, sizeof(subject), "$SRV.%s.%s", discover_verbs[what], e->title);
	if (r == 0)
		r = bus_subscribe(NULL, e->bridge.bus, subject, NULL, fns[what], e);
	snprintf(subject, sizeof(subject), "$SRV.%s.%s.%s", discover_verbs[what], e->title, e->id);
	if (r == 0)
		r = bus_subscribe(NULL, e->bridge.bus, subject, NULL, fns[what], e);
	return r;
}

int discover_open(struct export *e)
{
	const char *title = e->bridge.values->title;
	int r = 0;

	discover_set_title(e, title ? title : e->address);
	discover_set_version(e);
	discover_set_started(e);
	snprintf(e->id, sizeof(e->id), "%s", bus_id(e->bridge.bus));
	for (int what = DISCOVER_PING; r == 0 && what <= DISCOVER_STATS; what++)
		r = discover_subscribe(e, what);
	return r < 0 ? output_errno(e->bridge.verb, e->address, "service discovery", r) : EXIT_DONE;
}
