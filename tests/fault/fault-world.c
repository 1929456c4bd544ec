/* SPDX-License-Identifier: Apache-2.0 */
/* fault-world.c - the scenarios: see fault-world.h */
#include "fault-world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <postern.h>
#include <postern/conn.h>
#include <postern/loop.h>
#include <postern/name.h>
#include <postern/server.h>

#include "fault.h"
#include "name/info.h"
#include "name/name.h"
#include "test.h"

enum { BYTES = 100 * 1024, WATER = 40 * 1024, TURNS = 20000, CLIENTS = 2 };

struct end {
	struct postern_conn *c;
	size_t total, sent, received;
	bool closed;
	int code;
};

struct world {
	struct postern_loop *loop;
	struct postern_server *server;
	struct end clients[CLIENTS];
	int restored;
	bool lost, server_closed;
	bool broken; /* the loop's waiting fails, again and again */
};

static unsigned char bytes[BYTES];

static const struct postern_conn_options limits = { .size = sizeof limits,
						    .high_water = WATER,
						    .unread = WATER };

static void world_check_error(int error)
{
	if (!world_is_expected(error))
		fail_msg("%s: told -%s", world_where(), strerrorname_np(-error));
}

static void world_check_reason(const struct postern_reason *why)
{
	world_check_error(why->error);
	if (why->code < POSTERN_REASON_ENDED || why->code > POSTERN_REASON_FAILED || !why->text[0])
		fail_msg("%s: reason %d \"%s\"", world_where(), why->code, why->text);
}

/* ---- time ---- */

/* Turns until done(), or for so long. A loop whose waiting fails tells so, and is asked again. */
static bool world_turn(struct world *w, int64_t ns, bool (*done)(const void *data),
		       const void *data)
{
	int64_t until = postern_now() + ns;
	int turns = 0, failures = 0;

	while (!done(data) && postern_now() < until && !w->broken) {
		int r = postern_loop_dispatch(w->loop, until - postern_now());

		if (++turns > TURNS)
			fail_msg("%s: it turns and turns", world_where());
		if (r >= 0)
			continue;
		world_check_error(r);
		w->broken = ++failures == 100;
		fault_clock_advance(POSTERN_MS(100));
	}
	return done(data);
}

/* ---- clients ---- */

static void end_push(struct end *e)
{
	while (e->sent < e->total) {
		ssize_t r = postern_conn_write(e->c, bytes + e->sent, e->total - e->sent);

		if (r == -EAGAIN)
			return;
		if (r < 0) {
			world_check_error((int)r);
			return;
		}
		e->sent += (size_t)r;
	}
	world_check_error(postern_conn_shutdown(e->c));
}

static void end_state(struct postern_conn *c, int state, void *data)
{
	if (state == POSTERN_STATE_WAITING)
		world_check_reason(postern_conn_why(c));
	if (state == POSTERN_STATE_CONNECTED)
		end_push(data);
}

static void end_drained(struct postern_conn *c, void *data)
{
	(void)c;
	end_push(data);
}

static size_t end_received(struct postern_conn *c, const void *got, size_t n, void *data)
{
	struct end *e = data;

	(void)c;
	if (e->received + n > e->total || memcmp(got, bytes + e->received, n) != 0)
		fail_msg("%s: wrong bytes after %zu", world_where(), e->received);
	e->received += n;
	return n;
}

static void end_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct end *e = data;

	(void)c;
	if (e->closed)
		fail_msg("%s: two final events", world_where());
	world_check_reason(why);
	e->closed = true;
	e->code = why->code;
}

static const struct postern_conn_events end_events = {
	.size = sizeof end_events,
	.state = end_state,
	.received = end_received,
	.drained = end_drained,
	.closed = end_closed,
};

static bool end_connect(struct world *w, struct end *e, const char *name, size_t total)
{
	const struct postern_connect_options options = { .size = sizeof options, .conn = &limits };
	int r;

	*e = (struct end){ .total = total };
	r = postern_connect(&e->c, w->loop, name, &options, &end_events, e);
	world_check_error(r);
	if (r < 0)
		e->closed = true;
	return r == 0;
}

