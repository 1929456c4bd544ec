/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve.c - postern serve: a name, and an echo or a process for each connection, or for each call of a service
 *
 * Signals are blocked and read from a signalfd on the loop, so that no handler runs between two lines of the
 * loop's work. The first one drains; the second one finds the loop still turning, and ends it.
 */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <unistd.h>

#define SERVE_TICK        POSTERN_MS(10)
#define SERVE_LOST        POSTERN_SECONDS(1) /* between checks for room on stderr */
#define SERVE_CONNECTIONS 4096u
#define SERVE_PER_UID     1024u
#define SERVE_HIGH_WATER  (8u << 20)

struct serve_values {
	struct common common;
	bool echo;
	bool stats;
	char **exec;
	const char *interface;
	char **methods;
	char **upgrades;
	int64_t deadline;
	uint32_t access;
	struct id_list group;
	struct id_list allow_uids;
	struct id_list allow_gids;
	uint32_t backlog;
	bool keep_flags;
	uint32_t connections;
	uint32_t connections_per_uid;
	size_t bytes_per_uid;
	uint32_t high_water;
	uint32_t low_water;
	uint32_t unread;
	int64_t idle;
	int64_t drain;
};

struct serve {
	const struct serve_values *values;
	const char *name; /* for messages */
	struct postern_loop *loop;
	struct postern_server *server; /* or NULL: it is a service */
	struct postern_watch *signals;
	struct postern_timer *tick;
	struct postern_timer *watchdog;  /* of the service manager; NULL: it has none */
	struct postern_timer *lost;      /* for messages that stderr did not take */
	struct exec *exec;               /* or NULL */
	struct commands *commands;       /* or NULL; with both NULL: echo */
	struct postern_service *service; /* with commands; server is its */
	int signal_fd;
	int status;
	int said; /* the error that was reported last, and when */
	int64_t said_ns;
	bool draining;
	bool closed;
	uint64_t reads;
	uint64_t received;
	uint64_t sent;
	int64_t late_ns; /* the worst of the tick */
	struct postern_server_counters counters;
};

#define SERVE_OPTION(field) .offset = offsetof(struct serve_values, field)

