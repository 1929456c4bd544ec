/* SPDX-License-Identifier: Apache-2.0 */
/* trace.c - what happened in a life, in words; kept where it outlives the worker */
#include "law.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct law_shared *law_shared;

static const char *const call_names[] = { "nothing",
#define LAW_STRING(name) #name,
					  LAW_CALLS(LAW_STRING)
#undef LAW_STRING
};

static const char *const place_names[] = {
#define LAW_STRING(name) #name,
	LAW_PLACES(LAW_STRING)
#undef LAW_STRING
};

const char *law_call_name(int call)
{
	return call_names[call];
}

const char *law_place_name(int place)
{
	return place_names[place];
}

const char *law_reason_name(int code)
{
	static const char *const names[] = {
		"none",         "ENDED",      "CLOSED",      "ABORTED",   "CANCELLED",
		"TIMEOUT",      "NO_SERVER",  "IDLE",        "RESET",     "VIOLATION",
		"NOT_ALLOWED",  "WRONG_TYPE", "NAME_IN_USE", "NAME_LOST", "NAME_RESTORED",
		"NO_RESOURCES", "FAILED",
	};

	return code >= 0 && code <= POSTERN_REASON_FAILED ? names[code] : "no reason that there is";
}

void law_trace_begin(uint64_t seed)
{
	law_shared->seed = seed;
	law_shared->step = law_shared->n_lines = law_shared->n_inside = 0;
	law_shared->hash = 14695981039346656037u;
}

uint64_t law_hash(void)
{
	return law_shared->hash;
}

void law_say(const char *format, ...)
{
	char *line = law_shared->lines[law_shared->n_lines++ % 4096];
	va_list args;
	int n;

	n = snprintf(line, sizeof(law_shared->lines[0]), "%4u %*s", L.step, (int)(2 * L.depth), "");
	va_start(args, format);
	vsnprintf(line + n, sizeof(law_shared->lines[0]) - (size_t)n, format, args);
	va_end(args);
	for (const char *p = line; *p; p++)
		law_shared->hash = (law_shared->hash ^ (unsigned char)*p) * 1099511628211u;
	if (law_options.verbose)
		fprintf(stderr, "%s\n", line);
}

void law_trace_print(FILE *to, unsigned last)
{
	unsigned n = law_shared->n_lines;

	for (unsigned i = n > last ? n - last : 0; i < n; i++)
		fprintf(to, "#   %s\n", law_shared->lines[i % 4096]);
}

/* The worker ends here: no exit handlers, since the world is in the middle of something. */
void law_broken(const char *law, const char *format, ...)
{
	va_list args;

	snprintf(law_shared->law, sizeof(law_shared->law), "%s", law);
	va_start(args, format);
	vsnprintf(law_shared->text, sizeof(law_shared->text), format, args);
	va_end(args);
	law_shared->step = L.step;
	law_shared->broken = true;
	_exit(1);
}

void law_enter(int call)
{
	if (L.call != CALL_none)
		law_broken("harness", "%s inside %s", law_call_name(call), law_call_name(L.call));
	L.call = call;
	law_shared->calls++;
	law_shared->counts[call][L.place]++;
}

intmax_t law_leave(intmax_t r)
{
	L.call = CALL_none;
	return r;
}
