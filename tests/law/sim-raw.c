/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim-raw.c - connections that were upgraded: bytes of no protocol, in both directions; see sim.h
 *
 * A byte is known by its place in the stream. So one that was lost, that came twice, or that was taken for a part of a message
 * moves all that follow, and the reader sees it. To a machine that would read them as messages they are wrong ones.
 */
#include <string.h>

#include "sim.h"

static char raw_at(size_t at)
{
	static const char bytes[] = "raw\0{\"bytes\":\0";

	return bytes[at % (sizeof(bytes) - 1)];
}

void raw_write(struct sim_stream *s)
{
	size_t n = sim_chance(3) ? 0 : 1 + sim_size(sim_chance(4) ? 2000 : 40);

	while (n-- > 0) {
		char byte = raw_at(s->written);

		stream_write(s, &byte, 1);
	}
}

void raw_read(const struct sim_wire *w, struct sim_stream *s, uint64_t *count)
{
	for (; s->parsed < s->taken; s->parsed++) {
		++*count;
		if (!w->hostile && s->bytes[s->parsed] != raw_at(s->parsed))
			sim_broken(
				"byte %zu of an upgraded wire, %d, is not the one that was written",
				s->parsed, wire_of(w));
	}
}

void raw_begins(struct sim_wire *w)
{
	w->taken_over = true;
	SIM_COUNT(taken_over);
	if (w->down.taken > w->down.parsed)
		SIM_COUNT(glued_down);
	raw_read(w, &w->down, &sim_result->counts.raw_down);
	/* Of what a service has not confirmed it makes messages. */
	if (w->hostile)
		w->wrong = true;
	raw_write(&w->up);
}

bool raw_takes(struct sim_wire *w, size_t n)
{
	size_t most = w->down.given - w->down.taken;

	if (!most && w->ended)
		return raw_ends(w);
	w->down.taken += n < most ? n : most;
	raw_read(w, &w->down, &sim_result->counts.raw_down);
	return most > 0;
}

bool raw_ends(struct sim_wire *w)
{
	if (!w->taken_over || !w->open)
		return false;
	sim_say("the program ends wire %d, with %zu bytes that are not sent", wire_of(w),
		w->up.written - w->up.given);
	SIM_COUNT(raw_ends);
	w->open = false;
	w->up.written = w->up.given;
	return true;
}
