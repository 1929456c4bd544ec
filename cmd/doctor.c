/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor.c - postern doctor: why can I not connect to NAME, or serve it?
 *
 * It does not connect. Each check is one line; a problem ends with the command that fixes it, or says what to
 * do where no command is safe: what is not known to be Postern's is neither moved nor removed. The checks are for
 * connecting as this user; and for serving, if no server has the name.
 */
#include "doctor.h"

#include "base/words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct doctor_values {
	struct common common;
	bool quiet;
};

/* ---- lines ---- */

static void doctor_line(const char *verdict, const char *check, const char *text,
			const struct doctor *d)
{
	output_cell(stdout, verdict, 9);
	output_cell(stdout, check, 12);
	output_cell(stdout, text, 0);
	if (d && *d->fix) {
		output_cell(stdout, d->advice ? "; do: " : "; fix: ", 0);
		output_cell(stdout, d->fix, 0);
	}
	putchar('\n');
}

void doctor_ok(struct doctor *d, const char *check, const char *format, ...)
{
	char text[2 * PATH_MAX + 512];
	va_list args;

	if (d->quiet)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	doctor_line("ok", check, text, NULL);
}

static bool doctor_needs_user(const char *check)
{
	static const char *const checks[] = {
		"directory", "disk", "lock", "info", "socket", "trust"
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		if (!strcmp(check, checks[i]))
			return true;
	return false;
}

void doctor_problem(struct doctor *d, const char *check, const char *format, ...)
{
	char text[2 * PATH_MAX + 512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* What needs a uid of one's own is no fix for a user without one. */
	if (d->me == d->unknown && doctor_needs_user(check))
		doctor_advise(d, "first what is said of the user");
	doctor_line("problem", check, text, d);
	d->problems++;
	d->fix[0] = 0;
	d->advice = false;
}

void doctor_fix(struct doctor *d, const char *format, ...)
{
	va_list args;

	/* Root needs no sudo, and a small system has none. */
	if (d->me == 0 && !strncmp(format, "sudo ", 5))
		format += 5;
	va_start(args, format);
	vsnprintf(d->fix, sizeof(d->fix), format, args);
	va_end(args);
}

void doctor_advise(struct doctor *d, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(d->fix, sizeof(d->fix), format, args);
	va_end(args);
	d->advice = true;
}

/* Of a word, sock, lock and info are files of Postern's own directory. Beside a path it is somebody's file, and may be
   /etc/passwd. */
void doctor_fix_by_moving(struct doctor *d, const char *path)
{
	struct stat st;

	if (d->look.word && lstat(path, &st) == 0 && st.st_uid == d->me && d->me != d->unknown)
		doctor_fix(d, "mv %s %s.away", doctor_quote(path), doctor_quote(path));
	else
		doctor_advise(d, "use another name; whose this is, ls -ld %s shows",
			      doctor_quote(path));
}

static const char *doctor_quote_bytes(char *buf, size_t size, const char *path)
{
	char *p = stpcpy(buf, "$'");

	for (; *path && p < buf + size - 6; path++)
		if ((unsigned char)*path < ' ' || (unsigned char)*path >= 127)
			p += sprintf(p, "\\x%02x", (unsigned char)*path);
		else
			p += sprintf(p, *path == '\'' || *path == '\\' ? "\\%c" : "%c", *path);
	memcpy(p, "'", 2);
	return buf;
}

const char *doctor_quote(const char *path)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-:+,@%=";
	static char bufs[4][4 * PATH_MAX + 8];
	static unsigned next;
	char *buf = bufs[next++ % 4], *p = buf;

	if (*path && path[strspn(path, plain)] == 0)
		return path;
	/* What would not be shown, $'...' of bash and zsh can say. */
	if (!words_are_safe(path))
		return doctor_quote_bytes(buf, sizeof(bufs[0]), path);
	*p++ = '\'';
	for (; *path && p < buf + sizeof(bufs[0]) - 6; path++) {
		if (*path == '\'')
			p = stpcpy(p, "'\\'");
		*p++ = *path;
	}
	memcpy(p, "'", 2);
	return buf;
}

/* ---- the name, and the user ---- */

/* An environment in which no word can be resolved; any other error in a name is wrong usage. */
static bool doctor_environment(struct doctor *d, const char *name, int error)
{
	static const char *const variables[] = { "POSTERN_DIR", "XDG_RUNTIME_DIR" };
	bool word = !strchr(name, '/') && name[0] != '@' && strncmp(name, "fd:", 3) != 0;

	if (word && error == -ENOENT) {
		doctor_fix(d, "export POSTERN_DIR=\"$HOME/.postern\"");
		doctor_problem(
			d, "base",
			"there is no runtime directory: neither POSTERN_DIR nor XDG_RUNTIME_DIR is set, and /run/user/%lu does not exist",
			(unsigned long)d->me);
		return true;
	}
	for (size_t i = 0; word && i < 2; i++) {
		const char *value = getenv(variables[i]);

		if (!value || value[0] == '/' || (i == 1 && !*value))
			continue;
		doctor_fix(d, *value ? "export %s=\"$PWD\"/%s" : "unset %s%s", variables[i],
			   *value ? doctor_quote(value) : "");
		doctor_problem(d, "base", "%s is \"%s\", which is not an absolute path",
			       variables[i], value);
		return true;
	}
	return false;
}

/* One whose uids are not those of the machine. */
static bool doctor_is_namespace(void)
{
	unsigned long inside = 0, outside = 0, n = 0;
	FILE *f = fopen("/proc/self/uid_map", "re");
	bool all = f && fscanf(f, "%lu %lu %lu", &inside, &outside, &n) == 3 && !inside &&
		   !outside && n == 4294967295;

	if (f)
		fclose(f);
	return !all;
}

static void doctor_look_at_user(struct doctor *d)
{
	if (d->me == d->unknown) {
		/* From within nobody can give this process a uid: its creator could have. */
		if (doctor_is_namespace())
			doctor_advise(
				d,
				"have whoever makes this user namespace map a uid (unshare --map-current-user, podman run --userns=keep-id), or stay outside of it");
		else
			doctor_advise(
				d,
				"use an account of its own in place of nobody's, which many share (in a unit: User= or DynamicUser=)");
		doctor_problem(
			d, "user",
			"uid %lu stands for every user without a uid in this user namespace: it owns nothing and is trusted nowhere",
			(unsigned long)d->me);
		return;
	}
	doctor_ok(d, "user", "uid %lu", (unsigned long)d->me);
}

/* ---- the socket ---- */

static void doctor_stands_in_the_way(struct doctor *d, const char *what)
{
	const char *path = d->look.path;

	doctor_fix_by_moving(d, path);
	doctor_problem(d, "socket", "%s is at %s, and is not a socket", what, path);
}

static void doctor_look_at_socket(struct doctor *d)
{
	const struct look *l = &d->look;
	struct stat st;

	if (l->socket_error == -ENOENT && lstat(l->path, &st) == 0) {
		doctor_stands_in_the_way(d, "a symlink that leads nowhere");
	} else if (l->socket_error == -ENOENT && d->lock == LOOK_HELD) {
		doctor_fix(d, "postern wait %s --deadline 10s", doctor_quote(l->name));
		doctor_problem(
			d, "socket",
			"%s is missing although a server holds the lock: it was removed, and is published again within five seconds",
			l->path);
	} else if (l->socket_error == -ENOENT) {
		doctor_ok(d, "socket", "there is no %s", l->path);
	} else if (l->socket_error) {
		doctor_fix(d, "ls -l %s", doctor_quote(l->path));
		doctor_problem(d, "socket", "%s: %s", l->path, strerror(-l->socket_error));
	} else if (!S_ISSOCK(l->socket.st_mode)) {
		doctor_stands_in_the_way(d, S_ISREG(l->socket.st_mode)   ? "a file"
					    : S_ISDIR(l->socket.st_mode) ? "a directory"
									 : "something");
	} else if (faccessat(AT_FDCWD, l->path, W_OK, AT_EACCESS) < 0) {
		doctor_fix(d, "sudo chmod o+w %s", doctor_quote(l->path));
		doctor_problem(
			d, "socket",
			"%s (mode %04o, uid %lu, gid %lu) does not let uid %lu connect: the server's --access says whom it lets in",
			l->path, (unsigned)l->socket.st_mode & 07777,
			(unsigned long)l->socket.st_uid, (unsigned long)l->socket.st_gid,
			(unsigned long)d->me);
	} else {
		doctor_ok(d, "socket", "%s, mode %04o, uid %lu", l->path,
			  (unsigned)l->socket.st_mode & 07777, (unsigned long)l->socket.st_uid);
	}
}

/* ---- the server ---- */

/* The state letter after the name of the program; 0: unreadable. */
static char doctor_state_of(pid_t pid)
{
	char path[40], text[512] = "", *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (!fgets(text, sizeof(text), f))
		text[0] = 0;
	fclose(f);
	p = strrchr(text, ')');
	if (!p || p[1] != ' ')
		return 0;
	return p[2];
}

/* The process in this pid namespace that holds a lock; 0: unknown. */
static pid_t doctor_holder(const struct doctor *d)
{
	struct stat st;
	unsigned major, minor;
	unsigned long inode;
	char line[256];
	long pid, found = 0;
	FILE *f = stat(d->look.lock, &st) == 0 ? fopen("/proc/locks", "re") : NULL;

	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s FLOCK %*s %*s %ld %x:%x:%lu", &pid, &major, &minor, &inode) ==
			    4 &&
		    inode == st.st_ino && makedev(major, minor) == st.st_dev)
			found = pid;
	if (f)
		fclose(f);
	return (pid_t)found;
}