static const struct option serve_options[] = {
	{ .name = "echo", .help = "send back what each connection sends", SERVE_OPTION(echo) },
	{ .name = "exec",
	  .type = OPTION_REST,
	  .argument = "CMD [ARG]...",
	  .help = "start CMD for each connection; takes the rest",
	  SERVE_OPTION(exec) },
	{ .name = "interface",
	  .type = OPTION_TEXT,
	  .argument = "FILE",
	  .help = "answer calls of the interface that it describes",
	  SERVE_OPTION(interface) },
	{ .name = "method",
	  .type = OPTION_REST,
	  .argument = "I.M CMD [ARG]...",
	  .help = "start CMD for each call; repeatable; takes the rest",
	  SERVE_OPTION(methods) },
	{ .name = "upgrade",
	  .type = OPTION_REST,
	  .argument = "I.M CMD...",
	  .help = "the same, with its connection as stdin, stdout",
	  SERVE_OPTION(upgrades) },
	{ .name = "deadline",
	  .type = OPTION_DURATION,
	  .argument = "TIME",
	  .standard = "30s",
	  .help = "end a CMD of --method after this long",
	  SERVE_OPTION(deadline) },
	{ .name = "access",
	  .type = OPTION_ACCESS,
	  .argument = "WHO",
	  .standard = "user",
	  .help = "who may connect: user, group, world, 0640",
	  SERVE_OPTION(access) },
	{ .name = "group",
	  .type = OPTION_GIDS,
	  .one = true,
	  .argument = "GROUP",
	  .standard = "unchanged",
	  .help = "group of the socket",
	  SERVE_OPTION(group) },
	{ .name = "allow-uid",
	  .type = OPTION_UIDS,
	  .argument = "USER",
	  .standard = "as --access",
	  .help = "admit only these users (repeatable)",
	  SERVE_OPTION(allow_uids) },
	{ .name = "allow-gid",
	  .type = OPTION_GIDS,
	  .argument = "GROUP",
	  .help = "the same for groups",
	  SERVE_OPTION(allow_gids) },
	{ .name = "backlog",
	  .type = OPTION_COUNT,
	  .argument = "N",
	  .standard = "128",
	  .help = "connections that may wait to be accepted",
	  SERVE_OPTION(backlog) },
	{ .name = "keep-flags",
	  .plain = true,
	  .help = "do not make fd:N non-blocking; it must be",
	  SERVE_OPTION(keep_flags) },
	{ .name = "connections",
	  .also = "max",
	  .type = OPTION_COUNT,
	  .argument = "N",
	  .standard = "4096",
	  .help = "connections or processes at once",
	  SERVE_OPTION(connections) },
	{ .name = "connections-per-uid",
	  .type = OPTION_COUNT,
	  .argument = "N",
	  .standard = "1024",
	  .help = "per user; further ones are closed",
	  SERVE_OPTION(connections_per_uid) },
	{ .name = "bytes-per-uid",
	  .type = OPTION_SIZE,
	  .argument = "SIZE",
	  .standard = "64M",
	  .help = "limit of bytes held for one user",
	  SERVE_OPTION(bytes_per_uid) },
	{ .name = "high-water",
	  .type = OPTION_SIZE32,
	  .argument = "SIZE",
	  .standard = "8M",
	  .help = "limit of bytes queued for a peer",
	  SERVE_OPTION(high_water) },
	{ .name = "low-water",
	  .type = OPTION_SIZE32,
	  .argument = "SIZE",
	  .standard = "a quarter of high-water",
	  .help = "echoing resumes here",
	  SERVE_OPTION(low_water) },
	{ .name = "unread",
	  .type = OPTION_SIZE32,
	  .argument = "SIZE",
	  .standard = "256K",
	  .help = "limit of bytes kept before they are echoed",
	  SERVE_OPTION(unread) },
	{ .name = "idle",
	  .type = OPTION_DURATION,
	  .argument = "TIME",
	  .standard = "30s",
	  .help = "drop a peer that reads nothing for this long",
	  SERVE_OPTION(idle) },
	{ .name = "drain",
	  .type = OPTION_DURATION,
	  .argument = "TIME",
	  .standard = "5s",
	  .help = "time for connections and processes to end",
	  SERVE_OPTION(drain) },
	{ .name = "stats",
	  .plain = true,
	  .help = "print a line of figures at the end",
	  SERVE_OPTION(stats) },
	{ .name = "verbose",
	  .letter = 'v',
	  .plain = true,
	  .help = "show each connection and why it ended",
	  SERVE_OPTION(common.verbose) },
	{ .name = NULL },
};

/* ---- connections ---- */

static size_t serve_echo(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct serve *s = data;
	ssize_t taken = postern_conn_write(c, bytes, n);

	/* -EAGAIN above the high-water mark: the rest is offered again when drained. */
	if (taken <= 0)
		return 0;
	s->reads++;
	return (size_t)taken;
}

static void serve_conn_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct serve *s = data;
	struct postern_conn_counters counters = { .received = 0 };
	struct postern_peer peer = { .pid = 0 };

	postern_conn_get_counters(c, &counters, sizeof(counters));
	s->received += counters.received;
	s->sent += counters.sent;
	if (!s->values->common.verbose)
		return;
	postern_conn_peer(c, &peer, sizeof(peer));
	output_error("serve", s->name, "%s: %s", output_peer(&peer).text, why->text);
}

static const struct postern_conn_events serve_echo_events = {
	.size = sizeof(serve_echo_events),
	.received = serve_echo,
	.closed = serve_conn_closed,
};

/* No byte is read: they all belong to the process. */
static size_t serve_leave(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	(void)c;
	(void)bytes;
	(void)n;
	(void)data;
	return 0;
}

