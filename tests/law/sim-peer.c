/* SPDX-License-Identifier: Apache-2.0 */
/* sim-peer.c - texts of calls, and peers that are no caller of ours: they pipeline, half-close, and break rules; see sim.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* ---- texts ---- */

int message_call_of(const struct message_call *m)
{
	static const char begin[] = "org.example.sim.C";
	char name[64];
	ssize_t n = postern_json_string(m->method, name, sizeof(name) - 1);

	if (n <= (ssize_t)strlen(begin) || memcmp(name, begin, strlen(begin)) != 0)
		return -1;
	name[n] = '\0';
	return atoi(name + strlen(begin));
}

/* With its NUL. */
size_t message_make_call(char *text, const struct sim_call *c)
{
	struct postern_json_writer json;
	char name[32], pad[SIM_TEXT];
	ssize_t n;

	snprintf(name, sizeof(name), "org.example.sim.C%d", c->index);
	memset(pad, 'x', c->pad);
	postern_json_write_begin(&json, text, SIM_TEXT - 1);
	message_write_call(&json, name, c->flags);
	postern_json_write_name(&json, "parameters");
	postern_json_write_object(&json);
	postern_json_write_name(&json, "pad");
	postern_json_write_string(&json, pad, c->pad);
	postern_json_write_end(&json);
	postern_json_write_end(&json);
	n = postern_json_write_finish(&json);
	if (n < 0)
		sim_broken("harness: call %d has no text", c->index);
	text[n] = '\0';
	return (size_t)n + 1;
}

/* ---- what peers send ---- */

/* The first four are without the flag of an upgrade. */
static const char *const right[] = {
	"{\"method\":\"org.example.sim.C%d\"%s}",
	"{\"parameters\":null,\"method\":\"org.example.sim.C%d\"%s}",
	" \t\r\n{ \"method\" : \"org.example.sim.C%d\"%s , \"parameters\" : { } } ",
	"{\"method\":\"org.\\u0065xample.sim.C%d\"%s,\"a.b\":{\"c\":[1,{}]},\"a.b\":{}}",
	"{\"upgrade\":false,\"method\":\"org.example.sim.C%d\"%s}",
	"{\"upgrade\":null,\"parameters\":{\"a\":\"{}}\"},\"method\":\"org.example.sim.C%d\"%s}",
};

static const char *const wrong[] = {
	"",
	"{}",
	"[]",
	"nonsense",
	"{\"method\":\"a.b\"",
	"{\"method\":\"a.b\"}}",
	"{\"method\":null}",
	"{\"method\":7}",
	"{\"method\":\"a\\u0000b\"}",
	"{\"method\":\"a.b\",\"method\":\"a.b\"}",
	"{\"method\":\"a.b\",\"parameters\":[]}",
	"{\"method\":\"a.b\",\"more\":1}",
	"{\"method\":\"a.b\",\"more\":true,\"oneway\":true}",
	"{\"method\":\"a.b\",\"more\":false,\"more\":true}",
	"{\"method\":\"a.b\",\"fds\":{}}",
	"{\"method\":\"a.b\",\"a.b\":1}",
	"{\"method\":\"a.b\",\"parameters\":{\"a\":01}}",
};

static const char *peer_flag(unsigned flags)
{
	switch (flags) {
	case POSTERN_CALL_MORE:
		return ",\"more\":true";
	case POSTERN_CALL_ONEWAY:
		return ",\"oneway\":true";
	case POSTERN_CALL_UPGRADE:
		return ",\"upgrade\":true";
	default:
		return sim_chance(4) ? ",\"more\":false,\"oneway\":null" : "";
	}
}