static void doctor_nobody(struct doctor *d)
{
	const struct look *l = &d->look;

	doctor_fix(d, "postern serve %s --echo", doctor_quote(l->name));
	if (l->abstract)
		doctor_problem(d, "server", "no server listens at %s in this network namespace",
			       l->path);
	else if (l->socket_error || !S_ISSOCK(l->socket.st_mode))
		doctor_problem(d, "server",
			       "no server runs: start it, with --exec CMD for one that does more");
	else if (l->pid && l->alive == 0)
		doctor_problem(
			d, "server",
			"the server, pid %ld, has ended and left its socket: the next one takes it over",
			(long)l->pid);
	else
		doctor_problem(d, "server",
			       "no server listens on the socket: the next one takes it over");
}

static void doctor_look_at_silent_holder(struct doctor *d)
{
	pid_t pid = doctor_holder(d);

	if (pid > 0) {
		doctor_fix(d, "kill %ld", (long)pid);
		doctor_problem(d, "server", "pid %ld holds the lock, and no server listens",
			       (long)pid);
	} else {
		doctor_fix(d, "sudo fuser -v %s", doctor_quote(d->look.lock));
		doctor_problem(d, "server",
			       "an unknown process holds the lock, and no server listens");
	}
}

/* By pid, if it belongs to this pid namespace. */
static void doctor_look_at_pid(struct doctor *d)
{
	const struct look *l = &d->look;
	char state = doctor_state_of(l->pid);

	if (state == 'T' || state == 't') {
		doctor_fix(d, "kill -CONT %ld", (long)l->pid);
		doctor_problem(d, "server", "pid %ld is stopped: it neither accepts nor answers",
			       (long)l->pid);
		return;
	}
	doctor_ok(d, "server", "pid %ld %s", (long)l->pid,
		  l->listens == 1 ? "listens"
				  : "has the name; it listens in another network namespace");
}

