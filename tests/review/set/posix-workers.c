/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defects:
 *  - the parent's end of each pair is inherited by this and all later workers;
 *  - when fork() fails, both ends of the pair stay open (and the supervisor goes on);
 *  - the result of fcntl() is ignored;
 *  - the wait for a worker's answer has no limit: one that hangs holds everything up;
 *  - a worker whose socket is full is asked again without a pause;
 *  - a worker that cannot be restarted has its descriptor closed twice.
 */

/*
 * Supervisor for a pool of conversion workers. Jobs come on standard input, one a line, and each is
 * given to the next idle worker over its socket pair.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NWORKERS	4
#define JOBLEN		240

struct job {
	uint32_t	id;
	char		what[JOBLEN];
};

struct result {
	uint32_t	id;
	int32_t		status;
};

struct worker {
	pid_t	pid;
	int	fd;
	int	broken;
};

static struct worker	 workers[NWORKERS];
static char		*const *worker_argv;

static int
worker_start(struct worker *w)
{
	int	 sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) == -1) { /* @L6 */
		perror("socketpair");
		return (-1);
	}
	switch (w->pid = fork()) {
	case -1:
		perror("fork");
		w->pid = 0;
		return (-1); /* @L1 */
	case 0:
		if (dup2(sv[1], STDIN_FILENO) == -1)
			_exit(126);
		close(sv[1]);
		execvp(worker_argv[0], worker_argv);
		_exit(127);
	default:
		break;
	}
	close(sv[1]);
	w->fd = sv[0];
	w->broken = 0;
	fcntl(w->fd, F_SETFL, O_NONBLOCK); /* @E1? */
	return (0);
}

static void
worker_stop(struct worker *w)
{
	int	 status;

	close(w->fd);
	if (w->pid > 0) {
		kill(w->pid, SIGKILL);
		while (waitpid(w->pid, &status, 0) == -1 && errno == EINTR)
			;
		w->pid = 0;
	}
}

/* Sends a job; it is a packet, and so goes as one or not at all. */
static int
worker_give(struct worker *w, const struct job *job)
{
	ssize_t	 n;

	do {
		n = send(w->fd, job, sizeof(*job), MSG_NOSIGNAL);
	} while (n == -1 && (errno == EINTR || errno == EAGAIN)); /* @W2 */
	if (n == -1) {
		w->broken = 1;
		return (-1);
	}
	return (0);
}

static int
worker_result(struct worker *w, struct result *res)
{
	struct pollfd	 pfd;
	ssize_t		 n;

	pfd.fd = w->fd;
	pfd.events = POLLIN;
	if (poll(&pfd, 1, -1) == -1) { /* @W3 */
		if (errno == EINTR)
			return (1);
		return (-1);
	}
	n = recv(w->fd, res, sizeof(*res), 0);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return (1);
	if (n != sizeof(*res)) {
		w->broken = 1;
		return (-1);
	}
	return (0);
}

static int
worker_restart(struct worker *w)
{
	int	 old = w->fd;

	worker_stop(w);
	if (worker_start(w) == -1) {
		close(old); /* @L4 */
		w->fd = -1;
		return (-1);
	}
	return (0);
}

static int
run_job(struct worker *w, struct job *job)
{
	struct result	 res;
	int		 r;

	if (w->fd == -1)
		return (-1);
	if (worker_give(w, job) == -1)
		return (-1);
	do {
		r = worker_result(w, &res);
	} while (r == 1); /* @W1? */
	if (r == -1)
		return (-1);
	if (res.id != job->id) {
		fprintf(stderr, "worker %ld answers for %u, not %u\n", (long)w->pid,
		    res.id, job->id);
		w->broken = 1;
		return (-1);
	}
	printf("%u: %d\n", res.id, res.status);
	fflush(stdout);
	return (0);
}

int
main(int argc, char *argv[])
{
	struct job	 job;
	uint32_t	 id = 0;
	int		 i, next = 0, failed = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: workers command [argument ...]\n");
		return (2);
	}
	worker_argv = argv + 1;
	for (i = 0; i < NWORKERS; i++)
		if (worker_start(&workers[i]) == -1)
			return (1);

	memset(&job, 0, sizeof(job));
	while (fgets(job.what, sizeof(job.what), stdin) != NULL) {
		job.what[strcspn(job.what, "\n")] = '\0';
		job.id = ++id;
		next = (next + 1) % NWORKERS;
		if (run_job(&workers[next], &job) == 0)
			continue;
		failed++;
		if (workers[next].broken && worker_restart(&workers[next]) == -1)
			fprintf(stderr, "worker %d is out of service\n", next);
	}
	for (i = 0; i < NWORKERS; i++)
		if (workers[i].fd != -1)
			worker_stop(&workers[i]);
	return (failed ? 1 : 0);
}
