/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs-service NAME - runs commands for those who call org.example.jobs.Run, at most four at a time
 *
 * A job is a process group, and a connection that is its standard output and standard error. While the caller has too
 * much unread it is not read, and the command waits. A job has ended when the command has, and nobody has the other end
 * of the connection any more. Only its own user and root can call the service: that is the default of a server.
 */
#include "org.example.jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <postern.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { JOBS_MAX = 4, WORDS_MAX = 64, LENGTH_MAX = 4096 };

static int64_t running;
static struct postern_loop *ending; /* the service has ended: stop this after the last job */

struct job {
	struct postern_request *request; /* NULL: the caller has left */
	struct postern_child *child;     /* NULL: the command has ended, with status */
	struct postern_conn *output;     /* NULL: all was read */
	int64_t status;
	pid_t pid;
};

/* Answers, and ends the job, if there is nothing left to wait for. */
static void end(struct job *j)
{
	struct jobs_Run_out out = { .status = { .value = j->status, .set = true } };

	if (j->child || j->output)
		return;
	if (j->request)
		jobs_reply_Run(j->request, &out);
	postern_request_free(j->request);
	free(j);
	if (--running == 0 && ending)
		postern_loop_stop(ending);
}

/* Takes a line, the longest piece of one, or the last without a newline. */
static size_t on_output(struct postern_conn *c, const void *bytes, size_t n, void *job)
{
	struct job *j = (struct job *)job;
	char line[LENGTH_MAX + 1];
	struct jobs_Run_out out = { .line = line };
	size_t length = n;
	const char *newline;
	int r;

	if (length > LENGTH_MAX)
		length = LENGTH_MAX;
	newline = (const char *)memchr(bytes, '\n', length);
	if (!newline && n < LENGTH_MAX && !postern_conn_at_end(c))
		return 0;
	if (newline)
		length = (size_t)(newline - (const char *)bytes);
	memcpy(line, bytes, length);
	line[length] = 0;
	r = jobs_continue_Run(j->request, &out);
	if (r == -EINVAL) {
		out.line = "(not UTF-8)";
		r = jobs_continue_Run(j->request, &out);
	}
	if (r < 0) {
		postern_conn_pause(c); /* until drained(), or cancelled() if the caller has left */
		return 0;
	}
	return newline ? length + 1 : length;
}

static void on_output_end(struct postern_conn *c, const struct postern_reason *why, void *job)
{
	struct job *j = (struct job *)job;

	(void)why;
	j->output = postern_conn_free(c);
	end(j);
}

static void on_exit_of(struct postern_child *child, int how, int status, void *job)
{
	struct job *j = (struct job *)job;

	j->status = how == CLD_EXITED ? status : 128 + status;
	j->child = postern_child_free(child);
	end(j);
}

static void drained(struct postern_request *r, void *job)
{
	(void)r;
	postern_conn_resume(((struct job *)job)->output);
}

/* The caller has left, or the service ends. No other group can have this number before the command is reaped. */
static void cancelled(struct postern_request *r, void *job)
{
	struct job *j = (struct job *)job;

	if (j->child)
		kill(-j->pid, SIGKILL);
	j->request = postern_request_free(r);
	j->output = postern_conn_free(j->output);
	end(j);
}

/* ---- Starting a job ---- */

/* Returns an errno. */
static int spawn(pid_t *ret, const struct jobs_Run_in *in, int output)
{
	char *words[WORDS_MAX + 1] = { NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t group;
	int r;

	for (size_t i = 0; i < in->command.n; i++)
		words[i] = (char *)in->command.items[i];
	posix_spawnattr_init(&group);
	posix_spawnattr_setflags(&group, POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&files);
	r = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	for (int fd = 1; r == 0 && fd <= 2; fd++)
		r = posix_spawn_file_actions_adddup2(&files, output, fd);
	if (r == 0)
		r = posix_spawnp(ret, words[0], &files, &group, words, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&group);
	return r;
}

/* Returns an errno; then what there is of the job is still to be ended. */
static int start(struct job *j, const struct jobs_Run_in *in, struct postern_loop *loop)
{
	static const struct postern_conn_options options = { .size = sizeof options,
							     .idle_ns = POSTERN_FOREVER };
	static const struct postern_conn_events events = { .size = sizeof events,
							   .received = on_output,
							   .closed = on_output_end };
	int ends[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return errno;
	r = -postern_conn_adopt(&j->output, loop, ends[0], &options, &events, j);
	if (r)
		close(ends[0]);
	else
		r = spawn(&j->pid, in, ends[1]);
	close(ends[1]);
	return r ? r : -postern_child_new(&j->child, loop, j->pid, on_exit_of, j);
}

static void run(struct postern_request *r, const struct jobs_Run_in *in, void *loop)
{
	static const struct postern_request_events events = { .size = sizeof events,
							      .cancelled = cancelled,
							      .drained = drained };
	struct jobs_Full full = { .running = running };
	struct jobs_NotStarted failed;
	struct job *j;
	int error;

	if (in->command.n < 1 || in->command.n > WORDS_MAX) {
		postern_request_invalid(r, "command");
		return;
	}
	if (running == JOBS_MAX) {
		jobs_fail_Full(r, &full);
		return;
	}
	j = (struct job *)calloc(1, sizeof *j);
	error = j ? start(j, in, (struct postern_loop *)loop) : ENOMEM;
	if (error == 0) {
		running++;
		j->request = postern_request_keep(r);
		postern_request_set_events(r, &events, j);
		return;
	}
	failed.reason = strerror(error);
	jobs_fail_NotStarted(r, &failed);
	if (j) {
		postern_conn_free(j->output);
		if (j->pid && kill(-j->pid, SIGKILL) == 0)
			waitpid(j->pid, NULL, 0);
		free(j);
	}
}

/* ---- The service ---- */

/* Jobs have a second to end, then they are killed, and reaped. */
static void stop(struct postern_signal *s, int sig, void *service)
{
	(void)s, (void)sig;
	postern_service_drain((struct postern_service *)service, POSTERN_SECONDS(1));
}

static void closed(struct postern_service *s, const struct postern_reason *why, void *loop)
{
	(void)s, (void)why;
	ending = (struct postern_loop *)loop;
	if (running == 0)
		postern_loop_stop(ending);
}

int main(int argc, char **argv)
{
	static const struct jobs_methods methods = { .Run = run };
	static const struct postern_service_events events = { .size = sizeof events,
							      .closed = closed };
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(service) service = NULL;
	POSTERN_AUTO(signal) interrupt = NULL;
	POSTERN_AUTO(signal) terminate = NULL;

	if (argc != 2 || postern_loop_new(&loop) < 0)
		return 64;
	if (postern_service_new(&service, loop, argv[1], NULL, &events, loop) < 0 ||
	    jobs_provide(service, &methods, loop) < 0) {
		fprintf(stderr, "jobs-service: %s\n", postern_why()->text);
		return 1;
	}
	return postern_signal_new(&interrupt, loop, SIGINT, stop, service) < 0 ||
	       postern_signal_new(&terminate, loop, SIGTERM, stop, service) < 0 ||
	       postern_loop_run(loop) < 0;
}