static bool end_is_over(const void *data)
{
	return ((const struct end *)data)->closed;
}

static bool ends_are_over(const void *data)
{
	const struct end *e = data;

	for (int i = 0; i < CLIENTS; i++)
		if (!e[i].closed)
			return false;
	return true;
}

/* A client that has been served: every byte came back, and the end after the last. */
static bool end_was_served(const struct end *e)
{
	return e->received == e->total && e->code == POSTERN_REASON_ENDED;
}

/* ---- servers ---- */

static size_t echo(struct postern_conn *c, const void *got, size_t n, void *data)
{
	ssize_t r = postern_conn_write(c, got, n);

	(void)data;
	return r > 0 ? (size_t)r : 0;
}

static void echo_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	(void)c, (void)data;
	world_check_reason(why);
}

static const struct postern_conn_events echo_events = { .size = sizeof echo_events,
							.received = echo,
							.closed = echo_closed };

static void server_error_told(struct postern_server *s, const struct postern_reason *why,
			      void *data)
{
	struct world *w = data;

	(void)s;
	world_check_reason(why);
	w->restored += why->code == POSTERN_REASON_NAME_RESTORED;
	w->lost = w->lost || why->code == POSTERN_REASON_NAME_LOST;
}

static void server_closed_told(struct postern_server *s, const struct postern_reason *why,
			       void *data)
{
	struct world *w = data;

	(void)s;
	if (w->server_closed)
		fail_msg("%s: two final events of a server", world_where());
	world_check_reason(why);
	w->server_closed = true;
}

static const struct postern_server_events server_events = {
	.size = sizeof server_events,
	.conn = &echo_events,
	.error = server_error_told,
	.closed = server_closed_told,
};

static int serve(struct world *w, const char *name, const struct postern_server_options *options)
{
	int r = postern_server_new(&w->server, w->loop, name, options, &server_events, w);

	world_check_error(r);
	if (r < 0 && r != -ENOMEM && !postern_why()->text[0])
		fail_msg("%s: a failure without words", world_where());
	return r;
}

/* Its end takes the kernel longer than all the rest of a run. */
static void world_without_inotify(void)
{
	fault_refuse(FAULT_inotify, EMFILE);
}

static int world_begin(struct world *w)
{
	int r;

	*w = (struct world){ .loop = NULL };
	for (size_t i = 0; i < BYTES; i++)
		bytes[i] = (unsigned char)(i * 31 + (i >> 8));
	r = postern_loop_new(&w->loop);
	world_check_error(r);
	if (r == 0)
		assert_ok(postern_loop_set_busy_poll(w->loop, POSTERN_MS(1)));
	return r;
}

static bool restored(const void *data)
{
	const struct world *w = data;

	return w->restored > 0 || w->lost;
}

static bool server_is_closed(const void *data)
{
	return ((const struct world *)data)->server_closed;
}

/* One client more; a server that has not said that it lost its name has to serve it. */
static void world_must_serve(struct world *w, const char *name)
{
	struct end e;

	if (!end_connect(w, &e, name, 5))
		fail_msg("%s: a fresh client could not begin", world_where());
	world_turn(w, POSTERN_SECONDS(60), end_is_over, &e);
	if (!end_was_served(&e))
		fail_msg("%s: a fresh client was not served: %s", world_where(),
			 postern_conn_why(e.c)->text);
	postern_conn_free(e.c);
}

/* ---- scenario: a service ---- */

