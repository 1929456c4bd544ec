/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay-plan.c - see relay-plan.h
 *
 * Whole messages are only waited for where a fault is of messages; else bytes go on as they come. What is not taken stays with the
 * connection that it came from, whose limit is the bound: nothing is copied here.
 *
 * First something is made `ready`: a message, a half of it, or what is there. Then that goes in pieces, which --split, --rate
 * and --at-byte cut. A message that goes twice is taken with its second copy.
 */
#include "relay-plan.h"

#include <inttypes.h>
#include <postern.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* So that the reader may see pieces: a stream does not keep writes apart that wait in one queue. */
#define RELAY_SPLIT_GAP  (POSTERN_MS(1) / 4)
#define RELAY_RATE_STEPS 20u /* pieces a second */

static void relay_say(struct relay_plan *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void relay_say(struct relay_plan *p, const char *format, ...)
{
	size_t used = strlen(p->said);
	va_list args;

	if (used > 0 && used + 2 < sizeof(p->said)) {
		memcpy(p->said + used, ", ", 3);
		used += 2;
	}
	va_start(args, format);
	vsnprintf(p->said + used, sizeof(p->said) - used, format, args);
	va_end(args);
}

char relay_corrupt(char byte)
{
	return (char)(0xf8 | (~(unsigned char)byte & 7));
}

/* ---- messages ---- */

static bool relay_needs_messages(const struct relay_faults *f)
{
	return f->delay_ns || f->glue || f->drop || f->duplicate || f->half || f->after;
}

/* The length of the first message, with what ends it; 0: it is not whole. */
static size_t relay_message(struct relay_plan *p, const char *bytes, size_t n)
{
	const char *line, *nul, *end;

	if (!n)
		return 0;
	if (!p->framing)
		p->framing = p->faults.framing;
	if (!p->framing) {
		line = memchr(bytes, '\n', n);
		nul = memchr(bytes, '\0', line ? (size_t)(line - bytes) : n);
		p->framing = nul ? POSTERN_FRAMING_NUL : line ? POSTERN_FRAMING_LINES : 0;
	}
	/* Only what ends a message: searching all that is there for the other one, too, would be quadratic. */
	end = p->framing ? memchr(bytes, p->framing == POSTERN_FRAMING_NUL ? '\0' : '\n', n) : NULL;
	return end ? (size_t)(end - bytes) + 1 : 0;
}

/* Are there as many messages as have to go together? */
static bool relay_is_together(struct relay_plan *p, const char *bytes, size_t n)
{
	size_t at = 0, length;

	for (uint32_t i = 0; i < p->faults.glue; i++) {
		length = relay_message(p, bytes + at, n - at);
		if (!length)
			return false;
		at += length;
	}
	return true;
}

static struct relay_step relay_skip(struct relay_plan *p, size_t n, bool whole)
{
	if (!p->dropping)
		relay_say(p, "message %" PRIu64 " is dropped", p->messages);
	p->dropping = !whole;
	return (struct relay_step){ .does = RELAY_SKIP, .n = n };
}

/* A message begins to be sent. */
static void relay_begin(struct relay_plan *p, size_t n)
{
	const struct relay_faults *f = &p->faults;

	p->ready = n;
	if (p->messages == f->duplicate) {
		relay_say(p, "message %" PRIu64 " is sent twice", p->messages);
		p->twice = true;
	}
	if (p->messages == f->half) {
		p->ready = n / 2;
		p->twice = false;
		p->ends = true;
		relay_say(p, "%zu of the %zu bytes of message %" PRIu64, n / 2, n, p->messages);
	} else if (p->messages == f->after) {
		p->ends = true;
		relay_say(p, "after message %" PRIu64, p->messages);
	}
}

static bool relay_must_wait(struct relay_plan *p)
{
	if (!p->faults.delay_ns || p->waited || p->inside)
		return false;
	/* Those that go together wait once. */
	if (p->faults.glue && p->together != p->faults.glue)
		return false;
	p->waited = true;
	relay_say(p, "message %" PRIu64 " waits", p->messages + 1);
	return true;
}

/* Makes bytes ready, or says what is to be done before. */
static struct relay_step relay_decide(struct relay_plan *p, const char *bytes, size_t n, bool last)
{
	const struct relay_faults *f = &p->faults;
	size_t length = relay_message(p, bytes, n);
	bool whole = length > 0, is_all = last || n >= RELAY_HELD;

	if (!n || (!whole && !is_all))
		return (struct relay_step){ .does = RELAY_WANT };
	if (f->glue && !p->together) {
		if (!is_all && !relay_is_together(p, bytes, n))
			return (struct relay_step){ .does = RELAY_WANT };
		p->together = f->glue;
		relay_say(p, "messages from %" PRIu64 " on are sent together", p->messages + 1);
	}
	if (relay_must_wait(p))
		return (struct relay_step){ .does = RELAY_WAIT, .wait_ns = f->delay_ns };
	if (!whole)
		length = n;
	p->waited = false;
	p->messages += !p->inside;
	if (whole && p->together)
		p->together--;
	if (p->dropping || (!p->inside && p->messages == f->drop)) {
		p->inside = !whole;
		return relay_skip(p, length, whole);
	}
	if (p->inside)
		p->ready = length;
	else
		relay_begin(p, length);
	p->inside = !whole;
	return (struct relay_step){ .does = RELAY_SEND };
}

/* ---- pieces ---- */

static size_t relay_least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static struct relay_step relay_piece(struct relay_plan *p)
{
	const struct relay_faults *f = &p->faults;
	struct relay_step step = { .does = RELAY_SEND, .from = p->at, .n = p->ready - p->at };

	if (f->at_byte) {
		step.n = relay_least(step.n, (size_t)(f->at_byte - 1 - p->sent));
		if (step.n == 0) {
			relay_say(p, "at byte %" PRIu32, f->at_byte);
			return (struct relay_step){ .does = RELAY_END };
		}
	}
	if (f->split)
		step.n = relay_least(step.n, f->split);
	if (f->rate)
		step.n = relay_least(step.n, f->rate / RELAY_RATE_STEPS + 1);
	if (p->sent == 0 && f->split)
		relay_say(p, "writes are of %" PRIu32 " bytes", f->split);
	if (p->sent == 0 && f->rate)
		relay_say(p, "%" PRIu32 " bytes a second", f->rate);
	if (f->corrupt > p->sent + 1)
		step.n = relay_least(step.n, (size_t)(f->corrupt - 1 - p->sent));
	if (f->corrupt == p->sent + 1) {
		step.n = 1;
		step.corrupt = true;
		relay_say(p, "byte %" PRIu32 " is garbled", f->corrupt);
	}
	return step;
}

struct relay_step relay_plan_next(struct relay_plan *p, const char *bytes, size_t n, bool last)
{
	struct relay_step step;

	if (!p->ready && !p->ends) {
		if (relay_needs_messages(&p->faults)) {
			step = relay_decide(p, bytes, n, last);
			if (step.does != RELAY_SEND)
				return step;
		} else if (n) {
			p->ready = n;
		} else {
			return (struct relay_step){ .does = RELAY_WANT };
		}
	}
	if (relay_plan_is_over(p))
		return (struct relay_step){ .does = RELAY_END };
	return relay_piece(p);
}

bool relay_plan_is_over(const struct relay_plan *p)
{
	return p->ends && !p->ready;
}

size_t relay_plan_sent(struct relay_plan *p, size_t n, int64_t *ret_wait_ns)
{
	size_t taken = n;

	p->sent += n;
	*ret_wait_ns = 0;
	if (p->faults.rate)
		*ret_wait_ns = (int64_t)((uint64_t)n * 1000000000u / p->faults.rate);
	if (p->faults.split && *ret_wait_ns < RELAY_SPLIT_GAP)
		*ret_wait_ns = RELAY_SPLIT_GAP;
	if (p->twice) {
		p->at += n;
		taken = 0;
		if (p->at == p->ready) {
			p->at = 0;
			p->twice = false;
		}
	} else {
		p->ready -= n;
	}
	return taken;
}

/* ---- by a seed ---- */

/* splitmix64: any seed is a good one. */
static uint64_t relay_draw(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* 1 to most; small ones more often, since most conversations are short. */
static uint32_t relay_up_to(uint64_t *state, uint32_t most)
{
	uint32_t bound = 1 + (uint32_t)(relay_draw(state) % most);

	return 1 + (uint32_t)(relay_draw(state) % bound);
}

static void relay_draw_slow(uint64_t *state, struct relay_faults *f)
{
	switch (relay_draw(state) % 6) {
	case 0:
		f->delay_ns = POSTERN_MS(relay_up_to(state, 200));
		break;
	case 1:
		f->rate = 100 * relay_up_to(state, 1000);
		break;
	case 2:
		f->split = relay_up_to(state, 16);
		break;
	case 3:
		f->glue = 1 + relay_up_to(state, 3);
		break;
	default:
		break;
	}
}

static void relay_draw_wrong(uint64_t *state, struct relay_faults *f)
{
	switch (relay_draw(state) % 7) {
	case 0:
		f->drop = relay_up_to(state, 4);
		break;
	case 1:
		f->duplicate = relay_up_to(state, 4);
		break;
	case 2:
		f->corrupt = relay_up_to(state, 300);
		break;
	case 3:
		f->half = relay_up_to(state, 4);
		break;
	case 4:
		f->after = relay_up_to(state, 4);
		break;
	case 5:
		f->at_byte = relay_up_to(state, 300);
		break;
	default:
		break;
	}
	if (f->half || f->after || f->at_byte)
		f->then = (enum relay_then)(relay_draw(state) % 4);
}

struct relay_faults relay_random(uint32_t seed, uint64_t connection)
{
	uint64_t state = (uint64_t)seed << 32 ^ connection;
	struct relay_faults f = { .to = relay_draw(&state) % 3 ? RELAY_TO_CLIENT
							       : RELAY_TO_SERVER };

	relay_draw_slow(&state, &f);
	relay_draw_wrong(&state, &f);
	return f;
}

/* ---- as text ---- */

const char *const relay_then_words[] = { "close", "reset", "half-close", "stall", NULL };

void relay_faults_text(const struct relay_faults *f, char *text, size_t size)
{
	const struct {
		const char *name;
		uint64_t n;
		const char *unit;
	} options[] = {
		{ "delay", (uint64_t)f->delay_ns / POSTERN_MS(1), "ms" },
		{ "rate", f->rate, "" },
		{ "split", f->split, "" },
		{ "glue", f->glue, "" },
		{ "drop", f->drop, "" },
		{ "duplicate", f->duplicate, "" },
		{ "corrupt", f->corrupt, "" },
		{ "half", f->half, "" },
		{ "after", f->after, "" },
		{ "at-byte", f->at_byte, "" },
	};
	int at = snprintf(text, size, "--to %s", f->to == RELAY_TO_CLIENT ? "client" : "server");

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (options[i].n && (size_t)at < size)
			at += snprintf(text + at, size - (size_t)at, " --%s %" PRIu64 "%s",
				       options[i].name, options[i].n, options[i].unit);
	if ((f->half || f->after || f->at_byte) && (size_t)at < size)
		snprintf(text + at, size - (size_t)at, " --then %s", relay_then_words[f->then]);
}
