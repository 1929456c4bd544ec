/* SPDX-License-Identifier: Apache-2.0 */
/* pair.c - see pair.h */
#include "pair.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what a connection saw ---- */

static void end_note(struct end *e, struct postern_conn *c, enum end_event event, char letter)
{
	size_t n = strlen(e->trace);

	/* Offers in a row count as one. */
	if (letter && n < sizeof(e->trace) - 1 && !(letter == 'r' && n && e->trace[n - 1] == 'r'))
		e->trace[n] = letter;
	if (e->hook)
		e->hook(e, c, event);
}

static void end_state(struct postern_conn *c, int state, void *data)
{
	struct end *e = data;

	e->states++;
	e->state = state;
	end_note(e, c, END_STATE, 0);
}

static size_t end_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct end *e = data;
	size_t take = n < e->take ? n : e->take, lie = e->lie;

	e->offers++;
	e->last_offer = n;
	if (!e->discard && e->n + take > e->capacity) {
		e->capacity = 2 * (e->n + take);
		e->bytes = realloc(e->bytes, e->capacity);
		if (!e->bytes)
			abort();
	}
	if (!e->discard && take > 0)
		memcpy(e->bytes + e->n, bytes, take);
	e->n += take;
	end_note(e, c, END_RECEIVED, 'r');
	return take + lie;
}

static void end_ended(struct postern_conn *c, void *data)
{
	struct end *e = data;

	e->ended++;
	end_note(e, c, END_ENDED, 'e');
}

static void end_drained(struct postern_conn *c, void *data)
{
	struct end *e = data;

	e->drained++;
	end_note(e, c, END_DRAINED, 'd');
}

static void end_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct end *e = data;

	e->closed++;
	e->why = *why;
	snprintf(e->text, sizeof(e->text), "%s", why->text);
	e->why.text = e->text;
	end_note(e, c, END_CLOSED, 'c');
}

const struct postern_conn_events end_events = {
	.size = sizeof(end_events),
	.state = end_state,
	.received = end_received,
	.ended = end_ended,
	.drained = end_drained,
	.closed = end_closed,
};

void end_init(struct end *e)
{
	*e = (struct end){ .take = SIZE_MAX };
}

void end_deinit(struct end *e)
{
	free(e->bytes);
	end_init(e);
}

void end_check(const struct end *e, const void *bytes, size_t n, const char *file, int line)
{
	if (e->n == n && (n == 0 || memcmp(e->bytes, bytes, n) == 0))
		return;
	print_error("%zu bytes were taken, \"%.*s\", and not these %zu: \"%.*s\"\n", e->n,
		    (int)(e->n < 60 ? e->n : 60), e->bytes ? e->bytes : "", n,
		    (int)(n < 60 ? n : 60), (const char *)bytes);
	_fail(file, line);
}

void end_check_closed(const struct end *e, int code, int error, const char *name, const char *file,
		      int line)
{
	if (e->closed == 1 && e->why.code == code && e->why.error == error)
		return;
	print_error("closed %u times, as \"%s\" with errno %d; not once, as %s with errno %d\n",
		    e->closed, e->closed ? e->text : "", e->why.error, name, error);
	_fail(file, line);
}

/* ---- a connection and a plain socket ---- */

void pair_open(struct pair *p, const struct postern_conn_options *options)
{
	int sv[2];

	end_init(&p->end);
	p->c = NULL;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv), 0);
	p->peer = sv[1];
	assert_ok(postern_loop_new(&p->loop));
	assert_ok(postern_conn_adopt(&p->c, p->loop, sv[0], options, &end_events, &p->end));
}

void pair_close_peer(struct pair *p)
{
	if (p->peer >= 0)
		close(p->peer);
	p->peer = -1;
}

void pair_close(struct pair *p)
{
	p->c = postern_conn_free(p->c);
	p->loop = postern_loop_free(p->loop);
	pair_close_peer(p);
	end_deinit(&p->end);
}

