/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A service with one topic, and its subscribers, which are plain sockets. Publication i is {"n":i,"pad":"..."}, whose pad
 * is a text of one letter: so a message that is made of two is seen.
 *
 *	struct stage s;
 *	int fd;
 *
 *	stage_open(&s, NULL);
 *	fd = stage_subscribe(&s);
 *	stage_publish(&s, 1, 0);
 *	stage_hears(&s, fd, 1);
 *	stage_leaves(&s, fd);
 *	stage_close(&s);
 */
#include "desk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern/topic.h>

#define STAGE_MORE "{\"method\":\"org.example.desk.Hook\",\"more\":true}"
#define STAGE_ONCE "{\"method\":\"org.example.desk.Hook\"}"

struct stage {
	struct desk d; /* the first */
	struct postern_topic *t;
	int taken;	    /* what postern_topic_take() returned last */
	unsigned changes;   /* events */
	uint32_t told;	    /* how many subscribers the last one said */
	/* Called in the handler, before the request is taken, and after; that may be gone then; or NULL. */
	void (*before)(struct stage *s, struct postern_request *r);
	void (*after)(struct stage *s, struct postern_request *r);
	void (*changed)(struct stage *s);
};

static inline void stage_hook(struct desk *d, struct postern_request *r, char event)
{
	struct stage *s = (struct stage *)d;

	if (event != 'h')
		return;
	if (s->before)
		s->before(s, r);
	s->taken = postern_topic_take(s->t, r);
	if (s->after)
		s->after(s, r);
}

static inline void stage_changed(struct postern_topic *t, uint32_t subscribers, void *data)
{
	struct stage *s = data;

	assert_ptr_equal(t, s->t);
	s->changes++;
	s->told = subscribers;
	if (s->changed)
		s->changed(s);
}

static inline void stage_make(struct stage *s, const struct postern_topic_options *options)
{
	static const struct postern_topic_events events = { .size = sizeof events,
							    .changed = stage_changed };

	assert_ok(postern_topic_new(&s->t, s->d.service, desk_method("Hook"), options, &events, s));
	assert_ptr_equal(postern_topic_data(s->t), s);
}

static inline void stage_open_service(struct stage *s, const struct postern_service_options *service,
			       const struct postern_topic_options *options)
{
	*s = (struct stage){ .taken = -1 };
	desk_open(&s->d, service);
	s->d.hook = stage_hook;
	stage_make(s, options);
}

static inline void stage_open(struct stage *s, const struct postern_topic_options *options)
{
	stage_open_service(s, NULL, options);
}

static inline void stage_close(struct stage *s)
{
	s->t = postern_topic_free(s->t);
	desk_close(&s->d);
}

static inline struct postern_topic_counters stage_counters(const struct stage *s)
{
	struct postern_topic_counters k = { 0 };

	assert_ok(postern_topic_get_counters(s->t, &k, sizeof k));
	return k;
}

static inline int stage_call(struct stage *s, const char *text)
{
	unsigned calls = s->d.calls;
	int fd = desk_peer(&s->d);

	desk_say(&s->d, fd, text);
	turn_until(s->d.loop, s->d.calls > calls);
	assert_true(s->taken >= 0);
	return fd;
}

static inline int stage_subscribe(struct stage *s)
{
	return stage_call(s, STAGE_MORE);
}

/* The text of publication i, in malloc()'s memory. */
static inline char *stage_text(unsigned i, size_t pad)
{
	char *text = malloc(pad + 64);
	int n;

	assert_non_null(text);
	n = sprintf(text, "{\"n\":%u,\"pad\":\"", i);
	memset(text + n, 'a' + (int)(i % 26), pad);
	memcpy(text + n + pad, "\"}", 3);
	return text;
}

static inline void stage_publish(struct stage *s, unsigned i, size_t pad)
{
	char *text = stage_text(i, pad);

	assert_ok(postern_topic_publish_json(s->t, text, strlen(text)));
	free(text);
}

static inline void stage_end(struct stage *s, unsigned i, size_t pad)
{
	char *text = stage_text(i, pad);

	assert_ok(postern_topic_end_json(s->t, text, strlen(text)));
	free(text);
}

/* The number of a publication, whose text is that and nothing else. ret_continues: or NULL, then it has to. */
static inline unsigned stage_number(const char *got, bool *ret_continues)
{
	static const char more[] = "{\"continues\":true,\"parameters\":", last[] = "{\"parameters\":";
	bool continues = got && !strncmp(got, more, strlen(more));
	const char *at = got ? got + (continues ? strlen(more) : strlen(last)) : "";
	const char *pad = strstr(at, "\"pad\":\"");
	unsigned i = 0;
	char *text;

	if (!pad || sscanf(at, "{\"n\":%u", &i) != 1)
		fail_msg("this is no publication: %.500s", got ? got : "the end");
	text = stage_text(i, strlen(pad + 7) - 3);
	if (strncmp(at, text, strlen(text)) != 0 || strcmp(at + strlen(text), "}") != 0)
		fail_msg("publication %u is torn: %.500s", i, got);
	free(text);
	if (!ret_continues)
		assert_true(continues);
	else
		*ret_continues = continues;
	return i;
}

/* The next one that comes to fd. */
static inline unsigned stage_next(struct stage *s, int fd)
{
	return stage_number(desk_next(&s->d, fd), NULL);
}

static inline void stage_hears(struct stage *s, int fd, unsigned i)
{
	unsigned got = stage_next(s, fd);

	if (got != i)
		fail_msg("publication %u came, and not %u", got, i);
}

/* i is the last value of all. */
static inline void stage_hears_last(struct stage *s, int fd, unsigned i)
{
	bool continues;
	unsigned got = stage_number(desk_next(&s->d, fd), &continues);

	if (got != i || continues)
		fail_msg("publication %u came%s, and not the last one, %u", got,
			 continues ? ", which continues" : "", i);
}

/* Nothing waits to be read. */
static inline void stage_is_quiet(struct stage *s, int fd)
{
	char byte;

	turn_quiet(s->d.loop);
	assert_int_equal(recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT), -1);
}

static inline void stage_leaves(struct stage *s, int fd)
{
	uint32_t before = stage_counters(s).subscribers;

	close(fd);
	if (before > 0)
		turn_until(s->d.loop, stage_counters(s).subscribers < before);
}
