/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim-topic.c - a topic of the service, its subscribers, and what must hold for them; see sim.h
 *
 * As in service/topic.c: bytes go from a publication to the kernel, past the queue, and as many as it takes; the
 * seed decides how many. What nobody needs any more is overwritten at once, so that whoever still sends it sends nonsense.
 *
 * The oracle's books are beside: what of which publication has gone, and what has arrived. A subscriber has to get
 *
 *   LATEST   publications in their order, and in the end, when all that can happen has happened, the last one
 *   QUEUE    each from the first one on, or Overflow with the number of those that it did not get
 *
 * and at both ends of each message the same one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim.h"

static const char overflow[] = "io.postern.Overflow";

static bool is_queue(void)
{
	return S.topic.limits.policy == TOPIC_QUEUE;
}

static struct sim_publication *publication_of(const struct topic_item *item)
{
	return container_of(item, struct sim_publication, item);
}

/* Of this topic, by its number. */
static const struct sim_publication *publication(uint64_t number)
{
	return number > 0 && number <= S.topic_published ? &S.pubs[S.topic_first + number - 1]
							 : NULL;
}

/* ---- the oracle ---- */

/* How it should wake: it has all, or waits, or too much waits for it. */
static int woken(const struct sim_call *c)
{
	const struct topic_limits *limits = &S.topic.limits;
	uint64_t waiting = S.topic_published - c->topic_begun, bytes = 0;

	if (waiting == 1 && c->topic_left == 0)
		return TOPIC_SENDS;
	if (!is_queue() || publication(S.topic_published)->how != SERVING_CONTINUES)
		return TOPIC_WAITS;
	for (uint64_t i = c->topic_begun + 1; i <= S.topic_published; i++)
		bytes += publication(i)->n;
	return waiting > limits->messages || bytes > limits->bytes ? TOPIC_OVERFLOWS : TOPIC_WAITS;
}

static void oracle_joins(struct sim_call *c)
{
	const struct sim_publication *last = publication(S.topic_published);
	bool state = last && (!S.topic.limits.stateless || last->how != SERVING_CONTINUES);

	c->topic_round = S.topic_round;
	c->topic_woken = S.n_pubs;
	c->topic_begun = S.topic_published - state;
	c->topic_from = c->topic_begun + 1;
	c->topic_got = c->topic_left = 0;
}

/* The first bytes of a publication go. */
static void oracle_begins(struct sim_wire *w, struct sim_call *c, const struct sim_publication *p)
{
	uint64_t number = p->item.number, next = c->topic_begun + 1;

	if (c->topic_left > 0)
		sim_broken("call %d is sent publication %llu in the middle of another one",
			   c->index, (unsigned long long)number);
	if (is_queue() ? number != next : number != S.topic_published || number < next)
		sim_broken("call %d is sent publication %llu of %llu after %llu", c->index,
			   (unsigned long long)number, (unsigned long long)S.topic_published,
			   (unsigned long long)c->topic_begun);
	S.topic_skipped += number - next;
	sim_result->counts.topic_skipped += number - next;
	c->topic_begun = number;
	c->topic_left = p->n;
	oracle_answers(w, c->index, p->how);
	if (serving_may_answer(&w->machine, p->how) != 1)
		sim_broken("call %d has subscribed, and cannot be answered", c->index);
}

static int64_t number_in(const struct message_answer *m, const char *name)
{
	struct postern_json value;
	int64_t n;
	int r = postern_json_find(m->parameters, name, &value);

	return r > 0 && postern_json_int(value, &n) >= 0 ? n : -1;
}

static bool is_whole(const struct sim_publication *p, const struct message_answer *m)
{
	struct postern_json pad;

	if (postern_json_find(m->parameters, "pad", &pad) <= 0 || pad.n != p->pad + 2)
		return false;
	for (size_t i = 1; i <= p->pad; i++)
		if (pad.text[i] != p->letter)
			return false;
	return m->continues == (p->how == SERVING_CONTINUES) &&
	       (m->error.text != NULL) == (p->how == SERVING_FAILS);
}