static void service_run(struct world *w)
{
	const struct postern_server_options options = { .size = sizeof options, .conn = &limits };
	int r = serve(w, "service", &options);

	for (int i = 0; i < CLIENTS; i++)
		end_connect(w, &w->clients[i], "service", BYTES);
	world_turn(w, POSTERN_SECONDS(200), ends_are_over, w->clients);
	for (int i = 0; i < CLIENTS; i++)
		if (!w->clients[i].closed && !w->broken)
			fail_msg("%s: client %d has not ended", world_where(), i);
	if (r < 0)
		return;
	unlink(postern_server_path(w->server));
	world_turn(w, POSTERN_SECONDS(20), restored, w);
	/* From here on without the fault, if it was met: does this very server go on? */
	if (w->lost || !fault_has_hit())
		return;
	fault_disarm();
	w->broken = false;
	world_must_serve(w, "service");
}

bool world_service(void)
{
	struct world w;
	bool whole = false;

	if (world_begin(&w) < 0)
		return false;
	service_run(&w);
	if (w.server && postern_server_drain(w.server, 0) == 0 &&
	    !world_turn(&w, POSTERN_SECONDS(20), server_is_closed, &w) && !w.broken)
		fail_msg("%s: a drain without end", world_where());
	whole = w.server && w.restored == 1 && end_was_served(&w.clients[0]) &&
		end_was_served(&w.clients[1]);
	for (int i = 0; i < CLIENTS; i++)
		postern_conn_free(w.clients[i].c);
	postern_server_free(w.server);
	postern_loop_free(w.loop);
	return whole;
}

/* ---- scenario: names ---- */

/* A server of this name and one small exchange with it. */
static bool name_serves(struct world *w, const char *name, const char *connect_name,
			const struct postern_server_options *options,
			const struct postern_connect_options *connect)
{
	struct end e = { .total = 5 };
	bool served = false;

	if (serve(w, name, options) < 0)
		return false;
	world_check_error(postern_connect(&e.c, w->loop, connect_name, connect, &end_events, &e));
	if (e.c) {
		world_turn(w, POSTERN_SECONDS(60), end_is_over, &e);
		served = end_was_served(&e);
		postern_conn_free(e.c);
	}
	w->server = postern_server_free(w->server);
	return served;
}

static void put_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_ok(chmod(path, mode));
}

static int put_socket(const char *path, bool listens)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	assert_ok(bind(fd, (struct sockaddr *)&address, sizeof address));
	if (listens)
		assert_ok(listen(fd, 8));
	return fd;
}

/* What servers that were killed leave behind: at the worst moments, and by an older version. */
static void put_remains(void)
{
	assert_ok(mkdir(test_path("word"), 0700));
	put_file(test_path("word/lock"), "", 0644);
	put_file(test_path("word/info"), "postern 0.0.1\npid 999999999\nmode bytes\n", 0644);
	put_file(test_path("word/info.new"), "postern", 0644);
	close(put_socket(test_path("word/sock"), false));
	close(put_socket(test_path("word/sock.stale"), false));
}

static bool names_of_words(struct world *w)
{
	const uid_t uids[] = { geteuid() };
	const gid_t gids[] = { 54321 }, group = getegid();
	const struct postern_server_options options = {
		.size = sizeof options,
		.access = POSTERN_ACCESS_WORLD,
		.group = &group,
		.allow_uids = uids,
		.n_allow_uids = 1,
		.allow_gids = gids,
		.n_allow_gids = 1,
	};
	const struct postern_server_options strangers = { .size = sizeof strangers,
							  .allow_gids = gids,
							  .n_allow_gids = 1 };
	const struct postern_connect_options connect = { .size = sizeof connect,
							 .server_uids = uids,
							 .n_server_uids = 1 };
	mode_t mask = umask(077);
	bool whole;

	assert_ok(chmod(test_dir(), 0755));
	put_remains();
	whole = name_serves(w, "word", "word", &options, &connect);
	/* Below a directory that keeps the world out. */
	assert_ok(mkdir(test_path("closed"), 0700));
	if (serve(w, test_path("closed/s"), &options) == 0)
		whole = false;
	w->server = postern_server_free(w->server);
	umask(mask);
	/* Nobody is let in. */
	return !name_serves(w, "strangers", "strangers", &strangers, NULL) && whole;
}

