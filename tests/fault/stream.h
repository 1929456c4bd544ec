/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a stream is made of is composed here by hand and not with postern_frame_make(), which would be wrong
 * in the same way as postern_frame_find().
 */
#include "pair.h"

#include <string.h>

#include <postern/frame.h>

static const int framings[] = { POSTERN_FRAMING_LINES, POSTERN_FRAMING_NUL, POSTERN_FRAMING_U32BE, POSTERN_FRAMING_U32LE };

enum { FRAMINGS = 4, MIB = 1024 * 1024 };

static char text[5 * MIB];

static inline bool is_delimited(int framing)
{
	return framing == POSTERN_FRAMING_LINES || framing == POSTERN_FRAMING_NUL;
}

static inline size_t put_length(int framing, char *to, size_t n)
{
	for (int i = 0; i < 4; i++)
		to[i] = (char)(n >> (framing == POSTERN_FRAMING_U32BE ? 24 - 8 * i : 8 * i) & 0xff);
	return 4;
}

/* A payload that no delimiter is in; what it is depends on its place in the stream. */
static inline void put_payload(char *to, size_t n, unsigned number)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (char)('a' + (i + number) % 23);
}

/* Returns how long the frame is. */
static inline size_t put_frame(int framing, char *to, size_t n, unsigned number)
{
	size_t head = is_delimited(framing) ? 0 : put_length(framing, to, n);

	put_payload(to + head, n, number);
	if (head == 0)
		to[n] = framing == POSTERN_FRAMING_LINES ? '\n' : '\0';
	return n + (head ? head : 1);
}

static inline size_t put_stream(int framing, const size_t *sizes, unsigned n)
{
	size_t at = 0;

	for (unsigned i = 0; i < n; i++)
		at += put_frame(framing, text + at, sizes[i], i);
	return at;
}