static void doctor_look_at_server(struct doctor *d)
{
	const struct look *l = &d->look;

	if (l->listens == 1 && l->type != SOCK_STREAM) {
		doctor_fix(d, "ss -xlp");
		doctor_problem(d, "server",
			       "the socket is of another type (datagram or seqpacket)");
	} else if (!d->served && d->lock == LOOK_HELD) {
		doctor_look_at_silent_holder(d);
	} else if (!d->served) {
		doctor_nobody(d);
	} else if (l->alive == 1) {
		doctor_look_at_pid(d);
	} else if (l->pid && l->alive < 0) {
		doctor_ok(d, "server", "pid %ld of another pid namespace has the name%s",
			  (long)l->pid, l->listens == 1 ? ", and listens" : "");
	} else if (l->listens == 1) {
		doctor_ok(d, "server", "%s listens (`ss -xlp` shows its process)",
			  d->lock == LOOK_HELD || l->abstract ? "a server"
							      : "another program's server");
	} else {
		doctor_ok(d, "server", "%s; it cannot be seen whether it listens",
			  l->abstract ? "the kernel does not tell" : "one has the name");
	}
}

/* The server's uid, or -1. */
static int64_t doctor_server_uid(const struct look *l)
{
	if (l->uid >= 0)
		return l->uid;
	return !l->abstract && l->socket_error == 0 ? (int64_t)l->socket.st_uid : -1;
}