bool oracle_topic_answer(const struct sim_wire *w, struct sim_call *c,
			 const struct message_answer *m)
{
	int64_t number = number_in(m, "topic"), dropped = number_in(m, "dropped");
	bool ends_early = m->error.text && postern_json_equals(m->error, overflow);
	const struct sim_publication *p;

	if (number < 0 && !ends_early)
		return false;
	if (w->hostile)
		return true;
	if (ends_early) {
		if (!c->topic_queue ||
		    (uint64_t)dropped + (c->topic_got ? c->topic_got : c->topic_from - 1) !=
			    c->topic_ended)
			sim_broken("call %d is told that %lld were dropped, and has %llu of %llu",
				   c->index, (long long)dropped, (unsigned long long)c->topic_got,
				   (unsigned long long)c->topic_ended);
		return true;
	}
	if (number_in(m, "round") != c->topic_round)
		sim_broken("call %d has a publication of another topic", c->index);
	/* The topic may be another one by now, but not what it had published. */
	p = &S.pubs[S.rounds[c->topic_round] + (unsigned)number - 1];
	if (p >= &S.pubs[S.n_pubs] || !is_whole(p, m))
		sim_broken("call %d has publication %lld, and it is not whole", c->index,
			   (long long)number);
	if ((uint64_t)number <= c->topic_got || (uint64_t)number < c->topic_from ||
	    (c->topic_queue &&
	     (uint64_t)number != (c->topic_got ? c->topic_got + 1 : c->topic_from)))
		sim_broken("call %d has publication %lld after %llu, from %llu on", c->index,
			   (long long)number, (unsigned long long)c->topic_got,
			   (unsigned long long)c->topic_from);
	c->topic_got = (uint64_t)number;
	SIM_COUNT(topic_got);
	return true;
}

void oracle_topic_rest(void)
{
	for (unsigned i = 0; i < S.n_calls; i++) {
		const struct sim_call *c = &S.calls[i];
		const struct sim_wire *w = c->subscribed ? &S.wires[c->served_by] : NULL;

		if (!w || !w->open || w->ended || w->hostile || (!w->hand_made && !c->alive))
			continue;
		if (S.topic_published >= c->topic_from && c->topic_got != S.topic_published)
			sim_broken("call %u has publication %llu, and the last one is %llu", i,
				   (unsigned long long)c->topic_got,
				   (unsigned long long)S.topic_published);
	}
}

/* ---- memory ---- */

static void topic_buries(void)
{
	struct topic_item *dead;

	while ((dead = topic_dead(&S.topic))) {
		struct sim_publication *p = publication_of(dead);

		memset(p->text, 0xdd, sizeof(p->text));
		p->dead++;
	}
}

void topic_begins(void)
{
	if (++S.topic_round == SIM_PUBLICATIONS)
		sim_broken("harness: too many topics");
	S.topic_first = S.rounds[S.topic_round] = S.n_pubs;
	S.topic_published = S.topic_skipped = 0;
	S.topic_over = false;
	S.topic = (struct topic){ .limits = {
					  .policy = (uint32_t)sim_below(2),
					  .messages = 1 + (uint32_t)sim_below(6),
					  .bytes = 1 +
						   (uint32_t)sim_below(sim_chance(2) ? 500 : 5000),
					  .stateless = sim_chance(4),
				  } };
	sim_say("topic %d: %s, %u messages, %llu bytes%s", S.topic_round,
		is_queue() ? "queue" : "latest", S.topic.limits.messages,
		(unsigned long long)S.topic.limits.bytes,
		S.topic.limits.stateless ? ", stateless" : "");
}

/* Nobody is left. */
static void topic_goes(void)
{
	topic_deinit(&S.topic);
	topic_buries();
	for (unsigned i = S.topic_first; i < S.n_pubs; i++)
		if (S.pubs[i].dead != 1)
			sim_broken("publication %u of topic %d is freed %u times",
				   i - S.topic_first + 1, S.topic_round, S.pubs[i].dead);
	if (S.topic.skipped != S.topic_skipped)
		sim_broken("topic %d has skipped %llu, and says %llu", S.topic_round,
			   (unsigned long long)S.topic_skipped,
			   (unsigned long long)S.topic.skipped);
}

