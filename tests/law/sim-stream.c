/* SPDX-License-Identifier: Apache-2.0 */
/* sim-stream.c - bytes on their way, chance, and the trace; see sim.h */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <postern/frame.h>

#include "sim.h"

struct sim S;
struct sim_result *sim_result;
bool sim_verbose;
static uint64_t hash;

/* ---- chance ---- */

uint64_t sim_below(uint64_t n)
{
	return random_below(&S.random, n);
}

size_t sim_size(size_t below)
{
	return (size_t)sim_below(below);
}

bool sim_chance(unsigned one_in)
{
	return one_in > 0 && sim_below(one_in) == 0;
}

/* ---- the trace ---- */

uint64_t sim_trace_begin(void)
{
	sim_result->n_lines = 0;
	return hash = 14695981039346656037u;
}

uint64_t sim_trace(void)
{
	return hash;
}

void sim_say(const char *format, ...)
{
	char *line = sim_result->lines[sim_result->n_lines++ % SIM_LINES];
	size_t size = sizeof(sim_result->lines[0]);
	int n = snprintf(line, size, "%10.6f  %*s", (double)S.now / 1e9, (int)(2 * S.depth), "");
	va_list args;

	va_start(args, format);
	vsnprintf(line + n, size - (size_t)n, format, args);
	va_end(args);
	for (char *p = line; *p; p++) {
		*p = *p < ' ' ? ' ' : *p;
		hash = (hash ^ (unsigned char)*p) * 1099511628211u;
	}
	if (sim_verbose)
		printf("%s\n", line);
}

void sim_broken(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(sim_result->law, sizeof(sim_result->law), format, args);
	va_end(args);
	sim_result->broken = true;
	fflush(stdout);
	_exit(1);
}

/* ---- streams ---- */

void stream_write(struct sim_stream *s, const char *bytes, size_t n)
{
	if (s->written + n > s->size) {
		s->size = 2 * (s->written + n);
		s->bytes = realloc(s->bytes, s->size);
		if (!s->bytes)
			abort();
	}
	memcpy(s->bytes + s->written, bytes, n);
	s->written += n;
}

size_t stream_can_give(const struct sim_stream *s)
{
	size_t held = s->given - s->taken, queued = s->written - s->given;

	if (held >= s->room)
		return 0;
	return queued < s->room - held ? queued : s->room - held;
}

const char *stream_message(struct sim_stream *s, size_t *ret_n)
{
	struct postern_frame frame;

	if (postern_frame_find(POSTERN_FRAMING_NUL, s->bytes + s->parsed, s->taken - s->parsed, 0,
			       SIZE_MAX, &frame) <= 0)
		return NULL;
	*ret_n = frame.n;
	s->parsed += frame.used;
	return frame.bytes;
}

/* The memory stays for the next life. */
void stream_reset(struct sim_stream *s, size_t room)
{
	s->written = s->given = s->taken = s->parsed = 0;
	s->room = room;
	s->n_passed = 0;
	list_init(&s->flights);
	s->glue_id[0] = s->glue_id[1] = -1;
}

/* ---- wires ---- */

int wire_of(const struct sim_wire *w)
{
	return (int)(w - S.wires);
}

static size_t wire_room(void)
{
	switch (sim_below(4)) {
	case 0:
		return 1 + sim_size(8);
	case 1:
		return 1 + sim_size(200);
	default:
		return 500 + sim_size(20000);
	}
}

struct sim_wire *wire_new(void)
{
	struct sim_wire *w;

	if (S.n_wires == SIM_WIRES)
		return NULL;
	w = &S.wires[S.n_wires++];
	*w = (struct sim_wire){
		.up = w->up,
		.down = w->down,
		.used = true,
		.open = true,
		.open_call = -1,
		.alone_call = -1,
	};
	stream_reset(&w->up, wire_room());
	stream_reset(&w->down, wire_room());
	return w;
}
