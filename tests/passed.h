/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the tests of passed descriptors share: descriptors with a number in them, so that each is known wherever it goes;
 * plain sockets that pass them; and a service of a vault, which takes and returns them.
 */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <postern/service.h>

enum { PASS_MAX = 253 };

/* A file with this number in it. */
static inline int passed_new(int64_t number)
{
	int fd = memfd_create("passed", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, &number, sizeof number), sizeof number);
	return fd;
}

/* -1: it is another kind of file. */
static inline int64_t passed_number(int fd)
{
	int64_t number = -1;

	return pread(fd, &number, sizeof number, 0) == sizeof number ? number : -1;
}

/* It is that one, and nobody's after an exec(); it is closed. */
static inline void passed_is(int fd, int64_t number)
{
	assert_true(fd > 2);
	assert_int_equal(passed_number(fd), number);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(fd);
}

/* As sendmsg() with n descriptors, which stay here. */
static inline ssize_t pass_some(int to, const void *bytes, size_t size, const int *fds, size_t n)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(PASS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { (void *)(uintptr_t)bytes, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	memset(&control, 0, sizeof control);
	if (n > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, n * sizeof(int));
	}
	return sendmsg(to, &msg, MSG_NOSIGNAL);
}

/* A message with its NUL, and copies of one descriptor. */
static inline void pass_text(int to, const char *text, int fd, size_t n)
{
	int fds[PASS_MAX];

	for (size_t i = 0; i < n; i++)
		fds[i] = fd;
	assert_int_equal(pass_some(to, text, strlen(text) + 1, fds, n), strlen(text) + 1);
}

/* As recv(), with up to 16 descriptors. */
static inline ssize_t pass_receive(int from, void *ret, size_t size, int *ret_fds, size_t *ret_n)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(POSTERN_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { ret, size };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof control.bytes };
	ssize_t r = recvmsg(from, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *h = r >= 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	*ret_n = 0;
	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) {
		*ret_n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(ret_fds, CMSG_DATA(h), *ret_n * sizeof(int));
	}
	return r;
}

/* ---- a vault ---- */

enum { VAULT_PUT, VAULT_GET, VAULT_SWAP, VAULT_KEEP, VAULT_MANY, VAULT_PLAIN, VAULT_UP, VAULT_METHODS };
enum { VAULT_KEPT = 16 };

/*
 *   Put    takes: all of them, each known by its number; answers with how many. InvalidParameter if there are none
 *   Get    returns one, with the number of its parameter
 *   Swap   takes and returns: those that came go back
 *   Keep   takes: is kept, and so are its descriptors
 *   Many   returns one beside each of three answers that continue, and none at the end
 *   Plain  neither
 *   Up     takes: the connection is upgraded, and echoes
 */
struct vault {
	struct postern_loop *loop;
	struct postern_service *service;
	int64_t numbers[64];  /* of what Put has taken */
	unsigned n_numbers, calls[VAULT_METHODS], errors;
	unsigned brought;     /* by the last call, of whatever method */
	struct postern_request *kept[VAULT_KEPT];
	unsigned n_kept;
	struct postern_conn *up;
	char text[512];       /* of the last error */
	int code;             /* of the same */
};

static inline int64_t vault_number(const struct postern_request *r)
{
	struct postern_json value;
	int64_t number;

	return postern_json_find(postern_request_parameters(r), "number", &value) > 0 &&
			       postern_json_int(value, &number) >= 0
		       ? number
		       : 0;
}

static inline void vault_put(struct vault *v, struct postern_request *r)
{
	char text[32];
	int fd, n = 0;

	for (; (fd = postern_request_take_fd(r, n)) >= 0; n++) {
		if (v->n_numbers < sizeof v->numbers / sizeof v->numbers[0])
			v->numbers[v->n_numbers++] = passed_number(fd);
		passed_is(fd, passed_number(fd));
		assert_errno(postern_request_take_fd(r, n), -EBADF);
	}
	assert_errno(fd, -EBADF);
	assert_errno(postern_request_take_fd(r, -1), -EBADF);
	if (n == 0) {
		assert_ok(postern_request_invalid(r, "fileDescriptor"));
		return;
	}
	assert_ok(postern_request_reply_json(r, text, (size_t)sprintf(text, "{\"n\":%d}", n)));
}

static inline void vault_get(struct postern_request *r)
{
	static const char text[] = "{\"fileDescriptor\":0}";

	assert_int_equal(postern_request_push_fd(r, passed_new(vault_number(r))), 0);
	assert_ok(postern_request_reply_json(r, text, strlen(text)));
}

static inline void vault_swap(struct postern_request *r)
{
	size_t n = postern_request_fds(r);

	for (size_t i = 0; i < n; i++) {
		int fd = postern_request_take_fd(r, (int64_t)i);

		assert_int_equal(postern_request_push_fd(r, fd), i);
	}
	assert_ok(postern_request_reply_json(r, NULL, 0));
}

static inline void vault_many(struct postern_request *r)
{
	static const char text[] = "{\"fileDescriptor\":0}";

	for (int i = 0; i < 3; i++) {
		assert_int_equal(postern_request_push_fd(r, passed_new(i)), 0);
		assert_ok(postern_request_continue_json(r, text, strlen(text)));
	}
	assert_ok(postern_request_reply_json(r, NULL, 0));
}

