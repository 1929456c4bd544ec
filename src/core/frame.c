/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.c - framings: pure functions on bytes
 *
 * No state and no memory of its own, so that the same code serves connections, the waiting client, and a
 * fuzzer. The limit is checked against the announced length, or against the bytes that have arrived of a frame with a
 * delimiter, before memory is allocated for it.
 *
 * A delimiter is searched for from `seen` on: otherwise a peer that sends one byte at a time would make us search
 * a long line again for each byte, in quadratic time.
 */
#include "core/frame.h"

#include <errno.h>
#include <string.h>

static int frame_find_delimited(char delimiter, const char *bytes, size_t n, size_t seen,
				size_t max, struct postern_frame *ret)
{
	const char *end = seen < n ? memchr(bytes + seen, delimiter, n - seen) : NULL;
	size_t length = end ? (size_t)(end - bytes) : n;

	if (length > max)
		return -EMSGSIZE;
	*ret = (struct postern_frame){ .bytes = bytes, .n = length, .used = end ? length + 1 : n };
	return end != NULL;
}

static uint32_t frame_length(int framing, const unsigned char *b)
{
	if (framing == POSTERN_FRAMING_U32BE)
		return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

size_t frame_whole(int framing, const void *bytes, size_t n)
{
	if ((framing != POSTERN_FRAMING_U32BE && framing != POSTERN_FRAMING_U32LE) ||
	    n < FRAME_HEAD)
		return 0;
	return FRAME_HEAD + (size_t)frame_length(framing, bytes);
}

int postern_frame_find(int framing, const void *bytes, size_t n, size_t seen, size_t max,
		       struct postern_frame *ret)
{
	size_t length;

	if (!ret || (!bytes && n > 0) || seen > n)
		return -EINVAL;
	switch (framing) {
	case POSTERN_FRAMING_LINES:
		return frame_find_delimited('\n', bytes, n, seen, max, ret);
	case POSTERN_FRAMING_NUL:
		return frame_find_delimited('\0', bytes, n, seen, max, ret);
	case POSTERN_FRAMING_U32BE:
	case POSTERN_FRAMING_U32LE:
		break;
	default:
		return -EINVAL;
	}
	*ret = (struct postern_frame){ .bytes = bytes };
	if (n < FRAME_HEAD)
		return 0;
	length = frame_length(framing, bytes);
	if (length > max)
		return -EMSGSIZE;
	if (n - FRAME_HEAD < length)
		return 0;
	*ret = (struct postern_frame){ (const char *)bytes + FRAME_HEAD, length,
				       FRAME_HEAD + length };
	return 1;
}

int frame_check(int framing, const void *payload, size_t n)
{
	if (!payload && n > 0)
		return -EINVAL;
	switch (framing) {
	case POSTERN_FRAMING_LINES:
	case POSTERN_FRAMING_NUL:
		return n > 0 && memchr(payload, frame_tail(framing), n) ? -EBADMSG : 0;
	case POSTERN_FRAMING_U32BE:
	case POSTERN_FRAMING_U32LE:
		return n > UINT32_MAX ? -EMSGSIZE : 0;
	default:
		return -EINVAL;
	}
}

int postern_frame_make(int framing, const void *payload, size_t n, char head[4], char tail[1])
{
	int r = head && tail ? frame_check(framing, payload, n) : -EINVAL;

	if (r < 0)
		return r;
	if (frame_has_head(framing)) {
		frame_put_length(framing, head, (uint32_t)n);
		return FRAME_HEAD;
	}
	*tail = frame_tail(framing);
	return 0;
}