void pair_send(struct pair *p, const void *bytes, size_t n)
{
	int64_t until = test_now_ns() + test_patience_ns();
	size_t done = 0;

	while (done < n) {
		ssize_t r = send(p->peer, (const char *)bytes + done, n - done, MSG_NOSIGNAL);

		if (r > 0) {
			done += (size_t)r;
			continue;
		}
		assert_int_equal(errno, EAGAIN);
		assert_true(test_now_ns() < until);
		turn(p->loop, 1);
	}
}

void pair_receive(struct pair *p, void *ret, size_t n)
{
	int64_t until = test_now_ns() + test_patience_ns();
	size_t done = 0;

	while (done < n) {
		ssize_t r = recv(p->peer, (char *)ret + done, n - done, 0);

		if (r > 0) {
			done += (size_t)r;
			continue;
		}
		if (r == 0)
			print_error("the end came after %zu of %zu bytes\n", done, n);
		assert_int_not_equal(r, 0);
		assert_int_equal(errno, EAGAIN);
		assert_true(test_now_ns() < until);
		turn(p->loop, 1);
	}
}

ssize_t pair_receive_end(struct pair *p)
{
	int64_t until = test_now_ns() + test_patience_ns();
	char buffer[65536];
	ssize_t n = 0;

	for (;;) {
		ssize_t r = recv(p->peer, buffer, sizeof(buffer), 0);

		if (r == 0)
			return n;
		if (r > 0) {
			n += r;
			continue;
		}
		if (errno != EAGAIN)
			return -errno;
		assert_true(test_now_ns() < until);
		turn(p->loop, 1);
	}
}

/* ---- a server on a loop ---- */

static void site_note(struct site *s, enum site_event event, struct postern_conn *c)
{
	static const char letters[] = " ?aErxC";
	size_t n = strlen(s->trace);

	if (n < sizeof(s->trace) - 1)
		s->trace[n] = letters[event];
	if (s->hook)
		s->hook(s, event, c);
}

static int site_allow(struct postern_server *server, const struct postern_peer *peer, void *data)
{
	struct site *s = data;

	(void)server;
	s->asked++;
	s->peer = *peer;
	site_note(s, SITE_ALLOW, NULL);
	return s->allow;
}

static void site_accepted(struct postern_server *server, struct postern_conn *c, void *data)
{
	struct site *s = data;

	(void)server;
	if (s->accepted < sizeof(s->conns) / sizeof(*s->conns))
		s->conns[s->accepted] = c;
	s->accepted++;
	site_note(s, SITE_ACCEPTED, c);
}

static void site_error(struct postern_server *server, const struct postern_reason *why, void *data)
{
	struct site *s = data;

	(void)server;
	s->errors[why->code]++;
	snprintf(s->text, sizeof(s->text), "%s", why->text);
	site_note(s, SITE_ERROR, NULL);
}

static void site_closed(struct postern_server *server, const struct postern_reason *why, void *data)
{
	struct site *s = data;

	(void)server;
	s->closed++;
	s->why = *why;
	site_note(s, SITE_CLOSED, NULL);
}

static size_t site_conn_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t taken = postern_conn_write(c, bytes, n);

	site_note(data, SITE_CONN_RECEIVED, c);
	return taken > 0 ? (size_t)taken : 0;
}

static void site_conn_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct site *s = data;

	s->conns_closed++;
	s->conn_why = why->code;
	site_note(s, SITE_CONN_CLOSED, c);
}

static const struct postern_conn_events site_conn_events = {
	.size = sizeof(site_conn_events),
	.received = site_conn_received,
	.closed = site_conn_closed,
};

const struct postern_server_events site_events = {
	.size = sizeof(site_events),
	.conn = &site_conn_events,
	.allow = site_allow,
	.accepted = site_accepted,
	.error = site_error,
	.closed = site_closed,
};

void site_open(struct site *s, const char *name, const struct postern_server_options *options)
{
	int r;

	*s = (struct site){ 0 };
	assert_ok(postern_loop_new(&s->loop));
	r = postern_server_new(&s->server, s->loop, name, options, &site_events, s);
	if (r < 0)
		print_error("%s\n", postern_why()->text);
	assert_ok(r);
}