static bool names_of_paths(struct world *w)
{
	char long_directory[160], long_name[201], path[512];
	char cwd[256];
	bool whole;

	memset(long_directory, 'd', sizeof long_directory);
	long_directory[sizeof long_directory - 1] = 0;
	memset(long_name, 'n', sizeof long_name);
	long_name[sizeof long_name - 1] = 0;
	assert_non_null(getcwd(cwd, sizeof cwd));
	assert_ok(mkdir(test_path("%s", long_directory), 0700));
	assert_ok(chdir(test_dir()));
	whole = name_serves(w, "./relative", "./relative", NULL, NULL);
	assert_ok(chdir(cwd));
	snprintf(path, sizeof path, "%s", test_path("%s/s", long_directory));
	whole = name_serves(w, path, path, NULL, NULL) && whole;
	snprintf(path, sizeof path, "%s", test_path("%s/%s", long_directory, long_name));
	return name_serves(w, path, path, NULL, NULL) && whole;
}

/* What a connect looks at when the server is neither root's nor ours. */
static bool name_of_somebody_else(void)
{
	struct name name = { .directory = (char *)(uintptr_t)test_dir() };
	uid_t uid = (uid_t)-1;

	world_check_error(name_directory_uid(&name, &uid));
	return uid == geteuid();
}

/* Of a process whose stat cannot be read the pid alone must do: reached each time, and not only when a server happens to
   end between two looks at it. */
static bool process_that_is_gone(void)
{
	const struct info info = { .pid = 999999999 };
	struct info_place here;

	info_look_around(&here);
	/* Not known, where not even a pidfd is to be had. */
	return info_alive(&info, &here) <= 0;
}

static int name_seen(const struct postern_name_info *info, void *data)
{
	*(int *)data += info->alive > 0;
	return 0;
}

static bool names_of_other_kinds(struct world *w)
{
	char abstract[64], adopted[16];
	int fd = put_socket(test_path("adopted"), true), alive = 0, unused = 0;
	bool whole;

	snprintf(abstract, sizeof abstract, "@postern-test-%d", (int)getpid());
	snprintf(adopted, sizeof adopted, "fd:%d", fd);
	whole = name_serves(w, abstract, abstract, NULL, NULL);
	whole = name_serves(w, adopted, test_path("adopted"), NULL, NULL) && whole;
	close(fd);
	if (serve(w, "listed", NULL) == 0)
		world_check_error(postern_name_list(name_seen, &alive));
	world_check_error(postern_name_look("listed", name_seen, &unused));
	return process_that_is_gone() && name_of_somebody_else() && whole && alive == 1;
}

static bool names_that_fail(struct world *w)
{
	const struct postern_connect_options once = { .size = sizeof once, .attempts = 1 };
	char directory[256];
	struct end e = { .total = 5 };

	/* In use: by this very process. */
	if (serve(w, "twice", NULL) == 0) {
		struct postern_server *first = w->server;

		w->server = NULL;
		if (serve(w, "twice", NULL) == 0)
			fail_msg("%s: two owners", world_where());
		w->server = postern_server_free(w->server);
		postern_server_free(first);
	}
	/* Nobody listens. */
	close(put_socket(test_path("dead"), false));
	world_check_error(
		postern_connect(&e.c, w->loop, test_path("dead"), &once, &end_events, &e));
	if (e.c)
		world_turn(w, POSTERN_SECONDS(60), end_is_over, &e);
	postern_conn_free(e.c);
	/* The base directory is a symlink, or is not there at all. */
	snprintf(directory, sizeof directory, "%s", test_dir());
	assert_ok(symlink(directory, test_path("link")));
	setenv("POSTERN_DIR", test_path("link"), 1);
	if (serve(w, "linked", NULL) == 0)
		fail_msg("%s: a symlink was followed", world_where());
	setenv("POSTERN_DIR", test_path("missing"), 1);
	name_serves(w, "word", "word", NULL, NULL);
	unsetenv("POSTERN_DIR");
	fault_set_euid(4242);
	world_check_error(postern_name_resolve("word", directory, sizeof directory));
	fault_set_euid((uid_t)-1);
	setenv("POSTERN_DIR", test_dir(), 1);
	return true;
}

