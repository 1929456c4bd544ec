/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stderr.c - a line to stderr, without waiting for its reader
 *
 * stderr may be a pipe without a reader, a terminal stopped by Ctrl-S, or a socket whose other end hangs.
 * A server that waits there serves no client, and does not see SIGTERM either. So a line that stderr does not take
 * now is dropped and counted, and the count is written when there is room again.
 *
 * How to write without waiting depends on the type of stderr. O_NONBLOCK is not an option: it is a flag of the open file,
 * which the shell, other programs and the processes of --exec share.
 *
 *   socket     send() with MSG_DONTWAIT.
 *   the rest   poll() first, which works for a full pipe and for a stopped terminal. But "writable" may be outdated
 *              a moment later, because others write there too, and a terminal may have room for part of a line only.
 *              So a timer's signal interrupts a write() that takes longer than 2 ms. It repeats, in case it
 *              comes before write() has begun. Files and devices that always take everything are not affected.
 *
 * Rejected: a thread that writes from a ring, because a limit of processes (RLIMIT_NPROC) can forbid it, and at exit
 * we would have to wait for the rest of the ring. RWF_NOWAIT: terminals do not support it, and pipes only
 * since Linux 6.4. Reopening /proc/self/fd/2 with O_NONBLOCK: not allowed after a change of user, and impossible
 * for a socket. SIGALRM: the parent may have set an alarm for us, as `perl -e 'alarm 5; exec ...'` does.
 *
 * This cannot bound a file on a network file system whose server hangs: the kernel does not allow interrupting that.
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
#define STDERR_TRIES    3 /* on a busy machine a signal may come between the poll and the write */

static struct {
	timer_t timer;
	bool has_timer;
	bool cut; /* the last line was written without its end */
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
	/* Without SA_RESTART, so that it interrupts write(). */
	const struct sigaction action = { .sa_handler = stderr_interrupt };
	sigset_t set;

	/* For a pipe without a reader or a file at RLIMIT_FSIZE, write() should just fail. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigaction(SIGRTMIN, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	/* If RLIMIT_SIGPENDING is 0 there is no timer: then write byte by byte. */
	stderr_state.has_timer = timer_create(CLOCK_MONOTONIC, &event, &stderr_state.timer) == 0;
}

static void stderr_set_timer(int64_t ns)
{
	const struct timespec time = { .tv_nsec = (long)ns };
	const struct itimerspec timer = { .it_interval = time, .it_value = time };

	if (stderr_state.has_timer)
		timer_settime(stderr_state.timer, 0, &timer, NULL);
}

/* If poll() is denied, the answer is unknown, and only the timer protects us. */
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

/* poll() guarantees room for at least one byte. */
static size_t stderr_write_bytes(const char *bytes, size_t n)
{
	size_t i = 0;

	while (i < n && !stderr_is_full() && write(STDERR_FILENO, bytes + i, 1) == 1)
		i++;
	return i;
}

/* Returns how many bytes were written. */
static size_t stderr_write(const char *bytes, size_t n)
{
	ssize_t r = send(STDERR_FILENO, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (r >= 0)
		return (size_t)r;
	if (errno == EAGAIN || errno == EPIPE)
		return 0;
	return stderr_state.has_timer ? stderr_write_timed(bytes, n) : stderr_write_bytes(bytes, n);
}

/* True: everything was written. A line that was cut is ended before the next one begins. */
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
