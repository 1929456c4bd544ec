/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim-passed.c - descriptors in a stream, as the kernel passes and glues them; see sim.h
 *
 * A descriptor is the number of its message. It goes with the first byte of a send that has nothing but that message, as
 * conn/passing.c sends it. A read ends behind such a send, and may begin long before it. Who gets the descriptor is
 * decided by core/glue.c; that it is the right one, the oracle knows from the number.
 */
#include <string.h>

#include "sim.h"

void passed_write(struct sim_stream *s, size_t n, int id)
{
	if (s->n_passed == SIM_PASSED)
		sim_broken("harness: too many descriptors in a stream");
	/* One that has its own is not in the send of another. */
	if (s->n_passed > 0 && s->passed[s->n_passed - 1].end > s->written - n)
		s->passed[s->n_passed - 1].end = s->written - n;
	s->passed[s->n_passed++] =
		(struct sim_passed){ .at = s->written - n, .end = s->written, .id = id };
	SIM_COUNT(passed);
}

void passed_join(struct sim_stream *s, size_t n)
{
	struct sim_passed *last = s->n_passed > 0 ? &s->passed[s->n_passed - 1] : NULL;

	if (last && last->end == s->written - n)
		last->end = s->written;
}

/* ---- what the sender is charged for ---- */

static void passed_flies(struct sim_stream *s, struct sim_passed *p, size_t sent)
{
	p->sent = sent;
	p->flying = true;
	p->flight = (struct flight){ .at = p->at, .n = 1 };
	list_append(&s->flights, &p->flight.node);
	SIM_COUNT(flights);
}

/* What SIOCOUTQ says at least: each send with a descriptor, and its bytes, until the last of them is taken; and of the others the
   bytes. Or more, as far as the seed likes. */
static uint64_t passed_unread(const struct sim_stream *s, size_t given)
{
	uint64_t unread = given - s->taken;

	if (unread == 0)
		return 0;
	for (unsigned i = 0; i < s->n_passed; i++) {
		const struct sim_passed *p = &s->passed[i];

		if (!p->sent || p->sent <= s->taken)
			continue;
		unread += FLIGHT_BUFFER;
		if (p->at < s->taken)
			unread += s->taken - p->at;
	}
	return sim_chance(3) ? unread + sim_size(2000) : unread;
}

/* Of what the peer has not taken nothing is given back; and all of it when there is nothing left. */
static void passed_look(struct sim_stream *s, size_t given)
{
	uint64_t unread = passed_unread(s, given);
	struct list over;

	list_init(&over);
	flight_settle(&s->flights, given, unread, &over);
	while (!list_is_empty(&over)) {
		struct sim_passed *p = container_of(over.next, struct sim_passed, flight.node);

		list_remove(over.next);
		p->flying = false;
	}
	for (unsigned i = 0; i < s->n_passed; i++) {
		const struct sim_passed *p = &s->passed[i];

		if (p->sent && p->at >= s->taken && !p->flying)
			sim_broken("descriptor %d was given back, and is in flight", p->id);
		if (p->flying && unread == 0)
			sim_broken("descriptor %d was read, and is charged for ever", p->id);
		if (p->flying && p->at < s->taken)
			SIM_COUNT(read_late);
	}
}

size_t passed_give(struct sim_stream *s, size_t n)
{
	for (unsigned i = 0; i < s->n_passed; i++) {
		struct sim_passed *p = &s->passed[i];
		size_t most = (p->at > s->given ? p->at : p->end) - s->given;

		if (p->at < s->given)
			continue;
		n = n < most ? n : most;
		if (p->at == s->given)
			passed_flies(s, p, s->given + n);
		break;
	}
	passed_look(s, s->given + n);
	return n;
}

size_t passed_take(struct sim_stream *s, size_t n)
{
	if (sim_chance(4))
		passed_look(s, s->given);
	for (unsigned i = 0; i < s->n_passed; i++) {
		const struct sim_passed *p = &s->passed[i];
		unsigned k = s->glue_id[0] >= 0;

		if (!p->sent || p->at < s->taken || p->at >= s->taken + n)
			continue;
		if (s->taken + n > p->sent)
			n = p->sent - s->taken;
		if (p->at > s->taken)
			SIM_COUNT(glued);
		s->glue_id[k] = p->id;
		if (p->id == SIM_UNWANTED)
			s->unwanted_from = s->taken;
		glue_begin(&s->glue[k], s->taken, s->taken + n);
		break;
	}
	return n;
}

bool passed_is_full(const struct sim_stream *s)
{
	return s->glue_id[1] >= 0;
}

int passed_next(struct sim_stream *s, bool over, glue_takes *takes, void *data, int *ret_id)
{
	const char *bytes = s->bytes + s->parsed;
	size_t n = s->taken - s->parsed;

	*ret_id = -1;
	for (int i = 0; i < 2 && s->glue_id[i] >= 0; i++)
		if (glue_look(&s->glue[i], bytes, n, s->parsed, takes, data) == GLUE_NOBODYS)
			return -1;
	for (int i = 0; i < 2 && s->glue_id[i] >= 0; i++) {
		bool is_open = s->glue[i].state == GLUE_OPEN;

		if (s->glue[i].owner != s->parsed)
			continue;
		if (is_open && !over) {
			SIM_COUNT(held);
			return 0;
		}
		*ret_id = is_open ? SIM_CUT : s->glue_id[i];
		s->glue[i] = s->glue[1];
		s->glue_id[i] = s->glue_id[1];
		s->glue_id[1] = -1;
		return 1;
	}
	return 1;
}
