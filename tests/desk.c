/* SPDX-License-Identifier: Apache-2.0 */
/* desk.c - see desk.h */
#include "desk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the interface ---- */

enum {
	ECHO,
	KEEP,
	FORGET,
	TWICE,
	MANY,
	NEEDS_MORE,
	UPGRADE,
	BECOME,
	MISSING,
	TYPED,
	HOOK,
	METHODS
};

static const struct postern_type string_type = { .kind = POSTERN_TYPE_STRING,
						 .size = sizeof(char *) };
static const struct postern_type int_type = { .kind = POSTERN_TYPE_INT, .size = sizeof(int64_t) };

static const struct postern_field in_fields[] = {
	{ "zone", &string_type, offsetof(struct desk_Typed_in, zone), 1 },
	{ "count", &int_type, offsetof(struct desk_Typed_in, count), 0 },
};
static const struct postern_field out_fields[] = {
	{ "text", &string_type, offsetof(struct desk_Typed_out, text), 0 },
};
static const struct postern_field wrong_fields[] = {
	{ "why", &string_type, offsetof(struct desk_Wrong, why), 0 },
};
const struct postern_type desk_Typed_in_type = { .kind = POSTERN_TYPE_STRUCT,
						 .size = sizeof(struct desk_Typed_in),
						 .n = 2,
						 .fields = in_fields };
const struct postern_type desk_Typed_out_type = { .kind = POSTERN_TYPE_STRUCT,
						  .size = sizeof(struct desk_Typed_out),
						  .n = 1,
						  .fields = out_fields };
static const struct postern_type wrong_type = { .kind = POSTERN_TYPE_STRUCT,
						.size = sizeof(struct desk_Wrong),
						.n = 1,
						.fields = wrong_fields };
const struct postern_error desk_Wrong_error = { .name = "org.example.desk.Wrong",
						.type = &wrong_type };

static void note(struct desk *d, struct postern_request *r, char event)
{
	size_t n = strlen(d->trace);

	if (n < sizeof(d->trace) - 1)
		d->trace[n] = event;
	if (d->hook)
		d->hook(d, r, event);
}

static void on_cancelled(struct postern_request *r, void *data)
{
	struct desk *d = data;

	d->cancelled++;
	note(d, r, 'x');
}

static void on_drained(struct postern_request *r, void *data)
{
	struct desk *d = data;

	d->drained++;
	note(d, r, 'd');
}

static const struct postern_request_events request_events = {
	.size = sizeof(request_events),
	.cancelled = on_cancelled,
	.drained = on_drained,
};

static int echo(struct postern_request *r)
{
	struct postern_json p = postern_request_parameters(r);

	return postern_request_reply_json(r, p.text, p.n);
}

static void keep(struct desk *d, struct postern_request *r)
{
	assert_true(d->n_kept < DESK_KEPT);
	assert_ok(postern_request_set_events(r, &request_events, d));
	d->kept[d->n_kept++] = postern_request_keep(r);
	note(d, r, 'k');
}

static void typed(struct desk *d, struct postern_request *r, const struct desk_Typed_in *in)
{
	static char text[128];

	if (in->count < 0) {
		d->results[0] = postern_request_fail(r, &desk_Wrong_error,
						     &(struct desk_Wrong){ "it is negative" });
		return;
	}
	snprintf(text, sizeof text, "%s %lld", in->zone ? in->zone : "none", (long long)in->count);
	d->results[0] =
		postern_request_reply(r, &desk_Typed_out_type, &(struct desk_Typed_out){ text });
}

/* What is there of each method: one function serves them all. */
typedef void desk_fn(struct desk *d, int method, struct postern_request *r, const void *in);

static void handle(struct desk *d, int method, struct postern_request *r, const void *in)
{
	d->calls++;
	switch (method) {
	case ECHO:
		d->echoes++;
		d->results[0] = echo(r);
		break;
	case TWICE:
		d->results[0] = echo(r);
		d->results[1] = echo(r);
		d->results[2] = postern_request_fail_json(r, "org.example.desk.Wrong", NULL, 0);
		break;
	case MANY:
		for (int i = 0; i < 3; i++)
			d->results[i] = postern_request_continue_json(r, "{\"part\":1}", 10);
		d->results[3] = echo(r);
		break;
	case UPGRADE:
		note(d, r, 'u');
		break;
	case KEEP:
	case BECOME:
	case NEEDS_MORE:
		keep(d, r);
		break;
	case TYPED:
		typed(d, r, in);
		break;
	case HOOK:
		note(d, r, 'h');
		break;
	default:
		break;
	}
}

