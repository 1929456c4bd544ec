/* SPDX-License-Identifier: Apache-2.0 */
/* act-server.c - what a program does with its servers, and what others do to their names */
#include "law.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- making one ---- */

static void random_options(struct postern_server_options *o, struct postern_conn_options *conn)
{
	static const size_t budgets[] = { 0, 1000, 20000, 100000, 1 << 20 };

	act_random_options(conn, law_chance(60) ? 0 : 1 + (int)law_below(4));
	*o = (struct postern_server_options){ .size = sizeof(*o), .conn = conn };
	o->bytes_per_uid = budgets[law_below(5)];
	o->connections = law_chance(20) ? 1 + law_below(3) : 0;
	o->connections_per_uid = law_chance(20) ? 1 + law_below(4) : 0;
	o->backlog = law_chance(20) ? 1 + law_below(3) : 0;
}

/* A listener that somebody else made and goes on holding; not every one of them is non-blocking. */
static int foreign_listener(struct sockaddr_un *a, socklen_t *n)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (law_chance(50) ? SOCK_NONBLOCK : 0),
			0);
	sa_family_t family = AF_UNIX;

	*n = sizeof(*a);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&family, sizeof(family)) < 0 ||
	    listen(fd, 8) < 0 || getsockname(fd, (struct sockaddr *)a, n) < 0)
		law_broken("harness", "no listener: %d", errno);
	return fd;
}

static void server_new(struct server_model *m)
{
	struct postern_server_options o;
	struct postern_conn_options conn;
	struct server_model old = *m;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t n = 0;
	char name[24];
	intmax_t r;
	int loop = some_loop();

	if (loop < 0)
		return;
	random_options(&o, &conn);
	if (old.listener >= 0)
		close(old.listener);
	*m = (struct server_model){ .id = old.id, .loop = loop, .listener = -1, .o = conn };
	act_resolve_options(&m->o);
	m->budget = o.bytes_per_uid ? o.bytes_per_uid : (size_t)64 << 20;
	m->allow = law_chance(30) ? 2 + (int)law_below(3) : 0;
	m->adopted = law_chance(15);
	if (m->adopted) {
		m->listener = foreign_listener(&a, &n);
		snprintf(name, sizeof(name), "fd:%d", m->listener);
	} else {
		snprintf(name, sizeof(name), "law%d", m->id);
	}
	r = CALL(server_new,
		 postern_server_new(&m->s, L.loops[m->loop].loop, name, &o, &law_server_events, m));
	/* The descriptor's number is no part of what happened. */
	law_say("server %d is made%s: %jd", m->id, m->adopted ? " of a listener" : "", r);
	if (r < 0) {
		/* An adopted listener that blocks may be refused. */
		if (!L.faulted && !(m->adopted && r == -EINVAL))
			law_broken("server_new", "server %d: %jd: %s", m->id, r,
				   postern_why()->text);
		return;
	}
	m->used = m->listens = true;
	if (!m->adopted) {
		strncpy(a.sun_path, CALL_PTR(server_path, postern_server_path(m->s)),
			sizeof(a.sun_path) - 1);
		n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(a.sun_path) + 1);
	}
	m->n_path = (int)(n - offsetof(struct sockaddr_un, sun_path));
	memcpy(m->path, a.sun_path, (size_t)m->n_path);
}

/* ---- clients of it that are plain sockets ---- */

void act_plain_connect(struct server_model *m)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	sa_family_t family = AF_UNIX;
	socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)m->n_path);
	struct link *l;
	int fd;

	l = m->listens ? link_new(LINKS_PLAIN + L.step % (LAW_LINKS - LINKS_PLAIN),
				  (int)m->o.framing, (int)m->o.framing)
		       : NULL;
	if (!l)
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	memcpy(a.sun_path, m->path, (size_t)m->n_path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&family, sizeof(family)) < 0)
		law_broken("harness", "no socket: %d", errno);
	if (connect(fd, (const struct sockaddr *)&a, n) < 0) {
		law_say("nobody connects to server %d: %s", m->id, strerror(errno));
		close(fd);
		l->used = false;
		return;
	}
	n = sizeof(a);
	if (getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		law_broken("harness", "no name: %d", errno);
	l->n_address = (int)(n - offsetof(struct sockaddr_un, sun_path));
	memcpy(l->address, a.sun_path, sizeof(l->address));
	l->side[0] = (struct side){ .kind = SIDE_PLAIN, .fd = fd, .slow = law_chance(30) };
	l->side[1] = (struct side){ .kind = SIDE_WAITS, .fd = -1 };
	law_say("peer %d.0 connects to server %d", (int)(l - L.links), m->id);
}

