/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stderr.c - a line to stderr, without waiting for its reader
 *
 * stderr may be a pipe that nobody reads, a terminal that Ctrl-S has stopped, or a socket whose other end hangs.
 * A server that waits there serves nobody, and does not see SIGTERM either. So a line that stderr does not take
 * now is dropped and counted, and the count is written when there is room again.
 *
 * How to write without waiting depends on what stderr is, and O_NONBLOCK is no way: it is a flag of the open file,
 * which the shell, other programs and the processes of --exec share.
 *
 *   socket     send() with MSG_DONTWAIT.
 *   the rest   poll() first, which is right for a full pipe and for a stopped terminal. But "writable" may be over
 *              a moment later, because others write there too, and a terminal has room for a part of a line only.
 *              So a timer's signal interrupts a write() that takes longer than 2 ms. It repeats, in case that it
 *              comes before write() has begun. Files and devices that always take everything are not affected.
 *
 * Rejected: a thread that writes from a ring, because a limit of processes (RLIMIT_NPROC) can forbid it, and what is
 * still in the ring at the end would have to be waited for. RWF_NOWAIT: terminals do not have it, and pipes only
 * since Linux 6.4. Opening /proc/self/fd/2 anew with O_NONBLOCK: not allowed after a change of user, and impossible
 * for a socket. SIGALRM: the time that `perl -e 'alarm 5; exec ...'` has set belongs to whoever set it.
 *
 * What this cannot bound: a file on a network file system whose server hangs. The kernel lets nobody interrupt that.
 */
#include "command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STDERR_PATIENCE POSTERN_MS(2)
#define STDERR_TRIES    3 /* a signal may come between the look and the write on a busy machine */

static struct {
	timer_t timer;
	bool has_timer;
	bool cut; /* the last line stands there without its end */
	uint64_t lost;
	void (*on_loss)(void *data);
	void *data;
} stderr_state;

static void stderr_interrupt(int sig)
{
	(void)sig;
}

void stderr_prepare(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	/* Without SA_RESTART: write() is to end. */
	const struct sigaction action = { .sa_handler = stderr_interrupt };
	sigset_t set;

	/* A pipe without a reader, a file at RLIMIT_FSIZE: write() is to fail. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigaction(SIGRTMIN, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	/* There is none where RLIMIT_SIGPENDING is 0: then it is one byte after the other. */
	stderr_state.has_timer = timer_create(CLOCK_MONOTONIC, &event, &stderr_state.timer) == 0;
}

static void stderr_set_timer(int64_t ns)
{
	const struct timespec time = { .tv_nsec = (long)ns };
	const struct itimerspec timer = { .it_interval = time, .it_value = time };

	if (stderr_state.has_timer)
		timer_settime(stderr_state.timer, 0, &timer, NULL);
}

/* Where poll() is forbidden, nobody knows, and the timer is all there is. */
static bool stderr_is_full(void)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&p, 1, 0) == 0;
}

static size_t stderr_write_timed(const char *bytes, size_t n)
{
	ssize_t r = 0;

	for (int i = 0; i < STDERR_TRIES && !r && !stderr_is_full(); i++) {
		stderr_set_timer(STDERR_PATIENCE);
		r = write(STDERR_FILENO, bytes, n);
		if (r < 0)
			r = errno == EINTR ? 0 : -1;
		stderr_set_timer(0);
	}
	return r > 0 ? (size_t)r : 0;
}

/* What poll() promises is room for one byte at least. */
static size_t stderr_write_bytes(const char *bytes, size_t n)
{
	size_t i = 0;

	while (i < n && !stderr_is_full() && write(STDERR_FILENO, bytes + i, 1) == 1)
		i++;
	return i;
}

/* How many bytes it took. */
static size_t stderr_write(const char *bytes, size_t n)
{
	ssize_t r = send(STDERR_FILENO, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (r >= 0)
		return (size_t)r;
	if (errno == EAGAIN || errno == EPIPE)
		return 0;
	return stderr_state.has_timer ? stderr_write_timed(bytes, n) : stderr_write_bytes(bytes, n);
}

/* True: all of it. A line of which only a part was taken is ended before the next one begins. */
static bool stderr_put(const char *line, size_t n)
{
	size_t taken;

	if (stderr_state.cut) {
		if (!stderr_write("\n", 1))
			return false;
		stderr_state.cut = false;
	}
	taken = stderr_write(line, n);
	stderr_state.cut = taken && taken < n;
	return taken == n;
}

bool stderr_tell_lost(void)
{
	char text[128];
	int n;

	if (!stderr_state.lost)
		return true;
	n = snprintf(text, sizeof(text),
		     "postern: %llu message%s missing here, because stderr did not take %s\n",
		     (unsigned long long)stderr_state.lost, stderr_state.lost > 1 ? "s are" : " is",
		     stderr_state.lost > 1 ? "them" : "it");
	if (!stderr_put(text, (size_t)n))
		return false;
	stderr_state.lost = 0;
	return true;
}

void stderr_line(const char *line, size_t n)
{
	int error = errno;

	if (!stderr_tell_lost() || !stderr_put(line, n)) {
		if (!stderr_state.lost++ && stderr_state.on_loss)
			stderr_state.on_loss(stderr_state.data);
	}
	errno = error;
}

void stderr_on_loss(void (*fn)(void *data), void *data)
{
	stderr_state.on_loss = fn;
	stderr_state.data = data;
}
