/* SPDX-License-Identifier: Apache-2.0 */
/* test-glue.c - descriptors of a read, and the message that they belong to: each case of the rule, then streams at random */
#include <string.h>

#include "base/base.h"
#include "core/glue.h"
#include "test.h"

/* A message that begins with T takes descriptors; with U, too, and ends what has messages; with u, that alone. One that is not
   whole may take some, but for one that begins with n. */
static unsigned takes(void *data, const char *message, size_t n, unsigned index, bool whole)
{
	unsigned *asked = data;

	if (!whole)
		return n > 0 && message[0] == 'n' ? 0 : GLUE_TAKES;
	assert_int_equal(index, (*asked)++);
	if (n > 0 && (message[0] == 'U' || message[0] == 'u'))
		return GLUE_ENDS | (message[0] == 'U' ? GLUE_TAKES : 0);
	return n > 0 && message[0] == 'T' ? GLUE_TAKES : 0;
}

static int look(struct glue *g, const char *bytes, size_t n, uint64_t at)
{
	unsigned asked = 0;

	return glue_look(g, bytes, n, at, takes, &asked);
}

/* In the text a . is a NUL. */
static int look_text(struct glue *g, const char *text, uint64_t at)
{
	char bytes[256];
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		bytes[i] = text[i] == '.' ? '\0' : text[i];
	return look(g, bytes, n, at);
}