/* Somebody else takes one from the backlog of a listener that is shared. */
static void steal(struct server_model *m)
{
	int fd;

	if (m->listener < 0)
		return;
	(void)!fcntl(m->listener, F_SETFL, fcntl(m->listener, F_GETFL) | O_NONBLOCK);
	fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC);
	law_say("somebody else accepts of server %d: %s", m->id, fd >= 0 ? "one" : "none");
	if (fd >= 0)
		close(fd);
}

/* ---- the rest ---- */

void act_server_free(struct server_model *m)
{
	if (!m->used || m->freed)
		return;
	law_say("server %d.free", m->id);
	m->freed = m->freeing = true;
	m->listens = m->adopted && m->listener >= 0 && m->listens;
	CALL_PTR(server_free, postern_server_free(m->s));
	oracle_server_freed(m);
	m->freeing = false;
	m->used = false;
}

static int server_inert(const struct server_model *m)
{
	return m->told_closed || L.loops[m->loop].freed ? -ESTALE : 0;
}

static bool simple(struct server_model *m, const char *what, intmax_t r)
{
	law_say("server %d.%s: %jd", m->id, what, r);
	if (r != server_inert(m) && !L.faulted)
		law_broken("return value", "server %d.%s says %jd in place of %d", m->id, what, r,
			   server_inert(m));
	return r == 0;
}

static void act_drain(struct server_model *m)
{
	int64_t ns = law_chance(50) ? 0 : POSTERN_MS(1 + law_below(2000));
	bool begins = !m->stopped;

	if (!simple(m, "drain", CALL(server_drain, postern_server_drain(m->s, ns))))
		return;
	m->stopped = m->draining = true;
	m->listens &= !begins;
	m->drain_ns = law_now() + (ns ? ns : POSTERN_SECONDS(5));
}

static void act_each(struct server_model *m)
{
	/* What fn does to the server or its loop does not change what the call says. */
	int before = server_inert(m);
	intmax_t r = CALL(server_each, postern_server_each(m->s, law_each, m));

	law_say("server %d.each: %jd", m->id, r);
	if (r != before && !(r == -EDEADLK && L.depth > 0))
		law_broken("return value", "server %d.each says %jd", m->id, r);
}

static void act_look(struct server_model *m)
{
	(void)CALL(server_fd, postern_server_fd(m->s));
	CALL_PTR(server_name, postern_server_name(m->s));
	CALL_PTR(server_path, postern_server_path(m->s));
	if (CALL_PTR(server_data, postern_server_data(m->s)) != m)
		law_broken("data", "server %d has another's", m->id);
	(void)CALL(server_set_data, postern_server_set_data(m->s, m));
	oracle_counters(m);
}

/* An administrator, a clean-up job: whoever may. */
static void act_unlink(struct server_model *m)
{
	if (m->adopted || !m->listens)
		return;
	law_say("the socket of server %d is unlinked", m->id);
	m->name_lost = true;
	unlink(m->path);
}

void act_server(struct server_model *m)
{
	unsigned what = law_below(40);

	if (!m->used) {
		if (L.depth == 0 || law_chance(30))
			server_new(m);
	} else if (what < 2) {
		if (simple(m, "stop", CALL(server_stop, postern_server_stop(m->s))))
			m->stopped = true, m->listens = false;
	} else if (what < 5) {
		act_drain(m);
	} else if (what < 9) {
		simple(m, "pause", CALL(server_pause, postern_server_pause(m->s)));
	} else if (what < 15) {
		simple(m, "resume", CALL(server_resume, postern_server_resume(m->s)));
	} else if (what < 20) {
		act_each(m);
	} else if (what < 26) {
		act_look(m);
	} else if (what < 28) {
		act_unlink(m);
	} else if (what < 30) {
		act_server_free(m);
	} else if (what < 32) {
		steal(m);
	} else {
		act_plain_connect(m);
	}
}
