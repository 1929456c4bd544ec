/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c - the bytes of one direction
 *
 * All that the writer's call took is kept, so that the reader is held to each byte. The bytes come from a table
 * with a prime period, at a place that differs for each stream: no shifted or foreign piece looks right. None of
 * them ends a line or a string, so that framings are decided by the frames and not by chance.
 */
#include "law.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE = 65521 };
static char table[TABLE];

void stream_init(struct stream *s, uint32_t key, int framing)
{
	uint64_t x = 1;

	for (size_t i = 0; table[0] == 0 && i < TABLE; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		table[TABLE - 1 - i] = (char)(32 + (x >> 33) % 200);
	}
	*s = (struct stream){ .key = key, .framing = framing };
}

void stream_free(struct stream *s)
{
	free(s->log);
	free(s->rest);
	s->log = s->rest = NULL;
}

static void stream_pattern(const struct stream *s, size_t at, char *ret, size_t n)
{
	for (size_t done = 0; done < n;) {
		size_t place = (s->key + at + done) % TABLE;
		size_t k = n - done < TABLE - place ? n - done : TABLE - place;

		memcpy(ret + done, table + place, k);
		done += k;
	}
}

void stream_wrote(struct stream *s, const char *bytes, size_t n)
{
	if (s->n + n > s->capacity) {
		s->capacity = 2 * (s->n + n) + 4096;
		s->log = realloc(s->log, s->capacity);
		if (!s->log)
			abort();
	}
	memcpy(s->log + s->n, bytes, n);
	s->n += n;
}

static size_t frame_make(int framing, const char *payload, size_t n, char *ret)
{
	for (int i = 0; i < 4; i++)
		ret[i] = (char)(n >> (framing == POSTERN_FRAMING_U32BE ? 24 - 8 * i : 8 * i));
	if (framing == POSTERN_FRAMING_U32BE || framing == POSTERN_FRAMING_U32LE) {
		memcpy(ret + 4, payload, n);
		return n + 4;
	}
	memcpy(ret, payload, n);
	ret[n] = framing == POSTERN_FRAMING_LINES ? '\n' : '\0';
	return n + 1;
}

const char *stream_offer(struct stream *s, size_t n, size_t *ret_n)
{
	if (!s->framing) {
		stream_pattern(s, s->n, law_scratch, n);
		*ret_n = n;
		return law_scratch;
	}
	if (s->n_rest == 0) {
		free(s->rest);
		s->rest = malloc(n + 4);
		if (!s->rest)
			abort();
		stream_pattern(s, s->n, law_scratch, n);
		s->n_rest = frame_make(s->framing, law_scratch, n, s->rest);
	}
	*ret_n = s->n_rest;
	return s->rest;
}

void stream_took(struct stream *s, const char *bytes, size_t n)
{
	stream_wrote(s, bytes, n);
	if (!s->framing)
		return;
	s->n_rest -= n;
	memmove(s->rest, s->rest + n, s->n_rest);
}

bool stream_payload(const struct stream *s, char *ret, size_t n)
{
	stream_pattern(s, s->n, ret, n);
	return s->n_rest == 0;
}

void stream_took_frame(struct stream *s, const char *payload, size_t n)
{
	char *frame = malloc(n + 4);

	if (!frame)
		abort();
	stream_wrote(s, frame, frame_make(s->framing, payload, n, frame));
	free(frame);
}

void stream_check(const struct stream *s, const void *bytes, size_t n, const char *who)
{
	const char *b = bytes;

	if (s->unknown)
		return;
	if (n > s->n - s->read)
		law_broken("bytes", "%s is given %zu bytes at %zu, of %zu that were written", who,
			   n, s->read, s->n);
	if (memcmp(s->log + s->read, b, n) == 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (b[i] != s->log[s->read + i])
			law_broken("bytes", "%s: byte %zu is %d and was written as %d", who,
				   s->read + i, b[i], s->log[s->read + i]);
}

static int parse_length(int framing, const unsigned char *p, size_t have, size_t max, size_t *ret_n,
			size_t *ret_used)
{
	uint32_t n;

	if (have < 4)
		return 0;
	n = framing == POSTERN_FRAMING_U32BE
		    ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
		    : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
	if (n > max)
		return -1;
	*ret_n = n;
	*ret_used = (size_t)n + 4;
	return have - 4 >= n;
}

int stream_parse(const struct stream *s, int framing, size_t max, size_t *ret_n, size_t *ret_used)
{
	const char *p = s->log + s->read, *end;
	size_t have = s->n - s->read;

	if (framing == POSTERN_FRAMING_U32BE || framing == POSTERN_FRAMING_U32LE)
		return parse_length(framing, (const unsigned char *)p, have, max, ret_n, ret_used);
	end = have > 0 ? memchr(p, framing == POSTERN_FRAMING_LINES ? '\n' : '\0', have) : NULL;
	if (end ? (size_t)(end - p) > max : have > max)
		return -1;
	if (!end)
		return 0;
	*ret_n = (size_t)(end - p);
	*ret_used = *ret_n + 1;
	return 1;
}