static void V12_the_owner_is_the_last_message_that_begins_in_the_read_and_takes_descriptors(
	void **state)
{
	/* from and to are of the text, of which the first byte is 100. */
	static const struct {
		const char *text;
		unsigned from, to;
		int state;
		unsigned owner; /* 99: nobody */
	} rows[] = {
		{ "T.", 0, 2, GLUE_OWNED, 0 },
		{ "p.", 0, 2, GLUE_NOBODYS, 99 },
		{ "p.p.T.", 0, 6, GLUE_OWNED, 4 },
		/* In one sendmsg with what follows it. */
		{ "p.T.p.", 0, 6, GLUE_OWNED, 2 },
		{ "T.T.", 0, 4, GLUE_OWNED, 2 },
		/* The end of one that began before, and nothing else; or nothing that takes any. */
		{ "Txxx.", 2, 5, GLUE_NOBODYS, 99 },
		{ "Txxx.p.", 2, 7, GLUE_NOBODYS, 99 },
		{ "Txxx.T.", 2, 7, GLUE_OWNED, 5 },
		/* In the middle of a message. */
		{ "Txxx", 2, 4, GLUE_NOBODYS, 99 },
		/* The last one is not whole yet. */
		{ "T", 0, 1, GLUE_OPEN, 99 },
		{ "p.p", 0, 3, GLUE_OPEN, 99 },
		{ "T.p", 0, 3, GLUE_OPEN, 0 },
		/* It is whole by now: what comes behind the read has nothing to do with it. */
		{ "T.pxx.T.", 0, 3, GLUE_OWNED, 0 },
		{ "T.Txx.T.", 0, 3, GLUE_OWNED, 2 },
		{ "p.pxx.T.", 0, 3, GLUE_NOBODYS, 99 },
		{ "p.T", 0, 2, GLUE_NOBODYS, 99 },
		/* What follows is no message. */
		{ "u.tail", 0, 6, GLUE_NOBODYS, 99 },
		{ "U.tail", 0, 6, GLUE_OWNED, 0 },
		{ "p.U.tail", 0, 8, GLUE_OWNED, 2 },
		{ "U.T.T", 0, 5, GLUE_OWNED, 0 },
		{ "u.T.T", 0, 5, GLUE_NOBODYS, 99 },
		{ "Uxx.tail", 4, 8, GLUE_NOBODYS, 99 },
		/* It takes none, as its beginning says. */
		{ "T.n", 0, 3, GLUE_OWNED, 0 },
		{ "T.nxxx", 0, 6, GLUE_OWNED, 0 },
		{ "p.n", 0, 3, GLUE_NOBODYS, 99 },
		{ "n", 0, 1, GLUE_NOBODYS, 99 },
		/* Empty messages are messages. */
		{ ".", 0, 1, GLUE_NOBODYS, 99 },
		{ "..T.", 0, 4, GLUE_OWNED, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t owner = rows[i].owner == 99 ? GLUE_NONE : 100 + rows[i].owner;
		struct glue g;

		glue_begin(&g, 100 + rows[i].from, 100 + rows[i].to);
		if (look_text(&g, rows[i].text, 100) != rows[i].state || g.owner != owner)
			fail_msg("row %zu, \"%s\": state %d, owner %lld", i, rows[i].text, g.state,
				 (long long)g.owner);
	}
}

static void V12_what_is_not_decided_is_decided_by_the_end_of_the_last_message(void **state)
{
	struct glue g;

	(void)state;
	glue_begin(&g, 0, 7);
	assert_int_equal(look_text(&g, "p.T.p.T", 0), GLUE_OPEN);
	assert_int_equal(g.owner, 2);
	/* Those in front of it are delivered meanwhile. */
	assert_int_equal(look_text(&g, "T.p.Tx", 2), GLUE_OPEN);
	assert_int_equal(g.owner, 2);
	assert_int_equal(look_text(&g, "T.p.Txx.", 2), GLUE_OWNED);
	assert_int_equal(g.owner, 6);
	/* It stays decided. */
	assert_int_equal(look_text(&g, "Txx.T.", 6), GLUE_OWNED);
	assert_int_equal(g.owner, 6);
}

/* Its beginning comes in pieces, too. */
static void V12_what_takes_none_is_known_before_it_is_whole(void **state)
{
	struct glue g;

	(void)state;
	glue_begin(&g, 0, 4);
	assert_int_equal(look_text(&g, "T.T.", 0), GLUE_OWNED);
	assert_int_equal(g.owner, 2);
	glue_begin(&g, 0, 3);
	assert_int_equal(look_text(&g, "T. ", 0), GLUE_OPEN);
	assert_int_equal(look_text(&g, "T. {", 0), GLUE_OPEN);
	assert_int_equal(g.owner, 0);
	/* The one before it was delivered. */
	glue_begin(&g, 2, 5);
	assert_int_equal(look_text(&g, "p.T.x", 0), GLUE_OPEN);
	assert_int_equal(g.owner, 2);
	assert_int_equal(look_text(&g, "T.n", 2), GLUE_OWNED);
	assert_int_equal(g.owner, 2);
}

/* Of one that comes byte by byte. */
static void V12_a_message_is_searched_for_its_end_once_however_slowly_it_comes(void **state)
{
	static char bytes[20000];
	unsigned asked = 0;
	struct glue g;

	(void)state;
	memset(bytes, 'x', sizeof bytes);
	memcpy(bytes, "T\0", 2);
	glue_begin(&g, 0, 3);
	for (size_t n = 3; n < sizeof bytes; n++) {
		assert_int_equal(glue_look(&g, bytes, n, 0, takes, &asked), GLUE_OPEN);
		assert_int_equal(asked, 1);
	}
	bytes[sizeof bytes - 1] = '\0';
	asked = 0;
	assert_int_equal(glue_look(&g, bytes, sizeof bytes, 0, takes, &asked), GLUE_OWNED);
	assert_int_equal(asked, 2);
	assert_int_equal(g.owner, 0);
}

/* ---- a kernel ---- */

enum { MESSAGES = 40, STREAM = 4096 };

struct piece { /* of one sendmsg */
	size_t end;
	int fd; /* the number of its message, or -1 */
};

struct stream {
	char bytes[STREAM];
	size_t n, ends[MESSAGES];
	unsigned n_messages, n_pieces;
	struct piece pieces[STREAM];
	uint64_t random;
};

static size_t below(struct stream *s, size_t n)
{
	return (size_t)random_below(&s->random, n);
}

/* As an honest sender does: descriptors are on the first piece of their message, and no other message is in that. */
static void stream_add(struct stream *s, bool with, bool taking)
{
	size_t begin = s->n, n = 1 + below(s, 60);
	bool first = with;

	memset(s->bytes + s->n, taking ? 'T' : 'p', n);
	s->n += n;
	s->bytes[s->n++] = '\0';
	s->ends[s->n_messages] = s->n;
	while (begin < s->n) {
		begin += below(s, 3) ? s->n - begin : 1 + below(s, s->n - begin);
		s->pieces[s->n_pieces++] = (struct piece){ begin, first ? (int)s->n_messages : -1 };
		first = false;
	}
	s->n_messages++;
}

/* How far one read goes from `at`, and what comes with it. */
static size_t stream_read(struct stream *s, size_t at, size_t most, size_t given, int *ret_fd)
{
	size_t begin = 0, end = at;

	*ret_fd = -1;
	for (unsigned i = 0; i < s->n_pieces && begin < given && end - at < most; i++) {
		const struct piece *p = &s->pieces[i];
		/* They come with the first byte of the piece that is read. */
		bool has = p->fd >= 0 && begin >= at;

		if (p->end > at) {
			end = p->end - at < most ? p->end : at + most;
			if (has) {
				*ret_fd = p->fd;
				break;
			}
			if (p->fd >= 0)
				break; /* the rest of a piece that had some ends a read, too */
		}
		begin = p->end;
	}
	return end < given ? end : given;
}

struct reader {
	struct glue glue[2];
	int fd[2];
	size_t received, taken;
	unsigned delivered;
};

/* As passing_next() and the inbox do it. */
static void reader_deliver(struct stream *s, struct reader *r, const int *owned)
{
	while (r->taken < r->received) {
		const char *at = s->bytes + r->taken, *nul;
		int got = -1;

		for (int i = 0; i < 2 && r->fd[i] >= 0; i++) {
			int state = look(&r->glue[i], at, r->received - r->taken, r->taken);

			assert_int_not_equal(state, GLUE_NOBODYS);
			if (r->glue[i].owner != r->taken)
				continue;
			if (state == GLUE_OPEN)
				return;
			got = r->fd[i];
			r->glue[i] = r->glue[1];
			r->fd[i] = r->fd[1];
			r->fd[1] = -1;
			break;
		}
		nul = memchr(at, '\0', r->received - r->taken);
		if (!nul)
			return;
		if (got != owned[r->delivered])
			fail_msg("message %u gets the descriptor of %d", r->delivered, got);
		r->taken += (size_t)(nul - at) + 1;
		r->delivered++;
		if (below(s, 8) == 0)
			return; /* it is paused */
	}
}

static void one_stream(uint64_t seed)
{
	static struct stream s;
	struct reader r = { .fd = { -1, -1 } };
	int owned[MESSAGES];
	size_t given = 0;

	memset(&s, 0, sizeof s);
	s.random = seed * 0x9e3779b97f4a7c15u + 1;
	while (s.n_messages < MESSAGES && s.n < STREAM - 64) {
		bool with = below(&s, 3) == 0;

		owned[s.n_messages] = with ? (int)s.n_messages : -1;
		/* One that takes them may also come without. */
		stream_add(&s, with, with || below(&s, 4) == 0);
	}
	for (int i = 0; r.taken < s.n; i++) {
		int fd;
		size_t end;

		assert_in_range(i, 0, 100000);
		if (below(&s, 2))
			given = below(&s, 4) ? s.n : given + below(&s, s.n - given + 1);
		if (r.fd[1] < 0 && given > r.received) {
			end = stream_read(&s, r.received, 1 + below(&s, below(&s, 2) ? 4 : 400),
					  given, &fd);
			if (fd >= 0) {
				int k = r.fd[0] >= 0;

				r.fd[k] = fd;
				glue_begin(&r.glue[k], r.received, end);
			}
			r.received = end;
		}
		reader_deliver(&s, &r, owned);
	}
	assert_int_equal(r.delivered, s.n_messages);
}

static void V12_however_the_kernel_glues_each_message_gets_its_own(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20000; seed++)
		one_stream(seed);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V12_the_owner_is_the_last_message_that_begins_in_the_read_and_takes_descriptors),
		TEST(V12_what_is_not_decided_is_decided_by_the_end_of_the_last_message),
		TEST(V12_what_takes_none_is_known_before_it_is_whole),
		TEST(V12_a_message_is_searched_for_its_end_once_however_slowly_it_comes),
		TEST(V12_however_the_kernel_glues_each_message_gets_its_own),
	};
	return test_run(tests);
}