static const struct postern_conn_events serve_exec_events = {
	.size = sizeof(serve_exec_events),
	.received = serve_leave,
};

/* ---- the server ---- */

static void serve_maybe_stop(struct serve *s)
{
	if (s->closed && (!s->exec || !exec_running(s->exec)) &&
	    (!s->commands || !commands_running(s->commands)))
		postern_loop_stop(s->loop);
}

static void serve_exec_ended(void *data)
{
	struct serve *s = data;

	if (exec_has_room(s->exec))
		postern_server_resume(s->server);
	serve_maybe_stop(s);
}

/* Its own, or that of its service. */
static const struct postern_server *serve_server(const struct serve *s)
{
	return s->service ? postern_service_server(s->service) : s->server;
}

static void serve_drain(struct serve *s)
{
	if (s->draining)
		return;
	s->draining = true;
	activation_notify("STOPPING=1\nSTATUS=draining");
	if (s->exec)
		exec_drain(s->exec, s->values->drain ? s->values->drain : POSTERN_SECONDS(5));
	if (s->service)
		postern_service_drain(s->service, s->values->drain);
	else
		postern_server_drain(s->server, s->values->drain);
}

static int serve_allow(struct postern_server *server, const struct postern_peer *peer, void *data)
{
	struct serve *s = data;

	(void)server;
	return exec_allow(s->exec, peer);
}

static void serve_accepted(struct postern_server *server, struct postern_conn *c, void *data)
{
	struct serve *s = data;
	struct postern_peer peer = { .pid = 0 };

	if (s->exec) {
		if (!exec_accept(s->exec, c))
			postern_server_pause(server);
	} else if (s->values->common.verbose) {
		postern_conn_peer(c, &peer, sizeof(peer));
		output_error("serve", s->name, "%s: connected", output_peer(&peer).text);
	}
}

/* A shortage of descriptors may recur many times per second. */
static void serve_failed(struct serve *s, const struct postern_reason *why)
{
	int64_t now = postern_now();

	if (why->code != s->said || now - s->said_ns >= POSTERN_SECONDS(1)) {
		output_text("serve", s->name, why->text);
		s->said = why->code;
		s->said_ns = now;
	}
	/* Another server has the name now. Without it, no client could come. */
	if (why->code == POSTERN_REASON_NAME_LOST) {
		s->status = EXIT_NAME_IN_USE;
		serve_drain(s);
	}
}

static void serve_error(struct postern_server *server, const struct postern_reason *why, void *data)
{
	(void)server;
	serve_failed(data, why);
}

static void serve_has_closed(struct serve *s)
{
	postern_server_get_counters(serve_server(s), &s->counters, sizeof(s->counters));
	s->closed = true;
	serve_maybe_stop(s);
}

static void serve_closed(struct postern_server *server, const struct postern_reason *why,
			 void *data)
{
	(void)server, (void)why;
	serve_has_closed(data);
}

static const struct postern_server_events serve_events_echo = {
	.size = sizeof(serve_events_echo),
	.conn = &serve_echo_events,
	.accepted = serve_accepted,
	.error = serve_error,
	.closed = serve_closed,
};

static const struct postern_server_events serve_events_exec = {
	.size = sizeof(serve_events_exec),
	.conn = &serve_exec_events,
	.allow = serve_allow,
	.accepted = serve_accepted,
	.error = serve_error,
	.closed = serve_closed,
};

/* ---- the service ---- */

static void serve_commands_ended(void *data)
{
	serve_maybe_stop(data);
}

static void serve_service_error(struct postern_service *service, const struct postern_reason *why,
				void *data)
{
	(void)service;
	serve_failed(data, why);
}

/* What its calls have started, nobody waits for any more. */
static void serve_service_closed(struct postern_service *service, const struct postern_reason *why,
				 void *data)
{
	struct serve *s = data;

	(void)service, (void)why;
	commands_end(s->commands, serve_commands_ended, s);
	serve_has_closed(s);
}