static void doctor_look_at_trust(struct doctor *d)
{
	const struct look *l = &d->look;
	int64_t uid = doctor_server_uid(l);

	if (uid < 0)
		return;
	if (look_trusted(l, (uid_t)uid)) {
		doctor_ok(d, "trust", "it runs as uid %lld, which is trusted", (long long)uid);
		return;
	}
	if ((uid_t)uid == d->unknown) {
		if (l->alive == 1)
			doctor_fix(d, "sudo nsenter --user --target %ld postern connect %s",
				   (long)l->pid, doctor_quote(l->name));
		else
			doctor_advise(d, "connect from outside of this user namespace");
		doctor_problem(
			d, "trust",
			"it runs as uid %lld, which stands for every user without a uid in this user namespace",
			(long long)uid);
		return;
	}
	doctor_fix(d, "postern connect %s --server-uid %lld", doctor_quote(l->name),
		   (long long)uid);
	doctor_problem(
		d, "trust",
		"it runs as uid %lld, which is not trusted: it is neither yours nor root's nor the owner of the directory",
		(long long)uid);
}

static void doctor_look_at_backlog(struct doctor *d)
{
	const struct look *l = &d->look;

	if (l->backlog < 0) {
		doctor_ok(d, "backlog", "not known from here");
		return;
	}
	if (l->waiting <= l->backlog) {
		doctor_ok(d, "backlog", "%lld of %lld places are taken", (long long)l->waiting,
			  (long long)l->backlog + 1);
		return;
	}
	if (l->alive == 1)
		doctor_fix(d, "kill %ld", (long)l->pid);
	else
		doctor_fix(d, "ss -xlp");
	doctor_problem(
		d, "backlog",
		"all %lld places are taken: the server does not accept; restart it, or with more --connections and --backlog",
		(long long)l->backlog + 1);
}

/* ---- the surroundings ---- */

static void doctor_look_at_namespaces(struct doctor *d)
{
	static const char *const kinds[] = { "pid", "net", "user", "mnt" };
	char path[32], text[4][64];

	for (size_t i = 0; i < 4; i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
		n = readlink(path, text[i], sizeof(text[i]) - 1);
		text[i][n > 0 ? n : 0] = 0;
	}
	if (!*text[0])
		doctor_fix(d, "sudo mount -t proc proc /proc");
	if (!*text[0])
		doctor_problem(d, "namespaces", "/proc is not mounted: no server can start here");
	else
		doctor_ok(d, "namespaces", "%s %s %s %s%s", text[0], text[1], text[2], text[3],
			  d->look.pid && d->look.alive < 0
				  ? "; the server is in another pid namespace"
				  : "");
}