/* ---- subscribers ---- */

/* Its peer has left. */
void topic_forgets(struct sim_call *c)
{
	if (!c->subscribed)
		return;
	c->subscribed = false;
	topic_leave(&S.topic, &c->reader);
	topic_buries();
}

static void topic_lets_go(struct sim_wire *w, struct sim_call *c)
{
	topic_forgets(c);
	c->served = false;
	w->open_call = -1;
	service_next(w);
}

/* Ends it with an error, after the rest of what has begun. */
static void topic_dismisses(struct sim_call *c, const char *error)
{
	struct sim_wire *w = &S.wires[c->served_by];
	const struct topic_item *item = c->reader.item;

	if (c->reader.at > 0 && w->open && !w->knows)
		stream_write(&w->down, publication_of(item)->text + c->reader.at,
			     item->n - c->reader.at);
	if (topic_is_ending(&c->reader)) {
		SIM_COUNT(topic_ending);
		sim_say("call %d has the last of all, in the queue", c->index);
		serving_answered(&w->machine, SERVING_REPLIES);
		topic_lets_go(w, c);
		return;
	}
	S.dropped = (int64_t)(S.topic.number - c->reader.begun);
	c->topic_ended = S.topic_published;
	service_answers(w, c->index, error);
	/* Subscribing has done nothing yet, and may be tried again. */
	if (c->topic_begun + 1 == c->topic_from)
		c->runs--;
	topic_lets_go(w, c);
}

/* How many bytes of this one go now. */
static uint32_t topic_gives(struct sim_wire *w, const char *bytes, uint32_t n)
{
	size_t room;

	/* What is queued goes first. */
	w->down.given += stream_can_give(&w->down);
	if (w->down.written > w->down.given)
		return 0;
	room = w->down.room - (w->down.given - w->down.taken);
	if (n > room)
		n = (uint32_t)room;
	if (n > 0 && sim_chance(4))
		n = 1 + (uint32_t)sim_below(n);
	stream_write(&w->down, bytes, n);
	w->down.given += n;
	sim_say("wire %d: the topic sends %u, to %zu", wire_of(w), n, w->down.given);
	return n;
}

/* One send. false: no more goes now, or it has ended. */
static bool topic_sends_some(struct sim_wire *w, struct sim_call *c)
{
	const struct topic_item *item = topic_next(&S.topic, &c->reader);
	struct sim_publication *p = item ? publication_of(item) : NULL;
	uint32_t at = c->reader.at, n;
	int how;

	if (!p)
		return false;
	if (!w->open) { /* EPIPE */
		SIM_COUNT(topic_gave_up);
		serving_answered(&w->machine, SERVING_FAILS);
		topic_lets_go(w, c);
		return false;
	}
	how = p->how;
	n = topic_gives(w, p->text + at, item->n - at);
	if (n > 0 && at == 0) {
		oracle_begins(w, c, p);
		service_notes(w, w->down.written + p->n - n);
	}
	c->topic_left -= n;
	if (at + n < item->n)
		SIM_COUNT(topic_halves);
	if (topic_took(&S.topic, &c->reader, n)) {
		if (how == SERVING_CONTINUES || c->topic_left > 0)
			sim_broken("call %d has ended, and has not got all", c->index);
		sim_say("call %d has the last of all", c->index);
		serving_answered(&w->machine, how);
		topic_lets_go(w, c);
		return false;
	}
	if (how != SERVING_CONTINUES && c->topic_left == 0 && c->topic_begun == item->number)
		sim_broken("call %d has the last of all, and has not ended", c->index);
	return c->topic_left == 0 && n > 0;
}

/* Its connection may take more. */
bool topic_sends(struct sim_wire *w)
{
	struct sim_call *c = w->open_call >= 0 ? &S.calls[w->open_call] : NULL;
	uint64_t before = w->down.given;

	while (c && c->subscribed && !w->ended && topic_sends_some(w, c))
		;
	topic_buries();
	return w->down.given > before;
}