static bool world_with(bool (*work)(struct world *w))
{
	struct world w;
	bool whole;

	if (world_begin(&w) < 0)
		return false;
	whole = work(&w);
	postern_server_free(w.server);
	postern_loop_free(w.loop);
	return whole;
}

bool world_words(void)
{
	world_without_inotify();
	return world_with(names_of_words);
}

bool world_paths(void)
{
	world_without_inotify();
	return world_with(names_of_paths);
}

bool world_kinds(void)
{
	world_without_inotify();
	return world_with(names_of_other_kinds);
}

bool world_refusals(void)
{
	world_without_inotify();
	return world_with(names_that_fail);
}

/* ---- scenario: the other objects ---- */

struct counts {
	int timer, watch, signal, child, post;
};

static void timer_counts(struct postern_timer *t, void *data)
{
	(void)t;
	((struct counts *)data)->timer++;
}

static void watch_counts(struct postern_watch *w, uint64_t happened, void *data)
{
	(void)happened;
	((struct counts *)data)->watch++;
	postern_watch_set(w, 0);
}

/* Both are ready in one turn: whichever is told first has the other one asked for anew. */
static void watch_asks_again(struct postern_watch *w, uint64_t happened, void *data)
{
	struct postern_watch **both = data;
	struct postern_watch *other = both[w == both[0]];

	(void)happened;
	if (other && postern_watch_set(other, 0) == 0)
		world_check_error(postern_watch_set(other, POSTERN_WATCH_WRITABLE));
	postern_watch_set(w, 0);
}

static void objects_that_ask_again(struct world *w)
{
	struct postern_watch *both[2] = { NULL, NULL };
	int fds[2][2];

	for (int i = 0; i < 2; i++) {
		assert_ok(pipe2(fds[i], O_CLOEXEC));
		world_check_error(postern_watch_new(&both[i], w->loop, fds[i][1],
						    POSTERN_WATCH_WRITABLE, watch_asks_again,
						    both));
	}
	for (int i = 0; i < 3; i++)
		postern_loop_dispatch(w->loop, 0);
	for (int i = 0; i < 2; i++) {
		postern_watch_free(both[i]);
		close(fds[i][0]);
		close(fds[i][1]);
	}
}

static void child_counts(struct postern_child *child, int how, int status, void *data)
{
	(void)child, (void)how, (void)status;
	((struct counts *)data)->child++;
}

static void signal_counts(struct postern_signal *s, int sig, void *data)
{
	(void)s, (void)sig;
	((struct counts *)data)->signal++;
}

static void post_counts(struct postern_loop *loop, void *data)
{
	(void)loop;
	((struct counts *)data)->post++;
}

static bool all_happened(const void *data)
{
	const struct counts *n = data;

	return n->timer && n->watch && n->signal && n->child && n->post;
}