/* upgrades: its last call. */
static void peer_calls(struct sim_wire *w, bool upgrades)
{
	static const unsigned kinds[] = { 0, 0, POSTERN_CALL_ONEWAY, POSTERN_CALL_MORE };
	struct sim_call *c = &S.calls[S.n_calls];
	char text[256];
	int n;

	if (S.n_calls == SIM_CALLS)
		return;
	*c = (struct sim_call){ .index = (int)S.n_calls++, .peer = wire_of(w), .served_by = -1 };
	c->flags = upgrades ? POSTERN_CALL_UPGRADE : kinds[sim_below(4)];
	c->wire = c->peer;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	n = snprintf(text, sizeof(text),
		     right[sim_below(upgrades ? 4 : sizeof(right) / sizeof(right[0]))], c->index,
		     peer_flag(c->flags));
#pragma GCC diagnostic pop
	sim_say("peer %d writes %s", wire_of(w), text);
	stream_write(&w->up, text, (size_t)n + 1);
	c->takes = S.passes && sim_chance(2);
	c->passes = c->takes && sim_chance(2);
	if (c->passes)
		passed_write(&w->up, (size_t)n + 1, c->index);
	else if (S.passes && !c->takes && sim_chance(2))
		passed_join(&w->up, (size_t)n + 1);
	oracle_wrote(w, c);
}

/* A descriptor that nobody has asked for, with the last of its calls. */
static void peer_passes(struct sim_wire *w)
{
	size_t before = w->up.written;
	struct sim_call *c = &S.calls[S.n_calls];

	peer_calls(w, false);
	if (w->up.written == before || c->takes)
		return;
	sim_say("peer %d passes a descriptor with it", wire_of(w));
	c->unwanted = true;
	passed_write(&w->up, w->up.written - before, SIM_UNWANTED);
}

void peer_begins(void)
{
	struct sim_wire *w = S.down || S.n_calls + 4 > SIM_CALLS ? NULL : wire_new();
	unsigned n = 1 + (unsigned)sim_below(6);
	const char *text;

	if (!w)
		return;
	SIM_COUNT(peers);
	w->hand_made = true;
	while (n-- > 0)
		peer_calls(w, false);
	if (sim_chance(3)) {
		peer_calls(w, true);
		/* At once, though nobody has confirmed it. */
		if (!S.calm && sim_chance(2)) {
			size_t before = w->up.written;

			w->wrong = true;
			raw_write(&w->up);
			/* In one send with the call. */
			if (sim_chance(2))
				passed_join(&w->up, w->up.written - before);
		}
		return;
	}
	if (!S.calm && S.passes && sim_chance(2)) {
		peer_passes(w);
		return;
	}
	if (S.calm || !sim_chance(3))
		return;
	text = wrong[sim_below(sizeof(wrong) / sizeof(wrong[0]))];
	sim_say("peer %d writes %s", wire_of(w), text);
	w->wrong = true;
	stream_write(&w->up, text, strlen(text) + 1);
}

bool peer_takes(struct sim_wire *w, size_t n)
{
	size_t most = w->down.given - w->down.taken, length;
	struct message_answer m;
	struct message_fault fault;
	const char *text;

	if (!w->open || (!most && !w->ended))
		return false;
	if (!most) {
		sim_say("peer %d reads the end", wire_of(w));
		w->open = false;
		w->up.written = w->up.given;
		return true;
	}
	if (w->taken_over)
		return raw_takes(w, n);
	w->down.taken += n < most ? n : most;
	/* After an answer that it has not asked for it cannot know which one confirms its upgrade. */
	while (!w->taken_over && !(w->hostile && w->upgraded) &&
	       (text = stream_message(&w->down, &length))) {
		if (w->notes[w->n_noted++].wrong)
			continue;
		sim_say("peer %d reads %.*s", wire_of(w), (int)(length < 90 ? length : 90), text);
		if (message_read_answer(text, length, &m, &fault) < 0)
			sim_broken("the answer \"%.*s\" is none: %s", (int)length, text,
				   fault.what);
		oracle_peer_answer(w, &m);
	}
	return true;
}

bool peer_leaves(struct sim_wire *w, bool half)
{
	if (!w->hand_made || !w->open || (half && w->half))
		return false;
	sim_say("peer %d %s after %zu of %zu bytes", wire_of(w), half ? "half-closes" : "leaves",
		w->up.given, w->up.written);
	if (half)
		SIM_COUNT(half_closes);
	w->up.written = w->up.given;
	w->half = w->half || half;
	w->open = w->open && half;
	return true;
}
