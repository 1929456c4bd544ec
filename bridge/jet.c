/* SPDX-License-Identifier: Apache-2.0 */
/* jet.c - see jet.h */
#include "jet.h"

#include <postern.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JET_TOKEN "varlink-durable."

static int jet_print(char *ret, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int jet_print(char *ret, size_t size, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(ret, size, format, args);
	va_end(args);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : n;
}

/* ---- names and subjects ---- */

static bool jet_is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '_';
}

bool jet_is_name(const char *text)
{
	size_t n = 0;

	while (jet_is_plain(text[n]))
		n++;
	return n > 0 && n < JET_NAME_MAX && !text[n];
}

int jet_subject(char *ret, size_t size, const char *prefix, const char *name)
{
	int n;

	if ((prefix && !wire_is_token(prefix)) || !wire_is_token(name))
		return -EINVAL;
	n = jet_print(ret, size, "%s%s" JET_TOKEN "%s", prefix ? prefix : "", prefix ? "." : "",
		      name);
	return n < 0 ? n : 0;
}

const char *jet_method(const char *subject, const char *prefix)
{
	size_t n = prefix ? strlen(prefix) : 0;

	if (prefix && (strncmp(subject, prefix, n) != 0 || subject[n] != '.'))
		return NULL;
	subject += prefix ? n + 1 : 0;
	return strncmp(subject, JET_TOKEN, strlen(JET_TOKEN)) ? NULL : subject + strlen(JET_TOKEN);
}

int jet_consumer_name(char ret[JET_NAME_MAX], const char *group, const char *interface)
{
	int n = jet_print(ret, JET_NAME_MAX, "%s-%s", group, interface);

	for (char *c = ret; n > 0 && *c; c++)
		if (!jet_is_plain(*c))
			*c = '_';
	return n < 0 ? n : 0;
}

/* ---- requests ---- */

int jet_create_stream(char *subject, size_t subject_size, char *ret, size_t size,
		      const char *stream, const char *prefix)
{
	int n = jet_print(subject, subject_size, "$JS.API.STREAM.CREATE.%s", stream);

	if (n < 0)
		return n;
	/* A file, because it is to outlive the server; what was acknowledged is gone. */
	return jet_print(
		ret, size,
		"{\"name\":\"%s\",\"subjects\":[\"%s%s" JET_TOKEN
		">\"],\"retention\":\"workqueue\",\"storage\":\"file\",\"discard\":\"new\","
		"\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":-1,\"max_age\":0,"
		"\"num_replicas\":1,\"duplicate_window\":120000000000}",
		stream, prefix ? prefix : "", prefix ? "." : "");
}

int jet_create_consumer(char *subject, size_t subject_size, char *ret, size_t size,
			const char *stream, const char *consumer, const char *filter,
			int64_t ack_ns, uint32_t pending)
{
	int n = jet_print(subject, subject_size, "$JS.API.CONSUMER.DURABLE.CREATE.%s.%s", stream,
			  consumer);

	if (n < 0)
		return n;
	return jet_print(
		ret, size,
		"{\"stream_name\":\"%s\",\"config\":{\"durable_name\":\"%s\","
		"\"deliver_policy\":\"all\",\"ack_policy\":\"explicit\",\"ack_wait\":%" PRId64
		",\"max_deliver\":-1,\"filter_subject\":\"%s\",\"replay_policy\":\"instant\","
		"\"max_ack_pending\":%" PRIu32 "}}",
		stream, consumer, ack_ns, filter, pending);
}

int jet_next(char *subject, size_t subject_size, char *ret, size_t size, const char *stream,
	     const char *consumer, uint32_t batch, int64_t expires_ns)
{
	int n = jet_print(subject, subject_size, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", stream,
			  consumer);

	return n < 0 ? n
		     : jet_print(ret, size, "{\"batch\":%" PRIu32 ",\"expires\":%" PRId64 "}",
				 batch, expires_ns);
}

int jet_refuse(char *ret, size_t size, int64_t delay_ns)
{
	return jet_print(ret, size, "-NAK {\"delay\":%" PRId64 "}", delay_ns);
}

/* ---- answers ---- */

int jet_answer(const void *payload, size_t n, char *ret, size_t size)
{
	struct postern_json value, error, part;
	int64_t code = 0;

	*ret = '\0';
	if (wire_object(payload, n, &value) < 0)
		return -EBADMSG;
	if (postern_json_find(value, "error", &error) <= 0)
		return 0;
	if (postern_json_kind(error) != POSTERN_JSON_OBJECT)
		return -EBADMSG;
	if (postern_json_find(error, "description", &part) > 0 &&
	    postern_json_string(part, ret, size) < 0)
		*ret = '\0';
	if (postern_json_find(error, "err_code", &part) > 0 && postern_json_int(part, &code) < 0)
		code = 0;
	return code > 0 && code < INT32_MAX ? (int)code : 1;
}

bool jet_is_stored(const void *payload, size_t n)
{
	struct postern_json value, sequence;
	uint64_t number;

	return wire_object(payload, n, &value) == 0 &&
	       postern_json_find(value, "error", &sequence) == 0 &&
	       postern_json_find(value, "seq", &sequence) > 0 &&
	       postern_json_uint(sequence, &number) == 0 && number > 0;
}

bool jet_is_ack(const char *reply)
{
	return !strncmp(reply, "$JS.ACK.", 8);
}

/* $JS.ACK.STREAM.CONSUMER.N.SEQ.SEQ.TIME.PENDING, 9 tokens; a later form has a domain and an account before the stream. */
uint32_t jet_deliveries(const char *reply)
{
	int tokens = 1, wanted;
	unsigned long n;

	for (const char *c = reply; *c; c++)
		tokens += *c == '.';
	wanted = tokens > 9 ? 6 : 4;
	for (; wanted > 0 && reply; wanted--) {
		reply = strchr(reply, '.');
		reply = reply ? reply + 1 : NULL;
	}
	n = reply ? strtoul(reply, NULL, 10) : 0;
	return n < 1 ? 1 : n > 1000000 ? 1000000 : (uint32_t)n;
}