static desk_fn *const handlers[METHODS] = {
	[ECHO] = handle,  [KEEP] = handle,       [FORGET] = handle,  [TWICE] = handle,
	[MANY] = handle,  [NEEDS_MORE] = handle, [UPGRADE] = handle, [MISSING] = NULL,
	[TYPED] = handle, [HOOK] = handle,       [BECOME] = handle,
};

#define METHOD(number, method, ...)                                                             \
	static void handle_##method(const void *all, struct postern_request *r, const void *in, \
				    void *data)                                                 \
	{                                                                                       \
		assert_ptr_equal(all, handlers);                                                \
		handlers[number](data, number, r, in);                                          \
	}                                                                                       \
	static const struct postern_method method_##method = {                                  \
		.name = "org.example.desk." #method,                                            \
		.handler = number * sizeof(desk_fn *),                                          \
		.handle = handle_##method,                                                      \
		__VA_ARGS__                                                                     \
	}

METHOD(ECHO, Echo, );
METHOD(KEEP, Keep, .flags = POSTERN_METHOD_MORE);
METHOD(FORGET, Forget, );
METHOD(TWICE, Twice, );
METHOD(MANY, Many, .flags = POSTERN_METHOD_MORE);
METHOD(NEEDS_MORE, NeedsMore, .flags = POSTERN_METHOD_MORE | POSTERN_METHOD_NEEDS_MORE);
METHOD(UPGRADE, Upgrade, .flags = POSTERN_METHOD_UPGRADE);
METHOD(BECOME, Become, .flags = POSTERN_METHOD_MAY_UPGRADE);
METHOD(MISSING, Missing, );
METHOD(TYPED, Typed, .in = &desk_Typed_in_type, .out = &desk_Typed_out_type,
       .flags = POSTERN_METHOD_MORE);
METHOD(HOOK, Hook, .flags = POSTERN_METHOD_MORE);

static const struct postern_method *const methods[METHODS] = {
	&method_Echo,  &method_Keep,      &method_Forget,  &method_Twice,
	&method_Many,  &method_NeedsMore, &method_Upgrade, &method_Missing,
	&method_Typed, &method_Hook,      &method_Become,
};
static const struct postern_error *const errors[] = { &desk_Wrong_error };

const struct postern_interface desk_interface = {
	.version = POSTERN_INTERFACE_VERSION,
	.n_methods = METHODS,
	.n_errors = 1,
	.name = "org.example.desk",
	.description = "# A desk.\ninterface org.example.desk\n\nmethod Echo() -> ()\n",
	.methods = methods,
	.errors = errors,
};

const struct postern_method *desk_method(const char *name)
{
	for (int i = 0; i < METHODS; i++)
		if (strcmp(strrchr(methods[i]->name, '.') + 1, name) == 0)
			return methods[i];
	fail_msg("there is no method %s", name);
	return NULL;
}

/* ---- the service ---- */

static int on_allow(const struct postern_request *r, void *data)
{
	struct desk *d = data;

	assert_ptr_equal(postern_request_service(r), d->service);
	assert_ok(postern_request_peer(r, &d->peer, sizeof d->peer));
	snprintf(d->asked, sizeof d->asked, "%s", postern_request_method(r));
	return d->allow;
}

static void on_error(struct postern_service *s, const struct postern_reason *why, void *data)
{
	struct desk *d = data;

	(void)s;
	d->errors++;
	d->code = why->code;
	snprintf(d->text, sizeof d->text, "%s", why->text);
	note(d, NULL, 'E');
}

static void on_closed(struct postern_service *s, const struct postern_reason *why, void *data)
{
	struct desk *d = data;

	(void)s;
	d->closed++;
	d->code = why->code;
	snprintf(d->text, sizeof d->text, "%s", why->text);
	note(d, NULL, 'C');
}

static const struct postern_service_events events = {
	.size = sizeof(events),
	.allow = on_allow,
	.error = on_error,
	.closed = on_closed,
};

void desk_open(struct desk *d, const struct postern_service_options *options)
{
	desk_open_name(d, "desk", options);
}