void topic_joins(struct sim_wire *w, struct sim_call *c)
{
	sim_say("call %d subscribes", c->index);
	SIM_COUNT(subscribes);
	oracle_joins(c);
	c->subscribed = true;
	c->topic_queue = is_queue();
	topic_join(&S.topic, &c->reader);
	topic_sends(w);
}

/* ---- what the program does ---- */

static void topic_makes(struct sim_publication *p, int how)
{
	size_t n;

	p->how = how;
	p->dead = 0;
	p->pad = sim_size(sim_chance(4) ? 700 : 60);
	p->letter = (char)('a' + S.n_pubs % 26);
	n = (size_t)sprintf(p->text, "{%s%s\"parameters\":{\"round\":%d,\"topic\":%llu,\"pad\":\"",
			    how == SERVING_CONTINUES ? "\"continues\":true," : "",
			    how == SERVING_FAILS ? "\"error\":\"org.example.sim.Failed\"," : "",
			    S.topic_round, (unsigned long long)S.topic_published + 1);
	memset(p->text + n, p->letter, p->pad);
	memcpy(p->text + n + p->pad, "\"}}", 4);
	p->n = (uint32_t)(n + p->pad + 4);
}

static void topic_wakes(struct sim_call *c)
{
	int expected = woken(c), what = topic_wake(&S.topic, &c->reader);

	if (what != expected)
		sim_broken("call %d wakes with %d and not with %d: %llu of %llu have begun",
			   c->index, what, expected, (unsigned long long)c->topic_begun,
			   (unsigned long long)S.topic_published);
	if (what == TOPIC_SENDS)
		topic_sends(&S.wires[c->served_by]);
	if (what != TOPIC_OVERFLOWS)
		return;
	SIM_COUNT(overflows);
	sim_say("call %d overflows", c->index);
	topic_dismisses(c, overflow);
}

void topic_publishes(int how)
{
	struct sim_publication *p = &S.pubs[S.n_pubs];

	if (S.topic_over || S.n_pubs >= SIM_PUBLICATIONS - (how == SERVING_CONTINUES ? 60 : 0))
		return;
	topic_makes(p, how);
	S.n_pubs++;
	S.topic_published++;
	S.topic_over = how != SERVING_CONTINUES;
	SIM_COUNT(publications);
	if (S.topic_over)
		SIM_COUNT(topic_ends);
	sim_say("publication %llu, %u bytes%s", (unsigned long long)S.topic_published, p->n,
		S.topic_over ? ", the last one" : "");
	topic_publish(&S.topic, &p->item, p->n, S.topic_over);
	for (unsigned i = 0; i < S.n_calls; i++)
		if (S.calls[i].subscribed && S.calls[i].topic_woken != S.n_pubs) {
			S.calls[i].topic_woken = S.n_pubs;
			topic_wakes(&S.calls[i]);
		}
	topic_buries();
}

static void topic_dismisses_all(const char *error)
{
	/* One that is dismissed makes room for the next call of its connection, which may subscribe. */
	for (unsigned i = 0; i < S.n_calls; i++)
		if (S.calls[i].subscribed) {
			topic_dismisses(&S.calls[i], error);
			i = 0;
		}
}

/* Freed by the program; what has ended and is still on its way is left alone. */
static void topic_freed(void)
{
	unsigned behind = 0;

	for (unsigned i = 0; i < S.n_calls; i++)
		behind += S.calls[i].subscribed;
	if (S.topic_over && behind > 0)
		return;
	SIM_COUNT(topic_frees);
	topic_dismisses_all("io.postern.TopicEnded");
	topic_goes();
	topic_begins();
}

void topic_drains(void)
{
	topic_dismisses_all("io.postern.Draining");
}

/* With the service: all have lost their connections. */
void topic_dies(void)
{
	for (unsigned i = 0; i < S.n_calls; i++)
		topic_forgets(&S.calls[i]);
	topic_goes();
	topic_begins();
}

void topic_event(void)
{
	unsigned what = (unsigned)sim_below(40);

	if (what == 0)
		topic_publishes(sim_chance(2) ? SERVING_FAILS : SERVING_REPLIES);
	else if (what == 1)
		topic_freed();
	else
		topic_publishes(SERVING_CONTINUES);
}