static void doctor_look_elsewhere_at(struct doctor *d, const char *base)
{
	char path[PATH_MAX];
	struct stat st;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s/sock", base, d->look.name) >=
		    sizeof(path) ||
	    !strcmp(path, d->look.path) || stat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	if (!strcmp(base, "/run/postern"))
		doctor_fix(d, "postern connect system:%s", d->look.name);
	else
		doctor_fix(d, "export POSTERN_DIR=%s", doctor_quote(base));
	doctor_problem(
		d, "elsewhere",
		"a server of this name is, or was, at %s: server and client look in different directories",
		path);
}

/* A word without a server here: the usual cause is a different environment. */
static void doctor_look_elsewhere(struct doctor *d)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char base[PATH_MAX];

	if (!d->look.word || d->served || !strncmp(d->look.name, "system:", 7))
		return;
	if (runtime && runtime[0] == '/') {
		snprintf(base, sizeof(base), "%.4000s/postern", runtime);
		doctor_look_elsewhere_at(d, base);
	}
	snprintf(base, sizeof(base), "/run/user/%lu/postern", (unsigned long)d->me);
	if (!runtime || strncmp(base, runtime, strlen(runtime)) != 0)
		doctor_look_elsewhere_at(d, base);
	doctor_look_elsewhere_at(d, "/run/postern");
}

/* ---- the whole check ---- */

/* Alive, as far as known: the kernel shows it, or its owner's lock and record do. */
static bool doctor_is_served(const struct doctor *d)
{
	const struct look *l = &d->look;

	if (l->listens == 1 || l->abstract)
		return l->listens != 0;
	if (l->socket_error || !S_ISSOCK(l->socket.st_mode))
		return false;
	return l->alive == 1 || (l->pid && l->alive < 0 && d->lock != LOOK_FREE);
}

static void doctor_look_at_all(struct doctor *d)
{
	const struct look *l = &d->look;
	bool below = true;

	doctor_look_at_user(d);
	if (!l->abstract) {
		below = doctor_look_at_way(d);
		doctor_look_at_directories(d);
		if (below) {
			doctor_look_at_disk(d);
			doctor_look_at_lock(d);
			doctor_look_at_info(d);
			doctor_look_at_socket(d);
		}
	}
	if (below || !d->problems)
		doctor_look_at_server(d);
	if (d->served) {
		doctor_look_at_trust(d);
		doctor_look_at_backlog(d);
	}
	doctor_look_at_namespaces(d);
	doctor_look_elsewhere(d);
}

static int doctor_run(void *data)
{
	static struct doctor d; /* paths make it large */
	const struct doctor_values *values = data;
	const char *name = values->common.name;
	int r;

	if (!name) {
		output_error("doctor", NULL, "missing NAME; see: postern doctor --help");
		return EXIT_USAGE;
	}
	d.quiet = values->quiet;
	d.me = geteuid();
	d.unknown = look_unknown_uid();
	r = look_resolve(&d.look, name);
	if (r < 0)
		return doctor_environment(&d, name, r) ? EXIT_ANSWERED_ERROR
						       : look_failed("doctor", name, r);
	doctor_ok(&d, "name", "%s is at %s", name, d.look.path);
	look_at(&d.look);
	d.lock = look_lock(&d.look, &d.lock_error);
	d.served = doctor_is_served(&d);
	doctor_look_at_all(&d);
	return d.problems ? EXIT_ANSWERED_ERROR : EXIT_DONE;
}

static const struct option doctor_options[] = {
	{ .name = "quiet",
	  .letter = 'q',
	  .help = "print problems only",
	  .offset = offsetof(struct doctor_values, quiet) },
	{ .name = NULL },
};

const struct verb verb_doctor = {
	.name = "doctor",
	.operands = "NAME",
	.about = "Says why NAME cannot be connected to, or served, and how to fix it.",
	.notes = "It does not connect. One line per check: ok or problem, and after a problem the\n"
		 "command that fixes it, or what to do. Ends with status 0 if all checks pass,\n"
		 "else with 1.",
	.takes_name = true,
	.options = doctor_options,
	.size = sizeof(struct doctor_values),
	.run = doctor_run,
};
