/* SPDX-License-Identifier: Apache-2.0 */
/* buffer.c - bytes that were received and are read piece by piece; one block, so they are contiguous */
#include <postern/frame.h>

#include <errno.h>
#include <string.h>

#include "base/reason.h"
#include "sys/sys.h"

enum { BUFFER_MAX = 256 * 1024, BUFFER_FIRST = 1024 };

struct postern_buffer {
	char *bytes;
	size_t begin, end, capacity, max;
	size_t seen;      /* from begin on, without the end of a line or frame */
	int seen_framing; /* the framing whose end was searched for */
};

int postern_buffer_new(struct postern_buffer **ret, size_t max)
{
	struct postern_buffer *b;

	if (!ret)
		return why_argument("postern_buffer_new", "ret is NULL");
	b = sys_alloc(sizeof(*b));
	if (!b)
		return why_call("postern_buffer_new", -ENOMEM);
	b->max = max ? max : BUFFER_MAX;
	*ret = b;
	return 0;
}

struct postern_buffer *postern_buffer_free(struct postern_buffer *b)
{
	if (b)
		sys_free(b->bytes);
	sys_free(b);
	return NULL;
}

/* Makes room for n more: first by moving to the front, then by growing. */
static void buffer_reserve(struct postern_buffer *b, size_t n)
{
	size_t have = b->end - b->begin, capacity = b->capacity ? b->capacity : BUFFER_FIRST;
	char *bytes;

	if (b->capacity - b->end >= n)
		return;
	if (b->begin > 0) {
		memmove(b->bytes, b->bytes + b->begin, have);
		b->begin = 0;
		b->end = have;
	}
	while (capacity - have < n && capacity < b->max)
		capacity = capacity < b->max / 2 ? 2 * capacity : b->max;
	if (capacity > b->max)
		capacity = b->max;
	if (capacity <= b->capacity)
		return;
	bytes = sys_realloc(b->bytes, capacity);
	if (!bytes)
		return;
	b->bytes = bytes;
	b->capacity = capacity;
}

size_t postern_buffer_add(struct postern_buffer *b, const void *bytes, size_t n)
{
	size_t room;

	if (!b || !bytes || n == 0)
		return 0;
	buffer_reserve(b, n);
	room = b->capacity - b->end;
	if (n > room)
		n = room;
	if (n > 0)
		memcpy(b->bytes + b->end, bytes, n);
	b->end += n;
	return n;
}

size_t postern_buffer_size(const struct postern_buffer *b)
{
	return b ? b->end - b->begin : 0;
}

const void *postern_buffer_bytes(const struct postern_buffer *b)
{
	return b && b->bytes ? b->bytes + b->begin : "";
}

size_t postern_buffer_peek(const struct postern_buffer *b, void *ret, size_t n)
{
	size_t have = postern_buffer_size(b);

	if (n > have)
		n = have;
	if (n > 0 && ret)
		memcpy(ret, b->bytes + b->begin, n);
	return n;
}

size_t postern_buffer_skip(struct postern_buffer *b, size_t n)
{
	size_t have = postern_buffer_size(b);

	if (!b)
		return 0;
	if (n > have)
		n = have;
	b->begin += n;
	b->seen = 0;
	if (b->begin == b->end)
		b->begin = b->end = 0;
	return n;
}

size_t postern_buffer_read(struct postern_buffer *b, void *ret, size_t n)
{
	n = postern_buffer_peek(b, ret, n);
	return postern_buffer_skip(b, n);
}

int postern_buffer_read_exactly(struct postern_buffer *b, void *ret, size_t n)
{
	if (!b || (!ret && n > 0))
		return -EINVAL;
	if (n > b->max)
		return -EMSGSIZE;
	if (postern_buffer_size(b) < n)
		return -EAGAIN;
	postern_buffer_read(b, ret, n);
	return 0;
}

/* The largest possible payload: a length that never fits is refused at once. */
static size_t buffer_frame_max(const struct postern_buffer *b, int framing, size_t size)
{
	size_t around = framing == POSTERN_FRAMING_LINES || framing == POSTERN_FRAMING_NUL ? 1 : 4;
	size_t fits = b->max > around ? b->max - around : 0;

	return size < fits ? size : fits;
}

ssize_t postern_buffer_read_frame(struct postern_buffer *b, int framing, void *ret, size_t size)
{
	struct postern_frame frame;
	size_t n = postern_buffer_size(b);
	int r;

	if (!b || (!ret && size > 0))
		return -EINVAL;
	r = postern_frame_find(framing, postern_buffer_bytes(b), n,
			       b->seen_framing == framing ? b->seen : 0,
			       buffer_frame_max(b, framing, size), &frame);
	if (r < 0)
		return r;
	if (r == 0) {
		b->seen = frame.used;
		b->seen_framing = framing;
		return n < b->max ? -EAGAIN : -EMSGSIZE;
	}
	if (frame.n > 0)
		memcpy(ret, frame.bytes, frame.n);
	postern_buffer_skip(b, frame.used);
	return (ssize_t)frame.n;
}

ssize_t postern_buffer_read_line(struct postern_buffer *b, char *ret, size_t size)
{
	ssize_t n;

	if (!ret || size == 0)
		return -EINVAL;
	n = postern_buffer_read_frame(b, POSTERN_FRAMING_LINES, ret, size - 1);
	if (n >= 0)
		ret[n] = '\0';
	return n;
}
