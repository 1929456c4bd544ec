/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus-inbox.c - subjects of our own, below one subscription: PREFIX.PLACE RANDOM
 *
 * Whoever can publish on NATS can publish to an inbox whose subject it knows, and an answer or a `cancel` is believed there.
 * What it has seen of us must not help it to guess others: so each inbox has 128 bits of getrandom() of its own, and not a
 * number that counts. The prefix is random too, and has nothing to do with the id that service discovery tells
 * everybody. (libnats's own generator, NUID, counts.)
 *
 * The place, four hexadecimal digits before the random ones, is where the inbox is found in a table. A late message for a
 * closed inbox finds another random number there, or nothing.
 */
#include "bus-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* ---- random bytes ---- */

static int bus_random(struct bus *b, unsigned char *ret, size_t n)
{
	if (b->n_random < n) {
		/* No more than 256 bytes: these come whole, whatever signals do. */
		ssize_t got = getrandom(b->random, sizeof(b->random), 0);

		if (got < 0)
			return -errno;
		if ((size_t)got < sizeof(b->random))
			return -EIO;
		b->n_random = sizeof(b->random);
	}
	b->n_random -= n;
	memcpy(ret, b->random + b->n_random, n);
	return 0;
}

/* 2 * n digits and a \0. */
static void bus_hex(char *ret, const unsigned char *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*ret++ = digits[bytes[i] >> 4];
		*ret++ = digits[bytes[i] & 15];
	}
	*ret = '\0';
}

/* ---- open and closed ---- */

static bool bus_grow(struct bus *b)
{
	uint32_t size = b->n_places ? 2 * b->n_places : 64;
	struct bus_place *places;

	if (size > BUS_INBOXES)
		return false;
	places = realloc(b->places, size * sizeof(*places));
	if (!places)
		return false;
	for (uint32_t i = b->n_places; i < size; i++) {
		places[i] = (struct bus_place){ .next_free = b->free_place };
		b->free_place = i + 1;
	}
	b->places = places;
	b->n_places = size;
	return true;
}

int bus_inbox_open(struct bus *b, struct bus_inbox *i, bus_fn *fn, void *data)
{
	struct bus_place *place;
	int r;

	if (b->free_place == 0 && !bus_grow(b))
		return b->n_places == BUS_INBOXES ? -EAGAIN : -ENOMEM;
	r = bus_random(b, i->token, sizeof(i->token));
	if (r < 0)
		return r;
	place = &b->places[b->free_place - 1];
	i->id = b->free_place;
	i->fn = fn;
	i->data = data;
	b->free_place = place->next_free;
	place->inbox = i;
	return 0;
}

void bus_inbox_close(struct bus *b, struct bus_inbox *i)
{
	struct bus_place *place;

	if (i->id == 0)
		return;
	place = &b->places[i->id - 1];
	place->inbox = NULL;
	place->next_free = b->free_place;
	b->free_place = i->id;
	i->id = 0;
}

static void bus_inbox_name(const struct bus_inbox *i, char ret[BUS_TOKEN_TEXT])
{
	const uint32_t place = i->id - 1;
	const unsigned char bytes[2] = { (unsigned char)(place >> 8), (unsigned char)place };

	ret[0] = '.';
	bus_hex(ret + 1, bytes, sizeof(bytes));
	bus_hex(ret + 5, i->token, sizeof(i->token));
}

void bus_inbox_subject(const struct bus *b, const struct bus_inbox *i, char ret[BUS_INBOX_SUBJECT])
{
	memcpy(ret, b->inbox_prefix, b->inbox_prefix_n);
	bus_inbox_name(i, ret + b->inbox_prefix_n);
}

void bus_unknown(struct bus *b, bus_fn *fn, void *data)
{
	b->unknown = fn;
	b->unknown_data = data;
}

/* ---- what comes ---- */

/* text: .PLACE RANDOM, or whatever somebody has written there. NULL: it is none that is open. */
static struct bus_inbox *bus_inbox_find(const struct bus *b, const char *text)
{
	char place[5], name[BUS_TOKEN_TEXT];
	struct bus_inbox *i;
	unsigned long n;

	if (strlen(text) != sizeof(name) - 1)
		return NULL;
	memcpy(place, text + 1, 4);
	place[4] = '\0';
	n = strspn(place, "0123456789abcdef") == 4 ? strtoul(place, NULL, 16) : b->n_places;
	i = n < b->n_places ? b->places[n].inbox : NULL;
	if (!i)
		return NULL;
	bus_inbox_name(i, name);
	return strcmp(name, text) == 0 ? i : NULL;
}

/* data: the bus. */
static void bus_inbox_message(const struct bus_message *m, void *data)
{
	struct bus *b = data;
	struct bus_inbox *i =
		bus_inbox_find(b, m->subject + strnlen(m->subject, b->inbox_prefix_n));

	if (i)
		i->fn(m, i->data);
	else if (b->unknown)
		b->unknown(m, b->unknown_data);
}

/* The prefix begins as libnats's own does, which is what permissions of NATS are usually about. */
int bus_open_inboxes(struct bus *b)
{
	unsigned char bytes[2][BUS_TOKEN];
	char subject[BUS_INBOX_SUBJECT], text[2 * BUS_TOKEN + 1];
	int r = bus_random(b, bytes[0], BUS_TOKEN);

	if (r == 0)
		r = bus_random(b, bytes[1], BUS_TOKEN);
	if (r < 0)
		return r;
	bus_hex(b->id, bytes[0], 11);
	bus_hex(text, bytes[1], BUS_TOKEN);
	b->inbox_prefix_n =
		(size_t)snprintf(b->inbox_prefix, sizeof(b->inbox_prefix), "_INBOX.%s", text);
	snprintf(subject, sizeof(subject), "%s.*", b->inbox_prefix);
	return bus_subscribe(&b->inboxes, b, subject, NULL, bus_inbox_message, b);
}

int bus_random_text(struct bus *b, char ret[BUS_RANDOM])
{
	unsigned char bytes[BUS_TOKEN] = { 0 };
	int r = bus_random(b, bytes, sizeof(bytes));

	if (r == 0)
		bus_hex(ret, bytes, sizeof(bytes));
	return r;
}

const char *bus_id(const struct bus *b)
{
	return b->id;
}
