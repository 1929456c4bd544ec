#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t children;

static void on_child(int signo)
{
	(void)signo;
	children++;
}

/* Nothing interrupts it: the signal is blocked everywhere but in ppoll(). */
static int good_read(int fd, char *buf, size_t size)
{
	ssize_t n = recv(fd, buf, size, 0);

	if (n < 0) {
		close(fd);
		return -1;
	}
	return (int)n;
}

static int interrupted(int fd, const sigset_t *mask)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[100];

	for (;;) {
		if (ppoll(&p, 1, NULL, mask) < 0) // E4
			break;
		if (good_read(fd, buf, sizeof(buf)) <= 0)
			return -1;
	}
	return 0;
}

int main(void)
{
	struct sigaction sa;
	sigset_t set, old;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_child;
	sigaction(SIGCHLD, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, &old) < 0)
		return 1;
	return interrupted(0, &old) < 0;
}