static inline size_t vault_echo(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	(void)data;
	assert_int_equal(postern_conn_write(c, bytes, n), n);
	return n;
}

static inline void vault_up(struct vault *v, struct postern_request *r)
{
	static const struct postern_conn_events events = { .size = sizeof events,
							   .received = vault_echo };
	char text[32];
	int n = sprintf(text, "{\"n\":%zu}", postern_request_fds(r));

	assert_ok(postern_request_upgrade_json(&v->up, r, text, (size_t)n, &events, v));
}

typedef void vault_fn(struct vault *v, int method, struct postern_request *r);

static inline void vault_handle(struct vault *v, int method, struct postern_request *r)
{
	v->calls[method]++;
	v->brought = (unsigned)postern_request_fds(r);
	switch (method) {
	case VAULT_PUT:
		vault_put(v, r);
		break;
	case VAULT_GET:
		vault_get(r);
		break;
	case VAULT_SWAP:
		vault_swap(r);
		break;
	case VAULT_KEEP:
		assert_true(v->n_kept < VAULT_KEPT);
		v->kept[v->n_kept++] = postern_request_keep(r);
		break;
	case VAULT_MANY:
		vault_many(r);
		break;
	case VAULT_UP:
		vault_up(v, r);
		break;
	default:
		assert_ok(postern_request_reply_json(r, NULL, 0));
	}
}

static vault_fn *const vault_handlers[VAULT_METHODS] = {
	vault_handle, vault_handle, vault_handle, vault_handle,
	vault_handle, vault_handle, vault_handle,
};

#define VAULT_METHOD(number, method, bits)                                                               \
	static void vault_handle_##method(const void *all, struct postern_request *r, const void *in,    \
					  void *data)                                                    \
	{                                                                                                \
		(void)in;                                                                                \
		((vault_fn *const *)all)[number](data, number, r);                                       \
	}                                                                                                \
	static const struct postern_method vault_method_##method = {                                     \
		.name = "org.example.vault." #method,                                                    \
		.flags = bits,                                                                           \
		.handler = number * sizeof(vault_fn *),                                                  \
		.handle = vault_handle_##method,                                                         \
	}

VAULT_METHOD(VAULT_PUT, Put, POSTERN_METHOD_TAKES_FDS);
VAULT_METHOD(VAULT_GET, Get, POSTERN_METHOD_RETURNS_FDS);
VAULT_METHOD(VAULT_SWAP, Swap, POSTERN_METHOD_TAKES_FDS | POSTERN_METHOD_RETURNS_FDS);
VAULT_METHOD(VAULT_KEEP, Keep, POSTERN_METHOD_TAKES_FDS | POSTERN_METHOD_RETURNS_FDS);
VAULT_METHOD(VAULT_MANY, Many, POSTERN_METHOD_MORE | POSTERN_METHOD_RETURNS_FDS);
VAULT_METHOD(VAULT_PLAIN, Plain, 0);
VAULT_METHOD(VAULT_UP, Up, POSTERN_METHOD_UPGRADE | POSTERN_METHOD_TAKES_FDS);

static const struct postern_method *const vault_methods[VAULT_METHODS] = {
	&vault_method_Put,  &vault_method_Get,  &vault_method_Swap,
	&vault_method_Keep, &vault_method_Many, &vault_method_Plain, &vault_method_Up,
};

static const struct postern_interface vault_interface = {
	.version = POSTERN_INTERFACE_VERSION,
	.n_methods = VAULT_METHODS,
	.name = "org.example.vault",
	.description = "interface org.example.vault\n",
	.methods = vault_methods,
};

static inline void vault_error(struct postern_service *s, const struct postern_reason *why, void *data)
{
	struct vault *v = data;

	(void)s;
	v->errors++;
	v->code = why->code;
	snprintf(v->text, sizeof v->text, "%s", why->text);
}

static const struct postern_service_events vault_events = {
	.size = sizeof vault_events,
	.error = vault_error,
};

/* fds: descriptors_per_uid; 0: the default. */
static inline void vault_offer_limited(struct vault *v, vault_fn *const *handlers, uint32_t fds)
{
	const struct postern_server_options server = { .size = sizeof server,
						       .descriptors_per_uid = fds };
	const struct postern_service_options options = { .size = sizeof options, .server = &server };

	memset(v, 0, sizeof *v);
	assert_ok(postern_loop_new(&v->loop));
	assert_ok(postern_service_new(&v->service, v->loop, "vault", &options, &vault_events, v));
	assert_ok(postern_service_provide(v->service, &vault_interface, handlers, v));
}

static inline void vault_offer(struct vault *v, vault_fn *const *handlers)
{
	vault_offer_limited(v, handlers, 0);
}

static inline void vault_open(struct vault *v)
{
	vault_offer(v, vault_handlers);
}

static inline const char *vault_path(const struct vault *v)
{
	return postern_server_path(postern_service_server(v->service));
}

static inline void vault_close(struct vault *v)
{
	for (unsigned i = 0; i < v->n_kept; i++)
		postern_request_free(v->kept[i]);
	v->up = postern_conn_free(v->up);
	v->service = postern_service_free(v->service);
	v->loop = postern_loop_free(v->loop);
}