static bool objects_of_the_loop(struct world *w)
{
	struct postern_timer *timer = NULL;
	struct postern_watch *watch = NULL;
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct postern_signal *usr2 = NULL;
	struct postern_child *child = NULL;
	static struct counts n; /* a post that waits is called when the loop is freed */
	bool whole;
	siginfo_t info;
	int r, fds[2];
	pid_t pid;

	n = (struct counts){ 0 };
	objects_that_ask_again(w);
	assert_ok(sigaction(SIGUSR2, &ignore, NULL));
	world_check_error(postern_signal_new(&usr2, w->loop, SIGUSR2, signal_counts, &n));
	assert_ok(pipe2(fds, O_CLOEXEC));
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	r = postern_timer_new(&timer, w->loop, timer_counts, &n);
	world_check_error(r < 0 ? r : postern_timer_set(timer, POSTERN_SECONDS(3600)));
	world_check_error(postern_watch_new(&watch, w->loop, fds[1], POSTERN_WATCH_WRITABLE,
					    watch_counts, &n));
	world_check_error(postern_child_new(&child, w->loop, pid, child_counts, &n));
	if (child)
		world_check_error(postern_child_kill(child, SIGKILL));
	raise(SIGUSR2);
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	world_check_error(postern_loop_post(w->loop, post_counts, &n));
	whole = world_turn(w, POSTERN_SECONDS(7200), all_happened, &n);
	postern_child_free(child);
	postern_signal_free(usr2);
	postern_watch_free(watch);
	postern_timer_free(timer);
	waitpid(pid, NULL, 0);
	close(fds[0]);
	close(fds[1]);
	return whole;
}

static size_t drain(int fd)
{
	static char sink[64 * 1024];
	size_t n = 0;
	ssize_t r;

	while ((r = recv(fd, sink, sizeof sink, MSG_DONTWAIT)) > 0)
		n += (size_t)r;
	return n;
}

/* One end of a pair; the other one stays raw. */
static bool adopt(struct world *w, struct end *e, int fds[2],
		  const struct postern_conn_options *options)
{
	int r;

	*e = (struct end){ .total = 5, .sent = 5 };
	assert_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	r = postern_conn_adopt(&e->c, w->loop, fds[0], options, &end_events, e);
	world_check_error(r);
	if (r < 0)
		close(fds[0]);
	return r == 0;
}

/* Bytes with a descriptor that nobody asked for. */
static void pass_one(int to, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fd)] = { 0 };
	struct iovec iov = { bytes, 2 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof control };
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(h), &fd, sizeof fd);
	assert_int_equal(sendmsg(to, &msg, MSG_NOSIGNAL), 2);
}

/* What can be asked, then a peer that reads nothing. */
static bool objects_of_an_idle_connection(struct world *w)
{
	const struct postern_conn_options options = { .size = sizeof options,
						      .idle_ns = POSTERN_SECONDS(4) };
	struct iovec iov = { bytes, 5 };
	struct end e;
	char label[64];
	int fds[2], pidfd;
	ssize_t r;

	if (adopt(w, &e, fds, &options)) {
		pass_one(fds[1], fds[1]);
		pidfd = postern_conn_peer_pidfd(e.c);
		if (pidfd >= 0)
			close(pidfd);
		r = postern_conn_peer_label(e.c, label, sizeof label);
		if (r != -ENOPROTOOPT)
			world_check_error(r < 0 ? (int)r : 0);
		r = postern_conn_writev(e.c, &iov, 1);
		world_check_error(r < 0 ? (int)r : 0);
		r = postern_conn_flush(e.c);
		world_check_error(r < 0 ? (int)r : 0);
		/* After the first look, when the peer is watched: another send. */
		world_turn(w, POSTERN_MS(1500), end_is_over, &e);
		if (!e.closed) {
			r = postern_conn_writev(e.c, &iov, 1);
			world_check_error(r < 0 ? (int)r : 0);
		}
		world_turn(w, POSTERN_SECONDS(60), end_is_over, &e);
		if (!e.closed && !w->broken && !fault_has_hit())
			fail_msg("%s: idle for ever", world_where());
		postern_conn_free(e.c);
	}
	close(fds[1]);
	return e.code == POSTERN_REASON_IDLE;
}