static const struct postern_service_events serve_service_events = {
	.size = sizeof(serve_service_events),
	.error = serve_service_error,
	.closed = serve_service_closed,
};

/* Warnings about the directory, while the server is made; later messages also come as error events. */
static void serve_log(struct postern_loop *loop, int level, const char *text, void *data)
{
	const struct serve *s = data;

	(void)loop;
	if (!s->server && !s->service && (level <= LOG_WARNING || s->values->common.verbose))
		output_text("serve", s->name, text);
}

/* ---- signals ---- */

static void serve_signalled(struct postern_watch *w, uint64_t happened, void *data)
{
	struct serve *s = data;
	struct signalfd_siginfo info;

	(void)w;
	(void)happened;
	while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (s->draining)
			postern_loop_stop(s->loop);
		else
			serve_drain(s);
	}
}

/* A shell without job control starts background commands with SIGINT ignored, and an ignored signal does not reach a
   signalfd; but kill(1) with our pid is meant for us. */
static int serve_take_signals(struct serve *s)
{
	sigset_t set;

	/* A terminal with `stty tostop` would stop a background server at its first message. */
	signal(SIGTTOU, SIG_IGN);
	/* If it is ignored, the kernel reaps the processes of --exec before we can get their status. */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0)
		return -errno;
	return postern_watch_new(&s->signals, s->loop, s->signal_fd, POSTERN_WATCH_READABLE,
				 serve_signalled, s);
}

/* ---- messages that stderr did not take ---- */

static void serve_lost(void *data)
{
	struct serve *s = data;

	postern_timer_set(s->lost, SERVE_LOST);
}

static void serve_tell_lost(struct postern_timer *t, void *data)
{
	(void)data;
	if (!stderr_tell_lost())
		postern_timer_set(t, SERVE_LOST);
}

/* ---- the watchdog of the service manager ---- */

/* From the server's loop: if that hangs, no notification is sent. */
static void serve_alive(struct postern_timer *t, void *data)
{
	(void)t;
	(void)data;
	activation_alive();
}

static int serve_start_watchdog(struct serve *s)
{
	int64_t interval = activation_watchdog(s->name);
	int r;

	if (!interval)
		return 0;
	r = postern_timer_new(&s->watchdog, s->loop, serve_alive, s);
	return r < 0 ? r : postern_timer_set_periodic(s->watchdog, interval);
}

/* ---- figures ---- */

static void serve_ticked(struct postern_timer *t, void *data)
{
	struct serve *s = data;
	int64_t late = postern_now() - postern_timer_due_ns(t);

	if (late > s->late_ns)
		s->late_ns = late;
}

static void serve_print_stats(struct serve *s)
{
	output_line("stats accepted=%" PRIu64 " refused=%" PRIu64 " paused=%" PRIu64
		    " reads=%" PRIu64 " bytes_in=%" PRIu64 " bytes_out=%" PRIu64
		    " timer_late_us=%" PRId64,
		    s->counters.accepted, s->counters.refused, s->counters.paused, s->reads,
		    s->received, s->sent, s->late_ns / 1000);
}

/* ---- starting ---- */

static int serve_check(const struct serve_values *v, const char *name)
{
	bool is_service = v->methods || v->upgrades;

	if (!name)
		output_error("serve", NULL,
			     "missing NAME (it goes before --exec); see: postern serve --help");
	else if (!v->echo && !v->exec && !v->interface && !is_service)
		output_error(
			"serve", name,
			"say what to serve: --echo, --exec CMD ARG..., or --interface FILE --method I.M CMD ARG...");
	else if (v->echo + !!v->exec + (v->interface || is_service) > 1)
		output_error("serve", name, "--echo, --exec and --interface exclude each other");
	else if (!v->interface == is_service)
		output_error(
			"serve", name,
			"--interface FILE and --method I.M CMD, or --upgrade, need each other");
	else if (v->low_water > (v->high_water ? v->high_water : SERVE_HIGH_WATER))
		output_error("serve", name, "--low-water is above --high-water");
	else
		return EXIT_DONE;
	return EXIT_USAGE;
}

