/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern/topic.h - a topic: a state or a stream of events at a service, and who has subscribed to it
 *
 * The rules at the top of postern.h hold here too. A handler gives calls with MORE to a topic, and what is published goes
 * to all of them. A subscriber gets the present state first, or without one yet the first publication, then each change,
 * until the topic ends, or the subscriber leaves. A publication is encoded once. `postern generate` writes, for a method
 * Now that supports 'more', clock_topic_Now(), clock_publish_Now() and clock_end_Now() from what is below.
 * A topic belongs to its service's thread; others post to the loop, postern_loop_post().
 */
#include <postern.h> /* before the guard: it includes this one, where others need it */
#ifndef POSTERN_TOPIC_H
#define POSTERN_TOPIC_H

#include <postern/service.h>

#ifdef __cplusplus
extern "C" {
#endif
struct postern_topic;

enum { /* what a slow subscriber gets */
	POSTERN_TOPIC_LATEST, /* the last state: those in between are skipped */
	POSTERN_TOPIC_QUEUE,  /* all; but if more wait for it than the limits below, the error io.postern.Overflow */
};

/* A flag: publications are events, and a subscriber begins with the next one. */
#define POSTERN_TOPIC_STATELESS (UINT64_C(1) << 0)

struct postern_topic_options {
	size_t   size;
	size_t   bytes;       /* QUEUE: that wait for one subscriber at most: 1 MiB */
	uint32_t messages;    /* the same: 1,024 */
	uint32_t policy;      /* POSTERN_TOPIC_LATEST */
	uint64_t flags;       /* POSTERN_TOPIC_STATELESS, or 0 */
};

struct postern_topic_events {
	size_t size;
	/* The number of subscribers has changed; once for all that came and went in a turn. */
	void (*changed)(struct postern_topic *t, uint32_t subscribers, void *data);
};

/* method: one that may be called with MORE, else -EINVAL. options, events: or NULL. It is yours until you free it; when its
   service has been freed its calls return -ESTALE. */
POSTERN_API POSTERN_MUST_USE int postern_topic_new(struct postern_topic **ret, struct postern_service *s,
	const struct postern_method *method, const struct postern_topic_options *options,
	const struct postern_topic_events *events, void *data);
/* Ends its subscribers with io.postern.TopicEnded; after postern_topic_end() or _fail() those that are behind still get
   what they wait for. */
POSTERN_API struct postern_topic *postern_topic_free(struct postern_topic *t);
POSTERN_API void *postern_topic_data(const struct postern_topic *t);

/* Takes a request, also on failure: r is not to be used after this, but in its event .left. 1: it is a subscriber; .left
   tells its end. 0: it is none. Without MORE it is answered with the present state, or, if there is none or the topic is
   stateless, with ExpectedMore; while the service drains, with io.postern.Draining; a oneway call gets nothing. After the
   end of the topic each gets the last value, and is a subscriber until it has it. On failure it is freed, and so answered
   with io.postern.Abandoned. -EINVAL: it is one of another method or service; -ENOTSUP: it asks for UPGRADE; -ESTALE: it was
   answered, its peer has left, or the topic's service has gone; -ENOMEM. */
POSTERN_API POSTERN_MUST_USE int postern_topic_take(struct postern_topic *t, struct postern_request *r);

/* To all subscribers, and it is the present state. value and errors: as of postern_request_continue(); but never -EAGAIN. Nothing
   has changed after an error. -ESTALE also: the topic has ended. */
POSTERN_API POSTERN_MUST_USE int postern_topic_publish(struct postern_topic *t, const struct postern_type *type,
	const void *value);
POSTERN_API POSTERN_MUST_USE int postern_topic_publish_json(struct postern_topic *t, const char *parameters, size_t n);
/* The same, and it is the last one of all: the final answer, also of calls that are added from now on. */
POSTERN_API POSTERN_MUST_USE int postern_topic_end(struct postern_topic *t, const struct postern_type *type,
	const void *value);
POSTERN_API POSTERN_MUST_USE int postern_topic_end_json(struct postern_topic *t, const char *parameters, size_t n);
POSTERN_API POSTERN_MUST_USE int postern_topic_fail(struct postern_topic *t, const struct postern_error *error,
	const void *value);

struct postern_topic_counters {
	uint64_t published, bytes;  /* publications, and how long they are, each encoded once */
	uint64_t sent;              /* publications that went, one for each subscriber */
	uint64_t skipped;           /* those that LATEST did not send */
	uint64_t overflows, dropped;/* subscribers that QUEUE has ended so, and what they were told */
	uint32_t subscribers, behind; /* of them, those that do not have all yet */
};
POSTERN_API int postern_topic_get_counters(const struct postern_topic *t, struct postern_topic_counters *ret,
	size_t size);

POSTERN_AUTO_(topic)

#ifdef __cplusplus
}
#endif
#endif