void site_close(struct site *s)
{
	s->server = postern_server_free(s->server);
	s->loop = postern_loop_free(s->loop);
}

struct postern_server_counters site_counters(const struct site *s)
{
	struct postern_server_counters counters = { 0 };

	assert_ok(postern_server_get_counters(s->server, &counters, sizeof(counters)));
	return counters;
}

void site_echo(struct site *s, int fd)
{
	int64_t until = test_now_ns() + test_patience_ns();
	char got[4];
	ssize_t r;

	assert_int_equal(send(fd, "ping", 4, MSG_NOSIGNAL), 4);
	while ((r = recv(fd, got, 4, MSG_DONTWAIT)) < 0) {
		assert_int_equal(errno, EAGAIN);
		assert_true(test_now_ns() < until);
		turn(s->loop, 1);
	}
	assert_int_equal(r, 4);
	assert_memory_equal(got, "ping", 4);
}

void site_turns_away(struct site *s, int fd)
{
	int64_t until = test_now_ns() + test_patience_ns();
	char byte;
	ssize_t r;

	while ((r = recv(fd, &byte, 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN) {
		assert_true(test_now_ns() < until);
		turn(s->loop, 1);
	}
	assert_int_equal(r, 0);
}

int site_fork(struct site *s, int (*fn)(void *arg), void *arg)
{
	int64_t until = test_now_ns() + test_patience_ns();
	pid_t pid = test_fork_start(fn, arg);
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (test_now_ns() > until)
			kill(pid, SIGKILL);
		turn(s->loop, 5);
	}
	return status;
}

/* ---- programs without the library ---- */

static int plain_address(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	memcpy(ret->sun_path, path, strlen(path));
	if (path[0] != '@')
		return sizeof(*ret);
	ret->sun_path[0] = '\0';
	return (int)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
}

int plain_connect(const char *path)
{
	struct sockaddr_un address;
	int n = plain_address(path, &address), fd;

	if (n < 0)
		return n;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&address, (socklen_t)n) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

int plain_listen(const char *path, int backlog)
{
	struct sockaddr_un address;
	int n = plain_address(path, &address), fd;

	assert_true(n > 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, (socklen_t)n), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

/* ---- turns, bytes, time ---- */

int turn(struct postern_loop *loop, int ms)
{
	int r = postern_loop_dispatch(loop, POSTERN_MS(ms));

	assert_ok(r);
	return r;
}

void turn_quiet(struct postern_loop *loop)
{
	/* The other end may be on another thread or in the kernel still: two quiet looks. */
	for (int quiet = 0; quiet < 2;)
		quiet = turn(loop, 1) > 0 ? 0 : quiet + 1;
}

unsigned turn_for(struct postern_loop *loop, int ms)
{
	int64_t until = postern_now() + POSTERN_MS(ms), left;
	unsigned n = 0;

	while ((left = until - postern_now()) > 0) {
		assert_ok(postern_loop_dispatch(loop, left));
		n++;
	}
	return n;
}

/* A period that is no multiple of any size that buffers have. */
enum { PATTERN = 65521 };

static const char *pattern_from(size_t at, size_t *ret_n)
{
	static char table[PATTERN];

	for (size_t i = 0; !table[0] && i < PATTERN; i++)
		table[PATTERN - 1 - i] = (char)(1 + i * 131 + (i >> 8) * 29);
	*ret_n = PATTERN - at % PATTERN;
	return table + at % PATTERN;
}

void pattern_fill(char *bytes, size_t at, size_t n)
{
	for (size_t done = 0, k; done < n; done += k) {
		const char *from = pattern_from(at + done, &k);

		k = k < n - done ? k : n - done;
		memcpy(bytes + done, from, k);
	}
}

size_t pattern_check(const char *bytes, size_t at, size_t n)
{
	for (size_t done = 0, k; done < n; done += k) {
		const char *from = pattern_from(at + done, &k);

		k = k < n - done ? k : n - done;
		if (memcmp(bytes + done, from, k) == 0)
			continue;
		while (*from == bytes[done])
			from++, done++;
		return done;
	}
	return n;
}

uint32_t random_next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

int64_t cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000 +
	       (int64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
}