/* A close with much to send, while the peer still sends. */
static bool objects_of_a_closing_connection(struct world *w)
{
	struct end e;
	int fds[2];
	size_t n = 0;

	if (adopt(w, &e, fds, NULL)) {
		ssize_t queued = 0, r;

		while (queued < 8 * BYTES && (r = postern_conn_write(e.c, bytes, sizeof bytes)) > 0)
			queued += r;
		world_check_error(postern_conn_close(e.c));
		for (int i = 0; i < 200 && !e.closed; i++) {
			world_turn(w, POSTERN_MS(100), end_is_over, &e);
			if (send(fds[1], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
				break;
			n += drain(fds[1]);
		}
		n += drain(fds[1]);
		if (!e.closed && !w->broken)
			world_turn(w, POSTERN_SECONDS(20), end_is_over, &e);
		if (!e.closed && !w->broken)
			fail_msg("%s: a close without end", world_where());
		postern_conn_free(e.c);
	}
	close(fds[1]);
	return n == 8 * BYTES;
}

/* Declines until it has a pile, takes all of it but a byte, and that with the next. */
static size_t pile_received(struct postern_conn *c, const void *from, size_t n, void *data)
{
	struct end *e = data;
	size_t taken = e->received > 0 ? n : n < WATER ? 0 : n - 1;

	(void)c, (void)from;
	if (n == 1)
		return 0;
	e->received += taken;
	return taken;
}

/* What is kept grows and shrinks, whatever the timing: otherwise only a fault elsewhere leads there. */
static bool objects_of_a_declining_connection(struct world *w)
{
	struct postern_conn_events declining = end_events;
	struct end e;
	int fds[2];

	declining.received = pile_received;
	if (adopt(w, &e, fds, NULL)) {
		world_check_error(postern_conn_set_events(e.c, &declining, &e));
		for (int i = 0; i < 8 && !e.closed; i++) {
			(void)send(fds[1], bytes, WATER / 8, MSG_NOSIGNAL | MSG_DONTWAIT);
			world_turn(w, POSTERN_MS(1), end_is_over, &e);
		}
		(void)send(fds[1], bytes, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		shutdown(fds[1], SHUT_WR);
		world_turn(w, POSTERN_SECONDS(60), end_is_over, &e);
		if (!e.closed && !w->broken && !fault_has_hit())
			fail_msg("%s: declined for ever", world_where());
		postern_conn_free(e.c);
	}
	close(fds[1]);
	return e.received == WATER + 1;
}

static bool objects_of_a_detached_connection(struct world *w)
{
	struct end e;
	int fds[2], fd = -1;

	if (adopt(w, &e, fds, NULL)) {
		fd = postern_conn_detach(e.c);
		if (fd >= 0)
			close(fd);
		postern_conn_free(e.c);
	}
	close(fds[1]);
	return fd >= 0;
}

/* Its lock has a higher number than the next socket would get. */
static bool objects_of_a_name_with_a_hole_below(struct world *w)
{
	int hole = open("/dev/null", O_RDONLY | O_CLOEXEC), again = dup(hole);
	bool whole = false;

	if (serve(w, "hole", NULL) == 0) {
		close(again);
		close(hole);
		unlink(postern_server_path(w->server));
		world_turn(w, POSTERN_SECONDS(20), restored, w);
		whole = w->restored == 1;
		w->server = postern_server_free(w->server);
	} else {
		close(again);
		close(hole);
	}
	return whole;
}

static bool objects_of_a_connection(struct world *w)
{
	bool whole = objects_of_an_idle_connection(w);

	whole = objects_of_a_closing_connection(w) && whole;
	whole = objects_of_a_declining_connection(w) && whole;
	return objects_of_a_detached_connection(w) && whole;
}

bool world_objects(void)
{
	return world_with(objects_of_the_loop);
}

bool world_connections(void)
{
	return world_with(objects_of_a_connection);
}

bool world_hole(void)
{
	world_without_inotify();
	return world_with(objects_of_a_name_with_a_hole_below);
}

/* ---- afterwards ---- */

void world_fresh(void)
{
	struct world w;

	world_without_inotify();
	if (world_begin(&w) < 0 || serve(&w, "service", NULL) < 0)
		fail_msg("%s: no new server afterwards", world_where());
	world_must_serve(&w, "service");
	postern_server_free(w.server);
	postern_loop_free(w.loop);
}