/* Checks for errors that would affect every connection, before the name is taken. */
static int serve_look(const struct serve_values *v, const char *name, char *path, size_t size)
{
	int status;

	if (!v->exec)
		return EXIT_DONE;
	status = exec_look(name, *v->exec, path, size);
	return status ? status : exec_probe(name);
}

/* The usual soft limit of 1,024 exists for programs that use select(), and would limit us too. Processes
   of --exec may be such programs, and with --exec we need few. */
static void serve_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int serve_new_service(struct serve *s, const char *name,
			     const struct postern_server_options *server)
{
	const struct postern_service_options options = {
		.size = sizeof(options),
		.server = server,
		.product = "postern serve",
		.version = postern_version(),
		.flags = POSTERN_SERVICE_STATISTICS | POSTERN_SERVICE_TRACE,
	};
	int r = postern_service_new(&s->service, s->loop, name, &options, &serve_service_events, s);

	if (r < 0)
		return r;
	return commands_provide(s->commands, s->loop, s->service);
}

static int serve_new_server(struct serve *s, const char *name)
{
	const struct serve_values *v = s->values;
	const struct postern_conn_options conn = {
		.size = sizeof(conn),
		.high_water = v->high_water,
		.low_water = v->low_water,
		.unread = v->unread,
		.idle_ns = v->idle,
		.drain_ns = v->drain,
	};
	const struct postern_server_options options = {
		.size = sizeof(options),
		.access = v->access,
		.backlog = v->backlog,
		.keep_flags = v->keep_flags,
		.connections = v->connections,
		.connections_per_uid = v->connections_per_uid,
		.bytes_per_uid = v->bytes_per_uid,
		.group = v->group.n ? v->group.ids : NULL,
		.allow_uids = v->allow_uids.n ? v->allow_uids.ids : NULL,
		.allow_gids = v->allow_gids.n ? v->allow_gids.ids : NULL,
		.n_allow_uids = v->allow_uids.n,
		.n_allow_gids = v->allow_gids.n,
		.conn = &conn,
	};

	if (s->commands)
		return serve_new_service(s, name, &options);
	return postern_server_new(&s->server, s->loop, name, &options,
				  s->exec ? &serve_events_exec : &serve_events_echo, s);
}

static int serve_new_exec(struct serve *s, const char *path)
{
	const struct serve_values *v = s->values;
	const struct exec_options options = {
		.argv = v->exec,
		.path = path,
		.name = s->name,
		.children = v->connections ? v->connections : SERVE_CONNECTIONS,
		.per_uid = v->connections_per_uid ? v->connections_per_uid : SERVE_PER_UID,
		.verbose = v->common.verbose,
	};

	return exec_new(&s->exec, s->loop, &options, serve_exec_ended, s);
}

/* The exit status. */
static int serve_new_commands(struct serve *s)
{
	const struct serve_values *v = s->values;
	const struct commands_options options = {
		.name = s->name,
		.file = v->interface,
		.methods = v->methods,
		.upgrades = v->upgrades,
		.children = v->connections ? v->connections : SERVE_CONNECTIONS,
		.per_uid = v->connections_per_uid ? v->connections_per_uid : SERVE_PER_UID,
		.deadline_ns = v->deadline,
		.verbose = v->common.verbose,
	};

	return v->interface ? commands_new(&s->commands, &options) : EXIT_DONE;
}