void desk_open_name(struct desk *d, const char *name, const struct postern_service_options *options)
{
	int r;

	*d = (struct desk){ 0 };
	assert_ok(postern_loop_new(&d->loop));
	r = postern_service_new(&d->service, d->loop, name, options, &events, d);
	if (r < 0)
		print_error("%s\n", postern_why()->text);
	assert_ok(r);
	assert_ok(postern_service_provide(d->service, &desk_interface, handlers, d));
}

void desk_close(struct desk *d)
{
	struct postern_server_counters server = { 0 };

	for (unsigned i = 0; i < d->n_kept; i++)
		d->kept[i] = postern_request_free(d->kept[i]);
	if (d->service && d->loop) {
		const struct postern_server *s = postern_service_server(d->service);

		/* What was sent last may still be on its way. */
		for (int i = 0; i < 1000; i++) {
			assert_ok(postern_server_get_counters(s, &server, sizeof server));
			if (server.connections == 0)
				break;
			turn(d->loop, 1);
		}
		if (server.connections == 0)
			assert_int_equal(server.bytes, 0);
		assert_int_equal(desk_counters(d).open, 0);
	}
	d->service = postern_service_free(d->service);
	d->loop = postern_loop_free(d->loop);
}

struct postern_service_counters desk_counters(const struct desk *d)
{
	struct postern_service_counters counters = { 0 };

	assert_ok(postern_service_get_counters(d->service, &counters, sizeof counters));
	return counters;
}

/* ---- peers ---- */

int desk_peer(const struct desk *d)
{
	int fd = plain_connect(postern_server_path(postern_service_server(d->service)));

	assert_true(fd >= 0);
	assert_ok(fcntl(fd, F_SETFL, O_NONBLOCK));
	return fd;
}

void desk_send(struct desk *d, int fd, const void *bytes, size_t n)
{
	int64_t until = test_now_ns() + test_patience_ns();

	for (size_t done = 0; done < n;) {
		ssize_t r = send(fd, (const char *)bytes + done, n - done, MSG_NOSIGNAL);

		if (r > 0)
			done += (size_t)r;
		else if (errno == EPIPE || errno == ECONNRESET)
			return;
		else
			turn(d->loop, 1);
		assert_true(test_now_ns() < until);
	}
}

void desk_say(struct desk *d, int fd, const char *text)
{
	desk_send(d, fd, text, strlen(text) + 1);
}

/* One byte at a time: what follows belongs to the next message. */
const char *desk_next(struct desk *d, int fd)
{
	static char *text;
	static size_t capacity;
	int64_t until = test_now_ns() + test_patience_ns();
	size_t n = 0;

	for (;;) {
		ssize_t r;

		if (n + 1 >= capacity) {
			capacity = capacity ? 2 * capacity : 4096;
			text = realloc(text, capacity);
			assert_non_null(text);
		}
		r = recv(fd, text + n, capacity - n - 1, MSG_PEEK);
		if (r == 0 || (r < 0 && errno == ECONNRESET))
			return NULL;
		if (r > 0) {
			char *end = memchr(text + n, '\0', (size_t)r);
			size_t take = end ? (size_t)(end - text) + 1 - n : (size_t)r;

			assert_int_equal(recv(fd, text + n, take, 0), take);
			n += take;
			text[n] = '\0';
			if (end)
				return text;
			continue;
		}
		turn(d->loop, 1);
		assert_true(test_now_ns() < until);
	}
}

void desk_check(struct desk *d, int fd, const char *text, const char *file, int line)
{
	const char *got = desk_next(d, fd);

	if (!got || strcmp(got, text) != 0) {
		print_error("heard:    %.2000s\nexpected: %.2000s\n", got ? got : "the end", text);
		_fail(file, line);
	}
}

void desk_hears_the_end(struct desk *d, int fd)
{
	const char *got = desk_next(d, fd);

	if (got)
		fail_msg("in place of the end came %.500s", got);
	close(fd);
}

void desk_breaks(struct desk *d, const void *bytes, size_t n, const char *text)
{
	uint64_t before = desk_counters(d).violations;
	unsigned calls = d->calls;
	int fd = desk_peer(d);

	desk_send(d, fd, bytes, n);
	desk_hears_the_end(d, fd);
	assert_int_equal(desk_counters(d).violations, before + 1);
	assert_int_equal(d->code, POSTERN_REASON_VIOLATION);
	assert_int_equal(d->calls, calls);
	if (!strstr(d->text, text))
		fail_msg("the reason is \"%s\", without \"%s\"", d->text, text);
}