static int serve_go(struct serve *s, const char *name)
{
	char ready[64 + PATH_MAX];
	const char *path;
	int r;

	r = serve_new_server(s, name);
	if (r < 0) {
		r = output_reason("serve", s->name, postern_why());
		/* A file that is not a server's socket is at the path: the name is taken. */
		return r == EXIT_WRONG_TYPE && strncmp(name, "fd:", 3) ? EXIT_NAME_IN_USE : r;
	}
	path = postern_server_path(serve_server(s));
	output_line("ready %s %s", s->name, path);
	snprintf(ready, sizeof(ready), "READY=1\nSTATUS=serving %s", path);
	activation_notify(ready);
	r = postern_loop_run(s->loop);
	if (r < 0)
		return output_errno("serve", s->name, "the loop failed", r);
	return s->status;
}

static int serve_new_timers(struct serve *s)
{
	int r = postern_timer_new(&s->lost, s->loop, serve_tell_lost, s);

	if (r == 0)
		stderr_on_loss(serve_lost, s);
	if (r == 0)
		r = serve_start_watchdog(s);
	if (r == 0 && s->values->stats)
		r = postern_timer_new(&s->tick, s->loop, serve_ticked, s);
	if (r == 0 && s->tick)
		r = postern_timer_set_periodic(s->tick, SERVE_TICK);
	return r;
}

/* The exit status. */
static int serve_prepare(struct serve *s, const char *path)
{
	int r = postern_loop_new(&s->loop);

	if (r < 0)
		return output_errno("serve", s->name,
				    "cannot start: epoll_create(), eventfd() or timerfd_create()",
				    r);
	r = postern_loop_set_log(s->loop, serve_log, s);
	if (r == 0)
		r = serve_new_timers(s);
	if (r < 0)
		return output_errno("serve", s->name, "cannot start: making a timer", r);
	r = serve_take_signals(s);
	if (r < 0)
		return output_errno("serve", s->name, "cannot start: signalfd()", r);
	r = s->values->exec ? serve_new_exec(s, path) : 0;
	return r < 0 ? output_errno("serve", s->name, "cannot start: preparing --exec", r)
		     : EXIT_DONE;
}

static void serve_release(struct serve *s)
{
	exec_free(s->exec);
	commands_free(s->commands);
	stderr_on_loss(NULL, NULL);
	postern_timer_free(s->watchdog);
	postern_timer_free(s->lost);
	postern_timer_free(s->tick);
	postern_watch_free(s->signals);
	postern_loop_free(s->loop);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
}

static int serve_run(void *data)
{
	struct serve s = { .values = data, .signal_fd = -1 };
	char path[PATH_MAX], socket[24];
	const char *name = s.values->common.name;
	int fd = -1, status = activation_socket(name, &fd);
	bool has_served;

	if (status)
		return status;
	snprintf(socket, sizeof(socket), "fd:%d", fd);
	s.name = !name && fd >= 0 ? socket : name;
	status = serve_check(s.values, s.name);
	if (!status)
		status = serve_look(s.values, s.name, path, sizeof(path));
	if (!status)
		status = serve_new_commands(&s);
	if (status)
		return status;
	if (s.values->echo)
		serve_raise_limit();
	status = serve_prepare(&s, path);
	if (!status)
		status = serve_go(&s, fd >= 0 ? socket : s.name);
	/* The closed event has read them; but a second signal comes before that event. */
	has_served = serve_server(&s);
	if (has_served && !s.closed)
		postern_server_get_counters(serve_server(&s), &s.counters, sizeof(s.counters));
	if (s.service)
		s.service = postern_service_free(s.service);
	else
		postern_server_free(s.server);
	if (has_served && s.values->stats)
		serve_print_stats(&s);
	serve_release(&s);
	return status;
}

const struct verb verb_serve = {
	.name = "serve",
	.operands = "NAME --echo|--exec CMD|--interface FILE ...",
	.about = "Serves a name: an echo, or a process for each connection or call.",
	.notes = "SIZE: 4096, 64K, 8M. TIME: 500ms, 5s, 2m, forever. More: man postern",
	.takes_name = true,
	.options = serve_options,
	.size = sizeof(struct serve_values),
	.run = serve_run,
};
